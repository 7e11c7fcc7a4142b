//! MinHash: what is kept of each text, so that similar texts are found without comparing all of them.
//!
//! The smallest hash of a set's shingles is the same for two sets with a probability that is their Jaccard similarity
//! (A. Broder, "On the resemblance and containment of documents", 1997). Several such hashes in a row form a band, and
//! two texts become a candidate pair where all hashes of one of their bands agree: with a probability of
//! 1 − (1 − s^r)^b at similarity s, for b bands of r hashes (Leskovec, Rajaraman and Ullman, "Mining of Massive
//! Datasets", section 3.4).

use xxhash_rust::xxh3::xxh3_64;

/// How many hashes a band has (r).
pub(super) const PER_BAND: usize = 8;
/// How many bands there are (b). At similarity 0.8 a pair is found with probability 1 − (1 − 0.8⁸)³⁸ = 0.9991, and at 0.5
/// with 0.14: such pairs are compared in vain.
pub(super) const BANDS: usize = 38;
/// How many shingles of a text are kept at most.
const KEPT: usize = 256;
/// How many standard deviations an estimate may lie below what is looked for: about 1 in 30,000 lies farther.
const TOLERANCE: f64 = 4.0;

/// The hash functions: x ↦ a·x + b modulo 2⁶⁴, of numbers that are hashes themselves. The upper bits, which decide what is
/// smallest, depend on all bits of x.
pub(super) struct Functions([[(u64, u64); PER_BAND]; BANDS]);

impl Functions {
    /// The same functions every time.
    pub fn new() -> Self {
        let mut number = 0_u64;
        let mut next = || {
            number += 1;
            xxh3_64(&number.to_le_bytes())
        };
        Self(std::array::from_fn(|_| std::array::from_fn(|_| (next() | 1, next()))))
    }
}

/// What is kept of one text. Its size does not depend on the text's.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    /// A hash of each band.
    pub keys: [u32; BANDS],
    /// One bit of each of 256 smallest hashes. Of two texts of similarity s, a share of (1 + s) / 2 agrees.
    pub sketch: [u64; 4],
    /// How many shingles the text has.
    pub size: u32,
    /// A hash of all of them.
    pub whole: u64,
    /// The lower half of the hash of each shingle, ascending; of a long text, of those that end in `zeros` bits of 0.
    pub kept: Box<[u32]>,
    /// How many bits of 0 the kept hashes end in.
    pub zeros: u8,
}

