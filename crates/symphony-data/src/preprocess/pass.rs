//! One run over one benchmark: the parts that both passes need, and publishing the result.

use std::{collections::HashMap, ops::ControlFlow};

use super::{PreprocessError, copies::CopyFinder, of_source, scale::Scale};
use crate::{
    TOOL,
    bin::{Cut, PerBin},
    config::Benchmark,
    difficulty::Scorer,
    disk::{Folder, NamedFile, WrittenFile, checksum},
    parallel::pipeline,
    progress::{Note, Pass, Progress},
    row::RowBatch,
    source::{At, Rows, Source, SourceError},
    store::{
        Copies, Meta, MetaThresholds, Names, OnBadRow, PartLabels, Places, SourceRecord, StoreRecord, WrittenStore,
        meta_name, parts_name, rejected_name, remove_others,
    },
    task::Layout,
    yaml::Refusal,
};

/// Fills in the program's name, and returns the text of the meta with its own checksum.
pub(super) fn seal(meta: &mut Meta) -> String {
    meta.self_checksum.clear();
    TOOL.clone_into(&mut meta.tool);
    // A meta holds finite numbers, texts and maps with text keys: it can always be written.
    checksum::seal(meta).unwrap_or_default()
}

/// One run over one benchmark.
pub(super) struct Stage1<'a> {
    pub(super) benchmark: &'a Benchmark,
    pub(super) plan: Scorer,
    pub(super) source: Box<dyn Source + 'a>,
    pub(super) on_bad_row: OnBadRow,
    /// The only source that may be used, if the run is locked.
    pub(super) locked: Option<SourceRecord>,
    pub(super) progress: &'a dyn Progress,
}

/// What was made of the rows.
pub(super) struct Made {
    pub(super) store: StoreRecord,
    pub(super) bins: PerBin<u64>,
    pub(super) rejected: Option<WrittenFile>,
    pub(super) rejected_rows: u64,
    pub(super) copies: Option<Copies>,
    pub(super) files: Vec<NamedFile>,
}

/// The compiled rule of a benchmark.
pub(super) fn scorer(benchmark: &Benchmark) -> Result<Scorer, PreprocessError> {
    let wrong = |problems: Vec<(String, Refusal)>| PreprocessError::Rule {
        benchmark: benchmark.name.clone(),
        why: problems.iter().map(|(feature, why)| format!("`{feature}`: {why}")).collect::<Vec<_>>().join("; "),
    };
    let unregistered = benchmark.rule.unregistered();
    if !unregistered.is_empty() {
        return Err(wrong(unregistered));
    }
    Scorer::compile(&benchmark.rule, &benchmark.identity).map_err(wrong)
}

/// All rows of a source, and the files that they were read from.
pub(super) struct Kept {
    pub(super) batches: Vec<RowBatch>,
    pub(super) files: Vec<NamedFile>,
}

/// Batches, each with its number.
pub(super) type Batches = Vec<(usize, RowBatch)>;

impl<'a> Stage1<'a> {
    pub(super) fn new(
        benchmark: &'a Benchmark,
        on_bad_row: OnBadRow,
        at: At<'_>,
        locked: Option<SourceRecord>,
        progress: &'a dyn Progress,
    ) -> Result<Self, PreprocessError> {
        let plan = scorer(benchmark)?;
        let source =
            benchmark.source.open(benchmark.wanted(), at, progress).map_err(|error| of_source(benchmark, error))?;
        Ok(Self { benchmark, plan, source, on_bad_row, locked, progress })
    }

    /// Makes the store in this format: in so many parts, or as one file if that is 1.
    pub(super) fn build(
        &self,
        folder: &Folder,
        cut: Cut,
        format: Layout,
        parts: usize,
    ) -> Result<Meta, PreprocessError> {
        let mut featured = self.features(folder)?;
        self.check_lock(&featured.files)?;
        self.note_same_files(&featured.files);
        let scale = self.scale(&featured, cut)?;
        let copies = CopyFinder::of(std::mem::take(&mut featured.identities));
        let rows: usize = featured.rows.iter().sum();
        let (names, inside) = if parts == 1 {
            (vec![Names::whole(&self.benchmark.name, format)], None)
        } else {
            let inside = Folder::lock(&folder.path().join(parts_name(&self.benchmark.name)), self.progress)?;
            ((0..parts.min(rows)).map(|part| Names::part(part, format)).collect(), Some(inside))
        };
        let places = Places { folder: inside.as_ref().unwrap_or(folder), names: &names };
        let written = self.write(folder, &mut featured, &scale, &copies, format, places)?;
        let WrittenStore { mut parts, labels, bins, rejected, rejected_rows, mut files } = written;
        let store = match (inside, parts.pop()) {
            (None, Some(only)) => StoreRecord::whole(format, only.file),
            (_, last) => {
                parts.extend(last);
                StoreRecord::of_parts(format, parts, PartLabels::of_store(&labels))
            }
        };
        let copies = copies.found();
        let mut meta =
            self.meta(scale, cut, Made { store, bins, rejected, rejected_rows, copies, files: featured.files });
        files.push(folder.write_small(&meta_name(&self.benchmark.name), &seal(&mut meta))?);
        // No sync is needed: a store can be rebuilt, and its checksum reveals a lost write.
        folder.publish(files, false)?;
        self.clear(folder, &meta)?;
        Ok(meta)
    }

