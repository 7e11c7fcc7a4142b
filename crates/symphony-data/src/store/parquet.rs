//! Stores as Parquet: typed columns, so that scores are read without rows, and small pages of rows, so that a draw reads
//! little more than the rows that it draws.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{
    Array, ArrayRef, Float64Array, RecordBatch, StringArray, builder::StringBuilder, cast::AsArray, types::Float64Type,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::{
    arrow::{
        ArrowWriter, ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
            RowSelection,
        },
        arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves},
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::PageIndexPolicy,
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};
use rayon::prelude::*;

use super::{
    Meta, ScoredRows, StoreError,
    blocks::{BlockWriter, CheckedFile, index_of},
    hex, index_name, store_name,
};
use crate::{
    TOOL,
    bin::{Bin, Thresholds},
    disk::{DiskError, Folder, NewFile, WrittenFile, checksum::HashingReader},
    format::{guarded, parquet::cannot_write},
    task::{Json, Layout, StoredTask, Text},
};

/// About how much row text a row group holds, in bytes. Several are in memory at once while a store is written.
pub(super) const GROUP_BYTES: usize = 8 << 20;
/// How large a page of row text becomes, in bytes: about 128 rows. A drawn row is read with its whole page.
const ROW_PAGE: usize = 64 << 10;
/// How large other pages become, in bytes.
const PAGE: usize = 16 << 10;
/// How many values are written between two checks of the page size.
const VALUES_AT_ONCE: usize = 64;

const TASK_ID: &str = "task_id";
const SCORE: &str = "difficulty_score";
const BIN: &str = "difficulty_bin";
const RAW_DATA: &str = "raw_data";
const METADATA: &str = "scorer_metadata";
const IDENTITY: &str = "identity";

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
pub(super) struct ParquetEncoder {
    schema: SchemaRef,
    columns: ArrowRowGroupWriterFactory,
    path: PathBuf,
}

/// A row group, ready to be appended.
#[derive(Debug)]
pub(super) struct RowGroup {
    columns: Vec<ArrowColumnChunk>,
    rows: u64,
}

impl ParquetEncoder {
    pub fn encode(
        &self,
        benchmark: &str,
        thresholds: Thresholds,
        rows: &[ScoredRows<'_>],
    ) -> Result<RowGroup, StoreError> {
        let ids = || -> ArrayRef {
            let mut column = StringBuilder::new();
            for rows in rows {
                for row in rows.features.rows() {
                    column.append_value(format!("{benchmark}_{}", rows.batch.row_number(row)));
                }
            }
            Arc::new(column.finish())
        };
        let task_ids = ids();
        let scores = || rows.iter().flat_map(|rows| rows.scores.iter().copied());
        let mut columns: Vec<ArrayRef> = vec![
            task_ids.clone(),
            task_ids,
            Arc::new(scores().collect::<Float64Array>()),
            Arc::new(scores().map(|score| Some(thresholds.bin(score).name())).collect::<StringArray>()),
        ];
        for feature in 0..self.schema.fields().len() - 7 {
            let values = rows.iter().flat_map(|rows| rows.features.scored[feature].iter().copied());
            columns.push(Arc::new(values.collect::<Float64Array>()));
        }
        let count = scores().count();
        let bytes = rows.iter().map(|rows| rows.batch.text_len()).sum();
        let mut raw_data = StringBuilder::with_capacity(count, bytes);
        let mut metadata = StringBuilder::with_capacity(count, count * 64);
        let mut identities = StringBuilder::with_capacity(count, count * 16);
        for rows in rows {
            for (i, (_, text)) in rows.good().enumerate() {
                // All of this is UTF-8: the rows were checked before, features are JSON, hex digits are ASCII.
                raw_data.append_value(String::from_utf8_lossy(&text));
                metadata.append_value(String::from_utf8_lossy(rows.features.metadata.get(i)));
                identities.append_value(String::from_utf8_lossy(&hex(rows.features.identities[i])));
            }
        }
        columns.extend([raw_data.finish(), metadata.finish(), identities.finish()].map(|c| Arc::new(c) as ArrayRef));
        self.row_group(&columns)
    }

    fn row_group(&self, columns: &[ArrayRef]) -> Result<RowGroup, StoreError> {
        let failed = |error| cannot_write(&self.path, error);
        let mut writers = self.columns.create_column_writers(0).map_err(failed)?;
        for ((field, column), writer) in self.schema.fields().iter().zip(columns).zip(&mut writers) {
            for leaf in compute_leaves(field, column).map_err(failed)? {
                writer.write(&leaf).map_err(failed)?;
            }
        }
        let rows = columns.first().map_or(0, |column| column.len() as u64);
        let columns = writers.into_iter().map(|writer| writer.close().map_err(failed)).collect::<Result<_, _>>()?;
        Ok(RowGroup { columns, rows })
    }
}

/// A Parquet store that is being written.
pub(super) struct ParquetWriter {
    path: PathBuf,
    file: SerializedFileWriter<BlockWriter<NewFile>>,
    index: NewFile,
    rows: u64,
}

impl ParquetWriter {
    pub fn create<'s>(
        folder: &Folder,
        benchmark: &str,
        scored: impl IntoIterator<Item = &'s str>,
    ) -> Result<(Self, ParquetEncoder), StoreError> {
        Self::with_schema(folder, benchmark, schema(scored))
    }

