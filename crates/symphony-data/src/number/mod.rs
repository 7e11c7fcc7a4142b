//! Numbers: percentiles, means, correlations, elementary functions, Student's t, and random numbers for resampling.

pub mod correlation;
mod estimate;
pub(crate) mod function;
mod mean;
mod percentile;
pub(crate) mod random;
pub(crate) mod student;

pub use estimate::Estimate;
pub use mean::{Mean, mean};
pub use percentile::{NotFinite, Search, SearchCounts, Summary, percentile};
