//! Statistics of a stream: those of Symphony 2.0, and how often tasks repeat.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    bin::{Bin, PerBin},
    number::mean,
    task::{TaskView, is_row_number},
};

/// The content of `statistics.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// The number of tasks in the stream.
    pub n_total: u64,
    /// The benchmarks, in the order of the request.
    pub benchmarks: Vec<String>,
    /// The difficulty scores of all tasks.
    pub difficulty_distribution: Distribution,
    /// The number of tasks in each bin.
    pub difficulty_bins: BinCounts,
    /// The same for each benchmark.
    #[serde(serialize_with = "super::as_map")]
    pub benchmark_breakdown: Vec<(String, Breakdown)>,
    /// Repeats over all tasks.
    #[serde(flatten)]
    pub repeats: Repeats,
    /// The numbers of each phase, if the stream has phases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseStatistics>,
}

/// The distribution of difficulty scores, 0..1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distribution {
    /// The mean.
    pub mean: f64,
    /// The standard deviation (of a population: divided by n).
    pub std: f64,
    /// The smallest score.
    pub min: f64,
    /// The largest score.
    pub max: f64,
}

/// The number of tasks in each bin; `medium` only if the split asks for medium tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BinCounts {
    /// Easy tasks.
    pub easy: u64,
    /// Medium tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<u64>,
    /// Hard tasks.
    pub hard: u64,
}

/// How often tasks repeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Repeats {
    /// The number of distinct tasks.
    pub n_unique: u64,
    /// How often the most frequent task occurs.
    pub max_repeats: u64,
    /// Kish's effective sample size: n² / Σ repeats². Equal to n if no task repeats.
    pub effective_n: f64,
}

impl Repeats {
    /// Computes it from the number of occurrences of each distinct task.
    pub fn of(counts: impl Iterator<Item = u64>) -> Self {
        let (mut n, mut squares, mut repeats) = (0_u64, 0.0, Self::default());
        for count in counts {
            n += count;
            squares += (count as f64).powi(2);
            repeats.n_unique += 1;
            repeats.max_repeats = repeats.max_repeats.max(count);
        }
        repeats.effective_n = if n == 0 { 0.0 } else { (n as f64).powi(2) / squares };
        repeats
    }
}

/// The numbers of one phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseStatistics {
    /// Its number, from 1.
    pub phase: u32,
    /// The number of its tasks.
    pub n_total: u64,
    /// Their difficulty scores.
    pub difficulty_distribution: Distribution,
    /// The number of its tasks in each bin.
    pub difficulty_bins: BinCounts,
    /// The number of its tasks from each benchmark that it has tasks of.
    pub benchmarks: BTreeMap<String, u64>,
}

/// One benchmark's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Breakdown {
    /// The number of its tasks in the stream.
    pub count: u64,
    /// Their mean difficulty score; `None` if there are no tasks.
    pub mean_difficulty: Option<f64>,
    /// The standard deviation of their scores; `None` if there are no tasks.
    pub std_difficulty: Option<f64>,
    /// The number of its tasks in each bin.
    #[serde(flatten)]
    pub bins: BinCounts,
    /// Their repeats.
    #[serde(flatten)]
    pub repeats: Repeats,
}

/// How many buckets a [`Histogram`] has.
pub const BUCKETS: usize = 20;

/// How many tasks of each bin have a difficulty score in each of [`BUCKETS`] equal parts of 0..1. A score on the border of two
/// parts is in the upper one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram(pub [PerBin<u64>; BUCKETS]);

impl Histogram {
    /// Adds a task. One of an unknown bin counts as medium, as in [`Statistics`].
    pub fn add(&mut self, difficulty_score: f64, difficulty_bin: &str) {
        self.0[Self::bucket(difficulty_score)][Bin::parse(difficulty_bin).unwrap_or(Bin::Medium)] += 1;
    }

    /// The bucket of a score. One that lies below a border by a rounding error alone, such as 0.7999999999999999, is above it.
    pub fn bucket(difficulty_score: f64) -> usize {
        ((difficulty_score * BUCKETS as f64 + 1e-9) as usize).min(BUCKETS - 1)
    }

    /// The largest number of tasks in a bucket.
    pub fn most(&self) -> u64 {
        self.0.iter().map(PerBin::total).max().unwrap_or_default()
    }
}

/// Computes statistics, task by task.
#[derive(Clone, Debug)]
pub struct Gatherer {
    benchmarks: Vec<(String, Part)>,
    medium: bool,
    phases: BTreeMap<u32, PhasePart>,
}

#[derive(Clone, Debug, Default)]
struct PhasePart {
    scores: Vec<f64>,
    bins: PerBin<u64>,
    benchmarks: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default)]
struct Part {
    scores: Vec<f64>,
    bins: BinCounts,
    medium: u64,
    /// How often each task occurs, by the hash of [`name_of`]; copies of a task share a name, even across benchmarks.
    tasks: HashMap<u64, u64>,
}

