//! Parquet: columns, read a few rows at a time.

use std::{io, path::Path, sync::Arc};

use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::{
    arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    },
    errors::ParquetError,
    file::reader::ChunkReader,
};

use super::{
    Batcher, ReadError, arrow,
    guard::{guarded, guarded_batches},
    parquet_schema,
};
use crate::{disk::DiskError, row::MAX_DEPTH};

/// What a file begins and ends with.
pub const MAGIC: &[u8; 4] = b"PAR1";
/// How many rows are read at once.
const ROWS: usize = 1024;

/// Reads all rows of a file.
///
/// # Errors
/// A file that is not Parquet, is cut off or damaged, or holds what JSON cannot.
pub fn read(file: impl ChunkReader + 'static, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    let bytes = file.len();
    let batches = open(file).map_err(|reason| ReadError::Malformed { line: 0, reason })?;
    arrow::push_all(batches, bytes, rows)
}

/// The batches of a file, texts as views.
///
/// # Errors
/// A file that is not Parquet, is cut off or damaged.
pub(crate) fn batches(
    file: impl ChunkReader + 'static,
) -> Result<impl Iterator<Item = Result<arrow_array::RecordBatch, arrow_schema::ArrowError>>, String> {
    Ok(guarded_batches(open(file)?))
}

/// Reads a file to its end, to see whether it can be read.
///
/// # Errors
/// Why it cannot.
pub fn check(file: impl ChunkReader + 'static) -> Result<(), String> {
    guarded_batches(open(file)?).try_for_each(|batch| batch.map(drop)).map_err(|error| error.to_string())
}

/// Why a file could not be written, as the disk said it.
pub(crate) fn cannot_write(path: &Path, error: ParquetError) -> DiskError {
    let error = match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    };
    DiskError::writing(path, "write this file", error)
}

fn open(file: impl ChunkReader + 'static) -> Result<ParquetRecordBatchReader, String> {
    let broken = |error: ParquetError| {
        let why = match error {
            ParquetError::General(why) | ParquetError::EOF(why) => why,
            error => error.to_string(),
        };
        format!("this is no whole Parquet file ({why}); get it anew")
    };
    let head = file.get_bytes(0, file.len().min(64) as usize).map_err(broken)?.to_ascii_lowercase();
    for (beginning, what) in [
        ("<", "this is a web page and no Parquet file; it may say why"),
        ("version https://git-lfs", "this is git-lfs's note of a file, and not the file; `git lfs pull` gets it"),
    ] {
        if head.starts_with(beginning.as_bytes()) {
            return Err(what.to_owned());
        }
    }
    match footer(&file).map_err(broken)?.and_then(|footer| parquet_schema::depth(&footer)) {
        Some(depth) if depth > MAX_DEPTH => {
            return Err(format!("its columns are nested more than {MAX_DEPTH} deep"));
        }
        Some(_) => {}
        None => return Err(broken(ParquetError::General("it has no footer".to_owned()))),
    }
    let opened = guarded(|| reader(file)).map_err(|why| broken(ParquetError::General(why)))?;
    opened.map_err(|error| match error {
        ParquetError::NYI(reason) => format!("this file cannot be read: {reason}"),
        error => broken(error),
    })
}

/// The bytes of the footer, if the file has one. Its length comes before the last [`MAGIC`].
fn footer(file: &impl ChunkReader) -> Result<Option<Vec<u8>>, ParquetError> {
    let read = |from: u64, length: u64| file.get_bytes(from, length as usize);
    let Some(end) = file.len().checked_sub(8) else { return Ok(None) };
    let tail = read(end, 8)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    match end.checked_sub(length) {
        Some(from) if tail[4..] == *MAGIC => Ok(Some(read(from, length)?.to_vec())),
        _ => Ok(None),
    }
}

fn reader(file: impl ChunkReader + 'static) -> Result<ParquetRecordBatchReader, ParquetError> {
    // What a writer noted about its own types is passed over: the columns say all that JSON can hold.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(&file, options.clone())?;
    // Texts as views: a value that thousands of rows share is held once.
    let viewed = Schema::new(found.schema().fields().iter().map(view).collect::<Fields>());
    let metadata = ArrowReaderMetadata::try_new(found.metadata().clone(), options.with_schema(Arc::new(viewed)))?;
    ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata).with_batch_size(ROWS).build()
}

fn view(field: &Arc<Field>) -> Arc<Field> {
    let kind = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::List(inner) => DataType::List(view(inner)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(view).collect()),
        _ => return field.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(kind))
}
