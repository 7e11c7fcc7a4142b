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
pub enum PreprocessError {
    /// The source.
    #[error("{benchmark}: {error}")]
    Source {
        /// The benchmark.
        benchmark: String,
        /// Why.
        error: SourceError,
    },
    /// A row.
    #[error("{origin}: row {row} of {benchmark}: {fault}; fix the row")]
    BadRow {
        /// The benchmark.
        benchmark: String,
        /// File and line.
        origin: Origin,
        /// The row's number, from 0.
        row: u64,
        /// What is wrong.
        fault: RowFault,
    },
    /// No rows.
    #[error("{benchmark}: {source_path} has no rows{}; a benchmark needs at least one", if *.rejected > 0 { format!(" left ({rejected} were set aside)") } else { String::new() })]
    Empty {
        /// The benchmark.
        benchmark: String,
        /// Its source.
        source_path: String,
        /// How many rows were set aside.
        rejected: u64,
    },
    /// A rule that does not compile. One that a configuration holds was compiled when it was checked.
    #[error("{benchmark}: its rule cannot be computed: {why}")]
    Rule {
        /// The benchmark.
        benchmark: String,
        /// Each feature that cannot, and why.
        why: String,
    },
    /// Scores that are no numbers.
    #[error(
        "{benchmark}: its rule gives scores or constants that are not finite; check its weights and features for overflow"
    )]
    NotFinite {
        /// The benchmark.
        benchmark: String,
    },
    /// More rows than a store takes.
    #[error("{benchmark}: more than 4294967295 rows; split it into several benchmarks")]
    TooLarge {
        /// The benchmark.
        benchmark: String,
    },
    /// The source is not what it was a moment ago.
    #[error("{benchmark}: {source_path} changed while it was read; run again when nothing writes to it")]
    Changed {
        /// The benchmark.
        benchmark: String,
        /// Its source.
        source_path: String,
    },
    /// Only the recorded source may be used, and there is nothing to compare with.
    #[error("{benchmark}: only the recorded source may be used, and {why}; {} records it", meta_name(.benchmark))]
    NotLocked {
        /// The benchmark.
        benchmark: String,
        /// Why nothing is recorded.
        why: String,
    },
    /// Only the recorded source may be used, and there are other rows than those recorded.
    #[error("{benchmark}: only the recorded source may be used, and {what}; get the files that were recorded")]
    Moved {
        /// The benchmark.
        benchmark: String,
        /// What differs.
        what: String,
    },
    /// The caller asked to stop.
    #[error("{benchmark}: stopped; nothing was written{}", if *.downloading { ", and what came is kept: the next run goes on from there" } else { "" })]
    Cancelled {
        /// The benchmark.
        benchmark: String,
        /// Whether its files were being downloaded.
        downloading: bool,
    },
    /// A store of other rows than those that the configuration names. Only `preprocess` replaces it.
    #[error("{folder}: its store of {benchmark} was made from {had}, and the configuration says {wants}")]
    OtherSource {
        /// The benchmark.
        benchmark: String,
        /// Where the store is.
        folder: PathBuf,
        /// Where its rows come from.
        had: String,
        /// Where the configuration says that they come from.
        wants: String,
    },
    /// A store that no longer fits and could not be rebuilt.
    #[error("the store of {benchmark} cannot be used ({reason}), and rebuilding it failed: {error}")]
    Rebuild {
        /// The benchmark.
        benchmark: String,
        /// Why it cannot be used.
        reason: String,
        /// Why rebuilding failed.
        error: Box<PreprocessError>,
    },
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PreprocessError {
    /// The ways out, the best first.
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
            Self::Rebuild { error, .. } => error.hints(),
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
