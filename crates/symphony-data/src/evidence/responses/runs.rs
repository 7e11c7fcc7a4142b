//! The logs that are read: the task and the model of each, and what is to be said of several together.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use xxhash_rust::xxh3::xxh3_64;

use super::{harness::Named, sink::Sink};
use crate::{
    evidence::EvidenceError,
    progress::{Note, Progress},
};

/// The most samples of a log that are compared with those of other logs.
const MOST_SAMPLES: usize = 256;

/// What logs of exported pools are parts of.
pub(super) const EXPORTED: &str = "an exported pool";

/// A log.
pub(super) struct Log {
    pub path: PathBuf,
    pub task: String,
    pub model: String,
    /// Where the model's name was guessed from.
    pub guessed_from: Option<&'static str>,
    /// Whether the answers are those of the harness's `dummy`, which are random.
    pub is_dummy: bool,
    /// The checksum of the file, once it is read.
    pub checksum: Option<String>,
    /// Whether it has samples that another log has too, which count only once.
    pub is_retry: bool,
    /// The task without its arguments or the place of its data, where it has any: another log may be of a part of the same
    /// task, or of another pool.
    pub part_of: Option<String>,
    /// The smallest hashes of its samples, which show whether two parts overlap.
    pub samples: BTreeSet<u64>,
}

impl Log {
    pub fn new(path: impl Into<PathBuf>, task: impl Into<String>, named: &Named) -> Self {
        let Named { model, guessed_from } = named;
        Self {
            path: path.into(),
            task: task.into(),
            model: model.clone(),
            guessed_from: *guessed_from,
            is_dummy: false,
            checksum: None,
            is_retry: false,
            part_of: None,
            samples: BTreeSet::new(),
        }
    }

    /// Notes a sample of a part of a task.
    pub fn see(&mut self, sample: &str) {
        if self.part_of.is_some() {
            self.samples.insert(xxh3_64(sample.as_bytes()));
            if self.samples.len() > MOST_SAMPLES {
                self.samples.pop_last();
            }
        }
    }
}

impl Sink<'_, '_> {
    /// Notes the model of a log, in the first pass only.
    pub fn whose(&mut self, log: Log) {
        if !self.filling {
            let Log { path, model, guessed_from, .. } = &log;
            let in_folder = self.in_folders.contains(path);
            self.progress.note(Note::Answers { file: path, model, guessed_from: *guessed_from, in_folder });
            self.logs.push(log);
        }
    }

    /// Refuses two different logs of one task with the same guessed model, because they are probably of two models.
    pub(super) fn check_guesses(&self) -> Result<(), EvidenceError> {
        let guessed: Vec<&Log> = self.logs.iter().filter(|log| log.guessed_from.is_some()).collect();
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

    /// Warns of several runs of one task by one model, and of answers that are random.
    pub(super) fn tell_runs(&self) {
        tell_repeated(&self.logs, self.progress);
        tell_overlapping(&self.logs, self.progress);
        tell_random(&self.logs, self.progress);
    }
}

/// Warns of logs of one task and one model, whose answers count as tries.
fn tell_repeated(logs: &[Log], progress: &dyn Progress) {
    let mut runs: BTreeMap<(&str, &str), Vec<&Log>> = BTreeMap::new();
    for log in logs.iter().filter(|log| !log.is_retry) {
        let known = runs.entry((&log.task, &log.model)).or_default();
        // Files that are the same, byte for byte, have a warning of their own.
        if known.iter().all(|other| other.checksum != log.checksum) {
            known.push(log);
        }
    }
    let mut repeated = runs.into_iter().filter(|(_, logs)| logs.len() > 1);
    let Some(((task, model), logs)) = repeated.next() else { return };
    let more = match repeated.count() {
        0 => String::new(),
        1 => "; one more task has several logs too".to_owned(),
        n => format!("; {n} more tasks have several logs too"),
    };
    let [first, second] = [logs[0], logs[1]].map(|log| log.path.display());
    let warning = format!(
        "{first} and {second} are two logs of {model} on the task {task}: its answers to a row in both count as tries{more}; \
         name the folder of the logs to read only the newest of each task"
    );
    progress.note(Note::Warning(&warning));
}

/// Warns of logs of parts of one task that overlap, such as a run of all bins and one of the hard bin, and of logs of one pool
/// in two places.
fn tell_overlapping(logs: &[Log], progress: &dyn Progress) {
    let mut parts: BTreeMap<(&str, &str), Vec<&Log>> = BTreeMap::new();
    for log in logs.iter().filter(|log| !log.is_retry) {
        let Some(task) = &log.part_of else { continue };
        let known = parts.entry((task, &log.model)).or_default();
        let overlaps = |other: &&&Log| other.task != log.task && !other.samples.is_disjoint(&log.samples);
        if let Some(other) = known.iter().find(overlaps) {
            let [first, second] = [&other.path, &log.path].map(|path| path.display());
            let warning = format!(
                "{first} and {second} are logs of {} on `{}` and on `{}`, which have samples in common: its answers to these \
                 count as tries; leave one of the two out",
                log.model, other.task, log.task
            );
            return progress.note(Note::Warning(&warning));
        }
        known.push(log);
    }
}

/// Warns of logs whose answers are random.
fn tell_random(logs: &[Log], progress: &dyn Progress) {
    let random: BTreeSet<&PathBuf> = logs.iter().filter(|log| log.is_dummy).map(|log| &log.path).collect();
    let Some(first) = random.first() else { return };
    let more = match random.len() - 1 {
        0 => String::new(),
        1 => " and one more log".to_owned(),
        n => format!(" and {n} more logs"),
    };
    let warning =
        format!("{}{more}: the harness's `dummy` gave these answers at random; no model was asked", first.display());
    progress.note(Note::Warning(&warning));
}
