//! Verdicts in words: on the gap between bins, and on scores that mislead.

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

/// A score whose correlation within the groups of a benchmark is less than this share of its correlation over all rows tells
/// the groups apart and little else.
const SHARE_WITHIN: f64 = 0.25;

/// Whether a score is reversed: the interval of its correlation lies below 0.
pub(super) fn is_reversed(all: Estimate) -> bool {
    all.high.is_some_and(|high| high < 0.0)
}

/// Whether a score tells only the groups of a benchmark apart. `within` is its correlation within groups, if there are several.
pub(super) fn is_only_between(all: Estimate, within: Option<f64>) -> bool {
    let shown = all.value.filter(|_| all.low.is_some_and(|low| low > 0.0));
    shown.zip(within).is_some_and(|(value, within)| within < SHARE_WITHIN * value)
}

/// What [`is_reversed`] and [`is_only_between`] find, in sentences.
pub(super) fn remarks(all: Estimate, within: Option<f64>) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Estimate { value: Some(value), low: Some(low), high: Some(high) } = all
        && is_reversed(all)
    {
        remarks.push(format!(
            "REVERSED: models fail the easy tasks more often (rho {value:.2}, {low:.2} to {high:.2}); draw by another difficulty"
        ));
    }
    if let (Some(value), Some(within), true) = (all.value, within, is_only_between(all, within)) {
        remarks.push(format!(
            "the score tells its configs apart and little else: rho is {value:.2} over all tasks, and {within:.2} within configs"
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::super::{BinError, Estimate};
    use super::*;

    #[test]
    fn a_reversed_score_and_one_that_tells_only_groups_apart_are_said() {
        let of = |low: f64, value: f64, high: f64| Estimate { value: Some(value), low: Some(low), high: Some(high) };
        let said = |all: Estimate, within: Option<f64>| remarks(all, within).concat();
        assert!(
            said(of(-0.25, -0.19, -0.13), Some(0.4)).starts_with("REVERSED: models fail the easy tasks more often")
        );
        // An interval that includes 0 shows nothing.
        assert_eq!(said(of(-0.25, -0.19, 0.01), Some(0.0)) + &said(of(-0.01, 0.3, 0.4), Some(0.0)), "");
        assert!(said(of(0.2, 0.23, 0.27), Some(0.03)).starts_with("the score tells its configs apart"));
        assert_eq!(said(of(0.2, 0.23, 0.27), Some(0.06)) + &said(of(0.2, 0.23, 0.27), None), "");
    }

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
