//! A feature: one function of the YAML with its arguments.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    functions::{self, CallersFunction, FeatureFunction},
    kernel::{Kernel, Scope},
};
use crate::yaml::{Node, Problems, Refusal, Walk};

/// One feature function with its arguments, as a configuration writes it.
///
/// Serialized, as `{"words":"question"}`, it is part of a benchmark's fingerprint.
#[derive(Debug)]
pub struct Feature(Box<dyn AnyFunction>);

impl Feature {
    pub(super) fn new(function: impl FeatureFunction) -> Self {
        Self(Box::new(function))
    }

    /// The feature that is written so in YAML: `{words: question}`.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn from_yaml(text: &str) -> Result<Self, Problems> {
        let node = Node::parse("feature", text)?;
        let mut walk = Walk::default();
        functions::read(&mut walk, "", &node).ok_or(Problems(walk.problems))
    }

    /// The value of a field as it stands, `{field: PATH}`.
    pub fn field(path: &str) -> Self {
        Self::new(functions::Field(path.to_owned()))
    }

    /// The function's name in YAML.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    pub(super) fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        self.0.compile(scope)
    }

    pub(super) fn callers_functions(&mut self) -> Vec<&mut CallersFunction> {
        self.0.callers_functions()
    }
}

/// A [`FeatureFunction`] whose type is not known here.
trait AnyFunction: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;
    fn arguments(&self) -> serde_json::Value;
    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal>;
    fn callers_functions(&mut self) -> Vec<&mut CallersFunction>;
    fn to_box(&self) -> Box<dyn AnyFunction>;
}

impl<F: FeatureFunction> AnyFunction for F {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn arguments(&self) -> serde_json::Value {
        // Texts, finite numbers, lists and mappings with text keys always have a JSON form.
        serde_json::to_value(self).unwrap_or_default()
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        FeatureFunction::compile(self, scope)
    }

    fn callers_functions(&mut self) -> Vec<&mut CallersFunction> {
        FeatureFunction::callers_functions(self)
    }

    fn to_box(&self) -> Box<dyn AnyFunction> {
        Box::new(self.clone())
    }
}

impl Clone for Feature {
    fn clone(&self) -> Self {
        Self(self.0.to_box())
    }
}

/// Two features are equal where a fingerprint cannot tell them apart.
impl PartialEq for Feature {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.0.arguments() == other.0.arguments()
    }
}

impl Serialize for Feature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut feature = serializer.serialize_map(Some(1))?;
        feature.serialize_entry(self.name(), &self.0.arguments())?;
        feature.end()
    }
}
