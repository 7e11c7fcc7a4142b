//! Where rows come from: one file per source, one shape out.

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

/// A benchmark's `path`, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourcePath {
    /// `datasets:REPO[/CONFIG]`, on the Hugging Face Hub.
    Datasets(hub::Address),
    /// `file:PATTERN`: a path with wildcards and `{config}`.
    File(String),
    /// `synthetic:NAME?rows=N&seed=S`: generated on the spot.
    Synthetic {
        /// The generator's name.
        name: String,
        /// How many rows.
        rows: u64,
        /// The seed.
        seed: u64,
    },
}

impl SourcePath {
    /// Reads a `path`.
    ///
    /// # Errors
    /// What is wrong with it, and the way out.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let known = "write datasets:REPO, file:PATTERN or synthetic:NAME";
        let Some((kind, rest)) = text.split_once(':') else {
            return Err((format!("`{text}` does not say what kind of source it is"), known.to_owned()));
        };
        if rest.is_empty() {
            return Err((format!("`{text}` names nothing"), known.to_owned()));
        }
        match kind {
            "datasets" => hub::Address::parse(rest).map(Self::Datasets),
            "file" => match glob::Pattern::new(&rest.replace("{config}", "x")) {
                Ok(_) => Ok(Self::File(rest.to_owned())),
                Err(error) => Err((
                    format!("`{rest}` is no pattern: {}", error.msg),
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

    /// The generator that stands in for the benchmark `name`, at its real size; `None` if there is none.
    pub fn synthetic(name: &str) -> Option<Self> {
        let generator = symphony_synthetic::generator(name)?;
        Some(Self::Synthetic { name: name.to_owned(), rows: generator.real_rows(), seed: 0 })
    }

    /// Whether the rows are generated rather than real.
    pub fn is_synthetic(&self) -> bool {
        matches!(self, Self::Synthetic { .. })
    }

    /// The path as meta and manifest record it: without the folders that only this machine has, so that the same
    /// request gives the same bytes anywhere.
    pub fn portable(&self) -> String {
        match self {
            Self::File(pattern) => format!("file:{}", file::portable(pattern)),
            _ => self.to_string(),
        }
    }

    /// Checks the path against the benchmark's configs.
    ///
    /// # Errors
    /// What does not fit, and the way out.
    pub fn check_configs(&self, configs: &[String]) -> Result<(), (String, String)> {
        match self {
            Self::File(pattern) if configs.is_empty() && pattern.contains("{config}") => Err((
                "`{config}` stands for each of `configs`, and there are none".to_owned(),
                "list them, as in `configs: [law, physics]`".to_owned(),
            )),
            Self::File(pattern) if !configs.is_empty() && !pattern.contains("{config}") => Err((
                format!("the path has no `{{config}}`, but the benchmark has configs ({}, …)", configs[0]),
                "write {config} where its name goes, or `configs: []` if the rows need none".to_owned(),
            )),
            Self::Datasets(address) if !configs.is_empty() && address.config.is_some() => Err((
                "the path names a config, and `configs` lists some".to_owned(),
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

    /// The source of a benchmark's rows, all of it on this machine. Where it has commits, `at` says which may serve.
    ///
    /// # Errors
    /// A source that cannot be opened.
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

/// Something that gives rows, the same ones each time it is read.
pub trait Source: Sync {
    /// How many rows there are, where that is known beforehand.
    fn rows(&self) -> Option<u64>;

    /// What version of the source serves, where it has versions.
    fn revision(&self) -> Option<&Revision> {
        None
    }

    /// Reads all rows in order, some at a time, until the end or until `sink` breaks off; then says what was read.
    ///
    /// # Errors
    /// Whatever keeps it from reading on. A single bad row is no error here: it is handed on as such.
    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<NamedFile>, SourceError>;
}

/// Some consecutive rows of a source.
pub enum Rows<'s> {
    /// As they were read.
    Read(RowBatch),
    /// Yet to be made, by whoever wants them, on whatever thread.
    ToMake(Box<dyn FnOnce() -> RowBatch + Send + 's>),
}

impl Rows<'_> {
    /// About how much text they are, in bytes.
    pub fn text_len(&self) -> usize {
        match self {
            Self::Read(batch) => batch.text_len(),
            Self::ToMake(_) => BATCH_BYTES,
        }
    }

    /// The rows themselves.
    pub fn batch(self) -> RowBatch {
        match self {
            Self::Read(batch) => batch,
            Self::ToMake(make) => make(),
        }
    }
}

/// Which commit of a source may serve, where the configuration names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At<'c> {
    /// The one that is served now.
    Now,
    /// This one, whatever is served now.
    Commit(&'c str),
    /// The one that is served now, if it is this one.
    Locked(&'c str),
}

/// A version of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The commit, 40 hex digits.
    pub commit: String,
    /// The branch that it was found by; `None` where the commit itself was asked for.
    pub branch: Option<String>,
}

/// Why rows could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The Hub.
    #[error(transparent)]
    Hub(Box<hub::HubError>),
    /// A generator.
    #[error("there is no generator `{name}`")]
    NoGenerator {
        /// Its name.
        name: String,
    },
    /// No file fits the pattern.
    #[error(
        "no file matches {pattern} (in {folder}){}; check `path` of the benchmark, which is relative to the folder you run in",
        .hidden.as_ref().map_or(String::new(), |path| format!(
            " but {}, which is hidden: names that begin with a dot are left out unless the pattern writes the dot", path.display()
        ))
    )]
    NoFile {
        /// The pattern.
        pattern: String,
        /// The folder that the pattern is relative to.
        folder: String,
        /// A hidden file that would match.
        hidden: Option<PathBuf>,
    },
    /// A file that is found twice.
    #[error(
        "{} is found {}, so that its rows would count twice; change the patterns so that each file is found once",
        .path.display(),
        if .first == .second { format!("twice by {first}") } else { format!("by {first} and by {second}") }
    )]
    FileTwice {
        /// The file.
        path: PathBuf,
        /// The pattern that finds it, with its config's name.
        first: String,
        /// The pattern that finds it again.
        second: String,
    },
    /// Names of `columns` or `drop_columns` that no row has.
    #[error("{}", no_column(.key, .names, .known))]
    NoColumn {
        /// The key.
        key: &'static str,
        /// The names that no row has.
        names: Vec<String>,
        /// The names that rows have, or the first of them.
        known: Vec<String>,
    },
    /// A folder where files are needed.
    #[error("{path} is a folder; name its files, such as `file:{path}/*.jsonl`")]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A file whose format is not known.
    #[error(
        "{path}: the format is not known by this name; name it .jsonl, .json, .csv or .tsv (each also with .gz or .zst), .parquet or .arrow"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A file that cannot be read.
    #[error("{path}: {error}; check that it is whole and that you may read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file that is not what its name says.
    #[error("{}{}: {reason}", .path.display(), if *.line > 0 { format!(":{line}") } else { String::new() })]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 where the file as a whole is meant.
        line: u64,
        /// What is wrong.
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
