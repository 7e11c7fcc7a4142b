//! Difficulty: from a batch of rows to feature columns, from features to constants, from both to scores.
//!
//! Pure functions: nothing here reads a file or depends on a particular benchmark. Each feature function of the YAML is one
//! block of code in `functions/`; all other files treat them alike.

pub mod cell;
pub mod columns;
pub mod feature;
pub(crate) mod functions;
mod kernel;
pub mod rule;
pub mod score;
pub mod scorer;

pub use cell::Cell;
pub use columns::{FeatureColumns, Texts};
pub use feature::Feature;
pub use functions::RowFunction;
pub use rule::{Rule, Term};
pub use score::{Constants, Normalization, RawRange};
pub use scorer::Scorer;
