//! Item response theory for few models: an explanatory model, fitted by marginal maximum a posteriori.
//!
//! Model j solves row i with probability c + (1 − c)·logistic(aᵢ·sⱼ·(θⱼ − bᵢ)): θ its ability, s its slope (how much its
//! answers tell of difficulty at all), b the row's difficulty, a its discrimination (1 for all under `1pl`), c the chance
//! that a guess is right, which is known and not estimated. Rows are a sample: bᵢ ~ N(xᵢ'β, σ²) with xᵢ the row's features
//! (De Boeck & Wilson, *Explanatory Item Response Models*, 2004; Fischer's linear logistic test model, 1973, plus error),
//! ln aᵢ ~ N(0, ω²). Models are one too: θⱼ ~ N(0, τ²), ln sⱼ ~ N(0, 0.3²). σ, τ and ω are estimated, each with a weak
//! prior that decides only where the answers say nothing of it. The panel's mean θ and mean ln s are 0, which fixes the scale.
//! A score between 0 and 1 counts as so much of a success.
//!
//! The rows' own parameters are integrated out ([`row`]). For panels of up to some fifty models all others are found
//! together by Newton's method, with the information that is left when what is missing is taken out (Louis, 1982); larger
//! panels, whose rows are known well, by expectation and maximization in turns. Sums are formed in an order that does not
//! depend on the number of threads, so that the same answers give the same bits. Of very many rows, a few thousand
//! are fitted first, and all of them from there on.

mod numeric;
mod row;

use rayon::prelude::*;

