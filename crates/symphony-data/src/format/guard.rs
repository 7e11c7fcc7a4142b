//! Decoders of columns are not ours, and some of them panic on damaged files. Here such a panic becomes an error.

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

/// Runs a decoder's `work`; a panic in it ends there, unseen, and its message is the error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !DECODING.get() {
                before(panic);
            }
        }));
    });
    DECODING.set(true);
    // What the decoder was at is not looked at again.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    DECODING.set(false);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        text.unwrap_or("its decoder gave up").to_owned()
    })
}

/// The batches of a decoder, ending with an error where it panics.
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
    use super::*;

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
}
