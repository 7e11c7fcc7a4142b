//! Talking to the Hub: one request at a time, tried again while that may help, stopped when the caller asks.
//!
//! Redirects are followed here rather than by the HTTP client: the token goes to the Hub and nowhere else, and the
//! Hub's headers about a file are in the answer that redirects to its storage.

use std::{
    fs::File,
    future::Future,
    hash::{BuildHasher, RandomState},
    io::{Seek, Write},
    ops::Range,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::{
    Client, Method, Response, Url,
    header::{AUTHORIZATION, CONTENT_LENGTH, ETAG, HeaderValue, LINK, LOCATION, RANGE, RETRY_AFTER},
    redirect::Policy,
};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    cache::{self, Cache, Lock},
    environment::Environment,
    error::{Failure, HubError, fit_to_show, of_request},
};
use crate::progress::{Download, Note, Progress};

/// How long all attempts at one thing may take, unless more of it comes in.
const PATIENCE: Duration = Duration::from_secs(120);
/// The first pause between attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How often one looks whether the caller wants to stop.
const TICK: Duration = Duration::from_millis(100);
/// The Hub, unless another is named.
const ENDPOINT: &str = "https://huggingface.co";
/// How many seconds may pass without a byte, unless others are named.
const IDLE: u64 = 10;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How many bytes count as getting on.
const GETTING_ON: u64 = 1 << 20;
/// The largest listing that is read, in bytes: some hundred thousand files.
const MAX_LISTING: usize = 128 << 20;
/// How many redirects one request may lead through.
const MAX_REDIRECTS: usize = 10;

/// The Hub, as one benchmark's source sees it.
pub(super) struct Hub<'p> {
    client: Client,
    endpoint: Url,
    token: Option<String>,
    /// The folder of the cache.
    cache: PathBuf,
    /// The variable that says that only the cache may be used, if one does.
    pub offline: Option<&'static str>,
    runtime: tokio::runtime::Runtime,
    benchmark: &'p str,
    progress: &'p dyn Progress,
}

/// The branches, tags and conversions of a repository.
#[derive(Deserialize)]
pub(super) struct Refs {
    pub branches: Vec<Ref>,
    pub tags: Vec<Ref>,
    #[serde(default)]
    pub converts: Vec<Ref>,
}

/// A branch, tag or conversion, and the commit that it is at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ref {
    pub name: String,
    #[serde(rename = "ref")]
    pub full_name: String,
    pub target_commit: String,
}

/// A dataset that a search found.
#[derive(Deserialize)]
struct Dataset {
    id: String,
}

/// How far redirects are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follow {
    WithinTheHub,
    Anywhere,
}

/// A file in a listing.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Listed {
    #[serde(rename = "type")]
    kind: String,
    pub path: String,
    #[serde(default)]
    pub size: u64,
}

impl Listed {
    /// A file that is here.
    pub fn file(path: String) -> Self {
        Self { kind: "file".to_owned(), path, size: 0 }
    }
}

/// A file of a repository.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub repo: &'w str,
    pub commit: &'w str,
    pub path: &'w str,
}

/// What the Hub says of a file before it sends it.
struct Facts {
    etag: String,
    size: u64,
}

/// How much of a download is done.
#[derive(Default)]
pub(super) struct Done {
    pub files: usize,
    pub total_files: usize,
    pub bytes: u64,
    pub total_bytes: u64,
    /// How many files came over the network.
    pub fetched_files: usize,
    /// How many bytes did.
    pub fetched: u64,
}

impl Done {
    /// So many of the bytes need not be downloaded.
    fn is_here(&mut self, bytes: u64) {
        self.total_bytes = self.total_bytes.saturating_sub(bytes);
    }
}

/// How long attempts go on.
struct Patience {
    began: Instant,
    tries: u32,
}

impl Patience {
    fn new() -> Self {
        Self { began: Instant::now(), tries: 0 }
    }

