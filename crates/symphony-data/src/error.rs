//! What a whole command can fail with: one stage's error, or what only the drivers can see.

use std::path::PathBuf;

use crate::{
    disk::DiskError, evidence::EvidenceError, experiment::DifficultyError, hint::Hint, pool::PoolError,
    preprocess::PreprocessError, store::StoreError, yaml::Problems,
};

/// Any failure of the library.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration or a request.
    #[error(transparent)]
    Config(#[from] Problems),
    /// Stage 1.
    #[error(transparent)]
    Preprocess(PreprocessError),
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
    /// Responses.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A table that cannot be made.
    #[error(transparent)]
    Table(#[from] arrow_schema::ArrowError),
}

impl From<PreprocessError> for Error {
    fn from(error: PreprocessError) -> Self {
        match error {
            PreprocessError::Store(error) => Self::Store(error),
            error => Self::Preprocess(error),
        }
    }
}

impl Error {
    /// The ways out that are not in the message, the best first.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Preprocess(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Evidence(error) => error.hints(),
            Self::Occupied { .. } => vec![Hint::Replace],
            _ => Vec::new(),
        }
    }

    /// Whether nothing went wrong but that the caller asked to stop.
    pub fn is_stop(&self) -> bool {
        matches!(
            self,
            Self::Stopped
                | Self::Preprocess(PreprocessError::Cancelled { .. })
                | Self::Difficulty(DifficultyError::Cancelled { .. })
                | Self::Evidence(
                    EvidenceError::Cancelled | EvidenceError::Difficulty(DifficultyError::Cancelled { .. })
                )
        ) || matches!(self, Self::Evidence(EvidenceError::Preprocess(error)) if matches!(**error, PreprocessError::Cancelled { .. }))
    }
}
