//! What a whole command can fail with: one room's error, or a wrong request.

use crate::{
    disk::DiskError,
    draw::{DifficultyError, DrawError},
    evidence::EvidenceError,
    hint::Hint,
    pool::PoolError,
    preprocess::PreprocessError,
    store::StoreError,
    yaml::Problems,
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
    /// A draw.
    #[error(transparent)]
    Draw(DrawError),
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

/// An error that a draw only passes on is what it was.
impl From<DrawError> for Error {
    fn from(error: DrawError) -> Self {
        match error {
            DrawError::Preprocess(error) => Self::Preprocess(*error),
            DrawError::Store(error) => Self::Store(error),
            DrawError::Pool(error) => Self::Pool(error),
            DrawError::Disk(error) => Self::Disk(error),
            DrawError::Table(error) => Self::Table(error),
            error => Self::Draw(error),
        }
    }
}

impl Error {
    /// The ways out that are not in the message, the best first.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Preprocess(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Draw(error) => error.hints(),
            Self::Evidence(error) => error.hints(),
            _ => Vec::new(),
        }
    }

    /// Whether nothing went wrong but that the caller asked to stop.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Preprocess(PreprocessError::Cancelled { .. })
            | Self::Evidence(EvidenceError::Cancelled | EvidenceError::Difficulty(DifficultyError::Cancelled { .. })) => {
                true
            }
            Self::Draw(error) => error.is_stop(),
            Self::Evidence(EvidenceError::Preprocess(error)) => matches!(**error, PreprocessError::Cancelled { .. }),
            _ => false,
        }
    }
}
