//! What a pool says of the full benchmarks: how each task came to be drawn, and what is known of the rows that were not.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    AnsweredPool, Full, Missing,
    accuracy::Scores,
    estimate::{Answered, Estimated, Sample, Stratum},
    known::{Known, curve_of_error},
};
use crate::{bin::Bin, calibration::Curve, task::Task};

/// How the tasks of one benchmark were drawn.
pub(super) struct Design {
    strata: Vec<Stratum>,
    /// The pool's row of each task in the strata.
    rows: Vec<u32>,
    curves: Option<Vec<Curve>>,
    known: Option<Known>,
    chance: f64,
    /// How many rows the benchmark has, if the manifest says it.
    rows_full: Option<u64>,
    /// Why the curves of all rows do not count, if it was drawn by a measured difficulty.
    note: Option<String>,
}

impl Design {
    /// What a reader of the estimates should know.
    pub fn note(&self, benchmark: &str) -> Option<String> {
        Some(format!("{benchmark}: estimates are weighted means: {}", self.note.as_ref()?))
    }

    /// How many rows could be drawn.
    fn n_rows(&self) -> f64 {
        self.strata.iter().map(|stratum| stratum.rows).sum::<f64>().round()
    }

    /// The curves of all rows that could be drawn, if they are known.
    fn all(&self) -> Option<&[Curve]> {
        let all = self.known.as_ref().map(|known| known.curves.as_slice());
        all.filter(|all| all.len() as f64 == self.n_rows())
    }

    /// A model's answers to the tasks, with what is predicted of them.
    pub fn answered(&self, scores: &Scores, missing: Missing) -> Answered {
        let score = |row: &u32| scores.of(*row, missing).map_or(f64::NAN, |(score, _)| score);
        self.sample().answered(self.rows.iter().map(score).collect())
    }

    /// Estimates the accuracy of a model on all rows that could be drawn.
    ///
    /// # Errors
    /// Why there is no estimate.
    pub fn estimate(&self, own: &Answered) -> Result<Full, String> {
        let sample = self.sample();
        let found = sample.estimate(own).ok_or("fewer than two of its tasks have answers")?;
        let method = if sample.all.is_some() { "model-assisted" } else { "weighted mean" };
        Ok(Full {
            estimate: found.estimate,
            standard_error: found.standard_error,
            low: found.low,
            high: found.high,
            method: method.to_owned(),
            n_tasks: own.count() as u64,
            n_rows: self.n_rows() as u64,
            n_rows_full: self.rows_full,
        })
    }

    /// Estimates how much more one model solves of all rows that could be drawn than another; `None` if too few tasks have answers of both.
    pub fn compare(&self, own: &Answered, baseline: &Answered) -> Option<FullDifference> {
        let found = self.sample().compare(own, baseline)?;
        let Estimated { estimate: difference, standard_error, low, high } = found;
        Some(FullDifference { difference, standard_error, low, high })
    }

    fn sample(&self) -> Sample<'_> {
        Sample { strata: self.strata.clone(), curves: self.curves.clone(), all: self.all(), chance: self.chance }
    }
}

/// The design of each benchmark of a pool, or why it allows no estimate.
pub(super) type Designs = Vec<(String, Result<Design, String>)>;

/// What is predicted of a model's answers to the tasks of each design; `None` where that allows no estimate.
pub(super) type Predictions = Vec<Option<Answered>>;

/// How much more a model solves of a full benchmark than another, by an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FullDifference {
    /// The difference of the two accuracies, -1 to 1.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The low end of its 95 % interval.
    pub low: f64,
    /// The high end of its 95 % interval.
    pub high: f64,
}

