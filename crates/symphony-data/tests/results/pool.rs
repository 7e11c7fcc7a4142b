//! What counts: repeats, copies, tries, missing answers, groups, baselines.

use symphony_data::{
    Hint,
    calibration::{ItemModel, MeasuredRecord, PriorKind},
    response::Model,
    results::{By, Groups, Missing},
};

use super::*;

const NONE: f64 = f64::NAN;

#[test]
fn a_repeated_task_counts_as_often_as_it_was_drawn() {
    let own = results(&repeated(&[1, 3]), graded(&[("m", &[0.0, 1.0])])).models[0].accuracy;
    assert_eq!((own.n_tasks, own.n_distinct, own.accuracy), (4, 2, Some(0.75)));
}

#[test]
fn copies_of_a_task_are_one_cluster() {
    // Rows 0 and 1 have one identity.
    let tasks = vec![task(0, "copy"), task(1, "copy"), task(2, "other")];
    let found = results(&pool(tasks), graded(&[("m", &[1.0, 0.0, 1.0])]));
    let own = found.models[0].accuracy;
    assert_eq!((own.n_tasks, own.n_distinct, found.pool.n_distinct), (3, 2, 2));
    // The clusters' deviations from 2/3: -1/3 and 1/3.
    assert!(near(own.standard_error.unwrap(), (2.0 * 2.0 / 9.0 / 9.0_f64).sqrt()), "{own:?}");
}

#[test]
fn an_identity_that_is_a_row_number_says_nothing_about_another_benchmark() {
    // Both are row 0 of a benchmark without identity fields.
    let mut other = task(0, "0");
    other.benchmark = "c".to_owned();
    other.source_id = Some(Text::from("c_0".to_owned()));
    let found = results(&pool(vec![task(0, "0"), other]), graded(&[("m", &[1.0])]));
    assert_eq!((found.pool.n_distinct, found.models[0].accuracy.unanswered), (2, 1));
}

#[test]
fn tries_at_a_task_are_averaged() {
    let answers = [(0, 1.0), (0, 0.0), (0, 1.0), (0, 1.0), (1, 0.0)];
    let answers: Vec<Answer> = answers.iter().map(|(row, score)| (*row, "m".to_owned(), *score, 1)).collect();
    let own = results(&repeated(&[1, 1]), table(&answers)).models[0].accuracy;
    assert_eq!((own.n_tasks, own.accuracy), (2, Some(0.375)));
}

#[test]
fn unanswered_tasks_are_named_and_left_out_unless_they_count_as_wrong() {
    let pool = repeated(&[1, 2, 1, 1]);
    let input = graded(&[("m", &[1.0, NONE, 0.0, NONE]), ("all", &[1.0, 1.0, 1.0, 0.0])]);
    let found = results(&pool, input.clone());
    let of = |found: &Results, name: &str| found.models.iter().find(|own| own.model == name).unwrap().clone();
    let own = of(&found, "m");
    assert_eq!((own.accuracy.n_tasks, own.accuracy.unanswered, own.accuracy.accuracy), (2, 3, Some(0.5)));
    assert_eq!(own.unanswered_tasks, ["b_1", "b_3"]);
    assert_eq!(of(&found, "all").unanswered_tasks, [""; 0]);
    // Compared on the two tasks that both answered.
    assert_eq!((found.comparisons[0].n_tasks, found.comparisons[0].discordant), (2, 1));

    let options = ResultsOptions { missing: Missing::Wrong, ..ResultsOptions::default() };
    let found = builder().results(&pool, &[input], &options).unwrap();
    let own = of(&found, "m");
    assert_eq!((own.accuracy.n_tasks, own.accuracy.unanswered, own.accuracy.accuracy), (5, 3, Some(0.2)));
    assert_eq!((found.comparisons[0].n_tasks, found.comparisons[0].discordant), (5, 3));
}

