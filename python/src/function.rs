//! Python functions as features of a row.

use std::sync::Mutex;

use pyo3::{
    exceptions::PyException,
    prelude::*,
    types::{PyBool, PyFloat, PyInt},
};
use symphony_data::difficulty::{Cell, RowFunction};

/// A Python function of a row.
pub struct PyRowFunction {
    function: Py<PyAny>,
    /// `json.loads`.
    loads: Py<PyAny>,
    version: String,
    /// The first exception that it raised.
    raised: Mutex<Option<PyErr>>,
}

impl PyRowFunction {
    pub fn new(py: Python<'_>, function: Py<PyAny>, version: String) -> PyResult<Self> {
        let loads = py.import("json")?.getattr("loads")?.unbind();
        Ok(Self { function, loads, version, raised: Mutex::new(None) })
    }

    /// What it raised, for the exception that follows from it.
    pub fn taken(&self) -> Option<PyErr> {
        self.raised.lock().ok()?.take()
    }

    /// What it raised, if that is no mere error but wants the program to end.
    pub fn taken_fatal(&self) -> Option<PyErr> {
        let mut raised = self.raised.lock().ok()?;
        let fatal =
            Python::try_attach(|py| raised.as_ref().is_some_and(|error| !error.is_instance_of::<PyException>(py)));
        if fatal? { raised.take() } else { None }
    }

    fn value(&self, py: Python<'_>, row: &str) -> PyResult<Result<Cell, String>> {
        let row = self.loads.call1(py, (row,))?;
        let value = self.function.call1(py, (row,))?;
        let mut value = value.into_bound(py);
        let is_number = value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>();
        if !is_number && value.hasattr("item")? {
            // A number of NumPy's: the number of Python's that it stands for.
            value = value.call_method0("item")?;
        }
        if let Ok(flag) = value.cast::<PyBool>() {
            return Ok(Ok(Cell::Bool(flag.is_true())));
        }
        if value.is_instance_of::<PyInt>()
            && let Ok(whole) = value.extract()
        {
            return Ok(Ok(Cell::Int(whole)));
        }
        let number: f64 = value.extract()?;
        Ok(if number.is_finite() { Ok(Cell::Float(number)) } else { Err(format!("gave {number}, which is no score")) })
    }
}

impl RowFunction for PyRowFunction {
    fn version(&self) -> &str {
        &self.version
    }

    fn call(&self, row: &str) -> Result<Cell, String> {
        let called = Python::try_attach(|py| {
            self.value(py, row).unwrap_or_else(|error| {
                let why = format!("raised {error}");
                if let Ok(mut raised) = self.raised.lock() {
                    raised.get_or_insert(error);
                }
                Err(why)
            })
        });
        called.unwrap_or_else(|| Err("the interpreter ends".to_owned()))
    }
}
