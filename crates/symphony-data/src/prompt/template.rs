//! Templates: texts with the fields of a row in braces.

use super::value;
use crate::{
    row::{FieldSet, RowFault},
    yaml::Refusal,
};

/// How much of a text a message shows.
const SHOWN: usize = 24;

/// A text that is filled with the fields of a row: `{question}`, `{options.A}` for a nested one, `{{` and `}}` for braces.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
    fields: FieldSet,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// The number of a field.
    Field(usize),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Where and why it cannot be read, and what to write.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut template = Self { parts: Vec::new(), fields: FieldSet::default() };
        let mut plain = String::new();
        let mut from = 0;
        while let Some(found) = memchr::memchr2(b'{', b'}', &text.as_bytes()[from..]) {
            let at = from + found;
            plain.push_str(&text[from..at]);
            let brace = &text[at..=at];
            if text[at + 1..].starts_with(brace) {
                plain.push_str(brace);
                from = at + 2;
                continue;
            }
            let refuse =
                |what: String, instead: &str| Err(Refusal::new(format!("{}: {what}", place(text, at)), instead));
            if brace == "}" {
                return refuse("`}` closes no field".to_owned(), "write `}}` for a brace");
            }
            let name = match memchr::memchr3(b'{', b'}', b'\n', &text.as_bytes()[at + 1..]) {
                Some(length) if text.as_bytes()[at + 1 + length] == b'}' => &text[at + 1..at + 1 + length],
                _ => {
                    let what = format!("`{}` is not closed", shown(&text[at..]));
                    return refuse(what, "write `{FIELD}`, or `{{` for a brace");
                }
            };
            if name.trim().is_empty() {
                return refuse(format!("`{{{name}}}` names no field"), "write `{FIELD}`, or `{{` and `}}` for braces");
            }
            if name.trim() != name {
                let instead = format!("write `{{{}}}`", name.trim());
                return refuse(format!("`{{{name}}}` has blanks around the field's name"), &instead);
            }
            if name.split('.').any(str::is_empty) {
                return refuse(
                    format!("`{{{name}}}` names no field"),
                    "join the names of nested fields by single dots",
                );
            }
            if !plain.is_empty() {
                template.parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            let slot = template.fields.add(name);
            template.parts.push(Part::Field(slot));
            from = at + name.len() + 2;
        }
        plain.push_str(&text[from..]);
        if !plain.is_empty() {
            template.parts.push(Part::Text(plain));
        }
        Ok(template)
    }

    /// The fields that it reads, each once.
    pub fn fields(&self) -> &[String] {
        self.fields.paths()
    }

    /// Fills it with the fields of a row, whose JSON text this is. Texts are filled as they are; the
    /// [room's page](crate::prompt) says how other values are.
    ///
    /// # Errors
    /// A field is missing, or has no text.
    pub fn fill(&self, row: &str) -> Result<String, RowFault> {
        self.fill_with(row, None)
    }

    /// Like [`Template::fill`], with a text for one of the fields.
    pub(super) fn fill_with(&self, row: &str, given: Option<(&str, &str)>) -> Result<String, RowFault> {
        let fields = self.fields.read(row, false)?;
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Field(slot) => match given {
                    Some((path, text)) if path == fields.path(*slot) => filled.push_str(text),
                    _ => filled.push_str(&value::text_of(&fields, *slot)?),
                },
            }
        }
        Ok(filled)
    }
}

/// The place of byte `at` in a text, for messages: its column, and its line if there are several.
fn place(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[line_start..].chars().count() + 1;
    if text.trim_end().contains('\n') {
        format!("line {}, column {column} of the text", before.matches('\n').count() + 1)
    } else {
        format!("column {column} of the text")
    }
}

/// The beginning of a text, up to the end of its line.
fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= SHOWN { line.to_owned() } else { line.chars().take(SHOWN).collect::<String>() + "…" }
}
