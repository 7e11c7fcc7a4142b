//! Exports: what they hold, and what they never do to the files of a user.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use serde_json::{Value, json};
use support::json_lines;
use symphony_data::{
    DatasetBuilder, Error,
    export::{self, ExportOptions, Exported, GivenTasks, Input, Target},
    preprocess::PreprocessOptions,
    progress::{Pass, Progress, Silent},
    request::{Replacement, RequestSpec},
    verify::{Verdict, verify},
};

/// The five presets on generated rows, and a user's benchmark in `folder`.
fn builder(folder: &Path) -> DatasetBuilder {
    let rows: String = (0..40)
        .map(|n| {
            let question = format!("{}How many is {n} and 1?", "Think. ".repeat(n % 7));
            json!({"question": question, "answer": f64::from(u8::try_from(n + 1).unwrap()), "task_id": format!("own/{n}")})
                .to_string()
                + "\n"
        })
        .collect();
    fs::write(folder.join("mine.jsonl"), rows).unwrap();
    let text = format!(
        "benchmarks:
  humaneval: {{path: 'synthetic:humaneval?rows=60'}}
  gsm8k: {{path: 'synthetic:gsm8k?rows=200'}}
  bbh: {{path: 'synthetic:bbh?rows=200'}}
  amc: {{path: 'synthetic:amc?rows=40'}}
  medical_qa: {{path: 'synthetic:medical_qa?rows=100'}}
  mine:
    path: 'file:{}/mine.jsonl'
    identity: [question]
    difficulty: {{features: {{w: {{words: question}}}}, score: [{{feature: w, normalize: p95}}]}}
    prompt: {{input: '{{question}} Write ANSWER:', target: '{{answer}}', grade: number}}
  bare:
    path: 'file:{}/mine.jsonl'
    difficulty: {{features: {{w: {{words: question}}}}, score: [{{feature: w, normalize: p95}}]}}
",
        folder.display(),
        folder.display()
    );
    let builder = DatasetBuilder::from_yaml("test.yaml", &text).unwrap();
    builder.preprocess_all_benchmarks(&folder.join("full"), PreprocessOptions::default()).unwrap();
    builder
}

/// A pool of `n` tasks of these benchmarks, in `folder/NAME`.
fn pool(builder: &DatasetBuilder, folder: &Path, name: &str, benchmarks: &[&str], n: u64) {
    let spec = RequestSpec {
        benchmarks: benchmarks.iter().map(|name| (*name).to_owned()).collect(),
        n_total_tasks: n,
        difficulty_split: Some("1:1:1".to_owned()),
        sample_with_replacement: Some(Replacement::WhenShort),
        ..RequestSpec::default()
    };
    let stream = builder.build_task_stream(&spec, &folder.join("full")).unwrap();
    builder.save_task_pool(&stream, &folder.join(name).join("task_pool.jsonl")).unwrap();
}

const SIX: [&str; 6] = ["humaneval", "gsm8k", "bbh", "amc", "medical_qa", "mine"];

fn options(target: Target) -> ExportOptions {
    ExportOptions { target, name: None, benchmarks: Vec::new(), force: false }
}

fn export(builder: &DatasetBuilder, from: &Path, target: Target, to: &Path) -> Result<Exported, String> {
    export_with(builder, from, &options(target), to)
}

fn export_with(builder: &DatasetBuilder, from: &Path, options: &ExportOptions, to: &Path) -> Result<Exported, String> {
    let exported = builder.export(vec![Input::Path(from.to_owned())], options, to);
    exported.map(|mut exported| exported.remove(0)).map_err(|error| error.to_string())
}

/// All files below a folder, by their paths in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            found.extend(files(&entry).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            found.insert(name, fs::read(&entry).unwrap());
        }
    }
    found
}

