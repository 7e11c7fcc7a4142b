//! Experiments: the named requests of a file, and which of them the configuration allows.

use std::collections::BTreeMap;

use super::{Config, check_name, pattern::means};
use crate::{
    bin::Percentiles,
    request::{Experiment, Replacement, RequestSpec},
    yaml::{Node, Value, last, walk::Walk},
};

/// An experiment that the configuration does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllowed {
    /// The experiment's key.
    pub id: String,
    /// Its benchmarks that are not configured or not enabled; empty where the configuration excludes its mix.
    pub needs: Vec<String>,
}

impl std::fmt::Display for NotAllowed {
    /// `exp5 (needs amc, bbh)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.needs.is_empty() {
            write!(f, "{} (its mix is excluded)", self.id)
        } else {
            write!(f, "{} (needs {})", self.id, self.needs.join(", "))
        }
    }
}

/// Removes the experiments that `config` does not allow, and returns them.
pub(super) fn take_not_allowed(root: &mut Node, config: &Config) -> Vec<NotAllowed> {
    let mut taken = Vec::new();
    let Value::Map(sections) = &mut root.value else { return taken };
    let experiments = sections.iter_mut().find(|(key, _)| key.text == "experiments").map(|(_, node)| node);
    let Some(Node { value: Value::Map(experiments), .. }) = experiments else { return taken };
    experiments.retain(|(id, request)| {
        let benchmarks = request.map().and_then(|keys| keys.iter().find(|(key, _)| key.text == "benchmarks"));
        let names: Vec<&str> = match benchmarks.map(|(_, node)| &node.value) {
            Some(Value::List(items)) => items.iter().filter_map(Node::text).collect(),
            Some(Value::Scalar { text, .. }) => vec![text],
            _ => Vec::new(),
        };
        let enabled = |asked: &str| config.enabled().any(|benchmark| means(asked, &benchmark.name));
        let needs: Vec<String> = names.iter().filter(|name| !enabled(name)).map(|name| (*name).to_owned()).collect();
        let excluded = config
            .exclude_combinations
            .iter()
            .any(|combination| combination.iter().all(|name| names.iter().any(|asked| means(asked, name))));
        if needs.is_empty() && !excluded {
            return true;
        }
        taken.push(NotAllowed { id: id.text.clone(), needs });
        false
    });
    taken
}

/// The experiments of a file with the key `experiments`. The file may have the keys of a configuration too.
pub(super) fn experiments_file(root: &Node, config: &Config, walk: &mut Walk) -> Vec<Experiment> {
    let known = ["experiments", "benchmarks", "stream_generation", "mixing_rules"];
    let fields = walk.fields("", root, &known);
    if let Some((_, field, node)) = fields.iter().find(|(key, ..)| *key == "experiments") {
        return experiments(walk, field, node, config);
    }
    let (what, hint) = match fields.first() {
        Some(_) => (
            "this file configures benchmarks but defines no experiments",
            "use it as the configuration, not as the file of experiments",
        ),
        None => ("no experiment is defined", "write `experiments: {exp1: {benchmarks: [gsm8k], n_total_tasks: 100}}`"),
    };
    walk.problem(root, "experiments", what, hint);
    Vec::new()
}

/// The experiments of a mapping from id to request.
pub(super) fn experiments(walk: &mut Walk, field: &str, node: &Node, config: &Config) -> Vec<Experiment> {
    let mut all = Vec::new();
    for (id, field, node) in walk.entries(field, node) {
        if let Err(why) = check_name(&id) {
            walk.problem(node, &field, format!("`{id}` is not a valid name for an experiment"), why);
            continue;
        }
        if id == "benchmarks" {
            walk.problem(
                node,
                &field,
                "the folder `benchmarks` holds the preprocessed benchmarks",
                "choose another name",
            );
            continue;
        }
        all.extend(experiment(walk, &id, &field, node, config));
    }
    all
}

