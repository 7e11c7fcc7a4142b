//! The order in which a stream gives its tasks.

use serde::{Serialize, Serializer};

use super::eligibility::words;

words! {
    /// The order in which a stream gives its tasks.
    TaskOrder {
        /// Mixed, as the sampler mixes them.
        #[default]
        Shuffled = "shuffled",
        /// Easy tasks, then medium, then hard ones; within a bin, those that are easier among the rows of their benchmark first.
        EasyFirst = "easy_first",
        /// The other way round.
        HardFirst = "hard_first",
    }
}
