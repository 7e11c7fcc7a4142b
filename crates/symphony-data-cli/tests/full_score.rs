//! The full score from few tasks: which pools allow an estimate, of which rows it is, and what it rests on.

use std::fs;

use serde_json::{Value, json};

mod support;

use support::Place;

const N: usize = 1319;

/// How often a model of this ability solves a row: rows differ by their number alone.
fn solves(row: usize, ability: f64) -> bool {
    let hardness = (row * 37 % 101) as f64 / 101.0;
    let luck = (row * 7919 % 1009) as f64 / 1009.0;
    0.7 * hardness + 0.3 * luck < ability
}

fn answers(models: &[(&str, f64)]) -> String {
    let line = |row: usize, model: &str, ability: f64| {
        let score = u8::from(solves(row, ability));
        json!({"benchmark": "gsm8k", "source_id": format!("gsm8k_{row}"), "model": model, "score": score}).to_string()
    };
    let of_model =
        |(model, ability): &(&str, f64)| -> String { (0..N).map(|row| line(row, model, *ability) + "\n").collect() };
    models.iter().map(of_model).collect()
}

fn truth(ability: f64) -> f64 {
    (0..N).filter(|row| solves(*row, ability)).count() as f64 / N as f64
}

/// A calibration of eight models, and the answers of two others.
fn place() -> Place {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks gsm8k");
    let panel: Vec<(String, f64)> = (1..9).map(|at| (format!("panel-{at}"), f64::from(at) / 10.0)).collect();
    let panel: Vec<(&str, f64)> = panel.iter().map(|(name, ability)| (name.as_str(), *ability)).collect();
    fs::write(place.path("panel.jsonl"), answers(&panel)).unwrap();
    fs::write(place.path("new.jsonl"), answers(&[("low", 0.35), ("high", 0.8)])).unwrap();
    place.ok("-q calibrate --demo --responses panel.jsonl --output fit");
    place
}

const DRAW: &str = "-q build --demo --benchmarks gsm8k --select informative -n 100 --difficulty fit --output";
const RESULTS: &str = "results --demo --responses new.jsonl --json --pool";

fn results(place: &Place, pool: &str) -> Value {
    serde_json::from_str(&place.ok(&format!("{RESULTS} {pool}"))).unwrap()
}

fn full<'r>(results: &'r Value, model: &str) -> &'r Value {
    let models = results["models"].as_array().unwrap();
    let own = models.iter().find(|own| own["model"] == model).unwrap();
    if own["full"].is_null() { &own["why"] } else { &own["full"]["gsm8k"] }
}

#[test]
fn the_estimate_holds_the_truth_and_says_of_which_rows_it_is() {
    let place = place();
    place.ok(&format!("{DRAW} pool"));
    let found = results(&place, "pool");
    for (model, ability) in [("low", 0.35), ("high", 0.8)] {
        let full = full(&found, model);
        let [low, high] = ["low", "high"].map(|key| full[key].as_f64().unwrap());
        assert!(low <= truth(ability) && truth(ability) <= high, "{model}: {full}, {}", truth(ability));
        assert_eq!(
            (&full["method"], &full["n_rows"], &full["n_tasks"]),
            (&json!("model-assisted"), &json!(N), &json!(100))
        );
    }
    let difference = &found["comparisons"][0]["full"]["gsm8k"];
    let [low, high] = ["low", "high"].map(|key| difference[key].as_f64().unwrap());
    assert!((low..=high).contains(&(truth(0.8) - truth(0.35))), "{difference}");
    // Weighted by hand, the tasks give an estimate near to it.
    let tasks = fs::read_to_string(place.path("pool/task_pool.jsonl")).unwrap();
    let mut sum = 0.0;
    for task in tasks.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let row: usize = task["source_id"].as_str().unwrap()[6..].parse().unwrap();
        sum += task["weight"].as_f64().unwrap() * f64::from(u8::from(solves(row, 0.35)));
    }
    let own = full(&found, "low");
    let error = own["standard_error"].as_f64().unwrap();
    assert!((sum / N as f64 - own["estimate"].as_f64().unwrap()).abs() < 0.5 * error, "{sum}, {own}");
    // The text names the rows, and its table fits.
    let text = place.ok("results --demo --responses new.jsonl --pool pool");
    assert!(text.contains("Estimated accuracy on all rows of each benchmark"), "{text}");
    // Rows that were left out are no part of it, and the text says so.
    place.ok(&format!("{DRAW} part --difficulty-range 0:50"));
    let found = results(&place, "part");
    let rows = full(&found, "low")["n_rows"].as_u64().unwrap();
    assert!(rows < 700 && full(&found, "low")["n_rows_full"] == N, "{found}");
    let text = place.ok("results --demo --responses new.jsonl --pool part");
    assert!(text.contains("Estimated accuracy on the rows that could be drawn"), "{text}");
    assert!(text.contains(&format!("{rows} of {N}")) && text.contains("some rows could not be drawn"), "{text}");
}

#[test]
fn a_calibration_that_is_lost_or_damaged_is_named_and_does_not_count() {
    let place = place();
    place.ok(&format!("{DRAW} pools/pool"));
    let found = results(&place, "pools/pool --difficulty fit");
    assert_eq!(full(&found, "low")["method"], "model-assisted");
    let found = results(&place, "pools/pool");
    assert_eq!(full(&found, "low")["method"], "weighted mean");
    assert!(
        found["pool_notes"][0]
            .as_str()
            .unwrap()
            .contains("gsm8k_calibration.jsonl, which the pool was drawn by, was not found")
    );
    let path = place.path("fit/gsm8k_calibration.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"difficulty\":", "\"difficulty\":9", 1)).unwrap();
    let found = results(&place, "pools/pool --difficulty fit");
    assert_eq!(full(&found, "low")["method"], "weighted mean");
    assert!(
        found["pool_notes"][0].as_str().unwrap().contains("was changed since it was written (checksum)"),
        "{found}"
    );
}

