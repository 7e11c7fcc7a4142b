//! Draws that read a store span by span give what all rows in memory give, and what the documentation says.

use std::{collections::BTreeMap, fmt::Write as _, fs, num::NonZeroUsize, path::Path};

use proptest::prelude::*;
use symphony_data::{
    bin::{Bin, Percentiles},
    config::Config,
    draw::{Drawn, Stores, with_stores},
    preprocess::{PreprocessOptions, preprocess},
    progress::Silent,
    request::{Replacement, Request, RequestSpec},
    store::{Meta, Store},
    stream::Draw,
    task::Layout,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Stage 1 of the only benchmark of this configuration.
fn stage1(config: &Config, full: &Path, parts: usize, format: Layout) {
    let benchmark = &config.benchmarks[0];
    let options = PreprocessOptions { parts: NonZeroUsize::new(parts), format: Some(format), ..Default::default() };
    preprocess(benchmark, config.store_cut_of(&benchmark.name), full, options, &Silent).unwrap();
}

/// What a draw gives that does not depend on how it was found.
type Found = (Vec<Draw>, String, String, Vec<(u64, u64)>);

fn found(drawn: &Drawn<'_>) -> Found {
    let part = &drawn.parts[0];
    let (sizes, thresholds) = (part.bins().sizes(), part.bins().thresholds);
    let said = format!("{sizes:?} {:x} {:x}", thresholds.easy.to_bits(), thresholds.hard.to_bits());
    let stream = &drawn.stream;
    let repeats = Bin::ALL.map(|bin| (part.repeats_by_bin[bin].n_unique, part.repeats_by_bin[bin].max_repeats));
    (
        stream.draws.clone(),
        format!("{:?} {:?} {:?}", stream.allocation, stream.shortfalls, drawn.warnings),
        said,
        repeats.into(),
    )
}

/// A draw in spans, which must be that of all rows in memory.
fn draws(stores: &Stores<'_>, request: &Request) -> Option<Vec<Draw>> {
    let (one, other) = (stores.draw(request), stores.draw_with_rows(request));
    match (one, other) {
        (Ok(one), Ok(other)) => {
            assert_eq!(found(&one), found(&other), "{request:?}");
            Some(one.stream.draws)
        }
        (one, other) => {
            let text = |drawn: Result<Drawn<'_>, _>| drawn.map(drop).map_err(|error| format!("{error}"));
            assert_eq!(text(one), text(other), "{request:?}");
            None
        }
    }
}

/// A percentile as NumPy computes it.
fn percentile(scores: &[f64], q: f64) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() - 1) as f64 * (q / 100.0);
    let (below, t) = (sorted[place.floor() as usize], place - place.floor());
    let above = sorted[(place.floor() as usize + 1).min(sorted.len() - 1)];
    if t >= 0.5 { above - (above - below) * (1.0 - t) } else { below + (above - below) * t }
}

