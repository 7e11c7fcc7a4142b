//! `verify`: the checksums of everything in some folders.

use std::path::PathBuf;

use symphony_data::{
    progress::printable_line,
    verify::{Finding, Verdict, verify},
};

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
                "{}: there is no pool, no preprocessed benchmark and no calibration here",
                folder.display()
            )));
        }
        findings.extend(found);
    }
    if args.json {
        print_json(&findings)?;
    } else {
        let line = |Finding { path, verdict, problem }: &Finding| {
            let verdict = match verdict {
                Verdict::Ok => "ok ",
                Verdict::Bad => "BAD",
                Verdict::Unreadable | Verdict::Unvouched => "???",
            };
            let problem = problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
            printable_line(&format!("{verdict}  {}{problem}", path.display())).into_owned() + "\n"
        };
        print(&findings.iter().map(line).collect::<String>())?;
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let all = findings.len();
    let said: Vec<String> = [
        (
            count(Verdict::Bad),
            "not as they were written",
            "`preprocess` makes stores again, `calibrate` calibrations, `run` and `build` pools",
        ),
        (
            count(Verdict::Unvouched),
            "vouched for by nothing",
            "what `run`, `build` and Python's save_task_pool write of a stream has a manifest",
        ),
        (count(Verdict::Unreadable), "cannot be read", "check their permissions and the disk, then verify again"),
    ]
    .into_iter()
    .filter(|(n, ..)| *n > 0)
    .map(|(n, what, way_out)| format!("{what}: {n} of {all} files; {way_out}"))
    .collect();
    if said.is_empty() { Ok(()) } else { Err(CliError::Verdict(said.join("\n"))) }
}
