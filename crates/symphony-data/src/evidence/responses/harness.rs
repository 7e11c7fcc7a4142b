//! Logs of lm-evaluation-harness: `samples_{task}_{time}.jsonl`, a line for each document and filter.
//!
//! A line is mapped by the text of its `doc`. Its `doc_id` counts documents after a selection, and says nothing.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Map, Value};

use super::{
    catalogue::{Catalogue, Shelf},
    read::{Fault, Found, Key, Sink},
};
use crate::config::Benchmark;

/// The metrics that are scores between 0 and 1 of one document, as far as the harness's own tasks have them.
const METRICS: [&str; 9] = ["exact_match", "acc", "acc_norm", "pass@1", "pass_at_1", "em", "f1", "mcc", "score"];

/// One log.
pub(super) struct Harness {
    /// The task, as the file's name has it.
    task: String,
    /// The folder that the log lies in is named after the model.
    model: Option<String>,
    filters: BTreeSet<String>,
    taken: bool,
    wanted: Option<String>,
}

impl Harness {
    /// The log at this path.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let task = name.strip_prefix("samples_").unwrap_or(&name).split(".jsonl").next().unwrap_or_default();
        let model = path.parent().and_then(Path::file_name).map(|folder| folder.to_string_lossy().replace("__", "/"));
        Self { task: task.to_owned(), model, filters: BTreeSet::new(), taken: false, wanted: None }
    }

    /// Takes a line.
    pub fn take(&mut self, text: &str, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
        let line: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| Fault::reason(format!("no sample: {error}")))?;
        let filter = line.get("filter").and_then(Value::as_str).unwrap_or_default();
        if self.filters.insert(filter.to_owned()) && sink.options.filter.is_none() && self.filters.len() > 1 {
            let filters: Vec<&str> = self.filters.iter().map(String::as_str).collect();
            return Err(Fault::reason(format!(
                "this log has a line for each of the filters {}; say which counts: --filter {}",
                filters.join(" and "),
                filters[0]
            )));
        }
        if let Some(wanted) = &sink.options.filter {
            self.wanted = Some(wanted.clone());
            // A log of a task without filters calls its only one `none`.
            if filter != wanted && !matches!(filter, "" | "none") {
                return Ok(());
            }
        }
        self.taken = true;
        let score = Self::score(&line, sink.options.metric.as_deref())?;
        let model = model.or(self.model.as_deref()).filter(|model| !model.is_empty()).ok_or_else(|| {
            Fault::reason("does not say which model answered, and lies in no folder named after it; write NAME=FILE")
        })?;
        let Some(doc) = line.get("doc").and_then(Value::as_object) else {
            return Err(Fault::reason("its `doc` is no object"));
        };
        let found = locate(doc, &self.task, sink.catalogue)?;
        let Some(score) = score else {
            sink.unmapped("without a score", || shortened(doc));
            return Ok(());
        };
        let (benchmark, row) = match found {
            Located::Row(benchmark, row) => (benchmark, row),
            Located::Nowhere => {
                sink.unmapped(format!("of the log `{}` to documents that are no row here", self.task), || {
                    shortened(doc)
                });
                return Ok(());
            }
            Located::Several => {
                sink.unmapped(format!("of the log `{}` that could be to several rows", self.task), || shortened(doc));
                return Ok(());
            }
        };
        sink.take(Found { key: Key::Row(&benchmark, row), model, family: None, score, tries: 1 })
    }

    fn score(line: &Map<String, Value>, wanted: Option<&str>) -> Result<Option<f64>, Fault> {
        let number = |value: &Value| value.as_f64().or_else(|| value.as_bool().map(|right| f64::from(u8::from(right))));
        // Newer logs name their metrics.
        let named: Vec<&str> =
            line.get("metrics").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let candidates: Vec<&str> = if named.is_empty() {
            METRICS.into_iter().filter(|metric| line.contains_key(*metric)).collect()
        } else {
            named
        };
        let metric = match (wanted, &candidates[..]) {
            (Some(wanted), _) if line.contains_key(wanted) => wanted,
            (Some(wanted), _) => {
                return Err(Fault::reason(format!("has no metric `{wanted}`; it has {}", candidates.join(", "))));
            }
            (None, [one]) => one,
            (None, []) => return Err(Fault::reason("has no metric that is known; name it: --metric NAME")),
            (None, several) => {
                return Err(Fault::reason(format!(
                    "has the metrics {}; say which is the score: --metric {}",
                    several.join(" and "),
                    several[0]
                )));
            }
        };
        match line.get(metric) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => number(value)
                .map(Some)
                .ok_or_else(|| Fault::reason(format!("its metric `{metric}` is {value}, no number"))),
        }
    }

    /// Whether anything was taken.
    pub fn finish(self) -> Result<(), Fault> {
        match self.wanted {
            Some(wanted) if !self.taken => {
                let filters: Vec<&str> = self.filters.iter().map(String::as_str).collect();
                Err(Fault::reason(format!("has no line of the filter `{wanted}`; its filters: {}", filters.join(", "))))
            }
            _ => Ok(()),
        }
    }
}