    /// How long to wait after this failure; `None` to give up.
    fn after(&mut self, failure: &Failure) -> Option<Duration> {
        self.tries += 1;
        let most = match failure {
            // These rarely pass by themselves.
            Failure::Unreachable { .. } | Failure::Timeout if is_silent() => 1,
            Failure::Unreachable { .. } | Failure::Lie(_) | Failure::Strange(_) => 3,
            _ => 6,
        };
        if !failure.is_passing() || self.tries >= most {
            return None;
        }
        let pause = match failure {
            Failure::Status { retry_after: Some(asked), .. } => *asked,
            _ => {
                let longest = FIRST_PAUSE * 2_u32.pow(self.tries - 1);
                // Between half of it and all of it, so that many who failed together do not come back together.
                let random = RandomState::new().hash_one(self.tries) as f64 / u64::MAX as f64;
                longest.mul_f64(0.5 + 0.5 * random)
            }
        };
        (self.began.elapsed() + pause < PATIENCE).then_some(pause)
    }
}

/// When this process last gave up on a Hub that did not answer. The next benchmark need not find that out again.
static SILENT: Mutex<Option<Instant>> = Mutex::new(None);
/// How long that is believed.
const BELIEVED: Duration = Duration::from_secs(60);

fn is_silent() -> bool {
    SILENT.lock().is_ok_and(|since| since.is_some_and(|since| since.elapsed() < BELIEVED))
}

impl<'p> Hub<'p> {
    /// A client as the environment asks for it.
    pub fn new(benchmark: &'p str, progress: &'p dyn Progress) -> Result<Self, HubError> {
        let wrong = |why: String| HubError::Endpoint { why };
        let environment = Environment::of_process();
        let idle = match &environment.download_timeout {
            // 0 is no time at all, and stands for the default there too.
            Some(value) => match value.trim().parse() {
                Ok(0) => IDLE,
                Ok(seconds) => seconds,
                Err(_) => return Err(HubError::Timeout { value: value.clone() }),
            },
            None => IDLE,
        };
        let endpoint = Url::parse(environment.endpoint.as_deref().unwrap_or(ENDPOINT));
        let endpoint = endpoint.map_err(|error| wrong(error.to_string()))?;
        if endpoint.host_str().is_none() || !matches!(endpoint.scheme(), "http" | "https") {
            return Err(wrong("it names no host".to_owned()));
        }
        let no_network = |why: String| HubError::Network { error: std::io::Error::other(why) };
        let tls =
            tls().map_err(|error| no_network(format!("{error}; SSL_CERT_FILE names the certificates to trust")))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("symphony-data/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(Duration::from_secs(idle))
            .redirect(Policy::none())
            .build()
            .map_err(|error| no_network(error.without_url().to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self {
            client,
            endpoint,
            token: environment.token(),
            cache: environment.cache,
            offline: environment.offline,
            runtime: runtime.map_err(|error| HubError::Network { error })?,
            benchmark,
            progress,
        })
    }

    /// The Hub's name in messages.
    pub fn name(&self) -> String {
        self.endpoint.as_str().trim_end_matches('/').to_owned()
    }

    /// Whether a token is sent.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub fn cache(&self, repo: &str) -> Cache {
        Cache::new(&self.cache, repo)
    }

    pub fn note(&self, note: Note<'_>) {
        self.progress.note(note);
    }

    /// The branches, tags and conversions of a repository.
    pub fn refs(&self, repo: &str) -> Result<Refs, (Failure, u32)> {
        let ask = async || Ok(self.json(&mut self.url(&["api", "datasets", repo, "refs"])?).await?.0);
        self.patiently(|| self.wait(ask())?)
    }

    /// Datasets of about this name; none where the Hub does not say.
    pub fn search(&self, text: &str) -> Vec<String> {
        let ask = async || {
            let mut url = self.url(&["api", "datasets"])?;
            url.query_pairs_mut().append_pair("search", text).append_pair("limit", "20");
            Ok::<Vec<Dataset>, Failure>(self.json(&mut url).await?.0)
        };
        let found = self.wait(ask()).and_then(|found| found).unwrap_or_default();
        found.into_iter().map(|dataset| dataset.id).collect()
    }

    /// All files of a commit.
    pub fn tree(&self, repo: &str, commit: &str) -> Result<Vec<Listed>, (Failure, u32)> {
        self.patiently(|| self.wait(self.list(repo, commit))?)
    }

    async fn list(&self, repo: &str, commit: &str) -> Result<Vec<Listed>, Failure> {
        let mut url = self.url(&["api", "datasets", repo, "tree", commit])?;
        url.query_pairs_mut().append_pair("recursive", "true").append_pair("expand", "false");
        let mut listed = Vec::new();
        loop {
            let (page, next): (Vec<Listed>, _) = self.json(&mut url).await?;
            if page.iter().any(|entry| !is_plain_path(&entry.path)) {
                return Err(Failure::Strange("a listed path leads out of the repository".to_owned()));
            }
            let more = !page.is_empty();
            listed.extend(page.into_iter().filter(|entry| entry.kind == "file"));
            match next {
                // The next page is on this Hub too, whatever the answer says: the token goes nowhere else.
                Some(next) if more => {
                    url.set_path(next.path());
                    url.set_query(next.query());
                }
                _ => return Ok(listed),
            }
        }
    }

    /// Asks for JSON, and gives it with the address of its next page.
    async fn json<T: DeserializeOwned>(&self, url: &mut Url) -> Result<(T, Option<Url>), Failure> {
        let mut response = self.send(Method::GET, url, None, Follow::WithinTheHub).await?;
        if !response.status().is_success() {
            return Err(self.status(response).await);
        }
        let next = response.headers().get(LINK).and_then(next_page).and_then(|link| url.join(&link).ok());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(of_request)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_LISTING {
                return Err(Failure::Strange("a listing without end".to_owned()));
            }
        }
        let value = serde_json::from_slice(&body);
        Ok((value.map_err(|_| Failure::Strange("it is not the expected JSON".to_owned()))?, next))
    }

