//! Validation: how far a difficulty score foretells which tasks real models fail.

use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use super::{
    ANSWERS_BETWEEN_QUESTIONS, EvidenceError,
    reliability::ceiling,
    responses::{Catalogue, Gathered, ROWS_AT_ONCE, Unmapped},
};
use crate::{
    bin::{Bin, PerBin, Thresholds},
    calibration::{MEASURED_KEYS, MeasuredRecord},
    config::Config,
    difficulty::Normalization,
    draw::{Joined, check_folder, resolved},
    number::{
        correlation::{pearson, spearman, tidied},
        mean,
        random::Random,
    },
    pool::manifest::{MeasuredParts, measured_parts},
    progress::{Note, Progress},
    response::Responses,
    store::Store,
    task::{StoredTask, Task},
};

/// How often rows and models are drawn again for an interval.
const RESAMPLES: usize = 1000;
/// How much is done for them at most, in answers looked at; but no fewer resamples than 100.
const RESAMPLED_ANSWERS: usize = 1_000_000_000;
/// With fewer easy or hard tasks than that, nothing is said of the bins.
const FEW_TASKS: u64 = 10;
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
    /// How often models fail them: the mean, over rows, of the mean error of the models; `None` of no rows.
    pub error: Option<f64>,
}

/// How many rows have the very score that a bin begins or ends at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ties {
    /// At the greatest score of easy tasks.
    pub easy: u64,
    /// At the least of hard ones.
    pub hard: u64,
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
    /// By how much hard tasks fail more often than easy ones.
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

/// A row that a pool drew, its score and its bin.
type DrawnRow = (u32, f64, Bin);

/// What is validated: scores and bins of some rows.
struct Subject {
    pool: Option<String>,
    method: String,
    /// The models whose answers the score was made from.
    panel: Vec<String>,
    /// Of every row of the store; NaN where it is none of those looked at.
    scores: Vec<f64>,
    bins: Vec<Bin>,
    thresholds: Thresholds,
    /// The config of each row, as a number, and their names; empty where there are none.
    groups: Vec<u32>,
    group_names: Vec<String>,
}

impl Subject {
    fn of_store(store: &Store, config: &Config, by: &ScoredBy, progress: &dyn Progress) -> Result<Self, EvidenceError> {
        let name = &store.meta.benchmark;
        let asked = by.difficulty.as_deref();
        let (measured, warning) = resolved(name, &config.difficulty_of(name, asked, by.min_responses));
        if let Some(warning) = warning {
            progress.note(Note::Warning(&warning));
        }
        let joined = match measured {
            None => None,
            Some(own) => Some(Joined::read(name, &own, &store.identities()?, store.meta.rejected_rows, progress)?),
        };
        let mut scores = store.scores()?;
        if let Some(joined) = &joined {
            let eligible = |row: usize, score: f64| if joined.is_eligible(row as u32) { score } else { f64::NAN };
            scores = joined.scores.iter().enumerate().map(|(row, score)| eligible(row, *score)).collect();
        }
        let known: Vec<f64> = scores.iter().copied().filter(|score| !score.is_nan()).collect();
        let cut = if asked == Some("surface") { config.store_cut_of(name) } else { config.cut_of(name) };
        let thresholds = Thresholds::of(&known, cut).ok_or_else(|| EvidenceError::Insufficient {
            benchmark: name.clone(),
            reason: "none of its rows has responses of enough models (min_responses)".to_owned(),
        })?;
        let bins = scores.iter().map(|score| thresholds.bin(*score)).collect();
        let field = config
            .benchmark(&store.meta.benchmark)
            .filter(|benchmark| benchmark.configs.len() > 1)
            .and_then(|benchmark| benchmark.config_field.clone());
        let (mut groups, mut group_names) = (Vec::new(), Vec::new());
        if let Some(field) = field {
            let rows: Vec<u32> = (0..scores.len() as u32).collect();
            for some in rows.chunks(ROWS_AT_ONCE) {
                if progress.cancelled() {
                    return Err(EvidenceError::Cancelled);
                }
                for task in store.fetch(some)? {
                    let name = text_of(&task, &field);
                    let known = group_names.iter().position(|known| *known == name);
                    groups.push(known.unwrap_or_else(|| {
                        group_names.push(name);
                        group_names.len() - 1
                    }) as u32);
                }
            }
        }
        let mut subject = Self {
            pool: None,
            method: store.meta.normalization.method.clone(),
            panel: Vec::new(),
            scores,
            bins,
            thresholds,
            groups,
            group_names,
        };
        subject.set_by(joined.as_ref().map(|joined| &joined.record));
        Ok(subject)
    }

    /// Notes whose answers made the scores, if they were made of answers.
    fn set_by(&mut self, measured: Option<&MeasuredRecord>) {
        self.panel = measured.iter().flat_map(|measured| &measured.panel).map(|model| model.name.clone()).collect();
        if measured.is_some() { Normalization::EXPECTED_ERROR } else { Normalization::MIN_MAX }
            .clone_into(&mut self.method);
    }

