//! The cache that this program shares with Python's `huggingface_hub`: one folder per repository. It has the contents in
//! `blobs/ETAG`, links to them in `snapshots/COMMIT/FILE`, and the last known commit of a branch in `refs/BRANCH`.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::error::Failure;
use crate::format::{Format, parquet};

/// The result of trying to take a lock.
#[derive(Debug)]
pub(super) enum Lock {
    /// It is held while this file is open.
    Held(File),
    /// Another run has it.
    Taken,
    /// The file system has no locks.
    Absent(io::Error),
}

impl Lock {
    fn of(file: File, tried: Result<(), TryLockError>) -> Self {
        match tried {
            Ok(()) => Self::Held(file),
            Err(TryLockError::WouldBlock) => Self::Taken,
            Err(TryLockError::Error(error)) => Self::Absent(error),
        }
    }
}

/// The part of the cache that belongs to one repository.
pub(super) struct Cache {
    hub: PathBuf,
    folder: PathBuf,
}

impl Cache {
    pub fn new(hub: &Path, repo: &str) -> Self {
        Self { hub: hub.to_owned(), folder: hub.join(format!("datasets--{}", repo.replace('/', "--"))) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Checks that the folders of this repository can be read. A missing folder is no error.
    pub fn look(&self) -> Result<(), (PathBuf, io::Error)> {
        let folders = [self.folder.clone(), self.folder.join("refs"), self.folder.join("snapshots")];
        folders.into_iter().try_for_each(|folder| match fs::read_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err((folder, error)),
            _ => Ok(()),
        })
    }

    /// The last known commit of a branch.
    pub fn commit_of(&self, branch: &str) -> Option<String> {
        let commit = fs::read_to_string(self.folder.join("refs").join(branch)).ok()?.trim().to_owned();
        is_commit(&commit).then_some(commit)
    }

    /// Notes the commit that a branch is at.
    pub fn note_commit(&self, branch: &str, commit: &str) -> Result<(), Failure> {
        if self.commit_of(branch).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(branch);
        make_room(&path)?;
        fs::write(&path, commit).map_err(|error| Failure::Cache(path, error))
    }

    /// The path of a file of a commit, whether it exists or not.
    pub fn snapshot(&self, commit: &str, file: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit).join(file)
    }

    /// The files of a commit that are in the cache.
    pub fn files(&self, commit: &str) -> Vec<String> {
        fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else { continue };
                if entry.path().is_dir() {
                    walk(&entry.path(), &format!("{name}/"), found);
                } else if entry.path().is_file() {
                    found.push(name);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.snapshot(commit, ""), "", &mut found);
        found
    }

    /// The commits with files in the cache, sorted.
    pub fn commits(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.join("snapshots")).into_iter().flatten().flatten();
        let mut commits: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_commit(name)).collect();
        commits.sort();
        commits
    }

    /// Whether the cache knows that a commit does not have a file.
    pub fn is_absent(&self, commit: &str, file: &str) -> bool {
        self.folder.join(".no_exist").join(commit).join(file).exists()
    }

    /// Notes that a commit does not have a file.
    pub fn note_absent(&self, commit: &str, file: &str) -> Result<(), Failure> {
        let path = self.folder.join(".no_exist").join(commit).join(file);
        if path.exists() {
            return Ok(());
        }
        make_room(&path)?;
        fs::write(&path, "").map_err(|error| Failure::Cache(path, error))
    }

    /// The ETag of a file in the cache: the name of the blob that its link points at.
    pub fn etag_of(&self, commit: &str, file: &str) -> Option<String> {
        Some(fs::read_link(self.snapshot(commit, file)).ok()?.file_name()?.to_str()?.to_owned())
    }

    pub fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The file of an unfinished download. Python's library resumes from the same file.
    pub fn incomplete(&self, etag: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.join("blobs").join(format!("{etag}.incomplete"));
        make_room(&path)?;
        Ok(path)
    }

    /// Tries to take the lock of a blob, which Python's library takes too.
    pub fn try_lock(&self, etag: &str) -> Result<Lock, Failure> {
        let repo = self.folder.file_name().unwrap_or_default();
        let path = self.hub.join(".locks").join(repo).join(format!("{etag}.lock"));
        make_room(&path)?;
        let failed = |error| Failure::Cache(path.clone(), error);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let tried = file.try_lock();
        Ok(Lock::of(file, tried))
    }

    /// Makes a finished download a blob.
    pub fn adopt(&self, incomplete: &Path, etag: &str) -> Result<(), Failure> {
        let blob = self.blob(etag);
        fs::rename(incomplete, &blob).map_err(|error| Failure::Cache(blob, error))
    }

    /// Links a commit's file to its blob.
    pub fn link(&self, commit: &str, file: &str, etag: &str) -> Result<(), Failure> {
        let path = self.snapshot(commit, file);
        make_room(&path)?;
        // From the file's folder up to the repository's, then down to the blob.
        let up = "../".repeat(file.matches('/').count() + 2);
        let target = format!("{up}blobs/{etag}");
        // Another process may have made this link and be reading through it.
        if fs::read_link(&path).is_ok_and(|now| now == Path::new(&target)) {
            return Ok(());
        }
        let linked = match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => point(&path, &target, &self.blob(etag)),
        };
        match linked {
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other.map_err(|error| Failure::Cache(path, error)),
        }
    }

    /// Removes a damaged file and its blob.
    pub fn drop_file(&self, commit: &str, file: &str) -> Result<(), Failure> {
        let path = self.snapshot(commit, file);
        if let Some(etag) = self.etag_of(commit, file) {
            remove(&self.blob(&etag))?;
        }
        remove(&path)
    }
}