/// How the tasks of each benchmark of a pool were drawn, or why they do not tell of the full benchmark. `rows` has the pool's row of each
/// task; calibrations are looked for at `places`, which are files or folders.
pub(super) fn designs(pool: &AnsweredPool, rows: &[u32], places: &[PathBuf]) -> Designs {
    let of = |benchmark: &str| {
        let own: Vec<(&Task, u32)> =
            pool.tasks.iter().zip(rows.iter().copied()).filter(|(task, _)| task.benchmark == benchmark).collect();
        let mut design = design(pool, benchmark, &own)?;
        let Some(record) = pool.measured.get(benchmark) else { return Ok(design) };
        let tasks: HashMap<u32, &Task> = own.iter().map(|(task, row)| (*row, *task)).collect();
        let tasks: Vec<&Task> = design.rows.iter().filter_map(|row| tasks.get(row).copied()).collect();
        let by_scores = || tasks.iter().map(|task| curve_of_error(task.difficulty_score)).collect();
        let known = Known::find(benchmark, record, places).and_then(|known| {
            let curves = tasks.iter().map(|task| known.curve(task)).collect::<Option<Vec<_>>>();
            Ok((curves.ok_or("the difficulty that it was drawn by lacks some of its tasks")?, known))
        });
        design.curves = Some(match known {
            Ok((curves, known)) => {
                design.chance = known.chance;
                design.known = Some(known);
                curves
            }
            Err(why) => {
                design.note = Some(why);
                by_scores()
            }
        });
        if design.known.is_some() && design.all().is_none() {
            design.note = Some("some rows could not be drawn, and predictions are for all rows".to_owned());
        }
        Ok(design)
    };
    let with_name = |benchmark: String| {
        let design = of(&benchmark);
        (benchmark, design)
    };
    pool.benchmarks().into_iter().map(with_name).collect()
}

/// How these tasks of one benchmark were drawn.
fn design(pool: &AnsweredPool, benchmark: &str, tasks: &[(&Task, u32)]) -> Result<Design, String> {
    let manifest = pool.manifest.as_ref();
    let parts = manifest.and_then(|manifest| manifest.get("benchmarks")?.as_array());
    let part = parts.and_then(|parts| parts.iter().find(|part| part["benchmark"] == benchmark));
    let got = part.and_then(|part| part.get("got")?.as_object());
    if let Some(got) = got
        && got.values().filter_map(Value::as_u64).sum::<u64>() != tasks.len() as u64
    {
        return Err("these are not all tasks that were drawn".to_owned());
    }
    if pool.is_changed {
        return Err("its tasks are not those that its manifest describes (checksum)".to_owned());
    }
    let is_informative = manifest.is_some_and(|manifest| manifest["request"]["select"] == "informative");
    let weighted = tasks.iter().filter(|(task, _)| task.weight.is_some()).count();
    let strata = if weighted == tasks.len() {
        by_weight(tasks, part)?
    } else if weighted > 0 || is_informative {
        return Err("some of its tasks have no weight".to_owned());
    } else {
        let (manifest, part) =
            manifest.zip(part).ok_or("no manifest says how its tasks were drawn; keep manifest.json beside them")?;
        by_bins(&manifest["request"], part, tasks)?
    };
    let (mut rows, mut numbered) = (Vec::new(), Vec::with_capacity(strata.len()));
    for (size, own, with_replacement) in strata {
        numbered.push(Stratum { rows: size, tasks: (rows.len()..rows.len() + own.len()).collect(), with_replacement });
        rows.extend(own);
    }
    let rows_full = part.and_then(|part| part["n_tasks_full"].as_u64());
    Ok(Design { strata: numbered, rows, curves: None, known: None, chance: 0.0, rows_full, note: None })
}

/// A stratum: how many rows it has, the pool's rows of its tasks, and whether they were drawn with replacement.
type Drawn = (f64, Vec<u32>, bool);

