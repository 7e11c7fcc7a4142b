//! The Python values that the functions take and return, as Python writes them.

use super::super::prng::Rng;
use super::super::text::push_int;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Int(i64),
    Bool(bool),
    /// Never holds a quote or a backslash, so that its Python form is itself in quotes.
    Text(String),
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

fn push_list<T>(out: &mut String, items: &[T], mut push: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (n, item) in items.iter().enumerate() {
        out.push_str(if n == 0 { "" } else { ", " });
        push(out, item);
    }
    out.push(']');
}

fn push_quoted(out: &mut String, text: &str) {
    for part in ["'", text, "'"] {
        out.push_str(part);
    }
}

impl Value {
    pub fn push_repr(&self, out: &mut String) {
        match self {
            Value::Int(n) => push_int(out, *n),
            Value::Bool(b) => out.push_str(if *b { "True" } else { "False" }),
            Value::Text(text) => push_quoted(out, text),
            Value::Ints(items) => push_list(out, items, |out, n| push_int(out, *n)),
            Value::Texts(items) => push_list(out, items, |out, text| push_quoted(out, text)),
        }
    }

    /// Whether it is an empty list or text, or zero: nothing to learn from in an example.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Int(n) => *n == 0,
            Value::Bool(_) => false,
            Value::Text(text) => text.is_empty(),
            Value::Ints(items) => items.is_empty(),
            Value::Texts(items) => items.is_empty(),
        }
    }

    pub fn int(&self) -> i64 {
        if let Value::Int(n) = self { *n } else { 0 }
    }

    pub fn text(&self) -> &str {
        if let Value::Text(text) = self { text } else { "" }
    }

    pub fn ints(&self) -> &[i64] {
        if let Value::Ints(items) = self { items } else { &[] }
    }
}

/// A list of integers as tests have them: mostly short, now and then empty, with repeats.
pub(super) fn random_ints(rng: &mut Rng) -> Vec<i64> {
    let length = [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8][rng.below(12)];
    let (low, high) = rng.pick(&[(-10, 10), (0, 20), (-50, 50), (1, 9), (-5, 30), (0, 100)]);
    (0..length).map(|_| rng.range(low, high)).collect()
}

const WORDS: [&str; 64] = [
    "apple",
    "River",
    "stone",
    "level",
    "Banana",
    "quick",
    "tree",
    "Hello",
    "world",
    "python",
    "noon",
    "Data",
    "mirror",
    "cloud",
    "EAST",
    "radar",
    "seven",
    "zebra",
    "Orange",
    "light",
    "code",
    "Paris",
    "queue",
    "Wind",
    "summer",
    "book",
    "kayak",
    "Tokyo",
    "grass",
    "x",
    "a",
    "I",
    "2024",
    "42",
    "r2d2",
    "to",
    "of",
    "the",
    "an",
    "On",
    "Sunday",
    "music",
    "letter",
    "butter",
    "Mississippi",
    "rhythm",
    "ABBA",
    "hello!",
    "yes?",
    "end.",
    "well,",
    "oak",
    "Bell",
    "tomato",
    "eleven",
    "civic",
    "planet",
    "garden",
    "sky",
    "Python3",
    "moon",
    "window",
    "yellow",
    "Anna",
];

/// A phrase of up to five words, some with capitals, digits or punctuation.
pub(super) fn random_phrase(rng: &mut Rng) -> String {
    let words = [0, 1, 1, 2, 2, 3, 3, 4, 5][rng.below(9)];
    let mut out = String::with_capacity(32);
    for n in 0..words {
        out.push_str(if n == 0 { "" } else { " " });
        out.push_str(rng.pick(&WORDS));
    }
    out
}

/// A word of random letters out of `alphabet`.
pub(super) fn random_word(rng: &mut Rng, alphabet: &str, low: i64, high: i64) -> String {
    let letters = alphabet.as_bytes();
    (0..rng.range(low, high)).map(|_| char::from(letters[rng.below(letters.len())])).collect()
}
