//! `calibrate`: a difficulty fitted to the answers of models.

use std::{collections::BTreeMap, path::PathBuf};

use symphony_data::{
    calibration::{CalibrationMeta, ItemModel},
    evidence::{
        calibrate::{CalibrateOptions, calibrate},
        responses::{Catalogue, read},
    },
};

use super::{FULL_DIR, List, ResponseArgs};
use crate::{
    error::{CliError, print, print_json},
    session::Session,
    table::{
        Column::{Number, Text},
        fixed, score, table,
    },
};

/// Fit a difficulty to the answers of models: item response theory, with the features as prior
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    responses: ResponseArgs,
    /// Which benchmarks [default: all that have responses]
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = super::names)]
    benchmarks: Vec<List<String>>,
    /// One difficulty a row (1pl), or a discrimination too (2pl), for which 20 models are few
    #[arg(long, value_name = "1pl|2pl", default_value = "1pl", value_parser = parse_model)]
    model: ItemModel,
    /// How often a guess is right, where answers are chosen from some [default: as configured]
    #[arg(long, num_args = 1.., value_name = "a=0.25", value_parser = parse_chance)]
    chance: Vec<List<(String, f64)>>,
    /// Where the preprocessed benchmarks are
    #[arg(long, value_name = "DIR", default_value = FULL_DIR)]
    full_dir: PathBuf,
    /// Where {benchmark}_calibration.jsonl and its meta go
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Print what was fitted as JSON
    #[arg(long)]
    json: bool,
}

fn parse_model(text: &str) -> Result<ItemModel, String> {
    ItemModel::parse(text).ok_or_else(|| "write 1pl or 2pl".to_owned())
}

fn parse_chance(text: &str) -> Result<List<(String, f64)>, String> {
    super::list(text, |pair| {
        pair.split_once('=')
            .and_then(|(name, chance)| Some((name.trim().to_owned(), chance.trim().parse().ok()?)))
            .filter(|(_, chance)| (0.0..1.0).contains(chance))
            .ok_or_else(|| "write a benchmark and a chance from 0 up to 1, as medical_qa=0.25".to_owned())
    })
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    super::check_full_dir(&args.full_dir, session)?;
    let config = session.config(args.responses.demo)?;
    let mut catalogue = Catalogue::of(&config, &args.full_dir, &List::all(&args.benchmarks), &session.ui)?;
    let gathered = read(&args.responses.inputs()?, &mut catalogue, &args.responses.options(), &session.ui)?;
    super::tell_unmapped(&gathered.unmapped, session);
    let chance: BTreeMap<String, f64> = List::all(&args.chance).into_iter().collect();
    if let Some(unknown) =
        chance.keys().find(|name| !gathered.benchmarks.iter().any(|r| r.benchmark() == name.as_str()))
    {
        return Err(CliError::Usage(format!("--chance: there are no responses to `{unknown}`")));
    }
    let options = CalibrateOptions { model: args.model, chance };
    let from = (&gathered.files[..], &gathered.unmapped[..]);
    let fitted: Vec<CalibrationMeta> = gathered
        .benchmarks
        .iter()
        .map(|responses| calibrate(responses, from, &mut catalogue, &options, &args.output, &session.ui))
        .collect::<Result<_, _>>()?;
    if args.json {
        return print_json(&fitted);
    }
    let columns = [
        Text("benchmark"),
        Number("rows"),
        Number("unanswered"),
        Number("models"),
        Number("answers"),
        Number("explained by features"),
        Number("residual sd"),
        Number("ability sd"),
        Number("chance"),
        Text("converged"),
    ];
    let line = |meta: &CalibrationMeta| {
        vec![
            meta.benchmark.clone(),
            meta.n_tasks_full.to_string(),
            meta.n_unanswered.to_string(),
            meta.panel.len().to_string(),
            meta.n_answers.to_string(),
            format!("{} %", fixed(100.0 * meta.variance_explained, 0)),
            score(meta.residual_sd),
            score(meta.ability_sd),
            meta.chance.to_string(),
            if meta.converged { "yes" } else { "NO" }.to_owned(),
        ]
    };
    print(&table(&columns, fitted.iter().map(line)))
}
