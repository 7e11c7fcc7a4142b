//! What is left on disk: whole files or none, one writer a folder, and checksums that name their kind.

pub mod checksum;
mod folder;
mod scratch;

pub use folder::{Folder, NewFile, WrittenFile};
pub use scratch::Scratch;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// A failure of the disk, with the path it happened at.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {action}: {error}{}", hint(.error))]
pub struct DiskError {
    /// Where.
    pub path: PathBuf,
    /// What could not be done.
    pub action: &'static str,
    /// Why.
    pub error: std::io::Error,
}

impl DiskError {
    pub(crate) fn new(path: &Path, action: &'static str, error: std::io::Error) -> Self {
        Self { path: path.to_owned(), action, error }
    }
}

/// Reads from a place in a file, in one call where the system has one.
pub(crate) fn read_at(file: &File, into: &mut [u8], from: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, into, from);
    #[cfg(not(unix))]
    {
        use io::{Read, Seek};
        let mut file = file;
        file.seek(io::SeekFrom::Start(from)).and_then(|_| file.read_exact(into))
    }
}

fn hint(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "; choose a folder that you may write to",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space and run again: what stood there before is untouched"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "; a file stands where a folder is needed: move it, or choose another folder"
        }
        _ => "",
    }
}
