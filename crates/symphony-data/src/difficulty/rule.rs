//! A scoring rule: named features, and the terms of the score.

use std::sync::Arc;

use serde::Serialize;

use super::{Feature, RowFunction};
use crate::yaml::Refusal;

/// How a benchmark's rows are scored: features in the order in which the metadata lists them, and the terms of the
/// raw score, summed from left to right and then at most 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Name and function of each feature.
    pub features: Vec<(String, Feature)>,
    /// The terms.
    pub score: Vec<Term>,
}

impl Rule {
    /// Registers the function `name` wherever the rule uses it, and says whether it does.
    pub fn register(&mut self, name: &str, function: &Arc<dyn RowFunction>) -> bool {
        let mut used = false;
        for (_, feature) in &mut self.features {
            for known in feature.callers_functions().into_iter().filter(|known| known.name == name) {
                known.register(function);
                used = true;
            }
        }
        used
    }

    /// The names of the caller's functions that the rule uses.
    pub fn callers_functions(&self) -> Vec<String> {
        let of_feature = |feature: &Feature| {
            let mut feature = feature.clone();
            feature.callers_functions().into_iter().map(|function| function.name.clone()).collect::<Vec<_>>()
        };
        self.features.iter().flat_map(|(_, feature)| of_feature(feature)).collect()
    }

    /// The features whose functions are not registered, and why they cannot be computed.
    pub fn unregistered(&self) -> Vec<(String, Refusal)> {
        let mut missing = Vec::new();
        for (name, feature) in &self.features {
            for function in feature.clone().callers_functions() {
                missing.extend(function.unregistered().map(|why| (name.clone(), why)));
            }
        }
        missing
    }
}

/// One term of a raw score.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// `weight` times the feature.
    Feature {
        /// The feature's name.
        feature: String,
        /// The weight.
        weight: f64,
        /// The name of the constant that the feature is divided by (its 95th percentile; then at most 1); `None` where
        /// the value counts as it is.
        constant: Option<String>,
    },
    /// A number that every row gets.
    ConstantTerm(f64),
}