    /// The meta of a store.
    pub(super) fn meta(&self, scale: Scale, cut: Cut, made: Made) -> Meta {
        let constants = self.plan.constants().iter().zip(&scale.constants);
        Meta {
            benchmark: self.benchmark.name.clone(),
            n_tasks_full: made.bins.total(),
            benchmark_config_fingerprint: self.benchmark.fingerprint(),
            normalization: scale.normalization,
            normalization_constants: constants
                .map(|((name, _), constant)| (name.clone(), (*constant).into()))
                .collect(),
            thresholds: MetaThresholds { cut, scores: scale.thresholds },
            bins: made.bins,
            rejected_rows: made.rejected_rows,
            rejected: made.rejected,
            on_bad_row: self.on_bad_row,
            copies: made.copies,
            source: SourceRecord {
                path: self.benchmark.source.portable(),
                revision: self.source.revision().map(|revision| revision.commit.clone()),
                branch: self.source.revision().and_then(|revision| revision.branch.clone()),
                files: made.files,
            },
            store: made.store,
            tool: String::new(),
            self_checksum: String::new(),
        }
    }

    /// Removes what other stores of the benchmark left beside the one with this meta.
    pub(super) fn clear(&self, folder: &Folder, meta: &Meta) -> Result<(), PreprocessError> {
        if meta.rejected_rows == 0 {
            folder.remove(&rejected_name(&self.benchmark.name))?;
        }
        Ok(remove_others(folder, &self.benchmark.name, &meta.store, self.progress)?)
    }

    /// Warns of identical files, because their rows count more than once.
    pub(super) fn note_same_files(&self, files: &[NamedFile]) {
        let mut known: HashMap<&str, &str> = HashMap::new();
        for NamedFile { name, bytes, checksum } in files.iter().filter(|file| file.bytes > 0) {
            if let Some(first) = known.get(checksum.as_str()) {
                self.progress.note(Note::Warning(&format!(
                    "{}: its files {first} and {name} are identical ({bytes} bytes), so their rows count twice",
                    self.benchmark.name
                )));
            } else {
                known.insert(checksum, name);
            }
        }
    }

    /// Runs over all rows once, those that were `kept` or else those of the source. All cores run `work`, each on about `bytes`
    /// of text but at least one batch; then `take` gets the results in the order of the rows, and returns how many rows it
    /// took. Reports progress, and stops on request. Returns the files that were read.
    pub(super) fn pass<'p, R: Send>(
        &'p self,
        pass: Pass,
        total: Option<u64>,
        kept: Option<Kept>,
        bytes: usize,
        work: impl Fn(Batches) -> Result<R, PreprocessError> + Sync,
        mut take: impl FnMut(R) -> Result<u64, PreprocessError>,
    ) -> Result<Vec<NamedFile>, PreprocessError> {
        let mut done = 0;
        let mut failure = None;
        self.progress.rows(&self.benchmark.name, pass, 0, total);
        let produce = |sink: &mut dyn FnMut(Vec<(usize, Rows<'p>)>) -> ControlFlow<()>| {
            let (mut number, mut gathered, mut text) = (0, Vec::new(), 0);
            let mut take = |rows: Rows<'p>| {
                text += rows.text_len();
                gathered.push((number, rows));
                number += 1;
                if text < bytes {
                    return ControlFlow::Continue(());
                }
                text = 0;
                sink(std::mem::take(&mut gathered))
            };
            let files = match kept {
                Some(Kept { batches, files }) => {
                    // If it stops early, nothing is left to skip.
                    let _ = batches.into_iter().try_for_each(|batch| take(Rows::Read(batch)));
                    Ok(files)
                }
                None => self.source.read(&mut take),
            };
            if !gathered.is_empty() {
                // These are the last batches, so it does not matter whether more are wanted.
                let _ = sink(gathered);
            }
            files
        };
        let work = |rows: Vec<(usize, Rows<'p>)>| {
            work(rows.into_iter().map(|(number, rows)| (number, rows.batch())).collect())
        };
        let files = pipeline(produce, work, |result| {
            let taken = if self.progress.cancelled() {
                Err(PreprocessError::Cancelled { benchmark: self.benchmark.name.clone(), downloading: false })
            } else {
                result.and_then(&mut take)
            };
            match taken {
                Ok(rows) => {
                    done += rows;
                    self.progress.rows(&self.benchmark.name, pass, done, total);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        match (failure, files) {
            (Some(error), _) => Err(error),
            (None, files) => files.map_err(|error| of_source(self.benchmark, error)),
        }
    }

    pub(super) fn of_source(&self, error: SourceError) -> PreprocessError {
        of_source(self.benchmark, error)
    }

    /// The error of a source without a good row.
    pub(super) fn empty(&self, rejected: u64) -> PreprocessError {
        let source_path = self.benchmark.source.to_string();
        PreprocessError::Empty { benchmark: self.benchmark.name.clone(), source_path, rejected }
    }

    pub(super) fn not_finite(&self) -> PreprocessError {
        PreprocessError::NotFinite { benchmark: self.benchmark.name.clone() }
    }

    pub(super) fn changed(&self) -> PreprocessError {
        PreprocessError::Changed {
            benchmark: self.benchmark.name.clone(),
            source_path: self.benchmark.source.to_string(),
        }
    }
}
