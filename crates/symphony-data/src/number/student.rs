//! Student's t distribution.

/// The 97.5th percentile of the standard normal distribution.
pub(crate) const NORMAL: f64 = 1.959_963_984_540_054;
/// Its 80th percentile.
pub(crate) const EIGHTY: f64 = 0.841_621_233_572_914;

/// The 97.5th percentiles of t with 1 to 30 degrees of freedom, from the usual tables.
const TABLE: [f64; 30] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
    2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484,
    2.0452, 2.0423,
];

/// The 97.5th percentile of t, which two-sided 95 % intervals use, to four decimals; `None` without degrees of freedom.
/// Above 30 degrees of freedom it is the expansion in 1/df of Fisher and Cornish (1960).
pub(crate) fn t(degrees: usize) -> Option<f64> {
    let place = degrees.checked_sub(1)?;
    if let Some(known) = TABLE.get(place) {
        return Some(*known);
    }
    let (z, df) = (NORMAL, degrees as f64);
    let (z2, inverse) = (z * z, 1.0 / df);
    let first = (z2 + 1.0) * z / 4.0;
    let second = ((5.0 * z2 + 16.0) * z2 + 3.0) * z / 96.0;
    let third = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) * z / 384.0;
    Some(z + inverse * (first + inverse * (second + inverse * third)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of t between 0 and `end`, by Simpson's rule over the angle whose tangent is t / sqrt(df).
    fn share_up_to(end: f64, degrees: usize) -> f64 {
        let df = degrees as f64;
        let density = |angle: f64| angle.cos().powf(df - 1.0);
        let integral = |to: f64| {
            let steps = 20_000;
            let width = to / f64::from(steps);
            let weight = |step: i32| if step == 0 || step == steps { 1.0 } else { f64::from(2 + 2 * (step % 2)) };
            (0..=steps).map(|step| weight(step) * density(f64::from(step) * width)).sum::<f64>() * width / 3.0
        };
        integral((end / df.sqrt()).atan()) / (2.0 * integral(std::f64::consts::FRAC_PI_2))
    }

    #[test]
    fn the_quantiles_leave_two_and_a_half_percent_above() {
        for degrees in (1..=60).chain([100, 1_000, 100_000]) {
            let share = share_up_to(t(degrees).unwrap(), degrees);
            assert!((share - 0.475).abs() < 4e-6, "{degrees}: {share}");
        }
        assert!(t(0).is_none());
    }
}
