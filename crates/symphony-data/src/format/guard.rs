//! The decoders of columns are from other crates, and some of them panic on damaged files. Here such a panic becomes an
//! error.
//!
//! Before that, Rust calls the process's panic hook, which prints the panic. The hook belongs to the program, so the
//! library leaves it alone; a program that does not want these lines calls [`silence_decoders`].

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use arrow_schema::ArrowError;

thread_local! {
    /// Whether this thread is in a decoder.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics of the decoders of Parquet and Arrow, which this library turns into errors, from the panic hook. A
/// program calls it at its start; later calls do nothing.
///
/// It sets the process's panic hook to one that passes every other panic on to the hook set before. A hook that is set
/// later replaces it and receives all panics.
pub fn silence_decoders() {
    static SILENT: Once = Once::new();
    SILENT.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !DECODING.get() {
                before(panic);
            }
        }));
    });
}

/// Runs a decoder's `work`; a panic in it ends there, and its message is the error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = DECODING.replace(true);
    // The decoder's state is not used again.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    DECODING.set(outer);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        text.unwrap_or("its decoder gave up").to_owned()
    })
}

/// The batches of a decoder, ending with an error if it panics.
pub(crate) fn guarded_batches<T>(
    mut batches: impl Iterator<Item = Result<T, ArrowError>>,
) -> impl Iterator<Item = Result<T, ArrowError>> {
    let mut broken = false;
    std::iter::from_fn(move || {
        if broken {
            return None;
        }
        guarded(|| batches.next()).unwrap_or_else(|why| {
            broken = true;
            Some(Err(ArrowError::ParquetError(why)))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn panicking(text: &'static str) -> impl Iterator<Item = Result<(), ArrowError>> {
        guarded_batches(std::iter::once_with(move || panic!("{text}")))
    }

    #[test]
    fn a_panic_of_a_decoder_is_its_last_error() {
        let mut batches = guarded_batches((0..3).map(|i| {
            assert!(i < 1, "the width is {i}");
            Ok(i)
        }));
        assert_eq!(batches.next().unwrap().unwrap(), 0);
        let error = batches.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("the width is 1"), "{error}");
        assert!(batches.next().is_none());
    }

    #[test]
    fn the_panic_hook_is_the_programs_own_and_hears_of_decoders_until_they_are_silenced() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hook = |name: &'static str| {
            let heard = heard.clone();
            // Tests on other threads may panic meanwhile.
            let this = std::thread::current().id();
            set_hook(Box::new(move |panic| {
                if std::thread::current().id() == this {
                    heard.lock().unwrap().push((name, panic.payload_as_str().unwrap_or_default().to_owned()));
                }
            }));
        };
        let own = |text: &'static str| assert!(catch_unwind(|| panic!("{text}")).is_err());
        let decoder = |text| assert!(panicking(text).next().unwrap().is_err());

        hook("first");
        decoder("decoder 1");
        own("own 1");
        silence_decoders();
        decoder("decoder 2");
        own("own 2");
        silence_decoders();
        // A decoder may call another; a panic after that still belongs to the outer decoder.
        let nested = guarded::<()>(|| {
            decoder("decoder 3");
            panic!("decoder 4")
        });
        assert!(nested.is_err());
        hook("later");
        own("own 3");
        decoder("decoder 5");
        silence_decoders();
        own("own 4");
        let _ = take_hook();

        let heard = heard.lock().unwrap();
        let heard: Vec<(&str, &str)> = heard.iter().map(|(hook, text)| (*hook, text.as_str())).collect();
        assert_eq!(
            heard,
            [
                ("first", "decoder 1"),
                ("first", "own 1"),
                ("first", "own 2"),
                ("later", "own 3"),
                ("later", "decoder 5"),
                ("later", "own 4"),
            ]
        );
    }
}
