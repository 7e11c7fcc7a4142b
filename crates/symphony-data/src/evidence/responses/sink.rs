//! Where readers of every form put the answers that they find.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::{Catalogue, ReadOptions};
use crate::{
    evidence::EvidenceError,
    hint::Hint,
    progress::{Note, Progress},
    response::Gatherer,
};

/// How many of what could not be mapped are named.
pub(super) const EXAMPLES: usize = 3;

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
    pub(super) logs: Vec<Log>,
    pub(super) benchmarks: BTreeMap<String, Gatherer>,
    pub(super) unmapped: BTreeMap<String, Unmapped>,
    pub(super) filling: bool,
    /// Whether the second pass brought what the first did not.
    pub(super) changed: bool,
    /// The samples of this pass that say which they are, by a hash of that.
    pub(super) samples: HashSet<u64>,
    /// The model that the file itself names, where the caller names another for all of it.
    pub(super) renamed: Option<String>,
}

/// A log: whose answers it holds to which task, and whether that is a guess.
pub(super) struct Log {
    path: PathBuf,
    task: String,
    model: String,
    is_guess: bool,
    pub(super) checksum: Option<String>,
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
    pub(super) fn check_guesses(&self) -> Result<(), EvidenceError> {
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
pub(super) fn is_task_id(id: &str, benchmark: &str) -> bool {
    let place = id.strip_suffix(benchmark).and_then(|id| id.strip_suffix('_')?.rsplit_once('_'));
    place.is_some_and(|(_, place)| place.len() >= 5 && place.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Counts answers that cannot be mapped, and names the first few that differ.
pub(super) fn note(
    all: &mut BTreeMap<String, Unmapped>,
    reason: String,
    answers: u64,
    example: impl FnOnce() -> String,
) {
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

impl Fault {
    /// The fault as an error at a place; line 0 is none.
    pub(super) fn at(self, path: impl AsRef<Path>, line: u64) -> EvidenceError {
        match self {
            Self::Reason(reason, hint) => {
                EvidenceError::NotAResponse { path: path.as_ref().to_owned(), line, reason, hint }
            }
            Self::Evidence(error) => *error,
        }
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
