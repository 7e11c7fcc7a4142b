//! Reading responses: files and tables of several forms in, one [`Responses`] for each benchmark out.
//!
//! Everything is read twice, first to count and then to fill exactly as much memory as that takes. What cannot be mapped
//! to a row is counted and named.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{self, BufReader, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::{Catalogue, columns, harness::Harness, inspect};
use crate::{
    disk::{NamedFile, checksum::HashingReader},
    evidence::EvidenceError,
    format::{Batcher, Format, ReadError},
    hint::Hint,
    progress::{Note, Progress},
    response::{Gatherer, Responses},
    row::{RowBatch, decode_string, json_reason, kind_of, python},
};

/// How many of what could not be mapped are named.
const EXAMPLES: usize = 3;

/// Something that holds responses.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file.
    File {
        /// Where it lies.
        path: PathBuf,
        /// The model whose answers it holds, where the file itself does not say or says it otherwise.
        model: Option<String>,
    },
    /// A table in memory.
    Table(Vec<RecordBatch>),
}

/// What to take of logs.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Of a log with several filters, the lines of this one.
    pub filter: Option<String>,
    /// Of a log with several metrics or scorers, this one.
    pub metric: Option<String>,
}

/// Answers that could not be mapped to a row, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmapped {
    /// Why.
    pub reason: String,
    /// How many.
    pub answers: u64,
    /// The first that differ, each by what it says of itself.
    pub examples: Vec<String>,
}

/// What was read.
#[derive(Debug)]
pub struct Gathered {
    /// The answers to each benchmark that has any, in the order of their names.
    pub benchmarks: Vec<Responses>,
    /// What could not be mapped.
    pub unmapped: Vec<Unmapped>,
    /// The files: name, size, checksum.
    pub files: Vec<NamedFile>,
}

/// An answer as an input has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    /// Where its row is.
    pub key: Key<'a>,
    pub model: &'a str,
    pub family: Option<&'a str>,
    pub score: f64,
    pub tries: u32,
}

/// How an answer names its row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'a> {
    /// By source_id.
    SourceId(&'a str, &'a str),
    /// By identity.
    Identity(&'a str, &'a str),
    /// By both. The identity says which task it is, the source_id which of its copies.
    Both(&'a str, &'a str, &'a str),
    /// By rows, which were looked up already.
    Rows(&'a str, &'a [u32]),
}

/// As an example names it.
impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SourceId(_, source_id) => write!(f, "source_id {source_id:?}"),
            Self::Identity(_, identity) => write!(f, "identity {identity:?}"),
            Self::Both(_, source_id, identity) => write!(f, "identity {identity:?} (source_id {source_id:?})"),
            Self::Rows(_, rows) => write!(f, "rows {rows:?}"),
        }
    }
}

/// Takes answers, in either pass.
pub(super) struct Sink<'s, 'c> {
    pub catalogue: &'s mut Catalogue<'c>,
    pub options: &'s ReadOptions,
    pub progress: &'s dyn Progress,
    /// The logs read, in the first pass.
    logs: Vec<Log>,
    benchmarks: BTreeMap<String, Gatherer>,
    unmapped: BTreeMap<String, Unmapped>,
    filling: bool,
    /// Whether the second pass brought what the first did not.
    changed: bool,
    /// The samples of this pass that say which they are, by a hash of that.
    samples: HashSet<u64>,
    /// The model that the file itself names, where the caller names another for all of it.
    renamed: Option<String>,
}

/// A log: whose answers it holds to which task, and whether that is a guess.
struct Log {
    path: PathBuf,
    task: String,
    model: String,
    is_guess: bool,
    checksum: Option<String>,
}

impl Sink<'_, '_> {
    /// Notes whose answers a log holds. In the second pass it was noted already.
    pub fn whose(&mut self, path: &Path, task: &str, model: &str, guessed_from: Option<&str>) {
        if !self.filling {
            self.progress.note(Note::Answers { file: path, model, guessed_from });
            let (path, task, model) = (path.to_owned(), task.to_owned(), model.to_owned());
            self.logs.push(Log { path, task, model, is_guess: guessed_from.is_some(), checksum: None });
        }
    }

