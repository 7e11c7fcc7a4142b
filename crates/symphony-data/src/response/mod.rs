//! Responses: which model answered which row, and how well.
//!
//! [`Responses`] takes six bytes per answer, so hundreds of millions fit into memory.

mod gather;

pub(crate) use gather::Gatherer;

use serde::{Deserialize, Serialize};

use crate::number::correlation::tidied;

/// The most tries that a model's scores may be averages of.
const MOST_IMPLIED_TRIES: usize = 20;

/// A model whose answers are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The model's name.
    pub name: String,
    /// The family that it belongs to, if the responses name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
}

impl Model {
    /// Whether `name` is probably this model, as another publication spells it: the same letters and digits, in any case,
    /// with or without the name of who published the model before `/` or `_`.
    pub fn is_like(&self, name: &str) -> bool {
        self.name == name || {
            let other = spellings(name);
            spellings(&self.name).iter().any(|own| other.iter().any(|other| own.agrees_with(other)))
        }
    }
}

/// A reading of a model's name, in letters and digits.
struct Spelling {
    /// Who published it; empty if the name does not say.
    publisher: String,
    name: String,
}

impl Spelling {
    fn agrees_with(&self, other: &Self) -> bool {
        let [own, others] = [&self.publisher, &other.publisher];
        // `meta` and `meta-llama` are one publisher; an empty name agrees with all.
        self.name == other.name && (own.starts_with(others.as_str()) || others.starts_with(own.as_str()))
    }
}

/// The ways to read a model's name: as a whole, and with a publisher before `/` or `_`.
fn spellings(name: &str) -> Vec<Spelling> {
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let whole = Spelling { publisher: String::new(), name: plain(name) };
    // `together/meta-llama/Llama-2-70b` is read as the model of the last publisher.
    let last_two = name.rmatch_indices('/').nth(1).map_or(name, |(at, _)| &name[at + 1..]);
    let parts = ['/', '_'].into_iter().filter_map(|separator| last_two.split_once(separator));
    let with_publisher = parts.map(|(publisher, rest)| Spelling { publisher: plain(publisher), name: plain(rest) });
    // A short rest, or one without letters, is no name of a model.
    let is_name = |own: &Spelling| own.name.len() >= SHORTEST_NAME && own.name.chars().any(char::is_alphabetic);
    std::iter::once(whole).chain(with_publisher.filter(is_name)).collect()
}

/// The fewest letters and digits of a model's name without its publisher.
const SHORTEST_NAME: usize = 4;

/// A model's answer to a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The model's place in [`Responses::models`].
    pub model: usize,
    /// 0 (failed) to 1 (solved): the mean of all tries.
    pub score: f64,
    /// How many tries that is the mean of; [`Answer::MANY`] for a rate of an unknown number of tries.
    pub tries: u32,
}

impl Answer {
    /// Stands for an unknown, large number of tries.
    pub const MANY: u32 = u32::MAX;
}

/// A score and the number of tries behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind {
    score: f64,
    tries: u32,
}

/// The different scores of a benchmark, each held once.
#[derive(Clone, Debug, Default)]
struct Kinds {
    kinds: Vec<Kind>,
    by_value: std::collections::HashMap<(u64, u32), u32, foldhash::fast::FixedState>,
}

impl Kinds {
    fn number_of(&mut self, score: f64, tries: u32) -> u32 {
        // Nearly always one of the first few.
        let known = self.kinds.iter().take(4).position(|kind| kind.score == score && kind.tries == tries);
        if let Some(known) = known {
            return known as u32;
        }
        *self.by_value.entry((score.to_bits(), tries)).or_insert_with(|| {
            self.kinds.push(Kind { score, tries });
            self.kinds.len() as u32 - 1
        })
    }
}

/// All answers to the rows of one benchmark.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    benchmark: String,
    models: Vec<Model>,
    /// Where each row's answers begin; one more for the end.
    starts: Vec<usize>,
    model: Vec<u16>,
    kind: Vec<u32>,
    kinds: Vec<Kind>,
}

impl Responses {
    /// The benchmark.
    pub fn benchmark(&self) -> &str {
        &self.benchmark
    }

    /// How many rows the benchmark has, answered or not.
    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The models, by name.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The number of answers. A model's tries at a row count as one.
    pub fn len(&self) -> usize {
        self.model.len()
    }

    /// Whether there are no answers.
    pub fn is_empty(&self) -> bool {
        self.model.is_empty()
    }

