//! The tasks of a pool, and the answers of each model to them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{ResultsError, accuracy::Scores};
use crate::{
    calibration::MEASURED_KEYS,
    config::Config,
    evidence::responses::{Catalogue, Gathered, Input, ReadOptions, read},
    evidence::validation::pool_tasks,
    pool::{
        PoolError, find_pool,
        manifest::{MeasuredParts, PoolManifest},
    },
    progress::Progress,
    response::{Answer, Model},
    task::{Task, is_row_number},
};

/// A pool that models answered.
#[derive(Clone, Debug)]
pub struct AnsweredPool {
    /// Its name in messages and results.
    pub name: String,
    /// Its tasks, in the order of the stream.
    pub tasks: Vec<Task>,
    /// The measured difficulty of each benchmark that was drawn by one.
    pub measured: MeasuredParts,
    /// Whether its manifest says that any task is generated.
    pub synthetic: bool,
    /// Its manifest, if there is one.
    pub manifest: Option<Value>,
    /// Whether its tasks are others than those that the manifest describes.
    pub is_changed: bool,
    /// Whether there is a manifest that cannot be read, or was changed since it was written.
    pub has_bad_manifest: bool,
    /// The folder that it was read from.
    pub folder: Option<PathBuf>,
}

impl AnsweredPool {
    /// Reads the pool at `path`: its folder, or its file of tasks.
    ///
    /// # Errors
    /// There is no pool at `path`, it cannot be read, or it has no tasks.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let (tasks, _) = pool_tasks(path)?;
        let tasks = tasks.collect::<Result<Vec<_>, _>>()?;
        if tasks.is_empty() {
            return Err(PoolError::Empty { path: path.to_owned() }.into());
        }
        let name = path.display().to_string();
        let file = if path.is_dir() { find_pool(path) } else { Some(path.to_owned()) };
        let (manifest, has_bad_manifest) = file.as_deref().map(PoolManifest::beside_checked).unwrap_or_default();
        let is_changed = manifest.as_ref().zip(file.as_deref()).is_some_and(|(own, file)| !own.vouches_for(file));
        let folder = file.as_deref().and_then(Path::parent);
        // The parent of a plain file name is empty.
        let folder = folder.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        let folder = folder.map(Path::to_owned);
        Ok(Self { is_changed, has_bad_manifest, folder, ..Self::of_tasks(&name, tasks, manifest.as_ref()) })
    }

    /// The tasks of a stream, or of a part of one, with its manifest if it was drawn.
    pub fn of_tasks(name: &str, tasks: Vec<Task>, manifest: Option<&PoolManifest>) -> Self {
        Self {
            name: name.to_owned(),
            tasks,
            measured: manifest.and_then(PoolManifest::measured_parts).unwrap_or_default(),
            synthetic: manifest.is_some_and(|manifest| manifest.value()["synthetic"] == true),
            manifest: manifest.map(|manifest| manifest.value().clone()),
            is_changed: false,
            has_bad_manifest: false,
            folder: None,
        }
    }

    /// Whether the difficulty of any benchmark was fitted to answers of this model; `None` if that is not known.
    pub(super) fn is_in_sample(&self, model: &str) -> Option<bool> {
        let known = self.measured.values().flat_map(|measured| &measured.panel).any(|known| known.is_like(model));
        (known || !self.has_unknown_panel()).then_some(known)
    }

    /// Whether tasks were drawn by a measured difficulty, and nothing says whose answers it was fitted to.
    fn has_unknown_panel(&self) -> bool {
        let names_none = |task: &Task| {
            let key = format!("\"{}\"", MEASURED_KEYS[1]);
            task.scorer_metadata.get().contains(&key) && !self.measured.contains_key(&task.benchmark)
        };
        self.tasks.iter().any(names_none)
    }

    /// What a reader of its results should know.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.is_changed {
            notes.push(format!("{}: its tasks are not those that its manifest describes (checksum)", self.name));
        }
        if self.has_unknown_panel() {
            notes.push(format!(
                "{}: no manifest names the models that its difficulty was fitted to, so who is IN-SAMPLE is not known; name the \
                 pool's folder, and keep manifest.json in it",
                self.name
            ));
        }
        notes
    }

    /// Its benchmarks, sorted by name.
    pub(super) fn benchmarks(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self.tasks.iter().map(|task| task.benchmark.as_str()).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The text labels of each task, by name.
    pub(super) fn labels(&self) -> Vec<BTreeMap<String, String>> {
        let of_task = |task: &Task| {
            let metadata: Map<String, Value> = serde_json::from_str(task.scorer_metadata.get()).unwrap_or_default();
            let text = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
            metadata.into_iter().filter_map(text).collect()
        };
        self.tasks.iter().map(of_task).collect()
    }
}

/// A row of the pool in a selection of its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    /// Rows of one identity have one cluster.
    pub cluster: u32,
    pub row: u32,
    /// How many of the selected tasks are this row.
    pub times: u32,
}

/// Some of a pool's tasks: each row once, in the order of the clusters.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    parts: Vec<Part>,
}

