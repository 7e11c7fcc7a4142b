//! Why an export cannot be made.

use std::path::PathBuf;

use crate::{disk::DiskError, hint::Hint, pool::PoolError, row::RowFault, store::StoreError, yaml::Problems};

/// Why an export cannot be made.
#[allow(missing_docs, reason = "the message of each variant names its fields")]
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is nothing to export at a path.
    #[error("{path}: there is no pool and no preprocessed benchmark here{}", listed_below(below))]
    Nothing {
        path: PathBuf,
        /// The folders below it that hold pools or preprocessed benchmarks.
        below: Vec<PathBuf>,
    },
    /// A benchmark was named for a pool.
    #[error(
        "{path}: this is a pool, which is exported whole; name benchmarks only for a folder of preprocessed benchmarks"
    )]
    PartOfPool { path: PathBuf },
    /// A folder of preprocessed benchmarks lacks a benchmark that was named.
    #[error("{folder}: {benchmark} is not preprocessed here; this folder has {}", has.join(", "))]
    NoBenchmark { folder: PathBuf, benchmark: String, has: Vec<String> },
    /// Two tasks have the same id.
    #[error(
        "{path}: two tasks have the id {task}, so that their answers could not be told apart; export one pool at a time"
    )]
    SameId { path: PathBuf, task: String },
    /// The output folder is that of the tasks.
    #[error("{folder}: the tasks lie in this folder, and an export has files of the same names; name another folder")]
    OwnFolder { folder: PathBuf },
    /// A name has other characters than a harness takes.
    #[error("`{name}` is not a valid name for an export: use letters, digits and underscores, and begin with a letter")]
    Name { name: String },
    /// Several inputs with one name.
    #[error("one name is given for several exports; leave it out, or export one at a time")]
    OneNameForSeveral,
    /// Two inputs have the same name.
    #[error("{} and {} would both be exported as `{name}`; export one at a time, each with a name and a folder of its own", paths[0].display(), paths[1].display())]
    SameName { name: String, paths: Box<[PathBuf; 2]> },
    /// A task cannot be asked.
    #[error("{path}: the task {task} cannot be asked: {fault}; correct `benchmarks.{benchmark}.prompt`, or the row")]
    NotAsked { path: PathBuf, task: String, benchmark: String, fault: Box<RowFault> },
    /// A benchmark has no prompt.
    #[error("the benchmark {benchmark} has no `prompt`, so that its tasks can be exported to hf alone")]
    NoPrompt { benchmark: String },
    /// Two tasks or groups of lm-eval have the same name.
    #[error(
        "two tasks or groups would have the name {name}, because a benchmark is named as a bin or a group is; rename it in the configuration"
    )]
    TwoTasks { name: String },
    /// Choices have labels that a harness cannot find in an answer.
    #[error(
        "the benchmark {benchmark} has the choices {}, which EvalScope does not tell apart in an answer; call them A, B, C, … in its rows or in `benchmarks.{benchmark}.prompt.choices`, or export it to inspect",
        labels.join(", ")
    )]
    Labels { benchmark: String, labels: Vec<String> },
    /// The output folder holds other files.
    #[error("{folder}: an export is not written over {what}")]
    Occupied { folder: PathBuf, what: String },
    /// The configuration does not say how the tasks are asked.
    #[error(transparent)]
    Config(#[from] Problems),
    /// The pool cannot be read.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A preprocessed benchmark cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The caller asked to stop.
    #[error("stopped; no export was changed")]
    Stopped,
}

fn listed_below(below: &[PathBuf]) -> String {
    if below.is_empty() {
        return "; name a pool's folder or file, or a folder of preprocessed benchmarks".to_owned();
    }
    let below: Vec<String> = below.iter().map(|path| path.display().to_string()).collect();
    format!("; name one of {}", below.join(", "))
}

impl ExportError {
    /// The ways out that are not in the message, best first.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Store(error) => error.hints(),
            Self::Occupied { .. } => vec![Hint::Replace],
            _ => Vec::new(),
        }
    }
}
