//! JSON as Python's `json` writes it, which is not always JSON: `NaN`, `Infinity` and `-Infinity` stand for numbers, and
//! texts may hold half a surrogate pair (`"\ud83d"`).
//!
//! Here such text becomes JSON: `NaN` is null, the infinities are the texts `"inf"` and `"-inf"`, and half a pair is U+FFFD.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

/// The replacement for half a pair, as long as the escape that it replaces.
const REPLACEMENT: &[u8] = br"\ufffd";

/// The text as JSON. A text without any of the above is not copied.
pub fn to_json(text: &[u8]) -> Cow<'_, [u8]> {
    // One look at the bytes: most texts are short, and a search for each of the tokens would cost more than the text.
    let tokens: [&[u8]; 4] = [b"NaN", b"Infinity", br"\ud", br"\uD"];
    let is_token = |at: usize| tokens.iter().any(|token| text[at..].starts_with(token));
    if !memchr::memchr3_iter(b'N', b'I', b'\\', text).any(is_token) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 8);
    Rewriter::default().take(text, true, &mut out);
    Cow::Owned(out)
}

/// Like [`to_json`], for a `str`.
pub fn text_to_json(text: &str) -> Cow<'_, str> {
    match to_json(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        // Whole characters were replaced by ASCII.
        Cow::Owned(json) => Cow::Owned(String::from_utf8(json).unwrap_or_default()),
    }
}

/// A reader that turns what Python wrote into JSON.
pub struct PythonReader<R> {
    inner: R,
    rewriter: Rewriter,
    ready: Vec<u8>,
    /// How much of `ready` was handed out, in bytes.
    used: usize,
    ended: bool,
}

impl<R: BufRead> PythonReader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, rewriter: Rewriter::default(), ready: Vec::new(), used: 0, ended: false }
    }
}

impl<R: BufRead> Read for PythonReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let n = ready.len().min(buffer.len());
        buffer[..n].copy_from_slice(&ready[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for PythonReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used == self.ready.len() && !self.ended {
            self.ready.clear();
            self.used = 0;
            let chunk = self.inner.fill_buf()?;
            self.ended = chunk.is_empty();
            let length = chunk.len();
            self.rewriter.take(chunk, self.ended, &mut self.ready);
            self.inner.consume(length);
        }
        Ok(&self.ready[self.used..])
    }

    fn consume(&mut self, n: usize) {
        self.used += n;
    }
}

/// Rewrites text that comes in pieces.
#[derive(Default)]
struct Rewriter {
    in_string: bool,
    /// The beginning of a token whose rest has not come yet.
    begun: Vec<u8>,
}

impl Rewriter {
    /// Rewrites `piece` and appends it to `out`; `last` says that no more pieces come.
    fn take(&mut self, piece: &[u8], last: bool, out: &mut Vec<u8>) {
        let joined;
        let mut rest = if self.begun.is_empty() {
            piece
        } else {
            self.begun.extend_from_slice(piece);
            joined = std::mem::take(&mut self.begun);
            &joined[..]
        };
        while !rest.is_empty() {
            let next = if self.in_string {
                memchr::memchr2(b'"', b'\\', rest)
            } else {
                // A minus may begin a number or an infinity, and is looked at when the infinity comes.
                memchr::memchr3(b'"', b'N', b'I', rest)
            };
            let (plain, from_here) = rest.split_at(next.unwrap_or(rest.len()));
            out.extend_from_slice(plain);
            rest = from_here;
            if rest.is_empty() {
                break;
            }
            let Some(taken) =
                (if self.in_string { self.in_text(rest, last, out) } else { self.between(rest, last, out) })
            else {
                self.begun.extend_from_slice(rest);
                break;
            };
            rest = &rest[taken..];
        }
        // Bytes that may belong to an infinity stay until that is known.
        if !last && !self.in_string && out.last() == Some(&b'-') {
            out.pop();
            self.begun.insert(0, b'-');
        }
    }

