//! Drives stage 2: store.scores() ─► bins ► allocate ► sample ► order ─► draws; store.fetch(draws) ─► pool.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use crate::{
    config::{Config, Experiment, Percentiles, Request},
    disk::{DiskError, Folder, checksum},
    error::Error,
    pool::{
        self, MANIFEST, Manifest, STATISTICS, Statistics, TASK_POOL, Task, manifest,
        statistics::{BinCounts, Gatherer, Repeats},
    },
    preprocess::{PreprocessError, PreprocessOptions, preprocess},
    progress::{Note, Progress},
    store::{Scores, Store, StoreError, TOOL},
    stream::{self, Bin, Bins, Candidates, Draw, PerBin, Shortfall, Stream},
};

/// Whether a command may bring stores up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Rebuild what no longer fits the configuration or its own checksum, and say why.
    Rebuild,
    /// Only report.
    Report,
}

/// The preprocessed benchmarks that some requests draw from, each read once.
pub struct Library<'a> {
    config: &'a Config,
    folder: &'a Path,
    upkeep: Upkeep,
    progress: &'a dyn Progress,
    loaded: BTreeMap<String, Loaded>,
}

struct Loaded {
    store: Store,
    scores: Scores,
    bins: Vec<(Percentiles, Bins)>,
}

/// A request carried out, before it is on disk.
#[derive(Debug)]
pub struct Drawn<'l> {
    /// What was asked.
    pub request: &'l Request,
    /// The draws.
    pub stream: Stream,
    /// Each benchmark's part, in the request's order.
    pub parts: Vec<DrawnPart<'l>>,
    /// What the user should know: rescaled ratios, bins that deliver fewer.
    pub warnings: Vec<String>,
}

/// How many rows are fetched at once: enough to outweigh handing them over.
const ROWS_PER_TASK: usize = 64;

/// One benchmark's part in what was drawn.
#[derive(Debug)]
pub struct DrawnPart<'l> {
    store: &'l Store,
    scores: &'l Scores,
    /// Its rows by bin.
    pub bins: &'l Bins,
    /// What each bin owes.
    pub asked: PerBin<u64>,
    /// What each bin gave.
    pub got: PerBin<u64>,
    /// How often its tasks repeat.
    pub repeats: Repeats,
    /// The same for each bin.
    pub repeats_by_bin: PerBin<Repeats>,
}

impl DrawnPart<'_> {
    /// The benchmark's name.
    pub fn benchmark(&self) -> &str {
        &self.store.meta.benchmark
    }
}

