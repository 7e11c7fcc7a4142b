//! What of a row is compared: the question, and the answer to it.

use crate::{
    config::Benchmark,
    prompt::Prompt,
    row::{FieldSet, all_strings, entries_of},
};

/// The question and the answer of a row.
pub(crate) struct Question {
    /// The texts that are compared, in order.
    pub parts: Vec<String>,
    /// The answer, as a hash; `None` if it is unknown.
    pub answer: Option<Answer>,
}

/// A hash of the answer, and what kind of answer it is: two answers of different kinds are not compared.
pub(crate) type Answer = [u8; 16];

/// Reads questions out of the rows of a benchmark.
pub(crate) struct Reader<'c> {
    benchmark: String,
    prompt: Option<&'c Prompt>,
    identity: &'c [String],
}

impl<'c> Reader<'c> {
    /// A reader for the benchmark `name`, with its configuration if it has one.
    pub fn new(name: &str, benchmark: Option<&'c Benchmark>) -> Self {
        Self {
            benchmark: name.to_owned(),
            prompt: benchmark.and_then(|benchmark| benchmark.prompt.as_ref()),
            identity: benchmark.map_or(&[], |benchmark| &benchmark.identity),
        }
    }

    /// The question of a row, whose JSON text this is: what its prompt asks; without a prompt, or if it cannot be filled,
    /// the identity fields; without these, all strings of the row.
    pub fn question(&self, row: &str) -> Question {
        self.asked(row)
            .or_else(|| self.identified(row))
            .unwrap_or_else(|| Question { parts: all_strings(row), answer: None })
    }

    fn asked(&self, row: &str) -> Option<Question> {
        let prompt = self.prompt?;
        let parts = prompt.question(row).ok().filter(|parts| has_text(parts))?;
        let answer = prompt.right_answer(row).ok();
        Some(Question { parts, answer: answer.map(|answer| hash(&[prompt.grade.name(), &answer])) })
    }

    /// The identity fields, with all other fields as the answer.
    fn identified(&self, row: &str) -> Option<Question> {
        if self.prompt.is_some() || self.identity.is_empty() {
            return None;
        }
        let mut set = FieldSet::default();
        let slots: Vec<usize> = self.identity.iter().map(|field| set.add(field)).collect();
        let fields = set.read(row, false).ok()?;
        let parts: Vec<String> =
            slots.into_iter().map_while(|slot| Some(fields.identity_text(slot).ok()?.into_owned())).collect();
        if parts.len() < self.identity.len() || !has_text(&parts) {
            return None;
        }
        let compared = |key: &str| self.identity.iter().any(|field| field.split('.').next() == Some(key));
        let mut others: Vec<(String, &str)> = entries_of(row.trim_start())?
            .into_iter()
            .filter_map(|(key, value)| Some((key.filter(|key| !compared(key))?, value.get())))
            .collect();
        others.sort_unstable();
        let mut values = vec![self.benchmark.as_str()];
        values.extend(others.iter().flat_map(|(key, value)| [key.as_str(), *value]));
        let answer = (!others.is_empty()).then(|| hash(&values));
        Some(Question { parts, answer })
    }
}

fn has_text(parts: &[String]) -> bool {
    parts.iter().any(|part| !part.trim().is_empty())
}

/// A hash of texts and of where each ends. It decides what counts as equal, so nobody must be able to make two texts that share it.
pub(super) fn hash(texts: &[&str]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    half
}
