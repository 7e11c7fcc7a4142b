//! `Task`: one task, whose row and features become dicts when they are first used.

use std::sync::Arc;

use arrow_array::{Array, Float64Array, RecordBatch, StringArray, UInt32Array, cast::AsArray};
use pyo3::{
    exceptions::{PyTypeError, PyUnicodeEncodeError, PyValueError},
    prelude::*,
    types::{PyBool, PyDict, PyTuple, PyType},
};
use symphony_data::task::Json;

/// The parts of a copy: the class, its arguments, and the data that is filled in afterwards.
type Reduced<'py> = (Bound<'py, PyType>, Bound<'py, PyTuple>, Bound<'py, PyTuple>);

/// JSON text: a cell of a stream's column, or text of its own.
#[derive(Clone)]
enum Text {
    Cell(StringArray, usize),
    Own(Arc<str>),
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::Cell(column, row) => column.value(*row),
            Self::Own(text) => text,
        }
    }
}

/// A row or its features: text until they are first used, then a dict that may be changed.
enum Data {
    Text(Text),
    Dict { dict: Py<PyAny>, before: Option<Text> },
}

impl Data {
    /// The data of a copy: a dict, or text that was not used yet.
    fn restored(parameter: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        match value.extract::<String>() {
            Ok(text) => Ok(Self::Text(Text::Own(text.into()))),
            Err(_) => Self::given(parameter, value),
        }
    }

    /// The caller's dict.
    fn given(parameter: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if value.cast::<PyDict>().is_err() {
            return Err(unexpected(parameter, "a dict", value));
        }
        Ok(Self::Dict { dict: value.clone().unbind(), before: None })
    }

    /// The JSON text: the source's own, unless the dict was changed.
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        let (dict, before) = match self {
            Self::Text(text) => return Ok(text.as_str().to_owned()),
            Self::Dict { dict, before } => (dict, before),
        };
        if let Some(before) = before
            && loads(py, before.as_str())?.eq(dict)?
        {
            return Ok(before.as_str().to_owned());
        }
        let written = |ascii: bool| -> PyResult<String> {
            let options = PyDict::new(py);
            options.set_item("ensure_ascii", ascii)?;
            options.set_item("allow_nan", false)?;
            py.import("json")?.call_method("dumps", (dict,), Some(&options))?.extract()
        };
        match written(false) {
            // Half of a surrogate pair has no UTF-8, but JSON has an escape for it.
            Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(py) => written(true),
            written => written,
        }
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.clone()),
            Self::Dict { dict, before } => Self::Dict { dict: dict.clone_ref(py), before: before.clone() },
        }
    }

    /// The data for a copy: text that was not used yet, or the dict.
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Text(text) => Ok(text.as_str().into_pyobject(py)?.into_any()),
            Self::Dict { dict, .. } => Ok(dict.bind(py).clone()),
        }
    }
}

/// The value that JSON text stands for.
pub fn loads<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (text,))
}

/// One task of a pool.
///
/// Attributes:
///     task_id (str): its place in its stream, such as ``exp_00000_humaneval``; for a task of a preprocessed benchmark,
///         its id there.
///     benchmark (str): the name of its benchmark.
///     difficulty_score (float): 0 (easiest) to 1 (hardest) within its benchmark.
///     difficulty_bin (str): ``easy``, ``medium`` or ``hard``, by thresholds over the full benchmark.
///     raw_data (dict): the row as the source has it, keys in the source's order.
///     scorer_metadata (dict): the features that were read off the row.
///     source_id (str | None): benchmark and row number, such as ``humaneval_26``: the task's id in its preprocessed
///         benchmark. Default: None.
///     identity (str | None): 16 hex digits that are the same wherever this task occurs. Default: None.
///     phase (int | None): its phase, from 1, in a stream that has phases. Default: None.
///     weight (float | None): how many rows of its benchmark it stands for, from 1, in an informative draw. Default: None.
///     stratum (int | None): the stratum that it was drawn from there, within its benchmark, from 1. Default: None.
///
/// A task is a dataclass: ``dataclasses.asdict(task)`` and ``dataclasses.replace(task, difficulty_bin="hard")`` work. Tasks
/// with the same attributes are equal. ``Task(**json.loads(line))`` makes a task of a line of a pool.
///
/// >>> from symphony_data import Task
/// >>> task = Task(task_id="exp_00000_quiz", benchmark="quiz", difficulty_score=0.25, difficulty_bin="easy",
/// ...             raw_data={"question": "Why?"}, scorer_metadata={"words": 1})
/// >>> task
/// Task('exp_00000_quiz', benchmark='quiz', difficulty_score=0.25, difficulty_bin='easy')
/// >>> task.raw_data["question"]
/// 'Why?'
#[pyclass(module = "symphony_data", weakref)]
#[allow(clippy::struct_field_names)] // The keys of a pool.
pub struct Task {
    #[pyo3(get)]
    task_id: String,
    #[pyo3(get)]
    benchmark: String,
    #[pyo3(get)]
    difficulty_score: f64,
    #[pyo3(get)]
    difficulty_bin: String,
    raw_data: Data,
    scorer_metadata: Data,
    #[pyo3(get)]
    source_id: Option<String>,
    #[pyo3(get)]
    identity: Option<String>,
    #[pyo3(get)]
    phase: Option<u32>,
    #[pyo3(get)]
    weight: Option<f64>,
    #[pyo3(get)]
    stratum: Option<u32>,
}

