//! The end of an index: a table of checksums, the size and checksum of the store that it belongs to, and a checksum of both.

use std::{fs::File, io, path::Path};

use xxhash_rust::xxh3::xxh3_64;

use crate::disk::WrittenFile;

/// The length of `blake3:` and 64 hex digits.
const CHECKSUM: usize = 71;
/// The length of the bytes after the table: the number of rows, the store's size and checksum, a checksum of all that and of
/// the table, and the kind of index.
pub(super) const END: usize = 8 + 8 + CHECKSUM + 8 + 8;

/// Appends the end to a table.
pub(super) fn sealed(table: Vec<u8>, magic: [u8; 8], rows: u64, store: &WrittenFile) -> Vec<u8> {
    let mut end = table;
    end.extend_from_slice(&rows.to_le_bytes());
    end.extend_from_slice(&store.bytes.to_le_bytes());
    end.extend_from_slice(store.checksum.as_bytes());
    end.extend_from_slice(&xxh3_64(&end).to_le_bytes());
    end.extend_from_slice(&magic);
    end
}

/// The table without its end, and the number of rows, if this index belongs to this store.
///
/// # Errors
/// Why the index cannot be used, as a phrase that follows "this file".
pub(super) fn unsealed<'b>(bytes: &'b [u8], magic: [u8; 8], store: &WrittenFile) -> Result<(&'b [u8], u64), String> {
    let (table, end) = bytes.split_at_checked(bytes.len().wrapping_sub(END)).ok_or_else(damaged)?;
    let (covered, own) = bytes.split_at(bytes.len() - 16);
    if xxh3_64(covered) != number(own, 0) || !own.ends_with(&magic) {
        return Err(damaged());
    }
    if number(end, 8) != store.bytes || end[16..16 + CHECKSUM] != *store.checksum.as_bytes() {
        return Err("belongs to another store".to_owned());
    }
    Ok((table, number(end, 0)))
}

/// Opens an index, and returns its length in bytes.
pub(super) fn open(path: &Path) -> Result<(File, u64), String> {
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let length = file.metadata().map_err(|error| unreadable(&error))?.len();
    Ok((file, length))
}

pub(super) fn damaged() -> String {
    "was changed or damaged".to_owned()
}

pub(super) fn unreadable(error: &io::Error) -> String {
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
