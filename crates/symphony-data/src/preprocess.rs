//! Drives stage 1: source ─► difficulty ─► store, batch by batch; rows are never held.
//!
//! The source is read twice. The first pass computes the features and sets them down in a scratch file, from which the
//! constants, the scores and the thresholds follow; the second writes the store. Each batch is worked on by one core, and
//! what a few batches take is all the memory there is to it.

use std::{collections::HashMap, ops::ControlFlow, path::Path};

use crate::{
    config::{Benchmark, Cut, Measured, Percentiles},
    difficulty::{FeatureColumns, Mean, Normalization, Plan, RawRange, Summary, score::CONSTANT_PERCENTILE},
    disk::{DiskError, Folder, Scratch, checksum},
    evidence::calibration::{CalibratedRow, Calibration, MEASURED_KEYS},
    parallel::pipeline,
    progress::{Note, Pass, Progress},
    row::{Origin, RowBatch, RowFault},
    source::{
        At, Rows, Source, SourceError, SourceFile, SourcePath, file,
        hub::{HubError, HubSource},
    },
    store::{
        MeasuredRecord, Meta, MetaThresholds, ScoredRows, SourceRecord, Store, StoreError, StoreFormat, StoreRecord,
        StoreWriter, TOOL, WrittenStore, fingerprint, meta_name, rejected_name, store_name,
    },
    stream::{Bin, PerBin, Thresholds},
};

/// What to do with a row that no score can be computed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadRow {
    /// End with an error that names it.
    #[default]
    Stop,
    /// Set it aside in `{b}_rejected.jsonl` and go on.
    Skip,
}

/// How stage 1 is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct PreprocessOptions {
    /// What to do with bad rows.
    pub on_bad_row: OnBadRow,
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
    #[error(
        "{origin}: row {row} of {benchmark}: {fault}; mend the row, or set such rows aside with `preprocess --on-bad-row skip`"
    )]
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
    #[error("{benchmark}: {source_path} has no rows{}{}; a benchmark needs at least one", if *.rejected > 0 { format!(" left ({rejected} were set aside)") } else { String::new() }, if *.min_responses > 0 { format!(", as benchmarks.{benchmark}.difficulty.min_responses asks for {min_responses} answers to a row") } else { String::new() })]
    Empty {
        /// The benchmark.
        benchmark: String,
        /// Its source.
        source_path: String,
        /// How many rows were set aside.
        rejected: u64,
        /// How many answers a row must have, where its difficulty is measured.
        min_responses: u64,
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
    /// The calibration that the scores are to be taken from.
    #[error("{benchmark}: its measured difficulty cannot be used: {why}")]
    Measured {
        /// The benchmark.
        benchmark: String,
        /// Why not, and the way out.
        why: String,
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
    /// `--locked`, and nothing to compare with.
    #[error("--locked: {benchmark}: {why}; preprocess without --locked first, and keep {}", meta_name(.benchmark))]
    NotLocked {
        /// The benchmark.
        benchmark: String,
        /// Why nothing is recorded.
        why: String,
    },
    /// `--locked`, and other rows than those recorded.
    #[error("--locked: {benchmark}: {what}; get the files that were recorded, or run without --locked to take these")]
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
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    let found = if options.force { Ok(None) } else { current(benchmark, folder.path(), wanted, progress).map(Some) };
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
                return Ok((Outcome::Cached, store.meta));
            }
            let reason = Some("other percentiles or cuts are configured, so its bins are rewritten");
            progress.note(Note::Building { benchmark: &benchmark.name, reason });
            return Ok((Outcome::Rebinned, rebin(&folder, benchmark, cut, store)?));
        }
        Ok(Some((store, Some(reason)))) => {
            if store.meta.measured.is_some() != benchmark.measured.is_some() {
                let (had, gets) = if benchmark.measured.is_some() {
                    ("of features", "measured")
                } else {
                    ("measured", "of features")
                };
                progress.note(Note::Warning(&format!(
                    "{}: the scores of its store in {} were {had} and are now {gets}, as this configuration says; give each \
                     configuration a folder of its own to keep both",
                    benchmark.name,
                    folder.path().display()
                )));
            }
            Some(reason)
        }
        Err(StoreError::Stale { path, reason }) => Some(format!("{}: {reason}", path.display())),
        Err(error) => Some(error.to_string()),
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
    let before = match Meta::read(folder.path(), &benchmark.name) {
        Ok(meta) => Some(meta.store.format),
        Err(_) => StoreFormat::ALL
            .into_iter()
            .find(|format| folder.path().join(store_name(&benchmark.name, *format)).exists()),
    };
    let format = wanted.or(before).unwrap_or_default();
    let stage = Stage1::new(benchmark, options.on_bad_row, at, locked, progress)?;
    Ok((Outcome::Built, stage.build(&folder, cut, format)?))
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
    progress: &dyn Progress,
) -> Result<(Store, Option<String>), StoreError> {
    let store = Store::open_in(folder, &benchmark.name)?;
    let mut reason = store.differs_from(benchmark);
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
    if reason.is_none() && !rejected_is_current(folder, &store.meta) {
        reason = Some(format!("{} is not as it was written", rejected_name(&benchmark.name)));
    }
    if reason.is_none()
        && let SourcePath::File(pattern) = &benchmark.source
    {
        match file::paths(pattern, &benchmark.configs) {
            Some(paths) => {
                let changed = paths.iter().zip(&store.meta.source.files).find(|(path, recorded)| {
                    checksum::of_file(path, &recorded.checksum).is_ok_and(|(now, _)| now != recorded.checksum)
                });
                reason = changed.map(|(_, recorded)| format!("its source file {} changed", recorded.name));
            }
            None => progress.note(Note::SourceGone(&benchmark.name)),
        }
    }
    Ok((store, reason))
}

