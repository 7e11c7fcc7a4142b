//! Means that lose nothing to rounding.

/// A running mean. It keeps the rounding errors of its sum (Neumaier 1974), so the mean of ten million scores is as
/// exact as that of ten.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean {
    n: u64,
    sum: f64,
    lost: f64,
}

impl Mean {
    /// Adds a value.
    pub fn observe(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - next) + value } else { (value - next) + self.sum };
        self.sum = next;
        self.n += 1;
    }

    /// The mean; `None` if there are no values.
    pub fn get(&self) -> Option<f64> {
        (self.n > 0).then(|| (self.sum + self.lost) / self.n as f64)
    }
}

/// The mean of `values`; `None` if there are none.
pub fn mean(values: &[f64]) -> Option<f64> {
    let mut mean = Mean::default();
    values.iter().for_each(|value| mean.observe(*value));
    mean.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_loses_nothing_to_rounding() {
        assert_eq!(mean(&vec![0.1; 1_000_000]), Some(0.1));
        assert_eq!(mean(&[1.0, 1e100, 1.0, -1e100]), Some(0.5));
        assert_eq!(mean(&[]), None);
    }
}
