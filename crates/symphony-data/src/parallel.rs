//! Work on many items in order: read by one thread, worked on by all cores, taken in the order in which they were read.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

/// Runs `produce`, which hands its items to what it is called with, `work` on each item, and `take` on each result, in the
/// order of the items, on the calling thread. Few items are under way at once, so that memory is bounded; once `take`
/// breaks off, `produce` is told to.
///
/// The threads are its own, so that none of them is ever given other work that waits for this.
pub fn pipeline<T: Send, R: Send, P: Send>(
    produce: impl FnOnce(&mut dyn FnMut(T) -> ControlFlow<()>) -> P + Send,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> ControlFlow<()>,
) -> P {
    let threads = threads();
    let work = &work;
    thread::scope(|scope| {
        let (hand_out, items) = mpsc::sync_channel::<(T, mpsc::SyncSender<R>)>(threads);
        let (in_order, results) = mpsc::sync_channel::<mpsc::Receiver<R>>(threads);
        let producer = scope.spawn(move || {
            produce(&mut |item| {
                let (answer, result) = mpsc::sync_channel(1);
                let sent = in_order.send(result).is_ok() && hand_out.send((item, answer)).is_ok();
                if sent { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        });
        let items = Arc::new(Mutex::new(items));
        for _ in 0..threads {
            let items = items.clone();
            scope.spawn(move || {
                loop {
                    let item = items.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((item, answer)) = item else { break };
                    // Nobody waits for it any more where `take` broke off.
                    let _ = answer.send(work(item));
                }
            });
        }
        // The workers alone hold it: where all of them panicked, the producer is not to wait for them.
        drop(items);
        for result in results {
            let Ok(result) = result.recv() else { break };
            if take(result).is_break() {
                break;
            }
        }
        producer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// As many as the caller's pool has; without one, as rayon's own would have, which is not started for this.
fn threads() -> usize {
    if rayon::current_thread_index().is_some() {
        return rayon::current_num_threads();
    }
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    asked.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_work_takes() {
        let mut taken = Vec::new();
        let produced = pipeline(
            |sink| (0..1000_u64).take_while(|i| sink(*i).is_continue()).count(),
            |i| {
                thread::sleep(std::time::Duration::from_micros(i * 7919 % 50));
                i * 2
            },
            |result| {
                taken.push(result);
                ControlFlow::Continue(())
            },
        );
        assert_eq!(produced, 1000);
        assert!(taken.into_iter().eq((0..1000).map(|i| i * 2)));
    }

    #[test]
    fn the_producer_is_told_to_stop() {
        let mut taken = 0;
        let produced = pipeline(
            |sink| (0..1_000_000).take_while(|i| sink(*i).is_continue()).count(),
            |i| i,
            |_| {
                taken += 1;
                if taken == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert!(produced < 1000, "{produced} were produced after 10 were enough");
    }

    #[test]
    fn a_panic_in_the_work_ends_it_all() {
        let panicked = std::panic::catch_unwind(|| {
            pipeline(
                |sink| (0..100).take_while(|i| sink(*i).is_continue()).count(),
                |i| assert!(i < 10),
                |()| ControlFlow::Continue(()),
            )
        });
        assert!(panicked.is_err());
    }
}
