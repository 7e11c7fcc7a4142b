//! The difference between two models on the tasks that both answered.
//!
//! The two answers to a task belong together, and all tasks of one identity form a cluster. The p-value is that of the
//! permutation test: if the models were equally good, the difference of each cluster could as well have the other sign. The
//! interval adds two pseudo-clusters to the data and is Wald's otherwise, as Agresti and Min (2005) do for pairs of right and
//! wrong answers; unlike Wald's own, it holds with few differences too.

use std::collections::BTreeMap;

use crate::number::{random::Random, student};

/// How many random sets of signs stand for all, where these are too many.
pub const FLIPS: u32 = 9_999;
/// Differences below this are rounding errors.
const NOTHING: f64 = 1e-9;
/// The most parts that a difference of one task is counted in: 840 has all divisors up to 8.
const MOST_PARTS: u32 = 840;
/// The most operations for one exact distribution.
const MOST_OPERATIONS: u64 = 20_000_000;
/// The seed of the random signs.
const SEED: u64 = 2_005;

/// The answers of two models to the tasks of one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pair {
    /// How many tasks both answered, each as often as it was drawn.
    pub size: f64,
    /// The sum of the differences between the two scores, over these tasks.
    pub difference: f64,
}

/// The difference between two models.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The mean difference, from -1 to 1.
    pub difference: f64,
    /// Its standard error. It is not 0 where no answers differ.
    pub standard_error: f64,
    /// The low end of the 95 % interval.
    pub low: f64,
    /// The high end of the 95 % interval.
    pub high: f64,
    /// How likely a difference at least as large is if the models are equally good (mid-p).
    pub p_value: f64,
    /// How many random sets of signs the p-value is from; `None` if it is from all.
    pub flips: Option<u32>,
}

/// The difference between two models with these answers; `None` if there are fewer than two clusters. `flips` is how many
/// random sets of signs to use where all would be too many.
pub fn compare(pairs: &[Pair], flips: u32) -> Option<Difference> {
    let t = student::t(pairs.len().checked_sub(1)?)?;
    let (mut n, mut squares, mut sum, mut varied, mut changed) = (0.0, 0.0, 0.0, 0.0, 0_u64);
    for pair in pairs {
        n += pair.size;
        squares += pair.size * pair.size;
        sum += pair.difference;
        varied += pair.difference * pair.difference;
        changed += u64::from(pair.difference.abs() > NOTHING);
    }
    // A pseudo-cluster is as large as the cluster of the average task.
    let size = squares / n;
    let square = if changed > 0 { varied / changed as f64 } else { size * size };
    // Half a cluster in favor of each model, and one that favors none.
    let padded = n + 2.0 * size;
    let center = sum / padded;
    let mut deviations = square + 2.0 * (size * center) * (size * center);
    for pair in pairs {
        let deviation = pair.difference - pair.size * center;
        deviations += deviation * deviation;
    }
    let standard_error = deviations.sqrt() / padded;
    let (p_value, flips) = p_value(pairs, flips);
    Some(Difference {
        difference: sum / n,
        standard_error,
        low: (center - t * standard_error).max(-1.0),
        high: (center + t * standard_error).min(1.0),
        p_value,
        flips,
    })
}

/// The smallest true difference that a two-sided test at 5 % shows with a power of 80 %, given the standard error of the
/// difference.
pub fn detectable(standard_error: f64) -> f64 {
    (student::NORMAL + student::EIGHTY) * standard_error
}

/// The mid-p value (Lancaster 1961; Fagerland, Lydersen and Laake 2013) of the test that gives each cluster's difference either
/// sign: the probability of a larger sum, and half of that of an equally large one. 1 if nothing differs. Also how many random
/// sets of signs it is from; `None` if it is from the exact distribution.
pub fn p_value(pairs: &[Pair], flips: u32) -> (f64, Option<u32>) {
    let differences: Vec<f64> =
        pairs.iter().map(|pair| pair.difference).filter(|difference| difference.abs() > NOTHING).collect();
    if differences.is_empty() {
        return (1.0, None);
    }
    match exact(&differences) {
        Some(p) => (p, None),
        None => (by_flips(&differences, flips), Some(flips)),
    }
}

