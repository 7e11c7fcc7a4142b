//! `stats`: statistics of any pool.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde::Serialize;
use symphony_data::{
    Error,
    pool::{
        PoolError, Statistics, find_pool,
        manifest::{PoolManifest, is_synthetic},
        read_pool,
        statistics::{BinCounts, Distribution, Gatherer, Histogram, PhaseStatistics, Repeats},
    },
};

use crate::{
    arguments::examples,
    error::{CliError, print, print_json},
    plot,
    table::{
        Column::{Extra, Number, Text},
        mean_std, table,
    },
};

/// Show the statistics of pools, also of those that Symphony 2.0 made
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Show one pool" => "symphony-data stats data/exp1",
    "Draw how difficult its tasks are" => "symphony-data stats data/exp1 --plot",
    "Show all pools in a folder, for a program to read" => "symphony-data stats data --json",
])]
pub struct Args {
    /// Read these pools: task_pool files, their folders, or folders of such folders
    #[arg(value_name = "POOL", required = true)]
    pools: Vec<PathBuf>,
    /// Draw the difficulty scores as wide as the terminal, in place of the tables
    #[arg(long)]
    plot: bool,
    /// Print the statistics as JSON, one object per pool
    #[arg(long, conflicts_with = "plot")]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let mut all = Vec::new();
    for pool in args.pools.iter().flat_map(|pool| pools_in(pool)) {
        let folder = if pool.is_dir() { pool.as_path() } else { pool.parent().unwrap_or(Path::new("")) };
        all.push((pool.display().to_string(), read(&pool, is_synthetic(folder))?));
    }
    if args.json {
        let all: Result<serde_json::Map<_, _>, _> =
            all.into_iter().map(|(pool, own)| Ok((pool, serde_json::to_value(own)?))).collect();
        return print_json(&all.map_err(|error: serde_json::Error| CliError::Output(error.into()))?);
    }
    let mut text = if args.plot { plots(&all) } else { tables(&all) };
    let synthetic = all.iter().filter(|(_, own)| own.synthetic == Some(true));
    let marks = synthetic.map(|(pool, _)| format!("{pool}: SYNTHETIC, its tasks are generated and not real\n"));
    let marks: String = marks.collect();
    if args.plot && !marks.is_empty() {
        // A picture ends at a blank line.
        text += "\n";
    }
    print(&(text + &marks))
}

/// Pictures of the scores of each benchmark, and of the phases.
fn plots(pools: &[(String, PoolStatistics)]) -> String {
    let width = plot::width();
    let mut plots = Vec::new();
    for (pool, PoolStatistics { statistics, histograms, manifest, .. }) in pools {
        for (benchmark, part) in &statistics.benchmark_breakdown {
            let Some(own) = histograms.get(benchmark) else { continue };
            let mean = mean_std(part.mean_difficulty, part.std_difficulty);
            let noun = if part.count == 1 { "task" } else { "tasks" };
            let title = format!("{pool}  {benchmark}, {} {noun}", part.count);
            let thresholds = manifest.as_ref().and_then(|manifest| manifest.thresholds(benchmark));
            plots.push(plot::histogram(&title, &mean, own, thresholds, width));
        }
        plots.extend(plot::phases(pool, &statistics.phases, width));
    }
    plots.join("\n")
}

/// A table of the benchmarks, and one of the phases if there are any.
fn tables(pools: &[(String, PoolStatistics)]) -> String {
    let columns = [
        Text("pool"),
        Text("benchmark"),
        Number("tasks"),
        Number("easy"),
        Number("medium"),
        Number("hard"),
        Number("distinct"),
        Extra("max repeats"),
        Extra("effective n"),
        Number("mean ± std"),
    ];
    let mut rows = Vec::new();
    for (pool, PoolStatistics { statistics, .. }) in pools {
        for (benchmark, part) in &statistics.benchmark_breakdown {
            let scores = mean_std(part.mean_difficulty, part.std_difficulty);
            rows.push(row(pool, benchmark, part.count, part.bins, part.repeats, scores));
        }
        let Distribution { mean, std, .. } = statistics.difficulty_distribution;
        let scores = mean_std(Some(mean), Some(std));
        rows.push(row(pool, "all", statistics.n_total, statistics.difficulty_bins, statistics.repeats, scores));
    }
    let mut text = table(&columns, rows);
    if pools.iter().any(|(_, own)| !own.statistics.phases.is_empty()) {
        text += "\n";
        text += &phases(pools);
    }
    text
}

