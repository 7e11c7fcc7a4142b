//! CSV with a header line. Every value is text, as the file has it; `number` features read numbers from it.

use std::io::BufRead;

use super::{Batcher, ReadError};

/// Reads all records of `reader` as rows: objects whose keys are the header's names.
///
/// # Errors
/// A missing or ambiguous header, or bytes that cannot be read.
pub fn read(reader: &mut dyn BufRead, rows: &mut Batcher<'_>) -> Result<(), ReadError> {
    let mut records = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = records.byte_headers().map_err(|e| error(e, 1))?.clone();
    let mut names = Vec::new();
    for (at, name) in header.iter().enumerate() {
        let name = if at == 0 { name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name) } else { name };
        let name = std::str::from_utf8(name).map_err(|_| malformed(1, "the header is not UTF-8".to_owned()))?;
        if names.iter().any(|known| known == name) {
            return Err(malformed(1, format!("the header has two columns `{name}`; rename one")));
        }
        names.push(name.to_owned());
    }
    let keys: Vec<String> = names.iter().map(|name| serde_json::Value::from(name.as_str()).to_string()).collect();
    let mut record = csv::ByteRecord::new();
    let mut json = String::new();
    loop {
        let line = records.position().line();
        if !records.read_byte_record(&mut record).map_err(|e| error(e, line))? {
            return Ok(());
        }
        let line = record.position().map_or(line, csv::Position::line);
        if record.len() != keys.len() {
            let open = record.iter().next_back().is_some_and(|value| value.contains(&b'\n'));
            let hint = if open { "; is a quote left open?" } else { "" };
            let fault = format!("has {} values where the header has {} names{hint}", record.len(), keys.len());
            rows.push_fault(&as_line(&record), line, fault)?;
            continue;
        }
        json.clear();
        let mut fault = None;
        for (at, (key, value)) in keys.iter().zip(&record).enumerate() {
            let Ok(value) = std::str::from_utf8(value) else {
                fault = Some(format!("column `{}` is not UTF-8", names[at]));
                break;
            };
            json.push_str(if at == 0 { "{" } else { ", " });
            json.push_str(key);
            json.push_str(": ");
            json.push_str(&serde_json::Value::from(value).to_string());
        }
        json.push('}');
        match fault {
            None => rows.push(json.as_bytes(), line)?,
            Some(fault) => rows.push_fault(&as_line(&record), line, fault)?,
        }
    }
}

/// What there was of a record that is no row.
fn as_line(record: &csv::ByteRecord) -> Vec<u8> {
    record.iter().collect::<Vec<_>>().join(&b',')
}

fn error(error: csv::Error, line: u64) -> ReadError {
    let line = error.position().map_or(line, csv::Position::line);
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(io) => ReadError::Io(io),
        _ => malformed(line, reason),
    }
}

fn malformed(line: u64, reason: String) -> ReadError {
    ReadError::Malformed { line, reason }
}
