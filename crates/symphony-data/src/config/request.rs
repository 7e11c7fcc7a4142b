//! Requests for a stream, as asked and as resolved against a configuration; experiments are requests with names.

use std::{collections::BTreeMap, path::Path};

use serde::{Serialize, Serializer};

use super::{Config, Cut, Difficulty, Measured, Percentiles, Replacement, calibrated_benchmark, check_name};
use crate::{
    evidence::calibration::MEASURED_KEYS,
    stream::SamplerKind,
    yaml::{
        Node, Place, Problem, Problems, Value, last,
        walk::{Walk, nearest_of},
    },
};

/// The seed of a request that names none.
pub const DEFAULT_SEED: u64 = 2025;
/// The split of a request that names none.
pub const DEFAULT_SPLIT: &str = "50:50";
/// The most tasks one stream may have. A stream is held in memory while it is drawn.
pub const MAX_TASKS: u64 = 100_000_000;

/// A request as it was asked, from a file, from arguments or from another language; `None` is the default.
#[derive(Clone, Debug, Default)]
pub struct RequestSpec {
    /// The benchmarks to mix, in order.
    pub benchmarks: Vec<String>,
    /// Each benchmark's share, any scale; default equal.
    pub benchmark_ratios: Option<Vec<(String, f64)>>,
    /// `easy:hard` or `easy:medium:hard` in whole-number shares.
    pub difficulty_split: Option<String>,
    /// How many tasks the stream shall have.
    pub n_total_tasks: u64,
    /// The seed: up to 2^32 − 1 for `numpy`, any for `stable`.
    pub random_seed: Option<u64>,
    /// Whether tasks may repeat; default as configured.
    pub sample_with_replacement: Option<Replacement>,
    /// `numpy` (default) or `stable`.
    pub sampler: Option<String>,
    /// Percentiles by benchmark, in place of the configured ones.
    pub difficulty_percentiles: BTreeMap<String, Percentiles>,
    /// Which difficulty tasks are drawn by: `surface`, a calibration, or a folder of calibrations; default as configured.
    pub difficulty: Option<String>,
    /// Of a measured difficulty: rows with responses of fewer models are not drawn; default as configured.
    pub min_responses: Option<u64>,
}

/// A request with all defaults filled and everything checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The benchmarks, in the order asked.
    pub parts: Vec<Part>,
    /// The shares of the bins.
    pub split: Split,
    /// How many tasks the stream shall have, from 1.
    pub n_total_tasks: u64,
    /// The seed.
    pub random_seed: u64,
    /// Whether tasks may repeat.
    pub sample_with_replacement: Replacement,
    /// The sampler.
    pub sampler: SamplerKind,
    /// What the user should know of how the request was read.
    pub warnings: Vec<String>,
}

/// One benchmark's part in a request.
#[derive(Clone, Debug)]
pub struct Part {
    /// The benchmark's name.
    pub benchmark: String,
    /// Its ratio as given, or 1/k for each of k.
    pub ratio: f64,
    /// Where its bins begin and end.
    pub cut: Cut,
    /// Which difficulty its tasks are drawn by.
    pub difficulty: Difficulty,
}

