//! Plots: what is drawn where. A template writes them as SVG.
//!
//! All plots have the same width, which fits a small phone. Positions are rounded to hundredths of a pixel, so that their text is
//! short and the same on every machine.

use std::{collections::HashSet, fmt, fmt::Write};

use super::{Table, shown};

/// The width of every plot, in pixels of its own.
pub(super) const WIDTH: f64 = 360.0;
/// The space left of an axis, and right of it.
pub(super) const SIDES: (f64, f64) = (38.0, WIDTH - 10.0);
/// The most models, labels and so on in a picture. Its table has all.
pub(super) const MOST_DRAWN: usize = 30;
/// The longest name in a picture, in characters.
const LONGEST_NAME: usize = 50;

/// A plot with the table of its numbers.
#[derive(Debug)]
pub(super) struct Plot {
    /// The name of its place in the page, which no other plot has.
    pub id: String,
    /// A sentence that says what to see.
    pub title: String,
    /// The classes and names of its colours.
    pub legend: Vec<(&'static str, &'static str)>,
    pub height: At,
    pub marks: Vec<Mark>,
    pub table: Table,
}

/// A thing that is drawn.
#[derive(Debug)]
pub(super) enum Mark {
    /// A rectangle. Its text shows when one points at it.
    Bar { class: &'static str, x: At, y: At, width: At, height: At, says: String },
    /// A straight line.
    Line { class: &'static str, x1: At, y1: At, x2: At, y2: At },
    /// A point. Its text shows when one points at it.
    Dot { class: &'static str, x: At, y: At, says: String },
    /// A line through points, or, of a class of clouds, a dot at each.
    Path { class: &'static str, d: String },
    /// A text. Its anchor is start, middle or end.
    Text { class: &'static str, x: At, y: At, anchor: &'static str, text: String },
}

impl Mark {
    pub fn bar(class: &'static str, (x, y): (f64, f64), (width, height): (f64, f64), says: &str) -> Self {
        Self::Bar { class, x: At(x), y: At(y), width: At(width), height: At(height), says: shown(says) }
    }

    pub fn line(class: &'static str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> Self {
        Self::Line { class, x1: At(x1), y1: At(y1), x2: At(x2), y2: At(y2) }
    }

    pub fn dot(class: &'static str, (x, y): (f64, f64), says: &str) -> Self {
        Self::Dot { class, x: At(x), y: At(y), says: shown(says) }
    }

    /// A line from point to point.
    pub fn path(class: &'static str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut d = String::new();
        for (at, (x, y)) in points.into_iter().enumerate() {
            // Writing to memory cannot fail.
            let _ = write!(d, "{}{} {}", if at == 0 { 'M' } else { 'L' }, At(x), At(y));
        }
        Self::Path { class, d }
    }

    /// A small dot at each point. A line of no length is drawn as its round ends.
    pub fn cloud(class: &'static str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut d = String::new();
        for (x, y) in points {
            let _ = write!(d, "M{} {}h0", At(x), At(y));
        }
        Self::Path { class, d }
    }

    /// A name above the marks of a row that begins at `y`.
    pub fn name(y: f64, text: &str) -> Self {
        Self::text("name", (12.0, y + 11.0), "start", &cut(text, LONGEST_NAME))
    }

    pub fn text(class: &'static str, (x, y): (f64, f64), anchor: &'static str, text: &str) -> Self {
        Self::Text { class, x: At(x), y: At(y), anchor, text: shown(text) }
    }
}

/// A position or length in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct At(pub f64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding 0 makes a negative zero positive.
        let rounded = (100.0 * self.0).round() / 100.0 + 0.0;
        write!(f, "{rounded}")
    }
}

/// A linear scale from values to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The lowest and the highest value, which differ.
    pub values: (f64, f64),
    /// Their pixels.
    pub pixels: (f64, f64),
}

impl Scale {
    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = self.values;
        let (start, end) = self.pixels;
        start + (value - low) / (high - low) * (end - start)
    }

    /// Marks for a horizontal axis below `bottom`: a line up to `top`, and a text, at each of these values.
    pub fn below(&self, (top, bottom): (f64, f64), ticks: &[(f64, String)]) -> Vec<Mark> {
        let tick = |(value, text): &(f64, String)| {
            let x = self.at(*value);
            [Mark::line("grid", (x, top), (x, bottom)), Mark::text("tick", (x, bottom + 14.0), "middle", text)]
        };
        ticks.iter().flat_map(tick).collect()
    }

