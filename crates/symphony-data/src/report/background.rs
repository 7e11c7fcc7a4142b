//! The benchmarks that a pool was drawn from, where they lie preprocessed on this machine.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    calibration::{self, MeasuredRecord, Reference, calibration_name},
    draw::Used,
    progress::Silent,
    request::Measured,
    results::{AnsweredPool, places},
    store::{Meta, Store},
};

/// The difficulty of all rows of a benchmark.
#[derive(Clone, Debug, PartialEq)]
pub struct Background {
    /// The benchmark.
    pub benchmark: String,
    /// The difficulty score of each of its rows, 0..1, by the difficulty that the pool was drawn by.
    pub scores: Vec<f64>,
}

/// The benchmarks of a pool that lie preprocessed in one of these folders, in the pool's own, or in those beside it. A benchmark that is not
/// there, or not as it was when the pool was drawn, is left out: the report does without it.
pub fn backgrounds(pool: &AnsweredPool, folders: &[PathBuf]) -> Vec<Background> {
    let parts = pool.manifest.as_ref().and_then(|manifest| manifest["benchmarks"].as_array());
    let places = places(folders, pool.folder.as_deref());
    let find = |part: &Value| places.iter().find_map(|folder| background(pool, part, folder, &places));
    parts.into_iter().flatten().filter_map(find).collect()
}

/// That of a part of a manifest, if `folder` has it.
fn background(pool: &AnsweredPool, part: &Value, folder: &Path, places: &[PathBuf]) -> Option<Background> {
    let benchmark = part["benchmark"].as_str()?;
    let meta = Meta::read(folder, benchmark).ok()?;
    if part["store"]["checksum"] != meta.store.file.checksum.as_str() {
        return None;
    }
    let store = Store::open_in(folder, benchmark).ok()?;
    let scores = match pool.measured.get(benchmark) {
        None => store.scores().ok()?,
        Some(record) => {
            let used = used(benchmark, record, places)?;
            used.join(&store, &store.identities().ok()?, &Silent).ok()??.scores
        }
    };
    Some(Background { benchmark: benchmark.to_owned(), scores })
}

/// The measured difficulty of this record.
fn used(benchmark: &str, record: &MeasuredRecord, places: &[PathBuf]) -> Option<Used> {
    let min_responses = 0;
    if record.file.is_none() {
        let reference = Reference::of(benchmark).filter(|own| own.card.checksum == record.checksum)?;
        return Some(Used::Reference { reference, min_responses });
    }
    let is_it = |path: &PathBuf| {
        path.is_file() && calibration::read_meta(path).is_ok_and(|meta| meta.self_checksum == record.checksum)
    };
    let path = places.iter().map(|folder| folder.join(calibration_name(benchmark))).find(is_it)?;
    Some(Used::Measured(Measured { path, min_responses }))
}
