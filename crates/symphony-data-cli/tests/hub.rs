//! Downloads: the real loading code against a stand-in for the Hub on this machine, which fails in every way that a
//! network does. docs/reliability.md lists the faults and these tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

mod stand_in;
mod support;

use stand_in::{CONVERSION, Fault, Repo, Seen, StandIn, isolate, parquet_of, real_repos};
use support::{Place, real_data, real_hub};

const FILE: &str = "default/test/0000.parquet";
const MAIN: &str = "refs/heads/main";

/// A configuration with one benchmark of these further keys.
fn config(path: &str, more: &str) -> String {
    format!(
        "benchmarks: {{quiz: {{path: 'datasets:{path}', identity: [question], \
         difficulty: {{features: {{n: {{words: question}}}}, score: [{{feature: n, normalize: p95}}]}}, {more}}}}}"
    )
}

/// Questions of different lengths, the same for the same numbers.
fn questions(of: std::ops::Range<usize>) -> Vec<u8> {
    // Words that do not repeat, so that the file is some hundred kilobytes.
    let word = |i: usize| format!("{:x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8);
    let question = |i: usize| (0..=i % 60).map(|j| word(i * 64 + j)).collect::<Vec<_>>().join(" ");
    parquet_of(&["question"], of.map(|i| vec![question(i)]))
}

/// A dataset of one file, converted.
fn quiz() -> Repo {
    Repo::converted([(FILE.to_owned(), questions(0..800))])
}

/// A folder with a configuration of one benchmark, and a command in it that talks to the stand-in.
struct Case {
    place: Place,
}

impl Case {
    fn new(path: &str, more: &str) -> Self {
        let place = Place::new();
        fs::write(place.path("config.yaml"), config(path, more)).unwrap();
        Self { place }
    }

    fn command(&self, stand_in: &StandIn, args: &str) -> Command {
        let mut command = self.place.command(&format!("--config config.yaml {args}"));
        stand_in.point(&mut command, &self.place.path("home"));
        command
    }

    fn run(&self, stand_in: &StandIn, args: &str) -> Output {
        self.command(stand_in, args).output().unwrap()
    }

    /// Preprocesses, expects it to go well, and gives what was said.
    fn ok(&self, stand_in: &StandIn, args: &str) -> String {
        let output = self.run(stand_in, args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    }

    /// Preprocesses, expects it to fail with one message and nothing written, and gives the message.
    fn fails(&self, stand_in: &StandIn, args: &str) -> String {
        failed(&self.run(stand_in, args), &self.place)
    }

    fn meta(&self) -> Value {
        let meta = fs::read_to_string(self.place.path("data/benchmarks/full/quiz_full_meta.json")).unwrap();
        serde_json::from_str(&meta).unwrap()
    }

    /// The repository's folder in the cache.
    fn cache(&self) -> PathBuf {
        self.place.path("home/hub/datasets--org--quiz")
    }

    /// All files of the cache that claim to be whole.
    fn blobs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache().join("blobs")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_none()).collect()
    }
}

