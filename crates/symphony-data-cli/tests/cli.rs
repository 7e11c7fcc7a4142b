//! The program as a user meets it: exit codes, what goes where, and the main job from end to end.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

mod support;

use support::{Place, real_data};

#[test]
fn the_demo_does_the_main_job_without_network_and_says_that_its_tasks_are_synthetic() {
    let place = Place::new();
    let output = place.run("quick-start --demo");
    assert!(output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("SYNTHETIC"), "{stderr}");
    assert!(
        stderr.contains("using the built-in data_config.yaml")
            && stderr.contains("using the built-in experiments.yaml")
    );
    let stdout = String::from_utf8_lossy(&output.stdout);
    let header: Vec<&str> =
        stdout.lines().next().unwrap().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    for column in ["pool", "benchmark", "asked", "drawn", "max repeats", "effective n", "easy ≤", "hard ≥"] {
        assert!(header.contains(&column), "{column} is not in {header:?}");
    }
    for (experiment, n) in [("exp1", 1000), ("exp2", 500), ("exp3", 500), ("exp5", 2000)] {
        assert!(stdout.contains(&format!("{experiment}: {n} of {n} tasks in data/{experiment}")), "{stdout}");
        let pool = fs::read_to_string(place.path(&format!("data/{experiment}/task_pool.jsonl"))).unwrap();
        assert_eq!(pool.lines().count(), n);
        let manifest: Value =
            serde_json::from_str(&fs::read_to_string(place.path(&format!("data/{experiment}/manifest.json"))).unwrap())
                .unwrap();
        assert_eq!(manifest["synthetic"], true);
    }
    let first = place.files("data");
    assert_eq!(first.len(), 5 * 3 + 4 * 3);
    place.ok("quick-start --demo");
    assert!(place.files("data") == first, "the same request gives the same bytes");
    place.ok("verify data");
}

#[test]
fn quick_start_on_the_five_real_benchmarks_gives_the_pools_of_the_python_program() {
    let Some(data) = real_data() else { return };
    let place = Place::new();
    let data = data.display();
    let config = json!({"benchmarks": {
        "humaneval": {"path": format!("file:{data}/humaneval/test.jsonl")},
        "gsm8k": {"path": format!("file:{data}/gsm8k/test.jsonl")},
        "bbh": {"path": format!("file:{data}/bbh/{{config}}.jsonl")},
        "amc": {"path": format!("file:{data}/amc/train.jsonl")},
        "medical_qa": {"path": format!("file:{data}/medical_qa/test.jsonl")},
    }});
    fs::write(place.path("real.yaml"), config.to_string()).unwrap();
    place.ok("--config real.yaml quick-start");
    for experiment in ["exp1", "exp2", "exp3", "exp5"] {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../symphony-data/tests/golden/default/pools/{experiment}.json"));
        let golden: Value = serde_json::from_str(&fs::read_to_string(golden).unwrap()).unwrap();
        let pool = fs::read_to_string(place.path(&format!("data/{experiment}/task_pool.jsonl"))).unwrap();
        let tasks: Vec<Value> = pool
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .map(|task: Value| {
                json!([task["task_id"], task["source_id"], task["difficulty_bin"], task["difficulty_score"]])
            })
            .collect();
        assert_eq!(tasks, *golden["tasks"].as_array().unwrap(), "{experiment}");
    }
    assert_eq!(
        place.files("data/exp2")[Path::new("task_pool.jsonl")],
        place.files("data/exp3")[Path::new("task_pool.jsonl")]
    );
}

#[test]
fn the_same_request_gives_the_same_bytes_with_one_thread_or_many() {
    let with_threads = |threads: &str| {
        let place = Place::new();
        let output = place.command("-q quick-start --demo").env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(output.status.success());
        (output.stdout, place.files("data"))
    };
    let one = with_threads("1");
    assert!(one == with_threads("2") && one == with_threads("7"));
}

