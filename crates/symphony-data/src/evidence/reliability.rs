//! How well the errors of these models could be foretold at all.

/// The most ways of splitting a panel into halves that are averaged over.
const MOST_SPLITS: usize = 500;

/// The most that the correlation of any score with the panel's mean error can be expected to reach: the square root of the
/// reliability of that mean, which is the mean Spearman-Brown corrected correlation (Spearman, 1910; Brown, 1910) of the
/// mean errors of two halves of the panel, over all ways of halving it (or 500 of them).
///
/// `errors` has a column for each model: its error on each row, NaN where it did not answer. `None` below three models, of
/// which no two halves tell of others than themselves, and where halves do not correlate at all.
pub fn ceiling(errors: &[Vec<f64>]) -> Option<f64> {
    let models = errors.len();
    if models < 3 {
        return None;
    }
    let mut reliabilities = Vec::new();
    for split in splits(models) {
        let mean_of = |half: bool| -> Vec<f64> {
            let rows = errors[0].len();
            let mut sums = vec![(0.0, 0.0); rows];
            let own = errors.iter().enumerate().filter(|(model, _)| (split >> model & 1 == 1) == half);
            for (_, column) in own {
                for (sum, error) in sums.iter_mut().zip(column).filter(|(_, error)| !error.is_nan()) {
                    *sum = (sum.0 + error, sum.1 + 1.0);
                }
            }
            sums.into_iter().map(|(sum, n)| super::correlation::tidied(sum / n)).collect()
        };
        if let Some(r) = super::correlation::spearman(&mean_of(false), &mean_of(true)) {
            reliabilities.push(2.0 * r / (1.0 + r));
        }
    }
    crate::difficulty::mean(&reliabilities).filter(|reliability| *reliability > 0.0).map(f64::sqrt)
}

/// Halves of a panel, as sets of bits: every way where there are few, evenly spaced ones of all where there are many.
fn splits(models: usize) -> Vec<u128> {
    let half = models / 2;
    if models <= 12 {
        let all = (0_u128..1 << models).filter(|set| set.count_ones() as usize == half);
        // Of an even panel each way comes twice; the one without the last model stands for both.
        return all.filter(|set| models % 2 == 1 || set >> (models - 1) & 1 == 0).collect();
    }
    // A generator of its own keeps this the same everywhere.
    let mut random = super::random::Random::new(models as u64);
    let models = models.min(128);
    (0..MOST_SPLITS)
        .map(|_| {
            let mut order: Vec<usize> = (0..models).collect();
            for i in (1..models).rev() {
                order.swap(i, random.below(i as u64 + 1) as usize);
            }
            order[..models / 2].iter().fold(0, |set, model| set | 1 << model)
        })
        .collect()
}
