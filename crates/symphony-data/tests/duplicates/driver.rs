//! The driver and its files.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde_json::Value;
use symphony_data::{
    DatasetBuilder, Error,
    compare::{CompareOptions, OfBenchmark, Report},
    preprocess::PreprocessOptions,
    progress::Progress,
    store::{Duplicates, Store, StoreError},
    verify::{Verdict, verify},
};

use crate::support;

/// A folder with rows, a configuration of them, and their stores in `full`.
pub struct Place {
    pub folder: tempfile::TempDir,
    yaml: String,
}

pub const RULE: &str = "difficulty: {features: {n: {words: q}}, score: [{feature: n, normalize: p95}]}";
/// A prompt that reads the question, and what it asks for.
pub const PROMPT: &str = "prompt: {input: 'Answer this question: {q}', target: '{a}', grade: exact}";

impl Place {
    /// Benchmarks by name: their keys beside the path and the rule, and their rows.
    pub fn new(benchmarks: &[(&str, &str, &[&str])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut yaml = "benchmarks:\n".to_owned();
        for (name, keys, rows) in benchmarks {
            let path = folder.path().join(format!("{name}.jsonl"));
            fs::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
            writeln!(yaml, "  {name}: {{path: 'file:{}', {keys}, {RULE}}}", path.display()).unwrap();
        }
        let place = Self { folder, yaml };
        place.builder().preprocess_all_benchmarks(&place.full(), PreprocessOptions::default()).unwrap();
        place
    }

    pub fn builder(&self) -> DatasetBuilder {
        DatasetBuilder::from_yaml("test.yaml", &self.yaml).unwrap()
    }

    pub fn full(&self) -> std::path::PathBuf {
        self.folder.path().join("full")
    }

    pub fn compare(&self) -> Report {
        self.builder().duplicates(&self.full(), &CompareOptions::default()).unwrap()
    }

    /// The lines of a benchmark's duplicates, by source_id.
    fn lines(&self, benchmark: &str) -> BTreeMap<String, Value> {
        let lines = support::json_lines(&self.full().join(format!("{benchmark}_duplicates.jsonl")));
        lines.into_iter().map(|line| (line["source_id"].as_str().unwrap().to_owned(), line)).collect()
    }
}

const TEN: &str = "how many of the ten green bottles are left";

fn row(id: u32, question: &str, answer: &str) -> String {
    serde_json::json!({"id": id, "q": question, "a": answer}).to_string()
}

/// A question of 20 words, with an ending of its own.
fn long(ending: &str) -> String {
    let words: Vec<String> = (0..20).map(|at| format!("w{at}")).collect();
    format!("{} {ending}", words.join(" "))
}

fn planted() -> Place {
    let a = [
        row(0, TEN, "9"),
        row(1, &long("end"), "x"),
        row(2, TEN, "9"),                  // a copy of 0
        row(3, &format!(" {TEN}\n"), "8"), // a conflict with 0 and 2, of another identity
        row(4, &long("stop"), "x"),        // 16 of 18 runs in common with 1
        row(5, "nothing like the others", "x"),
        row(6, "…", "y"),
        row(7, "… ", "z"),                            // no words, and a conflict all the same
        row(8, &long("end").to_uppercase(), "other"), // the words of 1, but not its text
    ];
    let b = [row(0, "a question of its own kind, asked here alone", "x"), row(1, &long("end."), "x")];
    let (a, b): (Vec<&str>, Vec<&str>) =
        (a.iter().map(String::as_str).collect(), b.iter().map(String::as_str).collect());
    let keys = format!("identity: [q], {PROMPT}");
    Place::new(&[("one", &keys, &a), ("two", &keys, &b)])
}

#[test]
fn planted_copies_conflicts_and_near_duplicates_are_found_within_and_across_benchmarks() {
    let place = planted();
    let report = place.compare();
    let of = |benchmark: &str, rows, copies, conflicts, near, groups, largest| OfBenchmark {
        benchmark: benchmark.to_owned(),
        rows,
        copies,
        conflicts,
        near,
        groups,
        largest,
    };
    // Of one: {0, 2, 3} and {1, 4, 8}, whose third row stands in two; 0 and 2 conflict with 3, 6 with 7.
    assert_eq!(report.benchmarks, [of("one", 9, 1, 5, 3, 2, 3), of("two", 2, 0, 0, 0, 0, 0)]);
    let across = &report.across[..];
    assert!(across.len() == 1 && across[0].benchmarks == ["one", "two"], "{across:?}");
    assert_eq!((across[0].groups, across[0].rows), (1, [3, 1]));
    assert!(report.complete && report.against.is_none());

    let one = place.lines("one");
    let kinds =
        |id: &str| one[id]["kinds"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        one.keys().map(String::as_str).collect::<Vec<_>>(),
        ["one_0", "one_1", "one_2", "one_3", "one_4", "one_6", "one_7", "one_8"]
    );
    assert_eq!(kinds("one_0"), ["conflict"]);
    assert_eq!(kinds("one_1"), [""; 0]);
    assert_eq!(kinds("one_2"), ["copy", "conflict"]);
    assert_eq!(kinds("one_3"), ["conflict", "near"]);
    assert_eq!((&one["one_2"]["with"], &one["one_2"]["similarity"]), (&"one_0".into(), &1.0.into()));
    assert_eq!(one["one_2"]["conflicts_with"], "one_3");
    assert_eq!(one["one_3"]["conflicts_with"], "one_0");
    assert_eq!((&one["one_6"]["conflicts_with"], &one["one_6"]["group"]), (&"one_7".into(), &Value::Null));
    // 21 words have 17 runs of five, of which the last differs: 16 of 18.
    assert_eq!((kinds("one_4"), &one["one_4"]["similarity"]), (vec!["near"], &(16.0 / 18.0).into()));
    assert_eq!((kinds("one_8"), &one["one_8"]["similarity"]), (vec!["near"], &1.0.into()));

    // The group's name is the smallest identity in it, over both benchmarks.
    let two = &place.lines("two")["two_1"];
    let identity = |line: &Value| line["identity"].as_str().unwrap().to_owned();
    let members = ["one_1", "one_4", "one_8"].map(|id| identity(&one[id]));
    let smallest = members.iter().cloned().chain([identity(two)]).min().unwrap();
    assert!([&one["one_1"], &one["one_4"], &one["one_8"], two].iter().all(|line| line["group"] == smallest.as_str()));
}

#[test]
fn a_draw_reads_groups_and_conflicts_and_knows_whether_they_belong_to_the_store() {
    let place = planted();
    assert!(Duplicates::read(&place.full(), "one").unwrap().is_none());
    place.compare();
    let read = Duplicates::read(&place.full(), "one").unwrap().unwrap();
    let store = Store::open_in(&place.full(), "one").unwrap();
    let identities = store.identities().unwrap();
    assert!(read.belong_to(&store.meta, &identities));
    assert!(!read.belong_to(&store.meta, &identities.iter().rev().copied().collect::<Vec<_>>()));
    assert_eq!(read.meta.compared, ["one", "two"]);
    let group = |row: usize| read.groups.get(&identities[row]);
    assert!(group(0).is_some() && group(0) == group(3) && group(1) == group(8) && group(1) != group(0));
    assert!(group(5).is_none() && group(6).is_none());
    assert_eq!([0, 1, 3, 5, 7].map(|row| read.conflicts.contains(&identities[row])), [true, false, true, false, true]);

    assert!(verify(&place.full()).unwrap().iter().all(|finding| finding.verdict == Verdict::Ok));
    let path = place.full().join("one_duplicates.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("near", "mean", 1)).unwrap();
    assert!(matches!(Duplicates::read(&place.full(), "one"), Err(StoreError::Stale { .. })));
    let bad: Vec<_> =
        verify(&place.full()).unwrap().into_iter().filter(|finding| finding.verdict == Verdict::Bad).collect();
    assert!(bad.len() == 1 && bad[0].path == path, "{bad:?}");
    fs::remove_file(&path).unwrap();
    let error = Duplicates::read(&place.full(), "one").unwrap_err().to_string();
    assert!(error.contains("this file is missing; look for duplicates again"), "{error}");
}

/// All files of a folder.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn the_same_rows_give_the_same_files_on_one_thread_and_on_many() {
    let place = planted();
    place.compare();
    let before = bytes(&place.full());
    assert_eq!(before.keys().filter(|name| name.contains("duplicates")).count(), 4);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| place.compare());
    assert!(bytes(&place.full()) == before);
}

