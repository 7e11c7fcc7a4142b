//! Progress, notes and Ctrl-C between the library and Python.

use std::{
    cell::{Cell, RefCell},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use pyo3::{exceptions::PyKeyboardInterrupt, prelude::*};
use symphony_data::progress::{Download, Level, Note, Pass, Progress};

thread_local! {
    /// The run that calls Python on this thread, if one does.
    static CALLING: RefCell<Option<Arc<Run>>> = const { RefCell::new(None) };
    /// Python's number for this thread, once it was asked for.
    static IDENT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// One call of the library, and what ends it early: Ctrl-C, an exception that a callable raised, or an exception of a
/// feature that wants the program to end.
pub struct Run {
    /// The first of these exceptions. It is set once and never taken out, so that no thread waits for it while another has
    /// it and waits for the interpreter.
    ended_by: OnceLock<PyErr>,
    /// The calls of the caller's functions that are under way, each with its thread if it may be interrupted. A thread enters
    /// and leaves while it holds the interpreter.
    calls: Mutex<Vec<Option<u64>>>,
    /// The run one of whose callables makes this one. It may wait for a folder that the outer one has: an end of the outer
    /// run, which alone hears of Ctrl-C, ends both.
    outer: Option<Arc<Self>>,
}

impl Run {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { ended_by: OnceLock::new(), calls: Mutex::default(), outer: CALLING.with_borrow(Clone::clone) })
    }

    /// Calls a feature, which Ctrl-C may interrupt.
    pub fn calling_feature<T>(self: &Arc<Self>, py: Python<'_>, call: impl FnOnce() -> T) -> T {
        self.calling(ident(py), call)
    }

    /// Tells a function of the caller's about the run. Ctrl-C does not interrupt it: progress bars and logs hold locks that
    /// would never be released.
    fn telling<T>(self: &Arc<Self>, call: impl FnOnce() -> T) -> T {
        self.calling(None, call)
    }

    fn calling<T>(self: &Arc<Self>, thread: Option<u64>, call: impl FnOnce() -> T) -> T {
        let outer = CALLING.replace(Some(self.clone()));
        self.calls().push(thread);
        let outcome = call();
        let mut calls = self.calls();
        if let Some(at) = calls.iter().rposition(|inside| *inside == thread) {
            calls.swap_remove(at);
        }
        drop(calls);
        CALLING.set(outer);
        outcome
    }

    fn calls(&self) -> MutexGuard<'_, Vec<Option<u64>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call of a function of the caller's is under way.
    pub fn is_calling(&self) -> bool {
        !self.calls().is_empty()
    }

    /// Raises `KeyboardInterrupt` in the features under way: each meets it at its next step in Python. A call that waits in
    /// C, such as `time.sleep`, returns first.
    pub fn interrupt_calls(&self, py: Python<'_>) {
        let threads = self.calls().clone();
        let interrupt = || -> PyResult<()> {
            let ctypes = py.import("ctypes")?;
            let raise = ctypes.getattr("pythonapi")?.getattr("PyThreadState_SetAsyncExc")?;
            let exception = ctypes.call_method1("py_object", (py.get_type::<PyKeyboardInterrupt>(),))?;
            for thread in threads.into_iter().flatten() {
                raise.call1((ctypes.call_method1("c_ulong", (thread,))?, &exception))?;
            }
            Ok(())
        };
        // Where Python was built without ctypes, the calls run to their end.
        let _ = interrupt();
    }

    /// Ends the run, unless it has ended already.
    pub fn end(&self, error: PyErr) {
        // Of several exceptions the first is raised.
        let _ = self.ended_by.set(error);
    }

    /// Whether the run has ended: no more work should begin.
    pub fn is_over(&self) -> bool {
        self.ended_by.get().is_some() || self.outer.as_ref().is_some_and(|outer| outer.is_over())
    }

    /// The exception that ended it, which counts before the error that the library makes of that.
    pub fn ended_by(&self, py: Python<'_>) -> Option<PyErr> {
        let own = self.ended_by.get().map(|error| error.clone_ref(py));
        own.or_else(|| self.outer.as_ref()?.ended_by(py))
    }
}

/// Python's number for this thread.
fn ident(py: Python<'_>) -> Option<u64> {
    if let Some(known) = IDENT.get() {
        return Some(known);
    }
    let found = py.import("threading").and_then(|threading| threading.call_method0("get_ident")?.extract());
    IDENT.set(found.ok());
    IDENT.get()
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
        Python::try_attach(|py| self.run.telling(|| call(py)).map_or_else(|error| self.run.end(error), drop));
    }

    /// The run that is told about.
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    fn show(&self, benchmark: &str, stage: &str, done: u64, total: Option<u64>) {
        let Some(progress) = self.progress.as_ref().filter(|_| !self.run.is_over()) else { return };
        self.call(|py| progress.call1(py, (benchmark, stage, done, total)));
    }
}

impl Progress for PyProgress {
    fn rows(&self, benchmark: &str, pass: Pass, done: u64, total: Option<u64>) {
        self.show(benchmark, pass.name(), done, total);
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
