//! `schema`: JSON Schemas, for editors and for checks elsewhere.

use symphony_data::config::schema;

use crate::{
    arguments::examples,
    error::{CliError, print_as_it_is},
};

/// Print a JSON Schema: of the configuration, of experiments, or of a task
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Let an editor check the configuration" => "symphony-data schema config > data_config.schema.json",
    "Show the keys of a task in a pool" => "symphony-data schema task",
])]
pub struct Args {
    /// Choose the file that the schema describes
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
