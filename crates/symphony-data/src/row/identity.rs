//! Identity: a hash of the values of a row's identity fields, which recognizes the same task everywhere.
//!
//! An identity is the xxh3_64 (seed 0) of the fields' texts, joined by U+001F. A string counts as its own text; a number,
//! a boolean and null as the source writes them. A list or an object counts by value: as JSON with its keys in their
//! order, no blanks, and every escape resolved that JSON does not need. Python writes the same text:
//!
//! ```python
//! json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
//! ```
//!
//! So a number in a list keeps its type: `1` is `1`, and `1.0`, `1e0` and `1.00` are `1.0`; integers keep all their
//! digits, however many. Half a surrogate pair is U+FFFD, and a number beyond the range of a 64-bit float stays as
//! written.

use std::{borrow::Cow, ops::Range};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::decode_string;

/// Separates the fields' texts.
const JOIN: u8 = 0x1f;

/// The identity of a row with this one field: what an [`IdentityHasher`] gives, sooner, because nothing is kept of a text that
/// comes whole.
pub(crate) fn of_one(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// Hashes the identity of one row, field by field.
#[derive(Default)]
pub(crate) struct IdentityHasher {
    hasher: Xxh3,
    begun: bool,
}

impl IdentityHasher {
    /// Adds the text of the next field.
    pub fn field(&mut self, text: &str) {
        if std::mem::replace(&mut self.begun, true) {
            self.hasher.update(&[JOIN]);
        }
        self.hasher.update(text.as_bytes());
    }

    /// The identity of the fields added so far.
    pub fn finish(&self) -> u64 {
        self.hasher.digest()
    }
}

/// The text that counts for a field with this JSON; `None` if it is a string that cannot be decoded.
pub(crate) fn text_of(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first() {
        Some(b'"') => decode_string(json)?.ok(),
        Some(b'[' | b'{') => {
            let mut canonical = Canonical { json: json.as_bytes(), at: 0, out: Vec::with_capacity(json.len()) };
            canonical.value();
            Some(Cow::Owned(String::from_utf8_lossy(&canonical.out).into_owned()))
        }
        _ => Some(Cow::Borrowed(json)),
    }
}

/// Rewrites JSON so that its text depends only on its value. The JSON was parsed before, so it is valid.
struct Canonical<'j> {
    json: &'j [u8],
    at: usize,
    out: Vec<u8>,
}

impl Canonical<'_> {
    /// The next byte that is not blank.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.json.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.json.get(self.at).copied()
    }

    /// Skips the next byte if it is this one.
    fn pass(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Everything up to the end of a number or a word.
    fn word(&mut self) -> Range<usize> {
        let from = self.at;
        while self.json.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)) {
            self.at += 1;
        }
        from..self.at
    }

    fn value(&mut self) {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => self.string(),
            _ => {
                let word = self.word();
                let word = &self.json[word];
                match std::str::from_utf8(word) {
                    Ok(number) if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                        self.out.extend_from_slice(number_text(number).as_bytes());
                    }
                    _ => self.out.extend_from_slice(word),
                }
            }
        }
    }

    fn list(&mut self) {
        self.at += 1;
        self.out.push(b'[');
        let mut first = true;
        while self.peek().is_some_and(|byte| byte != b']') {
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            self.value();
            if !self.pass(b',') {
                break;
            }
        }
        self.pass(b']');
        self.out.push(b']');
    }

    fn object(&mut self) {
        self.at += 1;
        self.out.push(b'{');
        // Where each member's key and value lie in `out`.
        let mut members: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        let start = self.out.len();
        while self.peek() == Some(b'"') {
            if !members.is_empty() {
                self.out.push(b',');
            }
            let key = self.out.len();
            self.string();
            let colon = self.out.len();
            self.pass(b':');
            self.out.push(b':');
            self.value();
            members.push((key..colon, colon + 1..self.out.len()));
            if !self.pass(b',') {
                break;
            }
        }
        self.pass(b'}');
        self.keep_last_of_each(start, &members);
        self.out.push(b'}');
    }

    /// Keeps a key that is given twice once, in its first place and with its last value, as Python does.
    fn keep_last_of_each(&mut self, start: usize, members: &[(Range<usize>, Range<usize>)]) {
        let mut places = std::collections::HashMap::new();
        let mut kept: Vec<(&Range<usize>, &Range<usize>)> = Vec::new();
        for (key, value) in members {
            match places.entry(&self.out[key.clone()]) {
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(kept.len());
                    kept.push((key, value));
                }
                std::collections::hash_map::Entry::Occupied(place) => kept[*place.get()].1 = value,
            }
        }
        if kept.len() == members.len() {
            return;
        }
        let texts: Vec<Vec<u8>> = kept
            .into_iter()
            .map(|(key, value)| [&self.out[key.clone()], b":", &self.out[value.clone()]].concat())
            .collect();
        self.out.truncate(start);
        self.out.extend_from_slice(&texts.join(&b','));
    }

    fn string(&mut self) {
        let from = self.at;
        self.at += 1;
        while let Some(byte) = self.json.get(self.at) {
            self.at += match byte {
                b'\\' => 2,
                _ => 1,
            };
            if *byte == b'"' {
                break;
            }
        }
        let json = &self.json[from..self.at.min(self.json.len())];
        if memchr::memchr(b'\\', json).is_none() {
            self.out.extend_from_slice(json);
            return;
        }
        let whole = super::python::to_json(json);
        let text: String = serde_json::from_slice(&whole).unwrap_or_default();
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.out, &text);
    }
}

