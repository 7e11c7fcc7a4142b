//! `TaskStream`: tasks in order, a sequence and a table at once.

#![allow(clippy::doc_link_with_quotes)] // Doc comments are Python's docstrings, and lists of texts are no links there.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use arrow_array::{
    Array, ArrayRef, Float64Array, RecordBatch, UInt32Array, UInt64Array,
    cast::AsArray,
    new_null_array,
    types::{Float64Type, UInt32Type},
};
use arrow_schema::{Field, SchemaRef};
use arrow_select::take::take_record_batch;
use pyo3::{
    exceptions::{PyImportError, PyIndexError, PyKeyboardInterrupt, PyTypeError, PyValueError},
    prelude::*,
    types::{PyDict, PyList, PySlice, PyTuple, PyType},
};
use pyo3_arrow::PyTable;
use symphony_data::{
    Error,
    draw::{DrawError, load_preprocessed_table},
    pool::{self, PoolError, manifest::PoolManifest},
    task::{
        Task as LibraryTask,
        table::{self, Columns},
    },
};

use crate::{
    builder::Builder,
    errors,
    progress::Run,
    task::{Task, loads},
    work,
};

/// Tasks in their order: a sequence and a table at once.
///
/// As a sequence of :class:`Task` it has ``len``, indexing, slicing, iteration, ``in`` and ``==``. It cannot be changed:
/// each access gives a new task, and a change to that task does not change the stream. To change tasks, make a list of them:
/// ``tasks = list(stream)``.
///
/// As a table it has the columns ``task_id``, ``benchmark``, ``difficulty_score`` (float, 0 to 1), ``difficulty_bin``,
/// ``raw_data``, ``scorer_metadata``, ``source_id``, ``identity``, ``phase`` (an integer, null without phases), ``weight``
/// (float) and ``stratum`` (an integer; both null unless the stream is an informative draw).
/// ``pyarrow.table(stream)``, ``polars.DataFrame(stream)`` and DuckDB (by the name of the variable) read it from Arrow's
/// memory; there, ``raw_data`` and ``scorer_metadata`` are JSON text, because each benchmark has rows of its own form. In
/// ``pandas.DataFrame(stream)`` they are dicts.
///
/// Args:
///     tasks (Iterable[Task]): the tasks, in their order.
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
    /// How it was drawn, or the stream that it is a part of.
    origin: Option<PoolManifest>,
    /// The manifest beside the file that it was read from.
    read_with: Option<PoolManifest>,
    /// Whether it is all of what was drawn.
    is_whole: bool,
    /// Where it was made.
    home: Option<Arc<Home>>,
}

/// The builder that made a stream, and the folder of its preprocessed benchmarks.
pub struct Home {
    pub builder: Py<Builder>,
    pub full_dir: PathBuf,
}

impl TaskStream {
    /// A stream of these batches of [`table::schema`].
    pub fn of_batches(batches: Vec<RecordBatch>) -> Self {
        let batches: Vec<RecordBatch> = batches.into_iter().map(with_all).collect();
        let length = batches.iter().map(RecordBatch::num_rows).sum();
        Self {
            batches: OnceLock::from(batches),
            stored: None,
            length,
            origin: None,
            read_with: None,
            is_whole: false,
            home: None,
        }
    }

    /// A stream that was drawn.
    pub fn drawn(batches: Vec<RecordBatch>, manifest: PoolManifest) -> Self {
        Self { origin: Some(manifest), is_whole: true, ..Self::of_batches(batches) }
    }

    /// A preprocessed benchmark of this many tasks, read when they are first needed.
    pub fn stored(folder: PathBuf, benchmark: String, length: usize) -> Self {
        Self {
            batches: OnceLock::new(),
            stored: Some((folder, benchmark)),
            length,
            origin: None,
            read_with: None,
            is_whole: false,
            home: None,
        }
    }

    /// The same stream, made by this builder from this folder of preprocessed benchmarks.
    pub fn made_in(self, home: &Arc<Home>) -> Self {
        Self { home: Some(home.clone()), ..self }
    }

