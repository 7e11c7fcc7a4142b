//! Groups of a pool's tasks: by benchmark, bin, phase or label.

use std::collections::BTreeSet;

use super::{AnsweredPool, ResultsError};
use crate::bin::Bin;

/// What tasks are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Their benchmark.
    Benchmark,
    /// Their bin.
    Bin,
    /// Their phase in the stream.
    Phase,
    /// Every label of theirs: a feature that is a text, such as `task_name`.
    Labels,
    /// The label of this name.
    Label(String),
}

impl By {
    /// `benchmark`, `bin`, `phase`, `label` (every label), or the name of a label.
    pub fn parse(text: &str) -> Self {
        match text {
            "benchmark" => Self::Benchmark,
            "bin" => Self::Bin,
            "phase" => Self::Phase,
            "label" => Self::Labels,
            name => Self::Label(name.to_owned()),
        }
    }
}

/// Tasks that have something in common.
#[derive(Debug)]
pub(super) struct Group {
    pub name: String,
    /// Their places in the pool.
    pub tasks: Vec<usize>,
}

/// For each thing that tasks are grouped by, the groups.
type Grouped = Vec<(String, Vec<Group>)>;

/// The groups of a pool's tasks, for each thing that they are grouped by. Tasks without a label are in none of its groups; tasks of
/// several benchmarks with one value are one group.
pub(super) fn groups(pool: &AnsweredPool, by: &[By]) -> Result<Grouped, ResultsError> {
    let has_labels = by.iter().any(|by| matches!(by, By::Labels | By::Label(_)));
    let labels = if has_labels { pool.labels() } else { Vec::new() };
    let names: BTreeSet<&str> = labels.iter().flat_map(|own| own.keys().map(String::as_str)).collect();
    let phases = pool.tasks.iter().any(|task| task.phase.is_some());
    let refused = |by: &str, reason: &str| {
        let fixed = ["benchmark", "bin"].into_iter().chain(phases.then_some("phase"));
        let labels = names.iter().map(|name| format!("the label {name}"));
        let has = fixed.map(str::to_owned).chain(labels).collect();
        ResultsError::NoSuchGroups { pool: pool.name.clone(), by: by.to_owned(), reason: reason.to_owned(), has }
    };
    let mut found: Grouped = Vec::new();
    let mut add = |by: &str, groups: Vec<Group>| {
        if !found.iter().any(|(known, _)| known == by) {
            found.push((by.to_owned(), groups));
        }
    };
    let by_label = |name: &str| grouped(labels.iter().map(|own| own.get(name).map(String::as_str)), |value| value);
    for by in by {
        match by {
            By::Benchmark => {
                let benchmarks = pool.tasks.iter().map(|task| Some(&*task.benchmark));
                add("benchmark", grouped(benchmarks, |name| name));
            }
            By::Bin => {
                let bins = pool.tasks.iter().map(|task| Bin::parse(&task.difficulty_bin));
                add("bin", grouped(bins, Bin::name));
            }
            By::Phase if phases => add("phase", grouped(pool.tasks.iter().map(|task| task.phase), |phase| phase)),
            By::Phase => return Err(refused("phase", "it was drawn without phases")),
            By::Labels if names.is_empty() => return Err(refused("label", "they have no label")),
            By::Labels => names.iter().for_each(|name| add(name, by_label(name))),
            By::Label(name) if !names.contains(name.as_str()) => {
                return Err(refused(name, "none of them has this label"));
            }
            By::Label(name) => add(name, by_label(name)),
        }
    }
    Ok(found)
}

/// The groups of tasks with one key, sorted by it.
fn grouped<K: Ord, N: ToString>(keys: impl Iterator<Item = Option<K>>, name: impl Fn(K) -> N) -> Vec<Group> {
    let mut groups = std::collections::BTreeMap::<K, Vec<usize>>::new();
    for (task, key) in keys.enumerate() {
        if let Some(key) = key {
            groups.entry(key).or_default().push(task);
        }
    }
    groups.into_iter().map(|(key, tasks)| Group { name: name(key).to_string(), tasks }).collect()
}
