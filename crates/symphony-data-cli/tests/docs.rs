//! The documentation is true: each command in the README and in docs/ is run, in order, in a folder of its page's own,
//! and prints what the page shows under it. `UPDATE_DOCS=1` writes the output into the pages instead.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use symphony_data::bin::{Bins, Percentiles};

mod stand_in;
mod support;

use stand_in::{StandIn, real_repos};
use support::{real_data, real_hub};

/// Pages about the five real benchmarks, which are run where those lie beside the checkout.
const ABOUT_REAL_ROWS: [&str; 2] = ["docs/downloads.md", "docs/symphony2.md"];
/// A folder of real rows. On any page, commands that name it run where the five real benchmarks lie beside the checkout.
const REAL_ROWS: &str = "real-rows";
/// Beginnings of commands that build, install or need a network or a model. `make test` is what runs this file.
const NOT_RUN: [&str; 6] = ["make ", "cargo install ", "pip install ", "conda ", "hf ", "lm_eval "];
/// Blocks of other languages: code that the Python package's tests run, commands that they run with a harness, and data.
const OTHER_BLOCKS: [&str; 4] = ["python", "text", "json", "console harness"];
/// Cells of this page are run by the Python package's tests.
const RUN_BY_PYTEST: &str = "docs/python.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

/// The README and the pages below docs/.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    for path in sources(&root().join("docs"), "md") {
        pages.push(format!("docs/{}", path.file_name().unwrap().to_str().unwrap()));
    }
    pages.sort();
    pages
}

/// A fenced block: its language, the file that the line above names (`` `NAME`: ``), and the page's lines inside it.
struct Block {
    language: String,
    file: Option<String>,
    lines: Range<usize>,
}

fn blocks(page: &[&str]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut above = "";
    for (number, line) in page.iter().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                let file = above.strip_suffix("`:").and_then(|line| line.rsplit('`').next()).map(str::to_owned);
                open = Some(Block { language: language.to_owned(), file, lines: number + 1..number + 1 });
            }
            (Some(_), Some(mut block)) => {
                block.lines.end = number;
                blocks.push(block);
                above = "";
            }
            (None, block @ Some(_)) => open = block,
            (None, None) if !line.trim().is_empty() => above = line,
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that does not end");
    blocks
}

/// The commands of a console block, each with the page's lines that show its output.
fn commands(page: &[&str], block: &Block) -> Vec<(String, Range<usize>)> {
    let mut commands: Vec<(String, Range<usize>)> = Vec::new();
    let mut goes_on = false;
    for number in block.lines.clone() {
        let line = page[number];
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), number + 1..number + 1)),
            (None, Some((command, output))) if goes_on => {
                command.push('\n');
                command.push_str(line);
                *output = number + 1..number + 1;
            }
            (None, Some((_, output))) => output.end = number + 1,
            (None, None) => panic!("output before a command: {line}"),
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// Whether the output is the one shown, in which `...` stands for any lines.
fn matches(shown: &[&str], output: &[&str]) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((&"...", rest)) => (0..=output.len()).any(|skip| matches(rest, &output[skip..])),
        Some((line, rest)) => output.first() == Some(line) && matches(rest, &output[1..]),
    }
}

/// What a page should show of an output: all of it, or as many of its last lines as stand behind a first `...`.
fn shown_anew(shown: &[&str], output: &[&str]) -> Vec<String> {
    let rest = shown.len().saturating_sub(1).min(output.len());
    let lines = if shown.first() == Some(&"...") {
        [&["..."], &output[output.len() - rest..]].concat()
    } else {
        output.to_vec()
    };
    lines.into_iter().map(str::to_owned).collect()
}

/// What running a page found.
struct Found {
    commands: usize,
    differences: String,
    /// The page with the outputs as they are.
    page: String,
}

/// Runs the commands of a page as a reader would, in one shell after another that each begin where the last one ended.
fn run(name: &str, hub: &StandIn, real: bool) -> Found {
    let text = read(name);
    let page: Vec<&str> = text.lines().collect();
    let place = tempfile::tempdir().unwrap();
    if let Some(data) = real_data() {
        // Beside the rows lie published responses of models to them.
        std::os::unix::fs::symlink(data.join("../responses"), place.path().join("responses")).unwrap();
        std::os::unix::fs::symlink(data, place.path().join("benchmarks")).unwrap();
    }
    let state = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_symphony-data")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut folder = place.path().to_owned();
    let mut found = Found { commands: 0, differences: String::new(), page: String::new() };
    let mut outputs: Vec<(Range<usize>, Vec<String>)> = Vec::new();
    for block in blocks(&page) {
        if let Some(file) = &block.file {
            fs::write(folder.join(file), page[block.lines.clone()].join("\n") + "\n").unwrap();
            continue;
        }
        if OTHER_BLOCKS.contains(&block.language.as_str()) {
            continue;
        }
        assert_eq!(block.language, "console", "{name}: a block that is neither a file nor commands");
        for (command, lines) in commands(&page, &block) {
            if NOT_RUN.iter().any(|beginning| command.starts_with(beginning)) {
                continue;
            }
            if !real && command.contains(REAL_ROWS) {
                eprintln!("SKIPPED: the real benchmarks are not on this machine (../shared): {name}: $ {command}");
                continue;
            }
            let line = command.replace("cargo run --release --", "symphony-data");
            let end = state.path().join("folder");
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("{{ {line}\n}} 2>&1; pwd > '{}'", end.display())]);
            shell.env("PATH", &path).env_remove("COLUMNS").current_dir(&folder);
            hub.point(&mut shell, &state.path().join("huggingface"));
            let output = String::from_utf8(shell.output().unwrap().stdout).unwrap();
            folder = fs::read_to_string(end).unwrap().trim_end().into();
            let output: Vec<&str> = output.lines().map(str::trim_end).collect();
            let shown = &page[lines.clone()];
            if !matches(shown, &output) {
                found.differences += &format!("{name}: $ {command}\n{}\n", output.join("\n"));
                outputs.push((lines, shown_anew(shown, &output)));
            }
            found.commands += 1;
        }
    }
    let mut lines: Vec<String> = page.iter().map(|line| (*line).to_owned()).collect();
    for (range, output) in outputs.into_iter().rev() {
        lines.splice(range, output);
    }
    found.page = lines.join("\n") + "\n";
    found
}

