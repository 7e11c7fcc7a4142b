//! The index beside a store of JSON lines: the score, the identity and the place of each line, so that a draw reads only the
//! lines that it draws, and notices damage in them.
//!
//! Rows come in groups, and a group has three blocks: its scores, its identities, its places. After the last group come the
//! labels ([`super::labels`]), the checksums of all blocks, and the store that the index belongs to ([`super::seal`]). Numbers
//! are little-endian.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    StoreError,
    labels::{Label, Labels, WrittenLabels},
    seal::{Bytes, End, number},
};
use crate::disk::{DiskError, NewFile, WrittenFile};

/// The number at the end is raised when the format changes.
const MAGIC: &[u8; 8] = b"symidx02";
/// How many rows a group has. To read a drawn row, all places of its group are read.
const GROUP: usize = 1024;
/// The bytes of a row in each block: a score, an identity, a place.
const WIDTHS: [usize; 3] = [8, 8, 24];
const ROW: usize = 40;

/// The index entry of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    /// The difficulty score.
    pub score: f64,
    /// The identity.
    pub identity: u64,
    /// The line's length in bytes, with its end of line.
    pub length: u32,
    /// The length in bytes of the row in it.
    pub raw_length: u32,
    /// xxh3_64 of the line.
    pub hash: u64,
}

/// The place of a row's line in the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub offset: u64,
    pub hash: u64,
    pub length: u32,
    pub raw_length: u32,
}

impl Entry {
    /// The entry of a line, and its features as JSON; `None` if the line is not valid in a store.
    pub fn of_line(line: &[u8]) -> Option<(Self, &[u8])> {
        #[derive(Deserialize)]
        struct Line<'l> {
            difficulty_score: f64,
            #[serde(borrow)]
            raw_data: &'l RawValue,
            #[serde(borrow)]
            scorer_metadata: &'l RawValue,
            identity: &'l str,
        }
        let Line { difficulty_score, raw_data, scorer_metadata, identity } = serde_json::from_slice(line).ok()?;
        let entry = Self {
            score: difficulty_score,
            identity: u64::from_str_radix(identity, 16).ok()?,
            length: u32::try_from(line.len()).ok()?,
            raw_length: u32::try_from(raw_data.get().len()).ok()?,
            hash: xxh3_64(line),
        };
        Some((entry, scorer_metadata.get().as_bytes()))
    }
}

/// Writes an index, row by row.
pub(super) struct IndexWriter<T> {
    to: T,
    /// The group that is being filled.
    blocks: [Vec<u8>; 3],
    /// The checksums of the blocks written.
    table: Vec<u8>,
    rows: u64,
    offset: u64,
}

/// The target of an index: a file, or memory.
pub(super) trait Target {
    fn put(&mut self, bytes: &[u8]) -> Result<(), DiskError>;
}

impl Target for NewFile {
    fn put(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        Self::put(self, bytes)
    }
}

impl Target for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

impl<T: Target> IndexWriter<T> {
    pub fn new(to: T) -> Self {
        Self { to, blocks: Default::default(), table: Vec::new(), rows: 0, offset: 0 }
    }

    /// Appends the entries of the next rows.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), DiskError> {
        for entry in entries {
            let [scores, identities, places] = &mut self.blocks;
            scores.extend_from_slice(&entry.score.to_le_bytes());
            identities.extend_from_slice(&entry.identity.to_le_bytes());
            places.extend_from_slice(&self.offset.to_le_bytes());
            places.extend_from_slice(&entry.hash.to_le_bytes());
            places.extend_from_slice(&entry.length.to_le_bytes());
            places.extend_from_slice(&entry.raw_length.to_le_bytes());
            self.offset += u64::from(entry.length);
            self.rows += 1;
            if self.rows.is_multiple_of(GROUP as u64) {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), DiskError> {
        for block in &mut self.blocks {
            self.table.extend_from_slice(&xxh3_64(block).to_le_bytes());
            self.to.put(block)?;
            block.clear();
        }
        Ok(())
    }

    /// Completes the index of this store, whose rows have these labels.
    pub fn finish(mut self, labels: &WrittenLabels, store: &WrittenFile) -> Result<T, DiskError> {
        if !self.blocks[0].is_empty() {
            self.end_group()?;
        }
        self.to.put(&labels.bytes)?;
        let end = End { rows: self.rows, labels: labels.end };
        self.to.put(&end.sealed(self.table, *MAGIC, store))?;
        Ok(self.to)
    }
}

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    bytes: Bytes,
    rows: usize,
    /// The checksums of each group's blocks.
    table: Vec<[u64; 3]>,
    labels: Labels,
}

