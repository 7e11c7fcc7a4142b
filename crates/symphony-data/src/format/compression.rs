//! Compression with gzip and Zstandard, recognized by a file's first bytes, not by its name.
//!
//! Files come from strangers, and a few kilobytes can decompress to any size. A file that decompresses to more than
//! real data does is refused.

use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    rc::Rc,
};

/// How much is read at once, in bytes.
const BUFFER: usize = 256 << 10;
/// How many times its stored size a file may decompress to. Text compresses 3 to 10 times, repetitive logs 100 times.
const MAX_RATIO: u64 = 500;
/// Below this size, in bytes, the ratio is not checked: it fits anywhere.
const UNASKED: u64 = 64 << 20;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The compression of a file that begins with these bytes, at least 4 if it has them; `None` if it is not
    /// compressed, or in another way.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // A frame, or one that decoders skip.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The compression that a file's name says it has.
    pub fn named(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        let of = |name: &str| ending.eq_ignore_ascii_case(name);
        if of("gz") { Some(Self::Gzip) } else { of("zst").then_some(Self::Zstd) }
    }

    /// Whether a file's name says that it is compressed.
    pub fn is_named(path: &Path) -> bool {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| without_ending(name) != name)
    }
}

/// A file's name without `.gz` or `.zst`, in any case of letters.
pub(super) fn without_ending(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((plain, ending)) if ending.eq_ignore_ascii_case("gz") || ending.eq_ignore_ascii_case("zst") => plain,
        _ => name,
    }
}

/// The bytes of `raw`, decompressed if they are compressed.
///
/// # Errors
/// The first bytes cannot be read, or the decompressor cannot start.
pub fn decompress<'r>(mut raw: impl Read + 'r) -> io::Result<Box<dyn BufRead + 'r>> {
    let mut head = Vec::new();
    (&mut raw).take(4).read_to_end(&mut head)?;
    let compression = Compression::of(&head);
    let whole = io::Cursor::new(head).chain(raw);
    let Some(compression) = compression else { return Ok(buffered(whole)) };
    let read = Rc::new(Cell::new(0));
    let counted = Counted { inner: whole, bytes: read.clone() };
    let stored = move || read.get();
    Ok(match compression {
        Compression::Gzip => buffered(bounded(flate2::read::MultiGzDecoder::new(counted), stored)),
        Compression::Zstd => buffered(bounded(zstd::Decoder::new(counted)?, stored)),
    })
}

/// Adds a buffer.
fn buffered<'r>(inner: impl Read + 'r) -> Box<dyn BufRead + 'r> {
    Box::new(BufReader::with_capacity(BUFFER, inner))
}

/// Wraps the decompressor `inner`, and ends with an error once far more bytes came out than the `stored` bytes that
/// went in. `stored` returns the compressed size if it is known, or the number of bytes read so far.
pub(crate) fn bounded<R: Read>(inner: R, stored: impl Fn() -> u64) -> impl Read {
    Bounded { inner, unfolded: 0, stored }
}

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + n as u64);
        Ok(n)
    }
}

/// Ends with an error once far more came out than went in.
struct Bounded<R, S> {
    inner: R,
    unfolded: u64,
    stored: S,
}

impl<R: Read, S: Fn() -> u64> Read for Bounded<R, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.unfolded += n as u64;
        if self.unfolded > UNASKED && self.unfolded / MAX_RATIO > (self.stored)() {
            let reason = format!(
                "decompresses to more than {MAX_RATIO} times its size, which real data does not; if it is meant to, decompress it yourself"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decompressing_to_more_than_500_times_the_stored_size_ends_in_an_error() {
        let zeros = || io::repeat(0).take(100 << 20);
        let read = |stored: u64| io::copy(&mut bounded(zeros(), || stored), &mut io::sink());
        assert_eq!(read((100 << 20) / 500).unwrap(), 100 << 20);
        assert!(read((100 << 20) / 501).unwrap_err().to_string().contains("more than 500 times its size"));
        // Small data may have any ratio.
        assert_eq!(io::copy(&mut bounded(io::repeat(0).take(64 << 20), || 1), &mut io::sink()).unwrap(), 64 << 20);
    }
}
