//! Finds the labels of a store: all cores look at batches of rows, and one thread joins what they find in the order of the
//! rows.
//!
//! All rows of a store have the same features. Once each of them has had a value that no label has, such as a number, there
//! is nothing left to look for: most benchmarks have no labels, and pay for one look at one row.

use std::{
    collections::HashMap,
    ops::{ControlFlow, Range},
    sync::{Arc, Mutex, PoisonError},
};

use foldhash::fast::FixedState;

use super::{
    PartLabels,
    labels::{MAX_BYTES, MAX_VALUES, NONE, WrittenLabels},
};
use crate::row::{decode_string, string_at};

/// What is known of the features so far. It only saves work: a batch that knows less finds the same labels.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The features that are no labels, as JSON strings.
    not_labels: Vec<Vec<u8>>,
    /// Whether these are all features.
    all: bool,
}

/// Looks for labels in batches of rows, on all cores.
#[derive(Clone, Debug, Default)]
pub(super) struct Finder(Arc<Mutex<Arc<Known>>>);

/// The labels of a batch of rows.
#[derive(Debug, Default)]
pub(super) struct Found {
    rows: usize,
    features: Vec<FoundFeature>,
}

#[derive(Debug)]
struct FoundFeature {
    /// The name, as a JSON string.
    key: Vec<u8>,
    /// Its values and the code of each row; `None` if it is not a label.
    column: Option<(Vec<String>, Vec<u16>)>,
}

/// A feature in a batch that is being read.
struct Candidate<'r> {
    key: &'r [u8],
    column: Option<Column<'r>>,
}

#[derive(Default)]
struct Column<'r> {
    values: Vec<String>,
    /// The code of each row up to the last one with a value.
    codes: Vec<u16>,
    /// The codes of the values, by their JSON.
    by_json: HashMap<&'r [u8], u16, FixedState>,
    /// The last value and its code: it is often that of the next row too.
    last: Option<(&'r [u8], u16)>,
}

