//! The fields of a row, found by path in one pass.

use std::{borrow::Cow, cell::OnceCell, fmt};

use serde::{
    Deserializer as _,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    MAX_DEPTH, RowFault, decode_string,
    json::{is_deeper_than, keys_of},
    json_reason, kind_of,
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
    pub(crate) raw: Vec<Option<&'r RawValue>>,
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
    /// It is missing or not a string.
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
