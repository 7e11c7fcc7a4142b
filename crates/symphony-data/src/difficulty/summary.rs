//! Percentiles over a whole benchmark: observe, merge, select.

/// The values of one feature, or of the scores, over a benchmark.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    values: Vec<f64>,
}

impl Summary {
    /// Takes in some finite values.
    pub fn observe(&mut self, values: &[f64]) {
        self.values.extend_from_slice(values);
    }

    /// Takes in what another summary has seen.
    pub fn merge(&mut self, other: &Self) {
        self.observe(&other.values);
    }

    /// The `q`-th percentile (0 to 100) by NumPy's linear method, bit for bit; `None` if nothing was observed.
    ///
    /// The virtual index is (n−1)·(q/100); between neighbours a and b at fraction t the value is a + (b−a)·t, but
    /// b − (b−a)·(1−t) from t = 0.5 up, which is how NumPy keeps it monotone.
    pub fn percentile(&mut self, q: f64) -> Option<f64> {
        let last = self.values.len().checked_sub(1)?;
        let index = last as f64 * (q / 100.0);
        let below = (index.floor() as usize).min(last);
        let t = index - below as f64;
        let (_, &mut a, above) = self.values.select_nth_unstable_by(below, f64::total_cmp);
        let b = above.iter().copied().min_by(f64::total_cmp).unwrap_or(a);
        Some(if t >= 0.5 { b - (b - a) * (1.0 - t) } else { a + (b - a) * t })
    }
}

/// The mean of some values, `None` if there are none. Summed with the rounding errors kept (Neumaier 1974), so that the
/// mean of ten million scores is as good as that of ten.
pub fn mean(values: &[f64]) -> Option<f64> {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for &value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    (!values.is_empty()).then(|| (sum + lost) / values.len() as f64)
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

    fn percentile(values: &[f64], q: f64) -> Option<f64> {
        let mut summary = Summary::default();
        summary.observe(values);
        summary.percentile(q)
    }

    #[test]
    fn percentiles_interpolate_between_neighbours() {
        // By hand: index 3·0.2 = 0.6 between 1 and 2; index 3·0.95 = 2.85 between 3 and 10.
        assert!((percentile(&[10.0, 1.0, 3.0, 2.0], 20.0).unwrap() - 1.6).abs() < 1e-12);
        assert!((percentile(&[10.0, 1.0, 3.0, 2.0], 95.0).unwrap() - 8.95).abs() < 1e-12);
    }

    /// Where the two forms of the interpolation differ in the last bit; what NumPy 2.4 gives.
    #[test]
    fn percentiles_are_numpys_to_the_last_bit() {
        let cases: [(&[f64], f64, f64); 6] = [
            (&[0.31, 0.52, 0.44, 0.23], 90.0, 0.496_000_000_000_000_05),
            (&[0.41, 0.03], 95.0, 0.390_999_999_999_999_96),
            (&[0.49, 0.61, 0.57, 0.32, 0.99], 20.0, 0.456),
            (&[1.0, 0.93, 0.13], 10.0, 0.290_000_000_000_000_04),
            (&[0.54, 0.77, 0.05, 0.14, 0.79], 30.0, 0.22),
            (&[0.27, 0.83], 10.0, 0.326),
        ];
        for (values, q, expected) in cases {
            assert_eq!(percentile(values, q), Some(expected), "{values:?} {q}");
        }
    }

    #[test]
    fn the_ends_are_the_least_and_the_greatest_value() {
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.0), Some(1.0));
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 100.0), Some(3.0));
        assert_eq!(percentile(&[7.0], 33.0), Some(7.0));
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn merged_summaries_are_one_summary_of_everything() {
        let mut left = Summary::default();
        left.observe(&[5.0, 1.0]);
        let mut right = Summary::default();
        right.observe(&[4.0, 2.0, 3.0]);
        left.merge(&right);
        assert_eq!(left.percentile(50.0), Some(3.0));
    }
}
