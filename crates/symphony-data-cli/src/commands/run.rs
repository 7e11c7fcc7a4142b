//! `run`: stage 2 for named experiments.

use std::path::PathBuf;

use symphony_data::{config::Experiment, experiment::Writing, store::StoreFormat};

use super::{DifficultyArgs, Stage2Args, made, refuse_to_replace_real_tasks};
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
    difficulty: DifficultyArgs,
    #[command(flatten)]
    stage2: Stage2Args,
    /// Replace whatever is in the pools' folders
    #[arg(long)]
    force: bool,
    /// Where the pools go, each into a folder of its experiment's name
    #[arg(long, value_name = "OUTPUT", default_value = "data")]
    output_dir: PathBuf,
    /// How pools hold their tasks [default: jsonl]
    #[arg(long, value_name = "jsonl|parquet", value_parser = super::format)]
    format: Option<StoreFormat>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config_with_experiments(args.experiments.as_deref(), &args.ids, args.stage2.demo)?;
    let experiments = args.difficulty.applied_to(&session::select(&config, &args.ids)?, &config)?;
    let experiments: Vec<&Experiment> = experiments.iter().collect();
    let Stage2Args { full_dir, strict, demo, json } = &args.stage2;
    if *demo && !args.force {
        refuse_to_replace_real_tasks(&config, &[], full_dir, &made::outputs(&experiments, &args.output_dir))?;
    }
    super::check_full_dir(&args.stage2.full_dir, session)?;
    let orders = made::orders(&experiments, &args.output_dir, args.format.unwrap_or_default());
    let reports =
        made::make_pools(&config, full_dir, &orders, Writing { strict: *strict, force: args.force }, session)?;
    made::print_reports(reports, *json)
}
