//! A stand-in for the Hugging Face Hub: a real HTTP server on this machine with the parts of the Hub's interface that
//! downloads need, a second one as its storage on another host, and faults on request.

#![allow(dead_code)] // Each test binary uses its own part.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// The branch of the Hub's own Parquet conversion.
pub const CONVERSION: &str = "refs/convert/parquet";

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status, with these headers and this body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// These many bytes of the body, and then the connection is reset.
    Reset(usize),
    /// These many bytes of the body, and then the connection is closed in good order.
    Short(usize),
    /// These many bytes of the body, and then nothing more.
    Stall(usize),
    /// Another body under the same headers.
    Body(Vec<u8>),
    /// Another ETag and body.
    Other(String, Vec<u8>),
    /// The whole body, in so many pieces, with a pause after each.
    Slow(usize, Duration),
    /// The whole file, though a part was asked for.
    Whole,
    /// The next page of a listing is said to be elsewhere.
    Elsewhere,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whether it came to the storage rather than the Hub.
    pub storage: bool,
    pub method: String,
    /// Path and query, decoded.
    pub path: String,
    pub authorization: Option<String>,
    pub range: Option<String>,
    /// How many of this method and path came before.
    pub nth: usize,
}

impl Seen {
    /// Whether this is a request for a file's bytes, at the place that has them.
    pub fn is_bytes_of(&self, file: &str) -> bool {
        let path = self.path.split('?').next().unwrap_or_default();
        self.method == "GET" && path.ends_with(file) && !path.starts_with("/api/")
    }
}

type Faults = Box<dyn Fn(&Seen) -> Option<Fault> + Send + Sync>;

/// A repository: branches by their reference, each a commit and its files.
#[derive(Clone, Default)]
pub struct Repo {
    pub branches: BTreeMap<String, (String, BTreeMap<String, Vec<u8>>)>,
    /// The token that opens it; `None` for a public one.
    pub token: Option<String>,
}

impl Repo {
    /// A repository whose conversion holds these files.
    pub fn converted(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self::default().with(CONVERSION, files)
    }

    /// The repository with these files on a branch. The commit is made of what they hold.
    pub fn with(mut self, branch: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
        let all: Vec<u8> = files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes].concat()).collect();
        self.branches.insert(branch.to_owned(), (sha256(&all)[..40].to_owned(), files));
        self
    }

    pub fn commit(&self, branch: &str) -> &str {
        &self.branches[branch].0
    }
}

struct State {
    repos: Mutex<BTreeMap<String, Repo>>,
    faults: Mutex<Faults>,
    seen: Mutex<Vec<Seen>>,
    /// Where the storage answers; files are sent by the Hub itself where there is none.
    storage: Mutex<Option<SocketAddr>>,
    stopped: AtomicBool,
}

/// How many entries a page of a listing has; the real Hub's have a thousand.
const PAGE: usize = 2;

/// The Hub's stand-in. It stops when it is dropped.
pub struct StandIn {
    state: Arc<State>,
    pub address: SocketAddr,
}

impl StandIn {
    pub fn new(repos: impl IntoIterator<Item = (&'static str, Repo)>) -> Self {
        let repos = repos.into_iter().map(|(name, repo)| (name.to_owned(), repo)).collect();
        let state = Arc::new(State {
            repos: Mutex::new(repos),
            faults: Mutex::new(Box::new(|_| None)),
            seen: Mutex::default(),
            storage: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        Self { address: listen(&state, false), state }
    }

    /// The stand-in with the files on a host of their own, to which the Hub redirects, as the real one does.
    pub fn with_storage(self) -> Self {
        *self.state.storage.lock().unwrap() = Some(listen(&self.state, true));
        self
    }

    /// The stand-in with these faults from now on.
    pub fn with_faults(self, faults: impl Fn(&Seen) -> Option<Fault> + Send + Sync + 'static) -> Self {
        *self.state.faults.lock().unwrap() = Box::new(faults);
        self
    }

    /// Puts a repository in place of what bears its name.
    pub fn put(&self, name: &str, repo: Repo) {
        self.state.repos.lock().unwrap().insert(name.to_owned(), repo);
    }

    /// What was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// How many times the bytes of a file were asked for, where they lie.
    pub fn sent(&self, file: &str) -> usize {
        let storage = self.state.storage.lock().unwrap().is_some();
        self.seen().iter().filter(|seen| seen.is_bytes_of(file) && seen.storage == storage).count()
    }

    /// Points a command at this Hub and a cache of its own, and keeps this machine's settings away from it.
    pub fn point(&self, command: &mut Command, home: &Path) {
        isolate(command, home);
        command.env("HF_ENDPOINT", format!("http://{}", self.address));
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        // Wakes those who wait for a connection, so that they see it.
        for address in self.state.storage.lock().unwrap().iter().chain([&self.address]) {
            let _ = TcpStream::connect(address);
        }
    }
}

/// Takes all settings of a Hub, a proxy or a token from a command, and gives it a cache of its own.
pub fn isolate(command: &mut Command, home: &Path) {
    for (name, _) in std::env::vars() {
        let upper = name.to_uppercase();
        if ["HF_", "HUGGING", "XDG_"].iter().any(|of| upper.starts_with(of))
            || ["_PROXY", "_OFFLINE"].iter().any(|of| upper.ends_with(of))
        {
            command.env_remove(name);
        }
    }
    command.env_remove("HF_HUB_OFFLINE").env("HF_HOME", home).env("HF_HUB_DOWNLOAD_TIMEOUT", "1");
}

/// The parts of the real datasets that lie beside the checkout, as the Hub has them.
pub fn real_repos(hub: &Path) -> Vec<(String, Repo)> {
    fn walk(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), files);
            } else {
                files.push((name, fs::read(entry.path()).unwrap()));
            }
        }
    }
    let mut repos = Vec::new();
    for owner in fs::read_dir(hub).unwrap().map(Result::unwrap) {
        for repo in fs::read_dir(owner.path()).unwrap().map(Result::unwrap) {
            let mut files = Vec::new();
            walk(&repo.path(), "", &mut files);
            let name = format!("{}/{}", owner.file_name().to_str().unwrap(), repo.file_name().to_str().unwrap());
            repos.push((name, Repo::converted(files)));
        }
    }
    repos
}

