//! Finds the question in a prompt.
//!
//! Some forms hold what the model was asked: instructions, worked examples, labels and the question, which comes last. Every
//! part of the prompt that may be that question is compared with the benchmark's rows as a whole, so that nothing is mapped
//! by a resemblance, and no worked example is taken for the question.

use super::{
    catalogue::Catalogue,
    locate::{Located, locate_text},
    sink::Fault,
};

/// The most characters of a label before a question, such as `Question`.
const LABEL_CHARS: usize = 20;
/// The fewest characters of a part that counts as a question: a shorter one may be the end of another question.
const FEWEST_CHARS: usize = 20;
/// The most beginnings that are tried, from the last on.
const MOST_STARTS: usize = 64;

/// The rows whose question a prompt asks. The prompt as a whole counts first, then its parts. `task` is as for [`locate_text`].
pub(super) fn locate_prompt(prompt: &str, task: &str, catalogue: &mut Catalogue<'_>) -> Result<Located, Fault> {
    let whole = locate_text(prompt, task, catalogue)?;
    if !matches!(whole, Located::Nowhere) {
        return Ok(whole);
    }
    let mut found: Option<(String, Vec<u32>)> = None;
    for question in questions(prompt) {
        match locate_text(question, task, catalogue)? {
            Located::Nowhere => {}
            Located::Rows(benchmark, rows)
                if found.as_ref().is_none_or(|known| *known == (benchmark.clone(), rows.clone())) =>
            {
                found = Some((benchmark, rows));
            }
            _ => return Ok(Located::Several),
        }
    }
    Ok(found.map_or(Located::Nowhere, |(benchmark, rows)| Located::Rows(benchmark, rows)))
}

/// The parts of a prompt that may be its question. Each ends where the prompt does, but for a last line such as `Answer:`
/// and the lettered options before it; so a worked example, whose answer follows it, does not count. Each begins with a
/// paragraph or behind a label such as `Question:`.
fn questions(prompt: &str) -> Vec<&str> {
    let mut ends = vec![prompt];
    if let Some((before, last)) = prompt.trim_end().rsplit_once('\n')
        && last.ends_with(':')
    {
        ends.push(before);
    }
    let without_options: Vec<&str> = ends.iter().filter_map(|text| before_options(text)).collect();
    ends.extend(without_options);
    let mut found = Vec::new();
    for text in ends {
        for start in starts(text) {
            let whole = text[start..].trim_start();
            // The text of a row may itself end in blanks or line ends.
            for question in [whole.trim_end(), whole.trim_end_matches('\n'), whole] {
                if question.chars().nth(FEWEST_CHARS - 1).is_some() && !found.contains(&question) {
                    found.push(question);
                }
            }
        }
    }
    found
}

/// The text before the options at its end, whose letters run from A without a gap; `None` if it ends in no such options.
fn before_options(text: &str) -> Option<&str> {
    let letter = |line: &str| {
        let mut chars = line.trim_start().trim_start_matches('(').chars();
        let (letter, mark, blank) = (chars.next()?, chars.next()?, chars.next()?);
        (letter.is_ascii_uppercase() && ").:".contains(mark) && blank == ' ').then_some(letter as u8)
    };
    let (mut rest, mut expected) = (text, None);
    loop {
        let (before, line) = rest.trim_end().rsplit_once('\n')?;
        let letter = letter(line)?;
        if expected.is_some_and(|expected| letter != expected) {
            return None;
        }
        rest = before;
        if letter == b'A' {
            return expected.map(|_| rest);
        }
        expected = Some(letter - 1);
    }
}

/// Where a question may begin in a text: with the text, with a paragraph, or behind a label.
fn starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let (mut at, mut after_blank) = (0, true);
    for line in text.split_inclusive('\n') {
        if after_blank {
            starts.push(at);
        }
        if let Some((label, _)) = line.split_once(": ")
            && label.chars().count() <= LABEL_CHARS
            && label.starts_with(char::is_alphabetic)
            && label.chars().all(|c| c.is_alphanumeric() || c == ' ')
        {
            starts.push(at + label.len() + 2);
        }
        after_blank = line.trim().is_empty();
        at += line.len();
    }
    starts.split_off(starts.len().saturating_sub(MOST_STARTS))
}

