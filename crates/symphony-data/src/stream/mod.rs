//! From bins to draws: allocation, samplers, order. Pure: nothing here reads or writes files.

use crate::{
    bin::{Bin, Bins, Cut, Percentiles},
    request::{Replacement, Request},
};
pub mod allocation;
mod order;
pub mod sample;

pub use allocation::{Allocation, allocate};

/// A benchmark, in the form that samplers need.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The benchmark's name.
    pub benchmark: &'a str,
    /// Its rows by bin.
    pub bins: &'a Bins,
    /// The score of each row of the store, by which it is in its bin.
    pub scores: &'a [f64],
    /// The identity of each row of the store; may be empty if the sampler does not read identities.
    pub identities: &'a [u64],
}

/// One drawn row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Draw {
    /// The position of the benchmark in the request, from 0.
    pub benchmark: usize,
    /// The position of the row in the store, from 0.
    pub row: u32,
    /// How many earlier draws took the same row.
    pub copy: u32,
    /// Its bin under the request's percentiles.
    pub bin: Bin,
}

/// A bin that delivers fewer tasks than it owes.
#[derive(Clone, Debug, PartialEq)]
pub struct Shortfall {
    /// The benchmark.
    pub benchmark: String,
    /// The bin.
    pub bin: Bin,
    /// The bounds of the benchmark's bins; moving them makes the bin larger.
    pub cut: Cut,
    /// How many tasks the bin owes.
    pub asked: u64,
    /// How many rows the bin has.
    pub has: u64,
}

impl std::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { benchmark, bin, cut, asked, has } = self;
        write!(f, "{benchmark}: {asked} {bin} tasks asked, {has} there; ")?;
        let key = match cut {
            Cut::Percentiles(_) => "difficulty_percentiles",
            Cut::Cuts(_) => "difficulty_cuts",
        };
        if *has == 0 {
            return write!(f, "choose {key} under which the bin is not empty, or change difficulty_split");
        }
        write!(f, "set sample_with_replacement: when_short to repeat tasks, move {key} ")?;
        match (bin, cut) {
            (Bin::Medium, _) => write!(f, "further apart")?,
            (_, Cut::Percentiles(Percentiles { low, high })) if *low < 30.0 && *high > 70.0 => {
                write!(f, "closer together (as [30, 70])")?;
            }
            _ => write!(f, "closer together")?,
        }
        write!(f, ", or ask for fewer")
    }
}

/// The result of a request: what each bin owes, and the draws in stream order.
#[derive(Clone, Debug)]
pub struct Stream {
    /// How many tasks each bin of each benchmark owes.
    pub allocation: Allocation,
    /// The draws, in stream order.
    pub draws: Vec<Draw>,
    /// The bins that deliver fewer tasks than they owe.
    pub shortfalls: Vec<Shortfall>,
}

/// Draws the stream of `request` from `candidates`, which must be in the request's order.
pub fn draw(request: &Request, candidates: &[Candidates<'_>]) -> Stream {
    let ratios: Vec<f64> = request.parts.iter().map(|part| part.ratio).collect();
    let allocation = allocate(request.n_total_tasks, &ratios, request.split);
    let sampler = sample::sampler(request.sampler);
    let mut draws = sampler.draw(candidates, &allocation, request.sample_with_replacement, request.random_seed);
    order::arrange(request.order, &mut draws, candidates);
    Stream { shortfalls: shortfalls(request, candidates, &allocation), allocation, draws }
}

/// How many tasks a bin with `has` rows delivers if it owes `asked`.
pub(crate) fn delivered(asked: u64, has: u64, replacement: Replacement) -> u64 {
    match replacement {
        _ if has == 0 => 0,
        Replacement::Never => asked.min(has),
        Replacement::Always | Replacement::WhenShort => asked,
    }
}

fn shortfalls(request: &Request, candidates: &[Candidates<'_>], allocation: &Allocation) -> Vec<Shortfall> {
    let mut found = Vec::new();
    for ((part, candidate), asked) in request.parts.iter().zip(candidates).zip(allocation) {
        for bin in Bin::ALL {
            let (asked, has) = (asked[bin], candidate.bins.rows[bin].len() as u64);
            if delivered(asked, has, request.sample_with_replacement) < asked {
                found.push(Shortfall { benchmark: candidate.benchmark.to_owned(), bin, cut: part.cut, asked, has });
            }
        }
    }
    found
}
