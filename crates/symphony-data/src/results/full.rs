//! What a pool says of the full benchmarks: how each task came to be drawn, and what is known of the rows that were not.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    AnsweredPool, Full, Missing,
    accuracy::Scores,
    estimate::{Estimated, Sample, Stratum},
};
use crate::{
    bin::Bin,
    calibration::{
        self, CalibratedRow, Curve, MeasuredRecord, Reference, asymptote, calibrated_benchmark, calibration_name,
    },
    number::function::ln,
    task::Task,
};

/// An expected error counts no nearer to 0 and 1 than this.
const LEAST_ERROR: f64 = 0.001;

/// The most folders beside a pool's that are searched for calibrations.
const MOST_FOLDERS: usize = 500;

/// How the tasks of one benchmark were drawn.
pub(super) struct Design {
    strata: Vec<Stratum>,
    /// The pool's row of each task in the strata.
    rows: Vec<u32>,
    curves: Option<Vec<Curve>>,
    known: Option<Known>,
    chance: f64,
    /// The name of the calibration that it was drawn by, if that was not found.
    lost: Option<String>,
}

impl Design {
    /// What a reader of the estimates should know.
    pub fn note(&self, benchmark: &str) -> Option<String> {
        let lost = self.lost.as_ref()?;
        Some(format!(
            "{benchmark}: {lost}, which the pool was drawn by, was not found; with it, its estimates are more precise"
        ))
    }

    /// Estimates the accuracy of a model with these scores on all rows that could be drawn.
    ///
    /// # Errors
    /// Why there is no estimate.
    pub fn estimate(&self, scores: &Scores, missing: Missing) -> Result<Full, String> {
        let sample = self.sample();
        let found = sample.estimate(&self.scores(scores, missing)).ok_or("fewer than two of its tasks have answers")?;
        let method = if sample.all.is_some() { "model-assisted" } else { "weighted mean" };
        Ok(Full {
            estimate: found.estimate,
            standard_error: found.standard_error,
            low: found.low,
            high: found.high,
            method: method.to_owned(),
        })
    }

    /// Estimates how much more one model solves of all rows that could be drawn than another; `None` if too few tasks have answers of both.
    pub fn compare(&self, scores: &Scores, baseline: &Scores, missing: Missing) -> Option<FullDifference> {
        let found = self.sample().compare(&self.scores(scores, missing), &self.scores(baseline, missing))?;
        let Estimated { estimate: difference, standard_error, low, high } = found;
        Some(FullDifference { difference, standard_error, low, high })
    }

    /// The score of each task; NaN if it does not count.
    fn scores(&self, scores: &Scores, missing: Missing) -> Vec<f64> {
        self.rows.iter().map(|row| scores.of(*row, missing).map_or(f64::NAN, |(score, _)| score)).collect()
    }

    fn sample(&self) -> Sample<'_> {
        let total: f64 = self.strata.iter().map(|stratum| stratum.rows).sum();
        // The curves of the whole benchmark count only if all of it could be drawn.
        let all = self.known.as_ref().map(|known| known.curves.as_slice());
        let all = all.filter(|all| all.len() as f64 == total.round());
        Sample { strata: self.strata.clone(), curves: self.curves.clone(), all, chance: self.chance }
    }
}

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
pub(super) fn designs(pool: &AnsweredPool, rows: &[u32], places: &[PathBuf]) -> Vec<(String, Result<Design, String>)> {
    let of = |benchmark: &str| {
        let own: Vec<(&Task, u32)> =
            pool.tasks.iter().zip(rows.iter().copied()).filter(|(task, _)| task.benchmark == benchmark).collect();
        let mut design = design(pool, benchmark, &own)?;
        let Some(record) = pool.measured.get(benchmark) else { return Ok(design) };
        let tasks: HashMap<u32, &Task> = own.iter().map(|(task, row)| (*row, *task)).collect();
        let tasks: Vec<&Task> = design.rows.iter().filter_map(|row| tasks.get(row).copied()).collect();
        let known = Known::find(benchmark, record, places);
        let curves = known.as_ref().and_then(|known| tasks.iter().map(|task| known.curve(task)).collect());
        if curves.is_none() {
            design.lost.clone_from(&record.file);
        }
        if let (Some(known), Some(_)) = (known, &curves) {
            design.chance = known.chance;
            design.known = Some(known);
        }
        design.curves =
            curves.or_else(|| Some(tasks.iter().map(|task| curve_of_error(task.difficulty_score)).collect()));
        Ok(design)
    };
    let with_name = |benchmark: String| {
        let design = of(&benchmark);
        (benchmark, design)
    };
    pool.benchmarks().into_iter().map(with_name).collect()
}

