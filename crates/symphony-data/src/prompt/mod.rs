//! How a row is asked and graded: the prompt of a benchmark, filled with the fields of a row.
//!
//! A template has the names of fields in braces ([`Template`]). The value of a field fills it as follows:
//!
//! - a text as it is, with nothing escaped;
//! - a number as the row has it, but 142.0 as `142`;
//! - a boolean as `true` or `false`, null as nothing;
//! - a list as its items, a line each; null items are left out;
//! - the list or object that lists the choices as a line each, with its label and without blanks around it: `A. text`;
//! - any other object is an error, as is a list inside a list: they have no text of their own.
//!
//! An input or a target that is blank once it is filled is an error.

mod answer;
mod template;
mod value;

pub use answer::{Answer, Captured};
pub use template::Template;

use crate::row::{FieldSet, RowFault};

/// How the rows of a benchmark are asked and graded.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The text that a model gets.
    pub input: Template,
    /// The right answer.
    pub target: Answer,
    /// The answers to choose from; `None` for free answers.
    pub choices: Option<Choices>,
    /// How an answer is graded.
    pub grade: Grade,
    /// The texts that end an answer.
    pub stop: Vec<String>,
}

/// The answers to choose from.
#[derive(Clone, Debug)]
pub enum Choices {
    /// The same for every row: their labels, which `input` explains.
    Listed(Vec<String>),
    /// The field that lists them: a list, whose items are called A, B, C, …, or an object, whose keys are the labels.
    Items(String),
}

/// How an answer is graded.
#[derive(Clone, Debug)]
pub enum Grade {
    /// The label of the right choice.
    Choice,
    /// The same text. Case, blanks around it, quotes, asterisks and a full stop at its end do not count, nor do the brackets
    /// of `(A)`.
    Exact,
    /// The same number. Commas between thousands do not count.
    Number,
    /// The tests pass.
    Code(Box<Code>),
}

/// How an answer that is code is graded.
#[derive(Clone, Debug)]
pub struct Code {
    /// Python code that runs after the answer, and fails where the answer is wrong.
    pub tests: Template,
    /// The name of the function that is asked for.
    pub entry_point: Answer,
    /// The code that the row gives: it stands before an answer that does not have it.
    pub given: Option<Template>,
}

impl Grade {
    /// The word for it in a configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Choice => "choice",
            Self::Exact => "exact",
            Self::Number => "number",
            Self::Code(_) => "code",
        }
    }
}

/// One answer to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What a model answers to choose it: `A`.
    pub label: String,
    /// What it says. The label itself where the configuration lists the choices.
    pub text: String,
}

/// A row, asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The text that a model gets.
    pub input: String,
    /// The right answer: the label of a choice, a number without commas, or a text.
    pub target: String,
    /// The answers to choose from; empty for free answers.
    pub choices: Vec<Choice>,
    /// The tests of an answer that is code.
    pub code: Option<AskedCode>,
}

/// How the answer to one row is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedCode {
    /// Python code that runs after the answer.
    pub tests: String,
    /// The name of the function that is asked for.
    pub entry_point: String,
    /// The code that the row gives, which may be blank: imports, helper functions, the beginning of the function.
    pub given: String,
}

/// A field that a prompt reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The key of the prompt that reads it: `input`, or `grade.code.tests`.
    pub key: &'static str,
    /// The field, nested ones with dots.
    pub field: String,
}

impl Prompt {
    /// Asks a row, whose JSON text this is.
    ///
    /// # Errors
    /// A field is missing or has no text, or the row's answer does not fit the grade.
    pub fn ask(&self, row: &str) -> Result<Asked, RowFault> {
        let choices = self.choices_of(row)?;
        let input = match &self.choices {
            Some(Choices::Items(field)) => {
                let lines: Vec<String> =
                    choices.iter().map(|choice| format!("{}. {}", choice.label, choice.text.trim())).collect();
                self.input.fill_with(row, Some((field, &lines.join("\n"))))?
            }
            _ => self.input.fill(row)?,
        };
        let code = match &self.grade {
            Grade::Code(code) => Some(AskedCode {
                tests: not_blank("tests", code.tests.fill(row)?)?,
                entry_point: not_blank("entry_point", code.entry_point.text_of(row)?)?,
                given: code.given.as_ref().map(|given| given.fill(row)).transpose()?.unwrap_or_default(),
            }),
            _ => None,
        };
        Ok(Asked { input: not_blank("input", input)?, target: self.target_of(row, &choices)?, choices, code })
    }

