//! Drives the search for duplicates: reads the rows of preprocessed benchmarks, finds which are copies, conflicts or
//! near-duplicates of each other and which occur in other text, and writes that beside the stores.
//!
//! What is compared of a row is the question: the fields that the benchmark's prompt reads; without a prompt the identity
//! fields; without these, or if a row lacks one, all its strings. The answer is the prompt's target; without a prompt, all
//! fields that are not compared.

mod against;
mod corpus;
mod error;
mod question;
mod relations;
mod write;

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde::Serialize;

pub use error::CompareError;
pub(crate) use question::Reader;

use crate::{
    config::Config,
    duplicates::{self, overlap::Index},
    progress::{Note, Progress},
    store::OverlapRow,
};
use corpus::Corpus;

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// The benchmarks; empty for all that are preprocessed.
    pub benchmarks: Vec<String>,
    /// Other text: files, patterns, or folders.
    pub against: Vec<String>,
    /// One file for the overlap of all benchmarks with the other text; `None`: one beside each store.
    pub output: Option<PathBuf>,
    /// The least share of a row's runs that must be found for it to be listed, 0 to 1.
    pub least: f64,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Each benchmark, by name.
    pub benchmarks: Vec<OfBenchmark>,
    /// Each pair of benchmarks with groups in common.
    pub across: Vec<Across>,
    /// Whether every candidate pair was compared. If many thousand rows are almost similar to each other, some are not.
    pub complete: bool,
    /// The overlap with other text, if there was any to compare with.
    pub against: Option<Against>,
}

/// What was found within a benchmark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfBenchmark {
    /// Its name.
    pub benchmark: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many rows have the identity of an earlier row.
    pub copies: u64,
    /// How many rows have the same question as another row and another answer.
    pub conflicts: u64,
    /// How many rows of a group stand behind its first row of this benchmark and are no copies.
    pub near: u64,
    /// How many groups have at least two rows of this benchmark.
    pub groups: u64,
    /// How many rows of this benchmark the largest of these has.
    pub largest: u64,
}

/// What two benchmarks have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Across {
    /// Their names.
    pub benchmarks: [String; 2],
    /// How many groups have rows of both.
    pub groups: u64,
    /// How many rows of each are in these groups.
    pub rows: [u64; 2],
}

/// What was found in other text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Against {
    /// How many files were read.
    pub files: u64,
    /// How many bytes of text they have, decompressed.
    pub bytes: u64,
    /// Each benchmark, by name.
    pub benchmarks: Vec<OverlapOf>,
}

/// How much of a benchmark occurs in other text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverlapOf {
    /// Its name.
    pub benchmark: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many rows have a run of words that occurs in the other text.
    pub overlapping: u64,
    /// How many rows have only runs that do.
    pub whole: u64,
    /// How many rows were not looked for, because their text is too short.
    pub too_short: u64,
}

/// Finds copies, conflicts and near-duplicates within and across benchmarks that are preprocessed in `folder`, and, if
/// options name it, their overlap with other text. Writes `{b}_duplicates.jsonl`, its meta, and `{b}_overlap.jsonl` there.
///
/// # Errors
/// See [`CompareError`]. Nothing was written then, or, if only writing the overlap failed, the duplicates were.
pub fn compare(
    config: &Config,
    folder: &Path,
    options: &CompareOptions,
    progress: &dyn Progress,
) -> Result<Report, CompareError> {
    // Names are checked before the work begins.
    let files = against::files(&options.against)?;
    if let Some(output) = &options.output {
        check_output(output, &files, folder)?;
    }
    let corpus = Corpus::open(config, folder, &options.benchmarks, progress)?;
    let found = duplicates::find(&corpus, &relations::copies(&corpus))?;
    let related = relations::relations(&corpus, &found);
    let (benchmarks, across) = relations::counts(&corpus, &related);
    let overlap = if files.is_empty() { None } else { Some(overlap(&corpus, &files, progress)?) };
    if progress.cancelled() {
        return Err(CompareError::Cancelled);
    }
    write::duplicates(&corpus, &found, &related, &benchmarks, folder, progress)?;
    let against = match overlap {
        None => None,
        Some((against, rows)) => {
            let mut rows = rows;
            let is_listed = |row: &OverlapRow| f64::from(row.found) >= options.least * f64::from(row.of);
            rows.iter_mut().for_each(|rows| rows.retain(is_listed));
            write::overlap(&corpus, &rows, folder, options.output.as_deref(), progress)?;
            Some(against)
        }
    };
    if !found.is_whole {
        progress.note(Note::Warning(
            "so many rows are almost similar that not every pair of them was compared; a few near-duplicates may be missing",
        ));
    }
    Ok(Report { benchmarks, across, complete: found.is_whole, against })
}

