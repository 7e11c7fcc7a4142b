//! The pictures, whose marks are read back: positions against values.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use regex::Regex;
use serde_json::{Value, json};

use super::{between, place, report, support::Place, tasks};

/// The picture whose id ends like this.
pub fn picture<'t>(html: &'t str, id: &str) -> &'t str {
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

const BESIDE_PERCENT: &str =
    r#"<line class="grid" x1="38" y1="([\d.]+)" x2="350" y2="[\d.]+"/>\s*<text [^>]*>([\d.]+ %)</text>"#;

#[test]
fn the_bars_of_a_histogram_are_as_high_as_there_are_tasks() {
    let place = place();
    let html = report(&place, "pool");
    let manifest: Value = serde_json::from_str(&fs::read_to_string(place.path("pool/manifest.json")).unwrap()).unwrap();
    let bar =
        Regex::new(r#"<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)">"#).unwrap();
    let line = Regex::new(r#"<line class="threshold" x1="([\d.]+)""#).unwrap();
    for benchmark in ["amc", "gsm8k"] {
        let mut expected: BTreeMap<(u64, String), f64> = BTreeMap::new();
        for task in tasks(&place, "pool").iter().filter(|task| task["benchmark"] == benchmark) {
            let bucket = (task["difficulty_score"].as_f64().unwrap() * 20.0 + 1e-9).floor().min(19.0) as u64;
            *expected.entry((bucket, task["difficulty_bin"].as_str().unwrap().to_owned())).or_default() += 1.0;
        }
        let svg = picture(&html, &format!("pool-1-difficulty-{benchmark}"));
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

/// The values of a path's points.
fn points(svg: &str, class: &str, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let d = between(svg, &format!("<path class=\"{class}\" d=\"M"), "\"");
    let pixels = d.split('L').map(|point| point.split_once(' ').unwrap());
    pixels.map(|(left, top)| (x(left.parse().unwrap()), y(top.parse().unwrap()))).collect()
}

/// The values at the dots of a class along the axis, and what they say.
fn dots(svg: &str, class: &str, x: impl Fn(f64) -> f64) -> Vec<(f64, String)> {
    let dot = format!(r#"<circle class="{class}" cx="([\d.]+)" cy="[\d.]+" r="[\d.]+"><title>([^<]*)</title>"#);
    let dots = Regex::new(&dot).unwrap();
    dots.captures_iter(svg).map(|dot| (x(dot[1].parse().unwrap()), dot[2].to_owned())).collect()
}

/// The cells of the table of a picture, without its head.
fn cells(html: &str, id: &str) -> Vec<Vec<String>> {
    let table = between(html.split_once(&format!("id=\"{id}\">")).unwrap().1, "<tbody>", "</tbody>");
    let cell = Regex::new("<td>([^<]*)</td>").unwrap();
    let row = |row: &str| cell.captures_iter(row).map(|cell| cell[1].to_owned()).collect::<Vec<String>>();
    table.split("</tr>").map(row).filter(|row| !row.is_empty()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

/// Spearman's correlation, from ranks that equal values share.
fn spearman(pairs: &[(f64, f64)]) -> f64 {
    let rank = |of: fn(&(f64, f64)) -> f64| {
        let below = |own: f64| pairs.iter().filter(|pair| of(pair) < own).count() as f64;
        let equal = |own: f64| pairs.iter().filter(|pair| of(pair) == own).count() as f64;
        pairs.iter().map(|pair| below(of(pair)) + equal(of(pair)) / 2.0).collect::<Vec<f64>>()
    };
    let (a, b) = (rank(|pair| pair.0), rank(|pair| pair.1));
    let (of_a, of_b) = (mean(&a), mean(&b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(a, b)| f(a - of_a, b - of_b)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

/// Each distinct task of a benchmark once.
fn distinct(place: &Place, pool: &str, benchmark: &str) -> BTreeMap<String, Value> {
    let own = tasks(place, pool).into_iter().filter(|task| task["benchmark"] == benchmark);
    own.map(|task| (task["source_id"].as_str().unwrap().to_owned(), task)).collect()
}

/// How often the two models of [`place`] fail a task.
fn error(source_id: &str) -> f64 {
    let row: u64 = source_id.rsplit_once('_').unwrap().1.parse().unwrap();
    [8, 3].into_iter().filter(|most| (row * 7) % 10 >= *most).count() as f64 / 2.0
}

#[test]
fn the_outline_of_a_histogram_is_the_whole_benchmark() {
    let place = place();
    let html = report(&place, "pool");
    let svg = picture(&html, "pool-1-difficulty-gsm8k");
    let found = points(svg, "outline", scale(svg, BELOW), scale(svg, BESIDE));
    let store = fs::read_to_string(place.path("data/benchmarks/full/gsm8k_full.jsonl")).unwrap();
    let mut expected = [0.0; 20];
    for line in store.lines() {
        let task: Value = serde_json::from_str(line).unwrap();
        expected[((task["difficulty_score"].as_f64().unwrap() * 20.0 + 1e-9) as usize).min(19)] += 1.0;
    }
    let drawn = tasks(&place, "pool").iter().filter(|task| task["benchmark"] == "gsm8k").count() as f64;
    let all: f64 = expected.iter().sum();
    assert_eq!(found.len(), 40);
    for (ends, (bucket, rows)) in found.chunks(2).zip(expected.iter().enumerate()) {
        for (end, (x, y)) in ends.iter().enumerate() {
            assert!((x - (bucket + end) as f64 / 20.0).abs() < 1e-3, "{found:?}");
            assert!((y - rows / all * drawn).abs() < 0.05, "{bucket}: {y}, {rows}");
        }
    }
    // Of another benchmark than the one that the pool was drawn from there is no outline.
    place.ok("-q preprocess --demo --benchmarks gsm8k --format parquet --force");
    assert!(!picture(&report(&place, "pool"), "pool-1-difficulty-gsm8k").contains("outline"));
}

#[test]
fn errors_stand_where_models_fail() {
    let place = place();
    let html = report(&place, "pool --responses answers.jsonl");
    let svg = picture(&html, "pool-1-errors-gsm8k");
    let (x, y) = (scale(svg, BELOW), scale(svg, BESIDE_PERCENT));
    let there = distinct(&place, "pool", "gsm8k");
    for bin in ["easy", "medium", "hard"] {
        let own = there.iter().filter(|(_, task)| task["difficulty_bin"] == bin);
        let expected = 100.0 * mean(&own.map(|(id, _)| error(id)).collect::<Vec<f64>>());
        let dot = Regex::new(&format!(r#"<circle class="{bin}" cx="[\d.]+" cy="([\d.]+)""#)).unwrap();
        let found = y(dot.captures(svg).unwrap()[1].parse().unwrap());
        assert!((found - expected).abs() < 0.1, "{bin}: {found} {expected}");
    }
    // Each dot of the cloud is a task, and the groups of the curve are all tasks.
    let cloud = between(svg, "<path class=\"cloud\" d=\"M", "\"");
    assert_eq!(cloud.split('M').count(), there.len());
    let all = mean(&there.keys().map(|id| error(id)).collect::<Vec<f64>>());
    let curve = points(svg, "curve", x, &y);
    let groups = cells(&html, "pool-1-errors-gsm8k");
    let numbers = groups.iter().filter(|row| row[0].starts_with("group")).map(|row| row[1].parse::<f64>().unwrap());
    let numbers: Vec<f64> = numbers.collect();
    assert_eq!(numbers.len(), curve.len());
    assert_eq!(numbers.iter().sum::<f64>() as usize, there.len());
    let found = numbers.iter().zip(&curve).map(|(n, (_, error))| n * error / 100.0).sum::<f64>() / there.len() as f64;
    assert!((found - all).abs() < 0.001, "{found} {all}");
    let rank: Vec<(f64, f64)> =
        there.iter().map(|(id, task)| (task["difficulty_score"].as_f64().unwrap(), error(id))).collect();
    // The gap, and its interval by Welch with the degrees of freedom of the smaller bin.
    let of = |bin: &str| -> Vec<f64> {
        there.iter().filter(|(_, task)| task["difficulty_bin"] == bin).map(|(id, _)| error(id)).collect()
    };
    let (easy, hard) = (of("easy"), of("hard"));
    let gap = 100.0 * (mean(&hard) - mean(&easy));
    let how = if gap < 0.0 { "less" } else { "more" };
    let said = format!("gsm8k: 2 models fail hard tasks {:.1} points {how} often than easy ones (", gap.abs());
    let ends = svg.split_once(&said).unwrap_or_else(|| panic!("{said}: {svg}")).1;
    let variance = |own: &[f64]| {
        let centre = mean(own);
        own.iter().map(|own| (own - centre).powi(2)).sum::<f64>() / (own.len() - 1) as f64 / own.len() as f64
    };
    let deviation = 100.0 * (variance(&easy) + variance(&hard)).sqrt();
    let low: f64 = ends.split(' ').next().unwrap().parse().unwrap();
    let t = (gap.abs() - low) / deviation;
    // Between the quantiles of t for 8 and for 40 degrees of freedom, which a table has.
    assert!((8..40).contains(&easy.len().min(hard.len())) && t > 2.02 && t < 2.31, "{t}");
    assert!(svg.contains(&format!("rank correlation {:.2}<", spearman(&rank))), "{svg}");
}

#[test]
fn features_stand_at_their_rank_correlations() {
    let place = place();
    let html = report(&place, "pool --responses answers.jsonl");
    let svg = picture(&html, "pool-1-features-gsm8k");
    let there = distinct(&place, "pool", "gsm8k");
    for (class, of) in [("point", None), ("error", Some(()))] {
        let found = dots(svg, class, scale(svg, BELOW));
        assert_eq!(found.len(), 3, "{svg}");
        for (rank, says) in found {
            let feature = says.split(':').next().unwrap();
            let pairs: Vec<(f64, f64)> = there
                .iter()
                .map(|(id, task)| {
                    let other = if of.is_some() { error(id) } else { task["difficulty_score"].as_f64().unwrap() };
                    (task["scorer_metadata"][feature].as_f64().unwrap(), other)
                })
                .collect();
            assert!((rank - spearman(&pairs)).abs() < 1e-3, "{says}");
        }
    }
}

#[test]
fn labels_are_ordered_by_their_median_scores() {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks bbh");
    place.ok("-q build --demo --benchmarks bbh --n-total-tasks 200 --difficulty-split 1:1:1 --output pool");
    let html = report(&place, "pool");
    let svg = picture(&html, "pool-1-labels-bbh-task_name");
    let mut by_label: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for task in distinct(&place, "pool", "bbh").values() {
        let label = task["scorer_metadata"]["task_name"].as_str().unwrap().to_owned();
        by_label.entry(label).or_default().push(task["difficulty_score"].as_f64().unwrap());
    }
    assert!(by_label.len() > 2);
    let found = dots(svg, "point", scale(svg, BELOW));
    assert!(found.is_sorted_by(|a, b| a.0 >= b.0), "{found:?}");
    for (at, says) in &found {
        let expected = median(by_label.get_mut(says.split(':').next().unwrap()).unwrap());
        assert!((at - expected).abs() < 1e-3, "{says}: {expected}");
    }
    assert_eq!(found.len(), by_label.len().min(30));
    assert_eq!(cells(&html, "pool-1-labels-bbh-task_name").len(), by_label.len());
}

#[test]
fn near_duplicates_are_shown_in_their_groups() {
    let place = Place::new();
    let words = |from: usize| (from..from + 30).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
    let questions = [words(0), words(100), format!("{} and", words(0)), words(200), format!("{} too", words(100))];
    let line = |(at, question): (usize, &String)| {
        let (ids, row) = (format!("quiz_{at}"), json!({"question": question}));
        json!({"task_id": format!("exp_{at:05}_quiz"), "benchmark": "quiz", "difficulty_score": at as f64 / 10.0, "difficulty_bin": "easy",
            "raw_data": row, "scorer_metadata": {}, "source_id": ids, "identity": format!("{at:016x}")})
        .to_string()
            + "\n"
    };
    fs::write(place.path("task_pool.jsonl"), questions.iter().enumerate().map(line).collect::<String>()).unwrap();
    let html = report(&place, "task_pool.jsonl");
    let svg = picture(&html, "pool-1-near-duplicates");
    assert!(svg.contains("4 of 5 distinct tasks are near-duplicates: there are 2 groups"), "{svg}");
    let mut found = dots(svg, "easy", scale(svg, BELOW));
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let scores: Vec<f64> = found.iter().map(|(score, _)| (10.0 * score).round()).collect();
    assert_eq!(scores, [0.0, 1.0, 2.0, 4.0]);
    let groups: Vec<[String; 2]> =
        cells(&html, "pool-1-near-duplicates").into_iter().map(|row| [row[0].clone(), row[2].clone()]).collect();
    let expected = [["1", "quiz_0"], ["1", "quiz_2"], ["2", "quiz_1"], ["2", "quiz_4"]];
    assert_eq!(groups, expected.map(|pair| pair.map(str::to_owned)));
    fs::write(place.path("task_pool.jsonl"), questions[..2].iter().enumerate().map(line).collect::<String>()).unwrap();
    assert!(report(&place, "task_pool.jsonl").contains("No two of 2 distinct tasks are near-duplicates."));
}

#[test]
fn the_pool_shows_the_differences_that_the_formula_says() {
    let place = place();
    let html = report(&place, "pool --responses answers.jsonl");
    let svg = picture(&html, "pool-1-detectable");
    // The models disagree where (row * 7) % 10 is 3 to 7, on the tasks as they were drawn.
    let there = tasks(&place, "pool");
    let disagree = |task: &&Value| error(task["source_id"].as_str().unwrap()) == 0.5;
    let discordance = there.iter().filter(disagree).count() as f64 / there.len() as f64;
    let percent = (1000.0 * discordance).round() / 10.0;
    assert!(svg.contains(&format!("disagree on {percent:.1} % of the tasks, as these two do")), "{svg}");
    // How many tasks a difference needs, by Connor (1987), with quantiles from a table.
    let needed = |points: f64| {
        let delta = points / 100.0;
        (1.96 * discordance.sqrt() + 0.8416 * (discordance - delta * delta).sqrt()).powi(2) / (delta * delta)
    };
    // The axis below is one of powers of ten: 50 and 10000 stand where 1.7 and 4 would.
    let power = scale(svg, BELOW);
    let ends = [50.0_f64, 10_000.0].map(f64::log10);
    let along = |pixel: f64| ends[0] + (power(pixel) - 50.0) / (10_000.0 - 50.0) * (ends[1] - ends[0]);
    let curve = points(svg, "curve", along, scale(svg, BESIDE));
    assert!(curve.len() > 20);
    for (power, points) in curve {
        let n = 10_f64.powf(power);
        assert!((needed(points) / n - 1.0).abs() < 0.02, "{n}: {points} needs {}", needed(points));
    }
    let repeats: BTreeMap<&str, f64> = there.iter().fold(BTreeMap::new(), |mut counts, task| {
        *counts.entry(task["source_id"].as_str().unwrap()).or_default() += 1.0;
        counts
    });
    let effective = (there.len() as f64).powi(2) / repeats.values().map(|n| n * n).sum::<f64>();
    let own = cells(&html, "pool-1-detectable").into_iter().find(|row| row[0].ends_with("(this pool)")).unwrap();
    assert!((own[0].replace(" (this pool)", "").parse::<f64>().unwrap() - effective).abs() < 0.1, "{own:?}");
    assert!((needed(own[1].parse().unwrap()) / effective - 1.0).abs() < 0.02, "{own:?}");
}

#[test]
fn pools_side_by_side_say_what_they_share() {
    let place = place();
    let ask =
        "--demo --benchmarks gsm8k,amc --difficulty-split 2:1:1 --sample-with-replacement when_short --random-seed 7";
    place.ok(&format!("-q build {ask} --n-total-tasks 120 --output other"));
    let html = report(&place, "pool other --responses answers.jsonl");
    let ids = |pool: &str| -> BTreeSet<String> {
        tasks(&place, pool).iter().map(|task| task["identity"].as_str().unwrap().to_owned()).collect()
    };
    let (a, b) = (ids("pool"), ids("other"));
    let both = a.intersection(&b).count();
    assert!(both > 0);
    let share = |of: &BTreeSet<String>| format!("{both} ({:.1} %)", 100.0 * both as f64 / of.len() as f64);
    let table = html.split_once("Distinct tasks that the pool of the row shares").unwrap().1;
    let cell = Regex::new("<td>([^<]*)</td>").unwrap();
    let found: Vec<&str> =
        cell.captures_iter(between(table, "<tbody>", "</tbody>")).map(|cell| cell.get(1).unwrap().as_str()).collect();
    assert_eq!(found, ["pool", &a.len().to_string(), &share(&a), "other", &share(&b), &b.len().to_string()]);
    let svg = picture(&html, "pools-difficulty");
    let spreads = dots(svg, "point", scale(svg, BELOW));
    let mut expected = Vec::new();
    for benchmark in ["amc", "gsm8k"] {
        for pool in ["pool", "other"] {
            let own = distinct(&place, pool, benchmark);
            expected.push(median(
                &mut own.values().map(|task| task["difficulty_score"].as_f64().unwrap()).collect::<Vec<_>>(),
            ));
        }
    }
    assert_eq!(spreads.len(), 4);
    assert!(
        spreads.iter().zip(&expected).all(|((found, _), expected)| (found - expected).abs() < 1e-3),
        "{spreads:?} {expected:?}"
    );
    let svg = picture(&html, "pools-results");
    let results = |pool: &str| -> Value {
        serde_json::from_str(&place.ok(&format!("-q results --demo --pool {pool} --responses answers.jsonl --json")))
            .unwrap()
    };
    let (first, second) = (results("pool"), results("other"));
    let found = dots(svg, "point", scale(svg, BELOW));
    let expected: Vec<f64> = first["models"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|own| {
            let other =
                second["models"].as_array().unwrap().iter().find(|other| other["model"] == own["model"]).unwrap();
            [own, other].map(|own| 100.0 * own["accuracy"].as_f64().unwrap())
        })
        .collect();
    assert_eq!(found.len(), 4);
    assert!(
        found.iter().zip(&expected).all(|((found, _), expected)| (found - expected).abs() < 0.1),
        "{found:?} {expected:?}"
    );
}
