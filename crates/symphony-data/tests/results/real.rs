//! A worked example: a pool of real rows, and the answers of 83 real models (HELM Lite).

use std::{collections::HashMap, io::Read, path::Path};

use symphony_data::{evidence::responses::Input, request::RequestSpec, results::By};

use super::*;

#[test]
fn the_answers_of_real_models_to_a_real_pool_are_averaged_and_compared() {
    let responses =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/responses/panels/helm_lite_gsm8k_83x1000.csv.gz");
    let (Some((builder, full)), true) = (support::real("default"), responses.exists()) else {
        eprintln!("SKIPPED: the responses of real models are not on this machine (../shared/responses)");
        return;
    };
    let request = RequestSpec {
        benchmarks: vec!["gsm8k".into()],
        n_total_tasks: 200,
        difficulty: Some("reference".into()),
        ..RequestSpec::default()
    };
    let stream = builder.build_task_stream(&request, full).unwrap();
    let pool = AnsweredPool::from(stream);
    let options = ResultsOptions { by: vec![By::Bin], ..ResultsOptions::default() };
    let input = Input::File { path: responses.clone(), model: None };
    let found = builder.results(&pool, &[input], &options).unwrap();
    assert_eq!((found.models.len(), found.comparisons.len()), (83, 82));
    // The file has answers to 1,000 of the 1,319 rows.
    assert!(found.outside > 50_000);

    // The means again, from the file itself.
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(responses).unwrap()).read_to_string(&mut text).unwrap();
    let drawn: HashMap<&str, f64> =
        pool.tasks.iter().map(|task| (task.source_id.as_ref().unwrap().as_str(), 1.0)).collect();
    let mut sums: HashMap<&str, (f64, f64)> = HashMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if drawn.contains_key(cells[1]) {
            let (n, sum) = sums.entry(cells[2]).or_default();
            *n += 1.0;
            *sum += cells[3].parse::<f64>().unwrap();
        }
    }
    for own in &found.models {
        let (n, sum) = sums[own.model.as_str()];
        assert!(near(own.accuracy.accuracy.unwrap(), sum / n), "{}", own.model);
        assert_eq!((own.accuracy.n_tasks as f64, own.accuracy.unanswered as f64), (n, 200.0 - n));
        // Hard tasks are harder for every real model that is not near the floor or the ceiling.
        let [easy, .., hard] = &own.by[0].1[..] else { panic!() };
        if (0.2..0.9).contains(&(sum / n)) {
            assert!(easy.1.accuracy > hard.1.accuracy, "{}", own.model);
        }
    }
    // The reference difficulty was fitted to models of HELM, among others.
    assert!(found.models.iter().any(|own| own.in_sample == Some(true)));
    // The best model is better than the worst beyond doubt, and not clearly better than the next.
    let (next, last) = (&found.comparisons[0], &found.comparisons[81]);
    assert!(last.difference.unwrap() < -0.3 && last.adjusted_p_value.unwrap() < 1e-6, "{last:?}");
    assert!(next.p_value.unwrap() > 0.05, "{next:?}");
}
