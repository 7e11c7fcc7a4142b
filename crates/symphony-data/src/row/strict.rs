//! Turns JSON as Python writes it into JSON that every reader accepts.
//!
//! Python's `json` writes `NaN`, `Infinity` and `-Infinity`, which JSON does not have, and pandas and pyarrow hold such
//! numbers in columns. JavaScript and Java cut texts within a character, whose half is then written as the escape
//! `\ud83d`. Neither is a reason to refuse the row if no feature reads the field: the numbers become null, as pandas
//! and `datasets` write them, and the halves become U+FFFD, because many readers of JSON (pyarrow among them) refuse a
//! file that holds one.

use memchr::{memchr2, memmem};

use super::{FieldSet, Fields, RowFault, json::unit};

const NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
/// The escape of the replacement character, as long as the escape that it replaces.
const REPLACEMENT: &str = r"\ufffd";

/// A row's text as standard JSON.
#[derive(Debug)]
pub(crate) struct Strict<'r> {
    /// The text.
    pub text: String,
    /// The replaced texts, by where their replacements begin in `text`; ascending.
    changes: Vec<(usize, &'r str)>,
}

/// Whether a text may hold the escape of half a surrogate pair; a cheap test.
pub(crate) fn may_hold_halves(text: &[u8]) -> bool {
    memmem::find(text, br"\ud").is_some() || memmem::find(text, br"\uD").is_some()
}

impl<'r> Strict<'r> {
    /// The row as standard JSON; `None` if there is nothing to replace.
    pub fn of(row: &'r str) -> Option<Self> {
        let bytes = row.as_bytes();
        let mut strict = Self { text: String::new(), changes: Vec::new() };
        // Up to where the row was copied, and the place of the scan.
        let (mut taken, mut at) = (0, 0);
        let mut in_string = false;
        let mut replace = |from: usize, length: usize, by: &str, taken: &mut usize| {
            strict.text.push_str(&row[*taken..from]);
            strict.changes.push((strict.text.len(), &row[from..from + length]));
            strict.text.push_str(by);
            *taken = from + length;
        };
        while at < bytes.len() {
            if in_string {
                let Some(next) = memchr2(b'"', b'\\', &bytes[at..]) else { break };
                at += next;
                if bytes[at] == b'"' {
                    in_string = false;
                    at += 1;
                    continue;
                }
                at += match (unit(bytes, at), unit(bytes, at + 6)) {
                    (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
                    (Some(0xd800..=0xdfff), _) => {
                        replace(at, 6, REPLACEMENT, &mut taken);
                        6
                    }
                    _ => 2,
                };
                continue;
            }
            match bytes[at] {
                b'"' => in_string = true,
                b'N' | b'I' | b'-' => {
                    if let Some(number) = NUMBERS.iter().find(|number| bytes[at..].starts_with(number.as_bytes())) {
                        replace(at, number.len(), "null", &mut taken);
                        at += number.len();
                        continue;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        if strict.changes.is_empty() {
            return None;
        }
        strict.text.push_str(&row[taken..]);
        Some(strict)
    }

    /// Finds the fields of `set` in the row.
    ///
    /// # Errors
    /// The text is still not JSON, or a field of `set` holds a replaced value.
    pub fn read<'f>(&'f self, set: &'f FieldSet, untyped: bool) -> Result<Fields<'f>, RowFault> {
        let fields = set.read(&self.text, untyped)?;
        for (slot, value) in fields.found().enumerate() {
            let Some(value) = value else { continue };
            // A field's text is a piece of the row's.
            let from = value.as_ptr() as usize - self.text.as_ptr() as usize;
            let first = self.changes.partition_point(|(at, _)| *at < from);
            if let Some((_, was)) = self.changes[first..].first().filter(|(at, _)| *at < from + value.len()) {
                let reason = if was.starts_with('\\') {
                    format!("holds half a character ({was}), and is used as a text")
                } else {
                    format!("holds {was}, which is no number to compute with")
                };
                return Err(fields.fault(slot, reason));
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(row: &str) -> Option<String> {
        Strict::of(row).map(|strict| strict.text)
    }

    #[test]
    fn numbers_that_json_does_not_have_become_null() {
        assert_eq!(
            strict(r#"{"a": NaN, "b": [Infinity, -Infinity, -1], "NaN": "Infinity \" NaN"}"#).unwrap(),
            r#"{"a": null, "b": [null, null, -1], "NaN": "Infinity \" NaN"}"#
        );
        assert_eq!(strict(r#"{"a": "NaN", "b": -1, "c": null}"#), None);
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        for (row, expected) in [
            (r#"{"a": "x\ud83d"}"#, Some(r#"{"a": "x\ufffd"}"#)),
            (r#"{"a": "\uDE00y"}"#, Some(r#"{"a": "\ufffdy"}"#)),
            // A half before a whole pair, and two first halves.
            (r#"{"a": "\ud83d\ud83d\ude00"}"#, Some(r#"{"a": "\ufffd\ud83d\ude00"}"#)),
            (r#"{"a": "\ud83d\ud83d"}"#, Some(r#"{"a": "\ufffd\ufffd"}"#)),
            // A whole pair; a backslash and a text.
            (r#"{"a": "\ud83d\ude00"}"#, None),
            (r#"{"a": "\\ud83d"}"#, None),
            (r#"{"a": "\\\ud83d"}"#, Some(r#"{"a": "\\\ufffd"}"#)),
        ] {
            assert_eq!(strict(row).as_deref(), expected, "{row}");
        }
    }

    #[test]
    fn broken_rows_do_not_panic() {
        for row in ["", "\"", "\"\\", "\"\\u", "\"\\ud8", "-", "-I", "NaNa", "{\"é\": NaN"] {
            let _ = strict(row);
        }
    }
}
