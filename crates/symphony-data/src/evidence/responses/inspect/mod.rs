//! Logs of Inspect: `.eval` (a zip, whose members may be compressed with Zstandard) and `.json`.
//!
//! A sample is mapped to a row by the ids that an export of ours puts into its `metadata`, or else by its texts: `input`,
//! `id`, `choices`, the values in `metadata`, and those of a raw row there. Long files are read as a stream, and only the
//! needed parts of a sample are kept.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};
use xxhash_rust::xxh3::xxh3_64;

use self::score::{chosen, score};
use super::{
    harness::Named,
    ids::{Asked, Ids},
    runs::Log,
    sink::{Fault, Found, Key, Sink, WATCHED_BYTES, Watched},
};
use crate::{
    evidence::EvidenceError,
    format::{
        compression,
        sniff::{self, Kind},
    },
    progress::Progress,
    row::python,
};

mod look;
mod score;

pub(super) use look::Head;

/// A member of at least this many bytes is read as a stream.
const LONG_MEMBER_BYTES: u64 = 16 << 20;
/// The name of a sample's score if its log does not name it.
const UNNAMED: &str = "score";

/// The parts of a log that describe the run.
#[derive(Deserialize)]
struct Header {
    eval: Eval,
    #[serde(default)]
    results: Option<Results>,
}

#[derive(Deserialize)]
struct Eval {
    task: String,
    model: String,
    #[serde(default)]
    task_args: Value,
    #[serde(default)]
    created: Option<String>,
    /// In a log of an exported pool, how the pool was drawn.
    #[serde(default)]
    metadata: Value,
}

impl Eval {
    fn has_arguments(&self) -> bool {
        self.task_args.as_object().is_some_and(|arguments| !arguments.is_empty())
    }

    /// The task with its arguments: with others, it is another task.
    fn label(&self) -> String {
        if self.has_arguments() { format!("{} {}", self.task, self.task_args) } else { self.task.clone() }
    }
}

/// In old logs, whose samples have one `score` each, the results name the scorer.
#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    scorer: Option<Scorer>,
}

#[derive(Deserialize)]
struct Scorer {
    name: String,
}

/// One try at one sample.
#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    epoch: Value,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    choices: Option<Box<RawValue>>,
    #[serde(default)]
    metadata: Option<Box<RawValue>>,
    #[serde(default)]
    scores: Option<Map<String, Value>>,
    /// Old logs have this in place of `scores`.
    #[serde(default)]
    score: Option<Value>,
    /// What each model used for the sample: the model that is evaluated, and those that grade.
    #[serde(default)]
    model_usage: Value,
    /// Present if the sample was marked as invalid.
    #[serde(default)]
    invalidation: Option<IgnoredAny>,
    /// The identity of this sample in its run; retries and converted logs keep it.
    #[serde(default)]
    uuid: Option<String>,
}

/// Whether a file is a log of Inspect: an `.eval` file always, a `.json` file if it begins with an object, because arrays
/// and JSON lines are responses.
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

fn is_named_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// Takes all samples of a log.
pub(super) fn take(path: &Path, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
    let progress = sink.progress;
    let taken = if is_named_json(path) { take_json(path, model, sink) } else { take_archive(path, model, sink) };
    // If the caller asked to stop, reading ended early and its error does not matter.
    if taken.is_err() && progress.cancelled() { Err(EvidenceError::Cancelled.into()) } else { taken }
}

fn take_json(path: &Path, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
    let file = File::open(path).map_err(|error| Fault::reason(error.to_string()))?;
    let watched = BufReader::with_capacity(WATCHED_BYTES, Watched { inner: file, progress: sink.progress });
    let mut run =
        Run { path, model, header: None, results: None, fault: None, samples: 0, counted: HashSet::new(), sink };
    let mut early = Vec::new();
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(python::PythonReader::new(watched)));
    let read = json.deserialize_map(LogVisitor { run: &mut run, early: &mut early }).and_then(|()| json.end());
    if let Some(fault) = run.fault.take() {
        return Err(fault);
    }
    read.map_err(|error| {
        Fault::reason(format!("not a valid log of Inspect (an array of responses begins with `[`): {error}"))
    })?;
    if run.header.is_none() {
        return Err(Fault::reason(
            "not a valid log of Inspect (an array of responses begins with `[`): it has no `eval`",
        ));
    }
    early.into_iter().try_for_each(|sample| run.take(&sample))?;
    if run.samples == 0 {
        return Err(Fault::reason("this log has no samples; it may be only a header"));
    }
    Ok(())
}

