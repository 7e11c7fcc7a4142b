//! Allocation: how many tasks each cell (a benchmark, or one of its strata) and bin owes the stream.
//!
//! Seats are given one by one, so that a larger stream never takes a task away from any bin of any cell.

use crate::{
    bin::{Bin, PerBin},
    request::Split,
};

/// How many tasks each bin of each cell owes; cells are in the order of [`Shares`].
pub type Allocation = Vec<PerBin<u64>>;

/// Two priorities closer than this, relative to the larger, are a tie: rounding makes equal shares differ by less.
const TIE: f64 = 1e-12;
/// How far below its upper quota a branch must be to take a seat; absorbs the rounding of h·w.
const QUOTA_SLACK: f64 = 1e-9;

/// How tasks are shared: a tree of groups, benchmarks and strata, with a cell at the end of every branch.
#[derive(Clone, Debug, PartialEq)]
pub enum Shares {
    /// A benchmark, or a stratum of one. Cells are counted from the first branch to the last.
    Cell,
    /// Branches with their ratios, any scale, none negative. A branch of ratio 0 gets nothing.
    Among(Vec<(f64, Shares)>),
}

impl Shares {
    /// Cells with these ratios, side by side.
    pub fn flat(ratios: &[f64]) -> Self {
        Self::Among(ratios.iter().map(|ratio| (*ratio, Self::Cell)).collect())
    }

    /// Distributes `n` tasks: each goes down the tree to a cell, then to a bin of it.
    ///
    /// At every fork, the quota method (Balinski and Young 1975) chooses the branch, and never misses a branch's share of the fork's
    /// tasks by 1 or more. In each cell, every bin is also less than one task away from its share of the cell's tasks. Within these
    /// bounds, the task goes to the bin that the branches above the cell lack most, from the nearest up to the stream, so that
    /// many small benchmarks do not all round the same way.
    pub fn allocate(&self, n: u64, split: Split) -> Allocation {
        self.allocate_after(&mut Owed::default(), n, split)
    }

    /// [`Self::allocate`] for a stretch of a stream, behind stretches that still owe something: what rounding took from a branch or a bin
    /// there, it gets first here. So the shares of many short stretches add up.
    pub fn allocate_after(&self, owed: &mut Owed, n: u64, split: Split) -> Allocation {
        let mut tree = Tree::default();
        tree.add(self);
        let mut bins = BinSeats::new(split, tree.nodes.len());
        owed.lend(&mut tree, &mut bins);
        if let Some(path) = tree.only_path() {
            // A single cell takes every seat. Whenever all of its shares are whole numbers, its counts are exact and the
            // sequence of seats repeats, so whole periods need not be given one by one.
            let periods = n / bins.period();
            bins.skip(&path, periods);
            (periods * bins.period()..n).for_each(|_| bins.give(&path));
        } else {
            let mut path = Vec::new();
            for _ in 0..n {
                if !tree.next(&mut path) {
                    break;
                }
                bins.give(&path);
            }
        }
        owed.settle(&tree, &bins);
        let cells = tree.nodes.iter().zip(bins.given).filter(|(node, _)| node.is_cell);
        cells.map(|(_, given)| given).collect()
    }

    /// [`Self::allocate_after`] with shares of bins by how many rows each has, cell by cell.
    pub fn allocate_by(&self, owed: &mut Owed, n: u64, rows: &[PerBin<u64>]) -> Allocation {
        // Each bin is a cell of its own, and all tasks of these are of one bin.
        const ALL_EASY: Split = Split { easy: 1, medium: None, hard: 0 };
        let given = self.with_bins(&mut rows.iter()).allocate_after(owed, n, ALL_EASY);
        let of_cell = |bins: &[PerBin<u64>]| PerBin { easy: bins[0].easy, medium: bins[1].easy, hard: bins[2].easy };
        given.chunks_exact(3).map(of_cell).collect()
    }

