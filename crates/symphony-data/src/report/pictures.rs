//! The pictures of a report: which tasks a pool has, in which order, and how models do on them.

use super::{
    Table, percent,
    plot::{At, Mark, Plot, Scale, WIDTH, cut, round_ticks, score_ticks},
    shown,
};
use crate::{
    bin::Bin,
    pool::statistics::{BUCKETS, Histogram},
    results::{Comparison, ModelResult, Results},
    task::Task,
};

/// Into how many stretches a stream is cut at most, if it has no phases.
const STRETCHES: usize = 40;
/// The most models, and the most comparisons, in a picture. The tables have all.
const MOST_DRAWN: usize = 30;
/// The longest name in a picture, in characters.
const LONGEST_NAME: usize = 44;
/// The space left of an axis, and right of it.
const SIDES: (f64, f64) = (38.0, WIDTH - 10.0);
/// The colours of bins.
const BINS: [(&str, &str); 3] = [("easy", "easy"), ("medium", "medium"), ("hard", "hard")];

fn class(bin: Bin) -> &'static str {
    BINS[bin as usize].0
}

/// How difficult the tasks of one benchmark are. The thresholds are where easy ends and where hard begins, if they are known.
pub(super) fn histogram(id: &str, benchmark: &str, tasks: &[&Task], thresholds: Option<[f64; 2]>) -> Plot {
    let mut histogram = Histogram::default();
    tasks.iter().for_each(|task| histogram.add(task.difficulty_score, &task.difficulty_bin));
    let (top, bottom) = (24.0, 160.0);
    let ticks = round_ticks(histogram.most().max(1) as f64);
    let x = Scale { values: (0.0, 1.0), pixels: SIDES };
    let y = Scale { values: (0.0, ticks[ticks.len() - 1]), pixels: (bottom, top) };
    let mut marks = y.beside(SIDES, &ticks.iter().map(|tick| (*tick, tick.to_string())).collect::<Vec<_>>());
    marks.extend(x.below((bottom, bottom + 4.0), &score_ticks()));
    let edge = |bucket: usize| bucket as f64 / BUCKETS as f64;
    let mut rows = Vec::new();
    for (bucket, own) in histogram.0.iter().enumerate() {
        let range = format!("{:.2} to {:.2}", edge(bucket), edge(bucket + 1));
        let mut below = 0;
        for (bin, count) in Bin::ALL.map(|bin| (bin, own[bin])).into_iter().filter(|(_, count)| *count > 0) {
            let (high, low) = (y.at((below + count) as f64), y.at(below as f64));
            let (left, right) = (x.at(edge(bucket)), x.at(edge(bucket + 1)));
            let says = format!("{range}: {count} {}", class(bin));
            marks.push(Mark::bar(class(bin), (left + 0.5, high), (right - left - 1.0, low - high), &says));
            below += count;
        }
        if below > 0 {
            rows.push([vec![range], Bin::ALL.map(|bin| own[bin].to_string()).to_vec()].concat());
        }
    }
    // The two texts stand at two heights, so that they never touch.
    for (at, (value, anchor)) in thresholds.into_iter().flatten().zip(["end", "start"]).enumerate() {
        let text = ["easy ≤ ", "hard ≥ "][at].to_owned() + &format!("{value:.3}");
        // A text beside its line, unless it would leave the picture.
        let (line, width) = (x.at(value), 84.0);
        let anchor = match anchor {
            "end" if line - width < 0.0 => "start",
            "start" if line + width > WIDTH => "end",
            anchor => anchor,
        };
        let aside = if anchor == "end" { -3.0 } else { 3.0 };
        marks.push(Mark::line("threshold", (line, 2.0 + 11.0 * at as f64), (line, bottom)));
        marks.push(Mark::text("tick", (line + aside, 10.0 + 11.0 * at as f64), anchor, &text));
    }
    marks.push(Mark::text("tick", (x.at(0.5), bottom + 30.0), "middle", "difficulty score"));
    let of = |bin: Bin| histogram.0.iter().map(|own| own[bin]).sum::<u64>();
    let parts: Vec<String> =
        Bin::ALL.into_iter().filter(|bin| of(*bin) > 0).map(|bin| format!("{} {}", of(bin), class(bin))).collect();
    Plot {
        id: id.to_owned(),
        title: shown(&format!("{benchmark}: {} tasks, {}", tasks.len(), parts.join(", "))),
        legend: BINS.to_vec(),
        height: At(bottom + 36.0),
        marks,
        table: Table::new(
            &format!("{benchmark}: tasks by difficulty score"),
            &["score", "easy", "medium", "hard"],
            rows,
        ),
    }
}

