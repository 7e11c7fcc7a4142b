//! Whether hard tasks are the ones that models fail.

use super::{BINS, class};
use crate::{
    bin::Bin,
    number::{correlation::spearman, mean, student},
    report::{
        Table, counted, percent,
        plot::{At, Mark, Plot, SIDES, Scale, score_ticks},
        rows::{Judges, Row},
        shown,
    },
    results::{ModelResult, points},
};

/// About how many groups the calibration curve has at most, and how many rows each at least.
const GROUPS: (usize, usize) = (10, 10);
/// The most rows that are drawn as dots; of more, every second, third and so on is.
const MOST_DOTS: usize = 5_000;

/// Some rows' mean score, and their mean error with its 95 % interval.
struct Group {
    n: usize,
    /// The least and the greatest score.
    scores: (f64, f64),
    score: f64,
    error: f64,
    /// The variance of the mean error.
    variance: f64,
    interval: Option<(f64, f64)>,
}

impl Group {
    /// Of rows with a score and an error each; `None` without rows. The interval is Student's, over rows: it speaks of other rows, and of
    /// these models.
    fn of(rows: &[(f64, f64)]) -> Option<Self> {
        let column = |of: fn(&(f64, f64)) -> f64| rows.iter().map(of).collect::<Vec<f64>>();
        let (scores, errors) = (column(|row| row.0), column(|row| row.1));
        let error = mean(&errors)?;
        let n = rows.len();
        let squares: f64 = errors.iter().map(|own| (own - error).powi(2)).sum();
        let variance = squares / (n.max(2) - 1) as f64 / n as f64;
        let interval = student::t(n - 1).filter(|_| squares > 0.0).map(|t| {
            let half = t * variance.sqrt();
            ((error - half).max(0.0), (error + half).min(1.0))
        });
        let ends = scores.iter().fold((1.0_f64, 0.0_f64), |(low, high), own| (low.min(*own), high.max(*own)));
        Some(Self { n, scores: ends, score: mean(&scores)?, error, variance, interval })
    }

    fn row(&self, name: &str) -> Vec<String> {
        let ends = self.interval.map_or(["-".to_owned(), "-".to_owned()], |(low, high)| [low, high].map(percent));
        let scores = format!("{:.3} to {:.3}", self.scores.0, self.scores.1);
        let [low, high] = ends;
        vec![name.to_owned(), self.n.to_string(), scores, percent(self.error), low, high]
    }
}

/// How much more often hard tasks are failed than easy ones, with the 95 % interval of Welch (1947), whose degrees of freedom are at least those of
/// the smaller bin.
fn verdict(easy: &Group, hard: &Group) -> String {
    let gap = hard.error - easy.error;
    let variance = easy.variance + hard.variance;
    let ends = student::t(easy.n.min(hard.n).saturating_sub(1)).filter(|_| variance > 0.0).map(|t| t * variance.sqrt());
    let (how, often) = if gap < 0.0 { ("less", -gap) } else { ("more", gap) };
    let Some(half) = ends else {
        return format!("hard tasks {} points {how} often than easy ones", points(often));
    };
    let (low, high) = (points(often - half), points(often + half));
    let chance = if often <= half { ", so chance may explain it" } else { "" };
    format!("hard tasks {} points {how} often than easy ones ({low} to {high}{chance})", points(often))
}

/// Rows, which ascend by score, in groups of similar score. Rows of one score stay together.
fn groups(rows: &[(f64, f64)]) -> Vec<&[(f64, f64)]> {
    let size = rows.len().div_ceil(GROUPS.0).max(GROUPS.1);
    let mut groups = Vec::new();
    let (mut from, mut to) = (0, 0);
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        to += same.len();
        if to - from >= size {
            groups.push(&rows[from..to]);
            from = to;
        }
    }
    if from < to {
        groups.push(&rows[from..to]);
    }
    groups
}

