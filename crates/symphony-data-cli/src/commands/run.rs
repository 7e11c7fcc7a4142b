//! `run`: stage 2 for named experiments.

use std::path::PathBuf;

use symphony_data::experiment::{Library, Upkeep};

use super::{FULL_DIR, report};
use crate::{error::CliError, session, session::Session};

/// Make the pools of experiments from preprocessed benchmarks (stage 2)
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which experiments [default: all]
    #[arg(value_name = "EXP")]
    ids: Vec<String>,
    /// The experiments file [default: config/experiments.yaml; where that is absent, a built-in one]
    #[arg(long, value_name = "FILE")]
    experiments: Option<PathBuf>,
    /// Where the preprocessed benchmarks lie
    #[arg(long, value_name = "DIR", default_value = FULL_DIR)]
    full_dir: PathBuf,
    /// Where the pools go, each into a folder of its experiment's name
    #[arg(long, value_name = "OUTPUT", default_value = "data")]
    output_dir: PathBuf,
    /// Fail, and write nothing, if a bin delivers fewer tasks than asked
    #[arg(long)]
    strict: bool,
    /// Use generated tasks in place of each benchmark
    #[arg(long)]
    demo: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config_with_experiments(args.experiments.as_deref(), args.demo)?;
    let experiments = session::select(&config, &args.ids)?;
    let outputs: Vec<PathBuf> = experiments.iter().map(|experiment| args.output_dir.join(&experiment.id)).collect();
    let requests: Vec<_> = experiments
        .iter()
        .zip(&outputs)
        .map(|(experiment, output)| (&experiment.request, Some(*experiment), output.as_path()))
        .collect();
    let library = Library::open(
        &config,
        &args.full_dir,
        requests.iter().map(|(request, ..)| *request),
        Upkeep::Rebuild,
        &session.ui,
    )?;
    let reports = report::make_pools(&library, &requests, args.strict, session)?;
    report::print_reports(&reports, args.json)
}
