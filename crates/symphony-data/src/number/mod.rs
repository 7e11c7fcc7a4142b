//! Numbers: percentiles, means, correlations, elementary functions, and random numbers for resampling.

pub mod correlation;
mod estimate;
pub(crate) mod function;
mod mean;
mod percentile;
pub(crate) mod random;

pub use estimate::Estimate;
pub use mean::{Mean, mean};
pub use percentile::{NotFinite, Summary, percentile};
