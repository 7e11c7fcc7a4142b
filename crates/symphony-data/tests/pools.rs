//! Pools on disk: the fields of a task, statistics, and verification.

mod support;

use std::{collections::HashMap, fs, path::Path};

use serde_json::{Value, json};
use support::json_lines;
use symphony_data::{
    DatasetBuilder,
    config::Config,
    draw::{Order, Stores, Writing, make_pools},
    pool::{read_pool, statistics::Gatherer},
    preprocess::{PreprocessOptions, Upkeep},
    progress::Silent,
    request::{Replacement, RequestSpec},
    task::{Layout, Task},
    verify::{Verdict, verify},
};

/// A pool of 60 tasks of two benchmarks, in `folder/pool`, from stores in `folder/full`.
fn pool(folder: &Path, sampler: &str) -> DatasetBuilder {
    let builder = DatasetBuilder::from_yaml(
        "test.yaml",
        "benchmarks: {humaneval: {path: 'synthetic:humaneval'}, amc: {path: 'synthetic:amc'}}",
    )
    .unwrap();
    let full = folder.join("full");
    builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
    let spec = RequestSpec {
        benchmarks: vec!["humaneval".into(), "amc".into()],
        n_total_tasks: 160,
        sampler: Some(sampler.into()),
        sample_with_replacement: Some(Replacement::WhenShort),
        ..RequestSpec::default()
    };
    let request = spec.resolve(&builder.config).unwrap();
    let library = Stores::open(&builder.config, &full, [&request], Upkeep::Rebuild, &Silent).unwrap();
    let order = Order { request: &request, experiment: None, output: folder.join("pool"), format: Layout::Jsonl };
    make_pools(&library, std::slice::from_ref(&order), Writing::default(), &Silent).unwrap();
    builder
}

#[test]
fn every_task_has_its_place_in_the_store_and_its_identity() {
    for sampler in ["numpy", "stable"] {
        let folder = tempfile::tempdir().unwrap();
        pool(folder.path(), sampler);
        let mut stores: HashMap<String, Value> = HashMap::new();
        for benchmark in ["humaneval", "amc"] {
            for task in json_lines(&folder.path().join(format!("full/{benchmark}_full.jsonl"))) {
                stores.insert(task["task_id"].as_str().unwrap().to_owned(), task);
            }
        }
        for (place, task) in json_lines(&folder.path().join("pool/task_pool.jsonl")).iter().enumerate() {
            let keys: Vec<&String> = task.as_object().unwrap().keys().collect();
            let expected = [
                "task_id",
                "benchmark",
                "difficulty_score",
                "difficulty_bin",
                "raw_data",
                "scorer_metadata",
                "source_id",
                "identity",
            ];
            assert_eq!(keys, expected);
            assert_eq!(task["task_id"], format!("exp_{place:05}_{}", task["benchmark"].as_str().unwrap()));
            let stored = &stores[task["source_id"].as_str().unwrap()];
            for key in ["benchmark", "difficulty_score", "difficulty_bin", "raw_data", "scorer_metadata", "identity"] {
                assert_eq!(task[key], stored[key], "{key}");
            }
        }
    }
}

#[test]
fn an_identity_is_the_xxh3_of_the_identity_fields() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.jsonl");
    fs::write(
        &rows,
        "{\"a\": \"x\", \"b\": {\"c\": [1, 2]}, \"n\": 1}\n{\"a\": \"caf\\u00e9\", \"b\": {\"c\": 2.50}, \"n\": 2}\n",
    )
    .unwrap();
    let store = |identity: &str| {
        let yaml = format!(
            "benchmarks: {{mine: {{path: 'file:{}', identity: {identity}, difficulty: {{features: {{n: {{number: n}}}}, score: [{{feature: n}}]}}}}}}",
            rows.display()
        );
        let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
        builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
        let tasks = json_lines(&folder.path().join("full/mine_full.jsonl"));
        tasks.iter().map(|task| task["identity"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let hash = |text: &str| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()));
    assert_eq!(store("[a, b.c]"), [hash("x\u{1f}[1,2]"), hash("café\u{1f}2.50")]);
    assert_eq!(store("[]"), [hash("0"), hash("1")]);
}

