//! Item response theory for few models: an explanatory model, fitted by marginal maximum a posteriori.
//!
//! Model j solves row i with probability c + (1 − c)·logistic(aᵢ·sⱼ·(θⱼ − bᵢ)). θ is the model's ability and s its slope
//! (how closely its answers follow difficulty). b is the row's difficulty and a its discrimination (1 for all rows under
//! `1pl`). c is the chance that a guess is right; it is known, not estimated. Rows are a sample: bᵢ ~ N(xᵢ'β, σ²), where xᵢ
//! are the row's features (De Boeck & Wilson, *Explanatory Item Response Models*, 2004; Fischer's linear logistic test
//! model, 1973, plus error), and ln aᵢ ~ N(0, ω²). Models are a sample too: θⱼ ~ N(0, τ²), ln sⱼ ~ N(0, 0.3²). σ, τ and ω
//! are estimated, each with a weak prior that matters only where the answers do not determine it. The panel's mean θ and
//! mean ln s are 0, which fixes the scale. Where known difficulties are the prior (in `prior`), these fix its unit. The mean of
//! several tries counts for as much as its dispersion says (in `tries`).
//!
//! The rows' own parameters are integrated out (in `posterior`). For panels of up to about fifty models, Newton's method
//! finds all other parameters together; it uses the complete-data information minus the missing information (Louis, 1982).
//! Larger panels determine each row well, and expectation and maximization alternate instead. With very many rows, a few
//! thousand are fitted first, and the fit of all rows starts from that result.
//!
//! Equal evidence gives equal bits on every machine: models are sorted by name, the order of sums does not depend on the
//! number of threads, exponentials and logarithms are our own (in `numeric`), and results are rounded to the precision of
//! the fit (in `report`).

mod covariance;
mod newton;
mod numeric;
mod report;
mod sums;
mod posterior;
mod prior;
mod quadrature;
mod tries;
mod turns;

pub use prior::{Abilities, DifficultyPrior};

use rayon::prelude::*;

use crate::{
    calibration::Curve,
    irt::{
        numeric::{exp, ln},
        posterior::{Mode, Posterior, Prior, Workspace},
        quadrature::{Quadrature, Wanted},
        sums::Sums,
    },
    response::Responses,
};

/// Features that certainly explain less than this share of the variance do not order the rows that all models solved or all
/// failed.
pub const WEAK_FEATURES: f64 = 0.1;
/// The smallest number of models that discriminations should be fitted to.
pub const FEW_MODELS: usize = 20;

/// The prior standard deviation of the intercept, so wide that it matters only if models solve all rows or fail all.
const INTERCEPT_SD: f64 = 3.0;
/// The prior of τ² is 1, with the weight of this many models.
const ABILITY_PRIOR_MODELS: f64 = 3.0;
/// The prior of ω (0.3), and the number of rows whose weight it has.
const DISCRIMINATION_PRIOR: (f64, f64) = (0.3, 100.0);
/// The most parameters for which Newton's method is used at once. With more, each row is usually determined so well that
/// alternating needs fewer rounds; Newton's method follows if it does not end soon.
const NEWTON_PARAMETERS: usize = 100;
/// The rounds of alternating after which Newton's method takes over, where its matrix is small enough.
const SOON: usize = 40;
/// The most parameters whose covariances are computed.
const WHOLE_PARAMETERS: usize = 600;
/// The most work that those covariances may take: the parameters squared times the rows.
const WHOLE_WORK: f64 = 2e10;
/// About how many rows the first, rough fit uses.
const FIRST_ROWS: usize = 4000;
/// The prior standard deviation of ln a in the curves of rows where discriminations are not fitted: that of BILOG (Mislevy and Bock,
/// 1990).
const CURVE_SD: f64 = 0.5;
const MOST_ITERATIONS: usize = 300;
const MOST_HALVINGS: usize = 5;
/// The fit checks whether to stop every 16 rows; with the largest panels that is a fraction of a second.
const ROWS_BETWEEN_QUESTIONS: usize = 16;
/// The fit stops after a step that moves no parameter by more than this, in logits; every standard error is far larger.
/// Results are rounded to match: see [`report`].
const NEAR_ENOUGH: f64 = 3e-3;

