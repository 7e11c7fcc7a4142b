//! Progress and cancellation, as one trait: the library prints nothing, whoever calls it decides what is shown.

use std::{borrow::Cow, fmt, path::Path, time::Duration};

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
    /// The file system of this folder has no locks: nothing keeps two runs apart.
    Unlocked {
        /// The folder.
        folder: &'a Path,
        /// What the system said.
        why: &'a str,
    },
    /// What a person should know of the tasks that they get: fewer than asked, ratios that were rescaled.
    Warning(&'a str),
    /// A store is being made, and why.
    Building {
        /// The benchmark.
        benchmark: &'a str,
        /// Why what was there does not serve; `None` where nothing was there.
        reason: Option<&'a str>,
    },
    /// A store's index is being made anew from the store, and why.
    Indexing {
        /// The benchmark.
        benchmark: &'a str,
        /// The index.
        file: &'a str,
        /// What is wrong with it.
        reason: &'a str,
    },
    /// A store is up to date.
    Cached(&'a str),
    /// Some rows are copies of others.
    Copies {
        /// The benchmark.
        benchmark: &'a str,
        /// How many, and whether they agree, in words.
        what: &'a str,
    },
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
        /// How many files came over the network.
        downloaded_files: usize,
        /// How many bytes did.
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
    /// Whose answers a log holds.
    Answers {
        /// The log.
        file: &'a Path,
        /// The model that they count as answers of.
        model: &'a str,
        /// What the name was guessed from; `None` where the log, its results file or the caller gives it.
        guessed_from: Option<&'a str>,
    },
    /// A store does not fit the configuration, but this command only reports.
    Stale {
        /// The benchmark.
        benchmark: &'a str,
        /// What does not fit.
        reason: &'a str,
    },
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who asked for more.
    Detail,
    /// Worth a line.
    Info,
    /// Shown always.
    Warning,
}

impl Note<'_> {
    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            Self::Warning(_)
            | Self::Unlocked { .. }
            | Self::Dropped { .. }
            | Self::FromCache { .. }
            | Self::MaybeMoreShards { .. }
            | Self::Answers { guessed_from: Some(_), .. }
            | Self::Stale { .. } => Level::Warning,
            Self::Building { reason: None, .. } | Self::Cached(_) | Self::Fetched { downloaded_files: 0, .. } => {
                Level::Detail
            }
            _ => Level::Info,
        }
    }
}

/// The note as one line for people.
impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(folder) => write!(f, "another run works in {}; waiting for it", folder.display()),
            Self::Unlocked { folder, why } => write!(
                f,
                "{} cannot be locked ({why}); let no other run write there at the same time",
                folder.display()
            ),
            Self::Warning(warning) => f.write_str(warning),
            Self::Building { benchmark, reason: Some(reason) } => {
                write!(f, "{benchmark}: rebuilding its store: {reason}")
            }
            Self::Building { benchmark, reason: None } => write!(f, "{benchmark}: preprocessing"),
            Self::Indexing { benchmark, file, reason } => {
                write!(f, "{benchmark}: rebuilding its index: {file} {reason}")
            }
            Self::Copies { benchmark, what } => write!(f, "{benchmark}: {what}"),
            Self::Cached(benchmark) => write!(f, "{benchmark}: up to date"),
            Self::SourceGone(benchmark) => write!(f, "{benchmark}: its source files are gone; its store serves"),
            Self::Fetched { benchmark, repo, commit, branch, files, downloaded_files, downloaded } => {
                match downloaded_files {
                    0 => write!(f, "{benchmark}: in the cache: {}", Files(*files))?,
                    n if n == files => write!(f, "{benchmark}: downloaded {}, {}", Files(*files), Bytes(*downloaded))?,
                    n => write!(f, "{benchmark}: downloaded {n} of {}, {}", Files(*files), Bytes(*downloaded))?,
                }
                write!(f, ", of {repo} at {commit}")?;
                branch.map_or(Ok(()), |branch| write!(f, " ({branch})"))
            }
            Self::Retrying { benchmark, why, pause } => {
                write!(f, "{benchmark}: {why}; trying again in {:.0} s", pause.as_secs_f64().ceil())
            }
            Self::Dropped { benchmark, file, why } => {
                write!(f, "{benchmark}: {file} in the cache is damaged ({why}); downloading it anew")
            }
            Self::FromCache { benchmark, why } => {
                write!(f, "{benchmark}: {why}; what the Hub last served is in the cache and serves")
            }
            Self::MaybeMoreShards { benchmark, files } => write!(
                f,
                "{benchmark}: only the cache may be used, and nothing in it says whether the split has more than {}; a run that may ask the Hub finds out",
                Files(*files)
            ),
            Self::Answers { file, model, guessed_from: None } => write!(f, "{}: answers of {model}", file.display()),
            Self::Answers { file, model, guessed_from: Some(from) } => {
                write!(
                    f,
                    "{}: answers of {model}, a guess from {from}; nothing else says whose they are",
                    file.display()
                )
            }
            Self::Stale { benchmark, reason } => {
                write!(f, "{benchmark}: these are the numbers of a store that no longer fits: {reason}")
            }
        }
    }
}

struct Files(usize);

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} file{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// A number of bytes as people say it.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..1_000 => write!(f, "{bytes} B"),
            1_000..1_000_000 => write!(f, "{:.1} kB", bytes / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.1} MB", bytes / 1e6),
            _ => write!(f, "{:.1} GB", bytes / 1e9),
        }
    }
}

/// A text that may be shown on a terminal: what could steer it, or turn the direction of writing, becomes an escape such as
/// `\u{1b}`. Names of fields, models and files come from strangers. Ends of lines stay, so that a text of several lines can
/// be made of escaped parts, or escaped as a whole; where one line is wanted, see [`printable_line`].
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && steers(c))
}

/// As [`printable`], in one line: ends of lines are escaped too.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    escaped(text, steers)
}

/// Whether a character does something rather than show something: C0, DEL and C1, and what turns the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) { shown.extend(c.escape_debug()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Shows nothing and never cancels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_the_rest_stays() {
        for (text, shown) in [
            ("plain, ümlaut, 漢字, 🦀, \u{a0}", "plain, ümlaut, 漢字, 🦀, \u{a0}"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\tb\rc", "a\\tb\\rc"),
            ("\0\u{7f}\u{9b}2J", "\\0\\u{7f}\\u{9b}2J"),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", "\\u{202a}\\u{202e}\\u{2066}\\u{2069}"),
            ("two\nlines", "two\nlines"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
        assert_eq!(printable_line("two\nlines"), "two\\nlines");
    }
}
