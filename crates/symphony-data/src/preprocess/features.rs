//! The first pass: computes features, keeps them in a scratch file, and summarizes them.

use super::{
    PreprocessError,
    pass::{Batches, Kept, Stage1},
};
use crate::{
    disk::{Folder, NamedFile, Scratch},
    number::Summary,
    progress::Pass,
    row::RowBatch,
    store::OnBadRow,
};

/// The result of the first pass over the rows.
pub(super) struct Featured {
    /// The features, batch by batch, in the form of [`FeatureColumns::to_bytes`].
    pub(super) features: Scratch,
    /// How many good rows each batch has.
    pub(super) rows: Vec<usize>,
    /// A summary of each feature that has a normalization constant, to take the percentile from.
    pub(super) summaries: Vec<Summary>,
    /// The source files, in the order in which they were read.
    pub(super) files: Vec<NamedFile>,
    /// The identity of every good row; empty if identities are row numbers, because no two of these are equal.
    pub(super) identities: Vec<u64>,
    /// The number of rows, good and bad.
    pub(super) rows_read: u64,
    /// The rows, if they are few enough to keep. Then the second pass does not read them again.
    pub(super) kept: Option<Kept>,
}

/// How much text of rows is kept in memory from the first pass to the second, in bytes.
const KEPT: usize = 32 << 20;

impl Stage1<'_> {
    /// Runs the first pass over the rows, which computes their features.
    pub(super) fn features(&self, folder: &Folder) -> Result<Featured, PreprocessError> {
        let mut features = folder.scratch(&format!("{}_features", self.benchmark.name));
        let mut summaries = vec![Summary::default(); self.plan.constants().len()];
        let (mut rows, mut identities) = (Vec::new(), Vec::new());
        let (mut good, mut rejected) = (0_u64, 0);
        let (mut kept, mut kept_bytes) = (Some(Vec::new()), 0);
        let features_of = |batch: &RowBatch| {
            let found = self.plan.features(batch);
            if self.on_bad_row == OnBadRow::Stop
                && let Some((at, fault)) = found.rejected.first()
            {
                return Err(PreprocessError::BadRow {
                    benchmark: self.benchmark.name.clone(),
                    origin: batch.origin(*at),
                    row: batch.row_number(*at),
                    fault: fault.clone(),
                });
            }
            let mut summaries = vec![Summary::default(); self.plan.constants().len()];
            for (summary, (_, at)) in summaries.iter_mut().zip(self.plan.constants()) {
                summary.observe(&found.scored[*at]).map_err(|_| self.not_finite())?;
            }
            let (bad, bytes) = (found.rejected.len(), found.to_bytes());
            Ok((found.identities, bad, summaries, bytes))
        };
        let files = self.pass(
            Pass::Score,
            self.source.rows(),
            None,
            1,
            |batches: Batches| {
                let found = features_of(&batches[0].1)?;
                Ok((found, batches))
            },
            |((own, bad, more, bytes), batches)| {
                kept_bytes += batches[0].1.text_len();
                kept = kept.take().filter(|_| kept_bytes <= KEPT);
                if let Some(kept) = &mut kept {
                    kept.extend(batches.into_iter().map(|(_, batch)| batch));
                }
                let some = own.len();
                if !self.benchmark.identity.is_empty() {
                    identities.extend(own);
                }
                good += some as u64;
                rejected += bad as u64;
                if u32::try_from(good).is_err() {
                    return Err(PreprocessError::TooLarge { benchmark: self.benchmark.name.clone() });
                }
                summaries.iter_mut().zip(&more).for_each(|(summary, more)| summary.merge(more));
                rows.push(some);
                features.push(bytes)?;
                Ok((some + bad) as u64)
            },
        )?;
        if good == 0 {
            return Err(self.empty(rejected));
        }
        let kept = kept.map(|batches| Kept { batches, files: files.clone() });
        Ok(Featured { features, rows, summaries, files, identities, rows_read: good + rejected, kept })
    }
}