/// Four tasks in two bins and phases, the last of another benchmark, with labels on the first three.
fn mixed() -> AnsweredPool {
    let mut tasks: Vec<Task> = (0..4).map(|row| task(row, &format!("task {row}"))).collect();
    for (at, (bin, label)) in [("easy", "x"), ("easy", "y"), ("hard", "x"), ("hard", "")].into_iter().enumerate() {
        bin.clone_into(&mut tasks[at].difficulty_bin);
        tasks[at].phase = Some(1 + at as u32 / 2);
        if !label.is_empty() {
            tasks[at].scorer_metadata = Json::new(format!(r#"{{"n": 3, "subject": "{label}"}}"#)).unwrap();
        }
    }
    "c".clone_into(&mut tasks[3].benchmark);
    tasks[3].source_id = Some(Text::from("c_3".to_owned()));
    pool(tasks)
}

/// The accuracy and the number of tasks of each group.
fn by(pool: &AnsweredPool, by: &[&str]) -> Groups<(u64, Option<f64>)> {
    let options = ResultsOptions { by: by.iter().map(|by| By::parse(by)).collect(), ..ResultsOptions::default() };
    let found = builder().results(pool, &[graded(&[("m", &[1.0, 0.0, 1.0])])], &options).unwrap();
    let of_group =
        |(name, own): &(String, symphony_data::results::Accuracy)| (name.clone(), (own.n_tasks, own.accuracy));
    found.models[0].by.iter().map(|(by, groups)| (by.clone(), groups.iter().map(of_group).collect())).collect()
}

#[test]
fn accuracies_are_given_by_benchmark_bin_phase_and_label() {
    let group = |name: &str, n, accuracy| (name.to_owned(), (n, accuracy));
    let found = by(&mixed(), &["benchmark", "bin", "phase", "label"]);
    let expected = [
        ("benchmark", vec![group("b", 3, Some(2.0 / 3.0)), group("c", 0, None)]),
        ("bin", vec![group("easy", 2, Some(0.5)), group("hard", 1, Some(1.0))]),
        ("phase", vec![group("1", 2, Some(0.5)), group("2", 1, Some(1.0))]),
        ("subject", vec![group("x", 2, Some(1.0)), group("y", 1, Some(0.0))]),
    ];
    assert_eq!(found, expected.map(|(by, groups)| (by.to_owned(), groups)));
    // A label by its own name, and no table twice.
    assert_eq!(by(&mixed(), &["subject", "label"]), &found[3..]);
}

#[test]
fn what_tasks_cannot_be_grouped_by_is_refused_with_what_they_can() {
    let refused = |pool: &AnsweredPool, by: &str| {
        let options = ResultsOptions { by: vec![By::parse(by)], ..ResultsOptions::default() };
        error(pool, graded(&[("m", &[1.0])]), &options).to_string()
    };
    assert_eq!(
        refused(&mixed(), "topic"),
        "pool: its tasks cannot be grouped by topic: none of them has this label; it has benchmark, bin, phase, the label subject"
    );
    assert!(refused(&repeated(&[1]), "phase").contains("drawn without phases; it has benchmark, bin"));
    assert!(refused(&repeated(&[1]), "label").contains("they have no label"));
}

#[test]
fn models_of_the_panel_are_in_sample() {
    let panel = |name: &str| Model { name: name.to_owned(), family: None };
    let record = MeasuredRecord {
        file: None,
        checksum: String::new(),
        model: ItemModel::default(),
        prior: PriorKind::default(),
        min_responses: 0,
        panel: vec![panel("meta_llama-3-8b")],
    };
    let mut pool = repeated(&[1, 1]);
    pool.measured.insert("b".to_owned(), record);
    let found = results(&pool, graded(&[("Llama-3-8B", &[1.0, 0.0]), ("other", &[0.0, 0.0])]));
    let flags: Vec<(&str, bool)> =
        found.models.iter().map(|own| (own.model.as_str(), own.in_sample == Some(true))).collect();
    assert_eq!(flags, [("Llama-3-8B", true), ("other", false)]);
}

#[test]
fn all_pairs_of_few_models_are_compared_and_adjusted() {
    let scores = |right: usize| (0..40).map(|row| f64::from(u8::from(row < right))).collect::<Vec<_>>();
    let (a, b, c) = (scores(36), scores(28), scores(26));
    let found = results(&repeated(&[1; 40]), graded(&[("a", &a), ("b", &b), ("c", &c)]));
    let pairs: Vec<(&str, &str)> = found.comparisons.iter().map(|own| (&*own.model, &*own.baseline)).collect();
    assert_eq!(pairs, [("a", "b"), ("a", "c"), ("b", "c")]);
    // 8, 10 and 2 tasks differ, all for the better one: mid-p is 1/2^n.
    let p: Vec<f64> = found.comparisons.iter().map(|own| own.p_value.unwrap()).collect();
    assert!(near(p[0], 1.0 / 256.0) && near(p[1], 1.0 / 1024.0) && near(p[2], 0.25), "{p:?}");
    // Holm: the smallest three times, the next twice, the last once.
    let adjusted: Vec<f64> = found.comparisons.iter().map(|own| own.adjusted_p_value.unwrap()).collect();
    assert!(near(adjusted[0], 2.0 / 256.0) && near(adjusted[1], 3.0 / 1024.0) && near(adjusted[2], 0.25));
    assert!(found.notes[0].starts_with("with 3 comparisons"), "{:?}", found.notes);
    let sentence = &found.comparisons[2].sentence;
    assert!(sentence.starts_with("b solves 5.0 points more than c (") && sentence.contains("chance"), "{sentence}");
}

#[test]
fn with_a_baseline_only_it_is_compared_with() {
    let input = graded(&[("a", &[1.0, 1.0, 0.0]), ("org/b", &[1.0, 0.0, 0.0]), ("c", &[0.0, 0.0, 0.0])]);
    let options = |name: &str| ResultsOptions { baseline: Some(name.to_owned()), ..ResultsOptions::default() };
    let pool = repeated(&[1, 1, 1]);
    let found = builder().results(&pool, std::slice::from_ref(&input), &options("org/b")).unwrap();
    let pairs: Vec<(&str, &str)> = found.comparisons.iter().map(|own| (&*own.model, &*own.baseline)).collect();
    assert_eq!(pairs, [("a", "org/b"), ("c", "org/b")]);
    let Error::Results(ResultsError::NoSuchBaseline { models, .. }) = error(&pool, input, &options("d")) else {
        panic!()
    };
    assert_eq!(models, ["a", "c", "org/b"]);
}

#[test]
fn many_models_are_compared_with_the_best() {
    let names: Vec<String> = (0..21).map(|at| format!("m{at:02}")).collect();
    let scores: Vec<Vec<f64>> = (0..21).map(|at| (0..30).map(|row| f64::from(u8::from(row < at))).collect()).collect();
    let models: Vec<(&str, &[f64])> = names.iter().zip(&scores).map(|(name, own)| (&**name, &**own)).collect();
    let found = results(&repeated(&[1; 30]), graded(&models));
    assert_eq!(found.models[0].model, "m20");
    assert_eq!(found.comparisons.len(), 20);
    assert!(found.comparisons.iter().all(|own| own.baseline == "m20"));
    assert!(found.notes[0].contains("name a baseline"), "{:?}", found.notes);
}

#[test]
fn json_has_the_fixed_form() {
    let options = ResultsOptions { by: vec![By::Bin], ..ResultsOptions::default() };
    let input = graded(&[("a", &[1.0, 1.0, 0.0]), ("b", &[1.0, 0.0, NONE])]);
    let found = builder().results(&mixed(), &[input], &options).unwrap();
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(["pool", "models", "comparisons"].iter().all(|key| json.get(key).is_some()));
    let model = &json["models"][0];
    for key in
        ["model", "n_tasks", "n_distinct", "unanswered", "accuracy", "standard_error", "low", "high", "full", "by"]
    {
        assert!(model.get(key).is_some(), "{key}: {:?}", keys(model));
    }
    assert!(model["full"].is_null() && model["why"].is_string());
    assert_eq!(keys(&model["by"]["bin"]), ["easy", "hard"]);
    for key in ["model", "baseline", "difference", "low", "high", "p_value", "discordant", "detectable"] {
        assert!(json["comparisons"][0].get(key).is_some(), "{key}");
    }
}

#[test]
fn csv_has_a_line_for_each_model_and_group() {
    let options = ResultsOptions { by: vec![By::Bin], ..ResultsOptions::default() };
    let input = graded(&[("a, \"the\" best", &[1.0, 0.0, 1.0])]);
    let text = builder().results(&mixed(), &[input], &options).unwrap().to_csv();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines[0], "model,by,group,n_tasks,n_distinct,unanswered,accuracy,standard_error,low,high,in_sample");
    assert!(lines[1].starts_with("\"a, \"\"the\"\" best\",all,all,3,3,1,0.6666666666666666,"), "{text}");
    assert!(lines[2].contains(",bin,easy,2,2,0,0.5,") && lines[3].contains(",bin,hard,1,1,1,1,,,,false"), "{text}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn the_order_of_answers_changes_no_bit() {
    let mut random = Random(7);
    let mut answers: Vec<Answer> = Vec::new();
    for (row, model) in (0..50).flat_map(|row| (0..4).map(move |model| (row, model))) {
        answers.push((row, format!("m{model}"), random.rate(0.3, 7), 7));
    }
    let pool = repeated(&[1; 50]);
    let there = serde_json::to_string(&results(&pool, table(&answers))).unwrap();
    answers.reverse();
    assert_eq!(serde_json::to_string(&results(&pool, table(&answers))).unwrap(), there);
}

#[test]
fn generated_tasks_need_a_configuration_of_generated_tasks() {
    let mut pool = repeated(&[1, 1]);
    pool.synthetic = true;
    pool.tasks.iter_mut().for_each(|task| task.benchmark = "gsm8k".to_owned());
    let real = DatasetBuilder::from_yaml("test.yaml", "benchmarks: {gsm8k: {path: 'datasets:gsm8k/main'}}").unwrap();
    let error = real.results(&pool, &[graded(&[("m", &[1.0])])], &ResultsOptions::default()).unwrap_err();
    assert_eq!(error.hints(), [Hint::Demo]);
}
