//! Progress and cancellation, as one trait: the library prints nothing, whoever calls it decides what is shown.

use std::{path::Path, time::Duration};

/// What a caller may want to show while the library works.
pub trait Progress: Sync {
    /// Rows done so far in one pass over a benchmark; `total` where it is known.
    fn rows(&self, benchmark: &str, pass: Pass, done: u64, total: Option<u64>) {
        let _ = (benchmark, pass, done, total);
    }

    /// How far the download of a benchmark's files is.
    fn download(&self, benchmark: &str, download: Download) {
        let _ = (benchmark, download);
    }

    /// Something that a person should know.
    fn note(&self, note: Note<'_>) {
        let _ = note;
    }

    /// Whether to stop; asked between batches.
    fn cancelled(&self) -> bool {
        false
    }
}

/// How far a download is. What the cache had counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Download {
    /// Files done.
    pub files: usize,
    /// All files.
    pub total_files: usize,
    /// Bytes done.
    pub bytes: u64,
    /// All bytes, as far as it is known.
    pub total_bytes: u64,
}

/// The passes of stage 1 over a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Reading rows and computing features.
    Score,
    /// Writing the store.
    Write,
}

/// Events that are worth a line.
#[derive(Clone, Copy, Debug)]
pub enum Note<'a> {
    /// Another run works in this folder; this one waits for it.
    Waiting(&'a Path),
    /// A store is being made, and why.
    Building {
        /// The benchmark.
        benchmark: &'a str,
        /// Why what was there does not serve; `None` where nothing was there.
        reason: Option<&'a str>,
    },
    /// A store is up to date.
    Cached(&'a str),
    /// The files that a store was made from are gone, so that nobody can say whether they changed.
    SourceGone(&'a str),
    /// All files of a benchmark's split are on this machine.
    Fetched {
        /// The benchmark.
        benchmark: &'a str,
        /// The repository.
        repo: &'a str,
        /// Its commit.
        commit: &'a str,
        /// The branch that the commit was found by.
        branch: Option<&'a str>,
        /// How many files.
        files: usize,
        /// How many bytes they have.
        bytes: u64,
        /// How many bytes came over the network.
        downloaded: u64,
    },
    /// A request failed and is tried again.
    Retrying {
        /// The benchmark.
        benchmark: &'a str,
        /// Why it failed.
        why: &'a str,
        /// How long until then.
        pause: Duration,
    },
    /// A cached file was not what it should be, and is downloaded anew.
    Dropped {
        /// The benchmark.
        benchmark: &'a str,
        /// The file.
        file: &'a str,
        /// What was wrong with it.
        why: &'a str,
    },
    /// The Hub cannot be asked; what it last served is in the cache and serves.
    FromCache {
        /// The benchmark.
        benchmark: &'a str,
        /// Why the Hub cannot be asked.
        why: &'a str,
    },
    /// Only the cache may be used, and it does not say whether the split has more files.
    MaybeMoreShards {
        /// The benchmark.
        benchmark: &'a str,
        /// How many files are there.
        files: usize,
    },
    /// A store does not fit the configuration, but this command only reports.
    Stale {
        /// The benchmark.
        benchmark: &'a str,
        /// What does not fit.
        reason: &'a str,
    },
}

/// Shows nothing and never cancels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}
