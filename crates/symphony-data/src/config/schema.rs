//! JSON Schemas of what people write and of what they read, for editors and for checks elsewhere.
//!
//! They say what has which form; what fits together (a benchmark's name, a feature's) is checked when files are read.

/// Of `data_config.yaml`.
pub const CONFIG: &str = include_str!("schema/config.json");
/// Of `experiments.yaml`.
pub const EXPERIMENTS: &str = include_str!("schema/experiments.json");
/// Of one line of `task_pool.jsonl`.
pub const TASK: &str = include_str!("schema/task.json");
