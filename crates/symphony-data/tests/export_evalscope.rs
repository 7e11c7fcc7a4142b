//! The export to EvalScope: its entries, without the program that runs them.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use support::{BENCHMARKS, json_lines};
use symphony_data::{
    DatasetBuilder,
    config::{Config, DEFAULT_CONFIG},
    export::{ExportError, ExportOptions, Exported, Input, Target, export},
    preprocess::PreprocessOptions,
    progress::Silent,
    request::RequestSpec,
};

fn to_evalscope(input: &Path, config: &Config, output: &Path) -> Result<Exported, ExportError> {
    let target = Target::parse("evalscope").unwrap();
    let options = ExportOptions { target, name: None, benchmarks: Vec::new(), force: false };
    Ok(export(vec![Input::Path(input.to_owned())], config, &options, output, &Silent)?.remove(0))
}

/// A pool of eight generated tasks of each of the five, in `folder/pool`.
fn pool_of_five(folder: &Path) -> DatasetBuilder {
    let mut config = Config::from_yaml("default", DEFAULT_CONFIG).unwrap();
    config.use_synthetic_sources().unwrap();
    let builder = DatasetBuilder::new(config);
    let full = folder.join("full");
    builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
    let request =
        RequestSpec { benchmarks: BENCHMARKS.map(str::to_owned).to_vec(), n_total_tasks: 40, ..RequestSpec::default() };
    let stream = builder.build_task_stream(&request, &full).unwrap();
    builder.save_task_pool(&stream, &folder.join("pool/task_pool.jsonl")).unwrap();
    builder
}

/// Preprocesses rows as the benchmark `mine`, and exports them. `prompt` is YAML.
fn mine(folder: &Path, rows: &[Value], prompt: &str) -> Result<Vec<Value>, ExportError> {
    let file = folder.join("rows.jsonl");
    fs::write(&file, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
    let yaml = format!(
        "benchmarks: {{mine: {{path: 'file:{}', difficulty: {{features: {{n: {{words: q}}}}, score: [{{feature: n, \
         normalize: p95}}]}}, prompt: {prompt}}}}}",
        file.display()
    );
    let builder = DatasetBuilder::from_yaml("mine.yaml", &yaml).unwrap();
    builder.preprocess_all_benchmarks(&folder.join("full"), PreprocessOptions::default()).unwrap();
    let output = folder.join("export");
    to_evalscope(&folder.join("full"), &builder.config, &output)?;
    Ok(json_lines(&output.join("test.jsonl")))
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |entry: fs::DirEntry| (entry.file_name().into(), fs::read(entry.path()).unwrap());
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).filter(|(_, text)| !text.is_empty()).collect()
}

/// How each of the five is graded: the adapter, and the right answer of a row.
fn expected(benchmark: &str, row: &Value) -> (&'static str, String) {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    match benchmark {
        "gsm8k" => ("gsm8k", text("answer").rsplit("####").next().unwrap().trim().replace(',', "")),
        "amc" => ("gsm8k", (row["answer"].as_f64().unwrap() as i64).to_string()),
        "medical_qa" => ("med_mcqa", text("answer_idx")),
        "humaneval" => ("humaneval", text("canonical_solution")),
        _ => match text("target").trim_matches(['(', ')']) {
            letter if letter.len() == 1 => ("med_mcqa", letter.to_owned()),
            word => ("trivia_qa", word.to_owned()),
        },
    }
}

#[test]
fn each_task_of_the_five_is_an_entry_with_its_ids_and_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let builder = pool_of_five(folder.path());
    let output = folder.path().join("export");
    let exported = to_evalscope(&folder.path().join("pool"), &builder.config, &output).unwrap();
    assert_eq!((exported.name.as_str(), exported.tasks), ("pool", 40));
    let tasks = json_lines(&folder.path().join("pool/task_pool.jsonl"));
    let entries = json_lines(&output.join("test.jsonl"));
    assert_eq!(entries.len(), 40);
    for (index, (entry, task)) in entries.iter().zip(&tasks).enumerate() {
        let [benchmark, bin] = ["benchmark", "difficulty_bin"].map(|key| task[key].as_str().unwrap());
        let (row, prompt) = (&task["raw_data"], &entry["prompt"]);
        let (adapter, target) = expected(benchmark, row);
        assert_eq!(entry["index"], index);
        assert_eq!(entry["tags"], json!([bin, benchmark, "pool"]));
        assert_eq!(entry["categories"], json!([benchmark, bin]));
        assert_eq!((&entry["subset_name"], &entry["dataset_name"]), (&json!(bin), &json!(adapter)));
        assert_eq!(prompt["target"], target, "{benchmark}");
        let symphony = &prompt["metadata"]["symphony"];
        for key in ["task_id", "benchmark", "source_id", "identity", "difficulty_bin", "difficulty_score"] {
            assert_eq!(symphony[key], task[key], "{key}");
        }
        assert_eq!(&prompt["metadata"]["row"], row);
        // The prompt is the benchmark's own. Numbers are asked for in a box too.
        let asked = builder.config.prompt_for(benchmark, &row.to_string()).unwrap().ask(&row.to_string()).unwrap();
        let more = if adapter == "gsm8k" { "\n\nWrite the final result inside \\boxed{}." } else { "" };
        assert_eq!(prompt["input"], json!([{"role": "user", "content": asked.input + more}]));
        // A letter is only found among the choices.
        let letters = prompt["choices"].as_array().map_or(0, Vec::len);
        let enough = if benchmark == "bbh" { 26 } else { row["options"].as_object().map_or(0, serde_json::Map::len) };
        assert_eq!(letters, if adapter == "med_mcqa" { enough } else { 0 }, "{benchmark}");
    }
    let weights: f64 = entries.iter().map(|entry| entry["weight"].as_f64().unwrap()).sum();
    assert!((weights - 1.0).abs() < 1e-9, "{weights}");
}

