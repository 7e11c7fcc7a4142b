//! Messages: names from data never control the terminal, and files that are absent or unreadable are reported as such.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::json;

mod support;

use support::Place;

/// Sets a terminal's title, clears its screen and reverses the direction of writing.
const STEERING: &str = "\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}\u{9b}2J";
/// The same text, as it is shown.
const SHOWN: &str = r"\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}\u{9b}2J";

/// A configuration of one benchmark with these files of rows and further keys.
fn quiz(path: &str, more: &str) -> String {
    json!({"benchmarks": {"quiz": {"path": path, "identity": ["question"], "MORE": 0, "difficulty": {
        "features": {"n": {"words": "question"}}, "score": [{"feature": "n", "normalize": "p95"}]
    }}}})
    .to_string()
    .replace("\"MORE\":0", more)
}

/// Runs the program, checks that neither output stream has control characters, and returns both.
fn said(place: &Place, args: &str) -> String {
    let output = place.run(args);
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let steers =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!said.contains(steers), "{args}: {said:?}");
    said
}

#[test]
fn names_of_fields_files_and_configs_never_control_the_terminal() {
    let place = Place::new();
    let rows = place.path("rows.jsonl");
    fs::write(&rows, json!({STEERING: "x"}).to_string() + "\n").unwrap();
    fs::write(place.path("field.yaml"), quiz("file:rows.jsonl", "\"split\": \"test\"")).unwrap();
    let field = said(&place, "--config field.yaml preprocess");
    assert!(field.contains(&format!("missing from this row, which has: {SHOWN}; ")), "{field}");

    fs::write(place.path(&format!("bad{STEERING}.jsonl")), "{\n").unwrap();
    fs::write(place.path("file.yaml"), quiz("file:bad*.jsonl", "\"split\": \"test\"")).unwrap();
    let file = said(&place, "--config file.yaml preprocess");
    assert!(file.contains(&format!("error: bad{SHOWN}.jsonl:1: row 0 of quiz: not JSON")), "{file}");

    let configs = format!("\"configs\": {}", json!([STEERING]));
    fs::write(place.path("config.yaml"), quiz("file:rows/{config}.jsonl", &configs)).unwrap();
    let config = said(&place, "--config config.yaml preprocess");
    assert!(config.contains(r"no file matches rows/\u{1b}[]]0;title\u{7}"), "{config}");

    let names = said(&place, "verify .");
    assert!(names.contains("no pool, no preprocessed benchmark and no calibration"), "{names}");
}

#[test]
fn names_of_models_and_cells_of_tables_never_control_the_terminal() {
    let place = Place::new();
    let task = json!({
        "task_id": "x_00000_q", "benchmark": "q\u{1b}[2J\u{202e}\nr", "difficulty_score": 0.5, "difficulty_bin": "easy",
        "raw_data": {}, "scorer_metadata": {},
    });
    fs::create_dir(place.path("pool")).unwrap();
    fs::write(place.path("pool/task_pool.jsonl"), task.to_string() + "\n").unwrap();
    let stats = said(&place, "stats pool");
    assert!(stats.contains(r"pool  q\u{1b}[2J\u{202e}\nr "), "{stats}");

    // A model whose answers made the score is left out of the validation, with a note.
    let rows = (0..60).map(|i| json!({"question": "word ".repeat(i % 9 + 1) + &i.to_string()}).to_string() + "\n");
    fs::write(place.path("rows.jsonl"), rows.collect::<String>()).unwrap();
    fs::write(place.path("c.yaml"), quiz("file:rows.jsonl", "\"split\": \"test\"")).unwrap();
    place.ok("-q --config c.yaml preprocess");
    let answers = |models: &[String]| -> String {
        let of = |model: &String| {
            let answer = |i: usize| {
                let score = f64::from((i * 7 + model.len()).is_multiple_of(3));
                json!({"benchmark": "quiz", "source_id": format!("quiz_{i}"), "model": model, "score": score})
            };
            (0..60).map(|i| answer(i).to_string() + "\n").collect::<String>()
        };
        models.iter().map(of).collect()
    };
    let panel = [format!("p{STEERING}"), "pp".to_owned()];
    fs::write(place.path("panel.jsonl"), answers(&panel)).unwrap();
    place.ok("-q --config c.yaml calibrate --responses panel.jsonl --output fitted");
    let measured = "\"difficulty\": {\"measured\": \"fitted/quiz_calibration.jsonl\", \"features\"";
    let config = quiz("file:rows.jsonl", "\"split\": \"test\"").replace("\"difficulty\":{\"features\"", measured);
    fs::write(place.path("m.yaml"), config).unwrap();
    place.ok("-q --config m.yaml preprocess --output measured");
    let all = [&panel[..], &["n".to_owned(), "nnn".to_owned()]].concat();
    fs::write(place.path("all.jsonl"), answers(&all)).unwrap();
    let validated = said(&place, "-q --config m.yaml validate --responses all.jsonl --full-dir measured");
    assert!(
        validated.contains(&format!("left out, because the score was fitted to their responses: p{SHOWN}, pp")),
        "{validated}"
    );

    let unknown = json!({"benchmark": STEERING, "source_id": "a", "model": STEERING, "score": 1}).to_string() + "\n";
    fs::write(place.path("more.jsonl"), answers(&panel) + &unknown).unwrap();
    let warned = said(&place, "--config c.yaml validate --responses more.jsonl");
    assert!(warned.contains("warning: left out: 1 answer"), "{warned}");
}

