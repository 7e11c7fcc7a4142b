//! The errors of getting the rows of a `datasets:` path, each with the way out.

use std::{fmt, path::PathBuf, time::Duration};

use super::environment::Environment;
use crate::hint::Hint;

/// How many names an error lists.
const LISTED: usize = 8;
/// How many characters of a server's message are shown.
const SAID: usize = 200;

/// Why the rows of a `datasets:` path cannot be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // The message shows what each field means.
pub enum HubError {
    /// `HF_ENDPOINT` is not an address.
    #[error("HF_ENDPOINT is not a valid address ({why}); write it like https://huggingface.co, or unset it")]
    Endpoint { why: String },
    /// `HF_HUB_DOWNLOAD_TIMEOUT` is not a time.
    #[error("HF_HUB_DOWNLOAD_TIMEOUT is {value:?}; write whole seconds from 1, such as 30, or unset it")]
    Timeout { value: String },
    /// The repository does not exist, or is hidden.
    #[error(
        "{hub} has no dataset {repo}, or it is private{}; {}",
        if *.token { " and your token cannot read it" } else { "" },
        one_of("similar names", .known, if *.token { "check its name" } else { "check its name, or set HF_TOKEN to a token that can read it" })
    )]
    NoRepo { hub: String, repo: String, known: Vec<String>, token: bool },
    /// The repository is gated or private.
    #[error(
        "{repo} is gated or private{}; ask for access at {hub}/datasets/{repo}, {}",
        if .said.is_empty() { String::new() } else { format!(" ({said})") },
        if *.token { "with the account whose token is set now" } else { "then set HF_TOKEN to a token of that account (Settings, Access Tokens), or log in with `hf auth login`" }
    )]
    Closed { hub: String, repo: String, said: String, token: bool },
    /// The branch, tag or commit does not exist.
    #[error("{repo} has no revision {revision}; {}", revisions(.revision, .known))]
    NoRevision { repo: String, revision: String, known: Vec<String> },
    /// There are several configs, and the path names none of them.
    #[error("{repo} has several configs, and `path` names none; write datasets:{repo}/CONFIG, with one of: {}", listed(.known))]
    WhichConfig { repo: String, known: Vec<String> },
    /// The config does not exist.
    #[error("{repo} has no config {config}; {}", one_of("choose one of", .known, "leave it out of `path`"))]
    NoConfig { repo: String, config: String, known: Vec<String> },
    /// The split does not exist.
    #[error("{repo} has no split {split}{}; {}", of_config(.config.as_deref()), one_of("choose one of", .known, "set `split`"))]
    NoSplit { repo: String, config: Option<String>, split: String, known: Vec<String> },
    /// Neither a full conversion nor data files hold the split.
    #[error(
        "{repo} has no files for split {split}{}; looked for {looked_for}; download the rows yourself and set `path: file:…`",
        of_config(.config.as_deref())
    )]
    NoFiles { repo: String, config: Option<String>, split: String, looked_for: String },
    /// A listed file is missing.
    #[error(
        "{repo}: {file} is listed in commit {commit} but cannot be downloaded ({why}); nothing was written; try again later, or pin another `revision`"
    )]
    Gone { repo: String, file: String, commit: String, why: String },
    /// No connection can be made.
    #[error("cannot reach {host} ({why}); {}", way_to(.why))]
    Unreachable { host: String, why: String },
    /// The answer is an error, or is wrong.
    #[error("{repo}: {what}: {why}{}", if *.tries > 1 { format!("; tried {tries} times; try again later") } else { String::new() })]
    Answer { repo: String, what: String, why: String, tries: u32 },
    /// Only the cache may be used, and a file is not in it.
    #[error(
        "{by} is set, and {file} of {repo} is not in the cache ({}); {}run once without {by}, or copy the cache from a machine that has it",
        .folder.display(),
        .instead.as_ref().map(|commit| format!("all of commit {commit} is there: pin it with `revision: {commit}`, or ")).unwrap_or_default()
    )]
    Offline { by: &'static str, repo: String, file: String, folder: PathBuf, instead: Option<String> },
    /// A cached file was changed or damaged, and may not be downloaded again.
    #[error("{by} is set, and {} was changed or damaged ({why}); run once without {by}", .path.display())]
    Damaged { by: &'static str, path: PathBuf, why: String },
    /// Only the recorded commit may be used, and the Hub now has another one.
    #[error(
        "only the recorded source may be used, and the store was made from commit {locked}, but {repo} is now at {now} ({branch}); pin the recorded commit with `revision: {locked}`"
    )]
    Moved { repo: String, locked: String, now: String, branch: String },
    /// The cache cannot be read or written.
    #[error("{}: {error}{}", .path.display(), way_to_the_cache(.error))]
    Cache {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    /// This machine cannot use a network.
    #[error("cannot use the network: {error}")]
    Network {
        #[source]
        error: std::io::Error,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Cancelled,
}

impl HubError {
    /// Ways out that only the caller can put into words.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Moved { .. } | Self::NoRevision { .. } => vec![Hint::Renew],
            Self::Unreachable { .. } | Self::Network { .. } | Self::Offline { .. } => vec![Hint::Demo],
            _ => Vec::new(),
        }
    }
}