/// What is done to a line of a pool, if anything.
type Edit = fn(usize, &str) -> Option<String>;

#[test]
fn a_pool_that_was_changed_gets_no_estimate() {
    let place = place();
    place.ok(&format!("{DRAW} pool"));
    let file = place.path("pool/task_pool.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let edits: [(Edit, &str, &str); 4] = [
        (
            |at, line| Some(if at == 3 { line.replace("\"weight\":", "\"weight\":9") } else { line.to_owned() }),
            "checksum",
            "differ",
        ),
        (|at, line| (at != 3).then(|| line.to_owned()), "not all tasks that were drawn", ""),
        (
            |at, line| Some(if at == 3 { line.replace("\"weight\":", "\"lost\":") } else { line.to_owned() }),
            "checksum",
            "no weight",
        ),
        (
            |at, line| Some(if at == 3 { line.replace("\"stratum\":", "\"lost\":") } else { line.to_owned() }),
            "checksum",
            "no stratum",
        ),
    ];
    for (edit, with_manifest, alone) in edits {
        let lines = text.lines().enumerate().filter_map(|(at, line)| edit(at, line));
        let changed: String = lines.map(|line| line + "\n").collect();
        fs::write(&file, &changed).unwrap();
        let found = results(&place, "pool");
        let why = full(&found, "low").as_str().unwrap();
        assert!(why.contains(with_manifest), "{why}");
        assert!(found["pool_notes"].to_string().contains("not those that its manifest describes"), "{found}");
        if !alone.is_empty() {
            fs::create_dir_all(place.path("alone")).unwrap();
            fs::write(place.path("alone/task_pool.jsonl"), &changed).unwrap();
            let found = results(&place, "alone");
            let why = full(&found, "low").as_str().unwrap();
            assert!(why.contains(alone), "{why}");
        }
    }
}

#[test]
fn without_a_manifest_it_is_not_known_who_is_in_sample() {
    let place = place();
    place.ok(&format!("{DRAW} pool"));
    let flags = |pool: &str| -> Vec<Value> {
        let found = place.ok(&format!("results --demo --responses panel.jsonl --json --pool {pool}"));
        let found: Value = serde_json::from_str(&found).unwrap();
        found["models"].as_array().unwrap().iter().map(|own| own["in_sample"].clone()).collect()
    };
    assert!(flags("pool").iter().all(|flag| *flag == true));
    fs::remove_file(place.path("pool/manifest.json")).unwrap();
    assert!(flags("pool").iter().all(Value::is_null));
    // The weights are in the tasks, so that there is an estimate all the same.
    let found = results(&place, "pool");
    assert!(full(&found, "low")["estimate"].is_number(), "{found}");
    assert!(found["pool_notes"].to_string().contains("who is IN-SAMPLE is not known"), "{found}");
}

#[test]
fn a_pool_by_bins_allows_an_estimate_if_every_bin_was_drawn() {
    let place = place();
    place.ok("-q build --demo --benchmarks gsm8k -n 90 --difficulty-split 1:1:1 --output bins");
    let found = results(&place, "bins");
    // By hand: the mean of each bin, as large as the bin.
    let manifest: Value = serde_json::from_str(&fs::read_to_string(place.path("bins/manifest.json")).unwrap()).unwrap();
    let tasks = fs::read_to_string(place.path("bins/task_pool.jsonl")).unwrap();
    let tasks: Vec<Value> = tasks.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut estimate = 0.0;
    for bin in ["easy", "medium", "hard"] {
        let own: Vec<usize> = tasks
            .iter()
            .filter(|task| task["difficulty_bin"] == bin)
            .map(|task| task["source_id"].as_str().unwrap()[6..].parse().unwrap())
            .collect();
        let mean = own.iter().filter(|row| solves(**row, 0.35)).count() as f64 / own.len() as f64;
        estimate += manifest["benchmarks"][0]["bins"][bin].as_f64().unwrap() * mean / N as f64;
    }
    let found_estimate = full(&found, "low")["estimate"].as_f64().unwrap();
    assert!((found_estimate - estimate).abs() < 1e-9, "{found_estimate} {estimate}");
    place.ok("-q build --demo --benchmarks gsm8k -n 90 --output two");
    let why = full(&results(&place, "two"), "low").as_str().unwrap().to_owned();
    assert_eq!(why, "gsm8k: no medium tasks were drawn; draw from all bins, or informative tasks");
}

#[test]
fn fewer_tasks_than_values_of_a_label_leave_rows_without_a_chance() {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks bbh");
    let output =
        place.run("-q build --demo --benchmarks bbh -n 5 --stratify-by task_name --select informative --output five");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("rows had no chance to be drawn"), "{told}");
    let line = |row: usize| {
        json!({"benchmark": "bbh", "source_id": format!("bbh_{row}"), "model": "a", "score": 1}).to_string()
    };
    fs::write(place.path("new.jsonl"), (0..2000).map(|row| line(row) + "\n").collect::<String>()).unwrap();
    let found = results(&place, "five");
    let why = found["models"][0]["why"].as_str().unwrap();
    assert!(why.contains("had no chance to be drawn; ask for more tasks"), "{why}");
}