impl<'a> Library<'a> {
    /// Opens the stores in `folder` that `requests` draw from, brings them up to date where that is allowed, and sorts
    /// their rows into bins.
    ///
    /// # Errors
    /// A store that is missing or cannot be brought up to date.
    pub fn open<'r>(
        config: &'a Config,
        folder: &'a Path,
        requests: impl IntoIterator<Item = &'r Request>,
        upkeep: Upkeep,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        let mut library = Self { config, folder, upkeep, progress, loaded: BTreeMap::new() };
        let parts: Vec<_> = requests.into_iter().flat_map(|request| &request.parts).collect();
        let mut names: Vec<&str> = Vec::new();
        for part in &parts {
            if !names.contains(&part.benchmark.as_str()) {
                names.push(&part.benchmark);
            }
        }
        // Read all at once, but brought up to date one after the other: that takes the folder's lock.
        let read: Vec<_> = names.par_iter().map(|name| library.read(name)).collect();
        let opened: Vec<_> = names.iter().zip(read).map(|(name, read)| library.current(name, read)).collect();
        let mut missing: Vec<String> = Vec::new();
        for (name, opened) in names.into_iter().zip(opened) {
            match opened {
                Ok((store, scores)) => {
                    library.loaded.insert(name.to_owned(), Loaded { store, scores, bins: Vec::new() });
                }
                Err(Error::Store(StoreError::Missing { benchmark, .. })) => missing.push(benchmark),
                Err(error) => return Err(error),
            }
        }
        if !missing.is_empty() {
            return Err(StoreError::Missing { benchmark: missing.join(","), folder: folder.to_owned() }.into());
        }
        for part in parts {
            library.cut(&part.benchmark, part.percentiles)?;
        }
        Ok(library)
    }

    /// Draws what `request`, one of those this was opened for, asks for.
    ///
    /// # Errors
    /// A stream of no tasks.
    pub fn draw<'l>(&'l self, request: &'l Request) -> Result<Drawn<'l>, Error> {
        let mut parts = Vec::with_capacity(request.parts.len());
        for part in &request.parts {
            let loaded = self.loaded.get(&part.benchmark);
            let bins =
                loaded.and_then(|loaded| loaded.bins.iter().find(|(percentiles, _)| *percentiles == part.percentiles));
            let (Some(Loaded { store, scores, .. }), Some((_, bins))) = (loaded, bins) else {
                return Err(
                    StoreError::Missing { benchmark: part.benchmark.clone(), folder: self.folder.to_owned() }.into()
                );
            };
            parts.push(DrawnPart {
                store,
                scores,
                bins,
                asked: PerBin::default(),
                got: PerBin::default(),
                repeats: Repeats::default(),
                repeats_by_bin: PerBin::default(),
            });
        }
        let candidates: Vec<Candidates<'_>> = parts
            .iter()
            .map(|part| Candidates {
                benchmark: part.benchmark(),
                bins: part.bins,
                identities: &part.scores.identities,
            })
            .collect();
        let stream = stream::draw(request, &candidates);
        if stream.draws.is_empty() {
            return Err(Error::NoTasks { why: stream.shortfalls.iter().map(Shortfall::to_string).collect() });
        }
        for (at, (part, asked)) in parts.iter_mut().zip(&stream.allocation).enumerate() {
            part.asked = *asked;
            let mut counts = PerBin::<BTreeMap<u32, u64>>::default();
            for draw in stream.draws.iter().filter(|draw| draw.benchmark == at) {
                part.got[draw.bin] += 1;
                *counts[draw.bin].entry(draw.row).or_insert(0) += 1;
            }
            // A row is in one bin only, so that the bins' counts together are the benchmark's.
            part.repeats = Repeats::of(Bin::ALL.iter().flat_map(|&bin| counts[bin].values().copied()));
            for bin in Bin::ALL {
                part.repeats_by_bin[bin] = Repeats::of(counts[bin].values().copied());
            }
        }
        let shortfalls = stream.shortfalls.iter().map(ToString::to_string);
        let warnings = request.warnings.iter().cloned().chain(shortfalls).collect();
        Ok(Drawn { request, stream, parts, warnings })
    }

    /// Sorts a benchmark's rows into bins.
    fn cut(&mut self, name: &str, percentiles: Percentiles) -> Result<(), Error> {
        if let Some(loaded) = self.loaded.get_mut(name)
            && !loaded.bins.iter().any(|(known, _)| *known == percentiles)
        {
            let bins = Bins::of(&loaded.scores.scores, percentiles).ok_or_else(|| StoreError::Stale {
                path: loaded.store.path().to_owned(),
                reason: "this store has no tasks".to_owned(),
            })?;
            loaded.bins.push((percentiles, bins));
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Result<(Store, Scores), StoreError> {
        let store = Store::open(self.folder, name, self.progress)?;
        let scores = store.scores()?;
        Ok((store, scores))
    }

    /// The store that was read, or the one that is made in its place.
    fn current(&self, name: &str, read: Result<(Store, Scores), StoreError>) -> Result<(Store, Scores), Error> {
        let benchmark = self.config.benchmark(name);
        let reason = match read {
            Ok((store, scores)) => match benchmark.and_then(|benchmark| store.differs_from(benchmark)) {
                None => return Ok((store, scores)),
                Some(reason) if self.upkeep == Upkeep::Report => {
                    self.progress.note(Note::Stale { benchmark: name, reason: &reason });
                    return Ok((store, scores));
                }
                Some(reason) => reason,
            },
            Err(StoreError::Stale { path, reason }) if self.upkeep == Upkeep::Rebuild => {
                format!("{}: {reason}", path.display())
            }
            Err(error) => return Err(error.into()),
        };
        let Some(benchmark) = benchmark else {
            return Err(StoreError::Missing { benchmark: name.to_owned(), folder: self.folder.to_owned() }.into());
        };
        // `preprocess` finds and names the same reason, unless another run has mended it meanwhile.
        let percentiles = self.config.percentiles_of(name);
        preprocess(benchmark, percentiles, self.folder, PreprocessOptions::default(), self.progress).map_err(
            |error| match error {
                PreprocessError::Store(error) => Error::Store(error),
                error => Error::Rebuild { benchmark: name.to_owned(), reason, error: Box::new(error) },
            },
        )?;
        Ok(self.read(name)?)
    }
}

impl Drawn<'_> {
    /// The tasks, in stream order.
    ///
    /// # Errors
    /// A store that changed since it was opened.
    pub fn tasks(&self) -> Result<Vec<Task>, Error> {
        let of_part = |(at, part): (usize, &DrawnPart<'_>)| -> Result<Vec<(usize, Task)>, Error> {
            // Each row once, in the order of the file, however often it was drawn.
            let mut places: BTreeMap<u32, Vec<(usize, &Draw)>> = BTreeMap::new();
            for (place, draw) in self.stream.draws.iter().enumerate().filter(|(_, draw)| draw.benchmark == at) {
                places.entry(draw.row).or_default().push((place, draw));
            }
            let rows: Vec<u32> = places.keys().copied().collect();
            let of_rows = |rows: &[u32]| {
                let mut tasks = Vec::with_capacity(rows.len());
                part.store.fetch::<Error>(part.scores, rows.iter().copied(), |row, stored| {
                    let of_row = places.get(&row).into_iter().flatten();
                    tasks.extend(of_row.map(|(place, draw)| (*place, stored.in_stream(*place, draw.bin.name()))));
                    Ok(())
                })?;
                Ok::<_, Error>(tasks)
            };
            let tasks: Vec<Vec<(usize, Task)>> =
                rows.par_chunks(ROWS_PER_TASK).map(of_rows).collect::<Result<_, _>>()?;
            Ok(tasks.into_iter().flatten().collect())
        };
        let parts: Vec<Vec<(usize, Task)>> =
            self.parts.par_iter().enumerate().map(of_part).collect::<Result<_, _>>()?;
        let mut tasks: Vec<Option<Task>> = vec![None; self.stream.draws.len()];
        for (place, task) in parts.into_iter().flatten() {
            tasks[place] = Some(task);
        }
        Ok(tasks.into_iter().flatten().collect())
    }

    /// Statistics of `tasks`, which are this stream's.
    ///
    /// # Errors
    /// There are no tasks.
    pub fn statistics(&self, tasks: &[Task]) -> Result<Statistics, Error> {
        let benchmarks = self.request.parts.iter().map(|part| part.benchmark.clone());
        let mut gatherer = Gatherer::new(benchmarks, self.request.split.medium.is_some());
        tasks.iter().for_each(|task| gatherer.add(task));
        gatherer.finish().ok_or(Error::NoTasks { why: Vec::new() })
    }

    /// Writes pool, statistics and manifest into `folder`: all three, or none.
    ///
    /// # Errors
    /// The disk, or a store that changed since it was opened.
    pub fn write(
        &self,
        folder: &Path,
        experiment: Option<&Experiment>,
        progress: &dyn Progress,
    ) -> Result<Statistics, Error> {
        let tasks = self.tasks()?;
        let statistics = self.statistics(&tasks)?;
        let folder = Folder::lock(folder, progress)?;
        let mut pool_file = folder.create_small(TASK_POOL)?;
        pool::write_pool(&mut pool_file, &tasks)?;
        let mut statistics_file = folder.write_small(STATISTICS, &statistics_text(&statistics))?;
        let split = self.request.split;
        let parts = self.parts.iter().map(|part| {
            let (asked, got) = (BinCounts::under(split, part.asked), BinCounts::under(split, part.got));
            manifest::ManifestPart::new(&part.store.meta, part.bins.thresholds, part.bins.sizes(), asked, got)
        });
        let manifest = Manifest {
            experiment: experiment.map(|experiment| experiment.id.as_str()),
            name: experiment.and_then(|experiment| experiment.name.as_deref()),
            request: self.request,
            synthetic: self.parts.iter().any(|part| part.store.meta.source.path.starts_with("synthetic:")),
            benchmarks: parts.collect(),
            warnings: &self.warnings,
            outputs: vec![(TASK_POOL, pool_file.written()?), (STATISTICS, statistics_file.written()?)],
            tool: TOOL,
            self_checksum: "",
        };
        // A manifest holds finite numbers, texts and maps with text keys: it can always be written.
        let manifest_file = folder.write_small(MANIFEST, &checksum::seal(&manifest).unwrap_or_default())?;
        folder.publish(vec![pool_file, statistics_file, manifest_file], true)?;
        Ok(statistics)
    }
}