/// The draws of the sampler `stable`, as its documentation says, row by row: so many easy and hard tasks.
fn by_the_book(store: &Store, cut: Percentiles, asked: [u64; 2], repeat: bool, seed: u64) -> Vec<(u32, u32)> {
    let (scores, identities) = (store.scores().unwrap(), store.identities().unwrap());
    let (easy, hard) = (percentile(&scores, cut.low), percentile(&scores, cut.high));
    let hash = |text: String| xxh3_64_with_seed(text.as_bytes(), seed);
    let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
    let mut bins: [Vec<(u64, u32, String)>; 2] = Default::default();
    for ((row, score), identity) in (0_u32..).zip(&scores).zip(&identities) {
        let earlier = seen.entry(*identity).or_default();
        let task = format!("{identity:016x}\u{1f}{earlier}");
        *earlier += 1;
        let bin = match score {
            score if *score <= easy => 0,
            score if *score >= hard => 1,
            _ => continue,
        };
        bins[bin].push((hash(format!("own\u{1f}{task}")), row, task));
    }
    let mut places = Vec::new();
    for (mut rows, asked) in bins.into_iter().zip(asked) {
        rows.sort();
        let n = if repeat && !rows.is_empty() { asked as usize } else { rows.len().min(asked as usize) };
        for at in 0..n {
            let ((_, row, task), copy) = (&rows[at % rows.len()], at / rows.len());
            places.push((hash(format!("order\u{1f}own\u{1f}{task}\u{1f}{copy}")), (*row, copy as u32)));
        }
    }
    places.sort_unstable();
    places.into_iter().map(|(_, draw)| draw).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_draw_in_spans_is_that_of_all_rows_and_the_one_that_is_documented(
        // A few identities, so that there are copies; or as many as there are rows.
        rows in prop_oneof![
            prop::collection::vec((0_u32..40, 1_usize..30), 3..120),
            prop::collection::vec((any::<u32>(), 1_usize..30), 3..120),
        ],
        parts in 1_usize..4,
        parquet: bool,
        n in 1_u64..80,
        easy in 0_u32..=4,
        cut in prop_oneof![Just((20, 80)), (0_u32..60, 60_u32..=100)],
        repeat: bool,
        seed: u32,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::new();
        for (id, words) in &rows {
            writeln!(text, r#"{{"id": "row {id}", "question": "{}"}}"#, "word ".repeat(*words)).unwrap();
        }
        let path = folder.path().join("rows.jsonl");
        fs::write(&path, text).unwrap();
        let own = "identity: [id], difficulty: {features: {n: {words: question}}, score: [{feature: n, normalize: p95}]}";
        let config = format!("benchmarks:\n  own: {{path: 'file:{}', {own}}}\n", path.display());
        let config = Config::from_yaml("test.yaml", &config).unwrap();
        let full = folder.path().join("full");
        stage1(&config, &full, parts, if parquet { Layout::Parquet } else { Layout::Jsonl });
        let cut = Percentiles { low: f64::from(cut.0), high: f64::from(cut.1) };
        let replacement = if repeat { Replacement::WhenShort } else { Replacement::Never };
        let request = |sampler: &str, replacement: Replacement, split: String, n: u64| RequestSpec {
            benchmarks: vec!["own".to_owned()],
            n_total_tasks: n,
            random_seed: Some(seed.into()),
            sampler: Some(sampler.to_owned()),
            difficulty_split: Some(split),
            difficulty_percentiles: BTreeMap::from([("own".to_owned(), cut)]),
            sample_with_replacement: Some(replacement),
            ..RequestSpec::default()
        }.resolve(&config).unwrap();
        let halves = request("stable", replacement, "1:1".to_owned(), 2 * n);
        let mut requests = vec![halves];
        for sampler in ["stable", "numpy"] {
            requests.push(request(sampler, replacement, format!("{easy}:1:{}", 4 - easy), n));
            requests.push(request(sampler, replacement, "proportional".to_owned(), n));
            requests.push(request(sampler, Replacement::Always, "2:1".to_owned(), n));
        }
        with_stores(&config, &full, &requests, &Silent, |stores| {
            let drawn: Vec<_> = requests.iter().map(|request| draws(stores, request)).collect();
            let store = Store::open(&full, "own", &Silent)?;
            let expected = by_the_book(&store, cut, [n, n], repeat, seed.into());
            let first: Vec<(u32, u32)> = drawn[0].iter().flatten().map(|draw| (draw.row, draw.copy)).collect();
            assert_eq!(first, expected);
            Ok(())
        }).unwrap();
    }
}

/// More rows than a span has, and more than are read at once; with copies and without.
#[test]
fn draws_over_many_spans_are_those_of_all_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (format, identity) in [(Layout::Parquet, "[answer]"), (Layout::Jsonl, "[]")] {
        // Some generated answers come again, many spans later; row numbers do not.
        let config = format!("benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows=40000', identity: {identity}}}}}");
        let config = Config::from_yaml("test.yaml", &config).unwrap();
        let full = folder.path().join(format.name());
        stage1(&config, &full, 2, format);
        assert_eq!(Meta::read(&full, "gsm8k").unwrap().copies.is_some(), identity == "[answer]");
        let mut requests = Vec::new();
        for (sampler, n) in [("stable", 10), ("stable", 3_000), ("numpy", 3_000), ("stable", 40_000), ("numpy", 40_000)]
        {
            for cut in [Percentiles::default(), Percentiles { low: 33.0, high: 66.0 }] {
                let spec = RequestSpec {
                    benchmarks: vec!["gsm8k".to_owned()],
                    n_total_tasks: n,
                    sampler: Some(sampler.to_owned()),
                    difficulty_percentiles: BTreeMap::from([("gsm8k".to_owned(), cut)]),
                    ..RequestSpec::default()
                };
                requests.push(spec.resolve(&config).unwrap());
            }
        }
        with_stores(&config, &full, &requests, &Silent, |stores| {
            for request in &requests {
                assert!(draws(stores, request).is_some_and(|draws| draws.len() > 9));
            }
            Ok(())
        })
        .unwrap();
    }
}
