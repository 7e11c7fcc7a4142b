//! A demo writes into empty folders, and replaces only what is known to be synthetic.

use std::path::{Path, PathBuf};

use symphony_data::{
    config::{Benchmark, Config},
    pool::manifest::{self, Existing},
    store::{Meta, meta_name, parts_name, store_name},
    task::Layout,
};

use crate::error::CliError;

/// Refuses a demo that would replace a store in `full_dir` or a pool in `outputs` that may be real. If `only` names
/// benchmarks, only their stores count.
pub fn refuse_to_replace_real_tasks(
    config: &Config,
    only: &[String],
    full_dir: &Path,
    outputs: &[PathBuf],
) -> Result<(), CliError> {
    let store = |benchmark: &Benchmark| {
        let name = &benchmark.name;
        let all =
            Layout::ALL.map(|format| store_name(name, format)).into_iter().chain([parts_name(name), meta_name(name)]);
        let existing = all.into_iter().find(|file| full_dir.join(file).symlink_metadata().is_ok())?;
        match Meta::read(full_dir, name) {
            Ok(meta) if meta.is_synthetic() => None,
            Ok(meta) => Some(format!("{} holds {name} preprocessed from {}", full_dir.display(), meta.source.path)),
            Err(_) => Some(format!("{} holds a {existing}, and nothing says that it is synthetic", full_dir.display())),
        }
    };
    let pool = |folder: &PathBuf| match manifest::existing(folder) {
        Existing::Nothing | Existing::Pool { synthetic: true, .. } => None,
        Existing::Pool { .. } => Some(format!("{} holds a pool of real tasks", folder.display())),
        Existing::Unvouched(files) => files.first().map(|file| format!("{} holds {}", folder.display(), file.what)),
        Existing::Other(what) => Some(format!("{} holds {what}", folder.display())),
    };
    match config
        .enabled()
        .filter(|own| only.is_empty() || only.contains(&own.name))
        .find_map(store)
        .or_else(|| outputs.iter().find_map(pool))
    {
        None => Ok(()),
        Some(what) => {
            Err(CliError::Verdict(format!("{what}, which the demo would replace; name other folders for the demo")))
        }
    }
}
