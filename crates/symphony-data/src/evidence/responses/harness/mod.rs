//! Logs of lm-evaluation-harness: `samples_{task}_{time}.jsonl`, with a line for each document and filter. Versions 0.4.0
//! to 0.4.2 name them `{model arguments}_{task}.jsonl`.
//!
//! A line is mapped to a row by the ids that an export of ours puts into its `doc`, or else by the text of the `doc`. Its
//! `doc_id` counts documents after a selection, so it does not identify a row. Lines do not name the model. Its name comes
//! from the results file that the same run wrote beside the log, or from the log's own name.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashSet},
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    ids::{Asked, Ids},
    sink::{Fault, Found, Key, Sink},
};
use crate::{hint::Hint, row::python};

/// The metrics of the harness's own tasks that score one document between 0 and 1.
const METRICS: [&str; 9] = ["exact_match", "acc", "acc_norm", "pass@1", "pass_at_1", "em", "f1", "mcc", "score"];
/// The model arguments that can name the model. As in the harness, the first one that is present counts.
const NAMING: [&str; 6] = ["peft", "delta", "pretrained", "model", "path", "engine"];
/// The most bytes that are read from a results file.
const MAX_RESULTS_BYTES: u64 = 64 << 20;

/// A log that is being read.
pub(super) struct Harness {
    path: PathBuf,
    /// The log's file name without `samples_` and extension.
    name: String,
    /// The task in the file name.
    task: String,
    model: Option<Named>,
    /// The filters seen so far.
    filters: BTreeSet<String>,
    /// Hashes of the document numbers in lines that name no filter.
    unfiltered: HashSet<u64>,
    /// Whether any line was taken.
    taken: bool,
    /// The filter that the caller selected.
    wanted: Option<String>,
}

/// A model's name, and the source of the guess if it is one.
struct Named {
    model: String,
    guessed_from: Option<&'static str>,
}

impl Harness {
    /// The log at this path. `model` is the model that the caller names. `benchmarks` help to find the task in the name of
    /// the log, because task names often begin with a benchmark's name.
    pub fn of(path: &Path, model: Option<&str>, benchmarks: &[String]) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let samples = name.strip_prefix("samples_");
        let name = samples.unwrap_or(&name).split(".json").next().unwrap_or_default().to_owned();
        let folder = || {
            let folder = std::path::absolute(path).ok()?.parent()?.file_name()?.to_string_lossy().replace("__", "/");
            Some(Named { model: folder, guessed_from: Some("the name of its folder") })
        };
        let (task, named) = if samples.is_none()
            && let Some((named, task)) = of_model_arguments(&name, benchmarks)
        {
            (task, Some(named))
        } else {
            let (task, time) = task_and_time(&name);
            (task.to_owned(), time.and_then(|time| of_results(path, time)).or_else(folder))
        };
        let given = model.map(|model| Named { model: model.to_owned(), guessed_from: None });
        Self {
            path: path.to_owned(),
            name,
            task,
            model: given.or(named).filter(|named| !named.model.is_empty()),
            filters: BTreeSet::new(),
            unfiltered: HashSet::new(),
            taken: false,
            wanted: None,
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
        if self.filters.insert(filter.clone()) && sink.options.filter.is_none() && self.filters.len() > 1 {
            let filters: Vec<&str> = self.filters.iter().map(String::as_str).collect();
            let all = filters.join(" and ");
            let fault = Fault::reason(format!("this log has a line for each of the filters {all}; choose one"));
            return Err(fault.with(Hint::Filter(filters[0].to_owned())));
        }
        if let Some(wanted) = &sink.options.filter {
            self.wanted = Some(wanted.clone());
            // If a task has no filters, its log names the filter `none`.
            if filter != *wanted && !matches!(filter.as_str(), "" | "none") {
                return Ok(());
            }
        }
        let score = Self::score(&line, sink.options.metric.as_deref())?;
        let Some(Named { model, guessed_from }) = &self.model else {
            return Err(Fault::reason(
                "does not name the model, and neither do the log's name and folder; name the model of this log",
            ));
        };
        if !std::mem::replace(&mut self.taken, true) {
            sink.whose(&self.path, &self.task, model, *guessed_from);
        }
        let Some(doc) = line.get("doc").map(|doc| doc.get()).filter(|doc| doc.starts_with('{')) else {
            return Err(Fault::reason("its `doc` is not an object"));
        };
        let (log, task) = (&*self.name, &*self.task);
        let asked = Asked { ids: Ids::of(doc), texts: &[doc], prompt: None, log, task, what: "documents" };
        let Some(score) = score else {
            sink.unmapped("without a score", || asked.shown());
            return Ok(());
        };
        asked.take(Found::new(Key::Rows("", &[]), model, score), sink)
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
        let Some(value) = line.get(metric) else { return Ok(None) };
        match serde_json::from_str(value.get()) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::Number(number)) => Ok(number.as_f64()),
            Ok(Value::Bool(right)) => Ok(Some(f64::from(u8::from(right)))),
            _ => Err(Fault::reason(format!("its metric `{metric}` is {value}, not a number"))),
        }
    }

    /// Checks that the log had lines of the selected filter.
    pub fn finish(self) -> Result<(), Fault> {
        match self.wanted {
            Some(wanted) if !self.taken => {
                let filters: Vec<&str> = self.filters.iter().map(String::as_str).collect();
                Err(Fault::reason(format!("has no line of the filter `{wanted}`; it has {}", filters.join(", "))))
            }
            _ => Ok(()),
        }
    }
}

