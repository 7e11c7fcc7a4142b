//! What a manifest and a task say of the calibration that tasks were drawn by.

use serde::{Deserialize, Serialize};

use super::ItemModel;
use crate::response::Model;

/// What a draw adds to the metadata of tasks whose difficulty was measured: their surface score, how many models
/// responded, and the standard error of the difficulty in logits.
pub const MEASURED_KEYS: [&str; 3] = ["surface_score", "n_responses", "standard_error"];

/// What a manifest says of the calibration that a benchmark's tasks were drawn by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRecord {
    /// Its file's name.
    pub file: String,
    /// Its meta's own checksum, which covers both files.
    pub checksum: String,
    /// What was fitted.
    pub model: ItemModel,
    /// Rows with responses of fewer models could not be drawn.
    pub min_responses: u64,
    /// The models whose responses set the difficulty. Evaluated on tasks chosen by it, they are evaluated on what they set.
    pub panel: Vec<Model>,
}