    fn batches(&self, py: Python<'_>) -> PyResult<&[RecordBatch]> {
        if let (None, Some((folder, benchmark))) = (self.batches.get(), &self.stored) {
            let (folder, name) = (folder.clone(), benchmark.clone());
            let read = listening(py, move |run| Ok(load_preprocessed_table(&name, &folder, run)?))?;
            let read = Self::of_batches(read);
            if read.length != self.length {
                let why = format!("{benchmark} has been preprocessed again since this stream was made; load it again");
                return Err(errors::exception(py, "SymphonyDataError", &why));
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
        if step == 1 {
            let (mut skip, mut left) = (start as usize, length);
            let mut slices = Vec::new();
            for batch in batches {
                let from = skip.min(batch.num_rows());
                let n = left.min(batch.num_rows() - from);
                slices.extend((n > 0).then(|| batch.slice(from, n)));
                (skip, left) = (skip - from, left - n);
            }
            return Ok(self.part(slices));
        }
        self.at(py, (0..length as isize).map(|i| (start + i * step) as u64).collect())
    }

    /// The tasks at these places, in this order.
    fn at(&self, py: Python<'_>, places: UInt64Array) -> PyResult<Self> {
        let failed = |error: arrow_schema::ArrowError| PyValueError::new_err(error.to_string());
        let all = arrow_select::concat::concat_batches(&schema(), self.batches(py)?).map_err(failed)?;
        Ok(self.part(vec![take_record_batch(&all, &places).map_err(failed)?]))
    }

    /// A stream of some of these tasks.
    fn part(&self, batches: Vec<RecordBatch>) -> Self {
        let (origin, read_with, home) = (self.origin.clone(), self.read_with.clone(), self.home.clone());
        Self { origin, read_with, home, ..Self::of_batches(batches) }
    }

    fn table(&self, py: Python<'_>) -> PyResult<PyTable> {
        PyTable::try_new(self.batches(py)?.to_vec(), schema())
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
    pub fn to_library(&self, py: Python<'_>) -> PyResult<Vec<LibraryTask>> {
        (0..self.length).map(|at| self.task(py, at)?.to_library(py)).collect()
    }
}

/// The columns of every stream.
fn schema() -> SchemaRef {
    table::schema(Columns::ALL)
}

/// The batch with all columns: the library leaves some out where no task has a value for them.
fn with_all(batch: RecordBatch) -> RecordBatch {
    let rows = batch.num_rows();
    let column = |field: &Arc<Field>| {
        let own = batch.column_by_name(field.name()).cloned();
        own.unwrap_or_else(|| new_null_array(field.data_type(), rows))
    };
    let columns = schema().fields().iter().map(column).collect();
    RecordBatch::try_new(schema(), columns).unwrap_or(batch)
}

/// The phase of each task.
fn phases(batches: &[RecordBatch]) -> Vec<Option<u32>> {
    batches.iter().flat_map(|batch| batch.column(8).as_primitive::<UInt32Type>().iter()).collect()
}

/// The weight and the stratum of each task.
fn weights(batches: &[RecordBatch]) -> Vec<(Option<f64>, Option<u32>)> {
    let of = |batch: &RecordBatch| {
        let strata = batch.column(10).as_primitive::<UInt32Type>().clone();
        let weights = batch.column(9).as_primitive::<Float64Type>().clone();
        (0..batch.num_rows())
            .map(|row| {
                let weight = weights.is_valid(row).then(|| weights.value(row));
                (weight, strata.is_valid(row).then(|| strata.value(row)))
            })
            .collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

/// The library's tasks of any iterable of tasks, which the caller knows as `parameter`.
pub fn to_library(parameter: &str, tasks: &Bound<'_, PyAny>) -> PyResult<Vec<LibraryTask>> {
    let py = tasks.py();
    if let Ok(stream) = tasks.cast::<TaskStream>() {
        return stream.get().to_library(py);
    }
    let wrong = |what: &str, given: &Bound<'_, PyAny>| -> PyErr {
        let kind = given.get_type().name().map(|name| name.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!("{parameter}: {what}found {kind}; give a TaskStream or a list of tasks"))
    };
    let each = tasks.try_iter().map_err(|_| wrong("", tasks))?;
    // A copy, as other threads may use the task while Python writes its data as text.
    let copy = |(at, task): (usize, PyResult<Bound<'_, PyAny>>)| {
        let task = task?;
        let Ok(known) = task.cast::<Task>() else { return Err(wrong(&format!("item {at}: "), &task)) };
        let copy = known.borrow().clone_ref(py);
        copy.to_library(py)
    };
    each.enumerate().map(copy).collect()
}

/// How these tasks were drawn, where they are all that was drawn.
pub fn manifest_of(tasks: &Bound<'_, PyAny>) -> Option<PoolManifest> {
    let stream = tasks.cast::<TaskStream>().ok()?.get();
    stream.origin.clone().filter(|_| stream.is_whole)
}

/// How these tasks were drawn, where they are a stream that was drawn or a part of one. A list no longer says it.
pub fn origin_of(tasks: &Bound<'_, PyAny>) -> Option<PoolManifest> {
    tasks.cast::<TaskStream>().ok()?.get().origin.clone()
}

/// The manifest that says how tasks were drawn: of their own stream, or beside the file that they were read from.
pub fn described_by(tasks: &Bound<'_, PyAny>) -> Option<PoolManifest> {
    let stream = tasks.cast::<TaskStream>().ok()?.get();
    stream.origin.as_ref().or(stream.read_with.as_ref()).cloned()
}

/// Reads without the GIL, until Ctrl-C.
pub fn listening<T: Send + 'static>(
    py: Python<'_>,
    read: impl FnOnce(&Run) -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    let run = Run::new();
    let own = run.clone();
    let outcome = work::beside(py, &run, move || read(&own));
    match (run.ended_by(py), outcome) {
        (None, Some(outcome)) => outcome.map_err(|error| errors::raised(py, &error)),
        (ended, _) => Err(ended.unwrap_or_else(|| PyKeyboardInterrupt::new_err(()))),
    }
}

/// The tasks of a pool, by its file or its folder, and the manifest that describes them.
fn read_pool(path: &Path, run: &Run) -> Result<(Vec<RecordBatch>, Option<PoolManifest>), Error> {
    let missing = || PoolError::Missing { path: path.to_owned() };
    let file = if path.is_dir() { pool::find_pool(path).ok_or_else(missing)? } else { path.to_owned() };
    let mut tasks = Vec::new();
    for task in pool::read_pool(&file)? {
        if run.is_over() {
            return Err(DrawError::Stopped.into());
        }
        tasks.push(task?);
    }
    let manifest = PoolManifest::beside(&file).filter(|manifest| manifest.vouches_for(&file));
    Ok((table::batches(&tasks.iter().map(LibraryTask::view).collect::<Vec<_>>())?, manifest))
}

/// Set once Polars knows that a sequence of tasks is a table.
static POLARS: OnceLock<()> = OnceLock::new();

#[pymethods]
impl TaskStream {
    #[new]
    fn new(tasks: &Bound<'_, PyAny>) -> PyResult<Self> {
        let tasks = to_library("tasks", tasks)?;
        let views: Vec<_> = tasks.iter().map(LibraryTask::view).collect();
        let batches = table::batches(&views).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self::of_batches(batches))
    }

    /// Reads a pool from the disk: the stream that was saved, task by task.
    ///
    /// Pools of Symphony 2.0 are read too; their tasks have no ``source_id`` and no ``identity``. The manifest beside the file
    /// tells :meth:`DatasetBuilder.results` how the tasks were drawn. A stream that was read is not what a request asked
    /// for, so that :meth:`DatasetBuilder.save_task_pool` writes no manifest beside it.
    ///
    /// Args:
    ///     path (str | os.PathLike): a pool's file (JSON lines, or Parquet where it ends in ``.parquet``), or a folder with
    ///         ``task_pool.jsonl`` or ``task_pool.parquet``.
    ///
    /// Returns:
    ///     TaskStream: the tasks, in the order of the file.
    ///
    /// Raises:
    ///     MissingDataError: there is no such file, or no pool in the folder (a FileNotFoundError).
    ///     SymphonyDataError: the file is not a pool; the message names file and line.
    ///
    /// >>> from symphony_data import TaskStream
    /// >>> builder.save_task_pool(builder.build_task_stream(["gsm8k"], n_total_tasks=4, full_dir="full"), "four.jsonl")
    /// >>> TaskStream.read("four.jsonl")
    /// <TaskStream: 4 tasks (gsm8k); 2 easy, 2 hard>
    #[staticmethod]
    fn read(py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<Self> {
        let path = py.import("symphony_data._arguments")?.call_method1("path", ("path", path))?;
        let path: PathBuf = path.extract()?;
        let (batches, read_with) = listening(py, move |run| read_pool(&path, run))?;
        Ok(Self { read_with, ..Self::of_batches(batches) })
    }

    /// The tasks that pass every filter given, in the same order.
    ///
    /// A filtered stream is not what a request asked for, so :meth:`DatasetBuilder.save_task_pool` writes no manifest beside
    /// it.
    ///
    /// Args:
    ///     bin (str | list[str] | None): ``"easy"``, ``"medium"`` or ``"hard"``, or several of them. Default: all.
    ///     benchmark (str | list[str] | None): a benchmark of this stream, or several. Default: all.
    ///     phase (int | list[int] | None): a phase of this stream, from 1, or several. Default: all.
    ///     where (dict | Callable[[Task], bool] | None): ``{field: value}`` or ``{field: [value, …]}`` keeps the tasks whose
    ///         field has one of these values. A field is a feature in ``scorer_metadata``, else a field of ``raw_data``, with
    ///         dots for nested ones (``options.A``); a task without the field is left out. ``{benchmark: {field: …}}``
    ///         filters the tasks of that benchmark alone and keeps those of the others. A function is called with each task
    ///         that passes the other filters. Default: all.
    ///
    /// Returns:
    ///     TaskStream: the tasks that pass; none, if no task does.
    ///
    /// Raises:
    ///     RequestError: a bin, a benchmark, a phase, a field or a value that this stream does not have (a ValueError). The message
    ///         lists those that it has.
    ///
    /// >>> stream = builder.build_task_stream(["humaneval", "gsm8k"], n_total_tasks=40, full_dir="full")
    /// >>> stream.filter(bin="hard", benchmark="gsm8k")
    /// <TaskStream: 10 tasks (gsm8k); 10 hard>
    /// >>> stream.filter(where=lambda task: task.difficulty_score < 0.5).filter(bin="hard")
    /// <TaskStream: 0 tasks>
    #[pyo3(signature = (*, bin=None, benchmark=None, phase=None, r#where=None))]
    fn filter(
        this: &Bound<'_, Self>,
        bin: Option<Bound<'_, PyAny>>,
        benchmark: Option<Bound<'_, PyAny>>,
        phase: Option<Bound<'_, PyAny>>,
        r#where: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = this.py();
        let places =
            py.import("symphony_data._filter")?.call_method1("places", (this, bin, benchmark, phase, r#where))?;
        this.get().at(py, places.extract::<Vec<u64>>()?.into())
    }

    /// A column of texts, for `symphony_data._filter`.
    fn _texts(&self, py: Python<'_>, name: &str) -> PyResult<Vec<Option<String>>> {
        let column = schema().index_of(name).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let texts = self.batches(py)?.iter().flat_map(|batch| batch.column(column).as_string::<i32>().iter());
        Ok(texts.map(|text| text.map(str::to_owned)).collect())
    }

    /// The builder that made it and the folder of preprocessed benchmarks, for `symphony_data._report`.
    fn _home(&self, py: Python<'_>) -> Option<(Py<Builder>, PathBuf)> {
        self.home.as_ref().map(|home| (home.builder.clone_ref(py), home.full_dir.clone()))
    }

    /// The phase of each task, for `symphony_data._filter`.
    fn _phases(&self, py: Python<'_>) -> PyResult<Vec<Option<u32>>> {
        Ok(phases(self.batches(py)?))
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

    fn __iter__(this: Py<Self>, py: Python<'_>) -> PyResult<Tasks> {
        // Polars looks at the first element of a sequence before it asks for a table.
        if POLARS.get().is_none() && py.import("symphony_data._frames")?.call_method0("teach_polars")?.is_truthy()? {
            let _ = POLARS.set(());
        }
        Ok(Tasks { stream: this, next: 0, step: 1 })
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
            // As text first; other text may still mean the same.
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
        // A stream that can no longer be read still has a length.
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

    /// The tasks as a ``pandas.DataFrame``, one row a task; ``raw_data`` and ``scorer_metadata`` are dicts. Needs pandas.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pandas = py
            .import("pandas")
            .map_err(|_| PyImportError::new_err("to_pandas needs pandas: pip install 'symphony-data[pandas]'"))?;
        let columns = PyDict::new(py);
        for (at, field) in schema().fields().iter().enumerate() {
            let column = PyList::empty(py);
            for batch in self.batches(py)? {
                let array: &ArrayRef = batch.column(at);
                if let Some(scores) = array.as_any().downcast_ref::<Float64Array>() {
                    scores.iter().try_for_each(|score| column.append(score))?;
                } else if let Some(phases) = array.as_any().downcast_ref::<UInt32Array>() {
                    phases.iter().try_for_each(|phase| column.append(phase))?;
                } else if ["raw_data", "scorer_metadata"].contains(&field.name().as_str()) {
                    array.as_string::<i32>().iter().flatten().try_for_each(|text| column.append(loads(py, text)?))?;
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

    /// The stream itself, as it cannot be changed.
    fn __copy__(this: Py<Self>) -> Py<Self> {
        this
    }

    /// The stream itself, as it cannot be changed.
    fn __deepcopy__(this: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        this
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
        batches.iter().flat_map(|batch| batch.column(2).as_primitive::<Float64Type>().values().to_vec()).collect()
    };
    one == two
        || (scores(one) == scores(two)
            && phases(one) == phases(two)
            && weights(one) == weights(two)
            && (0..8).filter(|at| *at != 2).all(|at| texts(one, at) == texts(two, at)))
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