fn failed(output: &Output, place: &Place) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{stderr}");
    assert!(place.files("data").is_empty(), "{:?}", place.files("data").keys());
    stderr
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Faults on the first `n` requests of each kind that `which` says.
fn first(
    n: usize,
    fault: Fault,
    which: impl Fn(&Seen) -> bool + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Option<Fault> {
    move |seen| (seen.nth < n && which(seen)).then(|| fault.clone())
}

fn is_bytes(seen: &Seen) -> bool {
    seen.is_bytes_of(".parquet")
}

fn status(code: u16) -> Fault {
    Fault::Status(code, vec![("X-Error-Message", "not now".to_owned())], String::new())
}

// What it is for.

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_configuration_of_the_brief_gives_from_the_hub_what_it_gives_from_files() {
    let (Some(hub), Some(data)) = (real_hub(), real_data()) else { return };
    let stand_in = StandIn::new([]).with_storage();
    for (name, repo) in real_repos(&hub) {
        stand_in.put(&name, repo);
    }
    let place = Place::new();
    fs::write(place.path("data_config.yaml"), symphony_data::config::DEFAULT_CONFIG).unwrap();
    let mut command = place.command("--config data_config.yaml quick-start --output-dir hub");
    stand_in.point(&mut command, &place.path("home"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(text(&output).matches(": downloaded ").count(), 5, "{}", text(&output));

    let data = data.display();
    let on_files = json!({"benchmarks": {
        "humaneval": {"path": format!("file:{data}/humaneval/test.jsonl")},
        "gsm8k": {"path": format!("file:{data}/gsm8k/test.jsonl")},
        "bbh": {"path": format!("file:{data}/bbh/{{config}}.jsonl")},
        "amc": {"path": format!("file:{data}/amc/train.jsonl")},
        "medical_qa": {"path": format!("file:{data}/medical_qa/test.jsonl")},
    }});
    fs::write(place.path("files.yaml"), on_files.to_string()).unwrap();
    place.ok("--config files.yaml quick-start --output-dir files");
    let mut rows = 0;
    for name in ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"] {
        let [from_hub, from_files] =
            ["hub", "files"].map(|source| lines(&place.path(&format!("{source}/benchmarks/full/{name}_full.jsonl"))));
        for (one, other) in from_hub.iter().zip(&from_files) {
            // As text: 142 and 142.0 are different, and so are keys in another order.
            assert_eq!(one.to_string(), other.to_string());
        }
        assert_eq!(from_hub.len(), from_files.len());
        rows += from_hub.len();
    }
    assert_eq!(rows, 164 + 1319 + 2437 + 83 + 1273);
    for pool in ["exp1", "exp2", "exp3", "exp5"] {
        let golden = format!("../symphony-data/tests/golden/default/pools/{pool}.json");
        let golden = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(golden)).unwrap();
        let golden: Value = serde_json::from_str(&golden).unwrap();
        let tasks = lines(&place.path(&format!("hub/{pool}/task_pool.jsonl")));
        let keys = ["task_id", "source_id", "difficulty_bin", "difficulty_score"];
        let drawn: Vec<Value> = tasks.iter().map(|task| keys.iter().map(|key| task[key].clone()).collect()).collect();
        assert_eq!(drawn, *golden["tasks"].as_array().unwrap(), "{pool}");
    }
    let manifest: Value = serde_json::from_slice(&fs::read(place.path("hub/exp1/manifest.json")).unwrap()).unwrap();
    let source = &manifest["benchmarks"][0]["source"];
    assert_eq!(source["path"], "datasets:openai_humaneval");
    assert_eq!(source["branch"], CONVERSION);
    assert_eq!(source["revision"].as_str().unwrap().len(), 40);
    assert_eq!(source["files"][0]["name"], "openai_humaneval/test/0000.parquet");
    // The token, had there been one, would have gone to the Hub alone; and the cache serves without network.
    drop(stand_in);
    let mut command = place.command("--config data_config.yaml quick-start --force --output-dir hub");
    isolate(&mut command, &place.path("home"));
    let before = place.files("hub");
    let output = command.env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(place.files("hub") == before);
}

#[test]
fn pythons_huggingface_hub_finds_what_was_downloaded_and_the_other_way_round() {
    let python = std::env::var("SYMPHONY_DATA_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_it = Command::new(&python).args(["-c", "import huggingface_hub"]).output();
    if !has_it.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: {python} has no huggingface_hub (`make test` installs it)");
        return;
    }
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_storage();
    let repo = quiz();
    let commit = repo.commit(CONVERSION);
    let fetch = |case: &Case, only_local: &str| {
        let mut command = Command::new(&python);
        stand_in.point(&mut command, &case.place.path("home"));
        let script = format!(
            "from huggingface_hub import hf_hub_download, scan_cache_dir, try_to_load_from_cache\n\
             found = [hf_hub_download('org/quiz', '{FILE}', repo_type='dataset', revision=revision, local_files_only={only_local})\n\
                      for revision in ('{CONVERSION}', '{commit}')]\n\
             assert found[0] == found[1]\n\
             print(found[0])\n\
             print(scan_cache_dir().warnings)\n"
        );
        let output = command.env("HF_HUB_DISABLE_XET", "1").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let ours = Case::new("org/quiz", "");
    ours.ok(&stand_in, "preprocess");
    let said = fetch(&ours, "True");
    assert_eq!(said.lines().next().unwrap(), ours.cache().join("snapshots").join(commit).join(FILE).to_str().unwrap());
    assert_eq!(said.lines().nth(1), Some("[]"), "the cache is as Python expects it");

    let theirs = Case::new("org/quiz", "");
    fetch(&theirs, "False");
    let before = stand_in.sent("0000.parquet");
    let said = theirs.ok(&stand_in, "-v preprocess");
    assert!(said.contains("in the cache: 1 file"), "{said}");
    assert_eq!(stand_in.sent("0000.parquet"), before);
    let said = text(&theirs.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap());
    assert_eq!(said, "");
}

// Faults of the network.

#[test]
fn too_many_requests_are_followed_by_the_pause_that_is_asked_for() {
    let asked = Fault::Status(429, vec![("Retry-After", "2".to_owned())], String::new());
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, asked, is_bytes));
    let case = Case::new("org/quiz", "");
    let began = Instant::now();
    let said = case.ok(&stand_in, "-v preprocess");
    assert!(said.contains("quiz: answered 429, too many requests, asking to wait 2 s; trying again in 2 s"), "{said}");
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_pause_that_is_too_long_ends_the_run_at_once() {
    let asked = Fault::Status(429, vec![("Retry-After", "3600".to_owned())], String::new());
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(9, asked, |seen| seen.method == "HEAD"));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(
        said.contains("org/quiz: default/test/0000.parquet: answered 429, too many requests, asking to wait 3600 s\n"),
        "{said}"
    );
}

#[test]
fn errors_of_the_server_are_tried_again_wherever_they_come() {
    for code in [500, 502, 503] {
        let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, status(code), |_| true));
        let case = Case::new("org/quiz", "");
        let said = case.ok(&stand_in, "-v preprocess");
        assert_eq!(said.matches(&format!("answered {code} (not now); trying again in ")).count(), 4, "{said}");
        assert_eq!(case.meta()["n_tasks_full"], 800);
    }
}

#[test]
fn a_server_that_never_recovers_is_given_up_within_two_minutes() {
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(99, status(503), is_bytes));
    let case = Case::new("org/quiz", "");
    let began = Instant::now();
    let said = case.fails(&stand_in, "preprocess");
    assert!(began.elapsed() < Duration::from_secs(120));
    assert!(
        said.contains(
            "error: quiz: org/quiz: default/test/0000.parquet: answered 503 (not now); tried 6 times; try again later"
        ),
        "{said}"
    );
    assert_eq!(case.blobs(), [] as [PathBuf; 0]);
}

