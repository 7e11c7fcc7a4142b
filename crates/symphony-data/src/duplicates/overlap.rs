//! Texts that occur in other text: runs of thirteen words, as T. Brown et al. looked for them ("Language Models are Few-Shot
//! Learners", 2020, appendix C).
//!
//! The runs of the texts are kept by hash. Other text is read once: a sum over the hashes of its last words, from
//! which the oldest is taken away, gives the hash of every run. Where a hash is known, the words are compared, so a collision is no hit.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::Words;

/// How many words in a row are looked for.
pub const RUN: usize = 13;
/// A shorter text is looked for as a whole if it has so many words; the paper takes 8 to 13 words, depending on the dataset.
pub const LEAST: usize = 8;

/// Any odd number with many bits.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A part of a row's text: runs do not reach from one part into the next.
struct Part {
    row: u32,
    words: Words,
    /// The length of its runs.
    run: u32,
}

/// Where a run is.
#[derive(Clone, Copy)]
struct Place {
    hash: u64,
    part: u32,
    at: u32,
}

/// The runs of the rows of benchmarks, and which of them were found. Holds about 30 bytes for each word.
pub struct Index {
    rows: usize,
    parts: Vec<Part>,
    /// Ordered by hash.
    places: Vec<Place>,
    /// For each beginning of a hash, the first place with it.
    directory: Vec<u32>,
    /// How far a hash is shifted to give its beginning.
    shift: u32,
    /// Bits of the hashes that are known: most other hashes are left out by one look at it.
    known: Vec<u64>,
    /// The lengths of runs that occur.
    lengths: Vec<usize>,
    /// A bit for each place that was found.
    found: Vec<AtomicU64>,
    /// For each row the first spot at which a run of it was found.
    first: Vec<AtomicU64>,
}

/// What was found of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// How many of its runs occur in the other text.
    pub found: u32,
    /// How many runs it has; 0 if its text is too short to be looked for.
    pub of: u32,
    /// The most words in a row all of whose runs were found.
    pub longest: u32,
    /// The lowest spot at which one of its runs begins.
    pub first: Option<u64>,
}

impl Index {
    /// An index of rows, each given as the parts of its text. Of a row whose parts are all shorter than [`RUN`], each part
    /// of [`LEAST`] words or more is one run.
    pub fn new(rows: &[Vec<String>]) -> Self {
        let parts: Vec<Part> =
            rows.par_iter().enumerate().flat_map_iter(|(row, texts)| parts(row as u32, texts)).collect();
        let mut places: Vec<Place> =
            parts.par_iter().enumerate().flat_map_iter(|(at, part)| places(at as u32, part)).collect();
        places.par_sort_unstable_by_key(|place| (place.hash, place.part, place.at));
        // About two places for each beginning.
        let bits = (places.len() / 2 + 2).ilog2().clamp(1, 30);
        let shift = 64 - bits;
        let mut directory = vec![0; (1 << bits) + 1];
        places.iter().for_each(|place| directory[(place.hash >> shift) as usize + 1] += 1);
        (1..directory.len()).for_each(|at| directory[at] += directory[at - 1]);
        // At least 16 bits for each place, a power of two of them.
        let mut known = vec![0_u64; (places.len() * 16 / 64 + 1).next_power_of_two()];
        for place in &places {
            let bit = bit_of(place.hash, known.len());
            known[bit / 64] |= 1 << (bit % 64);
        }
        let mut lengths: Vec<usize> = parts.iter().map(|part| part.run as usize).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let found = (0..=places.len() / 64).map(|_| AtomicU64::new(0)).collect();
        let first = rows.iter().map(|_| AtomicU64::new(u64::MAX)).collect();
        Self { rows: rows.len(), parts, places, directory, shift, known, lengths, found, first }
    }

    /// Marks a place as found at `spot`. The order of calls does not matter.
    fn mark(&self, place: usize, spot: u64) {
        self.found[place / 64].fetch_or(1 << (place % 64), Ordering::Relaxed);
        self.first[self.parts[self.places[place].part as usize].row as usize].fetch_min(spot, Ordering::Relaxed);
    }

