//! `results`: tables, JSON, CSV, and what is refused.

use std::fs;

use serde_json::{Value, json};

mod support;

use support::Place;

/// A pool of 40 generated tasks, and a file with answers of three models to the whole benchmark.
fn place() -> Place {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks gsm8k");
    place.ok("-q build --demo --benchmarks gsm8k --n-total-tasks 40 --output pool");
    let mut answers = String::new();
    for row in 0..1319 {
        for (model, most) in [("good", 8), ("fair", 6), ("poor", 3)] {
            if model == "poor" && row % 11 == 0 {
                continue;
            }
            let score = u8::from((row * 7) % 10 < most);
            let line =
                json!({"benchmark": "gsm8k", "source_id": format!("gsm8k_{row}"), "model": model, "score": score});
            answers += &(line.to_string() + "\n");
        }
    }
    fs::write(place.path("answers.jsonl"), answers).unwrap();
    place
}

const RUN: &str = "results --demo --pool pool --responses answers.jsonl";

#[test]
fn a_table_fits_and_words_say_what_follows() {
    let place = place();
    let text = place.ok(&format!("-q {RUN} --by benchmark,bin"));
    assert!(text.lines().filter(|line| line.contains("  ")).all(|line| line.chars().count() <= 100), "{text}");
    let first: Vec<&str> = text.lines().skip(2).take(3).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(first, ["good", "fair", "poor"], "best first");
    for part in
        ["Accuracy on pool (40 tasks, 40 distinct, generated)", "By bin", "good solves ", " points more than fair ("]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("poor did not answer") && text.contains("--missing wrong counts them as wrong"), "{text}");
    let wrong = place.ok(&format!("-q {RUN} --missing wrong"));
    assert!(wrong.contains("; they count as wrong"), "{wrong}");
}

#[test]
fn json_and_csv_have_the_same_numbers() {
    let place = place();
    let json: Value = serde_json::from_str(&place.ok(&format!("{RUN} --by bin --json"))).unwrap();
    let csv = place.ok(&format!("{RUN} --by bin --csv"));
    let lines: Vec<Vec<&str>> = csv.split_terminator("\r\n").map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 1 + 3 * 3);
    let models = json["models"].as_array().unwrap();
    for (at, own) in models.iter().enumerate() {
        let line = &lines[1 + 3 * at];
        assert_eq!((line[0], line[1]), (own["model"].as_str().unwrap(), "all"));
        assert_eq!(line[6].parse::<f64>().unwrap(), own["accuracy"].as_f64().unwrap());
    }
    assert_eq!(json["comparisons"].as_array().unwrap().len(), 3);
}

#[test]
fn answers_outside_of_the_pool_are_one_line_under_verbose() {
    let place = place();
    let stderr = |args: &str| String::from_utf8(place.run(args).stderr).unwrap();
    assert!(!stderr(RUN).contains("outside"), "{}", stderr(RUN));
    assert_eq!(stderr(&format!("-v {RUN}")).matches("answers are to tasks outside of the pool").count(), 1);
}

#[test]
fn what_cannot_be_done_is_one_message() {
    let place = place();
    fs::write(place.path("other.csv"), "benchmark,source_id,model,score\namc,amc_1,m,1\n").unwrap();
    for (code, args, said) in [
        (2, "results --pool nowhere --responses answers.jsonl", "--pool: there is no file or folder nowhere"),
        (2, "results --pool pool --responses nothing.csv", "--responses: there is no file or folder nothing.csv"),
        (
            1,
            "results --pool pool --responses answers.jsonl",
            "its tasks are generated, and the configuration has real ones",
        ),
        (1, "results --demo --pool pool --responses other.csv", "to tasks outside of the pool: benchmark \"amc\""),
        (
            1,
            "results --demo --pool pool --responses answers.jsonl --by topic",
            "none of them has this label; it has benchmark",
        ),
        (
            1,
            "results --demo --pool pool --responses answers.jsonl --baseline best",
            "these models have: fair, good, poor",
        ),
        (
            2,
            "results --demo --pool pool --responses answers.jsonl --missing right",
            "write wrong, or leave the option out",
        ),
        (2, "results --demo --pool pool --responses answers.jsonl --json --csv", "cannot be used with"),
    ] {
        let stderr = place.fails(code, args);
        assert!(stderr.contains(said), "{args}: {stderr}");
        assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
    }
}
