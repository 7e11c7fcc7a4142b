//! The samplers by name.

use serde::{Serialize, Serializer};

/// The list of samplers. Each line has the sampler's purpose, its name, which is also its file in `stream/sample/`, and
/// its type there. A new sampler needs a line here and that file.
macro_rules! for_each_sampler {
    ($use:ident) => {
        $use! {
            /// The tasks and the order of the Python program, bit for bit.
            numpy Numpy,
            /// Pools that nest, and that do not depend on row order or other benchmarks.
            stable Stable,
            /// The tasks that tell most about the score of the full benchmark, with known chances.
            informative Informative,
        }
    };
}

pub(crate) use for_each_sampler;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $kind:ident,)*) => {
        /// The samplers by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum SamplerKind {
            $($(#[$doc])* $kind,)*
        }

        impl SamplerKind {
            /// All samplers, the default first.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Its name, such as `numpy` or `stable`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($name),)*
                }
            }
        }
    };
}

for_each_sampler!(kinds);

impl SamplerKind {
    /// The sampler of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Default for SamplerKind {
    fn default() -> Self {
        Self::Numpy
    }
}

impl Serialize for SamplerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
