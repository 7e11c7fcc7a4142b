//! Rows of Every Eval Ever: a line for each sample of a run, as its `instance_level_eval` schema has them (0.2 and 0.3).
//!
//! A row is mapped by its question: `input.raw`, which is the question or the whole prompt. A `sample_id` that is an identity
//! or a source_id counts where no question matches, as long as the row that it names does not have another question.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    locate::{Located, locate, locate_id, shortened},
    own::Number,
    prompt::locate_prompt,
    sink::{Fault, Found, Key, Sink},
};
use crate::{hint::Hint, row::json_reason};

/// The fewest characters of a row's text that shows whether a prompt asks this row.
const TELLING_CHARS: usize = 20;

#[derive(Deserialize)]
struct Row<'r> {
    #[serde(borrow, default)]
    evaluation_id: Cow<'r, str>,
    #[serde(borrow)]
    model_id: Option<Cow<'r, str>>,
    #[serde(borrow, default)]
    evaluation_name: Cow<'r, str>,
    /// The metric, where a sample has a row for each of several.
    #[serde(borrow)]
    evaluation_result_id: Option<Cow<'r, str>>,
    /// A text, or a number in rows that others wrote.
    #[serde(default)]
    sample_id: Value,
    #[serde(borrow)]
    input: Option<Input<'r>>,
    #[serde(borrow)]
    evaluation: Option<Evaluation<'r>>,
    token_usage: Option<TokenUsage>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Input<'r> {
    #[serde(borrow)]
    raw: Cow<'r, str>,
    #[serde(borrow)]
    choices: Option<&'r RawValue>,
}

#[derive(Deserialize)]
struct Evaluation<'r> {
    #[serde(borrow, default)]
    score: Number<'r>,
    is_correct: Option<bool>,
}

#[derive(Deserialize)]
struct TokenUsage {
    output_tokens: Option<f64>,
}

impl Row<'_> {
    fn sample_id(&self) -> Cow<'_, str> {
        self.sample_id.as_str().map_or_else(|| Cow::Owned(self.sample_id.to_string()), Cow::Borrowed)
    }

    /// The filter of the harness whose log the row was made from, if it had any.
    fn filter(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("filter")?.as_str().filter(|filter| *filter != "none")
    }

    /// The metric that gave the score, if the row names it.
    fn metric(&self) -> Option<&str> {
        self.evaluation_result_id.as_deref()
    }

    /// Its texts as one JSON object, in which [`locate`] finds the fields of a benchmark's identity.
    fn document(&self, input: &Input<'_>) -> String {
        let mut document = self.metadata.clone().unwrap_or_default();
        document.insert("input".to_owned(), Value::from(&*input.raw));
        if let Some(choices) = input.choices {
            document.insert("choices".to_owned(), serde_json::from_str(choices.get()).unwrap_or_default());
        }
        document.insert("id".to_owned(), Value::from(self.sample_id()));
        Value::Object(document).to_string()
    }
}

/// What was read of a file.
#[derive(Default)]
pub(super) struct Rows {
    /// For each sample, the first of its metrics and filters, all as hashes.
    samples: HashMap<u64, u64, foldhash::fast::FixedState>,
    /// The metrics and filters of rows that were left out, as the caller chose others.
    others: BTreeSet<String>,
    taken: bool,
}

impl Rows {
    /// Takes a row. `model` is the model that the caller names for the whole file.
    pub fn take(&mut self, text: &str, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
        let row: Row<'_> = serde_json::from_str(text)
            .map_err(|error| Fault::reason(format!("not a valid row of Every Eval Ever: {}", json_reason(&error))))?;
        let missing = |key: &str| {
            Fault::reason(format!(
                "has no `{key}`; a row of Every Eval Ever has model_id, sample_id, input.raw and evaluation.score"
            ))
        };
        let own = row.model_id.as_deref().ok_or_else(|| missing("model_id"))?;
        let input = row.input.as_ref().ok_or_else(|| missing("input"))?;
        let evaluation = row.evaluation.as_ref().ok_or_else(|| missing("evaluation"))?;
        if model.is_some() {
            sink.rename(own)?;
        }
        let model = model.unwrap_or(own);
        if !self.is_wanted(&row, input, sink)? {
            return Ok(());
        }
        self.taken = true;
        let score = match (evaluation.score.is_given(), evaluation.is_correct) {
            (true, _) => evaluation.score.value().map_err(|fault| fault.of("`evaluation.score`"))?,
            (false, Some(is_correct)) => Some(f64::from(u8::from(is_correct))),
            (false, None) => return Err(missing("evaluation.score")),
        };
        let example = || shortened(&Value::from(vec![&*input.raw]).to_string());
        let Some(score) = score else {
            sink.unmapped("without a score", example);
            return Ok(());
        };
        let tokens = row.token_usage.as_ref().and_then(|usage| usage.output_tokens);
        match located(&row, input, sink)? {
            Located::Rows(benchmark, rows) => {
                sink.take(Found { tokens, ..Found::new(Key::Rows(&benchmark, &rows), model, score) })?;
            }
            Located::Nowhere => {
                sink.nowhere(
                    format!("of the evaluation `{}` to samples that match no row", row.evaluation_name),
                    example,
                );
            }
            Located::Several => {
                sink.unmapped(
                    format!("of the evaluation `{}` with several matching rows", row.evaluation_name),
                    example,
                );
            }
        }
        Ok(())
    }

