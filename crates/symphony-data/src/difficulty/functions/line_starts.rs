//! Counting the matches of a regular expression, fast where each begins a line.

use std::sync::OnceLock;

use regex::Regex;
use regex_automata::{
    Anchored, Input,
    dfa::{Automaton, StartKind, dense},
    util::{primitives::StateID, start},
};
use regex_syntax::hir::Look;

/// A regular expression whose matches are counted.
#[derive(Debug)]
pub(super) struct Matcher {
    regex: Regex,
    /// Where all matches begin a line and none is empty: an automaton that is run at the starts of lines alone, while a
    /// search would look at every byte between. Built at its first use, because a rule is compiled whenever a
    /// configuration is read.
    at_line_starts: OnceLock<Option<Box<AtLineStarts>>>,
}

/// An automaton for matches that begin a line.
#[derive(Debug)]
struct AtLineStarts {
    automaton: dense::DFA<Vec<u32>>,
    /// Its states before the first character of a text, and behind a line break.
    starts: [StateID; 2],
}

impl Matcher {
    pub(super) fn new(regex: Regex) -> Self {
        Self { regex, at_line_starts: OnceLock::new() }
    }

    fn at_line_starts(&self) -> Option<&AtLineStarts> {
        self.at_line_starts.get_or_init(|| AtLineStarts::of(self.regex.as_str()).map(Box::new)).as_deref()
    }

    /// How often it matches, without overlap.
    pub(super) fn count(&self, text: &str) -> i64 {
        self.at_line_starts()
            .and_then(|starts| starts.count(text))
            .unwrap_or_else(|| self.regex.find_iter(text).count() as i64)
    }
}

impl AtLineStarts {
    /// The largest automaton that is worth it, in bytes.
    const MAX_BYTES: usize = 1 << 20;

    fn of(regex: &str) -> Option<Self> {
        let syntax = regex_syntax::parse(regex).ok();
        let starts_lines = syntax.is_some_and(|syntax| {
            let found = syntax.properties();
            found.look_set_prefix().contains(Look::StartLF) && found.minimum_len().is_some_and(|length| length > 0)
        });
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(Self::MAX_BYTES))
            .determinize_size_limit(Some(Self::MAX_BYTES));
        if !starts_lines {
            return None;
        }
        let automaton = dense::Builder::new().configure(config).build(regex).ok()?;
        let start =
            |behind| automaton.start_state(&start::Config::new().anchored(Anchored::Yes).look_behind(behind)).ok();
        let starts = [start(None)?, start(Some(b'\n'))?];
        Some(Self { automaton, starts })
    }

    /// Whether a match may begin at the start of a line, as far as its first two bytes show: most lines end here.
    fn may_begin(&self, at: usize, text: &[u8]) -> bool {
        let mut state = self.starts[usize::from(at > 0)];
        text[at..].iter().take(2).all(|byte| {
            state = self.automaton.next_state(state, *byte);
            // No match has ended by then: none is empty, and the automaton reports one a byte late.
            !self.automaton.is_dead_state(state)
        })
    }

    /// `None` where the automaton gives up.
    fn count(&self, text: &str) -> Option<i64> {
        let mut count = 0;
        let mut start = 0;
        loop {
            if self.may_begin(start, text.as_bytes()) {
                let input = Input::new(text).range(start..).anchored(Anchored::Yes);
                if let Some(found) = self.automaton.try_search_fwd(&input).ok()? {
                    count += 1;
                    // The next match begins behind this one, which may end where a line begins.
                    start = found.offset() - 1;
                }
            }
            match memchr::memchr(b'\n', &text.as_bytes()[start..]) {
                Some(end) => start += end + 1,
                None => return Some(count),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_at_line_starts_are_those_that_a_search_finds() {
        let texts = [
            "",
            "1. one\n2) no\na) yes\nb. no\n10. ten",
            "\n\n1.\n",
            "12.34.\n5.",
            "a)b)\nc)",
            "x 1.\n 2.",
            "٣. Arabic\r\n4. five",
            "ab\nab\nab\n",
            "a\na\nb\nba\na",
            "1.1.1.",
        ];
        for (regex, fast) in [
            (r"(?m)^\d+\.|^[A-Za-z]\)", true),
            (r"(?m)^[a-z]+\n", true),
            (r"(?m)^a", true),
            (r"(?m)^ab?$", true),
            (r"(?m)^(?:ab|b)", true),
            (r"(?m)^\d+\.|x", false),
            (r"(?m)^", false),
            (r"^\d", false),
            (r"\d\.", false),
        ] {
            let matcher = Matcher::new(Regex::new(regex).unwrap());
            assert_eq!(matcher.at_line_starts().is_some(), fast, "{regex}");
            for text in texts {
                assert_eq!(matcher.count(text), matcher.regex.find_iter(text).count() as i64, "{regex} {text:?}");
            }
        }
    }
}
