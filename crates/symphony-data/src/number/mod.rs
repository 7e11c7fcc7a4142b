//! Numbers: percentiles, means, correlations, elementary functions, and random numbers for resampling.

pub mod correlation;
pub(crate) mod function;
mod mean;
mod percentile;
pub(crate) mod random;

pub use mean::{Mean, mean};
pub use percentile::{NotFinite, Summary, percentile};
