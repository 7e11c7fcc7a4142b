//! The command line: reads arguments, calls the library, prints. It computes nothing of its own.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory, Parser, Subcommand};

mod commands;
mod error;
mod session;
mod table;
mod ui;

use commands::{
    build, calibrate, completions, init, plan, preprocess, quick_start, run as run_command, schema, stats, validate,
    verify,
};
use error::CliError;
use session::Session;

/// Pools of language model tasks of controlled difficulty, the same for the same seed.
#[derive(Debug, Parser)]
#[command(name = "symphony-data", version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    /// The configuration file [default: config/data_config.yaml; where that is absent, a built-in one]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    quiet: bool,
    /// Say more: what is cached, where rows come from
    #[arg(short, long, global = true, help_heading = "Global options")]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    QuickStart(quick_start::Args),
    Preprocess(preprocess::Args),
    Run(run_command::Args),
    Build(build::Args),
    Plan(plan::Args),
    Stats(stats::Args),
    Verify(verify::Args),
    Validate(validate::Args),
    Calibrate(calibrate::Args),
    Init(init::Args),
    Schema(schema::Args),
    Completions(completions::Args),
}

impl Command {
    fn reads_configuration(&self) -> bool {
        matches!(
            self,
            Self::QuickStart(_)
                | Self::Preprocess(_)
                | Self::Run(_)
                | Self::Build(_)
                | Self::Plan(_)
                | Self::Validate(_)
                | Self::Calibrate(_)
        )
    }
}

/// Runs the program with these arguments, the first of which is its own name, and gives its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    symphony_data::format::silence_decoders();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors: clap knows where each goes. That nobody reads it is none either.
            let _ = error.print();
            return if error.use_stderr() { error::USAGE } else { 0 };
        }
    };
    if cli.config.is_some() && !cli.command.reads_configuration() {
        return CliError::Usage("--config does not go with this command, which reads no configuration".to_owned())
            .report();
    }
    let session = Session::new(cli.config, cli.quiet, cli.verbose);
    let done = match cli.command {
        Command::QuickStart(args) => quick_start::run(&args, &session),
        Command::Preprocess(args) => preprocess::run(&args, &session),
        Command::Run(args) => run_command::run(&args, &session),
        Command::Build(args) => build::run(&args, &session),
        Command::Plan(args) => plan::run(&args, &session),
        Command::Stats(args) => stats::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Validate(args) => validate::run(&args, &session),
        Command::Calibrate(args) => calibrate::run(&args, &session),
        Command::Init(args) => init::run(&args, &session),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args, &mut Cli::command()),
    };
    session.ui.clear();
    match done {
        Ok(()) => 0,
        Err(error) => error.report(),
    }
}
