//! `TaskStream`: tasks in order, a sequence and a table at once.

use std::{path::PathBuf, sync::OnceLock};

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, UInt64Array, cast::AsArray};
use arrow_select::take::take_record_batch;
use pyo3::{
    exceptions::{PyImportError, PyIndexError, PyValueError},
    prelude::*,
    types::{PyDict, PyList, PySlice, PyTuple, PyType},
};
use pyo3_arrow::PyTable;
use symphony_data::{draw::load_preprocessed_table, pool::manifest::PoolManifest, task::table};

use crate::{errors, progress::Run, task::Task, work};

/// Tasks in the order in which they are to be given.
///
/// Each look at a place gives a task of its own: what is changed in it is not changed in the stream. Make a list of them to
/// change them: ``tasks = list(stream)``.
///
/// A sequence of :class:`Task` (``len``, indexing, slicing, iteration, ``==``), and a table of columns in Arrow's memory,
/// which ``pyarrow.table(stream)``, ``polars.from_arrow(stream.to_arrow())`` and DuckDB read without a copy: ``task_id``,
/// ``benchmark``, ``difficulty_score`` (float, 0 to 1), ``difficulty_bin``, ``raw_data`` and ``scorer_metadata`` (both as
/// JSON text), ``source_id`` and ``identity``.
///
/// >>> from symphony_data import Task, TaskStream
/// >>> stream = TaskStream([Task("exp_00000_quiz", "quiz", 0.25, "easy", {"question": "Why?"}, {"words": 1})])
/// >>> stream
/// <TaskStream: 1 task (quiz); 1 easy>
/// >>> stream[0].raw_data
/// {'question': 'Why?'}
#[pyclass(module = "symphony_data", frozen, weakref)]
pub struct TaskStream {
    batches: OnceLock<Vec<RecordBatch>>,
    /// Where the tasks are read from when they are first wanted: folder and benchmark.
    stored: Option<(PathBuf, String)>,
    length: usize,
    /// How it was drawn, if it was.
    manifest: Option<PoolManifest>,
}

impl TaskStream {
    /// A stream of these batches of [`table::schema`].
    pub fn of_batches(batches: Vec<RecordBatch>) -> Self {
        let length = batches.iter().map(RecordBatch::num_rows).sum();
        Self { batches: OnceLock::from(batches), stored: None, length, manifest: None }
    }

    /// A stream that was drawn.
    pub fn drawn(batches: Vec<RecordBatch>, manifest: PoolManifest) -> Self {
        Self { manifest: Some(manifest), ..Self::of_batches(batches) }
    }

    /// A preprocessed benchmark of this many tasks, read when somebody looks.
    pub fn stored(folder: PathBuf, benchmark: String, length: usize) -> Self {
        Self { batches: OnceLock::new(), stored: Some((folder, benchmark)), length, manifest: None }
    }

    fn batches(&self, py: Python<'_>) -> PyResult<&[RecordBatch]> {
        if let (None, Some((folder, benchmark))) = (self.batches.get(), &self.stored) {
            let run = Run::new();
            let read = work::beside(py, &run, || load_preprocessed_table(benchmark, folder, &*run));
            if let Some(raised) = run.ended_by(py) {
                return Err(raised);
            }
            let read = Self::of_batches(read.map_err(|error| errors::raised(py, &error.into()))?);
            if read.length != self.length {
                let message = format!("{benchmark} in {} was preprocessed anew since; load it again", folder.display());
                return Err(errors::exception(py, "SymphonyDataError", &message));
            }
            // Where another thread was first, its batches are the same.
            let _ = self.batches.set(read.batches.into_inner().unwrap_or_default());
        }
        Ok(self.batches.get().map_or(&[], Vec::as_slice))
    }

    fn task(&self, py: Python<'_>, index: usize) -> PyResult<Task> {
        let mut row = index;
        for batch in self.batches(py)? {
            if row < batch.num_rows() {
                return Ok(Task::of(batch, row));
            }
            row -= batch.num_rows();
        }
        Err(PyIndexError::new_err("task index out of range"))
    }

    /// The tasks at these places.
    fn taken(&self, py: Python<'_>, start: isize, length: usize, step: isize) -> PyResult<Self> {
        let batches = self.batches(py)?;
        let failed = |error: arrow_schema::ArrowError| PyValueError::new_err(error.to_string());
        if step == 1 {
            let (mut skip, mut left) = (start as usize, length);
            let mut slices = Vec::new();
            for batch in batches {
                let from = skip.min(batch.num_rows());
                let n = left.min(batch.num_rows() - from);
                slices.extend((n > 0).then(|| batch.slice(from, n)));
                (skip, left) = (skip - from, left - n);
            }
            return Ok(Self::of_batches(slices));
        }
        let all = arrow_select::concat::concat_batches(&table::schema(), batches).map_err(failed)?;
        let places = (0..length as isize).map(|i| (start + i * step) as u64).collect::<UInt64Array>();
        Ok(Self::of_batches(vec![take_record_batch(&all, &places).map_err(failed)?]))
    }

