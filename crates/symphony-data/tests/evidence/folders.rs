//! Folders of logs: each stands for the newest log of each task in it, of each model.

use serde_json::json;

use super::{
    exported::{ids, inspect, line, place, question, scores},
    runs::{read_all, said, write},
    *,
};

const OLD: &str = "2026-01-01T10-00-00.000001";
const NEW: &str = "2026-01-02T09-00-00.000001";

/// A log of the harness with one answer, to the row.
fn log(place: &Place, folder: &str, task: &str, time: &str, row: usize, score: f64) -> String {
    let doc = json!({"question": question(row), "symphony": ids(row, row)});
    let name = format!("{folder}/samples_{task}_{time}.jsonl");
    write(place, &name, &line(0, &doc, "pool", &[("acc", score)]));
    name
}

/// The results of a run of the harness.
fn results(place: &Place, folder: &str, time: &str, model: &str) {
    let text =
        format!(r#"{{"results": {{"x": {{"acc,pool": NaN}}}}, "config": {{"model": "hf"}}, "model_name": "{model}"}}"#);
    write(place, &format!("{folder}/results_{time}.json"), &text);
}

fn folder(place: &Place, name: &str, model: Option<&str>) -> Input {
    Input::File { path: place.path(name), model: model.map(str::to_owned) }
}

fn error(place: &Place, inputs: &[Input]) -> EvidenceError {
    place.read(inputs, &ReadOptions::default()).unwrap_err()
}

#[test]
fn a_folder_of_the_harness_stands_for_the_newest_log_of_each_task_and_model() {
    let place = place();
    for (model, score) in [("a", 1.0), ("b", 0.0)] {
        log(&place, &format!("out/{model}"), "exp_b_easy", OLD, 2, score);
        log(&place, &format!("out/{model}"), "exp_b_hard", OLD, 3, score);
        log(&place, &format!("out/{model}"), "exp_b_hard", NEW, 3, 1.0 - score);
        results(&place, &format!("out/{model}"), OLD, model);
        results(&place, &format!("out/{model}"), NEW, model);
    }
    write(&place, "out/report.html", "<html></html>");
    write(&place, "out/.cache/samples_exp_b_easy_2027-01-01T00-00-00.jsonl", "not read");
    write(&place, "out/notes.jsonl", "not read");
    let input = [folder(&place, "out", None)];
    let gathered = read_all(&place, &input);
    assert_eq!(scores(&gathered, "b", "a"), [(2, 1.0, 1), (3, 0.0, 1)]);
    assert_eq!(scores(&gathered, "b", "b"), [(2, 0.0, 1), (3, 1.0, 1)]);
    let heard = said(&place, &input);
    let out = place.path("out").display().to_string();
    assert_eq!(
        heard[0],
        format!(
            "Info {out}: reading the newest log of each task and model: a/samples_exp_b_easy_{OLD}.jsonl, \
             a/samples_exp_b_hard_{NEW}.jsonl, b/samples_exp_b_easy_{OLD}.jsonl and 1 more; \
             left out as older: a/samples_exp_b_hard_{OLD}.jsonl, b/samples_exp_b_hard_{OLD}.jsonl"
        )
    );
    assert!(heard.len() == 5 && heard[1..].iter().all(|said| said.starts_with("Detail ")), "{heard:?}");
    // The logs of each model alone, and a name for them.
    assert_eq!(
        scores(&read_all(&place, &[folder(&place, "out/b", Some("mine"))]), "b", "mine"),
        [(2, 0.0, 1), (3, 1.0, 1)]
    );
    let message = error(&place, &[folder(&place, "out", Some("mine"))]).to_string();
    assert!(
        message.contains("out: the logs in this folder are of `a` and of `b`, and one name is given for all"),
        "{message}"
    );
    // A folder and a file in it, and a folder in another.
    let file = Input::File { path: place.path(&format!("out/a/samples_exp_b_hard_{NEW}.jsonl")), model: None };
    for more in [file, folder(&place, "out/b", None)] {
        let message = error(&place, &[input[0].clone(), more]).to_string();
        assert!(message.contains("is given twice"), "{message}");
    }
}

#[test]
fn logs_in_a_folder_whose_model_is_a_guess_are_not_taken_for_runs_of_one_model() {
    let place = place();
    log(&place, "logs", "exp_b", OLD, 2, 1.0);
    log(&place, "logs", "exp_b", NEW, 2, 0.0);
    let error = error(&place, &[folder(&place, "logs", None)]);
    assert!(
        error.to_string().contains("hold different answers to the task exp_b, and both seem to be of logs"),
        "{error}"
    );
    assert_eq!(error.hints(), [Hint::NameModels]);
    // A name that the caller gives is not a guess.
    assert_eq!(scores(&read_all(&place, &[folder(&place, "logs", Some("m"))]), "b", "m"), [(2, 0.0, 1)]);
}

/// A log of Inspect with one answer, created at a time.
fn created(row: usize, score: &'static str, created: &str, more: &str) -> String {
    let sample = (format!("exp_{row:05}_b"), "Q".to_owned(), json!({"symphony": ids(row, row)}), score);
    inspect("m", &[sample])
        .replace("2026-01-01T10:00:00+00:00", created)
        .replace("\"version\"", &format!("{more}\"version\""))
}

fn archived(place: &Place, name: &str, text: &str) {
    let log: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut zip = zip::ZipWriter::new(fs::File::create(place.path(name)).unwrap());
    let mut put = |name: &str, value: &serde_json::Value| {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(value.to_string().as_bytes()).unwrap();
    };
    put("header.json", &json!({"eval": log["eval"]}));
    for (at, sample) in log["samples"].as_array().unwrap().iter().enumerate() {
        put(&format!("samples/{at}_epoch_1.json"), sample);
    }
    zip.finish().unwrap();
}

#[test]
fn the_newest_log_of_inspect_is_that_with_the_latest_creation_wherever_its_clock_stood() {
    let place = place();
    fs::create_dir_all(place.path("logs/more")).unwrap();
    // 9:30 in Delhi is before 5:00 in London.
    write(&place, "logs/2026-01-03T09-30-00_exp.json", &created(2, "I", "2026-01-03T09:30:00+05:30", ""));
    archived(&place, "logs/more/2026-01-03T05-00-00_exp.eval", &created(2, "C", "2026-01-03T05:00:00+00:00", ""));
    // A later run that failed before its first sample, files that are no logs, and a task with other arguments.
    let empty = r#"{"version": 2, "status": "error", "eval": {"task": "exp", "model": "m", "created": "2026-02-01T00:00:00+00:00"}}"#;
    write(&place, "logs/2026-02-01T00-00-00_exp.json", empty);
    for (name, text) in
        [("eval-set.json", r#"{"eval": "x"}"#), ("broken.json", "{\"eva"), ("list.json", "[{}]"), ("a.txt", "")]
    {
        write(&place, &format!("logs/{name}"), text);
    }
    let part = created(3, "C", "2026-01-01T00:00:00+00:00", "")
        .replace("\"task\": \"exp\"", r#""task_args": {"bins": "hard"}, "task": "exp""#);
    write(&place, "logs/part.json", &part);
    let input = [folder(&place, "logs", None)];
    assert_eq!(scores(&read_all(&place, &input), "b", "m"), [(2, 1.0, 1), (3, 1.0, 1)]);
    let heard = said(&place, &input);
    assert!(
        heard[0].ends_with(
            ": more/2026-01-03T05-00-00_exp.eval, part.json; left out as older: 2026-01-03T09-30-00_exp.json"
        ),
        "{heard:?}"
    );
    assert!(heard.iter().all(|said| !said.starts_with("Warning ")), "{heard:?}");
    // Without a creation time, the names of the files say it, though they were written in the other order.
    let undated = place_of_names(&place);
    assert_eq!(scores(&read_all(&place, &[undated]), "b", "m"), [(4, 1.0, 1)]);
    // A broken archive is not passed over: it may be the newest log.
    fs::write(place.path("logs/cut.eval"), "PK").unwrap();
    let message = error(&place, &input).to_string();
    assert!(message.contains("cut.eval: not a complete .eval file"), "{message}");
}

fn place_of_names(place: &Place) -> Input {
    let text = |score| created(4, score, "x", "");
    write(place, "names/2026-01-02T00-00-00-00-00_exp_a.json", &text("C"));
    write(place, "names/2026-01-01T00-00-00-00-00_exp_b.json", &text("I"));
    folder(place, "names", None)
}

#[test]
fn samples_before_the_header_of_a_log_do_not_hide_it_in_a_folder() {
    let place = place();
    let log: serde_json::Value = serde_json::from_str(&created(2, "C", "2026-01-01T00:00:00+00:00", "")).unwrap();
    let text = format!(r#"{{"samples": {}, "eval": {}}}"#, log["samples"], log["eval"]);
    write(&place, "logs/early.json", &text);
    assert_eq!(scores(&read_all(&place, &[folder(&place, "logs", None)]), "b", "m"), [(2, 1.0, 1)]);
}

#[test]
fn of_the_output_of_evalscope_only_the_reviews_are_read() {
    let place = place();
    let review = |row: usize, score: f64| {
        json!({"index": 0, "messages": [], "sample_score": {"score": {"value": {"acc": score}, "main_score_name": "acc"},
            "sample_metadata": {"symphony": ids(row, row)}}})
        .to_string()
            + "\n"
    };
    for (run, model, score) in
        [("20260101_100000", "m", 0.0), ("20260102_090000", "m", 1.0), ("20260101_100000", "n", 0.0)]
    {
        let at = |kind: &str| format!("outputs/{run}/{kind}/{model}");
        write(&place, &format!("{}/data_collection_default.jsonl", at("reviews")), &review(2, score));
        write(
            &place,
            &format!("{}/data_collection_default.jsonl", at("predictions")),
            "{\"index\": 0, \"model_output\": {}}\n",
        );
        write(&place, &format!("{}/data_collection.json", at("reports")), "{\"name\": \"x\", \"metrics\": [{}]}");
        // The folder of another program's reviews.
        write(&place, &format!("{}/notes.jsonl", at("reviews")), "{\"text\": \"good\"}\n");
    }
    let input = [folder(&place, "outputs", None)];
    let gathered = read_all(&place, &input);
    assert_eq!(scores(&gathered, "b", "m"), [(2, 1.0, 1)]);
    assert_eq!(scores(&gathered, "b", "n"), [(2, 0.0, 1)]);
    let heard = said(&place, &input);
    assert!(
        heard[0].ends_with("; left out as older: 20260101_100000/reviews/m/data_collection_default.jsonl"),
        "{heard:?}"
    );
    // The folder of one model, and the one above it.
    for name in ["outputs/20260102_090000", "outputs/20260102_090000/reviews", "outputs/20260102_090000/reviews/m"] {
        assert_eq!(scores(&read_all(&place, &[folder(&place, name, None)]), "b", "m"), [(2, 1.0, 1)], "{name}");
    }
    let message = error(&place, &[folder(&place, "outputs/20260102_090000/predictions", None)]).to_string();
    assert!(
        message.contains("predictions: this folder has no log with answers; it was searched for samples_*.jsonl"),
        "{message}"
    );
}

#[test]
fn reviews_of_two_pools_are_two_tasks_though_evalscope_gives_them_one_name() {
    let place = place();
    let run = |run: &str, data: &str, row: usize, score: f64| {
        let metadata = json!({"symphony": ids(0, row)});
        let text =
            json!({"sample_score": {"score": {"value": {"acc": score}}, "sample_metadata": metadata}}).to_string();
        write(&place, &format!("outputs/{run}/reviews/m/data_collection_default.jsonl"), &(text + "\n"));
        let config = format!("api_key: null\ndataset_args:\n  data_collection:\n    dataset_id: {data}\nmodel: m\n");
        write(&place, &format!("outputs/{run}/configs/task_config.yaml"), &config);
    };
    run("20260101_100000", "pools/a", 2, 0.0);
    run("20260102_100000", "pools/b", 3, 1.0);
    run("20260103_100000", "pools/a/", 2, 1.0);
    let input = [folder(&place, "outputs", None)];
    assert_eq!(scores(&read_all(&place, &input), "b", "m"), [(2, 1.0, 1), (3, 1.0, 1)]);
    let heard = said(&place, &input);
    assert!(
        heard[0].ends_with("; left out as older: 20260101_100000/reviews/m/data_collection_default.jsonl"),
        "{heard:?}"
    );
    assert!(heard.iter().all(|said| !said.starts_with("Warning ")), "{heard:?}");
    // One pool under two names.
    run("20260104_100000", "copy/of/b", 3, 0.0);
    let heard = said(&place, &input);
    let warning = heard.iter().find(|said| said.starts_with("Warning ")).unwrap();
    assert!(
        warning.contains(
            "on `data_collection_default of pools/b` and on `data_collection_default of copy/of/b`, which have"
        ),
        "{warning}"
    );
}

#[test]
fn logs_of_several_programs_and_models_may_lie_in_one_folder_and_links_lead_nowhere() {
    let place = place();
    log(&place, "all/stub", "exp_b", OLD, 2, 1.0);
    results(&place, "all/stub", OLD, "stub");
    write(&place, "all/inspect/a.json", &created(3, "C", "2026-01-01T00:00:00+00:00", ""));
    // Files without a time in their names: the one that was written last counts.
    let doc = json!({"symphony": ids(4, 4)});
    let undated = |run: &str, score: f64, seconds: u64| {
        let name = format!("all/{run}/reviews/m/x.jsonl");
        let text =
            json!({"sample_score": {"score": {"value": {"acc": score}}, "sample_metadata": doc}}).to_string() + "\n";
        write(&place, &name, &text);
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + seconds);
        fs::File::options().append(true).open(place.path(&name)).unwrap().set_modified(at).unwrap();
    };
    undated("first", 1.0, 60);
    undated("second", 0.0, 0);
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.path("all"), place.path("all/loop")).unwrap();
    let gathered = read_all(&place, &[folder(&place, "all", None)]);
    assert_eq!(scores(&gathered, "b", "stub"), [(2, 1.0, 1)]);
    assert_eq!(scores(&gathered, "b", "m"), [(3, 1.0, 1), (4, 1.0, 1)]);
}

#[test]
fn a_folder_without_a_log_is_one_error_that_says_what_was_searched_for() {
    let place = place();
    write(&place, "none/answers.csv", "benchmark,source_id,model,score\nb,b_1,m,1\n");
    write(&place, "none/results_x.json", "{\"results\": {}}");
    let error = error(&place, &[folder(&place, "none", None)]);
    assert_eq!(
        error.to_string(),
        format!(
            "{}: this folder has no log with answers; it was searched for samples_*.jsonl of lm-evaluation-harness, .eval \
             and .json of Inspect, and reviews/MODEL/*.jsonl of EvalScope; results of lm-evaluation-harness have samples only with its option log_samples",
            place.path("none").display()
        )
    );
}

#[test]
fn a_folder_is_written_in_our_own_form_and_its_logs_are_not_replaced() {
    let place = place();
    let name = log(&place, "out/m", "exp_b", OLD, 2, 1.0);
    let input = [folder(&place, "out", Some("m"))];
    let options = ReadOptions::default();
    let to = |name: &str| convert(&input, &mut place.catalogue(), &options, &place.path(name), &Silent);
    let error = to(&name).unwrap_err().to_string();
    assert!(error.contains("is one of the inputs"), "{error}");
    assert_eq!(to("out/all.jsonl").unwrap().benchmarks[0].answers, 1);
    let line = fs::read_to_string(place.path("out/all.jsonl")).unwrap();
    assert_eq!(
        line,
        format!(
            "{{\"benchmark\":\"b\",\"source_id\":\"b_2\",\"identity\":\"{}\",\"model\":\"m\",\"score\":1.0}}\n",
            super::exported::identity(&question(2))
        )
    );
}

#[test]
fn logs_of_two_pools_with_one_name_are_both_read() {
    let place = place();
    // The same task's name, model and folder, but other tasks: the later run is of another pool.
    results(&place, "out/m", OLD, "m");
    results(&place, "out/m", NEW, "m");
    log(&place, "out/m", "symphony_pool_b_hard", OLD, 1, 1.0);
    log(&place, "out/m", "symphony_pool_b_hard", NEW, 2, 1.0);
    let gathered = read_all(&place, &[folder(&place, "out", None)]);
    assert_eq!(scores(&gathered, "b", "m"), [(1, 1.0, 1), (2, 1.0, 1)]);
    // Inspect's log says how its pool was drawn.
    for (name, seed, row) in [("one", 1, 3), ("two", 2, 4)] {
        let sample = ("exp_00000_b".to_owned(), "?".to_owned(), json!({"symphony": ids(0, row)}), "C");
        let text = inspect("i", &[sample]);
        let pool =
            format!("\"task\": \"exp\", \"metadata\": {{\"symphony\": {{\"request\": {{\"random_seed\": {seed}}}}}}}");
        write(&place, &format!("logs/{name}.json"), &text.replace("\"task\": \"exp\"", &pool));
    }
    let gathered = read_all(&place, &[folder(&place, "logs", None)]);
    assert_eq!(scores(&gathered, "b", "i"), [(3, 1.0, 1), (4, 1.0, 1)]);
}
