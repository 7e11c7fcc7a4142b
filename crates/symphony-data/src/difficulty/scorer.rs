//! A compiled rule: batch in, columns out.
//!
//! One look at a row finds every field that any feature or the identity needs, and each string is decoded once.

use super::{
    Cell, FeatureColumns, Rule, Term,
    columns::MAX_METADATA_BYTES,
    kernel::{Kernel, Scope},
};
use crate::{
    row::{
        FieldSet, Fields, RowBatch, RowFault, Strict,
        identity::{self, IdentityHasher},
        may_hold_halves,
    },
    yaml::{Refusal, walk::nearest_of},
};

/// A rule ready to run.
#[derive(Debug)]
pub struct Scorer {
    fields: FieldSet,
    identity: Vec<usize>,
    names: Vec<String>,
    /// The names as keys of JSON: `"n_asserts":`.
    keys: Vec<String>,
    kernels: Vec<Kernel>,
    /// The features that the score reads, as indices into `kernels`, each once.
    scored: Vec<usize>,
    /// The normalization constants: name, and index into `scored`.
    constants: Vec<(String, usize)>,
    pub(super) terms: Vec<CompiledTerm>,
}

#[derive(Debug)]
pub(super) enum CompiledTerm {
    Feature { scored: usize, weight: f64, constant: Option<usize> },
    ConstantTerm(f64),
}

impl Scorer {
    /// Compiles a rule; `identity` are the fields that tell tasks apart. Without any, the row number does.
    ///
    /// # Errors
    /// Each feature or term that cannot be computed: its name, and why.
    pub fn compile(rule: &Rule, identity: &[String]) -> Result<Self, Vec<(String, Refusal)>> {
        let mut fields = FieldSet::default();
        let mut problems = Vec::new();
        let mut kernels = Vec::new();
        let names: Vec<String> = rule.features.iter().map(|(name, _)| name.clone()).collect();
        for (at, (name, feature)) in rule.features.iter().enumerate() {
            match feature.compile(&mut Scope { fields: &mut fields, earlier: &names[..at] }) {
                Ok(kernel) => kernels.push(kernel),
                Err(refusal) => problems.push((name.clone(), refusal)),
            }
        }
        let mut scorer = Self {
            fields,
            identity: Vec::new(),
            keys: names.iter().map(|name| format!("{}:", serde_json::Value::from(name.as_str()))).collect(),
            names,
            kernels,
            scored: Vec::new(),
            constants: Vec::new(),
            terms: Vec::new(),
        };
        scorer.identity = identity.iter().map(|field| scorer.fields.add(field)).collect();
        for term in &rule.score {
            match term {
                Term::ConstantTerm(number) => scorer.terms.push(CompiledTerm::ConstantTerm(*number)),
                Term::Feature { feature, weight, constant } => {
                    let Some(at) = scorer.names.iter().position(|name| name == feature) else {
                        let known: Vec<&str> = scorer.names.iter().map(String::as_str).collect();
                        let what = "the score names a feature that is not defined";
                        problems.push((feature.clone(), Refusal::new(what, nearest_of(feature, &known))));
                        continue;
                    };
                    let scored = position_or_push(&mut scorer.scored, at);
                    let constant = match constant {
                        None => None,
                        Some(name) => match scorer.constants.iter().position(|(known, _)| known == name) {
                            Some(known) if scorer.constants[known].1 != scored => {
                                let what = format!("the constant `{name}` already belongs to another feature");
                                problems.push((feature.clone(), Refusal::new(what, "")));
                                continue;
                            }
                            Some(known) => Some(known),
                            None => {
                                scorer.constants.push((name.clone(), scored));
                                Some(scorer.constants.len() - 1)
                            }
                        },
                    };
                    scorer.terms.push(CompiledTerm::Feature { scored, weight: *weight, constant });
                }
            }
        }
        if problems.is_empty() { Ok(scorer) } else { Err(problems) }
    }

