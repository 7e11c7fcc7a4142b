//! Generated rows: five generators, each with the schema of the benchmark that it stands in for.
//!
//! A synthetic benchmark is a function, not a file: row `i` depends on the config, the seed and `i` alone, so any row
//! can be generated without the others, and every machine generates the same rows. Answers are computed together with
//! their questions. No row can be mistaken for a real one: names and addresses in it say "synthetic".
//!
//! One file or folder per generator; they share `prng`, `text` and `people`.

// Formulas keep the letters of textbooks. Searches that look endless stop at a bound that their comments or conditions
// state.
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
    /// The benchmark that it stands in for: `humaneval`, `gsm8k`, `bbh`, `amc` or `medical_qa`.
    fn name(&self) -> &'static str;

    /// How many rows the benchmark has.
    fn real_rows(&self) -> u64;

    /// The configs, in order; empty if the benchmark has no configs.
    fn configs(&self) -> &'static [&'static str];

    /// Appends row `i` (from 0, counted within the config) as one JSON object on one line, without a newline, its keys
    /// in the real benchmark's order. `config` is one of [`configs`](Generator::configs), or empty if there are none.
    fn write_row(&self, config: &str, seed: u64, i: u64, out: &mut String);
}

/// All generators.
pub fn generators() -> &'static [&'static dyn Generator] {
    &[&humaneval::HumanEval, &gsm8k::Gsm8k, &bbh::Bbh, &amc::Amc, &medical_qa::MedicalQa]
}

/// The generator of this name.
pub fn generator(name: &str) -> Option<&'static dyn Generator> {
    generators().iter().copied().find(|g| g.name() == name)
}
