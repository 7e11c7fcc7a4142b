//! Stores as Parquet: typed columns, so that scores are read without rows, and small pages of rows, so that a draw reads
//! little more than the rows that it draws.

mod write;

pub(super) use write::{GROUP_BYTES, ParquetEncoder, ParquetWriter, RowGroup};

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{ArrayRef, RecordBatch, StringArray, cast::AsArray, types::Float64Type};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
            RowSelection,
        },
    },
    errors::ParquetError,
    file::metadata::PageIndexPolicy,
};
use rayon::prelude::*;

use super::{
    Meta, Names, StoreError,
    blocks::{BlockWriter, CheckedFile},
    gather::{Found, Gatherer},
    held::HeldFile,
    hex,
    index::{self, Index, IndexWriter, Target},
};
use crate::{
    bin::Thresholds,
    disk::{DiskError, Folder, NewFile, WrittenFile, checksum::HashingReader},
    format::guarded,
    task::{Json, StoredTask, Text},
};

const TASK_ID: &str = "task_id";
const SCORE: &str = "difficulty_score";
const BIN: &str = "difficulty_bin";
const RAW_DATA: &str = "raw_data";
const METADATA: &str = "scorer_metadata";
const IDENTITY: &str = "identity";

/// A Parquet store that is read.
#[derive(Debug)]
pub(crate) struct ParquetReader {
    path: PathBuf,
    index_path: PathBuf,
    file: Arc<HeldFile>,
    /// Whether the files stay open.
    held: bool,
    store: WrittenFile,
    /// The index, and the store with the checks that it has for every byte; or why it cannot be used.
    index: Result<(Index, CheckedFile), String>,
}

impl ParquetReader {
    /// The files stay open if they are `held`.
    pub fn new(path: &Path, index_path: &Path, file: File, held: bool, store: &WrittenFile) -> Self {
        let file = Arc::new(HeldFile::new(path, file, held));
        let index = Index::open(&index::PARQUET, index_path, held, store)
            .map(|(index, sums)| (index, CheckedFile::new(path, &file, store, &sums)));
        Self { path: path.to_owned(), index_path: index_path.to_owned(), file, held, store: store.clone(), index }
    }

    /// Why the index cannot be used; `None` if it can. With `whole`, every byte of the index is checked.
    pub fn index_problem(&self, whole: bool) -> Option<String> {
        match &self.index {
            Err(reason) => Some(reason.clone()),
            Ok((index, _)) if whole && index.check_all().is_err() => Some("was changed or damaged".to_owned()),
            Ok(_) => None,
        }
    }

    /// Makes the index again: in `folder` under this name, or in memory.
    pub fn make_index(&mut self, name: &str, folder: Option<&Folder>) -> Result<(), StoreError> {
        let read_error = |error| StoreError::from(DiskError::new(&self.path, "read this file", error));
        let mut reader = HashingReader::new(File::open(&self.path).map_err(read_error)?);
        let mut blocks = BlockWriter::new(std::io::sink());
        std::io::copy(&mut reader, &mut blocks).map_err(read_error)?;
        if reader.checksum() != self.store.checksum {
            return Err(self.damaged("checksum"));
        }
        let (_, sums) = blocks.finish();
        let checked = CheckedFile::new(&self.path, &self.file, &self.store, &sums);
        let path = &self.index_path;
        let index = match folder {
            None => {
                let written = self.write_index(Vec::new(), &checked, &sums)?;
                Index::in_memory(&index::PARQUET, path, written, &self.store)
            }
            Some(folder) => {
                let index = self.write_index(folder.create_large(name)?, &checked, &sums)?;
                folder.publish(vec![index], false)?;
                Index::open(&index::PARQUET, path, self.held, &self.store)
            }
        };
        let (index, _) = index.map_err(|reason| StoreError::stale(path, reason))?;
        self.index = Ok((index, checked));
        Ok(())
    }

