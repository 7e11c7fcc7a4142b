//! Rates of several tries count for as much as they tell.

use super::{
    simulated::{Panel, Tries, errors, fit_of, rank_correlation, responses},
    *,
};

/// Answers as a table that says the number of tries: (row, model, score).
fn table_with_tries(answers: &[(usize, usize, f64)], tries: i64) -> Input {
    let Input::Table(batches) = table(answers) else { panic!("it is a table") };
    let batch = &batches[0];
    let mut columns: Vec<(String, ArrayRef)> =
        batch.schema().fields().iter().map(|field| field.name().clone()).zip(batch.columns().to_vec()).collect();
    let of_rows = arrow_array::Int64Array::from_iter_values(answers.iter().map(|_| tries));
    columns.push(("tries".to_owned(), Arc::new(of_rows)));
    Input::Table(vec![RecordBatch::try_from_iter(columns).unwrap()])
}

/// The responses of a table of answers whose number of tries is said.
fn responses_of(place: &Place, answers: &[(usize, usize, f64)], tries: i64) -> Responses {
    place.read(&[table_with_tries(answers, tries)], &ReadOptions::default()).unwrap().benchmarks.remove(0)
}

#[test]
fn rates_of_models_with_tastes_order_rows_as_well_as_their_mean_does() {
    let place = Place::new(164);
    let (mut ours, mut plain) = (0.0, 0.0);
    for seed in 0..10 {
        let random = &mut Random(60 + seed);
        let difficulty = random.normals(164, 1.5);
        let panel = Panel::new(random, difficulty, 3);
        let own = responses(&place, &panel.scores(random, Tries::Rate(0.4)));
        let fit = fit_of(&own, &DifficultyPrior::features(&[]));
        ours += rank_correlation(&errors(&fit), &panel.difficulty) / 10.0;
        plain += rank_correlation(&own.errors(), &panel.difficulty) / 10.0;
    }
    assert!(ours >= plain - 0.01, "{ours}, and the mean {plain}");
}

#[test]
fn the_correlation_of_tries_is_recovered() {
    let place = Place::new(300);
    for models in [2, 3, 10] {
        for in_common in [0.05, 0.2, 0.5] {
            let random = &mut Random(70 + models as u64);
            let difficulty = random.normals(300, 1.5);
            let panel = Panel::new(random, difficulty, models);
            let answers = panel.scores(random, Tries::Rate(in_common));
            for own in [responses(&place, &answers), responses_of(&place, &answers, 128)] {
                let found = fit_of(&own, &DifficultyPrior::features(&[])).tries_in_common.unwrap();
                assert!((found / in_common - 1.0).abs() < 0.3, "{models} models: {found}, not {in_common}");
            }
        }
    }
}

#[test]
fn the_correlation_of_a_few_tries_is_recovered() {
    let place = Place::new(400);
    for in_common in [0.0, 0.2, 0.5] {
        let random = &mut Random(75);
        let difficulty = random.normals(400, 1.5);
        let panel = Panel::new(random, difficulty, 5);
        // Fourths, whose number of tries the scores show.
        let own = responses(&place, &panel.scores(random, Tries::Few(in_common)));
        assert_eq!(own.answers(0).next().unwrap().tries, 4);
        let found = fit_of(&own, &DifficultyPrior::features(&[])).tries_in_common.unwrap();
        assert!((found - in_common).abs() < 0.04, "{found}, not {in_common}");
    }
}

#[test]
fn saying_the_number_of_tries_hardly_moves_the_order() {
    let place = Place::new(164);
    let random = &mut Random(80);
    let difficulty = random.normals(164, 1.5);
    let panel = Panel::new(random, difficulty, 3);
    let answers = panel.scores(random, Tries::Rate(0.2));
    let own = [responses(&place, &answers), responses_of(&place, &answers, 128)];
    assert_eq!(own[0].answers(0).next().unwrap().tries, symphony_data::response::Answer::MANY);
    assert_eq!(own[1].answers(0).next().unwrap().tries, 128);
    let [unsaid, said] = own.map(|own| errors(&fit_of(&own, &DifficultyPrior::features(&[]))));
    let rho = rank_correlation(&unsaid, &said);
    assert!(rho > 0.999, "{rho}");
}

#[test]
fn rows_of_more_tries_are_known_better_and_intervals_of_both_hold_the_truth() {
    let place = Place::new(300);
    let (mut standard_errors, mut covered) = ([0.0; 2], [0.0; 2]);
    for seed in 0..8 {
        let random = &mut Random(90 + seed);
        let difficulty = random.normals(300, 1.5);
        let panel = Panel::new(random, difficulty, 5);
        // Rows of 128 tries, and rows of one.
        let (many, one) = (panel.scores(random, Tries::Rate(0.1)), panel.scores(random, Tries::One));
        let own = |answers: &[(usize, usize, f64)], odd: usize| {
            answers.iter().copied().filter(|(row, ..)| row % 2 == odd).collect::<Vec<_>>()
        };
        let inputs = [table_with_tries(&own(&one, 0), 1), table_with_tries(&own(&many, 1), 128)];
        let responses = place.read(&inputs, &ReadOptions::default()).unwrap().benchmarks.remove(0);
        let fit = fit_of(&responses, &DifficultyPrior::features(&[]));
        for (at, (row, truth)) in fit.difficulties.iter().zip(&panel.difficulty).enumerate() {
            standard_errors[at % 2] += row.standard_error / 1200.0;
            covered[at % 2] += f64::from(u8::from((row.difficulty - truth).abs() < 1.96 * row.standard_error)) / 1200.0;
        }
    }
    eprintln!("{standard_errors:?} {covered:?}");
    assert!(standard_errors[1] < 0.7 * standard_errors[0], "{standard_errors:?}");
    assert!(covered.iter().all(|share| (0.92..=0.98).contains(share)), "{covered:?}");
}

#[test]
fn one_try_that_is_said_changes_no_bit() {
    let place = Place::new(200);
    let random = &mut Random(82);
    let difficulty = random.normals(200, 1.5);
    let panel = Panel::new(random, difficulty, 4);
    let answers = panel.scores(random, Tries::One);
    let found = [responses(&place, &answers), responses_of(&place, &answers, 1)].map(|own| {
        let fit = fit_of(&own, &DifficultyPrior::features(&[]));
        assert_eq!(fit.tries_in_common, None);
        format!("{fit:?}")
    });
    assert_eq!(found[0], found[1]);
}
