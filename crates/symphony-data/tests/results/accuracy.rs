//! Intervals of accuracies: closed forms, and coverage by simulation.

use super::*;

/// How many models are simulated; each is one sample.
const SAMPLES: usize = 2_500;
/// Three standard errors of a coverage of 95 %.
fn tolerance() -> f64 {
    3.0 * (0.95 * 0.05 / SAMPLES as f64).sqrt()
}

/// How pools and models are made.
#[derive(Debug)]
struct Scenario {
    tasks: usize,
    /// Each task is drawn from once to so often.
    repeats: u32,
    tries: u32,
    /// The share of tasks that a model always solves or always fails; it solves the others by chance.
    sure: f64,
}

/// The share of models whose interval holds the true accuracy `p`, and the intervals' mean width.
fn coverage(scenario: &Scenario, p: f64, random: &mut Random) -> (f64, f64) {
    let times: Vec<u32> = (0..scenario.tasks).map(|_| random.up_to(scenario.repeats)).collect();
    let mut answers = Vec::with_capacity(SAMPLES * scenario.tasks);
    for model in 0..SAMPLES {
        let model = format!("m{model}");
        for row in 0..scenario.tasks {
            let of_task = if random.chance(scenario.sure) { f64::from(u8::from(random.chance(p))) } else { p };
            answers.push((row, model.clone(), random.rate(of_task, scenario.tries), scenario.tries));
        }
    }
    let options = ResultsOptions { baseline: Some("m0".to_owned()), ..ResultsOptions::default() };
    let found = builder().results(&repeated(&times), &[table(&answers)], &options).unwrap();
    assert_eq!(found.models.len(), SAMPLES);
    let ends: Vec<(f64, f64)> =
        found.models.iter().map(|own| (own.accuracy.low.unwrap(), own.accuracy.high.unwrap())).collect();
    let holding = ends.iter().filter(|(low, high)| (*low..=*high).contains(&p)).count();
    let width = ends.iter().map(|(low, high)| high - low).sum::<f64>();
    (holding as f64 / SAMPLES as f64, width / SAMPLES as f64)
}

#[test]
fn intervals_of_accuracies_hold_the_truth_in_95_of_100_samples() {
    let mut random = Random(1);
    for (tasks, repeats, tries, sure) in [
        // Answers of one try, few and many.
        (10, 1, 1, 0.0),
        (100, 1, 1, 0.0),
        // Few distinct tasks that repeat: all answers to a task are the same.
        (12, 5, 1, 1.0),
        (50, 5, 1, 1.0),
        // Several tries, alike within a task or not.
        (20, 1, 4, 0.5),
        (60, 1, 8, 0.3),
        (30, 3, 3, 0.7),
    ] {
        let scenario = Scenario { tasks, repeats, tries, sure };
        for p in [0.02, 0.1, 0.5, 0.98] {
            let (holding, width) = coverage(&scenario, p, &mut random);
            // Wilson's interval of whole numbers lies between 93 and 99 %, by where they fall.
            assert!(holding > 0.93 - tolerance(), "{scenario:?}, {p}: {holding}");
            assert!(width < 1.0, "{scenario:?}, {p}: {width}");
        }
    }
}

#[test]
fn an_interval_that_takes_repeats_for_new_tasks_would_be_too_narrow() {
    // The same as Wilson's interval over all tasks: twelve tasks five times are no sixty.
    let pool = repeated(&[5; 12]);
    let scores: Vec<f64> = (0..12).map(|row| f64::from(u8::from(row % 2 == 0))).collect();
    let own = results(&pool, graded(&[("m", &scores)])).models[0].accuracy;
    let (low, high) = (own.low.unwrap(), own.high.unwrap());
    assert!(high - low > 2.0 * 1.96 * (0.25_f64 / 60.0).sqrt() * 1.8, "{low} {high}");
    assert_eq!((own.n_tasks, own.n_distinct), (60, 12));
}

#[test]
fn accuracy_and_standard_error_are_those_of_the_ratio_estimator() {
    let pool = repeated(&[1, 2, 3, 1]);
    let own = results(&pool, graded(&[("m", &[1.0, 0.0, 1.0, 0.5])])).models[0].accuracy;
    // (1 + 3 + 0.5) / 7, and the clusters' deviations 5/14, -18/14, 15/14, -2/14.
    assert!(near(own.accuracy.unwrap(), 4.5 / 7.0));
    let deviations: f64 = [5.0, -18.0, 15.0, -2.0].iter().map(|part| (part / 14.0_f64).powi(2)).sum();
    assert!(near(own.standard_error.unwrap(), (4.0 / 3.0 * deviations / 49.0).sqrt()), "{own:?}");
}

#[test]
fn without_repeats_the_interval_is_wilsons_with_students_t() {
    let scores: Vec<f64> = (0..20).map(|row| f64::from(u8::from(row < 14))).collect();
    let own = results(&repeated(&[1; 20]), graded(&[("m", &scores)])).models[0].accuracy;
    // The variance has n - 1 = 19 in place of n, and t(19) is 2.0930.
    let (p, z2) = (0.7, 2.0930_f64.powi(2) / 19.0);
    let half = (z2 * (p * (1.0 - p) + z2 / 4.0)).sqrt();
    let ends = [-1.0, 1.0].map(|side| (p + z2 / 2.0 + side * half) / (1.0 + z2));
    assert!(near(own.low.unwrap(), ends[0]) && near(own.high.unwrap(), ends[1]), "{own:?} {ends:?}");
}

#[test]
fn where_all_is_solved_or_failed_the_interval_has_a_width() {
    let pool = repeated(&[2, 2, 2, 2, 2, 2, 2, 2]);
    let found = results(&pool, graded(&[("all", &[1.0; 8]), ("none", &[0.0; 8])]));
    let [all, none] = [0, 1].map(|at| found.models[at].accuracy);
    // Kish's number of tasks is 8, and t(7) is 2.3646.
    let edge = 2.3646_f64.powi(2) / (8.0 + 2.3646_f64.powi(2));
    assert_eq!((all.accuracy, all.high, none.accuracy, none.low), (Some(1.0), Some(1.0), Some(0.0), Some(0.0)));
    assert!(near(all.low.unwrap(), 1.0 - edge) && near(none.high.unwrap(), edge), "{all:?} {none:?}");
}

#[test]
fn one_distinct_task_has_an_accuracy_and_no_interval() {
    let own = results(&repeated(&[3]), graded(&[("m", &[1.0])])).models[0].accuracy;
    assert_eq!((own.n_tasks, own.n_distinct, own.accuracy), (3, 1, Some(1.0)));
    assert_eq!((own.standard_error, own.low, own.high), (None, None, None));
}
