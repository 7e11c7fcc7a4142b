//! Progress, notes and Ctrl-C between the library and Python.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
};

use pyo3::prelude::*;
use symphony_data::progress::{Download, Level, Note, Pass, Progress};

thread_local! {
    /// The run that calls Python on this thread, if one does.
    static CALLING: RefCell<Option<Arc<Run>>> = const { RefCell::new(None) };
}

/// One call of the library, and what ends it early: Ctrl-C, what a callable raised, or an exception of a feature that
/// wants the program to end.
pub struct Run {
    /// The first of these exceptions. It is set once and never taken out, so that nobody waits for it while somebody else
    /// has it and waits for the interpreter.
    ended_by: OnceLock<PyErr>,
    /// The run one of whose callables makes this one. It may wait for a folder that the outer one has: what ends that one,
    /// which alone hears of Ctrl-C, ends both.
    outer: Option<Arc<Self>>,
}

impl Run {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { ended_by: OnceLock::new(), outer: CALLING.with_borrow(Clone::clone) })
    }

    /// Calls Python on behalf of this run.
    pub fn calling<T>(self: &Arc<Self>, call: impl FnOnce() -> T) -> T {
        let outer = CALLING.replace(Some(self.clone()));
        let outcome = call();
        CALLING.set(outer);
        outcome
    }

    /// Ends the run, if nothing did before.
    pub fn end(&self, error: PyErr) {
        // Of several exceptions the first is raised.
        let _ = self.ended_by.set(error);
    }

    /// Whether something ended it: no more work is to begin.
    pub fn is_over(&self) -> bool {
        self.ended_by.get().is_some() || self.outer.as_ref().is_some_and(|outer| outer.is_over())
    }

    /// What ended it, which counts before what the library makes of that.
    pub fn ended_by(&self, py: Python<'_>) -> Option<PyErr> {
        let own = self.ended_by.get().map(|error| error.clone_ref(py));
        own.or_else(|| self.outer.as_ref()?.ended_by(py))
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
        Python::try_attach(|py| self.run.calling(|| call(py)).map_or_else(|error| self.run.end(error), drop));
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