    /// Whether each model scored the same on all rows that it answered.
    pub(crate) fn are_alike(&self) -> bool {
        let mut scores = vec![None; self.models.len()];
        let mut answers = (0..self.rows()).flat_map(|row| self.answers(row));
        answers.all(|answer| *scores[answer.model].get_or_insert(answer.score) == answer.score)
    }

    /// How many models have answers that are the mean of several tries.
    pub(crate) fn models_with_tries(&self) -> usize {
        if self.kinds.iter().all(|kind| kind.tries == 1) {
            return 0;
        }
        let mut with = vec![false; self.models.len()];
        for (model, kind) in self.model.iter().zip(&self.kind) {
            with[usize::from(*model)] |= self.kinds[*kind as usize].tries != 1;
        }
        with.into_iter().filter(|with| *with).count()
    }

    /// The answers to a row, by model.
    pub fn answers(&self, row: usize) -> impl ExactSizeIterator<Item = Answer> {
        let range = self.starts[row]..self.starts[row + 1];
        self.model[range.clone()].iter().zip(&self.kind[range]).map(|(model, kind)| {
            let Kind { score, tries } = self.kinds[*kind as usize];
            Answer { model: usize::from(*model), score, tries }
        })
    }

    /// One model's scores, row by row; NaN for rows that it did not answer.
    pub fn scores_of(&self, model: usize) -> Vec<f64> {
        let score =
            |row| self.answers(row).find(|answer| answer.model == model).map_or(f64::NAN, |answer| answer.score);
        (0..self.rows()).map(score).collect()
    }

    /// The mean error (1 − score) of the answers to each row, each model counting once; NaN for rows without responses.
    pub fn errors(&self) -> Vec<f64> {
        let error = |row| {
            let answers = self.answers(row);
            let n = answers.len() as f64;
            tidied(1.0 - answers.map(|answer| answer.score).sum::<f64>() / n)
        };
        (0..self.rows()).map(error).collect()
    }

    /// The answers of the models that `keep` accepts.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&Model) -> bool) -> Self {
        let mut places = vec![None; self.models.len()];
        let mut models = Vec::new();
        for (place, model) in places.iter_mut().zip(&self.models).filter(|(_, model)| keep(model)) {
            *place = Some(models.len() as u16);
            models.push(model.clone());
        }
        let mut kept = Self { benchmark: self.benchmark.clone(), models, kinds: self.kinds.clone(), ..Self::default() };
        kept.starts.push(0);
        for row in 0..self.rows() {
            for at in self.starts[row]..self.starts[row + 1] {
                if let Some(place) = places[usize::from(self.model[at])] {
                    kept.model.push(place);
                    kept.kind.push(self.kind[at]);
                }
            }
            kept.starts.push(kept.model.len());
        }
        kept
    }

    /// The answers to every `stride`-th row, with the same models.
    pub(crate) fn every(&self, stride: usize) -> Self {
        let mut kept = Self {
            benchmark: self.benchmark.clone(),
            models: self.models.clone(),
            kinds: self.kinds.clone(),
            ..Self::default()
        };
        kept.starts.push(0);
        for row in (0..self.rows()).step_by(stride) {
            let own = self.starts[row]..self.starts[row + 1];
            kept.model.extend_from_slice(&self.model[own.clone()]);
            kept.kind.extend_from_slice(&self.kind[own]);
            kept.starts.push(kept.model.len());
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::Model;

    #[test]
    fn a_model_is_known_under_the_spellings_of_other_publications() {
        let is_like = |own: &str, other: &str| {
            let model = |name: &str| Model { name: name.to_owned(), family: None };
            assert_eq!(model(own).is_like(other), model(other).is_like(own), "{own}, {other}");
            model(own).is_like(other)
        };
        for (own, other) in [
            ("openai_gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06"),
            ("openai_gpt-4o-mini-2024-07-18", "OpenAI_GPT-4o-mini-2024-07-18"),
            ("openai_gpt-4-1106-preview", "gpt-4-1106-preview"),
            ("qwen_qwen2-72b-instruct", "Qwen/Qwen2-72B-Instruct"),
            ("meta_llama-3.1-8b-instruct-turbo", "meta-llama/Llama-3.1-8b-instruct-turbo"),
            ("meta_llama-2-70b", "together/meta-llama/Llama-2-70b"),
        ] {
            assert!(is_like(own, other), "{own}, {other}");
        }
        for (own, other) in [
            ("ours/solver", "theirs/solver"),
            ("gpt-4-0613", "gpt-4-0314"),
            ("Claude", "Claude_Plus"),
            ("model-1", "model-11"),
            ("run_2", "2"),
        ] {
            assert!(!is_like(own, other), "{own}, {other}");
        }
    }
}
