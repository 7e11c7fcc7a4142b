//! `duplicates`: copies, conflicts and near-duplicates within and across benchmarks, and their overlap with other text.

use std::path::PathBuf;

use symphony_data::compare::{Across, CompareOptions, OfBenchmark, OverlapOf, Report, compare};

use crate::{
    arguments::{FULL_DIR, IO, List, check_full_dir, examples, names},
    error::{CliError, print, print_json},
    session::Session,
    table::{
        Column::{Number, Text},
        table,
    },
};

/// Find copies, conflicts and near-duplicates in preprocessed benchmarks, and what occurs in other text
#[derive(Debug, clap::Args)]
#[command(after_help = examples![
    "Which rows are copies, or nearly the same?" => "symphony-data duplicates",
    "Does a benchmark occur in texts that a model was trained on?" =>
        "symphony-data duplicates --benchmarks gsm8k --against corpus.txt",
    "List the rows that do in a file of their own" =>
        "symphony-data duplicates --against corpus.txt --output overlap.jsonl",
])]
pub struct Args {
    /// Compare only these benchmarks [default: all that are preprocessed]
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = names)]
    benchmarks: Vec<List<String>>,
    /// Also look for runs of 13 words in these files (text, or rows in any format), patterns or folders
    #[arg(long, value_name = "FILE", num_args = 1..)]
    against: Vec<String>,
    /// List only rows with at least this share of their runs found, such as 0.8 [default: any run]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "against")]
    least: Option<f64>,
    /// Read the preprocessed benchmarks from this folder, and write the results there
    #[arg(long, value_name = "DIR", default_value = FULL_DIR, help_heading = IO)]
    full_dir: PathBuf,
    /// Write the overlap with other text to this file [default: one file beside each benchmark]
    #[arg(long, value_name = "FILE", requires = "against", help_heading = IO)]
    output: Option<PathBuf>,
    /// Use generated tasks in place of each benchmark
    #[arg(long, help_heading = IO)]
    demo: bool,
    /// Print the report as JSON
    #[arg(long, help_heading = IO)]
    json: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    check_full_dir(&args.full_dir, session)?;
    let config = session.config(args.demo)?;
    let options = CompareOptions {
        benchmarks: List::all(&args.benchmarks),
        against: args.against.clone(),
        output: args.output.clone(),
        least: args.least.unwrap_or_default(),
    };
    let report = compare(&config, &args.full_dir, &options, &session.ui)?;
    if args.json {
        return print_json(&report);
    }
    let mut text = text(&report);
    let (folder, first) = (args.full_dir.display(), report.benchmarks.first().map(|own| own.benchmark.as_str()));
    if let Some(first) = first {
        text += &format!("\nwrote {folder}/{first}_duplicates.jsonl");
        if report.benchmarks.len() > 1 {
            text += " and those of the others";
        }
        text += "; --on-duplicate, --near-duplicates and --partition of a draw use them\n";
        let listed = match &args.output {
            Some(output) => output.display().to_string(),
            None => format!("{folder}/{first}_overlap.jsonl"),
        };
        if report.against.is_some() {
            text += &format!("wrote {listed}; --exclude of a draw leaves out its rows\n");
        }
    }
    print(&text)
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a number from 0 to 1, such as 0.8".to_owned())
}

fn text(report: &Report) -> String {
    let columns = [
        Text("benchmark"),
        Number("rows"),
        Number("copies"),
        Number("conflicts"),
        Number("near-duplicates"),
        Number("groups"),
        Number("largest"),
    ];
    let mut text = table(&columns, report.benchmarks.iter().map(within));
    if !report.across.is_empty() {
        let columns = [
            Text("benchmark"),
            Text("and"),
            Number("groups in both"),
            Number("rows of the first"),
            Number("rows of the second"),
        ];
        text += "\nNearly the same in two benchmarks\n";
        text += &table(&columns, report.across.iter().map(across));
    }
    if let Some(against) = &report.against {
        let columns = [
            Text("benchmark"),
            Number("rows"),
            Number("with overlap"),
            Number("share"),
            Number("found whole"),
            Number("too short"),
        ];
        let files = if against.files == 1 { "file" } else { "files" };
        let bytes = against.bytes as f64;
        let size =
            if against.bytes < 1_000_000 { format!("{:.1} kB", bytes / 1e3) } else { format!("{:.1} MB", bytes / 1e6) };
        text += &format!("\nRuns of 13 words that occur in {} {files} ({size})\n", against.files);
        text += &table(&columns, against.benchmarks.iter().map(overlap));
    }
    text
}

fn within(found: &OfBenchmark) -> Vec<String> {
    let OfBenchmark { benchmark, rows, copies, conflicts, near, groups, largest } = found;
    let numbers = [rows, copies, conflicts, near, groups, largest].map(u64::to_string);
    [vec![benchmark.clone()], numbers.to_vec()].concat()
}

fn across(found: &Across) -> Vec<String> {
    let Across { benchmarks: [first, second], groups, rows: [of_first, of_second] } = found;
    vec![first.clone(), second.clone(), groups.to_string(), of_first.to_string(), of_second.to_string()]
}

fn overlap(found: &OverlapOf) -> Vec<String> {
    let OverlapOf { benchmark, rows, overlapping, whole, too_short } = found;
    let share = 100.0 * *overlapping as f64 / (*rows).max(1) as f64;
    vec![
        benchmark.clone(),
        rows.to_string(),
        overlapping.to_string(),
        format!("{share:.1} %"),
        whole.to_string(),
        too_short.to_string(),
    ]
}
