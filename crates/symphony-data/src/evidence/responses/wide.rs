//! Wide tables, as RouterBench has them: a line for each question, with a column of scores for each model.
//!
//! A column `MODEL|model_response` or `MODEL|total_cost` says that the column `MODEL` holds a model's scores. The question is
//! named by `source_id` or `identity`, or found in `prompt`, which RouterBench writes as a list of messages.

use std::{borrow::Cow, collections::BTreeMap};

use arrow_array::{Array, RecordBatch, StringViewArray};
use serde_json::{Value, value::RawValue};

use super::{
    columns::{Cells, Columns},
    locate::{Located, benchmark_of, locate_id, shortened},
    own::Number,
    prompt::{last_of_list, locate_prompt},
    sink::{Fault, Found, Key, Sink},
};
use crate::row::{decode_string, json_reason};

/// The ending of a column with what a model answered.
const RESPONSE: &str = "|model_response";
/// The ending of a column with what an answer cost, in US dollars.
const COST: &str = "|total_cost";

/// The models whose columns are among these.
pub(super) fn models<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut models: Vec<&str> =
        names.filter_map(|name| name.strip_suffix(COST).or_else(|| name.strip_suffix(RESPONSE))).collect();
    models.sort_unstable();
    models.dedup();
    models
}

/// Whether the JSON text of a row may be a line of a wide table.
pub(super) fn may_be(text: &str) -> bool {
    [RESPONSE, COST].iter().any(|ending| memchr::memmem::find(text.as_bytes(), ending.as_bytes()).is_some())
}

/// A model's answer in a row.
struct Answer<'r> {
    model: &'r str,
    score: Option<f64>,
    cost: Option<f64>,
}

/// How a row names its question.
#[derive(Default)]
struct Question<'r> {
    benchmark: Option<Cow<'r, str>>,
    source_id: Option<Cow<'r, str>>,
    identity: Option<Cow<'r, str>>,
    prompt: Option<Cow<'r, str>>,
    eval_name: Option<Cow<'r, str>>,
}

/// Takes the row of a JSON text. `false` if it has no column of a model, so that it is no row of a wide table.
pub(super) fn take_text(text: &str, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<bool, Fault> {
    let row: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text)
        .map_err(|error| Fault::reason(format!("not a valid row of a wide table: {}", json_reason(&error))))?;
    let models = models(row.keys().map(|key| &**key));
    if models.is_empty() {
        return Ok(false);
    }
    let text_of = |key: &str| -> Result<Option<Cow<'_, str>>, Fault> {
        match row.get(key).map(|value| value.get()) {
            None | Some("null" | "\"\"") => Ok(None),
            Some(json) => match decode_string(json) {
                Some(Ok(text)) => Ok(Some(text)),
                // A list of messages.
                None if key == "prompt" && json.starts_with('[') => Ok(Some(Cow::Borrowed(json))),
                _ => Err(Fault::reason(format!("`{key}` is {json}, and must be a text"))),
            },
        }
    };
    let question = Question {
        benchmark: text_of("benchmark")?,
        source_id: text_of("source_id")?,
        identity: text_of("identity")?,
        prompt: text_of("prompt")?,
        eval_name: text_of("eval_name")?,
    };
    let number = |key: &str| -> Result<Option<f64>, Fault> {
        let Some(json) = row.get(key) else { return Ok(None) };
        Number::of(json.get()).value().map_err(|fault| named(key, fault))
    };
    let answers = models.iter().map(|own| {
        if !row.contains_key(*own) {
            return Err(without_scores(own));
        }
        Ok(Answer { model: own, score: number(own)?, cost: number(&format!("{own}{COST}"))? })
    });
    let answers: Vec<Answer<'_>> = answers.collect::<Result<_, _>>()?;
    take(&question, &answers, model, sink)?;
    Ok(true)
}

