//! Writing a store: all cores encode rows, one thread appends them in order.

use std::{borrow::Cow, ops::Range};

use serde::Serialize;

use super::{
    Names, PartLabels, PartRecord, StoreError,
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
#[derive(Clone)]
pub struct ScoredRows<'r> {
    /// The rows, good and bad.
    pub batch: &'r RowBatch,
    /// The features of the good rows, and what is wrong with the bad ones.
    pub features: &'r FeatureColumns,
    /// The difficulty score of each good row, 0..1.
    pub scores: &'r [f64],
    /// Which of the good rows are meant, counted from the first one of the batch. The bad rows of the batch go with the first.
    pub good: Range<usize>,
}

impl<'r> ScoredRows<'r> {
    /// The positions in the batch of the rows that are meant.
    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> + use<'r> {
        self.features.rows().skip(self.good.start).take(self.good.len())
    }

    /// The rows that are meant: the place of each among the good rows, its position in the batch, and its text as standard
    /// JSON. Their text is UTF-8: other rows were rejected when features were computed.
    pub(super) fn good(&self) -> impl Iterator<Item = (usize, usize, Cow<'r, [u8]>)> + use<'r> {
        let (batch, mut lax) = (self.batch, self.features.lax.iter().peekable());
        self.good.clone().zip(self.numbers()).map(move |(i, row)| {
            // A row with lax JSON may have been set aside for another reason.
            while lax.next_if(|lax| **lax < row).is_some() {}
            let strict = lax.next_if_eq(&&row).and_then(|_| Strict::of(batch.row(row).ok()?));
            (i, row, strict.map_or(Cow::Borrowed(batch.bytes(row)), |strict| Cow::Owned(strict.text.into_bytes())))
        })
    }
}

/// Encodes rows of a benchmark, independently of the rows before them, so that all cores can work at once.
#[derive(Debug)]
pub struct Encoder<'b> {
    benchmark: &'b str,
    thresholds: Thresholds,
    format: EncoderFormat,
    /// One for each part, so that what is found in a part does not depend on the others.
    labels: Vec<Finder>,
}

#[derive(Debug)]
enum EncoderFormat {
    Jsonl,
    Parquet(ParquetEncoder),
}

/// Encoded rows, ready to be appended to a store.
#[derive(Debug)]
pub struct Encoded {
    part: usize,
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

/// Writes `{b}_full.jsonl` or `{b}_full.parquet`, or the parts of a store, with their indexes; and, if any rows were set
/// aside, `{b}_rejected.jsonl`.
pub struct StoreWriter<'f> {
    folder: &'f Folder,
    benchmark: &'f str,
    places: Places<'f>,
    /// What rows are appended to, the last of the parts that were begun.
    store: Option<Writer>,
    at: usize,
    rows: u64,
    labels: Vec<Gatherer>,
    written: Vec<(PartRecord, PartLabels)>,
    files: Vec<NewFile>,
    rejected: Option<NewFile>,
    rejected_rows: u64,
    bins: PerBin<u64>,
}

