//! What a whole command can fail with: one stage's error, or what only the drivers can see.

use crate::{
    config::Problems, disk::DiskError, evidence::EvidenceError, pool::PoolError, preprocess::PreprocessError,
    store::StoreError,
};

/// Any failure of the library.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration or a request.
    #[error(transparent)]
    Config(#[from] Problems),
    /// Stage 1.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A store that no longer fits and could not be rebuilt.
    #[error("the store of {benchmark} no longer serves ({reason}), and rebuilding it failed: {error}")]
    Rebuild {
        /// The benchmark.
        benchmark: String,
        /// Why it no longer serves.
        reason: String,
        /// Why rebuilding failed.
        error: Box<PreprocessError>,
    },
    /// A stream of no tasks.
    #[error("{}{}", if .why.is_empty() { "there are no tasks" } else { "no task can be drawn" }, .why.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    NoTasks {
        /// The bins that were asked.
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
