//! The weight of an answer that is the mean of several tries.
//!
//! Tries of one model on one row are alike: their mean varies around the probability p that ability and difficulty give by
//! more than independent tries would. With ρ as the correlation between two tries, the mean of m tries has the variance
//! φ·p(1 − p) with φ = ρ + (1 − ρ)/m, as in the beta-binomial distribution (Williams, *Extra-binomial variation in logistic
//! linear models*, 1982). The fit uses the quasi-likelihood of that variance (Wedderburn, 1974): an answer counts as 1/φ
//! answers. A rate of an unknown number of tries counts as 1/ρ. Quasi-likelihood, unlike the beta-binomial likelihood, needs no
//! number of tries, and takes rates of 0 and 1 as they are.
//!
//! ρ is estimated by moments: it makes the squared residuals, averaged over each row's posterior, as large as the model
//! says.

use rayon::prelude::*;

use super::{
    Fitter, Parameters,
    numeric::exp,
    posterior::{Mode, Workspace},
    quadrature::{Quadrature, Wanted},
};
use crate::response::Answer;

/// ρ of a panel of one model: then nothing tells the model's own taste from a row's difficulty, unless that is known.
const OF_ONE_MODEL: f64 = 0.1;
/// ρ if only one model of several has several tries: few answers should not outweigh those of the others.
const OF_ONE_AMONG_OTHERS: f64 = 0.5;
/// Where the search for ρ starts, and its prior.
const FIRST: f64 = 0.3;
/// The weight of the prior of ρ, as a sum of variances p(1 − p): that of about two answers.
const PRIOR_WEIGHT: f64 = 0.3;
/// The smallest ρ.
const SMALLEST: f64 = 0.003;
/// The search ends when ρ changes by less than this share.
const NEAR_ENOUGH: f64 = 0.02;
/// How many models with several tries determine ρ if difficulties are not known.
const ENOUGH_MODELS: usize = 2;

/// How many answers the mean of `tries` tries counts as.
pub(super) fn weight(tries: u32, in_common: f64) -> f64 {
    match tries {
        1 => 1.0,
        Answer::MANY => 1.0 / in_common,
        tries => 1.0 / (in_common + (1.0 - in_common) / f64::from(tries)),
    }
}

/// The part of an answer's variance that its own tries add beyond ρ: 1/m.
fn own_share(tries: u32) -> f64 {
    if tries == Answer::MANY { 0.0 } else { 1.0 / f64::from(tries) }
}

impl Fitter<'_> {
    /// Whether the answers determine ρ: several models have several tries, or difficulties are known.
    fn can_estimate_tries(&self) -> bool {
        self.models_with_tries >= if self.anchored { 1 } else { ENOUGH_MODELS }
    }

    /// ρ at the start of the fit.
    pub(super) fn first_tries_in_common(&self) -> f64 {
        match self.models() {
            _ if self.can_estimate_tries() => FIRST,
            1 => OF_ONE_MODEL,
            _ => OF_ONE_AMONG_OTHERS,
        }
    }

    /// ρ as it is reported: `None` if every answer is one try.
    pub(super) fn reported_tries_in_common(&self, parameters: &Parameters) -> Option<f64> {
        (self.models_with_tries > 0).then_some(parameters.tries_in_common)
    }

    /// Updates ρ at the given parameters. Returns whether it moved so far that the other parameters must follow; `None` if
    /// stopped.
    pub(super) fn update_tries_in_common(&self, parameters: &mut Parameters, modes: &[Mode]) -> Option<bool> {
        if !self.can_estimate_tries() {
            return Some(false);
        }
        let quadrature = Quadrature::new(parameters.ability_sd);
        let slopes: Vec<f64> = parameters.log_slope.iter().map(|s| exp(*s)).collect();
        let sums: Option<Vec<[f64; 2]>> = modes
            .par_chunks(self.chunk)
            .enumerate()
            .map(|(chunk, modes)| {
                let mut work = Workspace::default();
                let mut sums = [0.0; 2];
                for (at, mode) in modes.iter().enumerate() {
                    let row = chunk * self.chunk + at;
                    if self.stops_at(row) {
                        return None;
                    }
                    if self.responses.answers(row).all(|answer| answer.tries == 1) {
                        continue;
                    }
                    self.load(parameters, &slopes, row, &mut work);
                    let prior = self.prior(parameters, row);
                    work.posterior(prior, &mut mode.clone(), &quadrature, Wanted::Residuals);
                    for (c, answer) in self.responses.answers(row).enumerate().filter(|(_, own)| own.tries != 1) {
                        let [square, variance] = work.residual(c);
                        sums[0] += square - variance * own_share(answer.tries);
                        sums[1] += variance * (1.0 - own_share(answer.tries));
                    }
                }
                Some(sums)
            })
            .collect();
        // The order of the sum does not depend on the number of threads.
        let [excess, variance] = sums?.into_iter().fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d]);
        let found = ((excess + PRIOR_WEIGHT * FIRST) / (variance + PRIOR_WEIGHT)).clamp(SMALLEST, 1.0);
        let moved = (found / parameters.tries_in_common - 1.0).abs() > NEAR_ENOUGH;
        parameters.tries_in_common = found;
        Some(moved)
    }
}
