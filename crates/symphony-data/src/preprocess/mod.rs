//! Runs stage 1: source ─► difficulty ─► store, batch by batch. It never holds all rows.
//!
//! It reads the source twice. The first pass computes the features and keeps them in a scratch file; constants, scores and
//! thresholds are computed from it. The second pass writes the store. One core works on each batch, so memory holds only a
//! few batches at a time.

use std::{num::NonZeroUsize, path::Path};

use crate::{
    bin::Cut,
    config::Benchmark,
    disk::Folder,
    progress::{Note, Progress},
    source::{
        At, SourceError, SourcePath,
        hub::{HubError, HubSource},
    },
    store::{Meta, OnBadRow, SourceRecord, StoreError, index_name, parts_in, remove_others, store_name},
    task::Layout,
};

use fresh::current;
use lock::recorded_source;
use pass::{Stage1, scorer};
use rebin::rebin;

mod copies;
mod error;
mod features;
mod fresh;
mod lock;
mod oddities;
mod open;
mod pass;
mod rebin;
mod scale;
pub mod shard;
mod write;

pub use error::PreprocessError;
pub use oddities::{bin_shares, oddities};
pub(crate) use open::rebuild;
pub use open::{Upkeep, open_store};

/// Options of stage 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct PreprocessOptions {
    /// What to do with bad rows; `None`: the same as when the store was last made; for a new store, stop.
    pub on_bad_row: Option<OnBadRow>,
    /// Rebuild the store even if it is up to date.
    pub force: bool,
    /// Use only the source that the meta records: the same commit, the same files.
    pub locked: bool,
    /// The format of the store; `None`: the configured one, else that of the existing store, else JSON lines.
    pub format: Option<Layout>,
    /// In how many parts to store the rows; 1: as one file. `None`: as the existing store, else as one file. A store has no
    /// more parts than rows.
    pub parts: Option<NonZeroUsize>,
}

/// The outcome of stage 1 for a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It made the store.
    Built,
    /// It found the store up to date.
    Cached,
    /// It rewrote the bins for other percentiles or cuts; the store was up to date otherwise.
    Rebinned,
}

/// Preprocesses one benchmark into `folder`, unless its store there is up to date. `cut` sets the bounds of its bins.
///
/// # Errors
/// See [`PreprocessError`]. An existing store is then untouched.
pub fn preprocess(
    benchmark: &Benchmark,
    cut: Cut,
    folder: &Path,
    options: PreprocessOptions,
    progress: &dyn Progress,
) -> Result<(Outcome, Meta), PreprocessError> {
    unless_current(benchmark, cut, folder, options, progress, |stage, folder, format, parts| {
        stage.build(folder, cut, format, parts)
    })
}

