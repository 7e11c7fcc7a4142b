//! Pools: streams on disk with all their rows, statistics and a manifest.

pub mod manifest;
mod parquet;
pub mod statistics;
mod task_pool;

pub use manifest::Manifest;
pub use statistics::Statistics;
pub use task_pool::{PoolError, read_pool, write_pool};

use std::path::{Path, PathBuf};

use crate::task::Layout;

/// Serializes pairs as a map, in their order.
pub(crate) fn as_map<K: serde::Serialize, V: serde::Serialize, S: serde::Serializer>(
    pairs: &[(K, V)],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

/// The name of the file with a pool's tasks.
pub fn task_pool(format: Layout) -> &'static str {
    match format {
        Layout::Jsonl => "task_pool.jsonl",
        Layout::Parquet => "task_pool.parquet",
    }
}

/// The file with the tasks of the pool in `folder`, in either format. If there are two, the manifest decides.
pub fn find_pool(folder: &Path) -> Option<PathBuf> {
    let mut there: Vec<&str> = Layout::ALL.into_iter().map(task_pool).collect();
    // A file without permission to look at it counts as existing: reading it fails with a message that says why.
    there.retain(|name| match folder.join(name).metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    });
    let named = |name: &&&str| manifest::outputs(folder).is_some_and(|outputs| outputs.contains_key(**name));
    let name = if there.len() > 1 { there.iter().find(named) } else { None };
    name.or(there.first()).map(|name| folder.join(name))
}

/// The name of the file with a pool's statistics.
pub const STATISTICS: &str = "statistics.json";
/// The name of the file that says how a pool was made.
pub const MANIFEST: &str = "manifest.json";
