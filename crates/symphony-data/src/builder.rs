//! `DatasetBuilder`: the class of Symphony 2.0, as a thin layer over the other modules.

use std::path::Path;

use crate::{
    compare::{self, CompareOptions},
    config::{Config, read_file},
    draw,
    error::Error,
    evidence::responses::Input,
    export::{self, ExportOptions, Exported, GivenTasks},
    pool::manifest::PoolManifest,
    preprocess::{PreprocessOptions, preprocess},
    progress::{Progress, Silent},
    request::RequestSpec,
    results::{self, AnsweredPool, Results, ResultsOptions},
    store::Meta,
    task::Task,
};

/// Makes task pools from a configuration, in two stages: preprocess the benchmarks, then draw tasks.
pub struct DatasetBuilder {
    /// The checked configuration.
    pub config: Config,
    progress: Box<dyn Progress + Send>,
}

impl DatasetBuilder {
    /// A builder with a checked configuration.
    pub fn new(config: Config) -> Self {
        Self { config, progress: Box::new(Silent) }
    }

    /// A builder with the configuration in a file.
    ///
    /// # Errors
    /// The file cannot be read, or has problems.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        Self::from_yaml(&path.to_string_lossy(), &read_file(path)?)
    }

    /// A builder with a configuration in YAML. Messages name it as `name`.
    ///
    /// # Errors
    /// The problems in it.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, Error> {
        Ok(Self::new(Config::from_yaml(name, text)?))
    }

    /// The same builder, which reports its work to `progress`.
    #[must_use]
    pub fn with_progress(self, progress: impl Progress + Send + 'static) -> Self {
        Self { progress: Box::new(progress), ..self }
    }

    /// Runs stage 1 for every enabled benchmark.
    ///
    /// # Errors
    /// The error of the first benchmark that cannot be preprocessed.
    pub fn preprocess_all_benchmarks(&self, output_dir: &Path, options: PreprocessOptions) -> Result<Vec<Meta>, Error> {
        let all = self.config.enabled().map(|benchmark| {
            let cut = self.config.store_cut_of(&benchmark.name);
            Ok(preprocess(benchmark, cut, output_dir, options, &*self.progress)?.1)
        });
        all.collect()
    }

    /// All scored tasks of a preprocessed benchmark, in the order of its rows.
    ///
    /// # Errors
    /// The store is missing, or was changed since it was written.
    pub fn load_preprocessed_benchmark(&self, name: &str, preprocessed_dir: &Path) -> Result<Vec<Task>, Error> {
        let stored = draw::load_preprocessed_benchmark(name, preprocessed_dir, &*self.progress)?;
        Ok(stored.iter().map(|task| task.alone().to_task()).collect())
    }

    /// Runs stage 2: draws the tasks of `request`, in stream order.
    ///
    /// # Errors
    /// The request has problems, a store is missing, or no task can be drawn.
    pub fn build_task_stream(&self, request: &RequestSpec, full_dir: &Path) -> Result<TaskStream, Error> {
        let request = request.resolve(&self.config)?;
        let (tasks, manifest) = draw::build_task_stream(&self.config, full_dir, &request, &*self.progress)?;
        Ok(TaskStream { tasks: tasks.iter().map(|task| task.to_task()).collect(), manifest: Some(manifest) })
    }

    /// Writes a stream as JSON lines, or as Parquet if the path ends in `.parquet`; and, if it was drawn, its manifest beside it.
    ///
    /// # Errors
    /// The disk fails.
    pub fn save_task_pool(&self, stream: &TaskStream, output_path: &Path) -> Result<(), Error> {
        Ok(draw::save_task_pool(&stream.tasks, stream.manifest.as_ref(), output_path, &*self.progress)?)
    }

    /// Finds copies, conflicts and near-duplicates in preprocessed benchmarks, and what of them occurs in other text.
    ///
    /// # Errors
    /// Those of [`compare()`](compare::compare()).
    pub fn duplicates(&self, full_dir: &Path, options: &CompareOptions) -> Result<compare::Report, Error> {
        Ok(compare::compare(&self.config, full_dir, options, &*self.progress)?)
    }

    /// Exports pools, preprocessed benchmarks or tasks in the form that an evaluation harness runs.
    ///
    /// # Errors
    /// Those of [`export()`](export::export()).
    pub fn export(
        &self,
        inputs: Vec<export::Input>,
        options: &ExportOptions,
        output: &Path,
    ) -> Result<Vec<Exported>, Error> {
        Ok(export::export(inputs, &self.config, options, output, &*self.progress)?)
    }

    /// How well models do on a pool, how sure that is, and which of them are better. The pool can be read
    /// ([`AnsweredPool::read`]) or made of a stream.
    ///
    /// # Errors
    /// Those of [`results()`](results::results()).
    pub fn results(
        &self,
        pool: &AnsweredPool,
        responses: &[Input],
        options: &ResultsOptions,
    ) -> Result<Results, Error> {
        Ok(results::results(pool, responses, &self.config, options, &*self.progress)?)
    }

    /// Writes the statistics of a stream.
    ///
    /// # Errors
    /// The stream has no tasks, or the disk fails.
    pub fn save_statistics(&self, stream: &TaskStream, output_path: &Path) -> Result<(), Error> {
        Ok(draw::save_statistics(&stream.tasks, stream.manifest.as_ref(), output_path, &*self.progress)?)
    }
}

/// The tasks of a stream, in order; and, if it was drawn, its manifest.
#[derive(Clone, Debug)]
pub struct TaskStream {
    tasks: Vec<Task>,
    manifest: Option<PoolManifest>,
}

impl From<TaskStream> for export::Input {
    fn from(stream: TaskStream) -> Self {
        Self::Tasks(GivenTasks { tasks: stream.tasks, manifest: stream.manifest, part_of: None })
    }
}

impl From<TaskStream> for AnsweredPool {
    fn from(stream: TaskStream) -> Self {
        Self::of_tasks("tasks", stream.tasks, stream.manifest.as_ref())
    }
}

impl From<Vec<Task>> for TaskStream {
    fn from(tasks: Vec<Task>) -> Self {
        Self { tasks, manifest: None }
    }
}

impl std::ops::Deref for TaskStream {
    type Target = [Task];

    fn deref(&self) -> &[Task] {
        &self.tasks
    }
}

impl IntoIterator for TaskStream {
    type Item = Task;
    type IntoIter = std::vec::IntoIter<Task>;

    fn into_iter(self) -> Self::IntoIter {
        self.tasks.into_iter()
    }
}

impl<'s> IntoIterator for &'s TaskStream {
    type Item = &'s Task;
    type IntoIter = std::slice::Iter<'s, Task>;

    fn into_iter(self) -> Self::IntoIter {
        self.tasks.iter()
    }
}
