//! Verification: the checksums of everything in a folder that a meta or a manifest vouches for.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    config::calibration_name,
    disk::{DiskError, WrittenFile, checksum},
    evidence::calibration::CalibrationMeta,
    pool::{MANIFEST, manifest, task_pool},
    store::{Meta, Store, StoreFormat, index_name, meta_name, rejected_name, store_name},
};

/// What was found of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it; `None` if it is as it was written.
    pub problem: Option<String>,
}

/// Checks every pool and store in `folder` and the folders below it, in the order of their paths.
///
/// # Errors
/// A folder that cannot be listed.
pub fn verify(folder: &Path) -> Result<Vec<Finding>, DiskError> {
    let mut findings = Vec::new();
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries: Vec<PathBuf> = listed
        .map_err(|error| DiskError::new(folder, "list this folder", error))?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        // Links are not followed: what they point at belongs to another folder.
        let Ok(kind) = path.symlink_metadata() else { continue };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if kind.is_dir() {
            findings.extend(verify(&path)?);
        } else if name == MANIFEST || name.ends_with(&format!(".{MANIFEST}")) {
            findings.extend(vouched_by(&path, outputs_of_manifest));
        } else if let Some(benchmark) = name.strip_suffix("_calibration_meta.json") {
            findings.extend(vouched_by(&path, |text| {
                let meta: CalibrationMeta = serde_json::from_str(text).ok()?;
                Some(vec![(calibration_name(benchmark), meta.calibration)])
            }));
        } else if let Some(benchmark) = name.strip_suffix("_full_meta.json") {
            findings.extend(vouched_by(&path, |text| files_of_meta(text, benchmark)));
            findings.extend(index_of(&path, benchmark));
        } else if let Some(problem) = not_vouched_for(folder, name) {
            findings.push(Finding { path, problem: Some(problem) });
        }
    }
    Ok(findings)
}

/// The sealed file at `path`, and the files beside it that it vouches for.
fn vouched_by(path: &Path, files: impl Fn(&str) -> Option<Vec<(String, WrittenFile)>>) -> Vec<Finding> {
    let finding =
        |path: &Path, problem: Option<&str>| Finding { path: path.to_owned(), problem: problem.map(str::to_owned) };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return vec![finding(path, Some(&format!("cannot be read: {error}")))],
    };
    if !checksum::is_sealed(&text) {
        return vec![finding(path, Some("changed or damaged (self_checksum); what it vouches for cannot be checked"))];
    }
    let Some(files) = files(&text) else {
        return vec![finding(path, Some("not of this version's form"))];
    };
    let mut findings = vec![finding(path, None)];
    for (name, recorded) in files {
        let file = path.with_file_name(name);
        let problem = match checksum::of_file(&file, &recorded.checksum) {
            Ok((now, bytes)) if now == recorded.checksum && bytes == recorded.bytes => None,
            Ok((_, bytes)) if bytes != recorded.bytes => {
                Some(format!("has {bytes} bytes, {} were written", recorded.bytes))
            }
            Ok(_) => Some("changed or damaged (checksum)".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("missing".to_owned()),
            Err(error) => Some(format!("cannot be read: {error}")),
        };
        findings.push(Finding { path: file, problem });
    }
    findings
}

/// Why a file that has the name of a pool or of a part of a store is none, if nothing vouches for it.
fn not_vouched_for(folder: &Path, name: &str) -> Option<String> {
    if let Some(format) = StoreFormat::ALL.into_iter().find(|format| name == task_pool(*format)) {
        let Some(outputs) = manifest::outputs(folder) else {
            return Some(format!("cannot be checked: there is no {MANIFEST} beside it"));
        };
        let other = !outputs.contains_key(task_pool(format));
        return other.then(|| "not the pool that manifest.json names; remove it".to_owned());
    }
    let parts = StoreFormat::ALL.into_iter().map(|format| format!("_full.{}", format.name()));
    let benchmark =
        parts.chain(["_full.index".to_owned()]).find_map(|part| name.strip_suffix(&part).map(str::to_owned))?;
    let meta = folder.join(meta_name(&benchmark));
    if !meta.exists() {
        return Some(format!(
            "nothing vouches for it: {} is missing; `preprocess` makes both anew",
            meta_name(&benchmark)
        ));
    }
    let format = Meta::read(folder, &benchmark).ok()?.store.format;
    let other = name != index_name(&benchmark) && name != store_name(&benchmark, format);
    other.then(|| format!("not the store that {} is of; `preprocess` removes it", meta_name(&benchmark)))
}

/// The index beside the store of the meta at `path`. It is vouched for by itself, and by the store that it names.
fn index_of(path: &Path, benchmark: &str) -> Option<Finding> {
    let store = Store::open_in(path.parent()?, benchmark).ok()?;
    let problem = store.index_problem(true).map(|reason| format!("{reason}; `preprocess` makes it anew"));
    Some(Finding { path: path.with_file_name(index_name(benchmark)), problem })
}

fn outputs_of_manifest(text: &str) -> Option<Vec<(String, WrittenFile)>> {
    #[derive(serde::Deserialize)]
    struct Outputs {
        outputs: serde_json::Map<String, serde_json::Value>,
    }
    let Outputs { outputs } = serde_json::from_str(text).ok()?;
    outputs.into_iter().map(|(name, file)| Some((name, serde_json::from_value(file).ok()?))).collect()
}

fn files_of_meta(text: &str, benchmark: &str) -> Option<Vec<(String, WrittenFile)>> {
    let meta: Meta = serde_json::from_str(text).ok()?;
    let rejected = meta.rejected.map(|file| (rejected_name(benchmark), file));
    Some([(store_name(benchmark, meta.store.format), meta.store.file)].into_iter().chain(rejected).collect())
}
