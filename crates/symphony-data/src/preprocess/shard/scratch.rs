//! The folder in which workers leave what they make, or the URL: whole files alone, each with the outcome of its job.

use std::{
    env, fs,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    disk::{
        DiskError, Folder, NewFile, Opened, Place, WINDOW, WrittenFile, checksum,
        storage::{Storage, shown, within},
    },
    progress::Silent,
};

/// Where workers leave what they make.
#[derive(Clone, Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    /// The connection, if it is a URL.
    storage: Option<Arc<dyn Storage>>,
}

impl Scratch {
    /// A folder, or a URL that is reached through `storage`.
    pub fn new(path: PathBuf, storage: Option<&Arc<dyn Storage>>) -> Self {
        let is_remote = Place::new(&path, storage).is_remote();
        Self { path, storage: storage.filter(|_| is_remote).cloned() }
    }

    /// Makes the folder, if it is one.
    pub fn create(&self) -> Result<(), DiskError> {
        if self.storage.is_some() {
            return Ok(());
        }
        fs::create_dir_all(&self.path).map_err(|error| DiskError::writing(&self.path, "make this folder", error))
    }

    /// The folder's path, or the URL.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The connection, if it is a URL.
    pub fn remote(&self) -> Option<&Arc<dyn Storage>> {
        self.storage.as_ref()
    }

    /// Where the file of this name is.
    fn place(&self, name: &str) -> PathBuf {
        match &self.storage {
            None => self.path.join(name),
            Some(_) => within(&self.path.to_string_lossy(), name).into(),
        }
    }

    /// The error of a file, with its path or URL.
    pub fn failed(&self, name: &str, error: io::Error) -> DiskError {
        let place = Place::new(&self.place(name), self.storage.as_ref()).shown();
        DiskError::new(&place, "read this file", error)
    }

    /// Opens a file, and returns its size too. If it is behind a URL, `step` bytes are read at once.
    pub fn open(&self, name: &str, step: u64) -> Result<(Opened, u64), DiskError> {
        let path = self.place(name);
        let place = Place::new(&path, self.storage.as_ref());
        let open = place.stamp().and_then(|stamp| Ok((place.open(stamp.bytes, step)?, stamp.bytes)));
        open.map_err(|error| self.failed(name, error))
    }

    /// Gives a finished local file this name.
    fn keep(&self, file: &Path, name: &str) -> Result<(), DiskError> {
        let place = self.place(name);
        match &self.storage {
            None => fs::rename(file, &place)
                .map_err(|error| DiskError::writing(&place, "put this file in its place", error)),
            Some(storage) => {
                let url = place.to_string_lossy();
                let failed = |error| DiskError::writing(Path::new(&shown(&url)), "write this file", error);
                storage.put(file, &url).and_then(|()| fs::remove_file(file)).map_err(failed)
            }
        }
    }

    /// Whether a file is as it was written.
    fn is_whole(&self, name: &str, recorded: &WrittenFile) -> bool {
        let Ok((file, bytes)) = self.open(name, WINDOW) else { return false };
        bytes == recorded.bytes
            && checksum::of_reader(file, &recorded.checksum).is_ok_and(|(now, _)| now == recorded.checksum)
    }

    /// The outcome of a job that was done before, if its files are still whole.
    pub fn done_before(&self, key: &str) -> Option<String> {
        let mut text = String::new();
        self.open(&format!("{key}.outcome"), WINDOW).ok()?.0.read_to_string(&mut text).ok()?;
        let kept: Kept = checksum::is_sealed(&text).then(|| serde_json::from_str(&text).ok())??;
        kept.files.iter().all(|(name, recorded)| self.is_whole(name, recorded)).then_some(kept.found)
    }

    /// Moves a file into its place in a folder.
    pub fn take(&self, name: &str, recorded: &WrittenFile, folder: &Folder, own: &str) -> Result<Taken, DiskError> {
        if self.storage.is_none() {
            return Ok(Taken::Moved(self.path.join(name), folder.path().join(own)));
        }
        let mut file = folder.create_large(own)?;
        io::copy(&mut self.open(name, WINDOW)?.0, &mut file).map_err(|error| self.failed(name, error))?;
        if file.written()? != *recorded {
            return Err(self.failed(name, io::Error::other("it is not what the worker wrote (checksum)")));
        }
        file.end()?;
        Ok(Taken::Copied(file))
    }

    /// Removes all.
    pub fn remove(&self) -> io::Result<()> {
        match &self.storage {
            None => fs::remove_dir_all(&self.path),
            Some(storage) => storage.remove(&self.path.to_string_lossy()),
        }
    }
}

/// A file on its way from workers to the store.
pub(super) enum Taken {
    /// To be renamed from here to there.
    Moved(PathBuf, PathBuf),
    /// Copied, and not yet under its name.
    Copied(NewFile),
}

