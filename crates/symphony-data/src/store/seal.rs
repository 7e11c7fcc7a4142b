//! The end of an index: a table of checksums, where the labels are, the size and checksum of the store that it belongs to, and
//! a checksum of all that.

use std::{fs::File, io, path::Path};

use xxhash_rust::xxh3::xxh3_64;

use super::held::HeldFile;
use crate::disk::WrittenFile;

/// The length of `blake3:` and 64 hex digits.
const CHECKSUM: usize = 71;
/// The length of the bytes after the table: the number of rows, the labels, the store's size and checksum, a checksum of all
/// that and of the table, and the kind of index.
pub(super) const END: usize = 8 + 24 + 8 + CHECKSUM + 8 + 8;
/// An index up to this size, in bytes, is read at once.
const SMALL: u64 = 1 << 20;

/// What the end says of the labels.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LabelsEnd {
    /// How many there are.
    pub count: u64,
    /// The length of their directory, in bytes.
    pub directory: u64,
    /// xxh3_64 of the directory.
    pub checksum: u64,
}

/// What the end says, apart from the store that the index belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub rows: u64,
    pub labels: LabelsEnd,
}

impl End {
    fn of(end: &[u8]) -> Self {
        let labels = LabelsEnd { count: number(end, 8), directory: number(end, 16), checksum: number(end, 24) };
        Self { rows: number(end, 0), labels }
    }

    /// Appends the end to a table.
    pub fn sealed(self, table: Vec<u8>, magic: [u8; 8], store: &WrittenFile) -> Vec<u8> {
        let mut end = table;
        let LabelsEnd { count, directory, checksum } = self.labels;
        for number in [self.rows, count, directory, checksum, store.bytes] {
            end.extend_from_slice(&number.to_le_bytes());
        }
        end.extend_from_slice(store.checksum.as_bytes());
        end.extend_from_slice(&xxh3_64(&end).to_le_bytes());
        end.extend_from_slice(&magic);
        end
    }
}

/// The bytes of an index that is open.
#[derive(Debug)]
pub(super) enum Bytes {
    File(HeldFile, u64),
    Memory(Vec<u8>),
}

impl Bytes {
    /// Opens an index, which stays open if it is `held`.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn open(path: &Path, held: bool) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|error| unreadable(&error))?;
        let length = file.metadata().map_err(|error| unreadable(&error))?.len();
        if length > SMALL {
            return Ok(Self::File(HeldFile::new(path, file, held), length));
        }
        let mut all = Vec::with_capacity(length as usize);
        io::Read::read_to_end(&mut file, &mut all).map_err(|error| unreadable(&error))?;
        Ok(Self::Memory(all))
    }

    fn len(&self) -> u64 {
        match self {
            Self::File(_, length) => *length,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    pub fn read(&self, into: &mut [u8], from: u64) -> io::Result<()> {
        match self {
            Self::File(file, _) => file.read(into, from),
            Self::Memory(bytes) => {
                let from = from as usize;
                let found = from.checked_add(into.len()).and_then(|to| bytes.get(from..to));
                into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }

    /// The end of the index, and the table before it, if the index belongs to this store. `lengths` gives the length of the
    /// bytes before the table, and that of the table; `None` if no index has such an end.
    ///
    /// # Errors
    /// Why the index cannot be used, as a phrase that follows "this file".
    pub fn unsealed(
        &self,
        magic: [u8; 8],
        store: &WrittenFile,
        lengths: impl Fn(End) -> Option<(u64, u64)>,
    ) -> Result<(End, Vec<u8>), String> {
        let mut end = vec![0; self.len().min(END as u64) as usize];
        let end_at = self.len() - end.len() as u64;
        self.read(&mut end, end_at).map_err(|_| damaged())?;
        if !end.ends_with(&magic) {
            return Err(if is_older(&end, magic) { "was written by an older version".to_owned() } else { damaged() });
        }
        if end.len() < END {
            return Err(damaged());
        }
        let said = End::of(&end);
        // Before anything is read or allocated for it, what the end says must fit the length of the file.
        let (before, table) = lengths(said).ok_or_else(damaged)?;
        if before.checked_add(table) != Some(end_at) {
            return Err(damaged());
        }
        let mut covered = vec![0; table as usize];
        self.read(&mut covered, before).map_err(|_| damaged())?;
        let (own, _) = end[END - 16..].split_at(8);
        covered.extend_from_slice(&end[..END - 16]);
        if xxh3_64(&covered) != number(own, 0) {
            return Err(damaged());
        }
        if number(&end, 32) != store.bytes || end[40..40 + CHECKSUM] != *store.checksum.as_bytes() {
            return Err("belongs to another store".to_owned());
        }
        covered.truncate(table as usize);
        Ok((said, covered))
    }
}

/// Whether an index of the same kind ends like this, but with the number of an older format.
fn is_older(end: &[u8], magic: [u8; 8]) -> bool {
    let (kind, own) = magic.split_at(6);
    let found = end.len().checked_sub(8).and_then(|at| end[at..].strip_prefix(kind));
    found.is_some_and(|found| found > b"00".as_slice() && found < own && found.iter().all(u8::is_ascii_digit))
}

fn damaged() -> String {
    "was changed or damaged".to_owned()
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "is missing".to_owned(),
        _ => format!("cannot be read ({error})"),
    }
}

pub(super) fn number(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}
