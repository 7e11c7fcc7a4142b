//! What runs for each row: a feature function with its fields found, its patterns compiled and its references resolved.

use std::fmt;

use super::Cell;
use crate::row::{FieldSet, Fields, RowFault};

/// Computes a feature's value for one row, from its fields and the values of the features before it.
type Compute = dyn Fn(&Fields<'_>, &[Cell]) -> Result<Cell, RowFault> + Send + Sync;

/// A feature ready to run.
pub(super) struct Kernel(Box<Compute>);

impl Kernel {
    pub(super) fn new(
        compute: impl Fn(&Fields<'_>, &[Cell]) -> Result<Cell, RowFault> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(compute))
    }

    /// The value for one row; `earlier` are the values of the features before this one.
    #[inline]
    pub(super) fn compute(&self, row: &Fields<'_>, earlier: &[Cell]) -> Result<Cell, RowFault> {
        (self.0)(row, earlier)
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kernel")
    }
}

/// What a feature may refer to while it is compiled.
pub(super) struct Scope<'s> {
    /// The fields that any feature of the rule reads.
    pub(super) fields: &'s mut FieldSet,
    /// The names of the features before this one, in order.
    pub(super) earlier: &'s [String],
}

impl Scope<'_> {
    /// Has the field at `path` read from each row, and returns its number in [`Fields`].
    pub(super) fn field(&mut self, path: &str) -> usize {
        self.fields.add(path)
    }
}
