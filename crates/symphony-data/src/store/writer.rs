//! Writing a store, row by row, and rewriting the bins of one.

use std::io::{BufRead, Write};

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    StoreError,
    index::{Entry, IndexWriter},
    index_name, rejected_name, store_name,
};
use crate::{
    difficulty::FeatureColumns,
    disk::{DiskError, Folder, NewFile, WrittenFile},
    row::{RowBatch, RowFault},
    stream::{Bin, PerBin, Thresholds},
};

/// Some rows on their way into a store.
#[derive(Clone, Copy)]
pub struct ScoredRows<'r> {
    /// The rows.
    pub batch: &'r RowBatch,
    /// Their features.
    pub features: &'r FeatureColumns,
    /// The difficulty scores of the good ones.
    pub scores: &'r [f64],
}

/// How the rows of a benchmark are written: what of its store does not depend on the rows before.
#[derive(Clone, Debug)]
pub struct Encoder<'b> {
    benchmark: &'b str,
    thresholds: Thresholds,
}

/// Rows ready to be appended to a store.
#[derive(Debug, Default)]
pub struct Encoded {
    lines: Vec<u8>,
    entries: Vec<Entry>,
    rejected: Vec<u8>,
    rejected_rows: u64,
    bins: PerBin<u64>,
}

/// Writes `{b}_full.jsonl`, its index and, if rows were set aside, `{b}_rejected.jsonl`.
pub struct StoreWriter<'f> {
    folder: &'f Folder,
    benchmark: &'f str,
    store: NewFile,
    index: IndexWriter<NewFile>,
    rejected: Option<NewFile>,
    rejected_rows: u64,
    bins: PerBin<u64>,
}

/// A row that was set aside, and why.
#[derive(Serialize)]
struct Rejected<'r> {
    row: u64,
    source: &'r str,
    line: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    field: &'r str,
    reason: &'r str,
    text: std::borrow::Cow<'r, str>,
}

impl<'b> Encoder<'b> {
    /// For the store of `benchmark`, whose bins follow `thresholds`.
    pub fn new(benchmark: &'b str, thresholds: Thresholds) -> Self {
        Self { benchmark, thresholds }
    }

    /// Writes some rows into memory.
    pub fn encode(&self, rows: ScoredRows<'_>) -> Encoded {
        let ScoredRows { batch, features, scores } = rows;
        let mut out = Encoded::default();
        out.lines.reserve(batch.text_len() + batch.len() * 320);
        out.entries.reserve(scores.len());
        for (i, (row, &score)) in features.rows().zip(scores).enumerate() {
            // Rows that are not UTF-8 were rejected with their features.
            let Ok(raw_data) = batch.row(row) else { continue };
            let start = out.lines.len();
            let identity = features.identities[i];
            self.line(&mut out.lines, batch.row_number(row), score, raw_data, features.metadata.get(i), identity);
            out.bins[self.thresholds.bin(score)] += 1;
            out.entries.push(Entry {
                score,
                identity,
                // Rows are at most MAX_ROW_BYTES long, and their features hold no more than they do.
                length: (out.lines.len() - start) as u32,
                raw_length: raw_data.len() as u32,
                hash: xxh3_64(&out.lines[start..]),
            });
        }
        for (row, fault) in &features.rejected {
            reject(&mut out.rejected, batch, *row, fault);
        }
        out.rejected_rows = features.rejected.len() as u64;
        out
    }

