//! Near-duplicate texts, against brute force and on hostile input.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    convert::Infallible,
};

use proptest::prelude::*;
use symphony_data::{
    DatasetBuilder,
    duplicates::{Found, SIMILAR, Texts, find},
    preprocess::PreprocessOptions,
};

/// Texts in memory.
struct InMemory(Vec<String>);

impl Texts for InMemory {
    type Error = Infallible;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, rows: &[u32]) -> Result<Vec<String>, Infallible> {
        assert!(rows.is_sorted());
        Ok(rows.iter().map(|row| self.0[*row as usize].clone()).collect())
    }
}

fn found(texts: &[String]) -> Found {
    let Ok(found) = find(&InMemory(texts.to_vec()), &[]);
    found
}

/// The groups of two and more, as texts' numbers.
fn groups(found: &Found) -> BTreeSet<BTreeSet<u32>> {
    let mut groups: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for link in &found.links {
        groups.entry(link.first).or_default().extend([link.first, link.row]);
    }
    groups.into_values().collect()
}

/// The runs of five words of a text, by another way than the library's.
fn shingles(text: &str) -> HashSet<Vec<String>> {
    let lower = text.to_lowercase();
    let words: Vec<String> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if words.is_empty() {
        return HashSet::new();
    }
    words.windows(words.len().min(5)).map(<[String]>::to_vec).collect()
}

fn jaccard(a: &HashSet<Vec<String>>, b: &HashSet<Vec<String>>) -> f64 {
    let common = a.intersection(b).count();
    let either = a.len() + b.len() - common;
    if either == 0 { 0.0 } else { common as f64 / either as f64 }
}

/// All pairs of similarity 0.8 and more, by comparing all texts that have a shingle in common.
fn pairs(texts: &[String]) -> BTreeMap<(u32, u32), f64> {
    let sets: Vec<HashSet<Vec<String>>> = texts.iter().map(|text| shingles(text)).collect();
    let mut with: HashMap<&Vec<String>, Vec<u32>> = HashMap::new();
    let mut pairs = BTreeMap::new();
    for (row, set) in sets.iter().enumerate() {
        let others: HashSet<u32> = set.iter().filter_map(|shingle| with.get(shingle)).flatten().copied().collect();
        for other in others {
            let similarity = jaccard(&sets[other as usize], set);
            if similarity >= SIMILAR {
                pairs.insert((other, row as u32), similarity);
            }
        }
        set.iter().for_each(|shingle| with.entry(shingle).or_default().push(row as u32));
    }
    pairs
}

/// Numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Questions of generated gsm8k, of which every fifth is an earlier one with a few words changed, left out or added.
fn with_planted_edits(rows: usize) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!("benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows={rows}'}}}}");
    let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
    builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
    let tasks = builder.load_preprocessed_benchmark("gsm8k", folder.path()).unwrap();
    let mut texts: Vec<String> = tasks
        .iter()
        .map(|task| {
            let row: serde_json::Value = serde_json::from_str(task.raw_data.get()).unwrap();
            row["question"].as_str().unwrap().to_owned()
        })
        .collect();
    let mut numbers = Numbers(7);
    for at in (5..texts.len()).step_by(5) {
        let mut words: Vec<String> = texts[numbers.below(at)].split(' ').map(str::to_owned).collect();
        for _ in 0..numbers.below(4) {
            let place = numbers.below(words.len());
            match numbers.below(3) {
                0 => words[place] = format!("word{}", numbers.below(1000)),
                1 => _ = words.remove(place),
                _ => words.insert(place, "more".to_owned()),
            }
        }
        texts[at] = words.join(" ");
    }
    texts
}

#[test]
fn at_least_99_of_100_pairs_of_brute_force_are_found_and_every_similarity_is_exact() {
    let texts = with_planted_edits(5000);
    let expected = pairs(&texts);
    assert!(expected.len() > 300, "{}", expected.len());
    let found = found(&texts);
    let first: HashMap<u32, u32> = found.links.iter().map(|link| (link.row, link.first)).collect();
    let group = |row: u32| first.get(&row).copied().unwrap_or(row);
    let together = expected.keys().filter(|(a, b)| group(*a) == group(*b)).count();
    println!("{together} of {} pairs are in one group", expected.len());
    assert!(together as f64 >= 0.99 * expected.len() as f64, "{together} of {}", expected.len());
    assert!(found.is_whole);
    for link in &found.links {
        let pair = (link.row.min(link.with), link.row.max(link.with));
        assert_eq!(expected.get(&pair), Some(&link.similarity), "{link:?}");
        assert!(link.first < link.row && group(link.with) == link.first);
    }
}

