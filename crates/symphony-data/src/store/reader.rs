//! Reading a store: scores of all rows without their data, then the data of the drawn rows.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Meta, StoreError, meta::fingerprint, store_name};
use crate::{
    config::Benchmark,
    disk::{DiskError, Folder, checksum::HashingReader},
    pool::StoredTask,
    progress::Progress,
    source::{SourcePath, file},
};

/// An opened store. What it reads is the store as it was when it was opened, whatever is put in its place meanwhile.
#[derive(Debug)]
pub struct Store {
    /// What its meta says.
    pub meta: Meta,
    path: PathBuf,
    file: File,
}

/// What drawing needs to know of each row of a store, in its order.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// Difficulty scores, 0..1.
    pub scores: Vec<f64>,
    /// xxh3_64 of each row's identity bytes.
    pub identities: Vec<u64>,
    /// Where each row's line begins, and the end of the last.
    offsets: Vec<u64>,
}

impl Store {
    /// Opens the store of `benchmark` in `folder`, when no run is writing to it.
    ///
    /// # Errors
    /// It is missing, or its meta is damaged or tells of another size.
    pub fn open(folder: &Path, benchmark: &str, progress: &dyn Progress) -> Result<Self, StoreError> {
        if !folder.is_dir() {
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
        let path = folder.join(store_name(benchmark));
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
        Ok(Self { meta, path, file })
    }

    /// Why this store is not the one that the configuration asks for, if it is not; looks at names and sizes only.
    pub fn differs_from(&self, benchmark: &Benchmark) -> Option<String> {
        if self.meta.benchmark_config_fingerprint != fingerprint(benchmark) {
            let (had, wants) = (&self.meta.source.path, &benchmark.source);
            return Some(if *had == wants.portable() {
                "its configuration changed".to_owned()
            } else {
                format!("it was made from {had}, and the configuration says {wants}")
            });
        }
        if let SourcePath::File(pattern) = &benchmark.source
            && let Some(now) = file::sizes(pattern, &benchmark.configs)
            && !now.iter().map(|(name, bytes)| (name, *bytes)).eq(self
                .meta
                .source
                .files
                .iter()
                .map(|f| (&f.name, f.bytes)))
        {
            return Some("its source files changed".to_owned());
        }
        None
    }

    /// Reads score and identity of every row, and checks the store against its checksum on the way.
    ///
    /// # Errors
    /// The store is not as it was written.
    pub fn scores(&self) -> Result<Scores, StoreError> {
        #[derive(Deserialize)]
        struct Line<'a> {
            difficulty_score: f64,
            identity: &'a str,
        }
        let damaged = || StoreError::stale(&self.path, "this file was changed or damaged (checksum)");
        let read_error = |error| StoreError::from(DiskError::new(&self.path, "read this file", error));
        (&self.file).seek(SeekFrom::Start(0)).map_err(read_error)?;
        let mut reader = BufReader::with_capacity(256 << 10, HashingReader::new(&self.file));
        let mut scores = Scores::default();
        let mut line = Vec::new();
        let mut offset = 0;
        loop {
            line.clear();
            let n = reader.read_until(b'\n', &mut line).map_err(read_error)?;
            scores.offsets.push(offset);
            if n == 0 {
                break;
            }
            offset += n as u64;
            let Line { difficulty_score, identity } = serde_json::from_slice(&line).map_err(|_| damaged())?;
            scores.scores.push(difficulty_score);
            scores.identities.push(u64::from_str_radix(identity, 16).map_err(|_| damaged())?);
        }
        if reader.get_ref().checksum() != self.meta.store.file.checksum {
            return Err(damaged());
        }
        Ok(scores)
    }

    /// Reads the tasks at these positions, in any order, and hands each on.
    ///
    /// # Errors
    /// The store is not as it was written, or `take` fails.
    pub fn fetch<E: From<StoreError>>(
        &self,
        scores: &Scores,
        positions: impl IntoIterator<Item = u32>,
        mut take: impl FnMut(u32, StoredTask) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut file = &self.file;
        let mut line = Vec::new();
        for position in positions {
            let (start, end) = (scores.offsets[position as usize], scores.offsets[position as usize + 1]);
            line.resize((end - start) as usize, 0);
            file.seek(SeekFrom::Start(start))
                .and_then(|_| file.read_exact(&mut line))
                .map_err(|error| StoreError::from(DiskError::new(&self.path, "read this file", error)))?;
            let task = serde_json::from_slice(&line)
                .map_err(|_| StoreError::stale(&self.path, "this file was changed while it was read"))?;
            take(position, task)?;
        }
        Ok(())
    }

    /// The store's lines, from the first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn lines(&self) -> Result<impl BufRead + '_, StoreError> {
        let mut reader = BufReader::with_capacity(256 << 10, &self.file);
        reader.seek(SeekFrom::Start(0)).map_err(|error| DiskError::new(&self.path, "read this file", error))?;
        Ok(reader)
    }

    /// Where the store lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
