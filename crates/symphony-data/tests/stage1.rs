//! Stage 1: which stores are cached, which are rebuilt and why, and that their bytes depend only on source and rule.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use symphony_data::{
    DatasetBuilder,
    bin::Percentiles,
    config::Config,
    draw::{self, DrawnTasks, Order, Stores, Writing, make_pools},
    preprocess::{Outcome, PreprocessOptions, Upkeep, preprocess},
    progress::{Note, Progress, Silent},
    request::{Replacement, RequestSpec},
    store::{Copies, Meta, OnBadRow},
    task::Layout,
};

fn config(yaml: &str) -> Config {
    Config::from_yaml("test.yaml", yaml).unwrap()
}

fn stage1(config: &Config, folder: &Path) -> Outcome {
    let benchmark = &config.benchmarks[0];
    preprocess(benchmark, config.cut_of(&benchmark.name), folder, PreprocessOptions::default(), &Silent).unwrap().0
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

const GSM8K: &str = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=700'}}";

#[test]
fn a_store_is_made_once_and_then_found_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(GSM8K);
    assert_eq!(stage1(&config, folder.path()), Outcome::Built);
    let first = files(folder.path());
    assert_eq!(stage1(&config, folder.path()), Outcome::Cached);
    assert_eq!(files(folder.path()), first);
}

#[test]
fn a_change_of_source_or_rule_rebuilds_the_store() {
    let folder = tempfile::tempdir().unwrap();
    stage1(&config(GSM8K), folder.path());
    for changed in [
        "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=701'}}",
        "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=701&seed=1'}}",
        "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=701&seed=1', identity: [answer]}}",
        "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=701&seed=1', identity: [answer], difficulty: {features: {n: {words: question}}, score: [{feature: n, normalize: p95}]}}}",
    ] {
        assert_eq!(stage1(&config(changed), folder.path()), Outcome::Built, "{changed}");
        assert_eq!(stage1(&config(changed), folder.path()), Outcome::Cached, "{changed}");
    }
}

#[test]
fn a_changed_source_file_rebuilds_the_store_even_at_the_same_size() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.jsonl");
    let config = config(&format!(
        "benchmarks: {{mine: {{path: 'file:{}', difficulty: {{features: {{n: {{number: n}}}}, score: [{{feature: n}}]}}}}}}",
        rows.display()
    ));
    let full = folder.path().join("full");
    fs::write(&rows, "{\"n\": 0.1}\n{\"n\": 0.2}\n").unwrap();
    stage1(&config, &full);
    fs::write(&rows, "{\"n\": 0.1}\n{\"n\": 0.3}\n").unwrap();
    assert_eq!(stage1(&config, &full), Outcome::Built);
}

#[test]
fn other_percentiles_rewrite_the_bins_and_nothing_else() {
    let (rewritten, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = config(&format!("{GSM8K}\nstream_generation: {{difficulty_percentiles: {{gsm8k: [45, 55]}}}}"));
    stage1(&config(GSM8K), rewritten.path());
    let before = files(rewritten.path());
    assert_eq!(stage1(&other, rewritten.path()), Outcome::Rebinned);
    stage1(&other, fresh.path());
    assert_eq!(files(rewritten.path()), files(fresh.path()));
    assert_ne!(files(rewritten.path()), before);
}

#[test]
fn damaged_stores_and_metas_are_noticed_and_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(GSM8K);
    stage1(&config, folder.path());
    let whole = files(folder.path());
    for (name, bytes) in &whole {
        // An index is rebuilt from its store alone.
        let outcome = if name == "gsm8k_full.index" { Outcome::Cached } else { Outcome::Built };
        for at in [0, bytes.len() / 3, bytes.len() - 2] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            fs::write(folder.path().join(name), &damaged).unwrap();
            assert_eq!(stage1(&config, folder.path()), outcome, "{name} byte {at}");
            assert_eq!(files(folder.path()), whole);
        }
        fs::remove_file(folder.path().join(name)).unwrap();
        assert_eq!(stage1(&config, folder.path()), outcome, "{name} removed");
        assert_eq!(files(folder.path()), whole);
    }
}

/// Records what was rebuilt, and why.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Progress for Notes {
    fn note(&self, note: Note<'_>) {
        let said = match note {
            Note::Building { benchmark, reason } => format!("build {benchmark}: {}", reason.unwrap_or("new")),
            Note::Stale { benchmark, reason } => format!("stale {benchmark}: {reason}"),
            Note::Indexing { benchmark, reason, .. } => format!("index {benchmark}: {reason}"),
            Note::Warning(warning) => format!("warning: {warning}"),
            Note::Copies { benchmark, what } => format!("{benchmark}: {what}"),
            _ => return,
        };
        self.0.lock().unwrap().push(said);
    }
}

