//! Why a pool cannot be drawn or written.

use std::path::PathBuf;

use super::DifficultyError;
use crate::{disk::DiskError, hint::Hint, pool::PoolError, preprocess::PreprocessError, store::StoreError};

/// Why a pool cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// A store that is missing, and cannot be brought up to date.
    #[error(transparent)]
    Preprocess(Box<PreprocessError>),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A calibration that tasks should be drawn by.
    #[error(transparent)]
    Difficulty(#[from] DifficultyError),
    /// A stream of no tasks.
    #[error("{}{}{}",
        .experiment.as_ref().map(|id| format!("{id}: ")).unwrap_or_default(),
        if .why.is_empty() { "there are no tasks" } else { "no task can be drawn" },
        .why.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    NoTasks {
        /// The experiment that asks for it, if one does.
        experiment: Option<String>,
        /// The bins that were asked, each with where the bins begin and end.
        why: Vec<String>,
    },
    /// Requests that cannot be met in full, where they must be.
    #[error("{short} of {asked} requests cannot be met in full; nothing was written")]
    Short {
        /// How many cannot.
        short: usize,
        /// How many there are.
        asked: usize,
    },
    /// The caller asked to stop.
    #[error("stopped; nothing was written")]
    Stopped,
    /// A folder that holds something else than what would be written there.
    #[error("{folder} holds {what}; nothing was written", folder = folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// What is there.
        what: String,
    },
    /// A pool.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A table that cannot be made.
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

impl DrawError {
    /// The ways out that are not in the message, the best first.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Preprocess(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Occupied { .. } => vec![Hint::Replace],
            _ => Vec::new(),
        }
    }

    /// Whether nothing went wrong but that the caller asked to stop.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Stopped | Self::Difficulty(DifficultyError::Cancelled { .. }) => true,
            Self::Preprocess(error) => matches!(**error, PreprocessError::Cancelled { .. }),
            _ => false,
        }
    }
}
