//! What the READMEs of all exports say.

use std::fmt::Write;

use super::About;
use crate::TOOL;

/// The grading of answers, in Python.
pub(super) const GRADE: &str = include_str!("templates/grade.py");

/// The beginning of a README: what the export holds, as a table of benchmarks and bins.
pub(super) fn head(about: &About<'_>, harness: &str) -> String {
    let About { name, tasks, distinct, .. } = about;
    let kind = if about.source.is_pool() { "a pool of tasks" } else { "preprocessed benchmarks" };
    let mut text =
        format!("# {name}\n\n{tasks} tasks, {distinct} of them distinct: {kind} for {harness}, written by {TOOL}.\n");
    if about.source.is_synthetic() == Some(true) {
        text += "**These tasks are SYNTHETIC**: generated in the format of the benchmarks, not taken from them.\n";
    }
    text + "\n" + &table(about)
}

/// How many tasks each benchmark has in each bin.
pub(super) fn table(about: &About<'_>) -> String {
    let bins = about.bins();
    let of = |benchmark: &str, bin| {
        let cell = about.cells.iter().find(|cell| cell.benchmark == benchmark && cell.bin == bin);
        cell.map_or(0, |cell| cell.tasks)
    };
    let mut text = "| benchmark |".to_owned();
    bins.iter().for_each(|bin| _ = write!(text, " {bin} |"));
    text += &format!("\n|---|{}\n", "---|".repeat(bins.len()));
    for benchmark in about.benchmarks() {
        _ = write!(text, "| {benchmark} |");
        bins.iter().for_each(|bin| _ = write!(text, " {} |", of(benchmark, *bin)));
        text.push('\n');
    }
    text
}

/// How the results come back. `logs` is the folder that the harness writes its logs to.
pub(super) fn back(about: &About<'_>, logs: &str) -> String {
    let (folders, pool) = if about.source.is_pool() {
        ("`FULL` is the folder of the\npreprocessed benchmarks, and `POOL` that of the pool", " --pool POOL")
    } else {
        ("`FULL` is the folder of the\npreprocessed benchmarks", "")
    };
    let text = format!(
        "
## Bring the results back

The log of each task holds its ids under `symphony`, so symphony-data reads the logs as they are. {folders}:
"
    );
    let validate = format!("symphony-data validate --full-dir FULL --responses {logs}{pool}");
    let calibrate = format!("symphony-data calibrate --full-dir FULL --responses {logs} --output fitted");
    text + &commands(&[&validate, &calibrate])
}

/// The version that an export was tested with, and the oldest that it works with.
pub(super) fn tested(version: &str, oldest: Option<&str>) -> String {
    let oldest = oldest.map(|oldest| format!("; it needs {oldest} or later")).unwrap_or_default();
    format!(
        "\nTested with {version}{oldest}. `manifest.json` says how the tasks were drawn, and `symphony-data verify .` checks the files.\n"
    )
}

/// Commands to type.
pub(super) fn commands(lines: &[&str]) -> String {
    format!("\n```console\n{}```\n", lines.iter().map(|line| format!("$ {line}\n")).collect::<String>())
}
