//! Files behind URLs such as `s3://bucket/rows/*.jsonl`, through a connection that the caller has.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use super::{
    Piece, Rows, Source, SourceError, Wanted,
    file::{LocalFile, names_hidden, read_all},
    pieces,
};
use crate::{
    disk::{
        Local, NamedFile, Place, WINDOW,
        storage::{Stamp, Storage, shown, without_options},
    },
    format::Format,
    progress::{Download, Progress},
};

/// A file behind a URL.
pub(crate) struct Found<'b> {
    /// The URL.
    pub url: String,
    /// Its name without the folders before the first wildcard.
    pub name: String,
    pub stamp: Stamp,
    /// The config of the rows in it.
    pub config: Option<&'b str>,
}

/// The files of one benchmark behind URLs.
pub struct UrlSource<'b> {
    files: Vec<LocalFile<'b>>,
    wanted: Wanted<'b>,
    storage: &'b Arc<dyn Storage>,
    progress: &'b dyn Progress,
    /// Local copies of all files, once rows are read on this machine.
    copies: OnceLock<Vec<Local>>,
}

impl<'b> UrlSource<'b> {
    /// Finds the files of a benchmark.
    ///
    /// # Errors
    /// There is no connection, the storage cannot be reached, or the pattern matches no file, matches a file twice, or matches a
    /// file of unknown format.
    pub fn open(pattern: &str, wanted: Wanted<'b>, progress: &'b dyn Progress) -> Result<Self, SourceError> {
        let storage = wanted.storage.ok_or_else(|| SourceError::NoStorage { url: shown(pattern) })?;
        let mut files = Vec::new();
        for Found { url, name, stamp, config } in find(pattern, wanted.configs, &**storage)? {
            let path = PathBuf::from(&url);
            let named = PathBuf::from(shown(&url));
            let format = Format::of(&named).ok_or_else(|| SourceError::UnknownFormat { path: named.clone() })?;
            files.push(LocalFile { path, name, shown: shown(&url).into(), format, config, stamp: Some(stamp) });
        }
        Ok(Self { files, wanted, storage, progress, copies: OnceLock::new() })
    }

    /// Local copies of all files.
    fn copies(&self) -> Result<&[Local], SourceError> {
        if let Some(copies) = self.copies.get() {
            return Ok(copies);
        }
        let size = |file: &LocalFile<'_>| file.stamp.map_or(0, |stamp| stamp.bytes);
        let total_bytes = self.files.iter().map(size).sum();
        let (mut copies, mut bytes) = (Vec::new(), 0);
        for file in &self.files {
            let size = size(file);
            let failed = |error| SourceError::read(Path::new(&*file.shown), error);
            let mut copy = Place::new(&file.path, Some(self.storage)).local(size).map_err(failed)?;
            for from in (0..size).step_by(WINDOW as usize) {
                let (files, total_files) = (copies.len(), self.files.len());
                self.progress.download(self.wanted.name, Download { files, total_files, bytes, total_bytes });
                if self.progress.cancelled() {
                    return Err(SourceError::Cancelled);
                }
                let end = size.min(from + WINDOW);
                copy.fetch(from..end).map_err(failed)?;
                bytes += end - from;
            }
            copies.push(copy);
        }
        let (files, total_files) = (copies.len(), copies.len());
        self.progress.download(self.wanted.name, Download { files, total_files, bytes, total_bytes });
        Ok(self.copies.get_or_init(|| copies))
    }
}

impl Source for UrlSource<'_> {
    fn rows(&self) -> Option<u64> {
        None
    }

    fn shards(&self, shards: usize) -> Result<Vec<Vec<Piece>>, SourceError> {
        pieces::of_files(&self.files, self.wanted.rows, Some(self.storage), shards)
    }

    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<NamedFile>, SourceError> {
        let local = self.files.iter().zip(self.copies()?).map(|(file, copy)| LocalFile {
            path: copy.path().to_owned(),
            name: file.name.clone(),
            shown: file.shown.clone(),
            ..*file
        });
        let Wanted { config_field, rows, columns, .. } = self.wanted;
        read_all(&local.collect::<Vec<_>>(), config_field, rows, columns, &mut |batch| sink(Rows::Read(batch)))
    }
}