fn experiment(walk: &mut Walk, id: &str, field: &str, node: &Node, config: &Config) -> Option<Experiment> {
    let known = [
        "name",
        "benchmarks",
        "benchmark_ratios",
        "difficulty_split",
        "n_total_tasks",
        "random_seed",
        "sample_with_replacement",
        "sampler",
        "order",
        "difficulty_percentiles",
        "difficulty",
        "min_responses",
    ];
    let problems = walk.problems.len();
    let mut name = None;
    let mut spec = RequestSpec::default();
    let mut readable = true;
    let entries = walk.fields(field, node, &known);
    for (key, field, node) in &entries {
        match *key {
            "name" => name = walk.text(field, node),
            "benchmarks" => {
                let before = walk.problems.len();
                spec.benchmarks = walk.texts(field, node);
                readable = walk.problems.len() == before;
            }
            "benchmark_ratios" => {
                let ratios = walk.entries(field, node);
                // A ratio that cannot be read becomes 1, so that it is not reported as missing too.
                let ratios =
                    ratios.into_iter().map(|(name, field, node)| (name, walk.number(&field, node).unwrap_or(1.0)));
                spec.benchmark_ratios = node.map().is_some().then(|| ratios.collect());
            }
            "difficulty_split" if node.text().is_none() => {
                let why = format!("expected shares, found {}", node.describe());
                walk.problem(node, field, why, "write `difficulty_split: 80:20`");
            }
            "difficulty_split" => spec.difficulty_split = walk.text(field, node),
            // A value that cannot be read gets its default, so that the rest is still checked.
            "n_total_tasks" => spec.n_total_tasks = walk.whole(field, node).unwrap_or(1),
            "random_seed" => spec.random_seed = walk.whole(field, node),
            "sample_with_replacement" => spec.sample_with_replacement = replacement(walk, field, node),
            "sampler" => spec.sampler = walk.text(field, node),
            "order" => spec.order = walk.text(field, node),
            "difficulty" => spec.difficulty = walk.text(field, node),
            "min_responses" => spec.min_responses = walk.whole(field, node),
            _ => spec.difficulty_percentiles = percentiles(walk, field, node),
        }
    }
    let has = |wanted: &str| entries.iter().any(|(key, ..)| *key == wanted);
    if !has("n_total_tasks") {
        walk.problem(node, field, "`n_total_tasks` is missing", "write how many tasks the pool should have");
        spec.n_total_tasks = 1;
    }
    if !has("benchmarks") {
        walk.problem(node, field, "`benchmarks` is missing", format!("configured: {}", config.names().join(", ")));
        return None;
    }
    if spec.benchmarks.is_empty() && !readable {
        // Without readable benchmarks, the other keys cannot be checked.
        return None;
    }
    let place = |key: &str| {
        let found = entries.iter().find(|(known, ..)| *known == key);
        found.map_or((node.place.clone(), field.to_owned()), |(_, field, node)| (node.place.clone(), field.clone()))
    };
    match spec.resolve_at(config, &place) {
        Ok(request) => (walk.problems.len() == problems).then(|| Experiment { id: id.to_owned(), name, request, spec }),
        Err(more) => {
            walk.problems.extend(more);
            None
        }
    }
}

pub(super) fn replacement(walk: &mut Walk, field: &str, node: &Node) -> Option<Replacement> {
    let found = match &node.value {
        Value::Scalar { text, .. } => Replacement::parse(text),
        _ => None,
    };
    if found.is_none() {
        walk.wrong_type(node, field, "false, true or when_short", &format!("{}: when_short", last(field)));
    }
    found
}

/// Percentiles by benchmark: `{gsm8k: [20, 80]}`.
pub(super) fn percentiles(walk: &mut Walk, field: &str, node: &Node) -> BTreeMap<String, Percentiles> {
    let mut all = BTreeMap::new();
    if node.list().is_some() {
        let example = format!("{}: {{gsm8k: [20, 80]}}", last(field));
        walk.wrong_type(node, field, "percentiles by benchmark", &example);
        return all;
    }
    for (name, field, node) in walk.entries(field, node) {
        let pair: Vec<Option<f64>> = node.list().unwrap_or_default().iter().map(Node::number).collect();
        let [Some(low), Some(high)] = pair[..] else {
            walk.wrong_type(node, &field, "two numbers as percentiles", &format!("{name}: [20, 80]"));
            continue;
        };
        match Percentiles::new(low, high) {
            Ok(percentiles) => _ = all.insert(name, percentiles),
            // The message shows the percentages in the form of a command's argument; a file needs a list.
            Err(why) if low > 0.0 && low <= 1.0 && high > 0.0 && high <= 1.0 => {
                let hint = format!("write them here as a list, such as `{name}: [20, 80]`");
                walk.problem(node, &field, why, hint);
            }
            Err(why) => {
                walk.problem(node, &field, why, "write the low percentile, then the high one, such as [20, 80]");
            }
        }
    }
    all
}
