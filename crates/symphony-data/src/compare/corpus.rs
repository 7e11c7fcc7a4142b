//! The rows of all benchmarks that are compared, one after the other.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rayon::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use super::{
    CompareError,
    question::{Answer, Question, Reader, hash},
};
use crate::{
    config::Config,
    duplicates::Texts,
    preprocess::{Upkeep, open_store},
    progress::{Pass, Progress},
    store::{Store, StoreError, preprocessed_in},
    task::StoredTask,
};

/// About how many bytes of rows are read at once.
const BYTES_AT_ONCE: usize = 32 << 20;
/// How many rows are read at once at first, and at most.
const ROWS_AT_ONCE: [usize; 2] = [256, 4096];

/// One benchmark.
pub(super) struct Part<'c> {
    pub name: String,
    pub store: Store,
    pub identities: Vec<u64>,
    /// Whether identities are those of fields; else they are row numbers, which other benchmarks have too.
    pub has_identity: bool,
    /// The number of its first row among all rows.
    pub from: u32,
    reader: Reader<'c>,
}

/// All benchmarks that are compared.
pub(super) struct Corpus<'c> {
    pub parts: Vec<Part<'c>>,
    pub rows: usize,
    progress: &'c dyn Progress,
    /// What progress calls the work.
    title: String,
    at_once: AtomicUsize,
    /// A hash of the question of each row and one of its answer, noted when the row is first read.
    noted: Vec<OnceLock<([u8; 16], Option<Answer>)>>,
}

impl<'c> Corpus<'c> {
    /// The benchmarks that are preprocessed in `folder`; if `only` is not empty, those that it names.
    pub fn open(
        config: &'c Config,
        folder: &Path,
        only: &[String],
        progress: &'c dyn Progress,
    ) -> Result<Self, CompareError> {
        let names = names(config, folder, only)?;
        let (mut parts, mut rows) = (Vec::new(), 0_u64);
        for name in names {
            let store = open_store(config, folder, &name, Upkeep::Rebuild, progress)?;
            let identities = store.identities()?;
            let benchmark = config.benchmark(&name);
            let from = u32::try_from(rows).unwrap_or(u32::MAX);
            rows += identities.len() as u64;
            let has_identity = benchmark.is_none_or(|benchmark| !benchmark.identity.is_empty());
            parts.push(Part { reader: Reader::new(&name, benchmark), name, store, identities, has_identity, from });
        }
        if rows > u64::from(u32::MAX) {
            return Err(CompareError::TooMany { rows });
        }
        let title = match &parts[..] {
            [part] => part.name.clone(),
            parts => format!("{} benchmarks", parts.len()),
        };
        let noted = (0..rows).map(|_| OnceLock::new()).collect();
        Ok(Self { parts, rows: rows as usize, progress, title, at_once: AtomicUsize::new(ROWS_AT_ONCE[0]), noted })
    }

    /// The benchmark of a row, and the row's number in it.
    pub fn place(&self, row: u32) -> (&Part<'c>, u32) {
        let at = self.parts.partition_point(|part| part.from <= row).saturating_sub(1);
        (&self.parts[at], row - self.parts[at].from)
    }

    /// The identity of a row.
    pub fn identity(&self, row: u32) -> u64 {
        let (part, row) = self.place(row);
        part.identities[row as usize]
    }

    /// What tells a row from those of all benchmarks: its identity; of a benchmark without identity fields, a hash of the
    /// benchmark and the row.
    pub fn name_of(&self, row: u32) -> u64 {
        let (part, row) = self.place(row);
        if part.has_identity {
            return part.identities[row as usize];
        }
        let mut hasher = Xxh3::new();
        hasher.update(part.name.as_bytes());
        hasher.update(&[0x1f]);
        hasher.update(row.to_string().as_bytes());
        hasher.digest()
    }

    /// The ids of rows, which ascend, in the same order.
    pub fn source_ids(&self, rows: &[u32]) -> Result<Vec<String>, CompareError> {
        let mut ids = Vec::with_capacity(rows.len());
        for rows in self.by_part(rows) {
            let (part, _) = self.place(rows[0]);
            let inner: Vec<u32> = rows.iter().map(|row| row - part.from).collect();
            if part.store.meta.rejected_rows == 0 {
                ids.extend(inner.iter().map(|row| format!("{}_{row}", part.name)));
            } else {
                self.each(part, &inner, |task| task.task_id.as_str().to_owned(), &mut ids)?;
            }
        }
        Ok(ids)
    }

