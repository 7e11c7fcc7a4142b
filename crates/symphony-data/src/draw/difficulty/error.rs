//! Why a difficulty cannot be used.

use std::path::PathBuf;

use crate::{disk::DiskError, store::StoreError};

/// Why a difficulty cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant names its fields")]
pub enum DifficultyError {
    /// The calibration, or the reference difficulty, cannot be used.
    #[error("{benchmark}: its difficulty cannot be taken from {place}: {why}")]
    Unusable {
        benchmark: String,
        /// The calibration, or the reference difficulty.
        place: String,
        /// Why not, and the way out.
        why: String,
    },
    /// The request names a file or folder that does not exist.
    #[error("there is no file or folder {}; a difficulty is `surface`, `reference`, a calibration, or a folder of calibrations", path.display())]
    Absent { path: PathBuf },
    /// The request names a file that is not a calibration.
    #[error("{} is not a calibration; a calibration's name is BENCHMARK_calibration.jsonl", path.display())]
    NoCalibration { path: PathBuf },
    /// The folder has no calibration of any benchmark in the request.
    #[error("{folder} holds no calibration of {}; a calibration's name is BENCHMARK_calibration.jsonl", benchmarks.join(" or "), folder = folder.display())]
    NoneInFolder { folder: PathBuf, benchmarks: Vec<String> },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The caller asked to stop.
    #[error("{benchmark}: stopped; nothing was written")]
    Cancelled { benchmark: String },
}
