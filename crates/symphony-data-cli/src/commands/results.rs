//! `results`: how well models do on a pool, how sure that is, and which of them are better.

use std::path::PathBuf;

use symphony_data::results::{
    Accuracy, AnsweredPool, By, Comparison, Full, Missing, ModelResult, Results, ResultsOptions, results,
};

use crate::{
    arguments::{
        FULL_DIR, IO, List, ResponseArgs, check_full_dir, check_named, examples, names, response_files, tell_unmapped,
    },
    error::{CliError, print, print_as_it_is, print_json},
    session::Session,
    table::{
        Column::{Extra, Number, Text},
        fixed, table,
    },
};

/// What IN-SAMPLE means.
const IN_SAMPLE: &str = "IN-SAMPLE: this model's own answers shaped the pool's difficulty, also where a calibration started from the \
    reference, so its accuracy and estimates are flattered; `calibrate --prior features` starts from no model's answers";
/// With more comparisons than this, they are not said in words too.
const MOST_SENTENCES: usize = 6;
/// The most comparisons that the tables show.
const MOST_COMPARISONS: usize = 30;
/// The most models whose unanswered tasks are named.
const MOST_UNANSWERED: usize = 10;

/// Compute the accuracy of models on a pool, with intervals, and compare them
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(response_files!(), examples![
    "How well does each model do, and which differences are real?" =>
        "symphony-data results --pool data/exp1 --responses answers.jsonl",
    "How well on easy and on hard tasks, as CSV?" =>
        "symphony-data results --pool data/exp1 --responses answers.jsonl \\\n      --by bin --csv",
    "Compare the other models with this one" =>
        "symphony-data results --pool data/exp1 --responses answers.jsonl \\\n      --baseline model-0",
]))]
pub struct Args {
    /// Read the pool that the models answered from here (its folder, or its task_pool file)
    #[arg(long, value_name = "DIR", required = true)]
    pool: PathBuf,
    #[command(flatten)]
    responses: ResponseArgs,
    /// Use only these models [default: all that have responses]
    #[arg(long, value_name = "a,b", num_args = 1.., value_parser = names)]
    models: Vec<List<String>>,
    /// Compare the other models with this one [default: all pairs; of more than 20, with the best]
    #[arg(long, value_name = "MODEL")]
    baseline: Option<String>,
    /// Group tasks by benchmark, bin, phase, the name of a label such as task_name, or label (each)
    #[arg(long, value_name = "a,b", num_args = 1.., value_parser = names)]
    by: Vec<List<String>>,
    /// Count tasks without an answer as wrong [default: leave them out]
    #[arg(long, value_name = "wrong", value_parser = missing)]
    missing: Option<Missing>,
    /// Find the calibration that the pool was drawn by at this file, or in this folder
    #[arg(long, value_name = "FILE|DIR", help_heading = IO)]
    difficulty: Option<PathBuf>,
    /// Also look for it in this folder of preprocessed benchmarks
    #[arg(long, value_name = "DIR", default_value = FULL_DIR, help_heading = IO)]
    full_dir: PathBuf,
    /// Print the results as JSON
    #[arg(long, help_heading = IO)]
    json: bool,
    /// Print the accuracies as CSV, a line for each model and group
    #[arg(long, conflicts_with = "json", help_heading = IO)]
    csv: bool,
}

fn missing(text: &str) -> Result<Missing, String> {
    match text {
        "wrong" => Ok(Missing::Wrong),
        _ => Err("write wrong, or leave the option out".to_owned()),
    }
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    check_named("--pool", "file or folder", &args.pool, String::new)?;
    check_full_dir(&args.full_dir, session)?;
    if let Some(difficulty) = &args.difficulty {
        check_named("--difficulty", "file or folder", difficulty, String::new)?;
    }
    let inputs = args.responses.inputs()?;
    let config = session.config(args.responses.read.demo)?;
    let options = ResultsOptions {
        models: List::all(&args.models),
        baseline: args.baseline.clone(),
        by: List::all(&args.by).iter().map(|by| By::parse(by)).collect(),
        missing: args.missing.unwrap_or_default(),
        calibrations: args.difficulty.iter().cloned().chain([args.full_dir.clone()]).collect(),
        read: args.responses.read.options(),
    };
    let pool = AnsweredPool::read(&args.pool)?;
    let found = results(&pool, &inputs, &config, &options, &session.ui)?;
    tell_unmapped(&found.unmapped, session);
    if found.outside > 0 {
        session.ui.detail(&format!("{} answers are to tasks outside of the pool", found.outside));
    }
    if args.json {
        return print_json(&found);
    }
    if args.csv {
        return print_as_it_is(&found.to_csv());
    }
    print(&text(&found, options.missing))
}

