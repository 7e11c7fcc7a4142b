//! A benchmark's `path`: which source its rows come from.

use std::fmt;

use super::{At, Source, SourceError, Wanted, file, generated, hub, url};
use crate::{
    disk::storage::{is_clear, is_url, shown, without_options},
    progress::Progress,
    yaml::Refusal,
};

/// A benchmark's parsed `path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourcePath {
    /// `datasets:REPO[/CONFIG]`: a dataset on the Hugging Face Hub.
    Datasets(hub::Address),
    /// `file:PATTERN`: local files; the pattern may have wildcards and `{config}`.
    File(String),
    /// `SCHEME://PATTERN`: files on storage that URLs name.
    Url(String),
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
    /// The path is not valid.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let known = "write datasets:REPO, file:PATTERN or synthetic:NAME";
        let Some((kind, rest)) = text.split_once(':') else {
            return Err(Refusal::new(format!("`{text}` does not name a kind of source"), known));
        };
        if rest.is_empty() {
            return Err(Refusal::new(format!("`{text}` has nothing after the colon"), known));
        }
        match kind {
            "datasets" => hub::Address::parse(rest).map(Self::Datasets),
            "file" if is_url(rest) => Err(Refusal::new(
                "`file:` is for files of this machine",
                "write the URL alone, as in s3://bucket/rows/*.jsonl",
            )),
            "file" => match glob::Pattern::new(&rest.replace("{config}", "x")) {
                Ok(_) => Ok(Self::File(rest.to_owned())),
                Err(error) => Err(Refusal::new(
                    format!("`{rest}` is not a valid pattern: {}", error.msg),
                    "write it like file:rows/*.jsonl",
                )),
            },
            "synthetic" => Self::parse_synthetic(rest),
            _ if !is_clear(text) => Err(Refusal::new(
                format!("the user or the password of this `{kind}://` URL has a `/` or a `?`"),
                "write `%2F` and `%3F` for them",
            )),
            _ if is_url(text) => match glob::Pattern::new(&without_options(text).0.replace("{config}", "x")) {
                Ok(_) => Ok(Self::Url(text.to_owned())),
                Err(error) => Err(Refusal::new(
                    format!("`{}` is not a valid pattern: {}", shown(text), error.msg),
                    "write it like s3://bucket/rows/*.jsonl",
                )),
            },
            _ => Err(Refusal::new(format!("there is no source `{kind}:`"), known)),
        }
    }

    fn parse_synthetic(text: &str) -> Result<Self, Refusal> {
        let (name, query) = text.split_once('?').unwrap_or((text, ""));
        let names: Vec<&str> = symphony_synthetic::generators().iter().map(|generator| generator.name()).collect();
        let Some(generator) = symphony_synthetic::generator(name) else {
            return Err(Refusal::new(
                format!("there is no generator `{name}`"),
                format!("known: {}", names.join(", ")),
            ));
        };
        let (mut rows, mut seed) = (generator.real_rows(), 0);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let wrong = || Refusal::new(format!("cannot read `{pair}`"), "write synthetic:NAME?rows=1000&seed=1");
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
    /// They do not fit.
    pub fn check_configs(&self, configs: &[String]) -> Result<(), Refusal> {
        match self {
            Self::File(pattern) | Self::Url(pattern) if configs.is_empty() && pattern.contains("{config}") => {
                Err(Refusal::new(
                    "`{config}` stands for each of `configs`, and the benchmark has none",
                    "list them, as in `configs: [law, physics]`",
                ))
            }
            Self::File(pattern) | Self::Url(pattern) if !configs.is_empty() && !pattern.contains("{config}") => {
                Err(Refusal::new(
                    format!("the path has no `{{config}}`, but the benchmark has configs ({}, …)", configs[0]),
                    "write {config} where its name goes, or `configs: []` if the rows need none",
                ))
            }
            Self::Datasets(address) if !configs.is_empty() && address.config.is_some() => Err(Refusal::new(
                "the path names a config, and the benchmark has `configs` too",
                format!("write either datasets:{} or `configs: []`", address.repo),
            )),
            Self::Synthetic { name, .. } => {
                let known =
                    symphony_synthetic::generator(name).map(symphony_synthetic::Generator::configs).unwrap_or_default();
                match configs.iter().find(|config| !known.contains(&config.as_str())) {
                    Some(unknown) if !known.is_empty() => Err(Refusal::new(
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
        progress: &'b dyn Progress,
    ) -> Result<Box<dyn Source + 'b>, SourceError> {
        match self {
            Self::Datasets(address) => Ok(Box::new(hub::HubSource::open(address, wanted, at, progress)?)),
            Self::File(pattern) => Ok(Box::new(file::FileSource::open(pattern, wanted)?)),
            Self::Url(pattern) => Ok(Box::new(url::UrlSource::open(pattern, wanted, progress)?)),
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
            // What a connection needs to know may be secret.
            Self::Url(pattern) => f.write_str(&shown(pattern)),
            Self::Synthetic { name, rows, seed } => write!(f, "synthetic:{name}?rows={rows}&seed={seed}"),
        }
    }
}
