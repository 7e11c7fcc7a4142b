//! Stands in for HumanEval: a typed Python function to complete, its docstring with examples, a solution, and tests.
//!
//! Every family knows its function twice, as Python text and as Rust code; the Rust code computes the values that
//! the docstring shows and the tests expect. Lists and strings go through pipelines of small steps, which multiply;
//! `functions` holds the functions that stand alone.

mod functions;
mod lists;
mod pipeline;
mod strings;
mod value;

use super::Generator;
use super::prng::Rng;
use super::text::{json_string, push_int, word_count};
use value::Value;

pub(super) struct HumanEval;

/// Occurrences of `assert ` and `check(` per test, by percentile; `def check(` is one of them.
const ASSERTS: [i64; 13] = [2, 4, 4, 5, 6, 8, 8, 9, 11, 12, 14, 17, 27];
/// Words per prompt, by percentile.
const PROMPT_WORDS: [i64; 13] = [20, 26, 28, 36, 42, 49, 60, 65, 79, 98, 124, 142, 240];
const MAX_EXAMPLES: usize = 6;
const WIDTH: usize = 96;

type Arguments = Box<dyn Fn(&mut Rng) -> Vec<Value>>;
type Evaluate = Box<dyn Fn(&[Value]) -> Value>;
type Explain = Box<dyn Fn(&[Value]) -> String>;

/// One function to be written.
struct Problem {
    name: String,
    parameters: Vec<(&'static str, &'static str)>,
    returns: &'static str,
    /// What the function does, in one sentence or two.
    doc: String,
    /// Further sentences, each true on its own, the more useful ones first.
    notes: Vec<String>,
    /// The function body, indented.
    body: String,
    arguments: Arguments,
    evaluate: Evaluate,
    /// How the result comes about, in words, for docstrings that explain an example.
    explain: Option<Explain>,
}

fn push_call(out: &mut String, name: &str, arguments: &[Value]) {
    out.push_str(name);
    out.push('(');
    for (n, argument) in arguments.iter().enumerate() {
        out.push_str(if n == 0 { "" } else { ", " });
        argument.push_repr(out);
    }
    out.push(')');
}

/// Appends a paragraph, wrapped and indented.
fn push_wrapped(out: &mut String, paragraph: &str) {
    let mut column = WIDTH;
    let mut fresh = true;
    for word in paragraph.split(' ') {
        if column + 1 + word.len() > WIDTH {
            out.push_str(if fresh { "    " } else { "\n    " });
            column = 4;
        } else {
            out.push(' ');
            column += 1;
        }
        fresh = false;
        out.push_str(word);
        column += word.len();
    }
    out.push('\n');
}

impl Problem {
    fn signature(&self) -> String {
        let mut out = String::with_capacity(120);
        if self.returns.contains("List") || self.parameters.iter().any(|(_, kind)| kind.contains("List")) {
            out.push_str("from typing import List\n\n");
        }
        out.push_str("\ndef ");
        out.push_str(&self.name);
        out.push('(');
        for (n, (name, kind)) in self.parameters.iter().enumerate() {
            for part in [if n == 0 { "" } else { ", " }, name, ": ", kind] {
                out.push_str(part);
            }
        }
        out.push_str(") -> ");
        out.push_str(self.returns);
        out.push_str(":\n    \"\"\"\n");
        out
    }

