//! `verify`: the checksums of everything in some folders.

use std::path::PathBuf;

use symphony_data::verify::{Finding, verify};

use crate::error::{CliError, print, print_json};

/// Check every pool and every preprocessed benchmark in these folders against its checksums
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folders, searched with all below them
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let mut findings = Vec::new();
    for folder in &args.folders {
        let found = verify(folder)?;
        if found.is_empty() {
            return Err(CliError::Verdict(format!(
                "{}: no pool and no preprocessed benchmark lies here",
                folder.display()
            )));
        }
        findings.extend(found);
    }
    if args.json {
        print_json(&findings)?;
    } else {
        let line = |Finding { path, problem }: &Finding| match problem {
            None => format!("ok   {}\n", path.display()),
            Some(problem) => format!("BAD  {}: {problem}\n", path.display()),
        };
        print(&findings.iter().map(line).collect::<String>())?;
    }
    match findings.iter().filter(|finding| finding.problem.is_some()).count() {
        0 => Ok(()),
        bad => Err(CliError::Verdict(format!(
            "not as they were written: {bad} of {} files; `preprocess` makes stores anew, `run` and `build` pools",
            findings.len()
        ))),
    }
}
