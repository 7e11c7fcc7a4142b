//! What the rows of a benchmark look like, and columns of Arrow's format that hold them.
//!
//! A first pass over the rows finds the kind of each field ([`Shape`]), a second one fills the columns ([`Column`]). A field
//! whose values have several kinds is kept as JSON text, so that no value changes.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    ArrayRef, ListArray, StructArray,
    builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder},
};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields};

use crate::row::{decode_string, entries_of};

/// How many fields a row may have. Rows with more are kept as JSON text.
const MAX_FIELDS: usize = 1000;
/// How many keys an object inside a row may have. Objects with more are rather tables with keys of their own.
const MAX_KEYS: usize = 128;
/// How many keys all objects inside the rows may have.
const MAX_KEYS_IN_ALL: usize = 2000;
/// How deep lists and objects may lie in each other.
const MAX_DEPTH: usize = 8;
/// Up to here a floating-point number holds every integer.
const EXACT: u64 = 1 << 53;

/// What the values of one field look like.
#[derive(Debug, Default)]
pub(super) struct Shape {
    is_boolean: bool,
    is_text: bool,
    number: Option<Numbers>,
    list: Option<Box<Shape>>,
    object: Option<Object>,
    /// No column can hold a value of it.
    is_odd: bool,
}

#[derive(Debug)]
struct Numbers {
    /// All are integers of 64 bits, such as 7 or 142.0.
    are_integers: bool,
    /// All are numbers that floating point holds.
    are_floats: bool,
}

#[derive(Debug, Default)]
struct Object {
    fields: Vec<(String, Shape)>,
    places: HashMap<String, usize>,
}

/// The kind of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Float,
    Text,
    /// JSON text.
    Json,
    List(Box<Kind>),
    Struct(Vec<(String, Kind)>),
}

/// What the rows of a benchmark look like.
#[derive(Debug, Default)]
pub(super) struct RowShape {
    row: Shape,
    /// How many keys the objects inside the rows have.
    keys: usize,
}

impl RowShape {
    /// Looks at a row.
    pub fn look(&mut self, row: &str) {
        self.row.look(row.trim(), 0, &mut self.keys);
    }

    /// Whether a row has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.row.object.as_ref().is_some_and(|object| object.places.contains_key(name))
    }

    /// The fields of the rows, in the order in which they appear; `None` if only JSON text can hold the rows.
    pub fn fields(&self) -> Option<Vec<(String, Kind)>> {
        match self.row.kind(0) {
            Kind::Struct(fields) => Some(fields),
            _ => None,
        }
    }
}

impl Shape {
    fn look(&mut self, json: &str, depth: usize, keys: &mut usize) {
        if self.is_odd {
            return;
        }
        match json.as_bytes().first() {
            Some(b'n') => {}
            Some(b't' | b'f') => self.is_boolean = true,
            Some(b'"') => {
                self.is_text = true;
                // Other programs write halves of characters as `\ud83d`.
                if json.contains("\\u") && !matches!(decode_string(json), Some(Ok(_))) {
                    self.give_up();
                }
            }
            Some(b'[' | b'{') if depth > MAX_DEPTH => self.give_up(),
            Some(b'[') => match entries_of(json) {
                Some(items) => {
                    let shape = self.list.get_or_insert_default();
                    items.iter().for_each(|(_, item)| shape.look(item.get(), depth + 1, keys));
                }
                None => self.give_up(),
            },
            Some(b'{') => match entries_of(json) {
                Some(entries) => {
                    let object = self.object.get_or_insert_default();
                    for (place, (key, value)) in entries.into_iter().enumerate() {
                        let Some(shape) = object.field(place, &key.unwrap_or_default(), depth, keys) else {
                            return self.give_up();
                        };
                        shape.look(value.get(), depth + 1, keys);
                    }
                }
                None => self.give_up(),
            },
            _ => {
                let numbers = self.number.get_or_insert(Numbers { are_integers: true, are_floats: true });
                let (is_integer, is_float) = kinds_of(json);
                numbers.are_integers &= is_integer;
                numbers.are_floats &= is_float;
            }
        }
    }

    /// Keeps the field as JSON text, whatever else comes.
    fn give_up(&mut self) {
        *self = Self { is_odd: true, ..Self::default() };
    }

