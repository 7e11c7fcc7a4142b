//! Arrow: turns batches of columns into rows of JSON text, and reads the files that hold such batches (`.arrow`, in the
//! file form or as a stream, which Python's `datasets` keeps).

use std::{
    collections::VecDeque,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    sync::Arc,
};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::{CompressionType, reader::StreamDecoder, root_as_message};
use arrow_json::{WriterBuilder, writer::LineDelimited};
use arrow_schema::{ArrowError, DataType, Fields};

use super::{
    Batcher, MAX_ROW_BYTES, ReadError,
    guard::guarded_batches,
    values::{Encoders, MARK, Refused},
};

/// The first bytes of a file in the file form.
const MAGIC: &[u8] = b"ARROW1";
/// The first bytes of a file of Feather's first version.
const FEATHER_1: &[u8] = b"FEA1";
/// The first bytes of most messages of a stream; old writers leave them out.
const CONTINUATION: &[u8] = b"\xff\xff\xff\xff";
/// The longest piece of a column that is decompressed at once, in bytes: offsets have 32 bits.
const MAX_PIECE: u64 = 2 << 30;
/// How many times its stored size a file of columns may have as text. A column with few different values is stored as
/// these values and small numbers, so this is far more than for compressed text.
const MAX_RATIO: u64 = 10_000;
/// Below this size, in bytes, the ratio is not checked.
const UNASKED: u64 = 64 << 20;

/// Reads all rows of a file of this many bytes.
///
/// # Errors
/// The file is not Arrow, or is cut off or damaged.
pub fn read(mut file: impl Read + Seek, bytes: u64, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    let stream = stream_within(&mut file, bytes)?;
    file.seek(SeekFrom::Start(stream.start))?;
    let stream = file.take(stream.end - stream.start);
    push_all(Batches { stream, decoder: StreamDecoder::new(), pieces: VecDeque::new() }, bytes, 0, rows)
}

/// Where in the file the stream of batches is. The file form is a stream between two [`MAGIC`]s, followed by a table of
/// contents, which a reader of the whole file does not need.
fn stream_within(file: &mut (impl Read + Seek), bytes: u64) -> Result<Range<u64>, ReadError> {
    let cut_off = || malformed(0, &ArrowError::IpcError("it does not end as it should".to_owned()));
    let mut magic = [0; 8];
    let known = file.read(&mut magic)?;
    if magic[..known].starts_with(FEATHER_1) {
        let reason = "this is a Feather file of version 1, which is not supported; write it as version 2";
        return Err(ReadError::Malformed { line: 0, reason: reason.to_owned() });
    }
    file.seek(SeekFrom::Start(0))?;
    if bytes < 18 || file.read_exact(&mut magic).is_err() || !magic.starts_with(MAGIC) {
        return Ok(0..bytes);
    }
    // Padding after the magic: to 8 bytes in the format's definition, to 64 by some writers.
    let mut start = 8;
    let mut word = [0; 8];
    while start < 64 && file.read_exact(&mut word).is_ok() && word == [0; 8] {
        start += 8;
    }
    let mut end = [0; 10];
    file.seek(SeekFrom::End(-10))?;
    file.read_exact(&mut end)?;
    let contents = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    match bytes.checked_sub(10 + contents) {
        Some(stream_end) if end.ends_with(MAGIC) && stream_end >= start => Ok(start..stream_end),
        _ => Err(cut_off()),
    }
}

/// The batches of a stream. The size that a message claims is not trusted: memory grows with the bytes that are read.
struct Batches<R> {
    stream: R,
    decoder: StreamDecoder,
    /// The bytes that are read and not decoded yet: a message's head, then its body.
    pieces: VecDeque<Buffer>,
}

impl<R: Read> Iterator for Batches<R> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(piece) = self.pieces.front_mut() else {
                match self.message() {
                    Ok(()) if self.pieces.is_empty() => return self.decoder.finish().err().map(Err),
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            let decoded = self.decoder.decode(piece).transpose();
            if piece.is_empty() {
                self.pieces.pop_front();
            }
            if decoded.is_some() {
                return decoded;
            }
        }
    }
}

