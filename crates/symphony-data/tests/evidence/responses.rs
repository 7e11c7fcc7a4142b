//! Responses of every form are read and mapped to rows.

use super::*;

#[test]
fn tries_are_averaged_and_counted() {
    let place = Place::new(10);
    let lines = [(1, 0.0), (1, 1.0), (1, 1.0), (2, 1.0)];
    let text: String = lines
        .map(|(row, score)| {
            format!(r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"a","score":{score}}}"#) + "\n"
        })
        .concat();
    let gathered = place.read(&[place.write("r.jsonl", &text)], &ReadOptions::default()).unwrap();
    let answer = gathered.benchmarks[0].answers(1).next().unwrap();
    assert_eq!((answer.score, answer.tries), (2.0 / 3.0, 3));
    // Three tries of one model at one row share half of their information: 3 / (1 + 2·½).
    assert_eq!(gathered.benchmarks[0].len(), 2);
}

#[test]
fn the_same_answers_come_from_every_form() {
    let place = Place::new(20);
    let lines: String = (0..20)
        .map(|row| {
            format!(r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"a","score":{}}}"#, row % 2) + "\n"
        })
        .collect();
    let csv = String::from("benchmark,source_id,model,score,family\n")
        + &(0..20).map(|row| format!("gsm8k,gsm8k_{row},a,{},f\n", row % 2)).collect::<String>();
    let array = format!("[{}]", lines.trim_end().replace('\n', ","));
    let inputs = [place.write("r.jsonl", &lines), place.write("r.csv", &csv), place.write("r.json", &array)];
    let answers: Vec<(usize, usize, f64)> = (0..20).map(|row| (row, 0, (row % 2) as f64)).collect();
    for input in inputs.into_iter().chain([table(&answers)]) {
        let gathered = place.read(std::slice::from_ref(&input), &ReadOptions::default()).unwrap();
        let scores = gathered.benchmarks[0].scores_of(0);
        assert!(scores.iter().enumerate().all(|(row, score)| *score == (row % 2) as f64), "{input:?}: {scores:?}");
    }
}

