//! Correlations of two columns; rows in which either is NaN are left out.

/// Pearson's correlation, -1..1; `None` for fewer than two rows, or if a column does not vary.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = both(x, y);
    of_whole(&x, &y)
}

/// Spearman's rank correlation, -1..1: Pearson's correlation of the ranks, where ties share their mean rank. `None` as
/// for [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = both(x, y);
    of_whole(&ranks(&x), &ranks(&y))
}

/// The rows in which neither is NaN.
fn both(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan()).map(|(x, y)| (*x, *y)).unzip()
}

fn of_whole(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mean_x, mean_y) = (super::mean(x)?, super::mean(y)?);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    // The squares of equal values are not exactly 0 if their mean is off in the last bit.
    let varies = |squares: f64, mean: f64| squares > 1e-24 * (mean * mean).max(1e-300) * x.len() as f64;
    (varies(xx, mean_x) && varies(yy, mean_y)).then(|| (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
}

/// Rounds a mean to 12 decimals, so that means of the same answers tie in whatever order they were summed.
pub(crate) fn tidied(mean: f64) -> f64 {
    (mean * 1e12).round() / 1e12
}

/// Ranks from 1; ties share their mean rank.
pub(super) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let least = values[order[first] as usize];
        let ties = order[first..].iter().take_while(|row| values[**row as usize] == least).count();
        let rank = first as f64 + f64::midpoint(ties as f64, 1.0);
        order[first..first + ties].iter().for_each(|row| ranks[*row as usize] = rank);
        first += ties;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn a_column_that_does_not_vary_has_no_correlation() {
        assert_eq!(spearman(&[0.1, 0.1, 0.1], &[1.0, 2.0, 3.0]), None);
        assert_eq!(pearson(&[0.3], &[1.0]), None);
    }

    #[test]
    fn rows_without_a_value_are_left_out() {
        let near = |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-15 * 4.0);
        near(spearman(&[1.0, f64::NAN, 2.0, 3.0], &[10.0, 0.0, 20.0, 30.0]), 1.0);
        near(pearson(&[1.0, 2.0, 3.0], &[6.0, 4.0, 2.0]), -1.0);
    }
}
