//! Features: what can be read off one row. The functions of the YAML, each a small function of a row's fields.

use std::{collections::HashMap, sync::OnceLock};

use memchr::memmem;
use regex::Regex;
use regex_automata::{
    Anchored, Input,
    dfa::{Automaton, StartKind, dense},
};
use regex_syntax::hir::Look;
use serde::Serialize;

use super::{Cell, Function};
use crate::row::{FieldSet, Fields, RowFault, kind_of, length_of, strings_of};

/// One feature function as a configuration writes it.
///
/// Serialized, it is part of a benchmark's fingerprint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Unicode code points of a string.
    Chars(String),
    /// Whitespace-separated words of a string, as Python's `str.split()` counts them.
    Words(String),
    /// Lines of a string without the whitespace around it; 0 if nothing is left.
    Lines(String),
    /// The length of an array or object.
    Items(String),
    /// A number.
    Number(String),
    /// The value itself; scored only where it is a number.
    Field(String),
    /// How often the substrings occur, each counted without overlap, added up.
    Count {
        /// The string field.
        field: String,
        /// What is counted.
        substrings: Vec<String>,
    },
    /// How many of the substrings occur at all.
    Present {
        /// The string field.
        field: String,
        /// What is looked for.
        substrings: Vec<String>,
        /// Whether `A` finds `a`.
        ignore_case: bool,
    },
    /// Whether any of the substrings occurs.
    AnyOf {
        /// The string field.
        field: String,
        /// What is looked for.
        substrings: Vec<String>,
    },
    /// How often a regular expression matches, but no fewer than `at_least`.
    Matches {
        /// The string field.
        field: String,
        /// The regular expression.
        regex: String,
        /// The least value.
        at_least: u32,
    },
    /// Group 1 of a match, as a number.
    Capture {
        /// The string field.
        field: String,
        /// The regular expression, with a group.
        regex: String,
        /// Which match.
        which: Which,
    },
    /// The table's number for the field's text.
    Lookup {
        /// The field.
        field: String,
        /// Text and number.
        table: Vec<(String, f64)>,
        /// The number of a text that is not in the table; without it such a row is an error.
        default: Option<f64>,
    },
    /// Mean words over the non-empty strings of an array or object; 0 if there are none.
    MeanWords(String),
    /// Whether another feature, listed earlier, is greater than `bound`.
    Above {
        /// The other feature's name.
        feature: String,
        /// The bound.
        bound: f64,
    },
    /// The mean of inline features.
    MeanOf(Vec<Feature>),
    /// A function of the caller's.
    Python(Function),
}

impl Feature {
    /// Calls `visit` on each function of the caller's in this feature.
    pub(super) fn for_each_function<'f>(&'f mut self, visit: &mut dyn FnMut(&'f mut Function)) {
        match self {
            Self::Python(function) => visit(function),
            Self::MeanOf(parts) => parts.iter_mut().for_each(|part| part.for_each_function(visit)),
            _ => {}
        }
    }
}

/// Which of several matches `capture` takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
}

