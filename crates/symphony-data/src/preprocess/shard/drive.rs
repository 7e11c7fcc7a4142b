//! The driver's side: hands out jobs, merges what workers found, and finishes the store.

use std::{collections::HashSet, num::NonZeroUsize, path::Path};

use super::{
    job::{Column, FeaturesFound, Found, GivenConfig, Job, PartMade, RawScale, Step, Write},
    scratch::Scratch,
};
use crate::{
    TOOL,
    bin::{Cut, Percentiles, Thresholds},
    config::Benchmark,
    difficulty::{RawRange, score::CONSTANT_PERCENTILE},
    disk::{
        Folder, NamedFile, checksum,
        storage::{shown, within},
    },
    number::{Mean, Summary},
    preprocess::{
        Outcome, PreprocessError, PreprocessOptions, copies::COMPARED, pass::Stage1, scale::Scale, unless_current,
    },
    progress::{Note, Pass, Progress},
    row::{Origin, RowFault},
    source::{
        Piece, SourceError,
        pieces::{FilePiece, Within},
    },
    store::{Meta, OnBadRow, shards_name},
    task::Layout,
};

/// What does the jobs: threads, processes, or other machines that share the folder.
pub trait Workers {
    /// Has each job done by [`work`](super::work), anywhere, and returns the outcomes in the order of the jobs. Reports how many
    /// are done to `done`, which says whether to go on.
    ///
    /// # Errors
    /// A job failed for good.
    fn run(
        &self,
        jobs: Vec<Vec<u8>>,
        done: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Who does the work, and how it is cut.
#[derive(Clone, Copy)]
pub struct Cluster<'c> {
    /// What does the jobs.
    pub workers: &'c dyn Workers,
    /// The configuration, as workers make it again.
    pub config: &'c GivenConfig,
    /// How many shards there are at most.
    pub shards: NonZeroUsize,
    /// The URL where workers leave what they make, if not in the folder of the store.
    pub shared: Option<&'c str>,
}

/// Preprocesses one benchmark of the cluster's configuration into `folder` by many workers, unless its store there is up to
/// date. Each shard becomes a part of the store. `folder`, unless a URL is shared, and the files of the source must have the
/// same paths on all machines.
///
/// # Errors
/// See [`PreprocessError`]. An existing store is then untouched.
pub fn preprocess_on(
    cluster: Cluster<'_>,
    benchmark: &Benchmark,
    cut: Cut,
    folder: &Path,
    options: PreprocessOptions,
    progress: &dyn Progress,
) -> Result<(Outcome, Meta), PreprocessError> {
    let options = PreprocessOptions { parts: None, ..options };
    let path = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let scratch = match cluster.shared {
        None => path.join(shards_name(&benchmark.name)),
        Some(url) => {
            // Stores in other folders have their own.
            let key = checksum::sha256_of(path.as_os_str().as_encoded_bytes());
            within(url, &format!("{}-{}", shards_name(&benchmark.name), &key["sha256:".len()..][..8])).into()
        }
    };
    let scratch = Scratch::new(scratch, benchmark.storage.as_ref());
    let made = unless_current(benchmark, cut, folder, options, progress, |stage, folder, format, _| {
        scratch.create()?;
        let scratch = scratch.clone();
        let shards = stage.source.shards(cluster.shards.get()).map_err(|error| stage.of_source(error))?;
        Driver { stage, workers: cluster.workers, config: cluster.config, scratch, shards }.build(folder, cut, format)
    })?;
    // An earlier run may have ended before it did. The store is whole without it.
    if scratch.remote().is_some()
        && let Err(error) = scratch.remove()
    {
        let place = shown(&scratch.path().to_string_lossy());
        progress.note(Note::Warning(&format!("{place}: cannot remove what workers left there: {error}; remove it")));
    }
    Ok(made)
}

/// A run under way.
pub(super) struct Driver<'d> {
    pub(super) stage: &'d Stage1<'d>,
    workers: &'d dyn Workers,
    config: &'d GivenConfig,
    pub(super) scratch: Scratch,
    shards: Vec<Vec<Piece>>,
}

/// What the first pass found.
struct FirstPass {
    /// Of each shard; their summaries are merged, and not here.
    features: Vec<FeaturesFound>,
    /// A summary of each feature that has a normalization constant.
    summaries: Vec<Summary>,
    /// The source files, in the order in which they are read.
    files: Vec<NamedFile>,
}

