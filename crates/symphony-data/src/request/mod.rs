//! Requests for tasks, as a user writes them and with all defaults filled in.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::bin::{Cut, Percentiles};

mod difficulty;
mod eligibility;
mod mix;
mod order;
mod phases;
mod record;
mod replacement;
mod sampler;
mod split;

pub use difficulty::{Difficulty, Measured, REFERENCE, SURFACE};
pub use eligibility::{
    Eligibility, EligibilitySpec, Exclude, GivenIds, NearDuplicates, OnDuplicate, Partition, Partitions, TaskIds,
};
pub use mix::{Branch, Group, Member, Strata};
pub use order::TaskOrder;
pub use phases::{PhaseSpec, PhasesSpec};
pub use replacement::Replacement;
pub use sampler::SamplerKind;
pub(crate) use sampler::for_each_sampler;
pub use split::Split;

/// The seed of a request that names none.
pub const DEFAULT_SEED: u64 = 2025;
/// The split of a request that names none.
pub const DEFAULT_SPLIT: &str = "50:50";
/// The most tasks one stream may have. A stream is held in memory while it is drawn.
pub const MAX_TASKS: u64 = 100_000_000;

/// A request as the user wrote it, in a file, in arguments or in another language; `None` stands for the default.
#[derive(Clone, Debug, Default)]
pub struct RequestSpec {
    /// The benchmarks to mix, in order. A pattern such as `mmlu_*` stands for the enabled benchmarks that match it.
    pub benchmarks: Vec<String>,
    /// Benchmarks to leave out of them, with their ratios and percentiles.
    pub exclude_benchmarks: Vec<String>,
    /// The benchmarks in groups; `benchmarks` is then the list of all of them. Empty for a request without groups.
    pub groups: Vec<Member>,
    /// Each benchmark's and each group's share beside its neighbours, any scale; default equal. Benchmarks of a pattern share its
    /// ratio equally.
    pub benchmark_ratios: Option<Vec<(String, f64)>>,
    /// Whether benchmarks and groups have shares by how many rows of each may be drawn, in place of ratios.
    pub proportional: bool,
    /// `easy:hard` or `easy:medium:hard` in whole-number shares.
    pub difficulty_split: Option<String>,
    /// How many tasks the stream should have.
    pub n_total_tasks: u64,
    /// The seed: up to 2^32 − 1 for `numpy`, any for `stable`.
    pub random_seed: Option<u64>,
    /// Whether tasks may repeat; default as configured.
    pub sample_with_replacement: Option<Replacement>,
    /// `bins` (default): as many tasks of each bin as the split says; or `informative`: the tasks that tell most about the score of
    /// the full benchmark, which is the sampler of this name.
    pub select: Option<String>,
    /// `numpy` (default), `stable` or `informative`.
    pub sampler: Option<String>,
    /// `shuffled` (default), `easy_first` or `hard_first`.
    pub order: Option<String>,
    /// Percentiles by benchmark, in place of the configured ones.
    pub difficulty_percentiles: BTreeMap<String, Percentiles>,
    /// Which difficulty tasks are drawn by: `surface`, `reference`, a calibration, or a folder of calibrations; default as
    /// configured. A file or folder that is named like one of the two words is written `./reference`.
    pub difficulty: Option<String>,
    /// With a measured difficulty, rows with responses of fewer models are not drawn; default as configured.
    pub min_responses: Option<u64>,
    /// Which rows may be drawn.
    pub rows: EligibilitySpec,
    /// The label by whose values each benchmark that has it is divided, as if each value were a benchmark.
    pub stratify_by: Option<String>,
    /// `equal` (default) or `proportional`: the shares of these.
    pub strata: Option<String>,
    /// The label within whose values tasks are easy or hard.
    pub difficulty_within: Option<String>,
    /// A meta or manifest, or the folder of one, whose thresholds count.
    pub thresholds_from: Option<PathBuf>,
    /// Stretches of the stream with shares of their own.
    pub phases: Option<PhasesSpec>,
}

/// A request with all defaults filled in and everything checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The benchmarks, in the order asked.
    pub parts: Vec<Part>,
    /// The same, in groups where the request has any, with the ratios of groups.
    pub branches: Vec<Branch>,
    /// Whether shares are by how many rows may be drawn, in place of ratios.
    pub proportional: bool,
    /// The label that the request stratifies by, and the shares of its values.
    pub stratify_by: Option<(String, Strata)>,
    /// The shares of the bins.
    pub split: Split,
    /// Whether each bin has a share by how many rows of it may be drawn, in place of the split.
    pub proportional_split: bool,
    /// How many tasks the stream should have, from 1.
    pub n_total_tasks: u64,
    /// The seed.
    pub random_seed: u64,
    /// Whether tasks may repeat.
    pub sample_with_replacement: Replacement,
    /// The sampler.
    pub sampler: SamplerKind,
    /// The order in which the stream gives its tasks.
    pub order: TaskOrder,
    /// Stretches of the stream, in order, each a request of its own without phases; empty if it has none.
    pub phases: Vec<Request>,
    /// Warnings for the user about how the request was read.
    pub warnings: Vec<String>,
}

/// One benchmark's part in a request.
#[derive(Clone, Debug)]
pub struct Part {
    /// The benchmark's name.
    pub benchmark: String,
    /// Its ratio beside its neighbours as given, or 1/k for each of k.
    pub ratio: f64,
    /// Where its bins begin and end.
    pub cut: Cut,
    /// Which difficulty its tasks are drawn by.
    pub difficulty: Difficulty,
    /// Which of its rows may be drawn.
    pub rows: Eligibility,
    /// The label within whose values its bins begin and end.
    pub difficulty_within: Option<String>,
    /// A meta or manifest, or the folder of one, whose thresholds count.
    pub thresholds_from: Option<PathBuf>,
}

impl Request {
    /// The names of its benchmarks, in the order asked.
    pub fn benchmarks(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.benchmark.clone()).collect()
    }

    /// Whether its split, or that of a phase, has a share of medium tasks.
    pub fn asks_for_medium(&self) -> bool {
        self.stretches().iter().any(|stretch| stretch.proportional_split || stretch.split.medium.is_some())
    }

    /// The requests that its stream is drawn by, one after the other: its phases, or itself.
    pub fn stretches(&self) -> Vec<&Self> {
        if self.phases.is_empty() { vec![self] } else { self.phases.iter().collect() }
    }

    /// It and every request that must be drawn for it: those of experiments whose tasks it leaves out, each once.
    pub fn with_excluded(&self) -> Vec<&Self> {
        let (mut all, mut seen) = (vec![self], BTreeSet::new());
        let mut at = 0;
        while let Some(request) = all.get(at).copied() {
            at += 1;
            // All parts of a request, and of its phases, leave out the same.
            for exclude in request.parts.first().into_iter().flat_map(|part| &part.rows.exclude) {
                if let Exclude::Experiment(experiment) = exclude
                    && seen.insert(experiment.id.as_str())
                {
                    all.push(&experiment.request);
                }
            }
        }
        all
    }
}

/// A named request.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The key in the file, and the name of the folder its pool goes to.
    pub id: String,
    /// A title for people.
    pub name: Option<String>,
    /// What it asks for.
    pub request: Request,
    /// The request as the user wrote it.
    pub(crate) spec: RequestSpec,
}
