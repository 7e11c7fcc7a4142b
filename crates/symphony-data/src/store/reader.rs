//! Reading a store: scores of all rows without their data, then the data of the drawn rows.

use std::{
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Meta, StoreError,
    index::{Entry, Index, IndexWriter, Place},
    index_name,
    meta::fingerprint,
    store_name,
};
use crate::{
    config::Benchmark,
    disk::{DiskError, Folder, checksum::HashingReader, read_at},
    pool::{Json, StoredTask, Text},
    progress::Progress,
    source::{SourcePath, file},
    stream::Bin,
};

/// An opened store. What it reads is the store as it was when it was opened, whatever is put in its place meanwhile.
#[derive(Debug)]
pub struct Store {
    /// What its meta says.
    pub meta: Meta,
    path: PathBuf,
    file: File,
    /// The index, or why there is none that serves.
    index: Result<Index, String>,
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
        let index = Index::open(&folder.join(index_name(benchmark)), &meta.store.file);
        Ok(Self { meta, path, file, index })
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

    /// Why the index does not serve, if it does not; reads all of it if `whole`.
    pub fn index_problem(&self, whole: bool) -> Option<String> {
        match &self.index {
            Err(reason) => Some(reason.clone()),
            Ok(index) if whole && index.check().is_err() => Some("was changed or damaged".to_owned()),
            Ok(_) => None,
        }
    }

    /// Makes an index from the lines, and checks them against the store's checksum on the way: in `folder`, or in memory
    /// where there is none to write to.
    ///
    /// # Errors
    /// The store is not as it was written, or the disk.
    pub fn make_index(&mut self, folder: Option<&Folder>) -> Result<(), StoreError> {
        let name = index_name(&self.meta.benchmark);
        let path = self.path.with_file_name(&name);
        let checksum = &self.meta.store.file;
        let index = match folder {
            None => {
                let mut index = IndexWriter::new(Vec::new());
                self.scan(|entry| index.append(&[entry]))?;
                Index::in_memory(&path, index.finish(checksum)?, checksum)
            }
            Some(folder) => {
                let mut index = IndexWriter::new(folder.create_large(&name)?);
                self.scan(|entry| index.append(&[entry]))?;
                folder.publish(vec![index.finish(checksum)?], false)?;
                Index::open(&path, checksum)
            }
        };
        self.index = Ok(index.map_err(|reason| StoreError::stale(&path, reason))?);
        Ok(())
    }

    /// Goes through all lines, and checks them against the store's checksum.
    fn scan(&self, mut take: impl FnMut(Entry) -> Result<(), DiskError>) -> Result<(), StoreError> {
        let damaged = || StoreError::stale(&self.path, "this file was changed or damaged (checksum)");
        let read_error = |error| StoreError::from(DiskError::new(&self.path, "read this file", error));
        (&self.file).seek(SeekFrom::Start(0)).map_err(read_error)?;
        let mut reader = BufReader::with_capacity(256 << 10, HashingReader::new(&self.file));
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(read_error)? > 0 {
            take(Entry::of_line(&line).ok_or_else(damaged)?)?;
            line.clear();
        }
        if reader.get_ref().checksum() == self.meta.store.file.checksum { Ok(()) } else { Err(damaged()) }
    }

