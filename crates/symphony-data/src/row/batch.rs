//! A batch of consecutive rows as text, with their origins.

use std::{fmt, ops::Range, sync::Arc};

/// How much row text a reader gathers into a batch, in bytes. It is enough to outweigh the cost of handing a batch on,
/// and little enough that all cores share small benchmarks and a batch fits into a core's cache.
pub const BATCH_BYTES: usize = 512 << 10;

/// Some consecutive rows of one benchmark, all from one file or generator.
#[derive(Clone, Debug)]
pub struct RowBatch {
    text: Vec<u8>,
    rows: Vec<RowEntry>,
    /// The rows that could not be read as text, ascending, and why. The text of such a row is the part that was read.
    faults: Vec<(usize, Box<str>)>,
    source: Arc<str>,
    first_row: u64,
    untyped: bool,
}

#[derive(Clone, Debug)]
struct RowEntry {
    text: Range<usize>,
    line: u64,
}

/// Where a row came from: the source's name and the line, from 1 (or the row's number, if the source has no lines).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, or the generator, as the user named it.
    pub source: Arc<str>,
    /// The line on which the row begins, from 1.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// A fault of one row: the field, if one is to blame, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The field's path; empty if no field is to blame.
    pub field: String,
    /// What is wrong.
    pub reason: String,
    /// The error behind it, if a function of the caller returned one.
    pub cause: Option<Cause>,
}

/// The caller's own error, which goes back to the caller unchanged. Two are equal if they are the same object.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<dyn std::error::Error + Send + Sync>);

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cause {}

impl RowFault {
    /// A fault of a field (empty if no field is to blame), without a cause.
    pub fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into(), cause: None }
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "field `{}`: {}", self.field, self.reason)
        }
    }
}

impl RowBatch {
    /// An empty batch of rows of `source`, whose first row has the number `first_row`. With `untyped`, every value is
    /// text (CSV).
    pub fn new(source: Arc<str>, first_row: u64, untyped: bool) -> Self {
        Self { text: Vec::new(), rows: Vec::new(), faults: Vec::new(), source, first_row, untyped }
    }

    /// Appends a row whose JSON text is `text`, which begins on `line` of its source.
    pub fn push(&mut self, text: &[u8], line: u64) {
        if self.text.capacity() == 0 {
            self.text.reserve(BATCH_BYTES + BATCH_BYTES / 4);
        }
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.rows.push(RowEntry { text: start..self.text.len(), line });
    }

    /// Appends a row that could not be read; `text` is the part that was read.
    pub fn push_fault(&mut self, text: &[u8], line: u64, fault: impl Into<Box<str>>) {
        self.faults.push((self.rows.len(), fault.into()));
        self.push(text, line);
    }

    /// The number of rows, good and bad.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether the batch holds as much text as a reader should gather.
    pub fn is_full(&self) -> bool {
        self.text.len() >= BATCH_BYTES
    }

    /// The length of all rows' text, in bytes.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The row number (from 0, over the whole benchmark) of row `i` of this batch.
    pub fn row_number(&self, i: usize) -> u64 {
        self.first_row + i as u64
    }

    /// Where row `i` came from.
    pub fn origin(&self, i: usize) -> Origin {
        Origin { source: self.source.clone(), line: self.rows[i].line }
    }

    /// The bytes of row `i` as they were read.
    pub fn bytes(&self, i: usize) -> &[u8] {
        &self.text[self.rows[i].text.clone()]
    }

    /// Whether numbers come as text, as they do in CSV.
    pub fn untyped(&self) -> bool {
        self.untyped
    }

    /// Row `i` as text.
    ///
    /// # Errors
    /// The reader could not read the row, or it is not UTF-8.
    pub fn row(&self, i: usize) -> Result<&str, RowFault> {
        if let Ok(at) = self.faults.binary_search_by_key(&i, |(row, _)| *row) {
            return Err(RowFault::new("", self.faults[at].1.as_ref()));
        }
        std::str::from_utf8(self.bytes(i)).map_err(|e| {
            RowFault::new("", {
                format!(
                    "not UTF-8 (byte {} of the row); is the file Latin-1? Convert it to UTF-8, such as with `iconv`",
                    e.valid_up_to() + 1
                )
            })
        })
    }
}
