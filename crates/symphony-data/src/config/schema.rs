//! JSON Schemas of the files that people write and of those that they read, for editors and for checks elsewhere.
//!
//! They describe the form alone; references between parts, such as the names of benchmarks and features, are checked when
//! files are read.

use serde_json::Value;

use crate::difficulty::functions;

/// The schema of `experiments.yaml`.
pub const EXPERIMENTS: &str = include_str!("schema/experiments.json");
/// The schema of one line of `task_pool.jsonl`.
pub const TASK: &str = include_str!("schema/task.json");

/// The schema of `data_config.yaml`. The feature functions say themselves which arguments they take.
pub fn config() -> String {
    // The built-in file is JSON: the tests read it.
    let mut schema: Value = serde_json::from_str(include_str!("schema/config.json")).unwrap_or_default();
    schema["$defs"]["feature"] = functions::schema();
    format!("{schema:#}\n")
}