#[test]
fn the_same_pool_gives_the_same_bytes_wherever_it_lies_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &SIX, 90);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join("one")).unwrap();
    for name in ["task_pool.jsonl", "manifest.json"] {
        fs::copy(folder.path().join("one").join(name), elsewhere.path().join("one").join(name)).unwrap();
    }
    for target in Target::ALL {
        let (a, b) = (folder.path().join("a").join(target.name()), elsewhere.path().join("b").join(target.name()));
        export(&builder, &folder.path().join("one"), target, &a).unwrap();
        export(&builder, &elsewhere.path().join("one"), target, &b).unwrap();
        assert_eq!(files(&a), files(&b), "{}", target.name());
        for (name, bytes) in files(&a) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for place in [folder.path(), elsewhere.path()] {
                assert!(!text.contains(place.to_str().unwrap()), "{name} names {}", place.display());
            }
        }
        let findings = verify(&a).unwrap();
        assert!(findings.len() >= 3 && findings.iter().all(|finding| finding.verdict == Verdict::Ok), "{findings:?}");
        // Once more in the same place: nothing changes.
        export(&builder, &folder.path().join("one"), target, &a).unwrap();
        assert_eq!(files(&a), files(&b));
    }
}

#[test]
fn every_task_of_a_pool_keeps_its_ids_its_row_and_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &SIX, 90);
    let tasks = json_lines(&folder.path().join("one/task_pool.jsonl"));
    let exported = export(&builder, &folder.path().join("one"), Target::Inspect, &folder.path().join("to")).unwrap();
    assert_eq!((exported.name.as_str(), exported.tasks), ("one", 90));
    let identities: std::collections::BTreeSet<&str> =
        tasks.iter().map(|task| task["identity"].as_str().unwrap()).collect();
    assert_eq!(exported.distinct, identities.len() as u64);
    let cells: Vec<(&str, &str, u64)> =
        exported.cells.iter().map(|cell| (cell.benchmark.as_str(), cell.bin.name(), cell.tasks)).collect();
    assert_eq!(&cells[..3], [("amc", "easy", 5), ("amc", "medium", 5), ("amc", "hard", 5)]);
    assert_eq!(cells.len(), 18);
    let samples = json_lines(&folder.path().join("to/one.jsonl"));
    assert_eq!(samples.len(), 90);
    for (sample, task) in samples.iter().zip(&tasks) {
        assert_eq!(sample["id"], task["task_id"]);
        let symphony = &sample["metadata"]["symphony"];
        for key in ["task_id", "benchmark", "source_id", "identity", "difficulty_bin", "difficulty_score"] {
            assert_eq!(symphony[key], task[key], "{key}");
        }
        assert_eq!((&symphony["phase"], symphony["weight"].as_f64()), (&Value::Null, Some(1.0)));
        // HumanEval's own task_id and AMC's own id are there, as all of the row is.
        assert_eq!(sample["metadata"]["row"], task["raw_data"]);
        if ["amc", "mine"].contains(&task["benchmark"].as_str().unwrap()) {
            // 142.0 in the row.
            let answer = task["raw_data"]["answer"].as_f64().unwrap();
            assert_eq!(sample["target"], format!("{answer:.0}"));
        }
    }
    let manifest: Value = serde_json::from_slice(&fs::read(folder.path().join("to/manifest.json")).unwrap()).unwrap();
    let own: Value = serde_json::from_slice(&fs::read(folder.path().join("one/manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["pool"], &manifest["synthetic"]), (&own, &json!(true)));
}

#[test]
fn the_data_of_lm_eval_lies_by_benchmark_and_bin() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &SIX, 90);
    let to = folder.path().join("to");
    export(&builder, &folder.path().join("one"), Target::LmEval, &to).unwrap();
    let tasks = json_lines(&folder.path().join("one/task_pool.jsonl"));
    let mut ids = Vec::new();
    for benchmark in SIX {
        for bin in ["easy", "medium", "hard"] {
            for line in json_lines(&to.join(format!("data/{benchmark}_{bin}.jsonl"))) {
                assert_eq!(
                    (&line["symphony"]["benchmark"], &line["symphony"]["difficulty_bin"]),
                    (&json!(benchmark), &json!(bin))
                );
                let id = line["symphony"]["task_id"].as_str().unwrap();
                let task = tasks.iter().find(|task| task["task_id"] == id).unwrap();
                assert_eq!(line["row"], task["raw_data"]);
                ids.push(id.to_owned());
            }
        }
    }
    ids.sort();
    assert_eq!(
        ids,
        tasks
            .iter()
            .map(|task| task["task_id"].as_str().unwrap())
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    // A task and a group for each cell, benchmark and bin, in two styles, and two groups over all in each.
    let yaml = files(&to).keys().filter(|name| Path::new(name).extension().is_some_and(|its| its == "yaml")).count();
    assert_eq!(yaml, 2 * (18 + 6 + 3 + 2));
    let like = |leaf: &str| {
        let text = fs::read_to_string(to.join(format!("symphony_one_{leaf}.yaml"))).unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix("symphony: "))
            .map(|ours| serde_json::from_str::<Value>(ours).unwrap()["like"].clone())
            .unwrap()
    };
    assert_eq!(like("gsm8k_easy"), "gsm8k_cot");
    assert_eq!((like("amc_easy"), like("mine_hard"), like("chat_gsm8k_easy")), (Value::Null, Value::Null, Value::Null));
}

