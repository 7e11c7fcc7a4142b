//! `calibrate --prior`: what a fit believes of rows before it reads their answers.

mod support;

use std::{fmt::Write, fs};

use serde_json::{Value, json};
use support::Place;
use symphony_data::calibration::Reference;

/// Rows `from..to` in the form of HumanEval, with its task ids, which are their identity; those from 164 on are unknown to
/// the reference.
fn rows(from: usize, to: usize) -> String {
    let mut rows = String::new();
    for row in from..to {
        let (prompt, test) = ("word ".repeat(20 + row * 7 % 90), "assert x ".repeat(1 + row % 11));
        writeln!(rows, "{}", json!({"task_id": format!("HumanEval/{row}"), "prompt": prompt, "test": test})).unwrap();
    }
    rows
}

/// A folder with a preprocessed benchmark `humaneval` of these rows, and its configuration.
fn humaneval(from: usize, to: usize) -> Place {
    let place = Place::new();
    fs::write(place.path("rows.jsonl"), rows(from, to)).unwrap();
    let config = json!({"benchmarks": {"humaneval": {"path": "file:rows.jsonl"}}});
    fs::write(place.path("c.yaml"), config.to_string()).unwrap();
    place.ok("-q --config c.yaml preprocess");
    place
}

/// Writes answers of these models to the first `n` rows: each model solves two rows of three, each another third.
fn answers(place: &Place, file: &str, benchmark: &str, models: &[&str], n: usize) {
    let mut text = "benchmark,source_id,model,score\n".to_owned();
    for (at, model) in models.iter().enumerate() {
        for row in 0..n {
            writeln!(text, "{benchmark},{benchmark}_{row},{model},{}", u8::from((row + at) % 3 > 0)).unwrap();
        }
    }
    fs::write(place.path(file), text).unwrap();
}

