//! The fields of a row, found by path in one pass.

use std::{borrow::Cow, cell::OnceCell, fmt};

use serde::{
    Deserializer as _,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    MAX_DEPTH, RowFault, decode_string,
    json::{StringAt, is_deeper_than, keys_of},
    json_reason, kind_of, may_hold_halves, string_at,
};

/// A set of field paths, compiled so that one pass over a row finds all of them.
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
    /// The text is not one JSON object.
    pub fn read<'r>(&'r self, row: &'r str, untyped: bool) -> Result<Fields<'r>, RowFault> {
        if let Some(fields) = self.scan(row, untyped) {
            return Ok(fields);
        }
        if is_deeper_than(row.as_bytes(), MAX_DEPTH) {
            return Err(RowFault::new("", format!("lists and objects are nested more than {MAX_DEPTH} deep")));
        }
        let mut found = vec![Field::default(); self.paths.len()];
        self.root.read(row, &mut found).map_err(|e| {
            let what = if row.trim_start().starts_with('{') { "not JSON" } else { "not a JSON object" };
            RowFault::new("", format!("{what}: {}", json_reason(&e)))
        })?;
        Ok(Fields { set: self, row, found, untyped })
    }

    /// Finds the fields in one row, as [`FieldSet::read`] does, in little more than half the time where most of the row is
    /// strings, as it is in nearly all rows. `None` where the row is not JSON, or not as plain as most: it holds control
    /// characters, escapes in keys or halves of surrogate pairs, or is nested too deep.
    pub(crate) fn scan<'r>(&'r self, row: &'r str, untyped: bool) -> Option<Fields<'r>> {
        // Without a branch, so that the compiler makes it into vector instructions.
        let (control, all) =
            row.bytes().fold((0, 0), |(control, all), byte| (control | u8::from(byte < b' '), all | byte));
        if control > 0 {
            return None;
        }
        let mut found = vec![Field::default(); self.paths.len()];
        self.root.scan(row, all.is_ascii(), &mut found)?;
        Some(Fields { set: self, row, found, untyped })
    }
}

impl Branch {
    /// Finds the fields in an object without control characters; see [`FieldSet::scan`].
    fn scan<'r>(&self, json: &'r str, ascii: bool, found: &mut [Field<'r>]) -> Option<()> {
        let bytes = json.as_bytes();
        let past_blanks = |at: usize| Some(at + bytes.get(at..)?.iter().position(|byte| *byte != b' ')?);
        let mut at = past_blanks(0).filter(|at| bytes[*at] == b'{')? + 1;
        loop {
            let key = past_blanks(at).filter(|at| bytes[*at] == b'"')?;
            let end = key + 1 + memchr::memchr2(b'"', b'\\', &bytes[key + 1..])?;
            if bytes[end] != b'"' {
                return None;
            }
            let value = past_blanks(past_blanks(end + 1).filter(|at| bytes[*at] == b':')? + 1)?;
            let string = if bytes[value] == b'"' { string_at(bytes, value)? } else { StringAt::default() };
            at = if string.end > 0 { string.end } else { value + other_length(&json[value..])? };
            if string.halves {
                return None;
            }
            if let Some((_, child)) = self.children.iter().find(|(name, _)| *name == json[key + 1..end]) {
                let json = &json[value..at];
                if let Some(slot) = child.slot {
                    let as_written = string.end > 0 && !string.escaped;
                    found[slot] =
                        Field { json: Some(json), as_written, ascii: ascii && !string.units, ..Field::default() };
                }
                if !child.children.is_empty() && json.starts_with('{') {
                    child.scan(json, ascii, found)?;
                }
            }
            at = past_blanks(at)?;
            match bytes[at] {
                b',' => at += 1,
                b'}' => return bytes[at + 1..].iter().all(|byte| *byte == b' ').then_some(()),
                _ => return None,
            }
        }
    }

