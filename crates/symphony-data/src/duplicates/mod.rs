//! Texts that are nearly the same, and texts that occur in other text. Texts in, groups out: this room reads no files.
//!
//! [`find`] groups texts whose runs of five words have a Jaccard similarity of at least [`SIMILAR`]. MinHash names the
//! candidates, and each pair that counts is compared shingle by shingle, on the words themselves. [`overlap`] looks for
//! runs of thirteen words in other text.
//!
//! MinHash and banding are written out here, on the xxh3 that names identities already. The crates for it keep all
//! signatures with all their hashes, compare each pair of a bucket, or return candidates that nothing verified; and what
//! they would save is some hundred lines that decide which rows a pool may draw, and so must never change.

mod forest;
mod join;
mod minhash;
pub mod overlap;
mod shingle;
mod words;

pub use shingle::{SHINGLE, Shingles};
pub use words::Words;

/// Texts are near-duplicates from this Jaccard similarity of their shingles on.
pub const SIMILAR: f64 = 0.8;

/// Where the texts come from. They need not be in memory.
pub trait Texts: Sync {
    /// Why a text cannot be read.
    type Error: Send;

    /// How many there are, at most 2³² − 1.
    fn len(&self) -> usize;

    /// Whether it is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The texts of these rows, which ascend, in the same order. Called again and again, and must give the same texts.
    ///
    /// # Errors
    /// They cannot be read, or the caller asked to stop.
    fn get(&self, rows: &[u32]) -> Result<Vec<String>, Self::Error>;

    /// Told how many rows were read, or compared, of how many.
    fn done(&self, rows: usize) {
        let _ = rows;
    }
}

/// Two rows and the Jaccard similarity of their texts, 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The rows.
    pub rows: (u32, u32),
    /// The similarity.
    pub similarity: f64,
}

/// A row of a group, other than the group's first, and the row that brought it in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The row.
    pub row: u32,
    /// The first row of its group.
    pub first: u32,
    /// A row of its group: its text is similar, or the caller said that both belong together.
    pub with: u32,
    /// The Jaccard similarity of both texts, 0..1.
    pub similarity: f64,
}

/// The groups that were found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// A link for each row of a group other than its first, by row. Rows without a link, and that no link names, are alone.
    pub links: Vec<Link>,
    /// The similarity of each of the pairs that the caller said belong together, in the same order.
    pub together: Vec<Pair>,
    /// Whether every candidate pair was compared. If many thousand rows are almost similar to each other, each is compared
    /// with some of them only, so that time stays in proportion to the number of rows.
    pub is_whole: bool,
}

/// Groups rows whose texts are near-duplicates: those of similarity [`SIMILAR`] and more, directly or over other rows. The
/// caller may name pairs that belong `together` whatever their texts are. Texts without words are like no other.
///
/// A pair of similarity 0.8 is found with probability 0.999, a pair of more with a higher one, and no other pair is. The
/// result depends on the texts and on the order of the rows alone; the groups do not depend on their order. Memory holds
/// at most 1.3 kB for each row, about 400 bytes for rows of 50 words, and some thousand texts at a time.
///
/// # Errors
/// A text cannot be read.
pub fn find<T: Texts>(texts: &T, together: &[(u32, u32)]) -> Result<Found, T::Error> {
    join::find(texts, together)
}
