//! Which difficulty a request draws by.

use std::path::PathBuf;

/// The word for the surface score, where a difficulty is named.
pub const SURFACE: &str = "surface";
/// The word for the reference difficulty, where a difficulty is named. A file of this name is written `./reference`.
pub const REFERENCE: &str = "reference";

/// A difficulty that was fitted to the responses of models, in place of the surface score.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The calibration: `{b}_calibration.jsonl`, relative to the working directory.
    pub path: PathBuf,
    /// Rows with responses of fewer models cannot be drawn.
    pub min_responses: u64,
}

/// Which difficulty a request draws a benchmark's tasks by.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Difficulty {
    /// The surface score in the store.
    #[default]
    Surface,
    /// A calibration.
    Measured(Measured),
    /// The calibration of this benchmark in a folder.
    InFolder {
        /// The calibration to look for there.
        calibration: Measured,
        /// The difficulty that is used if the folder has none.
        otherwise: Box<Difficulty>,
    },
    /// The reference difficulty that ships with the program.
    Reference {
        /// Rows with responses of fewer models cannot be drawn.
        min_responses: u64,
        /// The difficulty that is used if the program has none for the benchmark, or knows none of its rows.
        otherwise: Box<Difficulty>,
    },
}

impl Difficulty {
    /// The reference difficulty, or else the surface score.
    pub fn reference(min_responses: u64) -> Self {
        Self::Reference { min_responses, otherwise: Box::default() }
    }

    /// How many models must have responded to a row for it to be drawn; 0 for surface scores.
    pub fn min_responses(&self) -> u64 {
        match self {
            Self::Surface => 0,
            Self::Measured(own) | Self::InFolder { calibration: own, .. } => own.min_responses,
            Self::Reference { min_responses, .. } => *min_responses,
        }
    }

    /// The same difficulty with another minimum of responses.
    #[must_use]
    pub fn with_min_responses(self, min_responses: u64) -> Self {
        let own = |measured: Measured| Measured { min_responses, ..measured };
        match self {
            Self::Surface => Self::Surface,
            Self::Measured(measured) => Self::Measured(own(measured)),
            Self::InFolder { calibration, otherwise } => Self::InFolder {
                calibration: own(calibration),
                otherwise: Box::new(otherwise.with_min_responses(min_responses)),
            },
            Self::Reference { otherwise, .. } => {
                Self::Reference { min_responses, otherwise: Box::new(otherwise.with_min_responses(min_responses)) }
            }
        }
    }

    /// Its name in a manifest: `surface`, `reference`, or the file name of the calibration.
    pub fn name(&self) -> String {
        match self {
            Self::Surface => SURFACE.to_owned(),
            Self::Measured(own) | Self::InFolder { calibration: own, .. } => {
                own.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            Self::Reference { .. } => REFERENCE.to_owned(),
        }
    }
}