#[test]
fn the_same_tasks_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let builder = pool_of_five(folder.path());
    let [first, second] = ["first", "a/b/second"].map(|name| {
        let output = folder.path().join(name);
        to_evalscope(&folder.path().join("pool"), &builder.config, &output).unwrap();
        files(&output)
    });
    let names: Vec<&str> = first.keys().map(|name| name.to_str().unwrap()).collect();
    assert_eq!(names, ["README.md", "manifest.json", "test.jsonl"]);
    assert!(first == second);
    let manifest: Value = serde_json::from_slice(&first[Path::new("manifest.json")]).unwrap();
    assert_eq!(manifest["export"]["to"], "evalscope");
}

#[test]
fn the_grade_of_a_benchmark_of_ones_own_decides_how_it_is_graded() {
    let options = json!({"A": "Rome", "B": "Oslo"});
    let listed = json!(["Rome", "The Hague"]);
    for (row, prompt, adapter, target, choices) in [
        (json!({"a": "1,250.0"}), "target: '{a}', grade: number", "gsm8k", json!("1250"), Value::Null),
        (
            json!({"a": "B"}),
            "target: '{a}', choices: {items: o}, grade: choice",
            "med_mcqa",
            json!("B"),
            json!(["Rome", "Oslo"]),
        ),
        (
            json!({"a": 1}),
            "target: {index: {field: a}}, choices: {items: l}, grade: choice",
            "med_mcqa",
            json!("B"),
            json!(["Rome", "The Hague"]),
        ),
        (json!({"a": "Y"}), "target: '{a}', choices: [N, Y], grade: choice", "med_mcqa", json!("Y"), Value::Null),
        (
            json!({"a": "no"}),
            "target: '{a}', choices: ['yes', 'no'], grade: choice",
            "trivia_qa",
            json!(["no"]),
            Value::Null,
        ),
        (
            json!({"a": "2"}),
            "target: '{a}', choices: {items: d}, grade: choice",
            "trivia_qa",
            json!(["2", "2 hague"]),
            Value::Null,
        ),
        (json!({"a": "*New  York*."}), "target: '{a}', grade: exact", "trivia_qa", json!("New  York"), Value::Null),
        (json!({"a": "(C)"}), "target: '{a}', grade: exact", "med_mcqa", json!("C"), Value::Null),
        (json!({"a": "(c)"}), "target: '{a}', grade: exact", "trivia_qa", json!("c"), Value::Null),
        (json!({"a": "] ) }"}), "target: '{a}', grade: exact", "real_world_qa", json!("] ) }"), Value::Null),
        (json!({"a": "-5"}), "target: '{a}', grade: exact", "real_world_qa", json!("-5"), Value::Null),
        // An article is no word that counts.
        (json!({"a": "The"}), "target: '{a}', grade: exact", "real_world_qa", json!("The"), Value::Null),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut row = row;
        row["q"] = "Which?".into();
        row["o"] = options.clone();
        row["l"] = listed.clone();
        row["d"] = json!({"1": "Rome", "2": "The Hague!"});
        let entries = mine(folder.path(), &[row], &format!("{{input: '{{q}}', {prompt}}}")).unwrap();
        let (entry, asked) = (&entries[0], &entries[0]["prompt"]);
        assert_eq!((&entry["dataset_name"], &asked["target"]), (&json!(adapter), &target), "{prompt}");
        if !choices.is_null() {
            assert_eq!(asked["choices"], choices, "{prompt}");
        }
        // It is one of the letters that the adapter looks for.
        if let ("med_mcqa", Some(letter)) = (adapter, target.as_str()) {
            let place = usize::from(letter.as_bytes()[0] - b'A');
            assert!(place < asked["choices"].as_array().unwrap().len(), "{prompt}");
        }
        let marker = if adapter == "gsm8k" { "\\boxed{}" } else { "\"ANSWER:\"" };
        assert!(asked["input"][0]["content"].as_str().unwrap().contains(marker), "{prompt}");
    }
}

