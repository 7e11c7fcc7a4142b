//! Partitions: named shares of a benchmark's rows, by identity.
//!
//! The place of a task on the line from 0 to 1 is xxh3_64("partition", identity; seed) / 2⁶⁴, and each partition has a stretch of that
//! line as long as its share. So a row never moves when others are added, removed or reordered, copies stay together, and the number
//! of rows in a partition differs from its share as that of independent draws does (binomial). Fields are joined by 0x1F; the
//! identity is hashed as 16 hex digits.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{request::Partition, store::hex};

const PREFIX: &[u8; 10] = b"partition\x1f";

/// A stretch of the line.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    seed: u64,
    /// Where it begins, in units of 2⁻⁶⁴.
    from: u128,
    /// Where it ends, not included.
    to: u128,
}

impl Stretch {
    /// That of a partition.
    pub fn of(partition: &Partition) -> Self {
        let shares = &partition.of.shares;
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        let at = shares.iter().position(|(name, _)| *name == partition.name).unwrap_or_default();
        // The end of one is the beginning of the next, to the last bit.
        let place = |before: usize| {
            if before == shares.len() {
                return 1 << 64;
            }
            let before: f64 = shares[..before].iter().map(|(_, share)| share).sum();
            (before / sum * 2.0_f64.powi(64)) as u128
        };
        Self { seed: partition.of.seed, from: place(at), to: place(at + 1) }
    }

    /// Whether the tasks of this identity are in it.
    pub fn has(&self, identity: u64) -> bool {
        let mut text = [0; 26];
        text[..10].copy_from_slice(PREFIX);
        text[10..].copy_from_slice(&hex(identity));
        (self.from..self.to).contains(&u128::from(xxh3_64_with_seed(&text, self.seed)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::request::Partitions;

    #[test]
    fn the_place_is_what_the_documentation_says() {
        let shares = vec![("a".to_owned(), 1.0), ("b".to_owned(), 1.0)];
        let of = Arc::new(Partitions { shares, seed: 7 });
        let first = Stretch::of(&Partition { name: "a".to_owned(), of });
        for identity in 0..1_000_u64 {
            let text = format!("partition\u{1f}{identity:016x}");
            let place = xxh3_64_with_seed(text.as_bytes(), 7) as f64 / 2.0_f64.powi(64);
            assert_eq!(first.has(identity), place < 0.5, "{identity}");
        }
    }
}
