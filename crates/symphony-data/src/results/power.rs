//! What a pool can tell apart: the smallest difference of two models that it shows, and how many tasks a difference needs.
//!
//! Two models do the same tasks. On a task their scores differ by 1, 0 or −1. The *discordance* ψ is how often they differ, so
//! that the variance of a task's difference is ψ − δ², where δ is the difference of the accuracies (McNemar, 1947). A
//! two-sided test at 5 % finds δ with a probability of 80 % if there are
//!
//! ```text
//! n = (z₁ √ψ + z₂ √(ψ − δ²))² / δ²                         z₁ = 1.960, z₂ = 0.842
//! ```
//!
//! tasks (Connor, *Sample size for testing differences in proportions for the paired-sample design*, Biometrics 43, 1987).
//! Solved for δ, that is √ψ · (z₁ √n + z₂ √(n − z₁² + z₂²)) / (n + z₂²). Tasks that repeat are one cluster, so that n is the
//! effective number of tasks (Kish: n² / Σ repeats²).

use serde::Serialize;

use crate::{
    bin::Bin,
    draw::{Drawn, DrawnPart},
    number::{
        function::{reported, square},
        student,
    },
    response::Responses,
};

/// The probability that the test finds the difference.
pub const POWER: f64 = 0.8;
/// The probability that the two-sided test finds a difference where there is none.
pub const LEVEL: f64 = 0.05;
/// The difference that is planned for by default: two points.
pub const DELTA: f64 = 0.02;
/// The discordance that is assumed where nothing is known. Of 83 models of HELM Lite, two disagree on 34 % of 1,000 rows of
/// GSM8K (median of all pairs), two whose accuracies are within 3 points on 20 %; the assumption lies between, nearer to the
/// one that asks for more tasks.
pub const ASSUMED: f64 = 0.3;
/// The numbers of tasks of the curve.
pub const CURVE: [u64; 6] = [100, 200, 500, 1000, 2000, 5000];

/// The quantile of the normal distribution at 1 − LEVEL / 2.
const OF_LEVEL: f64 = student::NORMAL;
/// The quantile of the normal distribution at POWER.
const OF_POWER: f64 = student::EIGHTY;
/// The discordance of two models on fewer rows of a bin than this says too little.
const FEWEST_ROWS: usize = 10;

/// The smallest difference that `tasks` distinct tasks show, 0..1; `None` if they are too few for any. `discordance` is how
/// often two models that hardly differ disagree; two that differ by more disagree at least as often as they differ.
pub fn detectable(tasks: f64, discordance: f64) -> Option<f64> {
    let excess = tasks - square(OF_LEVEL) + square(OF_POWER);
    if excess > 0.0 {
        let steps = OF_LEVEL * tasks.sqrt() + OF_POWER * excess.sqrt();
        let delta = discordance.sqrt() * steps / (tasks + square(OF_POWER));
        if delta <= discordance {
            return Some(delta);
        }
    }
    if !tasks.is_finite() || needed(1.0, 1.0) > tasks {
        return None;
    }
    // The number of tasks that is needed falls as the difference rises.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if needed(middle, middle) > tasks {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// How many distinct tasks show a difference of `delta`, above 0 and at most 1. `discordance` is as for [`detectable()`].
pub fn needed(delta: f64, discordance: f64) -> f64 {
    let discordance = discordance.max(delta);
    square(OF_LEVEL * discordance.sqrt() + OF_POWER * (discordance - square(delta)).sqrt()) / square(delta)
}

/// What the discordance of a benchmark is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The responses of two models, or the median over all pairs of models.
    Responses,
    /// The expected error e of each row: 2e(1 − e). It is the most on which two equally able models disagree, if they fail
    /// independently once their ability is known: that is 2p(1 − p) at the ability, a concave function whose mean over
    /// abilities is at most that at the mean p = 1 − e. Models that fail alike disagree less.
    ExpectedError,
    /// Nothing: [`ASSUMED`].
    Assumed,
}

