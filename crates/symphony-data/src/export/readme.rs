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
        _ = write!(text, "| {} |", cell(benchmark));
        bins.iter().for_each(|bin| _ = write!(text, " {} |", of(benchmark, *bin)));
        text.push('\n');
    }
    text
}

/// A text in a cell of a table, on one line. Pools of other programs may have any names.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(char::is_control, " ")
}

/// Commands to type.
pub(super) fn commands(lines: &[&str]) -> String {
    format!("\n```console\n{}```\n", lines.iter().map(|line| format!("$ {line}\n")).collect::<String>())
}
