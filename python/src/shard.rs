//! Stage 1 by workers that Python starts: the driver's jobs go out through a function of Python's, and a worker does each by
//! `shard_work`.

use std::{error::Error as StdError, sync::Arc};

use pyo3::{
    prelude::*,
    types::{PyBytes, PyIterator},
};
use symphony_data::{
    Error,
    preprocess::shard::{Workers, work},
};

use crate::{errors, function::Registered, progress::Run, storage::storage};

/// Does a job that a driver made, and returns its outcome. `functions` are those that the rule uses, each with its name and
/// version.
#[pyfunction]
pub fn shard_work(
    py: Python<'_>,
    job: Vec<u8>,
    functions: Vec<(String, Py<PyAny>, String)>,
) -> PyResult<Bound<'_, PyBytes>> {
    let run = Run::new();
    let storage = storage(&run);
    let registered = |(name, function, version): (String, Py<PyAny>, String)| {
        let function = Registered::new(py, name.clone(), function, version)?.within(py, &run);
        Ok((name, function))
    };
    let functions = functions.into_iter().map(registered).collect::<PyResult<Vec<_>>>()?;
    let outcome = py.detach(|| work(&job, &functions, Some(&storage)));
    if let Some(raised) = run.ended_by(py) {
        return Err(raised);
    }
    let outcome = outcome.map_err(|error| errors::raised(py, &Error::from(error)))?;
    Ok(PyBytes::new(py, &outcome))
}

/// Workers behind a function of Python's: it gets the jobs as a list of bytes, and yields the number and the outcome of each as
/// it is done.
pub struct PyWorkers {
    pub jobs: Py<PyAny>,
    pub run: Arc<Run>,
}

impl PyWorkers {
    fn outcomes(
        &self,
        py: Python<'_>,
        jobs: &[Vec<u8>],
        done: &mut dyn FnMut(usize) -> bool,
    ) -> PyResult<Vec<Vec<u8>>> {
        let mut outcomes = vec![Vec::new(); jobs.len()];
        let jobs: Vec<Bound<'_, PyBytes>> = jobs.iter().map(|job| PyBytes::new(py, job)).collect();
        let yielded: Bound<'_, PyIterator> = self.jobs.bind(py).call1((jobs,))?.try_iter()?;
        let mut count = 0;
        let mut next = yielded.clone();
        // Ctrl-C interrupts the wait for the next outcome.
        while let Some(outcome) = self.run.calling_feature(py, || next.next()) {
            let (at, outcome): (usize, Vec<u8>) = outcome?.extract()?;
            if let Some(place) = outcomes.get_mut(at) {
                *place = outcome;
            }
            count += 1;
            if !done(count) {
                // The jobs that are under way are called off.
                yielded.call_method0("close")?;
                break;
            }
        }
        Ok(outcomes)
    }
}

impl Workers for PyWorkers {
    fn run(
        &self,
        jobs: Vec<Vec<u8>>,
        done: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<u8>>, Box<dyn StdError + Send + Sync>> {
        let outcomes = Python::try_attach(|py| self.outcomes(py, &jobs, done));
        match outcomes {
            Some(Ok(outcomes)) => Ok(outcomes),
            Some(Err(error)) => {
                // It is raised as it is.
                let said = error.to_string();
                self.run.end(error);
                Err(said.into())
            }
            None => Err("the interpreter ends".into()),
        }
    }
}
