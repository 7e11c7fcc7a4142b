//! Compression by a file's ending: `.gz` and `.zst`.

use std::{
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

/// How much is read at once, in bytes.
const BUFFER: usize = 256 << 10;

/// `raw` as the bytes that the file's name promises, decompressed where it ends in `.gz` or `.zst`.
///
/// # Errors
/// The decompressor cannot begin.
pub fn decompress<'r>(path: &Path, raw: impl Read + 'r) -> io::Result<Box<dyn BufRead + 'r>> {
    Ok(match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => Box::new(BufReader::with_capacity(BUFFER, flate2::read::MultiGzDecoder::new(raw))),
        Some("zst") => Box::new(BufReader::with_capacity(BUFFER, zstd::Decoder::new(raw)?)),
        _ => Box::new(BufReader::with_capacity(BUFFER, raw)),
    })
}
