//! `synthetic:NAME`: batches of generated rows.

use std::{
    ops::{ControlFlow, Range},
    sync::Arc,
};

use symphony_synthetic::Generator;

use super::{Piece, Rows, Source, SourceError, Wanted};
use crate::{
    disk::NamedFile,
    format::{Columns, LastField, Selection},
    row::RowBatch,
};

/// The number of rows in a batch.
const ROWS_AT_ONCE: u64 = 512;

/// The generated rows of one benchmark.
pub struct GeneratedSource<'b> {
    generator: &'static dyn Generator,
    rows: u64,
    seed: u64,
    configs: Vec<&'b str>,
    /// For each config, the field that is added at the end of its rows; empty if no field is added.
    last_fields: Vec<LastField>,
    columns: Option<&'b Columns>,
    name: Arc<str>,
}

impl<'b> GeneratedSource<'b> {
    /// A source of `rows` rows of `generator`. If the generator has configs, row i belongs to the benchmark's config i mod k.
    pub fn new(generator: &'static dyn Generator, rows: u64, seed: u64, wanted: Wanted<'b>) -> Self {
        let known = generator.configs();
        let chosen: Vec<&'b str> = wanted.configs.iter().map(String::as_str).collect();
        let configs = if known.is_empty() {
            vec![""]
        } else if chosen.is_empty() {
            known.to_vec()
        } else {
            chosen
        };
        let config_field = wanted.config_field.filter(|_| !known.is_empty());
        let last_fields =
            config_field.iter().flat_map(|field| configs.iter().map(|config| LastField::new(field, config))).collect();
        let name = format!("synthetic:{}", generator.name()).into();
        Self { generator, rows, seed, configs, last_fields, columns: wanted.columns, name }
    }
}

impl Source for GeneratedSource<'_> {
    fn rows(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn shards(&self, shards: usize) -> Result<Vec<Vec<Piece>>, SourceError> {
        let shards = (shards as u64).clamp(1, self.rows.max(1));
        let cut = |at: u64| (u128::from(self.rows) * u128::from(at) / u128::from(shards)) as u64;
        let shards = (0..shards).map(|at| Piece::Rows { from: cut(at), to: cut(at + 1) });
        Ok(shards.filter(|piece| !piece.is_empty()).map(|piece| vec![piece]).collect())
    }

    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<NamedFile>, SourceError> {
        self.read_rows(0..self.rows, sink)?;
        Ok(Vec::new())
    }
}

impl GeneratedSource<'_> {
    /// Hands on the rows with these numbers.
    ///
    /// # Errors
    /// No row has a column that is named.
    pub(super) fn read_rows<'s>(
        &'s self,
        rows: Range<u64>,
        sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        // All rows have the same keys, so checking the first one is enough.
        if let (Some(mut selection), Some(columns)) = (self.selection(), self.columns) {
            let mut row = String::new();
            self.generator.write_row(self.configs[0], self.seed, 0, &mut row);
            selection.of_row(row.as_bytes());
            if let Some((names, known)) = selection.unknown() {
                let names = names.into_iter().map(str::to_owned).collect();
                return Err(SourceError::NoColumn { key: columns.key(), names, known: known.to_vec() });
            }
        }
        for start in rows.clone().step_by(ROWS_AT_ONCE as usize) {
            let end = (start + ROWS_AT_ONCE).min(rows.end);
            if sink(Rows::ToMake(Box::new(move || self.generate(start..end)))).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn selection(&self) -> Option<Selection<'_>> {
        self.columns.map(Selection::new)
    }

    /// Generates the rows with these numbers.
    fn generate(&self, rows: Range<u64>) -> RowBatch {
        let mut batch = RowBatch::new(self.name.clone(), rows.start, false);
        let mut text = String::new();
        for i in rows {
            // The configs take turns, so that every prefix holds all of them.
            let k = self.configs.len() as u64;
            let at = (i % k) as usize;
            text.clear();
            self.generator.write_row(self.configs[at], self.seed, i / k, &mut text);
            if let Some(row) = self.selection().and_then(|mut selection| selection.of_row(text.as_bytes())) {
                text = String::from_utf8_lossy(&row).into_owned();
            }
            match self.last_fields.get(at) {
                None => batch.push(text.as_bytes(), i + 1),
                Some(field) => match field.added_to(text.as_bytes()) {
                    Ok(text) => batch.push(&text, i + 1),
                    Err(fault) => batch.push_fault(text.as_bytes(), i + 1, fault),
                },
            }
        }
        batch
    }
}
