//! The files of a store that is open: held open themselves, or opened for each read where a store has very many parts.

use std::{fs::File, io, ops::Deref, path::Path};

use crate::disk::read_at;

/// How many parts are held open at once. Each has up to two files, and systems often allow a process 1024 of them.
const MOST_HELD: usize = 100;

/// Whether the files of a store with this many parts are held open.
pub(super) fn is_held(parts: usize) -> bool {
    parts <= MOST_HELD
}

/// A file of an open store. What is read of it is checked against checksums, so one that was replaced meanwhile is noticed.
#[derive(Debug)]
pub(super) enum HeldFile {
    /// It stays open, so that the same bytes are read even if another run replaces it.
    Open(File),
    /// It is opened for each read.
    Closed(Box<Path>),
}

impl HeldFile {
    /// An open file, or its path if it is not to be `held`.
    pub fn new(path: &Path, file: File, held: bool) -> Self {
        if held { Self::Open(file) } else { Self::Closed(path.into()) }
    }

    /// The file, for several reads.
    pub fn get(&self) -> io::Result<impl Deref<Target = File>> {
        enum Got<'f> {
            Borrowed(&'f File),
            Own(File),
        }
        impl Deref for Got<'_> {
            type Target = File;

            fn deref(&self) -> &File {
                match self {
                    Self::Borrowed(file) => file,
                    Self::Own(file) => file,
                }
            }
        }
        Ok(match self {
            Self::Open(file) => Got::Borrowed(file),
            Self::Closed(path) => Got::Own(File::open(path)?),
        })
    }

    /// Reads from a place in the file.
    pub fn read(&self, into: &mut [u8], from: u64) -> io::Result<()> {
        read_at(&*self.get()?, into, from)
    }
}
