//! Stands in for the MedQA questions: vignettes whose answer is a computation, with four options of which one is right.
//!
//! A calculation states what it needs and gives the right value and the values that typical mistakes lead to; the
//! vignette around it comes from `vignette`, and the options are put into words here.

mod calculations;
mod studies;
mod vignette;

use super::Generator;
use super::prng::Rng;
use super::text::json_string;
use vignette::Subject;

pub(super) struct MedicalQa;

/// Words per question, by percentile.
const QUESTION_WORDS: [i64; 13] = [30, 53, 64, 79, 92, 104, 114, 127, 141, 156, 178, 200, 300];
/// Mean words per option in quarters of a word, by percentile.
const OPTION_QUARTERS: [i64; 13] = [4, 4, 5, 7, 8, 9, 10, 12, 15, 19, 26, 37, 70];
/// Chances in percent of no keyword of the difficulty rule, one, two, and three.
const KEYWORDS_PERCENT: [usize; 4] = [20, 55, 22, 3];
const LETTERS: [&str; 4] = ["A", "B", "C", "D"];

/// The meaning of a range of values: its upper end, a label, and the end of the sentence "The value …".
type Class = (f64, &'static str, &'static str);

/// A computation to be asked for.
struct Case {
    /// Sentences that state what is needed.
    facts: Vec<String>,
    /// What is asked for: "anion gap", "number needed to treat".
    quantity: &'static str,
    unit: &'static str,
    decimals: usize,
    right: f64,
    /// The values that typical mistakes lead to.
    wrong: [f64; 3],
    /// From low to high; the last one has no upper end.
    classes: [Class; 4],
    /// Whether the case is about one person (and not about a study).
    personal: bool,
    /// Which parts of a vignette would contradict or repeat the facts.
    taken: &'static [&'static str],
}

impl Case {
    fn show(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }

    fn class(&self, value: f64) -> Class {
        // Compared as shown, so that the label fits the number that is read.
        let shown: f64 = self.show(value).parse().unwrap_or(value);
        *self.classes.iter().find(|class| shown < class.0).unwrap_or(&self.classes[3])
    }

    /// The four values, the right one first, no two of them close to each other.
    fn values(&self) -> [f64; 4] {
        let step = if self.decimals == 0 { 1.0 } else { 0.1 };
        let apart = (self.right.abs() * 0.06).max(2.0 * step);
        let mut values = [self.right; 4];
        for n in 0..3 {
            let mut value = self.wrong[n];
            let mut tries = 0;
            // A mistake that leads to an impossible value, or to one near another option, is replaced by some other
            // value.
            let unfit = |value: f64| {
                value < 0.0
                    || (self.unit == "%" && value > 100.0)
                    || values[..=n].iter().any(|other| (other - value).abs() < apart)
            };
            while tries < 40 && unfit(value) {
                tries += 1;
                let away = apart * f64::from(tries) * 0.9;
                value = if tries % 2 == 1 { self.right + away } else { self.right - away };
            }
            values[n + 1] = value;
        }
        values
    }
}

/// How the options are put into words, from the shortest to the longest.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    Number,
    Label,
    Unit,
    /// With the label, but only at the lowest and the highest class, as laboratories flag their values.
    Flagged,
    About,
    Labelled,
    Which,
    Means,
    Sentence,
    Advice,
}

impl Case {
    /// The style whose options have about that many quarters of a word.
    fn style(&self, quarters: i64) -> Style {
        let mean = |text: fn(&Class) -> &'static str| {
            self.classes.iter().map(|class| quarter_words(text(class))).sum::<i64>() / 4
        };
        let (label, means) = (mean(|class| class.1), mean(|class| class.2));
        let amount = if matches!(self.unit, "" | "%") { 4 } else { 4 + quarter_words(self.unit) };
        let sentence = quarter_words(self.quantity) + amount + means;
        let lengths = [
            (Style::Number, 4),
            (Style::Label, label),
            (Style::Unit, amount),
            (Style::Flagged, amount + label / 4),
            (Style::About, amount + 4),
            (Style::Labelled, amount + label),
            (Style::Which, amount + 12 + label),
            (Style::Means, amount + 4 + means),
            (Style::Sentence, sentence + 20),
            (Style::Advice, sentence + 20 + 40),
        ];
        lengths.iter().min_by_key(|(_, length)| (length - quarters).abs()).map_or(Style::Unit, |(style, _)| *style)
    }
}

fn quarter_words(text: &str) -> i64 {
    4 * spaced_words(text)
}

/// Words of a text in which single spaces separate them.
fn spaced_words(text: &str) -> i64 {
    1 + text.bytes().filter(|&b| b == b' ').count() as i64
}

impl Case {
    fn option(&self, style: Style, value: f64) -> String {
        let (_, label, means) = self.class(value);
        let number = self.show(value);
        // A percent sign is written without a space.
        let amount = match self.unit {
            "" => number.clone(),
            "%" => number.clone() + "%",
            unit => format!("{number} {unit}"),
        };
        match style {
            Style::Number => {
                if self.unit == "%" {
                    amount
                } else {
                    number
                }
            }
            Style::Label => capitalized(label),
            Style::Flagged if label == self.classes[0].1 || label == self.classes[3].1 => format!("{amount} ({label})"),
            Style::Unit | Style::Flagged => amount,
            Style::About => format!("About {amount}"),
            Style::Labelled => format!("{amount} ({label})"),
            Style::Which => format!("{amount}, which counts as {label}"),
            Style::Means => format!("{amount}, which {means}"),
            Style::Sentence => format!("The {} is about {amount}, and this {means}", self.quantity),
            Style::Advice => format!(
                "The {} is about {amount}; this {means} and should be compared with earlier values before anything is changed",
                self.quantity
            ),
        }
    }

