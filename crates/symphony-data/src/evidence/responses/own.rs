//! Our own format: one response per line.

use std::{borrow::Cow, path::Path};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    evalscope::Reviews,
    every_eval_ever,
    harness::Harness,
    py_irt,
    sink::{Fault, Found, Key, Sink},
    wide,
};
use crate::row::{decode_string, json_reason, kind_of, python};

/// A line in our own format. In a CSV file, every value is a text.
#[derive(Deserialize)]
pub(super) struct Line<'l> {
    #[serde(borrow)]
    benchmark: Option<Cow<'l, str>>,
    #[serde(borrow)]
    source_id: Option<Cow<'l, str>>,
    #[serde(borrow)]
    identity: Option<Cow<'l, str>>,
    #[serde(borrow)]
    model: Option<Cow<'l, str>>,
    #[serde(borrow)]
    family: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    score: Number<'l>,
    #[serde(borrow, default)]
    tries: Number<'l>,
    #[serde(borrow, default)]
    cost: Number<'l>,
    #[serde(borrow, default)]
    tokens: Number<'l>,
    /// A key of the harness.
    doc: Option<IgnoredAny>,
    /// A key of EvalScope's reviews.
    #[serde(borrow)]
    sample_score: Option<&'l RawValue>,
    /// A key of EvalScope's predictions.
    #[serde(borrow)]
    model_output: Option<&'l RawValue>,
    /// A key of py-irt.
    subject_id: Option<IgnoredAny>,
    /// Keys of Every Eval Ever.
    evaluation: Option<IgnoredAny>,
    model_id: Option<IgnoredAny>,
}

/// What is known of a file whose form holds more than its lines say.
#[derive(Default)]
pub(super) struct Logs {
    harness: Option<Harness>,
    reviews: Option<Reviews>,
    rows: every_eval_ever::Rows,
}

impl Logs {
    /// Checks that the file had what the caller chose.
    pub fn finish(self) -> Result<(), Fault> {
        self.harness.map_or(Ok(()), Harness::finish)?;
        self.rows.finish()
    }
}

/// The JSON of a number or of a text that stands for one; `None` if the key is missing.
#[derive(Clone, Copy, Default)]
pub(super) struct Number<'l>(Option<&'l str>);

impl<'de: 'l, 'l> Deserialize<'de> for Number<'l> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(from).map(|json| Self(Some(json.get())))
    }
}

impl<'l> Number<'l> {
    /// The number; `None` if it is missing. NaN counts as missing, as it does in tables.
    pub(super) fn value(self) -> Result<Option<f64>, Fault> {
        let json = self.0.unwrap_or("null");
        let text = match json.as_bytes().first() {
            Some(b'"') => decode_string(json).and_then(Result::ok).unwrap_or(Cow::Borrowed(json)),
            Some(b'[' | b'{') => {
                let shown: String = json.chars().take(40).collect();
                let cut = if shown.len() < json.len() { "…" } else { "" };
                return Err(Fault::reason(format!("{shown}{cut} is {}, and must be one number", kind_of(json))));
            }
            _ => Cow::Borrowed(json),
        };
        number_of(&text)
    }

    /// The number with this JSON.
    pub(super) fn of(json: &'l str) -> Self {
        Self(Some(json))
    }

    /// Whether the key is there.
    pub(super) fn is_given(self) -> bool {
        self.0.is_some()
    }
}

/// The number that a text stands for; `None` if it is missing. NaN counts as missing, as it does in tables.
pub(super) fn number_of(text: &str) -> Result<Option<f64>, Fault> {
    let trimmed = text.trim();
    // Nearly every text is a number, and needs no copy.
    let number = match trimmed.parse::<f64>() {
        Ok(number) => Some(number),
        Err(_) => match trimmed.to_ascii_lowercase().as_str() {
            "" | "na" | "none" | "null" => None,
            "true" => Some(1.0),
            "false" => Some(0.0),
            _ => return Err(Fault::reason(format!("{text:?} is not a number"))),
        },
    };
    Ok(number.filter(|number| !number.is_nan()))
}