impl Task {
    /// The task at `row` of a batch of a stream's columns.
    pub fn of(batch: &RecordBatch, row: usize) -> Self {
        let column = |at: usize| batch.column(at).as_string::<i32>();
        let text = |at: usize| column(at).value(row).to_owned();
        let optional = |at: usize| column(at).is_valid(row).then(|| text(at));
        let scores: &Float64Array = batch.column(2).as_primitive();
        let whole = |at: usize| {
            let numbers: &UInt32Array = batch.column(at).as_primitive();
            numbers.is_valid(row).then(|| numbers.value(row))
        };
        let weights: &Float64Array = batch.column(9).as_primitive();
        Self {
            task_id: text(0),
            benchmark: text(1),
            difficulty_score: scores.value(row),
            difficulty_bin: text(3),
            raw_data: Data::Text(Text::Cell(column(4).clone(), row)),
            scorer_metadata: Data::Text(Text::Cell(column(5).clone(), row)),
            source_id: optional(6),
            identity: optional(7),
            phase: whole(8),
            weight: weights.is_valid(row).then(|| weights.value(row)),
            stratum: whole(10),
        }
    }

    /// The same task once more; a dict that was used belongs to both.
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            task_id: self.task_id.clone(),
            benchmark: self.benchmark.clone(),
            difficulty_score: self.difficulty_score,
            difficulty_bin: self.difficulty_bin.clone(),
            raw_data: self.raw_data.clone_ref(py),
            scorer_metadata: self.scorer_metadata.clone_ref(py),
            source_id: self.source_id.clone(),
            identity: self.identity.clone(),
            phase: self.phase,
            weight: self.weight,
            stratum: self.stratum,
        }
    }

    /// The library's task.
    pub fn to_library(&self, py: Python<'_>) -> PyResult<symphony_data::task::Task> {
        let json = |name: &str, data: &Data| -> PyResult<Json> {
            let why =
                |error: &dyn std::fmt::Display| format!("{}: {name} cannot be written as JSON: {error}", self.task_id);
            let text = data.text(py).map_err(|error| {
                let reason = error.value(py);
                // Another exception is not about the data.
                match (error.is_instance_of::<PyTypeError>(py), error.is_instance_of::<PyValueError>(py)) {
                    (true, _) => PyTypeError::new_err(why(reason)),
                    (_, true) => PyValueError::new_err(why(reason)),
                    _ => error,
                }
            })?;
            Json::new(text).map_err(|error| PyValueError::new_err(why(&error)))
        };
        Ok(symphony_data::task::Task {
            task_id: self.task_id.clone(),
            benchmark: self.benchmark.clone(),
            difficulty_score: self.difficulty_score,
            difficulty_bin: self.difficulty_bin.clone(),
            raw_data: json("raw_data", &self.raw_data)?,
            scorer_metadata: json("scorer_metadata", &self.scorer_metadata)?,
            source_id: self.source_id.clone().map(Into::into),
            identity: self.identity.clone().map(Into::into),
            phase: self.phase,
            weight: self.weight,
            stratum: self.stratum,
        })
    }

    /// The dict that `pick` names, read from its text on first use.
    fn dict(this: &Bound<'_, Self>, pick: fn(&mut Self) -> &mut Data) -> PyResult<Py<PyAny>> {
        let py = this.py();
        let text = match pick(&mut this.borrow_mut()) {
            Data::Dict { dict, .. } => return Ok(dict.clone_ref(py)),
            Data::Text(text) => text.clone(),
        };
        // Other threads may read it at the same time: the first dict counts.
        let dict = loads(py, text.as_str())?.unbind();
        let mut task = this.borrow_mut();
        let data = pick(&mut task);
        if let Data::Dict { dict, .. } = data {
            return Ok(dict.clone_ref(py));
        }
        *data = Data::Dict { dict: dict.clone_ref(py), before: Some(text) };
        Ok(dict)
    }

    fn same_data(this: &Bound<'_, Self>, other: &Bound<'_, Self>, pick: fn(&mut Self) -> &mut Data) -> PyResult<bool> {
        if this.is(other) {
            return Ok(true);
        }
        if let (Data::Text(one), Data::Text(two)) = (pick(&mut this.borrow_mut()), pick(&mut other.borrow_mut()))
            && one.as_str() == two.as_str()
        {
            return Ok(true);
        }
        let py = this.py();
        Self::dict(this, pick)?.bind(py).eq(Self::dict(other, pick)?)
    }
}

