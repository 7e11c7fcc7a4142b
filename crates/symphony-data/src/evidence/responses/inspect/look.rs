//! A look at a log without its samples: what it is, for a folder of logs.

use std::{fs::File, io::BufReader, path::Path};

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Eval, archive_header, is_log, is_named_json};
use crate::{
    evidence::responses::sink::{Fault, WATCHED_BYTES, Watched},
    progress::Progress,
    row::python,
};

/// What a log says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Head {
    /// The task with its arguments.
    pub task: String,
    pub model: String,
    /// When the log was created.
    pub created: Option<String>,
    /// What says which exported pool it is of.
    pub pool: Option<String>,
    /// Whether it has samples. A run that failed early has none.
    pub has_samples: bool,
}

impl Head {
    /// The head of a log; `None` if the file is not a log of Inspect.
    ///
    /// # Errors
    /// The file cannot be read, or it is named as a log and is not a valid one.
    pub fn of(path: &Path, progress: &dyn Progress) -> Result<Option<Self>, Fault> {
        let unreadable = |error: std::io::Error| Fault::reason(error.to_string());
        if !is_log(path).map_err(unreadable)? {
            return Ok(None);
        }
        if !is_named_json(path) {
            let (_, header, names) = archive_header(path, progress)?;
            return Ok(Some(Self::new(&header.eval, !names.is_empty())));
        }
        let file = File::open(path).map_err(unreadable)?;
        let watched = BufReader::with_capacity(WATCHED_BYTES, Watched { inner: file, progress });
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(python::PythonReader::new(watched)));
        let mut seen = Seen::default();
        // Reading stops as soon as enough was seen; the error of a broken log comes when it is read.
        let read = json.deserialize_map(&mut seen);
        let has_samples = seen.has_samples || read.is_err();
        Ok(seen.eval.map(|eval| Self::new(&eval, has_samples)))
    }

    fn new(eval: &Eval, has_samples: bool) -> Self {
        let pool = eval.metadata.get("symphony").map(ToString::to_string);
        Self { task: eval.label(), model: eval.model.clone(), created: eval.created.clone(), pool, has_samples }
    }
}

/// What was seen of a `.json` file.
#[derive(Default)]
struct Seen {
    eval: Option<Eval>,
    has_samples: bool,
}

impl Seen {
    /// An error that ends reading once everything is known.
    fn enough<E: de::Error>(&self) -> Result<(), E> {
        if self.has_samples && self.eval.is_some() { Err(E::custom("enough was read")) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for &mut Seen {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "eval" => self.eval = Some(map.next_value()?),
                "samples" => map.next_value_seed(First(self))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            self.enough()?;
        }
        Ok(())
    }
}

/// Reads the first sample of a log, and the others only where the header follows them.
struct First<'s>(&'s mut Seen);

impl<'de> DeserializeSeed<'de> for First<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for First<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of samples")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut samples: A) -> Result<(), A::Error> {
        while samples.next_element::<IgnoredAny>()?.is_some() {
            self.0.has_samples = true;
            self.0.enough()?;
        }
        Ok(())
    }
}
