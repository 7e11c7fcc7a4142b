//! Phases: stretches of a stream with shares of their own, as a user writes them.

use super::Split;
use crate::bin::Percentiles;

/// The phases of a stream as the user wrote them.
#[derive(Clone, Debug, PartialEq)]
pub enum PhasesSpec {
    /// One after the other.
    List(Vec<PhaseSpec>),
    /// In equal steps from one mix to another; the stream's tasks are shared equally among the steps.
    Ramp {
        /// The mix of the first phase.
        from: Box<PhaseSpec>,
        /// The mix of the last phase.
        to: Box<PhaseSpec>,
        /// How many phases there are, from 2.
        steps: u64,
    },
}

/// What a phase has of its own; the rest is the request's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhaseSpec {
    /// How many tasks it has.
    pub n_total_tasks: Option<u64>,
    /// Its shares of easy, medium and hard tasks.
    pub difficulty_split: Option<String>,
    /// Its shares of benchmarks and groups.
    pub benchmark_ratios: Option<Vec<(String, f64)>>,
    /// Whether its shares are by how many rows may be drawn.
    pub proportional: bool,
    /// Its order.
    pub order: Option<String>,
    /// The percentiles of the score between which its rows lie.
    pub difficulty_range: Option<Percentiles>,
    /// The values of labels that its rows have.
    pub labels: Option<Vec<(String, String, Vec<String>)>>,
}

impl Split {
    /// The split at step `at` of `last`, on the straight line from this one to `to`; `None` if its shares are too large.
    pub fn towards(self, to: Self, at: u64, last: u64) -> Option<Self> {
        let shares = |split: Self| [split.easy, split.medium.unwrap_or(0), split.hard].map(u128::from);
        let (from, towards) = (shares(self), shares(to));
        let (sum, to_sum): (u128, u128) = (from.iter().sum(), towards.iter().sum());
        let (before, after) = (u128::from(last - at), u128::from(at));
        // Shares of both splits in a common unit, weighted by how near the step is to each.
        let mixed = [0, 1, 2].map(|bin| from[bin] * to_sum * before + towards[bin] * sum * after);
        let by = mixed.into_iter().fold(0, gcd).max(1);
        let [easy, medium, hard] = mixed.map(|share| u32::try_from(share / by).ok());
        let has_medium = self.medium.is_some() || to.medium.is_some();
        Some(Self { easy: easy?, medium: if has_medium { Some(medium?) } else { None }, hard: hard? })
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_goes_in_equal_steps() {
        let [from, to] = ["90:10", "10:90"].map(|split| Split::parse(split).unwrap());
        let steps: Vec<String> = (0..5).map(|at| from.towards(to, at, 4).unwrap().to_string()).collect();
        assert_eq!(steps, ["9:1", "7:3", "1:1", "3:7", "1:9"]);
        // Splits on different scales, one with medium tasks: half of 1/2 is 1/4, and half of 1 and 1/4 is 5/8.
        let [from, to] = ["1:0", "1:2:1"].map(|split| Split::parse(split).unwrap());
        assert_eq!(from.towards(to, 1, 2).unwrap().to_string(), "5:2:1");
    }
}