    /// Two different logs of one task under one name that is a guess are more likely of two models.
    fn check_guesses(&self) -> Result<(), EvidenceError> {
        let guessed: Vec<&Log> = self.logs.iter().filter(|log| log.is_guess).collect();
        for (at, log) in guessed.iter().enumerate() {
            let is_other = |other: &&&Log| {
                (&other.task, &other.model) == (&log.task, &log.model) && other.checksum != log.checksum
            };
            if let Some(other) = guessed[..at].iter().find(is_other) {
                let files = [other.path.clone(), log.path.clone()];
                return Err(EvidenceError::WhoseAnswers { files, task: log.task.clone(), model: log.model.clone() });
            }
        }
        Ok(())
    }

    /// Notes that answers of `own` count as those of the model that the caller names for the whole file.
    pub fn rename(&mut self, own: &str) -> Result<(), Fault> {
        match &self.renamed {
            None => self.renamed = Some(own.to_owned()),
            Some(first) if first != own => {
                let reason =
                    format!("its file holds responses of `{first}` and of `{own}`, and one name is given for all");
                return Err(Fault::reason(reason + "; leave the name out, or split the file"));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Whether a sample that says which it is comes for the first time.
    pub fn is_first(&mut self, sample: &str) -> bool {
        self.samples.insert(xxh3_64(sample.as_bytes()))
    }

    /// Notes an answer that cannot be mapped. In the second pass it was noted already.
    pub fn unmapped(&mut self, reason: impl Into<String>, example: impl FnOnce() -> String) {
        if !self.filling {
            note(&mut self.unmapped, reason.into(), 1, example);
        }
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// A store that cannot be read, or why the answer is none.
    pub fn take(&mut self, found: Found<'_>) -> Result<(), Fault> {
        let (Key::SourceId(benchmark, _)
        | Key::Identity(benchmark, _)
        | Key::Both(benchmark, ..)
        | Key::Rows(benchmark, _)) = found.key;
        self.take_all(benchmark, std::iter::once(Ok(found)))
    }

    /// Takes answers to one benchmark, which is looked up but once.
    ///
    /// # Errors
    /// A store that cannot be read, or why an answer is none.
    pub fn take_all<'f>(
        &mut self,
        benchmark: &str,
        answers: impl Iterator<Item = Result<Found<'f>, Fault>>,
    ) -> Result<(), Fault> {
        let shelf = self.catalogue.shelf(benchmark)?;
        if let Some(shelf) = shelf
            && !self.benchmarks.contains_key(benchmark)
        {
            if self.filling {
                self.changed = true;
                return Ok(());
            }
            self.benchmarks.insert(benchmark.to_owned(), Gatherer::new(benchmark, shelf.rows));
        }
        let gatherer = self.benchmarks.get_mut(benchmark);
        let mut known = shelf.zip(gatherer);
        let mut strangers = 0;
        for found in answers {
            let found = found?;
            if !(0.0..=1.0).contains(&found.score) {
                let way = if (1.0..=100.0).contains(&found.score) { "; divide percentages by 100" } else { "" };
                let score = found.score;
                return Err(Fault::reason(format!(
                    "its score is {score}, and a score is 0 (failed) to 1 (solved){way}"
                )));
            }
            if found.model.trim().is_empty() {
                return Err(Fault::reason("its model has no name"));
            }
            let Some((shelf, gatherer)) = &mut known else {
                strangers += 1;
                continue;
            };
            let one;
            let rows: &[u32] = match found.key {
                Key::SourceId(_, source_id) => {
                    one = shelf.by_source_id(source_id);
                    one.as_slice()
                }
                Key::Identity(_, identity) => shelf.by_identity(identity),
                Key::Both(_, source_id, identity) => {
                    let same = shelf.by_identity(identity);
                    one = shelf.by_source_id(source_id).filter(|row| same.contains(row));
                    if one.is_some() { one.as_slice() } else { same }
                }
                Key::Rows(_, rows) => rows,
            };
            if rows.is_empty() {
                if !self.filling {
                    let rows = shelf.rows;
                    let reason = match found.key {
                        Key::SourceId(_, id) if is_task_id(id, benchmark) => {
                            "under a pool's task_id, which is a place in its stream and no row; give the task's source_id"
                                .to_owned()
                        }
                        _ => format!("to rows that {benchmark} ({rows} rows, {benchmark}_0 the first) does not have"),
                    };
                    note(&mut self.unmapped, reason, 1, || found.key.to_string());
                }
                continue;
            }
            let Some(model) = gatherer.model(found.model, found.family) else {
                return Err(Fault::reason(format!(
                    "{benchmark} has answers of more than 65536 models; is `model` the model's name?"
                )));
            };
            for &row in rows {
                if !self.filling {
                    gatherer.count(row as usize);
                } else if !gatherer.put(row as usize, model, found.score, found.tries) {
                    self.changed = true;
                }
            }
        }
        if strangers > 0 && !self.filling {
            let folder = self.catalogue.folder().display();
            let reason = if self.catalogue.was_not_asked_for(benchmark) {
                "of benchmarks that were not asked for".to_owned()
            } else {
                format!("of benchmarks that are not among those preprocessed in {folder}")
            };
            note(&mut self.unmapped, reason, strangers, || format!("benchmark {benchmark:?}"));
        }
        Ok(())
    }
}

/// Whether this is the id of a pool's task, such as `exp_00012_gsm8k`.
fn is_task_id(id: &str, benchmark: &str) -> bool {
    let place = id.strip_suffix(benchmark).and_then(|id| id.strip_suffix('_')?.rsplit_once('_'));
    place.is_some_and(|(_, place)| place.len() >= 5 && place.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Counts answers that cannot be mapped, and names the first few that differ.
fn note(all: &mut BTreeMap<String, Unmapped>, reason: String, answers: u64, example: impl FnOnce() -> String) {
    let unmapped = all.entry(reason.clone()).or_insert(Unmapped { reason, answers: 0, examples: Vec::new() });
    unmapped.answers += answers;
    if unmapped.examples.len() < EXAMPLES {
        let example = example();
        if !unmapped.examples.contains(&example) {
            unmapped.examples.push(example);
        }
    }
}

/// What is wrong with an answer, or what went wrong while it was taken.
#[derive(Debug)]
pub(super) enum Fault {
    Reason(String, Option<Hint>),
    Evidence(Box<EvidenceError>),
}

impl Fault {
    /// The same with the way out.
    pub fn with(self, hint: Hint) -> Self {
        match self {
            Self::Reason(reason, _) => Self::Reason(reason, Some(hint)),
            other @ Self::Evidence(_) => other,
        }
    }

    pub fn reason(reason: impl Into<String>) -> Self {
        Self::Reason(reason.into(), None)
    }
}

impl From<EvidenceError> for Fault {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(Box::new(error))
    }
}

/// Reads responses and maps them to the rows of the catalogue's benchmarks.
///
/// # Errors
/// A file that cannot be read or holds no responses, an answer that is none, or no answer that can be mapped.
pub fn read(
    inputs: &[Input],
    catalogue: &mut Catalogue<'_>,
    options: &ReadOptions,
    progress: &dyn Progress,
) -> Result<Gathered, EvidenceError> {
    let mut sink = Sink {
        catalogue,
        options,
        progress,
        logs: Vec::new(),
        benchmarks: BTreeMap::new(),
        unmapped: BTreeMap::new(),
        filling: false,
        changed: false,
        samples: HashSet::new(),
        renamed: None,
    };
    check_once(inputs)?;
    let files = pass(inputs, &mut sink)?;
    sink.check_guesses()?;
    for (at, file) in files.iter().enumerate() {
        if let Some(other) = files[..at].iter().find(|other| other.checksum == file.checksum) {
            let warning = format!(
                "{} and {} are the same, byte for byte: where both are of one model, its answers count as two tries",
                other.name, file.name
            );
            progress.note(Note::Warning(&warning));
        }
    }
    sink.benchmarks.values_mut().for_each(Gatherer::counted);
    sink.filling = true;
    sink.samples.clear();
    let again = pass(inputs, &mut sink)?;
    let changed = || EvidenceError::Changed;
    if files != again || sink.changed {
        return Err(changed());
    }
    let mut benchmarks: Vec<Responses> = sink
        .benchmarks
        .into_values()
        .map(|gatherer| gatherer.finish().ok_or_else(changed))
        .collect::<Result<_, _>>()?;
    // Of what could not be mapped at all there are no responses.
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

/// Refuses a file that is given twice: its answers would count as two tries.
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

/// Reads everything once.
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

impl Fault {
    /// The fault as an error at a place; line 0 is none.
    fn at(self, path: impl AsRef<Path>, line: u64) -> EvidenceError {
        match self {
            Self::Reason(reason, hint) => {
                EvidenceError::NotAResponse { path: path.as_ref().to_owned(), line, reason, hint }
            }
            Self::Evidence(error) => *error,
        }
    }
}

/// Reads on until the caller asks to stop.
pub(super) struct Watched<'p, R> {
    pub inner: R,
    pub progress: &'p dyn Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.cancelled() {
            return Err(io::Error::other("stopped"));
        }
        self.inner.read(buffer)
    }
}

/// How much is read between two looks at whether to stop, in bytes.
pub(super) const WATCHED_BYTES: usize = 1 << 20;

/// The size and checksum of a file.
fn checksum_of(path: &Path, progress: &dyn Progress) -> io::Result<(u64, String)> {
    let watched = Watched { inner: File::open(path)?, progress };
    let mut reader = BufReader::with_capacity(WATCHED_BYTES, HashingReader::new(watched));
    io::copy(&mut reader, &mut io::sink())?;
    Ok((reader.get_ref().bytes(), reader.get_ref().checksum()))
}

fn of_file(path: &Path, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(u64, String), EvidenceError> {
    let unreadable = |error| EvidenceError::Disk(crate::disk::DiskError::new(path, "read this file", error));
    if path.is_dir() {
        return Err(EvidenceError::Folder { path: path.to_owned() });
    }
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
            // Whoever stops leaves a failure.
            ReadError::Stopped => return EvidenceError::Cancelled,
            ReadError::Malformed { line, reason } => (line, reason),
            ReadError::OneObject { .. } => {
                (0, "this file is one object; write responses as an array of objects or one object a line".to_owned())
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
    let mut harness = None;
    let mut failure = None;
    let mut take = |batch: RowBatch| {
        let taken = (0..batch.len()).try_for_each(|i| {
            let line = batch.origin(i).line;
            let text = batch.row(i).map_err(|fault| Fault::reason(fault.to_string()).at(path, line))?;
            of_text(text, path, model, &mut harness, sink).map_err(|fault| fault.at(path, line))
        });
        match taken {
            _ if progress.cancelled() => failure = Some(EvidenceError::Cancelled),
            Ok(()) => return ControlFlow::Continue(()),
            Err(error) => failure = Some(error),
        }
        ControlFlow::Break(())
    };
    let mut batcher = Batcher::new(&mut take);
    let read = format.read_file(path, None, &mut batcher).and_then(|read| batcher.flush().map(|()| read));
    if let Some(failure) = failure {
        return Err(failure);
    }
    if let Some(harness) = harness {
        harness.finish().map_err(|fault| fault.at(path, 0))?;
    }
    read.map_err(not_read)
}

/// A line in our own form. Of a CSV file every value is text.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    benchmark: Option<Cow<'l, str>>,
    #[serde(borrow)]
    source_id: Option<Cow<'l, str>>,
    #[serde(borrow)]
    identity: Option<Cow<'l, str>>,
    #[serde(borrow)]
    model: Option<Cow<'l, str>>,
    #[serde(borrow)]
    family: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    score: Number<'l>,
    #[serde(borrow, default)]
    tries: Number<'l>,
    doc: Option<IgnoredAny>,
}

/// A number as people write it, in its JSON; `None` where there is no such key.
#[derive(Clone, Copy, Default)]
struct Number<'l>(Option<&'l str>);

impl<'de: 'l, 'l> Deserialize<'de> for Number<'l> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(from).map(|json| Self(Some(json.get())))
    }
}