#[cfg(unix)]
fn point(path: &Path, target: &str, _: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn point(path: &Path, _: &str, blob: &Path) -> io::Result<()> {
    fs::copy(blob, path).map(|_| ())
}

pub(super) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::Cache(path.to_owned(), error)),
        _ => Ok(()),
    }
}

fn make_room(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| Failure::Cache(folder.to_owned(), error))
}

/// Whether this is a commit: 40 hex digits.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether an ETag can be the name of a file.
pub(super) fn is_safe_etag(etag: &str) -> bool {
    (1..=128).contains(&etag.len())
        && !etag.starts_with('.')
        && etag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Checks that the bytes at `path` are the repository's `file`: by its size, by the hash in its ETag (the SHA-256 of a
/// large file, the git object id of a small one), and by the first and last bytes of its format.
pub(super) fn check(path: &Path, file: &str, etag: &str, size: Option<u64>) -> Result<(), Failure> {
    let failed = |error| Failure::Cache(path.to_owned(), error);
    let mut bytes = File::open(path).map_err(failed)?;
    let length = bytes.metadata().map_err(failed)?.len();
    if let Some(size) = size.filter(|size| *size != length) {
        return Err(Failure::Lie(format!("{length} bytes instead of {size}")));
    }
    let format = Format::of(Path::new(file));
    if format == Some(Format::Parquet) {
        let mut ends = [0; 8];
        let whole = length >= 12 && {
            bytes.read_exact(&mut ends[..4]).map_err(failed)?;
            bytes.seek(SeekFrom::End(-4)).map_err(failed)?;
            bytes.read_exact(&mut ends[4..]).map_err(failed)?;
            bytes.rewind().map_err(failed)?;
            ends[..4] == *parquet::MAGIC && ends[4..] == *parquet::MAGIC
        };
        if !whole {
            return Err(Failure::Lie("the Parquet file is incomplete".to_owned()));
        }
    } else if format != Some(Format::Arrow) {
        let mut head = [0; 14];
        let n = bytes.read(&mut head).map_err(failed)?;
        bytes.rewind().map_err(failed)?;
        let head = head[..n].to_ascii_lowercase();
        if head.starts_with(b"<!doctype html") || head.starts_with(b"<html") {
            return Err(Failure::Lie("it is a web page".to_owned()));
        }
    }
    let hashed = match etag.len() {
        64 if is_hex(etag) => hash(&mut bytes, Context::new(&SHA256)).map_err(failed)?,
        40 if is_hex(etag) => {
            let mut hasher = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
            hasher.update(format!("blob {length}\0").as_bytes());
            hash(&mut bytes, hasher).map_err(failed)?
        }
        // The ETag is not a hash. A Parquet file that can be parsed is at least complete.
        _ if format == Some(Format::Parquet) => {
            return parquet::check(bytes).map_err(|why| Failure::Lie(format!("it is damaged: {why}")));
        }
        _ => return Ok(()),
    };
    if hashed == etag { Ok(()) } else { Err(Failure::Lie("checksum mismatch".to_owned())) }
}

/// The hash of the bytes, in hex.
fn hash(bytes: &mut impl Read, mut hasher: Context) -> io::Result<String> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        match bytes.read(&mut buffer)? {
            0 => return Ok(hasher.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_is_not_waited_for() {
        let lock = |tried| Lock::of(tempfile::tempfile().unwrap(), tried);
        assert!(matches!(lock(Ok(())), Lock::Held(_)));
        assert!(matches!(lock(Err(TryLockError::WouldBlock)), Lock::Taken));
        let unsupported = TryLockError::Error(io::ErrorKind::Unsupported.into());
        assert!(matches!(lock(Err(unsupported)), Lock::Absent(_)));
    }

    #[test]
    fn a_cache_that_cannot_be_read_is_an_error_not_an_empty_cache() {
        let hub = tempfile::tempdir().unwrap();
        let cache = Cache::new(hub.path(), "org/quiz");
        assert!(cache.look().is_ok(), "a missing folder is no error");
        fs::create_dir_all(cache.folder()).unwrap();
        assert!(cache.look().is_ok());
        fs::write(cache.folder().join("snapshots"), "").unwrap();
        assert_eq!(cache.look().unwrap_err().1.kind(), io::ErrorKind::NotADirectory);
    }
}
