//! Stores as Parquet: typed columns, so that scores are read without rows, and small pages of rows, so that a draw reads
//! little more than the rows that it draws.

mod write;

pub(super) use write::{GROUP_BYTES, ParquetEncoder, ParquetWriter, RowGroup};

use std::{
    fs::File,
    ops::Range,
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
    Names, StoreError,
    blocks::{BlockWriter, CheckedFile, index_of},
    gather::{Found, Gatherer},
    held::HeldFile,
    labels::{Label, Labels, WrittenLabels},
    seal::Bytes,
};
use crate::{
    bin::{Bin, Thresholds},
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
    store: WrittenFile,
    /// What the index is for; or why it cannot be used.
    index: Result<Index, String>,
}

#[derive(Debug)]
struct Index {
    /// The store, with checks of every byte that is read.
    checked: CheckedFile,
    labels: Labels,
    bytes: Bytes,
}

impl ParquetReader {
    /// The files stay open if they are `held`.
    pub fn new(path: &Path, index_path: &Path, file: File, held: bool, store: &WrittenFile) -> Self {
        let file = Arc::new(HeldFile::new(path, file, held));
        let index = Bytes::open(index_path, held).and_then(|bytes| Self::index_of(path, &file, store, bytes));
        Self { path: path.to_owned(), index_path: index_path.to_owned(), file, store: store.clone(), index }
    }

    fn index_of(path: &Path, file: &Arc<HeldFile>, store: &WrittenFile, bytes: Bytes) -> Result<Index, String> {
        let (checked, labels) = CheckedFile::open(path, file, store, &bytes)?;
        Ok(Index { checked, labels, bytes })
    }

    /// Why the index cannot be used; `None` if it can. With `whole`, the labels are checked too; all else always is.
    pub fn index_problem(&self, whole: bool) -> Option<String> {
        match &self.index {
            Err(reason) => Some(reason.clone()),
            Ok(_) if whole && self.labels(&|_| true).is_err() => Some("was changed or damaged".to_owned()),
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
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let file = self.file.get().map_err(read_error)?;
        let rows = self.decode(|| ArrowReaderMetadata::load(&*file, options))?.metadata().file_metadata().num_rows();
        let checked = CheckedFile::new(&self.path, &self.file, &self.store, &sums, rows as u64);
        let index = index_of(sums, rows as u64, self.gather_labels(&checked)?, &self.store);
        if let Some(folder) = folder {
            let mut file = folder.create_large(name)?;
            file.put(&index)?;
            folder.publish(vec![file], false)?;
        }
        self.index = Self::index_of(&self.path, &self.file, &self.store, Bytes::Memory(index));
        Ok(())
    }

    /// Finds the labels in the features of all rows.
    fn gather_labels(&self, file: &CheckedFile) -> Result<WrittenLabels, StoreError> {
        /// How many row groups are read before what they hold is joined, which frees it.
        const AT_ONCE: usize = 32;
        let found = self.metadata(file, PageIndexPolicy::Skip)?;
        let mut gatherer = Gatherer::default();
        let finder = gatherer.finder();
        let find = |column: &ArrayRef| -> Vec<Found> {
            vec![finder.find(column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().as_bytes()))]
        };
        let groups = found.metadata().num_row_groups();
        for from in (0..groups).step_by(AT_ONCE) {
            let batches = self.column_of(file, &found, from..groups.min(from + AT_ONCE), METADATA, find)?;
            batches.into_iter().for_each(|found| gatherer.join(found));
        }
        Ok(gatherer.finish())
    }

    fn damaged(&self, why: &str) -> StoreError {
        StoreError::stale(&self.path, format!("this file was changed or damaged ({why})"))
    }

    fn index(&self) -> Result<&Index, StoreError> {
        self.index.as_ref().map_err(|reason| StoreError::stale(&self.index_path, format!("this file {reason}")))
    }

    fn checked(&self) -> Result<&CheckedFile, StoreError> {
        Ok(&self.index()?.checked)
    }

    pub fn label_names(&self) -> Result<Vec<String>, StoreError> {
        let Index { labels, bytes, .. } = self.index()?;
        labels.names(bytes, &self.index_path)
    }

    pub fn labels(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Label>, StoreError> {
        let Index { labels, bytes, .. } = self.index()?;
        labels.load(bytes, &self.index_path, wanted)
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

    /// The values of one column.
    fn column<T: Send>(&self, name: &str, values: impl Fn(&ArrayRef) -> Vec<T> + Sync) -> Result<Vec<T>, StoreError> {
        let file = self.checked()?;
        let found = self.metadata(file, PageIndexPolicy::Skip)?;
        self.column_of(file, &found, 0..found.metadata().num_row_groups(), name, values)
    }

    /// The values of one column in these row groups.
    fn column_of<T: Send>(
        &self,
        file: &CheckedFile,
        found: &ArrowReaderMetadata,
        groups: Range<usize>,
        name: &str,
        values: impl Fn(&ArrayRef) -> Vec<T> + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let of_group = |group| {
            let builder = Self::builder(file, found, group);
            let mask = ProjectionMask::columns(builder.parquet_schema(), [name]);
            let batches = self.batches(builder.with_projection(mask).build())?;
            Ok(batches.iter().flat_map(|batch| values(batch.column(0))).collect())
        };
        let groups: Vec<Vec<T>> = groups.into_par_iter().map(of_group).collect::<Result<_, StoreError>>()?;
        Ok(groups.into_iter().flatten().collect())
    }

    pub fn fetch(&self, benchmark: &str, rows: &[u32]) -> Result<Vec<StoredTask>, StoreError> {
        let found = self.metadata(self.checked()?, PageIndexPolicy::Optional)?;
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
        let builder = Self::builder(self.checked()?, found, group);
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
        names: &Names,
        thresholds: Thresholds,
    ) -> Result<(WrittenFile, [NewFile; 2]), StoreError> {
        let Index { checked, labels, bytes } = self.index()?;
        let labels = labels.copy(bytes, &self.index_path)?;
        let found = self.metadata(checked, PageIndexPolicy::Skip)?;
        let (mut writer, encoder) = ParquetWriter::with_schema(folder, names, found.schema().clone())?;
        let (score, bin) = (found.schema().index_of(SCORE), found.schema().index_of(BIN));
        let (Ok(score), Ok(bin)) = (score, bin) else { return Err(self.damaged("no scores")) };
        for group in 0..found.metadata().num_row_groups() {
            for batch in self.batches(Self::builder(checked, &found, group).build())? {
                let mut columns = batch.columns().to_vec();
                let scores = batch.column(score).as_primitive::<Float64Type>();
                let bins = scores.values().iter().map(|score| Some(thresholds.bin(*score).name()));
                columns[bin] = Arc::new(bins.collect::<StringArray>());
                writer.append(encoder.row_group(&columns)?)?;
            }
        }
        writer.finish(labels)
    }
}
