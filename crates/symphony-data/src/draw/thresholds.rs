//! Published thresholds: those of a meta or a manifest, which stay when rows are added.
//!
//! The constants that scores are normalized by, and the range that they are scaled to, change with the rows. So each row gets the
//! score that it has by the published constants and range: a row that was there before keeps its score and its bin.

use std::{collections::BTreeMap, path::Path};

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::{DrawError, Joined, difficulty::Used, select::rows_error, stores::Loaded};
use crate::{
    bin::Thresholds,
    config::Benchmark,
    difficulty::{Constants, Normalization, Scorer, score::RawRange},
    disk::checksum,
    pool::MANIFEST,
    request::Exclude,
    store::meta_name,
};

/// How many rows are read at once for their features.
const ROWS_AT_ONCE: usize = 4096;

/// The thresholds of a benchmark in a meta or manifest, and the scale of the scores that they are on.
#[derive(Debug, Deserialize)]
pub(super) struct Published {
    /// Its name.
    benchmark: String,
    pub thresholds: Thresholds,
    /// Those within each value of a label.
    #[serde(default)]
    pub thresholds_within: BTreeMap<String, Thresholds>,
    normalization_constants: Constants,
    /// Absent in manifests of earlier versions.
    normalization: Option<Normalization>,
    /// Absent in a meta, whose scores are surface scores.
    difficulty: Option<Value>,
}

impl Published {
    /// Reads the thresholds of `benchmark` from a meta or manifest, or from the one in a folder.
    pub fn read(path: &Path, benchmark: &str) -> Result<Self, DrawError> {
        let wrong = |why: String| rows_error(benchmark, format!("thresholds_from: {}: {why}", path.display()));
        let file = if path.is_dir() {
            let names = [MANIFEST.to_owned(), meta_name(benchmark)];
            let found = names.iter().map(|name| path.join(name)).find(|file| file.exists());
            found.ok_or_else(|| wrong(format!("this folder holds neither {} nor {}", names[0], names[1])))?
        } else {
            path.to_owned()
        };
        let text = std::fs::read_to_string(&file).map_err(|error| {
            wrong(format!("cannot read it ({error}); name a meta or a manifest, or the folder of one"))
        })?;
        if !checksum::is_sealed(&text) {
            return Err(wrong("this is no meta or manifest that symphony-data wrote, or it was changed".to_owned()));
        }
        let content: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let parts = match content.get("benchmarks").and_then(Value::as_array) {
            Some(parts) => parts.clone(),
            None => vec![content],
        };
        let read =
            |part: Value| Self::deserialize(part).map_err(|error| wrong(format!("it has no thresholds ({error})")));
        let parts: Vec<Self> = parts.into_iter().map(read).collect::<Result<_, _>>()?;
        let known: Vec<String> = parts.iter().map(|part| part.benchmark.clone()).collect();
        let own = parts.into_iter().find(|part| part.benchmark == benchmark);
        own.ok_or_else(|| wrong(format!("it has no thresholds of {benchmark}, only of {}", known.join(", "))))
    }

    /// A warning where the thresholds come from another measured difficulty than the rows' scores.
    pub fn warning(&self, path: &Path, joined: Option<&Joined>) -> Option<String> {
        let record = &joined?.record;
        let is_other = self.difficulty.as_ref().is_some_and(|own| own["checksum"] != record.checksum);
        let name = Exclude::Path(path.to_owned()).name();
        is_other.then(|| {
            let benchmark = &self.benchmark;
            format!("{benchmark}: the thresholds of {name} are those of another calibration or reference")
        })
    }

    /// The score of every row on the scale of these thresholds; `None` if it is the score that the rows have.
    pub fn scores(
        &self,
        path: &Path,
        used: &Used,
        loaded: &Loaded,
        benchmark: &Benchmark,
    ) -> Result<Option<Vec<f64>>, DrawError> {
        let name = &benchmark.name;
        let wrong = |why: String| rows_error(name, format!("thresholds_from: {}: {why}", path.display()));
        let are_of_surface = self.difficulty.as_ref().is_none_or(|difficulty| difficulty["kind"] == "surface");
        if are_of_surface != (*used == Used::Surface) {
            let of = |surface| if surface { "surface scores" } else { "a measured difficulty" };
            let (theirs, ours) = (of(are_of_surface), of(!are_of_surface));
            return Err(wrong(format!("its thresholds are of {theirs}, but the request draws by {ours}")));
        }
        if !are_of_surface {
            // Expected errors are rates, on one scale whatever the rows.
            return Ok(None);
        }
        let meta = &loaded.store.meta;
        let range = |of: &Normalization| RawRange { min: of.raw_min, max: of.raw_max };
        let same_constants = self.normalization_constants == meta.normalization_constants;
        let published = match &self.normalization {
            Some(published) if same_constants && range(published) == range(&meta.normalization) => return Ok(None),
            Some(published) => range(published),
            None => {
                let why =
                    "it does not say which range its scores were scaled to; name the meta of its store".to_owned();
                return Err(wrong(why));
            }
        };
        let scorer = Scorer::compile(&benchmark.rule, &benchmark.identity).map_err(|problems| {
            let problems = problems.iter().map(|(feature, why)| format!("`{feature}`: {why}"));
            rows_error(name, problems.collect::<Vec<_>>().join("; "))
        })?;
        let constant = |(constant, _): &(String, usize)| {
            let value = self.normalization_constants.get(constant).and_then(Value::as_f64);
            value.ok_or_else(|| wrong(format!("it has no constant `{constant}`, so its scores came from another rule")))
        };
        let constants: Vec<f64> = scorer.constants().iter().map(constant).collect::<Result<_, _>>()?;
        let names: Vec<&str> = scorer.scored_names().collect();
        let rows: Vec<u32> = (0..loaded.store.rows()? as u32).collect();
        let of_chunk = |rows: &[u32]| {
            let tasks = loaded.store.fetch(rows)?;
            let mut columns = vec![Vec::with_capacity(tasks.len()); names.len()];
            for task in &tasks {
                let features: serde_json::Map<String, Value> =
                    serde_json::from_str(task.scorer_metadata.get()).unwrap_or_default();
                for (name, column) in names.iter().zip(&mut columns) {
                    // Every scored feature of a stored row is a number or a boolean.
                    column.push(features.get(*name).and_then(number).unwrap_or_default());
                }
            }
            let raw = scorer.raw_scores(&columns, &constants, tasks.len());
            // Rows that were added may lie outside of the published range.
            Ok(raw.into_iter().map(|raw| published.scale(raw).clamp(0.0, 1.0)).collect())
        };
        let chunks: Vec<Vec<f64>> = rows.par_chunks(ROWS_AT_ONCE).map(of_chunk).collect::<Result<_, DrawError>>()?;
        Ok(Some(chunks.concat()))
    }
}

/// The number that a feature counts as.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        value => value.as_f64(),
    }
}
