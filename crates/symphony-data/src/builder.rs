//! `DatasetBuilder`: the façade of the brief. No logic of its own.

use std::path::Path;

use crate::{
    config::{Config, RequestSpec, read_file},
    error::Error,
    experiment,
    pool::Task,
    preprocess::{PreprocessOptions, preprocess},
    progress::{Progress, Silent},
    store::Meta,
};

/// Makes task pools from a configuration, in the two stages of the brief.
pub struct DatasetBuilder {
    /// The checked configuration.
    pub config: Config,
    progress: Box<dyn Progress + Send>,
}

impl DatasetBuilder {
    /// A builder on a checked configuration.
    pub fn new(config: Config) -> Self {
        Self { config, progress: Box::new(Silent) }
    }

    /// A builder on a configuration file.
    ///
    /// # Errors
    /// The file is absent, or has problems.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        Self::from_yaml(&path.to_string_lossy(), &read_file(path)?)
    }

    /// A builder on configuration text that messages call `name`.
    ///
    /// # Errors
    /// The problems in it.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, Error> {
        Ok(Self::new(Config::from_yaml(name, text)?))
    }

    /// The same builder, telling `progress` what it does.
    #[must_use]
    pub fn with_progress(self, progress: impl Progress + Send + 'static) -> Self {
        Self { progress: Box::new(progress), ..self }
    }

    /// Stage 1 for every enabled benchmark.
    ///
    /// # Errors
    /// The first benchmark that fails.
    pub fn preprocess_all_benchmarks(&self, output_dir: &Path, options: PreprocessOptions) -> Result<Vec<Meta>, Error> {
        let all = self.config.enabled().map(|benchmark| {
            let cut = self.config.cut_of(&benchmark.name);
            Ok(preprocess(benchmark, cut, output_dir, options, &*self.progress)?.1)
        });
        all.collect()
    }

    /// The scored tasks of one preprocessed benchmark, in the order of its rows.
    ///
    /// # Errors
    /// The store is missing, or is not as it was written.
    pub fn load_preprocessed_benchmark(&self, name: &str, preprocessed_dir: &Path) -> Result<Vec<Task>, Error> {
        let stored = experiment::load_preprocessed_benchmark(name, preprocessed_dir, &*self.progress)?;
        Ok(stored.iter().map(|task| task.alone().to_task()).collect())
    }

    /// Stage 2: the tasks that `request` asks for, in stream order.
    ///
    /// # Errors
    /// A bad request, a store that is missing, or a stream of no tasks.
    pub fn build_task_stream(&self, request: &RequestSpec, full_dir: &Path) -> Result<Vec<Task>, Error> {
        let request = request.resolve(&self.config)?;
        let tasks = experiment::build_task_stream(&self.config, full_dir, &request, &*self.progress)?;
        Ok(tasks.iter().map(|task| task.to_task()).collect())
    }

    /// Writes tasks as JSON lines.
    ///
    /// # Errors
    /// The disk.
    pub fn save_task_pool(&self, tasks: &[Task], output_path: &Path) -> Result<(), Error> {
        Ok(experiment::save_task_pool(tasks, output_path, &*self.progress)?)
    }

    /// Writes the statistics of tasks.
    ///
    /// # Errors
    /// No tasks, or the disk.
    pub fn save_statistics(&self, tasks: &[Task], output_path: &Path) -> Result<(), Error> {
        experiment::save_statistics(tasks, output_path, &*self.progress)
    }
}
