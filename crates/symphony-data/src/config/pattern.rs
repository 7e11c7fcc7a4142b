//! Patterns in a request: `mmlu_*` stands for the enabled benchmarks whose names match.

use std::{borrow::Cow, collections::BTreeMap};

use super::Config;
use crate::request::{Member, PhaseSpec, PhasesSpec, RequestSpec};

/// The pattern that a user wrote in place of a name; `None` for a plain name. Names of benchmarks have none of these characters.
pub(super) fn pattern(asked: &str) -> Option<glob::Pattern> {
    asked.contains(['*', '?', '[']).then(|| glob::Pattern::new(asked).ok())?
}

/// Whether a user who wrote `asked` means the benchmark `name`.
pub(super) fn means(asked: &str, name: &str) -> bool {
    asked == name || pattern(asked).is_some_and(|pattern| pattern.matches(name))
}

impl RequestSpec {
    /// The request with the benchmarks that its patterns stand for, in the order of the configuration, and without those that it
    /// excludes. A benchmark that is also named plainly, or that an earlier pattern stands for, stays there. A pattern's ratio is shared
    /// equally by its benchmarks that have none of their own. A pattern, and a key that is one, stays if it stands for nothing.
    pub(super) fn expanded(&self, config: &Config) -> Cow<'_, Self> {
        if self.exclude_benchmarks.is_empty() && !self.benchmarks.iter().any(|name| pattern(name).is_some()) {
            return Cow::Borrowed(self);
        }
        let is_excluded = |name: &String| self.exclude_benchmarks.contains(name);
        let mut taken: Vec<&String> = self.benchmarks.iter().filter(|name| pattern(name).is_none()).collect();
        let mut members: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut benchmarks: Vec<String> = Vec::new();
        for asked in &self.benchmarks {
            let Some(pattern) = pattern(asked) else {
                benchmarks.extend((!is_excluded(asked)).then(|| asked.clone()));
                continue;
            };
            let names = config.enabled().map(|benchmark| &benchmark.name);
            let own: Vec<&String> =
                names.filter(|name| pattern.matches(name) && !taken.contains(name) && !is_excluded(name)).collect();
            if own.is_empty() {
                benchmarks.push(asked.clone());
                continue;
            }
            taken.extend(&own);
            benchmarks.extend(own.iter().map(|name| (*name).clone()));
            members.insert(asked, own.into_iter().cloned().collect());
        }
        // The benchmarks that a key stands for: those of a pattern that have no key of their own, or the one with this name.
        let stands_for = |key: &String, has_key: &dyn Fn(&String) -> bool| -> Vec<String> {
            match members.get(key.as_str()) {
                Some(own) if own.iter().all(has_key) => vec![key.clone()],
                Some(own) => own.iter().filter(|name| !has_key(name)).cloned().collect(),
                None => (!is_excluded(key)).then(|| key.clone()).into_iter().collect(),
            }
        };
        let shared = |given: &Vec<(String, f64)>| -> Vec<(String, f64)> {
            let has_ratio = |name: &String| given.iter().any(|(key, _)| key == name);
            let share = |(key, ratio): &(String, f64)| {
                let own = stands_for(key, &has_ratio);
                let each = ratio / own.len() as f64;
                own.into_iter().map(move |name| (name, each)).collect::<Vec<_>>()
            };
            given.iter().flat_map(share).collect()
        };
        let of_phase = |phase: &PhaseSpec| PhaseSpec {
            benchmark_ratios: phase.benchmark_ratios.as_ref().map(shared),
            ..phase.clone()
        };
        let phases = self.phases.as_ref().map(|phases| match phases {
            PhasesSpec::List(phases) => PhasesSpec::List(phases.iter().map(of_phase).collect()),
            PhasesSpec::Ramp { from, to, steps } => {
                let [from, to] = [from, to].map(|end| Box::new(of_phase(end)));
                PhasesSpec::Ramp { from, to, steps: *steps }
            }
        });
        let percentiles = self.difficulty_percentiles.iter().flat_map(|(key, pair)| {
            let own = stands_for(key, &|name| self.difficulty_percentiles.contains_key(name));
            own.into_iter().map(move |name| (name, *pair))
        });
        Cow::Owned(Self {
            benchmark_ratios: self.benchmark_ratios.as_ref().map(shared),
            groups: self.groups.iter().flat_map(|member| replaced(member, &members, &is_excluded)).collect(),
            phases,
            difficulty_percentiles: percentiles.collect(),
            benchmarks,
            exclude_benchmarks: Vec::new(),
            ..self.clone()
        })
    }
}

/// A member with the benchmarks that its patterns stand for, and without those that are excluded.
fn replaced(
    member: &Member,
    members: &BTreeMap<&str, Vec<String>>,
    is_excluded: &dyn Fn(&String) -> bool,
) -> Vec<Member> {
    match member {
        Member::Name(name) => match members.get(name.as_str()) {
            Some(own) => own.iter().cloned().map(Member::Name).collect(),
            None => (!is_excluded(name)).then(|| member.clone()).into_iter().collect(),
        },
        Member::Group(name, own) => {
            let own = own.iter().flat_map(|member| replaced(member, members, is_excluded)).collect();
            vec![Member::Group(name.clone(), own)]
        }
    }
}
