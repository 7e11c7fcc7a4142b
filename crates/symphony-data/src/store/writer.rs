//! Writing a store: all cores encode rows, one thread appends them in order.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    StoreError,
    gather::{Finder, Found, Gatherer},
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

/// A batch of rows with features and scores, ready to be encoded.
#[derive(Clone, Copy)]
pub struct ScoredRows<'r> {
    /// The rows, good and bad.
    pub batch: &'r RowBatch,
    /// The features of the good rows, and what is wrong with the bad ones.
    pub features: &'r FeatureColumns,
    /// The difficulty score of each good row, 0..1.
    pub scores: &'r [f64],
}

impl<'r> ScoredRows<'r> {
    /// The good rows: the position of each in the batch, and its text as standard JSON. Their text is UTF-8: other rows were
    /// rejected when features were computed.
    pub(super) fn good(self) -> impl Iterator<Item = (usize, Cow<'r, [u8]>)> {
        let mut lax = self.features.lax.iter().peekable();
        self.features.rows().map(move |row| {
            // A row with lax JSON may have been set aside for another reason.
            while lax.next_if(|lax| **lax < row).is_some() {}
            let strict = lax.next_if_eq(&&row).and_then(|_| Strict::of(self.batch.row(row).ok()?));
            (row, strict.map_or(Cow::Borrowed(self.batch.bytes(row)), |strict| Cow::Owned(strict.text.into_bytes())))
        })
    }
}

/// Encodes rows of a benchmark, independently of the rows before them, so that all cores can work at once.
#[derive(Debug)]
pub struct Encoder<'b> {
    benchmark: &'b str,
    thresholds: Thresholds,
    format: EncoderFormat,
    labels: Finder,
}

#[derive(Debug)]
enum EncoderFormat {
    Jsonl,
    Parquet(ParquetEncoder),
}

/// Encoded rows, ready to be appended to a store.
#[derive(Debug)]
pub struct Encoded {
    rows: EncodedRows,
    labels: Found,
    rejected: Vec<u8>,
    rejected_rows: u64,
    bins: PerBin<u64>,
}

#[derive(Debug)]
enum EncodedRows {
    Lines(Lines),
    RowGroup(RowGroup),
}

/// Writes `{b}_full.jsonl` or `{b}_full.parquet`, its index and, if any rows were set aside, `{b}_rejected.jsonl`.
pub struct StoreWriter<'f> {
    folder: &'f Folder,
    benchmark: &'f str,
    store: Writer,
    labels: Gatherer,
    rejected: Option<NewFile>,
    rejected_rows: u64,
    bins: PerBin<u64>,
}

enum Writer {
    Lines(Box<LinesWriter>),
    Parquet(Box<ParquetWriter>),
}

/// A line of `{b}_rejected.jsonl`: a row that was set aside, and why.
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
    /// How much row text to encode at once, in bytes: one batch for JSON lines, one row group for Parquet.
    pub fn bytes_at_once(&self) -> usize {
        match self.format {
            EncoderFormat::Jsonl => 1,
            EncoderFormat::Parquet(_) => parquet::GROUP_BYTES,
        }
    }

    /// Encodes rows in memory.
    ///
    /// # Errors
    /// Parquet cannot encode the rows.
    pub fn encode(&self, rows: &[ScoredRows<'_>]) -> Result<Encoded, StoreError> {
        let mut bins = PerBin::default();
        let mut rejected = Vec::new();
        for rows in rows {
            rows.scores.iter().for_each(|score| bins[self.thresholds.bin(*score)] += 1);
            rows.features.rejected.iter().for_each(|(row, fault)| reject(&mut rejected, rows.batch, *row, fault));
        }
        let rejected_rows = rows.iter().map(|rows| rows.features.rejected.len() as u64).sum();
        let features = rows.iter().map(|rows| &rows.features.metadata);
        let labels = self.labels.find(features.flat_map(|texts| (0..texts.len()).map(|row| texts.get(row))));
        let rows = match &self.format {
            EncoderFormat::Jsonl => EncodedRows::Lines(Lines::encode(self.benchmark, self.thresholds, rows)),
            EncoderFormat::Parquet(encoder) => {
                EncodedRows::RowGroup(encoder.encode(self.benchmark, self.thresholds, rows)?)
            }
        };
        Ok(Encoded { rows, labels, rejected, rejected_rows, bins })
    }
}

/// Appends a rejected row to `out` as one line of JSON.
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
    /// Starts the store of `benchmark` in this format, and returns the encoder of its rows. Bins follow `thresholds`; `scored`
    /// names the scored features, which are columns of a Parquet store.
    ///
    /// # Errors
    /// The file cannot be created.
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
        let (bins, labels) = (PerBin::default(), Gatherer::default());
        let encoder = Encoder { benchmark, thresholds, format, labels: labels.finder() };
        Ok((Self { folder, benchmark, store, labels, rejected: None, rejected_rows: 0, bins }, encoder))
    }

    /// Appends rows, which its own encoder encoded.
    ///
    /// # Errors
    /// The disk.
    pub fn append(&mut self, rows: Encoded) -> Result<(), StoreError> {
        match (&mut self.store, rows.rows) {
            (Writer::Lines(writer), EncodedRows::Lines(lines)) => writer.append(&lines)?,
            (Writer::Parquet(writer), EncodedRows::RowGroup(group)) => writer.append(group)?,
            // Only a mistake in this program leads here; an error is better than rows lost silently.
            _ => return Err(StoreError::stale(self.folder.path(), "these rows were encoded for another format")),
        }
        self.labels.join(rows.labels);
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

    /// Completes the files. Returns sizes and checksums, and the files to publish, data first.
    ///
    /// # Errors
    /// The disk fails.
    pub fn finish(mut self) -> Result<WrittenStore, StoreError> {
        let rejected = self.rejected.as_mut().map(NewFile::written).transpose()?;
        let labels = self.labels.finish();
        let (store, files) = match self.store {
            Writer::Lines(writer) => writer.finish(&labels)?,
            Writer::Parquet(writer) => writer.finish(labels)?,
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

/// A store that is complete and not published yet.
#[derive(Debug)]
pub struct WrittenStore {
    /// Size and checksum of the store.
    pub store: WrittenFile,
    /// How many tasks each bin has.
    pub bins: PerBin<u64>,
    /// Size and checksum of the file of rejected rows, if there are any.
    pub rejected: Option<WrittenFile>,
    /// How many rows were rejected.
    pub rejected_rows: u64,
    /// The files, in the order in which to publish them.
    pub files: Vec<NewFile>,
}