/// Whether the file of rows that were set aside is the one that the meta records: none, or one of its checksum.
fn rejected_is_current(folder: &Path, meta: &Meta) -> bool {
    let path = folder.join(rejected_name(&meta.benchmark));
    match &meta.rejected {
        None => !path.exists(),
        Some(file) => checksum::of_file(&path, &file.checksum).is_ok_and(|(now, _)| now == file.checksum),
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
    /// Where the scores are taken from, if not from the rule.
    measured: Option<Measurements>,
    /// The source that must serve.
    locked: Option<SourceRecord>,
    progress: &'a dyn Progress,
}

/// A calibration that scores are taken from.
struct Measurements {
    benchmark: String,
    record: MeasuredRecord,
    rows: Vec<CalibratedRow>,
    by_identity: HashMap<u64, Vec<u32>, foldhash::fast::FixedState>,
}

impl Measurements {
    fn read(benchmark: &Benchmark, measured: &Measured) -> Result<Self, PreprocessError> {
        let cannot = |why: String| PreprocessError::Measured { benchmark: benchmark.name.clone(), why };
        let Calibration { meta, rows } = Calibration::read(&measured.path).map_err(cannot)?;
        let mut by_identity = HashMap::<u64, Vec<u32>, _>::default();
        for (line, row) in rows.iter().enumerate() {
            let identity = u64::from_str_radix(&row.identity, 16)
                .map_err(|_| cannot(format!("{}:{}: its identity is none", measured.path.display(), line + 1)))?;
            by_identity.entry(identity).or_default().push(line as u32);
        }
        let record = MeasuredRecord {
            file: measured.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            checksum: meta.self_checksum,
            model: meta.model,
            min_responses: measured.min_responses,
            panel: meta.panel.into_iter().map(|member| member.model).collect(),
        };
        Ok(Self { benchmark: benchmark.name.clone(), record, rows, by_identity })
    }

    fn cannot(&self, why: String) -> PreprocessError {
        PreprocessError::Measured { benchmark: self.benchmark.clone(), why }
    }

    /// Whether the benchmark has as many rows as the calibration tells of: of `rows` in all, `joined` were found in it and kept.
    fn check_all_met(&self, rows: u64, joined: u64) -> Result<(), PreprocessError> {
        let told = self.rows.len() as u64;
        if told <= rows && joined > 0 {
            return Ok(());
        }
        let file = &self.record.file;
        Err(self.cannot(if joined == 0 {
            format!("none of the rows has {} answers (min_responses)", self.record.min_responses)
        } else {
            format!("{file} tells of {told} rows, and there are {rows}: it was made for other rows; calibrate on a store of these")
        }))
    }

    /// The line of each good row of a batch; rows that too few models answered are set aside first.
    fn join(&self, batch: &RowBatch, features: &mut FeatureColumns) -> Result<Vec<u32>, PreprocessError> {
        let mut lines = Vec::with_capacity(features.identities.len());
        for (row, identity) in features.rows().zip(&features.identities) {
            let known = self.by_identity.get(identity).map_or(&[][..], Vec::as_slice);
            // Of copies of a task each has its own line.
            let number = batch.row_number(row);
            let is_own = |line: &&u32| {
                self.rows[**line as usize].source_id.rsplit('_').next().and_then(|n| n.parse().ok()) == Some(number)
            };
            let line = known.iter().find(is_own).or(known.first()).ok_or_else(|| {
                self.cannot(format!(
                    "{} does not know row {number} (identity {identity:016x}): it was made for other rows; calibrate on a store of these",
                    self.record.file
                ))
            })?;
            lines.push(*line);
        }
        let answers = |line: u32| self.rows[line as usize].n_responses;
        features.set_aside(|i| {
            let n = answers(lines[i]);
            (n < self.record.min_responses).then(|| {
                RowFault::new("", format!("answered by {n} models, and min_responses is {}", self.record.min_responses))
            })
        });
        lines.retain(|line| answers(*line) >= self.record.min_responses);
        Ok(lines)
    }
}

/// A number as JSON has it.
struct Json(f64);

impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        serde_json::Value::from(self.0).fmt(f)
    }
}