    /// Writes the index: the scores and identities of all rows, and the labels among their features.
    fn write_index<T: Target>(&self, to: T, file: &CheckedFile, sums: &[u8]) -> Result<T, StoreError> {
        /// How many row groups are read before what they hold is joined, which frees it.
        const AT_ONCE: usize = 32;
        let found = self.metadata(file, PageIndexPolicy::Skip)?;
        let mut index = IndexWriter::new(&index::PARQUET, to);
        let mut gatherer = Gatherer::default();
        let finder = gatherer.finder();
        let find = |batch: &RecordBatch| {
            let features = batch.column(1).as_string::<i32>().iter().map(|text| text.unwrap_or_default().as_bytes());
            (numbers(batch.column(0), batch.column(2)), finder.find(features))
        };
        let groups: Vec<usize> = (0..found.metadata().num_row_groups()).collect();
        for groups in groups.chunks(AT_ONCE) {
            let of_group = |group: &usize| {
                let builder = Self::builder(file, &found, *group);
                // In the order of the file: score, features, identity.
                let mask = ProjectionMask::columns(builder.parquet_schema(), [SCORE, METADATA, IDENTITY]);
                let batches = self.batches(builder.with_projection(mask).build())?;
                Ok(batches.iter().map(find).collect())
            };
            let batches: Vec<Vec<(Numbers, Found)>> =
                groups.par_iter().map(of_group).collect::<Result<_, StoreError>>()?;
            for (numbers, found) in batches.into_iter().flatten() {
                index.append_numbers(&numbers)?;
                gatherer.join(found);
            }
        }
        Ok(index.finish(&gatherer.finish(), sums, &self.store)?)
    }

    fn damaged(&self, why: &str) -> StoreError {
        StoreError::stale(&self.path, format!("this file was changed or damaged ({why})"))
    }

    fn opened(&self) -> Result<&(Index, CheckedFile), StoreError> {
        self.index.as_ref().map_err(|reason| StoreError::stale(&self.index_path, format!("this file {reason}")))
    }

    pub(super) fn index(&self) -> Result<&Index, StoreError> {
        Ok(&self.opened()?.0)
    }

