//! Pictures of several pools, side by side.

use super::features::Spread;
use crate::report::{
    Table, percent,
    plot::{At, MOST_DRAWN, Mark, Plot, Scale, WIDTH, more_than_drawn, score_ticks},
    rows::Row,
    shown,
};
use crate::results::Results;

/// The most pools on which the results of a model are drawn.
const MOST_POOLS: usize = 12;

/// How difficult the tasks of each pool are, benchmark by benchmark. Pools have names, and their distinct rows.
pub(in crate::report) fn difficulties(id: String, pools: &[(&str, &[Row<'_>])]) -> Plot {
    let mut benchmarks: Vec<&str> =
        pools.iter().flat_map(|(_, rows)| rows.iter().map(|row| row.task.benchmark.as_str())).collect();
    benchmarks.sort_unstable();
    benchmarks.dedup();
    let x = Scale { values: (0.0, 1.0), pixels: (12.0, WIDTH - 14.0) };
    let (top, mut y) = (8.0, 8.0);
    let (mut marks, mut table, mut drawn) = (Vec::new(), Vec::new(), 0);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for benchmark in benchmarks {
        for (name, rows) in pools {
            let own = rows.iter().filter(|row| row.task.benchmark == benchmark);
            let own: Vec<f64> = own.map(|row| row.task.difficulty_score).collect();
            let n = own.len();
            let Some(spread) = Spread::of(own.into_iter()) else { continue };
            let of = format!("{benchmark}, {name} ({n})");
            table.push(
                [vec![benchmark.to_owned(), (*name).to_owned(), n.to_string()], spread.cells().to_vec()].concat(),
            );
            (least, most) = (least.min(spread.median()), most.max(spread.median()));
            drawn += 1;
            if drawn <= MOST_DRAWN {
                marks.push(Mark::name(y, &of));
                marks.extend(spread.marks(&x, y + 20.0, &of));
                y += 28.0;
            }
        }
    }
    marks.splice(0..0, x.below((top, y), &score_ticks()));
    let more = more_than_drawn(drawn, "spreads");
    Plot {
        id,
        title: format!("Median scores of the pools lie between {least:.2} and {most:.2}, benchmark by benchmark{more}"),
        legend: Vec::new(),
        height: At(y + 22.0),
        marks,
        table: Table::new(
            "Difficulty scores of distinct tasks",
            &[&["benchmark", "pool", "distinct tasks"][..], &Spread::HEAD].concat(),
            table,
        ),
    }
}

/// How well each model does on each pool, with 95 % intervals. `None` without results.
pub(in crate::report) fn results_on_pools(id: String, pools: &[(&str, Option<&Results>)]) -> Option<Plot> {
    let known: Vec<(&str, &Results)> = pools.iter().filter_map(|(name, results)| Some((*name, (*results)?))).collect();
    let mut models: Vec<&str> = Vec::new();
    for own in known.iter().flat_map(|(_, results)| &results.models) {
        if !models.contains(&own.model.as_str()) {
            models.push(&own.model);
        }
    }
    let x = Scale { values: (0.0, 1.0), pixels: (12.0, WIDTH - 22.0) };
    let (top, mut y) = (8.0, 8.0);
    let (mut marks, mut table) = (Vec::new(), Vec::new());
    // So that the picture does not grow without end.
    let most = (MOST_DRAWN * 4 / known.len().clamp(4, MOST_POOLS)).max(1);
    let mut widest: Option<(f64, f64, &str)> = None;
    for (at, model) in models.iter().enumerate() {
        let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
        let mut on = 0;
        if at < most {
            marks.push(Mark::name(y, model));
            y += 18.0;
        }
        for (name, results) in &known {
            let Some(own) = results.models.iter().find(|own| own.model == *model).map(|own| own.accuracy) else {
                continue;
            };
            let number = |value: Option<f64>| value.map_or("-".to_owned(), percent);
            let [share, low, high] = [own.accuracy, own.low, own.high].map(number);
            table.push(vec![
                (*model).to_owned(),
                (*name).to_owned(),
                own.n_tasks.to_string(),
                share.clone(),
                low.clone(),
                high.clone(),
            ]);
            let Some(accuracy) = own.accuracy else { continue };
            ends = (ends.0.min(accuracy), ends.1.max(accuracy));
            on += 1;
            if at < most && on <= MOST_POOLS {
                if let (Some(low), Some(high)) = (own.low, own.high) {
                    marks.push(Mark::line("interval", (x.at(low), y), (x.at(high), y)));
                }
                let says = format!("{model} on {name}: {share} ({low} to {high})");
                marks.push(Mark::dot("point", (x.at(accuracy), y), &says));
                // Left of the interval, or right of it where there is no room.
                let from = own.low.unwrap_or(accuracy);
                let (side, anchor) = if from > 0.5 {
                    (x.at(from) - 6.0, "end")
                } else {
                    (x.at(own.high.unwrap_or(accuracy)) + 6.0, "start")
                };
                marks.push(Mark::text("tick", (side, y + 3.5), anchor, &crate::report::plot::cut(name, 24)));
                y += 13.0;
            }
        }
        if at < most {
            y += 4.0;
        }
        if on > 1 && ends.1 - ends.0 > widest.map_or(-1.0, |(low, high, _)| high - low) {
            widest = Some((ends.0, ends.1, model));
        }
    }
    if models.is_empty() {
        return None;
    }
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{} %", 100.0 * share)));
    marks.splice(0..0, x.below((top, y), &ticks));
    let more = match (models.len() > most, known.len() > MOST_POOLS) {
        (false, false) => String::new(),
        _ => format!(
            " (the first {} of {} models are drawn, on {} of {} pools)",
            most.min(models.len()),
            models.len(),
            known.len().min(MOST_POOLS),
            known.len()
        ),
    };
    let title = match widest {
        Some((low, high, model)) => format!(
            "{model} goes from {} on one pool to {} on another, the widest range of the models{more}",
            percent(low),
            percent(high)
        ),
        None => format!("No model answered several of the pools{more}"),
    };
    Some(Plot {
        id,
        title: shown(&title),
        legend: Vec::new(),
        height: At(y + 22.0),
        marks,
        table: Table::new(
            "Accuracy on each pool, with 95 % intervals",
            &["model", "pool", "tasks", "accuracy", "from", "to"],
            table,
        ),
    })
}
