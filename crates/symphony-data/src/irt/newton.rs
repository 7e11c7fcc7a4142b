//! Newton's method for all shared parameters together.

use super::{
    DISCRIMINATION_PRIOR, Fitter, INTERCEPT_SD, MOST_HALVINGS, MOST_ITERATIONS, NEAR_ENOUGH, Parameters, Sums,
    covariance::Covariance,
    numeric::{exp, factored, ln, square},
    posterior::{BASIS, Lesson, Mode, Posterior, Prior, Workspace},
};

impl Fitter<'_> {
    /// Collects each parameter that a row affects, with the covariances of its derivative with the row's own parameters.
    pub(super) fn touched(
        &self,
        row: usize,
        work: &Workspace,
        prior: &Prior,
        mode: Mode,
        posterior: &Posterior,
        to: &mut Vec<(usize, [f64; BASIS])>,
    ) {
        let models = self.models();
        to.clear();
        to.extend(self.responses.answers(row).enumerate().map(|(c, a)| (a.model, work.shared(c).ability)));
        if self.slopes {
            let slopes = self.responses.answers(row).enumerate();
            to.extend(slopes.map(|(c, a)| (models + a.model, work.shared(c).slope)));
        }
        let precision = 1.0 / (prior.sd * prior.sd);
        let [with_difficulty, with_log, with_square, _, with_log_square] = posterior.covariance;
        let first = self.intercept();
        for (at, x) in self.design(row).iter().enumerate() {
            to.push((first + at, with_difficulty.map(|covariance| x * covariance * precision)));
        }
        // (b − m)² as a function of the distance from the mode.
        let off = 2.0 * (mode.difficulty - prior.mean);
        let own = precision * prior.estimated;
        let with_sd = std::array::from_fn(|axis| (with_square[axis] + off * with_difficulty[axis]) * own);
        to.push((self.log_sd(), with_sd));
        if let Some(sd) = prior.discrimination_sd {
            let off = 2.0 * mode.log_discrimination;
            let with_sd = std::array::from_fn(|axis| (with_log_square[axis] + off * with_log[axis]) / (sd * sd));
            to.push((self.log_sd() + 1, with_sd));
        }
    }

    /// Adds a row's gradient, and its information minus the missing information, for all parameters.
    pub(super) fn learn(
        &self,
        row: usize,
        work: &Workspace,
        prior: &Prior,
        posterior: &Posterior,
        touched: &[(usize, [f64; BASIS])],
        sums: &mut Sums,
    ) {
        let (models, size) = (self.models(), self.parameters());
        for (c, answer) in self.responses.answers(row).enumerate() {
            let j = answer.model;
            let Lesson { gradient, information } = work.lesson(c);
            sums.gradient[j] += gradient[0];
            sums.information[j * size + j] += information[0];
            if self.slopes {
                let s = models + j;
                sums.gradient[s] += gradient[1];
                sums.information[s * size + j] += information[1];
                sums.information[s * size + s] += information[2];
            }
        }
        let precision = 1.0 / (prior.sd * prior.sd);
        let off = posterior.difficulty - prior.mean;
        let square = (off * off + posterior.variance) * precision;
        let (first, last) = (self.intercept(), self.log_sd());
        let design = self.design(row);
        for (a, x) in design.iter().enumerate() {
            sums.gradient[first + a] += off * precision * x;
            for (b, y) in design[..=a].iter().enumerate() {
                sums.information[(first + a) * size + first + b] += x * y * precision;
            }
            sums.information[last * size + first + a] += 2.0 * off * precision * prior.estimated * x;
        }
        // With v = σ² + vᵢ, d ln v / d ln σ is twice the estimated share σ²/v, which itself changes with σ.
        let share = prior.estimated;
        sums.gradient[last] += share * (square - 1.0);
        sums.information[last * size + last] +=
            2.0 * share * share * square - 2.0 * share * (1.0 - share) * (square - 1.0);
        if let Some(sd) = prior.discrimination_sd {
            let square = posterior.square_log_discrimination / (sd * sd);
            sums.gradient[last + 1] += square - 1.0;
            sums.information[(last + 1) * size + last + 1] += 2.0 * square;
        }
        for (a, (i, own)) in touched.iter().enumerate() {
            let weighted: [f64; BASIS] =
                posterior.precision.map(|line| line.iter().zip(own).map(|(precision, own)| precision * own).sum());
            // The indices ascend, so these entries are in the lower triangle.
            let line = &mut sums.information[i * size..][..size];
            for (j, other) in &touched[..=a] {
                line[*j] -= weighted.iter().zip(other).map(|(x, y)| x * y).sum::<f64>();
            }
        }
    }

    /// The logarithm of the parameters' prior density, without constant terms.
    fn log_prior(&self, parameters: &Parameters) -> f64 {
        let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        let sd = (parameters.log_sd - self.prior.log_sd().0) / self.prior.log_sd().1;
        let slopes = parameters.coefficients[1..].iter().zip(self.prior.slopes());
        let of_discriminations = if self.options.discrimination {
            let (sd, rows) = DISCRIMINATION_PRIOR;
            let own = parameters.discrimination_sd;
            rows * (ln(own) + sd * sd / (2.0 * own * own))
        } else {
            0.0
        };
        -(squares(&parameters.ability) / (parameters.ability_sd * parameters.ability_sd)
            + squares(&parameters.log_slope) / square(self.prior.model_slope_sd())
            + slopes.map(|(slope, (mean, sd))| square((slope - mean) / sd)).sum::<f64>()
            + square(parameters.coefficients[0] / INTERCEPT_SD)
            + sd * sd)
            / 2.0
            - of_discriminations
    }

    /// Adds the prior's part to the gradient and the information.
    fn add_prior(&self, parameters: &Parameters, sums: &mut Sums) {
        let (models, size) = (self.models(), self.parameters());
        let mut add = |at: usize, value: f64, sd: f64| {
            sums.gradient[at] -= value / (sd * sd);
            sums.information[at * size + at] += 1.0 / (sd * sd);
        };
        for j in 0..models {
            add(j, parameters.ability[j], parameters.ability_sd);
            if self.slopes {
                add(models + j, parameters.log_slope[j], self.prior.model_slope_sd());
            }
        }
        let priors = std::iter::once((0.0, INTERCEPT_SD)).chain(self.prior.slopes());
        for (at, (mean, sd)) in priors.enumerate() {
            add(self.intercept() + at, parameters.coefficients[at] - mean, sd);
        }
        let last = self.log_sd();
        let (mean, sd) = self.prior.log_sd();
        add(last, parameters.log_sd - mean, sd);
        if self.options.discrimination {
            let (sd, rows) = DISCRIMINATION_PRIOR;
            let square = square(sd / parameters.discrimination_sd);
            sums.gradient[last + 1] += rows * (square - 1.0);
            sums.information[(last + 1) * size + last + 1] += 2.0 * rows * square;
        }
    }

    /// What integrating over abilities adds to the gradient of each ln s.
    ///
    /// The fit takes the most probable abilities. If all difficulties and abilities shrink and slopes grow, no probability
    /// changes, but the density of the abilities rises. It is their integral that should count, and that does not change,
    /// since they become as much less uncertain (Laplace's approximation, with information in proportion to s²). Without this
    /// term, the slopes of many models would be 9 % too large where known difficulties fix the unit. Elsewhere the models'
    /// mean slope does.
    pub(super) fn of_uncertain_abilities(&self, parameters: &Parameters, variances: &[f64]) -> Vec<f64> {
        let free = 1.0 - 1.0 / self.models() as f64;
        let share = |variance: &f64| variance / square(parameters.ability_sd) - free;
        variances.iter().map(|variance| if self.anchored { share(variance) } else { 0.0 }).collect()
    }

    /// Takes away what the answers say of the slopes on the prior's columns, so that steps leave these at their prior means.
    fn hold_slopes(&self, sums: &mut Sums) {
        let size = self.parameters();
        for at in self.intercept() + 1..self.log_sd() {
            sums.gradient[at] = 0.0;
            for other in 0..size {
                sums.information[at * size + other] = 0.0;
                sums.information[other * size + at] = 0.0;
            }
        }
    }

    /// The parameters after a step.
    fn moved(&self, from: &Parameters, step: &[f64]) -> Parameters {
        let models = self.models();
        let mut to = from.clone();
        let (abilities, rest) = step.split_at(models);
        let (slopes, rest) = rest.split_at(if self.slopes { models } else { 0 });
        to.ability.iter_mut().zip(abilities).for_each(|(x, step)| *x += step);
        to.log_slope.iter_mut().zip(slopes).for_each(|(x, step)| *x += step);
        to.coefficients.iter_mut().zip(rest).for_each(|(x, step)| *x += step);
        to.log_sd += rest[self.width];
        if self.options.discrimination {
            to.discrimination_sd *= exp(rest[self.width + 1]);
        }
        to
    }

    /// The covariance of the shared parameters, from the information in `sums` and in the prior, and the gradient.
    pub(super) fn covariance(&self, mut sums: Sums, parameters: &Parameters) -> (Covariance, Vec<f64>) {
        self.add_prior(parameters, &mut sums);
        let cholesky = factored(&sums.information, self.parameters());
        (Covariance::of(cholesky, self.models(), self.slopes && !self.anchored), sums.gradient)
    }

    /// Runs Newton's method in the directions that keep the mean ability and, unless known difficulties fix the unit, the mean
    /// slope. Halves a step that lowers the density. Returns the sums at the end, the number of rounds, and whether it
    /// converged; `None` if stopped.
    pub(super) fn newton(&self, parameters: &mut Parameters, modes: &mut [Mode]) -> Option<(Sums, (usize, bool))> {
        let (mut sums, _) = self.pass(parameters, modes, true)?;
        let mut iterations = 1;
        while iterations < MOST_ITERATIONS {
            let mut own = sums.clone();
            if self.alike {
                self.hold_slopes(&mut own);
            }
            let (covariance, mut gradient) = self.covariance(own, parameters);
            let variances: Vec<f64> = (0..self.models()).map(|j| covariance.variance(j)).collect();
            let tilts = self.of_uncertain_abilities(parameters, &variances);
            if self.slopes {
                gradient[self.models()..].iter_mut().zip(&tilts).for_each(|(sum, tilt)| *sum += tilt);
            }
            let tilt = |own: &Parameters| own.log_slope.iter().zip(&tilts).map(|(s, tilt)| s * tilt).sum::<f64>();
            let mut step = covariance.times(&gradient);
            let longest = step.iter().fold(0.0_f64, |longest, x| longest.max(x.abs()));
            if longest > 1.0 {
                step.iter_mut().for_each(|x| *x /= longest);
            }
            let before = sums.log_likelihood + self.log_prior(parameters) + tilt(parameters);
            let mut shorter = 0;
            loop {
                let mut tried = self.moved(parameters, &step);
                tried.update_ability_sd(&variances);
                if shorter == 0 && parameters.distance(&tried) < NEAR_ENOUGH {
                    // Such a short step needs no further pass, and the remaining distance is far shorter.
                    *parameters = tried;
                    return Some((sums, (iterations, true)));
                }
                let (new, _) = self.pass(&tried, modes, true)?;
                iterations += 1;
                // Compare at the same τ: the best τ for these abilities lowers their density if they lie farther apart.
                let of_prior = self.log_prior(&Parameters { ability_sd: parameters.ability_sd, ..tried.clone() });
                let density = new.log_likelihood + of_prior + tilt(&tried);
                // The tolerance keeps quadrature error from looking like a step down.
                if density >= before - 1e-7 * before.abs().max(1.0) {
                    (*parameters, sums) = (tried, new);
                    break;
                }
                if shorter == MOST_HALVINGS {
                    // Quadrature cannot resolve a further step up: this is the maximum, unless the last step was long.
                    return Some((sums, (iterations, longest < 0.1)));
                }
                step.iter_mut().for_each(|x| *x /= 2.0);
                shorter += 1;
            }
        }
        Some((sums, (iterations, false)))
    }
}
