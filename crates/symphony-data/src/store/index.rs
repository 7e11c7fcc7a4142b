//! The index beside a store: the score and the identity of each row, and for JSON lines the place of each line, so that a draw
//! reads only the rows that it draws. It lists checksums, too, so that damage is noticed in all that is read.
//!
//! Rows come in groups, and a group has a block for each column: its scores, its identities, its places. After the last group
//! come the labels ([`super::labels`]), the checksums of all blocks and, for Parquet, those of the store's own blocks
//! ([`super::blocks`]), and the store that the index belongs to ([`super::seal`]). Numbers are little-endian.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    StoreError,
    blocks::BLOCK,
    labels::{Label, Labels, WrittenLabels},
    seal::{Bytes, End, number},
};
use crate::disk::{DiskError, NewFile, WrittenFile};

/// How many rows a group has. To read a drawn row, whole blocks of its group are read.
const GROUP: usize = 1024;
/// How many groups a span has. Both columns of a span, 256 KiB, stay in the cache of a core.
const SPAN: usize = 16;

/// What an index of a store in one format is like.
#[derive(Debug)]
pub(super) struct Form {
    /// The number at the end is raised when the format changes.
    magic: [u8; 8],
    /// The bytes of a row in each block of a group: a score, an identity, and what else there is.
    widths: &'static [usize],
    /// The bytes that come after the checksums of the groups.
    more: fn(&WrittenFile) -> u64,
}

/// Of JSON lines: a row has a place too.
pub(super) static LINES: Form = Form { magic: *b"symidx02", widths: &[8, 8, 24], more: |_| 0 };
/// Of Parquet: checksums of the store's blocks come behind those of the groups.
pub(super) static PARQUET: Form =
    Form { magic: *b"symblk03", widths: &[8, 8], more: |store| store.bytes.div_ceil(BLOCK as u64) * 8 };

impl Form {
    /// The bytes of all groups, and those of their checksums; `None` if no index is that large.
    fn lengths(&self, rows: u64) -> Option<(u64, u64)> {
        let row: usize = self.widths.iter().sum();
        let sums = rows.div_ceil(GROUP as u64).checked_mul(8 * self.widths.len() as u64)?;
        Some((rows.checked_mul(row as u64)?, sums))
    }
}

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
    form: &'static Form,
    to: T,
    /// The group that is being filled.
    blocks: Vec<Vec<u8>>,
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
    pub fn new(form: &'static Form, to: T) -> Self {
        Self { form, to, blocks: vec![Vec::new(); form.widths.len()], table: Vec::new(), rows: 0, offset: 0 }
    }

    /// Appends the entries of the next rows of a store of lines.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), DiskError> {
        for entry in entries {
            let place = &mut self.blocks[2];
            place.extend_from_slice(&self.offset.to_le_bytes());
            place.extend_from_slice(&entry.hash.to_le_bytes());
            place.extend_from_slice(&entry.length.to_le_bytes());
            place.extend_from_slice(&entry.raw_length.to_le_bytes());
            self.offset += u64::from(entry.length);
            self.end_row(entry.score, entry.identity)?;
        }
        Ok(())
    }

    /// Appends the scores and identities of the next rows of a Parquet store.
    pub fn append_numbers(&mut self, rows: &[(f64, u64)]) -> Result<(), DiskError> {
        rows.iter().try_for_each(|(score, identity)| self.end_row(*score, *identity))
    }

    fn end_row(&mut self, score: f64, identity: u64) -> Result<(), DiskError> {
        self.blocks[0].extend_from_slice(&score.to_le_bytes());
        self.blocks[1].extend_from_slice(&identity.to_le_bytes());
        self.rows += 1;
        if self.rows.is_multiple_of(GROUP as u64) { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<(), DiskError> {
        for block in &mut self.blocks {
            self.table.extend_from_slice(&xxh3_64(block).to_le_bytes());
            self.to.put(block)?;
            block.clear();
        }
        Ok(())
    }

    /// Completes the index of this store, whose rows have these labels. `more` comes behind the checksums of the groups.
    pub fn finish(mut self, labels: &WrittenLabels, more: &[u8], store: &WrittenFile) -> Result<T, DiskError> {
        if !self.blocks[0].is_empty() {
            self.end_group()?;
        }
        self.to.put(&labels.bytes)?;
        self.table.extend_from_slice(more);
        let end = End { rows: self.rows, labels: labels.end };
        self.to.put(&end.sealed(self.table, self.form.magic, store))?;
        Ok(self.to)
    }
}

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    form: &'static Form,
    bytes: Bytes,
    rows: usize,
    /// The checksums of the blocks, group by group.
    sums: Vec<u64>,
    labels: Labels,
}

