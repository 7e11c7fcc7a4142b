//! `file:PATTERN`: local files, found by wildcards, read in the order of their names.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Rows, Source, SourceError, SourceFile};
use crate::{
    config::Benchmark,
    format::{ArrayUnder, Batcher, Format, ReadError},
    row::RowBatch,
};

/// One file that rows are read from.
pub(super) struct LocalFile<'b> {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name without folders that only this machine has.
    pub name: String,
    /// What messages call it.
    pub shown: Arc<str>,
    /// Its format.
    pub format: Format,
    /// The config whose rows it holds.
    pub config: Option<&'b str>,
}

/// Local files as one benchmark.
pub struct FileSource<'b> {
    files: Vec<LocalFile<'b>>,
    config_field: Option<&'b str>,
    rows: Option<&'b str>,
}

impl<'b> FileSource<'b> {
    /// Finds the files.
    ///
    /// # Errors
    /// A pattern that no file matches, or a file of no known format.
    pub fn open(pattern: &str, benchmark: &'b Benchmark) -> Result<Self, SourceError> {
        let private = private(pattern);
        let mut files = Vec::new();
        for (path, config) in find(pattern, &benchmark.configs)? {
            let format = Format::of(&path).ok_or_else(|| SourceError::UnknownFormat { path: path.clone() })?;
            let name = path.strip_prefix(private).unwrap_or(&path).to_string_lossy().into_owned();
            let shown = path.to_string_lossy().into();
            files.push(LocalFile { path, name, shown, format, config });
        }
        Ok(Self { files, config_field: benchmark.config_field.as_deref(), rows: benchmark.rows.as_deref() })
    }
}

/// The files of a pattern and their sizes, as meta records them; `None` where they cannot be found now.
pub(crate) fn sizes(pattern: &str, configs: &[String]) -> Option<Vec<(String, u64)>> {
    let private = private(pattern);
    let sized = |(path, _): (PathBuf, _)| {
        let name = path.strip_prefix(private).unwrap_or(&path).to_string_lossy().into_owned();
        Some((name, path.metadata().ok()?.len()))
    };
    find(pattern, configs).ok()?.into_iter().map(sized).collect()
}

/// The files of a pattern; `None` where they cannot be found now.
pub(crate) fn paths(pattern: &str, configs: &[String]) -> Option<Vec<PathBuf>> {
    Some(find(pattern, configs).ok()?.into_iter().map(|(path, _)| path).collect())
}

fn find<'b>(pattern: &str, configs: &'b [String]) -> Result<Vec<(PathBuf, Option<&'b str>)>, SourceError> {
    if configs.is_empty() {
        return Ok(matching(pattern)?.into_iter().map(|path| (path, None)).collect());
    }
    let mut files = Vec::new();
    for config in configs {
        let pattern = pattern.replace("{config}", &glob::Pattern::escape(config));
        files.extend(matching(&pattern)?.into_iter().map(|path| (path, Some(config.as_str()))));
    }
    Ok(files)
}

fn matching(pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    let absent = || SourceError::NoFile {
        pattern: pattern.to_owned(),
        folder: std::env::current_dir().unwrap_or_default().display().to_string(),
    };
    if Path::new(pattern).is_file() {
        // A name that merely looks like a pattern.
        return Ok(vec![PathBuf::from(pattern)]);
    }
    if Path::new(pattern).is_dir() {
        return Err(SourceError::Folder { path: PathBuf::from(pattern) });
    }
    let mut paths = Vec::new();
    for path in glob::glob(pattern).map_err(|_| absent())? {
        let path = path.map_err(|error| SourceError::Read { path: error.path().to_owned(), error: error.into() })?;
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() { Err(absent()) } else { Ok(paths) }
}

/// The pattern without the folders that only this machine has.
pub(super) fn portable(pattern: &str) -> &str {
    &pattern[private(pattern).len()..]
}

/// The folders of an absolute pattern before its first wildcard, with the last `/`; nothing of a relative one.
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

    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<SourceFile>, SourceError> {
        read_all(&self.files, self.config_field, self.rows, &mut |batch| sink(Rows::Read(batch)))
    }
}

/// Reads all rows of the files, one file after the other; of files that are one JSON object, those under the key `rows`.
pub(super) fn read_all(
    files: &[LocalFile<'_>],
    config_field: Option<&str>,
    rows: Option<&str>,
    sink: &mut dyn FnMut(RowBatch) -> ControlFlow<()>,
) -> Result<Vec<SourceFile>, SourceError> {
    let mut batcher = Batcher::new(sink);
    let mut read = Vec::new();
    for LocalFile { path, name, shown, format, config } in files {
        let outcome = format.found_in(path, rows).and_then(|format| {
            batcher.begin(shown, config_field.zip(*config), format.is_untyped())?;
            format.read_file(path, rows, &mut batcher)
        });
        match outcome {
            Ok((bytes, checksum)) => read.push(SourceFile { name: name.clone(), bytes, checksum }),
            Err(ReadError::Stopped) => return Ok(read),
            Err(ReadError::Io(error)) => return Err(SourceError::read(path, error)),
            Err(ReadError::Malformed { line, reason }) => {
                return Err(SourceError::Malformed { path: PathBuf::from(&**shown), line, reason });
            }
            Err(ReadError::OneObject { arrays }) => {
                let reason = where_rows_are(rows, arrays);
                return Err(SourceError::Malformed { path: PathBuf::from(&**shown), line: 0, reason });
            }
        }
    }
    // Whether anybody wants the last batch no longer matters.
    let _: Result<(), ReadError> = batcher.flush();
    Ok(read)
}

/// What to do with a file that is one object, in which no array of rows was found under the key.
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
