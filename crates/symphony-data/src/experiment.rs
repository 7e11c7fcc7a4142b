//! Drives stage 2: store.scores() ─► bins ► allocate ► sample ► order ─► draws; store.fetch(draws) ─► pool.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use arrow_array::RecordBatch;
use rayon::prelude::*;

use crate::{
    config::{Config, Cut, Experiment, Request},
    disk::{DiskError, Folder, checksum},
    error::Error,
    pool::{
        self, MANIFEST, Manifest, STATISTICS, Statistics, StoredTask, Task, TaskView, manifest,
        statistics::{BinCounts, Gatherer, Repeats},
        table, task_pool,
    },
    preprocess::{PreprocessError, PreprocessOptions, preprocess},
    progress::{Note, Progress},
    store::{Store, StoreError, StoreFormat, TOOL, index_name},
    stream::{self, Bin, Bins, Candidates, Draw, PerBin, SamplerKind, Shortfall, Stream},
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
    /// Whether a request draws by identity.
    by_identity: bool,
    loaded: BTreeMap<String, Loaded>,
    /// The stores that were made anew because reading them found them damaged.
    renewed: Vec<String>,
}

struct Loaded {
    store: Store,
    scores: Vec<f64>,
    /// Empty where no request draws by identity.
    identities: Vec<u64>,
    bins: Vec<(Cut, Bins)>,
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

/// One benchmark's part in what was drawn.
#[derive(Debug)]
pub struct DrawnPart<'l> {
    store: &'l Store,
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
        let requests: Vec<&Request> = requests.into_iter().collect();
        let by_identity = requests.iter().any(|request| request.sampler == SamplerKind::Stable);
        let (loaded, renewed) = (BTreeMap::new(), Vec::new());
        let mut library = Self { config, folder, upkeep, progress, by_identity, loaded, renewed };
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
                Ok(loaded) => _ = library.loaded.insert(name.to_owned(), loaded),
                Err(Error::Store(StoreError::Missing { benchmark, .. })) => missing.push(benchmark),
                Err(error) => return Err(error),
            }
        }
        if !missing.is_empty() {
            return Err(StoreError::Missing { benchmark: missing.join(","), folder: folder.to_owned() }.into());
        }
        for part in parts {
            library.cut(&part.benchmark, part.cut)?;
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
            let bins = loaded.and_then(|loaded| loaded.bins.iter().find(|(cut, _)| *cut == part.cut));
            let (Some(Loaded { store, .. }), Some((_, bins))) = (loaded, bins) else {
                return Err(
                    StoreError::Missing { benchmark: part.benchmark.clone(), folder: self.folder.to_owned() }.into()
                );
            };
            parts.push(DrawnPart {
                store,
                bins,
                asked: PerBin::default(),
                got: PerBin::default(),
                repeats: Repeats::default(),
                repeats_by_bin: PerBin::default(),
            });
        }
        let candidate = |part: &DrawnPart<'l>| Candidates {
            benchmark: &part.store.meta.benchmark,
            bins: part.bins,
            identities: self.loaded.get(part.benchmark()).map_or(&[], |loaded| &loaded.identities),
        };
        let candidates: Vec<Candidates<'_>> = parts.iter().map(candidate).collect();
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
    fn cut(&mut self, name: &str, cut: Cut) -> Result<(), Error> {
        if let Some(loaded) = self.loaded.get_mut(name)
            && !loaded.bins.iter().any(|(known, _)| *known == cut)
        {
            let bins = Bins::of(&loaded.scores, cut).ok_or_else(|| StoreError::Stale {
                path: loaded.store.path().to_owned(),
                reason: "this store has no tasks".to_owned(),
            })?;
            loaded.bins.push((cut, bins));
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Loaded, StoreError> {
        let mut store = Store::open(self.folder, name, self.progress)?;
        if let Some(reason) = store.index_problem(false) {
            store = match self.upkeep {
                Upkeep::Rebuild => self.indexed(name, &reason)?,
                Upkeep::Report => {
                    store.make_index(None)?;
                    store
                }
            };
        }
        let identities = if self.by_identity { store.identities()? } else { Vec::new() };
        Ok(Loaded { scores: store.scores()?, identities, store, bins: Vec::new() })
    }

    /// The store with its index made anew; in memory where the folder cannot be written to.
    fn indexed(&self, name: &str, reason: &str) -> Result<Store, StoreError> {
        self.progress.note(Note::Indexing { benchmark: name, reason });
        let in_folder = || {
            let folder = Folder::lock(self.folder, self.progress)?;
            let mut store = Store::open_in(self.folder, name)?;
            // Another run may have made it meanwhile.
            if store.index_problem(false).is_some() {
                store.make_index(Some(&folder))?;
            }
            Ok(store)
        };
        match in_folder() {
            Err(StoreError::Disk(_)) => {
                let mut store = Store::open(self.folder, name, self.progress)?;
                store.make_index(None)?;
                Ok(store)
            }
            made => made,
        }
    }

    /// The store that was read, or the one that is made in its place.
    fn current(&self, name: &str, read: Result<Loaded, StoreError>) -> Result<Loaded, Error> {
        let benchmark = self.config.benchmark(name);
        let reason = match read {
            Ok(loaded) => match benchmark.and_then(|benchmark| loaded.store.differs_from(benchmark)) {
                None => return Ok(loaded),
                Some(reason) if self.upkeep == Upkeep::Report => {
                    self.progress.note(Note::Stale { benchmark: name, reason: &reason });
                    return Ok(loaded);
                }
                Some(reason) => reason,
            },
            Err(StoreError::Stale { path, reason }) if self.upkeep == Upkeep::Rebuild => {
                format!("{}: {reason}", path.display())
            }
            Err(error) => return Err(error.into()),
        };
        self.rebuilt(name, reason)
    }

    /// The store that `preprocess` makes in the place of one that no longer serves.
    fn rebuilt(&self, name: &str, reason: String) -> Result<Loaded, Error> {
        let Some(benchmark) = self.config.benchmark(name) else {
            return Err(StoreError::Missing { benchmark: name.to_owned(), folder: self.folder.to_owned() }.into());
        };
        // `preprocess` finds and names the same reason, unless another run has mended it meanwhile.
        let cut = self.config.cut_of(name);
        preprocess(benchmark, cut, self.folder, PreprocessOptions::default(), self.progress).map_err(|error| {
            match error {
                PreprocessError::Store(error) => Error::Store(error),
                error => Error::Rebuild { benchmark: name.to_owned(), reason, error: Box::new(error) },
            }
        })?;
        Ok(self.read(name)?)
    }

    /// Makes the store at `path` (or the index at it) anew, once; `false` where that cannot help.
    fn renew(&mut self, path: &Path, reason: &str) -> Result<bool, Error> {
        let is_it = |(name, loaded): &(&String, &Loaded)| {
            path == loaded.store.path() || *path == self.folder.join(index_name(name))
        };
        let Some(name) = self.loaded.iter().find(is_it).map(|(name, _)| name.clone()) else { return Ok(false) };
        if self.upkeep == Upkeep::Report || self.renewed.contains(&name) {
            return Ok(false);
        }
        let loaded = self.rebuilt(&name, format!("{}: {reason}", path.display()))?;
        let cuts: Vec<Cut> =
            self.loaded.insert(name.clone(), loaded).into_iter().flat_map(|old| old.bins).map(|(p, _)| p).collect();
        self.renewed.push(name.clone());
        cuts.into_iter().try_for_each(|cut| self.cut(&name, cut))?;
        Ok(true)
    }

    /// Tells warnings, once: what was drawn from a store that had to be made anew is drawn again.
    fn tell(&self, warnings: impl IntoIterator<Item = String>) {
        if self.renewed.is_empty() {
            warnings.into_iter().for_each(|warning| self.progress.note(Note::Warning(&warning)));
        }
    }
}

/// Opens the stores that `requests` draw from, as [`Library::open`] does, and hands them to `work`. A draw reads only what
/// it draws; where that turns out to be damaged, the store is made anew and `work` done again.
///
/// # Errors
/// As [`Library::open`], and what `work` fails with.
pub fn with_library<'r, T>(
    config: &Config,
    folder: &Path,
    requests: impl IntoIterator<Item = &'r Request>,
    progress: &dyn Progress,
    mut work: impl FnMut(&Library<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut library = Library::open(config, folder, requests, Upkeep::Rebuild, progress)?;
    loop {
        match work(&library) {
            Err(Error::Store(StoreError::Stale { path, reason })) => {
                if !library.renew(&path, &reason)? {
                    return Err(StoreError::Stale { path, reason }.into());
                }
            }
            done => return done,
        }
    }
}

/// The tasks of a stream: each drawn row once, and the order in which they come.
#[derive(Debug)]
pub struct DrawnTasks {
    /// The rows that were drawn from each benchmark, in the order of its store.
    stored: Vec<Vec<StoredTask>>,
    /// For each place, the benchmark and which of its rows, and the bin.
    places: Vec<(usize, usize, Bin)>,
}

impl DrawnTasks {
    /// The tasks, in stream order.
    pub fn iter(&self) -> impl Iterator<Item = TaskView<'_>> {
        let task =
            |(place, &(part, row, bin)): (usize, &(usize, usize, Bin))| self.stored[part][row].in_stream(place, bin);
        self.places.iter().enumerate().map(task)
    }
}

