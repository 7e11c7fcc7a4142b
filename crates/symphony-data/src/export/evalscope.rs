//! EvalScope: a data collection, which is one file of entries. Each entry names the adapter of EvalScope that grades it.
//!
//! The grade of a benchmark decides the adapter, never its name. EvalScope has no adapters of its own for plain numbers,
//! choices and texts, but some of its benchmarks grade them as they should be: they are named here for how they find an
//! answer in a reply. What they would ask is not used.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{About, ExportError, Place, Sample, Writer, readme::Readme};
use crate::{
    disk::NewFile,
    prompt::{Asked, AskedCode, Choice, Grade, Prompt},
};

/// The version that the export was tested with.
const TESTED: &str = "1.14.1";
/// The name is EvalScope's.
const FILE: &str = "test.jsonl";
const README: &str = include_str!("templates/evalscope.md");

/// Writes `test.jsonl`.
pub(super) struct EvalScope {
    name: String,
    entries: NewFile,
    /// How many tasks there are.
    tasks: u64,
    /// How many are written.
    written: u64,
    has_code: bool,
    /// The texts that end an answer, of any benchmark.
    stops: Vec<String>,
}

/// An adapter of EvalScope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adapter {
    /// Reads a number: in `\boxed{}`, else the last one.
    Number,
    /// Reads a capital letter, in brackets or not: behind the last `ANSWER:`, else the last one.
    Letter,
    /// Reads words behind the last `ANSWER:`, else the whole reply. Case, punctuation and articles do not count.
    Words,
    /// Reads a text behind the last `ANSWER:`. Case and asterisks around it do not count.
    Text,
    /// Runs the tests behind the first block of code.
    Code,
}

impl Adapter {
    /// The benchmark of EvalScope that has it.
    fn name(self) -> &'static str {
        match self {
            Self::Number => "gsm8k",
            Self::Letter => "med_mcqa",
            Self::Words => "trivia_qa",
            Self::Text => "real_world_qa",
            Self::Code => "humaneval",
        }
    }
}

/// How EvalScope grades one task.
#[derive(Debug, PartialEq)]
struct Graded {
    adapter: Adapter,
    /// What counts as right: one text, or a list of several.
    target: Value,
    /// The choices A, B, C, …, for an adapter that reads letters.
    choices: Option<Vec<String>>,
}

impl EvalScope {
    pub fn new(name: &str, place: &mut Place<'_>) -> Result<Self, ExportError> {
        let entries = place.create(FILE)?;
        Ok(Self { name: name.to_owned(), entries, tasks: 0, written: 0, has_code: false, stops: Vec::new() })
    }
}

impl Writer for EvalScope {
    fn looks(&self) -> bool {
        true
    }

    fn look(&mut self, _: &Sample<'_>) -> Result<(), ExportError> {
        self.tasks += 1;
        Ok(())
    }

    fn take(&mut self, sample: &Sample<'_>, _: &mut Place<'_>) -> Result<(), ExportError> {
        let (prompt, asked) = sample.question()?;
        let task = &sample.task;
        let graded = graded(prompt, asked).ok_or_else(|| ExportError::Labels {
            benchmark: task.benchmark.to_owned(),
            labels: asked.choices.iter().map(|choice| choice.label.clone()).collect(),
        })?;
        for stop in &prompt.stop {
            if !self.stops.contains(stop) {
                self.stops.push(stop.clone());
            }
        }
        let mut metadata = json!({"symphony": sample.ids()});
        if let Some(code) = &asked.code {
            self.has_code = true;
            metadata["task_id"] = json!(task.task_id);
            metadata["entry_point"] = json!(code.entry_point);
            metadata["prompt"] = json!(before(&code.given));
            metadata["test"] = json!(tests(code));
        }
        let input = asked.input.clone() + addition(prompt, &graded, &asked.input);
        let mut question = json!({
            "input": [{"role": "user", "content": input}],
            "target": graded.target,
        });
        if let Some(choices) = &graded.choices {
            question["choices"] = json!(choices);
        }
        let entry = json!({
            "tags": [task.difficulty_bin, task.benchmark, self.name],
            "categories": [task.benchmark, task.difficulty_bin],
            "task_type": prompt.grade.name(),
            "weight": 1.0 / self.tasks as f64,
            "dataset_name": graded.adapter.name(),
            "subset_name": task.difficulty_bin,
        });
        // The row goes in as it is, so that its numbers keep their digits.
        let [question, metadata, entry] = [question, metadata, entry].map(|value| value.to_string());
        let open = |text: &str| text.strip_suffix('}').unwrap_or(text).to_owned();
        let line = format!(
            "{{\"index\":{},\"prompt\":{},\"metadata\":{},\"row\":{}}}}},{}\n",
            self.written,
            open(&question),
            open(&metadata),
            sample.row(),
            entry.strip_prefix('{').unwrap_or(&entry),
        );
        self.written += 1;
        Ok(self.entries.put(line.as_bytes())?)
    }

    fn finish(self: Box<Self>, about: &About<'_>, place: &mut Place<'_>) -> Result<String, ExportError> {
        place.add(FILE, self.entries)?;
        let stops = if self.stops.is_empty() { String::new() } else { json!(self.stops).to_string() };
        let readme = Readme {
            harness: "EvalScope",
            template: README,
            values: &[
                ("name", about.name),
                ("version", TESTED),
                ("code", if self.has_code { "yes" } else { "" }),
                ("stops", &stops),
            ],
            logs: "out",
            tested: &format!("EvalScope {TESTED}"),
            oldest: None,
        };
        let (text, command) = readme.of(about);
        place.text("README.md", &text)?;
        Ok(command)
    }
}