#[test]
fn a_named_folder_or_file_that_is_absent_is_reported_as_absent() {
    let place = Place::new();
    fs::write(place.path("answers.jsonl"), "").unwrap();
    let make =
        "; name the one that has the preprocessed benchmarks, or run `symphony-data preprocess --output nowhere`";
    for command in [
        "build --benchmarks gsm8k --n-total-tasks 4 --output pool",
        "run",
        "plan",
        "validate --responses answers.jsonl",
        "calibrate --responses answers.jsonl --output fitted",
        "responses answers.jsonl --output kept.jsonl",
    ] {
        let absent = place.fails(2, &format!("-q {command} --full-dir nowhere"));
        assert_eq!(absent, format!("error: --full-dir: there is no folder nowhere{make}\n"), "{command}");
        let file = place.fails(2, &format!("-q {command} --full-dir answers.jsonl"));
        assert_eq!(file, "error: --full-dir: answers.jsonl is a file, not a folder\n", "{command}");
    }
    let pool = place.fails(2, "validate --responses answers.jsonl --pool nowhere");
    assert_eq!(pool, "error: --pool: there is no file or folder nowhere\n");
    for command in
        ["--config nowhere.yaml plan", "plan --experiments nowhere.yaml", "quick-start --experiments nowhere.yaml"]
    {
        let absent = place.fails(2, &format!("-q {command}"));
        assert!(absent.starts_with("error: nowhere.yaml: cannot read this file: No such file"), "{command}: {absent}");
    }
    assert!(place.fails(1, "stats nowhere").contains("nowhere: cannot read this pool: No such file"));
    assert!(place.fails(1, "verify nowhere").contains("nowhere: cannot list this folder: No such file"));
    // Without --full-dir, a missing folder means that no benchmark was preprocessed yet.
    assert!(place.fails(1, "-q plan").contains("not preprocessed in data/benchmarks/full: "));
}

#[test]
fn an_unreadable_configuration_in_the_usual_place_is_not_treated_as_absent() {
    let place = Place::new();
    fs::create_dir(place.path("config")).unwrap();
    std::os::unix::fs::symlink("/nowhere.yaml", place.path("config/data_config.yaml")).unwrap();
    let error = place.fails(2, "plan");
    assert!(error.starts_with("error: config/data_config.yaml: cannot read this file: "), "{error}");
}

#[test]
fn verify_distinguishes_unreadable_files_from_changed_ones() {
    let place = Place::new();
    place.ok("-q quick-start --demo");
    let pool = place.path("data/exp1/task_pool.jsonl");
    fs::remove_file(&pool).unwrap();
    // The superuser ignores permissions, but even it cannot read a folder as a file.
    std::os::unix::fs::symlink(place.path("data"), &pool).unwrap();
    let output = place.run("verify data");
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout.contains("???  data/exp1/task_pool.jsonl: cannot be read: Is a directory"), "{stdout}");
    assert!(stderr.starts_with("error: unreadable: 1 of "), "{stderr}");
    assert!(!stdout.contains("BAD") && !stderr.contains("changed, damaged"), "{stdout}{stderr}");

    fs::write(place.path("data/exp2/statistics.json"), "{}").unwrap();
    let output = place.run("verify data");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: changed, damaged or missing: 1 of "), "{stderr}");
    assert!(stderr.contains("\n  unreadable: 1 of "), "{stderr}");
    let json: serde_json::Value = serde_json::from_slice(&place.run("verify --json data").stdout).unwrap();
    let of = |verdict: &str| json.as_array().unwrap().iter().filter(|finding| finding["verdict"] == verdict).count();
    assert_eq!((of("bad"), of("unreadable")), (1, 1));
}

