//! One file a command.

pub mod build;
pub mod calibrate;
pub mod completions;
pub mod init;
pub mod plan;
pub mod preprocess;
pub mod quick_start;
pub mod run;
pub mod schema;
pub mod stats;
pub mod validate;
pub mod verify;

mod report;

use std::path::{Path, PathBuf};

use symphony_data::{
    config::Config,
    evidence::responses::{Input, ReadOptions, Unmapped},
    pool::manifest,
    store::{Meta, StoreFormat},
};

use crate::{error::CliError, session::Session};

/// Where preprocessed benchmarks lie if nobody says.
const FULL_DIR: &str = "data/benchmarks/full";

/// What all commands of stage 2 take.
#[derive(Debug, clap::Args)]
pub struct Stage2Args {
    /// Where the preprocessed benchmarks lie
    #[arg(long, value_name = "DIR", default_value = FULL_DIR)]
    full_dir: PathBuf,
    /// Fail, and write nothing, if a bin delivers fewer tasks than asked
    #[arg(long)]
    strict: bool,
    /// Use generated tasks in place of each benchmark
    #[arg(long)]
    demo: bool,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

/// What all commands take that read responses.
#[derive(Debug, clap::Args)]
pub struct ResponseArgs {
    /// Who answered what how well: JSON lines, CSV or Parquet with benchmark, source_id or identity, model, score (0..1);
    /// or logs of lm-evaluation-harness (samples_*.jsonl) or Inspect (.eval, .json). NAME=FILE says whose answers a log holds
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    responses: Vec<String>,
    /// Of a log with several filters, the lines of this one (as strict-match)
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Of a log with several metrics or scorers, this one (as acc_norm, or SCORER.KEY)
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
}

impl ResponseArgs {
    /// The files; one that does not exist is an error before any is read.
    fn inputs(&self) -> Result<Vec<Input>, CliError> {
        let input = |text: &String| {
            let named = text.split_once('=').filter(|_| !Path::new(text).exists());
            let (model, path) = named.map_or((None, text.as_str()), |(model, path)| (Some(model.to_owned()), path));
            if Path::new(path).exists() {
                Ok(Input::File { path: path.into(), model })
            } else {
                Err(CliError::Usage(format!("--responses: there is no file {path}")))
            }
        };
        self.responses.iter().map(input).collect()
    }

    fn options(&self) -> ReadOptions {
        ReadOptions { filter: self.filter.clone(), metric: self.metric.clone() }
    }
}

/// Warns of the answers that could not be mapped.
fn tell_unmapped(unmapped: &[Unmapped], session: &Session) {
    unmapped.iter().for_each(|unmapped| session.ui.warn(&format!("left out: {unmapped}")));
}

/// `jsonl` or `parquet`.
fn format(text: &str) -> Result<StoreFormat, String> {
    StoreFormat::parse(text).ok_or_else(|| "write jsonl or parquet".to_owned())
}

/// A demo never replaces what was made from real tasks: neither the stores in `full_dir` nor the pools in `outputs`.
fn refuse_to_replace_real_tasks(config: &Config, full_dir: &Path, outputs: &[PathBuf]) -> Result<(), CliError> {
    let real_store = config.enabled().find(|benchmark| {
        Meta::read(full_dir, &benchmark.name).is_ok_and(|meta| !meta.source.path.starts_with("synthetic:"))
    });
    let real_pool = outputs.iter().find(|folder| manifest::is_synthetic(folder) == Some(false));
    let what = match (real_store, real_pool) {
        (Some(benchmark), _) => format!("{} holds {} preprocessed from real tasks", full_dir.display(), benchmark.name),
        (None, Some(folder)) => format!("{} holds a pool of real tasks", folder.display()),
        (None, None) => return Ok(()),
    };
    Err(CliError::Verdict(format!("{what}, which the demo would replace; name other folders for the demo")))
}
