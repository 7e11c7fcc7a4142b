//! Pictures of models' results: how well they do on each bin, how far apart they are, and how far apart they have to be.

use super::{BINS, class};
use crate::{
    bin::Bin,
    report::{
        Table, percent,
        plot::{At, MOST_DRAWN, Mark, Plot, SIDES, Scale, WIDTH, more_than_drawn, round_ticks},
        shown,
    },
    results::{Comparison, ModelResult, Results, points, power},
};

/// How well models do on each bin, with 95 % intervals. `None` if the results are not grouped by bin.
pub(in crate::report) fn by_bin(id: String, results: &Results) -> Option<Plot> {
    let x = Scale { values: (0.0, 1.0), pixels: (12.0, WIDTH - 22.0) };
    let (top, mut y) = (8.0, 8.0);
    let (mut marks, mut rows, mut drawn) = (Vec::new(), Vec::new(), 0);
    for own in &results.models {
        let (_, groups) = own.by.iter().find(|(by, _)| by == "bin")?;
        let is_drawn = drawn < MOST_DRAWN;
        drawn += usize::from(is_drawn);
        if is_drawn {
            marks.push(Mark::name(y, &label(own)));
            y += 18.0;
        }
        for (group, accuracy) in groups.iter().filter(|(_, accuracy)| accuracy.n_tasks > 0) {
            let number = |value: Option<f64>| value.map_or("-".to_owned(), percent);
            let interval = [accuracy.low, accuracy.high].map(number);
            rows.push(vec![
                own.model.clone(),
                group.clone(),
                accuracy.n_tasks.to_string(),
                number(accuracy.accuracy),
                interval[0].clone(),
                interval[1].clone(),
            ]);
            let bin = Bin::parse(group).unwrap_or(Bin::Medium);
            if let (true, Some(share)) = (is_drawn, accuracy.accuracy) {
                if let (Some(low), Some(high)) = (accuracy.low, accuracy.high) {
                    marks.push(Mark::line(class(bin), (x.at(low), y), (x.at(high), y)));
                }
                let says = format!("{}, {group}: {} ({} to {})", own.model, percent(share), interval[0], interval[1]);
                marks.push(Mark::dot(class(bin), (x.at(share), y), &says));
                y += 11.0;
            }
        }
        y += if is_drawn { 4.0 } else { 0.0 };
    }
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{} %", 100.0 * share)));
    marks.splice(0..0, x.below((top, y), &ticks));
    let best = results.models.first()?;
    let (_, groups) = best.by.iter().find(|(by, _)| by == "bin")?;
    let of_bin = |(bin, accuracy): &(String, crate::results::Accuracy)| {
        accuracy.accuracy.map(|share| format!("{} of the {bin} tasks", percent(share)))
    };
    let shares: Vec<String> = groups.iter().filter_map(of_bin).collect();
    let more = more_than_drawn(results.models.len(), "models");
    let has = |name: &str| groups.iter().any(|(bin, accuracy)| bin == name && accuracy.n_tasks > 0);
    let legend = BINS.into_iter().filter(|(_, name)| has(name)).collect();
    let is_partial = best.accuracy.unanswered > 0;
    let answered = if is_partial { format!(" (it answered {})", best.accuracy.n_tasks) } else { String::new() };
    Some(Plot {
        id,
        title: shown(&format!("{} solves {}{answered}{more}", label(best), shares.join(", "))),
        legend,
        height: At(y + 22.0),
        marks,
        table: Table::new(
            "Accuracy by bin, with 95 % intervals",
            &["model", "bin", "tasks", "accuracy", "from", "to"],
            rows,
        ),
    })
}

/// A model's name, and whether its own answers shaped the difficulty.
fn label(own: &ModelResult) -> String {
    if own.in_sample == Some(true) { format!("{} (IN-SAMPLE)", own.model) } else { own.model.clone() }
}

