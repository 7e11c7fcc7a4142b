//! Progress and cancellation, as one trait: the library prints nothing, whoever calls it decides what is shown.

use std::path::Path;

/// What a caller may want to show while the library works.
pub trait Progress: Sync {
    /// Rows done so far in one pass over a benchmark; `total` where it is known.
    fn rows(&self, benchmark: &str, pass: Pass, done: u64, total: Option<u64>) {
        let _ = (benchmark, pass, done, total);
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
