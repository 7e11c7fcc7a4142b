//! Why a pool cannot be drawn or written.

use std::path::PathBuf;

use super::DifficultyError;
use crate::{disk::DiskError, hint::Hint, pool::PoolError, preprocess::PreprocessError, store::StoreError};

/// Why a pool cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant names its fields")]
pub enum DrawError {
    /// A store is out of date and cannot be rebuilt.
    #[error(transparent)]
    Preprocess(Box<PreprocessError>),
    /// A store is missing or cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The requested difficulty cannot be used.
    #[error(transparent)]
    Difficulty(DifficultyError),
    /// A key of a request does not fit the rows of a benchmark.
    #[error("{benchmark}: {why}")]
    Rows {
        benchmark: String,
        /// What is wrong, and the way out.
        why: String,
    },
    /// A request needs the duplicates of a benchmark, and `duplicates` has not run.
    #[error("{benchmark}: `{key}` needs to know its duplicates")]
    NoDuplicates {
        benchmark: String,
        folder: PathBuf,
        /// The key of the request, with its value.
        key: &'static str,
    },
    /// Something that a request leaves out cannot be read.
    #[error("exclude: {what}: {why}")]
    Exclude {
        /// The file and line, or the tasks.
        what: String,
        why: String,
    },
    /// The stream has no tasks.
    #[error("{}{}{}",
        .experiment.as_ref().map(|id| format!("{id}: ")).unwrap_or_default(),
        if .why.is_empty() { "there are no tasks" } else { "no task can be drawn" },
        .why.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    NoTasks {
        /// The experiment that asks for it, if one does.
        experiment: Option<String>,
        /// One line for each bin that should deliver tasks, with the bounds of the bins.
        why: Vec<String>,
    },
    /// Some requests cannot be met in full, but they must be.
    #[error("{short} of {asked} requests cannot be met in full; nothing was written")]
    Short {
        /// How many cannot be met.
        short: usize,
        /// How many there are.
        asked: usize,
    },
    /// The caller asked to stop.
    #[error("stopped; nothing was written")]
    Stopped,
    /// The folder holds files that may not be replaced.
    #[error("{folder} holds {what}; nothing was written", folder = folder.display())]
    Occupied {
        folder: PathBuf,
        /// A phrase for these files.
        what: String,
    },
    /// A pool cannot be written.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A table cannot be made.
    #[error(transparent)]
    Table(#[from] arrow_schema::ArrowError),
}

impl From<PreprocessError> for DrawError {
    fn from(error: PreprocessError) -> Self {
        match error {
            PreprocessError::Store(error) => Self::Store(error),
            error => Self::Preprocess(Box::new(error)),
        }
    }
}

impl From<DifficultyError> for DrawError {
    fn from(error: DifficultyError) -> Self {
        match error {
            DifficultyError::Store(error) => Self::Store(error),
            error => Self::Difficulty(error),
        }
    }
}

impl DrawError {
    /// The ways out that are not in the message, best first.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Preprocess(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Occupied { .. } => vec![Hint::Replace],
            Self::NoDuplicates { benchmark, folder, .. } => {
                vec![Hint::FindDuplicates { benchmarks: vec![benchmark.clone()], folder: folder.clone() }]
            }
            _ => Vec::new(),
        }
    }

    /// Whether the only reason is that the caller asked to stop.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Stopped | Self::Difficulty(DifficultyError::Cancelled { .. }) => true,
            Self::Preprocess(error) => matches!(**error, PreprocessError::Cancelled { .. }),
            _ => false,
        }
    }
}
