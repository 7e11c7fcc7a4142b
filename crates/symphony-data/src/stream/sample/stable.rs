//! The sampler whose pools nest: every choice is a hash of the task itself.
//!
//! A task's priority is xxh3_64(benchmark, identity, k; seed), where k counts the earlier rows of the same identity.
//! Neither the other tasks nor their number enter, so a larger pool holds the smaller one, and row order, file format,
//! threads and machines do not matter. Hashed fields are joined by 0x1F; identities are their 16 hex digits.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Sampler;
use crate::{
    config::Replacement,
    stream::{Allocation, Bin, Candidates, Draw, delivered},
};

pub(super) struct Stable;

impl Sampler for Stable {
    fn draw(
        &self,
        candidates: &[Candidates<'_>],
        allocation: &Allocation,
        replacement: Replacement,
        seed: u64,
    ) -> Vec<Draw> {
        let mut ordered: Vec<(u64, Draw)> = Vec::new();
        for (benchmark, (candidate, asked)) in candidates.iter().zip(allocation).enumerate() {
            let repeats = earlier_of_same_identity(candidate.identities);
            let key =
                |row: u32| (format!("{:016x}", candidate.identities[row as usize]), repeats[row as usize].to_string());
            for bin in Bin::ALL {
                let rows = &candidate.bins.rows[bin];
                let n = delivered(asked[bin], rows.len() as u64, replacement) as usize;
                if n == 0 {
                    continue;
                }
                let mut ranked: Vec<(u64, u32)> = rows
                    .iter()
                    .map(|&row| {
                        let (identity, k) = key(row);
                        (hash(&[candidate.benchmark, &identity, &k], seed), row)
                    })
                    .collect();
                ranked.sort_unstable();
                let mut taken: HashMap<u32, u32> = HashMap::new();
                for i in 0..n {
                    let rank = match replacement {
                        Replacement::Always => independent_rank(candidate.benchmark, bin, i, ranked.len(), seed),
                        // Round and round: every task ⌊n/m⌋ times before any is taken once more.
                        Replacement::Never | Replacement::WhenShort => i % ranked.len(),
                    };
                    let row = ranked[rank].1;
                    let copies = taken.entry(row).or_insert(0);
                    let (identity, k) = key(row);
                    let place = hash(&["order", candidate.benchmark, &identity, &k, &copies.to_string()], seed);
                    ordered.push((place, Draw { benchmark, row, copy: *copies, bin }));
                    *copies += 1;
                }
            }
        }
        ordered.sort_unstable();
        ordered.into_iter().map(|(_, draw)| draw).collect()
    }
}

fn independent_rank(benchmark: &str, bin: Bin, i: usize, rows: usize, seed: u64) -> usize {
    let hash = hash(&["draw", benchmark, bin.name(), &i.to_string()], seed);
    ((u128::from(hash) * rows as u128) >> 64) as usize
}

fn hash(fields: &[&str], seed: u64) -> u64 {
    xxh3_64_with_seed(fields.join("\u{1f}").as_bytes(), seed)
}

/// For each row, how many earlier rows have the same identity.
fn earlier_of_same_identity(identities: &[u64]) -> Vec<u32> {
    let mut seen = HashMap::with_capacity(identities.len());
    identities
        .iter()
        .map(|identity| {
            let count = seen.entry(identity).or_insert(0_u32);
            *count += 1;
            *count - 1
        })
        .collect()
}
