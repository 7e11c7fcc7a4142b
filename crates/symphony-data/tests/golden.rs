//! Equality with the Python program: features, constants and scores to the last bit, pools in exact order.

mod support;

use serde_json::Value;
use support::{BENCHMARKS, golden, golden_request, json_lines, real};
use symphony_data::{
    bin::{Bins, Percentiles},
    pool::{Statistics, statistics::Gatherer},
    request::{Replacement, RequestSpec},
    stream::{self, Candidates},
    task::Task,
};

const POOLS: [(&str, &str, Replacement); 8] = [
    ("default", "exp1", Replacement::WhenShort),
    ("default", "exp2", Replacement::WhenShort),
    ("default", "exp3", Replacement::WhenShort),
    ("default", "exp5", Replacement::WhenShort),
    ("default", "no_replacement", Replacement::WhenShort),
    ("default", "custom_percentiles", Replacement::WhenShort),
    ("default", "with_replacement", Replacement::Always),
    ("amc-length", "exp5", Replacement::WhenShort),
];

#[test]
fn features_scores_and_constants_are_the_python_programs_to_the_last_bit() {
    for (set, benchmarks) in [("default", &BENCHMARKS[..]), ("amc-length", &["amc"])] {
        let Some((_, folder)) = real(set) else { return };
        for benchmark in benchmarks {
            let golden = golden(set, &format!("full/{benchmark}.json"));
            let tasks = json_lines(&folder.join(format!("{benchmark}_full.jsonl")));
            let expected = golden["tasks"].as_array().unwrap();
            assert_eq!(tasks.len(), expected.len(), "{set} {benchmark}");
            for (row, (task, expected)) in tasks.iter().zip(expected).enumerate() {
                assert_eq!(task["task_id"], format!("{benchmark}_{row}"));
                // serde_json compares floats by value and distinguishes integers from floats, as Python does.
                assert_eq!(task["difficulty_score"], expected["difficulty_score"], "{set} {benchmark} {row}");
                assert_eq!(task["scorer_metadata"], expected["scorer_metadata"], "{set} {benchmark} {row}");
                let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
                assert_eq!(keys(&task["scorer_metadata"]), keys(&expected["scorer_metadata"]));
            }
            let meta = &json_lines_of_meta(folder, benchmark);
            assert_eq!(meta["normalization_constants"], golden["normalization_constants"], "{set} {benchmark}");
            for key in ["raw_min", "raw_max", "normalized_min", "normalized_max"] {
                assert_eq!(meta["normalization"][key], golden["normalization"][key], "{set} {benchmark} {key}");
            }
            assert_close(&meta["normalization"]["normalized_mean"], &golden["normalization"]["normalized_mean"]);
            for bin in ["easy", "hard"] {
                assert_eq!(meta["thresholds"][bin], golden["thresholds_20_80"][bin], "{set} {benchmark} {bin}");
                assert_eq!(meta["bins"][bin], golden["bins_20_80"][bin], "{set} {benchmark} {bin}");
            }
        }
    }
}

fn json_lines_of_meta(folder: &std::path::Path, benchmark: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{benchmark}_full_meta.json"))).unwrap()).unwrap()
}

#[test]
fn pools_from_the_real_rows_are_the_python_programs_in_exact_order() {
    for (set, name, replacement) in POOLS {
        let Some((builder, folder)) = real(set) else { return };
        let pool = golden(set, &format!("pools/{name}.json"));
        let tasks = builder.build_task_stream(&golden_request(&pool, replacement), folder).unwrap();
        let got: Vec<Value> = tasks
            .iter()
            .map(|task| serde_json::json!([task.task_id, task.source_id, task.difficulty_bin, task.difficulty_score]))
            .collect();
        assert_eq!(got, *pool["tasks"].as_array().unwrap(), "{set} {name}");
        assert_statistics(&statistics(&tasks), &pool["statistics"], name);
    }
}

/// The scores of the golden files replace the stores, so that this runs without the data.
#[test]
fn pools_from_the_golden_scores_are_the_python_programs_in_exact_order() {
    let config = symphony_data::config::Config::from_yaml("default", symphony_data::config::DEFAULT_CONFIG).unwrap();
    for (set, name, replacement) in POOLS {
        let pool = golden(set, &format!("pools/{name}.json"));
        let request = golden_request(&pool, replacement).resolve(&config).unwrap();
        let scores: Vec<Vec<f64>> = request.parts.iter().map(|part| golden_scores(set, &part.benchmark)).collect();
        let bins: Vec<Bins> =
            request.parts.iter().zip(&scores).map(|(part, scores)| Bins::of(scores, part.cut).unwrap()).collect();
        let identities: Vec<Vec<u64>> = scores.iter().map(|scores| (0..scores.len() as u64).collect()).collect();
        let candidates: Vec<Candidates<'_>> = request
            .parts
            .iter()
            .zip(scores.iter().zip(bins.iter().zip(&identities)))
            .map(|(part, (scores, (bins, identities)))| Candidates {
                benchmark: &part.benchmark,
                bins,
                scores,
                scores_are_errors: false,
                identities,
                earlier: None,
                strata: &[],
            })
            .collect();
        let stream = stream::draw(&request, &candidates);
        let got: Vec<Value> = stream
            .draws
            .iter()
            .enumerate()
            .map(|(place, draw)| {
                let benchmark = &request.parts[draw.benchmark].benchmark;
                let score = scores[draw.benchmark][draw.row as usize];
                serde_json::json!([
                    format!("exp_{place:05}_{benchmark}"),
                    format!("{benchmark}_{}", draw.row),
                    draw.bin,
                    score
                ])
            })
            .collect();
        assert_eq!(got, *pool["tasks"].as_array().unwrap(), "{set} {name}");
    }
}

