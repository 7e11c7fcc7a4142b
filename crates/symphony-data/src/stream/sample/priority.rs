//! Hashes that give each row a place of its own: they do not depend on other rows, on row order, threads or machines.

use std::collections::HashMap;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Cell;
use crate::{bin::Bin, store::hex};

/// The separator of two hashed fields.
const JOIN: u8 = 0x1f;

/// Hashes of rows of one kind: xxh3_64 of some texts, of a row's identity with the number of earlier rows that have it too, and of
/// a number where it has one.
#[derive(Clone)]
pub(crate) struct Hashes {
    text: Vec<u8>,
    /// The length of the texts that all have.
    before: usize,
    seed: u64,
}

impl Hashes {
    /// Those that begin with these texts.
    pub fn of(before: &[&str], seed: u64) -> Self {
        let text: Vec<u8> = before.iter().flat_map(|field| field.bytes().chain([JOIN])).collect();
        Self { before: text.len(), text, seed }
    }

    /// The hash of a row.
    pub fn hash(&mut self, (identity, earlier): (u64, u32), behind: Option<u32>) -> u64 {
        self.text.truncate(self.before);
        self.text.extend_from_slice(&hex(identity));
        for number in [Some(earlier), behind].into_iter().flatten() {
            self.text.push(JOIN);
            // A JSON number is its digits. Writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut self.text, &number);
        }
        xxh3_64_with_seed(&self.text, self.seed)
    }
}

/// For each row, how many earlier rows that may be drawn have the same identity; empty if all identities differ.
#[derive(Default)]
pub(super) struct Earlier(Vec<u32>);

impl Earlier {
    pub fn of(cell: &Cell<'_>) -> Self {
        if let Some(known) = cell.earlier {
            return Self(known.to_vec());
        }
        let identities = cell.identities;
        let eligible = cell.eligible.sizes().total() as usize;
        // Rows that may not be drawn do not count.
        let rows: Option<Vec<u32>> = (eligible < identities.len()).then(|| {
            let mut rows: Vec<u32> = Bin::ALL.iter().flat_map(|&bin| cell.eligible.rows[bin].iter().copied()).collect();
            rows.par_sort_unstable();
            rows
        });
        let mut sorted = match &rows {
            None => identities.to_vec(),
            Some(rows) => rows.iter().map(|row| identities[*row as usize]).collect(),
        };
        sorted.par_sort_unstable();
        // Only repeated identities are counted: even of ten million rows, these may be few.
        let mut seen: HashMap<u64, u32> =
            sorted.windows(2).filter(|two| two[0] == two[1]).map(|two| (two[0], 0)).collect();
        drop(sorted);
        if seen.is_empty() {
            return Self(Vec::new());
        }
        let mut earlier = |identity: u64| {
            seen.get_mut(&identity).map_or(0, |count| {
                *count += 1;
                *count - 1
            })
        };
        match rows {
            None => Self(identities.iter().map(|identity| earlier(*identity)).collect()),
            Some(rows) => {
                let mut counts = vec![0; identities.len()];
                rows.iter().for_each(|row| counts[*row as usize] = earlier(identities[*row as usize]));
                Self(counts)
            }
        }
    }

    /// How many earlier rows have the identity of this row.
    pub fn rows(&self, row: u32) -> u32 {
        self.0.get(row as usize).copied().unwrap_or(0)
    }
}
