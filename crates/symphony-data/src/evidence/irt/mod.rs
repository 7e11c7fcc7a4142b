//! Item response theory for few models: an explanatory model, fitted by marginal maximum a posteriori.
//!
//! Model j solves row i with probability c + (1 − c)·logistic(aᵢ·sⱼ·(θⱼ − bᵢ)): θ its ability, s its slope (how much its
//! answers tell of difficulty at all), b the row's difficulty, a its discrimination (1 for all under `1pl`), c the chance
//! that a guess is right, which is known and not estimated. Rows are a sample: bᵢ ~ N(xᵢ'β, σ²) with xᵢ the row's features
//! (De Boeck & Wilson, *Explanatory Item Response Models*, 2004; Fischer's linear logistic test model, 1973, plus error),
//! ln aᵢ ~ N(0, ω²). Models are one too: θⱼ ~ N(0, τ²), ln sⱼ ~ N(0, 0.3²). σ, τ and ω are estimated, each with a weak
//! prior that decides only where the answers say nothing of it. A score between 0 and 1 counts as so much of a success.
//!
//! The rows' own parameters are integrated out ([`row`]). For panels of up to some fifty models all others are found
//! together by Newton's method, with the information that is left when what is missing is taken out (Louis, 1982); larger
//! panels, whose rows are known well, by expectation and maximization in turns. Sums are formed in an order that does not
//! depend on the number of threads, so that the same answers give the same bits.

mod numeric;
mod row;

use rayon::prelude::*;

use self::{
    numeric::{Cholesky, ln},
    row::{BASIS, Mode, Posterior, Prior, Quadrature, Wanted, Workspace},
};
use super::responses::Responses;

/// Below this share of variance explained, features do not order rows that all models solved, or none.
pub const WEAK_FEATURES: f64 = 0.05;
/// The least number of models that discriminations should be fitted to.
pub const FEW_MODELS: usize = 20;

/// Where the intercept is expected: so wide that it counts only where all rows are solved, or none.
const INTERCEPT_SD: f64 = 3.0;
/// The standard deviation of ln s.
const SLOPE_SD: f64 = 0.3;
/// Where ln σ is expected, and how exactly. What one model answers says nothing of σ; answers of several models to real
/// benchmarks gave 1.5 to 2.6.
const SD_PRIOR: (f64, f64) = (std::f64::consts::LN_2, 0.5);
/// τ² is expected at 1 with the weight of so many models, ω² at 0.3² with that of so many rows.
const ABILITY_PRIOR_MODELS: f64 = 3.0;
const DISCRIMINATION_PRIOR: (f64, f64) = (0.3, 100.0);
/// The most parameters that Newton's method is used for; with more, rows are known so well that turns need fewer rounds.
const NEWTON_PARAMETERS: usize = 100;
/// The most parameters whose covariances are worked out, and the most work that this may take.
const WHOLE_PARAMETERS: usize = 600;
const WHOLE_WORK: f64 = 2e10;
const MOST_ITERATIONS: usize = 300;
const MOST_HALVINGS: usize = 5;
/// A step after which no parameter moves by more is the last: in logits, far below what is uncertain of any.
const NEAR_ENOUGH: f64 = 3e-3;

/// What to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// Whether each row has a discrimination of its own (2pl).
    pub discrimination: bool,
    /// How often a guess is right, 0 up to, not including, 1.
    pub chance: f64,
}

/// A model's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ability {
    /// θ, in logits; the panel's mean is 0.
    pub ability: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// s: above 1 where its answers follow difficulty more closely than the panel's do.
    pub slope: f64,
}

/// A row's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difficulty {
    /// b, in logits: the posterior's mean.
    pub difficulty: f64,
    /// Its standard error, that of the models' parameters included.
    pub standard_error: f64,
    /// a; 1 where none is fitted.
    pub discrimination: f64,
    /// The failure probability, averaged over the posterior and over abilities ~ N(0, τ²).
    pub expected_error: f64,
}

