//! Whether a task may be drawn more than once.

use serde::{Serialize, Serializer};

use crate::yaml;

/// Whether a task may be drawn more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replacement {
    /// `false`: never; a bin that is too small delivers fewer.
    #[default]
    Never,
    /// `true`: draws are independent.
    Always,
    /// `when_short`: only in a bin that is too small.
    WhenShort,
}

impl Replacement {
    /// Reads `when_short`, or `false` or `true` in any of the ways in which YAML writes them (`no`, `On`).
    pub fn parse(text: &str) -> Option<Self> {
        match yaml::boolean(text) {
            Some(false) => Some(Self::Never),
            Some(true) => Some(Self::Always),
            None => (text == "when_short").then_some(Self::WhenShort),
        }
    }
}

impl Serialize for Replacement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Never => serializer.serialize_bool(false),
            Self::Always => serializer.serialize_bool(true),
            Self::WhenShort => serializer.serialize_str("when_short"),
        }
    }
}