impl Driver<'_> {
    /// Has steps done, and hands what was found to `take`, in the order of the steps. `done` learns how many are done.
    fn run(
        &self,
        steps: Vec<Step>,
        mut done: impl FnMut(usize),
        mut take: impl FnMut(Found) -> Result<(), PreprocessError>,
    ) -> Result<(), PreprocessError> {
        let benchmark = &self.stage.benchmark.name;
        let wrong = |why: String| PreprocessError::Job { why };
        let job = |step: Step| {
            let job = Job {
                tool: TOOL.to_owned(),
                config: self.config.clone(),
                benchmark: benchmark.clone(),
                scratch: self.scratch.path().to_owned(),
                step,
            };
            serde_json::to_vec(&job).map_err(|error| wrong(error.to_string()))
        };
        let jobs = steps.into_iter().map(job).collect::<Result<Vec<_>, _>>()?;
        let n = jobs.len();
        let mut stopped = false;
        let outcomes = self.workers.run(jobs, &mut |count| {
            done(count);
            stopped = self.stage.progress.cancelled();
            !stopped
        });
        if stopped {
            return Err(PreprocessError::Cancelled { benchmark: benchmark.clone(), downloading: false });
        }
        let outcomes = outcomes.map_err(|error| PreprocessError::Worker { benchmark: benchmark.clone(), error })?;
        if outcomes.len() != n {
            return Err(wrong(format!("{n} jobs have {} outcomes", outcomes.len())));
        }
        // One after the other, as those of many shards may be large together.
        outcomes
            .into_iter()
            .try_for_each(|outcome| take(serde_json::from_slice(&outcome).map_err(|error| wrong(error.to_string()))?))
    }

    /// The same for short steps, one for each file of features.
    fn round(
        &self,
        features: &[FeaturesFound],
        step: impl Fn(String) -> Step,
        take: impl FnMut(Found) -> Result<(), PreprocessError>,
    ) -> Result<(), PreprocessError> {
        self.run(features.iter().map(|found| step(found.features.clone())).collect(), |_| {}, take)
    }

    fn build(self, folder: &Folder, cut: Cut, format: Layout) -> Result<Meta, PreprocessError> {
        let stage = self.stage;
        let FirstPass { features, summaries, files } = self.features()?;
        let lines = self.lines_before(&features);
        self.check_rows(&features, &lines).inspect_err(|_| {
            if !self.config.functions.is_empty() {
                // The caller may mend what a function calls, which no name of a job shows: the next run computes all again.
                let _ = self.scratch.remove();
            }
        })?;
        stage.check_lock(&files)?;
        stage.note_same_files(&files);
        let scale = self.scale(&features, &summaries, cut)?;
        let (copied, identities) = self.copies(&features)?;
        let parts = self.write(&features, &lines, &scale, format, &identities)?;
        self.finish(folder, cut, format, scale, parts, copied, files)
    }

    /// The first pass over all shards, and the checksums of all files.
    fn features(&self) -> Result<FirstPass, PreprocessError> {
        let skip_bad_rows = self.stage.on_bad_row == OnBadRow::Skip;
        let mut files: Vec<&FilePiece> = Vec::new();
        let mut known = HashSet::new();
        // Each file once, in the order in which its rows are read.
        files.extend(self.shards.iter().flatten().filter_map(Piece::file).filter(|file| known.insert(&file.path)));
        let shards = self.shards.iter().map(|pieces| Step::Features { pieces: pieces.clone(), skip_bad_rows });
        let sums = files.iter().map(|file| Step::Checksum { path: file.path.clone(), stamp: file.stamp });
        let n = self.shards.len();
        let (mut features, mut named) = (Vec::with_capacity(n), Vec::with_capacity(files.len()));
        let mut summaries = vec![Summary::default(); self.stage.plan.constants().len()];
        self.run(
            shards.chain(sums).collect(),
            |done| self.report(Pass::Score, done),
            |found| {
                match found {
                    Found::Features(mut found) => {
                        let more = std::mem::take(&mut found.summaries);
                        summaries.iter_mut().zip(&more).for_each(|(summary, more)| summary.merge(more));
                        features.push(*found);
                    }
                    Found::Checksum { bytes, checksum } => {
                        let name = files.get(named.len()).ok_or_else(unexpected)?.name.clone();
                        named.push(NamedFile { name, bytes, checksum });
                    }
                    Found::NotFinite => return Err(self.stage.not_finite()),
                    _ => return Err(unexpected()),
                }
                Ok(())
            },
        )?;
        if features.len() != n || named.len() != files.len() {
            return Err(unexpected());
        }
        Ok(FirstPass { features, summaries, files: named })
    }

    /// How many lines of its file lie before the first piece of each shard, as far as all earlier shards were read to their end.
    fn lines_before(&self, found: &[FeaturesFound]) -> Vec<u64> {
        let mut before = vec![0; self.shards.len()];
        for at in 1..self.shards.len() {
            let first = self.shards[at].first().and_then(Piece::file);
            if first.is_some_and(|file| matches!(file.within, Within::Bytes { from: 1.., .. })) {
                // The last piece of the shard before is the stretch of the same file before this one.
                let lines = &found[at - 1].read.lines;
                let own = if self.shards[at - 1].len() == 1 { before[at - 1] } else { 0 };
                before[at] = lines.last().copied().unwrap_or_default() + own;
            }
        }
        before
    }

    /// Fails as one machine does: at the first bad row, if there are too many rows or none, or if a column is not there.
    fn check_rows(&self, found: &[FeaturesFound], lines: &[u64]) -> Result<(), PreprocessError> {
        let benchmark = self.stage.benchmark;
        let mut rows = 0;
        for (at, shard) in found.iter().enumerate() {
            if let Some(bad) = &shard.stopped {
                let first = self.shards[at].first();
                let of_first = first.and_then(Piece::file).is_some_and(|file| file.shown == bad.source);
                let is_generated = matches!(first, Some(Piece::Rows { .. }));
                let error = Box::new(PreprocessError::BadRow {
                    benchmark: benchmark.name.clone(),
                    origin: Origin {
                        source: bad.source.as_str().into(),
                        line: bad.line + if of_first { lines[at] } else { 0 },
                    },
                    row: bad.row + if is_generated { 0 } else { rows },
                    fault: RowFault::new(&bad.field, bad.reason.clone()),
                });
                return Err(PreprocessError::InShard { shard: at + 1, of: found.len(), error });
            }
            rows += shard.good + shard.bad;
        }
        let with_rows = || found.iter().map(|shard| &shard.read).filter(|read| !read.known.is_empty());
        if let (Some(first), Some(columns)) = (with_rows().next(), &benchmark.columns) {
            let missing = |name: &&String| with_rows().all(|read| read.missing.contains(name));
            let names: Vec<String> = first.missing.iter().filter(missing).cloned().collect();
            if !names.is_empty() {
                let error = SourceError::NoColumn { key: columns.key(), names, known: first.known.clone() };
                return Err(self.stage.of_source(error));
            }
        }
        let good: u64 = found.iter().map(|shard| shard.good).sum();
        if u32::try_from(good).is_err() {
            return Err(PreprocessError::TooLarge { benchmark: benchmark.name.clone() });
        }
        if good == 0 {
            return Err(self.stage.empty(rows));
        }
        Ok(())
    }

    fn scale(&self, features: &[FeaturesFound], summaries: &[Summary], cut: Cut) -> Result<Scale, PreprocessError> {
        let of_column = |summary: &Summary, qs: &[f64], column: &Column| {
            summary.percentiles_in_rounds(qs, |search| {
                let step = |features| Step::Count { features, column: column.clone(), search: search.clone() };
                let mut merged = search.nothing();
                self.round(features, step, |found| {
                    let Found::Count(counts) = found else { return Err(unexpected()) };
                    merged.merge(&counts);
                    Ok(())
                })?;
                Ok::<_, PreprocessError>(merged)
            })
        };
        let mut constants = Vec::new();
        for (summary, (_, column)) in summaries.iter().zip(self.stage.plan.constants()) {
            let found = of_column(summary, &[CONSTANT_PERCENTILE], &Column::Feature(*column))?;
            let constant = found.into_iter().flatten().find(|constant| constant.is_finite());
            constants.push(constant.ok_or_else(|| self.stage.not_finite())?);
        }
        let mut range: Option<RawRange> = None;
        let step = |features| Step::Range { features, constants: constants.clone() };
        self.round(features, step, |found| {
            match found {
                // The range of two numbers is that of the numbers between them.
                Found::Range(Some(more)) => {
                    range = RawRange::observe(range, &[more.min, more.max]).map_err(|_| self.stage.not_finite())?;
                }
                Found::Range(None) => {}
                Found::NotFinite => return Err(self.stage.not_finite()),
                _ => return Err(unexpected()),
            }
            Ok(())
        })?;
        let range = range.ok_or_else(|| self.stage.not_finite())?;
        let raw = RawScale { constants, range };
        let (mut summary, mut mean) = (Summary::default(), Mean::default());
        let step = |features| Step::Scores { features, scale: raw.clone() };
        self.round(features, step, |found| {
            match found {
                Found::Scores(more, means) => {
                    summary.merge(&more);
                    mean.merge(&means);
                }
                Found::NotFinite => return Err(self.stage.not_finite()),
                _ => return Err(unexpected()),
            }
            Ok(())
        })?;
        let thresholds = match cut {
            Cut::Percentiles(Percentiles { low, high }) => {
                of_column(&summary, &[low, high], &Column::Scores(raw.clone()))?
            }
            Cut::Cuts(cuts) => Some(cuts.to_vec()),
        };
        let (Some([easy, hard]), Some(mean)) = (thresholds.as_deref(), mean.get()) else {
            return Err(self.stage.not_finite());
        };
        Ok(Scale::of(raw.constants, range, mean, Thresholds { easy: *easy, hard: *hard }))
    }

    /// How many rows are copies, and the identities whose rows are compared.
    fn copies(&self, features: &[FeaturesFound]) -> Result<(u64, Vec<u64>), PreprocessError> {
        let identities: Vec<String> = features.iter().filter_map(|found| found.identities.clone()).collect();
        if identities.is_empty() {
            return Ok((0, Vec::new()));
        }
        // Identities are hashes, so ranges of equal width have about equally many. Each job names the files of all shards.
        let n = (self.shards.len() as u64).min(64);
        let width = u64::MAX / n;
        let ranges = (0..n).map(|at| {
            let to = if at + 1 == n { u64::MAX } else { (at + 1) * width - 1 };
            Step::Copies { identities: identities.clone(), from: at * width, to }
        });
        let (mut rows, mut compared) = (0, Vec::new());
        let take = |found| {
            let Found::Copies { rows: more, identities } = found else { return Err(unexpected()) };
            let mut so_far = rows;
            for (identity, copies) in identities {
                so_far += copies;
                if so_far as usize <= COMPARED {
                    compared.push(identity);
                }
            }
            rows += more;
            Ok(())
        };
        self.run(ranges.collect(), |_| {}, take)?;
        Ok((rows, compared))
    }

    /// The second pass over all shards.
    fn write(
        &self,
        features: &[FeaturesFound],
        lines: &[u64],
        scale: &Scale,
        format: Layout,
        copies: &[u64],
    ) -> Result<Vec<PartMade>, PreprocessError> {
        let mut first_row = 0;
        let steps = self.shards.iter().zip(features).zip(lines).map(|((pieces, found), lines_before)| {
            let write = Write {
                pieces: pieces.clone(),
                first_row,
                lines_before: *lines_before,
                rows: (found.good, found.bad),
                again: (!self.config.functions.is_empty()).then(|| found.features.clone()),
                scale: RawScale { constants: scale.constants.clone(), range: scale.range },
                thresholds: scale.thresholds,
                format,
                copies: copies.to_vec(),
            };
            first_row += found.good + found.bad;
            Step::Write(Box::new(write))
        });
        let mut parts = Vec::with_capacity(self.shards.len());
        let take = |found| {
            let Found::Part(part) = found else { return Err(unexpected()) };
            parts.push(*part);
            Ok(())
        };
        self.run(steps.collect(), |done| self.report(Pass::Write, done), take)?;
        Ok(parts)
    }

    /// Reports how many shards are done as a share of the rows, as far as these are known.
    fn report(&self, pass: Pass, done: usize) {
        let shards = self.shards.len();
        self.stage.progress.rows(&self.stage.benchmark.name, pass, done.min(shards) as u64, Some(shards as u64));
    }
}

fn unexpected() -> PreprocessError {
    PreprocessError::Job { why: "a worker answered another question".to_owned() }
}