/// The accuracies, those of groups, the comparisons, and what to know about them.
fn text(found: &Results, missing: Missing) -> String {
    let pool = &found.pool;
    let generated = if pool.synthetic { ", generated" } else { "" };
    let columns = [
        Text("model"),
        Number("tasks"),
        Number("distinct"),
        Number("unanswered"),
        Number("accuracy"),
        Number("95 %"),
        Extra("standard error"),
    ];
    let mut text =
        format!("Accuracy on {} ({} tasks, {} distinct{generated})\n", pool.name, pool.n_tasks, pool.n_distinct);
    let of_model = |own: &ModelResult| [vec![name(own)], cells(&own.accuracy)].concat();
    text += &table(&columns, found.models.iter().map(of_model));
    let n_by = found.models.first().map_or(0, |own| own.by.len());
    for at in 0..n_by {
        text += &by(found, at);
    }
    text += &full(found);
    if !found.comparisons.is_empty() {
        let columns = [
            Text("model"),
            Text("baseline"),
            Number("tasks"),
            Number("differ"),
            Number("points"),
            Number("95 %"),
            Number("p"),
            Number("adjusted p"),
            Number("shows from"),
        ];
        text += "\nDifferences in points, on the tasks that both answered\n";
        text += &table(&columns, found.comparisons.iter().take(MOST_COMPARISONS).map(comparison));
        if found.comparisons.len() > MOST_COMPARISONS {
            let more = found.comparisons.len() - MOST_COMPARISONS;
            text += &format!("({more} more comparisons; --json has all, --baseline compares with one model)\n");
        }
    }
    text += &full_differences(found);
    let mut said: Vec<String> = Vec::new();
    if found.comparisons.len() <= MOST_SENTENCES {
        said.extend(found.comparisons.iter().map(|own| own.sentence.clone()));
    }
    said.extend(unanswered(found, missing));
    if found.models.iter().any(|own| own.in_sample == Some(true)) {
        said.push(IN_SAMPLE.to_owned());
    }
    said.extend(found.notes.iter().cloned());
    if !said.is_empty() {
        text += &format!("\n{}\n", said.join("\n"));
    }
    text
}

/// The estimates of the accuracy on full benchmarks; the benchmarks without one, if others have one.
fn full(found: &Results) -> String {
    let cells = |own: &ModelResult, benchmark: &str, full: &Full| {
        let percent = |share: f64| format!("{} %", points(share));
        let interval = format!("{} to {}", points(full.low), points(full.high));
        let error = points(full.standard_error);
        let of_rows = |all: u64| format!("{} of {all}", full.n_rows);
        let rows = full.n_rows_full.filter(|all| *all != full.n_rows).map_or(full.n_rows.to_string(), of_rows);
        let tasks = full.n_tasks.to_string();
        let numbers = [tasks, rows, percent(full.estimate), error, interval];
        [vec![name(own), benchmark.to_owned()], numbers.to_vec(), vec![full.method.clone()]].concat()
    };
    let of_model = |own: &ModelResult| -> Vec<Vec<String>> {
        own.full.iter().filter_map(|(name, full)| Some(cells(own, name, full.as_ref().ok()?))).collect()
    };
    let lines: Vec<Vec<String>> = found.models.iter().flat_map(of_model).collect();
    let mut reasons: Vec<String> = Vec::new();
    for (benchmark, full) in found.models.iter().flat_map(|own| &own.full) {
        if let Err(why) = full
            && let reason = format!("{benchmark}: no estimate of its full accuracy: {why}\n")
            && !reasons.contains(&reason)
        {
            reasons.push(reason);
        }
    }
    if lines.is_empty() {
        reasons.extend(found.pool_notes.iter().map(|note| format!("{note}\n")));
        return if reasons.is_empty() { String::new() } else { format!("\n{}", reasons.concat()) };
    }
    let columns = [
        Text("model"),
        Text("benchmark"),
        Number("tasks"),
        Number("rows"),
        Number("accuracy"),
        Number("± s.e."),
        Number("95 %"),
        Text("method"),
    ];
    let notes: String = found.pool_notes.iter().map(|note| format!("{note}\n")).collect();
    format!("\nEstimated accuracy on {}\n{}{notes}{}", rows(found), table(&columns, lines), reasons.concat())
}

