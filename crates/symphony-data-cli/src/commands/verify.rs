//! `verify`: the checksums of everything in some folders.

use std::path::PathBuf;

use symphony_data::{
    draw::DrawError,
    progress::printable_line,
    verify::{Finding, Shared, Verdict, shared_tasks, verify},
};
use unicode_width::UnicodeWidthStr;

use crate::{
    arguments::examples,
    error::{CliError, print, print_json},
    table::{WIDTH, wrapped},
};

/// Check pools, preprocessed benchmarks, calibrations and exports against their checksums
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Check everything in a folder" => "symphony-data verify data",
    "Check that train and test pools share no task" => "symphony-data verify pools --disjoint",
    "Check one pool, for a program to read" => "symphony-data verify data/exp1 --json",
])]
pub struct Args {
    /// Check these folders and everything below them
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Also check that no two pools share a task
    #[arg(long)]
    disjoint: bool,
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
                "{}: this folder holds no pool, no preprocessed benchmark and no calibration",
                folder.display()
            )));
        }
        findings.extend(found);
    }
    let (pools, shared) =
        if args.disjoint { shared_tasks(&args.folders).map_err(DrawError::from)? } else { Default::default() };
    if args.disjoint && pools.is_empty() {
        return Err(CliError::Verdict("--disjoint: there is no pool here; name folders with pools".to_owned()));
    }
    if args.json && args.disjoint {
        print_json(&serde_json::json!({"files": findings, "pools": pools, "shared": shared}))?;
    } else if args.json {
        print_json(&findings)?;
    } else {
        let line = |Finding { path, verdict, problem }: &Finding| {
            let verdict = match verdict {
                Verdict::Ok => "ok ",
                Verdict::Bad => "BAD",
                Verdict::Unreadable | Verdict::Unvouched => "???",
            };
            let file = printable_line(&format!("{verdict}  {}", path.display())).into_owned();
            let problem = problem.as_ref().map(|problem| printable_line(problem).into_owned());
            match problem {
                None => file + "\n",
                Some(problem) if file.width() + ": ".len() + problem.width() <= WIDTH => format!("{file}: {problem}\n"),
                // A path stays in one line, so that it can be searched for and copied.
                Some(problem) => {
                    let indent = "     ";
                    let lines = wrapped(&problem, WIDTH - indent.len());
                    format!("{file}:\n{}", lines.iter().map(|line| format!("{indent}{line}\n")).collect::<String>())
                }
            }
        };
        let shares = |Shared { first, second, tasks, example }: &Shared| {
            let line =
                format!("BAD  {} and {} share {tasks} tasks, such as {example}", first.display(), second.display());
            printable_line(&line).into_owned() + "\n"
        };
        let mut text: String = findings.iter().map(line).chain(shared.iter().map(shares)).collect();
        if args.disjoint && pools.len() == 1 {
            text += "ok   there is only one pool, so nothing to compare\n";
        } else if args.disjoint && shared.is_empty() {
            text += &format!("ok   no two of {} pools share a task\n", pools.len());
        }
        print(&text)?;
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let all = findings.len();
    let said: Vec<String> = [
        (
            count(Verdict::Bad),
            "changed, damaged or missing",
            "rebuild stores with `preprocess`, calibrations with `calibrate`, duplicates with `duplicates`, pools with `run` or `build`, exports with `export`",
        ),
        (
            count(Verdict::Unvouched),
            "without a manifest",
            "nothing says who wrote them; `run`, `build` and Python's save_task_pool of a whole stream write a manifest beside a pool",
        ),
        (count(Verdict::Unreadable), "unreadable", "check their permissions and the disk, then verify again"),
    ]
    .into_iter()
    .filter(|(n, ..)| *n > 0)
    .map(|(n, what, way_out)| format!("{what}: {n} of {all} files; {way_out}"))
    .collect();
    let mut said = said;
    if !shared.is_empty() {
        let way_out = "draw one of them with `--exclude` of the other, or both by partition";
        let (pairs, are) = (shared.len(), if shared.len() == 1 { "pair" } else { "pairs" });
        said.push(format!("pools that share tasks: {pairs} {are} of {} pools; {way_out}", pools.len()));
    }
    if said.is_empty() { Ok(()) } else { Err(CliError::Verdict(said.join("\n"))) }
}
