//! Storage that URLs name, such as `s3://`: its files are listed, read in stretches, and written whole. Nothing can be locked,
//! appended to or renamed there.

use std::{fmt, io, ops::Range, path::Path, time::UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A connection to storage that URLs name, which the caller of the library makes. Only user and password of a URL have `%`
/// escapes; the rest is plain text. Options of the connection follow a `?`.
pub trait Storage: fmt::Debug + Send + Sync {
    /// The names of the files in a folder, relative to it, each with its stamp; with `below`, of those in its folders too.
    /// Nothing if there is no such folder.
    ///
    /// # Errors
    /// The storage cannot be reached.
    fn list(&self, folder: &str, below: bool) -> io::Result<Vec<(String, Stamp)>>;

    /// The stamp of a file.
    ///
    /// # Errors
    /// There is no such file ([`io::ErrorKind::NotFound`]), or the storage cannot be reached.
    fn stamp(&self, url: &str) -> io::Result<Stamp>;

    /// Some bytes of a file, fewer at its end.
    ///
    /// # Errors
    /// The file cannot be read.
    fn read(&self, url: &str, bytes: Range<u64>) -> io::Result<Vec<u8>>;

    /// Writes a copy of a local file, which is there once it is whole.
    ///
    /// # Errors
    /// The file cannot be written.
    fn put(&self, file: &Path, url: &str) -> io::Result<()>;

    /// Removes a folder with all files below it, if there are any.
    ///
    /// # Errors
    /// The storage does not allow it.
    fn remove(&self, folder: &str) -> io::Result<()>;
}

/// The size of a file, and when it was last written: whether it is the same file still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its size.
    pub bytes: u64,
    /// When it was last written, in nanoseconds since 1970. Where a server tells no time, it is another number that changes with
    /// the file, or 0 if there is none.
    pub modified: u64,
}

impl Stamp {
    /// That of a local file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = path.metadata()?;
        let modified = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        // Enough until the year 2554.
        Ok(Self { bytes: found.len(), modified: modified as u64 })
    }
}

/// Whether this is a URL: a scheme, such as `s3`, and `://`.
pub fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    })
}

/// The URL without its options, and these with their `?`.
pub fn without_options(url: &str) -> (&str, &str) {
    url.split_at(url.find('?').unwrap_or(url.len()))
}

/// The URL of what has this name in a folder.
pub fn within(folder: &str, name: &str) -> String {
    let (folder, options) = without_options(folder);
    format!("{}/{name}{options}", folder.trim_end_matches('/'))
}

/// The URL without its options, and without a user and a password, for messages and for what others read.
pub fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return without_options(url).0.to_owned() };
    let from = end_of_user(rest).unwrap_or_else(|end| end);
    let user = rest[..from].trim_end_matches('@').split(':').next().unwrap_or_default();
    // On Azure, a container stands where others have a user.
    let container = if scheme.starts_with("abfs") && !user.is_empty() { format!("{user}@") } else { String::new() };
    format!("{scheme}://{container}{}", without_options(&rest[from..]).0)
}

/// Whether user and password of a URL are written so that they can be told from the rest.
pub fn is_clear(url: &str) -> bool {
    url.split_once("://").is_none_or(|(_, rest)| end_of_user(rest).is_ok())
}

/// Where the host begins, behind user and password; `Err` if these have a `/` or a `?` that is no `%2F` or `%3F`.
fn end_of_user(rest: &str) -> Result<usize, usize> {
    let host = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    if let Some(at) = host.rfind('@') {
        return Ok(at + 1);
    }
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match (host.rsplit_once(':'), rest.rfind('@')) {
        (Some((_, behind)), Some(at)) if !is_port(behind) => Err(at + 1),
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_password_and_options_are_not_shown() {
        for (url, said) in [
            ("s3://bucket/a b/x%y.jsonl", "s3://bucket/a b/x%y.jsonl"),
            ("s3://key:sec%2Fret@bucket/x?region=eu", "s3://bucket/x"),
            ("s3://key@bucket", "s3://bucket"),
            ("abfss://rows@account.dfs.core.windows.net/x", "abfss://rows@account.dfs.core.windows.net/x"),
            ("abfs://rows:key@account/x?sas=1", "abfs://rows@account/x"),
            ("abfs://:key@account/rows/x", "abfs://account/rows/x"),
            ("s3://bucket/a@b:c/x", "s3://bucket/a@b:c/x"),
            ("http://host:9000/a@b/x?token=1", "http://host:9000/a@b/x"),
            // Not written as it should be.
            ("s3://key:sec/ret@bucket/x", "s3://bucket/x"),
            ("s3://key:sec?ret@bucket/x", "s3://bucket/x"),
            ("s3://key:/@bucket/x", "s3://bucket/x"),
        ] {
            assert_eq!(shown(url), said);
        }
        assert!(is_clear("s3://key:sec%2Fret@bucket/x?a=b@c") && is_clear("http://host:9000/a@b"));
        assert!(!is_clear("s3://key:sec/ret@bucket/x") && !is_clear("s3://key:sec?ret@bucket/x"));
    }

    #[test]
    fn what_begins_with_a_scheme_is_a_url() {
        assert!(["s3://b", "gs://b/x", "hdfs+x.1-2://h"].into_iter().all(is_url));
        assert!(
            ["", "://x", "3s://b", "a b://c", "/tmp/s3://b", "s3:/b", "C:\\x"].into_iter().all(|text| !is_url(text))
        );
        assert_eq!(within("s3://b/x/?o=1", "n"), "s3://b/x/n?o=1");
        assert_eq!(within("s3://b", "n"), "s3://b/n");
    }
}