/// Where the files of a store go.
#[derive(Clone, Copy)]
pub struct Places<'f> {
    /// The folder of the file, or of the parts.
    pub folder: &'f Folder,
    /// The names of the file, or of each part; at least one.
    pub names: &'f [Names],
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

    /// Encodes rows of a part, the first being 0, in memory.
    ///
    /// # Errors
    /// Parquet cannot encode the rows.
    pub fn encode(&self, part: usize, rows: &[ScoredRows<'_>]) -> Result<Encoded, StoreError> {
        let mut bins = PerBin::default();
        let mut rejected = Vec::new();
        let mut rejected_rows = 0;
        for rows in rows {
            rows.scores[rows.good.clone()].iter().for_each(|score| bins[self.thresholds.bin(*score)] += 1);
            if rows.good.start == 0 {
                rows.features.rejected.iter().for_each(|(row, fault)| reject(&mut rejected, rows.batch, *row, fault));
                rejected_rows += rows.features.rejected.len() as u64;
            }
        }
        let features = rows.iter().flat_map(|rows| rows.good.clone().map(|row| rows.features.metadata.get(row)));
        let labels = self.labels.get(part).map(|finder| finder.find(features)).unwrap_or_default();
        let rows = match &self.format {
            EncoderFormat::Jsonl => EncodedRows::Lines(Lines::encode(self.benchmark, self.thresholds, rows)),
            EncoderFormat::Parquet(encoder) => {
                EncodedRows::RowGroup(encoder.encode(self.benchmark, self.thresholds, rows)?)
            }
        };
        Ok(Encoded { part, rows, labels, rejected, rejected_rows, bins })
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
    /// Starts the store of `benchmark` in this format at these places, and returns the encoder of its rows. Rows that are set
    /// aside go to `folder`. Bins follow `thresholds`; `scored` names the scored features, which are columns of a Parquet store.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create<'s>(
        folder: &'f Folder,
        benchmark: &'f str,
        format: Layout,
        places: Places<'f>,
        thresholds: Thresholds,
        scored: impl IntoIterator<Item = &'s str>,
    ) -> Result<(Self, Encoder<'f>), StoreError> {
        let nowhere = || StoreError::stale(folder.path(), "a store has at least one file");
        let names = places.names.first().ok_or_else(nowhere)?;
        let (store, format) = match format {
            Layout::Jsonl => {
                (Writer::Lines(Box::new(LinesWriter::create(places.folder, names)?)), EncoderFormat::Jsonl)
            }
            Layout::Parquet => {
                let (writer, encoder) = ParquetWriter::create(places.folder, names, scored)?;
                (Writer::Parquet(Box::new(writer)), EncoderFormat::Parquet(encoder))
            }
        };
        let labels: Vec<Gatherer> = places.names.iter().map(|_| Gatherer::default()).collect();
        let finders = labels.iter().map(Gatherer::finder).collect();
        let encoder = Encoder { benchmark, thresholds, format, labels: finders };
        let writer = Self {
            folder,
            benchmark,
            places,
            store: Some(store),
            at: 0,
            rows: 0,
            labels,
            written: Vec::with_capacity(places.names.len()),
            files: Vec::new(),
            rejected: None,
            rejected_rows: 0,
            bins: PerBin::default(),
        };
        Ok((writer, encoder))
    }

    /// Appends rows, which its own encoder encoded. Their part is that of the rows before them, or a later one.
    ///
    /// # Errors
    /// The disk.
    pub fn append(&mut self, rows: Encoded) -> Result<(), StoreError> {
        while self.at < rows.part {
            self.next_part()?;
        }
        match (&mut self.store, rows.rows) {
            (Some(Writer::Lines(writer)), EncodedRows::Lines(lines)) if rows.part == self.at => {
                writer.append(&lines)?;
            }
            (Some(Writer::Parquet(writer)), EncodedRows::RowGroup(group)) if rows.part == self.at => {
                writer.append(group)?;
            }
            // Only a mistake in this program leads here; an error is better than rows lost silently.
            _ => return Err(StoreError::stale(self.folder.path(), "these rows were encoded for another file")),
        }
        self.labels[self.at].join(rows.labels);
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
            self.rows += rows.bins[bin];
        }
        Ok(())
    }

    /// Completes the part that rows were appended to, and begins the next one.
    fn next_part(&mut self) -> Result<(), StoreError> {
        let nowhere = || StoreError::stale(self.folder.path(), "this store has fewer parts");
        let names = self.places.names.get(self.at + 1).ok_or_else(nowhere)?;
        if let Some(done) = self.store.take() {
            self.store = Some(match &done {
                Writer::Lines(_) => Writer::Lines(Box::new(LinesWriter::create(self.places.folder, names)?)),
                Writer::Parquet(writer) => Writer::Parquet(Box::new(writer.next(self.places.folder, names)?)),
            });
            self.complete(done)?;
        }
        self.at += 1;
        Ok(())
    }

    fn complete(&mut self, part: Writer) -> Result<(), StoreError> {
        let gathered = std::mem::take(&mut self.labels[self.at]);
        let known = gathered.known();
        let labels = gathered.finish();
        let (file, files) = match part {
            Writer::Lines(writer) => writer.finish(&labels)?,
            Writer::Parquet(writer) => writer.finish(&labels)?,
        };
        for mut file in files {
            file.end()?;
            self.files.push(file);
        }
        let name = self.places.names[self.at].store.clone();
        self.written.push((PartRecord { name, rows: std::mem::take(&mut self.rows), file }, known));
        Ok(())
    }

    /// Completes the files. Returns sizes and checksums, and the files to publish, data first.
    ///
    /// # Errors
    /// The disk fails.
    pub fn finish(mut self) -> Result<WrittenStore, StoreError> {
        while self.at + 1 < self.places.names.len() {
            self.next_part()?;
        }
        let rejected = self.rejected.as_mut().map(NewFile::written).transpose()?;
        if let Some(last) = self.store.take() {
            self.complete(last)?;
        }
        let (parts, labels) = self.written.into_iter().unzip();
        Ok(WrittenStore {
            parts,
            labels,
            bins: self.bins,
            rejected,
            rejected_rows: self.rejected_rows,
            files: self.rejected.into_iter().chain(self.files).collect(),
        })
    }
}

/// A store that is complete and not published yet.
#[derive(Debug)]
pub struct WrittenStore {
    /// Rows, size and checksum of its file, or of each part.
    pub parts: Vec<PartRecord>,
    /// The features of each part, and which of them are labels there.
    pub labels: Vec<PartLabels>,
    /// How many tasks each bin has.
    pub bins: PerBin<u64>,
    /// Size and checksum of the file of rejected rows, if there are any.
    pub rejected: Option<WrittenFile>,
    /// How many rows were rejected.
    pub rejected_rows: u64,
    /// The files, in the order in which to publish them.
    pub files: Vec<NewFile>,
}