#[test]
fn a_users_own_prompt_takes_the_place_of_the_harnesses_task() {
    let folder = tempfile::tempdir().unwrap();
    let text = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=60', prompt: {input: 'Q {question}', target: '{answer}', grade: exact}}}";
    let builder = DatasetBuilder::from_yaml("test.yaml", text).unwrap();
    builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
    pool(&builder, folder.path(), "one", &["gsm8k"], 6);
    export(&builder, &folder.path().join("one"), Target::LmEval, &folder.path().join("to")).unwrap();
    let leaf = fs::read_to_string(folder.path().join("to/symphony_one_gsm8k_easy.yaml")).unwrap();
    assert!(leaf.contains("\"like\":null"), "{leaf}");
}

#[test]
fn preprocessed_benchmarks_are_exported_whole() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    let full = folder.path().join("full");
    let some = |names: &[&str]| ExportOptions {
        benchmarks: names.iter().map(|name| (*name).to_owned()).collect(),
        ..options(Target::Inspect)
    };
    let exported = export_with(&builder, &full, &some(&["gsm8k", "amc"]), &folder.path().join("two")).unwrap();
    assert_eq!((exported.name.as_str(), exported.tasks), ("full", 240));
    let samples = json_lines(&folder.path().join("two/full.jsonl"));
    let stored = json_lines(&full.join("gsm8k_full.jsonl"));
    for (sample, task) in samples.iter().zip(&stored) {
        assert_eq!((&sample["id"], &sample["metadata"]["symphony"]["source_id"]), (&task["task_id"], &task["task_id"]));
        assert_eq!(sample["metadata"]["symphony"]["identity"], task["identity"]);
    }
    // One store, by its file.
    let exported = export(&builder, &full.join("amc_full.jsonl"), Target::Inspect, &folder.path().join("amc")).unwrap();
    assert_eq!((exported.name.as_str(), exported.tasks), ("amc", 40));
    let wrong = export_with(&builder, &full, &some(&["gsm9k"]), &folder.path().join("no")).unwrap_err();
    assert_eq!(
        wrong,
        format!(
            "{}: gsm9k is not preprocessed here; this folder has amc, bare, bbh, gsm8k, humaneval, medical_qa, mine",
            full.display()
        )
    );
    assert!(!folder.path().join("no").exists());
}

#[test]
fn a_benchmark_without_a_prompt_and_a_row_that_cannot_be_asked_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "bare", &["bare"], 6);
    let to = folder.path().join("to");
    let told = export(&builder, &folder.path().join("bare"), Target::Inspect, &to).unwrap_err();
    assert!(
        told.contains(
            "benchmarks.bare: has no `prompt`, so that it can be exported to hf alone; write `prompt: {input:"
        ),
        "{told}"
    );
    assert!(told.contains("question, answer, task_id"), "{told}");

    pool(&builder, folder.path(), "mine", &["mine"], 6);
    let file = folder.path().join("mine/task_pool.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let mut tasks = json_lines(&file);
    tasks[3]["raw_data"].as_object_mut().unwrap().remove("answer");
    let (id, source) = (tasks[3]["task_id"].as_str().unwrap(), tasks[3]["source_id"].as_str().unwrap());
    fs::write(&file, tasks.iter().map(|task| task.to_string() + "\n").collect::<String>()).unwrap();
    for target in [Target::Inspect, Target::LmEval] {
        let told = export(&builder, &folder.path().join("mine"), target, &to).unwrap_err();
        let expected = format!(
            "{}: the task {id} ({source}) cannot be asked: field `answer`: missing from this row, which has: question, task_id; \
             correct `benchmarks.mine.prompt`, or the row",
            folder.path().join("mine").display()
        );
        assert_eq!(told, expected);
        assert!(!to.exists(), "nothing is half-written");
    }
    // A benchmark that the configuration does not have.
    fs::write(&file, text.replace("\"benchmark\":\"mine\"", "\"benchmark\":\"mime\"")).unwrap();
    let told = export(&builder, &folder.path().join("mine"), Target::Inspect, &to).unwrap_err();
    assert!(told.contains("there is no benchmark `mime`; did you mean `mine`?"), "{told}");
}

