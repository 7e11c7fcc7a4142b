//! Selects the columns of rows by each row's keys, without reading their values.

/// How many names are kept for a message.
const MAX_KNOWN: usize = 50;

/// Leaves out of rows the columns that their benchmark does not take, and keeps the names that occurred.
#[derive(Debug)]
pub(crate) struct Selection<'c> {
    columns: &'c Columns,
    /// For each of the columns' names, whether a row had it.
    met: Vec<bool>,
    /// The first names that rows had.
    known: Vec<String>,
}

impl<'c> Selection<'c> {
    pub fn new(columns: &'c Columns) -> Self {
        Self { columns, met: vec![false; columns.names().len()], known: Vec::new() }
    }

    /// Whether the rows keep the column `name`, which the source has.
    pub fn keeps(&mut self, name: &str) -> bool {
        let listed = self.columns.names().iter().position(|listed| listed == name);
        if let Some(at) = listed {
            self.met[at] = true;
        }
        if self.known.len() < MAX_KNOWN && !self.known.iter().any(|known| known == name) {
            self.known.push(name.to_owned());
        }
        listed.is_some() == matches!(self.columns, Columns::Only(_))
    }

    /// The row with only its selected columns; `None` if it is not an object, for which the row's reader has the better
    /// error.
    pub fn of_row(&mut self, row: &[u8]) -> Option<Vec<u8>> {
        let mut kept = Vec::with_capacity(row.len());
        kept.push(b'{');
        for (key, member) in members(row)? {
            let name: String = serde_json::from_slice(key).ok()?;
            if self.keeps(&name) {
                if kept.len() > 1 {
                    kept.extend_from_slice(b", ");
                }
                kept.extend_from_slice(member);
            }
        }
        kept.push(b'}');
        Some(kept)
    }

    /// The names that rows had, or the first few of them.
    pub fn known(&self) -> &[String] {
        &self.known
    }

    /// The listed names that no row had, and the names that rows had; `None` if no name is missing or there were no
    /// rows.
    pub fn unknown(&self) -> Option<(Vec<&'c str>, &[String])> {
        let names = self.columns.names().iter().zip(&self.met);
        let unmet: Vec<&str> = names.filter(|(_, met)| !**met).map(|(name, _)| name.as_str()).collect();
        (!unmet.is_empty() && !self.known.is_empty()).then_some((unmet, &self.known))
    }
}

/// The members of an object: each one's key, with its quotes, and the whole member. The values are not checked, so one
/// that is left out may be anything.
pub(super) fn members(row: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let inner = row.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let mut members = Vec::new();
    let (mut depth, mut from, mut key, mut at) = (0_usize, 0, None, 0);
    while at < inner.len() {
        match inner[at] {
            b'"' => at = end_of_string(inner, at)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b':' if depth == 0 && key.is_none() => key = Some(inner[from..at].trim_ascii()),
            b',' if depth == 0 => {
                members.push((key.take()?, inner[from..at].trim_ascii()));
                from = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if depth > 0 {
        return None;
    }
    match key {
        Some(key) => members.push((key, inner[from..].trim_ascii())),
        // An empty object is valid, but a comma with nothing behind it is not.
        None if members.is_empty() && inner.trim_ascii().is_empty() => {}
        None => return None,
    }
    Some(members)
}

/// The place of the last quote of the string that begins at `at`. Unlike a reader of rows, this takes any escape: what is left
/// out may hold what it likes.
fn end_of_string(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// The columns of a source, or the keys of its rows, that a benchmark's rows have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// These alone: `columns`.
    Only(Vec<String>),
    /// All but these: `drop_columns`.
    Without(Vec<String>),
}

impl Columns {
    /// The configuration's key for it.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Only(_) => "columns",
            Self::Without(_) => "drop_columns",
        }
    }

    /// The names that are listed.
    pub fn names(&self) -> &[String] {
        let (Self::Only(names) | Self::Without(names)) = self;
        names
    }

    /// Whether rows have this column if the source has it.
    pub fn keeps(&self, name: &str) -> bool {
        self.names().iter().any(|listed| listed == name) == matches!(self, Self::Only(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selected_members_keep_their_text() {
        let row = br#"{"a": 1.50, "b":{"a":[1,{"c":"},"}]} , "c\u0064" :"x\"y,", "e": NaN}"#;
        let of = |columns: Columns| {
            let kept = Selection::new(&columns).of_row(row);
            kept.map(|kept| String::from_utf8(kept).unwrap())
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(of(Columns::Only(names(&["a", "cd"]))).unwrap(), r#"{"a": 1.50, "c\u0064" :"x\"y,"}"#);
        assert_eq!(of(Columns::Without(names(&["a", "cd", "e"]))).unwrap(), r#"{"b":{"a":[1,{"c":"},"}]}}"#);
        assert_eq!(of(Columns::Without(names(&["a", "b", "cd", "e"]))).unwrap(), "{}");
    }

    #[test]
    fn members_that_are_left_out_may_hold_escapes_that_json_does_not_have() {
        let columns = Columns::Without(vec!["z".to_owned()]);
        for value in [r#""\q""#, r#""\u00g0""#, r#""\u12""#, r#""\ud83d""#, r#"["\q", {"\x": "\"}"}]"#] {
            let row = format!(r#"{{"a": "b", "z": {value}}}"#);
            let kept = Selection::new(&columns).of_row(row.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(kept).unwrap(), r#"{"a": "b"}"#, "{value}");
        }
    }

    #[test]
    fn a_row_that_is_not_an_object_is_left_to_its_reader() {
        let columns = Columns::Without(vec!["a".to_owned()]);
        for row in ["", "[1]", "{\"a\": 1", "{\"a\": \"}", "{\"a\": [}", "{\"a\": 1,}", "{a}", "{\"a\": ]}"] {
            assert_eq!(Selection::new(&columns).of_row(row.as_bytes()), None, "{row}");
        }
        assert_eq!(Selection::new(&columns).of_row(b"{ }").unwrap(), b"{}");
    }
}
