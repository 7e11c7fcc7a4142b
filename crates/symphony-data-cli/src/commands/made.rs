//! The pools that `quick-start`, `run` and `build` make, and the table that they print of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;
use symphony_data::{
    Error,
    bin::{Bin, PerBin, Thresholds},
    config::Config,
    draw::{self, Drawn, DrawnPart, DrawnPhase, Order, Selected, Writing, with_stores},
    pool::Statistics,
    request::{Experiment, SamplerKind},
    stream::{Draw, eligible::EligibleRows},
    task::Layout,
};

use crate::{
    error::{CliError, print, print_json},
    session::Session,
    table::{
        Column::{Extra, Number, Text},
        score, table,
    },
};

/// One pool that was made.
#[derive(Serialize)]
pub struct PoolReport {
    experiment: String,
    output: String,
    asked: u64,
    warnings: Vec<String>,
    benchmarks: Vec<PartReport>,
    statistics: Statistics,
    /// What is said below the table.
    #[serde(skip)]
    below: String,
}

#[derive(Serialize)]
struct PartReport {
    benchmark: String,
    asked: PerBin<u64>,
    drawn: PerBin<u64>,
    thresholds: Thresholds,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thresholds_within: Vec<Within>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eligible: Option<EligibleRows>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    drawn_by_stratum: BTreeMap<String, u64>,
    n_unique: u64,
    max_repeats: u64,
    effective_n: f64,
    mean_difficulty: Option<f64>,
    std_difficulty: Option<f64>,
}

/// The thresholds within a value of a label.
#[derive(Serialize)]
struct Within {
    value: String,
    #[serde(flatten)]
    thresholds: Thresholds,
}

/// How many values of a label are told below a table.
const STRATA_SHOWN: usize = 20;
/// How many phases are told below a table.
const PHASES_SHOWN: usize = 20;

/// What is said below a table: which rows could be drawn, where bins were cut within a label, and what strata and phases have.
pub fn rows_below(pool: &str, drawn: &Drawn<'_>) -> String {
    let mut lines = String::new();
    if drawn.request.sampler == SamplerKind::Informative {
        // It is taken without being asked for.
        let by_reference = |part: &&DrawnPart<'_>| part.joined().is_some_and(|joined| joined.record.file.is_none());
        let names: Vec<&str> = drawn.parts.iter().filter(by_reference).map(DrawnPart::benchmark).collect();
        if !names.is_empty() {
            lines += &format!("{pool}: {}: drawn by the reference difficulty\n", names.join(", "));
        }
    }
    let mut line = |name: &str, phase: &str, selected: &Selected, within: Option<&str>| {
        if let Some(eligible) = &selected.eligible {
            lines += &format!("{pool}: {phase}{name}: {eligible}\n");
        }
        if let (Some(label), false) = (within, selected.within.is_empty()) {
            lines += &format!(
                "{pool}: {phase}{name}: easy and hard within each of {} values of {label}\n",
                selected.within.len()
            );
        }
    };
    if drawn.phases.is_empty() {
        for (part, asked) in drawn.parts.iter().zip(&drawn.request.parts) {
            line(part.benchmark(), "", &part.selected, asked.difficulty_within.as_deref());
        }
    }
    for phase in drawn.phases.iter().take(PHASES_SHOWN) {
        let number = format!("phase {}: ", phase.number);
        for (selected, asked) in phase.selected.iter().zip(&phase.request.parts) {
            line(&asked.benchmark, &number, selected, asked.difficulty_within.as_deref());
        }
    }
    if let Some((label, _)) = &drawn.request.stratify_by {
        for part in &drawn.parts {
            if !part.got_by_stratum.is_empty() {
                lines += &format!("{pool}: {}: {}\n", part.benchmark(), strata_line(label, &part.got_by_stratum));
            }
        }
    }
    for phase in drawn.phases.iter().take(PHASES_SHOWN) {
        lines += &format!("{pool}: {}\n", phase_line(drawn, phase));
    }
    if drawn.phases.len() > PHASES_SHOWN {
        lines += &format!("{pool}: {} more phases, which the manifest has\n", drawn.phases.len() - PHASES_SHOWN);
    }
    lines
}

/// `40 tasks of each of 10 values of task_name`, or how many of each value.
fn strata_line(label: &str, strata: &[(String, u64)]) -> String {
    let first = strata.first().map_or(0, |(_, tasks)| *tasks);
    if strata.iter().all(|(_, tasks)| *tasks == first) {
        return format!("{first} tasks of each of {} values of {label}", strata.len());
    }
    let shown = strata.iter().take(STRATA_SHOWN).map(|(value, tasks)| format!("{value} {tasks}"));
    let more = strata.len().saturating_sub(STRATA_SHOWN);
    let more = if more > 0 { format!(", and {more} more values") } else { String::new() };
    format!("by {label}: {}{more}", shown.collect::<Vec<_>>().join(", "))
}

/// `phase 2: tasks 20 to 39: 14 easy, 6 hard (gsm8k 10, amc 10)`.
fn phase_line(drawn: &Drawn<'_>, phase: &DrawnPhase<'_>) -> String {
    let draws = &drawn.stream.draws[phase.first..phase.first + phase.tasks];
    let count = |wanted: &dyn Fn(&Draw) -> bool| draws.iter().filter(|draw| wanted(draw)).count();
    let bins = Bin::ALL.into_iter().map(|bin| (count(&|draw| draw.bin == bin), bin.name().to_owned()));
    let bins: Vec<String> = bins.filter(|(n, _)| *n > 0).map(|(n, bin)| format!("{n} {bin}")).collect();
    let parts = drawn.parts.iter().enumerate();
    let parts = parts.map(|(at, part)| format!("{} {}", part.benchmark(), count(&|draw| draw.benchmark == at)));
    let mix =
        if drawn.parts.len() > 1 { format!(" ({})", parts.collect::<Vec<_>>().join(", ")) } else { String::new() };
    match phase.tasks {
        0 => format!("phase {}: no tasks", phase.number),
        n => {
            let (first, last) = (phase.first, phase.first + n - 1);
            format!("phase {}: tasks {first} to {last}: {}{mix}", phase.number, bins.join(", "))
        }
    }
}

