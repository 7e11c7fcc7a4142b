//! The sink: readers of every format put the answers that they find into it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    ReadOptions,
    catalogue::{Catalogue, Shelf},
    harness::Choice,
    runs::Log,
};
use crate::{evidence::EvidenceError, hint::Hint, progress::Progress, response::Gatherer};

/// The most examples of answers that could not be mapped, for each reason.
pub(super) const EXAMPLES: usize = 3;

/// The reason of answers to rows that a pool did not draw.
const OUTSIDE: &str = "to tasks outside of the pool";

/// Answers that could not be mapped to a row for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmapped {
    /// The reason, as the end of a sentence that begins with "2 answers".
    pub reason: String,
    /// The number of answers.
    pub answers: u64,
    /// The first few that differ, such as `source_id "gsm8k_7"`.
    pub examples: Vec<String>,
    /// Whether they are to rows that a pool did not draw, which is nothing wrong.
    #[serde(skip)]
    pub outside: bool,
}

/// An answer in an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    /// How the answer names its row.
    pub key: Key<'a>,
    pub model: &'a str,
    pub family: Option<&'a str>,
    pub score: f64,
    /// How many tries the score is the mean of, if the form says it.
    pub tries: Option<u32>,
    /// What the answer cost, in US dollars.
    pub cost: Option<f64>,
    /// How many tokens the model wrote.
    pub tokens: Option<f64>,
}

impl<'a> Found<'a> {
    /// An answer whose form says no more than this.
    pub fn new(key: Key<'a>, model: &'a str, score: f64) -> Self {
        Self { key, model, family: None, score, tries: None, cost: None, tokens: None }
    }

    /// Checks the values of the answer.
    fn check(&self) -> Result<(), Fault> {
        let score = self.score;
        if !(0.0..=1.0).contains(&score) {
            let way = if (1.0..=100.0).contains(&score) { "; divide percentages by 100" } else { "" };
            return Err(Fault::reason(format!("its score is {score}, and must be from 0 (failed) to 1 (solved){way}")));
        }
        let amounts =
            [("cost", self.cost, "what the answer cost"), ("tokens", self.tokens, "how many the model wrote")];
        for (name, amount, what) in amounts {
            if let Some(amount) = amount.filter(|amount| !(amount.is_finite() && *amount >= 0.0)) {
                return Err(Fault::reason(format!("`{name}` is {amount}, and must be a number from 0: {what}")));
            }
        }
        if self.model.trim().is_empty() {
            return Err(Fault::reason("the name of its model is empty"));
        }
        Ok(())
    }
}

/// An answer that was mapped to rows of a benchmark.
pub(super) struct Taken<'t> {
    pub benchmark: &'t str,
    pub shelf: &'t Shelf,
    /// The rows, at least one; several are copies of one task.
    pub rows: &'t [u32],
    pub found: &'t Found<'t>,
}

