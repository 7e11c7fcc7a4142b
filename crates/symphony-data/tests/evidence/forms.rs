//! Forms of other programs: rows of Every Eval Ever, lines of py-irt, and wide tables as RouterBench has them.

use serde_json::{Value, json};

use super::{responses::questions, *};

/// What is read of a file with this text.
fn of(place: &Place, name: &str, text: &str) -> Result<Gathered, EvidenceError> {
    place.read(&[place.write(name, text)], &ReadOptions::default())
}

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| value.to_string() + "\n").collect()
}

/// The answers to a benchmark, as (row, model, score).
fn answers(gathered: &Gathered, benchmark: &str) -> Vec<(usize, String, f64)> {
    let of = |responses: &&Responses| responses.benchmark() == benchmark;
    let responses = gathered.benchmarks.iter().find(of).unwrap();
    let name = |model: usize| responses.models()[model].name.clone();
    (0..responses.rows())
        .flat_map(|row| responses.answers(row).map(move |answer| (row, name(answer.model), answer.score)))
        .collect()
}

fn expected(answers: &[(usize, &str, f64)]) -> Vec<(usize, String, f64)> {
    answers.iter().map(|(row, model, score)| (*row, (*model).to_owned(), *score)).collect()
}

/// The reasons and counts of answers that were not mapped.
fn unmapped(gathered: &Gathered) -> Vec<(&str, u64)> {
    gathered.unmapped.iter().map(|unmapped| (unmapped.reason.as_str(), unmapped.answers)).collect()
}

fn text(question: &Value) -> &str {
    question["question"].as_str().unwrap()
}

/// A row of Every Eval Ever.
fn eee(sample: &str, raw: &str, score: impl Into<Value>) -> Value {
    let score: Value = score.into();
    json!({
        "schema_version": "instance_level_eval_0.3.0", "evaluation_id": "gsm8k/org_m/1", "model_id": "org/m",
        "evaluation_name": "gsm8k", "sample_id": sample, "interaction_type": "single_turn",
        "input": {"raw": raw, "reference": ["7"], "choices": null}, "output": {"raw": ["7"]}, "messages": null,
        "answer_attribution": [], "evaluation": {"score": score, "is_correct": score == json!(1.0)},
        "token_usage": {"input_tokens": 40, "output_tokens": 9, "total_tokens": 49},
    })
}

#[test]
fn rows_of_every_eval_ever_are_mapped_by_their_question() {
    let place = Place::new(30);
    let asked = questions(&place, "gsm8k", &[3, 17, 22, 29]);
    let prompt = format!("Q: How many legs have 2 cows in a field?\nA: 8\n\nQ: {}\nA:", text(&asked[1]));
    let rows = [
        // By the question, whatever the number says; by the question in a prompt; by the sample's own name.
        eee("0", text(&asked[0]), json!(1.0)),
        eee("1", &prompt, json!(0.0)),
        eee("gsm8k_22", &format!("{} Think first.", text(&asked[2])), json!(0.5)),
        eee("gsm8k_29", "", json!(1.0)),
        // Another program's sample 5, and a question that no row has.
        eee("gsm8k_5", "What is the answer to everything, and why?", json!(1.0)),
        eee("6", "never asked", json!(1.0)),
        eee("7", text(&asked[0]), Value::Null),
    ];
    let gathered = of(&place, "m_samples.jsonl", &lines(&rows)).unwrap();
    let all = [(3, "org/m", 1.0), (17, "org/m", 0.0), (22, "org/m", 0.5), (29, "org/m", 1.0)];
    assert_eq!(answers(&gathered, "gsm8k"), expected(&all));
    let reasons = [("of the evaluation `gsm8k` to samples that match no row", 2), ("without a score", 1)];
    assert_eq!(unmapped(&gathered), reasons);
    assert!(
        gathered.unmapped[0].to_string().ends_with("\"What is the answer to everything, and why?\", \"never asked\"")
    );
    // The same, compressed, in an array, with a name for the model.
    for (name, bytes) in [
        ("z.jsonl.zst", zstd::encode_all(lines(&rows).as_bytes(), 1).unwrap()),
        ("a.json", Value::from(rows.to_vec()).to_string().into_bytes()),
    ] {
        fs::write(place.path(name), bytes).unwrap();
        let input = Input::File { path: place.path(name), model: Some("mine".to_owned()) };
        let gathered = place.read(&[input], &ReadOptions::default()).unwrap();
        assert_eq!(answers(&gathered, "gsm8k"), expected(&all.map(|(row, _, score)| (row, "mine", score))));
    }
    // Keys that are not known, and values that a newer schema allows.
    let mut newer = eee("1", text(&asked[1]), 0.5);
    newer["evaluation"]["is_correct"] = Value::Null;
    newer["input"]["modality"] = json!("text");
    newer["extra"] = json!({"a": [1]});
    assert_eq!(answers(&of(&place, "n.jsonl", &lines(&[newer])).unwrap(), "gsm8k"), expected(&[(17, "org/m", 0.5)]));
    // `sample_id` may be a number, and `score` may be missing beside `is_correct`.
    let mut bare = eee("", text(&asked[0]), json!(1.0));
    bare["sample_id"] = json!(4);
    bare["evaluation"] = json!({"is_correct": true});
    bare["token_usage"] = Value::Null;
    assert_eq!(answers(&of(&place, "b.jsonl", &lines(&[bare])).unwrap(), "gsm8k"), expected(&[(3, "org/m", 1.0)]));
}

