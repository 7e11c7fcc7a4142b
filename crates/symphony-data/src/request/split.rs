//! Shares of easy, medium and hard tasks.

/// Whole-number shares of the bins, not all 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The share of easy tasks.
    pub easy: u32,
    /// The share of medium tasks; `None` if the split has two parts.
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
