//! Verification: checks the files of a folder against the checksums that its metas and manifests record.

mod disjoint;

pub use disjoint::{Shared, shared_tasks};

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    calibration::{CalibrationMeta, calibration_name},
    disk::{DiskError, WrittenFile, checksum},
    pool::{MANIFEST, manifest, task_pool},
    store::{DuplicatesMeta, Meta, Names, Store, duplicates_name, meta_name, parts_name, rejected_name},
    task::Layout,
};

/// The result of checking one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// Whether it is as it was written.
    pub verdict: Verdict,
    /// What is wrong with it; `None` if it is as it was written.
    pub problem: Option<String>,
}

/// Whether a file is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is as it was written.
    Ok,
    /// It was changed or damaged, is missing, or belongs to another pool or store than the files beside it.
    Bad,
    /// There is no record of what it should be: a pool without a manifest.
    Unvouched,
    /// It cannot be read, so its state is unknown.
    Unreadable,
}

impl Finding {
    fn ok(path: &Path) -> Self {
        Self { path: path.to_owned(), verdict: Verdict::Ok, problem: None }
    }

    fn bad(path: &Path, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), verdict: Verdict::Bad, problem: Some(problem.into()) }
    }

    /// A file that could not be read: it is missing, or its state is unknown.
    fn unread(path: &Path, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            return Self::bad(path, "missing");
        }
        Self { path: path.to_owned(), verdict: Verdict::Unreadable, problem: Some(format!("cannot be read: {error}")) }
    }
}

/// Checks every pool and store in `folder` and the folders below it, in the order of their paths. A subfolder that
/// cannot be listed becomes a finding.
///
/// # Errors
/// `folder` cannot be listed.
pub fn verify(folder: &Path) -> Result<Vec<Finding>, DiskError> {
    let mut findings = Vec::new();
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries: Vec<PathBuf> = listed
        .map_err(|error| DiskError::new(folder, "list this folder", error))?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    let parts = parts_of_meta(folder);
    for path in entries {
        // Links are not followed: their targets belong to other folders.
        let kind = match path.symlink_metadata() {
            Ok(kind) => kind,
            Err(error) => {
                findings.push(Finding::unread(&path, &error));
                continue;
            }
        };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if kind.is_dir() {
            match verify(&path) {
                Ok(below) => findings.extend(below),
                Err(DiskError { path, error, .. }) => findings.push(Finding::unread(&path, &error)),
            }
        } else if name == MANIFEST || name.ends_with(&format!(".{MANIFEST}")) {
            findings.extend(vouched_by(&path, outputs_of_manifest));
        } else if let Some(benchmark) = name.strip_suffix("_calibration_meta.json") {
            findings.extend(vouched_by(&path, |text| {
                let meta: CalibrationMeta = serde_json::from_str(text).ok()?;
                Some(vec![(calibration_name(benchmark), meta.calibration)])
            }));
        } else if let Some(benchmark) = name.strip_suffix("_duplicates_meta.json") {
            findings.extend(vouched_by(&path, |text| {
                let meta: DuplicatesMeta = serde_json::from_str(text).ok()?;
                Some(vec![(duplicates_name(benchmark), meta.duplicates)])
            }));
        } else if let Some(benchmark) = name.strip_suffix("_full_meta.json") {
            findings.extend(vouched_by(&path, |text| files_of_meta(text, benchmark)));
            findings.extend(indexes_of(&path, benchmark));
        } else if Layout::ALL.into_iter().any(|format| name == task_pool(format)) && manifest::outputs(folder).is_none()
        {
            let problem = Some(format!("there is no {MANIFEST} beside it, so it cannot be checked"));
            findings.push(Finding { path, verdict: Verdict::Unvouched, problem });
        } else if !parts.contains(name)
            && let Some(problem) = not_vouched_for(folder, name)
        {
            findings.push(Finding::bad(&path, problem));
        }
    }
    Ok(findings)
}