/// The phases of the pools that have any.
fn phases(pools: &[(String, PoolStatistics)]) -> String {
    let columns = [
        Text("pool"),
        Number("phase"),
        Number("tasks"),
        Number("easy"),
        Number("medium"),
        Number("hard"),
        Number("mean ± std"),
        Text("benchmarks"),
    ];
    let all = pools.iter().flat_map(|(pool, own)| own.statistics.phases.iter().map(move |phase| (pool, phase)));
    let row = |(pool, phase): (&String, &PhaseStatistics)| {
        let Distribution { mean, std, .. } = phase.difficulty_distribution;
        let benchmarks: Vec<String> = phase.benchmarks.iter().map(|(name, n)| format!("{name} {n}")).collect();
        vec![
            pool.clone(),
            phase.phase.to_string(),
            phase.n_total.to_string(),
            phase.difficulty_bins.easy.to_string(),
            phase.difficulty_bins.medium.unwrap_or_default().to_string(),
            phase.difficulty_bins.hard.to_string(),
            mean_std(Some(mean), Some(std)),
            benchmarks.join(", "),
        ]
    };
    table(&columns, all.map(row))
}

/// What is known of a pool.
#[derive(Serialize)]
struct PoolStatistics {
    #[serde(flatten)]
    statistics: Statistics,
    /// Whether any task is generated rather than real; `None` where no manifest says.
    synthetic: Option<bool>,
    /// The scores of each benchmark.
    #[serde(skip)]
    histograms: HashMap<String, Histogram>,
    #[serde(skip)]
    manifest: Option<PoolManifest>,
}

fn row(pool: &str, benchmark: &str, tasks: u64, bins: BinCounts, repeats: Repeats, scores: String) -> Vec<String> {
    vec![
        pool.to_owned(),
        benchmark.to_owned(),
        tasks.to_string(),
        bins.easy.to_string(),
        bins.medium.unwrap_or_default().to_string(),
        bins.hard.to_string(),
        repeats.n_unique.to_string(),
        repeats.max_repeats.to_string(),
        format!("{:.1}", repeats.effective_n),
        scores,
    ]
}

/// The pool itself; of a folder that is not a pool, those in the folders right below it.
fn pools_in(pool: &Path) -> Vec<PathBuf> {
    let mut below: Vec<PathBuf> = match std::fs::read_dir(pool) {
        Ok(entries) if find_pool(pool).is_none() => entries.flatten().map(|entry| entry.path()).collect(),
        _ => Vec::new(),
    };
    below.retain(|folder| find_pool(folder).is_some());
    below.sort();
    if below.is_empty() { vec![pool.to_owned()] } else { below }
}

fn read(pool: &Path, synthetic: Option<bool>) -> Result<PoolStatistics, Error> {
    let malformed = |path: &Path, reason: String| PoolError::Malformed { path: path.to_owned(), reason };
    let none = || {
        let reason = "there is no pool here; name a task_pool.jsonl or task_pool.parquet, or a folder of pools";
        malformed(pool, reason.to_owned())
    };
    let path = if pool.is_dir() { find_pool(pool).ok_or_else(none)? } else { pool.to_owned() };
    let mut gatherer = Gatherer::new([], false);
    let mut histograms = HashMap::<String, Histogram>::new();
    for task in read_pool(&path)? {
        let task = task?;
        gatherer.add(task.view());
        histograms.entry(task.benchmark).or_default().add(task.difficulty_score, &task.difficulty_bin);
    }
    let manifest = PoolManifest::beside(&path);
    let statistics = gatherer.finish().ok_or(PoolError::Empty { path })?;
    Ok(PoolStatistics { statistics, synthetic, histograms, manifest })
}
