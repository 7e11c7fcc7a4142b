//! Rows as JSON text, in batches, with their origins, and access to their fields by path.
//!
//! A row keeps the bytes of the source. Fields are borrowed from it, and a field that no caller asks for is not
//! decoded.

mod batch;
mod fields;
pub(crate) mod identity;
mod json;
pub(crate) mod pattern;
pub(crate) mod python;
mod strict;
mod strings;

pub use batch::{BATCH_BYTES, Cause, Origin, RowBatch, RowFault};
pub use fields::{FieldSet, Fields};
pub use json::MAX_DEPTH;
pub(crate) use json::{decode_string, entries_of, json_reason, kind_of, length_of, paths_of, string_at, strings_of};
pub use pattern::Which;
pub(crate) use strict::{Strict, may_hold_halves};
pub(crate) use strings::{all_strings, each_string};
