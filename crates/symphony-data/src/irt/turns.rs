//! Alternating expectation and maximization, model by model.

use super::{
    DISCRIMINATION_PRIOR, Fitter, INTERCEPT_SD, NEAR_ENOUGH, Parameters, Sums, mean,
    numeric::{exp, factored, square},
    posterior::{Lesson, Mode, Posterior, Workspace},
};

impl Fitter<'_> {
    /// Adds a row's gradient and information for each model separately.
    pub(super) fn learn_apart(&self, row: usize, work: &Workspace, sums: &mut Sums) {
        let models = self.models();
        for (c, answer) in self.responses.answers(row).enumerate() {
            let j = answer.model;
            let Lesson { gradient, information } = work.lesson(c);
            sums.gradient[j] += gradient[0];
            sums.gradient[models + j] += gradient[1];
            sums.information[j] += information[0];
            sums.information[models + j] += information[1];
            sums.information[2 * models + j] += information[2];
        }
    }

    /// Alternates expectation and maximization, for panels so large that each row is determined well. Returns the number of
    /// rounds and whether it converged; `None` if stopped.
    pub(super) fn maximize(
        &self,
        parameters: &mut Parameters,
        modes: &mut [Mode],
        most: usize,
    ) -> Option<(usize, bool)> {
        let models = self.models();
        for iteration in 1..=most {
            let (sums, posteriors) = self.pass(parameters, modes, false)?;
            let before = parameters.clone();
            let mut variances = Vec::with_capacity(models);
            for j in 0..models {
                let precision = 1.0 / (parameters.ability_sd * parameters.ability_sd);
                let (aa, ab) = (sums.information[j] + precision, sums.information[models + j]);
                let bb = sums.information[2 * models + j] + 1.0 / square(self.prior.model_slope_sd());
                let determinant = aa * bb - ab * ab;
                let variance = bb / determinant;
                let tilt = self.of_uncertain_abilities(parameters, &[variance])[0];
                let gradient = [
                    sums.gradient[j] - parameters.ability[j] * precision,
                    sums.gradient[models + j] - parameters.log_slope[j] / square(self.prior.model_slope_sd()) + tilt,
                ];
                parameters.ability[j] += ((bb * gradient[0] - ab * gradient[1]) / determinant).clamp(-1.0, 1.0);
                parameters.log_slope[j] += ((aa * gradient[1] - ab * gradient[0]) / determinant).clamp(-0.3, 0.3);
                variances.push(variance);
            }
            self.regress(parameters, &posteriors);
            parameters.update_ability_sd(&variances);
            let mut log_discrimination = 0.0;
            if self.options.discrimination {
                let rows = self.responses.rows() as f64;
                log_discrimination = posteriors.iter().map(|row| row.log_discrimination).sum::<f64>() / rows;
                let (sd, weight) = DISCRIMINATION_PRIOR;
                let squares = sums.square_log_discrimination - rows * log_discrimination * log_discrimination;
                parameters.discrimination_sd = ((squares + weight * sd * sd) / (rows + weight)).sqrt();
            }
            self.center(parameters, modes, log_discrimination);
            let change = before.distance(parameters);
            if change < NEAR_ENOUGH || iteration == most {
                return Some((iteration, change < NEAR_ENOUGH));
            }
        }
        None
    }

    /// Updates the regression of difficulty on the prior's columns, and σ from its residuals.
    fn regress(&self, parameters: &mut Parameters, posteriors: &[Posterior]) {
        let width = self.width;
        let known = |row: usize| self.variances.get(row).copied().unwrap_or_default();
        let estimated = exp(2.0 * parameters.log_sd);
        let mut normal = vec![0.0; width * width];
        let mut right = vec![0.0; width];
        for (row, posterior) in posteriors.iter().enumerate() {
            let design = self.design(row);
            let precision = 1.0 / (estimated + known(row));
            for (a, x) in design.iter().enumerate() {
                right[a] += x * posterior.difficulty * precision;
                for (b, y) in design.iter().enumerate() {
                    normal[a * width + b] += x * y * precision;
                }
            }
        }
        let priors = std::iter::once((0.0, INTERCEPT_SD)).chain(self.prior.slopes());
        for (at, (mean, sd)) in priors.enumerate() {
            normal[at * width + at] += 1.0 / square(sd);
            right[at] += mean / square(sd);
        }
        let coefficients = factored(&normal, width).solve(&right);
        parameters.coefficients.clone_from(&coefficients);
        let left = |(row, posterior): (usize, &Posterior)| {
            let expected: f64 = self.design(row).iter().zip(&coefficients).map(|(x, b)| x * b).sum();
            square(posterior.difficulty - expected) + posterior.variance
        };
        let squares: Vec<f64> = posteriors.iter().enumerate().map(left).collect();
        // The most probable ln σ is the root of Σ w·(S/v − 1) − (ln σ − m)/s², where v = σ² + vᵢ and w = σ²/v. The last step
        // is Fisher's scoring, whose information is positive everywhere.
        let (mean, sd) = self.prior.log_sd();
        let mut log_sd = parameters.log_sd;
        for _ in 0..50 {
            let estimated = exp(2.0 * log_sd);
            let (mut slope, mut information) = ((mean - log_sd) / square(sd), 1.0 / square(sd));
            for (row, squares) in squares.iter().enumerate() {
                let share = estimated / (estimated + known(row));
                let part = share * squares / (estimated + known(row));
                slope += part - share;
                information += 2.0 * share * part;
            }
            let step = (slope / information).clamp(-0.5, 0.5);
            log_sd += step;
            if step.abs() < 1e-9 {
                break;
            }
        }
        parameters.log_sd = log_sd;
    }

    /// Moves the zero of the scale to the mean ability and, unless known difficulties fix the unit, the unit to the mean slope.
    /// The move of the unit changes no probability. Results are reported on this scale. `log_discrimination` is the mean of ln a, and should be 0. Plain alternation would
    /// need hundreds of rounds to get there if rows are determined well, so the parameters are expanded by it (Liu, Rubin &
    /// Wu, 1998).
    fn center(&self, parameters: &mut Parameters, modes: &mut [Mode], log_discrimination: f64) {
        let shift = mean(&parameters.ability);
        if self.anchored {
            parameters.ability.iter_mut().for_each(|x| *x -= shift);
            parameters.coefficients[0] -= shift;
            modes.iter_mut().for_each(|mode| mode.difficulty -= shift);
            return;
        }
        let log_slope = mean(&parameters.log_slope);
        let scale = log_slope + log_discrimination;
        let unit = exp(scale);
        parameters.ability.iter_mut().for_each(|x| *x = (*x - shift) * unit);
        parameters.log_slope.iter_mut().for_each(|x| *x -= log_slope);
        parameters.coefficients[0] -= shift;
        parameters.coefficients.iter_mut().for_each(|x| *x *= unit);
        parameters.log_sd += scale;
        parameters.ability_sd *= unit;
        for mode in modes {
            mode.difficulty = (mode.difficulty - shift) * unit;
            mode.log_discrimination -= log_discrimination;
        }
    }
}
