//! The calls below `symphony_data.DatasetBuilder`.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf, sync::Arc};

use pyo3::{exceptions::PyKeyboardInterrupt, prelude::*, types::PyDict};
use pyo3_arrow::PyTable;
use symphony_data::{
    Error,
    bin::Percentiles,
    calibration::ItemModel,
    compare::{CompareOptions, compare},
    config::{Config, DEFAULT_CONFIG, read_file},
    draw::{self, Order, Stores, Writing, make_pools, with_stores},
    evidence::{
        calibrate::{CalibrateOptions, PriorChoice, calibrate_all},
        responses::{Catalogue, Input, ReadOptions, Unmapped, convert, read},
        validation::{PoolTasks, ScoredBy, pool_tasks, validate},
    },
    export::{self, ExportOptions, GivenTasks, Target},
    preprocess::{
        PreprocessOptions, Upkeep, preprocess,
        shard::{Cluster, GivenConfig, preprocess_on},
    },
    progress::{Note, Progress},
    request::{GivenIds, Replacement, Request, RequestSpec, TaskIds},
    results::{
        By, Missing, ResultsOptions,
        power::{PowerOptions, power},
        results,
    },
    store::{Meta, OnBadRow, StoreError},
    task::Layout,
    yaml::Problems,
};

use crate::{
    errors,
    function::Registered,
    progress::{PyProgress, Run},
    report::{Asked, GivenPool, MadeReport, make},
    shard::PyWorkers,
    storage::storage,
    stream::{Home, TaskStream, described_by, manifest_of, origin_of, to_library},
    work,
};

/// Said where Ctrl-C came and a callable goes on.
const LEFT_BEHIND: &str = "stopped while a Python function was being called: its call goes on in the background until it \
    returns, and the folder stays locked until then; no unfinished file will stay";

/// A checked configuration, and the work on it. Every call that works takes `note(level, message)`.
#[pyclass(module = "symphony_data._core")]
pub struct Builder {
    config: Config,
    /// The configuration's name and text, for experiments that come later.
    source: (String, String),
    functions: Vec<Registered>,
}

impl Builder {
    /// Runs `work` without the GIL, and raises the exception of a callable or the error of the work. The work gets the
    /// configuration with functions that know of this run, so that runs on several threads do not end each other.
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        progress: Option<Py<PyAny>>,
        note: Py<PyAny>,
        work: impl FnOnce(&Config, &PyProgress) -> Result<T, Error> + Send + 'static,
    ) -> PyResult<T> {
        let run = Run::new();
        let mut config = self.config.clone();
        for function in &self.functions {
            register(py, &mut config, function, &run)?;
        }
        config.use_storage(&storage(&run));
        let told = note.clone_ref(py);
        let progress = PyProgress::new(progress, note, run.clone());
        let outcome = work::beside(py, &run, move || work(&config, &progress));
        if outcome.is_none() {
            // The exception that is raised below tells the user that it ended; a handler that fails adds nothing to that.
            let _ = told.call1(py, ("info", LEFT_BEHIND));
        }
        match (run.ended_by(py), outcome) {
            (Some(raised), _) => Err(raised),
            (None, Some(outcome)) => outcome.map_err(|error| errors::raised(py, &error)),
            // Work is left behind only after an exception.
            (None, None) => Err(PyKeyboardInterrupt::new_err(())),
        }
    }

    /// The request whose keys `spec` holds.
    fn request(&self, py: Python<'_>, spec: &Bound<'_, PyDict>) -> PyResult<Request> {
        spec_of(spec)?.resolve(&self.config).map_err(|mut problems| {
            // The parameter of this name is called otherwise.
            for problem in problems.0.iter_mut().filter(|problem| problem.field == "benchmarks") {
                "benchmarks_to_include".clone_into(&mut problem.field);
            }
            errors::bad_request(py, &problems)
        })
    }
}

fn bad_rows(policy: &str) -> OnBadRow {
    if policy == "skip" { OnBadRow::Skip } else { OnBadRow::Stop }
}

fn register(py: Python<'_>, config: &mut Config, function: &Registered, run: &Arc<Run>) -> PyResult<()> {
    let registered = config.register_feature(&function.name, &function.within(py, run));
    registered.map_err(|problems| errors::bad_request(py, &problems))
}

