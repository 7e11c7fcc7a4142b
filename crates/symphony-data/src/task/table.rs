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
/// text, because the rows of each benchmark have their own form. Only a stream with phases has the column `phase`, and only one with
/// weights has `weight` and `stratum`.
pub fn schema(with: Columns) -> SchemaRef {
    static SCHEMAS: LazyLock<[SchemaRef; 4]> = LazyLock::new(|| {
        let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
        let fields = [
            text("task_id", false),
            text("benchmark", false),
            Field::new("difficulty_score", DataType::Float64, false),
            text("difficulty_bin", false),
            text("raw_data", false),
            text("scorer_metadata", false),
            text("source_id", true),
            text("identity", true),
        ];
        let phase = [Field::new("phase", DataType::UInt32, true)];
        let weights = [Field::new("weight", DataType::Float64, true), Field::new("stratum", DataType::UInt32, true)];
        let with = |more: &[&[Field]]| {
            let all = fields.iter().chain(more.iter().copied().flatten()).cloned();
            Arc::new(Schema::new(all.collect::<Vec<_>>()))
        };
        [with(&[]), with(&[&phase]), with(&[&weights]), with(&[&phase, &weights])]
    });
    SCHEMAS[usize::from(with.phase) + 2 * usize::from(with.weights)].clone()
}

/// The columns that only some streams have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The column `phase`.
    pub phase: bool,
    /// The columns `weight` and `stratum`.
    pub weights: bool,
}

impl Columns {
    /// All columns.
    pub const ALL: Self = Self { phase: true, weights: true };

    /// The columns that these tasks need.
    pub fn of(tasks: &[TaskView<'_>]) -> Self {
        Self {
            phase: tasks.iter().any(|task| task.phase.is_some()),
            weights: tasks.iter().any(|task| task.weight.is_some() || task.stratum.is_some()),
        }
    }
}

/// The tasks as batches of [`schema`], in their order, with the columns that they need.
///
/// # Errors
/// A task's text is too long for a batch.
pub fn batches(tasks: &[TaskView<'_>]) -> Result<Vec<RecordBatch>, ArrowError> {
    batches_of(&schema(Columns::of(tasks)), tasks)
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
    if schema.column_with_name("weight").is_some() {
        columns.push(Arc::new(tasks.iter().map(|task| task.weight).collect::<Float64Array>()));
        columns.push(Arc::new(tasks.iter().map(|task| task.stratum).collect::<UInt32Array>()));
    }
    RecordBatch::try_new(schema.clone(), columns)
}
