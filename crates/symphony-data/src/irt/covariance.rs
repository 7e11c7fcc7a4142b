//! The covariance of the shared parameters.

use super::numeric::{Cholesky, square};

/// The covariance of the shared parameters, given that the panel's mean ability and mean log slope are 0. These two fix the
/// zero and the unit of the difficulties, so they have no error.
pub(super) struct Covariance {
    cholesky: Cholesky,
    /// The means that are given, in order.
    given: Vec<Given>,
}

/// A mean of some parameters whose value is given.
struct Given {
    weights: Vec<f64>,
    /// The covariances of the parameters with this mean, given the means before it.
    with: Vec<f64>,
    /// The variance of this mean, given the means before it.
    variance: f64,
}

impl Covariance {
    pub(super) fn of(cholesky: Cholesky, models: usize, slopes: bool) -> Self {
        let size = cholesky.size();
        let mut own = Self { cholesky, given: Vec::new() };
        for first in std::iter::once(0).chain(slopes.then_some(models)) {
            let mut weights = vec![0.0; size];
            weights[first..first + models].fill(1.0 / models as f64);
            let with = own.times(&weights);
            let variance = dot(&with, &weights);
            own.given.push(Given { weights, with, variance });
        }
        own
    }

    /// The covariances of the parameters with a linear function of them.
    pub(super) fn times(&self, weights: &[f64]) -> Vec<f64> {
        let mut with = self.cholesky.solve(weights);
        for given in &self.given {
            let shared = dot(&given.weights, &with) / given.variance;
            with.iter_mut().zip(&given.with).for_each(|(x, other)| *x -= shared * other);
        }
        with
    }

    /// The variance of a linear function of the parameters.
    pub(super) fn variance_of(&self, weights: &[f64]) -> f64 {
        let whole: f64 = self.cholesky.forward(weights).iter().map(|x| x * x).sum();
        let shared: f64 = self.given.iter().map(|given| square(dot(&given.with, weights)) / given.variance).sum();
        (whole - shared).max(0.0)
    }

    /// The variance of one parameter.
    pub(super) fn variance(&self, at: usize) -> f64 {
        let mut unit = vec![0.0; self.cholesky.size()];
        unit[at] = 1.0;
        self.variance_of(&unit)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
