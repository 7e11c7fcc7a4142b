//! Writes pools: whole or not at all, and never over files of another origin.

use std::path::{Path, PathBuf};

use super::{DrawError, Drawn, DrawnPart, Stores};
use crate::{
    disk::{DiskError, Folder, NewFile, checksum},
    pool::{
        self, MANIFEST, STATISTICS, Statistics,
        manifest::{self, DifficultyRecord, Existing, PoolManifest, Unvouched},
        statistics::Gatherer,
        task_pool,
    },
    progress::{Note, Progress},
    request::{Exclude, Experiment, Request},
    task::{Layout, Task, TaskView},
};

/// Options for writing pools.
#[derive(Clone, Copy, Debug, Default)]
pub struct Writing {
    /// Write no pool if any cannot be met in full.
    pub strict: bool,
    /// Replace existing files, whatever they are.
    pub force: bool,
}

/// An order for a pool.
#[derive(Clone, Debug)]
pub struct Order<'o> {
    /// The request.
    pub request: &'o Request,
    /// The experiment with this request, if there is one.
    pub experiment: Option<&'o Experiment>,
    /// The pool's folder.
    pub output: PathBuf,
    /// The format of the pool's tasks.
    pub format: Layout,
}

impl<'o> Order<'o> {
    /// An order for the pool of an experiment, in the folder with its key.
    pub fn of(experiment: &'o Experiment, output_dir: &Path, format: Layout) -> Self {
        let output = output_dir.join(&experiment.id);
        Self { request: &experiment.request, experiment: Some(experiment), output, format }
    }

    /// Checks that the pool may replace the existing files in its folder. Returns the files that no manifest names: these may be
    /// replaced only by equal ones. With them comes a warning if the same experiment made its earlier pool from the same request, but
    /// with other lists of tasks.
    ///
    /// # Errors
    /// The folder holds another pool or another program's files.
    fn check_place(&self, drawn: &Drawn<'_>) -> Result<(Vec<Unvouched>, Option<String>), DrawError> {
        let id = self.experiment.map(|experiment| experiment.id.as_str());
        let what = match manifest::existing(&self.output) {
            Existing::Nothing => return Ok((Vec::new(), None)),
            Existing::Other(what) => what,
            // Files of a run that was stopped have no manifest yet, or still the one of the previous pool.
            Existing::Unvouched(files) => return Ok((files, None)),
            Existing::Pool { experiment, request: (request, parts), .. } if experiment.is_some() || id.is_some() => {
                if experiment.as_deref() == id {
                    let is_same = request == serde_json::to_value(self.request).unwrap_or_default();
                    let has_changed = is_same && parts != drawn.parts.iter().map(made_of).collect::<Vec<_>>();
                    let what =
                        "its earlier pool was drawn with other duplicates, other excluded tasks or another calibration";
                    let warning = has_changed.then(|| format!("{}: {what}", id.unwrap_or_default()));
                    return Ok((Vec::new(), warning));
                }
                experiment.map_or_else(
                    || "a pool that no experiment made".to_owned(),
                    |experiment| format!("the pool of the experiment {experiment}"),
                )
            }
            Existing::Pool { request, .. } => {
                let own = serde_json::to_value(self.request).unwrap_or_default();
                if request == (own, drawn.parts.iter().map(made_of).collect()) {
                    return Ok((Vec::new(), None));
                }
                "a pool that another request made".to_owned()
            }
        };
        Err(DrawError::Occupied { folder: self.output.clone(), what })
    }
}

/// What a benchmark was drawn by beside the request, as its manifest will say it.
fn made_of(part: &DrawnPart<'_>) -> serde_json::Value {
    let difficulty = DifficultyRecord::from(part.joined().map(|joined| &joined.record));
    manifest::made_of(&serde_json::json!({"difficulty": difficulty, "eligible": part.selected.eligible}))
}

/// A pool that was made, or why it has no tasks.
pub type Made<'l> = Result<(Drawn<'l>, Statistics), DrawError>;