#[test]
fn an_unreachable_hub_is_named_with_host_port_and_what_to_set() {
    let address = {
        let gone = StandIn::new([]);
        gone.address
    };
    let case = Case::new("org/quiz", "");
    let mut command = case.place.command("--config config.yaml preprocess");
    isolate(&mut command, &case.place.path("home"));
    let output = command.env("HF_ENDPOINT", format!("http://{address}")).output().unwrap();
    let said = failed(&output, &case.place);
    for part in [
        &format!("cannot reach {address} (Connection refused"),
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "HF_ENDPOINT",
        "HF_HUB_OFFLINE=1",
        "--demo",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn an_endpoint_that_is_no_address_is_named() {
    let case = Case::new("org/quiz", "");
    for endpoint in ["huggingface.co", "ftp://huggingface.co"] {
        let mut command = case.place.command("--config config.yaml preprocess");
        isolate(&mut command, &case.place.path("home"));
        let said = failed(&command.env("HF_ENDPOINT", endpoint).output().unwrap(), &case.place);
        assert!(said.contains("HF_ENDPOINT is no address of a Hub"), "{said}");
    }
}

/// What a download that broke off once and went on asked for.
fn goes_on_after(fault: Fault) -> String {
    let stand_in = StandIn::new([("org/quiz", quiz())])
        .with_storage()
        .with_faults(first(1, fault, |seen| seen.storage && is_bytes(seen)));
    let case = Case::new("org/quiz", "");
    let said = case.ok(&stand_in, "-v preprocess");
    let asked: Vec<Option<String>> =
        stand_in.seen().into_iter().filter(|seen| seen.storage && is_bytes(seen)).map(|seen| seen.range).collect();
    let length = questions(0..800).len();
    assert_eq!(asked, [None, Some(format!("bytes=100000-{}", length - 1))], "only the rest is asked for");
    said
}

#[test]
fn a_connection_that_is_reset_in_the_middle_of_a_body_goes_on_from_there() {
    let said = goes_on_after(Fault::Reset(100_000));
    assert!(said.contains("the connection broke off ("), "{said}");
}

#[test]
fn a_body_that_is_shorter_than_announced_goes_on_from_there() {
    let said = goes_on_after(Fault::Short(100_000));
    assert!(said.contains("the connection broke off ("), "{said}");
}

#[test]
fn a_body_that_stalls_goes_on_from_there() {
    let said = goes_on_after(Fault::Stall(100_000));
    assert!(said.contains("no answer in time (HF_HUB_DOWNLOAD_TIMEOUT gives it more seconds)"), "{said}");
}

#[test]
fn a_server_that_sends_the_whole_where_a_part_was_asked_for_is_taken_at_its_word_once() {
    let faults = |seen: &Seen| match (is_bytes(seen), seen.nth) {
        (true, 0) => Some(Fault::Short(100_000)),
        (true, 1) => Some(Fault::Whole),
        _ => None,
    };
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(faults);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    let ranges: Vec<bool> =
        stand_in.seen().iter().filter(|seen| is_bytes(seen)).map(|seen| seen.range.is_some()).collect();
    assert_eq!(ranges, [false, true, false]);
}

#[test]
fn a_slow_server_is_waited_for_and_progress_moves() {
    // Three seconds in all, with a timeout of one.
    let slow = Fault::Slow(12, Duration::from_millis(250));
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, slow, is_bytes));
    let case = Case::new("org/quiz", "");
    let command = case.command(&stand_in, "preprocess");
    let Some(screen) = on_a_terminal(&command) else { return };
    let mut shown: Vec<&str> = screen.split(" KiB/").filter_map(|part| part.split_whitespace().last()).collect();
    shown.dedup();
    assert!(screen.contains("0/1 files") && shown.len() > 5, "{screen:?}");
    assert!(screen.contains("quiz: downloaded 1 file, "), "{screen:?}");
}

/// What a command shows on a terminal; says that the test is skipped where none can be made.
fn on_a_terminal(command: &Command) -> Option<String> {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let line: Vec<String> = [command.get_program()].into_iter().chain(command.get_args()).map(quoted).collect();
    let mut script = Command::new("script");
    script.args(["-qec", &line.join(" "), "/dev/null"]).current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    match script.env("TERM", "xterm").stdin(Stdio::null()).output() {
        Ok(output) => {
            let screen = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{screen}");
            Some(screen)
        }
        Err(_) => {
            eprintln!("SKIPPED: no terminal can be made here (script, of util-linux)");
            None
        }
    }
}

#[test]
fn an_interrupted_download_ends_within_a_second_and_the_next_goes_on() {
    let slow = Fault::Slow(40, Duration::from_millis(250));
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, slow, is_bytes));
    let case = Case::new("org/quiz", "");
    let mut command = case.command(&stand_in, "preprocess");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while stand_in.sent("0000.parquet") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(1));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let began = Instant::now();
    child.wait().unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let said = failed(&child.wait_with_output().unwrap(), &case.place);
    assert!(said.contains("error: quiz: stopped; nothing was written"), "{said}");
    case.ok(&stand_in, "preprocess");
    let last = stand_in.seen().into_iter().rfind(is_bytes).unwrap();
    assert!(last.range.is_some_and(|range| range != "bytes=0-"), "what had come is kept");
}

// Answers that lie.

#[test]
fn a_body_with_another_checksum_is_not_believed_and_asked_for_again() {
    let mut flipped = questions(0..800);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, Fault::Body(flipped.clone()), is_bytes));
    let case = Case::new("org/quiz", "");
    let said = case.ok(&stand_in, "-v preprocess");
    assert!(said.contains("what came is not the file (its checksum is another); trying again"), "{said}");

    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(99, Fault::Body(flipped), is_bytes));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(said.contains("what came is not the file (its checksum is another); tried 3 times"), "{said}");
    assert_eq!(case.blobs(), [] as [PathBuf; 0], "nothing that lies is in the cache");
}