#[pymethods]
impl Builder {
    /// The configuration of a file, or of a dict's text; the built-in one where there is neither.
    #[new]
    fn new(py: Python<'_>, path: Option<PathBuf>, text: Option<String>) -> PyResult<Self> {
        let wrong = |problems: Problems| errors::raised(py, &problems.into());
        let (name, text) = match (path, text) {
            (_, Some(text)) => (errors::DICT.to_owned(), text),
            (Some(path), None) => {
                let text = read_file(&path).map_err(|problems| match path.try_exists() {
                    Ok(false) => errors::exception(py, "MissingDataError", &problems.to_string()),
                    _ => wrong(problems),
                })?;
                (path.to_string_lossy().into_owned(), text)
            }
            (None, None) => ("built-in data_config.yaml".to_owned(), DEFAULT_CONFIG.to_owned()),
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
        this: &Bound<'_, Self>,
        names: Vec<String>,
        output_dir: PathBuf,
        force: bool,
        on_bad_row: Option<&str>,
        locked: bool,
        format: Option<&str>,
        parts: Option<NonZeroUsize>,
        progress: Option<Py<PyAny>>,
        note: Py<PyAny>,
    ) -> PyResult<Vec<(String, TaskStream)>> {
        let on_bad_row = on_bad_row.map(bad_rows);
        let format = format.and_then(Layout::parse);
        let options = PreprocessOptions { on_bad_row, force, locked, format, parts };
        let home = home(this, output_dir);
        let folder = home.full_dir.clone();
        let metas = this.borrow().run(this.py(), progress, note, move |config, progress| {
            let chosen = config.enabled().filter(|benchmark| names.contains(&benchmark.name));
            let one = |benchmark: &symphony_data::config::Benchmark| {
                let cut = config.store_cut_of(&benchmark.name);
                Ok(preprocess(benchmark, cut, &folder, options, progress)?.1)
            };
            chosen.map(one).collect::<Result<Vec<Meta>, Error>>()
        })?;
        Ok(metas
            .into_iter()
            .map(|meta| {
                let length = meta.n_tasks_full as usize;
                let stream = TaskStream::stored(home.full_dir.clone(), meta.benchmark.clone(), length);
                (meta.benchmark, stream.made_in(&home))
            })
            .collect())
    }

    /// The registered functions that the rule of a benchmark uses: the name, the function and the version of each.
    fn functions(&self, py: Python<'_>, benchmark: &str) -> Vec<(String, Py<PyAny>, String)> {
        let used = self.config.benchmark(benchmark).map(|benchmark| benchmark.rule.callers_functions());
        let used = used.unwrap_or_default();
        self.functions.iter().filter(|function| used.contains(&function.name)).map(|known| known.parts(py)).collect()
    }

    /// Stage 1 for one benchmark by workers, which do the jobs that `jobs` is called with. `functions` changes when those do
    /// that workers get.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python function.
    fn preprocess_on(
        this: &Bound<'_, Self>,
        name: String,
        output_dir: PathBuf,
        force: bool,
        on_bad_row: Option<&str>,
        locked: bool,
        format: Option<&str>,
        shards: NonZeroUsize,
        shared: Option<String>,
        jobs: Py<PyAny>,
        functions: String,
        progress: Option<Py<PyAny>>,
        note: Py<PyAny>,
    ) -> PyResult<TaskStream> {
        let on_bad_row = on_bad_row.map(bad_rows);
        let format = format.and_then(Layout::parse);
        let options = PreprocessOptions { on_bad_row, force, locked, format, parts: None };
        let folder = output_dir.clone();
        let home = home(this, output_dir.clone());
        let (config_name, text) = this.borrow().source.clone();
        let given = GivenConfig { name: config_name, text, functions };
        let meta = this.borrow().run(this.py(), progress, note, move |config, progress| {
            let unknown = || StoreError::Missing { benchmark: name.clone(), folder: folder.clone() };
            let benchmark = config.benchmark(&name).ok_or_else(unknown)?;
            let workers = PyWorkers { jobs, run: progress.run().clone() };
            let cut = config.store_cut_of(&name);
            let cluster = Cluster { workers: &workers, config: &given, shards, shared: shared.as_deref() };
            Ok(preprocess_on(cluster, benchmark, cut, &folder, options, progress)?.1)
        })?;
        Ok(TaskStream::stored(output_dir, meta.benchmark, meta.n_tasks_full as usize).made_in(&home))
    }

    /// The tasks of one preprocessed benchmark.
    fn load_preprocessed(
        this: &Bound<'_, Self>,
        name: String,
        folder: PathBuf,
        note: Py<PyAny>,
    ) -> PyResult<TaskStream> {
        let home = home(this, folder.clone());
        let load =
            move |_: &Config, progress: &PyProgress| Ok(draw::load_preprocessed_table(&name, &folder, progress)?);
        let batches = this.borrow().run(this.py(), None, note, load)?;
        Ok(TaskStream::of_batches(batches).made_in(&home))
    }

    /// Stage 2 for one request; `spec` holds its keys.
    fn build(
        this: &Bound<'_, Self>,
        spec: &Bound<'_, PyDict>,
        full_dir: PathBuf,
        note: Py<PyAny>,
    ) -> PyResult<TaskStream> {
        let (py, own) = (this.py(), this.borrow());
        let request = own.request(py, spec)?;
        let home = home(this, full_dir.clone());
        let (batches, manifest) = own.run(py, None, note, move |config, progress| {
            Ok(draw::build_task_table(config, &full_dir, &request, progress)?)
        })?;
        Ok(TaskStream::drawn(batches, manifest).made_in(&home))
    }

    /// What a pool of this request could tell apart, as JSON. Nothing is written.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn power(
        &self,
        py: Python<'_>,
        spec: &Bound<'_, PyDict>,
        delta: Option<f64>,
        responses: Vec<Bound<'_, PyAny>>,
        models: Option<(String, String)>,
        full_dir: PathBuf,
        demo: bool,
        filter: Option<String>,
        metric: Option<String>,
        note: Py<PyAny>,
    ) -> PyResult<String> {
        let request = self.request(py, spec)?;
        let inputs = inputs_of(&responses)?;
        self.run(py, None, note, move |config, progress| {
            PowerOptions { delta, ..PowerOptions::default() }.check()?;
            let gathered = if inputs.is_empty() {
                None
            } else {
                let config = &for_demo(config, demo)?;
                let mut catalogue = Catalogue::of(config, &full_dir, &request.benchmarks(), progress)?;
                let gathered = read(&inputs, &mut catalogue, &ReadOptions { filter, metric }, progress)?;
                warn_of(&gathered.unmapped, progress);
                Some(gathered)
            };
            let responses = gathered.as_ref().map_or(&[][..], |gathered| &gathered.benchmarks);
            let stores = Stores::open(config, &full_dir, [&request], Upkeep::Report, progress)?;
            let drawn = stores.draw_with_rows(&request)?;
            drawn.warnings.iter().for_each(|warning| progress.note(Note::Warning(warning)));
            let found = power(&drawn, &PowerOptions { delta, responses, models })?;
            Ok(serde_json::to_string(&found).unwrap_or_default())
        })
    }

