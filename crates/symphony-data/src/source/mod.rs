//! Sources of rows: local files, generators and the Hub. Each has its own file, and all give batches of rows.

use std::{
    fmt,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::{
    disk::NamedFile,
    format::Columns,
    progress::Progress,
    row::{BATCH_BYTES, RowBatch},
};

pub mod file;
pub mod generated;
pub mod hub;

/// What a benchmark takes from its source.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'b> {
    /// The benchmark's name, for messages.
    pub name: &'b str,
    /// The split of the dataset.
    pub split: &'b str,
    /// The configs that make up the benchmark, in this order; empty for the source's only one.
    pub configs: &'b [String],
    /// The field under which each row gets its config.
    pub config_field: Option<&'b str>,
    /// The commit that the source is pinned to.
    pub revision: Option<&'b str>,
    /// The key of the array of rows in a file that is one JSON object, or keys joined by dots.
    pub rows: Option<&'b str>,
    /// The columns that rows keep, if not all.
    pub columns: Option<&'b Columns>,
}

/// A benchmark's parsed `path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourcePath {
    /// `datasets:REPO[/CONFIG]`: a dataset on the Hugging Face Hub.
    Datasets(hub::Address),
    /// `file:PATTERN`: local files; the pattern may have wildcards and `{config}`.
    File(String),
    /// `synthetic:NAME?rows=N&seed=S`: generated rows.
    Synthetic {
        /// The generator's name.
        name: String,
        /// The number of rows.
        rows: u64,
        /// The seed of the generator.
        seed: u64,
    },
}

impl SourcePath {
    /// Parses a `path`.
    ///
    /// # Errors
    /// The path is not valid; the two texts give the reason and the way out.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let known = "write datasets:REPO, file:PATTERN or synthetic:NAME";
        let Some((kind, rest)) = text.split_once(':') else {
            return Err((format!("`{text}` does not name a kind of source"), known.to_owned()));
        };
        if rest.is_empty() {
            return Err((format!("`{text}` has nothing after the colon"), known.to_owned()));
        }
        match kind {
            "datasets" => hub::Address::parse(rest).map(Self::Datasets),
            "file" => match glob::Pattern::new(&rest.replace("{config}", "x")) {
                Ok(_) => Ok(Self::File(rest.to_owned())),
                Err(error) => Err((
                    format!("`{rest}` is not a valid pattern: {}", error.msg),
                    "write it like file:rows/*.jsonl".to_owned(),
                )),
            },
            "synthetic" => Self::parse_synthetic(rest),
            _ => Err((format!("there is no source `{kind}:`"), known.to_owned())),
        }
    }

    fn parse_synthetic(text: &str) -> Result<Self, (String, String)> {
        let (name, query) = text.split_once('?').unwrap_or((text, ""));
        let names: Vec<&str> = symphony_synthetic::generators().iter().map(|generator| generator.name()).collect();
        let Some(generator) = symphony_synthetic::generator(name) else {
            return Err((format!("there is no generator `{name}`"), format!("known: {}", names.join(", "))));
        };
        let (mut rows, mut seed) = (generator.real_rows(), 0);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let wrong = || (format!("cannot read `{pair}`"), "write synthetic:NAME?rows=1000&seed=1".to_owned());
            let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
            let value: u64 = value.parse().map_err(|_| wrong())?;
            match key {
                "rows" => rows = value,
                "seed" => seed = value,
                _ => return Err(wrong()),
            }
        }
        Ok(Self::Synthetic { name: name.to_owned(), rows, seed })
    }

    /// The path of the generator for the benchmark `name`, at the benchmark's real size; `None` if there is no generator.
    pub fn synthetic(name: &str) -> Option<Self> {
        let generator = symphony_synthetic::generator(name)?;
        Some(Self::Synthetic { name: name.to_owned(), rows: generator.real_rows(), seed: 0 })
    }

    /// The path without the folders that only this machine has. Meta and manifest record this one, so that the same request
    /// gives the same bytes everywhere.
    pub fn portable(&self) -> String {
        match self {
            Self::File(pattern) => format!("file:{}", file::portable(pattern)),
            _ => self.to_string(),
        }
    }

    /// Checks the path against the benchmark's configs.
    ///
    /// # Errors
    /// They do not fit; the two texts give the reason and the way out.
    pub fn check_configs(&self, configs: &[String]) -> Result<(), (String, String)> {
        match self {
            Self::File(pattern) if configs.is_empty() && pattern.contains("{config}") => Err((
                "`{config}` stands for each of `configs`, and the benchmark has none".to_owned(),
                "list them, as in `configs: [law, physics]`".to_owned(),
            )),
            Self::File(pattern) if !configs.is_empty() && !pattern.contains("{config}") => Err((
                format!("the path has no `{{config}}`, but the benchmark has configs ({}, …)", configs[0]),
                "write {config} where its name goes, or `configs: []` if the rows need none".to_owned(),
            )),
            Self::Datasets(address) if !configs.is_empty() && address.config.is_some() => Err((
                "the path names a config, and the benchmark has `configs` too".to_owned(),
                format!("write either datasets:{} or `configs: []`", address.repo),
            )),
            Self::Synthetic { name, .. } => {
                let known =
                    symphony_synthetic::generator(name).map(symphony_synthetic::Generator::configs).unwrap_or_default();
                match configs.iter().find(|config| !known.contains(&config.as_str())) {
                    Some(unknown) if !known.is_empty() => Err((
                        format!("synthetic:{name} has no config `{unknown}`"),
                        format!("known: {}", known.join(", ")),
                    )),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Opens the source of a benchmark's rows, and downloads it if needed. If the source has commits, `at` selects one.
    ///
    /// # Errors
    /// The source cannot be found or downloaded.
    pub fn open<'b>(
        &'b self,
        wanted: Wanted<'b>,
        at: At<'_>,
        progress: &dyn Progress,
    ) -> Result<Box<dyn Source + 'b>, SourceError> {
        match self {
            Self::Datasets(address) => Ok(Box::new(hub::HubSource::open(address, wanted, at, progress)?)),
            Self::File(pattern) => Ok(Box::new(file::FileSource::open(pattern, wanted)?)),
            Self::Synthetic { name, rows, seed } => {
                let generator = symphony_synthetic::generator(name)
                    .ok_or_else(|| SourceError::NoGenerator { name: name.clone() })?;
                Ok(Box::new(generated::GeneratedSource::new(generator, *rows, *seed, wanted)))
            }
        }
    }
}

impl fmt::Display for SourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datasets(address) => write!(f, "datasets:{address}"),
            Self::File(pattern) => write!(f, "file:{pattern}"),
            Self::Synthetic { name, rows, seed } => write!(f, "synthetic:{name}?rows={rows}&seed={seed}"),
        }
    }
}

