//! The command line: reads arguments, calls the library, prints. It computes nothing of its own.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

use std::ffi::OsString;

use clap::CommandFactory;

mod arguments;
mod commands;
mod error;
mod hint;
mod plot;
mod session;
mod table;
mod ui;

use arguments::{Cli, Command};
use commands::{
    build, calibrate, completions, duplicates, export, init, plan, preprocess, quick_start, reference, report,
    responses, results, run as run_command, schema, stats, validate, verify,
};

/// Runs the program with these arguments, which begin with its own name, and gives its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    symphony_data::format::silence_decoders();
    let (command, session) = match arguments::parse(&args.into_iter().collect::<Vec<_>>()) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let done = match command {
        Command::QuickStart(own) => quick_start::run(&own.args, &session),
        Command::Preprocess(own) => preprocess::run(&own.args, &session),
        Command::Run(own) => run_command::run(&own.args, &session),
        Command::Build(own) => build::run(&own.args, &session),
        Command::Plan(own) => plan::run(&own.args, &session),
        Command::Reference(args) => reference::run(&args),
        Command::Validate(own) => validate::run(&own.args, &session),
        Command::Calibrate(own) => calibrate::run(&own.args, &session),
        Command::Duplicates(own) => duplicates::run(&own.args, &session),
        Command::Export(own) => export::run(&own.args, &session),
        Command::Responses(own) => responses::run(&own.args, &session),
        Command::Results(own) => results::run(&own.args, &session),
        Command::Report(own) => report::run(&own.args, &session),
        Command::Stats(args) => stats::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Init(args) => init::run(&args, &session),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
    };
    session.ui.clear();
    match done {
        Ok(()) => 0,
        Err(error) => error.report(&session.call),
    }
}

/// All commands and their options, for completions, man pages and tests of the help.
pub fn command() -> clap::Command {
    Cli::command()
}