    /// The same of what a pool drew: its own scores and bins, each row once.
    fn drawn(&self, pool: &str, rows: Vec<DrawnRow>) -> Self {
        let mut scores = vec![f64::NAN; self.scores.len()];
        let mut bins = vec![Bin::Medium; self.scores.len()];
        let (mut easy, mut hard) = (f64::NEG_INFINITY, f64::INFINITY);
        for (row, score, bin) in rows {
            scores[row as usize] = score;
            bins[row as usize] = bin;
            match bin {
                Bin::Easy => easy = easy.max(score),
                Bin::Hard => hard = hard.min(score),
                Bin::Medium => {}
            }
        }
        Self {
            pool: Some(pool.to_owned()),
            method: self.method.clone(),
            panel: self.panel.clone(),
            scores,
            bins,
            thresholds: Thresholds { easy, hard },
            groups: self.groups.clone(),
            group_names: self.group_names.clone(),
        }
    }

    fn validate(&self, responses: &Responses, progress: &dyn Progress) -> Result<Validation, EvidenceError> {
        let is_panel = |name: &str| self.panel.iter().any(|known| known == name);
        let names = || responses.models().iter().map(|model| model.name.clone());
        let left_out: Vec<String> = names().filter(|name| is_panel(name)).collect();
        // Where nobody else answered, these must do, and it is said.
        let in_sample = left_out.len() == responses.models().len();
        let kept;
        let (responses, left_out) = if in_sample || left_out.is_empty() {
            (responses, Vec::new())
        } else {
            kept = responses.only(|model| !is_panel(&model.name));
            (&kept, left_out)
        };
        let errors = responses.errors();
        let rows: Vec<usize> =
            (0..errors.len()).filter(|row| !errors[*row].is_nan() && !self.scores[*row].is_nan()).collect();
        if rows.is_empty() {
            return Err(EvidenceError::Insufficient {
                benchmark: self.pool.clone().unwrap_or_else(|| responses.benchmark().to_owned()),
                reason: format!("none of its {} tasks was answered", responses.benchmark()),
            });
        }
        let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let sample = Sample {
            scores: pick(&self.scores),
            errors: pick(&errors),
            bins: rows.iter().map(|row| self.bins[*row]).collect(),
        };
        let (gap, by_bin) = sample.gap();
        let replicas = self.resampled(responses, &rows, progress)?;
        let estimate = |value: Option<f64>, at: usize| {
            interval(value, replicas.iter().filter_map(|replica| replica[at]).collect())
        };
        let within = self.within(&rows, &errors);
        let weighted = |within: &Within| within.spearman.map(|r| (r * within.rows as f64, within.rows as f64));
        let (sum, total) =
            within.iter().filter_map(weighted).fold((0.0, 0.0), |(sum, total), (r, n)| (sum + r, total + n));
        let at = |threshold: f64| sample.scores.iter().filter(|score| **score == threshold).count() as u64;
        let gap = estimate(gap, 2);
        Ok(Validation {
            benchmark: responses.benchmark().to_owned(),
            pool: self.pool.clone(),
            method: self.method.clone(),
            rows: rows.len() as u64,
            models: responses.models().iter().map(|model| model.name.clone()).collect(),
            left_out,
            in_sample,
            spearman: estimate(spearman(&sample.scores, &sample.errors), 0),
            pearson: estimate(pearson(&sample.scores, &sample.errors), 1),
            spearman_within: (total > 0.0).then(|| sum / total),
            within,
            ceiling: ceiling(responses, &rows, progress)?,
            thresholds: self.thresholds,
            ties: Ties { easy: at(self.thresholds.easy), hard: at(self.thresholds.hard) },
            bins: by_bin,
            sentence: sentence(gap, by_bin),
            gap,
        })
    }

    fn within(&self, rows: &[usize], errors: &[f64]) -> Vec<Within> {
        if self.groups.is_empty() || self.group_names.len() < 2 {
            return Vec::new();
        }
        let of_group = |(group, name): (usize, &String)| {
            let own: Vec<usize> = rows.iter().copied().filter(|row| self.groups[*row] as usize == group).collect();
            let (scores, errors): (Vec<f64>, Vec<f64>) =
                own.iter().map(|row| (self.scores[*row], errors[*row])).unzip();
            let (spearman, error) = (spearman(&scores, &errors), mean(&errors));
            Within { name: name.clone(), rows: own.len() as u64, spearman, error }
        };
        self.group_names.iter().enumerate().map(of_group).filter(|within| within.rows > 0).collect()
    }

