//! The result of a request before it is on disk: the draws, their tasks and their statistics.

use std::{collections::HashMap, sync::Arc};

use super::{DrawError, Joined, Selected};
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
    stream::{Allocation, Chance, Draw, Stream},
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
    /// Its phases, if the request has any.
    pub phases: Vec<DrawnPhase<'l>>,
    /// Warnings for the user, which the manifest records: rescaled ratios, bins that deliver fewer tasks than they owe.
    pub warnings: Vec<String>,
}

/// One benchmark's part of the result.
#[derive(Debug)]
pub struct DrawnPart<'l> {
    pub(super) store: &'l Store,
    /// The rows that it may draw.
    pub selected: Arc<Selected>,
    /// How many tasks each bin owes.
    pub asked: PerBin<u64>,
    /// How many tasks each bin delivered.
    pub got: PerBin<u64>,
    /// How many tasks each value of the label delivered that the request stratifies by; empty if it does not.
    pub got_by_stratum: Vec<(String, u64)>,
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

    /// Its rows by bin.
    pub fn bins(&self) -> &Bins {
        &self.selected.bins
    }

    /// The measured difficulty that its tasks were drawn by; `None` for surface scores.
    pub fn joined(&self) -> Option<&Joined> {
        self.selected.joined.as_deref()
    }
}

/// A phase of the result.
#[derive(Debug)]
pub struct DrawnPhase<'l> {
    /// Its number, from 1.
    pub number: u32,
    /// Its request.
    pub request: &'l Request,
    /// The place of its first task in the stream, from 0.
    pub first: usize,
    /// How many tasks it has.
    pub tasks: usize,
    /// How many tasks each bin of each benchmark owes.
    pub allocation: Allocation,
    /// The rows that it may draw from each benchmark.
    pub selected: Vec<Arc<Selected>>,
}

/// The tasks of a stream: each drawn row once, and the order in which they come.
#[derive(Debug)]
pub struct DrawnTasks {
    /// The drawn rows of each benchmark, each once, in the order of its store.
    stored: Vec<Vec<StoredTask>>,
    /// For each place in the stream: the benchmark, the position in its `stored` tasks, and what the stream makes of it.
    places: Vec<(usize, usize, Placed)>,
}

/// What a stream makes of a task.
#[derive(Clone, Copy, Debug)]
struct Placed {
    bin: Bin,
    phase: Option<u32>,
    chance: Option<Chance>,
}

impl DrawnTasks {
    /// The tasks, in stream order.
    pub fn iter(&self) -> impl Iterator<Item = TaskView<'_>> {
        let task = |(place, &(part, row, placed)): (usize, &(usize, usize, Placed))| TaskView {
            phase: placed.phase,
            weight: placed.chance.map(|chance| chance.weight),
            stratum: placed.chance.map(|chance| chance.stratum),
            ..self.stored[part][row].in_stream(place, placed.bin)
        };
        self.places.iter().enumerate().map(task)
    }
}

