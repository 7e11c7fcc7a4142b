//! `results`: how well models do on a pool, how sure that is, and which of them are better.

use std::path::PathBuf;

use symphony_data::results::{AnsweredPool, By, Missing, ResultsOptions, results};

use crate::{
    arguments::{IO, List, ResponseArgs, check_named, examples, names, response_files, tell_unmapped},
    error::{CliError, print_json},
    session::Session,
};

/// Compute the accuracy of models on a pool, with intervals, and compare them
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(response_files!(), examples![
    "How well does each model do?" =>
        "symphony-data results --pool data/exp1 --responses answers.jsonl",
    "And on the tasks of each benchmark and bin?" =>
        "symphony-data results --pool data/exp1 --responses answers.jsonl --by benchmark,bin",
    "Is any model better than this one?" =>
        "symphony-data results --pool data/exp1 --responses answers.jsonl --baseline gpt-4o",
]))]
pub struct Args {
    /// The pool that the models answered (its folder, or its task_pool file)
    #[arg(long, value_name = "DIR", required = true)]
    pool: PathBuf,
    #[command(flatten)]
    responses: ResponseArgs,
    /// Compare every other model with this one [default: all pairs, or with the best of many]
    #[arg(long, value_name = "MODEL")]
    baseline: Option<String>,
    /// Also group the tasks by benchmark, bin, phase, a label such as task_name, or label (each label)
    #[arg(long, value_name = "a,b", num_args = 1.., value_parser = names)]
    by: Vec<List<String>>,
    /// Count tasks without an answer as wrong [default: leave them out]
    #[arg(long, value_name = "wrong", value_parser = missing)]
    missing: Option<Missing>,
    /// Print the results as JSON
    #[arg(long, help_heading = IO)]
    json: bool,
}

fn missing(text: &str) -> Result<Missing, String> {
    match text {
        "wrong" => Ok(Missing::Wrong),
        _ => Err("write wrong, or leave the option out".to_owned()),
    }
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    check_named("--pool", "file or folder", &args.pool, String::new)?;
    let config = session.config(args.responses.read.demo)?;
    let options = ResultsOptions {
        baseline: args.baseline.clone(),
        by: List::all(&args.by).iter().map(|by| By::parse(by)).collect(),
        missing: args.missing.unwrap_or_default(),
        read: args.responses.read.options(),
    };
    let pool = AnsweredPool::read(&args.pool)?;
    let found = results(&pool, &args.responses.inputs()?, &config, &options, &session.ui)?;
    tell_unmapped(&found.unmapped, session);
    print_json(&found)
}
