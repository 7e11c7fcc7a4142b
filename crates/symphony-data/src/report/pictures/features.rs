//! What makes tasks hard: features and labels against the difficulty score.

use std::collections::BTreeMap;

use super::BINS;
use crate::{
    bin::Bin,
    number::{correlation::spearman, mean, percentile},
    report::{
        Table, percent,
        plot::{At, MOST_DRAWN, Mark, Plot, Scale, WIDTH, more_than_drawn, score_ticks},
        rows::Row,
        shown,
    },
};

/// The most values that a label has: a text with more is not a label but says something else about each row.
const MOST_LABELS: usize = 200;

/// What is known of one feature.
struct Known {
    name: String,
    quartiles: [f64; 3],
    /// The mean in each bin.
    means: [Option<f64>; 3],
    with_score: Option<f64>,
    with_error: Option<f64>,
}

/// How the features of a benchmark that are numbers go with the score, and with models' errors if there are answers. `None` if there are no such
/// features.
pub(in crate::report) fn features(id: String, benchmark: &str, rows: &[&Row<'_>]) -> Option<Plot> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| &row.numbers) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut known: Vec<Known> = names.into_iter().filter_map(|name| feature(name, rows)).collect();
    let strength = |own: &Known| own.with_score.map_or(-1.0, f64::abs);
    known.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    let first = known.first()?;
    let x = Scale { values: (-1.0, 1.0), pixels: (16.0, WIDTH - 16.0) };
    let (top, mut y) = (8.0, 8.0);
    let mut marks = Vec::new();
    for own in known.iter().take(MOST_DRAWN) {
        marks.push(Mark::name(y, &own.name));
        y += 20.0;
        for (class, what, rank) in [("point", "score", own.with_score), ("error", "error", own.with_error)] {
            if let Some(rank) = rank {
                marks.push(Mark::line(class, (x.at(0.0), y), (x.at(rank), y)));
                marks.push(Mark::dot(class, (x.at(rank), y), &format!("{}: {rank:.2} with the {what}", own.name)));
            }
        }
        y += 8.0;
    }
    let ticks = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|rank: f64| (rank, rank.to_string().replace('-', "−")));
    marks.splice(0..0, x.below((top, y), &ticks));
    marks.insert(0, Mark::line("zero", (x.at(0.0), top), (x.at(0.0), y)));
    let rank = |rank: Option<f64>| rank.map_or("-".to_owned(), |rank| format!("{rank:.2}").replace('-', "−"));
    let has_errors = known.iter().any(|own| own.with_error.is_some());
    let by_error = known.iter().filter_map(|own| Some((own, own.with_error?)));
    let strongest = by_error.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    let and = strongest.map_or(String::new(), |(own, rank)| format!("; failure follows {} most ({rank:.2})", own.name));
    let more = more_than_drawn(known.len(), "features");
    let title = match first.with_score {
        Some(rank) => {
            format!("{benchmark}: the score follows {} most (rank correlation {rank:.2}){and}{more}", first.name)
        }
        None => format!("{benchmark}: all scores are the same, whatever the features{and}{more}"),
    };
    let number = |value: f64| match value.abs() {
        size if !size.is_finite() => "-".to_owned(),
        size if size > 0.0 && !(1e-3..1e9).contains(&size) => format!("{value:.3e}"),
        _ => ((1e3 * value).round() / 1e3).to_string(),
    };
    let rows = known.iter().map(|own| {
        let means = own.means.map(|mean| mean.map_or("-".to_owned(), number));
        let ranks = [rank(own.with_score), rank(own.with_error)];
        [vec![own.name.clone()], own.quartiles.map(number).to_vec(), means.to_vec(), ranks.to_vec()].concat()
    });
    let head = [
        "feature",
        "lower quartile",
        "median",
        "upper quartile",
        "mean of easy",
        "of medium",
        "of hard",
        "with score",
        "with error",
    ];
    Some(Plot {
        id,
        title: shown(&title),
        legend: [("point", "with the score"), ("error", "with models' errors")][..=usize::from(has_errors)].to_vec(),
        height: At(y + 22.0),
        marks,
        table: Table::new(&format!("{benchmark}: features of distinct tasks, and rank correlations"), &head, rows),
    })
}

