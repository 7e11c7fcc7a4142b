//! What a gap between bins means, as a person would say it.

use super::{BinError, Estimate};
use crate::bin::{Bin, PerBin};

/// With fewer easy or hard tasks than that, nothing is said of the bins.
pub(super) const FEW_TASKS: u64 = 10;

/// What the gap means, as a person would say it.
pub(super) fn sentence(gap: Estimate, bins: PerBin<BinError>) -> String {
    let (Some(value), Some(low)) = (gap.value, gap.low) else {
        let bin = if bins.easy.rows == 0 { Bin::Easy } else { Bin::Hard };
        return format!("no {} task was answered, so that nothing can be said of the bins", bin.name());
    };
    let points = 100.0 * value.abs();
    let few = bins.easy.rows.min(bins.hard.rows);
    let too_few;
    let (how, verdict) = if few < FEW_TASKS {
        too_few = format!("{} easy and {} hard are too few to tell", bins.easy.rows, bins.hard.rows);
        (if value < 0.0 { "less" } else { "more" }, &too_few[..])
    } else if points < 0.05 {
        return "hard tasks fail as often as easy ones; these bins do not separate them".to_owned();
    } else if gap.high.is_some_and(|high| high < 0.0) {
        ("less", "these bins are the wrong way round for these models")
    } else if low <= 0.0 {
        (if value < 0.0 { "less" } else { "more" }, "chance alone could do that: these bins do not separate them")
    } else if value < 0.1 {
        ("more", "these bins barely separate them")
    } else if value < 0.25 {
        ("more", "these bins separate them somewhat")
    } else {
        ("more", "these bins separate them")
    };
    format!("hard tasks fail {points:.1} points {how} often than easy ones; {verdict}")
}

#[cfg(test)]
mod tests {
    use super::super::{BinError, Estimate};
    use super::*;

    #[test]
    fn a_gap_that_rounds_to_nothing_is_none() {
        let of = |value: f64| {
            let bin = BinError { rows: 100, error: Some(0.5) };
            let gap = Estimate { value: Some(value), low: Some(value - 0.1), high: Some(value + 0.1) };
            sentence(gap, PerBin { easy: bin, medium: bin, hard: bin })
        };
        let none = "hard tasks fail as often as easy ones; these bins do not separate them";
        assert_eq!([of(0.0), of(-0.000_4), of(0.000_4)], [none, none, none]);
        let little = "hard tasks fail 0.1 points less often than easy ones; chance alone could do that: these bins do not separate them";
        assert_eq!(of(-0.001), little);
    }
}