    /// Stage 2 for experiments in YAML (or JSON) of the file `name`, or of a dict: makes their pools, and gives their folders.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn run_experiments(
        &self,
        py: Python<'_>,
        name: Option<&str>,
        text: &str,
        full_dir: PathBuf,
        output_dir: PathBuf,
        strict: bool,
        force: bool,
        format: &str,
        note: Py<PyAny>,
    ) -> PyResult<Vec<(String, PathBuf)>> {
        let (config_name, config_text) = &self.source;
        let experiments = (name.unwrap_or(errors::DICT), text);
        let mut config = Config::from_yaml_with_experiments(config_name, config_text, Some(experiments))
            .map_err(|problems| errors::bad_request(py, &problems))?;
        let format = Layout::parse(format).unwrap_or_default();
        self.run(py, None, note, move |registered, progress| {
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

    /// How scores compare with responses, as JSON. `tasks` are those of a pool, or its path: they are compared too.
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
        // A stream that was drawn, or a part of one, knows whose responses set its difficulty.
        let mut drawn = tasks.and_then(described_by).and_then(|manifest| manifest.measured_parts());
        let tasks = tasks.filter(|_| pool.is_none()).map(|tasks| to_library("tasks", tasks)).transpose()?;
        self.run(py, None, note, move |config, progress| {
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

    /// How well models do on a pool (its tasks, or its path), as JSON.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn results(
        &self,
        py: Python<'_>,
        pool: &Bound<'_, PyAny>,
        responses: Vec<Bound<'_, PyAny>>,
        models: Vec<String>,
        baseline: Option<String>,
        by: Vec<String>,
        missing: &str,
        calibrations: Vec<PathBuf>,
        demo: bool,
        filter: Option<String>,
        metric: Option<String>,
        note: Py<PyAny>,
    ) -> PyResult<String> {
        let inputs = inputs_of(&responses)?;
        let options = ResultsOptions {
            models,
            baseline,
            by: by.iter().map(|by| By::parse(by)).collect(),
            missing: Missing::parse(missing).unwrap_or_default(),
            calibrations,
            read: ReadOptions { filter, metric },
        };
        let pool = GivenPool::of("pool", "tasks", pool)?;
        self.run(py, None, note, move |config, progress| {
            let found = results(&pool.read()?, &inputs, &for_demo(config, demo)?, &options, progress)?;
            warn_of(&found.unmapped, progress);
            Ok(serde_json::to_string(&found).unwrap_or_default())
        })
    }

    /// Makes a report on pools (tasks, or paths), and writes it to the places that are named.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn report(
        &self,
        py: Python<'_>,
        pools: Vec<Bound<'_, PyAny>>,
        responses: Vec<Bound<'_, PyAny>>,
        baseline: Option<String>,
        full_dir: PathBuf,
        output: Option<PathBuf>,
        svg: Option<PathBuf>,
        png: Option<PathBuf>,
        force: bool,
        demo: bool,
        filter: Option<String>,
        metric: Option<String>,
        note: Py<PyAny>,
    ) -> PyResult<MadeReport> {
        let asked = Asked {
            pools: GivenPool::several("pools", &pools)?,
            responses: inputs_of(&responses)?,
            baseline,
            full_dir,
            read: ReadOptions { filter, metric },
            output,
            svg,
            png,
            force,
        };
        self.run(py, None, note, move |config, progress| make(asked, for_demo(config, demo)?, progress))
    }

    /// Finds copies, conflicts and near-duplicates, and overlap with other text, and gives the report as JSON.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn duplicates(
        &self,
        py: Python<'_>,
        benchmarks: Vec<String>,
        against: Vec<String>,
        output: Option<PathBuf>,
        least: f64,
        full_dir: PathBuf,
        demo: bool,
        progress: Option<Py<PyAny>>,
        note: Py<PyAny>,
    ) -> PyResult<String> {
        let options = CompareOptions { benchmarks, against, output, least };
        self.run(py, progress, note, move |config, progress| {
            let report = compare(&for_demo(config, demo)?, &full_dir, &options, progress)?;
            Ok(serde_json::to_string(&report).unwrap_or_default())
        })
    }

    /// Fits difficulties to responses, and gives them as a JSON list.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn calibrate(
        &self,
        py: Python<'_>,
        responses: Vec<Bound<'_, PyAny>>,
        output_dir: PathBuf,
        model: &str,
        prior: Option<&str>,
        chance: BTreeMap<String, f64>,
        names: Vec<String>,
        full_dir: PathBuf,
        demo: bool,
        filter: Option<String>,
        metric: Option<String>,
        note: Py<PyAny>,
    ) -> PyResult<String> {
        let inputs = inputs_of(&responses)?;
        let prior = prior.map(PriorChoice::parse).unwrap_or_default();
        let options = CalibrateOptions { model: ItemModel::parse(model).unwrap_or_default(), chance, prior };
        self.run(py, None, note, move |config, progress| {
            let config = &for_demo(config, demo)?;
            let mut catalogue = Catalogue::of(config, &full_dir, &names, progress)?;
            let gathered = read(&inputs, &mut catalogue, &ReadOptions { filter, metric }, progress)?;
            warn_of(&gathered.unmapped, progress);
            let fitted = calibrate_all(&gathered, &mut catalogue, &options, &output_dir, progress)?;
            Ok(serde_json::to_string(&fitted).unwrap_or_default())
        })
    }

    /// Writes responses in our own form, and gives the counts as JSON.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn responses(
        &self,
        py: Python<'_>,
        responses: Vec<Bound<'_, PyAny>>,
        output: PathBuf,
        names: Vec<String>,
        full_dir: PathBuf,
        demo: bool,
        filter: Option<String>,
        metric: Option<String>,
        note: Py<PyAny>,
    ) -> PyResult<String> {
        let inputs = inputs_of(&responses)?;
        self.run(py, None, note, move |config, progress| {
            let config = &for_demo(config, demo)?;
            let mut catalogue = Catalogue::of(config, &full_dir, &names, progress)?;
            let options = ReadOptions { filter, metric };
            let converted = convert(&inputs, &mut catalogue, &options, &output, progress)?;
            warn_of(&converted.unmapped, progress);
            Ok(serde_json::to_string(&converted).unwrap_or_default())
        })
    }

    /// Exports a pool, preprocessed benchmarks, or tasks, and gives what was written as JSON.
    #[allow(clippy::too_many_arguments)] // The arguments of the Python method.
    fn export(
        &self,
        py: Python<'_>,
        tasks: &Bound<'_, PyAny>,
        to: &str,
        output: PathBuf,
        name: Option<String>,
        benchmarks: Vec<String>,
        force: bool,
        progress: Option<Py<PyAny>>,
        note: Py<PyAny>,
    ) -> PyResult<String> {
        let input = match tasks.extract::<PathBuf>() {
            Ok(path) => export::Input::Path(path),
            Err(_) => export::Input::Tasks(GivenTasks {
                tasks: to_library("tasks", tasks)?,
                manifest: manifest_of(tasks),
                part_of: origin_of(tasks),
            }),
        };
        let target = Target::parse(to).ok_or_else(|| errors::exception(py, "RequestError", to))?;
        let options = ExportOptions { target, name, benchmarks, force };
        self.run(py, progress, note, move |config, progress| {
            let exported = export::export(vec![input], config, &options, &output, progress)?;
            Ok(serde_json::to_string(&exported.first()).unwrap_or_default())
        })
    }

    /// Writes tasks as JSON lines or Parquet, by the ending of the name.
    fn save_task_pool(&self, py: Python<'_>, tasks: &Bound<'_, PyAny>, path: PathBuf, note: Py<PyAny>) -> PyResult<()> {
        let manifest = manifest_of(tasks);
        if manifest.is_none() && origin_of(tasks).is_some() {
            let part = "a part of a drawn stream is not what its request asked for, so it is saved without a manifest";
            note.call1(py, ("info", format!("{}: {part}", path.display())))?;
        }
        let tasks = to_library("task_stream", tasks)?;
        // No program could read such a task back.
        if let Some((at, why)) = tasks.iter().enumerate().find_map(|(at, task)| Some((at, task.fault()?))) {
            let message = format!("task_stream: item {at} ({}): {why}", tasks[at].task_id);
            return Err(errors::exception(py, "RequestError", &message));
        }
        self.run(py, None, note, move |_, progress| {
            Ok(draw::save_task_pool(&tasks, manifest.as_ref(), &path, progress)?)
        })
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
        let tasks = to_library("task_stream", tasks)?;
        self.run(py, None, note, move |_, progress| {
            Ok(draw::save_statistics(&tasks, manifest.as_ref(), &path, progress)?)
        })
    }
}

