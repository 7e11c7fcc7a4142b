//! Difficulties are fitted, published and used.

use super::*;

#[test]
fn calibrate_takes_the_chance_of_a_guess_from_the_configuration() {
    let of = |more: &str| {
        let yaml = format!("benchmarks: {{medical_qa: {{path: 'synthetic:medical_qa?rows=40'{more}}}}}");
        let place = Place::of(&yaml);
        let line = |row| {
            format!(
                "{{\"benchmark\": \"medical_qa\", \"source_id\": \"medical_qa_{row}\", \"model\": \"m\", \"score\": {}}}\n",
                row % 2
            )
        };
        let (meta, rows) = place.calibrate(&[place.write("r.jsonl", &(0..40).map(line).collect::<String>())], "out");
        (meta.chance, rows.into_iter().map(|row| row.expected_error).fold(0.0, f64::max))
    };
    // The preset's: one of four options.
    let (chance, hardest) = of("");
    assert!(chance == 0.25 && hardest < 0.75, "{chance} {hardest}");
    assert_eq!(of(", chance: 0").0, 0.0);
    for wrong in ["1", "-0.1", "25 %", "[0.25]"] {
        let yaml = format!("benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows=60', chance: {wrong}}}}}");
        let Err(Error::Config(problems)) = DatasetBuilder::from_yaml("x.yaml", &yaml) else { panic!("{wrong}") };
        let text = problems.to_string();
        assert!(text.contains("benchmarks.gsm8k.chance: expected how often a guess is right, found"), "{text}");
    }
}

#[test]
fn the_order_of_answers_and_of_files_changes_no_bit() {
    let place = Place::new(60);
    let random = &mut Random(21);
    let mut lines = Vec::new();
    for row in 0..60 {
        for (model, name) in ["delta", "alpha", "Zeta", "mü", "beta"].into_iter().enumerate() {
            // Several tries of fractional scores, whose sum depends on its order.
            for _ in 0..=model % 3 {
                let score = (100.0 * random.uniform()).round() / 100.0 * f64::from(u8::from(row % 7 > model));
                let family = if random.uniform() < 0.5 { r#","family":"f""# } else { r#","family":"e""# };
                lines.push(format!(
                    r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"{name}","score":{score}{family}}}"#
                ));
            }
        }
    }
    let found = |lines: &[String], name: &str, reversed: bool| {
        let half = lines.len() / 2;
        let mut inputs = [
            place.write(&format!("{name}-1.jsonl"), &(lines[..half].join("\n") + "\n")),
            place.write(&format!("{name}-2.jsonl"), &(lines[half..].join("\n") + "\n")),
        ];
        if reversed {
            inputs.reverse();
        }
        let (mut meta, _) = place.calibrate(&inputs, name);
        let files = std::mem::take(&mut meta.responses);
        meta.self_checksum.clear();
        let mut catalogue = place.catalogue();
        let gathered = read(&inputs, &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
        let report =
            validate(gathered, &mut [], &mut catalogue, &place.builder.config, &ScoredBy::default(), &Silent).unwrap();
        let rows = fs::read_to_string(place.path(name).join("gsm8k_calibration.jsonl")).unwrap();
        let names: Vec<String> = files.into_iter().map(|file| file.name.replace(name, "")).collect();
        (rows, serde_json::to_string(&meta).unwrap(), serde_json::to_string(&report).unwrap(), names)
    };
    let first = found(&lines, "first", false);
    assert_eq!(first, found(&lines, "files", true));
    lines.reverse();
    assert_eq!(first, found(&lines, "reversed", false));
    for i in (1..lines.len()).rev() {
        lines.swap(i, (random.uniform() * (i + 1) as f64) as usize);
    }
    assert_eq!(first, found(&lines, "shuffled", false));
}

#[test]
fn a_published_calibration_has_four_decimals() {
    let place = Place::new(60);
    let (meta, rows) = place.calibrate(&[table(&graded())], "cal");
    let four = |value: f64| assert_eq!(format!("{value:.4}").parse::<f64>().unwrap().to_bits(), value.to_bits());
    for row in rows {
        [row.difficulty, row.standard_error, row.expected_error].into_iter().for_each(four);
    }
    for model in meta.panel {
        [model.ability, model.standard_error, model.slope].into_iter().for_each(four);
    }
    [meta.ability_sd, meta.intercept, meta.residual_sd, meta.variance_explained].into_iter().for_each(four);
}

