//! Resolves the phases of a request: each is the request with some keys of its own.

use super::{Config, eligibility::Siblings, shares::Wrong};
use crate::{
    request::{PhaseSpec, PhasesSpec, Request, RequestSpec, Split},
    yaml::{Place, Problem},
};

/// The split that gives each bin a share by how many rows of it may be drawn.
const PROPORTIONAL: &str = "proportional";
/// A benchmark's ratios at both ends of a ramp.
type RatiosOfRamp = Vec<(String, f64, f64)>;

/// How many phases a stream may have.
const MAX_PHASES: u64 = 10_000;

impl RequestSpec {
    /// How many tasks the listed phases have; `None` without any, or where one does not say it.
    pub(super) fn tasks_of_phases(&self) -> Option<u64> {
        let Some(PhasesSpec::List(phases)) = &self.phases else { return None };
        if phases.is_empty() {
            return None;
        }
        phases.iter().map(|phase| phase.n_total_tasks).try_fold(0_u64, |sum, tasks| Some(sum.saturating_add(tasks?)))
    }

    /// Checks that the listed phases say how many tasks they have.
    pub(super) fn check_phases(&self) -> Vec<Wrong> {
        let Some(PhasesSpec::List(phases)) = &self.phases else { return Vec::new() };
        if phases.is_empty() {
            let hint = "write `- {n_total_tasks: 50, difficulty_split: 90:10}` for each phase, or leave it out";
            return vec![("phases", "there is no phase".to_owned(), hint.to_owned())];
        }
        let without = (1..).zip(phases).filter(|(_, phase)| phase.n_total_tasks.is_none());
        let problem = |(number, _): (u32, &PhaseSpec)| {
            let hint = "write how many tasks it should have".to_owned();
            ("phases", format!("phase {number} has no `n_total_tasks`"), hint)
        };
        without.map(problem).collect()
    }

    /// Whether bins have shares by how many rows of each may be drawn: where the request says so, and in a range of difficulty where it
    /// names no shares.
    pub(super) fn has_proportional_split(&self) -> bool {
        match self.difficulty_split.as_deref() {
            Some(split) => split == PROPORTIONAL,
            None => self.rows.difficulty_range.is_some() && !self.all_phases_have_splits(),
        }
    }

    /// Whether the request's own split counts nowhere.
    fn all_phases_have_splits(&self) -> bool {
        match &self.phases {
            None => false,
            Some(PhasesSpec::List(phases)) => phases.iter().all(|phase| phase.difficulty_split.is_some()),
            Some(PhasesSpec::Ramp { .. }) => true,
        }
    }

    /// The phases as requests of their own.
    pub(super) fn stretches(&self, config: &Config, siblings: &Siblings<'_>) -> Result<Vec<Request>, Vec<Wrong>> {
        let phases = match &self.phases {
            None => return Ok(Vec::new()),
            Some(PhasesSpec::List(phases)) if phases.len() as u64 > MAX_PHASES => {
                let message = format!("there are {} phases", phases.len());
                return Err(vec![("phases", message, format!("write at most {MAX_PHASES}"))]);
            }
            Some(PhasesSpec::List(phases)) => phases.clone(),
            Some(PhasesSpec::Ramp { from, to, steps }) => self.ramp(from, to, *steps).map_err(|wrong| vec![wrong])?,
        };
        let mut problems = Vec::new();
        let mut requests = Vec::with_capacity(phases.len());
        let whole = Self { phases: None, ..self.clone() };
        for (number, phase) in (1..).zip(&phases) {
            // Every phase that was checked says it.
            let Some(n_total_tasks) = phase.n_total_tasks else { continue };
            let mut spec = Self { n_total_tasks, ..whole.clone() };
            spec.difficulty_split = phase.difficulty_split.clone().or(spec.difficulty_split);
            if phase.benchmark_ratios.is_some() {
                spec.benchmark_ratios.clone_from(&phase.benchmark_ratios);
                spec.proportional = false;
            }
            if phase.proportional {
                spec.benchmark_ratios = None;
                spec.proportional = true;
            }
            spec.order = phase.order.clone().or(spec.order);
            spec.rows.difficulty_range = phase.difficulty_range.or(spec.rows.difficulty_range);
            spec.rows.labels = phase.labels.clone().unwrap_or(spec.rows.labels);
            match spec.resolve_beside(config, &|key| (Place::default(), key.to_owned()), siblings) {
                Ok(request) => requests.push(request),
                Err(more) => {
                    problems.extend(more.into_iter().map(|Problem { field, message, hint, .. }| {
                        ("phases", format!("phase {number}: {field}: {message}"), hint)
                    }));
                    // The same mistake is likely in every phase.
                    break;
                }
            }
        }
        if problems.is_empty() { Ok(requests) } else { Err(problems) }
    }

