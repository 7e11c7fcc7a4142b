//! Samplers: from bins, allocation and seed to draws in stream order. One file each.

use super::{Allocation, Candidates, Draw};
use crate::request::{Replacement, SamplerKind, for_each_sampler};

mod numpy;
mod stable;

/// A way to choose the tasks and their order.
pub trait Sampler {
    /// Draws what `allocation` owes from `candidates`, in stream order. A bin that is too small delivers what
    /// `replacement` lets it; an empty one delivers nothing.
    fn draw(
        &self,
        candidates: &[Candidates<'_>],
        allocation: &Allocation,
        replacement: Replacement,
        seed: u64,
    ) -> Vec<Draw>;

    /// Whether it reads the identities of candidates. They take 8 bytes a row, and are not loaded where no one reads them.
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
