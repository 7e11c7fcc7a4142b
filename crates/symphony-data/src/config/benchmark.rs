//! Benchmarks: the keys of a preset, overridden by those of the user.

use super::{
    Benchmark, check_name,
    presets::{preset, preset_names},
    prompt, rule,
};
use crate::{
    bin::Cut,
    difficulty::{Rule, Scorer},
    format::Columns,
    prompt::Prompt,
    request::{Difficulty, Measured, REFERENCE, SURFACE},
    source::SourcePath,
    task::Layout,
    yaml::{
        Node, Refusal, Value,
        walk::{Walk, nearest_of},
    },
};

const KEYS: [&str; 18] = [
    "enabled",
    "description",
    "path",
    "split",
    "configs",
    "config_field",
    "revision",
    "rows",
    "columns",
    "drop_columns",
    "identity",
    "store",
    "difficulty",
    "difficulty_cuts",
    "chance",
    "prompt",
    "license",
    "citation",
];

pub(super) fn benchmarks(walk: &mut Walk, field: &str, node: &Node) -> Vec<Benchmark> {
    let mut found = Vec::new();
    for (name, field, node) in walk.entries(field, node) {
        if let Err(why) = check_name(&name) {
            walk.problem(node, &field, format!("`{name}` is not a valid name for a benchmark"), why);
            continue;
        }
        let preset = preset(&name);
        // The user's keys come first: they override the preset's.
        let mut merged = walk.fields(&field, node, &KEYS);
        let own = merged.len();
        let base = preset.as_ref().map(|preset| walk.fields(&field, preset, &KEYS)).unwrap_or_default();
        for entry in base {
            if !merged.iter().any(|(key, ..)| *key == entry.0) {
                merged.push(entry);
            }
        }
        found.push(benchmark(walk, &name, &field, node, merged, own));
    }
    found
}