impl Signature {
    /// The signature of a text with these hashes of shingles, each once.
    pub fn of(hashes: &[u64], functions: &Functions) -> Self {
        let mut keys = [0; BANDS];
        let mut bits = [0_u8; BANDS];
        for (band, functions) in functions.0.iter().enumerate() {
            let mut smallest = [u64::MAX; PER_BAND];
            for hash in hashes {
                for (smallest, (a, b)) in smallest.iter_mut().zip(functions) {
                    *smallest = (*smallest).min(hash.wrapping_mul(*a).wrapping_add(*b));
                }
            }
            let mut bytes = [0; PER_BAND * 8];
            for (bytes, smallest) in bytes.chunks_exact_mut(8).zip(smallest) {
                bytes.copy_from_slice(&smallest.to_le_bytes());
                // Any odd number with many bits: its product's highest bit depends on all others.
                bits[band] = bits[band] << 1 | (smallest.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63) as u8;
            }
            keys[band] = xxh3_64(&bytes) as u32;
        }
        let sketch =
            std::array::from_fn(|at| bits[8 * at..8 * at + 8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
        let mut zeros = 0;
        let ends = |hash: &&u64, zeros: u8| hash.trailing_zeros() >= u32::from(zeros);
        while zeros < 32 && hashes.iter().filter(|hash| ends(hash, zeros)).count() > KEPT {
            zeros += 1;
        }
        let mut kept: Vec<u32> = hashes.iter().filter(|hash| ends(hash, zeros)).map(|hash| *hash as u32).collect();
        kept.sort_unstable();
        let whole: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        Self { keys, sketch, size: hashes.len() as u32, whole: xxh3_64(&whole), kept: kept.into(), zeros }
    }
}

/// Whether sets of these sizes can be at least 0.8 similar.
pub(super) fn sizes_fit(a: u32, b: u32) -> bool {
    let (less, more) = if a < b { (a, b) } else { (b, a) };
    u64::from(less) * 5 >= u64::from(more) * 4
}

/// Whether two sketches agree as far as those of texts of similarity 0.8 do. With a share of 0.9 of 256 bits expected, this
/// is 0.9 − 4·√(0.9·0.1/256).
pub(super) fn sketches_fit(a: &[u64; 4], b: &[u64; 4]) -> bool {
    const MOST_DIFFERENT: u32 = 44;
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>() <= MOST_DIFFERENT
}

/// Whether the kept hashes allow a similarity of 0.8. If all were kept, this never says no wrongly: different shingles may
/// have the same half of a hash, never the reverse.
pub(super) fn kept_fit((a, a_zeros): (&[u32], u8), (b, b_zeros): (&[u32], u8)) -> bool {
    let zeros = u32::from(a_zeros.max(b_zeros));
    let counts = |hash: &&u32| hash.trailing_zeros() >= zeros;
    let (mut a, mut b) = (a.iter().filter(counts).peekable(), b.iter().filter(counts).peekable());
    let (mut common, mut either) = (0_u32, 0_u32);
    loop {
        match (a.peek(), b.peek()) {
            (Some(x), Some(y)) => {
                let order = x.cmp(y);
                common += u32::from(order.is_eq());
                if order.is_le() {
                    a.next();
                }
                if order.is_ge() {
                    b.next();
                }
            }
            (Some(_), None) => _ = a.next(),
            (None, Some(_)) => _ = b.next(),
            (None, None) => break,
        }
        either += 1;
    }
    if zeros == 0 {
        return common * 5 >= either * 4;
    }
    // Nothing is kept of one of two long texts: nothing is known.
    let error = if either == 0 { 1.0 } else { (0.8 * 0.2 / f64::from(either)).sqrt() };
    f64::from(common) >= (0.8 - TOLERANCE * error) * f64::from(either)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(s: f64) -> f64 {
        1.0 - (1.0 - s.powi(PER_BAND as i32)).powi(BANDS as i32)
    }

    #[test]
    fn the_bands_find_999_of_1000_pairs_of_similarity_0_8() {
        assert!(chance(0.8) >= 0.999, "{}", chance(0.8));
        assert!(chance(0.5) < 0.15, "{}", chance(0.5));
    }

    /// Hashes that stand for shingles; `common` of `n` are the same for both.
    fn pair(seed: u64, n: u64, common: u64) -> [Vec<u64>; 2] {
        let hash = |side: u64, at: u64| {
            xxh3_64(&[seed, if at < common { 9 } else { side }, at].map(u64::to_le_bytes).concat())
        };
        [0, 1].map(|side| {
            let mut hashes: Vec<u64> = (0..n).map(|at| hash(side, at)).collect();
            hashes.sort_unstable();
            hashes
        })
    }

    #[test]
    fn as_many_pairs_share_a_band_as_the_formula_says() {
        let functions = Functions::new();
        // Of 90 shingles, 80 in common: 80 of 100, a similarity of 0.8. And 60 of 90: 60 of 120, one of 0.5.
        for (common, s) in [(80, 0.8), (60, 0.5)] {
            let shares = |seed: u64| {
                let [a, b] = pair(seed, 90, common).map(|hashes| Signature::of(&hashes, &functions));
                a.keys.iter().zip(&b.keys).any(|(a, b)| a == b)
            };
            let found = (0..2000).filter(|seed| shares(*seed)).count() as f64 / 2000.0;
            let error = (chance(s) * (1.0 - chance(s)) / 2000.0).sqrt();
            assert!((found - chance(s)).abs() < 4.0 * error, "at {s}: {found}, expected {}", chance(s));
        }
    }

    #[test]
    fn what_is_kept_keeps_pairs_of_0_8_and_leaves_out_most_of_those_far_below() {
        let functions = Functions::new();
        // Short texts are kept whole, long ones in part.
        for (n, common, least, most) in
            [(90, 80, 1998, 2000), (90, 60, 0, 0), (9000, 8000, 1990, 2000), (9000, 6000, 0, 20)]
        {
            let fits = |seed: &u64| {
                let [a, b] = pair(*seed, n, common).map(|hashes| Signature::of(&hashes, &functions));
                assert!(a.kept.len() <= KEPT && (n > 256 || a.zeros == 0));
                sizes_fit(a.size, b.size)
                    && sketches_fit(&a.sketch, &b.sketch)
                    && kept_fit((&a.kept, a.zeros), (&b.kept, b.zeros))
            };
            let rounds = if n > 1000 { 200 } else { 2000 };
            let found = (0..rounds).filter(fits).count() * (2000 / rounds as usize);
            assert!((least..=most).contains(&found), "{n} {common}: {found}");
        }
    }

    #[test]
    fn sizes_fit_up_to_a_ratio_of_0_8() {
        assert!(sizes_fit(4, 5) && sizes_fit(5, 4) && sizes_fit(80, 100) && sizes_fit(7, 7));
        assert!(!sizes_fit(3, 4) && !sizes_fit(79, 100) && !sizes_fit(0, 1));
    }
}
