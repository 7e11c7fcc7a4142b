//! Validation: how well a difficulty score predicts which tasks real models fail.

use std::path::Path;

use serde::Serialize;

use super::{
    EvidenceError,
    responses::{Catalogue, Gathered, Shelf, Unmapped},
    validation::subject::{DrawnRow, Subject},
};
use crate::{
    bin::{Bin, PerBin, Thresholds},
    calibration::MEASURED_KEYS,
    config::Config,
    difficulty::Normalization,
    draw::check_folder,
    pool::manifest::{MeasuredParts, measured_parts},
    progress::{Note, Progress},
    task::Task,
};

mod bootstrap;
pub mod reliability;
mod sentence;
mod subject;

pub use crate::number::Estimate;

/// How often models fail the tasks of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BinError {
    /// The number of rows with responses.
    pub rows: u64,
    /// The mean, over rows, of the mean error of the models, from 0 to 1; `None` if there are no rows.
    pub error: Option<f64>,
}

impl BinError {
    /// From each bin's number of rows and sum of errors.
    fn of_sums(sums: PerBin<(u64, f64)>) -> PerBin<Self> {
        let of_bin = |(rows, sum): (u64, f64)| Self { rows, error: (rows > 0).then(|| sum / rows as f64) };
        PerBin { easy: of_bin(sums.easy), medium: of_bin(sums.medium), hard: of_bin(sums.hard) }
    }
}

/// The number of rows whose score is exactly a bin's threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ties {
    /// At the highest score of easy tasks.
    pub easy: u64,
    /// At the lowest score of hard tasks.
    pub hard: u64,
}

/// How often one model fails the tasks of each bin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelError {
    /// The model's name.
    pub model: String,
    /// The number of rows it answered.
    pub rows: u64,
    /// How often it failed, by bin.
    pub bins: PerBin<BinError>,
}

/// The correlation and error within one config of a benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Within {
    /// The config's name.
    pub name: String,
    /// The number of its rows with responses.
    pub rows: u64,
    /// Spearman's correlation of score and error within the config.
    pub spearman: Option<f64>,
    /// How often models fail its rows, from 0 to 1.
    pub error: Option<f64>,
}

/// The result of validating one benchmark, or a pool's tasks from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// The benchmark's name.
    pub benchmark: String,
    /// The pool's name, if only its tasks were validated, each of them once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// How the score was made: `min-max` (from features) or `expected-error` (from responses).
    pub method: String,
    /// The difficulty: `surface`, `reference`, or a calibration's file name.
    pub difficulty: String,
    /// The number of rows with responses of `models`.
    pub rows: u64,
    /// The models whose responses were used.
    pub models: Vec<String>,
    /// The models that were left out, because the score was fitted to their responses.
    pub left_out: Vec<String>,
    /// Whether the score was fitted to these models' own responses, because there are no others. Such numbers flatter it.
    pub in_sample: bool,
    /// Spearman's correlation of score and mean error.
    pub spearman: Estimate,
    /// Pearson's correlation of score and mean error.
    pub pearson: Estimate,
    /// Correlation and error within each config, if the benchmark has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<Within>,
    /// Spearman's correlation within configs, averaged over rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spearman_within: Option<f64>,
    /// The highest Spearman correlation to expect of any score with these models; `None` for fewer than three models.
    pub ceiling: Option<f64>,
    /// The thresholds of the bins.
    pub thresholds: Thresholds,
    /// The number of rows that tie at the thresholds.
    pub ties: Ties,
    /// How often models fail the tasks of each bin.
    pub bins: PerBin<BinError>,
    /// How often each model fails the tasks of each bin, in the order of [`Validation::models`].
    pub by_model: Vec<ModelError>,
    /// How much more often models fail hard tasks than easy ones: the difference of the two errors, from -1 to 1.
    pub gap: Estimate,
    /// The verdict in one sentence.
    pub sentence: String,
    /// Whether the score is reversed: models fail the easy tasks more often, and not by chance.
    pub reversed: bool,
    /// Whether the score tells the configs of the benchmark apart and little else.
    pub only_between: bool,
    /// The same two in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// The results of all benchmarks and pools.
#[derive(Clone, Debug, Serialize)]
pub struct ValidationReport {
    /// First each benchmark, then each pool's tasks by benchmark.
    pub validations: Vec<Validation>,
    /// The answers that could not be mapped to a row.
    pub unmapped: Vec<Unmapped>,
}

/// A pool to validate.
pub struct PoolTasks<'p> {
    /// The pool's name in messages and results.
    pub name: String,
    /// The measured difficulty of each benchmark in its manifest; `None` if there is no manifest.
    pub measured: Option<MeasuredParts>,
    /// The pool's tasks.
    pub tasks: &'p mut dyn Iterator<Item = Result<Task, EvidenceError>>,
}

/// Which scores to validate.
#[derive(Clone, Debug, Default)]
pub struct ScoredBy {
    /// `surface`, `reference`, a calibration, or a folder of calibrations; by default the configured difficulty.
    pub difficulty: Option<String>,
    /// With a measured difficulty, leave out rows with responses of fewer models; by default the configured number.
    pub min_responses: Option<u64>,
}

