//! The accuracy of a model on a full benchmark, estimated from tasks that were drawn with known chances.
//!
//! The estimate is a difference estimator (Cassel, Särndal and Wretman, 1976): the mean of the accuracies that are predicted for all rows,
//! corrected by the weighted mean of what was observed less what was predicted at the drawn rows. Predictions are those of an item
//! response model at the model's fitted ability and slope. All of the correction would make the estimate right on average, however
//! wrong the predictions are. Part of it is left out, because it is also noise: never more than a quarter of a standard error, which is
//! the most that the estimate can be off on average. Where only the drawn rows are known, it is the weighted mean of the scores.
//!
//! The variance is the mean of two. One is that of the design: the spread of the residuals within each stratum. With two tasks in a stratum
//! it is nearly unbiased, but a model that fails all drawn tasks has no spread. The other is that of the predictions: the variance of
//! answers that are solved with the predicted probability. Strata with fewer than two answers are joined with the next
//! (collapsed strata; Cochran, 1977, section 5A.12). The interval is Wilson's, with as many independent answers as have this variance.

use super::accuracy::wilson;
use crate::{
    calibration::Curve,
    number::{
        function::{exp, ln, logistic, normal_nodes, square},
        student,
    },
};

/// How much of the correction counts where the curves of all rows are known. The predictions hold part of what the correction is
/// made of, so half of it lessens the noise where they are right. Chosen on models of HumanEval and BBH, where all of it errs 3 to 5 %
/// more; no figure of `RESULTS_SUBSETS.md` is from these.
const SHARE_OF_CORRECTION: f64 = 0.5;
/// The most that is left out of the correction, in standard errors: so large the bias can be where predictions are wrong (a limited
/// translation; Efron and Morris, 1972).
const MOST_BIAS: f64 = 0.25;
/// How far a model's ability may lie from the panel's, in logits, before its answers: a standard deviation so wide that a model far
/// stronger than the panel is not pulled down.
const ABILITY_SD: f64 = 3.0;
/// The prior standard deviation of the logarithm of its slope, as in a fit.
const SLOPE_SD: f64 = 0.3;
/// How many abilities stand for the posterior.
const NODES: usize = 9;
/// The fit of ability and slope ends after a step that is smaller than this, or after so many steps.
const NEAR_ENOUGH: f64 = 1e-6;
const MOST_STEPS: usize = 50;

/// An estimate, with its standard error and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimated {
    /// The accuracy on all rows, 0 to 1.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The low end of the interval.
    pub low: f64,
    /// The high end of the interval.
    pub high: f64,
}

/// A stratum: rows that were drawn with equal chances.
#[derive(Clone, Debug, PartialEq)]
pub struct Stratum {
    /// How many rows it has.
    pub rows: f64,
    /// The drawn tasks, as positions in the sample.
    pub tasks: Vec<usize>,
    /// Whether each task was drawn from all rows, so that a row may come again.
    pub with_replacement: bool,
}

/// The tasks that were drawn from a benchmark.
#[derive(Clone, Debug)]
pub struct Sample<'s> {
    /// The strata, in the order of difficulty. Every task is in one of them.
    pub strata: Vec<Stratum>,
    /// The curve of each task; `None` if nothing predicts answers.
    pub curves: Option<Vec<Curve>>,
    /// The curves of all rows of the benchmark that could be drawn, if they are known.
    pub all: Option<&'s [Curve]>,
    /// How often a guess is right, 0 to 1.
    pub chance: f64,
}

/// Strata whose answers are looked at together.
struct Group {
    rows: f64,
    /// The tasks with answers, each with its weight, such that weights sum up to `rows`.
    tasks: Vec<(usize, f64)>,
    with_replacement: bool,
}

/// What the residuals of the answers say.
struct Moments {
    /// What the mean of the predictions is corrected by.
    correction: f64,
    variance: f64,
    /// The 97.5th percentile of t that belongs to the variance.
    quantile: f64,
}

/// The scores of a model on the tasks of a sample, NaN where it has no answer, and what is predicted of them.
pub struct Answered {
    scores: Vec<f64>,
    predicted: Predicted,
}

impl Answered {
    /// How many tasks have answers.
    pub fn count(&self) -> usize {
        self.scores.iter().filter(|score| !score.is_nan()).count()
    }
}