impl Serialize for Request {
    /// The request under the keys in which it is asked.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        let by_name = |value: &dyn Fn(&Part) -> serde_json::Value| -> serde_json::Map<String, serde_json::Value> {
            self.parts.iter().map(|part| (part.benchmark.clone(), value(part))).collect()
        };
        map.serialize_entry("benchmarks", &self.parts.iter().map(|part| &part.benchmark).collect::<Vec<_>>())?;
        map.serialize_entry("benchmark_ratios", &by_name(&|part| part.ratio.into()))?;
        map.serialize_entry("difficulty_split", &self.split.to_string())?;
        map.serialize_entry("n_total_tasks", &self.n_total_tasks)?;
        map.serialize_entry("random_seed", &self.random_seed)?;
        map.serialize_entry("sample_with_replacement", &self.sample_with_replacement)?;
        map.serialize_entry("sampler", &self.sampler)?;
        let (mut percentiles, mut cuts) = (serde_json::Map::new(), serde_json::Map::new());
        for part in &self.parts {
            let (to, value) = match part.cut {
                Cut::Percentiles(own) => (&mut percentiles, serde_json::to_value(own)),
                Cut::Cuts(own) => (&mut cuts, serde_json::to_value(own)),
            };
            to.insert(part.benchmark.clone(), value.unwrap_or_default());
        }
        map.serialize_entry("difficulty_percentiles", &percentiles)?;
        if !cuts.is_empty() {
            map.serialize_entry("difficulty_cuts", &cuts)?;
        }
        // A request by surface scores reads as it always did.
        if self.parts.iter().any(|part| part.difficulty != Difficulty::Surface) {
            let file = |measured: &Measured| {
                measured.path.file_name().unwrap_or_default().to_string_lossy().into_owned().into()
            };
            let asked = by_name(&|part| match &part.difficulty {
                Difficulty::Surface => "surface".into(),
                Difficulty::Measured(measured) | Difficulty::InFolder { calibration: measured, .. } => file(measured),
            });
            map.serialize_entry("difficulty", &asked)?;
            let least = by_name(&|part| match &part.difficulty {
                Difficulty::Surface => 0.into(),
                Difficulty::Measured(own) | Difficulty::InFolder { calibration: own, .. } => own.min_responses.into(),
            });
            map.serialize_entry("min_responses", &least)?;
        }
        map.end()
    }
}

/// Whole-number shares of the bins, not all 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The share of easy tasks.
    pub easy: u32,
    /// The share of medium tasks; `None` where the split has two parts.
    pub medium: Option<u32>,
    /// The share of hard tasks.
    pub hard: u32,
}

impl Split {
    /// Reads `easy:hard` or `easy:medium:hard`.
    pub fn parse(text: &str) -> Option<Self> {
        let shares: Vec<u32> = text.split(':').map(|share| share.trim().parse().ok()).collect::<Option<_>>()?;
        let split = match shares[..] {
            [easy, hard] => Self { easy, medium: None, hard },
            [easy, medium, hard] => Self { easy, medium: Some(medium), hard },
            _ => return None,
        };
        (split.easy > 0 || split.medium.is_some_and(|m| m > 0) || split.hard > 0).then_some(split)
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.medium {
            None => write!(f, "{}:{}", self.easy, self.hard),
            Some(medium) => write!(f, "{}:{medium}:{}", self.easy, self.hard),
        }
    }
}

/// A named request.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The key in the file, and the name of the folder its pool goes to.
    pub id: String,
    /// A title for people.
    pub name: Option<String>,
    /// What it asks for.
    pub request: Request,
    /// The same as it was asked.
    spec: RequestSpec,
}

impl Experiment {
    /// The same experiment by another difficulty, and another least number of responses, where they are named.
    ///
    /// # Errors
    /// What is wrong with the difficulty.
    pub fn drawn_by(
        &self,
        config: &Config,
        difficulty: Option<&str>,
        min_responses: Option<u64>,
    ) -> Result<Self, Problems> {
        let mut spec = self.spec.clone();
        spec.difficulty = difficulty.map(str::to_owned).or(spec.difficulty);
        spec.min_responses = min_responses.or(spec.min_responses);
        Ok(Self { id: self.id.clone(), name: self.name.clone(), request: spec.resolve(config)?, spec })
    }
}

impl RequestSpec {
    /// Checks the request against the configuration and fills its defaults.
    ///
    /// # Errors
    /// Every problem in it, each under the name of its key.
    pub fn resolve(&self, config: &Config) -> Result<Request, Problems> {
        self.resolve_at(config, &|key| (Place::default(), key.to_owned())).map_err(Problems)
    }