/// A number of a list or an object, as Python writes it.
fn number_text(json: &str) -> Cow<'_, str> {
    if !json.contains(['.', 'e', 'E']) {
        return Cow::Borrowed(if json == "-0" { "0" } else { json });
    }
    match json.parse::<f64>() {
        Ok(value) if value.is_finite() => Cow::Owned(float_text(value)),
        _ => Cow::Borrowed(json),
    }
}

/// The fewest digits that read back as this number, laid out as Python lays them out.
fn float_text(value: f64) -> String {
    // 1.5e-7: a digit, a point and more digits where there are more, and the power of ten.
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        // The point is added or kept, so that this does not become an integer.
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        text_of(json).unwrap().into_owned()
    }

    #[test]
    fn one_field_counts_as_the_first_of_several_would() {
        for length in [0, 1, 16, 128, 240, 241, 5000] {
            let text = "é".repeat(length);
            let mut hasher = IdentityHasher::default();
            hasher.field(&text);
            assert_eq!(of_one(&text), hasher.finish());
        }
    }

    #[test]
    fn scalars_count_as_they_are_written() {
        for (json, expected) in [
            ("1.0", "1.0"),
            ("1e0", "1e0"),
            ("-0", "-0"),
            ("true", "true"),
            ("null", "null"),
            (r#""a\nb é""#, "a\nb é"),
        ] {
            assert_eq!(text(json), expected);
        }
        assert!(text_of(r#""half \ud83d""#).is_none());
    }

    // What Python 3.11 gives: json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False).
    #[test]
    fn lists_and_objects_count_by_value_as_python_writes_them() {
        for (json, expected) in [
            ("[ ]", "[]"),
            ("{ }", "{}"),
            ("[1, 2,\t3 ]", "[1,2,3]"),
            (r#"{"b": [true, false , null], "a" : {"x":"y"}}"#, r#"{"b":[true,false,null],"a":{"x":"y"}}"#),
            (r#"["\u00e9", "é", "\/", "\u0041"]"#, r#"["é","é","/","A"]"#),
            (r#"["\ud83d\ude00", "\t\u0009\u001f\u007f", "\"\\"]"#, "[\"😀\",\"\\t\\t\\u001f\u{7f}\",\"\\\"\\\\\"]"),
            ("[1, 1.0, 1e0, 1.00, 10e-1, -0, -0.0]", "[1,1.0,1.0,1.0,1.0,0,-0.0]"),
            (
                "[1E5, 0.0001, 0.00001, 1e-7, 12e-8, 123456789012345.0]",
                "[100000.0,0.0001,1e-05,1e-07,1.2e-07,123456789012345.0]",
            ),
            (
                "[1e15, 1e16, 12345678901234567.0, 1.5e300, 5e-324]",
                "[1000000000000000.0,1e+16,1.2345678901234568e+16,1.5e+300,5e-324]",
            ),
            (
                "[123456789012345678901234567890, 0.30000000000000004]",
                "[123456789012345678901234567890,0.30000000000000004]",
            ),
            (r#"{"a": 1, "b": 2, "a": [3]}"#, r#"{"a":[3],"b":2}"#),
            (r#"{"\u0061": 1, "a": {"c": 1, "c": 2}}"#, r#"{"a":{"c":2}}"#),
        ] {
            assert_eq!(text(json), expected, "{json}");
        }
    }

    #[test]
    fn values_that_python_could_not_write_count_too() {
        assert_eq!(text(r#"["cut \ud83d", "\ude00\ud83d\ude00"]"#), "[\"cut \u{fffd}\",\"\u{fffd}😀\"]");
        assert_eq!(text("[1e400]"), "[1e400]");
    }
}