/// A source of rows. It gives the same rows each time it is read.
pub trait Source: Sync {
    /// The number of rows, if it is known before reading.
    fn rows(&self) -> Option<u64>;

    /// The version of the source, if it has versions.
    fn revision(&self) -> Option<&Revision> {
        None
    }

    /// Reads all rows in order, in batches, until the end or until `sink` breaks. Returns the files that were read.
    ///
    /// # Errors
    /// Reading cannot continue. A single bad row is not an error: its batch carries the fault.
    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<NamedFile>, SourceError>;
}

/// Some consecutive rows of a source.
pub enum Rows<'s> {
    /// Rows that were read.
    Read(RowBatch),
    /// A function that generates the rows, on any thread.
    ToMake(Box<dyn FnOnce() -> RowBatch + Send + 's>),
}

impl Rows<'_> {
    /// The approximate length of their text, in bytes.
    pub fn text_len(&self) -> usize {
        match self {
            Self::Read(batch) => batch.text_len(),
            Self::ToMake(_) => BATCH_BYTES,
        }
    }

    /// The rows; generates them if needed.
    pub fn batch(self) -> RowBatch {
        match self {
            Self::Read(batch) => batch,
            Self::ToMake(make) => make(),
        }
    }
}

/// Which commit of a source to use if the configuration does not name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At<'c> {
    /// The current commit.
    Now,
    /// This commit, even if it is not the current one.
    Commit(&'c str),
    /// The current commit, which must be this one.
    Locked(&'c str),
}

/// A version of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The commit: 40 hex digits.
    pub commit: String,
    /// The branch that led to the commit; `None` if the commit itself was requested.
    pub branch: Option<String>,
}

/// Why rows cannot be read.
// The names of the fields say what they hold; comments give the rest.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The Hub cannot provide the rows.
    #[error(transparent)]
    Hub(Box<hub::HubError>),
    /// There is no generator of this name.
    #[error("there is no generator `{name}`")]
    NoGenerator { name: String },
    /// No file matches the pattern.
    #[error(
        "no file matches {pattern} (in {folder}){}; check `path` of the benchmark, which is relative to the folder you run in",
        .hidden.as_ref().map_or(String::new(), |path| format!(
            " but {}, which is hidden: names that begin with a dot are left out unless the pattern writes the dot", path.display()
        ))
    )]
    NoFile {
        pattern: String,
        // The folder that the pattern is relative to.
        folder: String,
        // A hidden file that would match.
        hidden: Option<PathBuf>,
    },
    /// A file is found twice.
    #[error(
        "{} is found {}, so its rows would count twice; change the patterns so that each file is found once",
        .path.display(),
        if .first == .second { format!("twice by {first}") } else { format!("by {first} and by {second}") }
    )]
    FileTwice {
        path: PathBuf,
        // The two patterns that find it, each with its config's name.
        first: String,
        second: String,
    },
    /// No row has a name in `columns` or `drop_columns`.
    #[error("{}", no_column(.key, .names, .known))]
    NoColumn {
        key: &'static str,
        // The names that no row has.
        names: Vec<String>,
        // The names that rows have, or the first few of them.
        known: Vec<String>,
    },
    /// A folder is named where files are needed.
    #[error("{path} is a folder; name its files, such as `file:{path}/*.jsonl`")]
    Folder { path: PathBuf },
    /// The name of a file does not show its format.
    #[error(
        "{path}: its name does not show its format; name it .jsonl, .json, .csv or .tsv (each also with .gz or .zst), .parquet or .arrow"
    )]
    UnknownFormat { path: PathBuf },
    /// A file cannot be read.
    #[error("{path}: {error}; check that it is complete and that you may read it")]
    Read {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    /// The content of a file is not valid.
    #[error("{}{}: {reason}", .path.display(), if *.line > 0 { format!(":{line}") } else { String::new() })]
    Malformed {
        path: PathBuf,
        // From 1; 0 stands for the whole file.
        line: u64,
        reason: String,
    },
}

fn no_column(key: &str, names: &[String], known: &[String]) -> String {
    let all = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!("no row has the column {}, which `{key}` names; the rows have {}", all(names), all(known))
}

impl From<hub::HubError> for SourceError {
    fn from(error: hub::HubError) -> Self {
        Self::Hub(Box::new(error))
    }
}

impl SourceError {
    fn read(path: &Path, error: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), error }
    }
}
