//! Drives stage 2: store.scores() ─► bins ► allocate ► sample ► order ─► draws; store.fetch(draws) ─► pool.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use arrow_array::RecordBatch;
use rayon::prelude::*;

use crate::{
    TOOL,
    bin::{Bin, Bins, Cut, PerBin, Thresholds},
    config::Config,
    disk::{DiskError, Folder, WrittenFile, checksum},
    pool::{
        self, MANIFEST, Manifest, STATISTICS, Statistics,
        manifest::{self, DifficultyRecord, Existing, PoolManifest, Unvouched},
        statistics::{BinCounts, Gatherer, Repeats},
        task_pool,
    },
    preprocess::{Upkeep, open_store, rebuild},
    progress::{Note, Progress},
    request::{Difficulty, Experiment, Measured, Request},
    store::{Store, StoreError, index_name},
    stream::{self, Candidates, Draw, Stream, sample::sampler},
    task::{Layout, StoredTask, Task, TaskView, table},
};

mod difficulty;
mod error;

pub use difficulty::{DifficultyError, Joined};
pub(crate) use difficulty::{check_folder, resolved};
pub use error::DrawError;

/// The preprocessed benchmarks that some requests draw from, each read once.
pub struct Library<'a> {
    config: &'a Config,
    folder: &'a Path,
    upkeep: Upkeep,
    progress: &'a dyn Progress,
    /// Whether a request draws by identity, or by a calibration, which is joined by it.
    by_identity: bool,
    loaded: BTreeMap<String, Loaded>,
    /// The stores that were made anew because reading them found them damaged.
    renewed: Vec<String>,
}

struct Loaded {
    store: Store,
    /// The surface score of every row.
    scores: Vec<f64>,
    /// Empty where no request draws by identity, and no row is a copy of another.
    identities: Vec<u64>,
    /// The calibrations that requests draw by.
    joined: Vec<(Measured, Joined)>,
    /// The rows by bin, for each calibration (`None`: surface scores) and cut that a request draws by.
    bins: Vec<(Option<Measured>, Cut, Bins)>,
}

impl Loaded {
    fn of(store: Store, by_identity: bool) -> Result<Self, StoreError> {
        let scores = store.scores()?;
        // Without copies each row is a task of its own, and its number says which.
        let needed = by_identity || store.meta.copies.is_some();
        let identities = if needed { store.identities()? } else { Vec::new() };
        Ok(Self { store, scores, identities, joined: Vec::new(), bins: Vec::new() })
    }

