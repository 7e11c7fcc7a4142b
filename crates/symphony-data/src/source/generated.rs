//! `synthetic:` as a source: batches of generated rows.

use std::ops::ControlFlow;

use rayon::prelude::*;

use super::{Source, SourceError, SourceFile, synthetic::Generator};
use crate::{
    config::Benchmark,
    format::{Batcher, ReadError},
    row::RowBatch,
};

/// How many rows are generated between two looks at the batch.
const ROWS_AT_ONCE: u64 = 2048;

/// A generator's rows, as one benchmark.
pub struct GeneratedSource<'b> {
    generator: &'static dyn Generator,
    rows: u64,
    seed: u64,
    configs: Vec<&'b str>,
    config_field: Option<&'b str>,
    name: String,
}

impl<'b> GeneratedSource<'b> {
    /// `rows` rows of `generator`; where it has configs, row i is of the benchmark's config i mod k.
    pub fn new(generator: &'static dyn Generator, rows: u64, seed: u64, benchmark: &'b Benchmark) -> Self {
        let known = generator.configs();
        let chosen: Vec<&'b str> = benchmark.configs.iter().map(String::as_str).collect();
        let configs = if known.is_empty() {
            vec![""]
        } else if chosen.is_empty() {
            known.to_vec()
        } else {
            chosen
        };
        let config_field = benchmark.config_field.as_deref().filter(|_| !known.is_empty());
        Self { generator, rows, seed, configs, config_field, name: format!("synthetic:{}", generator.name()) }
    }
}

impl Source for GeneratedSource<'_> {
    fn rows(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn read(&self, sink: &mut dyn FnMut(RowBatch) -> ControlFlow<()>) -> Result<Vec<SourceFile>, SourceError> {
        let mut batcher = Batcher::new(sink);
        // A source that was told to stop has nothing more to say.
        let _: Result<(), ReadError> = self.generate(&mut batcher);
        Ok(Vec::new())
    }
}

impl GeneratedSource<'_> {
    fn generate(&self, batcher: &mut Batcher<'_>) -> Result<(), ReadError> {
        let mut current = None;
        for start in (0..self.rows).step_by(ROWS_AT_ONCE as usize) {
            let end = (start + ROWS_AT_ONCE).min(self.rows);
            let rows: Vec<(&str, String)> = (start..end)
                .into_par_iter()
                .map(|i| {
                    // The configs take turns, so that every prefix holds all of them.
                    let k = self.configs.len() as u64;
                    let config = self.configs[(i % k) as usize];
                    let mut text = String::new();
                    self.generator.write_row(config, self.seed, i / k, &mut text);
                    (config, text)
                })
                .collect();
            for (i, (config, text)) in (start..).zip(&rows) {
                if current != Some(*config) {
                    batcher.begin(&self.name, self.config_field.map(|field| (field, *config)), false)?;
                    current = Some(*config);
                }
                batcher.push(text.as_bytes(), i + 1)?;
            }
        }
        batcher.flush()
    }
}
