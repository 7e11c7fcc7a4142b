//! `datasets:REPO[/CONFIG]`: datasets on the Hugging Face Hub, through the cache that Python's libraries use too.
//!
//! Rows come from the Hub's own Parquet conversion, which also exists for datasets that are scripts. If there is no
//! conversion, or only one of a part, they come from the data files of the split. All files are on this machine, and
//! their checksums are checked, before the first row is read.

use std::ops::ControlFlow;

use super::{
    At, Piece, Revision, Rows, Source, SourceError, Wanted,
    file::{LocalFile, read_all},
    hub::choose::DatasetSplit,
    pieces,
};
use crate::{disk::NamedFile, format::Columns, progress::Progress};

mod address;
mod cache;
mod choose;
mod client;
mod download;
mod environment;
mod error;
mod layout;

pub use address::Address;
pub use error::HubError;

/// A dataset's split on this machine.
pub struct HubSource<'b> {
    files: Vec<LocalFile<'b>>,
    config_field: Option<&'b str>,
    rows: Option<&'b str>,
    columns: Option<&'b Columns>,
    revision: Revision,
}

impl<'b> HubSource<'b> {
    /// Finds the split's files and downloads those that are not in the cache.
    ///
    /// # Errors
    /// See [`HubError`]. A download that was cut off or damaged is not in the cache afterwards.
    pub fn open(
        address: &'b Address,
        wanted: Wanted<'b>,
        at: At<'_>,
        progress: &dyn Progress,
    ) -> Result<Self, HubError> {
        on_a_thread(|| {
            let split = DatasetSplit::new(address, wanted, at, progress)?;
            let chosen = split.choose()?;
            split.check_lock(&chosen, at)?;
            let (listing, files) = split.download(chosen)?;
            Ok(Self {
                files,
                config_field: wanted.config_field,
                rows: wanted.rows,
                columns: wanted.columns,
                revision: Revision { commit: listing.commit, branch: listing.branch },
            })
        })
    }

    /// Checks that the Hub still has the split at the commit `locked`; downloads nothing.
    ///
    /// # Errors
    /// [`HubError::Moved`], and any error of asking the Hub.
    pub fn check_lock(
        address: &Address,
        wanted: Wanted<'_>,
        locked: &str,
        progress: &dyn Progress,
    ) -> Result<(), HubError> {
        on_a_thread(|| {
            let split = DatasetSplit::new(address, wanted, At::Locked(locked), progress)?;
            split.check_lock(&split.choose()?, At::Locked(locked))
        })
    }
}

/// Runs `work` on a thread of its own: the caller may be inside an async runtime, where no other one can be entered.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

impl Source for HubSource<'_> {
    fn rows(&self) -> Option<u64> {
        None
    }

    fn revision(&self) -> Option<&Revision> {
        Some(&self.revision)
    }

    fn shards(&self, shards: usize) -> Result<Vec<Vec<Piece>>, SourceError> {
        pieces::of_files(&self.files, self.rows, None, shards)
    }

    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<NamedFile>, SourceError> {
        read_all(&self.files, self.config_field, self.rows, self.columns, &mut |batch| sink(Rows::Read(batch)))
    }
}
