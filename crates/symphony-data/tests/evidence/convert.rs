//! Responses of every form are written in one, and read back as they were.

use serde_json::{Value, json};

use super::{responses::questions, *};

fn written(place: &Place, inputs: &[Input], output: &str) -> Result<Converted, EvidenceError> {
    convert(inputs, &mut place.catalogue(), &ReadOptions::default(), &place.path(output), &Silent)
}

/// All that is known of the responses to a benchmark.
fn content(gathered: &Gathered) -> Vec<(String, Vec<Model>, Vec<Vec<symphony_data::response::Answer>>)> {
    let of = |responses: &Responses| {
        let rows = (0..responses.rows()).map(|row| responses.answers(row).collect()).collect();
        (responses.benchmark().to_owned(), responses.models().to_vec(), rows)
    };
    gathered.benchmarks.iter().map(of).collect()
}

/// Our own form, with all that it may hold.
const OWN: &str = r#"{"benchmark":"gsm8k","source_id":"gsm8k_3","model":"m, \"1\"","family":"f","score":0.1,"tries":10,"cost":0.25,"tokens":12}
{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"b","score":1}
{"benchmark":"gsm8k","source_id":"gsm8k_3","model":"b","score":0}
{"benchmark":"gsm8k","source_id":"gsm8k_3","model":"b","score":1,"cost":0.0000001}
{"benchmark":"gsm8k","source_id":"gsm8k_99","model":"b","score":1}
"#;

