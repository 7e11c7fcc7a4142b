//! Progress, notes and Ctrl-C between the library and Python.

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use symphony_data::progress::{Download, Level, Note, Pass, Progress, printable_line};

use crate::function::PyRowFunction;

/// Tells Python's callables what the library does, and listens for what ends it.
pub struct PyProgress {
    /// `(benchmark, stage, done, total)`.
    progress: Option<Py<PyAny>>,
    /// `(level, message)`.
    note: Py<PyAny>,
    /// Whose exceptions may end the work too.
    functions: Vec<Arc<PyRowFunction>>,
    /// What a callable raised, or Ctrl-C: it ends the work.
    raised: Mutex<Option<PyErr>>,
}

impl PyProgress {
    pub fn new(progress: Option<Py<PyAny>>, note: Py<PyAny>) -> Self {
        Self { progress, note, functions: Vec::new(), raised: Mutex::new(None) }
    }

    /// The same, ended by what these functions raise where it is no mere error.
    pub fn with_functions(self, functions: impl IntoIterator<Item = Arc<PyRowFunction>>) -> Self {
        Self { functions: functions.into_iter().collect(), ..self }
    }

    /// What was raised meanwhile, which counts before what the library makes of it.
    pub fn taken(&self) -> Option<PyErr> {
        self.raised.lock().ok()?.take()
    }

    /// Keeps an exception, if it is the first.
    pub fn interrupt(&self, error: PyErr) {
        if let Ok(mut raised) = self.raised.lock() {
            raised.get_or_insert(error);
        }
    }

    fn keep<T>(&self, outcome: PyResult<T>) {
        if let Err(error) = outcome {
            self.interrupt(error);
        }
    }

    fn show(&self, benchmark: &str, stage: &str, done: u64, total: Option<u64>) {
        let Some(progress) = &self.progress else { return };
        Python::try_attach(|py| self.keep(progress.call1(py, (benchmark, stage, done, total))));
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
        Python::try_attach(|py| self.keep(self.note.call1(py, (level, printable_line(&note.to_string())))));
    }

    fn cancelled(&self) -> bool {
        if let Some(fatal) = self.functions.iter().find_map(|function| function.taken_fatal()) {
            self.interrupt(fatal);
        }
        self.raised.lock().map_or(true, |raised| raised.is_some())
    }
}
