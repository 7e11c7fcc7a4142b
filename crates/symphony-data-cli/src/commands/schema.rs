//! `schema`: JSON Schemas, for editors and for checks elsewhere.

use symphony_data::config::schema;

use crate::error::{CliError, print_as_it_is};

/// Print the JSON Schema of the configuration, the experiments file, or a pool's tasks
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which
    #[arg(value_name = "KIND", value_parser = ["config", "experiments", "task"])]
    kind: String,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    print_as_it_is(&match args.kind.as_str() {
        "config" => schema::config(),
        "experiments" => schema::experiments(),
        _ => schema::TASK.to_owned(),
    })
}
