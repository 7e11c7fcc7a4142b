//! Reviews of EvalScope.

use serde_json::{Value, json};

use super::{
    exported::{ids, place, scores, unmapped},
    runs::{read_all, said, write},
    *,
};

/// A line of EvalScope's reviews.
fn review(index: usize, prompt: &str, name: &str, value: &Value, metadata: &Value) -> String {
    let content = prompt;
    let line = json!({
        "index": index, "target": ["1"],
        "messages": [
            {"id": "a", "content": content, "source": null, "metadata": null, "role": "user", "tool_call_id": null},
            {"id": "b", "content": "It is 1.", "source": "generate", "role": "assistant", "model": "m", "tool_calls": null}
        ],
        "agent_trace": null,
        "sample_score": {
            "score": {"value": value, "status": "success", "judge_summary": null, "extracted_prediction": "1",
                "prediction": "It is 1.", "explanation": null, "metadata": {}, "main_score_name": name},
            "sample_id": index, "group_id": index, "generation_index": 0, "sample_metadata": metadata
        }
    });
    line.to_string() + "\n"
}

fn of_export(task: usize, row: usize) -> Value {
    json!({"symphony": ids(task, row), "collection_info": {"index": task, "tags": ["hard", "b"], "dataset_name": "gsm8k"}})
}

#[test]
fn reviews_of_an_exported_pool_are_mapped_by_ids_and_scored_by_their_main_score() {
    let place = place();
    let lines = [
        review(1, "Solve it. It ends so.", "accuracy", &json!({"accuracy": 1.0}), &of_export(1, 1)),
        review(0, "?", "accuracy", &json!({"accuracy": 0.0, "rouge": 1.0}), &of_export(0, 0)),
        review(2, "?", "acc", &json!({"acc": true}), &of_export(2, 2)),
        review(3, "?", "acc", &json!({"acc": false}), &of_export(3, 3)),
        review(4, "?", "accuracy", &json!({"accuracy": 1}), &of_export(4, 4)),
        // A repeat of row 3.
        review(5, "?", "acc", &json!({"acc": true}), &of_export(5, 3)),
        // It could not be scored.
        review(6, "What?", "acc", &json!({}), &of_export(6, 5)),
        review(7, "What?", "acc", &json!({"acc": null}), &of_export(7, 5)),
    ]
    .concat();
    let log = write(&place, "out/reviews/org/m-1/data_collection_default.jsonl", &lines);
    let gathered = read_all(&place, std::slice::from_ref(&log));
    let expected = [(0, 0.0, 1), (1, 1.0, 1), (2, 1.0, 1), (3, 0.5, 2), (4, 1.0, 1)];
    assert_eq!(scores(&gathered, "b", "org/m-1"), expected);
    assert_eq!(unmapped(&gathered), ["2 answers without a score: \"What?\""]);
    // The name of the folder is the model's, so it is no guess; a name that the caller gives replaces it.
    let Input::File { path, .. } = &log else { panic!("it is a file") };
    assert_eq!(said(&place, std::slice::from_ref(&log)), [format!("Info {}: answers of org/m-1", path.display())]);
    let named = Input::File { path: path.clone(), model: Some("mine".to_owned()) };
    assert_eq!(scores(&read_all(&place, &[named]), "b", "mine"), expected);
    // A filter or metric for other logs does not concern it, and a score that it has can be chosen.
    let options = ReadOptions { filter: Some("strict-match".to_owned()), metric: Some("rouge".to_owned()) };
    let gathered = place.read(&[log], &options).unwrap();
    assert_eq!(scores(&gathered, "b", "org/m-1")[..2], [(0, 1.0, 1), (1, 1.0, 1)]);
}

