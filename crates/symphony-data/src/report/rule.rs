//! How features become a score.

use serde::Serialize;
use serde_json::Value;

use crate::{config::Config, difficulty::Term};

/// How features become a score: the terms are summed, at most 1 counts, and the least sum of the benchmark becomes 0 and the greatest 1.
#[derive(Debug, Serialize)]
pub(super) struct Rule {
    terms: Vec<WrittenTerm>,
    least: f64,
    greatest: f64,
}

/// A term of a score: a weight times a feature, or just a number.
#[derive(Debug, Serialize)]
struct WrittenTerm {
    weight: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    feature: Option<String>,
    /// What the feature is divided by; then at most 1 counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<f64>,
}

impl Rule {
    /// The rule of a benchmark in a manifest; `None` if its tasks were drawn by another difficulty than the surface score, or with another
    /// configuration than this one.
    pub fn of(part: &Value, config: &Config) -> Option<Self> {
        let benchmark = config.benchmark(part["benchmark"].as_str()?)?;
        if part["benchmark_config_fingerprint"] != benchmark.fingerprint() || part["difficulty"]["kind"] != "surface" {
            return None;
        }
        let constants = &part["normalization_constants"];
        let term = |term: &Term| {
            Some(match term {
                Term::ConstantTerm(number) => WrittenTerm { weight: *number, feature: None, by: None },
                Term::Feature { feature, weight, constant } => {
                    let by = match constant {
                        None => None,
                        Some(name) => Some(constants[name].as_f64()?),
                    };
                    WrittenTerm { weight: *weight, feature: Some(feature.clone()), by }
                }
            })
        };
        Some(Self {
            terms: benchmark.rule.score.iter().map(term).collect::<Option<_>>()?,
            least: part["normalization"]["raw_min"].as_f64()?,
            greatest: part["normalization"]["raw_max"].as_f64()?,
        })
    }

    /// The sum, such as `0.6 × steps / 7 + 0.4`.
    pub fn in_words(&self) -> String {
        let short = |number: f64| (1e4 * number).round() / 1e4;
        let term = |term: &WrittenTerm| match (&term.feature, term.by) {
            (None, _) => short(term.weight).to_string(),
            (Some(feature), None) => format!("{} × {feature}", short(term.weight)),
            (Some(feature), Some(by)) => format!("{} × {feature} / {}", short(term.weight), short(by)),
        };
        self.terms.iter().map(term).collect::<Vec<_>>().join(" + ")
    }
}
