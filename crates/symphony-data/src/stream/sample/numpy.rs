//! The sampler of the Python program: NumPy's `RandomState`, whose numbers NumPy guarantees never to change.
//!
//! `choice` draws from the benchmarks in the request's order, from each easy tasks, then medium, then hard ones; at the end,
//! `shuffle` mixes the whole list. The guarantee (NEP 19) covers: MT19937 (Matsumoto and Nishimura 1998) seeded by
//! init_genrand; `choice` without replacement is the head of a permutation, with replacement it is `randint`; both draw
//! bounded integers by masked rejection, with one 32-bit output per attempt, and a range of one draws nothing.

use std::collections::HashMap;

use super::{Cell, Sampler};
use crate::{
    bin::Bin,
    request::Replacement,
    stream::{Allocation, Draw, delivered},
};

pub(super) struct Numpy;

impl Sampler for Numpy {
    fn draw(&self, cells: &[Cell<'_>], allocation: &Allocation, replacement: Replacement, seed: u64) -> Vec<Draw> {
        // The check of a request refuses larger seeds.
        let mut random = Mt19937::new(seed as u32);
        let mut draws = Vec::new();
        for (benchmark, (cell, asked)) in cells.iter().zip(allocation).enumerate() {
            for bin in Bin::ALL {
                let (rows, size) = (&cell.bins.rows[bin], cell.bins.sizes()[bin] as usize);
                let n = delivered(asked[bin], size as u64, replacement) as usize;
                if n == 0 {
                    continue;
                }
                let with_replacement = match replacement {
                    Replacement::Never => false,
                    Replacement::Always => true,
                    Replacement::WhenShort => size < n,
                };
                let mut taken = HashMap::new();
                for at in random.choice(size, n, with_replacement) {
                    // Rows that are not listed are drawn by their places in the bin.
                    let row = rows.get(at).copied().unwrap_or(at as u32);
                    let copies = taken.entry(row).or_insert(0);
                    draws.push(Draw { benchmark, row, copy: *copies, bin });
                    *copies += 1;
                }
            }
        }
        random.shuffle(&mut draws);
        draws
    }
}

const N: usize = 624;
const M: usize = 397;

/// The generator behind `numpy.random.RandomState(seed)`.
struct Mt19937 {
    state: [u32; N],
    /// The outputs of this state.
    outputs: [u32; N],
    next: usize,
}

impl Mt19937 {
    fn new(seed: u32) -> Self {
        let mut state = [0; N];
        state[0] = seed;
        for i in 1..N {
            let previous: u32 = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(i as u32);
        }
        Self { state, outputs: [0; N], next: N }
    }

    /// The next state, and all of its outputs: loops without branches, which compilers turn into vector instructions.
    fn twist(&mut self) {
        let state = &mut self.state;
        let mixed = |this: u32, next: u32| {
            let y = (this & 0x8000_0000) | (next & 0x7fff_ffff);
            (y >> 1) ^ ((y & 1) * 0x9908_b0df)
        };
        for i in 0..N - M {
            state[i] = state[i + M] ^ mixed(state[i], state[i + 1]);
        }
        for i in N - M..N - 1 {
            state[i] = state[i + M - N] ^ mixed(state[i], state[i + 1]);
        }
        state[N - 1] = state[M - 1] ^ mixed(state[N - 1], state[0]);
        for (output, y) in self.outputs.iter_mut().zip(state) {
            let mut y = *y;
            y ^= y >> 11;
            y ^= (y << 7) & 0x9d2c_5680;
            y ^= (y << 15) & 0xefc6_0000;
            *output = y ^ (y >> 18);
        }
        self.next = 0;
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        self.next += 1;
        self.outputs[self.next - 1]
    }

