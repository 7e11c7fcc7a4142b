//! `task_pool.jsonl`, one task a line, or `task_pool.parquet`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::parquet;
use crate::{
    disk::{DiskError, NewFile},
    row::json_reason,
    task::{Layout, Task, TaskView},
};

/// Why a pool cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// A line that is no task.
    #[error("{path}:{line}: not a task: {reason}; a pool has one JSON object a line, as in a `task_pool.jsonl`")]
    NotATask {
        /// The pool.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// No pool where one was named.
    #[error("{path}: no pool lies here; name a task_pool.jsonl or task_pool.parquet, or its folder")]
    Missing {
        /// What was named.
        path: PathBuf,
    },
    /// A pool without a line.
    #[error("{path}: this pool has no tasks")]
    Empty {
        /// The pool.
        path: PathBuf,
    },
    /// A file that should hold JSON and does not.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Writes tasks as a pool into an empty file.
///
/// # Errors
/// The disk.
pub fn write_pool<'t>(
    mut file: NewFile,
    format: Layout,
    tasks: impl IntoIterator<Item = TaskView<'t>>,
) -> Result<NewFile, DiskError> {
    if format == Layout::Parquet {
        return parquet::write(file, tasks);
    }
    let to = &mut file;
    for task in tasks {
        let written = task.write_line(to);
        to.check(written)?;
    }
    Ok(file)
}

/// The tasks of a pool that is read, each a task or why it is none.
pub type Tasks<'p> = Box<dyn Iterator<Item = Result<Task, PoolError>> + 'p>;

/// Reads a pool task by task: JSON lines, or Parquet where the name says so. Pools of the Python program are read as well.
///
/// # Errors
/// The file cannot be opened; each item that is no task is an error of its own.
pub fn read_pool(path: &Path) -> Result<Tasks<'_>, PoolError> {
    let file = File::open(path).map_err(|error| DiskError::new(path, "read this pool", error))?;
    if Layout::by_ending(path) == Some(Layout::Parquet) {
        return Ok(Box::new(parquet::read(path, file)?));
    }
    let lines = BufReader::with_capacity(256 << 10, file).lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.as_ref().is_ok_and(|line| line.trim().is_empty()));
    Ok(Box::new(lines.map(move |(at, line)| {
        let not_a_task = |reason: String| PoolError::NotATask { path: path.to_owned(), line: at + 1, reason };
        let line = line.map_err(|error| not_a_task(error.to_string()))?;
        let line = if at == 0 { line.trim_start_matches('\u{feff}') } else { &line };
        let task: Task = serde_json::from_str(line).map_err(|error| not_a_task(json_reason(&error)))?;
        task.fault().map_or(Ok(task), |why| Err(not_a_task(why)))
    })))
}
