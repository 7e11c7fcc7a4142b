//! The quadrature over a row's parameters and over abilities.

use super::{
    numeric::{exp, ln, logistic, normal_nodes},
    posterior::{Answers, BASIS, Matrix},
};

/// The covariances of a model's derivatives, by ability and by slope, with the [`BASIS`] functions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shared {
    pub ability: [f64; BASIS],
    pub slope: [f64; BASIS],
}

/// The nodes over rows, for each number of answers, and over abilities.
#[derive(Debug)]
pub(super) struct Quadrature {
    /// Rules of 31, 13, 9, 7, 5, 3 and 1 nodes, as (node, weight).
    pub(super) rules: [Vec<(f64, f64)>; 7],
    /// Abilities and their weights, for the expected error.
    pub(super) abilities: [[f64; ABILITIES]; 2],
}

/// The number of nodes over abilities; even, because processors compute several at once.
pub(super) const ABILITIES: usize = 16;

impl Quadrature {
    /// Nodes over rows, and over abilities whose mean is 0 and whose standard deviation is `ability_sd`.
    pub fn new(ability_sd: f64) -> Self {
        Self::around(0.0, ability_sd)
    }

    /// Nodes over rows, and over abilities with this mean and standard deviation.
    pub fn around(mean: f64, ability_sd: f64) -> Self {
        let nodes = normal_nodes(ABILITIES);
        let abilities =
            [std::array::from_fn(|at| mean + nodes[at].0 * ability_sd), std::array::from_fn(|at| nodes[at].1)];
        Self { rules: [31, 13, 9, 7, 5, 3, 1].map(normal_nodes), abilities }
    }

    /// The probability that a model of random ability fails a row, without guessing.
    pub(super) fn failing(&self, difficulty: f64, discrimination: f64) -> f64 {
        let [abilities, shares] = &self.abilities;
        let mut failing = *shares;
        for (failing, ability) in failing.iter_mut().zip(abilities) {
            *failing *= logistic(discrimination * (difficulty - ability));
        }
        failing.iter().sum()
    }

    /// The nodes for log discriminations. Their posterior is close to normal, more so if the answers determine them less.
    pub(super) fn of_discriminations(&self, answers: usize) -> &[(f64, f64)] {
        &self.rules[match answers {
            ..=2048 => 4,
            _ => 5,
        }]
    }

    /// The nodes for the difficulty. The posterior is wide and skewed for few answers, narrow and normal for many.
    pub(super) fn of(&self, answers: usize, dimensions: usize) -> &[(f64, f64)] {
        &self.rules[match (dimensions, answers) {
            (1, ..=8) => 0,
            (1, ..=32) | (_, ..=8) => 1,
            (1, ..=128) => 2,
            (_, ..=128) => 3,
            (_, ..=512) => 4,
            (_, ..=2048) => 5,
            _ => 6,
        }]
    }
}

/// For each answer, the values at one point of the row's parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    /// The logit of solving the row, without guessing.
    pub(super) logit: Vec<f64>,
    /// The derivative of the log-likelihood by the logit.
    pub(super) residual: Vec<f64>,
    /// The information on the logit.
    pub(super) information: Vec<f64>,
    /// 1 + e^−|logit|.
    pub(super) tail: Vec<f64>,
}

/// The totals that turn sums over nodes into means and covariances.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Means {
    /// The discrimination at the mode and the covariances of the [`BASIS`] functions, if the mode is the only node and
    /// there are no sums.
    pub(super) alone: Option<(f64, Matrix)>,
    pub(super) total: f64,
    pub(super) mean: [f64; BASIS],
}

/// The results that `Workspace::posterior` computes beside the posterior itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The derivatives for the models.
    Lessons,
    /// The derivatives and the expected error.
    ExpectedErrorToo,
    /// The squared residuals and the variances of the answers.
    Residuals,
}

impl Point {
    /// Resizes the columns to `n` answers.
    pub(super) fn make_room(&mut self, n: usize) {
        for column in [&mut self.logit, &mut self.residual, &mut self.information, &mut self.tail] {
            column.resize(n, 0.0);
        }
    }

    /// Computes logits, residuals and information at a difficulty and discrimination.
    pub(super) fn place(&mut self, answers: &Answers, difficulty: f64, discrimination: f64, chance: f64) {
        let n = answers.len();
        let (ability, slope) = (&answers.ability[..n], &answers.slope[..n]);
        let (score, weight) = (&answers.score[..n], &answers.weight[..n]);
        let (logit, residual) = (&mut self.logit[..n], &mut self.residual[..n]);
        let (information, tail) = (&mut self.information[..n], &mut self.tail[..n]);
        for c in 0..n {
            let x = discrimination * slope[c] * (ability[c] - difficulty);
            let e = exp(-x.abs());
            let larger = 1.0 / (1.0 + e);
            let p = if x >= 0.0 { larger } else { e * larger };
            logit[c] = x;
            tail[c] = 1.0 + e;
            residual[c] = weight[c] * (score[c] - p);
            information[c] = weight[c] * e * larger * larger;
        }
        if chance > 0.0 {
            // A second loop, so that the common case without guessing stays fast.
            for c in 0..n {
                let p = logistic(logit[c]);
                let right = chance + (1.0 - chance) * p;
                residual[c] = weight[c] * (score[c] - right) * p / right;
                information[c] *= (1.0 - chance) * p / right;
            }
        }
    }

    /// The log-likelihood of the answers at the point placed last.
    pub(super) fn log_likelihood(&self, answers: &Answers, chance: f64) -> f64 {
        if chance > 0.0 {
            let cells = self.logit.iter().zip(&answers.score).zip(&answers.weight);
            return cells
                .map(|((x, y), w)| {
                    let right = chance + (1.0 - chance) * logistic(*x);
                    let wrong = (1.0 - chance) * logistic(-x);
                    w * (y * ln(right) + (1.0 - y) * ln(wrong))
                })
                .sum();
        }
        // y·x − ln(1 + e^x), where 1 + e^x = e^max(x, 0)·(1 + e^−|x|).
        let cells = self.logit.iter().zip(&answers.score).zip(&answers.weight);
        let straight: f64 = cells.map(|((x, y), w)| w * (y * x - x.max(0.0))).sum();
        let tails: f64 = if answers.weighted {
            self.tail.iter().zip(&answers.weight).map(|(tail, w)| w * ln(*tail)).sum()
        } else {
            // One logarithm for 512 factors; each is at most 2, so the product does not overflow.
            self.tail.chunks(512).map(|tails| ln(tails.iter().product())).sum()
        };
        straight - tails
    }
}
