//! The result of a request before it is on disk: the draws, their tasks and their statistics.

use super::{DrawError, Joined};
use crate::{
    TOOL,
    bin::{Bin, Bins, PerBin},
    disk::WrittenFile,
    pool::{
        Manifest, Statistics, manifest,
        statistics::{BinCounts, Gatherer, Repeats},
    },
    request::{Experiment, Request},
    store::{Store, StoreError},
    stream::{Draw, Stream},
    task::{StoredTask, TaskView},
};

use rayon::prelude::*;

/// The result of a request before it is on disk.
#[derive(Debug)]
pub struct Drawn<'l> {
    /// The request.
    pub request: &'l Request,
    /// The draws, in stream order, and what each bin owes.
    pub stream: Stream,
    /// Each benchmark's part, in the request's order.
    pub parts: Vec<DrawnPart<'l>>,
    /// Warnings for the user, which the manifest records: rescaled ratios, bins that deliver fewer tasks than they owe.
    pub warnings: Vec<String>,
}

/// One benchmark's part of the result.
#[derive(Debug)]
pub struct DrawnPart<'l> {
    pub(super) store: &'l Store,
    /// The measured difficulty that its tasks were drawn by; `None` for surface scores.
    pub joined: Option<&'l Joined>,
    /// Its rows by bin.
    pub bins: &'l Bins,
    /// How many tasks each bin owes.
    pub asked: PerBin<u64>,
    /// How many tasks each bin delivered.
    pub got: PerBin<u64>,
    /// How often its tasks repeat.
    pub repeats: Repeats,
    /// The same for each bin.
    pub repeats_by_bin: PerBin<Repeats>,
}

impl DrawnPart<'_> {
    /// The benchmark's name.
    pub fn benchmark(&self) -> &str {
        &self.store.meta.benchmark
    }
}

/// The tasks of a stream: each drawn row once, and the order in which they come.
#[derive(Debug)]
pub struct DrawnTasks {
    /// The drawn rows of each benchmark, each once, in the order of its store.
    stored: Vec<Vec<StoredTask>>,
    /// For each place in the stream: the benchmark, the position in its `stored` tasks, and the bin.
    places: Vec<(usize, usize, Bin)>,
}

impl DrawnTasks {
    /// The tasks, in stream order.
    pub fn iter(&self) -> impl Iterator<Item = TaskView<'_>> {
        let task =
            |(place, &(part, row, bin)): (usize, &(usize, usize, Bin))| self.stored[part][row].in_stream(place, bin);
        self.places.iter().enumerate().map(task)
    }
}

impl Drawn<'_> {
    /// Reads the tasks from the stores.
    ///
    /// # Errors
    /// A store was changed since it was opened.
    pub fn tasks(&self) -> Result<DrawnTasks, DrawError> {
        let rows_of = |part: usize| {
            let mut rows: Vec<u32> =
                self.stream.draws.iter().filter(|draw| draw.benchmark == part).map(|draw| draw.row).collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        };
        let fetch = |(at, part): (usize, &DrawnPart<'_>)| -> Result<(Vec<u32>, Vec<StoredTask>), StoreError> {
            let rows = rows_of(at);
            let mut tasks = part.store.fetch(&rows)?;
            if let Some(joined) = part.joined {
                rows.iter().zip(&mut tasks).for_each(|(row, task)| joined.apply(*row, task));
            }
            Ok((rows, tasks))
        };
        let fetched: (Vec<Vec<u32>>, Vec<Vec<StoredTask>>) =
            self.parts.par_iter().enumerate().map(fetch).collect::<Result<_, _>>()?;
        let (rows, stored) = fetched;
        let place = |draw: &Draw| {
            // Every drawn row was fetched, so the search succeeds.
            let row = rows[draw.benchmark].binary_search(&draw.row).unwrap_or_default();
            (draw.benchmark, row, draw.bin)
        };
        Ok(DrawnTasks { places: self.stream.draws.iter().map(place).collect(), stored })
    }

    /// The statistics of `tasks`, which must be those of this stream.
    ///
    /// # Errors
    /// There are no tasks.
    pub fn statistics(&self, tasks: &DrawnTasks) -> Result<Statistics, DrawError> {
        let benchmarks = self.request.parts.iter().map(|part| part.benchmark.clone());
        let mut gatherer = Gatherer::new(benchmarks, self.request.split.medium.is_some());
        tasks.iter().for_each(|task| gatherer.add(task));
        gatherer.finish().ok_or(DrawError::NoTasks { experiment: None, why: Vec::new() })
    }

    /// The manifest of this stream, with `outputs` as its files.
    pub(super) fn manifest(
        &self,
        experiment: Option<&Experiment>,
        outputs: Vec<(String, WrittenFile)>,
    ) -> Manifest<'_> {
        let split = self.request.split;
        let parts = self.parts.iter().map(|part| {
            let (asked, got) = (BinCounts::under(split, part.asked), BinCounts::under(split, part.got));
            let (meta, bins) = (&part.store.meta, part.bins);
            manifest::ManifestPart::new(
                meta,
                part.joined.map(|joined| &joined.record).into(),
                bins.thresholds,
                bins.sizes(),
                asked,
                got,
            )
        });
        Manifest {
            experiment: experiment.map(|experiment| experiment.id.clone()),
            name: experiment.and_then(|experiment| experiment.name.clone()),
            request: self.request,
            synthetic: self.parts.iter().any(|part| part.store.meta.is_synthetic()),
            benchmarks: parts.collect(),
            warnings: &self.warnings,
            outputs,
            tool: TOOL,
            self_checksum: "",
        }
    }
}
