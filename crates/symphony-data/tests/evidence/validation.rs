//! Scores are compared with how often models fail.

use symphony_data::{bin::Bin, store::Store};

use super::*;

fn every_row(responses: &Responses) -> Vec<usize> {
    (0..responses.rows()).collect()
}

#[test]
fn the_ceiling_of_a_small_panel_is_the_mean_over_all_its_halves() {
    let scores = [
        [1, 1, 1, 0, 1, 0, 0, 0], // a model's eight rows
        [1, 0, 1, 1, 0, 1, 0, 0],
        [1, 1, 1, 1, 0, 0, 1, 0],
        [0, 1, 1, 1, 1, 0, 0, 0],
    ];
    // NumPy gives these: ranks, their correlations, 2r/(1 + r), the root of the mean.
    for (models, expected) in [(3, 0.612_506_924_115_828_3), (4, 0.724_096_708_176_066_9)] {
        let answers: Vec<_> =
            (0..8).flat_map(|row| (0..models).map(move |model| (row, model, f64::from(scores[model][row])))).collect();
        let responses = Place::new(8).read(&[table(&answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0);
        let found = ceiling(&responses, &every_row(&responses), &Silent).unwrap().unwrap();
        assert!((found - expected).abs() < 1e-12, "{models} models: {found}");
    }
}

/// Answers of 256 models to 200 rows; model k and model k + 128 give the same answers.
fn in_pairs() -> Responses {
    let answer = |row: usize, model: usize| {
        let mut random = Random((model % 128 * 200 + row) as u64);
        random.uniform();
        // The bits that SplitMix64 gives.
        let mut z = random.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (row, model, f64::from(u8::from((z ^ (z >> 31)) % 100 < 45 + row as u64 % 11)))
    };
    // Names that sort as their numbers do.
    let answers: Vec<_> = (0..200)
        .flat_map(|row| (0..256).map(move |model| answer(row, model)))
        .map(|(r, m, s)| (r, 1000 + m, s))
        .collect();
    Place::new(200).read(&[table(&answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0)
}

#[test]
fn the_ceiling_of_a_large_panel_splits_every_model_independently() {
    let responses = in_pairs();
    // NumPy gives this over 20,000 random halves. If copies were always in the same half, it would be 0.511.
    let found = ceiling(&responses, &every_row(&responses), &Silent).unwrap().unwrap();
    assert!((found - 0.7884).abs() < 0.006, "{found}");
}

#[test]
fn validate_and_calibrate_stop_within_each_of_their_parts() {
    let responses = in_pairs();
    let rows = every_row(&responses);
    // Within the ceiling: at its first split, and at a later one.
    for question in [0, 7] {
        let stopped = ceiling(&responses, &rows, &StopAt::new(question));
        assert!(matches!(stopped, Err(EvidenceError::Cancelled)), "{stopped:?}");
    }
    // Within a single pass of a fit, and at its last.
    let options = FitOptions { discrimination: false, chance: 0.0 };
    let asked = StopAt::new(usize::MAX);
    let whole = fit(&responses, &DifficultyPrior::features(&[]), options, &|| asked.cancelled()).unwrap();
    let questions = asked.0.into_inner();
    assert!(questions >= 12 * whole.iterations, "{questions} in {} passes", whole.iterations);
    for question in [0, 5, questions - 1] {
        let stop = StopAt::new(question);
        assert!(
            fit(&responses, &DifficultyPrior::features(&[]), options, &|| stop.cancelled()).is_none(),
            "{question}"
        );
    }
    // Within resampling, which asks more than once for each 100 resamples of these rows.
    let place = Place::new(200);
    let mut catalogue = place.catalogue();
    let gathered = || Gathered { benchmarks: vec![responses.clone()], unmapped: Vec::new(), files: Vec::new() };
    let asked = StopAt::new(usize::MAX);
    validate(gathered(), &mut [], &mut catalogue, &place.builder.config, &ScoredBy::default(), &asked).unwrap();
    let questions = asked.0.into_inner();
    for question in [0, 100, questions - 1] {
        let stop = StopAt::new(question);
        let stopped = validate(gathered(), &mut [], &mut catalogue, &place.builder.config, &ScoredBy::default(), &stop);
        assert!(matches!(stopped, Err(EvidenceError::Cancelled)), "{question} of {questions}");
    }
}

#[test]
fn responses_that_determine_little_give_a_warning_and_no_verdict() {
    let place = Place::new(60);
    let noted = |answers: &[(usize, usize, f64)]| {
        let notes = Notes::default();
        let gathered = place.read(&[table(answers)], &ReadOptions::default()).unwrap();
        let options = CalibrateOptions::default();
        calibrate(&gathered.benchmarks[0], (&[], &[]), &mut place.catalogue(), &options, &place.path("out"), &notes)
            .unwrap();
        notes.all().join("\n")
    };
    assert_eq!(noted(&graded()), "");
    assert!(noted(&[(3, 0, 1.0), (4, 0, 0.0)]).starts_with("gsm8k: models answered 2 of 60 rows;"));
    let solved: Vec<_> = (0..60).map(|row| (row, 0, 1.0)).collect();
    assert!(noted(&solved).starts_with("gsm8k: models solved every row that they answered"));
    let file = place.write("r.csv", "benchmark,source_id,model,score\ngsm8k,gsm8k_0,a,1\n");
    let copy = place.write("copy.csv", "benchmark,source_id,model,score\ngsm8k,gsm8k_0,a,1\n");
    let notes = Notes::default();
    read(&[file, copy], &mut place.catalogue(), &ReadOptions::default(), &notes).unwrap();
    assert!(notes.all()[0].starts_with("r.csv and copy.csv are the same, byte for byte"));
    // There is no verdict on bins of a few tasks.
    let mut catalogue = place.catalogue();
    let scores = catalogue.shelf("gsm8k").unwrap().unwrap().store().unwrap().scores().unwrap();
    let at = |score: f64| scores.iter().position(|other| *other == score).unwrap();
    let answers = table(&[(at(0.0), 0, 1.0), (at(1.0), 0, 0.0)]);
    let few = read(&[answers], &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
    let report = validate(few, &mut [], &mut catalogue, &place.builder.config, &ScoredBy::default(), &Silent).unwrap();
    let said = "models fail hard tasks 100.0 points more often than easy ones; 1 easy and 1 hard are too few to tell";
    assert_eq!(report.validations[0].sentence, said);
}

#[test]
fn every_model_has_its_own_error_in_every_bin() {
    // 60 rows; model m solves every row below 15·(m + 1), and no other. It fails the rows of a bin from there on.
    let place = Place::new(60);
    let gathered = place.read(&[table(&graded())], &ReadOptions::default()).unwrap();
    let store = Store::open(&place.path("full"), "gsm8k", &Silent).unwrap();
    let (scores, thresholds) = (store.scores().unwrap(), store.meta.thresholds.scores);
    let config = &place.builder.config;
    let report = validate(gathered, &mut [], &mut place.catalogue(), config, &ScoredBy::default(), &Silent).unwrap();
    let [found] = &report.validations[..] else { panic!("one benchmark: {:?}", report.validations) };
    let names: Vec<&str> = found.by_model.iter().map(|own| own.model.as_str()).collect();
    assert_eq!(names, ["m0", "m1", "m2"]);
    for (model, own) in found.by_model.iter().enumerate() {
        assert_eq!(own.rows, 60);
        for bin in Bin::ALL {
            let rows: Vec<usize> = (0..60).filter(|row| thresholds.bin(scores[*row]) == bin).collect();
            let failed = rows.iter().filter(|row| **row >= 15 * (model + 1)).count();
            assert_eq!(own.bins[bin].rows, rows.len() as u64);
            assert_eq!(own.bins[bin].error, Some(failed as f64 / rows.len() as f64), "m{model}, {bin}");
        }
    }
}
