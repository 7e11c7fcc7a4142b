//! Responses of every form are matched to the tasks of a pool, without a preprocessed benchmark.

use std::{fs, path::Path};

use serde_json::json;
use symphony_data::{
    evidence::EvidenceError, preprocess::PreprocessOptions, request::RequestSpec, results::AnsweredPool,
};

use super::*;

/// A folder with a pool of 20 generated rows of gsm8k. The store is gone.
fn drawn() -> (tempfile::TempDir, AnsweredPool) {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    builder().preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
    let request = RequestSpec { benchmarks: vec!["gsm8k".into()], n_total_tasks: 20, ..RequestSpec::default() };
    let stream = builder().build_task_stream(&request, &full).unwrap();
    builder().save_task_pool(&stream, &folder.path().join("pool/task_pool.jsonl")).unwrap();
    fs::remove_dir_all(&full).unwrap();
    let pool = AnsweredPool::read(&folder.path().join("pool")).unwrap();
    (folder, pool)
}

fn file(folder: &Path, name: &str, text: &str) -> Input {
    fs::write(folder.join(name), text).unwrap();
    Input::File { path: folder.join(name), model: Some("m".to_owned()) }
}

/// A row's question.
fn question(task: &Task) -> String {
    let row: serde_json::Value = serde_json::from_str(task.raw_data.get()).unwrap();
    row["question"].as_str().unwrap().to_owned()
}

#[test]
fn responses_by_id_by_text_and_with_the_ids_of_an_export_are_matched() {
    let (folder, pool) = drawn();
    let solved = |at: usize| u8::from(at.is_multiple_of(4));
    let lines = |line: &dyn Fn(usize, &Task) -> serde_json::Value| -> String {
        pool.tasks.iter().enumerate().map(|(at, task)| line(at, task).to_string() + "\n").collect()
    };
    let by_source = lines(
        &|at, task| json!({"benchmark": "gsm8k", "source_id": task.source_id, "model": "x", "score": solved(at)}),
    );
    let by_identity =
        lines(&|at, task| json!({"benchmark": "gsm8k", "identity": task.identity, "model": "x", "score": solved(at)}));
    let of_harness = lines(&|at, task| {
        json!({"doc_id": at, "doc": {"question": question(task)}, "target": "1", "filter": "none", "exact_match": solved(at),
            "metrics": ["exact_match"], "resps": [["1"]], "filtered_resps": ["1"]})
    });
    let exported = lines(&|at, task| {
        let ids = json!({"task_id": task.task_id, "benchmark": "gsm8k", "source_id": task.source_id, "identity": task.identity});
        json!({"doc_id": at, "doc": {"prompt": "none of the texts", "symphony": ids}, "target": "1", "filter": "none",
            "exact_match": solved(at), "metrics": ["exact_match"], "resps": [["1"]], "filtered_resps": ["1"]})
    });
    let items: serde_json::Map<String, serde_json::Value> =
        pool.tasks.iter().enumerate().map(|(at, task)| (question(task), solved(at).into())).collect();
    let py_irt = json!({"subject_id": "x", "responses": items}).to_string();
    let wide: String = "sample_id,prompt,eval_name,m,m|model_response\n".to_owned()
        + &pool
            .tasks
            .iter()
            .enumerate()
            .map(|(at, task)| {
                let prompt = json!([question(task)]).to_string().replace('"', "\"\"");
                format!("{at},\"{prompt}\",gsm8k,{},some text\n", solved(at))
            })
            .collect::<String>();
    let ids = |task: &Task| json!({"symphony": {"task_id": task.task_id, "benchmark": "gsm8k", "source_id": task.source_id, "identity": task.identity}});
    let samples: Vec<serde_json::Value> = pool
        .tasks
        .iter()
        .enumerate()
        .map(|(at, task)| {
            let value = if solved(at) == 1 { "C" } else { "I" };
            json!({"id": task.task_id, "epoch": 1, "input": "?", "target": "1", "metadata": ids(task),
                "scores": {"pool_scorer": {"value": value, "answer": "1"}}})
        })
        .collect();
    let inspect = json!({
        "version": 2, "status": "success",
        "eval": {"task": "exp", "model": "m", "created": "2026-01-01T10:00:00+00:00"}, "samples": samples,
    });
    let evalscope = lines(&|at, task| {
        json!({"index": at, "target": ["1"], "messages": [{"content": question(task), "role": "user"}],
            "sample_score": {"score": {"value": {"acc": solved(at)}, "main_score_name": "acc"}, "sample_id": at,
                "group_id": at, "generation_index": 0, "sample_metadata": ids(task)}})
    });
    for (name, text) in [
        ("exp.json", inspect.to_string()),
        ("reviews_of_m.jsonl", evalscope),
        ("source.jsonl", by_source),
        ("identity.jsonl", by_identity),
        ("samples_gsm8k_2026-01-01T00-00-00.jsonl", of_harness),
        ("samples_pool_2026-01-01T00-00-00.jsonl", exported),
        ("irt.jsonl", py_irt),
        ("wide.csv", wide),
    ] {
        let found = results(&pool, file(folder.path(), name, &text));
        let own = found.models[0].accuracy;
        assert_eq!((own.n_tasks, own.unanswered, own.accuracy), (20, 0, Some(0.25)), "{name}");
        assert_eq!((found.outside, found.unmapped.len()), (0, 0), "{name}: {:?}", found.unmapped);
    }
}

