//! Runs the library's work beside the interpreter: on threads of this process, while the calling thread listens for
//! Ctrl-C.

use std::{
    process,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use pyo3::prelude::*;
use rayon::ThreadPool;

/// How often Ctrl-C is looked for.
const TICK: Duration = Duration::from_millis(50);

/// The threads of this process. A process that was forked has none of its parent's, and gets its own.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

fn pool() -> Option<Arc<ThreadPool>> {
    let mut pool = POOL.lock().ok()?;
    let process = process::id();
    if let Some((of, pool)) = pool.as_ref()
        && *of == process
    {
        return Some(pool.clone());
    }
    let made = Arc::new(rayon::ThreadPoolBuilder::new().build().ok()?);
    if let Some((_, parents)) = pool.replace((process, made.clone())) {
        // Its threads are not here; waiting for them would never end.
        std::mem::forget(parents);
    }
    Some(made)
}

/// Runs `work` without the interpreter; `interrupted` is told what a signal raised meanwhile.
pub fn beside<T: Send>(py: Python<'_>, interrupted: impl Fn(PyErr) + Sync, work: impl FnOnce() -> T + Send) -> T {
    py.detach(|| {
        thread::scope(|scope| {
            let (done, is_done) = mpsc::channel::<()>();
            let working = scope.spawn(move || {
                // Dropped when the work is over, however it ends.
                let _done = done;
                match pool() {
                    Some(pool) => pool.install(work),
                    None => work(),
                }
            });
            while let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(TICK) {
                #[allow(clippy::redundant_closure_for_method_calls)] // The method serves one lifetime only.
                if let Some(Err(error)) = Python::try_attach(|py| py.check_signals()) {
                    interrupted(error);
                }
            }
            working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}
