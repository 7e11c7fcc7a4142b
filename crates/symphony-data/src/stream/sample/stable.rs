//! The sampler with nested pools: every choice depends on a hash of the task itself.
//!
//! A task's priority is xxh3_64(benchmark, identity, k; seed), where k counts the earlier rows with the same identity. It does
//! not depend on other tasks or their number, so a larger pool contains the smaller one, and row order, file format, threads
//! and machines do not matter. Hashed fields are joined by 0x1F; identities are hashed as 16 hex digits.

use std::collections::HashMap;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Cell, Sampler,
    priority::{Earlier, Hashes},
};
use crate::{
    bin::Bin,
    request::Replacement,
    stream::{Allocation, Draw, delivered},
};

pub(super) struct Stable;

/// The ranks of a benchmark's rows: the rows of the least are drawn first.
pub(crate) fn ranks(benchmark: &str, seed: u64) -> Hashes {
    Hashes::of(&[benchmark], seed)
}

impl Sampler for Stable {
    fn reads_identities(&self) -> bool {
        true
    }

    fn draw(&self, cells: &[Cell<'_>], allocation: &Allocation, replacement: Replacement, seed: u64) -> Vec<Draw> {
        let mut ordered: Vec<(u64, Draw)> = Vec::new();
        // The strata of a benchmark come one after the other.
        let mut earlier_of = (None, Earlier::default());
        for (benchmark, (cell, asked)) in cells.iter().zip(allocation).enumerate() {
            if earlier_of.0 != Some(cell.part) {
                earlier_of = (Some(cell.part), Earlier::of(cell));
            }
            let earlier = &earlier_of.1;
            let task = |row: u32| (cell.identities[row as usize], earlier.rows(row));
            let ranks = ranks(cell.benchmark, seed);
            let mut places = Hashes::of(&["order", cell.benchmark], seed);
            for bin in Bin::ALL {
                let rows = &cell.bins.rows[bin];
                let n = delivered(asked[bin], rows.len() as u64, replacement) as usize;
                if n == 0 {
                    continue;
                }
                // Only the rows that are taken need an order.
                let most = if replacement == Replacement::Always { rows.len() } else { n };
                let ranked = least(rows, most, &ranks, |ranks, row| ranks.hash(task(row), None));
                let mut taken: HashMap<u32, u32> = HashMap::new();
                for i in 0..n {
                    let rank = match replacement {
                        Replacement::Always => independent_rank(cell, bin, i, ranked.len(), seed),
                        // Round after round: every one of the m tasks ⌊n/m⌋ times before any is taken once more.
                        Replacement::Never | Replacement::WhenShort => i % ranked.len(),
                    };
                    let row = ranked[rank].1;
                    let copies = taken.entry(row).or_insert(0);
                    let place = places.hash(task(row), Some(*copies));
                    ordered.push((place, Draw { benchmark, row, copy: *copies, bin }));
                    *copies += 1;
                }
            }
        }
        ordered.sort_unstable();
        ordered.into_iter().map(|(_, draw)| draw).collect()
    }
}

/// The `n` rows of the least ranks, each with its rank, in their order. Each stretch of rows gives its own least, and these
/// merge, so that no more ranks are in memory than those of a few stretches.
fn least(rows: &[u32], n: usize, ranks: &Hashes, rank: impl Fn(&mut Hashes, u32) -> u64 + Sync) -> Vec<(u64, u32)> {
    /// How many rows a stretch has at least.
    const STRETCH: usize = 1 << 14;
    let cut = |mut ranked: Vec<(u64, u32)>| {
        if n < ranked.len() {
            ranked.select_nth_unstable(n);
            ranked.truncate(n);
        }
        ranked
    };
    let of_stretch = |rows: &[u32]| {
        let mut ranks = ranks.clone();
        cut(rows.iter().map(|row| (rank(&mut ranks, *row), *row)).collect())
    };
    let merged = |mut all: Vec<(u64, u32)>, more: Vec<(u64, u32)>| {
        all.extend(more);
        cut(all)
    };
    let mut ranked = rows.par_chunks(STRETCH.max(n)).map(of_stretch).reduce(Vec::new, merged);
    ranked.sort_unstable();
    ranked
}

/// A row with its rank, its identity, and how many earlier rows have that identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ranked {
    pub rank: u64,
    pub row: u32,
    pub identity: u64,
    pub earlier: u32,
}