    fn with_schema(folder: &Folder, benchmark: &str, schema: SchemaRef) -> Result<(Self, ParquetEncoder), StoreError> {
        let name = store_name(benchmark, Layout::Parquet);
        let path = folder.path().join(&name);
        let file = BlockWriter::new(folder.create_large(&name)?);
        let index = folder.create_large(&index_name(benchmark))?;
        let options = ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
        let (file, columns) = ArrowWriter::try_new_with_options(file, schema.clone(), options)
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| cannot_write(&path, error))?;
        let encoder = ParquetEncoder { schema, columns, path: path.clone() };
        Ok((Self { path, file, index, rows: 0 }, encoder))
    }

    pub fn append(&mut self, group: RowGroup) -> Result<(), StoreError> {
        // Parquet has no empty row groups.
        if group.rows == 0 {
            return Ok(());
        }
        self.rows += group.rows;
        let written = self.file.next_row_group().and_then(|mut writer| {
            group.columns.into_iter().try_for_each(|column| column.append_to_row_group(&mut writer))?;
            writer.close()
        });
        Ok(written.map(drop).map_err(|error| cannot_write(&self.path, error))?)
    }

    /// The store and its index, to be published in this order.
    pub fn finish(mut self) -> Result<(WrittenFile, [NewFile; 2]), StoreError> {
        let blocks = self.file.into_inner().map_err(|error| cannot_write(&self.path, error))?;
        let (mut store, sums) = blocks.finish();
        let written = store.written()?;
        self.index.put(&index_of(sums, self.rows, &written))?;
        Ok((written, [store, self.index]))
    }
}

/// A Parquet store that is read.
#[derive(Debug)]
pub(crate) struct ParquetReader {
    path: PathBuf,
    index_path: PathBuf,
    file: Arc<File>,
    store: WrittenFile,
    /// The file with checks of every byte that is read; or why the index that these checks need cannot be used.
    checked: Result<CheckedFile, String>,
}

impl ParquetReader {
    pub fn new(path: &Path, file: File, meta: &Meta) -> Self {
        let (file, store) = (Arc::new(file), meta.store.file.clone());
        let index_path = path.with_file_name(index_name(&meta.benchmark));
        let checked = CheckedFile::open(path, &file, &store, &index_path);
        Self { path: path.to_owned(), index_path, file, store, checked }
    }

    pub fn index_problem(&self) -> Option<String> {
        self.checked.as_ref().err().cloned()
    }

