//! `plan --power`: what a pool can tell apart.

use std::fs;

use serde_json::{Value, json};

mod support;

use support::Place;

/// A hundred rows, of which the 20 easiest are easy and the 20 hardest hard, and the responses of three models to them: `a`
/// and `c` solve all, `b` fails 4 easy rows and 10 hard ones.
fn place() -> Place {
    let place = Place::new();
    let rows: String =
        (0..100).map(|row| json!({"q": format!("question {row}"), "d": row}).to_string() + "\n").collect();
    fs::write(place.path("rows.jsonl"), rows).unwrap();
    let rule = "{features: {d: {number: d}}, score: [{feature: d, normalize: p95}]}";
    let config = format!("benchmarks:\n  quiz: {{path: 'file:rows.jsonl', identity: [q], difficulty: {rule}}}\n");
    fs::write(place.path("c.yaml"), config).unwrap();
    let mut lines = String::new();
    for row in 0..100 {
        for model in ["a", "b", "c"] {
            let fails = model == "b" && !(4..90).contains(&row);
            let line = json!({"benchmark": "quiz", "source_id": format!("quiz_{row}"), "model": model, "score": u8::from(!fails)});
            lines += &(line.to_string() + "\n");
        }
    }
    fs::write(place.path("answers.jsonl"), lines).unwrap();
    place.ok("--config c.yaml preprocess --output full");
    place
}

const PLAN: &str = "-q --config c.yaml plan --full-dir full --benchmarks quiz";

fn json_of(place: &Place, options: &str) -> Value {
    serde_json::from_str(&place.ok(&format!("{PLAN} --power --json {options}"))).unwrap()
}

/// Whether `tasks` tasks find `delta` with 80 % power by Connor's formula, to the four decimals of the figures.
fn is_found_by(tasks: f64, discordance: f64, delta: f64) -> bool {
    let enough = |delta: f64| {
        let steps = 1.959_964 * discordance.sqrt() + 0.841_621 * (discordance - delta * delta).sqrt();
        steps * steps / (delta * delta)
    };
    enough(delta + 0.0001) < tasks && enough(delta - 0.0001) > tasks
}

#[test]
fn responses_say_how_often_models_disagree_on_the_rows_of_each_bin() {
    let place = place();
    let responses = "--responses answers.jsonl";
    // Three pairs: of a and c, which never disagree, and of each with b, of which one is the median.
    let all = json_of(&place, &format!("-n 20 --difficulty-split 75:25 {responses}"));
    let power = &all["power"]["pool"];
    let of_quiz = json!([{"benchmark": "quiz", "discordance": 0.275, "source": "responses", "pairs": 3, "rows": 100}]);
    assert_eq!(power["benchmarks"], of_quiz);
    // 15 easy tasks with 4/20, 5 hard ones with 10/20.
    assert_eq!((&power["discordance"], &power["tasks"], &power["distinct"]), (&json!(0.275), &json!(20), &json!(20)));
    let pair = json_of(&place, &format!("-n 40 {responses} --models a,b"));
    let power = &pair["power"]["pool"];
    assert_eq!((&power["discordance"], &power["benchmarks"][0]["pairs"]), (&json!(0.35), &json!(1)));
    assert!(is_found_by(40.0, 0.35, power["detectable"].as_f64().unwrap()), "{power}");
    assert_eq!(power["curve"][0]["tasks"], 100);
    assert!(is_found_by(100.0, 0.35, power["curve"][0]["detectable"].as_f64().unwrap()), "{power}");
    let text = place.ok(&format!("{PLAN} -n 40 --power {responses} --models a,b --delta 0.1"));
    for said in [
        "pool: 40 distinct tasks can show a difference of ",
        " (80 % power, paired, 5 %)",
        "A difference of 10.0 points needs ",
        "quiz: 35 %, as a and b do",
    ] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
    assert!(!text.contains("Repeats"), "{text}");
}

#[test]
fn repeats_cost_what_kish_says() {
    let place = place();
    let twice = "-n 80 --sample-with-replacement when_short --sampler stable";
    let power = json_of(&place, twice)["power"]["pool"].clone();
    assert_eq!((&power["tasks"], &power["distinct"], &power["effective_n"]), (&json!(80), &json!(40), &json!(40.0)));
    assert!(is_found_by(40.0, 0.3, power["detectable"].as_f64().unwrap()), "{power}");
    assert!(is_found_by(80.0, 0.3, power["detectable_without_repeats"].as_f64().unwrap()), "{power}");
    // 0.3 is assumed where nothing is known, and (z₁√ψ + z₂√(ψ − δ²))² / δ² tasks find 2 points.
    assert_eq!((&power["benchmarks"][0]["source"], &power["needed"]), (&json!("assumed"), &json!(5885)));
    let text = place.ok(&format!("{PLAN} {twice} --power"));
    for said in ["80 tasks (40 distinct)", "tells as much as 40 distinct tasks", "quiz: 30 %, assumed"] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
}