impl Sample<'_> {
    /// These scores, with what is predicted of the tasks at the ability and the slope that fit them.
    pub fn answered(&self, scores: Vec<f64>) -> Answered {
        let predicted = self.predict(&scores);
        Answered { scores, predicted }
    }

    /// Estimates the accuracy on all rows. `None` if fewer than two tasks have answers.
    pub fn estimate(&self, Answered { scores, predicted }: &Answered) -> Option<Estimated> {
        let groups = self.groups(scores)?;
        let residual = |task: usize| scores[task] - predicted.of_tasks[task];
        let spread = |task: usize| predicted.spread(task);
        let found = moments(&groups, residual, spread, predicted.share, are_rates(scores))?;
        let mean = predicted.mean(&groups);
        let estimate = (mean + found.correction).clamp(0.0, 1.0);
        // An estimate at 0 or 1 shows no spread of answers; the prediction does.
        let spread = (estimate * (1.0 - estimate)).max(mean * (1.0 - mean));
        let (low, high) = if found.variance > 0.0 {
            wilson(estimate, spread / found.variance, found.quantile)
        } else {
            (estimate, estimate)
        };
        // A model that failed all tasks may fail all rows, whatever is predicted; and so for one that solved all.
        let are_all = |score: f64| scores.iter().all(|own| own.is_nan() || *own == score);
        let (low, high) = (if are_all(0.0) { 0.0 } else { low }, if are_all(1.0) { 1.0 } else { high });
        Some(Estimated { estimate, standard_error: found.variance.sqrt(), low, high })
    }

    /// Estimates how much more a model solves of all rows than `baseline`, -1 to 1, from the tasks that both answered. `None` if these
    /// are fewer than two.
    pub fn compare(&self, own: &Answered, baseline: &Answered) -> Option<Estimated> {
        let differences: Vec<f64> =
            own.scores.iter().zip(&baseline.scores).map(|(own, baseline)| own - baseline).collect();
        let groups = self.groups(&differences)?;
        let (of_own, of_baseline) = (&own.predicted, &baseline.predicted);
        let residual = |task: usize| differences[task] - (of_own.of_tasks[task] - of_baseline.of_tasks[task]);
        // As if the answers of two models to a row had nothing more in common than its difficulty.
        let spread = |task: usize| of_own.spread(task) + of_baseline.spread(task);
        let rates = are_rates(&own.scores) || are_rates(&baseline.scores);
        let found = moments(&groups, residual, spread, of_own.share, rates)?;
        let estimate = (of_own.mean(&groups) - of_baseline.mean(&groups) + found.correction).clamp(-1.0, 1.0);
        let standard_error = found.variance.sqrt();
        let half = found.quantile * standard_error;
        let (low, high) = ((estimate - half).max(-1.0), (estimate + half).min(1.0));
        Some(Estimated { estimate, standard_error, low, high })
    }

    /// The strata with answers: one without, or with a single one of several tasks, is joined with the next. `None` if there are fewer than
    /// two answers.
    fn groups(&self, scores: &[f64]) -> Option<Vec<Group>> {
        let mut groups: Vec<Group> = Vec::new();
        let mut open = Group { rows: 0.0, tasks: Vec::new(), with_replacement: false };
        let mut answered_rows = 0.0;
        for stratum in &self.strata {
            let answered: Vec<usize> = stratum.tasks.iter().copied().filter(|task| !scores[*task].is_nan()).collect();
            open.rows += stratum.rows;
            open.with_replacement |= stratum.with_replacement;
            if !answered.is_empty() {
                answered_rows += stratum.rows;
                let weight = stratum.rows / answered.len() as f64;
                open.tasks.extend(answered.into_iter().map(|task| (task, weight)));
            }
            let is_whole = open.tasks.len() as f64 >= open.rows;
            if open.tasks.len() > 1 || is_whole {
                open.reach(answered_rows);
                groups.push(std::mem::replace(
                    &mut open,
                    Group { rows: 0.0, tasks: Vec::new(), with_replacement: false },
                ));
                answered_rows = 0.0;
            }
        }
        if open.rows > 0.0 {
            match groups.last_mut() {
                Some(last) => {
                    let before = last.rows;
                    last.rows += open.rows;
                    last.with_replacement |= open.with_replacement;
                    last.tasks.append(&mut open.tasks);
                    last.reach(before + answered_rows);
                }
                None if open.tasks.is_empty() => return None,
                None => {
                    open.reach(answered_rows);
                    groups.push(open);
                }
            }
        }
        (groups.iter().map(|group| group.tasks.len()).sum::<usize>() > 1).then_some(groups)
    }

    /// What is predicted of every task at the ability and the slope that fit the scores.
    fn predict(&self, scores: &[f64]) -> Predicted {
        let answered = || scores.iter().enumerate().filter(|(_, score)| !score.is_nan());
        let Some(curves) = &self.curves else {
            let (sum, n) = answered().fold((0.0, 0.0), |(sum, n), (_, score)| (sum + score, n + 1.0));
            // Half a success and half a failure more: a model that failed every task so far may solve the next.
            let mean = (sum + 0.5) / (n + 1.0);
            return Predicted { of_tasks: vec![mean; scores.len()], all: None, share: 1.0 };
        };
        let own: Vec<(Curve, f64)> = answered().map(|(task, score)| (curves[task], *score)).collect();
        let model = Fitted::of(&own, self.chance);
        let of_tasks = curves.iter().map(|curve| model.solves(*curve, self.chance)).collect();
        let all = self.all.map(|all| {
            let sum: f64 = all.iter().map(|curve| model.solves(*curve, self.chance)).sum();
            sum / all.len() as f64
        });
        let share = if all.is_some() { SHARE_OF_CORRECTION } else { 1.0 };
        Predicted { of_tasks, all, share }
    }
}

