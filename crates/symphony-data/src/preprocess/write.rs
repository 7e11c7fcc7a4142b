//! The second pass: writes the store.

use super::{PreprocessError, Stage1, copies::CopyFinder, features::Featured, pass::Batches, scale::Scale};
use crate::{
    difficulty::FeatureColumns,
    disk::Folder,
    progress::Pass,
    row::RowBatch,
    store::{ScoredRows, StoreWriter, WrittenStore},
    task::Layout,
};

impl Stage1<'_> {
    /// Runs the second pass over the rows, which writes the store.
    pub(super) fn write(
        &self,
        folder: &Folder,
        featured: &Featured,
        scale: &Scale,
        copies: &CopyFinder,
        format: Layout,
    ) -> Result<WrittenStore, PreprocessError> {
        let names = self.plan.scored_names();
        let columns = names.len();
        let (mut writer, encoder) = StoreWriter::create(folder, &self.benchmark.name, format, scale.thresholds, names)?;
        let scores_of = |(at, batch): &(usize, RowBatch)| {
            if featured.rows.len() <= *at {
                return Err(self.changed());
            }
            let features = FeatureColumns::from_bytes(&featured.features.get(*at, usize::MAX)?, columns);
            if features.batch_rows != batch.len() {
                return Err(self.changed());
            }
            copies.look_at(batch, &features);
            let rows = features.identities.len();
            let mut scores = self.plan.raw_scores(&features.scored, &scale.constants, rows);
            scores.iter_mut().for_each(|score| *score = scale.range.scale(*score));
            Ok((features, scores))
        };
        let work = |batches: Batches| {
            let scores = batches.iter().map(scores_of).collect::<Result<Vec<_>, PreprocessError>>()?;
            let of_batch: Vec<ScoredRows<'_>> = batches
                .iter()
                .zip(&scores)
                .map(|((_, batch), (features, scores))| ScoredRows { batch, features, scores })
                .collect();
            let rows: usize = batches.iter().map(|(_, batch)| batch.len()).sum();
            Ok((rows as u64, encoder.encode(&of_batch)?))
        };
        let files =
            self.pass(Pass::Write, Some(featured.rows_read), encoder.bytes_at_once(), work, |(rows, encoded)| {
                writer.append(encoded)?;
                Ok(rows)
            })?;
        let written = writer.finish()?;
        let rows: usize = featured.rows.iter().sum();
        if files != featured.files || written.bins.total() != rows as u64 {
            return Err(self.changed());
        }
        Ok(written)
    }
}