/// Checks the sealed file at `path`, and the files beside it that it lists.
fn vouched_by(path: &Path, files: impl Fn(&str) -> Option<Vec<(String, WrittenFile)>>) -> Vec<Finding> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return vec![Finding::unread(path, &error)],
    };
    let Some(text) = String::from_utf8(bytes).ok().filter(|text| checksum::is_sealed(text)) else {
        return vec![Finding::bad(
            path,
            "changed or damaged (self_checksum); the files that it lists cannot be checked",
        )];
    };
    let Some(files) = files(&text) else {
        return vec![Finding::bad(path, "not in the form that this version writes")];
    };
    let mut findings = vec![Finding::ok(path)];
    for (name, recorded) in files {
        let file = path.with_file_name(name);
        findings.push(match checksum::of_file(&file, &recorded.checksum) {
            Ok((now, bytes)) if now == recorded.checksum && bytes == recorded.bytes => Finding::ok(&file),
            Ok((_, bytes)) if bytes != recorded.bytes => {
                Finding::bad(&file, format!("has {bytes} bytes, {} were written", recorded.bytes))
            }
            Ok(_) => Finding::bad(&file, "changed or damaged (checksum)"),
            Err(error) => Finding::unread(&file, &error),
        });
    }
    findings
}

/// The files of the store whose parts lie in this folder, as the meta beside the folder lists them; none for other folders.
fn parts_of_meta(folder: &Path) -> HashSet<String> {
    let benchmark = folder.file_name().and_then(|name| name.to_str()?.strip_suffix(&parts_name("")));
    let meta = benchmark.zip(folder.parent()).and_then(|(benchmark, above)| Meta::read(above, benchmark).ok());
    let names = meta.into_iter().flat_map(|meta| meta.store.parts).map(|part| part.names());
    names.flat_map(|names| [names.store, names.index]).collect()
}

/// What is wrong with a file that is named as a pool or a part of a store but that no manifest or meta lists; `None`
/// for other files.
fn not_vouched_for(folder: &Path, name: &str) -> Option<String> {
    if let Some(format) = Layout::ALL.into_iter().find(|format| name == task_pool(*format)) {
        let other = !manifest::outputs(folder)?.contains_key(task_pool(format));
        return other.then(|| "not the pool that manifest.json names; remove it".to_owned());
    }
    let parts = Layout::ALL.into_iter().map(|format| format!("_full.{}", format.name()));
    let of_file =
        || parts.chain(["_full.index".to_owned()]).find_map(|part| name.strip_suffix(&part).map(str::to_owned));
    // The parts of a store lie in a folder of their own, beside the meta.
    let of_part = || folder.file_name()?.to_str()?.strip_suffix(&parts_name("")).map(str::to_owned);
    let (benchmark, folder, name) = if Names::is_part(name) {
        let benchmark = of_part()?;
        let name = format!("{}/{name}", parts_name(&benchmark));
        (benchmark, folder.parent()?, name)
    } else {
        (of_file()?, folder, name.to_owned())
    };
    let meta = folder.join(meta_name(&benchmark));
    if !meta.exists() {
        return Some(format!(
            "it cannot be checked, because {} is missing; preprocess again to make both",
            meta_name(&benchmark)
        ));
    }
    let meta = Meta::read(folder, &benchmark).ok()?;
    let other = meta.store.files(&benchmark).iter().all(|(own, _)| own.store != name && own.index != name);
    let of = if name.contains('/') { "a part of the store" } else { "the store" };
    other.then(|| format!("not {of} that {} describes; preprocess again to remove it", meta_name(&benchmark)))
}

/// Checks the indexes of the store with the meta at `path`. An index holds its own checksum, and names its store.
fn indexes_of(path: &Path, benchmark: &str) -> Vec<Finding> {
    let Some(Ok(store)) = path.parent().map(|folder| Store::open_in(folder, benchmark)) else { return Vec::new() };
    let finding = |(index, problem): (&Path, Option<String>)| {
        // The store says only that it cannot use its index, so check first whether the file can be read.
        match File::open(index).and_then(|mut file| io::copy(&mut file, &mut io::sink())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Finding::unread(index, &error),
            _ => match problem {
                None => Finding::ok(index),
                Some(reason) => Finding::bad(index, format!("{reason}; preprocess again to make it")),
            },
        }
    };
    store.index_problems(true).into_iter().map(finding).collect()
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
    let files = meta.store.files(benchmark).into_iter().map(|(names, file)| (names.store, file.clone()));
    Some(files.chain(rejected).collect())
}