/// Gets each mapped answer in the second pass, in the order in which they are read.
pub(super) trait Tap {
    /// Prepares for the answers, when the first pass has found that all inputs can be read.
    fn begin(&mut self) -> Result<(), EvidenceError>;
    /// Takes an answer.
    fn take(&mut self, answer: &Taken<'_>) -> Result<(), EvidenceError>;
}

/// How an answer names its row. The first text is the benchmark's name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'a> {
    /// By source_id.
    SourceId(&'a str, &'a str),
    /// By identity.
    Identity(&'a str, &'a str),
    /// By source_id and identity, in this order. The identity gives the task, and the source_id selects one of its copies.
    Both(&'a str, &'a str, &'a str),
    /// By rows that are already located.
    Rows(&'a str, &'a [u32]),
}

/// Writes a key as an example for a message.
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

/// Takes answers in both passes.
pub(super) struct Sink<'s, 'c> {
    pub catalogue: &'s mut Catalogue<'c>,
    pub options: &'s ReadOptions,
    pub progress: &'s dyn Progress,
    /// What gets the answers too.
    pub(super) tap: Option<&'s mut dyn Tap>,
    /// The logs that the first pass read.
    pub(super) logs: Vec<Log>,
    pub(super) benchmarks: BTreeMap<String, Gatherer>,
    pub(super) unmapped: BTreeMap<String, Unmapped>,
    /// Whether this is the second pass.
    pub(super) filling: bool,
    /// Whether the second pass found answers that the first did not.
    pub(super) changed: bool,
    /// The files that come from folders.
    pub(super) in_folders: HashSet<PathBuf>,
    /// Which lines of each log of the harness count.
    pub(super) choices: HashMap<PathBuf, Choice>,
    /// Hashes of the uuids of this pass's samples.
    pub(super) samples: HashSet<u64>,
    /// The model named in the file, if the caller names another for the whole file.
    pub(super) renamed: Option<String>,
}

impl Sink<'_, '_> {
    /// Notes that answers of `own` count as answers of the model that the caller names for the whole file. Refuses a second
    /// such name.
    pub fn rename(&mut self, own: &str) -> Result<(), Fault> {
        match &self.renamed {
            None => self.renamed = Some(own.to_owned()),
            Some(first) if first != own => {
                let reason =
                    format!("the file holds responses of `{first}` and of `{own}`, and one name is given for all");
                return Err(Fault::reason(reason + "; leave the name out, or split the file"));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Whether the sample with this uuid comes for the first time in this pass.
    pub fn is_first(&mut self, sample: &str) -> bool {
        let is_first = self.samples.insert(xxh3_64(sample.as_bytes()));
        if let Some(log) = self.logs.last_mut() {
            log.is_retry |= !is_first;
        }
        is_first
    }

    /// Notes an answer that cannot be mapped, in the first pass only.
    pub fn unmapped(&mut self, reason: impl Into<String>, example: impl FnOnce() -> String) {
        if !self.filling {
            note(&mut self.unmapped, reason.into(), 1, example);
        }
    }

    /// Notes an answer to something that no row matches, in the first pass only. It may be a row that the pool did not draw.
    pub fn nowhere(&mut self, reason: impl Into<String>, example: impl FnOnce() -> String) {
        if self.catalogue.is_pool() {
            self.outside(1, example);
        } else {
            self.unmapped(reason, example);
        }
    }

    fn outside(&mut self, answers: u64, example: impl FnOnce() -> String) {
        if !self.filling {
            note(&mut self.unmapped, OUTSIDE.to_owned(), answers, example);
        }
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// A store cannot be read, or the answer is not valid.
    pub fn take(&mut self, found: Found<'_>) -> Result<(), Fault> {
        let (Key::SourceId(benchmark, _)
        | Key::Identity(benchmark, _)
        | Key::Both(benchmark, ..)
        | Key::Rows(benchmark, _)) = found.key;
        self.take_all(benchmark, std::iter::once(Ok(found)))
    }

    /// Takes answers to one benchmark, and looks the benchmark up only once.
    ///
    /// # Errors
    /// A store cannot be read, or an answer is not valid.
    pub fn take_all<'f>(
        &mut self,
        benchmark: &str,
        answers: impl Iterator<Item = Result<Found<'f>, Fault>>,
    ) -> Result<(), Fault> {
        let is_pool = self.catalogue.is_pool();
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
            found.check()?;
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
                        Key::Both(_, id, _) if is_pool && shelf.by_source_id(id).is_some() => {
                            "with the source_id of a row and the identity of another task: the rows were others then".to_owned()
                        }
                        Key::SourceId(_, id) if is_task_id(id, benchmark) => {
                            "under a pool's task_id, which is a place in its stream, not a row; give the task's source_id"
                                .to_owned()
                        }
                        _ if is_pool => OUTSIDE.to_owned(),
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
            if self.filling
                && let Some(tap) = &mut self.tap
            {
                tap.take(&Taken { benchmark, shelf, rows, found: &found })?;
            }
        }
        if strangers > 0 && !self.filling {
            let reason = match self.catalogue.folder() {
                None => OUTSIDE.to_owned(),
                Some(_) if self.catalogue.was_not_asked_for(benchmark) => {
                    "to benchmarks that were not selected".to_owned()
                }
                Some(folder) => format!("to benchmarks that are not preprocessed in {}", folder.display()),
            };
            note(&mut self.unmapped, reason, strangers, || format!("benchmark {benchmark:?}"));
        }
        Ok(())
    }
}

/// Whether `id` is the id of a pool's task, such as `exp_00012_gsm8k`.
pub(super) fn is_task_id(id: &str, benchmark: &str) -> bool {
    let place = id.strip_suffix(benchmark).and_then(|id| id.strip_suffix('_')?.rsplit_once('_'));
    place.is_some_and(|(_, place)| place.len() >= 5 && place.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Counts answers that cannot be mapped, and keeps the first few different examples.
pub(super) fn note(
    all: &mut BTreeMap<String, Unmapped>,
    reason: String,
    answers: u64,
    example: impl FnOnce() -> String,
) {
    let outside = reason == OUTSIDE;
    let unmapped = all.entry(reason.clone()).or_insert(Unmapped { reason, answers: 0, examples: Vec::new(), outside });
    unmapped.answers += answers;
    if unmapped.examples.len() < EXAMPLES {
        let example = example();
        if !unmapped.examples.contains(&example) {
            unmapped.examples.push(example);
        }
    }
}

/// A fault of an answer, or an error while taking it.
#[derive(Debug)]
pub(super) enum Fault {
    /// The answer is not valid: the reason, and a way out that the reason does not include.
    Reason(String, Option<Hint>),
    /// Something else failed, such as reading a store.
    Evidence(Box<EvidenceError>),
}

impl Fault {
    /// Adds a way out to the fault.
    pub fn with(self, hint: Hint) -> Self {
        match self {
            Self::Reason(reason, _) => Self::Reason(reason, Some(hint)),
            other @ Self::Evidence(_) => other,
        }
    }

    /// A fault without a separate way out.
    pub fn reason(reason: impl Into<String>) -> Self {
        Self::Reason(reason.into(), None)
    }
}

impl From<EvidenceError> for Fault {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(Box::new(error))
    }
}

impl Fault {
    /// Adds the row of a table, from 0.
    pub(super) fn in_row(self, row: usize) -> Self {
        match self {
            Self::Reason(reason, hint) => Self::Reason(format!("row {row} (from 0): {reason}"), hint),
            other @ Self::Evidence(_) => other,
        }
    }

    /// Adds what the fault is in, such as a column or an item.
    pub(super) fn of(self, what: &str) -> Self {
        match self {
            Self::Reason(reason, hint) => Self::Reason(format!("{what}: {reason}"), hint),
            other @ Self::Evidence(_) => other,
        }
    }

    /// Turns the fault into an error at a file and line; line 0 stands for no line.
    pub(super) fn at(self, path: impl AsRef<Path>, line: u64) -> EvidenceError {
        match self {
            Self::Reason(reason, hint) => {
                EvidenceError::NotAResponse { path: path.as_ref().to_owned(), line, reason, hint }
            }
            Self::Evidence(error) => *error,
        }
    }
}

/// Writes one line: the number of answers, the reason, and the examples.
impl std::fmt::Display for Unmapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { reason, answers, examples, .. } = self;
        write!(f, "{answers} answer{} {reason}: {}", if *answers == 1 { "" } else { "s" }, examples.join(", "))?;
        // If all examples are used, there may be further ones.
        if examples.len() == EXAMPLES && *answers > EXAMPLES as u64 { f.write_str(", …") } else { Ok(()) }
    }
}

/// A reader that fails once the caller asks to stop.
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

/// The number of bytes that are read between two checks whether to stop.
pub(super) const WATCHED_BYTES: usize = 1 << 20;
