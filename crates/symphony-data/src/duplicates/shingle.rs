//! The shingles of a text, and how similar two texts are.

use std::{cmp::Ordering, ops::Range};

use xxhash_rust::xxh3::xxh3_64;

use super::Words;

/// How many words in a row a shingle has.
pub const SHINGLE: usize = 5;

/// Where the shingles of a text lie in its words: all runs of five words, or, of fewer words, one of them all.
fn places(words: &Words) -> impl Iterator<Item = Range<usize>> + '_ {
    let n = words.len().min(SHINGLE);
    let last = words.len() - n;
    (0..=last).filter(move |_| n > 0).map(move |at| words.range(at, n))
}

/// The hashes of a text's shingles, ascending, each once.
pub(super) fn hashes(words: &Words) -> Vec<u64> {
    let mut hashes: Vec<u64> = places(words).map(|place| xxh3_64(&words.bytes()[place])).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// The set of a text's shingles: its runs of five words; one of all its words if there are fewer.
///
/// Two shingles are equal if their words are. Hashes only put them in order, so equal hashes of different words do no harm.
#[derive(Clone, Debug)]
pub struct Shingles {
    words: Words,
    /// The hash and the place of each, in the order of hash and words, each once.
    all: Vec<(u64, u32, u32)>,
}

impl Shingles {
    /// The shingles of `text`.
    pub fn of(text: &str) -> Self {
        let words = Words::of(text);
        let bytes = words.bytes();
        let mut all: Vec<(u64, u32, u32)> = places(&words)
            .map(|place| (xxh3_64(&bytes[place.clone()]), place.start as u32, place.end as u32))
            .collect();
        let text = |(_, from, to): &(u64, u32, u32)| &bytes[*from as usize..*to as usize];
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| text(a).cmp(text(b))));
        all.dedup_by(|a, b| a.0 == b.0 && text(a) == text(b));
        Self { words, all }
    }

    /// How many different ones there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether the text has no words.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn text(&self, at: usize) -> &[u8] {
        let (_, from, to) = self.all[at];
        &self.words.bytes()[from as usize..to as usize]
    }

    /// The Jaccard similarity, 0..1: how many shingles the two have in common, divided by how many there are in either. Two
    /// texts without words have none in common, so it is 0.
    pub fn similarity(&self, other: &Self) -> f64 {
        let (mut a, mut b, mut common) = (0, 0, 0_usize);
        while a < self.len() && b < other.len() {
            let order = self.all[a].0.cmp(&other.all[b].0).then_with(|| self.text(a).cmp(other.text(b)));
            a += usize::from(order != Ordering::Greater);
            b += usize::from(order != Ordering::Less);
            common += usize::from(order == Ordering::Equal);
        }
        let either = self.len() + other.len() - common;
        if either == 0 { 0.0 } else { common as f64 / either as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similarity(a: &str, b: &str) -> f64 {
        Shingles::of(a).similarity(&Shingles::of(b))
    }

    #[test]
    fn similarity_is_the_share_of_common_runs_of_five_words() {
        // Six words make two shingles. The texts share one of them: 1 of 3.
        assert_eq!(similarity("a b c d e f", "A, b, c, d, e, g"), 1.0 / 3.0);
        // The run a a a a a occurs twice and counts once.
        assert_eq!(Shingles::of("a a a a a a").len(), 1);
        assert_eq!(similarity("a a a a a a", "a a a a a"), 1.0);
        assert_eq!(similarity("a b c d e", "a b c d f"), 0.0);
    }

    #[test]
    fn a_text_of_fewer_than_five_words_is_one_shingle() {
        assert_eq!(Shingles::of("Yes.").len(), 1);
        assert_eq!(similarity("yes", "YES!"), 1.0);
        assert_eq!(similarity("a b c d", "a b c"), 0.0);
    }

    #[test]
    fn a_text_without_words_is_like_no_other() {
        assert!(Shingles::of(" ?! ").is_empty());
        assert_eq!(similarity("", ""), 0.0);
        assert_eq!(similarity("…", "…"), 0.0);
    }

    #[test]
    fn equal_hashes_of_different_words_do_not_count_as_equal() {
        let (mut a, mut b) = (Shingles::of("a b c d e f g"), Shingles::of("h i j k l m n"));
        for set in [&mut a, &mut b] {
            set.all.iter_mut().enumerate().for_each(|(at, shingle)| shingle.0 = at as u64);
        }
        assert_eq!(a.similarity(&b), 0.0);
        assert_eq!(a.similarity(&a.clone()), 1.0);
    }
}
