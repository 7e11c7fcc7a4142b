//! The command line: reads arguments, calls the library, prints. It computes nothing of its own.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory, Parser, Subcommand};

mod commands;
mod error;
mod hint;
mod session;
mod table;
mod ui;

use commands::{
    build, calibrate, completions, init, plan, preprocess, quick_start, run as run_command, schema, stats, validate,
    verify,
};
use error::CliError;
use hint::Call;
use session::Session;

/// Pools of language model tasks of controlled difficulty, the same for the same seed.
#[derive(Debug, Parser)]
#[command(name = "symphony-data", version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    /// The configuration file [default: config/data_config.yaml; where that is absent, a built-in one]
    #[arg(long, value_name = "FILE", help_heading = "Global options")]
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

// Not a doc comment: it would stand in the help in place of what the command does.
// A command that reads a configuration, which may be named before the command or after it.
#[derive(Debug, clap::Args)]
struct Configured<A: clap::Args> {
    #[command(flatten)]
    args: A,
    /// The configuration file [default: config/data_config.yaml; where that is absent, a built-in one]
    #[arg(long, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    QuickStart(Configured<quick_start::Args>),
    Preprocess(Configured<preprocess::Args>),
    Run(Configured<run_command::Args>),
    Build(Configured<build::Args>),
    Plan(Configured<plan::Args>),
    Stats(stats::Args),
    Verify(verify::Args),
    Validate(Configured<validate::Args>),
    Calibrate(Configured<calibrate::Args>),
    Init(init::Args),
    Schema(schema::Args),
    Completions(completions::Args),
}

impl Command {
    /// Where the configuration stands that is named after the command, if the command reads one.
    fn config(&mut self) -> Option<&mut Option<PathBuf>> {
        match self {
            Self::QuickStart(Configured { config, .. })
            | Self::Preprocess(Configured { config, .. })
            | Self::Run(Configured { config, .. })
            | Self::Build(Configured { config, .. })
            | Self::Plan(Configured { config, .. })
            | Self::Validate(Configured { config, .. })
            | Self::Calibrate(Configured { config, .. }) => Some(config),
            Self::Stats(_) | Self::Verify(_) | Self::Init(_) | Self::Schema(_) | Self::Completions(_) => None,
        }
    }
}

/// Runs the program with these arguments, the first of which is its own name, and gives its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    symphony_data::format::silence_decoders();
    let args: Vec<OsString> = args.into_iter().collect();
    let demo = args.iter().any(|arg| arg == "--demo");
    let mut cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors: clap knows where each goes. That nobody reads it is none either.
            let _ = error.print();
            return if error.use_stderr() { error::USAGE } else { 0 };
        }
    };
    let config = match (cli.config, cli.command.config()) {
        (Some(_), None) => Err("--config does not go with this command, which reads no configuration"),
        (Some(_), Some(&mut Some(_))) => Err("--config is given twice; name one configuration"),
        (before, after) => Ok(after.and_then(Option::take).or(before)),
    };
    let config = match config {
        Ok(config) => config,
        Err(why) => return CliError::Usage(why.to_owned()).report(&Call::default()),
    };
    let session = Session::new(Call { config, demo }, cli.quiet, cli.verbose);
    let done = match cli.command {
        Command::QuickStart(command) => quick_start::run(&command.args, &session),
        Command::Preprocess(command) => preprocess::run(&command.args, &session),
        Command::Run(command) => run_command::run(&command.args, &session),
        Command::Build(command) => build::run(&command.args, &session),
        Command::Plan(command) => plan::run(&command.args, &session),
        Command::Stats(args) => stats::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Validate(command) => validate::run(&command.args, &session),
        Command::Calibrate(command) => calibrate::run(&command.args, &session),
        Command::Init(args) => init::run(&args, &session),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args, &mut Cli::command()),
    };
    session.ui.clear();
    match done {
        Ok(()) => 0,
        Err(error) => error.report(&session.call),
    }
}
