//! `stats --plot`: the pictures show what the file has, within the terminal's width.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

mod support;

use support::Place;

/// The columns left of the axis.
const LEFT: usize = 10;
/// Eighths of a character in the tallest bar.
const TALLEST: f64 = 24.0;
const BINS: [&str; 3] = ["easy", "medium", "hard"];

/// Pools of two benchmarks: one with medium tasks, one with phases.
fn place() -> Place {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks gsm8k,humaneval");
    place.ok("-q build --demo --benchmarks gsm8k,humaneval -n 90 --difficulty-split 1:2:1 --output pool");
    let shift = "experiments: {shift: {benchmarks: [gsm8k, humaneval], n_total_tasks: 120, \
                 phases: {from: 90:10, to: 10:90, steps: 12}}}";
    fs::write(place.path("shift.yaml"), shift).unwrap();
    place.ok("-q run --demo --experiments shift.yaml");
    place
}

fn plot(place: &Place, columns: &str, args: &str) -> String {
    let output = place.command(&format!("stats --plot {args}")).env("COLUMNS", columns).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn tasks(place: &Place, pool: &str) -> Vec<Value> {
    let text = fs::read_to_string(place.path(&format!("{pool}/task_pool.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The picture whose title begins so.
fn picture<'t>(text: &'t str, title: &str) -> Vec<&'t str> {
    text.split("\n\n")
        .find(|part| part.starts_with(title))
        .unwrap_or_else(|| panic!("{title}\n{text}"))
        .lines()
        .collect()
}

/// How many eighths of a block a character fills.
fn eighths(block: char) -> usize {
    let of = |blocks: &str| blocks.chars().position(|other| other == block);
    of(" ▁▂▃▄▅▆▇█").or_else(|| of(" ▏▎▍▌▋▊▉█")).unwrap_or_else(|| panic!("{block:?}"))
}

/// The columns of a line that stand above the axis, and the number right of them.
fn bars(line: &str, width: usize) -> (Vec<usize>, Option<f64>) {
    let line: Vec<char> = line.chars().collect();
    let column = |at: usize| eighths(line.get(LEFT + at).copied().unwrap_or(' '));
    let number: String = line.iter().skip(LEFT + width).collect();
    ((0..width).map(column).collect(), number.trim().parse().ok())
}

#[test]
fn the_bars_are_as_high_as_the_file_has_tasks() {
    let place = place();
    let manifest: Value = serde_json::from_slice(&fs::read(place.path("pool/manifest.json")).unwrap()).unwrap();
    for (columns, bucket) in [("39", 1), ("40", 1), ("59", 2), ("80", 3), ("0", 3), ("x", 3), ("99", 4), ("300", 4)] {
        let text = plot(&place, columns, "pool");
        for (at, benchmark) in ["gsm8k", "humaneval"].into_iter().enumerate() {
            let picture = picture(&text, &format!("pool  {benchmark}, 45 tasks"));
            // What the file has.
            let mut counts = BTreeMap::<&str, [usize; 20]>::new();
            let own: Vec<Value> =
                tasks(&place, "pool").into_iter().filter(|task| task["benchmark"] == benchmark).collect();
            for task in &own {
                let score = task["difficulty_score"].as_f64().unwrap();
                let bin = BINS.into_iter().find(|bin| task["difficulty_bin"] == *bin).unwrap();
                let bucket = (1..20).take_while(|at| score >= f64::from(*at) / 20.0 - 1e-9).count();
                counts.entry(bin).or_default()[bucket] += 1;
            }
            let most = (0..20).map(|at| counts.values().map(|own| own[at]).sum::<usize>()).max().unwrap();
            assert!(picture[1].ends_with(&format!(", tallest bar: {most}")), "{text}");
            // What the picture has: the lines above a name belong to it.
            let mut heights = [vec![0; 20 * bucket], vec![0; 20 * bucket], vec![0; 20 * bucket]];
            let mut bin = 0;
            for line in &picture[3..picture.len() - 2] {
                let (levels, number) = bars(line, 20 * bucket);
                heights[bin].iter_mut().zip(levels).for_each(|(height, level)| *height += level);
                if let Some(number) = number {
                    assert!(line.starts_with(BINS[bin]), "{text}");
                    assert_eq!(number, counts[BINS[bin]].iter().sum::<usize>() as f64, "{text}");
                    bin += 1;
                }
            }
            assert_eq!(bin, 3, "{text}");
            for (bin, heights) in BINS.into_iter().zip(heights) {
                for (column, height) in heights.into_iter().enumerate() {
                    let expected = TALLEST * counts[bin][column / bucket] as f64 / most as f64;
                    assert!((expected..expected + 1.0).contains(&(height as f64)), "{bin} {column} {expected}\n{text}");
                }
            }
            // The thresholds, on the axis and in words.
            let axis: Vec<char> = picture[picture.len() - 2].chars().skip(LEFT).collect();
            assert_eq!(axis.len(), 20 * bucket + 1);
            let ends = &manifest["benchmarks"][at]["thresholds"];
            assert_eq!(manifest["benchmarks"][at]["benchmark"], benchmark);
            let ends = ["easy", "hard"].map(|end| ends[end].as_f64().unwrap());
            assert_eq!(picture[2], format!("easy ≤ {:.3}, hard ≥ {:.3} (▲)", ends[0], ends[1]));
            let marks: Vec<usize> = (0..axis.len()).filter(|at| axis[*at] == '▲').collect();
            assert_eq!(marks, ends.map(|end| (end * (20 * bucket) as f64).floor() as usize), "{text}");
        }
    }
}

#[test]
fn each_phase_has_a_bar_as_long_as_its_mean() {
    let place = place();
    let mut scores = BTreeMap::<u64, Vec<f64>>::new();
    for task in tasks(&place, "data/shift") {
        let phase = task["phase"].as_u64().unwrap();
        scores.entry(phase).or_default().push(task["difficulty_score"].as_f64().unwrap());
    }
    for (columns, bucket) in [("40", 1), ("100", 4)] {
        let text = plot(&place, columns, "data/shift");
        let picture = picture(&text, "data/shift  mean score of each phase");
        for ((phase, scores), line) in scores.iter().zip(&picture[1..]) {
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            let (levels, number) = bars(line, 20 * bucket);
            assert!(line.starts_with(&format!("phase {phase} ")), "{text}");
            assert!((number.unwrap() - mean).abs() <= 0.000_501, "{text}");
            let expected = mean * (8 * 20 * bucket) as f64;
            assert!((levels.iter().sum::<usize>() as f64 - expected).abs() <= 0.501, "{phase} {mean}\n{text}");
        }
        // A line each, then the axis.
        assert_eq!(scores.len(), 12);
        assert!(picture[13].starts_with(&(" ".repeat(LEFT) + "┴─")), "{text}");
    }
    assert!(!plot(&place, "80", "pool").contains("phase"));
}

#[test]
fn a_plot_fits_the_terminal_whatever_the_names_and_steers_it_nowhere() {
    let place = place();
    for columns in [40, 41, 57, 80, 100] {
        let text = plot(&place, &columns.to_string(), "pool data/shift");
        let is_drawn = |line: &&str| !line.contains("SYNTHETIC");
        assert!(text.lines().filter(is_drawn).all(|line| line.width() <= columns), "{columns}\n{text}");
    }
    // Without a terminal, 80 columns, and no colour.
    let text = place.ok("stats --plot pool");
    assert!(text == plot(&place, "80", "pool") && !text.contains('\u{1b}'));
    // A pool of another program, whose benchmark has any name.
    let renamed = tasks(&place, "pool").into_iter().map(|mut task| {
        task["benchmark"] = format!("{}\u{1b}[2J\nq", "数学".repeat(30)).into();
        task.to_string() + "\n"
    });
    fs::create_dir(place.path("other")).unwrap();
    fs::write(place.path("other/task_pool.jsonl"), renamed.collect::<String>()).unwrap();
    let text = plot(&place, "40", "other");
    assert!(text.contains(r"\u{1b}[2J\nq, 90 tasks") && !text.contains('▲'), "{text}");
    assert!(text.lines().all(|line| line.width() <= 40), "{text}");
}

#[test]
fn a_plot_is_not_json() {
    let stderr = Place::new().fails(2, "stats --plot --json pool");
    assert!(stderr.contains("'--plot' cannot be used with '--json'"), "{stderr}");
}
