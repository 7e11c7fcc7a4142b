//! The rows of a pool as its report sees them: each distinct row once, with its features, and how often models failed it.

use std::collections::HashSet;

use super::Subject;
use crate::{
    bin::Bin,
    calibration::MEASURED_KEYS,
    results::ModelResult,
    row::{decode_string, entries_of},
    task::{Json, Task},
};

/// A name, and a text: the value itself, or its JSON where it is not a text.
pub(super) type Fields = Vec<(String, String)>;

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
}

impl<'a> Judges<'a> {
    pub fn of(subject: &Subject<'a>) -> Self {
        let models = subject.results.map_or(&[][..], |results| &results.models);
        let others: Vec<&ModelResult> = models.iter().filter(|own| own.in_sample != Some(true)).collect();
        if others.is_empty() {
            Self { models: models.iter().collect(), in_sample: !models.is_empty() }
        } else {
            Self { models: others, in_sample: false }
        }
    }
}

/// The distinct rows of a pool, in the order in which they first appear.
pub(super) fn rows<'a>(subject: &Subject<'a>, judges: &Judges<'_>) -> Vec<Row<'a>> {
    let mut known: HashSet<(&str, &str)> = HashSet::new();
    let mut rows = Vec::new();
    for (place, task) in subject.pool.tasks.iter().enumerate() {
        if !known.insert((&task.benchmark, task.raw_data.get())) {
            continue;
        }
        let (numbers, labels) = features(&task.scorer_metadata);
        let scores: Vec<f64> = judges.models.iter().filter_map(|own| own.scores[place]).collect();
        rows.push(Row {
            task,
            place,
            // Reading a task has checked its bin.
            bin: Bin::parse(&task.difficulty_bin).unwrap_or(Bin::Medium),
            numbers,
            labels,
            error: crate::number::mean(&scores).map(|mean| 1.0 - mean),
        });
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
        match (decode_string(value), value) {
            (Some(Ok(text)), _) => labels.push((name, text.into_owned())),
            (_, "true") => numbers.push((name, 1.0)),
            (_, "false") => numbers.push((name, 0.0)),
            _ => numbers.extend(value.parse().ok().filter(|number: &f64| number.is_finite()).map(|own| (name, own))),
        }
    }
    (numbers, labels)
}

/// The fields of a JSON object, in its order. Another value is one field without a name.
pub(super) fn fields(json: &Json) -> Fields {
    let text = |value: &str| match decode_string(value) {
        Some(Ok(text)) => text.into_owned(),
        _ => value.to_owned(),
    };
    match entries_of(json.get()) {
        Some(own) if json.get().starts_with('{') => {
            own.into_iter().map(|(name, value)| (name.unwrap_or_default(), text(value.get()))).collect()
        }
        _ => vec![(String::new(), text(json.get()))],
    }
}