/// What was fitted.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Each model.
    pub abilities: Vec<Ability>,
    /// Each row.
    pub difficulties: Vec<Difficulty>,
    /// The slope of difficulty on each feature, in logits for a standard deviation of the feature.
    pub coefficients: Vec<f64>,
    /// The mean difficulty of a row with mean features.
    pub intercept: f64,
    /// σ: what the features leave unexplained.
    pub residual_sd: f64,
    /// τ.
    pub ability_sd: f64,
    /// ω, if discriminations were fitted.
    pub discrimination_sd: Option<f64>,
    /// The variance of xᵢ'β over that of bᵢ.
    pub variance_explained: f64,
    /// The log-likelihood of all answers, rows integrated out.
    pub log_likelihood: f64,
    /// How often all rows were gone through.
    pub iterations: usize,
    /// Whether the last step was small enough.
    pub converged: bool,
}

/// What all rows share.
#[derive(Clone, Debug)]
struct Parameters {
    ability: Vec<f64>,
    log_slope: Vec<f64>,
    /// The intercept, then a slope for each feature.
    coefficients: Vec<f64>,
    log_sd: f64,
    ability_sd: f64,
    discrimination_sd: f64,
}

impl Parameters {
    /// By how much any of them differs at most.
    fn distance(&self, other: &Self) -> f64 {
        let all = |own: &Self| {
            let scalars = [own.log_sd, own.ability_sd, own.discrimination_sd];
            [&own.ability[..], &own.log_slope, &own.coefficients, &scalars].concat()
        };
        all(self).iter().zip(all(other)).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
    }
}

/// One run over one benchmark.
struct Fitter<'a> {
    responses: &'a Responses,
    /// Each row's features, standardized, behind a 1.
    design: Vec<f64>,
    width: usize,
    options: FitOptions,
    /// Whether models have slopes; that of a single one says nothing.
    slopes: bool,
    /// How many rows are gone through at once.
    chunk: usize,
}

/// What a pass over some rows leaves.
#[derive(Clone, Debug, Default)]
struct Sums {
    log_likelihood: f64,
    gradient: Vec<f64>,
    /// Whole for Newton's method, else what concerns one model: ability, both, slope.
    information: Vec<f64>,
    square_log_discrimination: f64,
}

impl Sums {
    fn add(mut self, other: &Self) -> Self {
        if self.gradient.is_empty() {
            return other.clone();
        }
        self.log_likelihood += other.log_likelihood;
        self.square_log_discrimination += other.square_log_discrimination;
        self.gradient.iter_mut().zip(&other.gradient).for_each(|(sum, x)| *sum += x);
        self.information.iter_mut().zip(&other.information).for_each(|(sum, x)| *sum += x);
        self
    }
}

