//! Reads a calibration, and joins it to the rows of a store.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    ops::ControlFlow,
    path::Path,
};

use ring::digest::{Context, SHA256};
use serde::Deserialize;

use super::{DifficultyError, Joined, OfRow};
use crate::{
    calibration::{self, MeasuredRecord},
    disk::{Folder, checksum},
    parallel::pipeline,
    progress::Progress,
    request::Measured,
    row::json_reason,
};

/// How much of a calibration is read at once, in bytes.
const CHUNK: usize = 1 << 20;

/// The fields of a calibration's line that are used here.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    identity: std::borrow::Cow<'l, str>,
    standard_error: f64,
    n_responses: u32,
    expected_error: f64,
}

/// A checked line of a calibration.
#[derive(Clone, Copy)]
struct Calibrated {
    identity: u64,
    row: OfRow,
}

/// Whole lines of a calibration.
struct Chunk {
    text: Vec<u8>,
    /// The number of its first line, from 1.
    first: usize,
}

impl Joined {
    /// Joins a calibration to the rows of `benchmark` with these identities. `rejected` is the number of rows that were set
    /// aside, and which the calibration may have too. A calibration has the order of its store, so both are read in step; lines
    /// out of order are kept in memory and found by identity.
    ///
    /// # Errors
    /// The calibration cannot be read, was changed since it was written, or belongs to other rows; or the caller asked to stop.
    pub(super) fn read(
        benchmark: &str,
        measured: &Measured,
        identities: &[u64],
        rejected: u64,
        progress: &dyn Progress,
    ) -> Result<Self, DifficultyError> {
        let folder = measured.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let join = || Self::read_locked(benchmark, measured, identities, rejected, progress);
        // If a run is writing the calibration, this waits for it.
        if folder.is_dir() { Folder::shared(folder, progress, join)? } else { join() }
    }

    fn read_locked(
        benchmark: &str,
        measured: &Measured,
        identities: &[u64],
        rejected: u64,
        progress: &dyn Progress,
    ) -> Result<Self, DifficultyError> {
        let path = &measured.path;
        let unusable = |why: String| {
            let place = path.display().to_string();
            DifficultyError::Unusable { benchmark: benchmark.to_owned(), place, why }
        };
        if !path.exists() {
            return Err(unusable("there is no such file".to_owned()));
        }
        let meta = calibration::read_meta(path).map_err(unusable)?;
        if meta.benchmark != benchmark {
            return Err(unusable(format!("it is a calibration of {}", meta.benchmark)));
        }
        let rows = identities.len();
        let record = MeasuredRecord {
            file: Some(path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
            checksum: meta.self_checksum.clone(),
            model: meta.model,
            prior: meta.prior,
            min_responses: measured.min_responses,
            panel: meta.models(),
        };
        let mut joined = Self::new(record, rows);
        let mut lines = 0_u64;
        let mut aside: Vec<Calibrated> = Vec::new();
        let mut failure = None;
        let read = pipeline(
            |sink| chunks(path, sink),
            |chunk: Chunk| parsed(&chunk),
            |parsed| {
                if progress.cancelled() {
                    failure = Some(DifficultyError::Cancelled { benchmark: benchmark.to_owned() });
                    return ControlFlow::Break(());
                }
                match parsed {
                    Ok(calibrated) => {
                        lines += calibrated.len() as u64;
                        for line in calibrated {
                            if identities.get(joined.scores.len()) == Some(&line.identity) {
                                joined.push(line.row);
                            } else {
                                aside.push(line);
                            }
                        }
                        ControlFlow::Continue(())
                    }
                    Err((number, why)) => {
                        failure = Some(unusable(format!("line {number}: {why}; calibrate again")));
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if let Some(failure) = failure {
            return Err(failure);
        }
        if read.map_err(|error| unusable(error.to_string()))? != meta.calibration.checksum {
            return Err(unusable("it was changed since it was written (checksum); calibrate again".to_owned()));
        }
        joined.find_the_rest(identities, &aside).map_err(|row| {
            unusable(format!(
                "it has no line for row {row} (identity {:016x}): it was made for other rows; calibrate on a store of these",
                identities[row]
            ))
        })?;
        if lines > rows as u64 + rejected {
            return Err(unusable(format!(
                "it has {lines} rows, but the benchmark has {rows}: it was made for other rows; calibrate on a store of these"
            )));
        }
        Ok(joined)
    }

    /// Finds the remaining rows among the lines out of order; each copy of a task takes a line of its own.
    ///
    /// # Errors
    /// The first row without a line.
    fn find_the_rest(&mut self, identities: &[u64], aside: &[Calibrated]) -> Result<(), usize> {
        if self.scores.len() == identities.len() {
            return Ok(());
        }
        let mut by_identity = HashMap::<u64, (Vec<usize>, usize), foldhash::fast::FixedState>::default();
        for (at, line) in aside.iter().enumerate() {
            by_identity.entry(line.identity).or_default().0.push(at);
        }
        for (row, identity) in identities.iter().enumerate().skip(self.scores.len()) {
            let (lines, used) = by_identity.get_mut(identity).ok_or(row)?;
            // If there are more copies than lines, the last line counts for the rest: they are the same task.
            let line = lines[(*used).min(lines.len() - 1)];
            *used += 1;
            self.push(aside[line].row);
        }
        Ok(())
    }
}

/// Passes a file to `sink` in chunks of whole lines, and returns its checksum (SHA-256).
fn chunks(path: &Path, sink: &mut dyn FnMut(Chunk) -> ControlFlow<()>) -> std::io::Result<String> {
    let mut reader = BufReader::with_capacity(CHUNK, File::open(path)?);
    let mut hasher = Context::new(&SHA256);
    let mut first = 1;
    loop {
        let mut text = Vec::with_capacity(CHUNK + 512);
        reader.by_ref().take(CHUNK as u64).read_to_end(&mut text)?;
        reader.read_until(b'\n', &mut text)?;
        if text.is_empty() {
            return Ok(checksum::sha256_text(hasher));
        }
        hasher.update(&text);
        let lines = memchr::memchr_iter(b'\n', &text).count();
        if sink(Chunk { text, first }).is_break() {
            return Ok(String::new());
        }
        first += lines;
    }
}

/// The checked lines of a chunk; or the number of the first bad line, and what is wrong with it.
fn parsed(chunk: &Chunk) -> Result<Vec<Calibrated>, (usize, String)> {
    let lines = chunk.text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let one = |(at, line): (usize, &[u8])| {
        let fault = |why: String| (chunk.first + at, why);
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| fault(json_reason(&error)))?;
        if !(0.0..=1.0).contains(&line.expected_error) || !line.standard_error.is_finite() {
            return Err(fault("its expected_error is not a number from 0 to 1".to_owned()));
        }
        let identity = u64::from_str_radix(&line.identity, 16).ok().filter(|_| line.identity.len() == 16);
        Ok(Calibrated {
            identity: identity.ok_or_else(|| fault("its identity is not 16 hex digits".to_owned()))?,
            row: OfRow {
                expected_error: line.expected_error,
                standard_error: line.standard_error,
                n_responses: line.n_responses,
            },
        })
    };
    lines.map(one).collect()
}