/// Whether any score is the mean of several tries, or a grade.
fn are_rates(scores: &[f64]) -> bool {
    scores.iter().any(|score| !score.is_nan() && score.fract() != 0.0)
}

/// The correction and its variance, from the residual of each task and the variance that its prediction gives it. `share` of the correction
/// counts. With `rates`, scores vary less than single answers do.
fn moments(
    groups: &[Group],
    residual: impl Fn(usize) -> f64,
    spread: impl Fn(usize) -> f64,
    share: f64,
    rates: bool,
) -> Option<Moments> {
    let rows: f64 = groups.iter().map(|group| group.rows).sum();
    let (mut correction, mut left_out, mut by_design, mut by_prediction) = (0.0, 0.0, 0.0, 0.0);
    let (mut observed, mut expected) = (0.0, 0.0);
    for group in groups {
        let n = group.tasks.len() as f64;
        let residuals: Vec<(f64, f64)> = group.tasks.iter().map(|(task, weight)| (residual(*task), *weight)).collect();
        let mean = residuals.iter().map(|(own, weight)| weight * own).sum::<f64>() / group.rows;
        let squares: f64 = residuals.iter().map(|(own, _)| square(own - mean)).sum();
        let of_answers: f64 = group.tasks.iter().map(|(task, _)| spread(*task)).sum();
        // A stratum that was drawn as a whole has no variance.
        let drawn = if group.with_replacement { 0.0 } else { (n / group.rows).min(1.0) };
        let factor = square(group.rows / rows) * (1.0 - drawn) / n;
        correction += residuals.iter().map(|(own, weight)| weight * own).sum::<f64>() / rows;
        left_out += residuals.iter().map(|(own, weight)| own * (1.0 - share) * (weight - 1.0)).sum::<f64>() / rows;
        by_design += factor * if n > 1.0 { squares / (n - 1.0) } else { of_answers };
        by_prediction += factor * of_answers / n;
        observed += squares * if n > 1.0 { n / (n - 1.0) } else { 1.0 };
        expected += of_answers;
    }
    let dispersion = if rates && expected > 0.0 { (observed / expected).min(1.0) } else { 1.0 };
    let answers: usize = groups.iter().map(|group| group.tasks.len()).sum();
    // The variance of the predictions counts as much as that of the residuals, and is not estimated from these.
    let quantile = student::t(2 * answers.saturating_sub(groups.len()).max(1))?;
    let variance = f64::midpoint(by_design, by_prediction * dispersion);
    let most = MOST_BIAS * variance.sqrt();
    Some(Moments { correction: correction - left_out.clamp(-most, most), variance, quantile })
}

impl Group {
    /// Makes the weights, which sum up to `from`, sum up to all rows of the group.
    fn reach(&mut self, from: f64) {
        let factor = if from > 0.0 { self.rows / from } else { 1.0 };
        self.tasks.iter_mut().for_each(|(_, weight)| *weight *= factor);
    }
}

/// Predicted probabilities.
struct Predicted {
    of_tasks: Vec<f64>,
    /// The mean over all rows, if they are known.
    all: Option<f64>,
    /// How much of the correction counts.
    share: f64,
}

impl Predicted {
    /// The variance of an answer to a task.
    fn spread(&self, task: usize) -> f64 {
        self.of_tasks[task] * (1.0 - self.of_tasks[task])
    }

