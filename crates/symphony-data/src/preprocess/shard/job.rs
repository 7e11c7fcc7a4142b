//! What the driver and the workers tell each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    bin::{PerBin, Thresholds},
    difficulty::RawRange,
    disk::{WrittenFile, storage::Stamp},
    number::{Mean, Search, SearchCounts, Summary},
    preprocess::copies::Fields,
    source::{Piece, pieces::PiecesRead},
    store::{PartLabels, PartRecord},
    task::Layout,
};

/// A configuration as workers make it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenConfig {
    /// Its name in messages.
    pub name: String,
    /// Its text.
    pub text: String,
    /// A text that changes when one of the caller's functions does, which are registered on workers too; empty without any.
    /// Jobs that were done with other functions are done again.
    pub functions: String,
}

/// A job for a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// The version of the driver, which must be that of the worker.
    pub tool: String,
    pub config: GivenConfig,
    pub benchmark: String,
    /// The folder for what workers make, or its URL.
    pub scratch: PathBuf,
    pub step: Step,
}

/// What a job asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Step {
    /// The checksum of a file.
    Checksum { path: PathBuf, stamp: Stamp },
    /// The features of a shard.
    Features { pieces: Vec<Piece>, skip_bad_rows: bool },
    /// A round of a search for a percentile of a column.
    Count { features: String, column: Column, search: Search },
    /// The range of the raw scores.
    Range { features: String, constants: Vec<f64> },
    /// A summary of the scores.
    Scores { features: String, scale: RawScale },
    /// The identities from `from` to `to` that occur more than once in these files.
    Copies { identities: Vec<String>, from: u64, to: u64 },
    /// A part of the store.
    Write(Box<Write>),
}

/// The values that a search looks at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Column {
    /// A scored feature, by its place among them.
    Feature(usize),
    Scores(RawScale),
}

/// What turns features into scores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RawScale {
    pub constants: Vec<f64>,
    pub range: RawRange,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Write {
    pub pieces: Vec<Piece>,
    /// The number of the first row.
    pub first_row: u64,
    /// How many lines of the first piece's file lie before it.
    pub lines_before: u64,
    /// How many rows the first pass found, good and bad.
    pub rows: (u64, u64),
    /// The file of scored features, if the rule has functions of the caller's: they must return the same values again.
    pub again: Option<String>,
    pub scale: RawScale,
    pub thresholds: Thresholds,
    pub format: Layout,
    /// The identities whose rows are compared.
    pub copies: Vec<u64>,
}

/// What a worker found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Found {
    Checksum {
        bytes: u64,
        checksum: String,
    },
    Features(Box<FeaturesFound>),
    Count(SearchCounts),
    Range(Option<RawRange>),
    Scores(Summary, Box<Mean>),
    /// How many rows are copies, and the first identities with the number of rows beyond the first of each.
    Copies {
        rows: u64,
        identities: Vec<(u64, u64)>,
    },
    Part(Box<PartMade>),
    /// A feature or a score is not finite.
    NotFinite,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FeaturesFound {
    /// How many rows are good.
    pub good: u64,
    /// How many are bad.
    pub bad: u64,
    /// A summary of each feature that has a normalization constant.
    pub summaries: Vec<Summary>,
    pub read: PiecesRead,
    /// The row at which it stopped.
    pub stopped: Option<BadRow>,
    /// The name of the file of scored features.
    pub features: String,
    /// The name of the file of identities, sorted; none if identities are row numbers.
    pub identities: Option<String>,
}

/// A bad row, as its shard counts rows and lines.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BadRow {
    pub row: u64,
    pub source: String,
    pub line: u64,
    pub field: String,
    pub reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PartMade {
    /// Its file, by its name in the scratch folder.
    pub part: PartRecord,
    /// Its index.
    pub index: (String, WrittenFile),
    pub labels: PartLabels,
    pub bins: PerBin<u64>,
    /// The file of rows that were set aside.
    pub rejected: Option<(String, WrittenFile)>,
    pub rejected_rows: u64,
    /// The fields of the rows whose identities were looked for.
    pub copies: Vec<(u64, Vec<Fields>)>,
}