    pub fn make_index(&mut self, benchmark: &str, folder: Option<&Folder>) -> Result<(), StoreError> {
        let read_error = |error| StoreError::from(DiskError::new(&self.path, "read this file", error));
        let mut reader = HashingReader::new(File::open(&self.path).map_err(read_error)?);
        let mut blocks = BlockWriter::new(std::io::sink());
        std::io::copy(&mut reader, &mut blocks).map_err(read_error)?;
        if reader.checksum() != self.store.checksum {
            return Err(self.damaged("checksum"));
        }
        let (_, sums) = blocks.finish();
        let metadata = guarded(|| ArrowReaderMetadata::load(&*self.file, ArrowReaderOptions::new()));
        let rows = match metadata {
            Ok(Ok(found)) => found.metadata().file_metadata().num_rows() as u64,
            Ok(Err(error)) => return Err(self.damaged(&error.to_string())),
            Err(why) => return Err(self.damaged(&why)),
        };
        let index = index_of(sums, rows, &self.store);
        self.checked = CheckedFile::of(&self.path, &self.file, &self.store, &index);
        if let Some(folder) = folder {
            let mut file = folder.create_large(&index_name(benchmark))?;
            file.put(&index)?;
            folder.publish(vec![file], false)?;
        }
        Ok(())
    }

    fn damaged(&self, why: &str) -> StoreError {
        StoreError::stale(&self.path, format!("this file was changed or damaged ({why})"))
    }

    fn checked(&self) -> Result<&CheckedFile, StoreError> {
        self.checked.as_ref().map_err(|reason| StoreError::stale(&self.index_path, format!("this file {reason}")))
    }

    pub fn rows(&self) -> Result<usize, StoreError> {
        Ok(self.checked()?.rows() as usize)
    }

    pub fn scores(&self) -> Result<Vec<f64>, StoreError> {
        self.column(SCORE, |column| column.as_primitive::<Float64Type>().values().to_vec())
    }

    pub fn identities(&self) -> Result<Vec<u64>, StoreError> {
        let number = |text: Option<&str>| u64::from_str_radix(text.unwrap_or_default(), 16).unwrap_or_default();
        self.column(IDENTITY, |column| column.as_string::<i32>().iter().map(number).collect())
    }