#[test]
fn stage_2_rebuilds_a_store_that_is_out_of_date_and_a_plan_only_reports_it() {
    let folder = tempfile::tempdir().unwrap();
    stage1(&config(GSM8K), folder.path());
    let rule = "difficulty: {features: {n: {words: question}}, score: [{feature: n, normalize: p95}]}";
    let changed = config(&format!("benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows=700', {rule}}}}}"));
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 10, ..RequestSpec::default() };
    let request = spec.resolve(&changed).unwrap();
    let reason = "its configuration changed";
    for (upkeep, expected) in [(Upkeep::Report, "stale"), (Upkeep::Rebuild, "build")] {
        let notes = Notes::default();
        Stores::open(&changed, folder.path(), [&request], upkeep, &notes).unwrap().draw(&request).unwrap();
        assert_eq!(*notes.0.lock().unwrap(), [format!("{expected} gsm8k: {reason}")]);
    }
}

#[test]
fn stage_2_never_replaces_a_store_from_another_source() {
    let folder = tempfile::tempdir().unwrap();
    stage1(&config(GSM8K), folder.path());
    let before = files(folder.path());
    let other = config("benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=800'}}");
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 10, ..RequestSpec::default() };
    let request = spec.resolve(&other).unwrap();
    let open = |upkeep, notes: &Notes| {
        Stores::open(&other, folder.path(), [&request], upkeep, notes).map(drop).map_err(|error| error.to_string())
    };
    let reason =
        "was made from synthetic:gsm8k?rows=700&seed=0, but the configuration says synthetic:gsm8k?rows=800&seed=0";
    let error = open(Upkeep::Rebuild, &Notes::default()).unwrap_err();
    assert!(error.ends_with(&format!("its store of gsm8k {reason}")), "{error}");
    // It does not replace a damaged one either, which would have to be rebuilt.
    let store = folder.path().join("gsm8k_full.jsonl");
    let whole = fs::read(&store).unwrap();
    fs::write(&store, &whole[1..]).unwrap();
    let error = open(Upkeep::Rebuild, &Notes::default()).unwrap_err();
    assert!(error.ends_with(&format!("its store of gsm8k {reason}")), "{error}");
    fs::write(&store, &whole).unwrap();
    assert_eq!(files(folder.path()), before);
    // A plan reports it and continues.
    let notes = Notes::default();
    open(Upkeep::Report, &notes).unwrap();
    assert_eq!(*notes.0.lock().unwrap(), [format!("stale gsm8k: it {reason}")]);
}

#[test]
fn an_automatic_rebuild_treats_bad_rows_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.jsonl");
    let good = r#"{"question": "a b", "answer": "c"}"#;
    fs::write(&rows, format!("{good}\n{{}}\n{good}\n")).unwrap();
    let of = |rule: &str| {
        config(&format!(
            "benchmarks: {{mine: {{path: 'file:{}', difficulty: {{features: {{n: {{words: {rule}}}}}, score: [{{feature: n}}]}}}}}}",
            rows.display()
        ))
    };
    let full = folder.path().join("full");
    let skip = PreprocessOptions { on_bad_row: Some(OnBadRow::Skip), ..PreprocessOptions::default() };
    let first = of("question");
    preprocess(&first.benchmarks[0], first.cut_of("mine"), &full, skip, &Silent).unwrap();
    let changed = of("answer");
    let spec = RequestSpec { benchmarks: vec!["mine".into()], n_total_tasks: 2, ..RequestSpec::default() };
    let request = spec.resolve(&changed).unwrap();
    Stores::open(&changed, &full, [&request], Upkeep::Rebuild, &Silent).unwrap();
    let meta = Meta::read(&full, "mine").unwrap();
    assert_eq!((meta.n_tasks_full, meta.rejected_rows), (2, 1));
    // If `stop` is requested, a store from which rows were set aside is out of date.
    let asked = PreprocessOptions { on_bad_row: Some(OnBadRow::Stop), ..PreprocessOptions::default() };
    assert!(preprocess(&changed.benchmarks[0], changed.cut_of("mine"), &full, asked, &Silent).is_err());
    let stop = PreprocessOptions { on_bad_row: Some(OnBadRow::Stop), force: true, ..PreprocessOptions::default() };
    assert!(preprocess(&changed.benchmarks[0], changed.cut_of("mine"), &full, stop, &Silent).is_err());
}