    fn table(&self, py: Python<'_>) -> PyResult<PyTable> {
        PyTable::try_new(self.batches(py)?.to_vec(), table::schema())
    }

    /// How many tasks have each text of a column, in the order in which they first come.
    fn counts(&self, py: Python<'_>, column: usize) -> PyResult<Vec<(String, usize)>> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for batch in self.batches(py)? {
            for text in batch.column(column).as_string::<i32>().iter().flatten() {
                match counts.iter_mut().find(|(known, _)| known == text) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((text.to_owned(), 1)),
                }
            }
        }
        Ok(counts)
    }

    /// The library's tasks.
    pub fn to_library(&self, py: Python<'_>) -> PyResult<Vec<symphony_data::task::Task>> {
        (0..self.length).map(|at| self.task(py, at)?.to_library(py)).collect()
    }
}

/// The library's tasks of any iterable of tasks.
pub fn to_library(tasks: &Bound<'_, PyAny>) -> PyResult<Vec<symphony_data::task::Task>> {
    let py = tasks.py();
    if let Ok(stream) = tasks.cast::<TaskStream>() {
        return stream.get().to_library(py);
    }
    // A copy, as other threads may look at the task while Python writes its data as text.
    let copy = |task: &Bound<'_, PyAny>| Ok::<_, PyErr>(task.cast::<Task>()?.borrow().clone_ref(py));
    tasks.try_iter()?.map(|task| copy(&task?)?.to_library(py)).collect()
}

/// How these tasks were drawn, where they are a stream that was: a part of one, or a list, no longer says.
pub fn manifest_of(tasks: &Bound<'_, PyAny>) -> Option<PoolManifest> {
    tasks.cast::<TaskStream>().ok()?.get().manifest.clone()
}

