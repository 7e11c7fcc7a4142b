//! `report`: one HTML file about pools, and about models' results on them.

use std::path::PathBuf;

use symphony_data::{
    report::{Background, Place, Report, ReportError, Subject, backgrounds, results_on},
    results::{AnsweredPool, ResultsOptions},
};

use crate::{
    arguments::{FULL_DIR, IO, ReadArgs, check_full_dir, check_named, examples, inputs, response_files},
    error::{CliError, print},
    hint::quoted,
    session::Session,
};

/// Write a report on pools, and on models' results, as one HTML file
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(response_files!(), examples![
    "What is in this pool, and how was it drawn?" =>
        "symphony-data report data/exp1 --output report.html",
    "How well do models do on two pools?" =>
        "symphony-data report data/exp1 data/exp2 --responses answers.jsonl \\\n      --baseline model-0 --output results.html",
]))]
pub struct Args {
    /// Report on these pools (folders, or task_pool files)
    #[arg(value_name = "DIR", required = true)]
    pools: Vec<PathBuf>,
    /// Read responses from these files or folders of logs, each FILE or MODEL=FILE
    #[arg(long, value_name = "FILE", num_args = 1..)]
    responses: Vec<String>,
    /// Compare the other models with this one [default: all pairs; of more than 20, with the best]
    #[arg(long, value_name = "MODEL", requires = "responses")]
    baseline: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Look for preprocessed benchmarks and calibrations that pools were drawn from in this folder too
    #[arg(long, value_name = "DIR", default_value = FULL_DIR, help_heading = IO)]
    full_dir: PathBuf,
    /// Also write each picture as SVG to this folder
    #[arg(long, value_name = "DIR", help_heading = IO)]
    svg: Option<PathBuf>,
    /// Also write each picture as PNG to this folder
    #[arg(long, value_name = "DIR", help_heading = IO)]
    png: Option<PathBuf>,
    /// Replace the output files, whatever they are
    #[arg(long, help_heading = IO)]
    force: bool,
    /// Write the report to this file
    #[arg(long, value_name = "FILE", help_heading = IO)]
    output: PathBuf,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    for pool in &args.pools {
        check_named("DIR", "pool", pool, String::new)?;
    }
    check_full_dir(&args.full_dir, session)?;
    let inputs = inputs("--responses", &args.responses)?;
    let place = Place::of(&args.output, args.force).map_err(|error| match error {
        ReportError::NoFile { .. } => CliError::Usage(format!("--output: {error}")),
        error => error.into(),
    })?;
    let config = session.config(args.read.demo)?;
    let pools: Vec<AnsweredPool> = args.pools.iter().map(|path| AnsweredPool::read(path)).collect::<Result<_, _>>()?;
    let options = ResultsOptions {
        baseline: args.baseline.clone(),
        calibrations: vec![args.full_dir.clone()],
        read: args.read.options(),
        ..ResultsOptions::default()
    };
    let found = results_on(&pools, &inputs, &config, &options, &session.ui)?;
    let backgrounds: Vec<Vec<Background>> =
        pools.iter().map(|pool| backgrounds(pool, std::slice::from_ref(&args.full_dir))).collect();
    let subjects: Vec<Subject<'_>> = pools
        .iter()
        .zip(&found)
        .zip(&backgrounds)
        .map(|((pool, results), backgrounds)| Subject { pool, results: results.as_ref(), backgrounds })
        .collect();
    let report = Report::of(&subjects, &config)?;
    let html = report.html()?;
    report.write_pictures(args.svg.as_deref(), args.png.as_deref(), args.force, &session.ui)?;
    place.write(html.as_bytes(), &session.ui)?;
    let tasks: usize = pools.iter().map(|pool| pool.tasks.len()).sum();
    let tasks = if tasks == 1 { "1 task".to_owned() } else { format!("{tasks} tasks") };
    print(&format!("{}: a report on {tasks}, {} KB\n", quoted(&args.output), html.len().div_ceil(1000)))
}
