//! `build`: one pool from options alone.

use std::path::PathBuf;

use symphony_data::{
    bin::Percentiles,
    draw::{Order, Writing},
    request::{EligibilitySpec, Replacement, RequestSpec},
    task::Layout,
};

use super::{demo::refuse_to_replace_real_tasks, made};
use crate::{
    arguments::{DifficultyArgs, IO, List, Stage2Args, check_full_dir, examples, format, list, names},
    error::CliError,
    session::Session,
};

/// Make one pool from options alone, without an experiments file
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "400 tasks of two benchmarks, 30 % easy (generated tasks: add --demo)" =>
        "symphony-data build --benchmarks gsm8k,bbh -n 400 --difficulty-split 30:70 \\\n      --output pool",
    "Pools that nest: the 100 tasks of one are among the 200 of the other" =>
        "symphony-data build --benchmarks gsm8k -n 100 --sampler stable --output a\n  \
         symphony-data build --benchmarks gsm8k -n 200 --sampler stable --output b",
    "Tasks that are easy and hard for real models, by a calibration" =>
        "symphony-data build --benchmarks gsm8k -n 100 --difficulty fitted --output c",
])]
#[command(mut_arg("benchmarks", |arg| arg.required(true)), mut_arg("n_total_tasks", |arg| arg.required(true)))]
pub struct Args {
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    rows: RowArgs,
    #[command(flatten)]
    difficulty: DifficultyArgs,
    #[command(flatten)]
    stage2: Stage2Args,
    /// Replace whatever the output folder holds
    #[arg(long, help_heading = IO)]
    force: bool,
    /// Write the pool, its statistics and its manifest to this folder
    #[arg(long, alias = "output-dir", value_name = "DIR", help_heading = IO)]
    output: PathBuf,
    /// Write the pool in this format [default: jsonl]
    #[arg(long, value_name = "jsonl|parquet", value_parser = format, help_heading = IO)]
    format: Option<Layout>,
}

/// A request as options.
#[derive(Debug, clap::Args)]
pub struct RequestArgs {
    /// Mix these benchmarks; 'mmlu_*' stands for all that match
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = names, requires = "n_total_tasks")]
    pub benchmarks: Vec<List<String>>,
    /// Draw this many tasks
    #[arg(short, long, alias = "n", value_name = "N", value_parser = whole, allow_negative_numbers = true, requires = "benchmarks")]
    pub n_total_tasks: Option<u64>,
    /// Set the shares of easy:hard or easy:medium:hard tasks, or `proportional` [default: 50:50]
    #[arg(long, value_name = "EASY:HARD", requires = "benchmarks")]
    difficulty_split: Option<String>,
    /// Set each benchmark's share, or `proportional` to its rows [default: equal]
    #[arg(long, num_args = 1.., value_name = "a=0.7,b=0.3", value_parser = ratios, requires = "benchmarks")]
    benchmark_ratios: Vec<Ratios>,
    /// Set the seed [default: 2025]
    #[arg(long, value_name = "SEED", value_parser = whole, allow_negative_numbers = true, requires = "benchmarks")]
    random_seed: Option<u64>,
    /// Set the percentiles where easy ends and hard begins [default: as configured]
    #[arg(long, num_args = 1.., value_name = "a=10:90", value_parser = percentiles, requires = "benchmarks")]
    difficulty_percentiles: Vec<List<(String, Percentiles)>>,
    /// Let tasks repeat: true, false, or only when_short [default: as configured]
    #[arg(long, value_name = "WHEN", value_parser = replacement, requires = "benchmarks")]
    sample_with_replacement: Option<Replacement>,
    /// Draw by bins, or the tasks that tell most about the full benchmark's score [default: bins]
    #[arg(long, value_name = "bins|informative", requires = "benchmarks")]
    select: Option<String>,
    /// Draw as Symphony 2.0 did (numpy), or pools that nest (stable) [default: numpy]
    #[arg(long, value_name = "numpy|stable", requires = "benchmarks")]
    sampler: Option<String>,
    /// Give the tasks shuffled, easy_first or hard_first [default: shuffled]
    #[arg(long, value_name = "ORDER", requires = "benchmarks")]
    order: Option<String>,
}

/// Which rows a request may draw, and how they are divided, as options.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which rows")]
pub struct RowArgs {
    /// Draw only rows with one of these values of a label
    #[arg(long = "where", num_args = 1.., value_name = "bbh.task_name=a,b", value_parser = labels, requires = "benchmarks")]
    labels: Vec<(String, String, Vec<String>)>,
    /// Draw only rows between these percentiles of difficulty
    #[arg(long, value_name = "LOW:HIGH", value_parser = range, requires = "benchmarks")]
    difficulty_range: Option<Percentiles>,
    /// Draw no row of these pools, or of these files of identities or source ids
    #[arg(long, num_args = 1.., value_name = "DIR|FILE", requires = "benchmarks")]
    exclude: Vec<String>,
    /// Draw only rows of this partition of the configuration
    #[arg(long, value_name = "NAME", requires = "benchmarks")]
    partition: Option<String>,
    /// Draw all rows of one identity (keep), one, or one and none that conflict (drop_conflicts)
    #[arg(long, value_name = "keep|one|drop_conflicts", requires = "benchmarks")]
    on_duplicate: Option<String>,
    /// Draw all rows of a group of near-duplicates (keep), or one
    #[arg(long, value_name = "keep|one", requires = "benchmarks")]
    near_duplicates: Option<String>,
    /// Treat each value of this label as a benchmark of its own
    #[arg(long, value_name = "LABEL", requires = "benchmarks")]
    stratify_by: Option<String>,
    /// Share tasks among these values equally, or in proportion to their rows [default: equal]
    #[arg(long, value_name = "equal|proportional", requires = "benchmarks")]
    strata: Option<String>,
    /// Call tasks easy and hard within each value of this label
    #[arg(long, value_name = "LABEL", requires = "benchmarks")]
    difficulty_within: Option<String>,
    /// Use the thresholds of this meta or manifest, or of the one in this folder
    #[arg(long, value_name = "FILE|DIR", requires = "benchmarks")]
    thresholds_from: Option<PathBuf>,
}

