//! Arrow: batches of columns as rows of JSON text, and the files that hold them as they are (`.arrow`, in the file form
//! or as a stream, which is what Python's `datasets` keeps).

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    sync::Arc,
};

use arrow_array::{Array, Float64Array, RecordBatch, StringViewArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_json::{
    Encoder, EncoderFactory, EncoderOptions, WriterBuilder,
    writer::{LineDelimited, NullableEncoder},
};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema};

use super::{Batcher, MAX_ROW_BYTES, ReadError, guard::guarded_batches};

/// What a file in the file form begins with.
const MAGIC: &[u8] = b"ARROW1";
/// How much of a stream is read at once, in bytes.
const CHUNK: u64 = 1 << 20;
/// How many times its stored size a file of columns may unfold to as text. A column in which a few values repeat is
/// stored as those values and small numbers, so that this is far more than text compresses.
const MAX_RATIO: u64 = 10_000;
/// Below this size nothing is asked, in bytes.
const UNASKED: u64 = 64 << 20;

/// Reads all rows of a file of this many bytes.
///
/// # Errors
/// A file that is not Arrow, or is cut off or damaged.
pub fn read(mut file: impl Read + Seek, bytes: u64, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    let stream = stream_within(&mut file, bytes)?;
    file.seek(SeekFrom::Start(stream.start))?;
    let stream = file.take(stream.end - stream.start);
    push_all(Batches { stream, decoder: StreamDecoder::new(), chunk: Buffer::from_vec(Vec::<u8>::new()) }, bytes, rows)
}

/// Where in the file the stream of batches is. The file form is a stream between two [`MAGIC`]s, with a table of
/// contents behind it that is not needed to read all of it.
fn stream_within(file: &mut (impl Read + Seek), bytes: u64) -> Result<Range<u64>, ReadError> {
    let cut_off = || malformed(0, &ArrowError::IpcError("it does not end as it should".to_owned()));
    let mut magic = [0; 8];
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

/// The batches of a stream. What a message claims of its own size is not believed: memory grows with the bytes that
/// are there.
struct Batches<R> {
    stream: R,
    decoder: StreamDecoder,
    chunk: Buffer,
}

impl<R: Read> Iterator for Batches<R> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.chunk.is_empty() {
                let mut chunk = Vec::with_capacity(CHUNK as usize);
                if let Err(error) = (&mut self.stream).take(CHUNK).read_to_end(&mut chunk) {
                    return Some(Err(error.into()));
                }
                if chunk.is_empty() {
                    return self.decoder.finish().err().map(Err);
                }
                self.chunk = Buffer::from_vec(chunk);
            }
            if let Some(batch) = self.decoder.decode(&mut self.chunk).transpose() {
                return Some(batch);
            }
        }
    }
}

/// Takes the rows of all batches, which a file of this many bytes holds.
///
/// # Errors
/// A batch that cannot be read, a row that is too long, or far more rows than the file can hold.
pub(super) fn push_all(
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    bytes: u64,
    rows: &mut Batcher<'_>,
) -> Result<(), ReadError> {
    let mut lines =
        Lines { rows, row: 0, pending: Vec::new(), left: UNASKED.max(bytes.saturating_mul(MAX_RATIO)), end: None };
    for batch in guarded_batches(batches) {
        let batch = batch.and_then(widened).map_err(|error| malformed(lines.row, &error))?;
        if let Some(column) = batch.schema().fields().iter().find(|field| holds_bytes(field.data_type())) {
            let reason =
                format!("its column `{}` holds bytes, which JSON has not; write the file without it", column.name());
            return Err(ReadError::Malformed { line: 0, reason });
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

fn malformed(rows_read: u64, error: &ArrowError) -> ReadError {
    let reason = match error {
        ArrowError::IoError(reason, _) | ArrowError::ParquetError(reason) => reason.clone(),
        other => other.to_string(),
    };
    ReadError::Malformed {
        line: rows_read + 1,
        reason: format!("this file is damaged or cut off ({reason}); get it anew"),
    }
}

/// The batch with its short floats as doubles: the number that Python sees, whose shortest text has more digits.
fn widened(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let fields: Fields = batch.schema().fields().iter().map(wide).collect();
    if fields == *batch.schema().fields() {
        return Ok(batch);
    }
    let columns = batch
        .columns()
        .iter()
        .zip(&fields)
        .map(|(column, field)| arrow_cast::cast(column, field.data_type()))
        .collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn wide(field: &Arc<Field>) -> Arc<Field> {
    let kind = match field.data_type() {
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::List(inner) => DataType::List(wide(inner)),
        DataType::LargeList(inner) => DataType::LargeList(wide(inner)),
        DataType::FixedSizeList(inner, n) => DataType::FixedSizeList(wide(inner), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(wide).collect()),
        other => other.clone(),
    };
    if kind == *field.data_type() { field.clone() } else { Arc::new(field.as_ref().clone().with_data_type(kind)) }
}

fn holds_bytes(kind: &DataType) -> bool {
    match kind {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => true,
        DataType::Dictionary(_, values) => holds_bytes(values),
        DataType::Struct(fields) => fields.iter().any(|field| holds_bytes(field.data_type())),
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::Map(inner, _) => holds_bytes(inner.data_type()),
        _ => false,
    }
}

/// Writes doubles, and those that JSON has not behind a mark, by which their row is known; and texts, of which most rows
/// consist, in pieces that need no escape.
#[derive(Debug)]
struct Encoders;

/// A byte that JSON text never holds as it is: in strings it is escaped.
const MARK: u8 = 1;

impl EncoderFactory for Encoders {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        if let Some(doubles) = array.as_any().downcast_ref::<Float64Array>() {
            return Ok(Some(NullableEncoder::new(Box::new(DoubleEncoder(doubles)), doubles.nulls().cloned())));
        }
        if let Some(texts) = array.as_any().downcast_ref::<StringViewArray>() {
            return Ok(Some(NullableEncoder::new(Box::new(TextEncoder(texts)), texts.nulls().cloned())));
        }
        Ok(None)
    }
}

struct TextEncoder<'a>(&'a StringViewArray);

impl Encoder for TextEncoder<'_> {
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        write_text(self.0.value(at), out);
    }
}

