//! Rows made on the spot: five generators, each in the schema of the benchmark it stands in for.
//!
//! A synthetic benchmark is a function, not a file: row `i` depends on the config, the seed and `i` alone, so any row
//! can be made without the others, and the same rows come back on every machine. Answers are computed together with
//! their questions. No row passes for a real one: where the schema has a name or an address, it says "synthetic".
//!
//! One file or folder per generator; `prng`, `text` and `people` are what they share.

// Formulas keep the letters that textbooks give them; and the searches that look endless stop at a bound that their
// comments or conditions state.
#![allow(clippy::many_single_char_names, clippy::maybe_infinite_iter)]

mod amc;
mod bbh;
mod gsm8k;
mod humaneval;
mod medical_qa;
mod people;
mod prng;
mod text;

/// A benchmark that is a function: row `i` of a config depends only on (config, seed, `i`).
pub trait Generator: Sync {
    /// The benchmark it stands in for: `humaneval`, `gsm8k`, `bbh`, `amc` or `medical_qa`.
    fn name(&self) -> &'static str;

    /// How many rows that benchmark has.
    fn real_rows(&self) -> u64;

    /// The configs, in order; empty for a benchmark that has none.
    fn configs(&self) -> &'static [&'static str];

    /// Appends row `i` (from 0, counted within the config) as one JSON object on one line, without a newline, its keys in
    /// the real benchmark's order. `config` is one of [`configs`](Generator::configs), or empty where there are none.
    fn write_row(&self, config: &str, seed: u64, i: u64, out: &mut String);
}

/// All generators.
pub fn generators() -> &'static [&'static dyn Generator] {
    &[&humaneval::HumanEval, &gsm8k::Gsm8k, &bbh::Bbh, &amc::Amc, &medical_qa::MedicalQa]
}

/// The generator of that name.
pub fn generator(name: &str) -> Option<&'static dyn Generator> {
    generators().iter().copied().find(|g| g.name() == name)
}
