//! A picture of a report as a file of its own.

use askama::Template;

use super::{
    plot::{At, Mark, Plot, WIDTH},
    style, write,
};

/// A picture of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its name, which no other picture of the report has: letters, digits, `_` and `-`.
    pub name: String,
    /// A sentence that says what to see.
    pub title: String,
    /// The picture as SVG, on white. It has its title, and asks nothing of any server.
    pub svg: String,
}

/// The most characters in a line of a title.
const LINE: usize = 47;
/// The height of a line of a title, and of the legend.
const LINE_HEIGHT: f64 = 15.0;
/// About how wide a character of a legend is.
const CHARACTER: f64 = 6.8;

#[derive(Template)]
#[template(path = "picture.svg", escape = "html")]
struct Written<'p> {
    mark: &'static str,
    plot: &'p Plot,
    style: String,
    width: At,
    height: At,
    /// The lines of the title, each with its place.
    lines: Vec<(At, String)>,
    /// Where the marks begin.
    top: At,
    legend: Vec<Entry>,
}

/// An entry of the legend.
struct Entry {
    class: &'static str,
    name: &'static str,
    x: At,
    y: At,
    text_x: At,
    text_y: At,
}

impl Picture {
    /// The plot as a picture.
    pub(super) fn of(plot: &Plot) -> Result<Self, askama::Error> {
        let lines: Vec<String> = lines(&plot.title);
        let line_at = |at: usize| At(LINE_HEIGHT * (at + 1) as f64 + 3.0);
        let top = LINE_HEIGHT * lines.len() as f64 + 12.0;
        let (mut x, mut y) = (12.0, top + plot.height.0 + 4.0);
        let mut legend = Vec::new();
        for &(class, name) in &plot.legend {
            let wide = 14.0 + CHARACTER * name.chars().count() as f64 + 12.0;
            if x + wide > WIDTH && x > 12.0 {
                (x, y) = (12.0, y + LINE_HEIGHT);
            }
            legend.push(Entry { class, name, x: At(x), y: At(y), text_x: At(x + 14.0), text_y: At(y + 9.0) });
            x += wide;
        }
        let height = if legend.is_empty() { top + plot.height.0 + 4.0 } else { y + LINE_HEIGHT };
        let written = Written {
            mark: write::MARK,
            plot,
            style: style::picture(),
            width: At(WIDTH),
            height: At(height),
            lines: lines.into_iter().enumerate().map(|(at, line)| (line_at(at), line)).collect(),
            top: At(top),
            legend,
        };
        Ok(Self { name: plot.id.clone(), title: plot.title.clone(), svg: written.render()? })
    }
}

/// A title in lines. A word that is longer than a line is cut.
fn lines(title: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in title.split(' ') {
        let word = super::plot::cut(word, LINE);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_broken_between_words() {
        let title = format!("{} {} {}", "a".repeat(30), "b".repeat(LINE - 31), "c".repeat(100));
        let expected = [format!("{} {}", "a".repeat(30), "b".repeat(LINE - 31)), format!("{}…", "c".repeat(LINE - 1))];
        assert_eq!(lines(&title), expected);
    }
}
