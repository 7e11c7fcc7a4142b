//! What the READMEs of all exports say.

use std::fmt::Write;

use super::About;
use crate::TOOL;

/// How results come back.
const BACK: &str = include_str!("templates/back.md");
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
    if about.weighted {
        text += "Its tasks were drawn by what they tell about the full benchmark, so the accuracy on them is not the benchmark's: \
                 `symphony-data results` estimates that.\n";
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

/// A README: its head, the target's own part, and how results come back from `logs`, the folder that the harness writes to.
pub(super) struct Readme<'r> {
    /// The name of the harness.
    pub harness: &'r str,
    /// The target's part, for [`fill`].
    pub template: &'r str,
    /// What fills it.
    pub values: &'r [(&'r str, &'r str)],
    /// The folder that the harness writes its logs to.
    pub logs: &'r str,
    /// The version that exports are tested with, and the oldest that they work with.
    pub tested: &'r str,
    pub oldest: Option<&'r str>,
}

impl Readme<'_> {
    /// The text, and the command that runs the export: the last one of the text's first block.
    pub fn of(&self, about: &About<'_>) -> (String, String) {
        let own = fill(self.template, self.values);
        let block = own.split("```").nth(1).unwrap_or_default();
        let command = block.rsplit("\n$ ").next().unwrap_or_default().trim_end().replace("\\\n    ", "");
        let oldest = self.oldest.map(|oldest| format!("; it needs {oldest} or later")).unwrap_or_default();
        let kind = if about.source.is_pool() { "pool" } else { "whole" };
        let generated = if about.source.is_synthetic() == Some(true) { "yes" } else { "" };
        let values = [
            ("logs", self.logs),
            ("version", self.tested),
            ("oldest", &oldest),
            (kind, "yes"),
            ("generated", generated),
        ];
        (head(about, self.harness) + &own + &fill(BACK, &values), command)
    }
}

/// Fills a template: `{key}` with its value. Lines between `<!-- if key -->` and `<!-- end -->` stay only if the key has a
/// value that is not empty.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let is_given = |name: &str| values.iter().any(|(key, value)| *key == name && !value.is_empty());
    let mut text = String::with_capacity(template.len());
    let mut kept = true;
    for line in template.split_inclusive('\n') {
        if let Some(key) = line.trim_end().strip_prefix("<!-- if ").and_then(|line| line.strip_suffix(" -->")) {
            kept = is_given(key);
        } else if line.trim_end() == "<!-- end -->" {
            kept = true;
        } else if kept {
            text += line;
        }
    }
    values.iter().fold(text, |text, (key, value)| text.replace(&format!("{{{key}}}"), value))
}

/// A text in a cell of a table, on one line. Pools of other programs may have any names.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(char::is_control, " ")
}
