//! Allocation: how many tasks each (benchmark, bin) owes the stream.
//!
//! Seats are given one by one, so that a larger stream never takes a task away from any bin of any benchmark.

use crate::{
    bin::{Bin, PerBin},
    request::Split,
};

/// How many tasks each bin of each benchmark owes; benchmarks are in the request's order.
pub type Allocation = Vec<PerBin<u64>>;

/// Two priorities closer than this, relative to the larger, are a tie: rounding makes equal shares differ by less.
const TIE: f64 = 1e-12;
/// How far below its upper quota a benchmark must be to take a seat; absorbs the rounding of h·w.
const QUOTA_SLACK: f64 = 1e-9;

/// Distributes `n` tasks: each goes to a benchmark first, then to a bin of it.
///
/// The quota method (Balinski and Young 1975) chooses the benchmark, and never misses a benchmark's share by 1 or more. In each
/// benchmark, every bin is also less than one task away from its share of the benchmark's tasks. Within these bounds, the task
/// goes to the bin that the stream as a whole lacks most, so that many small benchmarks do not all round the same way.
///
/// `ratios` must not be negative, and must have a positive, finite sum.
pub fn allocate(n: u64, ratios: &[f64], split: Split) -> Allocation {
    let mut benchmarks = Quota::new(ratios);
    let mut bins = BinSeats::new(split, ratios.len());
    if let Some(only) = benchmarks.only() {
        // A single benchmark takes every seat. Whenever all of its shares are whole numbers, its counts are exact and the
        // sequence of seats repeats, so whole periods need not be given one by one.
        let periods = n / bins.period();
        bins.skip(only, periods);
        for _ in periods * bins.period()..n {
            bins.give(only);
        }
    } else {
        for seat in 1..=n {
            // The shares sum to 1 and seat − 1 tasks are given, so some benchmark is below its quota.
            if let Some(at) = benchmarks.next(seat) {
                bins.give(at);
            }
        }
    }
    bins.given
}

/// Decides which benchmark gets the next seat.
struct Quota {
    shares: Vec<f64>,
    tasks: Vec<u64>,
    /// share / (tasks + 1) of each benchmark; stored, because each seat changes only one of them.
    priorities: Vec<f64>,
}

impl Quota {
    fn new(ratios: &[f64]) -> Self {
        let sum: f64 = ratios.iter().sum();
        let shares: Vec<f64> = ratios.iter().map(|ratio| ratio / sum).collect();
        Self { tasks: vec![0; shares.len()], priorities: shares.clone(), shares }
    }

    /// The only benchmark with a share, if the others have none.
    fn only(&self) -> Option<usize> {
        let mut some = (0..self.shares.len()).filter(|&at| self.shares[at] > 0.0);
        let first = some.next();
        if some.next().is_none() { first } else { None }
    }

    /// The benchmark that takes seat number `seat`, from 1.
    fn next(&mut self, seat: u64) -> Option<usize> {
        let seat = seat as f64;
        let mut taker: Option<(usize, f64)> = None;
        for (at, (&share, (&tasks, &priority))) in
            self.shares.iter().zip(self.tasks.iter().zip(&self.priorities)).enumerate()
        {
            if (tasks as f64) < seat * share - QUOTA_SLACK
                && taker.is_none_or(|(_, best)| priority > best * (1.0 + TIE))
            {
                taker = Some((at, priority));
            }
        }
        let (at, _) = taker?;
        self.tasks[at] += 1;
        self.priorities[at] = self.shares[at] / (self.tasks[at] + 1) as f64;
        Some(at)
    }
}

/// Decides which bin gets the next seat. Deficits are exact: they are whole numbers in units of one task divided by the sum of
/// the split. A split has shares below 2³², and a stream has fewer than 2³⁰ tasks.
struct BinSeats {
    /// The shares of the split.
    shares: PerBin<i64>,
    /// Their sum.
    sum: i64,
    /// How many tasks each bin of the whole stream has so far.
    stream: PerBin<i64>,
    /// How many tasks each bin of each benchmark has so far.
    given: Allocation,
}

impl BinSeats {
    fn new(split: Split, benchmarks: usize) -> Self {
        let shares = [split.easy, split.medium.unwrap_or(0), split.hard];
        let by = shares.into_iter().fold(0, gcd).max(1);
        let [easy, medium, hard] = shares.map(|share| i64::from(share / by));
        Self {
            shares: PerBin { easy, medium, hard },
            sum: easy + medium + hard,
            stream: PerBin::default(),
            given: vec![PerBin::default(); benchmarks],
        }
    }

