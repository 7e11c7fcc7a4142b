//! Numbers: percentiles, means, correlations, and random numbers for resampling.

pub mod correlation;
mod mean;
mod percentile;
pub(crate) mod random;

pub use mean::{Mean, mean};
pub use percentile::{NotFinite, Summary, percentile};
