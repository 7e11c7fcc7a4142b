//! How well the errors of these models could be foretold at all.

use rayon::prelude::*;

use crate::{
    evidence::{ANSWERS_BETWEEN_QUESTIONS, EvidenceError},
    number::{
        correlation::{spearman, tidied},
        mean,
    },
    progress::Progress,
    response::Responses,
};

/// Panels of up to so many models are halved in every way.
const HALVED_IN_EVERY_WAY: usize = 12;
/// The most ways of splitting a larger panel into halves that are averaged over, and how many are looked at before it is
/// asked whether that is enough.
const MOST_SPLITS: usize = 500;
const SPLITS_AT_ONCE: usize = 20;
/// It is enough where the standard error of the mean over splits is below that, which is less than is ever shown, or where
/// so many answers were looked at.
const NEAR_ENOUGH: f64 = 5e-4;
const MOST_ANSWERS: usize = 1_000_000_000;

/// The most that the correlation of any score with the panel's mean error can be expected to reach: the square root of the
/// reliability of that mean, which is the mean Spearman-Brown corrected correlation (Spearman, 1910; Brown, 1910) of the
/// mean errors of two halves of the panel.
///
/// The mean is over all ways of halving panels of up to twelve models. Of larger ones it is over halves drawn at random, the
/// same each time: twenty, and twenty more until further ones would hardly move it by 0.001, but at most 500, and fewer
/// where that would be more than a thousand million answers to look at. The larger a panel is, and the more its models
/// agree, the less halves differ and the fewer are enough. The time is that of looking at all answers to these rows so many
/// times, whatever the number of models.
///
/// `None` below three models, because halves of one model each say nothing of other models; and `None` where the halves do
/// not correlate at all.
///
/// # Errors
/// The caller asked to stop.
pub fn ceiling(responses: &Responses, rows: &[usize], progress: &dyn Progress) -> Result<Option<f64>, EvidenceError> {
    let models = responses.models().len();
    if models < 3 {
        return Ok(None);
    }
    let answers: usize = rows.iter().map(|row| responses.answers(*row).len()).sum();
    let every_way = models <= HALVED_IN_EVERY_WAY;
    let splits: Box<dyn Iterator<Item = Vec<bool>>> =
        if every_way { Box::new(all_splits(models)) } else { Box::new(random_splits(models).take(MOST_SPLITS)) };
    let mut reliabilities = Vec::new();
    for (number, split) in splits.enumerate() {
        let asked = !every_way && number > 0 && number % SPLITS_AT_ONCE == 0;
        if asked && (number * answers >= MOST_ANSWERS || standard_error(&reliabilities) < NEAR_ENOUGH) {
            break;
        }
        let (one, other) = halves(responses, rows, answers, &split, progress)?;
        if let Some(r) = spearman(&one, &other) {
            reliabilities.push(2.0 * r / (1.0 + r));
        }
    }
    Ok(mean(&reliabilities).filter(|reliability| *reliability > 0.0).map(f64::sqrt))
}

/// The standard error of a mean; infinite where too few are known to tell.
fn standard_error(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let Some(center) = mean(values).filter(|_| n > 1.0) else { return f64::INFINITY };
    let squares: f64 = values.iter().map(|x| (x - center) * (x - center)).sum();
    (squares / (n - 1.0) / n).sqrt()
}

/// The mean errors of both halves of a panel on each row; NaN where no model of a half answered. `split` says for each model
/// which half it is in, `answers` how many there are to these rows.
fn halves(
    responses: &Responses,
    rows: &[usize],
    answers: usize,
    split: &[bool],
    progress: &dyn Progress,
) -> Result<(Vec<f64>, Vec<f64>), EvidenceError> {
    // Each row by itself, so that sums do not depend on who works out which.
    let of_row = |row: &usize| -> (f64, f64) {
        let mut sums = [(0.0, 0.0); 2];
        for answer in responses.answers(*row) {
            let (sum, n) = &mut sums[usize::from(split[answer.model])];
            *sum += 1.0 - answer.score;
            *n += 1.0;
        }
        let [one, other] = sums.map(|(sum, n)| tidied(sum / n));
        (one, other)
    };
    let rows_at_once = (ANSWERS_BETWEEN_QUESTIONS * rows.len()).div_ceil(answers.max(1)).max(1);
    let parts: Result<Vec<Vec<(f64, f64)>>, EvidenceError> =
        rows.par_chunks(rows_at_once)
            .map(|rows| {
                if progress.cancelled() { Err(EvidenceError::Cancelled) } else { Ok(rows.iter().map(of_row).collect()) }
            })
            .collect();
    Ok(parts?.into_iter().flatten().unzip())
}

/// Every way of halving a small panel.
fn all_splits(models: usize) -> impl Iterator<Item = Vec<bool>> {
    let all = (0_u32..1 << models).filter(move |set| set.count_ones() as usize == models / 2);
    // Of an even panel each way comes twice; the one without the last model stands for both.
    let once = all.filter(move |set| models % 2 == 1 || set >> (models - 1) & 1 == 0);
    once.map(move |set| (0..models).map(|model| set >> model & 1 == 1).collect())
}

/// Ways of halving a panel, drawn at random by a generator of their own, which keeps this the same everywhere.
fn random_splits(models: usize) -> impl Iterator<Item = Vec<bool>> {
    let mut random = crate::number::random::Random::new(models as u64);
    std::iter::repeat_with(move || {
        let mut order: Vec<usize> = (0..models).collect();
        for i in (1..models).rev() {
            order.swap(i, random.below(i as u64 + 1) as usize);
        }
        let mut split = vec![false; models];
        order[..models / 2].iter().for_each(|model| split[*model] = true);
        split
    })
}
