//! Writing a store: rows are encoded on all cores, and appended in order.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    StoreError,
    lines::{Lines, LinesWriter},
    parquet::{self, ParquetEncoder, ParquetWriter, RowGroup},
    rejected_name,
};
use crate::{
    bin::{Bin, PerBin, Thresholds},
    difficulty::FeatureColumns,
    disk::{Folder, NewFile, WrittenFile},
    row::{RowBatch, RowFault, Strict},
    task::Layout,
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

impl<'r> ScoredRows<'r> {
    /// The good rows: their places in the batch, and their text in JSON as the standard has it. Rows that are not UTF-8
    /// were rejected with their features, so that this is not asked again.
    pub(super) fn good(self) -> impl Iterator<Item = (usize, Cow<'r, [u8]>)> {
        let mut lax = self.features.lax.iter().peekable();
        self.features.rows().map(move |row| {
            // A row may have been set aside after it was found to be lax.
            while lax.next_if(|lax| **lax < row).is_some() {}
            let strict = lax.next_if_eq(&&row).and_then(|_| Strict::of(self.batch.row(row).ok()?));
            (row, strict.map_or(Cow::Borrowed(self.batch.bytes(row)), |strict| Cow::Owned(strict.text.into_bytes())))
        })
    }
}

/// How the rows of a benchmark are written: what of its store does not depend on the rows before.
#[derive(Debug)]
pub struct Encoder<'b> {
    benchmark: &'b str,
    thresholds: Thresholds,
    format: EncoderFormat,
}

#[derive(Debug)]
enum EncoderFormat {
    Jsonl,
    Parquet(ParquetEncoder),
}

/// Rows ready to be appended to a store.
#[derive(Debug)]
pub struct Encoded {
    rows: EncodedRows,
    rejected: Vec<u8>,
    rejected_rows: u64,
    bins: PerBin<u64>,
}

#[derive(Debug)]
enum EncodedRows {
    Lines(Lines),
    RowGroup(RowGroup),
}

/// Writes `{b}_full.jsonl` or `{b}_full.parquet`, its index and, if rows were set aside, `{b}_rejected.jsonl`.
pub struct StoreWriter<'f> {
    folder: &'f Folder,
    benchmark: &'f str,
    store: Writer,
    rejected: Option<NewFile>,
    rejected_rows: u64,
    bins: PerBin<u64>,
}

enum Writer {
    Lines(Box<LinesWriter>),
    Parquet(Box<ParquetWriter>),
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
    text: Cow<'r, str>,
}

impl Encoder<'_> {
    /// How much row text is encoded at once, in bytes: what a batch holds, or what a row group does.
    pub fn bytes_at_once(&self) -> usize {
        match self.format {
            EncoderFormat::Jsonl => 1,
            EncoderFormat::Parquet(_) => parquet::GROUP_BYTES,
        }
    }

    /// Writes some rows into memory.
    ///
    /// # Errors
    /// Why they cannot be written.
    pub fn encode(&self, rows: &[ScoredRows<'_>]) -> Result<Encoded, StoreError> {
        let mut bins = PerBin::default();
        let mut rejected = Vec::new();
        for rows in rows {
            rows.scores.iter().for_each(|score| bins[self.thresholds.bin(*score)] += 1);
            rows.features.rejected.iter().for_each(|(row, fault)| reject(&mut rejected, rows.batch, *row, fault));
        }
        let rejected_rows = rows.iter().map(|rows| rows.features.rejected.len() as u64).sum();
        let rows = match &self.format {
            EncoderFormat::Jsonl => EncodedRows::Lines(Lines::encode(self.benchmark, self.thresholds, rows)),
            EncoderFormat::Parquet(encoder) => {
                EncodedRows::RowGroup(encoder.encode(self.benchmark, self.thresholds, rows)?)
            }
        };
        Ok(Encoded { rows, rejected, rejected_rows, bins })
    }
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
    /// Begins the store of `benchmark` in this format, whose bins follow `thresholds` and whose scored features have these
    /// names; and gives what encodes its rows.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create<'s>(
        folder: &'f Folder,
        benchmark: &'f str,
        format: Layout,
        thresholds: Thresholds,
        scored: impl IntoIterator<Item = &'s str>,
    ) -> Result<(Self, Encoder<'f>), StoreError> {
        let (store, format) = match format {
            Layout::Jsonl => (Writer::Lines(Box::new(LinesWriter::create(folder, benchmark)?)), EncoderFormat::Jsonl),
            Layout::Parquet => {
                let (writer, encoder) = ParquetWriter::create(folder, benchmark, scored)?;
                (Writer::Parquet(Box::new(writer)), EncoderFormat::Parquet(encoder))
            }
        };
        let bins = PerBin::default();
        let writer = Self { folder, benchmark, store, rejected: None, rejected_rows: 0, bins };
        Ok((writer, Encoder { benchmark, thresholds, format }))
    }

    /// Appends rows, which its own encoder encoded.
    ///
    /// # Errors
    /// The disk.
    pub fn append(&mut self, rows: Encoded) -> Result<(), StoreError> {
        match (&mut self.store, rows.rows) {
            (Writer::Lines(writer), EncodedRows::Lines(lines)) => writer.append(&lines)?,
            (Writer::Parquet(writer), EncodedRows::RowGroup(group)) => writer.append(group)?,
            // Nobody hands over what another store's encoder made; and if, it is not lost without a word.
            _ => return Err(StoreError::stale(self.folder.path(), "rows of another format were handed over")),
        }
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
    pub fn finish(mut self) -> Result<WrittenStore, StoreError> {
        let rejected = self.rejected.as_mut().map(NewFile::written).transpose()?;
        let (store, files) = match self.store {
            Writer::Lines(writer) => writer.finish()?,
            Writer::Parquet(writer) => writer.finish()?,
        };
        Ok(WrittenStore {
            store,
            bins: self.bins,
            rejected,
            rejected_rows: self.rejected_rows,
            files: self.rejected.into_iter().chain(files).collect(),
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
