//! Difficulty is chosen when a pool is drawn: one store is enough for surface scores and every calibration.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use symphony_data::{
    DatasetBuilder, Error, TaskStream,
    config::Config,
    draw::{Order, Writing, make_pools, with_stores},
    evidence::{
        calibrate::{CalibrateOptions, calibrate},
        responses::{Catalogue, Input, ReadOptions, read},
        validation::{PoolTasks, ScoredBy, pool_tasks, validate},
    },
    preprocess::PreprocessOptions,
    progress::{Note, Progress, Silent},
    request::RequestSpec,
    task::{Layout, Task},
};

/// Calibrations that version 0.1.0 fitted, and the tasks of pools that it drew from stores with these calibrations.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/measured").join(name)
}

const SOURCES: [(&str, &str); 2] = [("gsm8k", "synthetic:gsm8k?rows=120"), ("bbh", "synthetic:bbh?rows=200")];

/// The benchmarks of the fixtures, each with these additional keys.
fn yaml(more: &dyn Fn(&str) -> String) -> String {
    let benchmark = |(name, path): &(&str, &str)| format!("  {name}: {{path: '{path}'{}}}\n", more(name));
    "benchmarks:\n".to_owned() + &SOURCES.iter().map(benchmark).collect::<String>()
}

fn builder(more: &dyn Fn(&str) -> String) -> DatasetBuilder {
    DatasetBuilder::from_yaml("test.yaml", &yaml(more)).unwrap()
}

fn plain() -> DatasetBuilder {
    builder(&|_| String::new())
}

/// A folder with the stores of [`plain`].
fn stores(format: Layout) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = PreprocessOptions { format: Some(format), ..PreprocessOptions::default() };
    plain().preprocess_all_benchmarks(folder.path(), options).unwrap();
    folder
}

fn request() -> RequestSpec {
    RequestSpec {
        benchmarks: vec!["gsm8k".into(), "bbh".into()],
        benchmark_ratios: Some(vec![("gsm8k".into(), 0.4), ("bbh".into(), 0.6)]),
        difficulty_split: Some("1:2:1".into()),
        n_total_tasks: 100,
        random_seed: Some(7),
        ..RequestSpec::default()
    }
}

fn by(difficulty: impl AsRef<Path>) -> RequestSpec {
    RequestSpec { difficulty: Some(difficulty.as_ref().to_str().unwrap().to_owned()), ..request() }
}

fn names(tasks: &[Task]) -> Vec<Value> {
    let name =
        |task: &Task| json!([task.source_id.as_ref().unwrap().as_str(), task.difficulty_bin, task.difficulty_score]);
    tasks.iter().map(name).collect()
}

#[test]
fn the_pools_that_0_1_0_drew_from_measured_stores_stay_the_same_task_for_task() {
    let expected: Value = serde_json::from_str(&fs::read_to_string(fixture("pools.json")).unwrap()).unwrap();
    for format in Layout::ALL {
        let full = stores(format);
        let before = contents(full.path());
        for (kind, more) in
            [("percentiles", (0, "")), ("cuts", (0, ", difficulty_cuts: [0.3, 0.7]")), ("answered", (3, ""))]
        {
            let (least, cuts) = more;
            let configured = builder(&|name| {
                let file = fixture(&format!("{name}_calibration.jsonl"));
                format!(", difficulty: {{measured: '{}', min_responses: {least}}}{cuts}", file.display())
            });
            // A request that names the calibration gives the same, without such a configuration.
            let asked = builder(&|_| cuts.to_owned());
            for sampler in ["numpy", "stable"] {
                let expected = &expected[format!("{kind}-{sampler}")];
                let configured_request = RequestSpec { sampler: Some(sampler.into()), ..request() };
                let asked_request = RequestSpec {
                    min_responses: Some(least),
                    difficulty: Some(fixture("").to_str().unwrap().to_owned()),
                    ..configured_request.clone()
                };
                for (builder, request) in [(&configured, &configured_request), (&asked, &asked_request)] {
                    let tasks = builder.build_task_stream(request, full.path()).unwrap();
                    assert_eq!(Value::from(names(&tasks)), expected["tasks"], "{kind} {sampler} {format:?}");
                    // If no row was set aside, the pool is the same to the last byte.
                    if let Some(sha256) = expected["sha256"].as_str() {
                        let path = full.path().join("pool/task_pool.jsonl");
                        builder.save_task_pool(&tasks, &path).unwrap();
                        let (now, _) = symphony_data::disk::checksum::of_file(&path, "sha256:").unwrap();
                        assert_eq!(now, format!("sha256:{sha256}"), "{kind} {sampler} {format:?}");
                        fs::remove_dir_all(full.path().join("pool")).unwrap();
                    }
                }
            }
        }
        assert_eq!(contents(full.path()), before, "one store serves every difficulty: nothing is rebuilt");
    }
}

