//! What the Python package `symphony_data` is made of: its tasks and streams, and the calls below its `DatasetBuilder`.
//! No logic of its own: it converts, and calls the library.

#![allow(clippy::needless_pass_by_value)] // Python hands arguments over.

use std::ffi::OsString;

use pyo3::prelude::*;

mod builder;
mod errors;
mod function;
mod progress;
mod stream;
mod task;
mod work;

/// The part of `symphony_data` that is not written in Python.
#[pymodule]
#[pyo3(name = "_core")]
mod core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{builder::Builder, cli, stream::TaskStream, task::Task};

    #[allow(clippy::unnecessary_wraps)] // PyO3 asks for a result.
    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        // The panic hook is that of this file alone: other packages have their own copy of Rust's library.
        symphony_data::format::silence_decoders();
        Ok(())
    }
}

/// Runs the program `symphony-data` with these arguments, the first of which is its own name, and returns its exit code.
#[pyfunction]
fn cli(py: Python<'_>, args: Vec<OsString>) -> u8 {
    py.detach(|| symphony_data_cli::run(args))
}
