//! A folder with one writer at a time, and files that appear in it whole.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{DiskError, NewFile, Scratch, new_file::UNFINISHED};
use crate::progress::{Note, Progress};

/// A folder that only this process writes to while this value lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Holds the flock.
    lock: File,
}

/// How often a waiting run checks whether it may go on or should stop.
const TICK: Duration = Duration::from_millis(20);

/// Makes a folder and those above it that are missing.
fn make(path: &Path) -> Result<(), DiskError> {
    let failed = |error| DiskError::writing(path, "make this folder", error);
    fs::create_dir_all(path).map_err(|error| {
        // The system says only that something exists: the nearest existing path that is not a folder is in the way.
        let in_the_way = path.ancestors().find(|above| above.symlink_metadata().is_ok() && !above.is_dir());
        match (in_the_way, in_the_way.and_then(|above| fs::read_link(above).ok())) {
            (Some(link), Some(target)) if !link.exists() => {
                let (link, target) = (link.display(), target.display());
                failed(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("{link} is a link to {target}, which does not exist; make that folder, or remove the link"),
                ))
            }
            (Some(_), _) => failed(io::Error::new(io::ErrorKind::NotADirectory, error.to_string())),
            (None, _) => failed(error),
        }
    })
}

/// Opens the folder and waits until it is locked. If its file system has no locks, it is only opened.
fn wait_for(
    path: &Path,
    progress: &dyn Progress,
    try_lock: fn(&File) -> Result<(), TryLockError>,
) -> Result<File, DiskError> {
    let folder = File::open(path).map_err(|error| DiskError::new(path, "open this folder", error))?;
    let failed = |error| DiskError::new(path, "lock this folder", error);
    let mut told = false;
    loop {
        match try_lock(&folder) {
            Ok(()) => return Ok(folder),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            // Network file systems refuse with many errors: not supported, no locks available, bad file descriptor. Any
            // other fault of the folder shows as soon as it is used.
            Err(TryLockError::Error(error)) => {
                progress.note(Note::Unlocked { folder: path, why: &error.to_string() });
                return Ok(folder);
            }
            Err(TryLockError::WouldBlock) if progress.cancelled() => {
                return Err(failed(io::Error::new(
                    io::ErrorKind::Interrupted,
                    "stopped while another run was using it",
                )));
            }
            Err(TryLockError::WouldBlock) => {
                if !told {
                    progress.note(Note::Waiting(path));
                    told = true;
                }
                thread::sleep(TICK);
            }
        }
    }
}

impl Folder {
    /// Makes the folder if needed, waits until no other run writes to it, and removes the files that a killed run left.
    /// If the file system has no locks, it notes that to `progress` and does not wait.
    ///
    /// # Errors
    /// The folder cannot be made or written to.
    pub fn lock(path: &Path, progress: &dyn Progress) -> Result<Self, DiskError> {
        make(path)?;
        let lock = wait_for(path, progress, File::try_lock)?;
        let folder = Self { path: path.to_owned(), lock };
        folder.sweep()?;
        Ok(folder)
    }

    /// Keeps writers out while `read` reads several files that belong together.
    ///
    /// # Errors
    /// The folder cannot be opened or locked.
    pub fn shared<T>(path: &Path, progress: &dyn Progress, read: impl FnOnce() -> T) -> Result<T, DiskError> {
        let _lock = wait_for(path, progress, File::try_lock_shared)?;
        Ok(read())
    }

