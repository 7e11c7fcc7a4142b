//! What can go wrong between a `datasets:` path and the files on this machine, and what to do about it.

use std::{fmt, path::PathBuf, time::Duration};

use super::environment::Environment;
use crate::hint::Hint;

/// How many names an error lists.
const LISTED: usize = 8;
/// How much of what a server says is repeated, in characters.
const SAID: usize = 200;

/// Why the rows of a `datasets:` path could not be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The environment names no Hub.
    #[error("HF_ENDPOINT is no address of a Hub ({why}); write it like https://huggingface.co, or unset it")]
    Endpoint {
        /// What is wrong with it.
        why: String,
    },
    /// The environment says no time.
    #[error("HF_HUB_DOWNLOAD_TIMEOUT is {value:?}; write whole seconds from 1, as in 30, or unset it")]
    Timeout {
        /// What it says.
        value: String,
    },
    /// No such repository, or none that may be seen.
    #[error(
        "{hub} has no dataset {repo}, or it is private{}; {}",
        if *.token { " and your token does not open it" } else { "" },
        or_closest(.known, if *.token { "check its name" } else { "check its name, or set HF_TOKEN to a token that may read it" })
    )]
    NoRepo {
        /// The Hub.
        hub: String,
        /// The repository.
        repo: String,
        /// Datasets of similar name, closest first.
        known: Vec<String>,
        /// Whether a token was sent.
        token: bool,
    },
    /// A gated or private repository.
    #[error(
        "{repo} is gated or private{}; ask for access at {hub}/datasets/{repo}, {}",
        if .said.is_empty() { String::new() } else { format!(" ({said})") },
        if *.token { "with the account whose token is set now" } else { "then set HF_TOKEN to a token of that account (Settings, Access Tokens), or log in with `hf auth login`" }
    )]
    Closed {
        /// The Hub.
        hub: String,
        /// The repository.
        repo: String,
        /// What the Hub said.
        said: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// No such branch, tag or commit.
    #[error("{repo} has no revision {revision}; {}", revisions(.revision, .known))]
    NoRevision {
        /// The repository.
        repo: String,
        /// What `revision` says.
        revision: String,
        /// Its branches and tags, closest first.
        known: Vec<String>,
    },
    /// Several configs and none named.
    #[error("{repo} has several configs, and `path` names none; write datasets:{repo}/CONFIG, with one of: {}", listed(.known))]
    WhichConfig {
        /// The repository.
        repo: String,
        /// Its configs.
        known: Vec<String>,
    },
    /// No such config.
    #[error("{repo} has no config {config}; {}", or_closest(.known, "leave it out of `path`"))]
    NoConfig {
        /// The repository.
        repo: String,
        /// The config.
        config: String,
        /// Its configs, closest first.
        known: Vec<String>,
    },
    /// No such split.
    #[error("{repo} has no split {split}{}; {}", of_config(.config.as_deref()), or_closest(.known, "set `split`"))]
    NoSplit {
        /// The repository.
        repo: String,
        /// The config, if one is meant.
        config: Option<String>,
        /// The split.
        split: String,
        /// Its splits, closest first.
        known: Vec<String>,
    },
    /// Neither a full conversion nor data files.
    #[error(
        "{repo} has no files that the split {split}{} could be read from; looked for {looked_for}; download them yourself and give the benchmark `path: file:…`",
        of_config(.config.as_deref())
    )]
    NoFiles {
        /// The repository.
        repo: String,
        /// The config, if one is meant.
        config: Option<String>,
        /// The split.
        split: String,
        /// What was looked for, and where.
        looked_for: String,
    },
    /// A listed file is not there.
    #[error(
        "{repo}: {file} is listed in commit {commit} but cannot be had ({why}); nothing was written: try again later, or pin another `revision`"
    )]
    Gone {
        /// The repository.
        repo: String,
        /// The file.
        file: String,
        /// The commit.
        commit: String,
        /// What the Hub answered.
        why: String,
    },
    /// Nobody answers.
    #[error("cannot reach {host} ({why}); {}", way_to(.why))]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why.
        why: String,
    },
    /// It answers, but not with what was asked.
    #[error("{repo}: {what}: {why}{}", if *.tries > 1 { format!("; tried {tries} times; try again later") } else { String::new() })]
    Answer {
        /// The repository.
        repo: String,
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        why: String,
        /// How often it was asked.
        tries: u32,
    },
    /// Only the cache may be used, and it lacks something.
    #[error(
        "{by} is set, and {file} of {repo} is not in the cache ({}); {}run once without {by}, or copy the cache of a machine that has it",
        .folder.display(),
        .instead.as_ref().map(|commit| format!("commit {commit} is there as a whole: pin it with `revision: {commit}`, or ")).unwrap_or_default()
    )]
    Offline {
        /// The variable that says so.
        by: &'static str,
        /// The repository.
        repo: String,
        /// The file, or what stands for it.
        file: String,
        /// Where it would lie.
        folder: PathBuf,
        /// A commit that is there as a whole.
        instead: Option<String>,
    },
    /// A cached file is not what it was, and may not be downloaded anew.
    #[error("{by} is set, and {} was changed or damaged ({why}); run once without {by}", .path.display())]
    Damaged {
        /// The variable that says so.
        by: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Only the recorded commit may be used, and the Hub serves another one.
    #[error(
        "only the recorded source may be used, and the store was made from commit {locked} where {repo} is now at {now} ({branch}); pin the first with `revision: {locked}`"
    )]
    Moved {
        /// The repository.
        repo: String,
        /// The commit that the store was made from.
        locked: String,
        /// The commit that serves now.
        now: String,
        /// The branch that it is of.
        branch: String,
    },
    /// The cache cannot be written or read.
    #[error("{}: {error}{}", .path.display(), way_to_the_cache(.error))]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// This machine cannot talk to networks.
    #[error("cannot use the network: {error}")]
    Network {
        /// Why.
        error: std::io::Error,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Cancelled,
}

