//! A task: a row with its score and bin, as a store holds it and as a pool delivers it.

mod layout;
pub mod table;
mod text;

pub use layout::Layout;
pub use text::{Json, Text};

use std::{fmt, io};

use serde::{Deserialize, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use crate::bin::Bin;

/// Whether an identity of 16 hex digits is that of a row number, as in a benchmark without identity fields. It says nothing about the rows
/// of another benchmark.
pub fn is_row_number(identity: &str, source_id: &str) -> bool {
    let number = source_id.rsplit('_').next().unwrap_or_default();
    identity == format!("{:016x}", xxh3_64(number.as_bytes()))
}

/// One task of a pool, in the order of its keys on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// `exp_00000_humaneval`: its place in the stream.
    pub task_id: String,
    /// Its benchmark.
    pub benchmark: String,
    /// 0..1 within the benchmark.
    pub difficulty_score: f64,
    /// `easy`, `medium` or `hard`, by thresholds over the full benchmark.
    pub difficulty_bin: String,
    /// The row as in the source, as JSON.
    pub raw_data: Json,
    /// The row's features, as a JSON object.
    pub scorer_metadata: Json,
    /// `humaneval_26`: benchmark and row number, the task's id in its store. `None` in pools of the Python program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<Text>,
    /// 16 hex digits that identify the task everywhere. `None` in pools of the Python program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Text>,
    /// Its phase in the stream, from 1. `None` in streams without phases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<u32>,
    /// How many rows of its benchmark it stands for, from 1, where rows were drawn with chances of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The number of the stratum that it was drawn from, within its benchmark, from 1; `None` where it has no weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratum: Option<u32>,
}

impl Task {
    /// Why a task that was read is not valid although it has the right form; `None` if it is valid.
    pub fn fault(&self) -> Option<String> {
        let score = self.difficulty_score;
        if !(0.0..=1.0).contains(&score) {
            return Some(format!("its difficulty_score is {score}, not a number from 0 to 1"));
        }
        if let Some(weight) = self.weight.filter(|weight| !(weight.is_finite() && *weight >= 1.0)) {
            return Some(format!("its weight is {weight}, not a number from 1"));
        }
        let bin = &self.difficulty_bin;
        Bin::parse(bin).is_none().then(|| format!("its difficulty_bin is {bin:?}, not easy, medium or hard"))
    }

    /// The task as a view.
    pub fn view(&self) -> TaskView<'_> {
        TaskView {
            task_id: TaskId::Given(&self.task_id),
            benchmark: &self.benchmark,
            difficulty_score: self.difficulty_score,
            difficulty_bin: &self.difficulty_bin,
            raw_data: &self.raw_data,
            scorer_metadata: &self.scorer_metadata,
            source_id: self.source_id.as_ref(),
            identity: self.identity.as_ref(),
            phase: self.phase,
            weight: self.weight,
            stratum: self.stratum,
        }
    }
}

/// A borrowed task, in the order of its keys on disk; see [`Task`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TaskView<'t> {
    /// Its place in the stream.
    pub task_id: TaskId<'t>,
    /// The benchmark.
    pub benchmark: &'t str,
    /// 0..1 within the benchmark.
    pub difficulty_score: f64,
    /// `easy`, `medium` or `hard`.
    pub difficulty_bin: &'t str,
    /// The row, as JSON.
    pub raw_data: &'t Json,
    /// The features, as a JSON object.
    pub scorer_metadata: &'t Json,
    /// Benchmark and row number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<&'t Text>,
    /// 16 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<&'t Text>,
    /// Its phase in the stream, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<u32>,
    /// How many rows it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The number of its stratum, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stratum: Option<u32>,
}

/// A task's id.
#[derive(Clone, Copy, Debug)]
pub enum TaskId<'t> {
    /// An id that was given to it.
    Given(&'t str),
    /// Its place in a stream, from 0, and its benchmark: `exp_00000_humaneval`.
    Place(usize, &'t str),
}

impl fmt::Display for TaskId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(id) => f.write_str(id),
            Self::Place(place, benchmark) => write!(f, "exp_{place:05}_{benchmark}"),
        }
    }
}

