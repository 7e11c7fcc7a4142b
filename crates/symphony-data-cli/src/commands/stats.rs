//! `stats`: statistics of any pool.

use std::path::{Path, PathBuf};

use symphony_data::{
    Error,
    pool::{PoolError, Statistics, TASK_POOL, read_pool, statistics::Gatherer},
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
    /// Pools: task_pool.jsonl files, the folders that hold them, or folders of such folders
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
            rows.push(row(
                pool,
                benchmark,
                part,
                part["mean_difficulty"].as_f64().zip(part["std_difficulty"].as_f64()),
            ));
        }
        let whole = serde_json::to_value(statistics).map_err(|error| CliError::Output(error.into()))?;
        let mut bins = whole["difficulty_bins"].clone();
        for key in ["n_unique", "max_repeats", "effective_n"] {
            bins[key] = whole[key].clone();
        }
        bins["count"] = whole["n_total"].clone();
        rows.push(row(
            pool,
            "all",
            &bins,
            Some((statistics.difficulty_distribution.mean, statistics.difficulty_distribution.std)),
        ));
    }
    print(&table(&columns, rows))
}

fn row(pool: &str, benchmark: &str, part: &serde_json::Value, scores: Option<(f64, f64)>) -> Vec<String> {
    let whole = |key: &str| part[key].as_u64().unwrap_or_default().to_string();
    vec![
        pool.to_owned(),
        benchmark.to_owned(),
        whole("count"),
        whole("easy"),
        whole("medium"),
        whole("hard"),
        whole("n_unique"),
        whole("max_repeats"),
        format!("{:.1}", part["effective_n"].as_f64().unwrap_or_default()),
        mean_std(scores.map(|(mean, _)| mean), scores.map(|(_, std)| std)),
    ]
}

/// The pool itself, or those in the folders right below a folder that is none.
fn pools_in(pool: &Path) -> Vec<PathBuf> {
    let mut below: Vec<PathBuf> = match std::fs::read_dir(pool) {
        Ok(entries) if !pool.join(TASK_POOL).exists() => entries.flatten().map(|entry| entry.path()).collect(),
        _ => Vec::new(),
    };
    below.retain(|folder| folder.join(TASK_POOL).exists());
    below.sort();
    if below.is_empty() { vec![pool.to_owned()] } else { below }
}

fn statistics(pool: &Path) -> Result<Statistics, Error> {
    let path = if pool.is_dir() { pool.join(TASK_POOL) } else { pool.to_owned() };
    let mut gatherer = Gatherer::new([], false);
    for task in read_pool(&path)? {
        gatherer.add(&task?);
    }
    Ok(gatherer.finish().ok_or(PoolError::Empty { path })?)
}
