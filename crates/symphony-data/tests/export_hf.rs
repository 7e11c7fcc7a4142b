//! Exports to the Hugging Face Hub: the columns that rows get, the card, and the description in Croissant.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use symphony_data::{
    DatasetBuilder,
    config::Config,
    export::{ExportOptions, Exported, Input, Target, export},
    preprocess::PreprocessOptions,
    progress::{Note, Progress, Silent},
    request::{PhaseSpec, PhasesSpec, RequestSpec},
    yaml::Node,
};

const OPTIONS: ExportOptions = ExportOptions { target: Target::Hf, name: None, benchmarks: Vec::new(), force: false };

/// A configuration that does not have the benchmarks of the test.
const OTHER: &str = "benchmarks: {gsm8k: {}}";

/// Collects warnings.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Progress for Warnings {
    fn note(&self, note: Note<'_>) {
        if let Note::Warning(text) = note {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }
}

/// A pool as another program could write it: a line for each row, with its benchmark.
fn pool(folder: &Path, rows: &[(&str, &str)]) -> PathBuf {
    let line = |(place, (benchmark, row)): (usize, &(&str, &str))| {
        let [id, benchmark] = [&format!("t{place}"), *benchmark].map(|text| Value::from(text).to_string());
        format!(
            "{{\"task_id\":{id},\"benchmark\":{benchmark},\"difficulty_score\":0.{}1,\"difficulty_bin\":\"easy\",\
             \"raw_data\":{row},\"scorer_metadata\":{{}}}}\n",
            place % 9
        )
    };
    let path = folder.join("pool").join("task_pool.jsonl");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, rows.iter().enumerate().map(line).collect::<String>()).unwrap();
    path.parent().unwrap().to_owned()
}

fn hf(input: &Path, config: &str, output: &Path) -> Exported {
    let config = Config::from_yaml("test.yaml", config).unwrap();
    export(vec![Input::Path(input.to_owned())], &config, &OPTIONS, output, &Silent).unwrap().remove(0)
}

/// The rows of a Parquet file as Arrow's own JSON, with nulls.
fn rows(path: &Path) -> Vec<Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap().build().unwrap();
    let mut writer = arrow_json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow_json::writer::JsonArray>(Vec::new());
    for batch in reader {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.finish().unwrap();
    serde_json::from_slice(&writer.into_inner()).unwrap()
}

/// The rows of one benchmark after an export, without our columns, and the text of the card.
fn typed(texts: &[&str]) -> (Vec<Value>, String) {
    let place = tempfile::tempdir().unwrap();
    let lines: Vec<(&str, &str)> = texts.iter().map(|row| ("b", *row)).collect();
    let output = place.path().join("hf");
    hf(&pool(place.path(), &lines), OTHER, &output);
    let mut found = rows(&output.join("data/b.parquet"));
    for row in &mut found {
        let ids = row.as_object_mut().unwrap().remove("symphony").unwrap();
        assert_eq!(ids["benchmark"], "b");
    }
    (found, fs::read_to_string(output.join("README.md")).unwrap())
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for inside in [folder.to_owned(), folder.join("data")] {
        for entry in fs::read_dir(inside).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            found.insert(entry.strip_prefix(folder).unwrap().to_owned(), fs::read(&entry).unwrap());
        }
    }
    found
}

/// The front matter of a card, and the text behind it.
fn card(folder: &Path) -> (Node, String) {
    let text = fs::read_to_string(folder.join("README.md")).unwrap();
    let (front, rest) = text.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
    (Node::parse("README.md", front).unwrap(), rest.to_owned())
}

fn key<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.map().unwrap().iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

fn stores(folder: &Path, yaml: &str) -> DatasetBuilder {
    let builder = DatasetBuilder::from_yaml("test.yaml", yaml).unwrap();
    builder.preprocess_all_benchmarks(folder, PreprocessOptions::default()).unwrap();
    builder
}

