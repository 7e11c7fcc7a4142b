//! The posterior of one row's difficulty and discrimination, given its answers, the prior and the models.
//!
//! It is integrated on nodes around its mode (adaptive quadrature: Naylor & Smith, 1982; with one node this is Laplace's
//! approximation). A row with more answers gets fewer nodes.

use super::{
    Quadrature, Wanted,
    numeric::{exp, ln, logistic, square},
    quadrature::{Means, Point, Shared},
};

/// The answers to one row, as columns: the model's ability and slope, the score, and the number of answers it counts for.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    pub ability: Vec<f64>,
    pub slope: Vec<f64>,
    pub score: Vec<f64>,
    pub weight: Vec<f64>,
    /// Whether any weight differs from 1.
    pub weighted: bool,
}

impl Answers {
    pub fn clear(&mut self) {
        self.weighted = false;
        for column in [&mut self.ability, &mut self.slope, &mut self.score, &mut self.weight] {
            column.clear();
        }
    }

    pub fn len(&self) -> usize {
        self.score.len()
    }
}

/// The prior of a row's parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    /// The mean of the difficulty.
    pub mean: f64,
    /// The standard deviation of the difficulty.
    pub sd: f64,
    /// The share of its square that is σ².
    pub estimated: f64,
    /// The standard deviation of the logarithm of the discrimination; `None` if all rows discriminate equally.
    pub discrimination_sd: Option<f64>,
    /// How often a guess is right.
    pub chance: f64,
}

/// The mode of a row's posterior: difficulty, and logarithm of the discrimination.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mode {
    pub difficulty: f64,
    pub log_discrimination: f64,
}

/// How near the mode a search ends, in logits, and after how many steps at most.
const NEAR_MODE: f64 = 1e-7;
const MOST_STEPS: usize = 50;

/// The number of basis functions of a row's parameters. They capture almost all of the covariance between the row's
/// parameters and the derivatives of models and prior. Linear functions alone would miss σ and ω.
pub(super) const BASIS: usize = 5;
/// A symmetric matrix over the basis functions.
pub(super) type Matrix = [[f64; BASIS]; BASIS];

/// The moments of a row's posterior.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Posterior {
    pub difficulty: f64,
    pub log_discrimination: f64,
    /// The variance of the difficulty.
    pub variance: f64,
    /// The mean of the square of the logarithm of the discrimination.
    pub square_log_discrimination: f64,
    /// The covariances of [`BASIS`] functions of the row's parameters: difficulty, logarithm of the discrimination, the
    /// square and the cube of the difficulty's distance from the mode, and the square of the logarithm's.
    pub covariance: Matrix,
    /// The inverse of `covariance`.
    pub precision: Matrix,
    /// The logarithm of the probability of the answers, with the row's own parameters integrated out.
    pub log_likelihood: f64,
    /// The mean failure probability over abilities, if it was requested.
    pub expected_error: f64,
}

/// The derivatives for one answer's model, averaged over the row's posterior.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lesson {
    /// The mean derivative of the log-likelihood by ability, and by the logarithm of the slope.
    pub gradient: [f64; 2],
    /// The mean information: on ability, on both, on the logarithm of the slope.
    pub information: [f64; 3],
}

/// Buffers that are reused from row to row.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub answers: Answers,
    point: Point,
    /// For each answer, sums over nodes.
    lessons: Vec<(Lesson, Shared)>,
    /// For each answer, sums over nodes of the squared residual and of the variance p(1 − p), if they were requested.
    residuals: Vec<[f64; 2]>,
    /// The totals that turn these sums into means.
    means: Means,
}

impl Prior {
    /// The logarithm of the prior density, without constant terms.
    fn log_density(&self, mode: Mode) -> f64 {
        let z = (mode.difficulty - self.mean) / self.sd;
        let own = -z * z / 2.0 - ln(self.sd);
        own + self.discrimination_sd.map_or(0.0, |sd| {
            let z = mode.log_discrimination / sd;
            -z * z / 2.0 - ln(sd)
        })
    }
}

impl Workspace {
    /// The most probable difficulty and discrimination of the row whose answers are in `answers`, given the models.
    pub fn curve(&mut self, prior: Prior) -> (f64, f64) {
        self.point.make_room(self.answers.len());
        let mut mode = Mode { difficulty: prior.mean, log_discrimination: 0.0 };
        self.climb(prior, &mut mode, NEAR_MODE, MOST_STEPS);
        (mode.difficulty, exp(mode.log_discrimination))
    }