/// Which model to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// Whether each row has a discrimination of its own (2pl).
    pub discrimination: bool,
    /// How often a guess is right, from 0 up to but not including 1.
    pub chance: f64,
}

/// The fitted parameters of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ability {
    /// θ, in logits; the panel's mean is 0, or on the scale of known difficulties.
    pub ability: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// s: above 1 if the model's answers follow difficulty more closely than the panel's.
    pub slope: f64,
}

/// The fitted parameters of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowDifficulty {
    /// b, in logits: the mean of the posterior.
    pub difficulty: f64,
    /// The standard error of b, including the uncertainty of the models' parameters.
    pub standard_error: f64,
    /// a; 1 if discriminations are not fitted.
    pub discrimination: f64,
    /// The failure probability, averaged over the posterior and over abilities. With known difficulties, these are the
    /// abilities of both panels.
    pub expected_error: f64,
    /// Its own curve. Under 2pl this is `difficulty` and `discrimination`.
    pub curve: Curve,
}

/// The result of a fit.
#[derive(Clone, Debug)]
pub struct Fit {
    /// One entry per model, in the order of the responses' models.
    pub abilities: Vec<Ability>,
    /// One entry per row.
    pub difficulties: Vec<RowDifficulty>,
    /// The slope of difficulty on each column of the prior: on a feature in logits per standard deviation of it, on known
    /// difficulties in logits per logit.
    pub coefficients: Vec<f64>,
    /// The mean and standard deviation of each column of the prior; a standard deviation of 0 if it does not vary, and 0 and 1
    /// for known difficulties.
    pub scales: Vec<(f64, f64)>,
    /// The mean difficulty of a row with mean features, or with a known difficulty of 0.
    pub intercept: f64,
    /// σ: the standard deviation of difficulty that the prior's columns do not explain.
    pub residual_sd: f64,
    /// τ: the standard deviation of abilities; with known difficulties, of those of both panels.
    pub ability_sd: f64,
    /// Their mean: 0 without known difficulties.
    pub ability_mean: f64,
    /// ω: the standard deviation of ln a, if discriminations were fitted.
    pub discrimination_sd: Option<f64>,
    /// The share of the variance of tries that tries of one model on one row have in common, 0 to 1, if answers are the mean
    /// of several tries.
    pub tries_in_common: Option<f64>,
    /// The variance of xᵢ'β divided by the variance of bᵢ.
    pub variance_explained: f64,
    /// The log-likelihood of all answers, with the rows integrated out.
    pub log_likelihood: f64,
    /// The number of passes over all rows.
    pub iterations: usize,
    /// Whether the last step was small enough to stop.
    pub converged: bool,
}

/// The parameters that all rows share.
#[derive(Clone, Debug)]
struct Parameters {
    ability: Vec<f64>,
    log_slope: Vec<f64>,
    /// The intercept, followed by one slope per feature.
    coefficients: Vec<f64>,
    log_sd: f64,
    ability_sd: f64,
    discrimination_sd: f64,
    /// The correlation between two tries of one model on one row.
    tries_in_common: f64,
}

impl Parameters {
    /// The largest absolute difference between two sets of parameters.
    fn distance(&self, other: &Self) -> f64 {
        let all = |own: &Self| {
            let scalars = [own.log_sd, own.ability_sd, own.discrimination_sd];
            [&own.ability[..], &own.log_slope, &own.coefficients, &scalars].concat()
        };
        all(self).iter().zip(all(other)).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
    }

