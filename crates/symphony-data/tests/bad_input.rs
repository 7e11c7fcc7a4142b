//! Bad input gives the user one message with file, line, field and the way out, and leaves no incomplete files.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use symphony_data::{
    DatasetBuilder, Error, Hint,
    draw::DrawError,
    preprocess::PreprocessOptions,
    progress::{Note, Progress},
    request::RequestSpec,
    store::OnBadRow,
};

const RULE: &str = "identity: [question]
    difficulty:
      features: {words: {words: question}, year: {number: year}, options: {items: options}}
      score: [{feature: words, weight: 0.5, normalize: p95}, {feature: year, weight: 0.5, normalize: p95}]";

fn builder(path: &Path) -> DatasetBuilder {
    let yaml = format!("benchmarks:\n  quiz:\n    path: 'file:{}'\n    {RULE}\n", path.display());
    DatasetBuilder::from_yaml("quiz.yaml", &yaml).unwrap()
}

/// The error of stage 1 for a file with this name and content; asserts that no file is left in the store's folder.
fn message(name: &str, content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, content).unwrap();
    let full = folder.path().join("full");
    let error = builder(&file).preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap_err();
    let left: Vec<_> = fs::read_dir(&full).into_iter().flatten().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?} was left");
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

const GOOD: &str = r#"{"question": "a b", "year": 1, "options": []}"#;