    fn index(&self) -> Result<&Index, StoreError> {
        let path = || self.path.with_file_name(index_name(&self.meta.benchmark));
        self.index.as_ref().map_err(|reason| StoreError::stale(&path(), format!("this file {reason}")))
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// There is no index that serves.
    pub fn rows(&self) -> Result<usize, StoreError> {
        Ok(self.index()?.rows())
    }

    /// The difficulty score of every row, 0..1.
    ///
    /// # Errors
    /// The index is not as it was written, or there is none.
    pub fn scores(&self) -> Result<Vec<f64>, StoreError> {
        self.index()?.scores()
    }

    /// xxh3_64 of every row's identity bytes.
    ///
    /// # Errors
    /// As [`Store::scores`].
    pub fn identities(&self) -> Result<Vec<u64>, StoreError> {
        self.index()?.identities()
    }

    /// The tasks at these rows, which ascend, in their order.
    ///
    /// # Errors
    /// A line, or the index, is not as it was written.
    pub fn fetch(&self, rows: &[u32]) -> Result<Vec<StoredTask>, StoreError> {
        /// How many rows are fetched at once: enough to outweigh handing them over.
        const ROWS_PER_TASK: usize = 64;
        let places = self.index()?.places(rows)?;
        let tasks: Vec<Vec<StoredTask>> =
            places.par_chunks(ROWS_PER_TASK).map(|places| self.lines_at(places)).collect::<Result<_, _>>()?;
        Ok(tasks.into_iter().flatten().collect())
    }

    fn lines_at(&self, places: &[Place]) -> Result<Vec<StoredTask>, StoreError> {
        let damaged = || StoreError::stale(&self.path, "this file was changed or damaged (checksum)");
        let mut bytes = vec![0; places.iter().map(|place| place.length as usize).sum()];
        let mut rest = &mut bytes[..];
        // Lines that stand one behind the other are read at once.
        for run in places.chunk_by(|a, b| a.offset + u64::from(a.length) == b.offset) {
            let (piece, after) = rest.split_at_mut(run.iter().map(|place| place.length as usize).sum());
            read_at(&self.file, piece, run[0].offset)
                .map_err(|error| DiskError::new(&self.path, "read this file", error))?;
            rest = after;
        }
        let text = Arc::new(String::from_utf8(bytes).map_err(|_| damaged())?);
        let mut from = 0;
        places
            .iter()
            .map(|place| {
                let line = from..from + place.length as usize;
                from = line.end;
                if text.get(line.clone()).is_none_or(|line| xxh3_64(line.as_bytes()) != place.hash) {
                    return Err(damaged());
                }
                stored_task(&text, line.start, line.end, place.raw_length as usize).ok_or_else(damaged)
            })
            .collect()
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

/// The task in `text[from..to]`, a line as [`super::StoreWriter`] writes it, whose row is `raw_length` bytes long.
fn stored_task(text: &Arc<String>, from: usize, to: usize, raw_length: usize) -> Option<StoredTask> {
    const METADATA: &str = r#","scorer_metadata":"#;
    const IDENTITY: &str = r#","identity":""#;
    const DIGITS: usize = 16;
    let mut at = from;
    // What stands behind `key`: so many bytes, or all up to a byte.
    let mut field = |key: &str, end: End| {
        let start = at + text.get(at..to)?.strip_prefix(key).map(|_| key.len())?;
        let length = match end {
            End::After(length) => length,
            End::Before(byte) => memchr::memchr(byte, text.as_bytes().get(start..to)?)?,
            End::At(end) => end.checked_sub(start)?,
        };
        at = start + length;
        Text::slice(text, start..at)
    };
    Some(StoredTask {
        task_id: field(r#"{"task_id":""#, End::Before(b'"'))?,
        benchmark: field(r#"","benchmark":""#, End::Before(b'"'))?,
        difficulty_score: field(r#"","difficulty_score":"#, End::Before(b','))?.parse().ok()?,
        difficulty_bin: Bin::parse(&field(r#","difficulty_bin":""#, End::Before(b'"'))?)?,
        raw_data: Json::trusted(field(r#"","raw_data":"#, End::After(raw_length))?),
        scorer_metadata: {
            let end = to.checked_sub(IDENTITY.len() + DIGITS + "\"}\n".len())?;
            Json::trusted(field(METADATA, End::At(end))?)
        },
        identity: field(IDENTITY, End::After(DIGITS))?,
    })
}

/// Where a field of a line ends.
enum End {
    /// After so many bytes.
    After(usize),
    /// Before the first such byte.
    Before(u8),
    /// At this place.
    At(usize),
}
