//! Chooses what a fit believes of the rows before their answers are read: known difficulties, or the features.

use std::path::PathBuf;

use super::{
    known::{Before, Known},
    rows::{Rows, Within},
};
use crate::{
    calibration::{FeatureSlope, PriorDifficulty, PriorKind, Reference},
    evidence::EvidenceError,
    irt::{DifficultyPrior, Fit},
    progress::{Note, Progress},
    response::Model,
};

/// What the difficulty of a row is predicted from before its answers are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PriorChoice {
    /// The reference difficulty if it knows at least half of the rows, and the features otherwise.
    #[default]
    Default,
    /// The surface score and the features that are numbers.
    Features,
    /// The reference difficulty.
    Reference,
    /// A calibration, or the benchmark's in a folder.
    Calibration(PathBuf),
}

impl PriorChoice {
    /// `features`, `reference`, or the path of a calibration or of a folder of calibrations. `./reference` is a path.
    pub fn parse(text: &str) -> Self {
        match text {
            "features" => Self::Features,
            "reference" => Self::Reference,
            path => Self::Calibration(path.into()),
        }
    }

    /// Checks that it can be had for a benchmark, as far as that shows without the benchmark's rows.
    pub(super) fn check(&self, benchmark: &str, progress: &dyn Progress) -> Result<(), EvidenceError> {
        match self {
            Self::Calibration(path) => Known::of_file(path, benchmark, progress).map(drop),
            Self::Reference if Reference::of(benchmark).is_none() => Err(no_reference(benchmark)),
            Self::Default | Self::Features | Self::Reference => Ok(()),
        }
    }
}

/// The error of a benchmark without a reference difficulty.
fn no_reference(benchmark: &str) -> EvidenceError {
    let names = Reference::names().join(", ");
    let reason = format!("it has no reference difficulty ({names} have one); take the prior from features");
    EvidenceError::Insufficient { benchmark: benchmark.to_owned(), reason }
}

/// The prior of a fit, and what its meta records.
pub(super) struct Chosen {
    pub prior: DifficultyPrior,
    pub kind: PriorKind,
    known: Option<PriorDifficulty>,
    /// The columns that are features, by name.
    features: Vec<(String, Within)>,
}

impl Chosen {
    /// The chosen prior. Generated rows have no reference difficulty.
    pub fn of(
        choice: &PriorChoice,
        benchmark: &str,
        rows: &Rows,
        synthetic: bool,
        panel: &[Model],
        progress: &dyn Progress,
    ) -> Result<Self, EvidenceError> {
        let reference = || Reference::of(benchmark).filter(|_| !synthetic).map(Known::of_reference);
        let refused = |why: String| {
            let reason = format!("{why}; take the prior from features");
            Err(EvidenceError::Insufficient { benchmark: benchmark.to_owned(), reason })
        };
        let known = match choice {
            PriorChoice::Features => None,
            PriorChoice::Default => reference().filter(|known| 2 * known.count(rows) >= rows.identities.len()),
            PriorChoice::Reference => match reference() {
                Some(known) if known.count(rows) > 0 => Some(known),
                Some(_) => return refused(format!("the reference difficulty of {benchmark} knows none of these rows")),
                None if synthetic => return refused("generated rows have no reference difficulty".to_owned()),
                None => return Err(no_reference(benchmark)),
            },
            PriorChoice::Calibration(path) => {
                let known = Known::of_file(path, benchmark, progress)?;
                if known.count(rows) == 0 {
                    return refused(format!("the calibration {} knows none of these rows", path.display()));
                }
                Some(known)
            }
        };
        let Some(known) = known else { return Ok(Self::features(rows)) };
        let kind = if known.record.file.is_some() { PriorKind::Calibration } else { PriorKind::Reference };
        warn_of_models_in_both(benchmark, &known, panel, progress);
        Ok(Self::known(known, kind, rows))
    }

    fn features(rows: &Rows) -> Self {
        let features = columns(rows);
        let values: Vec<Vec<f64>> = features.iter().map(|(_, column)| column.values.clone()).collect();
        let prior = DifficultyPrior::score_and_features(&values[0], &values[1..]);
        Self { prior, kind: PriorKind::Features, known: None, features }
    }

    fn known(known: Known, kind: PriorKind, rows: &Rows) -> Self {
        let before = known.before(rows);
        let difficulties: Vec<f64> = before.iter().map(|row| row.difficulty).collect();
        let errors: Vec<f64> = before.iter().map(|row| row.standard_error).collect();
        let is_open: Vec<bool> = before.iter().map(|row: &Before| !row.is_known).collect();
        let features = if is_open.contains(&true) { columns(rows) } else { Vec::new() };
        let values: Vec<Vec<f64>> = features.iter().map(|(_, column)| column.values.clone()).collect();
        let prior = DifficultyPrior::anchored(&difficulties, &errors, known.abilities, &values, &is_open);
        let n_known = is_open.iter().filter(|open| !**open).count() as u64;
        Self { prior, kind, known: Some(PriorDifficulty { n_known, ..known.record }), features }
    }

    /// The slopes on features, and the known difficulties with the slope on them, as a meta records them.
    pub fn fitted(self, fit: &Fit) -> (Vec<FeatureSlope>, Option<PriorDifficulty>) {
        let mut slopes = fit.coefficients.iter().zip(&fit.scales);
        let known = self.known.map(|known| {
            let coefficient = slopes.next().map_or(0.0, |(slope, _)| *slope);
            PriorDifficulty { coefficient, ..known }
        });
        let features = self.features.into_iter().zip(slopes);
        let recorded = features.map(|((name, Within { mean, means, .. }), (slope, (_, sd)))| FeatureSlope {
            name,
            coefficient: *slope,
            mean,
            sd: *sd,
            means,
        });
        (recorded.collect(), known)
    }
}

/// The largest number of models that a warning names.
const SHOWN_MODELS: usize = 3;

/// Warns of models whose answers the known difficulties were fitted to already.
fn warn_of_models_in_both(benchmark: &str, known: &Known, panel: &[Model], progress: &dyn Progress) {
    let both: Vec<&str> = panel
        .iter()
        .filter(|own| known.panel().iter().any(|other| other.is_like(&own.name)))
        .map(|own| own.name.as_str())
        .collect();
    if !both.is_empty() {
        let rest = both.len().saturating_sub(SHOWN_MODELS);
        let mut names = both.iter().take(SHOWN_MODELS).copied().collect::<Vec<_>>().join(", ");
        if rest > 0 {
            names += &format!(" and {rest} more");
        }
        let warning = format!(
            "{benchmark}: the prior was fitted to answers of {names} too, so they count twice; leave them out, or take the prior from features"
        );
        progress.note(Note::Warning(&warning));
    }
}

/// The surface score and the features, within the groups of the label.
fn columns(rows: &Rows) -> Vec<(String, Within)> {
    let score = (FeatureSlope::SURFACE_SCORE.to_owned(), rows.within(&rows.scores));
    let features = rows.features.iter().map(|(name, column)| (name.clone(), rows.within(column)));
    std::iter::once(score).chain(features).collect()
}