    /// The tree with three cells in place of each, one for each bin. An empty cell owes easy tasks, and delivers none.
    fn with_bins<'r>(&self, rows: &mut impl Iterator<Item = &'r PerBin<u64>>) -> Self {
        match self {
            Self::Cell => {
                let rows = rows.next().copied().filter(|rows| rows.total() > 0);
                let rows = rows.unwrap_or(PerBin { easy: 1, medium: 0, hard: 0 });
                Self::flat(&Bin::ALL.map(|bin| rows[bin] as f64))
            }
            Self::Among(branches) => {
                Self::Among(branches.iter().map(|(ratio, branch)| (*ratio, branch.with_bins(rows))).collect())
            }
        }
    }
}

/// What earlier stretches of a stream owe to branches and bins, in tasks; negative where these got more than their share.
#[derive(Clone, Debug, Default)]
pub struct Owed {
    /// For each node of the tree, what it owes to each of its branches. A tree of another form starts without debts.
    branches: Vec<Vec<f64>>,
    /// For each node, what it owes to each bin.
    bins: Vec<PerBin<f64>>,
}

impl Owed {
    /// Lets the next stretch pay.
    fn lend(&mut self, tree: &mut Tree, bins: &mut BinSeats) {
        let form = |branches: &[Vec<f64>]| branches.iter().map(Vec::len).collect::<Vec<_>>();
        if form(&self.branches) != tree.nodes.iter().map(|node| node.branches.len()).collect::<Vec<_>>() {
            self.branches = tree.nodes.iter().map(|node| vec![0.0; node.branches.len()]).collect();
            self.bins = vec![PerBin::default(); tree.nodes.len()];
        }
        for (node, owed) in tree.nodes.iter_mut().zip(&self.branches) {
            node.quota.owed.clone_from(owed);
        }
        let units = |tasks: f64| (tasks * bins.sum as f64).round() as i64;
        let in_units =
            |owed: &PerBin<f64>| PerBin { easy: units(owed.easy), medium: units(owed.medium), hard: units(owed.hard) };
        bins.owed = self.bins.iter().map(in_units).collect();
    }

    /// Notes what a stretch leaves owing.
    fn settle(&mut self, tree: &Tree, bins: &BinSeats) {
        for (node, owed) in tree.nodes.iter().zip(&mut self.branches) {
            let all: u64 = node.quota.tasks.iter().sum();
            for ((owed, share), tasks) in owed.iter_mut().zip(&node.quota.shares).zip(&node.quota.tasks) {
                *owed += all as f64 * share - *tasks as f64;
            }
        }
        for (given, owed) in bins.given.iter().zip(&mut self.bins) {
            for bin in Bin::ALL {
                owed[bin] += given.total() as f64 * bins.shares[bin] as f64 / bins.sum as f64 - given[bin] as f64;
            }
        }
    }
}

/// Distributes `n` tasks among benchmarks with these ratios; see [`Shares::allocate`].
///
/// `ratios` must not be negative, and must have a positive, finite sum.
pub fn allocate(n: u64, ratios: &[f64], split: Split) -> Allocation {
    Shares::flat(ratios).allocate(n, split)
}

/// The tree of [`Shares`] while seats are given. Node 0 is the root.
#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
}

struct Node {
    quota: Quota,
    /// The node of each branch.
    branches: Vec<usize>,
    is_cell: bool,
}

impl Tree {
    /// Adds a node and those below it, and returns its number.
    fn add(&mut self, shares: &Shares) -> usize {
        let at = self.nodes.len();
        let branches = match shares {
            Shares::Cell => &[][..],
            Shares::Among(branches) => branches,
        };
        let ratios: Vec<f64> = branches.iter().map(|(ratio, _)| *ratio).collect();
        let is_cell = *shares == Shares::Cell;
        self.nodes.push(Node { quota: Quota::new(&ratios), branches: Vec::new(), is_cell });
        for (_, branch) in branches {
            let below = self.add(branch);
            self.nodes[at].branches.push(below);
        }
        at
    }

    /// The nodes from the root to the only cell that has a share, if the others have none.
    fn only_path(&self) -> Option<Vec<usize>> {
        let mut path = vec![0];
        loop {
            let node = &self.nodes[*path.last()?];
            if node.is_cell {
                return Some(path);
            }
            path.push(node.branches[node.quota.only()?]);
        }
    }

