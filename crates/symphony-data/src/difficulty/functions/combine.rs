//! Features of other features: `above`, `mean_of`.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    CallersFunction, Entry, FeatureFunction,
    arguments::{Arguments, form},
    entry,
};
use crate::{
    difficulty::{
        Cell, Feature,
        kernel::{Kernel, Scope},
    },
    row::RowFault,
    yaml::Refusal,
};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[entry::<Above>(), entry::<MeanOf>()];

/// `{above: {feature: NAME, bound: NUMBER}}`: whether another feature, listed earlier, is greater than the bound.
#[derive(Clone, Debug, Serialize)]
struct Above {
    feature: String,
    bound: f64,
}

impl FeatureFunction for Above {
    const NAME: &str = "above";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let [feature, bound] = arguments.named(["feature", "bound"], &[])?;
        let bound = arguments.walk.number(&arguments.place("bound"), bound?)?;
        Some(Self { feature: arguments.text(feature)?, bound })
    }

    fn schema() -> Value {
        form::named(&[("feature", form::text()), ("bound", json!({"type": "number"}))], &[])
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let bound = self.bound;
        let feature = scope.earlier.iter().position(|name| *name == self.feature).ok_or_else(|| {
            Refusal::new(format!("`{}` is not a feature above this one", self.feature), "define it first")
        })?;
        Ok(Kernel::new(move |_, earlier| {
            let value = earlier[feature]
                .as_number()
                .ok_or_else(|| RowFault::new("", "`above` compares a value that is no number"))?;
            Ok(Cell::Bool(value > bound))
        }))
    }
}

/// `{mean_of: [{FUNCTION: …}, …]}`: the mean of inline features.
#[derive(Clone, Debug, Serialize)]
struct MeanOf(Vec<Feature>);

impl FeatureFunction for MeanOf {
    const NAME: &str = "mean_of";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let parts = arguments.walk.list(arguments.place, arguments.node);
        if parts.is_empty() {
            if arguments.node.list().is_some() {
                arguments.problem("the mean of nothing", "list at least one function");
            }
            return None;
        }
        let part = |(at, part)| super::read(arguments.walk, &format!("{}[{at}]", arguments.place), part);
        // All are read before one that is wrong stops it, so that each problem is found.
        let parts: Vec<Option<Feature>> = parts.iter().enumerate().map(part).collect();
        parts.into_iter().collect::<Option<_>>().map(Self)
    }

    fn schema() -> Value {
        json!({"type": "array", "items": {"$ref": "#/$defs/feature"}, "minItems": 1})
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let parts: Vec<Kernel> = self.0.iter().map(|part| part.compile(scope)).collect::<Result<_, _>>()?;
        Ok(Kernel::new(move |row, earlier| {
            let mut sum = 0.0;
            for part in &parts {
                sum += part
                    .compute(row, earlier)?
                    .as_number()
                    .ok_or_else(|| RowFault::new("", "`mean_of` averages a value that is no number"))?;
            }
            Ok(Cell::Float(sum / parts.len() as f64))
        }))
    }

    fn callers_functions(&mut self) -> Vec<&mut CallersFunction> {
        self.0.iter_mut().flat_map(Feature::callers_functions).collect()
    }
}