/// How a task is graded; `None` for choices that no adapter tells apart.
fn graded(prompt: &Prompt, asked: &Asked) -> Option<Graded> {
    let target = asked.target.as_str();
    let one = |adapter, target: &str| Graded { adapter, target: json!(target), choices: None };
    Some(match prompt.grade {
        Grade::Number => one(Adapter::Number, target),
        Grade::Code(_) => one(Adapter::Code, target),
        Grade::Choice => return choice(target, &asked.choices),
        Grade::Exact => {
            let bare = bare(target);
            match letter(bare) {
                Some(_) => Graded { choices: Some(letters(26)), ..one(Adapter::Letter, bare) },
                None if are_words(bare) => one(Adapter::Words, bare),
                None => one(Adapter::Text, target.trim_matches(|c: char| c.is_whitespace() || c == '*')),
            }
        }
    })
}

/// The label of a choice. Capital letters have an adapter; words and numbers are read as words, alone or before the choice's
/// own text: `2`, or `2. Paris`.
fn choice(target: &str, choices: &[Choice]) -> Option<Graded> {
    let places: Option<Vec<usize>> = choices.iter().map(|choice| letter(&choice.label)).collect();
    if let Some(places) = places {
        let mut texts = letters(places.iter().max()? + 1);
        for (place, choice) in places.into_iter().zip(choices) {
            texts[place].clone_from(&choice.text);
        }
        return Some(Graded { adapter: Adapter::Letter, target: json!(target), choices: Some(texts) });
    }
    let mut labels: Vec<String> = choices.iter().map(|choice| as_words(&choice.label)).collect();
    labels.sort();
    labels.dedup();
    if labels.len() < choices.len() || !choices.iter().all(|choice| are_words(&choice.label)) {
        return None;
    }
    let right = choices.iter().find(|choice| choice.label == target)?;
    let mut targets = vec![right.label.clone()];
    if right.text != right.label {
        targets.push(as_words(&format!("{} {}", right.label, right.text)));
    }
    Some(Graded { adapter: Adapter::Words, target: json!(targets), choices: None })
}

/// What the adapter has to find in a reply, where the prompt does not ask for it already.
fn addition(prompt: &Prompt, graded: &Graded, input: &str) -> &'static str {
    match graded.adapter {
        // A number in bold alone would be misread.
        Adapter::Number if !input.contains("\\boxed") => "\n\nWrite the final result inside \\boxed{}.",
        Adapter::Letter | Adapter::Words | Adapter::Text if !input.contains("ANSWER:") => match prompt.grade {
            Grade::Choice => {
                "\n\nWrite a last line that begins with \"ANSWER:\" and goes on with the label of the right choice alone."
            }
            _ => "\n\nWrite a last line that begins with \"ANSWER:\" and goes on with the answer alone.",
        },
        _ => "",
    }
}

/// A text without what does not count in an exact answer: blanks, quotes, asterisks and a full stop around it, and the
/// brackets of `(A)`.
fn bare(text: &str) -> &str {
    let marks = |c: char| c.is_whitespace() || "*_`\"'".contains(c);
    let text = text.trim_matches(marks).trim_end_matches('.').trim_matches(marks);
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    inner.filter(|inner| inner.chars().count() == 1 && inner.chars().all(char::is_alphanumeric)).unwrap_or(text)
}

/// The place in the alphabet of a capital letter.
fn letter(label: &str) -> Option<usize> {
    match label.as_bytes() {
        [letter @ b'A'..=b'Z'] => Some(usize::from(letter - b'A')),
        _ => None,
    }
}

/// The first letters of the alphabet.
fn letters(count: usize) -> Vec<String> {
    (b'A'..=b'Z').take(count).map(|letter| char::from(letter).to_string()).collect()
}

/// Whether a text is nothing but words that count.
fn are_words(text: &str) -> bool {
    let mut words = text.split_whitespace().peekable();
    words.peek().is_some() && words.all(|word| word.chars().all(char::is_alphanumeric) && !is_article(word))
}

fn is_article(word: &str) -> bool {
    ["a", "an", "the"].iter().any(|article| word.eq_ignore_ascii_case(article))
}

/// A text as [`Adapter::Words`] reads it.
fn as_words(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_punctuation() || "‘’´".contains(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = plain.split_whitespace().filter(|word| !is_article(word)).collect();
    words.join(" ").to_lowercase()
}

/// The code that stands before an answer, whether that is a whole function or only its body. A function without a body yet
/// gets a line, so that another definition may follow.
fn before(given: &str) -> String {
    let mut code = given.trim_end().to_owned();
    if code.is_empty() {
        return code;
    }
    code.push('\n');
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if let Some(last) = given.lines().rfind(is_code) {
        let without_comment = last.rsplit_once('#').map_or(last, |(code, _)| code);
        if [last, without_comment].iter().any(|line| line.trim_end().ends_with(':')) {
            let indent: String = last.chars().take_while(|c| c.is_whitespace()).collect();
            _ = writeln!(code, "{indent}    pass");
        }
    }
    code
}

/// The tests. EvalScope calls a function `check` after them, which then does nothing: they have run.
fn tests(code: &AskedCode) -> String {
    format!("{}\n\ndef check(*_):\n    pass\n", code.tests)
}