/// What estimates are of: all rows, unless some could not be drawn.
fn rows(found: &Results) -> &'static str {
    let mut all = found.models.iter().flat_map(|own| own.full.iter().filter_map(|(_, full)| full.as_ref().ok()));
    if all.all(|full| full.n_rows_full.is_none_or(|rows| rows == full.n_rows)) {
        "all rows of each benchmark"
    } else {
        "the rows that could be drawn"
    }
}

/// The estimated differences on full benchmarks, if there are any.
fn full_differences(found: &Results) -> String {
    let lines: Vec<Vec<String>> = found
        .comparisons
        .iter()
        .take(MOST_COMPARISONS)
        .flat_map(|own| own.full.iter().map(move |(benchmark, full)| (own, benchmark, full)))
        .map(|(own, benchmark, full)| {
            let interval = format!("{} to {}", points(full.low), points(full.high));
            let numbers = [points(full.difference), points(full.standard_error), interval];
            [vec![own.model.clone(), own.baseline.clone(), benchmark.clone()], numbers.to_vec()].concat()
        })
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    let columns =
        [Text("model"), Text("baseline"), Text("benchmark"), Number("points"), Number("± s.e."), Number("95 %")];
    format!("\nEstimated differences on {}, in points\n{}", rows(found), table(&columns, lines))
}

fn name(own: &ModelResult) -> String {
    if own.in_sample == Some(true) { format!("{} (IN-SAMPLE)", own.model) } else { own.model.clone() }
}

/// The columns of an accuracy.
fn cells(own: &Accuracy) -> Vec<String> {
    vec![
        own.n_tasks.to_string(),
        own.n_distinct.to_string(),
        own.unanswered.to_string(),
        own.accuracy.map_or_else(|| "-".to_owned(), |share| format!("{} %", points(share))),
        interval(own.low, own.high),
        own.standard_error.map_or_else(|| "-".to_owned(), points),
    ]
}

/// The accuracies of groups of tasks.
fn by(found: &Results, at: usize) -> String {
    let title = found.models.first().map_or("", |own| own.by[at].0.as_str());
    let columns = [
        Text("model"),
        Text("group"),
        Number("tasks"),
        Number("distinct"),
        Number("unanswered"),
        Number("accuracy"),
        Number("95 %"),
        Extra("standard error"),
    ];
    let lines = found.models.iter().flat_map(|own| {
        own.by[at].1.iter().map(move |(group, accuracy)| [vec![name(own), group.clone()], cells(accuracy)].concat())
    });
    format!("\nBy {title}\n") + &table(&columns, lines)
}

fn comparison(own: &Comparison) -> Vec<String> {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    vec![
        own.model.clone(),
        own.baseline.clone(),
        own.n_tasks.to_string(),
        own.discordant.to_string(),
        or_dash(own.difference.map(points)),
        interval(own.low, own.high),
        or_dash(own.p_value.map(p_value)),
        or_dash(own.adjusted_p_value.map(p_value)),
        or_dash(own.detectable.map(points)),
    ]
}

/// A share in points.
fn points(share: f64) -> String {
    fixed(100.0 * share, 1)
}

fn interval(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{} to {}", points(low), points(high)),
        _ => "-".to_owned(),
    }
}

fn p_value(p: f64) -> String {
    if p < 0.000_1 { "< 0.0001".to_owned() } else { fixed(p, 4) }
}

/// A line for each model that left tasks unanswered.
fn unanswered(found: &Results, missing: Missing) -> Vec<String> {
    let treated = match missing {
        Missing::LeaveOut => "they are left out (--missing wrong counts them as wrong)",
        Missing::Wrong => "they count as wrong",
    };
    let of_all = found.pool.unanswered;
    let with: Vec<&ModelResult> = found.models.iter().filter(|own| own.accuracy.unanswered > of_all).collect();
    let of_model = |own: &&ModelResult| {
        let (n, examples) = (own.accuracy.unanswered, own.unanswered_tasks.join(", "));
        let such_as = if n > own.unanswered_tasks.len() as u64 { ", such as" } else { ":" };
        format!("{} did not answer {n} of {} tasks{such_as} {examples}; {treated}", own.model, found.pool.n_tasks)
    };
    let mut lines: Vec<String> = Vec::new();
    if of_all > 0 {
        let n = found.pool.n_tasks;
        lines.push(format!(
            "{of_all} of {n} tasks have no answer of any model: the responses do not cover them; {treated}"
        ));
    }
    lines.extend(with.iter().take(MOST_UNANSWERED).map(of_model));
    if with.len() > MOST_UNANSWERED {
        lines.push(format!("{} more models did not answer all tasks", with.len() - MOST_UNANSWERED));
    }
    lines
}
