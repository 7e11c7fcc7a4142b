//! Walks the YAML tree and takes typed values out of it. Every other value becomes a problem with its place.

use super::{Node, Problem, Value};

/// Gathers the problems of a walk.
#[derive(Default)]
pub(crate) struct Walk {
    pub problems: Vec<Problem>,
}

impl Walk {
    /// Adds a problem at `node`.
    pub fn problem(&mut self, node: &Node, field: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(node.place.clone(), field, message, hint));
    }

    pub(crate) fn wrong_type(&mut self, node: &Node, field: &str, expected: &str, example: &str) {
        self.problem(
            node,
            field,
            format!("expected {expected}, found {}", node.describe()),
            format!("write `{example}`"),
        );
    }

    /// The entries of a mapping as (key, path, value), each key one of `known`; null values are left out.
    pub fn fields<'n>(&mut self, field: &str, node: &'n Node, known: &[&str]) -> Vec<(&'n str, String, &'n Node)> {
        let Some(entries) = node.map() else {
            if !node.is_null() {
                self.wrong_type(node, field, "a mapping", &format!("{}: …", known[0]));
            }
            return Vec::new();
        };
        let mut fields = Vec::new();
        for (key, value) in entries {
            let path = join(field, &key.text);
            if known.contains(&key.text.as_str()) {
                if !value.is_null() {
                    fields.push((key.text.as_str(), path, value));
                }
            } else {
                let hint = nearest_of(&key.text, known);
                self.problems.push(Problem::new(key.place.clone(), path, "unknown key", hint));
            }
        }
        fields
    }

    /// The entries of a mapping with free keys, as (key, path, value).
    pub fn entries<'n>(&mut self, field: &str, node: &'n Node) -> Vec<(String, String, &'n Node)> {
        match &node.value {
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (key.text.clone(), join(field, &key.text), value)).collect()
            }
            _ if node.is_null() => Vec::new(),
            _ => {
                self.wrong_type(node, field, "a mapping", "name: value");
                Vec::new()
            }
        }
    }

    pub fn list<'n>(&mut self, field: &str, node: &'n Node) -> &'n [Node] {
        match node.list() {
            Some(items) => items,
            None => {
                self.wrong_type(node, field, "a list", "[a, b]");
                &[]
            }
        }
    }

    pub fn text(&mut self, field: &str, node: &Node) -> Option<String> {
        let text = node.text().map(str::to_owned);
        if text.is_none() {
            self.wrong_type(node, field, "a text", &format!("{}: \"text\"", last(field)));
        }
        text
    }

    /// A list of texts; a single text counts as a list of one, unless it looks like a list without its brackets.
    pub fn texts(&mut self, field: &str, node: &Node) -> Vec<String> {
        if let Value::Scalar { text, plain: true } = &node.value
            && text.contains(',')
        {
            let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
            let hint = format!(
                "write `{}: [{}]`, or put it in quotes if the comma belongs to a text",
                last(field),
                items.join(", ")
            );
            self.problem(node, field, format!("`{text}` is one text, not a list"), hint);
            return Vec::new();
        }
        if let Some(one) = node.text() {
            return vec![one.to_owned()];
        }
        let items = self.list(field, node);
        items.iter().enumerate().filter_map(|(at, item)| self.text(&format!("{field}[{at}]"), item)).collect()
    }

    pub fn boolean(&mut self, field: &str, node: &Node) -> Option<bool> {
        let boolean = node.boolean();
        if boolean.is_none() {
            self.wrong_type(node, field, "true or false", &format!("{}: true", last(field)));
        }
        boolean
    }

    pub fn number(&mut self, field: &str, node: &Node) -> Option<f64> {
        let number = node.number();
        if number.is_none() {
            let meant = node.percent().map_or(0.5, |percent| percent / 100.0);
            self.wrong_type(node, field, "a number", &format!("{}: {meant}", last(field)));
        }
        number
    }

    pub fn whole(&mut self, field: &str, node: &Node) -> Option<u64> {
        let whole = node.whole();
        if whole.is_none() {
            self.wrong_type(node, field, "a whole number from 0 up", &format!("{}: 1000", last(field)));
        }
        whole
    }
}

pub fn join(field: &str, key: &str) -> String {
    if field.is_empty() { key.to_owned() } else { format!("{field}.{key}") }
}

pub fn last(field: &str) -> &str {
    field.rsplit('.').next().unwrap_or(field)
}

/// The known words, the closest to `word` first.
pub fn by_distance(word: &str, known: &[String]) -> Vec<String> {
    let mut sorted = known.to_vec();
    sorted.sort_by_cached_key(|candidate| distance(word, candidate));
    sorted
}

fn distance(word: &str, candidate: &str) -> usize {
    strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase())
}

/// `did you mean …?` if a known word is close, else all known words.
pub fn nearest_of(word: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4);
    match nearest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}
