//! Labels: features that are texts. The index of a store keeps them, the same for both formats, and however it was made.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use symphony_data::{
    config::Config,
    draw,
    preprocess::{Outcome, PreprocessOptions, preprocess},
    progress::{Note, Progress, Silent},
    request::RequestSpec,
    store::{Label, Store, StoreError},
    task::Layout,
    verify::verify,
};

const BBH: &str = "benchmarks: {bbh: {path: 'synthetic:bbh?rows=2500'}}";

fn stage1(config: &Config, folder: &Path, format: Layout) -> Outcome {
    let benchmark = &config.benchmarks[0];
    let options = PreprocessOptions { format: Some(format), ..PreprocessOptions::default() };
    preprocess(benchmark, config.cut_of(&benchmark.name), folder, options, &Silent).unwrap().0
}

fn config(yaml: &str) -> Config {
    Config::from_yaml("test.yaml", yaml).unwrap()
}

/// A configuration of the rows in `folder` with the features `a`, `b` and `n`, each the field of its name.
fn fields_of(folder: &Path) -> Config {
    config(&format!(
        "benchmarks: {{mine: {{path: 'file:{}/rows.jsonl', difficulty: {{features: {{a: {{field: a}}, b: {{field: b}}, n: {{number: n}}}}, score: [{{feature: n, normalize: p95}}]}}}}}}",
        folder.display()
    ))
}

fn store(folder: &Path) -> Store {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut benchmarks = names.filter_map(|name| name.strip_suffix("_full_meta.json").map(str::to_owned));
    let benchmark = benchmarks.next().unwrap();
    Store::open(folder, &benchmark, &Silent).unwrap()
}

fn index(folder: &Path) -> std::path::PathBuf {
    folder.join(format!("{}_full.index", store(folder).meta.benchmark))
}

/// The labels of these rows in a store of each format, which must be the same from an index that is rebuilt in the folder
/// or in memory, and from stores that were made by other numbers of threads.
fn labels(rows: &str) -> Vec<Label> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rows.jsonl"), rows).unwrap();
    labels_of(&fields_of(folder.path()))
}

fn labels_of(config: &Config) -> Vec<Label> {
    let mut found: Vec<Vec<Label>> = Vec::new();
    for format in Layout::ALL {
        let folder = tempfile::tempdir().unwrap();
        let full = folder.path();
        stage1(config, full, format);
        found.push(store(full).labels().unwrap());
        let written = fs::read(index(full)).unwrap();
        fs::remove_file(index(full)).unwrap();
        let mut rebuilt = store(full);
        rebuilt.make_index(None).unwrap();
        found.push(rebuilt.labels().unwrap());
        assert_eq!(stage1(config, full, format), Outcome::Cached);
        assert!(fs::read(index(full)).unwrap() == written, "{format:?}: the rebuilt index is the same");
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let again = tempfile::tempdir().unwrap();
            pool.install(|| stage1(config, again.path(), format));
            assert!(fs::read(index(again.path())).unwrap() == written, "{format:?} with {threads} threads");
        }
        let names: Vec<String> = found[0].iter().map(|label| label.name.clone()).collect();
        assert_eq!(store(full).label_names().unwrap(), names);
        for label in &found[0] {
            assert_eq!(store(full).label(&label.name).unwrap().as_ref(), Some(label));
        }
        assert_eq!(store(full).label("no such label").unwrap(), None);
        assert!(verify(full).unwrap().iter().all(|finding| finding.problem.is_none()));
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    found.swap_remove(0)
}

/// A label's name, its values, and the value of each row.
type Said<'l> = (&'l str, Vec<&'l str>, Vec<Option<&'l str>>);

fn said(labels: &[Label], rows: u32) -> Vec<Said<'_>> {
    let mut said = Vec::new();
    for label in labels {
        let by_code = |code: u16| label.values[usize::from(code)].as_str();
        let rows: Vec<_> = (0..rows).map(|row| label.code(row).map(by_code)).collect();
        assert!(rows.iter().enumerate().all(|(row, value)| label.value(row as u32) == *value));
        said.push((label.name.as_str(), label.values.iter().map(String::as_str).collect(), rows));
    }
    said
}

#[test]
fn bbh_has_its_ten_tasks_as_a_label() {
    let labels = labels_of(&config(BBH));
    let [label] = &labels[..] else { panic!("{labels:?}") };
    assert_eq!((label.name.as_str(), label.values.len(), label.codes().len()), ("task_name", 10, 2500));
    let folder = tempfile::tempdir().unwrap();
    stage1(&config(BBH), folder.path(), Layout::Jsonl);
    let tasks = draw::load_preprocessed_benchmark("bbh", folder.path(), &Silent).unwrap();
    for (row, task) in tasks.iter().enumerate() {
        let metadata: BTreeMap<String, Value> = serde_json::from_str(task.scorer_metadata.get()).unwrap();
        assert_eq!(label.value(row as u32), metadata["task_name"].as_str());
    }
    assert_eq!((label.value(2500), label.code(u32::MAX)), (None, None));
}