    /// The posterior of the row whose answers are in `answers`. The search for its mode starts at `mode` and updates it.
    /// Afterwards, [`Self::lesson`] and [`Self::shared`] give the derivatives for the models.
    pub fn posterior(&mut self, prior: Prior, mode: &mut Mode, quadrature: &Quadrature, wanted: Wanted) -> Posterior {
        let dimensions = 1 + usize::from(prior.discrimination_sd.is_some());
        let n = self.answers.len();
        self.point.make_room(n);
        let nodes = match wanted {
            // In the last pass, the width of the posterior matters even if it is narrow.
            Wanted::ExpectedErrorToo if n > 2048 => &quadrature.rules[5],
            _ => quadrature.of(n, dimensions),
        };
        // Several nodes make up for a mode that is slightly off. For a single node, each round takes two steps towards the
        // mode while the models' parameters move too; only the last pass climbs all the way.
        let near = if nodes.len() > 1 { 1e-3 } else { NEAR_MODE };
        let steps = if nodes.len() == 1 && wanted == Wanted::Lessons { 2 } else { MOST_STEPS };
        let curvature = self.climb(prior, mode, near, steps);
        // The root of the inverse curvature.
        let [bb, bl, ll] = curvature;
        let determinant = if dimensions == 1 { bb } else { bb * ll - bl * bl };
        let (root_b, root_bl, root_l) = if dimensions == 1 {
            (1.0 / bb.sqrt(), 0.0, 0.0)
        } else {
            let variance = ll / determinant;
            let root_b = variance.sqrt();
            let root_bl = -bl / determinant / root_b;
            (root_b, root_bl, (bb / determinant - root_bl * root_bl).max(0.0).sqrt())
        };
        let mut sums = Sums::default();
        let mut at_mode = 0.0;
        if nodes.len() == 1 {
            // The point was placed at the mode, or very close to it.
            let value = self.point.log_likelihood(&self.answers, prior.chance) + prior.log_density(*mode);
            sums.add(1.0, [0.0; 2]);
            if wanted == Wanted::Residuals {
                self.residuals.clear();
                self.residuals.resize(n, Default::default());
                self.add_residuals(1.0, prior.chance);
            }
            if wanted == Wanted::ExpectedErrorToo {
                let discrimination = exp(mode.log_discrimination);
                sums.error = (1.0 - prior.chance) * quadrature.failing(mode.difficulty, discrimination);
            }
            at_mode = value;
        } else {
            self.lessons.clear();
            self.lessons.resize(n, Default::default());
            self.residuals.clear();
            self.residuals.resize(n, Default::default());
            // Log discriminations are close to normal, and the answers determine them less than their prior does.
            let others = if dimensions == 1 { &quadrature.rules[6] } else { quadrature.of_discriminations(n) };
            let mut first = true;
            // The other values are taken relative to the middle one, so that no exponent is large.
            for &(z, weight) in &middle_first(nodes) {
                for &(other, other_weight) in &middle_first(others) {
                    let step = [root_b * z, root_bl * z + root_l * other];
                    let place = Mode {
                        difficulty: mode.difficulty + step[0],
                        log_discrimination: mode.log_discrimination + step[1],
                    };
                    let discrimination = exp(place.log_discrimination);
                    self.point.place(&self.answers, place.difficulty, discrimination, prior.chance);
                    let value = self.point.log_likelihood(&self.answers, prior.chance) + prior.log_density(place);
                    if first {
                        (at_mode, first) = (value, false);
                    }
                    let own = weight * other_weight * exp(value - at_mode + f64::midpoint(z * z, other * other));
                    let basis = sums.add(own, step);
                    if wanted == Wanted::ExpectedErrorToo {
                        sums.error += own * (1.0 - prior.chance) * quadrature.failing(place.difficulty, discrimination);
                    }
                    if wanted == Wanted::Residuals {
                        self.add_residuals(own, prior.chance);
                    } else {
                        self.learn(own, discrimination, basis);
                    }
                }
            }
        }
        let total = sums.weight;
        let mean = sums.mean.map(|sum| sum / total);
        let alone = nodes.len() == 1;
        let mut covariance = Matrix::default();
        for a in 0..BASIS {
            for b in 0..BASIS {
                covariance[a][b] = sums.square[a][b] / total - mean[a] * mean[b];
            }
        }
        if alone {
            let of_normal =
                [[root_b * root_b, root_b * root_bl], [root_b * root_bl, root_bl * root_bl + root_l * root_l]];
            for a in 0..2 {
                covariance[a][..2].copy_from_slice(&of_normal[a]);
            }
        }
        let at_mode_alone = alone.then(|| (exp(mode.log_discrimination), covariance));
        self.means = Means { alone: at_mode_alone, total, mean };
        let log_discrimination = mode.log_discrimination + mean[1];
        Posterior {
            difficulty: mode.difficulty + mean[0],
            log_discrimination,
            variance: covariance[0][0],
            square_log_discrimination: covariance[1][1] + log_discrimination * log_discrimination,
            precision: inverse(&covariance),
            covariance,
            log_likelihood: at_mode + ln(total) - ln(determinant) / 2.0,
            expected_error: sums.error / total,
        }
    }