    fn read<'r>(&self, json: &'r str, found: &mut [Field<'r>]) -> serde_json::Result<()> {
        let mut reader = serde_json::Deserializer::from_str(json);
        reader.deserialize_map(BranchVisitor { branch: self, found })?;
        reader.end()
    }
}

struct BranchVisitor<'b, 'r> {
    branch: &'b Branch,
    found: &'b mut [Field<'r>],
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
            let json = map.next_value::<&'r RawValue>()?.get();
            if let Some(slot) = child.slot {
                self.found[slot].json = Some(json);
            }
            if !child.children.is_empty() && json.starts_with('{') {
                child.read(json, self.found).map_err(de::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// The length of the JSON value, other than a string, that a text begins with; `None` if it begins with none, or with one
/// that is nested too deep or may hold halves of surrogate pairs.
fn other_length(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let value = values.next()?.ok()?.get();
    // A whole row may be as deep as this, and the value is within one.
    let is_plain = !value.starts_with(['[', '{'])
        || !is_deeper_than(value.as_bytes(), MAX_DEPTH - 1) && !may_hold_halves(value.as_bytes());
    is_plain.then(|| values.byte_offset())
}

/// Reads a key without keeping it: only the wanted child that it names matters.
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

/// The wanted fields of one row. A string is decoded at most once, however often it is read.
pub struct Fields<'r> {
    set: &'r FieldSet,
    row: &'r str,
    found: Vec<Field<'r>>,
    untyped: bool,
}

/// A wanted field.
#[derive(Clone, Default)]
struct Field<'r> {
    /// Its JSON, if the row has it.
    json: Option<&'r str>,
    /// Whether it is known to be a string without escapes.
    as_written: bool,
    /// Whether its text is known to be ASCII, if it is a string.
    ascii: bool,
    /// Its text, once that was decoded.
    text: OnceCell<Cow<'r, str>>,
}

