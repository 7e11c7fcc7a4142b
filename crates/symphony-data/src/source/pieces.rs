//! Pieces of a source: stretches of its rows that can be read alone, by many machines at once.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    ops::{ControlFlow, Range},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Rows, SourceError, SourcePath, Wanted,
    file::{LocalFile, failed},
    generated::GeneratedSource,
};
use crate::{
    disk::{
        Local, Place, WINDOW,
        storage::{Stamp, Storage},
    },
    format::{Batcher, Format, ReadError, compression::Compression, jsonl, parquet},
};

/// How much is read at once, in bytes.
const BUFFER: usize = 256 << 10;
/// How much of the beginning and of the end of a file behind a URL is read to see what it is, in bytes.
const HEAD: u64 = 64 << 10;

/// Why a file at a URL cannot be read by many machines.
const NO_VERSION: &str = "the server does not say when this file was written, so that a change would not be noticed between \
    workers; preprocess it on one machine, or copy it first";

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
    /// The file's path, or its URL.
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
    storage: Option<&Arc<dyn Storage>>,
    shards: usize,
) -> Result<Vec<Vec<Piece>>, SourceError> {
    let read = |file: &LocalFile<'_>, error| SourceError::read(&Place::new(&file.path, storage).shown(), error);
    let places: Vec<Place<'_>> = files.iter().map(|file| Place::new(&file.path, storage)).collect();
    let stamp = |(file, place): (&LocalFile<'_>, &Place<'_>)| {
        let stamp = file.stamp.map_or_else(|| place.stamp(), Ok).map_err(|error| read(file, error))?;
        if stamp.modified == 0 && place.is_remote() {
            let (path, reason) = (PathBuf::from(&*file.shown), NO_VERSION.to_owned());
            return Err(SourceError::Malformed { path, line: 0, reason });
        }
        Ok(stamp)
    };
    let stamps = files.iter().zip(&places).map(stamp).collect::<Result<Vec<_>, _>>()?;
    let all: u64 = stamps.iter().map(|stamp| stamp.bytes).sum();
    let shards = (shards as u64).max(1);
    let size = all.div_ceil(shards).max(1);
    // A shard has the pieces that begin in its share of all bytes.
    let mut found: BTreeMap<u64, Vec<Piece>> = BTreeMap::new();
    let mut before = 0;
    for ((file, place), stamp) in files.iter().zip(&places).zip(stamps) {
        let absolute = place.absolute();
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
        let is_one_piece = stamp.bytes > 0 && before / size == (before + stamp.bytes - 1) / size;
        let format = if is_one_piece && place.is_remote() && stamp.bytes <= WINDOW {
            // One request gets it all, so that none needs to ask what it is.
            Ok(None)
        } else {
            how(*place, file.format, stamp, rows)
        };
        let within = match format {
            Ok(Some(Format::Jsonl)) => {
                place.open(stamp.bytes, BUFFER as u64).and_then(|mut open| lines(&mut open, stamp.bytes, before, size))
            }
            Ok(Some(Format::Parquet)) => {
                local_groups(*place, stamp, None).and_then(|local| row_groups(local.path(), before, size))
            }
            Ok(_) => Ok(vec![(0, Within::All)]),
            Err(error) => return Err(failed(error, &place.shown(), &file.shown, rows)),
        };
        for (at, within) in within.map_err(|error| read(file, error))? {
            found.entry(((before + at) / size).min(shards - 1)).or_default().push(piece(within));
        }
        before += stamp.bytes;
    }
    Ok(found.into_values().collect())
}

/// The format of a file that can be cut: lines of JSON without compression, or Parquet.
fn how(place: Place<'_>, named: Format, stamp: Stamp, rows: Option<&str>) -> Result<Option<Format>, ReadError> {
    let mut local = place.local(stamp.bytes)?;
    local.fetch(0..stamp.bytes.min(HEAD))?;
    let format = match named.found_in(local.path(), rows) {
        // Only its beginning is here; who reads it all has the better error.
        Err(_) if place.is_remote() => return Ok(None),
        format => format?,
    };
    let mut head = Vec::new();
    File::open(local.path())?.take(4).read_to_end(&mut head)?;
    let can_be_cut = format == Format::Parquet || format == Format::Jsonl && Compression::of(&head).is_none();
    Ok(can_be_cut.then_some(format))
}

/// A local Parquet file with at least these row groups, or none, and what describes them all.
fn local_groups(place: Place<'_>, stamp: Stamp, groups: Option<Range<usize>>) -> io::Result<Local> {
    let size = stamp.bytes;
    let mut local = place.local(size)?;
    if place.is_remote() {
        local.fetch(0..size.min(HEAD))?;
        local.fetch(size.saturating_sub(HEAD)..size)?;
        let mut end = [0; parquet::END];
        let mut file = File::open(local.path())?;
        file.seek(SeekFrom::Start(size.saturating_sub(parquet::END as u64)))?;
        file.read_exact(&mut end)?;
        let footer = parquet::footer_bytes(end).min(size);
        local.fetch(size - footer..size.saturating_sub(HEAD).max(size - footer))?;
        if let Some(bytes) = groups.and_then(|groups| parquet::bytes_of_groups(&file, groups)) {
            local.fetch(bytes)?;
        }
    }
    Ok(local)
}

/// The stretches of lines of a file of this size behind `before` bytes of other files, where a shard has `size` bytes; each
/// with its first byte.
fn lines(file: &mut (impl Read + Seek), bytes: u64, before: u64, size: u64) -> io::Result<Vec<(u64, Within)>> {
    let (mut from, mut found) = (0, Vec::new());
    while from < bytes {
        let bound = ((before + from) / size + 1) * size - before;
        let to = if bound >= bytes {
            bytes
        } else {
            // The line that the bound lies in, or ends at, belongs to this shard.
            file.seek(SeekFrom::Start(bound - 1))?;
            bound - 1 + past_line(&mut BufReader::with_capacity(BUFFER, &mut *file))?
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
        let place = Place::new(path, wanted.storage);
        let check = || match place.stamp() {
            Ok(now) if now == *stamp => Ok(()),
            Ok(_) => Err(changed()),
            Err(error) => Err(SourceError::read(&place.shown(), error)),
        };
        check()?;
        let before = if at == 0 { lines_before } else { 0 };
        let last_field = wanted.config_field.zip(config.as_deref());
        let mut within = || match within {
            Within::All => {
                let local = place.whole(stamp.bytes)?;
                let format = Format::of(local.path()).ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
                let format = format.found_in(local.path(), wanted.rows)?;
                batcher.begin(shown, last_field, format.is_untyped())?;
                format.read_file(local.path(), wanted.rows, &mut batcher)?;
                Ok(0)
            }
            Within::Bytes { from, to } => {
                batcher.begin(shown, last_field, Format::Jsonl.is_untyped())?;
                let mut file = place.open_whole(*to)?;
                file.seek(SeekFrom::Start(*from))?;
                let mut reader = BufReader::with_capacity(BUFFER, file.take(to - from));
                jsonl::read_behind(before, &mut reader, &mut batcher)
            }
            Within::Groups { from, to, before } => {
                batcher.begin(shown, last_field, Format::Parquet.is_untyped())?;
                let local = local_groups(place, *stamp, Some(*from..*to))?;
                parquet::read_groups(File::open(local.path())?, Some(*from..*to), *before, &mut batcher)?;
                Ok(0)
            }
        };
        match within() {
            Ok(lines) => found.lines.push(lines),
            Err(ReadError::Stopped) => return Ok(found),
            Err(error) => return Err(failed(error, &place.shown(), shown, wanted.rows)),
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
