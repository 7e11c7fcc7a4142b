//! A rule compiled: batch in, columns out.
//!
//! One look at a row finds every field that any feature or the identity needs, and each string is decoded once.

use std::sync::Arc;

use serde::Serialize;

use super::{
    RowFunction,
    feature::{Cell, Feature, Kernel, unregistered},
};
use crate::row::{FieldSet, Fields, RowBatch, RowFault, Strict, identity::IdentityHasher};

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

/// How long a row's features may be as JSON, in bytes: `{field: …}` keeps what it finds, and may be asked many times.
const MAX_METADATA_BYTES: usize = 64 << 20;

/// A rule ready to run.
#[derive(Debug)]
pub struct Plan {
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
    pub(super) terms: Vec<PlanTerm>,
}

#[derive(Debug)]
pub(super) enum PlanTerm {
    Feature { scored: usize, weight: f64, constant: Option<usize> },
    ConstantTerm(f64),
}

/// The features of a batch's good rows, column by column, and the rows that are set aside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureColumns {
    /// How many rows the batch has, good and bad.
    pub batch_rows: usize,
    /// The identity of each good row: xxh3_64 (seed 0) of the values of its identity fields.
    pub identities: Vec<u64>,
    /// The scored features as numbers, in the order of [`Plan::scored_names`]; each runs along the good rows.
    pub scored: Vec<Vec<f64>>,
    /// All features of each good row, as a JSON object.
    pub metadata: Texts,
    /// The rows of the batch that no score can be computed for, ascending, and why.
    pub rejected: Vec<(usize, RowFault)>,
    /// The good rows of the batch whose text is not JSON as the standard has it, ascending: they are stored as
    /// `Strict` has them.
    pub lax: Vec<usize>,
}

/// Texts, one behind the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u64>,
}

impl Texts {
    /// Text `i`.
    pub fn get(&self, i: usize) -> &[u8] {
        let from = i.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.bytes[from..self.ends[i] as usize]
    }
}