/// The places where a pool's calibrations are looked for: those that the caller names, the pool's folder, the one above, and the folders
/// in that.
pub(super) fn places(named: &[PathBuf], folder: Option<&Path>) -> Vec<PathBuf> {
    let mut places = named.to_vec();
    for above in folder.into_iter().flat_map(|folder| folder.ancestors().take(2)) {
        places.push(above.to_owned());
    }
    let above = folder.and_then(Path::parent);
    let above = above.map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let entries = above.and_then(|above| fs::read_dir(above).ok()).into_iter().flatten().take(MOST_FOLDERS);
    let mut beside: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    beside.sort();
    places.extend(beside);
    places
}

/// A row as hard as its expected error says, for a model of the panel's mean ability.
fn curve_of_error(error: f64) -> Curve {
    let error = error.clamp(LEAST_ERROR, 1.0 - LEAST_ERROR);
    Curve { difficulty: ln(error / (1.0 - error)), discrimination: 1.0 }
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
    let strata = if tasks.iter().all(|(task, _)| task.weight.is_some()) {
        by_weight(tasks)
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
    Ok(Design { strata: numbered, rows, curves: None, known: None, chance: 0.0, lost: None })
}

/// A stratum: how many rows it has, the pool's rows of its tasks, and whether they were drawn with replacement.
type Drawn = (f64, Vec<u32>, bool);

/// The strata of tasks with weights.
fn by_weight(tasks: &[(&Task, u32)]) -> Vec<Drawn> {
    let mut strata = BTreeMap::<u32, Drawn>::new();
    for (task, row) in tasks {
        let stratum = strata.entry(task.stratum.unwrap_or_default()).or_default();
        stratum.0 += task.weight.unwrap_or(1.0);
        stratum.1.push(*row);
    }
    strata.into_values().collect()
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

/// The curves of all rows of a benchmark.
struct Known {
    curves: Vec<Curve>,
    /// The place of each row, by identity and number of earlier copies, or by source_id.
    places: HashMap<String, usize>,
    chance: f64,
}

impl Known {
    /// Those of the difficulty that a pool was drawn by, if it is at hand.
    fn find(benchmark: &str, record: &MeasuredRecord, places: &[PathBuf]) -> Option<Self> {
        if record.file.is_none() {
            return Self::of_reference(benchmark, record);
        }
        let calibration = |place: &PathBuf| match calibrated_benchmark(place) {
            Some(_) => place.clone(),
            None => place.join(calibration_name(benchmark)),
        };
        places.iter().find_map(|place| Self::of_calibration(&calibration(place), record))
    }

    /// Those of a calibration, if it is the recorded one.
    fn of_calibration(path: &Path, record: &MeasuredRecord) -> Option<Self> {
        let meta = calibration::read_meta(path).ok().filter(|meta| meta.self_checksum == record.checksum)?;
        let text = fs::read_to_string(path).ok()?;
        let (mut curves, mut places) = (Vec::new(), HashMap::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            let row: CalibratedRow = serde_json::from_str(line).ok()?;
            places.insert(row.source_id.clone(), curves.len());
            curves.push(row.own_curve());
        }
        Some(Self { curves, places, chance: asymptote(meta.chance) })
    }

    /// Those of the reference difficulty, if it is the recorded one.
    fn of_reference(benchmark: &str, record: &MeasuredRecord) -> Option<Self> {
        let reference = Reference::of(benchmark).filter(|reference| reference.card.checksum == record.checksum)?;
        let (mut curves, mut places) = (Vec::new(), HashMap::new());
        for row in reference.rows() {
            places.entry(format!("{:016x}", row.identity)).or_insert(curves.len());
            curves.push(Curve { difficulty: row.difficulty, discrimination: 1.0 });
        }
        Some(Self { curves, places, chance: asymptote(reference.card.chance) })
    }

    /// The curve of a task.
    fn curve(&self, task: &Task) -> Option<Curve> {
        let id = |id: &Option<crate::task::Text>| id.as_ref().and_then(|id| self.places.get(id.as_str())).copied();
        let place = id(&task.source_id).or_else(|| id(&task.identity))?;
        self.curves.get(place).copied()
    }
}