#[test]
fn the_order_of_rows_does_not_change_the_groups_and_the_number_of_threads_changes_nothing() {
    let texts = with_planted_edits(2000);
    let there = found(&texts);
    let turned: Vec<String> = texts.iter().rev().cloned().collect();
    let last = texts.len() as u32 - 1;
    let back = groups(&found(&turned)).into_iter().map(|group| group.into_iter().map(|row| last - row).collect());
    assert_eq!(groups(&there), back.collect());
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| found(&texts)), there);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Texts of few words, so that many are equal, similar, or nearly so.
    #[test]
    fn groups_of_any_texts_are_those_of_brute_force(
        texts in prop::collection::vec(prop::collection::vec("[a-cA-C]|é|[0-9]{2}|\\PC{1,3}", 0..14), 1..40),
        turn in any::<prop::sample::Index>(),
    ) {
        let texts: Vec<String> = texts.into_iter().map(|words| words.join(" ")).collect();
        let found = found(&texts);
        let expected = pairs(&texts);
        for link in &found.links {
            let pair = (link.row.min(link.with), link.row.max(link.with));
            prop_assert_eq!(expected.get(&pair), Some(&link.similarity));
        }
        let mut turned = texts.clone();
        let by = turn.index(texts.len());
        turned.rotate_left(by);
        let back: BTreeSet<BTreeSet<u32>> = groups(&self::found(&turned))
            .into_iter()
            .map(|group| group.into_iter().map(|row| (row + by as u32) % texts.len() as u32).collect())
            .collect();
        prop_assert_eq!(groups(&found), back);
    }
}

/// One text, again and again.
struct Same(usize);

impl Texts for Same {
    type Error = Infallible;

    fn len(&self) -> usize {
        self.0
    }

    fn get(&self, rows: &[u32]) -> Result<Vec<String>, Infallible> {
        Ok(vec!["the same few words every time, and nothing else".to_owned(); rows.len()])
    }
}

#[test]
fn a_million_copies_of_one_text_are_one_group() {
    let Ok(found) = find(&Same(1_000_000), &[]);
    assert_eq!(found.links.len(), 999_999);
    assert!(found.links.iter().all(|link| link.first == 0 && link.with == 0 && link.similarity == 1.0));
}

#[test]
fn rows_of_one_template_take_time_in_proportion_to_their_number() {
    // Two of 120 words differ from row to row, so most pairs have a similarity of about 0.7, and many one of 0.8.
    let mut numbers = Numbers(3);
    let text = |_| {
        let mut words: Vec<String> = (0..120).map(|at| format!("w{at}")).collect();
        for _ in 0..2 {
            let place = numbers.below(120);
            words[place] = format!("v{}", numbers.below(1_000_000_000));
        }
        words.join(" ")
    };
    let texts: Vec<String> = (0..4000).map(text).collect();
    let found = found(&texts);
    assert!(found.is_whole && groups(&found).len() == 1, "{} {}", found.is_whole, groups(&found).len());
}

#[test]
fn texts_that_nobody_writes_do_no_harm() {
    let word = "word ".repeat(8192);
    let one_word = "w".repeat(40 << 10);
    let texts = [
        "",
        " ",
        "\0\u{1b}[2J",
        "…",
        &word,
        &word,
        &one_word,
        &one_word,
        "WORD word word word word",
        "É",
        "é",
        "\u{feff}é",
        "e\u{301}",
        "漢字かな漢字",
        "漢字かな漢字",
        "\u{202e}漢字かな漢字",
    ]
    .map(str::to_owned);
    let groups = groups(&found(&texts));
    // Texts without words are in no group; the long one has one shingle, which is the short one's too.
    let expected: [&[u32]; 4] = [&[4, 5, 8], &[6, 7], &[9, 10, 11], &[13, 14, 15]];
    assert_eq!(groups, expected.iter().map(|group| group.iter().copied().collect()).collect());
    assert!(found(&[]).links.is_empty());
}

#[test]
fn rows_that_belong_together_are_one_group_whatever_their_texts_are() {
    let texts = ["one", "two", "one", ""].map(str::to_owned).to_vec();
    let Ok(found) = find(&InMemory(texts), &[(0, 1), (1, 3)]);
    assert_eq!(groups(&found), BTreeSet::from([BTreeSet::from([0, 1, 2, 3])]));
    assert_eq!(found.together.iter().map(|pair| pair.similarity).collect::<Vec<_>>(), [0.0, 0.0]);
}
