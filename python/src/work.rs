//! Runs the library's work beside the interpreter: on threads of this process, while the calling thread listens for
//! Ctrl-C.

use std::{
    process,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use pyo3::{exceptions::PySystemExit, prelude::*};

use crate::progress::Run;

/// How often the calling thread looks for Ctrl-C.
const TICK: Duration = Duration::from_millis(50);
/// How long the callables under way may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_millis(500);

/// How long the interpreter waits at its end for the work that is under way.
const FAREWELL: Duration = Duration::from_secs(2);

/// The runs whose work is under way, each with its process: a forked process has none of its parent's threads.
static UNDER_WAY: Mutex<Vec<(u32, Arc<Run>)>> = Mutex::new(Vec::new());

fn under_way() -> MutexGuard<'static, Vec<(u32, Arc<Run>)>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a run in the list until its thread is done.
struct UnderWay(Arc<Run>);

impl UnderWay {
    fn new(run: &Arc<Run>) -> Self {
        under_way().push((process::id(), run.clone()));
        Self(run.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        under_way().retain(|(_, run)| !Arc::ptr_eq(run, &self.0));
    }
}

/// Ends all work before the interpreter ends, and waits for it a little. Until Python 3.14 a thread that asks for the
/// interpreter after that is killed in a way that ends the whole process with an error.
#[pyfunction]
pub fn end_all(py: Python<'_>) {
    let own = || -> Vec<Arc<Run>> {
        under_way().iter().filter(|(id, _)| *id == process::id()).map(|(_, run)| run.clone()).collect()
    };
    let runs = own();
    for run in &runs {
        // A thread that ends by this says nothing.
        run.end(PySystemExit::new_err(()));
        run.interrupt_calls(py);
    }
    py.detach(|| {
        let end = Instant::now() + FAREWELL;
        while !own().is_empty() && Instant::now() < end {
            thread::sleep(TICK / 5);
        }
    });
}

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
    let under_way = UnderWay::new(run);
    let working = thread::spawn(move || {
        let _under_way = under_way;
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