impl RowArgs {
    /// The labels, each once: the values of a label that was typed twice are those of both.
    fn labels(&self) -> Vec<(String, String, Vec<String>)> {
        let mut all: Vec<(String, String, Vec<String>)> = Vec::new();
        for (benchmark, label, values) in &self.labels {
            match all.iter_mut().find(|(of, known, _)| of == benchmark && known == label) {
                Some((.., known)) => known.extend(values.iter().cloned()),
                None => all.push((benchmark.clone(), label.clone(), values.clone())),
            }
        }
        all
    }
}

/// What was typed for shares.
#[derive(Clone, Debug)]
enum Ratios {
    Of(List<(String, f64)>),
    Proportional,
}

impl RequestArgs {
    /// The request that was typed.
    pub fn spec(&self, rows: &RowArgs, difficulty: &DifficultyArgs) -> RequestSpec {
        let of = |ratios: &Ratios| if let Ratios::Of(list) = ratios { Some(list.clone()) } else { None };
        let ratios: Vec<List<(String, f64)>> = self.benchmark_ratios.iter().filter_map(of).collect();
        RequestSpec {
            benchmarks: List::all(&self.benchmarks),
            exclude_benchmarks: Vec::new(),
            groups: Vec::new(),
            benchmark_ratios: (!ratios.is_empty()).then(|| List::all(&ratios)),
            proportional: self.benchmark_ratios.iter().any(|ratios| matches!(ratios, Ratios::Proportional)),
            difficulty_split: self.difficulty_split.clone(),
            n_total_tasks: self.n_total_tasks.unwrap_or_default(),
            random_seed: self.random_seed,
            sample_with_replacement: self.sample_with_replacement,
            select: self.select.clone(),
            sampler: self.sampler.clone(),
            order: self.order.clone(),
            difficulty_percentiles: List::all(&self.difficulty_percentiles).into_iter().collect(),
            difficulty: difficulty.difficulty.clone(),
            min_responses: difficulty.min_responses,
            rows: EligibilitySpec {
                labels: rows.labels(),
                difficulty_range: rows.difficulty_range,
                exclude: rows.exclude.clone(),
                exclude_tasks: Vec::new(),
                partition: rows.partition.clone(),
                on_duplicate: rows.on_duplicate.clone(),
                near_duplicates: rows.near_duplicates.clone(),
            },
            stratify_by: rows.stratify_by.clone(),
            strata: rows.strata.clone(),
            difficulty_within: rows.difficulty_within.clone(),
            thresholds_from: rows.thresholds_from.clone(),
            phases: None,
        }
    }
}

fn labels(text: &str) -> Result<(String, String, Vec<String>), String> {
    let example = "write BENCHMARK.LABEL=VALUE,VALUE, such as bbh.task_name=navigate,web_of_lies";
    let read = |(of, values): (&str, &str)| {
        let (benchmark, label) = of.rsplit_once('.')?;
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        let named =
            !benchmark.trim().is_empty() && !label.trim().is_empty() && values.iter().all(|value| !value.is_empty());
        named.then(|| (benchmark.trim().to_owned(), label.trim().to_owned(), values))
    };
    text.split_once('=').and_then(read).ok_or_else(|| example.to_owned())
}

fn range(text: &str) -> Result<Percentiles, String> {
    let pair = text.split_once(':').and_then(|(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?)));
    let (low, high) = pair.ok_or("write LOW:HIGH in percent, such as 40:60")?;
    Percentiles::new(low, high)
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number from 0 up, such as 1000".to_owned())
}

fn ratios(text: &str) -> Result<Ratios, String> {
    if text.trim() == "proportional" {
        return Ok(Ratios::Proportional);
    }
    let pairs = list(text, |pair| {
        let (name, ratio) = pair.split_once('=').ok_or("write BENCHMARK=RATIO, such as gsm8k=0.7")?;
        let (name, ratio) = (name.trim(), ratio.trim());
        let meant = ratio.strip_suffix('%').and_then(|percent| percent.trim_end().parse::<f64>().ok());
        match (ratio.parse(), meant) {
            (Ok(ratio), _) => Ok((name.to_owned(), ratio)),
            (Err(_), Some(percent)) => Err(format!("write {name}={} for {ratio}", percent / 100.0)),
            (Err(_), None) => Err("write BENCHMARK=RATIO, such as gsm8k=0.7".to_owned()),
        }
    });
    pairs.map(Ratios::Of)
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
    let request = args.request.spec(&args.rows, &args.difficulty).resolve(&config)?;
    if args.stage2.demo && !args.force {
        let outputs = std::slice::from_ref(&args.output);
        refuse_to_replace_real_tasks(&config, &request.benchmarks(), &args.stage2.full_dir, outputs)?;
    }
    check_full_dir(&args.stage2.full_dir, session)?;
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
