//! Stage 1 by many machines: a driver cuts the source into shards and hands out jobs, workers on any machine do them, and the
//! driver merges what they found. Jobs and outcomes are bytes; data goes through a folder that all machines share.
//!
//! 1. [`Step::Features`]: each worker computes the features of a shard, keeps the scored ones in a scratch file, and summarizes
//!    them. The driver merges the summaries, which gives the constants; if a feature has too many values to count, the workers
//!    count 16 bits of them in each of four rounds.
//! 2. [`Step::Range`] and [`Step::Scores`]: the range of the raw scores, and a summary of the scores, for the thresholds.
//! 3. [`Step::Copies`]: each worker looks at a range of all identities, and finds those that occur more than once.
//! 4. [`Step::Write`]: each worker reads its shard again and writes a part of the store.
//!
//! The driver then gives the parts their names and writes the meta. What a worker makes is put in its place only once it is
//! whole, so a job can be done twice, by two machines at once or after a crash. The outcomes of the two long steps stay beside
//! their files until all is done: a driver that starts again resumes at them.

mod drive;
mod finish;
mod job;
mod scratch;
mod work;

pub use drive::{Cluster, Workers, preprocess_on};
pub use job::GivenConfig;
pub use work::work;
