//! What a report says of models: pictures, sentences and tables.

use std::collections::BTreeSet;

use super::{
    Table, capital, counted,
    datasheet::Datasheet,
    percent, pictures,
    plot::{Ids, Plot},
    shown,
};
use crate::results::{Accuracy, AnsweredPool, Comparison, FullDifference, ModelResult, Results, points};

/// The most comparisons that are said in words too.
const MOST_SENTENCES: usize = 10;
/// What IN-SAMPLE means.
const IN_SAMPLE: &str = "IN-SAMPLE: a model's own answers shaped the pool's difficulty, so that its accuracy on easy and on hard tasks is no \
    independent evidence, and its estimates are flattered";
/// What weights mean.
const WEIGHTED: &str = "Tasks were drawn with unequal chances, so that an accuracy on the pool is not that of the benchmark; the estimates on \
    the rows that could be drawn correct for it";

/// What the page says of models.
#[derive(Debug)]
pub(super) struct Outcome {
    pub plots: Vec<Plot>,
    pub tables: Vec<Table>,
    pub sentences: Vec<String>,
    /// Who is better: the first comparison; of one model, how well it does.
    pub best: Option<String>,
    pub method: &'static str,
}

impl Outcome {
    pub fn of(pool_id: &str, pool: &AnsweredPool, results: &Results, ids: &mut Ids) -> Self {
        let by_bin = pictures::by_bin(ids.next(&[pool_id, "by-bin"]), results);
        let differences = pictures::differences(ids.next(&[pool_id, "differences"]), results);
        let comparisons = comparisons(results);
        let of_one = by_bin.as_ref().map(|plot: &Plot| plot.title.clone());
        let mut tables = accuracies(results);
        tables.extend(full(results));
        tables.extend(full_differences(results));
        Self {
            plots: by_bin.into_iter().chain(differences).collect(),
            tables,
            best: comparisons.first().cloned().or(of_one),
            sentences: [comparisons, notes(pool, results)].concat(),
            method: results.method,
        }
    }
}

/// The answers to what a reader asks first: what is in the pool, what hard means, whether models fail hard tasks, which model is better,
/// and how small a difference would show.
pub(super) fn short(
    sheet: &Datasheet,
    benchmarks: &BTreeSet<&str>,
    errors: &[Plot],
    results: Option<&Outcome>,
    detectable: &Plot,
) -> Vec<String> {
    let names: Vec<String> = benchmarks.iter().map(|name| shown(name)).collect();
    let repeats = if sheet.n_distinct < sheet.n_tasks {
        let effective = (10.0 * sheet.effective_n).round() / 10.0;
        format!(": {} are distinct, and tell as much as {effective} tasks without repeats", sheet.n_distinct)
    } else {
        String::new()
    };
    let mut short = vec![format!("{} from {}{repeats}", counted(sheet.n_tasks, "task"), names.join(", "))];
    short.extend(sheet.meaning.clone());
    short.extend(errors.iter().take(MOST_SENTENCES).map(|plot| plot.title.clone()));
    short.extend(results.and_then(|outcome| outcome.best.clone()));
    short.push(detectable.title.clone());
    short.iter().map(|sentence| format!("{}.", sentence.trim_end_matches('.'))).collect()
}

/// The first comparisons in words.
fn comparisons(results: &Results) -> Vec<String> {
    let is_in_sample = |name: &str| results.models.iter().any(|own| own.model == name && own.in_sample == Some(true));
    let comparisons = results.comparisons.iter().filter_map(|own| sentence(own, &is_in_sample));
    comparisons.take(MOST_SENTENCES).map(|sentence| shown(&sentence)).collect()
}

/// What a reader of the results has to know.
fn notes(pool: &AnsweredPool, results: &Results) -> Vec<String> {
    let mut sentences = Vec::new();
    if results.pool.unanswered > 0 {
        let (n, of) = (results.pool.unanswered, counted(results.pool.n_tasks, "task"));
        sentences.push(format!("{n} of {of} have no answer of any model, and do not count"));
    }
    if !results.comparisons.is_empty() {
        sentences.extend(results.notes.iter().map(|note| capital(note)));
    }
    sentences.extend(results.pool_notes.iter().cloned());
    if pool.tasks.iter().any(|task| task.weight.is_some()) {
        sentences.push(WEIGHTED.to_owned());
    }
    let reasons = results.models.iter().flat_map(|own| &own.full);
    let reasons: BTreeSet<String> = reasons
        .filter_map(|(benchmark, full)| {
            full.as_ref().err().map(|why| format!("{benchmark}: no estimate on all rows: {why}"))
        })
        .collect();
    sentences.extend(reasons);
    if results.models.iter().any(|own| own.in_sample == Some(true)) {
        sentences.push(IN_SAMPLE.to_owned());
    }
    sentences.iter().map(|sentence| shown(sentence)).collect()
}

