//! Which score counts when tasks are drawn: the store's own, or that of a calibration, joined to it row by row.

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
pub enum DifficultyError {
    /// The calibration, or the folder that it should lie in.
    #[error("{benchmark}: its difficulty cannot be taken from {place}: {why}", place = path.display())]
    Unusable {
        /// The benchmark.
        benchmark: String,
        /// The calibration.
        path: std::path::PathBuf,
        /// Why not, and the way out.
        why: String,
    },
    /// A difficulty that was named and is not there.
    #[error("there is no file or folder {}; a difficulty is `surface`, a calibration, or a folder of calibrations", path.display())]
    Absent {
        /// What was named.
        path: std::path::PathBuf,
    },
    /// A file that was named and is no calibration.
    #[error("{} is no calibration; a calibration's name is BENCHMARK_calibration.jsonl", path.display())]
    NoCalibration {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A folder of calibrations that has none of those that are wanted.
    #[error("{folder} holds no calibration of {}; a calibration's name is BENCHMARK_calibration.jsonl", benchmarks.join(" or "), folder = folder.display())]
    NoneInFolder {
        /// The folder.
        folder: std::path::PathBuf,
        /// The benchmarks.
        benchmarks: Vec<String>,
    },
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The caller asked to stop.
    #[error("{benchmark}: stopped; nothing was written")]
    Cancelled {
        /// The benchmark.
        benchmark: String,
    },
}

/// Whether the folder of calibrations that a request names, if it does, holds one at all of its benchmarks.
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

/// The calibration that a difficulty comes to on this machine; `None` is the surface score. With it, what a person should
/// know where it is not the one that was asked.
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

/// A calibration as the rows of a store have it. It holds 20 bytes a row, whatever the calibration's size.
#[derive(Debug)]
pub struct Joined {
    /// What a manifest says of it.
    pub record: MeasuredRecord,
    /// The expected error of every row of the store, 0..1.
    pub scores: Vec<f64>,
    standard_errors: Vec<f64>,
    n_responses: Vec<u32>,
}

/// A line of a calibration, as far as it is used here.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    identity: std::borrow::Cow<'l, str>,
    standard_error: f64,
    n_responses: u32,
    expected_error: f64,
}

/// What a line says of a row.
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
    /// Joins a calibration to the rows of `benchmark` with these identities, `rejected` further rows of which its store does
    /// not hold. A calibration is in the order of its store, so that it is read in step with it; lines out of that order are
    /// kept aside and found by identity.
    ///
    /// # Errors
    /// The calibration cannot be read, is not as it was written, or is of other rows; a stop.
    pub fn read(
        benchmark: &str,
        measured: &Measured,
        identities: &[u64],
        rejected: u64,
        progress: &dyn Progress,
    ) -> Result<Self, DifficultyError> {
        let folder = measured.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let join = || Self::read_locked(benchmark, measured, identities, rejected, progress);
        // A calibration that is being written is waited for.
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
            return Err(unusable("it is not the file that its meta tells of (checksum); calibrate again".to_owned()));
        }
        joined.find_the_rest(identities, &aside).map_err(|row| {
            unusable(format!(
                "it does not know row {row} (identity {:016x}): it was made for other rows; calibrate on a store of these",
                identities[row]
            ))
        })?;
        if lines > rows as u64 + rejected {
            return Err(unusable(format!(
                "it has {lines} rows, and the benchmark has {rows}: it was made for other rows; calibrate on a store of these"
            )));
        }
        Ok(joined)
    }

    fn push(&mut self, line: Calibrated) {
        self.scores.push(line.expected_error);
        self.standard_errors.push(line.standard_error);
        self.n_responses.push(line.n_responses);
    }

    /// Finds the rows that were not met in step, each copy of a task by a line of its own; or says which row has none.
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
            // Where there are more copies than lines, the last one tells of them too: they are the same task.
            let line = lines[(*used).min(lines.len() - 1)];
            *used += 1;
            self.push(aside[line]);
        }
        Ok(())
    }

    /// Whether a row has responses of enough models to be drawn.
    pub fn is_eligible(&self, row: u32) -> bool {
        u64::from(self.n_responses[row as usize]) >= self.record.min_responses
    }

    /// The task at a row with the measured difficulty as its score; the surface score goes into its metadata.
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

/// Hands out a file's lines, some at a time, and gives its checksum (SHA-256).
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

/// What the lines of a chunk say; or which of them cannot be read, and why.
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