#[test]
fn the_message_of_a_bad_row_has_file_line_field_and_the_way_out() {
    let way_out = "; fix the row";
    let cases: [(&str, &str); 9] = [
        (r#"{"question": "a b", "year": 1"#, "not JSON: EOF while parsing an object (column 29)"),
        ("[1, 2]", "not a JSON object: invalid type: sequence, expected an object (column 0)"),
        ("3", "not a JSON object: invalid type: integer `3`, expected an object (column 1)"),
        (r#"{"year": 1, "options": []}"#, "field `question`: missing from this row, which has: year, options"),
        (r#"{"question": 5, "year": 1, "options": []}"#, "field `question`: expected a string, found a number"),
        (r#"{"question": "a", "year": "1", "options": []}"#, "field `year`: expected a number, found a string"),
        (
            r#"{"question": "a", "year": 1e999, "options": []}"#,
            "field `year`: 1e999 is beyond the range of a 64-bit number",
        ),
        (
            r#"{"question": "a", "year": 1, "options": "x"}"#,
            "field `options`: expected a list or an object, found a string",
        ),
        (
            r#"{"question": "a", "year": NaN, "options": []}"#,
            "field `year`: holds NaN, which is no number to compute with",
        ),
    ];
    for (row, expected) in cases {
        let content = format!("{GOOD}\n\n{row}\n{GOOD}\n");
        let expected = format!("rows.jsonl:3: row 1 of quiz: {expected}{way_out}");
        assert_eq!(message("rows.jsonl", content.as_bytes()), expected, "{row}");
    }
}

#[test]
fn the_message_of_bytes_that_are_not_utf_8_has_the_line() {
    let content = [GOOD.as_bytes(), b"\n{\"question\": \"\xff\"}\n"].concat();
    assert!(
        message("rows.jsonl", &content)
            .starts_with("rows.jsonl:2: row 1 of quiz: not UTF-8 (byte 15 of the row); is the file Latin-1? ")
    );
}

#[test]
fn a_file_in_another_format_than_its_name_gives_one_message() {
    let cases: [(&str, &[u8], &str); 8] = [
        ("rows.jsonl", b"", "has no rows; a benchmark needs at least one"),
        (
            "rows.json",
            b"{\"question\": 1}",
            "rows.json: this file is one object, without an array of objects; write one: `[{…}, {…}]`",
        ),
        (
            "rows.json",
            b"[\n{\"question\": 1},\n",
            "rows.json:3: the file ends inside its array; it seems to be cut off",
        ),
        ("rows.json", b"", "rows.json:1: this file is empty; write an array of objects"),
        ("rows.csv", b"question,question\na,b\n", "rows.csv:1: the header has two columns `question`; rename one"),
        (
            "rows.csv",
            b"question,year,options\na,1\n",
            "rows.csv:2: row 0 of quiz: has 2 values where the header has 3 names",
        ),
        (
            "rows.jsonl.gz",
            b"this is no gzip",
            "rows.jsonl.gz: this file is plain text, not compressed as its name says",
        ),
        ("rows.xlsx", b"PK", "rows.xlsx: its name does not show its format; name it .jsonl, .json, .csv or .tsv"),
    ];
    for (name, content, expected) in cases {
        let found = message(name, content);
        assert!(found.contains(expected), "{name}: {found}");
    }
}

#[test]
fn a_file_cut_off_in_its_compression_is_an_error_and_not_a_shorter_benchmark() {
    use std::io::Write;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for i in 0..1000 {
        writeln!(gz, r#"{{"question": "a {i}", "year": {i}, "options": []}}"#).unwrap();
    }
    let whole = gz.finish().unwrap();
    assert!(message("rows.jsonl.gz", &whole[..whole.len() / 2]).contains("check that it is complete"));
}

/// The rows that stage 1 finds in the files of a pattern, and its warnings; or its error.
fn rows_of(folder: &Path, pattern: &str, more: &str) -> Result<(usize, Vec<String>), String> {
    #[derive(Clone, Default)]
    struct Warnings(Arc<Mutex<Vec<String>>>);
    impl Progress for Warnings {
        fn note(&self, note: Note<'_>) {
            if let Note::Warning(text) = note {
                self.0.lock().unwrap().push(text.to_owned());
            }
        }
    }
    let yaml = format!("benchmarks:\n  quiz:\n    path: 'file:{}/{pattern}'\n{more}    {RULE}\n", folder.display());
    let warnings = Warnings::default();
    let builder = DatasetBuilder::from_yaml("quiz.yaml", &yaml).unwrap().with_progress(warnings.clone());
    let full = tempfile::tempdir().unwrap();
    builder
        .preprocess_all_benchmarks(full.path(), PreprocessOptions::default())
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.display()), ""))?;
    let rows = fs::read_to_string(full.path().join("quiz_full.jsonl")).unwrap().lines().count();
    Ok((rows, warnings.0.lock().unwrap().clone()))
}

#[test]
fn hidden_files_are_taken_only_where_the_pattern_writes_their_dot() {
    let place = tempfile::tempdir().unwrap();
    for name in
        ["data/a.jsonl", "data/.b.jsonl", "data/.checks/c.jsonl", "data/x/d.jsonl", "data/x/._d.jsonl", ".e/f.jsonl"]
    {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{}\n", GOOD.replace("a b", name))).unwrap();
    }
    // The same number as Python's glob.glob(pattern, recursive=True) finds.
    for (pattern, files) in [
        ("data/*.jsonl", 1),
        ("data/.*.jsonl", 1),
        ("data/**/*.jsonl", 2),
        ("**/*.jsonl", 2),
        ("data/.checks/*.jsonl", 1),
        ("data/.c*/*.jsonl", 1),
        ("*/x/*.jsonl", 1),
        ("data/*/.*.jsonl", 1),
        (".e/*.jsonl", 1),
        ("data/?b.jsonl", 0),
        ("data/[.]b.jsonl", 0),
        ("data/**/**/*.jsonl", 2),
    ] {
        match rows_of(place.path(), pattern, "") {
            Ok((rows, warnings)) => assert_eq!((rows, warnings), (files, Vec::new()), "{pattern}"),
            Err(message) => {
                assert_eq!(files, 0, "{pattern}: {message}");
                assert!(message.contains("but data/.b.jsonl, which is hidden"), "{message}");
            }
        }
    }
}

#[test]
fn a_file_that_two_patterns_match_is_an_error_that_names_both() {
    let place = tempfile::tempdir().unwrap();
    for name in ["math.jsonl", "math_hard.jsonl"] {
        fs::write(place.path().join(name), format!("{}\n", GOOD.replace("a b", name))).unwrap();
    }
    let configs = "    configs: [math, math_hard]\n";
    assert_eq!(rows_of(place.path(), "{config}.jsonl", configs).unwrap().0, 2);
    assert_eq!(
        rows_of(place.path(), "{config}*.jsonl", configs).unwrap_err(),
        "quiz: math_hard.jsonl is found by file:{config}*.jsonl of the config math and by file:{config}*.jsonl of the \
         config math_hard, so its rows would count twice; change the patterns so that each file is found once"
            .replacen("{config}", "math", 1)
            .replacen("{config}", "math_hard", 1)
    );
}

#[cfg(unix)]
#[test]
fn a_file_behind_a_link_to_its_folder_is_found_twice() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("real")).unwrap();
    fs::write(place.path().join("real/a.jsonl"), format!("{GOOD}\n")).unwrap();
    std::os::unix::fs::symlink("real", place.path().join("link")).unwrap();
    let message = rows_of(place.path(), "*/a.jsonl", "").unwrap_err();
    assert!(message.contains("a.jsonl is found twice by file:*/a.jsonl"), "{message}");

    // A store from before the link existed is out of date.
    fs::remove_file(place.path().join("link")).unwrap();
    let full = place.path().join("full");
    let builder = builder(&place.path().join("*/a.jsonl"));
    builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
    std::os::unix::fs::symlink("real", place.path().join("link")).unwrap();
    let error = builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap_err();
    assert!(error.to_string().contains("is found twice"), "{error}");
}

