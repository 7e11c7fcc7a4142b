//! The error of a whole command: that of one module, or a wrong request.

use crate::{
    compare::CompareError,
    disk::DiskError,
    draw::{DifficultyError, DrawError},
    evidence::EvidenceError,
    export::ExportError,
    hint::Hint,
    pool::PoolError,
    preprocess::PreprocessError,
    report::ReportError,
    results::{ResultsError, power::PowerError},
    store::StoreError,
    yaml::Problems,
};

/// Any error of the library.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration or a request has problems.
    #[error(transparent)]
    Config(#[from] Problems),
    /// Stage 1 failed.
    #[error(transparent)]
    Preprocess(PreprocessError),
    /// A store is missing or cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pool cannot be drawn or written.
    #[error(transparent)]
    Draw(DrawError),
    /// A pool cannot be read or written.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Responses cannot be used, for calibration or validation.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Results cannot be computed.
    #[error(transparent)]
    Results(ResultsError),
    /// What a pool can tell apart cannot be computed.
    #[error(transparent)]
    Power(#[from] PowerError),
    /// An export cannot be made.
    #[error(transparent)]
    Export(ExportError),
    /// A report cannot be made.
    #[error(transparent)]
    Report(ReportError),
    /// Rows cannot be compared.
    #[error(transparent)]
    Compare(CompareError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A table cannot be made.
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

/// Unwraps an error that a draw only passed on.
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

/// Unwraps an error that a comparison only passed on.
impl From<CompareError> for Error {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Preprocess(error) => Self::Preprocess(*error),
            CompareError::Store(error) => Self::Store(error),
            CompareError::Disk(error) => Self::Disk(error),
            error => Self::Compare(error),
        }
    }
}

/// Unwraps an error that an export only passed on.
impl From<ExportError> for Error {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Config(problems) => Self::Config(problems),
            ExportError::Pool(error) => Self::Pool(error),
            ExportError::Store(error) => Self::Store(error),
            ExportError::Disk(error) => Self::Disk(error),
            error => Self::Export(error),
        }
    }
}

/// Unwraps an error that a report only passed on.
impl From<ReportError> for Error {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Disk(error) => Self::Disk(error),
            error => Self::Report(error),
        }
    }
}

/// Unwraps an error that results only passed on.
impl From<ResultsError> for Error {
    fn from(error: ResultsError) -> Self {
        match error {
            ResultsError::Pool(error) => Self::Pool(error),
            ResultsError::Evidence(error) => Self::Evidence(error),
            error => Self::Results(error),
        }
    }
}

impl Error {
    /// The ways out that are not in the message, best first.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Preprocess(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Draw(error) => error.hints(),
            Self::Evidence(error) => error.hints(),
            Self::Results(error) => error.hints(),
            Self::Export(error) => error.hints(),
            Self::Report(error) => error.hints(),
            Self::Compare(error) => error.hints(),
            _ => Vec::new(),
        }
    }

    /// Whether the only reason is that the caller asked to stop.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Preprocess(PreprocessError::Cancelled { .. })
            | Self::Export(ExportError::Stopped)
            | Self::Results(ResultsError::Stopped)
            | Self::Evidence(EvidenceError::Cancelled | EvidenceError::Difficulty(DifficultyError::Cancelled { .. })) => {
                true
            }
            Self::Draw(error) => error.is_stop(),
            Self::Compare(error) => error.is_stop(),
            Self::Evidence(EvidenceError::Preprocess(error)) => matches!(**error, PreprocessError::Cancelled { .. }),
            _ => false,
        }
    }
}