#[pymethods]
impl Task {
    #[new]
    #[pyo3(signature = (task_id, benchmark, difficulty_score, difficulty_bin, raw_data, scorer_metadata, source_id=None, identity=None, phase=None, weight=None, stratum=None))]
    #[allow(clippy::too_many_arguments)] // A task's keys.
    fn new(
        task_id: &Bound<'_, PyAny>,
        benchmark: &Bound<'_, PyAny>,
        difficulty_score: &Bound<'_, PyAny>,
        difficulty_bin: &Bound<'_, PyAny>,
        raw_data: &Bound<'_, PyAny>,
        scorer_metadata: &Bound<'_, PyAny>,
        source_id: Option<&Bound<'_, PyAny>>,
        identity: Option<&Bound<'_, PyAny>>,
        phase: Option<&Bound<'_, PyAny>>,
        weight: Option<&Bound<'_, PyAny>>,
        stratum: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self {
            task_id: text("task_id", task_id)?,
            benchmark: text("benchmark", benchmark)?,
            difficulty_score: score(difficulty_score)?,
            difficulty_bin: text("difficulty_bin", difficulty_bin)?,
            raw_data: Data::given("raw_data", raw_data)?,
            scorer_metadata: Data::given("scorer_metadata", scorer_metadata)?,
            source_id: source_id.map(|id| text("source_id", id)).transpose()?,
            identity: identity.map(|id| text("identity", id)).transpose()?,
            phase: phase.map(|value| number_of("phase", value)).transpose()?,
            weight: weight.map(weight_of).transpose()?,
            stratum: stratum.map(|value| number_of("stratum", value)).transpose()?,
        })
    }

    /// Fills in the data of a copy.
    fn __setstate__(&mut self, state: (Bound<'_, PyAny>, Bound<'_, PyAny>)) -> PyResult<()> {
        self.raw_data = Data::restored("raw_data", &state.0)?;
        self.scorer_metadata = Data::restored("scorer_metadata", &state.1)?;
        Ok(())
    }

    #[setter]
    fn set_task_id(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.task_id = text("task_id", value)?;
        Ok(())
    }

    #[setter]
    fn set_benchmark(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.benchmark = text("benchmark", value)?;
        Ok(())
    }

    #[setter]
    fn set_difficulty_bin(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.difficulty_bin = text("difficulty_bin", value)?;
        Ok(())
    }

    #[setter]
    fn set_source_id(&mut self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.source_id = value.map(|id| text("source_id", id)).transpose()?;
        Ok(())
    }

    #[setter]
    fn set_identity(&mut self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.identity = value.map(|id| text("identity", id)).transpose()?;
        Ok(())
    }

    #[setter]
    fn set_phase(&mut self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.phase = value.map(|value| number_of("phase", value)).transpose()?;
        Ok(())
    }

    #[setter]
    fn set_weight(&mut self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.weight = value.map(weight_of).transpose()?;
        Ok(())
    }

    #[setter]
    fn set_stratum(&mut self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.stratum = value.map(|value| number_of("stratum", value)).transpose()?;
        Ok(())
    }

    #[setter]
    fn set_difficulty_score(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.difficulty_score = score(value)?;
        Ok(())
    }

    #[getter]
    fn raw_data(this: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::dict(this, |task| &mut task.raw_data)
    }

    #[setter]
    fn set_raw_data(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.raw_data = Data::given("raw_data", value)?;
        Ok(())
    }

    #[getter]
    fn scorer_metadata(this: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::dict(this, |task| &mut task.scorer_metadata)
    }

    #[setter]
    fn set_scorer_metadata(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.scorer_metadata = Data::given("scorer_metadata", value)?;
        Ok(())
    }

    /// The task as a dict, equal to ``json.loads`` of its line in a pool, with the keys in the same order.
    fn to_dict<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(this.py());
        let (raw_data, scorer_metadata) = (Self::raw_data(this)?, Self::scorer_metadata(this)?);
        let task = this.borrow();
        dict.set_item("task_id", &task.task_id)?;
        dict.set_item("benchmark", &task.benchmark)?;
        dict.set_item("difficulty_score", task.difficulty_score)?;
        dict.set_item("difficulty_bin", &task.difficulty_bin)?;
        dict.set_item("raw_data", raw_data)?;
        dict.set_item("scorer_metadata", scorer_metadata)?;
        for (name, value) in [("source_id", &task.source_id), ("identity", &task.identity)] {
            if let Some(value) = value {
                dict.set_item(name, value)?;
            }
        }
        if let Some(phase) = task.phase {
            dict.set_item("phase", phase)?;
        }
        if let Some(weight) = task.weight {
            dict.set_item("weight", weight)?;
        }
        if let Some(stratum) = task.stratum {
            dict.set_item("stratum", stratum)?;
        }
        Ok(dict)
    }

    fn __eq__(this: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = this.py();
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
        let same = {
            let (one, two) = (this.borrow(), other.borrow());
            one.task_id == two.task_id
                && one.benchmark == two.benchmark
                && one.difficulty_score == two.difficulty_score
                && one.difficulty_bin == two.difficulty_bin
                && one.source_id == two.source_id
                && one.identity == two.identity
                && one.phase == two.phase
                && one.weight == two.weight
                && one.stratum == two.stratum
        };
        let same = same
            && Self::same_data(this, other, |task| &mut task.raw_data)?
            && Self::same_data(this, other, |task| &mut task.scorer_metadata)?;
        Ok(same.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let quoted = |text: &str| -> PyResult<String> { text.into_pyobject(py)?.repr()?.extract() };
        let score: String = self.difficulty_score.into_pyobject(py)?.repr()?.extract()?;
        Ok(format!(
            "Task({}, benchmark={}, difficulty_score={score}, difficulty_bin={})",
            quoted(&self.task_id)?,
            quoted(&self.benchmark)?,
            quoted(&self.difficulty_bin)?
        ))
    }

    fn __reduce__<'py>(this: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let py = this.py();
        let task = this.borrow();
        let arguments = (
            &task.task_id,
            &task.benchmark,
            task.difficulty_score,
            &task.difficulty_bin,
            PyDict::new(py),
            PyDict::new(py),
            &task.source_id,
            &task.identity,
            task.phase,
            task.weight,
            task.stratum,
        );
        let state = (task.raw_data.parts(py)?, task.scorer_metadata.parts(py)?);
        Ok((this.get_type(), arguments.into_pyobject(py)?, state.into_pyobject(py)?))
    }
}

