//! Features that the caller computes: `{python: NAME}` in a rule, a function of the whole row in the program that uses
//! this library.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Value, json};

use super::{Entry, FeatureFunction, arguments::Arguments, entry};
use crate::{
    difficulty::{
        Cell,
        kernel::{Kernel, Scope},
    },
    row::RowFault,
    yaml::Refusal,
};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[entry::<CallersFunction>()];

/// A caller's function of a row.
pub trait RowFunction: Send + Sync {
    /// A text that changes when the function does. It is part of the fingerprint of a store whose features it computed.
    fn version(&self) -> &str;

    /// The feature's value for a row, whose JSON text this is; a finite number where it is scored. Called from several
    /// threads at once.
    ///
    /// # Errors
    /// Why the row has no value.
    fn call(&self, row: &str) -> Result<Cell, RowFault>;
}

/// A function by name, and the function itself once it is registered.
#[derive(Clone)]
pub(in crate::difficulty) struct CallersFunction {
    pub(in crate::difficulty) name: String,
    registered: Option<Arc<dyn RowFunction>>,
}

impl FeatureFunction for CallersFunction {
    const NAME: &str = "python";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let name = arguments.text(Some(arguments.node))?;
        Some(Self { name, registered: None })
    }

    fn schema() -> Value {
        json!({"description": "the name of a function that a Python program registers", "type": "string"})
    }

    fn compile(&self, _: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let function = self.clone();
        Ok(Kernel::new(move |row, _| {
            let registered = function
                .registered
                .as_ref()
                .ok_or_else(|| RowFault::new("", function.unregistered().unwrap_or_default().to_string()))?;
            registered
                .call(row.row())
                .map_err(|fault| RowFault { reason: format!("`{}`: {}", function.name, fault.reason), ..fault })
        }))
    }

    fn callers_functions(&mut self) -> Vec<&mut CallersFunction> {
        vec![self]
    }
}

impl CallersFunction {
    pub(in crate::difficulty) fn register(&mut self, function: &Arc<dyn RowFunction>) {
        self.registered = Some(function.clone());
    }

    /// Why it cannot be computed yet; `None` once it is registered.
    pub(in crate::difficulty) fn unregistered(&self) -> Option<Refusal> {
        self.registered.is_none().then(|| {
            Refusal::new(
                format!("no function `{}` is registered", self.name),
                format!("in Python, `builder.register_feature(\"{}\", function)` does it", self.name),
            )
        })
    }

    fn version(&self) -> Option<&str> {
        self.registered.as_deref().map(RowFunction::version)
    }
}

impl fmt::Debug for CallersFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallersFunction").field(&self.name).field(&self.version()).finish()
    }
}

impl Serialize for CallersFunction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut function = serializer.serialize_struct("CallersFunction", 2)?;
        function.serialize_field("name", &self.name)?;
        function.serialize_field("version", &self.version())?;
        function.end()
    }
}
