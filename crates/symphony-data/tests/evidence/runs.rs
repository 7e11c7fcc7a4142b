//! What is said of several logs together: of runs of one task, and of runs without a model.

use serde_json::{Value, json};

use super::{
    exported::{ids, inspect, line, place, question, scores},
    *,
};

pub(super) fn write(place: &Place, name: &str, text: &str) -> Input {
    fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    place.write(name, text)
}

pub(super) fn read_all(place: &Place, inputs: &[Input]) -> Gathered {
    place.read(inputs, &ReadOptions::default()).unwrap()
}

/// What is said of inputs while they are read.
pub(super) fn said(place: &Place, inputs: &[Input]) -> Vec<String> {
    let heard = Heard::default();
    read(inputs, &mut place.catalogue(), &ReadOptions::default(), &heard).unwrap();
    heard.0.into_inner().unwrap()
}

#[derive(Default)]
pub(super) struct Heard(pub std::sync::Mutex<Vec<String>>);

impl Progress for Heard {
    fn note(&self, note: Note<'_>) {
        self.0.lock().unwrap().push(format!("{:?} {note}", note.level()));
    }
}

#[test]
fn two_runs_of_a_task_count_as_tries_with_one_warning_that_names_both_files() {
    let place = place();
    let doc = |row: usize| json!({"question": question(row), "symphony": ids(row, row)});
    let run = |time: &str, task: &str, score: f64| {
        let name = format!("stub/samples_{task}_{time}.jsonl");
        write(&place, &format!("stub/results_{time}.json"), r#"{"model_name": "stub"}"#);
        let row = if task.ends_with("hard") { 2 } else { 3 };
        write(&place, &name, &line(task.len(), &doc(row), "pool", &[("acc", score)]))
    };
    let (one, two) = ("2026-01-01T10-00-00.000001", "2026-01-02T10-00-00.000001");
    let inputs = [run(one, "exp_b_hard", 1.0), run(two, "exp_b_hard", 0.0), run(one, "exp_b_medium", 1.0)];
    assert_eq!(scores(&read_all(&place, &inputs), "b", "stub"), [(2, 0.5, 2), (3, 1.0, 1)]);
    let warnings = |inputs: &[Input]| -> Vec<String> {
        said(&place, inputs).into_iter().filter(|said| said.starts_with("Warning ")).collect()
    };
    let (first, second) = (
        place.path(&format!("stub/samples_exp_b_hard_{one}.jsonl")),
        place.path(&format!("stub/samples_exp_b_hard_{two}.jsonl")),
    );
    let expected = format!(
        "Warning {} and {} are two logs of stub on the task exp_b_hard: its answers to a row in both count as tries; \
         name the folder of the logs to read only the newest of each task",
        first.display(),
        second.display()
    );
    assert_eq!(warnings(&inputs), [expected]);
    // A second task adds no second warning.
    let more: Vec<Input> = inputs.into_iter().chain([run(two, "exp_b_medium", 0.0)]).collect();
    let heard = warnings(&more);
    assert!(
        heard.len() == 1 && heard[0].contains("count as tries; one more task has several logs too; name"),
        "{heard:?}"
    );
    assert_eq!(warnings(&more[..1]), Vec::<String>::new());

    // Runs of Inspect with other arguments are other tasks, and a retry repeats no answer.
    let sample = |row: usize| (format!("exp_{row:05}_b"), "Q".to_owned(), json!({"symphony": ids(row, row)}), "C");
    let log = |name: &str, rows: &[usize], more: &str| {
        let text = inspect("m", &rows.iter().map(|row| sample(*row)).collect::<Vec<_>>());
        write(&place, name, &text.replace("\"task\": \"exp\"", &format!("\"task\": \"exp\"{more}")))
    };
    let (easy, hard) = (r#", "task_args": {"bins": "easy"}"#, r#", "task_args": {"bins": "hard"}"#);
    assert_eq!(warnings(&[log("e.json", &[0, 1], easy), log("h.json", &[2], hard)]), Vec::<String>::new());
    let heard = warnings(&[log("e.json", &[0, 1], easy), log("f.json", &[0, 2], easy)]);
    assert!(heard.len() == 1 && heard[0].contains(r#"two logs of m on the task exp {"bins":"easy"}: "#), "{heard:?}");
    // Parts of a task that overlap are told apart from those that do not.
    let all = r#", "task_args": {"bins": ""}"#;
    // A program may write the same samples with other blanks.
    let Input::File { path, .. } = log("h.json", &[2], hard) else { panic!("it is a file") };
    let compact: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let heard = warnings(&[log("all.json", &[0, 1, 2], all), write(&place, "h.json", &compact.to_string())]);
    assert!(
        heard.len() == 1
            && heard[0]
                .contains(r#" on `exp {"bins":""}` and on `exp {"bins":"hard"}`, which have samples in common: "#),
        "{heard:?}"
    );
    assert!(heard[0].contains("all.json and ") && heard[0].contains("h.json are logs of m"), "{heard:?}");
    let retried = |name: &str, rows: &[usize]| {
        let Input::File { path, .. } = log(name, rows, easy) else { panic!("it is a file") };
        let mut text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for sample in text["samples"].as_array_mut().unwrap() {
            sample["uuid"] = sample["id"].clone();
        }
        write(&place, name, &text.to_string())
    };
    assert_eq!(warnings(&[retried("e.json", &[0, 1]), retried("f.json", &[0, 1, 2])]), Vec::<String>::new());
}

#[test]
fn a_run_of_the_harness_without_a_model_is_named_dummy_with_a_warning() {
    let place = place();
    let (doc, time) = (json!({"question": question(2), "symphony": ids(0, 2)}), "2026-01-01T10-00-00.000001");
    let text = line(0, &doc, "pool", &[("acc", 1.0)]);
    let logs = ["easy", "hard"].map(|bin| {
        write(&place, &format!("i82qcls7/samples_exp_b_{bin}_{time}.jsonl"), &text.replace("exp_00000", bin))
    });
    let results = r#"{"results": {}, "config": {"model": "dummy", "model_args": {}}, "model_source": "dummy", "model_name": "i82qcls7"}"#;
    write(&place, &format!("i82qcls7/results_{time}.json"), results);
    assert_eq!(scores(&read_all(&place, &logs), "b", "dummy"), [(2, 1.0, 2)]);
    let heard = said(&place, &logs);
    let first = place.path(&format!("i82qcls7/samples_exp_b_easy_{time}.jsonl"));
    let warning = format!(
        "Warning {} and one more log: the harness's `dummy` gave these answers at random; no model was asked",
        first.display()
    );
    assert_eq!(heard.iter().filter(|said| said.starts_with("Warning ")).collect::<Vec<_>>(), [&warning]);
    // A model of that name is not meant.
    write(
        &place,
        &format!("i82qcls7/results_{time}.json"),
        &results
            .replace(r#""model": "dummy""#, r#""model": "hf""#)
            .replace(r#""model_name": "i82qcls7""#, r#""model_name": "dummy""#),
    );
    assert!(said(&place, &logs).iter().all(|said| said.starts_with("Info ")));
}
