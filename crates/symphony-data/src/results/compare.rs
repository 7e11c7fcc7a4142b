//! Which models are compared, and what the comparisons say.

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Missing, ResultsError,
    estimate::Answered,
    full::{Design, Designs, FullDifference, Predictions},
    paired::{self, Difference, FLIPS, Pair},
    read::{ModelAnswers, Selection},
};
use crate::progress::Progress;

/// With more models than this, each is compared with the best one only.
const MOST_FOR_ALL_PAIRS: usize = 20;
/// How many signs may be flipped at random for all comparisons together, which takes half a minute or so.
const MOST_SIGNS: u64 = 30_000_000_000;
/// The fewest random sets of signs of a comparison.
const FEWEST_FLIPS: u64 = 999;

/// The comparison of two models on the tasks that both answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The model.
    pub model: String,
    /// The model that it is compared with.
    pub baseline: String,
    /// How many tasks both answered, each as often as it was drawn.
    pub n_tasks: u64,
    /// How many distinct tasks they are.
    pub n_distinct: u64,
    /// How many of these tasks have two answers with different scores.
    pub discordant: u64,
    /// How much more the model solves than the baseline: the mean difference, from -1 to 1. This and what follows is `None` if
    /// both answered fewer than two distinct tasks.
    pub difference: Option<f64>,
    /// The standard error of the difference.
    pub standard_error: Option<f64>,
    /// The low end of its 95 % interval.
    pub low: Option<f64>,
    /// The high end of its 95 % interval.
    pub high: Option<f64>,
    /// How likely a difference at least as large is if the models are equally good.
    pub p_value: Option<f64>,
    /// The p-value, adjusted for the number of comparisons (Holm 1979); `None` if there is only one.
    pub adjusted_p_value: Option<f64>,
    /// The smallest true difference that this comparison would show with a power of 80 %.
    pub detectable: Option<f64>,
    /// How the p-value was computed.
    pub method: String,
    /// The comparison in words.
    pub sentence: String,
    /// The estimated difference on all rows of each benchmark, where the draw allows it.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "crate::pool::as_map")]
    pub full: Vec<(String, FullDifference)>,
}

/// Compares models: those of a baseline with it, else all pairs or, of many, each with the best. `order` has the models best
/// first, by their place in `answers`. Also says in sentences which comparisons these are.
pub(super) fn comparisons(
    answers: &[ModelAnswers],
    order: &[usize],
    (all, designs, predicted): (&Selection, &Designs, &[Predictions]),
    baseline: Option<&str>,
    missing: Missing,
    progress: &dyn Progress,
) -> Result<(Vec<Comparison>, Vec<String>), ResultsError> {
    let mut notes = Vec::new();
    let pairs: Vec<(usize, usize)> = match (baseline, order) {
        (Some(name), _) => {
            let baseline = baseline_of(name, answers)?;
            order.iter().filter(|own| **own != baseline).map(|own| (*own, baseline)).collect()
        }
        (None, [best, others @ ..]) if order.len() > MOST_FOR_ALL_PAIRS => {
            notes.push(format!(
                "with more than {MOST_FOR_ALL_PAIRS} models, each is compared with the one that did best, {}, and part of its \
                 lead is luck; name a baseline to compare with another model",
                answers[*best].model.name
            ));
            others.iter().map(|own| (*own, *best)).collect()
        }
        _ => {
            let behind = |at: usize| order[at + 1..].iter().map(move |own| (order[at], *own));
            (0..order.len()).flat_map(behind).collect()
        }
    };
    let signs = MOST_SIGNS / (pairs.len() as u64 * all.clusters().count() as u64).max(1);
    let flips = signs.clamp(FEWEST_FLIPS, u64::from(FLIPS)) as u32;
    let compared = |(model, baseline): (usize, usize)| {
        if progress.cancelled() {
            return Err(ResultsError::Stopped);
        }
        let both = predicted[model].iter().zip(&predicted[baseline]);
        let full = |((benchmark, design), (own, other)): (&(String, Result<Design, String>), _)| {
            let (own, other): (&Option<Answered>, &Option<Answered>) = (own, other);
            Some((benchmark.clone(), design.as_ref().ok()?.compare(own.as_ref()?, other.as_ref()?)?))
        };
        let full = designs.iter().zip(both).filter_map(full).collect();
        Ok(Comparison { full, ..compare(&answers[model], &answers[baseline], all, missing, flips) })
    };
    let mut found: Vec<Comparison> = pairs.into_par_iter().map(compared).collect::<Result<_, _>>()?;
    adjust(&mut found);
    if found.len() > 1 {
        notes.push(format!(
            "with {} comparisons, some differences look real by chance: adjusted p-values (Holm) keep the risk of any at 5 %",
            found.len()
        ));
    }
    Ok((found, notes))
}

