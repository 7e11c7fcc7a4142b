//! Why a benchmark could not be preprocessed.

use std::path::PathBuf;

use crate::{
    disk::DiskError,
    hint::Hint,
    row::{Origin, RowFault},
    source::SourceError,
    store::{StoreError, meta_name},
};

/// Why a benchmark could not be preprocessed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant names its fields")]
pub enum PreprocessError {
    /// The source cannot be found, downloaded or read.
    #[error("{benchmark}: {error}")]
    Source {
        benchmark: String,
        #[source]
        error: SourceError,
    },
    /// A row cannot be scored.
    #[error("{origin}: row {row} of {benchmark}: {fault}; fix the row")]
    BadRow {
        benchmark: String,
        /// File and line.
        origin: Origin,
        /// The row's number, from 0.
        row: u64,
        fault: RowFault,
    },
    /// The source has no rows that can be scored.
    #[error("{benchmark}: {source_path} has no rows{}; a benchmark needs at least one", if *.rejected > 0 { format!(" left ({rejected} were set aside)") } else { String::new() })]
    Empty {
        benchmark: String,
        source_path: String,
        /// How many rows were set aside.
        rejected: u64,
    },
    /// The rule does not compile. The rule of a checked configuration does.
    #[error("{benchmark}: its rule cannot be computed: {why}")]
    Rule {
        benchmark: String,
        /// Each feature that cannot be computed, and why.
        why: String,
    },
    /// Scores or constants are infinite or NaN.
    #[error(
        "{benchmark}: its rule gives scores or constants that are not finite; check its weights and features for overflow"
    )]
    NotFinite { benchmark: String },
    /// The source has more rows than a store can hold.
    #[error("{benchmark}: more than 4294967295 rows; split it into several benchmarks")]
    TooLarge { benchmark: String },
    /// The two passes over the source found different rows.
    #[error("{benchmark}: {source_path} changed while it was read; run again when nothing writes to it")]
    Changed { benchmark: String, source_path: String },
    /// Workers call a caller's function twice for each row, and it returned two values.
    #[error(
        "{benchmark}: a registered function returned another value when it was called again for the same row; make it return the same value each time, or preprocess on one machine"
    )]
    Unsteady { benchmark: String },
    /// Only the recorded source may be used, but none is recorded, or the configuration names another one.
    #[error("{benchmark}: only the recorded source may be used, but {why}; each run records its source in {}", meta_name(.benchmark))]
    NotLocked { benchmark: String, why: String },
    /// Only the recorded source may be used, but its files have changed.
    #[error("{benchmark}: only the recorded source may be used, but {what}; restore the recorded files")]
    Moved { benchmark: String, what: String },
    /// The caller asked to stop.
    #[error("{benchmark}: stopped; nothing was written{}", if *.downloading { ", and the next run resumes the download" } else { "" })]
    Cancelled {
        benchmark: String,
        /// Whether its files were being downloaded.
        downloading: bool,
    },
    /// The store was made from another source than the configured one. Only `preprocess` replaces it.
    #[error("{folder}: its store of {benchmark} was made from {had}, but the configuration says {wants}")]
    OtherSource {
        benchmark: String,
        folder: PathBuf,
        /// The source of the store.
        had: String,
        /// The configured source.
        wants: String,
    },
    /// The store is out of date or damaged, and could not be rebuilt.
    #[error("the store of {benchmark} cannot be used ({reason}), and rebuilding it failed: {error}")]
    Rebuild {
        benchmark: String,
        /// Why the store cannot be used.
        reason: String,
        /// Why rebuilding failed.
        #[source]
        error: Box<PreprocessError>,
    },
    /// A shard of the rows cannot be preprocessed.
    #[error("{error} (in shard {shard} of {of})")]
    InShard {
        /// Its number, from 1.
        shard: usize,
        of: usize,
        #[source]
        error: Box<PreprocessError>,
    },
    /// A worker failed, or could not be reached.
    #[error("{benchmark}: a worker failed: {error}")]
    Worker {
        benchmark: String,
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A worker and its driver do not understand each other.
    #[error("this job cannot be done here: {why}; install the same version of symphony-data on all machines")]
    Job { why: String },
    /// A store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PreprocessError {
    /// The ways out, best first.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Source { error: SourceError::Hub(error), .. } => error.hints(),
            Self::BadRow { .. } => vec![Hint::SkipBadRows],
            Self::NotLocked { .. } | Self::Moved { .. } => vec![Hint::Unlock],
            Self::OtherSource { benchmark, folder, had, .. } => {
                let demo = had.starts_with("synthetic:").then_some(Hint::Demo);
                let replace = Hint::ReplaceStore { benchmarks: vec![benchmark.clone()], folder: folder.clone() };
                [Hint::NameConfig, Hint::NameStores].into_iter().chain(demo).chain([replace]).collect()
            }
            Self::Rebuild { error, .. } | Self::InShard { error, .. } => error.hints(),
            Self::Store(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

impl From<DiskError> for PreprocessError {
    fn from(error: DiskError) -> Self {
        Self::Store(error.into())
    }
}
