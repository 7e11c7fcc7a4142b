//! Rows as JSON text plus where they came from, a batch at a time, and access to their fields by path.
//!
//! A row stays the bytes that the source had: fields are borrowed from it, and what nobody asks for is passed over
//! without being decoded.

use std::{borrow::Cow, cell::OnceCell, fmt, ops::Range, sync::Arc};

use serde::{
    Deserializer as _,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

mod strict;

pub(crate) use strict::Strict;

/// How much row text a reader gathers before it hands a batch on, in bytes. Enough to outweigh handing it over, so little
/// that small benchmarks are shared among all cores, and that a batch stays in a core's cache while it is worked on.
pub const BATCH_BYTES: usize = 256 << 10;

/// How deep lists and objects of a row may be nested. Readers everywhere, Python's among them, recurse into rows.
pub const MAX_DEPTH: usize = 128;

/// Some consecutive rows of one benchmark, all from one file or generator.
#[derive(Clone, Debug)]
pub struct RowBatch {
    text: Vec<u8>,
    rows: Vec<RowEntry>,
    /// The rows that could not even be read as text, ascending, and why; the text of such a row is what there was of it.
    faults: Vec<(usize, Box<str>)>,
    source: Arc<str>,
    first_row: u64,
    untyped: bool,
}

#[derive(Clone, Debug)]
struct RowEntry {
    text: Range<usize>,
    line: u64,
}

/// Where a row came from: the source's name and the line, from 1 (where there are no lines, the row's number in it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, or the generator, as the user named it.
    pub source: Arc<str>,
    /// The line on which the row begins, from 1.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// What is wrong with one row: the field, where one is to blame, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The field's path, or empty.
    pub field: String,
    /// What is wrong.
    pub reason: String,
    /// The error that it follows from, where a function of the caller's returned one.
    pub cause: Option<Cause>,
}

/// The caller's own error, which comes back to the caller as it is. Two are equal if they are one and the same.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<dyn std::error::Error + Send + Sync>);

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cause {}

impl RowFault {
    /// The fault of a field (empty where none is to blame), without a cause.
    pub fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into(), cause: None }
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "field `{}`: {}", self.field, self.reason)
        }
    }
}

impl RowBatch {
    /// An empty batch of rows of `source`, the first of which has the number `first_row`; `untyped` where every value is
    /// text (CSV).
    pub fn new(source: Arc<str>, first_row: u64, untyped: bool) -> Self {
        Self { text: Vec::new(), rows: Vec::new(), faults: Vec::new(), source, first_row, untyped }
    }

    /// Appends a row whose JSON text is `text`, which begins on `line` of its source.
    pub fn push(&mut self, text: &[u8], line: u64) {
        if self.text.capacity() == 0 {
            self.text.reserve(BATCH_BYTES + BATCH_BYTES / 4);
        }
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.rows.push(RowEntry { text: start..self.text.len(), line });
    }

    /// Appends a row that could not be read; `text` is what there was of it.
    pub fn push_fault(&mut self, text: &[u8], line: u64, fault: impl Into<Box<str>>) {
        self.faults.push((self.rows.len(), fault.into()));
        self.push(text, line);
    }

    /// The number of rows, good and bad.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether the batch holds as much text as a reader should gather.
    pub fn is_full(&self) -> bool {
        self.text.len() >= BATCH_BYTES
    }

    /// How much text the rows have together, in bytes.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The row number (from 0, over the whole benchmark) of row `i` of this batch.
    pub fn row_number(&self, i: usize) -> u64 {
        self.first_row + i as u64
    }

    /// Where row `i` came from.
    pub fn origin(&self, i: usize) -> Origin {
        Origin { source: self.source.clone(), line: self.rows[i].line }
    }

    /// The bytes of row `i` as they were read.
    pub fn bytes(&self, i: usize) -> &[u8] {
        &self.text[self.rows[i].text.clone()]
    }

