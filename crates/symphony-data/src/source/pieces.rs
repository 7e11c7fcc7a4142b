//! Pieces of a source: stretches of its rows that can be read alone, by many machines at once.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};

use super::{
    Rows, SourceError, SourcePath, Wanted,
    file::{LocalFile, failed},
    generated::GeneratedSource,
};
use crate::format::{Batcher, Format, ReadError, compression::Compression, jsonl, parquet};

/// How much is read at once, in bytes.
const BUFFER: usize = 256 << 10;

/// A stretch of a source's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Generated rows with these numbers.
    Rows {
        /// The first one.
        from: u64,
        /// The one behind the last.
        to: u64,
    },
    /// Rows of a file.
    File(FilePiece),
}

/// A file, or a stretch of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePiece {
    /// The file's path.
    pub path: PathBuf,
    /// Its name, without the folders of this machine.
    pub name: String,
    /// Its name in messages.
    pub shown: String,
    /// The config of its rows.
    pub config: Option<String>,
    /// What the file was when it was cut.
    pub stamp: Stamp,
    /// Which of its rows.
    pub within: Within,
}

/// Which rows of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Within {
    /// All.
    All,
    /// The lines of JSON in these bytes, which begin and end with a line.
    Bytes {
        /// The first byte.
        from: u64,
        /// The byte behind the last.
        to: u64,
    },
    /// These row groups of Parquet.
    Groups {
        /// The first one.
        from: usize,
        /// The one behind the last.
        to: usize,
        /// How many rows of the file are before them.
        before: u64,
    },
}

/// The size of a file, and when it was last written: whether it is the same file still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its size.
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub modified: u64,
}

impl Stamp {
    /// That of the file at `path`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = path.metadata()?;
        let modified = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        // Enough until the year 2554.
        Ok(Self { bytes: found.len(), modified: modified as u64 })
    }
}

impl Piece {
    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Rows { from, to } | Self::File(FilePiece { within: Within::Bytes { from, to }, .. }) => from >= to,
            Self::File(FilePiece { within: Within::Groups { from, to, .. }, .. }) => from >= to,
            Self::File(FilePiece { within: Within::All, .. }) => false,
        }
    }

    /// The file, if it is a piece of one.
    pub fn file(&self) -> Option<&FilePiece> {
        match self {
            Self::Rows { .. } => None,
            Self::File(file) => Some(file),
        }
    }
}

/// Cuts files into at most so many shards of about equal size: JSON lines between two lines, Parquet between two row groups;
/// other files, and compressed ones, are not cut.
pub(super) fn of_files(
    files: &[LocalFile<'_>],
    rows: Option<&str>,
    shards: usize,
) -> Result<Vec<Vec<Piece>>, SourceError> {
    let stamp = |file: &LocalFile<'_>| Stamp::of(&file.path).map_err(|error| SourceError::read(&file.path, error));
    let stamps = files.iter().map(stamp).collect::<Result<Vec<_>, _>>()?;
    let all: u64 = stamps.iter().map(|stamp| stamp.bytes).sum();
    let shards = (shards as u64).max(1);
    let size = all.div_ceil(shards).max(1);
    // A shard has the pieces that begin in its share of all bytes.
    let mut found: BTreeMap<u64, Vec<Piece>> = BTreeMap::new();
    let mut before = 0;
    for (file, stamp) in files.iter().zip(stamps) {
        let absolute = std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone());
        let piece = |within: Within| {
            Piece::File(FilePiece {
                path: absolute.clone(),
                name: file.name.clone(),
                shown: file.shown.to_string(),
                config: file.config.map(str::to_owned),
                stamp,
                within,
            })
        };
        let failed = |error: ReadError| failed(error, &file.path, &file.shown, rows);
        let format = file.format.found_in(&file.path, rows).map_err(failed)?;
        let read = |error| SourceError::read(&file.path, error);
        let within = match format {
            Format::Jsonl if !is_compressed(&file.path).map_err(read)? => {
                lines(&file.path, stamp.bytes, before, size).map_err(read)?
            }
            Format::Parquet => row_groups(&file.path, before, size).map_err(read)?,
            _ => vec![(0, Within::All)],
        };
        for (at, within) in within {
            found.entry(((before + at) / size).min(shards - 1)).or_default().push(piece(within));
        }
        before += stamp.bytes;
    }
    Ok(found.into_values().collect())
}

fn is_compressed(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut head)?;
    Ok(Compression::of(&head).is_some())
}

/// The stretches of lines of a file of this size behind `before` bytes of other files, where a shard has `size` bytes; each
/// with its first byte.
fn lines(path: &Path, bytes: u64, before: u64, size: u64) -> io::Result<Vec<(u64, Within)>> {
    let mut file = File::open(path)?;
    let (mut from, mut found) = (0, Vec::new());
    while from < bytes {
        let bound = ((before + from) / size + 1) * size - before;
        let to = if bound >= bytes {
            bytes
        } else {
            // The line that the bound lies in, or ends at, belongs to this shard.
            file.seek(SeekFrom::Start(bound - 1))?;
            bound - 1 + past_line(&mut BufReader::with_capacity(BUFFER, &file))?
        };
        found.push((from, Within::Bytes { from, to }));
        from = to;
    }
    if bytes == 0 {
        found.push((0, Within::All));
    }
    Ok(found)
}

