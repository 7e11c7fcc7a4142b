//! Reads responses from files and tables of several formats into one [`Responses`] per benchmark.
//!
//! All inputs are read twice: first to count the answers, then to fill exactly as much memory as they need. Answers that
//! cannot be mapped to a row are counted and reported.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{self, BufReader},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use arrow_array::RecordBatch;

use super::{
    Catalogue, columns,
    folder::{self, Expanded},
    inspect,
    own::{Logs, of_text},
    sink::{Fault, Sink, Tap, Unmapped, WATCHED_BYTES, Watched},
};
use crate::{
    disk::{NamedFile, checksum::HashingReader},
    evidence::EvidenceError,
    format::{Batcher, Format, ReadError},
    parallel::pipeline,
    progress::{Note, Progress},
    response::{Gatherer, Responses},
    row::RowBatch,
};

/// Files of at least so many bytes are read by two threads. A folder may have thousands of smaller ones.
const LARGE: u64 = 1 << 20;

/// A file or a table of responses.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file in our own format or one of the others: a log of lm-evaluation-harness, Inspect or EvalScope, rows of Every Eval
    /// Ever, lines of py-irt, or a wide table. A folder stands for the newest log of each task in it, of each model.
    File {
        /// The file's or folder's path.
        path: PathBuf,
        /// The model of all answers in it; it replaces the name there. `None` takes the name from the file.
        model: Option<String>,
    },
    /// A table in memory.
    Table(Vec<RecordBatch>),
}

/// Which lines and scores of logs to read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The filter whose lines count, in logs with several filters.
    pub filter: Option<String>,
    /// The metric or scorer that gives the score, in logs with several.
    pub metric: Option<String>,
}

/// The responses that were read.
#[derive(Debug)]
pub struct Gathered {
    /// The responses to each benchmark that has any, sorted by name.
    pub benchmarks: Vec<Responses>,
    /// The answers that could not be mapped to a row, by reason.
    pub unmapped: Vec<Unmapped>,
    /// The name, size and checksum of each file.
    pub files: Vec<NamedFile>,
}

/// Reads responses and maps them to the rows of the catalogue's benchmarks.
///
/// # Errors
/// A file cannot be read or has no responses, an answer is not valid, no answer can be mapped to a row, or the caller asked
/// to stop.
pub fn read(
    inputs: &[Input],
    catalogue: &mut Catalogue<'_>,
    options: &ReadOptions,
    progress: &dyn Progress,
) -> Result<Gathered, EvidenceError> {
    let expanded = folder::expanded(inputs, catalogue.names(), progress)?;
    read_into(None, expanded, catalogue, options, progress)
}

/// Like [`read()`]; `tap` gets each answer too.
pub(super) fn read_into<'s>(
    tap: Option<&'s mut dyn Tap>,
    Expanded { inputs, in_folders }: Expanded,
    catalogue: &'s mut Catalogue<'_>,
    options: &'s ReadOptions,
    progress: &'s dyn Progress,
) -> Result<Gathered, EvidenceError> {
    let mut sink = Sink {
        catalogue,
        options,
        progress,
        tap,
        logs: Vec::new(),
        benchmarks: BTreeMap::new(),
        unmapped: BTreeMap::new(),
        filling: false,
        changed: false,
        in_folders,
        choices: HashMap::new(),
        samples: HashSet::new(),
        renamed: None,
    };
    check_once(&inputs)?;
    let files = pass(&inputs, &mut sink)?;
    sink.check_guesses()?;
    sink.tell_runs();
    for (at, file) in files.iter().enumerate() {
        if let Some(other) = files[..at].iter().find(|other| other.checksum == file.checksum) {
            let warning = format!(
                "{} and {} are the same, byte for byte; if both are of one model, its answers count as two tries",
                other.name, file.name
            );
            progress.note(Note::Warning(&warning));
        }
    }
    if let Some(tap) = &mut sink.tap
        && !sink.benchmarks.is_empty()
    {
        tap.begin()?;
    }
    sink.benchmarks.values_mut().for_each(Gatherer::counted);
    sink.filling = true;
    sink.samples.clear();
    let again = pass(&inputs, &mut sink)?;
    let changed = || EvidenceError::Changed;
    if files != again || sink.changed {
        return Err(changed());
    }
    let mut benchmarks: Vec<Responses> = sink
        .benchmarks
        .into_values()
        .map(|gatherer| gatherer.finish().ok_or_else(changed))
        .collect::<Result<_, _>>()?;
    // Benchmarks without any mapped answer have no responses.
    benchmarks.retain(|responses| !responses.is_empty());
    let unmapped: Vec<Unmapped> = sink.unmapped.into_values().collect();
    if benchmarks.is_empty() {
        return Err(if unmapped.is_empty() {
            EvidenceError::NoAnswers { files: files.into_iter().map(|file| file.name).collect() }
        } else {
            EvidenceError::NothingMapped { unmapped }
        });
    }
    Ok(Gathered { benchmarks, unmapped, files })
}

