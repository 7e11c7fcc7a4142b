//! `manifest.json`: how a pool was made, down to the bytes.

use std::{collections::BTreeMap, io::ErrorKind, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::statistics::BinCounts;
use crate::{
    bin::{Bins, PerBin, Thresholds},
    calibration::MeasuredRecord,
    difficulty::{Constants, Normalization},
    disk::{WrittenFile, checksum},
    request::Request,
    store::{Meta, SourceRecord, StoreRecord},
    stream::{Stratum, eligible::EligibleRows},
    task::Layout,
};

/// The content of `manifest.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest<'a> {
    /// The experiment's key, if the request has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The experiment's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The request, with all defaults filled in.
    pub request: &'a Request,
    /// Whether any task is generated rather than real.
    pub synthetic: bool,
    /// Each benchmark's part.
    pub benchmarks: Vec<ManifestPart<'a>>,
    /// Where the mix changes, if the request has phases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<ManifestPhase<'a>>,
    /// The warnings that the user got: rescaled ratios, bins that deliver fewer tasks than they owe.
    pub warnings: &'a [String],
    /// The files of the pool: tasks and statistics.
    #[serde(serialize_with = "super::as_map")]
    pub outputs: Vec<(String, WrittenFile)>,
    /// The program that wrote this.
    pub tool: &'static str,
    /// The checksum of this file with this value empty.
    pub self_checksum: &'static str,
}

/// One benchmark's part in a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestPart<'a> {
    /// Its name.
    pub benchmark: &'a str,
    /// How many rows its store has.
    pub n_tasks_full: u64,
    /// How many rows were set aside when it was made.
    pub rejected_rows: u64,
    /// The fingerprint of its configuration.
    pub benchmark_config_fingerprint: &'a str,
    /// Its normalization constants.
    pub normalization_constants: &'a Constants,
    /// The range that its raw scores were scaled to.
    pub normalization: &'a Normalization,
    /// The difficulty that its tasks were drawn by.
    pub difficulty: DifficultyRecord<'a>,
    /// The rows that may be drawn.
    #[serde(flatten)]
    pub rows: ManifestRows<'a>,
    /// How many tasks each bin owes.
    pub asked: BinCounts,
    /// How many tasks each bin delivered.
    pub got: BinCounts,
    /// How many tasks each value of the label delivered that the request stratifies by.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub got_by_stratum: BTreeMap<&'a str, u64>,
    /// Where its rows came from.
    pub source: &'a SourceRecord,
    /// The store that was read. Its checksum covers its parts, if it has any, which its meta lists.
    #[serde(serialize_with = "without_parts")]
    pub store: &'a StoreRecord,
}

fn without_parts<S: serde::Serializer>(store: &StoreRecord, to: S) -> Result<S::Ok, S::Error> {
    StoreRecord::whole(store.format, store.file.clone()).serialize(to)
}

/// The rows of a benchmark that may be drawn, in a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestRows<'a> {
    /// How many may be drawn, and why no others; absent if all may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eligible: Option<&'a EligibleRows>,
    /// The request's thresholds.
    pub thresholds: Thresholds,
    /// Those within each value of a label, where the request asks for them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds_within: BTreeMap<&'a str, Thresholds>,
    /// How many rows that may be drawn each bin has under these thresholds.
    pub bins: PerBin<u64>,
    /// The same for each value of the label that the request stratifies by.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub strata: BTreeMap<&'a str, PerBin<u64>>,
}

impl<'a> ManifestRows<'a> {
    /// The record of these rows.
    pub fn of(
        bins: &Bins,
        strata: &'a [Stratum],
        within: &'a [(String, Thresholds)],
        eligible: Option<&'a EligibleRows>,
    ) -> Self {
        Self {
            eligible,
            thresholds: bins.thresholds,
            thresholds_within: within.iter().map(|(value, ends)| (value.as_str(), *ends)).collect(),
            bins: bins.sizes(),
            strata: strata.iter().map(|stratum| (stratum.value.as_str(), stratum.bins.sizes())).collect(),
        }
    }
}

