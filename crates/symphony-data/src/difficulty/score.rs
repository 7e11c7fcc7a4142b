//! From features and constants to raw scores, and from raw scores to difficulty scores.

use serde::{Deserialize, Serialize};

use super::{
    plan::{Plan, PlanTerm},
    summary::mean,
};

/// Normalization constants by name, in the order in which the score first uses them.
pub type Constants = serde_json::Map<String, serde_json::Value>;

/// The percentile of a feature that normalizes it.
pub const CONSTANT_PERCENTILE: f64 = 95.0;

impl Plan {
    /// The raw scores, at most 1, from the scored features as columns and the constants.
    pub fn raw_scores(&self, scored: &[Vec<f64>], constants: &[f64], rows: usize) -> Vec<f64> {
        (0..rows)
            .map(|row| {
                let sum = self.terms.iter().fold(0.0, |sum, term| {
                    sum + match *term {
                        PlanTerm::ConstantTerm(number) => number,
                        PlanTerm::Feature { scored: at, weight, constant } => {
                            let value = scored[at][row];
                            weight * constant.map_or(value, |at| normalize(value, constants[at]))
                        }
                    }
                });
                // Not `min`, which would turn a NaN into 1.
                if sum > 1.0 { 1.0 } else { sum }
            })
            .collect()
    }
}

/// min(value / constant, 1); 0 where the constant is 0.
fn normalize(value: f64, constant: f64) -> f64 {
    if constant == 0.0 { 0.0 } else { (value / constant).min(1.0) }
}

/// How raw scores became difficulty scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// `min-max`.
    pub method: String,
    /// The least raw score.
    pub raw_min: f64,
    /// The greatest raw score.
    pub raw_max: f64,
    /// The least difficulty score.
    pub normalized_min: f64,
    /// The greatest difficulty score.
    pub normalized_max: f64,
    /// The mean difficulty score.
    pub normalized_mean: f64,
}

impl Normalization {
    /// Scales `scores` in place from raw to 0..1 within the benchmark and says how; where all raw scores are equal,
    /// every difficulty score is 0.5. `None` if there are no scores, or one is not finite.
    pub fn min_max(scores: &mut [f64]) -> Option<Self> {
        let first = *scores.first()?;
        if scores.iter().any(|score| !score.is_finite()) {
            return None;
        }
        let raw_min = scores.iter().copied().fold(first, f64::min);
        let raw_max = scores.iter().copied().fold(first, f64::max);
        for score in &mut *scores {
            *score = if raw_max > raw_min { (*score - raw_min) / (raw_max - raw_min) } else { 0.5 };
        }
        Some(Self {
            method: "min-max".to_owned(),
            raw_min,
            raw_max,
            normalized_min: scores.iter().copied().fold(f64::INFINITY, f64::min),
            normalized_max: scores.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            normalized_mean: mean(scores)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_raw_scores_are_all_half_difficult() {
        let mut scores = [0.7, 0.7];
        let how = Normalization::min_max(&mut scores).unwrap();
        assert_eq!(scores, [0.5, 0.5]);
        assert_eq!((how.raw_min, how.raw_max, how.normalized_mean), (0.7, 0.7, 0.5));
    }

    #[test]
    fn scores_that_are_not_finite_are_refused() {
        assert!(Normalization::min_max(&mut [0.1, f64::NAN]).is_none());
        assert!(Normalization::min_max(&mut [0.1, f64::NEG_INFINITY]).is_none());
        assert!(Normalization::min_max(&mut []).is_none());
    }

    #[test]
    fn a_constant_of_zero_makes_the_feature_zero() {
        assert_eq!(normalize(3.0, 0.0), 0.0);
        assert_eq!(normalize(3.0, 2.0), 1.0);
        assert_eq!(normalize(1.0, 2.0), 0.5);
    }
}
