//! Checks requests against a configuration, and fills in their defaults.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{Config, eligibility::Siblings, pattern::pattern};
use crate::{
    calibration::{MEASURED_KEYS, calibrated_benchmark},
    request::{
        DEFAULT_SEED, DEFAULT_SPLIT, Difficulty, Exclude, Experiment, MAX_TASKS, Part, Replacement, Request,
        RequestSpec, SURFACE, SamplerKind, Split, TaskOrder,
    },
    yaml::{Place, Problem, Problems, walk::nearest_of},
};

impl Experiment {
    /// The same experiment with another difficulty or another minimum of responses, where they are given. The experiments whose tasks
    /// it leaves out are drawn by the same.
    ///
    /// # Errors
    /// Every problem in the changed request.
    pub fn drawn_by(
        &self,
        config: &Config,
        difficulty: Option<&str>,
        min_responses: Option<u64>,
    ) -> Result<Self, Problems> {
        if difficulty.is_none() && min_responses.is_none() {
            return Ok(self.clone());
        }
        self.changed(config, (difficulty, min_responses), &mut BTreeMap::new())
    }

    /// [`Self::drawn_by`], with the experiments that were changed before by their keys: several may leave out the same one.
    fn changed(
        &self,
        config: &Config,
        by: (Option<&str>, Option<u64>),
        done: &mut BTreeMap<String, Arc<Self>>,
    ) -> Result<Self, Problems> {
        let mut spec = self.spec.clone();
        spec.difficulty = by.0.map(str::to_owned).or(spec.difficulty);
        spec.min_responses = by.1.or(spec.min_responses);
        let excluded = self.request.parts.first().map(|part| part.rows.exclude.as_slice()).unwrap_or_default();
        for exclude in excluded {
            if let Exclude::Experiment(experiment) = exclude
                && !done.contains_key(&experiment.id)
            {
                let changed = Arc::new(experiment.changed(config, by, done)?);
                done.insert(experiment.id.clone(), changed);
            }
        }
        let request = spec.resolve_beside(config, &nowhere, &|id| done.get(id).cloned()).map_err(Problems)?;
        Ok(Self { id: self.id.clone(), name: self.name.clone(), request, spec })
    }
}

impl RequestSpec {
    /// Checks the request against the configuration, and fills in its defaults.
    ///
    /// # Errors
    /// Every problem in it, each with the name of its key.
    pub fn resolve(&self, config: &Config) -> Result<Request, Problems> {
        self.resolve_beside(config, &nowhere, &|_| None).map_err(Problems)
    }

    /// [`Self::resolve`] for a request that stands at `place`, beside experiments that it may exclude.
    pub(super) fn resolve_beside(
        &self,
        config: &Config,
        place: &dyn Fn(&str) -> (Place, String),
        siblings: &Siblings<'_>,
    ) -> Result<Request, Vec<Problem>> {
        self.expanded(config).resolve_names(self, config, place, siblings)
    }