    /// Takes a quote or the beginning of a word; `None` if more of it is needed.
    fn between(&mut self, rest: &[u8], last: bool, out: &mut Vec<u8>) -> Option<usize> {
        if rest[0] == b'"' {
            self.in_string = true;
            out.push(b'"');
            return Some(1);
        }
        for word in [&b"NaN"[..], b"Infinity"] {
            if rest.starts_with(word) {
                match word[0] {
                    b'N' => out.extend_from_slice(b"null"),
                    _ if out.last() == Some(&b'-') => {
                        out.pop();
                        out.extend_from_slice(b"\"-inf\"");
                    }
                    _ => out.extend_from_slice(b"\"inf\""),
                }
                return Some(word.len());
            }
            if !last && word.starts_with(rest) {
                return None;
            }
        }
        out.push(rest[0]);
        Some(1)
    }

    /// Takes the end of a text or an escape; `None` if more of it is needed.
    fn in_text(&mut self, rest: &[u8], last: bool, out: &mut Vec<u8>) -> Option<usize> {
        if rest[0] == b'"' {
            self.in_string = false;
            out.push(b'"');
            return Some(1);
        }
        let needed = |n: usize| !last && rest.len() < n;
        if needed(2) || (rest.get(1) == Some(&b'u') && needed(6)) {
            return None;
        }
        let taken = match surrogate(rest) {
            // An escape of another kind.
            None if rest.get(1) == Some(&b'u') => rest.len().min(6),
            None => rest.len().min(2),
            Some(Half::Low) => {
                out.extend_from_slice(REPLACEMENT);
                return Some(6);
            }
            Some(Half::High) => {
                let behind = &rest[6..];
                if !last && behind.len() < 6 && br"\u".starts_with(&behind[..behind.len().min(2)]) {
                    return None;
                }
                if surrogate(behind) != Some(Half::Low) {
                    out.extend_from_slice(REPLACEMENT);
                    return Some(6);
                }
                12
            }
        };
        out.extend_from_slice(&rest[..taken]);
        Some(taken)
    }
}

#[derive(PartialEq)]
enum Half {
    High,
    Low,
}

/// Which half of a pair an escape at the beginning of the text is, if it is one.
fn surrogate(text: &[u8]) -> Option<Half> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(&str, &str); 9] = [
        (r#"{"a": NaN, "b": [Infinity,-Infinity, -1]}"#, r#"{"a": null, "b": ["inf","-inf", -1]}"#),
        (r#"["NaN", "-Infinity", "\"NaN", NaN]"#, r#"["NaN", "-Infinity", "\"NaN", null]"#),
        (r#"["x\ud835", 1]"#, r#"["x\ufffd", 1]"#),
        (
            r#"["\ud83d\ude00", "\ude00\ud83d", "\ud83d\ud83d\ude00"]"#,
            r#"["\ud83d\ude00", "\ufffd\ufffd", "\ufffd\ud83d\ude00"]"#,
        ),
        (r#"["\\ud83d", "\\\ud83d", "\ud83d\n", "\uD83Dx"]"#, r#"["\\ud83d", "\\\ufffd", "\ufffd\n", "\ufffdx"]"#),
        ("NaN", "null"),
        ("-Infinity", "\"-inf\""),
        ("[Na, Infinit, -]", "[Na, Infinit, -]"),
        (r#"["\ud8"#, r#"["\ud8"#),
    ];

    #[test]
    fn the_output_of_python_becomes_json() {
        for (python, json) in CASES {
            assert_eq!(std::str::from_utf8(&to_json(python.as_bytes())).unwrap(), json);
        }
        assert!(matches!(to_json(b"[1, \"\\ufffd\", null]"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_result_does_not_depend_on_where_the_text_is_cut() {
        for (python, json) in CASES {
            for size in 1..=python.len() {
                let mut read = String::new();
                let pieces = io::BufReader::with_capacity(size, python.as_bytes());
                PythonReader::new(pieces).read_to_string(&mut read).unwrap();
                assert_eq!(read, json, "in pieces of {size}");
            }
        }
    }
}
