//! From features and constants to raw scores, and from raw scores to difficulty scores.

use serde::{Deserialize, Serialize};

use super::scorer::{CompiledTerm, Scorer};
use crate::number::NotFinite;

/// Normalization constants by name, in the order in which the score first uses them.
pub type Constants = serde_json::Map<String, serde_json::Value>;

/// The percentile of a feature that normalizes it.
pub const CONSTANT_PERCENTILE: f64 = 95.0;

impl Scorer {
    /// The raw scores, at most 1, from the scored features as columns and the constants.
    pub fn raw_scores(&self, scored: &[Vec<f64>], constants: &[f64], rows: usize) -> Vec<f64> {
        (0..rows)
            .map(|row| {
                let sum = self.terms.iter().fold(0.0, |sum, term| {
                    sum + match *term {
                        CompiledTerm::ConstantTerm(number) => number,
                        CompiledTerm::Feature { scored: at, weight, constant } => {
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
    /// [`Self::MIN_MAX`] or [`Self::EXPECTED_ERROR`].
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
    /// Scores of features, the least scaled to 0 and the greatest to 1.
    pub const MIN_MAX: &str = "min-max";
    /// Measured failure rates, as they stand.
    pub const EXPECTED_ERROR: &str = "expected-error";
}

/// The least and the greatest raw score of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RawRange {
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl RawRange {
    /// Takes in the raw scores of some more rows; `None` is the range of no rows.
    ///
    /// # Errors
    /// One of them is not finite.
    pub fn observe(range: Option<Self>, raw_scores: &[f64]) -> Result<Option<Self>, NotFinite> {
        let mut range = range;
        for &raw in raw_scores {
            if !raw.is_finite() {
                return Err(NotFinite(raw));
            }
            let Self { min, max } = range.unwrap_or(Self { min: raw, max: raw });
            range = Some(Self { min: min.min(raw), max: max.max(raw) });
        }
        Ok(range)
    }

    /// The difficulty score of a raw score: scaled to 0..1 within the benchmark; 0.5 where all raw scores are equal.
    pub fn scale(self, raw: f64) -> f64 {
        if self.max > self.min { (raw - self.min) / (self.max - self.min) } else { 0.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(raw_scores: &[f64]) -> Result<Option<RawRange>, NotFinite> {
        raw_scores.iter().try_fold(None, |range, raw| RawRange::observe(range, &[*raw]))
    }

    #[test]
    fn equal_raw_scores_are_all_half_difficult() {
        let range = range(&[0.7, 0.7]).unwrap().unwrap();
        assert_eq!((range.min, range.max, range.scale(0.7)), (0.7, 0.7, 0.5));
    }

    #[test]
    fn the_least_is_0_and_the_greatest_is_1() {
        let range = range(&[0.3, 0.1, 0.9]).unwrap().unwrap();
        assert_eq!([range.scale(0.1), range.scale(0.9), range.scale(0.5)], [0.0, 1.0, 0.5]);
    }

    #[test]
    fn scores_that_are_not_finite_are_refused() {
        assert!(range(&[0.1, f64::NAN]).is_err());
        assert!(range(&[0.1, f64::NEG_INFINITY]).is_err());
        assert_eq!(range(&[]), Ok(None));
    }

    #[test]
    fn a_constant_of_zero_makes_the_feature_zero() {
        assert_eq!(normalize(3.0, 0.0), 0.0);
        assert_eq!(normalize(3.0, 2.0), 1.0);
        assert_eq!(normalize(1.0, 2.0), 0.5);
    }
}
