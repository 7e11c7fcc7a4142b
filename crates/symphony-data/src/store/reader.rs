//! Reading a store: first the scores of all rows, without their data, then the data of the drawn rows.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use super::{Label, Meta, StoreError, lines::LinesReader, parquet::ParquetReader, store_name};
use crate::{
    bin::Thresholds,
    disk::{DiskError, Folder, NewFile, WrittenFile},
    progress::Progress,
    task::{Layout, StoredTask},
};

/// An open store. It keeps its files open, so it reads the same rows even if another run replaces the files.
#[derive(Debug)]
pub struct Store {
    /// The store's meta.
    pub meta: Meta,
    path: PathBuf,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    Lines(LinesReader),
    Parquet(ParquetReader),
}

impl Store {
    /// Opens the store of `benchmark` in `folder`. Waits while another run writes to the folder.
    ///
    /// # Errors
    /// The store is missing, its meta is damaged, or its size differs from the one in its meta.
    pub fn open(folder: &Path, benchmark: &str, progress: &dyn Progress) -> Result<Self, StoreError> {
        if folder.metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Err(StoreError::Missing { benchmark: benchmark.to_owned(), folder: folder.to_owned() });
        }
        Folder::shared(folder, progress, || Self::open_in(folder, benchmark))?
    }

    /// Opens the store of `benchmark` in a folder that the caller has locked.
    ///
    /// # Errors
    /// The same as [`Store::open`].
    pub fn open_in(folder: &Path, benchmark: &str) -> Result<Self, StoreError> {
        let meta = Meta::read(folder, benchmark)?;
        let path = folder.join(store_name(benchmark, meta.store.format));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::stale(&path, "this file is missing"));
            }
            Err(error) => return Err(DiskError::new(&path, "read this file", error).into()),
        };
        let bytes = file.metadata().map_err(|error| DiskError::new(&path, "read this file", error))?.len();
        if bytes != meta.store.file.bytes {
            let reason = format!("this file has {bytes} bytes, but its meta says {}", meta.store.file.bytes);
            return Err(StoreError::stale(&path, reason));
        }
        let rows = match meta.store.format {
            Layout::Jsonl => Rows::Lines(LinesReader::new(&path, file, &meta)),
            Layout::Parquet => Rows::Parquet(ParquetReader::new(&path, file, &meta)),
        };
        Ok(Self { meta, path, rows })
    }

    /// Why the index cannot be used; `None` if it can. With `whole`, every byte of the index is checked.
    pub fn index_problem(&self, whole: bool) -> Option<String> {
        match &self.rows {
            Rows::Lines(lines) => lines.index_problem(whole),
            Rows::Parquet(parquet) => parquet.index_problem(whole),
        }
    }

    /// Rebuilds the index from the store, and checks the store against its checksum on the way. The index goes to
    /// `folder`, or stays in memory where there is no folder to write to.
    ///
    /// # Errors
    /// The store was changed since it was written, or the disk fails.
    pub fn make_index(&mut self, folder: Option<&Folder>) -> Result<(), StoreError> {
        match &mut self.rows {
            Rows::Lines(lines) => lines.make_index(&self.meta.benchmark, folder),
            Rows::Parquet(parquet) => parquet.make_index(&self.meta.benchmark, folder),
        }
    }

    /// The number of rows.
    ///
    /// # Errors
    /// The index cannot be used.
    pub fn rows(&self) -> Result<usize, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => Ok(lines.index(&self.meta.benchmark)?.rows()),
            Rows::Parquet(parquet) => parquet.rows(),
        }
    }

    /// The difficulty score of every row, 0..1, in the order of the rows.
    ///
    /// # Errors
    /// The bytes that are read were changed since they were written, or the index cannot be used.
    pub fn scores(&self) -> Result<Vec<f64>, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.index(&self.meta.benchmark)?.scores(),
            Rows::Parquet(parquet) => parquet.scores(),
        }
    }

    /// The identity of every row: xxh3_64 of its identity bytes.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn identities(&self) -> Result<Vec<u64>, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.index(&self.meta.benchmark)?.identities(),
            Rows::Parquet(parquet) => parquet.identities(),
        }
    }

    /// The names of the labels, in the order in which the rule defines these features.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn label_names(&self) -> Result<Vec<String>, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.index(&self.meta.benchmark)?.label_names(),
            Rows::Parquet(parquet) => parquet.label_names(),
        }
    }

    /// All labels, in the same order.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn labels(&self) -> Result<Vec<Label>, StoreError> {
        self.labels_that(&|_| true)
    }

    /// The label with this name, if the store has one.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn label(&self, name: &str) -> Result<Option<Label>, StoreError> {
        Ok(self.labels_that(&|label| label == name)?.pop())
    }

    fn labels_that(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Label>, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.index(&self.meta.benchmark)?.labels(wanted),
            Rows::Parquet(parquet) => parquet.labels(wanted),
        }
    }

    /// The tasks at these rows, which must ascend, in the same order.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn fetch(&self, rows: &[u32]) -> Result<Vec<StoredTask>, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.fetch(&self.meta.benchmark, rows),
            Rows::Parquet(parquet) => parquet.fetch(&self.meta.benchmark, rows),
        }
    }

    /// Writes the store again with bins that follow `thresholds`; everything else stays. Returns the store and its index, to
    /// be published in this order.
    ///
    /// # Errors
    /// The store or its index was changed since it was written, or the disk fails.
    pub fn rewrite_bins(
        &self,
        folder: &Folder,
        thresholds: Thresholds,
    ) -> Result<(WrittenFile, [NewFile; 2]), StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.rewrite_bins(folder, &self.meta.benchmark, thresholds),
            Rows::Parquet(parquet) => parquet.rewrite_bins(folder, &self.meta.benchmark, thresholds),
        }
    }

    /// The path of the store's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
