//! Reading a store: scores of all rows without their data, then the data of the drawn rows.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use super::{Meta, StoreError, lines::LinesReader, parquet::ParquetReader, store_name};
use crate::{
    bin::Thresholds,
    disk::{DiskError, Folder, NewFile, WrittenFile},
    progress::Progress,
    task::{Layout, StoredTask},
};

/// An opened store. What it reads is the store as it was when it was opened, whatever is put in its place meanwhile.
#[derive(Debug)]
pub struct Store {
    /// What its meta says.
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
    /// Opens the store of `benchmark` in `folder`, when no run is writing to it.
    ///
    /// # Errors
    /// It is missing, or its meta is damaged or tells of another size.
    pub fn open(folder: &Path, benchmark: &str, progress: &dyn Progress) -> Result<Self, StoreError> {
        if folder.metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Err(StoreError::Missing { benchmark: benchmark.to_owned(), folder: folder.to_owned() });
        }
        Folder::shared(folder, progress, || Self::open_in(folder, benchmark))?
    }

    /// Opens the store of `benchmark` in a folder that the caller has locked.
    ///
    /// # Errors
    /// As [`Store::open`].
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
            let reason = format!("has {bytes} bytes where its meta says {}", meta.store.file.bytes);
            return Err(StoreError::stale(&path, reason));
        }
        let rows = match meta.store.format {
            Layout::Jsonl => Rows::Lines(LinesReader::new(&path, file, &meta)),
            Layout::Parquet => Rows::Parquet(ParquetReader::new(&path, file, &meta)),
        };
        Ok(Self { meta, path, rows })
    }

    /// Why the index does not serve, if it does not; reads all of it if `whole`.
    pub fn index_problem(&self, whole: bool) -> Option<String> {
        match &self.rows {
            Rows::Lines(lines) => lines.index_problem(whole),
            // Its checksums were read as a whole when it was opened.
            Rows::Parquet(parquet) => parquet.index_problem(),
        }
    }

    /// Makes an index from the store, which is checked against its checksum on the way: in `folder`, or in memory where
    /// there is none to write to.
    ///
    /// # Errors
    /// The store is not as it was written, or the disk.
    pub fn make_index(&mut self, folder: Option<&Folder>) -> Result<(), StoreError> {
        match &mut self.rows {
            Rows::Lines(lines) => lines.make_index(&self.meta.benchmark, folder),
            Rows::Parquet(parquet) => parquet.make_index(&self.meta.benchmark, folder),
        }
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// There is no index that serves.
    pub fn rows(&self) -> Result<usize, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => Ok(lines.index(&self.meta.benchmark)?.rows()),
            Rows::Parquet(parquet) => parquet.rows(),
        }
    }

    /// The difficulty score of every row, 0..1.
    ///
    /// # Errors
    /// What is read is not as it was written, or there is no index that serves.
    pub fn scores(&self) -> Result<Vec<f64>, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.index(&self.meta.benchmark)?.scores(),
            Rows::Parquet(parquet) => parquet.scores(),
        }
    }

    /// xxh3_64 of every row's identity bytes.
    ///
    /// # Errors
    /// As [`Store::scores`].
    pub fn identities(&self) -> Result<Vec<u64>, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.index(&self.meta.benchmark)?.identities(),
            Rows::Parquet(parquet) => parquet.identities(),
        }
    }

    /// The tasks at these rows, which ascend, in their order.
    ///
    /// # Errors
    /// As [`Store::scores`].
    pub fn fetch(&self, rows: &[u32]) -> Result<Vec<StoredTask>, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.fetch(&self.meta.benchmark, rows),
            Rows::Parquet(parquet) => parquet.fetch(&self.meta.benchmark, rows),
        }
    }

    /// Writes the store anew with bins that follow `thresholds`, and otherwise as it is; the store and its index, to be
    /// published in this order.
    ///
    /// # Errors
    /// The store is not as it was written, or the disk.
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

    /// Where the store lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
