//! `file:PATTERN`: local files that match wildcards, read in the order of their names.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::{Piece, Rows, Source, SourceError, Wanted, pieces};
use crate::{
    disk::{NamedFile, storage::Stamp},
    format::{ArrayUnder, Batcher, Columns, Format, ReadError, Selection},
    row::RowBatch,
};

/// A file to read rows from.
pub(super) struct LocalFile<'b> {
    /// The file's path, or its URL.
    pub path: PathBuf,
    /// The file's path without the folders that only this machine has.
    pub name: String,
    /// The file's name in messages.
    pub shown: Arc<str>,
    /// The file's format.
    pub format: Format,
    /// The config of the rows in it.
    pub config: Option<&'b str>,
    /// What it was when it was found, if it is behind a URL.
    pub stamp: Option<Stamp>,
}

/// The local files of one benchmark.
pub struct FileSource<'b> {
    files: Vec<LocalFile<'b>>,
    config_field: Option<&'b str>,
    rows: Option<&'b str>,
    columns: Option<&'b Columns>,
}

impl<'b> FileSource<'b> {
    /// Finds the files of a benchmark.
    ///
    /// # Errors
    /// The pattern matches no file, matches a file twice, or matches a file of unknown format.
    pub fn open(pattern: &str, wanted: Wanted<'b>) -> Result<Self, SourceError> {
        let private = private(pattern);
        let mut files = Vec::new();
        for (path, config) in find(pattern, wanted.configs)? {
            let format = Format::of(&path).ok_or_else(|| SourceError::UnknownFormat { path: path.clone() })?;
            let name = path.strip_prefix(private).unwrap_or(&path).to_string_lossy().into_owned();
            let shown = path.to_string_lossy().into();
            files.push(LocalFile { path, name, shown, format, config, stamp: None });
        }
        Ok(Self { files, config_field: wanted.config_field, rows: wanted.rows, columns: wanted.columns })
    }
}

/// The names of a pattern's files, as meta records them, and their sizes in bytes; `None` if they cannot be found. If a file
/// is found twice the list is empty, so that a store of its rows does not count as current.
pub(crate) fn sizes(pattern: &str, configs: &[String]) -> Option<Vec<(String, u64)>> {
    let private = private(pattern);
    let sized = |(path, _): (PathBuf, _)| {
        let name = path.strip_prefix(private).unwrap_or(&path).to_string_lossy().into_owned();
        Some((name, path.metadata().ok()?.len()))
    };
    match find(pattern, configs) {
        Ok(files) => files.into_iter().map(sized).collect(),
        Err(SourceError::FileTwice { .. }) => Some(Vec::new()),
        Err(_) => None,
    }
}

/// The files of a pattern; `None` if they cannot be found.
pub(crate) fn paths(pattern: &str, configs: &[String]) -> Option<Vec<PathBuf>> {
    Some(find(pattern, configs).ok()?.into_iter().map(|(path, _)| path).collect())
}

/// The files of a pattern, sorted by name.
///
/// # Errors
/// The pattern matches no file, or a folder alone.
pub(crate) fn named(pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    matching(pattern)
}

/// The files of a pattern, each with its config.
fn find<'b>(pattern: &str, configs: &'b [String]) -> Result<Vec<(PathBuf, Option<&'b str>)>, SourceError> {
    let mut files = Vec::new();
    // The real place of each file, however its pattern reaches it, with the pattern that found it.
    let mut found: HashMap<PathBuf, String> = HashMap::new();
    let mut add = |pattern: &str, shown: &str, config: Option<&'b str>| {
        for path in matching(pattern)? {
            let place = place_of(&path);
            let shown = match config {
                Some(config) => format!("file:{shown} of the config {config}"),
                None => format!("file:{shown}"),
            };
            if let Some(first) = found.insert(place, shown.clone()) {
                return Err(SourceError::FileTwice { path, first, second: shown });
            }
            files.push((path, config));
        }
        Ok(())
    };
    if configs.is_empty() {
        add(pattern, pattern, None)?;
    }
    for config in configs {
        let escaped = pattern.replace("{config}", &glob::Pattern::escape(config));
        add(&escaped, &pattern.replace("{config}", config), Some(config))?;
    }
    Ok(files)
}

/// The place of a file: its canonical folder and its name. A link counts as a file of its own here; copies of one content
/// are noticed after reading.
fn place_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.join(path.file_name().unwrap_or_default())
}

/// The files that the pattern matches, sorted by name, each once. Like Python's `glob`, this leaves out hidden files and
/// folders unless the pattern writes their dot.
fn matching(pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    let absent = |hidden: Option<PathBuf>| SourceError::NoFile {
        pattern: pattern.to_owned(),
        folder: std::env::current_dir().unwrap_or_default().display().to_string(),
        hidden,
    };
    if Path::new(pattern).is_file() {
        // A file whose name looks like a pattern.
        return Ok(vec![PathBuf::from(pattern)]);
    }
    if Path::new(pattern).is_dir() {
        return Err(SourceError::Folder { path: PathBuf::from(pattern) });
    }
    let components: Vec<String> = names(Path::new(pattern));
    let (mut paths, mut hidden) = (Vec::new(), None);
    for path in glob::glob(pattern).map_err(|_| absent(None))? {
        let path = path.map_err(|error| SourceError::Read { path: error.path().to_owned(), error: error.into() })?;
        if !path.is_file() {
            continue;
        }
        if names_hidden(&components, &names(&path)) {
            paths.push(path);
        } else {
            hidden.get_or_insert(path);
        }
    }
    paths.sort();
    // `**/**` finds the same file several times.
    paths.dedup();
    if paths.is_empty() { Err(absent(hidden)) } else { Ok(paths) }
}

