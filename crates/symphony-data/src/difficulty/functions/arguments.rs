//! The arguments of a feature function: reading them from YAML, and the forms that a JSON Schema gives them.

use crate::yaml::{
    Node,
    walk::{Walk, join},
};

/// The arguments of one function, as the configuration has them.
pub(in crate::difficulty) struct Arguments<'w, 'n> {
    /// Where problems are noted.
    pub(super) walk: &'w mut Walk,
    /// The keys that lead to the function, joined by dots.
    pub(super) place: &'w str,
    /// The value behind the function's name.
    pub(super) node: &'n Node,
}

impl<'n> Arguments<'_, 'n> {
    /// The keys that lead to the argument `name`, joined by dots.
    pub(super) fn place(&self, name: &str) -> String {
        join(self.place, name)
    }

    /// Notes a problem of the arguments as a whole.
    pub(super) fn problem(&mut self, what: impl Into<String>, instead: impl Into<String>) {
        self.walk.problem(self.node, self.place, what, instead);
    }

    /// The single argument of a function of one field.
    pub(super) fn path(&mut self) -> Option<String> {
        let path = self.text(Some(self.node))?;
        if path.is_empty() || path.split('.').any(str::is_empty) {
            self.problem(format!("{path:?} names no field"), "write a field's name, nested ones with dots");
            return None;
        }
        Some(path)
    }

    /// The named arguments in the order of `names`; all but those in `optional` are required.
    pub(super) fn named<const N: usize>(
        &mut self,
        names: [&str; N],
        optional: &[&str],
    ) -> Option<[Option<&'n Node>; N]> {
        let problems = self.walk.problems.len();
        let entries = self.walk.fields(self.place, self.node, &names);
        let found = names.map(|name| entries.iter().find(|(key, ..)| *key == name).map(|(_, _, node)| *node));
        for (name, value) in names.iter().zip(&found) {
            if value.is_none() && !optional.contains(name) && self.walk.problems.len() == problems {
                self.problem(format!("`{name}` is missing"), format!("its arguments are {}", names.join(", ")));
            }
        }
        (self.walk.problems.len() == problems).then_some(found)
    }

    /// An argument that is a text.
    pub(super) fn text(&mut self, node: Option<&Node>) -> Option<String> {
        self.walk.text(self.place, node?)
    }

    /// An argument that is a list of texts to look for, or one of them.
    pub(super) fn substrings(&mut self, node: Option<&Node>) -> Option<Vec<String>> {
        let node = node?;
        let problems = self.walk.problems.len();
        let texts = self.walk.texts(self.place, node);
        if self.walk.problems.len() > problems {
            return None;
        }
        if texts.is_empty() || texts.iter().any(String::is_empty) {
            let what = "an empty list or an empty substring finds nothing";
            self.walk.problem(node, self.place, what, "list what to look for");
            return None;
        }
        Some(texts)
    }
}

/// The forms of arguments, as a JSON Schema writes them.
pub(super) mod form {
    use serde_json::{Map, Value, json};

    /// A field of the row.
    pub(in super::super) fn path() -> Value {
        json!({"type": "string", "description": "A field of the row; nested ones with dots", "minLength": 1})
    }

    pub(in super::super) fn text() -> Value {
        json!({"type": "string"})
    }

    pub(in super::super) fn substrings() -> Value {
        json!({"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1})
    }

    /// A mapping with these keys and no others.
    pub(in super::super) fn named(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
        let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
        let keys: Map<String, Value> =
            required.iter().chain(optional).map(|(name, form)| ((*name).to_owned(), form.clone())).collect();
        json!({"type": "object", "additionalProperties": false, "required": names, "properties": keys})
    }
}