    fn resolve_at(&self, config: &Config, place: &dyn Fn(&str) -> (Place, String)) -> Result<Request, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let mut problem = |key: &str, message: String, hint: &str| {
            let (place, field) = place(key);
            problems.push(Problem::new(place, field, message, hint));
        };
        if self.benchmarks.is_empty() {
            problem(
                "benchmarks",
                "no benchmark is asked for".to_owned(),
                &format!("configured: {}", config.names().join(", ")),
            );
        }
        for (at, name) in self.benchmarks.iter().enumerate() {
            match config.benchmark(name) {
                _ if self.benchmarks[..at].contains(name) => {
                    problem(
                        "benchmarks",
                        format!("`{name}` is named twice"),
                        "name it once and give it a larger ratio",
                    );
                }
                None => {
                    problem(
                        "benchmarks",
                        format!("there is no benchmark `{name}`"),
                        &nearest_of(name, &config.names()),
                    );
                }
                Some(benchmark) if !benchmark.enabled => {
                    problem(
                        "benchmarks",
                        format!("`{name}` is disabled"),
                        "set `enabled: true` for it in the configuration",
                    );
                }
                Some(_) => {}
            }
        }
        for combination in &config.exclude_combinations {
            if combination.iter().all(|name| self.benchmarks.contains(name)) {
                let message = format!("{} may not be mixed", combination.join(" and "));
                problem("benchmarks", message, "mixing_rules.exclude_combinations in the configuration says so");
            }
        }
        let ratios = match &self.benchmark_ratios {
            None => vec![1.0 / self.benchmarks.len().max(1) as f64; self.benchmarks.len()],
            Some(given) => {
                let mut readable = true;
                for (at, (name, ratio)) in given.iter().enumerate() {
                    if given[..at].iter().any(|(earlier, _)| earlier == name) {
                        problem("benchmark_ratios", format!("`{name}` has two ratios"), "keep one of the two");
                    }
                    if !self.benchmarks.contains(name) {
                        let names: Vec<&str> = self.benchmarks.iter().map(String::as_str).collect();
                        problem(
                            "benchmark_ratios",
                            format!("`{name}` is not in the mix"),
                            &format!("the mix is {}", names.join(", ")),
                        );
                    }
                    if !ratio.is_finite() || *ratio < 0.0 {
                        readable = false;
                        problem(
                            "benchmark_ratios",
                            format!("`{name}` has the ratio {ratio}"),
                            "write a number from 0 up",
                        );
                    }
                }
                let of = |name: &String| given.iter().find(|(known, _)| known == name).map(|(_, ratio)| *ratio);
                for name in self.benchmarks.iter().filter(|name| of(name).is_none()) {
                    readable = false;
                    problem(
                        "benchmark_ratios",
                        format!("`{name}` has no ratio"),
                        "give every benchmark of the mix one (0 draws nothing)",
                    );
                }
                let ratios: Vec<f64> = self.benchmarks.iter().map(|name| of(name).unwrap_or(0.0)).collect();
                let sum: f64 = ratios.iter().sum();
                // NaN, too, is no sum to share by. Of ratios with a problem of their own the sum says nothing more.
                if !(sum > 0.0 && sum.is_finite()) && readable {
                    problem(
                        "benchmark_ratios",
                        format!("the ratios sum to {sum}"),
                        "give at least one benchmark a share",
                    );
                } else if (sum - 1.0).abs() > 0.001 && readable {
                    warnings.push(format!("benchmark_ratios sum to {sum}, not 1; they were rescaled"));
                }
                ratios
            }
        };
        let text = self.difficulty_split.as_deref().unwrap_or(DEFAULT_SPLIT);
        let split = Split::parse(text);
        if split.is_none() {
            problem(
                "difficulty_split",
                format!("cannot read {text:?}"),
                "write easy:hard or easy:medium:hard in whole numbers, not all 0, such as 80:20",
            );
        }
        if self.n_total_tasks == 0 || self.n_total_tasks > MAX_TASKS {
            problem("n_total_tasks", format!("{} tasks", self.n_total_tasks), &format!("ask for 1 to {MAX_TASKS}"));
        }
        let sampler = self.sampler.as_deref().map_or(Some(SamplerKind::Numpy), SamplerKind::parse);
        if sampler.is_none() {
            let known = SamplerKind::ALL.map(SamplerKind::name);
            problem(
                "sampler",
                format!("there is no sampler `{}`", self.sampler.as_deref().unwrap_or_default()),
                &nearest_of("", &known),
            );
        }
        let random_seed = self.random_seed.unwrap_or(DEFAULT_SEED);
        if sampler == Some(SamplerKind::Numpy) && random_seed > u64::from(u32::MAX) {
            problem(
                "random_seed",
                format!("the numpy sampler cannot take {random_seed}"),
                "use 0 to 4294967295, or `sampler: stable`",
            );
        }
        for name in self.difficulty_percentiles.keys() {
            if !self.benchmarks.contains(name) {
                problem(
                    "difficulty_percentiles",
                    format!("`{name}` is not in the mix"),
                    &format!("the mix is {}", self.benchmarks.join(", ")),
                );
            }
        }
        let asked = self.difficulty.as_deref();
        if asked == Some("") {
            problem(
                "difficulty",
                "names no difficulty".to_owned(),
                "write `surface`, or name a calibration or a folder of calibrations",
            );
        }
        let is_measured = |name: &String| config.difficulty_of(name, asked, self.min_responses) != Difficulty::Surface;
        if self.min_responses.is_some_and(|least| least > 0) && !self.benchmarks.iter().any(is_measured) {
            problem(
                "min_responses",
                "surface scores have no responses".to_owned(),
                "name a calibration as the difficulty, or leave this out",
            );
        }
        let asked_of = asked.and_then(|asked| calibrated_benchmark(Path::new(asked)));
        if let Some(of) = asked_of
            && !self.benchmarks.iter().any(|name| name == of)
        {
            problem(
                "difficulty",
                format!("{} is a calibration of `{of}`, which is not in the mix", asked.unwrap_or_default()),
                &format!("name a calibration of one of {}, or the folder that has them", self.benchmarks.join(", ")),
            );
        }
        if let Some(of) = asked_of
            && let others = self.benchmarks.iter().filter(|name| *name != of).map(String::as_str).collect::<Vec<_>>()
            && !others.is_empty()
        {
            warnings.push(format!(
                "{} is a calibration of {of}; what the configuration says counts for {}",
                asked.unwrap_or_default(),
                others.join(", ")
            ));
        }
        for name in &self.benchmarks {
            let rule = config.benchmark(name).map(|benchmark| &benchmark.rule);
            let taken = rule.and_then(|rule| rule.features.iter().find(|(name, _)| MEASURED_KEYS.contains(&&**name)));
            if let (true, Some((feature, _))) = (is_measured(name), taken) {
                problem(
                    "difficulty",
                    format!("`{name}` has a feature `{feature}`, a name that a measured difficulty needs"),
                    "give the feature another name",
                );
            }
        }
        let (Some(split), Some(sampler), true) = (split, sampler, problems.is_empty()) else { return Err(problems) };
        let parts = self.benchmarks.iter().zip(ratios).map(|(name, ratio)| Part {
            benchmark: name.clone(),
            ratio,
            cut: match self.difficulty_percentiles.get(name) {
                Some(own) => (*own).into(),
                // Cuts that go with a configured calibration say nothing of surface scores.
                None if asked == Some("surface") => config.store_cut_of(name),
                None => config.cut_of(name),
            },
            difficulty: config.difficulty_of(name, asked, self.min_responses),
        });
        Ok(Request {
            parts: parts.collect(),
            split,
            n_total_tasks: self.n_total_tasks,
            random_seed,
            sample_with_replacement: self.sample_with_replacement.unwrap_or(config.sample_with_replacement),
            sampler,
            warnings,
        })
    }
}