#[test]
fn a_pool_without_store_manifest_and_ids_is_exported_too() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &["gsm8k", "mine"], 12);
    let mut tasks = json_lines(&folder.path().join("one/task_pool.jsonl"));
    fs::remove_dir_all(folder.path().join("full")).unwrap();
    // As the Python program wrote them.
    for task in &mut tasks {
        let task = task.as_object_mut().unwrap();
        task.remove("source_id");
        task.remove("identity");
    }
    let file = folder.path().join("exp9.jsonl");
    fs::write(&file, tasks.iter().map(|task| task.to_string() + "\n").collect::<String>()).unwrap();
    let exported = export(&builder, &file, Target::Inspect, &folder.path().join("to")).unwrap();
    assert_eq!((exported.name.as_str(), exported.tasks, exported.distinct), ("exp9", 12, 12));
    let sample = &json_lines(&folder.path().join("to/exp9.jsonl"))[0];
    assert!(sample["metadata"]["symphony"].get("identity").is_none());
    assert_eq!(
        sample["metadata"]["cluster"],
        format!("{}/{}", sample["metadata"]["benchmark"].as_str().unwrap(), sample["id"].as_str().unwrap())
    );
}

#[test]
fn an_export_replaces_only_what_an_export_of_its_name_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &["gsm8k", "amc"], 12);
    pool(&builder, folder.path(), "two", &["gsm8k"], 12);
    let (one, two, to) = (folder.path().join("one"), folder.path().join("two"), folder.path().join("to"));
    export(&builder, &one, Target::LmEval, &to).unwrap();
    let before = files(&to);
    let occupied = |what: &str| format!("{}: an export is not written over {what}", to.display());
    assert_eq!(export(&builder, &two, Target::LmEval, &to).unwrap_err(), occupied("the export of one to lm-eval"));
    assert_eq!(export(&builder, &one, Target::Inspect, &to).unwrap_err(), occupied("the export of one to lm-eval"));
    assert_eq!(
        export(&builder, &one, Target::Inspect, &two).unwrap_err(),
        format!("{}: an export is not written over a pool", two.display())
    );
    assert_eq!(files(&to), before);

    // Another pool of the same name: what it does not have any more goes.
    let named = |force| ExportOptions { name: Some("one".to_owned()), force, ..options(Target::LmEval) };
    export_with(&builder, &two, &named(false), &to).unwrap();
    assert!(to.join("symphony_one_gsm8k.yaml").exists() && !to.join("symphony_one_amc.yaml").exists());
    assert!(!to.join("data/amc_easy.jsonl").exists());

    // A file that the user changed stays, and so does a log that they wrote there.
    fs::write(to.join("utils.py"), "# mine").unwrap();
    fs::write(to.join("log.txt"), "mine").unwrap();
    let before = files(&to);
    let told = export_with(&builder, &one, &named(false), &to).unwrap_err();
    assert_eq!(told, occupied("utils.py, which was changed since it was exported"));
    assert_eq!(files(&to), before);
    export_with(&builder, &one, &named(true), &to).unwrap();
    assert_eq!(fs::read_to_string(to.join("log.txt")).unwrap(), "mine");
    assert_ne!(fs::read_to_string(to.join("utils.py")).unwrap(), "# mine");

    // A folder of another program: its files stay.
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("README.md"), "mine").unwrap();
    let told = export(&builder, &one, Target::Inspect, &other).unwrap_err();
    assert_eq!(told, format!("{}: an export is not written over README.md, which no export wrote", other.display()));
    assert_eq!(files(&other).len(), 1);
}

