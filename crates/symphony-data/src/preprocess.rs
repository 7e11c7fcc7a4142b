//! Drives stage 1: source ─► difficulty ─► store, batch by batch; rows are never held.
//!
//! The source is read twice. The first pass computes the features and sets them down in a scratch file, from which the
//! constants, the scores and the thresholds follow; the second writes the store. Each batch is worked on by one core, and
//! what a few batches take is all the memory there is to it.

use std::{
    collections::HashMap,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    config::{Benchmark, Config, Cut, Percentiles},
    difficulty::{FeatureColumns, Normalization, Plan, RawRange, score::CONSTANT_PERCENTILE},
    disk::{DiskError, Folder, Scratch, checksum},
    hint::Hint,
    number::{Mean, Summary},
    parallel::pipeline,
    progress::{Note, Pass, Progress},
    row::{Origin, RowBatch, RowFault},
    source::{
        At, Rows, Source, SourceError, SourceFile, SourcePath, file,
        hub::{HubError, HubSource},
    },
    store::{
        Difference, Meta, MetaThresholds, ScoredRows, SourceRecord, Store, StoreError, StoreFormat, StoreRecord,
        StoreWriter, TOOL, WrittenStore, fingerprint, meta_name, rejected_name, store_name,
    },
    stream::{Bin, PerBin, Thresholds},
};

mod copies;

use copies::CopyFinder;

/// What to do with a row that no score can be computed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBadRow {
    /// End with an error that names it.
    #[default]
    Stop,
    /// Set it aside in `{b}_rejected.jsonl` and go on.
    Skip,
}

impl OnBadRow {
    /// Whether this is to stop.
    pub fn is_stop(&self) -> bool {
        *self == Self::Stop
    }
}

/// Whether a command may bring stores up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Rebuild what no longer fits the configuration or its own checksum, and say why.
    Rebuild,
    /// Only report.
    Report,
}

/// How stage 1 is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct PreprocessOptions {
    /// What to do with bad rows; `None`: as when the store was last made, else stop.
    pub on_bad_row: Option<OnBadRow>,
    /// Make the store anew even if it is up to date.
    pub force: bool,
    /// Take no other source than the one that the meta records: the same commit, the same files.
    pub locked: bool,
    /// How the store holds its rows; `None`: as the configuration says, else as it does already, else as JSON lines.
    pub format: Option<StoreFormat>,
}

/// What stage 1 did for a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Made the store.
    Built,
    /// Found it up to date.
    Cached,
    /// Rewrote the bins of an otherwise current store for other percentiles.
    Rebinned,
}

