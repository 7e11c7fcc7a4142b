//! Properties of allocation and samplers that hold for every request.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use symphony_data::{
    bin::{Bin, Bins, PerBin, Percentiles},
    config::Config,
    request::{Replacement, Request, RequestSpec, Split, TaskOrder},
    stream::{Allocation, Candidates, Draw, allocate, draw},
};

/// A made-up benchmark: scores and identities of its rows.
#[derive(Clone, Debug)]
struct Rows {
    name: &'static str,
    scores: Vec<f64>,
    identities: Vec<u64>,
}

const NAMES: [&str; 3] = ["humaneval", "gsm8k", "bbh"];

fn rows(name: &'static str) -> impl Strategy<Value = Rows> {
    // Few distinct scores and identities, so that ties and equal tasks occur.
    prop::collection::vec((0_u32..20, 0_u64..60), 1..80).prop_map(move |rows| Rows {
        name,
        scores: rows.iter().map(|(score, _)| f64::from(*score) / 20.0).collect(),
        identities: rows.iter().map(|(_, identity)| *identity).collect(),
    })
}

fn benchmarks() -> impl Strategy<Value = Vec<Rows>> {
    (rows(NAMES[0]), rows(NAMES[1]), rows(NAMES[2]), 1_usize..4)
        .prop_map(|(a, b, c, k)| [a, b, c].into_iter().take(k).collect())
}

fn split() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..9, 1_u32..9).prop_map(|(easy, hard)| format!("{easy}:{hard}")),
        (0_u32..9, 0_u32..9, 1_u32..9).prop_map(|(easy, medium, hard)| format!("{easy}:{medium}:{hard}")),
    ]
}

fn request(benchmarks: &[Rows], n: u64, split: &str, seed: u64, sampler: &str, replacement: Replacement) -> Request {
    let config = Config::from_yaml("test.yaml", "benchmarks: {humaneval: , gsm8k: , bbh: }").unwrap();
    let spec = RequestSpec {
        benchmarks: benchmarks.iter().map(|rows| rows.name.to_owned()).collect(),
        difficulty_split: Some(split.to_owned()),
        n_total_tasks: n,
        random_seed: Some(seed),
        sample_with_replacement: Some(replacement),
        sampler: Some(sampler.to_owned()),
        ..RequestSpec::default()
    };
    spec.resolve(&config).unwrap()
}

fn draws(benchmarks: &[Rows], request: &Request) -> Vec<Draw> {
    let bins: Vec<Bins> =
        benchmarks.iter().map(|rows| Bins::of(&rows.scores, Percentiles::default()).unwrap()).collect();
    let candidates: Vec<Candidates<'_>> = benchmarks
        .iter()
        .zip(&bins)
        .map(|(rows, bins)| Candidates {
            benchmark: rows.name,
            bins,
            scores: &rows.scores,
            scores_are_errors: false,
            identities: &rows.identities,
            earlier: None,
            strata: &[],
        })
        .collect();
    draw(request, &candidates).draws
}

/// The parts of a drawn task that do not depend on its row's place: benchmark, identity, bin and copy.
fn tasks(benchmarks: &[Rows], draws: &[Draw]) -> Vec<(&'static str, u64, Bin, u32)> {
    draws
        .iter()
        .map(|draw| {
            let rows = &benchmarks[draw.benchmark];
            (rows.name, rows.identities[draw.row as usize], draw.bin, draw.copy)
        })
        .collect()
}

