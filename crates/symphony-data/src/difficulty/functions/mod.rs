//! The feature functions of the YAML: the values that a rule can read off a row.
//!
//! Each is one block in one of these files: a type that holds its arguments, and its [`FeatureFunction`], which says
//! everything about it. To add one, write such a block and name its type in `FUNCTIONS` at the top of that file.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use self::arguments::{Arguments, form};
use super::{
    Feature,
    kernel::{Kernel, Scope},
};
use crate::yaml::{
    Node, Refusal,
    walk::{Walk, join, nearest_of},
};

mod arguments;
mod caller;
mod combine;
mod find;
mod line_starts;
mod text;
mod value;

pub(super) use caller::CallersFunction;
pub use caller::RowFunction;
pub(super) use value::Field;

/// The lists of all files, in the order in which messages and the JSON Schema name the functions.
const FILES: [&[Entry]; 5] =
    [text::FUNCTIONS, find::FUNCTIONS, value::FUNCTIONS, combine::FUNCTIONS, caller::FUNCTIONS];

/// A feature function with its arguments.
///
/// Its JSON form, which [`Serialize`] writes, is part of the fingerprints of stores: once released it must not change.
pub(super) trait FeatureFunction: Clone + fmt::Debug + Serialize + Send + Sync + 'static {
    /// Its name in YAML.
    const NAME: &'static str;

    /// Reads the arguments. Where one is wrong, notes a problem and returns `None`.
    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self>;

    /// The JSON Schema of the arguments.
    fn schema() -> Value;

    /// Finds fields, compiles patterns and resolves references, so that little is left to do for each row.
    ///
    /// # Errors
    /// What is wrong with the arguments, such as a bad regular expression or an unknown feature.
    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal>;

    /// The functions of the caller's that it needs.
    fn callers_functions(&mut self) -> Vec<&mut CallersFunction> {
        Vec::new()
    }
}

/// A function in the list of its file.
struct Entry {
    name: &'static str,
    read: fn(&mut Arguments<'_, '_>) -> Option<Feature>,
    schema: fn() -> Value,
}

const fn entry<F: FeatureFunction>() -> Entry {
    Entry { name: F::NAME, read: |arguments| F::read(arguments).map(Feature::new), schema: F::schema }
}

fn all() -> impl Iterator<Item = &'static Entry> {
    FILES.into_iter().flatten()
}

/// Reads `{FUNCTION: ARGUMENTS}`. Where it is wrong, notes a problem and returns `None`.
pub(crate) fn read(walk: &mut Walk, field: &str, node: &Node) -> Option<Feature> {
    let Some([(function, arguments)]) = node.map() else {
        let what = format!("expected one function, found {}", node.describe());
        walk.problem(node, field, what, "write `{words: FIELD}`");
        return None;
    };
    let name = function.text.as_str();
    let field = join(field, name);
    let Some(function) = all().find(|function| function.name == name) else {
        let names: Vec<&str> = all().map(|function| function.name).collect();
        walk.problem(node, &field, "unknown function", nearest_of(name, &names));
        return None;
    };
    (function.read)(&mut Arguments { walk, place: &field, node: arguments })
}

/// The JSON Schema of a feature: one of the functions with its arguments.
pub(crate) fn schema() -> Value {
    let functions = all().map(|function| form::named(&[(function.name, (function.schema)())], &[]));
    json!({"oneOf": functions.collect::<Vec<_>>()})
}
