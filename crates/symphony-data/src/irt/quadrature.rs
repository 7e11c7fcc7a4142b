//! A row at the points of a quadrature over abilities.

use super::{
    numeric::{exp, ln, logistic, normal_nodes},
    posterior::{Answers, BASIS, Matrix},
};

/// The covariances of these derivatives with the [`BASIS`] functions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shared {
    pub ability: [f64; BASIS],
    pub slope: [f64; BASIS],
}

/// The nodes for each number of answers; see [`Rule::of`].
#[derive(Debug)]
pub(super) struct Quadrature {
    pub(super) rules: [Vec<(f64, f64)>; 7],
    /// Over abilities, for the expected error: abilities, and the weight of each.
    pub(super) abilities: [[f64; ABILITIES]; 2],
}

/// The nodes over abilities: an even number of them, as processors do several at once.
pub(super) const ABILITIES: usize = 16;

impl Quadrature {
    /// Nodes over rows, and over abilities that vary by `ability_sd`.
    pub fn new(ability_sd: f64) -> Self {
        let nodes = normal_nodes(ABILITIES);
        let abilities = [std::array::from_fn(|at| nodes[at].0 * ability_sd), std::array::from_fn(|at| nodes[at].1)];
        Self { rules: [31, 13, 9, 7, 5, 3, 1].map(normal_nodes), abilities }
    }

    /// How often a model of these abilities fails such a row, but for guesses.
    pub(super) fn failing(&self, difficulty: f64, discrimination: f64) -> f64 {
        let [abilities, shares] = &self.abilities;
        let mut failing = *shares;
        for (failing, ability) in failing.iter_mut().zip(abilities) {
            *failing *= logistic(discrimination * (difficulty - ability));
        }
        failing.iter().sum()
    }

    /// The nodes for discriminations, whose logarithm is close to normal, the less the answers say the more so.
    pub(super) fn of_discriminations(&self, answers: usize) -> &[(f64, f64)] {
        &self.rules[match answers {
            ..=2048 => 4,
            _ => 5,
        }]
    }

    /// The nodes for each dimension: the posterior of few answers is wide and skew, that of many narrow and normal.
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

/// The values at one point of a row's parameters, for each answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    /// The logit of solving it, before guessing.
    pub(super) logit: Vec<f64>,
    /// The derivative of the log-likelihood by the logit.
    pub(super) residual: Vec<f64>,
    /// The information on the logit.
    pub(super) information: Vec<f64>,
    /// 1 + e^−|logit|.
    pub(super) tail: Vec<f64>,
}

/// What turns sums over nodes into means and covariances.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Means {
    /// The discrimination at the mode and the covariances of the [`BASIS`] functions, where the mode is the only node, so
    /// that there are no sums.
    pub(super) alone: Option<(f64, Matrix)>,
    pub(super) total: f64,
    pub(super) mean: [f64; BASIS],
}

/// What [`Workspace::posterior`] is to work out beside the posterior itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What the models learn.
    Lessons,
    /// That, and the expected error.
    ExpectedErrorToo,
}

impl Point {
    /// Makes room for so many answers.
    pub(super) fn make_room(&mut self, n: usize) {
        for column in [&mut self.logit, &mut self.residual, &mut self.information, &mut self.tail] {
            column.resize(n, 0.0);
        }
    }

    /// Fills in logits, residuals and information.
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
            // The rarer case pays for its second look.
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
        // y·x − ln(1 + e^x), in which 1 + e^x is e^max(x, 0)·(1 + e^−|x|).
        let cells = self.logit.iter().zip(&answers.score).zip(&answers.weight);
        let straight: f64 = cells.map(|((x, y), w)| w * (y * x - x.max(0.0))).sum();
        let tails: f64 = if answers.weighted {
            self.tail.iter().zip(&answers.weight).map(|(tail, w)| w * ln(*tail)).sum()
        } else {
            // One logarithm for many factors, none of which is above 2.
            self.tail.chunks(512).map(|tails| ln(tails.iter().product())).sum()
        };
        straight - tails
    }
}
