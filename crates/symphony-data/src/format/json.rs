//! JSON in one piece: an array of objects, or an object that holds such an array under a key. The array is cut into its
//! elements as the bytes come, so that no more than one element is held. Everything around and between values is
//! checked here, as strictly as Python's `json` does; the reader of an element checks its strings. Line breaks and
//! indentation between an element's tokens are left out, because a row is one line.

use std::io::BufRead;

use super::{ArrayUnder, Batcher, MAX_ROW_BYTES, ReadError};

/// How deep in an object arrays are searched, to name them in messages.
const NAMED_DEPTH: usize = 4;
/// The most arrays of an object that a message names.
const NAMED_ARRAYS: usize = 100;

/// Reads all elements of an array as rows: of the file's own, or of the one under `key` of the file's one object (keys
/// joined by dots).
///
/// # Errors
/// The file is not JSON, holds no such array or is cut off, or its bytes cannot be read.
pub fn read(reader: &mut dyn BufRead, key: Option<&str>, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    let mut scanner = Scanner::new(key);
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return scanner.finish();
        }
        let length = chunk.len();
        scanner.take(chunk, rows)?;
        reader.consume(length);
    }
}

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    /// A value, or the end of the array that was just begun.
    ValueOrEnd,
    Key,
    /// A key, or the end of the object that was just begun.
    KeyOrEnd,
    Colon,
    /// A comma, or the end of the open array or object.
    CommaOrEnd,
    /// Nothing: the file's one value is complete.
    Nothing,
}

/// The token that the last byte was in.
#[derive(Clone, Copy, PartialEq)]
enum Token {
    None,
    Text {
        is_key: bool,
        escaped: bool,
    },
    /// A number or a word.
    Bare,
}

#[derive(Clone, Copy, PartialEq)]
enum Open {
    Array,
    Object,
}

struct Scanner<'k> {
    /// The key of the array of rows; empty if the file itself is the array.
    key: &'k str,
    /// Bytes of a byte order mark seen so far.
    mark: usize,
    line: u64,
    /// The place in the line, in characters, from 1.
    column: u64,
    expect: Expect,
    token: Token,
    /// Whether the file is an array or an object, once that is known.
    root: Option<Open>,
    /// The arrays and objects that are open.
    open: Vec<Open>,
    /// How many of them, from the first on, are objects.
    objects: usize,
    /// The keys of these objects that lead to the scanner's place; fewer if that is deep.
    keys: Vec<String>,
    /// The text of a key, with its quotes.
    key_text: Vec<u8>,
    /// A number or a word, and where it began.
    bare: Vec<u8>,
    bare_column: u64,
    /// How many arrays and objects are open from the array of rows on, while that is open.
    rows_at: Option<usize>,
    found: bool,
    in_element: bool,
    element: Vec<u8>,
    element_line: u64,
    /// After a line break within an element, while indentation is left out.
    breaking: bool,
    /// Arrays in the file's object, for messages; and how many are open within the last, while it is open.
    arrays: Vec<ArrayUnder>,
    array_at: Option<usize>,
}

impl<'k> Scanner<'k> {
    fn new(key: Option<&'k str>) -> Self {
        Self {
            key: key.unwrap_or_default(),
            mark: 0,
            line: 1,
            column: 1,
            expect: Expect::Value,
            token: Token::None,
            root: None,
            open: Vec::new(),
            objects: 0,
            keys: Vec::new(),
            key_text: Vec::new(),
            bare: Vec::new(),
            bare_column: 0,
            rows_at: None,
            found: false,
            in_element: false,
            element: Vec::new(),
            element_line: 0,
            breaking: false,
            arrays: Vec::new(),
            array_at: None,
        }
    }

    fn malformed(&self, reason: impl Into<String>) -> ReadError {
        ReadError::Malformed { line: self.line, reason: reason.into() }
    }

    /// A text that is not valid JSON, at a column of this line.
    fn not_json(&self, reason: &str, column: u64) -> ReadError {
        self.malformed(format!("not JSON: {reason} (column {column})"))
    }