impl Drawn<'_> {
    /// Reads the tasks from the stores.
    ///
    /// # Errors
    /// A store was changed since it was opened.
    pub fn tasks(&self) -> Result<DrawnTasks, DrawError> {
        let fetch = |(at, part): (usize, &DrawnPart<'_>)| -> Result<(Vec<u32>, Vec<StoredTask>), StoreError> {
            let rows = self.rows_of(at);
            let mut tasks = part.store.fetch(&rows)?;
            if let Some(joined) = part.joined() {
                rows.iter().zip(&mut tasks).for_each(|(row, task)| joined.apply(*row, task));
            } else if let Some(scores) = &part.selected.published_scores {
                rows.iter().zip(&mut tasks).for_each(|(row, task)| task.difficulty_score = scores[*row as usize]);
            }
            Ok((rows, tasks))
        };
        let fetched: (Vec<Vec<u32>>, Vec<Vec<StoredTask>>) =
            self.parts.par_iter().enumerate().map(fetch).collect::<Result<_, _>>()?;
        let (rows, stored) = fetched;
        let place = |(at, draw): (usize, &Draw)| {
            // Every drawn row was fetched, so the search succeeds.
            let row = rows[draw.benchmark].binary_search(&draw.row).unwrap_or_default();
            let chance = self.stream.chances.get(&(draw.benchmark, draw.row)).copied();
            (draw.benchmark, row, Placed { bin: draw.bin, phase: self.phase_at(at), chance })
        };
        Ok(DrawnTasks { places: self.stream.draws.iter().enumerate().map(place).collect(), stored })
    }

    /// The rows that were drawn from a benchmark, ascending, each once.
    pub(super) fn rows_of(&self, benchmark: usize) -> Vec<u32> {
        let draws = self.stream.draws.iter().filter(|draw| draw.benchmark == benchmark);
        let mut rows: Vec<u32> = draws.map(|draw| draw.row).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// The phase of a place in the stream.
    fn phase_at(&self, place: usize) -> Option<u32> {
        let after = self.phases.partition_point(|phase| phase.first <= place);
        // A phase without tasks begins where the next one does.
        self.phases[..after].last().map(|phase| phase.number)
    }

    /// The statistics of `tasks`, which must be those of this stream.
    ///
    /// # Errors
    /// There are no tasks.
    pub fn statistics(&self, tasks: &DrawnTasks) -> Result<Statistics, DrawError> {
        let benchmarks = self.request.parts.iter().map(|part| part.benchmark.clone());
        let mut gatherer = Gatherer::new(benchmarks, self.request.asks_for_medium());
        tasks.iter().for_each(|task| gatherer.add(task));
        gatherer.finish().ok_or(DrawError::NoTasks { experiment: None, why: Vec::new() })
    }

    /// The manifest of this stream, with `outputs` as its files.
    pub(super) fn manifest<'m>(
        &'m self,
        experiment: Option<&Experiment>,
        outputs: Vec<(String, WrittenFile)>,
    ) -> Manifest<'m> {
        let medium = self.request.asks_for_medium();
        let parts = self.parts.iter().map(|part| {
            let (asked, got) = (BinCounts::of(part.asked, medium), BinCounts::of(part.got, medium));
            let (meta, selected) = (&part.store.meta, &part.selected);
            let difficulty = part.joined().map(|joined| &joined.record).into();
            manifest::ManifestPart::new(meta, difficulty, rows_of(selected), asked, got, &part.got_by_stratum)
        });
        let phases = self.phases.iter().map(|phase| {
            let medium = phase.request.asks_for_medium();
            let part = |(at, part): (usize, &'m DrawnPart<'_>)| manifest::ManifestPhasePart {
                benchmark: DrawnPart::benchmark(part),
                rows: rows_of(&phase.selected[at]),
                asked: BinCounts::of(phase.allocation[at], medium),
                got: BinCounts::of(self.got(phase, at), medium),
            };
            manifest::ManifestPhase {
                phase: phase.number,
                first: phase.first,
                n_tasks: phase.tasks,
                benchmarks: self.parts.iter().enumerate().map(part).collect(),
            }
        });
        Manifest {
            experiment: experiment.map(|experiment| experiment.id.clone()),
            name: experiment.and_then(|experiment| experiment.name.clone()),
            request: self.request,
            synthetic: self.parts.iter().any(|part| part.store.meta.is_synthetic()),
            benchmarks: parts.collect(),
            phases: phases.collect(),
            warnings: &self.warnings,
            outputs,
            tool: TOOL,
            self_checksum: "",
        }
    }

    /// How many tasks each stratum of a benchmark delivered, by value; empty if the request does not stratify it.
    pub(super) fn by_stratum(&self, benchmark: usize) -> Vec<(String, u64)> {
        // Phases may draw from other rows than the whole request.
        let of_phases =
            self.phases.iter().map(|phase| (phase.first..phase.first + phase.tasks, &phase.selected[benchmark]));
        let all = (0..self.stream.draws.len(), &self.parts[benchmark].selected);
        let stretches = if self.phases.is_empty() { vec![all] } else { of_phases.collect() };
        let (mut counts, mut places_of) = (Vec::<(String, u64)>::new(), HashMap::<&str, usize>::new());
        for (places, selected) in stretches.into_iter().filter(|(_, selected)| !selected.strata.is_empty()) {
            let mut drawn: HashMap<u32, u64> = HashMap::new();
            for draw in self.stream.draws[places].iter().filter(|draw| draw.benchmark == benchmark) {
                *drawn.entry(draw.row).or_default() += 1;
            }
            for stratum in &selected.strata {
                let rows = Bin::ALL.iter().flat_map(|bin| &stratum.bins.rows[*bin]);
                let tasks: u64 = rows.filter_map(|row| drawn.get(row)).sum();
                let place = *places_of.entry(stratum.value.as_str()).or_insert_with(|| {
                    counts.push((stratum.value.clone(), 0));
                    counts.len() - 1
                });
                counts[place].1 += tasks;
            }
        }
        counts
    }

    /// How many tasks each bin of a benchmark delivered in a phase.
    fn got(&self, phase: &DrawnPhase<'_>, benchmark: usize) -> PerBin<u64> {
        let mut got = PerBin::default();
        let draws = &self.stream.draws[phase.first..phase.first + phase.tasks];
        draws.iter().filter(|draw| draw.benchmark == benchmark).for_each(|draw| got[draw.bin] += 1);
        got
    }
}

fn rows_of(selected: &Selected) -> manifest::ManifestRows<'_> {
    manifest::ManifestRows::of(&selected.bins, &selected.strata, &selected.within, selected.eligible.as_ref())
}
