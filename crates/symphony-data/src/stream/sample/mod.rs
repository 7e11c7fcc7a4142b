//! Samplers: from bins, allocation and seed to draws in stream order. One file each.

use serde::{Serialize, Serializer};

use super::{Allocation, Candidates, Draw};
use crate::config::Replacement;

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
}

/// The samplers by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SamplerKind {
    /// The tasks and the order of the Python program, bit for bit.
    #[default]
    Numpy,
    /// Pools that nest, and that do not move with row order or other benchmarks.
    Stable,
}

impl SamplerKind {
    /// All samplers.
    pub const ALL: [Self; 2] = [Self::Numpy, Self::Stable];

    /// `numpy` or `stable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Numpy => "numpy",
            Self::Stable => "stable",
        }
    }

    /// The sampler of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The sampler itself.
    pub fn sampler(self) -> &'static dyn Sampler {
        match self {
            Self::Numpy => &numpy::Numpy,
            Self::Stable => &stable::Stable,
        }
    }
}

impl Serialize for SamplerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
