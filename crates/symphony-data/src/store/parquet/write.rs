//! Writing a Parquet store: all cores encode row groups, one thread appends them.

use std::{io::Write as _, path::PathBuf, sync::Arc};

use arrow_array::{ArrayRef, Float64Array, StringArray, builder::BinaryBuilder};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves},
    },
    basic::{Compression, ZstdLevel},
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};

use super::{BIN, IDENTITY, METADATA, RAW_DATA, SCORE, TASK_ID};
use crate::{
    TOOL,
    bin::Thresholds,
    disk::{Folder, NewFile, WrittenFile},
    format::parquet::cannot_write,
    store::{
        Names, ScoredRows, StoreError,
        blocks::BlockWriter,
        hex,
        index::{self, IndexWriter},
        labels::WrittenLabels,
    },
};

/// About how much row text a row group holds, in bytes. Several are in memory at once while a store is written.
pub(in crate::store) const GROUP_BYTES: usize = 8 << 20;
/// How large a page of row text becomes, in bytes: about 128 rows. A drawn row is read with its whole page.
const ROW_PAGE: usize = 64 << 10;
/// How large other pages become, in bytes.
const PAGE: usize = 16 << 10;
/// How many values are written between two checks of the page size.
const VALUES_AT_ONCE: usize = 64;

/// The columns of a store with these scored features. A feature with the name of another column gets the prefix `feature.`.
fn schema<'s>(scored: impl IntoIterator<Item = &'s str>) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::Float64, false);
    let fixed = [TASK_ID, "source_id", SCORE, BIN, RAW_DATA, METADATA, IDENTITY];
    let features = scored
        .into_iter()
        .map(|name| if fixed.contains(&name) { number(&format!("feature.{name}")) } else { number(name) });
    let mut fields = vec![text(TASK_ID), text("source_id"), number(SCORE), text(BIN)];
    fields.extend(features);
    fields.extend([text(RAW_DATA), text(METADATA), text(IDENTITY)]);
    Arc::new(Schema::new(fields))
}

fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(TOOL.to_owned())
        .set_write_batch_size(VALUES_AT_ONCE)
        .set_data_page_size_limit(PAGE)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for name in [TASK_ID, "source_id", RAW_DATA, METADATA, IDENTITY] {
        // Hardly any two values are equal, and a dictionary would have to be read with each page.
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::None);
    }
    properties.set_column_data_page_size_limit(ColumnPath::from(RAW_DATA), ROW_PAGE).build()
}

/// Encodes rows as row groups.
#[derive(Debug)]
pub(in crate::store) struct ParquetEncoder {
    schema: SchemaRef,
    columns: ArrowRowGroupWriterFactory,
    path: PathBuf,
}

/// A row group, ready to be appended.
#[derive(Debug)]
pub(in crate::store) struct RowGroup {
    columns: Vec<ArrowColumnChunk>,
    /// The score and the identity of each row.
    numbers: Vec<(f64, u64)>,
}

