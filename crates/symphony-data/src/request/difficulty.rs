//! Which difficulty a request draws by.

use std::path::PathBuf;

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
    /// The calibration of this benchmark in a folder. If the folder has none, the configured difficulty is used.
    InFolder {
        /// The calibration to look for there.
        calibration: Measured,
        /// The configured calibration; `None` for the surface score.
        configured: Option<Measured>,
    },
}
