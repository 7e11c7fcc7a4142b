//! `DatasetBuilder`: the façade of the brief. No logic of its own.

use std::path::Path;

use crate::{
    config::{Config, read_file},
    draw,
    error::Error,
    pool::manifest::PoolManifest,
    preprocess::{PreprocessOptions, preprocess},
    progress::{Progress, Silent},
    request::RequestSpec,
    store::Meta,
    task::Task,
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
            let cut = self.config.store_cut_of(&benchmark.name);
            Ok(preprocess(benchmark, cut, output_dir, options, &*self.progress)?.1)
        });
        all.collect()
    }

    /// The scored tasks of one preprocessed benchmark, in the order of its rows.
    ///
    /// # Errors
    /// The store is missing, or is not as it was written.
    pub fn load_preprocessed_benchmark(&self, name: &str, preprocessed_dir: &Path) -> Result<Vec<Task>, Error> {
        let stored = draw::load_preprocessed_benchmark(name, preprocessed_dir, &*self.progress)?;
        Ok(stored.iter().map(|task| task.alone().to_task()).collect())
    }

    /// Stage 2: the tasks that `request` asks for, in stream order.
    ///
    /// # Errors
    /// A bad request, a store that is missing, or a stream of no tasks.
    pub fn build_task_stream(&self, request: &RequestSpec, full_dir: &Path) -> Result<TaskStream, Error> {
        let request = request.resolve(&self.config)?;
        let (tasks, manifest) = draw::build_task_stream(&self.config, full_dir, &request, &*self.progress)?;
        Ok(TaskStream { tasks: tasks.iter().map(|task| task.to_task()).collect(), manifest: Some(manifest) })
    }

    /// Writes a stream as JSON lines, or as Parquet where the path ends in `.parquet`; beside one that was drawn, its manifest.
    ///
    /// # Errors
    /// The disk.
    pub fn save_task_pool(&self, stream: &TaskStream, output_path: &Path) -> Result<(), Error> {
        Ok(draw::save_task_pool(&stream.tasks, stream.manifest.as_ref(), output_path, &*self.progress)?)
    }

    /// Writes the statistics of a stream.
    ///
    /// # Errors
    /// No tasks, or the disk.
    pub fn save_statistics(&self, stream: &TaskStream, output_path: &Path) -> Result<(), Error> {
        Ok(draw::save_statistics(&stream.tasks, stream.manifest.as_ref(), output_path, &*self.progress)?)
    }
}

/// The tasks of a stream, in order, and how they were drawn, where they were.
#[derive(Clone, Debug)]
pub struct TaskStream {
    tasks: Vec<Task>,
    manifest: Option<PoolManifest>,
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