    /// Runs a decoder's `work`, and reports its failures as damage.
    fn decode<T>(&self, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, StoreError> {
        match guarded(work) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.damaged(&error.to_string())),
            Err(why) => Err(self.damaged(&why)),
        }
    }

    fn metadata(&self, file: &CheckedFile, pages: PageIndexPolicy) -> Result<ArrowReaderMetadata, StoreError> {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_offset_index_policy(pages);
        self.decode(|| ArrowReaderMetadata::load(file, options))
    }

    fn builder(
        file: &CheckedFile,
        found: &ArrowReaderMetadata,
        group: usize,
    ) -> ParquetRecordBatchReaderBuilder<CheckedFile> {
        let rows = found.metadata().row_group(group).num_rows() as usize;
        ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), found.clone())
            .with_row_groups(vec![group])
            .with_batch_size(rows.max(1))
    }

    fn batches(&self, reader: Result<ParquetRecordBatchReader, ParquetError>) -> Result<Vec<RecordBatch>, StoreError> {
        self.decode(|| Ok(reader?.collect::<Result<Vec<_>, _>>()?))
    }

    /// The tasks at these rows of a store with this meta, in which so many rows come before the first of this file.
    pub fn fetch(&self, meta: &Meta, before: u64, rows: &[u32]) -> Result<Vec<StoredTask>, StoreError> {
        let (index, file) = self.opened()?;
        let found = self.metadata(file, PageIndexPolicy::Optional)?;
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
        if !rest.is_empty() {
            return Err(self.damaged("rows are missing"));
        }
        let tasks = |(group, start, rows): &(usize, u64, &[u32])| {
            let numbers = index.numbers(rows)?;
            self.tasks(meta, before, Self::builder(file, &found, *group), *start, rows, &numbers)
        };
        let tasks: Vec<Vec<StoredTask>> = groups.par_iter().map(tasks).collect::<Result<_, _>>()?;
        let tasks: Vec<StoredTask> = tasks.into_iter().flatten().collect();
        if tasks.len() == rows.len() { Ok(tasks) } else { Err(self.damaged("rows are missing")) }
    }

    /// The tasks at these rows, all of one row group, whose first row is `start`, with these scores and identities.
    fn tasks(
        &self,
        meta: &Meta,
        before: u64,
        builder: ParquetRecordBatchReaderBuilder<CheckedFile>,
        start: u64,
        rows: &[u32],
        numbers: &[(f64, u64)],
    ) -> Result<Vec<StoredTask>, StoreError> {
        let places = rows.iter().map(|row| (u64::from(*row) - start) as usize);
        let end = rows.last().map_or(0, |last| (u64::from(*last) - start) as usize + 1);
        let selection = RowSelection::from_consecutive_ranges(places.map(|place| place..place + 1), end);
        // All else follows from the index and the meta, and reading it too would take as long again. Where no row was set
        // aside, ids are counted, too.
        let named = if meta.rejected_rows > 0 { &[RAW_DATA, METADATA, TASK_ID][..] } else { &[RAW_DATA, METADATA] };
        let mask = ProjectionMask::columns(builder.parquet_schema(), named.iter().copied());
        let benchmark = Text::from(meta.benchmark.clone());
        let mut numbers = rows.iter().zip(numbers);
        let mut tasks = Vec::with_capacity(rows.len());
        for batch in self.batches(builder.with_projection(mask).with_row_selection(selection).build())? {
            let texts = |name: &str| batch.column_by_name(name).map(AsArray::as_string::<i32>);
            let (Some(raw_data), Some(metadata)) = (texts(RAW_DATA), texts(METADATA)) else {
                return Err(self.damaged("columns are missing"));
            };
            let ids = texts(TASK_ID);
            for (i, (row, (score, identity))) in (0..batch.num_rows()).zip(&mut numbers) {
                let text = |column: &StringArray| Text::from(column.value(i).to_owned());
                let counted = || Text::from(format!("{}_{}", meta.benchmark, before + u64::from(*row)));
                tasks.push(StoredTask {
                    task_id: ids.map_or_else(counted, text),
                    benchmark: benchmark.clone(),
                    difficulty_score: *score,
                    difficulty_bin: meta.thresholds.scores.bin(*score),
                    raw_data: Json::trusted(text(raw_data)),
                    scorer_metadata: Json::trusted(text(metadata)),
                    identity: Text::from(String::from_utf8_lossy(&hex(*identity)).into_owned()),
                });
            }
        }
        Ok(tasks)
    }

    /// Writes the store again, row group by row group, with bins that follow `thresholds`.
    pub fn rewrite_bins(
        &self,
        folder: &Folder,
        names: &Names,
        thresholds: Thresholds,
    ) -> Result<(WrittenFile, [NewFile; 2]), StoreError> {
        let (index, checked) = self.opened()?;
        let labels = index.written_labels()?;
        let found = self.metadata(checked, PageIndexPolicy::Skip)?;
        let (mut writer, encoder) = ParquetWriter::with_schema(folder, names, found.schema().clone())?;
        let (score, bin) = (found.schema().index_of(SCORE), found.schema().index_of(BIN));
        let identity = found.schema().index_of(IDENTITY);
        let (Ok(score), Ok(bin), Ok(identity)) = (score, bin, identity) else { return Err(self.damaged("no scores")) };
        for group in 0..found.metadata().num_row_groups() {
            for batch in self.batches(Self::builder(checked, &found, group).build())? {
                let mut columns = batch.columns().to_vec();
                let scores = batch.column(score).as_primitive::<Float64Type>();
                let bins = scores.values().iter().map(|score| Some(thresholds.bin(*score).name()));
                columns[bin] = Arc::new(bins.collect::<StringArray>());
                let numbers = numbers(&columns[score], &columns[identity]);
                writer.append(encoder.row_group(&columns, numbers)?)?;
            }
        }
        writer.finish(&labels)
    }
}

/// The score and the identity of each row.
type Numbers = Vec<(f64, u64)>;

/// The numbers in the columns of scores and of identities.
fn numbers(scores: &ArrayRef, identities: &ArrayRef) -> Numbers {
    let number = |text: Option<&str>| u64::from_str_radix(text.unwrap_or_default(), 16).unwrap_or_default();
    let identities = identities.as_string::<i32>().iter().map(number);
    scores.as_primitive::<Float64Type>().values().iter().copied().zip(identities).collect()
}