    /// A file of a commit, from the cache or else from the Hub into it.
    pub fn file(&self, wanted: Wanted<'_>, done: &mut Done) -> Result<PathBuf, (Failure, u32)> {
        let Wanted { repo, commit, path: file } = wanted;
        let cache = self.cache(repo);
        let path = cache.snapshot(commit, file);
        if path.exists() {
            let etag = cache.etag_of(commit, file).unwrap_or_default();
            match cache::check(&path, file, &etag, None) {
                Ok(()) => {
                    done.is_here(path.metadata().map_or(0, |meta| meta.len()));
                    return Ok(path);
                }
                Err(Failure::Lie(why)) if self.offline.is_none() => {
                    self.note(Note::Dropped { benchmark: self.benchmark, file, why: &why });
                    cache.drop_file(commit, file).map_err(|failure| (failure, 1))?;
                }
                Err(failure) => return Err((failure, 1)),
            }
        }
        if self.offline.is_some() {
            let absent = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err((Failure::Cache(path, absent), 1));
        }
        let before = (done.bytes, done.total_bytes, done.fetched_files);
        let mut patience = Patience::new();
        loop {
            let fetched = done.fetched;
            let failure = match self.attempt(wanted, &cache, done) {
                Ok(()) => return Ok(path),
                Err(failure) => failure,
            };
            if done.fetched - fetched >= GETTING_ON && !matches!(failure, Failure::Lie(_)) {
                patience = Patience::new();
            }
            (done.bytes, done.total_bytes, done.fetched_files) = before;
            self.pause(&mut patience, failure)?;
        }
    }

    /// One attempt at a file: what it should be, then its bytes, then whether they are it.
    fn attempt(&self, wanted: Wanted<'_>, cache: &Cache, done: &mut Done) -> Result<(), Failure> {
        let Wanted { commit, path: file, .. } = wanted;
        let Facts { etag, size } = self.wait(self.facts(wanted))??;
        // Held to the end.
        let _lock = self.lock(cache, &etag)?;
        let blob = cache.blob(&etag);
        if blob.exists() {
            match cache::check(&blob, file, &etag, Some(size)) {
                Ok(()) => {
                    done.is_here(size);
                    return cache.link(commit, file, &etag);
                }
                Err(Failure::Lie(_)) => cache::remove(&blob)?,
                Err(failure) => return Err(failure),
            }
        }
        let path = cache.incomplete(&etag)?;
        let failed = |error| Failure::Cache(path.clone(), error);
        let mut out = File::options().create(true).append(true).open(&path).map_err(failed)?;
        let mut have = out.metadata().map_err(failed)?.len();
        if have > size {
            out.set_len(0).and_then(|()| out.rewind()).map_err(failed)?;
            have = 0;
        }
        done.is_here(have);
        done.fetched_files += 1;
        if have < size {
            self.forever(self.stream(wanted, have..size, &path, &mut out, done))??;
        }
        drop(out);
        if let Err(failure) = cache::check(&path, file, &etag, Some(size)) {
            if let Failure::Lie(_) = failure {
                cache::remove(&path)?;
            }
            return Err(failure);
        }
        cache.adopt(&path, &etag)?;
        cache.link(commit, file, &etag)
    }

