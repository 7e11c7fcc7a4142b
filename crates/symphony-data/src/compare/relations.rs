//! From groups of similar rows to copies, conflicts and near-duplicates.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Across, OfBenchmark, corpus::Corpus};
use crate::{
    duplicates::{Found, Link, SIMILAR},
    store::Relation,
};

/// How one row is related to others.
#[derive(Clone, Debug, Default)]
pub(super) struct Related {
    pub kinds: BTreeSet<Relation>,
    /// The first row of its group.
    pub group: Option<u32>,
    /// The row that it is a copy of, or similar to, and their similarity.
    pub with: Option<(u32, f64)>,
    /// The first row with the same question and another answer.
    pub conflicts_with: Option<u32>,
}

/// Pairs of rows of one benchmark with the same identity: the first, and each later one.
pub(super) fn copies(corpus: &Corpus<'_>) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for part in corpus.parts.iter().filter(|part| part.has_identity) {
        let mut rows: Vec<u32> = (0..part.identities.len() as u32).collect();
        rows.sort_unstable_by_key(|row| (part.identities[*row as usize], *row));
        for same in rows.chunk_by(|a, b| part.identities[*a as usize] == part.identities[*b as usize]) {
            pairs.extend(same[1..].iter().map(|row| (part.from + same[0], part.from + row)));
        }
    }
    pairs.sort_unstable_by_key(|(_, row)| *row);
    pairs
}

/// The rows whose question another row has with another answer, each with the first such row.
fn conflicts(corpus: &Corpus<'_>) -> Vec<(u32, u32)> {
    let mut rows: Vec<_> = (0..corpus.rows as u32).filter_map(|row| Some((corpus.noted(row)?, row))).collect();
    rows.sort_unstable();
    let mut conflicts = Vec::new();
    for same in rows.chunk_by(|a, b| a.0.0 == b.0.0).filter(|same| same[0].0.1 != same[same.len() - 1].0.1) {
        // Of each answer its first row; of these the first with another answer than a row's own.
        let mut firsts: Vec<_> = same.chunk_by(|a, b| a.0.1 == b.0.1).map(|rows| (rows[0].1, rows[0].0.1)).collect();
        firsts.sort_unstable();
        for ((_, answer), row) in same {
            conflicts.extend(firsts.iter().find(|(_, other)| other != answer).map(|(first, _)| (*row, *first)));
        }
    }
    conflicts
}

/// The rows that are related to others, by row.
pub(super) fn relations(corpus: &Corpus<'_>, found: &Found) -> BTreeMap<u32, Related> {
    let mut related: BTreeMap<u32, Related> = BTreeMap::new();
    for Link { row, first, with, similarity } in &found.links {
        related.entry(*first).or_default().group = Some(*first);
        let own = related.entry(*row).or_default();
        own.group = Some(*first);
        own.with = Some((*with, *similarity));
        if *similarity >= SIMILAR {
            own.kinds.insert(Relation::Near);
        }
    }
    for pair in &found.together {
        let own = related.entry(pair.rows.1).or_default();
        own.kinds = BTreeSet::from([Relation::Copy]);
        own.with = Some((pair.rows.0, pair.similarity));
    }
    for (row, other) in conflicts(corpus) {
        let own = related.entry(row).or_default();
        own.kinds.insert(Relation::Conflict);
        own.conflicts_with = Some(other);
    }
    related
}

/// The counts of each benchmark, and of each pair of benchmarks with groups in common.
pub(super) fn counts(corpus: &Corpus<'_>, related: &BTreeMap<u32, Related>) -> (Vec<OfBenchmark>, Vec<Across>) {
    let mut benchmarks: Vec<OfBenchmark> = corpus
        .parts
        .iter()
        .map(|part| OfBenchmark {
            benchmark: part.name.clone(),
            rows: part.identities.len() as u64,
            copies: 0,
            conflicts: 0,
            near: 0,
            groups: 0,
            largest: 0,
        })
        .collect();
    let at: HashMap<u32, usize> = corpus.parts.iter().enumerate().map(|(at, part)| (part.from, at)).collect();
    let part_of = |row: u32| at.get(&corpus.place(row).0.from).copied().unwrap_or_default();
    // For each group, how many rows and how many copies each benchmark has in it.
    let mut groups: BTreeMap<u32, BTreeMap<usize, (u64, u64)>> = BTreeMap::new();
    for (row, related) in related {
        let part = part_of(*row);
        benchmarks[part].conflicts += u64::from(related.kinds.contains(&Relation::Conflict));
        if let Some(group) = related.group {
            let (rows, copies) = groups.entry(group).or_default().entry(part).or_default();
            *rows += 1;
            *copies += u64::from(related.kinds.contains(&Relation::Copy));
        }
    }
    let mut across: BTreeMap<(usize, usize), Across> = BTreeMap::new();
    for parts in groups.values() {
        for (part, (rows, copies)) in parts {
            let own = &mut benchmarks[*part];
            own.copies += copies;
            own.near += (rows - 1).saturating_sub(*copies);
            own.groups += u64::from(*rows > 1);
            own.largest = own.largest.max(*rows);
            for (other, (others, _)) in parts.range(part + 1..) {
                let names = [*part, *other].map(|part| corpus.parts[part].name.clone());
                let pair =
                    across.entry((*part, *other)).or_insert(Across { benchmarks: names, groups: 0, rows: [0, 0] });
                pair.groups += 1;
                pair.rows[0] += rows;
                pair.rows[1] += others;
            }
        }
    }
    benchmarks.iter_mut().filter(|own| own.groups == 0).for_each(|own| own.largest = 0);
    (benchmarks, across.into_values().collect())
}
