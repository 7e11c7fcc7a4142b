//! One file a command: its arguments, and a function that runs it.

pub mod build;
pub mod calibrate;
pub mod completions;
pub mod duplicates;
pub mod export;
pub mod init;
pub mod plan;
mod power;
pub mod preprocess;
pub mod quick_start;
pub mod reference;
pub mod report;
pub mod responses;
pub mod results;
pub mod run;
pub mod schema;
pub mod stats;
pub mod validate;
pub mod verify;

mod demo;
mod made;
