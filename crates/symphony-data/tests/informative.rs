//! The informative draw: strata by expected error, two tasks each, with known chances.

use std::collections::BTreeMap;

use proptest::prelude::*;
use symphony_data::{
    bin::{Bins, Percentiles},
    config::Config,
    request::{Request, RequestSpec},
    stream::{Candidates, Chance, Stream, draw},
};

const PAIR: [&str; 2] = ["gsm8k", "humaneval"];

/// A request for `n` tasks of each of `benchmarks`.
fn request(benchmarks: usize, n: u64, seed: u64) -> Request {
    let config = Config::from_yaml(
        "test.yaml",
        "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=9'}, humaneval: {path: 'synthetic:humaneval?rows=9'}}",
    )
    .unwrap();
    let names: Vec<String> = PAIR[..benchmarks].iter().map(|&name| name.to_owned()).collect();
    let spec = RequestSpec {
        benchmarks: names,
        n_total_tasks: n * benchmarks as u64,
        random_seed: Some(seed),
        select: Some("informative".to_owned()),
        ..RequestSpec::default()
    };
    spec.resolve(&config).unwrap()
}

fn drawn(errors: &[f64], identities: &[u64], n: u64, seed: u64) -> Stream {
    let bins = Bins::of(errors, Percentiles::default()).unwrap();
    let candidates = Candidates {
        benchmark: PAIR[0],
        bins: &bins,
        scores: errors,
        scores_are_errors: true,
        identities,
        earlier: None,
        strata: &[],
    };
    draw(&request(1, n, seed), &[candidates])
}

/// The strata: how many rows each stands for, and the rows that were drawn from it.
fn strata(stream: &Stream) -> BTreeMap<u32, (f64, Vec<u32>)> {
    let mut strata = BTreeMap::<u32, (f64, Vec<u32>)>::new();
    for ((_, row), Chance { stratum, weight }) in &stream.chances {
        let own = strata.entry(*stratum).or_default();
        own.0 += weight;
        own.1.push(*row);
    }
    strata
}

/// Rows with errors of all sizes, and ties.
fn errors() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![0.0_f64..=1.0, Just(0.5), Just(0.02), Just(0.0), Just(1.0)], 1..400)
}

