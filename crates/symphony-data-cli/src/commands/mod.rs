//! One file a command.

pub mod build;
pub mod completions;
pub mod init;
pub mod plan;
pub mod preprocess;
pub mod quick_start;
pub mod run;
pub mod schema;
pub mod stats;
pub mod verify;

mod report;

/// Where preprocessed benchmarks lie if nobody says.
const FULL_DIR: &str = "data/benchmarks/full";
