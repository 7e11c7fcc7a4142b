//! Rewrites the bins of a store for other percentiles or cuts, if it is up to date otherwise.

use super::{PreprocessError, pass::seal};
use crate::{
    bin::{Cut, PerBin, Thresholds},
    config::Benchmark,
    disk::Folder,
    store::{Meta, MetaThresholds, Store, meta_name},
};

/// Rewrites the bins of a store that is up to date otherwise, and its meta.
pub(super) fn rebin(folder: &Folder, benchmark: &Benchmark, cut: Cut, store: Store) -> Result<Meta, PreprocessError> {
    let scores = store.scores()?;
    let (thresholds, bins) = thresholds_and_bins(&scores, cut)
        .ok_or_else(|| PreprocessError::NotFinite { benchmark: benchmark.name.clone() })?;
    let (written, files) = store.rewrite_bins(folder, thresholds)?;
    let mut meta = store.meta;
    meta.thresholds = MetaThresholds { cut, scores: thresholds };
    meta.bins = bins;
    meta.store = written;
    let sealed = folder.write_small(&meta_name(&benchmark.name), &seal(&mut meta))?;
    folder.publish(files.into_iter().chain([sealed]).collect(), false)?;
    Ok(meta)
}

pub(super) fn thresholds_and_bins(scores: &[f64], cut: Cut) -> Option<(Thresholds, PerBin<u64>)> {
    let thresholds = Thresholds::of(scores, cut)?;
    let mut bins = PerBin::default();
    for &score in scores {
        bins[thresholds.bin(score)] += 1;
    }
    Some((thresholds, bins))
}
