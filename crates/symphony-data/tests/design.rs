//! Pools by design: which rows may be drawn, in what shares, in what order.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::Value;
use symphony_data::{
    DatasetBuilder,
    bin::{Bin, Bins, PerBin, Percentiles},
    compare::CompareOptions,
    config::Config,
    draw::{Order, Writing, build_task_stream, make_pools, with_stores},
    preprocess::PreprocessOptions,
    progress::Silent,
    request::{Partition, Partitions, PhaseSpec, PhasesSpec, Replacement, Request, RequestSpec, Split},
    stream::{Candidates, Draw, Owed, Shares, Stratum, draw_phases, partition::Stretch},
    task::Layout,
    verify::shared_tasks,
};

// ── Partitions ──

fn partitions(shares: &[f64], seed: u64) -> Vec<Stretch> {
    let shares: Vec<(String, f64)> = shares.iter().enumerate().map(|(at, share)| (format!("p{at}"), *share)).collect();
    let of = Arc::new(Partitions { shares: shares.clone(), seed });
    shares.into_iter().map(|(name, _)| Stretch::of(&Partition { name, of: of.clone() })).collect()
}

proptest! {
    #[test]
    fn every_identity_is_in_one_partition(
        shares in prop::collection::vec(0.001_f64..1.0, 2..12),
        seed: u64,
        identities in prop::collection::vec(any::<u64>(), 1..200),
    ) {
        let partitions = partitions(&shares, seed);
        for identity in identities {
            let holders = partitions.iter().filter(|partition| partition.has(identity)).count();
            prop_assert_eq!(holders, 1, "{:016x}", identity);
        }
    }
}

#[test]
fn partitions_have_their_shares_to_sampling_error() {
    let shares = [0.6, 0.2, 0.15, 0.05];
    for seed in 0..20 {
        for (stretch, share) in partitions(&shares, seed).iter().zip(shares) {
            let n = 20_000_u64;
            let got =
                (0..n).filter(|identity| stretch.has(identity.wrapping_mul(0x9e37_79b9_7f4a_7c15))).count() as f64;
            let sd = (n as f64 * share * (1.0 - share)).sqrt();
            assert!((got - n as f64 * share).abs() < 5.0 * sd, "seed {seed}: {got} of share {share}");
        }
    }
}

// ── Shares ──

/// A tree of groups, benchmarks and strata with its ratios.
fn shares() -> impl Strategy<Value = Shares> {
    let strata = prop::collection::vec(0.05_f64..1.0, 1..5).prop_map(|ratios| Shares::flat(&ratios));
    let benchmark = prop_oneof![Just(Shares::Cell), strata];
    let group = prop::collection::vec((0.05_f64..1.0, benchmark), 1..4).prop_map(Shares::Among);
    prop::collection::vec((0.05_f64..1.0, group), 1..4).prop_map(Shares::Among)
}

/// How many tasks each cell has; and for each fork below, that its branches have their shares to less than one task.
fn check_forks(shares: &Shares, given: &mut impl Iterator<Item = u64>) -> Result<u64, TestCaseError> {
    let Shares::Among(branches) = shares else { return Ok(given.next().unwrap()) };
    let sum: f64 = branches.iter().map(|(ratio, _)| ratio).sum();
    let mut counts = Vec::new();
    for (_, branch) in branches {
        counts.push(check_forks(branch, given)?);
    }
    let all: u64 = counts.iter().sum();
    for ((ratio, _), count) in branches.iter().zip(counts) {
        let share = all as f64 * ratio / sum;
        prop_assert!((count as f64 - share).abs() < 1.0 + 1e-6, "{} of {}, not {}", count, all, share);
    }
    Ok(all)
}

proptest! {
    #[test]
    fn every_fork_and_every_cell_has_its_shares_to_less_than_one_task(
        shares in shares(),
        easy in 0_u32..9,
        hard in 1_u32..9,
        n in 1_u64..400,
    ) {
        let split = Split { easy, medium: None, hard };
        let given = shares.allocate(n, split);
        let all = check_forks(&shares, &mut given.iter().map(PerBin::total))?;
        prop_assert_eq!(all, n);
        for cell in &given {
            let share = cell.total() as f64 * f64::from(easy) / f64::from(easy + hard);
            prop_assert!((cell.easy as f64 - share).abs() < 1.0, "{:?}", cell);
        }
        // A larger n takes nothing away.
        let next = shares.allocate(n + 1, split);
        prop_assert!(given.iter().zip(&next).all(|(now, next)| Bin::ALL.iter().all(|&bin| now[bin] <= next[bin])));
    }

    #[test]
    fn bins_in_proportion_to_their_rows_never_owe_more_than_they_have(
        rows in prop::collection::vec((0_u64..40, 0_u64..40, 1_u64..40), 1..6),
        n in 1_u64..200,
    ) {
        let rows: Vec<PerBin<u64>> =
            rows.into_iter().map(|(easy, medium, hard)| PerBin { easy, medium, hard }).collect();
        let totals: Vec<f64> = rows.iter().map(|rows| rows.total() as f64).collect();
        let all: u64 = rows.iter().map(PerBin::total).sum();
        let n = n.min(all);
        let given = Shares::flat(&totals).allocate_by(&mut Owed::default(), n, &rows);
        prop_assert_eq!(given.iter().map(PerBin::total).sum::<u64>(), n);
        for (given, rows) in given.iter().zip(&rows) {
            prop_assert!(Bin::ALL.iter().all(|&bin| given[bin] <= rows[bin]), "{:?} of {:?}", given, rows);
        }
    }
}

proptest! {
    #[test]
    fn the_shares_of_many_short_stretches_add_up(
        shares in shares(),
        easy in 0_u32..=10,
        stretches in prop::collection::vec(1_u64..12, 2..40),
    ) {
        let split = Split { easy, medium: None, hard: 10 - easy };
        let (mut owed, mut all) = (Owed::default(), Vec::<PerBin<u64>>::new());
        for n in &stretches {
            let given = shares.allocate_after(&mut owed, *n, split);
            // Each stretch keeps the bounds of a stream of its own in its cells.
            for cell in &given {
                let share = cell.total() as f64 * f64::from(easy) / 10.0;
                prop_assert!((cell.easy as f64 - share).abs() < 1.0, "{:?}", cell);
            }
            all.resize(given.len(), PerBin::default());
            for (all, given) in all.iter_mut().zip(&given) {
                Bin::ALL.into_iter().for_each(|bin| all[bin] += given[bin]);
            }
        }
        let n: u64 = stretches.iter().sum();
        let alone: Vec<PerBin<u64>> = shares.allocate(n, split);
        for (all, alone) in all.iter().zip(&alone) {
            // Rounding of some twenty stretches in the same direction would move a cell by ten tasks.
            prop_assert!(all.total().abs_diff(alone.total()) <= 4, "{:?} {:?}", all, alone);
        }
        let easy_of = |cells: &[PerBin<u64>]| cells.iter().map(|cell| cell.easy).sum::<u64>();
        prop_assert!(easy_of(&all).abs_diff(n * u64::from(easy) / 10) <= 4, "{} of {}", easy_of(&all), n);
    }
}