/// A feature with its fields found, its patterns compiled and its references resolved.
#[derive(Debug)]
pub(super) enum Kernel {
    Chars(usize),
    Words(usize),
    Lines(usize),
    Items(usize),
    Number(usize),
    Field(usize),
    Count(usize, Vec<memmem::Finder<'static>>),
    Present(usize, Vec<memmem::Finder<'static>>, bool),
    AnyOf(usize, Vec<memmem::Finder<'static>>),
    Matches(usize, Matcher, i64),
    Capture(usize, Regex, Which),
    Lookup(usize, HashMap<String, f64>, Option<f64>),
    MeanWords(usize),
    Above(usize, f64),
    MeanOf(Vec<Kernel>),
    Python(Function),
}

impl Kernel {
    /// Compiles `feature`; `earlier` are the names of the features before it, in order.
    ///
    /// # Errors
    /// What is wrong with it: a bad regular expression, or a reference to no earlier feature.
    pub(super) fn compile(feature: &Feature, fields: &mut FieldSet, earlier: &[&str]) -> Result<Self, String> {
        let finders = |substrings: &[String]| -> Vec<_> {
            substrings.iter().map(|s| memmem::Finder::new(s.as_bytes()).into_owned()).collect()
        };
        Ok(match feature {
            Feature::Chars(field) => Self::Chars(fields.add(field)),
            Feature::Words(field) => Self::Words(fields.add(field)),
            Feature::Lines(field) => Self::Lines(fields.add(field)),
            Feature::Items(field) => Self::Items(fields.add(field)),
            Feature::Number(field) => Self::Number(fields.add(field)),
            Feature::Field(field) => Self::Field(fields.add(field)),
            Feature::MeanWords(field) => Self::MeanWords(fields.add(field)),
            Feature::Count { field, substrings } => Self::Count(fields.add(field), finders(substrings)),
            Feature::AnyOf { field, substrings } => Self::AnyOf(fields.add(field), finders(substrings)),
            Feature::Present { field, substrings, ignore_case } => {
                let lowered: Vec<String>;
                let needles = if *ignore_case {
                    lowered = substrings.iter().map(|s| s.to_lowercase()).collect();
                    &lowered
                } else {
                    substrings
                };
                Self::Present(fields.add(field), finders(needles), *ignore_case)
            }
            Feature::Matches { field, regex, at_least } => {
                Self::Matches(fields.add(field), Matcher::new(compile_regex(regex)?), i64::from(*at_least))
            }
            Feature::Capture { field, regex, which } => {
                let regex = compile_regex(regex)?;
                if regex.captures_len() < 2 {
                    return Err(format!(
                        "the regex `{regex}` has no group; put the number in parentheses, as in `(\\d+)`"
                    ));
                }
                Self::Capture(fields.add(field), regex, *which)
            }
            Feature::Lookup { field, table, default } => {
                Self::Lookup(fields.add(field), table.iter().cloned().collect(), *default)
            }
            Feature::Above { feature, bound } => {
                let at = earlier
                    .iter()
                    .position(|name| name == feature)
                    .ok_or_else(|| format!("`{feature}` is no feature above this one; define it first"))?;
                Self::Above(at, *bound)
            }
            Feature::MeanOf(parts) => {
                Self::MeanOf(parts.iter().map(|part| Self::compile(part, fields, earlier)).collect::<Result<_, _>>()?)
            }
            Feature::Python(function) => Self::Python(function.clone()),
        })
    }

    /// The value for one row; `earlier` are the values of the features before this one.
    pub(super) fn compute(&self, row: &Fields<'_>, earlier: &[Cell]) -> Result<Cell, RowFault> {
        Ok(match self {
            Self::Chars(field) => Cell::Int(chars(row.text(*field)?)),
            Self::Words(field) => Cell::Int(words(row.text(*field)?)),
            Self::Lines(field) => Cell::Int(lines(row.text(*field)?)),
            Self::Items(field) => {
                let json = row.json(*field)?;
                let length = length_of(json).ok_or_else(|| {
                    row.fault(*field, format!("expected a list or an object, found {}", kind_of(json)))
                })?;
                Cell::Int(length as i64)
            }
            Self::Number(field) => Cell::Json(row.number(*field)?.0.to_owned()),
            Self::Field(field) => Cell::Json(row.json(*field)?.to_owned()),
            Self::Count(field, finders) => {
                let text = row.text(*field)?.as_bytes();
                Cell::Int(finders.iter().map(|f| f.find_iter(text).count() as i64).sum())
            }
            Self::Present(field, finders, ignore_case) => {
                let text = row.text(*field)?;
                let lowered: String;
                let text = if *ignore_case {
                    // The same for ASCII, and several times as fast.
                    lowered = if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() };
                    &lowered
                } else {
                    text
                };
                Cell::Int(finders.iter().filter(|f| f.find(text.as_bytes()).is_some()).count() as i64)
            }
            Self::AnyOf(field, finders) => {
                let text = row.text(*field)?.as_bytes();
                Cell::Bool(finders.iter().any(|f| f.find(text).is_some()))
            }
            Self::Matches(field, regex, at_least) => Cell::Int(regex.count(row.text(*field)?).max(*at_least)),
            Self::Capture(field, regex, which) => {
                let text = row.text(*field)?;
                let group = match which {
                    Which::First => regex.captures(text),
                    Which::Last => regex.captures_iter(text).last(),
                }
                .and_then(|found| found.get(1))
                .ok_or_else(|| row.fault(*field, format!("nothing in it matches `{regex}`")))?;
                Cell::Json(number_text(group.as_str()).ok_or_else(|| {
                    row.fault(*field, format!("`{regex}` finds {:?}, which is no number", group.as_str()))
                })?)
            }
            Self::Lookup(field, table, default) => {
                let text = row.text_or_json(*field)?;
                Cell::Float(table.get(text).copied().or(*default).ok_or_else(|| {
                    row.fault(*field, format!("{text:?} is not in the table; add it, or give a default"))
                })?)
            }
            Self::MeanWords(field) => {
                let json = row.json(*field)?;
                let strings = strings_of(json).ok_or_else(|| {
                    row.fault(*field, format!("expected a list or an object, found {}", kind_of(json)))
                })?;
                let counts: Vec<i64> = strings.iter().filter(|s| !s.is_empty()).map(|s| words(s)).collect();
                Cell::Float(if counts.is_empty() {
                    0.0
                } else {
                    counts.iter().sum::<i64>() as f64 / counts.len() as f64
                })
            }
            Self::Above(feature, bound) => {
                let value = earlier[*feature]
                    .as_number()
                    .ok_or_else(|| RowFault::new("", "`above` compares a value that is no number"))?;
                Cell::Bool(value > *bound)
            }
            Self::MeanOf(parts) => {
                let mut sum = 0.0;
                for part in parts {
                    let value = part.compute(row, earlier)?;
                    sum += value
                        .as_number()
                        .ok_or_else(|| RowFault::new("", "`mean_of` averages a value that is no number"))?;
                }
                Cell::Float(sum / parts.len() as f64)
            }
            Self::Python(function) => {
                let registered =
                    function.registered().ok_or_else(|| RowFault::new("", unregistered(&function.name)))?;
                registered
                    .call(row.row())
                    .map_err(|fault| RowFault { reason: format!("`{}`: {}", function.name, fault.reason), ..fault })?
            }
        })
    }
}

/// A regular expression whose matches are counted.
#[derive(Debug)]
pub(super) struct Matcher {
    regex: Regex,
    /// Where every match begins at the beginning of a line, and holds something: an automaton that is asked there alone. A
    /// search would look at every byte between. Made when it is first wanted: a rule is compiled whenever a configuration
    /// is read.
    at_line_starts: OnceLock<Option<Box<dense::DFA<Vec<u32>>>>>,
}

impl Matcher {
    /// The largest automaton that is worth it, in bytes.
    const MAX_BYTES: usize = 1 << 20;

    fn new(regex: Regex) -> Self {
        Self { regex, at_line_starts: OnceLock::new() }
    }

    fn at_line_starts(&self) -> Option<&dense::DFA<Vec<u32>>> {
        self.at_line_starts.get_or_init(|| Self::automaton(self.regex.as_str())).as_deref()
    }

    fn automaton(regex: &str) -> Option<Box<dense::DFA<Vec<u32>>>> {
        let syntax = regex_syntax::parse(regex).ok();
        let starts_lines = syntax.is_some_and(|syntax| {
            let found = syntax.properties();
            found.look_set_prefix().contains(Look::StartLF) && found.minimum_len().is_some_and(|length| length > 0)
        });
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(Self::MAX_BYTES))
            .determinize_size_limit(Some(Self::MAX_BYTES));
        let automaton = || dense::Builder::new().configure(config).build(regex).ok().map(Box::new);
        if starts_lines { automaton() } else { None }
    }

    /// How often it matches, without overlap.
    fn count(&self, text: &str) -> i64 {
        self.at_line_starts()
            .and_then(|automaton| Self::count_at_line_starts(automaton, text))
            .unwrap_or_else(|| self.regex.find_iter(text).count() as i64)
    }

    /// `None` where the automaton gives up.
    fn count_at_line_starts(automaton: &dense::DFA<Vec<u32>>, text: &str) -> Option<i64> {
        let mut count = 0;
        let mut start = 0;
        loop {
            let input = Input::new(text).range(start..).anchored(Anchored::Yes);
            if let Some(found) = automaton.try_search_fwd(&input).ok()? {
                count += 1;
                // What a match took, another cannot begin in. It may end where a line begins.
                start = found.offset() - 1;
            }
            match memchr::memchr(b'\n', &text.as_bytes()[start..]) {
                Some(end) => start += end + 1,
                None => return Some(count),
            }
        }
    }
}

/// What to say of a function that nobody registered.
pub(super) fn unregistered(name: &str) -> String {
    format!("no function `{name}` is registered; in Python, `builder.register_feature(\"{name}\", function)` does it")
}

/// Compiles a regular expression, with a one-line message where it is none.
fn compile_regex(regex: &str) -> Result<Regex, String> {
    Regex::new(regex).map_err(|e| {
        let reason = e.to_string();
        let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("`{regex}` is no regular expression: {last}")
    })
}

/// A captured number in JSON's form: `007` is 7.
fn number_text(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.to_string());
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then(|| serde_json::Number::from_f64(number).map(|n| n.to_string()))?
}

