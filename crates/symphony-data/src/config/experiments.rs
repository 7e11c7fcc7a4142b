//! Experiments: the named requests of a file, and which of them the configuration allows.

use std::{collections::BTreeMap, sync::Arc};

use super::{Config, check_name, pattern::means, request_keys};
use crate::{
    bin::Percentiles,
    request::{Experiment, PhasesSpec, Replacement, RequestSpec},
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
        let mut names = Vec::new();
        benchmarks.into_iter().for_each(|(_, node)| request_keys::names_in(node, &mut names));
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
    let known = ["experiments", "benchmarks", "stream_generation", "mixing_rules", "partitions"];
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
    let (mut all, mut unreadable) = (Vec::new(), Vec::new());
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
        let problems = walk.problems.len();
        // One with keys that cannot be read is still checked, for its other problems; it is not among the results.
        let experiment = experiment(walk, &id, &field, node, config);
        unreadable.extend((walk.problems.len() > problems).then(|| id.clone()));
        all.extend(experiment);
    }
    let mut experiments = checked(walk, all, config);
    experiments.retain(|experiment| !unreadable.contains(&experiment.id));
    experiments
}

/// An experiment whose keys were read, and not yet checked against the configuration and its neighbours.
struct Unchecked<'n> {
    id: String,
    field: String,
    node: &'n Node,
    name: Option<String>,
    spec: RequestSpec,
    /// The keys with their places.
    entries: Vec<(&'n str, String, &'n Node)>,
}

fn experiment<'n>(walk: &mut Walk, id: &str, field: &str, node: &'n Node, config: &Config) -> Option<Unchecked<'n>> {
    let mut name = None;
    let mut spec = RequestSpec::default();
    let mut readable = true;
    let known: Vec<&str> = ["name"].into_iter().chain(request_keys::KEYS.iter().copied()).collect();
    let entries = walk.fields(field, node, &known);
    for (key, field, node) in &entries {
        match *key {
            "name" => name = walk.text(field, node),
            "benchmarks" => {
                let before = walk.problems.len();
                request_keys::read(walk, &mut spec, key, field, node);
                readable = walk.problems.len() == before;
            }
            _ => request_keys::read(walk, &mut spec, key, field, node),
        }
    }
    let has = |wanted: &str| entries.iter().any(|(key, ..)| *key == wanted);
    let phases_say_it = matches!(spec.phases, Some(PhasesSpec::List(_)));
    if !has("n_total_tasks") && !phases_say_it {
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
    Some(Unchecked { id: id.to_owned(), field: field.to_owned(), node, name, spec, entries })
}

/// Checks experiments that may leave out each other's tasks. Those that others need come first; the result is in the order written.
fn checked(walk: &mut Walk, all: Vec<Unchecked<'_>>, config: &Config) -> Vec<Experiment> {
    let ids: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
    let mut done: BTreeMap<String, Option<Arc<Experiment>>> = BTreeMap::new();
    let mut waiting: Vec<Unchecked<'_>> = all;
    while !waiting.is_empty() {
        let is_ready =
            |one: &Unchecked<'_>| one.spec.rows.exclude.iter().all(|id| !ids.contains(id) || done.contains_key(id));
        let (mut ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        waiting = rest;
        if ready.is_empty() {
            for Unchecked { id, field, node, entries, .. } in waiting.drain(..) {
                let place = entries.iter().find(|(key, ..)| *key == "exclude");
                let (field, node) = place.map_or((&field, node), |(_, field, node)| (field, *node));
                let message = format!("`{id}` leaves out tasks of experiments that leave out each other's");
                walk.problem(
                    node,
                    field,
                    message,
                    "let experiments leave out each other's tasks in one direction only",
                );
            }
        }
        for Unchecked { id, field, node, name, spec, entries } in ready.drain(..) {
            let place = |key: &str| {
                let found = entries.iter().find(|(known, ..)| *known == key);
                found
                    .map_or((node.place.clone(), field.clone()), |(_, field, node)| (node.place.clone(), field.clone()))
            };
            let sibling = |id: &str| done.get(id).cloned().flatten();
            let experiment = match spec.resolve_beside(config, &place, &sibling) {
                Ok(request) => Some(Arc::new(Experiment { id: id.clone(), name, request, spec })),
                Err(more) => {
                    walk.problems.extend(more);
                    None
                }
            };
            done.insert(id, experiment);
        }
    }
    ids.iter().filter_map(|id| done.get(id)?.as_ref().map(|one| (**one).clone())).collect()
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
