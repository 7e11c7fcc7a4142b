//! How a request shares its tasks: benchmarks, groups of them, and strata.

use serde::{Serialize, Serializer};

use super::eligibility::words;

/// A benchmark of a request, or a group of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Branch {
    /// The benchmark at this position in the request.
    Benchmark(usize),
    /// A group.
    Group(Group),
}

/// A named group of benchmarks, which has a ratio of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name, which no benchmark has.
    pub name: String,
    /// Its ratio beside its neighbours, any scale.
    pub ratio: f64,
    /// Its members.
    pub members: Vec<Branch>,
}

/// A benchmark, a pattern or a group as the user wrote it.
#[derive(Clone, Debug, PartialEq)]
pub enum Member {
    /// The name of a benchmark, or a pattern.
    Name(String),
    /// A group and its members.
    Group(String, Vec<Member>),
}

impl Member {
    /// The benchmarks and patterns in it, in order.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Name(name) => vec![name.clone()],
            Self::Group(_, members) => members.iter().flat_map(Self::names).collect(),
        }
    }
}

words! {
    /// How the tasks of a benchmark are shared among its strata.
    Strata {
        /// Each gets as many.
        #[default]
        Equal = "equal",
        /// By how many rows of each may be drawn.
        Proportional = "proportional",
    }
}
