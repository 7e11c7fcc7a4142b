//! The ids that an export puts into the documents of a harness, under one key, and that come back in its logs.
//!
//! They say exactly which row a document is, so they are read before any text. The identity must be that of a row in the
//! store: a source_id alone is only a number, and another store may have another row under it.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Value, value::RawValue};

use super::{
    catalogue::{Catalogue, Shelf},
    locate::{Located, contradicts, is_row_of, locate, shortened},
    prompt::locate_prompt,
    sink::{Fault, Found, Key, Sink},
};

/// The key of the ids.
const KEY: &str = "symphony";

/// The ids of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ids {
    benchmark: String,
    source_id: Option<String>,
    identity: Option<String>,
}

impl Ids {
    /// The ids in a JSON object; `None` if it has none, or none that can be read.
    pub fn of(object: &str) -> Option<Self> {
        let ids: Value = serde_json::from_str(Self::text(object)?).ok()?;
        let text = |key: &str| ids.get(key)?.as_str().map(str::to_owned);
        let is_identity = |text: &String| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(Self {
            benchmark: text("benchmark").filter(|name| !name.is_empty())?,
            source_id: text("source_id"),
            identity: text("identity").filter(is_identity),
        })
    }

    /// The JSON of the ids in an object, to compare tasks by.
    pub fn text(object: &str) -> Option<&str> {
        memchr::memmem::find(object.as_bytes(), KEY.as_bytes())?;
        // As in Python, the last of several members with one name counts.
        let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(object).ok()?;
        members.get(KEY).map(|ids| ids.get())
    }

    /// The rows with this identity; only the one with this source_id if it is among them.
    fn rows(&self, shelf: &Shelf) -> Vec<u32> {
        let same = self.identity.as_deref().map_or(&[][..], |identity| shelf.by_identity(identity));
        self.picked(same, shelf)
    }

    /// Of copies of one task, the one with this source_id; all of them if it is not among them.
    fn picked(&self, rows: &[u32], shelf: &Shelf) -> Vec<u32> {
        let own = self.source_id.as_deref().and_then(|source_id| shelf.by_source_id(source_id));
        own.filter(|row| rows.contains(row)).map_or_else(|| rows.to_vec(), |row| vec![row])
    }

    /// An example for a message.
    fn shown(&self) -> String {
        match (&self.source_id, &self.identity) {
            (Some(source_id), Some(identity)) => Key::Both(&self.benchmark, source_id, identity).to_string(),
            (None, Some(identity)) => Key::Identity(&self.benchmark, identity).to_string(),
            (Some(source_id), None) => Key::SourceId(&self.benchmark, source_id).to_string(),
            (None, None) => format!("benchmark {:?}", self.benchmark),
        }
    }
}

/// What a log says of the task that an answer is to.
pub(super) struct Asked<'a> {
    pub ids: Option<Ids>,
    /// JSON objects with the task's texts. The first that matches a row counts.
    pub texts: &'a [&'a str],
    /// The whole row, as an export writes it beside the ids. It must be the row of the ids.
    pub row: Option<&'a str>,
    /// A prompt that ends with the question.
    pub prompt: Option<&'a str>,
    /// The name of the log, which may contain the name of a benchmark or config.
    pub log: &'a str,
    /// The log's task, for messages.
    pub task: &'a str,
    /// What the log calls tasks, for messages.
    pub what: &'a str,
}

