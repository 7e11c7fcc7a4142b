//! What is reported of a fit.

use rayon::prelude::*;

use super::{
    Ability, Difficulty, Fit, Fitter, Parameters, SLOPE_SD, Sums, WEAK_FEATURES, mean,
    row::{Mode, Quadrature, Wanted, Workspace},
};
use crate::evidence::responses::Answer;

impl Fitter<'_> {
    /// What is reported: each row's posterior, and standard errors that know that the models' parameters are estimates.
    pub(super) fn finish(
        &self,
        parameters: &Parameters,
        modes: &mut [Mode],
        sums: &Sums,
        (iterations, converged): (usize, bool),
    ) -> Fit {
        let (models, size) = (self.models(), self.parameters());
        let slopes: Vec<f64> = parameters.log_slope.iter().map(|s| s.exp()).collect();
        let means: Vec<f64> = (0..modes.len()).map(|row| self.prior(parameters, row).mean).collect();
        let center = mean(&means);
        let explained = mean(&means.iter().map(|x| (x - center) * (x - center)).collect::<Vec<_>>());
        let variance_explained = explained / (explained + (2.0 * parameters.log_sd).exp());
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
        let difficulties = modes
            .par_chunks_mut(self.chunk)
            .enumerate()
            .map(|(chunk, modes)| {
                let mut work = Workspace::default();
                let mut touched = Vec::new();
                let own = modes.iter_mut().enumerate().map(|(at, mode)| {
                    let row = chunk * self.chunk + at;
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
                                (work.shared(c).ability[0] * standard_errors[answer.model]).powi(2)
                            };
                            self.responses.answers(row).enumerate().map(of_model).sum::<f64>()
                        }
                    };
                    Difficulty {
                        difficulty: posterior.difficulty,
                        standard_error: (posterior.variance + of_models).sqrt(),
                        discrimination: posterior.log_discrimination.exp(),
                        expected_error: posterior.expected_error,
                    }
                });
                own.collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
            .concat();
        let ability =
            |j: usize| Ability { ability: parameters.ability[j], standard_error: standard_errors[j], slope: slopes[j] };
        Fit {
            abilities: (0..models).map(ability).collect(),
            difficulties,
            coefficients: parameters.coefficients[1..].to_vec(),
            intercept: parameters.coefficients[0],
            residual_sd: parameters.log_sd.exp(),
            ability_sd: parameters.ability_sd,
            discrimination_sd: self.options.discrimination.then_some(parameters.discrimination_sd),
            variance_explained,
            log_likelihood: sums.log_likelihood,
            iterations,
            converged,
        }
    }
}