impl<R: Read> Batches<R> {
    /// Reads the next message, if there is one. The decoder checks whether it is complete.
    fn message(&mut self) -> Result<(), ArrowError> {
        let mut head = Vec::new();
        self.extend(&mut head, 4)?;
        if head == CONTINUATION {
            self.extend(&mut head, 4)?;
        }
        let start = head.len();
        if let Some(length) = head.last_chunk() {
            let length = u32::from_le_bytes(*length);
            self.extend(&mut head, length.into())?;
        }
        let mut body = Vec::new();
        // `root_as_message` needs aligned bytes.
        let message = head[start..].to_vec();
        // If this is not a message, the decoder's error is better.
        if let Ok(message) = root_as_message(&message) {
            self.extend(&mut body, message.bodyLength().try_into().unwrap_or_default())?;
            check_pieces(&message, &body)?;
        }
        self.pieces.extend([head, body].into_iter().filter(|piece| !piece.is_empty()).map(Buffer::from_vec));
        Ok(())
    }

    fn extend(&mut self, bytes: &mut Vec<u8>, by: u64) -> io::Result<usize> {
        (&mut self.stream).take(by).read_to_end(bytes)
    }
}

/// Checks that the compressed pieces of a message's body can be as long as they claim, because the decoder allocates
/// that much memory.
fn check_pieces(message: &arrow_ipc::Message<'_>, body: &[u8]) -> Result<(), ArrowError> {
    let batch = message
        .header_as_record_batch()
        .or_else(|| message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()));
    let Some((batch, compression)) = batch.and_then(|batch| Some((batch, batch.compression()?))) else {
        return Ok(());
    };
    // The highest ratio that the compression format allows.
    let most = if compression.codec() == CompressionType::LZ4_FRAME { 256 } else { 1 << 15 };
    for piece in batch.buffers().into_iter().flatten() {
        let from = usize::try_from(piece.offset()).unwrap_or(usize::MAX);
        let Some(claimed) = body.get(from..).and_then(<[u8]>::first_chunk) else { continue };
        let Ok(claimed) = u64::try_from(i64::from_le_bytes(*claimed)) else { continue };
        if piece.length() <= 0 {
            continue;
        }
        if claimed > UNASKED.max(piece.length().unsigned_abs().saturating_mul(most)) {
            return Err(ArrowError::IpcError("a column claims to be longer than it can be".to_owned()));
        }
        if claimed > MAX_PIECE {
            let reason = "a column takes more than 2 GiB in one batch; write the file in smaller batches";
            return Err(refused(reason.to_owned()));
        }
    }
    Ok(())
}

/// Takes the rows of batches of a file with this many bytes, behind so many earlier rows.
///
/// # Errors
/// A batch cannot be read, a row is too long, or there are far more rows than the file can hold.
pub(super) fn push_all(
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    bytes: u64,
    before: u64,
    rows: &mut Batcher<'_>,
) -> Result<(), ReadError> {
    let mut lines =
        Lines { rows, row: before, pending: Vec::new(), left: UNASKED.max(bytes.saturating_mul(MAX_RATIO)), end: None };
    let mut checked = None;
    for batch in guarded_batches(batches) {
        let batch = batch.and_then(|batch| kept(batch, lines.rows)).map_err(|error| malformed(lines.row, &error))?;
        if checked.as_ref() != Some(batch.schema_ref().fields()) {
            check(batch.schema_ref().fields())?;
            checked = Some(batch.schema_ref().fields().clone());
        }
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .with_encoder_factory(Arc::new(Encoders))
            .build::<_, LineDelimited>(&mut lines);
        if let Err(error) = writer.write(&batch) {
            let row = lines.row;
            return Err(lines.end.take().unwrap_or_else(|| malformed(row, &error)));
        }
    }
    Ok(())
}

/// The batch with only the selected columns.
fn kept(batch: RecordBatch, rows: &mut Batcher<'_>) -> Result<RecordBatch, ArrowError> {
    let fields = batch.schema_ref().fields();
    let kept: Vec<usize> = (0..fields.len()).filter(|at| rows.keeps_column(fields[*at].name())).collect();
    if kept.len() == fields.len() { Ok(batch) } else { batch.project(&kept) }
}

/// Refuses columns that cannot be rows of JSON.
fn check(columns: &Fields) -> Result<(), ReadError> {
    let whole = |reason| ReadError::Malformed { line: 0, reason };
    check_names(columns, "").map_err(whole)?;
    for column in columns {
        if let Some(reason) = refusal(column.data_type()) {
            let name = column.name();
            return Err(whole(format!(
                "its column `{name}` holds {reason}; leave it out with `drop_columns: [{name}]`"
            )));
        }
    }
    Ok(())
}

