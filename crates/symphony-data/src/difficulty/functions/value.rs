//! The value of a field: `items`, `number`, `field`, `lookup`.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Entry, FeatureFunction,
    arguments::{Arguments, form},
    entry,
};
use crate::{
    difficulty::{
        Cell,
        kernel::{Kernel, Scope},
    },
    row::{kind_of, length_of},
    yaml::Refusal,
};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[entry::<Items>(), entry::<Number>(), entry::<Field>(), entry::<Lookup>()];

/// `{items: FIELD}`: the length of an array or object.
#[derive(Clone, Debug, Serialize)]
struct Items(String);

impl FeatureFunction for Items {
    const NAME: &str = "items";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        arguments.path().map(Self)
    }

    fn schema() -> Value {
        form::path()
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.0);
        Ok(Kernel::new(move |row, _| {
            let json = row.json(field)?;
            let length = length_of(json)
                .ok_or_else(|| row.fault(field, format!("expected a list or an object, found {}", kind_of(json))))?;
            Ok(Cell::Int(length as i64))
        }))
    }
}

/// `{number: FIELD}`: a number.
#[derive(Clone, Debug, Serialize)]
struct Number(String);

impl FeatureFunction for Number {
    const NAME: &str = "number";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        arguments.path().map(Self)
    }

    fn schema() -> Value {
        form::path()
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.0);
        Ok(Kernel::new(move |row, _| Ok(Cell::Json(row.number(field)?.0.to_owned()))))
    }
}

/// `{field: FIELD}`: the value itself; scored only where it is a number.
#[derive(Clone, Debug, Serialize)]
pub(in crate::difficulty) struct Field(pub(in crate::difficulty) String);

impl FeatureFunction for Field {
    const NAME: &str = "field";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        arguments.path().map(Self)
    }

    fn schema() -> Value {
        form::path()
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.0);
        Ok(Kernel::new(move |row, _| Ok(Cell::Json(row.json(field)?.to_owned()))))
    }
}

/// `{lookup: {field: FIELD, table: {TEXT: NUMBER, …}, default: NUMBER}}`: the table's number for the field's text.
#[derive(Clone, Debug, Serialize)]
struct Lookup {
    field: String,
    table: Vec<(String, f64)>,
    /// The number of a text that is not in the table; without it such a row is an error.
    default: Option<f64>,
}

impl FeatureFunction for Lookup {
    const NAME: &str = "lookup";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let [field, table, default] = arguments.named(["field", "table", "default"], &["default"])?;
        let default = match default {
            Some(node) => Some(arguments.walk.number(&arguments.place("default"), node)?),
            None => None,
        };
        let field = arguments.text(field)?;
        let entries = arguments.walk.entries(&arguments.place("table"), table?);
        let number = |(text, place, node): (String, String, _)| Some((text, arguments.walk.number(&place, node)?));
        Some(Self { field, table: entries.into_iter().map(number).collect::<Option<_>>()?, default })
    }

    fn schema() -> Value {
        form::named(
            &[
                ("field", form::path()),
                ("table", json!({"type": "object", "additionalProperties": {"type": "number"}})),
            ],
            &[("default", json!({"type": "number"}))],
        )
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.field);
        let table: HashMap<String, f64> = self.table.iter().cloned().collect();
        let default = self.default;
        Ok(Kernel::new(move |row, _| {
            let text = row.text_or_json(field)?;
            let number =
                table.get(text).copied().or(default).ok_or_else(|| {
                    row.fault(field, format!("{text:?} is not in the table; add it, or give a default"))
                })?;
            Ok(Cell::Float(number))
        }))
    }
}
