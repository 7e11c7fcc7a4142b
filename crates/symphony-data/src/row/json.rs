//! Reads the JSON text of rows, its strings and the kinds of its values, without building a tree.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
    fmt,
};

use serde::{
    Deserializer as _,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// How deep lists and objects of a row may be nested. Most readers, such as Python's, recurse into rows.
pub const MAX_DEPTH: usize = 128;

/// How many fields of a row messages choose from.
const MAX_PATHS: usize = 1000;

/// Whether lists and objects of a JSON text are nested deeper than `limit`.
pub(super) fn is_deeper_than(json: &[u8], limit: usize) -> bool {
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

/// Decodes a JSON string; `None` if `json` is not a string.
pub(crate) fn decode_string(json: &str) -> Option<serde_json::Result<Cow<'_, str>>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else { return Some(Ok(Cow::Borrowed(inner))) };
    Some(match unescape(inner, first) {
        Some(text) => Ok(Cow::Owned(text)),
        None => serde_json::from_str(json).map(Cow::Owned),
    })
}

/// Resolves the escapes of `inner`, whose first one is at `escape`; `None` if one of them is not valid.
fn unescape(inner: &str, escape: usize) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let (mut from, mut escape) = (0, Some(escape));
    while let Some(at) = escape {
        let (character, length) = match inner.as_bytes().get(at + 1)? {
            b'n' => ('\n', 2),
            b't' => ('\t', 2),
            b'r' => ('\r', 2),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            &other @ (b'"' | b'\\' | b'/') => (char::from(other), 2),
            b'u' => match (unit(inner.as_bytes(), at)?, unit(inner.as_bytes(), at + 6)) {
                (high @ 0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                    (char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 12)
                }
                // Half a surrogate pair is no character.
                (unit, _) => (char::from_u32(unit)?, 6),
            },
            _ => return None,
        };
        text.push_str(&inner[from..at]);
        text.push(character);
        from = at + length;
        escape = memchr::memchr(b'\\', &inner.as_bytes()[from..]).map(|next| from + next);
    }
    text.push_str(&inner[from..]);
    Some(text)
}

/// The UTF-16 unit whose escape, such as `\u00e9`, begins at `at`, if one does.
pub(super) fn unit(json: &[u8], at: usize) -> Option<u32> {
    let digits = json.get(at..at + 6)?.strip_prefix(br"\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

/// A JSON string in a text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StringAt {
    /// The place behind its last quote.
    pub end: usize,
    /// Whether it has escapes.
    pub escaped: bool,
    /// Whether it has escapes of UTF-16 units, such as `\u00e9`.
    pub units: bool,
    /// Whether any of these is half of a surrogate pair, paired or not.
    pub halves: bool,
}

/// The JSON string that begins at `start`; `None` if it does not end, or has an escape that is not valid. Control characters,
/// which are not valid either, are not looked for.
pub(crate) fn string_at(json: &[u8], start: usize) -> Option<StringAt> {
    let mut found = StringAt { end: start + 1, ..StringAt::default() };
    loop {
        let at = found.end + memchr::memchr2(b'"', b'\\', json.get(found.end..)?)?;
        if json[at] == b'"' {
            found.end = at + 1;
            return Some(found);
        }
        found.escaped = true;
        found.end = at
            + match json.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                b'u' => {
                    found.units = true;
                    found.halves |= matches!(unit(json, at)?, 0xd800..=0xdfff);
                    6
                }
                _ => return None,
            };
    }
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

/// The entries of a JSON object, or of an array (without keys), in order; `None` if `json` is neither. A key given twice
/// keeps its place and has its last value.
pub(crate) fn entries_of(json: &str) -> Option<Vec<(Option<String>, &RawValue)>> {
    struct Entries;
    impl<'r> Visitor<'r> for Entries {
        type Value = Vec<(Option<String>, &'r RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries: Vec<(Option<String>, &'r RawValue)> = Vec::new();
            let mut places: HashMap<String, usize> = HashMap::new();
            while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                match places.entry(key.clone()) {
                    Entry::Occupied(place) => entries[*place.get()].1 = value,
                    Entry::Vacant(place) => {
                        place.insert(entries.len());
                        entries.push((Some(key), value));
                    }
                }
            }
            Ok(entries)
        }
    }
    match json.as_bytes().first()? {
        b'{' => serde_json::Deserializer::from_str(json).deserialize_map(Entries).ok(),
        _ => Some(values_of(json)?.into_iter().map(|value| (None, value)).collect()),
    }
}

/// The keys of a JSON object, for messages.
pub(super) fn keys_of(json: &str) -> Vec<String> {
    entries_of(json.trim_start()).unwrap_or_default().into_iter().filter_map(|(key, _)| key).collect()
}

/// The paths of all fields of a JSON object, those of an object before those inside it, for messages; at most
/// [`MAX_PATHS`].
pub(crate) fn paths_of(json: &str) -> Vec<String> {
    let mut paths = Vec::new();
    if !is_deeper_than(json.as_bytes(), MAX_DEPTH) {
        add_paths(json.trim(), "", &mut paths);
    }
    paths
}

fn add_paths(json: &str, above: &str, paths: &mut Vec<String>) {
    for (key, value) in entries_of(json).unwrap_or_default() {
        let Some(key) = key else { return };
        if paths.len() >= MAX_PATHS {
            return;
        }
        let path = if above.is_empty() { key } else { format!("{above}.{key}") };
        paths.push(path.clone());
        if value.get().starts_with('{') {
            add_paths(value.get(), &path, paths);
        }
    }
}

/// The reason why one line of JSON is not valid, without the parser's own "line 1", which would mislead beside the
/// file's line.
pub(crate) fn json_reason(error: &serde_json::Error) -> String {
    let reason = error.to_string();
    format!("{} (column {})", reason.split(" at line ").next().unwrap_or_default(), error.column())
}

/// The kind of a JSON value, for messages.
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