    /// Gives the next seat: the nodes from the root to the cell that takes it. `false` if no cell has a share.
    fn next(&mut self, path: &mut Vec<usize>) -> bool {
        path.clear();
        path.push(0);
        let mut at = 0;
        while !self.nodes[at].is_cell {
            // The shares sum to 1 and all earlier tasks are given, so some branch is below its quota.
            let Some(branch) = self.nodes[at].quota.next() else { return false };
            at = self.nodes[at].branches[branch];
            path.push(at);
        }
        true
    }
}

/// Decides which branch of a fork gets the next seat.
struct Quota {
    shares: Vec<f64>,
    tasks: Vec<u64>,
    /// share / (tasks + 1) of each branch; stored, because each seat changes only one of them.
    priorities: Vec<f64>,
    /// How many seats were given.
    given: u64,
    /// What earlier stretches owe to each branch, in tasks.
    owed: Vec<f64>,
}

impl Quota {
    fn new(ratios: &[f64]) -> Self {
        let sum: f64 = ratios.iter().sum();
        let shares: Vec<f64> = ratios.iter().map(|ratio| if sum > 0.0 { ratio / sum } else { 0.0 }).collect();
        let owed = vec![0.0; shares.len()];
        Self { tasks: vec![0; shares.len()], priorities: shares.clone(), shares, given: 0, owed }
    }

    /// The only branch with a share, if the others have none.
    fn only(&self) -> Option<usize> {
        let mut some = (0..self.shares.len()).filter(|&at| self.shares[at] > 0.0);
        let first = some.next();
        if some.next().is_none() { first } else { None }
    }

    /// The branch that takes the next seat; `None` if no branch has a share.
    fn next(&mut self) -> Option<usize> {
        let seat = (self.given + 1) as f64;
        let has_debts = self.owed.iter().any(|owed| owed.abs() > QUOTA_SLACK);
        let mut taker: Option<(usize, f64)> = None;
        for (at, (&share, (&tasks, &priority))) in
            self.shares.iter().zip(self.tasks.iter().zip(&self.priorities)).enumerate()
        {
            if (tasks as f64) >= seat * share - QUOTA_SLACK {
                continue;
            }
            // Behind stretches that owe something, the branch takes the seat that lacks most over all of them.
            let lacks = if has_debts { self.owed[at] + seat * share - tasks as f64 } else { priority };
            if taker.is_none_or(|(_, best)| lacks > best + best.abs() * TIE) {
                taker = Some((at, lacks));
            }
        }
        let (at, _) = taker?;
        self.given += 1;
        self.tasks[at] += 1;
        self.priorities[at] = self.shares[at] / (self.tasks[at] + 1) as f64;
        Some(at)
    }
}

/// Decides which bin gets the next seat. Deficits are exact: they are whole numbers in units of one task divided by the sum of
/// the split. A split has shares below 2³², and a stream has fewer than 2³⁰ tasks.
struct BinSeats {
    /// The shares of the split.
    shares: PerBin<i64>,
    /// Their sum.
    sum: i64,
    /// How many tasks each bin of each node has so far.
    given: Allocation,
    /// What earlier stretches owe to each bin of each node, in units of a task divided by the sum.
    owed: Vec<PerBin<i64>>,
}

impl BinSeats {
    fn new(split: Split, nodes: usize) -> Self {
        let shares = [split.easy, split.medium.unwrap_or(0), split.hard];
        let by = shares.into_iter().fold(0, gcd).max(1);
        let [easy, medium, hard] = shares.map(|share| i64::from(share / by));
        Self {
            shares: PerBin { easy, medium, hard },
            sum: easy + medium + hard,
            given: vec![PerBin::default(); nodes],
            owed: vec![PerBin::default(); nodes],
        }
    }

    /// The smallest number of seats that gives each bin of a cell exactly its share.
    fn period(&self) -> u64 {
        self.sum.unsigned_abs()
    }