    /// Moves `mode` to the mode of the posterior by Fisher scoring, places the point there, and returns the curvature: of
    /// difficulty, of both, and of the logarithm of the discrimination.
    fn climb(&mut self, prior: Prior, mode: &mut Mode, near: f64, steps: usize) -> [f64; 3] {
        let mut curvature = [0.0; 3];
        for _ in 0..steps {
            let discrimination = exp(mode.log_discrimination);
            self.point.place(&self.answers, mode.difficulty, discrimination, prior.chance);
            let precision = 1.0 / (prior.sd * prior.sd);
            let mut slope = [(prior.mean - mode.difficulty) * precision, 0.0];
            curvature = [precision, 0.0, 1.0];
            let Point { logit, residual, information, .. } = &self.point;
            if let Some(sd) = prior.discrimination_sd {
                slope[1] = -mode.log_discrimination / (sd * sd);
                curvature[2] = 1.0 / (sd * sd);
                for (c, a) in self.answers.slope.iter().enumerate() {
                    let by_difficulty = -discrimination * a;
                    slope[0] += residual[c] * by_difficulty;
                    slope[1] += residual[c] * logit[c];
                    curvature[0] += information[c] * by_difficulty * by_difficulty;
                    curvature[1] += information[c] * by_difficulty * logit[c];
                    curvature[2] += information[c] * logit[c] * logit[c];
                }
            } else {
                for (c, a) in self.answers.slope.iter().enumerate() {
                    slope[0] -= residual[c] * a;
                    curvature[0] += information[c] * a * a;
                }
            }
            let [bb, bl, ll] = curvature;
            let determinant = bb * ll - bl * bl;
            let step = [(ll * slope[0] - bl * slope[1]) / determinant, (bb * slope[1] - bl * slope[0]) / determinant];
            // A row that all models solve lies far out; one long step there would overshoot.
            let step = [step[0].clamp(-2.0, 2.0), step[1].clamp(-0.5, 0.5)];
            mode.difficulty += step[0];
            mode.log_discrimination += step[1];
            if step[0].abs() < near / bb.sqrt() && step[1].abs() < near / ll.sqrt() {
                break;
            }
        }
        curvature
    }

    /// Adds the models' derivatives at the point placed last.
    fn learn(&mut self, weight: f64, discrimination: f64, basis: [f64; BASIS]) {
        let n = self.answers.len();
        let Point { logit, residual, information, .. } = &self.point;
        let (logit, residual, information) = (&logit[..n], &residual[..n], &information[..n]);
        let (slope, lessons) = (&self.answers.slope[..n], &mut self.lessons[..n]);
        let weighted = basis.map(|x| weight * x);
        for c in 0..n {
            let by = [discrimination * slope[c], logit[c]];
            let [by_ability, by_slope] = by.map(|by| residual[c] * by);
            let own = weight * information[c];
            let (lesson, shared) = &mut lessons[c];
            lesson.gradient[0] += weight * by_ability;
            lesson.gradient[1] += weight * by_slope;
            lesson.information[0] += own * by[0] * by[0];
            lesson.information[1] += own * by[0] * by[1];
            lesson.information[2] += own * by[1] * by[1];
            for (axis, weight) in weighted.iter().enumerate() {
                shared.ability[axis] += weight * by_ability;
                shared.slope[axis] += weight * by_slope;
            }
        }
    }

    /// Adds the squared residuals and the variances of the answers at the point placed last.
    fn add_residuals(&mut self, weight: f64, chance: f64) {
        for (c, [square_sum, variance_sum]) in self.residuals.iter_mut().enumerate() {
            let p = chance + (1.0 - chance) * logistic(self.point.logit[c]);
            *square_sum += weight * square(self.answers.score[c] - p);
            *variance_sum += weight * p * (1.0 - p);
        }
    }

