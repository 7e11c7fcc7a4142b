//! Generated benchmarks are scored like the real ones: each feature's distribution is near the golden one, and no bin
//! is empty.

mod support;

use serde_json::Value;
use support::{BENCHMARKS, golden, json_lines};
use symphony_data::{DatasetBuilder, preprocess::PreprocessOptions};

/// The tasks of a generated benchmark, scored by its preset or another's rule.
fn tasks(benchmark: &str, query: &str, difficulty: &str) -> (Vec<Value>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!("benchmarks: {{{benchmark}: {{path: 'synthetic:{benchmark}{query}'{difficulty}}}}}");
    let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
    let metas = builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
    (json_lines(&folder.path().join(format!("{benchmark}_full.jsonl"))), serde_json::to_value(metas[0].bins).unwrap())
}

fn numbers(tasks: &[Value], feature: &str) -> Vec<f64> {
    let number = |value: &Value| value.as_f64().or(value.as_bool().map(|yes| f64::from(u8::from(yes)))).unwrap();
    let mut numbers: Vec<f64> = tasks.iter().map(|task| number(&task["scorer_metadata"][feature])).collect();
    numbers.sort_unstable_by(f64::total_cmp);
    numbers
}

/// The Kolmogorov-Smirnov distance: the largest difference between two empirical distribution functions.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let upto = |sorted: &[f64], x: f64| sorted.partition_point(|value| *value <= x) as f64 / sorted.len() as f64;
    a.iter().chain(b).map(|&x| (upto(a, x) - upto(b, x)).abs()).fold(0.0, f64::max)
}

#[test]
fn scored_features_are_distributed_like_the_real_ones() {
    let scored: [(&str, &str, &str, &[&str]); 6] = [
        ("default", "humaneval", "", &["n_asserts", "prompt_len"]),
        ("default", "gsm8k", "", &["reasoning_steps"]),
        ("default", "bbh", "", &["base_complexity", "input_len"]),
        ("default", "amc", "", &["problem_number"]),
        ("amc-length", "amc", ", difficulty: {preset: amc_length}", &["problem_len", "has_latex"]),
        ("default", "medical_qa", "", &["question_words", "n_keywords", "avg_option_len", "is_clinical_case"]),
    ];
    for (set, benchmark, difficulty, features) in scored {
        let golden = golden(set, &format!("full/{benchmark}.json"));
        let golden = golden["tasks"].as_array().unwrap();
        for query in ["", "?seed=1", "?rows=10000"] {
            let (tasks, _) = tasks(benchmark, query, difficulty);
            for feature in features {
                let distance = distance(&numbers(&tasks, feature), &numbers(golden, feature));
                println!("{benchmark}{query} {feature}: {distance:.3}");
                assert!(distance < 0.25, "{benchmark}{query} {feature}: {distance}");
            }
        }
    }
}

#[test]
fn no_bin_is_empty_from_100_rows_up() {
    for benchmark in BENCHMARKS {
        for rows in [100, 101, 150, 400, 1000] {
            for seed in 0..5 {
                let (_, bins) = tasks(benchmark, &format!("?rows={rows}&seed={seed}"), "");
                for bin in ["easy", "medium", "hard"] {
                    assert!(
                        bins[bin].as_u64().unwrap() > 0,
                        "{benchmark} with {rows} rows and seed {seed}: no {bin} task"
                    );
                }
            }
        }
    }
}
