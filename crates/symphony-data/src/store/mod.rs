//! A preprocessed benchmark on disk: `{b}_full.jsonl` or `{b}_full.parquet`, its index, and `{b}_full_meta.json`. A large one
//! may lie in parts: `{b}_full/part-00000.jsonl` and so on, each with its index, under one meta.
//!
//! [`Store::scores`] reads the scores that drawing needs, [`Store::labels`] the texts that rows are chosen and grouped by;
//! [`Store::fetch`] reads the drawn tasks.

use crate::{disk::DiskError, hint::Hint, task::Layout};
mod blocks;
mod duplicates;
mod gather;
mod held;
mod index;
mod labels;
pub(super) mod lines;
mod meta;
pub(super) mod parquet;
mod parts;
mod reader;
mod seal;
mod writer;

pub(crate) use duplicates::are_row_numbers;
pub use duplicates::{
    DuplicateRow, Duplicates, DuplicatesMeta, OverlapRow, Relation, checksum_of, duplicates_meta_name, duplicates_name,
    overlap_name,
};
pub use labels::Label;
pub use meta::{Copies, Meta, MetaThresholds, OnBadRow, SourceRecord, StoreRecord};
pub use parts::{Names, PartLabels, PartRecord, parts_in, parts_name, remove_others, shards_name};
pub use reader::{Span, Store};
pub use writer::{Encoded, Encoder, Places, ScoredRows, StoreWriter, WrittenStore};

use std::path::{Path, PathBuf};

/// The file name of a benchmark's store.
pub fn store_name(benchmark: &str, format: Layout) -> String {
    format!("{benchmark}_full.{}", format.name())
}

/// An identity as 16 hex digits. All digits at once: a draw writes millions, and one by one they take twice as long.
pub(crate) fn hex(identity: u64) -> [u8; 16] {
    const ONES: u128 = 0x0101_0101_0101_0101_0101_0101_0101_0101;
    // Moves each half byte into a byte of its own.
    let mut nibbles = u128::from(identity);
    nibbles = (nibbles | nibbles << 32) & 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff_0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & (ONES * 15);
    // 1 in each byte whose digit is a letter: 10 and 6 are the first to reach the next bit.
    let letters = ((nibbles + ONES * 6) >> 4) & ONES;
    (nibbles + ONES * u128::from(b'0') + letters * u128::from(b'a' - b'0' - 10)).to_be_bytes()
}

/// The file name of the index beside a store.
pub fn index_name(benchmark: &str) -> String {
    format!("{benchmark}_full.index")
}

/// The file name of a benchmark's meta.
pub fn meta_name(benchmark: &str) -> String {
    format!("{benchmark}_full_meta.json")
}

/// The benchmarks that are preprocessed in `folder`, sorted; none if there is no such folder.
///
/// # Errors
/// The folder cannot be listed.
pub fn preprocessed_in(folder: &Path) -> Result<Vec<String>, DiskError> {
    let listed = match std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(DiskError::new(folder, "list this folder", error)),
    };
    let name = |entry: &std::fs::DirEntry| Some(entry.file_name().to_str()?.strip_suffix(&meta_name(""))?.to_owned());
    let mut names: Vec<String> = listed.iter().filter_map(name).collect();
    names.sort();
    Ok(names)
}

/// The file name of the rows that were set aside.
pub fn rejected_name(benchmark: &str) -> String {
    format!("{benchmark}_rejected.jsonl")
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant names its fields")]
pub enum StoreError {
    /// There is no store of the benchmark in the folder.
    #[error("not preprocessed in {folder}: {benchmark}")]
    Missing {
        /// The benchmark, or several, joined by commas.
        benchmark: String,
        folder: PathBuf,
    },
    /// A file of the store is missing, damaged, or does not match its meta or the configuration.
    #[error("{path}: {reason}")]
    Stale { path: PathBuf, reason: String },
    /// Another program wrote a file of this name.
    #[error("{path}: this file was not written by symphony-data")]
    Foreign { path: PathBuf },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl StoreError {
    /// The ways out, best first.
    pub fn hints(&self) -> Vec<Hint> {
        let preprocess = |benchmarks: &str, folder: &Path, force| Hint::Preprocess {
            benchmarks: benchmarks.split(',').map(str::to_owned).collect(),
            folder: folder.to_owned(),
            force,
        };
        let of_file = |path: &Path, force| {
            let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let folder = path.parent().unwrap_or(Path::new(""));
            let (name, folder) = match name(folder).strip_suffix("_full") {
                Some(_) if Names::is_part(&name(path)) => (name(folder), folder.parent().unwrap_or(Path::new(""))),
                _ => (name(path), folder),
            };
            let endings =
                ["_full_meta.json", "_full.jsonl", "_full.parquet", "_full.index", "_full", "_rejected.jsonl"];
            let benchmark = endings.into_iter().find_map(|ending| name.strip_suffix(ending));
            benchmark.map(|benchmark| preprocess(benchmark, folder, force))
        };
        match self {
            Self::Missing { benchmark, folder } => vec![preprocess(benchmark, folder, false), Hint::NameStores],
            Self::Stale { path, .. } => of_file(path, false).into_iter().collect(),
            Self::Foreign { path } => of_file(path, true).into_iter().collect(),
            Self::Disk(_) => Vec::new(),
        }
    }

    fn stale(path: &Path, reason: impl Into<String>) -> Self {
        Self::Stale { path: path.to_owned(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn hex_digits_are_those_of_a_format() {
        for identity in
            (0..64).flat_map(|shift| [0x0123_4567_89ab_cdef_u64.rotate_left(shift), 1 << shift, u64::MAX >> shift])
        {
            assert_eq!(hex(identity), format!("{identity:016x}").as_bytes());
        }
    }
}
