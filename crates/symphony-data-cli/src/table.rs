//! Tables on stdout.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use symphony_data::progress::printable_line;

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
    table.load_preset(presets::NOTHING);
    // A table is never folded: what does not fit a terminal is still whole in a file.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(Column::Text(name) | Column::Number(name))| *name));
    for row in rows {
        table.add_row(row.iter().map(|cell| printable_line(cell)));
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

/// A number to so many places. What rounds to zero has no minus.
pub fn fixed(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero.to_owned(),
        _ => text,
    }
}

/// A score or threshold, to three places.
pub fn score(value: f64) -> String {
    fixed(value, 3)
}

/// A mean and a standard deviation.
pub fn mean_std(mean: Option<f64>, std: Option<f64>) -> String {
    match (mean, std) {
        (Some(mean), Some(std)) => format!("{} ± {}", score(mean), score(std)),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_zero_has_no_minus() {
        let written = [-0.0, -0.004, 0.004, -0.005_1, -10.0].map(|value| fixed(value, 2));
        assert_eq!(written, ["0.00", "0.00", "0.00", "-0.01", "-10.00"]);
        assert_eq!([fixed(-0.4, 0), fixed(-100.0, 0)], ["0", "-100"]);
    }

    #[test]
    fn a_cell_neither_steers_the_terminal_nor_breaks_its_line() {
        let columns = [Column::Text("model"), Column::Number("n")];
        let rows = vec![vec!["a\u{1b}]0;b\u{7}\n\u{1b}[2J\u{202e}".to_owned(), "1".to_owned()]];
        assert_eq!(
            table(&columns, rows),
            // The cell has 35 characters, and two blanks follow a column.
            format!("model{}n\na\\u{{1b}}]0;b\\u{{7}}\\n\\u{{1b}}[2J\\u{{202e}}  1\n", " ".repeat(32))
        );
    }
}
