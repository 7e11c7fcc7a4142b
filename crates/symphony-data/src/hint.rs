//! The way out of an error, as a value. The library's messages say what is wrong and where; the command line and the
//! Python package add the way out in their own terms.

use std::path::PathBuf;

/// One way out of an error.
// Fields without a comment are named for what they hold.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Preprocess these benchmarks into this folder.
    Preprocess {
        benchmarks: Vec<String>,
        folder: PathBuf,
        /// Whether existing stores must be replaced, which happens only on request.
        force: bool,
    },
    /// Look for duplicates in these benchmarks of this folder.
    FindDuplicates { benchmarks: Vec<String>, folder: PathBuf },
    /// Name the folder that has the preprocessed benchmarks.
    NameStores,
    /// Name the configuration that the store was made with.
    NameConfig,
    /// Replace the stores of these benchmarks in this folder with those that the configuration asks for.
    ReplaceStore { benchmarks: Vec<String>, folder: PathBuf },
    /// Set aside rows that cannot be scored, and preprocess the others.
    SkipBadRows,
    /// Use the source as it is now instead of the recorded one.
    Unlock,
    /// Use the newest version of the source, whatever version was recorded.
    Renew,
    /// Use generated tasks.
    Demo,
    /// Write to another folder, or replace the existing files.
    Replace,
    /// Write another file, or replace the existing one.
    ReplaceFile,
    /// Choose the filter whose lines of a log count, such as this one.
    Filter(String),
    /// Choose the metric or scorer of a log that counts, such as this one.
    Metric(String),
    /// Name the model whose answers each log holds.
    NameModels,
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// This writes a README with commands of other programs.
    const COMMANDS: &str = "export/card.rs";

    /// Python users see the library's messages too, and have no command line options.
    #[test]
    fn no_message_of_the_library_names_an_option_of_the_command_line() {
        let option = regex::Regex::new(r#"(^|[\s`(\"])--[a-z][a-z-]+"#).unwrap();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs")
                    && !path.ends_with("hint.rs")
                    && !path.ends_with(COMMANDS)
                {
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
