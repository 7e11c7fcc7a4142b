//! `build`: one stream from arguments alone.

use std::path::PathBuf;

use symphony_data::{
    config::{Percentiles, Replacement, RequestSpec},
    experiment::{Order, Writing},
    store::StoreFormat,
};

use super::{DifficultyArgs, List, Stage2Args, list, made, names, refuse_to_replace_real_tasks};
use crate::{error::CliError, session::Session};

/// Make one pool from arguments, no experiments file needed
#[derive(Debug, clap::Args)]
#[command(mut_arg("benchmarks", |arg| arg.required(true)), mut_arg("n_total_tasks", |arg| arg.required(true)))]
pub struct Args {
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    difficulty: DifficultyArgs,
    #[command(flatten)]
    stage2: Stage2Args,
    /// Replace whatever is in the output folder
    #[arg(long)]
    force: bool,
    /// The folder that gets the pool, statistics.json and manifest.json
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// How the pool holds its tasks [default: jsonl]
    #[arg(long, value_name = "jsonl|parquet", value_parser = super::format)]
    format: Option<StoreFormat>,
}

/// A request as arguments.
#[derive(Debug, clap::Args)]
pub struct RequestArgs {
    /// The benchmarks to mix
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = names, requires = "n_total_tasks")]
    pub benchmarks: Vec<List<String>>,
    /// How many tasks the pool shall have
    #[arg(short, long, alias = "n", value_name = "N", value_parser = whole, allow_negative_numbers = true, requires = "benchmarks")]
    pub n_total_tasks: Option<u64>,
    /// Shares of easy:hard or easy:medium:hard tasks [default: 50:50]
    #[arg(long, value_name = "EASY:HARD", requires = "benchmarks")]
    difficulty_split: Option<String>,
    /// Each benchmark's share [default: equal]
    #[arg(long, num_args = 1.., value_name = "a=0.7,b=0.3", value_parser = ratios, requires = "benchmarks")]
    benchmark_ratios: Vec<List<(String, f64)>>,
    /// The seed [default: 2025]
    #[arg(long, value_name = "SEED", value_parser = whole, allow_negative_numbers = true, requires = "benchmarks")]
    random_seed: Option<u64>,
    /// Percentiles at which tasks are easy and hard [default: as configured]
    #[arg(long, num_args = 1.., value_name = "a=10:90", value_parser = percentiles, requires = "benchmarks")]
    difficulty_percentiles: Vec<List<(String, Percentiles)>>,
    /// Whether tasks may repeat: false, true or when_short [default: as configured]
    #[arg(long, value_name = "WHEN", value_parser = replacement, requires = "benchmarks")]
    sample_with_replacement: Option<Replacement>,
    /// The Python program's draws (numpy), or pools that nest (stable) [default: numpy]
    #[arg(long, value_name = "numpy|stable", requires = "benchmarks")]
    sampler: Option<String>,
}

impl RequestArgs {
    /// The request that was typed.
    pub fn spec(&self, difficulty: &DifficultyArgs) -> RequestSpec {
        RequestSpec {
            benchmarks: List::all(&self.benchmarks),
            benchmark_ratios: (!self.benchmark_ratios.is_empty()).then(|| List::all(&self.benchmark_ratios)),
            difficulty_split: self.difficulty_split.clone(),
            n_total_tasks: self.n_total_tasks.unwrap_or_default(),
            random_seed: self.random_seed,
            sample_with_replacement: self.sample_with_replacement,
            sampler: self.sampler.clone(),
            difficulty_percentiles: List::all(&self.difficulty_percentiles).into_iter().collect(),
            difficulty: difficulty.difficulty.clone(),
            min_responses: difficulty.min_responses,
        }
    }
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number from 0 up, such as 1000".to_owned())
}

fn ratios(text: &str) -> Result<List<(String, f64)>, String> {
    list(text, |pair| {
        let (name, ratio) = pair.split_once('=').ok_or("write BENCHMARK=RATIO, such as gsm8k=0.7")?;
        let (name, ratio) = (name.trim(), ratio.trim());
        let meant = ratio.strip_suffix('%').and_then(|percent| percent.trim_end().parse::<f64>().ok());
        match (ratio.parse(), meant) {
            (Ok(ratio), _) => Ok((name.to_owned(), ratio)),
            (Err(_), Some(percent)) => Err(format!("write {name}={} for {ratio}", percent / 100.0)),
            (Err(_), None) => Err("write BENCHMARK=RATIO, such as gsm8k=0.7".to_owned()),
        }
    })
}

fn percentiles(text: &str) -> Result<List<(String, Percentiles)>, String> {
    list(text, |pair| {
        let read = |(name, pair): (&str, &str)| {
            let (low, high) = pair.split_once(':')?;
            Some((name.trim().to_owned(), low.trim().parse().ok()?, high.trim().parse().ok()?))
        };
        let (name, low, high) =
            pair.split_once('=').and_then(read).ok_or("write BENCHMARK=LOW:HIGH, such as gsm8k=10:90")?;
        Ok((name, Percentiles::new(low, high)?))
    })
}

fn replacement(text: &str) -> Result<Replacement, String> {
    Replacement::parse(text).ok_or_else(|| "write false, true or when_short".to_owned())
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config(args.stage2.demo)?;
    if args.stage2.demo && !args.force {
        refuse_to_replace_real_tasks(
            &config,
            &List::all(&args.request.benchmarks),
            &args.stage2.full_dir,
            std::slice::from_ref(&args.output),
        )?;
    }
    super::check_full_dir(&args.stage2.full_dir, session)?;
    let request = args.request.spec(&args.difficulty).resolve(&config)?;
    let format = args.format.unwrap_or_default();
    let order = Order { request: &request, experiment: None, output: args.output.clone(), format };

    let reports = made::make_pools(
        &config,
        &args.stage2.full_dir,
        &[order],
        Writing { strict: args.stage2.strict, force: args.force },
        session,
    )?;
    made::print_reports(reports, args.stage2.json)
}