    /// Updates τ from the abilities and their variances; the mean ability is fixed at 0.
    fn update_ability_sd(&mut self, variances: &[f64]) {
        let squares: f64 = self.ability.iter().zip(variances).map(|(x, v)| x * x + v).sum();
        let free = variances.len() as f64 - 1.0;
        self.ability_sd = ((squares + ABILITY_PRIOR_MODELS) / (free + ABILITY_PRIOR_MODELS)).sqrt();
    }
}

/// A fit of one benchmark.
struct Fitter<'a> {
    responses: &'a Responses,
    prior: &'a DifficultyPrior,
    /// For each row a 1, followed by the columns of its prior; rows × `width`.
    design: Vec<f64>,
    width: usize,
    /// The known variance of each row's difficulty; empty if all are 0.
    variances: Vec<f64>,
    options: FitOptions,
    /// Whether models have slopes. The slope of a single model cannot be determined without known difficulties.
    slopes: bool,
    /// Whether known difficulties fix the unit of the scale, rather than the models' mean slope.
    anchored: bool,
    /// How many models have answers that are the mean of several tries.
    models_with_tries: usize,
    /// Whether each model scored the same on all rows that it answered. Such answers say nothing about what makes rows hard, so
    /// the slopes on the prior's columns keep their prior means.
    alike: bool,
    /// The number of rows in one unit of parallel work.
    chunk: usize,
    /// Returns true if the caller wants to stop.
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