/// Every file in a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}

/// Records notes.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Progress for Notes {
    fn note(&self, note: Note<'_>) {
        self.0.lock().unwrap().push(note.to_string());
    }
}

#[test]
fn a_request_overrides_only_its_difficulty() {
    let full = stores(Layout::Jsonl);
    let notes = Notes::default();
    let calibrated = builder(&|name| match name {
        "gsm8k" => format!(
            ", difficulty: {{measured: '{}'}}, difficulty_cuts: [0.3, 0.7]",
            fixture("gsm8k_calibration.jsonl").display()
        ),
        _ => String::new(),
    })
    .with_progress(notes.clone());
    let score = |tasks: &TaskStream, name: &str| {
        let own: Vec<&Task> = tasks.iter().filter(|task| task.benchmark == name).collect();
        own.iter().all(|task| task.scorer_metadata.get().contains("\"surface_score\":"))
    };
    let drawn =
        |builder: &DatasetBuilder, request: &RequestSpec| builder.build_task_stream(request, full.path()).unwrap();
    let as_configured = drawn(&calibrated, &request());
    assert!(score(&as_configured, "gsm8k") && !score(&as_configured, "bbh"));
    let surface = drawn(&calibrated, &by("surface"));
    assert!(!score(&surface, "gsm8k") && !score(&surface, "bbh"));
    // Cuts beside a calibration are failure rates; for surface scores, the percentiles count.
    assert_eq!(names(&surface), names(&drawn(&plain(), &request())));
    // A calibration belongs to one benchmark; a warning names the others.
    let of_bbh = drawn(&calibrated, &by(fixture("bbh_calibration.jsonl")));
    assert!(score(&of_bbh, "gsm8k") && score(&of_bbh, "bbh"));
    let said = notes.0.lock().unwrap().join("\n");
    assert!(said.contains("is a calibration of bbh; what the configuration says counts for gsm8k"), "{said}");
    // If the folder has no calibration of a benchmark, its configured difficulty is used, with a warning.
    let folder = tempfile::tempdir().unwrap();
    for name in ["bbh_calibration.jsonl", "bbh_calibration_meta.json"] {
        fs::copy(fixture(name), folder.path().join(name)).unwrap();
    }
    let notes = Notes::default();
    let half = drawn(&plain().with_progress(notes.clone()), &by(folder.path()));
    assert!(!score(&half, "gsm8k") && score(&half, "bbh"));
    let said = notes.0.lock().unwrap().join("\n");
    assert!(
        said.contains("gsm8k: there is no ") && said.ends_with("gsm8k_calibration.jsonl; its surface score is used"),
        "{said}"
    );
}

