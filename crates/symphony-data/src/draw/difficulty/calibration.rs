//! Chooses the score that tasks are drawn by: the surface score of the store, or that of a calibration, joined row by row.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    ops::ControlFlow,
    path::Path,
};

use ring::digest::{Context, SHA256};
use serde::Deserialize;

use crate::{
    calibration::{self, MEASURED_KEYS, MeasuredRecord},
    disk::{DiskError, Folder, checksum},
    parallel::pipeline,
    progress::Progress,
    request::{Difficulty, Measured},
    row::json_reason,
    task::StoredTask,
};

/// How much of a calibration is read at once, in bytes.
const CHUNK: usize = 1 << 20;

/// Why a calibration cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant names its fields")]
pub enum DifficultyError {
    /// The calibration cannot be used.
    #[error("{benchmark}: its difficulty cannot be taken from {place}: {why}", place = path.display())]
    Unusable {
        benchmark: String,
        path: std::path::PathBuf,
        /// Why not, and the way out.
        why: String,
    },
    /// The request names a file or folder that does not exist.
    #[error("there is no file or folder {}; a difficulty is `surface`, a calibration, or a folder of calibrations", path.display())]
    Absent { path: std::path::PathBuf },
    /// The request names a file that is not a calibration.
    #[error("{} is not a calibration; a calibration's name is BENCHMARK_calibration.jsonl", path.display())]
    NoCalibration { path: std::path::PathBuf },
    /// The folder has no calibration of any benchmark in the request.
    #[error("{folder} holds no calibration of {}; a calibration's name is BENCHMARK_calibration.jsonl", benchmarks.join(" or "), folder = folder.display())]
    NoneInFolder { folder: std::path::PathBuf, benchmarks: Vec<String> },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The caller asked to stop.
    #[error("{benchmark}: stopped; nothing was written")]
    Cancelled { benchmark: String },
}

/// Checks that the folder of calibrations that a request names has one for at least one of its benchmarks.
pub(crate) fn check_folder<'d>(
    difficulties: impl Iterator<Item = (&'d str, &'d Difficulty)>,
) -> Result<(), DifficultyError> {
    let (mut folder, mut benchmarks) = (None, Vec::new());
    for (benchmark, difficulty) in difficulties {
        match difficulty {
            Difficulty::InFolder { calibration, .. } if !calibration.path.exists() => {
                folder = calibration.path.parent().map(Path::to_owned);
                benchmarks.push(benchmark.to_owned());
            }
            _ => return Ok(()),
        }
    }
    match folder {
        None => Ok(()),
        Some(path) if path.is_file() => Err(DifficultyError::NoCalibration { path }),
        Some(path) if !path.exists() => Err(DifficultyError::Absent { path }),
        Some(folder) => Err(DifficultyError::NoneInFolder { folder, benchmarks }),
    }
}

/// The calibration to use for a difficulty, `None` for the surface score; and a warning if it is not the requested one. A
/// manifest records the warning.
pub(crate) fn resolved(benchmark: &str, difficulty: &Difficulty) -> (Option<Measured>, Option<String>) {
    match difficulty {
        Difficulty::Surface => (None, None),
        Difficulty::Measured(measured) => (Some(measured.clone()), None),
        Difficulty::InFolder { calibration, .. } if calibration.path.exists() => (Some(calibration.clone()), None),
        Difficulty::InFolder { calibration, configured } => {
            let instead = match configured {
                Some(own) => format!("the configured {} is used", own.path.display()),
                None => "its surface score is used".to_owned(),
            };
            let warning = format!("{benchmark}: there is no {}; {instead}", calibration.path.display());
            (configured.clone(), Some(warning))
        }
    }
}

/// A calibration, joined to the rows of a store. It takes 20 bytes per row of the store.
#[derive(Debug)]
pub struct Joined {
    /// The record of the calibration in a manifest.
    pub record: MeasuredRecord,
    /// The expected error of every row of the store: the probability that a model fails it, 0..1.
    pub scores: Vec<f64>,
    standard_errors: Vec<f64>,
    n_responses: Vec<u32>,
}

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
    expected_error: f64,
    standard_error: f64,
    n_responses: u32,
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
    pub fn read(
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
        let unusable =
            |why: String| DifficultyError::Unusable { benchmark: benchmark.to_owned(), path: path.clone(), why };
        if !path.exists() {
            return Err(unusable("there is no such file".to_owned()));
        }
        let meta = calibration::read_meta(path).map_err(unusable)?;
        if meta.benchmark != benchmark {
            return Err(unusable(format!("it is a calibration of {}", meta.benchmark)));
        }
        let rows = identities.len();
        let mut joined = Self {
            record: MeasuredRecord {
                file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                checksum: meta.self_checksum,
                model: meta.model,
                min_responses: measured.min_responses,
                panel: meta.panel.into_iter().map(|member| member.model).collect(),
            },
            scores: Vec::with_capacity(rows),
            standard_errors: Vec::with_capacity(rows),
            n_responses: Vec::with_capacity(rows),
        };
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
                                joined.push(line);
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

    fn push(&mut self, line: Calibrated) {
        self.scores.push(line.expected_error);
        self.standard_errors.push(line.standard_error);
        self.n_responses.push(line.n_responses);
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
            self.push(aside[line]);
        }
        Ok(())
    }

    /// Whether enough models responded to a row for it to be drawn.
    pub fn is_eligible(&self, row: u32) -> bool {
        u64::from(self.n_responses[row as usize]) >= self.record.min_responses
    }

    /// Makes the measured difficulty the score of the task at a row; the surface score moves into its metadata.
    pub(super) fn apply(&self, row: u32, task: &mut StoredTask) {
        let at = row as usize;
        let [surface, n, error] = MEASURED_KEYS;
        let number = serde_json::Value::from;
        task.add_metadata(&format!(
            r#""{surface}":{},"{n}":{},"{error}":{}"#,
            number(task.difficulty_score),
            self.n_responses[at],
            number(self.standard_errors[at])
        ));
        task.difficulty_score = self.scores[at];
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
            expected_error: line.expected_error,
            standard_error: line.standard_error,
            n_responses: line.n_responses,
        })
    };
    lines.map(one).collect()
}