proptest! {
    #[test]
    fn weights_add_up_to_all_rows_and_strata_are_stretches_of_the_scores(
        errors in errors(),
        n in 1_u64..120,
        seed: u64,
    ) {
        let identities: Vec<u64> = (0..errors.len() as u64).collect();
        let stream = drawn(&errors, &identities, n, seed);
        let n = n.min(errors.len() as u64) as usize;
        prop_assert_eq!(stream.draws.len(), n);
        prop_assert_eq!(stream.chances.len(), n, "no row comes twice");
        let strata = strata(&stream);
        let all: f64 = strata.values().map(|(rows, _)| rows).sum();
        prop_assert!((all - errors.len() as f64).abs() < 1e-9, "{} of {}", all, errors.len());
        let mut before = f64::NEG_INFINITY;
        for (number, (rows, taken)) in &strata {
            prop_assert!((rows - rows.round()).abs() < 1e-9 && *rows >= taken.len() as f64, "stratum {}: {}", number, rows);
            prop_assert!(taken.len() >= 2 || n == 1, "stratum {}: {} tasks", number, taken.len());
            let scores = taken.iter().map(|row| errors[*row as usize]);
            let (low, high) = scores.fold((f64::MAX, f64::MIN), |(low, high), score| (low.min(score), high.max(score)));
            prop_assert!(before <= low, "stratum {}", number);
            before = high;
        }
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter(errors in errors(), n in 1_u64..120, seed: u64, turn in 0_usize..400) {
        let identities: Vec<u64> = (0..errors.len() as u64).map(|row| row.wrapping_mul(0x9e37_79b9)).collect();
        let turn = turn % errors.len();
        let turned = |stream: &Stream, by: usize| -> Vec<u64> {
            stream.draws.iter().map(|draw| identities[(draw.row as usize + by) % errors.len()]).collect()
        };
        let first = drawn(&errors, &identities, n, seed);
        let (mut errors_turned, mut identities_turned) = (errors.clone(), identities.clone());
        errors_turned.rotate_left(turn);
        identities_turned.rotate_left(turn);
        let second = drawn(&errors_turned, &identities_turned, n, seed);
        prop_assert_eq!(turned(&first, 0), turned(&second, turn));
    }
}

/// Every row is drawn as often as its weight says, whatever seed: the chance of each row is one divided by it.
#[test]
fn a_weight_is_one_divided_by_the_chance_to_be_drawn() {
    // Ties, so that which stratum a row falls into is random too.
    let errors: Vec<f64> = (0..60).map(|row| [0.01, 0.05, 0.3, 0.3, 0.6, 0.97][row / 10]).collect();
    let identities: Vec<u64> = (0..60).map(|row| 1000 + row).collect();
    let (seeds, n) = (6000_u64, 16);
    let (mut times, mut weights) = (vec![0.0; 60], vec![0.0; 60]);
    for seed in 0..seeds {
        for ((_, row), chance) in &drawn(&errors, &identities, n, seed).chances {
            times[*row as usize] += 1.0;
            weights[*row as usize] += chance.weight;
        }
    }
    for group in 0..6 {
        let rows = group * 10..group * 10 + 10;
        let of_group = times[rows.clone()].iter().sum::<f64>() / 10.0;
        for row in rows {
            // The weights of a row, added up over all draws that have it, estimate 1 for each draw.
            let (mean, chance) = (weights[row] / seeds as f64, times[row] / seeds as f64);
            let sd = ((1.0 / chance - 1.0) / seeds as f64).sqrt();
            assert!((mean - 1.0).abs() < 5.0 * sd, "row {row}: {mean} with a standard error of {sd}");
            // Rows of equal score have equal chances.
            let sd = (of_group * (1.0 - of_group / seeds as f64)).sqrt();
            assert!((times[row] - of_group).abs() < 5.0 * sd, "row {row}: {} times, {of_group} on average", times[row]);
        }
    }
}

/// Rows whose answers are uncertain are drawn more often than rows that nearly all models solve or fail.
#[test]
fn uncertain_rows_are_drawn_more_often() {
    let errors: Vec<f64> = (0..300).map(|row| [0.01, 0.5, 0.999][row / 100]).collect();
    let identities: Vec<u64> = (0..300).collect();
    let stream = drawn(&errors, &identities, 60, 7);
    let mut counts = [0; 3];
    stream.draws.iter().for_each(|draw| counts[draw.row as usize / 100] += 1);
    // Standard deviations by the rule in the documentation of the sampler.
    let deviation = |error: f64| {
        let stronger = 1.0 / (1.0 + ((1.0 - error) / error) * 1.5_f64.exp());
        (f64::midpoint(error * (1.0 - error), stronger * (1.0 - stronger)) + 0.01).sqrt()
    };
    let all: f64 = [0.01, 0.5, 0.999].map(deviation).iter().sum();
    for (count, error) in counts.into_iter().zip([0.01, 0.5, 0.999]) {
        let share = 60.0 * deviation(error) / all;
        assert!((f64::from(count) - share).abs() < 2.5, "{count} of error {error}, not {share}");
    }
}

/// Without predicted errors, all rows have about the same weight.
#[test]
fn surface_scores_give_strata_of_equal_size() {
    let scores: Vec<f64> = (0..500).map(|row| f64::from(row * row) / 250_000.0).collect();
    let identities: Vec<u64> = (0..500).collect();
    let bins = Bins::of(&scores, Percentiles::default()).unwrap();
    let candidates = Candidates {
        benchmark: PAIR[0],
        bins: &bins,
        scores: &scores,
        scores_are_errors: false,
        identities: &identities,
        earlier: None,
        strata: &[],
    };
    let stream = draw(&request(1, 50, 3), &[candidates]);
    assert!(stream.chances.values().all(|chance| chance.weight == 10.0), "{:?}", stream.chances);
}

/// Several benchmarks: each has weights and strata of its own, and its share of the tasks.
#[test]
fn each_benchmark_has_weights_of_its_own() {
    let errors: Vec<Vec<f64>> = [90, 300].map(|rows| (0..rows).map(|row| f64::from(row) / 300.0).collect()).into();
    let identities: Vec<Vec<u64>> = errors.iter().map(|errors| (0..errors.len() as u64).collect()).collect();
    let bins: Vec<Bins> = errors.iter().map(|errors| Bins::of(errors, Percentiles::default()).unwrap()).collect();
    let request = request(2, 20, 1);
    let candidates: Vec<Candidates<'_>> = (0..2)
        .map(|at| Candidates {
            benchmark: PAIR[at],
            bins: &bins[at],
            scores: &errors[at],
            scores_are_errors: true,
            identities: &identities[at],
            earlier: None,
            strata: &[],
        })
        .collect();
    let stream = draw(&request, &candidates);
    for (at, errors) in errors.iter().enumerate() {
        let own = stream.chances.iter().filter(|((benchmark, _), _)| *benchmark == at).map(|(_, chance)| chance);
        let (tasks, all) = own.fold((0, 0.0), |(tasks, all), chance| (tasks + 1, all + chance.weight));
        assert_eq!(tasks, 20, "benchmark {at}");
        assert!((all - errors.len() as f64).abs() < 1e-9, "benchmark {at}: {all}");
    }
    assert!(stream.shortfalls.is_empty());
    assert_eq!(stream.allocation[0].total() + stream.allocation[1].total(), 40);
}

/// Keys that do not fit an informative draw are refused, each with the way out.
#[test]
fn keys_that_do_not_fit_an_informative_draw_are_refused() {
    let config = Config::from_yaml("test.yaml", "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=9'}}").unwrap();
    let why = |keys: &str| {
        let mut spec = RequestSpec { benchmarks: vec!["gsm8k".to_owned()], n_total_tasks: 4, ..RequestSpec::default() };
        spec.read_keys(keys).unwrap();
        spec.resolve(&config).err().map(|problems| problems.to_string()).unwrap_or_default()
    };
    for (keys, expected) in [
        (
            r#"{"select": "informative", "sampler": "stable"}"#,
            "sampler: `stable` does not draw informative tasks; leave it out",
        ),
        (
            r#"{"select": "bins", "sampler": "informative"}"#,
            "sampler: `informative` does not draw by bins; leave one of",
        ),
        (r#"{"select": "informativ"}"#, "select: there is no selection `informativ`; did you mean `informative`?"),
        (
            r#"{"select": "informative", "difficulty_split": "80:20"}"#,
            "difficulty_split: an informative draw has a split of its own",
        ),
        (
            r#"{"select": "informative", "sample_with_replacement": true}"#,
            "sample_with_replacement: an informative draw repeats no task",
        ),
        (
            r#"{"sampler": "informative", "n_total_tasks": 0, "phases": [{"n_total_tasks": 4}]}"#,
            "phases: an informative draw has no phases",
        ),
    ] {
        let found = why(keys);
        assert!(found.contains(expected), "{keys}: {found}");
    }
    for fits in [
        r#"{"select": "informative"}"#,
        r#"{"sampler": "informative", "sample_with_replacement": false}"#,
        r#"{"select": "bins", "sampler": "stable"}"#,
    ] {
        assert_eq!(why(fits), "", "{fits}");
    }
}