#[test]
fn a_file_that_is_cut_off_or_damaged_is_noticed_without_a_checksum_too() {
    let whole = questions(0..800);
    let mut damaged = whole.clone();
    damaged[50..150].fill(0xff);
    for (bytes, why) in
        [(whole[..whole.len() / 2].to_vec(), "it is no whole Parquet file"), (damaged, "it is damaged: ")]
    {
        let fault = Fault::Other("an-etag-that-is-no-hash".to_owned(), bytes);
        let of_file = |seen: &Seen| seen.path.ends_with(".parquet") && !seen.path.starts_with("/api/");
        let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(99, fault, of_file));
        let case = Case::new("org/quiz", "");
        let said = case.fails(&stand_in, "preprocess");
        assert!(said.contains(why), "{said}");
        assert_eq!(case.blobs(), [] as [PathBuf; 0]);
    }
}

#[test]
fn an_etag_that_changes_between_two_requests_is_followed() {
    let other = questions(5..700);
    let (etag, changed) = (stand_in::sha256(&other), other.clone());
    // From the first request for the bytes on, it is another file.
    let faults = move |seen: &Seen| {
        let changed = Fault::Other(etag.clone(), changed.clone());
        let of_file = seen.path.ends_with(".parquet") && !seen.path.starts_with("/api/");
        (of_file && (seen.method == "GET" || seen.nth > 1)).then_some(changed)
    };
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(faults);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    assert_eq!(case.meta()["n_tasks_full"], 695);
    assert_eq!(case.blobs(), [case.cache().join("blobs").join(stand_in::sha256(&other))]);
}

#[test]
fn a_web_page_with_status_200_is_neither_a_file_nor_a_listing() {
    let page = "<!DOCTYPE html>\n<html><body>Please log in to this network.</body></html>";
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(99, Fault::Body(page.into()), is_bytes));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(said.contains("what came is not the file (") && said.contains("tried 3 times"), "{said}");
    assert_eq!(case.blobs(), [] as [PathBuf; 0]);
    for place in ["/refs", "/tree/"] {
        let portal = Fault::Status(200, vec![("Content-Type", "text/html".to_owned())], page.to_owned());
        let stand_in =
            StandIn::new([("org/quiz", quiz())]).with_faults(first(99, portal, move |seen| seen.path.contains(place)));
        let case = Case::new("org/quiz", "");
        let said = case.fails(&stand_in, "preprocess");
        assert!(said.contains("does the network ask you to log in, or is HF_ENDPOINT no full mirror?"), "{said}");
    }
}

