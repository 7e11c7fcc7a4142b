//! Pictures of difficulty scores on stdout, drawn with block characters and without colour.
//!
//! All of a pool's pictures share one axis, the score from 0 to 1. Each bin has bars of its own, so that bins are told apart
//! wherever the text goes.

use std::io::stdout;

use symphony_data::{
    bin::{Bin, Thresholds},
    pool::statistics::{BUCKETS, Histogram, PhaseStatistics},
    progress::printable_line,
};
use terminal_size::terminal_size_of;

use crate::table::{WIDTH, score, wrapped};

/// How wide a picture is where nothing says how wide the terminal is.
const UNKNOWN: usize = 80;
/// The columns left of the axis, which hold the names of bins and phases.
const LEFT: usize = 10;
/// The columns right of it, which hold numbers.
const RIGHT: usize = 9;
/// How many lines the tallest bar has.
const LINES: usize = 3;
/// Bars that grow upwards, by eighths of a character.
const UP: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Bars that grow to the right, by eighths of a character.
const ACROSS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// How many columns a picture may take: those of the terminal, elsewhere those that `COLUMNS` names, as for help texts; no more
/// than a table.
pub fn width() -> usize {
    let named = || std::env::var("COLUMNS").ok()?.parse().ok();
    let of_terminal = terminal_size_of(stdout()).map(|(width, _)| usize::from(width.0));
    // A terminal that does not know its size says 0.
    of_terminal.or_else(named).filter(|width| *width > 0).unwrap_or(UNKNOWN).min(WIDTH)
}

/// How many columns each of the buckets has. With one each, a picture takes 39 columns, and no terminal makes it narrower.
fn bucket_width(width: usize) -> usize {
    (width.saturating_sub(LEFT + RIGHT) / BUCKETS).max(1)
}

/// A title in as many lines as it needs.
fn title(text: &str, width: usize) -> String {
    wrapped(&printable_line(text), width).join("\n") + "\n"
}

/// The histogram of one benchmark's scores in a pool, below a title and the scores' mean.
pub fn histogram(
    name: &str,
    mean: &str,
    histogram: &Histogram,
    thresholds: Option<Thresholds>,
    width: usize,
) -> String {
    let most = histogram.most().max(1);
    let bucket_width = bucket_width(width);
    let mut text = title(name, width) + &title(&format!("mean {mean}, tallest bar: {most}"), width);
    if let Some(Thresholds { easy, hard }) = thresholds {
        text += &title(&format!("easy ≤ {}, hard ≥ {} (▲)", score(easy), score(hard)), width);
    }
    for bin in Bin::ALL {
        let counts = histogram.0.map(|bucket| bucket[bin]);
        // Rounded up, so that a single task can be seen beside a million.
        let eighths = counts.map(|count| (count * 8 * LINES as u64).div_ceil(most) as usize);
        let lines = eighths.into_iter().max().unwrap_or_default().div_ceil(8);
        for line in (0..lines).rev() {
            let bar = |eighths: usize| UP[eighths.saturating_sub(8 * line).min(8)].to_string().repeat(bucket_width);
            let bars: String = eighths.into_iter().map(bar).collect();
            // The name and the number stand on the ground.
            text += &match line {
                0 => row(bin.name(), &bars, &counts.iter().sum::<u64>().to_string()),
                _ => row("", &bars, ""),
            };
        }
    }
    text + &axis(bucket_width, thresholds)
}

/// The mean score of each phase of a pool; nothing if it has none.
pub fn phases(pool: &str, phases: &[PhaseStatistics], width: usize) -> Option<String> {
    let bucket_width = bucket_width(width);
    let row = |phase: &PhaseStatistics| {
        let mean = phase.difficulty_distribution.mean;
        let full = BUCKETS * bucket_width;
        let eighths = ((mean * 8.0 * full as f64).round() as usize).min(8 * full);
        let bar: String = (0..full).map(|at| ACROSS[eighths.saturating_sub(8 * at).min(8)]).collect();
        row(&format!("phase {}", phase.phase), &bar, &score(mean))
    };
    let rows: String = phases.iter().map(row).collect();
    (!rows.is_empty())
        .then(|| title(&format!("{pool}  mean score of each phase"), width) + &rows + &axis(bucket_width, None))
}

fn row(name: &str, bars: &str, number: &str) -> String {
    format!("{name:<LEFT$}{bars} {number:>0$}", RIGHT - 1).trim_end().to_owned() + "\n"
}

/// The axis below the bars, where thresholds are marked, and the scores below it.
fn axis(bucket_width: usize, thresholds: Option<Thresholds>) -> String {
    let full = BUCKETS * bucket_width;
    let mut line = vec!['─'; full + 1];
    let mut scores = vec![' '; LEFT + full + RIGHT];
    for (at, text) in ["0", "0.25", "0.5", "0.75", "1"].into_iter().enumerate() {
        let column = at * full / 4;
        line[column] = '┴';
        let first = LEFT + column - text.len() / 2;
        scores[first..first + text.len()].copy_from_slice(&text.chars().collect::<Vec<_>>());
    }
    for end in thresholds.into_iter().flat_map(|ends| [ends.easy, ends.hard]) {
        line[((end * full as f64) as usize).min(full)] = '▲';
    }
    let text = |characters: Vec<char>| characters.into_iter().collect::<String>().trim_end().to_owned() + "\n";
    text([vec![' '; LEFT], line].concat()) + &text(scores)
}