#[test]
fn a_plan_says_what_all_rows_can_show_where_a_difference_needs_more() {
    let place = place();
    let power = json_of(&place, "-n 40")["power"]["pool"].clone();
    assert_eq!((&power["rows"], &power["needed"]), (&json!(100), &json!(5885)));
    let all = power["detectable_with_all_rows"].as_f64().unwrap();
    assert!(is_found_by(100.0, 0.3, all), "{power}");
    let text = place.ok(&format!("{PLAN} -n 40 --power"));
    let said = format!("quiz has 100 rows to draw from, which can show differences from {:.1} points on.", 100.0 * all);
    assert!(text.contains(&said), "{text}");
    // Rows that a request leaves out do not count, and where there are rows enough nothing is said.
    let range = json_of(&place, "-n 40 --difficulty-range 0:49")["power"]["pool"].clone();
    assert!((45..=55).contains(&range["rows"].as_u64().unwrap()), "{range}");
    let text = place.ok(&format!("{PLAN} -n 40 --power --delta 0.2"));
    assert!(text.contains("A difference of 20.0 points needs 5"), "{text}");
    assert!(!text.contains("to draw from"), "{text}");
}

#[test]
fn two_models_disagree_at_least_as_often_as_they_differ() {
    let place = place();
    let more = ", or as often as they differ where that is more:";
    let text = place.ok(&format!("{PLAN} -n 40 --power --delta 0.5"));
    // By hand: ψ = δ = 0.5, so that (1.960 √0.5 + 0.842 √0.25)² / 0.25 = 13.08.
    assert!(text.contains("A difference of 50.0 points needs 14 distinct tasks."), "{text}");
    assert!(text.contains(&format!("disagree on 30 % of the tasks{more}")), "{text}");
    let text = place.ok(&format!("{PLAN} -n 40 --power --delta 0.2"));
    assert!(text.contains("disagree on 30 % of the tasks:"), "{text}");
    // Ten tasks show only a difference of more than 30 points.
    assert!(place.ok(&format!("{PLAN} -n 10 --power")).contains(more));
}

#[test]
fn a_measured_difficulty_bounds_how_often_models_disagree() {
    let place = place();
    place.ok("-q --config c.yaml calibrate --responses answers.jsonl --full-dir full --output fitted");
    let lines = fs::read_to_string(place.path("fitted/quiz_calibration.jsonl")).unwrap();
    let errors: Vec<f64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["expected_error"].as_f64().unwrap())
        .collect();
    // All rows are drawn: the medium bin has all.
    let power = json_of(&place, "-n 100 --difficulty fitted --difficulty-split proportional")["power"]["pool"].clone();
    let most = errors.iter().map(|error| 2.0 * error * (1.0 - error)).sum::<f64>() / 100.0;
    assert_eq!(power["benchmarks"][0]["source"], "expected_error");
    assert!((power["discordance"].as_f64().unwrap() - most).abs() < 0.006, "{power} {most}");
}

#[test]
fn without_the_power_the_plan_is_as_it_was_and_with_it_the_lines_are_the_same() {
    let place = place();
    let lines: Value = serde_json::from_str(&place.ok(&format!("{PLAN} -n 40 --json"))).unwrap();
    assert!(lines.is_array());
    assert_eq!(json_of(&place, "-n 40")["plan"], lines);
    let table = place.ok(&format!("{PLAN} -n 40"));
    assert!(place.ok(&format!("{PLAN} -n 40 --power")).starts_with(&table));
}

#[test]
fn what_is_not_valid_is_said_in_one_line() {
    let place = place();
    for (code, options, said) in [
        (2, "--power --delta 0", "--delta: 0: write a difference above 0 and at most 1"),
        (2, "--power --delta -0.1", "--delta: -0.1: write a difference above 0 and at most 1"),
        (2, "--power --delta nan", "--delta: NaN: write a difference above 0 and at most 1"),
        (2, "--delta 0.1", "--power"),
        (2, "--power --models a,b", "--responses"),
        (2, "--power --responses answers.jsonl --models a", "--models: write two models, such as A,B"),
        (2, "--power --responses answers.jsonl --models a,a", "--models: a is named twice"),
        (2, "--power --responses nowhere.jsonl", "--responses: there is no file or folder nowhere.jsonl"),
        (
            1,
            "--power --responses answers.jsonl --models a,x",
            "there are no responses of x; there are responses of a, b, c",
        ),
    ] {
        let error = place.fails(code, &format!("{PLAN} -n 40 {options}"));
        assert!(error.contains(said), "{options}: {error}");
        assert_eq!(error.matches("error: ").count(), 1, "{error}");
    }
    let one = fs::read_to_string(place.path("answers.jsonl")).unwrap();
    let one: String =
        one.lines().filter(|line| line.contains(r#""model":"a""#)).map(|line| format!("{line}\n")).collect();
    fs::write(place.path("one.jsonl"), one).unwrap();
    let error = place.fails(1, &format!("{PLAN} -n 40 --power --responses one.jsonl"));
    assert!(error.contains("no two models answered the same 10 rows"), "{error}");
    // A pool of three tasks shows nothing, and that is an answer.
    let text = place.ok(&format!("{PLAN} -n 3 --power"));
    assert!(text.contains("3 distinct tasks are too few to show any difference"), "{text}");
}