/// The last text of a list as Python or JSON writes it (`['…', "…"]`); `None` if this is not such a list.
pub(super) fn last_of_list(text: &str) -> Option<String> {
    if let Ok(list) = serde_json::from_str::<Vec<String>>(text) {
        return list.into_iter().next_back();
    }
    let mut rest = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut last = None;
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (item, behind) = unquoted(&rest[1..], quote)?;
        last = Some(item);
        rest = behind.trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
        }
    }
    last
}

/// The text up to the closing quote with its escapes resolved, and what stands behind the quote.
fn unquoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some((out, &text[at + 1..]));
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let (at, escaped) = chars.next()?;
        let resolved = match escaped {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            '\\' | '\'' | '"' => &text[at..=at],
            'x' | 'u' | 'U' => {
                let n = match escaped {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits =
                    text.get(at + 1..at + 1 + n).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
                let code = u32::from_str_radix(digits, 16).ok()?;
                out.push(char::from_u32(code)?);
                chars.nth(n - 1)?;
                ""
            }
            _ => return None,
        };
        out.push_str(resolved);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "Ada has 3 boxes of 4 pens. How many pens has she?";

    #[test]
    fn the_question_is_what_comes_last() {
        let is_asked = |prompt: &str| questions(prompt).contains(&ASKED);
        for prompt in [
            ASKED.to_owned(),
            format!("Question: {ASKED}\nAnswer:"),
            format!("Solve this.\n\n{ASKED}\n"),
            format!("Q: Bob has 2 boxes of 9 pens. How many?\nA: 18\n\nQ: {ASKED}\nA:"),
            format!("{ASKED}\nA) 7\nB) 12\nC) 1\nPrint only a single choice without explanation. Answer:"),
            format!("Choose.\n\nQuestion: {ASKED}\n(A) 7\n(B) 12"),
        ] {
            assert!(is_asked(&prompt), "{prompt}: {:?}", questions(&prompt));
            // A question that ends in blanks is found with them.
            let blank = prompt.replace(ASKED, &format!("{ASKED} "));
            assert!(questions(&blank).contains(&&*format!("{ASKED} ")), "{blank}: {:?}", questions(&blank));
        }
        for prompt in [
            // An example, and a part of a question.
            format!("Q: {ASKED}\nA: 12\n\nQ: Bob has 2 boxes of 9 pens. How many?\nA:"),
            format!("{ASKED}\n12\n\nBob has 2 boxes of 9 pens. How many has he?"),
            format!("{ASKED} And how many has Bob?"),
            format!("On Monday {ASKED}"),
            format!("{ASKED}\nBob has twice as many."),
            // Options with a gap, or one alone.
            format!("{ASKED}\nA) 7\nC) 1"),
            format!("{ASKED}\nA) 7"),
        ] {
            assert!(!is_asked(&prompt), "{prompt}: {:?}", questions(&prompt));
        }
        assert!(questions("Answer:").is_empty() && questions("").is_empty() && questions("\n:\n:").is_empty());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_text_causes_a_panic(text in "[\\[\\]'\"\\\\nxuU0-9a-fAB):. \n\u{e9}\u{1f600},]{0,80}") {
            questions(&text);
            last_of_list(&text);
            last_of_list(&format!("['{text}']"));
        }
    }

    #[test]
    fn lists_are_read_as_python_writes_them() {
        let last = |text: &str| last_of_list(text);
        assert_eq!(last(r#"['a', "it's", 'say "x"\n\\ \xe9\u00e9\U0001f600']"#).unwrap(), "say \"x\"\n\\ éé😀");
        assert_eq!(last(r#"["it's"]"#).unwrap(), "it's");
        assert_eq!(last(r#"["a", "\ud83d\ude00"]"#).unwrap(), "😀");
        for other in [
            "",
            "[]",
            "[",
            "['a'",
            "['a' 'b']",
            "['a\\']",
            "[1, 2]",
            "['\\x4']",
            "['\\uzzzz']",
            "a ['b'] c",
            "['é\\U1']",
            "['\\x+1']",
        ] {
            assert!(last(other).is_none(), "{other}");
        }
    }
}
