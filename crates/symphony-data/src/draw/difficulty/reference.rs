//! Joins a reference difficulty to the rows of a store.

use std::collections::HashMap;

use serde_json::Value;

use super::{DifficultyError, Joined, OfRow};
use crate::{
    calibration::{FeatureSlope, MeasuredRecord, PriorKind, Reference, ReferenceRow},
    progress::Progress,
    store::Store,
};

/// How many rows are read at once for their features.
const ROWS_AT_ONCE: usize = 4096;

impl From<&ReferenceRow> for OfRow {
    fn from(row: &ReferenceRow) -> Self {
        Self { expected_error: row.expected_error, standard_error: row.standard_error, n_responses: row.n_responses }
    }
}

impl Joined {
    /// Joins a reference difficulty to the rows of a store with these identities. Rows that it does not know are read, and
    /// get the prediction from their features.
    ///
    /// # Errors
    /// The store cannot be read, or the caller asked to stop.
    pub(super) fn reference(
        reference: &Reference,
        min_responses: u64,
        store: &Store,
        identities: &[u64],
        progress: &dyn Progress,
    ) -> Result<Self, DifficultyError> {
        let card = &reference.card;
        let record = MeasuredRecord {
            file: None,
            checksum: card.checksum.clone(),
            model: card.model,
            prior: PriorKind::Features,
            min_responses,
            panel: card.panel.iter().map(|member| member.model.clone()).collect(),
        };
        let mut joined = Self::new(record, identities.len());
        let mut copies = HashMap::<u64, usize, foldhash::fast::FixedState>::default();
        let mut unknown: Vec<u32> = Vec::new();
        for (row, identity) in (0..).zip(identities) {
            let known = reference.knows(*identity).then(|| {
                let copy = copies.entry(*identity).or_default();
                *copy += 1;
                reference.row(*identity, *copy - 1)
            });
            match known.flatten() {
                Some(known) => joined.push(known.into()),
                None => {
                    unknown.push(row);
                    joined.push(OfRow { expected_error: 0.0, standard_error: 0.0, n_responses: 0 });
                }
            }
        }
        for some in unknown.chunks(ROWS_AT_ONCE) {
            if progress.cancelled() {
                return Err(DifficultyError::Cancelled { benchmark: card.benchmark.clone() });
            }
            for (row, task) in some.iter().map(|row| *row as usize).zip(store.fetch(some)?) {
                let metadata: serde_json::Map<String, Value> =
                    serde_json::from_str(task.scorer_metadata.get()).unwrap_or_default();
                let label = card.label.as_ref().and_then(|label| metadata.get(label)?.as_str());
                let predicted = reference.predicted(identities[row], label, |name| match name {
                    FeatureSlope::SURFACE_SCORE => Some(task.difficulty_score),
                    name => feature(metadata.get(name)?),
                });
                joined.scores[row] = predicted.expected_error;
                joined.standard_errors[row] = predicted.standard_error;
            }
        }
        Ok(joined)
    }
}

/// The value of a feature as a calibration takes it: a number, or a boolean as 0 or 1.
fn feature(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        value => value.as_f64(),
    }
}
