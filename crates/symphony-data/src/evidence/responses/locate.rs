//! Finds the rows of a log's documents.

use super::{
    catalogue::{Catalogue, Shelf},
    sink::Fault,
};
use crate::{
    config::Benchmark,
    row::{RowFault, strings_of},
};

/// The rows of a document.
pub(super) enum Located {
    /// The benchmark, and its rows of one identity.
    Rows(String, Vec<u32>),
    /// No row matches.
    Nowhere,
    /// Rows of several identities or benchmarks match.
    Several,
}

/// Finds the rows whose identity fields have the same values as a document. If one field is missing in the document, any of
/// its texts may be that field's value. `task` may contain the name of a benchmark's config that the document lacks.
pub(super) fn locate(doc: &str, task: &str, catalogue: &mut Catalogue<'_>) -> Result<Located, Fault> {
    let names = catalogue.names().to_vec();
    let mut found: Vec<(String, Vec<u32>)> = Vec::new();
    for name in names {
        let Some(benchmark) = catalogue.benchmark(&name).filter(|benchmark| !benchmark.identity.is_empty()) else {
            continue;
        };
        let config = config_of(benchmark, task);
        let Some(shelf) = catalogue.shelf(&name)? else { continue };
        found.extend(rows_of(doc, benchmark, config, shelf)?.into_iter().map(|rows| (name.clone(), rows)));
    }
    Ok(only_one(found, task))
}

/// Finds the rows whose question is a text: those of benchmarks whose identity has one field, besides the config that the
/// task is named after.
pub(super) fn locate_text(text: &str, task: &str, catalogue: &mut Catalogue<'_>) -> Result<Located, Fault> {
    let mut found: Vec<(String, Vec<u32>)> = Vec::new();
    for name in catalogue.names().to_vec() {
        let Some(benchmark) = catalogue.benchmark(&name) else { continue };
        let config = config_of(benchmark, task);
        let of_config = |field: &String| config.filter(|_| benchmark.config_field.as_ref() == Some(field));
        let given: Vec<Option<&str>> = benchmark.identity.iter().map(of_config).collect();
        if given.iter().filter(|field| field.is_none()).count() != 1 {
            continue;
        }
        let Some(shelf) = catalogue.shelf(&name)? else { continue };
        let rows = shelf.by_texts(given.into_iter().map(|field| field.unwrap_or(text)));
        if !rows.is_empty() {
            found.push((name, rows.to_vec()));
        }
    }
    Ok(only_one(found, task))
}

/// The only rows that were found.
fn only_one(mut found: Vec<(String, Vec<u32>)>, task: &str) -> Located {
    // If several benchmarks have this text, prefer the one that the task is named after.
    if found.len() > 1 && found.iter().any(|(name, _)| task.contains(name.as_str())) {
        found.retain(|(name, _)| task.contains(name.as_str()));
    }
    match found.pop() {
        None => Located::Nowhere,
        Some((name, rows)) if found.is_empty() => Located::Rows(name, rows),
        Some(_) => Located::Several,
    }
}

/// Finds the row of a source_id, or the rows of an identity in any benchmark.
pub(super) fn locate_id(id: &str, catalogue: &mut Catalogue<'_>) -> Result<Located, Fault> {
    if let Some(benchmark) = benchmark_of(id)
        && let Some(row) = catalogue.shelf(benchmark)?.and_then(|shelf| shelf.by_source_id(id))
    {
        return Ok(Located::Rows(benchmark.to_owned(), vec![row]));
    }
    let mut found = Located::Nowhere;
    if id.len() != 16 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(found);
    }
    for name in catalogue.names().to_vec() {
        let rows = catalogue.shelf(&name)?.map_or(&[][..], |shelf| shelf.by_identity(id));
        found = match (rows, found) {
            ([], found) => found,
            (rows, Located::Nowhere) => Located::Rows(name, rows.to_vec()),
            _ => Located::Several,
        };
    }
    Ok(found)
}

/// The benchmark in a text of the form of a source_id, such as `gsm8k_12`.
pub(super) fn benchmark_of(id: &str) -> Option<&str> {
    let (benchmark, number) = id.rsplit_once('_')?;
    (!benchmark.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some(benchmark)
}

/// The benchmark's config that a task is named after: the longest config name that is part of the task's name.
pub(super) fn config_of<'b>(benchmark: &'b Benchmark, task: &str) -> Option<&'b str> {
    benchmark.config_field.as_ref()?;
    let configs = benchmark.configs.iter().filter(|config| task.contains(config.as_str()));
    configs.max_by_key(|config| config.len()).map(String::as_str)
}

/// The text of each identity field of a document; `None` for a field that is missing. The config's name stands in for the
/// field that would hold it.
fn texts_of(
    doc: &str,
    benchmark: &Benchmark,
    config: Option<&str>,
    shelf: &Shelf,
) -> Result<Vec<Option<String>>, RowFault> {
    let fields = shelf.fields.read(doc, false)?;
    let text = |slot: &usize| {
        if fields.has(*slot) {
            return fields.identity_text(*slot).map(|text| Some(text.into_owned()));
        }
        let is_config = benchmark.config_field.as_deref() == Some(fields.path(*slot));
        Ok(config.filter(|_| is_config).map(str::to_owned))
    };
    shelf.slots.iter().map(text).collect()
}

/// The rows of each identity that the document may have, one list per identity.
pub(super) fn rows_of(
    doc: &str,
    benchmark: &Benchmark,
    config: Option<&str>,
    shelf: &Shelf,
) -> Result<Vec<Vec<u32>>, Fault> {
    let unreadable = |fault: RowFault| Fault::reason(format!("the question cannot be read: {fault}"));
    let texts = texts_of(doc, benchmark, config, shelf).map_err(unreadable)?;
    let with = |missing: &str| shelf.by_texts(texts.iter().map(|text| text.as_deref().unwrap_or(missing))).to_vec();
    let mut found = match texts.iter().filter(|text| text.is_none()).count() {
        0 => vec![with("")],
        1 => strings_of(doc).unwrap_or_default().iter().map(|text| with(text)).collect(),
        _ => Vec::new(),
    };
    found.retain(|rows| !rows.is_empty());
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Whether a document has every identity field of a benchmark, and with their values is a row other than these.
pub(super) fn contradicts(doc: &str, benchmark: &Benchmark, shelf: &Shelf, rows: &[u32]) -> bool {
    if rows.is_empty() || shelf.slots.is_empty() {
        return false;
    }
    let texts =
        texts_of(doc, benchmark, None, shelf).ok().and_then(|texts| texts.into_iter().collect::<Option<Vec<_>>>());
    texts.is_some_and(|texts| {
        let own = shelf.by_texts(texts.iter().map(String::as_str));
        !own.is_empty() && !rows.iter().any(|row| own.contains(row))
    })
}

/// Whether a whole row is one of these rows, by its identity; `None` if it lacks identity fields, or the benchmark has none.
pub(super) fn is_row_of(row: &str, benchmark: &Benchmark, shelf: &Shelf, rows: &[u32]) -> Option<bool> {
    let texts: Vec<String> = texts_of(row, benchmark, None, shelf).ok()?.into_iter().collect::<Option<_>>()?;
    let own = shelf.by_texts(texts.iter().map(String::as_str));
    (!texts.is_empty()).then(|| rows.iter().any(|row| own.contains(row)))
}

/// The beginning of a document's first text, for messages.
pub(super) fn shortened(doc: &str) -> String {
    let texts = strings_of(doc).unwrap_or_default();
    let text = texts.first().map_or("", |text| text);
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}
