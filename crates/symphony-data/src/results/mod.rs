//! Results: what a pool can tell of models.

pub mod power;