/// Unicode code points.
fn chars(text: &str) -> i64 {
    text.chars().count() as i64
}

/// Whitespace-separated words.
fn words(text: &str) -> i64 {
    if !text.is_ascii() {
        let mut after_space = true;
        let starts = text.chars().filter(|c| {
            let space = is_space(*c);
            std::mem::replace(&mut after_space, space) && !space
        });
        return starts.count() as i64;
    }
    // A word begins where a byte is no space and the one before it is. Counted without a branch, 64 bytes at a time, which
    // the compiler makes into vector instructions.
    let space = |byte: u8| matches!(byte, b'\t'..=b'\r' | 0x1c..=b' ');
    let bytes = text.as_bytes();
    let Some((&first, rest)) = bytes.split_first() else { return 0 };
    let count = |(before, at): (&[u8], &[u8])| {
        let starts = before.iter().zip(at).map(|(before, at)| u8::from(space(*before) & !space(*at)));
        i64::from(starts.sum::<u8>())
    };
    i64::from(!space(first)) + bytes.chunks(64).zip(rest.chunks(64)).map(count).sum::<i64>()
}

/// Lines of the text without the whitespace around it.
fn lines(text: &str) -> i64 {
    let text = text.trim_matches(is_space);
    if text.is_empty() { 0 } else { memchr::memchr_iter(b'\n', text.as_bytes()).count() as i64 + 1 }
}

