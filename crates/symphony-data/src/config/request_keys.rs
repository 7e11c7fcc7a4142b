//! Reads the keys of a request out of YAML, or out of JSON, which is YAML too.

use super::experiments::{percentiles, replacement};
use crate::{
    bin::Percentiles,
    request::{Member, Partitions, PhaseSpec, PhasesSpec, RequestSpec},
    yaml::{Node, Place, Problems, Value, Walk, walk::join},
};

/// The keys of a request.
pub(super) const KEYS: [&str; 23] = [
    "benchmarks",
    "benchmark_ratios",
    "difficulty_split",
    "n_total_tasks",
    "random_seed",
    "sample_with_replacement",
    "select",
    "sampler",
    "order",
    "difficulty_percentiles",
    "difficulty",
    "min_responses",
    "where",
    "difficulty_range",
    "exclude",
    "partition",
    "on_duplicate",
    "near_duplicates",
    "stratify_by",
    "strata",
    "difficulty_within",
    "thresholds_from",
    "phases",
];

/// The largest share of a partition. Any number of these has a finite sum.
const MAX_SHARE: f64 = 1e100;
/// The keys of a phase.
const PHASE_KEYS: [&str; 6] =
    ["n_total_tasks", "difficulty_split", "benchmark_ratios", "order", "difficulty_range", "where"];

/// Reads one key of a request. A value that cannot be read gets its default, so that the rest is still checked.
pub(super) fn read(walk: &mut Walk, spec: &mut RequestSpec, key: &str, field: &str, node: &Node) {
    match key {
        "benchmarks" if node.map().is_some() => {
            spec.groups = members(walk, field, node);
            spec.benchmarks = spec.groups.iter().flat_map(Member::names).collect();
            // A mapping without groups is a list in another form.
            if spec.groups.iter().all(|member| matches!(member, Member::Name(_))) {
                spec.groups.clear();
            }
        }
        "benchmarks" => spec.benchmarks = walk.texts(field, node),
        "benchmark_ratios" if node.text() == Some("proportional") => spec.proportional = true,
        "benchmark_ratios" => spec.benchmark_ratios = ratios(walk, field, node),
        "difficulty_split" => spec.difficulty_split = split(walk, field, node),
        "n_total_tasks" => spec.n_total_tasks = walk.whole(field, node).unwrap_or(1),
        "random_seed" => spec.random_seed = walk.whole(field, node),
        "sample_with_replacement" => spec.sample_with_replacement = replacement(walk, field, node),
        "select" => spec.select = walk.text(field, node),
        "sampler" => spec.sampler = walk.text(field, node),
        "order" => spec.order = walk.text(field, node),
        "difficulty" => spec.difficulty = walk.text(field, node),
        "min_responses" => spec.min_responses = walk.whole(field, node),
        "where" => spec.rows.labels = labels(walk, field, node),
        "difficulty_range" => spec.rows.difficulty_range = range(walk, field, node),
        "exclude" => spec.rows.exclude = walk.texts(field, node),
        "partition" => spec.rows.partition = walk.text(field, node),
        "on_duplicate" => spec.rows.on_duplicate = walk.text(field, node),
        "near_duplicates" => spec.rows.near_duplicates = walk.text(field, node),
        "stratify_by" => spec.stratify_by = walk.text(field, node),
        "strata" => spec.strata = walk.text(field, node),
        "difficulty_within" => spec.difficulty_within = walk.text(field, node),
        "thresholds_from" => spec.thresholds_from = walk.text(field, node).map(Into::into),
        "phases" => spec.phases = phases(walk, field, node),
        _ => spec.difficulty_percentiles = percentiles(walk, field, node),
    }
}

impl RequestSpec {
    /// Reads more keys of the request out of a JSON object, in the form that a file has them in.
    ///
    /// # Errors
    /// Every key that cannot be read, or is not a key of a request.
    pub fn read_keys(&mut self, json: &str) -> Result<(), Problems> {
        let node = Node::parse("", json)?;
        let mut walk = Walk::default();
        for (key, field, node) in walk.fields("", &node, &KEYS) {
            read(&mut walk, self, key, &field, node);
        }
        // The place in a text that the caller put together says nothing to a user.
        walk.problems.iter_mut().for_each(|problem| problem.place = Place::default());
        if walk.problems.is_empty() { Ok(()) } else { Err(Problems(walk.problems)) }
    }
}