/// How often two models disagree on the tasks of a benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Discordance {
    /// The benchmark.
    pub benchmark: String,
    /// How often they disagree, 0..1, on the tasks as they are drawn. Of scores between 0 and 1, the mean squared difference.
    pub discordance: f64,
    /// What it is taken from.
    pub source: Source,
    /// Of how many pairs of models it is the median; 0 if not from responses.
    pub pairs: usize,
    /// How many rows of the benchmark the request may draw, in all bins.
    pub rows: u64,
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// How many distinct tasks.
    pub tasks: u64,
    /// The smallest difference that they show, 0..1; `None` if they are too few for any.
    pub detectable: Option<f64>,
}

/// What a pool can tell apart. Differences are those of two accuracies, 0..1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Power {
    /// The probability that the test finds the difference.
    pub power: f64,
    /// The probability that it finds one where there is none.
    pub level: f64,
    /// How many tasks the pool has.
    pub tasks: u64,
    /// How many of them are distinct.
    pub distinct: u64,
    /// The number of distinct tasks that tell as much.
    pub effective_n: f64,
    /// How often two models disagree on its tasks, 0..1.
    pub discordance: f64,
    /// The same by benchmark.
    pub benchmarks: Vec<Discordance>,
    /// The smallest difference that it shows.
    pub detectable: Option<f64>,
    /// The smallest difference that it would show if no task repeated.
    pub detectable_without_repeats: Option<f64>,
    /// The difference that is planned for.
    pub delta: f64,
    /// How many distinct tasks, drawn in the same shares, show it.
    pub needed: u64,
    /// How many rows of all benchmarks together the request may draw, in all bins. Fewer than `needed` cannot show `delta`.
    pub rows: u64,
    /// The smallest difference that so many distinct tasks show.
    pub detectable_with_all_rows: Option<f64>,
    /// What other numbers of distinct tasks show.
    pub curve: Vec<Point>,
}

/// What the power of a pool is computed from.
#[derive(Clone, Debug, Default)]
pub struct PowerOptions<'r> {
    /// The difference to plan for, above 0 and at most 1; [`DELTA`] if `None`.
    pub delta: Option<f64>,
    /// Responses of models to the benchmarks, if there are any.
    pub responses: &'r [Responses],
    /// The two models that are compared; all pairs if `None`.
    pub models: Option<(String, String)>,
}

/// Why there is no power.
// The names of the fields say what they hold; comments give the rest.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// The difference is not one of accuracies.
    #[error("delta: {0}: write a difference above 0 and at most 1, such as 0.02 for two points")]
    Delta(f64),
    /// A model has no responses.
    #[error("models: there are no responses of {name}; there are responses of {}", known.join(", "))]
    NoModel { name: String, known: Vec<String> },
    /// One model was named twice.
    #[error("models: {0} is named twice; name two models")]
    OneModel(String),
    /// The responses say nothing of the benchmarks.
    #[error(
        "responses: no two models answered the same {FEWEST_ROWS} rows of every bin that is drawn, in any benchmark; leave the responses out to plan without them"
    )]
    NoPairs,
}

/// The largest number of names in a message.
const MOST_NAMES: usize = 10;

impl PowerOptions<'_> {
    /// Checks what does not depend on the pool.
    ///
    /// # Errors
    /// The difference is not valid, or a model that is named has no responses.
    pub fn check(&self) -> Result<(), PowerError> {
        if let Some(delta) = self.delta.filter(|delta| !(*delta > 0.0 && *delta <= 1.0)) {
            return Err(PowerError::Delta(delta));
        }
        let Some((first, second)) = &self.models else { return Ok(()) };
        if first == second {
            return Err(PowerError::OneModel(first.clone()));
        }
        let models = self.responses.iter().flat_map(Responses::models);
        let mut known: Vec<&str> = models.map(|model| model.name.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        let missing = [first, second].into_iter().find(|name| !known.contains(&name.as_str()));
        let Some(name) = missing else { return Ok(()) };
        let rest = known.len().saturating_sub(MOST_NAMES);
        let mut known: Vec<String> = known.into_iter().take(MOST_NAMES).map(str::to_owned).collect();
        if rest > 0 {
            known.push(format!("and {rest} more"));
        }
        Err(PowerError::NoModel { name: name.clone(), known })
    }
}