#[test]
fn statistics_count_repeats_and_their_cost() {
    let task = |source: &str, benchmark: &str, score: f64, bin: &str| -> Task {
        serde_json::from_value(
            json!({"task_id": "exp_00000_x", "benchmark": benchmark, "difficulty_score": score, "difficulty_bin": bin,
            "raw_data": {}, "scorer_metadata": {}, "source_id": source, "identity": format!("{:016x}", xxhash_rust::xxh3::xxh3_64(source.as_bytes()))}),
        )
        .unwrap()
    };
    let mut gatherer = Gatherer::new(["b".to_owned(), "a".to_owned()], false);
    for (source, benchmark, score, bin) in
        [("a_1", "a", 0.0, "easy"), ("a_1", "a", 0.0, "easy"), ("a_2", "a", 1.0, "hard"), ("b_7", "b", 0.5, "hard")]
    {
        gatherer.add(task(source, benchmark, score, bin).view());
    }
    let statistics = serde_json::to_value(gatherer.finish().unwrap()).unwrap();
    // By hand: mean 1.5/4; variance (2·0.375² + 0.625² + 0.125²)/4; Kish 16/(4+1+1) and 9/(4+1).
    assert_eq!(statistics["benchmarks"], json!(["b", "a"]));
    assert_eq!(statistics["difficulty_distribution"]["mean"], 0.375);
    let std = ((2.0 * 0.375_f64.powi(2) + 0.625_f64.powi(2) + 0.125_f64.powi(2)) / 4.0).sqrt();
    assert!((statistics["difficulty_distribution"]["std"].as_f64().unwrap() - std).abs() < 1e-15);
    assert_eq!(statistics["difficulty_bins"], json!({"easy": 2, "hard": 2}));
    assert_eq!((&statistics["n_unique"], &statistics["max_repeats"]), (&3.into(), &2.into()));
    assert!((statistics["effective_n"].as_f64().unwrap() - 16.0 / 6.0).abs() < 1e-12);
    assert_eq!(statistics["benchmark_breakdown"]["a"]["effective_n"], 1.8);
}

#[test]
fn pools_of_the_python_program_have_statistics_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("task_pool.jsonl");
    let line = |id: usize, text: &str, bin: &str| {
        format!(
            r#"{{"task_id": "exp_{id:05}_gsm8k", "benchmark": "gsm8k", "difficulty_score": 0.5, "difficulty_bin": "{bin}", "raw_data": {{"question": "{text}"}}, "scorer_metadata": {{"reasoning_steps": 2.0}}}}"#
        )
    };
    fs::write(&path, [line(0, "a", "easy"), line(1, "b", "hard"), line(2, "a", "easy")].join("\n")).unwrap();
    let mut gatherer = Gatherer::new([], false);
    read_pool(&path).unwrap().for_each(|task| gatherer.add(task.unwrap().view()));
    let statistics = gatherer.finish().unwrap();
    assert_eq!((statistics.n_total, statistics.repeats.n_unique, statistics.repeats.max_repeats), (3, 2, 2));
}

#[test]
fn verification_notices_every_flipped_or_missing_byte() {
    let folder = tempfile::tempdir().unwrap();
    pool(folder.path(), "numpy");
    let findings = verify(folder.path()).unwrap();
    assert_eq!(findings.len(), 9, "two stores, their indexes and metas, pool, statistics and manifest");
    assert!(findings.iter().all(|finding| finding.problem.is_none()), "{findings:?}");
    for finding in findings {
        let whole = fs::read(&finding.path).unwrap();
        let bad = |bytes: &[u8]| {
            fs::write(&finding.path, bytes).unwrap();
            verify(folder.path()).unwrap().iter().any(|finding| finding.problem.is_some())
        };
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(bad(&flipped), "{} with byte {at} flipped", finding.path.display());
            let mut missing = whole.clone();
            missing.remove(at);
            assert!(bad(&missing), "{} without byte {at}", finding.path.display());
        }
        assert!(!bad(&whole));
        fs::remove_file(&finding.path).unwrap();
        if !finding.path.ends_with("manifest.json") && !finding.path.to_string_lossy().ends_with("meta.json") {
            assert!(
                verify(folder.path()).unwrap().iter().any(|f| f.path == finding.path
                    && f.problem.as_deref().is_some_and(|problem| problem.contains("missing")))
            );
        }
        fs::write(&finding.path, &whole).unwrap();
    }
}