/// Calibrates by `answers.csv` into `to`; gives the meta and what was said on stderr.
fn calibrated(place: &Place, args: &str, to: &str) -> (Value, String) {
    let output = place.run(&format!("-q {args} --responses answers.csv --json --output {to}"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args}: {stderr}");
    let fitted: Value = serde_json::from_slice(&output.stdout).unwrap();
    let meta = place.path(to).join(format!("{}_calibration_meta.json", fitted[0]["benchmark"].as_str().unwrap()));
    (serde_json::from_str(&fs::read_to_string(meta).unwrap()).unwrap(), stderr)
}

const CALIBRATE: &str = "--config c.yaml calibrate";

#[test]
fn the_reference_is_the_default_prior_where_it_knows_at_least_half_of_the_rows() {
    for (from, to, prior, known) in [(0, 164, "reference", 164), (114, 214, "reference", 50), (115, 215, "features", 0)]
    {
        let place = humaneval(from, to);
        answers(&place, "answers.csv", "humaneval", &["mine"], 100);
        let (meta, said) = calibrated(&place, CALIBRATE, "fitted");
        assert_eq!(meta["prior"], prior, "rows {from} to {to}");
        assert_eq!(said, "", "rows {from} to {to}");
        if prior == "reference" {
            let card = &Reference::of("humaneval").unwrap().card;
            let of_meta = &meta["prior_difficulty"];
            assert_eq!((&of_meta["n_known"], &of_meta["checksum"]), (&json!(known), &json!(card.checksum)));
            assert_eq!(of_meta["panel"].as_array().unwrap().len(), card.panel.len());
            assert!(of_meta["file"].is_null() && of_meta["coefficient"].as_f64() > Some(0.5), "{of_meta}");
            // Features predict only rows that it does not know.
            assert_eq!(meta["features"].as_array().unwrap().is_empty(), known == 164);
        } else {
            assert!(meta["prior_difficulty"].is_null());
            assert_eq!(meta["features"][0]["name"], "surface_score");
        }
        // Each can be chosen, and a warning about rows without answers names it.
        answers(&place, "answers.csv", "humaneval", &["mine"], 9);
        for (choice, of_others) in
            [("features", "predicted from features alone"), ("reference", "that of the reference")]
        {
            let (meta, said) = calibrated(&place, &format!("{CALIBRATE} --prior {choice}"), choice);
            assert_eq!(meta["prior"], choice);
            assert!(said.contains(&format!("the difficulty of the others is {of_others};")), "{said}");
        }
        let table = place.ok(&format!("-q {CALIBRATE} --responses answers.csv --output again"));
        assert!(table.lines().nth(2).unwrap().contains(&format!("  {prior}  ")), "{table}");
    }
}

#[test]
fn generated_rows_and_benchmarks_without_a_reference_start_from_features() {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks gsm8k,amc");
    for (benchmark, why) in [
        ("gsm8k", "gsm8k: generated rows have no reference difficulty; take the prior from features"),
        ("amc", "amc: it has no reference difficulty (humaneval, gsm8k, bbh, medical_qa have one); take the prior"),
    ] {
        answers(&place, "answers.csv", benchmark, &["mine"], 80);
        let (meta, said) = calibrated(&place, "calibrate --demo", benchmark);
        assert_eq!(meta["prior"], "features", "{benchmark}");
        assert!(benchmark == "amc" || said.contains("the others is predicted from features alone"), "{said}");
        let said = place.fails(1, "-q calibrate --demo --responses answers.csv --prior reference --output not-written");
        assert!(said.contains(why), "{said}");
        assert!(!place.path("not-written").exists());
    }
    // Real rows of a benchmark that has no reference.
    let problems: String = (0..60)
        .map(|row| json!({"problem": "?", "url": format!("x/Problem_{}", row % 25)}).to_string() + "\n")
        .collect();
    fs::write(place.path("amc.jsonl"), problems).unwrap();
    let config = json!({"benchmarks": {"amc": {"path": "file:amc.jsonl"}}});
    fs::write(place.path("c.yaml"), config.to_string()).unwrap();
    place.ok("-q --config c.yaml preprocess --output real");
    answers(&place, "answers.csv", "amc", &["mine"], 60);
    let (meta, _) = calibrated(&place, &format!("{CALIBRATE} --full-dir real"), "real-fitted");
    assert_eq!(meta["prior"], "features");
    let refused =
        format!("-q {CALIBRATE} --full-dir real --responses answers.csv --prior reference --output not-written");
    let said = place.fails(1, &refused);
    let why = "amc: it has no reference difficulty (humaneval, gsm8k, bbh, medical_qa have one); take the prior from features";
    assert!(said.contains(why) && !place.path("not-written").exists(), "{said}");
}

/// A folder with `before/`, a calibration of rows 200 to 280 by the models p and q, and answers of r and s.
fn with_calibration() -> Place {
    let place = humaneval(200, 280);
    answers(&place, "answers.csv", "humaneval", &["p", "q"], 80);
    calibrated(&place, CALIBRATE, "before");
    answers(&place, "answers.csv", "humaneval", &["r", "s"], 80);
    place
}

#[test]
fn a_calibration_is_a_prior_by_its_file_or_its_folder() {
    let place = with_calibration();
    let (by_file, _) = calibrated(&place, &format!("{CALIBRATE} --prior before/humaneval_calibration.jsonl"), "file");
    let (by_folder, said) = calibrated(&place, &format!("{CALIBRATE} --prior before"), "folder");
    assert_eq!(by_file, by_folder);
    assert_eq!(said, "");
    let before: Value =
        serde_json::from_str(&fs::read_to_string(place.path("before/humaneval_calibration_meta.json")).unwrap())
            .unwrap();
    let known = &by_file["prior_difficulty"];
    assert_eq!(by_file["prior"], "calibration");
    assert_eq!((&known["file"], &known["n_known"]), (&json!("humaneval_calibration.jsonl"), &json!(80)));
    assert_eq!(known["checksum"], before["calibration"]["checksum"]);
    assert_eq!(known["panel"], json!([{"name": "p"}, {"name": "q"}]));
    let own: Vec<&str> =
        by_file["panel"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(own, ["r", "s"]);
    // Its difficulties are what the fit starts from: with the features, the same answers give another fit.
    let (by_features, _) = calibrated(&place, &format!("{CALIBRATE} --prior features"), "features");
    assert_ne!(by_features["calibration"]["checksum"], by_file["calibration"]["checksum"]);
    // A prior of a prior: all three panels set the difficulty.
    answers(&place, "answers.csv", "humaneval", &["t"], 80);
    let (third, _) = calibrated(&place, &format!("{CALIBRATE} --prior file"), "third");
    let names: Vec<&str> = third["prior_difficulty"]["panel"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["r", "s", "p", "q"]);
}

#[test]
fn a_calibration_that_cannot_be_the_prior_is_refused_and_nothing_is_written() {
    let place = with_calibration();
    let refused = |prior: &str| {
        let said =
            place.fails(1, &format!("-q {CALIBRATE} --responses answers.csv --prior {prior} --output not-written"));
        assert!(!place.path("not-written").exists(), "{prior}");
        assert!(said.starts_with("error: humaneval: "), "{said}");
        said
    };
    let missing = "there is no such calibration; write features, reference, or a calibration";
    assert!(refused("nowhere.jsonl").contains(&format!("cannot be taken from nowhere.jsonl: {missing}")));
    fs::create_dir(place.path("empty")).unwrap();
    assert!(refused("empty").contains(&format!("cannot be taken from empty/humaneval_calibration.jsonl: {missing}")));
    // `reference` is the word, `./reference` the path.
    assert!(refused("./reference").contains(missing));
    assert!(refused("reference").contains("the reference difficulty of humaneval knows none of these rows"));
    assert!(
        refused("rows.jsonl").contains("it is not a calibration; a calibration is named BENCHMARK_calibration.jsonl")
    );

    let file = |folder: &str, name: &str| place.path(folder).join(name);
    let (lines, meta) = ("humaneval_calibration.jsonl", "humaneval_calibration_meta.json");
    let copied = |folder: &str| {
        fs::create_dir(place.path(folder)).unwrap();
        [lines, meta].into_iter().for_each(|name| {
            fs::copy(file("before", name), file(folder, name)).unwrap();
        });
    };
    copied("changed");
    let text = fs::read_to_string(file("changed", lines)).unwrap();
    fs::write(file("changed", lines), text.replacen("\"difficulty\":", "\"difficulty\":1", 1)).unwrap();
    assert!(refused("changed").contains("it was changed since it was written (checksum); calibrate again"));
    copied("edited");
    let text = fs::read_to_string(file("edited", meta)).unwrap();
    fs::write(file("edited", meta), text.replace("\"p\"", "\"o\"")).unwrap();
    assert!(refused("edited").contains("was changed or damaged (self_checksum); calibrate again"));
    copied("alone");
    fs::remove_file(file("alone", meta)).unwrap();
    assert!(refused("alone").contains("cannot be read"));
    // Of another benchmark, under its own name and under this one's.
    place.ok("-q preprocess --demo --benchmarks gsm8k --output demo");
    answers(&place, "gsm8k.csv", "gsm8k", &["mine"], 80);
    place.ok("-q calibrate --demo --full-dir demo --responses gsm8k.csv --output other");
    assert!(refused("other/gsm8k_calibration.jsonl").contains("it is a calibration of gsm8k"));
    assert!(refused("other").contains(missing));
    fs::rename(file("other", "gsm8k_calibration.jsonl"), file("other", lines)).unwrap();
    fs::rename(file("other", "gsm8k_calibration_meta.json"), file("other", meta)).unwrap();
    assert!(refused("other").contains("it is a calibration of gsm8k"));
    // Of other rows.
    fs::write(place.path("rows.jsonl"), rows(300, 380)).unwrap();
    place.ok("-q --config c.yaml preprocess");
    assert!(
        refused("before").contains("the calibration before knows none of these rows; take the prior from features")
    );
}

#[test]
fn rows_that_a_prior_does_not_know_are_predicted_from_features() {
    let place = with_calibration();
    // Twenty rows of the prior are gone, and twenty are new.
    fs::write(place.path("rows.jsonl"), rows(220, 300)).unwrap();
    place.ok("-q --config c.yaml preprocess");
    // Nearly all answers are to known rows: those to new ones say nothing by which they could be told apart.
    answers(&place, "answers.csv", "humaneval", &["r", "s"], 60);
    let (meta, said) = calibrated(&place, &format!("{CALIBRATE} --prior before"), "fitted");
    assert_eq!(said, "");
    assert_eq!(meta["prior_difficulty"]["n_known"], 60);
    assert_eq!(meta["n_tasks_full"], 80);
    let names: Vec<&str> =
        meta["features"].as_array().unwrap().iter().map(|own| own["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["surface_score", "n_asserts", "prompt_len"]);
    let number = |value: &Value| value.as_f64().unwrap();
    let before = fs::read_to_string(place.path("before/humaneval_calibration_meta.json")).unwrap();
    let before: Value = serde_json::from_str(&before).unwrap();
    let stored = fs::read_to_string(place.path("data/benchmarks/full/humaneval_full.jsonl")).unwrap();
    let stored: Vec<Value> = stored.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fitted = fs::read_to_string(place.path("fitted/humaneval_calibration.jsonl")).unwrap();
    for (at, line) in fitted.lines().enumerate().skip(60) {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["n_responses"], 0);
        let value = |name: &str| match name {
            "surface_score" => number(&stored[at]["difficulty_score"]),
            name => number(&stored[at]["scorer_metadata"][name]),
        };
        // What the earlier fit would say of this row by its features, on the scale of this one, and what its own
        // features add.
        let part = |features: &Value| -> f64 {
            let of = |own: &Value| {
                let z = (value(own["name"].as_str().unwrap()) - number(&own["mean"])) / number(&own["sd"]);
                number(&own["coefficient"]) * z.clamp(-3.0, 3.0)
            };
            features.as_array().unwrap().iter().map(of).sum()
        };
        let predicted = number(&before["intercept"]) + part(&before["features"]);
        let expected = number(&meta["intercept"])
            + number(&meta["prior_difficulty"]["coefficient"]) * predicted
            + part(&meta["features"]);
        assert!((number(&row["difficulty"]) - expected).abs() < 2e-3, "row {at}: {row}, not {expected}");
    }
}

#[test]
fn both_panels_are_named_in_the_manifest_left_out_of_a_validation_and_a_model_of_both_warns() {
    let place = with_calibration();
    answers(&place, "answers.csv", "humaneval", &["q", "r"], 80);
    let (_, said) = calibrated(&place, &format!("{CALIBRATE} --prior before"), "fitted");
    assert_eq!(
        said,
        "warning: humaneval: the prior was fitted to answers of q too, so they count twice; leave them out, or take the prior from features\n"
    );
    // Of many models in both, three are named.
    answers(&place, "answers.csv", "humaneval", &["m0", "m1", "m2", "m3", "m4"], 80);
    calibrated(&place, &format!("{CALIBRATE} --prior features"), "many");
    let (_, said) = calibrated(&place, &format!("{CALIBRATE} --prior many"), "again");
    assert!(said.contains("fitted to answers of m0, m1, m2 and 2 more too, so they count twice;"), "{said}");
    place.ok("-q --config c.yaml build --benchmarks humaneval -n 20 --difficulty fitted --output pool");
    let manifest: Value = serde_json::from_str(&fs::read_to_string(place.path("pool/manifest.json")).unwrap()).unwrap();
    let difficulty = &manifest["benchmarks"][0]["difficulty"];
    assert_eq!(difficulty["prior"], "calibration");
    let names: Vec<&str> =
        difficulty["panel"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["q", "r", "p"], "each once");
    // A validation leaves out the panel and that of the prior.
    answers(&place, "held.csv", "humaneval", &["p", "q", "r", "new"], 80);
    let validate = "-q --config c.yaml validate --pool pool --difficulty fitted --responses";
    let text = place.ok(&format!("{validate} held.csv"));
    let left_out = "left out, because the score was fitted to their responses: p, q, r\n";
    for what in ["humaneval", "humaneval in pool"] {
        assert!(text.contains(&format!("\n{what}: {left_out}")), "{text}");
    }
    // The prior's panel alone is in sample too.
    answers(&place, "held.csv", "humaneval", &["p"], 80);
    assert!(place.ok(&format!("{validate} held.csv")).contains("all (IN-SAMPLE)"));
    // With features as the prior, the manifest has no such key.
    calibrated(&place, &format!("{CALIBRATE} --prior features"), "features");
    place.ok("-q --config c.yaml build --benchmarks humaneval -n 20 --difficulty features --output plain");
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(place.path("plain/manifest.json")).unwrap()).unwrap();
    assert!(manifest["benchmarks"][0]["difficulty"].get("prior").is_none());
}

#[test]
fn calibrations_of_an_earlier_version_are_priors_too() {
    let place = Place::new();
    let config = json!({"benchmarks": {"gsm8k": {"path": "synthetic:gsm8k?rows=120"}}});
    fs::write(place.path("c.yaml"), config.to_string()).unwrap();
    place.ok("-q --config c.yaml preprocess");
    answers(&place, "answers.csv", "gsm8k", &["mine"], 120);
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../symphony-data/tests/fixtures/measured");
    let old: Value =
        serde_json::from_str(&fs::read_to_string(fixture.join("gsm8k_calibration_meta.json")).unwrap()).unwrap();
    assert!(old.get("prior").is_none() && old["features"][0].get("mean").is_none(), "it has none of the new keys");
    let (meta, _) = calibrated(&place, &format!("{CALIBRATE} --prior {}", fixture.display()), "fitted");
    assert_eq!((&meta["prior"], &meta["prior_difficulty"]["n_known"]), (&json!("calibration"), &json!(120)));
    assert_eq!(meta["prior_difficulty"]["panel"].as_array().unwrap().len(), old["panel"].as_array().unwrap().len());
}

#[test]
fn nothing_is_written_if_one_of_several_benchmarks_lacks_its_prior() {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks gsm8k,humaneval");
    answers(&place, "g.csv", "gsm8k", &["a", "b"], 50);
    answers(&place, "h.csv", "humaneval", &["a", "b"], 50);
    place.ok("-q calibrate --demo --responses g.csv --output before");
    let both = "-q calibrate --demo --responses g.csv h.csv --output after";
    for (prior, why) in [("before", "there is no such calibration"), ("reference", "have no reference difficulty")] {
        let output = place.run(&format!("{both} --prior {prior}"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains(why), "{prior}: {said}");
        assert!(!place.path("after").exists(), "{prior}");
    }
    place.ok(both);
    assert!(
        place.path("after/gsm8k_calibration.jsonl").exists()
            && place.path("after/humaneval_calibration.jsonl").exists()
    );
}

#[test]
fn a_prior_is_not_replaced_by_the_fit_that_starts_from_it() {
    let place = with_calibration();
    let before = fs::read(place.path("before/humaneval_calibration.jsonl")).unwrap();
    let said = place.fails(1, &format!("-q {CALIBRATE} --responses answers.csv --prior before --output before"));
    assert!(said.contains("its prior would be replaced by the result; write it to another folder"), "{said}");
    assert_eq!(fs::read(place.path("before/humaneval_calibration.jsonl")).unwrap(), before);
}

#[test]
fn responses_are_not_written_over_a_store() {
    let place = humaneval(0, 20);
    answers(&place, "answers.csv", "humaneval", &["m"], 20);
    let store = "data/benchmarks/full/humaneval_full.jsonl";
    let before = fs::read(place.path(store)).unwrap();
    let said = place.fails(1, &format!("-q --config c.yaml responses answers.csv --output {store}"));
    assert!(said.contains("belongs to a preprocessed benchmark; write the responses to another file"), "{said}");
    assert_eq!(fs::read(place.path(store)).unwrap(), before);
}
