//! Gathers the answers to the rows of one benchmark.

use super::{Answer, Kind, Kinds, MOST_IMPLIED_TRIES, Model, Responses};

/// The largest number of tries that is kept; larger ones are as good.
const MOST_TRIES: f64 = 1e9;
/// The number of tries of an answer that does not say it, until all answers are known.
const UNSAID: u32 = 0;

/// Gathers the answers to one benchmark's rows in two passes: the first counts the answers to each row, the second
/// stores them.
#[derive(Debug)]
pub(crate) struct Gatherer {
    responses: Responses,
    kinds: Kinds,
    by_name: std::collections::HashMap<String, u16, foldhash::fast::FixedState>,
    /// The model that was asked for last.
    last: Option<u16>,
    /// In the second pass: where each row's next answer goes.
    next: Vec<usize>,
}

impl Gatherer {
    pub(crate) fn new(benchmark: &str, rows: usize) -> Self {
        let responses =
            Responses { benchmark: benchmark.to_owned(), starts: vec![0; rows + 1], ..Responses::default() };
        let by_name = std::collections::HashMap::default();
        Self { responses, kinds: Kinds::default(), by_name, last: None, next: Vec::new() }
    }

    /// The number of a model; `None` if there are more models than 16 bits can number.
    pub(crate) fn model(&mut self, name: &str, family: Option<&str>) -> Option<u16> {
        // Usually the model of the previous answer.
        if let Some(last) = self.last
            && family.is_none()
            && self.responses.models[usize::from(last)].name == name
        {
            return Some(last);
        }
        self.last = self.numbered(name, family);
        self.last
    }

    fn numbered(&mut self, name: &str, family: Option<&str>) -> Option<u16> {
        if let Some(known) = self.by_name.get(name) {
            let model = &mut self.responses.models[usize::from(*known)];
            // Of several families, keep the first by name, so that the order of the answers does not matter.
            if let Some(family) = family
                && model.family.as_deref().is_none_or(|known| family < known)
            {
                model.family = Some(family.to_owned());
            }
            return Some(*known);
        }
        let number = u16::try_from(self.responses.models.len()).ok()?;
        self.responses.models.push(Model { name: name.to_owned(), family: family.map(str::to_owned) });
        self.by_name.insert(name.to_owned(), number);
        Some(number)
    }

    /// Counts an answer, in the first pass.
    pub(crate) fn count(&mut self, row: usize) {
        self.responses.starts[row + 1] += 1;
    }

    /// Ends the first pass.
    pub(crate) fn counted(&mut self) {
        let mut total = 0;
        for start in &mut self.responses.starts {
            total += *start;
            *start = total;
        }
        self.next = self.responses.starts.clone();
        self.responses.model = vec![0; total];
        self.responses.kind = vec![0; total];
    }

    /// Stores an answer, in the second pass; `false` if the first pass did not count it. `tries` is `None` if the answer
    /// does not say how many tries its score is the mean of.
    pub(crate) fn put(&mut self, row: usize, model: u16, score: f64, tries: Option<u32>) -> bool {
        let at = self.next[row];
        if at == self.responses.starts[row + 1] {
            return false;
        }
        self.responses.model[at] = model;
        self.responses.kind[at] = self.kinds.number_of(score, tries.unwrap_or(UNSAID));
        self.next[row] += 1;
        true
    }

    /// Ends the second pass; `None` if it brought fewer answers than the first.
    pub(crate) fn finish(mut self) -> Option<Responses> {
        if self.next[..self.next.len() - 1] != self.responses.starts[1..] {
            return None;
        }
        self.sort_models();
        self.average_tries();
        self.find_implied_tries();
        self.responses.kinds = self.kinds.kinds;
        Some(self.responses)
    }

    /// Numbers the models by name, so that sums and random draws do not depend on the order in which answers were read.
    fn sort_models(&mut self) {
        let models = std::mem::take(&mut self.responses.models);
        let mut sorted: Vec<(usize, Model)> = models.into_iter().enumerate().collect();
        sorted.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        let mut places = vec![0; sorted.len()];
        sorted.iter().enumerate().for_each(|(place, (number, _))| places[*number] = place as u16);
        self.responses.model.iter_mut().for_each(|model| *model = places[usize::from(*model)]);
        self.responses.models = sorted.into_iter().map(|(_, model)| model).collect();
    }