/// A comparison in words; `None` if both models answered too few tasks.
fn sentence(own: &Comparison, is_in_sample: &dyn Fn(&str) -> bool) -> Option<String> {
    let (difference, low, high) = (own.difference?, own.low?, own.high?);
    // The model that solves more comes first.
    let (first, second, difference, low, high) = if difference < 0.0 {
        (&own.baseline, &own.model, -difference, -high, -low)
    } else {
        (&own.model, &own.baseline, difference, low, high)
    };
    let ends = format!("{} to {}", points(low), points(high));
    let mut text = if points(difference) == "0.0" {
        format!("{first} and {second} solve equally many ({ends})")
    } else {
        format!("{first} solves {} points more than {second} ({ends})", points(difference))
    };
    if low <= 0.0 {
        text += ", so chance may explain it";
    } else if let Some(p) = own.adjusted_p_value.filter(|p| *p >= 0.05) {
        text += &format!(", but with so many comparisons chance may explain it (adjusted p {p:.2})");
    }
    let named: Vec<&str> = [first, second].into_iter().map(String::as_str).filter(|name| is_in_sample(name)).collect();
    if !named.is_empty() {
        text += &format!("; IN-SAMPLE: {}", named.join(", "));
    }
    Some(text)
}

/// A share in a cell.
fn cell(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), percent)
}

/// The accuracies on the pool, and on its groups.
fn accuracies(results: &Results) -> Vec<Table> {
    let cells = |own: &Accuracy| {
        vec![
            own.n_tasks.to_string(),
            own.n_distinct.to_string(),
            own.unanswered.to_string(),
            cell(own.accuracy),
            cell(own.low),
            cell(own.high),
        ]
    };
    let in_sample = |known: Option<bool>| match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    };
    let head = ["model", "tasks", "distinct", "unanswered", "accuracy", "from", "to", "IN-SAMPLE"];
    let row = |own: &ModelResult| {
        [vec![own.model.clone()], cells(&own.accuracy), vec![in_sample(own.in_sample).to_owned()]].concat()
    };
    let mut tables =
        vec![Table::new("Accuracy on the pool, with 95 % intervals", &head, results.models.iter().map(row))];
    let kinds = results.models.first().map_or(&[][..], |own| &own.by);
    for (at, (by, _)) in kinds.iter().enumerate().filter(|(_, (by, _))| by != "bin") {
        let rows = results.models.iter().flat_map(|own| {
            let answered = own.by[at].1.iter().filter(|(_, accuracy)| accuracy.n_tasks > 0);
            answered.map(|(group, accuracy)| [vec![own.model.clone(), group.clone()], cells(accuracy)].concat())
        });
        let head = ["model", by.as_str(), "tasks", "distinct", "unanswered", "accuracy", "from", "to"];
        tables.push(Table::new(&format!("Accuracy by {by}, with 95 % intervals"), &head, rows));
    }
    tables
}

/// The estimates of the accuracy on full benchmarks; `None` without any.
fn full(results: &Results) -> Option<Table> {
    let estimates = results.models.iter().flat_map(|own| {
        own.full.iter().filter_map(move |(benchmark, full)| Some((&own.model, benchmark, full.as_ref().ok()?)))
    });
    let rows: Vec<Vec<String>> = estimates
        .map(|(model, benchmark, own)| {
            let shares = [own.estimate, own.standard_error, own.low, own.high].map(percent);
            let counts = [own.n_tasks, own.n_rows].map(|count| count.to_string());
            [vec![model.clone(), benchmark.clone()], shares.to_vec(), counts.to_vec(), vec![own.method.clone()]]
                .concat()
        })
        .collect();
    let head = ["model", "benchmark", "accuracy", "standard error", "from", "to", "tasks", "of rows", "method"];
    let title = "Estimated accuracy on the rows that could be drawn, with 95 % intervals";
    (!rows.is_empty()).then(|| Table::new(title, &head, rows))
}

/// The estimates of differences on full benchmarks; `None` without any.
fn full_differences(results: &Results) -> Option<Table> {
    let row = |own: &Comparison, benchmark: &String, full: &FullDifference| {
        let numbers = [full.difference, full.low, full.high].map(points);
        [vec![own.model.clone(), own.baseline.clone(), benchmark.clone()], numbers.to_vec()].concat()
    };
    let rows: Vec<Vec<String>> = results
        .comparisons
        .iter()
        .flat_map(|own| own.full.iter().map(move |(benchmark, full)| row(own, benchmark, full)))
        .collect();
    let title = "Estimated differences in points on the rows that could be drawn, with 95 % intervals";
    let head = ["model", "baseline", "benchmark", "points", "from", "to"];
    (!rows.is_empty()).then(|| Table::new(title, &head, rows))
}