impl Finder {
    /// The labels of these rows, given the features of each as a JSON object.
    pub fn find<'r>(&self, rows: impl Iterator<Item = &'r [u8]>) -> Found {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.all {
            return Found { rows: rows.count(), features: Vec::new() };
        }
        let mut candidates: Vec<Candidate<'r>> = Vec::new();
        let (mut count, mut open) = (0, 0);
        for (row, object) in rows.enumerate() {
            count += 1;
            // Behind the last candidate of a row there is nothing to find, except in the first row, which names them.
            let mut left = if row == 0 { usize::MAX } else { open };
            if left == 0 {
                continue;
            }
            let mut at = 0;
            entries(object, |key, value| {
                let candidate = place_of(&mut candidates, at, key, &known);
                at += 1;
                if let Some(column) = &mut candidate.column {
                    left -= 1;
                    if !column.take(row, value) {
                        candidate.column = None;
                    }
                }
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            open = candidates.iter().filter(|candidate| candidate.column.is_some()).count();
        }
        let features = candidates.into_iter().map(|Candidate { key, column }| FoundFeature {
            key: key.to_vec(),
            column: column.map(|column| (column.values, column.codes)),
        });
        Found { rows: count, features: features.collect() }
    }

    fn is_done(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

/// The candidate with this key, which is most likely number `at`.
fn place_of<'c, 'r>(
    candidates: &'c mut Vec<Candidate<'r>>,
    at: usize,
    key: &'r [u8],
    known: &Known,
) -> &'c mut Candidate<'r> {
    let is_it = |candidate: &Candidate<'_>| candidate.key == key;
    let place = match candidates.get(at) {
        Some(candidate) if is_it(candidate) => at,
        _ => candidates.iter().position(is_it).unwrap_or_else(|| {
            let column = (!known.not_labels.iter().any(|name| name == key)).then(Column::default);
            candidates.push(Candidate { key, column });
            candidates.len() - 1
        }),
    };
    &mut candidates[place]
}

impl<'r> Column<'r> {
    /// Takes the value of a row; `false` if no label has such a value.
    fn take(&mut self, row: usize, json: &'r [u8]) -> bool {
        let code = match (json.first(), self.last) {
            (Some(b'n'), _) => return true,
            (Some(b'"'), Some((last, code))) if last == json => code,
            (Some(b'"'), _) => match self.by_json.get(json) {
                Some(code) => *code,
                None => match self.add(json) {
                    Some(code) => code,
                    None => return false,
                },
            },
            _ => return false,
        };
        self.last = Some((json, code));
        self.codes.resize(row, NONE);
        self.codes.push(code);
        true
    }

    fn add(&mut self, json: &'r [u8]) -> Option<u16> {
        /// How many bytes of JSON one byte of text takes at most.
        const ESCAPE: usize = 6;
        if json.len() > MAX_BYTES * ESCAPE + 2 || self.values.len() >= MAX_VALUES {
            return None;
        }
        let value = decoded(json).filter(|value| value.len() <= MAX_BYTES)?;
        let code = self.values.len() as u16;
        self.values.push(value);
        self.by_json.insert(json, code);
        Some(code)
    }
}

/// The text of a JSON string.
fn decoded(json: &[u8]) -> Option<String> {
    Some(decode_string(std::str::from_utf8(json).ok()?)?.ok()?.into_owned())
}

/// Joins the labels of batches, in the order of the rows.
#[derive(Debug, Default)]
pub(super) struct Gatherer {
    finder: Finder,
    rows: usize,
    features: Vec<Feature>,
    /// Rows that were pushed one by one and are not joined yet.
    waiting: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Feature {
    key: Vec<u8>,
    /// `None` if it is not a label.
    column: Option<Joined>,
}

#[derive(Debug, Default)]
struct Joined {
    values: Vec<Arc<str>>,
    by_value: HashMap<Arc<str>, u16, FixedState>,
    /// The code of each row up to the last one with a value.
    codes: Vec<u16>,
}

impl Gatherer {
    /// How many rows that are pushed one by one are looked at together.
    const ROWS: usize = 1024;

    /// Finds labels in the rows that this gatherer joins.
    pub fn finder(&self) -> Finder {
        self.finder.clone()
    }

    /// Appends a row, given its features as a JSON object.
    pub fn push(&mut self, object: &[u8]) {
        if self.waiting.is_empty() && self.finder.is_done() {
            self.rows += 1;
            return;
        }
        self.waiting.push(object.to_vec());
        if self.waiting.len() == Self::ROWS {
            self.join_waiting();
        }
    }

    fn join_waiting(&mut self) {
        let rows = std::mem::take(&mut self.waiting);
        let found = self.finder.find(rows.iter().map(Vec::as_slice));
        self.join(found);
    }

    /// Appends the rows of a batch.
    pub fn join(&mut self, found: Found) {
        let mut dropped = false;
        for FoundFeature { key, column } in found.features {
            let place = self.features.iter().position(|feature| feature.key == key).unwrap_or_else(|| {
                self.features.push(Feature { key, column: Some(Joined::default()) });
                self.features.len() - 1
            });
            let feature = &mut self.features[place];
            let Some(joined) = &mut feature.column else { continue };
            if column.and_then(|(values, codes)| joined.append(self.rows, values, &codes)).is_none() {
                feature.column = None;
                dropped = true;
            }
        }
        self.rows += found.rows;
        if dropped || self.features.is_empty() && self.rows > 0 {
            let not_labels = self.features.iter().filter(|feature| feature.column.is_none());
            let not_labels: Vec<Vec<u8>> = not_labels.map(|feature| feature.key.clone()).collect();
            let all = not_labels.len() == self.features.len();
            *self.finder.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Known { not_labels, all });
        }
    }

    /// The features of all rows, and which of them are labels, given that these rows are all.
    pub fn known(&self) -> PartLabels {
        let known = |Feature { key, column }: &Feature| {
            let values = column.as_ref().map(|joined| joined.values.iter().map(|value| value.as_ref().to_owned()));
            Some((decoded(key)?, values.map(Iterator::collect)))
        };
        PartLabels(self.features.iter().filter_map(known).collect())
    }

    /// The labels of all rows.
    pub fn finish(mut self) -> WrittenLabels {
        self.join_waiting();
        let rows = self.rows;
        WrittenLabels::of(self.features.into_iter().filter_map(|Feature { key, column }| {
            let Joined { values, mut codes, .. } = column.filter(|joined| !joined.values.is_empty())?;
            codes.resize(rows, NONE);
            Some((decoded(&key)?, values.iter().map(|value| value.as_ref().to_owned()).collect(), codes))
        }))
    }
}

impl Joined {
    /// Appends the codes of a batch behind `rows` rows; `None` if there are too many values.
    fn append(&mut self, rows: usize, values: Vec<String>, codes: &[u16]) -> Option<()> {
        let mut here = Vec::with_capacity(values.len());
        for value in values {
            let code = match self.by_value.get(value.as_str()) {
                Some(code) => *code,
                None if self.values.len() < MAX_VALUES => {
                    let (code, value) = (self.values.len() as u16, Arc::<str>::from(value));
                    self.values.push(value.clone());
                    self.by_value.insert(value, code);
                    code
                }
                None => return None,
            };
            here.push(code);
        }
        if !codes.is_empty() {
            self.codes.resize(rows, NONE);
            self.codes.extend(codes.iter().map(|code| here.get(usize::from(*code)).copied().unwrap_or(NONE)));
        }
        Some(())
    }
}

/// Passes the entries of a JSON object on, key and value as they are written, until it is told to stop. It also stops at
/// bytes that are not JSON, as a damaged store may hold them: its checksum shows the damage.
fn entries<'r>(object: &'r [u8], mut each: impl FnMut(&'r [u8], &'r [u8]) -> ControlFlow<()>) -> Option<()> {
    let mut at = behind(object, 0, b'{')?;
    loop {
        let key = value_at(object, at)?;
        let value = value_at(object, behind(object, key.end, b':')?)?;
        at = value.end;
        if each(&object[key], &object[value]).is_break() {
            return None;
        }
        at = behind(object, at, b',')?;
    }
}

/// The place of the first byte that is not blank, from `at` on.
fn past_blanks(json: &[u8], at: usize) -> Option<usize> {
    Some(at + json.get(at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?)
}

/// The place behind this byte, which follows at `at` or behind blanks there.
fn behind(json: &[u8], at: usize, byte: u8) -> Option<usize> {
    past_blanks(json, at).filter(|at| json[*at] == byte).map(|at| at + 1)
}

/// The place of the JSON value at `at` or behind blanks there.
fn value_at(json: &[u8], at: usize) -> Option<Range<usize>> {
    let start = past_blanks(json, at)?;
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match json.get(at)? {
            b'"' => at = string_at(json, at)?.end,
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' => (at, depth) = (at + 1, depth.checked_sub(1)?),
            b',' | b':' if depth == 0 => return None,
            b',' | b':' => at += 1,
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']') || byte.is_ascii_whitespace();
                let rest = &json[at..];
                // A blank inside a list is passed alone.
                at += rest.iter().position(ends).unwrap_or(rest.len()).max(1);
            }
        }
        if depth == 0 {
            return Some(start..at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries_of(object: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        entries(object.as_bytes(), |key, value| {
            found.push((text(key), text(value)));
            ControlFlow::Continue(())
        });
        found
    }

    #[test]
    fn entries_are_found_whatever_their_values_hold() {
        let object = r#"{"a":"x\\","b\"":[1, {"c":"]}"}, null], "d" : {} ,"e":-1.5e3,"f":"","g":null}"#;
        let expected = [
            (r#""a""#, r#""x\\""#),
            (r#""b\"""#, r#"[1, {"c":"]}"}, null]"#),
            (r#""d""#, "{}"),
            (r#""e""#, "-1.5e3"),
            (r#""f""#, r#""""#),
            (r#""g""#, "null"),
        ];
        assert_eq!(entries_of(object), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(entries_of("{}"), []);
    }

    #[test]
    fn bytes_that_are_not_json_are_passed_over() {
        let object = r#"{"a":"x\\","b":[1,{"c":"]}"}],"d":{},"e":null}"#;
        for end in 0..object.len() {
            entries_of(&object[..end]);
            for byte in *b"{}[]\",:n\\ " {
                let mut damaged = object.as_bytes().to_vec();
                damaged[end] = byte;
                entries(&damaged, |_, _| ControlFlow::Continue(()));
                Finder::default().find([&damaged[..], object.as_bytes()].into_iter());
            }
        }
    }
}
