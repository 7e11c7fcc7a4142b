//! Opening the store of a configured benchmark, which is brought up to date on the way where that is allowed.

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

/// Whether a command may bring stores up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Rebuild what no longer fits the configuration or its own checksum, and say why.
    Rebuild,
    /// Only report.
    Report,
}

/// Opens the store of a configured benchmark. What no longer fits the configuration or its own checksum is rebuilt where
/// `upkeep` allows it, and else said; a store of other rows than those that the configuration names is never replaced.
///
/// # Errors
/// The store is missing, is of other rows, or cannot be rebuilt.
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

/// Rebuilds a store that cannot be used any more, for this reason.
///
/// # Errors
/// Why it cannot be rebuilt.
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
    // `preprocess` finds and names the same reason, unless another run has rebuilt it meanwhile.
    let rebuilt = preprocess(benchmark, config.store_cut_of(name), folder, PreprocessOptions::default(), progress);
    rebuilt.map(drop).map_err(|error| match error {
        PreprocessError::Store(error) => PreprocessError::Store(error),
        error => PreprocessError::Rebuild { benchmark: name.to_owned(), reason, error: Box::new(error) },
    })
}

/// The store with an index that can be used: a new one in the folder, or in memory where the folder cannot be written to or
/// is only to be reported on.
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
        // Another run may have made it meanwhile.
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