    /// The kind of column that holds it, in so many lists.
    fn kind(&self, lists: usize) -> Kind {
        let kinds = [self.is_boolean, self.is_text, self.number.is_some(), self.list.is_some(), self.object.is_some()];
        if self.is_odd || kinds.into_iter().filter(|is_there| *is_there).count() > 1 {
            return Kind::Json;
        }
        match self {
            Self { is_boolean: true, .. } => Kind::Boolean,
            Self { number: Some(numbers), .. } => match numbers {
                Numbers { are_integers: true, .. } => Kind::Integer,
                Numbers { are_floats: true, .. } => Kind::Float,
                Numbers { .. } => Kind::Json,
            },
            Self { list: Some(items), .. } => Kind::List(Box::new(items.kind(lists + 1))),
            // Parquet has no objects without keys, and Croissant none in lists of lists.
            Self { object: Some(object), .. } if object.fields.is_empty() || lists > 1 => Kind::Json,
            Self { object: Some(object), .. } => {
                Kind::Struct(object.fields.iter().map(|(name, shape)| (name.clone(), shape.kind(lists))).collect())
            }
            // A field that is always null may be anything.
            _ => Kind::Text,
        }
    }
}

impl Object {
    /// The field of this name, which is probably the one at `place`; `None` if it is one too many, or has no name that other
    /// programs can read.
    fn field(&mut self, place: usize, name: &str, depth: usize, keys: &mut usize) -> Option<&mut Shape> {
        let known = match self.fields.get(place) {
            Some((known, _)) if known == name => Some(place),
            _ => self.places.get(name).copied(),
        };
        let place = match known {
            Some(place) => place,
            None => {
                let most = if depth == 0 { MAX_FIELDS } else { MAX_KEYS };
                *keys += usize::from(depth > 0);
                if self.fields.len() == most || *keys > MAX_KEYS_IN_ALL || !is_readable(name) {
                    return None;
                }
                self.places.insert(name.to_owned(), self.fields.len());
                self.fields.push((name.to_owned(), Shape::default()));
                self.fields.len() - 1
            }
        };
        Some(&mut self.fields[place].1)
    }
}

/// Whether a key can be a column, or written in the paths of Croissant.
fn is_readable(key: &str) -> bool {
    let quotes = key.contains('"') && key.contains('\'');
    !matches!(key, "" | "*") && !quotes && !key.contains(|c: char| c == '\\' || c.is_control())
}

/// Whether a number is an integer of 64 bits, and whether floating point holds it. A zero with a minus is no integer, as
/// that would lose the minus.
fn kinds_of(json: &str) -> (bool, bool) {
    if json == "-0" || json.contains(['.', 'e', 'E']) {
        let float: f64 = json.parse().unwrap_or(f64::INFINITY);
        let has_minus_zero = float == 0.0 && float.is_sign_negative();
        return (float.fract() == 0.0 && float.abs() <= EXACT as f64 && !has_minus_zero, float.is_finite());
    }
    let integer = json.parse::<i64>().ok();
    (integer.is_some(), integer.is_some_and(|integer| integer.unsigned_abs() <= EXACT))
}

impl Kind {
    /// Arrow's type.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text | Self::Json => DataType::Utf8,
            Self::List(items) => DataType::List(item_field(items)),
            Self::Struct(fields) => DataType::Struct(fields_of(fields)),
        }
    }

    /// The paths of the fields inside that hold JSON text, below `path`.
    pub fn json_paths(&self, path: &str, found: &mut Vec<String>) {
        match self {
            Self::Json => found.push(path.to_owned()),
            Self::List(items) => items.json_paths(&format!("{path}[]"), found),
            Self::Struct(fields) => {
                fields.iter().for_each(|(name, kind)| kind.json_paths(&format!("{path}.{name}"), found));
            }
            _ => {}
        }
    }
}

fn item_field(items: &Kind) -> Arc<Field> {
    Arc::new(Field::new_list_field(items.data_type(), true))
}

/// Arrow's fields of a struct, or of a table.
pub(super) fn fields_of(fields: &[(String, Kind)]) -> Fields {
    fields.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)).collect()
}

/// A column that is being filled.
enum Column {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    /// JSON text.
    Json(StringBuilder),
    List {
        ends: Vec<i32>,
        valid: NullBufferBuilder,
        items: Box<Column>,
        field: Arc<Field>,
    },
    Struct(Columns, NullBufferBuilder),
}

