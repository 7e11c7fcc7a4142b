//! What can go wrong with evidence.

use std::path::PathBuf;

use super::responses::{FORM, Unmapped};
use crate::{
    disk::DiskError, draw::DifficultyError, hint::Hint, pool::PoolError, preprocess::PreprocessError,
    store::StoreError, yaml::Problems,
};

impl From<PreprocessError> for EvidenceError {
    fn from(error: PreprocessError) -> Self {
        match error {
            PreprocessError::Store(error) => Self::Store(error),
            error => Self::Preprocess(Box::new(error)),
        }
    }
}

/// Why responses cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Something in a file that is no response.
    #[error("{}{}: {reason}", path.display(), if *line > 0 { format!(":{line}") } else { String::new() })]
    NotAResponse {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 where there are no lines.
        line: u64,
        /// What is wrong.
        reason: String,
        /// The way out, where the reason does not say it.
        hint: Option<Hint>,
    },
    /// A file whose name says nothing.
    #[error(
        "{path}: what form it has cannot be told by its name; name it .jsonl, .csv, .tsv, .json (each also .gz or .zst), .parquet, .arrow, or .eval"
    )]
    UnknownForm {
        /// The file.
        path: PathBuf,
    },
    /// A folder.
    #[error("{path}: this is a folder; name the files in it, as {path}/*.jsonl")]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A file that is given twice.
    #[error("{path} is given twice, so that its answers would count as two tries; give each file once")]
    GivenTwice {
        /// The file.
        path: PathBuf,
    },
    /// Nothing that could be used.
    #[error("no response could be mapped to a row{}", list(unmapped))]
    NothingMapped {
        /// Why not.
        unmapped: Vec<Unmapped>,
    },
    /// No line or row in any of the inputs.
    #[error("there is no answer in {}; a response has {FORM}", if files.is_empty() { "the table".to_owned() } else { files.join(", ") })]
    NoAnswers {
        /// The files; none for tables.
        files: Vec<String>,
    },
    /// Two logs that may or may not be of one model.
    #[error(
        "{} and {} hold different answers to the task {task}, and both seem to be of {model}, a guess from their names and \
         folders; say whose answers each file holds",
        files[0].display(),
        files[1].display()
    )]
    WhoseAnswers {
        /// The two.
        files: [PathBuf; 2],
        /// The task, as their names have it.
        task: String,
        /// The model, by guess.
        model: String,
    },
    /// A calibration of real rows in the place of one of generated rows.
    #[error("{} is of real rows, and responses to generated ones do not replace it; name another folder", path.display())]
    Occupied {
        /// Its meta.
        path: PathBuf,
    },
    /// Files that change under us.
    #[error("the responses changed while they were read, or can be read only once; run again on files that stay")]
    Changed,
    /// Too little to work with.
    #[error("{benchmark}: {reason}")]
    Insufficient {
        /// The benchmark.
        benchmark: String,
        /// What is missing.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("stopped; nothing was written")]
    Cancelled,
    /// A store that is not the one that the configuration asks for.
    #[error(transparent)]
    Preprocess(#[from] Box<PreprocessError>),
    /// A calibration.
    #[error(transparent)]
    Difficulty(#[from] DifficultyError),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pool.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] Problems),
    /// The disk.
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
