//! Puts draws into the order that a request asks for.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::{Candidates, Draw};
use crate::{bin::Bin, request::TaskOrder};

/// Sorts `draws`, which come in the sampler's order, by difficulty if `order` asks for it. Draws of equal difficulty keep the
/// sampler's order, so that benchmarks stay mixed.
pub(super) fn arrange(order: TaskOrder, draws: &mut [Draw], candidates: &[Candidates<'_>]) {
    if order == TaskOrder::Shuffled {
        return;
    }
    let ranks: Vec<Ranks> = candidates.par_iter().map(Ranks::of).collect();
    let difficulty = |draw: &Draw| {
        let score = candidates[draw.benchmark].scores[draw.row as usize];
        // Ranks are not negative, so their bits are in the same order.
        (draw.bin, ranks[draw.benchmark].rank(score).to_bits())
    };
    // Both sorts are stable.
    if order == TaskOrder::EasyFirst {
        draws.par_sort_by_cached_key(difficulty);
    } else {
        draws.par_sort_by_cached_key(|draw| Reverse(difficulty(draw)));
    }
}

/// The scores of a benchmark's rows that may be drawn, ascending.
struct Ranks(Vec<f64>);

impl Ranks {
    fn of(candidate: &Candidates<'_>) -> Self {
        let rows = Bin::ALL.iter().flat_map(|&bin| &candidate.bins.rows[bin]);
        let mut scores: Vec<f64> = rows.map(|row| candidate.scores[*row as usize]).collect();
        scores.par_sort_unstable_by(f64::total_cmp);
        Self(scores)
    }

    /// The share of the rows that are easier than `score`, and half of those that are equal: the percentile rank, 0 to 1. Scores
    /// of different benchmarks have no common unit, but their ranks can be compared.
    fn rank(&self, score: f64) -> f64 {
        let below = self.0.partition_point(|other| *other < score);
        let up_to = self.0.partition_point(|other| *other <= score);
        (below + up_to) as f64 / (2 * self.0.len()).max(1) as f64
    }
}