/// The formula of the documentation, written down a second time and in the plainest way.
fn stable_by_the_book(benchmarks: &[Rows], request: &Request) -> Vec<Draw> {
    let seed = request.random_seed;
    let hash = |fields: &[String]| xxhash_rust::xxh3::xxh3_64_with_seed(fields.join("\u{1f}").as_bytes(), seed);
    let ratios: Vec<f64> = request.parts.iter().map(|part| part.ratio).collect();
    let mut stream = Vec::new();
    for (benchmark, (rows, owed)) in
        benchmarks.iter().zip(allocate(request.n_total_tasks, &ratios, request.split)).enumerate()
    {
        let name = |row: usize| {
            let k = rows.identities[..row].iter().filter(|identity| **identity == rows.identities[row]).count();
            [rows.name.to_owned(), format!("{:016x}", rows.identities[row]), k.to_string()]
        };
        let bins = Bins::of(&rows.scores, Percentiles::default()).unwrap();
        for bin in Bin::ALL {
            let mut ranked: Vec<usize> = bins.rows[bin].iter().map(|&row| row as usize).collect();
            ranked.sort_by_key(|&row| (hash(&name(row)), row));
            if ranked.is_empty() {
                continue;
            }
            let mut copies = BTreeMap::new();
            for i in 0..owed[bin] as usize {
                let row = if request.sample_with_replacement == Replacement::Always {
                    let drawn = hash(&["draw".into(), rows.name.into(), bin.to_string(), i.to_string()]);
                    ranked[((u128::from(drawn) * ranked.len() as u128) >> 64) as usize]
                } else {
                    ranked[i % ranked.len()]
                };
                let copy = copies.entry(row).or_insert(0);
                let place: Vec<String> =
                    [vec!["order".to_owned()], name(row).to_vec(), vec![copy.to_string()]].concat();
                stream.push((hash(&place), Draw { benchmark, row: row as u32, copy: *copy, bin }));
                *copy += 1;
            }
        }
    }
    stream.sort();
    stream.into_iter().map(|(_, draw)| draw).collect()
}

fn share(split: Split, bin: Bin) -> f64 {
    let of = |bin| match bin {
        Bin::Easy => f64::from(split.easy),
        Bin::Medium => f64::from(split.medium.unwrap_or(0)),
        Bin::Hard => f64::from(split.hard),
    };
    of(bin) / Bin::ALL.into_iter().map(of).sum::<f64>()
}

/// The rule of the documentation, written down a second time and in the plainest way.
fn allocation_by_the_book(n: u64, ratios: &[f64], split: Split) -> Allocation {
    const NOISE: f64 = 1e-9;
    let sum: f64 = ratios.iter().sum();
    let shares: Vec<f64> = ratios.iter().map(|ratio| ratio / sum).collect();
    let mut given = vec![PerBin::<u64>::default(); ratios.len()];
    for seat in 1..=n {
        // The benchmark: below its quota, and of those the one with the largest w / (a + 1).
        let below = |&at: &usize| (given[at].total() as f64) < seat as f64 * shares[at] - NOISE;
        let priority = |at: usize| shares[at] / (given[at].total() + 1) as f64;
        let largest = (0..ratios.len()).filter(below).map(priority).fold(0.0, f64::max);
        let at = (0..ratios.len()).filter(below).find(|&at| priority(at) >= largest * (1.0 - 1e-12)).unwrap();
        // The bin: one that would be a whole task short in this benchmark; else, of those below their share there, the
        // one that the stream lacks most, then the benchmark, then the harder.
        let short_in_benchmark = |bin| (given[at].total() + 1) as f64 * share(split, bin) - given[at][bin] as f64;
        let in_stream = |bin| given.iter().map(|bins: &PerBin<u64>| bins[bin]).sum::<u64>();
        let short_in_stream = |bin| seat as f64 * share(split, bin) - in_stream(bin) as f64;
        let mut bins: Vec<Bin> = Bin::ALL.into_iter().filter(|&bin| short_in_benchmark(bin) >= 1.0 - NOISE).collect();
        if bins.is_empty() {
            bins.extend(Bin::ALL.into_iter().filter(|&bin| short_in_benchmark(bin) > NOISE));
        }
        let most = bins.iter().map(|&bin| short_in_stream(bin)).fold(f64::NEG_INFINITY, f64::max);
        bins.retain(|&bin| short_in_stream(bin) >= most - NOISE);
        let most = bins.iter().map(|&bin| short_in_benchmark(bin)).fold(f64::NEG_INFINITY, f64::max);
        bins.retain(|&bin| short_in_benchmark(bin) >= most - NOISE);
        given[at][*bins.last().unwrap()] += 1;
    }
    given
}

/// The largest distance of a bin of the stream from its share, over all lengths up to 200.
fn largest_drift(ratios: &[f64], split: Split) -> f64 {
    let mut largest: f64 = 0.0;
    for n in 1..=200 {
        let allocation = allocate(n, ratios, split);
        for bin in Bin::ALL {
            let tasks: u64 = allocation.iter().map(|bins| bins[bin]).sum();
            largest = largest.max((tasks as f64 - n as f64 * share(split, bin)).abs());
        }
    }
    largest
}