/// The tasks that were drawn, once their warnings are told.
///
/// # Errors
/// A store that changed since it was opened.
pub fn tell_and_take(drawn: &Drawn<'_>, progress: &dyn Progress) -> Result<Vec<Task>, Error> {
    drawn.warnings.iter().for_each(|warning| progress.note(Note::Warning(warning)));
    drawn.tasks()
}

/// The scored tasks of one preprocessed benchmark, in the order of its rows.
///
/// # Errors
/// The store is missing, or is not as it was written.
pub fn load_preprocessed_benchmark(
    name: &str,
    preprocessed_dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Task>, Error> {
    let store = Store::open(preprocessed_dir, name, progress)?;
    let scores = store.scores()?;
    let mut tasks = Vec::with_capacity(scores.scores.len());
    store.fetch::<Error>(&scores, 0..scores.scores.len() as u32, |_, stored| {
        tasks.push(stored.alone());
        Ok(())
    })?;
    Ok(tasks)
}

/// A pool to be made.
#[derive(Clone, Debug)]
pub struct Order<'o> {
    /// What is asked.
    pub request: &'o Request,
    /// The experiment that asks it, if one does.
    pub experiment: Option<&'o Experiment>,
    /// The folder that the pool goes to.
    pub output: PathBuf,
}