impl Drawn<'_> {
    /// The tasks.
    ///
    /// # Errors
    /// A store that changed since it was opened.
    pub fn tasks(&self) -> Result<DrawnTasks, Error> {
        let rows_of = |part: usize| {
            let mut rows: Vec<u32> =
                self.stream.draws.iter().filter(|draw| draw.benchmark == part).map(|draw| draw.row).collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        };
        let fetch = |(at, part): (usize, &DrawnPart<'_>)| -> Result<(Vec<u32>, Vec<StoredTask>), StoreError> {
            let rows = rows_of(at);
            let tasks = part.store.fetch(&rows)?;
            Ok((rows, tasks))
        };
        let fetched: (Vec<Vec<u32>>, Vec<Vec<StoredTask>>) =
            self.parts.par_iter().enumerate().map(fetch).collect::<Result<_, _>>()?;
        let (rows, stored) = fetched;
        let place = |draw: &Draw| {
            // Every row that was drawn was fetched.
            let row = rows[draw.benchmark].binary_search(&draw.row).unwrap_or_default();
            (draw.benchmark, row, draw.bin)
        };
        Ok(DrawnTasks { places: self.stream.draws.iter().map(place).collect(), stored })
    }

    /// Statistics of `tasks`, which are this stream's.
    ///
    /// # Errors
    /// There are no tasks.
    pub fn statistics(&self, tasks: &DrawnTasks) -> Result<Statistics, Error> {
        let benchmarks = self.request.parts.iter().map(|part| part.benchmark.clone());
        let mut gatherer = Gatherer::new(benchmarks, self.request.split.medium.is_some());
        tasks.iter().for_each(|task| gatherer.add(task));
        gatherer.finish().ok_or(Error::NoTasks { why: Vec::new() })
    }

    /// Writes pool, statistics and manifest into the folder of `order`: all three, or none.
    ///
    /// # Errors
    /// The disk, or a store that changed since it was opened.
    pub fn write(&self, order: &Order<'_>, progress: &dyn Progress) -> Result<Statistics, Error> {
        let Order { experiment, format, .. } = *order;
        let tasks = self.tasks()?;
        let statistics = self.statistics(&tasks)?;
        let folder = Folder::lock(&order.output, progress)?;
        let mut pool_file = pool::write_pool(folder.create_small(task_pool(format))?, format, tasks.iter())?;
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
            outputs: vec![(task_pool(format), pool_file.written()?), (STATISTICS, statistics_file.written()?)],
            tool: TOOL,
            self_checksum: "",
        };
        // A manifest holds finite numbers, texts and maps with text keys: it can always be written.
        let manifest_file = folder.write_small(MANIFEST, &checksum::seal(&manifest).unwrap_or_default())?;
        folder.publish(vec![pool_file, statistics_file, manifest_file], true)?;
        for other in StoreFormat::ALL.into_iter().filter(|other| *other != format) {
            folder.remove(task_pool(other))?;
        }
        Ok(statistics)
    }
}