impl HubError {
    /// The ways out that are not in the message.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Moved { .. } | Self::NoRevision { .. } => vec![Hint::Renew],
            Self::Unreachable { .. } | Self::Network { .. } | Self::Offline { .. } => vec![Hint::Demo],
            _ => Vec::new(),
        }
    }
}

fn way_to(why: &str) -> &'static str {
    if why.contains("certificate") {
        "where a company's proxy signs with a certificate of its own, set SSL_CERT_FILE to that certificate"
    } else if Environment::of_process().has_proxy {
        "a proxy is set (HTTPS_PROXY, ALL_PROXY or HTTP_PROXY), and may be what does not answer; NO_PROXY names hosts that \
         need none; with the files in the cache set HF_HUB_OFFLINE=1"
    } else {
        "is this machine online? Behind a proxy set HTTPS_PROXY, for a company's certificate SSL_CERT_FILE, for a mirror \
         HF_ENDPOINT; with the files in the cache set HF_HUB_OFFLINE=1"
    }
}

/// What to do about a cache that cannot be used.
fn way_to_the_cache(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; check the permissions of the cache, or name another one (HF_HOME, HF_HUB_CACHE)"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space, or name a cache that has room (HF_HOME, HF_HUB_CACHE)"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "; something stands where the cache (HF_HOME, HF_HUB_CACHE) needs a folder: move it"
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

fn or_closest(known: &[String], otherwise: &str) -> String {
    if known.is_empty() { otherwise.to_owned() } else { format!("there are: {}", listed(known)) }
}

fn revisions(revision: &str, known: &[String]) -> String {
    let commit = (7..=40).contains(&revision.len()) && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit && revision.len() == 40 {
        "the Hub has this commit no longer, or in lower case".to_owned()
    } else {
        let commit = if commit { "write all 40 digits of a commit; " } else { "" };
        commit.to_owned() + &or_closest(known, "write a commit, 40 hex digits")
    }
}

fn of_config(config: Option<&str>) -> String {
    config.map(|config| format!(" of config {config}")).unwrap_or_default()
}

/// The names by how close they are to `word`, closest first.
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
    /// No answer, or no more of it, in this time.
    Timeout,
    /// The connection broke off.
    Broken(String),
    /// An answer with this status.
    Status { code: u16, said: String, retry_after: Option<Duration> },
    /// An answer that no Hub gives.
    Strange(String),
    /// A file that is not what its ETag, size or name promise.
    Lie(String),
    /// The cache.
    Cache(PathBuf, std::io::Error),
}

impl Failure {
    /// Whether another attempt may go better.
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
            Self::Timeout => f.write_str("no answer in time (HF_HUB_DOWNLOAD_TIMEOUT gives it more seconds)"),
            Self::Broken(why) => write!(f, "the connection broke off ({why})"),
            Self::Status { code, said, retry_after } => {
                write!(f, "answered {code}")?;
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
                    "the answer is not a Hub's ({why}); does the network ask you to log in, or is HF_ENDPOINT no full mirror?"
                )
            }
            Self::Lie(why) => write!(f, "what came is not the file ({why})"),
            Self::Cache(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

/// What a server said, fit to be shown: short, one line, without control characters and without the token.
pub(super) fn fit_to_show(said: &str, token: Option<&str>) -> String {
    let hidden = match token {
        Some(token) if !token.is_empty() => said.replace(token, "***"),
        _ => said.to_owned(),
    };
    let line: String = hidden.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID).collect();
    line.trim().to_owned()
}

/// What a request's failure means.
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

/// Host and port of an address, and nothing else of it: the rest may hold secrets.
pub(super) fn host_and_port(url: &reqwest::Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}
