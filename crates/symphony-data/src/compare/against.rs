//! Other text, in which the rows of benchmarks are looked for: text files, and every string of files of rows.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufRead, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use super::CompareError;
use crate::{
    disk::DiskError,
    duplicates::overlap::{Index, Scanner},
    format::{Format, MAX_ROW_BYTES, compression},
    parallel::pipeline,
    progress::{Pass, Progress},
    row::{RowBatch, each_string},
    source::{
        Rows, Source, SourceError, Wanted,
        file::{FileSource, named},
    },
};

/// How much of a text file is looked at by one thread, in bytes.
const BLOCK: usize = 1 << 20;
/// How much of a block the next one repeats, in bytes, so that no run of words is cut: far longer than thirteen words.
const REPEATED: usize = 16 << 10;
/// A spot is the number of a file and, in so many lower bits, a line.
const LINE_BITS: u32 = 40;

/// The files that patterns name, in their order, each once. A folder stands for all files below it.
pub(super) fn files(patterns: &[String]) -> Result<Vec<PathBuf>, CompareError> {
    let (mut files, mut seen) = (Vec::new(), HashSet::new());
    for pattern in patterns {
        let none = || CompareError::NoFile { pattern: pattern.clone() };
        let mut found = Vec::new();
        if Path::new(pattern).is_dir() {
            below(Path::new(pattern), &mut found)?;
        } else {
            found = named(pattern).map_err(|error| match error {
                SourceError::NoFile { .. } => none(),
                error => CompareError::Other(error),
            })?;
        }
        if found.is_empty() {
            return Err(none());
        }
        files
            .extend(found.into_iter().filter(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()))));
    }
    Ok(files)
}