#[test]
fn a_sample_of_several_metrics_or_filters_is_not_taken_for_tries() {
    let place = Place::new(5);
    let asked = questions(&place, "gsm8k", &[2]);
    let with = |key: &str, value: Value, score: f64| {
        let mut row = eee("s", text(&asked[0]), json!(score));
        row[key] = value;
        row
    };
    let metrics = [("exact_match:test", 1.0), ("f1:test", 0.25)];
    let metrics = lines(&metrics.map(|(metric, score)| with("evaluation_result_id", json!(metric), score)));
    let filters = [("strict-match", 0.0), ("flexible-extract", 1.0)];
    let filters = lines(&filters.map(|(filter, score)| with("metadata", json!({"filter": filter}), score)));
    let epochs =
        lines(&[1, 2].map(|epoch| with("metadata", json!({"epoch": epoch.to_string()}), f64::from(epoch - 1))));
    let error = of(&place, "metrics.jsonl", &metrics).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("metrics.jsonl:2: the sample s has rows of several metrics, such as `f1:test`; choose one"),
        "{error}"
    );
    assert_eq!(error.hints(), [Hint::Metric("f1:test".to_owned())]);
    let error = of(&place, "filters.jsonl", &filters).unwrap_err();
    assert_eq!(error.hints(), [Hint::Filter("flexible-extract".to_owned())], "{error}");
    for (name, filter, metric, score) in [
        ("metrics.jsonl", None, Some("exact_match"), 1.0),
        ("metrics.jsonl", None, Some("f1:test"), 0.25),
        ("filters.jsonl", Some("strict-match"), None, 0.0),
        ("filters.jsonl", Some("flexible-extract"), None, 1.0),
    ] {
        let [filter, metric] = [filter, metric].map(|name| name.map(str::to_owned));
        let input = Input::File { path: place.path(name), model: None };
        let gathered = place.read(&[input], &ReadOptions { filter, metric }).unwrap();
        assert_eq!(answers(&gathered, "gsm8k"), expected(&[(2, "org/m", score)]));
    }
    let input = Input::File { path: place.path("metrics.jsonl"), model: None };
    let options = ReadOptions { filter: None, metric: Some("bleu".to_owned()) };
    let error = place.read(&[input], &options).unwrap_err().to_string();
    assert!(error.ends_with("has no row of the chosen metric or filter; it has exact_match:test, f1:test"), "{error}");
    // Epochs are tries.
    let gathered = of(&place, "epochs.jsonl", &epochs).unwrap();
    let answer = gathered.benchmarks[0].answers(2).next().unwrap();
    assert_eq!((answer.score, answer.tries), (0.5, 2));
}

