//! Pools of language model tasks of controlled difficulty, the same for the same seed.
//!
//! How data flows, and the rooms that it passes through:
//!
//! ```text
//! source ─► difficulty ─► store                                            stage 1, driven by preprocess
//!           store.scores() ─► bins ► allocate ► sample ► order ─► draws    stage 2, driven by draw
//!           store.fetch(draws) ─► pool
//! ```
//!
//! No stage uses a later one. The library prints nothing: it reports through [`progress::Progress`], and returns an
//! [`Error`] when something goes wrong.
//!
//! ```
//! use symphony_data::{DatasetBuilder, request::RequestSpec};
//!
//! # fn main() -> Result<(), symphony_data::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let full = folder.path().join("full");
//! let builder = DatasetBuilder::from_yaml("demo.yaml", "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=500'}}")?;
//! builder.preprocess_all_benchmarks(&full, Default::default())?;
//! let tasks = builder.build_task_stream(
//!     &RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 20, ..RequestSpec::default() },
//!     &full,
//! )?;
//! assert_eq!(tasks.len(), 20);
//! assert_eq!(tasks.iter().filter(|task| task.difficulty_bin == "easy").count(), 10);
//! # Ok(())
//! # }
//! ```

// The rooms, in order: each uses only those above it.

// Leaves: they know nothing about the product.
pub mod hint;
pub mod progress;
mod parallel;
pub mod number;
pub mod disk;
pub mod yaml;
pub mod row;
pub mod format;

// Words: the types that every stage uses.
pub mod bin;
pub mod task;
pub mod prompt;
pub mod request;
pub mod response;
pub mod calibration;

// Stage 1, once per benchmark.
pub mod source;
pub mod difficulty;
pub mod duplicates;
pub mod store;
pub mod config;
pub mod preprocess;

// Stage 2, per request.
pub mod stream;
pub mod pool;
pub mod draw;
pub mod verify;
pub mod compare;

// Side rooms: they read the output of the stages.
pub mod irt;
pub mod evidence;
pub mod results;
pub mod export;
pub mod report;
mod error;
pub mod builder;

pub use builder::{DatasetBuilder, TaskStream};
pub use error::Error;
pub use hint::Hint;

/// The tool's name and version, as metas and manifests record them.
pub const TOOL: &str = concat!("symphony-data ", env!("CARGO_PKG_VERSION"));