#[test]
fn a_pool_is_exported_with_its_rows_typed_and_its_scores_to_the_last_digit() {
    let place = tempfile::tempdir().unwrap();
    let full = place.path().join("full");
    let yaml =
        "benchmarks: {humaneval: {path: 'synthetic:humaneval'}, medical_qa: {path: 'synthetic:medical_qa?rows=300'}}";
    let builder = stores(&full, yaml);
    let phase = |tasks| PhaseSpec { n_total_tasks: Some(tasks), ..PhaseSpec::default() };
    let spec = RequestSpec {
        benchmarks: vec!["medical_qa".into(), "humaneval".into()],
        phases: Some(PhasesSpec::List(vec![phase(40), phase(20)])),
        ..RequestSpec::default()
    };
    let stream = builder.build_task_stream(&spec, &full).unwrap();
    builder.save_task_pool(&stream, &place.path().join("pool/task_pool.jsonl")).unwrap();
    let output = place.path().join("hf");
    let exported = hf(&place.path().join("pool"), yaml, &output);
    assert_eq!((exported.tasks, exported.command.as_str()), (60, "hf upload OWNER/NAME . --repo-type dataset"));

    let tasks: Vec<Value> = fs::read_to_string(place.path().join("pool/task_pool.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all = rows(&output.join("data/pool.parquet"));
    assert_eq!(all.len(), 60);
    for (task, row) in tasks.iter().zip(&all) {
        for name in ["task_id", "benchmark", "difficulty_score", "difficulty_bin", "source_id", "identity", "phase"] {
            assert_eq!(row[name], task[name], "{name}");
        }
        for name in ["raw_data", "scorer_metadata"] {
            assert_eq!(serde_json::from_str::<Value>(row[name].as_str().unwrap()).unwrap(), task[name]);
        }
        assert_eq!(row["weight"], 1.0);
    }
    for benchmark in ["humaneval", "medical_qa"] {
        let found = rows(&output.join(format!("data/{benchmark}.parquet")));
        let own: Vec<&Value> = tasks.iter().filter(|task| task["benchmark"] == benchmark).collect();
        assert_eq!(found.len(), own.len());
        for (task, row) in own.iter().zip(&found) {
            for (name, value) in task["raw_data"].as_object().unwrap() {
                assert_eq!(row[name], *value, "{benchmark} {name}");
            }
            assert_eq!(row["symphony"]["task_id"], task["task_id"]);
            assert_eq!(row["symphony"]["phase"], task["phase"]);
            assert_eq!(row["symphony"]["difficulty_score"], task["difficulty_score"]);
            let asked = row["symphony_input"].as_str().unwrap();
            assert!(asked.contains(
                task["raw_data"][if benchmark == "humaneval" { "prompt" } else { "question" }].as_str().unwrap()
            ));
        }
    }
    // Inspect has no scorer for code, and the tasks are not those of the benchmark whose licence this is.
    let tasks = fs::read_to_string(output.join("eval.yaml")).unwrap();
    let tasks = Node::parse("eval.yaml", &tasks).unwrap();
    let ids: Vec<&str> =
        key(&tasks, "tasks").unwrap().list().unwrap().iter().filter_map(|task| key(task, "id")?.text()).collect();
    assert_eq!(ids, ["medical_qa"]);
    let (front, text) = card(&output);
    assert!(key(&front, "license").is_none() && !text.contains("bibtex"), "{text}");
    assert!(text.contains("SYNTHETIC") && text.contains("Not in `eval.yaml`: `humaneval`."), "{text}");
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(place.path().join("pool/manifest.json")).unwrap()).unwrap();
    assert!(text.contains("\"n_total_tasks\": 60"), "{text}");
    for part in manifest["benchmarks"].as_array().unwrap() {
        let [easy, hard] = ["easy", "hard"].map(|bin| part["thresholds"][bin].as_f64().unwrap());
        let (name, path) = (part["benchmark"].as_str().unwrap(), part["source"]["path"].as_str().unwrap());
        let line = format!("| {name} | surface | {easy:?} | {hard:?} | {path} |  |");
        assert!(text.contains(&line), "{line}\n{text}");
    }
}

#[test]
fn the_same_tasks_give_the_same_bytes_anywhere() {
    let place = tempfile::tempdir().unwrap();
    let yaml = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=3000'}, amc: {path: 'synthetic:amc'}}";
    stores(&place.path().join("one/full"), yaml);
    stores(&place.path().join("another/place/full"), yaml);
    let [first, second] = ["one", "another/place"].map(|folder| {
        let folder = place.path().join(folder);
        hf(&folder.join("full"), yaml, &folder.join("hf"));
        files(&folder.join("hf"))
    });
    let names: Vec<String> = first.keys().map(|path| path.display().to_string()).collect();
    assert_eq!(
        names,
        [
            "README.md",
            "croissant.json",
            "data/all.parquet",
            "data/amc.parquet",
            "data/gsm8k.parquet",
            "eval.yaml",
            "manifest.json"
        ]
    );
    assert!(first == second, "the two exports differ");
    // An export replaces itself, and nothing that it did not write.
    let output = place.path().join("one/hf");
    hf(&place.path().join("one/full"), yaml, &output);
    assert!(first == files(&output));
}

#[test]
fn fields_keep_their_values_whatever_their_types() {
    let (rows, card) = typed(&[
        r#"{"n": 142.0, "f": 1, "big": 9007199254740993, "huge": 123456789012345678901234567890, "mixed": "a", "half": 1}"#,
        r#"{"n": 7, "f": 0.1, "big": 0, "huge": 1, "mixed": 1.50, "half": 9007199254740993}"#,
        r#"{"n": null, "f": -0.0, "big": -9223372036854775808, "huge": null, "mixed": {"a": [1, null]}, "half": 0.5}"#,
    ]);
    let column = |name: &str| -> Vec<String> { rows.iter().map(|row| row[name].to_string()).collect() };
    assert_eq!(column("n"), ["142", "7", "null"]);
    assert_eq!(column("f"), ["1.0", "0.1", "-0.0"]);
    assert_eq!(column("big"), ["9007199254740993", "0", "-9223372036854775808"]);
    assert_eq!(column("huge"), [r#""123456789012345678901234567890""#, r#""1""#, "null"]);
    assert_eq!(rows[0]["mixed"], r#""a""#);
    assert_eq!(rows[1]["mixed"], "1.50");
    assert_eq!(rows[2]["mixed"], r#"{"a": [1, null]}"#);
    // No floating-point number is 9007199254740993.
    assert_eq!(column("half"), [r#""1""#, r#""9007199254740993""#, r#""0.5""#]);
    assert!(card.contains("- `b`: `huge`, `mixed`, `half`"), "{card}");
}

#[test]
fn nested_values_missing_keys_and_texts_of_every_language_survive() {
    let (rows, card) = typed(&[
        r#"{"a": {"x": {"y": [1, 2.5]}, "z": "é\n😀\u0000"}, "l": [{"p": "1"}, null, {"q": true}], "m": [[1], [], null], "e": []}"#,
        r#"{"l": [], "a": null, "new": "größer", "e": [], "o": {}, "u": "\ud83d", "a": {"z": "twice"}}"#,
        r#"{"m": [["text"]], "l": null, "deep": {"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}, "c": [[{"k": 1}]]}"#,
    ]);
    assert_eq!(rows[0]["a"], json!({"x": {"y": [1.0, 2.5]}, "z": "é\n😀\u{0}"}));
    assert_eq!(rows[0]["l"], json!([{"p": "1", "q": null}, null, {"p": null, "q": true}]));
    // The items of `m` are lists of numbers and of texts.
    assert_eq!(rows[0]["m"], json!([["1"], [], null]));
    assert_eq!((&rows[0]["e"], &rows[2]["e"]), (&json!([]), &Value::Null));
    assert_eq!((&rows[0]["new"], &rows[1]["new"]), (&Value::Null, &json!("größer")));
    // Of a key that a row has twice, the last value counts, as it does in Python.
    assert_eq!(rows[1]["a"], json!({"x": null, "z": "twice"}));
    assert_eq!((&rows[1]["o"], &rows[1]["u"]), (&json!("{}"), &json!(r#""\ud83d""#)));
    assert_eq!(rows[2]["m"], json!([[r#""text""#]]));
    assert!(rows[2]["deep"].to_string().contains(r#"{\"a\":1}"#), "{}", rows[2]["deep"]);
    assert_eq!(rows[2]["c"], json!([[r#"{"k": 1}"#]]));
    assert!(card.contains("`m[][]`") && card.contains("`o`") && card.contains("`u`"), "{card}");
}

#[test]
fn rows_that_no_columns_hold_are_kept_whole() {
    let many: Vec<String> = (0..3)
        .map(|row| {
            let keys: Vec<String> = (0..600).map(|key| format!("\"k{row}_{key}\": {key}")).collect();
            format!("{{{}}}", keys.join(", "))
        })
        .collect();
    for texts in [many, vec![r#"{"": 1}"#.to_owned()], vec!["{}".to_owned()]] {
        let (rows, card) = typed(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let kept: Vec<&str> = rows.iter().map(|row| row["symphony_row"].as_str().unwrap()).collect();
        assert_eq!(kept, texts);
        assert!(card.contains("- `b`: `symphony_row`"), "{card}");
    }
    // A table inside a row, whose keys are its entries, does not become a column for each.
    let keys: Vec<String> = (0..200).map(|key| format!("\"{key}\": 1")).collect();
    let table = format!("{{{}}}", keys.join(", "));
    let (rows, _) = typed(&[&format!("{{\"t\": {table}, \"q\": 1}}")]);
    assert_eq!(rows[0], json!({"t": table, "q": 1}));
}

#[test]
fn our_columns_never_hide_those_of_a_row() {
    let place = tempfile::tempdir().unwrap();
    let yaml =
        "benchmarks: {b: {path: 'file:b.jsonl', difficulty: {features: {l: {chars: input}}, score: [{feature: l}]},
      prompt: {input: '{input}', target: '{target}', grade: exact}}}";
    let row = r#"{"symphony": 1, "symphony__input": "own", "input": "Q", "target": "'(A)'.", "task_id": "theirs"}"#;
    let output = place.path().join("hf");
    hf(&pool(place.path(), &[("b", row), ("c", r#"{"input": 1}"#)]), yaml, &output);
    let found = rows(&output.join("data/b.parquet")).remove(0);
    for (name, value) in serde_json::from_str::<Value>(row).unwrap().as_object().unwrap() {
        assert_eq!(found[name], *value, "{name}");
    }
    let ours = "symphony__";
    assert_eq!(found[ours]["task_id"], "t0");
    assert_eq!((&found[&format!("{ours}_input")], &found[&format!("{ours}_target")]), (&json!("Q"), &json!("A")));
    // The same names in every benchmark, and in the tasks that Inspect runs.
    assert_eq!(rows(&output.join("data/c.parquet"))[0][ours]["task_id"], "t1");
    let tasks = fs::read_to_string(output.join("eval.yaml")).unwrap();
    assert!(tasks.contains("input: \"symphony___input\"") && tasks.contains("metadata: [\"symphony__\"]"), "{tasks}");
    let all = rows(&output.join("data/pool.parquet"));
    assert_eq!((&all[0]["target"], &all[1]["target"]), (&json!("'(A)'."), &Value::Null));
}

#[test]
fn a_benchmark_without_a_prompt_that_fits_is_exported_with_a_warning() {
    let place = tempfile::tempdir().unwrap();
    let rule = "difficulty: {features: {l: {chars: q}}, score: [{feature: l}]}";
    let yaml = format!(
        "benchmarks:
  none: {{path: 'file:a.jsonl', {rule}}}
  other: {{path: 'file:a.jsonl', {rule}, prompt: {{input: '{{question}}', target: '{{a}}', grade: exact}}}}
  late: {{path: 'file:a.jsonl', {rule}, prompt: {{input: '{{q}}', target: '{{a}}', grade: number}}}}
  good: {{path: 'file:a.jsonl', {rule}, prompt: {{input: '{{q}}', target: '{{a}}', grade: number}}}}"
    );
    let [fine, wrong] = [r#"{"q": "1+1?", "a": 2.0}"#, r#"{"q": "1+1?", "a": "two"}"#];
    let rows_of = [
        ("none", fine),
        ("other", fine),
        ("late", fine),
        ("good", fine),
        ("late", wrong),
        ("stranger", fine),
        ("late", fine),
    ];
    let input = pool(place.path(), &rows_of);
    let (warnings, output) = (Warnings::default(), place.path().join("hf"));
    let config = Config::from_yaml("test.yaml", &yaml).unwrap();
    export(vec![Input::Path(input.clone())], &config, &OPTIONS, &output, &warnings).unwrap();
    let mut said = warnings.0.into_inner().unwrap();
    said.sort();
    let begins: Vec<&str> = said.iter().filter_map(|warning| warning.split(':').next()).collect();
    assert_eq!(begins, ["late", "none", "other", "stranger"], "{said:#?}");
    assert!(
        said[0].contains("eval.yaml leaves them out") && said[0].contains("t4") && said[0].contains("not a number")
    );
    for (benchmark, is_asked) in
        [("none", false), ("other", false), ("late", false), ("stranger", false), ("good", true)]
    {
        let found = rows(&output.join(format!("data/{benchmark}.parquet"))).remove(0);
        assert_eq!(found.get("symphony_input").is_some(), is_asked, "{benchmark}");
        // The numbers of `late` are no numbers alone.
        assert_eq!(found["a"], if benchmark == "late" { json!("2.0") } else { json!(2) }, "{benchmark}");
    }
    let (_, text) = card(&output);
    assert!(text.contains("because no prompt fits their rows: `late`, `none`, `other`, `stranger`."), "{text}");
    // Inspect needs a prompt for each.
    let options = ExportOptions { target: Target::Inspect, ..OPTIONS };
    export(vec![Input::Path(input)], &config, &options, &place.path().join("inspect"), &Silent).unwrap_err();
}

#[test]
fn a_card_with_hostile_names_and_citations_is_read_as_it_is_meant() {
    let place = tempfile::tempdir().unwrap();
    let citation = "---\n@misc{a,\n  title = {\"Quoted\": # not a comment ```\n````` | x}\n}\n---\nlicense: gpl";
    let yaml = json!({"benchmarks": {"GSM": {
        "path": "file:rows.jsonl", "license": "my \"own\": licence | yes", "citation": citation,
        "difficulty": {"features": {"l": {"chars": "q"}}, "score": [{"feature": "l"}]},
        "prompt": {"input": "{q}", "target": "{q}", "grade": "exact"},
    }}});
    let names = ["GSM", "gsm", "../../up", "a: \"b\" | `c`\n---", "default", "x.parquet", "é", "CON", "", "pool"];
    let rows: Vec<(&str, &str)> = names.iter().map(|name| (*name, r#"{"q": "a \u2028 b"}"#)).collect();
    let output = place.path().join("hf");
    hf(&pool(place.path(), &rows), &yaml.to_string(), &output);
    let (front, text) = card(&output);
    assert_eq!(key(&front, "license").unwrap().text(), Some("other"));
    assert!(text.contains(&format!("``````bibtex\n{citation}\n``````\n")), "{text}");
    assert!(text.contains("| a: \"b\" \\| `c` --- | 1 |"), "{text}");
    let mut paths: Vec<String> = Vec::new();
    for config in key(&front, "configs").unwrap().list().unwrap() {
        let name = key(config, "config_name").unwrap().text().unwrap();
        let path =
            key(&key(config, "data_files").unwrap().list().unwrap()[0], "path").unwrap().text().unwrap().to_owned();
        assert!(output.join(&path).is_file(), "{path}");
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        assert!(!name.is_empty() && name.chars().all(plain), "{name}");
        paths.push(path.to_ascii_lowercase());
    }
    assert_eq!(paths.len(), names.len() + 1);
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), names.len() + 1, "file systems that take A for a have all files");
    let written = files(&output);
    assert_eq!(written.keys().filter(|path| path.starts_with("data")).count(), names.len() + 1);
    // Every other reader of YAML would take this for the end of a line.
    assert!(!fs::read_to_string(output.join("eval.yaml")).unwrap().contains('\u{2028}'));
}

#[test]
fn a_card_has_the_licence_that_all_benchmarks_share() {
    let rule = "path: 'file:rows.jsonl', difficulty: {features: {l: {chars: q}}, score: [{feature: l}]}";
    let benchmark = |name: &str, license: &str| format!("{name}: {{{rule}{license}}}");
    for (a, b, expected) in [
        (", license: mit", ", license: mit", Some("mit")),
        (", license: mit", ", license: apache-2.0", Some("other")),
        (", license: mit", "", Some("other")),
        (", license: ours", ", license: ours", Some("other")),
        ("", "", None),
    ] {
        let place = tempfile::tempdir().unwrap();
        let yaml = format!("benchmarks: {{{}, {}}}", benchmark("a", a), benchmark("b", b));
        let output = place.path().join("hf");
        hf(&pool(place.path(), &[("a", r#"{"q": 1}"#), ("b", r#"{"q": 1}"#)]), &yaml, &output);
        let (front, _) = card(&output);
        assert_eq!(key(&front, "license").and_then(Node::text), expected, "{yaml}");
        assert!(!output.join("eval.yaml").exists(), "there is nothing to run");
    }
}

#[test]
fn croissant_lists_every_file_with_its_checksum_and_every_column_once() {
    let place = tempfile::tempdir().unwrap();
    let output = place.path().join("hf");
    let row = r#"{"a/b": 1, "a": {"b": [1.5], "it's": true}, "ö ": [[1]], "l": [{"x": "1"}]}"#;
    hf(&pool(place.path(), &[("b", row)]), OTHER, &output);
    let text = fs::read_to_string(output.join("croissant.json")).unwrap();
    let croissant: Value = serde_json::from_str(&text).unwrap();
    let written = files(&output);
    for file in croissant["distribution"].as_array().unwrap() {
        let digest =
            ring::digest::digest(&ring::digest::SHA256, &written[Path::new(file["contentUrl"].as_str().unwrap())]);
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file["sha256"], hex);
    }
    let mut ids: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("\"@id\": "))
        .filter(|id| id.ends_with(',') && !id.contains("cr:"))
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    // Two files, two record sets, ten columns of all tasks, and of the benchmark 4 fields, 3 inside, and our 1 with 8 inside.
    assert_eq!((ids.len(), count), (30, 30), "{ids:#?}");
    let fields = croissant["recordSet"][1]["field"].as_array().unwrap();
    let of = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap();
    assert_eq!(of("a/b")["dataType"], "sc:Integer");
    assert_eq!(of("a")["subField"][0]["isArray"], true);
    assert_eq!(of("a")["subField"][1]["source"]["transform"], json!([{"jsonPath": "$[\"it's\"]"}]));
    assert_eq!(of("ö ")["arrayShape"], "-1,-1");
    assert_eq!((&of("l")["isArray"], &of("l")["subField"][0]["dataType"]), (&json!(true), &json!("sc:Text")));
}