impl FeatureColumns {
    /// The good rows of the batch, ascending.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        let mut rejected = self.rejected.iter().map(|(row, _)| *row).peekable();
        (0..self.batch_rows).filter(move |row| rejected.next_if_eq(row).is_none())
    }

    /// All of it as bytes, for [`FeatureColumns::from_bytes`]. The scored features come first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rejected: Vec<_> = self.rejected.iter().map(|(row, fault)| (row, &fault.field, &fault.reason)).collect();
        // Numbers and texts can always be written.
        let rejected = serde_json::to_vec(&(rejected, &self.lax)).unwrap_or_default();
        let rows = self.identities.len();
        let mut bytes = Vec::with_capacity(8 * (rows * (self.scored.len() + 2) + 4) + self.metadata.bytes.len());
        for number in [self.batch_rows, rows, self.metadata.bytes.len()] {
            bytes.extend_from_slice(&(number as u64).to_le_bytes());
        }
        for value in self.scored.iter().flatten() {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        for identity in &self.identities {
            bytes.extend_from_slice(&identity.to_le_bytes());
        }
        for end in &self.metadata.ends {
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        bytes.extend_from_slice(&self.metadata.bytes);
        bytes.extend_from_slice(&rejected);
        bytes
    }

    /// How many of the first bytes hold `columns` scored features of `rows` rows.
    pub fn bytes_of_scored(rows: usize, columns: usize) -> usize {
        24 + rows * columns * 8
    }

    /// The scored features alone, from as many bytes as they take.
    pub fn scored_from_bytes(bytes: &[u8], columns: usize) -> Vec<Vec<f64>> {
        let rows = number(bytes, 8) as usize;
        let column = |at: usize| -> Vec<f64> {
            bytes[24 + at * rows * 8..][..rows * 8]
                .chunks_exact(8)
                .map(|bits| f64::from_bits(number(bits, 0)))
                .collect()
        };
        (0..columns).map(column).collect()
    }

    /// What [`FeatureColumns::to_bytes`] made bytes of, with so many columns.
    pub fn from_bytes(bytes: &[u8], columns: usize) -> Self {
        let (batch_rows, rows, text) = (number(bytes, 0), number(bytes, 8) as usize, number(bytes, 16) as usize);
        let (_, rest) = bytes.split_at(Self::bytes_of_scored(rows, columns));
        let (identities, rest) = rest.split_at(rows * 8);
        let (ends, rest) = rest.split_at(rows * 8);
        let (metadata, rejected) = rest.split_at(text);
        let (rejected, lax): (Vec<(usize, String, String)>, _) = serde_json::from_slice(rejected).unwrap_or_default();
        Self {
            batch_rows: batch_rows as usize,
            identities: identities.chunks_exact(8).map(|bytes| number(bytes, 0)).collect(),
            scored: Self::scored_from_bytes(bytes, columns),
            metadata: Texts {
                bytes: metadata.to_vec(),
                ends: ends.chunks_exact(8).map(|bytes| number(bytes, 0)).collect(),
            },
            rejected: rejected.into_iter().map(|(row, field, reason)| (row, RowFault::new(&field, reason))).collect(),
            lax,
        }
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

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
            keys: names.iter().map(|name| format!("{}:", serde_json::Value::from(name.as_str()))).collect(),
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

    /// The paths of the fields that the features and the identity read, each once.
    pub fn fields(&self) -> &[String] {
        self.fields.paths()
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

    /// Computes the features of a batch.
    pub fn features(&self, batch: &RowBatch) -> FeatureColumns {
        let mut out = FeatureColumns {
            batch_rows: batch.len(),
            scored: vec![Vec::with_capacity(batch.len()); self.scored.len()],
            ..FeatureColumns::default()
        };
        let mut cells = Vec::with_capacity(self.kernels.len());
        let mut numbers = Vec::with_capacity(self.scored.len());
        let halves = batch.may_hold_halves();
        for i in 0..batch.len() {
            match self.row(batch, i, halves, &mut cells, &mut numbers) {
                Ok((identity, lax)) => {
                    if !self.write_metadata(&cells, &mut out.metadata) {
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

    /// Appends a row's features as a JSON object; nothing, and `false`, where that would be too long.
    fn write_metadata(&self, cells: &[Cell], to: &mut Texts) -> bool {
        let start = to.bytes.len();
        to.bytes.push(b'{');
        for (at, (cell, name)) in cells.iter().zip(&self.keys).enumerate() {
            if at > 0 {
                to.bytes.push(b',');
            }
            to.bytes.extend_from_slice(name.as_bytes());
            cell.write_json(&mut to.bytes);
            if to.bytes.len() - start > MAX_METADATA_BYTES {
                to.bytes.truncate(start);
                return false;
            }
        }
        to.bytes.push(b'}');
        to.ends.push(to.bytes.len() as u64);
        true
    }

    /// Computes one row into `cells` and `numbers`, and returns its identity and whether its text is JSON only as Python
    /// reads it. `halves`: whether the row may hold half a surrogate pair, which the reader of fields would pass over.
    fn row(
        &self,
        batch: &RowBatch,
        i: usize,
        halves: bool,
        cells: &mut Vec<Cell>,
        numbers: &mut Vec<f64>,
    ) -> Result<(u64, bool), RowFault> {
        let text = batch.row(i)?;
        let mut compute = |fields: &Fields<'_>| self.compute(batch, i, fields, cells, numbers);
        let strict = if halves { Strict::of(text) } else { None };
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
        let mut identity = IdentityHasher::default();
        if self.identity.is_empty() {
            identity.field(&batch.row_number(i).to_string());
        }
        for &field in &self.identity {
            identity.field(&fields.identity_text(field)?);
        }
        Ok(identity.finish())
    }
}

fn position_or_push(list: &mut Vec<usize>, item: usize) -> usize {
    list.iter().position(|&known| known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
