//! Difficulties that are known before a fit: the reference difficulty, or an earlier calibration.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::rows::Rows;
use crate::{
    calibration::{CalibratedRow, FeatureSlope, PriorDifficulty, Reference, calibration_name, read_meta},
    disk::{Folder, checksum::sha256_of},
    evidence::EvidenceError,
    irt::Abilities,
    progress::Progress,
    response::Model,
};

/// No difficulty, standard error or slope of a fit is larger than this, in logits.
const FARTHEST: f64 = 1000.0;

/// Known difficulties of the rows of a benchmark.
pub(super) struct Known {
    /// For each identity, the difficulty and standard error of its copies, in logits.
    rows: HashMap<u64, Vec<(f64, f64)>, foldhash::fast::FixedState>,
    /// How difficulty was predicted from features, for rows that are not known.
    intercept: f64,
    features: Vec<FeatureSlope>,
    residual_sd: f64,
    /// The abilities of the models that they were fitted to.
    pub abilities: Abilities,
    /// What a meta records of it.
    pub record: PriorDifficulty,
}

/// The calibration of a benchmark that a path names: a file, or that of the benchmark in a folder.
pub(super) fn calibration_at(path: &Path, benchmark: &str) -> PathBuf {
    if path.is_dir() { path.join(calibration_name(benchmark)) } else { path.to_owned() }
}

/// A row's difficulty before its answers are read.
pub(super) struct Before {
    pub difficulty: f64,
    pub standard_error: f64,
    /// Whether it is known, rather than predicted from features.
    pub is_known: bool,
}

impl Known {
    /// The difficulties of the reference.
    pub fn of_reference(reference: &Reference) -> Self {
        let card = &reference.card;
        let mut known = Self {
            rows: HashMap::default(),
            intercept: card.intercept,
            features: card.features.clone(),
            residual_sd: card.residual_sd,
            abilities: Abilities { models: card.panel.len(), mean: card.ability_mean, sd: card.ability_sd },
            record: PriorDifficulty {
                file: None,
                checksum: card.checksum.clone(),
                n_known: 0,
                coefficient: 0.0,
                panel: card.panel.iter().map(|member| member.model.clone()).collect(),
            },
        };
        for row in reference.rows() {
            known.add(row.identity, row.difficulty, row.standard_error);
        }
        known
    }

    /// The difficulties of a calibration: a file, or that of the benchmark in a folder.
    ///
    /// # Errors
    /// It cannot be read, was changed since it was written, or is of another benchmark.
    pub fn of_file(path: &Path, benchmark: &str, progress: &dyn Progress) -> Result<Self, EvidenceError> {
        let at = calibration_at(path, benchmark);
        let folder = at.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let read = || Self::of_file_locked(path, benchmark);
        // If a run is writing the calibration, this waits for it.
        if folder.is_dir() { Folder::shared(folder, progress, read)? } else { read() }
    }

    fn of_file_locked(path: &Path, benchmark: &str) -> Result<Self, EvidenceError> {
        let path = calibration_at(path, benchmark);
        let unusable = |why: String| EvidenceError::Insufficient {
            benchmark: benchmark.to_owned(),
            reason: format!("its prior cannot be taken from {}: {why}", path.display()),
        };
        if !path.is_file() {
            return Err(unusable(
                "there is no such calibration; write features, reference, or a calibration".to_owned(),
            ));
        }
        let meta = read_meta(&path).map_err(unusable)?;
        if meta.benchmark != benchmark {
            return Err(unusable(format!("it is a calibration of {}", meta.benchmark)));
        }
        let mut known = Self {
            rows: HashMap::default(),
            intercept: meta.intercept,
            features: meta.features.clone(),
            residual_sd: meta.residual_sd,
            abilities: Abilities { models: meta.models().len(), mean: meta.ability_mean, sd: meta.ability_sd },
            record: PriorDifficulty {
                file: path.file_name().map(|name| name.to_string_lossy().into_owned()),
                checksum: meta.calibration.checksum.clone(),
                n_known: 0,
                coefficient: 0.0,
                panel: meta.models(),
            },
        };
        let numbers = [meta.intercept, meta.residual_sd, meta.ability_mean, meta.ability_sd];
        let slopes = meta.features.iter().map(|feature| feature.coefficient);
        if numbers.into_iter().chain(slopes).any(|number| number.is_nan() || number.abs() > FARTHEST)
            || meta.residual_sd < 0.0
            || meta.ability_sd < 0.0
        {
            return Err(unusable("its meta holds numbers that no fit gives; calibrate again".to_owned()));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| unusable(error.to_string()))?;
        if sha256_of(text.as_bytes()) != meta.calibration.checksum {
            return Err(unusable("it was changed since it was written (checksum); calibrate again".to_owned()));
        }
        for (at, line) in text.lines().enumerate() {
            let row: Option<CalibratedRow> = serde_json::from_str(line).ok();
            let row =
                row.filter(|row| row.difficulty.abs() <= FARTHEST && (0.0..=FARTHEST).contains(&row.standard_error));
            let identity = row.as_ref().and_then(|row| u64::from_str_radix(&row.identity, 16).ok());
            let (Some(row), Some(identity)) = (row, identity) else {
                return Err(unusable(format!("line {} is not a row of a calibration; calibrate again", at + 1)));
            };
            known.add(identity, row.difficulty, row.standard_error);
        }
        Ok(known)
    }

    fn add(&mut self, identity: u64, difficulty: f64, standard_error: f64) {
        self.rows.entry(identity).or_default().push((difficulty, standard_error));
    }

    /// The models whose answers the difficulties were fitted to.
    pub fn panel(&self) -> &[Model] {
        &self.record.panel
    }

    /// How many of the rows are known.
    pub fn count(&self, rows: &Rows) -> usize {
        rows.identities.iter().filter(|identity| self.rows.contains_key(&number(identity))).count()
    }

    /// The difficulty of each row, known or predicted from features.
    pub fn before(&self, rows: &Rows) -> Vec<Before> {
        let mut copies = HashMap::<u64, usize, foldhash::fast::FixedState>::default();
        let of_row = |(row, identity): (usize, &String)| {
            let identity = number(identity);
            let copy = copies.entry(identity).or_default();
            let own = self.rows.get(&identity).and_then(|own| own.get(*copy).or(own.last()));
            *copy += 1;
            if let Some((difficulty, standard_error)) = own {
                return Before { difficulty: *difficulty, standard_error: *standard_error, is_known: true };
            }
            let value = |name: &str| rows.feature(name).map(|values| values[row]);
            let difficulty = self.intercept + FeatureSlope::sum(&self.features, rows.label_of(row), value);
            Before { difficulty, standard_error: self.residual_sd, is_known: false }
        };
        rows.identities.iter().enumerate().map(of_row).collect()
    }
}

/// An identity of 16 hex digits as a number. A store has no other.
fn number(identity: &str) -> u64 {
    u64::from_str_radix(identity, 16).unwrap_or_default()
}