impl Number<'_> {
    /// The number that it is; `None` where there is none. As tables have it, NaN is none.
    fn value(self) -> Result<Option<f64>, Fault> {
        let json = self.0.unwrap_or("null");
        let text = match json.as_bytes().first() {
            Some(b'"') => decode_string(json).and_then(Result::ok).unwrap_or(Cow::Borrowed(json)),
            Some(b'[' | b'{') => {
                let shown: String = json.chars().take(40).collect();
                let cut = if shown.len() < json.len() { "…" } else { "" };
                return Err(Fault::reason(format!("{shown}{cut} is {}, and should be one number", kind_of(json))));
            }
            _ => Cow::Borrowed(json),
        };
        let number = match text.trim().to_ascii_lowercase().as_str() {
            "" | "na" | "none" | "null" => None,
            "true" => Some(1.0),
            "false" => Some(0.0),
            other => other.parse().map(Some).map_err(|_| Fault::reason(format!("{text:?} is no number")))?,
        };
        Ok(number.filter(|number: &f64| !number.is_nan()))
    }
}

/// The keys of our own form.
pub(in crate::evidence) const FORM: &str = "benchmark, source_id (or identity), model, score";

fn of_text(
    text: &str,
    path: &Path,
    model: Option<&str>,
    harness: &mut Option<Harness>,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Fault> {
    let text = &*python::text_to_json(text);
    let line: Line<'_> =
        serde_json::from_str(text).map_err(|error| Fault::reason(format!("no response: {}", json_reason(&error))))?;
    if line.doc.is_some() && line.source_id.is_none() && line.identity.is_none() {
        let harness = harness.get_or_insert_with(|| Harness::of(path, model, sink.catalogue.names()));
        return harness.take(text, sink);
    }
    let missing = |key: &str| {
        let keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
        let keys: Vec<&str> = keys.keys().map(String::as_str).collect();
        Fault::reason(format!("has no `{key}`; a response has {FORM}, and this has {}", keys.join(", ")))
    };
    let benchmark = line.benchmark.as_deref().ok_or_else(|| missing("benchmark"))?;
    if let (Some(_), Some(own)) = (model, line.model.as_deref().filter(|own| !own.is_empty())) {
        sink.rename(own)?;
    }
    let model = model.or(line.model.as_deref()).ok_or_else(|| missing("model"))?;
    // An empty cell of a CSV file is none.
    let filled = |text: &Option<Cow<'_, str>>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    let (source_id, identity) = (filled(&line.source_id), filled(&line.identity));
    let key = match (&source_id, &identity) {
        (Some(source_id), Some(identity)) => Key::Both(benchmark, source_id, identity),
        (Some(source_id), None) => Key::SourceId(benchmark, source_id),
        (None, Some(identity)) => Key::Identity(benchmark, identity),
        (None, None) => return Err(missing("source_id")),
    };
    if line.score.0.is_none() {
        return Err(missing("score"));
    }
    let of_key = |key: &str, fault: Fault| match fault {
        Fault::Reason(reason, _) => Fault::reason(format!("`{key}`: {reason}")),
        fault @ Fault::Evidence(_) => fault,
    };
    let Some(score) = line.score.value().map_err(|fault| of_key("score", fault))? else {
        sink.unmapped("without a score", || text.chars().take(80).collect());
        return Ok(());
    };
    let tries = tries_of(line.tries.value().map_err(|fault| of_key("tries", fault))?)?;
    sink.take(Found { key, model, family: line.family.as_deref().filter(|family| !family.is_empty()), score, tries })
}

/// The number of tries that a score is the mean of.
pub(super) fn tries_of(number: Option<f64>) -> Result<u32, Fault> {
    match number {
        None => Ok(1),
        Some(n) if n >= 1.0 && n.fract() == 0.0 && n <= 1e9 => Ok(n as u32),
        Some(n) => Err(Fault::reason(format!(
            "`tries` is {n}, and is the whole number of tries that the score is the mean of"
        ))),
    }
}

/// As a line: how many, why, and the first of them.
impl std::fmt::Display for Unmapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { reason, answers, examples } = self;
        write!(f, "{answers} answer{} {reason}: {}", if *answers == 1 { "" } else { "s" }, examples.join(", "))?;
        // Only where as many are named as ever are, there may be others.
        if examples.len() == EXAMPLES && *answers > EXAMPLES as u64 { f.write_str(", …") } else { Ok(()) }
    }
}