#[test]
fn without_a_prompt_identity_fields_are_compared_and_any_other_field_is_the_answer() {
    let rows = [
        r#"{"q": "one and two", "a": 3, "id": 0}"#,
        r#"{"q": "one and two", "a": 3, "id": 0}"#,
        r#"{"q": "one and two", "a": 4, "id": 0}"#,
    ];
    let report = Place::new(&[("plain", "identity: [q]", &rows)]).compare();
    assert_eq!((report.benchmarks[0].copies, report.benchmarks[0].conflicts), (2, 3));
    let same = [rows[0], rows[1]];
    assert_eq!(Place::new(&[("plain", "identity: [q]", &same)]).compare().benchmarks[0].conflicts, 0);
}

#[test]
fn without_identity_fields_equal_rows_are_near_duplicates_and_groups_of_two_benchmarks_are_told_apart() {
    let rows = [r#"{"q": "alpha beta", "n": 1}"#, r#"{"q": "alpha beta", "n": 2}"#];
    let others = [r#"{"q": "gamma delta"}"#, r#"{"q": "gamma delta"}"#];
    let place = Place::new(&[("one", "enabled: true", &rows), ("two", "enabled: true", &others)]);
    let report = place.compare();
    assert!(report.benchmarks.iter().all(|own| (own.copies, own.conflicts, own.near) == (0, 0, 1)), "{report:?}");
    let (one, two) = (place.lines("one"), place.lines("two"));
    assert_eq!(one["one_0"]["identity"], two["two_0"]["identity"], "both are row numbers");
    assert_ne!(one["one_0"]["group"], two["two_0"]["group"]);
}

#[test]
fn a_row_that_the_prompt_cannot_ask_is_compared_by_all_its_strings() {
    let rows = [
        r#"{"q": "", "a": "1", "deep": {"list": ["five words of this text", 3]}}"#,
        r#"{"q": "", "a": "1", "deep": {"list": ["five words of this text", 4]}}"#,
        r#"{"q": "five words of this text", "a": "1"}"#,
    ];
    let report = Place::new(&[("odd", PROMPT, &rows)]).compare();
    // The strings of the first two are "", "1" and the text in the list; the third is asked.
    assert_eq!((report.benchmarks[0].near, report.benchmarks[0].conflicts), (1, 0), "{report:?}");
}

#[test]
fn what_cannot_be_compared_ends_in_a_message_and_writes_nothing() {
    let place = planted();
    let wrong = |benchmarks: &[&str], against: &[&str]| {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let options =
            CompareOptions { benchmarks: texts(benchmarks), against: texts(against), output: None, least: 0.0 };
        place.builder().duplicates(&place.full(), &options).unwrap_err().to_string()
    };
    assert!(wrong(&["three"], &[]).starts_with("three: no such benchmark is configured; "));
    assert!(wrong(&["three"], &[]).ends_with(" has one, two"));
    assert_eq!(
        wrong(&[], &["/nowhere/*.txt"]),
        "no file matches /nowhere/*.txt; name files, patterns such as texts/*.txt, or folders"
    );
    let empty = place.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(wrong(&[], &[empty.to_str().unwrap()]).starts_with("no file matches "));
    let missing = place.builder().duplicates(&empty, &CompareOptions::default()).unwrap_err();
    assert!(matches!(missing, Error::Store(StoreError::Missing { .. })), "{missing}");
    assert!(!bytes(&place.full()).keys().any(|name| name.contains("duplicates")));
}

#[test]
fn a_run_that_is_told_to_stop_writes_nothing() {
    struct Stop;
    impl Progress for Stop {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let place = planted();
    let error = place.builder().with_progress(Stop).duplicates(&place.full(), &CompareOptions::default()).unwrap_err();
    assert!(error.is_stop(), "{error}");
    assert!(!bytes(&place.full()).keys().any(|name| name.contains("duplicates")));
}

#[test]
fn the_real_benchmarks_have_the_duplicates_that_brute_force_finds() {
    let Some((builder, full)) = support::real("default") else { return };
    let report = builder.duplicates(full, &CompareOptions::default()).unwrap();
    let counts: Vec<_> = report
        .benchmarks
        .iter()
        .map(|own| (own.benchmark.as_str(), own.copies, own.conflicts, own.near, own.groups, own.largest))
        .collect();
    // Computed by a Python script that compares all pairs.
    let expected = [
        ("amc", 0, 0, 0, 0, 0),
        ("bbh", 4, 4, 299, 207, 8),
        ("gsm8k", 0, 0, 0, 0, 0),
        ("humaneval", 0, 0, 1, 1, 2),
        ("medical_qa", 0, 0, 0, 0, 0),
    ];
    assert_eq!(counts, expected);
    assert!(report.across.is_empty());
    let lines = support::json_lines(&full.join("bbh_duplicates.jsonl"));
    let conflicts: Vec<_> =
        lines.iter().filter_map(|line| Some((line["source_id"].as_str()?, line["conflicts_with"].as_str()?))).collect();
    let expected = [("bbh_282", "bbh_369"), ("bbh_286", "bbh_354"), ("bbh_354", "bbh_286"), ("bbh_369", "bbh_282")];
    assert_eq!(conflicts, expected);
}
