//! The task and the model of a log, by its name, its folder and the results file beside it.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use crate::row::python;

/// The model arguments that can name the model. As in the harness, the first one that is present counts.
const NAMING: [&str; 6] = ["peft", "delta", "pretrained", "model", "path", "engine"];
/// The harness's model for trying tasks out, which answers at random.
const DUMMY: &str = "dummy";
/// The most bytes that are read from a results file.
const MAX_RESULTS_BYTES: u64 = 64 << 20;

/// A model's name, and the source of the guess if it is one.
pub(in super::super) struct Named {
    pub model: String,
    pub guessed_from: Option<&'static str>,
}

/// What the name of a log, its folder and the results file beside it say.
pub(in super::super) struct Label {
    /// The log's file name without `samples_` and extension.
    pub name: String,
    /// The task in the file name.
    pub task: String,
    /// The time of the run in the file name.
    pub time: Option<String>,
    /// The model.
    pub model: Option<Named>,
    /// Whether the model is the harness's `dummy`, whose answers are random.
    pub is_dummy: bool,
}

impl Label {
    /// The label of the log at this path. `benchmarks` help to find the task in the name of the log, because task names often
    /// begin with a benchmark's name.
    pub fn of(path: &Path, benchmarks: &[String]) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let samples = name.strip_prefix("samples_");
        let name = samples.unwrap_or(&name).split(".json").next().unwrap_or_default().to_owned();
        let (task, time, named, is_dummy);
        if samples.is_none()
            && let Some((model, own)) = of_model_arguments(&name, benchmarks)
        {
            (task, time, named, is_dummy) = (own, None, Some(model), false);
        } else {
            let (own, at) = task_and_time(&name);
            let results = at.and_then(|at| of_results(path, at));
            is_dummy = results.as_ref().is_some_and(Results::is_dummy);
            named = results
                .as_ref()
                .and_then(Results::model)
                .map(|model| Named { model, guessed_from: None })
                .or_else(|| of_folder(path));
            (task, time) = (own.to_owned(), at.map(str::to_owned));
        }
        let model = named.filter(|named| !named.model.is_empty());
        Self { name, task, time, model, is_dummy }
    }
}

/// The model that the folder of a log is named after, as the harness names folders.
fn of_folder(log: &Path) -> Option<Named> {
    let folder = std::path::absolute(log).ok()?.parent()?.file_name()?.to_string_lossy().replace("__", "/");
    Some(Named { model: folder, guessed_from: Some("the name of its folder") })
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
    /// The kind of model, such as `hf`.
    #[serde(default)]
    model: Value,
    #[serde(default)]
    model_args: Value,
}

impl Results {
    /// Whether the run asked no model.
    fn is_dummy(&self) -> bool {
        self.config.as_ref().is_some_and(|config| config.model == DUMMY)
    }

    /// The model's name; a run that asked none has a random one.
    fn model(&self) -> Option<String> {
        if self.is_dummy() {
            return Some(DUMMY.to_owned());
        }
        let named = self.model_name.clone().filter(|name| !name.is_empty());
        named.or_else(|| of_arguments(&self.config.as_ref()?.model_args))
    }
}

/// The results file that the same run wrote beside the log and that names the model: `results_{time}.json`, or
/// `{name}_{time}.json` if the output path was a file.
fn of_results(log: &Path, time: &str) -> Option<Results> {
    let ending = format!("_{time}.json");
    let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut names: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(&ending)))
        .map(|entry| entry.path())
        .collect();
    names.sort();
    names.iter().find_map(|path| {
        let mut text = Vec::new();
        std::fs::File::open(path).ok()?.take(MAX_RESULTS_BYTES).read_to_end(&mut text).ok()?;
        let results: Results = serde_json::from_slice(&python::to_json(&text)).ok()?;
        results.model().is_some().then_some(results)
    })
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
