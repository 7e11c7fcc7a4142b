//! A number with its interval.

use serde::{Deserialize, Serialize};

/// A number with its 95 % interval, by bootstrap over rows and models (both resampled with replacement). A value is `None`
/// if it cannot be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number.
    pub value: Option<f64>,
    /// The low end of the interval.
    pub low: Option<f64>,
    /// The high end of the interval.
    pub high: Option<f64>,
}
