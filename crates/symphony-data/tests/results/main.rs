//! Results: accuracies with intervals, comparisons, and what they say.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array};
use symphony_data::{
    DatasetBuilder, Error,
    evidence::responses::Input,
    results::{AnsweredPool, Results, ResultsError, ResultsOptions},
    task::{Json, Task, Text},
};
use xxhash_rust::xxh3::xxh3_64;

mod accuracy;
mod estimate;
mod paired;
mod pool;
mod read;
mod real;
#[path = "../support/mod.rs"]
mod support;

/// The generator of the simulations: SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// A whole number from 1 to `most`.
    fn up_to(&mut self, most: u32) -> u32 {
        1 + (self.uniform() * f64::from(most)) as u32
    }

    /// The mean of `n` tries that succeed with probability `p`.
    fn rate(&mut self, p: f64, n: u32) -> f64 {
        f64::from((0..n).map(|_| u32::from(self.chance(p))).sum::<u32>()) / f64::from(n)
    }
}

/// A task of the benchmark `b`: the row of this number, with the identity of a text.
fn task(row: usize, identity: &str) -> Task {
    Task {
        task_id: format!("exp_{row:05}_b"),
        benchmark: "b".to_owned(),
        difficulty_score: 0.5,
        difficulty_bin: "medium".to_owned(),
        raw_data: Json::new("{}".to_owned()).unwrap(),
        scorer_metadata: Json::new("{}".to_owned()).unwrap(),
        source_id: Some(Text::from(format!("b_{row}"))),
        identity: Some(Text::from(format!("{:016x}", xxh3_64(identity.as_bytes())))),
        phase: None,
        weight: None,
        stratum: None,
    }
}

/// A pool of these tasks.
fn pool(tasks: Vec<Task>) -> AnsweredPool {
    AnsweredPool::of_tasks("pool", tasks, None)
}

/// A pool of distinct tasks, each as often as said.
fn repeated(times: &[u32]) -> AnsweredPool {
    let tasks = times.iter().enumerate().flat_map(|(row, n)| (0..*n).map(move |_| task(row, &format!("task {row}"))));
    pool(tasks.collect())
}

/// An answer: row, model, score, tries.
type Answer = (usize, String, f64, u32);

/// Answers to rows of the benchmark `b`, as a table.
fn table(answers: &[Answer]) -> Input {
    let text = |texts: Vec<String>| Arc::new(StringArray::from(texts)) as ArrayRef;
    let columns = [
        ("benchmark", text(vec!["b".to_owned(); answers.len()])),
        ("source_id", text(answers.iter().map(|(row, ..)| format!("b_{row}")).collect())),
        ("model", text(answers.iter().map(|(_, model, ..)| model.clone()).collect())),
        ("score", Arc::new(Float64Array::from_iter_values(answers.iter().map(|(.., score, _)| *score))) as ArrayRef),
        ("tries", Arc::new(UInt32Array::from_iter_values(answers.iter().map(|(.., tries)| *tries))) as ArrayRef),
    ];
    Input::Table(vec![RecordBatch::try_from_iter(columns).unwrap()])
}

/// Answers of one try each: for each model, its scores on the rows 0, 1, …; NaN where it has none.
fn graded(models: &[(&str, &[f64])]) -> Input {
    let answers = models.iter().flat_map(|(model, scores)| {
        let answered = scores.iter().enumerate().filter(|(_, score)| !score.is_nan());
        answered.map(|(row, score)| (row, (*model).to_owned(), *score, 1))
    });
    table(&answers.collect::<Vec<_>>())
}

fn builder() -> DatasetBuilder {
    DatasetBuilder::from_yaml("test.yaml", "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=100'}}").unwrap()
}

fn results(pool: &AnsweredPool, input: Input) -> Results {
    builder().results(pool, &[input], &ResultsOptions::default()).unwrap()
}

fn error(pool: &AnsweredPool, input: Input, options: &ResultsOptions) -> Error {
    builder().results(pool, &[input], options).unwrap_err()
}

/// Whether two numbers are the same but for rounding.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}