/// The columns that every index has.
const SCORE: usize = 0;
const IDENTITY: usize = 1;

impl Index {
    /// Opens the index at `path`, if it belongs to this store. It stays open if it is `held`. Returns what comes behind the
    /// checksums of its groups, too.
    ///
    /// # Errors
    /// Why the index cannot be used.
    pub fn open(form: &'static Form, path: &Path, held: bool, store: &WrittenFile) -> Result<(Self, Vec<u8>), String> {
        Self::of(form, path, Bytes::open(path, held)?, store)
    }

    /// The index that an [`IndexWriter`] wrote into memory.
    pub fn in_memory(
        form: &'static Form,
        path: &Path,
        written: Vec<u8>,
        store: &WrittenFile,
    ) -> Result<(Self, Vec<u8>), String> {
        Self::of(form, path, Bytes::Memory(written), store)
    }

    fn of(form: &'static Form, path: &Path, bytes: Bytes, store: &WrittenFile) -> Result<(Self, Vec<u8>), String> {
        let more = (form.more)(store);
        let (end, mut table) = bytes.unsealed(form.magic, store, |End { rows, labels }| {
            let (before, sums) = form.lengths(rows)?;
            Some((Labels::at(before, rows, labels).end()?, sums.checked_add(more)?))
        })?;
        let more = table.split_off(table.len() - more as usize);
        let sums = table.chunks_exact(8).map(|sum| number(sum, 0)).collect();
        let labels = Labels::at(form.lengths(end.rows).unwrap_or_default().0, end.rows, end.labels);
        Ok((Self { path: path.to_owned(), form, bytes, rows: end.rows as usize, sums, labels }, more))
    }

