//! The README is true: every command in it is run, in order, in one folder, and prints what the README shows.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use symphony_data::bin::{Bins, Percentiles};

mod stand_in;
mod support;

use stand_in::{StandIn, real_repos};
use support::real_hub;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// A fenced block: its language, the file that the line above names (`` `NAME`: ``), and its lines.
struct Block {
    language: String,
    file: Option<String>,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut above = "";
    for line in text.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                let file = above.strip_suffix("`:").and_then(|line| line.rsplit('`').next()).map(str::to_owned);
                open = Some(Block { language: language.to_owned(), file, lines: Vec::new() });
            }
            (Some(_), Some(block)) => {
                blocks.push(block);
                above = "";
            }
            (None, Some(mut block)) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, None) if !line.trim().is_empty() => above = line,
            (None, None) => {}
        }
    }
    blocks
}

/// The commands of a console block, each with the output that is shown under it.
fn commands(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, output))) => output.push(line.clone()),
            (None, None) => panic!("output before a command: {line}"),
        }
    }
    commands
}

/// Whether the output is the one shown, in which `...` stands for any lines.
fn matches(shown: &[String], output: &[&str]) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((line, rest)) if line == "..." => (0..=output.len()).any(|skip| matches(rest, &output[skip..])),
        Some((line, rest)) => output.first() == Some(&line.as_str()) && matches(rest, &output[1..]),
    }
}

#[test]
fn every_command_of_the_readme_prints_what_the_readme_shows() {
    let place = tempfile::tempdir().unwrap();
    // As in a checkout, which has the configuration.
    std::os::unix::fs::symlink(root().join("config").canonicalize().unwrap(), place.path().join("config")).unwrap();
    let data = root().join("../shared/data").canonicalize().ok();
    if let Some(data) = &data {
        std::os::unix::fs::symlink(data, place.path().join("benchmarks")).unwrap();
    }
    let hub = StandIn::new([]);
    let on_hub = real_hub();
    for (name, repo) in on_hub.iter().flat_map(|folder| real_repos(folder)) {
        hub.put(&name, repo);
    }
    let program = Path::new(env!("CARGO_BIN_EXE_symphony-data")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut run = 0;
    let mut wrong = String::new();
    for block in blocks(&readme()) {
        if let Some(file) = &block.file {
            fs::write(place.path().join(file), block.lines.join("\n") + "\n").unwrap();
            continue;
        }
        if block.language == "python" {
            // The Python package's tests run these.
            continue;
        }
        assert_eq!(block.language, "console", "a block that is neither a file nor commands");
        for (command, shown) in commands(&block) {
            if command == "make test" {
                // This is what runs us.
                continue;
            }
            if (data.is_none() && command.contains("real.yaml")) || (on_hub.is_none() && command.contains("symphony2"))
            {
                eprintln!("SKIPPED: the real benchmarks are not on this machine (../shared): {command}");
                continue;
            }
            let line = command.replace("cargo run --release --", "symphony-data");
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("{{ {line}; }} 2>&1")]).env("PATH", &path).current_dir(place.path());
            hub.point(&mut shell, &place.path().join("huggingface"));
            let output = String::from_utf8(shell.output().unwrap().stdout).unwrap();
            if !matches(&shown, &output.lines().map(str::trim_end).collect::<Vec<_>>()) {
                wrong += &format!("$ {command}\n{output}\n");
            }
            run += 1;
        }
    }
    assert!(wrong.is_empty(), "the README shows something else for:\n{wrong}");
    assert!(run >= 10, "only {run} commands were found");
}

/// The files below `folder` with this ending.
fn sources(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(sources(&entry.path(), ending));
        } else if entry.path().extension().is_some_and(|its| its == ending) {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn what_a_package_includes_lies_inside_it() {
    let mut looked_at = 0;
    for package in ["crates/symphony-data", "crates/symphony-data-cli"].map(|folder| root().join(folder)) {
        for path in sources(&package, "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (_, after) in ["include_str!(\"", "include_bytes!(\"", "#[path = \""]
                .into_iter()
                .flat_map(|start| text.match_indices(start).map(|(at, _)| text.split_at(at + start.len())))
            {
                let Some((name, _)) = after.split_once('"') else { continue };
                // This test's own list of beginnings.
                let Ok(included) = path.parent().unwrap().join(name).canonicalize() else { continue };
                let shown = path.display();
                assert!(included.starts_with(package.canonicalize().unwrap()), "{shown} includes {name}");
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 10, "{looked_at}");
}

#[test]
fn every_fault_in_the_table_has_its_test() {
    let text = |folder: &str, ending: &str| -> String {
        sources(&root().join(folder), ending).iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    };
    let (rust, python) = (text("crates", "rs"), text("python/tests", "py"));
    let table = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let mut found = 0;
    for line in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault")) {
        let tests = line.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        for test in tests.split(',').map(|test| test.trim().trim_matches('`')) {
            assert!(rust.contains(&format!("fn {test}(")) || python.contains(&format!("def {test}(")), "{test}");
            found += 1;
        }
    }
    assert!(found > 40, "{found}");
}

#[test]
fn the_availability_table_of_the_readme_counts_the_real_scores() {
    let mut found = 0;
    for line in readme().lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [benchmark, numbers @ ..] = &cells[..] else { continue };
        let golden = root().join(format!("crates/symphony-data/tests/golden/default/full/{benchmark}.json"));
        let (Ok(golden), 7) = (fs::read_to_string(golden), numbers.len()) else { continue };
        let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
        let scores: Vec<f64> =
            golden["tasks"].as_array().unwrap().iter().map(|task| task["difficulty_score"].as_f64().unwrap()).collect();
        let mut expected = vec![scores.len() as u64];
        for (low, high) in [(20.0, 80.0), (30.0, 70.0)] {
            let sizes = Bins::of(&scores, Percentiles { low, high }).unwrap().sizes();
            expected.extend([sizes.easy, sizes.medium, sizes.hard]);
        }
        assert_eq!(
            numbers.iter().map(|number| number.parse::<u64>().unwrap()).collect::<Vec<_>>(),
            expected,
            "{benchmark}"
        );
        found += 1;
    }
    assert_eq!(found, 5, "one line a benchmark");
}
