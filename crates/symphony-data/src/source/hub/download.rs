//! Downloads a split's files into the cache. A file that stays there has the size and the checksum that the Hub told.

use std::{
    fs::File,
    io::{Seek, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use reqwest::{
    Method,
    header::{CONTENT_LENGTH, ETAG},
};

use super::{
    cache::{self, Cache, Lock},
    choose::{Chosen, DatasetSplit, Listing},
    client::{Follow, Hub, Patience, TICK},
    error::{Failure, HubError, of_request},
};
use crate::{
    format::Format,
    progress::{Download, Note},
    source::file::LocalFile,
};

/// An attempt that brings this many bytes counts as progress, and the count of attempts starts again.
const PROGRESS: u64 = 1 << 20;

/// A file of a repository.
#[derive(Clone, Copy)]
pub(super) struct RepoFile<'f> {
    pub repo: &'f str,
    pub commit: &'f str,
    pub path: &'f str,
}

/// The Hub's headers about a file.
struct Facts {
    etag: String,
    size: u64,
}

/// How much of a download is done.
#[derive(Default)]
pub(super) struct Done {
    files: usize,
    total_files: usize,
    bytes: u64,
    total_bytes: u64,
    /// How many files came over the network.
    fetched_files: usize,
    /// How many bytes did.
    fetched: u64,
}

impl Done {
    /// Counts bytes that need no download because they are in the cache.
    fn is_here(&mut self, bytes: u64) {
        self.total_bytes = self.total_bytes.saturating_sub(bytes);
    }
}

impl<'p, 'b: 'p> DatasetSplit<'p, 'b> {
    /// Brings all files onto this machine, and notes in the cache which commit a branch is at and where its shards end.
    pub fn download(&self, chosen: Chosen<'b>) -> Result<(Listing, Vec<LocalFile<'b>>), HubError> {
        let Listing { commit, branch, .. } = &chosen.listing;
        let size_of =
            |path: &str| chosen.listing.files.iter().find(|file| file.path == path).map_or(0, |file| file.size);
        let mut done = Done {
            total_files: chosen.files.len(),
            total_bytes: chosen.files.iter().map(|(file, _)| size_of(file)).sum(),
            ..Done::default()
        };
        let mut files = Vec::new();
        for (file, config) in &chosen.files {
            self.hub.show(&done);
            let path = self
                .hub
                .file(self.file(commit, file), &mut done)
                .map_err(|(failure, tries)| self.file_failed(failure, &chosen.listing, file, tries))?;
            done.files += 1;
            let format = Format::of(Path::new(file)).ok_or_else(|| HubError::NoFiles {
                repo: self.repo.to_owned(),
                config: config.map(str::to_owned),
                split: self.name.to_owned(),
                looked_for: format!("a known format of {file}"),
            })?;
            files.push(LocalFile {
                path,
                name: file.clone(),
                shown: format!("{}/{file}", self.repo).into(),
                format,
                config: *config,
                stamp: None,
            });
        }
        self.hub.show(&done);
        let cache = self.hub.cache(self.repo);
        if chosen.listing.whole {
            // These notes only help later runs, so a cache that cannot be written is no error.
            if let Some(branch) = branch {
                let _ = cache.note_commit(branch, commit);
            }
            if chosen.converted {
                for next in self.next_shards(&chosen).into_iter().flatten() {
                    let _ = cache.note_absent(commit, &next);
                }
            }
        } else if !self.is_known_whole(&chosen) {
            self.hub.note(Note::MaybeMoreShards { benchmark: self.benchmark, files: files.len() });
        }
        let note = Note::Fetched {
            benchmark: self.benchmark,
            repo: self.repo,
            commit,
            branch: branch.as_deref(),
            files: files.len(),
            downloaded_files: done.fetched_files,
            downloaded: done.fetched,
        };
        self.hub.note(note);
        Ok((chosen.listing, files))
    }

    fn file_failed(&self, failure: Failure, listing: &Listing, file: &str, tries: u32) -> HubError {
        let (repo, file) = (self.repo.to_owned(), file.to_owned());
        match failure {
            Failure::Status { code: 401 | 403, said, .. } => {
                HubError::Closed { hub: self.hub.name(), repo, said, token: self.hub.has_token() }
            }
            Failure::Status { code: 404 | 410, .. } => {
                HubError::Gone { repo, file, commit: listing.commit.clone(), why: failure.to_string() }
            }
            Failure::Lie(why) => match self.hub.offline {
                Some(by) => {
                    let path = self.hub.cache(self.repo).snapshot(&listing.commit, &file);
                    HubError::Damaged { by, path, why }
                }
                None => Failure::Lie(why).into_error(self.repo, &file, tries),
            },
            other => other.into_error(self.repo, &file, tries),
        }
    }
}