/// The rows of the least ranks among those that were offered; some others too, until it is finished.
#[derive(Clone, Debug, Default)]
pub(crate) struct Least {
    kept: Vec<Ranked>,
    /// The greatest rank that is still among the least.
    most: Option<u64>,
}

impl Least {
    /// One without rows, for rows that will join this one: it takes none that this one has no place for.
    pub fn to_join(&self) -> Self {
        Self { kept: Vec::new(), most: self.most }
    }

    /// Takes a row, if it is among the `n` of the least ranks so far.
    pub fn offer(&mut self, n: usize, row: Ranked) {
        if self.most.is_none_or(|most| row.rank <= most) {
            self.kept.push(row);
            self.tidy(n);
        }
    }

    /// Takes the rows of another.
    pub fn join(&mut self, n: usize, other: Self) {
        self.kept.extend(other.kept);
        self.tidy(n);
    }

    /// The `n` rows of the least ranks, in any order.
    pub fn finish(mut self, n: usize) -> Vec<Ranked> {
        self.cut(n);
        self.kept
    }

    /// Twice as many rows as are needed are let in before they are cut, which then costs each row little.
    fn tidy(&mut self, n: usize) {
        if self.kept.len() >= n.saturating_mul(2).max(1024) {
            self.cut(n);
        }
    }

    fn cut(&mut self, n: usize) {
        if let Some(last) = n.checked_sub(1).filter(|last| *last < self.kept.len()) {
            let (_, last, _) = self.kept.select_nth_unstable(last);
            self.most = Some(last.rank);
        }
        self.kept.truncate(n);
    }
}

fn independent_rank(cell: &Cell<'_>, bin: Bin, i: usize, rows: usize, seed: u64) -> usize {
    let stratum = cell.stratum.map(|stratum| format!("\u{1f}{stratum}")).unwrap_or_default();
    let text = format!("draw\u{1f}{}{stratum}\u{1f}{}\u{1f}{i}", cell.benchmark, bin.name());
    let hash = xxh3_64_with_seed(text.as_bytes(), seed);
    ((u128::from(hash) * rows as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_were_offered_in_rounds_are_the_least_of_all() {
        // Each rank is given three times, so that rows decide between equal ranks.
        let ranked = |row: u32| {
            let rank = u64::from(row / 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            Ranked { rank, row, identity: u64::from(row) + 1, earlier: row % 3 }
        };
        let mut all: Vec<Ranked> = (0..30_000).map(ranked).collect();
        all.sort_unstable();
        let rows: Vec<u32> = (0..30_000).collect();
        for n in [1, 2, 500, 1_023, 4_000, 30_000, usize::MAX] {
            let mut least = Least::default();
            for round in rows.chunks(4_321) {
                let of_part = |rows: &[u32]| {
                    let mut own = least.to_join();
                    rows.iter().for_each(|row| own.offer(n, ranked(*row)));
                    own
                };
                let parts: Vec<Least> = round.chunks(1_000).map(of_part).collect();
                parts.into_iter().for_each(|part| least.join(n, part));
            }
            let mut found = least.finish(n);
            found.sort_unstable();
            assert_eq!(found, all[..n.min(all.len())], "{n}");
        }
    }

    #[test]
    fn the_least_of_many_stretches_are_the_least_of_all() {
        // Each rank is given twice, so that rows decide between equal ranks.
        let rank = |row: u32| u64::from(row / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let rows: Vec<u32> = (0..100_001).filter(|row| row % 3 > 0).collect();
        let mut all: Vec<(u64, u32)> = rows.iter().map(|row| (rank(*row), *row)).collect();
        all.sort_unstable();
        for n in [0, 1, 7, 20_000, rows.len(), rows.len() + 5] {
            let found = least(&rows, n, &ranks("a", 1), |_, row| rank(row));
            assert_eq!(found, all[..n.min(rows.len())], "{n}");
        }
    }
}