/// The command that a message offers.
fn offered(stderr: &str) -> &str {
    let error = &stderr[stderr.find("error: ").unwrap()..];
    let from = error.find("`symphony-data ").unwrap_or_else(|| panic!("no command is offered: {stderr}")) + 1;
    &error[from..from + error[from..].find('`').unwrap()]
}

/// Runs a line in a shell, as if a person had pasted it.
fn pasted(place: &Place, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_symphony-data")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(place.path("")).env("PATH", path).env("HF_HUB_OFFLINE", "1");
    shell.output().unwrap()
}

#[test]
fn an_offered_command_can_be_pasted_and_helps() {
    let place = Place::new();
    let rows: String = (0..20).map(|i| format!("{{\"n\": {i}}}\n")).collect();
    fs::write(place.path("rows.jsonl"), rows).unwrap();
    let rule = "difficulty: {features: {n: {number: n}}, score: [{feature: n, normalize: p95}]}";
    let of = |name: &str| format!("{name}: {{path: 'file:rows.jsonl', {rule}}}");
    fs::write(place.path("my config.yaml"), format!("benchmarks: {{{}, {}}}", of("one"), of("two"))).unwrap();
    let asks = [
        // First the folder is missing, then the benchmark in it; the arguments have blanks.
        "symphony-data --config 'my config.yaml' build --benchmarks one --n-total-tasks 4 --full-dir 'my full' --output a",
        "symphony-data --config 'my config.yaml' build --benchmarks one,two --n-total-tasks 4 --full-dir \"it's\" --output b",
        "symphony-data build --demo --benchmarks amc --n-total-tasks 4 --output c",
        "symphony-data plan --demo --benchmarks amc --n-total-tasks 4 --full-dir elsewhere",
    ];
    fs::create_dir(place.path("it's")).unwrap();
    for ask in asks {
        let refused = pasted(&place, ask);
        assert!(!refused.status.success(), "{ask}");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        let helped = pasted(&place, offered(&stderr));
        assert!(helped.status.success(), "{stderr}\n{}", String::from_utf8_lossy(&helped.stderr));
        let again = pasted(&place, ask);
        assert!(again.status.success(), "{stderr}\n{}", String::from_utf8_lossy(&again.stderr));
    }
    // A store from another source: only `preprocess` replaces it.
    let other =
        "symphony-data --config other.yaml build --benchmarks one --n-total-tasks 4 --full-dir 'my full' --output d";
    fs::write(place.path("more.jsonl"), fs::read_to_string(place.path("rows.jsonl")).unwrap().repeat(2)).unwrap();
    fs::write(place.path("other.yaml"), format!("benchmarks: {{{}}}", of("one").replace("rows.jsonl", "more.jsonl")))
        .unwrap();
    let refused = pasted(&place, other);
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.contains("was made from file:rows.jsonl, but the configuration says file:more.jsonl"), "{stderr}");
    assert!(pasted(&place, offered(&stderr)).status.success());
    assert!(pasted(&place, other).status.success());
}

#[test]
fn answers_are_compared_with_stores_of_a_demo_only_on_request() {
    let place = Place::new();
    place.ok("preprocess --demo --benchmarks amc");
    let lines: String = (0..83).map(|row| format!("amc,amc_{row},m,{}\n", row % 2)).collect();
    fs::write(place.path("answers.csv"), "benchmark,source_id,model,score\n".to_owned() + &lines).unwrap();
    for command in ["validate --responses", "calibrate --output cal --responses", "responses --output kept.csv"] {
        let stderr = place.fails(1, &format!("{command} answers.csv"));
        let reason =
            "was made from synthetic:amc?rows=83&seed=0, but the configuration says datasets:AI-MO/aimo-validation-amc";
        assert!(stderr.contains(reason) && stderr.contains("--demo"), "{stderr}");
    }
    assert!(!place.path("cal").exists() && !place.path("kept.csv").exists());
    place.ok("validate --responses answers.csv --demo");
    place.ok("calibrate --responses answers.csv --output cal --demo");
    // If the configuration itself names generated rows, a demo uses the same ones.
    fs::write(place.path("few.yaml"), "benchmarks: {amc: {path: 'synthetic:amc?rows=40'}}").unwrap();
    place.ok("--config few.yaml preprocess --output few");
    place.ok("--config few.yaml validate --responses answers.csv --demo --full-dir few");
    let meta = fs::read_to_string(place.path("cal/amc_calibration_meta.json")).unwrap();
    assert!(meta.contains("\"synthetic\": true"), "{meta}");
}

