//! Which rows of a benchmark may be drawn: every condition leaves out some, and says how many.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use rayon::prelude::*;
use serde::Serialize;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How many rows one job looks at.
const ROWS_AT_ONCE: usize = 1 << 16;

/// A set of identities. They are hashes already; the hasher only spreads them.
pub type Identities = HashSet<u64, foldhash::fast::FixedState>;

/// The rows of a benchmark that may be drawn, and how many each condition left out.
#[derive(Clone, Debug)]
pub struct Eligible {
    may: Vec<bool>,
    /// The conditions so far, in order.
    pub left_out: Vec<LeftOut>,
}

/// How many rows a condition left out of those that met all conditions before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What these rows are, such as `drawn by train` or `copies`.
    pub why: String,
    /// How many there are.
    pub rows: u64,
    /// A checksum of what the condition read, if it read a list of tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// How many rows of a benchmark may be drawn, and why no others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EligibleRows {
    /// How many rows the benchmark has.
    pub rows: u64,
    /// What each condition left out, in order.
    pub left_out: Vec<LeftOut>,
    /// How many rows may be drawn.
    pub eligible: u64,
}

impl fmt::Display for EligibleRows {
    /// `1319 rows; 200 drawn by train; 4 copies; 1115 eligible`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows; ", self.rows)?;
        for LeftOut { why, rows, .. } in &self.left_out {
            write!(f, "{rows} {why}; ")?;
        }
        write!(f, "{} eligible", self.eligible)
    }
}

impl Eligible {
    /// All of so many rows.
    pub fn all(rows: usize) -> Self {
        Self { may: vec![true; rows], left_out: Vec::new() }
    }

    /// Whether a row may be drawn.
    pub fn is(&self, row: u32) -> bool {
        self.may.get(row as usize).copied().unwrap_or_default()
    }

    /// How many rows may be drawn.
    pub fn count(&self) -> u64 {
        self.may.iter().filter(|may| **may).count() as u64
    }

    /// The record of it.
    pub fn record(&self) -> EligibleRows {
        EligibleRows { rows: self.may.len() as u64, left_out: self.left_out.clone(), eligible: self.count() }
    }

    /// Leaves out the rows that do not fit; `why` says what these are.
    pub fn keep(&mut self, why: impl Into<String>, fits: impl Fn(u32) -> bool + Sync) {
        let of_chunk = |(chunk, may): (usize, &mut [bool])| {
            let mut lost = 0;
            for (row, may) in (chunk * ROWS_AT_ONCE..).zip(may) {
                if *may && !fits(row as u32) {
                    *may = false;
                    lost += 1;
                }
            }
            lost
        };
        let rows = self.may.par_chunks_mut(ROWS_AT_ONCE).enumerate().map(of_chunk).sum();
        self.left_out.push(LeftOut { why: why.into(), rows, checksum: None });
    }

    /// Records the checksum of what the last condition read.
    pub fn read(&mut self, checksum: impl Into<String>) {
        if let Some(last) = self.left_out.last_mut() {
            last.checksum = Some(checksum.into());
        }
    }

    /// Of the rows with the same key, leaves out all but the first that may be drawn. A row without a key stays.
    pub fn keep_first(&mut self, why: impl Into<String>, key: impl Fn(u32) -> Option<u64>) {
        let mut seen = Identities::default();
        let mut rows = 0;
        for (row, may) in (0_u32..).zip(&mut self.may).filter(|(_, may)| **may) {
            if key(row).is_some_and(|key| !seen.insert(key)) {
                *may = false;
                rows += 1;
            }
        }
        self.left_out.push(LeftOut { why: why.into(), rows, checksum: None });
    }
}

/// The identities that more than one row has.
pub fn repeated(identities: &[u64]) -> Identities {
    let mut sorted = identities.to_vec();
    sorted.par_sort_unstable();
    sorted.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0]).collect()
}

/// Tasks that are left out, by identity. The identity of a benchmark without identity fields is that of a row number, which says
/// nothing about the rows of another benchmark.
#[derive(Clone, Debug, Default)]
pub struct Excluded {
    /// Identities that are left out of every benchmark.
    pub everywhere: Identities,
    /// Identities that are left out of one benchmark.
    pub of_benchmark: HashMap<String, Identities>,
}

impl Excluded {
    /// Whether a row of this benchmark is among them.
    pub fn has(&self, benchmark: &str, identity: u64) -> bool {
        self.everywhere.contains(&identity)
            || self.of_benchmark.get(benchmark).is_some_and(|own| own.contains(&identity))
    }

    /// A text that tells one set of tasks from another, whatever their order.
    pub fn checksum(&self) -> String {
        let sum = |of: &str, identities: &Identities| {
            let seed = xxh3_64(of.as_bytes());
            identities.iter().map(|one| xxh3_64_with_seed(&one.to_le_bytes(), seed)).fold(0, u64::wrapping_add)
        };
        let own = self.of_benchmark.iter().map(|(benchmark, own)| sum(benchmark, own)).fold(0, u64::wrapping_add);
        format!("xxh3:{:016x}", sum("", &self.everywhere).wrapping_add(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_says_how_many_rows_it_left_out() {
        let mut eligible = Eligible::all(10);
        eligible.keep("odd", |row| row % 2 == 0);
        eligible.keep("large", |row| row < 6);
        eligible.keep_first("copies", |row| Some(u64::from(row / 4)));
        assert_eq!(eligible.record().to_string(), "10 rows; 5 odd; 2 large; 1 copies; 2 eligible");
        assert_eq!((0..12).filter(|row| eligible.is(*row)).collect::<Vec<_>>(), [0, 4]);
    }

    #[test]
    fn row_numbers_of_one_benchmark_are_not_those_of_another() {
        let mut excluded = Excluded::default();
        excluded.everywhere.insert(1);
        excluded.of_benchmark.entry("a".to_owned()).or_default().insert(2);
        let found: Vec<bool> =
            [("a", 1), ("b", 1), ("a", 2), ("b", 2)].map(|(of, identity)| excluded.has(of, identity)).to_vec();
        assert_eq!(found, [true, true, true, false]);
    }
}
