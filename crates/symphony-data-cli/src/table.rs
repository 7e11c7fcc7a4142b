//! Tables on stdout. They fit 100 columns wherever they are printed, so that a file gets what a terminal shows.
//!
//! Where a table is too wide, first headers of several words take two lines, then long names take several. Names are never
//! cut short. Only after that are columns left out, and a line below the table names them.

use symphony_data::{number::Estimate, progress::printable_line};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns of a terminal a table may take.
pub const WIDTH: usize = 100;
/// How narrow names may become before a column is left out.
const COMFORTABLE: usize = 16;
/// How narrow they may become after that.
const NARROW: usize = 6;
/// The blanks between two columns.
const GAP: usize = 2;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Names, set to the left; long ones take several lines where the table is too wide.
    Text(&'static str),
    /// Numbers, set to the right.
    Number(&'static str),
    /// Numbers that are left out where the table is too wide, the last of them first.
    Extra(&'static str),
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Number(name) | Self::Extra(name) => name,
        }
    }
}

/// A table with these columns.
pub fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let escaped = |row: Vec<String>| row.iter().map(|cell| printable_line(cell).into_owned()).collect();
    let mut sheet = Sheet { columns: columns.to_vec(), rows: rows.into_iter().map(escaped).collect() };
    let mut left_out = Vec::new();
    let widths = loop {
        let ways = [(false, usize::MAX), (true, usize::MAX), (true, COMFORTABLE)];
        if let Some(fits) = ways.into_iter().map(|way| sheet.widths(way)).find(|widths| total(widths) <= WIDTH) {
            break fits;
        }
        match sheet.leave_one_out() {
            Some(name) => left_out.insert(0, name),
            None => break sheet.widths((true, NARROW)),
        }
    };
    let mut text = sheet.text(&widths);
    if !left_out.is_empty() {
        let note = format!("(not shown, to fit {WIDTH} columns: {}; --json has them)", left_out.join(", "));
        text += &(wrapped(&note, WIDTH).join("\n") + "\n");
    }
    text
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

struct Sheet {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Takes away a column that may go, and gives its name.
    fn leave_one_out(&mut self) -> Option<&'static str> {
        let at = self.columns.iter().rposition(|column| matches!(column, Column::Extra(_)))?;
        self.rows.iter_mut().for_each(|row| _ = row.remove(at));
        Some(self.columns.remove(at).name())
    }

    /// How wide each column is, with headers in two lines or in one, and names no narrower than so.
    fn widths(&self, (two_lines, least): (bool, usize)) -> Vec<usize> {
        let cells = |at: usize| self.rows.iter().map(move |row| row[at].width()).max().unwrap_or_default();
        let header = |column: &Column| if two_lines { in_two_lines(column.name()) } else { column.name().width() };
        let mut widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(at, column)| header(column).max(cells(at))).collect();
        let is_wide =
            |(at, width): &(usize, &mut usize)| matches!(self.columns[*at], Column::Text(_)) && **width > least;
        while total(&widths) > WIDTH {
            let Some((_, widest)) = widths.iter_mut().enumerate().filter(is_wide).max_by_key(|(_, width)| **width)
            else {
                break;
            };
            *widest -= 1;
        }
        widths
    }

    fn text(&self, widths: &[usize]) -> String {
        let header = self.columns.iter().zip(widths).map(|(column, width)| wrapped(column.name(), *width));
        let header: Vec<Vec<String>> = header.collect();
        let height = header.iter().map(Vec::len).max().unwrap_or_default();
        // A header of one line stands on the last.
        let lowered = |lines: Vec<String>| [vec![String::new(); height - lines.len()], lines].concat();
        let mut text = self.lines(widths, &header.into_iter().map(lowered).collect::<Vec<_>>());
        for row in &self.rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| wrapped(cell, *width));
            text += &self.lines(widths, &cells.collect::<Vec<_>>());
        }
        text
    }

    /// One row of the table, whose cells may have several lines.
    fn lines(&self, widths: &[usize], cells: &[Vec<String>]) -> String {
        let height = cells.iter().map(Vec::len).max().unwrap_or_default();
        let line = |number: usize| {
            let cell = |((lines, width), column): ((&Vec<String>, &usize), &Column)| {
                let cell = lines.get(number).map_or("", String::as_str);
                let blanks = " ".repeat(width.saturating_sub(cell.width()));
                if matches!(column, Column::Text(_)) { cell.to_owned() + &blanks } else { blanks + cell }
            };
            let cells: Vec<String> = cells.iter().zip(widths).zip(&self.columns).map(cell).collect();
            cells.join(&" ".repeat(GAP)).trim_end().to_owned() + "\n"
        };
        (0..height).map(line).collect()
    }
}

