//! The ceiling: how well any score could predict the errors of these models.

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

/// Panels of up to this many models are halved in every possible way.
const HALVED_IN_EVERY_WAY: usize = 12;
/// The most random splits of a larger panel.
const MOST_SPLITS: usize = 500;
/// The number of random splits between two checks whether they are enough.
const SPLITS_AT_ONCE: usize = 20;
/// The splits are enough if the standard error of their mean is below this, which is less than the precision shown.
const NEAR_ENOUGH: f64 = 5e-4;
/// The splits are also enough once they looked at this many answers.
const MOST_ANSWERS: usize = 1_000_000_000;

/// The highest correlation to expect of any score with the panel's mean error, from 0 to 1: the square root of the
/// reliability of that mean. The reliability is the mean Spearman-Brown corrected correlation (Spearman, 1910; Brown, 1910)
/// of the mean errors of two halves of the panel.
///
/// For panels of up to twelve models, the mean is over all ways of halving them. For larger panels, it is over random halves,
/// the same ones each time: twenty, then twenty more until further ones would hardly move it by 0.001, but at most 500 and
/// at most a thousand million answers in all. Larger panels, and panels whose models agree more, have more similar halves
/// and need fewer splits. Each split takes the time to look at all answers to these rows.
///
/// `None` for fewer than three models, because two halves of one model each do not generalize to other models, and `None`
/// if the halves do not correlate.
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

/// The standard error of the mean; infinite for fewer than two values.
fn standard_error(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let Some(center) = mean(values).filter(|_| n > 1.0) else { return f64::INFINITY };
    let squares: f64 = values.iter().map(|x| (x - center) * (x - center)).sum();
    (squares / (n - 1.0) / n).sqrt()
}

/// The mean errors of both halves of a panel on each row; NaN if no model of a half answered. `split` gives the half of each
/// model, and `answers` is the number of answers to these rows.
fn halves(
    responses: &Responses,
    rows: &[usize],
    answers: usize,
    split: &[bool],
    progress: &dyn Progress,
) -> Result<(Vec<f64>, Vec<f64>), EvidenceError> {
    // Each row is summed by itself, so that the sums do not depend on the threads.
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

/// All ways of halving a small panel.
fn all_splits(models: usize) -> impl Iterator<Item = Vec<bool>> {
    let all = (0_u32..1 << models).filter(move |set| set.count_ones() as usize == models / 2);
    // In an even panel each split occurs twice; keep the one whose set leaves out the last model.
    let once = all.filter(move |set| models % 2 == 1 || set >> (models - 1) & 1 == 0);
    once.map(move |set| (0..models).map(|model| set >> model & 1 == 1).collect())
}

/// Random halves of a panel, from our own generator, so that they are the same on every machine.
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