/// What a pool that was drawn can tell apart. It looks at all rows of a bin: draw it with [`crate::draw::Stores::draw_with_rows`].
///
/// # Errors
/// As for [`PowerOptions::check`], or the responses say nothing of any benchmark.
pub fn power(drawn: &Drawn<'_>, options: &PowerOptions<'_>) -> Result<Power, PowerError> {
    options.check()?;
    let parts: Vec<Part> = drawn.parts.iter().filter_map(|part| Part::of(part, options)).collect();
    if !options.responses.is_empty() && parts.iter().all(|part| part.source != Source::Responses) {
        return Err(PowerError::NoPairs);
    }
    Ok(of_parts(&parts, options.delta.unwrap_or(DELTA)))
}

fn of_parts(parts: &[Part], delta: f64) -> Power {
    let cells = || parts.iter().flat_map(|part| &part.cells);
    let tasks: u64 = cells().map(|cell| cell.tasks).sum();
    let n = tasks as f64;
    // The variances of the mean of the repeats, and of the mean difference, are sums over cells.
    let repeats: f64 = cells().map(|cell| square(cell.tasks as f64 / n) / cell.effective_n).sum();
    let variance: f64 = cells().map(|cell| square(cell.tasks as f64 / n) / cell.effective_n * cell.discordance).sum();
    let plain: f64 = cells().map(|cell| cell.tasks as f64 / n * cell.discordance).sum();
    let effective_n = 1.0 / repeats;
    let rows: u64 = parts.iter().map(|part| part.rows).sum();
    let shown = |tasks, discordance| detectable(tasks, discordance).map(reported);
    Power {
        power: POWER,
        level: LEVEL,
        tasks,
        distinct: parts.iter().map(|part| part.distinct).sum(),
        effective_n: reported(effective_n),
        discordance: reported(plain),
        benchmarks: parts.iter().map(Part::said).collect(),
        detectable: shown(effective_n, variance * effective_n),
        detectable_without_repeats: shown(n, plain),
        delta,
        // An estimate above the largest number that is exact is no use to anyone, and stays finite.
        needed: needed(delta, plain).ceil().min(9e15) as u64,
        rows,
        detectable_with_all_rows: shown(rows as f64, plain),
        curve: CURVE.iter().map(|&tasks| Point { tasks, detectable: shown(tasks as f64, plain) }).collect(),
    }
}

/// A benchmark's part of a pool.
#[derive(Clone, Debug)]
struct Part {
    benchmark: String,
    distinct: u64,
    cells: Vec<Cell>,
    source: Source,
    pairs: usize,
    rows: u64,
}

/// One bin of it, if tasks are drawn from that.
#[derive(Clone, Debug)]
struct Cell {
    tasks: u64,
    effective_n: f64,
    discordance: f64,
}