/// Checks that a file for the overlap replaces no other text and nothing that belongs to a store.
fn check_output(output: &Path, files: &[PathBuf], folder: &Path) -> Result<(), CompareError> {
    let Ok(existing) = output.canonicalize() else { return Ok(()) };
    let refuse = |what| Err(CompareError::Output { path: output.to_owned(), what });
    if files.iter().any(|file| file.canonicalize().is_ok_and(|file| file == existing)) {
        return refuse("is one of the files that rows are looked for in");
    }
    let in_folder = folder.canonicalize().is_ok_and(|folder| existing.parent() == Some(&folder));
    if in_folder && !existing.to_string_lossy().ends_with("_overlap.jsonl") {
        return refuse("lies among the preprocessed benchmarks");
    }
    // What this command wrote has a list of overlapping rows, or none.
    let first = File::open(output).and_then(|file| BufReader::new(file.take(1 << 16)).lines().next().transpose());
    let is_ours = match first {
        Ok(None) => true,
        Ok(Some(line)) => serde_json::from_str::<OverlapRow>(&line).is_ok(),
        Err(_) => false,
    };
    if is_ours { Ok(()) } else { refuse("is no list of overlapping rows, so it is not replaced; name another file") }
}

fn overlap(
    corpus: &Corpus<'_>,
    files: &[PathBuf],
    progress: &dyn Progress,
) -> Result<(Against, Vec<Vec<OverlapRow>>), CompareError> {
    let all: Vec<u32> = (0..corpus.rows as u32).collect();
    let texts: Vec<Vec<String>> = corpus.questions(&all)?.into_iter().map(|question| question.parts).collect();
    let index = Index::new(&texts);
    drop(texts);
    let bytes = against::scan(&index, files, progress)?;
    let result = index.result();
    let hits: Vec<u32> = all.into_iter().filter(|row| result[*row as usize].found > 0).collect();
    let mut ids = corpus.source_ids(&hits)?.into_iter();
    let (mut benchmarks, mut rows) = (Vec::new(), Vec::new());
    for part in &corpus.parts {
        let mut own = OverlapOf {
            benchmark: part.name.clone(),
            rows: part.identities.len() as u64,
            overlapping: 0,
            whole: 0,
            too_short: 0,
        };
        let mut lines = Vec::new();
        for (row, identity) in part.identities.iter().enumerate() {
            let overlap = result[part.from as usize + row];
            own.too_short += u64::from(overlap.of == 0);
            let Some(spot) = overlap.first else { continue };
            own.overlapping += 1;
            own.whole += u64::from(overlap.found == overlap.of);
            let (file, line) = against::place_of(spot);
            lines.push(OverlapRow {
                source_id: ids.next().unwrap_or_default(),
                identity: write::hex(*identity),
                found: overlap.found,
                of: overlap.of,
                longest: overlap.longest,
                file: files[file].file_name().unwrap_or_default().to_string_lossy().into_owned(),
                line,
            });
        }
        benchmarks.push(own);
        rows.push(lines);
    }
    Ok((Against { files: files.len() as u64, bytes, benchmarks }, rows))
}