fn golden_scores(set: &str, benchmark: &str) -> Vec<f64> {
    // The sets differ only in the rule of amc.
    let set = if benchmark == "amc" { set } else { "default" };
    let full = golden(set, &format!("full/{benchmark}.json"));
    full["tasks"].as_array().unwrap().iter().map(|task| task["difficulty_score"].as_f64().unwrap()).collect()
}

#[test]
fn exp5_shows_the_figures_of_the_brief() {
    let Some((builder, folder)) = real("default") else { return };
    let tasks = builder
        .build_task_stream(&golden_request(&golden("default", "pools/exp5.json"), Replacement::WhenShort), folder)
        .unwrap();
    let statistics = serde_json::to_value(statistics(&tasks)).unwrap();
    for (benchmark, mean) in [("humaneval", 0.439), ("gsm8k", 0.461)] {
        let part = &statistics["benchmark_breakdown"][benchmark];
        assert_eq!(part["count"], 400);
        assert!((part["mean_difficulty"].as_f64().unwrap() - mean).abs() < 5e-4, "{benchmark}");
    }
    let humaneval = json_lines_of_meta(folder, "humaneval");
    assert!((humaneval["thresholds"]["easy"].as_f64().unwrap() - 0.194).abs() < 5e-4);
    assert!((humaneval["thresholds"]["hard"].as_f64().unwrap() - 0.633).abs() < 5e-4);
    assert_eq!(json_lines_of_meta(folder, "gsm8k")["bins"]["hard"], 332);
}

#[test]
fn the_requests_of_the_brief_are_short_without_repeats_and_full_with_them() {
    let Some((builder, folder)) = real("default") else { return };
    let request = |benchmarks: &[&str], ratios: &[f64], split: &str, n, percentiles: Option<(f64, f64)>| RequestSpec {
        benchmarks: benchmarks.iter().map(|&name| name.to_owned()).collect(),
        benchmark_ratios: (!ratios.is_empty())
            .then(|| benchmarks.iter().zip(ratios).map(|(name, ratio)| ((*name).to_owned(), *ratio)).collect()),
        difficulty_split: Some(split.to_owned()),
        n_total_tasks: n,
        difficulty_percentiles: percentiles
            .map(|(low, high)| (benchmarks[0].to_owned(), Percentiles::new(low, high).unwrap()))
            .into_iter()
            .collect(),
        ..RequestSpec::default()
    };
    let requests = [
        (request(&["humaneval", "gsm8k"], &[0.5, 0.5], "50:50", 1000, None), 566),
        (request(&["humaneval", "gsm8k", "bbh"], &[0.4, 0.4, 0.2], "70:30", 1500, None), 966),
        (request(&["humaneval"], &[1.0], "50:50", 100, Some((10.0, 90.0))), 34),
        (request(&["humaneval", "gsm8k", "bbh"], &[], "50:50", 300, None), 266),
    ];
    for (request, delivered) in requests {
        assert_eq!(builder.build_task_stream(&request, folder).unwrap().len(), delivered);
        let repeating = RequestSpec { sample_with_replacement: Some(Replacement::WhenShort), ..request.clone() };
        assert_eq!(builder.build_task_stream(&repeating, folder).unwrap().len() as u64, request.n_total_tasks);
    }
}

fn statistics(tasks: &[Task]) -> Statistics {
    let mut gatherer = Gatherer::new([], false);
    tasks.iter().for_each(|task| gatherer.add(task.view()));
    gatherer.finish().unwrap()
}

/// Compares every number of the golden statistics; ours may have more keys, and list benchmarks in another order.
fn assert_statistics(ours: &Statistics, golden: &Value, name: &str) {
    fn compare(ours: &Value, golden: &Value, name: &str) {
        match golden {
            Value::Object(golden) => golden.iter().for_each(|(key, value)| compare(&ours[key], value, name)),
            Value::Number(_) => assert_close(ours, golden),
            _ => assert_eq!(ours, golden, "{name}"),
        }
    }
    let mut ours = serde_json::to_value(ours).unwrap();
    let benchmarks = ours["benchmarks"].as_array_mut().unwrap();
    benchmarks.sort_by_key(|name| name.as_str().unwrap().to_owned());
    compare(&ours, golden, name);
}

fn assert_close(ours: &Value, golden: &Value) {
    let (ours, golden) = (ours.as_f64().unwrap(), golden.as_f64().unwrap());
    assert!((ours - golden).abs() <= 1e-12, "{ours} is not {golden}");
}