    /// How many rows the store has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All rows, in spans that are read at once.
    pub fn spans(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.rows).step_by(SPAN * GROUP).map(|from| from..self.rows.min(from + SPAN * GROUP))
    }

    /// Appends the scores of a span to `into`.
    pub fn scores(&self, span: Range<usize>, into: &mut Vec<f64>) -> Result<(), StoreError> {
        self.column(span, SCORE, |block| into.extend(block.chunks_exact(8).map(|bits| f64::from_bits(number(bits, 0)))))
    }

    /// Appends the identities of a span to `into`.
    pub fn identities(&self, span: Range<usize>, into: &mut Vec<u64>) -> Result<(), StoreError> {
        self.column(span, IDENTITY, |block| into.extend(block.chunks_exact(8).map(|bits| number(bits, 0))))
    }

    /// Appends the scores and identities of a span.
    pub fn both(&self, span: Range<usize>, scores: &mut Vec<f64>, identities: &mut Vec<u64>) -> Result<(), StoreError> {
        if self.form.widths.len() > 2 {
            self.scores(span.clone(), scores)?;
            return self.identities(span, identities);
        }
        // A span has nothing else. It is read at once: reading its 32 blocks one by one takes twice as long.
        let mut bytes = vec![0; span.len() * 16];
        self.read(&mut bytes, span.start as u64 * 16)?;
        for (at, group) in (span.start / GROUP..).zip(bytes.chunks(GROUP * 16)) {
            let (of_scores, of_identities) = group.split_at(group.len() / 2);
            self.check(at * 2 + SCORE, of_scores)?;
            self.check(at * 2 + IDENTITY, of_identities)?;
            scores.extend(of_scores.chunks_exact(8).map(|bits| f64::from_bits(number(bits, 0))));
            identities.extend(of_identities.chunks_exact(8).map(|bits| number(bits, 0)));
        }
        Ok(())
    }

    /// The scores and identities of these rows, which must ascend.
    pub fn numbers(&self, rows: &[u32]) -> Result<Vec<(f64, u64)>, StoreError> {
        let scores = self.column_at(rows, SCORE)?.into_iter().map(f64::from_bits);
        Ok(scores.zip(self.column_at(rows, IDENTITY)?).collect())
    }

    /// The identities of these rows, which must ascend.
    pub fn identities_at(&self, rows: &[u32]) -> Result<Vec<u64>, StoreError> {
        self.column_at(rows, IDENTITY)
    }

    fn column_at(&self, rows: &[u32], column: usize) -> Result<Vec<u64>, StoreError> {
        let groups: Vec<&[u32]> = rows.chunk_by(|a, b| *a as usize / GROUP == *b as usize / GROUP).collect();
        let of_group = |block: &mut Vec<u8>, rows: &&[u32]| {
            self.block(rows[0] as usize / GROUP, column, block)?;
            Ok(rows.iter().map(|row| number(block, *row as usize % GROUP * 8)).collect())
        };
        let numbers: Vec<Vec<u64>> =
            groups.par_iter().with_min_len(16).map_init(Vec::new, of_group).collect::<Result<_, StoreError>>()?;
        Ok(numbers.into_iter().flatten().collect())
    }

    /// The places of these rows, which must ascend.
    pub fn places(&self, rows: &[u32]) -> Result<Vec<Place>, StoreError> {
        let groups: Vec<&[u32]> = rows.chunk_by(|a, b| *a as usize / GROUP == *b as usize / GROUP).collect();
        let places = |rows: &&[u32]| {
            let mut block = Vec::new();
            self.block(rows[0] as usize / GROUP, 2, &mut block)?;
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
    pub fn check_all(&self) -> Result<(), StoreError> {
        self.labels(&|_| true)?;
        let mut block = Vec::new();
        let columns = self.form.widths.len();
        (0..self.sums.len()).try_for_each(|at| self.block(at / columns, at % columns, &mut block))
    }

    /// Passes the blocks of a span, which begins with a group, to `take`.
    fn column(&self, span: Range<usize>, column: usize, mut take: impl FnMut(&[u8])) -> Result<(), StoreError> {
        let mut block = Vec::new();
        for group in span.start / GROUP..span.end.div_ceil(GROUP) {
            self.block(group, column, &mut block)?;
            take(&block);
        }
        Ok(())
    }

    /// Reads one block of a group.
    fn block(&self, group: usize, column: usize, into: &mut Vec<u8>) -> Result<(), StoreError> {
        let widths = self.form.widths;
        let rows = GROUP.min(self.rows.saturating_sub(group * GROUP));
        let (row, before) = (widths.iter().sum::<usize>(), widths[..column].iter().sum::<usize>());
        into.resize(rows * widths[column], 0);
        let from = (group * GROUP * row + rows * before) as u64;
        self.read(into, from)?;
        self.check(group * widths.len() + column, into)
    }

    fn read(&self, into: &mut [u8], from: u64) -> Result<(), StoreError> {
        Ok(self.bytes.read(into, from).map_err(|error| DiskError::new(&self.path, "read this file", error))?)
    }

    /// Checks the bytes of a block, the first being 0.
    fn check(&self, block: usize, bytes: &[u8]) -> Result<(), StoreError> {
        match self.sums.get(block) {
            Some(sum) if *sum == xxh3_64(bytes) => Ok(()),
            _ => Err(StoreError::stale(&self.path, "this file was changed or damaged (checksum)")),
        }
    }
}
