//! Tables on stdout.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A column of a table.
#[derive(Clone, Copy)]
pub enum Column {
    /// Text, set to the left.
    Text(&'static str),
    /// Numbers, set to the right.
    Number(&'static str),
}

/// A table with these columns.
pub fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    // A table is never folded: what does not fit a terminal is still whole in a file.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(Column::Text(name) | Column::Number(name))| *name));
    for row in rows {
        table.add_row(row);
    }
    for (cells, column) in table.column_iter_mut().zip(columns) {
        cells.set_padding((0, 2));
        if let Column::Number(_) = column {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// A score or threshold, to three places.
pub fn score(value: f64) -> String {
    format!("{value:.3}")
}

/// A mean and a standard deviation.
pub fn mean_std(mean: Option<f64>, std: Option<f64>) -> String {
    match (mean, std) {
        (Some(mean), Some(std)) => format!("{mean:.3} ± {std:.3}"),
        _ => "-".to_owned(),
    }
}