#[test]
fn identical_files_give_a_warning() {
    let place = tempfile::tempdir().unwrap();
    for name in ["a.jsonl", "a (copy).jsonl"] {
        fs::write(place.path().join(name), format!("{GOOD}\n")).unwrap();
    }
    fs::write(place.path().join("b.jsonl"), "").unwrap();
    fs::write(place.path().join("c.jsonl"), "").unwrap();
    let (rows, warnings) = rows_of(place.path(), "*.jsonl", "").unwrap();
    assert_eq!(rows, 2);
    let expected = "quiz: its files a (copy).jsonl and a.jsonl are identical (46 bytes), so their rows count twice";
    assert_eq!(warnings[..1], [expected.to_owned()], "{warnings:?}");
}

#[test]
fn the_message_of_a_missing_file_has_its_pattern_and_folder() {
    let error = builder(Path::new("nowhere/*.jsonl"))
        .preprocess_all_benchmarks(tempfile::tempdir().unwrap().path(), PreprocessOptions::default());
    let message = error.unwrap_err().to_string();
    assert!(message.contains("no file matches nowhere/*.jsonl (in /"), "{message}");
    assert!(message.contains("relative to the folder you run in"), "{message}");
}

#[test]
fn skipped_rows_are_set_aside_with_line_and_reason_and_still_numbered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    fs::write(&file, format!("{GOOD}\nnot json\n{GOOD}\n{{\"question\": 1}}\n{GOOD}\n")).unwrap();
    let options = PreprocessOptions { on_bad_row: Some(OnBadRow::Skip), ..PreprocessOptions::default() };
    let meta = &builder(&file).preprocess_all_benchmarks(folder.path(), options).unwrap()[0];
    assert_eq!((meta.n_tasks_full, meta.rejected_rows), (3, 2));
    let read = |name: &str| -> Vec<Value> {
        fs::read_to_string(folder.path().join(name))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let ids: Vec<Value> = read("quiz_full.jsonl").iter().map(|task| task["task_id"].clone()).collect();
    assert_eq!(ids, ["quiz_0", "quiz_2", "quiz_4"]);
    let rejected = read("quiz_rejected.jsonl");
    assert_eq!(
        (&rejected[0]["row"], &rejected[0]["line"], &rejected[0]["source"], &rejected[0]["text"]),
        (&1.into(), &2.into(), &"rows.jsonl".into(), &"not json".into())
    );
    assert_eq!(
        (&rejected[1]["field"], &rejected[1]["reason"]),
        (&"question".into(), &"expected a string, found a number".into())
    );

    // If the file of rejected rows is lost or changed, it is rebuilt with its store.
    fs::write(folder.path().join("quiz_rejected.jsonl"), "changed").unwrap();
    builder(&file).preprocess_all_benchmarks(folder.path(), options).unwrap();
    assert_eq!(read("quiz_rejected.jsonl"), rejected);

    fs::write(&file, format!("{GOOD}\n{GOOD}\n")).unwrap();
    builder(&file).preprocess_all_benchmarks(folder.path(), options).unwrap();
    assert!(!folder.path().join("quiz_rejected.jsonl").exists(), "what no longer holds does not stay");
    fs::write(folder.path().join("quiz_rejected.jsonl"), "of a run that was killed").unwrap();
    builder(&file).preprocess_all_benchmarks(folder.path(), options).unwrap();
    assert!(!folder.path().join("quiz_rejected.jsonl").exists(), "nor does what no meta knows");
    fs::write(&file, "x\ny\n").unwrap();
    let error = builder(&file).preprocess_all_benchmarks(folder.path(), options).unwrap_err().to_string();
    assert!(error.contains("has no rows left (2 were set aside)"), "{error}");
}