type Archive = zip::ZipArchive<BufReader<File>>;

/// Opens an archive, and gives its header and the names of its samples.
fn archive_header(path: &Path, progress: &dyn Progress) -> Result<(Archive, Header, Vec<String>), Fault> {
    let file = File::open(path).map_err(|error| Fault::reason(error.to_string()))?;
    let broken = |error: zip::result::ZipError| {
        Fault::reason(format!("not a complete .eval file ({error}); copy the file again"))
    };
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let mut names: Vec<String> = zip.file_names().map(str::to_owned).collect();
    // A run that was cut off has no header yet, but its journal has one.
    let header = if names.iter().any(|name| name == "header.json") { "header.json" } else { "_journal/start.json" };
    let header: Header = member(&mut zip, header, size_of(path), progress)?
        .map_err(|error| Fault::reason(format!("its header is not a valid header of Inspect: {error}")))?;
    names.retain(|name| name.starts_with("samples/"));
    names.sort();
    Ok((zip, header, names))
}

fn size_of(path: &Path) -> u64 {
    path.metadata().map_or(u64::MAX, |metadata| metadata.len())
}

fn take_archive(path: &Path, model: Option<&str>, sink: &mut Sink<'_, '_>) -> Result<(), Fault> {
    let progress = sink.progress;
    let file_size = size_of(path);
    let (mut zip, header, names) = archive_header(path, progress)?;
    if names.is_empty() {
        return Err(Fault::reason("this log has no samples"));
    }
    let mut run = Run {
        path,
        model,
        header: Some(header.eval),
        results: header.results,
        fault: None,
        samples: 0,
        counted: HashSet::new(),
        sink,
    };
    for name in names {
        if progress.cancelled() {
            return Err(EvidenceError::Cancelled.into());
        }
        let sample: Sample = member(&mut zip, &name, file_size, progress)?
            .map_err(|error| Fault::reason(format!("its member {name} is not a valid sample: {error}")))?;
        run.take(&sample)?;
    }
    Ok(())
}

/// Reads and parses a member of an archive.
fn member<T: DeserializeOwned>(
    zip: &mut Archive,
    name: &str,
    file_size: u64,
    progress: &dyn Progress,
) -> Result<serde_json::Result<T>, Fault> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Fault::reason(format!("its member {name} cannot be read ({error}); copy the file again"))
    };
    let member = zip.by_name(name).map_err(|error| unreadable(&error))?;
    // An archive may claim any size, so trust the claim only up to the size of the file.
    let stored = member.compressed_size().min(file_size);
    let mut reader = BufReader::with_capacity(
        WATCHED_BYTES,
        Watched { inner: compression::bounded(member, move || stored), progress },
    );
    let mut bytes = Vec::new();
    reader.by_ref().take(LONG_MEMBER_BYTES).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if (bytes.len() as u64) < LONG_MEMBER_BYTES {
        return Ok(serde_json::from_slice(&python::to_json(&bytes)));
    }
    let parsed = serde_json::from_reader(BufReader::new(python::PythonReader::new(bytes.chain(reader))));
    match parsed {
        Err(error) if error.is_io() => Err(unreadable(&error)),
        parsed => Ok(parsed),
    }
}

/// A run whose samples are taken one by one as they are read.
struct Run<'r, 's, 'c> {
    path: &'r Path,
    model: Option<&'r str>,
    header: Option<Eval>,
    results: Option<Results>,
    fault: Option<Fault>,
    samples: u64,
    /// Hashes of the ids and epochs of the samples.
    counted: HashSet<u64>,
    sink: &'r mut Sink<'s, 'c>,
}

