//! Drives stage 2: store.scores() ─► bins ► allocate ► sample ► order ─► draws; store.fetch(draws) ─► pool.

use std::path::Path;

use arrow_array::RecordBatch;

use crate::{
    config::Config,
    pool::manifest::PoolManifest,
    progress::Progress,
    request::Request,
    store::Store,
    task::{StoredTask, table},
};

mod difficulty;
mod drawn;
mod error;
mod stores;
mod write;

pub use difficulty::{DifficultyError, Joined};
pub(crate) use difficulty::{check_folder, resolved};
pub use drawn::{Drawn, DrawnPart, DrawnTasks};
pub use error::DrawError;
pub use stores::{Stores, with_stores};
pub use write::{Made, Order, Writing, make_pools, save_statistics, save_task_pool};

/// The tasks that `request` asks for from the stores in `folder`, in stream order, once its warnings are told; and what a
/// manifest says of them.
///
/// # Errors
/// As [`Stores::open`]; a stream of no tasks.
pub fn build_task_stream(
    config: &Config,
    folder: &Path,
    request: &Request,
    progress: &dyn Progress,
) -> Result<(DrawnTasks, PoolManifest), DrawError> {
    with_stores(config, folder, [request], progress, |stores| {
        let drawn = stores.draw(request)?;
        stores.tell(drawn.warnings.iter().cloned());
        if progress.cancelled() {
            return Err(DrawError::Stopped);
        }
        Ok((drawn.tasks()?, PoolManifest::of(&drawn.manifest(None, Vec::new()))))
    })
}

/// The scored tasks of one preprocessed benchmark, in the order of its rows.
///
/// # Errors
/// The store is missing, or is not as it was written.
pub fn load_preprocessed_benchmark(
    name: &str,
    preprocessed_dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<StoredTask>, DrawError> {
    let mut store = Store::open(preprocessed_dir, name, progress)?;
    if store.index_problem(false).is_some() {
        store.make_index(None)?;
    }
    let rows: Vec<u32> = (0..store.rows()? as u32).collect();
    Ok(store.fetch(&rows)?)
}

/// [`build_task_stream`] as batches of [`table::schema`].
///
/// # Errors
/// As there; a task whose text a batch cannot hold.
pub fn build_task_table(
    config: &Config,
    folder: &Path,
    request: &Request,
    progress: &dyn Progress,
) -> Result<(Vec<RecordBatch>, PoolManifest), DrawError> {
    let (tasks, manifest) = build_task_stream(config, folder, request, progress)?;
    Ok((table::batches(&tasks.iter().collect::<Vec<_>>())?, manifest))
}

/// [`load_preprocessed_benchmark`] as batches of [`table::schema`].
///
/// # Errors
/// As there; a task whose text a batch cannot hold.
pub fn load_preprocessed_table(
    name: &str,
    preprocessed_dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<RecordBatch>, DrawError> {
    let tasks = load_preprocessed_benchmark(name, preprocessed_dir, progress)?;
    Ok(table::batches(&tasks.iter().map(StoredTask::alone).collect::<Vec<_>>())?)
}