    /// The options in order, and the place of the right one.
    fn options(&self, rng: &mut Rng, style: Style) -> ([String; 4], usize) {
        let (texts, right) = if style == Style::Label {
            (self.classes.map(|(_, label, _)| capitalized(label)), self.option(style, self.right))
        } else {
            let mut values = self.values();
            if rng.chance(60) {
                values.sort_by(f64::total_cmp);
            } else {
                rng.shuffle(&mut values);
            }
            (values.map(|value| self.option(style, value)), self.option(style, self.right))
        };
        let place = texts.iter().position(|text| *text == right).unwrap_or(0);
        (texts, place)
    }
}

fn capitalized(text: &str) -> String {
    let mut out = text.to_owned();
    super::text::capitalize_at(&mut out, 0);
    out
}

/// Whether a word ends a phrase, because it stands between the terms of a sentence.
fn is_stop_word(word: &str) -> bool {
    matches!(
        word,
        "a" | "an"
            | "the"
            | "of"
            | "and"
            | "or"
            | "is"
            | "are"
            | "was"
            | "were"
            | "has"
            | "had"
            | "have"
            | "to"
            | "in"
            | "on"
            | "at"
            | "by"
            | "for"
            | "with"
            | "which"
            | "that"
            | "this"
            | "he"
            | "she"
            | "his"
            | "her"
            | "it"
            | "its"
            | "because"
            | "from"
            | "as"
            | "be"
            | "been"
            | "but"
            | "not"
            | "no"
            | "there"
            | "who"
            | "when"
            | "after"
            | "closest"
            | "them"
            | "him"
            | "A"
            | "An"
            | "The"
            | "Of"
            | "Which"
            | "What"
            | "He"
            | "She"
            | "His"
            | "Her"
            | "There"
            | "No"
            | "For"
            | "On"
            | "With"
            | "How"
            | "In"
            | "At"
            | "After"
            | "Their"
            | "they"
            | "does"
            | "do"
            | "one"
            | "comes"
    )
}

/// Appends the terms of a question as a JSON list: runs of up to three words between stop words and punctuation.
fn push_phrases(out: &mut String, question: &str) {
    out.push('[');
    let (mut first, mut start, mut words, mut end) = (true, 0, 0, 0);
    let mut flush = |out: &mut String, start: usize, end: usize| {
        if end > start {
            if !first {
                out.push_str(", ");
            }
            first = false;
            json_string(out, |out| out.push_str(&question[start..end]));
        }
    };
    let mut at = 0;
    for word in question.split([' ', '\n']) {
        let bare = word.trim_end_matches(['.', ',', ';', ':', '?', ')']).trim_start_matches('(');
        let begin = at + word.len() - word.trim_start_matches('(').len();
        at += word.len() + 1;
        if bare.is_empty() || is_stop_word(bare) {
            flush(out, start, if words > 0 { end } else { start });
            words = 0;
            continue;
        }
        if words == 0 || words == 3 {
            flush(out, start, if words > 0 { end } else { start });
            (start, words) = (begin, 0);
        }
        words += 1;
        end = begin + bare.len();
        if bare.len() < word.len() {
            flush(out, start, end);
            words = 0;
        }
    }
    flush(out, start, if words > 0 { end } else { start });
    out.push(']');
}

impl Generator for MedicalQa {
    fn name(&self) -> &'static str {
        "medical_qa"
    }

    fn real_rows(&self) -> u64 {
        1273
    }

    fn configs(&self) -> &'static [&'static str] {
        &[]
    }

    fn write_row(&self, _config: &str, seed: u64, i: u64, out: &mut String) {
        let mut rng = Rng::for_row("medical_qa", seed, i);
        let subject = Subject::draw(&mut rng);
        let families = calculations::ALL.len() + studies::ALL.len();
        let family = rng.below(families);
        let case = match calculations::ALL.get(family) {
            Some(calculation) => calculation(&mut rng, &subject),
            None => studies::ALL[family - calculations::ALL.len()](&mut rng),
        };
        let style = case.style(rng.quantile(&OPTION_QUARTERS));
        let words = rng.quantile(&QUESTION_WORDS);
        let mut u = rng.below(100);
        let mut keywords = 0;
        while keywords < 3 && u >= KEYWORDS_PERCENT[keywords] {
            u -= KEYWORDS_PERCENT[keywords];
            keywords += 1;
        }

        let mut question = String::with_capacity(1500);
        vignette::write(&mut rng, &mut question, &case, &subject, words, keywords);
        vignette::ask(&mut rng, &mut question, &case, style == Style::Label, style == Style::Number, keywords);
        let (options, right) = case.options(&mut rng, style);

        out.push_str("{\"question\": ");
        json_string(out, |out| out.push_str(&question));
        out.push_str(", \"answer\": ");
        json_string(out, |out| out.push_str(&options[right]));
        out.push_str(", \"options\": {");
        for (n, (letter, option)) in LETTERS.iter().zip(&options).enumerate() {
            for part in [if n == 0 { "\"" } else { ", \"" }, letter, "\": "] {
                out.push_str(part);
            }
            json_string(out, |out| out.push_str(option));
        }
        out.push_str("}, \"meta_info\": \"");
        out.push_str(if rng.chance(53) { "step1" } else { "step2&3" });
        out.push_str("\", \"answer_idx\": \"");
        out.push_str(LETTERS[right]);
        out.push_str("\", \"metamap_phrases\": ");
        push_phrases(out, &question);
        out.push('}');
    }
}
