//! The folder in which workers leave what they make: whole files alone, each with the outcome of its job.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    disk::{DiskError, Folder, NewFile, WrittenFile, checksum},
    progress::Silent,
};

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
    scratch: &'s Path,
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

/// The outcome of a job that was done before, if its files are still whole.
pub(super) fn done_before(scratch: &Path, key: &str) -> Option<String> {
    let text = fs::read_to_string(scratch.join(format!("{key}.outcome"))).ok()?;
    let kept: Kept = checksum::is_sealed(&text).then(|| serde_json::from_str(&text).ok())??;
    let is_whole = |(name, recorded): &(String, WrittenFile)| {
        checksum::of_file(&scratch.join(name), &recorded.checksum)
            .is_ok_and(|(now, bytes)| now == recorded.checksum && bytes == recorded.bytes)
    };
    kept.files.iter().all(is_whole).then_some(kept.found)
}

impl<'s> Attempt<'s> {
    pub fn new(scratch: &'s Path, key: &str) -> Result<Self, DiskError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let folder = Folder::lock(&scratch.join(format!("{key}.{}.{now}", process::id())), &Silent)?;
        Ok(Self { scratch, key: key.to_owned(), folder, kept: Vec::new() })
    }

    /// The name that a file gets with this ending.
    pub fn name(&self, ending: &str) -> String {
        format!("{}.{ending}", self.key)
    }

    /// Puts a finished file of the folder in its place, and returns its name there.
    pub fn keep(&mut self, own: &str, ending: &str, written: &WrittenFile) -> Result<String, DiskError> {
        let name = self.name(ending);
        let place = self.scratch.join(&name);
        fs::rename(self.folder.path().join(own), &place)
            .map_err(|error| DiskError::writing(&place, "put this file in its place", error))?;
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
pub(super) struct Blocks {
    path: PathBuf,
    file: BufReader<File>,
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

impl Blocks {
    pub fn open(path: &Path, columns: usize) -> Result<Self, DiskError> {
        let file = File::open(path).map_err(|error| DiskError::new(path, "read this file", error))?;
        Ok(Self { path: path.to_owned(), file: BufReader::with_capacity(1 << 20, file), columns })
    }

    /// The next block.
    pub fn next(&mut self) -> Result<Option<Block>, DiskError> {
        let failed = |error| DiskError::new(&self.path, "read this file", error);
        let mut head = [0; 8];
        match self.file.read_exact(&mut head) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
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
                return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
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