/// An experiment that a configuration does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllowed {
    /// The experiment.
    pub id: String,
    /// Its benchmarks that the configuration does not have, or does not enable; none where it forbids the mix.
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

/// Takes the experiments that `config` does not allow out of a file of experiments.
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
        let enabled = |name: &str| config.benchmark(name).is_some_and(|benchmark| benchmark.enabled);
        let needs: Vec<String> = names.iter().filter(|name| !enabled(name)).map(|name| (*name).to_owned()).collect();
        let excluded = config
            .exclude_combinations
            .iter()
            .any(|combination| combination.iter().all(|name| names.contains(&name.as_str())));
        if needs.is_empty() && !excluded {
            return true;
        }
        taken.push(NotAllowed { id: id.text.clone(), needs });
        false
    });
    taken
}

/// A file whose top holds `experiments:`; the keys of a configuration may stand beside it.
pub(super) fn experiments_file(root: &Node, config: &Config, walk: &mut Walk) -> Vec<Experiment> {
    let known = ["experiments", "benchmarks", "stream_generation", "mixing_rules"];
    let fields = walk.fields("", root, &known);
    if let Some((_, field, node)) = fields.iter().find(|(key, ..)| *key == "experiments") {
        return experiments(walk, field, node, config);
    }
    let (what, hint) = match fields.first() {
        Some(_) => (
            "this file configures benchmarks and defines no experiment",
            "name it as the configuration, not as the file of experiments",
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
            walk.problem(node, &field, format!("`{id}` cannot name an experiment"), why);
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
                // A ratio that cannot be read stands as 1, so that it is not called missing too.
                let ratios =
                    ratios.into_iter().map(|(name, field, node)| (name, walk.number(&field, node).unwrap_or(1.0)));
                spec.benchmark_ratios = node.map().is_some().then(|| ratios.collect());
            }
            "difficulty_split" if node.text().is_none() => {
                let why = format!("expected shares, found {}", node.describe());
                walk.problem(node, field, why, "write `difficulty_split: 80:20`");
            }
            "difficulty_split" => spec.difficulty_split = walk.text(field, node),
            // Where a value could not be read, its default keeps the walk going: the rest is still checked.
            "n_total_tasks" => spec.n_total_tasks = walk.whole(field, node).unwrap_or(1),
            "random_seed" => spec.random_seed = walk.whole(field, node),
            "sample_with_replacement" => spec.sample_with_replacement = replacement(walk, field, node),
            "sampler" => spec.sampler = walk.text(field, node),
            "difficulty" => spec.difficulty = walk.text(field, node),
            "min_responses" => spec.min_responses = walk.whole(field, node),
            _ => spec.difficulty_percentiles = percentiles(walk, field, node),
        }
    }
    let has = |wanted: &str| entries.iter().any(|(key, ..)| *key == wanted);
    if !has("n_total_tasks") {
        walk.problem(node, field, "`n_total_tasks` is missing", "say how many tasks the pool shall have");
        spec.n_total_tasks = 1;
    }
    if !has("benchmarks") {
        walk.problem(node, field, "`benchmarks` is missing", format!("configured: {}", config.names().join(", ")));
        return None;
    }
    if spec.benchmarks.is_empty() && !readable {
        // They could not be read: what they are asked together with cannot be checked against them.
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
            walk.wrong_type(node, &field, "two percentiles, as numbers", &format!("{name}: [20, 80]"));
            continue;
        };
        match Percentiles::new(low, high) {
            Ok(percentiles) => _ = all.insert(name, percentiles),
            // The message says which, in the form of an argument.
            Err(why) if low > 0.0 && low <= 1.0 && high > 0.0 && high <= 1.0 => {
                let hint = format!("in this file as a list, such as `{name}: [20, 80]`");
                walk.problem(node, &field, why, hint);
            }
            Err(why) => {
                walk.problem(node, &field, why, "write the low percentile, then the high one, such as [20, 80]");
            }
        }
    }
    all
}
