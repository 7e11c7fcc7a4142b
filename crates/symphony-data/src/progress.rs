//! Progress and cancellation, as one trait. The library prints nothing; the caller decides what to show.

use std::{
    borrow::Cow,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Receives what happens while the library works, and may stop it. Every method does nothing by default.
pub trait Progress: Sync {
    /// Called with the rows done so far in one pass over a benchmark, and with their total number if it is known.
    fn rows(&self, benchmark: &str, pass: Pass, done: u64, total: Option<u64>) {
        let _ = (benchmark, pass, done, total);
    }

    /// Called with how much of a benchmark's files is downloaded.
    fn download(&self, benchmark: &str, download: Download) {
        let _ = (benchmark, download);
    }

    /// Called with an event that the user should know about.
    fn note(&self, note: Note<'_>) {
        let _ = note;
    }

    /// Whether to stop. The library asks between batches.
    fn cancelled(&self) -> bool {
        false
    }
}

/// How far a download is. Files that the cache already had count as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Download {
    /// Files done.
    pub files: usize,
    /// All files.
    pub total_files: usize,
    /// Bytes done.
    pub bytes: u64,
    /// All bytes, as far as their number is known.
    pub total_bytes: u64,
}

/// The passes of stage 1 over a benchmark, and of an export over its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Reading rows and computing features.
    Score,
    /// Writing the store.
    Write,
    /// Looking at the tasks of an export before the first is written.
    Look,
    /// Writing the tasks of an export.
    Export,
    /// Comparing rows with each other.
    Compare,
    /// Looking for rows in other text.
    Scan,
}

impl Pass {
    /// What is being done: `scoring`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "scoring",
            Self::Write => "writing",
            Self::Look => "reading",
            Self::Export => "exporting",
            Self::Compare => "comparing",
            Self::Scan => "searching",
        }
    }
}