/// A value for a column.
#[derive(Clone, Copy)]
pub(super) enum Value<'v> {
    Text(Option<&'v str>),
    Integer(Option<i64>),
    Float(f64),
    /// A JSON value, which the column takes apart.
    Json(&'v str),
}

/// Columns with names.
pub(super) struct Columns {
    fields: Fields,
    places: HashMap<String, usize>,
    all: Vec<Column>,
}

impl Column {
    fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Json => Self::Json(StringBuilder::new()),
            Kind::List(items) => Self::List {
                ends: vec![0],
                valid: NullBufferBuilder::new(0),
                field: item_field(items),
                items: Box::new(Self::new(items)),
            },
            Kind::Struct(fields) => Self::Struct(Columns::new(fields), NullBufferBuilder::new(0)),
        }
    }

    /// Adds a JSON value; `None` for a missing one.
    fn push(&mut self, json: Option<&str>) {
        let json = json.filter(|json| *json != "null");
        match self {
            Self::Boolean(column) => column.append_option(json.map(|json| json == "true")),
            Self::Integer(column) => column.append_option(json.and_then(integer)),
            Self::Float(column) => column.append_option(json.and_then(|json| json.parse().ok())),
            Self::Text(column) => column.append_option(json.and_then(|json| decode_string(json)?.ok())),
            Self::Json(column) => column.append_option(json),
            Self::List { ends, valid, items, .. } => {
                let values = json.and_then(entries_of);
                valid.append(values.is_some());
                let values = values.unwrap_or_default();
                values.iter().for_each(|(_, value)| items.push(Some(value.get())));
                // A batch ends long before it has so many items.
                ends.push(ends.last().copied().unwrap_or_default().saturating_add(values.len() as i32));
            }
            Self::Struct(columns, valid) => {
                valid.append(json.is_some());
                columns.push(json);
            }
        }
    }

    /// Adds a value; null if the column holds others.
    fn add(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Text(column) | Self::Json(column), Value::Text(text)) => column.append_option(text),
            (Self::Integer(column), Value::Integer(integer)) => column.append_option(integer),
            (Self::Float(column), Value::Float(float)) => column.append_value(float),
            (column, Value::Json(json)) => column.push(Some(json)),
            (column, _) => column.push(None),
        }
    }

    /// The column, which is empty again.
    fn finish(&mut self) -> Result<ArrayRef, arrow_schema::ArrowError> {
        Ok(match self {
            Self::Boolean(column) => Arc::new(column.finish()),
            Self::Integer(column) => Arc::new(column.finish()),
            Self::Float(column) => Arc::new(column.finish()),
            Self::Text(column) | Self::Json(column) => Arc::new(column.finish()),
            Self::List { ends, valid, items, field } => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(ends, vec![0])));
                Arc::new(ListArray::try_new(field.clone(), ends, items.finish()?, valid.finish())?)
            }
            Self::Struct(columns, valid) => {
                Arc::new(StructArray::try_new(columns.fields.clone(), columns.finish()?, valid.finish())?)
            }
        })
    }
}

/// An integer, also as 142.0.
fn integer(json: &str) -> Option<i64> {
    json.parse().ok().or_else(|| json.parse::<f64>().ok().map(|float| float as i64))
}

impl Columns {
    pub fn new(fields: &[(String, Kind)]) -> Self {
        Self {
            fields: fields_of(fields),
            places: fields.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect(),
            all: fields.iter().map(|(_, kind)| Column::new(kind)).collect(),
        }
    }

    /// Arrow's fields.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Adds a value to each column, in order.
    pub fn add(&mut self, values: &[Value<'_>]) {
        self.all.iter_mut().zip(values).for_each(|(column, value)| column.add(*value));
    }

    /// Adds the values of a JSON object to the columns of their names, and null to all others.
    pub fn push(&mut self, json: Option<&str>) {
        let entries = json.and_then(entries_of).unwrap_or_default();
        let mut values: Vec<Option<&str>> = vec![None; self.all.len()];
        for (place, (key, value)) in entries.iter().enumerate() {
            let key = key.as_deref().unwrap_or_default();
            let place = match self.fields.get(place) {
                Some(field) if field.name() == key => Some(place),
                _ => self.places.get(key).copied(),
            };
            if let Some(place) = place {
                values[place] = Some(value.get());
            }
        }
        self.all.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }

    /// The columns, which are empty again.
    pub fn finish(&mut self) -> Result<Vec<ArrayRef>, arrow_schema::ArrowError> {
        self.all.iter_mut().map(Column::finish).collect()
    }
}
