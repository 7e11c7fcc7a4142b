//! `responses`: responses of any form in our own, to keep and to share.

use std::path::PathBuf;

use symphony_data::evidence::responses::{Catalogue, ConvertedBenchmark, OwnForm, convert};

use crate::{
    arguments::{FULL_DIR, IO, List, ReadArgs, check_full_dir, examples, inputs, names, response_files, tell_unmapped},
    error::{CliError, print, print_json},
    session::Session,
    table::{
        Column::{Number, Text},
        table,
    },
};

/// Write responses of any form in one form, to keep and to share
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(response_files!(), examples![
    "Write the responses of several files as JSON lines" =>
        "symphony-data responses answers.jsonl more.csv --output all.jsonl",
    "Or as a table, smaller" =>
        "symphony-data responses answers.jsonl --output all.parquet",
]))]
pub struct Args {
    /// Read responses from these files or folders of logs, each FILE or MODEL=FILE
    #[arg(value_name = "FILE", required = true)]
    responses: Vec<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Use only these benchmarks [default: all that have responses]
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = names)]
    benchmarks: Vec<List<String>>,
    /// Read the preprocessed benchmarks from this folder
    #[arg(long, value_name = "DIR", default_value = FULL_DIR, help_heading = IO)]
    full_dir: PathBuf,
    /// Write to this file: .jsonl, .csv (each also .gz or .zst) or .parquet
    #[arg(long, value_name = "FILE", help_heading = IO)]
    output: PathBuf,
    /// Print the table as JSON
    #[arg(long, help_heading = IO)]
    json: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    check_full_dir(&args.full_dir, session)?;
    let inputs = inputs("FILE", &args.responses)?;
    if OwnForm::of(&args.output).is_none() {
        return Err(CliError::Usage(format!(
            "--output: {}: end the name in .jsonl, .csv (each also .gz or .zst) or .parquet",
            args.output.display()
        )));
    }
    let config = session.config(args.read.demo)?;
    let mut catalogue = Catalogue::of(&config, &args.full_dir, &List::all(&args.benchmarks), &session.ui)?;
    let converted = convert(&inputs, &mut catalogue, &args.read.options(), &args.output, &session.ui)?;
    tell_unmapped(&converted.unmapped, session);
    if args.json {
        return print_json(&converted);
    }
    let columns = [Text("benchmark"), Number("models"), Number("rows"), Number("answers")];
    let line = |of: &ConvertedBenchmark| {
        vec![of.benchmark.clone(), of.models.to_string(), of.rows.to_string(), of.answers.to_string()]
    };
    let unmapped: u64 = converted.unmapped.iter().map(|unmapped| unmapped.answers).sum();
    let mut text = table(&columns, converted.benchmarks.iter().map(line));
    if unmapped > 0 {
        text += &format!("unmapped, and left out: {unmapped}\n");
    }
    print(&(text + &format!("wrote {}\n", args.output.display())))
}
