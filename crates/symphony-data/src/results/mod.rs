//! Results: how well models do on a pool, how sure that is, and which of them are better.
//!
//! A side room: no stage uses it. It matches responses to the tasks of a pool (`read.rs`), and needs no preprocessed benchmark.

mod accuracy;
mod compare;
mod csv;
mod error;
pub mod estimate;
mod full;
mod group;
mod known;
pub mod paired;
pub mod power;
mod read;

pub use accuracy::Accuracy;
pub use compare::Comparison;
pub(crate) use compare::points;
pub use error::ResultsError;
pub use full::FullDifference;
pub use group::By;
pub(crate) use known::places;
pub use read::AnsweredPool;

use std::path::PathBuf;

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use crate::{
    config::{Benchmark, Config},
    evidence::responses::{Input, ReadOptions, Unmapped},
    progress::Progress,
    source::SourcePath,
};
use full::{Design, Predictions};
use group::Group;
use read::{Answers, ModelAnswers, Selection};

/// The most unanswered tasks that are named.
const MOST_NAMED: usize = 3;

/// How intervals and p-values are computed.
const METHOD: &str = "Accuracy: Wilson's interval with the number of independent answers that has the variance between tasks \
    (copies, repeats and tries of a task are one cluster), and Student's t. Difference: Wald's interval with two added pseudo-tasks \
    (Agresti and Min), and a sign-flip test of the tasks' differences (mid-p).";

/// What to do with tasks that a model did not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Leave them out.
    #[default]
    LeaveOut,
    /// Count them as wrong.
    Wrong,
}

impl Missing {
    /// `leave_out` or `wrong`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "leave_out" => Some(Self::LeaveOut),
            "wrong" => Some(Self::Wrong),
            _ => None,
        }
    }
}

/// What results are wanted.
#[derive(Clone, Debug, Default)]
pub struct ResultsOptions {
    /// Only these models; empty for all that have responses.
    pub models: Vec<String>,
    /// Compare every other model with this one.
    pub baseline: Option<String>,
    /// Also give the accuracy on groups of tasks.
    pub by: Vec<By>,
    /// What to do with tasks that a model did not answer.
    pub missing: Missing,
    /// Where to look for the calibrations that the pool was drawn by, besides its own folder and those beside it: files, or folders.
    /// With the calibration of a benchmark, the estimate of its full accuracy is more precise.
    pub calibrations: Vec<PathBuf>,
    /// Which lines and scores of logs to read.
    pub read: ReadOptions,
}

/// The pool that results are of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolSummary {
    /// Its name, or the path that it was read from.
    pub name: String,
    /// The number of its tasks.
    pub n_tasks: u64,
    /// The number of its distinct tasks.
    pub n_distinct: u64,
    /// How many of its tasks have no answer of any model.
    pub unanswered: u64,
    /// Its benchmarks, sorted by name.
    pub benchmarks: Vec<String>,
    /// Whether any of its tasks is generated.
    pub synthetic: bool,
}

/// An estimate of a model's accuracy on a full benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Full {
    /// The estimate, from 0 to 1.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The low end of its 95 % interval.
    pub low: f64,
    /// The high end of its 95 % interval.
    pub high: f64,
    /// How it was made: `model-assisted`, or `weighted mean`.
    pub method: String,
    /// How many tasks with answers it is made of.
    pub n_tasks: u64,
    /// How many rows could be drawn: those that it is an estimate of.
    pub n_rows: u64,
    /// How many rows the benchmark has; `None` if no manifest says it.
    pub n_rows_full: Option<u64>,
}

/// The results of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelResult {
    /// The model's name.
    pub model: String,
    /// Its family, if the responses name it.
    pub family: Option<String>,
    /// Its accuracy on the pool.
    pub accuracy: Accuracy,
    /// The first few tasks of the pool without an answer, by `source_id`.
    pub unanswered_tasks: Vec<String>,
    /// Whether the difficulty that the pool was drawn by was fitted to answers of this model; `None` if it is not known, because the
    /// difficulty was measured and no manifest names its panel.
    pub in_sample: Option<bool>,
    /// For each benchmark, the estimated accuracy on all of its rows, or why there is none.
    pub full: Vec<(String, Result<Full, String>)>,
    /// The accuracy on groups of tasks: what they are grouped by, and then each group.
    pub by: Groups<Accuracy>,
    /// Its score on each task of the pool, from 0 to 1, in the order of the stream; `None` where it has no answer. It is not
    /// written as JSON.
    pub scores: Vec<Option<f64>>,
}

