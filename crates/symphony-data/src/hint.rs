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
    /// Name the configuration that a store was made with.
    NameConfig,
    /// Replace the stores of these benchmarks in this folder by what the configuration asks for.
    ReplaceStore {
        /// The benchmarks.
        benchmarks: Vec<String>,
        /// The folder.
        folder: PathBuf,
    },
    /// Set rows that cannot be scored aside, and preprocess the others.
    SkipBadRows,
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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// Python's users meet the library's messages too, and have no options.
    #[test]
    fn no_message_of_the_library_names_an_option_of_the_command_line() {
        let option = regex::Regex::new(r#"(^|[\s`(\"])--[a-z][a-z-]+"#).unwrap();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    // What generated tasks say is none of ours.
                    folders.extend((!path.ends_with("synthetic")).then_some(path));
                } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("hint.rs") {
                    files += 1;
                    for (at, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
                        let code = line.trim_start();
                        let said = !code.starts_with("//") && option.is_match(code);
                        assert!(!said, "{}:{}: {code}", path.display(), at + 1);
                    }
                }
            }
        }
        assert!(files > 50, "{files} files were read");
    }
}
