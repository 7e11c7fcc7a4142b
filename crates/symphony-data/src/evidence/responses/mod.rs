//! Responses: who answered what, and how well.
//!
//! [`read`](read::read) maps what files hold to the rows of preprocessed benchmarks; what is gathered of one benchmark is a
//! [`Responses`]: row by row, each model's answer. Six bytes an answer, so that hundreds of millions fit into memory.

mod catalogue;
mod columns;
mod harness;
mod inspect;
mod locate;
mod own;
mod read;
mod sink;

pub use catalogue::Catalogue;
pub(super) use catalogue::ROWS_AT_ONCE;
pub(super) use own::FORM;
pub use read::{Gathered, Input, ReadOptions, read};
pub use sink::Unmapped;