    /// The phases of a ramp.
    fn ramp(&self, from: &PhaseSpec, to: &PhaseSpec, steps: u64) -> Result<Vec<PhaseSpec>, Wrong> {
        let wrong = |message: String, hint: &str| Err(("phases", message, hint.to_owned()));
        if !(2..=MAX_PHASES).contains(&steps) {
            return wrong(format!("a ramp has {steps} steps"), "write 2 to 10000 steps");
        }
        if self.n_total_tasks < steps {
            let message = format!("{} tasks are fewer than the {steps} steps of the ramp", self.n_total_tasks);
            return wrong(message, "ask for more tasks (n_total_tasks), or for fewer steps");
        }
        let given = |phase: &PhaseSpec| phase.difficulty_split.clone().or_else(|| self.difficulty_split.clone());
        let split = |phase: &PhaseSpec| Split::parse(given(phase).as_deref().unwrap_or(crate::request::DEFAULT_SPLIT));
        let (Some(first), Some(last)) = (split(from), split(to)) else {
            return wrong(
                "`from` or `to` is not a split".to_owned(),
                "write easy:hard or easy:medium:hard in whole numbers, such as `{from: 90:10, to: 10:90, steps: 5}`",
            );
        };
        let ratios = self.ratios_of_ramp(from, to)?;
        let phase = |at: u64| {
            let split = first.towards(last, at, steps - 1);
            let split = split.ok_or_else(|| {
                let message = format!("a step between {first} and {last} has shares that are too large");
                ("phases", message, "write both splits in smaller numbers".to_owned())
            })?;
            // Every prefix of the ramp has its share of the tasks to less than one.
            let until = |step: u64| (u128::from(self.n_total_tasks) * u128::from(step) / u128::from(steps)) as u64;
            let along = at as f64 / (steps - 1) as f64;
            let mixed = |(name, from, to): &(String, f64, f64)| (name.clone(), from * (1.0 - along) + to * along);
            Ok(PhaseSpec {
                n_total_tasks: Some(until(at + 1) - until(at)),
                difficulty_split: Some(split.to_string()),
                benchmark_ratios: ratios.as_ref().map(|ratios| ratios.iter().map(mixed).collect()),
                ..PhaseSpec::default()
            })
        };
        (0..steps).map(phase).collect()
    }

    /// The ratios at both ends of a ramp, scaled to sum to 1; `None` if it moves no ratios.
    fn ratios_of_ramp(&self, from: &PhaseSpec, to: &PhaseSpec) -> Result<Option<RatiosOfRamp>, Wrong> {
        let of = |phase: &PhaseSpec| phase.benchmark_ratios.clone().or_else(|| self.benchmark_ratios.clone());
        let (first, last) = match (from.benchmark_ratios.is_some() || to.benchmark_ratios.is_some(), of(from), of(to)) {
            (false, ..) => return Ok(None),
            (true, Some(first), Some(last)) => (first, last),
            (true, ..) => {
                let message = "only one of `from` and `to` has ratios".to_owned();
                return Err(("phases", message, "write `benchmark_ratios` in both".to_owned()));
            }
        };
        if !self.groups.is_empty() {
            let message = "a ramp cannot move the ratios of groups".to_owned();
            return Err(("phases", message, "write each phase with its `benchmark_ratios`".to_owned()));
        }
        for (name, ratio) in first.iter().chain(&last) {
            if !ratio.is_finite() || *ratio < 0.0 {
                let message = format!("`{name}` has the ratio {ratio} at an end of the ramp");
                return Err(("phases", message, "write 0 or a positive number".to_owned()));
            }
        }
        let scaled = |ratios: &[(String, f64)], name: &str| {
            let sum: f64 = ratios.iter().map(|(_, ratio)| ratio).sum();
            let own = ratios.iter().find(|(known, _)| known == name).map_or(0.0, |(_, ratio)| *ratio);
            if sum > 0.0 { own / sum } else { f64::NAN }
        };
        // A name that is not in the mix stays, so that it is reported.
        let more = first.iter().chain(&last).map(|(name, _)| name).filter(|name| !self.benchmarks.contains(name));
        let names = self.benchmarks.iter().chain(more);
        Ok(Some(names.map(|name| (name.clone(), scaled(&first, name), scaled(&last, name))).collect()))
    }
}
