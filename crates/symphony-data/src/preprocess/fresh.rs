//! Checks whether a store is up to date: compares configuration, source files and checksums.

use std::{fmt, io, num::NonZeroUsize, path::Path, sync::Arc};

use crate::{
    config::Benchmark,
    disk::{DiskError, NamedFile, Place, checksum, storage::Storage},
    progress::{Note, Progress},
    source::{SourceError, SourcePath, file, url},
    store::{Meta, Store, StoreError, rejected_name},
    task::Layout,
};

/// The store in `folder`, and why it is out of date, if it is. Compares configuration, source files and checksums. With
/// `stop`, a store from which rows were set aside is out of date; so is one that is not in `format`, or not in so many `parts`.
pub(super) fn current(
    benchmark: &Benchmark,
    folder: &Path,
    format: Option<Layout>,
    parts: Option<NonZeroUsize>,
    stop: bool,
    progress: &dyn Progress,
) -> Result<(Store, Option<String>), StoreError> {
    let store = Store::open_in(folder, &benchmark.name)?;
    let mut reason = difference(&store, benchmark).map(|difference| difference.to_string());
    if stop && store.meta.rejected_rows > 0 {
        reason = reason.or(Some("rows were set aside, but now a bad row must stop the run".to_owned()));
    }
    if let Some(format) = format.filter(|format| reason.is_none() && store.meta.store.format != *format) {
        reason = Some(format!("it is {}, but {} is requested", store.meta.store.format.name(), format.name()));
    }
    if let Some(parts) = parts.map(NonZeroUsize::get).filter(|_| reason.is_none()) {
        let had = store.meta.store.parts.len();
        // A store with fewer rows than parts has one part for each row.
        let wanted = if parts == 1 { 0 } else { parts.min(store.meta.n_tasks_full as usize) };
        let name = |parts: usize| match parts {
            0 => "one file".to_owned(),
            1 => "1 part".to_owned(),
            _ => format!("{parts} parts"),
        };
        if had != wanted {
            reason = Some(format!("it is {}, but {} is requested", name(had), name(wanted)));
        }
    }
    if reason.is_none() {
        for (path, recorded) in store.files() {
            let (now, _) = checksum::of_file(path, &recorded.checksum)
                .map_err(|error| DiskError::new(path, "read this file", error))?;
            if now != recorded.checksum {
                reason = Some("it was changed or damaged (checksum)".to_owned());
            }
        }
    }
    if reason.is_none() && !rejected_is_current(folder, &store.meta)? {
        reason = Some(format!("{} does not match its meta", rejected_name(&benchmark.name)));
    }
    if reason.is_none()
        && let SourcePath::File(pattern) = &benchmark.source
    {
        match file::paths(pattern, &benchmark.configs) {
            Some(paths) => {
                for (path, recorded) in paths.iter().zip(&store.meta.source.files) {
                    let (now, _) = checksum::of_file(path, &recorded.checksum)
                        .map_err(|error| DiskError::new(path, "read this source file", error))?;
                    if now != recorded.checksum {
                        reason = Some(format!("its source file {} changed", recorded.name));
                        break;
                    }
                }
            }
            None => progress.note(Note::SourceGone(&benchmark.name)),
        }
    }
    if let (None, SourcePath::Url(pattern)) = (&reason, &benchmark.source) {
        let unread = |why: &str| progress.note(Note::SourceUnread { benchmark: &benchmark.name, why });
        match &benchmark.storage {
            Some(storage) => match url::find(pattern, &benchmark.configs, &**storage) {
                Ok(files) => reason = changed_at(&files, &store.meta.source.files, storage)?,
                Err(SourceError::NoFileAt { .. }) => progress.note(Note::SourceGone(&benchmark.name)),
                Err(error) => unread(&error.to_string()),
            },
            None => unread("the Python package alone reads URLs"),
        }
    }
    Ok((store, reason))
}

/// Why the files at URLs are not those that were recorded, if they are not.
fn changed_at(
    files: &[url::Found<'_>],
    recorded: &[NamedFile],
    storage: &Arc<dyn Storage>,
) -> Result<Option<String>, DiskError> {
    let is_same = |(file, recorded): (&url::Found<'_>, &NamedFile)| {
        file.name == recorded.name && file.stamp.bytes == recorded.bytes
    };
    if files.len() != recorded.len() || !files.iter().zip(recorded).all(is_same) {
        return Ok(Some(Difference::Files.to_string()));
    }
    for (url::Found { url, stamp, .. }, recorded) in files.iter().zip(recorded) {
        let place = Place::new(Path::new(url), Some(storage));
        let read = place.open_whole(stamp.bytes).and_then(|open| checksum::of_reader(open, &recorded.checksum));
        let (now, _) = read.map_err(|error| DiskError::new(&place.shown(), "read this source file", error))?;
        if now != recorded.checksum {
            return Ok(Some(format!("its source file {} changed", recorded.name)));
        }
    }
    Ok(None)
}

/// Whether the file of rejected rows matches the meta: no file, or one with the recorded checksum.
pub(super) fn rejected_is_current(folder: &Path, meta: &Meta) -> Result<bool, DiskError> {
    let path = folder.join(rejected_name(&meta.benchmark));
    let Some(recorded) = &meta.rejected else { return Ok(!path.exists()) };
    match checksum::of_file(&path, &recorded.checksum) {
        Ok((now, _)) => Ok(now == recorded.checksum),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(DiskError::new(&path, "read this file", error)),
    }
}

/// How a store differs from the one that the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Its rows come from another source.
    Source {
        /// The source of the store.
        had: String,
        /// The configured source.
        wants: String,
    },
    /// Another setting of the benchmark changed, such as its rule.
    Rule,
    /// Its source files have other names or sizes.
    Files,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { had, wants } => write!(f, "it was made from {had}, but the configuration says {wants}"),
            Self::Rule => f.write_str("its configuration changed"),
            Self::Files => f.write_str("its source files changed"),
        }
    }
}

/// How a store differs from the one that the configuration asks for, if it does. Compares only names and sizes of files.
pub(super) fn difference(store: &Store, benchmark: &Benchmark) -> Option<Difference> {
    let (had, wants) = (&store.meta.source.path, benchmark.source.portable());
    if *had != wants {
        return Some(Difference::Source { had: had.clone(), wants });
    }
    if store.meta.benchmark_config_fingerprint != benchmark.fingerprint() {
        return Some(Difference::Rule);
    }
    if let SourcePath::File(pattern) = &benchmark.source
        && let Some(now) = file::sizes(pattern, &benchmark.configs)
        && !now.iter().map(|(name, bytes)| (name, *bytes)).eq(store
            .meta
            .source
            .files
            .iter()
            .map(|f| (&f.name, f.bytes)))
    {
        return Some(Difference::Files);
    }
    None
}
