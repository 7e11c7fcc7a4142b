//! Which rows of a benchmark a request may draw.

use std::{path::PathBuf, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::Experiment;
use crate::bin::Percentiles;

/// Which rows of a benchmark a request may draw. By default all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Eligibility {
    /// Rows with one of these values of each label: label, values.
    pub labels: Vec<(String, Vec<String>)>,
    /// Rows whose score lies between these percentiles of the benchmark's scores.
    pub range: Option<Percentiles>,
    /// Whether easy and hard are cut within this range, in place of the whole benchmark.
    pub cut_in_range: bool,
    /// Rows of this partition.
    pub partition: Option<Partition>,
    /// No rows that these hold.
    pub exclude: Vec<Exclude>,
    /// Which rows of one identity.
    pub on_duplicate: OnDuplicate,
    /// Which rows of one group of near-duplicates.
    pub near_duplicates: NearDuplicates,
}

impl Eligibility {
    /// Whether it needs the identities of rows.
    pub fn reads_identities(&self) -> bool {
        self.partition.is_some()
            || !self.exclude.is_empty()
            || self.on_duplicate != OnDuplicate::Keep
            || self.near_duplicates != NearDuplicates::Keep
    }
}

/// The eligibility of rows as the user wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EligibilitySpec {
    /// For each benchmark or pattern, and each label of it, the values that count.
    pub labels: Vec<(String, String, Vec<String>)>,
    /// The percentiles of the score between which rows lie.
    pub difficulty_range: Option<Percentiles>,
    /// Pools, files of identities or source ids, and other experiments of the same file.
    pub exclude: Vec<String>,
    /// Tasks that a caller holds, to be left out.
    pub exclude_tasks: Vec<GivenIds>,
    /// The name of a configured partition.
    pub partition: Option<String>,
    /// `keep` (default), `one` or `drop_conflicts`.
    pub on_duplicate: Option<String>,
    /// `keep` (default) or `one`.
    pub near_duplicates: Option<String>,
}

/// Tasks that a caller holds: benchmark, source id and identity of each, as far as it has them.
#[derive(Clone, Debug)]
pub struct GivenIds(pub Arc<Vec<TaskIds>>);

impl PartialEq for GivenIds {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What identifies a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskIds {
    /// Its benchmark, if it is known.
    pub benchmark: Option<String>,
    /// Benchmark and row number, such as `humaneval_26`.
    pub source_id: Option<String>,
    /// The identity.
    pub identity: Option<u64>,
}

/// Rows that are not drawn.
#[derive(Clone, Debug)]
pub enum Exclude {
    /// Those of a pool, or those that a file lists.
    Path(PathBuf),
    /// Those that another experiment draws.
    Experiment(Arc<Experiment>),
    /// Those that the caller holds.
    Given(GivenIds),
}

impl PartialEq for Exclude {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(one), Self::Path(other)) => one == other,
            (Self::Experiment(one), Self::Experiment(other)) => one.id == other.id,
            (Self::Given(one), Self::Given(other)) => one == other,
            _ => false,
        }
    }
}

impl Exclude {
    /// Its name in manifests and messages: without folders that exist on one machine only.
    pub fn name(&self) -> String {
        match self {
            Self::Experiment(experiment) => experiment.id.clone(),
            Self::Given(given) => format!("{} tasks", given.0.len()),
            Self::Path(path) => {
                let name = if path.is_absolute() { path.file_name().map(PathBuf::from) } else { None };
                name.as_ref().unwrap_or(path).display().to_string()
            }
        }
    }
}

impl Serialize for Exclude {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

/// Named shares of a benchmark's rows. No row is in two of them, and a row stays in its partition when others are added or removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Partitions {
    /// The name and the share of each, any scale, in the order of the configuration.
    pub shares: Vec<(String, f64)>,
    /// Another seed gives another division.
    pub seed: u64,
}

impl Serialize for Partitions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shares: serde_json::Map<String, serde_json::Value> =
            self.shares.iter().map(|(name, share)| (name.clone(), (*share).into())).collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("shares", &shares)?;
        map.serialize_entry("seed", &self.seed)?;
        map.end()
    }
}

/// One of some partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// Its name.
    pub name: String,
    /// All of them.
    pub of: Arc<Partitions>,
}

/// A choice that is written as one of a few words, the first of which is the default.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        impl $name {
            /// All words, the default first.
            pub const WORDS: &[&'static str] = &[$($word),*];

            /// The word for it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The choice with this word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}
pub(super) use words;

words! {
    /// Which rows of one identity may be drawn.
    OnDuplicate {
        /// All of them.
        #[default]
        Keep = "keep",
        /// The first that may be drawn otherwise.
        One = "one",
        /// The first, and none where their answers differ.
        DropConflicts = "drop_conflicts",
    }
}

words! {
    /// Which rows of one group of near-duplicates may be drawn.
    NearDuplicates {
        /// All of them.
        #[default]
        Keep = "keep",
        /// The first that may be drawn otherwise.
        One = "one",
    }
}
