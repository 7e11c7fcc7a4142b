//! Validation: how far a difficulty score foretells which tasks real models fail.

use std::path::Path;

use serde::Serialize;

use super::{
    EvidenceError,
    responses::{Catalogue, Gathered, Unmapped},
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

/// A number with its 95 % interval, by bootstrap over rows and models (both drawn again, with replacement); `None` where it
/// cannot be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The number.
    pub value: Option<f64>,
    /// The low end of the interval.
    pub low: Option<f64>,
    /// The high end.
    pub high: Option<f64>,
}

/// The tasks of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BinError {
    /// How many of them were answered.
    pub rows: u64,
    /// How often models fail them: the mean, over rows, of the mean error of the models; `None` where there are no rows.
    pub error: Option<f64>,
}

impl BinError {
    /// From the number of rows and the sum of their errors, in each bin.
    fn of_sums(sums: PerBin<(u64, f64)>) -> PerBin<Self> {
        let of_bin = |(rows, sum): (u64, f64)| Self { rows, error: (rows > 0).then(|| sum / rows as f64) };
        PerBin { easy: of_bin(sums.easy), medium: of_bin(sums.medium), hard: of_bin(sums.hard) }
    }
}

/// How many rows have the very score that a bin begins or ends at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ties {
    /// At the greatest score of easy tasks.
    pub easy: u64,
    /// At the least of hard ones.
    pub hard: u64,
}

/// How one model did on the tasks of each bin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelError {
    /// The model.
    pub model: String,
    /// How many rows it answered.
    pub rows: u64,
    /// How often it failed, by bin.
    pub bins: PerBin<BinError>,
}

/// The rows of one config of a benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Within {
    /// The config.
    pub name: String,
    /// How many of its rows were answered.
    pub rows: u64,
    /// Spearman's correlation of score and error within it.
    pub spearman: Option<f64>,
    /// How often models fail its rows.
    pub error: Option<f64>,
}

/// What was found of one benchmark, or of what a pool drew of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// The benchmark.
    pub benchmark: String,
    /// The pool, where only its tasks were looked at, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// How the score was made: `min-max` (from features) or `expected-error` (from responses).
    pub method: String,
    /// How many rows were answered by the models looked at.
    pub rows: u64,
    /// These models.
    pub models: Vec<String>,
    /// Models that were left out, because the score was made from their answers.
    pub left_out: Vec<String>,
    /// Whether the score was made from these very models' answers, as nobody else's are there: such numbers flatter it.
    pub in_sample: bool,
    /// Spearman's correlation of score and mean error.
    pub spearman: Estimate,
    /// Pearson's.
    pub pearson: Estimate,
    /// The same within each config, where the benchmark has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<Within>,
    /// Spearman's correlation within configs, averaged over rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spearman_within: Option<f64>,
    /// What no score's Spearman correlation can be expected to exceed, with these models; `None` below three.
    pub ceiling: Option<f64>,
    /// Where the bins begin and end.
    pub thresholds: Thresholds,
    /// How many rows tie there.
    pub ties: Ties,
    /// The errors in each bin.
    pub bins: PerBin<BinError>,
    /// The errors of each model in each bin, in the order of [`Validation::models`].
    pub by_model: Vec<ModelError>,
    /// How much more often models fail hard tasks than easy ones.
    pub gap: Estimate,
    /// All that in a sentence.
    pub sentence: String,
}

/// What was found, benchmark by benchmark.
#[derive(Clone, Debug, Serialize)]
pub struct ValidationReport {
    /// Each benchmark, then each pool's part in it.
    pub validations: Vec<Validation>,
    /// The answers that could not be mapped to a row.
    pub unmapped: Vec<Unmapped>,
}

/// A pool to validate.
pub struct PoolTasks<'p> {
    /// What it is called.
    pub name: String,
    /// What its manifest says of each benchmark's difficulty; `None` where there is no manifest.
    pub measured: Option<MeasuredParts>,
    /// Its tasks.
    pub tasks: &'p mut dyn Iterator<Item = Result<Task, EvidenceError>>,
}

