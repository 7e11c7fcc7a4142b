//! The rows of a pool as its report sees them: each distinct row once, with its features, and how often models failed it.

use std::collections::HashMap;

use serde::Serialize;

use super::Subject;
use crate::{
    bin::Bin,
    calibration::MEASURED_KEYS,
    number::Mean,
    results::ModelResult,
    row::{decode_string, entries_of},
    task::{Json, Task, Text, is_row_number},
};

/// A name, and a text: the value itself, or its JSON where it is not a text.
pub(super) type Fields = Vec<(String, String)>;

/// What a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Number,
    Label,
    Other,
}

/// A distinct row of a pool.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// The first task that it is.
    pub task: &'a Task,
    /// The place of that task in the stream.
    pub place: usize,
    pub bin: Bin,
    /// Its features that are numbers. A yes or no counts as 1 or 0.
    pub numbers: Vec<(String, f64)>,
    /// Its features that are texts.
    pub labels: Fields,
    /// How often models failed it, 0..1: the mean over those that answered it. `None` without an answer.
    pub error: Option<f64>,
}

/// The models that say how hard tasks are: those whose answers did not shape the difficulty. If there are no others, all of them do.
#[derive(Debug)]
pub(super) struct Judges<'a> {
    pub models: Vec<&'a ModelResult>,
    /// Whether their answers shaped the difficulty.
    pub in_sample: bool,
    /// How many models are left out, because their answers shaped the difficulty.
    pub left_out: usize,
}

impl<'a> Judges<'a> {
    pub fn of(subject: &Subject<'a>) -> Self {
        let models = subject.results.map_or(&[][..], |results| &results.models);
        let others: Vec<&ModelResult> = models.iter().filter(|own| own.in_sample != Some(true)).collect();
        if others.is_empty() {
            Self { models: models.iter().collect(), in_sample: !models.is_empty(), left_out: 0 }
        } else {
            Self { in_sample: false, left_out: models.len() - others.len(), models: others }
        }
    }
}

/// What tells a task from others of all pools. Pools of other programs lack ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Its identity; its source_id where the identity is only a row number.
    Identity,
    /// Its source_id.
    SourceId,
    /// Its row.
    Row,
}

impl Key {
    /// The best one that all tasks of all pools have.
    pub fn of(subjects: &[Subject<'_>]) -> Self {
        let tasks = || subjects.iter().flat_map(|subject| &subject.pool.tasks);
        if tasks().all(|task| task.source_id.is_some() && task.identity.is_some()) {
            Self::Identity
        } else if tasks().all(|task| task.source_id.is_some()) {
            Self::SourceId
        } else {
            Self::Row
        }
    }

    /// That of a task.
    pub fn get(self, task: &Task) -> (&str, &str) {
        let (source_id, identity) = (text(task.source_id.as_ref()), text(task.identity.as_ref()));
        match self {
            Self::Identity if !is_row_number(identity, source_id) => ("", identity),
            Self::Identity | Self::SourceId => (&task.benchmark, source_id),
            Self::Row => (&task.benchmark, task.raw_data.get()),
        }
    }
}

fn text(id: Option<&Text>) -> &str {
    id.map_or("", Text::as_str)
}

/// The distinct rows of a pool, in the order in which they first appear.
pub(super) fn rows<'a>(subject: &Subject<'a>, judges: &Judges<'_>, key: Key) -> Vec<Row<'a>> {
    let mut known: HashMap<(&str, &str), usize> = HashMap::new();
    let mut rows: Vec<Row<'a>> = Vec::new();
    let mut scores: Vec<Mean> = Vec::new();
    for (place, task) in subject.pool.tasks.iter().enumerate() {
        let at = *known.entry(key.get(task)).or_insert(rows.len());
        if at == rows.len() {
            let (numbers, labels) = features(&task.scorer_metadata);
            // Reading a task has checked its bin.
            let bin = Bin::parse(&task.difficulty_bin).unwrap_or(Bin::Medium);
            rows.push(Row { task, place, bin, numbers, labels, error: None });
            scores.push(Mean::default());
        }
        // Copies of a task have answers of their own.
        judges.models.iter().filter_map(|own| own.scores[place]).for_each(|score| scores[at].observe(score));
    }
    for (row, scores) in rows.iter_mut().zip(&scores) {
        row.error = scores.get().map(|mean| 1.0 - mean);
    }
    rows
}

/// The features that are numbers, and those that are texts.
fn features(json: &Json) -> (Vec<(String, f64)>, Fields) {
    let (mut numbers, mut labels) = (Vec::new(), Vec::new());
    for (name, value) in entries_of(json.get()).unwrap_or_default() {
        let (Some(name), value) = (name, value.get()) else { continue };
        // How precisely a difficulty was measured is no property of the row.
        if MEASURED_KEYS[1..].contains(&name.as_str()) {
            continue;
        }
        match kind(value) {
            Kind::Label => labels.push((name, plain(value))),
            Kind::Number => numbers.extend(number(value).map(|number| (name, number))),
            Kind::Other => {}
        }
    }
    (numbers, labels)
}

/// The features of a task, with what they are, in their order.
pub(super) fn all_features(json: &Json) -> Vec<(String, String, Kind)> {
    let own = entries_of(json.get()).unwrap_or_default();
    own.into_iter().map(|(name, value)| (name.unwrap_or_default(), plain(value.get()), kind(value.get()))).collect()
}

fn kind(json: &str) -> Kind {
    if json.starts_with('"') {
        Kind::Label
    } else if number(json).is_some() {
        Kind::Number
    } else {
        Kind::Other
    }
}

/// A number. A yes or no counts as 1 or 0.
fn number(json: &str) -> Option<f64> {
    match json {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => json.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// A text itself, and any other value as JSON.
fn plain(json: &str) -> String {
    match decode_string(json) {
        Some(Ok(text)) => text.into_owned(),
        _ => json.to_owned(),
    }
}

/// The fields of a JSON object, in its order. Another value is one field without a name.
pub(super) fn fields(json: &Json) -> Fields {
    match entries_of(json.get()) {
        Some(own) if json.get().starts_with('{') => {
            own.into_iter().map(|(name, value)| (name.unwrap_or_default(), plain(value.get()))).collect()
        }
        _ => vec![(String::new(), plain(json.get()))],
    }
}