impl Selection {
    /// The tasks of these rows, which have these clusters.
    pub fn of(rows: impl Iterator<Item = u32>, clusters: &[u32]) -> Self {
        let mut rows: Vec<u32> = rows.collect();
        rows.sort_unstable_by_key(|row| (clusters[*row as usize], *row));
        let part = |same: &[u32]| Part { cluster: clusters[same[0] as usize], row: same[0], times: same.len() as u32 };
        Self { parts: rows.chunk_by(|a, b| a == b).map(part).collect() }
    }

    /// The rows of each cluster.
    pub fn clusters(&self) -> impl Iterator<Item = &[Part]> {
        self.parts.chunk_by(|a, b| a.cluster == b.cluster)
    }

    /// The number of tasks.
    pub fn n_tasks(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.times)).sum()
    }
}

/// One model's answers to the rows of a pool.
pub(super) struct ModelAnswers {
    pub model: Model,
    pub scores: Scores,
}

/// A pool's rows, and the models' answers to them.
pub(super) struct Answers {
    /// The row of each task.
    pub rows: Vec<u32>,
    /// The cluster of each row.
    pub clusters: Vec<u32>,
    /// By name.
    pub models: Vec<ModelAnswers>,
    /// What was read.
    pub gathered: Gathered,
}

impl Answers {
    /// Reads responses, and keeps those to the tasks of the pool.
    pub fn read(
        pool: &AnsweredPool,
        inputs: &[Input],
        config: &Config,
        options: &ReadOptions,
        progress: &dyn Progress,
    ) -> Result<Self, ResultsError> {
        let mut catalogue = Catalogue::of_pool(config, &pool.name, &pool.tasks, progress)?;
        let mut gathered = read(inputs, &mut catalogue, options, progress)?;
        let (first, rows) = rows_of(pool, &mut catalogue)?;
        let clusters = clusters_of(pool, &rows);
        let mut models: BTreeMap<String, ModelAnswers> = BTreeMap::new();
        for responses in std::mem::take(&mut gathered.benchmarks) {
            let before = first.get(responses.benchmark()).copied().unwrap_or_default() as usize;
            let new = |model: &Model| ModelAnswers {
                model: model.clone(),
                scores: Scores { score: vec![f64::NAN; clusters.len()], tries: vec![0; clusters.len()] },
            };
            // Taken out while its answers are put in, so that no name is looked up for each answer.
            let taken = |model: &Model| models.remove(&model.name).unwrap_or_else(|| new(model));
            let mut own: Vec<ModelAnswers> = responses.models().iter().map(taken).collect();
            for row in 0..responses.rows() {
                for answer in responses.answers(row) {
                    let scores = &mut own[answer.model].scores;
                    scores.score[before + row] = answer.score;
                    scores.tries[before + row] = if answer.tries == Answer::MANY { 0 } else { answer.tries };
                }
                if row % 4096 == 0 && progress.cancelled() {
                    return Err(ResultsError::Stopped);
                }
            }
            models.extend(own.into_iter().map(|own| (own.model.name.clone(), own)));
        }
        Ok(Self { rows, clusters, models: models.into_values().collect(), gathered })
    }
}

/// The first row of each benchmark, and the row of each task.
fn rows_of(
    pool: &AnsweredPool,
    catalogue: &mut Catalogue<'_>,
) -> Result<(BTreeMap<String, u32>, Vec<u32>), ResultsError> {
    let (mut first, mut next) = (BTreeMap::new(), 0);
    for name in catalogue.names().to_vec() {
        let rows = catalogue.shelf(&name)?.map_or(0, |shelf| shelf.rows);
        first.insert(name, next);
        next += rows as u32;
    }
    let mut rows = Vec::with_capacity(pool.tasks.len());
    for task in &pool.tasks {
        let source_id = task.source_id.as_ref().map_or("", |id| id.as_str());
        let row = catalogue.shelf(&task.benchmark)?.and_then(|shelf| shelf.by_source_id(source_id));
        // The catalogue was made of these tasks.
        rows.push(first.get(&task.benchmark).copied().unwrap_or_default() + row.unwrap_or_default());
    }
    Ok((first, rows))
}

/// The cluster of each row: one for all rows of an identity, also in several benchmarks. An identity that is only a row number
/// says nothing about other rows. (Statistics of pools count distinct tasks in the same way.)
fn clusters_of(pool: &AnsweredPool, rows: &[u32]) -> Vec<u32> {
    let n = rows.iter().max().map_or(0, |row| *row as usize + 1);
    let mut clusters = vec![u32::MAX; n];
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    for (task, row) in pool.tasks.iter().zip(rows) {
        let source_id = task.source_id.as_ref().map_or("", |id| id.as_str());
        let identity = task.identity.as_ref().map_or("", |id| id.as_str());
        let name = if is_row_number(identity, source_id) { source_id } else { identity };
        let next = numbers.len() as u32;
        clusters[*row as usize] = *numbers.entry(name).or_insert(next);
    }
    clusters
}
