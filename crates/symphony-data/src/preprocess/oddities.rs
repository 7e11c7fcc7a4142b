//! Odd scores, which make the names of bins misleading.

use crate::{
    bin::{Bin, Cut, PerBin, Percentiles, Thresholds},
    store::{Meta, MetaThresholds},
};

/// The share of a benchmark's tasks in each bin, 0..1.
pub fn bin_shares(meta: &Meta) -> PerBin<f64> {
    let total = meta.bins.total().max(1) as f64;
    let share = |bin| meta.bins[bin] as f64 / total;
    PerBin { easy: share(Bin::Easy), medium: share(Bin::Medium), hard: share(Bin::Hard) }
}

/// A sentence about odd scores, which make the names of bins misleading: all raw scores are equal, or so many scores tie that
/// a bin is empty. `None` if scores are not odd.
pub fn oddities(meta: &Meta) -> Option<String> {
    let (n, normalization) = (meta.n_tasks_full, &meta.normalization);
    if normalization.raw_min == normalization.raw_max {
        let capped = if normalization.raw_max >= 1.0 {
            "; raw scores are capped at 1, and terms without `normalize: p95` soon reach it"
        } else {
            ""
        };
        let raw = normalization.raw_max;
        return Some(format!(
            "all {n} rows have the raw score {raw}, so every task is easy and its score is 0.5{capped}"
        ));
    }
    let MetaThresholds { cut, scores: Thresholds { easy, hard } } = meta.thresholds;
    let between = match cut {
        Cut::Percentiles(Percentiles { low, high }) => low < high,
        Cut::Cuts([easy, hard]) => easy < hard,
    };
    let empty: Vec<&str> = Bin::ALL
        .into_iter()
        // Equal percentiles ask for no medium tasks.
        .filter(|&bin| meta.bins[bin] == 0 && (bin != Bin::Medium || between))
        .map(Bin::name)
        .collect();
    (!empty.is_empty()).then(|| {
        format!("so many scores tie that no task is {} (easy ≤ {easy:.3}, hard ≥ {hard:.3})", empty.join(" or "))
    })
}
