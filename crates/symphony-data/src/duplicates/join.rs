//! Finds the pairs: reads all texts once for their signatures, then compares candidates band by band.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    Found, Pair, SIMILAR, Shingles, Texts, Words,
    forest::Forest,
    minhash::{BANDS, Functions, Signature, kept_fit, sizes_fit, sketches_fit},
    shingle,
};

/// About how much text is asked for at once, in bytes.
const TEXT_AT_ONCE: usize = 8 << 20;
/// How many texts are asked for at once: first, and at most.
const TEXTS_AT_ONCE: [usize; 2] = [256, 8192];
/// How many pairs are compared on their words at once, and how many shingles these have at most.
const PAIRS_AT_ONCE: usize = 1 << 16;
const SHINGLES_AT_ONCE: usize = 4 << 20;
/// How many pairs of signatures are compared before the pairs that fit are compared on their words.
const CHECKS_AT_ONCE: usize = 8 << 20;
/// How many pairs of signatures of one band are compared at least before a limit applies, and how many for each row.
const MOST_CHECKS: usize = 32 << 20;
const MOST_CHECKS_PER_ROW: usize = 32;

pub(super) fn find<T: Texts>(texts: &T, together: &[(u32, u32)]) -> Result<Found, T::Error> {
    let signatures = signatures(texts)?;
    let mut join = Join { texts, signatures, forest: Forest::new(texts.len()), whole: [true; BANDS] };
    let together = join.compared(together)?;
    together.iter().for_each(|pair| _ = join.forest.connect(*pair));
    let different = join.fold()?;
    for band in 0..BANDS {
        join.band(band, &different)?;
        texts.done(texts.len() + texts.len() * (band + 1) / BANDS);
    }
    let is_whole = join.whole.iter().all(|whole| *whole);
    Ok(Found { links: join.forest.links(), together, is_whole })
}

fn signatures<T: Texts>(texts: &T) -> Result<Vec<Signature>, T::Error> {
    let functions = Functions::new();
    let mut signatures = Vec::with_capacity(texts.len());
    let [mut at_once, most] = TEXTS_AT_ONCE;
    while signatures.len() < texts.len() {
        let from = signatures.len();
        let rows: Vec<u32> = (from as u32..texts.len().min(from + at_once) as u32).collect();
        let read = texts.get(&rows)?;
        let sign = |text: &String| Signature::of(&shingle::hashes(&Words::of(text)), &functions);
        signatures.par_extend(read.par_iter().map(sign));
        let bytes: usize = read.iter().map(String::len).sum();
        at_once = (TEXT_AT_ONCE / (bytes / rows.len() + 1)).clamp(16, most);
        texts.done(signatures.len());
    }
    Ok(signatures)
}

struct Join<'t, T> {
    texts: &'t T,
    signatures: Vec<Signature>,
    forest: Forest,
    /// For each band whether all pairs of its buckets were looked at.
    whole: [bool; BANDS],
}