    /// Whether the caller's filter and metric include a row. Refuses a sample with rows of several, because they would count
    /// as tries.
    fn is_wanted(&mut self, row: &Row<'_>, input: &Input<'_>, sink: &Sink<'_, '_>) -> Result<bool, Fault> {
        let (metric, filter) = (row.metric(), row.filter());
        // HELM's metrics have the split behind a colon.
        let is_metric = |wanted: &str| metric.is_none_or(|own| own == wanted || own.split(':').next() == Some(wanted));
        let is_filter = |wanted: &str| filter.is_none_or(|own| own == wanted);
        let options = sink.options;
        if !options.metric.as_deref().is_none_or(is_metric) || !options.filter.as_deref().is_none_or(is_filter) {
            self.others.extend(metric.into_iter().chain(filter).map(str::to_owned));
            return Ok(false);
        }
        let hash = |parts: &[&str]| xxh3_64(parts.join("\u{1f}").as_bytes());
        let epoch = row.metadata.as_ref().and_then(|metadata| metadata.get("epoch")).map(Value::to_string);
        let sample = hash(&[
            &row.evaluation_id,
            row.model_id.as_deref().unwrap_or_default(),
            &row.sample_id(),
            &input.raw,
            &epoch.unwrap_or_default(),
        ]);
        let own = hash(&[metric.unwrap_or_default(), filter.unwrap_or_default()]);
        if *self.samples.entry(sample).or_insert(own) == own {
            return Ok(true);
        }
        let id = row.sample_id();
        let several = |what: &str, name: &str| {
            Fault::reason(format!("the sample {id} has rows of several {what}, such as `{name}`; choose one"))
        };
        match (metric, filter) {
            (Some(metric), _) if options.metric.is_none() => {
                Err(several("metrics", metric).with(Hint::Metric(metric.to_owned())))
            }
            (_, Some(filter)) if options.filter.is_none() => {
                Err(several("filters", filter).with(Hint::Filter(filter.to_owned())))
            }
            (metric, filter) => Err(several("results", metric.or(filter).unwrap_or(&row.evaluation_name))),
        }
    }

    /// Checks that the file had rows of the chosen metric and filter.
    pub fn finish(self) -> Result<(), Fault> {
        if self.taken || self.others.is_empty() {
            return Ok(());
        }
        let others: Vec<String> = self.others.into_iter().collect();
        Err(Fault::reason(format!("has no row of the chosen metric or filter; it has {}", others.join(", "))))
    }
}

/// The rows of a sample.
fn located(row: &Row<'_>, input: &Input<'_>, sink: &mut Sink<'_, '_>) -> Result<Located, Fault> {
    let task = &*row.evaluation_name;
    let found = locate(&row.document(input), task, sink.catalogue)?;
    if !matches!(found, Located::Nowhere) {
        return Ok(found);
    }
    let found = locate_prompt(&input.raw, task, sink.catalogue)?;
    if !matches!(found, Located::Nowhere) {
        return Ok(found);
    }
    let found = locate_id(&row.sample_id(), sink.catalogue)?;
    if let Located::Rows(benchmark, rows) = &found
        && !input.raw.is_empty()
        && let Some(shelf) = sink.catalogue.shelf(benchmark)?
        && let Some(raw_data) = shelf.raw_data(rows[0]).map_err(crate::evidence::EvidenceError::from)?
    {
        // Another program's numbers may look like a source_id.
        let texts = crate::row::strings_of(raw_data.get()).unwrap_or_default();
        if !texts.iter().any(|text| text.chars().count() >= TELLING_CHARS && input.raw.contains(&**text)) {
            return Ok(Located::Nowhere);
        }
    }
    Ok(found)
}