#[test]
fn one_missing_shard_of_three_ends_the_run_before_anything_is_written() {
    let shards = (0..3).map(|at| (format!("default/test/000{at}.parquet"), questions(at * 100..at * 100 + 100)));
    let repo = Repo::converted(shards);
    let stand_in = StandIn::new([("org/quiz", repo)]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    assert_eq!(case.meta()["n_tasks_full"], 300);
    let tasks = lines(&case.place.path("data/benchmarks/full/quiz_full.jsonl"));
    let one = Case::new("org/quiz", "");
    fs::write(one.place.path("all.parquet"), questions(0..300)).unwrap();
    let local = config("x/y", "").replace("datasets:x/y", "file:all.parquet");
    fs::write(one.place.path("local.yaml"), local).unwrap();
    one.place.ok("--config local.yaml preprocess");
    assert_eq!(tasks, lines(&one.place.path("data/benchmarks/full/quiz_full.jsonl")), "shards are read in their order");

    let stand_in = stand_in.with_faults(first(99, status(404), |seen| seen.path.ends_with("0001.parquet")));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(said.contains("org/quiz: default/test/0001.parquet is listed in commit"), "{said}");
}

#[test]
fn a_listing_that_leads_out_of_the_repository_is_refused() {
    for path in ["../../evil.parquet", "/etc/evil.parquet", "a/../../evil.parquet", "a\\\\..\\\\evil.parquet"] {
        let listing = format!("[{{\"type\": \"file\", \"path\": \"{path}\", \"size\": 1}}]");
        let fault = Fault::Status(200, Vec::new(), listing);
        let stand_in =
            StandIn::new([("org/quiz", quiz())]).with_faults(first(99, fault, |seen| seen.path.contains("/tree/")));
        let case = Case::new("org/quiz", "");
        let said = case.fails(&stand_in, "preprocess");
        assert!(said.contains("a listed path leads out of the repository"), "{said}");
    }
    let fault = Fault::Other("../../../evil".to_owned(), questions(0..3));
    let stand_in =
        StandIn::new([("org/quiz", quiz())]).with_faults(first(99, fault, |seen| seen.path.contains("/resolve/")));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(said.contains("it names no ETag"), "{said}");
}

// The token.

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else_and_is_never_shown() {
    let mut repo = quiz().with(MAIN, [("README.md".to_owned(), b"# Quiz".to_vec())]);
    repo.token = Some("hf_secret".to_owned());
    let more = (0..5).map(|at| (format!("other/test/000{at}.parquet"), questions(at..at + 2)));
    let files = repo.branches[CONVERSION].1.clone().into_iter().chain(more).collect::<Vec<_>>();
    let mut repo = repo.with(CONVERSION, files);
    repo.token = Some("hf_secret".to_owned());
    // Every page of the listing says that the next is on the other host, and what fails echoes the token.
    let faults = |seen: &Seen| match seen.path.contains("/tree/") {
        true => Some(Fault::Elsewhere),
        false if is_bytes(seen) && seen.nth == 0 && !seen.storage => {
            Some(Fault::Status(503, Vec::new(), json!({"error": "hf_secret\u{1b}[31m"}).to_string()))
        }
        false => None,
    };
    let stand_in = StandIn::new([("org/quiz", repo)]).with_storage().with_faults(faults);
    let case = Case::new("org/quiz", "");
    let output = case.command(&stand_in, "-v preprocess").env("HF_TOKEN", "hf_secret").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let (hub, storage): (Vec<Seen>, Vec<Seen>) = stand_in.seen().into_iter().partition(|seen| !seen.storage);
    assert!(hub.iter().all(|seen| seen.authorization.as_deref() == Some("Bearer hf_secret")));
    assert!(!storage.is_empty() && storage.iter().all(|seen| seen.authorization.is_none()));
    assert!(storage.iter().all(|seen| !seen.path.contains("cursor")), "the listing stays with the Hub");
    assert!(hub.iter().filter(|seen| seen.path.contains("cursor")).count() >= 2);
    let said = text(&output);
    assert!(said.contains("answered 503 (*** [31m)"), "{said:?}");
    let written = case.place.files(".").into_iter().filter(|(name, _)| !name.starts_with("home/hub"));
    let all: Vec<u8> = written.flat_map(|(_, bytes)| bytes).chain(output.stdout).chain(output.stderr).collect();
    assert!(!String::from_utf8_lossy(&all).contains("hf_secret"));
}

#[test]
fn a_repository_that_may_not_be_read_says_how_to_get_in() {
    let mut repo = quiz();
    repo.token = Some("hf_secret".to_owned());
    let stand_in = StandIn::new([("org/quiz", repo), ("org/quizzes", quiz()), ("someone/other", quiz())]);
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(
        said.contains("has no dataset org/quiz, or it is private; there are: org/quizzes, someone/other"),
        "{said}"
    );
    let output = case.command(&stand_in, "preprocess").env("HF_TOKEN", "hf_wrong").output().unwrap();
    let said = failed(&output, &case.place);
    assert!(said.contains("has no dataset org/quiz, or it is private and your token does not open it"), "{said}");
    assert!(!said.contains("hf_wrong"));

    // A gated one shows itself, but not its files.
    for (code, token) in [(401, None), (403, Some("hf_else"))] {
        let stand_in = StandIn::new([("org/quiz", quiz())])
            .with_faults(first(99, status(code), |seen| seen.path.contains("/resolve/")));
        let mut command = case.command(&stand_in, "preprocess");
        if let Some(token) = token {
            command.env("HF_TOKEN", token);
        }
        let said = failed(&command.output().unwrap(), &case.place);
        let way_in = format!(
            "org/quiz is gated or private (not now); ask for access at http://{}/datasets/org/quiz",
            stand_in.address
        );
        assert!(said.contains(&way_in), "{said}");
        assert_eq!(said.contains("set HF_TOKEN to a token of that account"), token.is_none(), "{said}");
    }
}

// Two at once, and the cache.

#[test]
fn two_downloads_at_once_both_succeed_and_fetch_the_file_once() {
    let slow = Fault::Slow(10, Duration::from_millis(100));
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, slow, is_bytes));
    let (one, other) = (Case::new("org/quiz", ""), Case::new("org/quiz", ""));
    let start = |case: &Case| {
        let mut command = case.command(&stand_in, "preprocess");
        command.env("HF_HOME", one.place.path("home")).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = [start(&one), start(&other)];
    let said: Vec<String> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", text(&output));
            text(&output)
        })
        .collect();
    assert_eq!(stand_in.sent("0000.parquet"), 1);
    assert!(said.concat().contains("; waiting for it"), "{said:?}");
    assert!(one.place.files("data") == other.place.files("data"));
}

#[test]
fn a_cached_file_that_was_damaged_is_dropped_and_downloaded_anew() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    let before = case.place.files("data");
    let blob = case.blobs().remove(0);
    let whole = fs::read(&blob).unwrap();
    for damage in [whole[..1000].to_vec(), [&whole[..1000], b"x", &whole[1001..]].concat()] {
        fs::write(&blob, &damage).unwrap();
        let offline = case.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap();
        assert!(text(&offline).contains("was changed or damaged"), "{}", text(&offline));
        assert!(case.place.files("data") == before, "the old store is whole");
        let said = case.ok(&stand_in, "preprocess --force");
        assert!(said.contains("quiz: default/test/0000.parquet in the cache is damaged"), "{said}");
        assert!(fs::read(&blob).unwrap() == whole);
    }
    assert!(case.place.files("data") == before);
}

#[test]
fn offline_the_cache_serves_and_what_it_lacks_is_named() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    let offline = || case.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap();
    let said = failed(&offline(), &case.place);
    let lacking = format!(
        "HF_HUB_OFFLINE is set, and the first Parquet file of split test at refs/convert/parquet of org/quiz is not in the cache ({})",
        case.cache().display()
    );
    assert!(said.contains(&lacking), "{said}");
    assert_eq!(stand_in.seen().len(), 0, "a request was made");
    case.ok(&stand_in, "preprocess");
    let asked = stand_in.seen().len();
    assert_eq!(text(&offline()), "");
    assert_eq!(stand_in.seen().len(), asked);
    // A shard that is lacking in the middle shows; one at the end would, if the cache did not know where the end is.
    let two = Repo::converted((0..2).map(|at| (format!("default/test/000{at}.parquet"), questions(at..at + 9))));
    let commit = two.commit(CONVERSION).to_owned();
    stand_in.put("org/quiz", two);
    case.ok(&stand_in, "preprocess --force");
    let snapshot = case.cache().join("snapshots").join(commit).join("default/test");
    fs::remove_file(snapshot.join("0000.parquet")).unwrap();
    assert!(
        text(&offline()).contains("default/test/0000.parquet at refs/convert/parquet of org/quiz is not in the cache"),
        "{}",
        text(&offline())
    );
    fs::rename(snapshot.join("0001.parquet"), snapshot.join("0000.parquet")).unwrap();
    let said = text(&offline());
    assert!(said.contains("nothing in it says whether the split has more than 1 file; a run that may ask"), "{said}");
}

