//! `preprocess`: stage 1.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use serde::Serialize;
use symphony_data::{
    config::Config,
    preprocess::{Outcome, PreprocessOptions, bin_shares, oddities, preprocess},
    store::{Meta, OnBadRow, rejected_name},
    task::Layout,
};

use super::demo::refuse_to_replace_real_tasks;
use crate::{
    arguments::{FULL_DIR, List, examples, format, names},
    error::{CliError, print, print_json},
    session::Session,
    table::{
        Column::{Extra, Number, Text},
        score, table,
    },
};

/// Score every row of the benchmarks (stage 1)
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Generate the tasks of two benchmarks and score them, without network" =>
        "symphony-data preprocess --demo --benchmarks gsm8k,amc",
    "Score rows of your own" => "symphony-data preprocess --config quiz.yaml --output quiz",
    "Store rows as columns, for Polars, DuckDB and pandas" =>
        "symphony-data preprocess --benchmarks gsm8k --format parquet --output columns",
])]
#[allow(clippy::struct_excessive_bools)] // Each is an option of its own.
pub struct Args {
    /// Preprocess only these benchmarks [default: all that are enabled]
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = names)]
    benchmarks: Vec<List<String>>,
    /// Write the preprocessed benchmarks to this folder
    #[arg(long, alias = "output-dir", value_name = "DIR", default_value = FULL_DIR)]
    output: PathBuf,
    /// Stop at a row that cannot be scored, or set it aside [default: as last time, else stop]
    #[arg(long, value_name = "stop|skip", value_parser = ["stop", "skip"], hide_possible_values = true)]
    on_bad_row: Option<String>,
    /// Store rows in this format [default: as configured, else as last time, else jsonl]
    #[arg(long, value_name = "jsonl|parquet", value_parser = format)]
    format: Option<Layout>,
    /// Store rows in this many files, or in one if N is 1 [default: as last time, else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    parts: Option<u32>,
    /// Rebuild even if up to date, and replace any existing store
    #[arg(long)]
    force: bool,
    /// Accept only the source of the last run: the same commit, the same files
    #[arg(long, conflicts_with = "demo")]
    locked: bool,
    /// Use generated tasks in place of each benchmark
    #[arg(long)]
    demo: bool,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line {
    outcome: &'static str,
    #[serde(flatten)]
    meta: Meta,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config(args.demo)?;
    if args.demo && !args.force {
        refuse_to_replace_real_tasks(&config, &List::all(&args.benchmarks), &args.output, &[])?;
    }
    let policy = |text: &String| if text == "skip" { OnBadRow::Skip } else { OnBadRow::Stop };
    let on_bad_row = args.on_bad_row.as_ref().map(policy);
    let parts = args.parts.and_then(|parts| NonZeroUsize::new(parts as usize));
    let (force, locked, format) = (args.force, args.locked, args.format);
    let options = PreprocessOptions { on_bad_row, force, locked, format, parts };
    let done = preprocess_all(&config, &List::all(&args.benchmarks), &args.output, options, session)?;
    if args.json {
        let lines = done.into_iter().map(|(outcome, meta)| Line { outcome: name(outcome), meta });
        return print_json(&lines.collect::<Vec<_>>());
    }
    let columns = [
        Text("benchmark"),
        Number("rows"),
        Extra("set aside"),
        Number("easy"),
        Number("medium"),
        Number("hard"),
        Number("easy ≤"),
        Number("hard ≥"),
        Extra("mean"),
        Text("store"),
    ];
    let rows = done.iter().map(|(outcome, meta)| {
        let shares = bin_shares(meta);
        let bin = |count: u64, share: f64| format!("{count} ({:.0} %)", 100.0 * share);
        vec![
            meta.benchmark.clone(),
            meta.n_tasks_full.to_string(),
            meta.rejected_rows.to_string(),
            bin(meta.bins.easy, shares.easy),
            bin(meta.bins.medium, shares.medium),
            bin(meta.bins.hard, shares.hard),
            score(meta.thresholds.scores.easy),
            score(meta.thresholds.scores.hard),
            score(meta.normalization.normalized_mean),
            name(*outcome).to_owned(),
        ]
    });
    print(&table(&columns, rows))
}

/// Preprocesses the benchmarks of these names, or all that are enabled.
pub fn preprocess_all(
    config: &Config,
    names: &[String],
    folder: &Path,
    options: PreprocessOptions,
    session: &Session,
) -> Result<Vec<(Outcome, Meta)>, CliError> {
    for name in names {
        if config.benchmark(name).is_none_or(|benchmark| !benchmark.enabled) {
            let known: Vec<&str> = config.enabled().map(|benchmark| benchmark.name.as_str()).collect();
            return Err(CliError::Usage(format!(
                "there is no enabled benchmark `{name}`; enabled: {}",
                known.join(", ")
            )));
        }
    }
    let chosen = config.enabled().filter(|benchmark| names.is_empty() || names.contains(&benchmark.name));
    chosen
        .map(|benchmark| {
            session.ui.detail(&format!("{}: from {}", benchmark.name, benchmark.source));
            let done = preprocess(benchmark, config.store_cut_of(&benchmark.name), folder, options, &session.ui)?;
            let Meta { rejected_rows, .. } = done.1;
            if rejected_rows > 0 {
                let file = folder.join(rejected_name(&benchmark.name));
                session.ui.warn(&format!("{}: rows set aside in {}: {rejected_rows}", benchmark.name, file.display()));
            }
            if let Some(oddity) = oddities(&done.1) {
                session.ui.warn(&format!("{}: {oddity}", benchmark.name));
            }
            Ok(done)
        })
        .collect()
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Built => "built",
        Outcome::Cached => "up to date",
        Outcome::Rebinned => "bins rewritten",
    }
}
