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
//! panels, whose rows are known well, by expectation and maximization in turns. Of very many rows, a few thousand are
//! fitted first, and all of them from there on.
//!
//! Equal evidence gives equal bits, on every machine: models come sorted by name, sums are formed in an order that does not
//! depend on the number of threads, exponentials and logarithms are our own ([`numeric`]), and what is reported is rounded
//! to the precision of the fit ([`report`]).

mod covariance;
mod newton;
mod numeric;
mod report;
mod posterior;
mod quadrature;
mod turns;

use rayon::prelude::*;

use crate::{
    irt::{
        numeric::{exp, ln},
        posterior::{Mode, Posterior, Prior, Workspace},
        quadrature::{Quadrature, Wanted},
    },
    response::Responses,
};

/// Below this share of variance explained, features do not order rows that all models solved, or none.
pub const WEAK_FEATURES: f64 = 0.1;
/// The least number of models that discriminations should be fitted to.
pub const FEW_MODELS: usize = 20;

/// Where the intercept is expected: so wide that it counts only where all rows are solved, or none.
const INTERCEPT_SD: f64 = 3.0;
/// The standard deviation of ln s.
const SLOPE_SD: f64 = 0.3;
/// Where ln σ is expected, and how exactly. What one model answers says nothing of σ; answers of several models to real
/// benchmarks gave 1.7 to 4.0.
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
/// Whether to stop is asked every so many rows: of the largest panels, a fraction of a second.
const ROWS_BETWEEN_QUESTIONS: usize = 16;
/// A step after which no parameter moves by more is the last: in logits, far below what is uncertain of any. What is
/// reported is rounded to go with it: see [`report`].
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
pub struct RowDifficulty {
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
    pub difficulties: Vec<RowDifficulty>,
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

    /// Updates τ, from abilities whose mean is given.
    fn update_ability_sd(&mut self, variances: &[f64]) {
        let squares: f64 = self.ability.iter().zip(variances).map(|(x, v)| x * x + v).sum();
        let free = variances.len() as f64 - 1.0;
        self.ability_sd = ((squares + ABILITY_PRIOR_MODELS) / (free + ABILITY_PRIOR_MODELS)).sqrt();
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
    /// Whether to stop.
    cancelled: &'a (dyn Fn() -> bool + Sync),
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
/// it, in any unit. `None` if `cancelled` said so, which is asked several times a second.
pub fn fit(
    responses: &Responses,
    features: &[Vec<f64>],
    options: FitOptions,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Option<Fit> {
    let fitter = Fitter::new(responses, features, options, cancelled);
    let mut parameters = fitter.start();
    // Where there are many rows, a few thousand of them tell nearly all about the models; the others have the last word.
    let stride = responses.rows() / FIRST_ROWS;
    if stride >= 4 {
        let some = responses.every(stride);
        fitter.of_every(stride, &some).climb(&mut parameters)?;
    }
    let (mut modes, sums, ended) = fitter.climb(&mut parameters)?;
    fitter.finish(&parameters, &mut modes, &sums, ended)
}

/// The mean; 0 of nothing.
fn mean(values: &[f64]) -> f64 {
    crate::number::mean(values).unwrap_or_default()
}

/// A column with mean 0 and standard deviation 1, nothing farther out than 3; `None` where all values are equal.
fn standardized(column: &[f64]) -> Option<Vec<f64>> {
    let center = mean(column);
    let sd = mean(&column.iter().map(|x| (x - center) * (x - center)).collect::<Vec<_>>()).sqrt();
    (sd.is_finite() && sd > 1e-12 * center.abs().max(1e-300))
        .then(|| column.iter().map(|x| ((x - center) / sd).clamp(-3.0, 3.0)).collect())
}

impl<'a> Fitter<'a> {
    fn new(
        responses: &'a Responses,
        features: &[Vec<f64>],
        options: FitOptions,
        cancelled: &'a (dyn Fn() -> bool + Sync),
    ) -> Self {
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
        Self { responses, design, width, options, slopes, chunk: Self::chunk_of(responses), cancelled }
    }

    fn chunk_of(responses: &Responses) -> usize {
        responses.rows().div_ceil(64).max(64)
    }

    /// The same over every so manieth row only, `responses` being those to these rows.
    fn of_every<'r>(&self, stride: usize, responses: &'r Responses) -> Fitter<'r>
    where
        'a: 'r,
    {
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
    fn climb(&self, parameters: &mut Parameters) -> Option<(Vec<Mode>, Sums, (usize, bool))> {
        let start = Mode { difficulty: parameters.coefficients[0], log_discrimination: 0.0 };
        let mut modes = vec![start; self.responses.rows()];
        if self.whole() && self.parameters() <= NEWTON_PARAMETERS {
            let (sums, ended) = self.newton(parameters, &mut modes)?;
            return Some((modes, sums, ended));
        }
        let ended = self.maximize(parameters, &mut modes)?;
        let (sums, _) = self.pass(parameters, &mut modes, self.whole())?;
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
            sd: exp(parameters.log_sd),
            discrimination_sd: self.options.discrimination.then_some(parameters.discrimination_sd),
            chance: self.options.chance,
        }
    }

    /// Whether to stop, asked at some of the rows.
    fn stops_at(&self, row: usize) -> bool {
        row.is_multiple_of(ROWS_BETWEEN_QUESTIONS) && (self.cancelled)()
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

    /// Goes through all rows: sums, and each row's posterior; `None` if stopped. `whole`: with the information that
    /// Newton's method needs.
    fn pass(&self, parameters: &Parameters, modes: &mut [Mode], whole: bool) -> Option<(Sums, Vec<Posterior>)> {
        let quadrature = Quadrature::new(parameters.ability_sd);
        let slopes: Vec<f64> = parameters.log_slope.iter().map(|s| exp(*s)).collect();
        let (models, size) = (self.models(), self.parameters());
        let chunks: Option<Vec<(Sums, Vec<Posterior>)>> = modes
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
                    if self.stops_at(row) {
                        return None;
                    }
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
                    Some(posterior)
                });
                let posteriors = posteriors.collect::<Option<_>>()?;
                Some((sums, posteriors))
            })
            .collect();
        let chunks = chunks?;
        let sums = chunks.iter().fold(Sums::default(), |sums, (own, _)| sums.add(own));
        Some((sums, chunks.into_iter().flat_map(|(_, posteriors)| posteriors).collect()))
    }
}