#[test]
fn two_million_rows_are_preprocessed_in_512_mib_of_address_space() {
    let place = Place::new();
    fs::write(place.path("big.yaml"), "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=2000000'}}").unwrap();
    // Each thread reserves address space for its heap, so that their number has to be the same everywhere.
    let script = "ulimit -v 524288 && exec \"$0\" --config big.yaml preprocess";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_symphony-data")])
        .env("RAYON_NUM_THREADS", "2")
        .current_dir(place.0.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let meta = fs::read_to_string(place.path("data/benchmarks/full/gsm8k_full_meta.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&meta).unwrap()["n_tasks_full"], 2_000_000);
}

const SMALL: &str = "
benchmarks:
  humaneval: {path: 'synthetic:humaneval'}
  gsm8k: {path: 'synthetic:gsm8k?rows=400'}
experiments:
  short: {benchmarks: [humaneval, gsm8k], n_total_tasks: 300}
  full: {benchmarks: [gsm8k], n_total_tasks: 50, difficulty_split: '1:1:1', sampler: stable}
";

fn small() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("config")).unwrap();
    fs::write(place.path("config/data_config.yaml"), SMALL).unwrap();
    place
}

#[test]
fn experiments_in_the_configuration_itself_are_found_and_named_ones_are_run_alone() {
    let place = small();
    place.ok("preprocess");
    place.ok("run full");
    assert!(place.path("data/full/task_pool.jsonl").exists() && !place.path("data/short").exists());
    let stderr = place.fails(2, "run fulll");
    assert_eq!(stderr, "error: there is no experiment `fulll`; known: short, full\n");
}

#[test]
fn a_short_bin_warns_and_fails_under_strict_before_anything_is_written() {
    let place = small();
    place.ok("preprocess");
    let output = place.run("run");
    assert!(output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains(
            "warning: short: humaneval: 75 easy tasks asked, 33 there; set sample_with_replacement: when_short"
        ),
        "{stderr}"
    );
    fs::remove_dir_all(place.path("data/short")).unwrap();
    fs::remove_dir_all(place.path("data/full")).unwrap();
    let stderr = place.fails(1, "run --strict");
    assert!(
        stderr.ends_with("error: --strict: 1 of 2 requests cannot be met in full; nothing was written\n"),
        "{stderr}"
    );
    assert!(!place.path("data/short").exists() && !place.path("data/full").exists());
}

#[test]
fn a_plan_tells_what_a_run_delivers_and_writes_nothing() {
    let place = small();
    place.ok("preprocess");
    let before = place.files(".");
    let plan: Value = serde_json::from_str(&place.ok("plan --json")).unwrap();
    assert_eq!(place.files("."), before);
    let run: Value = serde_json::from_str(&place.ok("run --json")).unwrap();
    for report in run.as_array().unwrap() {
        for part in report["benchmarks"].as_array().unwrap() {
            for bin in ["easy", "medium", "hard"] {
                let planned = plan.as_array().unwrap().iter().find(|line| {
                    line["pool"] == report["experiment"] && line["benchmark"] == part["benchmark"] && line["bin"] == bin
                });
                let planned = planned.map_or(&json!(0), |line| &line["delivered"]).clone();
                assert_eq!(planned, part["drawn"][bin], "{report}");
            }
        }
    }
    let short: u64 = plan.as_array().unwrap().iter().map(|line| line["short"].as_u64().unwrap()).sum();
    assert_eq!(short, 150 - 66);
    place.fails_after_output(1, "plan --strict");
    place.ok("plan --benchmarks gsm8k --n-total-tasks 20 --difficulty-split 1:2:1 --sampler stable");
}

impl Place {
    /// Like [`Place::fails`] for a command whose table is its answer.
    fn fails_after_output(&self, code: i32, args: &str) {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{args}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn build_makes_one_pool_from_arguments_alone() {
    let place = small();
    place.ok("preprocess");
    let args = "build --benchmarks humaneval,gsm8k --benchmark-ratios humaneval=0.25,gsm8k=0.75 --n-total-tasks 80 \
                --difficulty-split 3:1 --random-seed 18446744073709551615 --sampler stable \
                --difficulty-percentiles gsm8k=10:90 --sample-with-replacement when_short --output mine --json";
    let report: Value = serde_json::from_str(&place.ok(args)).unwrap();
    let statistics: Value =
        serde_json::from_str(&fs::read_to_string(place.path("mine/statistics.json")).unwrap()).unwrap();
    assert_eq!(report[0]["statistics"], statistics);
    assert_eq!(statistics["benchmarks"], json!(["humaneval", "gsm8k"]));
    assert_eq!(statistics["benchmark_breakdown"]["humaneval"]["count"], 20);
    assert_eq!(statistics["difficulty_bins"], json!({"easy": 60, "hard": 20}));
    let manifest: Value = serde_json::from_str(&fs::read_to_string(place.path("mine/manifest.json")).unwrap()).unwrap();
    let expected = json!({
        "benchmarks": ["humaneval", "gsm8k"],
        "benchmark_ratios": {"humaneval": 0.25, "gsm8k": 0.75},
        "difficulty_split": "3:1",
        "n_total_tasks": 80,
        "random_seed": 18_446_744_073_709_551_615_u64,
        "sample_with_replacement": "when_short",
        "sampler": "stable",
        "difficulty_percentiles": {"humaneval": [20, 80], "gsm8k": [10, 90]},
    });
    assert_eq!(manifest["request"], expected);
    let stats: Value = serde_json::from_str(&place.ok("stats mine --json")).unwrap();
    assert_eq!(stats["mine"]["difficulty_distribution"], statistics["difficulty_distribution"]);
    place.ok("stats mine/task_pool.jsonl");
}

#[test]
fn wrong_usage_and_configuration_end_with_2_and_failures_with_1() {
    let place = small();
    assert!(place.fails(2, "build --benchmarks gsm8k").contains("--n-total-tasks"));
    assert!(
        place
            .fails(2, "--config nowhere.yaml preprocess")
            .contains("nowhere.yaml: cannot read this file: No such file")
    );
    assert!(place.fails(2, "run --experiments nowhere.yaml").contains("nowhere.yaml: cannot read this file"));
    assert!(
        place
            .fails(2, "preprocess --benchmarks gsm9k")
            .contains("there is no enabled benchmark `gsm9k`; enabled: humaneval, gsm8k")
    );
    assert!(
        place
            .fails(2, "build --benchmarks gsm8k --n-total-tasks 5 --difficulty-split 80-20 --output x")
            .starts_with("error: difficulty_split: cannot read \"80-20\"")
    );
    assert!(place.fails(1, "run").contains("not preprocessed in data/benchmarks/full: humaneval,gsm8k; run `symphony-data preprocess --benchmarks humaneval,gsm8k --output data/benchmarks/full`, or name"));
    assert!(place.fails(1, "stats config").contains("config: there is no pool here"));
    assert!(place.fails(1, "stats config/data_config.yaml").contains("config/data_config.yaml:2: not a task"));
    assert!(
        place
            .fails(1, "verify config")
            .contains("this folder holds no pool, no preprocessed benchmark and no calibration")
    );
    fs::write(place.path("config/data_config.yaml"), "benchmarks: {gsm8k: {pth: x, enabled: maybe}}").unwrap();
    let stderr = place.fails(2, "preprocess");
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(
        stderr.lines().all(|line| line.starts_with("error: config/data_config.yaml:1: benchmarks.gsm8k.")),
        "{stderr}"
    );
}

#[test]
fn a_demo_replaces_nothing_that_was_made_from_real_tasks() {
    let place = Place::new();
    let rows: String =
        (0..40).map(|i| format!("{{\"question\": \"q{i}\", \"answer\": \"{}\"}}\n", "so\\n".repeat(i % 7))).collect();
    fs::write(place.path("rows.jsonl"), rows).unwrap();
    fs::write(
        place.path("real.yaml"),
        "benchmarks: {gsm8k: {path: 'file:rows.jsonl'}}\nexperiments: {e: {benchmarks: [gsm8k], n_total_tasks: 4}}",
    )
    .unwrap();
    place.ok("--config real.yaml quick-start");
    let before = place.files("data");
    for command in [
        "quick-start",
        "preprocess",
        "run",
        "plan",
        "build --benchmarks gsm8k --n-total-tasks 4 --output data/e",
        "build --benchmarks gsm8k --n-total-tasks 4 --full-dir demo --output data/e",
        "build --benchmarks gsm* --n-total-tasks 4 --output other",
        "plan --benchmarks gsm* --n-total-tasks 4",
        "run --full-dir demo",
    ] {
        let stderr = place.fails(1, &format!("--config real.yaml {command} --demo"));
        assert!(
            stderr.contains("which the demo would replace; name other folders for the demo"),
            "{command}: {stderr}"
        );
    }
    assert!(place.files("data") == before);
    place.ok("--config real.yaml quick-start --demo --output demo");
    place.ok("--config real.yaml quick-start --demo --force");
    assert!(place.files("data") != before);
}

#[test]
fn a_plan_takes_options_of_a_request_only_with_a_request() {
    for option in [
        "--n-total-tasks 10",
        "--random-seed 3",
        "--difficulty-split 9:1",
        "--sampler stable",
        "--where gsm8k.a=b",
        "--exclude x",
    ] {
        assert!(small().fails(2, &format!("plan {option}")).contains("--benchmarks"), "{option}");
        assert!(small().fails(2, &format!("plan short {option}")).contains("cannot be used with"), "{option}");
    }
}

#[test]
fn an_order_is_recorded_and_kept_and_a_wrong_one_is_named() {
    let place = small();
    place.ok("preprocess");
    let build = "build --benchmarks gsm8k,humaneval -n 30 --difficulty-split 1:1:1 --sampler stable";
    let pool = |options: &str, name: &str| {
        place.ok(&format!("{build} {options} --output {name}"));
        let manifest = fs::read_to_string(place.path(&format!("{name}/manifest.json"))).unwrap();
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        let tasks = fs::read_to_string(place.path(&format!("{name}/task_pool.jsonl"))).unwrap();
        let tasks: Vec<Value> = tasks.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (manifest["request"]["order"].clone(), tasks)
    };
    let bins = |tasks: &[Value]| tasks.iter().map(|task| task["difficulty_bin"].clone()).collect::<Vec<_>>();
    let identities = |tasks: &[Value]| {
        let mut all: Vec<String> = tasks.iter().map(|task| task["identity"].to_string()).collect();
        all.sort();
        all
    };
    let (order, mixed) = pool("--order shuffled", "mixed");
    assert_eq!(order, Value::Null);
    let (order, easy_first) = pool("--order easy_first", "easy");
    assert_eq!(order, json!("easy_first"));
    let (order, hard_first) = pool("--order hard_first", "hard");
    assert_eq!(order, json!("hard_first"));
    let expected = [vec![json!("easy"); 10], vec![json!("medium"); 10], vec![json!("hard"); 10]].concat();
    assert_eq!(bins(&easy_first), expected);
    assert_eq!(bins(&hard_first), expected.iter().rev().cloned().collect::<Vec<_>>());
    assert_ne!(bins(&mixed), expected);
    assert_eq!(identities(&easy_first), identities(&mixed));
    assert_eq!(identities(&hard_first), identities(&mixed));
    for benchmark in ["gsm8k", "humaneval"] {
        let of = easy_first.iter().filter(|task| task["benchmark"] == benchmark);
        let scores: Vec<f64> = of.map(|task| task["difficulty_score"].as_f64().unwrap()).collect();
        assert!(scores.is_sorted(), "{benchmark}: {scores:?}");
    }
    place.ok("verify easy hard mixed");
    let wrong = place.fails(2, &format!("{build} --order easy --output wrong"));
    assert!(wrong.contains("order: there is no order `easy`") && wrong.contains("easy_first"), "{wrong}");
}

#[test]
fn experiments_with_patterns_are_run_where_a_benchmark_matches_and_skipped_where_none_does() {
    let place = small();
    let experiments = "experiments:
  all: {benchmarks: ['*'], n_total_tasks: 20}
  subjects: {benchmarks: ['mmlu_*'], n_total_tasks: 20}
";
    fs::write(place.path("config/experiments.yaml"), experiments).unwrap();
    fs::write(place.path("two.yaml"), SMALL.split("experiments:").next().unwrap()).unwrap();
    let output = place.run("--config two.yaml quick-start");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && stderr.contains("subjects (needs mmlu_*)"), "{stderr}");
    let manifest = fs::read_to_string(place.path("data/all/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["request"]["benchmarks"], json!(["humaneval", "gsm8k"]));
    assert_eq!(manifest["request"]["benchmark_ratios"], json!({"humaneval": 0.5, "gsm8k": 0.5}));
    assert!(!place.path("data/subjects").exists());
}

#[test]
fn scores_that_make_no_bins_are_said_when_they_are_computed() {
    let place = Place::new();
    let rows: String =
        (0..30).map(|i| format!("{{\"q\": \"{}\", \"n\": {}}}\n", "w ".repeat(i + 1), u32::from(i > 3))).collect();
    fs::write(place.path("rows.jsonl"), rows).unwrap();
    let warned = |difficulty: &str| {
        let yaml = format!("benchmarks: {{mine: {{path: 'file:rows.jsonl', difficulty: {difficulty}}}}}");
        fs::write(place.path("mine.yaml"), yaml).unwrap();
        let output = place.run("--config mine.yaml -q preprocess");
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let forgotten = warned("{features: {w: {words: q}}, score: [{feature: w}]}");
    assert_eq!(
        forgotten,
        "warning: mine: all 30 rows have the raw score 1, so every task is easy and its score is 0.5; \
         raw scores are capped at 1, and terms without `normalize: p95` soon reach it\n"
    );
    let tied = warned("{features: {n: {number: n}}, score: [{feature: n}]}");
    assert_eq!(tied, "warning: mine: so many scores tie that no task is medium or hard (easy ≤ 1.000, hard ≥ 1.000)\n");
    assert_eq!(warned("{features: {w: {words: q}}, score: [{feature: w, normalize: p95}]}"), "");
}

#[test]
fn experiments_that_need_other_benchmarks_are_one_message_and_files_in_the_wrong_place_are_known() {
    let place = small();
    fs::write(place.path("quiz.yaml"), "benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}}").unwrap();
    let stderr = place.fails(2, "--config quiz.yaml quick-start");
    assert_eq!(stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{stderr}");
    assert!(stderr.contains("the built-in experiments need benchmarks that quiz.yaml does not enable"), "{stderr}");
    fs::write(place.path("experiments.yaml"), "experiments: {e: {benchmarks: [gsm8k], n_total_tasks: 4}}").unwrap();
    assert!(
        place
            .fails(2, "--config experiments.yaml run")
            .contains("use it as the file of experiments, not as the configuration")
    );
    assert!(
        place
            .fails(2, "run --experiments quiz.yaml")
            .contains("use it as the configuration, not as the file of experiments")
    );
    assert!(
        place.fails(2, "--config quiz.yaml init").contains("this command reads no configuration; leave out --config")
    );
    assert!(place.fails(2, "run short short").contains("the experiment `short` is named twice"));
}

#[test]
fn stats_of_a_folder_are_those_of_the_pools_in_it() {
    let place = small();
    place.ok("preprocess");
    place.ok("-q run");
    let stats: Value = serde_json::from_str(&place.ok("stats data --json")).unwrap();
    assert_eq!(stats.as_object().unwrap().keys().collect::<Vec<_>>(), ["data/full", "data/short"]);
}

#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    let place = Place::new();
    fs::write(place.path("big.yaml"), "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=20000000'}}").unwrap();
    let child = place.command("--config big.yaml preprocess").stderr(Stdio::piped()).spawn().unwrap();
    while !place.path("data/benchmarks/full").exists() {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: gsm8k: stopped; nothing was written\n");
    assert!(place.files("data").is_empty());
}

#[test]
fn verify_names_what_is_bad_and_fails() {
    let place = small();
    place.ok("preprocess");
    place.ok("run full");
    assert!(place.ok("verify data").lines().all(|line| line.starts_with("ok   data/")));
    let pool = place.path("data/full/task_pool.jsonl");
    let mut bytes = fs::read(&pool).unwrap();
    bytes[100] ^= 1;
    fs::write(&pool, bytes).unwrap();
    let output = place.run("verify data");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .contains("BAD  data/full/task_pool.jsonl: changed or damaged (checksum)\n")
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("changed, damaged or missing: 1 of 9 files"));
}

#[test]
fn verify_says_which_pools_share_tasks() {
    let place = small();
    place.ok("preprocess");
    place.ok("build --benchmarks gsm8k -n 20 --output pools/a");
    place.ok("build --benchmarks gsm8k -n 20 --exclude pools/a --output pools/b");
    let found = place.ok("verify --disjoint pools");
    assert!(found.ends_with("ok   no two of 2 pools share a task\n"), "{found}");
    // A pool that is named twice shares nothing with itself.
    let found = place.ok("verify --disjoint pools/a ./pools/a pools");
    assert!(found.ends_with("ok   no two of 2 pools share a task\n"), "{found}");
    place.ok("build --benchmarks gsm8k -n 20 --output pools/c");
    let output = place.run("verify --disjoint pools");
    assert_eq!(output.status.code(), Some(1));
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(found.contains("BAD  pools/a and pools/c share 20 tasks, such as gsm8k_"), "{found}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("pools that share tasks: 1 pair of 3 pools"),
        "{output:?}"
    );
    let output = place.run("verify --disjoint --json pools");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["shared"][0]["tasks"], &found["shared"][0]["second"]), (&json!(20), &json!("pools/c")));
}

#[test]
fn init_writes_the_defaults_and_replaces_nothing_unasked() {
    let place = Place::new();
    place.ok("init");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    for name in ["data_config.yaml", "experiments.yaml"] {
        assert_eq!(fs::read(place.path("config").join(name)).unwrap(), fs::read(root.join(name)).unwrap());
    }
    fs::write(place.path("config/experiments.yaml"), "mine").unwrap();
    assert!(place.fails(1, "init").contains("exists already; nothing was written"));
    assert_eq!(fs::read_to_string(place.path("config/experiments.yaml")).unwrap(), "mine");
    place.ok("init --force");
    assert_ne!(fs::read_to_string(place.path("config/experiments.yaml")).unwrap(), "mine");
}

#[test]
fn the_shipped_configuration_is_the_one_of_the_brief() {
    let brief = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/brief.md");
    let Ok(brief) = fs::read_to_string(brief) else {
        eprintln!("SKIPPED: the brief is not on this machine (../shared/brief.md)");
        return;
    };
    let section = brief.split_once("### `config/data_config.yaml`").unwrap().1;
    let yaml = section.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0;
    assert_eq!(yaml, symphony_data::config::DEFAULT_CONFIG);
}

#[test]
fn the_schemas_accept_what_is_shipped_and_what_is_written_and_nothing_else() {
    let place = small();
    place.ok("preprocess");
    place.ok("run full");
    let validator = |kind: &str| {
        let schema: Value = serde_json::from_str(&place.ok(&format!("schema {kind}"))).unwrap();
        let mut compiler = boon::Compiler::new();
        compiler.add_resource("schema.json", schema).unwrap();
        let mut schemas = boon::Schemas::new();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        move |value: &Value| schemas.validate(value, index).map_err(|error| error.to_string())
    };
    let config = validator("config");
    config(&json_of(symphony_data::config::DEFAULT_CONFIG)).unwrap();
    config(&json_of(SMALL)).unwrap();
    for preset in ["humaneval", "gsm8k", "bbh", "amc", "medical_qa", "amc_length"] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../symphony-data/src/config/presets/{preset}.yaml"));
        config(&json!({"benchmarks": {preset: json_of(&fs::read_to_string(path).unwrap())}})).unwrap();
    }
    for difficulty in [json!("reference"), json!("surface"), json!({"measured": "reference", "min_responses": 2})] {
        config(&json!({"benchmarks": {"gsm8k": {"difficulty": difficulty}}})).unwrap();
    }
    config(&json!({"benchmarks": {"gsm8k": {"difficulty": "refrence"}}})).unwrap_err();
    config(&json!({"benchmarks": {"gsm8k": {"enabeld": true}}})).unwrap_err();
    config(&json!({"benchmarks": {"../etc": {}}})).unwrap_err();
    let prompt = |grade: Value, more: Value| {
        let mut prompt = json!({"input": "{question}", "target": "{answer}", "grade": grade});
        prompt.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config(&json!({"benchmarks": {"gsm8k": {"prompt": prompt}}}))
    };
    prompt(json!("exact"), json!({"stop": ["\n\n"]})).unwrap();
    prompt(json!("choice"), json!({"choices": ["A", "B"]})).unwrap();
    prompt(json!("choice"), json!({"choices": {"items": "options"}, "target": {"index": {"field": "answer"}}}))
        .unwrap();
    prompt(json!({"code": {"tests": "{test}", "entry_point": "f"}}), json!({})).unwrap();
    prompt(json!("choice"), json!({})).unwrap_err();
    prompt(json!("exact"), json!({"choices": ["A", "B"]})).unwrap_err();
    prompt(json!("code"), json!({})).unwrap_err();
    prompt(json!("exact"), json!({"input": "question"})).unwrap_err();
    prompt(json!("exact"), json!({"target": {"capture": {"field": "answer"}}})).unwrap_err();
    let experiments = validator("experiments");
    experiments(&json_of(symphony_data::config::DEFAULT_EXPERIMENTS)).unwrap();
    experiments(&json!({"experiments": {"e": {"benchmarks": ["gsm8k"], "n_total_tasks": 0}}})).unwrap_err();
    for (good, key, values) in keys_of_a_request() {
        for value in values {
            let mut request = json!({"benchmarks": ["gsm8k", "bbh"], "n_total_tasks": 40});
            request[key] = value;
            let found = experiments(&json!({"experiments": {"e": request}}));
            assert_eq!(found.is_ok(), good, "{key}: {request}: {found:?}");
            // In the configuration too.
            let config = config(&json!({"benchmarks": {"gsm8k": {}}, "experiments": {"e": request}}));
            assert_eq!(config.is_ok(), good, "{key}: {request}");
        }
    }
    // The phases say how many tasks there are; a ramp does not.
    let without =
        |phases: Value| experiments(&json!({"experiments": {"e": {"benchmarks": ["gsm8k"], "phases": phases}}}));
    without(json!([{"n_total_tasks": 4}])).unwrap();
    without(json!({"from": "90:10", "to": "10:90", "steps": 2})).unwrap_err();
    let partitions = |partitions: Value| config(&json!({"benchmarks": {"gsm8k": {}}, "partitions": partitions}));
    partitions(json!({"shares": {"train": 0.8, "test": 0.2}})).unwrap();
    partitions(json!({"shares": {"a": 1, "b": 1, "c": 2}, "seed": 7})).unwrap();
    for wrong in [
        json!({"shares": {"train": 1}}),
        json!({"shares": {"train": 1, "test": 0}}),
        json!({"shares": ["train", "test"]}),
        json!({"train": 0.8, "test": 0.2}),
        json!({"shares": {"train": 1, "test": 1}, "seed": -1}),
        json!({"seed": 1}),
    ] {
        partitions(wrong).unwrap_err();
    }
    let task = validator("task");
    let pool = fs::read_to_string(place.path("data/full/task_pool.jsonl")).unwrap();
    for line in pool.lines() {
        task(&serde_json::from_str(line).unwrap()).unwrap();
    }
    task(&json!({"task_id": "exp_00000_gsm8k"})).unwrap_err();
    for (phase, good) in [(json!(1), true), (json!(0), false), (json!("1"), false), (json!(1.5), false)] {
        let mut line: Value = serde_json::from_str(pool.lines().next().unwrap()).unwrap();
        line["phase"] = phase;
        assert_eq!(task(&line).is_ok(), good, "{}", line["phase"]);
    }
}

/// Values of the keys that design a pool: whether they are good, the key, and the values.
fn keys_of_a_request() -> Vec<(bool, &'static str, Vec<Value>)> {
    let labels = |values: Value| json!({"bbh": {"task_name": values}});
    let ramp = |from: Value| json!({"from": from, "to": "10:90", "steps": 5});
    vec![
        (true, "benchmarks", vec![json!({"math": ["gsm8k"], "other": {"bbh": null, "more": "mmlu_*"}})]),
        (false, "benchmarks", vec![json!({}), json!({"math": 3}), json!([]), json!([["gsm8k"]])]),
        (true, "benchmark_ratios", vec![json!("proportional"), json!({"gsm8k": 1, "bbh": 0})]),
        (false, "benchmark_ratios", vec![json!("equal"), json!({"gsm8k": -1}), json!([1, 1])]),
        (true, "difficulty_split", vec![json!("proportional"), json!("1:2:1")]),
        (false, "difficulty_split", vec![json!("equal"), json!("1:2:1:1"), json!([1, 1])]),
        (true, "where", vec![labels(json!("navigate")), labels(json!(["navigate", "web_of_lies"]))]),
        (false, "where", vec![json!("navigate"), json!({"bbh": ["navigate"]}), labels(json!([])), labels(json!(3))]),
        (true, "difficulty_range", vec![json!([40, 60]), json!("40:60"), json!("0:12.5")]),
        (false, "difficulty_range", vec![json!([40]), json!([-1, 60]), json!([0, 101]), json!("40"), json!(40)]),
        (true, "exclude", vec![json!("pools/a"), json!(["train", "ids.txt"]), json!([])]),
        (false, "exclude", vec![json!(""), json!([3]), json!({"a": "b"})]),
        (true, "partition", vec![json!("train")]),
        (false, "partition", vec![json!(1), json!(["train"])]),
        (true, "on_duplicate", vec![json!("keep"), json!("one"), json!("drop_conflicts")]),
        (false, "on_duplicate", vec![json!("drop"), json!(true)]),
        (true, "near_duplicates", vec![json!("keep"), json!("one")]),
        (false, "near_duplicates", vec![json!("drop_conflicts")]),
        (true, "stratify_by", vec![json!("task_name")]),
        (false, "stratify_by", vec![json!(["task_name"])]),
        (true, "strata", vec![json!("equal"), json!("proportional")]),
        (false, "strata", vec![json!("even")]),
        (true, "difficulty_within", vec![json!("task_name")]),
        (false, "difficulty_within", vec![json!(1)]),
        (true, "thresholds_from", vec![json!("pools/a/manifest.json")]),
        (false, "thresholds_from", vec![json!(""), json!(["a"])]),
        (
            true,
            "phases",
            vec![
                json!([{"n_total_tasks": 20}, {"n_total_tasks": 20, "difficulty_split": "1:1", "order": "hard_first",
                    "benchmark_ratios": {"gsm8k": 1, "bbh": 1}, "difficulty_range": [0, 50], "where": labels(json!("a"))}]),
                ramp(json!("90:10")),
                ramp(json!({"difficulty_split": "90:10", "benchmark_ratios": {"gsm8k": 1, "bbh": 0}})),
            ],
        ),
        (
            false,
            "phases",
            vec![
                json!([]),
                json!("90:10"),
                json!([{"difficulty_split": "90:10"}]),
                json!([{"n_total_tasks": 20, "sampler": "stable"}]),
                json!({"from": "90:10", "to": "10:90"}),
                json!({"from": "90:10", "to": "10:90", "steps": 1}),
                ramp(json!({"order": "shuffled"})),
            ],
        ),
        (false, "phase", vec![json!(1)]),
    ]
}

/// YAML as JSON, by the reader that configurations are read with.
fn json_of(yaml: &str) -> Value {
    fn value(node: &symphony_data::yaml::Node) -> Value {
        use symphony_data::yaml::Value as Yaml;
        match &node.value {
            Yaml::List(items) => items.iter().map(value).collect(),
            Yaml::Map(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.text.clone(), value(node))).collect())
            }
            _ if node.is_null() => Value::Null,
            Yaml::Scalar { text, .. } => node
                .boolean()
                .map(Value::from)
                .or_else(|| node.whole().map(Value::from))
                .or_else(|| node.number().map(Value::from))
                .unwrap_or_else(|| text.clone().into()),
        }
    }
    value(&symphony_data::yaml::Node::parse("test", yaml).unwrap())
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Place::new().ok(&format!("completions {shell}"));
        assert!(script.contains("quick-start") && script.contains("benchmark-ratios"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_a_normal_end() {
    let place = Place::new();
    let mut child = place.command("completions bash").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn quiet_says_nothing_on_stderr_but_warnings() {
    let place = small();
    let output = place.run("-q preprocess");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = place.run("-q run");
    assert!(String::from_utf8_lossy(&output.stderr).lines().all(|line| line.starts_with("warning: ")));
}

/// A small file system of its own, in a user namespace where the machine lets us have one.
#[test]
fn a_full_disk_ends_in_one_message_and_leaves_the_old_files_whole() {
    let place = small();
    fs::create_dir(place.path("disk")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=1m tmpfs disk || exit 77
        "$0" -q preprocess --output disk/full > /dev/null 2> log || exit 78
        (cd disk && sha256sum full/*) > before
        printf "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=4000'}}" > larger.yaml
        "$0" --config larger.yaml preprocess --output disk/full > /dev/null 2> log && exit 79
        (cd disk && sha256sum full/* && ls -A full) > after
        ls -A disk/full | grep -c '^\.' > left
        exit 0"#;
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, env!("CARGO_BIN_EXE_symphony-data")])
        .current_dir(place.0.path())
        .output();
    match output.as_ref().map(|output| output.status.code()) {
        Ok(Some(0)) => {}
        Ok(Some(code @ (78 | 79))) => panic!("step {code}: {}", fs::read_to_string(place.path("log")).unwrap()),
        _ => {
            eprintln!("SKIPPED: no small file system can be made on this machine: {output:?}");
            return;
        }
    }
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    assert!(read("after").starts_with(&read("before")), "{}\n{}", read("before"), read("after"));
    assert_eq!(read("left").trim(), "0");
    let log = read("log");
    let error: Vec<&str> = log.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(error.len(), 1, "{log}");
    assert!(error[0].contains("disk/full/gsm8k_full.jsonl: cannot write this file: No space left on device"), "{log}");
    assert!(error[0].contains("free some space and run again: the existing files are unchanged"), "{log}");
}

#[test]
fn a_named_configuration_leaves_out_the_default_experiments_that_it_does_not_allow() {
    let place = Place::new();
    fs::create_dir(place.path("config")).unwrap();
    fs::write(place.path("config/experiments.yaml"), symphony_data::config::DEFAULT_EXPERIMENTS).unwrap();
    fs::write(place.path("one.yaml"), "benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}}").unwrap();
    let stderr = place.fails(2, "quick-start --config one.yaml");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains("one.yaml allows no experiment of config/experiments.yaml: exp1 (needs humaneval)"),
        "{stderr}"
    );

    let two = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}, humaneval: {path: 'synthetic:humaneval'}}";
    fs::write(place.path("two.yaml"), two).unwrap();
    let output = place.run("--config two.yaml quick-start");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr.matches("left out: exp5 (needs bbh, amc, medical_qa)").count(), 1, "{stderr}");
    assert!(place.path("data/exp1").exists() && !place.path("data/exp5").exists());
    // An experiment that was named is not left out in silence, and neither is one of a file that was named.
    assert!(
        place
            .fails(2, "run exp5 --config two.yaml")
            .contains("two.yaml does not allow exp5 (needs bbh, amc, medical_qa)")
    );
    place.ok("run exp1 --config two.yaml");
    let stderr = place.fails(2, "run --config two.yaml --experiments config/experiments.yaml");
    assert!(stderr.contains("there is no benchmark `bbh`"), "{stderr}");
}

#[test]
fn a_file_that_is_named_for_both_says_each_mistake_once() {
    let place = Place::new();
    fs::write(
        place.path("all.yaml"),
        "benchmarks: {gsm8k: }\nexperiments: {e: {benchmarks: [gsm9k], n_total_tasks: 5}}",
    )
    .unwrap();
    let stderr = place.fails(2, "run --config all.yaml --experiments ./all.yaml");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn lists_may_have_blanks_and_n_is_short_for_n_total_tasks() {
    let place = small();
    place.ok("preprocess --benchmarks gsm8k, humaneval");
    for (args, n) in [
        ("--benchmarks gsm8k, humaneval --n 10", 10),
        ("--benchmarks gsm8k , humaneval -n 10 --benchmark-ratios gsm8k=0.5, humaneval=0.5", 10),
        ("--benchmarks gsm8k ,humaneval --n-total-tasks 10 --difficulty-percentiles gsm8k=30:70, humaneval=20:80", 10),
    ] {
        if args.contains(" , ") {
            assert!(place.fails(2, &format!("build {args} --output pool")).contains("no blanks, such as a,b"));
            continue;
        }
        place.ok(&format!("build {args} --output pool"));
        assert_eq!(fs::read_to_string(place.path("pool/task_pool.jsonl")).unwrap().lines().count(), n);
        fs::remove_dir_all(place.path("pool")).unwrap();
    }
    for (args, expected) in [
        ("--benchmarks gsm8k,,humaneval", "a value is missing"),
        ("--benchmarks gsm8k --benchmark-ratios gsm8k=50%", "write gsm8k=0.5 for 50%"),
        ("--benchmarks gsm8k --difficulty-percentiles gsm8k=0.2:0.8", "write 20:80"),
    ] {
        let stderr = place.fails(2, &format!("plan -n 10 {args}"));
        assert!(stderr.contains(expected), "{args}: {stderr}");
    }
}

#[test]
fn config_is_listed_and_taken_only_by_commands_that_read_a_configuration() {
    let place = small();
    let help = |command: &str| place.ok(&format!("{command} --help"));
    for command in ["stats", "verify", "schema", "init", "completions"] {
        assert!(!help(command).contains("--config"), "{command}");
    }
    for (command, about) in [
        ("quick-start", "Preprocess all benchmarks"),
        ("preprocess", "Score every row"),
        ("run", "Make the pools"),
        ("build", "Make one pool"),
        ("plan", "Show how many tasks"),
    ] {
        assert!(help(command).contains("--config") && help(command).starts_with(about), "{command}");
    }
    assert!(place.fails(2, "stats --config x.yaml data").contains("unexpected argument '--config'"));
    assert!(place.fails(2, "--config a.yaml run --config b.yaml").contains("--config is given twice"));
}

#[test]
fn a_short_bin_names_the_key_that_makes_it_larger() {
    let place = Place::new();
    let cuts = "benchmarks: {humaneval: {path: 'synthetic:humaneval', difficulty_cuts: [0.1, 0.9]}}";
    fs::write(place.path("cuts.yaml"), cuts).unwrap();
    place.ok("--config cuts.yaml preprocess");
    let warnings = |args: &str| String::from_utf8(place.run(args).stderr).unwrap();
    let stderr = warnings("--config cuts.yaml plan --benchmarks humaneval -n 160");
    assert!(stderr.contains("move difficulty_cuts closer together, or") && !stderr.contains("percentiles"), "{stderr}");
    let stderr = warnings(
        "--config cuts.yaml plan --benchmarks humaneval -n 160 --difficulty-split 0:1:0 --difficulty-percentiles humaneval=40:60",
    );
    assert!(stderr.contains("move difficulty_percentiles further apart, or"), "{stderr}");
}

#[test]
fn an_experiment_of_no_tasks_is_named_with_its_thresholds_and_hides_no_other() {
    let place = Place::new();
    let experiments = "
benchmarks: {tied: {path: 'file:tied.jsonl', difficulty: {features: {n: {number: n}}, score: [{feature: n}]}}}
experiments:
  none: {benchmarks: [tied], n_total_tasks: 4, difficulty_split: '0:1'}
  some: {benchmarks: [tied], n_total_tasks: 4, difficulty_split: '1:0'}
";
    fs::write(place.path("tied.yaml"), experiments).unwrap();
    // All scores are equal, so that every row is easy.
    fs::write(place.path("tied.jsonl"), "{\"n\": 1}\n".repeat(9)).unwrap();
    place.ok("--config tied.yaml preprocess");
    for command in ["plan", "run"] {
        let output = place.run(&format!("--config tied.yaml {command}"));
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stdout.lines().any(|line| line.starts_with("some ")), "{command}: {stdout}");
        assert!(stderr.contains("error: none: no task can be drawn\n  tied: 4 hard tasks asked, 0 there"), "{stderr}");
        assert!(stderr.contains("(easy: scores up to 0.500; hard: other scores from 0.500)"), "{stderr}");
    }
    assert!(place.path("data/some/task_pool.jsonl").exists() && !place.path("data/none").exists());
    fs::remove_dir_all(place.path("data/some")).unwrap();
    place.fails(1, "--config tied.yaml run --strict");
    assert!(!place.path("data/some").exists());
}

#[test]
fn a_store_of_more_parts_than_files_may_be_open_is_used_like_any_other() {
    let place = Place::new();
    // Neither the soft nor the hard limit allows one open file for each part.
    let ok = |args: &str| {
        let script = format!("ulimit -n 256 && exec \"$0\" {args}");
        let program = env!("CARGO_BIN_EXE_symphony-data");
        let output = Command::new("sh").args(["-c", &script, program]).current_dir(place.0.path()).output().unwrap();
        assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let config = |defaults: &str| {
        let benchmarks = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=1100', identity: [question]}}";
        fs::write(place.path("c.yaml"), format!("{benchmarks}\n{defaults}")).unwrap();
    };
    let draw = "--config c.yaml build --benchmarks gsm8k --n-total-tasks 200 --difficulty-split 1:1 --sampler";
    for format in ["jsonl", "parquet"] {
        config("");
        ok(&format!("--config c.yaml preprocess --output {format} --format {format} --parts 1100"));
        ok("--config c.yaml preprocess --output one");
        for sampler in ["numpy", "stable"] {
            ok(&format!("{draw} {sampler} --full-dir {format} --output many_{sampler}"));
            ok(&format!("{draw} {sampler} --full-dir one --output one_{sampler}"));
            let pool = |from: &str| fs::read(place.path(&format!("{from}_{sampler}/task_pool.jsonl"))).unwrap();
            assert!(pool("many") == pool("one"), "{format}, {sampler}");
        }
        ok(&format!("verify {format} many_stable"));
        // An index that is lost is made again.
        fs::remove_file(place.path(&format!("{format}/gsm8k_full/part-00700.index"))).unwrap();
        ok(&format!("--config c.yaml preprocess --output {format}"));
    }
    // All parts are written again for other bounds of the bins.
    config("stream_generation: {difficulty_percentiles: {gsm8k: [10, 90]}}");
    ok("--config c.yaml preprocess --output jsonl");
    ok("verify jsonl");
    ok("export many_stable --to inspect --output export");
}