/// How difficult the tasks are along the stream: the mean score of each stretch.
pub(super) fn stream(id: &str, tasks: &[Task]) -> Plot {
    let size = tasks.len().div_ceil(STRETCHES).max(1);
    let mut stretches: Vec<(usize, &[Task])> = Vec::new();
    let mut first = 0;
    for phase in tasks.chunk_by(|a, b| a.phase == b.phase) {
        for stretch in phase.chunks(size) {
            stretches.push((first, stretch));
            first += stretch.len();
        }
    }
    let mean = |tasks: &[Task]| tasks.iter().map(|task| task.difficulty_score).sum::<f64>() / tasks.len() as f64;
    let (top, bottom) = (18.0, 160.0);
    let x = Scale { values: (0.0, tasks.len() as f64), pixels: SIDES };
    let y = Scale { values: (0.0, 1.0), pixels: (bottom, top) };
    let mut marks = y.beside(SIDES, &score_ticks());
    let ends = [0, tasks.len()].map(|place| (place as f64, place.to_string()));
    marks.extend(x.below((bottom, bottom + 4.0), &ends));
    marks.push(Mark::text("tick", (x.at(tasks.len() as f64 / 2.0), bottom + 30.0), "middle", "place in the stream"));
    let mut rows = Vec::new();
    let mut said = Vec::new();
    first = 0;
    for phase in tasks.chunk_by(|a, b| a.phase == b.phase) {
        if let Some(number) = phase[0].phase {
            let at = x.at(first as f64);
            marks.push(Mark::line("threshold", (at, top - 12.0), (at, bottom)));
            marks.push(Mark::text("tick", (at + 3.0, top - 6.0), "start", &format!("phase {number}")));
            said.push(format!("{:.2} in phase {number}", mean(phase)));
        }
        first += phase.len();
    }
    for (first, stretch) in &stretches {
        let (last, mean) = (first + stretch.len() - 1, mean(stretch));
        let middle = *first as f64 + stretch.len() as f64 / 2.0;
        marks.push(Mark::dot("point", (x.at(middle), y.at(mean)), &format!("tasks {first} to {last}: {mean:.3}")));
        let phase = stretch[0].phase.map_or("-".to_owned(), |phase| phase.to_string());
        rows.push(vec![first.to_string(), last.to_string(), phase, format!("{mean:.3}")]);
    }
    let means: Vec<f64> = stretches.iter().map(|(_, stretch)| mean(stretch)).collect();
    let (low, high) = (means.iter().copied().fold(1.0, f64::min), means.iter().copied().fold(0.0, f64::max));
    let title = match said.len() {
        0 => format!("Along the stream, the mean score of {size} tasks at a time goes from {low:.2} to {high:.2}"),
        1..=6 => format!("The mean score is {}", said.join(", ")),
        n => format!("The mean score of {n} phases goes from {low:.2} to {high:.2}"),
    };
    Plot {
        id: id.to_owned(),
        title,
        legend: Vec::new(),
        height: At(bottom + 36.0),
        marks,
        table: Table::new("Mean difficulty score along the stream", &["first", "last", "phase", "mean score"], rows),
    }
}

/// How well models do on each bin, with 95 % intervals. `None` if the results are not grouped by bin.
pub(super) fn by_bin(id: &str, results: &Results) -> Option<Plot> {
    let x = Scale { values: (0.0, 1.0), pixels: (12.0, WIDTH - 22.0) };
    let (top, mut y) = (8.0, 8.0);
    let (mut marks, mut rows, mut drawn) = (Vec::new(), Vec::new(), 0);
    for own in &results.models {
        let (_, groups) = own.by.iter().find(|(by, _)| by == "bin")?;
        let is_drawn = drawn < MOST_DRAWN;
        drawn += usize::from(is_drawn);
        if is_drawn {
            marks.push(Mark::text("name", (12.0, y + 11.0), "start", &cut(&label(own), LONGEST_NAME)));
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
    let is_partial = best.accuracy.unanswered > 0;
    let answered = if is_partial { format!(" (it answered {})", best.accuracy.n_tasks) } else { String::new() };
    Some(Plot {
        id: id.to_owned(),
        title: shown(&format!("{} solves {}{answered}{more}", label(best), shares.join(", "))),
        legend: BINS.to_vec(),
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

/// The paired differences of models, in points, with 95 % intervals. `None` if there are none.
pub(super) fn differences(id: &str, results: &Results) -> Option<Plot> {
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
        let points = [*difference, *low, *high].map(|points| format!("{points:.1}"));
        let p = |value: Option<f64>| value.map_or("-".to_owned(), |p| format!("{p:.4}"));
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
            marks.push(Mark::text("name", (12.0, y + 11.0), "start", &cut(&name, LONGEST_NAME)));
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
    let clear = known.iter().filter(|(_, _, low, high)| *low > 0.0 || *high < 0.0).count();
    let of = if one_baseline { format!(" from {}", first.baseline) } else { String::new() };
    let more = more_than_drawn(known.len(), "differences");
    let n = known.len();
    let (noun, verb) = if n == 1 { ("difference", "is") } else { ("differences", "are") };
    let adjusted = known.iter().filter(|(own, ..)| own.adjusted_p_value.is_some_and(|p| p < 0.05)).count();
    let adjusted = if n > 1 { format!(", {adjusted} with an adjusted p below 0.05") } else { String::new() };
    let title = format!("{clear} of {n} {noun}{of} {verb} clear of zero{adjusted}: points with 95 % intervals{more}");
    Some(Plot {
        id: id.to_owned(),
        title: shown(&title),
        legend: Vec::new(),
        height: At(y + 22.0),
        marks,
        table: Table::new(
            "Differences in points, on the tasks that both answered",
            &["model", "baseline", "tasks", "points", "from", "to", "p", "adjusted p", "shows from"],
            rows,
        ),
    })
}

/// What a title adds where not all is drawn.
fn more_than_drawn(n: usize, what: &str) -> String {
    if n > MOST_DRAWN { format!(" (the first {MOST_DRAWN} of {n} {what} are drawn)") } else { String::new() }
}
