//! The right answer of a row: a field, a piece of one, or the number of a choice.

use super::{Choice, Template, value};
use crate::{
    row::{FieldSet, RowFault, Which, pattern::Pattern},
    yaml::Refusal,
};

/// A text that is taken out of a row.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A filled template.
    Filled(Template),
    /// A piece of a field.
    Captured(Captured),
    /// The choice with the number that a field holds.
    Index {
        /// The field.
        field: String,
        /// The number of the first choice: 0 or 1.
        first: u64,
    },
}

/// The piece of a field that the first group of a regular expression matches.
#[derive(Clone, Debug)]
pub struct Captured {
    field: String,
    pattern: Pattern,
}

impl Captured {
    /// Takes the piece of `field` that the first group of `regex` matches, in its first or last match.
    ///
    /// # Errors
    /// `regex` is not a regular expression, or has no group.
    pub fn new(field: &str, regex: &str, which: Which) -> Result<Self, Refusal> {
        Ok(Self { field: field.to_owned(), pattern: Pattern::compile(regex, which, "the answer")? })
    }
}

impl Answer {
    /// The fields that it reads.
    pub fn fields(&self) -> &[String] {
        match self {
            Self::Filled(template) => template.fields(),
            Self::Captured(Captured { field, .. }) | Self::Index { field, .. } => std::slice::from_ref(field),
        }
    }

    /// Its text; that of an index is the number. A piece of a field is without blanks around it.
    pub(super) fn text_of(&self, row: &str) -> Result<String, RowFault> {
        match self {
            Self::Filled(template) => template.fill(row),
            Self::Captured(Captured { field, pattern }) => {
                let text = field_of(row, field)?;
                pattern.find(&text).map(|piece| piece.trim().to_owned()).map_err(|why| RowFault::new(field, why))
            }
            Self::Index { field, .. } => field_of(row, field),
        }
    }
}

/// The text of one field of a row.
fn field_of(row: &str, field: &str) -> Result<String, RowFault> {
    let mut set = FieldSet::default();
    let slot = set.add(field);
    value::text_of(&set.read(row, false)?, slot)
}

/// The label of the choice whose number a field holds, counted from `first`.
pub(super) fn choice_at(row: &str, field: &str, first: u64, choices: &[Choice]) -> Result<String, RowFault> {
    let text = field_of(row, field)?;
    let fault = |why: String| RowFault::new(field, why);
    let number: u64 =
        text.trim().parse().map_err(|_| fault(format!("expected the number of a choice, found {text:?}")))?;
    let at = number.checked_sub(first).and_then(|at| usize::try_from(at).ok());
    let choice = at.and_then(|at| choices.get(at)).ok_or_else(|| {
        fault(format!("there is no choice number {number}: there are {}, counted from {first}", choices.len()))
    })?;
    Ok(choice.label.clone())
}