    /// Marks for a vertical axis left of `left`: a line to `right`, and a text, at each of these values.
    pub fn beside(&self, (left, right): (f64, f64), ticks: &[(f64, String)]) -> Vec<Mark> {
        let tick = |(value, text): &(f64, String)| {
            let y = self.at(*value);
            [Mark::line("grid", (left, y), (right, y)), Mark::text("tick side", (left - 4.0, y + 3.5), "end", text)]
        };
        ticks.iter().flat_map(tick).collect()
    }
}

/// The multiples of a round step from 0 until `most` is reached: at most six values. The step is 1, 2 or 5, or ten times
/// one of them, and so on. `most` is at least 1.
pub(super) fn round_ticks(most: f64) -> Vec<f64> {
    let mut step = 1.0;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle() {
        if most / step <= 4.0 {
            break;
        }
        step *= factor;
    }
    let steps = (most / step).ceil().max(1.0) as u32;
    (0..=steps).map(|n| f64::from(n) * step).collect()
}

/// The ticks of a scale of scores from 0 to 1.
pub(super) fn score_ticks() -> Vec<(f64, String)> {
    [0.0, 0.25, 0.5, 0.75, 1.0].into_iter().map(|score| (score, score.to_string())).collect()
}

/// What a title adds where not all is drawn.
pub(super) fn more_than_drawn(n: usize, what: &str) -> String {
    if n > MOST_DRAWN { format!(" (the first {MOST_DRAWN} of {n} {what} are drawn)") } else { String::new() }
}

/// Makes the ids of plots, which are also the names of their files: letters, digits, `_` and `-`, and no id twice.
#[derive(Debug, Default)]
pub(super) struct Ids(HashSet<String>);

impl Ids {
    pub fn next(&mut self, parts: &[&str]) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        let mut id: String = parts.join("-").chars().map(plain).take(80).collect();
        let first = id.clone();
        for number in 2.. {
            if self.0.insert(id.to_lowercase()) {
                break;
            }
            id = format!("{first}-{number}");
        }
        id
    }
}

/// A text that fits into a plot: no longer than `most` characters, with its escapes, which are longer than what they stand for.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = shown(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_largest_value() {
        for (most, expected) in [
            (1.0, vec![0.0, 1.0]),
            (4.0, vec![0.0, 1.0, 2.0, 3.0, 4.0]),
            (5.0, vec![0.0, 2.0, 4.0, 6.0]),
            (17.0, vec![0.0, 5.0, 10.0, 15.0, 20.0]),
            (90.0, vec![0.0, 50.0, 100.0]),
            (301.0, vec![0.0, 100.0, 200.0, 300.0, 400.0]),
        ] {
            assert_eq!(round_ticks(most), expected, "{most}");
        }
    }

    #[test]
    fn no_id_is_there_twice() {
        let mut ids = Ids::default();
        let made = [["a", "b c"], ["a", "b-c"], ["A", "B/C"], ["a", "d"]].map(|parts| ids.next(&parts));
        assert_eq!(made, ["a-b-c", "a-b-c-2", "A-B-C-3", "a-d"]);
    }

    #[test]
    fn paths_are_written_as_svg_reads_them() {
        let d = |mark| match mark {
            Mark::Path { d, .. } => d,
            other => panic!("{other:?}"),
        };
        let points = [(1.0, 2.5), (3.0, 1.0 / 3.0)];
        assert_eq!(d(Mark::path("curve", points)), "M1 2.5L3 0.33");
        assert_eq!(d(Mark::cloud("cloud", points)), "M1 2.5h0M3 0.33h0");
    }

    #[test]
    fn a_text_is_no_longer_than_it_may_be_when_it_is_shown() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("\u{202e}abc", 11), r"\u{202e}abc");
        assert_eq!(cut("\u{202e}abc", 10), r"\u{202e}a…");
    }

    #[test]
    fn positions_are_short() {
        let texts = [1.0 / 3.0, 2.0, -0.001, 359.999].map(|at| At(at).to_string());
        assert_eq!(texts, ["0.33", "2", "0", "360"]);
    }

    #[test]
    fn a_scale_goes_either_way() {
        let scale = Scale { values: (0.0, 4.0), pixels: (100.0, 20.0) };
        assert_eq!([0.0, 1.0, 4.0].map(|value| scale.at(value)), [100.0, 80.0, 20.0]);
    }
}
