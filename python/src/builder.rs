//! The calls below `symphony_data.DatasetBuilder`.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use pyo3::{prelude::*, types::PyDict};
use pyo3_arrow::PyTable;
use symphony_data::{
    Error,
    bin::Percentiles,
    calibration::ItemModel,
    config::{Config, DEFAULT_CONFIG, read_file},
    draw::{self, Order, Writing, make_pools, with_stores},
    evidence::{
        calibrate::{CalibrateOptions, calibrate},
        responses::{Catalogue, Input, ReadOptions, Unmapped, read},
        validation::{PoolTasks, ScoredBy, pool_tasks, validate},
    },
    preprocess::{PreprocessOptions, preprocess},
    progress::{Note, Progress},
    request::{Replacement, RequestSpec},
    store::{Meta, OnBadRow},
    task::Layout,
    yaml::Problems,
};

use crate::{
    errors,
    function::Registered,
    progress::{PyProgress, Run},
    stream::{TaskStream, manifest_of, to_library},
    work,
};

/// A checked configuration, and what is done with it. Every call that works takes `note(level, message)`.
#[pyclass(module = "symphony_data._core")]
pub struct Builder {
    config: Config,
    /// The configuration's name and text, for experiments that come later.
    source: (String, String),
    functions: Vec<Registered>,
}

impl Builder {
    /// Runs `work` without the GIL, and raises what it or a callable raised. It gets the configuration with functions that
    /// know of this run, so that runs on several threads do not end each other.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<Py<PyAny>>,
        note: Py<PyAny>,
        work: impl FnOnce(&Config, &PyProgress) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let run = Run::new();
        let mut config = self.config.clone();
        for function in &self.functions {
            register(py, &mut config, function, &run)?;
        }
        let progress = PyProgress::new(progress, note, run.clone());
        let outcome = work::beside(py, &run, || work(&config, &progress));
        if let Some(raised) = run.ended_by(py) {
            return Err(raised);
        }
        outcome.map_err(|error| errors::raised(py, &error))
    }
}

fn register(py: Python<'_>, config: &mut Config, function: &Registered, run: &Arc<Run>) -> PyResult<()> {
    let registered = config.register_feature(&function.name, &function.within(py, run));
    registered.map_err(|problems| errors::bad_request(py, &problems))
}

#[pymethods]
impl Builder {
    /// The configuration of a file; the built-in one where there is no path.
    #[new]
    fn new(py: Python<'_>, path: Option<PathBuf>) -> PyResult<Self> {
        let wrong = |problems: Problems| errors::raised(py, &problems.into());
        let (name, text) = match path {
            Some(path) => {
                let text = read_file(&path).map_err(|problems| match path.try_exists() {
                    Ok(false) => errors::exception(py, "MissingDataError", &problems.to_string()),
                    _ => wrong(problems),
                })?;
                (path.to_string_lossy().into_owned(), text)
            }
            None => ("built-in data_config.yaml".to_owned(), DEFAULT_CONFIG.to_owned()),
        };
        let config = Config::from_yaml(&name, &text).map_err(wrong)?;
        Ok(Self { config, source: (name, text), functions: Vec::new() })
    }

    /// The enabled benchmarks, in the order of the configuration.
    fn benchmarks(&self) -> Vec<String> {
        self.config.enabled().map(|benchmark| benchmark.name.clone()).collect()
    }

    fn register_feature(&mut self, py: Python<'_>, name: String, function: Py<PyAny>, version: String) -> PyResult<()> {
        let function = Registered::new(py, name, function, version)?;
        // Each run registers it again, as its own.
        register(py, &mut self.config, &function, &Run::new())?;
        self.functions.retain(|known| known.name != function.name);
        self.functions.push(function);
        Ok(())
    }