/// How to reach a host that could not be reached.
fn way_to(why: &str) -> &'static str {
    if why.contains("certificate") {
        "if a company's proxy signs with its own certificate, set SSL_CERT_FILE to that certificate"
    } else if Environment::of_process().has_proxy {
        "a proxy is set (HTTPS_PROXY, ALL_PROXY or HTTP_PROXY) and may be the cause; list hosts that need none in \
         NO_PROXY; if the files are in the cache, set HF_HUB_OFFLINE=1"
    } else {
        "is this machine online? Set HTTPS_PROXY behind a proxy, SSL_CERT_FILE for a company's certificate, HF_ENDPOINT \
         for a mirror; if the files are in the cache, set HF_HUB_OFFLINE=1"
    }
}

/// How to make a cache usable.
fn way_to_the_cache(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; check the permissions of the cache, or choose another folder (HF_HOME, HF_HUB_CACHE)"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space, or put the cache on another disk (HF_HOME, HF_HUB_CACHE)"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "; the cache (HF_HOME, HF_HUB_CACHE) needs a folder there: move this file away"
        }
        _ => "; check the cache (HF_HOME, HF_HUB_CACHE)",
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A list of names under this title, or if there are none, this other advice.
fn one_of(title: &str, known: &[String], otherwise: &str) -> String {
    if known.is_empty() { otherwise.to_owned() } else { format!("{title}: {}", listed(known)) }
}

fn revisions(revision: &str, known: &[String]) -> String {
    let commit = (7..=40).contains(&revision.len()) && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit && revision.len() == 40 {
        "the Hub no longer has this commit, or has it in lower case".to_owned()
    } else {
        let commit = if commit { "write all 40 digits of a commit; " } else { "" };
        commit.to_owned() + &one_of("choose one of", known, "write a commit, 40 hex digits")
    }
}

fn of_config(config: Option<&str>) -> String {
    config.map(|config| format!(" of config {config}")).unwrap_or_default()
}

/// The names sorted by how similar they are to `word`, most similar first.
pub(super) fn closest(word: &str, known: impl IntoIterator<Item = String>) -> Vec<String> {
    let word = word.to_lowercase();
    let mut known: Vec<(usize, String)> =
        known.into_iter().map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name)).collect();
    known.sort();
    known.dedup();
    known.into_iter().map(|(_, name)| name).collect()
}

/// Why one attempt at something failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The caller asked to stop.
    Cancelled,
    /// No connection to this host and port.
    Unreachable { host: String, why: String },
    /// No answer, or no more of it, for too long.
    Timeout,
    /// The connection was lost.
    Broken(String),
    /// An answer with an error status.
    Status { code: u16, said: String, retry_after: Option<Duration> },
    /// An answer that a Hub would not give.
    Strange(String),
    /// A file that does not fit its ETag, size or name.
    Lie(String),
    /// The cache.
    Cache(PathBuf, std::io::Error),
}

impl Failure {
    /// Whether another attempt may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout | Self::Broken(_) | Self::Strange(_) | Self::Lie(_) => true,
            Self::Status { code, .. } => matches!(code, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Cancelled | Self::Cache(..) => false,
        }
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// As the error that ends the run.
    pub fn into_error(self, repo: &str, what: &str, tries: u32) -> HubError {
        match self {
            Self::Cancelled => HubError::Cancelled,
            Self::Unreachable { host, why } => HubError::Unreachable { host, why },
            Self::Cache(path, error) => HubError::Cache { path, error },
            other => HubError::Answer { repo: repo.to_owned(), what: what.to_owned(), why: other.to_string(), tries },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("stopped"),
            Self::Unreachable { host, why } => write!(f, "cannot reach {host} ({why})"),
            Self::Timeout => f.write_str("no answer in time (set HF_HUB_DOWNLOAD_TIMEOUT to wait for more seconds)"),
            Self::Broken(why) => write!(f, "the connection was lost ({why})"),
            Self::Status { code, said, retry_after } => {
                write!(f, "the server answered {code}")?;
                if *code == 429 {
                    f.write_str(", too many requests")?;
                }
                if let Some(wait) = retry_after {
                    write!(f, ", asking to wait {} s", wait.as_secs())?;
                }
                if said.is_empty() { Ok(()) } else { write!(f, " ({said})") }
            }
            Self::Strange(why) => {
                write!(
                    f,
                    "the answer is not from a Hub ({why}); does the network ask you to log in, or is HF_ENDPOINT an incomplete mirror?"
                )
            }
            Self::Lie(why) => write!(f, "the download is not the expected file ({why})"),
            Self::Cache(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

/// A server's message as it can be shown: short, one line, without control characters and without the token.
pub(super) fn fit_to_show(said: &str, token: Option<&str>) -> String {
    let hidden = match token {
        Some(token) if !token.is_empty() => said.replace(token, "***"),
        _ => said.to_owned(),
    };
    let line: String = hidden.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID).collect();
    line.trim().to_owned()
}

/// The failure that an error of the HTTP client stands for.
pub(super) fn of_request(error: reqwest::Error) -> Failure {
    let host = error.url().and_then(host_and_port).unwrap_or_default();
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let why = cause.to_string();
    if error.is_timeout() && !error.is_connect() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::Unreachable { host, why }
    } else {
        Failure::Broken(why)
    }
}

/// Host and port of an address. The rest is left out, as it may hold secrets.
pub(super) fn host_and_port(url: &reqwest::Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}
