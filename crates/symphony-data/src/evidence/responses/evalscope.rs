//! Reviews of EvalScope: `reviews/{model}/{dataset}_{subset}.jsonl`, with a line for each answer that was scored.
//!
//! A line is mapped to a row by the ids that an export of ours puts into the sample's metadata, or else by the values there
//! and by the question at the end of the prompt. The model is the folder's name.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufRead, Read},
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    harness::Named,
    ids::{Asked, Ids},
    inspect::{row_in, text_of_input},
    runs::{EXPORTED, Log},
    sink::{Fault, Found, Key, Sink},
};
use crate::{format::compression, hint::Hint, row::json_reason, yaml::Node};

/// The folder of the reviews in the output of a run.
const REVIEWS: &str = "reviews";
/// The configuration in the output of a run.
const CONFIG: &str = "configs/task_config.yaml";
/// The most bytes that are read of it.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

#[derive(Deserialize)]
struct Review<'r> {
    #[serde(borrow)]
    sample_score: SampleScore<'r>,
    /// The number of the sample.
    #[serde(borrow, default)]
    index: Option<&'r RawValue>,
    /// What the model was asked and said.
    #[serde(default)]
    messages: Value,
    /// The prompt, in reviews of older versions.
    #[serde(default)]
    input: Value,
}

#[derive(Deserialize)]
struct SampleScore<'r> {
    score: Option<Score>,
    #[serde(borrow)]
    sample_metadata: Option<&'r RawValue>,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    value: Map<String, Value>,
    main_score_name: Option<String>,
}

/// A file of reviews that is being read.
pub(super) struct Reviews {
    path: PathBuf,
    task: String,
    named: Option<Named>,
    /// Whether any line was taken.
    taken: bool,
    /// Hashes of the numbers of the samples.
    counted: HashSet<u64>,
}

impl Reviews {
    /// The reviews at this path. `model` is the model that the caller names.
    pub fn of(path: &Path, model: Option<&str>) -> Self {
        let given = model.map(|model| Named { model: model.to_owned(), guessed_from: None });
        Self {
            path: path.to_owned(),
            task: task_of(path),
            named: given.or_else(|| model_of(path)),
            taken: false,
            counted: HashSet::new(),
        }
    }

    /// Takes a line.
    pub fn take(&mut self, text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
        let review: Review<'_> = serde_json::from_str(text)
            .map_err(|error| Fault::reason(format!("not a valid review of EvalScope: {}", json_reason(&error))))?;
        let Some(named) = &self.named else {
            return Err(Fault::reason(
                "does not name the model, and neither does its folder; name the model of this file",
            ));
        };
        if !std::mem::replace(&mut self.taken, true) {
            let log = Log::new(&self.path, &self.task, named);
            sink.whose(Log { part_of: Some(EXPORTED.to_owned()), ..log });
        }
        let SampleScore { score, sample_metadata } = review.sample_score;
        let metadata = sample_metadata.map(RawValue::get).filter(|metadata| metadata.starts_with('{'));
        let asked_in = if review.messages.is_null() { &review.input } else { &review.messages };
        let prompt = text_of_input(asked_in);
        let row = metadata.and_then(row_in);
        let texts: Vec<&str> = metadata.into_iter().chain(row.as_deref()).collect();
        let asked = Asked {
            ids: metadata.and_then(Ids::of),
            texts: &texts,
            row: row.as_deref(),
            prompt: Some(&prompt),
            log: &self.task,
            task: &self.task,
            what: "samples",
        };
        if let Some(log) = sink.logs.last_mut().filter(|_| !sink.filling) {
            log.see(metadata.filter(|_| asked.ids.is_some()).unwrap_or(&prompt));
        }
        if let Some(index) = &review.index
            && !self.counted.insert(xxh3_64(index.get().as_bytes()))
        {
            sink.unmapped("to samples that their file holds a second time", || asked.shown());
            return Ok(());
        }
        let wanted = sink.options.metric.as_deref();
        let score = score.map_or(Ok(None), |score| score.value(wanted, asked.ids.is_some()))?;
        let Some(score) = score else {
            sink.unmapped("without a score", || asked.shown());
            return Ok(());
        };
        asked.take(Found::new(Key::Rows("", &[]), &named.model, score), sink)
    }
}

