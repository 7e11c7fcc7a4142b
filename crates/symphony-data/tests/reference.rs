//! The reference difficulties that ship with the program: what they are drawn by, what they do not know, and what is said
//! about it.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use symphony_data::{
    DatasetBuilder, Error, TaskStream,
    calibration::{Reference, WITHOUT_REFERENCE},
    config::{Config, DEFAULT_CONFIG},
    draw::{Order, Writing, make_pools, with_stores},
    evidence::{
        responses::{Catalogue, Input, ReadOptions, read},
        validation::{PoolTasks, ScoredBy, Validation, pool_tasks, validate},
    },
    preprocess::PreprocessOptions,
    progress::{Note, Progress, Silent},
    request::RequestSpec,
    task::{Layout, Task},
};

mod support;

/// Records notes.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Progress for Notes {
    fn note(&self, note: Note<'_>) {
        self.0.lock().unwrap().push(note.to_string());
    }
}

impl Notes {
    fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// Rows in the form of HumanEval. A row's identity is its task_id, so that the reference knows the first of them, whatever
/// they ask; it does not know the others.
struct Place {
    folder: tempfile::TempDir,
    notes: Notes,
}

impl Place {
    fn new(known: usize, unknown: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = String::new();
        for row in 0..known + unknown {
            let id = if row < known { format!("HumanEval/{row}") } else { format!("Other/{row}") };
            let (prompt, test) = ("word ".repeat(20 + row * 7 % 90), "assert x ".repeat(1 + row % 11));
            writeln!(rows, "{}", json!({"task_id": id, "prompt": prompt, "test": test})).unwrap();
        }
        fs::write(folder.path().join("rows.jsonl"), rows).unwrap();
        Self { folder, notes: Notes::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn full(&self) -> PathBuf {
        self.path("full")
    }

    /// A preprocessed builder whose humaneval has these additional keys, and which has these benchmarks too.
    fn builder(&self, more: &str, others: &str) -> DatasetBuilder {
        let rows = self.path("rows.jsonl");
        let yaml = format!("benchmarks:\n  humaneval: {{path: 'file:{}'{more}}}\n{others}", rows.display());
        let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap().with_progress(self.notes.clone());
        builder.preprocess_all_benchmarks(&self.full(), PreprocessOptions::default()).unwrap();
        self.notes.0.lock().unwrap().clear();
        builder
    }

    /// All tasks of humaneval.
    fn drawn(&self, builder: &DatasetBuilder, difficulty: Option<&str>, min_responses: Option<u64>) -> TaskStream {
        let request = RequestSpec { min_responses, ..request(&["humaneval"], 900, difficulty) };
        builder.build_task_stream(&request, &self.full()).unwrap()
    }

    /// Compares the scores of humaneval with these answers, and those of a pool.
    fn validated(&self, builder: &DatasetBuilder, answers: &str, pool: Option<&Path>) -> Vec<Validation> {
        let file = self.path("answers.csv");
        fs::write(&file, format!("benchmark,source_id,model,score\n{answers}")).unwrap();
        let mut catalogue = Catalogue::of(&builder.config, &self.full(), &[], &Silent).unwrap();
        let input = Input::File { path: file, model: None };
        let gathered = read(&[input], &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
        let mut found = pool.map(|pool| pool_tasks(pool).unwrap());
        let mut pools: Vec<PoolTasks<'_>> = found
            .iter_mut()
            .map(|(tasks, measured)| PoolTasks { name: "pool".into(), measured: measured.take(), tasks })
            .collect();
        // Beside a pool, the benchmark is compared by its surface score: a pool knows what it was drawn by.
        let difficulty = if pool.is_some() { "surface" } else { "reference" };
        let by = ScoredBy { difficulty: Some(difficulty.to_owned()), min_responses: None };
        validate(gathered, &mut pools, &mut catalogue, &builder.config, &by, &Silent).unwrap().validations
    }
}

/// A request for more tasks than there are, so that it draws each.
fn request(benchmarks: &[&str], n_total_tasks: u64, difficulty: Option<&str>) -> RequestSpec {
    RequestSpec {
        benchmarks: benchmarks.iter().map(|name| (*name).to_owned()).collect(),
        difficulty_split: Some("1:1:1".into()),
        n_total_tasks,
        sampler: Some("stable".into()),
        difficulty: difficulty.map(str::to_owned),
        ..RequestSpec::default()
    }
}

fn reference() -> &'static Reference {
    Reference::of("humaneval").unwrap()
}

fn metadata(task: &Task) -> Value {
    serde_json::from_str(task.scorer_metadata.get()).unwrap()
}

/// A task's number among the rows.
fn row(task: &Task) -> usize {
    task.source_id.as_ref().unwrap().as_str().rsplit('_').next().unwrap().parse().unwrap()
}

/// Whether tasks were drawn by a measured difficulty.
fn is_measured(tasks: &TaskStream) -> bool {
    let measured = tasks.iter().filter(|task| metadata(task).get("surface_score").is_some()).count();
    assert!(measured == 0 || measured == tasks.len());
    measured > 0
}

/// Makes the pool of a request, and reads its manifest.
fn made(place: &Place, builder: &DatasetBuilder, spec: &RequestSpec, pool: &str) -> Result<Value, Error> {
    let request = spec.resolve(&builder.config).unwrap();
    let output = place.path(pool);
    let order = Order { request: &request, experiment: None, output: output.clone(), format: Layout::Jsonl };
    with_stores(&builder.config, &place.full(), [&request], &Silent, |stores| {
        make_pools(stores, std::slice::from_ref(&order), Writing::default(), &Silent).map(drop)
    })?;
    Ok(serde_json::from_str(&fs::read_to_string(output.join("manifest.json")).unwrap()).unwrap())
}

#[test]
fn known_rows_have_their_reference_difficulty_and_others_the_prediction_from_their_features() {
    let place = Place::new(60, 40);
    let builder = place.builder("", "");
    let tasks = place.drawn(&builder, Some("reference"), None);
    assert_eq!(tasks.len(), 100);
    let surface = place.drawn(&builder, None, None);
    for task in &tasks {
        let own = metadata(task);
        let of = |key: &str| own[key].as_f64().unwrap();
        let expected = match row(task) {
            row if row < 60 => reference().rows()[row],
            _ => reference().predicted(0, None, |name| own[name].as_f64()),
        };
        assert_eq!(task.difficulty_score, expected.expected_error);
        assert_eq!(of("standard_error"), expected.standard_error);
        assert_eq!(own["n_responses"], expected.n_responses);
        let by_surface = surface.iter().find(|other| other.source_id == task.source_id).unwrap();
        assert_eq!(of("surface_score"), by_surface.difficulty_score);
    }
    // Predictions follow the features: they are not one number for all.
    let predicted: Vec<f64> = tasks.iter().filter(|task| row(task) >= 60).map(|task| task.difficulty_score).collect();
    assert!(predicted.iter().any(|score| *score != predicted[0]));
    let told =
        "knows 60 of its 100 rows; that of the others is predicted from their features; `min_responses: 1` leaves them";
    assert!(place.notes.text().contains(told), "{}", place.notes.text());
    // Rows without responses can be left out.
    let answered = place.drawn(&builder, Some("reference"), Some(1));
    assert!(answered.len() == 60 && answered.iter().all(|task| row(task) < 60));
    let too_many = RequestSpec { min_responses: Some(9999), ..request(&["humaneval"], 9, Some("reference")) };
    let error = builder.build_task_stream(&too_many, &place.full()).unwrap_err().to_string();
    assert!(error.contains("taken from the reference: none of its rows has responses from 9999 models"), "{error}");
}

#[test]
fn a_reference_that_knows_few_rows_warns_and_one_that_knows_none_leaves_the_surface_score() {
    let place = Place::new(30, 70);
    let tasks = place.drawn(&place.builder("", ""), Some("reference"), None);
    assert!(is_measured(&tasks));
    let said = place.notes.text();
    let few = "humaneval: the reference difficulty knows 30 of its 100 rows; that of the others is predicted from their features";
    assert!(said.contains(few), "{said}");

    let place = Place::new(0, 70);
    let builder = place.builder("", "");
    let tasks = place.drawn(&builder, Some("reference"), None);
    let none = "humaneval: the reference difficulty knows none of its 70 rows; its surface score is used";
    assert!(place.notes.text().contains(none), "{}", place.notes.text());
    assert_eq!(names(&tasks), names(&place.drawn(&builder, None, None)));
    // Where the difficulty was configured, cuts beside it are failure rates, which are not for surface scores.
    let cut = place.builder(", difficulty: reference, difficulty_cuts: [0.001, 0.002]", "");
    assert_eq!(names(&place.drawn(&cut, None, None)), names(&tasks));
    let said = place.notes.text();
    assert!(
        said.contains("its surface score is used, with percentiles, because difficulty_cuts are failure rates"),
        "{said}"
    );
}

fn names(tasks: &[Task]) -> Vec<Value> {
    let name =
        |task: &Task| json!([task.source_id.as_ref().unwrap().as_str(), task.difficulty_bin, task.difficulty_score]);
    tasks.iter().map(name).collect()
}

#[test]
fn a_benchmark_without_a_reference_is_drawn_as_configured_and_the_manifest_says_so() {
    let place = Place::new(100, 0);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/measured/bbh_calibration.jsonl");
    let others = format!(
        "  amc: {{path: 'synthetic:amc'}}\n  gsm8k: {{path: 'synthetic:gsm8k?rows=50'}}\n  bbh: {{path: \
         'synthetic:bbh?rows=200', difficulty: {{measured: '{}'}}}}\n",
        fixture.display()
    );
    let builder = place.builder("", &others);
    let manifest =
        made(&place, &builder, &request(&["humaneval", "amc", "gsm8k", "bbh"], 40, Some("reference")), "pool").unwrap();
    let warnings: Vec<&str> = manifest["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let generated = "its rows are generated, so the reference difficulty does not know them";
    assert_eq!(
        warnings,
        [
            "amc: there is no reference difficulty; its surface score is used".to_owned(),
            format!("gsm8k: {generated}; its surface score is used"),
            format!("bbh: {generated}; the configured {} is used", fixture.display()),
        ]
    );
    let kinds: Vec<&Value> = (0..4).map(|at| &manifest["benchmarks"][at]["difficulty"]["kind"]).collect();
    assert_eq!(kinds, ["reference", "surface", "surface", "measured"]);
    // No benchmark of a request needs to have one: unlike a folder's name, the word cannot be mistyped.
    let alone = made(&place, &builder, &request(&["amc"], 4, Some("reference")), "alone").unwrap();
    assert_eq!(alone["benchmarks"][0]["difficulty"], json!({"kind": "surface"}));
    assert_eq!(alone["request"]["difficulty"], json!({"amc": "reference"}));
    // A folder that has no calibration of a benchmark leaves it to the configured reference, and that to the surface score.
    fs::create_dir(place.path("reference")).unwrap();
    for name in ["bbh_calibration.jsonl", "bbh_calibration_meta.json"] {
        fs::copy(fixture.with_file_name(name), place.path("reference").join(name)).unwrap();
    }
    let configured =
        place.builder(", difficulty: reference", &others.replace("rows=50'", "rows=50', difficulty: reference"));
    let folder = place.path("reference");
    let asked = request(&["humaneval", "gsm8k", "bbh"], 30, folder.to_str());
    let manifest = made(&place, &configured, &asked, "by_folder").unwrap();
    let kinds: Vec<&Value> = (0..3).map(|at| &manifest["benchmarks"][at]["difficulty"]["kind"]).collect();
    assert_eq!(kinds, ["reference", "surface", "measured"]);
    let warnings = manifest["warnings"].to_string();
    assert!(
        warnings.contains("humaneval_calibration.jsonl; the configured reference difficulty is used"),
        "{warnings}"
    );
    assert_eq!(manifest["warnings"].as_array().unwrap().len(), 3, "{warnings}");
}

#[test]
fn a_manifest_names_the_reference_and_the_same_request_gives_the_same_bytes() {
    let place = Place::new(100, 20);
    let builder = place.builder("", "");
    let spec = request(&["humaneval"], 30, Some("reference"));
    let manifest = made(&place, &builder, &spec, "pool").unwrap();
    let card = &reference().card;
    let panel: Vec<Value> = card.panel.iter().map(|member| serde_json::to_value(&member.model).unwrap()).collect();
    assert_eq!(
        manifest["benchmarks"][0]["difficulty"],
        json!({"kind": "reference", "checksum": card.checksum, "model": "1pl", "min_responses": 0, "panel": panel})
    );
    let bytes = || ["task_pool.jsonl", "manifest.json"].map(|name| fs::read(place.path("pool").join(name)).unwrap());
    let before = bytes();
    made(&place, &builder, &spec, "pool").unwrap();
    assert!(bytes() == before);
    // Another difficulty is another request.
    let other = RequestSpec { difficulty: None, ..spec };
    let error = made(&place, &builder, &other, "pool").unwrap_err().to_string();
    assert!(error.contains("a pool that another request made"), "{error}");
}

#[test]
fn the_reference_is_named_in_a_request_an_experiment_or_the_configuration() {
    let place = Place::new(80, 20);
    let plain = place.builder("", "");
    let expected = names(&place.drawn(&plain, Some("reference"), None));
    for more in [", difficulty: reference", ", difficulty: {measured: reference}"] {
        let configured = place.builder(more, "");
        assert_eq!(names(&place.drawn(&configured, None, None)), expected, "{more}");
        assert_eq!(names(&place.drawn(&configured, Some("reference"), None)), expected, "{more}");
        assert!(!is_measured(&place.drawn(&configured, Some("surface"), None)), "{more}");
    }
    let answered = place.builder(", difficulty: {measured: reference, min_responses: 1}", "");
    assert_eq!(place.drawn(&answered, None, None).len(), 80);
    assert_eq!(place.drawn(&answered, Some("reference"), None).len(), 80);
    assert_eq!(place.drawn(&answered, None, Some(0)).len(), 100);
    assert!(!is_measured(&place.drawn(&place.builder(", difficulty: surface", ""), None, None)));

    let yaml = "benchmarks: {humaneval: {}, amc: {}}\nexperiments:\n  e: {benchmarks: [humaneval, amc], n_total_tasks: 9, difficulty: reference}";
    let config = Config::from_yaml("x.yaml", yaml).unwrap();
    let request = serde_json::to_value(&config.experiments[0].request).unwrap();
    assert_eq!(request["difficulty"], json!({"humaneval": "reference", "amc": "reference"}));

    // A file or folder of this name is named by a path.
    let missing = plain.build_task_stream(&self::request(&["humaneval"], 9, Some("./reference")), &place.full());
    let error = missing.unwrap_err().to_string();
    assert!(
        error.starts_with("there is no file or folder ./reference; a difficulty is `surface`, `reference`,"),
        "{error}"
    );
}

#[test]
fn a_benchmark_that_is_no_preset_needs_a_rule_beside_the_reference() {
    for (word, hint) in [("reference", "and beside them `measured: reference`"), ("surface", "`features` and `score`")]
    {
        let yaml = format!("benchmarks: {{mine: {{path: 'file:x.jsonl', difficulty: {word}}}}}");
        let Err(Error::Config(problems)) = DatasetBuilder::from_yaml("x.yaml", &yaml) else { panic!("{word}") };
        let text = problems.to_string();
        assert!(text.contains("x.yaml:1: benchmarks.mine.difficulty: `mine` is not a preset, so"), "{text}");
        assert!(text.contains(hint) && text.lines().count() == 1, "{text}");
    }
    let yaml = "benchmarks: {mine: {path: 'file:x.jsonl', difficulty: {measured: reference}}}";
    let Err(Error::Config(problems)) = DatasetBuilder::from_yaml("x.yaml", yaml) else { panic!() };
    assert!(problems.to_string().contains("has no `score`"), "{problems}");
}

#[test]
fn validate_leaves_out_the_panel_of_the_reference_and_of_pools_that_were_drawn_by_it() {
    let place = Place::new(100, 20);
    let builder = place.builder("", "");
    let member = &reference().card.panel[0].model.name;
    let answers = |model: &str| -> String {
        (0..120).map(|row| format!("humaneval,humaneval_{row},{model},{}\n", u8::from(row % 3 > 0))).collect()
    };
    let both = answers(member) + &answers("my model");
    let found = place.validated(&builder, &both, None).remove(0);
    assert_eq!((found.method.as_str(), found.rows, found.in_sample), ("expected-error", 120, false));
    assert_eq!((found.models, found.left_out), (vec!["my model".to_owned()], vec![member.clone()]));
    let found = place.validated(&builder, &answers(member), None).remove(0);
    assert!(found.in_sample && found.left_out.is_empty());
    // A pool names the panel in its manifest.
    made(&place, &builder, &request(&["humaneval"], 30, Some("reference")), "pool").unwrap();
    let found = place.validated(&builder, &both, Some(&place.path("pool")));
    assert_eq!((found[0].method.as_str(), found[0].left_out.len()), ("min-max", 0));
    assert_eq!((found[1].method.as_str(), &found[1].left_out), ("expected-error", &vec![member.clone()]));
}

#[test]
fn a_store_that_is_damaged_where_rows_are_predicted_is_rebuilt_and_warnings_are_still_reported() {
    let place = Place::new(30, 70);
    let builder = place.builder("", "");
    let expected = names(&place.drawn(&builder, Some("reference"), None));
    let store = place.full().join("humaneval_full.jsonl");
    let whole = fs::read_to_string(&store).unwrap();
    let damaged = whole.replacen("Other/50", "Other/5O", 1);
    assert_ne!(damaged, whole);
    fs::write(&store, damaged).unwrap();
    place.notes.0.lock().unwrap().clear();
    assert_eq!(names(&place.drawn(&builder, Some("reference"), None)), expected);
    assert_eq!(fs::read_to_string(&store).unwrap(), whole);
    let said = place.notes.text();
    assert!(said.contains("knows 30 of its 100 rows"), "{said}");
}

#[test]
fn every_built_in_benchmark_has_a_reference_or_is_named_as_one_without() {
    let config = Config::from_yaml("default", DEFAULT_CONFIG).unwrap();
    let mut named = Reference::names();
    named.extend(WITHOUT_REFERENCE);
    let mut all = config.names();
    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);
}

#[test]
fn the_reference_knows_every_row_of_the_real_benchmarks() {
    let Some((builder, full)) = support::real("default") else { return };
    for reference in Reference::all() {
        let name = &reference.card.benchmark;
        let notes = Notes::default();
        let drawn = DatasetBuilder::new(builder.config.clone())
            .with_progress(notes.clone())
            .build_task_stream(&request(&[name], 9000, Some("reference")), full)
            .unwrap();
        assert!(!notes.text().contains("reference"), "{}", notes.text());
        for task in &drawn {
            let own = &reference.rows()[row(task)];
            assert_eq!(format!("{:016x}", own.identity), task.identity.as_ref().unwrap().as_str(), "{name}");
            assert_eq!(task.difficulty_score, own.expected_error, "{name}");
        }
        assert_eq!(drawn.len() as u64, reference.card.n_tasks_full, "{name}");
    }
}
