//! `run`: stage 2 for named experiments.

use std::path::PathBuf;

use symphony_data::{draw::Writing, request::Experiment, task::Layout};

use super::{demo::refuse_to_replace_real_tasks, made};
use crate::{
    arguments::{DifficultyArgs, IO, Stage2Args, check_full_dir, examples, format},
    error::CliError,
    session,
    session::Session,
};

/// Make the pools of experiments from preprocessed benchmarks (stage 2)
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Make the pools of two experiments (generated tasks: add --demo)" => "symphony-data run exp1 exp2",
    "Make those of an experiments file of your own" =>
        "symphony-data run --experiments my_experiments.yaml --output pools",
])]
pub struct Args {
    /// Run only these experiments [default: all]
    #[arg(value_name = "EXP")]
    ids: Vec<String>,
    /// Read these experiments [default: config/experiments.yaml, else built in]
    #[arg(long, value_name = "FILE")]
    experiments: Option<PathBuf>,
    #[command(flatten)]
    difficulty: DifficultyArgs,
    #[command(flatten)]
    stage2: Stage2Args,
    /// Replace whatever the pools' folders hold
    #[arg(long, help_heading = IO)]
    force: bool,
    /// Write each pool to DIR/EXPERIMENT
    #[arg(long, alias = "output-dir", value_name = "DIR", default_value = "data", help_heading = IO)]
    output: PathBuf,
    /// Write pools in this format [default: jsonl]
    #[arg(long, value_name = "jsonl|parquet", value_parser = format, help_heading = IO)]
    format: Option<Layout>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config_with_experiments(args.experiments.as_deref(), &args.ids, args.stage2.demo)?;
    let experiments = args.difficulty.applied_to(&session::select(&config, &args.ids)?, &config)?;
    let experiments: Vec<&Experiment> = experiments.iter().collect();
    let Stage2Args { full_dir, strict, demo, json } = &args.stage2;
    if *demo && !args.force {
        refuse_to_replace_real_tasks(&config, &[], full_dir, &made::outputs(&experiments, &args.output))?;
    }
    check_full_dir(&args.stage2.full_dir, session)?;
    let orders = made::orders(&experiments, &args.output, args.format.unwrap_or_default());
    let reports =
        made::make_pools(&config, full_dir, &orders, Writing { strict: *strict, force: args.force }, session)?;
    made::print_reports(reports, *json)
}