impl Serialize for TaskId<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl TaskView<'_> {
    /// A copy that owns its parts.
    pub fn to_task(&self) -> Task {
        Task {
            task_id: self.task_id.to_string(),
            benchmark: self.benchmark.to_owned(),
            difficulty_score: self.difficulty_score,
            difficulty_bin: self.difficulty_bin.to_owned(),
            raw_data: self.raw_data.clone(),
            scorer_metadata: self.scorer_metadata.clone(),
            source_id: self.source_id.cloned(),
            identity: self.identity.cloned(),
            phase: self.phase,
            weight: self.weight,
            stratum: self.stratum,
        }
    }

    /// Writes the task as a line of a pool. The line is the same as the serialized task, but the row is not parsed.
    pub(crate) fn write_line(&self, to: &mut impl io::Write) -> io::Result<()> {
        fn put(to: &mut impl io::Write, before: &str, value: &impl Serialize) -> io::Result<()> {
            to.write_all(before.as_bytes())?;
            Ok(serde_json::to_writer(to, value)?)
        }
        put(to, r#"{"task_id":"#, &self.task_id)?;
        put(to, r#","benchmark":"#, &self.benchmark)?;
        put(to, r#","difficulty_score":"#, &self.difficulty_score)?;
        put(to, r#","difficulty_bin":"#, &self.difficulty_bin)?;
        write!(to, r#","raw_data":{},"scorer_metadata":{}"#, self.raw_data.get(), self.scorer_metadata.get())?;
        if let Some(source_id) = self.source_id {
            put(to, r#","source_id":"#, source_id)?;
        }
        if let Some(identity) = self.identity {
            put(to, r#","identity":"#, identity)?;
        }
        if let Some(phase) = self.phase {
            put(to, r#","phase":"#, &phase)?;
        }
        if let Some(weight) = self.weight {
            put(to, r#","weight":"#, &weight)?;
        }
        if let Some(stratum) = self.stratum {
            put(to, r#","stratum":"#, &stratum)?;
        }
        to.write_all(b"}\n")
    }
}

/// A task of a store. It has a place in its benchmark, but none in a stream.
#[derive(Clone, Debug)]
pub struct StoredTask {
    /// `humaneval_26`.
    pub task_id: Text,
    /// The benchmark.
    pub benchmark: Text,
    /// 0..1 within the benchmark.
    pub difficulty_score: f64,
    /// The bin under the configured percentiles.
    pub difficulty_bin: Bin,
    /// The row, as JSON.
    pub raw_data: Json,
    /// The features, as a JSON object.
    pub scorer_metadata: Json,
    /// 16 hex digits.
    pub identity: Text,
}

impl StoredTask {
    /// Adds members of a JSON object, separated by commas, to the task's metadata.
    pub(crate) fn add_metadata(&mut self, more: &str) {
        let own = self.scorer_metadata.get();
        let open = own.trim_end().strip_suffix('}').unwrap_or(own).trim_end();
        let comma = if open.len() > 1 { "," } else { "" };
        self.scorer_metadata = Json::trusted(format!("{open}{comma}{more}}}").into());
    }

    /// The task at place `place` (from 0) of a stream, in `bin`.
    pub fn in_stream(&self, place: usize, bin: Bin) -> TaskView<'_> {
        TaskView { task_id: TaskId::Place(place, &self.benchmark), difficulty_bin: bin.name(), ..self.alone() }
    }

    /// The task outside of a stream, under its id in the store.
    pub fn alone(&self) -> TaskView<'_> {
        TaskView {
            task_id: TaskId::Given(&self.task_id),
            benchmark: &self.benchmark,
            difficulty_score: self.difficulty_score,
            difficulty_bin: self.difficulty_bin.name(),
            raw_data: &self.raw_data,
            scorer_metadata: &self.scorer_metadata,
            source_id: Some(&self.task_id),
            identity: Some(&self.identity),
            phase: None,
            weight: None,
            stratum: None,
        }
    }
}