#[test]
fn every_word_for_offline_that_python_heeds_is_heeded_and_named() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    for name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"] {
        let said = failed(&case.command(&stand_in, "preprocess").env(name, "Yes").output().unwrap(), &case.place);
        assert!(said.contains(&format!("{name} is set, and the first Parquet file")), "{said}");
        assert!(said.contains(&format!("run once without {name}")), "{said}");
    }
    assert_eq!(stand_in.seen().len(), 0, "a request was made");
    // What cannot be looked into is not taken for what is not there.
    fs::create_dir_all(case.cache()).unwrap();
    fs::write(case.cache().join("snapshots"), "").unwrap();
    let said = failed(&case.command(&stand_in, "preprocess").env("HF_HUB_OFFLINE", "1").output().unwrap(), &case.place);
    assert!(said.contains("snapshots: Not a directory") && !said.contains("is not in the cache"), "{said}");
}

#[test]
fn the_cache_is_found_as_python_finds_it_through_a_tilde_and_through_variables() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    let asked = stand_in.seen().len();
    let xdg = case.place.path("xdg");
    fs::create_dir(&xdg).unwrap();
    std::os::unix::fs::symlink(case.place.path("home"), xdg.join("huggingface")).unwrap();
    for (name, value) in [
        ("HF_HOME", "~/home"),
        ("HF_HOME", "$PLACE/home"),
        ("HF_HUB_CACHE", "${PLACE}/home/hub"),
        ("HUGGINGFACE_HUB_CACHE", "~/home/hub"),
        ("XDG_CACHE_HOME", "~/xdg"),
    ] {
        let mut command = case.command(&stand_in, "preprocess --force");
        command.env_remove("HF_HOME").env("HOME", case.place.path("")).env("PLACE", case.place.path(""));
        let output = command.env(name, value).env("HF_HUB_OFFLINE", "1").output().unwrap();
        assert!(output.status.success(), "{name}={value}: {}", text(&output));
    }
    assert_eq!(stand_in.seen().len(), asked);
}