    /// Puts each row's answers in the order of the models, and averages a model's tries.
    fn average_tries(&mut self) {
        let responses = &mut self.responses;
        let (mut end, mut from) = (0, 0);
        let mut own: Vec<(u16, u32)> = Vec::new();
        for row in 0..responses.starts.len() - 1 {
            let to = responses.starts[row + 1];
            own.clear();
            own.extend(responses.model[from..to].iter().copied().zip(responses.kind[from..to].iter().copied()));
            from = to;
            // Tries too have an order of their own, as their sum has one.
            own.sort_by(|(model, kind), (other, of_other)| {
                let [a, b] = [kind, of_other].map(|kind| self.kinds.kinds[*kind as usize]);
                model.cmp(other).then_with(|| a.score.total_cmp(&b.score)).then_with(|| a.tries.cmp(&b.tries))
            });
            for tries in own.chunk_by(|a, b| a.0 == b.0) {
                let kind = match tries {
                    [(_, kind)] => *kind,
                    _ => {
                        let kinds = || tries.iter().map(|(_, kind)| self.kinds.kinds[*kind as usize]);
                        // Without a number, an answer is one try, unless its score is a rate.
                        let is_rate = |kind: &Kind| kind.tries == UNSAID && kind.score.fract() != 0.0;
                        let tries = |kind: &Kind| kind.tries.max(1);
                        let n: f64 = kinds().map(|kind| f64::from(tries(&kind))).sum();
                        let sum: f64 = kinds().map(|kind| kind.score * f64::from(tries(&kind))).sum();
                        let n_or_unsaid =
                            if kinds().any(|kind| is_rate(&kind)) { UNSAID } else { n.min(MOST_TRIES) as u32 };
                        self.kinds.number_of((sum / n).min(1.0), n_or_unsaid)
                    }
                };
                responses.model[end] = tries[0].0;
                responses.kind[end] = kind;
                end += 1;
            }
            responses.starts[row + 1] = end;
        }
        responses.model.truncate(end);
        responses.kind.truncate(end);
    }

    /// Finds the tries of answers that do not say them. If all of a model's scores are multiples of 1/k, it was asked k times
    /// (or graded in k steps), and once if all are 0 or 1. Other scores are rates of an unknown number of tries.
    fn find_implied_tries(&mut self) {
        let fits = |kind: &Kind| -> u32 {
            // Bit k: the score is a multiple of 1/k, up to rounding.
            (1..=MOST_IMPLIED_TRIES).fold(0, |fits, k| {
                let steps = kind.score * k as f64;
                fits | u32::from((steps - steps.round()).abs() < 0.005) << k
            })
        };
        let of_kinds: Vec<(u32, bool)> =
            self.kinds.kinds.iter().map(|kind| (fits(kind), kind.tries == UNSAID)).collect();
        let mut of_models = vec![u32::MAX << 1; self.responses.models.len()];
        for (model, kind) in self.responses.model.iter().zip(&self.responses.kind) {
            let (fits, unsaid) = of_kinds[*kind as usize];
            of_models[usize::from(*model)] &= if unsaid { fits } else { u32::MAX };
        }
        let implied = |fits: u32| if fits == 0 { Answer::MANY } else { fits.trailing_zeros() };
        let implied: Vec<u32> = of_models.into_iter().map(implied).collect();
        if implied.iter().all(|k| *k == 1) {
            // Nearly always: all scores are 0 or 1, and no answer needs another kind.
            self.kinds.kinds.iter_mut().filter(|kind| kind.tries == UNSAID).for_each(|kind| kind.tries = 1);
            return;
        }
        for (model, kind) in self.responses.model.iter().zip(&mut self.responses.kind) {
            let Kind { score, tries } = self.kinds.kinds[*kind as usize];
            if tries == UNSAID {
                *kind = self.kinds.number_of(score, implied[usize::from(*model)]);
            }
        }
    }
}
