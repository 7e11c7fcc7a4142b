//! The score of a sample.

use serde_json::{Map, Value};

use super::Sample;
use crate::{evidence::responses::sink::Fault, hint::Hint};

/// Whether a sample has the scorer that the caller chose, as `scorer` or `scorer.key`.
pub(super) fn chosen(sample: &Sample, unnamed: &str, wanted: &str) -> bool {
    let has = |scorer: &str| sample.scores.as_ref().map_or(scorer == unnamed, |scores| scores.contains_key(scorer));
    has(wanted) || wanted.rsplit_once('.').is_some_and(|(scorer, _)| has(scorer))
}

/// The score of a sample; `None` if it has no score. `unnamed` names the only score in old logs, and `wanted` is the scorer
/// that the caller selected.
pub(super) fn score(sample: &Sample, unnamed: &str, wanted: Option<&str>) -> Result<Option<f64>, Fault> {
    let old;
    let scores = match (&sample.scores, &sample.score) {
        (None, Some(score)) if !score.is_null() => {
            old = Map::from_iter([(unnamed.to_owned(), score.clone())]);
            &old
        }
        (Some(scores), _) if !scores.is_empty() => scores,
        _ => return Ok(None),
    };
    let names = || scores.keys().map(String::as_str).collect::<Vec<_>>();
    // A scorer may give several values; `scorer.key` selects one.
    let (scorer, key) = match wanted {
        Some(wanted) if scores.contains_key(wanted) => (wanted, None),
        Some(wanted) => match wanted.rsplit_once('.').filter(|(scorer, _)| scores.contains_key(*scorer)) {
            Some((scorer, key)) => (scorer, Some(key)),
            None => {
                return Err(Fault::reason(format!("has no scorer `{wanted}`; it has {}", names().join(", "))));
            }
        },
        None => match &names()[..] {
            [one] => (*one, None),
            several => {
                let fault = Fault::reason(format!("has the scorers {}; choose one", several.join(" and ")));
                return Err(fault.with(Hint::Metric(several[0].to_owned())));
            }
        },
    };
    let value = &scores[scorer]["value"];
    let value = match (key, value) {
        (Some(key), value) => &value[key],
        (None, Value::Object(values)) => match values.iter().next() {
            Some((_, value)) if values.len() == 1 => value,
            _ => {
                let keys: Vec<&str> = values.keys().map(String::as_str).collect();
                let first = format!("{scorer}.{}", keys.first().unwrap_or(&"KEY"));
                let given = keys.join(" and ");
                let fault = Fault::reason(format!("its scorer `{scorer}` gives {given}; choose one"));
                return Err(fault.with(Hint::Metric(first)));
            }
        },
        (None, value) => value,
    };
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        Value::Bool(right) => Ok(Some(f64::from(u8::from(*right)))),
        // Inspect's own metrics count these the same way: C is correct, I incorrect, P partly correct and N no answer.
        Value::String(text) => match text.as_str() {
            text if ["yes", "true"].iter().any(|word| text.eq_ignore_ascii_case(word)) => Ok(Some(1.0)),
            text if ["no", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)) => Ok(Some(0.0)),
            "C" => Ok(Some(1.0)),
            "P" => Ok(Some(0.5)),
            "I" | "N" => Ok(Some(0.0)),
            other => other
                .parse()
                .map(|number: f64| Some(number).filter(|number| !number.is_nan()))
                .map_err(|_| Fault::reason(format!("its score of `{scorer}` is {other:?}, not a number"))),
        },
        other => Err(Fault::reason(format!("its score of `{scorer}` is {other}, not a number"))),
    }
}
