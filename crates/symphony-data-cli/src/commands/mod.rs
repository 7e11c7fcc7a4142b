//! One file a command.

pub mod build;
pub mod completions;
pub mod init;
pub mod plan;
pub mod preprocess;
pub mod quick_start;
pub mod run;
pub mod schema;
pub mod stats;
pub mod verify;

mod report;

use std::path::{Path, PathBuf};

use symphony_data::{
    config::Config,
    pool::manifest,
    store::{Meta, StoreFormat},
};

use crate::error::CliError;

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