/// The folder that each experiment's pool goes to.
pub fn outputs(experiments: &[&Experiment], output_dir: &Path) -> Vec<PathBuf> {
    orders(experiments, output_dir, Layout::default()).into_iter().map(|order| order.output).collect()
}

/// The orders for the pools of experiments.
pub fn orders<'e>(experiments: &[&'e Experiment], output_dir: &Path, format: Layout) -> Vec<Order<'e>> {
    experiments.iter().map(|experiment| Order::of(experiment, output_dir, format)).collect()
}

/// Makes the pools that are ordered, from the stores in `full_dir`; with them, why others could not be made.
pub fn make_pools(
    config: &Config,
    full_dir: &Path,
    orders: &[Order<'_>],
    writing: Writing,
    session: &Session,
) -> Result<(Vec<PoolReport>, Vec<Error>), CliError> {
    let drawn_from = orders.iter().map(|order| order.request);
    Ok(with_stores(config, full_dir, drawn_from, &session.ui, |library| {
        let (mut reports, mut failed) = (Vec::new(), Vec::new());
        for (made, order) in draw::make_pools(library, orders, writing, &session.ui)?.into_iter().zip(orders) {
            match made {
                Ok((drawn, statistics)) => reports.push(PoolReport::new(&drawn, order, statistics)),
                Err(error) => failed.push(error.into()),
            }
        }
        Ok((reports, failed))
    })?)
}

impl PoolReport {
    fn new(drawn: &Drawn<'_>, order: &Order<'_>, statistics: Statistics) -> Self {
        let part = |part: &DrawnPart<'_>| {
            let scores =
                statistics.benchmark_breakdown.iter().find(|(name, _)| name == part.benchmark()).map(|(_, b)| b);
            PartReport {
                benchmark: part.benchmark().to_owned(),
                asked: part.asked,
                drawn: part.got,
                thresholds: part.bins().thresholds,
                thresholds_within: within(&part.selected),
                eligible: part.selected.eligible.clone(),
                drawn_by_stratum: part.got_by_stratum.iter().cloned().collect(),
                n_unique: part.repeats.n_unique,
                max_repeats: part.repeats.max_repeats,
                effective_n: part.repeats.effective_n,
                mean_difficulty: scores.and_then(|part| part.mean_difficulty),
                std_difficulty: scores.and_then(|part| part.std_difficulty),
            }
        };
        Self {
            experiment: order.experiment.map_or("pool", |experiment| &experiment.id).to_owned(),
            output: order.output.display().to_string(),
            asked: order.request.n_total_tasks,
            warnings: drawn.warnings.clone(),
            benchmarks: drawn.parts.iter().map(part).collect(),
            statistics,
            below: rows_below(order.experiment.map_or("pool", |experiment| &experiment.id), drawn),
        }
    }
}

fn within(selected: &Selected) -> Vec<Within> {
    let within = |(value, thresholds): &(String, Thresholds)| Within { value: value.clone(), thresholds: *thresholds };
    selected.within.iter().map(within).collect()
}

/// Prints the reports as a table or as JSON, and fails if a pool could not be made.
pub fn print_reports((reports, failed): (Vec<PoolReport>, Vec<Error>), json: bool) -> Result<(), CliError> {
    match (reports.is_empty(), json) {
        (true, _) => {}
        (false, true) => print_json(&reports)?,
        (false, false) => print_table(&reports)?,
    }
    if failed.is_empty() { Ok(()) } else { Err(CliError::Pools(failed)) }
}

fn print_table(reports: &[PoolReport]) -> Result<(), CliError> {
    let columns = [
        Text("pool"),
        Text("benchmark"),
        Number("asked"),
        Number("drawn"),
        Number("easy"),
        Number("medium"),
        Number("hard"),
        Number("distinct"),
        Extra("max repeats"),
        Extra("effective n"),
        Extra("easy ≤"),
        Extra("hard ≥"),
    ];
    let mut rows = Vec::new();
    for report in reports {
        for part in &report.benchmarks {
            rows.push(vec![
                report.experiment.clone(),
                part.benchmark.clone(),
                part.asked.total().to_string(),
                part.drawn.total().to_string(),
                part.drawn.easy.to_string(),
                part.drawn.medium.to_string(),
                part.drawn.hard.to_string(),
                part.n_unique.to_string(),
                part.max_repeats.to_string(),
                format!("{:.1}", part.effective_n),
                if part.thresholds_within.is_empty() { score(part.thresholds.easy) } else { "-".to_owned() },
                if part.thresholds_within.is_empty() { score(part.thresholds.hard) } else { "-".to_owned() },
            ]);
        }
    }
    let mut columns = columns.to_vec();
    if reports.iter().flat_map(|report| &report.benchmarks).all(|part| part.asked.medium == 0)
        && let Some(medium) = columns.iter().position(|column| matches!(column, Number("medium")))
    {
        columns.remove(medium);
        rows.iter_mut().for_each(|row| _ = row.remove(medium));
    }
    let mut text = table(&columns, rows);
    reports.iter().for_each(|report| text += &report.below);
    for report in reports {
        text += &format!(
            "{}: {} of {} tasks in {}\n",
            report.experiment, report.statistics.n_total, report.asked, report.output
        );
    }
    print(&text)
}