#[test]
fn bad_rows_of_every_eval_ever_are_refused_with_their_line() {
    let place = Place::new(5);
    let asked = questions(&place, "gsm8k", &[2]);
    let good = eee("1", text(&asked[0]), json!(1.0));
    let without = |key: &str| {
        let mut row = good.clone();
        row.as_object_mut().unwrap().remove(key);
        row
    };
    let with = |key: &str, value: Value| {
        let mut row = good.clone();
        row[key] = value;
        row
    };
    for (bad, why) in [
        (
            without("model_id"),
            "has no `model_id`; a row of Every Eval Ever has model_id, sample_id, input.raw and evaluation.score",
        ),
        (without("input"), "has no `input`;"),
        (without("evaluation"), "has no `evaluation`;"),
        (with("evaluation", json!({})), "has no `evaluation.score`;"),
        (
            with("evaluation", json!({"score": "good", "is_correct": true})),
            "`evaluation.score`: \"good\" is not a number",
        ),
        (
            with("evaluation", json!({"score": 73, "is_correct": true})),
            "its score is 73, and must be from 0 (failed) to 1 (solved); divide percentages by 100",
        ),
        (with("evaluation", json!([1])), "not a valid row of Every Eval Ever: "),
        (with("input", json!("text")), "not a valid row of Every Eval Ever: invalid type: string"),
        (with("model_id", json!(3)), "not a valid row of Every Eval Ever: invalid type: integer `3`"),
        (with("model_id", json!(" ")), "the name of its model is empty"),
        (
            with("token_usage", json!({"output_tokens": -1})),
            "`tokens` is -1, and must be a number from 0: how many the model wrote",
        ),
    ] {
        let error = of(&place, "e.jsonl", &lines(&[good.clone(), bad])).unwrap_err().to_string();
        assert!(error.contains("e.jsonl:2: ") && error.contains(why), "{error}");
    }
    let twice = good.to_string().replacen('{', r#"{"model_id":"other","#, 1);
    let error = of(&place, "e.jsonl", &twice).unwrap_err().to_string();
    assert!(error.contains("e.jsonl:1: not a valid response: duplicate field `model_id`"), "{error}");
}

#[test]
fn lines_of_py_irt_name_rows_by_source_id_identity_or_question() {
    let place =
        Place::of("benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=20'}, amc: {path: 'synthetic:amc?rows=20'}}");
    let asked = questions(&place, "gsm8k", &[4]);
    let store = symphony_data::store::Store::open(&place.path("full"), "amc", &Silent).unwrap();
    let identity = store.fetch(&[7]).unwrap()[0].identity.as_str().to_owned();
    let text = json!({"subject_id": "a", "responses": {
        "gsm8k_3": 1, "amc_0": 0, (identity.as_str()): 0.5, (text(&asked[0])): true,
        "gsm8k_20": 1, "other_1": 1, "q1": 1, "0123456789abcdef": 1, "gsm8k_5": null,
    }})
    .to_string()
        + "\n\n"
        // Python writes NaN.
        + r#"{"subject_id": "b", "responses": {"gsm8k_3": 0, "gsm8k_6": NaN}}"#;
    let gathered = of(&place, "p.jsonlines", &text).unwrap();
    assert_eq!(answers(&gathered, "gsm8k"), expected(&[(3, "a", 1.0), (3, "b", 0.0), (4, "a", 1.0)]));
    assert_eq!(answers(&gathered, "amc"), expected(&[(0, "a", 0.0), (7, "a", 0.5)]));
    let folder = place.path("full").display().to_string();
    let reasons = [
        (&*format!("to benchmarks that are not preprocessed in {folder}"), 1),
        ("to items that are no source_id, identity or question of a row", 2),
        ("to rows that gsm8k (20 rows, gsm8k_0 the first) does not have", 1),
        ("without a score", 2),
    ];
    assert_eq!(unmapped(&gathered), reasons);
    for (bad, why) in [
        (r#"{"subject_id": "a"}"#, "has no `responses`; a line of py-irt has subject_id and responses"),
        (r#"{"subject_id": null, "responses": {}, "x": 1}"#, "has no `benchmark`"),
        (r#"{"subject_id": 7, "responses": {}}"#, "not a valid line of py-irt: invalid type: integer `7`"),
        (
            r#"{"subject_id": "a", "responses": ["gsm8k_1"]}"#,
            "not a valid line of py-irt: invalid type: sequence, expected an object",
        ),
        (r#"{"subject_id": "a", "responses": {"gsm8k_1": "yes"}}"#, "item \"gsm8k_1\": \"yes\" is not a number"),
        (
            r#"{"subject_id": "a", "responses": {"gsm8k_1": [1]}}"#,
            "item \"gsm8k_1\": [1] is a list, and must be one number",
        ),
        (r#"{"subject_id": "a", "responses": {"gsm8k_1": 1e9}}"#, "item \"gsm8k_1\": its score is 1000000000"),
        (r#"{"subject_id": "a", "responses": {"gsm8k_1": -0.5}}"#, "item \"gsm8k_1\": its score is -0.5"),
        (r#"{"subject_id": "a", "responses": {"gsm8k_1": 1, "gsm8k_1": 0}}"#, "has the item \"gsm8k_1\" twice"),
        (r#"{"subject_id": "", "responses": {"gsm8k_1": 1}}"#, "the name of its model is empty"),
    ] {
        let error = of(&place, "p.jsonl", bad).unwrap_err().to_string();
        assert!(error.contains("p.jsonl:1: ") && error.contains(why), "{error}");
    }
    // A subject without answers has none, and one name cannot stand for two subjects.
    let nothing = of(&place, "p.jsonl", r#"{"subject_id": "a", "responses": {}}"#).unwrap_err().to_string();
    assert!(nothing.starts_with("there are no responses in p.jsonl"), "{nothing}");
    place.write("two.jsonl", &text);
    let named = Input::File { path: place.path("two.jsonl"), model: Some("m".to_owned()) };
    let error = place.read(&[named], &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("holds responses of `a` and of `b`, and one name is given for all"), "{error}");
}

/// A line of RouterBench's table for two models.
fn routed(sample: usize, prompt: &Value, (a, b): (Value, Value), costs: (f64, f64)) -> Value {
    json!({
        "sample_id": format!("grade-school-math.dev.{sample}"), "prompt": prompt, "eval_name": "grade-school-math",
        "org/a": a, "b": b, "org/a|model_response": "['7']", "b|model_response": "['8']",
        "org/a|total_cost": costs.0, "b|total_cost": costs.1, "oracle_model_to_route_to": "b",
    })
}

/// The lines as CSV, as pandas writes them.
fn csv(rows: &[Value]) -> String {
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
        other => other.to_string(),
    };
    let header: Vec<String> = keys.iter().map(|key| cell(&json!(key))).collect();
    let line = |row: &Value| keys.iter().map(|key| cell(&row[key.as_str()])).collect::<Vec<_>>().join(",") + "\n";
    header.join(",") + "\n" + &rows.iter().map(line).collect::<String>()
}

/// The lines as a batch, with scores as texts, as pandas writes a column of objects.
fn batch(rows: &[Value]) -> RecordBatch {
    let keys = rows[0].as_object().unwrap().keys();
    let column = |key: &String| -> ArrayRef {
        if key.ends_with("|total_cost") {
            return Arc::new(rows.iter().map(|row| row[key].as_f64()).collect::<Float64Array>());
        }
        let text =
            |value: &Value| (!value.is_null()).then(|| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Arc::new(rows.iter().map(|row| text(&row[key])).collect::<StringArray>())
    };
    RecordBatch::try_from_iter_with_nullable(keys.map(|key| (key.clone(), column(key), true))).unwrap()
}

#[test]
fn a_wide_table_has_a_column_for_each_model() {
    let place = Place::new(30);
    let asked = questions(&place, "gsm8k", &[3, 17, 22]);
    let few = "TASK: Solve the problem.\nQuestion: How many legs have 2 cows in a field?\nAnswer: 8\nQuestion: ";
    let python =
        |text: &str| json!(format!("['{}']", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n")));
    let rows = [
        routed(0, &json!(text(&asked[0])), (json!(1.0), json!(0.25)), (0.002, 0.00004)),
        routed(1, &python(&format!("{few}{}\nAnswer:", text(&asked[1]))), (json!(0.0), Value::Null), (0.001, 0.0)),
        // An example of the prompt, and a question of no row.
        routed(
            2,
            &python(&format!("Question: {}\nAnswer: 7\nQuestion: How many?\nAnswer:", text(&asked[2]))),
            (json!(1), json!(1)),
            (0.0, 0.0),
        ),
    ];
    let bytes = {
        let batch = batch(&rows);
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    };
    fs::write(place.path("w.parquet"), bytes).unwrap();
    let inputs = [
        place.write("w.csv", &csv(&rows)),
        place.write("w.jsonl", &lines(&rows)),
        Input::File { path: place.path("w.parquet"), model: None },
        Input::Table(vec![batch(&rows)]),
    ];
    for input in inputs {
        let gathered = place.read(std::slice::from_ref(&input), &ReadOptions::default()).unwrap();
        let all = [(3, "b", 0.25), (3, "org/a", 1.0), (17, "org/a", 0.0)];
        assert_eq!(answers(&gathered, "gsm8k"), expected(&all), "{input:?}");
        let reasons =
            [("of the evaluation `grade-school-math` to questions that match no row", 2), ("without a score", 1)];
        assert_eq!(unmapped(&gathered), reasons);
    }
    // In JSON, the prompt may be a list itself.
    let list = routed(0, &json!(["Be brief.", text(&asked[2])]), (json!(1.0), json!(0.0)), (0.0, 0.0));
    let gathered = of(&place, "l.jsonl", &lines(&[list])).unwrap();
    assert_eq!(answers(&gathered, "gsm8k"), expected(&[(22, "b", 0.0), (22, "org/a", 1.0)]));
    // By source_id or identity, with and without a benchmark; a column of costs is enough to name a model.
    let identity =
        symphony_data::store::Store::open(&place.path("full"), "gsm8k", &Silent).unwrap().fetch(&[5]).unwrap()[0]
            .identity
            .as_str()
            .to_owned();
    let named = format!(
        "benchmark,source_id,identity,m,m|total_cost\ngsm8k,gsm8k_4,,1,\n,gsm8k_6,,0.5,0.1\n,,{identity},0,\ngsm8k,,{identity},1,\n,gsm8k_30,,1,\n,,0123456789abcdef,1,\n"
    );
    let gathered = of(&place, "n.csv", &named).unwrap();
    assert_eq!(answers(&gathered, "gsm8k"), expected(&[(4, "m", 1.0), (5, "m", 0.5), (6, "m", 0.5)]));
    let reasons =
        [("to questions that match no row", 1), ("to rows that gsm8k (30 rows, gsm8k_0 the first) does not have", 1)];
    assert_eq!(unmapped(&gathered), reasons);
    // One name stands for the only model, and not for two.
    let input = |name: &str| Input::File { path: place.path(name), model: Some("mine".to_owned()) };
    let gathered = place.read(&[input("n.csv")], &ReadOptions::default()).unwrap();
    assert_eq!(answers(&gathered, "gsm8k")[0].1, "mine");
    let error = place.read(&[input("w.csv")], &ReadOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("w.csv:2: the file holds responses of `b` and of `org/a`, and one name is given for all"),
        "{error}"
    );
}

#[test]
fn bad_wide_tables_are_refused_with_their_place() {
    let place = Place::new(5);
    for (bad, why) in [
        (
            "source_id,m|total_cost\ngsm8k_1,0.1\n",
            ":2: has a column of answers or costs of `m`, and no column `m` with its scores",
        ),
        ("m,m|total_cost\n1,0.1\n", ":2: has neither a source_id nor an identity nor a prompt"),
        ("source_id,m,m|total_cost\ngsm8k_1,good,0.1\n", ":2: `m`: \"good\" is not a number"),
        ("source_id,m,m|total_cost\ngsm8k_1,1,cheap\n", ":2: `m|total_cost`: \"cheap\" is not a number"),
        (
            "source_id,m,m|total_cost\ngsm8k_1,1,-1\n",
            ":2: `cost` is -1, and must be a number from 0: what the answer cost",
        ),
        ("source_id,m,m|total_cost\ngsm8k_1,1,inf\n", ":2: `cost` is inf, and must be a number from 0"),
        (
            "source_id,m,m|total_cost\ngsm8k_1,1e30,1\n",
            ":2: its score is 1000000000000000000000000000000, and must be from 0",
        ),
        ("source_id,m,m,m|total_cost\ngsm8k_1,1,1,1\n", ":1: the header has two columns `m`; rename one"),
        ("source_id,m\ngsm8k_1,1\n", ":2: has no `benchmark`; a response has "),
    ] {
        let error = of(&place, "w.csv", bad).unwrap_err().to_string();
        assert!(error.contains(&format!("w.csv{why}")), "{error}");
    }
    let line = r#"{"source_id": 3, "m": 1, "m|total_cost": 0}"#;
    let error = of(&place, "w.jsonl", line).unwrap_err().to_string();
    assert!(error.contains("w.jsonl:1: not a valid response: invalid type: integer `3`"), "{error}");
    let error = of(&place, "w.csv", "source_id,m,m|total_cost\n").unwrap_err().to_string();
    assert!(error.starts_with("there are no responses in w.csv"), "{error}");
    // Columns of the wrong type, and rows of a table.
    let texts = |values: &[&str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let numbers = |values: &[f64]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    for (columns, why) in [
        (
            vec![("source_id", numbers(&[1.0])), ("m", numbers(&[1.0])), ("m|total_cost", numbers(&[0.0]))],
            "its column `source_id` is Float64, and must hold texts",
        ),
        (
            vec![
                ("source_id", texts(&["gsm8k_1", "gsm8k_2"])),
                ("m", texts(&["1", "x"])),
                ("m|total_cost", numbers(&[0.0, 0.0])),
            ],
            "row 1 (from 0): `m`: \"x\" is not a number",
        ),
        (
            vec![("source_id", texts(&["gsm8k_1"])), ("m|total_cost", numbers(&[0.0]))],
            "has a column of answers or costs of `m`",
        ),
        (
            vec![("m", numbers(&[1.0])), ("m", numbers(&[1.0])), ("m|total_cost", numbers(&[0.0]))],
            "has two columns `m`; rename one",
        ),
    ] {
        let table = Input::Table(vec![RecordBatch::try_from_iter(columns).unwrap()]);
        let error = place.read(&[table], &ReadOptions::default()).unwrap_err().to_string();
        assert!(error.starts_with("the table of responses: ") && error.contains(why), "{error}");
    }
    let nan = vec![
        ("source_id", texts(&["gsm8k_1", "gsm8k_2"])),
        ("m", numbers(&[f64::NAN, 1.0])),
        ("m|total_cost", numbers(&[0.0, f64::NAN])),
    ];
    let gathered =
        place.read(&[Input::Table(vec![RecordBatch::try_from_iter(nan).unwrap()])], &ReadOptions::default()).unwrap();
    assert_eq!(answers(&gathered, "gsm8k"), expected(&[(2, "m", 1.0)]));
    assert_eq!(unmapped(&gathered), [("without a score", 1)]);
}