    fn joined(&self, by: Option<&Measured>) -> Option<&Joined> {
        self.joined.iter().find(|(known, _)| Some(known) == by).map(|(_, joined)| joined)
    }
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
    /// The calibration that its tasks were drawn by; `None`: by surface scores.
    pub joined: Option<&'l Joined>,
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
    ) -> Result<Self, DrawError> {
        let requests: Vec<&Request> = requests.into_iter().collect();
        let (loaded, renewed) = (BTreeMap::new(), Vec::new());
        let by_identity = requests.iter().any(|request| {
            sampler(request.sampler).reads_identities()
                || request.parts.iter().any(|part| part.difficulty != Difficulty::Surface)
        });
        let mut library = Self { config, folder, upkeep, progress, by_identity, loaded, renewed };
        for request in &requests {
            let parts = request.parts.iter();
            difficulty::check_folder(parts.map(|part| (part.benchmark.as_str(), &part.difficulty)))?;
        }
        let parts: Vec<_> = requests.into_iter().flat_map(|request| &request.parts).collect();
        let mut names: Vec<&str> = Vec::new();
        for part in &parts {
            if !names.contains(&part.benchmark.as_str()) {
                names.push(&part.benchmark);
            }
        }
        // Opened one after the other, as to bring a store up to date takes the folder's lock; read all at once.
        let opened: Vec<_> = names.iter().map(|name| open_store(config, folder, name, upkeep, progress)).collect();
        let opened: Vec<Result<Loaded, DrawError>> =
            opened.into_par_iter().map(|store| Ok(Loaded::of(store?, by_identity)?)).collect();
        let mut missing: Vec<String> = Vec::new();
        for (name, opened) in names.into_iter().zip(opened) {
            match opened {
                Ok(loaded) => _ = library.loaded.insert(name.to_owned(), loaded),
                Err(DrawError::Store(StoreError::Missing { benchmark, .. })) => missing.push(benchmark),
                Err(DrawError::Store(StoreError::Stale { path, reason })) if upkeep == Upkeep::Rebuild => {
                    // What was opened turns out to be damaged when it is read.
                    rebuild(config, folder, name, format!("{}: {reason}", path.display()), progress)?;
                    let loaded = Loaded::of(open_store(config, folder, name, upkeep, progress)?, by_identity)?;
                    library.loaded.insert(name.to_owned(), loaded);
                }
                Err(error) => return Err(error),
            }
        }
        if !missing.is_empty() {
            return Err(StoreError::Missing { benchmark: missing.join(","), folder: folder.to_owned() }.into());
        }
        for part in parts {
            let (by, _) = difficulty::resolved(&part.benchmark, &part.difficulty);
            library.cut(&part.benchmark, by.as_ref(), part.cut)?;
        }
        Ok(library)
    }

    /// Draws what `request`, one of those this was opened for, asks for.
    ///
    /// # Errors
    /// A stream of no tasks.
    pub fn draw<'l>(&'l self, request: &'l Request) -> Result<Drawn<'l>, DrawError> {
        let mut parts = Vec::with_capacity(request.parts.len());
        let mut warnings = request.warnings.clone();
        for part in &request.parts {
            let loaded = self.loaded.get(&part.benchmark);
            let (by, warning) = difficulty::resolved(&part.benchmark, &part.difficulty);
            warnings.extend(warning);
            let is_it = |(known, cut, _): &&(Option<Measured>, Cut, Bins)| *known == by && *cut == part.cut;
            let bins = loaded.and_then(|loaded| loaded.bins.iter().find(is_it));
            let (Some(loaded @ Loaded { store, .. }), Some((_, _, bins))) = (loaded, bins) else {
                return Err(
                    StoreError::Missing { benchmark: part.benchmark.clone(), folder: self.folder.to_owned() }.into()
                );
            };
            parts.push(DrawnPart {
                store,
                joined: loaded.joined(by.as_ref()),
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
            let why = stream.shortfalls.iter().map(|short| {
                let part = parts.iter().find(|part| part.benchmark() == short.benchmark);
                let ends = part.map(|part| part.bins.thresholds).map(|Thresholds { easy, hard }| {
                    format!(" (easy: scores up to {easy:.3}; hard: other scores from {hard:.3})")
                });
                format!("{short}{}", ends.unwrap_or_default())
            });
            return Err(DrawError::NoTasks { experiment: None, why: why.collect() });
        }
        for (at, (part, asked)) in parts.iter_mut().zip(&stream.allocation).enumerate() {
            part.asked = *asked;
            let identities = self.loaded.get(part.benchmark()).map_or(&[][..], |l| &l.identities);
            let (mut counts, mut all) = (PerBin::<BTreeMap<u64, u64>>::default(), BTreeMap::new());
            for draw in stream.draws.iter().filter(|draw| draw.benchmark == at) {
                part.got[draw.bin] += 1;
                // Copies of a task are one task.
                let identity = identities.get(draw.row as usize).copied().unwrap_or(u64::from(draw.row));
                *counts[draw.bin].entry(identity).or_insert(0) += 1;
                *all.entry(identity).or_insert(0) += 1;
            }
            part.repeats = Repeats::of(all.into_values());
            for bin in Bin::ALL {
                part.repeats_by_bin[bin] = Repeats::of(counts[bin].values().copied());
            }
        }
        warnings.extend(stream.shortfalls.iter().map(ToString::to_string));
        Ok(Drawn { request, stream, parts, warnings })
    }

    /// Sorts a benchmark's rows into bins by its surface scores, or those of a calibration.
    fn cut(&mut self, name: &str, by: Option<&Measured>, cut: Cut) -> Result<(), DrawError> {
        let Some(loaded) = self.loaded.get_mut(name) else { return Ok(()) };
        if loaded.bins.iter().any(|(known, of, _)| known.as_ref() == by && *of == cut) {
            return Ok(());
        }
        let bins = match by {
            None => Bins::of(&loaded.scores, cut).ok_or_else(|| StoreError::Stale {
                path: loaded.store.path().to_owned(),
                reason: "this store has no tasks".to_owned(),
            })?,
            Some(measured) => {
                if loaded.joined(Some(measured)).is_none() {
                    let rejected = loaded.store.meta.rejected_rows;
                    let joined = Joined::read(name, measured, &loaded.identities, rejected, self.progress)?;
                    loaded.joined.push((measured.clone(), joined));
                }
                let bins = loaded
                    .joined(Some(measured))
                    .and_then(|joined| Bins::of_eligible(&joined.scores, cut, |row| joined.is_eligible(row)));
                bins.ok_or_else(|| DifficultyError::Unusable {
                    benchmark: name.to_owned(),
                    path: measured.path.clone(),
                    why: format!(
                        "none of its rows has responses of {} models (min_responses); ask for fewer",
                        measured.min_responses
                    ),
                })?
            }
        };
        loaded.bins.push((by.cloned(), cut, bins));
        Ok(())
    }

    /// Makes the store at `path` (or the index at it) anew, once; `false` where that cannot help.
    fn renew(&mut self, path: &Path, reason: &str) -> Result<bool, DrawError> {
        let is_it = |(name, loaded): &(&String, &Loaded)| {
            path == loaded.store.path() || *path == self.folder.join(index_name(name))
        };
        let Some(name) = self.loaded.iter().find(is_it).map(|(name, _)| name.clone()) else { return Ok(false) };
        if self.upkeep == Upkeep::Report || self.renewed.contains(&name) {
            return Ok(false);
        }
        rebuild(self.config, self.folder, &name, format!("{}: {reason}", path.display()), self.progress)?;
        let loaded =
            Loaded::of(open_store(self.config, self.folder, &name, self.upkeep, self.progress)?, self.by_identity)?;
        let cuts = self.loaded.insert(name.clone(), loaded).into_iter().flat_map(|old| old.bins);
        let cuts: Vec<(Option<Measured>, Cut)> = cuts.map(|(by, cut, _)| (by, cut)).collect();
        self.renewed.push(name.clone());
        cuts.into_iter().try_for_each(|(by, cut)| self.cut(&name, by.as_ref(), cut))?;
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
    mut work: impl FnMut(&Library<'_>) -> Result<T, DrawError>,
) -> Result<T, DrawError> {
    let mut library = Library::open(config, folder, requests, Upkeep::Rebuild, progress)?;
    loop {
        match work(&library) {
            Err(DrawError::Store(StoreError::Stale { path, reason })) => {
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
    pub fn tasks(&self) -> Result<DrawnTasks, DrawError> {
        let rows_of = |part: usize| {
            let mut rows: Vec<u32> =
                self.stream.draws.iter().filter(|draw| draw.benchmark == part).map(|draw| draw.row).collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        };
        let fetch = |(at, part): (usize, &DrawnPart<'_>)| -> Result<(Vec<u32>, Vec<StoredTask>), StoreError> {
            let rows = rows_of(at);
            let mut tasks = part.store.fetch(&rows)?;
            if let Some(joined) = part.joined {
                rows.iter().zip(&mut tasks).for_each(|(row, task)| joined.apply(*row, task));
            }
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
    pub fn statistics(&self, tasks: &DrawnTasks) -> Result<Statistics, DrawError> {
        let benchmarks = self.request.parts.iter().map(|part| part.benchmark.clone());
        let mut gatherer = Gatherer::new(benchmarks, self.request.split.medium.is_some());
        tasks.iter().for_each(|task| gatherer.add(task));
        gatherer.finish().ok_or(DrawError::NoTasks { experiment: None, why: Vec::new() })
    }

    /// What `manifest.json` says of this stream, once these files of it are written.
    fn manifest(&self, experiment: Option<&Experiment>, outputs: Vec<(String, WrittenFile)>) -> Manifest<'_> {
        let split = self.request.split;
        let parts = self.parts.iter().map(|part| {
            let (asked, got) = (BinCounts::under(split, part.asked), BinCounts::under(split, part.got));
            let (meta, bins) = (&part.store.meta, part.bins);
            manifest::ManifestPart::new(
                meta,
                part.joined.map(|joined| &joined.record).into(),
                bins.thresholds,
                bins.sizes(),
                asked,
                got,
            )
        });
        Manifest {
            experiment: experiment.map(|experiment| experiment.id.clone()),
            name: experiment.and_then(|experiment| experiment.name.clone()),
            request: self.request,
            synthetic: self.parts.iter().any(|part| part.store.meta.is_synthetic()),
            benchmarks: parts.collect(),
            warnings: &self.warnings,
            outputs,
            tool: TOOL,
            self_checksum: "",
        }
    }

    /// Writes pool, statistics and manifest into the folder of `order`. All three are written in full before the first takes
    /// its place; then each takes its place by a rename of its own, the manifest last, so that what a kill leaves in
    /// between is noticed.
    ///
    /// # Errors
    /// The disk, or a store that changed since it was opened.
    fn write(&self, order: &Order<'_>, force: bool, progress: &dyn Progress) -> Result<Statistics, DrawError> {
        let Order { experiment, format, .. } = *order;
        let tasks = self.tasks()?;
        let statistics = self.statistics(&tasks)?;
        let folder = Folder::lock(&order.output, progress)?;
        // Another run may have made a pool here meanwhile.
        let unvouched = if force { Vec::new() } else { order.check_place(self)? };
        let mut pool_file =
            pool::write_pool(folder.create_small(task_pool(format))?, format, until_stopped(tasks.iter(), progress))?;
        // What was written of the tasks may be only some of them.
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
        // The manifest comes last: what a stop leaves before it is what the same command writes again.
        folder.publish(vec![pool_file, statistics_file], true)?;
        for other in Layout::ALL.into_iter().filter(|other| *other != format) {
            folder.remove(task_pool(other))?;
        }
        folder.publish(vec![manifest_file], true)?;
        Ok(statistics)
    }
}

/// The tasks that `request` asks for from the stores in `folder`, in stream order, once its warnings are told; and what a
/// manifest says of them.
///
/// # Errors
/// As [`Library::open`]; a stream of no tasks.
pub fn build_task_stream(
    config: &Config,
    folder: &Path,
    request: &Request,
    progress: &dyn Progress,
) -> Result<(DrawnTasks, PoolManifest), DrawError> {
    with_library(config, folder, [request], progress, |library| {
        let drawn = library.draw(request)?;
        library.tell(drawn.warnings.iter().cloned());
        if progress.cancelled() {
            return Err(DrawError::Stopped);
        }
        Ok((drawn.tasks()?, PoolManifest::of(&drawn.manifest(None, Vec::new()))))
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
) -> Result<Vec<StoredTask>, DrawError> {
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
) -> Result<(Vec<RecordBatch>, PoolManifest), DrawError> {
    let (tasks, manifest) = build_task_stream(config, folder, request, progress)?;
    Ok((table::batches(&tasks.iter().collect::<Vec<_>>())?, manifest))
}

/// [`load_preprocessed_benchmark`] as batches of [`table::schema`].
///
/// # Errors
/// As there; a task whose text a batch cannot hold.
pub fn load_preprocessed_table(
    name: &str,
    preprocessed_dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<RecordBatch>, DrawError> {
    let tasks = load_preprocessed_benchmark(name, preprocessed_dir, progress)?;
    Ok(table::batches(&tasks.iter().map(StoredTask::alone).collect::<Vec<_>>())?)
}

/// How pools are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Writing {
    /// Write none where one cannot be met in full.
    pub strict: bool,
    /// Replace whatever is in their place.
    pub force: bool,
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
    pub format: Layout,
}

impl<'o> Order<'o> {
    /// The pool of an experiment, in the folder of its name.
    pub fn of(experiment: &'o Experiment, output_dir: &Path, format: Layout) -> Self {
        let output = output_dir.join(&experiment.id);
        Self { request: &experiment.request, experiment: Some(experiment), output, format }
    }

    /// Whether what is in the pool's place may be replaced by it; the files there that nothing vouches for may only be if the
    /// pool's own are the same.
    fn check_place(&self, drawn: &Drawn<'_>) -> Result<Vec<Unvouched>, DrawError> {
        let id = self.experiment.map(|experiment| experiment.id.as_str());
        let what = match manifest::existing(&self.output) {
            Existing::Nothing => return Ok(Vec::new()),
            Existing::Other(what) => what,
            // What a run that was stopped left has no manifest yet, or that of the pool before.
            Existing::Unvouched(files) => return Ok(files),
            Existing::Pool { experiment, .. } if experiment.is_some() || id.is_some() => {
                if experiment.as_deref() == id {
                    return Ok(Vec::new());
                }
                experiment.map_or_else(
                    || "a pool that no experiment made".to_owned(),
                    |experiment| format!("the pool of the experiment {experiment}"),
                )
            }
            Existing::Pool { request, .. } => {
                let own = serde_json::to_value(self.request).unwrap_or_default();
                let parts =
                    drawn.parts.iter().map(|part| DifficultyRecord::from(part.joined.map(|joined| &joined.record)));
                let parts: Vec<_> = parts.map(|part| serde_json::to_value(part).unwrap_or_default()).collect();
                if request == (own, parts) {
                    return Ok(Vec::new());
                }
                "a pool that another request made".to_owned()
            }
        };
        Err(DrawError::Occupied { folder: self.output.clone(), what })
    }
}

/// A pool that was made; or why there are no tasks for it.
pub type Made<'l> = Result<(Drawn<'l>, Statistics), DrawError>;

/// Draws all that is asked, tells the warnings, then writes all pools: for each order what was made, or
/// [`DrawError::NoTasks`]. Under `strict`, where one cannot be met in full, none is written. A pool replaces one that the same
/// experiment made, or, without one, the same request; any other only under `force`.
///
/// # Errors
/// Under `strict` a stream of no tasks or [`DrawError::Short`]; [`DrawError::Occupied`], the disk, or a store that changed since it was
/// opened.
pub fn make_pools<'l>(
    library: &'l Library<'_>,
    orders: &'l [Order<'l>],
    Writing { strict, force }: Writing,
    progress: &dyn Progress,
) -> Result<Vec<Made<'l>>, DrawError> {
    let id = |order: &Order<'_>| order.experiment.map(|experiment| experiment.id.clone());
    let draw = |order: &'l Order<'l>| match library.draw(order.request) {
        Err(DrawError::NoTasks { why, .. }) => {
            let none = DrawError::NoTasks { experiment: id(order), why };
            if strict { Err(none) } else { Ok(Err(none)) }
        }
        drawn => drawn.map(Ok),
    };
    let drawn: Vec<Result<Drawn<'_>, DrawError>> = orders.iter().map(draw).collect::<Result<_, _>>()?;
    for (drawn, order) in drawn.iter().zip(orders) {
        let name = id(order).map(|id| format!("{id}: ")).unwrap_or_default();
        let warnings = drawn.iter().flat_map(|drawn| &drawn.warnings);
        library.tell(warnings.map(|warning| format!("{name}{warning}")));
    }
    let short = drawn.iter().flatten().filter(|drawn| !drawn.stream.shortfalls.is_empty()).count();
    if strict && short > 0 {
        return Err(DrawError::Short { short, asked: drawn.len() });
    }
    for (drawn, order) in drawn.iter().zip(orders) {
        if let (Ok(drawn), false) = (drawn, force) {
            order.check_place(drawn)?;
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

/// The tasks up to where the caller asks to stop.
fn until_stopped<'t>(
    tasks: impl Iterator<Item = TaskView<'t>>,
    progress: &dyn Progress,
) -> impl Iterator<Item = TaskView<'t>> {
    tasks.enumerate().take_while(|(at, _)| at % 1024 != 0 || !progress.cancelled()).map(|(_, task)| task)
}

fn statistics_text(statistics: &Statistics) -> String {
    serde_json::to_string_pretty(statistics).unwrap_or_default() + "\n"
}

/// Writes tasks as a pool of its own at `path`, whole or not at all; as Parquet where it ends in `.parquet`. With `manifest`,
/// what it says of the tasks is written beside them: `manifest.json` beside `task_pool.*`, `NAME.manifest.json` beside others.
///
/// # Errors
/// The disk.
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
            folder.publish(vec![pool], true)?;
            // It was of the tasks that these replaced, unless it is of another file.
            let is_of_these = found.is_some_and(|text| is_ours && manifest::names_output(&text, name));
            return if is_of_these { folder.remove(&beside) } else { Ok(()) };
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

/// Writes the statistics of tasks at `path`, whole or not at all. Beside the pool of the same tasks, its manifest vouches for them
/// too.
///
/// # Errors
/// No tasks, or the disk.
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
            std::io::Error::new(std::io::ErrorKind::InvalidInput, "its name is no file's name"),
        )
    })?;
    write(&Folder::lock(parent, progress)?, name)
}