/// A phase of a stream, in a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestPhase<'a> {
    /// Its number, from 1.
    pub phase: u32,
    /// The place of its first task in the stream, from 0.
    pub first: usize,
    /// How many tasks it has.
    pub n_tasks: usize,
    /// Each benchmark's part in it.
    pub benchmarks: Vec<ManifestPhasePart<'a>>,
}

/// One benchmark's part in a phase.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestPhasePart<'a> {
    /// Its name.
    pub benchmark: &'a str,
    /// The rows that may be drawn.
    #[serde(flatten)]
    pub rows: ManifestRows<'a>,
    /// How many tasks each bin owes.
    pub asked: BinCounts,
    /// How many tasks each bin delivered.
    pub got: BinCounts,
}

/// The difficulty that a benchmark's tasks were drawn by.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DifficultyRecord<'a> {
    /// The surface score.
    Surface,
    /// A calibration, with the models that set the difficulty.
    Measured(&'a MeasuredRecord),
    /// The reference difficulty that ships with the program, with the models that set it.
    Reference(&'a MeasuredRecord),
}

impl<'a> From<Option<&'a MeasuredRecord>> for DifficultyRecord<'a> {
    fn from(measured: Option<&'a MeasuredRecord>) -> Self {
        match measured {
            None => Self::Surface,
            Some(record) if record.file.is_none() => Self::Reference(record),
            Some(record) => Self::Measured(record),
        }
    }
}

impl<'a> ManifestPart<'a> {
    /// The part of the benchmark with this meta.
    pub fn new(
        meta: &'a Meta,
        difficulty: DifficultyRecord<'a>,
        rows: ManifestRows<'a>,
        asked: BinCounts,
        got: BinCounts,
        got_by_stratum: &'a [(String, u64)],
    ) -> Self {
        Self {
            benchmark: &meta.benchmark,
            n_tasks_full: meta.n_tasks_full,
            rejected_rows: meta.rejected_rows,
            benchmark_config_fingerprint: &meta.benchmark_config_fingerprint,
            normalization_constants: &meta.normalization_constants,
            normalization: &meta.normalization,
            difficulty,
            rows,
            asked,
            got,
            got_by_stratum: got_by_stratum.iter().map(|(value, n)| (value.as_str(), *n)).collect(),
            source: &meta.source,
            store: &meta.store,
        }
    }
}

impl BinCounts {
    /// Counts by bin; without medium tasks if nobody asks for them.
    pub fn of(counts: PerBin<u64>, medium: bool) -> Self {
        Self { easy: counts.easy, medium: medium.then_some(counts.medium), hard: counts.hard }
    }
}

/// The manifest of a stream before its tasks are written: it names no files yet.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolManifest(Value);

impl PoolManifest {
    /// Copies `manifest`, so that it outlives the stores.
    pub fn of(manifest: &Manifest<'_>) -> Self {
        // A manifest holds finite numbers, texts and maps with text keys: it can always be written.
        Self(serde_json::to_value(manifest).unwrap_or_default())
    }

    /// The manifest beside a file of tasks; `None` if there is none, or it is not valid JSON.
    pub fn beside(tasks: &Path) -> Option<Self> {
        Self::beside_checked(tasks).0
    }

    /// The same, and whether a manifest is there that cannot be read, or was changed since it was written.
    pub fn beside_checked(tasks: &Path) -> (Option<Self>, bool) {
        match text_beside(tasks) {
            None => (None, false),
            Some(Err(_)) => (None, true),
            Some(Ok(text)) => (serde_json::from_str(&text).ok().map(Self), !checksum::is_sealed(&text)),
        }
    }

    /// Whether it names a file with its checksum.
    pub fn vouches_for(&self, file: &Path) -> bool {
        let recorded = file.file_name().and_then(|name| self.0["outputs"][name.to_str()?]["checksum"].as_str());
        let found = || checksum::of_file(file, "sha256:").ok();
        recorded.is_some_and(|recorded| found().is_some_and(|(checksum, _)| checksum == recorded))
    }

    /// Its content.
    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    /// Where easy ends and where hard begins in a benchmark; `None` if it does not say.
    pub fn thresholds(&self, benchmark: &str) -> Option<Thresholds> {
        thresholds(&self.0, benchmark)
    }

