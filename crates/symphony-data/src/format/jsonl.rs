//! JSON lines: one object a line. Blank lines are no rows; a byte order mark is passed over.

use std::io::{self, BufRead, Read};

use super::{Batcher, MAX_ROW_BYTES, ReadError};

/// Reads all lines of `reader` as rows.
///
/// # Errors
/// A line longer than [`MAX_ROW_BYTES`], or bytes that cannot be read.
pub fn read(reader: &mut dyn BufRead, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    let mut line = Vec::new();
    let mut number = 0;
    while next_line(reader, &mut line)? {
        number += 1;
        if line.len() > MAX_ROW_BYTES {
            let reason = format!("a line longer than {} MiB; is this JSON lines?", MAX_ROW_BYTES >> 20);
            return Err(ReadError::Malformed { line: number, reason });
        }
        let text = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        let text = text.trim_ascii();
        if !text.is_empty() {
            rows.push(text, number)?;
        }
    }
    Ok(())
}

/// Reads one line into `line`, without more than one byte past the limit; `false` at the end.
fn next_line(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(reader.take(MAX_ROW_BYTES as u64 + 2).read_until(b'\n', line)? > 0)
}