impl<T: Texts> Join<'_, T> {
    /// Connects rows with the same shingles to the first of them, and returns one row of each set of shingles. Copies of one
    /// text, however many, are one row from here on.
    fn fold(&mut self) -> Result<Vec<u32>, T::Error> {
        let of = |row: &u32| (self.signatures[*row as usize].whole, self.signatures[*row as usize].size);
        let mut rows: Vec<u32> =
            (0..self.signatures.len() as u32).filter(|row| self.signatures[*row as usize].size > 0).collect();
        rows.par_sort_unstable_by_key(|row| (of(row), *row));
        let (mut different, mut same) = (Vec::new(), Vec::new());
        for rows in rows.chunk_by(|a, b| of(a) == of(b)) {
            different.push(rows[0]);
            same.extend(rows[1..].iter().map(|row| (rows[0], *row)));
        }
        same.sort_unstable_by_key(|(_, row)| *row);
        for pair in self.compared(&same)? {
            if pair.similarity == 1.0 {
                self.forest.connect(pair);
            } else {
                // Their hashes are the same, and their words are not.
                different.push(pair.rows.1);
            }
        }
        different.sort_unstable();
        Ok(different)
    }

    /// Looks at the rows that share a key of this band: a bucket.
    fn band(&mut self, band: usize, rows: &[u32]) -> Result<(), T::Error> {
        let key = |row: u32| self.signatures[row as usize].keys[band];
        // Ordered by what the texts are, so that groups do not depend on the order of the rows.
        let mut order: Vec<(u32, u64, u32)> =
            rows.iter().map(|row| (key(*row), self.signatures[*row as usize].whole, *row)).collect();
        order.par_sort_unstable();
        let mut buckets = Vec::new();
        let mut from = 0;
        for bucket in order.chunk_by(|a, b| a.0 == b.0) {
            if bucket.len() > 1 {
                buckets.push(from..from + bucket.len());
            }
            from += bucket.len();
        }
        let order: Vec<u32> = order.into_iter().map(|(.., row)| row).collect();
        self.forest.flatten();
        // First one row of each group with the bucket's first row: that connects most of a large bucket of similar texts.
        let with_first = |bucket: &Range<usize>| {
            let first = order[bucket.start];
            let mut seen = vec![self.forest.first(first)];
            let mut pairs = Vec::new();
            for row in &order[bucket.start + 1..bucket.end] {
                let group = self.forest.first(*row);
                if !seen.contains(&group) && self.fits(first, *row) && !self.was_seen(first, *row, band) {
                    if seen.len() < 16 {
                        seen.push(group);
                    }
                    pairs.push((first, *row));
                }
            }
            pairs
        };
        let pairs: Vec<(u32, u32)> = buckets.par_iter().flat_map_iter(with_first).collect();
        self.connect_similar(pairs)?;
        self.forest.flatten();
        // Then all pairs of rows that are not connected yet.
        buckets.retain(|bucket| {
            let rows = &order[bucket.clone()];
            rows.iter().any(|row| self.forest.first(*row) != self.forest.first(rows[0]))
        });
        let window = self.window(band, &buckets, rows.len());
        let mut pieces: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        let mut checks = 0;
        for bucket in buckets {
            let width = bucket.len().min(window);
            let step = (CHECKS_AT_ONCE / 8 / width).max(1);
            for from in bucket.clone().step_by(step) {
                let to = bucket.end.min(from + step);
                checks += (to - from) * width;
                pieces.push((from..to, from..bucket.end));
                if checks >= CHECKS_AT_ONCE {
                    self.piece(band, &order, &pieces, window)?;
                    pieces.clear();
                    checks = 0;
                }
            }
        }
        self.piece(band, &order, &pieces, window)
    }

    /// With how many rows behind it in its bucket each row is compared: all, unless that would take too long.
    fn window(&mut self, band: usize, buckets: &[Range<usize>], rows: usize) -> usize {
        let checks =
            |window: usize| buckets.iter().map(|bucket| bucket.len() * bucket.len().min(window)).sum::<usize>();
        let most = MOST_CHECKS.max(MOST_CHECKS_PER_ROW * rows);
        let mut window = buckets.iter().map(Range::len).max().unwrap_or_default();
        while checks(window) > most {
            self.whole[band] = false;
            window = window * 3 / 4;
        }
        window.max(1)
    }

    /// Compares rows of `pieces` with the rows behind them in their buckets, and connects those that are similar.
    fn piece(
        &mut self,
        band: usize,
        order: &[u32],
        pieces: &[(Range<usize>, Range<usize>)],
        window: usize,
    ) -> Result<(), T::Error> {
        let find = |(from, bucket): &(Range<usize>, Range<usize>)| {
            let bucket = bucket.start..bucket.end.min(from.end + window);
            let groups: Vec<u32> = order[bucket.clone()].iter().map(|row| self.forest.first(*row)).collect();
            let mut pairs = Vec::new();
            for a in from.clone() {
                for b in a + 1..bucket.end.min(a + 1 + window) {
                    if groups[a - bucket.start] != groups[b - bucket.start]
                        && self.fits(order[a], order[b])
                        && !self.was_seen(order[a], order[b], band)
                    {
                        pairs.push((order[a], order[b]));
                    }
                }
            }
            pairs
        };
        let pairs: Vec<(u32, u32)> = pieces.par_iter().flat_map_iter(find).collect();
        self.connect_similar(pairs)
    }

    /// Whether two rows were in one bucket of an earlier band, and so compared, or connected.
    fn was_seen(&self, a: u32, b: u32, band: usize) -> bool {
        let (a, b) = (&self.signatures[a as usize].keys, &self.signatures[b as usize].keys);
        (0..band).any(|earlier| a[earlier] == b[earlier] && self.whole[earlier])
    }

    /// Whether signatures allow that two texts are similar.
    fn fits(&self, a: u32, b: u32) -> bool {
        let (a, b) = (&self.signatures[a as usize], &self.signatures[b as usize]);
        sizes_fit(a.size, b.size)
            && sketches_fit(&a.sketch, &b.sketch)
            && kept_fit((&a.kept, a.zeros), (&b.kept, b.zeros))
    }

    /// Compares candidate pairs on their words, and connects those that are similar. Pairs that others have connected by
    /// then are left out.
    fn connect_similar(&mut self, mut pairs: Vec<(u32, u32)>) -> Result<(), T::Error> {
        while !pairs.is_empty() {
            pairs.retain(|(a, b)| self.forest.first(*a) != self.forest.first(*b));
            let rest = pairs.split_off(self.at_once(&pairs));
            for pair in self.compared_at_once(&pairs)? {
                if pair.similarity >= SIMILAR {
                    self.forest.connect(pair);
                }
            }
            pairs = rest;
        }
        Ok(())
    }

    /// Compares pairs on their words.
    fn compared(&self, pairs: &[(u32, u32)]) -> Result<Vec<Pair>, T::Error> {
        let mut compared = Vec::with_capacity(pairs.len());
        while compared.len() < pairs.len() {
            let rest = &pairs[compared.len()..];
            compared.extend(self.compared_at_once(&rest[..self.at_once(rest)])?);
        }
        Ok(compared)
    }

    /// How many of these pairs are compared at once.
    fn at_once(&self, pairs: &[(u32, u32)]) -> usize {
        let size = |row: u32| self.signatures[row as usize].size as usize;
        let mut shingles = 0;
        let fits = pairs.iter().take(PAIRS_AT_ONCE).take_while(|(a, b)| {
            let before = shingles;
            shingles += size(*a) + size(*b);
            before < SHINGLES_AT_ONCE
        });
        fits.count()
    }

    fn compared_at_once(&self, pairs: &[(u32, u32)]) -> Result<Vec<Pair>, T::Error> {
        let mut rows: Vec<u32> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
        rows.par_sort_unstable();
        rows.dedup();
        let texts = self.texts.get(&rows)?;
        let at = |row: u32| rows.partition_point(|other| *other < row);
        let equal = |a: u32, b: u32| texts[at(a)] == texts[at(b)];
        // There may be many equal texts; they need no shingles.
        let differ: Vec<bool> = pairs.par_iter().map(|(a, b)| !equal(*a, *b)).collect();
        let mut needed = vec![false; rows.len()];
        for ((a, b), _) in pairs.iter().zip(&differ).filter(|(_, differ)| **differ) {
            needed[at(*a)] = true;
            needed[at(*b)] = true;
        }
        let sets: Vec<Option<Shingles>> =
            texts.par_iter().zip(&needed).map(|(text, needed)| needed.then(|| Shingles::of(text))).collect();
        let compare = |((a, b), differ): (&(u32, u32), &bool)| {
            let similarity = match (differ, &sets[at(*a)], &sets[at(*b)]) {
                (true, Some(one), Some(other)) => one.similarity(other),
                _ => f64::from(u8::from(self.signatures[*a as usize].size > 0)),
            };
            Pair { rows: (*a, *b), similarity }
        };
        Ok(pairs.par_iter().zip(&differ).map(compare).collect())
    }
}
