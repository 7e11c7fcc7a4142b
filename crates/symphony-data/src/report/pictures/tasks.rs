//! Pictures of the tasks: how difficult they are, and in which order.

use super::{BINS, class};
use crate::{
    bin::Bin,
    pool::statistics::{BUCKETS, Histogram},
    report::{
        Table,
        background::Background,
        counted, percent,
        plot::{At, Mark, Plot, SIDES, Scale, WIDTH, round_ticks, score_ticks},
        shown,
    },
    task::Task,
};

/// Into how many stretches a stream is cut at most, if it has no phases.
const STRETCHES: usize = 40;

/// How difficult the tasks of one benchmark are. The thresholds are where easy ends and where hard begins, if they are known.
///
/// The background has the scores of the whole benchmark, if they are known. It is drawn as an outline: what a draw of as many tasks without
/// regard to difficulty would look like.
pub(in crate::report) fn histogram(
    id: String,
    benchmark: &str,
    tasks: &[&Task],
    thresholds: Option<[f64; 2]>,
    background: Option<&Background>,
) -> Plot {
    let mut histogram = Histogram::default();
    tasks.iter().for_each(|task| histogram.add(task.difficulty_score, &task.difficulty_bin));
    let all = background.map(|own| {
        let mut all = [0_u64; BUCKETS];
        own.scores.iter().for_each(|score| all[Histogram::bucket(*score)] += 1);
        all
    });
    let share = |rows: u64| rows as f64 / background.map_or(1, |own| own.scores.len().max(1)) as f64;
    let expected = all.map(|all| all.map(|rows| share(rows) * tasks.len() as f64));
    let (top, bottom) = (24.0, 160.0);
    let most = histogram.most().max(1);
    let ticks = round_ticks(expected.into_iter().flatten().fold(most as f64, f64::max));
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
        if below > 0 || all.is_some_and(|all| all[bucket] > 0) {
            let of_all = all.map(|all| format!("{} ({})", all[bucket], percent(share(all[bucket]))));
            let counts = Bin::ALL.map(|bin| own[bin].to_string());
            rows.push([vec![range], counts.to_vec(), of_all.into_iter().collect()].concat());
        }
    }
    if let Some(expected) = expected {
        let step =
            |(bucket, tasks): (usize, &f64)| [edge(bucket), edge(bucket + 1)].map(|end| (x.at(end), y.at(*tasks)));
        marks.push(Mark::path("outline", expected.iter().enumerate().flat_map(step)));
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
    let head: &[&str] = &["score", "easy", "medium", "hard", "of all rows"][..4 + usize::from(all.is_some())];
    Plot {
        id,
        title: shown(&format!("{benchmark}: {}, {}", counted(tasks.len() as u64, "task"), parts.join(", "))),
        legend:
            [
                &BINS
                    .into_iter()
                    .filter(|(_, name)| Bin::parse(name).is_some_and(|bin| of(bin) > 0))
                    .collect::<Vec<_>>()[..],
                if all.is_some() { &[("outline", "expected of a random draw")] } else { &[] },
            ]
            .concat(),
        height: At(bottom + 36.0),
        marks,
        table: Table::new(&format!("{benchmark}: tasks by difficulty score"), head, rows),
    }
}

/// How difficult the tasks are along the stream: the mean score of each stretch.
pub(in crate::report) fn stream(id: String, tasks: &[Task]) -> Plot {
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
    // With room for a long number below the end.
    let x = Scale { values: (0.0, tasks.len() as f64), pixels: (SIDES.0, SIDES.1 - 8.0) };
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
        0 => {
            let of =
                if size == 1 { "the score".to_owned() } else { format!("the mean score of {size} tasks at a time") };
            format!("Along the stream, {of} lies between {low:.2} and {high:.2}")
        }
        1..=6 => format!("The mean score is {}", said.join(", ")),
        n => format!("The mean score of {n} phases lies between {low:.2} and {high:.2}"),
    };
    Plot {
        id,
        title,
        legend: Vec::new(),
        height: At(bottom + 36.0),
        marks,
        table: Table::new("Mean difficulty score along the stream", &["first", "last", "phase", "mean score"], rows),
    }
}
