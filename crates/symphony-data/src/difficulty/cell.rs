//! The value of a feature for one row.

/// A feature's value for one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A count.
    Int(i64),
    /// A mean or a table's number; finite.
    Float(f64),
    /// A yes or no.
    Bool(bool),
    /// A value as the source writes it, in JSON.
    Json(String),
}

impl Cell {
    /// The value as scores count it: a boolean as 0 or 1; `None` where it is not a number.
    #[inline]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(*n as f64),
            Self::Float(n) => Some(*n),
            Self::Bool(b) => Some(f64::from(u8::from(*b))),
            Self::Json(text) => json_number(text),
        }
    }

    /// Appends the value as JSON.
    #[inline]
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match self {
            Self::Int(n) => serde_json::to_writer(out, n),
            Self::Float(n) => serde_json::to_writer(out, n),
            Self::Bool(b) => serde_json::to_writer(out, b),
            Self::Json(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
        };
    }
}

fn json_number(text: &str) -> Option<f64> {
    let number = match text {
        "true" => 1.0,
        "false" => 0.0,
        _ if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => text.parse().ok()?,
        _ => return None,
    };
    f64::is_finite(number).then_some(number)
}