    /// Runs a decoder's `work`, and reports its failures as damage.
    fn decode<T>(&self, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, StoreError> {
        match guarded(work) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.damaged(&error.to_string())),
            Err(why) => Err(self.damaged(&why)),
        }
    }

    fn metadata(&self, pages: PageIndexPolicy) -> Result<ArrowReaderMetadata, StoreError> {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_offset_index_policy(pages);
        let file = self.checked()?;
        self.decode(|| ArrowReaderMetadata::load(file, options))
    }

    fn builder(
        &self,
        found: &ArrowReaderMetadata,
        group: usize,
    ) -> Result<ParquetRecordBatchReaderBuilder<CheckedFile>, StoreError> {
        let file = self.checked()?.clone();
        let rows = found.metadata().row_group(group).num_rows() as usize;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, found.clone())
            .with_row_groups(vec![group])
            .with_batch_size(rows.max(1)))
    }

    fn batches(&self, reader: Result<ParquetRecordBatchReader, ParquetError>) -> Result<Vec<RecordBatch>, StoreError> {
        self.decode(|| Ok(reader?.collect::<Result<Vec<_>, _>>()?))
    }

    /// The values of one column.
    fn column<T: Send>(&self, name: &str, values: impl Fn(&ArrayRef) -> Vec<T> + Sync) -> Result<Vec<T>, StoreError> {
        let found = self.metadata(PageIndexPolicy::Skip)?;
        let of_group = |group| {
            let builder = self.builder(&found, group)?;
            let mask = ProjectionMask::columns(builder.parquet_schema(), [name]);
            let batches = self.batches(builder.with_projection(mask).build())?;
            Ok(batches.iter().flat_map(|batch| values(batch.column(0))).collect())
        };
        let groups: Vec<Vec<T>> =
            (0..found.metadata().num_row_groups()).into_par_iter().map(of_group).collect::<Result<_, StoreError>>()?;
        Ok(groups.into_iter().flatten().collect())
    }

    pub fn fetch(&self, benchmark: &str, rows: &[u32]) -> Result<Vec<StoredTask>, StoreError> {
        let found = self.metadata(PageIndexPolicy::Optional)?;
        let mut start = 0_u64;
        let mut rest = rows;
        let mut groups = Vec::new();
        for (at, group) in found.metadata().row_groups().iter().enumerate() {
            let end = start + group.num_rows() as u64;
            let (here, after) = rest.split_at(rest.partition_point(|row| u64::from(*row) < end));
            if !here.is_empty() {
                groups.push((at, start, here));
            }
            (start, rest) = (end, after);
        }
        let tasks = |(group, start, rows): &(usize, u64, &[u32])| self.tasks(benchmark, &found, *group, *start, rows);
        let tasks: Vec<Vec<StoredTask>> = groups.par_iter().map(tasks).collect::<Result<_, _>>()?;
        let tasks: Vec<StoredTask> = tasks.into_iter().flatten().collect();
        if tasks.len() == rows.len() { Ok(tasks) } else { Err(self.damaged("rows are missing")) }
    }

    /// The tasks at these rows, all of one row group, whose first row is `start`.
    fn tasks(
        &self,
        benchmark: &str,
        found: &ArrowReaderMetadata,
        group: usize,
        start: u64,
        rows: &[u32],
    ) -> Result<Vec<StoredTask>, StoreError> {
        let builder = self.builder(found, group)?;
        let all = found.metadata().row_group(group).num_rows() as usize;
        let places = rows.iter().map(|row| (u64::from(*row) - start) as usize);
        let selection = RowSelection::from_consecutive_ranges(places.map(|place| place..place + 1), all);
        let names = [TASK_ID, SCORE, BIN, RAW_DATA, METADATA, IDENTITY];
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let benchmark = Text::from(benchmark.to_owned());
        let mut tasks = Vec::with_capacity(rows.len());
        for batch in self.batches(builder.with_projection(mask).with_row_selection(selection).build())? {
            let [ids, bins, raw_data, metadata, identities] =
                [0, 2, 3, 4, 5].map(|at| batch.column(at).as_string::<i32>());
            let scores = batch.column(1).as_primitive::<Float64Type>();
            for i in 0..batch.num_rows() {
                let text = |column: &StringArray| Text::from(column.value(i).to_owned());
                tasks.push(StoredTask {
                    task_id: text(ids),
                    benchmark: benchmark.clone(),
                    difficulty_score: scores.value(i),
                    difficulty_bin: Bin::parse(bins.value(i)).ok_or_else(|| self.damaged("no bin"))?,
                    raw_data: Json::trusted(text(raw_data)),
                    scorer_metadata: Json::trusted(text(metadata)),
                    identity: text(identities),
                });
            }
        }
        Ok(tasks)
    }

    /// Writes the store again, row group by row group, with bins that follow `thresholds`.
    pub fn rewrite_bins(
        &self,
        folder: &Folder,
        benchmark: &str,
        thresholds: Thresholds,
    ) -> Result<(WrittenFile, [NewFile; 2]), StoreError> {
        let found = self.metadata(PageIndexPolicy::Skip)?;
        let (mut writer, encoder) = ParquetWriter::with_schema(folder, benchmark, found.schema().clone())?;
        let (score, bin) = (found.schema().index_of(SCORE), found.schema().index_of(BIN));
        let (Ok(score), Ok(bin)) = (score, bin) else { return Err(self.damaged("no scores")) };
        for group in 0..found.metadata().num_row_groups() {
            for batch in self.batches(self.builder(&found, group)?.build())? {
                let mut columns = batch.columns().to_vec();
                let scores = batch.column(score).as_primitive::<Float64Type>();
                let bins = scores.values().iter().map(|score| Some(thresholds.bin(*score).name()));
                columns[bin] = Arc::new(bins.collect::<StringArray>());
                writer.append(encoder.row_group(&columns)?)?;
            }
        }
        writer.finish()
    }
}
