//! YAML as a tree in which every node knows its file and line.
//!
//! The rooms that walk the tree know what its keys mean; this one does not. Scalars keep their text, so that `80:20` or
//! `2024` stay as they were typed until the code asks for a number. Anchors, aliases and merge keys (`<<`) are
//! resolved.

use std::{fmt, sync::Arc};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Problem, Problems};

/// The deepest nesting of a configuration. Ours need six levels; the bound keeps the reader from overflowing the stack.
const MAX_DEPTH: usize = 64;
/// The most nodes that a configuration may expand to. A few lines of aliases of aliases could expand to any number.
const MAX_NODES: usize = 100_000;

/// Where something was written: a file and a line (from 1), or nowhere, for a request that came without a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it; `None` for values that came from arguments.
    pub file: Option<Arc<str>>,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) if self.line == 0 => write!(f, "{file}: "),
            Some(file) => write!(f, "{file}:{}: ", self.line),
            None => Ok(()),
        }
    }
}

/// One YAML value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a YAML node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A scalar's text; `plain` where it was written without quotes and so may mean a number, a boolean or null.
    Scalar {
        /// The text, unquoted.
        text: String,
        /// Whether it was written without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key with its place.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key's text.
    pub text: String,
    /// Where it is written.
    pub place: Place,
}

impl Node {
    /// Reads the one document of `text`; messages call it `file`.
    ///
    /// # Errors
    /// Text that is not YAML, a key given twice, or a document larger or deeper than any configuration.
    pub fn parse(file: &str, text: &str) -> Result<Node, Problems> {
        let (root, repeated) = Self::parse_with_repeated_keys(file, text)?;
        if repeated.is_empty() { Ok(root) } else { Err(Problems(repeated)) }
    }

    /// Like [`Node::parse`], but a key that is given twice keeps its first value, and the problems come beside the
    /// tree.
    ///
    /// # Errors
    /// As [`Node::parse`].
    pub(crate) fn parse_with_repeated_keys(file: &str, text: &str) -> Result<(Node, Vec<Problem>), Problems> {
        let mut builder = Builder::new(file);
        let root = builder.document(text)?;
        Ok((root, builder.repeated))
    }

