//! `init`: the default configuration as files.

use std::path::Path;

use symphony_data::{
    config::{DEFAULT_CONFIG, DEFAULT_EXPERIMENTS},
    disk::Folder,
};

use crate::{
    arguments::examples,
    error::{CliError, print},
    session::{CONFIG, EXPERIMENTS, Session},
};

/// Write the default configuration files to the folder config
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Write config/data_config.yaml and config/experiments.yaml, to edit them" => "symphony-data init",
    "Start again from the defaults" => "symphony-data init --force",
])]
pub struct Args {
    /// Replace existing files
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    let files = [(CONFIG, DEFAULT_CONFIG), (EXPERIMENTS, DEFAULT_EXPERIMENTS)];
    if let Some((existing, _)) = files.iter().find(|(path, _)| !args.force && Path::new(path).exists()) {
        return Err(CliError::Verdict(format!("{existing} exists already; nothing was written; --force replaces it")));
    }
    let folder = Folder::lock(Path::new("config"), &session.ui)?;
    let mut written = Vec::new();
    for (path, text) in files {
        // Both lie in the folder `config`.
        let name = path.rsplit('/').next().unwrap_or(path);
        written.push(folder.write_small(name, text)?);
    }
    folder.publish(written, true)?;
    print(&format!("wrote {CONFIG} and {EXPERIMENTS}\n"))
}