/// Which scores are validated.
#[derive(Clone, Debug, Default)]
pub struct ScoredBy {
    /// `surface`, a calibration, or a folder of calibrations; default as configured.
    pub difficulty: Option<String>,
    /// Of a measured difficulty: rows with responses of fewer models are not looked at; default as configured.
    pub min_responses: Option<u64>,
}

/// Validates the scores of every benchmark that has answers, and of the tasks that pools drew of them.
///
/// # Errors
/// A store or pool that cannot be read, a pool without answers to any of its tasks, or a stop.
pub fn validate(
    gathered: Gathered,
    pools: &mut [PoolTasks<'_>],
    catalogue: &mut Catalogue<'_>,
    config: &Config,
    by: &ScoredBy,
    progress: &dyn Progress,
) -> Result<ValidationReport, EvidenceError> {
    let mut validations = Vec::new();
    let mut subjects = Vec::new();
    let of = |name: &str| config.difficulty_of(name, by.difficulty.as_deref(), by.min_responses);
    let difficulties: Vec<_> = gathered.benchmarks.iter().map(|own| (own.benchmark(), of(own.benchmark()))).collect();
    check_folder(difficulties.iter().map(|(name, difficulty)| (*name, difficulty)))?;
    for responses in &gathered.benchmarks {
        let name = responses.benchmark();
        let Some(shelf) = catalogue.shelf(name)? else { continue };
        let subject = Subject::of_store(&shelf.store, config, by, progress)?;
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
            // The row itself; where the store was rebuilt in another order, the row of the same identity. The row of another
            // identity is another task.
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
            let warning = format!(
                "{name}: {strangers} of its tasks, {stranger} the first, {} not among the rows of the stores in {}, and left out",
                if strangers == 1 { "is" } else { "are" },
                catalogue.folder().display()
            );
            progress.note(Note::Warning(&warning));
        }
        if drawn.is_empty() {
            let reason =
                "none of its tasks was answered; validate needs responses to the benchmarks that it draws from";
            return Err(EvidenceError::Insufficient { benchmark: name.clone(), reason: reason.to_owned() });
        }
        for (at, rows, is_measured) in drawn {
            let mut subject = subjects[at].drawn(name, rows);
            let benchmark = gathered.benchmarks[at].benchmark();
            match measured {
                Some(parts) => subject.set_by(parts.get(benchmark)),
                // Tasks without a manifest were drawn from this store, or do not say whose answers made their scores.
                None if is_measured && subject.panel.is_empty() => {
                    let warning = format!(
                        "{name}: the difficulty of its {benchmark} tasks was measured, and neither a manifest beside them nor the \
                         store in {} names the panel: models of it flatter these numbers, and are not left out",
                        catalogue.folder().display()
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

/// Whether a task's score was measured, by what is then kept of the features' score.
fn is_measured(task: &Task) -> bool {
    let metadata: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(task.scorer_metadata.get()).unwrap_or_default();
    MEASURED_KEYS.iter().all(|key| metadata.contains_key(*key))
}

/// The tasks of the pool at `path`, or in this folder, and what the manifest beside them says of their difficulty.
///
/// # Errors
/// No pool lies there.
pub fn pool_tasks(
    path: &Path,
) -> Result<(impl Iterator<Item = Result<Task, EvidenceError>>, Option<MeasuredParts>), EvidenceError> {
    let none = || crate::pool::PoolError::Missing { path: path.to_owned() };
    let file = if path.is_dir() { crate::pool::find_pool(path).ok_or_else(none)? } else { path.to_owned() };
    let tasks: Vec<Result<Task, _>> = crate::pool::read_pool(&file)?.collect();
    let measured = file.parent().and_then(measured_parts);
    Ok((tasks.into_iter().map(|task| task.map_err(EvidenceError::from)), measured))
}
