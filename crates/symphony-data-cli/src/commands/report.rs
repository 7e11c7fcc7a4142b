//! What `quick-start`, `run` and `build` say of the pools they made.

use std::path::{Path, PathBuf};

use serde::Serialize;
use symphony_data::{
    Error,
    config::{Config, Experiment, Request},
    experiment::{Drawn, DrawnPart, Library, Upkeep},
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

/// The folder that each experiment's pool goes to.
pub fn outputs(experiments: &[&Experiment], output_dir: &Path) -> Vec<PathBuf> {
    experiments.iter().map(|experiment| output_dir.join(&experiment.id)).collect()
}

/// Makes the pools of these experiments from the stores in `full_dir`.
pub fn make_experiments(
    config: &Config,
    experiments: &[&Experiment],
    full_dir: &Path,
    output_dir: &Path,
    strict: bool,
    session: &Session,
) -> Result<Vec<PoolReport>, CliError> {
    let outputs = outputs(experiments, output_dir);
    let requests: Vec<_> = experiments
        .iter()
        .zip(&outputs)
        .map(|(experiment, output)| (&experiment.request, Some(*experiment), output.as_path()))
        .collect();
    let drawn_from = requests.iter().map(|(request, ..)| *request);
    let library = Library::open(config, full_dir, drawn_from, Upkeep::Rebuild, &session.ui)?;
    make_pools(&library, &requests, strict, session)
}

/// Draws all requests, then writes all pools: if one cannot be met under `strict`, nothing is written.
pub fn make_pools(
    library: &Library<'_>,
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
        let part = |part: &DrawnPart<'_>| {
            let scores =
                statistics.benchmark_breakdown.iter().find(|(name, _)| name == part.benchmark()).map(|(_, b)| b);
            PartReport {
                benchmark: part.benchmark().to_owned(),
                asked: part.asked,
                drawn: part.got,
                thresholds: part.bins.thresholds,
                n_unique: part.repeats.n_unique,
                max_repeats: part.repeats.max_repeats,
                effective_n: part.repeats.effective_n,
                mean_difficulty: scores.and_then(|part| part.mean_difficulty),
                std_difficulty: scores.and_then(|part| part.std_difficulty),
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