/// Refuses a file that is given twice, because its answers would count as two tries.
fn check_once(inputs: &[Input]) -> Result<(), EvidenceError> {
    let mut known = HashSet::new();
    for input in inputs {
        if let Input::File { path, .. } = input
            && !known.insert(path.canonicalize().unwrap_or_else(|_| path.clone()))
        {
            return Err(EvidenceError::GivenTwice { path: path.clone() });
        }
    }
    Ok(())
}

/// Reads all inputs once.
fn pass(inputs: &[Input], sink: &mut Sink<'_, '_>) -> Result<Vec<NamedFile>, EvidenceError> {
    let mut files = Vec::new();
    for input in inputs {
        if sink.progress.cancelled() {
            return Err(EvidenceError::Cancelled);
        }
        match input {
            Input::File { path, model } => {
                sink.renamed = None;
                let logs = sink.logs.len();
                let (bytes, checksum) = of_file(path, model.as_deref(), sink)?;
                sink.logs[logs..].iter_mut().for_each(|log| log.checksum = Some(checksum.clone()));
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                files.push(NamedFile { name, bytes, checksum });
            }
            Input::Table(batches) => {
                let mut first = 0;
                for batch in batches {
                    columns::take(batch, first, None, sink).map_err(|fault| fault.at("the table of responses", 0))?;
                    first += batch.num_rows();
                }
            }
        }
    }
    Ok(files)
}

/// The size and checksum of a file.
fn checksum_of(path: &Path, progress: &dyn Progress) -> io::Result<(u64, String)> {
    let watched = Watched { inner: File::open(path)?, progress };
    let mut reader = BufReader::with_capacity(WATCHED_BYTES, HashingReader::new(watched));
    io::copy(&mut reader, &mut io::sink())?;
    Ok((reader.get_ref().bytes(), reader.get_ref().checksum()))
}

/// Reads a file of any format. Returns its size and checksum.
fn of_file(path: &Path, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(u64, String), EvidenceError> {
    let unreadable = |error| EvidenceError::Disk(crate::disk::DiskError::new(path, "read this file", error));
    let progress = sink.progress;
    let checksum = || {
        checksum_of(path, progress)
            .map_err(|error| if progress.cancelled() { EvidenceError::Cancelled } else { unreadable(error) })
    };
    if inspect::is_log(path).map_err(unreadable)? {
        inspect::take(path, model, sink).map_err(|fault| fault.at(path, 0))?;
        return checksum();
    }
    let not_read = |error: ReadError| {
        let (line, reason) = match error {
            ReadError::Io(error) => return unreadable(error),
            // Reading stops only after `failure` was set, and that is returned first.
            ReadError::Stopped => return EvidenceError::Cancelled,
            ReadError::Malformed { line, reason } => (line, reason),
            ReadError::OneObject { .. } => {
                (0, "this file is one object; write responses as an array of objects or one object per line".to_owned())
            }
        };
        EvidenceError::NotAResponse { path: path.to_owned(), line, reason, hint: None }
    };
    let format = Format::of(path).ok_or_else(|| EvidenceError::UnknownForm { path: path.to_owned() })?;
    let format = format.found_in(path, None).map_err(not_read)?;
    if format == Format::Parquet {
        let file = File::open(path).map_err(unreadable)?;
        let malformed =
            |reason: String| EvidenceError::NotAResponse { path: path.to_owned(), line: 0, reason, hint: None };
        let mut first = 0;
        for batch in crate::format::parquet::batches(file).map_err(malformed)? {
            if progress.cancelled() {
                return Err(EvidenceError::Cancelled);
            }
            let batch = batch.map_err(|error| malformed(error.to_string()))?;
            columns::take(&batch, first, model, sink).map_err(|fault| fault.at(path, 0))?;
            first += batch.num_rows();
        }
        return checksum();
    }
    let mut logs = Logs::default();
    let mut failure = None;
    let mut take = |batch: RowBatch| {
        let taken = (0..batch.len()).try_for_each(|i| {
            let line = batch.origin(i).line;
            let text = batch.row(i).map_err(|fault| Fault::reason(fault.to_string()).at(path, line))?;
            of_text(text, path, model, &mut logs, sink).map_err(|fault| fault.at(path, line))
        });
        match taken {
            _ if progress.cancelled() => failure = Some(EvidenceError::Cancelled),
            Ok(()) => return ControlFlow::Continue(()),
            Err(error) => failure = Some(error),
        }
        ControlFlow::Break(())
    };
    let read_rows = |hand_on: &mut dyn FnMut(RowBatch) -> ControlFlow<()>| {
        let mut hand_on = |batch| hand_on(batch);
        let mut batcher = Batcher::new(&mut hand_on);
        format.read_file(path, None, &mut batcher).and_then(|read| batcher.flush().map(|()| read))
    };
    // The rows of a large file are cut by another thread while this one reads the responses in them.
    let is_large = path.metadata().is_ok_and(|file| file.len() >= LARGE);
    let read = if is_large { pipeline(read_rows, |batch| batch, take) } else { read_rows(&mut take) };
    if let Some(failure) = failure {
        return Err(failure);
    }
    logs.finish().map_err(|fault| fault.at(path, 0))?;
    read.map_err(not_read)
}
