//! The second pass: writes the store.

use super::{PreprocessError, Stage1, copies::CopyFinder, features::Featured, pass::Batches, scale::Scale};
use std::ops::Range;

use crate::{
    difficulty::FeatureColumns,
    disk::Folder,
    progress::Pass,
    row::RowBatch,
    store::{Encoded, Places, ScoredRows, StoreWriter, WrittenStore},
    task::Layout,
};

impl Stage1<'_> {
    /// Runs the second pass over the rows, which writes the store.
    pub(super) fn write(
        &self,
        folder: &Folder,
        featured: &mut Featured,
        scale: &Scale,
        copies: &CopyFinder,
        format: Layout,
        places: Places<'_>,
    ) -> Result<WrittenStore, PreprocessError> {
        let kept = featured.kept.take();
        let featured = &*featured;
        let names = self.plan.scored_names();
        let columns = names.len();
        let (mut writer, encoder) =
            StoreWriter::create(folder, &self.benchmark.name, format, places, scale.thresholds, names)?;
        let cuts = Cuts::of(&featured.rows, places.names.len());
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
            let mut pieces: Vec<(usize, Vec<ScoredRows<'_>>)> = Vec::new();
            for ((at, batch), (features, scores)) in batches.iter().zip(&scores) {
                for (part, good) in cuts.of_batch(*at) {
                    let rows = ScoredRows { batch, features, scores, good };
                    match pieces.last_mut() {
                        Some((last, piece)) if *last == part => piece.push(rows),
                        _ => pieces.push((part, vec![rows])),
                    }
                }
            }
            let rows: usize = batches.iter().map(|(_, batch)| batch.len()).sum();
            let encoded: Result<Vec<Encoded>, _> =
                pieces.iter().map(|(part, rows)| encoder.encode(*part, rows)).collect();
            Ok((rows as u64, encoded?))
        };
        let (total, bytes) = (Some(featured.rows_read), encoder.bytes_at_once());
        let files = self.pass(Pass::Write, total, kept, bytes, work, |(rows, encoded)| {
            encoded.into_iter().try_for_each(|encoded| writer.append(encoded))?;
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

/// Where the rows of batches are cut into parts.
struct Cuts {
    /// The good rows before each batch, and all of them at the end.
    starts: Vec<u64>,
    /// The same for each part.
    parts: Vec<u64>,
}

impl Cuts {
    /// Parts of equal size, give or take a row, of batches with so many good rows each.
    fn of(rows: &[usize], parts: usize) -> Self {
        let mut starts = vec![0];
        starts.extend(rows.iter().scan(0, |all, rows| {
            *all += *rows as u64;
            Some(*all)
        }));
        let all = starts[rows.len()];
        // A store has fewer rows than 2³², so the product fits.
        Self { starts, parts: (0..=parts as u64).map(|part| all * part / parts.max(1) as u64).collect() }
    }

    /// The part of each stretch of good rows of a batch; one stretch even if it has no good row.
    fn of_batch(&self, batch: usize) -> Vec<(usize, Range<usize>)> {
        let (start, end) = (self.starts[batch], self.starts[batch + 1]);
        let (mut from, mut pieces) = (start, Vec::with_capacity(1));
        loop {
            // The last part that begins at or before this row, but no part behind the last row.
            let part = self.parts.partition_point(|begin| *begin <= from).clamp(1, self.parts.len() - 1) - 1;
            let to = end.min(self.parts[part + 1].max(from));
            pieces.push((part, (from - start) as usize..(to - start) as usize));
            if to >= end || to == from {
                return pieces;
            }
            from = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_parts_of_equal_size() {
        // 10 good rows in batches of 4, 0, 5 and 1, as 3 parts of 3, 3 and 4 rows.
        let cuts = Cuts::of(&[4, 0, 5, 1], 3);
        assert_eq!(cuts.of_batch(0), [(0, 0..3), (1, 3..4)]);
        assert_eq!(cuts.of_batch(1), [(1, 0..0)]);
        assert_eq!(cuts.of_batch(2), [(1, 0..2), (2, 2..5)]);
        assert_eq!(cuts.of_batch(3), [(2, 0..1)]);
    }

    #[test]
    fn bad_rows_behind_the_last_good_one_go_with_the_last_part() {
        assert_eq!(Cuts::of(&[2, 0], 2).of_batch(1), [(1, 0..0)]);
        assert_eq!(Cuts::of(&[2, 0], 1).of_batch(0), [(0, 0..2)]);
    }
}