#[test]
fn short_phases_do_not_round_the_same_way() {
    let sum = |phases: &[(u64, Split)], shares: &Shares| {
        let mut owed = Owed::default();
        let given: Vec<_> = phases.iter().flat_map(|(n, split)| shares.allocate_after(&mut owed, *n, *split)).collect();
        let [easy, hard] = [Bin::Easy, Bin::Hard].map(|bin| given.iter().map(|cell| cell[bin]).sum::<u64>());
        (easy, hard)
    };
    let even = Split { easy: 1, medium: None, hard: 1 };
    assert_eq!(sum(&[(5, even); 4], &Shares::flat(&[1.0])), (10, 10));
    // A ramp from 70:30 to 60:40 in fifty steps of two tasks.
    let [from, to] = ["70:30", "60:40"].map(|split| Split::parse(split).unwrap());
    let ramp: Vec<(u64, Split)> = (0..50).map(|at| (2, from.towards(to, at, 49).unwrap())).collect();
    assert_eq!(sum(&ramp, &Shares::flat(&[1.0])), (65, 35));
    // Five benchmarks in phases of two tasks: each gets its fifth.
    let shares = Shares::flat(&[1.0; 5]);
    let mut owed = Owed::default();
    let mut tasks = [0; 5];
    for _ in 0..10 {
        let given = shares.allocate_after(&mut owed, 2, even);
        tasks.iter_mut().zip(given).for_each(|(tasks, given)| *tasks += given.total());
    }
    assert_eq!(tasks, [4; 5]);
}

#[test]
fn even_groups_are_shared_evenly_whatever_is_in_them() {
    // A group of three benchmarks, one of them with four strata, beside a single benchmark.
    let group = Shares::Among(vec![(1.0, Shares::Cell), (1.0, Shares::flat(&[1.0; 4])), (1.0, Shares::Cell)]);
    let shares = Shares::Among(vec![(0.5, group), (0.5, Shares::Cell)]);
    let given = shares.allocate(240, Split { easy: 1, medium: None, hard: 1 });
    let counts: Vec<[u64; 2]> = given.iter().map(|cell| [cell.easy, cell.hard]).collect();
    assert_eq!(counts, [[20, 20], [5, 5], [5, 5], [5, 5], [5, 5], [20, 20], [60, 60]]);
}

// ── Phases and strata, drawn from made-up rows ──

#[derive(Clone, Debug)]
struct Rows {
    scores: Vec<f64>,
    identities: Vec<u64>,
    values: Vec<usize>,
}

fn rows() -> impl Strategy<Value = Rows> {
    prop::collection::vec((0_u32..20, 0_u64..60, 0_usize..3), 4..60).prop_map(|rows| Rows {
        scores: rows.iter().map(|(score, ..)| f64::from(*score) / 20.0).collect(),
        identities: rows.iter().map(|(_, identity, _)| *identity).collect(),
        values: rows.iter().map(|(.., value)| *value).collect(),
    })
}

const PAIR: [&str; 2] = ["humaneval", "gsm8k"];

struct Prepared {
    bins: Bins,
    strata: Vec<Stratum>,
}

fn prepared(rows: &Rows) -> Prepared {
    let bins = Bins::of(&rows.scores, Percentiles { low: 50.0, high: 50.0 }).unwrap();
    let stratum = |value: usize| {
        let of_bin = |bin: Bin| -> Vec<u32> {
            bins.rows[bin].iter().copied().filter(|row| rows.values[*row as usize] == value).collect()
        };
        let rows = PerBin { easy: of_bin(Bin::Easy), medium: of_bin(Bin::Medium), hard: of_bin(Bin::Hard) };
        Stratum { value: value.to_string(), bins: Bins::with(bins.thresholds, rows) }
    };
    let strata = (0..3).map(stratum).filter(|stratum| stratum.bins.sizes().total() > 0).collect();
    Prepared { bins, strata }
}

fn candidates<'a>(rows: &'a [Rows], prepared: &'a [Prepared], strata: bool) -> Vec<Candidates<'a>> {
    let candidate = |(at, (rows, prepared)): (usize, (&'a Rows, &'a Prepared))| Candidates {
        benchmark: PAIR[at],
        bins: &prepared.bins,
        scores: &rows.scores,
        scores_are_errors: false,
        identities: &rows.identities,
        earlier: None,
        strata: if strata { &prepared.strata } else { &[] },
    };
    rows.iter().zip(prepared).enumerate().map(candidate).collect()
}

/// A request for phases of these sizes and shares of easy tasks.
fn phased(phases: &[(u64, u32)], sampler: &str, replacement: Replacement, seed: u64, stratify: bool) -> Request {
    let config = "benchmarks:
  humaneval: {difficulty: {features: {kind: {field: kind}, n: {words: prompt}}, score: [{feature: n}]}}
  gsm8k: {difficulty: {features: {kind: {field: kind}, n: {words: question}}, score: [{feature: n}]}}";
    let phase = |(n, easy): &(u64, u32)| PhaseSpec {
        n_total_tasks: Some(*n),
        difficulty_split: Some(format!("{easy}:{}", 10 - easy)),
        ..PhaseSpec::default()
    };
    let spec = RequestSpec {
        benchmarks: PAIR.map(str::to_owned).to_vec(),
        sampler: Some(sampler.to_owned()),
        random_seed: Some(seed),
        sample_with_replacement: Some(replacement),
        stratify_by: stratify.then(|| "kind".to_owned()),
        phases: Some(PhasesSpec::List(phases.iter().map(phase).collect())),
        ..RequestSpec::default()
    };
    spec.resolve(&Config::from_yaml("test.yaml", config).unwrap()).unwrap()
}