#[test]
fn the_messages_of_missing_stores_and_empty_streams_have_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    fs::write(&file, format!("{GOOD}\n").repeat(4)).unwrap();
    let builder = builder(&file);
    let request = |split: &str| RequestSpec {
        benchmarks: vec!["quiz".into()],
        n_total_tasks: 4,
        difficulty_split: Some(split.into()),
        ..RequestSpec::default()
    };
    let full = folder.path().join("full");
    let error = builder.build_task_stream(&request("1:1"), &full).unwrap_err();
    assert!(error.to_string().ends_with("full: quiz"), "{error}");
    let preprocess = Hint::Preprocess { benchmarks: vec!["quiz".to_owned()], folder: full.clone(), force: false };
    assert_eq!(error.hints(), [preprocess, Hint::NameStores]);
    builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
    // All scores are equal, so every task is easy and the other bins are empty.
    let error = builder.build_task_stream(&request("0:1"), &full).unwrap_err();
    assert!(matches!(&error, Error::Draw(DrawError::NoTasks { .. })));
    assert!(error.to_string().contains("quiz: 4 hard tasks asked, 0 there; choose difficulty_percentiles"), "{error}");
}

#[test]
fn the_message_of_a_file_in_place_of_a_folder_has_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    fs::write(&file, GOOD).unwrap();
    let error = builder(&file).preprocess_all_benchmarks(&file, PreprocessOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("cannot make this folder") && error.contains("there is a file where a folder is needed"),
        "{error}"
    );
}

#[test]
fn a_field_that_config_field_would_overwrite_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("law.jsonl"),
        "{\"question\": \"a\", \"year\": 1, \"options\": [], \"subject\": \"x\"}\n",
    )
    .unwrap();
    let yaml = format!(
        "benchmarks:\n  quiz:\n    path: 'file:{}/{{config}}.jsonl'\n    configs: [law]\n    config_field: subject\n    {RULE}\n",
        folder.path().display()
    );
    let builder = DatasetBuilder::from_yaml("quiz.yaml", &yaml).unwrap();
    let error = builder
        .preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("has a field `subject` of its own, which config_field would hide"), "{error}");
}

#[test]
fn a_row_with_more_than_64_mib_of_features_is_a_bad_row() {
    let folder = tempfile::tempdir().unwrap();
    let row = format!("{{\"q\": \"{}\", \"n\": 1}}\n", "x".repeat(1 << 20));
    fs::write(folder.path().join("rows.jsonl"), row).unwrap();
    let copies: Vec<String> = (0..65).map(|i| format!("c{i}: {{field: q}}")).collect();
    let yaml = format!(
        "benchmarks: {{quiz: {{path: 'file:{}/rows.jsonl', difficulty: {{features: {{n: {{number: n}}, {}}}, score: [{{feature: n, normalize: p95}}]}}}}}}",
        folder.path().display(),
        copies.join(", ")
    );
    let builder = DatasetBuilder::from_yaml("quiz.yaml", &yaml).unwrap();
    let full = folder.path().join("full");
    let error = builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap_err().to_string();
    assert!(error.contains("row 0 of quiz: its features take more than 64 MiB; fix the row"), "{error}");
}