/// How many bytes there are up to the end of the line, or of the file.
fn past_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut passed = 0;
    loop {
        let buffer = reader.fill_buf()?;
        let (length, end) = (buffer.len(), memchr::memchr(b'\n', buffer));
        if let Some(end) = end {
            return Ok(passed + end as u64 + 1);
        }
        if length == 0 {
            return Ok(passed);
        }
        passed += length as u64;
        reader.consume(length);
    }
}

/// The same for the row groups of a Parquet file.
fn row_groups(path: &Path, before: u64, size: u64) -> io::Result<Vec<(u64, Within)>> {
    // The reader of a file that cannot be read has the better error.
    let Some(groups) = parquet::groups(&File::open(path)?).filter(|groups| groups.len() > 1) else {
        return Ok(vec![(0, Within::All)]);
    };
    let (mut at, mut rows) = (0, 0);
    let mut found: Vec<(u64, Within)> = Vec::new();
    for (number, (count, stored)) in groups.into_iter().enumerate() {
        match found.last_mut() {
            Some((first, Within::Groups { to, .. })) if (before + *first) / size == (before + at) / size => {
                *to = number + 1;
            }
            _ => found.push((at, Within::Groups { from: number, to: number + 1, before: rows })),
        }
        (at, rows) = (at + stored, rows + count);
    }
    Ok(found)
}

/// What reading a shard found apart from its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PiecesRead {
    /// How many lines each piece of JSON lines has up to its end, those before it included.
    pub lines: Vec<u64>,
    /// The names in `columns` or `drop_columns` that no row had; meaningless if no row had any name.
    pub missing: Vec<String>,
    /// The names that rows had, or the first few of them.
    pub known: Vec<String>,
}

/// Reads the rows of some pieces of a benchmark's source, which are numbered from `first_row`. `lines_before` is how many
/// lines of its file lie before the first piece.
///
/// # Errors
/// A file cannot be read, or is another one than when it was cut.
pub fn read(
    source: &SourcePath,
    wanted: Wanted<'_>,
    pieces: &[Piece],
    first_row: u64,
    lines_before: u64,
    sink: &mut dyn FnMut(crate::row::RowBatch) -> ControlFlow<()>,
) -> Result<PiecesRead, SourceError> {
    let mut found = PiecesRead::default();
    if let (Some(Piece::Rows { .. }), SourcePath::Synthetic { name, rows, seed }) = (pieces.first(), source) {
        let generator =
            symphony_synthetic::generator(name).ok_or_else(|| SourceError::NoGenerator { name: name.clone() })?;
        let source = GeneratedSource::new(generator, *rows, *seed, wanted);
        for piece in pieces {
            if let Piece::Rows { from, to } = piece {
                source.read_rows(*from..*to, &mut |rows: Rows<'_>| sink(rows.batch()))?;
            }
        }
        return Ok(found);
    }
    let mut batcher = Batcher::new(sink);
    batcher.count_from(first_row);
    batcher.select(wanted.columns);
    for (at, FilePiece { path, shown, config, stamp, within, .. }) in pieces.iter().filter_map(Piece::file).enumerate()
    {
        let changed = || SourceError::Malformed {
            path: PathBuf::from(shown),
            line: 0,
            reason: "this file changed while it was read; run again when nothing writes to it".to_owned(),
        };
        let check = || match Stamp::of(path) {
            Ok(now) if now == *stamp => Ok(()),
            Ok(_) => Err(changed()),
            Err(error) => Err(SourceError::read(path, error)),
        };
        check()?;
        let before = if at == 0 { lines_before } else { 0 };
        let last_field = wanted.config_field.zip(config.as_deref());
        let mut within = || match within {
            Within::All => {
                let format = Format::of(path).ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
                let format = format.found_in(path, wanted.rows)?;
                batcher.begin(shown, last_field, format.is_untyped())?;
                format.read_file(path, wanted.rows, &mut batcher)?;
                Ok(0)
            }
            Within::Bytes { from, to } => {
                batcher.begin(shown, last_field, Format::Jsonl.is_untyped())?;
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(*from))?;
                let mut reader = BufReader::with_capacity(BUFFER, file.take(to - from));
                jsonl::read_behind(before, &mut reader, &mut batcher)
            }
            Within::Groups { from, to, before } => {
                batcher.begin(shown, last_field, Format::Parquet.is_untyped())?;
                parquet::read_groups(File::open(path)?, Some(*from..*to), *before, &mut batcher)?;
                Ok(0)
            }
        };
        match within() {
            Ok(lines) => found.lines.push(lines),
            Err(ReadError::Stopped) => return Ok(found),
            Err(error) => return Err(failed(error, path, shown, wanted.rows)),
        }
        check()?;
    }
    if let Some(selection) = batcher.selection() {
        found.missing =
            selection.unknown().map(|(names, _)| names.into_iter().map(str::to_owned).collect()).unwrap_or_default();
        found.known = selection.known().to_vec();
    }
    // If the sink stops at the last batch, nothing is left to skip.
    let _: Result<(), ReadError> = batcher.flush();
    Ok(found)
}