/// Some batches, each with its number.
type Batches = Vec<(usize, RowBatch)>;

/// What the first pass over the rows leaves.
struct Featured {
    /// The features, batch by batch, as [`FeatureColumns::to_bytes`] has them.
    features: Scratch,
    /// How many good rows each batch has.
    rows: Vec<usize>,
    /// Of a measured difficulty, each good row's line in the calibration; else empty.
    lines: Vec<u32>,
    /// What each normalization constant is a percentile of.
    summaries: Vec<Summary>,
    files: Vec<SourceFile>,
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
        let measured =
            benchmark.measured.as_ref().map(|measured| Measurements::read(benchmark, measured)).transpose()?;
        let source = benchmark.source.open(benchmark, at, progress).map_err(|error| of_source(benchmark, error))?;
        Ok(Self { benchmark, plan, source, on_bad_row, measured, locked, progress })
    }

    fn build(&self, folder: &Folder, cut: Cut, format: StoreFormat) -> Result<Meta, PreprocessError> {
        let featured = self.features(folder)?;
        self.check_lock(&featured.files)?;
        let scale = self.scale(&featured, cut)?;
        let written = self.write(folder, &featured, &scale, format)?;
        let WrittenStore { store, bins, rejected, rejected_rows, mut files } = written;
        let constants = self.plan.constants().iter().zip(&scale.constants);
        let mut meta = Meta {
            benchmark: self.benchmark.name.clone(),
            n_tasks_full: bins.total(),
            benchmark_config_fingerprint: fingerprint(
                self.benchmark,
                self.measured.as_ref().map(|measured| &measured.record),
            ),
            normalization: scale.normalization,
            normalization_constants: constants
                .map(|((name, _), constant)| (name.clone(), (*constant).into()))
                .collect(),
            thresholds: MetaThresholds { cut, scores: scale.thresholds },
            bins,
            rejected_rows,
            rejected,
            measured: self.measured.as_ref().map(|measured| measured.record.clone()),
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

    /// The first pass over the rows, which computes their features.
    fn features(&self, folder: &Folder) -> Result<Featured, PreprocessError> {
        let mut features = folder.scratch(&format!("{}_features", self.benchmark.name));
        let mut summaries = vec![Summary::default(); self.plan.constants().len()];
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        let (mut good, mut rejected) = (0_u64, 0);
        let features_of = |batch: &RowBatch| {
            let mut found = self.plan.features(batch);
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
            let lines = self.measured.as_ref().map_or(Ok(Vec::new()), |measured| measured.join(batch, &mut found));
            Ok((found.identities.len(), found.rejected.len(), summaries, lines?, found.to_bytes()))
        };
        let files = self.pass(
            Pass::Score,
            self.source.rows(),
            1,
            |batch| features_of(&batch[0].1),
            |found| {
                let (some, bad, more, own_lines, bytes) = found;
                good += some as u64;
                rejected += bad as u64;
                if u32::try_from(good).is_err() {
                    return Err(PreprocessError::TooLarge { benchmark: self.benchmark.name.clone() });
                }
                summaries.iter_mut().zip(&more).for_each(|(summary, more)| summary.merge(more));
                rows.push(some);
                lines.extend(own_lines);
                features.push(bytes)?;
                Ok((some + bad) as u64)
            },
        )?;
        if good == 0 {
            let source_path = self.benchmark.source.to_string();
            let min_responses = self.benchmark.measured.as_ref().map_or(0, |measured| measured.min_responses);
            let benchmark = self.benchmark.name.clone();
            return Err(PreprocessError::Empty { benchmark, source_path, rejected, min_responses });
        }
        if let Some(measured) = &self.measured {
            measured.check_all_met(good + rejected, lines.len() as u64)?;
        }
        Ok(Featured { features, rows, lines, summaries, files, rows_read: good + rejected })
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
        if let Some(measured) = &self.measured {
            let scores: Vec<f64> =
                featured.lines.iter().map(|line| measured.rows[*line as usize].expected_error).collect();
            let thresholds = Thresholds::of(&scores, cut).ok_or_else(|| self.not_finite())?;
            let mut own = None;
            own = RawRange::observe(own, &scores).map_err(|_| self.not_finite())?;
            let RawRange { min, max } = own.ok_or_else(|| self.not_finite())?;
            let normalization = Normalization {
                method: Normalization::EXPECTED_ERROR.to_owned(),
                raw_min: min,
                raw_max: max,
                normalized_min: min,
                normalized_max: max,
                normalized_mean: crate::difficulty::mean(&scores).ok_or_else(|| self.not_finite())?,
            };
            return Ok(Scale { constants, range, normalization, thresholds });
        }
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
        format: StoreFormat,
    ) -> Result<WrittenStore, PreprocessError> {
        let names = self.plan.scored_names();
        let columns = names.len();
        let (mut writer, encoder) = StoreWriter::create(folder, &self.benchmark.name, format, scale.thresholds, names)?;
        // Where each batch's good rows begin among all.
        let firsts: Vec<usize> = featured
            .rows
            .iter()
            .scan(0, |next, rows| {
                *next += rows;
                Some(*next - rows)
            })
            .collect();
        let scores_of = |(at, batch): &(usize, RowBatch)| {
            if featured.rows.len() <= *at {
                return Err(self.changed());
            }
            let mut features = FeatureColumns::from_bytes(&featured.features.get(*at, usize::MAX)?, columns);
            if features.batch_rows != batch.len() {
                return Err(self.changed());
            }
            let rows = features.identities.len();
            let mut scores = self.plan.raw_scores(&features.scored, &scale.constants, rows);
            scores.iter_mut().for_each(|score| *score = scale.range.scale(*score));
            if let Some(measured) = &self.measured {
                let first: usize = firsts[*at];
                let line = |i: usize| &measured.rows[featured.lines[first + i] as usize];
                features.add_metadata(|i| {
                    let CalibratedRow { n_responses, standard_error, .. } = line(i);
                    let [surface, answers, error] = MEASURED_KEYS;
                    format!(
                        r#""{surface}":{},"{answers}":{n_responses},"{error}":{}"#,
                        Json(scores[i]),
                        Json(*standard_error)
                    )
                });
                scores.iter_mut().enumerate().for_each(|(i, score)| *score = line(i).expected_error);
            }
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
    if normalization.raw_min == normalization.raw_max && meta.measured.is_some() {
        let error = normalization.raw_max;
        return Some(format!(
            "all {n} rows have the expected error {error:.4}: their answers tell no row from another"
        ));
    }
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
