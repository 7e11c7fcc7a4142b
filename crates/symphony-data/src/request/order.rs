//! The order in which a stream gives its tasks.

use serde::{Serialize, Serializer};

/// The order in which a stream gives its tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskOrder {
    /// Mixed, as the sampler mixes them.
    #[default]
    Shuffled,
    /// Easy tasks, then medium, then hard ones; within a bin, those that are easier among the rows of their benchmark first.
    EasyFirst,
    /// The other way round.
    HardFirst,
}

impl TaskOrder {
    /// All orders, the default first.
    pub const ALL: [Self; 3] = [Self::Shuffled, Self::EasyFirst, Self::HardFirst];

    /// `shuffled`, `easy_first` or `hard_first`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shuffled => "shuffled",
            Self::EasyFirst => "easy_first",
            Self::HardFirst => "hard_first",
        }
    }

    /// The order of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }
}

impl Serialize for TaskOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