#[test]
fn responses_are_read_in_the_format_that_their_bytes_show_or_refused() {
    let place = Place::new(20);
    let line =
        |row: usize| format!(r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"a","score":1}}"#) + "\n";
    let lines: String = (0..20).map(line).collect();
    let array = format!("[{}]", lines.trim_end().replace('\n', ","));
    let table = |separator: &str| {
        let rows = (0..20).map(|row| format!("gsm8k,gsm8k_{row},a,1\n"));
        rows.fold("benchmark,source_id,model,score\n".to_owned(), |all, row| all + &row).replace(',', separator)
    };
    let zst = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    let file = |name: &str, content: &[u8]| {
        fs::write(place.path(name), content).unwrap();
        place.read(&[Input::File { path: place.path(name), model: None }], &ReadOptions::default())
    };
    for (name, content) in [
        ("a.jsonl", &zst[..]),
        ("a.JSONL.gz", lines.as_bytes()),
        ("a.json", lines.as_bytes()),
        ("a.Json", array.as_bytes()),
        ("a.jsonl", array.as_bytes()),
        ("a.tsv", table("\t").as_bytes()),
        ("a.csv", table(";").as_bytes()),
        ("a.CSV", table(",").as_bytes()),
    ] {
        let gathered = file(name, content).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(gathered.benchmarks[0].len(), 20, "{name}");
    }
    let utf16: Vec<u8> = lines.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let open = table(",").replace("gsm8k_10,a", "gsm8k_10,\"a");
    let twice = array.replacen("},{", "},,{", 1);
    for (name, content, expected) in [
        ("b.csv", open.as_bytes(), "b.csv:12: the file ends inside quotes that open on line 12"),
        ("b.json", twice.as_bytes(), "b.json:1: not JSON: expected a value (column 68)"),
        ("b.jsonl", &utf16, "b.jsonl: this file is text in UTF-16LE; convert it to UTF-8"),
        ("b.csv", b"<!doctype html><p>Log in", "b.csv: this is a web page, not data"),
        (
            "b.jsonl",
            b"{\n  \"answers\": [\n    {}\n  ]\n}",
            "b.jsonl: this file is one object; write responses as an array",
        ),
    ] {
        let error = file(name, content).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn answers_that_match_no_row_are_counted_with_examples() {
    let place = Place::new(5);
    let line = |benchmark: &str, id: &str| {
        format!(r#"{{"benchmark":"{benchmark}","source_id":"{id}","model":"a","score":1}}"#) + "\n"
    };
    let text = [
        line("gsm8k", "gsm8k_1"),
        line("gsm8k", "gsm8k_5"),
        line("other", "other_1"),
        line("other", "other_2"),
        line("gsm8k", "bbh_1"),
    ];
    let gathered = place.read(&[place.write("r.jsonl", &text.concat())], &ReadOptions::default()).unwrap();
    assert_eq!(gathered.benchmarks[0].len(), 1);
    let said: Vec<String> = gathered.unmapped.iter().map(ToString::to_string).collect();
    assert_eq!(
        said[0],
        "2 answers to benchmarks that are not preprocessed in ".to_owned()
            + &place.path("full").display().to_string()
            + ": benchmark \"other\""
    );
    assert_eq!(
        said[1],
        "2 answers to rows that gsm8k (5 rows, gsm8k_0 the first) does not have: source_id \"gsm8k_5\", source_id \"bbh_1\""
    );
    // Each example appears once, and there are at most three.
    let text: String =
        [6, 6, 7, 8, 9].map(|row| line("gsm8k", &format!("gsm8k_{row}"))).concat() + &line("gsm8k", "gsm8k_1");
    let gathered = place.read(&[place.write("more.jsonl", &text)], &ReadOptions::default()).unwrap();
    let said = gathered.unmapped[0].to_string();
    assert!(said.ends_with("source_id \"gsm8k_6\", source_id \"gsm8k_7\", source_id \"gsm8k_8\", …"), "{said}");
    let nothing = place.read(&[place.write("n.jsonl", &line("other", "x_1"))], &ReadOptions::default()).unwrap_err();
    assert!(nothing.to_string().starts_with("no response could be mapped to a row\n  1 answer to"), "{nothing}");
    let empty = place.read(&[place.write("e.jsonl", "")], &ReadOptions::default()).unwrap_err().to_string();
    assert!(empty.starts_with("there are no responses in e.jsonl; a response has benchmark,"), "{empty}");
    let error =
        |text: &str| place.read(&[place.write("w.csv", text)], &ReadOptions::default()).unwrap_err().to_string();
    let renamed = error("benchmark,source_id,model,accuracy\ngsm8k,gsm8k_0,a,1\n");
    assert!(renamed.ends_with("w.csv:2: has no `score`; a response has benchmark, source_id (or identity), model, score, and this has benchmark, source_id, model, accuracy"), "{renamed}");
    let percent = error("benchmark,source_id,model,score\ngsm8k,gsm8k_0,a,85%\n");
    assert!(percent.ends_with("w.csv:2: `score`: \"85%\" is not a number"), "{percent}");
}

#[test]
fn a_file_that_is_given_twice_and_two_columns_of_one_name_are_refused() {
    let place = Place::new(3);
    let answers = place.write("answers.csv", "benchmark,source_id,model,score\ngsm8k,gsm8k_0,m,1\n");
    let Input::File { path, .. } = &answers else { panic!("it is a file") };
    let other_way = path.parent().unwrap().join("full/../answers.csv");
    let again = Input::File { path: other_way, model: Some("n".to_owned()) };
    let message = place.read(&[answers, again], &ReadOptions::default()).unwrap_err().to_string();
    assert!(
        message.ends_with("answers.csv is given twice, so its answers would count as two tries; give each file once"),
        "{message}"
    );

    let texts = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let score = |score: f64| Arc::new(Float64Array::from(vec![score])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("benchmark", texts("gsm8k")),
        ("source_id", texts("gsm8k_0")),
        ("model", texts("m")),
        ("score", score(1.0)),
        ("score", score(0.0)),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    fs::write(place.path("answers.parquet"), bytes).unwrap();
    let file = Input::File { path: place.path("answers.parquet"), model: None };
    for input in [Input::Table(vec![batch]), file] {
        let message = place.read(&[input], &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains("has two columns `score`; rename one"), "{message}");
    }
}

#[test]
fn bad_responses_are_refused_with_their_line() {
    let place = Place::new(5);
    let good = r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"a","score":1}"#;
    for (bad, why) in [
        (r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"a","score":73}"#, "divide percentages by 100"),
        (r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","score":1}"#, "has no `model`"),
        (r#"{"benchmark":"gsm8k","model":"a","score":1}"#, "has no `source_id`"),
        (r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"a","score":1"#, "not a valid response"),
        (r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"a","score":"good"}"#, "\"good\" is not a number"),
    ] {
        let error =
            place.read(&[place.write("r.jsonl", &format!("{good}\n{bad}\n"))], &ReadOptions::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("r.jsonl:2: ") && text.contains(why), "{text}");
    }
}

/// Some questions of the store, by row.
pub(super) fn questions(place: &Place, benchmark: &str, rows: &[u32]) -> Vec<serde_json::Value> {
    let store = symphony_data::store::Store::open(&place.path("full"), benchmark, &Silent).unwrap();
    store.fetch(rows).unwrap().iter().map(|task| serde_json::from_str(task.raw_data.get()).unwrap()).collect()
}

#[test]
fn a_line_of_the_harness_is_mapped_to_the_row_with_its_text() {
    let place = Place::new(30);
    let rows = [17, 3, 22];
    let mut sorted = rows;
    sorted.sort_unstable();
    let docs = questions(&place, "gsm8k", &sorted);
    let mut text = String::new();
    for (doc_id, row) in rows.iter().enumerate() {
        let doc = &docs[sorted.iter().position(|sorted| sorted == row).unwrap()];
        for (filter, score) in [("strict-match", 0.0), ("flexible-extract", 1.0)] {
            let line = serde_json::json!({"doc_id": doc_id, "doc": doc, "filter": filter, "metrics": ["exact_match"], "exact_match": score});
            text += &(line.to_string() + "\n");
        }
    }
    text += &(serde_json::json!({"doc_id": 9, "doc": {"question": "never asked"}, "filter": "strict-match", "metrics": ["exact_match"], "exact_match": 1.0}).to_string() + "\n");
    fs::create_dir(place.path("org__model-7b")).unwrap();
    let input = place.write("org__model-7b/samples_gsm8k_2026-01-01.jsonl", &text);
    let several = place.read(std::slice::from_ref(&input), &ReadOptions::default()).unwrap_err();
    assert_eq!(several.hints(), [Hint::Filter("flexible-extract".to_owned())], "{several}");
    let options = ReadOptions { filter: Some("flexible-extract".to_owned()), metric: None };
    let gathered = place.read(std::slice::from_ref(&input), &options).unwrap();
    let responses = &gathered.benchmarks[0];
    assert_eq!(responses.models()[0].name, "org/model-7b");
    for row in 0..30 {
        let answered = responses.answers(row).map(|answer| answer.score).collect::<Vec<_>>();
        assert_eq!(answered, if rows.contains(&(row as u32)) { vec![1.0] } else { vec![] }, "{row}");
    }
    let strict = ReadOptions { filter: Some("strict-match".to_owned()), metric: None };
    let gathered = place.read(&[input], &strict).unwrap();
    assert_eq!(
        gathered.unmapped[0].to_string(),
        "1 answer of the log `gsm8k_2026-01-01` to documents that match no row: \"never asked\""
    );
}

#[test]
fn the_harness_counts_bbh_by_subtask() {
    let place = Place::of("benchmarks: {bbh: {path: 'synthetic:bbh?rows=400'}}");
    let store = symphony_data::store::Store::open(&place.path("full"), "bbh", &Silent).unwrap();
    let rows: Vec<u32> = (0..400).collect();
    let tasks = store.fetch(&rows).unwrap();
    let navigate: Vec<(usize, serde_json::Value)> = tasks
        .iter()
        .map(|task| serde_json::from_str::<serde_json::Value>(task.raw_data.get()).unwrap())
        .enumerate()
        .filter(|(_, raw)| raw["task_name"] == "navigate")
        .collect();
    let text: String = navigate
        .iter()
        .enumerate()
        .map(|(doc_id, (_, raw))| {
            let doc = serde_json::json!({"input": raw["input"], "target": raw["target"]});
            serde_json::json!({"doc_id": doc_id, "doc": doc, "exact_match": 1.0}).to_string() + "\n"
        })
        .collect();
    let path = place.path("samples_bbh_cot_fewshot_navigate_2026.jsonl");
    fs::write(&path, text).unwrap();
    let input = Input::File { path, model: Some("m".to_owned()) };
    let gathered = place.read(&[input], &ReadOptions::default()).unwrap();
    let answered: Vec<usize> = (0..400).filter(|row| gathered.benchmarks[0].answers(*row).len() > 0).collect();
    let all: Vec<usize> = navigate.iter().map(|(row, _)| *row).collect();
    assert!(!answered.is_empty() && answered.iter().all(|row| all.contains(row)), "{answered:?}");
    assert_eq!(answered.len() as u64 + gathered.unmapped.iter().map(|u| u.answers).sum::<u64>(), all.len() as u64);
}

#[test]
fn a_log_of_inspect_is_read_with_any_compression() {
    let place = Place::new(10);
    let docs = questions(&place, "gsm8k", &[2, 5]);
    let sample = |doc: &serde_json::Value, epoch: u32, value: &str| serde_json::json!({"id": epoch, "epoch": epoch, "input": doc["question"], "target": "", "scores": {"match": {"value": value}}});
    let samples = [(&docs[0], 1, "C"), (&docs[0], 2, "I"), (&docs[1], 1, "C")];
    let header = serde_json::json!({"version": 2, "eval": {"task": "gsm8k", "model": "openai/gpt-x"}});
    let mut whole = header.clone();
    whole["samples"] = samples.iter().map(|(doc, epoch, value)| sample(doc, *epoch, value)).collect();
    let mut inputs = vec![place.write("log.json", &whole.to_string())];
    for (name, method) in
        [("deflated.eval", zip::CompressionMethod::Deflated), ("zstd.eval", zip::CompressionMethod::Zstd)]
    {
        let mut zip = zip::ZipWriter::new(fs::File::create(place.path(name)).unwrap());
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        let mut put = |member: String, value: &serde_json::Value| {
            zip.start_file(member, options).unwrap();
            zip.write_all(value.to_string().as_bytes()).unwrap();
        };
        put("header.json".to_owned(), &header);
        for (at, (doc, epoch, value)) in samples.iter().enumerate() {
            put(format!("samples/{at}_epoch_{epoch}.json"), &sample(doc, *epoch, value));
        }
        zip.finish().unwrap();
        inputs.push(Input::File { path: place.path(name), model: None });
    }
    for input in inputs {
        let gathered = place.read(std::slice::from_ref(&input), &ReadOptions::default()).unwrap();
        let responses = &gathered.benchmarks[0];
        assert_eq!(responses.models()[0].name, "openai/gpt-x");
        // Two epochs are two tries.
        let first = responses.answers(2).next().unwrap();
        assert_eq!((first.score, first.tries, responses.answers(5).next().unwrap().score), (0.5, 2, 1.0), "{input:?}");
    }
    fs::write(place.path("cut.eval"), &fs::read(place.path("zstd.eval")).unwrap()[..200]).unwrap();
    let cut = Input::File { path: place.path("cut.eval"), model: None };
    let error = place.read(&[cut], &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("not a complete .eval file"), "{error}");
}

#[test]
fn answers_to_benchmarks_that_were_not_selected_have_their_own_reason() {
    let place = Place::of(
        "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=60'}, humaneval: {path: 'synthetic:humaneval?rows=60'}}",
    );
    let of = |only: &str| Catalogue::of(&place.builder.config, &place.path("full"), &[only.to_owned()], &Silent);
    let error = read(&[table(&graded())], &mut of("humaneval").unwrap(), &ReadOptions::default(), &Silent).unwrap_err();
    assert!(error.to_string().contains("answers to benchmarks that were not selected: benchmark \"gsm8k\""), "{error}");
    let error = of("gsm8kk").err().unwrap().to_string();
    assert!(error.starts_with("gsm8kk: no such benchmark is configured;"), "{error}");
    assert!(error.ends_with(" has gsm8k, humaneval"), "{error}");
    // A missing score counts as missing in every spelling.
    let text = "benchmark,source_id,model,score\n".to_owned()
        + &["", "nan", "NA", "null", "1"].map(|score| format!("gsm8k,gsm8k_0,a,{score}\n")).concat();
    let gathered = place.read(&[place.write("r.csv", &text)], &ReadOptions::default()).unwrap();
    assert_eq!((gathered.benchmarks[0].len(), gathered.unmapped[0].answers), (1, 4));
}
