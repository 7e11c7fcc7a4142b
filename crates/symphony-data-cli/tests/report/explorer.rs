//! The explorer: what the page holds of each task.

use std::{collections::BTreeSet, fs, io::Read};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use serde_json::{Value, json};

use super::{between, place, report, support::Place, tasks};

/// The tasks in the page, as its script reads them.
pub fn packed(html: &str) -> Value {
    let bytes = STANDARD.decode(between(html, r#"<script type="text/plain" id="tasks">"#, "</script>")).unwrap();
    let mut text = String::new();
    ZlibDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_explorer_holds_every_task_once_and_every_row_as_it_is() {
    let place = place();
    let html = report(&place, "pool pool/task_pool.jsonl");
    let packed = packed(&html);
    let there = tasks(&place, "pool");
    let entries = packed["tasks"].as_array().unwrap();
    assert_eq!(entries.len(), 2 * there.len());
    for (entry, task) in entries.iter().zip(there.iter().chain(&there)) {
        assert_eq!(
            (&entry["id"], &entry["score"], &entry["bin"]),
            (&task["task_id"], &task["difficulty_score"], &task["difficulty_bin"])
        );
        let row = &packed["rows"][entry["row"].as_u64().unwrap() as usize]["row"];
        let expected: Vec<Value> = task["raw_data"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| json!([name, value.as_str().map_or(value.to_string(), str::to_owned)]))
            .collect();
        assert_eq!(row.as_array().unwrap(), &expected);
    }
    let distinct: BTreeSet<String> = there.iter().map(|task| task["source_id"].to_string()).collect();
    assert_eq!(packed["rows"].as_array().unwrap().len(), distinct.len());
    assert!(distinct.len() < there.len(), "some tasks of amc repeat");
}

#[test]
fn of_very_many_tasks_an_even_spread_is_there_and_the_page_says_so() {
    let place = Place::new();
    let task = |place: usize| {
        let row = json!({"question": format!("What is {place}?")});
        let ids = json!({"task_id": format!("exp_{place:05}_a"), "benchmark": "a", "difficulty_score": 0.5, "difficulty_bin": "easy", "raw_data": row, "scorer_metadata": {}});
        ids.to_string() + "\n"
    };
    fs::write(place.path("task_pool.jsonl"), (0..20_001).map(task).collect::<String>()).unwrap();
    let html = report(&place, "task_pool.jsonl");
    assert!(html.contains("20000 of 20001 tasks are here, spread evenly over the pools, which have all."));
    assert!(html.contains("<dt>tasks</dt><dd>20001</dd>"));
    assert_eq!(packed(&html)["tasks"].as_array().unwrap().last().unwrap()["id"], "exp_19999_a");
}

#[test]
fn two_thousand_tasks_are_less_than_a_megabyte() {
    let place = Place::new();
    place.ok("-q preprocess --demo");
    place.ok("-q run exp5 --demo");
    assert_eq!(tasks(&place, "data/exp5").len(), 2000);
    let html = report(&place, "data/exp5");
    assert!(html.len() < 1_000_000, "{}", html.len());
}

#[test]
fn the_explorer_says_why_a_task_scored_what_is_asked_and_who_solved_it() {
    let place = place();
    let html = report(&place, "pool --responses answers.jsonl");
    let packed = packed(&html);
    let there = tasks(&place, "pool");
    assert_eq!(packed["models"], json!(["good", "poor"]));
    for (entry, task) in packed["tasks"].as_array().unwrap().iter().zip(&there) {
        let row = &packed["rows"][entry["row"].as_u64().unwrap() as usize];
        let rule = &packed["rules"][0][task["benchmark"].as_str().unwrap()];
        let number = |value: &Value| value.as_f64().unwrap();
        let of_term = |term: &Value| {
            let Some(feature) = term["feature"].as_str() else { return number(&term["weight"]) };
            let value = &task["scorer_metadata"][feature];
            let value = value.as_f64().unwrap_or_else(|| f64::from(u8::from(value == &json!(true))));
            number(&term["weight"]) * term["by"].as_f64().map_or(value, |by| (value / by).min(1.0))
        };
        let sum: f64 = rule["terms"].as_array().unwrap().iter().map(of_term).sum();
        let (least, greatest) = (number(&rule["least"]), number(&rule["greatest"]));
        let score = (sum.min(1.0) - least) / (greatest - least);
        assert!((score - number(&task["difficulty_score"])).abs() < 1e-9, "{task}");
        let number: u64 = task["source_id"].as_str().unwrap().rsplit_once('_').unwrap().1.parse().unwrap();
        let solved = [8, 3].map(|most| u8::from((number * 7) % 10 < most));
        assert_eq!(row["answers"], json!(solved));
        assert_eq!(row["solved"], json!([solved.iter().sum::<u8>(), 2]));
        if task["benchmark"] == "gsm8k" {
            let answer = task["raw_data"]["answer"].as_str().unwrap().rsplit_once("#### ").unwrap().1;
            assert_eq!(row["asked"][1], answer);
            assert!(row["asked"][0].as_str().unwrap().contains(task["raw_data"]["question"].as_str().unwrap()));
        }
    }
}
