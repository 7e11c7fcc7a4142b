//! Whether pools share tasks.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    disk::DiskError,
    pool::{PoolError, find_pool, read_pool},
    task::{Task, is_row_number},
};

/// Two pools that share tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shared {
    /// The folder of one pool.
    pub first: PathBuf,
    /// The folder of the other.
    pub second: PathBuf,
    /// How many tasks, by identity, are in both.
    pub tasks: u64,
    /// One of them: its `source_id` in the second pool.
    pub example: String,
}

/// The pools in these folders and below them, in the order of their paths, and every two of them that share tasks.
///
/// # Errors
/// A folder cannot be listed, or a pool cannot be read or has no identities.
pub fn shared_tasks(folders: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<Shared>), PoolError> {
    let mut pools = Vec::new();
    folders.iter().try_for_each(|folder| pools_below(folder, &mut pools))?;
    pools.sort();
    // A pool that is named twice, such as `a` and `./a`, is one pool.
    let mut seen = HashSet::new();
    pools.retain(|folder| seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())));
    // The pools that have each task, and its source_id in the last of them.
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut shared: Vec<Shared> = Vec::new();
    let mut pairs: HashMap<(usize, usize), usize> = HashMap::new();
    for (at, folder) in pools.iter().enumerate() {
        let mut own = HashSet::new();
        for task in tasks_in(folder)? {
            let task = task?;
            let Some(identity) = &task.identity else {
                let reason = "its tasks have no identity, so that they cannot be compared".to_owned();
                return Err(PoolError::Malformed { path: folder.clone(), reason });
            };
            let source_id = task.source_id.as_ref().map_or("", |id| id.as_str());
            let of = if is_row_number(identity, source_id) { task.benchmark.as_str() } else { "" };
            let key = xxh3_64(format!("{of}\u{1f}{}", identity.as_str()).as_bytes());
            if !own.insert(key) {
                continue;
            }
            let others = holders.entry(key).or_default();
            for other in others.iter().copied() {
                let place = *pairs.entry((other, at)).or_insert_with(|| {
                    let (first, second) = (pools[other].clone(), folder.clone());
                    shared.push(Shared { first, second, tasks: 0, example: source_id.to_owned() });
                    shared.len() - 1
                });
                shared[place].tasks += 1;
            }
            others.push(at);
        }
    }
    shared.sort_by(|a, b| (&a.first, &a.second).cmp(&(&b.first, &b.second)));
    Ok((pools, shared))
}

/// The tasks of the pool in a folder.
fn tasks_in(folder: &Path) -> Result<impl Iterator<Item = Result<Task, PoolError>>, PoolError> {
    let file = find_pool(folder).ok_or_else(|| PoolError::Missing { path: folder.to_owned() })?;
    let tasks: Vec<_> = read_pool(&file)?.collect();
    Ok(tasks.into_iter())
}

fn pools_below(folder: &Path, pools: &mut Vec<PathBuf>) -> Result<(), DiskError> {
    if find_pool(folder).is_some() {
        pools.push(folder.to_owned());
    }
    let failed = |error| DiskError::new(folder, "list this folder", error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // Links are not followed: their targets belong to other folders.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            pools_below(&entry.path(), pools)?;
        }
    }
    Ok(())
}