/// The tasks that `request` asks for from the stores in `folder`, in stream order, once its warnings are told.
///
/// # Errors
/// As [`Library::open`]; a stream of no tasks.
pub fn build_task_stream(
    config: &Config,
    folder: &Path,
    request: &Request,
    progress: &dyn Progress,
) -> Result<DrawnTasks, Error> {
    with_library(config, folder, [request], progress, |library| {
        let drawn = library.draw(request)?;
        library.tell(drawn.warnings.iter().cloned());
        drawn.tasks()
    })
}

/// The scored tasks of one preprocessed benchmark, in the order of its rows.
///
/// # Errors
/// The store is missing, or is not as it was written.
pub fn load_preprocessed_benchmark(
    name: &str,
    preprocessed_dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<StoredTask>, Error> {
    let mut store = Store::open(preprocessed_dir, name, progress)?;
    if store.index_problem(false).is_some() {
        store.make_index(None)?;
    }
    let rows: Vec<u32> = (0..store.rows()? as u32).collect();
    Ok(store.fetch(&rows)?)
}

/// [`build_task_stream`] as batches of [`table::schema`].
///
/// # Errors
/// As there; a task whose text a batch cannot hold.
pub fn build_task_table(
    config: &Config,
    folder: &Path,
    request: &Request,
    progress: &dyn Progress,
) -> Result<Vec<RecordBatch>, Error> {
    let tasks = build_task_stream(config, folder, request, progress)?;
    Ok(table::batches(&tasks.iter().collect::<Vec<_>>())?)
}

/// [`load_preprocessed_benchmark`] as batches of [`table::schema`].
///
/// # Errors
/// As there; a task whose text a batch cannot hold.
pub fn load_preprocessed_table(
    name: &str,
    preprocessed_dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<RecordBatch>, Error> {
    let tasks = load_preprocessed_benchmark(name, preprocessed_dir, progress)?;
    Ok(table::batches(&tasks.iter().map(StoredTask::alone).collect::<Vec<_>>())?)
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
    /// How the pool holds its tasks.
    pub format: StoreFormat,
}

impl<'o> Order<'o> {
    /// The pool of an experiment, in the folder of its name.
    pub fn of(experiment: &'o Experiment, output_dir: &Path, format: StoreFormat) -> Self {
        let output = output_dir.join(&experiment.id);
        Self { request: &experiment.request, experiment: Some(experiment), output, format }
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
        library.tell(drawn.warnings.iter().map(|warning| format!("{name}{warning}")));
    }
    let short = drawn.iter().filter(|drawn| !drawn.stream.shortfalls.is_empty()).count();
    if strict && short > 0 {
        return Err(Error::Short { short, asked: drawn.len() });
    }
    let write = |(drawn, order): (Drawn<'l>, &Order<'_>)| {
        let statistics = drawn.write(order, progress)?;
        Ok((drawn, statistics))
    };
    drawn.into_iter().zip(orders).map(write).collect()
}

fn statistics_text(statistics: &Statistics) -> String {
    serde_json::to_string_pretty(statistics).unwrap_or_default() + "\n"
}

/// Writes tasks as a pool of its own at `path`, whole or not at all; as Parquet where it ends in `.parquet`.
///
/// # Errors
/// The disk.
pub fn save_task_pool(tasks: &[Task], path: &Path, progress: &dyn Progress) -> Result<(), DiskError> {
    let format = StoreFormat::by_ending(path).unwrap_or_default();
    save(path, progress, |folder, name| {
        pool::write_pool(folder.create_small(name)?, format, tasks.iter().map(Task::view))
    })
}

/// Writes the statistics of tasks at `path`, whole or not at all.
///
/// # Errors
/// No tasks, or the disk.
pub fn save_statistics(tasks: &[Task], path: &Path, progress: &dyn Progress) -> Result<(), Error> {
    let mut gatherer = Gatherer::new([], false);
    tasks.iter().for_each(|task| gatherer.add(task.view()));
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