    /// Appends one line. Names are safe in JSON as they are (see `check_name`).
    fn line(&self, out: &mut Vec<u8>, number: u64, score: f64, raw_data: &str, metadata: &[u8], identity: u64) {
        let bin = self.thresholds.bin(score).name();
        // Writing to memory cannot fail.
        out.extend_from_slice(br#"{"task_id":""#);
        out.extend_from_slice(self.benchmark.as_bytes());
        out.push(b'_');
        let _ = serde_json::to_writer(&mut *out, &number);
        out.extend_from_slice(br#"","benchmark":""#);
        out.extend_from_slice(self.benchmark.as_bytes());
        out.extend_from_slice(br#"","difficulty_score":"#);
        let _ = serde_json::to_writer(&mut *out, &score);
        out.extend_from_slice(br#","difficulty_bin":""#);
        out.extend_from_slice(bin.as_bytes());
        out.extend_from_slice(br#"","raw_data":"#);
        out.extend_from_slice(raw_data.as_bytes());
        out.extend_from_slice(br#","scorer_metadata":"#);
        out.extend_from_slice(metadata);
        out.extend_from_slice(br#","identity":""#);
        out.extend_from_slice(&hex(identity));
        out.extend_from_slice(b"\"}\n");
    }
}

/// The 16 hex digits of an identity.
fn hex(identity: u64) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|at| DIGITS[(identity >> (60 - 4 * at)) as usize & 15])
}

/// Appends a row that was set aside as a line.
fn reject(out: &mut Vec<u8>, batch: &RowBatch, row: usize, fault: &RowFault) {
    let origin = batch.origin(row);
    let line = Rejected {
        row: batch.row_number(row),
        source: std::path::Path::new(origin.source.as_ref())
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or(&origin.source),
        line: origin.line,
        field: &fault.field,
        reason: &fault.reason,
        text: String::from_utf8_lossy(batch.bytes(row)),
    };
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}

impl<'f> StoreWriter<'f> {
    /// Begins the store of `benchmark`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(folder: &'f Folder, benchmark: &'f str) -> Result<Self, DiskError> {
        Ok(Self {
            store: folder.create_large(&store_name(benchmark))?,
            index: IndexWriter::new(folder.create_large(&index_name(benchmark))?),
            folder,
            benchmark,
            rejected: None,
            rejected_rows: 0,
            bins: PerBin::default(),
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// The disk.
    pub fn append(&mut self, rows: &Encoded) -> Result<(), DiskError> {
        self.store.put(&rows.lines)?;
        self.index.append(&rows.entries)?;
        if rows.rejected_rows > 0 {
            let file = match &mut self.rejected {
                Some(file) => file,
                none => none.insert(self.folder.create_large(&rejected_name(self.benchmark))?),
            };
            file.put(&rows.rejected)?;
            self.rejected_rows += rows.rejected_rows;
        }
        for bin in Bin::ALL {
            self.bins[bin] += rows.bins[bin];
        }
        Ok(())
    }

    /// Ends the files: what was written, and the files to publish, data first.
    ///
    /// # Errors
    /// The disk.
    pub fn finish(mut self) -> Result<WrittenStore, DiskError> {
        let rejected = self.rejected.as_mut().map(NewFile::written).transpose()?;
        let store = self.store.written()?;
        let index = self.index.finish(&store)?;
        Ok(WrittenStore {
            store,
            bins: self.bins,
            rejected,
            rejected_rows: self.rejected_rows,
            files: self.rejected.into_iter().chain([self.store, index]).collect(),
        })
    }
}

/// What [`StoreWriter::finish`] leaves to publish.
#[derive(Debug)]
pub struct WrittenStore {
    /// The store.
    pub store: WrittenFile,
    /// How many tasks each bin has.
    pub bins: PerBin<u64>,
    /// The rows that were set aside, if there are any.
    pub rejected: Option<WrittenFile>,
    /// How many they are.
    pub rejected_rows: u64,
    /// The files themselves.
    pub files: Vec<NewFile>,
}

/// Writes a store anew whose lines differ from `lines` in `difficulty_bin` alone, which follows `thresholds`; the store,
/// and its index.
///
/// # Errors
/// A line that is none of a store's, or the disk.
pub fn rewrite_bins(
    folder: &Folder,
    benchmark: &str,
    mut lines: impl BufRead,
    thresholds: Thresholds,
) -> Result<(NewFile, NewFile), StoreError> {
    const SCORE: &str = r#","difficulty_score":"#;
    const BIN: &str = r#","difficulty_bin":""#;
    let path = folder.path().join(store_name(benchmark));
    let mut file = folder.create_large(&store_name(benchmark))?;
    let mut index = IndexWriter::new(folder.create_large(&index_name(benchmark))?);
    let mut line = String::new();
    let mut rewritten = Vec::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).map_err(|error| DiskError::new(&path, "read this file", error))? == 0 {
            let index = index.finish(&file.written()?)?;
            return Ok((file, index));
        }
        // The keys before raw_data hold no free text, so that their first occurrence is the key itself.
        let parts = line.split_once(SCORE).and_then(|(head, rest)| {
            let (score, rest) = rest.split_once(BIN)?;
            let (_, tail) = rest.split_once('"')?;
            Some((head, score, score.parse().ok()?, tail))
        });
        let changed = || StoreError::stale(&path, "a line is not as it was written");
        let (head, text, score, tail) = parts.ok_or_else(changed)?;
        rewritten.clear();
        let _ = write!(rewritten, "{head}{SCORE}{text}{BIN}{}\"{tail}", thresholds.bin(score));
        let entry = Entry::of_line(&rewritten).ok_or_else(changed)?;
        file.put(&rewritten)?;
        index.append(&[entry])?;
    }
}
