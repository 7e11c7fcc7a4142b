//! Exact percentiles over a whole benchmark of any size, in bounded memory: observe, merge, select.
//!
//! Most features have few distinct values, which are counted. If there are too many to count, the values are read
//! again: each pass finds 16 more bits of the value at each rank that matters. Summaries and the counts of a pass merge, so
//! that many machines can look at a part of the values each.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The most distinct values that are counted.
const MAX_DISTINCT: usize = 1 << 16;

/// The values of one feature, or of the scores, over a benchmark.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    n: u64,
    counts: Counts,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Counts {
    /// How often each value occurs, by its [`key`].
    Of(HashMap<u64, u64, foldhash::fast::FixedState>),
    TooMany,
}

impl Default for Counts {
    fn default() -> Self {
        Self::Of(HashMap::default())
    }
}

/// A value that is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a finite number")]
pub struct NotFinite(pub f64);

/// The bits of a number as a whole number of the same order (that of [`f64::total_cmp`]).
fn key(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

fn value_of(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

impl Summary {
    /// Adds values.
    ///
    /// # Errors
    /// A value is not finite.
    pub fn observe(&mut self, values: &[f64]) -> Result<(), NotFinite> {
        for &value in values {
            if !value.is_finite() {
                return Err(NotFinite(value));
            }
            if let Counts::Of(counts) = &mut self.counts {
                *counts.entry(key(value)).or_default() += 1;
                if counts.len() > MAX_DISTINCT {
                    self.counts = Counts::TooMany;
                }
            }
        }
        self.n += values.len() as u64;
        Ok(())
    }

    /// Adds the values of another summary.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        match (&mut self.counts, &other.counts) {
            (Counts::Of(counts), Counts::Of(more)) => {
                more.iter().for_each(|(key, count)| *counts.entry(*key).or_default() += count);
                if counts.len() > MAX_DISTINCT {
                    self.counts = Counts::TooMany;
                }
            }
            _ => self.counts = Counts::TooMany,
        }
    }

    /// The `qs`-th percentiles (0 to 100) by NumPy's linear method, bit for bit; `None` if there are no values. If
    /// there were too many distinct values to count, it calls `again`, which must pass all values once more to the
    /// function that it is given.
    ///
    /// # Errors
    /// The error of `again`.
    pub fn percentiles<E>(
        &self,
        qs: &[f64],
        mut again: impl FnMut(&mut dyn FnMut(&[f64])) -> Result<(), E>,
    ) -> Result<Option<Vec<f64>>, E> {
        self.percentiles_in_rounds(qs, |search| {
            let mut counts = search.nothing();
            again(&mut |values| search.observe(values, &mut counts))?;
            Ok(counts)
        })
    }

    /// The same, where the values lie on many machines: `round` returns the merged counts of what each finds
    /// ([`Search::observe`]) in its values.
    ///
    /// # Errors
    /// The error of `round`.
    pub fn percentiles_in_rounds<E>(
        &self,
        qs: &[f64],
        round: impl FnMut(&Search) -> Result<SearchCounts, E>,
    ) -> Result<Option<Vec<f64>>, E> {
        let Some(last) = self.n.checked_sub(1) else { return Ok(None) };
        let spots: Vec<Spot> = qs.iter().map(|q| Spot::of(last, *q)).collect();
        let ranks: Vec<u64> = spots.iter().flat_map(|spot| [spot.below, (spot.below + 1).min(last)]).collect();
        let keys = match &self.counts {
            Counts::Of(counts) => counted(counts, &ranks),
            Counts::TooMany => refined(&ranks, round)?,
        };
        let between = |(spot, keys): (&Spot, &[u64])| spot.between(value_of(keys[0]), value_of(keys[1]));
        Ok(Some(spots.iter().zip(keys.chunks_exact(2)).map(between).collect()))
    }
}

/// Where a percentile lies among sorted values.
struct Spot {
    /// The rank of the neighbour below, from 0.
    below: u64,
    /// How far the percentile is from there to the next rank, 0..1.
    t: f64,
}

impl Spot {
    /// The virtual index is (n−1)·(q/100).
    fn of(last: u64, q: f64) -> Self {
        let index = last as f64 * (q / 100.0);
        let below = (index.floor() as u64).min(last);
        Self { below, t: index - below as f64 }
    }