/// The model of this name, or the only one that another publication spells so.
fn baseline_of(name: &str, answers: &[ModelAnswers]) -> Result<usize, ResultsError> {
    let exact = answers.iter().position(|own| own.model.name == name);
    let mut alike = answers.iter().enumerate().filter(|(_, own)| own.model.is_like(name)).map(|(at, _)| at);
    exact.or_else(|| alike.next().filter(|_| alike.next().is_none())).ok_or_else(|| ResultsError::NoSuchBaseline {
        baseline: name.to_owned(),
        models: answers.iter().map(|own| own.model.name.clone()).collect(),
    })
}

fn compare(model: &ModelAnswers, baseline: &ModelAnswers, all: &Selection, missing: Missing, flips: u32) -> Comparison {
    let (mut n_tasks, mut discordant, mut pairs) = (0, 0, Vec::new());
    for cluster in all.clusters() {
        let mut pair = Pair::default();
        for part in cluster {
            let scores = (model.scores.of(part.row, missing), baseline.scores.of(part.row, missing));
            if let (Some((own, _)), Some((other, _))) = scores {
                pair.size += f64::from(part.times);
                pair.difference += f64::from(part.times) * (own - other);
                n_tasks += u64::from(part.times);
                discordant += if own == other { 0 } else { u64::from(part.times) };
            }
        }
        if pair.size > 0.0 {
            pairs.push(pair);
        }
    }
    let found = paired::compare(&pairs, flips);
    let (name, other) = (model.model.name.clone(), baseline.model.name.clone());
    Comparison {
        n_tasks,
        n_distinct: pairs.len() as u64,
        discordant,
        difference: found.map(|found| found.difference),
        standard_error: found.map(|found| found.standard_error),
        low: found.map(|found| found.low),
        high: found.map(|found| found.high),
        p_value: found.map(|found| found.p_value),
        adjusted_p_value: None,
        detectable: found.map(|found| paired::detectable(found.standard_error)),
        method: match found.and_then(|found| found.flips) {
            None => "sign-flip test of the tasks' differences, exact, mid-p".to_owned(),
            Some(flips) => format!("sign-flip test of the tasks' differences, {flips} random flips, mid-p"),
        },
        sentence: sentence(&name, &other, found),
        full: Vec::new(),
        model: name,
        baseline: other,
    }
}

/// Holm's adjustment (1979): the smallest p-value counts as often as there are comparisons, the next one time less, and so on.
fn adjust(comparisons: &mut [Comparison]) {
    if comparisons.len() < 2 {
        return;
    }
    let mut order: Vec<(f64, usize)> =
        comparisons.iter().enumerate().filter_map(|(at, own)| Some((own.p_value?, at))).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (n, mut largest) = (order.len(), 0.0_f64);
    for (rank, (p, at)) in order.into_iter().enumerate() {
        largest = largest.max((n - rank) as f64 * p).min(1.0);
        comparisons[at].adjusted_p_value = Some(largest);
    }
}

/// A share in points, to one decimal and without a minus before 0.
pub(crate) fn points(share: f64) -> String {
    let tenths = (share * 1_000.0).round() + 0.0;
    format!("{:.1}", tenths / 10.0)
}

fn sentence(model: &str, baseline: &str, found: Option<Difference>) -> String {
    let Some(Difference { difference, standard_error, low, high, .. }) = found else {
        return format!("{model} and {baseline} both answered fewer than two distinct tasks");
    };
    let shows = points(paired::detectable(standard_error));
    // The model that solves more comes first.
    let (first, second, difference, low, high) = if difference < 0.0 {
        (baseline, model, -difference, -high, -low)
    } else {
        (model, baseline, difference, low, high)
    };
    let by_chance = if low <= 0.0 { ", so chance may explain it" } else { "" };
    let tells = format!("this pool can show differences from {shows} on");
    if points(difference) == "0.0" {
        return format!("{first} and {second} solve equally many ({} to {}); {tells}", points(low), points(high));
    }
    let (difference, low, high) = (points(difference), points(low), points(high));
    format!("{first} solves {difference} points more than {second} ({low} to {high}{by_chance}); {tells}")
}
