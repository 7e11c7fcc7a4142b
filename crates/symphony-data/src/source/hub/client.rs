//! Requests to the Hub: one at a time, tried again while that may help, stopped when the caller asks.
//!
//! Redirects are followed here rather than by the HTTP client, for two reasons: the token must go to the Hub only, and
//! the Hub's headers about a file are in the answer that redirects to its storage.

use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::{
    Client, Method, Response, Url,
    header::{AUTHORIZATION, HeaderValue, LINK, LOCATION, RANGE, RETRY_AFTER},
    redirect::Policy,
};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::runtime::{Builder, Runtime};

use super::{
    cache::Cache,
    environment::Environment,
    error::{Failure, HubError, fit_to_show, of_request},
};
use crate::progress::{Note, Progress};

/// How long all attempts at one thing may take, unless more of it arrives.
const PATIENCE: Duration = Duration::from_secs(120);
/// The first pause between attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How often to look whether the caller wants to stop.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// The Hub, unless HF_ENDPOINT names another.
const ENDPOINT: &str = "https://huggingface.co";
/// How many seconds may pass without a byte, unless HF_HUB_DOWNLOAD_TIMEOUT says another number.
const IDLE: u64 = 10;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The largest answer that is read as JSON, in bytes: a listing of some hundred thousand files.
const MAX_JSON: usize = 128 << 20;
/// How many redirects one request may go through.
const MAX_REDIRECTS: usize = 10;

/// The Hub, and the settings by which one benchmark uses it.
pub(super) struct Hub<'p> {
    client: Client,
    endpoint: Url,
    token: Option<String>,
    /// The folder of the cache.
    cache: PathBuf,
    /// The variable that forbids the network, if one does.
    pub offline: Option<&'static str>,
    runtime: Runtime,
    /// The benchmark's name, for notes.
    pub benchmark: &'p str,
    pub progress: &'p dyn Progress,
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
    /// Such as `refs/heads/main`.
    #[serde(rename = "ref")]
    pub full_name: String,
    pub target_commit: String,
}

/// A dataset that a search found.
#[derive(Deserialize)]
struct Dataset {
    id: String,
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
    /// A file in the cache, whose size does not matter.
    pub fn file(path: String) -> Self {
        Self { kind: "file".to_owned(), path, size: 0 }
    }
}

/// How far redirects are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    WithinTheHub,
    Anywhere,
}

/// Counts attempts, and says whether there is a next one.
pub(super) struct Patience {
    began: Instant,
    tries: u32,
}

impl Patience {
    pub fn new() -> Self {
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
                // Between half of it and all of it, so that clients that failed together do not come back together.
                let random = RandomState::new().hash_one(self.tries) as f64 / u64::MAX as f64;
                longest.mul_f64(0.5 + 0.5 * random)
            }
        };
        (self.began.elapsed() + pause < PATIENCE).then_some(pause)
    }
}

/// When this process last gave up on a Hub that did not answer, so that the next benchmark gives up sooner.
static SILENT: Mutex<Option<Instant>> = Mutex::new(None);
/// How long that counts.
const BELIEVED: Duration = Duration::from_secs(60);

fn is_silent() -> bool {
    SILENT.lock().is_ok_and(|since| since.is_some_and(|since| since.elapsed() < BELIEVED))
}

impl<'p> Hub<'p> {
    /// A client with the settings of the environment.
    pub fn new(benchmark: &'p str, progress: &'p dyn Progress) -> Result<Self, HubError> {
        let wrong = |why: String| HubError::Endpoint { why };
        let environment = Environment::of_process();
        let idle = match &environment.download_timeout {
            // Python's library takes 0 for the default too.
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
        let runtime = Builder::new_current_thread().enable_all().build();
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

    /// Whether there is a token to send.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The part of the cache that belongs to a repository.
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

    /// Datasets with a similar name; none if the Hub does not answer.
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
                // Only path and query are taken, so that the token stays on this Hub, whatever host the link names.
                Some(next) if more => {
                    url.set_path(next.path());
                    url.set_query(next.query());
                }
                _ => return Ok(listed),
            }
        }
    }

    /// Asks for JSON, and returns it with the link to its next page. `url` becomes the address after redirects.
    async fn json<T: DeserializeOwned>(&self, url: &mut Url) -> Result<(T, Option<Url>), Failure> {
        let mut response = self.send(Method::GET, url, None, Follow::WithinTheHub).await?;
        if !response.status().is_success() {
            return Err(self.status(response).await);
        }
        let next = response.headers().get(LINK).and_then(next_page).and_then(|link| url.join(&link).ok());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(of_request)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_JSON {
                return Err(Failure::Strange("it is too long".to_owned()));
            }
        }
        let value = serde_json::from_slice(&body);
        Ok((value.map_err(|_| Failure::Strange("it is not the expected JSON".to_owned()))?, next))
    }

    /// Sends a request and follows redirects; `url` becomes the last address. The token goes to the Hub only, and no
    /// longer once a redirect has left it.
    pub async fn send(
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
        Err(Failure::Strange("it redirects without end".to_owned()))
    }

    /// The failure that an answer without success stands for.
    pub async fn status(&self, mut response: Response) -> Failure {
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

    /// An address on the Hub; a part may hold `/`.
    pub fn url(&self, parts: &[&str]) -> Result<Url, Failure> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Strange("no address".to_owned()))?
            .pop_if_empty()
            .extend(parts.iter().flat_map(|part| part.split('/')));
        Ok(url)
    }

    /// The token as a header; `None` also if a header cannot hold it.
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

    /// Waits before the next attempt; returns the failure if there is none.
    pub fn pause(&self, patience: &mut Patience, failure: Failure) -> Result<(), (Failure, u32)> {
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

    pub fn sleep(&self, pause: Duration) -> Result<(), Failure> {
        self.forever(async move { tokio::time::sleep(pause).await })
    }

    /// Runs a short exchange, for at most half of the patience.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
        self.forever(async { tokio::time::timeout(PATIENCE / 2, future).await })?.map_err(|_| Failure::Timeout)
    }

    /// Runs a long exchange, until the caller wants to stop.
    pub fn forever<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
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
    // Given to this client, not set as the default of the process, which belongs to the program that uses this library.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_platform_verifier()?.with_no_client_auth())
}

/// Whether a listed path stays inside its repository when it is joined to a folder.
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