    /// Marks all places of this run of `other`.
    fn look_up(&self, hash: u64, other: &Words, at: usize, run: usize, spot: &mut impl FnMut() -> u64) {
        let beginning = (hash >> self.shift) as usize;
        let (from, to) = (self.directory[beginning] as usize, self.directory[beginning + 1] as usize);
        for place in from..to {
            let Place { hash: known, part, at: its } = self.places[place];
            let part = &self.parts[part as usize];
            if known == hash && part.run as usize == run && part.words.piece(its as usize, run) == other.piece(at, run)
            {
                self.mark(place, spot());
            }
        }
    }

    /// What was found of each row.
    pub fn result(&self) -> Vec<Overlap> {
        let mut of_part: Vec<Vec<u32>> = vec![Vec::new(); self.parts.len()];
        for (at, place) in self.places.iter().enumerate() {
            if self.found[at / 64].load(Ordering::Relaxed) >> (at % 64) & 1 == 1 {
                of_part[place.part as usize].push(place.at);
            }
        }
        let nothing = Overlap { found: 0, of: 0, longest: 0, first: None };
        let mut rows = vec![nothing; self.rows];
        for (part, mut found) in self.parts.iter().zip(of_part) {
            let row = &mut rows[part.row as usize];
            row.of += part.words.len() as u32 - part.run + 1;
            row.found += found.len() as u32;
            found.sort_unstable();
            for run in found.chunk_by(|a, b| a + 1 == *b) {
                row.longest = row.longest.max(run.len() as u32 + part.run - 1);
            }
        }
        for (row, first) in rows.iter_mut().zip(&self.first) {
            row.first = Some(first.load(Ordering::Relaxed)).filter(|spot| *spot != u64::MAX);
        }
        rows
    }
}

/// The parts of a row that are looked for.
fn parts(row: u32, texts: &[String]) -> Vec<Part> {
    let all: Vec<Words> = texts.iter().map(|text| Words::of(text)).collect();
    let long = all.iter().any(|words| words.len() >= RUN);
    let least = if long { RUN } else { LEAST };
    let kept = all.into_iter().filter(|words| words.len() >= least);
    kept.map(|words| Part { row, run: words.len().min(RUN) as u32, words }).collect()
}

fn places(number: u32, part: &Part) -> Vec<Place> {
    let run = part.run as usize;
    let mut sums = Vec::new();
    add_up(&part.words, &mut sums);
    let power = BASE.wrapping_pow(run as u32);
    (0..sums.len() - run)
        .map(|at| Place { hash: hash_of(&sums, at, run, power), part: number, at: at as u32 })
        .collect()
}

/// For each beginning of a text, the sum Σ hᵢ·B^(n−i) over the hashes of its n words.
fn add_up(words: &Words, sums: &mut Vec<u64>) {
    sums.clear();
    sums.reserve(words.len() + 1);
    let mut sum = 0_u64;
    sums.push(sum);
    for at in 0..words.len() {
        sum = sum.wrapping_mul(BASE).wrapping_add(xxh3_64(words.piece(at, 1)));
        sums.push(sum);
    }
}

/// The hash of a run: what the sum behind it has more than the sum before it.
fn hash_of(sums: &[u64], at: usize, run: usize, power: u64) -> u64 {
    let sum = sums[at + run].wrapping_sub(sums[at].wrapping_mul(power));
    // Spreads what the sum has in its lower bits.
    (sum ^ (sum >> 32)).wrapping_mul(BASE)
}

/// The bit of a hash among `words` of 64 bits, a power of two. It depends on other bits than the directory does.
fn bit_of(hash: u64, words: usize) -> usize {
    (hash as usize ^ (hash >> 40) as usize) & (words * 64 - 1)
}

/// Reads other text. Each thread has its own.
pub struct Scanner<'i> {
    index: &'i Index,
    words: Words,
    begins: Vec<u32>,
    sums: Vec<u64>,
}

impl<'i> Scanner<'i> {
    /// A scanner that marks what it finds in `index`.
    pub fn new(index: &'i Index) -> Self {
        Self { index, words: Words::default(), begins: Vec::new(), sums: Vec::new() }
    }