impl ParquetEncoder {
    pub fn encode(
        &self,
        benchmark: &str,
        thresholds: Thresholds,
        rows: &[ScoredRows<'_>],
    ) -> Result<RowGroup, StoreError> {
        let scores = || rows.iter().flat_map(|rows| rows.scores[rows.good.clone()].iter().copied());
        let count = scores().count();
        let bytes = rows.iter().map(|rows| rows.batch.text_len()).sum();
        let texts = |length| BinaryBuilder::with_capacity(count, count * length);
        let (mut ids, mut metadata, mut identities) = (texts(24), texts(96), texts(16));
        let mut raw_data = BinaryBuilder::with_capacity(count, bytes);
        let mut id = format!("{benchmark}_").into_bytes();
        let prefix = id.len();
        let mut numbers = Vec::with_capacity(count);
        for rows in rows {
            for (i, row, text) in rows.good() {
                id.truncate(prefix);
                // Writing to memory cannot fail.
                let _ = write!(id, "{}", rows.batch.row_number(row));
                ids.append_value(&id);
                raw_data.append_value(text);
                metadata.append_value(rows.features.metadata.get(i));
                identities.append_value(hex(rows.features.identities[i]));
                numbers.push((rows.scores[i], rows.features.identities[i]));
            }
        }
        // All of it is UTF-8: the rows were checked before, features are JSON, hex digits are ASCII. So that is checked for a
        // whole column at once, which is quicker than for each value.
        let column = |mut texts: BinaryBuilder| -> Result<ArrayRef, StoreError> {
            let texts = StringArray::try_from_binary(texts.finish());
            Ok(Arc::new(texts.map_err(|error| cannot_write(&self.path, error.into()))?))
        };
        let ids = column(ids)?;
        let mut columns: Vec<ArrayRef> = vec![
            ids.clone(),
            ids,
            Arc::new(scores().collect::<Float64Array>()),
            Arc::new(scores().map(|score| Some(thresholds.bin(score).name())).collect::<StringArray>()),
        ];
        for feature in 0..self.schema.fields().len() - 7 {
            let values = rows.iter().flat_map(|rows| rows.features.scored[feature][rows.good.clone()].iter().copied());
            columns.push(Arc::new(values.collect::<Float64Array>()));
        }
        for texts in [raw_data, metadata, identities] {
            columns.push(column(texts)?);
        }
        self.row_group(&columns, numbers)
    }

    /// A row group of these columns, whose rows have these scores and identities.
    pub(super) fn row_group(&self, columns: &[ArrayRef], numbers: Vec<(f64, u64)>) -> Result<RowGroup, StoreError> {
        let failed = |error| cannot_write(&self.path, error);
        let mut writers = self.columns.create_column_writers(0).map_err(failed)?;
        for ((field, column), writer) in self.schema.fields().iter().zip(columns).zip(&mut writers) {
            for leaf in compute_leaves(field, column).map_err(failed)? {
                writer.write(&leaf).map_err(failed)?;
            }
        }
        let columns = writers.into_iter().map(|writer| writer.close().map_err(failed)).collect::<Result<_, _>>()?;
        Ok(RowGroup { columns, numbers })
    }
}

/// A Parquet store that is being written.
pub(in crate::store) struct ParquetWriter {
    path: PathBuf,
    schema: SchemaRef,
    file: SerializedFileWriter<BlockWriter<NewFile>>,
    index: IndexWriter<NewFile>,
}

impl ParquetWriter {
    pub fn create<'s>(
        folder: &Folder,
        names: &Names,
        scored: impl IntoIterator<Item = &'s str>,
    ) -> Result<(Self, ParquetEncoder), StoreError> {
        Self::with_schema(folder, names, schema(scored))
    }

    pub fn with_schema(
        folder: &Folder,
        names: &Names,
        schema: SchemaRef,
    ) -> Result<(Self, ParquetEncoder), StoreError> {
        let path = folder.path().join(&names.store);
        let file = BlockWriter::new(folder.create_large(&names.store)?);
        let index = IndexWriter::new(&index::PARQUET, folder.create_large(&names.index)?);
        let options = ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
        let (file, columns) = ArrowWriter::try_new_with_options(file, schema.clone(), options)
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| cannot_write(&path, error))?;
        let encoder = ParquetEncoder { schema: schema.clone(), columns, path: path.clone() };
        Ok((Self { path, schema, file, index }, encoder))
    }

    /// Another part of the same store, whose rows the same encoder encodes.
    pub fn next(&self, folder: &Folder, names: &Names) -> Result<Self, StoreError> {
        Ok(Self::with_schema(folder, names, self.schema.clone())?.0)
    }

    pub fn append(&mut self, group: RowGroup) -> Result<(), StoreError> {
        // Parquet has no empty row groups.
        if group.numbers.is_empty() {
            return Ok(());
        }
        self.index.append_numbers(&group.numbers)?;
        let written = self.file.next_row_group().and_then(|mut writer| {
            group.columns.into_iter().try_for_each(|column| column.append_to_row_group(&mut writer))?;
            writer.close()
        });
        Ok(written.map(drop).map_err(|error| cannot_write(&self.path, error))?)
    }

    /// The store and its index with these labels, to be published in this order.
    pub fn finish(self, labels: &WrittenLabels) -> Result<(WrittenFile, [NewFile; 2]), StoreError> {
        let blocks = self.file.into_inner().map_err(|error| cannot_write(&self.path, error))?;
        let (mut store, sums) = blocks.finish();
        let written = store.written()?;
        let index = self.index.finish(labels, &sums, &written)?;
        Ok((written, [store, index]))
    }
}
