//! The parts of a store that a fit needs.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    calibration::FeatureSlope,
    evidence::{EvidenceError, responses::ROWS_AT_ONCE},
    number::mean,
    store::Store,
};

/// A text feature divides the rows into groups if these have at least this many rows on average.
const ROWS_OF_A_GROUP: usize = 5;

/// The rows of a store, as columns.
pub(super) struct Rows {
    pub source_ids: Vec<String>,
    pub identities: Vec<String>,
    /// The surface scores.
    pub scores: Vec<f64>,
    /// The name and column of every feature that is a number or a boolean in all rows.
    pub features: Vec<(String, Vec<f64>)>,
    /// The label: the first feature that is a text in all rows and divides them into groups.
    pub label: Option<Label>,
}

/// A feature that is a text.
pub(super) struct Label {
    pub name: String,
    /// The text of each row.
    pub values: Vec<String>,
}

/// A column whose groups were moved to the column's own mean, and how to move a value of it.
pub(super) struct Within {
    pub values: Vec<f64>,
    pub mean: f64,
    /// The mean of each group; empty without a label.
    pub means: BTreeMap<String, f64>,
}

impl Rows {
    /// Reads the rows of a store.
    pub fn read(store: &Store, rows: usize) -> Result<Self, EvidenceError> {
        let mut out = Self {
            source_ids: Vec::with_capacity(rows),
            identities: Vec::with_capacity(rows),
            scores: store.scores()?,
            features: Vec::new(),
            label: None,
        };
        let mut texts: Vec<(String, Vec<String>)> = Vec::new();
        let all: Vec<u32> = (0..rows as u32).collect();
        for some in all.chunks(ROWS_AT_ONCE) {
            for task in store.fetch(some)? {
                let first = out.source_ids.is_empty();
                out.source_ids.push(task.task_id.as_str().to_owned());
                out.identities.push(task.identity.as_str().to_owned());
                let metadata: Map<String, Value> = serde_json::from_str(task.scorer_metadata.get()).unwrap_or_default();
                if first {
                    out.features = metadata.keys().map(|name| (name.clone(), Vec::with_capacity(rows))).collect();
                    texts = metadata.keys().map(|name| (name.clone(), Vec::new())).collect();
                }
                out.features.retain_mut(|(name, column)| {
                    let value = match metadata.get(name.as_str()) {
                        Some(Value::Bool(flag)) => Some(f64::from(u8::from(*flag))),
                        Some(value) => value.as_f64().filter(|number| number.is_finite()),
                        None => None,
                    };
                    value.map(|value| column.push(value)).is_some()
                });
                texts.retain_mut(|(name, column)| {
                    let text = metadata.get(name.as_str()).and_then(Value::as_str);
                    text.map(|text| column.push(text.to_owned())).is_some()
                });
            }
        }
        let divides = |(_, values): &(String, Vec<String>)| {
            let groups: std::collections::HashSet<&String> = values.iter().collect();
            groups.len() > 1 && groups.len() * ROWS_OF_A_GROUP <= values.len()
        };
        out.label = texts.into_iter().find(divides).map(|(name, values)| Label { name, values });
        Ok(out)
    }

    /// The column with each group's mean moved to the column's mean. What one panel finds hard about a group need not hold for
    /// another panel, so features predict difficulty within groups alone.
    pub fn within(&self, column: &[f64]) -> Within {
        let whole = mean(column).unwrap_or_default();
        let Some(label) = &self.label else {
            return Within { values: column.to_vec(), mean: whole, means: BTreeMap::new() };
        };
        let mut groups = BTreeMap::<&String, Vec<f64>>::new();
        for (value, group) in column.iter().zip(&label.values) {
            groups.entry(group).or_default().push(*value);
        }
        let means: BTreeMap<String, f64> =
            groups.into_iter().map(|(group, own)| (group.clone(), mean(&own).unwrap_or_default())).collect();
        let moved = column.iter().zip(&label.values).map(|(value, group)| value - means[group] + whole);
        Within { values: moved.collect(), mean: whole, means }
    }

    /// The values of a feature, the surface score included; `None` if there is no such feature.
    pub fn feature(&self, name: &str) -> Option<&[f64]> {
        if name == FeatureSlope::SURFACE_SCORE {
            return Some(&self.scores);
        }
        self.features.iter().find(|(own, _)| own == name).map(|(_, values)| values.as_slice())
    }

    /// The text of a row's label.
    pub fn label_of(&self, row: usize) -> Option<&str> {
        self.label.as_ref().map(|label| label.values[row].as_str())
    }
}
