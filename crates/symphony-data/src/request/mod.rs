//! Requests for tasks, as a user writes them and with all defaults filled in.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::bin::{Cut, Percentiles};

mod difficulty;
mod order;
mod replacement;
mod sampler;
mod split;

pub use difficulty::{Difficulty, Measured, REFERENCE, SURFACE};
pub use order::TaskOrder;
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
    /// Each benchmark's share, any scale; default equal. Benchmarks of a pattern share its ratio equally.
    pub benchmark_ratios: Option<Vec<(String, f64)>>,
    /// `easy:hard` or `easy:medium:hard` in whole-number shares.
    pub difficulty_split: Option<String>,
    /// How many tasks the stream should have.
    pub n_total_tasks: u64,
    /// The seed: up to 2^32 − 1 for `numpy`, any for `stable`.
    pub random_seed: Option<u64>,
    /// Whether tasks may repeat; default as configured.
    pub sample_with_replacement: Option<Replacement>,
    /// `numpy` (default) or `stable`.
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
}

/// A request with all defaults filled in and everything checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The benchmarks, in the order asked.
    pub parts: Vec<Part>,
    /// The shares of the bins.
    pub split: Split,
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
    /// Warnings for the user about how the request was read.
    pub warnings: Vec<String>,
}

/// One benchmark's part in a request.
#[derive(Clone, Debug)]
pub struct Part {
    /// The benchmark's name.
    pub benchmark: String,
    /// Its ratio as given, or 1/k for each of k.
    pub ratio: f64,
    /// Where its bins begin and end.
    pub cut: Cut,
    /// Which difficulty its tasks are drawn by.
    pub difficulty: Difficulty,
}

impl Request {
    /// The names of its benchmarks, in the order asked.
    pub fn benchmarks(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.benchmark.clone()).collect()
    }
}

impl Serialize for Request {
    /// Writes the request under the keys that a user writes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        let by_name = |value: &dyn Fn(&Part) -> serde_json::Value| -> serde_json::Map<String, serde_json::Value> {
            self.parts.iter().map(|part| (part.benchmark.clone(), value(part))).collect()
        };
        map.serialize_entry("benchmarks", &self.benchmarks())?;
        map.serialize_entry("benchmark_ratios", &by_name(&|part| part.ratio.into()))?;
        map.serialize_entry("difficulty_split", &self.split.to_string())?;
        map.serialize_entry("n_total_tasks", &self.n_total_tasks)?;
        map.serialize_entry("random_seed", &self.random_seed)?;
        map.serialize_entry("sample_with_replacement", &self.sample_with_replacement)?;
        map.serialize_entry("sampler", &self.sampler)?;
        // A request without keys that came later keeps its earlier form, and so its manifest the same bytes.
        if self.order != TaskOrder::default() {
            map.serialize_entry("order", &self.order)?;
        }
        let (mut percentiles, mut cuts) = (serde_json::Map::new(), serde_json::Map::new());
        for part in &self.parts {
            let (to, value) = match part.cut {
                Cut::Percentiles(own) => (&mut percentiles, serde_json::to_value(own)),
                Cut::Cuts(own) => (&mut cuts, serde_json::to_value(own)),
            };
            to.insert(part.benchmark.clone(), value.unwrap_or_default());
        }
        map.serialize_entry("difficulty_percentiles", &percentiles)?;
        if !cuts.is_empty() {
            map.serialize_entry("difficulty_cuts", &cuts)?;
        }
        // So does a request by surface scores.
        if self.parts.iter().any(|part| part.difficulty != Difficulty::Surface) {
            let asked = by_name(&|part| part.difficulty.name().into());
            map.serialize_entry("difficulty", &asked)?;
            let least = by_name(&|part| part.difficulty.min_responses().into());
            map.serialize_entry("min_responses", &least)?;
        }
        map.end()
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