    /// The paths of the fields that the features and the identity read, each once.
    pub fn fields(&self) -> &[String] {
        self.fields.paths()
    }

    /// The names of the features that the score reads.
    pub fn scored_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.scored.iter().map(|&at| self.names[at].as_str())
    }

    /// The normalization constants: name, and which scored feature it is the 95th percentile of.
    pub fn constants(&self) -> &[(String, usize)] {
        &self.constants
    }

    /// Computes the features of a batch.
    pub fn features(&self, batch: &RowBatch) -> FeatureColumns {
        let mut out = FeatureColumns {
            batch_rows: batch.len(),
            scored: vec![Vec::with_capacity(batch.len()); self.scored.len()],
            ..FeatureColumns::default()
        };
        let mut cells = Vec::with_capacity(self.kernels.len());
        let mut numbers = Vec::with_capacity(self.scored.len());
        for i in 0..batch.len() {
            match self.row(batch, i, &mut cells, &mut numbers) {
                Ok((identity, lax)) => {
                    if !out.metadata.push_object(&self.keys, &cells) {
                        let reason = format!("its features take more than {} MiB", MAX_METADATA_BYTES >> 20);
                        out.rejected.push((i, RowFault::new("", reason)));
                        continue;
                    }
                    out.identities.push(identity);
                    if lax {
                        out.lax.push(i);
                    }
                    for (column, number) in out.scored.iter_mut().zip(&numbers) {
                        column.push(*number);
                    }
                }
                Err(fault) => out.rejected.push((i, fault)),
            }
        }
        out
    }

    /// Computes one row into `cells` and `numbers`, and returns its identity and whether its text is JSON only as Python
    /// reads it.
    fn row(
        &self,
        batch: &RowBatch,
        i: usize,
        cells: &mut Vec<Cell>,
        numbers: &mut Vec<f64>,
    ) -> Result<(u64, bool), RowFault> {
        let text = batch.row(i)?;
        let mut compute = |fields: &Fields<'_>| self.compute(batch, i, fields, cells, numbers);
        if let Some(fields) = self.fields.scan(text, batch.untyped()) {
            return Ok((compute(&fields)?, false));
        }
        // The reader of fields would not notice half a surrogate pair.
        let strict = if may_hold_halves(text.as_bytes()) { Strict::of(text) } else { None };
        let strict = match strict {
            Some(strict) => strict,
            None => match self.fields.read(text, batch.untyped()) {
                Ok(fields) => return Ok((compute(&fields)?, false)),
                // Numbers that JSON does not have are a fault only where they are read.
                Err(fault) => Strict::of(text).ok_or(fault)?,
            },
        };
        Ok((compute(&strict.read(&self.fields, batch.untyped())?)?, true))
    }

    /// Computes the row whose fields these are into `cells` and `numbers`, and returns its identity.
    fn compute(
        &self,
        batch: &RowBatch,
        i: usize,
        fields: &Fields<'_>,
        cells: &mut Vec<Cell>,
        numbers: &mut Vec<f64>,
    ) -> Result<u64, RowFault> {
        cells.clear();
        numbers.clear();
        for kernel in &self.kernels {
            cells.push(kernel.compute(fields, cells)?);
        }
        for &at in &self.scored {
            let number = cells[at].as_number().ok_or_else(|| {
                RowFault::new(
                    "",
                    format!("feature `{}` is no finite number here, so it cannot be scored", self.names[at]),
                )
            })?;
            numbers.push(number);
        }
        match self.identity[..] {
            [] => Ok(identity::of_one(&batch.row_number(i).to_string())),
            [field] => Ok(identity::of_one(&fields.identity_text(field)?)),
            ref several => {
                let mut identity = IdentityHasher::default();
                for &field in several {
                    identity.field(&fields.identity_text(field)?);
                }
                Ok(identity.finish())
            }
        }
    }
}

fn position_or_push(list: &mut Vec<usize>, item: usize) -> usize {
    list.iter().position(|&known| known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
