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
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct StoredTask<'l> {
    /// `humaneval_26`.
    pub task_id: &'l str,
    /// The benchmark.
    pub benchmark: &'l str,
    /// 0..1 within the benchmark.
    pub difficulty_score: f64,
    /// The bin under the configured percentiles.
    pub difficulty_bin: &'l str,
    /// The row, as JSON.
    #[serde(borrow)]
    pub raw_data: &'l RawValue,
    /// The features, as a JSON object.
    #[serde(borrow)]
    pub scorer_metadata: &'l RawValue,
    /// 16 hex digits.
    pub identity: &'l str,
}

impl StoredTask<'_> {
    /// The task at place `place` (from 0) of a stream, in `bin`.
    pub fn in_stream(&self, place: usize, bin: &str) -> Task {
        self.named(format!("exp_{place:05}_{}", self.benchmark), bin)
    }

    /// The task by itself: its id in the store is the only one that it has.
    pub fn alone(&self) -> Task {
        self.named(self.task_id.to_owned(), self.difficulty_bin)
    }

    fn named(&self, task_id: String, bin: &str) -> Task {
        Task {
            task_id,
            benchmark: self.benchmark.to_owned(),
            difficulty_score: self.difficulty_score,
            difficulty_bin: bin.to_owned(),
            raw_data: self.raw_data.to_owned(),
            scorer_metadata: self.scorer_metadata.to_owned(),
            source_id: Some(self.task_id.to_owned()),
            identity: Some(self.identity.to_owned()),
        }
    }
}
