//! Errors of reading, validating and fitting responses.

use std::path::PathBuf;

use super::responses::{FORM, Unmapped};
use crate::{
    disk::DiskError, draw::DifficultyError, hint::Hint, pool::PoolError, preprocess::PreprocessError, store::StoreError,
};

impl From<PreprocessError> for EvidenceError {
    fn from(error: PreprocessError) -> Self {
        match error {
            PreprocessError::Store(error) => Self::Store(error),
            error => Self::Preprocess(Box::new(error)),
        }
    }
}

impl From<DifficultyError> for EvidenceError {
    fn from(error: DifficultyError) -> Self {
        match error {
            DifficultyError::Store(error) => Self::Store(error),
            error => Self::Difficulty(error),
        }
    }
}

/// Why responses cannot be used.
// The names of the fields say what they hold; comments give the rest.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file contains something that is not a valid response.
    #[error("{}{}: {reason}", path.display(), if *line > 0 { format!(":{line}") } else { String::new() })]
    NotAResponse {
        path: PathBuf,
        // From 1; 0 if the file has no lines.
        line: u64,
        reason: String,
        // The way out, if the reason does not include it.
        hint: Option<Hint>,
    },
    /// The name of a file does not show its format.
    #[error(
        "{path}: its name does not show its format; name it .jsonl, .csv, .tsv, .json (each also .gz or .zst), .parquet, .arrow, or .eval"
    )]
    UnknownForm { path: PathBuf },
    /// A folder has no logs.
    #[error(
        "{path}: this folder has no log with answers; it was searched for samples_*.jsonl of lm-evaluation-harness, .eval and .json \
         of Inspect, and reviews/MODEL/*.jsonl of EvalScope; {}", if *has_results {
            "results of lm-evaluation-harness have samples only with its option log_samples"
        } else {
            "name files of any other form one by one"
        }
    )]
    NoLogs {
        path: PathBuf,
        // Whether there is a results file of lm-evaluation-harness.
        has_results: bool,
    },
    /// A file is given twice.
    #[error("{path} is given twice, so its answers would count as two tries; give each file once")]
    GivenTwice { path: PathBuf },
    /// The name of a file for responses does not say how to write it.
    #[error(
        "{path}: the ending of its name says how responses are written; end it in .jsonl, .csv (each also .gz or .zst) or .parquet"
    )]
    OutputForm { path: PathBuf },
    /// Responses would be written over an input.
    #[error("{path} is one of the inputs, and is not replaced; name another file for the output")]
    OutputIsInput { path: PathBuf },
    /// The output is a file of a preprocessed benchmark.
    #[error("{} belongs to a preprocessed benchmark; write the responses to another file", path.display())]
    OutputIsStore { path: PathBuf },
    /// No response belongs to a row.
    #[error("no response could be mapped to a row{}", list(unmapped))]
    NothingMapped { unmapped: Vec<Unmapped> },
    /// A task of a pool has no ids that responses can be matched by.
    #[error("{pool}: {task}: {reason}")]
    TaskIds { pool: String, task: String, reason: String },
    /// The inputs have no lines or rows.
    #[error("there are no responses in {}; a response has {FORM}", if files.is_empty() { "the table".to_owned() } else { files.join(", ") })]
    NoAnswers {
        // Empty for tables.
        files: Vec<String>,
    },
    /// Two logs have the same guessed model, but may be of two models.
    #[error(
        "{} and {} hold different answers to the task {task}, and both seem to be of {model}, a guess from their names and \
         folders; name the model of each file",
        files[0].display(),
        files[1].display()
    )]
    WhoseAnswers {
        files: [PathBuf; 2],
        // The task in the names of the logs.
        task: String,
        // The guessed model.
        model: String,
    },
    /// A calibration of generated rows would replace one of real rows.
    #[error("{} is of real rows, and a calibration of generated rows does not replace it; name another folder", path.display())]
    Occupied {
        // The meta of the existing calibration.
        path: PathBuf,
    },
    /// The inputs changed between the two times that they are read.
    #[error(
        "the responses changed while they were read, or can be read only once; run again on files that do not change"
    )]
    Changed,
    /// There are too few rows or responses.
    #[error("{benchmark}: {reason}")]
    Insufficient { benchmark: String, reason: String },
    /// The caller asked to stop.
    #[error("stopped; nothing was written")]
    Cancelled,
    /// A store could not be opened or rebuilt.
    #[error(transparent)]
    Preprocess(#[from] Box<PreprocessError>),
    /// A measured difficulty cannot be used.
    #[error(transparent)]
    Difficulty(DifficultyError),
    /// A store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pool cannot be read.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl EvidenceError {
    /// The ways out that are not in the message.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NotAResponse { hint, .. } => hint.iter().cloned().collect(),
            Self::WhoseAnswers { .. } => vec![Hint::NameModels],
            Self::Preprocess(error) => error.hints(),
            Self::Store(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

fn list(unmapped: &[Unmapped]) -> String {
    unmapped.iter().map(|unmapped| format!("\n  {unmapped}")).collect()
}