/// An event that is worth a line.
// Fields without a comment are named for what they hold.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug)]
pub enum Note<'a> {
    /// Another run is using this folder; this run waits for it.
    Waiting(&'a Path),
    /// The file system of this folder has no locks, so two runs could write there at once.
    Unlocked {
        folder: &'a Path,
        /// The system's error.
        why: &'a str,
    },
    /// A warning about the tasks of a request, such as fewer tasks than asked for or rescaled ratios.
    Warning(&'a str),
    /// A store is being built.
    Building {
        benchmark: &'a str,
        /// Why the existing store cannot be used; `None` if there was no store.
        reason: Option<&'a str>,
    },
    /// A store's index is being rebuilt from the store.
    Indexing {
        benchmark: &'a str,
        file: &'a str,
        /// What is wrong with it.
        reason: &'a str,
    },
    /// A store is up to date.
    Cached(&'a str),
    /// Some rows are copies of others.
    Copies {
        benchmark: &'a str,
        /// How many there are and whether they agree, as a clause.
        what: &'a str,
    },
    /// The files that a store was made from are gone, so it is unknown whether they changed.
    SourceGone(&'a str),
    /// The files that a store was made from cannot be read now, so it is unknown whether they changed.
    SourceUnread {
        benchmark: &'a str,
        /// Why.
        why: &'a str,
    },
    /// All files of a benchmark's split are on this machine.
    Fetched {
        benchmark: &'a str,
        repo: &'a str,
        commit: &'a str,
        /// The branch that pointed to the commit, if one did.
        branch: Option<&'a str>,
        /// How many files.
        files: usize,
        /// How many files came over the network.
        downloaded_files: usize,
        /// How many bytes came over the network.
        downloaded: u64,
    },
    /// A request failed and is tried again.
    Retrying {
        benchmark: &'a str,
        /// Why it failed.
        why: &'a str,
        /// How long the pause before the next try is.
        pause: Duration,
    },
    /// A cached file is damaged, and is downloaded again.
    Dropped {
        benchmark: &'a str,
        file: &'a str,
        /// What is wrong with the file.
        why: &'a str,
    },
    /// The Hub cannot be asked, so the files in the cache are used, which it sent earlier.
    FromCache {
        benchmark: &'a str,
        /// Why the Hub cannot be asked.
        why: &'a str,
    },
    /// Only the cache may be used, and it does not say whether the split has more files.
    MaybeMoreShards {
        benchmark: &'a str,
        /// How many files of the split the cache has.
        files: usize,
    },
    /// A log counts as the answers of this model.
    Answers {
        file: &'a Path,
        model: &'a str,
        /// Where the name was guessed from; `None` if the log, its results file or the caller names the model.
        guessed_from: Option<&'a str>,
        /// Whether it is one of the logs in a folder, whose note names them together.
        in_folder: bool,
    },
    /// A folder of logs stands for the newest log of each task in it, of each model.
    Logs {
        folder: &'a Path,
        /// The logs that are read.
        read: &'a [PathBuf],
        /// Older logs of the same tasks and models, which are left out.
        older: &'a [PathBuf],
    },
    /// A store no longer fits the configuration, but this command only reports.
    Stale {
        benchmark: &'a str,
        /// What does not fit.
        reason: &'a str,
    },
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shown to users who ask for more.
    Detail,
    /// Worth a line.
    Info,
    /// Always shown.
    Warning,
}

impl Note<'_> {
    /// How much the note matters.
    pub fn level(&self) -> Level {
        match self {
            Self::Warning(_)
            | Self::Unlocked { .. }
            | Self::Dropped { .. }
            | Self::FromCache { .. }
            | Self::SourceUnread { .. }
            | Self::MaybeMoreShards { .. }
            | Self::Answers { guessed_from: Some(_), .. }
            | Self::Stale { .. } => Level::Warning,
            Self::Building { reason: None, .. }
            | Self::Cached(_)
            | Self::Fetched { downloaded_files: 0, .. }
            | Self::Answers { in_folder: true, .. } => Level::Detail,
            _ => Level::Info,
        }
    }
}

/// The note as one line of text.
impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(folder) => write!(f, "another run is using {}; waiting for it", folder.display()),
            Self::Unlocked { folder, why } => write!(
                f,
                "{} cannot be locked ({why}); make sure that no other run writes there at the same time",
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
            Self::SourceGone(benchmark) => {
                write!(f, "{benchmark}: the source files are gone; using the existing store")
            }
            Self::SourceUnread { benchmark, why } => {
                write!(
                    f,
                    "{benchmark}: whether its source files changed is not known ({why}); using the existing store"
                )
            }
            Self::Fetched { benchmark, repo, commit, branch, files, downloaded_files, downloaded } => {
                match downloaded_files {
                    0 => write!(f, "{benchmark}: {} in the cache", Files(*files))?,
                    n if n == files => write!(f, "{benchmark}: downloaded {}, {}", Files(*files), Bytes(*downloaded))?,
                    n => write!(f, "{benchmark}: downloaded {n} of {}, {}", Files(*files), Bytes(*downloaded))?,
                }
                write!(f, ", from {repo} at {commit}")?;
                branch.map_or(Ok(()), |branch| write!(f, " ({branch})"))
            }
            Self::Retrying { benchmark, why, pause } => {
                write!(f, "{benchmark}: {why}; trying again in {:.0} s", pause.as_secs_f64().ceil())
            }
            Self::Dropped { benchmark, file, why } => {
                write!(f, "{benchmark}: {file} in the cache is damaged ({why}); downloading it again")
            }
            Self::FromCache { benchmark, why } => {
                write!(f, "{benchmark}: {why}; using the files in the cache, which may be out of date")
            }
            Self::MaybeMoreShards { benchmark, files } => write!(
                f,
                "{benchmark}: only the cache may be used, and it does not say whether the split has more than {}; run once with access to the Hub to find out",
                Files(*files)
            ),
            Self::Answers { file, model, guessed_from: None, .. } => {
                write!(f, "{}: answers of {model}", file.display())
            }
            Self::Answers { file, model, guessed_from: Some(from), .. } => {
                write!(f, "{}: answers of {model}, guessed from {from}; nothing else names the model", file.display())
            }
            Self::Logs { folder, read, older } => {
                write!(
                    f,
                    "{}: reading the newest log of each task and model: {}",
                    folder.display(),
                    Names(folder, read)
                )?;
                if older.is_empty() { Ok(()) } else { write!(f, "; left out as older: {}", Names(folder, older)) }
            }
            Self::Stale { benchmark, reason } => {
                write!(f, "{benchmark}: these numbers come from a store that is out of date: {reason}")
            }
        }
    }
}

/// The most names of files in a note.
const NAMED_FILES: usize = 3;

/// The first few files in a folder.
struct Names<'n>(&'n Path, &'n [PathBuf]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(folder, files) = self;
        let name = |file: &PathBuf| file.strip_prefix(folder).unwrap_or(file).display().to_string();
        let named: Vec<String> = files.iter().take(NAMED_FILES).map(name).collect();
        f.write_str(&named.join(", "))?;
        match files.len() - named.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

struct Files(usize);

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} file{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// A number of bytes, in the unit that suits it.
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

/// Makes a text safe to show on a terminal: characters that control it, or change the direction of writing, become
/// escapes such as `\u{1b}`. Names of fields, models and files come from strangers. Line breaks stay, so that a text of
/// several lines can be escaped in parts or as a whole; for a single line, use [`printable_line`].
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && steers(c))
}

/// Like [`printable`], for a single line: line breaks are escaped too.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    escaped(text, steers)
}

/// Whether a character controls the terminal (C0, DEL and C1), ends a line elsewhere, changes the direction of writing, or is not valid in
/// XML.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    fn characters_that_control_a_terminal_are_escaped_and_others_stay() {
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