#[test]
fn only_force_replaces_files_that_symphony_data_did_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let meta = folder.path().join("gsm8k_full_meta.json");
    fs::write(&meta, r#"{"benchmark": "gsm8k", "n_tasks_full": 1319}"#).unwrap();
    let config = config(GSM8K);
    let run = |options| preprocess(&config.benchmarks[0], config.cut_of("gsm8k"), folder.path(), options, &Silent);
    let error = run(PreprocessOptions::default()).unwrap_err().to_string();
    assert!(error.ends_with("gsm8k_full_meta.json: this file was not written by symphony-data"), "{error}");
    assert!(fs::read_to_string(&meta).unwrap().ends_with("1319}"));
    run(PreprocessOptions { force: true, ..PreprocessOptions::default() }).unwrap();
}

#[test]
fn copies_are_counted_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let row = |question: &str, answer: u8| format!("{{\"question\": \"{question}\", \"answer\": \"{answer}\"}}\n");
    let rows = folder.path().join("rows.jsonl");
    fs::write(&rows, [row("a", 1), row("b", 2), row("a", 1), row("c d", 3), row("a", 4), row("b", 2)].concat())
        .unwrap();
    let rule = "difficulty: {features: {n: {words: question}}, score: [{feature: n}]}";
    let of = |identity: &str| {
        config(&format!("benchmarks: {{mine: {{path: 'file:{}', {rule}{identity}}}}}", rows.display()))
    };
    let copies = |config: &Config, full: &str| {
        let notes = Notes::default();
        let full = folder.path().join(full);
        let options = PreprocessOptions::default();
        let (_, meta) = preprocess(&config.benchmarks[0], config.cut_of("mine"), &full, options, &notes).unwrap();
        let said = notes.0.lock().unwrap().join("\n");
        (meta.copies, said)
    };
    // Three of six rows are copies: two of `a` and one of `b`; one of them has another answer.
    let (found, said) = copies(&of(", identity: [question]"), "by_question");
    let expected = Copies { rows: 3, differing: 1, fields: vec!["answer".to_owned()] };
    assert_eq!(found, Some(expected));
    let text = "3 rows are copies of an earlier one (same identity); 1 of them differ from it in answer";
    assert!(said.contains(text), "{said}");
    assert_eq!(copies(&of(", identity: [question, answer]"), "by_both").0.map(|copies| copies.rows), Some(2));
    // If row numbers are identities, no row is a copy.
    assert_eq!(copies(&of(""), "by_number").0, None);
}

#[test]
fn distinct_tasks_are_counted_by_identity_even_across_benchmarks() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String =
        (0..8).map(|i| format!("{{\"question\": \"{}\", \"n\": {i}}}\n", ["a", "b", "c", "d"][i % 4])).collect();
    fs::write(folder.path().join("rows.jsonl"), rows).unwrap();
    let one = format!(
        "path: 'file:{}/rows.jsonl', difficulty: {{features: {{n: {{number: n}}}}, score: [{{feature: n, normalize: p95}}]}}",
        folder.path().display()
    );
    let of = |identity: &str| config(&format!("benchmarks: {{one: {{{one}{identity}}}, two: {{{one}{identity}}}}}"));
    let distinct = |config: &Config, full: &str| {
        let full = folder.path().join(full);
        DatasetBuilder::new(config.clone()).preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
        let spec = RequestSpec {
            benchmarks: vec!["one".into(), "two".into()],
            n_total_tasks: 16,
            difficulty_split: Some("1:1:1".into()),
            sample_with_replacement: Some(Replacement::Never),
            difficulty_percentiles: ["one", "two"]
                .map(|name| (name.to_owned(), Percentiles::new(40.0, 60.0).unwrap()))
                .into(),
            ..RequestSpec::default()
        };
        let request = spec.resolve(config).unwrap();
        let library = Stores::open(config, &full, [&request], Upkeep::Report, &Silent).unwrap();
        let drawn = library.draw(&request).unwrap();
        let statistics = drawn.statistics(&drawn.tasks().unwrap()).unwrap();
        let parts: Vec<u64> = drawn.parts.iter().map(|part| part.repeats.n_unique).collect();
        let of_statistics: Vec<u64> =
            statistics.benchmark_breakdown.iter().map(|(_, own)| own.repeats.n_unique).collect();
        assert_eq!(parts, of_statistics);
        (statistics.n_total, parts, statistics.repeats.n_unique)
    };
    // Four questions, each twice in both benchmarks.
    let (n, parts, all) = distinct(&of(", identity: [question]"), "by_question");
    assert!(n > 8 && parts.iter().all(|n| *n <= 4), "{n} {parts:?}");
    assert_eq!(all, 4);
    // Equal row numbers of two benchmarks are different tasks.
    let (n, parts, all) = distinct(&of(""), "by_number");
    assert_eq!((parts.iter().sum::<u64>(), all), (n, n));
}

