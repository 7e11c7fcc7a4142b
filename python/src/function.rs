//! Python functions as features of a row.

use std::sync::Arc;

use pyo3::{
    exceptions::{PyException, PyOverflowError, PyTypeError},
    prelude::*,
    types::{PyBool, PyFloat, PyInt},
};
use symphony_data::{
    difficulty::{Cell, RowFunction},
    row::{Cause, RowFault},
};

use crate::progress::Run;

/// A function that was registered.
pub struct Registered {
    pub name: String,
    function: Py<PyAny>,
    /// `json.loads`.
    loads: Py<PyAny>,
    version: String,
}

impl Registered {
    pub fn new(py: Python<'_>, name: String, function: Py<PyAny>, version: String) -> PyResult<Self> {
        let loads = py.import("json")?.getattr("loads")?.unbind();
        Ok(Self { name, function, loads, version })
    }

    /// Its name, the function and its version.
    pub fn parts(&self, py: Python<'_>) -> (String, Py<PyAny>, String) {
        (self.name.clone(), self.function.clone_ref(py), self.version.clone())
    }

    /// The function as the library calls it in this run.
    pub fn within(&self, py: Python<'_>, run: &Arc<Run>) -> Arc<dyn RowFunction> {
        Arc::new(PyRowFunction {
            function: self.function.clone_ref(py),
            loads: self.loads.clone_ref(py),
            version: self.version.clone(),
            run: run.clone(),
        })
    }
}

/// A Python function of a row, in one run. Nothing is locked while it is called: the interpreter hands the GIL to other
/// threads in the middle, and they would wait for that lock with the GIL in hand.
struct PyRowFunction {
    function: Py<PyAny>,
    loads: Py<PyAny>,
    version: String,
    /// Ended by Ctrl-C, and by exceptions that are more than an error of this row.
    run: Arc<Run>,
}

impl PyRowFunction {
    /// The function's value; what is wrong with it, where it is not a number; or what was raised.
    fn value(&self, py: Python<'_>, row: &str) -> PyResult<Result<Cell, String>> {
        let row = self.loads.call1(py, (row,))?;
        let given = self.function.call1(py, (row,))?.into_bound(py);
        let mut value = given.clone();
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
        Ok(match value.extract::<f64>() {
            Ok(number) if number.is_finite() => Ok(Cell::Float(number)),
            Ok(_) => Err(format!("returned {}, which is not a finite number", shown(&given)?)),
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                Err(format!("returned {}, which is not a number", shown(&given)?))
            }
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
                Err(format!("returned an {} that is too large for a float", given.get_type().name()?))
            }
            Err(error) => return Err(error),
        })
    }

    fn fault(&self, py: Python<'_>, error: PyErr) -> RowFault {
        let reason = format!("raised {error}");
        if error.is_instance_of::<PyException>(py) {
            return RowFault { field: String::new(), reason, cause: Some(Cause(Arc::new(error))) };
        }
        self.run.end(error);
        RowFault { field: String::new(), reason, cause: None }
    }
}

impl RowFunction for PyRowFunction {
    fn version(&self) -> &str {
        &self.version
    }

    fn call(&self, row: &str) -> Result<Cell, RowFault> {
        let fault = |reason: String| RowFault { field: String::new(), reason, cause: None };
        let called = Python::try_attach(|py| {
            // The run may have ended while this thread waited for the interpreter.
            if self.run.is_over() {
                return Err(fault("was not called: the run was stopped".to_owned()));
            }
            match self.run.calling_feature(py, || self.value(py, row)) {
                Ok(value) => value.map_err(fault),
                Err(error) => Err(self.fault(py, error)),
            }
        });
        called.unwrap_or_else(|| Err(fault("was not called: the interpreter ends".to_owned())))
    }
}

/// A value as Python shows it, cut short.
fn shown(value: &Bound<'_, PyAny>) -> PyResult<String> {
    const LONGEST: usize = 60;
    let text = value.repr()?.to_string();
    Ok(match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    })
}
