//! Tables as text under a header line, with `,`, `;` or a tab between values. Every value is text, as the file has it;
//! `number` features read numbers from it.
//!
//! Values may stand in quotes, and a quote within them is written twice (RFC 4180). Two faults that most readers ignore
//! are errors here: quotes that are never closed, which turn the rest of the file into one value, and text behind a
//! closing quote, which usually means that an earlier quote was left open.

use std::io::BufRead;

use super::{Batcher, MAX_ROW_BYTES, ReadError};

/// Reads all records of `reader`, whose values stand between `separator`s, as rows: objects whose keys are the header's
/// names.
///
/// # Errors
/// The header is missing or ambiguous, the file ends inside quotes, or its bytes cannot be read.
pub fn read(reader: &mut dyn BufRead, separator: u8, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    let mut records = Records::new(reader, separator);
    records.skip_mark()?;
    if !records.next()? {
        return Ok(());
    }
    if let Some(fault) = records.fault {
        return Err(malformed(records.began, format!("the header is not valid: it {fault}")));
    }
    let mut names = Vec::new();
    for name in records.values() {
        let name = std::str::from_utf8(name)
            .map_err(|_| malformed(records.began, "the header is not UTF-8; convert the file to UTF-8".to_owned()))?;
        if names.iter().any(|known| known == name) {
            return Err(malformed(records.began, format!("the header has two columns `{name}`; rename one")));
        }
        names.push(name.to_owned());
    }
    let keys: Vec<String> = names.iter().map(|name| serde_json::Value::from(name.as_str()).to_string()).collect();
    let mut json = String::new();
    while records.next()? {
        let mut fault = records.fault.map(str::to_owned);
        if records.len() != keys.len() {
            let open = records.values().last().is_some_and(|value| value.contains(&b'\n'));
            let hint = if open { "; is a quote left open?" } else { "" };
            fault = Some(format!("has {} values where the header has {} names{hint}", records.len(), keys.len()));
        }
        json.clear();
        for (at, (key, value)) in keys.iter().zip(records.values()).enumerate() {
            let Ok(value) = std::str::from_utf8(value) else {
                fault = fault.or_else(|| Some(format!("column `{}` is not UTF-8", names[at])));
                break;
            };
            json.push_str(if at == 0 { "{" } else { ", " });
            json.push_str(key);
            json.push_str(": ");
            push_text(&mut json, value);
        }
        json.push('}');
        match fault {
            None => rows.push(json.as_bytes(), records.began)?,
            Some(fault) => {
                let text = records.values().collect::<Vec<_>>().join(&separator);
                rows.push_fault(&text, records.began, fault)?;
            }
        }
    }
    Ok(())
}

/// Writes a text as JSON.
fn push_text(json: &mut String, text: &str) {
    // Nearly no text has a character to escape.
    if text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        json.push_str(&serde_json::Value::from(text).to_string());
    } else {
        json.push('"');
        json.push_str(text);
        json.push('"');
    }
}

/// The number of values of each record in `text`, the header's first. Unless `text` is the `whole` table, the last
/// record is left out.
pub(super) fn widths(mut text: &[u8], separator: u8, whole: bool) -> Vec<usize> {
    let mut records = Records::new(&mut text, separator);
    let mut widths = Vec::new();
    while records.next().unwrap_or(false) {
        widths.push(records.len());
    }
    if !whole {
        widths.pop();
    }
    widths
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before a value.
    Start,
    /// In a value without quotes, or behind its closing one.
    Plain,
    /// In quotes.
    Quoted,
    /// After a quote within quotes: it closes them, or is one of two.
    Quote,
}

/// Cuts a text into records, one after the other.
struct Records<'r> {
    reader: &'r mut dyn BufRead,
    separator: u8,
    state: State,
    /// The line that is being read, from 1.
    line: u64,
    /// The line on which the record begins.
    began: u64,
    /// The line on which the last quotes were opened.
    opened: u64,
    /// The values of the record, one behind the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    /// What is wrong with the record.
    fault: Option<&'static str>,
}

