//! A rule compiled: batch in, columns out.
//!
//! One look at a row finds every field that any feature or the identity needs, and each string is decoded once.

use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use super::{
    RowFunction,
    feature::{Cell, Feature, Kernel, unregistered},
};
use crate::row::{FieldSet, RowBatch, RowFault};

/// How a benchmark's rows are scored: features in the order in which the metadata lists them, and the terms of the
/// raw score, summed from left to right and then at most 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Name and function of each feature.
    pub features: Vec<(String, Feature)>,
    /// The terms.
    pub score: Vec<Term>,
}

impl Rule {
    /// Registers the function `name` wherever the rule uses it, and says whether it does.
    pub fn register(&mut self, name: &str, function: &Arc<dyn RowFunction>) -> bool {
        let mut used = false;
        for (_, feature) in &mut self.features {
            feature.for_each_function(&mut |known| {
                if known.name == name {
                    known.register(function);
                    used = true;
                }
            });
        }
        used
    }

    /// The features whose functions nobody registered, and why they cannot be computed.
    pub fn unregistered(&self) -> Vec<(String, String)> {
        let mut missing = Vec::new();
        for (name, feature) in &self.features {
            feature.clone().for_each_function(&mut |function| {
                if function.registered().is_none() {
                    missing.push((name.clone(), unregistered(&function.name)));
                }
            });
        }
        missing
    }
}

/// One term of a raw score.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// `weight` times the feature.
    Feature {
        /// The feature's name.
        feature: String,
        /// The weight.
        weight: f64,
        /// The name of the constant that the feature is divided by (its 95th percentile; then at most 1); `None` where
        /// the value counts as it is.
        constant: Option<String>,
    },
    /// A number that every row gets.
    ConstantTerm(f64),
}

/// A rule ready to run.
#[derive(Debug)]
pub struct Plan {
    fields: FieldSet,
    identity: Vec<usize>,
    names: Vec<String>,
    kernels: Vec<Kernel>,
    /// The features that the score reads, as indices into `kernels`, each once.
    scored: Vec<usize>,
    /// The normalization constants: name, and index into `scored`.
    constants: Vec<(String, usize)>,
    pub(super) terms: Vec<PlanTerm>,
}

#[derive(Debug)]
pub(super) enum PlanTerm {
    Feature { scored: usize, weight: f64, constant: Option<usize> },
    ConstantTerm(f64),
}

/// The features of a batch's good rows, column by column, and the rows that are set aside.
#[derive(Debug)]
pub struct FeatureColumns {
    /// Which rows of the batch are good, ascending. All other vectors but `rejected` run along these.
    pub rows: Vec<usize>,
    /// xxh3_64 (seed 0) of the identity bytes of each row.
    pub identities: Vec<u64>,
    /// One column a feature, in the rule's order.
    pub columns: Vec<Column>,
    /// The scored features as numbers, in the order of [`Plan::scored_names`].
    pub scored: Vec<Vec<f64>>,
    /// The rows that no score can be computed for, and why.
    pub rejected: Vec<(usize, RowFault)>,
}

/// One feature's values.
#[derive(Debug, Default)]
pub struct Column(Vec<Cell>);

impl Column {
    /// The value at position `i` of [`FeatureColumns::rows`].
    pub fn cell(&self, i: usize) -> &Cell {
        &self.0[i]
    }
}

/// How many rows one task takes: enough to outweigh handing it over, few enough to share a batch evenly.
const ROWS_PER_TASK: usize = 256;