/// The files of a pattern, each with its config, sorted by name within a config.
///
/// # Errors
/// The storage cannot be reached, or the pattern matches no file or matches a file twice.
pub(crate) fn find<'b>(
    pattern: &str,
    configs: &'b [String],
    storage: &dyn Storage,
) -> Result<Vec<Found<'b>>, SourceError> {
    let patterns: Vec<(String, Option<&str>)> = match configs {
        [] => vec![(pattern.to_owned(), None)],
        _ => {
            let of = |config: &'b String| pattern.replace("{config}", &glob::Pattern::escape(config));
            configs.iter().map(|config| (of(config), Some(config.as_str()))).collect()
        }
    };
    let mut known: HashMap<String, String> = HashMap::new();
    let mut files = Vec::new();
    for (pattern, config) in patterns {
        for mut file in matching(&pattern, storage)? {
            file.config = config;
            // Under any config, a file's name is what the wildcards and `{config}` stand for.
            if let Some(first) = known.insert(file.url.clone(), shown(&pattern)) {
                return Err(SourceError::FileTwice { path: shown(&file.url).into(), first, second: shown(&pattern) });
            }
            files.push(file);
        }
    }
    let folder = folder_of(pattern).0;
    for file in &mut files {
        file.name =
            file.url.strip_prefix(folder).map_or_else(|| file.name.clone(), |name| without_options(name).0.to_owned());
    }
    Ok(files)
}

/// The folder before the first wildcard, up to and including the last `/`, and what is behind it, without options.
fn folder_of(pattern: &str) -> (&str, &str) {
    let (base, _) = without_options(pattern);
    let plain = base.find(['*', '[', '{']).unwrap_or(base.len());
    base.split_at(base[..plain].rfind('/').map_or(0, |slash| slash + 1))
}

/// The files of a pattern, sorted by name.
fn matching<'b>(pattern: &str, storage: &dyn Storage) -> Result<Vec<Found<'b>>, SourceError> {
    let failed = |error| SourceError::read(Path::new(&shown(pattern)), error);
    let (folder, rest) = folder_of(pattern);
    let (_, options) = without_options(pattern);
    let found = |name: String, stamp| Found { url: format!("{folder}{name}{options}"), name, stamp, config: None };
    let absent = || SourceError::NoFileAt { url: shown(pattern) };
    if !rest.contains(['*', '[']) {
        return match storage.stamp(pattern) {
            Ok(stamp) => Ok(vec![found(rest.to_owned(), stamp)]),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(absent()),
            Err(error) => Err(failed(error)),
        };
    }
    let rule = glob::Pattern::new(rest).map_err(|_| absent())?;
    let options_of = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let listed = storage.list(&format!("{folder}{options}"), rest.contains('/')).map_err(failed)?;
    let matches = |name: &str| rule.matches_with(name, options_of) && names_hidden(&parts(rest), &parts(name));
    let mut files: Vec<Found<'_>> =
        listed.into_iter().filter(|(name, _)| matches(name)).map(|(name, stamp)| found(name, stamp)).collect();
    if let Some(file) = files.iter().find(|file| file.name.contains('?')) {
        let path = format!("{}{}", shown(folder), file.name).into();
        let reason = "a URL cannot name a file with a `?`; rename it, or leave it out".to_owned();
        return Err(SourceError::Malformed { path, line: 0, reason });
    }
    files.sort_by(|a, b| Path::new(&a.name).cmp(Path::new(&b.name)));
    if files.is_empty() { Err(absent()) } else { Ok(files) }
}