impl Index {
    /// Opens the index at `path`, if it belongs to this store. It stays open if it is `held`.
    ///
    /// # Errors
    /// Why the index cannot be used.
    pub fn open(path: &Path, held: bool, store: &WrittenFile) -> Result<Self, String> {
        Self::of(path, Bytes::open(path, held)?, store)
    }

    /// The index that an [`IndexWriter`] wrote into memory.
    pub fn in_memory(path: &Path, written: Vec<u8>, store: &WrittenFile) -> Result<Self, String> {
        Self::of(path, Bytes::Memory(written), store)
    }

    fn of(path: &Path, bytes: Bytes, store: &WrittenFile) -> Result<Self, String> {
        let (end, table) = bytes.unsealed(*MAGIC, store, |End { rows, labels }| {
            let labels = Labels::at(rows.checked_mul(ROW as u64)?, rows, labels);
            Some((labels.end()?, rows.div_ceil(GROUP as u64).checked_mul(24)?))
        })?;
        let table = table.chunks_exact(24).map(|sums| [0, 8, 16].map(|at| number(sums, at))).collect();
        let labels = Labels::at(end.rows * ROW as u64, end.rows, end.labels);
        Ok(Self { path: path.to_owned(), bytes, rows: end.rows as usize, table, labels })
    }

    /// How many rows the store has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All scores, in the order of the rows.
    pub fn scores(&self) -> Result<Vec<f64>, StoreError> {
        self.column(0, |bits| f64::from_bits(number(bits, 0)))
    }

    /// All identities.
    pub fn identities(&self) -> Result<Vec<u64>, StoreError> {
        self.column(1, |bits| number(bits, 0))
    }

    /// The places of these rows, which must ascend.
    pub fn places(&self, rows: &[u32]) -> Result<Vec<Place>, StoreError> {
        let groups: Vec<&[u32]> = rows.chunk_by(|a, b| *a as usize / GROUP == *b as usize / GROUP).collect();
        let places = |rows: &&[u32]| {
            let group = rows[0] as usize / GROUP;
            let block = self.block(group, 2)?;
            Ok(rows
                .iter()
                .map(|row| {
                    let place = &block[(*row as usize % GROUP) * 24..];
                    let lengths = number(place, 16);
                    Place {
                        offset: number(place, 0),
                        hash: number(place, 8),
                        length: lengths as u32,
                        raw_length: (lengths >> 32) as u32,
                    }
                })
                .collect::<Vec<_>>())
        };
        let places: Vec<Vec<Place>> =
            groups.par_iter().with_min_len(16).map(places).collect::<Result<_, StoreError>>()?;
        Ok(places.into_iter().flatten().collect())
    }

    /// The names of the labels.
    pub fn label_names(&self) -> Result<Vec<String>, StoreError> {
        self.labels.names(&self.bytes, &self.path)
    }

    /// The labels with names that are `wanted`.
    pub fn labels(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Label>, StoreError> {
        self.labels.load(&self.bytes, &self.path, wanted)
    }

    /// The labels as they are written, for another index of the same rows.
    pub fn written_labels(&self) -> Result<WrittenLabels, StoreError> {
        self.labels.copy(&self.bytes, &self.path)
    }

    /// Checks every block, and the labels.
    ///
    /// # Errors
    /// The index was changed since it was written.
    pub fn check(&self) -> Result<(), StoreError> {
        self.labels(&|_| true)?;
        (0..self.table.len()).try_for_each(|group| (0..3).try_for_each(|block| self.block(group, block).map(drop)))
    }

    fn column<T: Send>(&self, block: usize, value: impl Fn(&[u8]) -> T + Sync) -> Result<Vec<T>, StoreError> {
        let of_group = |group| Ok(self.block(group, block)?.chunks_exact(8).map(&value).collect());
        let groups: Vec<Vec<T>> =
            (0..self.table.len()).into_par_iter().with_min_len(16).map(of_group).collect::<Result<_, StoreError>>()?;
        Ok(groups.into_iter().flatten().collect())
    }

    /// One block of a group.
    fn block(&self, group: usize, block: usize) -> Result<Vec<u8>, StoreError> {
        let rows = GROUP.min(self.rows.saturating_sub(group * GROUP));
        let before: usize = WIDTHS[..block].iter().sum();
        let from = (group * GROUP * ROW + rows * before) as u64;
        let mut bytes = vec![0; rows * WIDTHS[block]];
        self.bytes.read(&mut bytes, from).map_err(|error| DiskError::new(&self.path, "read this file", error))?;
        match self.table.get(group) {
            Some(sums) if sums[block] == xxh3_64(&bytes) => Ok(bytes),
            _ => Err(StoreError::stale(&self.path, "this file was changed or damaged (checksum)")),
        }
    }
}
