//! Runs the library's work beside the interpreter: on threads of this process, while the calling thread listens for
//! Ctrl-C.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use pyo3::prelude::*;

use crate::progress::Run;

/// How often the calling thread looks for Ctrl-C.
const TICK: Duration = Duration::from_millis(50);
/// How long the callables under way may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_millis(500);

/// Runs `work` without the interpreter. An exception that a signal raises meanwhile ends `run`, and the caller raises it
/// afterwards.
///
/// Gives `None` where Ctrl-C came and a callable of the caller's did not end in time. The work is then left behind: its
/// thread goes on until the callable returns, sees that the run is over, and removes what it had begun. That is why `work`
/// owns all that it uses.
pub fn beside<T: Send + 'static>(
    py: Python<'_>,
    run: &Arc<Run>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, is_done) = mpsc::channel::<()>();
    let working = thread::spawn(move || {
        // Dropped when the work is over, however it ends.
        let _done = done;
        // Threads of its own: a forked process has none of its parent's, and a thread that holds a folder's lock while it
        // waits must not be given other work that waits for that lock.
        match rayon::ThreadPoolBuilder::new().build() {
            Ok(pool) => pool.install(work),
            Err(_) => work(),
        }
    });
    let ended = py.detach(move || {
        let mut leave: Option<Instant> = None;
        while let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(TICK) {
            #[allow(clippy::redundant_closure_for_method_calls)] // The method has one lifetime only.
            if let Some(Err(error)) = Python::try_attach(|py| py.check_signals()) {
                run.end(error);
                Python::try_attach(|py| run.interrupt_calls(py));
                // A second Ctrl-C means now.
                leave = Some(if leave.is_some() { Instant::now() } else { Instant::now() + GRACE });
            }
            if leave.is_some_and(|leave| Instant::now() >= leave) && run.is_calling() {
                return false;
            }
        }
        true
    });
    ended.then(|| working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}
