//! Reading a store: first the scores of all rows, without their data, then the data of the drawn rows.

use std::{
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::{
    Label, Meta, Names, PartRecord, StoreError, StoreRecord, held::is_held, index::Index, lines::LinesReader,
    parquet::ParquetReader, parts_name,
};
use crate::{
    bin::Thresholds,
    disk::{DiskError, Folder, NewFile, WrittenFile},
    progress::{Progress, Silent},
    task::{Layout, StoredTask},
};

/// An open store. It keeps its files open, so it reads the same rows even if another run replaces the files. The files of very
/// many parts are opened for each read; if another run replaces them, their checksums say so.
#[derive(Debug)]
pub struct Store {
    /// The store's meta.
    pub meta: Meta,
    folder: PathBuf,
    /// Its parts, in the order of the rows; one if the store is one file.
    parts: Vec<Part>,
}

/// A file of rows with its index.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    index_path: PathBuf,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    Lines(LinesReader),
    Parquet(ParquetReader),
}

impl Part {
    fn open(
        folder: &Path,
        names: &Names,
        format: Layout,
        held: bool,
        recorded: &WrittenFile,
    ) -> Result<Self, StoreError> {
        let (path, index) = (folder.join(&names.store), folder.join(&names.index));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::stale(&path, "this file is missing"));
            }
            Err(error) => return Err(DiskError::new(&path, "read this file", error).into()),
        };
        let bytes = file.metadata().map_err(|error| DiskError::new(&path, "read this file", error))?.len();
        if bytes != recorded.bytes {
            let reason = format!("this file has {bytes} bytes, but its meta says {}", recorded.bytes);
            return Err(StoreError::stale(&path, reason));
        }
        let rows = match format {
            Layout::Jsonl => Rows::Lines(LinesReader::new(&path, &index, file, held, recorded)),
            Layout::Parquet => Rows::Parquet(ParquetReader::new(&path, &index, file, held, recorded)),
        };
        Ok(Self { path, index_path: index, rows })
    }

    fn index_problem(&self, whole: bool) -> Option<String> {
        match &self.rows {
            Rows::Lines(lines) => lines.index_problem(whole),
            Rows::Parquet(parquet) => parquet.index_problem(whole),
        }
    }

    fn index(&self) -> Result<&Index, StoreError> {
        match &self.rows {
            Rows::Lines(lines) => lines.index(),
            Rows::Parquet(parquet) => parquet.index(),
        }
    }

    fn rows(&self) -> Result<usize, StoreError> {
        Ok(self.index()?.rows())
    }
}

/// Rows of a store that come one after the other, few enough to be read at once.
#[derive(Clone, Debug)]
pub struct Span {
    part: usize,
    /// The rows in the part.
    within: Range<usize>,
    /// The first of them in the store.
    pub first: u32,
}