use self::{
    numeric::{Cholesky, exp, ln},
    row::{BASIS, Lesson, Mode, Posterior, Prior, Quadrature, Wanted, Workspace},
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
/// How many rows are enough to begin with.
const FIRST_ROWS: usize = 4000;
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
    // Where there are many rows, a few thousand of them tell nearly all about the models; the others have the last word.
    let stride = responses.rows() / FIRST_ROWS;
    if stride >= 4 {
        let some = responses.every(stride);
        fitter.of_every(stride, &some).climb(&mut parameters, cancelled)?;
    }
    let (mut modes, sums, ended) = fitter.climb(&mut parameters, cancelled)?;
    Some(fitter.finish(&parameters, &mut modes, &sums, ended))
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
        let slopes = responses.models().len() > 1;
        Self { responses, design, width, options, slopes, chunk: Self::chunk_of(responses) }
    }

    fn chunk_of(responses: &Responses) -> usize {
        responses.rows().div_ceil(64).max(64)
    }

    /// The same over every so manieth row only, `responses` being those to these rows.
    fn of_every<'r>(&self, stride: usize, responses: &'r Responses) -> Fitter<'r> {
        let design = self.design.chunks_exact(self.width).step_by(stride).flatten().copied().collect();
        Fitter { responses, design, chunk: Self::chunk_of(responses), ..*self }
    }

    /// Whether the information is worked out as a whole, and not for each model apart.
    fn whole(&self) -> bool {
        let size = self.parameters();
        size <= WHOLE_PARAMETERS && (size * size) as f64 * self.responses.rows() as f64 <= WHOLE_WORK
    }

    /// Finds the most probable parameters, from those given on. Leaves where each row's posterior has its mode, the sums
    /// there, how many rounds it took and whether it came to rest.
    fn climb(
        &self,
        parameters: &mut Parameters,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Option<(Vec<Mode>, Sums, (usize, bool))> {
        let start = Mode { difficulty: parameters.coefficients[0], log_discrimination: 0.0 };
        let mut modes = vec![start; self.responses.rows()];
        if self.whole() && self.parameters() <= NEWTON_PARAMETERS {
            let (sums, ended) = self.newton(parameters, &mut modes, cancelled)?;
            return Some((modes, sums, ended));
        }
        let ended = self.maximize(parameters, &mut modes, cancelled)?;
        let (sums, _) = self.pass(parameters, &mut modes, self.whole());
        Some((modes, sums, ended))
    }

    /// How many parameters Newton's method has: abilities, slopes of models, coefficients, ln σ, and ln ω under 2pl.
    fn parameters(&self) -> usize {
        self.log_sd() + 1 + usize::from(self.options.discrimination)
    }

    /// Which of them is the intercept, before the other coefficients.
    fn intercept(&self) -> usize {
        self.models() * (1 + usize::from(self.slopes))
    }

    /// Which of them is ln σ.
    fn log_sd(&self) -> usize {
        self.intercept() + self.width
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
        let with_sd = std::array::from_fn(|axis| (with_square[axis] + off * with_difficulty[axis]) * precision);
        to.push((self.log_sd(), with_sd));
        if let Some(sd) = prior.discrimination_sd {
            let off = 2.0 * mode.log_discrimination;
            let with_sd = std::array::from_fn(|axis| (with_log_square[axis] + off * with_log[axis]) / (sd * sd));
            to.push((self.log_sd() + 1, with_sd));
        }
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
            sums.information[last * size + first + a] += 2.0 * off * precision * x;
        }
        sums.gradient[last] += square - 1.0;
        sums.information[last * size + last] += 2.0 * square;
        if let Some(sd) = prior.discrimination_sd {
            let square = posterior.square_log_discrimination / (sd * sd);
            sums.gradient[last + 1] += square - 1.0;
            sums.information[(last + 1) * size + last + 1] += 2.0 * square;
        }
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

    /// The logarithm of the parameters' prior density, but for what does not change.
    fn log_prior(&self, parameters: &Parameters) -> f64 {
        let square = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        let sd = (parameters.log_sd - SD_PRIOR.0) / SD_PRIOR.1;
        let of_discriminations = if self.options.discrimination {
            let (sd, rows) = DISCRIMINATION_PRIOR;
            let own = parameters.discrimination_sd;
            rows * (ln(own) + sd * sd / (2.0 * own * own))
        } else {
            0.0
        };
        -(square(&parameters.ability) / (parameters.ability_sd * parameters.ability_sd)
            + square(&parameters.log_slope) / (SLOPE_SD * SLOPE_SD)
            + square(&parameters.coefficients[1..])
            + (parameters.coefficients[0] / INTERCEPT_SD).powi(2)
            + sd * sd)
            / 2.0
            - of_discriminations
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
        for at in 0..self.width {
            let sd = if at == 0 { INTERCEPT_SD } else { 1.0 };
            add(self.intercept() + at, parameters.coefficients[at], sd);
        }
        let last = self.log_sd();
        add(last, parameters.log_sd - SD_PRIOR.0, SD_PRIOR.1);
        if self.options.discrimination {
            let (sd, rows) = DISCRIMINATION_PRIOR;
            let square = (sd / parameters.discrimination_sd).powi(2);
            sums.gradient[last + 1] += rows * (square - 1.0);
            sums.information[(last + 1) * size + last + 1] += 2.0 * rows * square;
        }
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
        if self.options.discrimination {
            to.discrimination_sd *= exp(rest[self.width + 1]);
        }
        to
    }

    /// How the shared parameters vary together, by the information in `sums` and the prior's.
    fn covariance(&self, mut sums: Sums, parameters: &Parameters) -> (Covariance, Vec<f64>) {
        self.add_prior(parameters, &mut sums);
        let cholesky = factored(&sums.information, self.parameters());
        (Covariance::of(cholesky, self.models(), self.slopes), sums.gradient)
    }

    /// Newton's method, along what moves neither the mean ability nor the mean slope; halves a step that leads down. Leaves
    /// the sums at the end.
    fn newton(
        &self,
        parameters: &mut Parameters,
        modes: &mut [Mode],
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Option<(Sums, (usize, bool))> {
        let (mut sums, _) = self.pass(parameters, modes, true);
        let mut iterations = 1;
        while iterations < MOST_ITERATIONS {
            if cancelled() {
                return None;
            }
            let (covariance, gradient) = self.covariance(sums.clone(), parameters);
            let mut step = covariance.times(&gradient);
            let longest = step.iter().fold(0.0_f64, |longest, x| longest.max(x.abs()));
            if longest > 1.0 {
                step.iter_mut().for_each(|x| *x /= longest);
            }
            let before = sums.log_likelihood + self.log_prior(parameters);
            let variances: Vec<f64> = (0..self.models()).map(|j| covariance.variance(j)).collect();
            let mut shorter = 0;
            loop {
                let mut tried = self.moved(parameters, &step);
                Self::update_ability_sd(&mut tried, &variances);
                if shorter == 0 && parameters.distance(&tried) < NEAR_ENOUGH {
                    return Some((sums, (iterations, true)));
                }
                let (new, _) = self.pass(&tried, modes, true);
                iterations += 1;
                // At the same τ: what is best for these abilities makes the density of any lower where they lie apart.
                let of_prior = self.log_prior(&Parameters { ability_sd: parameters.ability_sd, ..tried.clone() });
                // What quadrature leaves uncertain is not to be mistaken for a way down.
                if new.log_likelihood + of_prior >= before - 1e-7 * before.abs().max(1.0) {
                    (*parameters, sums) = (tried, new);
                    break;
                }
                if shorter == MOST_HALVINGS {
                    // No way up is left that quadrature could tell: this is the top, unless the last step was a leap.
                    return Some((sums, (iterations, longest < 0.1)));
                }
                step.iter_mut().for_each(|x| *x /= 2.0);
                shorter += 1;
            }
        }
        Some((sums, (iterations, false)))
    }

    /// Updates τ, from abilities whose mean is given.
    fn update_ability_sd(parameters: &mut Parameters, variances: &[f64]) {
        let squares: f64 = parameters.ability.iter().zip(variances).map(|(x, v)| x * x + v).sum();
        let free = variances.len() as f64 - 1.0;
        parameters.ability_sd = ((squares + ABILITY_PRIOR_MODELS) / (free + ABILITY_PRIOR_MODELS)).sqrt();
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
            Self::update_ability_sd(parameters, &variances);
            let mut log_discrimination = 0.0;
            if self.options.discrimination {
                let rows = self.responses.rows() as f64;
                log_discrimination = posteriors.iter().map(|row| row.log_discrimination).sum::<f64>() / rows;
                let (sd, weight) = DISCRIMINATION_PRIOR;
                let squares = sums.square_log_discrimination - rows * log_discrimination * log_discrimination;
                parameters.discrimination_sd = ((squares + weight * sd * sd) / (rows + weight)).sqrt();
            }
            Self::center(parameters, modes, log_discrimination);
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
    /// which all is reported. `log_discrimination` is what ln a is on average, and should be 0: left to turns, that takes
    /// hundreds of them where rows are known well (so parameters are expanded by it: Liu, Rubin & Wu, 1998).
    fn center(parameters: &mut Parameters, modes: &mut [Mode], log_discrimination: f64) {
        let (shift, log_slope) = (mean(&parameters.ability), mean(&parameters.log_slope));
        let scale = log_slope + log_discrimination;
        let unit = scale.exp();
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

    /// What is reported: each row's posterior, and standard errors that know that the models' parameters are estimates.
    fn finish(
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
                            let of_model = |(c, answer): (usize, super::responses::Answer)| {
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

/// How the shared parameters vary together, given that the panel's mean ability is 0 and the mean logarithm of its slopes
/// too: from there, and in that unit, difficulties are measured, so that no error is made in either.
struct Covariance {
    cholesky: Cholesky,
    /// What is given, one after the other.
    given: Vec<Given>,
}

/// A mean of some parameters that is given.
struct Given {
    weights: Vec<f64>,
    /// The covariances of the parameters with it, less what is explained by what is given before it.
    with: Vec<f64>,
    /// Its variance, likewise.
    variance: f64,
}

impl Covariance {
    fn of(cholesky: Cholesky, models: usize, slopes: bool) -> Self {
        let size = cholesky.size();
        let mut own = Self { cholesky, given: Vec::new() };
        for first in std::iter::once(0).chain(slopes.then_some(models)) {
            let mut weights = vec![0.0; size];
            weights[first..first + models].fill(1.0 / models as f64);
            let with = own.times(&weights);
            let variance = dot(&with, &weights);
            own.given.push(Given { weights, with, variance });
        }
        own
    }

    /// The covariances of the parameters with a linear function of them.
    fn times(&self, weights: &[f64]) -> Vec<f64> {
        let mut with = self.cholesky.solve(weights);
        for given in &self.given {
            let shared = dot(&given.weights, &with) / given.variance;
            with.iter_mut().zip(&given.with).for_each(|(x, other)| *x -= shared * other);
        }
        with
    }

    /// The variance of a linear function of the parameters.
    fn variance_of(&self, weights: &[f64]) -> f64 {
        let whole: f64 = self.cholesky.forward(weights).iter().map(|x| x * x).sum();
        let shared: f64 = self.given.iter().map(|given| dot(&given.with, weights).powi(2) / given.variance).sum();
        (whole - shared).max(0.0)
    }

    /// The variance of one parameter.
    fn variance(&self, at: usize) -> f64 {
        let mut unit = vec![0.0; self.cholesky.size()];
        unit[at] = 1.0;
        self.variance_of(&unit)
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
