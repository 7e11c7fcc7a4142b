//! `run`: stage 2 for named experiments.

use std::path::{Path, PathBuf};

use symphony_data::experiment::{Library, Upkeep};

use super::{Stage2Args, refuse_to_replace_real_tasks, report};
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
    #[command(flatten)]
    stage2: Stage2Args,
    /// Where the pools go, each into a folder of its experiment's name
    #[arg(long, value_name = "OUTPUT", default_value = "data")]
    output_dir: PathBuf,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config_with_experiments(args.experiments.as_deref(), args.stage2.demo)?;
    let experiments = session::select(&config, &args.ids)?;
    let outputs: Vec<PathBuf> = experiments.iter().map(|experiment| args.output_dir.join(&experiment.id)).collect();
    if args.stage2.demo {
        let folders: Vec<&Path> = outputs.iter().map(PathBuf::as_path).collect();
        refuse_to_replace_real_tasks(&config, &args.stage2.full_dir, &folders)?;
    }
    let requests: Vec<_> = experiments
        .iter()
        .zip(&outputs)
        .map(|(experiment, output)| (&experiment.request, Some(*experiment), output.as_path()))
        .collect();
    let library = Library::open(
        &config,
        &args.stage2.full_dir,
        requests.iter().map(|(request, ..)| *request),
        Upkeep::Rebuild,
        &session.ui,
    )?;
    let reports = report::make_pools(&library, &requests, args.stage2.strict, session)?;
    report::print_reports(&reports, args.stage2.json)
}
