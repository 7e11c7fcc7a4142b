//! Progress, notes and Ctrl-C between the library and Python.

use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;
use symphony_data::progress::{Download, Level, Note, Pass, Progress};

/// One call of the library, and what ends it early: Ctrl-C, what a callable raised, or an exception of a feature that
/// wants the program to end.
#[derive(Default)]
pub struct Run {
    /// The first of these exceptions. It is set once and never taken out, so that nobody waits for it while somebody else
    /// has it and waits for the interpreter.
    ended_by: OnceLock<PyErr>,
}

impl Run {
    /// Ends the run, if nothing did before.
    pub fn end(&self, error: PyErr) {
        // Of several exceptions the first is raised.
        let _ = self.ended_by.set(error);
    }

    /// Whether something ended it: no more work is to begin.
    pub fn is_over(&self) -> bool {
        self.ended_by.get().is_some()
    }

    /// What ended it, which counts before what the library makes of that.
    pub fn ended_by(&self, py: Python<'_>) -> Option<PyErr> {
        self.ended_by.get().map(|error| error.clone_ref(py))
    }
}

/// Tells Python's callables what the library does, and the library when its run is over.
pub struct PyProgress {
    /// `(benchmark, stage, done, total)`.
    progress: Option<Py<PyAny>>,
    /// `(level, message)`.
    note: Py<PyAny>,
    run: Arc<Run>,
}

impl PyProgress {
    pub fn new(progress: Option<Py<PyAny>>, note: Py<PyAny>, run: Arc<Run>) -> Self {
        Self { progress, note, run }
    }

    /// Calls one of Python's callables; what it raises ends the run.
    fn call(&self, call: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>) {
        Python::try_attach(|py| call(py).map_or_else(|error| self.run.end(error), drop));
    }

    fn show(&self, benchmark: &str, stage: &str, done: u64, total: Option<u64>) {
        let Some(progress) = &self.progress else { return };
        self.call(|py| progress.call1(py, (benchmark, stage, done, total)));
    }
}

impl Progress for PyProgress {
    fn rows(&self, benchmark: &str, pass: Pass, done: u64, total: Option<u64>) {
        let stage = match pass {
            Pass::Score => "scoring",
            Pass::Write => "writing",
        };
        self.show(benchmark, stage, done, total);
    }

    fn download(&self, benchmark: &str, download: Download) {
        self.show(benchmark, "downloading", download.bytes, Some(download.total_bytes));
    }

    fn note(&self, note: Note<'_>) {
        let level = match note.level() {
            Level::Detail => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
        };
        self.call(|py| self.note.call1(py, (level, note.to_string())));
    }

    fn cancelled(&self) -> bool {
        self.run.is_over()
    }
}

/// Listens for Ctrl-C alone.
impl Progress for Run {
    fn cancelled(&self) -> bool {
        self.is_over()
    }
}
