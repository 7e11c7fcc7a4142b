//! Chooses the score that tasks are drawn by: the surface score of the store, or a measured one, joined row by row.

use std::path::Path;

use crate::{
    bin::Cut,
    calibration::{MEASURED_KEYS, MeasuredRecord, Reference},
    config::Config,
    progress::Progress,
    request::{Difficulty, Measured},
    store::Store,
    task::StoredTask,
};

mod calibration;
mod error;
mod reference;

pub use error::DifficultyError;

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

/// The difficulty that is used for a benchmark. It is not the requested one where that is not available.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Used {
    /// The surface score.
    Surface,
    /// A calibration.
    Measured(Measured),
    /// The reference difficulty.
    Reference {
        /// That of the benchmark.
        reference: &'static Reference,
        /// Rows with responses of fewer models cannot be drawn.
        min_responses: u64,
    },
}

/// How a benchmark's rows are sorted into bins.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The difficulty that is used.
    pub used: Used,
    /// Where its bins begin and end.
    pub cut: Cut,
    /// For each difficulty that was not available, or only in part, a warning. A manifest records them.
    pub warnings: Vec<String>,
}

impl Choice {
    /// Chooses the difficulty of a benchmark with these identities: the requested one, or where that is not available the
    /// one that is used otherwise.
    pub fn of(config: &Config, store: &Store, identities: &[u64], difficulty: &Difficulty, cut: Cut) -> Self {
        let name = &store.meta.benchmark;
        let mut choice = Self { used: Used::Surface, cut, warnings: Vec::new() };
        choice.used = choice.resolve(store, identities, difficulty);
        let percentiles = config.store_cut_of(name);
        let are_failure_rates = matches!(cut, Cut::Cuts(_)) && cut == config.cut_of(name) && cut != percentiles;
        if choice.used == Used::Surface && are_failure_rates {
            choice.cut = percentiles;
            let last = choice.warnings.last_mut();
            last.into_iter().for_each(|last| *last += ", with percentiles, because difficulty_cuts are failure rates");
        }
        choice
    }

    fn resolve(&mut self, store: &Store, identities: &[u64], difficulty: &Difficulty) -> Used {
        let name = &store.meta.benchmark;
        let (why, otherwise) = match difficulty {
            Difficulty::Surface => return Used::Surface,
            Difficulty::Measured(measured) => return Used::Measured(measured.clone()),
            Difficulty::InFolder { calibration, .. } if calibration.path.exists() => {
                return Used::Measured(calibration.clone());
            }
            Difficulty::InFolder { calibration, otherwise } => {
                (format!("there is no {}", calibration.path.display()), otherwise)
            }
            Difficulty::Reference { min_responses, otherwise } => {
                let rows = identities.len();
                let why = match Reference::of(name) {
                    None => "there is no reference difficulty".to_owned(),
                    Some(_) if store.meta.is_synthetic() => {
                        "its rows are generated, so the reference difficulty does not know them".to_owned()
                    }
                    Some(reference) => match identities.iter().filter(|identity| reference.knows(**identity)).count() {
                        0 => format!("the reference difficulty knows none of its {rows} rows"),
                        known => {
                            if known < rows {
                                self.warnings.push(format!(
                                    "{name}: the reference difficulty knows {known} of its {rows} rows; that of the others is \
                                     predicted from their features; `min_responses: 1` leaves them out"
                                ));
                            }
                            return Used::Reference { reference, min_responses: *min_responses };
                        }
                    },
                };
                (why, otherwise)
            }
        };
        let instead = match &**otherwise {
            Difficulty::Surface => "its surface score is used".to_owned(),
            Difficulty::Measured(own) | Difficulty::InFolder { calibration: own, .. } => {
                format!("the configured {} is used", own.path.display())
            }
            Difficulty::Reference { .. } => "the configured reference difficulty is used".to_owned(),
        };
        let lost = match (difficulty, &**otherwise) {
            (Difficulty::Reference { min_responses: 1.., .. }, Difficulty::Surface) => {
                ", and min_responses does not count"
            }
            _ => "",
        };
        self.warnings.push(format!("{name}: {why}; {instead}{lost}"));
        self.resolve(store, identities, otherwise)
    }
}

impl Used {
    /// Joins the difficulty to the rows of a store with these identities; `None` for the surface score.
    ///
    /// # Errors
    /// The calibration or the store cannot be read, the calibration belongs to other rows; or the caller asked to stop.
    pub fn join(
        &self,
        store: &Store,
        identities: &[u64],
        progress: &dyn Progress,
    ) -> Result<Option<Joined>, DifficultyError> {
        let (name, rejected) = (&store.meta.benchmark, store.meta.rejected_rows);
        Ok(match self {
            Self::Surface => None,
            Self::Measured(measured) => Some(Joined::read(name, measured, identities, rejected, progress)?),
            Self::Reference { reference, min_responses } => {
                Some(Joined::reference(reference, *min_responses, store, identities, progress)?)
            }
        })
    }

    /// The error of a draw from a benchmark none of whose rows has responses of enough models.
    pub fn too_few_responses(&self, benchmark: &str) -> DifficultyError {
        let (place, least) = match self {
            Self::Surface => ("the surface score".to_owned(), 0),
            Self::Measured(own) => (own.path.display().to_string(), own.min_responses),
            Self::Reference { min_responses, .. } => ("the reference".to_owned(), *min_responses),
        };
        let why = format!("none of its rows has responses from {least} models (min_responses); ask for fewer");
        DifficultyError::Unusable { benchmark: benchmark.to_owned(), place, why }
    }
}

/// A measured difficulty, joined to the rows of a store. It takes 20 bytes per row of the store.
#[derive(Debug)]
pub struct Joined {
    /// The record of the difficulty in a manifest.
    pub record: MeasuredRecord,
    /// The expected error of every row of the store: the probability that a model fails it, 0..1.
    pub scores: Vec<f64>,
    standard_errors: Vec<f64>,
    n_responses: Vec<u32>,
}

/// The measured difficulty of one row.
#[derive(Clone, Copy)]
struct OfRow {
    expected_error: f64,
    standard_error: f64,
    n_responses: u32,
}

impl Joined {
    /// Nothing yet, with room for so many rows.
    fn new(record: MeasuredRecord, rows: usize) -> Self {
        Self {
            record,
            scores: Vec::with_capacity(rows),
            standard_errors: Vec::with_capacity(rows),
            n_responses: Vec::with_capacity(rows),
        }
    }

    fn push(&mut self, row: OfRow) {
        self.scores.push(row.expected_error);
        self.standard_errors.push(row.standard_error);
        self.n_responses.push(row.n_responses);
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
