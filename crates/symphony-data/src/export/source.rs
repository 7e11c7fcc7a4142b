//! Where exported tasks come from: a pool, or preprocessed benchmarks.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{ExportError, GivenTasks};
use crate::{
    disk::{DiskError, checksum},
    pool::{PoolError, find_pool, manifest, read_pool},
    progress::{Note, Pass, Progress},
    store::{Store, meta_name, parts_name, preprocessed_in, store_name},
    task::{Layout, TaskView},
};

/// How many rows of a store are read at once.
const ROWS_AT_ONCE: usize = 4096;
/// How many tasks are exported between two looks at whether to stop.
const TASKS_AT_ONCE: u64 = 256;

/// Tasks to export.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    tasks: Tasks,
    /// How many there are, as far as that is known.
    total: Option<u64>,
}

#[derive(Debug)]
enum Tasks {
    Pool {
        file: PathBuf,
        /// The pool's manifest, if it belongs to the file.
        manifest: Option<Value>,
    },
    Stores(Vec<Store>),
    Given(GivenTasks),
}

impl Source {
    /// Takes tasks that are in memory.
    ///
    /// # Errors
    /// One of them is not valid, or a part of them was asked for.
    pub fn given(given: GivenTasks, benchmarks: &[String]) -> Result<Self, ExportError> {
        let path = PathBuf::from("tasks");
        if !benchmarks.is_empty() {
            return Err(ExportError::PartOfPool { path });
        }
        if let Some((task, reason)) = given.tasks.iter().find_map(|task| Some((task, task.fault()?))) {
            let reason = format!("{}: {reason}", task.task_id);
            return Err(PoolError::Malformed { path, reason }.into());
        }
        let total = Some(given.tasks.len() as u64);
        Ok(Self { path, tasks: Tasks::Given(given), total })
    }

    /// Opens the pool, or the preprocessed benchmarks, at `path`. Of these, only `benchmarks`, unless it is empty.
    pub fn open(path: &Path, benchmarks: &[String], progress: &dyn Progress) -> Result<Self, ExportError> {
        let pool = match benchmark_of(path) {
            Some(_) => None,
            None if path.is_dir() => find_pool(path),
            None => Some(path.to_owned()),
        };
        if let Some(file) = pool.filter(|file| file.exists()) {
            if !benchmarks.is_empty() {
                return Err(ExportError::PartOfPool { path: path.to_owned() });
            }
            let manifest = manifest_of(&file, progress)?;
            let total = manifest.as_ref().and_then(tasks_of);
            return Ok(Self { path: path.to_owned(), tasks: Tasks::Pool { file, manifest }, total });
        }
        let (folder, names) = match benchmark_of(path) {
            Some(benchmark) => (folder_of(path), vec![benchmark]),
            None => (path, preprocessed_in(path)?),
        };
        if names.is_empty() {
            return Err(nothing_at(path));
        }
        let wanted = if benchmarks.is_empty() { &names } else { benchmarks };
        let mut stores: Vec<Store> = Vec::with_capacity(wanted.len());
        for name in wanted {
            if !names.contains(name) {
                let (folder, benchmark) = (folder.to_owned(), name.clone());
                return Err(ExportError::NoBenchmark { folder, benchmark, has: names });
            }
            if stores.iter().any(|store| store.meta.benchmark == *name) {
                continue;
            }
            let mut store = Store::open(folder, name, progress)?;
            if store.index_problem(false).is_some() {
                store.make_index(None)?;
            }
            stores.push(store);
        }
        let total = stores.iter().map(|store| store.meta.n_tasks_full).sum();
        Ok(Self { path: path.to_owned(), tasks: Tasks::Stores(stores), total: Some(total) })
    }

    /// The path that was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that an export to `output` would not lie among the tasks.
    ///
    /// # Errors
    /// It would.
    pub fn check_apart(&self, output: &Path) -> Result<(), ExportError> {
        let own = match &self.tasks {
            Tasks::Pool { file, .. } => folder_of(file),
            Tasks::Stores(_) if benchmark_of(&self.path).is_some() => folder_of(&self.path),
            Tasks::Stores(_) => &self.path,
            Tasks::Given(_) => return Ok(()),
        };
        match (own.canonicalize(), output.canonicalize()) {
            (Ok(own), Ok(output)) if own == output => Err(ExportError::OwnFolder { folder: output }),
            _ => Ok(()),
        }
    }

