//! What is believed of the rows before their answers are read.

use super::{mean, numeric::square};

/// The prior mean and standard deviation of ln σ if difficulty is predicted from features. The answers of one model do not
/// determine σ; fits of several models to real benchmarks gave 1.7 to 4.0.
const FEATURES_LOG_SD: (f64, f64) = (std::f64::consts::LN_2, 0.5);
/// The same if difficulty is predicted from known difficulties: ln 0.4, with little doubt, so that a model whose answers
/// contradict them is taken for one that does not follow difficulty. The mean was chosen on 83 models of MMLU, half of the
/// families as the reference and the others as the panel; wider priors did no better there.
const ANCHORED_LOG_SD: (f64, f64) = (-0.916_290_731_874_155, 0.15);
/// The prior mean and standard deviation of the slope on the score that the features make, in logits per standard deviation.
/// A rule that calls rows difficult is believed until answers say otherwise.
const SCORE_SLOPE: (f64, f64) = (0.5, 0.5);
/// The same for another feature, whose direction is not known.
const FEATURE_SLOPE: (f64, f64) = (0.0, 0.5);
/// The same for known difficulties. It is narrow: the models' own slopes fit the unit of the scale, and no panel can turn the
/// order of the rows round.
const ANCHORED_SLOPE: (f64, f64) = (1.0, 0.02);
/// The prior standard deviation of ln s, and the same with known difficulties, which show whether a model follows them.
const MODEL_SLOPE_SD: (f64, f64) = (0.3, 0.6);
/// Features count no farther from their mean than this many standard deviations.
const FARTHEST: f64 = 3.0;

/// A column that the mean of the rows' difficulties is linear in.
#[derive(Clone, Debug)]
struct Column {
    /// One number per row.
    values: Vec<f64>,
    /// The prior mean and standard deviation of its slope.
    slope: (f64, f64),
    /// Its mean and standard deviation, if it was standardized; a standard deviation of 0 if it does not vary.
    scale: (f64, f64),
}

/// The prior of the rows' difficulties: bᵢ ~ N(xᵢ'β, σ² + vᵢ), where the slopes β have priors too.
#[derive(Clone, Debug)]
pub struct DifficultyPrior {
    columns: Vec<Column>,
    /// vᵢ, in squared logits; empty if all are 0.
    variances: Vec<f64>,
    log_sd: (f64, f64),
    anchor: Option<Abilities>,
}

/// The abilities of the models that known difficulties were fitted to, on the scale of these.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// How many models there are.
    pub models: usize,
    /// Their mean ability, in logits.
    pub mean: f64,
    /// The standard deviation of their abilities, in logits.
    pub sd: f64,
}

impl DifficultyPrior {
    /// Predicts difficulty from features: columns with a number per row, in any unit. Without columns, all rows have the same
    /// prior.
    pub fn features(columns: &[Vec<f64>]) -> Self {
        let columns = columns.iter().map(|column| Column::standardized(column, FEATURE_SLOPE)).collect();
        Self { columns, variances: Vec::new(), log_sd: FEATURES_LOG_SD, anchor: None }
    }

    /// Predicts difficulty from the score that a rule makes of features, and from the features. The score is believed to
    /// rise with difficulty until answers say otherwise.
    pub fn score_and_features(score: &[f64], features: &[Vec<f64>]) -> Self {
        let mut prior = Self::features(features);
        prior.columns.insert(0, Column::standardized(score, SCORE_SLOPE));
        prior
    }

    /// Starts from known difficulties, in logits, with their standard errors, fitted to models of these `abilities`. The
    /// difficulties of the fit are on the same scale. `features` predict what they leave open: columns
    /// with a number per row, in any unit, that count only in rows where `is_open`.
    pub fn anchored(
        known: &[f64],
        standard_errors: &[f64],
        abilities: Abilities,
        features: &[Vec<f64>],
        is_open: &[bool],
    ) -> Self {
        let mut columns = vec![Column { values: known.to_vec(), slope: ANCHORED_SLOPE, scale: (0.0, 1.0) }];
        for feature in features {
            let mut column = Column::standardized(feature, FEATURE_SLOPE);
            column.values.iter_mut().zip(is_open).filter(|(_, open)| !**open).for_each(|(value, _)| *value = 0.0);
            columns.push(column);
        }
        let variances = standard_errors.iter().map(|error| square(*error)).collect();
        Self { columns, variances, log_sd: ANCHORED_LOG_SD, anchor: Some(abilities) }
    }

    /// The mean and standard deviation of each feature, in the order of the columns.
    pub(super) fn scales(&self) -> Vec<(f64, f64)> {
        self.columns.iter().map(|column| column.scale).collect()
    }

    /// The abilities behind the known difficulties, which fix the scale; `None` without known difficulties.
    pub(super) fn anchor(&self) -> Option<Abilities> {
        self.anchor
    }

    /// The prior standard deviation of ln s.
    pub(super) fn model_slope_sd(&self) -> f64 {
        if self.anchor.is_some() { MODEL_SLOPE_SD.1 } else { MODEL_SLOPE_SD.0 }
    }

    /// The prior mean and standard deviation of ln σ.
    pub(super) fn log_sd(&self) -> (f64, f64) {
        self.log_sd
    }

    /// The prior mean and standard deviation of each slope.
    pub(super) fn slopes(&self) -> impl Iterator<Item = (f64, f64)> {
        self.columns.iter().map(|column| column.slope)
    }

    /// For each row a 1, followed by its columns.
    pub(super) fn design(&self, rows: usize) -> Vec<f64> {
        let width = 1 + self.columns.len();
        let mut design = vec![1.0; rows * width];
        for (row, own) in design.chunks_exact_mut(width).enumerate() {
            for (value, column) in own[1..].iter_mut().zip(&self.columns) {
                *value = column.values[row];
            }
        }
        design
    }

    /// vᵢ of each row; empty if all are 0.
    pub(super) fn variances(&self) -> &[f64] {
        &self.variances
    }
}

impl Column {
    /// The column scaled to mean 0 and standard deviation 1, clamped to ±3. A column that does not vary becomes zeros, so
    /// that its slope keeps its prior mean and changes nothing.
    fn standardized(values: &[f64], slope: (f64, f64)) -> Self {
        let center = mean(values);
        let sd = mean(&values.iter().map(|x| square(x - center)).collect::<Vec<_>>()).sqrt();
        let varies = sd.is_finite() && sd > 1e-12 * center.abs().max(1e-300);
        let scaled = |x: &f64| if varies { ((x - center) / sd).clamp(-FARTHEST, FARTHEST) } else { 0.0 };
        let scale = (center, if varies { sd } else { 0.0 });
        Self { values: values.iter().map(scaled).collect(), slope, scale }
    }
}
