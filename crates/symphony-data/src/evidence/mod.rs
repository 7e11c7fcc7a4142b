//! Evidence: how real models did on the rows, and how that relates to difficulty.
//!
//! A side room: no stage uses it. It reads stores and the responses of models ([`responses`]), measures how well a
//! difficulty score predicts failure ([`validation`], up to the ceiling that [`reliability`](validation::reliability) sets),
//! and fits a difficulty to the responses ([`calibrate`](mod@calibrate), with [`irt`](crate::irt)). It writes that difficulty
//! to a file, and a pool can be drawn by it.

pub mod calibrate;
mod error;
pub mod responses;
pub mod validation;

pub use error::EvidenceError;

/// Long loops over answers check whether to stop after this many of them, which takes some milliseconds.
const ANSWERS_BETWEEN_QUESTIONS: usize = 1 << 18;
