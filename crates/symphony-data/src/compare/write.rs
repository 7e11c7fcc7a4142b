//! Writes what was found beside the stores.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
};

use super::{CompareError, OfBenchmark, corpus::Corpus, relations::Related};
use crate::{
    TOOL,
    disk::{Folder, NewFile, checksum},
    duplicates::{Found, SHINGLE, SIMILAR},
    progress::Progress,
    store::{
        DuplicateRow, Duplicates, DuplicatesMeta, OverlapRow, checksum_of, duplicates_meta_name, duplicates_name,
        overlap_name,
    },
};

pub(super) fn hex(number: u64) -> String {
    format!("{number:016x}")
}

/// Writes a value as a line.
fn put(file: &mut NewFile, line: &impl serde::Serialize) -> Result<(), CompareError> {
    let written = serde_json::to_writer(&mut *file, line).map_err(io::Error::from);
    file.check(written)?;
    Ok(file.put(b"\n")?)
}

/// Writes `{b}_duplicates.jsonl` and its meta for each benchmark.
pub(super) fn duplicates(
    corpus: &Corpus<'_>,
    found: &Found,
    related: &BTreeMap<u32, Related>,
    counts: &[OfBenchmark],
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), CompareError> {
    // A row that a line names is in a relation too, so it has an id here.
    let rows: Vec<u32> = related.keys().copied().collect();
    let ids: HashMap<u32, String> = rows.iter().copied().zip(corpus.source_ids(&rows)?).collect();
    let id = |row: u32| ids.get(&row).cloned().unwrap_or_default();
    // Rows that duplicates were looked for in before keep their places in partitions, whatever rows were added since; a group has
    // the name of the smallest place of these, or else of the smallest of all its rows.
    let mut places: HashMap<u32, u64> = HashMap::new();
    for part in &corpus.parts {
        // An earlier result that cannot be read is replaced.
        let Some(earlier) = Duplicates::read(folder, &part.name).ok().flatten() else { continue };
        let known = earlier.rows_known(&part.store.meta, &part.identities) as u32;
        for (row, _) in related.range(part.from..part.from + known) {
            let earlier = earlier.places.get(&corpus.identity(*row)).copied();
            places.insert(*row, earlier.unwrap_or_else(|| corpus.name_of(*row)));
        }
    }
    let mut names: HashMap<u32, (bool, u64)> = HashMap::new();
    for (row, group) in related.iter().filter_map(|(row, related)| Some((*row, related.group?))) {
        let name = places.get(&row).map_or((true, corpus.name_of(row)), |place| (false, *place));
        names.entry(group).and_modify(|smallest| *smallest = name.min(*smallest)).or_insert(name);
    }
    let names: HashMap<u32, u64> = names.into_iter().map(|(group, (_, name))| (group, name)).collect();
    let folder = Folder::lock(folder, progress)?;
    let mut files = Vec::new();
    for (part, counts) in corpus.parts.iter().zip(counts) {
        let mut file = folder.create_small(&duplicates_name(&part.name))?;
        for (row, related) in related.range(part.from..part.from + part.identities.len() as u32) {
            let line = DuplicateRow {
                source_id: id(*row),
                identity: hex(corpus.identity(*row)),
                kinds: related.kinds.iter().copied().collect(),
                group: related.group.and_then(|group| names.get(&group)).map(|name| hex(*name)),
                place: places
                    .get(row)
                    .filter(|place| {
                        related.group.and_then(|group| names.get(&group)).is_some_and(|name| name != *place)
                    })
                    .map(|place| hex(*place)),
                with: related.with.map(|(other, _)| id(other)),
                similarity: related.with.map(|(_, similarity)| similarity),
                conflicts_with: related.conflicts_with.map(id),
            };
            put(&mut file, &line)?;
        }
        let meta = DuplicatesMeta {
            benchmark: part.name.clone(),
            n_tasks_full: counts.rows,
            compared: corpus.parts.iter().map(|part| part.name.clone()).collect(),
            shingle_words: SHINGLE as u64,
            similar_from: SIMILAR,
            complete: found.is_whole,
            copies: counts.copies,
            conflicts: counts.conflicts,
            near: counts.near,
            identities: checksum_of(&part.identities, &part.store.meta),
            duplicates: file.written()?,
            tool: TOOL.to_owned(),
            self_checksum: String::new(),
        };
        // A meta holds numbers, texts and lists, so it can always be serialized.
        let text = checksum::seal(&meta).unwrap_or_default();
        let sealed = folder.write_small(&duplicates_meta_name(&part.name), &text)?;
        files.extend([file, sealed]);
    }
    Ok(folder.publish(files, true)?)
}

/// Writes `{b}_overlap.jsonl` for each benchmark, or one file of all of them at `output`.
pub(super) fn overlap(
    corpus: &Corpus<'_>,
    rows: &[Vec<OverlapRow>],
    folder: &Path,
    output: Option<&Path>,
    progress: &dyn Progress,
) -> Result<(), CompareError> {
    let into = match output {
        Some(path) => path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        None => folder,
    };
    let folder = Folder::lock(into, progress)?;
    let mut files = Vec::new();
    match output.and_then(Path::file_name) {
        Some(name) => {
            let mut file = folder.create_small(&name.to_string_lossy())?;
            rows.iter().flatten().try_for_each(|row| put(&mut file, row))?;
            files.push(file);
        }
        None => {
            for (part, rows) in corpus.parts.iter().zip(rows) {
                let mut file = folder.create_small(&overlap_name(&part.name))?;
                rows.iter().try_for_each(|row| put(&mut file, row))?;
                files.push(file);
            }
        }
    }
    Ok(folder.publish(files, true)?)
}
