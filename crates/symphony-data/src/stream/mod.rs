//! From bins to draws: allocation, samplers, order. Pure: nothing here reads or writes files.

use crate::{
    bin::{Bin, Bins, Cut, Percentiles},
    request::{Replacement, Request},
};
pub mod allocation;
mod cells;
pub mod cut;
pub mod eligible;
mod order;
pub mod partition;
mod phases;
pub mod sample;

pub use allocation::{Allocation, Owed, Shares, allocate};
pub use phases::draw_phases;

/// A benchmark, in the form that a draw needs.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The benchmark's name.
    pub benchmark: &'a str,
    /// Its rows by bin.
    pub bins: &'a Bins,
    /// The score of each row of the store, by which it is in its bin.
    pub scores: &'a [f64],
    /// Whether scores are expected errors rather than surface scores.
    pub scores_are_errors: bool,
    /// The identity of each row of the store; may be empty if the sampler does not read identities.
    pub identities: &'a [u64],
    /// How many earlier rows have the identity of each row, where the rows at hand are too few to count them.
    pub earlier: Option<&'a [u32]>,
    /// The same bins by value of the label that the request stratifies by; empty if it does not.
    pub strata: &'a [Stratum],
}

/// The rows with one value of a label, by bin.
#[derive(Clone, Debug)]
pub struct Stratum {
    /// The value.
    pub value: String,
    /// Its rows that may be drawn.
    pub bins: Bins,
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
    /// The value of the label, where the request stratifies by one.
    pub stratum: Option<String>,
    /// The bin.
    pub bin: Bin,
    /// The bounds of the benchmark's bins; moving them makes the bin larger. `None` for published thresholds, which stay.
    pub cut: Option<Cut>,
    /// Whether bins are cut within the values of a label.
    pub within: bool,
    /// Whether rows are drawn with chances of their own, and never repeated.
    pub informative: bool,
    /// Whether the request chooses rows, so that the bin may have more than it may draw.
    pub rows_chosen: bool,
    /// How many tasks the bin owes.
    pub asked: u64,
    /// How many rows the bin has.
    pub has: u64,
}

impl std::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { benchmark, stratum, bin, cut, within, informative, rows_chosen, asked, has } = self;
        let stratum = stratum.as_ref().map(|stratum| format!(" of {stratum}")).unwrap_or_default();
        if *informative {
            return write!(
                f,
                "{benchmark}: {asked} tasks{stratum} asked, {has} there; an informative draw repeats no task; ask for fewer"
            );
        }
        write!(f, "{benchmark}: {asked} {bin} tasks{stratum} asked, {has} there; ")?;
        if *rows_chosen {
            // Moving thresholds may not help: the rows that would come may not be drawn.
            return match has {
                0 => write!(f, "let other rows be drawn, or change difficulty_split"),
                _ => write!(
                    f,
                    "set sample_with_replacement: when_short to repeat tasks, let more rows be drawn, or ask for fewer"
                ),
            };
        }
        if *has == 0 && self.stratum.is_some() && cut.is_some() {
            // Within a value whose rows are all equal, all are easy.
            return match within {
                true => {
                    write!(f, "its scores are too much alike; draw by another difficulty, or change difficulty_split")
                }
                false => {
                    write!(f, "cut easy and hard within each value (difficulty_within), or change difficulty_split")
                }
            };
        }
        let key = match cut {
            Some(Cut::Percentiles(_)) => "difficulty_percentiles",
            Some(Cut::Cuts(_)) => "difficulty_cuts",
            None if *has == 0 => return write!(f, "change difficulty_split, or leave out thresholds_from"),
            None => {
                let repeat = "set sample_with_replacement: when_short to repeat tasks";
                return write!(f, "{repeat}, or ask for fewer");
            }
        };
        if *has == 0 {
            return write!(f, "choose {key} under which the bin is not empty, or change difficulty_split");
        }
        write!(f, "set sample_with_replacement: when_short to repeat tasks, move {key} ")?;
        match (bin, cut) {
            (Bin::Medium, _) => write!(f, "further apart")?,
            (_, Some(Cut::Percentiles(Percentiles { low, high }))) if *low < 30.0 && *high > 70.0 => {
                write!(f, "closer together (as [30, 70])")?;
            }
            _ => write!(f, "closer together")?,
        }
        write!(f, ", or ask for fewer")
    }
}

/// The result of a request, or of a phase of one: what each bin owes, and the draws in stream order.
#[derive(Clone, Debug)]
pub struct Stream {
    /// How many tasks each bin of each benchmark owes.
    pub allocation: Allocation,
    /// The draws, in stream order.
    pub draws: Vec<Draw>,
    /// The bins that deliver fewer tasks than they owe.
    pub shortfalls: Vec<Shortfall>,
    /// How each drawn row came to be drawn, by benchmark and row; empty unless rows are drawn with chances of their own.
    pub chances: Chances,
}

/// The [`Chance`] of each drawn row, by the position of its benchmark in the request and its row.
pub type Chances = std::collections::HashMap<(usize, u32), Chance, foldhash::fast::FixedState>;

/// How a row came to be drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// The number of its stratum within its benchmark, from 1.
    pub stratum: u32,
    /// How many rows it stands for, from 1: the rows of its stratum divided by the tasks drawn from it.
    pub weight: f64,
}

/// Draws the stream of `request`, which has no phases, from `candidates`, which must be in the request's order.
pub fn draw(request: &Request, candidates: &[Candidates<'_>]) -> Stream {
    // One request gives one stream.
    draw_phases(&[(request, candidates.to_vec())]).remove(0)
}

/// How many tasks a bin with `has` rows delivers if it owes `asked`.
pub(crate) fn delivered(asked: u64, has: u64, replacement: Replacement) -> u64 {
    match replacement {
        _ if has == 0 => 0,
        Replacement::Never => asked.min(has),
        Replacement::Always | Replacement::WhenShort => asked,
    }
}
