//! `completions`: scripts that teach a shell our arguments.

use clap_complete::Shell;

use crate::error::{CliError, print_as_it_is};

/// Print a script of shell completions
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub fn run(args: &Args, command: &mut clap::Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "symphony-data", &mut script);
    print_as_it_is(&String::from_utf8_lossy(&script))
}