    /// Gives the nodes of `path`, which must have no tasks yet, this many periods at once.
    fn skip(&mut self, path: &[usize], periods: u64) {
        for &node in path {
            for bin in Bin::ALL {
                self.given[node][bin] += periods * self.shares[bin].unsigned_abs();
            }
        }
    }

    /// How much of a task `bin` lacks at a node that takes one more seat.
    fn deficit(&self, node: usize, bin: Bin) -> i64 {
        let given = &self.given[node];
        (given.total() as i64 + 1) * self.shares[bin] - given[bin] as i64 * self.sum
    }

    /// Gives the cell at the end of `path` one more task.
    fn give(&mut self, path: &[usize]) {
        let Some((&cell, above)) = path.split_last() else { return };
        let mut taker: Option<(Bin, (usize, i64, i64))> = None;
        for bin in Bin::ALL {
            let in_cell = self.deficit(cell, bin);
            if in_cell <= 0 {
                // The bin has its share, or more.
                continue;
            }
            let in_above = |&node: &usize| self.deficit(node, bin) + self.owed[node][bin];
            // How near to the cell the bin would be a whole task below its share: the cell itself, its benchmark, its group.
            let urgent = if in_cell >= self.sum {
                // This holds for one bin at most.
                path.len()
            } else {
                above.iter().rposition(|node| in_above(node) >= self.sum).map_or(0, |at| at + 1)
            };
            let wanted = (urgent, above.iter().map(in_above).sum(), in_cell + self.owed[cell][bin]);
            // In a tie, the harder bin wins: it comes later.
            if taker.is_none_or(|(_, best)| wanted >= best) {
                taker = Some((bin, wanted));
            }
        }
        // The sum of the counts is one less than that of the shares, so some bin is below its share.
        if let Some((bin, _)) = taker {
            path.iter().for_each(|node| self.given[*node][bin] += 1);
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_one(n: u64, split: &str) -> [u64; 3] {
        let PerBin { easy, medium, hard } = allocate(n, &[1.0], Split::parse(split).unwrap())[0];
        [easy, medium, hard]
    }

    fn by_quota(n: u64, ratios: &[f64]) -> Vec<u64> {
        allocate(n, ratios, Split::parse("1:1").unwrap()).iter().map(PerBin::total).collect()
    }

    #[test]
    fn an_odd_task_goes_to_the_harder_side() {
        assert_eq!(of_one(5, "50:50"), [2, 0, 3]);
        assert_eq!(of_one(5, "1:1:1"), [1, 2, 2]);
    }

    #[test]
    fn whole_periods_may_be_skipped() {
        for split in ["1:1", "80:20", "3:7", "1:2:1", "0:5:2", "20:20:60"] {
            let mut bins = BinSeats::new(Split::parse(split).unwrap(), 2);
            for n in 1..=250 {
                bins.give(&[0, 1]);
                let PerBin { easy, medium, hard } = bins.given[1];
                assert_eq!(of_one(n, split), [easy, medium, hard], "{n} at {split}");
            }
        }
    }

    #[test]
    fn the_largest_request_is_exact() {
        assert_eq!(of_one(100_000_000, "1:2:1"), [25_000_000, 50_000_000, 25_000_000]);
        assert_eq!(of_one(100_000_000, "4294967295:0:4294967295"), [50_000_000, 0, 50_000_000]);
        // The share of the easy bin, 10⁶ / 4294967296, is less than one task.
        let [easy, _, hard] = of_one(1_000_000, "1:0:4294967295");
        assert!(easy <= 1 && easy + hard == 1_000_000, "{easy}");
    }

    #[test]
    fn the_alabama_paradox_does_not_occur() {
        // Shares of the 1880 census kind: largest remainders would take a seat from the smallest when n grows.
        let ratios = [5.1, 3.2, 1.7];
        let mut before = by_quota(1, &ratios);
        for n in 2..200 {
            let now = by_quota(n, &ratios);
            assert!(now.iter().zip(&before).all(|(now, before)| now >= before), "{n}");
            before = now;
        }
    }

    #[test]
    fn equal_shares_go_round_from_the_first() {
        assert_eq!(by_quota(8, &[0.2; 5]), [2, 2, 2, 1, 1]);
    }
}
