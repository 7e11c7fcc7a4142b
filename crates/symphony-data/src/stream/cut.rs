//! Where easy ends and hard begins: over a benchmark, within a range of its scores, or within each value of a label.

use rayon::prelude::*;

use crate::bin::{Bin, Bins, Cut, PerBin, Percentiles, Thresholds};

/// The rows of a benchmark by group: one group, or one for each value of a label.
#[derive(Clone, Copy, Debug)]
pub struct Groups<'g> {
    /// The group of each row; empty if there is only one.
    pub of_row: &'g [u16],
    /// How many groups there are. Numbers from here on stand for rows without a value, which are one more group.
    pub values: usize,
}

impl Groups<'_> {
    /// All rows in one group.
    pub const ONE: Self = Self { of_row: &[], values: 0 };

    fn count(&self) -> usize {
        self.values + 1
    }

    /// The group of a row.
    pub fn of(&self, row: u32) -> usize {
        self.of_row.get(row as usize).map_or(self.values, |group| usize::from(*group).min(self.values))
    }
}

/// Where the bins of each group begin and end.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The thresholds of all rows together.
    pub all: Thresholds,
    /// Those of each group; `None` for a group without rows.
    pub of_group: Vec<Option<Thresholds>>,
    /// The scores that lie in the range, the lowest and the highest, of each group; `None` where there are none. Empty without a range.
    ranges: Vec<Option<[f64; 2]>>,
}

impl Ends {
    /// Cuts the scores of the rows that `counts` accepts; `None` if there are none. With `cut_in_range`, percentiles are those of the
    /// rows within the range.
    pub fn of(
        scores: &[f64],
        counts: impl Fn(u32) -> bool,
        groups: Groups<'_>,
        range: Option<Percentiles>,
        cut_in_range: bool,
        cut: Cut,
    ) -> Option<Self> {
        let mut by_group: Vec<Vec<f64>> = vec![Vec::new(); groups.count()];
        for (row, score) in (0..).zip(scores).filter(|(row, _)| counts(*row)) {
            by_group[groups.of(row)].push(*score);
        }
        let mut ranges = Vec::new();
        if let Some(range) = range {
            for scores in &mut by_group {
                scores.par_sort_unstable_by(f64::total_cmp);
                let within = within(scores, range);
                ranges.push(within.first().zip(within.last()).map(|(low, high)| [*low, *high]));
                if cut_in_range {
                    *scores = within.to_vec();
                }
            }
        }
        let of_group: Vec<Option<Thresholds>> = by_group.iter().map(|scores| Thresholds::of(scores, cut)).collect();
        let all = if let [only] = &of_group[..] { *only } else { Thresholds::of(&by_group.concat(), cut) };
        Some(Self { all: all?, of_group, ranges })
    }

    /// The same range with other thresholds.
    #[must_use]
    pub fn with(self, all: Thresholds, of_group: Vec<Option<Thresholds>>) -> Self {
        Self { all, of_group, ..self }
    }

    /// Whether a score lies in the range of its group.
    pub fn in_range(&self, group: usize, score: f64) -> bool {
        match self.ranges.get(group) {
            None => self.ranges.is_empty(),
            Some(range) => range.is_some_and(|[low, high]| (low..=high).contains(&score)),
        }
    }

    /// The bin of a score of this group.
    pub fn bin(&self, group: usize, score: f64) -> Bin {
        self.of_group.get(group).copied().flatten().unwrap_or(self.all).bin(score)
    }

    /// Sorts the rows that `may` accepts into bins; there may be none.
    pub fn sort(&self, scores: &[f64], groups: Groups<'_>, may: impl Fn(u32) -> bool) -> Bins {
        let mut rows = PerBin::<Vec<u32>>::default();
        for (row, score) in (0..).zip(scores).filter(|(row, _)| may(*row)) {
            rows[self.bin(groups.of(row), *score)].push(row);
        }
        Bins::with(self.all, rows)
    }
}

/// The scores, which are sorted, whose percentile rank lies in the range: the share of scores below, and half of those that are equal.
/// The upper end belongs to the next range, unless it is 100.
fn within(sorted: &[f64], range: Percentiles) -> &[f64] {
    let rank = |score: f64| {
        let below = sorted.partition_point(|other| *other < score);
        let up_to = sorted.partition_point(|other| *other <= score);
        (below + up_to) as f64 * 50.0 / sorted.len() as f64
    };
    let from = sorted.partition_point(|score| rank(*score) < range.low);
    let to = if range.high >= 100.0 { sorted.len() } else { sorted.partition_point(|score| rank(*score) < range.high) };
    sorted.get(from..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: f64, high: f64) -> Percentiles {
        Percentiles { low, high }
    }

    #[test]
    fn adjacent_ranges_hold_every_row_once() {
        let scores = [0.1, 0.1, 0.1, 0.2, 0.3, 0.3, 0.5, 0.8, 0.9, 1.0];
        let mut all = Vec::new();
        for low in [0.0, 20.0, 40.0, 60.0, 80.0] {
            all.extend_from_slice(within(&scores, range(low, low + 20.0)));
        }
        assert_eq!(all, scores);
        // Three equal scores have the rank (0 + 3) / 2 of 10, 15 %.
        assert_eq!(within(&scores, range(0.0, 20.0)), [0.1, 0.1, 0.1]);
        assert_eq!(within(&scores, range(20.0, 40.0)), [0.2]);
        assert!(within(&[0.5; 4], range(0.0, 50.0)).is_empty());
    }

    #[test]
    fn each_group_has_its_own_thresholds() {
        let scores = [0.0, 0.1, 0.2, 0.8, 0.9, 1.0];
        let groups = Groups { of_row: &[0, 0, 0, 1, 1, 1], values: 2 };
        let ends =
            Ends::of(&scores, |_| true, groups, None, false, Percentiles { low: 0.0, high: 100.0 }.into()).unwrap();
        let bins = ends.sort(&scores, groups, |_| true);
        assert_eq!(bins.rows, PerBin { easy: vec![0, 3], medium: vec![1, 4], hard: vec![2, 5] });
        assert_eq!(ends.of_group[2], None);
        assert_eq!(ends.all, Thresholds { easy: 0.0, hard: 1.0 });
    }
}