#[test]
fn a_prompt_that_asks_for_the_answer_gets_no_addition() {
    for (input, prompt) in [
        ("Put it in \\boxed{{}}: {q}", "target: '{a}', grade: number"),
        ("End with ANSWER: yes or ANSWER: no. {q}", "target: '{a}', grade: exact"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let rows = [json!({"q": "Which?", "a": "7"})];
        let entries = mine(folder.path(), &rows, &format!("{{input: '{input}', {prompt}}}")).unwrap();
        let asked = input.replace("{{}}", "{}").replace("{q}", "Which?");
        assert_eq!(entries[0]["prompt"]["input"][0]["content"], asked);
    }
}

#[test]
fn code_stands_behind_what_the_question_gives_and_its_tests_run_once() {
    for (given, before) in [
        ("import math", "import math\n"),
        ("def f(x):\n    \"\"\"Doubles.\"\"\"\n", "def f(x):\n    \"\"\"Doubles.\"\"\"\n"),
        // Another definition can only follow a function that has a body.
        ("def f(\n    x,\n) -> int:\n\n", "def f(\n    x,\n) -> int:\n    pass\n"),
        ("def f(x):  # doubles\n    # it\n", "def f(x):  # doubles\n    # it\n    pass\n"),
        ("class S:\n    def f(self, x):", "class S:\n    def f(self, x):\n        pass\n"),
        ("", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let rows = [json!({"q": "Double it.", "g": given, "t": "assert f(2) == 4", "task_id": "own"})];
        let prompt =
            "{input: '{q}', target: '{t}', grade: {code: {tests: '{t}', entry_point: f, given: '{g}'}}}".to_owned();
        let entries = mine(folder.path(), &rows, &prompt).unwrap();
        let metadata = &entries[0]["prompt"]["metadata"];
        assert_eq!(entries[0]["dataset_name"], "humaneval");
        assert_eq!(metadata["prompt"], before, "{given:?}");
        assert_eq!(metadata["entry_point"], "f");
        assert_eq!(metadata["test"], "assert f(2) == 4\n\ndef check(*_):\n    pass\n");
        assert_eq!(metadata["row"]["task_id"], "own");
    }
}

#[test]
fn labels_that_no_adapter_tells_apart_are_refused_by_name() {
    for (labels, said) in [("[a, b]", "a, b"), ("['+', '-']", "+, -"), ("['Yes', 'yes']", "Yes, yes")] {
        let folder = tempfile::tempdir().unwrap();
        let first = said.split(", ").next().unwrap();
        let prompt = format!("{{input: '{{q}}', target: '{{a}}', choices: {labels}, grade: choice}}");
        let error = mine(folder.path(), &[json!({"q": "Which?", "a": first})], &prompt).unwrap_err().to_string();
        assert!(error.contains(&format!("the benchmark mine has the choices {said}, ")), "{error}");
        assert!(
            error.contains("call them A, B, C, …") && error.contains("`benchmarks.mine.prompt.choices`"),
            "{error}"
        );
        assert!(!folder.path().join("export").exists());
    }
}

#[test]
fn the_readme_says_how_to_run_it_and_warns_where_code_runs() {
    let folder = tempfile::tempdir().unwrap();
    let builder = pool_of_five(folder.path());
    let output = folder.path().join("export");
    let exported = to_evalscope(&folder.path().join("pool"), &builder.config, &output).unwrap();
    let readme = fs::read_to_string(output.join("README.md")).unwrap();
    assert!(readme.contains(&format!("$ {}\n", exported.command)), "{readme}");
    assert!(!readme.contains("{version}") && !readme.contains("{command}"), "{readme}");
    let danger = "**EvalScope runs the code that the model writes on your machine";
    assert!(readme.contains(danger) && readme.contains("--sandbox '{\"enabled\": true}'"));
    // The version is the one that the tests of the real program install.
    let tested = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/tests/harnesses/requirements-evalscope.txt");
    let tested = fs::read_to_string(tested).unwrap();
    let pinned = tested.lines().find(|line| line.starts_with("evalscope==")).unwrap();
    assert!(readme.contains(&format!("$ pip install {pinned}\n")), "{pinned}");

    let folder = tempfile::tempdir().unwrap();
    let rows = [json!({"q": "1 + 1?", "a": 2})];
    mine(folder.path(), &rows, "{input: '{q}', target: '{a}', grade: number, stop: ['Q:']}").unwrap();
    let readme = fs::read_to_string(folder.path().join("export/README.md")).unwrap();
    assert!(!readme.contains(danger) && readme.contains(r#""stop_seqs": ["Q:"]}'"#), "{readme}");
}
