//! What is reported of a fit, to the fourth decimal.
//!
//! The fit stops at a step of less than 0.003 logits. As a failure probability changes by at most a quarter as much, that
//! supports three decimals of it, and in panels of up to some fifty models, whose last step is a step of Newton's method,
//! the fourth. What lies behind it is not evidence but the order in which numbers were added, and would order rows that
//! have the same.

use rayon::prelude::*;

use super::{
    Ability, Fit, Fitter, Parameters, RowDifficulty, SLOPE_SD, Sums, WEAK_FEATURES, mean,
    numeric::{exp, square},
    posterior::{Mode, Workspace},
    quadrature::{Quadrature, Wanted},
};
use crate::response::Answer;

/// A number as it is reported, never −0.
fn reported(value: f64) -> f64 {
    (value * 1e4).round() / 1e4 + 0.0
}

impl Fitter<'_> {
    /// What is reported: each row's posterior, and standard errors that know that the models' parameters are estimates.
    /// `None` if stopped.
    pub(super) fn finish(
        &self,
        parameters: &Parameters,
        modes: &mut [Mode],
        sums: &Sums,
        (iterations, converged): (usize, bool),
    ) -> Option<Fit> {
        let (models, size) = (self.models(), self.parameters());
        let slopes: Vec<f64> = parameters.log_slope.iter().map(|s| exp(*s)).collect();
        let means: Vec<f64> = (0..modes.len()).map(|row| self.prior(parameters, row).mean).collect();
        let center = mean(&means);
        let explained = mean(&means.iter().map(|x| (x - center) * (x - center)).collect::<Vec<_>>());
        let variance_explained = explained / (explained + exp(2.0 * parameters.log_sd));
        let covariance = self.whole().then(|| self.covariance(sums.clone(), parameters).0);
        let standard_errors: Vec<f64> = (0..models)
            .map(|j| match &covariance {
                Some(covariance) => covariance.variance(j).sqrt(),
                None => {
                    let aa = sums.information[j] + 1.0 / (parameters.ability_sd * parameters.ability_sd);
                    let (ab, bb) = (sums.information[models + j], sums.information[2 * models + j]);
                    (1.0 / (aa - ab * ab / (bb + 1.0 / (SLOPE_SD * SLOPE_SD)))).sqrt()
                }
            })
            .collect();
        let quadrature = Quadrature::new(parameters.ability_sd);
        let difficulties: Option<Vec<Vec<RowDifficulty>>> = modes
            .par_chunks_mut(self.chunk)
            .enumerate()
            .map(|(chunk, modes)| {
                let mut work = Workspace::default();
                let mut touched = Vec::new();
                let own = modes.iter_mut().enumerate().map(|(at, mode)| {
                    let row = chunk * self.chunk + at;
                    if self.stops_at(row) {
                        return None;
                    }
                    self.load(parameters, &slopes, row, &mut work);
                    let mut prior = self.prior(parameters, row);
                    // From the same place whatever came before, so that rows with the same answers and features get the same
                    // bits, and tie.
                    *mode = Mode { difficulty: prior.mean, log_discrimination: 0.0 };
                    let (scores, weak) = (&work.answers.score, variance_explained < WEAK_FEATURES);
                    // Answers that are all alike bound such a row on one side only. Where it lies beyond that is the prior's
                    // word, and what explains next to nothing shall not order it.
                    if weak
                        && !scores.is_empty()
                        && (scores.iter().all(|y| *y == 1.0) || scores.iter().all(|y| *y == 0.0))
                    {
                        prior.mean = center;
                        mode.difficulty = center;
                    }
                    let posterior = work.posterior(prior, mode, &quadrature, Wanted::ExpectedErrorToo);
                    let of_models = match &covariance {
                        Some(covariance) => {
                            self.touched(row, &work, &prior, *mode, &posterior, &mut touched);
                            let mut with_difficulty = vec![0.0; size];
                            touched.iter().for_each(|(at, with)| with_difficulty[*at] = with[0]);
                            covariance.variance_of(&with_difficulty)
                        }
                        None => {
                            let of_model = |(c, answer): (usize, Answer)| {
                                square(work.shared(c).ability[0] * standard_errors[answer.model])
                            };
                            self.responses.answers(row).enumerate().map(of_model).sum::<f64>()
                        }
                    };
                    Some(RowDifficulty {
                        difficulty: reported(posterior.difficulty),
                        standard_error: reported((posterior.variance + of_models).sqrt()),
                        discrimination: reported(exp(posterior.log_discrimination)),
                        expected_error: reported(posterior.expected_error),
                    })
                });
                own.collect()
            })
            .collect();
        let ability = |j: usize| Ability {
            ability: reported(parameters.ability[j]),
            standard_error: reported(standard_errors[j]),
            slope: reported(slopes[j]),
        };
        Some(Fit {
            abilities: (0..models).map(ability).collect(),
            difficulties: difficulties?.concat(),
            coefficients: parameters.coefficients[1..].iter().map(|slope| reported(*slope)).collect(),
            intercept: reported(parameters.coefficients[0]),
            residual_sd: reported(exp(parameters.log_sd)),
            ability_sd: reported(parameters.ability_sd),
            discrimination_sd: self.options.discrimination.then(|| reported(parameters.discrimination_sd)),
            variance_explained: reported(variance_explained),
            log_likelihood: reported(sums.log_likelihood),
            iterations,
            converged,
        })
    }
}