/// The strata of tasks with weights. `part` is the manifest's part of the benchmark.
///
/// # Errors
/// The weights cannot be those of a draw.
fn by_weight(tasks: &[(&Task, u32)], part: Option<&Value>) -> Result<Vec<Drawn>, String> {
    let mut strata = BTreeMap::<u32, (f64, Vec<u32>)>::new();
    let mut seen = HashSet::new();
    for (task, row) in tasks {
        let (Some(weight), Some(number)) = (task.weight, task.stratum) else {
            return Err("some of its tasks have no stratum".to_owned());
        };
        let stratum = strata.entry(number).or_insert((weight, Vec::new()));
        // Rows of a stratum are drawn with equal chances.
        if (stratum.0 - weight).abs() > 1e-9 * weight {
            return Err(format!("the weights in stratum {number} differ"));
        }
        if !seen.insert(*row) {
            return Err("a task with a weight comes twice".to_owned());
        }
        stratum.1.push(*row);
    }
    let drawn = strata.into_values().map(|(weight, own)| (weight * own.len() as f64, own, false));
    let drawn: Vec<Drawn> = drawn.collect();
    let total: f64 = drawn.iter().map(|(rows, ..)| rows).sum();
    let bins = part.and_then(|part| part["bins"].as_object());
    let could: Option<u64> = bins.map(|bins| bins.values().filter_map(Value::as_u64).sum());
    match could.map(|could| could as f64) {
        Some(could) if total < could - 0.5 => {
            Err(format!("{} of {could} rows had no chance to be drawn; ask for more tasks", (could - total).round()))
        }
        Some(could) if total > could + 0.5 => {
            Err(format!("its weights sum up to {total}, but {could} rows could be drawn"))
        }
        None if total > u32::MAX.into() => Err(format!("its weights sum up to {total} rows")),
        _ => Ok(drawn),
    }
}

/// The strata of tasks that were drawn by bin: every bin, or every bin of every value of a label.
fn by_bins(request: &Value, part: &Value, tasks: &[(&Task, u32)]) -> Result<Vec<Drawn>, String> {
    if request.get("phases").is_some() {
        return Err("a stream with phases has no one chance for each row".to_owned());
    }
    let with_replacement = request["sample_with_replacement"] == true;
    let label = request.get("stratify_by").and_then(Value::as_str);
    let cells: Vec<(Option<&str>, &Value)> = match part.get("strata").and_then(Value::as_object) {
        Some(strata) => strata.iter().map(|(value, bins)| (Some(value.as_str()), bins)).collect(),
        None => vec![(None, &part["bins"])],
    };
    let value_of = |task: &Task| -> Option<String> {
        let metadata: Map<String, Value> = serde_json::from_str(task.scorer_metadata.get()).ok()?;
        Some(metadata.get(label?)?.as_str()?.to_owned())
    };
    let values: Vec<Option<String>> = tasks.iter().map(|(task, _)| value_of(task)).collect();
    let (mut strata, mut missing) = (Vec::new(), Vec::new());
    for bin in Bin::ALL {
        for (value, bins) in &cells {
            let size = bins[bin.name()].as_u64().ok_or("its manifest does not say how large its bins are")?;
            let is_here = |(at, (task, _)): &(usize, &(&Task, u32))| {
                task.difficulty_bin == bin.name() && (value.is_none() || values[*at].as_deref() == *value)
            };
            let mut own: Vec<u32> = tasks.iter().enumerate().filter(is_here).map(|(_, (_, row))| *row).collect();
            if !with_replacement {
                let mut seen = HashSet::new();
                own.retain(|row| seen.insert(*row));
            }
            match (size, own.len() as u64) {
                (0, _) => {}
                (_, 0) => missing.push(value.map_or(bin.name().to_owned(), |value| format!("{} {value}", bin.name()))),
                (rows, tasks) if !with_replacement && tasks > rows => {
                    return Err("it has more tasks of a bin than its manifest says there are".to_owned());
                }
                (rows, _) => strata.push((rows as f64, own, with_replacement)),
            }
        }
    }
    if !missing.is_empty() {
        let more = if missing.len() > 3 { format!(" or {} more kinds of", missing.len() - 3) } else { String::new() };
        let some = missing[..missing.len().min(3)].join(" or ");
        return Err(format!("no {some}{more} tasks were drawn; draw from all bins, or informative tasks"));
    }
    Ok(strata)
}
