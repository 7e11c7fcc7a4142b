//! `{b}_duplicates.jsonl` and its meta: which rows of a benchmark are copies, conflicts or near-duplicates.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{Meta, StoreError};
use crate::disk::{DiskError, WrittenFile, checksum};

/// The file name of a benchmark's duplicates.
pub fn duplicates_name(benchmark: &str) -> String {
    format!("{benchmark}_duplicates.jsonl")
}

/// The file name of the meta of a benchmark's duplicates.
pub fn duplicates_meta_name(benchmark: &str) -> String {
    format!("{benchmark}_duplicates_meta.json")
}

/// The file name of a benchmark's overlap with other text.
pub fn overlap_name(benchmark: &str) -> String {
    format!("{benchmark}_overlap.jsonl")
}

/// How a row is related to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// An earlier row of the benchmark has the same identity.
    Copy,
    /// Another row has the same text and another answer.
    Conflict,
    /// The text is similar to that of another row, whose identity is another one.
    Near,
}

/// A row's line in `{b}_duplicates.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DuplicateRow {
    /// `bbh_282`.
    pub source_id: String,
    /// 16 hex digits.
    pub identity: String,
    /// How it is related to others; empty for the first row of a group, which others are related to.
    pub kinds: Vec<Relation>,
    /// The name of its group, 16 hex digits: the smallest identity in it. A row of a benchmark without identity fields
    /// counts there by a hash of benchmark and row number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The identity whose place counts in partitions, if it is not the group: what the row had when duplicates were looked for
    /// before, so that it does not move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The row that it is a copy of, or similar to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// The Jaccard similarity of both texts, 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
    /// The first row with the same text and another answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts_with: Option<String>,
}

/// What `{b}_duplicates_meta.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DuplicatesMeta {
    /// The benchmark.
    pub benchmark: String,
    /// How many rows it has.
    pub n_tasks_full: u64,
    /// The benchmarks that were compared, this one among them.
    pub compared: Vec<String>,
    /// How many words in a row were compared as one.
    pub shingle_words: u64,
    /// The Jaccard similarity from which texts are near-duplicates.
    pub similar_from: f64,
    /// Whether every candidate pair was compared. If many thousand rows are almost similar to each other, some are not.
    pub complete: bool,
    /// How many rows are copies of earlier rows.
    pub copies: u64,
    /// How many rows have the same text as another row and another answer.
    pub conflicts: u64,
    /// How many rows of a group stand behind its first row of this benchmark and are no copies.
    pub near: u64,
    /// A checksum over the identities of all rows in their order: it says whether this still belongs to the store.
    pub identities: String,
    /// `{b}_duplicates.jsonl`.
    pub duplicates: WrittenFile,
    /// The program that wrote this.
    pub tool: String,
    /// The checksum over this file with this value empty.
    pub self_checksum: String,
}

/// A row's line in `{b}_overlap.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverlapRow {
    /// `gsm8k_26`.
    pub source_id: String,
    /// 16 hex digits.
    pub identity: String,
    /// How many of its runs of words occur in the other text.
    pub found: u32,
    /// How many runs it has.
    pub of: u32,
    /// The most words in a row all of whose runs were found.
    pub longest: u32,
    /// The file of the first one, without its folders.
    pub file: String,
    /// The line of the first one, from 1, or the number of its row in files without lines.
    pub line: u64,
}

/// A checksum over identities, in the order of their rows. Where these are row numbers, which say nothing about the rows, also over the
/// files that the rows came from.
pub fn checksum_of(identities: &[u64], store: &Meta) -> String {
    let mut bytes: Vec<u8> = identities.iter().flat_map(|identity| identity.to_le_bytes()).collect();
    if are_row_numbers(identities, store) {
        for file in &store.source.files {
            bytes.extend_from_slice(file.checksum.as_bytes());
        }
    }
    checksum::sha256_of(&bytes)
}

