//! Stands in for BIG-Bench Hard: ten tasks, one file each, in the format of the original tasks.
//!
//! A task writes its input and returns its target, which it computed and did not look up.

mod boolean_expressions;
mod causal_judgement;
mod causal_stories;
mod date_understanding;
mod disambiguation_qa;
mod logical_deduction;
mod movie_recommendation;
mod navigate;
mod sports_understanding;
mod tracking_shuffled_objects;
mod web_of_lies;

use super::Generator;
use super::prng::{Rng, permuted};
use super::text::json_string;

pub(super) struct Bbh;

/// The source of a task's choices: random numbers, and a counter that never repeats for tasks with few texts.
struct Draw {
    rng: Rng,
    stream: &'static str,
    seed: u64,
    /// The row's number within its task.
    row: u64,
}

impl Draw {
    /// Whether this is the first of two rows that follow each other in a random order.
    fn first_of_pair(&self) -> bool {
        let second_comes_first = Rng::for_row(self.stream, !self.seed, self.row / 2).chance(50);
        self.row.is_multiple_of(2) ^ second_comes_first
    }

    /// A number below `space` that no other such row (first or second of its pair) gets in the first `space` pairs.
    fn unrepeated_pair(&self, space: usize) -> usize {
        permuted(self.stream, self.seed, self.row / 2, space as u64) as usize
    }
}

/// Appends the input and returns the target.
type Write = fn(&mut Draw, &mut String) -> &'static str;

const NAMES: [&str; 10] = [
    "boolean_expressions",
    "causal_judgement",
    "date_understanding",
    "disambiguation_qa",
    "logical_deduction_three_objects",
    "movie_recommendation",
    "navigate",
    "sports_understanding",
    "tracking_shuffled_objects_three_objects",
    "web_of_lies",
];

/// The tasks, in the order of [`NAMES`].
const TASKS: [Write; 10] = [
    boolean_expressions::write,
    causal_judgement::write,
    date_understanding::write,
    disambiguation_qa::write,
    logical_deduction::write,
    movie_recommendation::write,
    navigate::write,
    sports_understanding::write,
    tracking_shuffled_objects::write,
    web_of_lies::write,
];

const LETTERS: [&str; 6] = ["(A)", "(B)", "(C)", "(D)", "(E)", "(F)"];
const YES_NO_OPTIONS: &str = "\nOptions:\n- Yes\n- No";

fn yes_no(yes: bool) -> &'static str {
    if yes { "Yes" } else { "No" }
}

/// Appends a lettered list of options, the text of each written by `write`.
fn lettered_options(text: &mut String, count: usize, mut write: impl FnMut(&mut String, usize)) {
    text.push_str("\nOptions:");
    for (option, letter) in LETTERS.iter().enumerate().take(count) {
        text.push('\n');
        text.push_str(letter);
        text.push(' ');
        write(text, option);
    }
}

impl Generator for Bbh {
    fn name(&self) -> &'static str {
        "bbh"
    }

    fn real_rows(&self) -> u64 {
        2437
    }

    fn configs(&self) -> &'static [&'static str] {
        &NAMES
    }

    /// A config that is not one of the ten counts as the first.
    fn write_row(&self, config: &str, seed: u64, i: u64, out: &mut String) {
        let task = NAMES.iter().position(|name| *name == config).unwrap_or(0);
        let mut draw = Draw { rng: Rng::for_row(NAMES[task], seed, i), stream: NAMES[task], seed, row: i };
        let mut target = "";
        out.push_str("{\"input\": ");
        json_string(out, |text| target = TASKS[task](&mut draw, text));
        out.push_str(", \"target\": \"");
        out.push_str(target);
        out.push_str("\"}");
    }
}