impl<'r> Fields<'r> {
    /// The path of field `slot`.
    pub fn path(&self, slot: usize) -> &'r str {
        &self.set.paths[slot]
    }

    /// Whether the row has field `slot`.
    pub(crate) fn has(&self, slot: usize) -> bool {
        self.found[slot].json.is_some()
    }

    /// The JSON of each field, by its number; `None` where the row does not have it.
    pub(super) fn found(&self) -> impl Iterator<Item = Option<&'r str>> {
        self.found.iter().map(|field| field.json)
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
        self.found[slot].json.ok_or_else(|| {
            self.fault(slot, format!("missing from this row, which has: {}", keys_of(self.row).join(", ")))
        })
    }

    /// A field that holds a string.
    ///
    /// # Errors
    /// It is missing or not a string.
    pub fn text(&self, slot: usize) -> Result<&str, RowFault> {
        if let Some(text) = self.found[slot].text.get() {
            return Ok(text);
        }
        let json = self.json(slot)?;
        if self.found[slot].as_written {
            return Ok(&json[1..json.len() - 1]);
        }
        let text = decode_string(json)
            .ok_or_else(|| self.fault(slot, format!("expected a string, found {}", kind_of(json))))?
            .map_err(|e| self.fault(slot, format!("not a readable string: {e}")))?;
        Ok(self.found[slot].text.get_or_init(|| text))
    }

    /// Whether the text of a field that holds a string is known to be ASCII.
    pub(crate) fn is_ascii(&self, slot: usize) -> bool {
        self.found[slot].ascii
    }

    /// A field's text as it counts in an identity ([`crate::row::identity`]).
    ///
    /// # Errors
    /// It is missing, or a string that cannot be decoded.
    pub(crate) fn identity_text(&self, slot: usize) -> Result<Cow<'_, str>, RowFault> {
        let json = self.json(slot)?;
        if json.starts_with('"') {
            return self.text(slot).map(Cow::Borrowed);
        }
        Ok(crate::row::identity::text_of(json).unwrap_or(Cow::Borrowed(json)))
    }

    /// A field's text for look-ups: a string's own text, anything else as JSON.
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
    /// It is missing, not a number, or beyond the range of a 64-bit float.
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

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    /// A JSON value, or nearly one, as text.
    fn value() -> impl Strategy<Value = String> {
        const SCALARS: &[&str] = &[
            r#""""#,
            r#""x""#,
            r#""é’\n\"\\\/""#,
            r#""\u00e9\ud83d\ude00""#,
            r#""\ud83d""#,
            r#""\u00g0""#,
            r#""\q""#,
            r#""\"#,
            "\"\t\"",
            "0",
            "-0",
            "12",
            "01",
            "-",
            "1.5e-3",
            "1.",
            "1e",
            "true",
            "false",
            "null",
            "nul",
            "NaN",
            "",
            "[]",
            "{}",
            "[1,]",
            "[1 2]",
        ];
        select(SCALARS).prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
            let key = select(&[r#""a""#, r#""b""#, r#""b.c""#, r#""""#, r#""\u0061""#, r#""é""#, "a", "1"][..]);
            let blank = select(&["", " ", "  ", "\t", "\n"][..]);
            let entry = (key, blank.clone(), inner.clone(), blank)
                .prop_map(|(key, before, value, after)| format!("{before}{key}{after}:{before}{value}{after}"));
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(|values| format!("[{}]", values.join(","))),
                prop::collection::vec(entry, 0..4).prop_map(|entries| format!("{{{}}}", entries.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_scan_finds_what_a_parser_finds(row in value(), damage in any::<prop::sample::Index>(), kind in 0..4) {
            let mut set = FieldSet::default();
            for path in ["a", "b", "b.a", "b.b.a", "é"] {
                set.add(path);
            }
            let mut row = row;
            let at = damage.index(row.len() + 1);
            if row.is_char_boundary(at) && row.is_char_boundary(at + 1) {
                match kind {
                    0 if at < row.len() => drop(row.remove(at)),
                    1 => row.insert(at, '}'),
                    2 => row.insert(at, '"'),
                    _ => {}
                }
            }
            let mut parsed = vec![Field::default(); 5];
            let parse = set.root.read(&row, &mut parsed);
            if let Some(scanned) = set.scan(&row, false) {
                prop_assert!(parse.is_ok(), "{row}");
                for (slot, (scanned_field, parsed_field)) in scanned.found.iter().zip(&parsed).enumerate() {
                    prop_assert_eq!(scanned_field.json, parsed_field.json, "{}", row);
                    let text = parsed_field.json.and_then(|json| decode_string(json)?.ok());
                    prop_assert_eq!(scanned.text(slot).ok(), text.as_deref(), "{}", row);
                    prop_assert!(!scanned.is_ascii(slot) || text.is_none_or(|text| text.is_ascii()), "{}", row);
                }
            }
        }
    }

    #[test]
    fn rows_of_strings_numbers_lists_and_objects_are_scanned() {
        let mut set = FieldSet::default();
        let [a, c] = ["a", "b.c"].map(|path| set.add(path));
        let row = r#" {"a" : "x\n\u00e9\"" , "z":[1,{"a":2}],"b": {"c":-1.5e3, "d":{}},"é":null } "#;
        let fields = set.scan(row, false).unwrap();
        assert_eq!(fields.json(a), Ok(r#""x\n\u00e9\"""#));
        assert_eq!(fields.json(c), Ok("-1.5e3"));
    }

    #[test]
    fn rows_as_deep_as_allowed_are_read_and_no_deeper_ones() {
        let set = FieldSet::default();
        for deep in [MAX_DEPTH - 1, MAX_DEPTH] {
            let row = format!(r#"{{"a": {}{}}}"#, "[".repeat(deep), "]".repeat(deep));
            assert_eq!(set.read(&row, false).is_ok(), deep < MAX_DEPTH);
        }
    }
}
