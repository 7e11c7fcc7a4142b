//! Parquet stores and pools: the same rows, draws and checks as with JSON lines.

mod support;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use arrow_array::{ArrayRef, Float64Array, LargeStringArray, RecordBatch};
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};
use serde_json::Value;
use support::{golden, golden_request, real};
use symphony_data::{
    DatasetBuilder,
    config::Config,
    draw::{self, Order, Stores, Writing, make_pools},
    pool::{find_pool, read_pool, task_pool},
    preprocess::{Outcome, PreprocessOptions, Upkeep, preprocess},
    progress::Silent,
    request::{Replacement, RequestSpec},
    store::OnBadRow,
    task::{Layout, Task},
    verify::verify,
};

const PARQUET: PreprocessOptions =
    PreprocessOptions { on_bad_row: None, force: false, locked: false, format: Some(Layout::Parquet), parts: None };
const JSONL: PreprocessOptions = PreprocessOptions { format: Some(Layout::Jsonl), ..PARQUET };

/// Enough rows for several row groups.
const LARGE: &str = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=40000'}}";
const SMALL: &str = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=700'}}";

fn config(yaml: &str) -> Config {
    Config::from_yaml("test.yaml", yaml).unwrap()
}

fn stage1(config: &Config, folder: &Path, options: PreprocessOptions) -> Outcome {
    let benchmark = &config.benchmarks[0];
    preprocess(benchmark, config.cut_of(&benchmark.name), folder, options, &Silent).unwrap().0
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn draw(config: &Config, folder: &Path, n: u64, sampler: &str) -> Vec<String> {
    let spec = RequestSpec {
        benchmarks: vec!["gsm8k".into()],
        n_total_tasks: n,
        difficulty_split: Some("1:1:1".into()),
        sampler: Some(sampler.into()),
        ..RequestSpec::default()
    };
    let request = spec.resolve(config).unwrap();
    let tasks = draw::build_task_stream(config, folder, &request, &Silent).unwrap().0;
    tasks.iter().map(|task| serde_json::to_string(&task).unwrap()).collect()
}

#[test]
fn parquet_stores_give_the_golden_pools_too() {
    let Some((builder, _)) = real("default") else { return };
    let folder = tempfile::tempdir().unwrap();
    builder.preprocess_all_benchmarks(folder.path(), PARQUET).unwrap();
    assert!(folder.path().join("gsm8k_full.parquet").exists() && !folder.path().join("gsm8k_full.jsonl").exists());
    for (name, replacement) in [
        ("exp1", Replacement::WhenShort),
        ("exp2", Replacement::WhenShort),
        ("exp3", Replacement::WhenShort),
        ("exp5", Replacement::WhenShort),
        ("no_replacement", Replacement::WhenShort),
        ("custom_percentiles", Replacement::WhenShort),
        ("with_replacement", Replacement::Always),
    ] {
        let pool = golden("default", &format!("pools/{name}.json"));
        let tasks = builder.build_task_stream(&golden_request(&pool, replacement), folder.path()).unwrap();
        let got =
            tasks.iter().map(|t| serde_json::json!([t.task_id, t.source_id, t.difficulty_bin, t.difficulty_score]));
        assert_eq!(got.collect::<Vec<Value>>(), *pool["tasks"].as_array().unwrap(), "{name}");
    }
}

#[test]
fn both_formats_give_the_same_tasks() {
    let (lines, columns) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = config(LARGE);
    stage1(&config, lines.path(), JSONL);
    stage1(&config, columns.path(), PARQUET);
    for sampler in ["numpy", "stable"] {
        let (from_lines, from_columns) =
            (draw(&config, lines.path(), 900, sampler), draw(&config, columns.path(), 900, sampler));
        assert_eq!(from_lines.len(), 900);
        assert!(from_lines == from_columns, "{sampler}");
    }
    let all = |folder: &Path| {
        let tasks = draw::load_preprocessed_benchmark("gsm8k", folder, &Silent).unwrap();
        tasks.iter().map(|task| serde_json::to_string(&task.alone()).unwrap()).collect::<Vec<_>>()
    };
    assert!(all(lines.path()) == all(columns.path()));
}

#[test]
fn a_store_changes_its_format_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SMALL);
    let names = || files(folder.path()).into_keys().collect::<Vec<_>>();
    stage1(&config, folder.path(), JSONL);
    assert_eq!(names(), ["gsm8k_full.index", "gsm8k_full.jsonl", "gsm8k_full_meta.json"]);
    assert_eq!(stage1(&config, folder.path(), PARQUET), Outcome::Built);
    assert_eq!(names(), ["gsm8k_full.index", "gsm8k_full.parquet", "gsm8k_full_meta.json"]);
    assert_eq!(stage1(&config, folder.path(), PARQUET), Outcome::Cached);
    assert_eq!(stage1(&config, folder.path(), PreprocessOptions::default()), Outcome::Cached);
    let forced = PreprocessOptions { force: true, ..PreprocessOptions::default() };
    assert_eq!(stage1(&config, folder.path(), forced), Outcome::Built);
    assert_eq!(names(), ["gsm8k_full.index", "gsm8k_full.parquet", "gsm8k_full_meta.json"]);
    // A file that a run left when it was stopped between two files.
    fs::write(folder.path().join("gsm8k_full.jsonl"), "{}").unwrap();
    assert_eq!(stage1(&config, folder.path(), PreprocessOptions::default()), Outcome::Cached);
    assert_eq!(names(), ["gsm8k_full.index", "gsm8k_full.parquet", "gsm8k_full_meta.json"]);
    assert_eq!(stage1(&config, folder.path(), JSONL), Outcome::Built);
    assert_eq!(names(), ["gsm8k_full.index", "gsm8k_full.jsonl", "gsm8k_full_meta.json"]);
    let configured = self::config(&SMALL.replace("rows=700'", "rows=700', store: parquet"));
    assert_eq!(stage1(&configured, folder.path(), PreprocessOptions::default()), Outcome::Built);
    assert_eq!(names(), ["gsm8k_full.index", "gsm8k_full.parquet", "gsm8k_full_meta.json"]);
}

