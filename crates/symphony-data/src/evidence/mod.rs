//! Evidence: how real models did on the rows, and what that says of difficulty.
//!
//! A side room of the house. It reads stores and the answers of models ([`responses`]), says how far a difficulty score
//! foretells failure ([`validation`], up to the ceiling that [`reliability`] sets), and fits a difficulty to the answers
//! ([`calibration`], by [`irt`]), which stage 1 may read from a file.

pub mod calibrate;
mod error;
pub mod responses;
pub mod validation;

pub use error::EvidenceError;

/// While answers are gone through, the caller is asked whether to stop after so many of them: some milliseconds.
const ANSWERS_BETWEEN_QUESTIONS: usize = 1 << 18;
