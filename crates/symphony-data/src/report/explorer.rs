//! The tasks of the pools, packed for the script that searches and shows them.
//!
//! The tasks are JSON, compressed (zlib) and written in base64, so that no row can end its place in the page. Each row is written
//! once, however often it was drawn.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::Write,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use serde::{Serialize, Serializer};

use super::{
    ReportError, Subject,
    rows::{Fields, Kind, all_features, fields},
    rule::Rule,
};
use crate::{
    config::Config,
    prompt::Prompt,
    results::ModelResult,
    task::{Task, Text},
};

/// The most tasks of all pools together that a page holds.
pub(super) const MOST_TASKS: usize = 20_000;
/// The most models whose answers to each task a page holds.
const MOST_MODELS: usize = 100;

#[derive(Serialize)]
struct Packed<'t> {
    /// How many pools there are.
    pools: usize,
    /// The models, best first.
    models: Vec<&'t str>,
    /// How many models there are.
    n_models: usize,
    /// Of each pool, how the tasks of a benchmark got their scores, where the configuration is the one that they were drawn with.
    rules: Vec<BTreeMap<&'t str, Rule>>,
    rows: Vec<PackedRow>,
    tasks: Vec<Entry<'t>>,
}

#[derive(Serialize)]
struct PackedRow {
    row: Fields,
    features: Vec<(String, String, Kind)>,
    /// What a model is asked, and the right answer, where the benchmark's prompt fits the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<[String; 2]>,
    /// The score of each model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Score>,
    /// How many of all models solved it, and how many answered it.
    solved: [usize; 2],
}

/// A model's score, or none.
struct Score(Option<f64>);

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => to.serialize_none(),
            Some(score) if score.fract() == 0.0 => to.serialize_i64(score as i64),
            Some(score) => to.serialize_f64((1e6 * score).round() / 1e6),
        }
    }
}

#[derive(Serialize)]
struct Entry<'t> {
    /// The number of its pool, from 1.
    pool: usize,
    id: &'t str,
    benchmark: &'t str,
    bin: &'t str,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'t str>,
    /// The place of its row among the rows.
    row: usize,
}

/// The tasks of the pools, and how many they are. Of very many, every second, third and so on is taken.
pub(super) fn pack(subjects: &[Subject<'_>], config: &Config) -> Result<(String, usize), ReportError> {
    let all: Vec<(usize, usize)> = subjects
        .iter()
        .enumerate()
        .flat_map(|(pool, subject)| (0..subject.pool.tasks.len()).map(move |place| (pool, place)))
        .collect();
    let taken = all.len().min(MOST_TASKS);
    let mut packed = Packed {
        pools: subjects.len(),
        models: Vec::new(),
        n_models: 0,
        rules: subjects.iter().map(|subject| rules(subject, config)).collect(),
        rows: Vec::new(),
        tasks: Vec::with_capacity(taken),
    };
    let models = models(subjects);
    packed.n_models = models.len();
    packed.models = models.into_iter().take(MOST_MODELS).collect();
    let mut known: HashMap<[&str; 5], usize> = HashMap::new();
    let mut prompts: HashMap<&str, Option<&Prompt>> = HashMap::new();
    let answered: Vec<Vec<Option<&ModelResult>>> = subjects.iter().map(|own| answers(own, &packed.models)).collect();
    for (pool, place) in (0..taken).map(|at| all[at * all.len() / taken]) {
        let task = &subjects[pool].pool.tasks[place];
        let ids = [&task.source_id, &task.identity].map(|id| id.as_ref().map_or("", Text::as_str));
        let key = [&task.benchmark, ids[0], ids[1], task.raw_data.get(), task.scorer_metadata.get()];
        let row = *known.entry(key).or_insert_with(|| {
            let of_first = || config.prompt_for(&task.benchmark, task.raw_data.get()).ok();
            let prompt = *prompts.entry(&task.benchmark).or_insert_with(of_first);
            let asked = prompt.and_then(|prompt| prompt.ask(task.raw_data.get()).ok());
            let scores = answered[pool].iter().map(|own| Score(own.and_then(|own| own.scores[place])));
            packed.rows.push(PackedRow {
                row: fields(&task.raw_data),
                features: all_features(&task.scorer_metadata),
                asked: asked.map(|asked| [asked.input, asked.target]),
                answers: scores.collect(),
                solved: solved(&subjects[pool], place),
            });
            packed.rows.len() - 1
        });
        packed.tasks.push(entry(pool + 1, task, row));
    }
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    serde_json::to_writer(&mut zlib, &packed).map_err(std::io::Error::from)?;
    zlib.flush()?;
    Ok((STANDARD.encode(zlib.finish()?), packed.tasks.len()))
}

/// The models of all pools, those of the first pool first.
fn models<'t>(subjects: &[Subject<'t>]) -> Vec<&'t str> {
    let (mut models, mut known) = (Vec::new(), HashSet::new());
    for own in subjects.iter().filter_map(|subject| subject.results).flat_map(|results| &results.models) {
        if known.insert(own.model.as_str()) {
            models.push(own.model.as_str());
        }
    }
    models
}

/// How many models solved a task, with a score of at least a half, and how many answered it.
fn solved(subject: &Subject<'_>, place: usize) -> [usize; 2] {
    let models = subject.results.map_or(&[][..], |results| &results.models);
    let scores = models.iter().filter_map(|own| own.scores[place]);
    scores.fold([0, 0], |[solved, answered], score| [solved + usize::from(score >= 0.5), answered + 1])
}

/// The results of these models on a pool.
fn answers<'t>(subject: &Subject<'t>, models: &[&str]) -> Vec<Option<&'t ModelResult>> {
    let known = subject.results.map_or(&[][..], |results| &results.models);
    models.iter().map(|name| known.iter().find(|own| own.model == *name)).collect()
}

/// The rules of the benchmarks of a pool that were drawn by their surface score, with the configuration.
fn rules<'t>(subject: &Subject<'t>, config: &Config) -> BTreeMap<&'t str, Rule> {
    let parts = subject.pool.manifest.as_ref().and_then(|manifest| manifest["benchmarks"].as_array());
    let parts = parts.into_iter().flatten();
    parts.filter_map(|part| Some((part["benchmark"].as_str()?, Rule::of(part, config)?))).collect()
}

fn entry(pool: usize, task: &Task, row: usize) -> Entry<'_> {
    Entry {
        pool,
        id: &task.task_id,
        benchmark: &task.benchmark,
        bin: &task.difficulty_bin,
        score: task.difficulty_score,
        phase: task.phase,
        source: task.source_id.as_ref().map(Text::as_str),
        identity: task.identity.as_ref().map(Text::as_str),
        row,
    }
}
