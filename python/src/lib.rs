//! The compiled part of the Python package `symphony_data`: its tasks and streams, and the calls below its
//! `DatasetBuilder`. It has no logic of its own: it converts, and calls the library.

#![allow(clippy::needless_pass_by_value)] // Python hands arguments over.

use std::ffi::OsString;

use pyo3::prelude::*;

mod builder;
mod errors;
mod function;
mod progress;
mod report;
mod shard;
mod storage;
mod stream;
mod task;
mod work;

/// The part of `symphony_data` that is not written in Python.
#[pymodule]
#[pyo3(name = "_core")]
mod core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{
        builder::Builder, cli, reference, reference_rows, report::MadeReport, shard::shard_work, stream::TaskStream,
        task::Task,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // The panic hook belongs to this file alone: other packages have their own copy of Rust's library.
        symphony_data::format::silence_decoders();
        let end_all = wrap_pyfunction!(super::work::end_all, module)?;
        module.py().import("atexit")?.call_method1("register", (end_all,))?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Runs the program `symphony-data` with these arguments, which begin with its own name, and returns its exit code.
#[pyfunction]
fn cli(py: Python<'_>, args: Vec<OsString>) -> u8 {
    py.detach(|| symphony_data_cli::run(args))
}

/// The cards of all reference difficulties, as a JSON list.
#[pyfunction]
fn reference() -> String {
    let cards: Vec<_> = symphony_data::calibration::Reference::all().iter().map(|own| &own.card).collect();
    // Cards hold finite numbers, texts and lists, so they can always be serialized.
    serde_json::to_string(&cards).unwrap_or_default()
}

/// The rows of a reference difficulty, in the order of the benchmark: identity (16 hex digits), difficulty and its standard
/// error, in logits. Empty for a benchmark without one.
#[pyfunction]
fn reference_rows(benchmark: &str) -> Vec<(String, f64, f64)> {
    let rows = symphony_data::calibration::Reference::of(benchmark).map_or(&[][..], |own| own.rows());
    rows.iter().map(|row| (format!("{:016x}", row.identity), row.difficulty, row.standard_error)).collect()
}
