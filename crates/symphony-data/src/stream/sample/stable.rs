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
    priority::{Earlier, hash_of},
};
use crate::{
    bin::Bin,
    request::Replacement,
    stream::{Allocation, Draw, delivered},
};

pub(super) struct Stable;

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
            let hash_of = |text: &mut Vec<u8>, before: &[&str], row: u32, behind: Option<u32>| {
                hash_of(text, before, (cell.identities[row as usize], earlier.rows(row)), behind, seed)
            };
            for bin in Bin::ALL {
                let rows = &cell.bins.rows[bin];
                let n = delivered(asked[bin], rows.len() as u64, replacement) as usize;
                if n == 0 {
                    continue;
                }
                let mut ranked: Vec<(u64, u32)> = rows
                    .par_iter()
                    .with_min_len(1024)
                    .map_init(Vec::new, |text, &row| (hash_of(text, &[cell.benchmark], row, None), row))
                    .collect();
                if n < ranked.len() && replacement != Replacement::Always {
                    // Only the rows that are taken need an order.
                    ranked.select_nth_unstable(n);
                    ranked.truncate(n);
                }
                ranked.sort_unstable();
                let mut taken: HashMap<u32, u32> = HashMap::new();
                let mut text = Vec::new();
                for i in 0..n {
                    let rank = match replacement {
                        Replacement::Always => independent_rank(cell, bin, i, ranked.len(), seed),
                        // Round after round: every one of the m tasks ⌊n/m⌋ times before any is taken once more.
                        Replacement::Never | Replacement::WhenShort => i % ranked.len(),
                    };
                    let row = ranked[rank].1;
                    let copies = taken.entry(row).or_insert(0);
                    let place = hash_of(&mut text, &["order", cell.benchmark], row, Some(*copies));
                    ordered.push((place, Draw { benchmark, row, copy: *copies, bin }));
                    *copies += 1;
                }
            }
        }
        ordered.sort_unstable();
        ordered.into_iter().map(|(_, draw)| draw).collect()
    }
}

fn independent_rank(cell: &Cell<'_>, bin: Bin, i: usize, rows: usize, seed: u64) -> usize {
    let stratum = cell.stratum.map(|stratum| format!("\u{1f}{stratum}")).unwrap_or_default();
    let text = format!("draw\u{1f}{}{stratum}\u{1f}{}\u{1f}{i}", cell.benchmark, bin.name());
    let hash = xxh3_64_with_seed(text.as_bytes(), seed);
    ((u128::from(hash) * rows as u128) >> 64) as usize
}
