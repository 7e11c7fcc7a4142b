//! The problems of a configuration or a request, each with its place, all reported at once.

use std::fmt;

use super::Place;

/// One mistake: its place, its key, what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File and line, if there is a file.
    pub place: Place,
    /// The key with dots (`experiments.exp1.difficulty_split`); empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl Problem {
    /// A problem at `place` with the key `field`.
    pub fn new(place: Place, field: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { place, field: field.into(), message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}", self.message)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// Why an input is refused, said by code that does not know where the input was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub what: String,
    /// What to write instead; may be empty.
    pub instead: String,
}

impl Refusal {
    /// A refusal with these two texts.
    pub fn new(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { what: what.into(), instead: instead.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.instead.is_empty() { Ok(()) } else { write!(f, "; {}", self.instead) }
    }
}

/// All problems of a configuration or a request, in the order of the files. Never empty.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