#[test]
fn plain_reviews_are_mapped_by_their_texts_and_are_strict_about_scores() {
    let place = place();
    let none = json!({});
    let long = "In which year were the three of them all together for the first time?";
    let yaml = "benchmarks: {q: {path: 'file:PATH', identity: [question], difficulty: {features: {w: {words: question}}, score: [{feature: w, normalize: p95}]}}}";
    fs::write(place.path("q.jsonl"), json!({"question": long}).to_string() + "\n").unwrap();
    let path = place.path("q.jsonl").display().to_string();
    let asked = Place::of(&yaml.replace("PATH", &path));
    let text = [
        review(0, &format!("Think first.\n\nQuestion: {long}\nAnswer:"), "acc", &json!({"acc": 1}), &none),
        review(1, "Who was it?", "acc", &json!({"acc": 1}), &none),
        // Its metadata has the fields of the row.
        review(2, "?", "acc", &json!({"acc": 0}), &json!({"question": long})),
    ];
    let gathered = read_all(&asked, &[write(&asked, "o/reviews/m/q_default.jsonl", &text.concat())]);
    assert_eq!(scores(&gathered, "q", "m"), [(0, 0.5, 2)]);
    assert_eq!(unmapped(&gathered), ["1 answer of the log `q_default` to samples that match no row: \"Who was it?\""]);
    let error = |line: &str, options: &ReadOptions| {
        let log = write(&asked, "o/reviews/m/q_default.jsonl", line);
        asked.read(&[log], options).unwrap_err()
    };
    let options = ReadOptions { filter: None, metric: Some("rouge".to_owned()) };
    let text = error(&text[0], &options).to_string();
    assert!(text.contains("q_default.jsonl:1: has no score `rouge`; it has acc"), "{text}");
    let several = review(0, long, "", &json!({"a": 1, "b": 0}), &none).replace(r#""main_score_name":"""#, r#""x":1"#);
    assert_eq!(error(&several, &ReadOptions::default()).hints(), [Hint::Metric("a".to_owned())]);
    for (value, why) in
        [(json!({"acc": "good"}), "its score `acc` is \"good\", not a number"), (json!({"acc": 2}), "its score is 2")]
    {
        let text = error(&review(0, long, "acc", &value, &none), &ReadOptions::default()).to_string();
        assert!(text.contains(why), "{text}");
    }
    // Predictions have no scores.
    let prediction = json!({"index": 0, "model": "m", "model_output": {"choices": []}, "messages": [], "metadata": {}});
    let text = error(&(prediction.to_string() + "\n"), &ReadOptions::default()).to_string();
    assert!(
        text.ends_with(
            "these are predictions of EvalScope, which have no scores; name the file in its folder `reviews`"
        ),
        "{text}"
    );
}

#[test]
fn no_review_causes_a_panic_and_outside_its_folder_the_model_is_a_guess() {
    let place = place();
    let good = review(0, "?", "acc", &json!({"acc": 1}), &of_export(0, 2));
    for bad in [
        json!({"sample_score": {}}),
        json!({"sample_score": {"score": null, "sample_metadata": 7}}),
        json!({"sample_score": {"score": {"value": 1}}}),
        json!({"sample_score": {"score": {"value": {"acc": 1}, "main_score_name": 7}}}),
        json!({"sample_score": {"score": {"value": {"acc": 1}}, "sample_metadata": ["symphony"]}, "messages": [7, null]}),
        json!({"sample_score": [], "messages": {}}),
    ] {
        let log = write(&place, "reviews/m/x.jsonl", &(good.clone() + &bad.to_string() + "\n"));
        match place.read(&[log], &ReadOptions::default()) {
            Ok(gathered) => assert_eq!(gathered.unmapped.iter().map(|own| own.answers).sum::<u64>(), 1, "{bad}"),
            Err(error) => assert!(error.to_string().contains("x.jsonl:2: "), "{bad}: {error}"),
        }
    }
    let log = write(&place, "kept/x.jsonl", &good);
    let heard = said(&place, &[log]);
    assert!(
        heard[0].starts_with("Warning ") && heard[0].contains("answers of kept, guessed from the name of its folder"),
        "{heard:?}"
    );
}

#[test]
fn a_review_whose_row_is_another_or_that_comes_twice_does_not_count() {
    let place = place();
    let metadata = |task: usize, row: usize, text: usize| json!({"symphony": ids(task, row), "row": {"question": super::exported::question(text)}});
    let lines = [
        review(0, "?", "acc", &json!({"acc": true}), &metadata(0, 1, 1)),
        review(0, "?", "acc", &json!({"acc": true}), &metadata(0, 1, 1)),
        review(1, "?", "acc", &json!({"acc": true}), &metadata(1, 2, 3)),
    ]
    .concat();
    let log = write(&place, "out/reviews/m/data_collection_default.jsonl", &lines);
    let gathered = read_all(&place, &[log]);
    assert_eq!(scores(&gathered, "b", "m"), [(1, 1.0, 1)]);
    let told = unmapped(&gathered);
    assert!(told.len() == 2 && told.iter().any(|told| told.contains("second time")), "{told:?}");
    assert!(told.iter().any(|told| told.contains("whose texts name another")), "{told:?}");
}