/// How wide a header is that takes two lines where it has several words.
fn in_two_lines(name: &str) -> usize {
    let cut = |(at, _)| name[..at].width().max(name[at + 1..].width());
    name.match_indices(' ').map(cut).min().unwrap_or(name.width())
}

/// A text in lines of this width, cut after a blank or one of `_-/,`; elsewhere only where a part is longer than a line.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in text.split_inclusive([' ', '_', '-', '/', ',']) {
        let fits = |line: &str, more: &str| line.width() + more.trim_end().width() <= width;
        let last = lines.len() - 1;
        if fits(&lines[last], part) {
            lines[last] += part;
            continue;
        }
        if !lines[last].is_empty() {
            lines.push(String::new());
        }
        for c in part.chars() {
            let last = lines.len() - 1;
            if lines[last].width() + c.width().unwrap_or_default() > width && !lines[last].is_empty() && c != ' ' {
                lines.push(String::new());
            }
            let last = lines.len() - 1;
            lines[last].push(c);
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
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

/// A correlation or a share, to two places; a dash stands for a missing one.
pub fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| fixed(value, 2))
}

/// The interval of an estimate.
pub fn interval(estimate: Estimate) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{} to {}", fixed(low, 2), fixed(high, 2)),
        _ => "-".to_owned(),
    }
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

    /// A table with one row: a name, numbers of this width, and as many that may go.
    fn of(name: &str, numbers: usize, width: usize) -> String {
        let mut columns = vec![Column::Text("model")];
        columns.extend((0..numbers).map(|_| Column::Number("max repeats")));
        columns.extend((0..numbers).map(|_| Column::Extra("effective n")));
        let row = [name.to_owned()].into_iter().chain((0..2 * numbers).map(|_| "1".repeat(width)));
        table(&columns, [row.collect()])
    }

    const MODEL: &str = "meta-llama/Llama-3.1-70B-Instruct";

    #[test]
    fn a_table_becomes_narrower_step_by_step() {
        // As it is.
        assert!(of("m", 2, 3).starts_with("model  max repeats"), "{}", of("m", 2, 3));
        // Headers in two lines; headers of one word stand on the second.
        assert_eq!(
            of(MODEL, 3, 3).lines().map(|line| &line[..line.len().min(44)]).collect::<Vec<_>>(),
            [
                "                                       max  ",
                "model                              repeats  ",
                "meta-llama/Llama-3.1-70B-Instruct      111  "
            ]
        );
        // Names in several lines.
        let names = of(MODEL, 4, 7);
        assert!(
            names.contains(
                "
meta-llama/Llama-     1111111  "
            ),
            "{names}"
        );
        assert!(
            names.ends_with(
                "
3.1-70B-Instruct
"
            ),
            "{names}"
        );
        // Columns left out, and named.
        let fewer = of(MODEL, 5, 9);
        assert!(
            fewer
                .ends_with("(not shown, to fit 100 columns: effective n, effective n, effective n; --json has them)\n"),
            "{fewer}"
        );
        for (numbers, width) in (0..8).flat_map(|n| (1..9).map(move |width| (n, width))) {
            let text = of(&MODEL.repeat(2), numbers, width);
            assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
            let rows = text.lines().skip_while(|line| !line.starts_with("model")).skip(1);
            let name: String = rows
                .take_while(|line| !line.starts_with('('))
                .filter_map(|line| line.split("  ").next())
                .map(str::trim_end)
                .collect();
            assert_eq!(name, MODEL.repeat(2), "{text}");
        }
    }

    #[test]
    fn wrapping_loses_no_character_and_counts_columns_of_the_terminal() {
        assert_eq!(wrapped("logical_deduction_three_objects", 18), ["logical_deduction_", "three_objects"]);
        assert_eq!(wrapped("数学问题集", 4), ["数学", "问题", "集"]);
        for (text, width) in
            [(MODEL, 1), (MODEL, 7), (MODEL, 33), ("", 5), ("abcdefghij", 3), ("e\u{301}e\u{301}e\u{301}", 2)]
        {
            let lines = wrapped(text, width);
            assert_eq!(lines.concat(), text);
            assert!(lines.iter().all(|line| line.width() <= width), "{lines:?}");
        }
    }
}
