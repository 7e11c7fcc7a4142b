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
                let rows = &cell.bins.rows[bin];
                let n = delivered(asked[bin], rows.len() as u64, replacement) as usize;
                if n == 0 {
                    continue;
                }
                let with_replacement = match replacement {
                    Replacement::Never => false,
                    Replacement::Always => true,
                    Replacement::WhenShort => rows.len() < n,
                };
                let mut taken = HashMap::new();
                for at in random.choice(rows.len(), n, with_replacement) {
                    let row = rows[at];
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
        Self { state, next: N }
    }

    fn twist(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
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
        let mut permutation: Vec<usize> = (0..size).collect();
        self.shuffle(&mut permutation);
        permutation.truncate(n);
        permutation
    }

    /// Fisher and Yates, downwards.
    fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.up_to(i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
