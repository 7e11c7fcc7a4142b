//! Tasks as a table in Arrow's format, which other tools read without a copy.

use std::{
    fmt::Write,
    sync::{Arc, LazyLock},
};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt32Array, builder::StringBuilder};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;

use super::{TaskView, Text};

/// How much text a batch gathers, in bytes. A column of texts counts its bytes with 31 bits.
const BATCH_BYTES: usize = 256 << 20;

/// The columns of a table of tasks: a task's keys, in their order on disk. `raw_data` and `scorer_metadata` are JSON
/// text, because the rows of each benchmark have their own form. Only a stream with phases has the column `phase`.
pub fn schema(with_phase: bool) -> SchemaRef {
    static SCHEMAS: LazyLock<[SchemaRef; 2]> = LazyLock::new(|| {
        let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
        let mut fields = vec![
            text("task_id", false),
            text("benchmark", false),
            Field::new("difficulty_score", DataType::Float64, false),
            text("difficulty_bin", false),
            text("raw_data", false),
            text("scorer_metadata", false),
            text("source_id", true),
            text("identity", true),
        ];
        let without = Arc::new(Schema::new(fields.clone()));
        fields.push(Field::new("phase", DataType::UInt32, true));
        [without, Arc::new(Schema::new(fields))]
    });
    SCHEMAS[usize::from(with_phase)].clone()
}

/// The tasks as batches of [`schema`], in their order; with the column `phase` if any of them has one.
///
/// # Errors
/// A task's text is too long for a batch.
pub fn batches(tasks: &[TaskView<'_>]) -> Result<Vec<RecordBatch>, ArrowError> {
    batches_of(&schema(tasks.iter().any(|task| task.phase.is_some())), tasks)
}

/// [`batches`] with these columns, for tasks that are written piece by piece.
///
/// # Errors
/// Those of [`batches`].
pub fn batches_of(schema: &SchemaRef, tasks: &[TaskView<'_>]) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut batches = Vec::new();
    let mut rest = tasks;
    while !rest.is_empty() {
        let mut bytes = 0;
        let within = rest.iter().take_while(|task| {
            bytes += task.raw_data.get().len() + task.scorer_metadata.get().len();
            bytes <= BATCH_BYTES
        });
        let (batch, after) = rest.split_at(within.count().max(1));
        batches.push(batch_of(schema, batch)?);
        rest = after;
    }
    Ok(batches)
}

fn batch_of(schema: &SchemaRef, tasks: &[TaskView<'_>]) -> Result<RecordBatch, ArrowError> {
    type TextOf = for<'t> fn(&TaskView<'t>) -> Option<&'t str>;
    let text_of: [TextOf; 6] = [
        |task| Some(task.benchmark),
        |task| Some(task.difficulty_bin),
        |task| Some(task.raw_data.get()),
        |task| Some(task.scorer_metadata.get()),
        |task| task.source_id.map(Text::as_str),
        |task| task.identity.map(Text::as_str),
    ];
    let column = |text: &TextOf| -> ArrayRef {
        let bytes = tasks.iter().filter_map(text).map(str::len).sum();
        let mut column = StringBuilder::with_capacity(tasks.len(), bytes);
        tasks.iter().for_each(|task| column.append_option(text(task)));
        Arc::new(column.finish())
    };
    let ids = || -> ArrayRef {
        let mut column = StringBuilder::with_capacity(tasks.len(), tasks.len() * 24);
        for task in tasks {
            // Writing to memory cannot fail.
            let _ = write!(column, "{}", task.task_id);
            column.append_value("");
        }
        Arc::new(column.finish())
    };
    let (ids, mut columns) = rayon::join(ids, || text_of.par_iter().map(column).collect::<Vec<_>>());
    columns.insert(0, ids);
    columns.insert(2, Arc::new(tasks.iter().map(|task| task.difficulty_score).collect::<Float64Array>()));
    if schema.column_with_name("phase").is_some() {
        columns.push(Arc::new(tasks.iter().map(|task| task.phase).collect::<UInt32Array>()));
    }
    RecordBatch::try_new(schema.clone(), columns)
}