/// What is known of the feature `name`; `None` if it is the same everywhere.
fn feature(name: &str, rows: &[&Row<'_>]) -> Option<Known> {
    let value = |row: &Row<'_>| row.numbers.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let (mut values, mut scores) = (Vec::new(), Vec::new());
    let (mut answered, mut errors) = (Vec::new(), Vec::new());
    let mut of_bins = [const { Vec::new() }; 3];
    for row in rows {
        let Some(value) = value(row) else { continue };
        values.push(value);
        scores.push(row.task.difficulty_score);
        of_bins[row.bin as usize].push(value);
        if let Some(error) = row.error {
            answered.push(value);
            errors.push(error);
        }
    }
    if values.iter().all(|value| *value == values[0]) {
        return None;
    }
    let with_score = spearman(&values, &scores);
    let quartiles = [25.0, 50.0, 75.0].map(|q| percentile(&mut values, q).unwrap_or_default());
    let means = of_bins.map(|own| mean(&own));
    Some(Known { name: name.to_owned(), quartiles, means, with_score, with_error: spearman(&answered, &errors) })
}

/// How difficult the tasks of each value of a label are: one picture for each label of the benchmark that has several.
pub(in crate::report) fn labels(benchmark: &str, rows: &[&Row<'_>], id: &mut dyn FnMut(&str) -> String) -> Vec<Plot> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| &row.labels) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.into_iter().filter_map(|name| label(benchmark, name, rows, id)).collect()
}

/// The distinct tasks of one value of a label.
struct Group<'r> {
    value: &'r str,
    rows: Vec<&'r Row<'r>>,
    spread: Spread,
}

fn label(benchmark: &str, name: &str, rows: &[&Row<'_>], id: &mut dyn FnMut(&str) -> String) -> Option<Plot> {
    let mut by_value: BTreeMap<&str, Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        if let Some((_, value)) = row.labels.iter().find(|(known, _)| known == name) {
            by_value.entry(value).or_default().push(row);
        }
    }
    if !(2..=MOST_LABELS).contains(&by_value.len()) {
        return None;
    }
    let mut groups = Vec::new();
    for (value, rows) in by_value {
        let spread = Spread::of(rows.iter().map(|row| row.task.difficulty_score))?;
        groups.push(Group { value, rows, spread });
    }
    groups.sort_by(|a, b| b.spread.median().total_cmp(&a.spread.median()));
    let x = Scale { values: (0.0, 1.0), pixels: (12.0, WIDTH - 14.0) };
    let (top, mut y) = (8.0, 8.0);
    let (mut marks, mut table) = (Vec::new(), Vec::new());
    for (at, Group { value, rows, spread }) in groups.iter().enumerate() {
        let of_bin = |bin: Bin| rows.iter().filter(|row| row.bin == bin).count().to_string();
        let errors: Vec<f64> = rows.iter().filter_map(|row| row.error).collect();
        let error = mean(&errors).map_or("-".to_owned(), percent);
        let counts = [vec![(*value).to_owned(), rows.len().to_string()], Bin::ALL.map(of_bin).to_vec()];
        table.push([&counts[..], &[spread.cells().to_vec(), vec![error]]].concat().concat());
        if at < MOST_DRAWN {
            marks.push(Mark::name(y, &format!("{value} ({})", rows.len())));
            marks.extend(spread.marks(&x, y + 20.0, value));
            y += 28.0;
        }
    }
    marks.splice(0..0, x.below((top, y), &score_ticks()));
    let (hardest, easiest) = (&groups[0], &groups[groups.len() - 1]);
    let more = more_than_drawn(groups.len(), "values");
    let title = if hardest.spread.median() > easiest.spread.median() {
        let (hardest, easiest) = (hardest.value, easiest.value);
        format!("{benchmark}: by median score, {hardest} is the hardest {name} and {easiest} the easiest{more}")
    } else {
        format!("{benchmark}: the median score is the same for each {name}{more}")
    };
    let head = [&["value", "distinct tasks"][..], &BINS.map(|(_, name)| name), &Spread::HEAD, &["error"]].concat();
    Some(Plot {
        id: id(name),
        title: shown(&title),
        legend: Vec::new(),
        height: At(y + 22.0),
        marks,
        table: Table::new(&format!("{benchmark}: scores by {name}"), &head, table),
    })
}

/// The least score, the quartiles and the greatest score of some tasks.
pub(super) struct Spread([f64; 5]);

impl Spread {
    /// What [`Self::cells`] are.
    pub const HEAD: [&str; 5] = ["least score", "lower quartile", "median", "upper quartile", "greatest score"];

    /// `None` without tasks.
    pub fn of(scores: impl Iterator<Item = f64>) -> Option<Self> {
        let mut scores: Vec<f64> = scores.collect();
        percentile(&mut scores, 0.0)?;
        Some(Self([0.0, 25.0, 50.0, 75.0, 100.0].map(|q| percentile(&mut scores, q).unwrap_or_default())))
    }

    pub fn median(&self) -> f64 {
        self.0[2]
    }

    /// The numbers in words of a table.
    pub fn cells(&self) -> [String; 5] {
        self.0.map(|score| format!("{score:.3}"))
    }

    /// A thin line from the least to the greatest, a thick one between the quartiles, and a dot at the median.
    pub fn marks(&self, x: &Scale, y: f64, name: &str) -> [Mark; 3] {
        let [least, lower, median, upper, greatest] = self.0;
        let says = format!("{name}: median {median:.3}, quartiles {lower:.3} and {upper:.3}");
        [
            Mark::line("whisker", (x.at(least), y), (x.at(greatest), y)),
            Mark::line("quartiles", (x.at(lower), y), (x.at(upper), y)),
            Mark::dot("point", (x.at(median), y), &says),
        ]
    }
}
