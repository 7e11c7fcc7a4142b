//! The duplicates that were found in a benchmark. Nothing looks for them yet.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use super::StoreError;

/// The duplicates that were found in a benchmark.
#[derive(Debug)]
pub struct Duplicates {
    /// The group of near-duplicates of each identity that is in one: the smallest identity in it.
    pub groups: HashMap<u64, u64>,
    /// The identities of rows with the same question and different answers.
    pub conflicts: HashSet<u64>,
}

impl Duplicates {
    /// Those of a benchmark in the folder of its store; `None` if none were looked for.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(_folder: &Path, _benchmark: &str) -> Result<Option<Self>, StoreError> {
        Ok(None)
    }

    /// Whether they were looked for in rows of these identities.
    pub fn belongs_to(&self, _identities: &[u64]) -> bool {
        true
    }
}