#[test]
fn a_pool_can_be_saved_with_its_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let builder = pool(folder.path(), "numpy");
    let tasks: Vec<_> = read_pool(&folder.path().join("pool/task_pool.jsonl")).unwrap().map(Result::unwrap).collect();
    builder.save_task_pool(&tasks.clone().into(), &folder.path().join("mine/pool.jsonl")).unwrap();
    builder.save_statistics(&tasks.into(), &folder.path().join("mine/stats.json")).unwrap();
    assert_eq!(
        fs::read(folder.path().join("mine/pool.jsonl")).unwrap(),
        fs::read(folder.path().join("pool/task_pool.jsonl")).unwrap()
    );
    let statistics: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("mine/stats.json")).unwrap()).unwrap();
    assert_eq!(statistics["n_total"], 160);
}

#[test]
fn a_saved_stream_has_a_manifest_and_can_be_verified() {
    let folder = tempfile::tempdir().unwrap();
    let builder = pool(folder.path(), "numpy");
    let request = RequestSpec {
        benchmarks: vec!["amc".into()],
        n_total_tasks: 12,
        random_seed: Some(3),
        ..RequestSpec::default()
    };
    let tasks = builder.build_task_stream(&request, &folder.path().join("full")).unwrap();
    let mine = folder.path().join("mine");
    builder.save_task_pool(&tasks, &mine.join("task_pool.jsonl")).unwrap();
    builder.save_task_pool(&tasks, &mine.join("amc.parquet")).unwrap();
    for (manifest, file) in [("manifest.json", "task_pool.jsonl"), ("amc.manifest.json", "amc.parquet")] {
        let manifest: Value = serde_json::from_str(&fs::read_to_string(mine.join(manifest)).unwrap()).unwrap();
        assert_eq!(
            (&manifest["request"]["random_seed"], &manifest["request"]["n_total_tasks"]),
            (&json!(3), &json!(12))
        );
        assert_eq!(manifest["benchmarks"][0]["benchmark"], "amc");
        assert_eq!(manifest["outputs"].as_object().unwrap().keys().collect::<Vec<_>>(), [file]);
    }
    let problem = |name: &str| {
        let found = verify(&mine).unwrap().into_iter().find(|finding| finding.path.ends_with(name));
        found.unwrap_or_else(|| panic!("{name} was not looked at")).problem
    };
    assert_eq!((problem("task_pool.jsonl"), problem("amc.parquet")), (None, None));
    builder.save_statistics(&tasks, &mine.join("statistics.json")).unwrap();
    assert_eq!((problem("manifest.json"), problem("statistics.json")), (None, None));
    fs::write(mine.join("amc.parquet"), "changed").unwrap();
    assert!(problem("amc.parquet").is_some());
    // The manifest of the replaced pool is removed.
    builder.save_task_pool(&tasks[..3].to_vec().into(), &mine.join("amc.parquet")).unwrap();
    assert!(!mine.join("amc.manifest.json").exists());
    fs::write(mine.join("amc.manifest.json"), "{\"name\": \"mine\"}").unwrap();
    let error = builder.save_task_pool(&tasks, &mine.join("amc.parquet")).unwrap_err().to_string();
    assert!(error.contains("amc.manifest.json") && error.contains("symphony-data did not write it"), "{error}");
    // The manifest of another pool is left as it is.
    let vouched = fs::read_to_string(mine.join("manifest.json")).unwrap();
    builder.save_task_pool(&tasks[..3].to_vec().into(), &mine.join("task_pool.parquet")).unwrap();
    assert_eq!(fs::read_to_string(mine.join("manifest.json")).unwrap(), vouched);
    assert_eq!(problem("task_pool.jsonl"), None);
    // A part of a stream, or a list of tasks, has no manifest, and verification reports that.
    let alone = folder.path().join("alone");
    builder.save_task_pool(&tasks[..3].to_vec().into(), &alone.join("task_pool.jsonl")).unwrap();
    let findings = verify(&alone).unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].verdict, Verdict::Unvouched);
    assert!(findings[0].problem.as_deref().is_some_and(|problem| problem.contains("no manifest.json beside it")));
}