    fn sweep(&self) -> Result<(), DiskError> {
        let entries =
            fs::read_dir(&self.path).map_err(|error| DiskError::new(&self.path, "list this folder", error))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(UNFINISHED)) {
                let path = entry.path();
                fs::remove_file(&path)
                    .map_err(|error| DiskError::writing(&path, "remove a file that a stopped run left", error))?;
            }
        }
        Ok(())
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a file whose checksum will be BLAKE3.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create_large(&self, name: &str) -> Result<NewFile, DiskError> {
        NewFile::large(&self.path, name)
    }

    /// Begins a file whose checksum will be SHA-256.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create_small(&self, name: &str) -> Result<NewFile, DiskError> {
        NewFile::small(&self.path, name)
    }

    /// Writes a whole small file under its dot name.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_small(&self, name: &str, text: &str) -> Result<NewFile, DiskError> {
        let mut file = self.create_small(name)?;
        file.put(text.as_bytes())?;
        Ok(file)
    }

    /// A place for data that one pass leaves for the next.
    pub fn scratch(&self, name: &str) -> Scratch {
        Scratch::new(self.path.join(format!(".{name}{UNFINISHED}")))
    }

    /// Renames finished files to their final names, in this order. With `durable`, they survive a power cut once this
    /// returns.
    ///
    /// All files are written out before the first is renamed, so a full disk leaves all old files whole.
    ///
    /// # Errors
    /// A file cannot be written out or renamed.
    pub fn publish(&self, mut files: Vec<NewFile>, durable: bool) -> Result<(), DiskError> {
        NewFile::write_all_out(&mut files, durable)?;
        files.into_iter().try_for_each(NewFile::put_in_place)?;
        if durable {
            match self.lock.sync_all() {
                // Not every file system can sync a folder; on those that cannot, this step is left out.
                Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {}
                synced => synced.map_err(|error| DiskError::writing(&self.path, "sync this folder", error))?,
            }
        }
        Ok(())
    }

    /// Removes a file of this folder if it exists.
    ///
    /// # Errors
    /// The file exists and cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), DiskError> {
        let path = self.path.join(name);
        // A read-only folder refuses to remove even a file that does not exist.
        if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(());
        }
        fs::remove_file(&path).map_err(|error| DiskError::writing(&path, "remove this file", error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::progress::{Level, Silent};

    /// Keeps all notes.
    #[derive(Default)]
    struct Told(Mutex<Vec<(Level, String)>>);

    impl Progress for Told {
        fn note(&self, note: Note<'_>) {
            self.0.lock().unwrap().push((note.level(), note.to_string()));
        }
    }

    #[test]
    fn a_folder_whose_file_system_has_no_locks_is_used_with_a_warning() {
        type TryLock = fn(&File) -> Result<(), TryLockError>;
        let folder = tempfile::tempdir().unwrap();
        // Not supported, no locks available (ENOLCK), bad file descriptor (as NFS says it): all the same.
        let refusals: [TryLock; 3] = [
            |_| Err(TryLockError::Error(io::ErrorKind::Unsupported.into())),
            |_| Err(TryLockError::Error(io::Error::from_raw_os_error(37))),
            |_| Err(TryLockError::Error(io::Error::from_raw_os_error(9))),
        ];
        for refuse in refusals {
            let told = Told::default();
            wait_for(folder.path(), &told, refuse).unwrap();
            let told = told.0.into_inner().unwrap();
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0].0, Level::Warning);
            assert!(
                told[0].1.contains("cannot be locked (")
                    && told[0].1.contains("make sure that no other run writes there")
            );
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_named_where_a_folder_is_to_be_made() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("out");
        std::os::unix::fs::symlink("/nowhere/at/all", &link).unwrap();
        for wanted in [link.clone(), link.join("exp1")] {
            let error = Folder::lock(&wanted, &Silent).unwrap_err().to_string();
            let reason = format!("{} is a link to /nowhere/at/all, which does not exist", link.display());
            assert!(error.starts_with(&format!("{}: cannot make this folder: ", wanted.display())), "{error}");
            assert!(error.contains(&reason) && !error.contains("there is a file"), "{error}");
        }
        // A link to a folder counts as a folder. A file in the place of a folder is called a file.
        fs::remove_file(&link).unwrap();
        fs::create_dir(place.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        Folder::lock(&link.join("exp1"), &Silent).unwrap();
        fs::write(link.join("file"), "").unwrap();
        for wanted in [link.join("file"), link.join("file/exp1")] {
            let error = Folder::lock(&wanted, &Silent).unwrap_err().to_string();
            assert!(error.contains("there is a file where a folder is needed"), "{error}");
        }
    }

    #[test]
    fn a_refusal_to_read_is_not_taken_for_one_to_write() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let reading = DiskError::new(Path::new("a"), "read this file", denied()).to_string();
        assert_eq!(
            reading,
            "a: cannot read this file: permission denied; check its permissions and those of the folders above it"
        );
        let writing = DiskError::writing(Path::new("a"), "write this file", denied()).to_string();
        assert_eq!(writing, "a: cannot write this file: permission denied; choose a folder that you may write to");
        let place = tempfile::tempdir().unwrap();
        let error = fs::read(place.path()).unwrap_err();
        let folder = DiskError::new(place.path(), "read this file", error).to_string();
        assert!(folder.ends_with("; there is a folder where a file is needed: move it, or choose another place"));
    }
}
