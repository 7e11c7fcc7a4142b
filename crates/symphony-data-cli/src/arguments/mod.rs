//! What is typed. Past this folder no code reads arguments: a command gets its own, checked, and a [`Session`].

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

mod list;
mod shared;

pub use list::{List, list};
pub(crate) use shared::response_files;
pub use shared::{
    DifficultyArgs, FULL_DIR, IO, ReadArgs, ResponseArgs, Stage2Args, check_full_dir, check_named, format, inputs,
    names, tell_unmapped,
};

use crate::{
    commands::{
        build, calibrate, completions, duplicates, export, init, plan, preprocess, quick_start, reference, report,
        responses, results, run, schema, stats, validate, verify,
    },
    error::{CliError, USAGE},
    hint::Call,
    session::Session,
};

/// Examples as the help of a command ends with them: what each does, and the line to type.
macro_rules! examples {
    ($($does:literal => $line:literal),+ $(,)?) => {
        concat!("\u{1b}[1;4mExamples:\u{1b}[0m", $("\n  # ", $does, "\n  ", $line),+)
    };
}
pub(crate) use examples;

/// Make pools of language model tasks of controlled difficulty, the same for the same seed.
#[derive(Debug, Parser)]
#[command(name = "symphony-data", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = examples![
    "Make four pools of generated tasks, without network" => "symphony-data quick-start --demo",
    "Look at them" => "symphony-data stats data",
    "List the options of a command, with examples" => "symphony-data build --help",
])]
pub struct Cli {
    /// Read this configuration [default: config/data_config.yaml, else built in]
    #[arg(long, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
    /// Print only warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    quiet: bool,
    /// Print more, such as where rows come from
    #[arg(short, long, global = true, help_heading = "Global options")]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

// Not a doc comment: clap would show it as the help of the command.
// The arguments of a command that reads a configuration, which may be named before the command or after it.
#[derive(Debug, Args)]
pub struct Configured<A: Args> {
    #[command(flatten)]
    pub args: A,
    /// Read this configuration [default: config/data_config.yaml, else built in]
    #[arg(long, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    QuickStart(Configured<quick_start::Args>),
    Preprocess(Configured<preprocess::Args>),
    Run(Configured<run::Args>),
    Build(Configured<build::Args>),
    Plan(Configured<plan::Args>),
    Reference(reference::Args),
    Duplicates(Configured<duplicates::Args>),
    Export(Configured<export::Args>),
    Validate(Configured<validate::Args>),
    Calibrate(Configured<calibrate::Args>),
    Responses(Configured<responses::Args>),
    Results(Configured<results::Args>),
    Report(Configured<report::Args>),
    Stats(stats::Args),
    Verify(verify::Args),
    Init(init::Args),
    Schema(schema::Args),
    Completions(completions::Args),
}

impl Command {
    /// The place of a `--config` that was typed after the command, if the command reads a configuration.
    fn config(&mut self) -> Option<&mut Option<PathBuf>> {
        match self {
            Self::QuickStart(Configured { config, .. })
            | Self::Preprocess(Configured { config, .. })
            | Self::Run(Configured { config, .. })
            | Self::Build(Configured { config, .. })
            | Self::Plan(Configured { config, .. })
            | Self::Duplicates(Configured { config, .. })
            | Self::Export(Configured { config, .. })
            | Self::Validate(Configured { config, .. })
            | Self::Calibrate(Configured { config, .. })
            | Self::Responses(Configured { config, .. })
            | Self::Results(Configured { config, .. })
            | Self::Report(Configured { config, .. }) => Some(config),
            Self::Reference(_)
            | Self::Stats(_)
            | Self::Verify(_)
            | Self::Init(_)
            | Self::Schema(_)
            | Self::Completions(_) => None,
        }
    }
}

/// The command that was typed and the session it runs in; or, where there is nothing to run, the exit code.
pub fn parse(args: &[OsString]) -> Result<(Command, Session), u8> {
    let demo = args.iter().any(|arg| arg == "--demo");
    let mut cli = Cli::try_parse_from(args).map_err(|error| {
        // Help and version are not errors: clap knows which stream each belongs to. A closed stream is not one either.
        let _ = error.print();
        if error.use_stderr() { USAGE } else { 0 }
    })?;
    let refuse = |why: &str| CliError::Usage(why.to_owned()).report(&Call::default());
    let config = match (cli.config, cli.command.config()) {
        (Some(_), None) => return Err(refuse("this command reads no configuration; leave out --config")),
        (Some(_), Some(&mut Some(_))) => return Err(refuse("--config is given twice; name one configuration")),
        (before, after) => after.and_then(Option::take).or(before),
    };
    Ok((cli.command, Session::new(Call { config, demo }, cli.quiet, cli.verbose)))
}
