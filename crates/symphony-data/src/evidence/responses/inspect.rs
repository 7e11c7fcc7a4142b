//! Logs of Inspect: `.eval` (a zip, whose members may be compressed with Zstandard) and `.json`.
//!
//! A sample is mapped by its text: `input`, `id`, or what its `metadata` holds.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    harness::{Located, locate, shortened},
    read::{Fault, Found, Key, Sink},
};
use crate::format::sniff::{self, Kind};

/// The longest member that is read, in bytes.
const MAX_MEMBER_BYTES: u64 = 1 << 30;

/// What a log says of the run.
#[derive(Deserialize)]
struct Header {
    eval: Eval,
}

#[derive(Deserialize)]
struct Eval {
    task: String,
    model: String,
}

/// A log in one piece.
#[derive(Deserialize)]
struct Log {
    eval: Eval,
    #[serde(default)]
    samples: Option<Vec<Sample>>,
}

/// One try at one sample.
#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    scores: Option<Map<String, Value>>,
}

/// Whether the file is such a log: by its name, or, of a `.json`, by its beginning, as an array or JSON lines would be
/// responses.
pub(super) fn is_log(path: &Path) -> io::Result<bool> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some(ending) if ending.eq_ignore_ascii_case("eval") => Ok(true),
        Some(ending) if ending.eq_ignore_ascii_case("json") => {
            let look = sniff::look(path, true)?;
            Ok(!look.compressed && matches!(look.kind, Kind::Object | Kind::OneLine))
        }
        _ => Ok(false),
    }
}

/// Takes all samples of a log.
pub(super) fn take(path: &Path, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
    let file = File::open(path).map_err(|error| Fault::reason(error.to_string()))?;
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        let log: Log = serde_json::from_reader(BufReader::new(file)).map_err(|error| {
            Fault::reason(format!("no log of Inspect (an array of responses begins with `[`): {error}"))
        })?;
        let samples = log.samples.unwrap_or_default();
        if samples.is_empty() {
            return Err(Fault::reason("this log holds no samples; it may be a header alone"));
        }
        return samples.into_iter().try_for_each(|sample| take_sample(&sample, &log.eval, model, sink));
    }
    let broken = |error: zip::result::ZipError| Fault::reason(format!("no whole .eval file ({error}); get it anew"));
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let names: Result<Vec<String>, _> = zip.file_names().map(|name| name.map(std::borrow::Cow::into_owned)).collect();
    let mut names = names.map_err(broken)?;
    let mut member = |name: &str| -> Result<Vec<u8>, Fault> {
        let member = zip.by_name(name).map_err(broken)?;
        let mut bytes = Vec::new();
        let read = member.take(MAX_MEMBER_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| Fault::reason(format!("its member {name} cannot be read ({error}); get the file anew")))?;
        Ok(bytes)
    };
    // A run that was cut off has no header yet, but says how it began.
    let header = member("header.json").or_else(|_| member("_journal/start.json"))?;
    let header: Header = serde_json::from_slice(&header)
        .map_err(|error| Fault::reason(format!("its header is none of Inspect's: {error}")))?;
    names.retain(|name| name.starts_with("samples/"));
    names.sort();
    if names.is_empty() {
        return Err(Fault::reason("this log holds no samples"));
    }
    for name in names {
        let sample: Sample = serde_json::from_slice(&member(&name)?)
            .map_err(|error| Fault::reason(format!("its member {name} is no sample: {error}")))?;
        take_sample(&sample, &header.eval, model, sink)?;
    }
    Ok(())
}

fn take_sample(sample: &Sample, eval: &Eval, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
    // Its texts, as a document has them.
    let mut doc = Map::new();
    doc.insert("input".to_owned(), Value::from(text_of_input(&sample.input)));
    doc.extend(sample.metadata.clone().unwrap_or_default());
    if sample.id.is_string() {
        doc.insert("id".to_owned(), sample.id.clone());
    }
    let Some(score) = score(sample, sink.options.metric.as_deref())? else {
        sink.unmapped("without a score", || shortened(&doc));
        return Ok(());
    };
    match locate(&doc, &eval.task, sink.catalogue)? {
        Located::Row(benchmark, row) => {
            let model = model.unwrap_or(&eval.model);
            sink.take(Found { key: Key::Row(&benchmark, row), model, family: None, score, tries: 1 })
        }
        Located::Nowhere => {
            sink.unmapped(format!("of the log `{}` to samples that are no row here", eval.task), || shortened(&doc));
            Ok(())
        }
        Located::Several => {
            sink.unmapped(format!("of the log `{}` that could be to several rows", eval.task), || shortened(&doc));
            Ok(())
        }
    }
}

/// The text of an input: itself, or of a conversation what the user said last.
fn text_of_input(input: &Value) -> String {
    let text = |message: &Value| -> Option<String> {
        match &message["content"] {
            Value::String(text) => Some(text.clone()),
            Value::Array(parts) => Some(parts.iter().filter_map(|part| part["text"].as_str()).collect()),
            _ => None,
        }
    };
    match input {
        Value::String(text) => text.clone(),
        Value::Array(messages) => {
            messages.iter().rfind(|message| message["role"] == "user").and_then(text).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The score of a sample; `None` where it has none.
fn score(sample: &Sample, wanted: Option<&str>) -> Result<Option<f64>, Fault> {
    let Some(scores) = sample.scores.as_ref().filter(|scores| !scores.is_empty()) else { return Ok(None) };
    let names = || scores.keys().map(String::as_str).collect::<Vec<_>>();
    // A scorer may give several values; `scorer.key` names one.
    let (scorer, key) = match wanted {
        Some(wanted) if scores.contains_key(wanted) => (wanted, None),
        Some(wanted) => match wanted.rsplit_once('.').filter(|(scorer, _)| scores.contains_key(*scorer)) {
            Some((scorer, key)) => (scorer, Some(key)),
            None => {
                return Err(Fault::reason(format!("has no scorer `{wanted}`; it has {}", names().join(", "))));
            }
        },
        None => match &names()[..] {
            [one] => (*one, None),
            several => {
                return Err(Fault::reason(format!(
                    "has the scorers {}; say whose score counts: --metric {}",
                    several.join(" and "),
                    several[0]
                )));
            }
        },
    };
    let value = &scores[scorer]["value"];
    let value = match (key, value) {
        (Some(key), value) => &value[key],
        (None, Value::Object(values)) => match values.iter().next() {
            Some((_, value)) if values.len() == 1 => value,
            _ => {
                let keys: Vec<&str> = values.keys().map(String::as_str).collect();
                return Err(Fault::reason(format!(
                    "its scorer `{scorer}` gives {}; say which is the score: --metric {scorer}.{}",
                    keys.join(" and "),
                    keys.first().unwrap_or(&"KEY")
                )));
            }
        },
        (None, value) => value,
    };
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        Value::Bool(right) => Ok(Some(f64::from(u8::from(*right)))),
        // Correct, incorrect, partly correct, no answer: as Inspect's own metrics count them.
        Value::String(text) => match text.as_str() {
            "C" => Ok(Some(1.0)),
            "P" => Ok(Some(0.5)),
            "I" | "N" => Ok(Some(0.0)),
            other => other
                .parse()
                .map(Some)
                .map_err(|_| Fault::reason(format!("its score of `{scorer}` is {other:?}, no number"))),
        },
        other => Err(Fault::reason(format!("its score of `{scorer}` is {other}, no number"))),
    }
}
