//! Confidence intervals by bootstrap: rows and models are resampled with replacement.

use super::{BinError, Estimate, subject::Subject};
use crate::{
    bin::{Bin, PerBin},
    evidence::{ANSWERS_BETWEEN_QUESTIONS, EvidenceError},
    number::{
        correlation::{pearson, spearman, tidied},
        random::Random,
    },
    progress::Progress,
    response::Responses,
};

use rayon::prelude::*;

/// The number of resamples for an interval.
pub(super) const RESAMPLES: usize = 1000;

/// The most answers that all resamples together look at; but there are never fewer than 100 resamples.
pub(super) const RESAMPLED_ANSWERS: usize = 1_000_000_000;

/// The scores, errors and bins of some rows.
#[derive(Default)]
pub(super) struct Sample {
    pub(super) scores: Vec<f64>,
    pub(super) errors: Vec<f64>,
    pub(super) bins: Vec<Bin>,
}

impl Sample {
    /// The error of hard rows minus that of easy ones, and the error of each bin.
    pub(super) fn gap(&self) -> (Option<f64>, PerBin<BinError>) {
        let mut sums = PerBin::<(u64, f64)>::default();
        for (bin, error) in self.bins.iter().zip(&self.errors) {
            sums[*bin].0 += 1;
            sums[*bin].1 += error;
        }
        let bins = BinError::of_sums(sums);
        (bins.hard.error.zip(bins.easy.error).map(|(hard, easy)| hard - easy), bins)
    }
}

/// The number, a correlation or a difference of rates, with its 95 % interval: the 2.5th and 97.5th percentiles of its
/// resampled values, moved so that their median is the number. Resampled models are fewer models, whose mean error is noisier,
/// so that resampled correlations lie lower than the number does.
pub(super) fn interval(value: Option<f64>, mut replicas: Vec<f64>) -> Estimate {
    let mut at = |q| crate::number::percentile(&mut replicas, q);
    let moved = value.zip(at(50.0)).map(|(value, median)| value - median);
    let mut end = |q| moved.zip(at(q)).map(|(moved, end)| (end + moved).clamp(-1.0, 1.0));
    let (low, high) = (end(2.5), end(97.5));
    Estimate { value, low, high }
}

impl Subject {
    /// Spearman's correlation, Pearson's correlation and the gap of each resample.
    pub(super) fn resampled(
        &self,
        responses: &Responses,
        rows: &[usize],
        progress: &dyn Progress,
    ) -> Result<Vec<[Option<f64>; 3]>, EvidenceError> {
        let models = responses.models().len();
        let times = RESAMPLES.min(RESAMPLED_ANSWERS / responses.len().max(1)).max(100);
        let replica = |number: usize| {
            let mut random = Random::new(number as u64);
            let mut until_question = 0;
            let mut weights = vec![0.0; models];
            (0..models).for_each(|_| weights[random.below(models as u64) as usize] += 1.0);
            let mut sample = Sample::default();
            for _ in rows {
                let row = rows[random.below(rows.len() as u64) as usize];
                let answers = responses.answers(row);
                // Rows without answers count too, because they also take time.
                match answers.len().max(1) {
                    n if n <= until_question => until_question -= n,
                    _ if progress.cancelled() => return Err(EvidenceError::Cancelled),
                    _ => until_question = ANSWERS_BETWEEN_QUESTIONS,
                }
                let (sum, total) = answers.fold((0.0, 0.0), |(sum, total), answer| {
                    let weight: f64 = weights[answer.model];
                    (sum + weight * (1.0 - answer.score), total + weight)
                });
                // Skip rows that none of the resampled models answered.
                if total > 0.0 {
                    sample.scores.push(self.scores[row]);
                    sample.errors.push(tidied(sum / total));
                    sample.bins.push(self.bins[row]);
                }
            }
            Ok([spearman(&sample.scores, &sample.errors), pearson(&sample.scores, &sample.errors), sample.gap().0])
        };
        (0..times).into_par_iter().map(replica).collect()
    }
}