impl Part {
    /// `None` for a benchmark that delivers no task.
    fn of(part: &DrawnPart<'_>, options: &PowerOptions<'_>) -> Option<Self> {
        let bins: Vec<Bin> = Bin::ALL.into_iter().filter(|&bin| part.got[bin] > 0).collect();
        if bins.is_empty() {
            return None;
        }
        let rows: Vec<&[u32]> = bins.iter().map(|&bin| &part.bins().rows[bin][..]).collect();
        let tasks: Vec<u64> = bins.iter().map(|&bin| part.got[bin]).collect();
        let responses = options.responses.iter().find(|responses| responses.benchmark() == part.benchmark());
        let observed = responses.and_then(|responses| observed(responses, &rows, &tasks, options.models.as_ref()));
        let (discordances, source, pairs) = match (observed, part.joined()) {
            (Some((discordances, pairs)), _) => (discordances, Source::Responses, pairs),
            (None, Some(joined)) => {
                let most = rows.iter().map(|rows| at_most(rows.iter().map(|&row| joined.scores[row as usize])));
                (most.collect(), Source::ExpectedError, 0)
            }
            (None, None) => (vec![ASSUMED; bins.len()], Source::Assumed, 0),
        };
        let cell = |(bin, discordance): (&Bin, f64)| Cell {
            tasks: part.got[*bin],
            effective_n: part.repeats_by_bin[*bin].effective_n,
            discordance,
        };
        Some(Self {
            benchmark: part.benchmark().to_owned(),
            distinct: part.repeats.n_unique,
            cells: bins.iter().zip(discordances).map(cell).collect(),
            source,
            pairs,
            rows: part.bins().sizes().total(),
        })
    }

    fn said(&self) -> Discordance {
        let tasks: u64 = self.cells.iter().map(|cell| cell.tasks).sum();
        let sum: f64 = self.cells.iter().map(|cell| cell.tasks as f64 * cell.discordance).sum();
        Discordance {
            benchmark: self.benchmark.clone(),
            discordance: reported(sum / tasks as f64),
            source: self.source,
            pairs: self.pairs,
            rows: self.rows,
        }
    }
}

/// The mean of 2e(1 − e), which two equally able models disagree on at most; see [`Source::ExpectedError`].
fn at_most(errors: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = errors.len() as f64;
    errors.map(|error| 2.0 * error * (1.0 - error)).sum::<f64>() / n
}

/// The discordance of two models in each group of rows, and of how many pairs it is the median; `None` if no pair has enough
/// rows in common in each group. The pair with the median discordance, weighed by the tasks of each group, is the one whose
/// discordances count; of an even number of pairs, the more discordant of the two in the middle.
fn observed(
    responses: &Responses,
    rows: &[&[u32]],
    tasks: &[u64],
    named: Option<&(String, String)>,
) -> Option<(Vec<f64>, usize)> {
    let is_wanted = |name: &str| named.is_none_or(|(first, second)| name == first || name == second);
    let wanted = responses.models().iter().enumerate().filter(|(_, model)| is_wanted(&model.name));
    let scores: Vec<Vec<f64>> = wanted.map(|(place, _)| responses.scores_of(place)).collect();
    let total: u64 = tasks.iter().sum();
    let mut pairs: Vec<(f64, Vec<f64>)> = Vec::new();
    for (place, first) in scores.iter().enumerate() {
        for second in &scores[..place] {
            let own: Option<Vec<f64>> = rows.iter().map(|rows| disagreement(first, second, rows)).collect();
            if let Some(own) = own {
                let weighed: f64 = own.iter().zip(tasks).map(|(own, tasks)| own * *tasks as f64).sum();
                pairs.push((weighed / total as f64, own));
            }
        }
    }
    pairs.sort_by(|first, second| first.0.total_cmp(&second.0));
    let count = pairs.len();
    (count > 0).then(|| (pairs.swap_remove(count / 2).1, count))
}