    /// The questions of rows, which ascend, in the same order.
    pub fn questions(&self, rows: &[u32]) -> Result<Vec<Question>, CompareError> {
        let mut questions = Vec::with_capacity(rows.len());
        for rows in self.by_part(rows) {
            let (part, _) = self.place(rows[0]);
            let inner: Vec<u32> = rows.iter().map(|row| row - part.from).collect();
            self.each(part, &inner, |task| part.reader.question(task.raw_data.get()), &mut questions)?;
        }
        for (row, question) in rows.iter().zip(&questions) {
            let noted = &self.noted[*row as usize];
            if noted.get().is_none() {
                let trimmed: Vec<&str> = question.parts.iter().map(|part| part.trim()).collect();
                // Another thread may have noted the same.
                let _ = noted.set((hash(&trimmed), question.answer));
            }
        }
        Ok(questions)
    }

    /// A hash of a row's question and one of its answer, if it is known. The row was read before.
    pub fn noted(&self, row: u32) -> Option<([u8; 16], Answer)> {
        let (question, answer) = *self.noted[row as usize].get()?;
        Some((question, answer?))
    }

    /// Rows, which ascend, benchmark by benchmark.
    fn by_part<'r>(&'r self, rows: &'r [u32]) -> impl Iterator<Item = &'r [u32]> {
        rows.chunk_by(|a, b| self.place(*a).0.from == self.place(*b).0.from)
    }

    /// Works on rows of one benchmark on all cores, and appends the results in their order.
    fn each<R: Send>(
        &self,
        part: &Part<'_>,
        rows: &[u32],
        work: impl Fn(&StoredTask) -> R + Sync,
        results: &mut Vec<R>,
    ) -> Result<(), CompareError> {
        let mut rest = rows;
        while !rest.is_empty() {
            if self.progress.cancelled() {
                return Err(CompareError::Cancelled);
            }
            let (some, others) = rest.split_at(self.at_once.load(Ordering::Relaxed).min(rest.len()));
            let tasks = part.store.fetch(some)?;
            if tasks.len() != some.len() {
                return Err(CompareError::Changed { benchmark: part.name.clone() });
            }
            let bytes: usize = tasks.iter().map(|task| task.raw_data.get().len()).sum();
            let [_, most] = ROWS_AT_ONCE;
            self.at_once.store((BYTES_AT_ONCE / (bytes / some.len() + 1)).clamp(16, most), Ordering::Relaxed);
            results.par_extend(tasks.par_iter().map(&work));
            rest = others;
        }
        Ok(())
    }
}

impl Texts for Corpus<'_> {
    type Error = CompareError;

    fn len(&self) -> usize {
        self.rows
    }

    fn get(&self, rows: &[u32]) -> Result<Vec<String>, CompareError> {
        Ok(self.questions(rows)?.into_iter().map(|question| question.parts.join("\n")).collect())
    }

    /// Reading is the first half of the work, comparing the second.
    fn done(&self, rows: usize) {
        self.progress.rows(&self.title, Pass::Compare, rows as u64, Some(2 * self.rows as u64));
    }
}

/// The names of the preprocessed benchmarks, sorted: all, or those in `only`.
fn names(config: &Config, folder: &Path, only: &[String]) -> Result<Vec<String>, CompareError> {
    let missing = |benchmark: String| StoreError::Missing { benchmark, folder: folder.to_owned() };
    let mut names = preprocessed_in(folder)?;
    if let Some(absent) = only.iter().find(|name| !names.contains(name)) {
        return Err(match config.benchmark(absent) {
            Some(_) => missing(absent.clone()).into(),
            None => CompareError::NoBenchmark {
                benchmark: absent.clone(),
                folder: folder.to_owned(),
                known: if names.is_empty() { "none".to_owned() } else { names.join(", ") },
            },
        });
    }
    if names.is_empty() {
        let enabled: Vec<&str> = config.enabled().map(|benchmark| benchmark.name.as_str()).collect();
        return Err(missing(enabled.join(",")).into());
    }
    names.retain(|name| only.is_empty() || only.contains(name));
    Ok(names)
}
