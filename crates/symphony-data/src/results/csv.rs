//! Results as a flat table in CSV (RFC 4180).

use super::{Accuracy, Full, ModelResult, Results};

/// The names of the columns.
const COLUMNS: &str = "model,by,group,n_tasks,n_distinct,unanswered,accuracy,standard_error,low,high,in_sample";

impl Results {
    /// The accuracies as CSV: for each model a line for all tasks (`all,all`), one for each group of tasks, and one for the estimate on
    /// each full benchmark (`full`). A cell is empty where there is no value.
    pub fn to_csv(&self) -> String {
        let mut text = COLUMNS.to_owned() + "\r\n";
        for own in &self.models {
            text += &line([&own.model, "all", "all"], &own.accuracy, own.in_sample);
            for (benchmark, full) in &own.full {
                text += &full.as_ref().map(|full| full_line(own, benchmark, full)).unwrap_or_default();
            }
            for (by, groups) in &own.by {
                for (group, accuracy) in groups {
                    text += &line([&own.model, by, group], accuracy, own.in_sample);
                }
            }
        }
        text
    }
}

/// The line of an estimate. The tasks are those that it is made of.
fn full_line(own: &ModelResult, benchmark: &str, full: &Full) -> String {
    let Full { estimate, standard_error, low, high, n_tasks, .. } = full;
    let accuracy = Accuracy {
        n_tasks: *n_tasks,
        n_distinct: *n_tasks,
        unanswered: 0,
        accuracy: Some(*estimate),
        standard_error: Some(*standard_error),
        low: Some(*low),
        high: Some(*high),
    };
    line([&own.model, "full", benchmark], &accuracy, own.in_sample)
}

fn line(names: [&str; 3], accuracy: &Accuracy, in_sample: Option<bool>) -> String {
    let Accuracy { n_tasks, n_distinct, unanswered, accuracy, standard_error, low, high } = accuracy;
    let mut cells: Vec<String> = names.map(quoted).into();
    cells.extend([n_tasks, n_distinct, unanswered].map(u64::to_string));
    cells.extend(
        [accuracy, standard_error, low, high].map(|value| value.map(|value| value.to_string()).unwrap_or_default()),
    );
    cells.push(in_sample.map(|known| known.to_string()).unwrap_or_default());
    cells.join(",") + "\r\n"
}

/// A cell, in quotes where it needs them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
