//! `manifest.json`: how a pool was made, down to the bytes.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::statistics::BinCounts;
use crate::{
    config::{Request, request::Split},
    difficulty::Constants,
    disk::WrittenFile,
    store::{MeasuredRecord, Meta, SourceRecord, StoreRecord},
    stream::{PerBin, Thresholds},
};

/// What `manifest.json` holds.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest<'a> {
    /// The experiment's key, if the request has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<&'a str>,
    /// The experiment's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The request, all defaults filled.
    pub request: &'a Request,
    /// Whether any task is generated rather than real.
    pub synthetic: bool,
    /// Each benchmark's part.
    pub benchmarks: Vec<ManifestPart<'a>>,
    /// What the user was told: rescaled ratios, bins that deliver fewer.
    pub warnings: &'a [String],
    /// The pool and its statistics.
    #[serde(serialize_with = "super::as_map")]
    pub outputs: Vec<(&'static str, WrittenFile)>,
    /// The program that wrote this.
    pub tool: &'static str,
    /// Over this file with this value empty.
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
    /// Its fingerprint.
    pub benchmark_config_fingerprint: &'a str,
    /// Its normalization constants.
    pub normalization_constants: &'a Constants,
    /// The calibration that its scores were taken from, if there was one, and the models that set the difficulty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<&'a MeasuredRecord>,
    /// The request's thresholds.
    pub thresholds: Thresholds,
    /// How many rows each bin has under them.
    pub bins: PerBin<u64>,
    /// What each bin owes.
    pub asked: BinCounts,
    /// What each bin gave.
    pub got: BinCounts,
    /// Where its rows came from.
    pub source: &'a SourceRecord,
    /// The store that was read.
    pub store: &'a StoreRecord,
}

impl<'a> ManifestPart<'a> {
    /// A part from the store's meta and what was drawn from it.
    pub fn new(meta: &'a Meta, thresholds: Thresholds, bins: PerBin<u64>, asked: BinCounts, got: BinCounts) -> Self {
        Self {
            benchmark: &meta.benchmark,
            n_tasks_full: meta.n_tasks_full,
            rejected_rows: meta.rejected_rows,
            benchmark_config_fingerprint: &meta.benchmark_config_fingerprint,
            normalization_constants: &meta.normalization_constants,
            measured: meta.measured.as_ref(),
            thresholds,
            bins,
            asked,
            got,
            source: &meta.source,
            store: &meta.store,
        }
    }
}

impl BinCounts {
    /// Counts of all bins as a split of this form shows them.
    pub fn under(split: Split, counts: PerBin<u64>) -> Self {
        Self { easy: counts.easy, medium: split.medium.map(|_| counts.medium), hard: counts.hard }
    }
}

/// The manifest in `folder`; `None` if none lies there.
fn read(folder: &Path) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(folder.join(super::MANIFEST)).ok()?).ok()
}

/// The files that the manifest in `folder` names, and what it says of each; `None` if no manifest lies there.
pub fn outputs(folder: &Path) -> Option<serde_json::Map<String, Value>> {
    read(folder)?.get("outputs")?.as_object().cloned()
}

/// Whether the pool in `folder` says of itself that it holds generated tasks; `None` if no manifest lies there.
pub fn is_synthetic(folder: &Path) -> Option<bool> {
    read(folder)?.get("synthetic")?.as_bool()
}

/// The calibration behind each benchmark of a pool whose difficulty was measured.
pub type MeasuredParts = BTreeMap<String, MeasuredRecord>;

/// What the manifest in `folder` says of measured difficulties; `None` if no manifest lies there that can be understood.
pub fn measured_parts(folder: &Path) -> Option<MeasuredParts> {
    let mut parts = MeasuredParts::new();
    for part in read(folder)?.get("benchmarks")?.as_array()? {
        if let Some(measured) = part.get("measured") {
            let benchmark = part.get("benchmark")?.as_str()?;
            parts.insert(benchmark.to_owned(), MeasuredRecord::deserialize(measured).ok()?);
        }
    }
    Some(parts)
}