#[test]
fn a_demo_never_replaces_files_that_are_not_known_to_be_synthetic() {
    let place = Place::new();
    // A project of Symphony 2.0 has files of the same names, without checksums of their own.
    fs::create_dir_all(place.path("data/benchmarks/full")).unwrap();
    fs::create_dir_all(place.path("data/exp1")).unwrap();
    let store = place.path("data/benchmarks/full/gsm8k_full.jsonl");
    fs::write(&store, "{\"task_id\": \"gsm8k_0\"}\n").unwrap();
    for command in ["quick-start --demo", "preprocess --demo", "run --demo"] {
        let stderr = place.fails(1, command);
        assert!(
            stderr.contains("holds a gsm8k_full.jsonl, and nothing says that it is synthetic"),
            "{command}: {stderr}"
        );
    }
    fs::remove_file(&store).unwrap();
    let pool = place.path("data/exp1/task_pool.jsonl");
    fs::write(&pool, "{\"task_id\": \"exp_00000_gsm8k\"}\n").unwrap();
    let stderr = place.fails(1, "quick-start --demo");
    assert!(stderr.contains("holds a task_pool.jsonl without a manifest"), "{stderr}");
    assert_eq!(fs::read_to_string(&pool).unwrap(), "{\"task_id\": \"exp_00000_gsm8k\"}\n");
    // `run` and `build` do not replace them either, with or without --demo.
    place.ok("preprocess --demo --output demo");
    let build = "build --demo --benchmarks gsm8k --n-total-tasks 4 --full-dir demo --output data/exp1";
    assert!(place.fails(1, build).contains("holds a task_pool.jsonl without a manifest"));
    place.ok(&format!("{build} --force"));
}

#[test]
fn a_file_where_a_pool_should_go_is_named_and_kept() {
    let place = Place::new();
    place.ok("preprocess --demo --benchmarks amc");
    fs::write(place.path("file"), "mine").unwrap();
    for output in ["file", "file/pool"] {
        let stderr = place.fails(1, &format!("build --demo --benchmarks amc -n 4 --output {output}"));
        assert!(stderr.contains(&format!("{output}: cannot make this folder: ")), "{stderr}");
        assert!(!stderr.contains("manifest"), "{stderr}");
    }
    assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "mine");
}

#[test]
fn responses_are_written_with_a_table_and_never_over_an_input() {
    let place = Place::new();
    place.ok("preprocess --demo --benchmarks amc");
    let lines = |model: &str, rows: std::ops::Range<u32>| -> String {
        rows.map(|row| format!("amc,amc_{row},{model},{}\n", row % 2)).collect()
    };
    let header = "benchmark,source_id,model,score\n";
    fs::write(place.path("a.csv"), header.to_owned() + &lines("a", 0..83)).unwrap();
    fs::write(place.path("b.csv"), header.to_owned() + &lines("b", 80..85)).unwrap();
    let printed = place.ok("-q responses a.csv b.csv --demo --output kept/all.jsonl.gz");
    assert_eq!(
        printed,
        "benchmark  models  rows  answers\namc             2    83       86\nunmapped, and left out: 2\nwrote kept/all.jsonl.gz\n"
    );
    // It is read back without a flag; a name for the model stands in place of those in a file.
    let json = place.ok("-q responses kept/all.jsonl.gz --demo --output again.parquet --json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let counts = serde_json::json!([{"benchmark": "amc", "models": 2, "rows": 83, "answers": 86}]);
    assert_eq!(json, serde_json::json!({"benchmarks": counts, "unmapped": []}));
    place.ok("responses mine=a.csv --demo --output mine.csv");
    assert!(fs::read_to_string(place.path("mine.csv")).unwrap().lines().nth(1).unwrap().ends_with(",mine,,0,,,"));
    let before = fs::read(place.path("a.csv")).unwrap();
    let over = place.fails(1, "-q responses a.csv --demo --output ./a.csv");
    assert_eq!(over, "error: ./a.csv is one of the inputs, and is not replaced; name another file for the output\n");
    assert_eq!(fs::read(place.path("a.csv")).unwrap(), before);
    let ending = place.fails(2, "-q responses a.csv --demo --output all.xlsx");
    assert_eq!(ending, "error: --output: all.xlsx: end the name in .jsonl, .csv (each also .gz or .zst) or .parquet\n");
    let absent = place.fails(2, "-q responses a.csv c.csv --demo --output all.csv");
    assert_eq!(absent, "error: FILE: there is no file or folder c.csv\n");
    assert!(place.fails(2, "responses a.csv").contains("--output"));
    let nothing = place.fails(1, "-q responses b.csv --demo --benchmarks gsm8k --output all.csv");
    assert!(nothing.contains("gsm8k"), "{nothing}");
    assert!(!place.path("all.csv").exists() && !place.path("all.xlsx").exists());
}
