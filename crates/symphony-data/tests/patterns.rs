//! Patterns in the names of a request.

use std::collections::BTreeMap;

use symphony_data::{
    bin::Percentiles,
    config::Config,
    request::{Request, RequestSpec},
};

fn config() -> Config {
    let own = "path: 'file:rows.jsonl', difficulty: {features: {n: {number: n}}, score: [{feature: n}]}";
    let yaml = format!(
        "benchmarks: {{mmlu_law: {{{own}}}, gsm8k: , mmlu_art: {{{own}}}, mmlu_old: {{enabled: false, {own}}}, mmlu_zoo: {{{own}}}}}\n\
         mixing_rules: {{exclude_combinations: [[gsm8k, mmlu_zoo]]}}"
    );
    Config::from_yaml("test.yaml", &yaml).unwrap()
}

fn spec(benchmarks: &[&str]) -> RequestSpec {
    let benchmarks = benchmarks.iter().map(|name| (*name).to_owned()).collect();
    RequestSpec { benchmarks, n_total_tasks: 10, ..RequestSpec::default() }
}

fn resolved(spec: &RequestSpec) -> Request {
    spec.resolve(&config()).unwrap()
}

fn problems(spec: &RequestSpec) -> String {
    spec.resolve(&config()).unwrap_err().to_string()
}

#[test]
fn a_pattern_is_the_enabled_benchmarks_that_match_in_the_order_of_the_configuration() {
    for (asked, expected) in [
        (&["mmlu_*"][..], &["mmlu_law", "mmlu_art", "mmlu_zoo"][..]),
        (&["mmlu_?rt", "mmlu_*"], &["mmlu_art", "mmlu_law", "mmlu_zoo"]),
        (&["mmlu_[lz]*", "mmlu_art"], &["mmlu_law", "mmlu_zoo", "mmlu_art"]),
        // What is named plainly stays where it is named.
        (&["mmlu_*", "mmlu_law"], &["mmlu_art", "mmlu_zoo", "mmlu_law"]),
    ] {
        assert_eq!(resolved(&spec(asked)).benchmarks(), expected, "{asked:?}");
    }
    // A request with a pattern is the same request as with the names.
    let written = |asked: &[&str]| serde_json::to_string(&resolved(&spec(asked))).unwrap();
    assert_eq!(written(&["mmlu_*"]), written(&["mmlu_law", "mmlu_art", "mmlu_zoo"]));
}

#[test]
fn benchmarks_of_a_pattern_share_its_ratio_and_have_its_percentiles_unless_they_have_their_own() {
    let ratios = |pairs: &[(&str, f64)]| Some(pairs.iter().map(|(name, ratio)| ((*name).to_owned(), *ratio)).collect());
    let pair = |low, high| Percentiles::new(low, high).unwrap();
    let request = resolved(&RequestSpec {
        benchmark_ratios: ratios(&[("mmlu_art", 0.5), ("mmlu_*", 0.5)]),
        difficulty_percentiles: BTreeMap::from([
            ("mmlu_*".into(), pair(10.0, 90.0)),
            ("mmlu_zoo".into(), pair(30.0, 70.0)),
        ]),
        ..spec(&["mmlu_*"])
    });
    let parts: Vec<_> = request.parts.iter().map(|part| (part.benchmark.as_str(), part.ratio, part.cut)).collect();
    let expected = [
        ("mmlu_law", 0.25, pair(10.0, 90.0).into()),
        ("mmlu_art", 0.5, pair(10.0, 90.0).into()),
        ("mmlu_zoo", 0.25, pair(30.0, 70.0).into()),
    ];
    assert_eq!(parts, expected);
    // A ratio that nothing is left for is not lost in silence.
    let own = [("mmlu_law", 0.2), ("mmlu_art", 0.2), ("mmlu_zoo", 0.2), ("mmlu_*", 0.4)];
    let lost = problems(&RequestSpec { benchmark_ratios: ratios(&own), ..spec(&["mmlu_*"]) });
    assert!(lost.contains("`mmlu_*` stands for no benchmark without a ratio of its own"), "{lost}");
}

#[test]
fn excluded_benchmarks_leave_the_mix_with_their_ratios() {
    let request = resolved(&RequestSpec {
        exclude_benchmarks: vec!["mmlu_zoo".into(), "gsm8k".into()],
        benchmark_ratios: Some(vec![("gsm8k".into(), 0.5), ("mmlu_*".into(), 1.0)]),
        ..spec(&["gsm8k", "mmlu_*"])
    });
    let parts: Vec<_> = request.parts.iter().map(|part| (part.benchmark.as_str(), part.ratio)).collect();
    assert_eq!(parts, [("mmlu_law", 0.5), ("mmlu_art", 0.5)]);
}

#[test]
fn a_pattern_that_stands_for_nothing_is_a_problem_and_so_is_a_mix_that_is_excluded() {
    let none = problems(&spec(&["gsm8k", "mmmu_*"]));
    assert!(none.contains("benchmarks: `mmmu_*` stands for no enabled benchmark"), "{none}");
    assert!(none.contains("mmlu_law, gsm8k, mmlu_art, mmlu_zoo"), "{none}");
    let with_ratio = RequestSpec { benchmark_ratios: Some(vec![("mmmu_*".into(), 1.0)]), ..spec(&["mmmu_*"]) };
    assert_eq!(problems(&with_ratio).lines().count(), 1, "{}", problems(&with_ratio));
    let again = problems(&spec(&["mmlu_*", "mmlu_*"]));
    assert!(
        again.contains("`mmlu_*` stands for no enabled benchmark that the request does not name already"),
        "{again}"
    );
    let mixed = problems(&spec(&["gsm8k", "mmlu_*"]));
    assert!(mixed.contains("gsm8k and mmlu_zoo may not be mixed"), "{mixed}");
}