/// Why a benchmark could not be preprocessed.
#[derive(Debug, thiserror::Error)]
pub enum PreprocessError {
    /// The source.
    #[error("{benchmark}: {error}")]
    Source {
        /// The benchmark.
        benchmark: String,
        /// Why.
        error: SourceError,
    },
    /// A row.
    #[error("{origin}: row {row} of {benchmark}: {fault}; fix the row")]
    BadRow {
        /// The benchmark.
        benchmark: String,
        /// File and line.
        origin: Origin,
        /// The row's number, from 0.
        row: u64,
        /// What is wrong.
        fault: RowFault,
    },
    /// No rows.
    #[error("{benchmark}: {source_path} has no rows{}; a benchmark needs at least one", if *.rejected > 0 { format!(" left ({rejected} were set aside)") } else { String::new() })]
    Empty {
        /// The benchmark.
        benchmark: String,
        /// Its source.
        source_path: String,
        /// How many rows were set aside.
        rejected: u64,
    },
    /// A rule that does not compile. One that a configuration holds was compiled when it was checked.
    #[error("{benchmark}: its rule cannot be computed: {why}")]
    Rule {
        /// The benchmark.
        benchmark: String,
        /// Each feature that cannot, and why.
        why: String,
    },
    /// Scores that are no numbers.
    #[error(
        "{benchmark}: its rule gives scores or constants that are not finite; check its weights and features for overflow"
    )]
    NotFinite {
        /// The benchmark.
        benchmark: String,
    },
    /// More rows than a store takes.
    #[error("{benchmark}: more than 4294967295 rows; split it into several benchmarks")]
    TooLarge {
        /// The benchmark.
        benchmark: String,
    },
    /// The source is not what it was a moment ago.
    #[error("{benchmark}: {source_path} changed while it was read; run again when nothing writes to it")]
    Changed {
        /// The benchmark.
        benchmark: String,
        /// Its source.
        source_path: String,
    },
    /// Only the recorded source may be used, and there is nothing to compare with.
    #[error("{benchmark}: only the recorded source may be used, and {why}; {} records it", meta_name(.benchmark))]
    NotLocked {
        /// The benchmark.
        benchmark: String,
        /// Why nothing is recorded.
        why: String,
    },
    /// Only the recorded source may be used, and there are other rows than those recorded.
    #[error("{benchmark}: only the recorded source may be used, and {what}; get the files that were recorded")]
    Moved {
        /// The benchmark.
        benchmark: String,
        /// What differs.
        what: String,
    },
    /// The caller asked to stop.
    #[error("{benchmark}: stopped; nothing was written{}", if *.downloading { ", and what came is kept: the next run goes on from there" } else { "" })]
    Cancelled {
        /// The benchmark.
        benchmark: String,
        /// Whether its files were being downloaded.
        downloading: bool,
    },
    /// A store of other rows than those that the configuration names. Only `preprocess` replaces it.
    #[error("{folder}: its store of {benchmark} was made from {had}, and the configuration says {wants}")]
    OtherSource {
        /// The benchmark.
        benchmark: String,
        /// Where the store is.
        folder: PathBuf,
        /// Where its rows come from.
        had: String,
        /// Where the configuration says that they come from.
        wants: String,
    },
    /// A store that no longer fits and could not be rebuilt.
    #[error("the store of {benchmark} cannot be used ({reason}), and rebuilding it failed: {error}")]
    Rebuild {
        /// The benchmark.
        benchmark: String,
        /// Why it cannot be used.
        reason: String,
        /// Why rebuilding failed.
        error: Box<PreprocessError>,
    },
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PreprocessError {
    /// The ways out, the best first.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Source { error: SourceError::Hub(error), .. } => error.hints(),
            Self::BadRow { .. } => vec![Hint::SkipBadRows],
            Self::NotLocked { .. } | Self::Moved { .. } => vec![Hint::Unlock],
            Self::OtherSource { benchmark, folder, had, .. } => {
                let demo = had.starts_with("synthetic:").then_some(Hint::Demo);
                let replace = Hint::ReplaceStore { benchmarks: vec![benchmark.clone()], folder: folder.clone() };
                [Hint::NameConfig, Hint::NameStores].into_iter().chain(demo).chain([replace]).collect()
            }
            Self::Rebuild { error, .. } => error.hints(),
            Self::Store(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

impl From<DiskError> for PreprocessError {
    fn from(error: DiskError) -> Self {
        Self::Store(error.into())
    }
}

/// Preprocesses one benchmark into `folder`, unless what lies there is up to date.
///
/// # Errors
/// See [`PreprocessError`]. What lay there before is then untouched.
pub fn preprocess(
    benchmark: &Benchmark,
    cut: Cut,
    folder: &Path,
    options: PreprocessOptions,
    progress: &dyn Progress,
) -> Result<(Outcome, Meta), PreprocessError> {
    let folder = Folder::lock(folder, progress)?;
    let locked = if options.locked { Some(recorded_source(benchmark, folder.path())?) } else { None };
    let wanted = options.format.or(benchmark.store);
    let stop = options.on_bad_row == Some(OnBadRow::Stop);
    let found =
        if options.force { Ok(None) } else { current(benchmark, folder.path(), wanted, stop, progress).map(Some) };
    let reason = match found {
        Ok(None) | Err(StoreError::Missing { .. }) => None,
        Ok(Some((mut store, None))) => {
            // What is made anew below is checked where its source is opened.
            if let (SourcePath::Datasets(address), Some(SourceRecord { revision: Some(commit), .. })) =
                (&benchmark.source, &locked)
            {
                HubSource::check_lock(address, benchmark, commit, progress)
                    .map_err(|error| of_source(benchmark, error.into()))?;
            }
            // What a run that was stopped before its end may have left.
            remove_other(&folder, &benchmark.name, store.meta.store.format)?;
            if let Some(reason) = store.index_problem(true) {
                progress.note(Note::Indexing { benchmark: &benchmark.name, reason: &reason });
                store.make_index(Some(&folder))?;
            }
            if store.meta.thresholds.cut == cut {
                progress.note(Note::Cached(&benchmark.name));
                note_copies(&store.meta, progress);
                return Ok((Outcome::Cached, store.meta));
            }
            let reason = Some("other percentiles or cuts are configured, so its bins are rewritten");
            progress.note(Note::Building { benchmark: &benchmark.name, reason });
            return Ok((Outcome::Rebinned, rebin(&folder, benchmark, cut, store)?));
        }
        Ok(Some((store, Some(reason)))) => {
            let (had, wants) = (&store.meta.source.path, benchmark.source.portable());
            if *had != wants {
                progress.note(Note::Warning(&format!(
                    "{}: its store in {} was made from {had}, and is replaced by one made from {wants}",
                    benchmark.name,
                    folder.path().display()
                )));
            }
            Some(reason)
        }
        Err(StoreError::Stale { path, reason }) => Some(format!("{}: {reason}", path.display())),
        // What cannot be read may be as good as ever, and what another program wrote is not ours to replace.
        Err(error) => return Err(error.into()),
    };
    progress.note(Note::Building { benchmark: &benchmark.name, reason: reason.as_deref() });
    // What is made anew is made of the same commit, unless it is the source that shall be renewed.
    let recorded = match &locked {
        Some(locked) => locked.revision.clone(),
        None if options.force => None,
        None => recorded_source(benchmark, folder.path()).ok().and_then(|source| source.revision),
    };
    let at = match recorded.as_deref() {
        Some(commit) if options.locked => At::Locked(commit),
        Some(commit) => At::Commit(commit),
        None => At::Now,
    };
    let before = Meta::read(folder.path(), &benchmark.name).ok();
    let on_bad_row = options.on_bad_row.or(before.as_ref().map(|meta| meta.on_bad_row)).unwrap_or_default();
    let before = before.map(|meta| meta.store.format).or_else(|| {
        StoreFormat::ALL.into_iter().find(|format| folder.path().join(store_name(&benchmark.name, *format)).exists())
    });
    let format = wanted.or(before).unwrap_or_default();
    let stage = Stage1::new(benchmark, on_bad_row, at, locked, progress)?;
    let meta = stage.build(&folder, cut, format)?;
    note_copies(&meta, progress);
    Ok((Outcome::Built, meta))
}

fn note_copies(meta: &Meta, progress: &dyn Progress) {
    if let Some(copies) = &meta.copies {
        progress.note(Note::Copies { benchmark: &meta.benchmark, copies });
    }
}

/// Opens the store of a configured benchmark. What no longer fits the configuration or its own checksum is rebuilt where
/// `upkeep` allows it, and else said; a store of other rows than those that the configuration names is never replaced.
///
/// # Errors
/// The store is missing, is of other rows, or cannot be rebuilt.
pub fn open_store(
    config: &Config,
    folder: &Path,
    name: &str,
    upkeep: Upkeep,
    progress: &dyn Progress,
) -> Result<Store, PreprocessError> {
    let benchmark = config.benchmark(name);
    let other_source = |had: String, wants: String| PreprocessError::OtherSource {
        benchmark: name.to_owned(),
        folder: folder.to_owned(),
        had,
        wants,
    };
    let reason = match Store::open(folder, name, progress) {
        Ok(store) => match benchmark.and_then(|benchmark| store.differs_from(benchmark)) {
            None => return with_index(store, folder, name, upkeep, progress),
            Some(difference) if upkeep == Upkeep::Report => {
                progress.note(Note::Stale { benchmark: name, reason: &difference.to_string() });
                return with_index(store, folder, name, upkeep, progress);
            }
            Some(Difference::Source { had, wants }) => return Err(other_source(had, wants)),
            Some(difference) => difference.to_string(),
        },
        Err(StoreError::Stale { path, reason }) if upkeep == Upkeep::Rebuild => {
            if let (Ok(meta), Some(benchmark)) = (Meta::read(folder, name), benchmark)
                && meta.source.path != benchmark.source.portable()
            {
                return Err(other_source(meta.source.path, benchmark.source.portable()));
            }
            format!("{}: {reason}", path.display())
        }
        Err(error) => return Err(error.into()),
    };
    rebuild(config, folder, name, reason, progress)?;
    Ok(Store::open(folder, name, progress)?)
}

/// Rebuilds a store that cannot be used any more, for this reason.
///
/// # Errors
/// Why it cannot be rebuilt.
pub(crate) fn rebuild(
    config: &Config,
    folder: &Path,
    name: &str,
    reason: String,
    progress: &dyn Progress,
) -> Result<(), PreprocessError> {
    let Some(benchmark) = config.benchmark(name) else {
        return Err(StoreError::Missing { benchmark: name.to_owned(), folder: folder.to_owned() }.into());
    };
    // `preprocess` finds and names the same reason, unless another run has rebuilt it meanwhile.
    let rebuilt = preprocess(benchmark, config.store_cut_of(name), folder, PreprocessOptions::default(), progress);
    rebuilt.map(drop).map_err(|error| match error {
        PreprocessError::Store(error) => PreprocessError::Store(error),
        error => PreprocessError::Rebuild { benchmark: name.to_owned(), reason, error: Box::new(error) },
    })
}

/// The store with an index that can be used: a new one in the folder, or in memory where the folder cannot be written to or
/// is only to be reported on.
fn with_index(
    mut store: Store,
    folder: &Path,
    name: &str,
    upkeep: Upkeep,
    progress: &dyn Progress,
) -> Result<Store, PreprocessError> {
    let Some(reason) = store.index_problem(false) else { return Ok(store) };
    if upkeep == Upkeep::Report {
        store.make_index(None)?;
        return Ok(store);
    }
    progress.note(Note::Indexing { benchmark: name, reason: &reason });
    let in_folder = || {
        let locked = Folder::lock(folder, progress)?;
        let mut store = Store::open_in(folder, name)?;
        // Another run may have made it meanwhile.
        if store.index_problem(false).is_some() {
            store.make_index(Some(&locked))?;
        }
        Ok(store)
    };
    match in_folder() {
        Err(StoreError::Disk(_)) => {
            store.make_index(None)?;
            Ok(store)
        }
        made => Ok(made?),
    }
}

/// Removes the benchmark's store in any other format than this.
fn remove_other(folder: &Folder, benchmark: &str, format: StoreFormat) -> Result<(), DiskError> {
    let mut others = StoreFormat::ALL.into_iter().filter(|other| *other != format);
    others.try_for_each(|other| folder.remove(&store_name(benchmark, other)))
}

/// The source that the meta in `folder` records.
fn recorded_source(benchmark: &Benchmark, folder: &Path) -> Result<SourceRecord, PreprocessError> {
    let nothing = |why: String| PreprocessError::NotLocked { benchmark: benchmark.name.clone(), why };
    let source = match Meta::read(folder, &benchmark.name) {
        Ok(meta) => meta.source,
        Err(StoreError::Missing { .. }) => return Err(nothing("no source is recorded yet".to_owned())),
        Err(error @ StoreError::Disk(_)) => return Err(error.into()),
        Err(error) => return Err(nothing(error.to_string())),
    };
    let now = benchmark.source.portable();
    if source.path != now {
        return Err(nothing(format!("the recorded source is {}, and the configuration says {now}", source.path)));
    }
    Ok(source)
}

fn of_source(benchmark: &Benchmark, error: SourceError) -> PreprocessError {
    let benchmark = benchmark.name.clone();
    match error {
        SourceError::Hub(error) if matches!(*error, HubError::Cancelled) => {
            PreprocessError::Cancelled { benchmark, downloading: true }
        }
        error => PreprocessError::Source { benchmark, error },
    }
}

/// The store in `folder`, and why it is out of date, if it is: configuration, source files and checksums are compared.
fn current(
    benchmark: &Benchmark,
    folder: &Path,
    format: Option<StoreFormat>,
    stop: bool,
    progress: &dyn Progress,
) -> Result<(Store, Option<String>), StoreError> {
    let store = Store::open_in(folder, &benchmark.name)?;
    let mut reason = store.differs_from(benchmark).map(|difference| difference.to_string());
    if stop && store.meta.rejected_rows > 0 {
        reason = reason.or(Some("rows were set aside, and bad rows are now to stop it".to_owned()));
    }
    if let Some(format) = format.filter(|format| reason.is_none() && store.meta.store.format != *format) {
        reason = Some(format!("it is {}, and {} is asked", store.meta.store.format.name(), format.name()));
    }
    if reason.is_none() {
        let (now, _) = checksum::of_file(store.path(), &store.meta.store.file.checksum)
            .map_err(|error| DiskError::new(store.path(), "read this file", error))?;
        if now != store.meta.store.file.checksum {
            reason = Some("it was changed or damaged (checksum)".to_owned());
        }
    }
    if reason.is_none() && !rejected_is_current(folder, &store.meta)? {
        reason = Some(format!("{} is not as it was written", rejected_name(&benchmark.name)));
    }
    if reason.is_none()
        && let SourcePath::File(pattern) = &benchmark.source
    {
        match file::paths(pattern, &benchmark.configs) {
            Some(paths) => {
                for (path, recorded) in paths.iter().zip(&store.meta.source.files) {
                    let (now, _) = checksum::of_file(path, &recorded.checksum)
                        .map_err(|error| DiskError::new(path, "read this source file", error))?;
                    if now != recorded.checksum {
                        reason = Some(format!("its source file {} changed", recorded.name));
                        break;
                    }
                }
            }
            None => progress.note(Note::SourceGone(&benchmark.name)),
        }
    }
    Ok((store, reason))
}

/// Whether the file of rows that were set aside is the one that the meta records: none, or one of its checksum.
fn rejected_is_current(folder: &Path, meta: &Meta) -> Result<bool, DiskError> {
    let path = folder.join(rejected_name(&meta.benchmark));
    let Some(recorded) = &meta.rejected else { return Ok(!path.exists()) };
    match checksum::of_file(&path, &recorded.checksum) {
        Ok((now, _)) => Ok(now == recorded.checksum),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(DiskError::new(&path, "read this file", error)),
    }
}

/// Writes the bins of a current store anew.
fn rebin(folder: &Folder, benchmark: &Benchmark, cut: Cut, store: Store) -> Result<Meta, PreprocessError> {
    let scores = store.scores()?;
    let (thresholds, bins) = thresholds_and_bins(&scores, cut)
        .ok_or_else(|| PreprocessError::NotFinite { benchmark: benchmark.name.clone() })?;
    let (written, files) = store.rewrite_bins(folder, thresholds)?;
    let mut meta = store.meta;
    meta.thresholds = MetaThresholds { cut, scores: thresholds };
    meta.bins = bins;
    meta.store.file = written;
    let sealed = folder.write_small(&meta_name(&benchmark.name), &seal(&mut meta))?;
    folder.publish(files.into_iter().chain([sealed]).collect(), false)?;
    Ok(meta)
}

fn seal(meta: &mut Meta) -> String {
    meta.self_checksum.clear();
    TOOL.clone_into(&mut meta.tool);
    // A meta holds finite numbers, texts and maps with text keys: it can always be written.
    checksum::seal(meta).unwrap_or_default()
}

fn thresholds_and_bins(scores: &[f64], cut: Cut) -> Option<(Thresholds, PerBin<u64>)> {
    let thresholds = Thresholds::of(scores, cut)?;
    let mut bins = PerBin::default();
    for &score in scores {
        bins[thresholds.bin(score)] += 1;
    }
    Some((thresholds, bins))
}

/// One run over one benchmark.
struct Stage1<'a> {
    benchmark: &'a Benchmark,
    plan: Plan,
    source: Box<dyn Source + 'a>,
    on_bad_row: OnBadRow,
    /// The source that must serve.
    locked: Option<SourceRecord>,
    progress: &'a dyn Progress,
}

/// Some batches, each with its number.
type Batches = Vec<(usize, RowBatch)>;

/// What the first pass over the rows leaves.
struct Featured {
    /// The features, batch by batch, as [`FeatureColumns::to_bytes`] has them.
    features: Scratch,
    /// How many good rows each batch has.
    rows: Vec<usize>,
    /// What each normalization constant is a percentile of.
    summaries: Vec<Summary>,
    files: Vec<SourceFile>,
    /// The identity of every good row; empty where it is the row's number, so that no two are the same.
    identities: Vec<u64>,
    /// Good rows and bad ones.
    rows_read: u64,
}

/// How features become scores, and scores bins.
struct Scale {
    constants: Vec<f64>,
    range: RawRange,
    normalization: Normalization,
    thresholds: Thresholds,
}

impl<'a> Stage1<'a> {
    fn new(
        benchmark: &'a Benchmark,
        on_bad_row: OnBadRow,
        at: At<'_>,
        locked: Option<SourceRecord>,
        progress: &'a dyn Progress,
    ) -> Result<Self, PreprocessError> {
        let wrong = |problems: Vec<(String, String)>| PreprocessError::Rule {
            benchmark: benchmark.name.clone(),
            why: problems.iter().map(|(feature, why)| format!("`{feature}`: {why}")).collect::<Vec<_>>().join("; "),
        };
        let unregistered = benchmark.rule.unregistered();
        if !unregistered.is_empty() {
            return Err(wrong(unregistered));
        }
        let plan = Plan::compile(&benchmark.rule, &benchmark.identity).map_err(wrong)?;
        let source = benchmark.source.open(benchmark, at, progress).map_err(|error| of_source(benchmark, error))?;
        Ok(Self { benchmark, plan, source, on_bad_row, locked, progress })
    }

    fn build(&self, folder: &Folder, cut: Cut, format: StoreFormat) -> Result<Meta, PreprocessError> {
        let mut featured = self.features(folder)?;
        self.check_lock(&featured.files)?;
        self.note_same_files(&featured.files);
        let scale = self.scale(&featured, cut)?;
        let copies = CopyFinder::of(std::mem::take(&mut featured.identities));
        let written = self.write(folder, &featured, &scale, &copies, format)?;
        let WrittenStore { store, bins, rejected, rejected_rows, mut files } = written;
        let constants = self.plan.constants().iter().zip(&scale.constants);
        let mut meta = Meta {
            benchmark: self.benchmark.name.clone(),
            n_tasks_full: bins.total(),
            benchmark_config_fingerprint: fingerprint(self.benchmark),
            normalization: scale.normalization,
            normalization_constants: constants
                .map(|((name, _), constant)| (name.clone(), (*constant).into()))
                .collect(),
            thresholds: MetaThresholds { cut, scores: scale.thresholds },
            bins,
            rejected_rows,
            rejected,
            on_bad_row: self.on_bad_row,
            copies: copies.found(),
            source: SourceRecord {
                path: self.benchmark.source.portable(),
                revision: self.source.revision().map(|revision| revision.commit.clone()),
                branch: self.source.revision().and_then(|revision| revision.branch.clone()),
                files: featured.files,
            },
            store: StoreRecord { format, file: store },
            tool: String::new(),
            self_checksum: String::new(),
        };
        files.push(folder.write_small(&meta_name(&self.benchmark.name), &seal(&mut meta))?);
        // A store can be rebuilt and a lost write shows in its checksum, so that it need not be synced.
        folder.publish(files, false)?;
        if rejected_rows == 0 {
            folder.remove(&rejected_name(&self.benchmark.name))?;
        }
        remove_other(folder, &self.benchmark.name, format)?;
        Ok(meta)
    }

    /// Whether these are the files that were recorded, where only those may serve.
    fn check_lock(&self, files: &[SourceFile]) -> Result<(), PreprocessError> {
        let Some(locked) = &self.locked else { return Ok(()) };
        let other = files.iter().find(|file| !locked.files.contains(file));
        let what = match (other, files.len() == locked.files.len()) {
            (None, true) => return Ok(()),
            (Some(file), _) => format!("{} is not as it was recorded", file.name),
            (None, false) => format!("{} files were recorded, and {} are there", locked.files.len(), files.len()),
        };
        Err(PreprocessError::Moved { benchmark: self.benchmark.name.clone(), what })
    }

    /// Says which files are the same, byte for byte: their rows count more than once.
    fn note_same_files(&self, files: &[SourceFile]) {
        let mut known: HashMap<&str, &str> = HashMap::new();
        for SourceFile { name, bytes, checksum } in files.iter().filter(|file| file.bytes > 0) {
            if let Some(first) = known.get(checksum.as_str()) {
                self.progress.note(Note::Warning(&format!(
                    "{}: its files {first} and {name} are the same, byte for byte ({bytes} bytes), so that their rows count twice",
                    self.benchmark.name
                )));
            } else {
                known.insert(checksum, name);
            }
        }
    }

    /// The first pass over the rows, which computes their features.
    fn features(&self, folder: &Folder) -> Result<Featured, PreprocessError> {
        let mut features = folder.scratch(&format!("{}_features", self.benchmark.name));
        let mut summaries = vec![Summary::default(); self.plan.constants().len()];
        let (mut rows, mut identities) = (Vec::new(), Vec::new());
        let (mut good, mut rejected) = (0_u64, 0);
        let features_of = |batch: &RowBatch| {
            let found = self.plan.features(batch);
            if self.on_bad_row == OnBadRow::Stop
                && let Some((at, fault)) = found.rejected.first()
            {
                return Err(PreprocessError::BadRow {
                    benchmark: self.benchmark.name.clone(),
                    origin: batch.origin(*at),
                    row: batch.row_number(*at),
                    fault: fault.clone(),
                });
            }
            let mut summaries = vec![Summary::default(); self.plan.constants().len()];
            for (summary, (_, at)) in summaries.iter_mut().zip(self.plan.constants()) {
                summary.observe(&found.scored[*at]).map_err(|_| self.not_finite())?;
            }
            let (bad, bytes) = (found.rejected.len(), found.to_bytes());
            Ok((found.identities, bad, summaries, bytes))
        };
        let files = self.pass(
            Pass::Score,
            self.source.rows(),
            1,
            |batch| features_of(&batch[0].1),
            |found| {
                let (own, bad, more, bytes) = found;
                let some = own.len();
                if !self.benchmark.identity.is_empty() {
                    identities.extend(own);
                }
                good += some as u64;
                rejected += bad as u64;
                if u32::try_from(good).is_err() {
                    return Err(PreprocessError::TooLarge { benchmark: self.benchmark.name.clone() });
                }
                summaries.iter_mut().zip(&more).for_each(|(summary, more)| summary.merge(more));
                rows.push(some);
                features.push(bytes)?;
                Ok((some + bad) as u64)
            },
        )?;
        if good == 0 {
            let source_path = self.benchmark.source.to_string();
            let benchmark = self.benchmark.name.clone();
            return Err(PreprocessError::Empty { benchmark, source_path, rejected });
        }
        Ok(Featured { features, rows, summaries, files, identities, rows_read: good + rejected })
    }

    /// Constants, range and thresholds, from the features.
    fn scale(&self, featured: &Featured, cut: Cut) -> Result<Scale, PreprocessError> {
        let mut constants = Vec::with_capacity(featured.summaries.len());
        for (summary, (_, at)) in featured.summaries.iter().zip(self.plan.constants()) {
            let again = |take: &mut dyn FnMut(&[f64])| self.scored(featured, |_, scored| take(&scored[*at]));
            let found = summary.percentiles(&[CONSTANT_PERCENTILE], again)?;
            constants.extend(found.into_iter().flatten().filter(|constant| constant.is_finite()));
        }
        if constants.len() < featured.summaries.len() {
            return Err(self.not_finite());
        }
        let raw_scores = |take: &mut dyn FnMut(&[f64])| {
            self.scored(featured, |rows, scored| take(&self.plan.raw_scores(scored, &constants, rows)))
        };
        let mut range = Ok(None);
        raw_scores(&mut |raw| range = range.and_then(|range| RawRange::observe(range, raw)))?;
        let range = range.ok().flatten().ok_or_else(|| self.not_finite())?;
        let scores = |take: &mut dyn FnMut(&[f64])| {
            raw_scores(&mut |raw| take(&raw.iter().map(|raw| range.scale(*raw)).collect::<Vec<_>>()))
        };
        let (mut summary, mut mean, mut finite) = (Summary::default(), Mean::default(), true);
        scores(&mut |scores| {
            finite &= summary.observe(scores).is_ok();
            scores.iter().for_each(|score| mean.observe(*score));
        })?;
        let thresholds = match cut {
            Cut::Percentiles(Percentiles { low, high }) => summary.percentiles(&[low, high], scores)?,
            Cut::Cuts(cuts) => Some(cuts.to_vec()),
        };
        let (Some([easy, hard]), Some(normalized_mean), true) = (thresholds.as_deref(), mean.get(), finite) else {
            return Err(self.not_finite());
        };
        let normalization = Normalization {
            method: Normalization::MIN_MAX.to_owned(),
            raw_min: range.min,
            raw_max: range.max,
            normalized_min: range.scale(range.min),
            normalized_max: range.scale(range.max),
            normalized_mean,
        };
        let thresholds = Thresholds { easy: *easy, hard: *hard };
        Ok(Scale { constants, range, normalization, thresholds })
    }

    /// Goes through the scored features of all rows, batch by batch.
    fn scored(&self, featured: &Featured, mut take: impl FnMut(usize, &[Vec<f64>])) -> Result<(), PreprocessError> {
        let columns = self.plan.scored_names().len();
        for (batch, &rows) in featured.rows.iter().enumerate() {
            let bytes = featured.features.get(batch, FeatureColumns::bytes_of_scored(rows, columns))?;
            take(rows, &FeatureColumns::scored_from_bytes(&bytes, columns));
        }
        Ok(())
    }

    /// The second pass over the rows, which writes the store.
    fn write(
        &self,
        folder: &Folder,
        featured: &Featured,
        scale: &Scale,
        copies: &CopyFinder,
        format: StoreFormat,
    ) -> Result<WrittenStore, PreprocessError> {
        let names = self.plan.scored_names();
        let columns = names.len();
        let (mut writer, encoder) = StoreWriter::create(folder, &self.benchmark.name, format, scale.thresholds, names)?;
        let scores_of = |(at, batch): &(usize, RowBatch)| {
            if featured.rows.len() <= *at {
                return Err(self.changed());
            }
            let features = FeatureColumns::from_bytes(&featured.features.get(*at, usize::MAX)?, columns);
            if features.batch_rows != batch.len() {
                return Err(self.changed());
            }
            copies.look_at(batch, &features);
            let rows = features.identities.len();
            let mut scores = self.plan.raw_scores(&features.scored, &scale.constants, rows);
            scores.iter_mut().for_each(|score| *score = scale.range.scale(*score));
            Ok((features, scores))
        };
        let work = |batches: Batches| {
            let scores = batches.iter().map(scores_of).collect::<Result<Vec<_>, PreprocessError>>()?;
            let of_batch: Vec<ScoredRows<'_>> = batches
                .iter()
                .zip(&scores)
                .map(|((_, batch), (features, scores))| ScoredRows { batch, features, scores })
                .collect();
            let rows: usize = batches.iter().map(|(_, batch)| batch.len()).sum();
            Ok((rows as u64, encoder.encode(&of_batch)?))
        };
        let files =
            self.pass(Pass::Write, Some(featured.rows_read), encoder.bytes_at_once(), work, |(rows, encoded)| {
                writer.append(encoded)?;
                Ok(rows)
            })?;
        let written = writer.finish()?;
        let rows: usize = featured.rows.iter().sum();
        if files != featured.files || written.bins.total() != rows as u64 {
            return Err(self.changed());
        }
        Ok(written)
    }

    /// Reads the source once: `work` on some batches (each with its number), about `bytes` of text at once but no less than
    /// a batch, on all cores; then `take`, which says how many rows it took, in the order of the rows. Tells progress, and
    /// listens for a stop.
    fn pass<'p, R: Send>(
        &'p self,
        pass: Pass,
        total: Option<u64>,
        bytes: usize,
        work: impl Fn(Batches) -> Result<R, PreprocessError> + Sync,
        mut take: impl FnMut(R) -> Result<u64, PreprocessError>,
    ) -> Result<Vec<SourceFile>, PreprocessError> {
        let mut done = 0;
        let mut failure = None;
        self.progress.rows(&self.benchmark.name, pass, 0, total);
        let produce = |sink: &mut dyn FnMut(Vec<(usize, Rows<'p>)>) -> ControlFlow<()>| {
            let (mut number, mut gathered, mut text) = (0, Vec::new(), 0);
            let files = self.source.read(&mut |rows| {
                text += rows.text_len();
                gathered.push((number, rows));
                number += 1;
                if text < bytes {
                    return ControlFlow::Continue(());
                }
                text = 0;
                sink(std::mem::take(&mut gathered))
            });
            if !gathered.is_empty() {
                // Whether anybody wants the last of them no longer matters.
                let _ = sink(gathered);
            }
            files
        };
        let work = |rows: Vec<(usize, Rows<'p>)>| {
            work(rows.into_iter().map(|(number, rows)| (number, rows.batch())).collect())
        };
        let files = pipeline(produce, work, |result| {
            let taken = if self.progress.cancelled() {
                Err(PreprocessError::Cancelled { benchmark: self.benchmark.name.clone(), downloading: false })
            } else {
                result.and_then(&mut take)
            };
            match taken {
                Ok(rows) => {
                    done += rows;
                    self.progress.rows(&self.benchmark.name, pass, done, total);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        match (failure, files) {
            (Some(error), _) => Err(error),
            (None, files) => files.map_err(|error| of_source(self.benchmark, error)),
        }
    }

    fn not_finite(&self) -> PreprocessError {
        PreprocessError::NotFinite { benchmark: self.benchmark.name.clone() }
    }

    fn changed(&self) -> PreprocessError {
        PreprocessError::Changed {
            benchmark: self.benchmark.name.clone(),
            source_path: self.benchmark.source.to_string(),
        }
    }
}

/// The share of a benchmark's tasks in each bin, 0..1.
pub fn bin_shares(meta: &Meta) -> PerBin<f64> {
    let total = meta.bins.total().max(1) as f64;
    let share = |bin| meta.bins[bin] as f64 / total;
    PerBin { easy: share(Bin::Easy), medium: share(Bin::Medium), hard: share(Bin::Hard) }
}

/// What is odd about a benchmark's scores, so that bins do not mean what their names say: all raw scores equal, or so
/// many ties that a bin is empty.
pub fn oddities(meta: &Meta) -> Option<String> {
    let (n, normalization) = (meta.n_tasks_full, &meta.normalization);
    if normalization.raw_min == normalization.raw_max {
        let capped = if normalization.raw_max >= 1.0 {
            "; raw scores end at 1, which terms without `normalize: p95` soon reach"
        } else {
            ""
        };
        let raw = normalization.raw_max;
        return Some(format!(
            "all {n} rows have the raw score {raw}, so every task is easy and its score is 0.5{capped}"
        ));
    }
    let MetaThresholds { cut, scores: Thresholds { easy, hard } } = meta.thresholds;
    let between = match cut {
        Cut::Percentiles(Percentiles { low, high }) => low < high,
        Cut::Cuts([easy, hard]) => easy < hard,
    };
    let empty: Vec<&str> = Bin::ALL
        .into_iter()
        // Equal percentiles ask for no medium tasks.
        .filter(|&bin| meta.bins[bin] == 0 && (bin != Bin::Medium || between))
        .map(Bin::name)
        .collect();
    (!empty.is_empty()).then(|| {
        format!("so many scores tie that no task is {} (easy ≤ {easy:.3}, hard ≥ {hard:.3})", empty.join(" or "))
    })
}
