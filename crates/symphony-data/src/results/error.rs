//! Errors of results.

use crate::{evidence::EvidenceError, hint::Hint, pool::PoolError};

/// Why there are no results.
// The names of the fields say what they hold.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The pool has generated tasks, and the configuration has real ones.
    #[error("{pool}: its tasks are generated, and the configuration has real ones")]
    Generated { pool: String },
    /// The tasks cannot be grouped as asked.
    #[error("{pool}: its tasks cannot be grouped by {by}: {reason}; it has {}", has.join(", "))]
    NoSuchGroups { pool: String, by: String, reason: String, has: Vec<String> },
    /// No model has a name that was asked for.
    #[error("no model named {model:?} has responses to the pool; these models have: {}", models.join(", "))]
    NoSuchModel { model: String, models: Vec<String> },
    /// No model has the name of the baseline.
    #[error("the baseline {baseline:?} has no responses to the pool; these models have: {}", models.join(", "))]
    NoSuchBaseline { baseline: String, models: Vec<String> },
    /// The caller asked to stop.
    #[error("stopped; nothing was written")]
    Stopped,
    /// The pool cannot be read.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The responses cannot be used.
    #[error(transparent)]
    Evidence(EvidenceError),
}

impl From<EvidenceError> for ResultsError {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Pool(error) => Self::Pool(error),
            EvidenceError::Cancelled => Self::Stopped,
            error => Self::Evidence(error),
        }
    }
}

impl ResultsError {
    /// The ways out that are not in the message.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Generated { .. } => vec![Hint::Demo],
            Self::Evidence(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}