    /// Whether a row may hold the escape of half a surrogate pair.
    pub(crate) fn may_hold_halves(&self) -> bool {
        strict::may_hold_halves(&self.text)
    }

    /// Whether numbers come as text, as they do in CSV.
    pub fn untyped(&self) -> bool {
        self.untyped
    }

    /// Row `i` as text.
    ///
    /// # Errors
    /// A row that the reader could not read, or that is not UTF-8.
    pub fn row(&self, i: usize) -> Result<&str, RowFault> {
        if let Ok(at) = self.faults.binary_search_by_key(&i, |(row, _)| *row) {
            return Err(RowFault::new("", self.faults[at].1.as_ref()));
        }
        std::str::from_utf8(self.bytes(i)).map_err(|e| {
            RowFault::new("", {
                format!(
                    "not UTF-8 (byte {} of the row); is the file Latin-1? Convert it to UTF-8, such as with `iconv`",
                    e.valid_up_to() + 1
                )
            })
        })
    }
}

/// A set of field paths, compiled so that one look at a row finds all of them.
#[derive(Clone, Debug, Default)]
pub struct FieldSet {
    paths: Vec<String>,
    root: Branch,
}

#[derive(Clone, Debug, Default)]
struct Branch {
    children: Vec<(String, Branch)>,
    /// The number of the path that ends here.
    slot: Option<usize>,
}

impl FieldSet {
    /// Adds `path` (keys joined by dots) and returns its number.
    pub fn add(&mut self, path: &str) -> usize {
        if let Some(known) = self.paths.iter().position(|p| p == path) {
            return known;
        }
        let slot = self.paths.len();
        self.paths.push(path.to_owned());
        let mut branch = &mut self.root;
        for key in path.split('.') {
            let at = branch.children.iter().position(|(k, _)| k == key).unwrap_or_else(|| {
                branch.children.push((key.to_owned(), Branch::default()));
                branch.children.len() - 1
            });
            branch = &mut branch.children[at].1;
        }
        branch.slot = Some(slot);
        slot
    }

    /// The paths, in the order of their numbers.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Finds the fields in one row.
    ///
    /// # Errors
    /// Text that is not one JSON object.
    pub fn read<'r>(&'r self, row: &'r str, untyped: bool) -> Result<Fields<'r>, RowFault> {
        if is_deeper_than(row.as_bytes(), MAX_DEPTH) {
            return Err(RowFault::new("", format!("lists and objects are nested more than {MAX_DEPTH} deep")));
        }
        let mut found = vec![None; self.paths.len()];
        self.root.read(row, &mut found).map_err(|e| {
            let what = if row.trim_start().starts_with('{') { "not JSON" } else { "not a JSON object" };
            RowFault::new("", format!("{what}: {}", json_reason(&e)))
        })?;
        Ok(Fields { set: self, row, raw: found, text: vec![OnceCell::new(); self.paths.len()], untyped })
    }
}

impl Branch {
    fn read<'r>(&self, json: &'r str, found: &mut [Option<&'r RawValue>]) -> serde_json::Result<()> {
        let mut reader = serde_json::Deserializer::from_str(json);
        reader.deserialize_map(BranchVisitor { branch: self, found })?;
        reader.end()
    }
}

struct BranchVisitor<'b, 'r> {
    branch: &'b Branch,
    found: &'b mut [Option<&'r RawValue>],
}

