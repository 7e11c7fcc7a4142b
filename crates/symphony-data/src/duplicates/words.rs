//! The words of a text.

/// The words of a text in lower case, joined by single blanks, so that several words in a row are one piece of it.
///
/// A word is a longest piece of letters and digits, as Unicode defines them. Everything else is between words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    bytes: Vec<u8>,
    /// Where each word begins.
    starts: Vec<u32>,
}

/// For each ASCII byte, the byte that a word has for it; 0 between words. For other bytes 1: they are part of a character
/// that has to be looked at.
const BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            letter @ (b'a'..=b'z' | b'0'..=b'9') => letter,
            letter @ b'A'..=b'Z' => letter + 32,
            128.. => NOT_ASCII,
            _ => 0,
        };
        byte += 1;
    }
    table
};
const NOT_ASCII: u8 = 1;

impl Words {
    /// The words of `text`.
    pub fn of(text: &str) -> Self {
        let mut words = Self::default();
        words.bytes.reserve(text.len());
        words.starts.reserve(text.len() / 5);
        words.read(text, |_| ());
        words
    }

    /// Adds the words of `text`, and tells where in it each begins. The end of `text` ends a word.
    pub(super) fn read(&mut self, text: &str, mut begins: impl FnMut(usize)) {
        let (source, mut at) = (text.as_bytes(), 0);
        let mut inside = false;
        while let Some(byte) = source.get(at) {
            let kept = BYTES[usize::from(*byte)];
            if kept > NOT_ASCII {
                if !inside {
                    inside = true;
                    self.begin();
                    begins(at);
                }
                self.bytes.push(kept);
                at += 1;
            } else if kept == 0 {
                inside = false;
                at += 1;
            } else {
                // `at` stands at the beginning of a character.
                let Some(character) = text[at..].chars().next() else { break };
                let is_word = character.is_alphanumeric();
                if is_word && !inside {
                    self.begin();
                    begins(at);
                }
                inside = is_word;
                if is_word {
                    let mut buffer = [0; 4];
                    for lower in character.to_lowercase() {
                        self.bytes.extend_from_slice(lower.encode_utf8(&mut buffer).as_bytes());
                    }
                }
                at += character.len_utf8();
            }
        }
    }

    fn begin(&mut self) {
        if !self.starts.is_empty() {
            self.bytes.push(b' ');
        }
        // A row is at most 64 MiB, and a block of other text 1 MiB.
        self.starts.push(self.bytes.len() as u32);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The words from `at` on, `n` of them, joined by blanks. There must be so many.
    pub fn piece(&self, at: usize, n: usize) -> &[u8] {
        &self.bytes[self.range(at, n)]
    }

    /// Where this piece lies in the text of all words.
    pub(super) fn range(&self, at: usize, n: usize) -> std::ops::Range<usize> {
        let end = self.starts.get(at + n).map_or(self.bytes.len(), |next| *next as usize - 1);
        self.starts[at] as usize..end
    }

    /// The text of all words.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets all words, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let words = Words::of(text);
        (0..words.len()).map(|at| String::from_utf8(words.piece(at, 1).to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_word_is_letters_and_digits_of_any_script_in_lower_case() {
        assert_eq!(words("  The cat's 3 hats,(HATS)\n"), ["the", "cat", "s", "3", "hats", "hats"]);
        assert_eq!(words("ÄRGER über-Straße Ωμέγα"), ["ärger", "über", "straße", "ωμέγα"]);
        assert_eq!(words("漢字 かな。한국어"), ["漢字", "かな", "한국어"]);
        assert_eq!(words("a\0b\u{1b}[2J\u{200b}c\u{feff}"), ["a", "b", "2j", "c"]);
        assert_eq!(words("1.50 x_y"), ["1", "50", "x", "y"]);
        assert!(words("").is_empty() && words(" ?!…🦀 \u{0}").is_empty());
    }

    #[test]
    fn several_words_in_a_row_are_one_piece() {
        let words = Words::of("One, TWO; three");
        assert_eq!(words.piece(0, 3), b"one two three");
        assert_eq!(words.piece(1, 2), b"two three");
        assert_eq!(words.piece(2, 1), b"three");
    }
}
