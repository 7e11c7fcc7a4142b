//! Samplers: from bins, allocation and seed to draws in stream order. Each has its own file.

use super::{Allocation, Draw};
use crate::{
    bin::Bins,
    request::{Replacement, SamplerKind, for_each_sampler},
};

pub mod informative;
mod numpy;
mod priority;
pub mod stable;

/// A benchmark, or a stratum of one, in the form that samplers need.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The position of the benchmark in the request, from 0.
    pub part: usize,
    /// The benchmark's name.
    pub benchmark: &'a str,
    /// The value of the label that all of its rows have, if it is a stratum.
    pub stratum: Option<&'a str>,
    /// The rows to draw from.
    pub bins: &'a Bins,
    /// All rows of the benchmark that the request may draw.
    pub eligible: &'a Bins,
    /// The identity of each row of the store; may be empty if the sampler does not read identities.
    pub identities: &'a [u64],
    /// How many earlier rows have the identity of each row, where the rows at hand are too few to count them.
    pub earlier: Option<&'a [u32]>,
    /// The score of each row of the store.
    pub scores: &'a [f64],
    /// Whether scores are expected errors: how often models are predicted to fail the row.
    pub scores_are_errors: bool,
}

/// Chooses the tasks and their order.
pub trait Sampler {
    /// Draws the tasks of `allocation` from `cells`, in stream order; `benchmark` of a draw is the position of its cell. If a bin
    /// is too small, `replacement` decides whether it repeats rows or delivers fewer; an empty bin delivers nothing.
    fn draw(&self, cells: &[Cell<'_>], allocation: &Allocation, replacement: Replacement, seed: u64) -> Vec<Draw>;

    /// Whether the sampler reads the identities of cells. They take 8 bytes per row, and are loaded only if needed.
    fn reads_identities(&self) -> bool {
        false
    }
}

macro_rules! samplers {
    ($($(#[$doc:meta])* $name:ident $kind:ident,)*) => {
        /// The sampler of this kind.
        pub fn sampler(kind: SamplerKind) -> &'static dyn Sampler {
            match kind {
                $(SamplerKind::$kind => &$name::$kind,)*
            }
        }
    };
}

for_each_sampler!(samplers);
