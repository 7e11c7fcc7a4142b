//! The features of a batch as columns, and their form as bytes while a benchmark is preprocessed.

use super::Cell;
use crate::row::RowFault;

/// How long a row's features may be as JSON, in bytes: `{field: …}` keeps the value that it finds, and a rule may have many.
pub(super) const MAX_METADATA_BYTES: usize = 64 << 20;

/// The features of a batch's good rows, column by column, and the rows that are set aside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureColumns {
    /// How many rows the batch has, good and bad.
    pub batch_rows: usize,
    /// The identity of each good row: xxh3_64 (seed 0) of the values of its identity fields.
    pub identities: Vec<u64>,
    /// The scored features as numbers, in the order of [`Scorer::scored_names`](super::Scorer::scored_names); each has one
    /// number a good row.
    pub scored: Vec<Vec<f64>>,
    /// All features of each good row, as a JSON object.
    pub metadata: Texts,
    /// The rows of the batch that have no score, ascending, and why.
    pub rejected: Vec<(usize, RowFault)>,
    /// The good rows of the batch whose text is not JSON as the standard has it, ascending: they are stored as
    /// `Strict` writes them.
    pub lax: Vec<usize>,
}

/// Texts, one behind the other in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u64>,
}

impl Texts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Text `i`.
    pub fn get(&self, i: usize) -> &[u8] {
        let from = i.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.bytes[from..self.ends[i] as usize]
    }

    /// Appends a row's features as a JSON object, with these keys (`"n_asserts":`); nothing, and `false`, where that would be
    /// too long.
    #[inline]
    pub(super) fn push_object(&mut self, keys: &[String], cells: &[Cell]) -> bool {
        let start = self.bytes.len();
        self.bytes.push(b'{');
        for (at, (cell, key)) in cells.iter().zip(keys).enumerate() {
            if at > 0 {
                self.bytes.push(b',');
            }
            self.bytes.extend_from_slice(key.as_bytes());
            cell.write_json(&mut self.bytes);
            if self.bytes.len() - start > MAX_METADATA_BYTES {
                self.bytes.truncate(start);
                return false;
            }
        }
        self.bytes.push(b'}');
        self.ends.push(self.bytes.len() as u64);
        true
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

    /// The reverse of [`FeatureColumns::to_bytes`]; `columns` is how many features are scored.
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