/// Fits the model to the answers of one benchmark.
///
/// `prior` has a value for each row of `responses`. The fit calls `cancelled` several times a second and returns `None` once
/// it is true.
pub fn fit(
    responses: &Responses,
    prior: &DifficultyPrior,
    options: FitOptions,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Option<Fit> {
    let fitter = Fitter::new(responses, prior, options, cancelled);
    let mut parameters = fitter.start();
    // With many rows, a few thousand determine the models almost completely. The final fit still uses all rows.
    let stride = responses.rows() / FIRST_ROWS;
    if stride >= 4 {
        let some = responses.every(stride);
        fitter.of_every(stride, &some).climb(&mut parameters)?;
    }
    let (mut modes, sums, ended) = fitter.climb(&mut parameters)?;
    fitter.finish(&parameters, &mut modes, &sums, ended)
}

/// The mean; 0 for an empty slice.
fn mean(values: &[f64]) -> f64 {
    crate::number::mean(values).unwrap_or_default()
}

impl<'a> Fitter<'a> {
    fn new(
        responses: &'a Responses,
        prior: &'a DifficultyPrior,
        options: FitOptions,
        cancelled: &'a (dyn Fn() -> bool + Sync),
    ) -> Self {
        let (design, variances) = (prior.design(responses.rows()), prior.variances().to_vec());
        let (width, anchored) = (1 + prior.slopes().count(), prior.anchor().is_some());
        let slopes = anchored || responses.models().len() > 1;
        let (chunk, models_with_tries) = (Self::chunk_of(responses), responses.models_with_tries());
        let alike = responses.are_alike();
        Self {
            responses,
            prior,
            design,
            width,
            variances,
            options,
            slopes,
            anchored,
            models_with_tries,
            alike,
            chunk,
            cancelled,
        }
    }

    fn chunk_of(responses: &Responses) -> usize {
        responses.rows().div_ceil(64).max(64)
    }

    /// A fitter of every `stride`-th row; `responses` are the responses to those rows.
    fn of_every<'r>(&self, stride: usize, responses: &'r Responses) -> Fitter<'r>
    where
        'a: 'r,
    {
        let design = self.design.chunks_exact(self.width).step_by(stride).flatten().copied().collect();
        let variances = self.variances.iter().step_by(stride).copied().collect();
        Fitter { responses, design, variances, chunk: Self::chunk_of(responses), ..*self }
    }

    /// Whether the information matrix is computed as a whole rather than for each model separately.
    fn whole(&self) -> bool {
        let size = self.parameters();
        size <= WHOLE_PARAMETERS && (size * size) as f64 * self.responses.rows() as f64 <= WHOLE_WORK
    }

    /// Finds the most probable parameters and the dispersion of tries, starting from the given ones. Returns the mode of each
    /// row's posterior, the sums at those parameters, the number of rounds, and whether the fit converged; `None` if stopped.
    fn climb(&self, parameters: &mut Parameters) -> Option<(Vec<Mode>, Sums, (usize, bool))> {
        let start = |row| Mode { difficulty: self.prior(parameters, row).mean, log_discrimination: 0.0 };
        let mut modes: Vec<Mode> = (0..self.responses.rows()).map(start).collect();
        let mut iterations = 0;
        loop {
            let (sums, ended) = self.climb_once(parameters, &mut modes)?;
            iterations += ended.0;
            if !self.update_tries_in_common(parameters, &modes)? || iterations > MOST_ITERATIONS {
                return Some((modes, sums, (iterations, ended.1)));
            }
        }
    }

    fn climb_once(&self, parameters: &mut Parameters, modes: &mut [Mode]) -> Option<(Sums, (usize, bool))> {
        let whole = self.whole();
        let mut before = 0;
        if !whole || (self.parameters() > NEWTON_PARAMETERS && !self.alike) {
            let (iterations, converged) =
                self.maximize(parameters, modes, if whole { SOON } else { MOST_ITERATIONS })?;
            if converged || !whole {
                let (sums, _) = self.pass(parameters, modes, whole)?;
                return Some((sums, (iterations, converged)));
            }
            before = iterations;
        }
        let (sums, (iterations, converged)) = self.newton(parameters, modes)?;
        Some((sums, (before + iterations, converged)))
    }

    /// The number of parameters of Newton's method: abilities, slopes of models, coefficients, ln σ, and ln ω under 2pl.
    fn parameters(&self) -> usize {
        self.log_sd() + 1 + usize::from(self.options.discrimination)
    }

    /// The index of the intercept; the other coefficients follow it.
    fn intercept(&self) -> usize {
        self.models() * (1 + usize::from(self.slopes))
    }

    /// The index of ln σ.
    fn log_sd(&self) -> usize {
        self.intercept() + self.width
    }

    fn models(&self) -> usize {
        self.responses.models().len()
    }

    /// The starting values: abilities from the models' mean scores.
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
        let mut coefficients: Vec<f64> = std::iter::once(0.0).chain(self.prior.slopes().map(|slope| slope.0)).collect();
        let of_row = |row: &[f64]| row.iter().zip(&coefficients).map(|(x, b)| x * b).sum::<f64>();
        let predicted: Vec<f64> = self.design.chunks_exact(self.width).map(of_row).collect();
        coefficients[0] = -center - mean(&predicted);
        Parameters {
            ability,
            log_slope: vec![0.0; models],
            coefficients,
            log_sd: self.prior.log_sd().0,
            ability_sd: 1.0,
            discrimination_sd: DISCRIMINATION_PRIOR.0,
            tries_in_common: self.first_tries_in_common(),
        }
    }

    fn design(&self, row: usize) -> &[f64] {
        &self.design[row * self.width..][..self.width]
    }

    fn prior(&self, parameters: &Parameters, row: usize) -> Prior {
        let estimated = exp(2.0 * parameters.log_sd);
        let variance = estimated + self.variances.get(row).copied().unwrap_or_default();
        Prior {
            mean: self.design(row).iter().zip(&parameters.coefficients).map(|(x, b)| x * b).sum(),
            sd: variance.sqrt(),
            estimated: estimated / variance,
            discrimination_sd: self.options.discrimination.then_some(parameters.discrimination_sd),
            chance: self.options.chance,
        }
    }

    /// Whether to stop at this row; asks the caller only at every [`ROWS_BETWEEN_QUESTIONS`]-th row.
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
            work.answers.weight.push(tries::weight(answer.tries, parameters.tries_in_common));
            work.answers.weighted |= answer.tries != 1;
        }
    }

    /// Computes the sums over all rows and each row's posterior; `None` if stopped. `whole` adds the information matrix that
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
