//! `report`: one HTML file that shows what the pool, its manifest and the results say, and in which nothing of a stranger runs.

use std::fs;

use serde_json::{Value, json};

mod explorer;
mod page;
mod pictures;
#[path = "../support/mod.rs"]
mod support;

use support::Place;

/// A pool of 80 generated tasks in two benchmarks, where some tasks repeat, and answers of two models to all rows.
fn place() -> Place {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks gsm8k,amc");
    place.ok(
        "-q build --demo --benchmarks gsm8k,amc --n-total-tasks 80 --difficulty-split 2:1:1 --sample-with-replacement when_short \
         --output pool",
    );
    let mut answers = String::new();
    for (benchmark, rows) in [("gsm8k", 1319), ("amc", 83)] {
        for row in 0..rows {
            for (model, most) in [("good", 8), ("poor", 3)] {
                let (source_id, score) = (format!("{benchmark}_{row}"), u8::from((row * 7) % 10 < most));
                let line = json!({"benchmark": benchmark, "source_id": source_id, "model": model, "score": score});
                answers += &(line.to_string() + "\n");
            }
        }
    }
    fs::write(place.path("answers.jsonl"), answers).unwrap();
    place
}

fn tasks(place: &Place, pool: &str) -> Vec<Value> {
    let text = fs::read_to_string(place.path(&format!("{pool}/task_pool.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn report(place: &Place, args: &str) -> String {
    place.ok(&format!("-q report {args} --demo --output report.html"));
    fs::read_to_string(place.path("report.html")).unwrap()
}

/// What stands between two texts, the first time.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("there is no {before}"));
    rest.split_once(after).unwrap().0
}