#[test]
fn a_pool_replaces_only_one_of_the_same_experiment_or_request() {
    let folder = tempfile::tempdir().unwrap();
    let builder = pool(folder.path(), "numpy");
    let (full, output) = (folder.path().join("full"), folder.path().join("out"));
    let asked = |seed| {
        let spec = RequestSpec {
            benchmarks: vec!["amc".into()],
            n_total_tasks: 12,
            random_seed: Some(seed),
            ..RequestSpec::default()
        };
        spec.resolve(&builder.config).unwrap()
    };
    let made = |seed, force| {
        let request = asked(seed);
        let order = Order { request: &request, experiment: None, output: output.clone(), format: Layout::Jsonl };
        let library = Stores::open(&builder.config, &full, [&request], Upkeep::Rebuild, &Silent).unwrap();
        let writing = Writing { strict: false, force };
        make_pools(&library, std::slice::from_ref(&order), writing, &Silent)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    made(1, false).unwrap();
    made(1, false).unwrap();
    let pool_file = output.join("task_pool.jsonl");
    let first = fs::read(&pool_file).unwrap();
    let holds = |what: &str| format!("{} holds {what}; nothing was written", output.display());
    assert_eq!(made(2, false), Err(holds("a pool that another request made")));
    assert_eq!(fs::read(&pool_file).unwrap(), first);
    made(2, true).unwrap();
    assert_ne!(fs::read(&pool_file).unwrap(), first);
    // Files of a run that was stopped in between are not a user's work.
    let whole = fs::read(&pool_file).unwrap();
    fs::remove_file(output.join("manifest.json")).unwrap();
    made(2, false).unwrap();
    fs::remove_file(output.join("manifest.json")).unwrap();
    let unknown = "a task_pool.jsonl without a manifest, so its origin is unknown";
    assert_eq!(made(3, false), Err(holds(unknown)));
    made(1, true).unwrap();
    fs::write(&pool_file, &whole).unwrap();
    assert_eq!(made(3, false), Err(holds("a task_pool.jsonl that was changed since it was written")));
    made(1, true).unwrap();
    let manifest_of_1 = fs::read(output.join("manifest.json")).unwrap();
    made(2, true).unwrap();
    fs::write(output.join("manifest.json"), &manifest_of_1).unwrap();
    made(2, false).unwrap();
    // A user's changes to a pool are not lost.
    fs::write(&pool_file, "my notes\n").unwrap();
    assert_eq!(made(2, false), Err(holds("a task_pool.jsonl that was changed since it was written")));
    // A pool of another program is not lost either.
    fs::remove_file(output.join("manifest.json")).unwrap();
    assert_eq!(made(2, false), Err(holds("a task_pool.jsonl without a manifest, so its origin is unknown")));
    assert_eq!(fs::read_to_string(&pool_file).unwrap(), "my notes\n");
    // An edited experiment is still the same experiment.
    fs::remove_dir_all(&output).unwrap();
    let experiment = |n: u64, id: &str| {
        let text = format!("experiments: {{{id}: {{benchmarks: [amc], n_total_tasks: {n}}}}}");
        let yaml = "benchmarks: {amc: {path: 'synthetic:amc'}}";
        let config = Config::from_yaml_with_experiments("c.yaml", yaml, Some(("e.yaml", &text))).unwrap();
        let order = Order { output: output.clone(), ..Order::of(&config.experiments[0], folder.path(), Layout::Jsonl) };
        let library = Stores::open(&config, &full, [order.request], Upkeep::Rebuild, &Silent).unwrap();
        make_pools(&library, std::slice::from_ref(&order), Writing::default(), &Silent)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    experiment(10, "mine").unwrap();
    experiment(11, "mine").unwrap();
    assert_eq!(experiment(11, "other"), Err(holds("the pool of the experiment mine")));
    assert_eq!(made(1, false), Err(holds("the pool of the experiment mine")));
}
