//! The record of a measured difficulty in manifests and tasks that were drawn by it.

use serde::{Deserialize, Serialize};

use super::{ItemModel, PriorKind};
use crate::response::Model;

/// The keys that a draw adds to the metadata of tasks with a measured difficulty: their surface score, how many models
/// responded, and the standard error of the difficulty in logits.
pub const MEASURED_KEYS: [&str; 3] = ["surface_score", "n_responses", "standard_error"];

/// The record in a manifest of the measured difficulty that a benchmark's tasks were drawn by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRecord {
    /// The calibration's file name; `None` for the reference difficulty, which ships inside the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The own checksum of the calibration's meta, which covers both files; or that of the reference difficulty's rows.
    pub checksum: String,
    /// The fitted item response model.
    pub model: ItemModel,
    /// What difficulty was predicted from before answers were read; left out for features.
    #[serde(default, skip_serializing_if = "MeasuredRecord::is_features")]
    pub prior: PriorKind,
    /// Rows with responses of fewer models could not be drawn.
    pub min_responses: u64,
    /// The models whose responses set the difficulty. Tasks chosen by it do not evaluate them independently.
    pub panel: Vec<Model>,
}

impl MeasuredRecord {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_features(prior: &PriorKind) -> bool {
        *prior == PriorKind::Features
    }
}
