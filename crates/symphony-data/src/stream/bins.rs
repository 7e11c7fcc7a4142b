//! Bins: easy, medium and hard by thresholds over the full benchmark.

use std::{
    fmt,
    ops::{Index, IndexMut},
};

use serde::{Deserialize, Serialize};

use crate::{config::Cut, number::percentile};

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
    /// At or below: easy.
    pub easy: f64,
    /// At or above, if not easy: hard.
    pub hard: f64,
}

impl Thresholds {
    /// The thresholds of a benchmark's difficulty scores; `None` if there are none.
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
}

/// A benchmark's rows by bin.
#[derive(Clone, Debug)]
pub struct Bins {
    /// Where the bins begin and end.
    pub thresholds: Thresholds,
    /// The rows of each bin, ascending, as positions in the store.
    pub rows: PerBin<Vec<u32>>,
}

impl Bins {
    /// Sorts the rows of a benchmark into bins; `None` if there are none.
    pub fn of(scores: &[f64], cut: impl Into<Cut>) -> Option<Self> {
        Self::of_eligible(scores, cut, |_| true)
    }

    /// The same with the rows that `eligible` says yes to: the thresholds are theirs, and no other row is in a bin.
    pub fn of_eligible(scores: &[f64], cut: impl Into<Cut>, eligible: impl Fn(u32) -> bool) -> Option<Self> {
        let kept = || (0..).zip(scores.iter().copied()).filter(|(row, _)| eligible(*row));
        let thresholds = match cut.into() {
            cut @ Cut::Percentiles(_) => Thresholds::of(&kept().map(|(_, score)| score).collect::<Vec<_>>(), cut)?,
            cut @ Cut::Cuts(_) => Thresholds::of(scores, cut)?,
        };
        let mut rows = PerBin::<Vec<u32>>::default();
        kept().for_each(|(row, score)| rows[thresholds.bin(score)].push(row));
        (rows.easy.len() + rows.medium.len() + rows.hard.len() > 0).then_some(Self { thresholds, rows })
    }

    /// How many rows each bin has.
    pub fn sizes(&self) -> PerBin<u64> {
        let size = |bin| self.rows[bin].len() as u64;
        PerBin { easy: size(Bin::Easy), medium: size(Bin::Medium), hard: size(Bin::Hard) }
    }
}
