//! Computes constants, range and thresholds from the features.

use super::{PreprocessError, Stage1, features::Featured};
use crate::{
    bin::{Cut, Percentiles, Thresholds},
    difficulty::{FeatureColumns, Normalization, RawRange, score::CONSTANT_PERCENTILE},
    number::{Mean, Summary},
};

/// The numbers that turn features into scores, and scores into bins.
pub(super) struct Scale {
    pub(super) constants: Vec<f64>,
    pub(super) range: RawRange,
    pub(super) normalization: Normalization,
    pub(super) thresholds: Thresholds,
}

impl Scale {
    pub(super) fn of(constants: Vec<f64>, range: RawRange, normalized_mean: f64, thresholds: Thresholds) -> Self {
        let normalization = Normalization {
            method: Normalization::MIN_MAX.to_owned(),
            raw_min: range.min,
            raw_max: range.max,
            normalized_min: range.scale(range.min),
            normalized_max: range.scale(range.max),
            normalized_mean,
        };
        Self { constants, range, normalization, thresholds }
    }
}

impl Stage1<'_> {
    /// Computes constants, range and thresholds from the features.
    pub(super) fn scale(&self, featured: &Featured, cut: Cut) -> Result<Scale, PreprocessError> {
        let mut constants = Vec::with_capacity(featured.summaries.len());
        for (summary, (_, at)) in featured.summaries.iter().zip(self.plan.constants()) {
            let again = |take: &mut dyn FnMut(&[f64])| self.scored(featured, |_, scored| take(&scored[*at]));
            let found = summary.percentiles(&[CONSTANT_PERCENTILE], again)?;
            constants.extend(found.into_iter().flatten().filter(|constant| constant.is_finite()));
        }
        if constants.len() < featured.summaries.len() {
            return Err(self.not_finite());
        }
        let raw_scores = |take: &mut dyn FnMut(&[f64])| {
            self.scored(featured, |rows, scored| take(&self.plan.raw_scores(scored, &constants, rows)))
        };
        let mut range = Ok(None);
        raw_scores(&mut |raw| range = range.and_then(|range| RawRange::observe(range, raw)))?;
        let range = range.ok().flatten().ok_or_else(|| self.not_finite())?;
        let scores = |take: &mut dyn FnMut(&[f64])| {
            raw_scores(&mut |raw| take(&raw.iter().map(|raw| range.scale(*raw)).collect::<Vec<_>>()))
        };
        let (mut summary, mut mean, mut finite) = (Summary::default(), Mean::default(), true);
        scores(&mut |scores| {
            finite &= summary.observe(scores).is_ok();
            scores.iter().for_each(|score| mean.observe(*score));
        })?;
        let thresholds = match cut {
            Cut::Percentiles(Percentiles { low, high }) => summary.percentiles(&[low, high], scores)?,
            Cut::Cuts(cuts) => Some(cuts.to_vec()),
        };
        let (Some([easy, hard]), Some(mean), true) = (thresholds.as_deref(), mean.get(), finite) else {
            return Err(self.not_finite());
        };
        Ok(Scale::of(constants, range, mean, Thresholds { easy: *easy, hard: *hard }))
    }

    /// Hands the scored features of all rows to `take`, batch by batch, with the number of rows of each batch.
    pub(super) fn scored(
        &self,
        featured: &Featured,
        mut take: impl FnMut(usize, &[Vec<f64>]),
    ) -> Result<(), PreprocessError> {
        let columns = self.plan.scored_names().len();
        for (batch, &rows) in featured.rows.iter().enumerate() {
            let bytes = featured.features.get(batch, FeatureColumns::bytes_of_scored(rows, columns))?;
            take(rows, &FeatureColumns::scored_from_bytes(&bytes, columns));
        }
        Ok(())
    }
}
