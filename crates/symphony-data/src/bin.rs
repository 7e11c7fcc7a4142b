//! Bins: easy, medium and hard by thresholds over the full benchmark.

use std::{
    fmt,
    ops::{Index, IndexMut},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number::percentile;

/// The low and high percentile of difficulty scores, 0 to 100, low ≤ high. Written as `[20, 80]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// At or below this percentile's score a task is easy.
    pub low: f64,
    /// At or above this percentile's score a task that is not easy is hard.
    pub high: f64,
}

impl Default for Percentiles {
    fn default() -> Self {
        Self { low: 20.0, high: 80.0 }
    }
}

impl Percentiles {
    /// Checks a pair that a user wrote. Two numbers in (0, 1] are refused, because they are fractions.
    ///
    /// # Errors
    /// A message that says what is wrong with them.
    pub fn new(low: f64, high: f64) -> Result<Self, String> {
        let fraction = |share: f64| share > 0.0 && share <= 1.0;
        if fraction(low) && fraction(high) {
            let (low_percent, high_percent) = (percent(low), percent(high));
            return Err(format!(
                "[{low}, {high}] are fractions, but percentiles go from 0 to 100: write {low_percent}:{high_percent}"
            ));
        }
        Self::recorded(low, high)
    }

    /// Checks a pair that this program wrote. Version 0.1.0 accepted and recorded fractions, as tiny percentiles.
    fn recorded(low: f64, high: f64) -> Result<Self, String> {
        if !(0.0..=100.0).contains(&low) || !(0.0..=100.0).contains(&high) {
            return Err(format!("[{low}, {high}] is outside 0 to 100"));
        }
        if low > high {
            return Err(format!("[{low}, {high}] has the low percentile above the high one"));
        }
        Ok(Self { low, high })
    }
}

impl Serialize for Percentiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.low, self.high].map(whole_or_not).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Percentiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [low, high] = <[f64; 2]>::deserialize(deserializer)?;
        Self::recorded(low, high).map_err(serde::de::Error::custom)
    }
}

/// Where bins begin and end: at percentiles of the benchmark's scores, or at scores. Written as `{"percentiles": [20, 80]}`
/// or `{"cuts": [0.2, 0.6]}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// At percentiles of the scores.
    Percentiles(Percentiles),
    /// At these scores, 0 to 1: easy at or below the first, hard at or above the second.
    Cuts([f64; 2]),
}

impl Cut {
    /// Checks cuts at scores.
    ///
    /// # Errors
    /// A message that says what is wrong with them.
    pub fn at_scores(easy: f64, hard: f64) -> Result<Self, String> {
        let percentage = |cut: f64| (0.0..=100.0).contains(&cut);
        if percentage(easy) && percentage(hard) && easy.max(hard) > 1.0 {
            return Err(format!("[{easy}, {hard}] are percentages, but cuts are scores from 0 to 1"));
        }
        if !(0.0..=1.0).contains(&easy) || !(0.0..=1.0).contains(&hard) || easy > hard {
            return Err(format!("[{easy}, {hard}] are not two scores from 0 to 1, the lower first"));
        }
        Ok(Self::Cuts([easy, hard]))
    }
}

impl Default for Cut {
    fn default() -> Self {
        Self::Percentiles(Percentiles::default())
    }
}

impl From<Percentiles> for Cut {
    fn from(percentiles: Percentiles) -> Self {
        Self::Percentiles(percentiles)
    }
}

/// Turns 0.29 into 29, without the error of binary fractions (28.999999999999996).
fn percent(fraction: f64) -> f64 {
    (fraction * 1e11).round() / 1e9
}

/// Writes 20.0 as 20, as people do.
fn whole_or_not(number: f64) -> serde_json::Number {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        serde_json::Number::from(number as i64)
    } else {
        serde_json::Number::from_f64(number).unwrap_or_else(|| 0.into())
    }
}

/// A difficulty bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bin {
    /// Score at or below the low threshold.
    Easy,
    /// Between the thresholds.
    Medium,
    /// Not easy, and score at or above the high threshold.
    Hard,
}

impl Bin {
    /// All bins, in the order in which they are drawn.
    pub const ALL: [Self; 3] = [Self::Easy, Self::Medium, Self::Hard];

    /// `easy`, `medium` or `hard`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Medium => "medium",
            Self::Hard => "hard",
        }
    }

    /// The bin of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bin| bin.name() == name)
    }
}

impl fmt::Display for Bin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value for each bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerBin<T> {
    /// For easy tasks.
    pub easy: T,
    /// For medium tasks.
    pub medium: T,
    /// For hard tasks.
    pub hard: T,
}