#[test]
fn a_difficulty_that_cannot_be_used_is_an_error_that_says_why() {
    let full = stores(Layout::Jsonl);
    let error = |request: &RequestSpec| plain().build_task_stream(request, full.path()).unwrap_err().to_string();
    let gsm8k =
        |request: RequestSpec| RequestSpec { benchmarks: vec!["gsm8k".into()], benchmark_ratios: None, ..request };
    assert!(error(&gsm8k(by("nowhere/gsm8k_calibration.jsonl"))).ends_with("there is no such file"));
    let of_other = error(&gsm8k(by(fixture("bbh_calibration.jsonl"))));
    assert!(of_other.contains("is a calibration of `bbh`, which is not in the mix"), "{of_other}");
    let nowhere = error(&by("nowhere"));
    assert!(nowhere.starts_with("there is no file or folder nowhere; a difficulty is `surface`,"), "{nowhere}");
    let empty = error(&by(full.path()));
    assert!(empty.contains(" holds no calibration of gsm8k or bbh"), "{empty}");
    let file = error(&by(fixture("pools.json")));
    assert!(file.contains("pools.json is not a calibration"), "{file}");
    let surface = error(&RequestSpec { min_responses: Some(2), ..request() });
    assert!(surface.contains("surface scores have no responses"), "{surface}");
    let too_few = error(&RequestSpec { min_responses: Some(5), ..by(fixture("")) });
    assert!(too_few.contains("none of its rows has responses from 5 models (min_responses)"), "{too_few}");
}

/// A calibration of the fixtures, changed and sealed again.
fn changed(folder: &Path, change: impl Fn(Vec<String>) -> Vec<String>) -> PathBuf {
    let lines = fs::read_to_string(fixture("gsm8k_calibration.jsonl")).unwrap();
    let text: String =
        change(lines.lines().map(str::to_owned).collect()).iter().map(|line| line.clone() + "\n").collect();
    let path = folder.join("gsm8k_calibration.jsonl");
    fs::write(&path, &text).unwrap();
    let meta = fs::read_to_string(fixture("gsm8k_calibration_meta.json")).unwrap();
    let mut meta: Value = serde_json::from_str(&meta).unwrap();
    meta["calibration"]["checksum"] = symphony_data::disk::checksum::sha256_of(text.as_bytes()).into();
    meta["calibration"]["bytes"] = text.len().into();
    meta["self_checksum"] = "".into();
    fs::write(folder.join("gsm8k_calibration_meta.json"), symphony_data::disk::checksum::seal(&meta).unwrap()).unwrap();
    path
}

#[test]
fn a_calibration_is_joined_by_identity_in_any_order() {
    let full = stores(Layout::Jsonl);
    let folder = tempfile::tempdir().unwrap();
    let request = |path: &Path| RequestSpec { benchmarks: vec!["gsm8k".into()], benchmark_ratios: None, ..by(path) };
    let drawn = |path: &Path| plain().build_task_stream(&request(path), full.path());
    let expected = names(&drawn(&fixture("gsm8k_calibration.jsonl")).unwrap());
    let reversed = changed(folder.path(), |lines| lines.into_iter().rev().collect());
    assert_eq!(names(&drawn(&reversed).unwrap()), expected);
    let moved = changed(folder.path(), |mut lines| {
        let first = lines.remove(0);
        lines.push(first);
        lines
    });
    assert_eq!(names(&drawn(&moved).unwrap()), expected);
    // A calibration that lacks a row, or has too many, belongs to another benchmark.
    let short = changed(folder.path(), |mut lines| {
        lines.remove(17);
        lines
    });
    let error = drawn(&short).unwrap_err().to_string();
    assert!(error.contains("has no line for row 17") && error.contains("was made for other rows"), "{error}");
    let long = changed(folder.path(), |mut lines| {
        let mut more = lines[0].clone();
        let at = more.find("\"identity\":\"").unwrap() + 12;
        more.replace_range(at..at + 16, "ffffffffffffffff");
        lines.push(more);
        lines
    });
    let error = drawn(&long).unwrap_err().to_string();
    assert!(error.contains("has 121 rows, but the benchmark has 120"), "{error}");
    // A changed calibration is refused.
    let path = changed(folder.path(), |lines| lines);
    let text = fs::read_to_string(&path).unwrap().replacen("\"n_responses\":4", "\"n_responses\":9", 1);
    fs::write(&path, text).unwrap();
    let error = drawn(&path).unwrap_err().to_string();
    assert!(error.contains("checksum"), "{error}");
    // So is a difficulty that is not a failure rate.
    let odd = changed(folder.path(), |mut lines| {
        let at = lines[3].find("\"expected_error\":").unwrap();
        lines[3].truncate(at);
        lines[3] += "\"expected_error\":1.5}";
        lines
    });
    let error = drawn(&odd).unwrap_err().to_string();
    assert!(error.contains("line 4: its expected_error is not a number from 0 to 1"), "{error}");
}

