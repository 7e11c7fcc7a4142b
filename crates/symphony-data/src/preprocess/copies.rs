//! Copies: rows with the same identity, and whether their other fields agree.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use crate::{difficulty::FeatureColumns, row::RowBatch, store::Copies};

/// About how many copies are compared at most; a benchmark with more has other problems.
pub(super) const COMPARED: usize = 10_000;

/// Counts the rows whose identity occurs more than once, and compares their fields.
pub(crate) struct CopyFinder {
    /// The number of rows beyond the first of each identity.
    rows: u64,
    /// The repeated identities that are compared, with the fields of each of their rows.
    seen: Mutex<HashMap<u64, Vec<Fields>, foldhash::fast::FixedState>>,
}

/// A row's number, and each of its fields with a hash of its value, sorted by name.
pub(super) type Fields = (u64, Vec<(String, u64)>);

impl CopyFinder {
    /// Finds the identities that occur more than once.
    pub fn of(mut identities: Vec<u64>) -> Self {
        identities.sort_unstable();
        let (mut rows, mut seen) = (0, HashMap::default());
        for same in identities.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
            rows += same.len() as u64 - 1;
            if rows as usize <= COMPARED {
                seen.insert(same[0], Vec::new());
            }
        }
        Self { rows, seen: Mutex::new(seen) }
    }

    /// Looks for rows with these identities.
    pub fn looking_for(identities: impl IntoIterator<Item = u64>) -> Self {
        let seen: HashMap<u64, Vec<Fields>, _> =
            identities.into_iter().map(|identity| (identity, Vec::new())).collect();
        Self { rows: seen.len() as u64, seen: Mutex::new(seen) }
    }

    /// The fields of the rows that were looked for, by identity.
    pub fn fields(self) -> Vec<(u64, Vec<Fields>)> {
        let seen = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut fields: Vec<_> = seen.into_iter().filter(|(_, rows)| !rows.is_empty()).collect();
        fields.sort_unstable();
        fields
    }

    /// What several machines found in their rows, where `rows` rows in all are copies.
    pub fn merged(rows: u64, found: impl IntoIterator<Item = (u64, Vec<Fields>)>) -> Self {
        let mut seen: HashMap<u64, Vec<Fields>, _> = HashMap::default();
        found.into_iter().for_each(|(identity, fields)| seen.entry(identity).or_default().extend(fields));
        Self { rows, seen: Mutex::new(seen) }
    }

    /// Records the fields of the copies in a batch.
    pub fn look_at(&self, batch: &RowBatch, features: &FeatureColumns) {
        if self.rows == 0 {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, identity) in features.rows().zip(&features.identities) {
            if let Some(rows) = seen.get_mut(identity)
                && let Ok(text) = batch.row(row)
            {
                let fields: serde_json::Result<HashMap<String, &RawValue>> = serde_json::from_str(text);
                let hashed =
                    fields.unwrap_or_default().into_iter().map(|(key, value)| (key, xxh3_64(value.get().as_bytes())));
                let mut hashed: Vec<(String, u64)> = hashed.collect();
                hashed.sort_unstable();
                rows.push((batch.row_number(row), hashed));
            }
        }
    }

    /// The result; `None` if no two rows have the same identity.
    pub fn found(self) -> Option<Copies> {
        let mut copies = Copies { rows: self.rows, differing: 0, fields: Vec::new() };
        let mut fields = BTreeSet::new();
        for mut rows in self.seen.into_inner().unwrap_or_else(PoisonError::into_inner).into_values() {
            rows.sort_unstable();
            let Some(((_, first), others)) = rows.split_first() else { continue };
            for (_, other) in others.iter().filter(|(_, other)| other != first) {
                copies.differing += 1;
                let differ = first.iter().filter(|field| !other.contains(field));
                let differ = differ.chain(other.iter().filter(|field| !first.contains(field)));
                fields.extend(differ.map(|(name, _)| name.clone()));
            }
        }
        copies.fields = fields.into_iter().collect();
        (copies.rows > 0).then_some(copies)
    }
}
