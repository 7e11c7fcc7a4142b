//! `task_pool.parquet`: a pool as a table with the columns of [`table::schema`].

use std::{fs::File, path::Path};

use arrow_array::{
    Array, RecordBatch, StringArray,
    cast::AsArray,
    types::{Float64Type, UInt32Type},
};
use arrow_schema::{ArrowError, DataType};
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use super::PoolError;
use crate::{
    TOOL,
    disk::{DiskError, NewFile},
    format::{guarded, guarded_batches, parquet::cannot_write},
    task::{Json, Task, TaskView, Text, table},
};

/// How many tasks one record batch holds.
const TASKS_AT_ONCE: usize = 1024;

/// Writes tasks into an empty file.
///
/// # Errors
/// The disk fails.
pub(super) fn write<'t>(file: NewFile, tasks: impl IntoIterator<Item = TaskView<'t>>) -> Result<NewFile, DiskError> {
    let path = file.path().to_owned();
    let failed = |error| cannot_write(&path, error);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(TOOL.to_owned())
        .build();
    let tasks: Vec<TaskView<'_>> = tasks.into_iter().collect();
    let schema = table::schema(table::Columns::of(&tasks));
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(failed)?;
    for tasks in tasks.chunks(TASKS_AT_ONCE) {
        for batch in table::batches_of(&schema, tasks).map_err(|error| failed(error.into()))? {
            writer.write(&batch).map_err(failed)?;
        }
    }
    writer.into_inner().map_err(failed)
}

/// Reads the tasks of a pool by the names of its columns, so that other programs may have written it.
///
/// # Errors
/// The file is not Parquet. Each row that is not a task is an error of its own.
pub(super) fn read(path: &Path, file: File) -> Result<impl Iterator<Item = Result<Task, PoolError>> + '_, PoolError> {
    let malformed = move |reason: String| PoolError::Malformed {
        path: path.to_owned(),
        reason: format!("this is not a complete Parquet file ({reason})"),
    };
    let no_pool = move |reason: String| PoolError::Malformed {
        path: path.to_owned(),
        reason: format!("this is not a pool: {reason}; a pool has the columns of a `task_pool.parquet`"),
    };
    let opened =
        guarded(|| ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build));
    let batches = opened.map_err(malformed)?.map_err(|error| malformed(error.to_string()))?;
    let mut before = 0;
    let tasks = move |batch: Result<RecordBatch, ArrowError>| {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return vec![Err(malformed(error.to_string()))],
        };
        let first = before + 1;
        before += batch.num_rows();
        match tasks_of(&batch) {
            Ok(tasks) => (first..)
                .zip(tasks)
                .map(|(row, task)| task.map_err(|why| no_pool(format!("row {row}: {why}"))))
                .collect(),
            Err(why) => vec![Err(no_pool(why))],
        }
    };
    Ok(guarded_batches(batches).flat_map(tasks))
}

/// The tasks of a batch, or why a row is not one; an error if columns are missing or have wrong types.
fn tasks_of(batch: &RecordBatch) -> Result<Vec<Result<Task, String>>, String> {
    let column = |name: &str, kind: &DataType| {
        let column = batch.column_by_name(name).ok_or_else(|| format!("it has no column `{name}`"))?;
        // Any kind of text counts as text, and any kind of number as a number, but a number is not a text.
        let fits = column.data_type().is_numeric() == kind.is_numeric();
        let cast = if fits { arrow_cast::cast(column, kind).ok() } else { None };
        cast.ok_or_else(|| format!("its column `{name}` holds {}", column.data_type()))
    };
    let text = |name: &str| Ok::<StringArray, String>(column(name, &DataType::Utf8)?.as_string::<i32>().clone());
    // Pools of other programs may lack these columns.
    let optional = |name: &str| batch.column_by_name(name).map(|_| text(name)).transpose();
    let [ids, benchmarks, bins] = [text("task_id")?, text("benchmark")?, text("difficulty_bin")?];
    let [raw_data, metadata] = [text("raw_data")?, text("scorer_metadata")?];
    let scores = column("difficulty_score", &DataType::Float64)?.as_primitive::<Float64Type>().clone();
    let (source_ids, identities) = (optional("source_id")?, optional("identity")?);
    let numbers = |name: &str, kind: DataType| batch.column_by_name(name).map(|_| column(name, &kind)).transpose();
    let [phases, strata] = [numbers("phase", DataType::UInt32)?, numbers("stratum", DataType::UInt32)?];
    let [phases, strata] = [&phases, &strata].map(|own| own.as_ref().map(AsArray::as_primitive::<UInt32Type>));
    let weights = numbers("weight", DataType::Float64)?;
    let weights = weights.as_ref().map(AsArray::as_primitive::<Float64Type>);
    let task = |row: usize| {
        let text = |column: &StringArray, name: &str| {
            let text = column.is_valid(row).then(|| column.value(row).to_owned());
            text.ok_or_else(|| format!("it has no `{name}`"))
        };
        let json = |column: &StringArray, name: &str| {
            Json::new(text(column, name)?).map_err(|error| format!("its `{name}` is not valid JSON: {error}"))
        };
        let given = |column: &Option<StringArray>| {
            column.as_ref().filter(|column| column.is_valid(row)).map(|column| Text::from(column.value(row).to_owned()))
        };
        let score = scores.is_valid(row).then(|| scores.value(row));
        let task = Task {
            task_id: text(&ids, "task_id")?,
            benchmark: text(&benchmarks, "benchmark")?,
            difficulty_score: score.ok_or("it has no `difficulty_score`")?,
            difficulty_bin: text(&bins, "difficulty_bin")?,
            raw_data: json(&raw_data, "raw_data")?,
            scorer_metadata: json(&metadata, "scorer_metadata")?,
            source_id: given(&source_ids),
            identity: given(&identities),
            phase: phases.filter(|phases| phases.is_valid(row)).map(|phases| phases.value(row)),
            weight: weights.filter(|weights| weights.is_valid(row)).map(|weights| weights.value(row)),
            stratum: strata.filter(|strata| strata.is_valid(row)).map(|strata| strata.value(row)),
        };
        task.fault().map_or(Ok(task), Err)
    };
    Ok((0..batch.num_rows()).map(task).collect())
}