impl Serialize for ModelResult {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'m> {
            model: &'m str,
            #[serde(skip_serializing_if = "Option::is_none")]
            family: Option<&'m str>,
            #[serde(flatten)]
            accuracy: Accuracy,
            unanswered_tasks: &'m [String],
            in_sample: Option<bool>,
            full: Option<Map<'m, &'m Full>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            why: Option<String>,
            by: Map<'m, Map<'m, &'m Accuracy>>,
        }
        let full: Vec<_> =
            self.full.iter().filter_map(|(name, full)| Some((name.as_str(), full.as_ref().ok()?))).collect();
        let why: Vec<String> = self
            .full
            .iter()
            .filter_map(|(name, full)| full.as_ref().err().map(|why| format!("{name}: {why}")))
            .collect();
        let by = self.by.iter().map(|(by, groups)| {
            (by.as_str(), Map(groups.iter().map(|(group, accuracy)| (group.as_str(), accuracy)).collect()))
        });
        let written = Written {
            model: &self.model,
            family: self.family.as_deref(),
            accuracy: self.accuracy,
            unanswered_tasks: &self.unanswered_tasks,
            in_sample: self.in_sample,
            full: (!full.is_empty()).then_some(Map(full)),
            why: (!why.is_empty()).then(|| why.join("; ")),
            by: Map(by.collect()),
        };
        written.serialize(to)
    }
}

/// Pairs that are written as a map, in their order.
struct Map<'m, V>(Vec<(&'m str, V)>);

impl<V: Serialize> Serialize for Map<'_, V> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// How well models do on a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Results {
    /// The pool.
    pub pool: PoolSummary,
    /// The models, best first.
    pub models: Vec<ModelResult>,
    /// The comparisons of models.
    pub comparisons: Vec<Comparison>,
    /// How intervals and p-values were computed.
    pub method: &'static str,
    /// What a reader of the comparisons has to know, in sentences.
    pub notes: Vec<String>,
    /// What a reader of the estimates of full benchmarks has to know, and of who is IN-SAMPLE.
    pub pool_notes: Vec<String>,
    /// The answers that were left out, by reason, without those to tasks outside of the pool.
    pub unmapped: Vec<Unmapped>,
    /// How many answers are to tasks outside of the pool.
    pub outside: u64,
}