    /// The measured difficulties that it names; `None` if it cannot be understood.
    pub fn measured_parts(&self) -> Option<MeasuredParts> {
        measured_parts_of(&self.0)
    }

    /// The text of the manifest that names `file`, with the tasks, under `name`.
    pub fn vouching_for(&self, name: &str, file: &WrittenFile) -> String {
        self.with_outputs(&serde_json::json!({ name: file }))
    }

    /// The text of the manifest in `folder` with one more file; `None` if that manifest belongs to other tasks.
    pub fn vouching_too(&self, folder: &Path, name: &str, file: &WrittenFile) -> Option<String> {
        let text =
            std::fs::read_to_string(folder.join(super::MANIFEST)).ok().filter(|text| checksum::is_sealed(text))?;
        let mut outputs = serde_json::from_str::<Value>(&text).ok()?.get("outputs")?.clone();
        let written = self.with_outputs(&outputs) == text;
        outputs[name] = serde_json::to_value(file).ok()?;
        written.then(|| self.with_outputs(&outputs))
    }

    fn with_outputs(&self, outputs: &Value) -> String {
        let mut manifest = self.0.clone();
        manifest["outputs"] = outputs.clone();
        checksum::seal(&manifest).unwrap_or_default()
    }
}

/// The name of the manifest beside a file of tasks with this name.
pub fn manifest_name(pool: &str) -> String {
    let stem = pool.rsplit_once('.').map_or(pool, |(stem, _)| stem);
    if stem == "task_pool" { super::MANIFEST.to_owned() } else { format!("{stem}.{}", super::MANIFEST) }
}

/// The existing content of a folder where a pool will be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Existing {
    /// No files of a pool.
    Nothing,
    /// A pool that symphony-data wrote, unchanged.
    Pool {
        /// The key of the experiment that made it, if one did.
        experiment: Option<String>,
        /// Its request, and what else each benchmark was drawn by ([`made_of`]).
        request: (Value, Vec<Value>),
        /// Whether any of its tasks is generated.
        synthetic: bool,
    },
    /// Files that no manifest names with their checksum: a user's work, or files of a run that was stopped before it wrote its
    /// manifest.
    Unvouched(Vec<Unvouched>),
    /// A phrase for another obstacle: the manifest is damaged or of another program, or a file cannot be read.
    Other(String),
}

/// A file in a pool's folder that no manifest names with its checksum.
#[derive(Clone, Debug, PartialEq)]
pub struct Unvouched {
    /// Its name.
    pub name: &'static str,
    /// Its checksum (SHA-256).
    pub checksum: String,
    /// A phrase that says what is wrong with it.
    pub what: String,
}

/// Looks at `folder`, where a pool will be written.
pub fn existing(folder: &Path) -> Existing {
    let files: Vec<&'static str> = Layout::ALL.map(super::task_pool).into_iter().chain([super::STATISTICS]).collect();
    let is_there = |name: &&str| folder.join(name).symlink_metadata().is_ok();
    let path = folder.join(super::MANIFEST);
    let manifest: Option<Value> = match std::fs::read_to_string(&path) {
        Ok(text) if checksum::is_sealed(&text) => serde_json::from_str(&text).ok(),
        Ok(text) => {
            let what = if checksum::has_seal(&text) { "was changed or damaged" } else { "symphony-data did not write" };
            return Existing::Other(format!("a {} that {what}", super::MANIFEST));
        }
        // A file in the folder's place is named when the folder is to be made.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => return Existing::Other(format!("a {} that cannot be read ({error})", super::MANIFEST)),
    };
    let mut unvouched = Vec::new();
    for name in files.into_iter().filter(is_there) {
        let checksum = match checksum::of_file(&folder.join(name), "sha256:") {
            Ok((checksum, _)) => checksum,
            Err(error) => return Existing::Other(format!("a {name} that cannot be read ({error})")),
        };
        let what = match manifest.as_ref().map(|manifest| manifest["outputs"][name]["checksum"].as_str()) {
            Some(Some(recorded)) if recorded == checksum => continue,
            Some(Some(_)) => format!("a {name} that was changed since it was written"),
            Some(None) => format!("a {name} that its manifest does not name"),
            None => format!("a {name} without a manifest, so its origin is unknown"),
        };
        unvouched.push(Unvouched { name, checksum, what });
    }
    match manifest {
        _ if !unvouched.is_empty() => Existing::Unvouched(unvouched),
        None => Existing::Nothing,
        Some(manifest) => Existing::Pool {
            experiment: manifest["experiment"].as_str().map(str::to_owned),
            request: (
                manifest["request"].clone(),
                manifest["benchmarks"].as_array().into_iter().flatten().map(made_of).collect(),
            ),
            synthetic: manifest["synthetic"] == true,
        },
    }
}

