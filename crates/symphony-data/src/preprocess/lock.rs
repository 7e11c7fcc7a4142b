//! `--locked`: allows only the source that the meta records.

use std::path::Path;

use super::{PreprocessError, Stage1};
use crate::{
    config::Benchmark,
    disk::NamedFile,
    store::{Meta, SourceRecord, StoreError},
};

/// The source that the meta in `folder` records, if it is the configured one.
pub(super) fn recorded_source(benchmark: &Benchmark, folder: &Path) -> Result<SourceRecord, PreprocessError> {
    let nothing = |why: String| PreprocessError::NotLocked { benchmark: benchmark.name.clone(), why };
    let source = match Meta::read(folder, &benchmark.name) {
        Ok(meta) => meta.source,
        Err(StoreError::Missing { .. }) => return Err(nothing("no source is recorded yet".to_owned())),
        Err(error @ StoreError::Disk(_)) => return Err(error.into()),
        Err(error) => return Err(nothing(error.to_string())),
    };
    let now = benchmark.source.portable();
    if source.path != now {
        return Err(nothing(format!("the recorded source is {}, and the configured one is {now}", source.path)));
    }
    Ok(source)
}

impl Stage1<'_> {
    /// Checks that these are the recorded files, if only those may be used.
    pub(super) fn check_lock(&self, files: &[NamedFile]) -> Result<(), PreprocessError> {
        let Some(locked) = &self.locked else { return Ok(()) };
        let other = files.iter().find(|file| !locked.files.contains(file));
        let what = match (other, files.len() == locked.files.len()) {
            (None, true) => return Ok(()),
            (Some(file), _) => format!("{} has changed since it was recorded", file.name),
            (None, false) => format!("{} files were recorded, and now there are {}", locked.files.len(), files.len()),
        };
        Err(PreprocessError::Moved { benchmark: self.benchmark.name.clone(), what })
    }
}