/// The parts of a path, without `.`.
fn names(path: &Path) -> Vec<String> {
    let named = path.components().filter(|part| *part != Component::CurDir);
    named.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
}

/// Whether a pattern that matches a path writes the dot of each hidden name in it. (The glob crate has an option to leave
/// out hidden names, but it also leaves out those that the pattern writes.)
pub(super) fn names_hidden(pattern: &[String], path: &[String]) -> bool {
    let is_hidden = |name: &String| name.starts_with('.');
    if !path.iter().any(is_hidden) {
        return true;
    }
    let (Some(part), name) = (pattern.first(), path.first()) else { return path.is_empty() };
    if part == "**" {
        return names_hidden(&pattern[1..], path)
            || name.is_some_and(|name| !is_hidden(name) && names_hidden(pattern, &path[1..]));
    }
    name.is_some_and(|name| {
        (!is_hidden(name) || is_hidden(part))
            && glob::Pattern::new(part).is_ok_and(|part| part.matches(name))
            && names_hidden(&pattern[1..], &path[1..])
    })
}

/// The pattern without the folders that only this machine has.
pub(super) fn portable(pattern: &str) -> &str {
    &pattern[private(pattern).len()..]
}

/// The folders before the first wildcard of an absolute pattern, up to and including the last `/`; empty for a relative
/// pattern.
fn private(pattern: &str) -> &str {
    if !Path::new(pattern).is_absolute() {
        return "";
    }
    let plain = &pattern[..pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len())];
    &plain[..plain.rfind('/').map_or(0, |slash| slash + 1)]
}

impl Source for FileSource<'_> {
    fn rows(&self) -> Option<u64> {
        None
    }

    fn shards(&self, shards: usize) -> Result<Vec<Vec<Piece>>, SourceError> {
        pieces::of_files(&self.files, self.rows, None, shards)
    }

    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<NamedFile>, SourceError> {
        read_all(&self.files, self.config_field, self.rows, self.columns, &mut |batch| sink(Rows::Read(batch)))
    }
}

/// Reads all rows of the files, one file after the other. If a file is one JSON object, reads the array under the key `rows`.
pub(super) fn read_all(
    files: &[LocalFile<'_>],
    config_field: Option<&str>,
    rows: Option<&str>,
    columns: Option<&Columns>,
    sink: &mut dyn FnMut(RowBatch) -> ControlFlow<()>,
) -> Result<Vec<NamedFile>, SourceError> {
    let mut batcher = Batcher::new(sink);
    batcher.select(columns);
    let mut read = Vec::new();
    for LocalFile { path, name, shown, format, config, .. } in files {
        let outcome = format.found_in(path, rows).and_then(|format| {
            batcher.begin(shown, config_field.zip(*config), format.is_untyped())?;
            format.read_file(path, rows, &mut batcher)
        });
        match outcome {
            Ok((bytes, checksum)) => read.push(NamedFile { name: name.clone(), bytes, checksum }),
            Err(ReadError::Stopped) => return Ok(read),
            Err(error) => return Err(failed(error, path, shown, rows)),
        }
    }
    if let Some((names, known)) = batcher.selection().and_then(Selection::unknown) {
        let key = columns.map_or("", Columns::key);
        let names = names.into_iter().map(str::to_owned).collect();
        return Err(SourceError::NoColumn { key, names, known: known.to_vec() });
    }
    // If the sink stops at the last batch, nothing is left to skip.
    let _: Result<(), ReadError> = batcher.flush();
    Ok(read)
}

/// The error of a file, with its path. `shown` is its name in messages.
pub(super) fn failed(error: ReadError, path: &Path, shown: &str, rows: Option<&str>) -> SourceError {
    let malformed = |line, reason| SourceError::Malformed { path: PathBuf::from(shown), line, reason };
    match error {
        ReadError::Io(error) => SourceError::read(path, error),
        ReadError::Stopped => SourceError::read(path, std::io::ErrorKind::Interrupted.into()),
        ReadError::Malformed { line, reason } => malformed(line, reason),
        ReadError::OneObject { arrays } => malformed(0, where_rows_are(rows, arrays)),
    }
}

/// The message for a file that is one object without an array of rows under the key.
fn where_rows_are(key: Option<&str>, mut arrays: Vec<ArrayUnder>) -> String {
    arrays.sort_by_key(|array| std::cmp::Reverse(array.objects));
    let nothing = key.map(|key| format!(" and has no array under `{key}`")).unwrap_or_default();
    match &arrays[..] {
        [most, ..] if most.objects > 0 => {
            let named: Vec<String> = arrays.iter().take(5).map(ArrayUnder::to_string).collect();
            let more = if arrays.len() > named.len() { ", …" } else { "" };
            let named = named.join(", ");
            format!(
                "this file is one object{nothing}; its arrays are under {named}{more}: write `rows: {}` in the benchmark",
                most.key
            )
        }
        _ => format!("this file is one object{nothing}, without an array of objects; write one: `[{{…}}, {{…}}]`"),
    }
}