impl<T> Index<Bin> for PerBin<T> {
    type Output = T;
    fn index(&self, bin: Bin) -> &T {
        match bin {
            Bin::Easy => &self.easy,
            Bin::Medium => &self.medium,
            Bin::Hard => &self.hard,
        }
    }
}

impl<T> IndexMut<Bin> for PerBin<T> {
    fn index_mut(&mut self, bin: Bin) -> &mut T {
        match bin {
            Bin::Easy => &mut self.easy,
            Bin::Medium => &mut self.medium,
            Bin::Hard => &mut self.hard,
        }
    }
}

impl PerBin<u64> {
    /// The sum over the bins.
    pub fn total(&self) -> u64 {
        self.easy + self.medium + self.hard
    }
}

/// The scores at which bins begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// A task is easy at or below this score.
    pub easy: f64,
    /// A task that is not easy is hard at or above this score.
    pub hard: f64,
}

impl Thresholds {
    /// The thresholds of a benchmark's difficulty scores; `None` if there are no scores.
    pub fn of(scores: &[f64], cut: impl Into<Cut>) -> Option<Self> {
        match cut.into() {
            Cut::Percentiles(percentiles) => {
                let mut scores = scores.to_vec();
                let easy = percentile(&mut scores, percentiles.low)?;
                Some(Self { easy, hard: percentile(&mut scores, percentiles.high)? })
            }
            Cut::Cuts([easy, hard]) => (!scores.is_empty()).then_some(Self { easy, hard }),
        }
    }

    /// The bin of a score.
    pub fn bin(&self, score: f64) -> Bin {
        if score <= self.easy {
            Bin::Easy
        } else if score >= self.hard {
            Bin::Hard
        } else {
            Bin::Medium
        }
    }

    /// The bins of up to 64 scores: the first score is the lowest bit of its bin.
    pub fn bits(&self, scores: &[f64]) -> PerBin<u64> {
        let n = scores.len().min(64);
        let (mut easy, mut hard) = (0, 0);
        // All comparisons, and no branch, which would often be mispredicted.
        for (at, score) in scores[..n].iter().enumerate() {
            easy |= u64::from(*score <= self.easy) << at;
            hard |= u64::from(*score >= self.hard) << at;
        }
        let all = u64::MAX.checked_shr(64 - n as u32).unwrap_or(0);
        PerBin { easy, medium: all & !(easy | hard), hard: hard & !easy }
    }
}

/// A benchmark's rows by bin.
#[derive(Clone, Debug)]
pub struct Bins {
    /// Where the bins begin and end.
    pub thresholds: Thresholds,
    /// The rows of each bin, ascending, as positions in the store; only some of them, or none, in a draw that does not hold them all.
    pub rows: PerBin<Vec<u32>>,
    sizes: PerBin<u64>,
}

impl Bins {
    /// Bins that have these rows.
    pub fn with(thresholds: Thresholds, rows: PerBin<Vec<u32>>) -> Self {
        let size = |bin| rows[bin].len() as u64;
        let sizes = PerBin { easy: size(Bin::Easy), medium: size(Bin::Medium), hard: size(Bin::Hard) };
        Self { thresholds, rows, sizes }
    }

    /// Bins of these sizes, only some of whose rows are listed.
    pub(crate) fn sized(thresholds: Thresholds, rows: PerBin<Vec<u32>>, sizes: PerBin<u64>) -> Self {
        Self { thresholds, rows, sizes }
    }

    /// Sorts the rows of a benchmark into bins; `None` if there are no rows.
    pub fn of(scores: &[f64], cut: impl Into<Cut>) -> Option<Self> {
        Self::of_eligible(scores, cut, |_| true)
    }

    /// Sorts only the rows that `eligible` accepts into bins. Percentiles are those of the accepted rows.
    pub fn of_eligible(scores: &[f64], cut: impl Into<Cut>, eligible: impl Fn(u32) -> bool) -> Option<Self> {
        let kept = || (0..).zip(scores.iter().copied()).filter(|(row, _)| eligible(*row));
        let thresholds = match cut.into() {
            cut @ Cut::Percentiles(_) => Thresholds::of(&kept().map(|(_, score)| score).collect::<Vec<_>>(), cut)?,
            cut @ Cut::Cuts(_) => Thresholds::of(scores, cut)?,
        };
        let mut rows = PerBin::<Vec<u32>>::default();
        kept().for_each(|(row, score)| rows[thresholds.bin(score)].push(row));
        (rows.easy.len() + rows.medium.len() + rows.hard.len() > 0).then(|| Self::with(thresholds, rows))
    }

    /// How many rows each bin has.
    pub fn sizes(&self) -> PerBin<u64> {
        self.sizes
    }
}
