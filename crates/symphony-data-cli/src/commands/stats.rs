//! `stats`: statistics of any pool.

use std::path::{Path, PathBuf};

use symphony_data::{
    Error,
    pool::{
        PoolError, Statistics, find_pool, read_pool,
        statistics::{BinCounts, Distribution, Gatherer, Repeats},
    },
};

use crate::{
    error::{CliError, print, print_json},
    table::{
        Column::{Number, Text},
        mean_std, table,
    },
};

/// Show the statistics of pools, those of the Symphony 2.0 program included
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pools: task_pool.jsonl or .parquet files, the folders that hold them, or folders of such folders
    #[arg(value_name = "POOL", required = true)]
    pools: Vec<PathBuf>,
    /// Print the statistics as JSON, one object by pool
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let mut all = Vec::new();
    for pool in args.pools.iter().flat_map(|pool| pools_in(pool)) {
        all.push((pool.display().to_string(), statistics(&pool)?));
    }
    if args.json {
        let all: Result<serde_json::Map<_, _>, _> =
            all.into_iter().map(|(pool, statistics)| Ok((pool, serde_json::to_value(statistics)?))).collect();
        return print_json(&all.map_err(|error: serde_json::Error| CliError::Output(error.into()))?);
    }
    let columns = [
        Text("pool"),
        Text("benchmark"),
        Number("tasks"),
        Number("easy"),
        Number("medium"),
        Number("hard"),
        Number("distinct"),
        Number("max repeats"),
        Number("effective n"),
        Number("mean ± std"),
    ];
    let mut rows = Vec::new();
    for (pool, statistics) in &all {
        for (benchmark, part) in &statistics.benchmark_breakdown {
            let scores = mean_std(part.mean_difficulty, part.std_difficulty);
            rows.push(row(pool, benchmark, part.count, part.bins, part.repeats, scores));
        }
        let Distribution { mean, std, .. } = statistics.difficulty_distribution;
        let scores = mean_std(Some(mean), Some(std));
        rows.push(row(pool, "all", statistics.n_total, statistics.difficulty_bins, statistics.repeats, scores));
    }
    print(&table(&columns, rows))
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

/// The pool itself, or those in the folders right below a folder that is none.
fn pools_in(pool: &Path) -> Vec<PathBuf> {
    let mut below: Vec<PathBuf> = match std::fs::read_dir(pool) {
        Ok(entries) if find_pool(pool).is_none() => entries.flatten().map(|entry| entry.path()).collect(),
        _ => Vec::new(),
    };
    below.retain(|folder| find_pool(folder).is_some());
    below.sort();
    if below.is_empty() { vec![pool.to_owned()] } else { below }
}

fn statistics(pool: &Path) -> Result<Statistics, Error> {
    let none = || PoolError::Malformed {
        path: pool.to_owned(),
        reason: "no pool lies here; name a task_pool.jsonl or task_pool.parquet, or a folder of pools".to_owned(),
    };
    let path = if pool.is_dir() { find_pool(pool).ok_or_else(none)? } else { pool.to_owned() };
    let mut gatherer = Gatherer::new([], false);
    for task in read_pool(&path)? {
        gatherer.add(task?.view());
    }
    Ok(gatherer.finish().ok_or(PoolError::Empty { path })?)
}
