//! Storage that URLs name, as the Python module `symphony_data._storage` reaches it.

use std::{fmt, io, ops::Range, path::Path, sync::Arc};

use pyo3::{
    call::PyCallArgs,
    exceptions::{PyException, PyFileNotFoundError, PyPermissionError},
    prelude::*,
    types::PyBytes,
};
use symphony_data::disk::storage::{Stamp, Storage};

use crate::progress::Run;

/// The storage as the library reaches it in this run.
pub fn storage(run: &Arc<Run>) -> Arc<dyn Storage> {
    Arc::new(PyStorage { run: run.clone() })
}

struct PyStorage {
    /// Ended by Ctrl-C, and by exceptions that are more than an error of the storage.
    run: Arc<Run>,
}

impl fmt::Debug for PyStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PyStorage")
    }
}

impl PyStorage {
    /// Calls a function of the module, and converts what it returns by `take`.
    fn call<T>(
        &self,
        function: &str,
        arguments: impl for<'py> PyCallArgs<'py>,
        take: impl FnOnce(Bound<'_, PyAny>) -> PyResult<T>,
    ) -> io::Result<T> {
        let called = Python::try_attach(|py| {
            if self.run.is_over() {
                return Err(io::Error::other("the run was stopped"));
            }
            let call = || take(py.import("symphony_data._storage")?.getattr(function)?.call1(arguments)?);
            self.run.calling_feature(py, call).map_err(|error| self.failed(py, error))
        });
        called.unwrap_or_else(|| Err(io::Error::other("the interpreter ends")))
    }

    fn failed(&self, py: Python<'_>, error: PyErr) -> io::Error {
        let kind = if error.is_instance_of::<PyFileNotFoundError>(py) {
            io::ErrorKind::NotFound
        } else if error.is_instance_of::<PyPermissionError>(py) {
            io::ErrorKind::PermissionDenied
        } else {
            io::ErrorKind::Other
        };
        let said = error.value(py).to_string();
        if !error.is_instance_of::<PyException>(py) {
            self.run.end(error);
        }
        io::Error::new(kind, said)
    }
}

impl Storage for PyStorage {
    fn list(&self, folder: &str, below: bool) -> io::Result<Vec<(String, Stamp)>> {
        let files: Vec<(String, u64, u64)> = self.call("listed", (folder, below), |files| files.extract())?;
        Ok(files.into_iter().map(|(name, bytes, modified)| (name, Stamp { bytes, modified })).collect())
    }

    fn stamp(&self, url: &str) -> io::Result<Stamp> {
        let (bytes, modified) = self.call("stamp", (url,), |stamp| stamp.extract())?;
        Ok(Stamp { bytes, modified })
    }

    fn read(&self, url: &str, bytes: Range<u64>) -> io::Result<Vec<u8>> {
        self.call("read", (url, bytes.start, bytes.end), |read| Ok(read.cast::<PyBytes>()?.as_bytes().to_vec()))
    }

    fn put(&self, file: &Path, url: &str) -> io::Result<()> {
        self.call("put", (file, url), |_| Ok(()))
    }

    fn remove(&self, folder: &str) -> io::Result<()> {
        self.call("remove", (folder,), |_| Ok(()))
    }
}
