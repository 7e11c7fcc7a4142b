//! A preprocessed benchmark on disk: `{b}_full.jsonl`, its index, and `{b}_full_meta.json`.
//!
//! [`Store::scores`] gives what drawing needs, [`Store::fetch`] the tasks that were drawn.

mod index;
mod meta;
mod reader;
mod writer;

pub use index::check_index;
pub use meta::{Meta, MetaThresholds, SourceRecord, StoreRecord, fingerprint};
pub use reader::Store;
pub use writer::{Encoded, Encoder, ScoredRows, StoreWriter, WrittenStore, rewrite_bins};

use std::path::{Path, PathBuf};

use crate::disk::DiskError;

/// The tool's name and version, as meta and manifest record it.
pub const TOOL: &str = concat!("symphony-data ", env!("CARGO_PKG_VERSION"));

/// The name of a benchmark's store.
pub fn store_name(benchmark: &str) -> String {
    format!("{benchmark}_full.jsonl")
}

/// The name of the index beside a store.
pub fn index_name(benchmark: &str) -> String {
    format!("{benchmark}_full.index")
}

/// The name of a benchmark's meta.
pub fn meta_name(benchmark: &str) -> String {
    format!("{benchmark}_full_meta.json")
}

/// The name of the file of rows that were set aside.
pub fn rejected_name(benchmark: &str) -> String {
    format!("{benchmark}_rejected.jsonl")
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is not there.
    #[error(
        "not preprocessed in {folder}: {benchmark}; run `symphony-data preprocess --benchmarks {benchmark} --output-dir \
         {folder}` first (with the same --config), or name the folder that has it (--full-dir)"
    )]
    Missing {
        /// The benchmark, or several with commas between them.
        benchmark: String,
        /// The folder.
        folder: PathBuf,
    },
    /// It is there, and not what its meta or the configuration says.
    #[error("{path}: {reason}; run `symphony-data preprocess` again to rebuild it")]
    Stale {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl StoreError {
    fn stale(path: &Path, reason: impl Into<String>) -> Self {
        Self::Stale { path: path.to_owned(), reason: reason.into() }
    }
}