    /// The examples of the docstring and the notes beside them, as many as the drawn length has room for.
    fn prompt(&self, rng: &mut Rng, text: &mut String) {
        let signature = self.signature();
        // The few functions that stand alone need two examples, so that no two rows show the same prompt.
        let least = if self.explain.is_some() { 1 } else { 2 };
        let mut left = rng.quantile(&PROMPT_WORDS) - word_count(&signature) - word_count(&self.doc) - 1;
        let mut examples = String::new();
        let (mut shown, mut told) = (0, 0);
        let mut prose = self.doc.clone();
        let mut explained = String::new();
        let intro = rng.pick(&["", "", "For example:\n", "Examples:\n"]);
        // The first examples are always shown; then a note and an example take turns while there is room.
        while shown < least || left > 6 {
            let before = left;
            let wants_example = shown < least || (shown < MAX_EXAMPLES && (shown <= told || told >= self.notes.len()));
            if wants_example {
                let mut arguments = (self.arguments)(rng);
                while shown == 0 && arguments.iter().all(Value::is_empty) {
                    arguments = (self.arguments)(rng);
                }
                let mut example = String::from("    >>> ");
                push_call(&mut example, &self.name, &arguments);
                example.push_str("\n    ");
                (self.evaluate)(&arguments).push_repr(&mut example);
                example.push('\n');
                shown += 1;
                if shown <= least || word_count(&example) <= left + 4 {
                    left -= word_count(&example);
                    examples.push_str(&example);
                }
                if let Some(explain) = self.explain.as_ref().filter(|_| left > 45) {
                    let mut sentence = String::from("In the call ");
                    push_call(&mut sentence, &self.name, &arguments);
                    sentence.push_str(", ");
                    sentence.push_str(&explain(&arguments));
                    left -= word_count(&sentence);
                    explained.push('\n');
                    push_wrapped(&mut explained, &sentence);
                }
            } else if let Some(note) = self.notes.get(told) {
                told += 1;
                if word_count(note) <= left + 4 {
                    left -= word_count(note);
                    prose.push(' ');
                    prose.push_str(note);
                }
            }
            if left == before && shown >= MAX_EXAMPLES && told >= self.notes.len() {
                break;
            }
        }
        text.push_str(&signature);
        push_wrapped(text, &prose);
        text.push_str(&explained);
        if !explained.is_empty() || !intro.is_empty() || rng.chance(40) {
            text.push('\n');
        }
        if !intro.is_empty() {
            text.push_str("    ");
            text.push_str(intro);
        }
        text.push_str(&examples);
        text.push_str("    \"\"\"\n");
    }

    fn test(&self, rng: &mut Rng, text: &mut String) {
        let asserts = (rng.quantile(&ASSERTS) - 1).max(1);
        let style = rng.below(3);
        text.push_str(
            [
                "def check(candidate):\n",
                "\n\nMETADATA = {\n    'author': 'synthetic',\n    'dataset': 'test'\n}\n\n\ndef check(candidate):\n",
                "\n\nMETADATA = {}\n\n\ndef check(candidate):\n",
            ][style],
        );
        if style == 0 {
            text.push_str("\n    # Some simple cases first.\n");
        }
        for n in 0..asserts {
            let arguments = (self.arguments)(rng);
            text.push_str("    assert ");
            push_call(text, "candidate", &arguments);
            text.push_str(" == ");
            (self.evaluate)(&arguments).push_repr(text);
            if style == 0 {
                text.push_str(", \"Case ");
                push_int(text, n + 1);
                text.push('"');
            }
            text.push('\n');
        }
        text.push('\n');
    }
}

impl Generator for HumanEval {
    fn name(&self) -> &'static str {
        "humaneval"
    }

    fn real_rows(&self) -> u64 {
        164
    }

    fn configs(&self) -> &'static [&'static str] {
        &[]
    }

    fn write_row(&self, _config: &str, seed: u64, i: u64, out: &mut String) {
        let mut rng = Rng::for_row("humaneval", seed, i);
        let problem = match rng.below(10) {
            0..4 => pipeline::problem(&mut rng, &lists::LISTS),
            4..7 => pipeline::problem(&mut rng, &strings::STRINGS),
            _ => functions::problem(&mut rng),
        };
        out.push_str("{\"task_id\": \"SyntheticHumanEval/");
        push_int(out, i as i64);
        out.push_str("\", \"prompt\": ");
        json_string(out, |text| problem.prompt(&mut rng, text));
        out.push_str(", \"entry_point\": \"");
        out.push_str(&problem.name);
        out.push_str("\", \"canonical_solution\": ");
        json_string(out, |text| text.push_str(&problem.body));
        out.push_str(", \"test\": ");
        json_string(out, |text| problem.test(&mut rng, text));
        out.push('}');
    }
}
