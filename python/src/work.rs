//! Runs the library's work beside the interpreter: on threads of this process, while the calling thread listens for
//! Ctrl-C.

use std::{sync::mpsc, thread, time::Duration};

use pyo3::prelude::*;

use crate::progress::Run;

/// How often Ctrl-C is looked for.
const TICK: Duration = Duration::from_millis(50);

/// Runs `work` without the interpreter; what a signal raises meanwhile ends `run`, which the caller raises afterwards.
pub fn beside<T: Send>(py: Python<'_>, run: &Run, work: impl FnOnce() -> T + Send) -> T {
    py.detach(|| {
        thread::scope(|scope| {
            let (done, is_done) = mpsc::channel::<()>();
            let working = scope.spawn(move || {
                // Dropped when the work is over, however it ends.
                let _done = done;
                // Threads of its own: a forked process has none of its parent's, and a thread that holds a folder's lock
                // while it waits must not be given other work that waits for that lock.
                match rayon::ThreadPoolBuilder::new().build() {
                    Ok(pool) => pool.install(work),
                    Err(_) => work(),
                }
            });
            while let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(TICK) {
                #[allow(clippy::redundant_closure_for_method_calls)] // The method serves one lifetime only.
                if let Some(Err(error)) = Python::try_attach(|py| py.check_signals()) {
                    run.end(error);
                }
            }
            working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}