impl Gatherer {
    /// Starts with these benchmarks, in this order; others follow as they appear. With `medium`, the statistics show medium tasks
    /// even if there are none.
    pub fn new(benchmarks: impl IntoIterator<Item = String>, medium: bool) -> Self {
        let benchmarks = benchmarks.into_iter().map(|name| (name, Part::default())).collect();
        Self { benchmarks, medium, phases: BTreeMap::new() }
    }

    /// Adds a task.
    pub fn add(&mut self, task: TaskView<'_>) {
        let at = self.benchmarks.iter().position(|(known, _)| known == task.benchmark).unwrap_or_else(|| {
            self.benchmarks.push((task.benchmark.to_string(), Part::default()));
            self.benchmarks.len() - 1
        });
        if let Some(phase) = task.phase {
            let phase = self.phases.entry(phase).or_default();
            phase.scores.push(task.difficulty_score);
            phase.bins[Bin::parse(task.difficulty_bin).unwrap_or(Bin::Medium)] += 1;
            match phase.benchmarks.get_mut(task.benchmark) {
                Some(count) => *count += 1,
                None => _ = phase.benchmarks.insert(task.benchmark.to_owned(), 1),
            }
        }
        let part = &mut self.benchmarks[at].1;
        part.scores.push(task.difficulty_score);
        *part.tasks.entry(xxh3_64(name_of(&task).as_bytes())).or_default() += 1;
        match task.difficulty_bin {
            "easy" => part.bins.easy += 1,
            "hard" => part.bins.hard += 1,
            _ => part.medium += 1,
        }
    }

    /// Repeats over all benchmarks: a task of two benchmarks is one task.
    fn repeats(&self) -> Repeats {
        let mut all = HashMap::<u64, u64>::new();
        for (task, count) in self.benchmarks.iter().flat_map(|(_, part)| &part.tasks) {
            *all.entry(*task).or_default() += count;
        }
        Repeats::of(all.into_values())
    }

    /// The statistics of all tasks so far; `None` if there are no tasks.
    pub fn finish(self) -> Option<Statistics> {
        let medium = self.medium || self.benchmarks.iter().any(|(_, part)| part.medium > 0);
        let all: Vec<f64> = self.benchmarks.iter().flat_map(|(_, part)| part.scores.iter().copied()).collect();
        let counts = |part: &Part| BinCounts { medium: medium.then_some(part.medium), ..part.bins };
        let mut bins = BinCounts { medium: medium.then_some(0), ..BinCounts::default() };
        let mut breakdown = Vec::with_capacity(self.benchmarks.len());
        for (name, part) in &self.benchmarks {
            bins.easy += part.bins.easy;
            bins.hard += part.bins.hard;
            bins.medium = bins.medium.map(|medium| medium + part.medium);
            let scores = distribution(&part.scores);
            let part = Breakdown {
                count: part.scores.len() as u64,
                mean_difficulty: scores.map(|s| s.mean),
                std_difficulty: scores.map(|s| s.std),
                bins: counts(part),
                repeats: Repeats::of(part.tasks.values().copied()),
            };
            breakdown.push((name.clone(), part));
        }
        Some(Statistics {
            n_total: all.len() as u64,
            difficulty_distribution: distribution(&all)?,
            difficulty_bins: bins,
            benchmark_breakdown: breakdown,
            repeats: self.repeats(),
            phases: self
                .phases
                .into_iter()
                .filter_map(|(phase, part)| {
                    let PerBin { easy, medium: between, hard } = part.bins;
                    Some(PhaseStatistics {
                        phase,
                        n_total: part.scores.len() as u64,
                        difficulty_distribution: distribution(&part.scores)?,
                        difficulty_bins: BinCounts { easy, medium: medium.then_some(between), hard },
                        benchmarks: part.benchmarks,
                    })
                })
                .collect(),
            benchmarks: self.benchmarks.into_iter().map(|(name, _)| name).collect(),
        })
    }
}

/// A name that copies of a task share: its identity, unless that is only a row number; else its `source_id`; or the row itself,
/// for pools of the Python program, which have neither.
fn name_of<'t>(task: &TaskView<'t>) -> &'t str {
    let is_row_number = |identity: &str| task.source_id.is_some_and(|id| is_row_number(identity, id));
    match (task.identity, task.source_id) {
        (Some(identity), _) if !is_row_number(identity) => identity.as_str(),
        (_, Some(source_id)) => source_id.as_str(),
        (Some(identity), None) => identity.as_str(),
        (None, None) => task.raw_data.get(),
    }
}

fn distribution(scores: &[f64]) -> Option<Distribution> {
    let (min, max) = (scores.iter().copied().reduce(f64::min)?, scores.iter().copied().reduce(f64::max)?);
    let center = mean(scores)?;
    let squares: Vec<f64> = scores.iter().map(|score| (score - center).powi(2)).collect();
    Some(Distribution { mean: center, std: mean(&squares)?.sqrt(), min, max })
}