impl<'r> Records<'r> {
    fn new(reader: &'r mut dyn BufRead, separator: u8) -> Self {
        let (text, ends) = (Vec::new(), Vec::new());
        Self { reader, separator, state: State::Start, line: 1, began: 1, opened: 1, text, ends, fault: None }
    }

    /// Skips a byte order mark.
    fn skip_mark(&mut self) -> Result<(), ReadError> {
        let marked = self.reader.fill_buf()?.starts_with(b"\xef\xbb\xbf");
        self.reader.consume(if marked { 3 } else { 0 });
        Ok(())
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }

    /// Goes to the next record; `false` if there is none. Blank lines are not records.
    fn next(&mut self) -> Result<bool, ReadError> {
        self.text.clear();
        self.ends.clear();
        self.fault = None;
        self.began = self.line;
        loop {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                return self.end();
            }
            let mut at = 0;
            let mut complete = false;
            while at < chunk.len() && !complete {
                // Most bytes are text of a value, and are taken at once.
                let rest = &chunk[at..];
                let plain = match self.state {
                    State::Quoted => memchr::memchr2(b'"', b'\n', rest),
                    State::Plain => rest.iter().position(|b| *b == self.separator || matches!(b, b'\n' | b'\r')),
                    State::Start | State::Quote => Some(0),
                }
                .unwrap_or(rest.len());
                self.text.extend_from_slice(&rest[..plain]);
                at += plain;
                if let Some(&byte) = chunk.get(at) {
                    at += 1;
                    complete = match (self.state, byte) {
                        (State::Start, b'"') => {
                            self.state = State::Quoted;
                            self.opened = self.line;
                            false
                        }
                        (State::Quoted, b'"') => {
                            self.state = State::Quote;
                            false
                        }
                        (State::Quoted, _) | (State::Quote, b'"') => {
                            self.state = State::Quoted;
                            self.text.push(byte);
                            false
                        }
                        (_, b'\n' | b'\r') => {
                            let blank = self.state == State::Start && self.ends.is_empty();
                            if blank {
                                self.began = self.line + u64::from(byte == b'\n');
                            } else {
                                self.ends.push(self.text.len());
                            }
                            self.state = State::Start;
                            !blank
                        }
                        (_, byte) if byte == self.separator => {
                            self.ends.push(self.text.len());
                            self.state = State::Start;
                            false
                        }
                        (state, byte) => {
                            if state == State::Quote {
                                self.fault = Some(
                                    "has text behind a closing quote; is a quote before it left open? \
                                     Within quotes, write each quote twice",
                                );
                            }
                            self.text.push(byte);
                            self.state = State::Plain;
                            false
                        }
                    };
                    self.line += u64::from(byte == b'\n');
                }
            }
            self.reader.consume(at);
            if self.text.len() > MAX_ROW_BYTES {
                let opened = match self.state {
                    State::Quoted => format!(", in quotes that open on line {}; are they closed?", self.opened),
                    _ => String::new(),
                };
                return Err(malformed(self.began, format!("a row is longer than {} MiB{opened}", MAX_ROW_BYTES >> 20)));
            }
            if complete {
                return Ok(true);
            }
        }
    }

    /// Ends the file, and its last record if the last line has no line break.
    fn end(&mut self) -> Result<bool, ReadError> {
        if self.state == State::Quoted {
            let reason = format!(
                "the file ends inside quotes that open on line {}; close them, or get the file again if it was cut off",
                self.opened
            );
            return Err(malformed(self.opened, reason));
        }
        if self.state == State::Start && self.ends.is_empty() {
            return Ok(false);
        }
        self.ends.push(self.text.len());
        self.state = State::Start;
        Ok(true)
    }
}

fn malformed(line: u64, reason: String) -> ReadError {
    ReadError::Malformed { line, reason }
}
