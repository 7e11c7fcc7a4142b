//! Means that lose nothing to rounding.

use serde::{Deserialize, Serialize};

/// How many bits a limb of the sum holds, apart from what it carries.
const BITS: u32 = 32;
/// Enough limbs for the bits of every number (2⁻¹⁰⁷⁴ to 2¹⁰²³), and for what 2⁶⁴ of them carry.
const LIMBS: usize = 68;
/// How many values are added before limbs hand on what they carry: each adds less than 2³², of either sign.
const BEFORE_CARRY: u32 = 1 << 30;

/// A running mean. Its sum is exact, so it does not depend on the order of the values, and the means of parts merge.
#[derive(Clone, Debug)]
pub struct Mean {
    n: u64,
    /// The sum in units of 2⁻¹⁰⁷⁴, as digits to the base 2³², the lowest first.
    limbs: [i64; LIMBS],
    since_carry: u32,
    /// The sum of the values that are not finite.
    beyond: f64,
}

impl Default for Mean {
    fn default() -> Self {
        Self { n: 0, limbs: [0; LIMBS], since_carry: 0, beyond: 0.0 }
    }
}

/// A mean as it is written down: its number of values, its limbs, and the bits of `beyond`.
#[derive(Serialize, Deserialize)]
struct Written(u64, Vec<i64>, u64);

impl Serialize for Mean {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written(self.n, self.limbs.to_vec(), self.beyond.to_bits()).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Mean {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Written(n, limbs, beyond) = Written::deserialize(from)?;
        let limbs = limbs.try_into().map_err(|_| serde::de::Error::custom("not the digits of a sum"))?;
        Ok(Self { n, limbs, since_carry: BEFORE_CARRY, beyond: f64::from_bits(beyond) })
    }
}

impl Mean {
    /// Adds a value.
    pub fn observe(&mut self, value: f64) {
        self.n += 1;
        if !value.is_finite() {
            self.beyond += value;
            return;
        }
        let bits = value.to_bits();
        let exponent = (bits >> 52) as u32 & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        // Numbers below 2⁻¹⁰²² have no leading bit, and the exponent of the next ones.
        let whole = if exponent == 0 { fraction } else { fraction | 1 << 52 };
        let place = exponent.saturating_sub(1);
        let shifted = u128::from(whole) << (place % BITS);
        let at = (place / BITS) as usize;
        for (limb, digit) in self.limbs[at..at + 3].iter_mut().zip([shifted, shifted >> BITS, shifted >> (2 * BITS)]) {
            let digit = i64::from(digit as u32);
            *limb += if bits >> 63 == 0 { digit } else { -digit };
        }
        self.since_carry += 1;
        if self.since_carry >= BEFORE_CARRY {
            self.carry();
        }
    }

    /// Adds the values of another mean.
    pub fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        other.carry();
        self.carry();
        self.limbs.iter_mut().zip(other.limbs).for_each(|(limb, more)| *limb += more);
        self.n += other.n;
        self.beyond += other.beyond;
        self.carry();
    }

    /// Brings all limbs but the highest, which has the sign, to 0..2³².
    fn carry(&mut self) {
        for at in 0..LIMBS - 1 {
            let carried = self.limbs[at] >> BITS;
            self.limbs[at] -= carried << BITS;
            self.limbs[at + 1] += carried;
        }
        self.since_carry = 0;
    }

    /// The mean; `None` if there are no values.
    pub fn get(&self) -> Option<f64> {
        (self.n > 0).then(|| (self.sum() + self.beyond) / self.n as f64)
    }

    /// The sum, rounded once.
    fn sum(&self) -> f64 {
        let mut sum = self.clone();
        sum.carry();
        let negative = sum.limbs[LIMBS - 1] < 0;
        if negative {
            sum.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            sum.carry();
        }
        let Some(top) = sum.limbs.iter().rposition(|limb| *limb != 0) else { return 0.0 };
        let low = top.saturating_sub(3);
        // At least 97 bits unless the number is small, and whether there is anything below them: one bit stands for it.
        let leading = sum.limbs[low..=top].iter().rev().fold(0_u128, |all, limb| all << BITS | *limb as u128);
        let below = u128::from(sum.limbs[..low].iter().any(|limb| *limb != 0));
        let exponent = (low as i32) * BITS as i32 - 1074;
        // Two steps, as a power of two below the least number would be 0. The first one is exact.
        let half = exponent / 2;
        let size = (leading | below) as f64 * power_of_two(half) * power_of_two(exponent - half);
        if negative { -size } else { size }
    }
}

/// 2 to a power from -1022 to 1023, by its bits.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The mean of `values`; `None` if there are none.
pub fn mean(values: &[f64]) -> Option<f64> {
    let mut mean = Mean::default();
    values.iter().for_each(|value| mean.observe(*value));
    mean.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_loses_nothing_to_rounding() {
        assert_eq!(mean(&vec![0.1; 1_000_000]), Some(0.1));
        assert_eq!(mean(&[1.0, 1e100, 1.0, -1e100]), Some(0.5));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn the_mean_of_one_value_is_that_value() {
        for value in [0.0, 1.0, -0.3, 1e300, -1e-300, f64::MIN_POSITIVE, 5e-324, f64::MAX, 123_456_789.123] {
            assert_eq!(mean(&[value]), Some(value));
        }
        assert_eq!(mean(&[f64::INFINITY, 1.0]), Some(f64::INFINITY));
        assert!(mean(&[f64::NAN]).is_some_and(f64::is_nan));
    }

    #[test]
    fn means_of_parts_merge_whatever_their_order() {
        let mut state = 5_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.3
        };
        let values: Vec<f64> = (0..10_000).map(|_| random() * power_of_two((random() * 100.0) as i32)).collect();
        let all = mean(&values).unwrap().to_bits();
        let reversed: Vec<f64> = values.iter().rev().copied().collect();
        assert_eq!(mean(&reversed).unwrap().to_bits(), all);
        let mut merged = Mean::default();
        for part in reversed.chunks(333) {
            let mut own = Mean::default();
            part.iter().for_each(|value| own.observe(*value));
            let written = serde_json::to_string(&own).unwrap();
            merged.merge(&serde_json::from_str(&written).unwrap());
        }
        assert_eq!(merged.get().unwrap().to_bits(), all);
    }
}
