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
    /// The surface score, as the store has it.
    #[default]
    Surface,
    /// A calibration.
    Measured(Measured),
    /// The calibration of this benchmark in a folder. Where it has none, what the configuration says is used.
    InFolder {
        /// The calibration that would lie there.
        calibration: Measured,
        /// What the configuration says.
        configured: Option<Measured>,
    },
}