/// Draws all orders, reports their warnings, then writes all pools. Returns for each order the pool, or
/// [`DrawError::NoTasks`]. With `strict`, no pool is written if any cannot be met in full. A pool replaces an earlier one of the
/// same experiment or, without an experiment, of the same request; other files are replaced only with `force`.
///
/// # Errors
/// With `strict`: [`DrawError::NoTasks`] or [`DrawError::Short`]. Always: [`DrawError::Occupied`], the disk fails, or a store was
/// changed since it was opened.
pub fn make_pools<'l>(
    stores: &'l Stores<'_>,
    orders: &'l [Order<'l>],
    Writing { strict, force }: Writing,
    progress: &dyn Progress,
) -> Result<Vec<Made<'l>>, DrawError> {
    let id = |order: &Order<'_>| order.experiment.map(|experiment| experiment.id.clone());
    let draw = |order: &'l Order<'l>| match stores.draw(order.request) {
        Err(DrawError::NoTasks { why, .. }) => {
            let none = DrawError::NoTasks { experiment: id(order), why };
            if strict { Err(none) } else { Ok(Err(none)) }
        }
        drawn => drawn.map(Ok),
    };
    orders.iter().try_for_each(|order| check_excluded(order, orders))?;
    let drawn: Vec<Result<Drawn<'_>, DrawError>> = orders.iter().map(draw).collect::<Result<_, _>>()?;
    for (drawn, order) in drawn.iter().zip(orders) {
        let name = id(order).map(|id| format!("{id}: ")).unwrap_or_default();
        let warnings = drawn.iter().flat_map(|drawn| &drawn.warnings);
        stores.tell(warnings.map(|warning| format!("{name}{warning}")));
    }
    let short = drawn.iter().flatten().filter(|drawn| !drawn.stream.shortfalls.is_empty()).count();
    if strict && short > 0 {
        return Err(DrawError::Short { short, asked: drawn.len() });
    }
    for (drawn, order) in drawn.iter().zip(orders) {
        if let (Ok(drawn), false) = (drawn, force) {
            let (_, warning) = order.check_place(drawn)?;
            stores.tell(warning);
        }
    }
    let mut made = Vec::with_capacity(orders.len());
    for (drawn, order) in drawn.into_iter().zip(orders) {
        made.push(match drawn {
            Err(none) => Err(none),
            Ok(drawn) => {
                let statistics = drawn.write(order, force, progress)?;
                Ok((drawn, statistics))
            }
        });
    }
    Ok(made)
}

/// Checks that an order leaves out no pool that is made in the same run: the pool of an earlier run may be in its place.
fn check_excluded(order: &Order<'_>, orders: &[Order<'_>]) -> Result<(), DrawError> {
    let full = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_default();
    let part = order.request.parts.first();
    for exclude in part.into_iter().flat_map(|part| &part.rows.exclude) {
        let Exclude::Path(path) = exclude else { continue };
        let named = full(path);
        // A folder stands for the pools below it too.
        let holds = |other: &&Order<'_>| {
            let output = full(&other.output);
            if path.is_file() { named.parent() == Some(&output) } else { output.starts_with(&named) }
        };
        let Some(same) = orders.iter().find(holds) else { continue };
        let why = match same.experiment {
            _ if std::ptr::eq(same, order) => {
                "this is the pool that is being made; leave it out, or name another folder".to_owned()
            }
            Some(experiment) => format!("this pool is made in the same run; write its key, `{}`", experiment.id),
            None => "this pool is made in the same run; make it first".to_owned(),
        };
        return Err(DrawError::Exclude { what: path.display().to_string(), why });
    }
    Ok(())
}

/// The tasks, until the caller asks to stop.
fn until_stopped<'t>(
    tasks: impl Iterator<Item = TaskView<'t>>,
    progress: &dyn Progress,
) -> impl Iterator<Item = TaskView<'t>> {
    tasks.enumerate().take_while(|(at, _)| at % 1024 != 0 || !progress.cancelled()).map(|(_, task)| task)
}

fn statistics_text(statistics: &Statistics) -> String {
    serde_json::to_string_pretty(statistics).unwrap_or_default() + "\n"
}

/// Writes tasks as a pool at `path`, whole or not at all: as Parquet if the name ends in `.parquet`, else as JSON lines.
/// `manifest` is written beside it: as `manifest.json` beside `task_pool.*`, as `NAME.manifest.json` beside other names.
///
/// # Errors
/// The disk fails, or another program's file has the name of the manifest.
pub fn save_task_pool(
    tasks: &[Task],
    manifest: Option<&PoolManifest>,
    path: &Path,
    progress: &dyn Progress,
) -> Result<(), DiskError> {
    let format = Layout::by_ending(path).unwrap_or_default();
    save(path, progress, |folder, name| {
        let mut pool = pool::write_pool(folder.create_small(name)?, format, tasks.iter().map(Task::view))?;
        let beside = manifest::manifest_name(name);
        let there = folder.path().join(&beside);
        let found = std::fs::read_to_string(&there).ok();
        let is_ours = found.as_ref().is_none_or(|text| checksum::has_seal(text));
        let Some(manifest) = manifest else {
            let written = pool.written()?;
            folder.publish(vec![pool], true)?;
            // The manifest of the replaced tasks goes too, but not that of another file, nor that of these very tasks.
            let is_of_others = |text: &String| {
                is_ours && manifest::recorded(text, name).is_some_and(|known| known != written.checksum)
            };
            if found.as_ref().is_some_and(is_of_others) {
                let removed = format!("{}: removed, because the tasks that it lists were replaced", there.display());
                progress.note(Note::Warning(&removed));
                folder.remove(&beside)?;
            }
            return Ok(());
        };
        if !is_ours {
            let error = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "symphony-data did not write it");
            return Err(DiskError::writing(&there, "replace this file", error));
        }
        let text = manifest.vouching_for(name, &pool.written()?);
        let vouching = folder.write_small(&beside, &text)?;
        folder.publish(vec![pool, vouching], true)
    })
}

