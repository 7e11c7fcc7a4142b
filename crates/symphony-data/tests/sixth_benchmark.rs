//! Benchmarks are data: a benchmark without any Rust code is scored by every feature function, from every file format.

mod support;

use std::{fs, io::Write, path::Path};

use serde_json::{Value, json};
use support::json_lines;
use symphony_data::{DatasetBuilder, preprocess::PreprocessOptions, request::RequestSpec};

const SIXTH: &str = r#"
benchmarks:
  sixth:
    description: Quiz questions of our own
    path: 'PATH'
    identity: [q.text, year]
    difficulty:
      features:
        a_chars: {chars: q.text}
        b_words: {words: q.text}
        c_lines: {lines: q.text}
        d_items: {items: options}
        e_number: {number: year}
        f_field: {field: tag}
        g_count: {count: {field: q.text, substrings: [aa, "?"]}}
        h_present: {present: {field: q.text, substrings: [WHAT, zebra, "?"], ignore_case: true}}
        i_any_of: {any_of: {field: q.text, substrings: ["$", "\\"]}}
        j_matches: {matches: {field: q.text, regex: '[0-9]+', at_least: 1}}
        k_first: {capture: {field: q.text, regex: '([0-9]+)'}}
        l_last: {capture: {field: q.text, regex: '([0-9]+)', which: last}}
        m_lookup: {lookup: {field: tag, table: {easy: 0.1, tough: 0.9}, default: 0.5}}
        n_mean_words: {mean_words: options}
        o_above: {above: {feature: b_words, bound: 4}}
        p_mean_of: {mean_of: [{words: q.text}, {items: options}, {number: year}]}
      score:
        - {feature: b_words, weight: 0.3, normalize: p95}
        - {feature: e_number, weight: 0.2, normalize: p95, constant: latest}
        - {feature: m_lookup, weight: 0.2}
        - {feature: o_above, weight: 0.1}
        - {constant_term: 0.05}
"#;

fn rows() -> Vec<Value> {
    vec![
        json!({"q": {"text": " What is 12 + 30?\n"}, "options": ["42", "forty two", ""], "year": 2001, "tag": "easy"}),
        json!({"q": {"text": "aaaa costs 5 $"}, "options": {"A": "one two three", "B": "x"}, "year": 2002.5, "tag": "odd"}),
        json!({"q": {"text": "Is 7 prime?\nYes\n\nor no, é?"}, "options": [], "year": 2003, "tag": "tough"}),
    ]
}

fn preprocess(yaml: &str, folder: &Path) -> Vec<Value> {
    let builder = DatasetBuilder::from_yaml("sixth.yaml", yaml).unwrap();
    builder.preprocess_all_benchmarks(folder, PreprocessOptions::default()).unwrap();
    json_lines(&folder.join(format!("{}_full.jsonl", builder.config.benchmarks[0].name)))
}

#[test]
fn every_feature_function_works_from_yaml_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let lines: Vec<String> = rows().iter().map(Value::to_string).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let tasks = preprocess(&SIXTH.replace("PATH", &format!("file:{}", file.display())), folder.path());
    // Computed by hand from the rows above.
    let expected = [
        json!({"a_chars": 18, "b_words": 5, "c_lines": 1, "d_items": 3, "e_number": 2001, "f_field": "easy", "g_count": 1,
            "h_present": 2, "i_any_of": false, "j_matches": 2, "k_first": 12, "l_last": 30, "m_lookup": 0.1,
            "n_mean_words": 1.5, "o_above": true, "p_mean_of": (5.0 + 3.0 + 2001.0) / 3.0}),
        json!({"a_chars": 14, "b_words": 4, "c_lines": 1, "d_items": 2, "e_number": 2002.5, "f_field": "odd", "g_count": 2,
            "h_present": 0, "i_any_of": true, "j_matches": 1, "k_first": 5, "l_last": 5, "m_lookup": 0.5,
            "n_mean_words": 2.0, "o_above": false, "p_mean_of": (4.0 + 2.0 + 2002.5) / 3.0}),
        json!({"a_chars": 26, "b_words": 7, "c_lines": 4, "d_items": 0, "e_number": 2003, "f_field": "tough", "g_count": 2,
            "h_present": 1, "i_any_of": false, "j_matches": 1, "k_first": 7, "l_last": 7, "m_lookup": 0.9,
            "n_mean_words": 0.0, "o_above": true, "p_mean_of": (7.0 + 0.0 + 2003.0) / 3.0}),
    ];
    for (row, (task, expected)) in tasks.iter().zip(&expected).enumerate() {
        assert_eq!(task["scorer_metadata"], *expected, "row {row}");
        let keys: Vec<&String> = task["scorer_metadata"].as_object().unwrap().keys().collect();
        assert_eq!(keys, expected.as_object().unwrap().keys().collect::<Vec<_>>(), "in the order of the rule");
        assert_eq!(task["raw_data"], rows()[row]);
    }
    // p95 of words 4, 5, 7: index 1.9, so 7 − 2·0.1 = 6.8; of years 2001, 2002.5, 2003: 2003 − 0.5·0.1 = 2002.95.
    let raw = |words: f64, year: f64, lookup: f64, above: f64| {
        0.3 * (words / 6.8).min(1.0) + 0.2 * (year / 2002.95_f64).min(1.0) + 0.2 * lookup + 0.1 * above + 0.05
    };
    let raw = [raw(5.0, 2001.0, 0.1, 1.0), raw(4.0, 2002.5, 0.5, 0.0), raw(7.0, 2003.0, 0.9, 1.0)];
    for (task, score) in tasks.iter().zip(raw.map(|score| (score - raw[1]) / (raw[2] - raw[1]))) {
        assert!((task["difficulty_score"].as_f64().unwrap() - score).abs() < 1e-12);
    }
    let meta: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("sixth_full_meta.json")).unwrap()).unwrap();
    let constants: Vec<&String> = meta["normalization_constants"].as_object().unwrap().keys().collect();
    assert_eq!(constants, ["max_b_words", "latest"]);
}