    /// The smallest number of seats that gives each bin of a benchmark exactly its share.
    fn period(&self) -> u64 {
        self.sum.unsigned_abs()
    }

    /// Gives the benchmark `at`, which must have no tasks yet, this many periods at once.
    fn skip(&mut self, at: usize, periods: u64) {
        for bin in Bin::ALL {
            let tasks = periods * self.shares[bin].unsigned_abs();
            self.given[at][bin] += tasks;
            self.stream[bin] += tasks as i64;
        }
    }

    /// Gives the benchmark `at` one more task.
    fn give(&mut self, at: usize) {
        let given = &mut self.given[at];
        let own_seat = given.total() as i64 + 1;
        let seat = self.stream.easy + self.stream.medium + self.stream.hard + 1;
        let mut taker: Option<(Bin, (i64, i64))> = None;
        for bin in Bin::ALL {
            let share = self.shares[bin];
            let in_benchmark = own_seat * share - given[bin] as i64 * self.sum;
            let in_stream = seat * share - self.stream[bin] * self.sum;
            if in_benchmark <= 0 {
                // The bin has its share, or more.
                continue;
            }
            if in_benchmark >= self.sum {
                // The bin would be a whole task below its share; this holds for one bin at most.
                taker = Some((bin, (in_stream, in_benchmark)));
                break;
            }
            // In a tie, the harder bin wins: it comes later.
            if taker.is_none_or(|(_, best)| (in_stream, in_benchmark) >= best) {
                taker = Some((bin, (in_stream, in_benchmark)));
            }
        }
        // The sum of the counts is one less than that of the shares, so some bin is below its share.
        if let Some((bin, _)) = taker {
            given[bin] += 1;
            self.stream[bin] += 1;
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_one(n: u64, split: &str) -> [u64; 3] {
        let PerBin { easy, medium, hard } = allocate(n, &[1.0], Split::parse(split).unwrap())[0];
        [easy, medium, hard]
    }

    fn by_quota(n: u64, ratios: &[f64]) -> Vec<u64> {
        allocate(n, ratios, Split::parse("1:1").unwrap()).iter().map(PerBin::total).collect()
    }

    #[test]
    fn an_odd_task_goes_to_the_harder_side() {
        assert_eq!(of_one(5, "50:50"), [2, 0, 3]);
        assert_eq!(of_one(5, "1:1:1"), [1, 2, 2]);
    }

    #[test]
    fn whole_periods_may_be_skipped() {
        for split in ["1:1", "80:20", "3:7", "1:2:1", "0:5:2", "20:20:60"] {
            let mut bins = BinSeats::new(Split::parse(split).unwrap(), 1);
            for n in 1..=250 {
                bins.give(0);
                let PerBin { easy, medium, hard } = bins.given[0];
                assert_eq!(of_one(n, split), [easy, medium, hard], "{n} at {split}");
            }
        }
    }

    #[test]
    fn the_largest_request_is_exact() {
        assert_eq!(of_one(100_000_000, "1:2:1"), [25_000_000, 50_000_000, 25_000_000]);
        assert_eq!(of_one(100_000_000, "4294967295:0:4294967295"), [50_000_000, 0, 50_000_000]);
        // The share of the easy bin, 10⁶ / 4294967296, is less than one task.
        let [easy, _, hard] = of_one(1_000_000, "1:0:4294967295");
        assert!(easy <= 1 && easy + hard == 1_000_000, "{easy}");
    }

    #[test]
    fn the_alabama_paradox_does_not_occur() {
        // Shares of the 1880 census kind: largest remainders would take a seat from the smallest when n grows.
        let ratios = [5.1, 3.2, 1.7];
        let mut before = by_quota(1, &ratios);
        for n in 2..200 {
            let now = by_quota(n, &ratios);
            assert!(now.iter().zip(&before).all(|(now, before)| now >= before), "{n}");
            before = now;
        }
    }

    #[test]
    fn equal_shares_go_round_from_the_first() {
        assert_eq!(by_quota(8, &[0.2; 5]), [2, 2, 2, 1, 1]);
    }
}