#[test]
fn a_benchmark_of_numbers_has_no_labels() {
    assert_eq!(labels_of(&config("benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=900'}}")), []);
}

#[test]
fn a_row_without_a_value_has_none_and_texts_are_decoded() {
    let rows = r#"{"n": 1, "a": null, "b": "x"}
{"n": 2, "a": "z\u0301\n\"q\"\\", "b": "y"}
{"n": 3, "a": null, "b": "\u0078"}
{"n": 4, "a": "日本 😀", "b": null}
{"n": 5, "a": "\ud83d\ude00", "b": ""}
{"n": 6, "a": null, "b": "\"b\":1,\"n\":{"}
{"n": 7, "a": null, "b": "x"}
"#;
    let labels = labels(rows);
    let (first, second) = ("z\u{301}\n\"q\"\\", "日本 😀");
    let tricky = r#""b":1,"n":{"#;
    assert_eq!(
        said(&labels, 7),
        [
            ("a", vec![first, second, "😀"], vec![None, Some(first), None, Some(second), Some("😀"), None, None]),
            (
                "b",
                vec!["x", "y", "", tricky],
                [Some("x"), Some("y"), Some("x"), None, Some(""), Some(tricky), Some("x")].into()
            ),
        ]
    );
}

/// Rows with more text than one batch holds, whose values of `a` and `b` `value` gives as JSON.
fn many(rows: usize, value: impl Fn(usize) -> (String, String)) -> String {
    let mut text = String::new();
    for row in 0..rows {
        let (a, b) = value(row);
        writeln!(text, r#"{{"n": {}, "a": {a}, "b": {b}, "filling": "{}"}}"#, row % 7, "filling ".repeat(12)).unwrap();
    }
    text
}

#[test]
fn a_label_may_begin_late_and_one_value_that_is_no_text_ends_it() {
    let rows = 30_000;
    for other in ["7", "true", "[\"x\"]", "{\"a\": \"x\"}"] {
        // `a` is null in the first batches; `b` has another kind of value in the last row.
        let a = |row| if row < 25_000 { "null".to_owned() } else { format!("\"late {}\"", row % 3) };
        let b = |row| if row + 1 < rows { format!("\"{}\"", row % 5) } else { other.to_owned() };
        let labels = labels(&many(rows, |row| (a(row), b(row))));
        let [label] = &labels[..] else { panic!("{other}: {labels:?}") };
        assert_eq!(
            (label.name.as_str(), &label.values[..]),
            ("a", &["late 1", "late 2", "late 0"].map(str::to_owned)[..])
        );
        assert_eq!((label.value(24_999), label.value(25_000), label.codes().len()), (None, Some("late 1"), rows));
    }
    // Another kind of value in the first row, and texts only after it.
    let labels = labels(&many(rows, |row| (if row == 0 { "3" } else { "\"x\"" }.to_owned(), "null".to_owned())));
    assert_eq!(labels, []);
}

#[test]
fn a_label_has_at_most_65535_values_of_1024_bytes() {
    let numbered = |row: usize| format!("\"{row}\"");
    let fits = labels(&many(65_540, |row| (numbered(row.min(65_534)), numbered(row.min(65_535)))));
    let [label] = &fits[..] else { panic!("{} labels", fits.len()) };
    assert_eq!((label.name.as_str(), label.values.len()), ("a", 65_535));
    assert_eq!((label.code(65_534), label.value(65_539), label.value(0)), (Some(65_534), Some("65534"), Some("0")));
    // The text counts, not its JSON.
    let long = |bytes: usize| format!("\"{}\"", "\\n".repeat(bytes));
    let labels =
        labels(&many(40, |row| (long(if row == 30 { 1024 } else { 1 }), long(if row == 30 { 1025 } else { 1 }))));
    assert_eq!(labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn other_percentiles_keep_the_labels() {
    let other = config(&format!("{BBH}\nstream_generation: {{difficulty_percentiles: {{bbh: [10, 60]}}}}"));
    for format in Layout::ALL {
        let folder = tempfile::tempdir().unwrap();
        stage1(&config(BBH), folder.path(), format);
        let before = store(folder.path()).labels().unwrap();
        assert_eq!(stage1(&other, folder.path(), format), Outcome::Rebinned);
        assert_eq!(store(folder.path()).labels().unwrap(), before);
    }
}

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Progress for Notes {
    fn note(&self, note: Note<'_>) {
        self.0.lock().unwrap().push(note.to_string());
    }
}

fn draw_of(config: &Config, folder: &Path) -> (usize, Vec<String>) {
    let spec = RequestSpec { benchmarks: vec!["bbh".into()], n_total_tasks: 40, ..RequestSpec::default() };
    let request = spec.resolve(config).unwrap();
    let notes = Notes::default();
    let tasks = draw::build_task_stream(config, folder, &request, &notes).unwrap().0;
    let said = std::mem::take(&mut *notes.0.lock().unwrap());
    (tasks.iter().count(), said)
}

#[test]
fn an_index_of_an_older_version_is_rebuilt() {
    let config = config(BBH);
    let told = "bbh: rebuilding its index: bbh_full.index was written by an older version";
    for format in Layout::ALL {
        let folder = tempfile::tempdir().unwrap();
        stage1(&config, folder.path(), format);
        let whole = fs::read(index(folder.path())).unwrap();
        // Only the number at the end counts, so a shorter file will do: older indexes have no labels.
        let mut old = whole[whole.len() - 110..].to_vec();
        let last = old.len() - 1;
        assert!((b'2'..=b'9').contains(&old[last]));
        old[last] -= 1;
        let write_old = || fs::write(index(folder.path()), &old).unwrap();
        write_old();
        let findings = verify(folder.path()).unwrap();
        let problems: Vec<_> = findings.iter().filter_map(|finding| finding.problem.as_deref()).collect();
        assert_eq!(problems, ["was written by an older version; preprocess again to make it"]);
        // Where the folder cannot be written, the index is made in memory. Permissions would not make writing fail: tests
        // may run as root.
        let in_the_way = folder.path().join(".bbh_full.index.unfinished");
        fs::create_dir_all(&in_the_way).unwrap();
        assert_eq!(draw_of(&config, folder.path()), (40, vec![told.to_owned()]));
        assert!(fs::read(index(folder.path())).unwrap() == old);
        fs::remove_dir(&in_the_way).unwrap();
        assert_eq!(draw_of(&config, folder.path()), (40, vec![told.to_owned()]));
        assert!(fs::read(index(folder.path())).unwrap() == whole);
        assert_eq!(draw_of(&config, folder.path()), (40, Vec::new()));
        write_old();
        assert_eq!(stage1(&config, folder.path(), format), Outcome::Cached);
        assert!(fs::read(index(folder.path())).unwrap() == whole);
    }
}

#[test]
fn damage_in_the_labels_is_noticed_by_those_who_read_them() {
    let config = config(BBH);
    for format in Layout::ALL {
        let folder = tempfile::tempdir().unwrap();
        stage1(&config, folder.path(), format);
        let whole = fs::read(index(folder.path())).unwrap();
        let directory = whole.windows(8).position(|bytes| bytes == b"[{\"name\"").unwrap();
        for at in [directory - 2 * 2500, directory - 1, directory, directory + 20] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x20;
            fs::write(index(folder.path()), &damaged).unwrap();
            let error = store(folder.path()).labels().unwrap_err();
            assert!(
                matches!(error, StoreError::Stale { .. }) && error.to_string().contains("_full.index: "),
                "{error}"
            );
            assert!(verify(folder.path()).unwrap().iter().any(|finding| finding.problem.is_some()));
            // A draw does not read them.
            assert_eq!(draw_of(&config, folder.path()), (40, Vec::new()));
            assert_eq!(stage1(&config, folder.path(), format), Outcome::Cached);
            assert!(fs::read(index(folder.path())).unwrap() == whole);
        }
    }
}

#[test]
fn an_end_that_lies_about_the_labels_is_refused_before_anything_is_allocated() {
    let config = config(BBH);
    for format in Layout::ALL {
        let folder = tempfile::tempdir().unwrap();
        stage1(&config, folder.path(), format);
        let whole = fs::read(index(folder.path())).unwrap();
        let end = whole.len() - 126;
        for (at, lie) in [(0, u64::MAX), (0, 1 << 40), (8, u64::MAX), (8, 1 << 62), (8, 2), (16, u64::MAX), (16, 0)] {
            let mut forged = whole.clone();
            forged[end + at..end + at + 8].copy_from_slice(&lie.to_le_bytes());
            fs::write(index(folder.path()), &forged).unwrap();
            let error = store(folder.path()).labels().unwrap_err();
            assert!(error.to_string().ends_with("this file was changed or damaged"), "{error}");
        }
        for length in [0, 7, 8, 100, 126, whole.len() / 2] {
            fs::write(index(folder.path()), &whole[whole.len() - length..]).unwrap();
            assert!(matches!(store(folder.path()).labels(), Err(StoreError::Stale { .. })), "{length}");
        }
    }
}