#[test]
fn other_percentiles_rewrite_only_the_bins() {
    let (rewritten, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = config(&format!("{LARGE}\nstream_generation: {{difficulty_percentiles: {{gsm8k: [10, 60]}}}}"));
    stage1(&config(LARGE), rewritten.path(), PARQUET);
    assert_eq!(stage1(&other, rewritten.path(), PARQUET), Outcome::Rebinned);
    stage1(&other, fresh.path(), PARQUET);
    assert!(files(rewritten.path()) == files(fresh.path()));
    assert!(verify(rewritten.path()).unwrap().iter().all(|finding| finding.problem.is_none()));
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let with_threads = |threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| stage1(&config(LARGE), folder.path(), PARQUET));
        files(folder.path())
    };
    let one = with_threads(1);
    assert!(one == with_threads(2) && one == with_threads(7));
}

#[test]
fn verify_and_the_draw_that_reads_it_notice_a_damaged_byte() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SMALL);
    stage1(&config, folder.path(), PARQUET);
    let whole = files(folder.path());
    let expected = draw(&config, folder.path(), 1200, "stable");
    for (name, bytes) in &whole {
        for at in (0..bytes.len()).step_by(bytes.len() / 23).chain([bytes.len() - 1]) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x20;
            fs::write(folder.path().join(name), &damaged).unwrap();
            let findings = verify(folder.path()).unwrap();
            assert!(findings.iter().any(|finding| finding.problem.is_some()), "{name} byte {at}");
            assert_eq!(draw(&config, folder.path(), 1200, "stable"), expected, "{name} byte {at}");
            stage1(&config, folder.path(), PreprocessOptions::default());
            assert!(files(folder.path()) == whole, "{name} byte {at}");
        }
        fs::remove_file(folder.path().join(name)).unwrap();
        stage1(&config, folder.path(), PARQUET);
        assert!(files(folder.path()) == whole, "{name} removed");
    }
}

