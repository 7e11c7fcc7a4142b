//! Responses are mapped, difficulties fitted and used.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use symphony_data::{
    DatasetBuilder, Error, Hint,
    calibration::{CalibratedRow, CalibrationMeta, ItemModel},
    evidence::{
        EvidenceError,
        calibrate::{CalibrateOptions, calibrate},
        responses::{Catalogue, Gathered, Input, ReadOptions, read},
        validation::{ScoredBy, reliability::ceiling, validate},
    },
    irt::{Fit, FitOptions, fit},
    number::percentile,
    preprocess::PreprocessOptions,
    progress::{Note, Progress, Silent},
    response::{Model, Responses},
};

mod support;

/// A folder with a store of `rows` synthetic rows of gsm8k.
struct Place {
    folder: tempfile::TempDir,
    builder: DatasetBuilder,
}

impl Place {
    fn new(rows: usize) -> Self {
        Self::of(&format!("benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows={rows}'}}}}"))
    }

    fn of(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = DatasetBuilder::from_yaml("test.yaml", yaml).unwrap();
        builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
        Self { folder, builder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn catalogue(&self) -> Catalogue<'_> {
        Catalogue::of(&self.builder.config, &self.path("full"), &[], &Silent).unwrap()
    }

    fn read(&self, inputs: &[Input], options: &ReadOptions) -> Result<Gathered, EvidenceError> {
        read(inputs, &mut self.catalogue(), options, &Silent)
    }

    fn write(&self, name: &str, text: &str) -> Input {
        fs::write(self.path(name), text).unwrap();
        Input::File { path: self.path(name), model: None }
    }

    fn calibrate(&self, inputs: &[Input], to: &str) -> (CalibrationMeta, Vec<CalibratedRow>) {
        let gathered = self.read(inputs, &ReadOptions::default()).unwrap();
        let options = CalibrateOptions { model: ItemModel::OneParameter, chance: BTreeMap::new() };
        let from = (&gathered.files[..], &gathered.unmapped[..]);
        let responses = &gathered.benchmarks[0];
        let meta = calibrate(responses, from, &mut self.catalogue(), &options, &self.path(to), &Silent).unwrap();
        let path = self.path(to).join(format!("{}_calibration.jsonl", responses.benchmark()));
        let lines = fs::read_to_string(path).unwrap();
        (meta, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

/// The generator of the simulations: SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    fn normals(&mut self, n: usize, sd: f64) -> Vec<f64> {
        let mut values: Vec<f64> = (0..n).map(|_| sd * self.normal()).collect();
        // The scale is counted from the panel's mean, so that the truth is too.
        let mean = values.iter().sum::<f64>() / n as f64;
        values.iter_mut().for_each(|value| *value -= mean);
        values
    }
}

/// Answers as a table: (row, model, score).
fn table(answers: &[(usize, usize, f64)]) -> Input {
    let text = |texts: Vec<String>| Arc::new(StringArray::from(texts)) as _;
    let columns = [
        ("benchmark", text(vec!["gsm8k".to_owned(); answers.len()])),
        ("source_id", text(answers.iter().map(|(row, ..)| format!("gsm8k_{row}")).collect())),
        ("model", text(answers.iter().map(|(_, model, _)| format!("m{model}")).collect())),
        ("score", Arc::new(Float64Array::from_iter_values(answers.iter().map(|(.., score)| *score))) as _),
    ];
    Input::Table(vec![RecordBatch::try_from_iter(columns).unwrap()])
}

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
    fit(&truth.responses, &[], FitOptions { discrimination, chance }, &|| false).unwrap()
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
fn abilities_are_covered_as_often_as_promised() {
    // Several small panels, as one has too few models to count.
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
    // So many models that parameters are found in turns, which leave the scale to drift where rows are known well.
    let truth = simulated(11, 1000, 150, 0.3, 0.0);
    let fit = fitted(&truth, true, 0.0);
    assert!(fit.converged);
    let sd = fit.discrimination_sd.unwrap();
    assert!((sd - 0.3).abs() < 0.05, "{sd}");
    // The slope of the line from what is true to what was fitted. That the mean ln a of 150 rows is not 0 moves it by 2 %.
    let (n, mean) = (truth.difficulty.len() as f64, |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64);
    let found: Vec<f64> = fit.difficulties.iter().map(|d| d.difficulty).collect();
    let (of_truth, of_found) = (mean(&truth.difficulty), mean(&found));
    let both: f64 = truth.difficulty.iter().zip(&found).map(|(x, y)| (x - of_truth) * (y - of_found)).sum::<f64>() / n;
    let own: f64 = truth.difficulty.iter().map(|x| (x - of_truth).powi(2)).sum::<f64>() / n;
    assert!((both / own - 1.0).abs() < 0.07, "{}", both / own);
}

#[test]
fn many_rows_are_fitted_from_where_some_of_them_lead() {
    let truth = simulated(12, 5, 16_400, 0.0, 0.0);
    let random = &mut Random(13);
    // Every row's own: were it that of another row for the first few thousand, they would lead elsewhere.
    let feature: Vec<f64> = truth.difficulty.iter().map(|b| b + 0.5 * random.normal()).collect();
    let options = FitOptions { discrimination: false, chance: 0.0 };
    let fit = fit(&truth.responses, &[feature], options, &|| false).unwrap();
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
    // The floor bounds what can be expected of the hardest row.
    assert!(with.difficulties.iter().all(|d| d.expected_error <= 0.75));
}

#[test]
fn how_often_a_guess_is_right_is_taken_from_the_configuration() {
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
fn features_foretell_rows_that_nobody_answered() {
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
    let fit = fit(&responses, &[feature], options, &|| false).unwrap();
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
            let fit = fit(&responses, &[feature, vec![3.0; 40]], options, &|| false).unwrap();
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
fn rows_with_the_same_answers_tie_whatever_the_threads() {
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

/// Difficulties of `rows` rows of which these models (the second index) have these scores, with one feature.
fn of_pattern(rows: usize, models: usize, score: impl Fn(usize, usize) -> f64, feature: impl Fn(usize) -> f64) -> Fit {
    let answers: Vec<_> = (0..rows)
        .flat_map(|row| (0..models).map(move |model| (row, model)))
        .map(|(r, m)| (r, m, score(r, m)))
        .collect();
    let responses = Place::new(rows).read(&[table(&answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0);
    let options = FitOptions { discrimination: false, chance: 0.0 };
    fit(&responses, &[(0..rows).map(feature).collect()], options, &|| false).unwrap()
}

#[test]
fn rows_that_models_of_equal_standing_solved_are_equally_hard() {
    // Of ten rows both models solve one, either alone four, and nobody one. By symmetry, a row that one of them solved is
    // failed half of the time, whoever solved it and however long it is, as each length is as frequent among either's.
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
fn what_is_published_of_a_fit_has_four_decimals() {
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
    // From NumPy: ranks, their correlations, 2r/(1 + r), the root of the mean.
    for (models, expected) in [(3, 0.612_506_924_115_828_3), (4, 0.724_096_708_176_066_9)] {
        let answers: Vec<_> =
            (0..8).flat_map(|row| (0..models).map(move |model| (row, model, f64::from(scores[model][row])))).collect();
        let responses = Place::new(8).read(&[table(&answers)], &ReadOptions::default()).unwrap().benchmarks.remove(0);
        let found = ceiling(&responses, &every_row(&responses), &Silent).unwrap().unwrap();
        assert!((found - expected).abs() < 1e-12, "{models} models: {found}");
    }
}

/// Answers of 256 models to 200 rows, of which model k and model k + 128 give the same.
fn in_pairs() -> Responses {
    let answer = |row: usize, model: usize| {
        let mut random = Random((model % 128 * 200 + row) as u64);
        random.uniform();
        // What SplitMix64 gave, to its last bits.
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
fn the_ceiling_of_a_large_panel_counts_every_model_by_itself() {
    let responses = in_pairs();
    // NumPy, over 20,000 halves drawn at random. Were copies in the same half, it would be 0.511.
    let found = ceiling(&responses, &every_row(&responses), &Silent).unwrap().unwrap();
    assert!((found - 0.7884).abs() < 0.006, "{found}");
}

/// Says stop when it is asked for the so manieth time.
struct StopAt(std::sync::atomic::AtomicUsize, usize);

impl StopAt {
    fn new(question: usize) -> Self {
        Self(std::sync::atomic::AtomicUsize::new(0), question)
    }
}

impl Progress for StopAt {
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= self.1
    }
}

#[test]
fn a_stop_is_heeded_within_every_part_of_validate_and_calibrate() {
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
    let whole = fit(&responses, &[], options, &|| asked.cancelled()).unwrap();
    let questions = asked.0.into_inner();
    assert!(questions >= 12 * whole.iterations, "{questions} in {} passes", whole.iterations);
    for question in [0, 5, questions - 1] {
        let stop = StopAt::new(question);
        assert!(fit(&responses, &[], options, &|| stop.cancelled()).is_none(), "{question}");
    }
    // And within resampling, which asks more than once for each 100 resamples of these rows.
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
fn tries_are_averaged_and_counted() {
    let place = Place::new(10);
    let lines = [(1, 0.0), (1, 1.0), (1, 1.0), (2, 1.0)];
    let text: String = lines
        .map(|(row, score)| {
            format!(r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"a","score":{score}}}"#) + "\n"
        })
        .concat();
    let gathered = place.read(&[place.write("r.jsonl", &text)], &ReadOptions::default()).unwrap();
    let answer = gathered.benchmarks[0].answers(1).next().unwrap();
    assert_eq!((answer.score, answer.tries), (2.0 / 3.0, 3));
    // Three tries of one model at one row have half of what they say in common: 3 / (1 + 2·½).
    assert_eq!(answer.weight, 1.5);
    assert_eq!(gathered.benchmarks[0].answers(2).next().unwrap().weight, 1.0);
    assert_eq!(gathered.benchmarks[0].len(), 2);
}

#[test]
fn the_same_answers_come_from_every_form() {
    let place = Place::new(20);
    let lines: String = (0..20)
        .map(|row| {
            format!(r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"a","score":{}}}"#, row % 2) + "\n"
        })
        .collect();
    let csv = String::from("benchmark,source_id,model,score,family\n")
        + &(0..20).map(|row| format!("gsm8k,gsm8k_{row},a,{},f\n", row % 2)).collect::<String>();
    let array = format!("[{}]", lines.trim_end().replace('\n', ","));
    let inputs = [place.write("r.jsonl", &lines), place.write("r.csv", &csv), place.write("r.json", &array)];
    let answers: Vec<(usize, usize, f64)> = (0..20).map(|row| (row, 0, (row % 2) as f64)).collect();
    for input in inputs.into_iter().chain([table(&answers)]) {
        let gathered = place.read(std::slice::from_ref(&input), &ReadOptions::default()).unwrap();
        let scores = gathered.benchmarks[0].scores_of(0);
        assert!(scores.iter().enumerate().all(|(row, score)| *score == (row % 2) as f64), "{input:?}: {scores:?}");
    }
}

#[test]
fn responses_are_read_as_what_they_are_or_named_for_it() {
    let place = Place::new(20);
    let line =
        |row: usize| format!(r#"{{"benchmark":"gsm8k","source_id":"gsm8k_{row}","model":"a","score":1}}"#) + "\n";
    let lines: String = (0..20).map(line).collect();
    let array = format!("[{}]", lines.trim_end().replace('\n', ","));
    let table = |separator: &str| {
        let rows = (0..20).map(|row| format!("gsm8k,gsm8k_{row},a,1\n"));
        rows.fold("benchmark,source_id,model,score\n".to_owned(), |all, row| all + &row).replace(',', separator)
    };
    let zst = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    let file = |name: &str, content: &[u8]| {
        fs::write(place.path(name), content).unwrap();
        place.read(&[Input::File { path: place.path(name), model: None }], &ReadOptions::default())
    };
    for (name, content) in [
        ("a.jsonl", &zst[..]),
        ("a.JSONL.gz", lines.as_bytes()),
        ("a.json", lines.as_bytes()),
        ("a.Json", array.as_bytes()),
        ("a.jsonl", array.as_bytes()),
        ("a.tsv", table("\t").as_bytes()),
        ("a.csv", table(";").as_bytes()),
        ("a.CSV", table(",").as_bytes()),
    ] {
        let gathered = file(name, content).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(gathered.benchmarks[0].len(), 20, "{name}");
    }
    let utf16: Vec<u8> = lines.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let open = table(",").replace("gsm8k_10,a", "gsm8k_10,\"a");
    let twice = array.replacen("},{", "},,{", 1);
    for (name, content, expected) in [
        ("b.csv", open.as_bytes(), "b.csv:12: the file ends inside quotes that open on line 12"),
        ("b.json", twice.as_bytes(), "b.json:1: not JSON: expected a value (column 68)"),
        ("b.jsonl", &utf16, "b.jsonl: this file is text in UTF-16LE; convert it to UTF-8"),
        ("b.csv", b"<!doctype html><p>Log in", "b.csv: this is a web page, not data"),
        (
            "b.jsonl",
            b"{\n  \"answers\": [\n    {}\n  ]\n}",
            "b.jsonl: this file is one object; write responses as an array",
        ),
    ] {
        let error = file(name, content).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_cannot_be_mapped_is_counted_and_named() {
    let place = Place::new(5);
    let line = |benchmark: &str, id: &str| {
        format!(r#"{{"benchmark":"{benchmark}","source_id":"{id}","model":"a","score":1}}"#) + "\n"
    };
    let text = [
        line("gsm8k", "gsm8k_1"),
        line("gsm8k", "gsm8k_5"),
        line("other", "other_1"),
        line("other", "other_2"),
        line("gsm8k", "bbh_1"),
    ];
    let gathered = place.read(&[place.write("r.jsonl", &text.concat())], &ReadOptions::default()).unwrap();
    assert_eq!(gathered.benchmarks[0].len(), 1);
    let said: Vec<String> = gathered.unmapped.iter().map(ToString::to_string).collect();
    assert_eq!(
        said[0],
        "2 answers of benchmarks that are not among those preprocessed in ".to_owned()
            + &place.path("full").display().to_string()
            + ": benchmark \"other\""
    );
    assert_eq!(
        said[1],
        "2 answers to rows that gsm8k (5 rows, gsm8k_0 the first) does not have: source_id \"gsm8k_5\", source_id \"bbh_1\""
    );
    // Each is named once, and no more than three are.
    let text: String =
        [6, 6, 7, 8, 9].map(|row| line("gsm8k", &format!("gsm8k_{row}"))).concat() + &line("gsm8k", "gsm8k_1");
    let gathered = place.read(&[place.write("more.jsonl", &text)], &ReadOptions::default()).unwrap();
    let said = gathered.unmapped[0].to_string();
    assert!(said.ends_with("source_id \"gsm8k_6\", source_id \"gsm8k_7\", source_id \"gsm8k_8\", …"), "{said}");
    let nothing = place.read(&[place.write("n.jsonl", &line("other", "x_1"))], &ReadOptions::default()).unwrap_err();
    assert!(nothing.to_string().starts_with("no response could be mapped to a row\n  1 answer of"), "{nothing}");
    let empty = place.read(&[place.write("e.jsonl", "")], &ReadOptions::default()).unwrap_err().to_string();
    assert!(empty.starts_with("there is no answer in e.jsonl; a response has benchmark,"), "{empty}");
    let error =
        |text: &str| place.read(&[place.write("w.csv", text)], &ReadOptions::default()).unwrap_err().to_string();
    let renamed = error("benchmark,source_id,model,accuracy\ngsm8k,gsm8k_0,a,1\n");
    assert!(renamed.ends_with("w.csv:2: has no `score`; a response has benchmark, source_id (or identity), model, score, and this has benchmark, source_id, model, accuracy"), "{renamed}");
    let percent = error("benchmark,source_id,model,score\ngsm8k,gsm8k_0,a,85%\n");
    assert!(percent.ends_with("w.csv:2: `score`: \"85%\" is no number"), "{percent}");
}

#[test]
fn a_file_that_is_given_twice_and_two_columns_of_one_name_are_refused() {
    let place = Place::new(3);
    let answers = place.write("answers.csv", "benchmark,source_id,model,score\ngsm8k,gsm8k_0,m,1\n");
    let Input::File { path, .. } = &answers else { panic!("it is a file") };
    let other_way = path.parent().unwrap().join("full/../answers.csv");
    let again = Input::File { path: other_way, model: Some("n".to_owned()) };
    let message = place.read(&[answers, again], &ReadOptions::default()).unwrap_err().to_string();
    assert!(
        message
            .ends_with("answers.csv is given twice, so that its answers would count as two tries; give each file once"),
        "{message}"
    );

    let texts = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let score = |score: f64| Arc::new(Float64Array::from(vec![score])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("benchmark", texts("gsm8k")),
        ("source_id", texts("gsm8k_0")),
        ("model", texts("m")),
        ("score", score(1.0)),
        ("score", score(0.0)),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    fs::write(place.path("answers.parquet"), bytes).unwrap();
    let file = Input::File { path: place.path("answers.parquet"), model: None };
    for input in [Input::Table(vec![batch]), file] {
        let message = place.read(&[input], &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains("it has two columns `score`; rename one"), "{message}");
    }
}

#[test]
fn bad_responses_are_refused_with_their_line() {
    let place = Place::new(5);
    let good = r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"a","score":1}"#;
    for (bad, why) in [
        (r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"a","score":73}"#, "divide percentages by 100"),
        (r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","score":1}"#, "has no `model`"),
        (r#"{"benchmark":"gsm8k","model":"a","score":1}"#, "has no `source_id`"),
        (r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"a","score":1"#, "no response"),
        (r#"{"benchmark":"gsm8k","source_id":"gsm8k_1","model":"a","score":"good"}"#, "\"good\" is no number"),
    ] {
        let error =
            place.read(&[place.write("r.jsonl", &format!("{good}\n{bad}\n"))], &ReadOptions::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("r.jsonl:2: ") && text.contains(why), "{text}");
    }
}

/// Some questions of the store, by row.
fn questions(place: &Place, benchmark: &str, rows: &[u32]) -> Vec<serde_json::Value> {
    let store = symphony_data::store::Store::open(&place.path("full"), benchmark, &Silent).unwrap();
    store.fetch(rows).unwrap().iter().map(|task| serde_json::from_str(task.raw_data.get()).unwrap()).collect()
}

#[test]
fn a_log_of_the_harness_is_mapped_by_text() {
    let place = Place::new(30);
    let rows = [17, 3, 22];
    let mut sorted = rows;
    sorted.sort_unstable();
    let docs = questions(&place, "gsm8k", &sorted);
    let mut text = String::new();
    for (doc_id, row) in rows.iter().enumerate() {
        let doc = &docs[sorted.iter().position(|sorted| sorted == row).unwrap()];
        for (filter, score) in [("strict-match", 0.0), ("flexible-extract", 1.0)] {
            let line = serde_json::json!({"doc_id": doc_id, "doc": doc, "filter": filter, "metrics": ["exact_match"], "exact_match": score});
            text += &(line.to_string() + "\n");
        }
    }
    text += &(serde_json::json!({"doc_id": 9, "doc": {"question": "never asked"}, "filter": "strict-match", "metrics": ["exact_match"], "exact_match": 1.0}).to_string() + "\n");
    fs::create_dir(place.path("org__model-7b")).unwrap();
    let input = place.write("org__model-7b/samples_gsm8k_2026-01-01.jsonl", &text);
    let several = place.read(std::slice::from_ref(&input), &ReadOptions::default()).unwrap_err();
    assert_eq!(several.hints(), [Hint::Filter("flexible-extract".to_owned())], "{several}");
    let options = ReadOptions { filter: Some("flexible-extract".to_owned()), metric: None };
    let gathered = place.read(std::slice::from_ref(&input), &options).unwrap();
    let responses = &gathered.benchmarks[0];
    assert_eq!(responses.models()[0].name, "org/model-7b");
    for row in 0..30 {
        let answered = responses.answers(row).map(|answer| answer.score).collect::<Vec<_>>();
        assert_eq!(answered, if rows.contains(&(row as u32)) { vec![1.0] } else { vec![] }, "{row}");
    }
    let strict = ReadOptions { filter: Some("strict-match".to_owned()), metric: None };
    let gathered = place.read(&[input], &strict).unwrap();
    assert_eq!(
        gathered.unmapped[0].to_string(),
        "1 answer of the log `gsm8k_2026-01-01` to documents that are no row here: \"never asked\""
    );
}

#[test]
fn the_harness_counts_bbh_by_subtask() {
    let place = Place::of("benchmarks: {bbh: {path: 'synthetic:bbh?rows=400'}}");
    let store = symphony_data::store::Store::open(&place.path("full"), "bbh", &Silent).unwrap();
    let rows: Vec<u32> = (0..400).collect();
    let tasks = store.fetch(&rows).unwrap();
    let navigate: Vec<(usize, serde_json::Value)> = tasks
        .iter()
        .map(|task| serde_json::from_str::<serde_json::Value>(task.raw_data.get()).unwrap())
        .enumerate()
        .filter(|(_, raw)| raw["task_name"] == "navigate")
        .collect();
    let text: String = navigate
        .iter()
        .enumerate()
        .map(|(doc_id, (_, raw))| {
            let doc = serde_json::json!({"input": raw["input"], "target": raw["target"]});
            serde_json::json!({"doc_id": doc_id, "doc": doc, "exact_match": 1.0}).to_string() + "\n"
        })
        .collect();
    let path = place.path("samples_bbh_cot_fewshot_navigate_2026.jsonl");
    fs::write(&path, text).unwrap();
    let input = Input::File { path, model: Some("m".to_owned()) };
    let gathered = place.read(&[input], &ReadOptions::default()).unwrap();
    let answered: Vec<usize> = (0..400).filter(|row| gathered.benchmarks[0].answers(*row).len() > 0).collect();
    let all: Vec<usize> = navigate.iter().map(|(row, _)| *row).collect();
    assert!(!answered.is_empty() && answered.iter().all(|row| all.contains(row)), "{answered:?}");
    assert_eq!(answered.len() as u64 + gathered.unmapped.iter().map(|u| u.answers).sum::<u64>(), all.len() as u64);
}

#[test]
fn a_log_of_inspect_is_read_whatever_its_compression() {
    let place = Place::new(10);
    let docs = questions(&place, "gsm8k", &[2, 5]);
    let sample = |doc: &serde_json::Value, epoch: u32, value: &str| serde_json::json!({"id": epoch, "epoch": epoch, "input": doc["question"], "target": "", "scores": {"match": {"value": value}}});
    let samples = [(&docs[0], 1, "C"), (&docs[0], 2, "I"), (&docs[1], 1, "C")];
    let header = serde_json::json!({"version": 2, "eval": {"task": "gsm8k", "model": "openai/gpt-x"}});
    let mut whole = header.clone();
    whole["samples"] = samples.iter().map(|(doc, epoch, value)| sample(doc, *epoch, value)).collect();
    let mut inputs = vec![place.write("log.json", &whole.to_string())];
    for (name, method) in
        [("deflated.eval", zip::CompressionMethod::Deflated), ("zstd.eval", zip::CompressionMethod::Zstd)]
    {
        let mut zip = zip::ZipWriter::new(fs::File::create(place.path(name)).unwrap());
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        let mut put = |member: String, value: &serde_json::Value| {
            zip.start_file(member, options).unwrap();
            zip.write_all(value.to_string().as_bytes()).unwrap();
        };
        put("header.json".to_owned(), &header);
        for (at, (doc, epoch, value)) in samples.iter().enumerate() {
            put(format!("samples/{at}_epoch_{epoch}.json"), &sample(doc, *epoch, value));
        }
        zip.finish().unwrap();
        inputs.push(Input::File { path: place.path(name), model: None });
    }
    for input in inputs {
        let gathered = place.read(std::slice::from_ref(&input), &ReadOptions::default()).unwrap();
        let responses = &gathered.benchmarks[0];
        assert_eq!(responses.models()[0].name, "openai/gpt-x");
        // Two epochs are two tries.
        let first = responses.answers(2).next().unwrap();
        assert_eq!((first.score, first.tries, responses.answers(5).next().unwrap().score), (0.5, 2, 1.0), "{input:?}");
    }
    fs::write(place.path("cut.eval"), &fs::read(place.path("zstd.eval")).unwrap()[..200]).unwrap();
    let cut = Input::File { path: place.path("cut.eval"), model: None };
    let error = place.read(&[cut], &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("no whole .eval file"), "{error}");
}

/// Answers of three models to 60 rows: the later the row, the fewer solve it.
fn graded() -> Vec<(usize, usize, f64)> {
    (0..60).flat_map(|row| (0..3).map(move |model| (row, model, f64::from(u8::from(row < 15 * (model + 1)))))).collect()
}

/// What was noted.
#[derive(Clone, Default)]
struct Notes(Arc<std::sync::Mutex<Vec<String>>>);

impl Notes {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Progress for Notes {
    fn note(&self, note: Note<'_>) {
        self.0.lock().unwrap().push(note.to_string());
    }
}

#[test]
fn what_says_next_to_nothing_is_said_to() {
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
    // Bins of a few tasks are not judged.
    let mut catalogue = place.catalogue();
    let scores = catalogue.shelf("gsm8k").unwrap().unwrap().store.scores().unwrap();
    let at = |score: f64| scores.iter().position(|other| *other == score).unwrap();
    let answers = table(&[(at(0.0), 0, 1.0), (at(1.0), 0, 0.0)]);
    let few = read(&[answers], &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
    let report = validate(few, &mut [], &mut catalogue, &place.builder.config, &ScoredBy::default(), &Silent).unwrap();
    let said = "hard tasks fail 100.0 points more often than easy ones; 1 easy and 1 hard are too few to tell";
    assert_eq!(report.validations[0].sentence, said);
}

#[test]
fn benchmarks_that_were_not_asked_for_are_told_from_unknown_ones() {
    let place = Place::of(
        "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=60'}, humaneval: {path: 'synthetic:humaneval?rows=60'}}",
    );
    let of = |only: &str| Catalogue::of(&place.builder.config, &place.path("full"), &[only.to_owned()], &Silent);
    let error = read(&[table(&graded())], &mut of("humaneval").unwrap(), &ReadOptions::default(), &Silent).unwrap_err();
    assert!(
        error.to_string().contains("answers of benchmarks that were not asked for: benchmark \"gsm8k\""),
        "{error}"
    );
    let error = of("gsm8kk").err().unwrap().to_string();
    assert!(error.starts_with("gsm8kk: no such benchmark is configured; those preprocessed in"), "{error}");
    assert!(error.ends_with("are gsm8k, humaneval"), "{error}");
    // No score, however it is written, is none.
    let text = "benchmark,source_id,model,score\n".to_owned()
        + &["", "nan", "NA", "null", "1"].map(|score| format!("gsm8k,gsm8k_0,a,{score}\n")).concat();
    let gathered = place.read(&[place.write("r.csv", &text)], &ReadOptions::default()).unwrap();
    assert_eq!((gathered.benchmarks[0].len(), gathered.unmapped[0].answers), (1, 4));
}

#[test]
fn wrong_configurations_of_a_measured_difficulty_are_named() {
    let problems = |difficulty: &str| {
        let yaml = format!("benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows=60', {difficulty}}}}}");
        match DatasetBuilder::from_yaml("x.yaml", &yaml) {
            Err(Error::Config(problems)) => problems.to_string(),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("no problem with {difficulty}"),
        }
    };
    assert!(problems("difficulty: {min_responses: 2}").contains("goes with a measured difficulty"));
    assert!(problems("difficulty_cuts: [0.6, 0.2]").contains("the lower first"));
    assert!(problems("difficulty_cuts: 0.2").contains("expected two scores"));
}

#[test]
fn the_real_answers_foretell_other_models_at_least_as_well_as_simple_means() {
    let (Some((builder, full)), Some(data)) = (support::real("default"), support::real_data()) else { return };
    for (benchmark, sizes) in [("gsm8k", &[1][..]), ("medical_qa", &[3, 4])] {
        let answers = data.join(format!("../responses/{benchmark}.jsonl"));
        for size in sizes {
            let [ours, mean, mixed] = held_out(builder, full, &answers, *size);
            // Of the simple scores, that which is best by each measure.
            for (measure, name) in ["rho", "gap"].into_iter().enumerate() {
                let best = mean[measure].max(mixed[measure]);
                assert!(ours[measure] >= best, "{benchmark}, {size}, {name}: {ours:?}, {mean:?}, {mixed:?}");
            }
        }
    }
}

/// Calibrates on every panel of so many of the models, and compares with the others' mean error: rho and gap of the
/// calibration, of the panel's mean error, and of that + 0.3 × the surface score, averaged over the panels.
fn held_out(builder: &DatasetBuilder, full: &Path, answers: &Path, size: u32) -> [[f64; 2]; 3] {
    let mut catalogue = Catalogue::of(&builder.config, full, &[], &Silent).unwrap();
    let input = Input::File { path: answers.to_owned(), model: None };
    let all = read(&[input], &mut catalogue, &ReadOptions::default(), &Silent).unwrap().benchmarks.remove(0);
    let surface = catalogue.shelf(all.benchmark()).unwrap().unwrap().store.scores().unwrap();
    let panels: Vec<u32> = (0..1 << all.models().len()).filter(|panel: &u32| panel.count_ones() == size).collect();
    let mut measured = [[0.0; 2]; 3];
    for panel in &panels {
        let number = |model: &Model| all.models().iter().position(|other| other == model).unwrap();
        let in_panel = |model: &Model| panel >> number(model) & 1 == 1;
        let (own, held) = (all.only(in_panel), all.only(|model| !in_panel(model)).errors());
        let folder = tempfile::tempdir().unwrap();
        calibrate(&own, (&[], &[]), &mut catalogue, &CalibrateOptions::default(), folder.path(), &Silent).unwrap();
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

/// The mean error above the 80th percentile of the score less that below the 20th.
fn gap(scores: &[f64], errors: &[f64]) -> f64 {
    let [low, high] = [20.0, 80.0].map(|q| percentile(&mut scores.to_vec(), q).unwrap());
    let mean = |of: &dyn Fn(f64) -> bool| {
        let of_bin: Vec<f64> = scores.iter().zip(errors).filter(|(score, _)| of(**score)).map(|(_, e)| *e).collect();
        of_bin.iter().sum::<f64>() / of_bin.len() as f64
    };
    mean(&|score| score > low && score >= high) - mean(&|score| score <= low)
}