    /// The name of the folder of the tasks, or of their file if it has a name of its own, in letters, digits and underscores.
    pub fn name(&self) -> String {
        let of_folder = |folder: &Path| {
            let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
            folder.file_name().map(|name| name.to_string_lossy().into_owned())
        };
        let name = match &self.tasks {
            Tasks::Pool { file, .. } if file.file_stem().is_some_and(|stem| stem != "task_pool") => {
                file.file_stem().map(|stem| stem.to_string_lossy().into_owned())
            }
            Tasks::Pool { file, .. } => of_folder(folder_of(file)),
            Tasks::Given(_) => Some("pool".to_owned()),
            Tasks::Stores(stores) if benchmark_of(&self.path).is_some() => {
                stores.first().map(|store| store.meta.benchmark.clone())
            }
            Tasks::Stores(_) => of_folder(&self.path),
        };
        let name = name.unwrap_or_default();
        let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(80).collect();
        if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("pool_{plain}") }
    }

    /// Calls `take` with each task, in order.
    pub fn each(
        &self,
        name: &str,
        pass: Pass,
        progress: &dyn Progress,
        mut take: impl FnMut(TaskView<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut done = 0;
        let mut told = |task: TaskView<'_>| {
            take(task)?;
            done += 1;
            if done % TASKS_AT_ONCE == 0 {
                progress.rows(name, pass, done, self.total);
                if progress.cancelled() {
                    return Err(ExportError::Stopped);
                }
            }
            Ok(())
        };
        match &self.tasks {
            Tasks::Pool { file, .. } => read_pool(file)?.try_for_each(|task| told(task?.view()))?,
            Tasks::Given(given) => given.tasks.iter().try_for_each(|task| told(task.view()))?,
            Tasks::Stores(stores) => {
                for store in stores {
                    let rows: Vec<u32> = (0..store.rows()? as u32).collect();
                    for rows in rows.chunks(ROWS_AT_ONCE) {
                        store.fetch(rows)?.iter().try_for_each(|task| told(task.alone()))?;
                    }
                }
            }
        }
        progress.rows(name, pass, done, Some(done));
        Ok(())
    }

    /// How its tasks were made: the pool's manifest, or the metas of the preprocessed benchmarks; with the key that they have in
    /// the manifest of an export.
    pub fn origin(&self) -> (&'static str, Value) {
        match &self.tasks {
            Tasks::Pool { manifest, .. } => ("pool", manifest.clone().unwrap_or_default()),
            Tasks::Given(GivenTasks { manifest, .. }) => {
                ("pool", manifest.as_ref().map(|manifest| manifest.value().clone()).unwrap_or_default())
            }
            Tasks::Stores(stores) => {
                let metas = stores.iter().map(|store| serde_json::to_value(&store.meta).unwrap_or_default());
                ("benchmarks", Value::Array(metas.collect()))
            }
        }
    }

    /// Where the rows of each benchmark came from: parts of a manifest, or metas. Those of a part of a stream are known too.
    pub fn parts(&self) -> Vec<Value> {
        let (key, mut origin) = self.origin();
        if let (Tasks::Given(GivenTasks { part_of: Some(stream), .. }), Value::Null) = (&self.tasks, &origin) {
            origin = stream.value().clone();
        }
        let parts =
            if key == "pool" { origin.get_mut("benchmarks").map(Value::take).unwrap_or_default() } else { origin };
        if let Value::Array(parts) = parts { parts } else { Vec::new() }
    }

    /// Whether any task is generated rather than real; `None` if that is not known.
    pub fn is_synthetic(&self) -> Option<bool> {
        let of = |manifest: &Value| manifest.get("synthetic").and_then(Value::as_bool);
        match &self.tasks {
            Tasks::Pool { manifest, .. } => manifest.as_ref().and_then(of),
            Tasks::Given(GivenTasks { manifest, part_of, .. }) => {
                manifest.as_ref().or(part_of.as_ref()).and_then(|manifest| of(manifest.value()))
            }
            Tasks::Stores(stores) => Some(stores.iter().any(|store| store.meta.is_synthetic())),
        }
    }

    /// Whether the tasks are a pool's.
    pub fn is_pool(&self) -> bool {
        !matches!(self.tasks, Tasks::Stores(_))
    }
}

/// The benchmark of a path that is named as a store: `gsm8k_full.jsonl`, or `gsm8k_full` beside its meta.
fn benchmark_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    if path.is_dir() {
        let benchmark = name.strip_suffix(&parts_name(""))?;
        return folder_of(path).join(meta_name(benchmark)).exists().then(|| benchmark.to_owned());
    }
    let of = |format: Layout| name.strip_suffix(&store_name("", format)).map(str::to_owned);
    Layout::ALL.into_iter().find_map(of)
}

/// The folder of a file.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The error for a path without tasks. It names folders below it that have some.
fn nothing_at(path: &Path) -> ExportError {
    let has_tasks =
        |folder: &PathBuf| find_pool(folder).is_some() || preprocessed_in(folder).is_ok_and(|names| !names.is_empty());
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut below: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    below.retain(has_tasks);
    below.sort();
    ExportError::Nothing { path: path.to_owned(), below }
}

/// The manifest of a pool's file; `None`, with a warning, if it does not belong to the file as it is now.
fn manifest_of(file: &Path, progress: &dyn Progress) -> Result<Option<Value>, ExportError> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let path = file.with_file_name(manifest::manifest_name(name));
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    let unreadable = |error| PoolError::Disk(DiskError::new(file, "read this pool", error));
    let (now, _) = checksum::of_file(file, "sha256:").map_err(unreadable)?;
    if checksum::is_sealed(&text) && manifest::recorded(&text, name).is_some_and(|recorded| recorded == now) {
        return Ok(serde_json::from_str(&text).ok());
    }
    let warning = format!(
        "{} is not the manifest of {name} as it is now, so the export says nothing of how the pool was drawn",
        path.display()
    );
    progress.note(Note::Warning(&warning));
    Ok(None)
}

/// The number of tasks that a manifest records.
fn tasks_of(manifest: &Value) -> Option<u64> {
    let parts = manifest.get("benchmarks")?.as_array()?;
    let counts = parts.iter().flat_map(|part| part["got"].as_object().into_iter().flatten());
    Some(counts.filter_map(|(_, count)| count.as_u64()).sum())
}
