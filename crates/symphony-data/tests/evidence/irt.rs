//! Difficulties and abilities are recovered from simulated answers.

use super::*;

struct Truth {
    ability: Vec<f64>,
    difficulty: Vec<f64>,
    discrimination: Vec<f64>,
    responses: Responses,
}

fn simulated(seed: u64, models: usize, rows: usize, discrimination_sd: f64, chance: f64) -> Truth {
    let mut random = Random(seed);
    let ability = random.normals(models, 1.0);
    let difficulty = random.normals(rows, 1.2);
    let discrimination: Vec<f64> = random.normals(rows, discrimination_sd).into_iter().map(f64::exp).collect();
    let mut answers = Vec::new();
    for row in 0..rows {
        for (model, ability) in ability.iter().enumerate() {
            let p = 1.0 / (1.0 + (-discrimination[row] * (ability - difficulty[row])).exp());
            let solved = random.uniform() < chance + (1.0 - chance) * p;
            answers.push((row, model, f64::from(u8::from(solved))));
        }
    }
    let place = Place::new(rows);
    let responses = place.read(&[table(&answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0);
    // Models are sorted by name, m10 before m2.
    let ability = responses.models().iter().map(|model| ability[model.name[1..].parse::<usize>().unwrap()]).collect();
    Truth { ability, difficulty, discrimination, responses }
}

fn fitted(truth: &Truth, discrimination: bool, chance: f64) -> Fit {
    fit(&truth.responses, &DifficultyPrior::features(&[]), FitOptions { discrimination, chance }, &|| false).unwrap()
}

/// The share of 95 % intervals that hold the truth.
fn coverage(estimates: impl Iterator<Item = (f64, f64)>, truth: &[f64]) -> f64 {
    let covered = estimates.zip(truth).filter(|((estimate, error), truth)| (estimate - **truth).abs() < 1.96 * error);
    covered.count() as f64 / truth.len() as f64
}

fn correlation(x: impl Iterator<Item = f64>, y: &[f64]) -> f64 {
    symphony_data::number::correlation::spearman(&x.collect::<Vec<_>>(), y).unwrap()
}

#[test]
fn difficulties_and_abilities_are_recovered_within_their_errors() {
    for (seed, models, rows) in [(1, 60, 1500), (2, 12, 2000), (3, 5, 3000), (4, 400, 300)] {
        let truth = simulated(seed, models, rows, 0.0, 0.0);
        let fit = fitted(&truth, false, 0.0);
        assert!(fit.converged, "{models} × {rows}");
        let of_rows = coverage(fit.difficulties.iter().map(|d| (d.difficulty, d.standard_error)), &truth.difficulty);
        assert!((0.90..=0.98).contains(&of_rows), "{models} × {rows}: {of_rows}");
        assert!((fit.residual_sd - 1.2).abs() < 0.2, "{models} × {rows}: sd {}", fit.residual_sd);
        if models >= 60 {
            let of_models = coverage(fit.abilities.iter().map(|a| (a.ability, a.standard_error)), &truth.ability);
            assert!((0.88..=1.0).contains(&of_models), "{models} × {rows}: {of_models} of the abilities");
            let scale = fit.abilities.iter().map(|a| a.ability * a.ability).sum::<f64>() / models as f64;
            assert!((scale - 1.0).abs() < 0.4, "{scale}");
        }
    }
}

#[test]
fn ninety_five_percent_intervals_cover_the_true_abilities() {
    // Several small panels, because one has too few models to estimate coverage.
    let (mut covered, mut all) = (0.0, 0.0);
    for seed in 0..8 {
        let truth = simulated(100 + seed, 30, 400, 0.0, 0.0);
        let fit = fitted(&truth, false, 0.0);
        covered += 30.0 * coverage(fit.abilities.iter().map(|a| (a.ability, a.standard_error)), &truth.ability);
        all += 30.0;
    }
    assert!((0.90..=0.98).contains(&(covered / all)), "{}", covered / all);
}

#[test]
fn discriminations_are_recovered() {
    let truth = simulated(7, 150, 600, 0.4, 0.0);
    let fit = fitted(&truth, true, 0.0);
    assert!(fit.converged);
    let difficulties = coverage(fit.difficulties.iter().map(|d| (d.difficulty, d.standard_error)), &truth.difficulty);
    assert!((0.90..=0.98).contains(&difficulties), "{difficulties}");
    let r = correlation(fit.difficulties.iter().map(|d| d.discrimination), &truth.discrimination);
    assert!(r > 0.75, "discrimination: {r}");
    let sd = fit.discrimination_sd.unwrap();
    assert!((sd - 0.4).abs() < 0.08, "{sd}");
    assert!(correlation(fit.difficulties.iter().map(|d| d.difficulty), &truth.difficulty) > 0.95);
}

#[test]
fn rows_that_many_models_answered_lie_on_the_right_scale() {
    // So many models that the fit alternates, which lets the scale drift if rows are determined well.
    let truth = simulated(11, 1000, 150, 0.3, 0.0);
    let fit = fitted(&truth, true, 0.0);
    assert!(fit.converged);
    let sd = fit.discrimination_sd.unwrap();
    assert!((sd - 0.3).abs() < 0.05, "{sd}");
    // The slope of the fitted against the true values. The mean ln a of 150 rows is not 0, which moves it by 2 %.
    let (n, mean) = (truth.difficulty.len() as f64, |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64);
    let found: Vec<f64> = fit.difficulties.iter().map(|d| d.difficulty).collect();
    let (of_truth, of_found) = (mean(&truth.difficulty), mean(&found));
    let both: f64 = truth.difficulty.iter().zip(&found).map(|(x, y)| (x - of_truth) * (y - of_found)).sum::<f64>() / n;
    let own: f64 = truth.difficulty.iter().map(|x| (x - of_truth).powi(2)).sum::<f64>() / n;
    assert!((both / own - 1.0).abs() < 0.07, "{}", both / own);
}

#[test]
fn a_fit_of_many_rows_starts_from_a_fit_of_some_of_them() {
    let truth = simulated(12, 5, 16_400, 0.0, 0.0);
    let random = &mut Random(13);
    // Each row has its own feature: if the first fit used another row's, it would start elsewhere.
    let feature: Vec<f64> = truth.difficulty.iter().map(|b| b + 0.5 * random.normal()).collect();
    let options = FitOptions { discrimination: false, chance: 0.0 };
    let fit = fit(&truth.responses, &DifficultyPrior::features(&[feature]), options, &|| false).unwrap();
    assert!(fit.converged && fit.iterations <= 3, "{} iterations over all rows", fit.iterations);
    let of_rows = coverage(fit.difficulties.iter().map(|d| (d.difficulty, d.standard_error)), &truth.difficulty);
    assert!((0.90..=0.98).contains(&of_rows), "{of_rows}");
}

#[test]
fn a_known_chance_is_taken_into_account() {
    let truth = simulated(8, 80, 800, 0.0, 0.25);
    let with = fitted(&truth, false, 0.25);
    let coverage_with = coverage(with.difficulties.iter().map(|d| (d.difficulty, d.standard_error)), &truth.difficulty);
    assert!((0.90..=0.98).contains(&coverage_with), "{coverage_with}");
    // Guessing bounds the expected error of the hardest row.
    assert!(with.difficulties.iter().all(|d| d.expected_error <= 0.75));
}

#[test]
fn features_predict_the_difficulty_of_rows_without_responses() {
    let mut random = Random(9);
    let rows = 1000;
    let feature = random.normals(rows, 1.0);
    let difficulty: Vec<f64> = feature.iter().map(|x| 1.5 * x + 0.5 * random.normal()).collect();
    let ability = random.normals(4, 1.0);
    let mut answers = Vec::new();
    // Half of the rows are answered.
    for (row, difficulty) in difficulty[..rows / 2].iter().enumerate() {
        for (model, ability) in ability.iter().enumerate() {
            let solved = random.uniform() < 1.0 / (1.0 + (difficulty - ability).exp());
            answers.push((row, model, f64::from(u8::from(solved))));
        }
    }
    let responses = Place::new(rows).read(&[table(&answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0);
    let options = FitOptions { discrimination: false, chance: 0.0 };
    let fit = fit(&responses, &DifficultyPrior::features(&[feature]), options, &|| false).unwrap();
    assert!((fit.coefficients[0] - 1.5).abs() < 0.3, "{:?}", fit.coefficients);
    assert!((0.75..0.97).contains(&fit.variance_explained), "{}", fit.variance_explained);
    let unanswered = fit.difficulties[rows / 2..].iter();
    assert!(correlation(unanswered.clone().map(|d| d.difficulty), &difficulty[rows / 2..]) > 0.9);
    let covered = coverage(unanswered.map(|d| (d.difficulty, d.standard_error)), &difficulty[rows / 2..]);
    assert!((0.90..=0.98).contains(&covered), "{covered}");
}

#[test]
fn odd_panels_give_finite_difficulties() {
    let all = |models: usize, score: fn(usize, usize) -> f64| -> Vec<(usize, usize, f64)> {
        (0..40).flat_map(|row| (0..models).map(move |model| (row, model, score(row, model)))).collect()
    };
    let panels = [
        ("all rows solved", all(3, |_, _| 1.0)),
        ("no row solved", all(3, |_, _| 0.0)),
        ("one model", all(1, |row, _| f64::from(u8::from(row % 3 == 0)))),
        ("one answer", vec![(7, 0, 1.0)]),
        ("a model with one answer", [all(2, |row, _| f64::from(u8::from(row % 2 == 0))), vec![(3, 2, 0.0)]].concat()),
        ("models that share no row", (0..40).map(|row| (row, usize::from(row >= 20), (row % 2) as f64)).collect()),
        ("scores in between", all(2, |row, model| ((row + model) % 11) as f64 / 10.0)),
    ];
    let place = Place::new(40);
    for (name, answers) in panels {
        let responses = place.read(&[table(&answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0);
        for discrimination in [false, true] {
            let feature: Vec<f64> = (0..40).map(f64::from).collect();
            let options = FitOptions { discrimination, chance: 0.0 };
            let fit =
                fit(&responses, &DifficultyPrior::features(&[feature, vec![3.0; 40]]), options, &|| false).unwrap();
            assert!(fit.abilities.iter().all(|a| a.ability.abs() < 10.0 && a.standard_error >= 0.0), "{name}: {fit:?}");
            for d in &fit.difficulties {
                let sane = d.difficulty.abs() < 20.0 && d.standard_error > 0.0 && d.standard_error < 10.0;
                assert!(sane && (0.0..=1.0).contains(&d.expected_error), "{name}: {d:?}");
            }
            assert_eq!(fit.coefficients[1], 0.0, "{name}: a feature that does not vary says nothing");
        }
    }
}

#[test]
fn rows_with_the_same_answers_tie_with_any_number_of_threads() {
    let truth = simulated(11, 6, 300, 0.0, 0.0);
    let of_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let fit = pool.install(|| fitted(&truth, false, 0.0));
        fit.difficulties.iter().map(|d| d.expected_error.to_bits()).collect::<Vec<_>>()
    };
    let one = of_threads(1);
    assert_eq!(one, of_threads(2));
    assert_eq!(one, of_threads(7));
    let mut by_pattern: BTreeMap<String, u64> = BTreeMap::new();
    for (row, error) in one.iter().enumerate() {
        let pattern = truth.responses.answers(row).map(|answer| answer.score.to_string()).collect();
        assert_eq!(*by_pattern.entry(pattern).or_insert(*error), *error);
    }
}

/// A fit of `rows` rows with one feature; `score` gives the score of a row (first index) and a model (second index).
fn of_pattern(rows: usize, models: usize, score: impl Fn(usize, usize) -> f64, feature: impl Fn(usize) -> f64) -> Fit {
    let answers: Vec<_> = (0..rows)
        .flat_map(|row| (0..models).map(move |model| (row, model)))
        .map(|(r, m)| (r, m, score(r, m)))
        .collect();
    let responses = Place::new(rows).read(&[table(&answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0);
    let options = FitOptions { discrimination: false, chance: 0.0 };
    fit(&responses, &DifficultyPrior::features(&[(0..rows).map(feature).collect()]), options, &|| false).unwrap()
}

#[test]
fn rows_that_models_of_equal_standing_solved_are_equally_hard() {
    // Of ten rows both models solve one, each alone four, and neither one. By symmetry, models fail a row that one of them
    // solved half of the time, whichever model it is and however long the row is: each length is as frequent for both.
    let tenth = |row: usize, model: usize| match row % 10 {
        0 => 1.0,
        9 => 0.0,
        one => f64::from(u8::from((one < 5) == (model == 0))),
    };
    let opposite = |row: usize, model: usize| f64::from(u8::from(row % 2 != model));
    let fits = [
        ("flat", of_pattern(100, 2, tenth, |_| 3.0)),
        ("lengths", of_pattern(300, 2, tenth, |row| (1 + row / 10 % 5) as f64)),
        ("opposite", of_pattern(60, 2, opposite, |row| (1 + row % 7) as f64)),
    ];
    for (name, fit) in fits {
        let alone = fit.difficulties.iter().enumerate().filter(|(row, _)| name == "opposite" || row % 10 % 9 != 0);
        alone.for_each(|(row, d)| assert_eq!((d.difficulty, d.expected_error), (0.0, 0.5), "{name}, row {row}"));
        assert_eq!(fit.abilities[0], fit.abilities[1], "{name}");
    }
    // Four models, two and two alike.
    let four = |row: usize, model: usize| match row % 6 {
        0 => 1.0,
        5 => 0.0,
        one => f64::from(u8::from((one < 3) == (model < 2))),
    };
    let fit = of_pattern(120, 4, four, |_| 3.0);
    for (row, d) in fit.difficulties.iter().enumerate().filter(|(row, _)| row % 6 % 5 != 0) {
        assert_eq!(d.expected_error, 0.5, "row {row}");
    }
}