const BY_WORDS: &str = r"
benchmarks:
  quiz:
    path: 'PATH'
    identity: [question]
    difficulty:
      features: {words: {words: question}, year: {number: year}}
      score: [{feature: words, weight: 0.5, normalize: p95}, {feature: year, weight: 0.5, normalize: p95}]
";

#[test]
fn every_file_format_and_compression_gives_the_same_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Value> =
        (0..40).map(|i| json!({"question": format!("{} \"quoted\", ü\nand {i}?", "word ".repeat(i % 7)), "year": (1990 + i).to_string()})).collect();
    // All values are texts, as in CSV.
    let jsonl: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let json = serde_json::to_string_pretty(&rows).unwrap();
    let mut csv = "question,year\n".to_owned();
    for row in &rows {
        csv += &format!(
            "\"{}\",{}\n",
            row["question"].as_str().unwrap().replace('"', "\"\""),
            row["year"].as_str().unwrap()
        );
    }
    let mut seen: Vec<(String, Vec<Value>)> = Vec::new();
    for (name, text) in [("rows.jsonl", &jsonl), ("rows.json", &json), ("rows.csv", &csv)] {
        for ending in ["", ".gz", ".zst"] {
            let file = folder.path().join(format!("{name}{ending}"));
            let bytes = match ending {
                ".gz" => {
                    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                    gz.write_all(text.as_bytes()).unwrap();
                    gz.finish().unwrap()
                }
                ".zst" => zstd::encode_all(text.as_bytes(), 1).unwrap(),
                _ => text.clone().into_bytes(),
            };
            fs::write(&file, bytes).unwrap();
            // In JSON, a number written as a text is a mistake; CSV has only texts.
            let yaml = BY_WORDS.replace("PATH", &format!("file:{}", file.display()));
            let yaml = if name.ends_with("csv") {
                yaml
            } else {
                yaml.replace("{number: year}", "{capture: {field: year, regex: '([0-9]+)'}}")
            };
            let store = tempfile::tempdir().unwrap();
            seen.push((format!("{name}{ending}"), preprocess(&yaml, store.path())));
        }
    }
    for (name, tasks) in &seen {
        assert_eq!(*tasks, seen[0].1, "{name}");
    }
    assert_eq!(seen[0].1[1]["raw_data"], rows[1]);
}

#[test]
fn several_configs_are_one_benchmark_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    for config in ["law", "physics"] {
        fs::write(
            folder.path().join(format!("{config}.jsonl")),
            format!("{{\"question\": \"about {config}\", \"year\": 1}}\n"),
        )
        .unwrap();
    }
    let yaml = BY_WORDS.replace("PATH", &format!("file:{}/{{config}}.jsonl", folder.path().display()));
    let yaml = yaml.replace(
        "identity: [question]",
        "identity: [subject, question]\n    configs: [physics, law]\n    config_field: subject",
    );
    let tasks = preprocess(&yaml, folder.path());
    assert_eq!(tasks[0]["raw_data"], json!({"question": "about physics", "year": 1, "subject": "physics"}));
    assert_eq!(tasks[1]["raw_data"], json!({"question": "about law", "year": 1, "subject": "law"}));
    assert_eq!(tasks[1]["raw_data"].as_object().unwrap().keys().next_back().unwrap(), "subject");
}

#[test]
fn globs_are_read_in_the_order_of_names_as_one_benchmark() {
    let folder = tempfile::tempdir().unwrap();
    for shard in [2, 0, 1] {
        fs::write(
            folder.path().join(format!("part-{shard}.jsonl")),
            format!("{{\"question\": \"q{shard}\", \"year\": {shard}}}\n"),
        )
        .unwrap();
    }
    let tasks =
        preprocess(&BY_WORDS.replace("PATH", &format!("file:{}/part-*.jsonl", folder.path().display())), folder.path());
    let questions: Vec<&str> = tasks.iter().map(|task| task["raw_data"]["question"].as_str().unwrap()).collect();
    assert_eq!(questions, ["q0", "q1", "q2"]);
}

#[test]
fn a_pool_of_the_sixth_benchmark_carries_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let rows: String = (0..100).map(|i| format!("{{\"question\": \"{}\", \"year\": {i}}}\n", "w ".repeat(i))).collect();
    fs::write(&file, rows).unwrap();
    let builder =
        DatasetBuilder::from_yaml("quiz.yaml", &BY_WORDS.replace("PATH", &format!("file:{}", file.display()))).unwrap();
    builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
    let request = RequestSpec {
        benchmarks: vec!["quiz".into()],
        n_total_tasks: 20,
        difficulty_split: Some("1:2:1".into()),
        ..RequestSpec::default()
    };
    let tasks = builder.build_task_stream(&request, folder.path()).unwrap();
    let bins = |bin: &str| tasks.iter().filter(|task| task.difficulty_bin == bin).count();
    assert_eq!((bins("easy"), bins("medium"), bins("hard")), (5, 10, 5));
    for task in &tasks {
        let row: usize = task.source_id.as_ref().unwrap().strip_prefix("quiz_").unwrap().parse().unwrap();
        let raw: Value = serde_json::from_str(task.raw_data.get()).unwrap();
        assert_eq!(raw["year"], row);
    }
}