#[test]
fn one_task_of_each_of_57_benchmarks_meets_the_split_of_the_stream() {
    let totals = |n, split: &str| {
        let allocation = allocate(n, &[1.0; 57], Split::parse(split).unwrap());
        let of = |bin: Bin| allocation.iter().map(|bins| bins[bin]).sum::<u64>();
        Bin::ALL.map(of)
    };
    assert_eq!(totals(57, "50:50"), [28, 0, 29]);
    assert_eq!(totals(285, "50:50"), [142, 0, 143]);
    assert_eq!(totals(57, "1:1:1"), [19, 19, 19]);
    // 57 · 0.2 = 11.4
    assert_eq!(totals(57, "80:20"), [46, 0, 11]);
}

#[test]
fn counts_are_exact_where_every_share_is_a_whole_number() {
    let split = Split::parse("2:1:1").unwrap();
    let allocation = allocate(400, &[0.5, 0.3, 0.2], split);
    let expected = [(100, 50, 50), (60, 30, 30), (40, 20, 20)];
    assert_eq!(allocation, expected.map(|(easy, medium, hard)| PerBin { easy, medium, hard }));
}

#[test]
fn over_many_equal_benchmarks_the_stream_keeps_its_split() {
    let mut splits = vec!["50:50", "80:20", "20:80", "70:30", "30:70", "90:10", "60:40", "1:2", "3:4", "7:9"];
    for benchmarks in (1..=60).step_by(4) {
        for split in &splits {
            let drift = largest_drift(&vec![1.0; benchmarks], Split::parse(split).unwrap());
            assert!(drift <= 2.0 + 1e-9, "{drift} tasks over {benchmarks} benchmarks at {split}");
        }
    }
    splits = vec!["1:1:1", "1:2:1", "20:60:20", "1:1:4", "5:3:2", "2:2:6"];
    for benchmarks in (1..=60).step_by(4) {
        for split in &splits {
            let drift = largest_drift(&vec![1.0; benchmarks], Split::parse(split).unwrap());
            assert!(drift <= 5.0, "{drift} tasks over {benchmarks} benchmarks at {split}");
        }
    }
}