    /// Spearman, Pearson and gap of rows and models that are drawn again.
    fn resampled(
        &self,
        responses: &Responses,
        rows: &[usize],
        progress: &dyn Progress,
    ) -> Result<Vec<[Option<f64>; 3]>, EvidenceError> {
        let models = responses.models().len();
        let times = RESAMPLES.min(RESAMPLED_ANSWERS / responses.len().max(1)).max(100);
        let replica = |number: usize| {
            let mut random = Random::new(number as u64);
            let mut until_question = 0;
            let mut weights = vec![0.0; models];
            (0..models).for_each(|_| weights[random.below(models as u64) as usize] += 1.0);
            let mut sample = Sample::default();
            for _ in rows {
                let row = rows[random.below(rows.len() as u64) as usize];
                let answers = responses.answers(row);
                // Rows without answers take their time too.
                match answers.len().max(1) {
                    n if n <= until_question => until_question -= n,
                    _ if progress.cancelled() => return Err(EvidenceError::Cancelled),
                    _ => until_question = ANSWERS_BETWEEN_QUESTIONS,
                }
                let (sum, total) = answers.fold((0.0, 0.0), |(sum, total), answer| {
                    let weight: f64 = weights[answer.model];
                    (sum + weight * (1.0 - answer.score), total + weight)
                });
                // Of the models that were drawn, none may have answered it.
                if total > 0.0 {
                    sample.scores.push(self.scores[row]);
                    sample.errors.push(tidied(sum / total));
                    sample.bins.push(self.bins[row]);
                }
            }
            Ok([spearman(&sample.scores, &sample.errors), pearson(&sample.scores, &sample.errors), sample.gap().0])
        };
        (0..times).into_par_iter().map(replica).collect()
    }
}

/// The text of a row's field.
fn text_of(task: &StoredTask, field: &str) -> String {
    let value = |json: &str| -> Option<String> {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
        Some(object.get(field)?.as_str()?.to_owned())
    };
    value(task.scorer_metadata.get()).or_else(|| value(task.raw_data.get())).unwrap_or_default()
}

#[derive(Default)]
struct Sample {
    scores: Vec<f64>,
    errors: Vec<f64>,
    bins: Vec<Bin>,
}

impl Sample {
    /// The gap, and the errors of each bin.
    fn gap(&self) -> (Option<f64>, PerBin<BinError>) {
        let mut sums = PerBin::<(u64, f64)>::default();
        for (bin, error) in self.bins.iter().zip(&self.errors) {
            sums[*bin].0 += 1;
            sums[*bin].1 += error;
        }
        let of_bin = |(rows, sum): (u64, f64)| BinError { rows, error: (rows > 0).then(|| sum / rows as f64) };
        let bins = PerBin { easy: of_bin(sums.easy), medium: of_bin(sums.medium), hard: of_bin(sums.hard) };
        (bins.hard.error.zip(bins.easy.error).map(|(hard, easy)| hard - easy), bins)
    }
}

/// The number with the middle 95 % of what it was when rows and models were drawn again.
fn interval(value: Option<f64>, mut replicas: Vec<f64>) -> Estimate {
    let mut at = |q| crate::number::percentile(&mut replicas, q);
    Estimate { value, low: value.and(at(2.5)), high: value.and(at(97.5)) }
}

/// What the gap means, as a person would say it.
fn sentence(gap: Estimate, bins: PerBin<BinError>) -> String {
    let (Some(value), Some(low)) = (gap.value, gap.low) else {
        let bin = if bins.easy.rows == 0 { Bin::Easy } else { Bin::Hard };
        return format!("no {} task was answered, so that nothing can be said of the bins", bin.name());
    };
    let points = 100.0 * value.abs();
    let few = bins.easy.rows.min(bins.hard.rows);
    let too_few;
    let (how, verdict) = if few < FEW_TASKS {
        too_few = format!("{} easy and {} hard are too few to tell", bins.easy.rows, bins.hard.rows);
        (if value < 0.0 { "less" } else { "more" }, &too_few[..])
    } else if points < 0.05 {
        return "hard tasks fail as often as easy ones; these bins do not separate them".to_owned();
    } else if gap.high.is_some_and(|high| high < 0.0) {
        ("less", "these bins are the wrong way round for these models")
    } else if low <= 0.0 {
        (if value < 0.0 { "less" } else { "more" }, "chance alone could do that: these bins do not separate them")
    } else if value < 0.1 {
        ("more", "these bins barely separate them")
    } else if value < 0.25 {
        ("more", "these bins separate them somewhat")
    } else {
        ("more", "these bins separate them")
    };
    format!("hard tasks fail {points:.1} points {how} often than easy ones; {verdict}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_that_rounds_to_nothing_is_none() {
        let of = |value: f64| {
            let bin = BinError { rows: 100, error: Some(0.5) };
            let gap = Estimate { value: Some(value), low: Some(value - 0.1), high: Some(value + 0.1) };
            sentence(gap, PerBin { easy: bin, medium: bin, hard: bin })
        };
        let none = "hard tasks fail as often as easy ones; these bins do not separate them";
        assert_eq!([of(0.0), of(-0.000_4), of(0.000_4)], [none, none, none]);
        let little = "hard tasks fail 0.1 points less often than easy ones; chance alone could do that: these bins do not separate them";
        assert_eq!(of(-0.001), little);
    }
}
