//! Duplicates: near-duplicate texts, the command's driver and its files, and overlap with other text.

#[path = "../support/mod.rs"]
mod support;

mod driver;
mod overlap;
mod texts;