    /// Between neighbours a and b at fraction t the value is a + (b−a)·t, but b − (b−a)·(1−t) from t = 0.5 up, which is
    /// how NumPy keeps it monotone.
    fn between(&self, a: f64, b: f64) -> f64 {
        if self.t >= 0.5 { b - (b - a) * (1.0 - self.t) } else { a + (b - a) * self.t }
    }
}

/// The keys at these ranks, from counts.
fn counted(counts: &HashMap<u64, u64, foldhash::fast::FixedState>, ranks: &[u64]) -> Vec<u64> {
    let mut sorted: Vec<(u64, u64)> = counts.iter().map(|(key, count)| (*key, *count)).collect();
    sorted.sort_unstable();
    let mut upto = 0;
    let ends: Vec<u64> = sorted
        .iter()
        .map(|(_, count)| {
            upto += count;
            upto
        })
        .collect();
    // Every rank is below n, so the last count ends beyond it.
    ranks.iter().map(|rank| sorted[ends.partition_point(|end| end <= rank)].0).collect()
}

/// A search for the keys at some ranks, by four passes over all values. Each pass counts the next 16 bits among the keys that
/// begin like the key at a rank.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Search {
    /// How many bits of a key are below those that this pass counts.
    shift: u32,
    /// What the keys at the ranks begin with, sorted, each once.
    prefixes: Vec<u64>,
}

/// What a pass of a [`Search`] counted: for each prefix, how often each value of the next 16 bits occurs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SearchCounts(Vec<Vec<u64>>);

impl SearchCounts {
    /// Adds what was counted among other values.
    pub fn merge(&mut self, other: &Self) {
        for (counts, more) in self.0.iter_mut().zip(&other.0) {
            counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        }
    }
}

impl Search {
    /// The counts of no values.
    pub fn nothing(&self) -> SearchCounts {
        SearchCounts(vec![vec![0; 1 << 16]; self.prefixes.len()])
    }

    /// Counts values.
    pub fn observe(&self, values: &[f64], counts: &mut SearchCounts) {
        for &value in values {
            let key = key(value);
            // In the first pass every value counts: a shift by all 64 bits gives `None`, and so an empty prefix.
            let prefix = key.checked_shr(self.shift + 16).unwrap_or(0);
            if let Some(at) = self.prefixes.iter().position(|known| *known == prefix) {
                counts.0[at][(key >> self.shift) as usize & 0xffff] += 1;
            }
        }
    }
}

/// The keys at these ranks.
fn refined<E>(ranks: &[u64], mut round: impl FnMut(&Search) -> Result<SearchCounts, E>) -> Result<Vec<u64>, E> {
    /// The known part of the key at a rank: its upper bits, and its rank among the keys that begin with them.
    #[derive(Clone, Copy)]
    struct Known {
        prefix: u64,
        rank: u64,
    }
    let mut known: Vec<Known> = ranks.iter().map(|rank| Known { prefix: 0, rank: *rank }).collect();
    for shift in [48, 32, 16, 0] {
        let mut prefixes: Vec<u64> = known.iter().map(|known| known.prefix).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        let search = Search { shift, prefixes };
        let SearchCounts(counts) = round(&search)?;
        for known in &mut known {
            let at = search.prefixes.binary_search(&known.prefix).unwrap_or_default();
            let mut next = 0;
            while next < 0xffff && known.rank >= counts[at][next] {
                known.rank -= counts[at][next];
                next += 1;
            }
            known.prefix = known.prefix << 16 | next as u64;
        }
    }
    Ok(known.into_iter().map(|known| known.prefix).collect())
}