#[test]
fn every_command_of_the_documentation_prints_what_its_page_shows() {
    let hub = StandIn::new([]);
    let on_hub = real_hub();
    for (name, repo) in on_hub.iter().flat_map(|folder| real_repos(folder)) {
        hub.put(&name, repo);
    }
    let real = on_hub.is_some() && real_data().is_some();
    let mut pages = pages();
    pages.retain(|page| page != RUN_BY_PYTEST);
    pages.retain(|page| {
        let kept = real || !ABOUT_REAL_ROWS.contains(&page.as_str());
        if !kept {
            eprintln!("SKIPPED: the real benchmarks are not on this machine (../shared): {page}");
        }
        kept
    });
    let found: Vec<Found> = thread::scope(|scope| {
        let runs: Vec<_> = pages.iter().map(|page| scope.spawn(|| run(page, &hub, real))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let mut differences = String::new();
    for (page, found) in pages.iter().zip(found) {
        // The commands of this page are the tests that its tables name.
        assert!(found.commands > 0 || page == "docs/reliability.md", "{page} has no command");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(root().join(page), found.page).unwrap();
        } else {
            differences += &found.differences;
        }
    }
    assert!(differences.is_empty(), "the pages show something else (UPDATE_DOCS=1 rewrites them):\n{differences}");
}

/// The lines of a page outside of its blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        inside ^= line.starts_with("```");
        !inside && !line.starts_with("```")
    })
}

/// The name by which a link reaches a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_within_the_documentation_leads_somewhere() {
    let mut found = 0;
    for page in pages().into_iter().chain(["CHANGELOG.md", "CONTRIBUTING.md"].map(str::to_owned)) {
        let text = read(&page);
        for line in prose(&text) {
            for (_, link) in line.match_indices("](").map(|(at, _)| line.split_at(at + 2)) {
                let (link, _) = link.split_once(')').unwrap();
                if link.starts_with("https://") {
                    continue;
                }
                let (file, heading) = link.split_once('#').unwrap_or((link, ""));
                let here = root().join(&page);
                let target = if file.is_empty() { here } else { here.parent().unwrap().join(file) };
                assert!(target.exists(), "{page}: {link}");
                if !heading.is_empty() {
                    let text = fs::read_to_string(target).unwrap();
                    let mut headings = prose(&text).filter(|line| line.starts_with('#'));
                    assert!(headings.any(|line| anchor(line) == heading), "{page}: {link}");
                }
                found += 1;
            }
        }
    }
    assert!(found > 20, "{found}");
}

/// The cells of a table's line.
fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The lines of the table under this heading whose first cell is a benchmark.
fn rows<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = text.split_once(heading).unwrap_or_else(|| panic!("no section {heading}"));
    let section = section.split("\n## ").next().unwrap();
    section
        .lines()
        .map(cells)
        .filter(|cells| ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"].contains(&cells[0]))
        .collect()
}

#[test]
fn the_readme_says_of_each_benchmark_what_the_page_on_difficulty_measured() {
    let (readme, page) = (read("README.md"), read("docs/difficulty.md"));
    let on_page = rows(&page, "## How well they predict failure");
    let in_readme = rows(&readme, "## What makes a task hard");
    assert_eq!(in_readme.len(), 5, "one line a benchmark");
    // On the page: benchmark, models, families, then rho and gap of surface and reference, each with its interval.
    let value = |cell: &str| cell.split(" (").next().unwrap_or_default().to_owned();
    for row in in_readme {
        // benchmark, tasks, what counts, surface: rho and gap, reference: rho and gap, models
        match on_page.iter().find(|measured| measured[0] == row[0]) {
            Some(measured) => {
                let pair = |at: usize| format!("{}, {}", value(measured[at]), value(measured[at + 1]));
                assert_eq!([row[3], row[4]], [pair(3), pair(5)], "{}", row[0]);
                assert_eq!(row[5].split(',').next(), Some(measured[1]), "{}", row[0]);
            }
            None => assert_eq!(row[5], "none", "{}", row[0]),
        }
    }
}

#[test]
fn the_readme_is_read_in_one_sitting() {
    assert!(read("README.md").lines().count() <= 220);
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
fn the_table_of_available_tasks_counts_the_real_scores() {
    let mut found = 0;
    for line in read("docs/benchmarks.md").lines() {
        let cells = cells(line);
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
