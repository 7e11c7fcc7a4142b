//! Stores as JSON lines: one object per line, and an index beside the file.

use std::{
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Names, ScoredRows, StoreError,
    gather::Gatherer,
    held::HeldFile,
    hex,
    index::{self, Entry, Index, IndexWriter, Place, Target},
    labels::WrittenLabels,
};
use crate::{
    bin::{Bin, Thresholds},
    disk::{DiskError, Folder, NewFile, WrittenFile, checksum::HashingReader, read_at},
    task::{Json, StoredTask, Text},
};

/// Rows as lines, and their entries in the index.
#[derive(Debug, Default)]
pub struct Lines {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

impl Lines {
    /// Encodes rows in memory.
    pub fn encode(benchmark: &str, thresholds: Thresholds, rows: &[ScoredRows<'_>]) -> Self {
        let mut out = Self::default();
        for rows in rows {
            let ScoredRows { batch, features, scores, .. } = rows;
            out.text.reserve(batch.text_len() + batch.len() * 320);
            out.entries.reserve(rows.good.len());
            for (i, row, raw_data) in rows.good() {
                let (start, score, identity) = (out.text.len(), scores[i], features.identities[i]);
                let bin = thresholds.bin(score);
                let line = Line { number: batch.row_number(row), score, bin, raw_data: &raw_data, identity };
                line.write(&mut out.text, benchmark, features.metadata.get(i));
                out.entries.push(Entry {
                    score,
                    identity,
                    // A row and its features are at most 64 MiB each.
                    length: (out.text.len() - start) as u32,
                    raw_length: raw_data.len() as u32,
                    hash: xxh3_64(&out.text[start..]),
                });
            }
        }
        out
    }
}

struct Line<'l> {
    number: u64,
    score: f64,
    bin: Bin,
    raw_data: &'l [u8],
    identity: u64,
}

impl Line<'_> {
    /// Appends the line. Names need no escapes in JSON (see `check_name`).
    fn write(&self, out: &mut Vec<u8>, benchmark: &str, metadata: &[u8]) {
        // Writing to memory cannot fail.
        out.extend_from_slice(br#"{"task_id":""#);
        out.extend_from_slice(benchmark.as_bytes());
        out.push(b'_');
        let _ = serde_json::to_writer(&mut *out, &self.number);
        out.extend_from_slice(br#"","benchmark":""#);
        out.extend_from_slice(benchmark.as_bytes());
        out.extend_from_slice(br#"","difficulty_score":"#);
        let _ = serde_json::to_writer(&mut *out, &self.score);
        out.extend_from_slice(br#","difficulty_bin":""#);
        out.extend_from_slice(self.bin.name().as_bytes());
        out.extend_from_slice(br#"","raw_data":"#);
        out.extend_from_slice(self.raw_data);
        out.extend_from_slice(br#","scorer_metadata":"#);
        out.extend_from_slice(metadata);
        out.extend_from_slice(br#","identity":""#);
        out.extend_from_slice(&hex(self.identity));
        out.extend_from_slice(b"\"}\n");
    }
}

/// A store of lines that is being written.
pub(super) struct LinesWriter {
    store: NewFile,
    index: IndexWriter<NewFile>,
}

impl LinesWriter {
    pub fn create(folder: &Folder, names: &Names) -> Result<Self, DiskError> {
        Ok(Self {
            store: folder.create_large(&names.store)?,
            index: IndexWriter::new(&index::LINES, folder.create_large(&names.index)?),
        })
    }

    pub fn append(&mut self, lines: &Lines) -> Result<(), DiskError> {
        self.store.put(&lines.text)?;
        self.index.append(&lines.entries)
    }

    /// The store and its index with these labels, to be published in this order.
    pub fn finish(mut self, labels: &WrittenLabels) -> Result<(WrittenFile, [NewFile; 2]), DiskError> {
        let written = self.store.written()?;
        let index = self.index.finish(labels, &[], &written)?;
        Ok((written, [self.store, index]))
    }
}

/// A store of lines that is read.
#[derive(Debug)]
pub(crate) struct LinesReader {
    path: PathBuf,
    index_path: PathBuf,
    file: HeldFile,
    /// Whether the files stay open.
    held: bool,
    store: WrittenFile,
    /// The index, or why it cannot be used.
    index: Result<Index, String>,
}

impl LinesReader {
    pub fn new(path: &Path, index_path: &Path, file: File, held: bool, store: &WrittenFile) -> Self {
        let index = Self::open(index_path, held, store);
        let file = HeldFile::new(path, file, held);
        Self { path: path.to_owned(), index_path: index_path.to_owned(), file, held, store: store.clone(), index }
    }

    fn open(index_path: &Path, held: bool, store: &WrittenFile) -> Result<Index, String> {
        Ok(Index::open(&index::LINES, index_path, held, store)?.0)
    }

    /// Why the index cannot be used; `None` if it can. With `whole`, every byte of the index is checked.
    pub fn index_problem(&self, whole: bool) -> Option<String> {
        match &self.index {
            Err(reason) => Some(reason.clone()),
            Ok(index) if whole && index.check_all().is_err() => Some("was changed or damaged".to_owned()),
            Ok(_) => None,
        }
    }

    /// Makes the index again: in `folder` under this name, or in memory.
    pub fn make_index(&mut self, name: &str, folder: Option<&Folder>) -> Result<(), StoreError> {
        let path = &self.index_path;
        let index = match folder {
            None => {
                let written = self.scan(Vec::new())?;
                Index::in_memory(&index::LINES, path, written, &self.store).map(|(index, _)| index)
            }
            Some(folder) => {
                let index = self.scan(folder.create_large(name)?)?;
                folder.publish(vec![index], false)?;
                Self::open(path, self.held, &self.store)
            }
        };
        self.index = Ok(index.map_err(|reason| StoreError::stale(path, reason))?);
        Ok(())
    }

    /// Reads all lines, checks them against the store's checksum, and writes their index.
    fn scan<T: Target>(&self, to: T) -> Result<T, StoreError> {
        let damaged = || StoreError::stale(&self.path, "this file was changed or damaged (checksum)");
        let read_error = |error| StoreError::from(DiskError::new(&self.path, "read this file", error));
        let (mut index, mut labels) = (IndexWriter::new(&index::LINES, to), Gatherer::default());
        let file = self.file.get().map_err(read_error)?;
        (&*file).seek(SeekFrom::Start(0)).map_err(read_error)?;
        let mut reader = BufReader::with_capacity(256 << 10, HashingReader::new(&*file));
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(read_error)? > 0 {
            let (entry, features) = Entry::of_line(&line).ok_or_else(damaged)?;
            index.append(&[entry])?;
            labels.push(features);
            line.clear();
        }
        if reader.get_ref().checksum() != self.store.checksum {
            return Err(damaged());
        }
        Ok(index.finish(&labels.finish(), &[], &self.store)?)
    }

    pub(super) fn index(&self) -> Result<&Index, StoreError> {
        self.index.as_ref().map_err(|reason| StoreError::stale(&self.index_path, format!("this file {reason}")))
    }

    pub fn fetch(&self, rows: &[u32]) -> Result<Vec<StoredTask>, StoreError> {
        /// How many rows one job fetches: enough to outweigh the cost of a job.
        const ROWS_PER_TASK: usize = 64;
        let places = self.index()?.places(rows)?;
        let tasks: Vec<Vec<StoredTask>> =
            places.par_chunks(ROWS_PER_TASK).map(|places| self.lines_at(places)).collect::<Result<_, _>>()?;
        Ok(tasks.into_iter().flatten().collect())
    }

    fn lines_at(&self, places: &[Place]) -> Result<Vec<StoredTask>, StoreError> {
        let damaged = || StoreError::stale(&self.path, "this file was changed or damaged (checksum)");
        // A forged index may name places outside the file.
        let is_within = |place: &Place| {
            place.offset.checked_add(u64::from(place.length)).is_some_and(|end| end <= self.store.bytes)
        };
        if !places.iter().all(is_within) {
            return Err(damaged());
        }
        let read_error = |error| StoreError::from(DiskError::new(&self.path, "read this file", error));
        let file = self.file.get().map_err(read_error)?;
        let mut bytes = vec![0; places.iter().map(|place| place.length as usize).sum()];
        let mut rest = &mut bytes[..];
        // Adjacent lines are read at once.
        for run in places.chunk_by(|a, b| a.offset + u64::from(a.length) == b.offset) {
            let (piece, after) = rest.split_at_mut(run.iter().map(|place| place.length as usize).sum());
            read_at(&file, piece, run[0].offset).map_err(read_error)?;
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

    /// Writes the store again with bins that follow `thresholds`; only `difficulty_bin` changes in its lines.
    ///
    /// # Errors
    /// A line is not valid in a store, the index cannot be used, or the disk fails.
    pub fn rewrite_bins(
        &self,
        folder: &Folder,
        names: &Names,
        thresholds: Thresholds,
    ) -> Result<(WrittenFile, [NewFile; 2]), StoreError> {
        const SCORE: &str = r#","difficulty_score":"#;
        const BIN: &str = r#","difficulty_bin":""#;
        let read_error = |error| StoreError::from(DiskError::new(&self.path, "read this file", error));
        let changed = || StoreError::stale(&self.path, "a line of this file was changed or damaged");
        let labels = self.index()?.written_labels()?;
        let mut writer = LinesWriter::create(folder, names)?;
        let file = self.file.get().map_err(read_error)?;
        (&*file).seek(SeekFrom::Start(0)).map_err(read_error)?;
        let mut lines = BufReader::with_capacity(256 << 10, &*file);
        let mut line = String::new();
        while lines.read_line(&mut line).map_err(read_error)? > 0 {
            // The values before raw_data hold no free text, so the first match is the key itself.
            let parts = line.split_once(SCORE).and_then(|(head, rest)| {
                let (score, rest) = rest.split_once(BIN)?;
                let (_, tail) = rest.split_once('"')?;
                Some((head, score, score.parse().ok()?, tail))
            });
            let (head, score_text, score, tail) = parts.ok_or_else(changed)?;
            let mut rewritten = Lines::default();
            let _ = write!(rewritten.text, "{head}{SCORE}{score_text}{BIN}{}\"{tail}", thresholds.bin(score));
            let (entry, _) = Entry::of_line(&rewritten.text).ok_or_else(changed)?;
            rewritten.entries.push(entry);
            writer.append(&rewritten)?;
            line.clear();
        }
        Ok(writer.finish(&labels)?)
    }
}

/// The task in `text[from..to]`, a line in the form of [`Line::write`] with a row of `raw_length` bytes.
fn stored_task(text: &Arc<String>, from: usize, to: usize, raw_length: usize) -> Option<StoredTask> {
    const METADATA: &str = r#","scorer_metadata":"#;
    const IDENTITY: &str = r#","identity":""#;
    const DIGITS: usize = 16;
    let mut at = from;
    // The value after `key`, up to `end`.
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
    /// After this many bytes.
    After(usize),
    /// Before the first byte of this value.
    Before(u8),
    /// At this position in the text.
    At(usize),
}