/// Takes the rows of a batch whose models are these. `first` is the number of its first row in the table.
pub(super) fn take_batch(
    batch: &RecordBatch,
    models: &[&str],
    first: usize,
    model: Option<&str>,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Fault> {
    let columns = Columns(batch);
    let texts = |name: &str| columns.texts(name);
    let names = ["benchmark", "source_id", "identity", "prompt", "eval_name"];
    let [benchmark, source_id, identity, prompt, eval_name] = names.map(texts);
    let (benchmark, source_id, identity) = (benchmark?, source_id?, identity?);
    let (prompt, eval_name) = (prompt?, eval_name?);
    let of_model = |own: &&str| -> Result<_, Fault> {
        let scores = columns.cells(own)?.ok_or_else(|| without_scores(own))?;
        Ok((scores, columns.cells(&format!("{own}{COST}"))?))
    };
    let cells: Vec<(Cells, Option<Cells>)> = models.iter().map(of_model).collect::<Result<_, _>>()?;
    for row in 0..batch.num_rows() {
        let mut take_row = || {
            let text = |column: &'_ Option<StringViewArray>| {
                let column = column.as_ref().filter(|column| column.is_valid(row) && !column.value(row).is_empty())?;
                Some(Cow::Owned(column.value(row).to_owned()))
            };
            let question = Question {
                benchmark: text(&benchmark),
                source_id: text(&source_id),
                identity: text(&identity),
                prompt: text(&prompt),
                eval_name: text(&eval_name),
            };
            let mut answers = Vec::with_capacity(models.len());
            for (own, (scores, costs)) in models.iter().zip(&cells) {
                let score = scores.value(row).map_err(|fault| named(own, fault))?;
                let cost = costs.as_ref().map(|costs| costs.value(row)).transpose();
                let cost = cost.map_err(|fault| named(&format!("{own}{COST}"), fault))?.flatten();
                answers.push(Answer { model: own, score, cost });
            }
            take(&question, &answers, model, sink)
        };
        take_row().map_err(|fault| fault.in_row(first + row))?;
    }
    Ok(())
}

fn without_scores(model: &str) -> Fault {
    Fault::reason(format!("has a column of answers or costs of `{model}`, and no column `{model}` with its scores"))
}

fn named(key: &str, fault: Fault) -> Fault {
    fault.of(&format!("`{key}`"))
}

/// Takes the answers of all models to one question. `model` is the name that the caller gives to the only one.
fn take(
    question: &Question<'_>,
    answers: &[Answer<'_>],
    model: Option<&str>,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Fault> {
    if model.is_some() {
        answers.iter().try_for_each(|answer| sink.rename(answer.model))?;
    }
    let located = located(question, sink)?;
    let example = || match question {
        Question { source_id: Some(source_id), .. } => format!("source_id {source_id:?}"),
        Question { identity: Some(identity), .. } => format!("identity {identity:?}"),
        _ => {
            let prompt = question.prompt.as_deref().unwrap_or_default();
            shortened(&Value::from(vec![last_of_list(prompt).unwrap_or_else(|| prompt.to_owned())]).to_string())
        }
    };
    let task = question.eval_name.as_deref().map_or_else(String::new, |name| format!("of the evaluation `{name}` "));
    for answer in answers {
        let model = model.unwrap_or(answer.model);
        let Some(score) = answer.score else {
            sink.unmapped("without a score", || format!("{} of {model}", example()));
            continue;
        };
        let found = |key| Found { cost: answer.cost, ..Found::new(key, model, score) };
        match &located {
            Place::Key(key) => sink.take(found(*key))?,
            Place::Rows(benchmark, rows) => sink.take(found(Key::Rows(benchmark, rows)))?,
            Place::Nowhere => sink.nowhere(format!("{task}to questions that match no row"), example),
            Place::Several => sink.unmapped(format!("{task}with several matching rows"), example),
        }
    }
    Ok(())
}

/// The place of a question, if it has one.
enum Place<'q> {
    Key(Key<'q>),
    Rows(String, Vec<u32>),
    Nowhere,
    Several,
}

fn located<'q>(question: &'q Question<'_>, sink: &mut Sink<'_, '_>) -> Result<Place<'q>, Fault> {
    let (source_id, identity) = (question.source_id.as_deref(), question.identity.as_deref());
    let benchmark = question.benchmark.as_deref().or_else(|| source_id.and_then(benchmark_of));
    let located = match (benchmark, source_id, identity, question.prompt.as_deref()) {
        (Some(benchmark), Some(source_id), Some(identity), _) => {
            return Ok(Place::Key(Key::Both(benchmark, source_id, identity)));
        }
        (Some(benchmark), Some(source_id), None, _) => return Ok(Place::Key(Key::SourceId(benchmark, source_id))),
        (Some(benchmark), None, Some(identity), _) => return Ok(Place::Key(Key::Identity(benchmark, identity))),
        (None, _, Some(identity), _) => locate_id(identity, sink.catalogue)?,
        (None, Some(_), None, _) => Located::Nowhere,
        (_, None, None, Some(prompt)) => {
            let last = last_of_list(prompt);
            let task = question.eval_name.as_deref().or(benchmark).unwrap_or_default();
            locate_prompt(last.as_deref().unwrap_or(prompt), task, sink.catalogue)?
        }
        (_, None, None, None) => {
            return Err(Fault::reason(
                "has neither a source_id nor an identity nor a prompt, so its question is unknown",
            ));
        }
    };
    Ok(match located {
        Located::Rows(benchmark, rows) => Place::Rows(benchmark, rows),
        Located::Nowhere => Place::Nowhere,
        Located::Several => Place::Several,
    })
}