impl Store {
    /// Opens the store of `benchmark` in `folder`. Waits while another run writes to the folder.
    ///
    /// # Errors
    /// The store is missing, its meta is damaged, or its size differs from the one in its meta.
    pub fn open(folder: &Path, benchmark: &str, progress: &dyn Progress) -> Result<Self, StoreError> {
        if folder.metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Err(StoreError::Missing { benchmark: benchmark.to_owned(), folder: folder.to_owned() });
        }
        Folder::shared(folder, progress, || Self::open_in(folder, benchmark))?
    }

    /// Opens the store of `benchmark` in a folder that the caller has locked.
    ///
    /// # Errors
    /// The same as [`Store::open`].
    pub fn open_in(folder: &Path, benchmark: &str) -> Result<Self, StoreError> {
        let meta = Meta::read(folder, benchmark)?;
        let record = &meta.store;
        if let Some(part) = record.parts.iter().find(|part| !Names::is_part(&part.name)) {
            let reason = format!("the meta of {benchmark} names a file that is not a part: {:?}", part.name);
            return Err(StoreError::stale(&folder.join(parts_name(benchmark)), reason));
        }
        let held = is_held(record.parts.len());
        let open = |(names, file): (Names, &WrittenFile)| Part::open(folder, &names, record.format, held, file);
        let parts = record.files(benchmark).into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        for (part, PartRecord { rows, .. }) in parts.iter().zip(&record.parts) {
            // Only a forged meta says another number than an index that names the same file.
            if part.rows().is_ok_and(|found| found as u64 != *rows) {
                return Err(StoreError::stale(&part.path, format!("this file does not have {rows} rows")));
            }
        }
        Ok(Self { folder: folder.to_owned(), meta, parts })
    }

    /// Why an index cannot be used; `None` if all can. With `whole`, every byte of the indexes is checked.
    pub fn index_problem(&self, whole: bool) -> Option<String> {
        self.index_problems(whole).into_iter().find_map(|(_, problem)| problem)
    }

    /// The path of each index, and why it cannot be used.
    pub fn index_problems(&self, whole: bool) -> Vec<(&Path, Option<String>)> {
        self.parts.par_iter().map(|part| (part.index_path.as_path(), part.index_problem(whole))).collect()
    }

    /// Rebuilds the indexes that cannot be used from the store, and checks it against its checksum on the way. They go to
    /// `folder`, or stay in memory where there is no folder to write to.
    ///
    /// # Errors
    /// The store was changed since it was written, or the disk fails.
    pub fn make_index(&mut self, folder: Option<&Folder>) -> Result<(), StoreError> {
        let inside = match folder {
            Some(_) if !self.meta.store.parts.is_empty() => Some(self.lock_parts()?),
            _ => None,
        };
        let alone = self.parts.len() == 1;
        for part in &mut self.parts {
            if !alone && part.index_problem(true).is_none() {
                continue;
            }
            let name = part.index_path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let folder = inside.as_ref().or(folder);
            match &mut part.rows {
                Rows::Lines(lines) => lines.make_index(&name, folder)?,
                Rows::Parquet(parquet) => parquet.make_index(&name, folder)?,
            }
        }
        Ok(())
    }

    /// The folder of the parts, for writing to it. The lock of the folder above keeps others out.
    fn lock_parts(&self) -> Result<Folder, DiskError> {
        Folder::lock(&self.folder.join(parts_name(&self.meta.benchmark)), &Silent)
    }

    /// The number of rows.
    ///
    /// # Errors
    /// An index cannot be used.
    pub fn rows(&self) -> Result<usize, StoreError> {
        self.parts.iter().map(Part::rows).sum()
    }

    /// All rows, in spans, in their order.
    ///
    /// # Errors
    /// An index cannot be used.
    pub fn spans(&self) -> Result<Vec<Span>, StoreError> {
        let (mut spans, mut first) = (Vec::new(), 0);
        for (part, rows) in self.parts.iter().enumerate() {
            let index = rows.index()?;
            // The rows of a store are counted in 32 bits.
            spans.extend(index.spans().map(|within| Span { part, first: first + within.start as u32, within }));
            first += index.rows() as u32;
        }
        Ok(spans)
    }

    /// The score of each row of a span, in place of what `into` has.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn scores_in(&self, span: &Span, into: &mut Vec<f64>) -> Result<(), StoreError> {
        into.clear();
        self.parts[span.part].index()?.scores(span.within.clone(), into)
    }

    /// The score and the identity of each row of a span, in place of what `scores` and `identities` have.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn numbers_in(&self, span: &Span, scores: &mut Vec<f64>, identities: &mut Vec<u64>) -> Result<(), StoreError> {
        scores.clear();
        identities.clear();
        self.parts[span.part].index()?.both(span.within.clone(), scores, identities)
    }

    /// The values of all rows.
    fn all<T: Copy + Default + Send>(
        &self,
        read: impl Fn(&Span, &mut Vec<T>) -> Result<(), StoreError> + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = vec![T::default(); self.rows()?];
        let (mut rest, mut places) = (&mut all[..], Vec::new());
        for span in self.spans()? {
            let (here, after) = rest.split_at_mut(span.within.len());
            places.push((span, here));
            rest = after;
        }
        places.into_par_iter().try_for_each_init(Vec::new, |values, (span, here)| {
            read(&span, values)?;
            here.copy_from_slice(values);
            Ok::<_, StoreError>(())
        })?;
        Ok(all)
    }

    /// The difficulty score of every row, 0..1, in the order of the rows.
    ///
    /// # Errors
    /// The bytes that are read were changed since they were written, or an index cannot be used.
    pub fn scores(&self) -> Result<Vec<f64>, StoreError> {
        self.all(|span, into| self.scores_in(span, into))
    }

    /// The identity of every row: xxh3_64 of its identity bytes.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn identities(&self) -> Result<Vec<u64>, StoreError> {
        self.all(|span, into| {
            into.clear();
            self.parts[span.part].index()?.identities(span.within.clone(), into)
        })
    }

    /// The names of the labels, in the order in which the rule defines these features.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn label_names(&self) -> Result<Vec<String>, StoreError> {
        match &self.parts[..] {
            [part] if self.meta.store.parts.is_empty() => part.index()?.label_names(),
            _ => Ok(self.meta.store.labels.clone()),
        }
    }

    /// All labels, in the same order.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn labels(&self) -> Result<Vec<Label>, StoreError> {
        self.labels_that(&|_| true)
    }

    /// The label with this name, if the store has one.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn label(&self, name: &str) -> Result<Option<Label>, StoreError> {
        Ok(self.labels_that(&|label| label == name)?.pop())
    }

    fn labels_that(&self, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Result<Vec<Label>, StoreError> {
        let record = &self.meta.store;
        if let ([part], true) = (&self.parts[..], record.parts.is_empty()) {
            return part.index()?.labels(wanted);
        }
        let names: Vec<&String> = record.labels.iter().filter(|name| wanted(name)).collect();
        let is_wanted = |name: &str| names.iter().any(|wanted| *wanted == name);
        let found = self.parts.par_iter().map(|part| Ok((part.rows()?, part.index()?.labels(&is_wanted)?)));
        let found: Vec<(usize, Vec<Label>)> = found.collect::<Result<_, StoreError>>()?;
        let of_store = |name: &String| {
            let mut joined = Label::empty(name);
            for (rows, labels) in &found {
                match labels.iter().find(|label| label.name == *name) {
                    Some(label) => joined.append(label),
                    None => joined.append_none(*rows),
                }
            }
            joined
        };
        Ok(names.into_iter().map(of_store).collect())
    }

    /// The tasks at these rows, which must ascend, in the same order.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn fetch(&self, rows: &[u32]) -> Result<Vec<StoredTask>, StoreError> {
        self.of_parts(rows, |part, first, rows| match &part.rows {
            Rows::Lines(lines) => lines.fetch(rows),
            Rows::Parquet(parquet) => parquet.fetch(&self.meta, first, rows),
        })
    }

    /// The identities of these rows, which must ascend.
    ///
    /// # Errors
    /// The same as [`Store::scores`].
    pub fn identities_at(&self, rows: &[u32]) -> Result<Vec<u64>, StoreError> {
        self.of_parts(rows, |part, _, rows| part.index()?.identities_at(rows))
    }

    /// What `read` finds at these rows, which must ascend. It gets how many rows are before a part, and positions in the part.
    fn of_parts<T: Send>(
        &self,
        rows: &[u32],
        read: impl Fn(&Part, u64, &[u32]) -> Result<Vec<T>, StoreError> + Sync,
    ) -> Result<Vec<T>, StoreError> {
        if let [one] = &self.parts[..] {
            return read(one, 0, rows);
        }
        let (mut start, mut rest, mut wanted) = (0_u64, rows, Vec::new());
        for (part, record) in self.parts.iter().zip(&self.meta.store.parts) {
            let end = start + record.rows;
            let (here, after) = rest.split_at(rest.partition_point(|row| u64::from(*row) < end));
            if !here.is_empty() {
                // The rows of a store are counted in 32 bits.
                let within = here.iter().map(|row| (u64::from(*row) - start) as u32).collect::<Vec<_>>();
                wanted.push((part, start, within));
            }
            (start, rest) = (end, after);
        }
        if !rest.is_empty() {
            return Err(StoreError::stale(&self.place(), format!("this store has only {start} rows")));
        }
        let found: Vec<Vec<T>> =
            wanted.par_iter().map(|(part, start, rows)| read(part, *start, rows)).collect::<Result<_, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Writes the store again with bins that follow `thresholds`; everything else stays. Returns its record, and its files and
    /// their indexes, to be published in this order.
    ///
    /// # Errors
    /// The store or an index was changed since it was written, or the disk fails.
    pub fn rewrite_bins(
        &self,
        folder: &Folder,
        thresholds: Thresholds,
    ) -> Result<(StoreRecord, Vec<NewFile>), StoreError> {
        let StoreRecord { format, parts, labels, .. } = &self.meta.store;
        let rewrite = |part: &Part, folder: &Folder, names: &Names| match &part.rows {
            Rows::Lines(lines) => lines.rewrite_bins(folder, names, thresholds),
            Rows::Parquet(parquet) => parquet.rewrite_bins(folder, names, thresholds),
        };
        if let ([part], true) = (&self.parts[..], parts.is_empty()) {
            let (written, files) = rewrite(part, folder, &Names::whole(&self.meta.benchmark, *format))?;
            return Ok((StoreRecord::whole(*format, written), files.into()));
        }
        let inside = self.lock_parts()?;
        let (mut records, mut files) = (Vec::with_capacity(parts.len()), Vec::with_capacity(2 * parts.len()));
        for (part, record) in self.parts.iter().zip(parts) {
            let (file, written) = rewrite(part, &inside, &record.names())?;
            records.push(PartRecord { file, ..record.clone() });
            for mut file in written {
                file.end()?;
                files.push(file);
            }
        }
        Ok((StoreRecord::of_parts(*format, records, labels.clone()), files))
    }

    /// The path of the store: its file, or the folder of its parts.
    pub fn place(&self) -> PathBuf {
        match &self.parts[..] {
            [part] if self.meta.store.parts.is_empty() => part.path.clone(),
            _ => self.folder.join(parts_name(&self.meta.benchmark)),
        }
    }

    /// The files of the rows, each with what the meta says of it.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &WrittenFile)> {
        let record = &self.meta.store;
        let recorded = record.parts.iter().map(|part| &part.file);
        let recorded = recorded.chain(record.parts.is_empty().then_some(&record.file));
        self.parts.iter().map(|part| part.path.as_path()).zip(recorded)
    }

    /// Whether a file is one of the store's, with rows or an index.
    pub fn has(&self, path: &Path) -> bool {
        self.parts.iter().any(|part| part.path == path || part.index_path == path)
    }
}