#[test]
fn a_run_that_was_killed_before_the_manifest_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &["gsm8k"], 12);
    let (one, to) = (folder.path().join("one"), folder.path().join("to"));
    for target in Target::ALL {
        let to = to.join(target.name());
        export(&builder, &one, target, &to).unwrap();
        let whole = files(&to);
        fs::remove_file(to.join("manifest.json")).unwrap();
        fs::write(to.join(".README.md.unfinished"), "half").unwrap();
        export(&builder, &one, target, &to).unwrap();
        assert_eq!(files(&to), whole);
    }
}

/// Asks to stop after some tasks of the last pass.
struct Stops(AtomicU64);

impl Progress for Stops {
    fn rows(&self, _: &str, pass: Pass, done: u64, _: Option<u64>) {
        if pass == Pass::Export {
            self.0.store(done, Ordering::Relaxed);
        }
    }

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 256
    }
}

#[test]
fn an_interrupted_export_leaves_the_old_one_whole_and_nothing_else_behind() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    let full = folder.path().join("full");
    for target in Target::ALL {
        let to = folder.path().join(format!("a/b/{}", target.name()));
        let some = ExportOptions { benchmarks: vec!["gsm8k".into(), "bbh".into()], ..options(target) };
        let stopped = || {
            let stops = Stops(AtomicU64::new(0));
            export::export(vec![Input::Path(full.clone())], &builder.config, &some, &to, &stops).unwrap_err()
        };
        assert!(Error::from(stopped()).is_stop());
        assert!(!to.exists());
        export_with(&builder, &full, &some, &to).unwrap();
        let before = files(&to);
        assert!(Error::from(stopped()).is_stop());
        assert_eq!(files(&to), before);
    }
}

#[test]
fn two_exports_to_one_folder_at_once_both_succeed_or_the_second_says_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &["gsm8k"], 60);
    pool(&builder, folder.path(), "two", &["gsm8k"], 30);
    let config = &builder.config;
    for (a, b, targets) in [("one", "one", [Target::LmEval; 2]), ("one", "two", [Target::LmEval, Target::Hf])] {
        let to = folder.path().join(format!("to-{b}"));
        let run = |name: &str, target| {
            let input = Input::Path(folder.path().join(name));
            export::export(vec![input], config, &options(target), &to, &Silent).map(|_| files(&to))
        };
        let (first, second) = thread::scope(|scope| {
            let first = scope.spawn(|| run(a, targets[0]));
            let second = scope.spawn(|| run(b, targets[1]));
            (first.join().unwrap(), second.join().unwrap())
        });
        let whole = verify(&to).unwrap();
        assert!(whole.iter().all(|finding| finding.verdict == Verdict::Ok), "{whole:?}");
        let done = [&first, &second].into_iter().flatten().count();
        assert_eq!(done, if a == b { 2 } else { 1 }, "{first:?} {second:?}");
        assert!(!files(&to).keys().any(|name| name.contains("unfinished")));
    }
}