    /// A number from 0 to `max`, both included, by masked rejection.
    fn up_to(&mut self, max: usize) -> usize {
        if max == 0 {
            return 0;
        }
        // Bins and streams are far smaller than 2^32, so one 32-bit output is enough for each attempt.
        let mask = u32::MAX >> (max as u32).leading_zeros();
        loop {
            let value = (self.next_u32() & mask) as usize;
            if value <= max {
                return value;
            }
        }
    }

    fn choice(&mut self, size: usize, n: usize, replace: bool) -> Vec<usize> {
        if replace {
            return (0..n).map(|_| self.up_to(size - 1)).collect();
        }
        first_of_shuffled(&self.partners(size), n)
    }

    /// The swaps of a shuffle of so many: the place that each is swapped with. The last one comes first in a shuffle.
    fn partners(&mut self, size: usize) -> Vec<u32> {
        let mut partners = vec![0; size];
        let mut i = size.saturating_sub(1);
        while i > 0 {
            if self.next == N {
                self.twist();
            }
            // The same for all i down to the next power of two.
            let mask = u32::MAX >> (i as u32).leading_zeros();
            for output in &self.outputs[self.next..] {
                // Every attempt is written, and stays only if it is accepted: a branch here would often be mispredicted.
                let partner = output & mask;
                partners[i] = partner;
                i -= usize::from(partner as usize <= i);
                self.next += 1;
                if i <= (mask >> 1) as usize {
                    break;
                }
            }
        }
        partners
    }

    /// Fisher and Yates, downwards.
    fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.up_to(i));
        }
    }
}

/// The first `n` of the numbers 0, 1, … after a shuffle with these swaps. They are followed back from where they end to where
/// they began, so that the numbers themselves need not be moved: a bit for each stays in a cache that the numbers do not fit into.
/// For 1,000 of 3.4 million that takes at most a sixth of the time of the shuffle.
fn first_of_shuffled(partners: &[u32], n: usize) -> Vec<usize> {
    let size = partners.len();
    let n = n.min(size);
    // Up to n, every swap is among the first n.
    let mut ends: Vec<usize> = (0..n).collect();
    (1..n).for_each(|i| ends.swap(i, partners[i] as usize));
    let mut followed = vec![0_u64; size.div_ceil(64)];
    (0..n).for_each(|place| followed[place / 64] |= 1 << (place % 64));
    let mut end_of: HashMap<usize, usize, foldhash::fast::FixedState> = ends.into_iter().enumerate().collect();
    for (i, partner) in partners.iter().enumerate().skip(n) {
        let place = *partner as usize;
        if followed[place / 64] >> (place % 64) & 1 == 1 {
            followed[place / 64] ^= 1 << (place % 64);
            followed[i / 64] |= 1 << (i % 64);
            if let Some(end) = end_of.remove(&place) {
                end_of.insert(i, end);
            }
        }
    }
    let mut first = vec![0; n];
    end_of.into_iter().for_each(|(began, end)| first[end] = began);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shuffles the numbers themselves, by the numbers of the same generator drawn one by one.
    #[test]
    fn the_first_of_a_shuffle_are_those_of_the_whole_one() {
        for size in [1, 2, 3, 63, 64, 65, 1000, 1 << 12, 70_001] {
            for n in [1, 2, 10, size / 2, size - 1, size] {
                let (mut one, mut other) = (Mt19937::new(7), Mt19937::new(7));
                let mut all: Vec<usize> = (0..size).collect();
                other.shuffle(&mut all);
                assert_eq!(one.choice(size, n.min(size), false), all[..n.min(size)], "{n} of {size}");
                assert_eq!(one.next_u32(), other.next_u32(), "{n} of {size}");
            }
        }
    }

    /// The 1st and 10,000th reference output of the generator's authors for the default seed 5489.
    #[test]
    fn mt19937_gives_its_authors_numbers() {
        let mut random = Mt19937::new(5489);
        assert_eq!(random.next_u32(), 3_499_211_612);
        for _ in 0..9_998 {
            random.next_u32();
        }
        assert_eq!(random.next_u32(), 4_123_659_995);
    }
}