/// The benchmark with these keys: the first `own` are the user's, the others the preset's.
fn benchmark(
    walk: &mut Walk,
    name: &str,
    field: &str,
    node: &Node,
    entries: Vec<(&str, String, &Node)>,
    own: usize,
) -> Benchmark {
    let problems = walk.problems.len();
    let mut source = None;
    let mut difficulty = None;
    // The place of `columns` or `drop_columns`.
    let mut chosen = None;
    let mut benchmark = Benchmark {
        name: name.to_owned(),
        enabled: true,
        description: None,
        // A placeholder until `path` is read. A benchmark without a `path` is a problem, so the placeholder is never used.
        source: SourcePath::File(String::new()),
        storage: None,
        split: "test".to_owned(),
        configs: Vec::new(),
        config_field: None,
        revision: None,
        rows: None,
        columns: None,
        identity: Vec::new(),
        license: None,
        citation: None,
        store: None,
        rule: Rule { features: Vec::new(), score: Vec::new() },
        difficulty: Difficulty::Surface,
        cuts: None,
        chance: 0.0,
        prompt: None,
        has_preset_prompt: false,
        places: vec![(String::new(), node.place.clone())],
    };
    for (at, (key, field, node)) in entries.into_iter().enumerate() {
        match key {
            "enabled" => benchmark.enabled = walk.boolean(&field, node).unwrap_or(true),
            "description" => benchmark.description = walk.text(&field, node),
            "path" => {
                if let Some(path) = walk.text(&field, node) {
                    match SourcePath::parse(&path) {
                        Ok(path) => source = Some(path),
                        Err(Refusal { what, instead }) => walk.problem(node, &field, what, instead),
                    }
                }
            }
            "split" => benchmark.split = walk.text(&field, node).unwrap_or_default(),
            "configs" => benchmark.configs = configs(walk, &field, node),
            "config_field" => benchmark.config_field = walk.text(&field, node),
            "revision" => {
                benchmark.revision = not_empty(walk, &field, node, "write a commit, a branch or a tag");
            }
            "rows" => benchmark.rows = rows(walk, &field, node),
            "columns" | "drop_columns" => {
                if chosen.is_some() {
                    let why = "`columns` and `drop_columns` cannot be combined";
                    walk.problem(node, &field, why, "name either the columns to keep or the ones to leave out");
                }
                let names = columns(walk, &field, node);
                benchmark.columns = Some(if key == "columns" { Columns::Only(names) } else { Columns::Without(names) });
                chosen = Some((field, node));
            }
            "license" => benchmark.license = not_empty(walk, &field, node, "write its name, such as `mit`"),
            "citation" => benchmark.citation = not_empty(walk, &field, node, "write a BibTeX entry"),
            "identity" => benchmark.identity = walk.texts(&field, node),
            "store" => {
                let text = walk.text(&field, node);
                benchmark.store = text.as_deref().and_then(Layout::parse);
                if text.is_some() && benchmark.store.is_none() {
                    walk.problem(
                        node,
                        &field,
                        format!("`{}` is not a store format", node.describe()),
                        "write jsonl or parquet",
                    );
                }
            }
            "difficulty_cuts" => benchmark.cuts = cuts(walk, &field, node),
            "chance" => benchmark.chance = chance(walk, &field, node),
            "prompt" => {
                if let Some((prompt, places)) = prompt::prompt(walk, &field, node) {
                    (benchmark.prompt, benchmark.places) = (Some(prompt), places);
                    benchmark.has_preset_prompt = at >= own;
                }
            }
            _ => difficulty = Some((field, node)),
        }
    }
    match difficulty {
        Some((field, node)) => {
            let (difficulty, node) = drawn_by(walk, name, &field, node);
            if let Some(node) = node
                && let Some(rule) = rule_of(walk, &field, &node)
            {
                rule::check(walk, &field, &node, &rule, &benchmark.identity);
                benchmark.rule = rule;
            }
            benchmark.difficulty = difficulty;
        }
        None => walk.problem(
            node,
            field,
            format!("`{name}` is not a preset and has no `difficulty`"),
            format!(
                "add a rule for its difficulty, or use that of a preset: `difficulty: {{preset: NAME}}` with one of {}",
                preset_names().join(", ")
            ),
        ),
    }
    match source {
        Some(source) => benchmark.source = source,
        None if walk.problems.len() == problems => {
            walk.problem(
                node,
                field,
                "has no `path`",
                "write where its rows come from, such as `path: file:rows.jsonl`",
            );
        }
        None => {}
    }
    if walk.problems.len() == problems
        && let Err(Refusal { what, instead }) = benchmark.source.check_configs(&benchmark.configs)
    {
        walk.problem(node, &format!("{field}.path"), what, instead);
    }
    if let (Some(revision), false) = (&benchmark.revision, matches!(benchmark.source, SourcePath::Datasets(_))) {
        let why = format!("`{revision}` pins a commit of the Hub, but the rows come from {}", benchmark.source);
        walk.problem(node, &format!("{field}.revision"), why, "remove it, or write `path: datasets:…`");
    }
    if let (Some(rows), SourcePath::Synthetic { .. }) = (&benchmark.rows, &benchmark.source) {
        let why = format!("`{rows}` is a key in a file, but the rows are generated");
        walk.problem(node, &format!("{field}.rows"), why, "remove it, or write `path: file:…`");
    }
    if let (Some((field, node)), true) = (chosen, walk.problems.len() == problems) {
        check_columns(walk, &field, node, &benchmark);
    }
    // A benchmark with problems is returned too, so that requests for it are not told that it does not exist.
    benchmark
}

/// A text that is not blank.
fn not_empty(walk: &mut Walk, field: &str, node: &Node, hint: &str) -> Option<String> {
    let text = walk.text(field, node)?;
    if text.trim().is_empty() {
        walk.problem(node, field, "is empty", format!("{hint}, or remove it"));
        return None;
    }
    Some(text)
}

/// `rows: examples`: the key of an array, or keys joined by dots.
fn rows(walk: &mut Walk, field: &str, node: &Node) -> Option<String> {
    let key = walk.text(field, node)?;
    if key.split('.').any(str::is_empty) {
        let hint = "write the key of the array that holds the rows, such as `rows: examples` or `rows: data.examples`";
        walk.problem(node, field, format!("`{key}` is not a valid key"), hint);
    }
    Some(key)
}