#[test]
fn several_pools_go_to_folders_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    for name in ["one", "b/one", "tw o-2"] {
        pool(&builder, folder.path(), name, &["gsm8k"], 6);
    }
    let inputs = |names: &[&str]| names.iter().map(|name| Input::Path(folder.path().join(name))).collect();
    let to = folder.path().join("to");
    let exported = builder.export(inputs(&["one", "tw o-2"]), &options(Target::Inspect), &to).unwrap();
    assert_eq!(exported.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["one", "tw_o_2"]);
    assert!(to.join("one/one.py").exists() && to.join("tw_o_2/tw_o_2.jsonl").exists());
    let told = builder.export(inputs(&["one", "b/one"]), &options(Target::Inspect), &to).unwrap_err().to_string();
    assert!(told.contains("would both be exported as `one`"), "{told}");
    let named = ExportOptions { name: Some("x".to_owned()), ..options(Target::Inspect) };
    let told = builder.export(inputs(&["one", "tw o-2"]), &named, &to).unwrap_err().to_string();
    assert!(told.contains("one name is given for several exports"), "{told}");
    for name in ["a b", "", "1a", "a/b", "é", "a-b"] {
        let named = ExportOptions { name: Some(name.to_owned()), ..options(Target::Inspect) };
        let told = export_with(&builder, &folder.path().join("one"), &named, &folder.path().join("x")).unwrap_err();
        assert!(told.contains("is not a valid name for an export"), "{told}");
    }
    // Nothing to export, and where it may lie.
    let told = export(&builder, folder.path(), Target::Inspect, &to).unwrap_err();
    assert!(told.contains("there is no pool and no preprocessed benchmark here; name one of"), "{told}");
    assert!(told.contains("/full") && told.contains("/one"), "{told}");
    let told = export(&builder, &folder.path().join("none"), Target::Inspect, &to).unwrap_err();
    assert!(told.ends_with("; name a pool's folder or file, or a folder of preprocessed benchmarks"), "{told}");
}

#[test]
fn a_name_that_two_tasks_would_have_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let text = "benchmarks: {hard: {path: 'synthetic:gsm8k?rows=60', difficulty: {preset: gsm8k}, prompt: {input: '{question}', target: '{answer}', grade: exact}}}";
    let builder = DatasetBuilder::from_yaml("test.yaml", text).unwrap();
    builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
    pool(&builder, folder.path(), "one", &["hard"], 6);
    let to = folder.path().join("to");
    let told = export(&builder, &folder.path().join("one"), Target::LmEval, &to).unwrap_err();
    assert!(told.starts_with("two tasks or groups would have the name symphony_one_hard, "), "{told}");
    assert!(!to.exists());
}

#[test]
fn a_stream_is_exported_with_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 8, ..RequestSpec::default() };
    let stream = builder.build_task_stream(&spec, &folder.path().join("full")).unwrap();
    let to = folder.path().join("to");
    let exported = builder.export(vec![stream.into()], &options(Target::Inspect), &to).unwrap();
    assert_eq!((exported[0].name.as_str(), exported[0].tasks), ("pool", 8));
    let manifest: Value = serde_json::from_slice(&fs::read(to.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["pool"]["request"]["n_total_tasks"], 8);
    let error =
        builder.export(vec![Input::Tasks(GivenTasks::default())], &options(Target::Inspect), &folder.path().join("no"));
    assert!(matches!(error, Err(Error::Pool(_))));
    assert!(!folder.path().join("no").exists());
}

#[test]
fn tasks_that_could_not_be_told_apart_and_invalid_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 8, ..RequestSpec::default() };
    let stream = builder.build_task_stream(&spec, &folder.path().join("full")).unwrap();
    let tasks = |twice: bool| -> Vec<_> { stream.iter().chain(stream.iter().filter(|_| twice)).cloned().collect() };
    let to = folder.path().join("to");
    for target in Target::ALL {
        let given = GivenTasks { tasks: tasks(true), ..GivenTasks::default() };
        let told = builder.export(vec![Input::Tasks(given)], &options(target), &to).unwrap_err().to_string();
        assert!(told.starts_with("tasks: two tasks have the id exp_00000_gsm8k, so that"), "{told}");
        let mut invalid = tasks(false);
        invalid[3].difficulty_bin = "tough".to_owned();
        let given = GivenTasks { tasks: invalid, ..GivenTasks::default() };
        let told = builder.export(vec![Input::Tasks(given)], &options(target), &to).unwrap_err().to_string();
        assert!(told.contains("exp_00003_gsm8k: its difficulty_bin is \"tough\""), "{told}");
        assert!(!to.exists());
    }
    // A benchmark that is named twice is exported once; a part of a stream is not exported by name.
    let twice = ExportOptions { benchmarks: vec!["amc".into(), "amc".into()], ..options(Target::Inspect) };
    assert_eq!(export_with(&builder, &folder.path().join("full"), &twice, &to).unwrap().tasks, 40);
    let given = GivenTasks { tasks: tasks(false), ..GivenTasks::default() };
    let told = builder.export(vec![Input::Tasks(given)], &twice, &to).unwrap_err().to_string();
    assert!(told.contains("which is exported whole"), "{told}");
}

