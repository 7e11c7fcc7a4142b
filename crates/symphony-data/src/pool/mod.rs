//! Pools: streams on disk, rows and all, with their statistics and their manifest.

pub mod manifest;
mod parquet;
pub mod statistics;
mod task_pool;

pub use manifest::Manifest;
pub use statistics::Statistics;
pub use task_pool::{PoolError, read_pool, write_pool};

use std::path::{Path, PathBuf};

use crate::task::Layout;

/// Writes pairs as a map, in their order.
fn as_map<K: serde::Serialize, V: serde::Serialize, S: serde::Serializer>(
    pairs: &[(K, V)],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

/// The file that holds a pool's tasks.
pub fn task_pool(format: Layout) -> &'static str {
    match format {
        Layout::Jsonl => "task_pool.jsonl",
        Layout::Parquet => "task_pool.parquet",
    }
}

/// The pool in `folder`, in whatever format it is: the one that its manifest names, where there are two.
pub fn find_pool(folder: &Path) -> Option<PathBuf> {
    let mut there: Vec<&str> = Layout::ALL.into_iter().map(task_pool).collect();
    // One that may not be looked at is there: whoever reads it is told why that cannot be.
    there.retain(|name| match folder.join(name).metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    });
    let named = |name: &&&str| manifest::outputs(folder).is_some_and(|outputs| outputs.contains_key(**name));
    let name = if there.len() > 1 { there.iter().find(named) } else { None };
    name.or(there.first()).map(|name| folder.join(name))
}

/// The file that holds a pool's statistics.
pub const STATISTICS: &str = "statistics.json";
/// The file that says how a pool was made.
pub const MANIFEST: &str = "manifest.json";