    /// The texts by which a row is the question that it is: the value of each field that the input reads, in order, without
    /// the words around them; each of the choices that a field lists, without its label.
    ///
    /// # Errors
    /// A field is missing or has no text.
    pub fn question(&self, row: &str) -> Result<Vec<String>, RowFault> {
        let listed = match &self.choices {
            Some(Choices::Items(field)) => Some(field),
            _ => None,
        };
        let mut texts = Vec::new();
        let mut set = FieldSet::default();
        let fields = self.input.fields().iter().filter(|field| Some(*field) != listed);
        let slots: Vec<usize> = fields.map(|field| set.add(field)).collect();
        let found = set.read(row, false)?;
        for slot in slots {
            texts.push(value::text_of(&found, slot)?);
        }
        texts.extend(self.choices_of(row)?.into_iter().filter(|_| listed.is_some()).map(|choice| choice.text));
        Ok(texts)
    }

    /// The right answer of a row, as [`Prompt::ask`] gives it.
    ///
    /// # Errors
    /// The same as [`Prompt::ask`], as far as the answer is concerned.
    pub fn right_answer(&self, row: &str) -> Result<String, RowFault> {
        self.target_of(row, &self.choices_of(row)?)
    }

    /// The fields that it reads, by key.
    pub fn reads(&self) -> Vec<Read> {
        let mut reads = Vec::new();
        let mut add = |key, fields: &[String]| {
            reads.extend(fields.iter().map(|field| Read { key, field: field.clone() }));
        };
        add("input", self.input.fields());
        add("target", self.target.fields());
        if let Some(Choices::Items(field)) = &self.choices {
            add("choices", std::slice::from_ref(field));
        }
        if let Grade::Code(code) = &self.grade {
            add("grade.code.tests", code.tests.fields());
            add("grade.code.entry_point", code.entry_point.fields());
            if let Some(given) = &code.given {
                add("grade.code.given", given.fields());
            }
        }
        reads
    }

    /// The fields that it reads and that a row, whose JSON text this is, does not have.
    ///
    /// # Errors
    /// The text is not one JSON object.
    pub fn unknown_fields(&self, row: &str) -> Result<Vec<Read>, RowFault> {
        let mut set = FieldSet::default();
        let reads = self.reads();
        let slots: Vec<usize> = reads.iter().map(|read| set.add(&read.field)).collect();
        let fields = set.read(row, false)?;
        Ok(reads.into_iter().zip(slots).filter(|(_, slot)| !fields.has(*slot)).map(|(read, _)| read).collect())
    }

    fn choices_of(&self, row: &str) -> Result<Vec<Choice>, RowFault> {
        match &self.choices {
            None => Ok(Vec::new()),
            Some(Choices::Listed(labels)) => {
                Ok(labels.iter().map(|label| Choice { label: label.clone(), text: label.clone() }).collect())
            }
            Some(Choices::Items(field)) => {
                let mut set = FieldSet::default();
                let slot = set.add(field);
                value::choices(&set.read(row, false)?, slot)
            }
        }
    }

    fn target_of(&self, row: &str, choices: &[Choice]) -> Result<String, RowFault> {
        if let Answer::Index { field, first } = &self.target {
            return answer::choice_at(row, field, *first, choices);
        }
        let target = not_blank("target", self.target.text_of(row)?)?;
        match &self.grade {
            Grade::Choice => {
                let wanted = target.trim();
                let label = choices.iter().find(|choice| choice.label == wanted);
                let mut same = choices.iter().filter(|choice| choice.text.trim() == wanted);
                match (label, same.next(), same.next()) {
                    (Some(choice), ..) | (None, Some(choice), None) => Ok(choice.label.clone()),
                    (None, Some(_), Some(_)) => {
                        Err(RowFault::new("", format!("two choices are the target {target:?}")))
                    }
                    (None, None, _) => {
                        let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
                        let labels = labels.join(", ");
                        Err(RowFault::new("", format!("the target {target:?} is not one of the choices: {labels}")))
                    }
                }
            }
            Grade::Number => value::number(&target)
                .ok_or_else(|| RowFault::new("", format!("the target {target:?} is not a number, as its grade needs"))),
            Grade::Exact | Grade::Code(_) => Ok(target),
        }
    }
}

fn not_blank(key: &str, text: String) -> Result<String, RowFault> {
    if text.trim().is_empty() {
        return Err(RowFault::new("", format!("`{key}` of the prompt is blank for this row")));
    }
    Ok(text)
}