    /// The mean over all rows; where they are not known, as the drawn ones estimate it.
    fn mean(&self, groups: &[Group]) -> f64 {
        match self.all {
            Some(mean) => mean,
            None => {
                let rows: f64 = groups.iter().map(|group| group.rows).sum();
                let tasks = groups.iter().flat_map(|group| &group.tasks);
                tasks.map(|(task, weight)| weight * self.of_tasks[*task]).sum::<f64>() / rows
            }
        }
    }
}

/// What is believed of a model: its slope, and abilities with their probabilities.
struct Fitted {
    slope: f64,
    abilities: Vec<(f64, f64)>,
}

impl Fitted {
    /// The most probable slope given answers to rows with these curves, and abilities around the most probable one. A model that solved
    /// all tasks so far may be far stronger than the most probable ability, but is hardly weaker, so that one is not enough.
    fn of(answers: &[(Curve, f64)], chance: f64) -> Self {
        let (mut ability, mut log_slope) = (0.0, 0.0);
        let mut sd = ABILITY_SD;
        for _ in 0..MOST_STEPS {
            let (gradient, [aa, al, ll]) = derivatives(answers, chance, ability, log_slope);
            let determinant = aa * ll - al * al;
            let step = [
                ((ll * gradient[0] - al * gradient[1]) / determinant).clamp(-1.0, 1.0),
                ((aa * gradient[1] - al * gradient[0]) / determinant).clamp(-0.5, 0.5),
            ];
            ability += step[0];
            log_slope += step[1];
            sd = (ll / determinant).sqrt();
            if step.iter().all(|step| step.abs() < NEAR_ENOUGH) {
                break;
            }
        }
        let slope = exp(log_slope);
        let log_probability = |ability: f64| {
            let of_answer = |(curve, score): &(Curve, f64)| {
                let p = solves(*curve, ability, slope, chance).clamp(1e-12, 1.0 - 1e-12);
                score * ln(p) + (1.0 - score) * ln(1.0 - p)
            };
            answers.iter().map(of_answer).sum::<f64>() - square(ability / ABILITY_SD) / 2.0
        };
        let most = log_probability(ability);
        let node = |(z, weight): (f64, f64)| {
            let at = ability + z * sd;
            (at, weight * exp(log_probability(at) - most + z * z / 2.0))
        };
        let mut abilities: Vec<(f64, f64)> = normal_nodes(NODES).into_iter().map(node).collect();
        let total: f64 = abilities.iter().map(|(_, weight)| weight).sum();
        abilities.iter_mut().for_each(|(_, weight)| *weight /= total);
        Self { slope, abilities }
    }

    /// How often it solves a row with this curve.
    fn solves(&self, curve: Curve, chance: f64) -> f64 {
        self.abilities.iter().map(|(ability, weight)| weight * solves(curve, *ability, self.slope, chance)).sum()
    }
}

/// The gradient of the log of the posterior by ability and by the logarithm of the slope, and the information on both.
fn derivatives(answers: &[(Curve, f64)], chance: f64, ability: f64, log_slope: f64) -> ([f64; 2], [f64; 3]) {
    let slope = exp(log_slope);
    let mut gradient = [-ability / square(ABILITY_SD), -log_slope / square(SLOPE_SD)];
    let mut information = [1.0 / square(ABILITY_SD), 0.0, 1.0 / square(SLOPE_SD)];
    for (Curve { difficulty, discrimination }, score) in answers {
        let by_ability = slope * discrimination;
        let z = by_ability * (ability - difficulty);
        let logistic = logistic(z);
        let p = chance + (1.0 - chance) * logistic;
        // The derivative of p by z.
        let rise = (1.0 - chance) * logistic * (1.0 - logistic);
        let variance = (p * (1.0 - p)).max(1e-12);
        let lesson = (score - p) * rise / variance;
        let weight = rise * rise / variance;
        gradient[0] += lesson * by_ability;
        gradient[1] += lesson * z;
        information[0] += weight * by_ability * by_ability;
        information[1] += weight * by_ability * z;
        information[2] += weight * z * z;
    }
    (gradient, information)
}

/// How often a model of this ability and slope solves a row with this curve.
fn solves(Curve { difficulty, discrimination }: Curve, ability: f64, slope: f64, chance: f64) -> f64 {
    chance + (1.0 - chance) * logistic(slope * discrimination * (ability - difficulty))
}
