//! The reported results of a fit, rounded to four decimals.
//!
//! The fit stops at a step of less than 0.003 logits. A failure probability changes by at most a quarter as much, so three
//! of its decimals are reliable, and in panels of up to about fifty models, which end with a step of Newton's method, the
//! fourth too. Further decimals depend on the order in which numbers were added; they would break ties between rows with
//! the same evidence.

use rayon::prelude::*;

use super::{
    Abilities, Ability, CURVE_SD, Curve, Fit, Fitter, Parameters, RowDifficulty, Sums, WEAK_FEATURES, mean,
    numeric::{exp, reported, square},
    posterior::{Mode, Prior, Workspace},
    quadrature::{Quadrature, Wanted},
};
use crate::response::Answer;

impl Fitter<'_> {
    /// Computes the reported results: each row's posterior, and standard errors that include the uncertainty of the models'
    /// parameters. `None` if stopped.
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
        let residual = exp(2.0 * parameters.log_sd);
        let variance_explained = explained / (explained + residual);
        let covariance = self.whole().then(|| self.covariance(sums.clone(), parameters).0);
        // Features are weak only if the answers show it: one standard error more would still explain little.
        let uncertain = covariance.as_ref().filter(|_| explained > 0.0).map_or(0.0, |covariance| {
            // The derivative of the explained variance's root by each slope.
            let mut by_slope = vec![0.0; size];
            for (own, predicted) in self.design.chunks_exact(self.width).zip(&means) {
                let part = (predicted - center) / (modes.len() as f64 * explained.sqrt());
                own[1..].iter().enumerate().for_each(|(at, x)| by_slope[self.intercept() + 1 + at] += x * part);
            }
            covariance.variance_of(&by_slope).sqrt()
        });
        let at_most = square(explained.sqrt() + uncertain);
        let weak = !self.anchored && at_most < WEAK_FEATURES * (at_most + residual);
        let standard_errors: Vec<f64> = (0..models)
            .map(|j| match &covariance {
                Some(covariance) => covariance.variance(j).sqrt(),
                None => {
                    let aa = sums.information[j] + 1.0 / (parameters.ability_sd * parameters.ability_sd);
                    let (ab, bb) = (sums.information[models + j], sums.information[2 * models + j]);
                    (1.0 / (aa - ab * ab / (bb + 1.0 / square(self.prior.model_slope_sd())))).sqrt()
                }
            })
            .collect();
        // On the scale of the known difficulties, the panel's mean ability lies this far below 0.
        let shift = if self.anchored { parameters.coefficients[0] } else { 0.0 };
        let abilities = self.abilities(parameters, shift);
        let quadrature = Quadrature::around(abilities.mean + shift, abilities.sd);
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
                    // Start from the same place every time, so that rows with the same answers and features get the same
                    // bits and tie.
                    *mode = Mode { difficulty: prior.mean, log_discrimination: 0.0 };
                    // If all answers are the same, they bound the row's difficulty on one side only and the prior decides the
                    // rest. Features that explain almost nothing should not order such rows.
                    let scores = &work.answers.score;
                    let same = |score: f64| scores.iter().all(|y| *y == score);
                    if weak && !scores.is_empty() && (same(0.0) || same(1.0)) {
                        prior.mean = center;
                        mode.difficulty = center;
                    }
                    let posterior = work.posterior(prior, mode, &quadrature, Wanted::ExpectedErrorToo);
                    let of_models = match &covariance {
                        Some(covariance) => {
                            self.touched(row, &work, &prior, *mode, &posterior, &mut touched);
                            let mut with_difficulty = vec![0.0; size];
                            touched.iter().for_each(|(at, with)| with_difficulty[*at] = with[0]);
                            if self.anchored {
                                with_difficulty[self.intercept()] -= 1.0;
                            }
                            covariance.variance_of(&with_difficulty)
                        }
                        None => {
                            let of_model = |(c, answer): (usize, Answer)| {
                                square(work.shared(c).ability[0] * standard_errors[answer.model])
                            };
                            self.responses.answers(row).enumerate().map(of_model).sum::<f64>()
                        }
                    };
                    let (difficulty, discrimination) = (posterior.difficulty, exp(posterior.log_discrimination));
                    let (of_curve, sharpness) = match prior.discrimination_sd {
                        Some(_) => (difficulty, discrimination),
                        None => work.curve(Prior { discrimination_sd: Some(CURVE_SD), ..prior }),
                    };
                    Some(RowDifficulty {
                        difficulty: reported(difficulty - shift),
                        standard_error: reported((posterior.variance + of_models).sqrt()),
                        discrimination: reported(discrimination),
                        expected_error: reported(posterior.expected_error),
                        curve: Curve { difficulty: reported(of_curve - shift), discrimination: reported(sharpness) },
                    })
                });
                own.collect()
            })
            .collect();
        let ability = |j: usize| Ability {
            ability: reported(parameters.ability[j] - shift),
            standard_error: reported(standard_errors[j]),
            slope: reported(slopes[j]),
        };
        Some(Fit {
            abilities: (0..models).map(ability).collect(),
            difficulties: difficulties?.concat(),
            coefficients: parameters.coefficients[1..].iter().map(|slope| reported(*slope)).collect(),
            scales: self.prior.scales(),
            intercept: reported(parameters.coefficients[0] - shift),
            residual_sd: reported(exp(parameters.log_sd)),
            ability_sd: reported(abilities.sd),
            ability_mean: reported(abilities.mean),
            discrimination_sd: self.options.discrimination.then(|| reported(parameters.discrimination_sd)),
            tries_in_common: self.reported_tries_in_common(parameters).map(reported),
            variance_explained: reported(variance_explained),
            log_likelihood: reported(sums.log_likelihood),
            iterations,
            converged,
        })
    }

    /// The abilities that expected errors are averaged over: the panel's, and with known difficulties those of both panels, each
    /// model counting once.
    fn abilities(&self, parameters: &Parameters, shift: f64) -> Abilities {
        let (own, sd) = (self.models(), parameters.ability_sd);
        let Some(known) = self.prior.anchor() else { return Abilities { models: own, mean: 0.0, sd } };
        let models = own + known.models;
        let share = own as f64 / models as f64;
        let mean = known.mean + share * (-shift - known.mean);
        let spread = |sd: f64, of: f64| square(sd) + square(of - mean);
        let variance = share * spread(sd, -shift) + (1.0 - share) * spread(known.sd, known.mean);
        Abilities { models, mean, sd: variance.sqrt() }
    }
}
