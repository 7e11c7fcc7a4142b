//! Answers that say nothing leave the order of the prior; answers that say more than the prior replace it.

use super::{
    simulated::{Anchored, Panel, Tries, errors, fit_of, rank_correlation, responses},
    *,
};

/// The same score of one model on every row.
fn all_alike(rows: usize, score: f64) -> Vec<(usize, usize, f64)> {
    (0..rows).map(|row| (row, 0, score)).collect()
}

/// Expected errors rise strictly with `order`, and tie where it ties.
#[track_caller]
fn check_order(order: &[f64], errors: &[f64], what: &str) {
    for (a, x) in order.iter().zip(errors) {
        for (b, y) in order.iter().zip(errors) {
            assert_eq!(a.total_cmp(b), x.total_cmp(y), "{what}: {a} and {b} have {x} and {y}");
        }
    }
}

#[test]
fn a_model_that_solves_all_rows_or_fails_all_leaves_the_order_of_the_score() {
    let place = Place::new(120);
    let random = &mut Random(31);
    // Twelve lengths, each ten times; and a feature that has nothing to do with them.
    let score: Vec<f64> = (0..120).map(|row| f64::from(row * 7 % 12) / 12.0).collect();
    let other = random.normals(120, 1.0);
    for solved in [0.0, 1.0] {
        let answers = responses(&place, &all_alike(120, solved));
        let fit = fit_of(&answers, &DifficultyPrior::score_and_features(&score, &[vec![2.0; 120]]));
        check_order(&score, &errors(&fit), "alone");
        let fit = fit_of(&answers, &DifficultyPrior::score_and_features(&score, std::slice::from_ref(&other)));
        check_order(&score, &errors(&fit), "beside a feature");
    }
    // Two such models, whether they agree or not, and however many rows each answered.
    let answers = [all_alike(120, 1.0), (20..120).map(|row| (row, 1, 0.0)).collect()].concat();
    let fit = fit_of(&responses(&place, &answers), &DifficultyPrior::score_and_features(&score, &[other]));
    check_order(&score[20..], &errors(&fit)[20..], "two models");
    check_order(&score[..20], &errors(&fit)[..20], "the rows of one of two models");
}

#[test]
fn a_calibration_by_such_a_model_has_the_order_of_the_surface_score() {
    let place = Place::new(200);
    let store = symphony_data::store::Store::open(&place.path("full"), "gsm8k", &Silent).unwrap();
    let surface = store.scores().unwrap();
    for solved in [0.0, 1.0] {
        let (meta, rows) = place.calibrate(&[table(&all_alike(200, solved))], &format!("to {solved}"));
        let errors: Vec<f64> = rows.iter().map(|row| row.expected_error).collect();
        assert_eq!(
            meta.features[1].coefficient, 0.0,
            "the first feature that the score was made of: {:?}",
            meta.features
        );
        check_order(&surface, &errors, &format!("{solved}"));
    }
}

#[test]
fn a_model_that_solves_all_rows_or_fails_all_leaves_the_order_of_known_difficulties() {
    let place = Place::new(150);
    // Thirty known difficulties, each five times.
    let known: Vec<f64> = (0..150).map(|row| f64::from(row * 7 % 30) / 10.0 - 1.0).collect();
    for solved in [0.0, 1.0] {
        let prior = DifficultyPrior::anchored(&known, &[0.4; 150], ABILITIES, &[], &[false; 150]);
        let fit = fit_of(&responses(&place, &all_alike(150, solved)), &prior);
        check_order(&known, &errors(&fit), &format!("{solved}"));
    }
}

#[test]
fn answers_at_random_hardly_move_known_difficulties() {
    let place = Place::new(1000);
    for seed in 0..3 {
        let random = &mut Random(40 + seed);
        let anchored = Anchored::new(random, 1000);
        let answers: Vec<_> = (0..1000).map(|row| (row, 0, f64::from(random.of_tries(1, 0.5)))).collect();
        let fit = fit_of(&responses(&place, &answers), &anchored.prior());
        let rho = rank_correlation(&errors(&fit), &anchored.known);
        assert!(rho > 0.95, "{rho}");
    }
}

#[test]
fn with_more_models_wrong_known_difficulties_fade() {
    let place = Place::new(300);
    for (what, reversed) in [("permuted", false), ("reversed", true)] {
        let random = &mut Random(50);
        let difficulty = random.normals(300, 1.5);
        let known: Vec<f64> =
            if reversed { difficulty.iter().map(|b| -b).collect() } else { random.shuffled(&difficulty) };
        let prior = DifficultyPrior::anchored(&known, &[0.3; 300], ABILITIES, &[], &[false; 300]);
        // With very few models the known difficulties lead, whatever these answer.
        let correlations: Vec<[f64; 2]> = [3, 10, 20, 60]
            .into_iter()
            .map(|models| {
                let panel = Panel::new(random, difficulty.clone(), models);
                let own = responses(&place, &panel.scores(random, Tries::One));
                let fit = fit_of(&own, &prior);
                let truth = rank_correlation(&errors(&fit), &difficulty);
                [truth, rank_correlation(&errors(&fit), &own.errors())]
            })
            .collect();
        for at in 0..2 {
            assert!(correlations.windows(2).all(|pair| pair[0][at] < pair[1][at]), "{what}: {correlations:?}");
        }
        assert!(correlations[3][0] > 0.9, "{what}: {correlations:?}");
    }
}

#[test]
fn known_difficulties_fix_the_unit_however_many_models_there_are() {
    let place = Place::new(200);
    // Newton's method, and alternation.
    for models in [3, 10, 40, 60] {
        let (mut coefficient, mut slope) = (0.0, 0.0);
        for seed in 0..10 {
            let random = &mut Random(1100 + seed);
            let anchored = Anchored::new(random, 200);
            let panel = Panel::new(random, anchored.truth.clone(), models);
            let fit = fit_of(&responses(&place, &panel.scores(random, Tries::One)), &anchored.prior());
            coefficient += fit.coefficients[0] / 10.0;
            slope += fit.abilities.iter().map(|model| model.slope.ln()).sum::<f64>() / models as f64 / 10.0;
        }
        assert!((coefficient - 1.0).abs() < 0.03, "{models} models: {coefficient} logits per logit");
        assert!(slope.abs() < 0.02, "{models} models: the mean ln s is 0, and {slope} was found");
    }
}

#[test]
fn answers_the_wrong_way_round_do_not_turn_known_difficulties_round() {
    let place = Place::new(1000);
    for seed in 0..3 {
        let random = &mut Random(60 + seed);
        let anchored = Anchored::new(random, 1000);
        // A good model, whose errors were taken for its scores.
        let panel = Panel::new(random, anchored.known.clone(), 1);
        let answers: Vec<_> =
            panel.scores(random, Tries::One).into_iter().map(|(row, model, score)| (row, model, 1.0 - score)).collect();
        let fit = fit_of(&responses(&place, &answers), &anchored.prior());
        let rho = rank_correlation(&errors(&fit), &anchored.known);
        assert!(rho > 0.95, "{rho}");
    }
}
