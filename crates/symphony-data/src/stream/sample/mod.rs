//! Samplers: from bins, allocation and seed to draws in stream order. Each has its own file.

use super::{Allocation, Candidates, Draw};
use crate::request::{Replacement, SamplerKind, for_each_sampler};

mod numpy;
mod stable;

/// Chooses the tasks and their order.
pub trait Sampler {
    /// Draws the tasks of `allocation` from `candidates`, in stream order. If a bin is too small, `replacement` decides whether
    /// it repeats rows or delivers fewer; an empty bin delivers nothing.
    fn draw(
        &self,
        candidates: &[Candidates<'_>],
        allocation: &Allocation,
        replacement: Replacement,
        seed: u64,
    ) -> Vec<Draw>;

    /// Whether the sampler reads the identities of candidates. They take 8 bytes per row, and are loaded only if needed.
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
