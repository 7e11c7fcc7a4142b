//! The tasks of the pools, packed for the script that searches and shows them.
//!
//! The tasks are JSON, compressed (zlib) and written in base64, so that no row can end its place in the page. Each row is written
//! once, however often it was drawn.

use std::{collections::HashMap, fmt, io::Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{ReportError, Subject};
use crate::task::{Json, Task, Text};

/// The most tasks of all pools together that a page holds.
pub(super) const MOST_TASKS: usize = 20_000;

/// A field's name, and its text: the value itself, or its JSON where it is not a text.
type Fields = Vec<(String, String)>;

#[derive(Serialize)]
struct Packed<'t> {
    /// How many pools there are.
    pools: usize,
    rows: Vec<Row>,
    tasks: Vec<Entry<'t>>,
}

#[derive(Serialize)]
struct Row {
    row: Fields,
    features: Fields,
}

#[derive(Serialize)]
struct Entry<'t> {
    /// The number of its pool, from 1.
    pool: usize,
    id: &'t str,
    benchmark: &'t str,
    bin: &'t str,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'t str>,
    /// The place of its row among the rows.
    row: usize,
}

/// The first tasks of the pools, and how many they are.
pub(super) fn pack(subjects: &[Subject<'_>]) -> Result<(String, usize), ReportError> {
    let all =
        subjects.iter().enumerate().flat_map(|(at, subject)| subject.pool.tasks.iter().map(move |task| (at + 1, task)));
    let mut packed = Packed { pools: subjects.len(), rows: Vec::new(), tasks: Vec::new() };
    let mut known: HashMap<(&str, &str), usize> = HashMap::new();
    for (pool, task) in all.take(MOST_TASKS) {
        let row = *known.entry((task.raw_data.get(), task.scorer_metadata.get())).or_insert_with(|| {
            packed.rows.push(Row { row: fields(&task.raw_data), features: fields(&task.scorer_metadata) });
            packed.rows.len() - 1
        });
        packed.tasks.push(entry(pool, task, row));
    }
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    serde_json::to_writer(&mut zlib, &packed).map_err(std::io::Error::from)?;
    zlib.flush()?;
    Ok((STANDARD.encode(zlib.finish()?), packed.tasks.len()))
}

fn entry(pool: usize, task: &Task, row: usize) -> Entry<'_> {
    Entry {
        pool,
        id: &task.task_id,
        benchmark: &task.benchmark,
        bin: &task.difficulty_bin,
        score: task.difficulty_score,
        phase: task.phase,
        source: task.source_id.as_ref().map(Text::as_str),
        identity: task.identity.as_ref().map(Text::as_str),
        row,
    }
}

/// The fields of a JSON object, in its order. Another value is one field without a name.
fn fields(json: &Json) -> Fields {
    let text = |value: &str| serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned());
    match serde_json::from_str::<Members>(json.get()) {
        Ok(Members(own)) => own.into_iter().map(|(name, value)| (name, text(value.get()))).collect(),
        Err(_) => vec![(String::new(), text(json.get()))],
    }
}

/// The members of an object as they are written, so that no digit of a number is lost.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Object)
    }
}