impl Hub<'_> {
    /// A file of a commit: from the cache, or else from the Hub into the cache.
    pub fn file(&self, wanted: RepoFile<'_>, done: &mut Done) -> Result<PathBuf, (Failure, u32)> {
        let RepoFile { repo, commit, path: file } = wanted;
        let cache = self.cache(repo);
        let path = cache.snapshot(commit, file);
        if path.exists() {
            let etag = cache.etag_of(commit, file).unwrap_or_default();
            match cache::check(&path, file, &etag, None) {
                Ok(()) => {
                    done.is_here(path.metadata().map_or(0, |meta| meta.len()));
                    return Ok(path);
                }
                Err(Failure::Lie(why)) if self.offline.is_none() => {
                    self.note(Note::Dropped { benchmark: self.benchmark, file, why: &why });
                    cache.drop_file(commit, file).map_err(|failure| (failure, 1))?;
                }
                Err(failure) => return Err((failure, 1)),
            }
        }
        if self.offline.is_some() {
            let absent = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err((Failure::Cache(path, absent), 1));
        }
        let before = (done.bytes, done.total_bytes, done.fetched_files);
        let mut patience = Patience::new();
        loop {
            let fetched = done.fetched;
            let failure = match self.attempt(wanted, &cache, done) {
                Ok(()) => return Ok(path),
                Err(failure) => failure,
            };
            if done.fetched - fetched >= PROGRESS && !matches!(failure, Failure::Lie(_)) {
                patience = Patience::new();
            }
            (done.bytes, done.total_bytes, done.fetched_files) = before;
            self.pause(&mut patience, failure)?;
        }
    }

    /// One attempt at a file: asks for its size and ETag, downloads its bytes, and compares.
    fn attempt(&self, wanted: RepoFile<'_>, cache: &Cache, done: &mut Done) -> Result<(), Failure> {
        let RepoFile { commit, path: file, .. } = wanted;
        let Facts { etag, size } = self.wait(self.facts(wanted))??;
        // Held until the file is in its place.
        let _lock = self.lock(cache, &etag)?;
        let blob = cache.blob(&etag);
        if blob.exists() {
            match cache::check(&blob, file, &etag, Some(size)) {
                Ok(()) => {
                    done.is_here(size);
                    return cache.link(commit, file, &etag);
                }
                Err(Failure::Lie(_)) => cache::remove(&blob)?,
                Err(failure) => return Err(failure),
            }
        }
        let path = cache.incomplete(&etag)?;
        let failed = |error| Failure::Cache(path.clone(), error);
        let mut out = File::options().create(true).append(true).open(&path).map_err(failed)?;
        let mut have = out.metadata().map_err(failed)?.len();
        if have > size {
            out.set_len(0).and_then(|()| out.rewind()).map_err(failed)?;
            have = 0;
        }
        done.is_here(have);
        done.fetched_files += 1;
        if have < size {
            self.forever(self.stream(wanted, have..size, &path, &mut out, done))??;
        }
        drop(out);
        if let Err(failure) = cache::check(&path, file, &etag, Some(size)) {
            if let Failure::Lie(_) = failure {
                cache::remove(&path)?;
            }
            return Err(failure);
        }
        cache.adopt(&path, &etag)?;
        cache.link(commit, file, &etag)
    }

    /// Waits until no other run downloads the same file; `None` if the file system has no locks.
    fn lock(&self, cache: &Cache, etag: &str) -> Result<Option<File>, Failure> {
        let mut told = false;
        loop {
            match cache.try_lock(etag)? {
                Lock::Held(lock) => return Ok(Some(lock)),
                Lock::Absent(error) => {
                    self.note(Note::Unlocked { folder: cache.folder(), why: &error.to_string() });
                    return Ok(None);
                }
                Lock::Taken => {}
            }
            if !told {
                self.note(Note::Waiting(cache.folder()));
                told = true;
            }
            self.sleep(TICK)?;
        }
    }

    /// Asks for a file's ETag and size. The Hub's answer counts, not that of the storage that it redirects to.
    async fn facts(&self, wanted: RepoFile<'_>) -> Result<Facts, Failure> {
        let mut url = self.url(&["datasets", wanted.repo, "resolve", wanted.commit, wanted.path])?;
        let response = self.send(Method::HEAD, &mut url, None, Follow::WithinTheHub).await?;
        if !response.status().is_success() && !response.status().is_redirection() {
            return Err(self.status(response).await);
        }
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = header("x-linked-etag").or_else(|| header(ETAG.as_str())).unwrap_or_default();
        let etag = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned();
        if !cache::is_safe_etag(&etag) {
            return Err(Failure::Strange("it has no valid ETag".to_owned()));
        }
        let length = || header(CONTENT_LENGTH.as_str()).filter(|_| response.status().is_success());
        let size = header("x-linked-size").or_else(length).and_then(|size| size.parse().ok());
        match size {
            Some(size) => Ok(Facts { etag, size }),
            // A body without an end could fill the disk.
            None => Err(Failure::Strange("it does not tell the size of the file".to_owned())),
        }
    }

    /// Appends a part of a file to the bytes that came before it.
    async fn stream(
        &self,
        wanted: RepoFile<'_>,
        part: Range<u64>,
        path: &Path,
        out: &mut File,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let mut url = self.url(&["datasets", wanted.repo, "resolve", wanted.commit, wanted.path])?;
        let range = (part.start > 0).then(|| format!("bytes={}-{}", part.start, part.end - 1));
        let mut response = self.send(Method::GET, &mut url, range, Follow::Anywhere).await?;
        if !response.status().is_success() {
            return Err(self.status(response).await);
        }
        let mut came = 0;
        while let Some(chunk) = response.chunk().await.map_err(of_request)? {
            out.write_all(&chunk).map_err(|error| Failure::Cache(path.to_owned(), error))?;
            came += chunk.len() as u64;
            done.bytes += chunk.len() as u64;
            done.fetched += chunk.len() as u64;
            self.show(done);
            if came > part.end - part.start {
                // So does a server that sends the whole file for a part: the bytes are in the wrong place then.
                return cache::remove(path).and(Err(Failure::Lie("more bytes came than it has".to_owned())));
            }
        }
        Ok(())
    }

    /// Shows how far a download is.
    fn show(&self, done: &Done) {
        self.progress.download(
            self.benchmark,
            Download {
                files: done.files,
                total_files: done.total_files,
                bytes: done.bytes,
                total_bytes: done.total_bytes.max(done.bytes),
            },
        );
    }
}
