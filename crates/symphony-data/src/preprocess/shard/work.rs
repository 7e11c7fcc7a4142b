//! The worker's side: does one job.

use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::Path,
    sync::Arc,
};

use super::{
    job::{BadRow, Column, FeaturesFound, Found, Job, PartMade, RawScale, Step, Write},
    scratch::{Attempt, Blocks, Scratch, block, key_of, of_bytes},
};
use crate::{
    TOOL,
    config::{Benchmark, Config},
    difficulty::{FeatureColumns, RawRange, RowFunction, Scorer},
    disk::{
        DiskError, NewFile, Opened, Place, checksum,
        storage::{Stamp, Storage},
    },
    number::{Mean, Summary},
    preprocess::{
        PreprocessError,
        copies::{COMPARED, CopyFinder},
        of_source, scorer,
    },
    row::RowBatch,
    source::pieces,
    store::{Names, Places, ScoredRows, StoreWriter, rejected_name},
};

/// Does a job, which a driver made, and returns its outcome. A job that was done before, and whose files are whole, is not done
/// again. `functions` are those that the driver registered in its configuration, by name; `storage` is the connection for URLs.
///
/// # Errors
/// The rows cannot be read, the disk fails, or the driver is another version.
pub fn work(
    job: &[u8],
    functions: &[(String, Arc<dyn RowFunction>)],
    storage: Option<&Arc<dyn Storage>>,
) -> Result<Vec<u8>, PreprocessError> {
    let key = key_of(job);
    let not_a_job = |why: String| PreprocessError::Job { why };
    let job: Job = serde_json::from_slice(job).map_err(|error| not_a_job(error.to_string()))?;
    if job.tool != TOOL {
        return Err(not_a_job(format!("the driver is {}, this worker is {TOOL}", job.tool)));
    }
    let scratch = Scratch::new(job.scratch, storage);
    if let Some(found) = scratch.done_before(&key) {
        return Ok(found.into_bytes());
    }
    let mut config =
        Config::from_yaml(&job.config.name, &job.config.text).map_err(|problems| not_a_job(problems.to_string()))?;
    for (name, function) in functions {
        config.register_feature(name, function).map_err(|problems| not_a_job(problems.to_string()))?;
    }
    if let Some(storage) = storage {
        config.use_storage(storage);
    }
    let benchmark = config.benchmark(&job.benchmark);
    let benchmark = benchmark.ok_or_else(|| not_a_job(format!("it has no benchmark {}", job.benchmark)))?;
    let worker = Worker { benchmark, scorer: scorer(benchmark)?, scratch: &scratch };
    let written = |found: Found| serde_json::to_string(&found).map_err(|error| not_a_job(error.to_string()));
    let found = match job.step {
        Step::Checksum { path, stamp } => worker.checksum(&path, stamp)?,
        Step::Count { features, column, search } => {
            let mut counts = search.nothing();
            worker.column(&features, &column, |values| search.observe(values, &mut counts))?;
            Found::Count(counts)
        }
        Step::Range { features, constants } => worker.range(&features, &constants)?,
        Step::Scores { features, scale } => worker.scores(&features, scale)?,
        Step::Copies { identities, from, to } => worker.copies(&identities, from, to)?,
        Step::Features { pieces, skip_bad_rows } => {
            let mut attempt = Attempt::new(&scratch, &key)?;
            let found = worker.features(&pieces, skip_bad_rows, &mut attempt)?;
            let found = written(found)?;
            attempt.done(&found)?;
            return Ok(found.into_bytes());
        }
        Step::Write(write) => {
            let mut attempt = Attempt::new(&scratch, &key)?;
            let found = written(worker.write(&write, &mut attempt)?)?;
            attempt.done(&found)?;
            return Ok(found.into_bytes());
        }
    };
    Ok(written(found)?.into_bytes())
}

struct Worker<'j> {
    benchmark: &'j Benchmark,
    scorer: Scorer,
    scratch: &'j Scratch,
}

