//! Runs stage 2: store.scores() ─► bins ► allocate ► sample ► order ─► draws; store.fetch(draws) ─► pool.

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
mod exclusions;
mod select;
mod spans;
mod stores;
mod stretch;
mod thresholds;
mod write;

pub(crate) use difficulty::{Choice, Used, check_folder};
pub use difficulty::{DifficultyError, Joined};
pub use drawn::{Drawn, DrawnPart, DrawnPhase, DrawnTasks};
pub use error::DrawError;
pub use select::Selected;
pub use stores::{Stores, with_stores};
pub use write::{Made, Order, Writing, make_pools, save_statistics, save_task_pool};

/// Draws the tasks of `request` from the stores in `folder`, and reports its warnings. Returns the tasks in stream order, and
/// their manifest.
///
/// # Errors
/// Those of [`Stores::open`]; or no task can be drawn.
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

/// All scored tasks of a preprocessed benchmark, in the order of its rows.
///
/// # Errors
/// The store is missing, or was changed since it was written.
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

/// [`build_task_stream`] as record batches of [`table::schema`].
///
/// # Errors
/// Those of [`build_task_stream`]; or a task is too large for a batch.
pub fn build_task_table(
    config: &Config,
    folder: &Path,
    request: &Request,
    progress: &dyn Progress,
) -> Result<(Vec<RecordBatch>, PoolManifest), DrawError> {
    let (tasks, manifest) = build_task_stream(config, folder, request, progress)?;
    Ok((table::batches(&tasks.iter().collect::<Vec<_>>())?, manifest))
}

/// [`load_preprocessed_benchmark`] as record batches of [`table::schema`].
///
/// # Errors
/// Those of [`load_preprocessed_benchmark`]; or a task is too large for a batch.
pub fn load_preprocessed_table(
    name: &str,
    preprocessed_dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<RecordBatch>, DrawError> {
    let tasks = load_preprocessed_benchmark(name, preprocessed_dir, progress)?;
    Ok(table::batches(&tasks.iter().map(StoredTask::alone).collect::<Vec<_>>())?)
}
