//! Puts draws into the order that a request asks for.

use rayon::prelude::*;

use super::{Candidates, Draw};
use crate::{bin::Bin, request::TaskOrder};

/// Sorts `draws`, which come in the sampler's order, by difficulty if `order` asks for it. Draws of equal difficulty keep the
/// sampler's order, so that benchmarks stay mixed.
pub(super) fn arrange(order: TaskOrder, draws: &mut Vec<Draw>, candidates: &[Candidates<'_>]) {
    if order == TaskOrder::Shuffled {
        return;
    }
    let ranks: Vec<Ranks> = candidates.par_iter().map(Ranks::of).collect();
    let placed = draws.par_iter().map(|draw| {
        let score = candidates[draw.benchmark].scores[draw.row as usize];
        ((draw.bin, ranks[draw.benchmark].rank(score)), *draw)
    });
    let mut placed: Vec<((Bin, f64), Draw)> = placed.collect();
    // Both sorts are stable.
    let by_difficulty = |((bin, rank), _): &((Bin, f64), Draw), ((other_bin, other), _): &((Bin, f64), Draw)| {
        bin.cmp(other_bin).then(rank.total_cmp(other))
    };
    match order {
        TaskOrder::HardFirst => placed.par_sort_by(|a, b| by_difficulty(b, a)),
        _ => placed.par_sort_by(by_difficulty),
    }
    *draws = placed.into_iter().map(|(_, draw)| draw).collect();
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
