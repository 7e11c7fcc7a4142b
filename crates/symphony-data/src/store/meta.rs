//! A store's meta: constants, thresholds, source and checksums, sealed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{PartRecord, StoreError, meta_name};
use crate::{
    bin::{Cut, PerBin, Thresholds},
    difficulty::{Constants, Normalization},
    disk::{NamedFile, WrittenFile, checksum},
    task::Layout,
};

/// The content of `{b}_full_meta.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// The benchmark's name.
    pub benchmark: String,
    /// How many rows were scored.
    pub n_tasks_full: u64,
    /// The fingerprint of the configuration that the store was made from.
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
    /// How bad rows were treated; an automatic rebuild treats them the same way.
    #[serde(default, skip_serializing_if = "OnBadRow::is_stop")]
    pub on_bad_row: OnBadRow,
    /// Rows that are copies of earlier ones, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<Copies>,
    /// Where the rows came from.
    pub source: SourceRecord,
    /// The store itself.
    pub store: StoreRecord,
    /// The program that wrote this.
    pub tool: String,
    /// The checksum of this file with this value empty.
    pub self_checksum: String,
}

/// The configured percentiles, or cuts, and their thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetaThresholds {
    /// The configured percentiles, or cuts.
    #[serde(flatten)]
    pub cut: Cut,
    /// The scores at these percentiles, or the cuts themselves.
    #[serde(flatten)]
    pub scores: Thresholds,
}

/// Rows with the same identity as an earlier row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copies {
    /// How many there are.
    pub rows: u64,
    /// How many of them differ from the first row of their identity; at most about ten thousand copies are compared.
    pub differing: u64,
    /// The fields in which they differ, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// One sentence for people, such as `2 rows are copies of an earlier one (same identity)`.
impl std::fmt::Display for Copies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rows, differing, fields } = self;
        let rows_are = if *rows == 1 { "row is a copy" } else { "rows are copies" };
        write!(f, "{rows} {rows_are} of an earlier one (same identity)")?;
        if *differing == 0 {
            Ok(())
        } else {
            write!(f, "; {differing} of them differ from it in {}", fields.join(", "))
        }
    }
}

/// Where a store's rows came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The configured path, without folders that exist on one machine only.
    pub path: String,
    /// The commit that was read, where the source has commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The branch that pointed to the commit; absent where the configuration names the commit itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The files, in the order in which they were read; empty for generated rows.
    pub files: Vec<NamedFile>,
}

/// A store's format, size and checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreRecord {
    /// JSON lines or Parquet.
    pub format: Layout,
    /// Size and checksum. Of a store of parts, the size of all parts, and a checksum over theirs.
    #[serde(flatten)]
    pub file: WrittenFile,
    /// The parts, in the order of their rows; none if the store is one file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartRecord>,
    /// The names of the labels of a store of parts: a part alone cannot say what is a label in the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

impl Meta {
    /// Whether the rows are generated rather than real.
    pub fn is_synthetic(&self) -> bool {
        self.source.path.starts_with("synthetic:")
    }

    /// Reads and checks the meta of `benchmark` in `folder`.
    ///
    /// # Errors
    /// The meta is missing, was changed since it was written, or comes from another program or version.
    pub fn read(folder: &Path, benchmark: &str) -> Result<Self, StoreError> {
        let path = folder.join(meta_name(benchmark));
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| StoreError::stale(&path, "this file was damaged"))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { benchmark: benchmark.to_owned(), folder: folder.to_owned() });
            }
            Err(error) => return Err(crate::disk::DiskError::new(&path, "read this file", error).into()),
        };
        // A link is not another program's file: replacing it leaves the file that it points to untouched.
        if !checksum::has_seal(&text) && !path.is_symlink() {
            return Err(StoreError::Foreign { path });
        }
        if !checksum::is_sealed(&text) {
            return Err(StoreError::stale(&path, "this file was changed or damaged (self_checksum)"));
        }
        serde_json::from_str(&text).map_err(|error| {
            StoreError::stale(&path, format!("this file was written by another version of symphony-data ({error})"))
        })
    }
}

/// What to do with a row that cannot be scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBadRow {
    /// Stop with an error that names the row.
    #[default]
    Stop,
    /// Write the row to `{b}_rejected.jsonl` and continue.
    Skip,
}

impl OnBadRow {
    /// Whether a bad row stops the run.
    pub fn is_stop(&self) -> bool {
        *self == Self::Stop
    }
}
