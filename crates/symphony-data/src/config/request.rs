//! Checks requests against a configuration, and fills in their defaults.

use std::path::Path;

use super::{Config, pattern::pattern};
use crate::{
    calibration::{MEASURED_KEYS, calibrated_benchmark},
    request::{
        DEFAULT_SEED, DEFAULT_SPLIT, Difficulty, Experiment, MAX_TASKS, Part, Request, RequestSpec, SURFACE,
        SamplerKind, Split, TaskOrder,
    },
    yaml::{Place, Problem, Problems, walk::nearest_of},
};

impl Experiment {
    /// The same experiment with another difficulty or another minimum of responses, where they are given.
    ///
    /// # Errors
    /// Every problem in the changed request.
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
    /// Checks the request against the configuration, and fills in its defaults.
    ///
    /// # Errors
    /// Every problem in it, each with the name of its key.
    pub fn resolve(&self, config: &Config) -> Result<Request, Problems> {
        self.resolve_at(config, &|key| (Place::default(), key.to_owned())).map_err(Problems)
    }

    pub(crate) fn resolve_at(
        &self,
        config: &Config,
        place: &dyn Fn(&str) -> (Place, String),
    ) -> Result<Request, Vec<Problem>> {
        self.expanded(config).resolve_names(self, config, place)
    }

    /// [`Self::resolve_at`] for the request that `written` stands for.
    fn resolve_names(
        &self,
        written: &Self,
        config: &Config,
        place: &dyn Fn(&str) -> (Place, String),
    ) -> Result<Request, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let mut problem = |key: &str, message: String, hint: &str| {
            let (place, field) = place(key);
            problems.push(Problem::new(place, field, message, hint));
        };
        if self.benchmarks.is_empty() {
            problem(
                "benchmarks",
                "no benchmark is named".to_owned(),
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
                None if pattern(name).is_some() => {
                    let enabled: Vec<&str> = config.enabled().map(|benchmark| benchmark.name.as_str()).collect();
                    let message =
                        format!("`{name}` stands for no enabled benchmark that the request does not name already");
                    problem("benchmarks", message, &format!("enabled: {}", enabled.join(", ")));
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
                problem(
                    "benchmarks",
                    message,
                    "`mixing_rules.exclude_combinations` in the configuration excludes this mix",
                );
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
                        let (message, hint) = if written.benchmarks.contains(name) {
                            let message = format!("`{name}` stands for no benchmark without a ratio of its own");
                            (message, "leave this ratio out".to_owned())
                        } else {
                            (
                                format!("`{name}` is not in the mix"),
                                format!("the mix is {}", self.benchmarks.join(", ")),
                            )
                        };
                        problem("benchmark_ratios", message, &hint);
                    }
                    if !ratio.is_finite() || *ratio < 0.0 {
                        readable = false;
                        problem(
                            "benchmark_ratios",
                            format!("`{name}` has the ratio {ratio}"),
                            "write 0 or a positive number",
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
                // NaN is not a valid sum either. If single ratios have problems, the sum is not reported.
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
            let known = SamplerKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>();
            problem(
                "sampler",
                format!("there is no sampler `{}`", self.sampler.as_deref().unwrap_or_default()),
                &nearest_of("", &known),
            );
        }
        let order = self.order.as_deref().map_or(Some(TaskOrder::default()), TaskOrder::parse);
        if order.is_none() {
            let asked = self.order.as_deref().unwrap_or_default();
            problem(
                "order",
                format!("there is no order `{asked}`"),
                &nearest_of(asked, &TaskOrder::ALL.map(TaskOrder::name)),
            );
        }
        let random_seed = self.random_seed.unwrap_or(DEFAULT_SEED);
        if sampler == Some(SamplerKind::Numpy) && random_seed > u64::from(u32::MAX) {
            problem(
                "random_seed",
                format!("{random_seed} is too large for the numpy sampler"),
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
                "is empty".to_owned(),
                "write `surface` or `reference`, or name a calibration or a folder of calibrations",
            );
        }
        let is_measured = |name: &String| config.difficulty_of(name, asked, self.min_responses) != Difficulty::Surface;
        if self.min_responses.is_some_and(|least| least > 0) && !self.benchmarks.iter().any(is_measured) {
            problem(
                "min_responses",
                "surface scores have no responses".to_owned(),
                "draw by `reference` or by a calibration, or leave this out",
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
                    format!("`{name}` has a feature `{feature}`, but a measured difficulty uses this name"),
                    "give the feature another name",
                );
            }
        }
        let (Some(split), Some(sampler), Some(order), true) = (split, sampler, order, problems.is_empty()) else {
            return Err(problems);
        };
        let parts = self.benchmarks.iter().zip(ratios).map(|(name, ratio)| Part {
            benchmark: name.clone(),
            ratio,
            cut: match self.difficulty_percentiles.get(name) {
                Some(own) => (*own).into(),
                // Cuts beside a configured calibration do not apply to surface scores.
                None if asked == Some(SURFACE) => config.store_cut_of(name),
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
            order,
            warnings,
        })
    }
}