/// A Parquet file with a column of texts for each name.
pub fn parquet_of(names: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let rows: Vec<Vec<String>> = rows.collect();
    let column = |at: usize| Arc::new(rows.iter().map(|row| Some(&row[at])).collect::<StringArray>()) as ArrayRef;
    let batch = RecordBatch::try_from_iter(names.iter().enumerate().map(|(at, name)| (*name, column(at)))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An answer: its status and headers, its body, and what goes wrong while that is sent.
struct Answer {
    code: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    fault: Option<Fault>,
}

impl Answer {
    fn new(code: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { code, headers: Vec::new(), body: body.into(), fault: None }
    }

    fn json(code: u16, value: &Value) -> Self {
        Self::new(code, value.to_string()).header("Content-Type", "application/json")
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

fn listen(state: &Arc<State>, storage: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let state = state.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            if state.stopped.load(Ordering::Relaxed) {
                return;
            }
            let state = state.clone();
            // A connection that breaks is the client's affair.
            thread::spawn(move || stream.and_then(|stream| state.serve(&stream, storage)));
        }
    });
    address
}

impl State {
    /// Answers one request; each has a connection of its own.
    fn serve(&self, stream: &TcpStream, storage: bool) -> io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(()) };
        let mut headers = BTreeMap::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let path = percent_decoded(target);
        let this = {
            let mut seen = self.seen.lock().unwrap();
            let same = |seen: &&Seen| seen.storage == storage && seen.method == method && seen.path == path;
            let this = Seen {
                storage,
                method: method.to_owned(),
                nth: seen.iter().filter(same).count(),
                path: path.clone(),
                authorization: headers.get("authorization").cloned(),
                range: headers.get("range").cloned(),
            };
            seen.push(this.clone());
            this
        };
        let fault = (self.faults.lock().unwrap())(&this);
        let answer = match fault {
            Some(Fault::Status(code, headers, body)) => Answer { headers, ..Answer::new(code, body) },
            fault => self.route(target, &this, fault),
        };
        send(stream, method == "HEAD", answer)
    }

    fn route(&self, target: &str, seen: &Seen, fault: Option<Fault>) -> Answer {
        let path = target.split('?').next().unwrap();
        // A revision may hold slashes of its own, which come encoded.
        let parts: Vec<String> = path.trim_start_matches('/').split('/').map(percent_decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let repos = self.repos.lock().unwrap();
        let missing = |code, what: &str| Answer::json(code, &json!({"error": what}));
        let opened = |owner: &str, name: &str| {
            let repo = repos.get(&format!("{owner}/{name}"))?;
            let fits = |token: &String| seen.authorization.as_ref() == Some(&format!("Bearer {token}"));
            repo.token.as_ref().is_none_or(fits).then_some(repo)
        };
        match parts[..] {
            [hash, ..] if seen.storage => match repos.values().find_map(|repo| repo.bytes_of(hash)) {
                Some(bytes) => file_answer(seen, fault, bytes, None, None),
                None => Answer::new(404, "gone"),
            },
            ["api", "datasets"] => {
                let found: Vec<Value> = repos.keys().map(|name| json!({"_id": "1", "id": name})).collect();
                Answer::json(200, &Value::from(found))
            }
            // Of what may not be seen, the Hub does not say that it exists.
            ["api", "datasets", owner, name, ..] if opened(owner, name).is_none() => {
                missing(401, "Invalid username or password.")
            }
            ["api", "datasets", owner, name, "refs"] => {
                let branches = &repos[&format!("{owner}/{name}")].branches;
                let refs = |prefix: &str| -> Value {
                    let of = |(git_ref, (commit, _)): (&String, &(String, _))| {
                        let name = git_ref.strip_prefix(prefix)?;
                        Some(json!({"name": name, "ref": git_ref, "targetCommit": commit}))
                    };
                    branches.iter().filter_map(of).collect()
                };
                let (heads, tags, converts) = (refs("refs/heads/"), refs("refs/tags/"), refs("refs/convert/"));
                Answer::json(200, &json!({"branches": heads, "tags": tags, "converts": converts}))
            }
            ["api", "datasets", owner, name, "tree", commit] => {
                let Some(files) = repos[&format!("{owner}/{name}")].at(commit) else {
                    return missing(404, "Invalid rev id");
                };
                let from = seen.path.split_once("cursor=").map_or(0, |(_, cursor)| cursor.parse().unwrap());
                let entry = |(path, bytes): (&String, &Vec<u8>)| json!({"type": "file", "oid": "0", "size": bytes.len(), "path": path});
                let entries: Vec<Value> = files.iter().skip(from).take(PAGE).map(entry).collect();
                let answer = Answer::json(200, &Value::from(entries));
                if from + PAGE >= files.len() {
                    return answer;
                }
                let storage = *self.storage.lock().unwrap();
                let host = match (fault, storage) {
                    (Some(Fault::Elsewhere), Some(storage)) => format!("http://{storage}"),
                    _ => String::new(),
                };
                let next = format!("<{host}{path}?recursive=true&expand=false&cursor={}>; rel=\"next\"", from + PAGE);
                answer.header("Link", next)
            }
            ["datasets", owner, name, "resolve", commit, ref file @ ..] => {
                if opened(owner, name).is_none() {
                    return missing(401, "Access to this dataset is restricted.");
                }
                let repo = &repos[&format!("{owner}/{name}")];
                let commit = repo.branches.get(commit).map_or(commit, |(commit, _)| commit);
                match repo.at(commit).and_then(|files| files.get(&file.join("/"))) {
                    Some(bytes) => file_answer(seen, fault, bytes, Some(commit), *self.storage.lock().unwrap()),
                    None => missing(404, "Entry not found"),
                }
            }
            _ => missing(404, "no such place"),
        }
    }
}