#[test]
fn an_export_never_lies_among_its_tasks_or_among_preprocessed_benchmarks() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &["gsm8k"], 6);
    let (one, full) = (folder.path().join("one"), folder.path().join("full"));
    let before = (files(&one), files(&full));
    for target in Target::ALL {
        let forced = ExportOptions { force: true, ..options(target) };
        for (from, to) in [(&one, &one), (&full, &full), (&one, &full)] {
            let told = export_with(&builder, from, &forced, to).unwrap_err();
            assert!(
                told.contains("the tasks lie in this folder") || told.contains("over preprocessed benchmarks"),
                "{told}"
            );
        }
    }
    assert_eq!((files(&one), files(&full)), before);
    // A folder in the place of the manifest is in the way before any file is written.
    let to = folder.path().join("to");
    fs::create_dir_all(to.join("manifest.json")).unwrap();
    let forced = ExportOptions { force: true, ..options(Target::Inspect) };
    export_with(&builder, &one, &forced, &to).unwrap_err();
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
}

#[test]
fn a_part_of_a_stream_keeps_the_mark_of_generated_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &["gsm8k"], 12);
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 8, ..RequestSpec::default() };
    let stream = builder.build_task_stream(&spec, &folder.path().join("full")).unwrap();
    let Input::Tasks(whole) = stream.into() else { panic!("a stream is tasks") };
    let part = GivenTasks { tasks: whole.tasks[..4].to_vec(), manifest: None, part_of: whole.manifest };
    for target in Target::ALL {
        let to = folder.path().join(target.name());
        builder.export(vec![Input::Tasks(part.clone())], &options(target), &to).unwrap();
        let readme = fs::read_to_string(to.join("README.md")).unwrap();
        assert!(readme.contains("SYNTHETIC") && !readme.contains("license: mit"), "{readme}");
        let manifest: Value = serde_json::from_slice(&fs::read(to.join("manifest.json")).unwrap()).unwrap();
        assert_eq!((&manifest["synthetic"], &manifest["pool"]), (&json!(true), &Value::Null));
    }
}

#[test]
fn a_readme_says_how_results_come_back_and_what_weights_mean() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(folder.path());
    pool(&builder, folder.path(), "one", &["gsm8k"], 12);
    for (select, weighted) in [("bins", false), ("informative", true)] {
        let spec = RequestSpec {
            benchmarks: vec!["gsm8k".into()],
            n_total_tasks: 8,
            select: Some(select.to_owned()),
            ..RequestSpec::default()
        };
        let stream = builder.build_task_stream(&spec, &folder.path().join("full")).unwrap();
        let Input::Tasks(tasks) = stream.into() else { panic!("a stream is tasks") };
        assert_eq!(tasks.tasks.iter().all(|task| task.weight.is_some()), weighted);
        for target in Target::ALL {
            let to = folder.path().join(format!("{select}-{}", target.name()));
            builder.export(vec![Input::Tasks(tasks.clone())], &options(target), &to).unwrap();
            let readme = fs::read_to_string(to.join("README.md")).unwrap();
            let said = "so the accuracy on them is not the benchmark's: `symphony-data results` estimates that.";
            assert_eq!(readme.contains(said), weighted, "{readme}");
            // A dataset is not run from its folder, so that its card says nothing of logs.
            let back = "\n$ symphony-data results --pool POOL --responses LOGS\n$ symphony-data validate ";
            assert_eq!(readme.contains(back), target != Target::Hf, "{readme}");
        }
    }
    // Whole benchmarks are no pool, so there is nothing to give as one.
    let to = folder.path().join("whole");
    let only = ExportOptions { benchmarks: vec!["gsm8k".into()], ..options(Target::Inspect) };
    builder.export(vec![Input::Path(folder.path().join("full"))], &only, &to).unwrap();
    let readme = fs::read_to_string(to.join("README.md")).unwrap();
    assert!(!readme.contains("symphony-data results") && readme.contains("$ symphony-data validate "), "{readme}");
}
