//! Checks how a request shares its tasks: groups of benchmarks and their ratios.

use super::Config;
use crate::request::{Branch, Group, Member, RequestSpec};

/// A problem of a request: its key, what is wrong, and the way out.
pub(super) type Wrong = (&'static str, String, String);

/// The shares of a request.
#[derive(Debug, Default)]
pub(super) struct Forks {
    /// Benchmarks and groups, with the ratios of groups.
    pub branches: Vec<Branch>,
    /// The ratio of each benchmark.
    pub ratios: Vec<f64>,
    pub problems: Vec<Wrong>,
    pub warnings: Vec<String>,
}

impl RequestSpec {
    /// The members of the request: its groups, or its benchmarks side by side.
    fn members(&self) -> Vec<Member> {
        if self.groups.is_empty() {
            return self.benchmarks.iter().cloned().map(Member::Name).collect();
        }
        self.groups.clone()
    }

    /// Checks groups and ratios. `written` is the request as the user wrote it, with its patterns.
    pub(super) fn forks(&self, written: &Self, config: &Config) -> Forks {
        let mut forks = Forks::default();
        let members = self.members();
        let mut groups = Vec::new();
        names_of_groups(&members, &mut groups);
        for (at, group) in groups.iter().enumerate() {
            let problem = if groups[..at].contains(group) {
                (format!("there are two groups `{group}`"), "give one of them another name".to_owned())
            } else if config.benchmark(group).is_some() {
                (format!("the group `{group}` has the name of a benchmark"), "give it another name".to_owned())
            } else {
                continue;
            };
            forks.problems.push(("benchmarks", problem.0, problem.1));
        }
        if self.proportional {
            forks.branches = forks.fork(&members, &mut 0, &|_, _| 1.0);
            return forks;
        }
        self.check_ratios(written, &groups, &mut forks);
        let ratios = self.benchmark_ratios.as_deref();
        let of = |name: &str, neighbours: &[&str]| ratio_of(ratios, name, neighbours);
        forks.branches = forks.fork(&members, &mut 0, &of);
        forks.check_sums(&members, ratios, None);
        forks
    }

    /// Checks that each ratio is a number and belongs to a benchmark or group of the mix.
    fn check_ratios(&self, written: &Self, groups: &[String], forks: &mut Forks) {
        let given = self.benchmark_ratios.as_deref().unwrap_or_default();
        let key = "benchmark_ratios";
        for (at, (name, ratio)) in given.iter().enumerate() {
            if given[..at].iter().any(|(earlier, _)| earlier == name) {
                forks.problems.push((key, format!("`{name}` has two ratios"), "keep one of the two".to_owned()));
            }
            if !self.benchmarks.contains(name) && !groups.contains(name) {
                let (message, hint) = if written.benchmarks.contains(name) {
                    let message = format!("`{name}` stands for no benchmark without a ratio of its own");
                    (message, "leave this ratio out".to_owned())
                } else {
                    let mix = [groups, &self.benchmarks].concat().join(", ");
                    (format!("`{name}` is not in the mix"), format!("the mix is {mix}"))
                };
                forks.problems.push((key, message, hint));
            }
            if !ratio.is_finite() || *ratio < 0.0 {
                let hint = "write 0 or a positive number".to_owned();
                forks.problems.push((key, format!("`{name}` has the ratio {ratio}"), hint));
            }
        }
    }
}

/// The ratio of a member beside its neighbours: as given, or 1/k for each of k if none of them has one.
fn ratio_of(given: Option<&[(String, f64)]>, name: &str, neighbours: &[&str]) -> f64 {
    let of = |name: &str| given.unwrap_or_default().iter().find(|(known, _)| known == name).map(|(_, ratio)| *ratio);
    match of(name) {
        Some(ratio) => ratio,
        None if neighbours.iter().any(|name| of(name).is_some()) => 0.0,
        None => 1.0 / neighbours.len() as f64,
    }
}

fn names_of_groups(members: &[Member], names: &mut Vec<String>) {
    for member in members {
        if let Member::Group(name, members) = member {
            names.push(name.clone());
            names_of_groups(members, names);
        }
    }
}

fn name_of(member: &Member) -> &str {
    match member {
        Member::Name(name) | Member::Group(name, _) => name,
    }
}

impl Forks {
    /// The branches of these members. `next` is the position of the next benchmark.
    fn fork(&mut self, members: &[Member], next: &mut usize, of: &dyn Fn(&str, &[&str]) -> f64) -> Vec<Branch> {
        let names: Vec<&str> = members.iter().map(name_of).collect();
        let mut branches = Vec::with_capacity(members.len());
        for member in members {
            let ratio = of(name_of(member), &names);
            branches.push(match member {
                Member::Name(_) => {
                    self.ratios.push(ratio);
                    *next += 1;
                    Branch::Benchmark(*next - 1)
                }
                Member::Group(name, members) => {
                    if members.is_empty() {
                        let message = format!("the group `{name}` has no benchmark");
                        self.problems.push(("benchmarks", message, "name its benchmarks, or leave it out".to_owned()));
                    }
                    Branch::Group(Group { name: name.clone(), ratio, members: self.fork(members, next, of) })
                }
            });
        }
        branches
    }

    /// Checks the ratios of each fork: all of its members have one or none has, and they can be shares.
    fn check_sums(&mut self, members: &[Member], given: Option<&[(String, f64)]>, group: Option<&str>) {
        let Some(all) = given else { return };
        let key = "benchmark_ratios";
        let names: Vec<&str> = members.iter().map(name_of).collect();
        let of = |name: &&str| all.iter().find(|(known, _)| known == name).map(|(_, ratio)| *ratio);
        // Within a group, shares are equal by default.
        if group.is_none() || names.iter().any(|name| of(name).is_some()) {
            for name in names.iter().filter(|name| of(name).is_none()) {
                let hint = match group {
                    None if members.iter().any(|member| matches!(member, Member::Group(..))) => {
                        format!("give each of {} one (0 draws nothing)", names.join(", "))
                    }
                    None => "give every benchmark of the mix one (0 draws nothing)".to_owned(),
                    Some(group) => format!("give every member of `{group}` one (0 draws nothing), or none"),
                };
                self.problems.push((key, format!("`{name}` has no ratio"), hint));
            }
            let ratios: Option<Vec<f64>> = names.iter().map(of).collect();
            let readable = ratios.filter(|ratios| ratios.iter().all(|ratio| ratio.is_finite() && *ratio >= 0.0));
            // If single ratios have problems, the sum is not reported.
            if let Some(ratios) = readable.filter(|ratios| !ratios.is_empty()) {
                let sum: f64 = ratios.iter().sum();
                let whose = group.map(|group| format!(" of `{group}`")).unwrap_or_default();
                if !(sum > 0.0 && sum.is_finite()) {
                    let hint = "give at least one benchmark a share".to_owned();
                    self.problems.push((key, format!("the ratios{whose} sum to {sum}"), hint));
                } else if (sum - 1.0).abs() > 0.001 {
                    self.warnings.push(format!("benchmark_ratios{whose} sum to {sum}, not 1; they were rescaled"));
                }
            }
        }
        for member in members {
            if let Member::Group(name, members) = member {
                self.check_sums(members, given, Some(name));
            }
        }
    }
}
