//! Downloads: the real loading code against a stand-in for the Hub on this machine, which fails in every way that a
//! network does. docs/reliability.md lists the faults and these tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

mod cache;
mod choice;
mod faults;
mod lies;
#[path = "../stand_in/mod.rs"]
mod stand_in;
#[path = "../support/mod.rs"]
mod support;
mod token;

use stand_in::{CONVERSION, Fault, Repo, Seen, StandIn, isolate, parquet_of, real_repos};
use support::{Place, real_data, real_hub};

const FILE: &str = "default/test/0000.parquet";
const MAIN: &str = "refs/heads/main";

/// A configuration with one benchmark that has these further keys.
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

/// A dataset with a conversion of one file.
fn quiz() -> Repo {
    Repo::converted([(FILE.to_owned(), questions(0..800))])
}

/// A folder with a configuration of one benchmark, for commands that talk to the stand-in.
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

    /// Runs the command, expects success, and returns standard error.
    fn ok(&self, stand_in: &StandIn, args: &str) -> String {
        let output = self.run(stand_in, args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    }

    /// Runs the command, expects one error message and nothing written, and returns standard error.
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

    /// All finished files in the cache.
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

/// A fault on the first `n` requests of each kind that `which` accepts.
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
    // Without a network, the cache is used.
    drop(stand_in);
    let mut command = place.command("--config data_config.yaml quick-start --force --output-dir hub");
    isolate(&mut command, &place.path("home"));
    let before = place.files("hub");
    let output = command.env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(place.files("hub") == before);
}