/// Validates the scores of every benchmark that has responses, and of the tasks in `pools`.
///
/// # Errors
/// A store or pool cannot be read, the tasks of a pool have no responses, or the caller asked to stop.
pub fn validate(
    gathered: Gathered,
    pools: &mut [PoolTasks<'_>],
    catalogue: &mut Catalogue<'_>,
    config: &Config,
    by: &ScoredBy,
    progress: &dyn Progress,
) -> Result<ValidationReport, EvidenceError> {
    let folder = catalogue.folder().map(Path::to_owned).unwrap_or_default();
    let mut validations = Vec::new();
    let mut subjects = Vec::new();
    let of = |name: &str| config.difficulty_of(name, by.difficulty.as_deref(), by.min_responses);
    let difficulties: Vec<_> = gathered.benchmarks.iter().map(|own| (own.benchmark(), of(own.benchmark()))).collect();
    check_folder(difficulties.iter().map(|(name, difficulty)| (*name, difficulty)))?;
    for responses in &gathered.benchmarks {
        let name = responses.benchmark();
        let Some(store) = catalogue.shelf(name)?.and_then(Shelf::store) else { continue };
        let subject = Subject::of_store(store, config, by, progress)?;
        validations.push(subject.validate(responses, progress)?);
        subjects.push(subject);
    }
    for PoolTasks { name, measured, tasks } in pools {
        let mut drawn: Vec<(usize, Vec<DrawnRow>, bool)> = Vec::new();
        let (mut strangers, mut stranger) = (0_u64, None);
        for task in &mut **tasks {
            let task = task?;
            let Some(at) = gathered.benchmarks.iter().position(|r| r.benchmark() == task.benchmark) else { continue };
            let Some(shelf) = catalogue.shelf(&task.benchmark)? else { continue };
            let by_source = task.source_id.as_ref().and_then(|id| shelf.by_source_id(id.as_str()));
            let same = task.identity.as_ref().map_or(&[][..], |identity| shelf.by_identity(identity.as_str()));
            // Take the row of the source_id; if the store was rebuilt in another order, the row of the same identity. A row of
            // another identity is another task.
            let row = match (by_source, same) {
                (Some(row), _) if task.identity.is_none() => row,
                (Some(row), same) if same.contains(&row) => row,
                (_, [row, ..]) => *row,
                _ => {
                    strangers += 1;
                    stranger.get_or_insert(task.task_id.clone());
                    continue;
                }
            };
            let Some(bin) = Bin::parse(&task.difficulty_bin) else { continue };
            match drawn.iter_mut().find(|(known, ..)| *known == at) {
                Some((_, rows, _)) => rows.push((row, task.difficulty_score, bin)),
                None => drawn.push((at, vec![(row, task.difficulty_score, bin)], is_measured(&task))),
            }
        }
        if let Some(stranger) = stranger {
            let are = if strangers == 1 { "is" } else { "are" };
            let warning = format!(
                "{name}: {strangers} of its tasks, {stranger} the first, {are} not among the rows of the stores in {}, and {are} \
                 left out",
                folder.display()
            );
            progress.note(Note::Warning(&warning));
        }
        if drawn.is_empty() {
            let reason = "its tasks have no responses; validate needs responses to the benchmarks that it draws from";
            return Err(EvidenceError::Insufficient { benchmark: name.clone(), reason: reason.to_owned() });
        }
        for (at, rows, is_measured) in drawn {
            let mut subject = subjects[at].drawn(name, rows);
            let benchmark = gathered.benchmarks[at].benchmark();
            match measured {
                Some(parts) => subject.set_by(parts.get(benchmark)),
                // Without a manifest, the tasks were drawn from this store, or do not record the panel of their scores.
                None if is_measured && subject.panel.is_empty() => {
                    let warning = format!(
                        "{name}: the difficulty of its {benchmark} tasks was measured, and neither a manifest beside them nor the \
                         store in {} names the panel, so its models are not left out and flatter these numbers",
                        folder.display()
                    );
                    progress.note(Note::Warning(&warning));
                    Normalization::EXPECTED_ERROR.clone_into(&mut subject.method);
                }
                None if !is_measured => subject.set_by(None),
                None => {}
            }
            validations.push(subject.validate(&gathered.benchmarks[at], progress)?);
        }
    }
    Ok(ValidationReport { validations, unmapped: gathered.unmapped })
}

/// Whether a task's score was measured: its metadata then keeps the score from features.
fn is_measured(task: &Task) -> bool {
    let metadata: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(task.scorer_metadata.get()).unwrap_or_default();
    MEASURED_KEYS.iter().all(|key| metadata.contains_key(*key))
}

/// Reads the tasks of the pool at `path`, a file or a folder, and the measured difficulties in the manifest beside it.
///
/// # Errors
/// There is no pool at `path`, or it cannot be read.
pub fn pool_tasks(
    path: &Path,
) -> Result<(impl Iterator<Item = Result<Task, EvidenceError>>, Option<MeasuredParts>), EvidenceError> {
    let none = || crate::pool::PoolError::Missing { path: path.to_owned() };
    let file = if path.is_dir() { crate::pool::find_pool(path).ok_or_else(none)? } else { path.to_owned() };
    let tasks: Vec<Result<Task, _>> = crate::pool::read_pool(&file)?.collect();
    let measured = file.parent().and_then(measured_parts);
    Ok((tasks.into_iter().map(|task| task.map_err(EvidenceError::from)), measured))
}
