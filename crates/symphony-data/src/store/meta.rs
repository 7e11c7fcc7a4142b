//! A store's meta: constants, thresholds, source and checksums, sealed.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{StoreError, StoreFormat, meta_name};
use crate::{
    config::{Benchmark, Cut},
    difficulty::{Constants, Normalization},
    disk::{WrittenFile, checksum},
    evidence::{
        calibration::{Calibration, ItemModel},
        responses::Model,
    },
    source::SourceFile,
    stream::{PerBin, Thresholds},
};

/// Raised when the same source and rule would give another store than before.
const FORMAT: u32 = 1;

/// What `{b}_full_meta.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// The benchmark's name.
    pub benchmark: String,
    /// How many rows were scored.
    pub n_tasks_full: u64,
    /// [`fingerprint`] of the configuration that the store was made from.
    pub benchmark_config_fingerprint: String,
    /// How raw scores became difficulty scores.
    pub normalization: Normalization,
    /// The 95th percentiles that normalize features, by name.
    pub normalization_constants: Constants,
    /// The thresholds under the configured percentiles.
    pub thresholds: MetaThresholds,
    /// How many tasks each bin has under these thresholds.
    pub bins: PerBin<u64>,
    /// How many rows were set aside.
    pub rejected_rows: u64,
    /// The file of the rows that were set aside, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<WrittenFile>,
    /// The calibration that the scores were taken from, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<MeasuredRecord>,
    /// Where the rows came from.
    pub source: SourceRecord,
    /// The store itself.
    pub store: StoreRecord,
    /// The program that wrote this.
    pub tool: String,
    /// Over this file with this value empty.
    pub self_checksum: String,
}

/// The configured percentiles, or cuts, and their thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetaThresholds {
    /// The configured percentiles, or cuts.
    #[serde(flatten)]
    pub cut: Cut,
    /// The scores there.
    #[serde(flatten)]
    pub scores: Thresholds,
}

/// The calibration that a store's scores were taken from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRecord {
    /// Its file's name.
    pub file: String,
    /// Its meta's own checksum, which covers both files.
    pub checksum: String,
    /// What was fitted.
    pub model: ItemModel,
    /// Rows that fewer models answered were set aside.
    pub min_responses: u64,
    /// The models whose answers set the difficulty. Evaluated on tasks chosen by it, they are evaluated on what they set.
    pub panel: Vec<Model>,
}

/// Where a store's rows came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The configured path, without folders that only one machine has.
    pub path: String,
    /// The commit that served, where the source has commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The branch that the commit was found by; absent where the configuration names the commit itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The files, in the order read; none for generated rows.
    pub files: Vec<SourceFile>,
}

/// A store's format, size and checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreRecord {
    /// Its format.
    pub format: StoreFormat,
    /// Size and checksum.
    #[serde(flatten)]
    pub file: WrittenFile,
}

impl Meta {
    /// The names of the models whose answers the scores were made from, if they were.
    pub fn panel(&self) -> impl Iterator<Item = &str> {
        self.measured.iter().flat_map(|measured| &measured.panel).map(|model| model.name.as_str())
    }

    /// Reads and checks the meta of `benchmark` in `folder`.
    ///
    /// # Errors
    /// It is not there, or is not as it was written.
    pub fn read(folder: &Path, benchmark: &str) -> Result<Self, StoreError> {
        let path = folder.join(meta_name(benchmark));
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| StoreError::stale(&path, "this file was damaged"))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { benchmark: benchmark.to_owned(), folder: folder.to_owned() });
            }
            Err(error) => return Err(crate::disk::DiskError::new(&path, "read this file", error).into()),
        };
        if !checksum::is_sealed(&text) {
            return Err(StoreError::stale(&path, "this file was changed or damaged (self_checksum)"));
        }
        serde_json::from_str(&text)
            .map_err(|error| StoreError::stale(&path, format!("written by another version ({error})")))
    }
}

/// `sha256:` over everything in a benchmark's configuration that decides what its store holds: source, identity, rule, and
/// the calibration as it lies on disk; where it is gone, as `recorded` has it.
pub fn fingerprint(benchmark: &Benchmark, recorded: Option<&MeasuredRecord>) -> String {
    let mut covered = json!({
        "format": FORMAT,
        "path": benchmark.source.portable(),
        "split": benchmark.split,
        "configs": benchmark.configs,
        "config_field": benchmark.config_field,
        "revision": benchmark.revision,
        "identity": benchmark.identity,
        "rule": benchmark.rule,
    });
    if let Some(measured) = &benchmark.measured {
        let found = match Calibration::read_meta(&measured.path) {
            Ok((meta, _)) => Some(meta.self_checksum),
            Err(_) if measured.path.exists() => None,
            Err(_) => recorded.map(|recorded| recorded.checksum.clone()),
        };
        covered["measured"] = json!({ "checksum": found, "min_responses": measured.min_responses });
    }
    checksum::sha256_of(covered.to_string().as_bytes())
}
