//! Pipelines over strings: up to two steps, then one result.

use super::pipeline::{Kind, Reducer, Step};
use super::value::{Value, random_phrase};

fn kept(s: &str, keep: impl Fn(char) -> bool) -> String {
    s.chars().filter(|&c| keep(c)).collect()
}

fn is_vowel(c: char) -> bool {
    matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u')
}

fn joined<S: AsRef<str>>(words: impl Iterator<Item = S>, between: &str) -> String {
    let mut out = String::new();
    for (n, word) in words.enumerate() {
        out.push_str(if n == 0 { "" } else { between });
        out.push_str(word.as_ref());
    }
    out
}

fn reversed(s: &str) -> String {
    s.chars().rev().collect()
}

fn unique(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        if !out.contains(c) {
            out.push(c);
        }
    }
    out
}

fn sorted(s: &str) -> String {
    let mut letters: Vec<char> = s.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

fn shifted(s: &str, k: i64) -> String {
    let shift = |c: char| if c.is_ascii_lowercase() { char::from(b'a' + (c as u8 - b'a' + k as u8) % 26) } else { c };
    s.chars().map(shift).collect()
}

const STEPS: &[Step<String>] = &[
    Step {
        name: "lowercase",
        k: (0, 0),
        doc: "turn all letters into lower case",
        code: "{v}.lower()",
        note: "Characters that are no letters stay as they are.",
        apply: |s, _| s.to_ascii_lowercase(),
    },
    Step {
        name: "uppercase",
        k: (0, 0),
        doc: "turn all letters into upper case",
        code: "{v}.upper()",
        note: "Digits and punctuation stay as they are.",
        apply: |s, _| s.to_ascii_uppercase(),
    },
    Step {
        name: "swapcase",
        k: (0, 0),
        doc: "swap upper and lower case",
        code: "{v}.swapcase()",
        note: "Every capital letter becomes a small one and every small letter a capital.",
        apply: |s, _| {
            s.chars()
                .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect()
        },
    },
    Step {
        name: "reversed",
        k: (0, 0),
        doc: "reverse the string",
        code: "{v}[::-1]",
        note: "The last character becomes the first one.",
        apply: |s, _| reversed(s),
    },
    Step {
        name: "without_vowels",
        k: (0, 0),
        doc: "remove all vowels",
        code: "''.join(c for c in {v} if c.lower() not in 'aeiou')",
        note: "The vowels are a, e, i, o and u, in upper and in lower case.",
        apply: |s, _| kept(s, |c| !is_vowel(c)),
    },
    Step {
        name: "vowels",
        k: (0, 0),
        doc: "keep only the vowels",
        code: "''.join(c for c in {v} if c.lower() in 'aeiou')",
        note: "The letter y does not count as a vowel.",
        apply: |s, _| kept(s, is_vowel),
    },
    Step {
        name: "compact",
        k: (0, 0),
        doc: "remove all spaces",
        code: "{v}.replace(' ', '')",
        note: "The words are then written as one.",
        apply: |s, _| s.replace(' ', ""),
    },
    Step {
        name: "letters",
        k: (0, 0),
        doc: "keep only the letters",
        code: "''.join(c for c in {v} if c.isalpha())",
        note: "Digits, spaces and punctuation are dropped.",
        apply: |s, _| kept(s, |c| c.is_ascii_alphabetic()),
    },
    Step {
        name: "without_digits",
        k: (0, 0),
        doc: "remove all digits",
        code: "''.join(c for c in {v} if not c.isdigit())",
        note: "A word that consists of digits only leaves nothing behind but the spaces around it.",
        apply: |s, _| kept(s, |c| !c.is_ascii_digit()),
    },
    Step {
        name: "distinct",
        k: (0, 0),
        doc: "remove repeated characters, keeping the first occurrence of each",
        code: "''.join(dict.fromkeys({v}))",
        note: "Upper and lower case count as different characters, and a space is a character too.",
        apply: |s, _| unique(s),
    },
    Step {
        name: "sorted",
        k: (0, 0),
        doc: "sort the characters",
        code: "''.join(sorted({v}))",
        note: "Characters are ordered as Python orders them: spaces, digits, capital letters, small letters.",
        apply: |s, _| sorted(s),
    },
    Step {
        name: "alternate",
        k: (0, 0),
        doc: "keep only every second character, starting with the first",
        code: "{v}[::2]",
        note: "These are the characters at the indices 0, 2, 4 and so on.",
        apply: |s, _| s.chars().step_by(2).collect(),
    },
    Step {
        name: "prefix",
        k: (3, 9),
        doc: "keep only the first {k} characters",
        code: "{v}[:{k}]",
        note: "A string that is no longer than {k} characters is kept as a whole.",
        apply: |s, k| s.chars().take(k as usize).collect(),
    },
    Step {
        name: "suffix",
        k: (1, 5),
        doc: "drop the first {k} of the characters",
        code: "{v}[{k}:]",
        note: "A string that is no longer than {k} characters becomes empty.",
        apply: |s, k| s.chars().skip(k as usize).collect(),
    },
    Step {
        name: "words_backwards",
        k: (0, 0),
        doc: "put the words in reverse order",
        code: "' '.join({v}.split()[::-1])",
        note: "Words are separated by spaces, and the words themselves are not changed.",
        apply: |s, _| joined(s.split(' ').filter(|w| !w.is_empty()).rev(), " "),
    },
    Step {
        name: "mirrored_words",
        k: (0, 0),
        doc: "reverse each word in its place",
        code: "' '.join(w[::-1] for w in {v}.split())",
        note: "The order of the words stays the same.",
        apply: |s, _| joined(s.split_ascii_whitespace().map(reversed), " "),
    },
    Step {
        name: "long_words",
        k: (2, 5),
        doc: "keep only the words with more than {k} characters",
        code: "' '.join(w for w in {v}.split() if len(w) > {k})",
        note: "Punctuation at the end of a word counts as part of it.",
        apply: |s, k| joined(s.split_ascii_whitespace().filter(|w| w.len() as i64 > k), " "),
    },
    Step {
        name: "short_words",
        k: (3, 6),
        doc: "keep only the words with at most {k} characters",
        code: "' '.join(w for w in {v}.split() if len(w) <= {k})",
        note: "The remaining words are separated by single spaces.",
        apply: |s, k| joined(s.split_ascii_whitespace().filter(|w| w.len() as i64 <= k), " "),
    },
    Step {
        name: "initials",
        k: (0, 0),
        doc: "keep only the first character of every word",
        code: "''.join(w[0] for w in {v}.split())",
        note: "The initials are written without spaces between them.",
        apply: |s, _| s.split_ascii_whitespace().filter_map(|w| w.chars().next()).collect(),
    },
    Step {
        name: "shifted",
        k: (1, 13),
        doc: "move every small letter {k} places forward in the alphabet, starting again with a after z",
        code: "''.join(chr((ord(c) - 97 + {k}) % 26 + 97) if 'a' <= c <= 'z' else c for c in {v})",
        note: "Capital letters and all other characters are not moved.",
        apply: |s, k| shifted(s, k),
    },
    Step {
        name: "hyphenated",
        k: (0, 0),
        doc: "replace every space by a hyphen",
        code: "{v}.replace(' ', '-')",
        note: "After that the string contains no spaces.",
        apply: |s, _| s.replace(' ', "-"),
    },
    Step {
        name: "stretched",
        k: (2, 3),
        doc: "write every character {k} times",
        code: "''.join(c * {k} for c in {v})",
        note: "Spaces are repeated as well.",
        apply: |s, k| s.chars().flat_map(|c| std::iter::repeat_n(c, k as usize)).collect(),
    },
];

const REDUCERS: &[Reducer<String>] = &[
    Reducer {
        name: "make",
        returns: "str",
        doc: "the resulting string",
        code: "{v}",
        note: "The result may be an empty string.",
        apply: |s| Value::Text(s.to_owned()),
    },
    Reducer {
        name: "format",
        returns: "str",
        doc: "the result between square brackets",
        code: "'[' + {v} + ']'",
        note: "The brackets are there even if nothing stands between them.",
        apply: |s| Value::Text(["[", s, "]"].concat()),
    },
    Reducer {
        name: "length",
        returns: "int",
        doc: "the length of the result",
        code: "len({v})",
        note: "The length of an empty string is 0.",
        apply: |s| Value::Int(s.len() as i64),
    },
    Reducer {
        name: "count_vowels",
        returns: "int",
        doc: "how many vowels it contains",
        code: "sum(c.lower() in 'aeiou' for c in {v})",
        note: "The letter y is not counted as a vowel here.",
        apply: |s| Value::Int(s.chars().filter(|&c| is_vowel(c)).count() as i64),
    },
    Reducer {
        name: "count_e",
        returns: "int",
        doc: "how often the small letter e occurs in it",
        code: "{v}.count('e')",
        note: "A capital E is not counted.",
        apply: |s| Value::Int(s.matches('e').count() as i64),
    },
    Reducer {
        name: "count_words",
        returns: "int",
        doc: "how many words it has",
        code: "len({v}.split())",
        note: "Words are separated by spaces; an empty string has no words.",
        apply: |s| Value::Int(s.split_ascii_whitespace().count() as i64),
    },
    Reducer {
        name: "count_capitals",
        returns: "int",
        doc: "the number of capital letters in it",
        code: "sum(c.isupper() for c in {v})",
        note: "Digits and punctuation are neither capital nor small.",
        apply: |s| Value::Int(s.chars().filter(char::is_ascii_uppercase).count() as i64),
    },
    Reducer {
        name: "different_characters",
        returns: "int",
        doc: "how many different characters it contains",
        code: "len(set({v}))",
        note: "A space counts as a character.",
        apply: |s| Value::Int(unique(s).len() as i64),
    },
    Reducer {
        name: "is_palindrome",
        returns: "bool",
        doc: "whether the result reads the same forwards and backwards",
        code: "{v} == {v}[::-1]",
        note: "An empty string reads the same in both directions.",
        apply: |s| Value::Bool(*s == reversed(s)),
    },
    Reducer {
        name: "starts_with_vowel",
        returns: "bool",
        doc: "whether it starts with a vowel",
        code: "{v}[:1].lower() in tuple('aeiou')",
        note: "An empty string does not start with a vowel.",
        apply: |s| Value::Bool(s.starts_with(is_vowel)),
    },
    Reducer {
        name: "has_digit",
        returns: "bool",
        doc: "whether at least one digit is left in it",
        code: "any(c.isdigit() for c in {v})",
        note: "For an empty string the answer is False.",
        apply: |s| Value::Bool(s.contains(|c: char| c.is_ascii_digit())),
    },
    Reducer {
        name: "longest_word",
        returns: "str",
        doc: "its longest word, or an empty string if it has no words",
        code: "max({v}.split(), key=len, default='')",
        note: "Of several words of the same length the first one is returned.",
        apply: |s| {
            Value::Text(
                s.split_ascii_whitespace().fold("", |best, w| if w.len() > best.len() { w } else { best }).to_owned(),
            )
        },
    },
    Reducer {
        name: "words",
        returns: "List[str]",
        doc: "the list of its words",
        code: "{v}.split()",
        note: "For an empty string this is an empty list.",
        apply: |s| Value::Texts(s.split_ascii_whitespace().map(str::to_owned).collect()),
    },
    Reducer {
        name: "sorted_words",
        returns: "List[str]",
        doc: "its words in a sorted list",
        code: "sorted({v}.split())",
        note: "Capital letters come before small letters, as Python sorts them.",
        apply: |s| {
            let mut words: Vec<String> = s.split_ascii_whitespace().map(str::to_owned).collect();
            words.sort();
            Value::Texts(words)
        },
    },
    Reducer {
        name: "word_lengths",
        returns: "List[int]",
        doc: "a list of the lengths of its words",
        code: "[len(w) for w in {v}.split()]",
        note: "The lengths are in the order of the words.",
        apply: |s| Value::Ints(s.split_ascii_whitespace().map(|w| w.len() as i64).collect()),
    },
];

const OPENINGS: &[&str] = &[
    "Given a string,",
    "Take a string,",
    "You are given a string. First",
    "In the given string,",
    "For a string of words,",
    "Starting from a string,",
];
const PARAMETERS: &[&str] = &["text", "s", "string", "phrase", "sentence", "message", "line", "title"];
const CONTEXTS: &[&str] = &[
    "The function is part of a small search engine that has to bring titles into a common form before it compares them.",
    "It is used in a word game, where the players type in short phrases and the program has to react at once.",
    "The strings are labels that people wrote by hand, so they mix capital letters, digits and punctuation without any order.",
    "The editor of a crossword magazine wants to check many phrases in this way, most of them only a few words long.",
    "A chat program needs this function for the names of its rooms, which are chosen freely by the people who open them.",
    "In a class about the history of secret writing, the students are asked to write this as a first small exercise.",
];
const GENERAL: &[&str] = &[
    "The string may be empty.",
    "You may assume that the string contains only ASCII characters.",
    "There are no leading or trailing spaces, and words are separated by exactly one space.",
    "The steps have to be carried out in the order in which they are named, each on the result of the one before.",
    "The function must not print anything and must not depend on any module.",
];

/// Pipelines over strings.
pub(super) static STRINGS: Kind<String> = Kind {
    python: "str",
    steps: STEPS,
    reducers: REDUCERS,
    max_steps: 2,
    openings: OPENINGS,
    parameters: PARAMETERS,
    contexts: CONTEXTS,
    general: GENERAL,
    random: random_phrase,
    wrap: Value::Text,
    unwrap: |value| value.text().to_owned(),
};
