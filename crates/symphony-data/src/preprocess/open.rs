//! Opens the store of a configured benchmark, and rebuilds it first if it is out of date and that is allowed.

use std::path::Path;

use super::{
    PreprocessError, PreprocessOptions,
    fresh::{Difference, difference},
    preprocess,
};
use crate::{
    config::Config,
    disk::Folder,
    progress::{Note, Progress},
    store::{Meta, Store, StoreError, index_name},
};

/// Whether a command may rebuild stores that are out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Rebuild a store that no longer matches the configuration or its own checksum, and report why.
    Rebuild,
    /// Only report it.
    Report,
}

/// Opens the store of a configured benchmark. A store that no longer matches the configuration or its own checksum is rebuilt
/// if `upkeep` allows it, and reported otherwise. A store with another source than the configured one is never replaced.
///
/// # Errors
/// The store is missing, comes from another source, or cannot be rebuilt.
pub fn open_store(
    config: &Config,
    folder: &Path,
    name: &str,
    upkeep: Upkeep,
    progress: &dyn Progress,
) -> Result<Store, PreprocessError> {
    let benchmark = config.benchmark(name);
    let other_source = |had: String, wants: String| PreprocessError::OtherSource {
        benchmark: name.to_owned(),
        folder: folder.to_owned(),
        had,
        wants,
    };
    let reason = match Store::open(folder, name, progress) {
        Ok(store) => match benchmark.and_then(|benchmark| difference(&store, benchmark)) {
            None => return with_index(store, folder, name, upkeep, progress),
            Some(difference) if upkeep == Upkeep::Report => {
                progress.note(Note::Stale { benchmark: name, reason: &difference.to_string() });
                return with_index(store, folder, name, upkeep, progress);
            }
            Some(Difference::Source { had, wants }) => return Err(other_source(had, wants)),
            Some(difference) => difference.to_string(),
        },
        Err(StoreError::Stale { path, reason }) if upkeep == Upkeep::Rebuild => {
            if let (Ok(meta), Some(benchmark)) = (Meta::read(folder, name), benchmark)
                && meta.source.path != benchmark.source.portable()
            {
                return Err(other_source(meta.source.path, benchmark.source.portable()));
            }
            format!("{}: {reason}", path.display())
        }
        Err(error) => return Err(error.into()),
    };
    rebuild(config, folder, name, reason, progress)?;
    Ok(Store::open(folder, name, progress)?)
}

/// Rebuilds a store that can no longer be used, for this `reason`, which is part of the error if this fails.
///
/// # Errors
/// The benchmark is not configured, or preprocessing fails.
pub(crate) fn rebuild(
    config: &Config,
    folder: &Path,
    name: &str,
    reason: String,
    progress: &dyn Progress,
) -> Result<(), PreprocessError> {
    let Some(benchmark) = config.benchmark(name) else {
        return Err(StoreError::Missing { benchmark: name.to_owned(), folder: folder.to_owned() }.into());
    };
    // `preprocess` finds and reports the same reason, unless another run has rebuilt the store in the meantime.
    let rebuilt = preprocess(benchmark, config.store_cut_of(name), folder, PreprocessOptions::default(), progress);
    rebuilt.map(drop).map_err(|error| match error {
        PreprocessError::Store(error) => PreprocessError::Store(error),
        error => PreprocessError::Rebuild { benchmark: name.to_owned(), reason, error: Box::new(error) },
    })
}

/// The store with a valid index. If needed, a new index is made: in the folder, or in memory if the folder is not writable or
/// `upkeep` only allows reports.
pub(super) fn with_index(
    mut store: Store,
    folder: &Path,
    name: &str,
    upkeep: Upkeep,
    progress: &dyn Progress,
) -> Result<Store, PreprocessError> {
    let Some(reason) = store.index_problem(false) else { return Ok(store) };
    if upkeep == Upkeep::Report {
        store.make_index(None)?;
        return Ok(store);
    }
    progress.note(Note::Indexing { benchmark: name, file: &index_name(name), reason: &reason });
    let in_folder = || {
        let locked = Folder::lock(folder, progress)?;
        let mut store = Store::open_in(folder, name)?;
        // Another run may have made it in the meantime.
        if store.index_problem(false).is_some() {
            store.make_index(Some(&locked))?;
        }
        Ok(store)
    };
    match in_folder() {
        Err(StoreError::Disk(_)) => {
            store.make_index(None)?;
            Ok(store)
        }
        made => Ok(made?),
    }
}
