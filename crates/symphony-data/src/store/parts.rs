//! A store in parts: the names of its files, what the meta says of them, and which features are labels in all of them.

use std::{collections::HashSet, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use super::{StoreRecord, index_name, labels::MAX_VALUES, store_name};
use crate::{
    disk::{DiskError, Folder, WrittenFile, checksum},
    progress::Progress,
    task::Layout,
};

/// The name of the folder of a benchmark's parts.
pub fn parts_name(benchmark: &str) -> String {
    format!("{benchmark}_full")
}

/// The name of the hidden folder in which workers leave what they make of the shards of a benchmark.
pub fn shards_name(benchmark: &str) -> String {
    format!(".{benchmark}_shards")
}

/// The names of a store's file and of its index, or of those of a part, in their folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The rows.
    pub store: String,
    /// Their index.
    pub index: String,
}

impl Names {
    /// Those of a benchmark's store that is one file.
    pub fn whole(benchmark: &str, format: Layout) -> Self {
        Self { store: store_name(benchmark, format), index: index_name(benchmark) }
    }

    /// Those of part `at`, from 0, in the folder of the parts.
    pub fn part(at: usize, format: Layout) -> Self {
        Self { store: format!("part-{at:05}.{}", format.name()), index: format!("part-{at:05}.index") }
    }

    /// Whether a file is named like a part or the index of one.
    pub fn is_part(name: &str) -> bool {
        let number = name.strip_prefix("part-").and_then(|rest| rest.split_once('.'));
        let is_ending = |ending| ending == "index" || Layout::ALL.iter().any(|format| ending == format.name());
        number.is_some_and(|(number, ending)| {
            number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit()) && is_ending(ending)
        })
    }
}

/// What a meta says of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Its file in the folder of the parts: `part-00000.jsonl`.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// Its size and checksum.
    #[serde(flatten)]
    pub file: WrittenFile,
}

impl PartRecord {
    /// The names of its files.
    pub fn names(&self) -> Names {
        let stem = self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem);
        Names { store: self.name.clone(), index: format!("{stem}.index") }
    }
}

impl StoreRecord {
    /// The record of a store that is one file.
    pub fn whole(format: Layout, file: WrittenFile) -> Self {
        Self { format, file, parts: Vec::new(), labels: Vec::new() }
    }

    /// The record of a store of these parts. Its checksum is over the lines of their checksums.
    pub fn of_parts(format: Layout, parts: Vec<PartRecord>, labels: Vec<String>) -> Self {
        let lines: String = parts.iter().map(|part| format!("{}\n", part.file.checksum)).collect();
        let bytes = parts.iter().map(|part| part.file.bytes).sum();
        Self { format, file: WrittenFile { bytes, checksum: checksum::sha256_of(lines.as_bytes()) }, parts, labels }
    }

    /// The files of the rows and their indexes, relative to the folder of the meta, in the order of the rows.
    pub fn files(&self, benchmark: &str) -> Vec<(Names, &WrittenFile)> {
        if self.parts.is_empty() {
            return vec![(Names::whole(benchmark, self.format), &self.file)];
        }
        let folder = parts_name(benchmark);
        let inside = |part: &'_ PartRecord| {
            let Names { store, index } = part.names();
            Names { store: format!("{folder}/{store}"), index: format!("{folder}/{index}") }
        };
        self.parts.iter().map(|part| (inside(part), &part.file)).collect()
    }
}

/// The features of a part's rows, in the order of the rule: each one's name, and its values if it is a label there; `None` if
/// it cannot be one. A feature that is null in all rows of the part has no values, and may be a label in others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartLabels(pub(super) Vec<(String, Option<Vec<String>>)>);

impl PartLabels {
    /// The names of the labels of the store that has these parts.
    pub fn of_store(parts: &[Self]) -> Vec<String> {
        // All rows have the same features, except that a part may have no rows.
        let Some(all) = parts.iter().max_by_key(|part| part.0.len()) else { return Vec::new() };
        let is_label = |name: &&String| {
            let mut values: HashSet<&str> = HashSet::new();
            for (_, found) in parts.iter().flat_map(|part| &part.0).filter(|(other, _)| other == *name) {
                let Some(found) = found else { return false };
                values.extend(found.iter().map(String::as_str));
            }
            !values.is_empty() && values.len() <= MAX_VALUES
        };
        all.0.iter().map(|(name, _)| name).filter(is_label).cloned().collect()
    }
}