/// Computes the results of the models with these responses on a pool.
///
/// # Errors
/// The pool's tasks have no ids or are generated while the configuration has real ones, the responses cannot be read or
/// none is to a task of the pool, the tasks cannot be grouped as asked, the baseline has no responses, or the caller asked
/// to stop.
pub fn results(
    pool: &AnsweredPool,
    inputs: &[Input],
    config: &Config,
    options: &ResultsOptions,
    progress: &dyn Progress,
) -> Result<Results, ResultsError> {
    let benchmarks = pool.benchmarks();
    let configured: Vec<_> = benchmarks.iter().filter_map(|name| config.benchmark(name)).collect();
    let is_generated = |own: &&Benchmark| matches!(own.source, SourcePath::Synthetic { .. });
    if pool.synthetic && !configured.is_empty() && !configured.iter().any(is_generated) {
        return Err(ResultsError::Generated { pool: pool.name.clone() });
    }
    let groups = group::groups(pool, &options.by)?;
    let mut answers = Answers::read(pool, inputs, config, &options.read, progress)?;
    answers.models = only(std::mem::take(&mut answers.models), &options.models)?;
    let has_none = |row: &&u32| answers.models.iter().all(|own| own.scores.score[**row as usize].is_nan());
    let unanswered = answers.rows.iter().filter(has_none).count() as u64;
    let all = Selection::of(answers.rows.iter().copied(), &answers.clusters);
    let select = |Group { name, tasks }: Group| {
        (name, Selection::of(tasks.into_iter().map(|task| answers.rows[task]), &answers.clusters))
    };
    let groups: Groups<Selection> =
        groups.into_iter().map(|(by, groups)| (by, groups.into_iter().map(select).collect())).collect();
    let (outside, unmapped): (Vec<Unmapped>, Vec<Unmapped>) =
        std::mem::take(&mut answers.gathered.unmapped).into_iter().partition(|unmapped| unmapped.outside);
    let places = known::places(&options.calibrations, pool.folder.as_deref());
    let designs = full::designs(pool, &answers.rows, &places);
    let predict = |own: &ModelAnswers| -> Predictions {
        let of = |design: &Design| design.answered(&own.scores, options.missing);
        designs.iter().map(|(_, design)| design.as_ref().ok().map(of)).collect()
    };
    let predicted: Vec<Predictions> = answers.models.par_iter().map(predict).collect();
    let of_model = |(at, own): (usize, &ModelAnswers)| {
        if progress.cancelled() {
            return Err(ResultsError::Stopped);
        }
        let full = designs.iter().zip(&predicted[at]).map(|((benchmark, design), own)| {
            let estimate = match (design, own) {
                (Ok(design), Some(own)) => design.estimate(own),
                (Err(why), _) => Err(why.clone()),
                (Ok(_), None) => Err(String::new()),
            };
            (benchmark.clone(), estimate)
        });
        let full = full.collect();
        Ok((at, ModelResult { full, ..of_model(own, pool, (&all, &groups), &answers.rows, options.missing) }))
    };
    let mut models: Vec<(usize, ModelResult)> =
        answers.models.par_iter().enumerate().map(of_model).collect::<Result<_, _>>()?;
    models.sort_by(|(_, a), (_, b)| {
        let accuracy = |own: &ModelResult| own.accuracy.accuracy.unwrap_or(-1.0);
        accuracy(b).total_cmp(&accuracy(a)).then_with(|| a.model.cmp(&b.model))
    });
    let (order, models): (Vec<usize>, Vec<ModelResult>) = models.into_iter().unzip();
    let baseline = options.baseline.as_deref();
    let (comparisons, notes) = compare::comparisons(
        &answers.models,
        &order,
        (&all, &designs, &predicted),
        baseline,
        options.missing,
        progress,
    )?;
    let of_designs = designs.iter().filter_map(|(benchmark, design)| design.as_ref().ok()?.note(benchmark));
    let pool_notes = pool.notes().into_iter().chain(of_designs).collect();
    Ok(Results {
        pool: PoolSummary {
            name: pool.name.clone(),
            n_tasks: all.n_tasks(),
            n_distinct: all.clusters().count() as u64,
            unanswered,
            benchmarks,
            synthetic: pool.synthetic,
        },
        models,
        comparisons,
        method: METHOD,
        notes,
        pool_notes,
        unmapped,
        outside: outside.iter().map(|unmapped| unmapped.answers).sum(),
    })
}

/// The models of these names, or as other publications spell them; all if there are no names.
fn only(models: Vec<ModelAnswers>, names: &[String]) -> Result<Vec<ModelAnswers>, ResultsError> {
    let known = || models.iter().map(|own| own.model.name.clone()).collect();
    for name in names {
        if !models.iter().any(|own| own.model.is_like(name)) {
            return Err(ResultsError::NoSuchModel { model: name.clone(), models: known() });
        }
    }
    let is_wanted = |own: &ModelAnswers| names.is_empty() || names.iter().any(|name| own.model.is_like(name));
    Ok(models.into_iter().filter(is_wanted).collect())
}

/// Groups of tasks, such as `bin`, and then `easy`.
pub type Groups<T> = Vec<(String, Vec<(String, T)>)>;

/// One model's results, without estimates on full benchmarks.
fn of_model(
    own: &ModelAnswers,
    pool: &AnsweredPool,
    (all, groups): (&Selection, &Groups<Selection>),
    rows: &[u32],
    missing: Missing,
) -> ModelResult {
    let unanswered = own.scores.unanswered(all);
    let mut unanswered_tasks: Vec<String> = Vec::new();
    for (task, row) in pool.tasks.iter().zip(rows) {
        if unanswered_tasks.len() == MOST_NAMED || unanswered == 0 {
            break;
        }
        let source_id = task.source_id.as_ref().map_or("", |id| id.as_str());
        if own.scores.score[*row as usize].is_nan() && !unanswered_tasks.iter().any(|known| known == source_id) {
            unanswered_tasks.push(source_id.to_owned());
        }
    }
    let by = groups.iter().map(|(by, groups)| {
        let of_group =
            |(name, selection): &(String, Selection)| (name.clone(), Accuracy::of(selection, &own.scores, missing));
        (by.clone(), groups.iter().map(of_group).collect())
    });
    ModelResult {
        model: own.model.name.clone(),
        family: own.model.family.clone(),
        accuracy: Accuracy::of(all, &own.scores, missing),
        unanswered_tasks,
        in_sample: pool.is_in_sample(&own.model.name),
        full: Vec::new(),
        by: by.collect(),
        scores: rows.iter().map(|row| Some(own.scores.score[*row as usize]).filter(|score| !score.is_nan())).collect(),
    }
}