#[test]
fn a_manifest_names_kind_file_checksum_and_panel_of_each_difficulty() {
    let full = stores(Layout::Jsonl);
    let builder = plain();
    let request = by(fixture("bbh_calibration.jsonl")).resolve(&builder.config).unwrap();
    let output = full.path().join("pool");
    let order = Order { request: &request, experiment: None, output: output.clone(), format: Layout::Jsonl };
    with_stores(&builder.config, full.path(), [&request], &Silent, |library| {
        make_pools(library, std::slice::from_ref(&order), Writing::default(), &Silent).map(drop)
    })
    .unwrap();
    let manifest: Value = serde_json::from_str(&fs::read_to_string(output.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["request"]["difficulty"], json!({"gsm8k": "surface", "bbh": "bbh_calibration.jsonl"}));
    assert_eq!(manifest["benchmarks"][0]["difficulty"], json!({"kind": "surface"}));
    let meta: Value = serde_json::from_str(&fs::read_to_string(fixture("bbh_calibration_meta.json")).unwrap()).unwrap();
    let measured = &manifest["benchmarks"][1]["difficulty"];
    assert_eq!(measured["kind"], "measured");
    assert_eq!(measured["file"], "bbh_calibration.jsonl");
    // The manifest names the calibration that was read, even if the file has been replaced since.
    assert_eq!(measured["checksum"], meta["self_checksum"]);
    let panel: Vec<&Value> = measured["panel"].as_array().unwrap().iter().map(|model| &model["name"]).collect();
    assert_eq!(panel, ["model-1", "model-2", "model-3", "model-4"]);
}

/// Responses to gsm8k: model m solves the rows below 30 · m.
fn responses(models: &[u32]) -> String {
    let line = |row: u32, m: &u32| format!("gsm8k,gsm8k_{row},model-{m},{}\n", u8::from(row < 30 * m));
    let lines: String = (0..120).flat_map(|row| models.iter().map(move |m| line(row, m))).collect();
    "benchmark,source_id,model,score\n".to_owned() + &lines
}

#[test]
fn validate_checks_the_named_difficulty_and_leaves_out_its_panel() {
    let full = stores(Layout::Jsonl);
    let file = full.path().join("r.csv");
    fs::write(&file, responses(&[1, 2, 7])).unwrap();
    let config = plain().config;
    let validation = |by: &ScoredBy| {
        let mut catalogue = Catalogue::of(&config, full.path(), &[], &Silent).unwrap();
        let input = Input::File { path: file.clone(), model: None };
        let gathered = read(&[input], &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
        validate(gathered, &mut [], &mut catalogue, &config, by, &Silent).unwrap().validations.remove(0)
    };
    let surface = validation(&ScoredBy::default());
    assert_eq!((surface.method.as_str(), surface.rows, surface.models.len()), ("min-max", 120, 3));
    let difficulty = Some(fixture("").to_str().unwrap().to_owned());
    let measured = validation(&ScoredBy { difficulty: difficulty.clone(), min_responses: None });
    assert_eq!((measured.method.as_str(), measured.rows), ("expected-error", 120));
    assert_eq!(measured.models, ["model-7"]);
    assert_eq!(measured.left_out, ["model-1", "model-2"]);
    // 82 of the 120 rows have at least three responses: every fifth row has none, and every seventh of the others has two.
    assert_eq!(validation(&ScoredBy { difficulty, min_responses: Some(3) }).rows, 82);
}

#[test]
fn a_pool_keeps_its_own_panel_under_any_configuration() {
    let full = stores(Layout::Jsonl);
    let file = full.path().join("r.csv");
    fs::write(&file, responses(&[1, 2])).unwrap();
    let builder = plain();
    let gsm8k =
        |request: RequestSpec| RequestSpec { benchmarks: vec!["gsm8k".into()], benchmark_ratios: None, ..request };
    let saved = |request: &RequestSpec, name: &str| {
        let tasks = builder.build_task_stream(request, full.path()).unwrap();
        builder.save_task_pool(&tasks, &full.path().join(name).join("task_pool.jsonl")).unwrap();
        full.path().join(name)
    };
    let surface = saved(&gsm8k(request()), "surface");
    let measured = saved(&gsm8k(by(fixture(""))), "measured");
    let alone = full.path().join("alone.jsonl");
    fs::copy(measured.join("task_pool.jsonl"), &alone).unwrap();
    let found = |pool: &Path| {
        let notes = Notes::default();
        let mut catalogue = Catalogue::of(&builder.config, full.path(), &[], &Silent).unwrap();
        let input = Input::File { path: file.clone(), model: None };
        let gathered = read(&[input], &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
        let (mut tasks, measured) = pool_tasks(pool).unwrap();
        let pool = PoolTasks { name: "pool".to_owned(), measured, tasks: &mut tasks };
        let by = ScoredBy::default();
        let report = validate(gathered, &mut [pool], &mut catalogue, &builder.config, &by, &notes).unwrap();
        let validation = report.validations[1].clone();
        let noted = notes.0.lock().unwrap().len();
        (validation.method, validation.in_sample, noted)
    };
    assert_eq!(found(&surface), ("min-max".to_owned(), false, 0));
    assert_eq!(found(&measured), ("expected-error".to_owned(), true, 0));
    // Tasks without a manifest show that their difficulty was measured, but not by which models.
    assert_eq!(found(&alone), ("expected-error".to_owned(), false, 1));
}

#[test]
fn a_calibration_of_generated_tasks_says_so() {
    let full = stores(Layout::Jsonl);
    let file = full.path().join("r.csv");
    fs::write(&file, responses(&[1, 2])).unwrap();
    let config = plain().config;
    let mut catalogue = Catalogue::of(&config, full.path(), &[], &Silent).unwrap();
    let input = Input::File { path: file, model: None };
    let gathered = read(&[input], &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
    let (own, options) = (&gathered.benchmarks[0], CalibrateOptions::default());
    let meta = calibrate(own, (&[], &[]), &mut catalogue, &options, &full.path().join("cal"), &Silent).unwrap();
    assert!(meta.synthetic);
}

#[test]
fn answers_are_never_compared_with_a_store_from_another_source() {
    let full = stores(Layout::Jsonl);
    // The configuration names the real benchmark; the folder holds the store of a demo.
    let real = Config::from_yaml("real.yaml", "benchmarks: {gsm8k: , bbh: }").unwrap();
    let mut catalogue = Catalogue::of(&real, full.path(), &[], &Silent).unwrap();
    let error = catalogue.shelf("gsm8k").err().unwrap().to_string();
    assert!(
        error.contains("was made from synthetic:gsm8k?rows=120&seed=0, but the configuration says datasets:gsm8k/main"),
        "{error}"
    );
    let before = contents(full.path());
    let builder = DatasetBuilder::new(real);
    let error = builder.build_task_stream(&request(), full.path()).unwrap_err();
    assert!(matches!(error, Error::Preprocess(_)), "{error}");
    assert!(error.to_string().contains("was made from synthetic:gsm8k?rows=120"), "{error}");
    assert_eq!(contents(full.path()), before);
}
