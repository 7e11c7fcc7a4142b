//! Rows as JSON text plus where they came from, a batch at a time, and access to their fields by path.
//!
//! A row stays the bytes that the source had: fields are borrowed from it, and a field that no caller asks for is passed
//! over without being decoded.

mod batch;
mod fields;
pub(crate) mod identity;
mod json;
pub(crate) mod python;
mod strict;

pub use batch::{BATCH_BYTES, Cause, Origin, RowBatch, RowFault};
pub use fields::{FieldSet, Fields};
pub use json::MAX_DEPTH;
pub(crate) use json::{decode_string, json_reason, kind_of, length_of, strings_of};
pub(crate) use strict::Strict;
