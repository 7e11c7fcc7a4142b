//! A file that is being written, and hashed on its way to the disk.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::{DiskError, checksum, write_behind::WriteBehind};

/// The ending of files that are being written; they begin with a dot.
pub(super) const UNFINISHED: &str = ".unfinished";

/// A written file's size and checksum, as meta and manifest record them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Its size.
    pub bytes: u64,
    /// `sha256:` or `blake3:` and the digest in hex.
    pub checksum: String,
}

/// A file that is being written under a dot name. It is removed if it is dropped before it is published.
#[derive(Debug)]
pub struct NewFile {
    /// `None` once it is closed.
    file: Option<BufWriter<Hashing>>,
    unfinished: PathBuf,
    place: PathBuf,
    /// Whether all of it is on the disk.
    synced: bool,
    published: bool,
}

/// Hashes the bytes on their way to the file, in the large pieces that the buffer passes on.
struct Hashing {
    file: File,
    hasher: Hasher,
    bytes: u64,
    behind: WriteBehind,
}

#[derive(Clone)]
enum Hasher {
    Blake3(Box<blake3::Hasher>),
    Sha256(Box<Context>),
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashing").field("file", &self.file).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        match &mut self.hasher {
            Hasher::Blake3(hasher) => _ = hasher.update(&bytes[..n]),
            Hasher::Sha256(hasher) => hasher.update(&bytes[..n]),
        }
        self.bytes += n as u64;
        self.behind.written(&self.file, self.bytes)?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile {
    /// A file that is hashed with BLAKE3.
    pub(super) fn large(folder: &Path, name: &str) -> Result<Self, DiskError> {
        Self::create(folder, name, Hasher::Blake3(Box::default()))
    }

    /// A file that is hashed with SHA-256, which people have a program for.
    pub(super) fn small(folder: &Path, name: &str) -> Result<Self, DiskError> {
        Self::create(folder, name, Hasher::Sha256(Box::new(Context::new(&SHA256))))
    }

    fn create(folder: &Path, name: &str, hasher: Hasher) -> Result<Self, DiskError> {
        let unfinished = folder.join(format!(".{name}{UNFINISHED}"));
        let place = folder.join(name);
        // create_new never follows a link that was planted under the dot name.
        let file =
            File::create_new(&unfinished).map_err(|error| DiskError::writing(&place, "write this file", error))?;
        let file =
            BufWriter::with_capacity(256 << 10, Hashing { file, hasher, bytes: 0, behind: WriteBehind::default() });
        Ok(Self { file: Some(file), unfinished, place, synced: false, published: false })
    }

    /// Adds this file's path to an error of writing to it.
    ///
    /// # Errors
    /// The error of `result`, with the path.
    pub fn check<T>(&self, result: io::Result<T>) -> Result<T, DiskError> {
        result.map_err(|error| DiskError::writing(&self.place, "write this file", error))
    }

    /// The path that the file will have.
    pub fn path(&self) -> &Path {
        &self.place
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The disk cannot be written to.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let written = self.write_all(bytes);
        self.check(written)
    }

    /// Closes the file, which is whole now and survives a power cut, and returns its size and checksum. It can still be
    /// published.
    ///
    /// # Errors
    /// The disk cannot be written to, or the file is closed already.
    pub fn close(&mut self) -> Result<WrittenFile, DiskError> {
        let written = self.written()?;
        self.write_out(true)?;
        self.file = None;
        Ok(written)
    }

    /// Closes the file, which is whole now. It can still be published. Where many files are written before the first is
    /// published, this keeps few of them open.
    ///
    /// # Errors
    /// The disk cannot be written to.
    pub fn end(&mut self) -> Result<(), DiskError> {
        self.write_out(false)?;
        self.file = None;
        Ok(())
    }

    /// Writes out what is buffered in any of the files. With `durable`, all of them survive a power cut. Where some are to be
    /// published before others, this waits for the disk once instead of once a file.
    ///
    /// # Errors
    /// The disk cannot be written to.
    pub fn write_all_out(files: &mut [Self], durable: bool) -> Result<(), DiskError> {
        if durable && files.len() > 1 {
            files.par_iter_mut().try_for_each(|file| file.write_out(durable))
        } else {
            files.iter_mut().try_for_each(|file| file.write_out(durable))
        }
    }

    /// Writes out what is buffered. With `durable`, it survives a power cut.
    fn write_out(&mut self, durable: bool) -> Result<(), DiskError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut done = file.flush().and_then(|()| file.get_mut().behind.finish());
        if durable && !self.synced {
            done = done.and_then(|()| file.get_ref().file.sync_all());
            self.synced = done.is_ok();
        }
        self.check(done)
    }

    /// Renames the file, which was written out, to the name that it is to have.
    pub(super) fn put_in_place(mut self) -> Result<(), DiskError> {
        fs::rename(&self.unfinished, &self.place)
            .map_err(|error| DiskError::writing(&self.place, "put this file in its place", error))?;
        self.published = true;
        Ok(())
    }

    /// Writes out the buffer, and returns the size and checksum of everything that was written so far.
    ///
    /// # Errors
    /// The disk cannot be written to.
    pub fn written(&mut self) -> Result<WrittenFile, DiskError> {
        let flushed = self.flush();
        self.check(flushed)?;
        let Some(file) = &self.file else {
            let closed = io::Error::new(io::ErrorKind::NotFound, "it is closed");
            return Err(DiskError::writing(&self.place, "write this file", closed));
        };
        let Hashing { hasher, bytes, .. } = file.get_ref();
        let checksum = match hasher.clone() {
            Hasher::Blake3(hasher) => checksum::blake3_text(&hasher),
            Hasher::Sha256(hasher) => checksum::sha256_text(*hasher),
        };
        Ok(WrittenFile { bytes: *bytes, checksum })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.synced = false;
        self.file.as_mut().ok_or_else(|| io::Error::other("this file is closed"))?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            // Nothing more can be done here; the next run removes the files that stay.
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}