/// The names of benchmarks and patterns in the value of `benchmarks`, whatever its form.
pub(super) fn names_in<'n>(node: &'n Node, names: &mut Vec<&'n str>) {
    match &node.value {
        Value::Scalar { text, .. } => names.push(text),
        Value::List(items) => items.iter().for_each(|item| names_in(item, names)),
        Value::Map(entries) => {
            for (key, value) in entries {
                if value.is_null() { names.push(&key.text) } else { names_in(value, names) }
            }
        }
    }
}

/// The groups of a mapping, each with its benchmarks or with groups of its own. A name without a value is a benchmark.
fn members(walk: &mut Walk, field: &str, node: &Node) -> Vec<Member> {
    let mut all = Vec::new();
    for (name, field, node) in walk.entries(field, node) {
        all.push(if node.is_null() {
            Member::Name(name)
        } else if node.map().is_some() {
            Member::Group(name, members(walk, &field, node))
        } else {
            Member::Group(name, walk.texts(&field, node).into_iter().map(Member::Name).collect())
        });
    }
    all
}

fn ratios(walk: &mut Walk, field: &str, node: &Node) -> Option<Vec<(String, f64)>> {
    // A word in the place of a mapping is most likely meant as the one word that is allowed.
    if node.map().is_none() && node.text().is_some() {
        walk.wrong_type(node, field, "ratios by benchmark, or `proportional`", "benchmark_ratios: proportional");
        return None;
    }
    let entries = walk.entries(field, node);
    // A ratio that cannot be read becomes 1, so that it is not reported as missing too.
    let ratios = entries.into_iter().map(|(name, field, node)| (name, walk.number(&field, node).unwrap_or(1.0)));
    node.map().is_some().then(|| ratios.collect())
}

fn split(walk: &mut Walk, field: &str, node: &Node) -> Option<String> {
    if node.text().is_none() {
        let why = format!("expected shares, found {}", node.describe());
        walk.problem(node, field, why, "write `difficulty_split: 80:20`");
        return None;
    }
    walk.text(field, node)
}

/// `{bbh: {task_name: [navigate, web_of_lies]}}`.
fn labels(walk: &mut Walk, field: &str, node: &Node) -> Vec<(String, String, Vec<String>)> {
    let mut all = Vec::new();
    if node.map().is_none() && !node.is_null() {
        walk.wrong_type(node, field, "labels by benchmark", "where: {bbh: {task_name: [navigate, web_of_lies]}}");
        return all;
    }
    for (benchmark, field, node) in walk.entries(field, node) {
        if node.map().is_none() {
            let example = "where: {bbh: {task_name: [navigate, web_of_lies]}}";
            walk.wrong_type(node, &field, "labels with their values, below a benchmark", example);
            continue;
        }
        for (label, field, node) in walk.entries(&field, node) {
            all.push((benchmark.clone(), label, walk.texts(&field, node)));
        }
    }
    all
}

/// Two percentiles, as a list or as `40:60`.
fn range(walk: &mut Walk, field: &str, node: &Node) -> Option<Percentiles> {
    let pair: Vec<Option<f64>> = match node.list() {
        Some(items) => items.iter().map(Node::number).collect(),
        None => node.text().unwrap_or_default().split(':').map(|part| part.trim().parse().ok()).collect(),
    };
    let [Some(low), Some(high)] = pair[..] else {
        walk.wrong_type(node, field, "two percentiles", "difficulty_range: [40, 60]");
        return None;
    };
    match Percentiles::new(low, high) {
        Ok(range) => Some(range),
        Err(why) => {
            walk.problem(node, field, why, "write the lower percentile first, such as [40, 60]");
            None
        }
    }
}