/// Appends a text as JSON, with the escapes that serde_json writes.
fn write_text(text: &str, out: &mut Vec<u8>) {
    /// How many bytes are looked at at once: what the compiler makes one vector of.
    const WIDE: usize = 16;
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let mut rest = text.as_bytes();
    out.push(b'"');
    while !rest.is_empty() {
        // Not `any`, which stops at the first and so looks at one byte after the other.
        let plain = |chunk: &&[u8]| !chunk.iter().fold(false, |found, byte| found | special(byte));
        let mut end = rest.chunks_exact(WIDE).take_while(plain).count() * WIDE;
        end += rest[end..].iter().position(special).unwrap_or(rest.len() - end);
        out.extend_from_slice(&rest[..end]);
        let Some(byte) = rest.get(end) else { break };
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            8 => out.extend_from_slice(br"\b"),
            12 => out.extend_from_slice(br"\f"),
            // Writing to memory cannot fail.
            control => _ = write!(out, "\\u{control:04x}"),
        }
        rest = &rest[end + 1..];
    }
    out.push(b'"');
}

struct DoubleEncoder<'a>(&'a Float64Array);

impl Encoder for DoubleEncoder<'_> {
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        let number = self.0.value(at);
        match serde_json::Number::from_f64(number) {
            Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
            None => {
                out.push(MARK);
                out.extend_from_slice(number.to_string().as_bytes());
            }
        }
    }
}

/// Cuts written text into lines, each of which is a row, and keeps count of what came out of the file.
struct Lines<'r, 's> {
    rows: &'r mut Batcher<'s>,
    /// How many rows came so far.
    row: u64,
    pending: Vec<u8>,
    /// How many more bytes the file may unfold to.
    left: u64,
    /// Why the writing was ended from here.
    end: Option<ReadError>,
}

impl Lines<'_, '_> {
    fn take(&mut self, text: &[u8]) -> Result<(), ReadError> {
        let refused = |row: u64, reason: String| ReadError::Malformed { line: row + 1, reason };
        self.left = self.left.checked_sub(text.len() as u64).ok_or_else(|| {
            refused(self.row, format!("unfolds to more than {MAX_RATIO} times its size, as no data does"))
        })?;
        let mut text = text;
        while let Some(end) = memchr::memchr(b'\n', text) {
            self.pending.extend_from_slice(&text[..end]);
            self.row += 1;
            match memchr::memchr(MARK, &self.pending) {
                None => self.rows.push(&self.pending, self.row)?,
                Some(_) => {
                    self.pending.retain(|byte| *byte != MARK);
                    let fault = "holds a number that is infinite or NaN, which JSON has not; mend it".to_owned();
                    self.rows.push_fault(&self.pending, self.row, fault)?;
                }
            }
            self.pending.clear();
            text = &text[end + 1..];
        }
        self.pending.extend_from_slice(text);
        if self.pending.len() > MAX_ROW_BYTES {
            return Err(refused(self.row, format!("a row longer than {} MiB", MAX_ROW_BYTES >> 20)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_serde_json_escapes_them() {
        let all: String = (0..300).filter_map(char::from_u32).collect();
        let long = "plain text of some length, then a \" and a \\ and a line\nbreak; ".repeat(5);
        for text in ["", "a", "exactly 16 bytes", "exactly 16 byte\n", "é\u{7f}\u{2028}😀", &all, &long] {
            for from in 0..text.len().min(40) {
                let Some(text) = text.get(from..) else { continue };
                let mut written = Vec::new();
                write_text(text, &mut written);
                assert_eq!(String::from_utf8(written).unwrap(), serde_json::Value::from(text).to_string());
            }
        }
    }
}
