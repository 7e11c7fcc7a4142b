//! Logs of lm-evaluation-harness: `samples_{task}_{time}.jsonl`, with a line for each document and filter. Versions 0.4.0
//! to 0.4.2 name them `{model arguments}_{task}.jsonl`.
//!
//! A line is mapped to a row by the ids that an export of ours puts into its `doc`, or else by the text of the `doc`. Its
//! `doc_id` counts documents after a selection, so it does not identify a row. Lines do not name the model. Its name comes
//! from the results file that the same run wrote beside the log, or from the log's own name.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashSet},
    path::{Path, PathBuf},
};

use serde_json::{Value, value::RawValue};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    ids::{Asked, Ids},
    runs::{EXPORTED, Log},
    sink::{Fault, Found, Key, Sink},
};
use crate::hint::Hint;

mod choice;
mod naming;

pub(super) use choice::Choice;
pub(super) use naming::{Label, Named};

/// The metrics of the harness's own tasks that score one document between 0 and 1.
const METRICS: [&str; 9] = ["exact_match", "acc", "acc_norm", "pass@1", "pass_at_1", "em", "f1", "mcc", "score"];

/// A log that is being read.
pub(super) struct Harness {
    path: PathBuf,
    label: Label,
    model: Option<Named>,
    /// Which of its lines count.
    choice: Choice,
    /// The filters seen so far.
    filters: BTreeSet<String>,
    /// Hashes of the document numbers in lines that name no filter.
    unfiltered: HashSet<u64>,
    /// Hashes of the document numbers in lines that count.
    counted: HashSet<u64>,
    /// Whether any line was taken.
    taken: bool,
}

impl Harness {
    /// The log at this path. `model` is the model that the caller names.
    pub fn of(path: &Path, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Self {
        let mut label = Label::of(path, sink.catalogue.names());
        let given = model.map(|model| Named { model: model.to_owned(), guessed_from: None });
        let model = given.filter(|named| !named.model.is_empty()).or(label.model.take());
        let (options, progress) = (sink.options, sink.progress);
        // The second pass follows the choice of the first.
        let choice = sink.choices.entry(path.to_owned()).or_insert_with(|| Choice::of(path, options, progress)).clone();
        Self {
            path: path.to_owned(),
            label,
            model,
            choice,
            filters: BTreeSet::new(),
            unfiltered: HashSet::new(),
            counted: HashSet::new(),
            taken: false,
        }
    }

    /// Takes a line.
    pub fn take(&mut self, text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
        let line: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(text).map_err(|error| Fault::reason(format!("not a valid sample: {error}")))?;
        let filter = line.get("filter").and_then(|filter| serde_json::from_str::<String>(filter.get()).ok());
        // Older harnesses wrote a line for each of a task's filters without naming the filter.
        if filter.is_none()
            && let Some(id) = line.get("doc_id")
            && !self.unfiltered.insert(xxh3_64(id.get().as_bytes()))
        {
            return Err(Fault::reason(format!(
                "has the document {} a second time and does not name the filter; keep only the lines of one filter",
                id.get()
            )));
        }
        let filter = filter.unwrap_or_default();
        if self.filters.insert(filter.clone()) && self.choice.filter.is_none() && self.filters.len() > 1 {
            let filters: Vec<&str> = self.filters.iter().map(String::as_str).collect();
            let all = filters.join(" and ");
            let fault = Fault::reason(format!("this log has a line for each of the filters {all}; choose one"));
            return Err(fault.with(Hint::Filter(filters[0].to_owned())));
        }
        // If a task has no filters, its log names the filter `none`.
        let is_only = !self.choice.is_exported && matches!(filter.as_str(), "" | "none");
        if self.choice.filter.as_ref().is_some_and(|wanted| filter != *wanted) && !is_only {
            return Ok(());
        }
        let score = Self::score(&line, self.choice.metric.as_deref())?;
        let Some(named) = &self.model else {
            return Err(Fault::reason(
                "does not name the model, and neither do the log's name and folder; name the model of this log",
            ));
        };
        if !std::mem::replace(&mut self.taken, true) {
            let log = Log::new(&self.path, &self.label.task, named);
            // Tasks of an export may hold the same rows: those for chat models, and those for base models.
            let part_of = self.choice.is_exported.then(|| EXPORTED.to_owned());
            sink.whose(Log { is_dummy: self.label.is_dummy, part_of, ..log });
        }
        let Some(doc) = line.get("doc").map(|doc| doc.get()).filter(|doc| doc.starts_with('{')) else {
            return Err(Fault::reason("its `doc` is not an object"));
        };
        let (log, task) = (&*self.label.name, &*self.label.task);
        let ids = Ids::of(doc);
        let row = Some(doc).filter(|_| ids.is_some());
        let asked = Asked { ids, texts: &[doc], row, prompt: None, log, task, what: "documents" };
        if let Some(id) = line.get("doc_id")
            && !self.counted.insert(xxh3_64(id.get().as_bytes()))
        {
            sink.unmapped("to documents that their log holds a second time", || asked.shown());
            return Ok(());
        }
        if let (Some(log), Some(ids)) = (sink.logs.last_mut().filter(|_| !sink.filling), Ids::text(doc)) {
            log.see(ids);
        }
        let Some(score) = score else {
            sink.unmapped("without a score", || asked.shown());
            return Ok(());
        };
        asked.take(Found::new(Key::Rows("", &[]), &named.model, score), sink)
    }

    /// The score in a line; `None` if it is null or missing. `wanted` is the metric that the caller selected.
    fn score(line: &BTreeMap<Cow<'_, str>, &RawValue>, wanted: Option<&str>) -> Result<Option<f64>, Fault> {
        // Newer logs name their metrics.
        let named: Vec<String> =
            line.get("metrics").and_then(|names| serde_json::from_str(names.get()).ok()).unwrap_or_default();
        let candidates: Vec<&str> = if named.is_empty() {
            METRICS.into_iter().filter(|metric| line.contains_key(*metric)).collect()
        } else {
            named.iter().map(String::as_str).collect()
        };
        let metric = match (wanted, &candidates[..]) {
            (Some(wanted), _) if line.contains_key(wanted) => wanted,
            (Some(wanted), _) => {
                return Err(Fault::reason(format!("has no metric `{wanted}`; it has {}", candidates.join(", "))));
            }
            (None, [one]) => one,
            (None, []) => {
                return Err(Fault::reason("has no known metric; name the metric").with(Hint::Metric("NAME".to_owned())));
            }
            (None, several) => {
                let fault = Fault::reason(format!("has the metrics {}; choose one", several.join(" and ")));
                return Err(fault.with(Hint::Metric(several[0].to_owned())));
            }
        };
        // Runs that only predict have a metric that says nothing.
        let Some(value) = line.get(metric).filter(|_| metric != "bypass") else { return Ok(None) };
        match serde_json::from_str(value.get()) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::Number(number)) => Ok(number.as_f64()),
            Ok(Value::Bool(right)) => Ok(Some(f64::from(u8::from(right)))),
            _ => Err(Fault::reason(format!("its metric `{metric}` is {value}, not a number"))),
        }
    }

    /// Checks that the log had lines of the selected filter.
    pub fn finish(self) -> Result<(), Fault> {
        match self.choice.filter {
            Some(wanted) if !self.taken => {
                let filters: Vec<&str> = self.filters.iter().map(String::as_str).collect();
                Err(Fault::reason(format!("has no line of the filter `{wanted}`; it has {}", filters.join(", "))))
            }
            _ => Ok(()),
        }
    }
}
