//! The cells of a request: each benchmark, or each of its strata, with its share of the tasks.

use super::{Candidates, Shares, sample::Cell};
use crate::request::{Branch, Request, Strata};

/// A request's cells, in the order of their shares.
pub(super) struct Cells<'a> {
    /// How tasks are shared among them.
    pub shares: Shares,
    /// The cells.
    pub cells: Vec<Cell<'a>>,
}

impl<'a> Cells<'a> {
    /// The cells of `request`, whose benchmarks are `candidates`.
    pub fn of(request: &Request, candidates: &[Candidates<'a>]) -> Self {
        let mut found = Self { shares: Shares::Cell, cells: Vec::new() };
        let branches = request.branches.iter().map(|branch| found.branch(request, candidates, branch));
        found.shares = Shares::Among(branches.collect());
        found
    }

    /// A branch with its ratio.
    fn branch(&mut self, request: &Request, candidates: &[Candidates<'a>], branch: &Branch) -> (f64, Shares) {
        match branch {
            Branch::Benchmark(at) => {
                let rows = candidates[*at].bins.sizes().total() as f64;
                let ratio = if request.proportional { rows } else { request.parts[*at].ratio };
                (ratio, self.benchmark(request, *at, candidates[*at]))
            }
            Branch::Group(group) => {
                let members: Vec<(f64, Shares)> =
                    group.members.iter().map(|member| self.branch(request, candidates, member)).collect();
                let ratio =
                    if request.proportional { members.iter().map(|(ratio, _)| ratio).sum() } else { group.ratio };
                (ratio, Shares::Among(members))
            }
        }
    }

    fn benchmark(&mut self, request: &Request, at: usize, candidates: Candidates<'a>) -> Shares {
        let cell = |stratum, bins| Cell {
            part: at,
            benchmark: candidates.benchmark,
            stratum,
            bins,
            eligible: candidates.bins,
            identities: candidates.identities,
            earlier: candidates.earlier,
            scores: candidates.scores,
            scores_are_errors: candidates.scores_are_errors,
        };
        if candidates.strata.is_empty() {
            self.cells.push(cell(None, candidates.bins));
            return Shares::Cell;
        }
        let equal = request.stratify_by.as_ref().is_none_or(|(_, strata)| *strata == Strata::Equal);
        let ratios = candidates.strata.iter().map(|stratum| {
            let rows = stratum.bins.sizes().total() as f64;
            (if equal { 1.0 } else { rows }, Shares::Cell)
        });
        let ratios = ratios.collect();
        self.cells.extend(candidates.strata.iter().map(|stratum| cell(Some(stratum.value.as_str()), &stratum.bins)));
        Shares::Among(ratios)
    }
}
