//! Equal evidence gives equal bits, under every prior and with rates.

use super::{simulated::fit_of, *};

/// Ten tenths: both models score `high` on one row of ten, the first alone on four, the second alone on four, neither on one.
fn tenths(high: f64, low: f64) -> Vec<(usize, usize, f64)> {
    let scores = |row: usize, model: usize| match row % 10 {
        0 => high,
        9 => low,
        one if (one < 5) == (model == 0) => high,
        _ => low,
    };
    (0..100).flat_map(|row| [(row, 0, scores(row, 0)), (row, 1, scores(row, 1))]).collect()
}

#[test]
fn rows_that_only_one_of_two_equal_models_solved_tie_under_every_prior() {
    let place = Place::new(100);
    // Five known difficulties, which every pattern of answers has equally often.
    let known: Vec<f64> = (0..100).map(|row| f64::from(row / 10 % 5)).collect();
    let priors = [
        ("equal", DifficultyPrior::anchored(&[0.7; 100], &[0.3; 100], ABILITIES, &[], &[false; 100])),
        ("known", DifficultyPrior::anchored(&known, &[0.3; 100], ABILITIES, &[], &[false; 100])),
        ("features", DifficultyPrior::score_and_features(&known, &[vec![3.0; 100]])),
    ];
    // Single tries; tenths; and rates of an unknown number of tries.
    for (high, low) in [(1.0, 0.0), (0.9, 0.1), (0.93, 0.07)] {
        let answers = simulated::responses(&place, &tenths(high, low));
        for (name, prior) in &priors {
            let fit = fit_of(&answers, prior);
            assert_eq!(fit.abilities[0], fit.abilities[1], "{name} {high}");
            for (row, other) in (0..100).filter(|row| row % 10 % 9 != 0).flat_map(|row| [(row, row / 10 * 10 + 1)]) {
                assert_eq!(fit.difficulties[row], fit.difficulties[other], "{name} {high}: rows {row} and {other}");
            }
            let row = |at: usize| fit.difficulties[at].expected_error;
            assert!(row(0) < row(1) && row(1) < row(9), "{name} {high}: the answers tell these rows apart");
        }
    }
}

/// Lines of models that answer once, several times, by rates with and without a number of tries.
fn mixed_lines(seed: u64, names: [&str; 5]) -> Vec<String> {
    let random = &mut Random(seed);
    let mut lines = Vec::new();
    for row in 0..80 {
        for (model, name) in names.into_iter().enumerate() {
            let p = 1.0 / (1.0 + (0.06 * (f64::from(row) - 40.0) + 0.3 * random.normal()).exp());
            let mut line = |score: f64, more: &str| {
                lines.push(format!(
                    r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"{name}","score":{score}{more}}}"#
                ));
            };
            match model {
                0 => line(f64::from(u8::from(random.uniform() < p)), ""),
                1 => (0..3).for_each(|_| line((1000.0 * p).round() / 1000.0 * random.uniform(), "")),
                2 => line((10.0 * p).round() / 10.0, r#","tries":10"#),
                3 => line((4.0 * p).round() / 4.0, ""),
                _ if row % 3 > 0 => line((1000.0 * p).round() / 1000.0, ""),
                _ => {}
            }
        }
    }
    lines
}

#[test]
fn order_files_and_threads_change_no_bit_under_a_known_prior_with_rates() {
    let place = Place::new(80);
    place.calibrate(&[place.write("before.jsonl", &mixed_lines(1, ["p", "q", "r", "s", "t"]).join("\n"))], "before");
    let mut lines = mixed_lines(2, ["delta", "alpha", "Zeta", "mü", "beta"]);
    for prior in [PriorChoice::Features, PriorChoice::Calibration(place.path("before"))] {
        let found = |lines: &[String], files: usize, threads: usize| {
            let parts = lines.chunks(lines.len().div_ceil(files)).enumerate();
            let inputs: Vec<Input> =
                parts.map(|(at, part)| place.write(&format!("part-{at}.jsonl"), &part.join("\n"))).collect();
            let gathered = place.read(&inputs, &ReadOptions::default()).unwrap();
            let options = CalibrateOptions { prior: prior.clone(), ..CalibrateOptions::default() };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let to = place.path("after");
            let responses = &gathered.benchmarks[0];
            let fit = || calibrate(responses, (&[], &[]), &mut place.catalogue(), &options, &to, &Silent).unwrap();
            let meta = pool.install(fit);
            assert!(meta.tries_in_common.is_some());
            (serde_json::to_string(&meta).unwrap(), fs::read_to_string(to.join("gsm8k_calibration.jsonl")).unwrap())
        };
        let first = found(&lines, 1, 1);
        assert_eq!(first, found(&lines, 1, 4), "threads");
        assert_eq!(first, found(&lines, 3, 4), "files");
        lines.reverse();
        assert_eq!(first, found(&lines, 2, 1), "reversed");
        lines = Random(5).shuffled(&lines);
        assert_eq!(first, found(&lines, 4, 2), "shuffled");
    }
}
