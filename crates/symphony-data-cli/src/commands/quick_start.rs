//! `quick-start`: both stages in one run.

use std::path::PathBuf;

use symphony_data::{draw::Writing, preprocess::PreprocessOptions, request::Experiment, task::Layout};

use super::{demo::refuse_to_replace_real_tasks, made, preprocess::preprocess_all};
use crate::{arguments::examples, error::CliError, session::Session};

/// Preprocess all benchmarks, then make the pool of every experiment
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Make four pools of generated tasks, without network" => "symphony-data quick-start --demo",
    "Make them of the real benchmarks, in a folder of their own" => "symphony-data quick-start --output real",
])]
pub struct Args {
    /// Use generated tasks in place of each benchmark, without network
    #[arg(long)]
    demo: bool,
    /// Read these experiments [default: config/experiments.yaml, else built in]
    #[arg(long, value_name = "FILE")]
    experiments: Option<PathBuf>,
    /// Write benchmarks to DIR/benchmarks/full and each pool to DIR/EXPERIMENT
    #[arg(long, alias = "output-dir", value_name = "DIR", default_value = "data")]
    output: PathBuf,
    /// Rebuild even if up to date, and replace whatever the pools' folders hold
    #[arg(long)]
    force: bool,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config_with_experiments(args.experiments.as_deref(), &[], args.demo)?;
    let experiments: Vec<&Experiment> = config.experiments.iter().collect();
    let full_dir = args.output.join("benchmarks").join("full");
    if args.demo && !args.force {
        refuse_to_replace_real_tasks(&config, &[], &full_dir, &made::outputs(&experiments, &args.output))?;
    }
    let options = PreprocessOptions { force: args.force, ..PreprocessOptions::default() };
    preprocess_all(&config, &[], &full_dir, options, session)?;
    let orders = made::orders(&experiments, &args.output, Layout::default());
    let reports = made::make_pools(&config, &full_dir, &orders, Writing { strict: false, force: args.force }, session)?;
    made::print_reports(reports, args.json)
}