/// What a benchmark was drawn by beside the request: its difficulty, and the lists that say which rows were left out.
pub fn made_of(part: &Value) -> Value {
    let lists = part["eligible"]["left_out"].as_array().into_iter().flatten();
    let lists: Vec<&Value> = lists.filter_map(|condition| condition.get("checksum")).collect();
    serde_json::json!([part["difficulty"], lists])
}

/// The manifest in `folder`; `None` if it is missing or not valid JSON.
fn read(folder: &Path) -> Option<Value> {
    let path = folder.join(super::MANIFEST);
    // Only a regular file: reading another kind may never end.
    let text = path.is_file().then(|| std::fs::read_to_string(&path).ok()).flatten()?;
    serde_json::from_str(&text).ok()
}

/// The checksum that a manifest of this text records for a file; `None` if it does not list the file.
pub fn recorded(text: &str, name: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(text).ok()?;
    manifest["outputs"].get(name)?["checksum"].as_str().map(str::to_owned)
}

/// Whether any task of the pool in `folder` is generated rather than real; `None` if there is no manifest, or it does not
/// say.
pub fn is_synthetic(folder: &Path) -> Option<bool> {
    read(folder)?.get("synthetic")?.as_bool()
}

/// The text of the manifest beside a file of tasks, if there is one.
fn text_beside(tasks: &Path) -> Option<std::io::Result<String>> {
    let path = tasks.with_file_name(manifest_name(tasks.file_name()?.to_str()?));
    // Only a regular file: reading another kind may never end.
    path.is_file().then(|| std::fs::read_to_string(&path))
}

/// Where easy ends and where hard begins in a benchmark, as a manifest records it; `None` if it does not say.
pub(crate) fn thresholds(manifest: &Value, benchmark: &str) -> Option<Thresholds> {
    let part = manifest["benchmarks"].as_array()?.iter().find(|part| part["benchmark"] == benchmark)?;
    Thresholds::deserialize(&part["thresholds"]).ok()
}

/// The files that the manifest in `folder` lists, each with its size and checksum; `None` if there is no manifest.
pub fn outputs(folder: &Path) -> Option<serde_json::Map<String, Value>> {
    read(folder)?.get("outputs")?.as_object().cloned()
}

/// The measured difficulty, from a calibration or the reference, of each benchmark in a pool that was drawn by one.
pub type MeasuredParts = BTreeMap<String, MeasuredRecord>;

/// The measured difficulties that the manifest in `folder` names; `None` if there is no manifest, or it cannot be understood.
pub fn measured_parts(folder: &Path) -> Option<MeasuredParts> {
    measured_parts_of(&read(folder)?)
}

fn measured_parts_of(manifest: &Value) -> Option<MeasuredParts> {
    let mut parts = MeasuredParts::new();
    for part in manifest.get("benchmarks")?.as_array()? {
        // Version 0.1.0 wrote the record under `measured`, and nothing for surface scores.
        let of_surface = |difficulty: &&Value| difficulty.get("kind").is_some_and(|kind| kind == "surface");
        let record = part.get("difficulty").filter(|difficulty| !of_surface(difficulty)).or(part.get("measured"));
        if let Some(measured) = record {
            let benchmark = part.get("benchmark")?.as_str()?;
            parts.insert(benchmark.to_owned(), MeasuredRecord::deserialize(measured).ok()?);
        }
    }
    Some(parts)
}
