//! Reading a store: scores of all rows without their data, then the data of the drawn rows.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use memchr::memmem;

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
        let damaged = || StoreError::stale(&self.path, "this file was changed or damaged (checksum)");
        let read_error = |error| StoreError::from(DiskError::new(&self.path, "read this file", error));
        (&self.file).seek(SeekFrom::Start(0)).map_err(read_error)?;
        let mut reader = BufReader::with_capacity(256 << 10, HashingReader::new(&self.file));
        let mut scores = Scores::default();
        // What there is of a line that the buffer did not hold whole.
        let mut begun = Vec::new();
        let mut offset = 0;
        scores.offsets.push(0);
        let mut take = |line: &[u8]| {
            offset += line.len() as u64;
            let (score, identity) = score_and_identity(line).ok_or_else(damaged)?;
            scores.scores.push(score);
            scores.identities.push(identity);
            scores.offsets.push(offset);
            Ok::<(), StoreError>(())
        };
        loop {
            let buffer = reader.fill_buf().map_err(read_error)?;
            let length = buffer.len();
            if length == 0 {
                break;
            }
            let mut rest = buffer;
            while let Some(end) = memchr::memchr(b'\n', rest) {
                let (line, after) = rest.split_at(end + 1);
                if begun.is_empty() {
                    take(line)?;
                } else {
                    begun.extend_from_slice(line);
                    take(&begun)?;
                    begun.clear();
                }
                rest = after;
            }
            begun.extend_from_slice(rest);
            reader.consume(length);
        }
        if !begun.is_empty() {
            take(&begun)?;
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
        mut take: impl FnMut(u32, StoredTask<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut line = Vec::new();
        for position in positions {
            let (start, end) = (scores.offsets[position as usize], scores.offsets[position as usize + 1]);
            line.resize((end - start) as usize, 0);
            read_at(&self.file, &mut line, start)
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

/// Reads from a place in a file, in one call where the system has one.
fn read_at(file: &File, line: &mut [u8], start: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, line, start);
    #[cfg(not(unix))]
    {
        use io::Read;
        let mut file = file;
        file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(line))
    }
}

/// A line's score and identity, from where [`super::StoreWriter`] puts them: before the row and behind the features. The
/// row between them may be long, and is not looked at.
fn score_and_identity(line: &[u8]) -> Option<(f64, u64)> {
    const SCORE: &[u8] = b"\"difficulty_score\":";
    const IDENTITY: &[u8] = b",\"identity\":\"";
    // No benchmark's name holds a quote, so that the first is the key.
    static FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(SCORE));
    let from = FINDER.find(&line[..line.len().min(512)])? + SCORE.len();
    let to = from + memchr::memchr(b',', &line[from..])?;
    let score = std::str::from_utf8(&line[from..to]).ok()?.parse().ok()?;
    let end = line.strip_suffix(b"\n").unwrap_or(line).strip_suffix(b"\"}")?;
    let (before, identity) = end.split_at_checked(end.len().checked_sub(16)?)?;
    before.ends_with(IDENTITY).then_some(())?;
    Some((score, u64::from_str_radix(std::str::from_utf8(identity).ok()?, 16).ok()?))
}
