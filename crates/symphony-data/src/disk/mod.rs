//! Files on disk: written whole or not at all, with one writer per folder, and checksums that name their kind.

use serde::{Deserialize, Serialize};

pub mod checksum;
mod folder;
mod new_file;
mod place;
mod scratch;
pub mod storage;
mod write_behind;

pub use folder::Folder;
pub use new_file::{NewFile, WrittenFile};
pub use place::{Local, Opened, Place, RemoteFile, WINDOW};
pub use scratch::Scratch;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// A failure of the disk, with its path.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {action}: {error}{}", hint(.error, *.access))]
pub struct DiskError {
    /// The file or folder.
    pub path: PathBuf,
    /// What could not be done, such as `read this file`.
    pub action: &'static str,
    /// Why.
    #[source]
    pub error: std::io::Error,
    access: Access,
}

/// Whether something was to be read or written; the way out depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl DiskError {
    /// A failure to read, list or open an existing file or folder.
    pub(crate) fn new(path: &Path, action: &'static str, error: std::io::Error) -> Self {
        Self { path: path.to_owned(), action, error, access: Access::Read }
    }

    /// A failure to make, change or remove something.
    pub(crate) fn writing(path: &Path, action: &'static str, error: std::io::Error) -> Self {
        Self { access: Access::Write, ..Self::new(path, action, error) }
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

fn hint(error: &std::io::Error, access: Access) -> &'static str {
    use std::io::ErrorKind;
    match (error.kind(), access) {
        (ErrorKind::PermissionDenied, Access::Read) => "; check its permissions and those of the folders above it",
        (ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem, Access::Write) => {
            "; choose a folder that you may write to"
        }
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => {
            "; free some space and run again: the existing files are unchanged"
        }
        (ErrorKind::NotADirectory, _) => {
            "; there is a file where a folder is needed: move it, or choose another folder"
        }
        (ErrorKind::IsADirectory, _) => "; there is a folder where a file is needed: move it, or choose another place",
        _ => "",
    }
}

/// One file that rows came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFile {
    /// Its name, without the folders of this machine.
    pub name: String,
    /// Its size as stored.
    pub bytes: u64,
    /// `blake3:` and 64 hex digits, over the bytes as stored.
    pub checksum: String,
}