/// The paired differences of models, in points, with 95 % intervals; `None` without any.
pub(in crate::report) fn differences(id: String, results: &Results) -> Option<Plot> {
    let known: Vec<(&Comparison, f64, f64, f64)> = results
        .comparisons
        .iter()
        .filter_map(|own| Some((own, 100.0 * own.difference?, 100.0 * own.low?, 100.0 * own.high?)))
        .collect();
    let first = known.first()?.0;
    let far = known.iter().take(MOST_DRAWN).fold(1.0, |far: f64, (_, _, low, high)| far.max(low.abs()).max(high.abs()));
    let ticks = round_ticks(far);
    let end = ticks[ticks.len() - 1];
    let x = Scale { values: (-end, end), pixels: (16.0, WIDTH - 16.0) };
    let (top, mut y) = (8.0, 8.0);
    let one_baseline = known.iter().all(|(own, ..)| own.baseline == first.baseline);
    let (mut marks, mut rows) = (Vec::new(), Vec::new());
    for (at, (own, difference, low, high)) in known.iter().enumerate() {
        let name = if one_baseline { own.model.clone() } else { format!("{} − {}", own.model, own.baseline) };
        let points = [*difference, *low, *high].map(|own| points(own / 100.0));
        let p = |value: Option<f64>| match value {
            None => "-".to_owned(),
            Some(p) if p < 0.000_1 => "< 0.0001".to_owned(),
            Some(p) => format!("{p:.4}"),
        };
        rows.push(vec![
            own.model.clone(),
            own.baseline.clone(),
            own.n_tasks.to_string(),
            points[0].clone(),
            points[1].clone(),
            points[2].clone(),
            p(own.p_value),
            p(own.adjusted_p_value),
            own.detectable.map_or("-".to_owned(), |least| format!("{:.1}", 100.0 * least)),
        ]);
        if at < MOST_DRAWN {
            let says = format!("{name}: {} points ({} to {})", points[0], points[1], points[2]);
            marks.push(Mark::name(y, &name));
            marks.push(Mark::line("interval", (x.at(*low), y + 20.0), (x.at(*high), y + 20.0)));
            marks.push(Mark::dot("point", (x.at(*difference), y + 20.0), &says));
            y += 28.0;
        }
    }
    let middle = [(0.0, "0".to_owned())];
    let signed = ticks[1..].iter().flat_map(|tick| [(-tick, format!("−{tick}")), (*tick, format!("+{tick}"))]);
    // The outer marks and the middle: more would touch.
    let outer = signed.skip(2 * (ticks.len() - 2));
    let axis: Vec<(f64, String)> = middle.into_iter().chain(outer).collect();
    marks.splice(0..0, x.below((top, y), &axis));
    marks.insert(0, Mark::line("zero", (x.at(0.0), top), (x.at(0.0), y)));
    marks.push(Mark::text("tick", (x.at(0.0), y + 28.0), "middle", "points"));
    let clear = known.iter().filter(|(_, _, low, high)| *low > 0.0 || *high < 0.0).count();
    let of = if one_baseline { format!(" from {}", first.baseline) } else { String::new() };
    let more = more_than_drawn(known.len(), "differences");
    let n = known.len();
    let (noun, verb) = if n == 1 { ("difference", "is") } else { ("differences", "are") };
    let adjusted = known.iter().filter(|(own, ..)| own.adjusted_p_value.is_some_and(|p| p < 0.05)).count();
    let adjusted = if n > 1 { format!(", {adjusted} with an adjusted p below 0.05") } else { String::new() };
    let title = format!("{clear} of {n} {noun}{of} {verb} not zero, by the 95 % intervals{adjusted}{more}");
    Some(Plot {
        id,
        title: shown(&title),
        legend: Vec::new(),
        height: At(y + 36.0),
        marks,
        table: Table::new(
            "Differences in points, on the tasks that both answered",
            &["model", "baseline", "tasks", "points", "from", "to", "p", "adjusted p", "shows from"],
            rows,
        ),
    })
}

/// The most differences whose discordance is computed for [`detectable`].
const MOST_PAIRS: usize = 500;
/// Where the curve of [`detectable`] begins and ends, in powers of ten.
const CURVE: (f64, f64) = (1.5, 4.0);

