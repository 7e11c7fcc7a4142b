//! Means that lose nothing to rounding.

/// A mean that is taken value by value, with the rounding errors kept (Neumaier 1974), so that the mean of ten million
/// scores is as good as that of ten.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean {
    n: u64,
    sum: f64,
    lost: f64,
}

impl Mean {
    /// Takes in a value.
    pub fn observe(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - next) + value } else { (value - next) + self.sum };
        self.sum = next;
        self.n += 1;
    }

    /// The mean; `None` of nothing.
    pub fn get(&self) -> Option<f64> {
        (self.n > 0).then(|| (self.sum + self.lost) / self.n as f64)
    }
}

/// The mean of some values, `None` if there are none.
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