/// Preprocesses one benchmark by `build`, which gets the format and the number of parts, unless its store is up to date.
fn unless_current(
    benchmark: &Benchmark,
    cut: Cut,
    folder: &Path,
    options: PreprocessOptions,
    progress: &dyn Progress,
    build: impl FnOnce(&Stage1<'_>, &Folder, Layout, usize) -> Result<Meta, PreprocessError>,
) -> Result<(Outcome, Meta), PreprocessError> {
    let folder = Folder::lock(folder, progress)?;
    let locked = if options.locked { Some(recorded_source(benchmark, folder.path())?) } else { None };
    let wanted = options.format.or(benchmark.store);
    let stop = options.on_bad_row == Some(OnBadRow::Stop);
    let found = if options.force {
        Ok(None)
    } else {
        current(benchmark, folder.path(), wanted, options.parts, stop, progress).map(Some)
    };
    let reason = match found {
        Ok(None) | Err(StoreError::Missing { .. }) => None,
        Ok(Some((mut store, None))) => {
            // A store that is rebuilt below is checked when its source is opened.
            if let (SourcePath::Datasets(address), Some(SourceRecord { revision: Some(commit), .. })) =
                (&benchmark.source, &locked)
            {
                HubSource::check_lock(address, benchmark.wanted(), commit, progress)
                    .map_err(|error| of_source(benchmark, error.into()))?;
            }
            // A run that was stopped early may have left a store in the other format, or parts.
            remove_others(&folder, &benchmark.name, &store.meta.store, progress)?;
            if let Some(reason) = store.index_problem(true) {
                progress.note(Note::Indexing {
                    benchmark: &benchmark.name,
                    file: &index_name(&benchmark.name),
                    reason: &reason,
                });
                store.make_index(Some(&folder))?;
            }
            if store.meta.thresholds.cut == cut {
                progress.note(Note::Cached(&benchmark.name));
                note_copies(&store.meta, progress);
                return Ok((Outcome::Cached, store.meta));
            }
            let reason = Some("other percentiles or cuts are configured, so its bins are rewritten");
            progress.note(Note::Building { benchmark: &benchmark.name, reason });
            return Ok((Outcome::Rebinned, rebin(&folder, benchmark, cut, store)?));
        }
        Ok(Some((store, Some(reason)))) => {
            let (had, wants) = (&store.meta.source.path, benchmark.source.portable());
            if *had != wants {
                progress.note(Note::Warning(&format!(
                    "{}: its store in {} was made from {had}; it is replaced by one made from {wants}",
                    benchmark.name,
                    folder.path().display()
                )));
            }
            Some(reason)
        }
        Err(StoreError::Stale { path, reason }) => Some(format!("{}: {reason}", path.display())),
        // A file that cannot be read may still be good, and another program's file is not ours to replace.
        Err(error) => return Err(error.into()),
    };
    progress.note(Note::Building { benchmark: &benchmark.name, reason: reason.as_deref() });
    // A rebuild uses the same commit, unless `force` asks for the latest one.
    let recorded = match &locked {
        Some(locked) => locked.revision.clone(),
        None if options.force => None,
        None => recorded_source(benchmark, folder.path()).ok().and_then(|source| source.revision),
    };
    let at = match recorded.as_deref() {
        Some(commit) if options.locked => At::Locked(commit),
        Some(commit) => At::Commit(commit),
        None => At::Now,
    };
    let before = Meta::read(folder.path(), &benchmark.name).ok();
    let on_bad_row = options.on_bad_row.or(before.as_ref().map(|meta| meta.on_bad_row)).unwrap_or_default();
    // If the meta is lost, the files say how the store was wanted.
    let before = before.map(|meta| (meta.store.format, meta.store.parts.len().max(1))).or_else(|| {
        let has = |format: &Layout| folder.path().join(store_name(&benchmark.name, *format)).exists();
        Layout::ALL.into_iter().find(has).map(|format| (format, 1))
    });
    let before = before.or_else(|| parts_in(folder.path(), &benchmark.name));
    let format = wanted.or(before.map(|(format, _)| format)).unwrap_or_default();
    let parts = options.parts.map(NonZeroUsize::get).or(before.map(|(_, parts)| parts));
    let stage = Stage1::new(benchmark, on_bad_row, at, locked, progress)?;
    let meta = build(&stage, &folder, format, parts.unwrap_or(1))?;
    note_copies(&meta, progress);
    Ok((Outcome::Built, meta))
}

fn note_copies(meta: &Meta, progress: &dyn Progress) {
    if let Some(copies) = &meta.copies {
        progress.note(Note::Copies { benchmark: &meta.benchmark, what: &copies.to_string() });
    }
}

pub(super) fn of_source(benchmark: &Benchmark, error: SourceError) -> PreprocessError {
    let benchmark = benchmark.name.clone();
    match error {
        SourceError::Hub(error) if matches!(*error, HubError::Cancelled) => {
            PreprocessError::Cancelled { benchmark, downloading: true }
        }
        SourceError::Cancelled => PreprocessError::Cancelled { benchmark, downloading: true },
        error => PreprocessError::Source { benchmark, error },
    }
}
