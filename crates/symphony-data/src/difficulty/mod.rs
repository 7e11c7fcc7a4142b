//! Difficulty: from a batch of rows to feature columns, from features to constants, from both to scores.
//!
//! Pure functions: nothing here reads a file or knows which benchmark it serves.

pub mod feature;
pub mod function;
pub mod plan;
pub mod score;

pub use feature::{Cell, Feature, Which};
pub use function::{Function, RowFunction};
pub use plan::{FeatureColumns, Plan, Rule, Term, Texts};
pub use score::{Constants, Normalization, RawRange};
