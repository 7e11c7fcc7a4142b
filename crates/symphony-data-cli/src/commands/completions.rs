//! `completions`: scripts with which a shell completes what is typed.

use clap_complete::Shell;

use crate::{
    arguments::examples,
    error::{CliError, print_as_it_is},
};

/// Print a script that completes commands and options in a shell
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "For bash, to be sourced in ~/.bashrc" => "symphony-data completions bash > symphony-data.bash",
    "For zsh, in a folder that $fpath lists" => "symphony-data completions zsh > _symphony-data",
])]
pub struct Args {
    /// Choose the shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::command(), "symphony-data", &mut script);
    print_as_it_is(&String::from_utf8_lossy(&script))
}