    /// Waits for whoever downloads the same file; `None` where the file system has no locks.
    fn lock(&self, cache: &Cache, etag: &str) -> Result<Option<File>, Failure> {
        let mut told = false;
        loop {
            match cache.try_lock(etag)? {
                Lock::Held(lock) => return Ok(Some(lock)),
                Lock::Absent(error) => {
                    self.note(Note::Unlocked { folder: cache.folder(), why: &error.to_string() });
                    return Ok(None);
                }
                Lock::Taken => {}
            }
            if !told {
                self.note(Note::Waiting(cache.folder()));
                told = true;
            }
            self.sleep(TICK)?;
        }
    }

    /// Asks for a file's ETag and size. The Hub's answer counts, not that of the storage which it redirects to.
    async fn facts(&self, wanted: Wanted<'_>) -> Result<Facts, Failure> {
        let mut url = self.url(&["datasets", wanted.repo, "resolve", wanted.commit, wanted.path])?;
        let response = self.send(Method::HEAD, &mut url, None, Follow::WithinTheHub).await?;
        if !response.status().is_success() && !response.status().is_redirection() {
            return Err(self.status(response).await);
        }
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = header("x-linked-etag").or_else(|| header(ETAG.as_str())).unwrap_or_default();
        let etag = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned();
        if !cache::is_safe_etag(&etag) {
            return Err(Failure::Strange("it names no ETag".to_owned()));
        }
        let length = || header(CONTENT_LENGTH.as_str()).filter(|_| response.status().is_success());
        let size = header("x-linked-size").or_else(length).and_then(|size| size.parse().ok());
        match size {
            Some(size) => Ok(Facts { etag, size }),
            // What has no end could fill the disk.
            None => Err(Failure::Strange("it does not say how large the file is".to_owned())),
        }
    }

    /// Appends a file, or a part of it, to what was gathered.
    async fn stream(
        &self,
        wanted: Wanted<'_>,
        part: Range<u64>,
        path: &Path,
        out: &mut File,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let mut url = self.url(&["datasets", wanted.repo, "resolve", wanted.commit, wanted.path])?;
        let range = (part.start > 0).then(|| format!("bytes={}-{}", part.start, part.end - 1));
        let mut response = self.send(Method::GET, &mut url, range, Follow::Anywhere).await?;
        if !response.status().is_success() {
            return Err(self.status(response).await);
        }
        let mut came = 0;
        while let Some(chunk) = response.chunk().await.map_err(of_request)? {
            out.write_all(&chunk).map_err(|error| Failure::Cache(path.to_owned(), error))?;
            came += chunk.len() as u64;
            done.bytes += chunk.len() as u64;
            done.fetched += chunk.len() as u64;
            self.show(done);
            if came > part.end - part.start {
                // A server that answered a part with the whole, too: what was gathered is no beginning of the file.
                return cache::remove(path).and(Err(Failure::Lie("more came than it has".to_owned())));
            }
        }
        Ok(())
    }

    /// Shows how far a download is.
    pub fn show(&self, done: &Done) {
        self.progress.download(
            self.benchmark,
            Download {
                files: done.files,
                total_files: done.total_files,
                bytes: done.bytes,
                total_bytes: done.total_bytes.max(done.bytes),
            },
        );
    }

