//! Text that many tasks share: a line of a store is read once, and its fields are slices of it.

use std::{fmt, ops::Deref, ops::Range, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A piece of a text. Cloning it copies nothing.
#[derive(Clone)]
pub struct Text {
    whole: Arc<String>,
    piece: Range<usize>,
}

impl Text {
    /// The piece of `whole` at `piece`; `None` if there is no text at these bytes.
    pub(crate) fn slice(whole: &Arc<String>, piece: Range<usize>) -> Option<Self> {
        whole.get(piece.clone())?;
        Some(Self { whole: whole.clone(), piece })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.whole[self.piece.clone()]
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { piece: 0..text.len(), whole: Arc::new(text) }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::from)
    }
}

/// Text that is one JSON value. Written as part of JSON, it is written as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(Text);

impl Json {
    /// Takes text that is known to be JSON, because it was parsed or because this program wrote it.
    pub(crate) fn trusted(text: Text) -> Self {
        Self(text)
    }

    /// `text`, if it is JSON.
    ///
    /// # Errors
    /// `text` is not JSON.
    pub fn new(text: String) -> serde_json::Result<Self> {
        RawValue::from_string(text).map(Self::from)
    }

    /// The text.
    pub fn get(&self) -> &str {
        &self.0
    }
}

impl From<Box<RawValue>> for Json {
    fn from(value: Box<RawValue>) -> Self {
        Self(String::from(Box::<str>::from(value)).into())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(self.get()).map_err(serde::ser::Error::custom)?.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(from).map(Self::from)
    }
}