/// The mean squared difference of two models' scores on the rows that both answered; `None` if these are too few. Where a
/// group has few rows, all of them must have answers.
fn disagreement(first: &[f64], second: &[f64], rows: &[u32]) -> Option<f64> {
    let differences = rows.iter().map(|&row| first[row as usize] - second[row as usize]);
    let known: Vec<f64> = differences.filter(|difference| !difference.is_nan()).collect();
    let enough = known.len() >= FEWEST_ROWS.min(rows.len());
    enough.then(|| known.iter().map(|difference| square(*difference)).sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(benchmark: &str, cells: &[(u64, f64, f64)]) -> Part {
        let cell = |&(tasks, effective_n, discordance): &(u64, f64, f64)| Cell { tasks, effective_n, discordance };
        Part {
            benchmark: benchmark.to_owned(),
            distinct: cells.iter().map(|cell| cell.1 as u64).sum(),
            cells: cells.iter().map(cell).collect(),
            source: Source::Assumed,
            pairs: 0,
            rows: 1000,
        }
    }

    #[test]
    fn what_is_detectable_needs_the_tasks_that_detect_it() {
        for discordance in [0.02, 0.1, 0.3, 0.5, 1.0] {
            for tasks in [5.0, 20.0, 100.0, 1e3, 1e6] {
                let delta = detectable(tasks, discordance).unwrap();
                assert!((needed(delta, discordance) / tasks - 1.0).abs() < 1e-9, "{tasks} {discordance}: {delta}");
            }
        }
        // More tasks show smaller differences, and less discordance does.
        assert!(detectable(200.0, 0.3).unwrap() < detectable(100.0, 0.3).unwrap());
        assert!(detectable(200.0, 0.1).unwrap() < detectable(200.0, 0.3).unwrap());
        assert_eq!(detectable(3.0, 0.3), None);
        assert_eq!((detectable(f64::NAN, 0.3), detectable(0.0, 0.0)), (None, None));
    }

    #[test]
    fn for_small_differences_it_is_the_formula_of_the_normal_approximation() {
        // (1.96 + 0.8416)² · ψ / δ², to the order of δ².
        let by_hand = 2.801_585_2_f64.powi(2) * 0.3 / 0.02_f64.powi(2);
        assert!((needed(0.02, 0.3) / by_hand - 1.0).abs() < 1e-3);
        // Models that differ on every task they disagree on: Connor's formula at ψ = δ.
        let always = (1.959_964 + 0.841_621_2 * 0.5_f64.sqrt()).powi(2) / 0.5;
        assert!((needed(0.5, 0.1) - always).abs() < 1e-3);
    }

    #[test]
    fn strata_add_their_variances_and_repeats_count_by_their_effective_number() {
        let plain = of_parts(&[part("a", &[(60, 60.0, 0.1), (40, 40.0, 0.4)]), part("b", &[(100, 100.0, 0.3)])], 0.05);
        assert_eq!((plain.tasks, plain.distinct, plain.effective_n), (200, 200, 200.0));
        assert!((plain.discordance - 0.26).abs() < 1e-4, "{plain:?}");
        assert_eq!(plain.detectable, plain.detectable_without_repeats);
        assert_eq!(plain.detectable, detectable(200.0, 0.26).map(reported));
        assert_eq!(plain.needed, needed(0.05, 0.26).ceil() as u64);
        assert_eq!((plain.rows, plain.benchmarks[0].rows), (2000, 1000));
        assert_eq!(plain.detectable_with_all_rows, detectable(2000.0, 0.26).map(reported));
        assert_eq!(plain.benchmarks[0].discordance, 0.22);
        assert_eq!(plain.curve.iter().map(|point| point.tasks).collect::<Vec<_>>(), CURVE);
        // Every task twice: half of the tasks tell as much.
        let twice = of_parts(&[part("a", &[(200, 100.0, 0.26)])], 0.05);
        assert_eq!(twice.effective_n, 100.0);
        assert_eq!(twice.detectable, detectable(100.0, 0.26).map(reported));
        assert_eq!(twice.detectable_without_repeats, detectable(200.0, 0.26).map(reported));
        // A stratum that repeats a lot sets the variance: 0.25 · 0.5 / 10 + 0.25 · 0.1 / 100.
        let uneven = of_parts(&[part("a", &[(100, 10.0, 0.5), (100, 100.0, 0.1)])], 0.05);
        let n = 1.0 / (0.25 / 10.0 + 0.25 / 100.0);
        assert_eq!(uneven.effective_n, reported(n));
        assert_eq!(uneven.detectable, detectable(n, (0.0125 + 0.000_25) * n).map(reported));
    }
}