    /// Whether nothing is written here (`key:` alone, `~` or `null`).
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar; numbers count as what was typed, null and booleans do not.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain } if !self.is_null() && (!plain || !is_boolean_in_yaml_1_2(text)) => Some(text),
            _ => None,
        }
    }

    /// `true` or `false`, as YAML 1.1 or 1.2 writes them; where a text is expected, [`Node::text`] takes `yes` or `on` as one.
    pub fn boolean(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar { text, plain: true } => boolean(text),
            _ => None,
        }
    }

    /// A finite number.
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Scalar { text, plain: true }
                if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) =>
            {
                text.parse().ok().filter(|n: &f64| n.is_finite())
            }
            _ => None,
        }
    }

    /// The number before a percent sign (`25%`). No key accepts one; messages use it to say what to write instead.
    pub(crate) fn percent(&self) -> Option<f64> {
        match &self.value {
            Value::Scalar { text, .. } => {
                text.strip_suffix('%')?.trim_end().parse().ok().filter(|n: &f64| n.is_finite())
            }
            _ => None,
        }
    }

    /// A whole number from 0 up.
    pub fn whole(&self) -> Option<u64> {
        match &self.value {
            Value::Scalar { text, plain: true } => text.parse().ok(),
            _ => None,
        }
    }

    /// The entries of a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Describes this value, for messages: `a list`, `"eighty"`, ….
    pub fn describe(&self) -> String {
        match &self.value {
            _ if self.is_null() => "nothing".to_owned(),
            Value::Scalar { text, plain: true } => text.clone(),
            Value::Scalar { text, .. } => format!("{text:?}"),
            Value::List(items)
                if items.len() <= 4 && items.iter().all(|item| item.list().is_none() && item.map().is_none()) =>
            {
                format!("[{}]", items.iter().map(Node::describe).collect::<Vec<_>>().join(", "))
            }
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Map(entries) if entries.len() <= 4 => {
                format!(
                    "a mapping with {}",
                    entries.iter().map(|(key, _)| key.text.as_str()).collect::<Vec<_>>().join(", ")
                )
            }
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// The meaning of a word where a boolean is expected. PyYAML and people who know it write `yes` and `off`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Whether a word is a boolean everywhere. `yes` or `on` may also be a text, such as an answer to look for.
fn is_boolean_in_yaml_1_2(text: &str) -> bool {
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

/// The keys of the mappings that `<<: *NAME` or `<<: [*A, *B]` names, a key's first value before later ones; `None` if it
/// names something else.
fn merged(node: Node) -> Option<Vec<(Key, Node)>> {
    match node.value {
        Value::Map(entries) => Some(entries),
        Value::List(items) => {
            let mut all: Vec<(Key, Node)> = Vec::new();
            for item in items {
                let Value::Map(entries) = item.value else { return None };
                for (key, value) in entries {
                    if !all.iter().any(|(known, _)| known.text == key.text) {
                        all.push((key, value));
                    }
                }
            }
            Some(all)
        }
        Value::Scalar { .. } => None,
    }
}

/// Turns the parser's events into the tree.
struct Builder {
    file: Arc<str>,
    anchors: std::collections::HashMap<usize, Node>,
    nodes: usize,
    /// The keys that were given twice.
    repeated: Vec<Problem>,
}

impl Builder {
    fn new(file: &str) -> Self {
        Self { file: file.into(), anchors: std::collections::HashMap::new(), nodes: 0, repeated: Vec::new() }
    }

    fn place(&self, line: usize) -> Place {
        Place { file: Some(self.file.clone()), line: line.max(1) }
    }

    fn problem(&self, line: usize, message: impl Into<String>, hint: &str) -> Problem {
        Problem::new(self.place(line), "", message, hint)
    }

    fn document(&mut self, text: &str) -> Result<Node, Problem> {
        let mut parser = Parser::new_from_str(text);
        let mut root = None;
        loop {
            let (event, span) = self.next(&mut parser)?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                _ if root.is_some() => {
                    return Err(self.problem(
                        span.start.line(),
                        "a second document begins here",
                        "keep one document in a file",
                    ));
                }
                event => root = Some(self.node(&mut parser, event, span, 0)?),
            }
        }
        // An empty file is an empty mapping, so that messages name the keys that are missing.
        Ok(root.unwrap_or(Node { place: self.place(1), value: Value::Map(Vec::new()) }))
    }

    fn next<'t>(&self, parser: &mut Parser<'t, saphyr_parser::StrInput<'t>>) -> Result<(Event<'t>, Span), Problem> {
        match parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                let line = error.marker().line();
                Err(self.problem(
                    line,
                    format!("this is not YAML: {}", error.info()),
                    "check indentation and quotes near this line",
                ))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node<'t>(
        &mut self,
        parser: &mut Parser<'t, saphyr_parser::StrInput<'t>>,
        event: Event<'t>,
        span: Span,
        depth: usize,
    ) -> Result<Node, Problem> {
        let line = span.start.line();
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(self.problem(
                line,
                "this file is nested too deep, or its aliases expand to too much",
                "remove aliases of aliases",
            ));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, _) => {
                (anchor, Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain })
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next(parser)? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(parser, event, span, depth + 1)?),
                    }
                }
                (anchor, Value::List(items))
            }
            Event::MappingStart(anchor, _) => {
                let mut entries: Vec<(Key, Node)> = Vec::new();
                let mut base: Option<Vec<(Key, Node)>> = None;
                loop {
                    let (event, span) = self.next(parser)?;
                    if matches!(event, Event::MappingEnd) {
                        break;
                    }
                    let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
                    let key = self.key(event, span)?;
                    let (event, span) = self.next(parser)?;
                    let value = self.node(parser, event, span, depth + 1)?;
                    if is_merge {
                        if base.is_some() {
                            let message = "`<<` is given twice";
                            self.repeated.push(self.problem(key.place.line, message, "write `<<: [*A, *B]`"));
                            continue;
                        }
                        let Some(found) = merged(value) else {
                            return Err(self.problem(
                                key.place.line,
                                "`<<` merges the keys of other mappings, but this value is not a mapping",
                                "write `<<: *NAME`, where `&NAME` marks a mapping further up",
                            ));
                        };
                        base = Some(found);
                        continue;
                    }
                    if let Some((first, _)) = entries.iter().find(|(k, _)| k.text == key.text) {
                        let message = format!("`{}` is given twice, first on line {}", key.text, first.place.line);
                        self.repeated.push(self.problem(key.place.line, message, "keep one of the two"));
                    } else {
                        entries.push((key, value));
                    }
                }
                // The merged keys come first. A value that is given here replaces the merged one.
                if let Some(base) = base {
                    let own = std::mem::replace(&mut entries, base);
                    for (key, value) in own {
                        match entries.iter_mut().find(|(known, _)| known.text == key.text) {
                            Some(entry) => *entry = (key, value),
                            None => entries.push((key, value)),
                        }
                    }
                }
                (anchor, Value::Map(entries))
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    return Err(self.problem(
                        line,
                        "this alias names an anchor that is not complete here",
                        "write the value out",
                    ));
                };
                let node = node.clone();
                self.nodes += count(&node);
                return Ok(node);
            }
            _ => return Err(self.problem(line, "a value is missing here", "write a value, or remove the key")),
        };
        let node = Node { place: self.place(line), value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn key(&self, event: Event<'_>, span: Span) -> Result<Key, Problem> {
        match event {
            Event::Scalar(text, ..) => Ok(Key { text: text.into_owned(), place: self.place(span.start.line()) }),
            _ => Err(self.problem(span.start.line(), "a key must be a plain word", "write `key: value`")),
        }
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Scalar { .. } => 0,
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|(_, node)| count(node)).sum(),
    }
}
