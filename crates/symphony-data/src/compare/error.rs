//! Why rows cannot be compared.

use std::path::PathBuf;

use crate::{disk::DiskError, hint::Hint, preprocess::PreprocessError, source::SourceError, store::StoreError};

/// Why rows cannot be compared.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant names its fields")]
pub enum CompareError {
    /// A benchmark that was asked for does not exist.
    #[error("{benchmark}: no such benchmark is configured; {} has {known}", folder.display())]
    NoBenchmark { benchmark: String, folder: PathBuf, known: String },
    /// The benchmarks have more rows than can be compared at once.
    #[error("{rows} rows are more than can be compared at once (4294967295); name fewer benchmarks")]
    TooMany { rows: u64 },
    /// No file of other text matches a pattern.
    #[error("no file matches {pattern}; name files, patterns such as texts/*.txt, or folders")]
    NoFile { pattern: String },
    /// Other text cannot be read.
    #[error(transparent)]
    Other(SourceError),
    /// The overlap would replace a file that is needed.
    #[error("{} {what}, and is not replaced; name another file for the overlap", path.display())]
    Output { path: PathBuf, what: &'static str },
    /// The rows changed between the two times that they were read.
    #[error("{benchmark}: its store changed while it was read; run again when nothing writes to it")]
    Changed { benchmark: String },
    /// The caller asked to stop.
    #[error("stopped; nothing was written")]
    Cancelled,
    /// A store could not be opened or rebuilt.
    #[error(transparent)]
    Preprocess(Box<PreprocessError>),
    /// A store is missing or cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl From<PreprocessError> for CompareError {
    fn from(error: PreprocessError) -> Self {
        match error {
            PreprocessError::Store(error) => Self::Store(error),
            error => Self::Preprocess(Box::new(error)),
        }
    }
}

impl CompareError {
    /// The ways out that are not in the message.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Preprocess(error) => error.hints(),
            Self::Store(error) => error.hints(),
            _ => Vec::new(),
        }
    }

    /// Whether the only reason is that the caller asked to stop.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Cancelled => true,
            Self::Preprocess(error) => matches!(**error, PreprocessError::Cancelled { .. }),
            _ => false,
        }
    }
}
