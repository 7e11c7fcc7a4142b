//! Responses as columns: Parquet files, and tables from Python.

use arrow_array::{Array, Float64Array, RecordBatch, StringViewArray, cast::AsArray, types::Float64Type};
use arrow_cast::cast;
use arrow_schema::DataType;

use super::{
    own::{FORM, number_of, tries_of},
    sink::{Fault, Found, Key, Sink},
    wide,
};

/// The columns of a batch, by name.
#[derive(Clone, Copy)]
pub(super) struct Columns<'b>(pub &'b RecordBatch);

impl Columns<'_> {
    /// A column of texts, if there is one of this name.
    pub fn texts(self, name: &str) -> Result<Option<StringViewArray>, Fault> {
        let Some(column) = self.0.column_by_name(name) else { return Ok(None) };
        let not_text = || Fault::reason(format!("its column `{name}` is {}, and must hold texts", column.data_type()));
        if !is_text(column.data_type()) {
            return Err(not_text());
        }
        let column = cast(column, &DataType::Utf8View).map_err(|_| not_text())?;
        Ok(Some(column.as_string_view().clone()))
    }

    /// A column of numbers, if there is one of this name.
    pub fn numbers(self, name: &str) -> Result<Option<Float64Array>, Fault> {
        let Some(column) = self.0.column_by_name(name) else { return Ok(None) };
        let not_numbers =
            || Fault::reason(format!("its column `{name}` is {}, and must hold numbers", column.data_type()));
        if !(column.data_type().is_numeric() || matches!(column.data_type(), DataType::Boolean | DataType::Null)) {
            return Err(not_numbers());
        }
        let column = cast(column, &DataType::Float64).map_err(|_| not_numbers())?;
        Ok(Some(column.as_primitive::<Float64Type>().clone()))
    }

    /// A column of numbers, or of texts that stand for numbers.
    pub fn cells(self, name: &str) -> Result<Option<Cells>, Fault> {
        match self.0.column_by_name(name).map(Array::data_type) {
            Some(kind) if is_text(kind) && *kind != DataType::Null => Ok(self.texts(name)?.map(Cells::Texts)),
            _ => Ok(self.numbers(name)?.map(Cells::Numbers)),
        }
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => values.is_string(),
        other => other.is_string() || *other == DataType::Null,
    }
}

/// A column of numbers, or of texts that stand for numbers.
pub(super) enum Cells {
    Numbers(Float64Array),
    Texts(StringViewArray),
}

impl Cells {
    /// The number in a row; `None` if it is missing. NaN counts as missing.
    pub fn value(&self, row: usize) -> Result<Option<f64>, Fault> {
        match self {
            Self::Numbers(column) => Ok(number_in(column, row)),
            Self::Texts(column) if column.is_valid(row) => number_of(column.value(row)),
            Self::Texts(_) => Ok(None),
        }
    }
}

/// The number in a row; `None` if it is missing. In tables, NaN stands for a missing number.
fn number_in(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row)).filter(|number| !number.is_nan())
}

/// Takes all rows of a batch. `first` is the number of its first row in the table, from 0. `model` is the model that the
/// caller names for the whole file.
pub(super) fn take(
    batch: &RecordBatch,
    first: usize,
    model: Option<&str>,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Fault> {
    let schema = batch.schema_ref();
    for (at, field) in schema.fields().iter().enumerate() {
        if schema.fields()[..at].iter().any(|other| other.name() == field.name()) {
            return Err(Fault::reason(format!("has two columns `{}`; rename one", field.name())));
        }
    }
    if schema.column_with_name("score").is_none() {
        let models = wide::models(schema.fields().iter().map(|field| field.name().as_str()));
        if !models.is_empty() {
            return wide::take_batch(batch, &models, first, model, sink);
        }
    }
    let columns = Columns(batch);
    let (texts, numbers) = (|name: &str| columns.texts(name), |name: &str| columns.numbers(name));
    let missing = |key: &str| {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        Fault::reason(format!("has no column `{key}`; responses have {FORM}, and this has {}", names.join(", ")))
    };
    let benchmarks = texts("benchmark")?.ok_or_else(|| missing("benchmark"))?;
    let (source_ids, identities) = (texts("source_id")?, texts("identity")?);
    let models = texts("model")?;
    let families = texts("family")?;
    let scores = numbers("score")?.ok_or_else(|| missing("score"))?;
    let [tries, cost, tokens] = [numbers("tries")?, numbers("cost")?, numbers("tokens")?];
    if source_ids.is_none() && identities.is_none() {
        return Err(missing("source_id"));
    }
    if models.is_none() && model.is_none() {
        return Err(missing("model"));
    }
    let at = |column: &Option<StringViewArray>, row: usize| {
        column.as_ref().is_some_and(|column| column.is_valid(row) && !column.value(row).is_empty())
    };
    let is_number = |column: &Float64Array, row: usize| number_in(column, row).is_some();
    let fault = |row: usize, fault: Fault| fault.in_row(first + row);
    let answer = |benchmark, row: usize| -> Result<Found<'_>, Fault> {
        let key = match (&source_ids, &identities) {
            (Some(ids), Some(same)) if at(&source_ids, row) && at(&identities, row) => {
                Key::Both(benchmark, ids.value(row), same.value(row))
            }
            (Some(ids), _) if at(&source_ids, row) => Key::SourceId(benchmark, ids.value(row)),
            (_, Some(ids)) if at(&identities, row) => Key::Identity(benchmark, ids.value(row)),
            _ => return Err(Fault::reason("has neither a source_id nor an identity")),
        };
        let model = match (model, &models) {
            (Some(model), _) => model,
            (None, Some(models)) if models.is_valid(row) => models.value(row),
            _ => return Err(Fault::reason("has no model")),
        };
        let family = families.as_ref().filter(|_| at(&families, row)).map(|families| families.value(row));
        let number = |column: &Option<Float64Array>| column.as_ref().and_then(|column| number_in(column, row));
        let (tries, cost, tokens) = (tries_of(number(&tries))?, number(&cost), number(&tokens));
        Ok(Found { family, tries, cost, tokens, ..Found::new(key, model, scores.value(row)) })
    };
    if let (Some(_), Some(own)) = (model, &models) {
        for row in (0..batch.num_rows()).filter(|row| at(&models, *row)) {
            sink.rename(own.value(row)).map_err(|reason| fault(row, reason))?;
        }
    }
    let mut from = 0;
    while from < batch.num_rows() {
        if benchmarks.is_null(from) {
            return Err(fault(from, Fault::reason("has no benchmark")));
        }
        let benchmark = benchmarks.value(from);
        let same = |row: &usize| benchmarks.is_valid(*row) && benchmarks.value(*row) == benchmark;
        let to = (from..batch.num_rows()).find(|row| !same(row)).unwrap_or(batch.num_rows());
        for row in (from..to).filter(|row| !is_number(&scores, *row)) {
            let found = answer(benchmark, row).map_err(|reason| fault(row, reason))?;
            sink.unmapped("without a score", || format!("{} of {}", found.key, found.model));
        }
        let mut row = from;
        let answers = (from..to).filter(|row| is_number(&scores, *row)).map(|at| {
            row = at;
            answer(benchmark, at)
        });
        sink.take_all(benchmark, answers).map_err(|reason| fault(row, reason))?;
        from = to;
    }
    Ok(())
}
