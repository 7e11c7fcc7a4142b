//! The library's remedies for an error in the words of the command line. A command that a message offers can be pasted: it
//! repeats the options that were given.

use std::path::{Path, PathBuf};

use symphony_data::Hint;

/// The options that an offered command has to repeat.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--demo`.
    pub demo: bool,
}

impl Call {
    /// An error with its remedies.
    pub fn with_hints(&self, message: &str, hints: &[Hint]) -> String {
        let ways: Vec<String> = hints.iter().filter_map(|hint| self.say(hint)).collect();
        if ways.is_empty() { message.to_owned() } else { format!("{message}; {}", ways.join(", or ")) }
    }

    /// A remedy; `None` where it was already typed.
    fn say(&self, hint: &Hint) -> Option<String> {
        Some(match hint {
            Hint::Preprocess { benchmarks, folder, force } => {
                let force = if *force { " --force" } else { "" };
                let (names, folder) = (benchmarks.join(","), quoted(folder));
                let command = self.command(&format!("preprocess --benchmarks {names} --output {folder}{force}"));
                format!("run `{command}`")
            }
            Hint::FindDuplicates { benchmarks, folder } => {
                let command = format!("duplicates --benchmarks {} --full-dir {}", benchmarks.join(","), quoted(folder));
                format!("run `{}`", self.command(&command))
            }
            Hint::NameConfig => "name the configuration that it was made with (--config)".to_owned(),
            // A demo replaces only what a demo made.
            Hint::Demo | Hint::ReplaceStore { .. } if self.demo => return None,
            Hint::ReplaceStore { benchmarks, folder } => {
                let (names, folder) = (benchmarks.join(","), quoted(folder));
                format!("replace it: `{}`", self.command(&format!("preprocess --benchmarks {names} --output {folder}")))
            }
            Hint::NameStores => "name the folder that has it with --full-dir".to_owned(),
            Hint::SkipBadRows => "set such rows aside with `preprocess --on-bad-row skip`".to_owned(),
            Hint::Unlock => "run without --locked to accept the present source".to_owned(),
            Hint::Renew => "take what it has now with `preprocess --force`".to_owned(),
            Hint::Demo => "work on generated tasks with --demo".to_owned(),
            Hint::Replace => "name another folder, or replace it with --force".to_owned(),
            Hint::ReplaceFile => "name another file, or replace it with --force".to_owned(),
            Hint::Filter(name) => format!("write --filter {}", quoted(Path::new(name))),
            Hint::Metric(name) => format!("write --metric {}", quoted(Path::new(name))),
            Hint::NameModels => "write NAME=FILE for each".to_owned(),
        })
    }

    /// A command with the options that were given for all commands.
    pub fn command(&self, rest: &str) -> String {
        let config = self.config.as_ref().map(|path| format!("--config {} ", quoted(path))).unwrap_or_default();
        let demo = if self.demo { " --demo" } else { "" };
        format!("symphony-data {config}{rest}{demo}")
    }
}

/// An argument, quoted where a shell needs it.
pub fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "_-./,:=@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_quoted_where_a_shell_would_take_it_apart() {
        let of = |text: &str| quoted(Path::new(text));
        assert_eq!(
            [of("data/full"), of("my full"), of("it's"), of("")],
            ["data/full", "'my full'", r"'it'\''s'", "''"]
        );
    }
}