/// The required keys of our own format, for messages.
pub(in crate::evidence) const FORM: &str = "benchmark, source_id (or identity), model, score";

/// Takes one line: a response in our own format, or a line of another form, which its keys show.
pub(super) fn of_text(
    text: &str,
    path: &Path,
    model: Option<&str>,
    logs: &mut Logs,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Fault> {
    let text = &*python::text_to_json(text);
    let line: Line<'_> = serde_json::from_str(text)
        .map_err(|error| Fault::reason(format!("not a valid response: {}", json_reason(&error))))?;
    if line.doc.is_some() && line.source_id.is_none() && line.identity.is_none() {
        return logs.harness.get_or_insert_with(|| Harness::of(path, model, sink)).take(text, sink);
    }
    let is_object = |json: Option<&RawValue>| json.is_some_and(|json| json.get().starts_with('{'));
    if is_object(line.sample_score) {
        return logs.reviews.get_or_insert_with(|| Reviews::of(path, model)).take(text, sink);
    }
    // No other form has a score under this name.
    if line.score.0.is_none() {
        if is_object(line.model_output) {
            let reason =
                "these are predictions of EvalScope, which have no scores; name the file in its folder `reviews`";
            return Err(Fault::reason(reason));
        }
        if line.subject_id.is_some() {
            return py_irt::take(text, model, sink);
        }
        if line.evaluation.is_some() || line.model_id.is_some() {
            return logs.rows.take(text, model, sink);
        }
        if wide::may_be(text) && wide::take_text(text, model, sink)? {
            return Ok(());
        }
    }
    let missing = |key: &str| {
        let keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
        let keys: Vec<&str> = keys.keys().map(String::as_str).collect();
        Fault::reason(format!("has no `{key}`; a response has {FORM}, and this has {}", keys.join(", ")))
    };
    let benchmark = line.benchmark.as_deref().ok_or_else(|| missing("benchmark"))?;
    if let (Some(_), Some(own)) = (model, line.model.as_deref().filter(|own| !own.is_empty())) {
        sink.rename(own)?;
    }
    let model = model.or(line.model.as_deref()).ok_or_else(|| missing("model"))?;
    // An empty cell of a CSV file counts as missing.
    let [source_id, identity] =
        [&line.source_id, &line.identity].map(|text| text.as_deref().filter(|text| !text.is_empty()));
    let key = match (source_id, identity) {
        (Some(source_id), Some(identity)) => Key::Both(benchmark, source_id, identity),
        (Some(source_id), None) => Key::SourceId(benchmark, source_id),
        (None, Some(identity)) => Key::Identity(benchmark, identity),
        (None, None) => return Err(missing("source_id")),
    };
    if line.score.0.is_none() {
        return Err(missing("score"));
    }
    let number = |key: &str, number: Number<'_>| number.value().map_err(|fault| fault.of(&format!("`{key}`")));
    let Some(score) = number("score", line.score)? else {
        sink.unmapped("without a score", || text.chars().take(80).collect());
        return Ok(());
    };
    sink.take(Found {
        family: line.family.as_deref().filter(|family| !family.is_empty()),
        tries: tries_of(number("tries", line.tries)?)?,
        cost: number("cost", line.cost)?,
        tokens: number("tokens", line.tokens)?,
        ..Found::new(key, model, score)
    })
}

/// The number of tries that a score is the mean of, if the form says it.
pub(super) fn tries_of(number: Option<f64>) -> Result<Option<u32>, Fault> {
    match number {
        None => Ok(None),
        Some(n) if n >= 1.0 && n.fract() == 0.0 && n <= 1e9 => Ok(Some(n as u32)),
        Some(n) => Err(Fault::reason(format!(
            "`tries` is {n}, and must be a whole number from 1: how many tries the score is the mean of"
        ))),
    }
}