#[test]
fn over_many_benchmarks_of_any_ratios_the_stream_keeps_its_split_to_a_few_tasks() {
    for seed in 0..60_u64 {
        let random = |i: u64| xxhash_rust::xxh3::xxh3_64_with_seed(&i.to_le_bytes(), seed) as f64 / u64::MAX as f64;
        let ratios: Vec<f64> = (0..=seed).map(|i| 0.01 + random(i).powi(3)).collect();
        for (split, most) in
            [("50:50", 5.0), ("80:20", 5.0), ("1:2", 5.0), ("1:1:1", 12.0), ("1:2:1", 12.0), ("1:1:4", 12.0)]
        {
            let drift = largest_drift(&ratios, Split::parse(split).unwrap());
            assert!(drift <= most, "{drift} tasks over {} benchmarks at {split}", ratios.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn allocation_sums_to_n_misses_no_share_by_one_and_never_shrinks(
        ratios in prop::collection::vec(0.0_f64..1.0, 1..8).prop_filter("a share", |r| r.iter().sum::<f64>() > 0.01),
        split in split(),
        n in 1_u64..400,
    ) {
        let split = Split::parse(&split).unwrap();
        let sum: f64 = ratios.iter().sum();
        let now = allocate(n, &ratios, split);
        let next = allocate(n + 1, &ratios, split);
        prop_assert_eq!(now.iter().map(PerBin::total).sum::<u64>(), n);
        for ((bins, more), ratio) in now.iter().zip(&next).zip(&ratios) {
            let quota = n as f64 * ratio / sum;
            prop_assert!((bins.total() as f64 - quota).abs() < 1.0 + 1e-6, "{} of {quota}", bins.total());
            for bin in Bin::ALL {
                prop_assert!(more[bin] >= bins[bin], "a larger stream takes a task away");
                let owed = bins.total() as f64 * share(split, bin);
                prop_assert!((bins[bin] as f64 - owed).abs() < 1.0, "{} of {owed}", bins[bin]);
            }
        }
    }

    #[test]
    fn allocation_follows_the_rule_of_its_documentation(
        ratios in prop::collection::vec(0.0_f64..1.0, 1..20).prop_filter("a share", |r| r.iter().sum::<f64>() > 0.01),
        split in split(),
        n in 1_u64..300,
    ) {
        let split = Split::parse(&split).unwrap();
        prop_assert_eq!(allocate(n, &ratios, split), allocation_by_the_book(n, &ratios, split));
    }

    #[test]
    fn a_stable_pool_lies_inside_every_larger_one(
        benchmarks in benchmarks(),
        split in split(),
        n in 1_u64..150,
        more in 1_u64..150,
        seed: u64,
        always: bool,
    ) {
        let replacement = if always { Replacement::Always } else { Replacement::WhenShort };
        let small = request(&benchmarks, n, &split, seed, "stable", replacement);
        let large = request(&benchmarks, n + more, &split, seed, "stable", replacement);
        let shrinks = |small: &Request, large: &Request| {
            let ratios: Vec<f64> = small.parts.iter().map(|part| part.ratio).collect();
            let (small, large) = (allocate(small.n_total_tasks, &ratios, small.split), allocate(large.n_total_tasks, &ratios, large.split));
            small.iter().zip(&large).any(|(s, l)| Bin::ALL.iter().any(|&bin| s[bin] > l[bin]))
        };
        prop_assume!(!shrinks(&small, &large));
        let (small, large) = (draws(&benchmarks, &small), draws(&benchmarks, &large));
        let held: BTreeSet<Draw> = large.iter().copied().collect();
        prop_assert!(small.iter().all(|draw| held.contains(draw)));
        // And in the same order.
        let wanted: BTreeSet<Draw> = small.iter().copied().collect();
        let among: Vec<Draw> = large.into_iter().filter(|draw| wanted.contains(draw)).collect();
        prop_assert_eq!(among, small);
    }

    #[test]
    fn an_order_by_difficulty_gives_the_same_tasks_bin_after_bin(
        benchmarks in benchmarks(),
        split in split(),
        n in 1_u64..150,
        seed: u32,
        stable: bool,
    ) {
        let sampler = if stable { "stable" } else { "numpy" };
        let shuffled = request(&benchmarks, n, &split, seed.into(), sampler, Replacement::WhenShort);
        let in_order = |order| draws(&benchmarks, &Request { order, ..shuffled.clone() });
        let mixed = draws(&benchmarks, &shuffled);
        // How hard a task is among its benchmark's rows, by counting: twice the easier ones and the equal ones.
        let rank = |draw: &Draw| {
            let scores = &benchmarks[draw.benchmark].scores;
            let own = scores[draw.row as usize];
            let count = scores.iter().map(|score| usize::from(*score < own) + usize::from(*score <= own)).sum::<usize>();
            (draw.bin, (count * 1_000_000) / scores.len())
        };
        let mut easy_first = mixed.clone();
        easy_first.sort_by_key(rank);
        prop_assert_eq!(in_order(TaskOrder::EasyFirst), easy_first);
        let mut hard_first = mixed.clone();
        hard_first.sort_by_key(|draw| std::cmp::Reverse(rank(draw)));
        prop_assert_eq!(in_order(TaskOrder::HardFirst), hard_first);
    }

    #[test]
    fn a_stable_pool_does_not_move_when_rows_are_permuted(
        benchmarks in benchmarks(),
        split in split(),
        n in 1_u64..200,
        seed: u64,
        rotation in 1_usize..50,
    ) {
        // Equal identities are told apart by row order, so each identity here has one score.
        let mut benchmarks = benchmarks;
        for rows in &mut benchmarks {
            rows.scores = rows.identities.iter().map(|identity| (identity * 7 % 20) as f64 / 20.0).collect();
        }
        let mut permuted = benchmarks.clone();
        for rows in &mut permuted {
            let by = rotation % rows.scores.len();
            rows.scores.rotate_left(by);
            rows.identities.rotate_left(by);
        }
        let request = request(&benchmarks, n, &split, seed, "stable", Replacement::WhenShort);
        prop_assert_eq!(tasks(&benchmarks, &draws(&benchmarks, &request)), tasks(&permuted, &draws(&permuted, &request)));
    }

    #[test]
    fn adding_a_benchmark_does_not_touch_the_others_stable_draws(
        a in rows(NAMES[0]),
        b in rows(NAMES[1]),
        split in split(),
        n in 1_u64..100,
        seed: u64,
    ) {
        let (alone, both) = (vec![a.clone()], vec![a, b]);
        let before = draws(&alone, &request(&alone, n, &split, seed, "stable", Replacement::WhenShort));
        // Twice as many tasks in equal shares: the first benchmark owes as many as alone, and so does each of its bins,
        // up to one task, because the bin of an odd task depends on the whole stream.
        let after = draws(&both, &request(&both, 2 * n, &split, seed, "stable", Replacement::WhenShort));
        for bin in Bin::ALL {
            let of = |draws: &[Draw]| -> Vec<Draw> {
                draws.iter().filter(|draw| draw.benchmark == 0 && draw.bin == bin).copied().collect()
            };
            let (mut fewer, mut more) = (of(&before), of(&after));
            if fewer.len() > more.len() {
                std::mem::swap(&mut fewer, &mut more);
            }
            prop_assert!(more.len() - fewer.len() <= 1);
            more.retain(|draw| fewer.contains(draw));
            prop_assert_eq!(more, fewer);
        }
    }

    #[test]
    fn the_stable_sampler_draws_by_the_formula_of_its_documentation(
        benchmarks in benchmarks(), split in split(), n in 1_u64..300, seed: u64, always: bool,
    ) {
        let replacement = if always { Replacement::Always } else { Replacement::WhenShort };
        let request = request(&benchmarks, n, &split, seed, "stable", replacement);
        prop_assert_eq!(draws(&benchmarks, &request), stable_by_the_book(&benchmarks, &request));
    }

    #[test]
    fn without_replacement_no_task_is_drawn_twice(
        benchmarks in benchmarks(), split in split(), n in 1_u64..400, seed: u32, stable: bool,
    ) {
        let sampler = if stable { "stable" } else { "numpy" };
        let found = draws(&benchmarks, &request(&benchmarks, n, &split, seed.into(), sampler, Replacement::Never));
        let distinct: BTreeSet<(usize, u32)> = found.iter().map(|draw| (draw.benchmark, draw.row)).collect();
        prop_assert_eq!(distinct.len(), found.len());
        prop_assert!(found.iter().all(|draw| draw.copy == 0));
    }

    #[test]
    fn when_short_repeats_differ_by_at_most_one_under_stable(
        benchmarks in benchmarks(), split in split(), n in 1_u64..400, seed: u64,
    ) {
        let found = draws(&benchmarks, &request(&benchmarks, n, &split, seed, "stable", Replacement::WhenShort));
        let mut bins: BTreeMap<(usize, Bin), BTreeMap<u32, u32>> = BTreeMap::new();
        for draw in &found {
            *bins.entry((draw.benchmark, draw.bin)).or_default().entry(draw.row).or_default() += 1;
        }
        for ((benchmark, bin), counts) in bins {
            let rows = Bins::of(&benchmarks[benchmark].scores, Percentiles::default()).unwrap().rows[bin].len();
            let least = if counts.len() < rows { 0 } else { *counts.values().min().unwrap() };
            prop_assert!(counts.values().max().unwrap() - least <= 1);
        }
    }

    #[test]
    fn a_full_request_delivers_exactly_what_each_bin_owes(
        benchmarks in benchmarks(), split in split(), n in 1_u64..300, seed: u32, stable: bool, always: bool,
    ) {
        let sampler = if stable { "stable" } else { "numpy" };
        let replacement = if always { Replacement::Always } else { Replacement::WhenShort };
        let request = request(&benchmarks, n, &split, seed.into(), sampler, replacement);
        let found = draws(&benchmarks, &request);
        let ratios: Vec<f64> = request.parts.iter().map(|part| part.ratio).collect();
        for (at, owed) in allocate(n, &ratios, request.split).iter().enumerate() {
            let bins = Bins::of(&benchmarks[at].scores, Percentiles::default()).unwrap();
            for bin in Bin::ALL {
                let got = found.iter().filter(|draw| draw.benchmark == at && draw.bin == bin).count() as u64;
                prop_assert_eq!(got, if bins.rows[bin].is_empty() { 0 } else { owed[bin] });
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_stream_and_another_seed_another(
        a in rows(NAMES[0]), seed: u32, stable: bool,
    ) {
        let benchmarks = vec![a];
        let sampler = if stable { "stable" } else { "numpy" };
        let stream = |seed: u32| draws(&benchmarks, &request(&benchmarks, 200, "1:1:1", seed.into(), sampler, Replacement::Always));
        prop_assert_eq!(stream(seed), stream(seed));
        // 200 draws from a dozen rows or more, so two seeds cannot agree by chance.
        if benchmarks[0].scores.len() > 12 {
            prop_assert_ne!(stream(seed), stream(seed ^ 1));
        }
    }
}
