//! The way out of an error, as a value. The library's messages say what is wrong and where; the command line and the Python
//! package each say the way out in their own words.

use std::path::PathBuf;

/// One way out of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Preprocess these benchmarks into this folder.
    Preprocess {
        /// The benchmarks.
        benchmarks: Vec<String>,
        /// The folder.
        folder: PathBuf,
        /// Whether what is there has to be replaced, which is done only where it is asked for.
        force: bool,
    },
    /// Name the folder that has the preprocessed benchmarks.
    NameStores,
    /// Set rows that cannot be scored aside, and preprocess the others.
    SkipBadRows {
        /// The benchmark.
        benchmark: String,
    },
    /// Take the source as it is now, in place of the one that is recorded.
    Unlock,
    /// Take what the source has now, whatever was recorded.
    Renew,
    /// Work on generated tasks.
    Demo,
    /// Write to another folder, or replace what is there.
    Replace,
    /// Say which filter's lines of a log count, such as this one.
    Filter(String),
    /// Say which metric or scorer of a log counts, such as this one.
    Metric(String),
    /// Say whose answers each log holds.
    NameModels,
}
