//! Reads and writes `task_pool.jsonl`, with one task per line, and `task_pool.parquet`.

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
#[allow(missing_docs, reason = "the message of each variant names its fields")]
pub enum PoolError {
    /// A line is not a task.
    #[error("{path}:{line}: not a task: {reason}; a pool has one JSON object per line, as in a `task_pool.jsonl`")]
    NotATask {
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        reason: String,
    },
    /// There is no pool at the path.
    #[error("{path}: there is no pool here; name a task_pool.jsonl or task_pool.parquet, or its folder")]
    Missing { path: PathBuf },
    /// The pool has no tasks.
    #[error("{path}: this pool has no tasks")]
    Empty { path: PathBuf },
    /// A file of the pool has the wrong format.
    #[error("{path}: {reason}")]
    Malformed { path: PathBuf, reason: String },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Writes tasks as a pool into an empty file.
///
/// # Errors
/// The disk fails.
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

/// The tasks of a pool, as they are read; an error for each line or row that is not a task.
pub type Tasks<'p> = Box<dyn Iterator<Item = Result<Task, PoolError>> + 'p>;

/// Reads a pool task by task: Parquet if the name ends in `.parquet`, else JSON lines. It also reads pools of the Python
/// program.
///
/// # Errors
/// The file cannot be opened. Each line or row that is not a task is an error of its own.
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
