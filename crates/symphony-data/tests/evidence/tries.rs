//! The number of tries behind a score: said, shown by the scores, or unknown.

use symphony_data::response::Answer;

use super::*;

/// The tries of each model's answers by row, from lines of a model, a row, a score and further keys.
fn tries(lines: &[(&str, usize, f64, &str)]) -> BTreeMap<String, Vec<(usize, f64, u32)>> {
    let place = Place::new(40);
    let line = |(model, row, score, more): &(&str, usize, f64, &str)| {
        format!(r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"{model}","score":{score}{more}}}"#) + "\n"
    };
    let input = place.write("r.jsonl", &lines.iter().map(line).collect::<String>());
    let responses = place.read(&[input], &ReadOptions::default()).unwrap().benchmarks.remove(0);
    let mut found = BTreeMap::<String, Vec<_>>::new();
    for row in 0..responses.rows() {
        for Answer { model, score, tries } in responses.answers(row) {
            found.entry(responses.models()[model].name.clone()).or_default().push((row, score, tries));
        }
    }
    found
}

/// The one number of tries of a model with these scores, one per row.
fn of_scores(scores: &[f64]) -> u32 {
    let lines: Vec<_> = scores.iter().enumerate().map(|(row, score)| ("m", row, *score, "")).collect();
    let found = tries(&lines).remove("m").unwrap();
    assert!(found.iter().all(|(.., tries)| *tries == found[0].2), "{found:?}");
    found[0].2
}

#[test]
fn scores_that_are_multiples_of_a_share_show_how_many_tries_there_were() {
    assert_eq!(of_scores(&[0.0, 1.0, 1.0]), 1);
    assert_eq!(of_scores(&[1.0]), 1);
    assert_eq!(of_scores(&[0.0, 0.5, 1.0]), 2);
    assert_eq!(of_scores(&[0.25, 0.5]), 4);
    // Written with few digits.
    assert_eq!(of_scores(&[0.333, 0.667, 1.0]), 3);
    assert_eq!(of_scores(&[0.1, 0.7]), 10);
    assert_eq!(of_scores(&[0.5, 0.333_333_333_333]), 6);
    assert_eq!(of_scores(&[0.05, 0.95]), 20);
    // 128 tries are more than scores can show.
    assert_eq!(of_scores(&[0.0, 1.0, 3.0 / 128.0]), Answer::MANY);
    assert_eq!(of_scores(&[0.123, 0.5]), Answer::MANY);
}

#[test]
fn each_model_has_its_own_number_of_tries() {
    let found = tries(&[
        ("once", 0, 1.0, ""),
        ("once", 1, 0.0, ""),
        ("quarters", 0, 0.75, ""),
        ("quarters", 1, 1.0, ""),
        ("rates", 0, 0.123, ""),
        ("rates", 1, 1.0, ""),
    ]);
    assert_eq!(found["once"], [(0, 1.0, 1), (1, 0.0, 1)]);
    // A score of 1 is of as many tries as the model's other scores.
    assert_eq!(found["quarters"], [(0, 0.75, 4), (1, 1.0, 4)]);
    assert_eq!(found["rates"], [(0, 0.123, Answer::MANY), (1, 1.0, Answer::MANY)]);
}

#[test]
fn tries_that_are_said_hold_for_their_line_and_say_nothing_of_others() {
    let said = r#","tries":128"#;
    let found = tries(&[
        ("a", 0, 0.515_625, said),
        ("a", 1, 0.0, ""),
        ("a", 2, 1.0, ""),
        ("b", 0, 0.5, r#","tries":1"#),
        ("b", 1, 0.25, ""),
    ]);
    assert_eq!(found["a"], [(0, 0.515_625, 128), (1, 0.0, 1), (2, 1.0, 1)]);
    assert_eq!(found["b"], [(0, 0.5, 1), (1, 0.25, 4)]);
}

#[test]
fn lines_of_one_model_on_one_row_are_averaged_with_the_tries_of_each() {
    let found = tries(&[
        // Four single tries.
        ("single", 0, 1.0, ""),
        ("single", 0, 0.0, ""),
        ("single", 0, 1.0, ""),
        ("single", 0, 1.0, ""),
        // 0.5 of 4 tries and 1 of 12: 14 of 16.
        ("said", 0, 0.5, r#","tries":4"#),
        ("said", 0, 1.0, r#","tries":12"#),
        // Two rates without their tries weigh the same, and the number of tries stays unknown.
        ("rates", 0, 0.109_375, ""),
        ("rates", 0, 0.906_25, ""),
        // Two lines of four tries each: eighths.
        ("quarters", 0, 0.25, ""),
        ("quarters", 0, 0.5, ""),
        ("quarters", 1, 0.75, ""),
        ("quarters", 1, 0.5, ""),
        // One line of two that says its tries.
        ("partly", 0, 1.0, r#","tries":3"#),
        ("partly", 0, 0.0, ""),
    ]);
    assert_eq!(found["single"], [(0, 0.75, 4)]);
    assert_eq!(found["said"], [(0, 0.875, 16)]);
    assert_eq!(found["rates"], [(0, 0.507_812_5, Answer::MANY)]);
    assert_eq!(found["quarters"], [(0, 0.375, 8), (1, 0.625, 8)]);
    assert_eq!(found["partly"], [(0, 0.75, 4)]);
}

#[test]
fn very_many_tries_keep_the_mean_of_their_scores() {
    let lines: Vec<_> = (0..10).map(|_| ("m", 0, 0.5, r#","tries":1000000000"#)).collect();
    // Ten thousand million tries are as good as one thousand million.
    assert_eq!(tries(&lines)["m"], [(0, 0.5, 1_000_000_000)]);
}