impl Run<'_, '_, '_> {
    fn take(&mut self, sample: &Sample) -> Result<(), Fault> {
        let Some(eval) = &self.header else { return Ok(()) };
        let model = self.model.unwrap_or(&eval.model);
        if self.samples == 0 {
            let named = Named { model: model.to_owned(), guessed_from: None };
            let log = Log::new(self.path, eval.label(), &named);
            self.sink.whose(Log { part_of: eval.has_arguments().then(|| eval.task.clone()), ..log });
        }
        self.samples += 1;
        let (doc, metadata) = (document(sample), sample.metadata.as_deref().map_or("", RawValue::get));
        let row = row_in(metadata);
        if let Some(log) = self.sink.logs.last_mut().filter(|_| !self.sink.filling) {
            log.see(&format!("{}\u{1f}{}", sample.id, text_of_input(&sample.input)));
        }
        let texts: Vec<&str> = std::iter::once(&*doc).chain(row.as_deref()).collect();
        let task = &*eval.task;
        let (ids, row) = (Ids::of(metadata), row.as_deref());
        let asked = Asked { ids, texts: &texts, row, prompt: None, log: task, task, what: "samples" };
        if asked.ids.is_some() && !self.counted.insert(xxh3_64(format!("{} {}", sample.id, sample.epoch).as_bytes())) {
            self.sink.unmapped("to samples that their log holds a second time", || asked.shown());
            return Ok(());
        }
        if sample.invalidation.is_some() {
            self.sink.unmapped("that the log marks as invalid", || asked.shown());
            return Ok(());
        }
        if let Some(uuid) = sample.uuid.as_deref().filter(|uuid| !uuid.is_empty())
            && !self.sink.is_first(uuid)
        {
            self.sink
                .unmapped("that another log holds too (a retry, or the same log in another format)", || asked.shown());
            return Ok(());
        }
        let scorer = self.results.as_ref().and_then(|results| results.scorer.as_ref());
        let unnamed = scorer.map_or(UNNAMED, |scorer| &scorer.name);
        // A sample of an exported pool needs no choice; one for other logs does not concern it.
        let wanted = self.sink.options.metric.as_deref();
        let wanted = wanted.filter(|wanted| asked.ids.is_none() || chosen(sample, unnamed, wanted));
        let Some(score) = score(sample, unnamed, wanted)? else {
            self.sink.unmapped("without a score", || asked.shown());
            return Ok(());
        };
        let found = Found::new(Key::Rows("", &[]), model, score);
        let [cost, tokens] = ["total_cost", "output_tokens"].map(|key| usage(sample, &eval.model, key));
        asked.take(Found { cost, tokens, ..found }, self.sink)
    }
}

/// Reads a `.json` log. Samples normally follow the header; samples before it wait in `early`.
struct LogVisitor<'v, 'r, 's, 'c> {
    run: &'v mut Run<'r, 's, 'c>,
    early: &'v mut Vec<Sample>,
}

impl<'de> Visitor<'de> for LogVisitor<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "eval" => self.run.header = Some(map.next_value()?),
                "results" => self.run.results = map.next_value()?,
                "samples" => map.next_value_seed(Samples { run: self.run, early: self.early })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads the samples of a `.json` log.
struct Samples<'v, 'r, 's, 'c> {
    run: &'v mut Run<'r, 's, 'c>,
    early: &'v mut Vec<Sample>,
}

impl<'de> DeserializeSeed<'de> for Samples<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Samples<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of samples")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut samples: A) -> Result<(), A::Error> {
        while let Some(sample) = samples.next_element::<Sample>()? {
            if self.run.header.is_none() {
                self.early.push(sample);
            } else if let Err(fault) = self.run.take(&sample) {
                self.run.fault = Some(fault);
                return Err(de::Error::custom("this is not a valid sample"));
            }
        }
        Ok(())
    }
}

/// A sample's texts as one JSON object. If a key occurs twice, the last one counts.
fn document(sample: &Sample) -> String {
    let mut members = vec![format!("\"input\":{}", Value::from(text_of_input(&sample.input)))];
    if let Some(choices) = &sample.choices {
        members.push(format!("\"choices\":{}", choices.get()));
    }
    let metadata = sample.metadata.as_ref().and_then(|raw| raw.get().trim().strip_prefix('{')?.strip_suffix('}'));
    members.extend(metadata.filter(|metadata| !metadata.trim().is_empty()).map(str::to_owned));
    if sample.id.is_string() {
        members.push(format!("\"id\":{}", sample.id));
    }
    format!("{{{}}}", members.join(","))
}

/// The raw row in the metadata of a sample, where an export of ours puts it.
pub(super) fn row_in(metadata: &str) -> Option<String> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(metadata).ok()?;
    members.get("row").map(|row| row.get().to_owned()).filter(|row| row.starts_with('{'))
}

/// An amount that the evaluated model used for the sample, if the log has it.
fn usage(sample: &Sample, model: &str, key: &str) -> Option<f64> {
    sample.model_usage[model][key].as_f64().filter(|amount| *amount >= 0.0)
}

/// The text of an input: the input itself, or the user's last message in a conversation.
pub(super) fn text_of_input(input: &Value) -> String {
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