/// The outcome of a job that made files, sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// What the worker found, as JSON.
    found: String,
    /// The files, by their names in the folder.
    files: Vec<(String, WrittenFile)>,
    self_checksum: String,
}

/// A try at a job. Its files lie in a folder of their own until they are whole, so that two tries do not disturb each other.
pub(super) struct Attempt<'s> {
    scratch: &'s Scratch,
    /// What the names of its files begin with: they belong to this job alone.
    key: String,
    pub folder: Folder,
    kept: Vec<(String, WrittenFile)>,
}

/// The name that the files of a job begin with.
pub(super) fn key_of(job: &[u8]) -> String {
    let digest = checksum::sha256_of(job);
    digest.trim_start_matches("sha256:").chars().take(24).collect()
}

impl<'s> Attempt<'s> {
    pub fn new(scratch: &'s Scratch, key: &str) -> Result<Self, DiskError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let own = format!("{key}.{}.{now}", process::id());
        let place = match scratch.remote() {
            None => scratch.path.join(own),
            // What is behind a URL is written whole, from here.
            Some(_) => env::temp_dir().join(format!("symphony-data-{own}")),
        };
        let folder = Folder::lock(&place, &Silent)?;
        Ok(Self { scratch, key: key.to_owned(), folder, kept: Vec::new() })
    }

    /// The name that a file gets with this ending.
    pub fn name(&self, ending: &str) -> String {
        format!("{}.{ending}", self.key)
    }

    /// Puts a finished file of the folder in its place, and returns its name there.
    pub fn keep(&mut self, own: &str, ending: &str, written: &WrittenFile) -> Result<String, DiskError> {
        let name = self.name(ending);
        self.scratch.keep(&self.folder.path().join(own), &name)?;
        self.kept.push((name.clone(), written.clone()));
        Ok(name)
    }

    /// Ends a file that was written in the folder, and puts it in its place.
    pub fn keep_new(&mut self, mut file: NewFile, ending: &str) -> Result<(String, WrittenFile), DiskError> {
        let written = file.written()?;
        let own = file.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.folder.publish(vec![file], false)?;
        Ok((self.keep(&own, ending, &written)?, written))
    }

    /// Writes down the outcome, behind all files.
    pub fn done(mut self, found: &str) -> Result<(), DiskError> {
        let files = std::mem::take(&mut self.kept);
        let kept = Kept { found: found.to_owned(), files, self_checksum: String::new() };
        // Texts and numbers can always be written.
        let text = checksum::seal(&kept).unwrap_or_default();
        let file = self.folder.write_small("outcome", &text)?;
        self.keep_new(file, "outcome").map(drop)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        // Nothing more can be done here; the driver removes the whole folder at its end.
        let _ = fs::remove_dir_all(self.folder.path());
    }
}

/// Reads the scored features of a shard, block by block: the number of rows, then column by column.
pub(super) struct Blocks<'s> {
    scratch: &'s Scratch,
    name: &'s str,
    file: BufReader<Opened>,
    columns: usize,
}

/// A number of rows, and their columns.
type Block = (usize, Vec<Vec<f64>>);

/// The bytes of a block.
pub(super) fn block(rows: usize, columns: &[Vec<f64>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 * (1 + rows * columns.len()));
    bytes.extend_from_slice(&(rows as u64).to_le_bytes());
    columns.iter().flatten().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    bytes
}

impl<'s> Blocks<'s> {
    pub fn open(scratch: &'s Scratch, name: &'s str, columns: usize) -> Result<Self, DiskError> {
        let (file, _) = scratch.open(name, WINDOW)?;
        Ok(Self { scratch, name, file: BufReader::with_capacity(1 << 20, file), columns })
    }

    /// The next block.
    pub fn next(&mut self) -> Result<Option<Block>, DiskError> {
        let failed = |error| self.scratch.failed(self.name, error);
        let mut head = [0; 8];
        match self.file.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read.map_err(failed)?,
        }
        let rows = u64::from_le_bytes(head) as usize;
        let mut columns = Vec::with_capacity(self.columns);
        for _ in 0..self.columns {
            let mut bytes = Vec::new();
            // Not allocated before it is there: a damaged file may say any number.
            let wanted = rows as u64 * 8;
            (&mut self.file).take(wanted).read_to_end(&mut bytes).map_err(failed)?;
            if bytes.len() as u64 != wanted {
                return Err(failed(io::ErrorKind::UnexpectedEof.into()));
            }
            columns.push(bytes.chunks_exact(8).map(of_bytes).map(f64::from_bits).collect());
        }
        Ok(Some((rows, columns)))
    }
}

pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(number)
}
