//! The random numbers behind every synthetic row. Frozen: this file is part of the promise "the same rows
//! forever", so nothing here may change once a row has been published; a better generator gets a new file.
//!
//! SplitMix64 (Steele, Lea and Flood, 2014), started from a hash of (generator and config, seed, row).

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finalizer of SplitMix64: a bijection in which every input bit reaches every output bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a: names the stream, so that two generators with one seed do not share their choices.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

/// The percentages at which a [`Rng::quantile`] table lists its values.
const QUANTILES_AT: [u64; 13] = [0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100];

pub(super) struct Rng(u64);

impl Rng {
    /// The numbers of one row: of `stream` (a generator or a BBH task) under `seed`, at `row`.
    pub fn for_row(stream: &str, seed: u64, row: u64) -> Self {
        let start = mix(name_hash(stream) ^ mix(seed.wrapping_add(GOLDEN)));
        Rng(mix(start ^ row.wrapping_mul(GOLDEN)))
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `n` (0 when `n` is 0). The bias of multiply-and-shift is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    /// A multiple of `step` above `low`, at most `high`: `low + step * j`.
    pub fn stepped(&mut self, low: i64, high: i64, step: i64) -> i64 {
        low + step * self.range(0, (high - low) / step.max(1))
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which is never empty here: all of them are tables in this module.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// `K` different numbers below `n`, in random order (`K <= n`).
    pub fn distinct<const K: usize>(&mut self, n: usize) -> [usize; K] {
        let mut chosen = [usize::MAX; K];
        for k in 0..K {
            let mut x = self.below(n);
            while chosen[..k].contains(&x) {
                x = (x + 1) % n;
            }
            chosen[k] = x;
        }
        chosen
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// A value from a distribution given by its percentiles (at [`QUANTILES_AT`]), linear in between.
    pub fn quantile(&mut self, table: &[i64; 13]) -> i64 {
        let u = self.below(10_000);
        quantile_at(table, u)
    }
}

/// The value at `u` ten-thousandths of a percentile table.
pub(super) fn quantile_at(table: &[i64; 13], u: usize) -> i64 {
    let u = u as u64;
    let cell = QUANTILES_AT.iter().rposition(|&p| p * 100 <= u).unwrap_or(0).min(11);
    let (from, to) = (QUANTILES_AT[cell] * 100, QUANTILES_AT[cell + 1] * 100);
    table[cell] + (table[cell + 1] - table[cell]) * (u - from) as i64 / (to - from) as i64
}

/// A shuffled counter: as `row` runs through 0..space, so does the result, in an order chosen by (stream, seed).
/// For tasks with so few different texts that independent draws would soon repeat one.
pub(super) fn permuted(stream: &str, seed: u64, row: u64, space: u64) -> u64 {
    let half = (64 - space.max(4).saturating_sub(1).leading_zeros()).div_ceil(2);
    let mask = (1u64 << half) - 1;
    let key = mix(name_hash(stream) ^ mix(seed));
    let mut x = row % space.max(1);
    // A Feistel network permutes 0..4^half; walking on until the value is small enough permutes 0..space.
    loop {
        let (mut left, mut right) = (x >> half, x & mask);
        for round in 0..4 {
            (left, right) = (right, left ^ (mix(key ^ (right << 8) ^ round) & mask));
        }
        x = (left << half) | right;
        if x < space.max(1) {
            return x;
        }
    }
}
