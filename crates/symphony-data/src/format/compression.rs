//! Compression by a file's ending: `.gz` and `.zst`.
//!
//! Files come from strangers, and a few kilobytes can unfold to any size. What unfolds further than data does is refused.

use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    rc::Rc,
};

/// How much is read at once, in bytes.
const BUFFER: usize = 256 << 10;
/// How many times its stored size a file may unfold to. Text compresses 3 to 10 times, logs that repeat themselves 100.
const MAX_RATIO: u64 = 500;
/// Below this size nothing is asked, in bytes: it fits anywhere.
const UNASKED: u64 = 64 << 20;

/// `raw` as the bytes that the file's name promises, decompressed where it ends in `.gz` or `.zst`.
///
/// # Errors
/// The decompressor cannot begin.
pub fn decompress<'r>(path: &Path, raw: impl Read + 'r) -> io::Result<Box<dyn BufRead + 'r>> {
    let stored = Rc::new(Cell::new(0));
    let counted = Counted { inner: raw, bytes: stored.clone() };
    let stored = move || stored.get();
    Ok(match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => buffered(bounded(flate2::read::MultiGzDecoder::new(counted), stored)),
        Some("zst") => buffered(bounded(zstd::Decoder::new(counted)?, stored)),
        _ => buffered(counted.inner),
    })
}

fn buffered<'r>(inner: impl Read + 'r) -> Box<dyn BufRead + 'r> {
    Box::new(BufReader::with_capacity(BUFFER, inner))
}

/// `inner`, which decompresses, ending with an error once far more came out of it than the `stored` bytes that went in:
/// `|| size` where the compressed size is known, or how many bytes were read so far.
pub(crate) fn bounded<R: Read>(inner: R, stored: impl Fn() -> u64) -> impl Read {
    Bounded { inner, unfolded: 0, stored }
}

/// Counts what is read.
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
                "unfolds to more than {MAX_RATIO} times its size, as no data does; decompress it yourself if it is meant so"
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
    fn what_decompresses_to_more_than_500_times_its_stored_size_ends_in_an_error() {
        let zeros = || io::repeat(0).take(100 << 20);
        let read = |stored: u64| io::copy(&mut bounded(zeros(), || stored), &mut io::sink());
        assert_eq!(read((100 << 20) / 500).unwrap(), 100 << 20);
        assert!(read((100 << 20) / 501).unwrap_err().to_string().contains("more than 500 times its size"));
        // Little data may be as dense as it likes.
        assert_eq!(io::copy(&mut bounded(io::repeat(0).take(64 << 20), || 1), &mut io::sink()).unwrap(), 64 << 20);
    }
}