#[test]
fn the_token_is_withheld_where_that_is_asked_and_only_there() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    let sent = |variables: &[(&str, &str)]| {
        let before = stand_in.seen().len();
        let mut command = case.command(&stand_in, "preprocess --force");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        stand_in.seen()[before].authorization.clone()
    };
    let token = ("HF_TOKEN", "hf_a");
    assert_eq!(sent(&[token, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0")]).as_deref(), Some("Bearer hf_a"));
    assert_eq!(sent(&[token, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
    assert_eq!(sent(&[("HUGGING_FACE_HUB_TOKEN", "hf_b")]).as_deref(), Some("Bearer hf_b"));
}

#[test]
fn a_hub_that_cannot_be_reached_leaves_what_it_last_served() {
    let case = Case::new("org/quiz", "");
    let address = {
        let stand_in = StandIn::new([("org/quiz", quiz())]);
        case.ok(&stand_in, "preprocess");
        stand_in.address
    };
    let mut command = case.place.command("--config config.yaml preprocess --force");
    isolate(&mut command, &case.place.path("home"));
    let output = command.env("HF_ENDPOINT", format!("http://{address}")).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains(&format!("warning: quiz: cannot reach {address} (Connection refused")),
        "{}",
        text(&output)
    );
}

#[cfg(unix)]
#[test]
fn a_cache_that_may_not_be_written_serves() {
    use std::os::unix::fs::PermissionsExt;
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    // For the superuser permissions mean nothing; files in the place of folders stop everybody.
    for folder in [".no_exist", "refs"] {
        fs::remove_dir_all(case.cache().join(folder)).unwrap();
        fs::write(case.cache().join(folder), "").unwrap();
    }
    fs::set_permissions(case.cache(), fs::Permissions::from_mode(0o500)).unwrap();
    case.ok(&stand_in, "preprocess --force");
    fs::set_permissions(case.cache(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn offline_the_missing_config_is_named_and_a_commit_that_is_whole() {
    let of = |names: &[&str], n: usize| {
        Repo::converted(names.iter().map(|name| (format!("{name}/test/0000.parquet"), questions(0..n))))
    };
    let old = of(&["a", "b", "c"], 20);
    let stand_in = StandIn::new([("org/quiz", old.clone())]);
    let case = Case::new("org/quiz", "configs: [a, b, c]");
    case.ok(&stand_in, "preprocess");
    let offline = || text(&case.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap());
    let lost = case.cache().join("snapshots").join(old.commit(CONVERSION)).join("b/test/0000.parquet");
    let blob = fs::read_link(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    assert!(
        offline().contains("b/test/0000.parquet at refs/convert/parquet of org/quiz is not in the cache"),
        "{}",
        offline()
    );
    std::os::unix::fs::symlink(blob, &lost).unwrap();
    // Another benchmark moves the reference on, to a commit of which only a part is here.
    let new = of(&["a", "b", "c"], 30);
    stand_in.put("org/quiz", new);
    let other = Case::new("org/quiz", "configs: [a]");
    let mut command = other.command(&stand_in, "preprocess");
    assert!(command.env("HF_HOME", case.place.path("home")).output().unwrap().status.success());
    let commit = old.commit(CONVERSION);
    assert!(
        offline().contains(&format!("commit {commit} is there as a whole: pin it with `revision: {commit}`")),
        "{}",
        offline()
    );
    let mut locked = case.command(&stand_in, "preprocess --locked --force");
    let output = locked.env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

// Names.

#[test]
fn a_wrong_repository_config_or_split_answers_with_those_that_exist() {
    let repo = Repo::converted([
        ("algebra/test/0000.parquet".to_owned(), questions(0..9)),
        ("algebra/train/0000.parquet".to_owned(), questions(0..9)),
        ("algebra_two/test/0000.parquet".to_owned(), questions(0..9)),
        ("zoology/test/0000.parquet".to_owned(), questions(0..9)),
    ]);
    let stand_in = StandIn::new([("org/quiz", repo), ("org/other", quiz())]);
    for (path, more, expected) in [
        ("org/quizz", "", "has no dataset org/quizz, or it is private; there are: org/quiz, org/other"),
        (
            "org/quiz",
            "",
            "org/quiz has several configs, and `path` names none; write datasets:org/quiz/CONFIG, with one of: algebra, algebra_two, zoology",
        ),
        ("org/quiz/algebra_too", "", "org/quiz has no config algebra_too; there are: algebra_two, algebra, zoology"),
        (
            "org/quiz",
            "configs: [zoology, zoologie]",
            "org/quiz has no config zoologie; there are: zoology, algebra, algebra_two",
        ),
        ("org/quiz/algebra", "split: tests", "org/quiz has no split tests of config algebra; there are: test, train"),
        ("org/quiz/algebra", "revision: v2", "org/quiz has no revision v2; there are: parquet"),
        (
            "org/quiz/algebra",
            "revision: 0123456789012345678901234567890123456789",
            "org/quiz has no revision 0123456789012345678901234567890123456789; the Hub has this commit no longer",
        ),
        (
            "org/quiz/algebra",
            "revision: 0123456",
            "org/quiz has no revision 0123456; write all 40 digits of a commit; there are: parquet",
        ),
    ] {
        let said = Case::new(path, more).fails(&stand_in, "preprocess");
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
    for path in ["a/b/c/d", "../../etc", "org/quiz/", "org quiz/x"] {
        let case = Case::new(path, "");
        let output = case.run(&stand_in, "preprocess");
        assert_eq!(output.status.code(), Some(2), "{path}: {}", text(&output));
        assert!(text(&output).contains("write datasets:OWNER/NAME"), "{}", text(&output));
    }
    let said = text(&Case::new("org/quiz/algebra", "configs: [zoology]").run(&stand_in, "preprocess"));
    assert!(
        said.contains(
            "the path names a config, and the benchmark has `configs` too; write either datasets:org/quiz or `configs: []`"
        ),
        "{said}"
    );
}

#[test]
fn several_configs_are_one_benchmark_in_their_order() {
    let repo = Repo::converted(["b", "a"].map(|name| (format!("{name}/test/0000.parquet"), questions(0..3))));
    let stand_in = StandIn::new([("org/quiz", repo)]);
    let case = Case::new("org/quiz", "configs: [b, a], config_field: part");
    case.ok(&stand_in, "preprocess");
    let parts: Vec<Value> = lines(&case.place.path("data/benchmarks/full/quiz_full.jsonl"))
        .iter()
        .map(|task| task["raw_data"]["part"].clone())
        .collect();
    assert_eq!(parts, ["b", "b", "b", "a", "a", "a"]);
}

#[test]
fn without_a_full_conversion_the_data_files_of_the_split_serve() {
    let jsonl = b"{\"question\": \"one two\"}\n{\"question\": \"three\"}\n".to_vec();
    let only_a_part = Repo::converted([("default/partial-test/0000.parquet".to_owned(), questions(0..9))]);
    let file = |name: &str| (name.to_owned(), jsonl.clone());
    let card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: test\n    path: rows/*.jsonl\n---\n";
    for (repo, files) in [
        (
            only_a_part.clone().with(MAIN, [file("data/test-00000-of-00001.jsonl"), file("data/train.jsonl")]),
            vec!["data/test-00000-of-00001.jsonl"],
        ),
        // On the Hub, .json is often JSON lines.
        (Repo::default().with(MAIN, [file("test.json"), file("train.json")]), vec!["test.json"]),
        (
            Repo::default().with(
                MAIN,
                [file("rows/b.jsonl"), file("rows/a.jsonl"), file("test.jsonl"), ("README.md".to_owned(), card.into())],
            ),
            vec!["rows/a.jsonl", "rows/b.jsonl"],
        ),
    ] {
        let commit = repo.commit(MAIN).to_owned();
        let stand_in = StandIn::new([("org/quiz", repo)]);
        let case = Case::new("org/quiz", "");
        case.ok(&stand_in, "preprocess");
        let source = &case.meta()["source"];
        assert_eq!((&source["revision"], &source["branch"]), (&json!(commit), &json!("main")));
        let names: Vec<&str> =
            source["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
        assert_eq!(names, files);
        assert_eq!(case.meta()["n_tasks_full"], 2 * files.len());
        let offline = case.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap();
        assert!(offline.status.success(), "{}", text(&offline));
    }
    for (repo, looked_for) in [
        (
            only_a_part.clone().with(MAIN, [file("README.md")]),
            "looked for a full Parquet conversion (refs/convert/parquet holds only partial-test) and data files of that split on main",
        ),
        (
            Repo::default().with(MAIN, [file("quiz.py")]),
            "looked for a Parquet conversion (refs/convert/parquet) and data files of that split on main (.parquet, .jsonl, .json, .csv)",
        ),
    ] {
        let said = Case::new("org/quiz", "").fails(&StandIn::new([("org/quiz", repo)]), "preprocess");
        assert!(
            said.contains("org/quiz has no files that the split test could be read from") && said.contains(looked_for),
            "{said}"
        );
    }
}

// Pinning.

#[test]
fn a_pinned_commit_serves_whatever_the_branch_does_and_locked_refuses_another() {
    let old = quiz();
    let commit = old.commit(CONVERSION).to_owned();
    let new = Repo::converted([(FILE.to_owned(), questions(0..900))]);
    let stand_in = StandIn::new([("org/quiz", old.clone())]);
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess --locked");
    assert!(said.contains("quiz: only the recorded source may be used, and no source is recorded yet"), "{said}");
    case.ok(&stand_in, "preprocess");
    assert_eq!(case.meta()["source"]["revision"], *commit);
    case.ok(&stand_in, "preprocess --locked");
    case.ok(&stand_in, "preprocess --locked --force");

    // The branch moves on; the old commit can still be had.
    let mut both = new.clone();
    both.branches.insert("refs/tags/v1".to_owned(), old.branches[CONVERSION].clone());
    stand_in.put("org/quiz", both);
    let before = case.place.files("data");
    for args in ["preprocess --locked", "preprocess --locked --force"] {
        let output = case.run(&stand_in, args);
        assert_eq!(output.status.code(), Some(1));
        let now = new.commit(CONVERSION);
        let expected = format!(
            "only the recorded source may be used, and the store was made from commit {commit} where org/quiz is now at {now} (refs/convert/parquet); pin the first with `revision: {commit}`; take what it has now with `preprocess --force`"
        );
        assert!(text(&output).contains(&expected), "{}", text(&output));
        assert!(case.place.files("data") == before);
    }
    assert_eq!(case.meta()["n_tasks_full"], 800);
    // Nor are the bins alone rewritten.
    let as_it_was = fs::read_to_string(case.place.path("config.yaml")).unwrap();
    let other_bins = "\nstream_generation: {difficulty_percentiles: {quiz: [30, 70]}}\n";
    fs::write(case.place.path("config.yaml"), as_it_was.clone() + other_bins).unwrap();
    let output = case.run(&stand_in, "preprocess --locked");
    assert!(
        output.status.code() == Some(1)
            && text(&output).contains("only the recorded source may be used, and the store was made"),
        "{}",
        text(&output)
    );
    assert!(case.place.files("data") == before);
    fs::write(case.place.path("config.yaml"), as_it_was).unwrap();
    case.ok(&stand_in, "preprocess --force");
    assert_eq!(case.meta()["n_tasks_full"], 900);
    for pin in [commit.as_str(), "v1"] {
        let case = Case::new("org/quiz", &format!("revision: {pin}"));
        case.ok(&stand_in, "preprocess");
        assert_eq!(
            (case.meta()["n_tasks_full"].as_u64(), case.meta()["source"]["revision"].as_str()),
            (Some(800), Some(commit.as_str()))
        );
    }
    // A pinned commit that is here as a whole needs nobody.
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    fs::write(case.place.path("config.yaml"), config("org/quiz", &format!("revision: {}", new.commit(CONVERSION))))
        .unwrap();
    let asked = stand_in.seen().len();
    case.ok(&stand_in, "preprocess");
    assert_eq!(stand_in.seen().len(), asked);
}

#[test]
fn a_store_is_made_anew_of_the_commit_that_it_was_made_of() {
    let old = quiz();
    let mut moved = Repo::converted([(FILE.to_owned(), questions(0..900))]);
    moved.branches.insert("refs/tags/v1".to_owned(), old.branches[CONVERSION].clone());
    let stand_in = StandIn::new([("org/quiz", old)]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    let before = case.place.files("data");
    stand_in.put("org/quiz", moved);
    fs::remove_dir_all(case.place.path("home")).unwrap();
    let store = case.place.path("data/benchmarks/full/quiz_full.jsonl");
    fs::write(&store, [fs::read(&store).unwrap(), b"x".to_vec()].concat()).unwrap();
    case.ok(&stand_in, "build --benchmarks quiz --n-total-tasks 10 --output pool");
    let after = case.place.files("data");
    assert!(before.keys().eq(after.keys()));
    let lines = |files: &std::collections::BTreeMap<PathBuf, Vec<u8>>| {
        files[Path::new("benchmarks/full/quiz_full.jsonl")].clone()
    };
    assert!(lines(&before) == lines(&after));
    assert_eq!(case.meta()["n_tasks_full"], 800);
}

#[test]
fn a_revision_of_local_files_is_a_mistake_and_locked_compares_their_checksums() {
    let place = Place::new();
    let local = config("x/y", "").replace("datasets:x/y", "file:rows.jsonl");
    fs::write(place.path("local.yaml"), &local).unwrap();
    fs::write(place.path("rows.jsonl"), "{\"question\": \"a b\"}\n").unwrap();
    place.ok("--config local.yaml preprocess");
    place.ok("--config local.yaml preprocess --locked --force");
    fs::write(place.path("rows.jsonl"), "{\"question\": \"a c\"}\n").unwrap();
    let said = place.fails(1, "--config local.yaml preprocess --locked");
    assert!(
        said.contains("error: quiz: only the recorded source may be used, and rows.jsonl is not as it was recorded"),
        "{said}"
    );
    fs::write(place.path("local.yaml"), local.replace("identity", "revision: v1, identity")).unwrap();
    let said = place.fails(2, "--config local.yaml preprocess");
    assert!(said.contains("`v1` pins a commit of the Hub, and the rows come from file:rows.jsonl"), "{said}");
}
