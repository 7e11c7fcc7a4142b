//! The stories: what a theme starts with, what can happen in it, and what can be asked.
//!
//! Slots: `{N}` the person, `{F}` a friend, `{he}` … pronouns, `{x}` the item in the plural, `{k}` the step's number,
//! `{v}` the quantity before it, `{=}` the calculation (`{$=}` with dollars). An answer
//! sentence is written to stand after a connective as well: it starts in lower case and has no full stop.
//! The answers avoid words that contain a connective ("sold", "some", "also"), so that connectives stay countable.

mod errands;
mod people;
mod trade;

/// The phase in which the quantity is dollars. All themes that reach it continue in the same ways, [`CASH_OPS`].
pub(super) const CASH: usize = 3;

/// The change of the running quantity `v` by a step with the number `k`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// `v + v * k`
    AddTimes,
    /// `v - v / k`
    SubtractShare,
}

/// Wordings of the same sentence.
pub(super) type Variants = &'static [&'static str];

pub(super) struct Start {
    pub phase: usize,
    pub low: i64,
    pub high: i64,
    pub step: i64,
    pub text: Variants,
}

pub(super) struct Op {
    /// The phases (what the quantity counts) before and after.
    pub from: usize,
    pub to: usize,
    pub kind: Kind,
    pub low: i64,
    pub high: i64,
    pub step: i64,
    pub story: Variants,
    pub answer: Variants,
}

pub(super) struct Theme {
    pub items: &'static [&'static str],
    /// In a chain of comparisons every step brings a new person, and operations may repeat.
    pub chain: bool,
    pub starts: &'static [Start],
    pub ops: &'static [Op],
    /// The question, by the phase in which the story ends; a story that ends in cash has its own.
    pub asks: [Variants; CASH],
}

const fn start(phase: usize, low: i64, high: i64, step: i64, text: Variants) -> Start {
    Start { phase, low, high, step, text }
}

/// An operation on the way `way` = (from, to), its number between `k.0` and `k.1` in steps of `k.2`.
const fn op(way: (usize, usize), kind: Kind, k: (i64, i64, i64), story: Variants, answer: Variants) -> Op {
    Op { from: way.0, to: way.1, kind, low: k.0, high: k.1, step: k.2, story, answer }
}

use Kind::{Add, Divide, Multiply, Subtract, SubtractShare};

const IN_CASH: (usize, usize) = (CASH, CASH);

pub(super) const CASH_OPS: &[Op] = &[
    op(
        IN_CASH,
        Subtract,
        (5, 60, 1),
        &[
            "{he} pays ${k} for supplies.",
            "{he} spends ${k} of the money on a new tool.",
            "{he} owes {F} ${k} and pays it back.",
        ],
        &["after paying ${k} {he} has {$=} left", "{he} keeps {$=}"],
    ),
    op(
        IN_CASH,
        Add,
        (5, 50, 5),
        &[
            "{his} grandmother adds ${k}.",
            "{F}, who owed {him} ${k}, pays it back.",
            "A generous neighbor adds ${k} to the money.",
        ],
        &["with the extra ${k} {he} has {$=}", "that makes {$=}"],
    ),
    op(
        IN_CASH,
        Divide,
        (2, 8, 1),
        &[
            "{he} divides the money equally among {k} envelopes and takes one of them along.",
            "The money is split evenly among {k} people, {N} being one of them.",
        ],
        &["one share is {$=}", "each part comes to {$=}"],
    ),
    op(
        IN_CASH,
        Multiply,
        (2, 6, 1),
        &[
            "{he} does the same in each of {k} months and saves all of the money.",
            "All of this happens {k} times a year, always with the same result.",
        ],
        &["{k} times that amount is {$=}", "in total that gives {$=}"],
    ),
    op(
        IN_CASH,
        SubtractShare,
        (2, 5, 1),
        &[
            "{he} puts 1/{k} of the money in the bank and keeps the rest at hand.",
            "{he} gives 1/{k} of the money to charity.",
        ],
        &["without that part {he} has {$=}", "the rest is {$=}"],
    ),
    op(
        IN_CASH,
        Subtract,
        (2, 30, 1),
        &["On the way home {he} buys a snack and a drink for ${k}.", "A parking fee takes ${k}."],
        &["that leaves {him} {$=}", "after this {he} has {$=}"],
    ),
    op(
        IN_CASH,
        Add,
        (20, 90, 1),
        &["{he} already had ${k} at home.", "{he} adds the ${k} from {his} piggy bank."],
        &["adding the ${k} from before gives {$=}", "in total {he} has {$=}"],
    ),
    op(
        IN_CASH,
        Subtract,
        (10, 40, 5),
        &["{he} lends {F} ${k}.", "{he} buys {F} a ${k} gift."],
        &["{he} is left with {$=}", "without the ${k} {he} has {$=}"],
    ),
];

pub(super) const ASK_CASH: Variants = &[
    "How many dollars does {N} have in the end?",
    "How much money, in dollars, is {N} left with?",
    "How many dollars does {he} have now?",
];

/// All themes, in groups.
pub(super) const GROUPS: [&[&Theme]; 3] = [trade::THEMES, errands::THEMES, people::THEMES];