    /// Stage 1 for the benchmarks of these names.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn preprocess(
        &self,
        py: Python<'_>,
        names: Vec<String>,
        output_dir: PathBuf,
        force: bool,
        on_bad_row: Option<&str>,
        locked: bool,
        format: Option<&str>,
        progress: Option<Py<PyAny>>,
        note: Py<PyAny>,
    ) -> PyResult<Vec<(String, TaskStream)>> {
        let on_bad_row = on_bad_row.map(|policy| if policy == "skip" { OnBadRow::Skip } else { OnBadRow::Stop });
        let options = PreprocessOptions { on_bad_row, force, locked, format: format.and_then(Layout::parse) };
        // Tasks are read when they are first looked at, wherever the program works by then.
        let output_dir = std::path::absolute(&output_dir).unwrap_or(output_dir);
        let metas = self.run(py, progress, note, |config, progress| {
            let chosen = config.enabled().filter(|benchmark| names.contains(&benchmark.name));
            let one = |benchmark: &symphony_data::config::Benchmark| {
                let cut = config.store_cut_of(&benchmark.name);
                Ok(preprocess(benchmark, cut, &output_dir, options, progress)?.1)
            };
            chosen.map(one).collect::<Result<Vec<Meta>, Error>>()
        })?;
        Ok(metas
            .into_iter()
            .map(|meta| {
                let stream = TaskStream::stored(output_dir.clone(), meta.benchmark.clone(), meta.n_tasks_full as usize);
                (meta.benchmark, stream)
            })
            .collect())
    }

    /// The tasks of one preprocessed benchmark.
    fn load_preprocessed(&self, py: Python<'_>, name: &str, folder: PathBuf, note: Py<PyAny>) -> PyResult<TaskStream> {
        let load = |_: &Config, progress: &PyProgress| Ok(draw::load_preprocessed_table(name, &folder, progress)?);
        let batches = self.run(py, None, note, load)?;
        Ok(TaskStream::of_batches(batches))
    }

    /// Stage 2 for one request; `spec` holds its keys.
    fn build(
        &self,
        py: Python<'_>,
        spec: &Bound<'_, PyDict>,
        full_dir: PathBuf,
        note: Py<PyAny>,
    ) -> PyResult<TaskStream> {
        let request = spec_of(spec)?.resolve(&self.config).map_err(|problems| errors::bad_request(py, &problems))?;
        let (batches, manifest) = self.run(py, None, note, |config, progress| {
            Ok(draw::build_task_table(config, &full_dir, &request, progress)?)
        })?;
        Ok(TaskStream::drawn(batches, manifest))
    }

    /// Stage 2 for experiments in YAML (or JSON), which messages call `name`: makes their pools, and says their folders.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn run_experiments(
        &self,
        py: Python<'_>,
        name: &str,
        text: &str,
        full_dir: PathBuf,
        output_dir: PathBuf,
        strict: bool,
        force: bool,
        format: &str,
        note: Py<PyAny>,
    ) -> PyResult<Vec<(String, PathBuf)>> {
        let (config_name, config_text) = &self.source;
        let mut config = Config::from_yaml_with_experiments(config_name, config_text, Some((name, text)))
            .map_err(|problems| errors::bad_request(py, &problems))?;
        let format = Layout::parse(format).unwrap_or_default();
        self.run(py, None, note, |registered, progress| {
            config.benchmarks.clone_from(&registered.benchmarks);
            let orders: Vec<Order<'_>> =
                config.experiments.iter().map(|experiment| Order::of(experiment, &output_dir, format)).collect();
            let requests = orders.iter().map(|order| order.request);
            with_stores(&config, &full_dir, requests, progress, |library| {
                let made = make_pools(library, &orders, Writing { strict, force }, progress)?;
                made.into_iter().try_for_each(|made| made.map(drop))
            })?;
            Ok(config.experiments.iter().map(|e| (e.id.clone(), output_dir.join(&e.id))).collect())
        })
    }

    /// How scores compare with responses, as JSON; `tasks`: those of a pool, looked at too, or where it lies.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn validate(
        &self,
        py: Python<'_>,
        responses: Vec<Bound<'_, PyAny>>,
        tasks: Option<&Bound<'_, PyAny>>,
        names: Vec<String>,
        full_dir: PathBuf,
        demo: bool,
        difficulty: (Option<String>, Option<u64>),
        filter: Option<String>,
        metric: Option<String>,
        note: Py<PyAny>,
    ) -> PyResult<String> {
        let inputs = inputs_of(&responses)?;
        let by = ScoredBy { difficulty: difficulty.0, min_responses: difficulty.1 };
        let pool = tasks.and_then(|tasks| tasks.extract::<PathBuf>().ok());
        // A stream that was drawn knows whose responses set its difficulty.
        let mut drawn = tasks.and_then(manifest_of).and_then(|manifest| manifest.measured_parts());
        let tasks = tasks.filter(|_| pool.is_none()).map(to_library).transpose()?;
        self.run(py, None, note, |config, progress| {
            let config = &for_demo(config, demo)?;
            let mut catalogue = Catalogue::of(config, &full_dir, &names, progress)?;
            let gathered = read(&inputs, &mut catalogue, &ReadOptions { filter, metric }, progress)?;
            warn_of(&gathered.unmapped, progress);
            let mut tasks = tasks.map(|tasks| tasks.into_iter().map(Ok));
            let mut pools: Vec<PoolTasks<'_>> = tasks
                .iter_mut()
                .map(|tasks| PoolTasks { name: "tasks".to_owned(), measured: drawn.take(), tasks })
                .collect();
            let mut read_back = pool.as_deref().map(pool_tasks).transpose()?;
            if let (Some(path), Some((tasks, measured))) = (&pool, &mut read_back) {
                pools.push(PoolTasks { name: path.display().to_string(), measured: measured.take(), tasks });
            }
            let report = validate(gathered, &mut pools, &mut catalogue, config, &by, progress)?;
            Ok(serde_json::to_string(&report).unwrap_or_default())
        })
    }

    /// Fits difficulties to responses, and says what was fitted, as a JSON list.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn calibrate(
        &self,
        py: Python<'_>,
        responses: Vec<Bound<'_, PyAny>>,
        output_dir: PathBuf,
        model: &str,
        chance: BTreeMap<String, f64>,
        names: Vec<String>,
        full_dir: PathBuf,
        demo: bool,
        filter: Option<String>,
        metric: Option<String>,
        note: Py<PyAny>,
    ) -> PyResult<String> {
        let inputs = inputs_of(&responses)?;
        let options = CalibrateOptions { model: ItemModel::parse(model).unwrap_or_default(), chance };
        self.run(py, None, note, |config, progress| {
            let config = &for_demo(config, demo)?;
            let mut catalogue = Catalogue::of(config, &full_dir, &names, progress)?;
            let gathered = read(&inputs, &mut catalogue, &ReadOptions { filter, metric }, progress)?;
            warn_of(&gathered.unmapped, progress);
            let from = (&gathered.files[..], &gathered.unmapped[..]);
            let fitted = gathered
                .benchmarks
                .iter()
                .map(|responses| calibrate(responses, from, &mut catalogue, &options, &output_dir, progress))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(serde_json::to_string(&fitted).unwrap_or_default())
        })
    }

    /// Writes tasks as JSON lines.
    fn save_task_pool(&self, py: Python<'_>, tasks: &Bound<'_, PyAny>, path: PathBuf, note: Py<PyAny>) -> PyResult<()> {
        let manifest = manifest_of(tasks);
        let tasks = to_library(tasks)?;
        self.run(py, None, note, |_, progress| Ok(draw::save_task_pool(&tasks, manifest.as_ref(), &path, progress)?))
    }

    /// Writes the statistics of tasks.
    fn save_statistics(
        &self,
        py: Python<'_>,
        tasks: &Bound<'_, PyAny>,
        path: PathBuf,
        note: Py<PyAny>,
    ) -> PyResult<()> {
        let manifest = manifest_of(tasks);
        let tasks = to_library(tasks)?;
        self.run(py, None, note, |_, progress| Ok(draw::save_statistics(&tasks, manifest.as_ref(), &path, progress)?))
    }
}

