//! `report`: one HTML file that shows what the pool, its manifest and the results say, and in which nothing of a stranger runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use regex::Regex;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

mod support;

use support::Place;

/// A pool of 80 generated tasks in two benchmarks, some of which repeat, and answers of two models to all rows.
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

/// The tasks in the page, as its script reads them.
fn packed(html: &str) -> Value {
    let bytes = STANDARD.decode(between(html, r#"<script type="text/plain" id="tasks">"#, "</script>")).unwrap();
    let mut text = String::new();
    ZlibDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The picture whose id ends like this.
fn picture<'t>(html: &'t str, id: &str) -> &'t str {
    between(html, &format!("id=\"{id}\">"), "</svg>")
}

/// Values by their pixels, from the texts of an axis. `axis` finds the pixel and the value.
fn scale(svg: &str, axis: &str) -> impl Fn(f64) -> f64 {
    let ticks: Vec<(f64, f64)> = Regex::new(axis)
        .unwrap()
        .captures_iter(svg)
        .map(|tick| (tick[1].parse().unwrap(), tick[2].replace('−', "-").replace([' ', '%', '+'], "").parse().unwrap()))
        .collect();
    let ((from, low), (to, high)) = (ticks[0], ticks[ticks.len() - 1]);
    assert!(from != to, "{ticks:?}");
    move |pixel| low + (pixel - from) / (to - from) * (high - low)
}

const BELOW: &str = r#"<text class="tick" x="([\d.]+)" y="[\d.]+" text-anchor="middle">([\d.+−]+(?: %)?)</text>"#;
const BESIDE: &str = r#"<line class="grid" x1="38" y1="([\d.]+)" x2="350" y2="[\d.]+"/>\s*<text [^>]*>([\d.]+)</text>"#;

#[test]
fn the_bars_of_a_histogram_are_as_high_as_there_are_tasks() {
    let place = place();
    let html = report(&place, "pool");
    let manifest: Value = serde_json::from_str(&fs::read_to_string(place.path("pool/manifest.json")).unwrap()).unwrap();
    let bar =
        Regex::new(r#"<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)">"#).unwrap();
    let line = Regex::new(r#"<line class="threshold" x1="([\d.]+)""#).unwrap();
    for (at, benchmark) in ["amc", "gsm8k"].into_iter().enumerate() {
        let mut expected: BTreeMap<(u64, String), f64> = BTreeMap::new();
        for task in tasks(&place, "pool").iter().filter(|task| task["benchmark"] == benchmark) {
            let bucket = (task["difficulty_score"].as_f64().unwrap() * 20.0).floor().min(19.0) as u64;
            *expected.entry((bucket, task["difficulty_bin"].as_str().unwrap().to_owned())).or_default() += 1.0;
        }
        let svg = picture(&html, &format!("pool-1-difficulty-{}", at + 1));
        let (x, y) = (scale(svg, BELOW), scale(svg, BESIDE));
        let mut found = BTreeMap::new();
        for bar in bar.captures_iter(svg) {
            let number = |group: usize| bar[group].parse::<f64>().unwrap();
            let bucket = (x(number(2) + number(4) / 2.0) * 20.0).floor() as u64;
            let count = y(number(3)) - y(number(3) + number(5));
            found.insert((bucket, bar[1].to_owned()), (100.0 * count).round() / 100.0);
        }
        assert!(
            found.values().zip(expected.values()).all(|(found, expected)| (found - expected).abs() < 0.05),
            "{found:?}"
        );
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        let ends =
            manifest["benchmarks"].as_array().unwrap().iter().find(|part| part["benchmark"] == benchmark).unwrap();
        let lines: Vec<f64> = line.captures_iter(svg).map(|line| x(line[1].parse().unwrap())).collect();
        for (line, end) in lines.iter().zip(["easy", "hard"]) {
            assert!((line - ends["thresholds"][end].as_f64().unwrap()).abs() < 1e-3, "{lines:?}");
        }
        assert_eq!(lines.len(), 2);
    }
}

#[test]
fn the_points_of_the_stream_are_means_of_its_tasks() {
    let place = place();
    let html = report(&place, "pool");
    let svg = picture(&html, "pool-1-stream");
    let y = scale(svg, BESIDE);
    let dot = Regex::new(r#"<circle class="point" cx="[\d.]+" cy="([\d.]+)""#).unwrap();
    let found: Vec<f64> = dot.captures_iter(svg).map(|dot| y(dot[1].parse().unwrap())).collect();
    let scores: Vec<f64> =
        tasks(&place, "pool").iter().map(|task| task["difficulty_score"].as_f64().unwrap()).collect();
    // 80 tasks in at most 40 stretches: two at a time.
    let expected: Vec<f64> = scores.chunks(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
    assert_eq!(found.len(), expected.len());
    assert!(
        found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-3),
        "{found:?}\n{expected:?}"
    );
}

#[test]
fn phases_begin_where_the_manifest_says_and_the_request_makes_them_again() {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks gsm8k");
    let phases =
        json!([{"n_total_tasks": 50, "difficulty_split": "90:10"}, {"n_total_tasks": 30, "difficulty_split": "10:90"}]);
    let ramp = json!({"experiments": {"ramp": {"name": "A \"ramp\": no", "benchmarks": ["gsm8k"], "phases": phases}}});
    fs::write(place.path("ramp.yaml"), ramp.to_string()).unwrap();
    place.ok("-q run ramp --experiments ramp.yaml --demo");
    let html = report(&place, "data/ramp");
    let svg = picture(&html, "pool-1-stream");
    let x = scale(svg, BELOW);
    let line = Regex::new(r#"<line class="threshold" x1="([\d.]+)""#).unwrap();
    let starts: Vec<f64> = line.captures_iter(svg).map(|line| x(line[1].parse().unwrap()).round()).collect();
    assert_eq!(starts, [0.0, 50.0]);
    let there = tasks(&place, "data/ramp");
    let mean = |tasks: &[Value]| {
        tasks.iter().map(|task| task["difficulty_score"].as_f64().unwrap()).sum::<f64>() / tasks.len() as f64
    };
    let said = format!("The mean score is {:.2} in phase 1, {:.2} in phase 2<", mean(&there[..50]), mean(&there[50..]));
    assert!(svg.contains(&said), "{said}: {svg}");
    let yaml = between(&html, r#"<pre tabindex="0" class="yaml">"#, "</pre>").replace("&#34;", "\"");
    fs::write(place.path("request.yaml"), yaml).unwrap();
    place.ok("-q run ramp --experiments request.yaml --demo --output again");
    for file in ["task_pool.jsonl", "manifest.json"] {
        let read = |folder: &str| fs::read_to_string(place.path(&format!("{folder}/ramp/{file}"))).unwrap();
        assert!(read("again") == read("data"), "{file}");
    }
}

#[test]
fn the_pictures_of_results_stand_where_the_results_are() {
    let place = place();
    let html = report(&place, "pool --responses answers.jsonl --baseline poor");
    let results = place.ok("-q results --demo --pool pool --responses answers.jsonl --baseline poor --by bin --json");
    let results: Value = serde_json::from_str(&results).unwrap();
    let mark = Regex::new(
        r#"<line class="(?:easy|medium|hard|interval)" x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)" y2="[\d.]+"/>\s*<circle class="\w+" cx="([\d.]+)""#,
    )
    .unwrap();
    let marks = |id: &str| -> Vec<[f64; 3]> {
        let svg = picture(&html, id);
        let x = scale(svg, BELOW);
        mark.captures_iter(svg).map(|mark| [1, 2, 3].map(|at| x(mark[at].parse().unwrap()))).collect()
    };
    let close = |found: &[[f64; 3]], expected: Vec<[f64; 3]>| {
        assert_eq!(found.len(), expected.len());
        let pairs = found.iter().flatten().zip(expected.iter().flatten());
        assert!(pairs.clone().all(|(found, expected)| (found - expected).abs() < 0.1), "{found:?}\n{expected:?}");
    };
    let percents = |own: &Value, centre: &str| ["low", "high", centre].map(|key| 100.0 * own[key].as_f64().unwrap());
    let of_bins = results["models"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|own| own["by"]["bin"].as_object().unwrap().values().map(|group| percents(group, "accuracy")));
    let of_bins: Vec<[f64; 3]> = of_bins.collect();
    assert_eq!(of_bins.len(), 6);
    close(&marks("pool-1-by-bin"), of_bins);
    let comparisons = results["comparisons"].as_array().unwrap().iter().map(|own| percents(own, "difference"));
    close(&marks("pool-1-differences"), comparisons.collect());
}

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
    assert_eq!(packed["rows"][0]["features"], json!([["label", HOSTILE]]));
}

#[test]
fn of_very_many_tasks_the_first_ones_are_there_and_the_page_says_so() {
    let place = Place::new();
    let task = |place: usize| {
        let row = json!({"question": format!("What is {place}?")});
        let ids = json!({"task_id": format!("exp_{place:05}_a"), "benchmark": "a", "difficulty_score": 0.5, "difficulty_bin": "easy", "raw_data": row, "scorer_metadata": {}});
        ids.to_string() + "\n"
    };
    fs::write(place.path("task_pool.jsonl"), (0..20_001).map(task).collect::<String>()).unwrap();
    let html = report(&place, "task_pool.jsonl");
    assert!(html.contains("The first 20000 of 20001 tasks are here; the pools have all."));
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
    assert!(!html.contains("Make it again") && !html.contains("class=\"threshold\""));
}
