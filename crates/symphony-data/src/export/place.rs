//! The folder of an export. It is written whole or not at all, and replaces only what an export wrote.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{About, ExportError, ExportOptions, Target};
use crate::{
    TOOL,
    disk::{DiskError, Folder, NewFile, WrittenFile, checksum},
    pool::MANIFEST,
    progress::Progress,
    store::meta_name,
};

/// The folder of an export, and the files that are being written into it.
pub(super) struct Place<'p> {
    progress: &'p dyn Progress,
    root: Folder,
    /// Folders inside it, by name.
    inside: BTreeMap<String, Folder>,
    /// The files that are whole, but not in their places yet.
    files: Vec<(String, WrittenFile, NewFile)>,
    /// The files of the export that is replaced, with their checksums.
    replaced: BTreeMap<String, String>,
    force: bool,
    /// Folders that did not exist before, the inner ones first. They go again if nothing comes into them.
    made: Vec<PathBuf>,
}

impl<'p> Place<'p> {
    /// Checks that an export may be written to `folder`. Returns the files of the export that it replaces, with their checksums.
    ///
    /// # Errors
    /// The folder holds another export, or another program's manifest.
    pub fn check(folder: &Path, options: &ExportOptions, name: &str) -> Result<BTreeMap<String, String>, ExportError> {
        let path = folder.join(MANIFEST);
        let has_stores = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(&meta_name(""))));
        if has_stores {
            return Err(ExportError::Occupied {
                folder: folder.to_owned(),
                what: "preprocessed benchmarks".to_owned(),
            });
        }
        let occupied = |what: String| ExportError::Occupied { folder: folder.to_owned(), what };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(BTreeMap::new());
            }
            Err(_) if options.force && !path.is_dir() => return Ok(BTreeMap::new()),
            Err(error) => return Err(DiskError::new(&path, "read this file", error).into()),
        };
        let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
        let outputs = |manifest: &Value| {
            let checksums = manifest["outputs"].as_object().into_iter().flatten();
            let checksums =
                checksums.filter_map(|(name, file)| Some((name.clone(), file["checksum"].as_str()?.to_owned())));
            checksums.filter(|(name, _)| is_plain(name)).collect()
        };
        if options.force {
            let is_export = checksum::is_sealed(&text) && manifest.get("export").is_some();
            return Ok(if is_export { outputs(&manifest) } else { BTreeMap::new() });
        }
        let Some(export) = manifest.get("export").filter(|_| checksum::is_sealed(&text)) else {
            let what = match manifest.get("request") {
                Some(_) => "a pool",
                None if checksum::has_seal(&text) => "an export whose manifest.json was changed or damaged",
                None => "a manifest.json that symphony-data did not write",
            };
            return Err(occupied(what.to_owned()));
        };
        if export["to"] != options.target.name() || export["name"] != name {
            let [to, name] = ["to", "name"].map(|key| export[key].as_str().unwrap_or_default().to_owned());
            return Err(occupied(format!("the export of {name} to {to}")));
        }
        Ok(outputs(&manifest))
    }

    /// Locks the folder of an export.
    ///
    /// # Errors
    /// The folder cannot be made, or holds another export.
    pub fn lock(
        folder: &Path,
        options: &ExportOptions,
        name: &str,
        progress: &'p dyn Progress,
    ) -> Result<Self, ExportError> {
        let made = missing(folder);
        let mut place = Self {
            root: Folder::lock(folder, progress)?,
            progress,
            inside: BTreeMap::new(),
            files: Vec::new(),
            replaced: BTreeMap::new(),
            force: options.force,
            made,
        };
        place.replaced = Self::check(folder, options, name)?;
        Ok(place)
    }

    /// Begins a file with this name, which may lie in a folder: `data/pool.parquet`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(&mut self, name: &str) -> Result<NewFile, ExportError> {
        let Some((inside, name)) = name.split_once('/') else { return Ok(self.root.create_small(name)?) };
        if !self.inside.contains_key(inside) {
            let path = self.root.path().join(inside);
            let mut made = missing(&path);
            made.append(&mut self.made);
            self.made = made;
            self.inside.insert(inside.to_owned(), Folder::lock(&path, self.progress)?);
        }
        Ok(self.inside[inside].create_small(name)?)
    }

    /// Takes a file that is written, and closes it: an export may have more files than a program may have open. Returns its
    /// size and checksum.
    ///
    /// # Errors
    /// It cannot be written out.
    pub fn add(&mut self, name: &str, mut file: NewFile) -> Result<WrittenFile, ExportError> {
        let written = file.close()?;
        self.files.push((name.to_owned(), written.clone(), file));
        Ok(written)
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn text(&mut self, name: &str, text: &str) -> Result<(), ExportError> {
        let mut file = self.create(name)?;
        file.put(text.as_bytes())?;
        self.add(name, file).map(drop)
    }

    /// Puts all files in their places, then the manifest that lists them. Files of an export before this one that the manifest
    /// no longer lists are removed.
    ///
    /// # Errors
    /// A file would be replaced that no export wrote, or the disk fails.
    pub fn publish(mut self, about: &About<'_>, target: Target) -> Result<(), ExportError> {
        let mut outputs = Map::new();
        let mut files = std::mem::take(&mut self.files);
        files.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        for (name, written, _) in &files {
            self.check_file(name, Some(written))?;
            outputs.insert(name.clone(), serde_json::to_value(written).unwrap_or_default());
        }
        let stale: Vec<String> = self.replaced.keys().filter(|name| !outputs.contains_key(*name)).cloned().collect();
        for name in &stale {
            self.check_file(name, None)?;
        }
        let (key, origin) = about.source.origin();
        let mut manifest = json!({
            "export": {
                "to": target, "name": about.name, "tasks": about.tasks, "distinct": about.distinct, "cells": about.cells,
            },
            "synthetic": about.source.is_synthetic(),
        });
        manifest[key] = origin;
        manifest["outputs"] = Value::Object(outputs);
        manifest["tool"] = TOOL.into();
        manifest["self_checksum"] = "".into();
        let manifest = self.root.write_small(MANIFEST, &checksum::seal(&manifest).unwrap_or_default())?;
        let (mut inside, mut outside) = (BTreeMap::<String, Vec<NewFile>>::new(), Vec::new());
        for (name, _, file) in files {
            match name.split_once('/') {
                Some((folder, _)) => inside.entry(folder.to_owned()).or_default().push(file),
                None => outside.push(file),
            }
        }
        for (folder, files) in inside {
            self.inside[&folder].publish(files, true)?;
        }
        self.root.publish(outside, true)?;
        for name in stale {
            self.root.remove(&name)?;
        }
        // The manifest comes last: if the run stops before it, the same command writes the same files again.
        self.root.publish(vec![manifest], true)?;
        self.made.clear();
        Ok(())
    }

    /// Checks that a file may be replaced by `new`, or removed: the export before this one wrote it as it is now, or it is equal.
    fn check_file(&self, name: &str, new: Option<&WrittenFile>) -> Result<(), ExportError> {
        let path = self.root.path().join(name);
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            return Err(ExportError::Occupied {
                folder: self.root.path().to_owned(),
                what: format!("{name}, which is not a file"),
            });
        }
        let now = match checksum::of_file(&path, "sha256:") {
            Ok((now, _)) => now,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(DiskError::new(&path, "read this file", error).into()),
        };
        if self.force || new.is_some_and(|new| new.checksum == now) {
            return Ok(());
        }
        let what = match self.replaced.get(name) {
            Some(known) if *known == now => return Ok(()),
            Some(_) => format!("{name}, which was changed since it was exported"),
            None => format!("{name}, which no export wrote"),
        };
        Err(ExportError::Occupied { folder: self.root.path().to_owned(), what })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // The unfinished files go first, so that the folders are empty.
        self.files.clear();
        for folder in &self.made {
            // A folder that is not empty stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The folders that have to be made for `folder` to exist, the inner ones first.
fn missing(folder: &Path) -> Vec<PathBuf> {
    let above =
        folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && above.symlink_metadata().is_err());
    above.map(Path::to_owned).collect()
}

/// Whether a name in a manifest leads to a file in the folder or right below it, and nowhere else.
fn is_plain(name: &str) -> bool {
    name.split('/').count() <= 2 && name.split('/').all(|part| !matches!(part, "" | "." | "..")) && !name.contains('\\')
}