/// The configuration; for a demo, on generated rows.
fn for_demo(config: &Config, demo: bool) -> Result<Config, Error> {
    let mut config = config.clone();
    if demo {
        config.use_synthetic_sources()?;
    }
    Ok(config)
}

/// Responses: paths, and tables that speak Arrow.
fn inputs_of(responses: &[Bound<'_, PyAny>]) -> PyResult<Vec<Input>> {
    let input = |given: &Bound<'_, PyAny>| {
        if let Ok(path) = given.extract::<PathBuf>() {
            return Ok(Input::File { path, model: None });
        }
        let (batches, _) = given.extract::<PyTable>()?.into_inner();
        Ok(Input::Table(batches))
    };
    responses.iter().map(input).collect()
}

fn warn_of(unmapped: &[Unmapped], progress: &PyProgress) {
    unmapped.iter().for_each(|unmapped| progress.note(Note::Warning(&format!("left out: {unmapped}"))));
}

/// The request that the keys of a dict make.
fn spec_of(spec: &Bound<'_, PyDict>) -> PyResult<RequestSpec> {
    fn get<'py, T: FromPyObjectOwned<'py>>(spec: &Bound<'py, PyDict>, key: &str) -> PyResult<Option<T>> {
        match spec.get_item(key)? {
            Some(value) if !value.is_none() => value.extract().map(Some).map_err(Into::into),
            _ => Ok(None),
        }
    }
    let py = spec.py();
    let wrong = |message: String| errors::exception(py, "RequestError", &message);
    let percentiles: BTreeMap<String, (f64, f64)> = get(spec, "difficulty_percentiles")?.unwrap_or_default();
    let replacement: Option<String> = get(spec, "sample_with_replacement")?;
    let pair = |(name, (low, high)): (String, (f64, f64))| {
        let pair = Percentiles::new(low, high);
        Ok((name.clone(), pair.map_err(|why| wrong(format!("difficulty_percentiles: {name}: {why}")))?))
    };
    Ok(RequestSpec {
        benchmarks: get(spec, "benchmarks")?.unwrap_or_default(),
        benchmark_ratios: get(spec, "benchmark_ratios")?,
        difficulty_split: get(spec, "difficulty_split")?,
        n_total_tasks: get(spec, "n_total_tasks")?.unwrap_or_default(),
        random_seed: get(spec, "random_seed")?,
        sample_with_replacement: replacement
            .map(|text| {
                Replacement::parse(&text).ok_or_else(|| {
                    wrong(format!("sample_with_replacement: {text:?}: write True, False or \"when_short\""))
                })
            })
            .transpose()?,
        sampler: get(spec, "sampler")?,
        difficulty: get(spec, "difficulty")?,
        min_responses: get(spec, "min_responses")?,
        difficulty_percentiles: percentiles.into_iter().map(pair).collect::<PyResult<_>>()?,
    })
}
