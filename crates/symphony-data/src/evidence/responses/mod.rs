//! Responses: the scores of models on rows.
//!
//! [`read()`] maps the responses in files and tables to the rows of preprocessed benchmarks. The result for one benchmark is
//! a [`Responses`](crate::response::Responses): for each row, each model's answer. An answer takes six bytes, so hundreds of
//! millions fit into memory.

mod catalogue;
mod columns;
mod convert;
mod evalscope;
mod every_eval_ever;
mod folder;
mod harness;
mod ids;
mod inspect;
mod locate;
mod own;
mod prompt;
mod py_irt;
mod read;
mod runs;
mod sink;
mod wide;

pub(super) use catalogue::ROWS_AT_ONCE;
pub use catalogue::{Catalogue, Shelf};
pub use convert::{Converted, ConvertedBenchmark, OwnForm, convert};
pub(super) use own::FORM;
pub use read::{Gathered, Input, ReadOptions, read};
pub use sink::Unmapped;