impl Score {
    /// The value of the main score; `None` if it is missing, as in samples that could not be scored. `wanted` is the score
    /// that the caller selected, which an exported pool need not have.
    fn value(&self, wanted: Option<&str>, is_exported: bool) -> Result<Option<f64>, Fault> {
        let names = || self.value.keys().map(String::as_str).collect::<Vec<_>>();
        let name = match (wanted, &self.main_score_name) {
            (Some(wanted), _) if self.value.contains_key(wanted) => wanted,
            (Some(wanted), _) if !is_exported && !self.value.is_empty() => {
                return Err(Fault::reason(format!("has no score `{wanted}`; it has {}", names().join(", "))));
            }
            (_, Some(main)) => main,
            (_, None) => match &names()[..] {
                [] => return Ok(None),
                [one] => one,
                several => {
                    let fault = Fault::reason(format!("has the scores {}; choose one", several.join(" and ")));
                    return Err(fault.with(Hint::Metric(several[0].to_owned())));
                }
            },
        };
        match self.value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(Value::Bool(right)) => Ok(Some(f64::from(u8::from(*right)))),
            Some(other) => Err(Fault::reason(format!("its score `{name}` is {other}, not a number"))),
        }
    }
}

/// The dataset and subset in the name of a file, and where the dataset lies if the run's configuration says it: all pools have
/// the same dataset's name.
pub(super) fn task_of(path: &Path) -> String {
    let name = name_of(path);
    match data_of(path, &name) {
        Some(data) => format!("{name} of {data}"),
        None => name,
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(".json").next().unwrap_or_default().to_owned()
}

/// The place of the dataset in the configuration of the run, `configs/task_config.yaml` beside `reviews`. `name` begins with
/// the dataset's name.
fn data_of(path: &Path, name: &str) -> Option<String> {
    let run = path.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == REVIEWS))?.parent()?;
    let mut text = String::new();
    File::open(run.join(CONFIG)).ok()?.take(MAX_CONFIG_BYTES).read_to_string(&mut text).ok()?;
    let config = Node::parse(CONFIG, &text).ok()?;
    let datasets = member(&config, "dataset_args")?.map()?;
    let (_, own) = datasets
        .iter()
        .find(|(dataset, _)| name.strip_prefix(&*dataset.text).is_some_and(|rest| rest.starts_with('_')))?;
    Some(member(own, "dataset_id")?.text()?.trim_end_matches('/').to_owned())
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    node.map()?.iter().find(|(own, _)| own.text == key).map(|(_, node)| node)
}

/// The model of a file: its folder under `reviews`. The name of any other folder is a guess.
pub(super) fn model_of(path: &Path) -> Option<Named> {
    let folders = folders_of(path);
    let under = folders.iter().rposition(|folder| folder == REVIEWS).map(|at| folders[at + 1..].join("/"));
    match under.filter(|model| !model.is_empty()) {
        Some(model) => Some(Named { model, guessed_from: None }),
        None => Some(Named { model: folders.last()?.clone(), guessed_from: Some("the name of its folder") }),
    }
}

/// The folder of the run of a file that lies where EvalScope puts reviews; `None` for other files.
pub(super) fn run_of(path: &Path) -> Option<String> {
    let mut folders = folders_of(path);
    let at = folders.iter().rposition(|folder| folder == REVIEWS).filter(|at| at + 1 < folders.len())?;
    folders.truncate(at);
    Some(folders.pop().unwrap_or_default())
}

/// The names of the folders above a file.
fn folders_of(path: &Path) -> Vec<String> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = |own: Component<'_>| match own {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    };
    path.parent().map(|folder| folder.components().filter_map(name).collect()).unwrap_or_default()
}

/// A hash that says which tasks a file of reviews is of, by their ids; `None` if they have none. Its lines come in any order.
pub(super) fn tasks_in(path: &Path) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in compression::decompress(File::open(path).ok()?).ok()?.lines() {
        let line = line.ok()?;
        let review: Review<'_> = serde_json::from_str(&line).ok()?;
        let ids = Ids::text(review.sample_score.sample_metadata?.get())?;
        let hash = xxh3_64(ids.as_bytes());
        least = Some(least.map_or(hash, |least| least.min(hash)));
    }
    least
}
