//! Reference difficulties on the command line: their cards, and pools that are drawn by them.

use std::{fmt::Write as _, fs};

use serde_json::{Value, json};
use symphony_data::calibration::Reference;
use unicode_width::UnicodeWidthStr;

mod support;

use support::{Place, real_data};

#[test]
fn the_table_names_each_reference_its_sources_and_the_benchmark_without_one() {
    let place = Place::new();
    let text = place.ok("reference");
    assert!(text.lines().all(|line| line.width() <= 100), "{text}");
    for reference in Reference::all() {
        let card = &reference.card;
        let line = text.lines().find(|line| line.starts_with(&card.benchmark)).unwrap();
        let cells: Vec<&str> = line.split_whitespace().collect();
        let rows = card.n_tasks_full.to_string();
        assert_eq!([cells[1], cells[3]], [&rows, &card.panel.len().to_string()], "{line}");
        for source in &card.sources {
            assert!(text.contains(&source.name) && text.contains(&format!("({})", source.license)), "{text}");
        }
    }
    assert!(
        text.contains("\namc: no public answers of models; `--difficulty reference` draws it by the surface score\n")
    );
    assert!(text.contains("add `--difficulty reference` to `plan`, `build` or `run`"), "{text}");
    let cards: Value = serde_json::from_str(&place.ok("reference --json")).unwrap();
    let names: Vec<&Value> = cards.as_array().unwrap().iter().map(|card| &card["benchmark"]).collect();
    assert_eq!(names, ["humaneval", "gsm8k", "bbh", "medical_qa"]);
}

#[test]
fn a_card_has_all_models_and_fits_100_columns() {
    let place = Place::new();
    for reference in Reference::all() {
        let card = &reference.card;
        let text = place.ok(&format!("reference {}", card.benchmark));
        assert!(text.starts_with(&format!("{}: reference difficulty\n", card.benchmark)));
        assert!(text.lines().all(|line| line.width() <= 100), "{text}");
        assert!(text.contains(&card.checksum), "{text}");
        for member in &card.panel {
            assert!(text.contains(&member.model.name), "{} is not in\n{text}", member.model.name);
        }
        for feature in &card.features {
            assert!(text.contains(&feature.name), "{text}");
        }
    }
    let two: Value = serde_json::from_str(&place.ok("reference bbh gsm8k --json")).unwrap();
    assert_eq!([&two[0]["benchmark"], &two[1]["benchmark"]], ["bbh", "gsm8k"]);
    assert_eq!(two[1]["panel"].as_array().unwrap().len(), Reference::of("gsm8k").unwrap().card.panel.len());
    assert!(place.ok("reference bbh gsm8k").contains("\n\ngsm8k: reference difficulty\n"));
}

#[test]
fn a_benchmark_without_a_reference_is_refused_with_those_that_have_one() {
    let place = Place::new();
    let known = "these have one: humaneval, gsm8k, bbh, medical_qa\n";
    let unknown = place.fails(2, "reference gsm9");
    assert_eq!(unknown, format!("error: `gsm9` has no reference difficulty; {known}"));
    let amc = place.fails(2, "reference amc");
    assert!(amc.starts_with("error: `amc` has no reference difficulty: no public answers of models;"), "{amc}");
    assert!(amc.ends_with(known), "{amc}");
    assert!(place.fails(2, "--config x.yaml reference").contains("this command reads no configuration"));
}

/// Rows in the form of HumanEval, with its task ids, which are their identity; an experiment; and an `amc` of generated rows.
fn like_humaneval() -> Place {
    let place = Place::new();
    let mut rows = String::new();
    for row in 0..164 {
        let (prompt, test) = ("word ".repeat(20 + row * 7 % 90), "assert x ".repeat(1 + row % 11));
        writeln!(rows, "{}", json!({"task_id": format!("HumanEval/{row}"), "prompt": prompt, "test": test})).unwrap();
    }
    fs::write(place.path("rows.jsonl"), rows).unwrap();
    let config = json!({
        "benchmarks": {"humaneval": {"path": "file:rows.jsonl"}, "amc": {"path": "synthetic:amc"}},
        "experiments": {
            "both": {"benchmarks": ["humaneval", "amc"], "n_total_tasks": 20, "difficulty": "reference"},
            "none": {"benchmarks": ["amc"], "n_total_tasks": 10},
        },
    });
    fs::write(place.path("c.yaml"), config.to_string()).unwrap();
    place.ok("-q --config c.yaml preprocess");
    place
}

