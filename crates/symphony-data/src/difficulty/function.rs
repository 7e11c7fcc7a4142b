//! Features that the caller computes: `{python: NAME}` in a rule, a function of the whole row in the program that uses
//! this library.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::Cell;
use crate::row::RowFault;

/// A caller's function of a row.
pub trait RowFunction: Send + Sync {
    /// What changes when the function does. It is part of the fingerprint of what it computed.
    fn version(&self) -> &str;

    /// The feature's value for a row, whose JSON text this is; a finite number where it is scored. Called from several
    /// threads at once.
    ///
    /// # Errors
    /// Why it has none.
    fn call(&self, row: &str) -> Result<Cell, RowFault>;
}

/// A function by name, and the function itself once it is registered.
#[derive(Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    registered: Option<Arc<dyn RowFunction>>,
}

impl Function {
    /// A function that nobody registered yet.
    pub fn named(name: String) -> Self {
        Self { name, registered: None }
    }

    /// The function, if it is registered.
    pub fn registered(&self) -> Option<&Arc<dyn RowFunction>> {
        self.registered.as_ref()
    }

    pub(super) fn register(&mut self, function: &Arc<dyn RowFunction>) {
        self.registered = Some(function.clone());
    }

    fn version(&self) -> Option<&str> {
        self.registered.as_deref().map(RowFunction::version)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Function").field(&self.name).field(&self.version()).finish()
    }
}

/// By name and version: what the function does cannot be compared.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.version()) == (&other.name, other.version())
    }
}

impl Serialize for Function {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut function = serializer.serialize_struct("Function", 2)?;
        function.serialize_field("name", &self.name)?;
        function.serialize_field("version", &self.version())?;
        function.end()
    }
}