/// Fits the model to the answers of one benchmark. `features` are columns, a value for each row: numbers that were read off
/// it, in any unit.
pub fn fit(
    responses: &Responses,
    features: &[Vec<f64>],
    options: FitOptions,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Option<Fit> {
    let fitter = Fitter::new(responses, features, options);
    let mut parameters = fitter.start();
    let mut modes = vec![Mode { difficulty: parameters.coefficients[0], log_discrimination: 0.0 }; responses.rows()];
    let size = fitter.parameters();
    let whole = size <= WHOLE_PARAMETERS && (size * size) as f64 * responses.rows() as f64 <= WHOLE_WORK;
    let (iterations, converged) = if whole && size <= NEWTON_PARAMETERS {
        fitter.newton(&mut parameters, &mut modes, cancelled)?
    } else {
        fitter.maximize(&mut parameters, &mut modes, cancelled)?
    };
    Fitter::center(&mut parameters, &mut modes);
    let (sums, _) = fitter.pass(&parameters, &mut modes, whole);
    Some(fitter.finish(&parameters, &mut modes, &sums, whole, (iterations, converged)))
}

/// The mean; 0 of nothing.
fn mean(values: &[f64]) -> f64 {
    crate::difficulty::mean(values).unwrap_or_default()
}

/// A column with mean 0 and standard deviation 1, nothing farther out than 3; `None` where all values are equal.
fn standardized(column: &[f64]) -> Option<Vec<f64>> {
    let center = mean(column);
    let sd = mean(&column.iter().map(|x| (x - center) * (x - center)).collect::<Vec<_>>()).sqrt();
    (sd.is_finite() && sd > 1e-12 * center.abs().max(1e-300))
        .then(|| column.iter().map(|x| ((x - center) / sd).clamp(-3.0, 3.0)).collect())
}

impl<'a> Fitter<'a> {
    fn new(responses: &'a Responses, features: &[Vec<f64>], options: FitOptions) -> Self {
        // A feature that does not vary gets a column of zeros, and so, by its prior, a slope of 0.
        let columns: Vec<Option<Vec<f64>>> = features.iter().map(|column| standardized(column)).collect();
        let width = 1 + features.len();
        let mut design = vec![0.0; responses.rows() * width];
        for (row, own) in design.chunks_exact_mut(width).enumerate() {
            own[0] = 1.0;
            for (value, column) in own[1..].iter_mut().zip(&columns) {
                *value = column.as_ref().map_or(0.0, |column| column[row]);
            }
        }
        let chunk = responses.rows().div_ceil(64).max(64);
        Self { responses, design, width, options, slopes: responses.models().len() > 1, chunk }
    }

    /// How many parameters Newton's method has: abilities, slopes of models, coefficients, ln σ.
    fn parameters(&self) -> usize {
        self.models() * (1 + usize::from(self.slopes)) + self.width + 1
    }

    fn models(&self) -> usize {
        self.responses.models().len()
    }

    /// Abilities by the models' mean scores.
    fn start(&self) -> Parameters {
        let models = self.models();
        let (mut sums, mut counts) = (vec![0.0; models], vec![0.0; models]);
        for row in 0..self.responses.rows() {
            for answer in self.responses.answers(row) {
                sums[answer.model] += answer.score;
                counts[answer.model] += 1.0;
            }
        }
        let logit = |(sum, count): (&f64, &f64)| 1.5 * (ln(sum + 0.5) - ln(count - sum + 0.5));
        let mut ability: Vec<f64> = sums.iter().zip(&counts).map(logit).collect();
        let center = mean(&ability);
        ability.iter_mut().for_each(|ability| *ability -= center);
        let mut coefficients = vec![0.0; self.width];
        coefficients[0] = -center;
        Parameters {
            ability,
            log_slope: vec![0.0; models],
            coefficients,
            log_sd: 0.4,
            ability_sd: 1.0,
            discrimination_sd: DISCRIMINATION_PRIOR.0,
        }
    }

    fn design(&self, row: usize) -> &[f64] {
        &self.design[row * self.width..][..self.width]
    }

    fn prior(&self, parameters: &Parameters, row: usize) -> Prior {
        Prior {
            mean: self.design(row).iter().zip(&parameters.coefficients).map(|(x, b)| x * b).sum(),
            sd: parameters.log_sd.exp(),
            discrimination_sd: self.options.discrimination.then_some(parameters.discrimination_sd),
            chance: self.options.chance,
        }
    }

    /// Puts a row's answers into the workspace.
    fn load(&self, parameters: &Parameters, slopes: &[f64], row: usize, work: &mut Workspace) {
        work.answers.clear();
        for answer in self.responses.answers(row) {
            work.answers.ability.push(parameters.ability[answer.model]);
            work.answers.slope.push(slopes[answer.model]);
            work.answers.score.push(answer.score);
            work.answers.weight.push(answer.weight);
            work.answers.weighted |= answer.weight != 1.0;
        }
    }

    /// Goes through all rows: sums, and each row's posterior. `whole`: with the information that Newton's method needs.
    fn pass(&self, parameters: &Parameters, modes: &mut [Mode], whole: bool) -> (Sums, Vec<Posterior>) {
        let quadrature = Quadrature::new(parameters.ability_sd);
        let slopes: Vec<f64> = parameters.log_slope.iter().map(|s| s.exp()).collect();
        let (models, size) = (self.models(), self.parameters());
        let chunks: Vec<(Sums, Vec<Posterior>)> = modes
            .par_chunks_mut(self.chunk)
            .enumerate()
            .map(|(chunk, modes)| {
                let mut sums = Sums {
                    gradient: vec![0.0; size],
                    information: vec![0.0; if whole { size * size } else { 3 * models }],
                    ..Sums::default()
                };
                let mut work = Workspace::default();
                let mut touched = Vec::new();
                let posteriors = modes.iter_mut().enumerate().map(|(at, mode)| {
                    let row = chunk * self.chunk + at;
                    self.load(parameters, &slopes, row, &mut work);
                    let prior = self.prior(parameters, row);
                    let posterior = work.posterior(prior, mode, &quadrature, Wanted::Lessons);
                    if whole {
                        self.touched(row, &work, &prior, *mode, &posterior, &mut touched);
                        self.learn(row, &work, &prior, &posterior, &touched, &mut sums);
                    } else {
                        self.learn_apart(row, &work, &mut sums);
                    }
                    sums.log_likelihood += posterior.log_likelihood;
                    sums.square_log_discrimination += posterior.square_log_discrimination;
                    posterior
                });
                let posteriors = posteriors.collect();
                (sums, posteriors)
            })
            .collect();
        let sums = chunks.iter().fold(Sums::default(), |sums, (own, _)| sums.add(own));
        (sums, chunks.into_iter().flat_map(|(_, posteriors)| posteriors).collect())
    }

    /// Each parameter that a row has a say on, and the covariances of its derivative with the row's own parameters.
    fn touched(
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
        let lessons = &work.lessons;
        let with = |columns: &[Vec<f64>; BASIS], c: usize| std::array::from_fn(|axis| columns[axis][c]);
        to.extend(self.responses.answers(row).enumerate().map(|(c, a)| (a.model, with(&lessons.ability_with, c))));
        if self.slopes {
            let slopes = self.responses.answers(row).enumerate();
            to.extend(slopes.map(|(c, a)| (models + a.model, with(&lessons.slope_with, c))));
        }
        let precision = 1.0 / (prior.sd * prior.sd);
        let [with_difficulty, _, with_square, _] = posterior.covariance;
        let first = self.parameters() - 1 - self.width;
        for (at, x) in self.design(row).iter().enumerate() {
            to.push((first + at, with_difficulty.map(|covariance| x * covariance * precision)));
        }
        // (b − m)² as a function of the distance from the mode.
        let off = 2.0 * (mode.difficulty - prior.mean);
        let with_last = std::array::from_fn(|axis| (with_square[axis] + off * with_difficulty[axis]) * precision);
        to.push((self.parameters() - 1, with_last));
    }

    /// Adds what a row says of all parameters: gradient, and information less what is missing.
    fn learn(
        &self,
        row: usize,
        work: &Workspace,
        prior: &Prior,
        posterior: &Posterior,
        touched: &[(usize, [f64; BASIS])],
        sums: &mut Sums,
    ) {
        let (models, size) = (self.models(), self.parameters());
        let lessons = &work.lessons;
        for (c, answer) in self.responses.answers(row).enumerate() {
            let j = answer.model;
            sums.gradient[j] += lessons.by_ability[c];
            sums.information[j * size + j] += lessons.ability_information[c];
            if self.slopes {
                let s = models + j;
                sums.gradient[s] += lessons.by_slope[c];
                sums.information[s * size + j] += lessons.both_information[c];
                sums.information[s * size + s] += lessons.slope_information[c];
            }
        }
        let precision = 1.0 / (prior.sd * prior.sd);
        let off = posterior.difficulty - prior.mean;
        let square = (off * off + posterior.variance) * precision;
        let (first, last) = (size - 1 - self.width, size - 1);
        let design = self.design(row);
        for (a, x) in design.iter().enumerate() {
            sums.gradient[first + a] += off * precision * x;
            for (b, y) in design[..=a].iter().enumerate() {
                sums.information[(first + a) * size + first + b] += x * y * precision;
            }
            sums.information[last * size + first + a] += 2.0 * off * precision * x;
        }
        sums.gradient[last] += square - 1.0;
        sums.information[last * size + last] += 2.0 * square;
        for (a, (i, own)) in touched.iter().enumerate() {
            let weighted: [f64; BASIS] =
                posterior.precision.map(|line| line.iter().zip(own).map(|(precision, own)| precision * own).sum());
            // They ascend, so that this is the lower triangle.
            let line = &mut sums.information[i * size..][..size];
            for (j, other) in &touched[..=a] {
                line[*j] -= weighted.iter().zip(other).map(|(x, y)| x * y).sum::<f64>();
            }
        }
    }

    /// Adds what a row says of each model by itself.
    fn learn_apart(&self, row: usize, work: &Workspace, sums: &mut Sums) {
        let models = self.models();
        let lessons = &work.lessons;
        for (c, answer) in self.responses.answers(row).enumerate() {
            let j = answer.model;
            sums.gradient[j] += lessons.by_ability[c];
            sums.gradient[models + j] += lessons.by_slope[c];
            sums.information[j] += lessons.ability_information[c];
            sums.information[models + j] += lessons.both_information[c];
            sums.information[2 * models + j] += lessons.slope_information[c];
        }
    }

    /// The logarithm of the parameters' prior density, but for what does not change.
    fn log_prior(parameters: &Parameters) -> f64 {
        let square = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        let sd = (parameters.log_sd - SD_PRIOR.0) / SD_PRIOR.1;
        -(square(&parameters.ability) / (parameters.ability_sd * parameters.ability_sd)
            + square(&parameters.log_slope) / (SLOPE_SD * SLOPE_SD)
            + square(&parameters.coefficients[1..])
            + (parameters.coefficients[0] / INTERCEPT_SD).powi(2)
            + sd * sd)
            / 2.0
    }

    /// Adds the prior's part to gradient and information.
    fn add_prior(&self, parameters: &Parameters, sums: &mut Sums) {
        let (models, size) = (self.models(), self.parameters());
        let mut add = |at: usize, value: f64, sd: f64| {
            sums.gradient[at] -= value / (sd * sd);
            sums.information[at * size + at] += 1.0 / (sd * sd);
        };
        for j in 0..models {
            add(j, parameters.ability[j], parameters.ability_sd);
            if self.slopes {
                add(models + j, parameters.log_slope[j], SLOPE_SD);
            }
        }
        let first = size - 1 - self.width;
        for at in 0..self.width {
            add(first + at, parameters.coefficients[at], if at == 0 { INTERCEPT_SD } else { 1.0 });
        }
        add(size - 1, parameters.log_sd - SD_PRIOR.0, SD_PRIOR.1);
    }

    /// The parameters, moved by `step`.
    fn moved(&self, from: &Parameters, step: &[f64]) -> Parameters {
        let models = self.models();
        let mut to = from.clone();
        let (abilities, rest) = step.split_at(models);
        let (slopes, rest) = rest.split_at(if self.slopes { models } else { 0 });
        to.ability.iter_mut().zip(abilities).for_each(|(x, step)| *x += step);
        to.log_slope.iter_mut().zip(slopes).for_each(|(x, step)| *x += step);
        to.coefficients.iter_mut().zip(rest).for_each(|(x, step)| *x += step);
        to.log_sd += rest[self.width];
        to
    }

    /// Newton's method; halves a step that leads down.
    fn newton(
        &self,
        parameters: &mut Parameters,
        modes: &mut [Mode],
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Option<(usize, bool)> {
        let size = self.parameters();
        let (mut sums, _) = self.pass(parameters, modes, true);
        let mut iterations = 1;
        let mut converged = false;
        while iterations < MOST_ITERATIONS && !converged {
            if cancelled() {
                return None;
            }
            let mut with_prior = sums.clone();
            self.add_prior(parameters, &mut with_prior);
            let cholesky = factored(&with_prior.information, size);
            let mut step = cholesky.solve(&with_prior.gradient);
            let longest = step.iter().fold(0.0_f64, |longest, x| longest.max(x.abs()));
            if longest > 1.0 {
                step.iter_mut().for_each(|x| *x /= longest);
            }
            let before = sums.log_likelihood + Self::log_prior(parameters);
            let mut shorter = 0;
            loop {
                let tried = self.moved(parameters, &step);
                let (new, _) = self.pass(&tried, modes, true);
                iterations += 1;
                let after = new.log_likelihood + Self::log_prior(&tried);
                // What quadrature leaves uncertain is not to be mistaken for a way down.
                if after >= before - 1e-7 * before.abs().max(1.0) {
                    (*parameters, sums) = (tried, new);
                    break;
                }
                if shorter == MOST_HALVINGS {
                    // No way up is left that quadrature could tell: this is the top, unless the last step was a leap.
                    return Some((iterations, longest < 0.1));
                }
                step.iter_mut().for_each(|x| *x /= 2.0);
                shorter += 1;
            }
            let own: Vec<f64> = (0..self.models()).map(|j| cholesky.variance(j)).collect();
            let before = parameters.clone();
            self.update_scales(parameters, &own, sums.square_log_discrimination);
            converged = longest < NEAR_ENOUGH && before.distance(parameters) < NEAR_ENOUGH;
        }
        Some((iterations, converged))
    }

    /// Updates τ and ω.
    fn update_scales(&self, parameters: &mut Parameters, variances: &[f64], square_log_discrimination: f64) {
        let squares: f64 = parameters.ability.iter().zip(variances).map(|(x, v)| x * x + v).sum();
        parameters.ability_sd =
            ((squares + ABILITY_PRIOR_MODELS) / (self.models() as f64 + ABILITY_PRIOR_MODELS)).sqrt();
        if self.options.discrimination {
            let (sd, weight) = DISCRIMINATION_PRIOR;
            let rows = self.responses.rows() as f64;
            parameters.discrimination_sd = ((square_log_discrimination + weight * sd * sd) / (rows + weight)).sqrt();
        }
    }

    /// Expectation and maximization in turns: for panels so large that each row is known well.
    fn maximize(
        &self,
        parameters: &mut Parameters,
        modes: &mut [Mode],
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Option<(usize, bool)> {
        let models = self.models();
        for iteration in 1..=MOST_ITERATIONS {
            if cancelled() {
                return None;
            }
            let (sums, posteriors) = self.pass(parameters, modes, false);
            let before = parameters.clone();
            let mut variances = Vec::with_capacity(models);
            for j in 0..models {
                let precision = 1.0 / (parameters.ability_sd * parameters.ability_sd);
                let gradient = [
                    sums.gradient[j] - parameters.ability[j] * precision,
                    sums.gradient[models + j] - parameters.log_slope[j] / (SLOPE_SD * SLOPE_SD),
                ];
                let (aa, ab) = (sums.information[j] + precision, sums.information[models + j]);
                let bb = sums.information[2 * models + j] + 1.0 / (SLOPE_SD * SLOPE_SD);
                let determinant = aa * bb - ab * ab;
                parameters.ability[j] += ((bb * gradient[0] - ab * gradient[1]) / determinant).clamp(-1.0, 1.0);
                parameters.log_slope[j] += ((aa * gradient[1] - ab * gradient[0]) / determinant).clamp(-0.3, 0.3);
                variances.push(bb / determinant);
            }
            self.regress(parameters, &posteriors);
            self.update_scales(parameters, &variances, sums.square_log_discrimination);
            Self::center(parameters, modes);
            let change = before.distance(parameters);
            if change < NEAR_ENOUGH || iteration == MOST_ITERATIONS {
                return Some((iteration, change < NEAR_ENOUGH));
            }
        }
        None
    }

    /// The regression of difficulty on features, and what it leaves.
    fn regress(&self, parameters: &mut Parameters, posteriors: &[Posterior]) {
        let width = self.width;
        let precision = (-2.0 * parameters.log_sd).exp();
        let mut normal = vec![0.0; width * width];
        let mut right = vec![0.0; width];
        for (row, posterior) in posteriors.iter().enumerate() {
            let design = self.design(row);
            for (a, x) in design.iter().enumerate() {
                right[a] += x * posterior.difficulty * precision;
                for (b, y) in design.iter().enumerate() {
                    normal[a * width + b] += x * y * precision;
                }
            }
        }
        (0..width).for_each(|at| normal[at * width + at] += if at == 0 { INTERCEPT_SD.powi(-2) } else { 1.0 });
        let coefficients = factored(&normal, width).solve(&right);
        parameters.coefficients.clone_from(&coefficients);
        let left = |(row, posterior): (usize, &Posterior)| {
            let expected: f64 = self.design(row).iter().zip(&coefficients).map(|(x, b)| x * b).sum();
            (posterior.difficulty - expected).powi(2) + posterior.variance
        };
        let (rows, squares) = (posteriors.len() as f64, posteriors.iter().enumerate().map(left).sum::<f64>());
        // The most probable ln σ: a root of −n + S/σ² − (ln σ − m)/v.
        let mut log_sd = parameters.log_sd;
        for _ in 0..50 {
            let part = squares * (-2.0 * log_sd).exp();
            let slope = part - rows - (log_sd - SD_PRIOR.0) / (SD_PRIOR.1 * SD_PRIOR.1);
            log_sd += (slope / (2.0 * part + 1.0 / (SD_PRIOR.1 * SD_PRIOR.1))).clamp(-0.5, 0.5);
        }
        parameters.log_sd = log_sd;
    }

    /// Moves the zero to the mean ability and the unit to the mean slope, which changes no probability: that is the scale on
    /// which all is reported. (The most probable parameters themselves lie on one that is a little too narrow, as densities
    /// of abilities rise where abilities come closer together.)
    fn center(parameters: &mut Parameters, modes: &mut [Mode]) {
        let (shift, scale) = (mean(&parameters.ability), mean(&parameters.log_slope));
        let unit = scale.exp();
        parameters.ability.iter_mut().for_each(|x| *x = (*x - shift) * unit);
        parameters.log_slope.iter_mut().for_each(|x| *x -= scale);
        parameters.coefficients[0] -= shift;
        parameters.coefficients.iter_mut().for_each(|x| *x *= unit);
        parameters.log_sd += scale;
        parameters.ability_sd *= unit;
        modes.iter_mut().for_each(|mode| mode.difficulty = (mode.difficulty - shift) * unit);
    }

    /// What is reported: each row's posterior, and standard errors that know that the models' parameters are estimates.
    fn finish(
        &self,
        parameters: &Parameters,
        modes: &mut [Mode],
        sums: &Sums,
        whole: bool,
        (iterations, converged): (usize, bool),
    ) -> Fit {
        let (models, size) = (self.models(), self.parameters());
        let slopes: Vec<f64> = parameters.log_slope.iter().map(|s| s.exp()).collect();
        let means: Vec<f64> = (0..modes.len()).map(|row| self.prior(parameters, row).mean).collect();
        let center = mean(&means);
        let explained = mean(&means.iter().map(|x| (x - center) * (x - center)).collect::<Vec<_>>());
        let variance_explained = explained / (explained + (2.0 * parameters.log_sd).exp());
        let covariance = whole.then(|| {
            let mut sums = sums.clone();
            self.add_prior(parameters, &mut sums);
            Covariance::of(factored(&sums.information, size), models, self.slopes)
        });
        let standard_errors: Vec<f64> = (0..models)
            .map(|j| match &covariance {
                Some(covariance) => {
                    let mut own = vec![0.0; size];
                    own[j] = 1.0;
                    covariance.variance_of(&own).sqrt()
                }
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
                            let of_model = |(c, answer): (usize, super::responses::Answer)| {
                                (work.lessons.ability_with[0][c] * standard_errors[answer.model]).powi(2)
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

/// How the shared parameters vary together, given that the panel's mean ability is 0 and the mean logarithm of its slopes
/// too: from there, and in that unit, difficulties are measured, so that no error is made in either.
struct Covariance {
    cholesky: Cholesky,
    /// The covariances of the parameters with what is given, and its variance: each less what those before it explain.
    given: Vec<(Vec<f64>, f64)>,
}

impl Covariance {
    fn of(cholesky: Cholesky, models: usize, slopes: bool) -> Self {
        let size = cholesky.size();
        let mut own = Self { cholesky, given: Vec::new() };
        for first in std::iter::once(0).chain(slopes.then_some(models)) {
            let mut mean = vec![0.0; size];
            mean[first..first + models].fill(1.0 / models as f64);
            let mut with = own.cholesky.solve(&mean);
            for (other, variance) in &own.given {
                let shared = dot(other, &mean) / variance;
                with.iter_mut().zip(other).for_each(|(x, other)| *x -= shared * other);
            }
            let variance = dot(&with, &mean);
            own.given.push((with, variance));
        }
        own
    }

    /// The variance of a linear function of the parameters.
    fn variance_of(&self, weights: &[f64]) -> f64 {
        let whole: f64 = self.cholesky.forward(weights).iter().map(|x| x * x).sum();
        let shared: f64 = self.given.iter().map(|(with, variance)| dot(with, weights).powi(2) / variance).sum();
        (whole - shared).max(0.0)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The factor of a matrix of which the lower triangle counts, made positive definite by as little as it takes: far from the
/// maximum, information is no more than an estimate.
fn factored(lower: &[f64], n: usize) -> Cholesky {
    let mut matrix = lower.to_vec();
    let largest = (0..n).fold(1e-9_f64, |largest, i| largest.max(matrix[i * n + i].abs()));
    let mut added = 0.0;
    loop {
        if let Some(cholesky) = Cholesky::of(&matrix, n) {
            return cholesky;
        }
        let more = if added == 0.0 { largest * 1e-8 } else { added * 9.0 };
        (0..n).for_each(|i| matrix[i * n + i] += more);
        added += more;
        if !added.is_finite() {
            return Cholesky::diagonal(n);
        }
    }
}
