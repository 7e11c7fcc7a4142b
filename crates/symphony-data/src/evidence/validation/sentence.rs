//! The verdict on a gap between bins, in one sentence.

use super::{BinError, Estimate};
use crate::bin::{Bin, PerBin};

/// With fewer easy or hard tasks than this, there is no verdict on the bins.
pub(super) const FEW_TASKS: u64 = 10;

/// The verdict on a gap.
pub(super) fn sentence(gap: Estimate, bins: PerBin<BinError>) -> String {
    let (Some(value), Some(low)) = (gap.value, gap.low) else {
        let bin = if bins.easy.rows == 0 { Bin::Easy } else { Bin::Hard };
        return format!("no {} task has responses, so there is no verdict on these bins", bin.name());
    };
    let points = 100.0 * value.abs();
    let few = bins.easy.rows.min(bins.hard.rows);
    let too_few;
    let (how, verdict) = if few < FEW_TASKS {
        too_few = format!("{} easy and {} hard are too few to tell", bins.easy.rows, bins.hard.rows);
        (if value < 0.0 { "less" } else { "more" }, &too_few[..])
    } else if points < 0.05 {
        return "models fail hard tasks as often as easy ones; these bins do not separate them".to_owned();
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
    format!("models fail hard tasks {points:.1} points {how} often than easy ones; {verdict}")
}

#[cfg(test)]
mod tests {
    use super::super::{BinError, Estimate};
    use super::*;

    #[test]
    fn a_gap_that_rounds_to_zero_is_no_gap() {
        let of = |value: f64| {
            let bin = BinError { rows: 100, error: Some(0.5) };
            let gap = Estimate { value: Some(value), low: Some(value - 0.1), high: Some(value + 0.1) };
            sentence(gap, PerBin { easy: bin, medium: bin, hard: bin })
        };
        let none = "models fail hard tasks as often as easy ones; these bins do not separate them";
        assert_eq!([of(0.0), of(-0.000_4), of(0.000_4)], [none, none, none]);
        let little = "models fail hard tasks 0.1 points less often than easy ones; chance alone could do that: these bins do not separate them";
        assert_eq!(of(-0.001), little);
    }
}