    /// Looks for all runs in `text`. `spot` gives, for the byte at which a run begins, a number that is lower the earlier
    /// the place is; it is asked with bytes that ascend, for each length of runs again.
    pub fn read(&mut self, text: &str, mut spot: impl FnMut(usize) -> u64) {
        let Self { index, words, begins, sums } = self;
        words.clear();
        begins.clear();
        words.read(text, |at| begins.push(at as u32));
        add_up(words, sums);
        for run in &index.lengths {
            let power = BASE.wrapping_pow(*run as u32);
            for (at, begin) in begins.iter().enumerate().take(sums.len().saturating_sub(*run)) {
                let hash = hash_of(sums, at, *run, power);
                let bit = bit_of(hash, index.known.len());
                if index.known[bit / 64] >> (bit % 64) & 1 == 1 {
                    index.look_up(hash, words, at, *run, &mut || spot(*begin as usize));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen";

    fn index(rows: &[&[&str]]) -> Index {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|text| (*text).to_owned()).collect()).collect();
        Index::new(&rows)
    }

    fn found(rows: &[&[&str]], other: &[&str]) -> Vec<Overlap> {
        let index = index(rows);
        let mut scanner = Scanner::new(&index);
        other.iter().enumerate().for_each(|(spot, text)| scanner.read(text, |_| spot as u64));
        index.result()
    }

    #[test]
    fn thirteen_words_in_a_row_are_found_whatever_is_between_them() {
        let thirteen = "… ONE, two; three\nfour five six seven eight (nine) ten eleven twelve thirteen! and so on";
        let expected = |found, longest, first| vec![Overlap { found, of: 3, longest, first }];
        assert_eq!(found(&[&[TEXT]], &["nothing", thirteen]), expected(1, 13, Some(1)));
        assert_eq!(found(&[&[TEXT]], &[TEXT, thirteen]), expected(3, 15, Some(0)));
        let twelve = "one two three four five six seven eight nine ten eleven twelve of others";
        assert_eq!(found(&[&[TEXT]], &[twelve, "thirteen"]), expected(0, 0, None));
    }

    #[test]
    fn a_text_of_8_to_12_words_is_found_as_a_whole_and_a_shorter_one_is_not_looked_for() {
        let eight = "a b c d e f g h";
        let rows: &[&[&str]] = &[&[eight], &["a b c d e f g"], &[TEXT, eight], &[eight, "x y"], &[]];
        let found = found(rows, &["x a b c d e f g h x", TEXT]);
        let overlap = |found, of, longest, first| Overlap { found, of, longest, first };
        assert_eq!(found[0], overlap(1, 1, 8, Some(0)));
        assert_eq!(found[1], overlap(0, 0, 0, None));
        // Beside a long part, short ones are not looked for.
        assert_eq!(found[2], overlap(3, 3, 15, Some(1)));
        assert_eq!(found[3], overlap(1, 1, 8, Some(0)));
        assert_eq!(found[4], overlap(0, 0, 0, None));
    }

    #[test]
    fn runs_do_not_reach_from_one_part_into_the_next() {
        let (a, b) = TEXT.split_at(TEXT.find(" fourteen").unwrap());
        assert_eq!(found(&[&[a, b]], &[TEXT])[0], Overlap { found: 1, of: 1, longest: 13, first: Some(0) });
        assert_eq!(found(&[&[TEXT]], &[a, b])[0].found, 1);
    }

    #[test]
    fn the_same_hash_of_other_words_is_not_a_hit() {
        let mut index = index(&[&[TEXT], &["a b c d e f g h i j k l m n"]]);
        // As if every run had the same hash, and the other text's runs too.
        index.places.iter_mut().for_each(|place| place.hash = 0);
        index.directory = vec![0, index.places.len() as u32, index.places.len() as u32];
        index.shift = 63;
        let other = Words::of("zero one two three four five six seven eight nine ten eleven twelve thirteen");
        for at in 0..2 {
            index.look_up(0, &other, at, RUN, &mut || at as u64);
        }
        let found = index.result();
        assert_eq!(found[0], Overlap { found: 1, of: 3, longest: 13, first: Some(1) });
        assert_eq!(found[1].found, 0);
    }
}
