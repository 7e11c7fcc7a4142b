//! `export`: pools and preprocessed benchmarks in the form that a harness runs.

use std::path::PathBuf;

use symphony_data::{
    bin::Bin,
    export::{ExportError, ExportOptions, Exported, Input, Target, export},
};

use crate::{
    arguments::{IO, List, examples, names},
    error::{CliError, print, print_json},
    hint::quoted,
    session::Session,
    table::{
        Column::{Number, Text},
        table,
    },
};

/// Export pools or preprocessed benchmarks to an evaluation harness, ready to run
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "A pool for Inspect" => "symphony-data export pool --to inspect --output inspect-pool",
    "The same for lm-evaluation-harness" => "symphony-data export pool --to lm-eval --output lm-eval-pool",
    "The same as a dataset for the Hugging Face Hub" => "symphony-data export pool --to hf --output hf-pool",
    "All rows of two benchmarks, to collect answers for `calibrate`" =>
        "symphony-data export data/benchmarks/full --benchmarks gsm8k,bbh \\\n      --to inspect --output all-rows",
])]
pub struct Args {
    /// Export these: pools (folders or files), or folders of preprocessed benchmarks
    #[arg(value_name = "POOL_OR_FULL_DIR", required = true)]
    inputs: Vec<PathBuf>,
    /// Write what this harness runs
    #[arg(long, value_name = "lm-eval|inspect|evalscope|hf", value_parser = target)]
    to: Target,
    /// Name the export, in letters, digits and underscores [default: the name of the folder]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Export only these benchmarks of a preprocessed folder [default: all]
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = names)]
    benchmarks: Vec<List<String>>,
    /// Replace whatever files are in the way
    #[arg(long, help_heading = IO)]
    force: bool,
    /// Write to this folder; several pools go to folders of their names in it
    #[arg(long, value_name = "DIR", help_heading = IO)]
    output: PathBuf,
    /// Print the table as JSON
    #[arg(long, help_heading = IO)]
    json: bool,
}

fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).ok_or_else(|| format!("write one of {}", Target::ALL.map(Target::name).join(", ")))
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let config = session.config(false)?;
    let options = ExportOptions {
        target: args.to,
        name: args.name.clone(),
        benchmarks: List::all(&args.benchmarks),
        force: args.force,
    };
    let inputs = args.inputs.iter().cloned().map(Input::Path).collect();
    let exported = export(inputs, &config, &options, &args.output, &session.ui).map_err(|error| match error {
        ExportError::Name { .. } => CliError::Usage(format!("--name: {error}")),
        error => error.into(),
    })?;
    if args.json {
        return print_json(&exported);
    }
    let columns = [Text("export"), Text("benchmark"), Number("easy"), Number("medium"), Number("hard")];
    let rows = exported.iter().flat_map(|one| {
        let by_benchmark = one.cells.chunk_by(|a, b| a.benchmark == b.benchmark);
        by_benchmark.map(|cells| {
            let tasks = |bin| cells.iter().find(|cell| cell.bin == bin).map_or(0, |cell| cell.tasks).to_string();
            [one.name.clone(), cells[0].benchmark.clone()].into_iter().chain(Bin::ALL.map(tasks)).collect()
        })
    });
    let said = |one: &Exported| {
        let Exported { name, tasks, distinct, folder, .. } = one;
        let folder = quoted(folder);
        let todo = if one.to == Target::Hf { "publish" } else { "run" };
        format!("{name}: {tasks} tasks, {distinct} distinct, in {folder}\n{todo} it: {}\n", from_here(one, &folder))
    };
    print(&(table(&columns, rows) + &exported.iter().map(said).collect::<String>()))
}

/// The command of an export for the folder that this program runs in, so that the logs come to lie there.
fn from_here(one: &Exported, folder: &str) -> String {
    let (own, here) = match one.to {
        Target::Inspect => ("inspect eval ".to_owned(), format!("inspect eval {folder}/")),
        Target::LmEval => ("--include_path .".to_owned(), format!("--include_path {folder}")),
        Target::EvalScope => (r#""dataset_id": ".""#.to_owned(), format!(r#""dataset_id": "{folder}""#)),
        Target::Hf => ("OWNER/NAME .".to_owned(), format!("OWNER/NAME {folder}")),
    };
    one.command.replacen(&own, &here, 1)
}