/// Splits a log's name such as `gsm8k_2026-01-01T10-00-00.000001` into task and time.
fn task_and_time(name: &str) -> (&str, Option<&str>) {
    let is_time = |time: &str| {
        let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
        seconds.len() == 19
            && seconds.bytes().zip(b"0000-00-00T00-00-00").all(|(byte, like)| match like {
                b'0' => byte.is_ascii_digit(),
                like => byte == *like,
            })
            && fraction.bytes().all(|byte| byte.is_ascii_digit())
    };
    match name.rsplit_once('_') {
        Some((task, time)) if is_time(time) => (task, Some(time)),
        _ => (name, None),
    }
}

/// The parts of a results file that name the model.
#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    model_name: Option<String>,
    #[serde(default)]
    config: Option<RunConfig>,
}

#[derive(Deserialize)]
struct RunConfig {
    #[serde(default)]
    model_args: Value,
}

/// The model in the results file that the same run wrote beside the log: `results_{time}.json`, or `{name}_{time}.json` if
/// the output path was a file.
fn of_results(log: &Path, time: &str) -> Option<Named> {
    let ending = format!("_{time}.json");
    let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut names: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(&ending)))
        .map(|entry| entry.path())
        .collect();
    names.sort();
    let model = names.iter().find_map(|path| {
        let mut text = Vec::new();
        std::fs::File::open(path).ok()?.take(MAX_RESULTS_BYTES).read_to_end(&mut text).ok()?;
        let results: Results = serde_json::from_slice(&python::to_json(&text)).ok()?;
        results.model_name.filter(|name| !name.is_empty()).or_else(|| of_arguments(&results.config?.model_args))
    })?;
    Some(Named { model, guessed_from: None })
}

/// The model's name in the model arguments of a results file, which are a text (`pretrained=org/model,dtype=auto`) or an
/// object.
fn of_arguments(arguments: &Value) -> Option<String> {
    NAMING.into_iter().find_map(|naming| match arguments {
        Value::String(text) => {
            let value = |argument: &str| argument.trim().strip_prefix(naming)?.strip_prefix('=').map(str::to_owned);
            text.split(',').find_map(value)
        }
        other => other.get(naming)?.as_str().map(str::to_owned),
    })
}

/// The model and the task in a log's name that begins with the model arguments, where `__` stands for `=` and `/`, such as
/// `pretrained__org__model,dtype__auto_gsm8k`.
fn of_model_arguments(name: &str, benchmarks: &[String]) -> Option<(Named, String)> {
    let arguments: Vec<&str> = name.split(',').collect();
    let (_, last) = name.rsplit_once(',').unwrap_or(("", name));
    let (value, is_last) = NAMING.into_iter().find_map(|naming| {
        let value = |argument: &&'_ str| argument.strip_prefix(naming)?.strip_prefix("__").map(str::to_owned);
        let at = arguments.iter().position(|argument| value(argument).is_some())?;
        Some((value(&arguments[at])?, at + 1 == arguments.len()))
    })?;
    // If the model comes last, nothing separates its name from the task's.
    let (model, task) = if is_last {
        let (model, task) = before_task(&value, benchmarks);
        (model.to_owned(), task.to_owned())
    } else {
        let (_, task) = before_task(last, benchmarks);
        (value, task.to_owned())
    };
    Some((Named { model: model.replace("__", "/"), guessed_from: is_last.then_some("the log's own name") }, task))
}

/// Cuts a text into the part before the task and the task: at the first single `_` that is followed by a benchmark's name,
/// or else at the last single `_`.
fn before_task<'t>(text: &'t str, benchmarks: &[String]) -> (&'t str, &'t str) {
    let bytes = text.as_bytes();
    let is_single = |at: &usize| bytes.get(at.wrapping_sub(1)) != Some(&b'_') && bytes.get(at + 1) != Some(&b'_');
    let cuts: Vec<usize> = memchr::memchr_iter(b'_', bytes).filter(is_single).collect();
    let begins = |at: &&usize| benchmarks.iter().any(|benchmark| text[*at + 1..].starts_with(benchmark.as_str()));
    match cuts.iter().find(begins).or(cuts.last()) {
        Some(&at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}