#[test]
fn bad_rows_are_set_aside_and_features_may_share_the_names_of_columns() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "{\"q\": \"one two\", \"n\": 1}\n{\"q\": 3}\n{\"q\": \"three\", \"n\": 2.5}\n";
    fs::write(folder.path().join("rows.jsonl"), rows).unwrap();
    let yaml = format!(
        "benchmarks: {{mine: {{path: 'file:{}/rows.jsonl', store: parquet, difficulty: {{features: {{identity: {{words: q}}, n: {{number: n}}}}, score: [{{feature: identity, normalize: p95}}, {{feature: n, weight: 0.1}}]}}}}}}",
        folder.path().display()
    );
    let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
    let full = folder.path().join("full");
    let skip = PreprocessOptions { on_bad_row: Some(OnBadRow::Skip), ..PreprocessOptions::default() };
    let meta = builder.preprocess_all_benchmarks(&full, skip).unwrap().remove(0);
    assert_eq!((meta.n_tasks_full, meta.rejected_rows, meta.store.format), (2, 1, Layout::Parquet));
    let tasks = builder.load_preprocessed_benchmark("mine", &full).unwrap();
    let said: Vec<_> = tasks.iter().map(|task| (task.task_id.as_str(), task.scorer_metadata.get())).collect();
    assert_eq!(said, [("mine_0", r#"{"identity":2,"n":1}"#), ("mine_2", r#"{"identity":1,"n":2.5}"#)]);
}

#[test]
fn a_parquet_pool_holds_the_same_tasks_as_one_in_json_lines() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SMALL);
    let full = folder.path().join("full");
    stage1(&config, &full, JSONL);
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 80, ..RequestSpec::default() };
    let request = spec.resolve(&config).unwrap();
    let library = Stores::open(&config, &full, [&request], Upkeep::Rebuild, &Silent).unwrap();
    let output = folder.path().join("pool");
    let mut pools = Vec::new();
    for format in [Layout::Jsonl, Layout::Parquet] {
        let order = Order { request: &request, experiment: None, output: output.clone(), format };
        make_pools(&library, std::slice::from_ref(&order), Writing::default(), &Silent).unwrap();
        let names: Vec<String> = files(&output).into_keys().collect();
        assert_eq!(names, ["manifest.json", "statistics.json", task_pool(format)], "the other one is gone");
        assert!(verify(&output).unwrap().iter().all(|finding| finding.problem.is_none()));
        let tasks: Vec<Task> = read_pool(&output.join(task_pool(format))).unwrap().map(Result::unwrap).collect();
        assert_eq!(tasks.len(), 80);
        pools.push(tasks.iter().map(|task| serde_json::to_string(task).unwrap()).collect::<Vec<_>>());
    }
    assert_eq!(pools[0], pools[1]);
    let mut bytes = fs::read(output.join("task_pool.parquet")).unwrap();
    bytes.truncate(2000);
    fs::write(output.join("task_pool.parquet"), bytes).unwrap();
    let path = output.join("task_pool.parquet");
    let error = read_pool(&path).map(drop).unwrap_err().to_string();
    assert!(error.contains("task_pool.parquet: this is not a complete Parquet file"), "{error}");
}

