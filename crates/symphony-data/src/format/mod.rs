//! File formats: one codec for each, used by all readers and writers.

use std::{fs::File, io, path::Path};

use crate::{
    disk::checksum::{self, HashingReader},
    row::RowBatch,
};

pub mod arrow;
pub mod compression;
pub mod csv;
mod guard;
pub mod json;
pub mod jsonl;
pub mod parquet;
mod parquet_schema;
mod select;
pub(crate) mod sniff;
mod values;

pub use guard::silence_decoders;
pub(crate) use guard::{guarded, guarded_batches};
pub use select::Columns;
pub(crate) use select::Selection;

/// The longest row that is read, in bytes. A longer row means that the file is broken.
pub const MAX_ROW_BYTES: usize = 64 << 20;

/// The format of the rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Jsonl,
    /// One array of JSON objects.
    Json,
    /// Comma-separated values under a header line; every value is text.
    Csv,
    /// The same with `;` between the values. The file's content says so, never its name.
    SemicolonCsv,
    /// The same with tabs between the values.
    Tsv,
    /// Parquet.
    Parquet,
    /// Arrow's own form, as a file or a stream.
    Arrow,
}

impl Format {
    /// The format by a file's name, in any case of letters and with or without a compression ending.
    pub fn of(path: &Path) -> Option<Self> {
        let name = compression::without_ending(path.file_name()?.to_str()?);
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "jsonl" | "jsonlines" | "ndjson" => Some(Self::Jsonl),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "parquet" => Some(Self::Parquet),
            "arrow" | "feather" => Some(Self::Arrow),
            _ => None,
        }
    }

    /// The separator between values, in a table as text.
    fn separator(self) -> Option<u8> {
        match self {
            Self::Csv => Some(b','),
            Self::SemicolonCsv => Some(b';'),
            Self::Tsv => Some(b'\t'),
            Self::Jsonl | Self::Json | Self::Parquet | Self::Arrow => None,
        }
    }

    /// The table with this separator.
    fn separated_by(separator: u8) -> Self {
        match separator {
            b';' => Self::SemicolonCsv,
            b'\t' => Self::Tsv,
            _ => Self::Csv,
        }
    }

    /// Whether every value is text.
    pub fn is_untyped(self) -> bool {
        self.separator().is_some()
    }

    /// Reads all rows of the file at `path` into `rows`, and returns the file's size and checksum. In a file that is
    /// one JSON object, the rows are the array under `key`.
    ///
    /// # Errors
    /// The rest of the file cannot be read. A single bad row is not an error, but is handed on as a bad row.
    pub fn read_file(self, path: &Path, key: Option<&str>, rows: &mut Batcher<'_>) -> Result<(u64, String), ReadError> {
        let file = File::open(path)?;
        if matches!(self, Self::Parquet | Self::Arrow) {
            let (checksum, bytes) = checksum::of_file(path, "blake3:")?;
            match self {
                Self::Parquet => parquet::read(file, rows)?,
                _ => arrow::read(file, bytes, rows)?,
            }
            return Ok((bytes, checksum));
        }
        let mut raw = HashingReader::new(file);
        self.read_text(&mut *compression::decompress(&mut raw)?, key, rows)?;
        // A decompressor may leave bytes behind its last frame; the checksum is over the whole file.
        io::copy(&mut raw, &mut io::sink())?;
        Ok((raw.bytes(), raw.checksum()))
    }

    /// Reads all rows of a text; of one JSON object, those in the array under `key`.
    ///
    /// # Errors
    /// As for [`Format::read_file`]; also if the format is not text.
    pub fn read_text(
        self,
        reader: &mut dyn io::BufRead,
        key: Option<&str>,
        rows: &mut Batcher<'_>,
    ) -> Result<(), ReadError> {
        match (self, self.separator()) {
            (_, Some(separator)) => csv::read(reader, separator, rows),
            (Self::Jsonl, _) => jsonl::read(reader, rows),
            (Self::Json, _) => json::read(reader, key, rows),
            _ => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
    }
}

/// An array that a JSON object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayUnder {
    /// Its keys, joined by dots.
    pub key: String,
    /// How many elements it has.
    pub elements: u64,
    /// How many of them are objects.
    pub objects: u64,
}

impl std::fmt::Display for ArrayUnder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, elements, objects } = self;
        let (n, what) = if *objects > 0 { (objects, "object") } else { (elements, "value") };
        write!(f, "`{key}` ({n} {what}{})", if *n == 1 { "" } else { "s" })
    }
}

/// Why reading a file ended before its end.
#[derive(Debug)]
pub enum ReadError {
    /// The receiver of the rows asked to stop.
    Stopped,
    /// The bytes could not be read or decompressed.
    Io(io::Error),
    /// The file is not valid from this line on.
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What is wrong, and the way out.
        reason: String,
    },
    /// The file is one JSON object, and nothing says where in it the rows are.
    OneObject {
        /// The arrays that it holds.
        arrays: Vec<ArrayUnder>,
    },
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Gathers rows into batches and hands each full batch on.
pub struct Batcher<'s> {
    batch: Option<RowBatch>,
    next_row: u64,
    source: std::sync::Arc<str>,
    last_field: Option<LastField>,
    untyped: bool,
    selection: Option<Selection<'s>>,
    /// Whether the reader of this file already leaves out columns that are not selected.
    selected: bool,
    sink: &'s mut dyn FnMut(RowBatch) -> std::ops::ControlFlow<()>,
}