/// The error of models on each row of a benchmark against its score, with the mean of each bin and of groups of rows with similar scores.
/// `None` if fewer than two rows have answers. A measured score is an expected error, and should lie on the diagonal.
pub(in crate::report) fn errors(
    id: String,
    benchmark: &str,
    rows: &[&Row<'_>],
    judges: &Judges<'_>,
    is_measured: bool,
) -> Option<Plot> {
    let mut known: Vec<(f64, f64)> =
        rows.iter().filter_map(|row| Some((row.task.difficulty_score, row.error?))).collect();
    if known.len() < 2 {
        return None;
    }
    known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (top, bottom) = (20.0, 198.0);
    let x = Scale { values: (0.0, 1.0), pixels: SIDES };
    let y = Scale { values: (0.0, 1.0), pixels: (bottom, top) };
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{} %", 100.0 * share)));
    let mut marks = y.beside(SIDES, &ticks);
    marks.extend(x.below((bottom, bottom + 4.0), &score_ticks()));
    marks.push(Mark::text("tick", (x.at(0.5), bottom + 30.0), "middle", "difficulty score"));
    marks.push(Mark::text("tick", (0.0, 9.0), "start", "models that fail"));
    let at = |(score, error): (f64, f64)| (x.at(score), y.at(error));
    if is_measured {
        marks.push(Mark::path("diagonal", [at((0.0, 0.0)), at((1.0, 1.0))]));
    }
    marks.push(Mark::cloud("cloud", known.iter().step_by(known.len().div_ceil(MOST_DOTS)).copied().map(at)));
    let mut table = Vec::new();
    let mut of_bins = [const { None }; 3];
    for bin in Bin::ALL {
        let own = rows.iter().filter(|row| row.bin == bin);
        let own: Vec<(f64, f64)> = own.filter_map(|row| Some((row.task.difficulty_score, row.error?))).collect();
        let Some(group) = Group::of(&own) else { continue };
        table.push(group.row(class(bin)));
        marks.push(Mark::path(class(bin), [at((group.scores.0, group.error)), at((group.scores.1, group.error))]));
        let middle = f64::midpoint(group.scores.0, group.scores.1);
        if let Some((low, high)) = group.interval {
            marks.push(Mark::path(class(bin), [at((middle, low)), at((middle, high))]));
        }
        let (cx, cy) = at((middle, group.error));
        marks.push(Mark::dot(class(bin), (cx, cy), &format!("{}: {} fail", class(bin), percent(group.error))));
        of_bins[bin as usize] = Some(group);
    }
    let groups: Vec<Group> = groups(&known).into_iter().filter_map(Group::of).collect();
    if groups.len() > 1 {
        marks.push(Mark::path("curve", groups.iter().map(|group| at((group.score, group.error)))));
        table.extend(groups.iter().enumerate().map(|(number, group)| group.row(&format!("group {}", number + 1))));
    }
    let (scores, errors): (Vec<f64>, Vec<f64>) = known.into_iter().unzip();
    let rank = spearman(&scores, &errors).map_or(String::new(), |rank| format!("; rank correlation {rank:.2}"));
    let answered = |own: &&&ModelResult| rows.iter().any(|row| own.scores[row.place].is_some());
    let models = judges.models.iter().filter(answered).count() as u64;
    let out = match judges.left_out as u64 {
        0 => String::new(),
        n => format!(" (without {} of the panel)", counted(n, "model")),
    };
    let own = if judges.in_sample { " (IN-SAMPLE: the score was fitted to them)" } else { &out };
    let (models, verb) = (counted(models, "model"), if models == 1 { "fails" } else { "fail" });
    let verdict = match (&of_bins[0], &of_bins[2]) {
        (Some(easy), Some(hard)) => verdict(easy, hard),
        _ => format!("{} of the tasks", percent(mean(&errors)?)),
    };
    let mut legend: Vec<(&str, &str)> =
        BINS.into_iter().zip(&of_bins).filter(|(_, group)| group.is_some()).map(|(bin, _)| bin).collect();
    legend.extend([("curve", "groups of similar score"), ("cloud", "tasks")]);
    if is_measured {
        legend.push(("diagonal", "as the score predicts"));
    }
    Some(Plot {
        id,
        title: shown(&format!("{benchmark}: {models}{own} {verb} {verdict}{rank}")),
        legend,
        height: At(bottom + 36.0),
        marks,
        table: Table::new(
            &format!("{benchmark}: how often models fail distinct tasks, with 95 % intervals over tasks"),
            &["tasks", "number", "scores", "error", "from", "to"],
            table,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_score_are_in_one_group() {
        let rows: Vec<(f64, f64)> = [(0.1, 12), (0.2, 3), (0.3, 30), (0.9, 4)]
            .into_iter()
            .flat_map(|(score, n)| vec![(score, 0.0); n])
            .collect();
        let sizes: Vec<usize> = groups(&rows).into_iter().map(<[_]>::len).collect();
        assert_eq!(sizes, [12, 33, 4]);
    }
}
