//! Tables fit 100 columns, whatever the names, and lose no name.

use std::fs;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

mod support;

use support::Place;

const LONG: &str = "tracking_shuffled_objects_three_objects";
const OTHER: &str = "logical_deduction_three_objects";
const EXPERIMENT: &str = "routing_between_small_and_large_models_2026";
const MODELS: [&str; 3] =
    ["meta-llama/Llama-3.1-70B-Instruct", "mistralai/Mixtral-8x22B-Instruct-v0.1", "gpt-4o-2024-11-20"];

/// A folder with benchmarks and an experiment of long names, large numbers, and repeats.
fn place(n: u64) -> Place {
    let place = Place::new();
    let rows = |rows: u64| {
        let path = format!("synthetic:gsm8k?rows={rows}");
        json!({"path": path, "identity": ["question"], "difficulty": {"preset": "gsm8k"}})
    };
    let config = json!({
        "benchmarks": {LONG: rows(n), OTHER: rows(90), "bbh": {"path": "synthetic:bbh"}},
        "experiments": {EXPERIMENT: {
            "benchmarks": [LONG, OTHER], "n_total_tasks": n, "difficulty_split": "1:1:1",
            "sample_with_replacement": "when_short",
        }},
    });
    fs::write(place.path("c.yaml"), config.to_string()).unwrap();
    let answer = |benchmark: &str, row: usize, model: usize| {
        let score = f64::from(u8::from((row * 7 + model * 3) % 5 > model));
        json!({"benchmark": benchmark, "source_id": format!("{benchmark}_{row}"), "model": MODELS[model], "score": score})
            .to_string()
            + "\n"
    };
    let mut answers = String::new();
    for (benchmark, n) in [(LONG, 300), (OTHER, 90), ("bbh", 2437)] {
        for row in 0..n {
            answers.extend((0..3).map(|model| answer(benchmark, row, model)));
        }
    }
    fs::write(place.path("answers.jsonl"), answers).unwrap();
    place
}

/// What a command prints, none of it wider than 100 columns.
fn printed(place: &Place, args: &str) -> String {
    let text = place.ok(&format!("-q --config c.yaml {args}"));
    // Paths and sentences below a table stay in one line.
    let below = [" tasks in ", "run it: ", "wrote ", "measured: ", ": models fail hard tasks ", "IN-SAMPLE: "];
    for line in text.lines().filter(|line| !below.iter().any(|part| line.contains(part))) {
        assert!(line.width() <= 100, "{args}: {} columns\n{text}", line.width());
    }
    text
}

/// Whether a name stands in a column of the table, in one line or in several that follow each other.
fn shows(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    (0..lines.len()).any(|first| {
        let starts = lines[first].match_indices(|c: char| !c.is_whitespace()).map(|(at, _)| at);
        starts.into_iter().any(|at| {
            let mut rest = name;
            for line in &lines[first..] {
                let Some(cell) = line.get(at..) else { break };
                let cell = cell.split("  ").next().unwrap_or_default();
                match rest.strip_prefix(cell) {
                    Some(_) if cell.is_empty() => break,
                    Some("") => return true,
                    Some(more) => rest = more,
                    None => break,
                }
            }
            false
        })
    })
}

/// Whether each text shows each name.
fn all_show(expected: &[(&str, &[&str])]) {
    for (text, names) in expected {
        for name in *names {
            assert!(shows(text, name), "{name} is not in\n{text}");
        }
    }
}

#[test]
fn the_widest_tables_of_benchmarks_and_pools_fit_100_columns_and_show_whole_names() {
    let place = place(120_000);
    let folder = format!("a/rather/long/folder/for/pools/{EXPERIMENT}");
    let preprocessed = printed(&place, "preprocess");
    let planned = printed(&place, "plan");
    let made = printed(&place, "run");
    let built = printed(&place, &format!("build --benchmarks {LONG},{OTHER} -n 90 --output {folder}"));
    let quick = printed(&place, "quick-start");
    let stats = place.ok(&format!("stats data/{EXPERIMENT} {folder}"));
    assert!(stats.lines().filter(|line| !line.contains("SYNTHETIC")).all(|line| line.width() <= 100), "{stats}");
    all_show(&[
        (&preprocessed, &[LONG, OTHER]),
        (&planned, &[LONG, OTHER, EXPERIMENT]),
        (&made, &[LONG, OTHER, EXPERIMENT]),
        (&built, &[LONG, OTHER]),
        (&quick, &[LONG, OTHER, EXPERIMENT]),
        (&stats, &[LONG, OTHER, &format!("data/{EXPERIMENT}"), &folder]),
    ]);
}