impl Asked<'_> {
    /// The beginning of the task's text, for messages.
    pub fn shown(&self) -> String {
        match self.prompt {
            Some(prompt) => shortened(&Value::from(vec![prompt]).to_string()),
            None => self.texts.first().map(|text| shortened(text)).unwrap_or_default(),
        }
    }

    /// Puts an answer to the task into the sink, or counts it as unmapped. The key of `found` does not count.
    ///
    /// # Errors
    /// A store cannot be read, or the answer is not valid.
    pub fn take(&self, found: Found<'_>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
        let mut unknown = None;
        if let Some(ids) = &self.ids {
            let benchmark = &*ids.benchmark;
            let configured = sink.catalogue.benchmark(benchmark);
            let Some(shelf) = sink.catalogue.shelf(benchmark)? else {
                return sink.take(Found { key: Key::Identity(benchmark, ""), ..found });
            };
            let (rows, all) = (ids.rows(shelf), shelf.rows);
            let mut is_another =
                configured.is_some_and(|own| self.texts.iter().any(|text| contradicts(text, own, shelf, &rows)));
            if let (Some(row), Some(own), false) = (self.row, configured, is_another || rows.is_empty()) {
                is_another = match is_row_of(row, own, shelf, &rows) {
                    Some(is_same) => !is_same,
                    // It lacks fields that a row of the benchmark has, and may be a row of another one.
                    None => {
                        let found = locate(row, self.log, sink.catalogue)?;
                        matches!(found, Located::Rows(of, _) if of != benchmark)
                    }
                };
            }
            if is_another {
                let reason = format!("whose ids name one row of {benchmark}, and whose texts name another");
                sink.unmapped(reason, || ids.shown());
                return Ok(());
            }
            if !rows.is_empty() {
                return sink.take(Found { key: Key::Rows(benchmark, &rows), ..found });
            }
            if ids.identity.is_some() {
                unknown = Some((ids, all));
            }
        }
        match self.by_text(sink.catalogue)? {
            Located::Rows(benchmark, mut rows) => {
                if let Some(ids) = self.ids.as_ref().filter(|ids| ids.benchmark == benchmark)
                    && let Some(shelf) = sink.catalogue.shelf(&benchmark)?
                {
                    rows = ids.picked(&rows, shelf);
                }
                sink.take(Found { key: Key::Rows(&benchmark, &rows), ..found })?;
            }
            Located::Nowhere => match unknown {
                Some((ids, all)) => {
                    let benchmark = &ids.benchmark;
                    let reason = format!(
                        "with an identity that {benchmark} ({all} rows) does not have, and a text that matches no row"
                    );
                    sink.nowhere(reason, || ids.shown());
                }
                None => {
                    let reason = format!("of the log `{}` to {} that match no row", self.task, self.what);
                    sink.nowhere(reason, || self.shown());
                }
            },
            Located::Several => {
                sink.unmapped(format!("of the log `{}` with several matching rows", self.task), || self.shown());
            }
        }
        Ok(())
    }

    /// The rows that have the task's text.
    fn by_text(&self, catalogue: &mut Catalogue<'_>) -> Result<Located, Fault> {
        let mut first = Located::Nowhere;
        for text in self.texts {
            match (locate(text, self.log, catalogue)?, &first) {
                (found @ Located::Rows(..), _) => return Ok(found),
                (found, Located::Nowhere) => first = found,
                _ => {}
            }
        }
        match (self.prompt, &first) {
            (Some(prompt), Located::Nowhere) => locate_prompt(prompt, self.log, catalogue),
            _ => Ok(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_where_they_are_whole_and_of_the_right_kind() {
        let ids = |benchmark: &str, source_id: Option<&str>, identity: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            Some(Ids { benchmark: benchmark.to_owned(), source_id: own(source_id), identity: own(identity) })
        };
        let of = |text: &str| Ids::of(&format!(r#"{{"question": "?", "symphony": {text}}}"#));
        let whole =
            r#"{"task_id": "exp_00012_b", "benchmark": "b", "source_id": "b_7", "identity": "00f0a1b2c3d4e5f6"}"#;
        assert_eq!(of(whole), ids("b", Some("b_7"), Some("00f0a1b2c3d4e5f6")));
        assert_eq!(of(r#"{"benchmark": "b"}"#), ids("b", None, None));
        assert_eq!(of(r#"{"benchmark": "b", "source_id": 7, "identity": 12}"#), ids("b", None, None));
        // Not 16 hex digits, though `u64::from_str_radix` takes the sign.
        for identity in ["+0f0a1b2c3d4e5f6", "00f0a1b2c3d4e5f", "00f0a1b2c3d4e5f61", "é0f0a1b2c3d4e5f", ""] {
            assert_eq!(of(&format!(r#"{{"benchmark": "b", "identity": "{identity}"}}"#)), ids("b", None, None));
        }
        for other in ["7", "null", "[]", "{}", "\"b\"", r#"{"benchmark": ["b"]}"#, r#"{"benchmark": ""}"#, "[[[["] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(Ids::of(r#"{"question": "symphony"}"#), None);
        assert_eq!(Ids::of(&format!(r#"{{"symphony": {}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000))), None);
        // The last one counts, as in Python.
        let twice = r#"{"symphony": {"benchmark": "a"}, "symphony": {"benchmark": "b"}}"#;
        assert_eq!(Ids::of(twice), ids("b", None, None));
    }
}
