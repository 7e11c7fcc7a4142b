//! A pipeline over many items: one thread reads them, all cores work on them, and the results come in the order of
//! reading.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

/// Runs `produce`, which passes each item to the function that it is given; `work` on each item; and `take` on each
/// result. `take` runs on the calling thread, in the order of the items. Few items are in progress at once, so memory
/// is bounded. Once `take` breaks off, `produce` is told to stop.
///
/// The pipeline has its own threads, so none of them can be given other work that waits for the pipeline.
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
                    // Sending fails once `take` broke off, and then the result is not needed.
                    let _ = answer.send(work(item));
                }
            });
        }
        // Only the workers hold it now, so if all of them panic, the producer does not wait for them.
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

/// The number of threads: as many as the caller's rayon pool has; without a pool, as many as rayon's global pool would
/// have, which this does not start.
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
    fn results_come_in_order_however_long_the_work_takes() {
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
    fn a_panic_in_the_work_ends_the_pipeline() {
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
