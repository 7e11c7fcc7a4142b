//! A text feature divides the rows into groups, and the other features predict difficulty within these.

use super::*;

/// A row of the benchmark `tasks`: its group and its length.
type Row<'a> = (&'a str, f64);

/// A store of the benchmark `tasks` with these rows.
fn place_of(rows: &[Row<'_>]) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let line = |(at, (group, length)): (usize, &Row<'_>)| {
        format!(r#"{{"id": "{group}-{at}", "group": "{group}", "length": {length}}}"#) + "\n"
    };
    fs::write(folder.path().join("rows.jsonl"), rows.iter().enumerate().map(line).collect::<String>()).unwrap();
    let yaml = format!(
        "benchmarks: {{tasks: {{path: 'file:{}/rows.jsonl', identity: id, difficulty: {{\
         features: {{group: {{field: group}}, length: {{number: length}}}}, \
         score: [{{feature: length}}]}}}}}}",
        folder.path().display()
    );
    let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
    builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
    Place { folder, builder }
}

/// Two groups of 60 rows, of ten lengths each. Within a group, a longer row is harder; but the rows of the long group are
/// easier.
fn paradox() -> Vec<Row<'static>> {
    let row = |at: usize| if at.is_multiple_of(2) { ("short", at / 2 % 10) } else { ("long", 50 + at / 2 % 10) };
    (0..120).map(row).map(|(group, hundredths)| (group, hundredths as f64 / 100.0)).collect()
}

/// The standard deviation of ten lengths in a row: the root of 8.25 hundredths.
fn spread() -> f64 {
    8.25_f64.sqrt() / 100.0
}

/// Answers of four models to the rows that `answered` accepts.
fn answers_of(rows: &[Row<'_>], answered: impl Fn(usize) -> bool) -> String {
    let random = &mut Random(7);
    let mut lines = "benchmark,source_id,model,score\n".to_owned();
    for (at, (group, length)) in rows.iter().enumerate() {
        let (mean, of_group) = if *group == "short" { (0.045, 1.5) } else { (0.545, -1.5) };
        let difficulty = of_group + 50.0 * (length - mean);
        for model in 0..4 {
            let p = 1.0 / (1.0 + (difficulty - 0.5 * (f64::from(model) - 1.5)).exp());
            let solved = u8::from(random.uniform() < p);
            if answered(at) {
                lines += &format!("tasks,tasks_{at},m{model},{solved}\n");
            }
        }
    }
    lines
}

#[test]
fn slopes_follow_the_rows_of_a_group_and_not_the_means_of_groups() {
    let rows = paradox();
    let place = place_of(&rows);
    let (meta, fitted) = place.calibrate(&[place.write("r.csv", &answers_of(&rows, |at| at >= 40))], "fitted");
    assert_eq!(meta.label.as_deref(), Some("group"));
    let names: Vec<&str> = meta.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["surface_score", "length"]);
    // Over all rows, length and difficulty fall together: the long group is easier by 3 logits. Within groups, the true slope
    // is 50 · 0.0287, of the score and the length together.
    let slope: f64 = meta.features.iter().map(|feature| feature.coefficient).sum();
    assert!((0.9..1.9).contains(&slope), "{slope} logits per standard deviation: {:?}", meta.features);
    let length = &meta.features[1];
    let near = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
    assert!(near(length.mean, 0.295) && near(length.sd, spread()), "{length:?}");
    assert!(near(length.means["short"], 0.045) && near(length.means["long"], 0.545), "{length:?}");
    // Rows without responses: the same distance from their group's mean gives the same prediction in both groups.
    for at in (0..40).step_by(2) {
        let expected = meta.intercept + slope * (rows[at].1 - 0.045) / spread();
        for row in [&fitted[at], &fitted[at + 1]] {
            assert_eq!(row.n_responses, 0);
            assert!((row.difficulty - expected).abs() < 1e-3, "{row:?}, not {expected}");
        }
    }
}

#[test]
fn a_prior_predicts_new_rows_by_their_distance_from_the_mean_of_their_group() {
    let rows = paradox();
    let before = place_of(&rows);
    let (earlier, _) = before.calibrate(&[before.write("r.csv", &answers_of(&rows, |_| true))], "fitted");
    // Three more rows of each group; and of one that the earlier calibration does not have, around the mean of all rows.
    let new = [("short", 0.045), ("long", 0.545), ("other", 0.295)];
    let distances = [0.0, 0.03, -0.03, 0.0, 0.0];
    let new = new.into_iter().flat_map(|(group, mean)| distances.map(|distance| (group, mean + distance)));
    let rows: Vec<Row<'_>> = rows.iter().copied().chain(new).collect();
    let place = place_of(&rows);
    let input = place.write("r.csv", &answers_of(&rows, |at| at < 60));
    let gathered = place.read(&[input], &ReadOptions::default()).unwrap();
    let options =
        CalibrateOptions { prior: PriorChoice::Calibration(before.path("fitted")), ..CalibrateOptions::default() };
    let (responses, to) = (&gathered.benchmarks[0], place.path("fitted"));
    let meta = calibrate(responses, (&[], &[]), &mut place.catalogue(), &options, &to, &Silent).unwrap();
    let known = meta.prior_difficulty.unwrap();
    assert_eq!((known.n_known, meta.label.as_deref()), (120, Some("group")));
    // No new row has responses, so that only the earlier fit predicts them.
    assert!(meta.features.iter().all(|feature| feature.coefficient == 0.0), "{:?}", meta.features);
    let slope: f64 = earlier.features.iter().map(|feature| feature.coefficient).sum();
    let fitted = support::json_lines(&to.join("tasks_calibration.jsonl"));
    for (at, row) in fitted.iter().enumerate().skip(120) {
        let predicted = earlier.intercept + slope * distances[at % 5] / spread();
        let expected = meta.intercept + known.coefficient * predicted;
        assert!((row["difficulty"].as_f64().unwrap() - expected).abs() < 1e-3, "{at}: {row}, not {expected}");
    }
}

#[test]
fn a_text_that_nearly_every_row_has_for_itself_is_no_label() {
    // Groups of four rows on average, and of five.
    for (size, label) in [(4, None), (5, Some("group"))] {
        let names: Vec<String> = (0..60 / size).map(|group| format!("g{group}")).collect();
        let rows: Vec<(&str, f64)> = (0..60).map(|at| (names[at / size].as_str(), (at % 7) as f64 / 10.0)).collect();
        let place = place_of(&rows);
        let lines = (0..60).map(|at| format!("tasks,tasks_{at},m,{}\n", at % 2));
        let text = "benchmark,source_id,model,score\n".to_owned() + &lines.collect::<String>();
        let (meta, _) = place.calibrate(&[place.write("r.csv", &text)], "fitted");
        assert_eq!(meta.label.as_deref(), label);
        assert_eq!(meta.features[1].means.is_empty(), label.is_none());
    }
}
