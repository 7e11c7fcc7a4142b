//! `{b}_calibration.jsonl` and its meta: the difficulty of each row, and how it was fitted.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    disk::{NamedFile, WrittenFile, checksum},
    response::Model,
};

/// The item response model that is fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemModel {
    /// All rows have the same discrimination.
    #[default]
    #[serde(rename = "1pl")]
    OneParameter,
    /// Each row has its own discrimination.
    #[serde(rename = "2pl")]
    TwoParameters,
}

impl CalibratedRow {
    /// The row's own curve. A line without one is from an earlier version, and its row gets that of its difficulty.
    pub fn own_curve(&self) -> Curve {
        let Self { difficulty, discrimination, curve, .. } = *self;
        curve.unwrap_or(Curve { difficulty, discrimination: discrimination.unwrap_or(1.0) })
    }
}

impl ItemModel {
    /// The model of this name: `1pl` or `2pl`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "1pl" => Some(Self::OneParameter),
            "2pl" => Some(Self::TwoParameters),
            _ => None,
        }
    }
}

/// The curve of a row: a model of ability θ and slope s solves it with probability c + (1 − c)·logistic(a·s·(θ − b)), where c is the
/// chance that a guess is right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// b, in logits.
    pub difficulty: f64,
    /// a, from 0.
    pub discrimination: f64,
}

/// A row's line in `{b}_calibration.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratedRow {
    /// `humaneval_26`.
    pub source_id: String,
    /// 16 hex digits.
    pub identity: String,
    /// b, in logits. A model of the panel's mean ability solves a row of difficulty 0 half of the time.
    pub difficulty: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The discrimination a, under 2pl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discrimination: Option<f64>,
    /// How many models answered.
    pub n_responses: u64,
    /// How often a model drawn from the panel's fitted distribution of abilities fails, 0..1.
    pub expected_error: f64,
    /// The row's own curve, under 1pl, where `difficulty` is that of curves which are all equally steep. Predictions of a model's
    /// answers use it, scores do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
}

/// A model of the panel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PanelMember {
    /// Its name and family.
    #[serde(flatten)]
    pub model: Model,
    /// How many rows it answered.
    pub n_responses: u64,
    /// θ, in logits; the panel's mean is 0.
    pub ability: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// s: above 1 if its answers follow difficulty more closely than the panel's do.
    pub slope: f64,
}

/// What the difficulty of a row is predicted from before its answers are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriorKind {
    /// The surface score and the features that are numbers.
    #[default]
    Features,
    /// The reference difficulty.
    Reference,
    /// An earlier calibration.
    Calibration,
}

impl PriorKind {
    /// `features`, `reference` or `calibration`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Reference => "reference",
            Self::Calibration => "calibration",
        }
    }
}

/// The known difficulties that a fit started from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PriorDifficulty {
    /// The calibration's file name; `None` for the reference difficulty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The checksum of its rows.
    pub checksum: String,
    /// How many rows of the benchmark it knows.
    pub n_known: u64,
    /// By how many logits difficulty rises with a logit of it.
    pub coefficient: f64,
    /// The models that it was fitted to. They are part of the panel.
    pub panel: Vec<Model>,
}

/// The failure probability of a row falls short of 1 by this share of `chance`, however hard it is. Wrong options are written
/// to attract, and models that cannot answer often do not guess, so that hard rows are solved less often than by chance (Lord,
/// *Applications of Item Response Theory*, 1980, found the same of people). Half was chosen on 83 models of MMLU.
const SHARE_OF_CHANCE: f64 = 0.5;

/// How often a model solves a row of endless difficulty, if a guess is right with the probability `chance`.
pub fn asymptote(chance: f64) -> f64 {
    SHARE_OF_CHANCE * chance
}

/// A feature's part in the prior of difficulty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeatureSlope {
    /// Its name; [`FeatureSlope::SURFACE_SCORE`] for the score that the benchmark's rule makes of the features.
    pub name: String,
    /// By how many logits difficulty rises with a standard deviation of it.
    pub coefficient: f64,
    /// Its mean over the benchmark.
    #[serde(default)]
    pub mean: f64,
    /// Its standard deviation over the benchmark, within the groups of the label; 0 if it does not vary.
    #[serde(default)]
    pub sd: f64,
    /// Its mean in each group of the label. Values count by their distance from it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub means: BTreeMap<String, f64>,
}

impl FeatureSlope {
    /// The name under which the surface score is a feature.
    pub const SURFACE_SCORE: &str = "surface_score";
    /// A feature counts no farther from its mean than this many standard deviations, as in the fit.
    const FARTHEST: f64 = 3.0;

    /// The part of a row's predicted difficulty, in logits, that comes from these features. `group` is the row's text of the
    /// label, and `value` gives the value of a feature.
    pub fn sum(features: &[Self], group: Option<&str>, value: impl Fn(&str) -> Option<f64>) -> f64 {
        features.iter().map(|feature| feature.part(value(&feature.name), group)).sum()
    }

