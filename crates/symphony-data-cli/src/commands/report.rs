//! What `quick-start`, `run` and `build` say of the pools they made.

use std::path::Path;

use serde::Serialize;
use symphony_data::{
    Error,
    config::{Experiment, Request},
    experiment::Drawn,
    pool::Statistics,
    stream::{PerBin, Thresholds},
};

use crate::{
    error::{CliError, print, print_json},
    session::Session,
    table::{
        Column::{Number, Text},
        mean_std, score, table,
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
}

#[derive(Serialize)]
struct PartReport {
    benchmark: String,
    asked: PerBin<u64>,
    drawn: PerBin<u64>,
    thresholds: Thresholds,
    n_unique: u64,
    max_repeats: u64,
    effective_n: f64,
    mean_difficulty: Option<f64>,
    std_difficulty: Option<f64>,
}

/// Draws all requests, then writes all pools: if one cannot be met under `strict`, nothing is written.
pub fn make_pools(
    library: &symphony_data::experiment::Library<'_>,
    requests: &[(&Request, Option<&Experiment>, &Path)],
    strict: bool,
    session: &Session,
) -> Result<Vec<PoolReport>, CliError> {
    let drawn: Vec<Drawn<'_>> =
        requests.iter().map(|(request, ..)| library.draw(request)).collect::<Result<_, Error>>()?;
    for (drawn, (_, experiment, _)) in drawn.iter().zip(requests) {
        let name = experiment.map(|experiment| format!("{}: ", experiment.id)).unwrap_or_default();
        for warning in &drawn.warnings {
            session.ui.warn(&format!("{name}{warning}"));
        }
    }
    let short = drawn.iter().filter(|drawn| !drawn.stream.shortfalls.is_empty()).count();
    if strict && short > 0 {
        return Err(CliError::Verdict(format!(
            "--strict: {short} of {} requests cannot be met in full; nothing was written",
            drawn.len()
        )));
    }
    let mut reports = Vec::with_capacity(drawn.len());
    for (drawn, (request, experiment, output)) in drawn.iter().zip(requests) {
        let statistics = drawn.write(output, *experiment, &session.ui)?;
        reports.push(PoolReport::new(drawn, request, *experiment, output, statistics));
    }
    Ok(reports)
}

impl PoolReport {
    fn new(
        drawn: &Drawn<'_>,
        request: &Request,
        experiment: Option<&Experiment>,
        output: &Path,
        statistics: Statistics,
    ) -> Self {
        let part = |part: &symphony_data::experiment::DrawnPart<'_>| {
            let breakdown = &statistics.benchmark_breakdown[part.benchmark()];
            PartReport {
                benchmark: part.benchmark().to_owned(),
                asked: part.asked,
                drawn: part.got,
                thresholds: part.bins.thresholds,
                n_unique: part.repeats.n_unique,
                max_repeats: part.repeats.max_repeats,
                effective_n: part.repeats.effective_n,
                mean_difficulty: breakdown["mean_difficulty"].as_f64(),
                std_difficulty: breakdown["std_difficulty"].as_f64(),
            }
        };
        Self {
            experiment: experiment.map_or("pool", |experiment| &experiment.id).to_owned(),
            output: output.display().to_string(),
            asked: request.n_total_tasks,
            warnings: drawn.warnings.clone(),
            benchmarks: drawn.parts.iter().map(part).collect(),
            statistics,
        }
    }
}

/// Prints the reports as a table or as JSON.
pub fn print_reports(reports: &[PoolReport], json: bool) -> Result<(), CliError> {
    if json {
        return print_json(&reports);
    }
    let columns = [
        Text("pool"),
        Text("benchmark"),
        Number("asked"),
        Number("drawn"),
        Number("easy"),
        Number("medium"),
        Number("hard"),
        Number("distinct"),
        Number("max repeats"),
        Number("effective n"),
        Number("easy ≤"),
        Number("hard ≥"),
        Number("mean ± std"),
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
                score(part.thresholds.easy),
                score(part.thresholds.hard),
                mean_std(part.mean_difficulty, part.std_difficulty),
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
    for report in reports {
        text += &format!(
            "{}: {} of {} tasks in {}\n",
            report.experiment, report.statistics.n_total, report.asked, report.output
        );
    }
    print(&text)
}