/// Writes the statistics of tasks at `path`, whole or not at all. If the pool of the same tasks is in the same folder, its
/// manifest lists them too.
///
/// # Errors
/// There are no tasks, or the disk fails.
pub fn save_statistics(
    tasks: &[Task],
    manifest: Option<&PoolManifest>,
    path: &Path,
    progress: &dyn Progress,
) -> Result<(), DrawError> {
    let mut gatherer = Gatherer::new([], false);
    tasks.iter().for_each(|task| gatherer.add(task.view()));
    let statistics = gatherer.finish().ok_or(DrawError::NoTasks { experiment: None, why: Vec::new() })?;
    Ok(save(path, progress, |folder, name| {
        let mut file = folder.write_small(name, &statistics_text(&statistics))?;
        let written = file.written()?;
        let manifest = manifest.and_then(|manifest| manifest.vouching_too(folder.path(), name, &written));
        let manifest = manifest.map(|text| folder.write_small(MANIFEST, &text)).transpose()?;
        folder.publish([file].into_iter().chain(manifest).collect(), true)
    })?)
}

fn save(
    path: &Path,
    progress: &dyn Progress,
    write: impl FnOnce(&Folder, &str) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        DiskError::new(
            path,
            "write this file",
            std::io::Error::new(std::io::ErrorKind::InvalidInput, "the path has no valid file name"),
        )
    })?;
    write(&Folder::lock(parent, progress)?, name)
}

impl Drawn<'_> {
    /// Writes pool, statistics and manifest into the folder of `order`. All three are complete before the first is renamed into
    /// place. The manifest is renamed last, so that the files of a run that is killed in between are noticed.
    ///
    /// # Errors
    /// The disk fails, or a store was changed since it was opened.
    fn write(&self, order: &Order<'_>, force: bool, progress: &dyn Progress) -> Result<Statistics, DrawError> {
        let Order { experiment, format, .. } = *order;
        let tasks = self.tasks()?;
        let statistics = self.statistics(&tasks)?;
        let folder = Folder::lock(&order.output, progress)?;
        // Another run may have made a pool here in the meantime.
        let unvouched = if force { Vec::new() } else { order.check_place(self)?.0 };
        let mut pool_file =
            pool::write_pool(folder.create_small(task_pool(format))?, format, until_stopped(tasks.iter(), progress))?;
        // The file may hold only some of the tasks.
        if progress.cancelled() {
            return Err(DrawError::Stopped);
        }
        let mut statistics_file = folder.write_small(STATISTICS, &statistics_text(&statistics))?;
        let own = [(task_pool(format), pool_file.written()?), (STATISTICS, statistics_file.written()?)];
        let is_own =
            |there: &&Unvouched| own.iter().any(|(name, file)| *name == there.name && file.checksum == there.checksum);
        if let Some(there) = unvouched.iter().find(|there| !is_own(there)) {
            return Err(DrawError::Occupied { folder: order.output.clone(), what: there.what.clone() });
        }
        let outputs = own.into_iter().map(|(name, file)| (name.to_owned(), file)).collect();
        let manifest = self.manifest(experiment, outputs);
        // A manifest holds finite numbers, texts and maps with text keys: it can always be written.
        let manifest_file = folder.write_small(MANIFEST, &checksum::seal(&manifest).unwrap_or_default())?;
        let mut files = [pool_file, statistics_file, manifest_file];
        NewFile::write_all_out(&mut files, true)?;
        let [pool_file, statistics_file, manifest_file] = files;
        // The manifest comes last: if the run stops before it, the same command writes the same files again.
        folder.publish(vec![pool_file, statistics_file], true)?;
        for other in Layout::ALL.into_iter().filter(|other| *other != format) {
            folder.remove(task_pool(other))?;
        }
        folder.publish(vec![manifest_file], true)?;
        Ok(statistics)
    }
}
