//! One row: what its answers, and the prior, say of its difficulty and discrimination, given the models.
//!
//! The posterior is integrated on nodes laid around its mode (adaptive quadrature: Naylor & Smith, 1982; with one node it
//! is Laplace's approximation), fewer the more answers there are.

use super::numeric::{exp, ln, logistic, normal_nodes};

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
/// with the row's parameters is all but exhausted. Straight lines alone would say nothing of σ.
pub(super) const BASIS: usize = 4;
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
    /// The covariances of [`BASIS`] functions of the row's parameters: difficulty, logarithm of the discrimination, and the
    /// square and the cube of the difficulty's distance from the mode.
    pub covariance: Matrix,
    /// The inverse of these.
    pub precision: Matrix,
    /// The logarithm of the probability of the answers, the row's own parameters integrated out.
    pub log_likelihood: f64,
    /// The mean of the failure probability over abilities, if it was asked for.
    pub expected_error: f64,
}

/// What the answers' models learn from a row, for each answer: means, over the row's posterior, of the derivatives of the
/// log-likelihood by ability and by the logarithm of the slope, of their information, and their covariances with the
/// [`BASIS`] functions.
#[derive(Clone, Debug, Default)]
pub(super) struct Lessons {
    pub by_ability: Vec<f64>,
    pub by_slope: Vec<f64>,
    pub ability_information: Vec<f64>,
    pub both_information: Vec<f64>,
    pub slope_information: Vec<f64>,
    pub ability_with: [Vec<f64>; BASIS],
    pub slope_with: [Vec<f64>; BASIS],
}

impl Lessons {
    fn reset(&mut self, n: usize) {
        let Self { by_ability, by_slope, ability_information, both_information, slope_information, .. } = self;
        let own = [by_ability, by_slope, ability_information, both_information, slope_information];
        for column in own.into_iter().chain(&mut self.ability_with).chain(&mut self.slope_with) {
            column.clear();
            column.resize(n, 0.0);
        }
    }
}

/// The nodes for each number of answers; see [`Rule::of`].
#[derive(Debug)]
pub(super) struct Quadrature {
    rules: [Vec<(f64, f64)>; 7],
    /// Over abilities, for the expected error.
    abilities: Vec<(f64, f64)>,
}

impl Quadrature {
    /// Nodes over rows, and over abilities that vary by `ability_sd`.
    pub fn new(ability_sd: f64) -> Self {
        Self {
            rules: [31, 13, 9, 7, 5, 3, 1].map(normal_nodes),
            abilities: normal_nodes(15).into_iter().map(|(z, weight)| (z * ability_sd, weight)).collect(),
        }
    }

    /// The nodes for each dimension: the posterior of few answers is wide and skew, that of many narrow and normal.
    fn of(&self, answers: usize, dimensions: usize) -> &[(f64, f64)] {
        &self.rules[match (dimensions, answers) {
            (1, ..=8) => 0,
            (1, ..=32) | (_, ..=8) => 1,
            (_, ..=32) | (1, ..=128) => 2,
            (_, ..=128) => 3,
            (_, ..=512) => 4,
            (_, ..=2048) => 5,
            _ => 6,
        }]
    }
}

/// The values at one point of a row's parameters, for each answer.
#[derive(Clone, Debug, Default)]
struct Point {
    /// The logit of solving it, before guessing.
    logit: Vec<f64>,
    /// The derivative of the log-likelihood by the logit.
    residual: Vec<f64>,
    /// The information on the logit.
    information: Vec<f64>,
    /// 1 + e^−|logit|.
    tail: Vec<f64>,
}

