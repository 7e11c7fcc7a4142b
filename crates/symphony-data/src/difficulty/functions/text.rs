//! The length of a text: `chars`, `words`, `lines`, `mean_words`.

use serde::Serialize;
use serde_json::Value;

use super::{
    Entry, FeatureFunction,
    arguments::{Arguments, form},
    entry,
};
use crate::{
    difficulty::{
        Cell,
        kernel::{Kernel, Scope},
    },
    row::{kind_of, strings_of},
    yaml::Refusal,
};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[entry::<Chars>(), entry::<Words>(), entry::<Lines>(), entry::<MeanWords>()];

/// `{chars: FIELD}`: the Unicode code points of a string.
#[derive(Clone, Debug, Serialize)]
struct Chars(String);

impl FeatureFunction for Chars {
    const NAME: &str = "chars";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        arguments.path().map(Self)
    }

    fn schema() -> Value {
        form::path()
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.0);
        Ok(Kernel::new(move |row, _| {
            let text = row.text(field)?;
            let chars = if row.is_ascii(field) { text.len() } else { text.chars().count() };
            Ok(Cell::Int(chars as i64))
        }))
    }
}

/// `{words: FIELD}`: the whitespace-separated words of a string, as Python's `str.split()` counts them.
#[derive(Clone, Debug, Serialize)]
struct Words(String);

impl FeatureFunction for Words {
    const NAME: &str = "words";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        arguments.path().map(Self)
    }

    fn schema() -> Value {
        form::path()
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.0);
        Ok(Kernel::new(move |row, _| Ok(Cell::Int(words(row.text(field)?, row.is_ascii(field))))))
    }
}

/// `{lines: FIELD}`: the lines of a string without the whitespace around it; 0 if nothing is left.
#[derive(Clone, Debug, Serialize)]
struct Lines(String);

impl FeatureFunction for Lines {
    const NAME: &str = "lines";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        arguments.path().map(Self)
    }

    fn schema() -> Value {
        form::path()
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.0);
        Ok(Kernel::new(move |row, _| Ok(Cell::Int(lines(row.text(field)?)))))
    }
}

/// `{mean_words: FIELD}`: the mean number of words of the non-empty strings of an array or object; 0 if there are none.
#[derive(Clone, Debug, Serialize)]
struct MeanWords(String);

impl FeatureFunction for MeanWords {
    const NAME: &str = "mean_words";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        arguments.path().map(Self)
    }

    fn schema() -> Value {
        form::path()
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.0);
        Ok(Kernel::new(move |row, _| {
            let json = row.json(field)?;
            let strings = strings_of(json)
                .ok_or_else(|| row.fault(field, format!("expected a list or an object, found {}", kind_of(json))))?;
            let counts: Vec<i64> = strings.iter().filter(|s| !s.is_empty()).map(|s| words(s, false)).collect();
            let mean = counts.iter().sum::<i64>() as f64 / counts.len() as f64;
            Ok(Cell::Float(if counts.is_empty() { 0.0 } else { mean }))
        }))
    }
}

/// Whitespace-separated words of a text, which may be known to be ASCII.
fn words(text: &str, is_ascii: bool) -> i64 {
    if !is_ascii && has_wide_space(text) {
        let mut after_space = true;
        let starts = text.chars().filter(|c| {
            let space = is_space(*c);
            std::mem::replace(&mut after_space, space) && !space
        });
        return starts.count() as i64;
    }
    // A word begins at each byte that is not a space, after one that is. Counted without a branch, 64 bytes at a time, which
    // the compiler makes into vector instructions.
    let space = |byte: u8| matches!(byte, b'\t'..=b'\r' | 0x1c..=b' ');
    let bytes = text.as_bytes();
    let Some((&first, rest)) = bytes.split_first() else { return 0 };
    let count = |(before, at): (&[u8], &[u8])| {
        let starts = before.iter().zip(at).map(|(before, at)| u8::from(space(*before) & !space(*at)));
        i64::from(starts.sum::<u8>())
    };
    i64::from(!space(first)) + bytes.chunks(64).zip(rest.chunks(64)).map(count).sum::<i64>()
}

/// Whether a text has a space beyond ASCII. All of these begin with one of four bytes, which few texts have.
fn has_wide_space(text: &str) -> bool {
    let is_space = |at: usize| text[at..].starts_with(is_space);
    memchr::memchr3_iter(0xe1, 0xe2, 0xe3, text.as_bytes()).any(is_space)
        || memchr::memchr_iter(0xc2, text.as_bytes()).any(is_space)
}

/// Lines of the text without the whitespace around it.
fn lines(text: &str) -> i64 {
    let text = text.trim_matches(is_space);
    if text.is_empty() { 0 } else { memchr::memchr_iter(b'\n', text.as_bytes()).count() as i64 + 1 }
}

/// Whether Python's `str.split()` splits here: at Unicode whitespace, and at the separators U+001C to U+001F.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_where_python_splits() {
        assert_eq!(words("a  b\tc\nd", false), 4);
        assert_eq!(words("a\u{1c}b\u{1f}c", false), 3);
        assert_eq!(words("é\u{a0}b\u{3000}c\u{85}d", false), 4);
        assert_eq!(words("zero\u{200b}width is no space", false), 4);
        assert_eq!(words(" \n ", false), 0);
        assert_eq!(words("", false), 0);
        assert_eq!(words("“é”—x ’a’ €5", false), 3);
        for n in [1, 63, 64, 65, 127, 128, 129, 1000] {
            assert_eq!(words(&" a".repeat(n), false), n as i64);
            assert_eq!(words(&"a ".repeat(n), false), n as i64);
            assert_eq!(words(&"a".repeat(n), false), 1);
        }
    }

    #[test]
    fn every_space_of_unicode_separates_words() {
        for c in ('\0'..=char::MAX).filter(|c| is_space(*c)) {
            assert_eq!(words(&format!("é{c}b"), false), 2, "{c:?}");
            assert_eq!(words(&format!("{c}a{c}{c}"), false), 1, "{c:?}");
        }
        for c in ('\0'..=char::MAX).filter(|c| !is_space(*c)) {
            assert_eq!(words(&format!("a{c}b"), false), 1, "{c:?}");
        }
    }

    #[test]
    fn lines_ignore_whitespace_around_the_text() {
        assert_eq!(lines("\n one\ntwo\n\n"), 2);
        assert_eq!(lines("one\n\nthree"), 3);
        assert_eq!(lines(" \n"), 0);
    }
}