/// Names of configs: each once, and without folders.
fn configs(walk: &mut Walk, field: &str, node: &Node) -> Vec<String> {
    let names = walk.texts(field, node);
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            walk.problem(node, field, format!("`{name}` is named twice"), "name each config once");
        }
        if name.contains(['/', '\\']) || matches!(name.as_str(), "" | "." | "..") {
            walk.problem(
                node,
                field,
                format!("`{name}` is not a valid name of a config"),
                "write names without folders",
            );
        }
    }
    names
}

/// Names of columns, each once.
fn columns(walk: &mut Walk, field: &str, node: &Node) -> Vec<String> {
    let problems = walk.problems.len();
    let names = walk.texts(field, node);
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            walk.problem(node, field, format!("`{name}` is named twice"), "name each column once");
        }
    }
    if names.is_empty() && walk.problems.len() == problems {
        walk.problem(node, field, "is empty", "name at least one column, or remove it");
    }
    names
}

/// Checks that `columns` or `drop_columns` keep all that features, identity and the user's prompt read. A preset's prompt
/// may read more: it counts when its rows are asked.
fn check_columns(walk: &mut Walk, field: &str, node: &Node, benchmark: &Benchmark) {
    let Some(columns) = &benchmark.columns else { return };
    let mut said: Vec<String> = Vec::new();
    let mut check = |of: &str, path: &str| {
        let name = path.split('.').next().unwrap_or(path);
        let is_there = columns.keeps(name) || benchmark.config_field.as_deref() == Some(name);
        if is_there || said.iter().any(|said| said == name) {
            return;
        }
        let hint = if matches!(columns, Columns::Only(_)) { "name it too" } else { "keep it" };
        walk.problem(node, field, format!("`{name}` is left out, but {of} reads it"), hint);
        said.push(name.to_owned());
    };
    let mut check_rule = |of: &str, rule: &Rule, identity: &[String]| {
        // A rule that does not compile is reported elsewhere; a feature of another feature reads no field itself.
        for path in Scorer::compile(rule, identity).iter().flat_map(Scorer::fields) {
            check(of, path);
        }
    };
    for (name, feature) in &benchmark.rule.features {
        let alone = Rule { features: vec![(name.clone(), feature.clone())], score: Vec::new() };
        check_rule(&format!("the feature `{name}`"), &alone, &[]);
    }
    check_rule("`identity`", &Rule { features: Vec::new(), score: Vec::new() }, &benchmark.identity);
    for read in benchmark.prompt.iter().filter(|_| !benchmark.has_preset_prompt).flat_map(Prompt::reads) {
        check(&format!("`prompt.{}`", read.key), &read.field);
    }
}

/// `difficulty_cuts: [0.2, 0.6]`.
fn cuts(walk: &mut Walk, field: &str, node: &Node) -> Option<[f64; 2]> {
    let pair: Vec<Option<f64>> = node.list().unwrap_or_default().iter().map(Node::number).collect();
    let checked = match pair[..] {
        [Some(easy), Some(hard)] => Cut::at_scores(easy, hard).map(|_| [easy, hard]),
        _ => Err(format!("expected two scores, found {}", node.describe())),
    };
    // If the values are percentages, the hint shows them as scores.
    let [easy, hard] = match pair[..] {
        [Some(easy), Some(hard)] if hard > 1.0 && (0.0..=hard).contains(&easy) && hard <= 100.0 => {
            [easy / 100.0, hard / 100.0]
        }
        _ => [0.2, 0.6],
    };
    checked.map_err(|why| walk.problem(node, field, why, format!("write `difficulty_cuts: [{easy}, {hard}]`"))).ok()
}

