//! `plan`: how many tasks a request would get. Writes nothing.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;
use symphony_data::{
    Error,
    bin::Bin,
    draw::{DrawError, Drawn, Stores},
    preprocess::Upkeep,
    request::Request,
    results::power::{Power, power},
    stream::eligible::EligibleRows,
};

use super::{
    build::{RequestArgs, RowArgs},
    demo::refuse_to_replace_real_tasks,
    made,
    power::{self, PowerArgs},
};
use crate::{
    arguments::{DifficultyArgs, Stage2Args, check_full_dir, examples},
    error::{CliError, print, print_json},
    session,
    session::Session,
    table::{
        Column::{Extra, Number, Text},
        table,
    },
};

/// Show how many tasks a request would get, and write nothing
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Compare what each experiment asks for with what is available" => "symphony-data plan",
    "Try a request before `build` makes its pool" =>
        "symphony-data plan --benchmarks gsm8k,bbh -n 600 --difficulty-split 1:2:1",
    "How small a difference of two models could 600 tasks show?" =>
        "symphony-data plan --benchmarks gsm8k,bbh -n 600 --power",
])]
pub struct Args {
    /// Plan only these experiments [default: all]
    #[arg(value_name = "EXP", conflicts_with_all = ["RequestArgs", "RowArgs"])]
    ids: Vec<String>,
    /// Read these experiments [default: config/experiments.yaml, else built in]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["RequestArgs", "RowArgs"])]
    experiments: Option<PathBuf>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    rows: RowArgs,
    #[command(flatten)]
    difficulty: DifficultyArgs,
    #[command(flatten)]
    power: PowerArgs,
    #[command(flatten)]
    stage2: Stage2Args,
}

/// What is printed as JSON with the power; without it, the lines alone are.
#[derive(Serialize)]
struct WithPower<'l> {
    plan: &'l [Line],
    power: &'l BTreeMap<String, Power>,
}

#[derive(Serialize)]
struct Line {
    pool: String,
    benchmark: String,
    bin: Bin,
    asked: u64,
    available: u64,
    delivered: u64,
    short: u64,
    max_repeats: u64,
    effective_n: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    eligible: Option<EligibleRows>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    check_full_dir(&args.stage2.full_dir, session)?;
    args.power.check()?;
    let config;
    let built;
    let experiments;
    let requests: Vec<(String, &Request)> = if args.request.benchmarks.is_empty() {
        config = session.config_with_experiments(args.experiments.as_deref(), &args.ids, args.stage2.demo)?;
        experiments = args.difficulty.applied_to(&session::select(&config, &args.ids)?, &config)?;
        experiments.iter().map(|e| (e.id.clone(), &e.request)).collect()
    } else {
        config = session.config(args.stage2.demo)?;
        built = args.request.spec(&args.rows, &args.difficulty).resolve(&config)?;
        vec![("pool".to_owned(), &built)]
    };
    if args.stage2.demo {
        let drawn_from: Vec<String> = requests.iter().flat_map(|(_, request)| request.benchmarks()).collect();
        refuse_to_replace_real_tasks(&config, &drawn_from, &args.stage2.full_dir, &[])?;
    }
    let library = Stores::open(
        &config,
        &args.stage2.full_dir,
        requests.iter().map(|(_, request)| *request),
        Upkeep::Report,
        &session.ui,
    )?;
    let of_requests = requests.iter().map(|(_, request)| *request);
    let gathered = args.power.gathered(&config, &args.stage2.full_dir, of_requests, session)?;
    let compared = args.power.options(gathered.as_ref())?;
    let mut powers = BTreeMap::new();
    let mut lines = Vec::new();
    let mut below = String::new();
    let mut short = 0;
    let mut failed = Vec::new();
    for (pool, request) in &requests {
        // How much two models differ depends on all rows of a bin.
        let drawn = if args.power.power { library.draw_with_rows(request) } else { library.draw(request) };
        let drawn = match drawn {
            Err(DrawError::NoTasks { why, .. }) => {
                short += 1;
                failed.push(Error::Draw(DrawError::NoTasks { experiment: Some(pool.clone()), why }));
                continue;
            }
            drawn => drawn?,
        };
        short += usize::from(!drawn.stream.shortfalls.is_empty());
        for warning in &drawn.warnings {
            session.ui.warn(&format!("{pool}: {warning}"));
        }
        lines.extend(plan(pool, &drawn));
        below += &made::rows_below(pool, &drawn);
        if args.power.power {
            powers.insert(pool.clone(), power(&drawn, &compared)?);
        }
    }
    match (lines.is_empty(), args.stage2.json) {
        (true, _) => {}
        (false, true) if args.power.power => print_json(&WithPower { plan: &lines, power: &powers })?,
        (false, true) => print_json(&lines)?,
        (false, false) => print(&(plan_table(&lines) + &below + &power::text(&powers, &compared)))?,
    }
    if !failed.is_empty() {
        return Err(CliError::Pools(failed));
    }
    if args.stage2.strict && short > 0 {
        return Err(CliError::Verdict(format!(
            "--strict: {short} of {} requests cannot be met in full",
            requests.len()
        )));
    }
    Ok(())
}

fn plan(pool: &str, drawn: &Drawn<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for part in &drawn.parts {
        for bin in Bin::ALL.into_iter().filter(|&bin| part.asked[bin] > 0 || bin != Bin::Medium) {
            let repeats = part.repeats_by_bin[bin];
            lines.push(Line {
                pool: pool.to_owned(),
                benchmark: part.benchmark().to_owned(),
                bin,
                asked: part.asked[bin],
                available: part.bins().sizes()[bin],
                delivered: part.got[bin],
                short: part.asked[bin] - part.got[bin],
                max_repeats: repeats.max_repeats,
                effective_n: repeats.effective_n,
                eligible: part.selected.eligible.clone(),
            });
        }
    }
    lines
}

fn plan_table(lines: &[Line]) -> String {
    let columns = [
        Text("pool"),
        Text("benchmark"),
        Text("bin"),
        Number("asked"),
        Number("available"),
        Number("delivered"),
        Number("short"),
        Extra("max repeats"),
        Extra("effective n"),
    ];
    let rows = lines.iter().map(|line| {
        vec![
            line.pool.clone(),
            line.benchmark.clone(),
            line.bin.to_string(),
            line.asked.to_string(),
            line.available.to_string(),
            line.delivered.to_string(),
            line.short.to_string(),
            line.max_repeats.to_string(),
            format!("{:.1}", line.effective_n),
        ]
    });
    table(&columns, rows)
}
