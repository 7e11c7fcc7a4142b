//! `quick-start`: both stages in one go.

use std::path::PathBuf;

use symphony_data::{config::Experiment, experiment::Writing, preprocess::PreprocessOptions, store::StoreFormat};

use super::{made, preprocess::preprocess_all, refuse_to_replace_real_tasks};
use crate::{error::CliError, session::Session};

/// Preprocess all benchmarks, then make the pool of every experiment
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Use generated tasks in place of each benchmark: no download, no network
    #[arg(long)]
    demo: bool,
    /// The experiments file [default: config/experiments.yaml; where that is absent, a built-in one]
    #[arg(long, value_name = "FILE")]
    experiments: Option<PathBuf>,
    /// Where everything goes: benchmarks to OUTPUT/benchmarks/full, each pool to OUTPUT/EXPERIMENT
    #[arg(long, value_name = "OUTPUT", default_value = "data")]
    output_dir: PathBuf,
    /// Preprocess again what is up to date, and replace whatever is in the pools' folders
    #[arg(long)]
    force: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config_with_experiments(args.experiments.as_deref(), &[], args.demo)?;
    let experiments: Vec<&Experiment> = config.experiments.iter().collect();
    let full_dir = args.output_dir.join("benchmarks").join("full");
    if args.demo && !args.force {
        refuse_to_replace_real_tasks(&config, &[], &full_dir, &made::outputs(&experiments, &args.output_dir))?;
    }
    let options = PreprocessOptions { force: args.force, ..PreprocessOptions::default() };
    preprocess_all(&config, &[], &full_dir, options, session)?;
    let orders = made::orders(&experiments, &args.output_dir, StoreFormat::default());
    let reports = made::make_pools(&config, &full_dir, &orders, Writing { strict: false, force: args.force }, session)?;
    made::print_reports(reports, args.json)
}