/// Whether identities are those of row numbers, as in a benchmark without identity fields. The number of the first row is as large as the
/// number of rows that were set aside before it.
pub(crate) fn are_row_numbers(identities: &[u64], store: &Meta) -> bool {
    let is_first = |first: &u64| (0..=store.rejected_rows).any(|row| xxh3_64(row.to_string().as_bytes()) == *first);
    identities.first().is_some_and(is_first)
}

/// The duplicates of a benchmark, as a draw needs them.
#[derive(Clone, Debug)]
pub struct Duplicates {
    /// How they were found.
    pub meta: DuplicatesMeta,
    /// The group of each identity in a group. Groups of several benchmarks that were compared together have one name.
    pub groups: HashMap<u64, u64>,
    /// The identity whose place in partitions counts for each identity in a group.
    pub places: HashMap<u64, u64>,
    /// The identities of rows whose text another row has with another answer.
    pub conflicts: HashSet<u64>,
}

impl Duplicates {
    /// Reads the duplicates of `benchmark` in `folder`; `None` if nobody looked for them.
    ///
    /// # Errors
    /// A file cannot be read, or was changed since it was written.
    pub fn read(folder: &Path, benchmark: &str) -> Result<Option<Self>, StoreError> {
        let stale = |path: &Path, what: &str| {
            StoreError::stale(
                path,
                format!("{what}; look for duplicates again, or remove {}", duplicates_meta_name(benchmark)),
            )
        };
        let read = |path: &Path| match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(stale(path, "this file was damaged")),
            Err(error) => Err(DiskError::new(path, "read this file", error).into()),
        };
        let meta_path = folder.join(duplicates_meta_name(benchmark));
        let Some(meta) = read(&meta_path)? else { return Ok(None) };
        if !checksum::is_sealed(&meta) {
            return Err(stale(&meta_path, "this file was changed or damaged (self_checksum)"));
        }
        let meta: DuplicatesMeta = serde_json::from_str(&meta)
            .map_err(|error| stale(&meta_path, &format!("this file was written by another version ({error})")))?;
        if meta.benchmark != benchmark {
            return Err(stale(&meta_path, &format!("this file is about {}", meta.benchmark)));
        }
        let path = folder.join(duplicates_name(benchmark));
        let Some(text) = read(&path)? else { return Err(stale(&path, "this file is missing")) };
        let damaged = || stale(&path, "this file was changed or damaged (checksum)");
        if checksum::sha256_of(text.as_bytes()) != meta.duplicates.checksum {
            return Err(damaged());
        }
        let (mut groups, mut places, mut conflicts) = (HashMap::new(), HashMap::new(), HashSet::new());
        for line in text.lines() {
            let row: DuplicateRow = serde_json::from_str(line).map_err(|_| damaged())?;
            let number = |hex: &str| u64::from_str_radix(hex, 16).map_err(|_| damaged());
            let identity = number(&row.identity)?;
            if let Some(group) = &row.group {
                groups.insert(identity, number(group)?);
                places.insert(identity, number(row.place.as_ref().unwrap_or(group))?);
            }
            if row.kinds.contains(&Relation::Conflict) {
                conflicts.insert(identity);
            }
        }
        Ok(Some(Self { meta, groups, places, conflicts }))
    }

    /// Whether these are the duplicates of a store with these identities, in the order of its rows.
    pub fn belong_to(&self, store: &Meta, identities: &[u64]) -> bool {
        self.meta.n_tasks_full == store.n_tasks_full && self.meta.identities == checksum_of(identities, store)
    }

    /// How many of the first rows with these identities they were looked for in; none if these are other rows.
    pub fn rows_known(&self, store: &Meta, identities: &[u64]) -> usize {
        let known = identities.get(..self.meta.n_tasks_full as usize).unwrap_or_default();
        let are_same = !known.is_empty() && self.meta.identities == checksum_of(known, store);
        if are_same { known.len() } else { 0 }
    }
}