/// What Python's `str.split()` splits at: Unicode whitespace, and the separators U+001C to U+001F.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_where_python_splits() {
        assert_eq!(words("a  b\tc\nd"), 4);
        assert_eq!(words("a\u{1c}b\u{1f}c"), 3);
        assert_eq!(words("é\u{a0}b\u{3000}c\u{85}d"), 4);
        assert_eq!(words("zero\u{200b}width is no space"), 4);
        assert_eq!(words(" \n "), 0);
        assert_eq!(words(""), 0);
        for n in [1, 63, 64, 65, 127, 128, 129, 1000] {
            assert_eq!(words(&" a".repeat(n)), n as i64);
            assert_eq!(words(&"a ".repeat(n)), n as i64);
            assert_eq!(words(&"a".repeat(n)), 1);
        }
    }

    #[test]
    fn lines_ignore_whitespace_around_the_text() {
        assert_eq!(lines("\n one\ntwo\n\n"), 2);
        assert_eq!(lines("one\n\nthree"), 3);
        assert_eq!(lines(" \n"), 0);
    }

    #[test]
    fn matches_at_line_starts_are_those_that_a_search_finds() {
        let texts = [
            "",
            "1. one\n2) no\na) yes\nb. no\n10. ten",
            "\n\n1.\n",
            "12.34.\n5.",
            "a)b)\nc)",
            "x 1.\n 2.",
            "٣. Arabic\r\n4. five",
            "ab\nab\nab\n",
            "1.1.1.",
        ];
        for (regex, fast) in [
            (r"(?m)^\d+\.|^[A-Za-z]\)", true),
            (r"(?m)^[a-z]+\n", true),
            (r"(?m)^\d+\.|x", false),
            (r"(?m)^", false),
            (r"^\d", false),
            (r"\d\.", false),
        ] {
            let matcher = Matcher::new(compile_regex(regex).unwrap());
            assert_eq!(matcher.at_line_starts().is_some(), fast, "{regex}");
            for text in texts {
                assert_eq!(matcher.count(text), matcher.regex.find_iter(text).count() as i64, "{regex} {text:?}");
            }
        }
    }

    #[test]
    fn captured_numbers_are_written_as_json_numbers() {
        assert_eq!(number_text("007").as_deref(), Some("7"));
        assert_eq!(number_text("2.50").as_deref(), Some("2.5"));
        assert_eq!(number_text("x"), None);
        assert_eq!(number_text("1e999"), None);
    }
}