impl<'s> Batcher<'s> {
    /// A batcher that hands its batches to `sink`.
    pub fn new(sink: &'s mut dyn FnMut(RowBatch) -> std::ops::ControlFlow<()>) -> Self {
        Self {
            batch: None,
            next_row: 0,
            source: "".into(),
            last_field: None,
            untyped: false,
            selection: None,
            selected: false,
            sink,
        }
    }

    /// Counts rows from this number on, in place of 0.
    pub(crate) fn count_from(&mut self, row: u64) {
        self.next_row = row;
    }

    /// Leaves out the columns that are not selected from all rows.
    pub(crate) fn select(&mut self, columns: Option<&'s crate::format::Columns>) {
        self.selection = columns.map(Selection::new);
    }

    /// The selected columns, and which of them were found.
    pub(crate) fn selection(&self) -> Option<&Selection<'s>> {
        self.selection.as_ref()
    }

    /// Whether rows have this column of a file of columns; the file's reader leaves out the others.
    pub(crate) fn keeps_column(&mut self, name: &str) -> bool {
        self.selected = true;
        self.selection.as_mut().is_none_or(|selection| selection.keeps(name))
    }

    /// Begins a file: its name, the field that its rows get, and whether its values are all text.
    ///
    /// # Errors
    /// [`ReadError::Stopped`].
    pub fn begin(&mut self, source: &str, last_field: Option<(&str, &str)>, untyped: bool) -> Result<(), ReadError> {
        if untyped != self.untyped || *self.source != *source {
            self.flush()?;
            self.source = source.into();
        }
        self.untyped = untyped;
        self.selected = false;
        self.last_field = last_field.map(|(name, value)| LastField::new(name, value));
        Ok(())
    }

    /// Takes one row's JSON text.
    ///
    /// # Errors
    /// [`ReadError::Stopped`].
    pub fn push(&mut self, text: &[u8], line: u64) -> Result<(), ReadError> {
        let of_selection =
            self.selection.as_mut().filter(|_| !self.selected).and_then(|selection| selection.of_row(text));
        let text = of_selection.as_deref().unwrap_or(text);
        let with_field = self.last_field.as_ref().map(|field| field.added_to(text));
        let batch = self.batch();
        match with_field {
            None => batch.push(text, line),
            Some(Ok(text)) => batch.push(&text, line),
            Some(Err(fault)) => batch.push_fault(text, line, fault),
        }
        self.flush_if_full()
    }

    /// Takes a row that cannot be read.
    ///
    /// # Errors
    /// [`ReadError::Stopped`].
    pub fn push_fault(&mut self, text: &[u8], line: u64, fault: String) -> Result<(), ReadError> {
        self.batch().push_fault(text, line, fault);
        self.flush_if_full()
    }

    /// Hands on the gathered rows.
    ///
    /// # Errors
    /// [`ReadError::Stopped`].
    pub fn flush(&mut self) -> Result<(), ReadError> {
        let Some(batch) = self.batch.take() else { return Ok(()) };
        self.next_row += batch.len() as u64;
        if (self.sink)(batch).is_break() { Err(ReadError::Stopped) } else { Ok(()) }
    }

    fn batch(&mut self) -> &mut RowBatch {
        let (source, next_row, untyped) = (&self.source, self.next_row, self.untyped);
        self.batch.get_or_insert_with(|| RowBatch::new(source.clone(), next_row, untyped))
    }

    fn flush_if_full(&mut self) -> Result<(), ReadError> {
        if self.batch.as_ref().is_some_and(RowBatch::is_full) { self.flush() } else { Ok(()) }
    }
}

/// A field that every row gets as its last key.
pub(crate) struct LastField {
    name: String,
    /// Ready to be written: `"task_name": "navigate"`.
    json: String,
}

impl LastField {
    /// The field `name` with the text `value`.
    pub fn new(name: &str, value: &str) -> Self {
        let json = format!("{}: {}", serde_json::Value::from(name), serde_json::Value::from(value));
        Self { name: name.to_owned(), json }
    }

    /// The row with the field added as its last key.
    ///
    /// # Errors
    /// The row has such a field already.
    pub fn added_to(&self, row: &[u8]) -> Result<Vec<u8>, String> {
        let Some(open) = row.strip_suffix(b"}").filter(|open| open.starts_with(b"{")) else {
            // If this is not an object, the row's reader has the better error.
            return Ok(row.to_vec());
        };
        // A cheap test first: only a row that contains the name can have it as a key.
        if memchr::memmem::find(row, self.name.as_bytes()).is_some()
            && select::members(row).is_some_and(|members| {
                members.iter().any(|(key, _)| serde_json::from_slice::<String>(key).is_ok_and(|key| key == self.name))
            })
        {
            return Err(format!(
                "has a field `{}` of its own, which config_field would hide; rename one of them",
                self.name
            ));
        }
        let open = open.trim_ascii_end();
        let mut out = Vec::with_capacity(row.len() + self.json.len() + 2);
        out.extend_from_slice(open);
        if open.len() > 1 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(self.json.as_bytes());
        out.push(b'}');
        Ok(out)
    }
}
