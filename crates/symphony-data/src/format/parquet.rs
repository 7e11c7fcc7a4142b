//! Parquet: columns, read a few rows at a time.

use std::{io, ops::Range, path::Path, sync::Arc};

use arrow_ipc::convert::try_schema_from_ipc_buffer;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use parquet::{
    arrow::{
        ARROW_SCHEMA_META_KEY, ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
        },
    },
    basic::Compression,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData},
        reader::ChunkReader,
    },
};

use super::{
    Batcher, ReadError, arrow,
    guard::{guarded, guarded_batches},
    parquet_schema,
    values::Refused,
};
use crate::{disk::DiskError, row::MAX_DEPTH};

/// The first and last bytes of a file.
pub const MAGIC: &[u8; 4] = b"PAR1";
/// How many rows are read at once.
const ROWS: usize = 1024;

/// Reads all rows of a file.
///
/// # Errors
/// The file is not Parquet, is cut off or damaged, or holds values that JSON does not have.
pub fn read(file: impl ChunkReader + 'static, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    read_groups(file, None, 0, rows)
}

/// Reads the rows of some row groups, or of all, behind so many earlier rows of the file.
///
/// # Errors
/// As for [`read`].
pub fn read_groups(
    file: impl ChunkReader + 'static,
    groups: Option<Range<usize>>,
    before: u64,
    rows: &mut Batcher<'_>,
) -> Result<(), ReadError> {
    let bytes = file.len();
    let batches = open(file, groups, &mut |name| rows.keeps_column(name))
        .map_err(|reason| ReadError::Malformed { line: 0, reason })?;
    arrow::push_all(batches, bytes, before, rows)
}