#[test]
fn what_is_written_reads_back_the_same() {
    let place = Place::new(12);
    let asked = questions(&place, "gsm8k", &[4, 5]);
    let eee = |row: usize, score: f64| {
        json!({"model_id": "org/e", "evaluation_id": "r", "evaluation_name": "gsm8k", "sample_id": row.to_string(),
            "input": {"raw": asked[row]["question"], "reference": []}, "evaluation": {"score": score, "is_correct": false},
            "token_usage": {"input_tokens": 100, "output_tokens": 30, "total_tokens": 130}})
        .to_string()
            + "\n"
    };
    let usage = json!({"openai/i": {"output_tokens": 21, "total_tokens": 50, "total_cost": 0.5}, "grader": {"output_tokens": 900}});
    let inspect = json!({"eval": {"task": "gsm8k", "model": "openai/i"}, "samples": [
        {"id": 1, "input": asked[0]["question"], "scores": {"match": {"value": "C"}}, "model_usage": usage}]});
    let inputs = [
        place.write("own.jsonl", OWN),
        place.write("e.jsonl", &(eee(0, 0.5) + &eee(1, 0.0))),
        place.write("p.jsonl", r#"{"subject_id": "p", "responses": {"gsm8k_7": 1, "gsm8k_6": 0}}"#),
        place.write("w.csv", "source_id,w,w|total_cost\ngsm8k_0,1,0.002\n"),
        place.write("i.json", &inspect.to_string()),
    ];
    let before = place.read(&inputs, &ReadOptions::default()).unwrap();
    for name in ["out.jsonl", "out.csv", "out.parquet", "out.jsonl.gz", "out.CSV.zst", "deep/er/out.ndjson"] {
        let converted = written(&place, &inputs, name).unwrap();
        let [of] = &converted.benchmarks[..] else { panic!("{converted:?}") };
        // Rows 0, 1, 3, 4, 5, 6 and 7; b's tries at row 3 are lines of their own.
        assert_eq!((of.benchmark.as_str(), of.models, of.rows, of.answers), ("gsm8k", 6, 7, 10), "{name}");
        assert_eq!(converted.unmapped, before.unmapped);
        let read_back = |name: &str| {
            let input = Input::File { path: place.path(name), model: None };
            place.read(&[input], &ReadOptions::default()).unwrap()
        };
        assert_eq!(content(&read_back(name)), content(&before), "{name}");
        assert!(read_back(name).unmapped.is_empty());
        // Once more, from there, in another form.
        let again = [Input::File { path: place.path(name), model: None }];
        written(&place, &again, "again.jsonl").unwrap();
        let lines = fs::read_to_string(place.path("again.jsonl")).unwrap();
        if name != "out.jsonl" {
            assert_eq!(lines, fs::read_to_string(place.path("out.jsonl")).unwrap(), "{name}");
        }
    }
    // The lines are in the order of the inputs, with what each form knows.
    let text = fs::read_to_string(place.path("out.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let known = |line: &Value| {
        ["source_id", "model", "family", "score", "tries", "cost", "tokens"].map(|key| line[key].clone())
    };
    let none = Value::Null;
    let expected = [
        [json!("gsm8k_3"), json!("m, \"1\""), json!("f"), json!(0.1), json!(10), json!(0.25), json!(12.0)],
        [json!("gsm8k_1"), json!("b"), none.clone(), json!(1.0), none.clone(), none.clone(), none.clone()],
        [json!("gsm8k_3"), json!("b"), none.clone(), json!(0.0), none.clone(), none.clone(), none.clone()],
        [json!("gsm8k_3"), json!("b"), none.clone(), json!(1.0), none.clone(), json!(1e-7), none.clone()],
        [json!("gsm8k_4"), json!("org/e"), none.clone(), json!(0.5), none.clone(), none.clone(), json!(30.0)],
        [json!("gsm8k_5"), json!("org/e"), none.clone(), json!(0.0), none.clone(), none.clone(), json!(30.0)],
        [json!("gsm8k_7"), json!("p"), none.clone(), json!(1.0), none.clone(), none.clone(), none.clone()],
        [json!("gsm8k_6"), json!("p"), none.clone(), json!(0.0), none.clone(), none.clone(), none.clone()],
        [json!("gsm8k_0"), json!("w"), none.clone(), json!(1.0), none.clone(), json!(0.002), none.clone()],
        [json!("gsm8k_4"), json!("openai/i"), none.clone(), json!(1.0), none.clone(), json!(0.5), json!(21.0)],
    ];
    assert_eq!(lines.iter().map(known).collect::<Vec<_>>(), expected);
    assert!(lines.iter().all(|line| line["identity"].as_str().is_some_and(|identity| identity.len() == 16)));
    let header = fs::read_to_string(place.path("out.csv")).unwrap();
    assert!(
        header.starts_with("benchmark,source_id,identity,model,family,score,tries,cost,tokens\ngsm8k,gsm8k_3,"),
        "{header}"
    );
    // Nothing unfinished stays.
    let names = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
}

#[test]
fn validation_finds_the_same_in_what_was_written() {
    let place = Place::new(60);
    written(&place, &[table(&graded())], "out.parquet").unwrap();
    let report = |input: Input| {
        let mut catalogue = place.catalogue();
        let gathered = read(&[input], &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
        let config = &place.builder.config;
        let report = validate(gathered, &mut [], &mut catalogue, config, &ScoredBy::default(), &Silent).unwrap();
        serde_json::to_value(&report.validations).unwrap()
    };
    let file = Input::File { path: place.path("out.parquet"), model: None };
    assert_eq!(report(file), report(table(&graded())));
}

#[test]
fn an_answer_to_copies_of_a_task_stays_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let rows = ["Add 1 and 1.", "Add 2 and 2.", "Add 1 and 1."]
        .map(|question| json!({"question": question}).to_string() + "\n");
    fs::write(folder.path().join("rows.jsonl"), rows.concat()).unwrap();
    let rule = json!({"features": {"n": {"words": "question"}}, "score": [{"feature": "n", "normalize": "p95"}]});
    let path = format!("file:{}", folder.path().join("rows.jsonl").display());
    let place = Place::of(
        &json!({"benchmarks": {"quiz": {"path": path, "identity": ["question"], "difficulty": rule}}}).to_string(),
    );
    let text = json!({"subject_id": "m", "responses": {"Add 1 and 1.": 1, "quiz_1": 0}}).to_string();
    let inputs = [place.write("p.jsonl", &text)];
    let converted = written(&place, &inputs, "out.csv").unwrap();
    assert_eq!((converted.benchmarks[0].rows, converted.benchmarks[0].answers), (3, 2));
    let csv = fs::read_to_string(place.path("out.csv")).unwrap();
    let second: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
    // Its identity stands for both copies.
    assert_eq!((second[1], second[2].len()), ("", 16), "{csv}");
    let out = [Input::File { path: place.path("out.csv"), model: None }];
    let read = |inputs: &[Input]| content(&place.read(inputs, &ReadOptions::default()).unwrap());
    assert_eq!(read(&out), read(&inputs));
}

#[test]
fn bad_amounts_are_refused_in_every_form_of_ours() {
    let place = Place::new(5);
    for (key, value, why) in [
        ("cost", "-0.5", "`cost` is -0.5, and must be a number from 0: what the answer cost"),
        ("cost", "inf", "`cost` is inf, and must be a number from 0: what the answer cost"),
        ("cost", "two", "`cost`: \"two\" is not a number"),
        ("tokens", "-3", "`tokens` is -3, and must be a number from 0: how many the model wrote"),
        ("tokens", "many", "`tokens`: \"many\" is not a number"),
    ] {
        let csv = format!("benchmark,source_id,model,score,{key}\ngsm8k,gsm8k_1,m,1,{value}\n");
        let line = format!(r#"{{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"m","score":1,"{key}":"{value}"}}"#);
        for input in [place.write("r.csv", &csv), place.write("r.jsonl", &line)] {
            let error = place.read(&[input], &ReadOptions::default()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let Ok(value) = value.parse::<f64>() else { continue };
        let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let number = |number: f64| Arc::new(Float64Array::from(vec![number])) as ArrayRef;
        let columns = [
            ("benchmark", text("gsm8k")),
            ("source_id", text("gsm8k_1")),
            ("model", text("m")),
            ("score", number(1.0)),
            (key, number(value)),
        ];
        let input = Input::Table(vec![RecordBatch::try_from_iter(columns).unwrap()]);
        let error = place.read(&[input], &ReadOptions::default()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    // An empty cell, NaN and null are no amount.
    let csv = "benchmark,source_id,model,score,cost,tokens\ngsm8k,gsm8k_1,m,1,,nan\n";
    written(&place, &[place.write("r.csv", csv)], "out.jsonl").unwrap();
    let out = fs::read_to_string(place.path("out.jsonl")).unwrap();
    assert!(out.ends_with(",\"model\":\"m\",\"score\":1.0}\n"), "{out}");
}

#[test]
fn nothing_is_written_over_an_input_or_by_halves() {
    let place = Place::new(5);
    let own = place.write("own.jsonl", OWN);
    let fails = |inputs: &[Input], output: &str| written(&place, inputs, output).unwrap_err().to_string();
    let other_way = fails(std::slice::from_ref(&own), "full/../own.jsonl");
    assert!(
        other_way.ends_with("own.jsonl is one of the inputs, and is not replaced; name another file for the output"),
        "{other_way}"
    );
    assert_eq!(fs::read_to_string(place.path("own.jsonl")).unwrap(), OWN);
    for name in ["out", "out.txt", "out.json", "out.tsv", "out.arrow", "out.parquet.gz", "out.gz"] {
        let error = fails(std::slice::from_ref(&own), name);
        assert!(error.contains("end it in .jsonl, .csv (each also .gz or .zst) or .parquet"), "{error}");
        assert!(!place.path(name).exists());
    }
    fs::create_dir(place.path("folder.jsonl")).unwrap();
    let folder = fails(std::slice::from_ref(&own), "folder.jsonl");
    assert!(
        folder.contains("folder.jsonl: cannot write this file: ") && folder.contains("there is a folder"),
        "{folder}"
    );
    // The old file stays where the new one fails: at a bad line, at nothing to write, and when the caller stops.
    fs::write(place.path("kept.jsonl"), "old").unwrap();
    let bad = place.write("bad.jsonl", &(OWN.to_owned() + "{}\n"));
    assert!(fails(&[bad], "kept.jsonl").contains("bad.jsonl:6: has no `benchmark`"));
    let nothing = place.write("none.jsonl", OWN.lines().last().unwrap());
    assert!(fails(&[nothing], "kept.jsonl").starts_with("no response could be mapped to a row"));
    for question in 0..20 {
        let stopped = convert(
            std::slice::from_ref(&own),
            &mut place.catalogue(),
            &ReadOptions::default(),
            &place.path("kept.jsonl"),
            &StopAt::new(question),
        );
        match stopped {
            Err(error) => assert!(matches!(error, EvidenceError::Cancelled), "{error}"),
            Ok(_) => break,
        }
        assert_eq!(fs::read_to_string(place.path("kept.jsonl")).unwrap(), "old", "{question}");
    }
    let names: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{names:?}");
    // The folder of the stores is as good as any other.
    written(&place, &[own], "full/kept.jsonl").unwrap();
}
