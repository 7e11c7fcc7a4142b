//! Labels: features that are texts, such as `task_name`. The index keeps them as codes, so that rows can be chosen and
//! grouped by them without reading the rows.
//!
//! In an index, the codes of each label come first, two bytes a row; then the directory, which has the label's name, its
//! values and the checksum of its codes. [`super::seal`] records how long the directory is, and its checksum.

use std::{collections::HashMap, path::Path};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    StoreError,
    seal::{Bytes, LabelsEnd},
};
use crate::disk::DiskError;

/// The code of a row without a value.
pub(super) const NONE: u16 = u16::MAX;
/// How many values a label may have.
pub(super) const MAX_VALUES: usize = NONE as usize;
/// How long a value may be, in bytes.
pub(super) const MAX_BYTES: usize = 1024;
/// How many bytes a code takes.
const WIDTH: u64 = 2;

/// A feature that is a text in some rows of a store, and null or absent in all others. It has at most 65,535 values of at
/// most 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The feature's name.
    pub name: String,
    /// The values, in the order in which they first appear in the store.
    pub values: Vec<String>,
    codes: Vec<u16>,
}

impl Label {
    /// The value of a row; `None` if it has none.
    pub fn value(&self, row: u32) -> Option<&str> {
        self.values.get(usize::from(self.code(row)?)).map(String::as_str)
    }

    /// The place in `values` of a row's value; `None` if it has none.
    pub fn code(&self, row: u32) -> Option<u16> {
        self.codes.get(row as usize).copied().filter(|code| *code != NONE)
    }

    /// A label of no rows.
    pub(super) fn empty(name: &str) -> Self {
        Self { name: name.to_owned(), values: Vec::new(), codes: Vec::new() }
    }

    /// Appends the rows of another part of the store, which has this label too. All parts together have no more values than a
    /// label may have.
    pub(super) fn append(&mut self, other: &Self) {
        let mut places: HashMap<&str, u16> = HashMap::new();
        let mut values = std::mem::take(&mut self.values);
        for (at, value) in values.iter().enumerate() {
            places.insert(value, at as u16);
        }
        let new: Vec<String> =
            other.values.iter().filter(|value| !places.contains_key(value.as_str())).cloned().collect();
        let known = values.len();
        for (at, value) in new.iter().enumerate() {
            places.insert(value, (known + at) as u16);
        }
        let here: Vec<u16> =
            other.values.iter().map(|value| places.get(value.as_str()).copied().unwrap_or(NONE)).collect();
        self.codes.extend(other.codes.iter().map(|code| here.get(usize::from(*code)).copied().unwrap_or(NONE)));
        drop(places);
        values.extend(new);
        self.values = values;
    }

    /// Appends rows without a value.
    pub(super) fn append_none(&mut self, rows: usize) {
        self.codes.resize(self.codes.len() + rows, NONE);
    }

    /// The place in `values` of each row's value, in the order of the rows; [`u16::MAX`] where a row has none.
    pub fn codes(&self) -> &[u16] {
        &self.codes
    }
}

/// What the directory says of a label.
#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    name: String,
    values: Vec<String>,
    /// xxh3_64 of its codes.
    checksum: u64,
}

/// The labels of a store in the form that an index has them in.
#[derive(Debug, Default)]
pub(super) struct WrittenLabels {
    pub bytes: Vec<u8>,
    pub end: LabelsEnd,
}

impl WrittenLabels {
    /// Labels, each with its name, values and codes, one code for each row.
    pub fn of(labels: impl IntoIterator<Item = (String, Vec<String>, Vec<u16>)>) -> Self {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, values, codes) in labels {
            let from = bytes.len();
            bytes.extend(codes.iter().flat_map(|code| code.to_le_bytes()));
            directory.push(Listed { name, values, checksum: xxh3_64(&bytes[from..]) });
        }
        // Texts and numbers can always be written.
        let written = serde_json::to_vec(&directory).unwrap_or_default();
        let end =
            LabelsEnd { count: directory.len() as u64, directory: written.len() as u64, checksum: xxh3_64(&written) };
        bytes.extend(written);
        Self { bytes, end }
    }
}

/// Where an index has its labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Labels {
    from: u64,
    rows: u64,
    end: LabelsEnd,
}

impl Labels {
    /// The labels behind the first `from` bytes of an index of a store with this many rows.
    pub fn at(from: u64, rows: u64, end: LabelsEnd) -> Self {
        Self { from, rows, end }
    }

    /// The place behind them; `None` if no index is that large.
    pub fn end(&self) -> Option<u64> {
        let codes = self.rows.checked_mul(WIDTH)?.checked_mul(self.end.count)?;
        self.from.checked_add(codes)?.checked_add(self.end.directory)
    }

