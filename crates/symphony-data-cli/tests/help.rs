//! What `--help` says: one plain line a command and option, and examples that work.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::json;

mod support;

use support::Place;

/// The program and its commands, with the names to type for each.
fn all() -> Vec<(String, clap::Command)> {
    let program = symphony_data_cli::command();
    let commands: Vec<_> = program.get_subcommands().cloned().collect();
    assert!(commands.len() > 10);
    let own = |command: clap::Command| (command.get_name().to_owned(), command);
    [program].into_iter().chain(commands).map(own).collect()
}

/// The examples at the end of a command's help, each a line for a shell.
fn examples(command: &clap::Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let Some((_, examples)) = help.split_once("Examples:\n") else { return Vec::new() };
    let mut lines: Vec<String> = Vec::new();
    for line in examples.lines() {
        match lines.last_mut().filter(|last| last.ends_with('\\')) {
            Some(last) => *last = last.trim_end_matches('\\').to_owned() + line.trim(),
            None if line.starts_with("  # ") => {}
            None => lines.push(line.strip_prefix("  ").unwrap_or_else(|| panic!("{line:?}")).to_owned()),
        }
    }
    lines
}

#[test]
fn the_help_of_each_command_ends_with_examples_that_work() {
    let place = Place::new();
    let mut by_command: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, command) in all() {
        let examples = examples(&command);
        assert!((2..=4).contains(&examples.len()), "{name}: {examples:?}");
        by_command.insert(name, examples);
    }
    // In an order in which each finds the files that it names.
    let order = [
        "init",
        "quick-start",
        "preprocess",
        "run",
        "duplicates",
        "reference",
        "calibrate",
        "validate",
        "responses",
        "results",
        "build",
        "report",
        "export",
        "plan",
        "stats",
        "verify",
        "schema",
        "completions",
        "symphony-data",
    ];
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_symphony-data")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    for name in order {
        for line in by_command.remove(name).unwrap_or_else(|| panic!("there is no command {name}")) {
            let mut shell = Command::new("sh");
            shell.args(["-c", &line]).current_dir(place.path("")).env("PATH", &path).env("HF_HUB_OFFLINE", "1");
            let output = shell.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}\n{stderr}");
            // The rows are generated here, and no reference difficulty knows such rows.
            let warns = line.contains("--difficulty reference");
            assert_eq!(stderr.contains("warning: "), warns, "{line}\n{stderr}");
        }
        if name == "init" {
            write_what_examples_name(&place);
        }
    }
    assert!(by_command.is_empty(), "examples that nothing runs: {by_command:?}");
    let lines =
        |pool: &str| fs::read_to_string(place.path(&format!("{pool}/task_pool.jsonl"))).unwrap().lines().count();
    assert_eq!(["a", "b", "pool", "c"].map(lines), [100, 200, 400, 100]);
}

/// The files that examples name: a configuration whose rows are generated, so that no example downloads, and a user's own.
fn write_what_examples_name(place: &Place) {
    let names = ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"];
    let generated: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), json!({"path": format!("synthetic:{name}")}))).collect();
    fs::write(place.path("config/data_config.yaml"), json!({"benchmarks": generated}).to_string()).unwrap();
    let questions: String = (1..=9).map(|n| format!("Add {}.\n", ["1"].repeat(n).join(" and "))).collect();
    fs::write(place.path("quiz.csv"), "question\n".to_owned() + &questions).unwrap();
    let rule = json!({"features": {"n": {"words": "question"}}, "score": [{"feature": "n", "normalize": "p95"}]});
    let quiz = json!({"benchmarks": {"quiz": {"path": "file:quiz.csv", "difficulty": rule}}});
    fs::write(place.path("quiz.yaml"), quiz.to_string()).unwrap();
    let warmup = json!({"experiments": {"warmup": {"benchmarks": ["gsm8k"], "n_total_tasks": 20}}});
    fs::write(place.path("my_experiments.yaml"), warmup.to_string()).unwrap();
    let mut answers = String::new();
    for (benchmark, rows) in [("humaneval", 164), ("gsm8k", 1319), ("medical_qa", 1273)] {
        for (row, model) in (0..rows).flat_map(|row| (0..3).map(move |model| (row, model))) {
            let score = u8::from((row * 7 + model * 3) % 5 > model);
            let answer = json!({
                "benchmark": benchmark, "source_id": format!("{benchmark}_{row}"), "model": format!("model-{model}"),
                "score": score,
            });
            answers += &(answer.to_string() + "\n");
        }
    }
    fs::write(place.path("corpus.txt"), "A text that a model was trained on.\n").unwrap();
    fs::write(place.path("answers.jsonl"), answers).unwrap();
    fs::write(place.path("more.csv"), "benchmark,source_id,model,score\namc,amc_3,model-3,1\n").unwrap();
}

#[test]
fn each_command_and_option_has_one_plain_line() {
    for (name, command) in all() {
        let options = command.get_arguments().map(|option| (option.get_id().to_string(), option.get_help()));
        for (option, help) in [(String::new(), command.get_about())].into_iter().chain(options) {
            let help = help.map(ToString::to_string).unwrap_or_default();
            let whose = format!("{name} {option}: {help:?}");
            assert!(help.starts_with(char::is_uppercase) && !help.ends_with('.'), "{whose}");
            assert!(!help.contains('\n') && help.chars().count() <= 100, "{whose}");
            let first = help.split([' ', ':']).next().unwrap();
            let noun = ["The", "A", "An", "Which", "What", "Where", "How", "Who", "Whether", "Of", "Each", "One"];
            assert!(!noun.contains(&first), "not an imperative: {whose}");
        }
    }
}

#[test]
fn examples_are_not_wrapped_on_a_terminal_of_80_columns() {
    for (name, command) in all() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{name}: {help}");
    }
}

#[test]
fn output_names_what_a_command_makes_and_output_dir_means_the_same() {
    let place = Place::new();
    for (name, command) in all() {
        let shown: Vec<_> = command.get_arguments().filter_map(|option| option.get_long()).collect();
        assert!(!shown.contains(&"output-dir"), "{name}");
        let makes =
            ["quick-start", "preprocess", "run", "build", "duplicates", "export", "calibrate", "responses", "report"]
                .contains(&name.as_str());
        assert_eq!(shown.contains(&"output"), makes, "{name}");
    }
    place.ok("preprocess --demo --benchmarks amc --output-dir a");
    place.ok("preprocess --demo --benchmarks amc --output b");
    assert!(!place.files("a").is_empty() && place.files("a") == place.files("b"));
    place.ok("build --demo --benchmarks amc -n 4 --full-dir a --output-dir pool");
    assert!(place.path("pool/task_pool.jsonl").exists());
}
