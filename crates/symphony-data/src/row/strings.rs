//! All strings of a row.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{MAX_DEPTH, json::is_deeper_than};

/// Calls `take` with each string among the values of a JSON text, in order, however deep in lists and objects. Returns
/// whether the text is JSON; if not, `take` may have been called with what stands before the fault.
pub(crate) fn each_string(json: &str, take: &mut dyn FnMut(&str)) -> bool {
    if is_deeper_than(json.as_bytes(), MAX_DEPTH) {
        return false;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    Strings(take).deserialize(&mut reader).and_then(|()| reader.end()).is_ok()
}

/// All strings among the values of a JSON text; of a text that is not JSON, those before the fault.
pub(crate) fn all_strings(json: &str) -> Vec<String> {
    let mut strings = Vec::new();
    each_string(json, &mut |text| strings.push(text.to_owned()));
    strings
}

struct Strings<'t>(&'t mut dyn FnMut(&str));

impl<'de> DeserializeSeed<'de> for Strings<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strings<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.0)(text);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Strings(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Skipped)?.is_some() {
            map.next_value_seed(Strings(&mut *self.0))?;
        }
        Ok(())
    }
}

/// A key, which is no value.
struct Skipped;

impl<'de> DeserializeSeed<'de> for Skipped {
    type Value = IgnoredAny;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<IgnoredAny, D::Error> {
        IgnoredAny::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_in_order_from_every_depth_and_keys_do_not() {
        let json =
            r#"{"a": "one", "b": {"c": ["two\n", 3, null, {"d": "thr\u00e9e"}]}, "e": true, "f": -1.5e3, "g": ""}"#;
        assert_eq!(all_strings(json), ["one", "two\n", "thrée", ""]);
        assert_eq!(all_strings(r#""alone""#), ["alone"]);
        assert!(!each_string(r#"{"a": "b""#, &mut |_| ()));
        assert!(!each_string(&"[".repeat(100_000), &mut |_| ()));
        assert!(each_string("1e999999", &mut |_| ()) || all_strings("1e999999").is_empty());
    }
}