    fn take(&mut self, chunk: &[u8], rows: &mut Batcher<'_>) -> Result<(), ReadError> {
        let mut at = 0;
        while at < chunk.len() {
            if matches!(self.token, Token::Text { escaped: false, .. }) {
                // Most bytes are text, and are taken at once.
                let rest = &chunk[at..];
                let plain = memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
                self.keep(&rest[..plain]);
                self.column += rest[..plain].iter().filter(|byte| begins_character(**byte)).count() as u64;
                at += plain;
            }
            let Some(&byte) = chunk.get(at) else { break };
            self.byte(byte, rows)?;
            at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += u64::from(begins_character(byte));
            }
        }
        self.check_length()
    }

    fn byte(&mut self, byte: u8, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
        match self.token {
            Token::Text { is_key, escaped } => {
                if byte == b'\n' {
                    return Err(self.not_json("the line ends inside a string", self.column));
                }
                self.keep(&[byte]);
                self.token = match byte {
                    b'"' if !escaped => Token::None,
                    _ => Token::Text { is_key, escaped: !escaped && byte == b'\\' },
                };
                match self.token {
                    Token::None if is_key => self.key_read(),
                    Token::None => self.value_read(rows)?,
                    _ => {}
                }
                return Ok(());
            }
            Token::Bare if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'"') && !is_bracket(byte) => {
                self.keep(&[byte]);
                self.bare.push(byte);
                return Ok(());
            }
            Token::Bare => {
                self.token = Token::None;
                self.check_bare()?;
                self.value_read(rows)?;
            }
            Token::None => {}
        }
        match byte {
            b'\n' | b'\r' => {
                self.breaking = true;
                return Ok(());
            }
            b' ' | b'\t' => {
                if !self.breaking {
                    self.keep(&[byte]);
                }
                return Ok(());
            }
            _ => self.breaking = false,
        }
        let inside = self.open.last().copied();
        match (self.expect, byte) {
            (Expect::Nothing, _) => {
                let what = self.what();
                return Err(self.malformed(format!("something follows the {what}; keep one {what} in a file")));
            }
            (Expect::ValueOrEnd | Expect::CommaOrEnd, b']') if inside == Some(Open::Array) => self.close(byte, rows)?,
            (Expect::KeyOrEnd | Expect::CommaOrEnd, b'}') if inside == Some(Open::Object) => self.close(byte, rows)?,
            (Expect::CommaOrEnd, b',') => {
                self.keep(b",");
                self.expect = if inside == Some(Open::Object) { Expect::Key } else { Expect::Value };
            }
            (Expect::CommaOrEnd, _) => {
                let end = if inside == Some(Open::Object) { "`,` or `}`" } else { "`,` or `]`" };
                return Err(self.not_json(&format!("expected {end} after a value"), self.column));
            }
            (Expect::Colon, b':') => {
                self.keep(b":");
                self.expect = Expect::Value;
            }
            (Expect::Colon, _) => return Err(self.not_json("expected `:` after a key", self.column)),
            (Expect::Key | Expect::KeyOrEnd, b'"') => {
                self.key_text.clear();
                self.token = Token::Text { is_key: true, escaped: false };
                self.keep(b"\"");
            }
            (Expect::Key | Expect::KeyOrEnd, _) => {
                return Err(self.not_json("expected a key in double quotes", self.column));
            }
            (Expect::Value | Expect::ValueOrEnd, _) => self.begin(byte)?,
        }
        Ok(())
    }

    /// Begins a value.
    fn begin(&mut self, byte: u8) -> Result<(), ReadError> {
        let depth = self.open.len();
        if depth == 0 {
            match byte {
                b'[' if self.key.is_empty() => {
                    self.root = Some(Open::Array);
                    self.rows_at = Some(1);
                }
                b'[' => {
                    return Err(self.malformed(format!(
                        "this file is one array, but `rows: {}` names an array in an object; remove `rows`",
                        self.key
                    )));
                }
                b'{' => self.root = Some(Open::Object),
                _ if b"\xef\xbb\xbf".get(self.mark) == Some(&byte) => {
                    self.mark += 1;
                    self.column = 0;
                    return Ok(());
                }
                _ => return Err(self.malformed("expected an array of objects: `[{…}, {…}]`")),
            }
        } else if matches!(byte, b',' | b':' | b']' | b'}') {
            return Err(self.not_json("expected a value", self.column));
        }
        if self.rows_at == Some(depth) {
            self.in_element = true;
            self.element_line = self.line;
        }
        if self.array_at == Some(depth)
            && let Some(array) = self.arrays.last_mut()
        {
            array.elements += 1;
            array.objects += u64::from(byte == b'{');
        }
        if depth > 0 && self.objects == depth && self.keys.len() == depth {
            self.named(byte)?;
        }
        self.keep(&[byte]);
        match byte {
            b'"' => self.token = Token::Text { is_key: false, escaped: false },
            b'{' => {
                self.objects += usize::from(self.objects == depth);
                self.open.push(Open::Object);
                self.expect = Expect::KeyOrEnd;
            }
            b'[' => {
                self.open.push(Open::Array);
                self.expect = Expect::ValueOrEnd;
            }
            _ => {
                self.token = Token::Bare;
                self.bare.clear();
                self.bare.push(byte);
                self.bare_column = self.column;
            }
        }
        Ok(())
    }

    /// Records a value whose keys are known: it may be the array of rows.
    fn named(&mut self, byte: u8) -> Result<(), ReadError> {
        let name = self.keys.join(".");
        let wanted = !self.key.is_empty() && name == self.key;
        if wanted && self.found {
            return Err(self.malformed(format!("the key `{name}` occurs twice; rename or remove one")));
        }
        if byte == b'[' {
            if wanted {
                self.found = true;
                self.rows_at = Some(self.open.len() + 1);
            }
            if self.arrays.len() < NAMED_ARRAYS {
                self.arrays.push(ArrayUnder { key: name, elements: 0, objects: 0 });
                self.array_at = Some(self.open.len() + 1);
            }
        }
        Ok(())
    }

    fn close(&mut self, byte: u8, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
        if self.rows_at == Some(self.open.len()) {
            self.rows_at = None;
        }
        if self.array_at == Some(self.open.len()) {
            self.array_at = None;
        }
        self.keep(&[byte]);
        self.open.pop();
        self.objects = self.objects.min(self.open.len());
        self.value_read(rows)
    }

    fn key_read(&mut self) {
        self.expect = Expect::Colon;
        let depth = self.open.len();
        if self.objects == depth
            && depth <= NAMED_DEPTH.max(self.key.split('.').count())
            && self.keys.len() + 1 >= depth
        {
            // A key with an escape that is not valid matches nothing.
            let key = serde_json::from_slice(&self.key_text).unwrap_or_default();
            self.keys.truncate(depth - 1);
            self.keys.push(key);
        }
    }

    fn value_read(&mut self, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
        if self.in_element && self.rows_at == Some(self.open.len()) {
            self.in_element = false;
            self.check_length()?;
            rows.push(&self.element, self.element_line)?;
            self.element.clear();
        }
        Ok(())
    }

    /// Checks a number or a word. `NaN` and `Infinity`, which Python writes, are left to the row's reader.
    fn check_bare(&self) -> Result<(), ReadError> {
        let words: [&[u8]; 6] = [b"true", b"false", b"null", b"NaN", b"Infinity", b"-Infinity"];
        let word = words.iter().find(|word| self.bare.starts_with(word)).map(|word| word.len());
        match word.unwrap_or_else(|| number_length(&self.bare)) {
            length if length == self.bare.len() => Ok(()),
            0 => Err(self.not_json("expected a value", self.bare_column)),
            length => Err(self.not_json("expected `,` or an end after a value", self.bare_column + length as u64)),
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.in_element {
            self.element.extend_from_slice(bytes);
        } else if matches!(self.token, Token::Text { is_key: true, .. }) {
            self.key_text.extend_from_slice(bytes);
        }
    }

    fn check_length(&self) -> Result<(), ReadError> {
        // Open arrays and objects outside of an element take memory too.
        let held = [self.element.len(), self.key_text.len(), self.bare.len(), self.open.len()];
        if held.into_iter().any(|bytes| bytes > MAX_ROW_BYTES) {
            return Err(self.malformed(format!("an element is longer than {} MiB", MAX_ROW_BYTES >> 20)));
        }
        Ok(())
    }

    fn what(&self) -> &'static str {
        if self.root == Some(Open::Object) { "object" } else { "array" }
    }

    fn finish(self) -> Result<(), ReadError> {
        match self.expect {
            Expect::Nothing if self.root == Some(Open::Object) && !self.found => {
                Err(ReadError::OneObject { arrays: self.arrays })
            }
            Expect::Nothing => Ok(()),
            _ if self.open.is_empty() => Err(self.malformed("this file is empty; write an array of objects")),
            _ => {
                let what = self.what();
                Err(self.malformed(format!("the file ends inside its {what}; it seems to be cut off")))
            }
        }
    }
}

fn is_bracket(byte: u8) -> bool {
    matches!(byte, b'[' | b']' | b'{' | b'}')
}

/// Whether a byte of UTF-8 begins a character.
fn begins_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// How many bytes at the beginning are a number as JSON writes it.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = usize::from(text.first() == Some(&b'-'));
    let mut end = match text.get(whole) {
        Some(b'0') => whole + 1,
        Some(b'1'..=b'9') => whole + digits(whole),
        _ => return 0,
    };
    if text.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let power = digits(end + 1 + sign);
        end += if power > 0 { 1 + sign + power } else { 0 };
    }
    end
}