/// Where a document is.
pub(super) enum Located {
    Row(String, u32),
    Nowhere,
    Several,
}

/// The row whose identity fields have the texts that a document has: under the same names, or, where one is missing, under
/// any. `task` may name one of a benchmark's configs, which the document itself does not.
pub(super) fn locate(doc: &Map<String, Value>, task: &str, catalogue: &mut Catalogue<'_>) -> Result<Located, Fault> {
    let names = catalogue.names().to_vec();
    let mut found = Vec::new();
    for name in names {
        let Some(benchmark) = catalogue.benchmark(&name).filter(|benchmark| !benchmark.identity.is_empty()) else {
            continue;
        };
        let config = config_of(benchmark, task);
        let Some(shelf) = catalogue.shelf(&name)? else { continue };
        for row in rows_of(doc, benchmark, config, shelf) {
            let place = (name.clone(), row);
            if !found.contains(&place) {
                found.push(place);
            }
        }
    }
    // Of several benchmarks with this very text, the one that the task is named after.
    if found.len() > 1 && found.iter().any(|(name, _)| task.contains(name.as_str())) {
        found.retain(|(name, _)| task.contains(name.as_str()));
    }
    Ok(match found.pop() {
        None => Located::Nowhere,
        Some((name, row)) if found.is_empty() => Located::Row(name, row),
        Some(_) => Located::Several,
    })
}

/// The benchmark's config that a task is named after: the longest whose name the task's contains.
fn config_of<'b>(benchmark: &'b Benchmark, task: &str) -> Option<&'b str> {
    benchmark.config_field.as_ref()?;
    let configs = benchmark.configs.iter().filter(|config| task.contains(config.as_str()));
    configs.max_by_key(|config| config.len()).map(String::as_str)
}

fn rows_of(doc: &Map<String, Value>, benchmark: &Benchmark, config: Option<&str>, shelf: &Shelf) -> Vec<u32> {
    let texts: Vec<Option<String>> = benchmark
        .identity
        .iter()
        .map(|field| {
            match (
                field.split('.').try_fold(None::<&Value>, |at, key| {
                    Some(Some(at.map_or_else(|| doc.get(key), |value| value.get(key))?))
                }),
                config,
            ) {
                (Some(Some(value)), _) => Some(text_of(value)),
                (_, Some(config)) if benchmark.config_field.as_deref() == Some(field) => Some(config.to_owned()),
                _ => None,
            }
        })
        .collect();
    let with = |missing: &str| {
        let texts = texts.iter().map(|text| text.as_deref().unwrap_or(missing));
        shelf.by_texts(texts).to_vec()
    };
    match texts.iter().filter(|text| text.is_none()).count() {
        0 => with(""),
        1 => {
            let mut rows: Vec<u32> = doc.values().filter_map(Value::as_str).flat_map(with).collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        }
        _ => Vec::new(),
    }
}

/// A field's text as identities know it.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The beginning of a document, to name it by.
pub(super) fn shortened(doc: &Map<String, Value>) -> String {
    let text = doc.values().find_map(Value::as_str).unwrap_or_default();
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}
