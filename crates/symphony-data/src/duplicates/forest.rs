//! Which rows hang together: a forest of pairs.

use std::collections::{HashMap, VecDeque};

use super::{Link, Pair};

/// Rows that pairs connect, directly or over other rows.
pub(super) struct Forest {
    /// For each row a row before it that it is connected to, or itself.
    parents: Vec<u32>,
    /// The pairs that connected rows which were not connected before.
    pub pairs: Vec<Pair>,
}

impl Forest {
    /// So many rows, none of them connected.
    pub fn new(rows: usize) -> Self {
        Self { parents: (0..rows as u32).collect(), pairs: Vec::new() }
    }

    /// The first row of those that are connected to this one.
    pub fn first(&self, mut row: u32) -> u32 {
        while self.parents[row as usize] != row {
            row = self.parents[row as usize];
        }
        row
    }

    /// Connects the rows of a pair. Returns whether they were not connected before.
    pub fn connect(&mut self, pair: Pair) -> bool {
        let (a, b) = (self.shortened(pair.rows.0), self.shortened(pair.rows.1));
        if a == b {
            return false;
        }
        self.parents[a.max(b) as usize] = a.min(b);
        self.pairs.push(pair);
        true
    }

    /// The first row, and shorter ways to it for the next time.
    fn shortened(&mut self, mut row: u32) -> u32 {
        while self.parents[row as usize] != row {
            let above = self.parents[row as usize];
            self.parents[row as usize] = self.parents[above as usize];
            row = above;
        }
        row
    }

    /// Makes every way one step long.
    pub fn flatten(&mut self) {
        // A row's parent stands before it, so its way is one step long already.
        for row in 0..self.parents.len() {
            self.parents[row] = self.parents[self.parents[row] as usize];
        }
    }

    /// For each row of a group other than its first, the row that it is paired with on the way to the first.
    pub fn links(mut self) -> Vec<Link> {
        self.flatten();
        let mut paired: HashMap<u32, Vec<(u32, f64)>> = HashMap::new();
        for Pair { rows: (a, b), similarity } in &self.pairs {
            paired.entry(*a).or_default().push((*b, *similarity));
            paired.entry(*b).or_default().push((*a, *similarity));
        }
        let mut firsts: Vec<u32> = paired.keys().map(|row| self.parents[*row as usize]).collect();
        firsts.sort_unstable();
        firsts.dedup();
        let mut links = Vec::with_capacity(self.pairs.len());
        for first in firsts {
            let mut next = VecDeque::from([(first, first)]);
            while let Some((row, from)) = next.pop_front() {
                for (other, similarity) in paired.get(&row).into_iter().flatten().filter(|(other, _)| *other != from) {
                    links.push(Link { row: *other, first, with: row, similarity: *similarity });
                    next.push_back((*other, row));
                }
            }
        }
        links.sort_unstable_by_key(|link| link.row);
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_but_the_first_of_a_group_is_linked_on_the_way_to_it() {
        let mut forest = Forest::new(8);
        let pair = |a, b, similarity| Pair { rows: (a, b), similarity };
        assert!(forest.connect(pair(6, 4, 0.9)));
        assert!(forest.connect(pair(2, 6, 0.8)));
        assert!(!forest.connect(pair(4, 2, 1.0)));
        assert!(forest.connect(pair(1, 7, 0.85)));
        assert_eq!([4, 6, 7, 3].map(|row| forest.first(row)), [2, 2, 1, 3]);
        let link = |row, first, with, similarity| Link { row, first, with, similarity };
        assert_eq!(forest.links(), [link(4, 2, 6, 0.9), link(6, 2, 2, 0.8), link(7, 1, 1, 0.85)]);
    }
}