/// Refuses columns, or fields of a struct in the column `path`, that share a name: a reader of such a row would lose
/// one of them.
fn check_names(fields: &Fields, path: &str) -> Result<(), String> {
    for (at, field) in fields.iter().enumerate() {
        let name = field.name();
        if fields[..at].iter().any(|other| other.name() == name) {
            return Err(if path.is_empty() {
                format!("it has two columns `{name}`; rename one")
            } else {
                format!("its column `{path}` has two fields `{name}`; rename one")
            });
        }
        if let Some(inner) = structure(field.data_type()) {
            check_names(inner, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") })?;
        }
    }
    Ok(())
}

/// The fields of the structs that a column holds, directly or nested.
fn structure(kind: &DataType) -> Option<&Fields> {
    match kind {
        DataType::Struct(fields) => Some(fields),
        DataType::Dictionary(_, values) => structure(values),
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::Map(inner, _)
        | DataType::RunEndEncoded(_, inner) => structure(inner.data_type()),
        _ => None,
    }
}

/// The kind of values in a column that JSON does not have; `None` if JSON has them all.
fn refusal(kind: &DataType) -> Option<&'static str> {
    match kind {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Some("bytes, which JSON does not have")
        }
        DataType::Union(..) => Some("values of several types (a union), which is not supported"),
        DataType::Dictionary(_, values) => refusal(values),
        DataType::Struct(fields) => fields.iter().find_map(|field| refusal(field.data_type())),
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::Map(inner, _)
        | DataType::RunEndEncoded(_, inner) => refusal(inner.data_type()),
        _ => None,
    }
}

fn refused(reason: String) -> ArrowError {
    ArrowError::ExternalError(Box::new(Refused(reason)))
}

fn malformed(rows_read: u64, error: &ArrowError) -> ReadError {
    let reason = match error {
        ArrowError::ExternalError(error) if error.is::<Refused>() => {
            return ReadError::Malformed { line: 0, reason: error.to_string() };
        }
        ArrowError::IoError(reason, _) | ArrowError::ParquetError(reason) => reason.clone(),
        other => other.to_string(),
    };
    ReadError::Malformed {
        line: rows_read + 1,
        reason: format!("this file is damaged or cut off ({reason}); get it again"),
    }
}

/// Cuts the written text into lines, which are rows, and counts the bytes that came out of the file.
struct Lines<'r, 's> {
    rows: &'r mut Batcher<'s>,
    /// How many rows came so far.
    row: u64,
    pending: Vec<u8>,
    /// How many more bytes may come out of the file.
    left: u64,
    /// The error that ended the writing here.
    end: Option<ReadError>,
}

impl Lines<'_, '_> {
    fn take(&mut self, text: &[u8]) -> Result<(), ReadError> {
        let too_long = |row: u64, reason: String| ReadError::Malformed { line: row + 1, reason };
        self.left = self.left.checked_sub(text.len() as u64).ok_or_else(|| {
            too_long(
                self.row,
                format!("decompresses to more than {MAX_RATIO} times its size, which real data does not"),
            )
        })?;
        // Hardly any text holds a mark, so that one look at all of it spares one at each row.
        let is_marked = |text: &[u8]| memchr::memchr(MARK, text).is_some();
        let any_marked = is_marked(&self.pending) || is_marked(text);
        let mut text = text;
        while let Some(end) = memchr::memchr(b'\n', text) {
            let row = if self.pending.is_empty() {
                &text[..end]
            } else {
                self.pending.extend_from_slice(&text[..end]);
                &self.pending
            };
            self.row += 1;
            if any_marked && is_marked(row) {
                let parts: Vec<&[u8]> = row.split(|byte| *byte == MARK).collect();
                let fault = String::from_utf8_lossy(parts[1]).into_owned();
                let row = parts.into_iter().step_by(2).collect::<Vec<_>>().concat();
                self.rows.push_fault(&row, self.row, fault)?;
            } else {
                self.rows.push(row, self.row)?;
            }
            self.pending.clear();
            text = &text[end + 1..];
        }
        self.pending.extend_from_slice(text);
        if self.pending.len() > MAX_ROW_BYTES {
            return Err(too_long(self.row, format!("a row is longer than {} MiB", MAX_ROW_BYTES >> 20)));
        }
        Ok(())
    }
}

impl Write for Lines<'_, '_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.take(text) {
            Ok(()) => Ok(text.len()),
            Err(end) => {
                self.end = Some(end);
                Err(io::Error::other("ended"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
