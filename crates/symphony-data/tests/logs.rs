//! Logs of Python programs and responses in our own format, with their oddities.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use arrow_array::{Float64Array, ListArray, RecordBatch, StringArray, types::Float64Type};
use serde_json::{Value, json};
use symphony_data::{
    DatasetBuilder,
    evidence::{
        EvidenceError,
        responses::{Catalogue, Gathered, Input, ReadOptions, read},
        validation::{PoolTasks, ScoredBy, validate},
    },
    preprocess::PreprocessOptions,
    progress::{Note, Progress, Silent},
    request::RequestSpec,
    store::Store,
};

/// A folder with a benchmark `b`, whose rows are in the file that the configuration names.
struct Place {
    folder: tempfile::TempDir,
    builder: DatasetBuilder,
}

const QUESTIONS: &str = "identity: [question], difficulty: {features: {words: {words: question}}, score: [{feature: words, normalize: p95}]}";

impl Place {
    fn of(file: &str, rows: &[u8], more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(file), rows).unwrap();
        let path = folder.path().join(file);
        let yaml = format!("benchmarks: {{b: {{path: 'file:{}', {more}}}}}", path.display());
        let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
        builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
        Self { folder, builder }
    }

    fn of_questions(questions: &[String]) -> Self {
        let rows: String = questions.iter().map(|question| json!({"question": question}).to_string() + "\n").collect();
        Self::of("rows.jsonl", rows.as_bytes(), QUESTIONS)
    }

    /// Rows `what is 0?`, `what is 1?` …
    fn new(rows: usize) -> Self {
        Self::of_questions(&(0..rows).map(question).collect::<Vec<_>>())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn identities(&self) -> Vec<String> {
        let store = Store::open(&self.path("full"), "b", &Silent).unwrap();
        store.identities().unwrap().iter().map(|identity| format!("{identity:016x}")).collect()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Input {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        Input::File { path: self.path(name), model: None }
    }

    fn read_with(&self, inputs: &[Input], progress: &dyn Progress) -> Result<Gathered, EvidenceError> {
        let mut catalogue = Catalogue::of(&self.builder.config, &self.path("full"), &[], progress).unwrap();
        read(inputs, &mut catalogue, &ReadOptions::default(), progress)
    }

    fn read(&self, inputs: &[Input]) -> Result<Gathered, EvidenceError> {
        self.read_with(inputs, &Silent)
    }

    fn error(&self, inputs: &[Input]) -> String {
        self.read(inputs).unwrap_err().to_string()
    }
}

fn question(row: usize) -> String {
    format!("what is {row}?")
}

/// All scores, row by row, of a model.
fn scores(gathered: &Gathered, model: &str) -> Vec<f64> {
    let responses = &gathered.benchmarks[0];
    responses.scores_of(responses.models().iter().position(|known| known.name == model).unwrap())
}

fn unmapped(gathered: &Gathered) -> Vec<String> {
    gathered.unmapped.iter().map(ToString::to_string).collect()
}

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Progress for Notes {
    fn note(&self, note: Note<'_>) {
        self.0.lock().unwrap().push(format!("{:?} {note}", note.level()));
    }
}

/// A log of the harness: the answers to the rows, in order.
fn harness(docs: &[Value], score: impl Fn(usize) -> f64) -> String {
    let line = |(at, doc): (usize, &Value)| {
        json!({"doc_id": at, "doc": doc, "filter": "none", "metrics": ["acc"], "acc": score(at)}).to_string() + "\n"
    };
    docs.iter().enumerate().map(line).collect()
}

fn docs(rows: usize) -> Vec<Value> {
    (0..rows).map(|row| json!({"question": question(row)})).collect()
}

// ---- the model of a log

#[test]
fn the_results_file_of_a_run_names_the_model_of_its_log() {
    let place = Place::new(4);
    let (weak, strong) = (harness(&docs(4), |row| f64::from(u8::from(row < 1))), harness(&docs(4), |_| 1.0));
    // --output_path results/weak.json, then results/strong.json.
    let inputs = [
        place.write("results/samples_count_2026-01-01T10-00-00.000001.jsonl", &weak),
        place.write("results/samples_count_2026-01-01T11-00-00.000001.jsonl", &strong),
    ];
    place.write(
        "results/weak_2026-01-01T10-00-00.000001.json",
        r#"{"results": {"count": {"acc,none": NaN}}, "model_name": "org/weak", "config": {"model_args": "pretrained=other"}}"#,
    );
    // Older files have only the arguments, as a text or as an object.
    let of_arguments = r#"{"config": {"model": "hf", "model_args": {"pretrained": "org/strong", "dtype": "auto"}}}"#;
    place.write("results/strong_2026-01-01T11-00-00.000001.json", of_arguments);
    let notes = Notes::default();
    let gathered = place.read_with(&inputs, &notes).unwrap();
    assert_eq!(scores(&gathered, "org/weak"), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(scores(&gathered, "org/strong"), [1.0; 4]);
    let file = |name: &str| place.path(name).display().to_string();
    assert_eq!(
        *notes.0.lock().unwrap(),
        [
            format!("Info {}: answers of org/weak", file("results/samples_count_2026-01-01T10-00-00.000001.jsonl")),
            format!("Info {}: answers of org/strong", file("results/samples_count_2026-01-01T11-00-00.000001.jsonl")),
        ]
    );
    let text = r#"{"config": {"model_args": "dtype=auto,pretrained=org/third,peft=org/adapter"}}"#;
    place.write("results/strong_2026-01-01T11-00-00.000001.json", text);
    assert_eq!(scores(&place.read(&inputs).unwrap(), "org/adapter"), [1.0; 4]);
}

#[test]
fn two_logs_of_one_task_under_one_guessed_name_are_refused() {
    let place = Place::new(4);
    let inputs = [
        place.write("results/samples_count_2026-01-01T10-00-00.000001.jsonl", harness(&docs(4), |_| 0.0)),
        place.write("results/samples_count_2026-01-01T11-00-00.000001.jsonl", harness(&docs(4), |_| 1.0)),
    ];
    let error = place.error(&inputs);
    assert!(error.contains("T10-00-00.000001.jsonl and ") && error.contains("T11-00-00.000001.jsonl hold"), "{error}");
    assert!(
        error.contains("the task count, and both seem to be of results") && error.contains("name the model"),
        "{error}"
    );
    // Logs of two tasks may be of one model, and a model that the caller names is not a guess.
    let other = place.write("results/samples_other_2026-01-01T11-00-00.000001.jsonl", harness(&docs(4), |_| 1.0));
    let notes = Notes::default();
    place.read_with(&[inputs[0].clone(), other], &notes).unwrap();
    assert_eq!(notes.0.lock().unwrap().len(), 2);
    assert!(
        notes.0.lock().unwrap()[0].starts_with("Warning ")
            && notes.0.lock().unwrap()[0].contains("results, guessed from")
    );
    let named = ["weak", "strong"].iter().zip(inputs).map(|(name, input)| match input {
        Input::File { path, .. } => Input::File { path, model: Some((*name).to_owned()) },
        table @ Input::Table(_) => table,
    });
    let gathered = place.read(&named.collect::<Vec<_>>()).unwrap();
    assert_eq!((scores(&gathered, "weak"), scores(&gathered, "strong")), (vec![0.0; 4], vec![1.0; 4]));
}

#[test]
fn the_first_logs_of_the_harness_have_the_model_in_their_name_and_may_be_arrays() {
    let place = Place::new(3);
    let lines =
        |score: f64| -> Vec<Value> { docs(3).into_iter().map(|doc| json!({"doc": doc, "acc": score})).collect() };
    let array = serde_json::to_string_pretty(&lines(0.0)).unwrap();
    let plain: String = lines(1.0).iter().map(|line| line.to_string() + "\n").collect();
    let inputs = [
        place.write("old/pretrained__org__weak,dtype__auto_b.jsonl", array),
        place.write("old/pretrained__org__strong,dtype__auto_b.jsonl", &plain),
        // Nothing separates the model's name from the task's here, but tasks are named after benchmarks.
        place.write("old/pretrained__org__my_model_b_cot.jsonl", plain + "\n"),
    ];
    let notes = Notes::default();
    let gathered = place.read_with(&inputs, &notes).unwrap();
    assert_eq!(scores(&gathered, "org/weak"), [0.0; 3]);
    assert_eq!(scores(&gathered, "org/strong"), [1.0; 3]);
    assert_eq!(scores(&gathered, "org/my_model"), [1.0; 3]);
    let guesses = notes.0.lock().unwrap().iter().filter(|note| note.starts_with("Warning ")).count();
    assert_eq!(guesses, 1, "{notes:?}", notes = notes.0.lock().unwrap());
}

// ---- the task of a row

/// Rows whose identity holds lists, and what Python's `xxhash.xxh3_64_hexdigest` gives of each: of the question, U+001F,
/// `json.dumps(choices, separators=(",", ":"), ensure_ascii=False)`, U+001F, and the levels likewise.
const OF_LISTS: [&str; 2] = ["7de8e7a4d7b4f711", "5c6aadc669015386"];
const LISTS: &str = "identity: [question, choices, levels], difficulty: {features: {n: {items: choices}}, score: [{feature: n, normalize: p95}]}";

fn row_of_lists(i: usize) -> Value {
    let e = "é".repeat(1 + i);
    json!({"question": format!("Which is largest, list {i}?"), "choices": [i.to_string(), (i + 5).to_string(), e], "levels": [1.0 + i as f64, 0.5]})
}

fn parquet_of_lists() -> Vec<u8> {
    let rows: Vec<Value> = (0..2).map(row_of_lists).collect();
    let questions = StringArray::from_iter_values(rows.iter().map(|row| row["question"].as_str().unwrap()));
    let mut choices = arrow_array::builder::ListBuilder::new(arrow_array::builder::StringBuilder::new());
    for row in &rows {
        choices.append_value(row["choices"].as_array().unwrap().iter().map(Value::as_str));
    }
    let levels =
        rows.iter().map(|row| Some(row["levels"].as_array().unwrap().iter().map(Value::as_f64).collect::<Vec<_>>()));
    let levels = ListArray::from_iter_primitive::<Float64Type, _, _>(levels);
    let batch = RecordBatch::try_from_iter([
        ("question", Arc::new(questions) as _),
        ("choices", Arc::new(choices.finish()) as _),
        ("levels", Arc::new(levels) as _),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn lists_have_the_same_identity_in_every_format() {
    let spaced = r#"{"question": "Which is largest, list 0?", "choices": ["0", "5", "\u00e9"], "levels": [1.0, 5e-1]}
{"levels" : [ 2.00,0.5 ],"choices":["1","6","éé"],"question":"Which is largest, list 1\u003f"}
"#;
    let compact: String = (0..2).map(|i| row_of_lists(i).to_string() + "\n").collect();
    let array = serde_json::to_string_pretty(&(0..2).map(row_of_lists).collect::<Vec<_>>()).unwrap();
    let parquet = parquet_of_lists();
    for (file, rows) in [
        ("spaced.jsonl", spaced.as_bytes()),
        ("compact.jsonl", compact.as_bytes()),
        ("array.json", array.as_bytes()),
        ("columns.parquet", &parquet),
    ] {
        let place = Place::of(file, rows, LISTS);
        assert_eq!(place.identities(), OF_LISTS, "{file}");
        let docs: Vec<Value> = (0..2).map(row_of_lists).collect();
        let log = place.write("org__m/samples_b_2026-01-01T00-00-00.jsonl", harness(&docs, |row| row as f64));
        assert_eq!(scores(&place.read(&[log]).unwrap(), "org/m"), [0.0, 1.0], "{file}");
        let log = json!({"eval": {"task": "b", "model": "m"}, "samples": (0..2).map(|i| {
            let row = row_of_lists(i);
            json!({"id": i, "epoch": 1, "input": row["question"], "choices": row["choices"], "metadata": {"levels": row["levels"]}, "scores": {"s": {"value": i}}})
        }).collect::<Vec<_>>()});
        assert_eq!(
            scores(&place.read(&[place.write("log.json", log.to_string())]).unwrap(), "m"),
            [0.0, 1.0],
            "{file}"
        );
    }
}

#[test]
fn numbers_and_booleans_have_the_identity_of_their_text() {
    // xxh3_64 of `Which?`, U+001F, `1.50`, U+001F, `true`, as in 0.1.0.
    let rows = "{\"question\": \"Which?\", \"level\": 1.50, \"open\": true}\n";
    let more = QUESTIONS.replace("[question]", "[question, level, open]");
    let place = Place::of("rows.jsonl", rows.as_bytes(), &more);
    let text = "Which?\u{1f}1.50\u{1f}true";
    assert_eq!(place.identities(), [format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))]);
}

#[test]
fn identities_of_the_presets_do_not_change() {
    // 0.1.0 gave these.
    for (preset, expected) in PRESETS {
        let folder = tempfile::tempdir().unwrap();
        let yaml = format!("benchmarks: {{{preset}: {{path: 'synthetic:{preset}?rows=50'}}}}");
        let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
        builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
        let store = Store::open(folder.path(), preset, &Silent).unwrap();
        let last = format!("{:016x}", store.identities().unwrap()[49]);
        assert_eq!(last, expected, "{preset}");
    }
}

const PRESETS: [(&str, &str); 5] = [
    ("humaneval", "a0caf0b0dab985b3"),
    ("gsm8k", "54e398ce7385ddaf"),
    ("bbh", "79664f0b97ab2d19"),
    ("amc", "9bb261ca7f10761c"),
    ("medical_qa", "4dfb7f7684300171"),
];

#[test]
fn a_task_of_a_pool_whose_identity_no_row_has_is_left_out_and_counted() {
    let place = Place::new(40);
    let request = RequestSpec { benchmarks: vec!["b".into()], n_total_tasks: 20, ..RequestSpec::default() };
    let pool = place.builder.build_task_stream(&request, &place.path("full")).unwrap();
    let lines: String = (0..40)
        .map(|row| {
            json!({"benchmark": "b", "source_id": format!("b_{row}"), "model": "m", "score": row % 2}).to_string()
                + "\n"
        })
        .collect();
    let answers = place.write("r.jsonl", lines);
    let rows = |tasks: Vec<symphony_data::task::Task>, notes: &Notes| {
        let mut catalogue = Catalogue::of(&place.builder.config, &place.path("full"), &[], &Silent).unwrap();
        let gathered = read(std::slice::from_ref(&answers), &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
        let mut tasks = tasks.into_iter().map(Ok);
        let pool = PoolTasks { name: "pool".to_owned(), measured: None, tasks: &mut tasks };
        validate(gathered, &mut [pool], &mut catalogue, &place.builder.config, &ScoredBy::default(), notes)
            .unwrap()
            .validations[1]
            .rows
    };
    let pool: Vec<_> = pool.into_iter().collect();
    let whole = rows(pool.clone(), &Notes::default());
    // Its source_id is that of a row that holds another question by now.
    let mut changed = pool;
    let gone = changed[3].source_id.clone();
    for task in changed.iter_mut().filter(|task| task.source_id == gone) {
        let text = serde_json::to_string(task).unwrap();
        let identity = task.identity.as_ref().unwrap().to_string();
        *task = serde_json::from_str(&text.replace(&identity, "0123456789abcdef")).unwrap();
    }
    let notes = Notes::default();
    assert_eq!(rows(changed, &notes), whole - 1);
    let said = notes.0.lock().unwrap().join("\n");
    assert!(said.contains("of its tasks, exp_00003_b the first,") && said.contains("left out"), "{said}");
}

#[test]
fn an_answer_with_an_identity_that_no_row_has_is_left_out_with_any_source_id() {
    let place = Place::new(3);
    let identity = &place.identities()[1];
    let line = |source_id: &str, identity: &str, score: f64| {
        json!({"benchmark": "b", "source_id": source_id, "identity": identity, "model": "m", "score": score})
            .to_string()
            + "\n"
    };
    let text = line("b_0", "0123456789abcdef", 1.0) + &line("b_2", identity, 1.0);
    let gathered = place.read(&[place.write("r.jsonl", text)]).unwrap();
    let found = scores(&gathered, "m");
    assert!(found[0].is_nan() && found[1] == 1.0 && found[2].is_nan(), "{found:?}");
    assert!(unmapped(&gathered)[0].contains("identity \"0123456789abcdef\" (source_id \"b_0\")"));
}

// ---- numbers and texts that Python writes

#[test]
fn values_that_are_not_numbers_are_missing_scores_and_refuse_no_log() {
    let place = Place::new(4);
    // Python's json writes these: NaN in an unused value, NaN as a score, half a character of an emoji.
    let line = |row: usize, score: &str| {
        format!(
            r#"{{"doc_id": {row}, "doc": {{"question": "what is {row}?", "weight": NaN}}, "resps": [["x\ud835", -Infinity]], "filter": "none", "metrics": ["acc"], "acc": {score}}}"#
        ) + "\n"
    };
    let harness = line(0, "1.0") + &line(1, "NaN") + &line(2, "0.0") + &line(3, "1.0");
    let samples = |value: &dyn Fn(usize) -> &'static str| -> Vec<String> {
        (0..4).map(|row| format!(
            r#"{{"id": {row}, "epoch": 1, "input": "what is {row}?", "metadata": {{"ratio": NaN}}, "output": {{"completion": "x\ud835"}}, "scores": {{"s": {{"value": {}, "answer": "\ud835", "metadata": {{"x": Infinity}}}}}}}}"#,
            value(row)
        )).collect()
    };
    let value = |row: usize| ["1.0", "NaN", "0.0", "1.0"][row];
    let header = r#""version": 2, "eval": {"task": "b", "model": "m"}, "results": {"scores": [{"metrics": {"mean": {"value": NaN}}}]}"#;
    let whole = format!("{{{header}, \"samples\": [{}]}}", samples(&value).join(", "));
    let archive = archive(&format!("{{{header}}}"), &samples(&value));
    for input in [
        place.write("m/samples_b.jsonl", &harness),
        place.write("m/log.json", &whole),
        place.write("m/log.eval", &archive),
    ] {
        let gathered = place.read(std::slice::from_ref(&input)).unwrap();
        let found = scores(&gathered, "m");
        assert!(found[0] == 1.0 && found[1].is_nan() && found[2] == 0.0 && found[3] == 1.0, "{input:?}: {found:?}");
        assert_eq!(unmapped(&gathered), ["1 answer without a score: \"what is 1?\""], "{input:?}");
    }
    // An infinite score is a wrong score, not a missing one.
    let text = line(0, "Infinity");
    assert!(place.error(&[place.write("m/samples_w.jsonl", text)]).contains("\"inf\", not a number"));
}

#[test]
fn a_score_that_is_not_a_number_is_missing_in_every_format() {
    let place = Place::new(2);
    let scores_of = Float64Array::from(vec![f64::NAN, 1.0]);
    let text = |texts: [&str; 2]| Arc::new(StringArray::from(texts.to_vec())) as arrow_array::ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("benchmark", text(["b", "b"])),
        ("source_id", text(["b_0", "b_1"])),
        ("model", text(["m", "m"])),
        ("score", Arc::new(scores_of) as _),
        ("tries", Arc::new(Float64Array::from(vec![1.0, f64::NAN])) as _),
    ])
    .unwrap();
    let mut parquet = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let lines = "{\"benchmark\":\"b\",\"source_id\":\"b_0\",\"model\":\"m\",\"score\":NaN,\"response\":\"x\\ud835\"}\n{\"benchmark\":\"b\",\"source_id\":\"b_1\",\"model\":\"m\",\"score\":1,\"tries\":NaN}\n";
    for input in [
        place.write("r.csv", "benchmark,source_id,model,score\nb,b_0,m,NaN\nb,b_1,m,1\n"),
        place.write("r.jsonl", lines),
        place.write("r.json", format!("[{}]", lines.trim_end().replace('\n', ","))),
        place.write("r.parquet", &parquet),
        Input::Table(vec![batch]),
    ] {
        let gathered = place.read(std::slice::from_ref(&input)).unwrap();
        let found = scores(&gathered, "m");
        assert!(found[0].is_nan() && found[1] == 1.0, "{input:?}: {found:?}");
        assert!(unmapped(&gathered)[0].starts_with("1 answer without a score: "), "{input:?}");
    }
}

#[test]
fn a_score_that_is_a_list_is_refused_as_a_list() {
    let place = Place::new(2);
    for (score, said) in [
        ("[1, 0]", "`score`: [1, 0] is a list, and must be one number"),
        ("{\"acc\": 1}", "`score`: {\"acc\": 1} is an object"),
    ] {
        let text = format!("{{\"benchmark\":\"b\",\"source_id\":\"b_0\",\"model\":\"m\",\"score\":{score}}}\n");
        let error = place.error(&[place.write("r.jsonl", text)]);
        assert!(error.contains("r.jsonl:1: ") && error.contains(said), "{error}");
    }
}

#[test]
fn a_task_id_of_a_pool_in_place_of_a_source_id_has_its_own_reason() {
    let place = Place::new(2);
    let line = |id: &str| json!({"benchmark": "b", "source_id": id, "model": "m", "score": 1}).to_string() + "\n";
    let gathered = place.read(&[place.write("r.jsonl", line("b_0") + &line("exp_00012_b") + &line("b_12"))]).unwrap();
    let said = unmapped(&gathered);
    assert!(said[0].contains("b_12") && said[1].starts_with("1 answer under a pool's task_id"), "{said:?}");
    assert!(said[1].contains("give the task's source_id: source_id \"exp_00012_b\""), "{said:?}");
}

// ---- copies, and answers that do not count

#[test]
fn an_answer_to_a_question_with_two_copies_counts_for_both() {
    let place = Place::of_questions(&["same?".to_owned(), "other?".to_owned(), "same?".to_owned()]);
    let log = place.write("m/samples_b.jsonl", harness(&[json!({"question": "same?"})], |_| 1.0));
    let inspect = r#"{"eval": {"task": "b", "model": "m"}, "samples": [{"id": 1, "epoch": 1, "input": "same?", "scores": {"s": {"value": "C"}}}]}"#;
    for input in [log, place.write("m/log.json", inspect)] {
        let found = scores(&place.read(std::slice::from_ref(&input)).unwrap(), "m");
        assert!(found[0] == 1.0 && found[1].is_nan() && found[2] == 1.0, "{input:?}: {found:?}");
    }
}

#[test]
fn samples_that_were_marked_as_invalid_are_left_out_and_counted() {
    let place = Place::new(2);
    let log = r#"{"eval": {"task": "b", "model": "m"}, "invalidated": true, "samples": [
        {"id": 1, "epoch": 1, "input": "what is 0?", "scores": {"s": {"value": "C"}}, "invalidation": null},
        {"id": 2, "epoch": 1, "input": "what is 1?", "scores": {"s": {"value": "C"}}, "invalidation": {"author": "me", "reason": "cheated"}}]}"#;
    let gathered = place.read(&[place.write("log.json", log)]).unwrap();
    assert!(scores(&gathered, "m")[0] == 1.0 && scores(&gathered, "m")[1].is_nan());
    assert_eq!(unmapped(&gathered), ["1 answer that the log marks as invalid: \"what is 1?\""]);
}