impl<'r> Visitor<'r> for BranchVisitor<'_, 'r> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<(), A::Error> {
        // A key given twice counts as its last value, as in Python.
        while let Some(child) = map.next_key_seed(KeySeed(self.branch))? {
            let Some(child) = child else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: &'r RawValue = map.next_value()?;
            if let Some(slot) = child.slot {
                self.found[slot] = Some(value);
            }
            if !child.children.is_empty() && value.get().starts_with('{') {
                child.read(value.get(), self.found).map_err(de::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// Reads a key without keeping it: all that matters is which wanted child it names.
struct KeySeed<'b>(&'b Branch);

impl<'r, 'b> DeserializeSeed<'r> for KeySeed<'b> {
    type Value = Option<&'b Branch>;

    fn deserialize<D: de::Deserializer<'r>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'b> Visitor<'_> for KeySeed<'b> {
    type Value = Option<&'b Branch>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.children.iter().find(|(name, _)| name == key).map(|(_, child)| child))
    }
}

/// The wanted fields of one row. A string is decoded at most once, whoever asks.
pub struct Fields<'r> {
    set: &'r FieldSet,
    row: &'r str,
    raw: Vec<Option<&'r RawValue>>,
    text: Vec<OnceCell<Cow<'r, str>>>,
    untyped: bool,
}

impl<'r> Fields<'r> {
    /// The path of field `slot`.
    pub fn path(&self, slot: usize) -> &'r str {
        &self.set.paths[slot]
    }

    /// Whether the row has field `slot`.
    pub(crate) fn has(&self, slot: usize) -> bool {
        self.raw[slot].is_some()
    }

    /// The whole row.
    pub fn row(&self) -> &'r str {
        self.row
    }

    /// A fault of field `slot`.
    pub fn fault(&self, slot: usize, reason: impl Into<String>) -> RowFault {
        RowFault::new(self.path(slot), reason)
    }

    /// The JSON text of a field.
    ///
    /// # Errors
    /// The row has no such field.
    pub fn json(&self, slot: usize) -> Result<&'r str, RowFault> {
        self.raw[slot].map(RawValue::get).ok_or_else(|| {
            self.fault(slot, format!("missing from this row, which has: {}", keys_of(self.row).join(", ")))
        })
    }

    /// A field that holds a string.
    ///
    /// # Errors
    /// It is missing, or no string.
    pub fn text(&self, slot: usize) -> Result<&str, RowFault> {
        if let Some(text) = self.text[slot].get() {
            return Ok(text);
        }
        let json = self.json(slot)?;
        let text = decode_string(json)
            .ok_or_else(|| self.fault(slot, format!("expected a string, found {}", kind_of(json))))?
            .map_err(|e| self.fault(slot, format!("not a readable string: {e}")))?;
        Ok(self.text[slot].get_or_init(|| text))
    }

    /// A field's text as an identity knows it ([`crate::identity`]).
    ///
    /// # Errors
    /// It is missing, or a string that cannot be decoded.
    pub(crate) fn identity_text(&self, slot: usize) -> Result<Cow<'_, str>, RowFault> {
        let json = self.json(slot)?;
        if json.starts_with('"') {
            return self.text(slot).map(Cow::Borrowed);
        }
        Ok(crate::identity::text_of(json).unwrap_or(Cow::Borrowed(json)))
    }

    /// A field's text as look-ups know it: a string's own text, anything else as JSON.
    ///
    /// # Errors
    /// It is missing, or a string that cannot be decoded.
    pub fn text_or_json(&self, slot: usize) -> Result<&str, RowFault> {
        let json = self.json(slot)?;
        if json.starts_with('"') { self.text(slot) } else { Ok(json) }
    }

    /// A field that holds a finite number: its text as the source has it, and its value.
    ///
    /// # Errors
    /// It is missing, no number, or beyond the range of a 64-bit float.
    pub fn number(&self, slot: usize) -> Result<(&str, f64), RowFault> {
        let json = self.json(slot)?;
        let text = if self.untyped && json.starts_with('"') { self.text(slot)?.trim() } else { json };
        // `f64::from_str` also takes "inf" and "nan"; a number begins with a digit or a minus.
        let number =
            text.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then(|| text.parse::<f64>().ok()).flatten();
        match number {
            Some(value) if value.is_finite() => Ok((text, value)),
            Some(_) => Err(self.fault(slot, format!("{text} is beyond the range of a 64-bit number"))),
            None if self.untyped && text.is_empty() => Err(self.fault(slot, "expected a number, found an empty cell")),
            None if self.untyped => Err(self.fault(slot, format!("expected a number, found {text:?}"))),
            None => Err(self.fault(slot, format!("expected a number, found {}", kind_of(json)))),
        }
    }
}

