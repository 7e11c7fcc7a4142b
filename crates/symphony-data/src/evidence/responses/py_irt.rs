//! JSON lines of py-irt: one line for each model, with all its answers.
//!
//! An item is named by a source_id, an identity, or the question itself, which py-irt uses where it reads the items' texts.

use std::{borrow::Cow, collections::HashSet};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{
    locate::{Located, benchmark_of, locate_id, locate_text, shortened},
    own::Number,
    sink::{Fault, Found, Key, Sink},
};
use crate::row::json_reason;

/// A line: a subject, and its response to each item.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    subject_id: Option<Cow<'l, str>>,
    #[serde(borrow)]
    responses: Option<Items<'l>>,
}

/// The items in the order of the file.
struct Items<'l>(Vec<(String, Number<'l>)>);

impl<'de: 'l, 'l> Deserialize<'de> for Items<'l> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with a response for each item")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = map.next_entry()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        from.deserialize_map(Each)
    }
}

/// Takes one line. `model` is the model that the caller names for the whole file.
pub(super) fn take(text: &str, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
    let line: Line<'_> = serde_json::from_str(text)
        .map_err(|error| Fault::reason(format!("not a valid line of py-irt: {}", json_reason(&error))))?;
    let missing = |key: &str| Fault::reason(format!("has no `{key}`; a line of py-irt has subject_id and responses"));
    let subject = line.subject_id.as_deref().ok_or_else(|| missing("subject_id"))?;
    let Items(items) = line.responses.ok_or_else(|| missing("responses"))?;
    if model.is_some() {
        sink.rename(subject)?;
    }
    let model = model.unwrap_or(subject);
    let mut seen = HashSet::new();
    for (item, response) in &items {
        if !seen.insert(item) {
            return Err(Fault::reason(format!("has the item {item:?} twice")));
        }
        let of_item = |fault: Fault| fault.of(&format!("item {item:?}"));
        let Some(score) = response.value().map_err(of_item)? else {
            sink.unmapped("without a score", || format!("item {item:?} of {model}"));
            continue;
        };
        take_item(item, model, score, sink).map_err(of_item)?;
    }
    Ok(())
}

/// Takes an answer to an item.
fn take_item(item: &str, model: &str, score: f64, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
    let located = match locate_id(item, sink.catalogue)? {
        Located::Nowhere => locate_text(item, "", sink.catalogue)?,
        found => found,
    };
    let shown = || shortened(&Value::from(vec![item]).to_string());
    match located {
        Located::Rows(benchmark, rows) => return sink.take(Found::new(Key::Rows(&benchmark, &rows), model, score)),
        Located::Several => sink.unmapped("to items that several rows match", shown),
        Located::Nowhere => match benchmark_of(item) {
            // The sink says what is wrong with it.
            Some(benchmark) => return sink.take(Found::new(Key::SourceId(benchmark, item), model, score)),
            None => sink.nowhere("to items that are no source_id, identity or question of a row", shown),
        },
    }
    Ok(())
}