/// Removes what lies in `folder` of other stores of the benchmark than this one: a file in another format or of another
/// number of parts, and what a stopped run left among the parts.
///
/// # Errors
/// A file cannot be removed.
pub fn remove_others(
    folder: &Folder,
    benchmark: &str,
    record: &StoreRecord,
    progress: &dyn Progress,
) -> Result<(), DiskError> {
    let own: HashSet<String> =
        record.files(benchmark).into_iter().flat_map(|(names, _)| [names.store, names.index]).collect();
    for name in Layout::ALL.map(|format| store_name(benchmark, format)).into_iter().chain([index_name(benchmark)]) {
        if !own.contains(&name) {
            folder.remove(&name)?;
        }
    }
    // No driver uses it: one that does holds the lock of the folder.
    let shards = folder.path().join(shards_name(benchmark));
    if shards.is_dir() {
        let failed = |error| DiskError::writing(&shards, "remove what a stopped run left", error);
        fs::remove_dir_all(&shards).map_err(failed)?;
    }
    let parts = parts_name(benchmark);
    let path = folder.path().join(&parts);
    if !path.is_dir() || path.is_symlink() {
        return Ok(());
    }
    let inside = Folder::lock(&path, progress)?;
    for entry in fs::read_dir(&path).map_err(|error| DiskError::new(&path, "list this folder", error))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if Names::is_part(&name) && !own.contains(&format!("{parts}/{name}")) {
            inside.remove(&name)?;
        }
    }
    drop(inside);
    remove_if_empty(&path)
}

/// The format of the parts of a benchmark that lie in `folder`, and how many there are; `None` without parts. This is all
/// that is known of a store of parts whose meta is lost.
pub fn parts_in(folder: &Path, benchmark: &str) -> Option<(Layout, usize)> {
    let listed = fs::read_dir(folder.join(parts_name(benchmark))).ok()?.flatten();
    let names: Vec<String> = listed.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let count = |format: Layout| {
        let is_one = |name: &&String| Names::is_part(name) && name.ends_with(&format!(".{}", format.name()));
        (format, names.iter().filter(is_one).count())
    };
    Layout::ALL.map(count).into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0)
}

/// Removes a folder unless something lies in it.
fn remove_if_empty(path: &Path) -> Result<(), DiskError> {
    match fs::remove_dir(path) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound) => {
            Err(DiskError::writing(path, "remove this folder", error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(features: &[(&str, Option<&[&str]>)]) -> PartLabels {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        PartLabels(features.iter().map(|(name, values)| ((*name).to_owned(), values.map(owned))).collect())
    }

    #[test]
    fn a_label_is_a_text_in_some_part_and_nothing_else_in_any() {
        let parts = [
            part(&[("n", None), ("topic", Some(&[])), ("mixed", Some(&["a"])), ("null", Some(&[]))]),
            part(&[]),
            part(&[("n", None), ("topic", Some(&["x"])), ("mixed", None), ("null", Some(&[]))]),
        ];
        assert_eq!(PartLabels::of_store(&parts), ["topic"]);
        assert_eq!(PartLabels::of_store(&[]), [""; 0]);
    }

    #[test]
    fn a_feature_with_too_many_values_in_all_parts_is_no_label() {
        let many = |from: usize, n: usize| {
            PartLabels(vec![("id".to_owned(), Some((from..from + n).map(|value| value.to_string()).collect()))])
        };
        assert_eq!(PartLabels::of_store(&[many(0, MAX_VALUES), many(1, 9)]), ["id"]);
        assert!(PartLabels::of_store(&[many(0, MAX_VALUES), many(1, MAX_VALUES)]).is_empty());
    }

    #[test]
    fn parts_are_known_by_their_names() {
        assert!(Names::is_part("part-00000.jsonl") && Names::is_part("part-123456.index"));
        for other in ["part-1.jsonl", "part-00000.json", "part-0000x.index", ".part-00000.jsonl", "notes.txt"] {
            assert!(!Names::is_part(other), "{other}");
        }
        assert_eq!(Names::part(7, Layout::Parquet).store, "part-00007.parquet");
    }
}
