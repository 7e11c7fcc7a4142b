//! The page: what it says, that rows cannot make it do anything, and where it is written.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use regex::Regex;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{between, explorer::packed, pictures::picture, place, report, support::Place};

#[test]
fn the_request_in_a_report_makes_the_same_pool_again() {
    let place = place();
    let html = report(&place, "pool");
    let yaml = between(&html, r#"<pre tabindex="0" class="yaml">"#, "</pre>").replace("&#34;", "\"");
    fs::write(place.path("request.yaml"), yaml).unwrap();
    place.ok("-q run pool --experiments request.yaml --demo --output again");
    let read = |path: &str| fs::read_to_string(place.path(path)).unwrap();
    assert_eq!(read("again/pool/task_pool.jsonl"), read("pool/task_pool.jsonl"));
}

#[test]
fn the_policy_allows_exactly_the_style_and_the_script_of_the_page() {
    let place = place();
    let html = report(&place, "pool --responses answers.jsonl");
    let policy = between(&html, r#"http-equiv="Content-Security-Policy" content=""#, "\"");
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    let style = hash(between(&html, "<style>", "</style>"));
    let script = hash(between(&html, "<script>", "</script>"));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"
        )
    );
    // The two, and the tasks, which are data.
    assert_eq!((html.matches("<style").count(), html.matches("<script").count()), (1, 2));
    let markup = html.replace(between(&html, "<script>", "</script>"), "");
    assert!(
        !Regex::new(r#"\s(on\w+=|style=|src=|href="[^#d])"#).unwrap().is_match(&markup),
        "nothing is loaded, and nothing runs"
    );
}

#[test]
fn the_same_pool_and_responses_give_the_same_bytes() {
    let place = place();
    let first = report(&place, "pool --responses answers.jsonl");
    assert_eq!(report(&place, "pool --responses answers.jsonl"), first);
    assert!(!first.contains(&*place.path("").to_string_lossy()), "a path of this machine");
}

/// What strangers may write: ends of elements, code, marks of direction, control characters, and one long line.
const HOSTILE: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> \u{202e}back\u{7}\u{9b} $\\frac{1}{2}$ {{ x }}";

#[test]
fn what_strangers_wrote_is_shown_and_does_nothing() {
    let place = Place::new();
    let long = "x".repeat(40_000);
    let row = json!({"question": format!("{HOSTILE} {long}"), HOSTILE: [1, "</script>"]}).to_string();
    let benchmark = "<b>&\"' \u{202e}";
    let task = |place: usize| {
        let ids = json!({"task_id": format!("exp_{place:05}_<i>"), "benchmark": benchmark, "difficulty_score": 0.5, "difficulty_bin": "easy"});
        let mut task = ids.as_object().unwrap().clone();
        task.insert("raw_data".into(), serde_json::from_str(&row).unwrap());
        task.insert("scorer_metadata".into(), json!({"label": HOSTILE}));
        task.insert("source_id".into(), format!("{benchmark}_{place}").into());
        task.insert("identity".into(), format!("{place:016x}").into());
        Value::Object(task).to_string() + "\n"
    };
    fs::create_dir(place.path("pool")).unwrap();
    fs::write(place.path("pool/task_pool.jsonl"), task(0) + &task(1)).unwrap();
    let answer = |model: &str, place: usize, score: usize| {
        json!({"benchmark": benchmark, "source_id": format!("{benchmark}_{place}"), "model": model, "score": score})
            .to_string()
            + "\n"
    };
    let answers: String = (0..2).flat_map(|place| [answer(HOSTILE, place, 1), answer("plain", place, place)]).collect();
    fs::write(place.path("answers.jsonl"), answers).unwrap();
    place.ok("-q report pool --responses answers.jsonl --output report.html");
    let html = fs::read_to_string(place.path("report.html")).unwrap();
    assert_eq!(html.matches("<script").count(), 2);
    assert!(!html.contains("<img") && !html.contains("<b>") && !html.contains("<i>"));
    assert!(!html.chars().any(|c| matches!(c, '\u{202e}' | '\u{7}' | '\u{9b}')));
    assert!(html.contains(r"&#60;/script&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#60;img src=x onerror=alert(2)&#62; \u{202e}back\u{7}\u{9b}"));
    let packed = packed(&html);
    assert_eq!(
        packed["rows"][0]["row"],
        json!([["question", format!("{HOSTILE} {long}")], [HOSTILE, "[1,\"</script>\"]"]])
    );
    assert_eq!(packed["rows"][0]["features"], json!([["label", HOSTILE, "label"]]));
}

#[test]
fn what_is_in_the_way_stays_and_is_named() {
    let place = place();
    fs::write(place.path("mine.html"), "<p>mine</p>").unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    for (code, args, said) in [
        (
            1,
            "report pool --output mine.html",
            "mine.html: this file is not a report of symphony-data; name another file, or replace it with --force",
        ),
        (1, "report pool --output pool/task_pool.jsonl", "this file is not a report of symphony-data"),
        (2, "report pool --output folder", "--output: folder: this is a folder; name a file in it"),
        (2, "report pool --output ..", "this is a folder"),
        (2, "report nowhere --output r.html", "DIR: there is no pool nowhere"),
        (
            2,
            "report pool --responses nothing.csv --output r.html",
            "--responses: there is no file or folder nothing.csv",
        ),
        (2, "report pool --baseline good --output r.html", "--responses"),
        (1, "report folder --output r.html", "there is no pool here"),
        (
            1,
            "report pool --demo --responses answers.jsonl --baseline best --output r.html",
            "these models have: good, poor",
        ),
        (2, "report pool", "--output <FILE>"),
    ] {
        let stderr = place.fails(code, args);
        assert!(stderr.contains(said), "{args}: {stderr}");
        assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
    }
    assert_eq!(fs::read_to_string(place.path("mine.html")).unwrap(), "<p>mine</p>");
    assert!(!place.path("r.html").exists());
    // The same holds for pictures: if a file is in the way of one, none of them is written.
    for kind in ["svg", "png"] {
        place.ok(&format!("-q report pool --output s.html --{kind} {kind}"));
        let name = format!("{kind}/pool-1-stream.{kind}");
        let read = || fs::read(place.path(&name)).unwrap();
        let first = read();
        fs::write(place.path(&name), "mine").unwrap();
        fs::remove_file(place.path("s.html")).unwrap();
        let stderr = place.fails(1, &format!("report pool --output s.html --{kind} {kind}"));
        assert!(stderr.contains(&format!("{name}: this file is not a report of symphony-data")), "{stderr}");
        assert!(read() == b"mine" && !place.path("s.html").exists());
        place.ok(&format!("-q report pool --output s.html --{kind} {kind} --force"));
        assert!(read() == first, "the same bytes");
        place.ok(&format!("-q report pool --output s.html --{kind} {kind}"));
        let stderr = place.fails(1, &format!("report pool --output s.html --{kind} s.html"));
        assert!(stderr.contains("s.html"), "{stderr}");
    }
    fs::write(place.path("png/pool-1-stream.png"), "mine").unwrap();
    place.fails(1, "report pool --output s.html --svg none --png png");
    assert!(!place.path("none").exists(), "one kind is not written without the other");
    // A report is replaced, and anything with --force.
    place.ok("-q report pool --output r.html");
    place.ok("-q report pool --output r.html");
    place.ok("-q report pool --output mine.html --force");
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    assert_eq!(read("mine.html"), read("r.html"));
}

#[test]
fn a_pool_without_a_manifest_says_so() {
    let place = place();
    fs::remove_file(place.path("pool/manifest.json")).unwrap();
    let html = report(&place, "pool");
    assert!(html.contains("There is no manifest, so that how these tasks were drawn is not known."));
    assert!(!html.contains("Make it again"));
    assert!(!picture(&html, "pool-1-difficulty-gsm8k").contains("class=\"threshold\""));
}

#[test]
fn only_what_a_report_wrote_counts_as_a_report() {
    let place = place();
    let pool = fs::read_to_string(place.path("pool/task_pool.jsonl")).unwrap();
    let named = pool.replacen("exp_00000_", "symphony-data report ", 1);
    fs::write(place.path("named.jsonl"), &named).unwrap();
    let script = "#!/bin/sh\nsymphony-data report pool --output run.sh\n";
    fs::write(place.path("run.sh"), script).unwrap();
    for (name, content) in [("named.jsonl", &named[..]), ("run.sh", script)] {
        let stderr = place.fails(1, &format!("report pool --output {name}"));
        assert!(stderr.contains("this file is not a report of symphony-data"), "{stderr}");
        assert_eq!(fs::read_to_string(place.path(name)).unwrap(), content);
    }
}

#[test]
fn the_request_of_a_pool_by_measured_difficulty_makes_it_again() {
    let place = place();
    place.ok("-q calibrate --demo --benchmarks gsm8k --responses answers.jsonl --output fitted");
    place.ok("-q build --demo --benchmarks gsm8k --n-total-tasks 60 --difficulty fitted --output measured");
    let html = report(&place, "measured --responses answers.jsonl");
    assert!(html.contains("fitted to the panel's answers") || html.contains("fitted to the panel&#39;s answers"));
    let yaml = between(&html, r#"<pre tabindex="0" class="yaml">"#, "</pre>").replace("&#34;", "\"");
    fs::write(place.path("request.yaml"), yaml).unwrap();
    fs::rename(place.path("fitted"), place.path("calibrations")).unwrap();
    place.ok("-q run pool --experiments request.yaml --demo --output again");
    let read = |path: &str| fs::read_to_string(place.path(path)).unwrap();
    assert_eq!(read("again/pool/task_pool.jsonl"), read("measured/task_pool.jsonl"));
    // Both models shaped the difficulty, and the page says so wherever it compares them.
    assert!(html.contains("IN-SAMPLE: the score was fitted to them"));
    assert!(html.contains("; IN-SAMPLE: good, poor"));
}

#[test]
fn a_manifest_that_was_changed_or_cannot_be_read_is_warned_of() {
    let place = place();
    let path = place.path("pool/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(!report(&place, "pool").contains("The manifest"));
    fs::write(&path, text.replacen("\"random_seed\": 2025", "\"random_seed\": 1", 1)).unwrap();
    assert!(report(&place, "pool").contains("The manifest was changed since it was written (self_checksum)"));
    fs::write(&path, "{ broken").unwrap();
    assert!(report(&place, "pool").contains("The manifest cannot be read"));
}

#[test]
fn copies_are_told_apart_by_their_ids() {
    let place = Place::new();
    let task = |benchmark: &str, at: usize, question: &str| {
        json!({"task_id": format!("exp_{at:05}_{benchmark}"), "benchmark": benchmark, "difficulty_score": at as f64 / 10.0,
            "difficulty_bin": "easy", "raw_data": {"question": question}, "scorer_metadata": {}, "source_id": format!("{benchmark}_{at}"),
            "identity": format!("{benchmark}{at:015x}")})
        .to_string()
            + "\n"
    };
    let pool: String = [("a", 0, "same"), ("a", 1, "same"), ("a", 2, "other"), ("b", 0, "same")]
        .map(|(benchmark, at, question)| task(benchmark, at, question))
        .concat();
    fs::write(place.path("task_pool.jsonl"), &pool).unwrap();
    let answer = |benchmark: &str, at: usize, score: u8| {
        json!({"benchmark": benchmark, "source_id": format!("{benchmark}_{at}"), "model": "m", "score": score})
            .to_string()
            + "\n"
    };
    let answers = answer("a", 0, 1) + &answer("a", 1, 0) + &answer("a", 2, 1) + &answer("b", 0, 0);
    fs::write(place.path("answers.jsonl"), answers).unwrap();
    place.ok("-q report task_pool.jsonl --responses answers.jsonl --output report.html");
    let html = fs::read_to_string(place.path("report.html")).unwrap();
    assert!(html.contains("<dt>distinct tasks</dt><dd>4</dd>"));
    assert!(html.contains("of 4 distinct tasks are near-duplicates"));
    let packed = packed(&html);
    let answers: Vec<&Value> = packed["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| &packed["rows"][task["row"].as_u64().unwrap() as usize]["answers"][0])
        .collect();
    assert_eq!(answers, [1, 0, 1, 0]);
    // Another pool without ids shares its tasks all the same.
    let bare: String = pool
        .lines()
        .map(|line| {
            let mut task: Value = serde_json::from_str(line).unwrap();
            task.as_object_mut().unwrap().retain(|key, _| key != "source_id" && key != "identity");
            task.to_string() + "\n"
        })
        .collect();
    fs::create_dir(place.path("bare")).unwrap();
    fs::write(place.path("bare/task_pool.jsonl"), bare).unwrap();
    place.ok("-q report task_pool.jsonl bare --output both.html");
    let html = fs::read_to_string(place.path("both.html")).unwrap();
    assert!(html.contains("<td>3 (100.0 %)</td>"), "the two that are the same are one");
}

#[test]
fn a_pool_without_answers_does_not_stop_the_report_on_another() {
    let place = place();
    place.ok("-q build --demo --benchmarks amc --n-total-tasks 20 --output amc");
    place.ok("-q build --demo --benchmarks gsm8k --n-total-tasks 20 --output gsm8k");
    let all = fs::read_to_string(place.path("answers.jsonl")).unwrap();
    let of_gsm8k: String =
        all.lines().filter(|line| line.contains("\"gsm8k\"")).map(|line| line.to_owned() + "\n").collect();
    fs::write(place.path("some.jsonl"), of_gsm8k).unwrap();
    let output = place.run("report amc gsm8k --demo --responses some.jsonl --output r.html");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && stderr.contains("amc: no response is to a task of this pool"), "{stderr}");
    let stderr = place.fails(1, "report amc --demo --responses some.jsonl --output r.html");
    assert!(stderr.contains("no response could be mapped to a row"), "{stderr}");
}

#[test]
fn in_short_says_how_one_model_does_and_who_is_better_of_two() {
    let place = place();
    let short = |html: &str| between(html, "<h3>In short</h3>", "</ul>").to_owned();
    let both = report(&place, "pool --responses answers.jsonl");
    assert!(short(&both).contains("good solves ") && short(&both).contains(" points more than poor ("));
    let all = fs::read_to_string(place.path("answers.jsonl")).unwrap();
    let of_one: String = all.lines().filter(|line| line.contains("good")).map(|line| line.to_owned() + "\n").collect();
    fs::write(place.path("one.jsonl"), of_one).unwrap();
    let one = report(&place, "pool --responses one.jsonl");
    assert!(short(&one).contains("good solves ") && short(&one).contains(" of the hard tasks."), "{}", short(&one));
}