#[test]
fn a_pool_of_another_program_is_read_by_its_columns_and_rows_that_are_not_tasks_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let texts = |values: [Option<&str>; 2]| -> ArrayRef { Arc::new(LargeStringArray::from(values.to_vec())) };
    let scores = |values: [Option<f64>; 2]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let columns = || -> BTreeMap<&str, ArrayRef> {
        BTreeMap::from([
            ("task_id", texts([Some("a"), Some("b")])),
            ("benchmark", texts([Some("quiz"), Some("quiz")])),
            ("difficulty_score", scores([Some(0.25), Some(1.0)])),
            ("difficulty_bin", texts([Some("easy"), Some("hard")])),
            ("raw_data", texts([Some("{}"), Some("{\"q\": 1}")])),
            ("scorer_metadata", texts([Some("{}"), Some("{}")])),
        ])
    };
    let path = folder.path().join("pool.PARQUET");
    let read = |columns: BTreeMap<&str, ArrayRef>| -> Result<Vec<Task>, String> {
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let mut writer = ArrowWriter::try_new(fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let tasks = read_pool(&path).map_err(|error| error.to_string())?;
        tasks.map(|task| task.map_err(|error| error.to_string())).collect()
    };
    let tasks = read(columns()).unwrap();
    assert_eq!((tasks[1].raw_data.get(), tasks[1].difficulty_score), ("{\"q\": 1}", 1.0));
    assert!(tasks[0].source_id.is_none() && tasks[0].identity.is_none());
    let bad: [(&str, Option<ArrayRef>, &str); 7] = [
        ("difficulty_score", Some(scores([Some(0.25), None])), "row 2: it has no `difficulty_score`"),
        ("difficulty_score", Some(scores([Some(f64::NAN), Some(1.0)])), "row 1: its difficulty_score is NaN"),
        ("difficulty_score", Some(texts([Some("0.5"), Some("1")])), "its column `difficulty_score` holds LargeUtf8"),
        ("difficulty_bin", Some(texts([Some("easy"), Some("hrad")])), "row 2: its difficulty_bin is \"hrad\""),
        ("raw_data", Some(texts([Some("{"), Some("{}")])), "row 1: its `raw_data` is not valid JSON"),
        ("benchmark", Some(texts([None, Some("quiz")])), "row 1: it has no `benchmark`"),
        ("scorer_metadata", None, "it has no column `scorer_metadata`"),
    ];
    for (name, column, expected) in bad {
        let mut columns = columns();
        match column {
            Some(column) => _ = columns.insert(name, column),
            None => _ = columns.remove(name),
        }
        let error = read(columns).unwrap_err();
        assert!(error.contains("pool.PARQUET: this is not a pool: ") && error.contains(expected), "{error}");
    }
    let line = r#"{"task_id": "a", "benchmark": "b", "difficulty_score": 0, "difficulty_bin": "hrad", "raw_data": {}, "scorer_metadata": {}}"#;
    let path = folder.path().join("pool.jsonl");
    fs::write(&path, line).unwrap();
    let error = read_pool(&path).unwrap().next().unwrap().unwrap_err().to_string();
    assert!(error.contains("pool.jsonl:1: not a task: its difficulty_bin is \"hrad\""), "{error}");
}

#[test]
fn verify_names_files_that_no_manifest_lists_and_the_manifest_decides_which_pool_counts() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SMALL);
    let (full, output) = (folder.path().join("full"), folder.path().join("pool"));
    stage1(&config, &full, PARQUET);
    let spec = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 8, ..RequestSpec::default() };
    let request = spec.resolve(&config).unwrap();
    let library = Stores::open(&config, &full, [&request], Upkeep::Rebuild, &Silent).unwrap();
    let order = Order { request: &request, experiment: None, output: output.clone(), format: Layout::Parquet };
    make_pools(&library, std::slice::from_ref(&order), Writing::default(), &Silent).unwrap();
    let problems = || -> Vec<String> {
        let bad = verify(folder.path()).unwrap().into_iter().filter(|finding| finding.problem.is_some());
        bad.map(|finding| finding.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert!(problems().is_empty());
    fs::write(output.join("task_pool.jsonl"), "{}").unwrap();
    assert_eq!(find_pool(&output), Some(output.join("task_pool.parquet")));
    fs::write(full.join("gsm8k_full.jsonl"), "{}").unwrap();
    assert_eq!(problems(), ["gsm8k_full.jsonl", "task_pool.jsonl"]);
    fs::remove_file(full.join("gsm8k_full_meta.json")).unwrap();
    assert_eq!(problems(), ["gsm8k_full.index", "gsm8k_full.jsonl", "gsm8k_full.parquet", "task_pool.jsonl"]);
}

#[test]
fn the_size_of_a_row_group_depends_on_its_text_not_on_its_number_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let row = format!("{{\"q\": \"{}\"}}\n", "long ".repeat(200 << 10));
    fs::write(folder.path().join("rows.jsonl"), row.repeat(40)).unwrap();
    let yaml = format!(
        "benchmarks: {{mine: {{path: 'file:{}/rows.jsonl', difficulty: {{features: {{n: {{words: q}}}}, score: [{{feature: n, normalize: p95}}]}}}}}}",
        folder.path().display()
    );
    let full = folder.path().join("full");
    stage1(&config(&yaml), &full, PARQUET);
    let file = fs::File::open(full.join("mine_full.parquet")).unwrap();
    let found = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().metadata().clone();
    // Nine rows of a little less than 1 MiB reach 8 MiB.
    let rows: Vec<i64> = (0..found.num_row_groups()).map(|group| found.row_group(group).num_rows()).collect();
    assert_eq!(rows, [9, 9, 9, 9, 4]);
}
