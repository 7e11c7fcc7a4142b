//! Pipelines: a few small steps on a list or a string, one after the other, then one result.
//!
//! The steps on lists are in `lists`, those on strings in `strings`; this file makes problems of both.

use super::super::prng::Rng;
use super::super::text::{fill, push_int};
use super::Problem;
use super::value::Value;

/// A step. In `code`, `{v}` is the Python expression it works on; `{k}` is the step's number.
pub(super) struct Step<T> {
    pub name: &'static str,
    /// The range of the number; (0, 0) where there is none.
    pub k: (i64, i64),
    /// What it does, as an imperative clause.
    pub doc: &'static str,
    pub code: &'static str,
    /// A sentence that settles a doubt about it.
    pub note: &'static str,
    pub apply: fn(&T, i64) -> T,
}

/// The result of a pipeline; `doc` completes "return …".
pub(super) struct Reducer<T> {
    pub name: &'static str,
    pub returns: &'static str,
    pub doc: &'static str,
    pub code: &'static str,
    pub note: &'static str,
    pub apply: fn(&T) -> Value,
}

/// The parts of pipelines over one type.
pub(super) struct Kind<T: 'static> {
    pub python: &'static str,
    pub steps: &'static [Step<T>],
    pub reducers: &'static [Reducer<T>],
    pub max_steps: usize,
    pub openings: &'static [&'static str],
    pub parameters: &'static [&'static str],
    pub contexts: &'static [&'static str],
    pub general: &'static [&'static str],
    pub random: fn(&mut Rng) -> T,
    pub wrap: fn(T) -> Value,
    pub unwrap: fn(&Value) -> T,
}

fn push_code(out: &mut String, template: &str, variable: &str, k: i64) {
    fill(out, template, |out, slot| if slot == "k" { push_int(out, k) } else { out.push_str(variable) });
}

/// Chooses steps and a result, and makes a problem of them.
pub(super) fn problem<T: Clone>(rng: &mut Rng, kind: &'static Kind<T>) -> Problem {
    let count = [1, 1, 2, 2, 2, 3][rng.below(6)].min(kind.max_steps);
    let steps: Vec<(&Step<T>, i64)> = rng.distinct::<3>(kind.steps.len())[..count]
        .iter()
        .map(|&s| (&kind.steps[s], rng.range(kind.steps[s].k.0, kind.steps[s].k.1)))
        .collect();
    let reducer = &kind.reducers[rng.below(kind.reducers.len())];
    let parameter = rng.pick(kind.parameters);

    let mut name = String::from(reducer.name);
    let mut doc = String::from(rng.pick(kind.openings));
    let mut body = String::new();
    let mut notes = vec![String::from(reducer.note)];
    for (n, (step, k)) in steps.iter().enumerate() {
        name.push('_');
        name.push_str(step.name);
        doc.push_str([" ", ", then ", ", after that "][n.min(2)]);
        push_code(&mut doc, step.doc, "", *k);
        body.push_str("    result = ");
        push_code(&mut body, step.code, if n == 0 { parameter } else { "result" }, *k);
        body.push('\n');
        let mut note = String::new();
        push_code(&mut note, step.note, "", *k);
        notes.push(note);
    }
    doc.push_str(", and return ");
    doc.push_str(reducer.doc);
    doc.push('.');
    body.push_str("    return ");
    push_code(&mut body, reducer.code, "result", 0);
    body.push('\n');
    rng.shuffle(&mut notes);
    notes.push(String::from(rng.pick(kind.contexts)));
    notes.extend(kind.general.iter().map(|note| String::from(*note)));

    let (run, traced) = (steps.clone(), steps);
    Problem {
        name,
        parameters: vec![(parameter, kind.python)],
        returns: reducer.returns,
        doc,
        notes,
        body,
        arguments: Box::new(|rng| vec![(kind.wrap)((kind.random)(rng))]),
        evaluate: Box::new(move |arguments| {
            let mut value = (kind.unwrap)(&arguments[0]);
            for (step, k) in &run {
                value = (step.apply)(&value, *k);
            }
            (reducer.apply)(&value)
        }),
        explain: Some(Box::new(move |arguments| {
            let mut value = (kind.unwrap)(&arguments[0]);
            let mut out = String::new();
            for (n, (step, k)) in traced.iter().enumerate() {
                value = (step.apply)(&value, *k);
                out.push_str(if n == 0 { "the first step gives " } else { ", the next one gives " });
                (kind.wrap)(value.clone()).push_repr(&mut out);
            }
            out.push_str(", and so the result is ");
            (reducer.apply)(&value).push_repr(&mut out);
            out.push('.');
            out
        })),
    }
}
