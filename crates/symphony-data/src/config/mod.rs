//! Configuration: from YAML with the place of each value to checked values.
//!
//! A file with seven mistakes gets seven messages. No other module reads raw strings of a configuration.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    bin::{Cut, Percentiles},
    calibration::{calibrated_benchmark, calibration_name},
    difficulty::{RowFunction, Rule},
    disk::storage::Storage,
    format::Columns,
    prompt::Prompt,
    request::{Difficulty, Experiment, Measured, Partitions, REFERENCE, Replacement, SURFACE},
    source::{SourcePath, Wanted},
    task::Layout,
    yaml::{Node, Place, Problem, Problems, Refusal, Walk, walk},
};

mod benchmark;
mod eligibility;
mod experiments;
mod fingerprint;
mod pattern;
mod phases;
mod selection;
mod presets;
mod prompt;
mod request;
mod request_keys;
mod rule;
pub mod schema;
mod shares;

pub use experiments::NotAllowed;

/// The configuration that is used where there is no file; `init` writes it.
pub const DEFAULT_CONFIG: &str = include_str!("defaults/data_config.yaml");
/// The experiments that are used where there is no file; `init` writes them.
pub const DEFAULT_EXPERIMENTS: &str = include_str!("defaults/experiments.yaml");

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The benchmarks, in the order of the file.
    pub benchmarks: Vec<Benchmark>,
    /// The default percentiles of requests, by benchmark; [20, 80] for benchmarks that are not listed.
    pub percentiles: BTreeMap<String, Percentiles>,
    /// The default of requests: whether they may repeat tasks.
    pub sample_with_replacement: Replacement,
    /// Lists of benchmarks that must not all be in one request.
    pub exclude_combinations: Vec<Vec<String>>,
    /// Named shares of every benchmark's rows, if any are configured.
    pub partitions: Option<Arc<Partitions>>,
    /// The experiments of the same file, or of the file of experiments; may be empty.
    pub experiments: Vec<Experiment>,
}

/// A named source of rows plus the rule that scores them.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// Its name: letters, digits, `_`, `-` and `.` (see [`check_name`]).
    pub name: String,
    /// Whether it is preprocessed and can be drawn from.
    pub enabled: bool,
    /// A description for people.
    pub description: Option<String>,
    /// Where its rows come from.
    pub source: SourcePath,
    /// The connection to storage that URLs name, if there is one.
    pub storage: Option<Arc<dyn Storage>>,
    /// The split of the dataset, such as `test`.
    pub split: String,
    /// The configs that make up the benchmark, in this order; empty if the source has only one.
    pub configs: Vec<String>,
    /// The field that each row gets with the name of its config.
    pub config_field: Option<String>,
    /// The commit, branch or tag that the source is pinned to.
    pub revision: Option<String>,
    /// The key of the array of rows, in files that are one JSON object; nested keys are joined by dots.
    pub rows: Option<String>,
    /// Which columns of the source the rows keep, if not all.
    pub columns: Option<Columns>,
    /// The fields that identify a task; empty: the row number does.
    pub identity: Vec<String>,
    /// The licence of its rows as the Hub names it, such as `mit`, for exports.
    pub license: Option<String>,
    /// Its citation, in BibTeX, for exports.
    pub citation: Option<String>,
    /// The format of its store, if the configuration names one.
    pub store: Option<Layout>,
    /// How its rows are scored.
    pub rule: Rule,
    /// The difficulty that requests draw by, unless they name one themselves.
    pub difficulty: Difficulty,
    /// The scores where easy ends and hard begins, in place of percentiles.
    pub cuts: Option<[f64; 2]>,
    /// How often a guess is right, from 0 up to, not including, 1. Calibration allows for it.
    pub chance: f64,
    /// How its rows are asked and graded. Without it, they can be exported to hf alone.
    pub prompt: Option<Prompt>,
    /// Whether the prompt is the preset's, not the user's.
    pub has_preset_prompt: bool,
    /// Where the keys of its prompt are written, and where the benchmark is, as the empty key.
    places: prompt::Places,
}