impl<'o> Order<'o> {
    /// The pool of an experiment, in the folder of its name.
    pub fn of(experiment: &'o Experiment, output_dir: &Path) -> Self {
        let output = output_dir.join(&experiment.id);
        Self { request: &experiment.request, experiment: Some(experiment), output }
    }
}

/// Draws all that is asked, tells the warnings, then writes all pools. Under `strict`, where one cannot be met in full,
/// none is written.
///
/// # Errors
/// A stream of no tasks, [`Error::Short`], the disk, or a store that changed since it was opened.
pub fn make_pools<'l>(
    library: &'l Library<'_>,
    orders: &'l [Order<'l>],
    strict: bool,
    progress: &dyn Progress,
) -> Result<Vec<(Drawn<'l>, Statistics)>, Error> {
    let drawn: Vec<Drawn<'_>> = orders.iter().map(|order| library.draw(order.request)).collect::<Result<_, _>>()?;
    for (drawn, order) in drawn.iter().zip(orders) {
        let name = order.experiment.map(|experiment| format!("{}: ", experiment.id)).unwrap_or_default();
        for warning in &drawn.warnings {
            progress.note(Note::Warning(&format!("{name}{warning}")));
        }
    }
    let short = drawn.iter().filter(|drawn| !drawn.stream.shortfalls.is_empty()).count();
    if strict && short > 0 {
        return Err(Error::Short { short, asked: drawn.len() });
    }
    let write = |(drawn, order): (Drawn<'l>, &Order<'_>)| {
        let statistics = drawn.write(&order.output, order.experiment, progress)?;
        Ok((drawn, statistics))
    };
    drawn.into_iter().zip(orders).map(write).collect()
}

fn statistics_text(statistics: &Statistics) -> String {
    serde_json::to_string_pretty(statistics).unwrap_or_default() + "\n"
}

/// Writes tasks as a pool of its own at `path`, whole or not at all.
///
/// # Errors
/// The disk.
pub fn save_task_pool(tasks: &[Task], path: &Path, progress: &dyn Progress) -> Result<(), DiskError> {
    save(path, progress, |folder, name| {
        let mut file = folder.create_small(name)?;
        pool::write_pool(&mut file, tasks)?;
        Ok(file)
    })
}

/// Writes the statistics of tasks at `path`, whole or not at all.
///
/// # Errors
/// No tasks, or the disk.
pub fn save_statistics(tasks: &[Task], path: &Path, progress: &dyn Progress) -> Result<(), Error> {
    let mut gatherer = Gatherer::new([], false);
    tasks.iter().for_each(|task| gatherer.add(task));
    let statistics = gatherer.finish().ok_or(Error::NoTasks { why: Vec::new() })?;
    Ok(save(path, progress, |folder, name| folder.write_small(name, &statistics_text(&statistics)))?)
}

fn save(
    path: &Path,
    progress: &dyn Progress,
    write: impl FnOnce(&Folder, &str) -> Result<crate::disk::NewFile, DiskError>,
) -> Result<(), DiskError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        DiskError::new(
            path,
            "write this file",
            std::io::Error::new(std::io::ErrorKind::InvalidInput, "its name is no file's name"),
        )
    })?;
    let folder = Folder::lock(parent, progress)?;
    let file = write(&folder, name)?;
    folder.publish(vec![file], true)
}