impl Repo {
    fn at(&self, commit: &str) -> Option<&BTreeMap<String, Vec<u8>>> {
        self.branches.values().find(|(of, _)| of == commit).map(|(_, files)| files)
    }

    fn bytes_of(&self, hash: &str) -> Option<&[u8]> {
        let mut all = self.branches.values().flat_map(|(_, files)| files.values());
        all.find(|bytes| sha256(bytes) == hash).map(Vec::as_slice)
    }
}

/// A file, or where in the storage it is.
fn file_answer(
    seen: &Seen,
    fault: Option<Fault>,
    bytes: &[u8],
    commit: Option<&str>,
    storage: Option<SocketAddr>,
) -> Answer {
    let (etag, bytes) = match &fault {
        Some(Fault::Other(etag, other)) => (etag.clone(), other.as_slice()),
        _ => (sha256(bytes), bytes),
    };
    let of_commit = |answer: Answer| match commit {
        Some(commit) => answer.header("X-Repo-Commit", commit),
        None => answer,
    };
    if let Some(storage) = storage {
        let name = seen.path.rsplit('/').next().unwrap();
        return of_commit(Answer::new(302, ""))
            .header("X-Linked-ETag", format!("\"{etag}\""))
            .header("X-Linked-Size", bytes.len().to_string())
            .header("Location", format!("http://{storage}/{etag}/{name}?signature=secret"));
    }
    let body = match &fault {
        Some(Fault::Body(other)) => other,
        _ => bytes,
    };
    let from = seen.range.as_deref().filter(|_| !matches!(fault, Some(Fault::Whole)));
    let from =
        from.map(|range| range.trim_start_matches("bytes=").split('-').next().unwrap().parse::<usize>().unwrap());
    let answer = match from {
        Some(from) => Answer::new(206, &body[from..]),
        None => Answer::new(200, body),
    };
    Answer { fault, ..of_commit(answer).header("ETag", format!("\"{etag}\"")) }
}

/// Sends an answer, with what goes wrong on the way.
fn send(mut stream: &TcpStream, head_only: bool, answer: Answer) -> io::Result<()> {
    let Answer { code, headers, body, fault } = answer;
    let mut head = format!("HTTP/1.1 {code} Status\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if head_only {
        return Ok(());
    }
    let until = match fault {
        Some(Fault::Reset(n) | Fault::Short(n) | Fault::Stall(n)) => n.min(body.len()),
        _ => body.len(),
    };
    let (pieces, pause) = match fault {
        Some(Fault::Slow(pieces, pause)) => (pieces, pause),
        _ => (1, Duration::ZERO),
    };
    for piece in body[..until].chunks(until.div_ceil(pieces).max(1)) {
        thread::sleep(pause);
        stream.write_all(piece)?;
    }
    match fault {
        Some(Fault::Reset(_)) => {
            // What was sent before should come through first.
            thread::sleep(Duration::from_millis(100));
            socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))
        }
        Some(Fault::Stall(_)) => {
            thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        _ => stream.shutdown(Shutdown::Write),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        (rest, bytes) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let hex = [*high, *low];
                (after, [bytes, vec![u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()]].concat())
            }
            _ => (after, [bytes, vec![*first]].concat()),
        };
    }
    String::from_utf8(bytes).unwrap()
}