    /// The part that comes from a value of this feature in a group of the label. A missing value counts as the mean.
    fn part(&self, value: Option<f64>, group: Option<&str>) -> f64 {
        let Some(value) = value.filter(|value| value.is_finite() && self.sd > 0.0) else { return 0.0 };
        let mean = group.and_then(|group| self.means.get(group)).unwrap_or(&self.mean);
        self.coefficient * ((value - mean) / self.sd).clamp(-Self::FARTHEST, Self::FARTHEST)
    }
}

/// What `{b}_calibration_meta.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CalibrationMeta {
    /// The benchmark.
    pub benchmark: String,
    /// How many rows it has.
    pub n_tasks_full: u64,
    /// How many of them have no responses.
    pub n_unanswered: u64,
    /// How many answers there were. A model's tries at a row count as one.
    pub n_answers: u64,
    /// The fitted item response model.
    pub model: ItemModel,
    /// The assumed probability that a guess is right, 0..1.
    pub chance: f64,
    /// The panel. These models set the difficulty themselves, so tasks chosen by it do not evaluate them independently.
    pub panel: Vec<PanelMember>,
    /// The standard deviation of the fitted distribution of abilities that expected errors are averaged over; with known
    /// difficulties as the prior, of the abilities of both panels.
    pub ability_sd: f64,
    /// The mean of that distribution; not 0 only with known difficulties as the prior, whose scale the difficulties keep.
    #[serde(default, skip_serializing_if = "CalibrationMeta::is_zero")]
    pub ability_mean: f64,
    /// What difficulty is predicted from before answers are read.
    #[serde(default)]
    pub prior: PriorKind,
    /// The known difficulties, if they are the prior.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_difficulty: Option<PriorDifficulty>,
    /// The feature that is a text and divides the rows into groups, if there is one. Features predict difficulty within them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How difficulty depends on the features; if known difficulties are the prior, only in rows that it does not know.
    pub features: Vec<FeatureSlope>,
    /// The difficulty of a row with mean features, or whose known difficulty is 0.
    pub intercept: f64,
    /// The standard deviation of difficulty around its prediction from the prior.
    pub residual_sd: f64,
    /// The standard deviation of the logarithm of the discrimination, under 2pl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discrimination_sd: Option<f64>,
    /// The correlation between two tries of one model on one row, 0..1, if answers are the mean of several tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_in_common: Option<f64>,
    /// The share of the variance of difficulty that the prior explains, 0..1.
    pub variance_explained: f64,
    /// The log-likelihood of all answers, with the rows' own parameters integrated out.
    pub log_likelihood: f64,
    /// How many iterations over all rows the fit took.
    pub iterations: u64,
    /// Whether the fit converged.
    pub converged: bool,
    /// The files that the answers were read from; empty for a table.
    pub responses: Vec<NamedFile>,
    /// The answers in them that could not be mapped.
    pub unmapped_answers: u64,
    /// Whether the rows are generated rather than real. Responses to generated rows say nothing about the benchmark.
    #[serde(default)]
    pub synthetic: bool,
    /// The store of these rows, as it was during the fit.
    pub store: WrittenFile,
    /// `{b}_calibration.jsonl`.
    pub calibration: WrittenFile,
    /// The program that wrote this.
    pub tool: String,
    /// The checksum over this file with this value empty.
    pub self_checksum: String,
}

impl CalibrationMeta {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_zero(number: &f64) -> bool {
        *number == 0.0
    }

    /// All models whose answers set the difficulty: the panel, and that of the known difficulties if they are the prior.
    pub fn models(&self) -> Vec<Model> {
        let mut models: Vec<Model> = self.panel.iter().map(|member| member.model.clone()).collect();
        for model in self.prior_difficulty.iter().flat_map(|known| &known.panel) {
            if !models.contains(model) {
                models.push(model.clone());
            }
        }
        models
    }
}

/// The file name of a benchmark's calibration meta.
pub fn calibration_meta_name(benchmark: &str) -> String {
    format!("{benchmark}_calibration_meta.json")
}

/// Reads the meta of the calibration at `path`.
///
/// # Errors
/// Why it cannot be used.
pub fn read_meta(path: &Path) -> Result<CalibrationMeta, String> {
    let Some(benchmark) = calibrated_benchmark(path) else {
        return Err("it is not a calibration; a calibration is named BENCHMARK_calibration.jsonl".to_owned());
    };
    let meta_path = path.with_file_name(calibration_meta_name(benchmark));
    let text = std::fs::read_to_string(&meta_path)
        .map_err(|error| format!("its meta {} cannot be read: {error}; calibrate again", meta_path.display()))?;
    if !checksum::is_sealed(&text) {
        return Err(format!("{} was changed or damaged (self_checksum); calibrate again", meta_path.display()));
    }
    serde_json::from_str(&text)
        .map_err(|error| format!("{} was written by another version ({error})", meta_path.display()))
}

/// The file name of a benchmark's calibration.
pub fn calibration_name(benchmark: &str) -> String {
    format!("{benchmark}_calibration.jsonl")
}

/// The benchmark of a calibration, by its file name; `None` if the file is not named as a calibration.
pub fn calibrated_benchmark(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_suffix("_calibration.jsonl")
}