#[test]
fn a_draw_that_reads_a_damaged_byte_rebuilds_the_store_and_draws_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(GSM8K);
    stage1(&config, folder.path());
    let whole = files(folder.path());
    // All rows except the medium ones, and a warning.
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 2000, ..RequestSpec::default() };
    let request = spec.resolve(&config).unwrap();
    let draw = |notes: &Notes| draw::build_task_stream(&config, folder.path(), &request, notes).unwrap().0;
    let lines = |tasks: DrawnTasks| tasks.iter().map(|task| serde_json::to_string(&task).unwrap()).collect::<Vec<_>>();
    let expected = lines(draw(&Notes::default()));
    let hard = expected.iter().find(|line| line.contains(r#""hard""#)).unwrap();
    let id = hard.split(r#""source_id":""#).nth(1).unwrap().split('"').next().unwrap();
    let store = &whole["gsm8k_full.jsonl"];
    let line = String::from_utf8(store.clone()).unwrap().find(&format!(r#""task_id":"{id}""#)).unwrap();
    let index = whole["gsm8k_full.index"].len();
    for (name, at, said) in [
        ("gsm8k_full.jsonl", line + 200, "build gsm8k: it was changed or damaged (checksum)"),
        ("gsm8k_full.index", 3, "index gsm8k: was changed or damaged"),
        ("gsm8k_full.index", 700 * 8 + 3, ""),
        ("gsm8k_full.index", index - 50, "index gsm8k: was changed or damaged"),
        ("gsm8k_full.index", index - 1, "index gsm8k: was changed or damaged"),
        ("gsm8k_full.index", 700 * 20, "index gsm8k: was changed or damaged"),
    ] {
        let mut damaged = whole[name].clone();
        damaged[at] ^= 1;
        fs::write(folder.path().join(name), damaged).unwrap();
        let notes = Notes::default();
        assert_eq!(lines(draw(&notes)), expected, "{name} byte {at}");
        let notes = notes.0.lock().unwrap();
        assert_eq!(notes.iter().filter(|note| note.starts_with("warning")).count(), 2, "told once: {notes:?}");
        assert!(notes.iter().any(|note| note == said) || said.is_empty(), "{name} byte {at}: {notes:?}");
        stage1(&config, folder.path());
        assert_eq!(files(folder.path()), whole, "{name} byte {at}");
    }
    // A complete index of another store.
    let other = tempfile::tempdir().unwrap();
    let rows = self::config("benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=700&seed=1'}}");
    stage1(&rows, other.path());
    fs::copy(other.path().join("gsm8k_full.index"), folder.path().join("gsm8k_full.index")).unwrap();
    let notes = Notes::default();
    assert_eq!(lines(draw(&notes)), expected);
    assert!(notes.0.lock().unwrap().contains(&"index gsm8k: belongs to another store".to_owned()));
    assert_eq!(files(folder.path()), whole);
}

#[test]
fn a_store_without_an_index_in_a_read_only_folder_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(GSM8K);
    stage1(&config, folder.path());
    fs::remove_file(folder.path().join("gsm8k_full.index")).unwrap();
    // A folder in place of the file makes writing fail. Permissions would not: tests may run as root.
    fs::create_dir_all(folder.path().join(".gsm8k_full.index.unfinished")).unwrap();
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 10, ..RequestSpec::default() };
    let request = spec.resolve(&config).unwrap();
    let tasks = draw::build_task_stream(&config, folder.path(), &request, &Silent).unwrap().0;
    assert_eq!(tasks.iter().count(), 10);
    Stores::open(&config, folder.path(), [&request], Upkeep::Report, &Silent).unwrap().draw(&request).unwrap();
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let with_threads = |threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let config = config("benchmarks: {bbh: {path: 'synthetic:bbh?rows=9000'}}");
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| stage1(&config, folder.path()));
        files(folder.path())
    };
    let one = with_threads(1);
    assert!(one == with_threads(2) && one == with_threads(7));
}

#[test]
fn a_builder_reports_its_work_to_its_progress() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    fs::write(&file, GSM8K).unwrap();
    let notes = Notes::default();
    let builder = DatasetBuilder::from_file(&file).unwrap().with_progress(notes.clone());
    builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
    assert_eq!(*notes.0.lock().unwrap(), ["build gsm8k: new"]);
    let Err(absent) = DatasetBuilder::from_file(&folder.path().join("nowhere.yaml")) else {
        panic!("read what is not there")
    };
    assert!(absent.to_string().contains("nowhere.yaml: cannot read this file"));
}

