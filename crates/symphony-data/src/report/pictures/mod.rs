//! The pictures of a report. Each has a title that says what to see in it, and a table of its numbers.

mod errors;
mod features;
mod models;
mod pools;
mod similar;
mod tasks;

pub(super) use errors::errors;
pub(super) use features::{features, labels};
pub(super) use models::{by_bin, detectable, differences};
pub(super) use pools::{difficulties, results_on_pools};
pub(super) use similar::similar;
pub(super) use tasks::{histogram, stream};

use crate::bin::Bin;

/// The colours of bins.
const BINS: [(&str, &str); 3] = [("easy", "easy"), ("medium", "medium"), ("hard", "hard")];

fn class(bin: Bin) -> &'static str {
    BINS[bin as usize].0
}