/// The exact mid-p value; `None` if the differences are no multiples of one unit, or too many different ones.
fn exact(differences: &[f64]) -> Option<f64> {
    let units = in_units(differences)?;
    // The sum of the positive differences says all: the others are the rest.
    let total: u64 = units.iter().map(|unit| unit.unsigned_abs()).sum();
    let positive: u64 = units.iter().filter(|unit| **unit > 0).map(|unit| unit.unsigned_abs()).sum();
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    units.iter().for_each(|unit| *counts.entry(unit.unsigned_abs()).or_default() += 1);
    let mut operations = 0;
    let mut length = 1;
    for (unit, count) in &counts {
        operations += length * (*count as u64 + 1);
        length += unit * *count as u64;
    }
    if operations > MOST_OPERATIONS {
        return None;
    }
    let mut distribution = vec![1.0];
    for (unit, count) in counts {
        distribution = convolved(&distribution, unit as usize, &coins(count));
    }
    let extent = |positive: u64| (2 * positive).abs_diff(total);
    let observed = extent(positive);
    let (mut beyond, mut equal) = (0.0, 0.0);
    for (positive, probability) in distribution.iter().enumerate() {
        match extent(positive as u64).cmp(&observed) {
            std::cmp::Ordering::Greater => beyond += probability,
            std::cmp::Ordering::Equal => equal += probability,
            std::cmp::Ordering::Less => {}
        }
    }
    Some((beyond + equal / 2.0).clamp(0.0, 1.0))
}

/// The differences as whole multiples of the largest unit that divides a whole task; `None` if there is none.
fn in_units(differences: &[f64]) -> Option<Vec<i64>> {
    let mut sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    sizes.dedup_by(|a, b| (*a - *b).abs() < NOTHING);
    let fits = |parts: &u32| {
        let is_whole = |size: &f64| {
            let units = size * f64::from(*parts);
            // A difference that is no multiple of any unit is not taken for none.
            (units - units.round()).abs() < 1e-6 && (units.round() > 0.0 || *size < NOTHING)
        };
        sizes.iter().all(is_whole)
    };
    let parts = f64::from((1..=MOST_PARTS).find(fits)?);
    Some(differences.iter().map(|difference| (difference * parts).round() as i64).collect())
}

/// The probabilities of 0 to n heads in n throws of a coin.
fn coins(n: usize) -> Vec<f64> {
    // Relative to the largest, which is in the middle: 2^-n may be too small for a number.
    let middle = n / 2;
    let mut weights = vec![1.0; n + 1];
    for heads in middle..n {
        weights[heads + 1] = weights[heads] * (n - heads) as f64 / (heads + 1) as f64;
    }
    for heads in (1..=middle).rev() {
        weights[heads - 1] = weights[heads] * heads as f64 / (n - heads + 1) as f64;
    }
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// The distribution of a sum whose second part comes in steps of `unit`.
fn convolved(distribution: &[f64], unit: usize, steps: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; distribution.len() + unit * (steps.len() - 1)];
    for (step, probability) in steps.iter().enumerate() {
        for (to, from) in sum[step * unit..].iter_mut().zip(distribution) {
            *to += probability * from;
        }
    }
    sum
}

/// The mid-p value by random signs. The signs that were observed are one set more, so that it is never 0.
fn by_flips(differences: &[f64], flips: u32) -> f64 {
    let observed = differences.iter().sum::<f64>().abs();
    let mut random = Random::new(SEED);
    let (mut beyond, mut equal) = (0_u64, 1_u64);
    for _ in 0..flips {
        let mut sum = 0.0;
        for some in differences.chunks(64) {
            let bits = random.bits();
            for (at, difference) in some.iter().enumerate() {
                // The highest bit of a number is its sign.
                let flip = (bits >> at) << 63;
                sum += f64::from_bits(difference.to_bits() ^ flip);
            }
        }
        let extent = sum.abs() - observed;
        beyond += u64::from(extent > NOTHING);
        equal += u64::from(extent.abs() <= NOTHING);
    }
    (beyond as f64 + equal as f64 / 2.0) / (f64::from(flips) + 1.0)
}