fn manifest(place: &Place, pool: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(place.path(pool).join("manifest.json")).unwrap()).unwrap()
}

#[test]
fn plan_build_run_and_validate_take_the_reference_and_warn_where_there_is_none() {
    let place = like_humaneval();
    let warning = "amc: there is no reference difficulty; its surface score is used\n";
    let said = |args: &str| {
        let output = place.run(&format!("-q --config c.yaml {args}"));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{args}: {stderr}");
        stderr
    };
    assert_eq!(
        said("plan --benchmarks humaneval,amc -n 20 --difficulty reference"),
        format!("warning: pool: {warning}")
    );
    let built = said("build --benchmarks humaneval,amc -n 20 --difficulty reference --output pool");
    assert_eq!(built, format!("warning: {warning}"));
    let pool = manifest(&place, "pool");
    let kinds = [0, 1].map(|at| pool["benchmarks"][at]["difficulty"]["kind"].clone());
    assert_eq!(kinds, ["reference", "surface"]);
    // An experiment says it itself; and one without any reference stops no other.
    assert_eq!(said("run both"), format!("warning: both: {warning}"));
    assert_eq!(manifest(&place, "data/both")["benchmarks"], pool["benchmarks"]);
    let both = said("run --difficulty reference");
    assert_eq!(both, format!("warning: both: {warning}warning: none: {warning}"));
    place.ok("verify pool data/both data/none");
    // The panel is left out of a validation, or marked.
    let member = &Reference::of("humaneval").unwrap().card.panel[0].model.name;
    let mut answers = "benchmark,source_id,model,score\n".to_owned();
    for (row, model) in (0..164).flat_map(|row| [(row, member.as_str()), (row, "mine")]) {
        writeln!(answers, "humaneval,humaneval_{row},{model},{}", u8::from(row % 3 > 0)).unwrap();
    }
    fs::write(place.path("answers.csv"), &answers).unwrap();
    let validate = "-q --config c.yaml validate --responses answers.csv --pool pool --difficulty reference";
    let left_out = format!("left out, because the score was fitted to their responses: {member}\n");
    let text = place.ok(validate);
    assert!(text.contains(&format!("\nhumaneval: {left_out}")), "{text}");
    assert!(text.contains(&format!("\nhumaneval in pool: {left_out}")), "{text}");
    let own: String =
        answers.lines().filter(|line| !line.contains(",mine,")).map(|line| line.to_owned() + "\n").collect();
    fs::write(place.path("answers.csv"), own).unwrap();
    assert!(place.ok(validate).contains("all (IN-SAMPLE)"));
}

#[test]
fn a_demo_by_the_reference_is_drawn_by_the_surface_score_and_says_so() {
    let place = Place::new();
    place.ok("-q preprocess --demo --benchmarks gsm8k");
    let output = place.run("-q build --demo --benchmarks gsm8k -n 10 --difficulty reference --output pool");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let warning = "warning: gsm8k: its rows are generated, so the reference difficulty does not know them; its surface score is used\n";
    assert!(output.status.success() && stderr == warning, "{stderr}");
}

#[test]
fn a_pool_of_real_rows_is_drawn_by_the_reference_without_a_warning() {
    let Some(data) = real_data() else { return };
    let place = Place::new();
    let config = json!({"benchmarks": {
        "gsm8k": {"path": format!("file:{}/gsm8k/test.jsonl", data.display()), "difficulty": "reference"},
        "medical_qa": {"path": format!("file:{}/medical_qa/test.jsonl", data.display())},
    }});
    fs::write(place.path("real.yaml"), config.to_string()).unwrap();
    place.ok("-q --config real.yaml preprocess");
    let output = place.run("-q --config real.yaml build --benchmarks gsm8k,medical_qa -n 100 --output pool");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let pool = manifest(&place, "pool");
    let kinds = [0, 1].map(|at| pool["benchmarks"][at]["difficulty"]["kind"].clone());
    assert_eq!(kinds, ["reference", "surface"]);
    let thresholds = &pool["benchmarks"][0]["thresholds"];
    assert!(thresholds["easy"].as_f64() < thresholds["hard"].as_f64(), "{thresholds}");
}