fn phases(walk: &mut Walk, field: &str, node: &Node) -> Option<PhasesSpec> {
    if let Some(items) = node.list() {
        let phase = |(at, item): (usize, &Node)| phase(walk, &format!("{field}[{at}]"), item);
        return Some(PhasesSpec::List(items.iter().enumerate().map(phase).collect()));
    }
    if node.map().is_none() {
        walk.wrong_type(node, field, "a list of phases, or a ramp", "phases: {from: 90:10, to: 10:90, steps: 5}");
        return None;
    }
    let entries = walk.fields(field, node, &["from", "to", "steps"]);
    let get = |wanted: &str| entries.iter().find(|(key, ..)| *key == wanted);
    let (Some((_, from_field, from)), Some((_, to_field, to)), Some((_, steps_field, steps))) =
        (get("from"), get("to"), get("steps"))
    else {
        let hint = "write `phases: {from: 90:10, to: 10:90, steps: 5}`";
        walk.problem(node, field, "a ramp needs `from`, `to` and `steps`", hint);
        return None;
    };
    Some(PhasesSpec::Ramp {
        from: Box::new(end_of_ramp(walk, from_field, from)),
        to: Box::new(end_of_ramp(walk, to_field, to)),
        steps: walk.whole(steps_field, steps)?,
    })
}

/// An end of a ramp: a split, or a mapping of what it moves.
fn end_of_ramp(walk: &mut Walk, field: &str, node: &Node) -> PhaseSpec {
    if node.map().is_none() {
        return PhaseSpec { difficulty_split: split(walk, field, node), ..PhaseSpec::default() };
    }
    let mut end = PhaseSpec::default();
    for (key, field, node) in walk.fields(field, node, &["difficulty_split", "benchmark_ratios"]) {
        match key {
            "difficulty_split" => end.difficulty_split = split(walk, &field, node),
            // The shares of a ramp's end are numbers, as those of its steps lie between them.
            _ if node.map().is_none() => {
                walk.wrong_type(node, &field, "ratios by benchmark", "benchmark_ratios: {gsm8k: 0.8, bbh: 0.2}");
            }
            _ => end.benchmark_ratios = ratios(walk, &field, node),
        }
    }
    end
}

fn phase(walk: &mut Walk, field: &str, node: &Node) -> PhaseSpec {
    let mut phase = PhaseSpec::default();
    for (key, field, node) in walk.fields(field, node, &PHASE_KEYS) {
        match key {
            "n_total_tasks" => phase.n_total_tasks = Some(walk.whole(&field, node).unwrap_or(1)),
            "difficulty_split" => phase.difficulty_split = split(walk, &field, node),
            "benchmark_ratios" if node.text() == Some("proportional") => phase.proportional = true,
            "benchmark_ratios" => phase.benchmark_ratios = ratios(walk, &field, node),
            "order" => phase.order = walk.text(&field, node),
            "difficulty_range" => phase.difficulty_range = range(walk, &field, node),
            _ => phase.labels = Some(labels(walk, &field, node)),
        }
    }
    phase
}

/// `{shares: {train: 0.6, dev: 0.2, test: 0.2}, seed: 0}`.
pub(super) fn partitions(walk: &mut Walk, field: &str, node: &Node) -> Option<Partitions> {
    let mut partitions = Partitions { shares: Vec::new(), seed: 0 };
    let before = walk.problems.len();
    for (key, field, node) in walk.fields(field, node, &["shares", "seed"]) {
        if key == "seed" {
            partitions.seed = walk.whole(&field, node).unwrap_or_default();
            continue;
        }
        for (name, field, node) in walk.entries(&field, node) {
            let share = walk.number(&field, node).unwrap_or(1.0);
            if !(share > 0.0 && share <= MAX_SHARE) {
                let hint = "write a positive number, such as 0.2";
                walk.problem(node, &field, format!("`{name}` has the share {share}"), hint);
            }
            if name.is_empty() {
                walk.problem(node, &field, "a partition has no name", "write `shares: {train: 0.8, test: 0.2}`");
            }
            partitions.shares.push((name, share));
        }
    }
    if partitions.shares.len() < 2 && walk.problems.len() == before {
        let hint = "write `shares: {train: 0.8, test: 0.2}`";
        walk.problem(node, &join(field, "shares"), "there are fewer than two partitions", hint);
    }
    (walk.problems.len() == before).then_some(partitions)
}
