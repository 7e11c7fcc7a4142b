//! Writing a store, row by row, and rewriting the bins of one.

use std::io::{BufRead, Write};

use rayon::prelude::*;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    StoreError,
    index::{Entry, IndexWriter},
    index_name, rejected_name, store_name,
};
use crate::{
    difficulty::{Cell, FeatureColumns},
    disk::{DiskError, Folder, NewFile, WrittenFile},
    row::{RowBatch, RowFault},
    stream::Thresholds,
};

/// Writes `{b}_full.jsonl`, its index and, if rows were set aside, `{b}_rejected.jsonl`.
pub struct StoreWriter<'f> {
    folder: &'f Folder,
    benchmark: &'f str,
    names: Vec<String>,
    thresholds: Thresholds,
    store: NewFile,
    index: IndexWriter<NewFile>,
    rejected: Option<NewFile>,
    rejected_rows: u64,
}

/// One line of a store, as it is written.
#[derive(Clone, Copy)]
struct Row<'r> {
    /// Counted over good and bad rows.
    number: u64,
    score: f64,
    raw_data: &'r str,
    identity: u64,
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

impl<'f> StoreWriter<'f> {
    /// Begins the store of `benchmark`, whose features are called `names`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(
        folder: &'f Folder,
        benchmark: &'f str,
        names: &[String],
        thresholds: Thresholds,
    ) -> Result<Self, DiskError> {
        Ok(Self {
            store: folder.create_large(&store_name(benchmark))?,
            index: IndexWriter::new(folder.create_large(&index_name(benchmark))?),
            // Keys as JSON strings, ready to be written.
            names: names.iter().map(|name| serde_json::Value::from(name.as_str()).to_string()).collect(),
            folder,
            benchmark,
            thresholds,
            rejected: None,
            rejected_rows: 0,
        })
    }

    /// Appends the good rows of a batch, whose scores are `scores`.
    ///
    /// # Errors
    /// The disk.
    pub fn append(&mut self, batch: &RowBatch, features: &FeatureColumns, scores: &[f64]) -> Result<(), DiskError> {
        const ROWS_PER_TASK: usize = 256;
        let parts: Vec<(Vec<u8>, Vec<Entry>)> = features
            .rows
            .par_chunks(ROWS_PER_TASK)
            .zip(scores.par_chunks(ROWS_PER_TASK))
            .enumerate()
            .map(|(chunk, (rows, scores))| {
                let mut out = Vec::new();
                let mut entries = Vec::with_capacity(rows.len());
                for (i, (&at, &score)) in (chunk * ROWS_PER_TASK..).zip(rows.iter().zip(scores)) {
                    // Rows that are not UTF-8 were rejected with their features.
                    let Ok(raw_data) = batch.row(at) else { continue };
                    let row = Row { number: batch.row_number(at), score, raw_data, identity: features.identities[i] };
                    let start = out.len();
                    self.line(&mut out, row, |feature| features.columns[feature].cell(i));
                    entries.push(Entry {
                        score,
                        identity: row.identity,
                        // Rows are at most MAX_ROW_BYTES long, and their features hold no more than they do.
                        length: (out.len() - start) as u32,
                        raw_length: raw_data.len() as u32,
                        hash: xxh3_64(&out[start..]),
                    });
                }
                (out, entries)
            })
            .collect();
        for (lines, entries) in parts {
            let written = self.store.write_all(&lines);
            self.store.check(written)?;
            self.index.append(&entries)?;
        }
        Ok(())
    }

    fn line<'c>(&self, out: &mut Vec<u8>, row: Row<'_>, cell: impl Fn(usize) -> &'c Cell) {
        let bin = self.thresholds.bin(row.score);
        // Writing to memory cannot fail; names are safe in JSON as they are (see `check_name`).
        let _ = write!(
            out,
            r#"{{"task_id":"{}_{}","benchmark":"{}","difficulty_score":"#,
            self.benchmark, row.number, self.benchmark
        );
        let _ = serde_json::to_writer(&mut *out, &row.score);
        let _ = write!(out, r#","difficulty_bin":"{bin}","raw_data":{},"scorer_metadata":{{"#, row.raw_data);
        for (feature, name) in self.names.iter().enumerate() {
            let _ = write!(out, "{}{name}:", if feature == 0 { "" } else { "," });
            let _ = match cell(feature) {
                Cell::Int(n) => write!(out, "{n}"),
                Cell::Float(n) => serde_json::to_writer(&mut *out, n).map_err(Into::into),
                Cell::Bool(b) => write!(out, "{b}"),
                Cell::Json(text) => out.write_all(text.as_bytes()),
            };
        }
        let _ = writeln!(out, r#"}},"identity":"{:016x}"}}"#, row.identity);
    }

    /// Sets a bad row aside.
    ///
    /// # Errors
    /// The disk.
    pub fn reject(&mut self, batch: &RowBatch, at: usize, fault: &RowFault) -> Result<(), DiskError> {
        let origin = batch.origin(at);
        let line = Rejected {
            row: batch.row_number(at),
            source: std::path::Path::new(origin.source.as_ref())
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or(&origin.source),
            line: origin.line,
            field: &fault.field,
            reason: &fault.reason,
            text: String::from_utf8_lossy(batch.bytes(at)),
        };
        let file = match &mut self.rejected {
            Some(file) => file,
            none => none.insert(self.folder.create_large(&rejected_name(self.benchmark))?),
        };
        let written = serde_json::to_writer(&mut *file, &line).map_err(Into::into).and_then(|()| file.write_all(b"\n"));
        file.check(written)?;
        self.rejected_rows += 1;
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
        let written = file.write_all(&rewritten);
        file.check(written)?;
        index.append(&[entry])?;
    }
}
