//! One row: what its answers, and the prior, say of its difficulty and discrimination, given the models.
//!
//! The posterior is integrated on nodes laid around its mode (adaptive quadrature: Naylor & Smith, 1982; with one node it
//! is Laplace's approximation), fewer the more answers there are.

use super::{
    Quadrature, Wanted,
    numeric::{exp, ln},
    quadrature::{Means, Point, Shared},
};

/// The answers to one row, as columns: for each, its model's ability and slope, the score, and how many answers it counts
/// for.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    pub ability: Vec<f64>,
    pub slope: Vec<f64>,
    pub score: Vec<f64>,
    pub weight: Vec<f64>,
    /// Whether any weight is other than 1.
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

/// What is believed of a row before it is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    /// The mean of the difficulty.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
    /// The standard deviation of the logarithm of the discrimination; `None`: all rows discriminate alike.
    pub discrimination_sd: Option<f64>,
    /// How often a guess is right.
    pub chance: f64,
}

/// Where a row's posterior has its mode: difficulty, and logarithm of the discrimination.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mode {
    pub difficulty: f64,
    pub log_discrimination: f64,
}

/// How many functions of a row's parameters are told apart: with them, what the models' and the prior's derivatives share
/// with the row's parameters is all but exhausted. Straight lines alone would say nothing of σ and ω.
pub(super) const BASIS: usize = 5;
/// A small symmetric matrix.
pub(super) type Matrix = [[f64; BASIS]; BASIS];

/// The posterior of a row, in moments.
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
    /// The inverse of these.
    pub precision: Matrix,
    /// The logarithm of the probability of the answers, the row's own parameters integrated out.
    pub log_likelihood: f64,
    /// The mean of the failure probability over abilities, if it was asked for.
    pub expected_error: f64,
}

/// What an answer's model learns from a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lesson {
    /// The mean, over the row's posterior, of the derivative of the log-likelihood by ability, and by the logarithm of the
    /// slope.
    pub gradient: [f64; 2],
    /// The mean of their information: on ability, on both, on the slope.
    pub information: [f64; 3],
}

/// Room to work in, used for one row after another.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub answers: Answers,
    point: Point,
    /// Sums over nodes, for each answer.
    lessons: Vec<(Lesson, Shared)>,
    /// What these sums become means by.
    means: Means,
}

impl Prior {
    /// The logarithm of its density, without the part that no parameter changes.
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
    /// The posterior of the row whose answers are in `answers`, its mode sought from `mode` on; what the models learn from it
    /// is then told by [`Self::lesson`] and [`Self::shared`].
    pub fn posterior(&mut self, prior: Prior, mode: &mut Mode, quadrature: &Quadrature, wanted: Wanted) -> Posterior {
        let dimensions = 1 + usize::from(prior.discrimination_sd.is_some());
        let n = self.answers.len();
        self.point.make_room(n);
        let nodes = match wanted {
            // Where it is looked at last, the width of the posterior counts even if it is narrow.
            Wanted::ExpectedErrorToo if n > 2048 => &quadrature.rules[5],
            _ => quadrature.of(n, dimensions),
        };
        // Nodes make up for a mode that is a little off. A single one is climbed to step by step, round by round, together
        // with the models' parameters, until the row is looked at last.
        let near = if nodes.len() > 1 { 1e-3 } else { 1e-7 };
        let steps = if nodes.len() == 1 && wanted == Wanted::Lessons { 2 } else { 50 };
        let curvature = self.climb(prior, mode, near, steps);
        // The inverse of the curvature, and its root.
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
            // The point was placed at the mode, or a hair's breadth beside it.
            let value = self.point.log_likelihood(&self.answers, prior.chance) + prior.log_density(*mode);
            sums.add(1.0, [0.0; 2]);
            if wanted == Wanted::ExpectedErrorToo {
                let discrimination = exp(mode.log_discrimination);
                sums.error = (1.0 - prior.chance) * quadrature.failing(mode.difficulty, discrimination);
            }
            at_mode = value;
        } else {
            self.lessons.clear();
            self.lessons.resize(n, Default::default());
            // Discriminations are close to normal, and known less closely than they are by their prior.
            let others = if dimensions == 1 { &quadrature.rules[6] } else { quadrature.of_discriminations(n) };
            let mut first = true;
            // The value in the middle is what the others are compared with, so that no exponent is large.
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
                    self.learn(own, discrimination, basis);
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

    /// Climbs to the mode by Fisher scoring and gives the curvature there; leaves the point placed there.
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
            // A row that all solve lies far out; going there in one leap would overshoot.
            let step = [step[0].clamp(-2.0, 2.0), step[1].clamp(-0.5, 0.5)];
            mode.difficulty += step[0];
            mode.log_discrimination += step[1];
            if step[0].abs() < near / bb.sqrt() && step[1].abs() < near / ll.sqrt() {
                break;
            }
        }
        curvature
    }

    /// Adds what the models learn at the point placed last.
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

    /// What the model of an answer learns from the row.
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

    /// What that has in common with the row's own parameters.
    pub fn shared(&self, c: usize) -> Shared {
        if let Some((discrimination, covariance)) = &self.means.alone {
            // The derivatives' own derivatives by the row's parameters, times their covariances.
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
    /// Adds a node, a step away from the mode. Gives the [`BASIS`] functions there.
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

/// The inverse of a covariance matrix; zeros for functions that do not vary, or only as others do.
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

/// The same nodes, that in the middle first.
fn middle_first(nodes: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut nodes = nodes.to_vec();
    let middle = nodes.len() / 2;
    nodes[..=middle].rotate_right(1);
    nodes
}
