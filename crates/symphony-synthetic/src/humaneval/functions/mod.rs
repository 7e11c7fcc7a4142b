//! Functions that stand alone: number theory, digits, pairs of lists, brackets, dynamic programming.

mod numbers;
mod sequences;

use super::super::prng::Rng;
use super::super::text::push_int;
use super::Problem;
use super::value::Value;

/// A function with a number `{k}` of its own, which is part of the task and not an argument.
struct Function {
    name: &'static str,
    k: (i64, i64),
    parameters: &'static [(&'static str, &'static str)],
    returns: &'static str,
    doc: &'static str,
    notes: &'static [&'static str],
    body: &'static str,
    arguments: fn(&mut Rng) -> Vec<Value>,
    evaluate: fn(&[Value], i64) -> Value,
}

pub(super) fn digit_sum(n: i64) -> i64 {
    let (mut n, mut sum) = (n.abs(), 0);
    while n > 0 {
        sum += n % 10;
        n /= 10;
    }
    sum
}

/// Sentences for any function at all, for the longer docstrings.
const GENERAL: &[&str] = &[
    "You do not have to check that the arguments are of the right type.",
    "The function should not print anything; it only returns its result.",
    "Use nothing but the standard library, and do not read or write any files.",
    "The arguments must not be modified.",
    "The tests call the function many times with rather small arguments, so clarity is more important here than speed.",
    "This is the second exercise of a course on programming, and it is meant to be solved in a few lines without looking anything up.",
    "Later exercises of the course build on this function, so keep its name and the order of its parameters as they are given here.",
    "If you are unsure what is meant, look at the examples below: they were made with a solution that is known to be right.",
    "Try to think of the smallest possible arguments first, then of those where two rules seem to apply at the same time, and only then of large ones.",
];
const PREFIXES: [&str; 6] = ["", "", "", "find_", "get_", "compute_"];

fn with_k(template: &str, k: i64) -> String {
    let mut out = String::with_capacity(template.len());
    // Only `{k}` is a slot: Python has braces of its own.
    for (n, part) in template.split("{k}").enumerate() {
        if n > 0 {
            push_int(&mut out, k);
        }
        out.push_str(part);
    }
    out
}

pub(super) fn problem(rng: &mut Rng) -> Problem {
    let number = rng.below(numbers::FUNCTIONS.len() + sequences::FUNCTIONS.len());
    let function =
        numbers::FUNCTIONS.get(number).unwrap_or_else(|| &sequences::FUNCTIONS[number - numbers::FUNCTIONS.len()]);
    let k = rng.range(function.k.0, function.k.1);
    let predicate = function.name.starts_with("is_") || function.name.starts_with("all_");
    let mut name = String::from(if predicate { "" } else { rng.pick(&PREFIXES) });
    name.push_str(function.name);
    let mut notes: Vec<String> = function.notes.iter().map(|note| with_k(note, k)).collect();
    let mut general: Vec<&str> = GENERAL.to_vec();
    rng.shuffle(&mut general);
    notes.extend(general.into_iter().map(String::from));
    Problem {
        name,
        parameters: function.parameters.to_vec(),
        returns: function.returns,
        doc: with_k(function.doc, k),
        notes,
        body: with_k(function.body, k),
        arguments: Box::new(function.arguments),
        evaluate: Box::new(move |arguments| (function.evaluate)(arguments, k)),
        explain: None,
    }
}