/// The smallest difference of two models that so many tasks show. `effective_n` is that of the pool.
pub(in crate::report) fn detectable(id: String, effective_n: f64, results: Option<&Results>) -> Plot {
    let known = results.and_then(discordance);
    let discordance = known.map_or(power::ASSUMED, |known| known.median);
    let points = |n: f64| power::detectable(n, discordance).map(|delta| 100.0 * delta);
    // With room for a long number below the end.
    let x = Scale { values: CURVE, pixels: (SIDES.0, SIDES.1 - 8.0) };
    let (top, bottom) = (20.0, 168.0);
    let numbers: Vec<f64> = (0..=50).map(|step| CURVE.0 + f64::from(step) / 50.0 * (CURVE.1 - CURVE.0)).collect();
    let curve: Vec<(f64, f64)> =
        numbers.iter().filter_map(|power| Some((*power, points(10_f64.powf(*power))?))).collect();
    let own = points(effective_n);
    let most = curve.iter().map(|(_, points)| *points).chain(own).fold(1.0, f64::max);
    let ticks = round_ticks(most);
    let y = Scale { values: (0.0, ticks[ticks.len() - 1]), pixels: (bottom, top) };
    let mut marks = y.beside(SIDES, &ticks.iter().map(|tick| (*tick, tick.to_string())).collect::<Vec<_>>());
    let below = [50.0_f64, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0].map(|n| (n.log10(), n.to_string()));
    marks.extend(x.below((bottom, bottom + 4.0), &below));
    marks.push(Mark::text("tick", (x.at(2.75), bottom + 30.0), "middle", "distinct tasks (effective n)"));
    marks.push(Mark::text("tick", (0.0, 9.0), "start", "points"));
    marks.push(Mark::path("curve", curve.iter().map(|(n, points)| (x.at(*n), y.at(*points)))));
    let place = effective_n.log10().clamp(CURVE.0, CURVE.1);
    if let Some(own) = own {
        let says = format!("this pool, {effective_n:.0} tasks: {own:.1} points");
        marks.push(Mark::line("threshold", (x.at(place), y.at(own)), (x.at(place), bottom)));
        marks.push(Mark::dot("point", (x.at(place), y.at(own)), &says));
    }
    let of = match known {
        None => format!("on {} of the tasks, which is assumed", percent(discordance)),
        Some(Discordance { pairs, are_right_or_wrong, .. }) => {
            let as_these =
                if pairs == 1 { "as these two do".to_owned() } else { format!("as in the median of {pairs} pairs") };
            if are_right_or_wrong {
                format!("on {} of the tasks, {as_these}", percent(discordance))
            } else {
                format!("by a mean squared difference of scores of {discordance:.2}, {as_these}")
            }
        }
    };
    let title = match own {
        Some(own) => format!(
            "Two models have to differ by {own:.1} points for the pool to show it, 80 % of the time, if they disagree {of}"
        ),
        None => format!("The pool has too few tasks to show any difference of two models, if they disagree {of}"),
    };
    let mut shown_at: Vec<f64> = power::CURVE.iter().map(|n| *n as f64).chain([effective_n]).collect();
    shown_at.sort_by(f64::total_cmp);
    shown_at.dedup();
    let rows = shown_at.into_iter().map(|n| {
        let is_own = if n.to_bits() == effective_n.to_bits() { " (this pool)" } else { "" };
        let text = points(n).map_or("-".to_owned(), |points| format!("{points:.1}"));
        vec![format!("{}{is_own}", (10.0 * n).round() / 10.0), text]
    });
    let name = "Smallest difference found 80 % of the time by a test at 5 %";
    let table = Table::new(name, &["distinct tasks", "points"], rows);
    Plot { id, title, legend: Vec::new(), height: At(bottom + 36.0), marks, table }
}

/// How much two models that were compared disagree.
#[derive(Clone, Copy)]
struct Discordance {
    /// The median over the comparisons of the mean squared difference of their scores.
    median: f64,
    /// How many comparisons that is of.
    pairs: usize,
    /// Whether all scores are 0 or 1, so that it is the share of tasks on which they disagree.
    are_right_or_wrong: bool,
}

/// `None` if there are no two models with common answers.
fn discordance(results: &Results) -> Option<Discordance> {
    let scores = |name: &str| Some(&results.models.iter().find(|own| own.model == name)?.scores);
    let mut are_right_or_wrong = true;
    let mut known = Vec::new();
    for own in results.comparisons.iter().take(MOST_PAIRS) {
        let (a, b) = (scores(&own.model)?, scores(&own.baseline)?);
        let both: Vec<f64> = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)? - (*b)?).powi(2))).collect();
        are_right_or_wrong &= both.iter().all(|square| square.fract() == 0.0);
        known.extend(crate::number::mean(&both).filter(|own| *own > 0.0));
    }
    let pairs = known.len();
    Some(Discordance { median: crate::number::percentile(&mut known, 50.0)?, pairs, are_right_or_wrong })
}