    /// Sends a request and follows redirects; `url` is where it ends. The token goes to the Hub alone, and not to it
    /// either once another host has led there.
    async fn send(
        &self,
        method: Method,
        url: &mut Url,
        range: Option<String>,
        follow: Follow,
    ) -> Result<Response, Failure> {
        let is_on_the_hub = |url: &Url| url.origin() == self.endpoint.origin();
        let mut trusted = true;
        for _ in 0..=MAX_REDIRECTS {
            trusted &= is_on_the_hub(url);
            let mut request = self.client.request(method.clone(), url.clone());
            if let Some(bearer) = self.bearer().filter(|_| trusted) {
                request = request.header(AUTHORIZATION, bearer);
            }
            if let Some(range) = &range {
                request = request.header(RANGE, range);
            }
            let response = request.send().await.map_err(of_request)?;
            let to = response.headers().get(LOCATION).and_then(|to| url.join(to.to_str().ok()?).ok());
            match to.filter(|to| follow == Follow::Anywhere || is_on_the_hub(to)) {
                Some(to) if response.status().is_redirection() => *url = to,
                _ => return Ok(response),
            }
        }
        Err(Failure::Strange("redirects without end".to_owned()))
    }

    /// What an answer that is no success says.
    async fn status(&self, mut response: Response) -> Failure {
        let code = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let retry_after = header(RETRY_AFTER.as_str()).and_then(|seconds| seconds.trim().parse().ok());
        let mut said = header("x-error-message").unwrap_or_default();
        if said.is_empty()
            && let Ok(Some(body)) = response.chunk().await
        {
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            body["error"].as_str().unwrap_or_default().clone_into(&mut said);
        }
        Failure::Status {
            code,
            said: fit_to_show(&said, self.token.as_deref()),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn url(&self, parts: &[&str]) -> Result<Url, Failure> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Strange("no address".to_owned()))?
            .pop_if_empty()
            .extend(parts.iter().flat_map(|part| part.split('/')));
        Ok(url)
    }

    /// The token as a header; `None` too where it is not one that a header can hold.
    fn bearer(&self) -> Option<HeaderValue> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.as_ref()?)).ok()?;
        bearer.set_sensitive(true);
        Some(bearer)
    }

    fn patiently<T>(&self, mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, (Failure, u32)> {
        let mut patience = Patience::new();
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(failure) => self.pause(&mut patience, failure)?,
            }
        }
    }

    /// Waits before the next attempt, or says that there is none.
    fn pause(&self, patience: &mut Patience, failure: Failure) -> Result<(), (Failure, u32)> {
        match patience.after(&failure) {
            None => {
                if let (Failure::Unreachable { .. } | Failure::Timeout, Ok(mut silent)) = (&failure, SILENT.lock()) {
                    *silent = Some(Instant::now());
                }
                Err((failure, patience.tries))
            }
            Some(pause) => {
                let why = failure.to_string();
                self.note(Note::Retrying { benchmark: self.benchmark, why: &why, pause });
                self.sleep(pause).map_err(|failure| (failure, patience.tries))
            }
        }
    }

    fn sleep(&self, pause: Duration) -> Result<(), Failure> {
        self.forever(async move { tokio::time::sleep(pause).await })
    }

    /// Runs what answers within the patience that there is, or not at all.
    fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
        self.forever(async { tokio::time::timeout(PATIENCE / 2, future).await })?.map_err(|_| Failure::Timeout)
    }

    /// Runs what may take long, while the caller does not want to stop.
    fn forever<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
        self.runtime.block_on(async {
            let mut future = pin!(future);
            loop {
                match tokio::time::timeout(TICK, &mut future).await {
                    Ok(value) => return Ok(value),
                    Err(_) if self.progress.cancelled() => return Err(Failure::Cancelled),
                    Err(_) => {}
                }
            }
        })
    }
}

/// TLS with the certificates that this machine trusts, or those that SSL_CERT_FILE names.
fn tls() -> Result<ClientConfig, rustls::Error> {
    // Named here rather than as the process's default, which belongs to the program that uses this library.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_platform_verifier()?.with_no_client_auth())
}

/// Whether a listed path stays within its repository, whatever joins it to a folder.
fn is_plain_path(path: &str) -> bool {
    !path.contains('\\')
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !path.split('/').next().is_some_and(|first| first.ends_with(':'))
}

/// The address of the next page in a `Link` header.
fn next_page(header: &HeaderValue) -> Option<String> {
    let link = header.to_str().ok()?.split(',').find(|link| link.contains("rel=\"next\""))?;
    Some(link.split_once('<')?.1.split_once('>')?.0.to_owned())
}