#[test]
fn a_wrong_configuration_of_a_measured_difficulty_is_refused_with_its_key() {
    let problems = |difficulty: &str| {
        let yaml = format!("benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows=60', {difficulty}}}}}");
        match DatasetBuilder::from_yaml("x.yaml", &yaml) {
            Err(Error::Config(problems)) => problems.to_string(),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("no problem with {difficulty}"),
        }
    };
    assert!(problems("difficulty: {min_responses: 2}").contains("needs a measured difficulty"));
    assert!(problems("difficulty_cuts: [0.6, 0.2]").contains("the lower first"));
    assert!(problems("difficulty_cuts: 0.2").contains("expected two scores"));
}

#[test]
fn calibrations_of_real_answers_predict_other_models_at_least_as_well_as_simple_means() {
    let (Some((builder, full)), Some(data)) = (support::real("default"), support::real_data()) else { return };
    for (benchmark, sizes) in [("gsm8k", &[1][..]), ("medical_qa", &[3, 4])] {
        let answers = data.join(format!("../responses/{benchmark}.jsonl"));
        for size in sizes {
            let [ours, mean, mixed] = held_out(builder, full, &answers, *size);
            // The best of the simple scores by each measure.
            for (measure, name) in ["rho", "gap"].into_iter().enumerate() {
                let best = mean[measure].max(mixed[measure]);
                assert!(ours[measure] >= best, "{benchmark}, {size}, {name}: {ours:?}, {mean:?}, {mixed:?}");
            }
        }
    }
}

/// Calibrates on every panel of `size` models, and compares with the other models' mean error. Returns rho and gap of the
/// calibration, of the panel's mean error, and of that + 0.3 × the surface score, averaged over the panels.
fn held_out(builder: &DatasetBuilder, full: &Path, answers: &Path, size: u32) -> [[f64; 2]; 3] {
    let mut catalogue = Catalogue::of(&builder.config, full, &[], &Silent).unwrap();
    let input = Input::File { path: answers.to_owned(), model: None };
    let all = read(&[input], &mut catalogue, &ReadOptions::default(), &Silent).unwrap().benchmarks.remove(0);
    let surface = catalogue.shelf(all.benchmark()).unwrap().unwrap().store().unwrap().scores().unwrap();
    let panels: Vec<u32> = (0..1 << all.models().len()).filter(|panel: &u32| panel.count_ones() == size).collect();
    let mut measured = [[0.0; 2]; 3];
    for panel in &panels {
        let number = |model: &Model| all.models().iter().position(|other| other == model).unwrap();
        let in_panel = |model: &Model| panel >> number(model) & 1 == 1;
        let (own, held) = (all.only(in_panel), all.only(|model| !in_panel(model)).errors());
        let folder = tempfile::tempdir().unwrap();
        // The reference difficulties were fitted to these very answers.
        let options = CalibrateOptions { prior: PriorChoice::Features, ..CalibrateOptions::default() };
        calibrate(&own, (&[], &[]), &mut catalogue, &options, folder.path(), &Silent).unwrap();
        let rows = support::json_lines(&folder.path().join(format!("{}_calibration.jsonl", all.benchmark())));
        let fitted: Vec<f64> = rows.iter().map(|row| row["expected_error"].as_f64().unwrap()).collect();
        let mean = own.errors();
        let mixed: Vec<f64> = mean.iter().zip(&surface).map(|(mean, surface)| mean + 0.3 * surface).collect();
        for (measured, score) in measured.iter_mut().zip([fitted, mean, mixed]) {
            let rho = symphony_data::number::correlation::spearman(&score, &held).unwrap();
            measured[0] += rho / panels.len() as f64;
            measured[1] += gap(&score, &held) / panels.len() as f64;
        }
    }
    measured
}

/// The mean error above the 80th percentile of the score minus the mean error below the 20th.
fn gap(scores: &[f64], errors: &[f64]) -> f64 {
    let [low, high] = [20.0, 80.0].map(|q| percentile(&mut scores.to_vec(), q).unwrap());
    let mean = |of: &dyn Fn(f64) -> bool| {
        let of_bin: Vec<f64> = scores.iter().zip(errors).filter(|(score, _)| of(**score)).map(|(_, e)| *e).collect();
        of_bin.iter().sum::<f64>() / of_bin.len() as f64
    };
    mean(&|score| score > low && score >= high) - mean(&|score| score <= low)
}
