//! JSON lines: one object per line. Blank lines are not rows; a byte order mark is skipped.

use std::io::BufRead;

use super::{Batcher, MAX_ROW_BYTES, ReadError};

/// Reads all lines of `reader` as rows.
///
/// # Errors
/// A line is longer than [`MAX_ROW_BYTES`], or bytes cannot be read.
pub fn read(reader: &mut dyn BufRead, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    read_behind(0, reader, rows).map(drop)
}

/// Reads the lines of a stretch of a file, behind so many earlier lines, and returns how many lines there were up to its end.
///
/// # Errors
/// As for [`read`].
pub fn read_behind(before: u64, reader: &mut dyn BufRead, rows: &mut Batcher<'_>) -> Result<u64, ReadError> {
    // The beginning of a line that the reader's buffer did not hold whole.
    let mut begun = Vec::new();
    let mut number = before;
    let mut take = |line: &[u8]| {
        number += 1;
        if line.len() > MAX_ROW_BYTES {
            return Err(too_long(number));
        }
        let text = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let text = text.trim_ascii();
        if text.is_empty() { Ok(()) } else { rows.push(text, number) }
    };
    let mut lines = before;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', buffer) {
            let line = &buffer[from..=end];
            if begun.is_empty() {
                take(line)?;
            } else {
                begun.extend_from_slice(line);
                take(&begun)?;
                begun.clear();
            }
            lines += 1;
            from = end + 1;
        }
        begun.extend_from_slice(&buffer[from..]);
        if begun.len() > MAX_ROW_BYTES {
            return Err(too_long(lines + 1));
        }
        let length = buffer.len();
        reader.consume(length);
    }
    if begun.is_empty() {
        return Ok(lines);
    }
    take(&begun)?;
    Ok(lines + 1)
}

fn too_long(line: u64) -> ReadError {
    let reason = format!("a line is longer than {} MiB; is this JSON lines?", MAX_ROW_BYTES >> 20);
    ReadError::Malformed { line, reason }
}