#[test]
fn old_logs_of_inspect_have_one_score_a_sample() {
    let place = Place::new(2);
    let log = r#"{"version": 1, "eval": {"task": "b", "model": "m"}, "results": {"scorer": {"name": "match"}}, "samples": [
        {"id": 1, "epoch": 1, "input": "what is 0?", "score": {"value": "C"}},
        {"id": 2, "epoch": 1, "input": "what is 1?", "score": {"value": "I"}}]}"#;
    let input = place.write("log.json", log);
    assert_eq!(scores(&place.read(std::slice::from_ref(&input)).unwrap(), "m"), [1.0, 0.0]);
    let mut catalogue = Catalogue::of(&place.builder.config, &place.path("full"), &[], &Silent).unwrap();
    let of = |metric: &str| ReadOptions { filter: None, metric: Some(metric.to_owned()) };
    assert!(read(std::slice::from_ref(&input), &mut catalogue, &of("match"), &Silent).is_ok());
    let error = read(&[input], &mut catalogue, &of("other"), &Silent).unwrap_err().to_string();
    assert!(error.contains("has no scorer `other`; it has match"), "{error}");
}

#[test]
fn words_for_true_and_false_are_scores_as_inspect_counts_them() {
    let place = Place::new(4);
    let sample = |(row, value): (usize, &str)| {
        format!(r#"{{"id": {row}, "input": "what is {row}?", "scores": {{"s": {{"value": "{value}"}}}}}}"#)
    };
    let samples: Vec<String> = ["yes", "No", "TRUE", "false"].into_iter().enumerate().map(sample).collect();
    let log = format!(r#"{{"eval": {{"task": "b", "model": "m"}}, "samples": [{}]}}"#, samples.join(", "));
    assert_eq!(scores(&place.read(&[place.write("log.json", log)]).unwrap(), "m"), [1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn a_sample_that_two_logs_hold_counts_once() {
    let place = Place::new(3);
    // A run that failed, and its retry, which logs the finished samples again.
    let sample = |row: usize, value: u8| {
        format!(
            r#"{{"id": {row}, "uuid": "u{row}", "input": "what is {row}?", "scores": {{"s": {{"value": {value}}}}}}}"#
        )
    };
    let log = |samples: &[String]| {
        format!(r#"{{"eval": {{"task": "b", "model": "m"}}, "samples": [{}]}}"#, samples.join(", "))
    };
    let first = place.write("first.json", log(&[sample(0, 1), sample(1, 0)]));
    let retry = place.write("retry.json", log(&[sample(0, 1), sample(1, 0), sample(2, 1)]));
    let gathered = place.read(&[first, retry]).unwrap();
    let tries: Vec<u32> = (0..3).flat_map(|row| gathered.benchmarks[0].answers(row)).map(|own| own.tries).collect();
    assert_eq!(tries, [1, 1, 1]);
    assert_eq!(gathered.unmapped[0].answers, 2);
    assert!(gathered.unmapped[0].reason.contains("another log holds too"), "{:?}", gathered.unmapped);
}

#[test]
fn an_old_log_with_several_filters_that_it_does_not_name_is_refused() {
    let place = Place::new(4);
    let unnamed = |score| harness(&docs(4), |_| score).replace("\"filter\":\"none\",", "");
    let (strict, flexible) = (unnamed(0.0), unnamed(1.0));
    assert!(!strict.contains("filter"));
    let error = place.error(&[place.write("org__m/samples_b_2024-06-26T10-00-00.000001.jsonl", strict + &flexible)]);
    assert!(error.contains("has the document 0 a second time and does not name the filter"), "{error}");
}

#[test]
fn one_name_is_not_given_to_the_responses_of_several_models() {
    let place = Place::new(4);
    let file = |name: &str, models: [&str; 2]| {
        let lines = models.map(|model| format!("b,b_1,{model},1\n")).concat();
        let Input::File { path, .. } = place.write(name, "benchmark,source_id,model,score\n".to_owned() + &lines)
        else {
            panic!("a file was written")
        };
        Input::File { path, model: Some("given".to_owned()) }
    };
    let error = place.error(&[file("two.csv", ["one", "two"])]);
    assert!(error.contains("responses of `one` and of `two`, and one name is given for all"), "{error}");
    assert_eq!(place.read(&[file("one.csv", ["one", "one"])]).unwrap().benchmarks[0].models()[0].name, "given");
}

#[test]
fn a_source_id_matches_only_as_a_store_writes_it() {
    let place = Place::new(4);
    let lines = ["b_1", "b_01", "b_+1", "b_1.0"].map(|id| format!("b,{id},m,1\n")).concat();
    let input = place.write("r.csv", "benchmark,source_id,model,score\n".to_owned() + &lines);
    let gathered = place.read(&[input]).unwrap();
    assert_eq!((gathered.benchmarks[0].len(), gathered.unmapped[0].answers), (1, 3));
}

#[test]
fn samples_may_stand_before_the_header_of_a_log() {
    let place = Place::new(1);
    let log = r#"{"samples": [{"id": 1, "input": "what is 0?", "scores": {"s": {"value": 1}}}], "eval": {"task": "b", "model": "m"}}"#;
    assert_eq!(scores(&place.read(&[place.write("log.json", log)]).unwrap(), "m"), [1.0]);
    let error = place.error(&[place.write("none.json", "{\"samples\": []}")]);
    assert!(error.contains("not a valid log of Inspect") && error.contains("it has no `eval`"), "{error}");
}

// ---- size

fn archive(header: &str, samples: &[String]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Zstd);
    let members =
        samples.iter().enumerate().map(|(at, sample)| (format!("samples/{at}_epoch_1.json"), sample.as_str()));
    for (name, text) in std::iter::once(("header.json".to_owned(), header)).chain(members) {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    bytes.into_inner()
}

const HEADER: &str = r#"{"eval": {"task": "b", "model": "m"}}"#;

fn sample_with_events(events: &str) -> String {
    format!(r#"{{"id": 1, "epoch": 1, "input": "what is 0?", "events": "{events}", "scores": {{"s": {{"value": NaN, "x": 1}}}}, "score": null}}"#)
        .replace("NaN", "1.0")
}

#[test]
fn a_member_of_an_archive_that_decompresses_to_far_more_than_real_data_is_refused() {
    let place = Place::new(1);
    let bomb = archive(HEADER, &[sample_with_events(&"a".repeat(200 << 20))]);
    assert!(bomb.len() < 300 << 10, "{}", bomb.len());
    let error = place.error(&[place.write("bomb.eval", bomb)]);
    assert!(error.contains("bomb.eval") && error.contains("more than 500 times its size"), "{error}");
}

#[test]
fn a_long_sample_is_read_as_a_stream() {
    let place = Place::new(1);
    // Varied enough not to be a bomb, with half a character and NaN in it.
    let mut events = String::with_capacity(40 << 20);
    let mut state = 1_u64;
    while events.len() < 33 << 20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        events.push_str(&format!("{:x}\\ud83d", state >> 40));
    }
    let sample = sample_with_events(&events).replace("\"epoch\": 1", "\"epoch\": 1, \"store\": {\"x\": NaN}");
    let gathered = place.read(&[place.write("long.eval", archive(HEADER, std::slice::from_ref(&sample)))]).unwrap();
    assert_eq!(scores(&gathered, "m"), [1.0]);
    let whole = format!(r#"{{"eval": {{"task": "b", "model": "m"}}, "samples": [{sample}]}}"#);
    assert_eq!(scores(&place.read(&[place.write("long.json", whole)]).unwrap(), "m"), [1.0]);
}

/// Asks to stop after it was asked the given number of times.
struct Stops(AtomicUsize);

impl Progress for Stops {
    fn cancelled(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    }
}

#[test]
fn reading_a_log_stops_within_it_when_asked_to() {
    let place = Place::new(1);
    let events = "x".repeat(8 << 20);
    let sample = sample_with_events(&events);
    let samples = vec![sample; 4];
    let whole = format!(r#"{{"eval": {{"task": "b", "model": "m"}}, "samples": [{}]}}"#, samples.join(","));
    let lines: String = (0..1000)
        .map(|_| json!({"doc": {"question": "what is 0?"}, "resps": "y".repeat(4096), "acc": 1}).to_string() + "\n")
        .collect();
    for input in [
        place.write("m/whole.json", whole),
        place.write("m/log.eval", archive(HEADER, &samples)),
        place.write("m/samples_b.jsonl", lines),
    ] {
        // Asked once before the file; the second time within it.
        for times in [1, 3, 5] {
            let stops = Stops(AtomicUsize::new(times));
            let error = place.read_with(std::slice::from_ref(&input), &stops).unwrap_err();
            assert!(matches!(error, EvidenceError::Cancelled), "{input:?} after {times}: {error}");
        }
    }
    assert!(Path::new(&place.path("full")).is_dir());
}
