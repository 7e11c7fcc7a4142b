//! The prompts of the five that are built in, on generated rows and on the real ones.

mod support;

use std::{fs, path::Path};

use serde_json::{Value, json};
use support::{BENCHMARKS, config_on_files, real, real_data};
use symphony_data::{
    DatasetBuilder,
    config::{Config, DEFAULT_CONFIG},
    evidence::responses::{Catalogue, Input, ReadOptions, read},
    preprocess::PreprocessOptions,
    progress::Silent,
    store::Store,
};

fn first_row(folder: &Path, benchmark: &str) -> String {
    let store = Store::open(folder, benchmark, &Silent).unwrap();
    store.fetch(&[0]).unwrap()[0].alone().to_task().raw_data.get().to_owned()
}

#[test]
fn the_prompts_of_the_five_fit_the_rows_that_are_generated_for_them() {
    let mut config = Config::from_yaml("default", DEFAULT_CONFIG).unwrap();
    config.use_synthetic_sources().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let builder = DatasetBuilder::new(config);
    builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
    for benchmark in BENCHMARKS {
        let prompt = builder.config.prompt_for(benchmark, &first_row(folder.path(), benchmark)).unwrap();
        for task in builder.load_preprocessed_benchmark(benchmark, folder.path()).unwrap() {
            prompt.ask(task.raw_data.get()).unwrap_or_else(|fault| panic!("{}: {fault}", task.task_id));
        }
    }
}

/// The question comes last in them, so that a log of any program, without ids, is mapped.
#[test]
fn what_the_five_ask_is_found_again_in_a_log() {
    let Some((builder, folder)) = real("default") else { return };
    let mut lines = String::new();
    // The others are known by more than their question.
    for benchmark in ["gsm8k", "amc", "medical_qa"] {
        let prompt = builder.config.benchmark(benchmark).unwrap().prompt.as_ref().unwrap();
        for task in builder.load_preprocessed_benchmark(benchmark, folder).unwrap() {
            let row: Value = serde_json::from_str(task.raw_data.get()).unwrap();
            // Some options of medical_qa have a stray line, and one question begins with a blank.
            let mut options = row["options"].as_object().into_iter().flatten();
            let stray = options.any(|(_, option)| option.as_str().unwrap().trim().contains('\n'));
            if stray || row["question"].as_str().is_some_and(|question| question.starts_with(' ')) {
                continue;
            }
            let input = prompt.ask(task.raw_data.get()).unwrap().input;
            let line = json!({"sample_id": "x", "eval_name": benchmark, "prompt": input, "m": 1, "m|total_cost": 0.1});
            lines += &format!("{line}\n");
        }
    }
    let log = tempfile::tempdir().unwrap();
    let path = log.path().join("log.jsonl");
    fs::write(&path, lines).unwrap();
    let mut catalogue = Catalogue::of(&builder.config, folder, &[], &Silent).unwrap();
    let input = Input::File { path, model: None };
    let gathered = read(&[input], &mut catalogue, &ReadOptions::default(), &Silent).unwrap();
    let unmapped: u64 = gathered.unmapped.iter().map(|unmapped| unmapped.answers).sum();
    assert_eq!((unmapped, gathered.benchmarks.len()), (0, 3), "{:#?}", gathered.unmapped);
}

#[test]
fn the_prompts_of_the_five_ask_every_real_row() {
    let Some((builder, folder)) = real("default") else { return };
    for benchmark in BENCHMARKS {
        let prompt = builder.config.prompt_for(benchmark, &first_row(folder, benchmark)).unwrap();
        for task in builder.load_preprocessed_benchmark(benchmark, folder).unwrap() {
            let row: Value = serde_json::from_str(task.raw_data.get()).unwrap();
            let asked = prompt.ask(task.raw_data.get()).unwrap_or_else(|fault| panic!("{}: {fault}", task.task_id));
            let text = |key: &str| row[key].as_str().unwrap();
            let (question, target) = match benchmark {
                "humaneval" => ("prompt", text("canonical_solution").to_owned()),
                "gsm8k" => ("question", text("answer").rsplit("####").next().unwrap().trim().replace(',', "")),
                "bbh" => ("input", text("target").to_owned()),
                "amc" => ("problem", format!("{:.0}", row["answer"].as_f64().unwrap())),
                _ => ("question", text("answer_idx").to_owned()),
            };
            assert!(asked.input.contains(text(question)), "{}", task.task_id);
            assert_eq!(asked.target, target, "{}", task.task_id);
            match &asked.code {
                Some(code) => {
                    let entry_point = text("entry_point");
                    assert_eq!(code.entry_point, entry_point);
                    assert_eq!(code.tests, format!("{}\n\ncheck({entry_point})", text("test")));
                    assert_eq!(code.given, text("prompt"));
                }
                None => assert_ne!(benchmark, "humaneval"),
            }
            let options: Vec<&str> = asked.choices.iter().map(|choice| choice.label.as_str()).collect();
            assert_eq!(options, if benchmark == "medical_qa" { vec!["A", "B", "C", "D"] } else { Vec::new() });
            for choice in &asked.choices {
                assert_eq!(choice.text, row["options"][&choice.label].as_str().unwrap());
                assert!(asked.input.contains(&format!("\n{}. {}", choice.label, choice.text.trim())));
            }
        }
    }
}

#[test]
fn the_rule_of_amc_by_length_has_amcs_prompt() {
    let Some(data) = real_data() else { return };
    let text =
        config_on_files(&data, "") + &format!("  amc_length: {{path: 'file:{}/amc/train.jsonl'}}\n", data.display());
    let config = Config::from_yaml("test.yaml", &text).unwrap();
    let row = fs::read_to_string(data.join("amc/train.jsonl")).unwrap().lines().next().unwrap().to_owned();
    let ask = |name: &str| config.prompt_for(name, &row).unwrap().ask(&row).unwrap();
    assert_eq!(ask("amc"), ask("amc_length"));
    assert_eq!(ask("amc").target, "142");
}