    /// The names of all labels, in the order in which the rule defines the features.
    pub fn names(&self, index: &Bytes, path: &Path) -> Result<Vec<String>, StoreError> {
        Ok(self.directory(index, path)?.into_iter().map(|listed| listed.name).collect())
    }

    /// The labels with names that are `wanted`, in the same order.
    pub fn load(&self, index: &Bytes, path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Label>, StoreError> {
        let mut labels = Vec::new();
        for (at, listed) in self.directory(index, path)?.into_iter().enumerate() {
            if wanted(&listed.name) {
                let codes = self.codes(index, path, at, &listed)?;
                labels.push(Label { name: listed.name, values: listed.values, codes });
            }
        }
        Ok(labels)
    }

    /// All of it, for the index of a store with the same rows.
    pub fn copy(&self, index: &Bytes, path: &Path) -> Result<WrittenLabels, StoreError> {
        self.load(index, path, &|_| true).map(|labels| {
            WrittenLabels::of(labels.into_iter().map(|Label { name, values, codes }| (name, values, codes)))
        })
    }

    fn directory(&self, index: &Bytes, path: &Path) -> Result<Vec<Listed>, StoreError> {
        let codes = self.rows * WIDTH * self.end.count;
        let bytes = read(index, path, self.from + codes, self.end.directory)?;
        if xxh3_64(&bytes) != self.end.checksum {
            return Err(damaged(path));
        }
        let listed: Vec<Listed> = serde_json::from_slice(&bytes).map_err(|_| damaged(path))?;
        if listed.len() as u64 == self.end.count { Ok(listed) } else { Err(damaged(path)) }
    }

    fn codes(&self, index: &Bytes, path: &Path, at: usize, listed: &Listed) -> Result<Vec<u16>, StoreError> {
        let bytes = read(index, path, self.from + self.rows * WIDTH * at as u64, self.rows * WIDTH)?;
        if xxh3_64(&bytes) != listed.checksum {
            return Err(damaged(path));
        }
        let codes: Vec<u16> = bytes.chunks_exact(2).map(|code| u16::from_le_bytes([code[0], code[1]])).collect();
        let known = listed.values.len().min(MAX_VALUES) as u16;
        // Counted, as the search for the first one would cost a branch a row.
        let unknown = codes.iter().filter(|code| **code >= known && **code != NONE).count();
        if unknown == 0 { Ok(codes) } else { Err(damaged(path)) }
    }
}

/// Reads a part of an index, whose length was checked against that of the file when the index was opened.
fn read(index: &Bytes, path: &Path, from: u64, length: u64) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; length as usize];
    index.read(&mut bytes, from).map_err(|error| DiskError::new(path, "read this file", error))?;
    Ok(bytes)
}

fn damaged(path: &Path) -> StoreError {
    StoreError::stale(path, "this file was changed or damaged (checksum)")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What loading gives for an index that has only these labels, of two rows.
    fn loaded(written: WrittenLabels) -> Result<Vec<Label>, StoreError> {
        let labels = Labels::at(0, 2, written.end);
        assert_eq!(labels.end(), Some(written.bytes.len() as u64));
        labels.load(&Bytes::Memory(written.bytes), Path::new("x_full.index"), &|_| true)
    }

    fn label(codes: [u16; 2]) -> (String, Vec<String>, Vec<u16>) {
        ("a".to_owned(), vec!["x".to_owned(), "y".to_owned()], codes.to_vec())
    }

    #[test]
    fn forged_labels_with_good_checksums_are_refused() {
        let good = loaded(WrittenLabels::of([label([1, NONE]), label([0, 1])])).unwrap();
        assert_eq!((good.len(), good[0].value(0), good[0].value(1), good[0].value(2)), (2, Some("y"), None, None));
        let refused = |written| matches!(loaded(written), Err(StoreError::Stale { .. }));
        assert!(refused(WrittenLabels::of([label([0, 2])])), "a code that no value has");
        // The directory lists another number of labels than the end, or is no directory.
        let mut written = WrittenLabels::of([label([0, 1]), label([0, 1])]);
        written.bytes.drain(..4);
        written.end.count = 1;
        assert!(refused(written));
        let mut written = WrittenLabels::of([label([0, 1])]);
        written.bytes[4] = b'{';
        written.end.checksum = xxh3_64(&written.bytes[4..]);
        assert!(refused(written));
    }

    #[test]
    fn a_place_that_no_file_has_is_no_place() {
        for (from, rows, count, directory) in
            [(0, u64::MAX, 1, 0), (0, 1 << 40, 1 << 40, 0), (u64::MAX, 1, 1, 0), (8, 1, 1, u64::MAX)]
        {
            assert_eq!(Labels::at(from, rows, LabelsEnd { count, directory, checksum: 0 }).end(), None);
        }
    }
}
