//! Sources of rows: local files, generators and the Hub. Each has its own file, and all give batches of rows.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::{NamedFile, storage::Storage},
    format::Columns,
    row::{BATCH_BYTES, RowBatch},
};

pub mod file;
pub mod generated;
pub mod hub;
mod path;
pub mod pieces;
pub(crate) mod url;

pub use path::SourcePath;
pub use pieces::Piece;

/// What a benchmark takes from its source.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'b> {
    /// The benchmark's name, for messages.
    pub name: &'b str,
    /// The split of the dataset.
    pub split: &'b str,
    /// The configs that make up the benchmark, in this order; empty for the source's only one.
    pub configs: &'b [String],
    /// The field under which each row gets its config.
    pub config_field: Option<&'b str>,
    /// The commit that the source is pinned to.
    pub revision: Option<&'b str>,
    /// The key of the array of rows in a file that is one JSON object, or keys joined by dots.
    pub rows: Option<&'b str>,
    /// The columns that rows keep, if not all.
    pub columns: Option<&'b Columns>,
    /// The connection to storage that URLs name, if there is one.
    pub storage: Option<&'b Arc<dyn Storage>>,
}

/// A source of rows. It gives the same rows each time it is read.
pub trait Source: Sync {
    /// The number of rows, if it is known before reading.
    fn rows(&self) -> Option<u64>;

    /// The version of the source, if it has versions.
    fn revision(&self) -> Option<&Revision> {
        None
    }

    /// Cuts the source into at most so many shards of about equal size, each some stretches of rows that can be read alone.
    ///
    /// # Errors
    /// A file cannot be read.
    fn shards(&self, shards: usize) -> Result<Vec<Vec<Piece>>, SourceError>;

    /// Reads all rows in order, in batches, until the end or until `sink` breaks. Returns the files that were read.
    ///
    /// # Errors
    /// Reading cannot continue. A single bad row is not an error: its batch carries the fault.
    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<NamedFile>, SourceError>;
}

/// Some consecutive rows of a source.
pub enum Rows<'s> {
    /// Rows that were read.
    Read(RowBatch),
    /// A function that generates the rows, on any thread.
    ToMake(Box<dyn FnOnce() -> RowBatch + Send + 's>),
}

impl Rows<'_> {
    /// The approximate length of their text, in bytes.
    pub fn text_len(&self) -> usize {
        match self {
            Self::Read(batch) => batch.text_len(),
            Self::ToMake(_) => BATCH_BYTES,
        }
    }

    /// The rows; generates them if needed.
    pub fn batch(self) -> RowBatch {
        match self {
            Self::Read(batch) => batch,
            Self::ToMake(make) => make(),
        }
    }
}

/// Which commit of a source to use if the configuration does not name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At<'c> {
    /// The current commit.
    Now,
    /// This commit, even if it is not the current one.
    Commit(&'c str),
    /// The current commit, which must be this one.
    Locked(&'c str),
}

/// A version of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The commit: 40 hex digits.
    pub commit: String,
    /// The branch that led to the commit; `None` if the commit itself was requested.
    pub branch: Option<String>,
}

/// Why rows cannot be read.
// The names of the fields say what they hold; comments give the rest.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The Hub cannot provide the rows.
    #[error(transparent)]
    Hub(Box<hub::HubError>),
    /// There is no generator of this name.
    #[error("there is no generator `{name}`")]
    NoGenerator { name: String },
    /// No file matches the pattern.
    #[error(
        "no file matches {pattern} (in {folder}){}; check `path` of the benchmark, which is relative to the folder you run in",
        .hidden.as_ref().map_or(String::new(), |path| format!(
            " but {}, which is hidden: names that begin with a dot are left out unless the pattern writes the dot", path.display()
        ))
    )]
    NoFile {
        pattern: String,
        // The folder that the pattern is relative to.
        folder: String,
        // A hidden file that would match.
        hidden: Option<PathBuf>,
    },
    /// No file behind a URL matches the pattern.
    #[error("nothing is at {url}; check `path` of the benchmark, and that you may read there")]
    NoFileAt { url: String },
    /// The caller asked to stop while files were copied from a URL.
    #[error("copying the files was stopped")]
    Cancelled,
    /// Nothing connects to the storage that a URL names.
    #[error(
        "rows at {url} are read by the Python package alone (`DatasetBuilder(…).preprocess_all_benchmarks()`); use it, or copy the \
         files from there and write file:PATTERN"
    )]
    NoStorage { url: String },
    /// A file is found twice.
    #[error(
        "{} is found {}, so its rows would count twice; change the patterns so that each file is found once",
        .path.display(),
        if .first == .second { format!("twice by {first}") } else { format!("by {first} and by {second}") }
    )]
    FileTwice {
        path: PathBuf,
        // The two patterns that find it, each with its config's name.
        first: String,
        second: String,
    },
    /// No row has a name in `columns` or `drop_columns`.
    #[error("{}", no_column(.key, .names, .known))]
    NoColumn {
        key: &'static str,
        // The names that no row has.
        names: Vec<String>,
        // The names that rows have, or the first few of them.
        known: Vec<String>,
    },
    /// A folder is named where files are needed.
    #[error("{path} is a folder; name its files, such as `file:{path}/*.jsonl`")]
    Folder { path: PathBuf },
    /// The name of a file does not show its format.
    #[error(
        "{path}: its name does not show its format; name it .jsonl, .json, .csv or .tsv (each also with .gz or .zst), .parquet or .arrow"
    )]
    UnknownFormat { path: PathBuf },
    /// A file cannot be read.
    #[error("{path}: {error}; check that it is complete and that you may read it")]
    Read {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    /// The content of a file is not valid.
    #[error("{}{}: {reason}", .path.display(), if *.line > 0 { format!(":{line}") } else { String::new() })]
    Malformed {
        path: PathBuf,
        // From 1; 0 stands for the whole file.
        line: u64,
        reason: String,
    },
}

fn no_column(key: &str, names: &[String], known: &[String]) -> String {
    let all = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!("no row has the column {}, which `{key}` names; the rows have {}", all(names), all(known))
}

impl From<hub::HubError> for SourceError {
    fn from(error: hub::HubError) -> Self {
        Self::Hub(Box::new(error))
    }
}

impl SourceError {
    fn read(path: &Path, error: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), error }
    }
}