/// Room to work in, used for one row after another.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub answers: Answers,
    pub lessons: Lessons,
    point: Point,
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
    fn make_room(&mut self, n: usize) {
        for column in [&mut self.logit, &mut self.residual, &mut self.information, &mut self.tail] {
            column.resize(n, 0.0);
        }
    }

    /// Fills in logits, residuals and information.
    fn place(&mut self, answers: &Answers, mode: Mode, chance: f64) {
        let n = answers.len();
        let discrimination = exp(mode.log_discrimination);
        let (ability, slope) = (&answers.ability[..n], &answers.slope[..n]);
        let (score, weight) = (&answers.score[..n], &answers.weight[..n]);
        let (logit, residual) = (&mut self.logit[..n], &mut self.residual[..n]);
        let (information, tail) = (&mut self.information[..n], &mut self.tail[..n]);
        for c in 0..n {
            let x = discrimination * slope[c] * (ability[c] - mode.difficulty);
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
    fn log_likelihood(&self, answers: &Answers, chance: f64) -> f64 {
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
    /// is left in `lessons`.
    pub fn posterior(&mut self, prior: Prior, mode: &mut Mode, quadrature: &Quadrature, wanted: Wanted) -> Posterior {
        let dimensions = 1 + usize::from(prior.discrimination_sd.is_some());
        let n = self.answers.len();
        self.point.make_room(n);
        let nodes = match wanted {
            // Where it is looked at last, the width of the posterior counts even if it is narrow.
            Wanted::ExpectedErrorToo if n > 2048 => &quadrature.rules[5],
            _ => quadrature.of(n, dimensions),
        };
        let curvature = self.climb(prior, mode, nodes.len() > 1);
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
        self.lessons.reset(n);
        let mut sums = Sums::default();
        let mut at_mode = 0.0;
        if nodes.len() == 1 {
            // The point was placed at the mode, or a hair's breadth beside it.
            let value = self.point.log_likelihood(&self.answers, prior.chance) + prior.log_density(*mode);
            self.add(&mut sums, 1.0, *mode, [0.0; 2], wanted, quadrature, prior.chance);
            at_mode = value;
        } else {
            let others: &[(f64, f64)] = if dimensions == 1 { &[(0.0, 1.0)] } else { nodes };
            let mut first = true;
            // The value in the middle is what the others are compared with, so that no exponent is large.
            for &(z, weight) in &middle_first(nodes) {
                for &(other, other_weight) in &middle_first(others) {
                    let step = [root_b * z, root_bl * z + root_l * other];
                    let place = Mode {
                        difficulty: mode.difficulty + step[0],
                        log_discrimination: mode.log_discrimination + step[1],
                    };
                    self.point.place(&self.answers, place, prior.chance);
                    let value = self.point.log_likelihood(&self.answers, prior.chance) + prior.log_density(place);
                    if first {
                        (at_mode, first) = (value, false);
                    }
                    let own = weight * other_weight * exp(value - at_mode + f64::midpoint(z * z, other * other));
                    self.add(&mut sums, own, place, step, wanted, quadrature, prior.chance);
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
        self.center(total, mean, alone, &covariance, *mode);
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
    fn climb(&mut self, prior: Prior, mode: &mut Mode, coarse: bool) -> [f64; 3] {
        // Where nodes are laid around it, they make up for a mode that is a little off.
        let near = if coarse { 1e-3 } else { 1e-7 };
        let mut curvature = [0.0; 3];
        for _ in 0..50 {
            self.point.place(&self.answers, *mode, prior.chance);
            let discrimination = exp(mode.log_discrimination);
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

    /// Adds the point placed last, at `place`, to the sums.
    #[allow(clippy::too_many_arguments)] // One loop's inside, used in two places.
    fn add(
        &mut self,
        sums: &mut Sums,
        weight: f64,
        place: Mode,
        step: [f64; 2],
        wanted: Wanted,
        quadrature: &Quadrature,
        chance: f64,
    ) {
        sums.weight += weight;
        let basis = [step[0], step[1], step[0] * step[0], step[0] * step[0] * step[0]];
        for (a, x) in basis.iter().enumerate() {
            sums.mean[a] += weight * x;
            for (b, y) in basis.iter().enumerate() {
                sums.square[a][b] += weight * x * y;
            }
        }
        let discrimination = exp(place.log_discrimination);
        if wanted == Wanted::ExpectedErrorToo {
            let failing =
                |(ability, share): &(f64, f64)| share * logistic(discrimination * (place.difficulty - ability));
            sums.error += weight * (1.0 - chance) * quadrature.abilities.iter().map(failing).sum::<f64>();
        }
        let Lessons { by_ability, by_slope, ability_information, both_information, slope_information, .. } =
            &mut self.lessons;
        let n = self.answers.len();
        let Point { logit, residual, information, .. } = &self.point;
        let (logit, residual, information) = (&logit[..n], &residual[..n], &information[..n]);
        let slope = &self.answers.slope[..n];
        let (by_ability, by_slope) = (&mut by_ability[..n], &mut by_slope[..n]);
        let (aa, ab, bb) = (&mut ability_information[..n], &mut both_information[..n], &mut slope_information[..n]);
        for c in 0..n {
            let by = discrimination * slope[c];
            by_ability[c] += weight * residual[c] * by;
            by_slope[c] += weight * residual[c] * logit[c];
            aa[c] += weight * information[c] * by * by;
            ab[c] += weight * information[c] * by * logit[c];
            bb[c] += weight * information[c] * logit[c] * logit[c];
        }
        for (axis, step) in basis.into_iter().enumerate().filter(|(_, step)| *step != 0.0) {
            let with_ability = &mut self.lessons.ability_with[axis][..n];
            let with_slope = &mut self.lessons.slope_with[axis][..n];
            for c in 0..n {
                with_ability[c] += weight * step * residual[c] * discrimination * slope[c];
                with_slope[c] += weight * step * residual[c] * logit[c];
            }
        }
    }

    /// Turns the lessons' sums into means and covariances.
    fn center(&mut self, total: f64, mean: [f64; BASIS], alone: bool, covariance: &Matrix, mode: Mode) {
        let n = self.answers.len();
        let Lessons { by_ability, by_slope, ability_information, both_information, slope_information, .. } =
            &mut self.lessons;
        for column in [&mut *by_ability, by_slope, ability_information, both_information, slope_information] {
            column.iter_mut().for_each(|value| *value /= total);
        }
        let discrimination = exp(mode.log_discrimination);
        for axis in 0..BASIS {
            let with_ability = &mut self.lessons.ability_with[axis];
            let with_slope = &mut self.lessons.slope_with[axis];
            for c in 0..n {
                if alone {
                    // Of one node: the derivatives' own derivatives by the row's parameters, times their covariances.
                    let by = discrimination * self.answers.slope[c];
                    let moved = self.point.logit[c] * covariance[1][axis] - by * covariance[0][axis];
                    with_ability[c] = -self.point.information[c] * by * moved;
                    with_slope[c] = -self.point.information[c] * self.point.logit[c] * moved;
                } else {
                    with_ability[c] = with_ability[c] / total - mean[axis] * self.lessons.by_ability[c];
                    with_slope[c] = with_slope[c] / total - mean[axis] * self.lessons.by_slope[c];
                }
            }
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