#[pymethods]
impl TaskStream {
    #[new]
    fn new(tasks: &Bound<'_, PyAny>) -> PyResult<Self> {
        let tasks = to_library(tasks)?;
        let views: Vec<_> = tasks.iter().map(symphony_data::task::Task::view).collect();
        let batches = table::batches(&views).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self::of_batches(batches))
    }

    fn __len__(&self) -> usize {
        self.length
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = index.py();
        if let Ok(slice) = index.cast::<PySlice>() {
            let places = slice.indices(self.length as isize)?;
            return Ok(Bound::new(py, self.taken(py, places.start, places.slicelength, places.step)?)?.into_any());
        }
        let index: isize = index.extract()?;
        let from_start = if index < 0 { index + self.length as isize } else { index };
        let place = usize::try_from(from_start).map_err(|_| PyIndexError::new_err("task index out of range"))?;
        Ok(Bound::new(py, self.task(py, place)?)?.into_any())
    }

    fn __iter__(this: Py<Self>) -> Tasks {
        Tasks { stream: this, next: 0, step: 1 }
    }

    fn __reversed__(this: Py<Self>) -> Tasks {
        let last = this.get().length as isize - 1;
        Tasks { stream: this, next: last, step: -1 }
    }

    fn __contains__(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.find(py, value, 0, self.length)?.is_some())
    }

    /// The place of the first task that equals `value`, from `start` to before `stop`.
    #[pyo3(signature = (value, start=0, stop=None))]
    fn index(&self, py: Python<'_>, value: &Bound<'_, PyAny>, start: isize, stop: Option<isize>) -> PyResult<usize> {
        let place = |at: isize| if at < 0 { (at + self.length as isize).max(0) as usize } else { at as usize };
        let found = self.find(py, value, place(start), stop.map_or(self.length, place).min(self.length))?;
        found.ok_or_else(|| PyValueError::new_err("this task is not in the stream"))
    }

    /// How many tasks equal `value`.
    fn count(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut count = 0;
        let mut from = 0;
        while let Some(at) = self.find(py, value, from, self.length)? {
            count += 1;
            from = at + 1;
        }
        Ok(count)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = other.py();
        let same = if let Ok(other) = other.cast::<Self>() {
            let other = other.get();
            // As text first; what is written otherwise may still mean the same.
            self.length == other.length
                && (columns_equal(self.batches(py)?, other.batches(py)?) || self.tasks_equal(py, other)?)
        } else if let Ok(list) = other.cast::<PyList>() {
            let mut same = list.len() == self.length;
            for (at, task) in list.iter().enumerate() {
                same = same && Bound::new(py, self.task(py, at)?)?.eq(task)?;
            }
            same
        } else {
            return Ok(py.NotImplemented());
        };
        Ok(same.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let tasks = if self.length == 1 { "1 task".to_owned() } else { format!("{} tasks", self.length) };
        // What cannot be read any more is still a stream of so many tasks.
        let (Ok(benchmarks), Ok(mut bins)) = (self.counts(py, 1), self.counts(py, 3)) else {
            return format!("<TaskStream: {tasks}>");
        };
        if self.length == 0 {
            return format!("<TaskStream: {tasks}>");
        }
        bins.sort_by_key(|(bin, _)| ["easy", "medium", "hard"].iter().position(|known| known == bin));
        let benchmarks: Vec<String> = benchmarks.into_iter().map(|(name, _)| name).collect();
        let bins: Vec<String> = bins.into_iter().map(|(bin, count)| format!("{count} {bin}")).collect();
        format!("<TaskStream: {tasks} ({}); {}>", benchmarks.join(", "), bins.join(", "))
    }

    /// The tasks as a ``pyarrow.Table``, without a copy. Needs pyarrow.
    fn to_arrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.table(py)?.into_pyarrow(py)
    }

    /// The tasks as a ``pandas.DataFrame``; ``raw_data`` and ``scorer_metadata`` are JSON text. Needs pandas.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pandas = py
            .import("pandas")
            .map_err(|_| PyImportError::new_err("to_pandas needs pandas: pip install 'symphony-data[pandas]'"))?;
        let columns = PyDict::new(py);
        for (at, field) in table::schema().fields().iter().enumerate() {
            let column = PyList::empty(py);
            for batch in self.batches(py)? {
                let array: &ArrayRef = batch.column(at);
                if let Some(scores) = array.as_any().downcast_ref::<Float64Array>() {
                    scores.iter().try_for_each(|score| column.append(score))?;
                } else {
                    array.as_string::<i32>().iter().try_for_each(|text| column.append(text))?;
                }
            }
            columns.set_item(field.name(), column)?;
        }
        pandas.call_method1("DataFrame", (columns,))
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.table(py)?)?.call_method1("__arrow_c_stream__", (requested_schema,))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.table(py)?)?.call_method0("__arrow_c_schema__")
    }

    fn __reduce__<'py>(this: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        let py = this.py();
        let tasks = PyList::empty(py);
        for at in 0..this.get().length {
            tasks.append(Bound::new(py, this.get().task(py, at)?)?)?;
        }
        Ok((this.get_type(), (tasks,).into_pyobject(py)?))
    }
}

impl TaskStream {
    fn tasks_equal(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        for at in 0..self.length {
            if !Bound::new(py, self.task(py, at)?)?.eq(Bound::new(py, other.task(py, at)?)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn find(&self, py: Python<'_>, value: &Bound<'_, PyAny>, from: usize, to: usize) -> PyResult<Option<usize>> {
        if value.cast::<Task>().is_err() {
            return Ok(None);
        }
        for at in from..to {
            if Bound::new(py, self.task(py, at)?)?.eq(value)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

/// Whether two streams of the same length hold the same, however they are cut into batches.
fn columns_equal(one: &[RecordBatch], two: &[RecordBatch]) -> bool {
    let texts = |batches: &[RecordBatch], at: usize| -> Vec<Option<String>> {
        let cells = batches.iter().flat_map(|batch| batch.column(at).as_string::<i32>().iter());
        cells.map(|text| text.map(str::to_owned)).collect()
    };
    let scores = |batches: &[RecordBatch]| -> Vec<f64> {
        batches
            .iter()
            .flat_map(|batch| batch.column(2).as_primitive::<arrow_array::types::Float64Type>().values().to_vec())
            .collect()
    };
    one == two
        || (scores(one) == scores(two) && (0..8).filter(|at| *at != 2).all(|at| texts(one, at) == texts(two, at)))
}

/// Goes through a stream, one task at a time.
#[pyclass(module = "symphony_data._core")]
pub struct Tasks {
    stream: Py<TaskStream>,
    next: isize,
    step: isize,
}

#[pymethods]
impl Tasks {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Task>> {
        let stream = self.stream.get();
        match usize::try_from(self.next) {
            Ok(at) if at < stream.length => {
                self.next += self.step;
                stream.task(py, at).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn __length_hint__(&self) -> usize {
        let length = self.stream.get().length as isize;
        (if self.step > 0 { length - self.next } else { self.next + 1 }).max(0) as usize
    }
}
