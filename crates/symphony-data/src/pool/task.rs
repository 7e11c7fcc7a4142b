//! A task: the record at the output edge.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One task of a pool, in the order of its keys on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// `exp_00000_humaneval`: its place in the stream.
    pub task_id: String,
    /// The benchmark it is of.
    pub benchmark: String,
    /// 0..1 within the benchmark.
    pub difficulty_score: f64,
    /// `easy`, `medium` or `hard`, by thresholds over the full benchmark.
    pub difficulty_bin: String,
    /// The row as the source has it, as JSON.
    pub raw_data: Box<RawValue>,
    /// The features that were read off it, as a JSON object.
    pub scorer_metadata: Box<RawValue>,
    /// `humaneval_26`: benchmark and row number, the task's id in its store. Pools of the Python program have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// 16 hex digits that say which task this is, anywhere. Pools of the Python program have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// One line of a store: a task that stands in its benchmark, not in a stream.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredTask {
    /// `humaneval_26`.
    pub task_id: String,
    /// The benchmark.
    pub benchmark: String,
    /// 0..1 within the benchmark.
    pub difficulty_score: f64,
    /// The bin under the configured percentiles.
    pub difficulty_bin: String,
    /// The row, as JSON.
    pub raw_data: Box<RawValue>,
    /// The features, as a JSON object.
    pub scorer_metadata: Box<RawValue>,
    /// 16 hex digits.
    pub identity: String,
}

/// A stored task by itself: its id in the store is the only one that it has.
impl From<StoredTask> for Task {
    fn from(stored: StoredTask) -> Self {
        Self {
            source_id: Some(stored.task_id.clone()),
            task_id: stored.task_id,
            benchmark: stored.benchmark,
            difficulty_score: stored.difficulty_score,
            difficulty_bin: stored.difficulty_bin,
            raw_data: stored.raw_data,
            scorer_metadata: stored.scorer_metadata,
            identity: Some(stored.identity),
        }
    }
}

impl StoredTask {
    /// The task at place `place` (from 0) of a stream, in `bin`.
    pub fn into_task(self, place: usize, bin: &str) -> Task {
        Task {
            task_id: format!("exp_{place:05}_{}", self.benchmark),
            benchmark: self.benchmark,
            difficulty_score: self.difficulty_score,
            difficulty_bin: bin.to_owned(),
            raw_data: self.raw_data,
            scorer_metadata: self.scorer_metadata,
            source_id: Some(self.task_id),
            identity: Some(self.identity),
        }
    }
}
