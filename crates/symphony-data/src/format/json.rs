//! JSON: one array of objects. The array is cut into its elements as the bytes come, so that no more than one element
//! is held; what each element is, its reader says. Line breaks and indentation between an element's tokens are left
//! out, because a row is one line.

use std::io::BufRead;

use super::{Batcher, MAX_ROW_BYTES, ReadError};

/// Reads all elements of the array in `reader` as rows.
///
/// # Errors
/// A file that is no array, an array that does not end, or bytes that cannot be read.
pub fn read(reader: &mut dyn BufRead, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    let mut cutter = Cutter { line: 1, ..Cutter::default() };
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let length = chunk.len();
        for &byte in chunk {
            cutter.take(byte, rows)?;
        }
        reader.consume(length);
    }
    match cutter.state {
        State::Done => Ok(()),
        State::Start => Err(cutter.malformed("this file is empty; write an array of objects")),
        _ => Err(cutter.malformed("the file ends inside its array; it seems to be cut off")),
    }
}

#[derive(Default, PartialEq)]
enum State {
    /// Before the array.
    #[default]
    Start,
    /// Between elements: one may begin.
    Between,
    /// In an element.
    Element,
    /// After the array.
    Done,
}

#[derive(Default)]
struct Cutter {
    state: State,
    line: u64,
    element: Vec<u8>,
    element_line: u64,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// After a line break within an element: indentation is being left out.
    breaking: bool,
    /// Bytes of a byte order mark seen so far.
    mark: usize,
}

impl Cutter {
    fn malformed(&self, reason: &str) -> ReadError {
        ReadError::Malformed { line: self.line, reason: reason.to_owned() }
    }

    fn take(&mut self, byte: u8, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
        match self.state {
            State::Start => {
                match byte {
                    b'[' => self.state = State::Between,
                    b' ' | b'\t' | b'\r' | b'\n' => {}
                    _ if b"\xef\xbb\xbf".get(self.mark) == Some(&byte) => self.mark += 1,
                    b'{' => return Err(self.malformed(
                        "expected an array of objects, found an object; a file with one object a line is named .jsonl",
                    )),
                    _ => return Err(self.malformed("expected an array of objects: `[{…}, {…}]`")),
                }
            }
            State::Between => match byte {
                b']' => self.state = State::Done,
                b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => {
                    self.state = State::Element;
                    self.element_line = self.line;
                    self.in_element(byte);
                }
            },
            State::Element => {
                if !self.in_string && self.depth == 0 && matches!(byte, b',' | b']') {
                    self.state = if byte == b',' { State::Between } else { State::Done };
                    rows.push(self.element.trim_ascii(), self.element_line)?;
                    self.element.clear();
                } else {
                    self.in_element(byte);
                    if self.element.len() > MAX_ROW_BYTES {
                        return Err(self.malformed(&format!("an element longer than {} MiB", MAX_ROW_BYTES >> 20)));
                    }
                }
            }
            State::Done => {
                if !byte.is_ascii_whitespace() {
                    return Err(self.malformed("something follows the array; keep one array in a file"));
                }
            }
        }
        self.line += u64::from(byte == b'\n');
        Ok(())
    }

    fn in_element(&mut self, byte: u8) {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            self.element.push(byte);
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if matches!(byte, b'\n' | b'\r') {
            self.breaking = true;
        } else if !(self.breaking && matches!(byte, b' ' | b'\t')) {
            self.breaking = false;
            self.element.push(byte);
        }
    }
}
