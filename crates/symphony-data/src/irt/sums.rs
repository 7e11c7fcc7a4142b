//! The sums that a pass over rows computes.

/// The sums that a pass over some rows computes.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub log_likelihood: f64,
    pub gradient: Vec<f64>,
    /// The whole matrix for Newton's method; otherwise, for each model, the entries of ability, of both, and of slope.
    pub information: Vec<f64>,
    pub square_log_discrimination: f64,
}

impl Sums {
    pub fn add(mut self, other: &Self) -> Self {
        if self.gradient.is_empty() {
            return other.clone();
        }
        self.log_likelihood += other.log_likelihood;
        self.square_log_discrimination += other.square_log_discrimination;
        self.gradient.iter_mut().zip(&other.gradient).for_each(|(sum, x)| *sum += x);
        self.information.iter_mut().zip(&other.information).for_each(|(sum, x)| *sum += x);
        self
    }
}