/// Where this builder makes streams from a folder. They are read when they are first used; the program may work in another
/// folder by then.
fn home(builder: &Bound<'_, Builder>, full_dir: PathBuf) -> Arc<Home> {
    let full_dir = std::path::absolute(&full_dir).unwrap_or(full_dir);
    Arc::new(Home { builder: builder.clone().unbind(), full_dir })
}

/// The configuration, on generated rows for a demo.
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

/// The request in a dict with its keys.
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
    let mut request = RequestSpec {
        benchmarks: get(spec, "benchmarks")?.unwrap_or_default(),
        exclude_benchmarks: get(spec, "exclude_benchmarks")?.unwrap_or_default(),
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
        order: get(spec, "order")?,
        difficulty: get(spec, "difficulty")?,
        min_responses: get(spec, "min_responses")?,
        difficulty_percentiles: percentiles.into_iter().map(pair).collect::<PyResult<_>>()?,
        ..RequestSpec::default()
    };
    // Keys that hold more than names and numbers come in the form that they have in files.
    if let Some(keys) = get::<String>(spec, "keys")? {
        request.read_keys(&keys).map_err(|problems| errors::bad_request(py, &problems))?;
    }
    if let Some(excluded) = spec.get_item("exclude_tasks")?.filter(|tasks| !tasks.is_none()) {
        for tasks in excluded.try_iter()? {
            let ids = to_library("exclude", &tasks?)?.into_iter().map(|task| TaskIds {
                benchmark: Some(task.benchmark),
                source_id: task.source_id.map(|id| id.as_str().to_owned()),
                identity: task.identity.and_then(|identity| u64::from_str_radix(identity.as_str(), 16).ok()),
            });
            request.rows.exclude_tasks.push(GivenIds(Arc::new(ids.collect())));
        }
    }
    Ok(request)
}
