//! Intervals of 95 % hold the true difficulties about 95 times in 100.

use super::{
    simulated::{Anchored, Panel, Tries, fit_of, responses},
    *,
};

const ROWS: usize = 300;
const PANELS: u64 = 10;

/// The share of the rows' 95 % intervals that hold the truth, over several panels. `drawn` makes the rows: what is believed
/// of them, and their true difficulties.
fn coverage(models: usize, tries: Tries, drawn: impl Fn(&mut Random) -> (DifficultyPrior, Vec<f64>)) -> f64 {
    let place = Place::new(ROWS);
    let mut covered = 0;
    for seed in 0..PANELS {
        let random = &mut Random(1000 * seed + models as u64);
        let (prior, difficulty) = drawn(random);
        let panel = Panel::new(random, difficulty, models);
        let fit = fit_of(&responses(&place, &panel.scores(random, tries)), &prior);
        assert!(fit.converged, "{models} models, {tries:?}, panel {seed}");
        let rows = fit.difficulties.iter().zip(&panel.difficulty);
        covered += rows.filter(|(row, truth)| (row.difficulty - **truth).abs() < 1.96 * row.standard_error).count();
    }
    covered as f64 / (ROWS as u64 * PANELS) as f64
}

#[track_caller]
fn check(what: &str, share: f64) {
    assert!((0.92..=0.98).contains(&share), "{what}: {share}");
}

#[test]
fn intervals_around_a_prediction_from_features_hold_the_truth() {
    for models in [1, 3, 10] {
        let share = coverage(models, Tries::One, |random| {
            let feature = random.normals(ROWS, 1.0);
            let difficulty = feature.iter().map(|x| x + 1.5 * random.normal()).collect();
            (DifficultyPrior::features(&[feature]), difficulty)
        });
        check(&format!("{models} models"), share);
    }
}

#[test]
fn intervals_around_known_difficulties_hold_the_truth() {
    let of_one_try = [1, 3, 10].map(|models| (models, Tries::One));
    let of_rates = [3, 5].map(|models| [(models, Tries::Rate(0.0)), (models, Tries::Rate(0.2))]).concat();
    // The correlation of one model's tries cannot be estimated, and is taken to be 0.1.
    for (models, tries) in [&of_one_try[..], &of_rates, &[(1, Tries::Rate(0.1))]].concat() {
        let share = coverage(models, tries, |random| {
            let anchored = Anchored::new(random, ROWS);
            (anchored.prior(), anchored.truth)
        });
        check(&format!("{models} models, {tries:?}"), share);
    }
}

#[test]
fn intervals_of_rates_hold_the_truth() {
    for tries in [Tries::Rate(0.0), Tries::Rate(0.2)] {
        for models in [3, 5] {
            let share = coverage(models, tries, |random| (DifficultyPrior::features(&[]), random.normals(ROWS, 1.5)));
            check(&format!("{models} models, {tries:?}"), share);
        }
    }
}
