//! A folder of logs. It stands for the newest log of each task in it, of each model.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::{self, File},
    io::{self, BufRead, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    evalscope,
    harness::{Label, Named},
    ids::Ids,
    inspect::Head,
    read::Input,
    sink::Fault,
};
use crate::{
    disk::DiskError,
    evidence::EvidenceError,
    format::{Format, compression},
    progress::{Note, Progress},
};

mod moment;

use moment::{micros_of, micros_of_run};

/// The most bytes of a file's first line that show whether it is a review.
const FIRST_LINE_BYTES: u64 = 4 << 20;

/// The files to read, in place of folders that hold them.
pub(super) struct Expanded {
    pub inputs: Vec<Input>,
    /// The files that come from folders.
    pub in_folders: HashSet<PathBuf>,
}

/// The program that wrote a log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Harness,
    Inspect,
    EvalScope,
}

/// A log in a folder.
struct Found {
    path: PathBuf,
    by: By,
    task: String,
    /// What says which exported pool the log is of: pools may have the same name.
    pool: Option<u64>,
    /// `None` if nothing names it.
    model: Option<Named>,
    /// When the run was made, in microseconds; `None` if neither the log nor its name says it.
    made: Option<i64>,
    modified: SystemTime,
}

/// Puts the logs in folders in place of the folders. `benchmarks` are the names of the benchmarks.
///
/// # Errors
/// A folder cannot be read, or has no log; or one name is given for the logs of several models.
pub(super) fn expanded(
    inputs: &[Input],
    benchmarks: &[String],
    progress: &dyn Progress,
) -> Result<Expanded, EvidenceError> {
    let mut all = Expanded { inputs: Vec::new(), in_folders: HashSet::new() };
    for input in inputs {
        match input {
            Input::File { path, model } if path.is_dir() => {
                for log in newest(path, model.is_some(), benchmarks, progress)? {
                    all.in_folders.insert(log.clone());
                    all.inputs.push(Input::File { path: log, model: model.clone() });
                }
            }
            other => all.inputs.push(other.clone()),
        }
    }
    Ok(all)
}

/// The newest log of each task and model in a folder. `is_named` says whether the caller names the model of all of them.
fn newest(
    folder: &Path,
    is_named: bool,
    benchmarks: &[String],
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, EvidenceError> {
    let mut logs: BTreeMap<(By, String, Option<u64>, String), Vec<Found>> = BTreeMap::new();
    let mut models = BTreeSet::new();
    let mut has_results = false;
    for path in files_in(folder, progress)? {
        has_results |= path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("results_"));
        let Some(log) = found(&path, benchmarks, progress)? else { continue };
        // Logs whose model is unknown or a guess may be of several models, so none of them is left out.
        let model = match &log.model {
            _ if is_named => String::new(),
            Some(Named { model, guessed_from: None }) => format!("/{model}"),
            _ => path.display().to_string(),
        };
        models.extend(log.model.as_ref().map(|named| named.model.clone()));
        logs.entry((log.by, log.task.clone(), log.pool, model)).or_default().push(log);
    }
    if logs.is_empty() {
        return Err(EvidenceError::NoLogs { path: folder.to_owned(), has_results });
    }
    if is_named && let (Some(first), Some(second)) = (models.first(), models.iter().nth(1)) {
        let reason = format!(
            "the logs in this folder are of `{first}` and of `{second}`, and one name is given for all; leave the name out, \
             or name each model's folder"
        );
        return Err(EvidenceError::NotAResponse { path: folder.to_owned(), line: 0, reason, hint: None });
    }
    let (mut taken, mut older) = (Vec::new(), Vec::new());
    for mut runs in logs.into_values() {
        // Moments of two kinds do not compare.
        if runs.iter().all(|log| log.made.is_some()) {
            runs.sort_by(|a, b| (a.made, &a.path).cmp(&(b.made, &b.path)));
        } else {
            runs.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        }
        taken.extend(runs.pop().map(|log| log.path));
        older.extend(runs.into_iter().map(|log| log.path));
    }
    taken.sort();
    older.sort();
    progress.note(Note::Logs { folder, read: &taken, older: &older });
    Ok(taken)
}

/// The files in a folder and in the folders in it, sorted, without hidden ones.
fn files_in(folder: &Path, progress: &dyn Progress) -> Result<Vec<PathBuf>, EvidenceError> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        if progress.cancelled() {
            return Err(EvidenceError::Cancelled);
        }
        let unreadable = |error| DiskError::new(&folder, "list this folder", error);
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            // A link to a folder is not followed, because it may lead back.
            match entry.file_type().map_err(unreadable)? {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() || entry.path().is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The log in a file; `None` if the file is no log, or has no samples.
fn found(path: &Path, benchmarks: &[String], progress: &dyn Progress) -> Result<Option<Found>, EvidenceError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unreadable = |error: io::Error| EvidenceError::Disk(DiskError::new(path, "read this file", error));
    let modified = path.metadata().and_then(|metadata| metadata.modified()).map_err(unreadable)?;
    let log = |by, task: String, pool, model, made| {
        Some(Found { path: path.to_owned(), by, task, pool, model, made, modified })
    };
    if Format::of(path) == Some(Format::Jsonl) {
        if name.starts_with("samples_") {
            let Label { task, time, model, .. } = Label::of(path, benchmarks);
            let pool = first_task(path);
            return Ok(log(By::Harness, task, pool, model, time.as_deref().and_then(micros_of)));
        }
        if let Some(run) = evalscope::run_of(path)
            && is_review(path).map_err(unreadable)?
        {
            let (task, pool) = (evalscope::task_of(path), evalscope::tasks_in(path));
            return Ok(log(By::EvalScope, task, pool, evalscope::model_of(path), micros_of_run(&run)));
        }
        return Ok(None);
    }
    match Head::of(path, progress) {
        Ok(Some(head)) if head.has_samples => {
            let made = head.created.as_deref().and_then(micros_of).or_else(|| micros_of(name.get(..19)?));
            let pool = head.pool.map(|pool| xxh3_64(pool.as_bytes()));
            Ok(log(By::Inspect, head.task, pool, Some(Named { model: head.model, guessed_from: None }), made))
        }
        Ok(_) => Ok(None),
        Err(_) if progress.cancelled() => Err(EvidenceError::Cancelled),
        Err(Fault::Evidence(error)) => Err(*error),
        // Reading the log says what is wrong with it.
        Err(Fault::Reason(..)) => Ok(log(By::Inspect, path.display().to_string(), None, None, None)),
    }
}

/// Whether the first line of a file is a review of EvalScope.
fn is_review(path: &Path) -> io::Result<bool> {
    Ok(memchr::memmem::find(&first_line(path)?, b"\"sample_score\"").is_some())
}

/// A hash of the ids of the first task in a log of the harness; `None` if it has none.
fn first_task(path: &Path) -> Option<u64> {
    let line = first_line(path).ok()?;
    let line: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(&line).ok()?;
    Ids::text(line.get("doc")?.get()).map(|ids| xxh3_64(ids.as_bytes()))
}

/// The first line of a file, as far as it may be one of a log.
fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    compression::decompress(File::open(path)?)?.take(FIRST_LINE_BYTES).read_until(b'\n', &mut line)?;
    Ok(line)
}