#[test]
fn answers_outside_of_the_pool_are_counted_and_nothing_else() {
    let (folder, pool) = drawn();
    let inside = pool.tasks[0].source_id.clone().unwrap();
    let answer = |benchmark: &str, id: &str| json!({"benchmark": benchmark, "source_id": id, "model": "m", "score": 1});
    let other = json!({"doc_id": 0, "doc": {"question": "A question of another benchmark?"}, "target": "1", "filter": "none",
        "exact_match": 1, "metrics": ["exact_match"], "resps": [["1"]], "filtered_resps": ["1"]});
    let text = [answer("gsm8k", inside.as_str()), answer("gsm8k", "gsm8k_9999"), answer("mmlu", "mmlu_1")];
    let text: String = text.iter().map(|line| line.to_string() + "\n").collect();
    let inputs = [
        file(folder.path(), "a.jsonl", &text),
        file(folder.path(), "samples_x_2026-01-01T00-00-00.jsonl", &(other.to_string() + "\n")),
    ];
    let found = builder().results(&pool, &inputs, &ResultsOptions::default()).unwrap();
    assert_eq!((found.outside, found.unmapped.len(), found.models[0].accuracy.n_tasks), (3, 0, 1));

    // Only if no answer fits is it an error.
    let none = file(folder.path(), "none.jsonl", &answer("gsm8k", "gsm8k_9999").to_string());
    let error = error(&pool, none, &ResultsOptions::default());
    assert!(matches!(error, Error::Evidence(EvidenceError::NothingMapped { .. })), "{error}");
    assert!(error.to_string().contains("1 answer to tasks outside of the pool: source_id \"gsm8k_9999\""), "{error}");
}

#[test]
fn a_pool_without_ids_is_refused_with_the_way_out() {
    let mut pool = repeated(&[1, 1]);
    pool.tasks[1].source_id = None;
    pool.tasks[1].identity = None;
    let message = error(&pool, graded(&[("m", &[1.0])]), &ResultsOptions::default()).to_string();
    assert_eq!(
        message,
        "pool: exp_00001_b: it has no source_id and identity, as in pools of the Python program; draw the pool again by the \
         same request and seed, which gives the same tasks with ids"
    );
    for (source_id, identity, what) in [
        ("c_1", "00112233445566aa", "its source_id \"c_1\" is not b_ and a row number"),
        ("b_01", "00112233445566aa", "its source_id \"b_01\" is not b_ and a row number"),
        ("b_1", "+0112233445566aa", "does not have 16 hex digits"),
        ("b_0", "00112233445566aa", "its source_id is that of exp_00000_b, and its identity is another"),
    ] {
        pool.tasks[1].source_id = Some(Text::from(source_id.to_owned()));
        pool.tasks[1].identity = Some(Text::from(identity.to_owned()));
        let message = error(&pool, graded(&[("m", &[1.0])]), &ResultsOptions::default()).to_string();
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn a_missing_or_empty_pool_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| AnsweredPool::read(&folder.path().join(name)).unwrap_err().to_string();
    fs::write(folder.path().join("task_pool.jsonl"), "\n").unwrap();
    assert!(read("").contains("this pool has no tasks"), "{}", read(""));
    assert!(read("none").contains("none"), "{}", read("none"));
}

#[test]
fn a_large_file_is_read_like_a_small_one_and_a_fault_in_it_has_its_line() {
    // Files of a megabyte and more are read by two threads.
    let folder = tempfile::tempdir().unwrap();
    let pool = repeated(&[1; 200]);
    let line = |model: usize, row: usize, score: &str| format!("b,b_{row},model-{model:04},{score}\n");
    let header = "benchmark,source_id,model,score\n";
    let body: String = (0..400)
        .flat_map(|model| (0..200).map(move |row| line(model, row, if (model + row) % 3 == 0 { "1" } else { "0" })))
        .collect();
    assert!(body.len() > 1 << 20);
    let read = |name: &str, text: String| {
        fs::write(folder.path().join(name), text).unwrap();
        let input = Input::File { path: folder.path().join(name), model: None };
        builder().results(&pool, &[input], &ResultsOptions::default())
    };
    let found = read("large.csv", header.to_owned() + &body).unwrap();
    assert_eq!(found.models.len(), 400);
    for own in &found.models {
        let model: usize = own.model.trim_start_matches("model-").parse().unwrap();
        let solved = (0..200).filter(|row: &usize| (model + row).is_multiple_of(3)).count();
        assert!(near(own.accuracy.accuracy.unwrap(), solved as f64 / 200.0), "{}", own.model);
    }
    let faulty = header.to_owned() + &body + &line(1, 1, "7") + &body;
    let message = read("faulty.csv", faulty).unwrap_err().to_string();
    assert!(message.contains("faulty.csv:80002: its score is 7"), "{message}");
    // The file ends inside quotes.
    let message = read("open.csv", header.to_owned() + &body + "\"b,b_1").unwrap_err().to_string();
    assert!(message.contains("open.csv:80002: the file ends inside quotes"), "{message}");
}