impl Worker<'_> {
    fn changed(&self) -> PreprocessError {
        PreprocessError::Changed {
            benchmark: self.benchmark.name.clone(),
            source_path: self.benchmark.source.to_string(),
        }
    }

    fn checksum(&self, path: &Path, stamp: Stamp) -> Result<Found, PreprocessError> {
        let place = Place::new(path, self.benchmark.storage.as_ref());
        let failed = |error| DiskError::new(&place.shown(), "read this source file", error);
        let open = place.open_whole(stamp.bytes).map_err(failed)?;
        let (checksum, bytes) = checksum::of_reader(open, "blake3:").map_err(failed)?;
        if place.stamp().map_err(failed)? != stamp || bytes != stamp.bytes {
            return Err(self.changed());
        }
        Ok(Found::Checksum { bytes, checksum })
    }

    fn features(
        &self,
        pieces: &[pieces::Piece],
        skip_bad_rows: bool,
        attempt: &mut Attempt<'_>,
    ) -> Result<Found, PreprocessError> {
        let mut file = attempt.folder.create_large("features")?;
        let mut found = FeaturesFound {
            summaries: vec![Summary::default(); self.scorer.constants().len()],
            ..FeaturesFound::default()
        };
        let (mut identities, mut finite) = (Vec::new(), true);
        let mut take = |batch: &RowBatch| -> Result<ControlFlow<()>, PreprocessError> {
            let features = self.scorer.features(batch);
            if let Some((at, fault)) = features.rejected.first().filter(|_| !skip_bad_rows) {
                let origin = batch.origin(*at);
                found.stopped = Some(BadRow {
                    row: batch.row_number(*at),
                    source: origin.source.to_string(),
                    line: origin.line,
                    field: fault.field.clone(),
                    reason: fault.reason.clone(),
                });
                return Ok(ControlFlow::Break(()));
            }
            for (summary, (_, at)) in found.summaries.iter_mut().zip(self.scorer.constants()) {
                finite &= summary.observe(&features.scored[*at]).is_ok();
            }
            let rows = features.identities.len();
            found.good += rows as u64;
            found.bad += features.rejected.len() as u64;
            file.put(&block(rows, &features.scored))?;
            if !self.benchmark.identity.is_empty() {
                identities.extend(features.identities);
            }
            Ok(ControlFlow::Continue(()))
        };
        let read = self.read(pieces, 0, 0, |batch| take(&batch))?;
        if !finite {
            return Ok(Found::NotFinite);
        }
        found.read = read;
        (found.features, _) = attempt.keep_new(file, "features")?;
        if !self.benchmark.identity.is_empty() {
            identities.sort_unstable();
            let mut file = attempt.folder.create_large("identities")?;
            for some in identities.chunks(1 << 13) {
                file.put(&some.iter().flat_map(|identity| identity.to_le_bytes()).collect::<Vec<u8>>())?;
            }
            found.identities = Some(attempt.keep_new(file, "identities")?.0);
        }
        Ok(Found::Features(Box::new(found)))
    }

    /// Reads pieces until `take` breaks or fails.
    fn read(
        &self,
        pieces: &[pieces::Piece],
        first_row: u64,
        lines_before: u64,
        mut take: impl FnMut(RowBatch) -> Result<ControlFlow<()>, PreprocessError>,
    ) -> Result<pieces::PiecesRead, PreprocessError> {
        let mut failure = None;
        let source = &self.benchmark.source;
        let read = pieces::read(source, self.benchmark.wanted(), pieces, first_row, lines_before, &mut |batch| {
            take(batch).unwrap_or_else(|error| {
                failure = Some(error);
                ControlFlow::Break(())
            })
        });
        match failure {
            Some(error) => Err(error),
            None => read.map_err(|error| of_source(self.benchmark, error)),
        }
    }

    fn open<'s>(&'s self, features: &'s str) -> Result<Blocks<'s>, DiskError> {
        Blocks::open(self.scratch, features, self.scorer.scored_names().len())
    }

    /// Hands the scored features of a shard to `take`, with the number of rows.
    fn blocks(&self, features: &str, mut take: impl FnMut(usize, &[Vec<f64>])) -> Result<(), PreprocessError> {
        let mut blocks = self.open(features)?;
        while let Some((rows, columns)) = blocks.next()? {
            take(rows, &columns);
        }
        Ok(())
    }

    /// Hands the values of a column to `take`.
    fn column(&self, features: &str, column: &Column, mut take: impl FnMut(&[f64])) -> Result<(), PreprocessError> {
        match column {
            Column::Feature(at) => {
                let at = *at;
                if at >= self.scorer.scored_names().len() {
                    return Err(PreprocessError::Job { why: "it asks for a feature that the rule has not".to_owned() });
                }
                self.blocks(features, |_, columns| take(&columns[at]))
            }
            Column::Scores(scale) => self.blocks(features, |rows, columns| {
                take(&self.scores_of(columns, rows, scale));
            }),
        }
    }

    fn scores_of(&self, columns: &[Vec<f64>], rows: usize, scale: &RawScale) -> Vec<f64> {
        let mut scores = self.scorer.raw_scores(columns, &scale.constants, rows);
        scores.iter_mut().for_each(|score| *score = scale.range.scale(*score));
        scores
    }

    fn range(&self, features: &str, constants: &[f64]) -> Result<Found, PreprocessError> {
        let mut range = Ok(None);
        self.blocks(features, |rows, columns| {
            range = range.and_then(|range| RawRange::observe(range, &self.scorer.raw_scores(columns, constants, rows)));
        })?;
        Ok(range.map_or(Found::NotFinite, Found::Range))
    }

    fn scores(&self, features: &str, scale: RawScale) -> Result<Found, PreprocessError> {
        let (mut summary, mut mean, mut finite) = (Summary::default(), Mean::default(), true);
        self.column(features, &Column::Scores(scale), |scores| {
            finite &= summary.observe(scores).is_ok();
            scores.iter().for_each(|score| mean.observe(*score));
        })?;
        Ok(if finite { Found::Scores(summary, Box::new(mean)) } else { Found::NotFinite })
    }

    fn copies(&self, files: &[String], from: u64, to: u64) -> Result<Found, PreprocessError> {
        let mut all = Vec::new();
        for name in files {
            let failed = |error| self.scratch.failed(name, error);
            let (mut file, bytes) = self.scratch.open(name, PROBE)?;
            let rows = bytes / 8;
            let first = place_of(&mut file, rows, from).map_err(failed)?;
            let end = to.checked_add(1).map_or(Ok(rows), |bound| place_of(&mut file, rows, bound)).map_err(failed)?;
            let mut bytes = vec![0; end.saturating_sub(first) as usize * 8];
            file.seek(SeekFrom::Start(first * 8)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed)?;
            all.extend(bytes.chunks_exact(8).map(of_bytes));
        }
        all.sort_unstable();
        let (mut rows, mut identities) = (0, Vec::new());
        for same in all.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
            let more = same.len() as u64 - 1;
            rows += more;
            if rows as usize <= COMPARED {
                identities.push((same[0], more));
            }
        }
        Ok(Found::Copies { rows, identities })
    }

    fn write(&self, write: &Write, attempt: &mut Attempt<'_>) -> Result<Found, PreprocessError> {
        let name = &self.benchmark.name;
        let names = [Names::part(0, write.format)];
        let places = Places { folder: &attempt.folder, names: &names };
        let (mut writer, encoder) = StoreWriter::create(
            &attempt.folder,
            name,
            write.format,
            places,
            write.thresholds,
            self.scorer.scored_names(),
        )?;
        let copies = CopyFinder::looking_for(write.copies.iter().copied());
        let mut before = write.again.as_deref().map(|features| self.open(features)).transpose()?;
        let mut waiting: Vec<(RowBatch, FeatureColumns, Vec<f64>)> = Vec::new();
        let (mut text, mut good, mut bad) = (0, 0, 0);
        let mut append = |waiting: &mut Vec<(RowBatch, FeatureColumns, Vec<f64>)>| -> Result<(), PreprocessError> {
            let rows: Vec<ScoredRows<'_>> = waiting
                .iter()
                .map(|(batch, features, scores)| ScoredRows { batch, features, scores, good: 0..scores.len() })
                .collect();
            writer.append(encoder.encode(0, &rows)?)?;
            waiting.clear();
            Ok(())
        };
        self.read(&write.pieces, write.first_row, write.lines_before, |batch| {
            let features = self.scorer.features(&batch);
            if let Some(before) = &mut before
                && before.next()?.is_none_or(|(_, columns)| columns != features.scored)
            {
                return Err(PreprocessError::Unsteady { benchmark: name.clone() });
            }
            good += features.identities.len() as u64;
            bad += features.rejected.len() as u64;
            copies.look_at(&batch, &features);
            let scores = self.scores_of(&features.scored, features.identities.len(), &write.scale);
            text += batch.text_len();
            waiting.push((batch, features, scores));
            if text >= encoder.bytes_at_once() {
                text = 0;
                append(&mut waiting)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if !waiting.is_empty() {
            append(&mut waiting)?;
        }
        if (good, bad) != write.rows {
            return Err(self.changed());
        }
        let written = writer.finish()?;
        let (parts, labels) = (written.parts, written.labels);
        let (Some(mut part), Some(labels)) = (parts.into_iter().next(), labels.into_iter().next()) else {
            return Err(self.changed());
        };
        let mut index = None;
        for mut file in written.files {
            // The store's file has its checksum already, and is closed.
            let own = file.path().file_name().map(|own| own.to_string_lossy().into_owned()).unwrap_or_default();
            file.end()?;
            publish(attempt, file)?;
            if own == names[0].index {
                let path = attempt.folder.path().join(&own);
                let (checksum, bytes) = checksum::of_file(&path, "blake3:")
                    .map_err(|error| DiskError::new(&path, "read this file", error))?;
                let written = crate::disk::WrittenFile { bytes, checksum };
                index = Some((attempt.keep(&own, "index", &written)?, written));
            }
        }
        let rejected = match &written.rejected {
            Some(file) => Some((attempt.keep(&rejected_name(name), "rejected", file)?, file.clone())),
            None => None,
        };
        part.name = attempt.keep(&names[0].store, "part", &part.file)?;
        Ok(Found::Part(Box::new(PartMade {
            part,
            index: index.ok_or_else(|| self.changed())?,
            labels,
            bins: written.bins,
            rejected,
            rejected_rows: written.rejected_rows,
            copies: copies.fields(),
        })))
    }
}

/// How much of a file of identities behind a URL is read at once, in bytes.
const PROBE: u64 = 64 << 10;

/// The place of the first identity in a sorted file of so many that is not below the bound.
fn place_of(file: &mut Opened, rows: u64, bound: u64) -> io::Result<u64> {
    let mut is_below = |at: u64| -> io::Result<bool> {
        let mut bytes = [0; 8];
        file.seek(SeekFrom::Start(at * 8))?;
        file.read_exact(&mut bytes)?;
        Ok(of_bytes(&bytes) < bound)
    };
    let (mut low, mut high) = (0, rows);
    // Identities are hashes, so it is known about where the place is. That saves requests to storage behind a URL.
    let expected = ((u128::from(bound) * u128::from(rows)) >> 64) as u64;
    let margin = 4 * (rows.isqrt() + 1);
    for probe in [expected.saturating_sub(margin), expected + margin] {
        if (low..high).contains(&probe) {
            if is_below(probe)? { low = probe + 1 } else { high = probe }
        }
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if is_below(middle)? { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

fn publish(attempt: &Attempt<'_>, file: NewFile) -> Result<(), DiskError> {
    attempt.folder.publish(vec![file], false)
}