/// A difficulty score, which JSON must be able to hold.
fn score(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let Ok(score) = value.extract::<f64>() else { return Err(unexpected("difficulty_score", "a number", value)) };
    if score.is_finite() {
        return Ok(score);
    }
    let shown = value.repr()?;
    Err(PyValueError::new_err(format!("difficulty_score: {shown} is not a finite number")))
}

/// The number of a phase or a stratum, from 1.
fn number_of(parameter: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let number = if value.cast::<PyBool>().is_ok() { None } else { value.extract::<i64>().ok() };
    let Some(number) = number else { return Err(unexpected(parameter, "a whole number", value)) };
    let found = u32::try_from(number).ok().filter(|number| *number > 0);
    found.ok_or_else(|| {
        PyValueError::new_err(format!("{parameter}: {number} is not the number of a {parameter}, from 1"))
    })
}

/// How many rows a task stands for.
fn weight_of(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let Ok(weight) = value.extract::<f64>() else { return Err(unexpected("weight", "a number", value)) };
    if weight.is_finite() && weight >= 1.0 {
        return Ok(weight);
    }
    Err(PyValueError::new_err(format!("weight: {} is not a number from 1", value.repr()?)))
}

fn text(parameter: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.extract::<String>() {
        Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => Err(unexpected(parameter, "a text", value)),
        Err(_) => {
            let why = "has half of a surrogate pair, which UTF-8 cannot hold";
            Err(PyValueError::new_err(format!("{parameter}: {} {why}", value.repr()?)))
        }
        Ok(text) => Ok(text),
    }
}

fn unexpected(parameter: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let found = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    PyTypeError::new_err(format!("{parameter}: expected {expected}, found {found}"))
}
