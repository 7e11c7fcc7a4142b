//! The sampler for the best estimate of the full benchmark's accuracy from few tasks.
//!
//! Rows are sorted by expected error and cut into strata, each of which gives two tasks, drawn with equal chances. So the chance of
//! every row is known: two divided by the rows of its stratum. Strata are narrow where answers are uncertain and wide where
//! nearly all models fail or solve (Neyman, 1934): the sum of the rows' standard deviations is the same in each.
//!
//! A row that models fail with probability q has an answer of variance q(1 − q). The models that a pool is made for are often
//! stronger than those of the panel, so half of the variance is that of models for which every row is 1.5 logits easier. A
//! difficulty that predicts no errors, such as the surface score, says nothing of variances, and its strata are of equal size.

use rayon::prelude::*;

use super::{
    Cell, Sampler,
    priority::{Earlier, Hashes},
};
use crate::{
    bin::Bin,
    request::Replacement,
    stream::{Allocation, Chance, Draw},
};

/// How many tasks a stratum gives. Two are the fewest that show how much the answers of one stratum differ.
const TASKS_OF_A_STRATUM: usize = 2;
/// By how much the odds of failing are smaller for the stronger models: e to the power of −1.5, so 1.5 logits.
const ODDS_OF_STRONGER: f64 = 0.223_130_160_148_429_8;
/// The least variance of an answer: about one answer in a hundred surprises, however easy or hard its row seems.
const SURPRISES: f64 = 0.01;

pub(super) struct Informative;

/// A row that was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampled {
    /// The row of the store.
    pub row: u32,
    /// Its bin.
    pub bin: Bin,
    /// Its stratum, from 1, and how many rows it stands for.
    pub chance: Chance,
}

impl Sampler for Informative {
    fn reads_identities(&self) -> bool {
        true
    }

    fn draw(&self, cells: &[Cell<'_>], allocation: &Allocation, _: Replacement, seed: u64) -> Vec<Draw> {
        draw(cells, allocation, seed).0
    }
}

/// Draws as many rows of each cell as its bins owe together, or all where it has fewer; never a row twice. Returns the draws in stream
/// order, and the drawn rows of each cell.
pub(in crate::stream) fn draw(
    cells: &[Cell<'_>],
    allocation: &Allocation,
    seed: u64,
) -> (Vec<Draw>, Vec<Vec<Sampled>>) {
    let mut ordered: Vec<(u64, Draw)> = Vec::new();
    let mut all: Vec<Vec<Sampled>> = Vec::with_capacity(cells.len());
    // The strata of a benchmark are numbered through all of its cells.
    let mut last = (None, 0);
    for (benchmark, (cell, asked)) in cells.iter().zip(allocation).enumerate() {
        if last.0 != Some(cell.part) {
            last = (Some(cell.part), 0);
        }
        let earlier = Earlier::of(cell);
        let mut sampled = sample(cell, &earlier, asked.total() as usize, seed);
        sampled.iter_mut().for_each(|sampled| sampled.chance.stratum += last.1);
        last.1 = sampled.iter().map(|sampled| sampled.chance.stratum).max().unwrap_or(last.1);
        let mut places = Hashes::of(&["order", cell.benchmark], seed);
        for Sampled { row, bin, .. } in &sampled {
            let task = (cell.identities[*row as usize], earlier.rows(*row));
            let place = places.hash(task, Some(0));
            ordered.push((place, Draw { benchmark, row: *row, copy: 0, bin: *bin }));
        }
        all.push(sampled);
    }
    ordered.sort_unstable();
    (ordered.into_iter().map(|(_, draw)| draw).collect(), all)
}

/// Draws `n` rows of a cell, or all if it has fewer.
fn sample(cell: &Cell<'_>, earlier: &Earlier, n: usize, seed: u64) -> Vec<Sampled> {
    let rows: Vec<(u32, Bin)> =
        Bin::ALL.iter().flat_map(|bin| cell.bins.rows[*bin].iter().map(|row| (*row, *bin))).collect();
    let hash = |hashes: &mut Hashes, row: u32| hashes.hash((cell.identities[row as usize], earlier.rows(row)), None);
    let in_order = Hashes::of(&["stratum", cell.benchmark], seed);
    let mut drawn = Hashes::of(&[cell.benchmark], seed);
    let mut ranked: Vec<(f64, u64, u32, Bin)> = rows
        .par_iter()
        .with_min_len(1024)
        .map_init(
            || in_order.clone(),
            |in_order, &(row, bin)| (cell.scores[row as usize], hash(in_order, row), row, bin),
        )
        .collect();
    // Rows of equal score come in the order of a hash, as if they were shuffled. Another hash decides which are drawn.
    ranked.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let sizes = ranked.iter().map(|(score, ..)| if cell.scores_are_errors { deviation(*score) } else { 1.0 });
    let ends = ends(&sizes.collect::<Vec<f64>>(), n);
    let mut sampled = Vec::with_capacity(n.min(ranked.len()));
    let (mut from, strata) = (0, ends.len());
    for (number, to) in (1..).zip(ends) {
        let stratum = &mut ranked[from..to];
        // An odd task goes to the last stratum, whose rows are the hardest.
        let taken = if number == strata { n.min(rows.len()) - sampled.len() } else { TASKS_OF_A_STRATUM };
        stratum.sort_by_cached_key(|(_, _, row, _)| (hash(&mut drawn, *row), *row));
        let weight = stratum.len() as f64 / taken as f64;
        let chance = Chance { stratum: number as u32, weight };
        sampled.extend(stratum.iter().take(taken).map(|(_, _, row, bin)| Sampled { row: *row, bin: *bin, chance }));
        from = to;
    }
    sampled
}

/// The standard deviation of the answers to a row with this expected error.
fn deviation(error: f64) -> f64 {
    let odds = error / (1.0 - error);
    let stronger = odds * ODDS_OF_STRONGER;
    // A model that fails with probability q = o / (1 + o) has a variance of o / (1 + o)².
    let of = |odds: f64| if odds.is_finite() { odds / ((1.0 + odds) * (1.0 + odds)) } else { 0.0 };
    (f64::midpoint(of(odds), of(stronger)) + SURPRISES).sqrt()
}

/// Where the strata of `n` tasks end, so that the sizes of each sum up to about the same, and each has at least as many rows as it
/// gives tasks.
fn ends(sizes: &[f64], n: usize) -> Vec<usize> {
    let (rows, per) = (sizes.len(), TASKS_OF_A_STRATUM);
    if rows == 0 || n == 0 {
        return Vec::new();
    }
    if n >= rows {
        return vec![rows];
    }
    let strata = (n / per).max(1);
    // The sum of the sizes before each row, and half of its own.
    let mut middles = Vec::with_capacity(rows);
    let mut sum = 0.0;
    for size in sizes {
        middles.push(sum + size / 2.0);
        sum += size;
    }
    let mut ends = Vec::with_capacity(strata);
    let mut from = 0;
    for number in 1..strata {
        let share = sum * number as f64 / strata as f64;
        // The last stratum may give one task more.
        let after = per * (strata - number) + n % per;
        let end = middles.partition_point(|middle| *middle < share).clamp(from + per, rows - after);
        ends.push(end);
        from = end;
    }
    ends.push(rows);
    ends
}