#[test]
fn the_widest_tables_of_evidence_fit_100_columns_and_show_whole_names() {
    let place = place(1200);
    let pool = format!("data/{EXPERIMENT}");
    place.ok("-q --config c.yaml quick-start");
    let calibrated = printed(&place, "calibrate --responses answers.jsonl --output fitted");
    let validated = printed(&place, &format!("validate --responses answers.jsonl --pool {pool}"));
    // The panel's own responses are all there is, so that each table says IN-SAMPLE.
    let in_sample = printed(&place, "validate --responses answers.jsonl --difficulty fitted");
    assert!(in_sample.matches("all (IN-SAMPLE)").count() >= 6, "{in_sample}");
    all_show(&[
        (&calibrated, &[LONG, OTHER, "bbh"]),
        (&validated, &[LONG, OTHER, &pool, "boolean_expressions"]),
        (&in_sample, &[LONG, OTHER]),
    ]);
}

#[test]
fn a_problem_that_verify_finds_is_wrapped_below_its_path() {
    let place = Place::new();
    let folder = "a/rather/long/folder/for/pools/of/the/routing/study/with/every/benchmark";
    place.ok(&format!("preprocess --demo --benchmarks amc --output {folder}"));
    let index = place.path(&format!("{folder}/amc_full.index"));
    fs::write(&index, "other").unwrap();
    let text = String::from_utf8(place.run("verify a").stdout).unwrap();
    let path = format!("BAD  {folder}/amc_full.index");
    assert!(text.lines().any(|line| line.starts_with(&path)), "{text}");
    assert!(text.lines().all(|line| line.width() <= 100), "{text}");
}

#[test]
fn calibrate_says_where_the_difficulty_went_and_how_to_draw_by_it() {
    let place = place(300);
    place.ok("-q --config c.yaml preprocess --benchmarks bbh");
    let text = place.ok("-q --config c.yaml calibrate --benchmarks bbh --responses answers.jsonl --output fitted");
    assert!(text.contains("\nwrote fitted/bbh_calibration.jsonl\n"), "{text}");
    assert!(text.contains("add `--difficulty fitted` to `plan`, `build` or `run`"), "{text}");
    // The option that it names, and the YAML that it shows, draw by it.
    let by_option = "-q --config c.yaml build --benchmarks bbh -n 20 --difficulty fitted --output option";
    place.ok(by_option);
    let yaml = &text[text.find("\nbenchmarks:\n").unwrap()..];
    fs::write(place.path("m.yaml"), yaml.replace("  bbh:\n", "  bbh:\n    path: synthetic:bbh\n")).unwrap();
    place.ok("-q --config m.yaml build --benchmarks bbh -n 20 --output yaml");
    let difficulty = |folder: &str| {
        let manifest = fs::read_to_string(place.path(&format!("{folder}/manifest.json"))).unwrap();
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        manifest["benchmarks"][0]["difficulty"].clone()
    };
    assert_eq!(difficulty("option")["kind"], "measured");
    assert_eq!(difficulty("option"), difficulty("yaml"));
}

#[test]
fn stats_marks_synthetic_pools_and_refuses_scores_beyond_0_to_1() {
    let place = Place::new();
    place.ok("preprocess --demo --benchmarks amc");
    place.ok("build --demo --benchmarks amc -n 4 --output pool");
    let mark = "pool: SYNTHETIC, its tasks are generated and not real\n";
    assert!(place.ok("stats pool").ends_with(mark));
    assert!(place.ok("stats pool/task_pool.jsonl").contains("task_pool.jsonl: SYNTHETIC"));
    let json: Value = serde_json::from_str(&place.ok("stats pool --json")).unwrap();
    assert_eq!(json["pool"]["synthetic"], true);
    // A pool that nothing says is synthetic, such as one of Symphony 2.0.
    fs::remove_file(place.path("pool/manifest.json")).unwrap();
    assert!(!place.ok("stats pool").contains("SYNTHETIC"));
    let json: Value = serde_json::from_str(&place.ok("stats pool --json")).unwrap();
    assert_eq!(json["pool"]["synthetic"], Value::Null);

    let pool = fs::read_to_string(place.path("pool/task_pool.jsonl")).unwrap();
    for score in ["7", "-0.5"] {
        let mut tasks: Vec<Value> = pool.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        tasks[2]["difficulty_score"] = score.parse::<f64>().unwrap().into();
        fs::write(
            place.path("pool/task_pool.jsonl"),
            tasks.iter().map(|task| task.to_string() + "\n").collect::<String>(),
        )
        .unwrap();
        let stderr = place.fails(1, "stats pool");
        let reason = format!("not a task: its difficulty_score is {score}, not a number from 0 to 1; ");
        assert!(stderr.starts_with(&format!("error: pool/task_pool.jsonl:3: {reason}")), "{stderr}");
    }
}
