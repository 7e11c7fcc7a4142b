//! Takes a piece out of a text by a regular expression.

use regex::Regex;
use serde::Serialize;

use crate::yaml::Refusal;

/// The match that counts where there are several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first one.
    #[default]
    First,
    /// The last one.
    Last,
}

impl Which {
    /// `first` or `last`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "first" => Some(Self::First),
            "last" => Some(Self::Last),
            _ => None,
        }
    }
}

/// A regular expression whose first group is the piece, and the match that counts.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    which: Which,
}

impl Pattern {
    /// Compiles `regex`; `piece` names what its group finds (`the number`).
    ///
    /// # Errors
    /// It is not a regular expression, or has no group.
    pub fn compile(regex: &str, which: Which, piece: &str) -> Result<Self, Refusal> {
        let regex = compile_regex(regex)?;
        if regex.captures_len() < 2 {
            return Err(Refusal::new(
                format!("the regex `{regex}` has no group"),
                format!("put {piece} in parentheses, as in `(\\d+)`"),
            ));
        }
        Ok(Self { regex, which })
    }

    /// The piece of `text`.
    ///
    /// # Errors
    /// Nothing matches: the reason, for a message about the field with this text.
    pub fn find<'t>(&self, text: &'t str) -> Result<&'t str, String> {
        let found = match self.which {
            Which::First => self.regex.captures(text),
            Which::Last => self.regex.captures_iter(text).last(),
        };
        let group = found.and_then(|found| found.get(1)).map(|group| group.as_str());
        group.ok_or_else(|| format!("nothing in it matches `{}`", self.regex))
    }

    /// The regular expression as it was written.
    pub fn regex(&self) -> &str {
        self.regex.as_str()
    }
}

/// Compiles a regular expression, with a one-line message where it is not valid.
pub(crate) fn compile_regex(regex: &str) -> Result<Regex, Refusal> {
    Regex::new(regex).map_err(|e| {
        let reason = e.to_string();
        let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Refusal::new(format!("`{regex}` is not a valid regular expression: {last}"), "")
    })
}
