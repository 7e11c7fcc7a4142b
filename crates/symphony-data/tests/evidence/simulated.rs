//! Simulated panels: models of known ability answer rows of known difficulty.

use super::*;

/// How models answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tries {
    /// Once: 0 or 1.
    One,
    /// The share of 128 tries that they solve; tries of one model on one row are correlated by so much.
    Rate(f64),
    /// The share of four tries.
    Few(f64),
}

/// How many tries a rate is the mean of.
const TRIES_OF_A_RATE: u32 = 128;

/// A panel on the scale of a fit: the mean of abilities and of log slopes is 0.
pub(super) struct Panel {
    pub difficulty: Vec<f64>,
    ability: Vec<f64>,
    slope: Vec<f64>,
}

impl Panel {
    /// Models of random abilities, with a standard deviation of 1, and of random slopes.
    pub fn new(random: &mut Random, difficulty: Vec<f64>, models: usize) -> Self {
        let ability = random.normals(models, 1.0);
        let slope = random.normals(models, 0.2).into_iter().map(f64::exp).collect();
        Self { difficulty, ability, slope }
    }

    fn solves(&self, row: usize, model: usize) -> f64 {
        1.0 / (1.0 + (-self.slope[model] * (self.ability[model] - self.difficulty[row])).exp())
    }

    /// The score of each model on each row, as (row, model, score).
    pub fn scores(&self, random: &mut Random, tries: Tries) -> Vec<(usize, usize, f64)> {
        let all = (0..self.difficulty.len()).flat_map(|row| (0..self.ability.len()).map(move |model| (row, model)));
        all.map(|(row, model)| (row, model, tries.score(random, self.solves(row, model)))).collect()
    }
}

impl Tries {
    /// The score of a model that solves a row with probability `p`.
    pub fn score(self, random: &mut Random, p: f64) -> f64 {
        match self {
            Self::One => f64::from(random.of_tries(1, p)),
            Self::Rate(in_common) => random.rate(TRIES_OF_A_RATE, p, in_common),
            Self::Few(in_common) => random.rate(4, p, in_common),
        }
    }
}

impl Random {
    /// How many of `tries` independent tries succeed.
    pub fn of_tries(&mut self, tries: u32, p: f64) -> u32 {
        (0..tries).map(|_| u32::from(self.uniform() < p)).sum()
    }

    /// The share of `tries` that succeed, if tries are correlated by `in_common`.
    fn rate(&mut self, tries: u32, p: f64, in_common: f64) -> f64 {
        let own = if in_common > 0.0 { self.around(p, in_common) } else { p };
        f64::from(self.of_tries(tries, own)) / f64::from(tries)
    }

    /// A probability from the beta distribution with the mean `p`, so that tries are correlated by `in_common`.
    pub fn around(&mut self, p: f64, in_common: f64) -> f64 {
        let total = 1.0 / in_common - 1.0;
        let (a, b) = (self.gamma(p * total), self.gamma((1.0 - p) * total));
        // Both are 0 only if both shapes are tiny, and then the larger shape wins nearly always.
        if a + b > 0.0 { a / (a + b) } else { f64::from(u8::from(p > 0.5)) }
    }

    /// A number from the gamma distribution (Marsaglia & Tsang, 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let more = self.gamma(shape + 1.0);
            return more * (1.0 - self.uniform()).powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.uniform()).ln() < x * x / 2.0 + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// The same values in another order.
    pub fn shuffled<T: Clone>(&mut self, values: &[T]) -> Vec<T> {
        let mut values = values.to_vec();
        for i in (1..values.len()).rev() {
            values.swap(i, (self.uniform() * (i + 1) as f64) as usize);
        }
        values
    }
}

/// Known difficulties with standard errors of 0.1 to 0.8, and the true ones: known + error + what the reference misses.
pub(super) struct Anchored {
    pub known: Vec<f64>,
    pub standard_errors: Vec<f64>,
    pub truth: Vec<f64>,
}

impl Anchored {
    pub fn new(random: &mut Random, rows: usize) -> Self {
        let known = random.normals(rows, 1.5);
        let standard_errors: Vec<f64> = (0..rows).map(|_| 0.1 + 0.7 * random.uniform()).collect();
        let of_row = |(known, error): (&f64, &f64)| known + error * random.normal() + 0.4 * random.normal();
        let truth = known.iter().zip(&standard_errors).map(of_row).collect();
        Self { known, standard_errors, truth }
    }

    pub fn prior(&self) -> DifficultyPrior {
        DifficultyPrior::anchored(&self.known, &self.standard_errors, ABILITIES, &[], &vec![false; self.known.len()])
    }
}

/// The responses of a table of answers.
pub(super) fn responses(place: &Place, answers: &[(usize, usize, f64)]) -> Responses {
    place.read(&[table(answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0)
}

/// A fit without a chance to guess.
pub(super) fn fit_of(responses: &Responses, prior: &DifficultyPrior) -> Fit {
    fit(responses, prior, FitOptions { discrimination: false, chance: 0.0 }, &|| false).unwrap()
}

pub(super) fn errors(fit: &Fit) -> Vec<f64> {
    fit.difficulties.iter().map(|row| row.expected_error).collect()
}

/// Spearman's correlation.
pub(super) fn rank_correlation(x: &[f64], y: &[f64]) -> f64 {
    symphony_data::number::correlation::spearman(x, y).unwrap()
}

#[test]
fn simulated_rates_have_the_correlation_that_they_should() {
    let random = &mut Random(3);
    for (p, in_common) in [(0.5, 0.2), (0.9, 0.2), (0.03, 0.5), (0.3, 0.05)] {
        let n = 20_000;
        let values: Vec<f64> = (0..n).map(|_| random.around(p, in_common)).collect();
        let mean = values.iter().sum::<f64>() / f64::from(n);
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!((mean - p).abs() < 0.01, "{p} {in_common}: {mean}");
        let found = variance / (p * (1.0 - p));
        assert!((found / in_common - 1.0).abs() < 0.08, "{p} {in_common}: {found}");
    }
}
