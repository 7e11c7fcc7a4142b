//! `calibrate`: a difficulty that is fitted to models' responses.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use symphony_data::{
    calibration::{CalibrationMeta, ItemModel, calibration_name},
    evidence::{
        calibrate::{CalibrateOptions, PriorChoice, calibrate_all},
        responses::{Catalogue, read},
    },
};

use crate::{
    arguments::{
        FULL_DIR, IO, List, ResponseArgs, check_full_dir, examples, list, names, response_files, tell_unmapped,
    },
    error::{CliError, print, print_json},
    hint::quoted,
    session::Session,
    table::{
        Column::{Extra, Number, Text},
        fixed, score, table,
    },
};

/// Measure difficulty from models' responses, by item response theory
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(response_files!(), examples![
    "Measure each benchmark that has responses" =>
        "symphony-data calibrate --responses answers.jsonl --output fitted",
    "Allow for guesses among four options" =>
        "symphony-data calibrate --responses answers.jsonl --chance medical_qa=0.25 \\\n      \
         --output fitted",
]))]
pub struct Args {
    #[command(flatten)]
    responses: ResponseArgs,
    /// Use only these benchmarks [default: all that have responses]
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = names)]
    benchmarks: Vec<List<String>>,
    /// Fit one difficulty per row (1pl), or also its discrimination (2pl; wants 20 models or more)
    #[arg(long, value_name = "1pl|2pl", default_value = "1pl", value_parser = parse_model)]
    model: ItemModel,
    /// Set how often a guess is right [default: as configured]
    #[arg(long, num_args = 1.., value_name = "a=0.25", value_parser = parse_chance)]
    chance: Vec<List<(String, f64)>>,
    /// Start from features, the reference, or a calibration [default: the reference if it knows the rows]
    #[arg(long, value_name = "features|reference|PATH")]
    prior: Option<String>,
    /// Read the preprocessed benchmarks from this folder
    #[arg(long, value_name = "DIR", default_value = FULL_DIR, help_heading = IO)]
    full_dir: PathBuf,
    /// Write {benchmark}_calibration.jsonl and its meta to this folder
    #[arg(long, alias = "output-dir", value_name = "DIR", help_heading = IO)]
    output: PathBuf,
    /// Print the fit as JSON
    #[arg(long, help_heading = IO)]
    json: bool,
}

fn parse_model(text: &str) -> Result<ItemModel, String> {
    ItemModel::parse(text).ok_or_else(|| "write 1pl or 2pl".to_owned())
}

fn parse_chance(text: &str) -> Result<List<(String, f64)>, String> {
    list(text, |pair| {
        pair.split_once('=')
            .and_then(|(name, chance)| Some((name.trim().to_owned(), chance.trim().parse().ok()?)))
            .filter(|(_, chance)| (0.0..1.0).contains(chance))
            .ok_or_else(|| "write a benchmark and a chance from 0 up to 1, such as medical_qa=0.25".to_owned())
    })
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    check_full_dir(&args.full_dir, session)?;
    let config = session.config(args.responses.read.demo)?;
    let mut catalogue = Catalogue::of(&config, &args.full_dir, &List::all(&args.benchmarks), &session.ui)?;
    let gathered = read(&args.responses.inputs()?, &mut catalogue, &args.responses.read.options(), &session.ui)?;
    tell_unmapped(&gathered.unmapped, session);
    let chance: BTreeMap<String, f64> = List::all(&args.chance).into_iter().collect();
    if let Some(unknown) =
        chance.keys().find(|name| !gathered.benchmarks.iter().any(|r| r.benchmark() == name.as_str()))
    {
        return Err(CliError::Usage(format!("--chance: there are no responses to `{unknown}`")));
    }
    let prior = args.prior.as_deref().map(PriorChoice::parse).unwrap_or_default();
    let options = CalibrateOptions { model: args.model, chance, prior };
    let fitted = calibrate_all(&gathered, &mut catalogue, &options, &args.output, &session.ui)?;
    if args.json {
        return print_json(&fitted);
    }
    let columns = [
        Text("benchmark"),
        Number("rows"),
        Number("unanswered"),
        Number("models"),
        Number("answers"),
        Text("prior"),
        Number("explained by it"),
        Extra("residual sd"),
        Extra("ability sd"),
        Extra("chance"),
    ];
    let line = |meta: &CalibrationMeta| {
        vec![
            meta.benchmark.clone(),
            meta.n_tasks_full.to_string(),
            meta.n_unanswered.to_string(),
            meta.panel.len().to_string(),
            meta.n_answers.to_string(),
            meta.prior.name().to_owned(),
            format!("{} %", fixed(100.0 * meta.variance_explained, 0)),
            score(meta.residual_sd),
            score(meta.ability_sd),
            meta.chance.to_string(),
        ]
    };
    print(&(table(&columns, fitted.iter().map(line)) + &how_to_draw_by(&fitted, &args.output)))
}

/// Where the calibrations lie, and how pools are drawn by them.
fn how_to_draw_by(fitted: &[CalibrationMeta], output: &Path) -> String {
    let file = |meta: &CalibrationMeta| output.join(calibration_name(&meta.benchmark));
    let mut text = String::new();
    for meta in fitted {
        text += &format!("wrote {}\n", file(meta).display());
    }
    text += &format!(
        "To draw by it, add `--difficulty {}` to `plan`, `build` or `run`,\nor write into the configuration:\n\nbenchmarks:\n",
        quoted(output)
    );
    for meta in fitted {
        text += &format!("  {}:\n    difficulty:\n      measured: {}\n", meta.benchmark, as_yaml(&file(meta)));
    }
    text
}

/// A path as a YAML text.
fn as_yaml(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    if text.chars().all(plain) && text.starts_with(|c: char| c.is_alphabetic() || "_./".contains(c)) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