/// All files below a folder, sorted, without hidden ones. Links to folders are not followed: they may lead in a circle.
fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), CompareError> {
    let listed = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> = listed
        .map_err(|error| DiskError::new(folder, "list this folder", error))?
        .into_iter()
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            below(&path, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// A piece of other text, for one thread.
enum Piece {
    /// A part of the text file with this number, and the line on which it begins.
    Text(usize, u64, Vec<u8>),
    /// Rows of the file with this number.
    Rows(usize, RowBatch),
    /// Strings of a file that is one JSON value.
    Json(usize, String),
}

/// Where a spot is: the number of its file, and the line.
pub(super) fn place_of(spot: u64) -> (usize, u64) {
    ((spot >> LINE_BITS) as usize, spot & ((1 << LINE_BITS) - 1))
}

fn spot(file: usize, line: u64) -> u64 {
    (file as u64) << LINE_BITS | line.min((1 << LINE_BITS) - 1)
}

/// Looks for the runs of `index` in all files. Returns how many bytes of text were read.
pub(super) fn scan(index: &Index, files: &[PathBuf], progress: &dyn Progress) -> Result<u64, CompareError> {
    let mut bytes = 0;
    let mut stopped = false;
    let mut in_file = (usize::MAX, 0);
    let produced = pipeline(
        |sink| files.iter().enumerate().try_for_each(|(number, path)| read(number, path, sink)),
        |piece| search(index, &piece),
        |(file, read, rows): (usize, u64, u64)| {
            bytes += read;
            in_file = (file, if file == in_file.0 { in_file.1 + rows } else { rows });
            let name = files[file].file_name().unwrap_or_default().to_string_lossy();
            progress.rows(&name, Pass::Scan, in_file.1, None);
            stopped = progress.cancelled();
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    if stopped {
        return Err(CompareError::Cancelled);
    }
    produced.map(|()| bytes)
}

type Sink<'s> = &'s mut dyn FnMut(Piece) -> ControlFlow<()>;

fn read(number: usize, path: &Path, sink: Sink<'_>) -> Result<(), CompareError> {
    if Format::of(path).is_none() {
        return read_text(number, path, sink).map_err(|error| DiskError::new(path, "read this file", error).into());
    }
    let wanted = Wanted {
        name: "",
        split: "",
        configs: &[],
        config_field: None,
        revision: None,
        rows: None,
        columns: None,
        storage: None,
    };
    // A path whose file exists is never taken for a pattern.
    let source = FileSource::open(&path.to_string_lossy(), wanted).map_err(CompareError::Other)?;
    let read = source.read(&mut |rows: Rows<'_>| sink(Piece::Rows(number, rows.batch())));
    match read {
        Ok(_) => Ok(()),
        // One object, or one list of other things than objects.
        Err(error @ SourceError::Malformed { .. }) if Format::of(path) == Some(Format::Json) => {
            let text = whole(path).ok().filter(|text| each_string(text, &mut |_| ()));
            let Some(text) = text else { return Err(CompareError::Other(error)) };
            // If the sink stops, nothing is left to skip.
            let _ = sink(Piece::Json(number, text));
            Ok(())
        }
        Err(error) => Err(CompareError::Other(error)),
    }
}

/// The text of a file that is not too long.
fn whole(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let limit = MAX_ROW_BYTES as u64;
    compression::decompress(File::open(path)?)?.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// Reads a text file in blocks that end between words, and begin with the end of the block before.
fn read_text(number: usize, path: &Path, sink: Sink<'_>) -> std::io::Result<()> {
    let mut reader: Box<dyn BufRead> = compression::decompress(File::open(path)?)?;
    let (mut block, mut line) = (Vec::with_capacity(BLOCK + REPEATED), 1_u64);
    loop {
        let wanted = (BLOCK + REPEATED).saturating_sub(block.len()) as u64;
        let read = (&mut reader).take(wanted).read_to_end(&mut block)?;
        let is_end = read == 0 || (read as u64) < wanted;
        let end = if is_end { block.len() } else { between_words(&block, block.len()) };
        let next = between_words(&block, end.saturating_sub(REPEATED));
        let rest = block[next..].to_vec();
        let lines = memchr::memchr_iter(b'\n', &block[..next]).count() as u64;
        block.truncate(end);
        if sink(Piece::Text(number, line, block)).is_break() || is_end {
            return Ok(());
        }
        line += lines;
        block = rest;
    }
}

/// The place behind the last character before `end` that is in no word; `end` itself in a word that is longer than any real
/// one.
fn between_words(block: &[u8], end: usize) -> usize {
    let is_outside = |at: &usize| {
        let length = match block[*at] {
            ..0x80 => 1,
            0x80..0xc0 => return false,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        let character = block.get(*at..at + length).and_then(|bytes| std::str::from_utf8(bytes).ok());
        at + length <= end && character.is_some_and(|text| !text.chars().any(char::is_alphanumeric))
    };
    let at = (end.saturating_sub(REPEATED)..end).rev().find(is_outside);
    // The character itself is left to the next block.
    at.unwrap_or(end)
}

/// Looks for the runs in one piece. Returns its file, and how many bytes and lines or rows it has.
fn search(index: &Index, piece: &Piece) -> (usize, u64, u64) {
    let mut scanner = Scanner::new(index);
    match piece {
        Piece::Text(file, first, bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let mut lines = Lines { text: text.as_bytes(), at: 0, line: *first };
            scanner.read(&text, |at| spot(*file, lines.of(at)));
            (*file, bytes.len() as u64, memchr::memchr_iter(b'\n', bytes).count() as u64)
        }
        Piece::Rows(file, rows) => {
            for row in 0..rows.len() {
                let place = spot(*file, rows.origin(row).line);
                let is_json =
                    rows.row(row).is_ok_and(|text| each_string(text, &mut |text| scanner.read(text, |_| place)));
                if !is_json {
                    // A broken row is text all the same.
                    scanner.read(&String::from_utf8_lossy(rows.bytes(row)), |_| place);
                }
            }
            (*file, rows.text_len() as u64, rows.len() as u64)
        }
        Piece::Json(file, text) => {
            each_string(text, &mut |text| scanner.read(text, |_| spot(*file, 1)));
            (*file, text.len() as u64, 1)
        }
    }
}

/// The line of a byte, counted on from the byte that was asked for before.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> u64 {
        let count = |from: usize, to: usize| memchr::memchr_iter(b'\n', &self.text[from..to]).count() as u64;
        // Each length of runs begins at the front again.
        self.line = if at < self.at { self.line - count(at, self.at) } else { self.line + count(self.at, at) };
        self.at = at;
        self.line
    }
}