/// The `q`-th percentile (0 to 100) of `values`, equal to that of [`Summary::percentiles`]; `None` if there are no
/// values. Reorders `values`.
pub fn percentile(values: &mut [f64], q: f64) -> Option<f64> {
    let spot = Spot::of((values.len() as u64).checked_sub(1)?, q);
    let (_, &mut a, above) = values.select_nth_unstable_by(spot.below as usize, f64::total_cmp);
    let b = above.iter().copied().min_by(f64::total_cmp).unwrap_or(a);
    Some(spot.between(a, b))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Computes a percentile in all three ways, which must agree to the bit.
    fn percentile(values: &[f64], q: f64) -> Option<f64> {
        let mut summary = Summary::default();
        for part in values.chunks(3) {
            let mut more = Summary::default();
            more.observe(part).unwrap();
            summary.merge(&more);
        }
        let select = |summary: &Summary| {
            let looked = summary.percentiles(&[q], |take| {
                values.chunks(5).for_each(take);
                Ok::<_, Infallible>(())
            });
            looked.unwrap().map(|found| found[0].to_bits())
        };
        let counted = select(&summary);
        let refined = select(&Summary { counts: Counts::TooMany, ..summary });
        let selected = super::percentile(&mut values.to_vec(), q).map(f64::to_bits);
        assert_eq!(counted, refined, "{values:?} {q}");
        assert_eq!(counted, selected, "{values:?} {q}");
        counted.map(f64::from_bits)
    }

    #[test]
    fn percentiles_interpolate_between_neighbours() {
        // By hand: index 3·0.2 = 0.6 between 1 and 2; index 3·0.95 = 2.85 between 3 and 10.
        assert!((percentile(&[10.0, 1.0, 3.0, 2.0], 20.0).unwrap() - 1.6).abs() < 1e-12);
        assert!((percentile(&[10.0, 1.0, 3.0, 2.0], 95.0).unwrap() - 8.95).abs() < 1e-12);
    }

    /// Cases where the two forms of the interpolation differ in the last bit, with the results of NumPy 2.4.
    #[test]
    fn percentiles_are_numpys_to_the_last_bit() {
        let cases: [(&[f64], f64, f64); 6] = [
            (&[0.31, 0.52, 0.44, 0.23], 90.0, 0.496_000_000_000_000_05),
            (&[0.41, 0.03], 95.0, 0.390_999_999_999_999_96),
            (&[0.49, 0.61, 0.57, 0.32, 0.99], 20.0, 0.456),
            (&[1.0, 0.93, 0.13], 10.0, 0.290_000_000_000_000_04),
            (&[0.54, 0.77, 0.05, 0.14, 0.79], 30.0, 0.22),
            (&[0.27, 0.83], 10.0, 0.326),
        ];
        for (values, q, expected) in cases {
            assert_eq!(percentile(values, q), Some(expected), "{values:?} {q}");
        }
    }

    #[test]
    fn the_ends_are_the_least_and_the_greatest_value() {
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.0), Some(1.0));
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 100.0), Some(3.0));
        assert_eq!(percentile(&[7.0], 33.0), Some(7.0));
        assert_eq!(percentile(&[2.5; 9], 33.0), Some(2.5));
        assert_eq!(percentile(&[], 50.0), None);
    }

    /// Against sorting, on a million values with and without ties, of either sign, of every size.
    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut state = 7_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let spread: Vec<f64> = (0..200_000).map(|_| f64::from_bits(random())).filter(|v| v.is_finite()).collect();
        let close: Vec<f64> = (0..200_000).map(|_| 0.5 + (random() >> 40) as f64 * 1e-15).collect();
        let tied: Vec<f64> = (0..200_000).map(|_| (random() >> 60) as f64 / 3.0).collect();
        for values in [spread, close, tied] {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let mut summary = Summary::default();
            summary.observe(&values).unwrap();
            for q in [0.0, 0.1, 20.0, 50.0, 79.9, 95.0, 100.0] {
                let index = (values.len() - 1) as f64 * (q / 100.0);
                let (a, b) = (sorted[index.floor() as usize], sorted[index.ceil() as usize]);
                let t = index - index.floor();
                let expected = if t >= 0.5 { b - (b - a) * (1.0 - t) } else { a + (b - a) * t };
                let found = summary.percentiles(&[q], |take| {
                    values.chunks(1000).for_each(take);
                    Ok::<_, Infallible>(())
                });
                assert_eq!(found.unwrap().unwrap()[0].to_bits(), expected.to_bits(), "{q}");
                assert_eq!(super::percentile(&mut values.clone(), q).unwrap().to_bits(), expected.to_bits(), "{q}");
            }
        }
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let refused = Summary::default().observe(&[1.0, value]).unwrap_err();
            assert_eq!(refused.0.to_bits(), value.to_bits());
        }
    }

    #[test]
    fn counting_stops_when_there_are_too_many_distinct_values() {
        let values: Vec<f64> = (0..=MAX_DISTINCT).map(|i| i as f64).collect();
        let mut summary = Summary::default();
        summary.observe(&values[1..]).unwrap();
        assert!(matches!(summary.counts, Counts::Of(_)));
        summary.observe(&values[..1]).unwrap();
        assert!(matches!(summary.counts, Counts::TooMany));
        let mut merged = Summary::default();
        merged.merge(&summary);
        assert!(matches!(merged.counts, Counts::TooMany));
    }
}