/// Whether lists and objects of a JSON text are nested deeper than `limit`.
fn is_deeper_than(json: &[u8], limit: usize) -> bool {
    // Hardly any row has so many brackets at all.
    if memchr::memchr2_iter(b'[', b'{', json).nth(limit).is_none() {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in json {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

/// Decodes a JSON string; `None` if `json` is no string.
pub(crate) fn decode_string(json: &str) -> Option<serde_json::Result<Cow<'_, str>>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else { return Some(Ok(Cow::Borrowed(inner))) };
    Some(match unescape(inner, first) {
        Some(text) => Ok(Cow::Owned(text)),
        None => serde_json::from_str(json).map(Cow::Owned),
    })
}

/// `inner` without its escapes, the first of which is at `escape`; `None` where there are others than those of one letter,
/// which line breaks and quotes have.
fn unescape(inner: &str, escape: usize) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let (mut from, mut escape) = (0, Some(escape));
    while let Some(at) = escape {
        let letter = match inner.as_bytes().get(at + 1)? {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            &other @ (b'"' | b'\\' | b'/') => char::from(other),
            _ => return None,
        };
        text.push_str(&inner[from..at]);
        text.push(letter);
        from = at + 2;
        escape = memchr::memchr(b'\\', &inner.as_bytes()[from..]).map(|next| from + next);
    }
    text.push_str(&inner[from..]);
    Some(text)
}

/// The strings among the values of a JSON array or object; `None` if `json` is neither.
pub(crate) fn strings_of(json: &str) -> Option<Vec<Cow<'_, str>>> {
    let values: Vec<&RawValue> = values_of(json)?;
    Some(values.into_iter().filter_map(|value| decode_string(value.get())?.ok()).collect())
}

/// How many entries a JSON array or object has; `None` if `json` is neither.
pub(crate) fn length_of(json: &str) -> Option<usize> {
    values_of(json).map(|values| values.len())
}

fn values_of(json: &str) -> Option<Vec<&RawValue>> {
    struct Values;
    impl<'r> Visitor<'r> for Values {
        type Value = Vec<&'r RawValue>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut values = Vec::new();
            while let Some((_, value)) = map.next_entry::<IgnoredAny, &RawValue>()? {
                values.push(value);
            }
            Ok(values)
        }
    }
    match json.as_bytes().first()? {
        b'[' => serde_json::from_str(json).ok(),
        b'{' => serde_json::Deserializer::from_str(json).deserialize_map(Values).ok(),
        _ => None,
    }
}

/// The keys of a JSON object, for messages.
fn keys_of(json: &str) -> Vec<String> {
    serde_json::from_str(json)
        .map(|row: serde_json::Map<_, _>| row.into_iter().map(|(key, _)| key).collect())
        .unwrap_or_default()
}

/// What is wrong with one line of JSON: the parser's own "line 1" would only mislead beside the file's line.
pub(crate) fn json_reason(error: &serde_json::Error) -> String {
    let reason = error.to_string();
    format!("{} (column {})", reason.split(" at line ").next().unwrap_or_default(), error.column())
}

/// What a piece of JSON is, for messages.
pub(crate) fn kind_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'[') => "a list",
        Some(b'{') => "an object",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_decoded_as_json_says() {
        for json in [
            r#""""#,
            r#""plain""#,
            r#""a\nb\tc\rd\be\ff\"g\\h\/i""#,
            r#""\\n""#,
            r#""é\né""#,
            r#""\u00e9\n""#,
            r#""\ud83d\ude00""#,
            r#""ends\n""#,
        ] {
            let expected: String = serde_json::from_str(json).unwrap();
            assert_eq!(decode_string(json).unwrap().unwrap(), expected, "{json}");
        }
        assert!(decode_string("12").is_none());
        assert!(decode_string(r#""\ud83d""#).unwrap().is_err());
    }
}