    /// [`Self::resolve_beside`] for the request that `written` stands for.
    fn resolve_names(
        &self,
        written: &Self,
        config: &Config,
        place: &dyn Fn(&str) -> (Place, String),
        siblings: &Siblings<'_>,
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
        let forks = self.forks(written, config);
        warnings.extend(forks.warnings);
        forks.problems.iter().for_each(|(key, message, hint)| problem(key, message.clone(), hint));
        let proportional_split = self.has_proportional_split();
        let text = self.difficulty_split.as_deref().filter(|_| !proportional_split).unwrap_or(DEFAULT_SPLIT);
        let split = Split::parse(text);
        if split.is_none() {
            problem(
                "difficulty_split",
                format!("cannot read {text:?}"),
                "write easy:hard or easy:medium:hard in whole numbers, not all 0, such as 80:20",
            );
        }
        let n_total_tasks = match self.tasks_of_phases() {
            Some(all) if self.n_total_tasks > 0 && self.n_total_tasks != all => {
                let message = format!("{} tasks, but its phases have {all}", self.n_total_tasks);
                problem("n_total_tasks", message, "leave it out, or change the phases");
                all
            }
            of_phases => of_phases.unwrap_or(self.n_total_tasks),
        };
        let uncounted = self.check_phases();
        uncounted.iter().for_each(|(key, message, hint)| problem(key, message.clone(), hint));
        if uncounted.is_empty() && (n_total_tasks == 0 || n_total_tasks > MAX_TASKS) {
            problem("n_total_tasks", format!("{n_total_tasks} tasks"), &format!("ask for 1 to {MAX_TASKS}"));
        }
        let (sampler, wrong) = self.sampler_of_selection();
        wrong.iter().for_each(|(key, message, hint)| problem(key, message.clone(), hint));
        let order = self.order.as_deref().map_or(Some(TaskOrder::default()), TaskOrder::parse);
        if order.is_none() {
            let asked = self.order.as_deref().unwrap_or_default();
            problem("order", format!("there is no order `{asked}`"), &nearest_of(asked, TaskOrder::WORDS));
        }
        let random_seed = self.random_seed.unwrap_or(DEFAULT_SEED);
        if let Some(from) = &self.thresholds_from {
            if from.as_os_str().is_empty() {
                problem("thresholds_from", "is empty".to_owned(), "name a meta or a manifest, or the folder of one");
            }
            if !self.difficulty_percentiles.is_empty() {
                let message = "they do not count beside `thresholds_from`".to_owned();
                problem("difficulty_percentiles", message, "leave one of the two out");
            }
        }
        let rows = self.check_rows(config, siblings);
        let rows_strata = rows.stratify_by;
        warnings.extend(rows.warnings);
        rows.problems.iter().for_each(|(key, message, hint)| problem(key, message.clone(), hint));
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
        let difficulty_of = |name: &str| {
            let own = config.difficulty_of(name, asked, self.min_responses);
            // The surface score predicts no errors, so an informative draw does without it where it can.
            let open = asked.is_none() && sampler == Some(SamplerKind::Informative) && own == Difficulty::Surface;
            if open { Difficulty::reference(self.min_responses.unwrap_or_default()) } else { own }
        };
        let is_measured = |name: &String| difficulty_of(name) != Difficulty::Surface;
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
        // Phases repeat the request's keys, so they are checked only where these are in order.
        let phases = if problems.is_empty() { self.stretches(config, siblings) } else { Ok(Vec::new()) };
        let phases = phases.unwrap_or_else(|wrong| {
            for (key, message, hint) in wrong {
                let (place, field) = place(key);
                problems.push(Problem::new(place, field, message, hint));
            }
            Vec::new()
        });
        let (Some(split), Some(sampler), Some(order), true) = (split, sampler, order, problems.is_empty()) else {
            return Err(problems);
        };
        let parts = self.benchmarks.iter().zip(forks.ratios).zip(rows.rows).map(|((name, ratio), rows)| Part {
            benchmark: name.clone(),
            ratio,
            cut: match self.difficulty_percentiles.get(name) {
                Some(own) => (*own).into(),
                // Cuts beside a configured calibration do not apply to surface scores.
                None if asked == Some(SURFACE) => config.store_cut_of(name),
                None => config.cut_of(name),
            },
            difficulty: difficulty_of(name),
            rows,
            difficulty_within: self.difficulty_within.clone(),
            thresholds_from: self.thresholds_from.clone(),
        });
        Ok(Request {
            parts: parts.collect(),
            branches: forks.branches,
            proportional: self.proportional,
            stratify_by: rows_strata,
            split,
            proportional_split: proportional_split || sampler == SamplerKind::Informative,
            n_total_tasks,
            random_seed,
            sample_with_replacement: match sampler {
                SamplerKind::Informative => Replacement::Never,
                SamplerKind::Numpy | SamplerKind::Stable => {
                    self.sample_with_replacement.unwrap_or(config.sample_with_replacement)
                }
            },
            sampler,
            order,
            phases,
            warnings,
        })
    }
}

/// The place of a request that stands in no file.
fn nowhere(key: &str) -> (Place, String) {
    (Place::default(), key.to_owned())
}