/// The rows and the stored size of each row group of a file; `None` if it cannot be read.
pub fn groups(file: &(impl ChunkReader + 'static)) -> Option<Vec<(u64, u64)>> {
    let found = guarded(|| ArrowReaderMetadata::load(file, ArrowReaderOptions::new().with_skip_arrow_metadata(true)));
    let groups = found.ok()?.ok()?;
    let sizes = groups
        .metadata()
        .row_groups()
        .iter()
        .map(|group| Some((u64::try_from(group.num_rows()).ok()?, u64::try_from(group.compressed_size()).ok()?)));
    sizes.collect()
}

/// How many bytes at the end of a file tell how long its description is, which lies before them.
pub const END: usize = 8;

/// How many bytes at the end of a file describe it, where these are the last of them.
pub fn footer_bytes(end: [u8; END]) -> u64 {
    let [a, b, c, d, ..] = end;
    u64::from(u32::from_le_bytes([a, b, c, d])) + END as u64
}

/// Where some row groups of a file lie; `None` if the file's description cannot be read, or has no such groups.
pub fn bytes_of_groups(file: &(impl ChunkReader + 'static), groups: Range<usize>) -> Option<Range<u64>> {
    let found = guarded(|| {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let found = ArrowReaderMetadata::load(file, options).ok()?;
        let groups = found.metadata().row_groups().get(groups)?;
        let chunks = groups.iter().flat_map(RowGroupMetaData::columns);
        let stretches =
            chunks.map(ColumnChunkMetaData::byte_range).map(|(from, length)| from..from.saturating_add(length));
        stretches.reduce(|all, more| all.start.min(more.start)..all.end.max(more.end))
    });
    found.ok()?.filter(|bytes| bytes.end <= file.len())
}

/// The batches of a file, with texts as views.
///
/// # Errors
/// The file is not Parquet, or is cut off or damaged.
pub(crate) fn batches(
    file: impl ChunkReader + 'static,
) -> Result<impl Iterator<Item = Result<arrow_array::RecordBatch, arrow_schema::ArrowError>>, String> {
    Ok(guarded_batches(open(file, None, &mut |_| true)?))
}

/// Reads a file to its end, to see whether it can be read.
///
/// # Errors
/// Why it cannot.
pub fn check(file: impl ChunkReader + 'static) -> Result<(), String> {
    guarded_batches(open(file, None, &mut |_| true)?)
        .try_for_each(|batch| batch.map(drop))
        .map_err(|error| error.to_string())
}

/// The error of a file that could not be written, with the disk's own error if there is one.
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

/// The batches of a file, or of some of its row groups, with the columns that `keeps` accepts.
fn open(
    file: impl ChunkReader + 'static,
    groups: Option<Range<usize>>,
    keeps: &mut dyn FnMut(&str) -> bool,
) -> Result<ParquetRecordBatchReader, String> {
    let broken = |error: ParquetError| {
        let why = match error {
            ParquetError::General(why) | ParquetError::EOF(why) => why,
            error => error.to_string(),
        };
        format!("this is not a complete Parquet file ({why}); get it again")
    };
    let head = file.get_bytes(0, file.len().min(64) as usize).map_err(broken)?.to_ascii_lowercase();
    for (beginning, what) in [
        ("<", "this is a web page, not a Parquet file; it may say why"),
        ("version https://git-lfs", "this is a git-lfs pointer, not the file itself; get the file with `git lfs pull`"),
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
    let opened = guarded(|| reader(file, groups, keeps)).map_err(|why| broken(ParquetError::General(why)))?;
    opened.map_err(|error| match error {
        ParquetError::NYI(reason) => format!("this file cannot be read: {reason}"),
        ParquetError::External(error) if error.is::<Refused>() => error.to_string(),
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

fn reader(
    file: impl ChunkReader + 'static,
    groups: Option<Range<usize>>,
    keeps: &mut dyn FnMut(&str) -> bool,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    // The types that a writer noted are ignored, except for those that columns of Parquet cannot express.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(&file, options.clone())?;
    let kept: Vec<bool> = found.schema().fields().iter().map(|field| keeps(field.name())).collect();
    check_kept(found.metadata(), found.schema(), &kept)?;
    // As a view, a text that thousands of rows share is held once.
    let viewed: Fields = found.schema().fields().iter().map(view).collect();
    let noted = noted(found.metadata());
    let noted = noted.filter(|noted| noted.fields().len() == viewed.len());
    let typed = match &noted {
        None => viewed,
        Some(noted) => viewed.iter().zip(noted.fields()).map(|(field, noted)| typed(field, noted)).collect(),
    };
    let metadata =
        ArrowReaderMetadata::try_new(found.metadata().clone(), options.with_schema(Arc::new(Schema::new(typed))))?;
    let all = metadata.metadata().num_row_groups();
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata).with_batch_size(ROWS);
    if let Some(groups) = groups {
        if groups.end > all {
            return Err(ParquetError::General(format!("it has only {all} row groups")));
        }
        builder = builder.with_row_groups(groups.collect());
    }
    if kept.iter().all(|kept| *kept) {
        return builder.build();
    }
    let roots = (0..kept.len()).filter(|at| kept[*at]);
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    builder.with_projection(mask).build()
}

/// Refuses kept columns that cannot be read.
fn check_kept(metadata: &ParquetMetaData, schema: &Schema, kept: &[bool]) -> Result<(), ParquetError> {
    let refused = |reason: String| Err(ParquetError::External(Box::new(Refused(reason))));
    for (field, _) in schema.fields().iter().zip(kept).filter(|(_, kept)| **kept) {
        if holds_intervals(field.data_type()) {
            let name = field.name();
            return refused(format!(
                "its column `{name}` holds intervals, which are not supported; leave it out with `drop_columns: [{name}]`"
            ));
        }
    }
    let descriptor = metadata.file_metadata().schema_descr();
    for group in metadata.row_groups() {
        for (leaf, column) in group.columns().iter().enumerate() {
            if column.compression() == Compression::LZO && kept.get(descriptor.get_column_root_idx(leaf)) == Some(&true)
            {
                let name = descriptor.get_column_root(leaf).name();
                return refused(format!(
                    "its column `{name}` is compressed with LZO, which is not supported; write the file with Zstandard"
                ));
            }
        }
    }
    Ok(())
}

/// Whether a column holds intervals, whose months the parquet crate drops.
fn holds_intervals(kind: &DataType) -> bool {
    match kind {
        DataType::Interval(_) => true,
        DataType::Struct(fields) => fields.iter().any(|field| holds_intervals(field.data_type())),
        DataType::List(inner) | DataType::Map(inner, _) => holds_intervals(inner.data_type()),
        _ => false,
    }
}

/// The Arrow schema that the writer noted; `None` if there is none, or it cannot be read.
fn noted(metadata: &ParquetMetaData) -> Option<Schema> {
    let notes = metadata.file_metadata().key_value_metadata()?;
    let note = notes.iter().find(|note| note.key == ARROW_SCHEMA_META_KEY)?.value.as_ref()?;
    let message = BASE64_STANDARD.decode(note).ok()?;
    guarded(|| try_schema_from_ipc_buffer(&message)).ok()?.ok()
}

/// The field with the noted types that its column cannot express: durations and whole seconds, which are stored as
/// numbers, and the zones of times, which are stored as UTC.
fn typed(field: &FieldRef, noted: &FieldRef) -> FieldRef {
    let noted = match noted.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let kind = match (field.data_type(), noted) {
        (DataType::Int64, DataType::Duration(_) | DataType::Timestamp(..) | DataType::Time64(_) | DataType::Date64)
        | (DataType::Int32, DataType::Time32(_)) => noted.clone(),
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(_, zone @ Some(_))) => {
            DataType::Timestamp(*unit, zone.clone())
        }
        (
            DataType::List(inner),
            DataType::List(noted) | DataType::LargeList(noted) | DataType::FixedSizeList(noted, _),
        ) => DataType::List(typed(inner, noted)),
        (DataType::Map(inner, sorted), DataType::Map(noted, _)) => DataType::Map(typed(inner, noted), *sorted),
        (DataType::Struct(fields), DataType::Struct(noted)) if fields.len() == noted.len() => {
            DataType::Struct(fields.iter().zip(noted).map(|(field, noted)| typed(field, noted)).collect())
        }
        _ => return field.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(kind))
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