impl Benchmark {
    /// What it takes from its source.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            name: &self.name,
            split: &self.split,
            configs: &self.configs,
            config_field: self.config_field.as_deref(),
            revision: self.revision.as_deref(),
            rows: self.rows.as_deref(),
            columns: self.columns.as_ref(),
            storage: self.storage.as_ref(),
        }
    }
}

impl Config {
    /// Checks a configuration in YAML. Messages name it as `file`.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, Problems> {
        let (config, problems) = Self::check(file, text)?;
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// Checks a configuration and a file of experiments (name and text), and reports the problems of both at once.
    ///
    /// # Errors
    /// Every problem in either.
    pub fn from_yaml_with_experiments(
        file: &str,
        text: &str,
        experiments: Option<(&str, &str)>,
    ) -> Result<Self, Problems> {
        let (mut config, mut problems) = Self::check(file, text)?;
        if let Some((file, text)) = experiments {
            match Node::parse_with_repeated_keys(file, text) {
                Ok((root, repeated)) => {
                    let mut walk = Walk { problems: repeated };
                    config.experiments = experiments::experiments_file(&root, &config, &mut walk);
                    // If one file is given for both, it is read twice, but each problem is reported once.
                    walk.problems.retain(|problem| !problems.contains(problem));
                    problems.extend(walk.problems);
                }
                Err(more) => problems.extend(more.0),
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// Checks a configuration, and keeps the experiments of a file that it allows; the file need not be written for it.
    /// Returns the others too.
    ///
    /// # Errors
    /// Every problem in the configuration, and in the experiments that it allows.
    pub fn from_yaml_with_allowed_experiments(
        file: &str,
        text: &str,
        (experiments_file, experiments): (&str, &str),
    ) -> Result<(Self, Vec<NotAllowed>), Problems> {
        let mut config = Self::from_yaml(file, text)?;
        let (mut root, repeated) = Node::parse_with_repeated_keys(experiments_file, experiments)?;
        let not_allowed = experiments::take_not_allowed(&mut root, &config);
        let mut walk = Walk { problems: repeated };
        config.experiments = experiments::experiments_file(&root, &config, &mut walk);
        if walk.problems.is_empty() { Ok((config, not_allowed)) } else { Err(Problems(walk.problems)) }
    }

    fn check(file: &str, text: &str) -> Result<(Self, Vec<Problem>), Problems> {
        let (root, repeated) = Node::parse_with_repeated_keys(file, text)?;
        let mut walk = Walk { problems: repeated };
        let mut config = Self {
            benchmarks: Vec::new(),
            percentiles: BTreeMap::new(),
            sample_with_replacement: Replacement::Never,
            exclude_combinations: Vec::new(),
            partitions: None,
            experiments: Vec::new(),
        };
        let known = ["benchmarks", "stream_generation", "mixing_rules", "partitions", "experiments"];
        let mut sections = walk.fields("", &root, &known);
        // Benchmarks come first, because the other sections name them.
        sections.sort_by_key(|(key, ..)| known.iter().position(|known| known == key));
        let mut experiments = None;
        for (key, field, node) in sections {
            match key {
                "benchmarks" => config.benchmarks = benchmark::benchmarks(&mut walk, &field, node),
                "stream_generation" => config.stream_generation(&mut walk, &field, node),
                "mixing_rules" => config.mixing_rules(&mut walk, &field, node),
                "partitions" => config.partitions = request_keys::partitions(&mut walk, &field, node).map(Arc::new),
                _ => experiments = Some((field, node)),
            }
        }
        if config.benchmarks.is_empty() && walk.problems.is_empty() {
            let (what, hint) = match experiments.take() {
                Some(_) => (
                    "this file defines experiments but no benchmarks",
                    "use it as the file of experiments, not as the configuration",
                ),
                None => ("no benchmark is configured", "add one, or run `symphony-data init` for a full example"),
            };
            walk.problem(&root, "benchmarks", what, hint);
        }
        if let Some((field, node)) = experiments {
            config.experiments = experiments::experiments(&mut walk, &field, node, &config);
        }
        walk.problems.sort_by_key(|problem| problem.place.line);
        Ok((config, walk.problems))
    }

    fn stream_generation(&mut self, walk: &mut Walk, field: &str, node: &Node) {
        for (key, field, node) in walk.fields(field, node, &["difficulty_percentiles", "sample_with_replacement"]) {
            if key == "difficulty_percentiles" {
                self.percentiles = experiments::percentiles(walk, &field, node);
                // If the node is not a mapping, that is already reported.
                let entries = if node.map().is_some() { walk.entries(&field, node) } else { Vec::new() };
                for (name, entry, node) in entries {
                    if self.benchmark(&name).is_none() {
                        let names = self.names();
                        let hint = walk::nearest_of(&name, &names);
                        walk.problem(node, &entry, format!("there is no benchmark `{name}`"), hint);
                    }
                }
            } else if let Some(replacement) = experiments::replacement(walk, &field, node) {
                self.sample_with_replacement = replacement;
            }
        }
    }

    fn mixing_rules(&mut self, walk: &mut Walk, field: &str, node: &Node) {
        for (_, field, node) in walk.fields(field, node, &["exclude_combinations"]) {
            let Some(combinations) =
                node.list().filter(|all| all.is_empty() || all.iter().any(|one| one.list().is_some()))
            else {
                // A flat list would exclude each of its benchmarks on its own.
                let why = format!("expected a list of combinations, found {}", node.describe());
                walk.problem(
                    node,
                    &field,
                    why,
                    "write each combination as a list of its own, such as [[humaneval, amc]]",
                );
                continue;
            };
            for (at, combination) in combinations.iter().enumerate() {
                let field = format!("{field}[{at}]");
                let problems = walk.problems.len();
                let names: Vec<String> = match combination.list() {
                    Some(_) => walk.texts(&field, combination),
                    None => Vec::new(),
                };
                if names.len() < 2 && walk.problems.len() == problems {
                    walk.problem(
                        combination,
                        &field,
                        "a combination needs at least two benchmarks",
                        "write `- [humaneval, amc]`",
                    );
                    continue;
                }
                for name in &names {
                    if self.benchmark(name).is_none() {
                        let hint = walk::nearest_of(name, &self.names());
                        walk.problem(combination, &field, format!("there is no benchmark `{name}`"), hint);
                    }
                }
                self.exclude_combinations.push(names);
            }
        }
    }

    /// The benchmark of this name.
    pub fn benchmark(&self, name: &str) -> Option<&Benchmark> {
        self.benchmarks.iter().find(|benchmark| benchmark.name == name)
    }

    /// The enabled benchmarks, in order.
    pub fn enabled(&self) -> impl Iterator<Item = &Benchmark> {
        self.benchmarks.iter().filter(|benchmark| benchmark.enabled)
    }

    /// The names of all benchmarks, enabled or not, in order.
    pub fn names(&self) -> Vec<&str> {
        self.benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect()
    }

    /// The configured percentiles of a benchmark; [20, 80] by default.
    pub fn percentiles_of(&self, name: &str) -> Percentiles {
        self.percentiles.get(name).copied().unwrap_or_default()
    }

    /// The configured bounds of a benchmark's bins: its cuts, or else its percentiles.
    pub fn cut_of(&self, name: &str) -> Cut {
        let cuts = self.benchmark(name).and_then(|benchmark| benchmark.cuts);
        cuts.map_or_else(|| self.percentiles_of(name).into(), Cut::Cuts)
    }

    /// The configured bounds of the bins in a benchmark's store. Cuts beside a measured difficulty are failure rates, which do
    /// not apply to surface scores; percentiles do.
    pub fn store_cut_of(&self, name: &str) -> Cut {
        match self.benchmark(name) {
            Some(benchmark) if benchmark.difficulty != Difficulty::Surface => self.percentiles_of(name).into(),
            _ => self.cut_of(name),
        }
    }

    /// The difficulty that a benchmark's tasks are drawn by: the one `asked` for (`surface`, `reference`, a calibration or a
    /// folder of calibrations), or else the configured one. `min_responses` overrides the configured number.
    pub fn difficulty_of(&self, name: &str, asked: Option<&str>, min_responses: Option<u64>) -> Difficulty {
        let configured = self.benchmark(name).map(|benchmark| benchmark.difficulty.clone()).unwrap_or_default();
        let min_responses = min_responses.unwrap_or(configured.min_responses());
        let configured = configured.with_min_responses(min_responses);
        match (asked, configured) {
            (Some(SURFACE), _) => Difficulty::Surface,
            (None, configured) | (Some(REFERENCE), configured @ Difficulty::Reference { .. }) => configured,
            (Some(REFERENCE), configured) => Difficulty::Reference { min_responses, otherwise: Box::new(configured) },
            (Some(path), configured) => match calibrated_benchmark(Path::new(path)) {
                Some(of) if of == name => Difficulty::Measured(Measured { path: path.into(), min_responses }),
                Some(_) => configured,
                None => Difficulty::InFolder {
                    calibration: Measured { path: Path::new(path).join(calibration_name(name)), min_responses },
                    otherwise: Box::new(configured),
                },
            },
        }
    }

    /// Registers a function for `{python: NAME}` in all rules.
    ///
    /// # Errors
    /// No rule uses this name.
    pub fn register_feature(&mut self, name: &str, function: &Arc<dyn RowFunction>) -> Result<(), Problems> {
        let mut used = false;
        for benchmark in &mut self.benchmarks {
            used |= benchmark.rule.register(name, function);
        }
        if used {
            return Ok(());
        }
        let hint = format!("write `{{python: {name}}}` as a feature in the configuration");
        Err(Problem::new(Place::default(), "", format!("no benchmark's rule uses the function `{name}`"), hint).into())
    }

    /// Reads the rows at URLs through this connection.
    pub fn use_storage(&mut self, storage: &Arc<dyn Storage>) {
        self.benchmarks.iter_mut().for_each(|benchmark| benchmark.storage = Some(storage.clone()));
    }

    /// Replaces the source of each enabled benchmark by the generator of the same name, with as many rows as the real
    /// benchmark has.
    ///
    /// # Errors
    /// An enabled benchmark without a generator, or with configs that its generator does not have.
    pub fn use_synthetic_sources(&mut self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for benchmark in self.benchmarks.iter_mut().filter(|benchmark| benchmark.enabled) {
            // A generated source stays as configured.
            if benchmark.source.portable().starts_with("synthetic:") {
                continue;
            }
            let field = format!("benchmarks.{}", benchmark.name);
            let Some(source) = SourcePath::synthetic(&benchmark.name) else {
                let hint = "set `enabled: false` for it, or do without the demo";
                problems.push(Problem::new(Place::default(), field, "there is no generator for this benchmark", hint));
                continue;
            };
            if let Err(Refusal { what, instead }) = source.check_configs(&benchmark.configs) {
                problems.push(Problem::new(Place::default(), field, what, instead));
            }
            benchmark.source = source;
        }
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }
}

/// Checks a name that is used as the name of a file or folder on every system: letters, digits, `_`, `-` and `.`, at most 64.
///
/// # Errors
/// The rule for such names, as a hint.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = match stem.as_bytes() {
        b"con" | b"prn" | b"aux" | b"nul" => true,
        // The ports of Windows: com1 to com9, lpt1 to lpt9.
        [b'c', b'o', b'm', digit] | [b'l', b'p', b't', digit] => (b'1'..=b'9').contains(digit),
        _ => false,
    };
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && !name.ends_with('.')
        && name.len() <= 64;
    if device || !well_formed {
        return Err(
            "it is used in file names: write at most 64 letters, digits, `_`, `-` and `.`, and not a device such as CON",
        );
    }
    Ok(())
}

/// Reads the text of a configuration file.
///
/// # Errors
/// The file is absent, unreadable or not UTF-8.
pub fn read_file(path: &Path) -> Result<String, Problems> {
    let place = Place { file: Some(Arc::from(path.to_string_lossy())), line: 0 };
    let bytes = std::fs::read(path).map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::NotFound {
            "check the path, or run `symphony-data init` to write the default files"
        } else {
            "check the path and its permissions"
        };
        Problem::new(place.clone(), "", format!("cannot read this file: {error}"), hint)
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let line = memchr::memchr_iter(b'\n', &error.as_bytes()[..error.utf8_error().valid_up_to()]).count() + 1;
        Problem::new(Place { line, ..place }, "", "this file is not UTF-8", "save it as UTF-8").into()
    })
}
