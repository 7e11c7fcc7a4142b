//! Panels of about ninety models with a chance to guess, for which alternation can need many rounds.

use super::{
    simulated::{Anchored, rank_correlation, responses},
    *,
};

const MODELS: usize = 90;
const CHANCE: f64 = 0.25;

/// Answers of [`MODELS`] models, each to this share of the rows, and what was known of the rows.
fn panel(seed: u64, rows: usize, share: f64) -> (Responses, Anchored) {
    let random = &mut Random(seed);
    let ability = random.normals(MODELS, 1.0);
    let anchored = Anchored::new(random, rows);
    let mut answers = Vec::new();
    for (row, difficulty) in anchored.truth.iter().enumerate() {
        for (model, ability) in ability.iter().enumerate() {
            let p = 1.0 / (1.0 + (difficulty - ability).exp());
            let solved = f64::from(random.of_tries(1, CHANCE + (1.0 - CHANCE) * p));
            if random.uniform() < share {
                answers.push((row, model, solved));
            }
        }
    }
    (responses(&Place::new(rows), &answers), anchored)
}

fn fit_with(chance: f64, responses: &Responses, prior: &DifficultyPrior) -> Fit {
    fit(responses, prior, FitOptions { discrimination: false, chance }, &|| false).unwrap()
}

#[test]
fn a_panel_of_ninety_models_that_guess_converges() {
    let (mut covered, mut all) = (0, 0);
    for (seed, chance) in [(5, CHANCE), (6, CHANCE), (7, CHANCE), (5, CHANCE / 2.0), (6, 0.0)] {
        let (responses, anchored) = panel(seed, 200, 1.0);
        for (name, prior) in [("no prior", DifficultyPrior::features(&[])), ("known", anchored.prior())] {
            let fit = fit_with(chance, &responses, &prior);
            assert!(fit.converged, "{name}, {chance}: {} rounds", fit.iterations);
            let found: Vec<f64> = fit.difficulties.iter().map(|row| row.difficulty).collect();
            let rho = rank_correlation(&found, &anchored.truth);
            assert!(rho > 0.9, "{name}, {chance}: {rho}");
            if chance == CHANCE {
                let rows = fit.difficulties.iter().zip(&anchored.truth);
                covered += rows.filter(|(row, b)| (row.difficulty - **b).abs() < 1.96 * row.standard_error).count();
                all += 200;
            }
        }
    }
    let share = covered as f64 / f64::from(all);
    assert!((0.92..=0.98).contains(&share), "{share}");
}

#[test]
fn newtons_method_takes_over_where_alternation_does_not_end_soon() {
    // Four or five answers of each model, which hardly tell abilities from difficulties.
    let (responses, _) = panel(5, 300, 0.015);
    for chance in [CHANCE, CHANCE / 2.0, 0.0] {
        let fit = fit_with(chance, &responses, &DifficultyPrior::features(&[]));
        assert!(fit.converged && (41..100).contains(&fit.iterations), "{chance}: {} rounds", fit.iterations);
    }
}