#[test]
fn a_store_whose_source_is_gone_can_be_used_with_a_note() {
    #[derive(Clone, Default)]
    struct Gone(Arc<Mutex<Vec<String>>>);
    impl Progress for Gone {
        fn note(&self, note: Note<'_>) {
            if let Note::SourceGone(benchmark) = note {
                self.0.lock().unwrap().push(benchmark.to_owned());
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.jsonl");
    fs::write(&rows, "{\"n\": 0.1}\n{\"n\": 0.2}\n").unwrap();
    let yaml = format!(
        "benchmarks: {{mine: {{path: 'file:{}', difficulty: {{features: {{n: {{number: n}}}}, score: [{{feature: n}}]}}}}}}",
        rows.display()
    );
    let full = folder.path().join("full");
    stage1(&config(&yaml), &full);
    fs::remove_file(&rows).unwrap();
    let gone = Gone::default();
    let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap().with_progress(gone.clone());
    assert_eq!(builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap()[0].n_tasks_full, 2);
    assert_eq!(*gone.0.lock().unwrap(), ["mine"]);
}

#[test]
fn no_written_file_holds_an_absolute_path_or_a_time() {
    let write = || {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rows.jsonl"), (0..30).map(|i| format!("{{\"n\": {i}}}\n")).collect::<String>())
            .unwrap();
        let yaml = format!(
            "benchmarks: {{mine: {{path: 'file:{}/rows.jsonl', difficulty: {{features: {{n: {{number: n}}}}, score: [{{feature: n, normalize: p95}}]}}}}}}",
            folder.path().display()
        );
        let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
        let full = folder.path().join("full");
        builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
        let request = RequestSpec { benchmarks: vec!["mine".into()], n_total_tasks: 8, ..RequestSpec::default() };
        let request = request.resolve(&builder.config).unwrap();
        let pool = folder.path().join("pool");
        let library = Stores::open(&builder.config, &full, [&request], Upkeep::Rebuild, &Silent).unwrap();
        let order = Order { request: &request, experiment: None, output: pool.clone(), format: Layout::Jsonl };
        make_pools(&library, std::slice::from_ref(&order), Writing::default(), &Silent).unwrap();
        let written = (files(&full), files(&pool));
        for bytes in written.0.values().chain(written.1.values()) {
            assert!(!String::from_utf8_lossy(bytes).contains(&folder.path().display().to_string()));
        }
        written
    };
    let first = write();
    assert_eq!(first.1.keys().collect::<Vec<_>>(), ["manifest.json", "statistics.json", "task_pool.jsonl"]);
    // The second run uses another folder, at a later time.
    assert!(first == write());
}

#[test]
fn a_stop_between_batches_leaves_no_files() {
    struct Stop;
    impl Progress for Stop {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let config = config(GSM8K);
    let stopped =
        preprocess(&config.benchmarks[0], config.cut_of("gsm8k"), folder.path(), PreprocessOptions::default(), &Stop);
    assert!(stopped.unwrap_err().to_string().contains("stopped; nothing was written"));
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_run_removes_the_files_that_a_killed_run_left() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".gsm8k_full.jsonl.unfinished"), "half a line").unwrap();
    fs::write(folder.path().join("notes.txt"), "the user's own").unwrap();
    stage1(&config(GSM8K), folder.path());
    assert_eq!(
        files(folder.path()).keys().collect::<Vec<_>>(),
        ["gsm8k_full.index", "gsm8k_full.jsonl", "gsm8k_full_meta.json", "notes.txt"]
    );
}

#[test]
fn a_second_run_in_the_same_folder_waits_and_then_succeeds() {
    #[derive(Clone, Default)]
    struct Waited(Arc<Mutex<bool>>);
    impl Progress for Waited {
        fn note(&self, note: Note<'_>) {
            if matches!(note, Note::Waiting(_)) {
                *self.0.lock().unwrap() = true;
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let waited = Waited::default();
    let lock = symphony_data::disk::Folder::lock(folder.path(), &Silent).unwrap();
    let second = std::thread::spawn({
        let (waited, folder) = (waited.clone(), folder.path().to_owned());
        move || {
            let config = config(GSM8K);
            preprocess(&config.benchmarks[0], config.cut_of("gsm8k"), &folder, PreprocessOptions::default(), &waited)
                .unwrap()
                .0
        }
    });
    while !*waited.0.lock().unwrap() {
        std::thread::yield_now();
    }
    assert!(files(folder.path()).is_empty());
    drop(lock);
    assert_eq!(second.join().unwrap(), Outcome::Built);
}