impl Plan {
    /// Compiles a rule; `identity` are the fields that say which task a row is (none: its row number).
    ///
    /// # Errors
    /// Each feature or term that cannot be computed: its name, and why.
    pub fn compile(rule: &Rule, identity: &[String]) -> Result<Self, Vec<(String, String)>> {
        let mut fields = FieldSet::default();
        let mut problems = Vec::new();
        let mut kernels = Vec::new();
        let names: Vec<String> = rule.features.iter().map(|(name, _)| name.clone()).collect();
        for (at, (name, feature)) in rule.features.iter().enumerate() {
            let earlier: Vec<&str> = names[..at].iter().map(String::as_str).collect();
            match Kernel::compile(feature, &mut fields, &earlier) {
                Ok(kernel) => kernels.push(kernel),
                Err(why) => problems.push((name.clone(), why)),
            }
        }
        let mut plan = Self {
            fields,
            identity: Vec::new(),
            names,
            kernels,
            scored: Vec::new(),
            constants: Vec::new(),
            terms: Vec::new(),
        };
        plan.identity = identity.iter().map(|field| plan.fields.add(field)).collect();
        for term in &rule.score {
            match term {
                Term::ConstantTerm(number) => plan.terms.push(PlanTerm::ConstantTerm(*number)),
                Term::Feature { feature, weight, constant } => {
                    let Some(at) = plan.names.iter().position(|name| name == feature) else {
                        problems.push((feature.clone(), "the score names a feature that is not defined".to_owned()));
                        continue;
                    };
                    let scored = position_or_push(&mut plan.scored, at);
                    let constant = match constant {
                        None => None,
                        Some(name) => match plan.constants.iter().position(|(known, _)| known == name) {
                            Some(known) if plan.constants[known].1 != scored => {
                                problems.push((
                                    feature.clone(),
                                    format!("the constant `{name}` already belongs to another feature"),
                                ));
                                continue;
                            }
                            Some(known) => Some(known),
                            None => {
                                plan.constants.push((name.clone(), scored));
                                Some(plan.constants.len() - 1)
                            }
                        },
                    };
                    plan.terms.push(PlanTerm::Feature { scored, weight: *weight, constant });
                }
            }
        }
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    /// The features' names, in the rule's order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The names of the features that the score reads.
    pub fn scored_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.scored.iter().map(|&at| self.names[at].as_str())
    }

    /// The normalization constants: name, and which scored feature it is the 95th percentile of.
    pub fn constants(&self) -> &[(String, usize)] {
        &self.constants
    }

    /// Computes the features of a batch, on all cores; the result does not depend on how many there are.
    pub fn features(&self, batch: &RowBatch) -> FeatureColumns {
        let starts: Vec<usize> = (0..batch.len()).step_by(ROWS_PER_TASK).collect();
        let mut parts = starts
            .into_par_iter()
            .map(|start| self.features_of(batch, start..(start + ROWS_PER_TASK).min(batch.len())))
            .collect::<Vec<_>>()
            .into_iter();
        let mut all = parts.next().unwrap_or_else(|| self.empty());
        for part in parts {
            all.rows.extend(part.rows);
            all.identities.extend(part.identities);
            all.rejected.extend(part.rejected);
            for (column, more) in all.columns.iter_mut().zip(part.columns) {
                column.0.extend(more.0);
            }
            for (column, more) in all.scored.iter_mut().zip(part.scored) {
                column.extend(more);
            }
        }
        all
    }

    fn empty(&self) -> FeatureColumns {
        FeatureColumns {
            rows: Vec::new(),
            identities: Vec::new(),
            columns: self.kernels.iter().map(|_| Column::default()).collect(),
            scored: vec![Vec::new(); self.scored.len()],
            rejected: Vec::new(),
        }
    }

    fn features_of(&self, batch: &RowBatch, rows: std::ops::Range<usize>) -> FeatureColumns {
        let mut out = self.empty();
        let mut cells = Vec::with_capacity(self.kernels.len());
        let mut numbers = Vec::with_capacity(self.scored.len());
        for i in rows {
            match self.row(batch, i, &mut cells, &mut numbers) {
                Ok(identity) => {
                    out.rows.push(i);
                    out.identities.push(identity);
                    for (column, cell) in out.columns.iter_mut().zip(cells.drain(..)) {
                        column.0.push(cell);
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

    /// Computes one row into `cells` and `numbers` and returns its identity.
    fn row(&self, batch: &RowBatch, i: usize, cells: &mut Vec<Cell>, numbers: &mut Vec<f64>) -> Result<u64, RowFault> {
        cells.clear();
        numbers.clear();
        let fields = self.fields.read(batch.row(i)?, batch.untyped())?;
        for kernel in &self.kernels {
            cells.push(kernel.compute(&fields, cells)?);
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
        let mut identity = Xxh3::new();
        if self.identity.is_empty() {
            identity.update(batch.row_number(i).to_string().as_bytes());
        }
        for (at, &field) in self.identity.iter().enumerate() {
            if at > 0 {
                identity.update(&[0x1f]);
            }
            identity.update(fields.text_or_json(field)?.as_bytes());
        }
        Ok(identity.digest())
    }
}

fn position_or_push(list: &mut Vec<usize>, item: usize) -> usize {
    list.iter().position(|&known| known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
