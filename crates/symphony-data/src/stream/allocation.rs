//! Allocation: how many tasks each (benchmark, bin) owes the stream.

use super::bins::PerBin;
use crate::config::request::Split;

/// What each bin of each benchmark owes, in the request's order.
pub type Allocation = Vec<PerBin<u64>>;

/// Two priorities closer than this, relative to the larger, are a tie: what float noise makes of equal shares.
const TIE: f64 = 1e-12;
/// How far below its upper quota a benchmark must be to take a seat; absorbs the rounding of h·w.
const QUOTA_SLACK: f64 = 1e-9;

/// Shares `n` tasks out: among benchmarks by the quota method (Balinski and Young 1975), which never misses a share by
/// 1 or more and takes no task away when n grows; within a benchmark by the split.
///
/// `ratios` are not negative and have a positive, finite sum.
pub fn allocate(n: u64, ratios: &[f64], split: Split) -> Allocation {
    by_quota(n, ratios).into_iter().map(|tasks| by_split(tasks, split)).collect()
}

fn by_quota(n: u64, ratios: &[f64]) -> Vec<u64> {
    let sum: f64 = ratios.iter().sum();
    let shares: Vec<f64> = ratios.iter().map(|ratio| ratio / sum).collect();
    let mut tasks = vec![0_u64; ratios.len()];
    for seat in 1..=n {
        let mut taker: Option<(usize, f64)> = None;
        for (at, &share) in shares.iter().enumerate() {
            if tasks[at] as f64 >= seat as f64 * share - QUOTA_SLACK {
                continue;
            }
            let priority = share / (tasks[at] + 1) as f64;
            if taker.is_none_or(|(_, best)| priority > best * (1.0 + TIE)) {
                taker = Some((at, priority));
            }
        }
        // The shares sum to 1 and seat − 1 tasks are given, so somebody is below its quota.
        if let Some((at, _)) = taker {
            tasks[at] += 1;
        }
    }
    tasks
}

fn by_split(tasks: u64, split: Split) -> PerBin<u64> {
    let (easy, medium, hard) = (u128::from(split.easy), u128::from(split.medium.unwrap_or(0)), u128::from(split.hard));
    let upto = |shares: u128| (u128::from(tasks) * shares / (easy + medium + hard)) as u64;
    let easy_tasks = upto(easy);
    let easy_and_medium = upto(easy + medium);
    PerBin { easy: easy_tasks, medium: easy_and_medium - easy_tasks, hard: tasks - easy_and_medium }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_gives_the_remainder_to_the_harder_side() {
        let split = Split::parse("50:50").unwrap();
        assert_eq!(by_split(5, split), PerBin { easy: 2, medium: 0, hard: 3 });
        let split = Split::parse("1:1:1").unwrap();
        assert_eq!(by_split(5, split), PerBin { easy: 1, medium: 2, hard: 2 });
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