    /// The squared residual of answer `c` and its variance p(1 − p), as means over the posterior.
    pub fn residual(&self, c: usize) -> [f64; 2] {
        let total = self.means.total;
        self.residuals[c].map(|sum| sum / total)
    }

    /// The derivatives for the model of answer `c`.
    pub fn lesson(&self, c: usize) -> Lesson {
        if let Some((discrimination, _)) = self.means.alone {
            let by = [discrimination * self.answers.slope[c], self.point.logit[c]];
            let information = self.point.information[c];
            return Lesson {
                gradient: by.map(|by| self.point.residual[c] * by),
                information: [information * by[0] * by[0], information * by[0] * by[1], information * by[1] * by[1]],
            };
        }
        let Lesson { gradient, information } = self.lessons[c].0;
        let total = self.means.total;
        Lesson { gradient: gradient.map(|sum| sum / total), information: information.map(|sum| sum / total) }
    }

    /// The covariances of those derivatives with the row's own parameters.
    pub fn shared(&self, c: usize) -> Shared {
        if let Some((discrimination, covariance)) = &self.means.alone {
            // The second derivatives by the row's parameters, times the parameters' covariances.
            let (logit, information) = (self.point.logit[c], self.point.information[c]);
            let by = discrimination * self.answers.slope[c];
            let moved: [f64; BASIS] =
                std::array::from_fn(|axis| logit * covariance[1][axis] - by * covariance[0][axis]);
            return Shared {
                ability: moved.map(|moved| -information * by * moved),
                slope: moved.map(|moved| -information * logit * moved),
            };
        }
        let (sums, [by_ability, by_slope]) = (&self.lessons[c].1, self.lesson(c).gradient);
        let Means { total, mean, .. } = self.means;
        Shared {
            ability: std::array::from_fn(|axis| sums.ability[axis] / total - mean[axis] * by_ability),
            slope: std::array::from_fn(|axis| sums.slope[axis] / total - mean[axis] * by_slope),
        }
    }
}

#[derive(Debug, Default)]
struct Sums {
    weight: f64,
    mean: [f64; BASIS],
    square: Matrix,
    error: f64,
}

impl Sums {
    /// Adds a node that lies `step` away from the mode. Returns the [`BASIS`] functions there.
    fn add(&mut self, weight: f64, step: [f64; 2]) -> [f64; BASIS] {
        self.weight += weight;
        let basis = [step[0], step[1], step[0] * step[0], step[0] * step[0] * step[0], step[1] * step[1]];
        for (a, x) in basis.iter().enumerate() {
            self.mean[a] += weight * x;
            for (b, y) in basis.iter().enumerate() {
                self.square[a][b] += weight * x * y;
            }
        }
        basis
    }
}

/// The inverse of a covariance matrix, with zeros for functions that are constant or linearly depend on others.
fn inverse(covariance: &Matrix) -> Matrix {
    let (mut left, mut right) = (*covariance, Matrix::default());
    (0..BASIS).for_each(|a| right[a][a] = 1.0);
    let mut used = [false; BASIS];
    for _ in 0..BASIS {
        let best = (0..BASIS).filter(|a| !used[*a]).max_by(|a, b| left[*a][*a].total_cmp(&left[*b][*b]));
        let Some(pivot) = best.filter(|a| left[*a][*a] > 1e-10 * covariance[*a][*a] && left[*a][*a] > 0.0) else {
            break;
        };
        used[pivot] = true;
        let by = left[pivot][pivot];
        left[pivot].iter_mut().chain(&mut right[pivot]).for_each(|x| *x /= by);
        for a in (0..BASIS).filter(|a| *a != pivot) {
            let factor = left[a][pivot];
            for b in 0..BASIS {
                left[a][b] -= factor * left[pivot][b];
                right[a][b] -= factor * right[pivot][b];
            }
        }
    }
    for a in 0..BASIS {
        for b in 0..BASIS {
            if !used[a] || !used[b] {
                right[a][b] = 0.0;
            }
        }
    }
    right
}

/// The same nodes, with the middle one first.
fn middle_first(nodes: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut nodes = nodes.to_vec();
    let middle = nodes.len() / 2;
    nodes[..=middle].rotate_right(1);
    nodes
}
