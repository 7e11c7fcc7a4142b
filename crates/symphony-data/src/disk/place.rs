//! A file by its path or its URL, opened and read in the same way.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::storage::{Stamp, Storage, is_url, shown, without_options};

/// How much of a file behind a URL is read at once, in bytes.
pub const WINDOW: u64 = 8 << 20;

/// How many letters of a name its copy keeps.
const NAME: usize = 32;

/// Where a file is: its path, or a URL and the connection to it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    path: &'p Path,
    storage: Option<&'p Arc<dyn Storage>>,
}

/// A connection and a URL.
type Remote<'p> = (&'p Arc<dyn Storage>, Cow<'p, str>);

impl<'p> Place<'p> {
    /// The place with this path or URL. `storage` is the connection for URLs.
    pub fn new(path: &'p Path, storage: Option<&'p Arc<dyn Storage>>) -> Self {
        Self { path, storage }
    }

    /// Whether it is a URL.
    pub fn is_remote(self) -> bool {
        is_url(&self.path.to_string_lossy())
    }

    /// The connection and the URL; none for a path.
    fn remote(self) -> io::Result<Option<Remote<'p>>> {
        if !self.is_remote() {
            return Ok(None);
        }
        let none = || io::Error::new(io::ErrorKind::Unsupported, "there is no connection to this storage");
        Ok(Some((self.storage.ok_or_else(none)?, self.path.to_string_lossy())))
    }

    /// What it is called in messages: its path, or its URL without user, password and options.
    pub fn shown(self) -> PathBuf {
        if self.is_remote() { shown(&self.path.to_string_lossy()).into() } else { self.path.to_owned() }
    }

    /// The path from the root of the file system on, or the URL.
    pub fn absolute(self) -> PathBuf {
        let absolute = if self.is_remote() { None } else { std::path::absolute(self.path).ok() };
        absolute.unwrap_or_else(|| self.path.to_owned())
    }

    /// What tells whether the file is the same still.
    ///
    /// # Errors
    /// The file is not there, or its storage cannot be reached.
    pub fn stamp(self) -> io::Result<Stamp> {
        match self.remote()? {
            None => Stamp::of(self.path),
            Some((storage, url)) => storage.stamp(&url),
        }
    }

    /// The file of this size, to be read from any place on. Of a file behind a URL, `step` bytes are read at once.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(self, size: u64, step: u64) -> io::Result<Opened> {
        Ok(match self.remote()? {
            None => Opened::Local(File::open(self.path)?),
            Some((storage, url)) => Opened::Remote(RemoteFile {
                storage: storage.clone(),
                url: url.into_owned(),
                size,
                at: 0,
                window: Vec::new(),
                begin: 0,
                step,
            }),
        })
    }

    /// The file of this size, or its beginning, to be read without jumps.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open_whole(self, size: u64) -> io::Result<Opened> {
        self.open(size, WINDOW)
    }

    /// A local file: the file itself or, for one of this size behind a URL, a copy without any stretch of it yet.
    ///
    /// # Errors
    /// The temporary folder cannot be written to.
    pub fn local(self, size: u64) -> io::Result<Local> {
        let Some((storage, url)) = self.remote()? else { return Ok(Local::Own(self.path.to_owned())) };
        let (base, _) = without_options(&url);
        // The end of its name tells the format; all of it may be too long.
        let from = base.char_indices().rev().take(NAME).take_while(|(_, letter)| *letter != '/').last();
        let name = from.map_or("", |(at, _)| &base[at..]);
        let file = tempfile::Builder::new().prefix("symphony-data-").suffix(&format!("-{name}")).tempfile();
        let file =
            file.and_then(|file| file.as_file().set_len(size).map(|()| file)).map_err(|error| of_folder(&error))?;
        Ok(Local::Copy(Copied { file, storage: storage.clone(), url: url.into_owned() }))
    }

    /// A local file with all bytes: the file itself, or a copy of one of this size behind a URL.
    ///
    /// # Errors
    /// The file cannot be read, or the temporary folder cannot be written to.
    pub fn whole(self, size: u64) -> io::Result<Local> {
        let mut local = self.local(size)?;
        local.fetch(0..size)?;
        Ok(local)
    }
}

/// A local file: itself, or a copy of what is behind a URL, which is removed with this value.
pub enum Local {
    /// The file.
    Own(PathBuf),
    /// A copy of some stretches, at their places, with zeros elsewhere.
    Copy(Copied),
}

/// A copy of stretches of a file behind a URL.
pub struct Copied {
    file: tempfile::NamedTempFile,
    storage: Arc<dyn Storage>,
    url: String,
}

impl Local {
    /// Where it lies. The name ends as that of the original, which tells the format.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Copy(copy) => copy.file.path(),
        }
    }

    /// Copies one more stretch, if this is a copy.
    ///
    /// # Errors
    /// It cannot be read, or the temporary folder is full.
    pub fn fetch(&mut self, bytes: Range<u64>) -> io::Result<()> {
        let Self::Copy(Copied { file, storage, url }) = self else { return Ok(()) };
        let file = file.as_file_mut();
        file.seek(SeekFrom::Start(bytes.start)).map_err(|error| of_folder(&error))?;
        let mut from = bytes.start;
        while from < bytes.end {
            let read = storage.read(url, from..bytes.end.min(from + WINDOW))?;
            if read.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            file.write_all(&read).map_err(|error| of_folder(&error))?;
            from += read.len() as u64;
        }
        Ok(())
    }
}

/// The error of a copy in the temporary folder.
fn of_folder(error: &io::Error) -> io::Error {
    let folder = std::env::temp_dir();
    let why =
        format!("its copy in {} cannot be written ({error}); TMPDIR names another folder for it", folder.display());
    io::Error::other(why)
}

/// An open file.
pub enum Opened {
    /// A file of this machine.
    Local(File),
    /// A file behind a URL.
    Remote(RemoteFile),
}

impl Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Local(file) => file.read(into),
            Self::Remote(file) => file.read(into),
        }
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Local(file) => file.seek(to),
            Self::Remote(file) => file.seek(to),
        }
    }
}

/// A file behind a URL, read from any place on.
pub struct RemoteFile {
    storage: Arc<dyn Storage>,
    url: String,
    size: u64,
    at: u64,
    /// What was read last, and where it begins.
    window: Vec<u8>,
    begin: u64,
    /// How much is read at once.
    step: u64,
}

impl Read for RemoteFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size || into.is_empty() {
            return Ok(0);
        }
        if !(self.begin..self.begin + self.window.len() as u64).contains(&self.at) {
            let end = self.size.min(self.at + self.step.max(1));
            self.window = self.storage.read(&self.url, self.at..end)?;
            self.begin = self.at;
            if self.window.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let from = &self.window[(self.at - self.begin) as usize..];
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for RemoteFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
