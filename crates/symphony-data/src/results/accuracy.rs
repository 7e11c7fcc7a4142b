//! The accuracy of a model on some tasks, with its interval.
//!
//! Tasks that repeat, copies of a task and several tries at one are no independent evidence. So the answers to all tasks of
//! one identity are a cluster, and the variance is that of the clusters' sums (the ratio estimator of cluster sampling;
//! Cochran 1977, section 9A). The interval is Wilson's (1927), with the number of independent answers that has this variance
//! in place of the number of tasks, and Student's t in place of the normal quantile (Korn and Graubard 1998). Several tries
//! at a task count as more than one answer only as far as [`Sums::independent_answers`] says.

use serde::Serialize;

use super::{Missing, read::Selection};
use crate::number::student;

/// A model's accuracy on some tasks. What cannot be computed is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Accuracy {
    /// How many tasks the accuracy is the mean of, each as often as it was drawn.
    pub n_tasks: u64,
    /// How many distinct tasks they are; copies of a task are one.
    pub n_distinct: u64,
    /// How many tasks have no answer.
    pub unanswered: u64,
    /// The mean score, from 0 to 1.
    pub accuracy: Option<f64>,
    /// The standard error of the accuracy, clustered by task. It needs two distinct tasks. It is 0 if all scores are the same,
    /// and the interval is not.
    pub standard_error: Option<f64>,
    /// The low end of the 95 % interval.
    pub low: Option<f64>,
    /// The high end of the 95 % interval.
    pub high: Option<f64>,
}

/// Scores of a model, by row: NaN where it has no answer, and how many tries each score is the mean of (0: not known).
pub(super) struct Scores {
    pub score: Vec<f64>,
    pub tries: Vec<u32>,
}

impl Scores {
    /// The score of a row and its number of tries; `None` if it does not count.
    pub fn of(&self, row: u32, missing: Missing) -> Option<(f64, u32)> {
        let score = self.score[row as usize];
        match missing {
            _ if !score.is_nan() => Some((score, self.tries[row as usize])),
            Missing::LeaveOut => None,
            Missing::Wrong => Some((0.0, 1)),
        }
    }

    /// How many tasks of a selection have no answer.
    pub fn unanswered(&self, selection: &Selection) -> u64 {
        let parts = selection.clusters().flatten();
        parts.filter(|part| self.score[part.row as usize].is_nan()).map(|part| u64::from(part.times)).sum()
    }
}

impl Accuracy {
    /// The accuracy on the tasks of a selection.
    pub(super) fn of(selection: &Selection, scores: &Scores, missing: Missing) -> Self {
        let (mut n, mut clusters, mut sum) = (0_u64, 0_u64, 0.0);
        for cluster in selection.clusters() {
            let before = n;
            for part in cluster {
                if let Some((score, _)) = scores.of(part.row, missing) {
                    n += u64::from(part.times);
                    sum += f64::from(part.times) * score;
                }
            }
            clusters += u64::from(n > before);
        }
        let unanswered = scores.unanswered(selection);
        let mut own = Self { n_tasks: n, n_distinct: clusters, unanswered, ..Self::default() };
        if n == 0 {
            return own;
        }
        let n = n as f64;
        let accuracy = (sum / n).clamp(0.0, 1.0);
        own.accuracy = Some(accuracy);
        // Of each cluster: the square of its deviation, and of its size; and of each row, its size by tries.
        let (mut deviations, mut sizes, mut by_tries) = (0.0, 0.0, 0.0);
        for cluster in selection.clusters() {
            let (mut deviation, mut size) = (0.0, 0.0);
            for part in cluster {
                if let Some((score, tries)) = scores.of(part.row, missing) {
                    let times = f64::from(part.times);
                    deviation += times * (score - accuracy);
                    size += times;
                    by_tries += if tries == 0 { 0.0 } else { times * times / f64::from(tries) };
                }
            }
            deviations += deviation * deviation;
            sizes += size * size;
        }
        let Some(t) = student::t(clusters as usize - 1) else { return own };
        let g = clusters as f64;
        let variance = g / (g - 1.0) * deviations / (n * n);
        own.standard_error = Some(variance.sqrt());
        let sums = Sums { n, g, sizes, deviations, by_tries };
        let effective = sums.independent_answers(accuracy);
        let (low, high) = wilson(accuracy, effective, t);
        (own.low, own.high) = (Some(low), Some(high));
        own
    }
}

/// What the variance of an accuracy is made of.
struct Sums {
    /// The number of tasks.
    n: f64,
    /// The number of clusters.
    g: f64,
    /// The squares of the clusters' sizes.
    sizes: f64,
    /// The squares of the clusters' deviations from the accuracy.
    deviations: f64,
    /// The squares of the rows' sizes, each divided by the number of its tries, if that is known.
    by_tries: f64,
}

impl Sums {
    /// How many independent answers with this accuracy have the variance that was observed: the design effect in reverse.
    fn independent_answers(&self, accuracy: f64) -> f64 {
        let Self { n, g, sizes, deviations, by_tries } = self;
        // Kish's number of tasks: all answers to one task are the same.
        let tasks = n * n / sizes;
        let spread = accuracy * (1.0 - accuracy);
        if spread == 0.0 {
            return tasks;
        }
        let with = |deviations: f64| spread * n * n * (g - 1.0) / (g * deviations);
        // Tries at one task are independent at best; where they look better than that, it is chance.
        let most = if *by_tries > 0.0 { n * n / by_tries } else { f64::INFINITY };
        let observed = if *deviations > 0.0 { with(*deviations) } else { f64::INFINITY };
        // Near 0 and 1 most samples hold none of the few tasks that are unlike the others, and so the tries look independent. More
        // answers than tasks are believed only as far as one task more allows, half solved and half failed.
        let size = sizes / n;
        let one_more = size * size * (accuracy * accuracy + (1.0 - accuracy) * (1.0 - accuracy)) / 2.0;
        observed.min(most).min(tasks.max(with(deviations + one_more)))
    }
}

/// Wilson's interval (1927) for a share that was observed in `n` independent answers. `n` need not be whole.
pub(super) fn wilson(share: f64, n: f64, quantile: f64) -> (f64, f64) {
    let z2 = quantile * quantile / n;
    let center = (share + z2 / 2.0) / (1.0 + z2);
    let half = (z2 * (share * (1.0 - share) + z2 / 4.0)).sqrt() / (1.0 + z2);
    let low = if share == 0.0 { 0.0 } else { center - half };
    let high = if share == 1.0 { 1.0 } else { center + half };
    (low.max(0.0), high.min(1.0))
}