/// `chance: 0.25`, from 0 up to, not including, 1; 0 if it is not valid.
fn chance(walk: &mut Walk, field: &str, node: &Node) -> f64 {
    let chance = node.number().filter(|chance| (0.0..1.0).contains(chance));
    if chance.is_none() {
        let why = format!("expected how often a guess is right, found {}", node.describe());
        let percent = node.percent().or(node.number()).filter(|percent| (1.0..100.0).contains(percent));
        let hint = match percent {
            Some(percent) if percent > 1.0 => format!("write {} if you mean {percent} %", percent / 100.0),
            _ => "write 0.25 for one of four options, or 0 for free answers".to_owned(),
        };
        walk.problem(node, field, why, hint);
    }
    chance.unwrap_or_default()
}

/// Splits a difficulty into the one that pools are drawn by, which a text or the key `measured` names, and the rule in the
/// other keys. Without other keys, the rule is that of the preset with the benchmark's name; after a problem, the rule is missing.
fn drawn_by(walk: &mut Walk, name: &str, field: &str, node: &Node) -> (Difficulty, Option<Node>) {
    let of_preset = || Some(preset(name)?.map()?.iter().find(|(key, _)| key.text == "difficulty")?.1.clone());
    if let Some(word @ (REFERENCE | SURFACE)) = node.text() {
        let rule = of_preset();
        if rule.is_none() {
            let what = format!("`{name}` is not a preset, so `{word}` leaves it without a rule for its surface score");
            let hint = match word {
                REFERENCE => "write `features` and `score`, and beside them `measured: reference`",
                _ => "write `features` and `score`",
            };
            walk.problem(node, field, what, hint);
        }
        let difficulty = if word == REFERENCE { Difficulty::reference(0) } else { Difficulty::Surface };
        return (difficulty, rule);
    }
    let mut rest = node.clone();
    let Value::Map(entries) = &mut rest.value else { return (Difficulty::Surface, Some(rest)) };
    let (own, left): (Vec<_>, Vec<_>) = std::mem::take(entries)
        .into_iter()
        .partition(|(key, _)| matches!(key.text.as_str(), "measured" | "min_responses"));
    *entries = left;
    let nothing_left = entries.is_empty();
    if own.is_empty() {
        return (Difficulty::Surface, Some(rest));
    }
    let (mut path, mut min_responses) = (None, 0);
    for (key, value) in &own {
        let field = format!("{field}.{}", key.text);
        if key.text == "measured" {
            path = walk.text(&field, value);
        } else {
            min_responses = walk.whole(&field, value).unwrap_or_default();
        }
    }
    let Some(path) = path else {
        if !own.iter().any(|(key, _)| key.text == "measured") {
            let hint = "name the calibration: `measured: NAME_calibration.jsonl`";
            walk.problem(node, field, "`min_responses` needs a measured difficulty", hint);
        }
        return (Difficulty::Surface, Some(rest));
    };
    let rule = if nothing_left { of_preset().unwrap_or(rest) } else { rest };
    let difficulty = match path.as_str() {
        REFERENCE => Difficulty::reference(min_responses),
        _ => Difficulty::Measured(Measured { path: path.into(), min_responses }),
    };
    (difficulty, Some(rule))
}

/// The rule in the configuration, or that of the preset that it names.
fn rule_of(walk: &mut Walk, field: &str, node: &Node) -> Option<Rule> {
    let Value::Map(entries) = &node.value else {
        return Some(rule::rule(walk, field, node));
    };
    let Some((_, value)) = entries.iter().find(|(key, _)| key.text == "preset") else {
        return Some(rule::rule(walk, field, node));
    };
    let field = format!("{field}.preset");
    if let [_, (other, _), ..] = &entries[..] {
        let hint = "keep either `preset` or `features` and `score`";
        walk.problem(node, &field, format!("`preset` cannot be combined with other keys (`{}`)", other.text), hint);
        return None;
    }
    let name = walk.text(&field, value)?;
    let Some(preset) = preset(&name) else {
        walk.problem(value, &field, format!("there is no preset `{name}`"), nearest_of(&name, &preset_names()));
        return None;
    };
    let difficulty = preset.map()?.iter().find(|(key, _)| key.text == "difficulty")?.1.clone();
    Some(rule::rule(walk, &field, &difficulty))
}
