//! The layouts of files of rows and tasks.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// How a store or a pool holds its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// Typed columns; rows and features as JSON text.
    Parquet,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 2] = [Self::Jsonl, Self::Parquet];

    /// `jsonl` or `parquet`, which is also the ending of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// The layout that a file's ending names.
    pub fn by_ending(path: &Path) -> Option<Self> {
        Self::parse(&path.extension()?.to_str()?.to_ascii_lowercase())
    }

    /// The layout of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}