fn drawn(request: &Request, candidates: &[Candidates<'_>]) -> Vec<Vec<Draw>> {
    let phases: Vec<_> = request.stretches().into_iter().map(|stretch| (stretch, candidates.to_vec())).collect();
    draw_phases(&phases).into_iter().map(|stream| stream.draws).collect()
}

proptest! {
    #[test]
    fn no_row_comes_in_two_phases(
        rows in prop::collection::vec(rows(), 2),
        phases in prop::collection::vec((1_u64..40, 0_u32..=10), 1..5),
        stable: bool,
        stratify: bool,
        seed: u32,
    ) {
        let prepared: Vec<Prepared> = rows.iter().map(prepared).collect();
        let sampler = if stable { "stable" } else { "numpy" };
        let candidates = candidates(&rows, &prepared, stratify);
        let request = phased(&phases, sampler, Replacement::Never, seed.into(), stratify);
        let streams = drawn(&request, &candidates);
        prop_assert_eq!(streams.len(), phases.len());
        let mut seen = BTreeSet::new();
        for draw in streams.iter().flatten() {
            prop_assert!(seen.insert((draw.benchmark, draw.row)), "{:?}", draw);
            prop_assert_eq!(draw.copy, 0);
        }
        // The first phase is what its request alone draws.
        prop_assert_eq!(&drawn(&request.phases[0], &candidates)[0], &streams[0]);
        // Each phase has what its shares ask for, as far as there are rows left.
        for (phase, draws) in request.phases.iter().zip(&streams) {
            prop_assert!(draws.len() as u64 <= phase.n_total_tasks);
        }
    }

    #[test]
    fn phases_repeat_rows_as_evenly_as_one_stream_does(
        rows in prop::collection::vec(rows(), 2),
        phases in prop::collection::vec((1_u64..60, 0_u32..=10), 2..5),
        seed: u64,
    ) {
        let prepared: Vec<Prepared> = rows.iter().map(prepared).collect();
        let candidates = candidates(&rows, &prepared, false);
        let request = phased(&phases, "stable", Replacement::WhenShort, seed, false);
        let streams = drawn(&request, &candidates);
        let mut uses: BTreeMap<(usize, Bin), BTreeMap<u32, u32>> = BTreeMap::new();
        for draw in streams.iter().flatten() {
            let count = uses.entry((draw.benchmark, draw.bin)).or_default().entry(draw.row).or_default();
            // Copies are numbered through all phases.
            prop_assert!(draw.copy < 1_000);
            *count += 1;
        }
        for ((benchmark, bin), rows) in uses {
            let all = prepared[benchmark].bins.rows[bin].len();
            let most = rows.values().max().copied().unwrap();
            let least = if rows.len() < all { 0 } else { rows.values().min().copied().unwrap() };
            prop_assert!(most - least <= 1, "{} to {}", least, most);
        }
        // No draw comes twice: benchmark, row and copy tell them apart.
        let distinct: BTreeSet<_> = streams.iter().flatten().map(|draw| (draw.benchmark, draw.row, draw.copy)).collect();
        prop_assert_eq!(distinct.len(), streams.iter().map(Vec::len).sum::<usize>());
    }

    #[test]
    fn a_stable_pool_in_strata_lies_inside_every_larger_one(
        rows in prop::collection::vec(rows(), 2),
        n in 1_u64..60,
        more in 0_u64..60,
        easy in 0_u32..=10,
        seed: u64,
    ) {
        let prepared: Vec<Prepared> = rows.iter().map(prepared).collect();
        let candidates = candidates(&rows, &prepared, true);
        let draw = |n| drawn(&phased(&[(n, easy)], "stable", Replacement::Never, seed, true), &candidates).remove(0);
        let (small, large) = (draw(n), draw(n + more));
        let held: BTreeSet<Draw> = large.iter().copied().collect();
        prop_assert!(small.iter().all(|draw| held.contains(draw)));
    }
}

// ── From rows to pools ──

/// A benchmark of made-up rows in a folder of its own.
struct Place {
    folder: tempfile::TempDir,
    builder: DatasetBuilder,
}

/// Rows with a kind, a text that tells them apart, and so many words.
fn lines(rows: &[(usize, u64, usize)]) -> String {
    let mut text = String::new();
    for (kind, id, words) in rows {
        let kind = ["red", "green", "blue"][*kind];
        writeln!(text, r#"{{"kind": "{kind}", "id": "row {id}", "question": "{}"}}"#, "word ".repeat(*words)).unwrap();
    }
    text
}

const SHARES: &str = "partitions: {shares: {train: 0.5, dev: 0.2, test: 0.3}, seed: 3}";

impl Place {
    fn new(rows: &str) -> Self {
        Self::with(rows, "")
    }

    /// The same with more keys of the benchmark.
    fn with(rows: &str, keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        fs::write(&path, rows).unwrap();
        let own = "identity: [id], difficulty: {features: {kind: {field: kind}, n: {words: question}}, score: [{feature: n, \
                   normalize: p95}]}";
        let config = format!("benchmarks:\n  own: {{path: 'file:{}', {own}{keys}}}\n{SHARES}\n", path.display());
        let builder = DatasetBuilder::from_yaml("test.yaml", &config).unwrap();
        builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
        Self { folder, builder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The tasks of a request with these keys, in JSON, and its manifest.
    fn draws(&self, keys: &str) -> (Vec<Value>, Value) {
        self.try_draws(keys).unwrap()
    }

    fn try_draws(&self, keys: &str) -> Result<(Vec<Value>, Value), String> {
        let mut spec =
            RequestSpec { benchmarks: vec!["own".to_owned()], n_total_tasks: 10_000, ..RequestSpec::default() };
        spec.read_keys(keys).map_err(|problems| problems.to_string())?;
        let request = spec.resolve(&self.builder.config).map_err(|problems| problems.to_string())?;
        let full = self.folder.path().join("full");
        let (tasks, manifest) =
            build_task_stream(&self.builder.config, &full, &request, &Silent).map_err(|error| error.to_string())?;
        let tasks = tasks.iter().map(|task| serde_json::to_value(task).unwrap()).collect();
        // The text of a manifest is how it is read.
        let text = manifest.vouching_for("x", &symphony_data::disk::WrittenFile { bytes: 0, checksum: String::new() });
        Ok((tasks, serde_json::from_str(&text).unwrap()))
    }

    /// The identities of the rows that these keys let a request draw.
    fn eligible(&self, keys: &str) -> BTreeSet<String> {
        let all = format!(r#"{{"difficulty_split": "proportional", {keys}}}"#);
        texts(&self.draws(&all).0, "identity")
    }

    fn left_out(&self, keys: &str) -> Vec<(String, u64)> {
        let manifest = self.draws(&format!(r#"{{"difficulty_split": "proportional", {keys}}}"#)).1;
        let steps = manifest["benchmarks"][0]["eligible"]["left_out"].as_array().unwrap().clone();
        steps.iter().map(|step| (step["why"].as_str().unwrap().to_owned(), step["rows"].as_u64().unwrap())).collect()
    }
}

fn texts(tasks: &[Value], key: &str) -> BTreeSet<String> {
    tasks.iter().map(|task| task[key].as_str().unwrap().to_owned()).collect()
}

/// Ninety rows: thirty of each kind, all different, with 1 to 90 words.
fn ninety() -> Place {
    let rows: Vec<(usize, u64, usize)> = (0..90).map(|at| (at as usize % 3, at, at as usize + 1)).collect();
    Place::new(&lines(&rows))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn partitions_cover_all_rows_and_do_not_move_when_rows_change(
        rows in prop::collection::vec((0_usize..3, 0_u64..80, 1_usize..30), 5..80),
        more in prop::collection::vec((0_usize..3, 80_u64..160, 1_usize..30), 1..40),
        removed in 0_usize..5,
    ) {
        let place = Place::new(&lines(&rows));
        // The same rows in another order, some removed, others added.
        let mut changed: Vec<_> = rows[removed..].iter().rev().copied().collect();
        changed.extend(&more);
        let other = Place::new(&lines(&changed));
        let mut seen = BTreeSet::new();
        let mut all = 0;
        for name in ["train", "dev", "test"] {
            let keys = format!(r#""partition": "{name}""#);
            let drawn = |place: &Place| place.try_draws(&format!(r#"{{"difficulty_split": "proportional", {keys}}}"#));
            // A partition of few rows may be empty.
            let own = drawn(&place).map(|(tasks, _)| tasks).unwrap_or_default();
            let own_ids = texts(&own, "identity");
            all += own.len();
            prop_assert!(own_ids.iter().all(|identity| seen.insert(identity.clone())), "two partitions share a task");
            let theirs = texts(&drawn(&other).map(|(tasks, _)| tasks).unwrap_or_default(), "identity");
            let whole = other.eligible(r#""on_duplicate": "keep""#);
            for identity in own_ids.intersection(&whole) {
                prop_assert!(theirs.contains(identity), "{} moved", identity);
            }
        }
        prop_assert_eq!(all, rows.len());
    }

    #[test]
    fn what_a_pool_drew_is_left_out_with_its_copies(
        rows in prop::collection::vec((0_usize..3, 0_u64..40, 1_usize..30), 20..80),
        n in 1_u64..15,
    ) {
        let place = Place::new(&lines(&rows));
        let (first, _) = place.draws(&format!(r#"{{"n_total_tasks": {n}, "difficulty_split": "proportional"}}"#));
        let mut text = String::new();
        first.iter().for_each(|task| writeln!(text, "{task}").unwrap());
        fs::create_dir(place.path("pool")).unwrap();
        fs::write(place.path("pool/task_pool.jsonl"), text).unwrap();
        let taken = texts(&first, "identity");
        let Ok((rest, _)) = place.try_draws(&format!(
            r#"{{"difficulty_split": "proportional", "exclude": ["{}"]}}"#, place.path("pool")
        )) else {
            // All rows were copies of those taken.
            return Ok(());
        };
        prop_assert!(texts(&rest, "identity").is_disjoint(&taken));
        let identities = place.eligible(r#""on_duplicate": "one""#);
        prop_assert_eq!(texts(&rest, "identity").union(&taken).cloned().collect::<BTreeSet<_>>(), identities);
    }

    #[test]
    fn a_stable_pool_nests_with_every_key_set(
        rows in prop::collection::vec((0_usize..3, 0_u64..200, 1_usize..30), 60..160),
        n in 2_u64..20,
        more in 0_u64..20,
    ) {
        let place = Place::new(&lines(&rows));
        fs::write(place.path("taken.txt"), "own_3\nown_7\n").unwrap();
        let draws = |n: u64| {
            place.try_draws(&format!(
                r#"{{"n_total_tasks": {n}, "sampler": "stable", "where": {{"own": {{"kind": ["red", "blue"]}}}},
                    "difficulty_range": [5, 95], "exclude": ["{}"], "partition": "train", "on_duplicate": "one",
                    "stratify_by": "kind", "strata": "proportional", "difficulty_within": "kind"}}"#,
                place.path("taken.txt")
            ))
        };
        let (Ok((small, _)), Ok((large, _))) = (draws(n), draws(n + more)) else { return Ok(()) };
        prop_assert!(texts(&small, "source_id").is_subset(&texts(&large, "source_id")));
        for task in &large {
            let features: &Value = &task["scorer_metadata"];
            prop_assert!(["red", "blue"].contains(&features["kind"].as_str().unwrap()));
        }
    }
}

#[test]
fn five_ranges_hold_every_row_once() {
    let place = ninety();
    let mut all = BTreeSet::new();
    for low in [0, 20, 40, 60, 80] {
        let ids = place.eligible(&format!(r#""difficulty_range": [{low}, {}]"#, low + 20));
        assert_eq!(ids.len(), 18, "{low}");
        assert!(ids.is_disjoint(&all));
        all.extend(ids);
    }
    assert_eq!(all.len(), 90);
}

#[test]
fn a_range_is_cut_within_itself_only_if_shares_are_asked_for() {
    let place = ninety();
    // The rows between the 40th and the 60th percentile have 37 to 54 words of 90: medium in the whole benchmark.
    let bins = |keys: &str| {
        let mut counts = BTreeMap::<String, usize>::new();
        for task in place.draws(keys).0 {
            *counts.entry(task["difficulty_bin"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        counts.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(bins(r#"{"difficulty_range": "40:60"}"#), [("medium".to_owned(), 18)]);
    // The 20th percentile of 18 rows lies between the 4th and the 5th: four are easy, and four are hard.
    let of_range = bins(r#"{"difficulty_range": "40:60", "difficulty_split": "1:1:1"}"#);
    assert_eq!(of_range, [("easy".to_owned(), 4), ("hard".to_owned(), 4), ("medium".to_owned(), 10)]);
}

#[test]
fn thresholds_of_the_whole_benchmark_count_in_every_part_of_it() {
    let place = ninety();
    let whole = place.draws("{}").1["benchmarks"][0]["thresholds"].clone();
    for keys in [r#"{"where": {"own": {"kind": "red"}}}"#, r#"{"partition": "test"}"#] {
        assert_eq!(place.draws(keys).1["benchmarks"][0]["thresholds"], whole, "{keys}");
    }
    let within = place.draws(r#"{"difficulty_within": "kind"}"#).1["benchmarks"][0]["thresholds_within"].clone();
    // Green rows have one word more than red ones, out of 86 (the 95th percentile of 1 to 90 is 85.55).
    let easy = |kind: &str| within[kind]["easy"].as_f64().unwrap();
    assert!(easy("red") < easy("green") && easy("green") < easy("blue"), "{within}");
}

#[test]
fn every_condition_says_in_the_manifest_what_it_left_out() {
    let place = ninety();
    fs::write(place.path("seen.txt"), "# seen before\nown_0\n\nown_1\n").unwrap();
    let seen = place.path("seen.txt");
    let steps = place.left_out(&format!(r#""where": {{"own": {{"kind": ["red", "green"]}}}}, "exclude": "{seen}""#));
    assert_eq!(steps, [("with another kind".to_owned(), 30), ("listed in seen.txt".to_owned(), 2)]);
    let request = place.draws(&format!(r#"{{"exclude": "{seen}", "partition": "dev"}}"#)).1["request"].clone();
    // The folder says nothing elsewhere.
    assert_eq!(request["exclude"], serde_json::json!(["seen.txt"]));
    assert_eq!(
        request["partitions"],
        serde_json::json!({"shares": {"train": 0.5, "dev": 0.2, "test": 0.3}, "seed": 3})
    );
}

#[test]
fn ids_are_read_in_every_form_and_wrong_ones_are_named() {
    let place = ninety();
    let tasks = place.draws(r#"{"difficulty_split": "proportional"}"#).0;
    let of = |id: &str| tasks.iter().find(|task| task["source_id"] == id).unwrap()["identity"].as_str().unwrap();
    let all = |text: &str| {
        fs::write(place.path("ids.txt"), text).unwrap();
        let keys = format!(r#"{{"difficulty_split": "proportional", "exclude": "{}"}}"#, place.path("ids.txt"));
        place.try_draws(&keys).map(|(tasks, _)| tasks.len())
    };
    let (first, second) = (of("own_0"), of("own_1"));
    assert_eq!(all("own_0\nown_1\n"), Ok(88));
    assert_eq!(all(&format!("\u{feff}{first}\r\n{second}")), Ok(88));
    let objects = format!("{{\"identity\": \"{first}\", \"more\": 1}}\n{{\"source_id\": \"own_1\"}}\n");
    assert_eq!(all(&objects), Ok(88));
    // Rows of a benchmark that is not drawn from do not matter.
    assert_eq!(all("other_1000\nown_5\n"), Ok(89));
    for (text, why) in [
        ("own_0\nwhat?\n", "ids.txt:2: \"what?\" is neither an identity (16 hex digits) nor a source id"),
        ("{\"identity\": \"12\"}\n", "\"12\" is not an identity, which has 16 hex digits"),
        ("{\"a\": 1}\n", "this task has neither an identity nor a source_id"),
        ("own_90\n", "ids.txt lists own_90, but own has 90 rows, counted from 0"),
    ] {
        let error = all(text).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let strata =
        place.draws(r#"{"stratify_by": "kind", "n_total_tasks": 8}"#).1["benchmarks"][0]["got_by_stratum"].clone();
    assert_eq!(strata, serde_json::json!({"red": 3, "green": 3, "blue": 2}));
    let error = place.try_draws(r#"{"exclude": "nowhere"}"#).unwrap_err();
    assert!(
        error.contains("exclude: nowhere: there is no file, no folder and no other experiment of this name"),
        "{error}"
    );
}

#[test]
fn one_of_each_identity_may_be_drawn() {
    let rows: Vec<(usize, u64, usize)> = (0..30).map(|at| (0, at % 10, at as usize + 1)).collect();
    let place = Place::new(&lines(&rows));
    let ids = |keys: &str| texts(&place.draws(keys).0, "source_id").len();
    assert_eq!(ids(r#"{"difficulty_split": "proportional"}"#), 30);
    assert_eq!(ids(r#"{"difficulty_split": "proportional", "on_duplicate": "one"}"#), 10);
    assert_eq!(place.left_out(r#""on_duplicate": "one""#), [("copies".to_owned(), 20)]);
    let error = place.try_draws(r#"{"on_duplicate": "drop_conflicts"}"#).unwrap_err();
    assert!(error.contains("own: `on_duplicate: drop_conflicts` needs to know its duplicates"), "{error}");
    // Every copy has another number of words, so all of them conflict.
    place.builder.duplicates(&place.folder.path().join("full"), &CompareOptions::default()).unwrap();
    let error = place.try_draws(r#"{"on_duplicate": "drop_conflicts"}"#).unwrap_err();
    assert!(error.contains("(30 rows; 30 with conflicting answers; 0 copies; 0 eligible)"), "{error}");
}

#[test]
fn conflicts_are_left_out_also_where_no_row_is_a_copy() {
    // Identities have the answer, so that rows of one question and two answers are no copies.
    let rows = ["1 a", "1 b", "2 a", "3 a"].map(|row| row.split_once(' ').unwrap());
    let row = |(question, answer): (&str, &str)| {
        format!(
            r#"{{"kind": "red", "id": "{question}{answer}", "question": "How much is {question}?", "answer": "{answer}"}}"#
        ) + "\n"
    };
    let prompt = ", prompt: {input: '{question}', target: '{answer}', grade: exact}";
    let place = Place::with(&rows.map(row).concat(), prompt);
    place.builder.duplicates(&place.folder.path().join("full"), &CompareOptions::default()).unwrap();
    let left_out = place.left_out(r#""on_duplicate": "drop_conflicts""#);
    assert_eq!(left_out, [("with conflicting answers".to_owned(), 2), ("copies".to_owned(), 0)]);
}

#[test]
fn duplicates_of_other_rows_do_not_count_where_identities_are_row_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (path, full) = (folder.path().join("rows.jsonl"), folder.path().join("full"));
    let text = |order: [usize; 4]| {
        order
            .map(|at| format!("{{\"q\": \"{}\"}}\n", ["one and the same", "one and the same", "two", "three"][at]))
            .concat()
    };
    let rule = "difficulty: {features: {n: {words: q}}, score: [{feature: n}]}";
    let config = format!("benchmarks: {{own: {{path: 'file:{}', {rule}}}}}", path.display());
    let builder = DatasetBuilder::from_yaml("test.yaml", &config).unwrap();
    let mut spec = RequestSpec { benchmarks: vec!["own".to_owned()], n_total_tasks: 4, ..RequestSpec::default() };
    spec.read_keys(r#"{"near_duplicates": "one", "difficulty_split": "proportional"}"#).unwrap();
    let request = spec.resolve(&builder.config).unwrap();
    let draw = || build_task_stream(&builder.config, &full, &request, &Silent).map(|(tasks, _)| tasks.iter().count());
    fs::write(&path, text([0, 1, 2, 3])).unwrap();
    builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
    builder.duplicates(&full, &CompareOptions::default()).unwrap();
    assert_eq!(draw().unwrap(), 3);
    // The same number of rows in another order: rows 0 and 1 are no duplicates now.
    fs::write(&path, text([0, 2, 3, 1])).unwrap();
    builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
    assert!(draw().unwrap_err().to_string().contains("needs to know its duplicates"));
    builder.duplicates(&full, &CompareOptions::default()).unwrap();
    assert_eq!(draw().unwrap(), 3);
}

#[test]
fn a_pool_of_the_same_run_is_left_out_by_its_key_and_not_by_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pools");
    let text = |exclude: &str| {
        format!(
            "experiments:\n  a: {{benchmarks: [gsm8k], n_total_tasks: 20}}\n  \
             b: {{benchmarks: [gsm8k], n_total_tasks: 20, exclude: ['{exclude}']}}"
        )
    };
    let run = |exclude: &str| {
        let (config, text) = ("benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}}", text(exclude));
        let config = Config::from_yaml_with_experiments("c.yaml", config, Some(("e.yaml", &text))).unwrap();
        let builder = DatasetBuilder::from_yaml("c.yaml", "benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}}").unwrap();
        let full = folder.path().join("full");
        builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
        let orders: Vec<Order<'_>> =
            config.experiments.iter().map(|experiment| Order::of(experiment, &out, Layout::Jsonl)).collect();
        with_stores(&config, &full, orders.iter().map(|order| order.request), &Silent, |stores| {
            make_pools(stores, &orders, Writing::default(), &Silent).map(drop)
        })
    };
    run("a").unwrap();
    let (pools, shared) = shared_tasks(std::slice::from_ref(&out)).unwrap();
    assert_eq!((pools.len(), shared), (2, Vec::new()));
    let error = run(&out.join("a").display().to_string()).unwrap_err().to_string();
    assert!(error.contains("this pool is made in the same run; write its key, `a`"), "{error}");
    let error = run(&out.join("b").display().to_string()).unwrap_err().to_string();
    assert!(error.contains("this is the pool that is being made"), "{error}");
    assert!(run(&out.display().to_string()).unwrap_err().to_string().contains("this pool is made in the same run"));
    // Another folder of pools stands for all of them.
    let other = folder.path().join("other");
    fs::rename(&out, &other).unwrap();
    run(&other.display().to_string()).unwrap();
    let (_, shared) = shared_tasks(&[other.join("a"), other.join("b"), out.join("b")]).unwrap();
    assert_eq!(shared, Vec::new());
}

#[test]
fn near_duplicates_stay_in_one_partition_and_one_of_them_may_be_drawn() {
    // Sixty questions, each asked twice: the second time with one word more.
    let words = |at: usize| (0..20).map(|word| format!("w{}", at * 20 + word)).collect::<Vec<_>>().join(" ");
    let row = |at: usize| {
        let more = if at < 60 { "" } else { " please" };
        format!(r#"{{"kind": "red", "id": "row {at}", "question": "{}{more}"}}"#, words(at % 60)) + "\n"
    };
    let text: String = (0..120).map(row).collect();
    let place = Place::with(&text, ", prompt: {input: '{question}', target: '{id}', grade: exact}");
    let partitions = |place: &Place| -> Vec<Option<usize>> {
        let rows = fs::read_to_string(place.folder.path().join("rows.jsonl")).unwrap().lines().count();
        let mut of = vec![None; rows];
        for (at, name) in ["train", "dev", "test"].into_iter().enumerate() {
            let keys = format!(r#"{{"difficulty_split": "proportional", "partition": "{name}"}}"#);
            for task in place.draws(&keys).0 {
                let row: usize = task["source_id"].as_str().unwrap()["own_".len()..].parse().unwrap();
                assert_eq!(of[row].replace(at), None);
            }
        }
        of
    };
    let pairs_apart = |of: &[Option<usize>]| (0..60).filter(|&at| of[at] != of[at + 60]).count();
    let before = partitions(&place);
    assert!(pairs_apart(&before) > 20);
    place.builder.duplicates(&place.folder.path().join("full"), &CompareOptions::default()).unwrap();
    let after = partitions(&place);
    assert!(after.iter().all(Option::is_some));
    assert_eq!(pairs_apart(&after), 0);
    assert_eq!(place.left_out(r#""near_duplicates": "one""#), [("near-duplicates".to_owned(), 60)]);
    // Rows that are added later go where their likes are, and move none of these, also if duplicates are looked for again.
    let more = |at: usize| {
        let question = words(at % 90).replacen('w', "v", usize::from(at >= 150));
        format!(r#"{{"kind": "red", "id": "row {at}", "question": "{question} now"}}"#) + "\n"
    };
    fs::write(place.folder.path().join("rows.jsonl"), text + &(120..240).map(more).collect::<String>()).unwrap();
    let full = place.folder.path().join("full");
    place.builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
    assert_eq!(partitions(&place)[..120], after);
    place.builder.duplicates(&full, &CompareOptions::default()).unwrap();
    let again = partitions(&place);
    assert_eq!(again[..120], after);
    // Row 120 + k asks what row (120 + k) % 90 asks.
    let together = (120..240).filter(|at| at % 90 < 60).all(|at| again[at] == again[at % 90]);
    assert!(together);
    // And once more: what was found is where it was.
    place.builder.duplicates(&full, &CompareOptions::default()).unwrap();
    assert_eq!(partitions(&place), again);
}

#[test]
fn published_thresholds_keep_scores_and_bins_when_rows_are_added() {
    let rows: Vec<(usize, u64, usize)> = (0..90).map(|at| (0, at, at as usize + 1)).collect();
    let before = Place::new(&lines(&rows));
    // Longer rows move the constant, the range and the thresholds.
    let more: Vec<(usize, u64, usize)> = (90..150).map(|at| (0, at, at as usize * 2)).collect();
    let after = Place::new(&lines(&[rows, more].concat()));
    let tasks = |place: &Place, keys: &str| -> BTreeMap<String, (Value, Value)> {
        let drawn = place.draws(keys).0.into_iter();
        let task = |task: Value| {
            let key = task["source_id"].as_str().unwrap().to_owned();
            (key, (task["difficulty_score"].clone(), task["difficulty_bin"].clone()))
        };
        drawn.map(task).collect()
    };
    let all = r#""difficulty_split": "proportional""#;
    let published = tasks(&before, &format!("{{{all}}}"));
    let moved = tasks(&after, &format!("{{{all}}}"));
    assert!(published.iter().any(|(id, task)| moved[id] != *task));
    for from in ["full", "full/own_full_meta.json"] {
        let kept = tasks(&after, &format!(r#"{{{all}, "thresholds_from": "{}"}}"#, before.path(from)));
        assert_eq!(kept.len(), 150);
        assert!(published.iter().all(|(id, task)| kept[id] == *task), "{from}");
        // Rows that are longer than any before are as hard as can be.
        assert_eq!(kept["own_149"].0, 1.0);
    }
    let error = after.try_draws(&format!(r#"{{"thresholds_from": "{}"}}"#, before.path("rows.jsonl"))).unwrap_err();
    assert!(error.contains("no meta or manifest that symphony-data wrote"), "{error}");
}

#[test]
fn phases_are_in_tasks_statistics_and_manifest() {
    let place = ninety();
    let phases = r#"{"n_total_tasks": 0, "phases": [{"n_total_tasks": 10, "difficulty_split": "1:0"},
        {"n_total_tasks": 12, "where": {"own": {"kind": "blue"}}, "difficulty_split": "0:1:1"}]}"#;
    let (tasks, manifest) = place.draws(phases);
    let phase = |task: &Value| task["phase"].as_u64().unwrap();
    assert_eq!(tasks.iter().map(phase).collect::<Vec<_>>(), [vec![1; 10], vec![2; 12]].concat());
    assert!(tasks[10..].iter().all(|task| task["scorer_metadata"]["kind"] == "blue"));
    assert_eq!(texts(&tasks, "identity").len(), 22);
    let changes: Vec<u64> =
        manifest["phases"].as_array().unwrap().iter().map(|phase| phase["first"].as_u64().unwrap()).collect();
    assert_eq!(changes, [0, 10]);
    assert_eq!(manifest["request"]["n_total_tasks"], 22);
    assert_eq!(manifest["phases"][1]["benchmarks"][0]["asked"]["medium"], 6);
}

#[test]
fn wrong_keys_are_named_with_the_way_out() {
    let place = ninety();
    for (keys, why) in [
        (r#"{"where": {"own": {"kind": "rod"}}}"#, "own: no row has the kind \"rod\"; did you mean `red`?"),
        (r#"{"where": {"own": {"kid": "red"}}}"#, "where: `own` has no feature `kid`; did you mean `kind`?"),
        (r#"{"where": {"own": {"n": "3"}}}"#, "own: `n` is no label"),
        (r#"{"where": {"other": {"kind": "red"}}}"#, "where: `other` is not in the mix; the mix is own"),
        (r#"{"where": ["red"]}"#, "where: expected labels by benchmark"),
        (r#"{"where": {"own": {"kind": []}}}"#, "where: `kind` of `own` has no values"),
        (r#"{"difficulty_range": [60, 40]}"#, "difficulty_range: [60, 40] has the low percentile above the high one"),
        (r#"{"difficulty_range": [0.4, 0.6]}"#, "are fractions"),
        (r#"{"difficulty_range": [40, 40]}"#, "difficulty_range: [40, 40] holds no rows"),
        (r#"{"difficulty_range": 40}"#, "difficulty_range: expected two percentiles"),
        (r#"{"partition": "tset"}"#, "partition: there is no partition `tset`; did you mean `test`?"),
        (r#"{"on_duplicate": "none"}"#, "on_duplicate: `none` is no choice"),
        (r#"{"near_duplicates": "two"}"#, "near_duplicates: `two` is no choice"),
        (r#"{"near_duplicates": "one"}"#, "own: `near_duplicates: one` needs to know its duplicates"),
        (
            r#"{"stratify_by": "kinds"}"#,
            "stratify_by: no benchmark of the mix has a feature `kinds`; did you mean `kind`?",
        ),
        (r#"{"stratify_by": "n"}"#, "own: `n` is no label"),
        (r#"{"strata": "equal"}"#, "strata: there are no strata without `stratify_by`"),
        (r#"{"difficulty_within": "n"}"#, "own: `n` is no label"),
        (r#"{"thresholds_from": "nowhere"}"#, "nowhere"),
        (r#"{"thresholds_from": ""}"#, "thresholds_from: is empty"),
        (
            r#"{"thresholds_from": "a", "difficulty_percentiles": {"own": [30, 70]}}"#,
            "difficulty_percentiles: they do not count beside `thresholds_from`",
        ),
        (
            r#"{"phases": {"from": {"benchmark_ratios": {"own": -1}}, "to": {"benchmark_ratios": {"own": 1}}, "steps": 5}}"#,
            "phases: `own` has the ratio -1 at an end of the ramp",
        ),
        (r#"{"phases": []}"#, "there is no phase"),
        (r#"{"n_total_tasks": 5, "phases": [{"n_total_tasks": 4}]}"#, "n_total_tasks: 5 tasks, but its phases have 4"),
        (r#"{"phases": [{"difficulty_split": "1:1"}]}"#, "phases: phase 1 has no `n_total_tasks`"),
        (
            r#"{"n_total_tasks": 0, "phases": [{"n_total_tasks": 4, "difficulty_split": "x"}]}"#,
            "phase 1: difficulty_split: cannot read",
        ),
        (r#"{"phases": {"from": "1:0", "to": "0:1"}}"#, "a ramp needs `from`, `to` and `steps`"),
        (r#"{"phases": {"from": "1:0", "to": "0:1", "steps": 1}}"#, "a ramp has 1 steps"),
        (
            r#"{"n_total_tasks": 3, "phases": {"from": "1:0", "to": "0:1", "steps": 5}}"#,
            "3 tasks are fewer than the 5 steps",
        ),
        (r#"{"phases": {"from": "1:0", "to": "0", "steps": 5}}"#, "`from` or `to` is not a split"),
        (r#"{"benchmark_ratios": "equal"}"#, "benchmark_ratios: expected ratios by benchmark, or `proportional`"),
        (r#"{"whre": {}}"#, "whre: unknown key; did you mean `where`?"),
    ] {
        let error = place.try_draws(keys).unwrap_err();
        assert!(error.contains(why), "{keys}: {error}");
    }
}

// ── Groups ──

#[test]
fn groups_nest_and_have_ratios_of_their_own() {
    let config = Config::from_yaml("test.yaml", "benchmarks: {humaneval: , gsm8k: , bbh: , amc: }").unwrap();
    let resolve = |keys: &str| {
        let mut spec = RequestSpec { n_total_tasks: 100, ..RequestSpec::default() };
        spec.read_keys(keys).unwrap();
        spec.resolve(&config).map_err(|problems| problems.to_string())
    };
    let request = resolve(
        r#"{"benchmarks": {"maths": {"school": ["gsm8k"], "contest": ["amc"]}, "code": ["humaneval"], "bbh": null},
            "benchmark_ratios": {"maths": 0.5, "code": 0.25, "bbh": 0.25, "school": 3, "contest": 1}}"#,
    )
    .unwrap();
    assert_eq!(request.benchmarks(), ["gsm8k", "amc", "humaneval", "bbh"]);
    assert_eq!(request.warnings, ["benchmark_ratios of `maths` sum to 4, not 1; they were rescaled"]);
    let written = serde_json::to_value(&request).unwrap();
    let groups =
        serde_json::json!({"maths": {"school": ["gsm8k"], "contest": ["amc"]}, "code": ["humaneval"], "bbh": null});
    assert_eq!(written["benchmarks"], groups);
    assert_eq!(written["benchmark_ratios"]["school"], 3.0);
    for (keys, why) in [
        (r#"{"benchmarks": {"maths": ["gsm8k"], "code": ["gsm8k"]}}"#, "`gsm8k` is named twice"),
        (r#"{"benchmarks": {"bbh": ["gsm8k"]}}"#, "the group `bbh` has the name of a benchmark"),
        (r#"{"benchmarks": {"a": {"a": ["gsm8k"]}}}"#, "there are two groups `a`"),
        (r#"{"benchmarks": {"a": ["gsm8k"], "b": []}}"#, "the group `b` has no benchmark"),
        (r#"{"benchmarks": {"a": ["gsm8k"], "b": ["amc"]}, "benchmark_ratios": {"a": 1}}"#, "`b` has no ratio"),
        (
            r#"{"benchmarks": {"a": ["gsm8k", "amc"]}, "benchmark_ratios": {"a": 1, "amc": 1}}"#,
            "`gsm8k` has no ratio; give every member of `a` one",
        ),
        (r#"{"benchmarks": {"a": ["gsm8k"]}, "benchmark_ratios": {"a": 0}}"#, "the ratios sum to 0"),
        (
            r#"{"benchmarks": {"a": ["gsm8k"]}, "benchmark_ratios": {"c": 1}}"#,
            "`c` is not in the mix; the mix is a, gsm8k",
        ),
    ] {
        let error = resolve(keys).unwrap_err();
        assert!(error.contains(why), "{keys}: {error}");
    }
    let pattern = resolve(r#"{"benchmarks": {"short": ["b*", "a*"], "rest": ["gsm8k"]}}"#).unwrap();
    assert_eq!(pattern.benchmarks(), ["bbh", "amc", "gsm8k"]);
}

// ── Experiments that leave out each other's tasks ──

#[test]
fn experiments_leave_out_what_others_draw_in_whatever_order_they_are_written() {
    let text = "experiments:
  test: {benchmarks: [gsm8k], n_total_tasks: 100, exclude: [train, dev]}
  dev: {benchmarks: [gsm8k], n_total_tasks: 100, exclude: train, random_seed: 7}
  train: {benchmarks: [gsm8k], n_total_tasks: 300}";
    let config = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}}";
    let config = Config::from_yaml_with_experiments("c.yaml", config, Some(("e.yaml", text))).unwrap();
    assert_eq!(config.experiments.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["test", "dev", "train"]);
    let folder = tempfile::tempdir().unwrap();
    let mut seen = BTreeSet::new();
    for experiment in &config.experiments {
        let (tasks, _) = build_task_stream(&config, folder.path(), &experiment.request, &Silent).unwrap_or_else(|_| {
            let builder =
                DatasetBuilder::from_yaml("c.yaml", "benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}}").unwrap();
            builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
            build_task_stream(&config, folder.path(), &experiment.request, &Silent).unwrap()
        });
        let ids: BTreeSet<String> = tasks.iter().map(|task| task.identity.unwrap().as_str().to_owned()).collect();
        assert!(ids.is_disjoint(&seen), "{}", experiment.id);
        seen.extend(ids);
    }
    assert_eq!(seen.len(), 500);
    // Thirty replicates, each without the tasks of all before it.
    let before = |at: usize| (0..at).map(|at| format!("r{at}")).collect::<Vec<_>>().join(", ");
    let replicate = |at| format!("  r{at}: {{benchmarks: [gsm8k], n_total_tasks: 20, exclude: [{}]}}\n", before(at));
    let text = format!("experiments:\n{}", (0..30).map(replicate).collect::<String>());
    let config = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k'}}";
    let config = Config::from_yaml_with_experiments("c.yaml", config, Some(("e.yaml", &text))).unwrap();
    let last = config.experiments[29].drawn_by(&config, Some("surface"), None).unwrap();
    let (tasks, _) = build_task_stream(&config, folder.path(), &last.request, &Silent).unwrap();
    assert_eq!(tasks.iter().count(), 20);
    let cycle = "experiments:
  a: {benchmarks: [gsm8k], n_total_tasks: 1, exclude: b}
  b: {benchmarks: [gsm8k], n_total_tasks: 1, exclude: a}";
    let problems =
        Config::from_yaml_with_experiments("c.yaml", "benchmarks: {gsm8k: }", Some(("e.yaml", cycle))).unwrap_err();
    assert!(
        problems.to_string().contains(
            "e.yaml:2: experiments.a.exclude: `a` leaves out tasks of experiments that leave out each other's"
        ),
        "{problems}"
    );
}

// ── The real rows ──

/// How many easy and hard tasks a pool of all that may be drawn has in each subtask of bbh.
fn by_subtask(builder: &DatasetBuilder, full: &Path, keys: &str) -> BTreeMap<String, [usize; 2]> {
    let mut spec = RequestSpec { benchmarks: vec!["bbh".to_owned()], n_total_tasks: 5_000, ..RequestSpec::default() };
    spec.read_keys(keys).unwrap();
    let request = spec.resolve(&builder.config).unwrap();
    let (tasks, _) = build_task_stream(&builder.config, full, &request, &Silent).unwrap();
    let mut counts = BTreeMap::<String, [usize; 2]>::new();
    for task in tasks.iter() {
        let features: Value = serde_json::from_str(task.scorer_metadata.get()).unwrap();
        let own = counts.entry(features["task_name"].as_str().unwrap().to_owned()).or_default();
        own[usize::from(task.difficulty_bin == "hard")] += 1;
    }
    counts
}

#[test]
fn difficulty_within_gives_easy_and_hard_tasks_in_each_subtask_of_bbh() {
    let Some((builder, full)) = support::real("default") else { return };
    let plain = by_subtask(builder, full, "{}");
    let with_easy: Vec<&str> = plain.iter().filter(|(_, [easy, _])| *easy > 0).map(|(name, _)| name.as_str()).collect();
    assert_eq!(with_easy, ["movie_recommendation", "sports_understanding"]);
    let within = by_subtask(builder, full, r#"{"difficulty_within": "task_name"}"#);
    let without: Vec<&str> =
        within.iter().filter(|(_, both)| both.contains(&0)).map(|(name, _)| name.as_str()).collect();
    // All rows of this one have the same surface score.
    assert_eq!((within.len(), without), (10, vec!["boolean_expressions"]));
    let measured = by_subtask(builder, full, r#"{"difficulty_within": "task_name", "difficulty": "reference"}"#);
    assert!(measured.len() == 10 && measured.values().all(|both| both.iter().all(|n| *n >= 30)), "{measured:?}");
}
