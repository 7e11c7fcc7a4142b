//! Exports: pools and preprocessed benchmarks in the form that an evaluation harness runs as it is.
//!
//! [`export()`] reads the tasks one by one, asks each as its benchmark's prompt says, and hands it to the writer of the
//! [`Target`]. Every exported task has its ids, bin and score under one key, `symphony`, which comes back in the harness's
//! log. Nothing in an export depends on where it was written, and the same tasks give the same bytes.

mod card;
mod croissant;
mod dataset;
mod error;
mod eval_yaml;
mod evalscope;
mod inspect;
mod lm_eval;
mod place;
mod readme;
mod sample;
mod shape;
mod source;

pub use error::ExportError;
pub(crate) use eval_yaml::yaml_text;

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    bin::Bin,
    config::Config,
    pool::manifest::PoolManifest,
    progress::{Pass, Progress},
    task::Task,
};
use place::Place;
use sample::{Asker, Sample};
use source::Source;

/// The harness, or the form, that tasks are exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// lm-evaluation-harness.
    LmEval,
    /// Inspect.
    Inspect,
    /// EvalScope, as a data collection.
    #[serde(rename = "evalscope")]
    EvalScope,
    /// A dataset of the Hugging Face Hub.
    Hf,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 4] = [Self::LmEval, Self::Inspect, Self::EvalScope, Self::Hf];

    /// Its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::LmEval => "lm-eval",
            Self::Inspect => "inspect",
            Self::EvalScope => "evalscope",
            Self::Hf => "hf",
        }
    }

    /// Whether every benchmark needs a prompt.
    fn needs_prompts(self) -> bool {
        self != Self::Hf
    }

    /// The target of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }
}

/// What to export, and how.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The harness.
    pub target: Target,
    /// The name of the export, in letters, digits and underscores; by default, that of the folder of the tasks.
    pub name: Option<String>,
    /// Of a folder of preprocessed benchmarks, export only these; empty for all.
    pub benchmarks: Vec<String>,
    /// Replace existing files, whatever they are.
    pub force: bool,
}

/// Tasks to export.
#[derive(Clone, Debug)]
pub enum Input {
    /// A pool's folder or file, or a folder of preprocessed benchmarks.
    Path(PathBuf),
    /// Tasks in memory.
    Tasks(GivenTasks),
}

/// Tasks in memory.
#[derive(Clone, Debug, Default)]
pub struct GivenTasks {
    /// The tasks, in order.
    pub tasks: Vec<Task>,
    /// If they are a whole stream that was drawn, its manifest.
    pub manifest: Option<PoolManifest>,
    /// If they are a part of a stream that was drawn, its manifest: it says whether they are real.
    pub part_of: Option<PoolManifest>,
}

/// An export that was written.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// Its name.
    pub name: String,
    /// Its target.
    pub to: Target,
    /// Its folder.
    pub folder: PathBuf,
    /// How many tasks it has.
    pub tasks: u64,
    /// How many of them are distinct, by identity.
    pub distinct: u64,
    /// How many tasks each benchmark has in each bin, sorted by benchmark.
    pub cells: Vec<Cell>,
    /// The command that runs it, or that publishes a dataset.
    pub command: String,
}

/// The tasks of one benchmark in one bin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The benchmark.
    pub benchmark: String,
    /// `easy`, `medium` or `hard`.
    pub bin: Bin,
    /// How many there are.
    pub tasks: u64,
}

/// What is known of an export when all of its tasks were read.
struct About<'a> {
    name: &'a str,
    source: &'a Source,
    config: &'a Config,
    tasks: u64,
    distinct: u64,
    /// Whether tasks have weights, because they were drawn with unequal chances.
    weighted: bool,
    cells: &'a [Cell],
}

impl About<'_> {
    /// The benchmarks, sorted.
    fn benchmarks(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.cells.iter().map(|cell| cell.benchmark.as_str()).collect();
        names.dedup();
        names
    }

    /// The bins, from easy to hard.
    fn bins(&self) -> Vec<Bin> {
        Bin::ALL.into_iter().filter(|bin| self.cells.iter().any(|cell| cell.bin == *bin)).collect()
    }
}

/// Writes the tasks of one export in the form of its target.
trait Writer {
    /// Looks at a task before any is taken. Only called where [`Writer::LOOKS`] is true.
    fn look(&mut self, _: &Sample<'_>) -> Result<(), ExportError> {
        Ok(())
    }

    /// Takes the next task.
    fn take(&mut self, sample: &Sample<'_>, place: &mut Place<'_>) -> Result<(), ExportError>;

    /// Writes the rest. Returns the command that runs the export.
    fn finish(self: Box<Self>, about: &About<'_>, place: &mut Place<'_>) -> Result<String, ExportError>;

    /// Whether it has to look at all tasks before it takes the first.
    fn looks(&self) -> bool {
        false
    }
}

/// Exports pools and folders of preprocessed benchmarks. A single one goes to `output`, several to folders of their names in
/// it. A pool needs nothing but its own file. Each export is checked before its files take their places: one that fails leaves
/// the existing files as they are.
///
/// # Errors
/// There is no pool or preprocessed benchmark at a path, the target needs a prompt that a benchmark does not have
/// or that does not fit a task, the output folder holds other files, the disk fails, or the caller asked to stop.
pub fn export(
    inputs: Vec<Input>,
    config: &Config,
    options: &ExportOptions,
    output: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Exported>, ExportError> {
    let sources: Vec<Source> = inputs
        .into_iter()
        .map(|input| match input {
            Input::Path(path) => Source::open(&path, &options.benchmarks, progress),
            Input::Tasks(given) => Source::given(given, &options.benchmarks),
        })
        .collect::<Result<_, ExportError>>()?;
    let mut named: BTreeMap<String, &Source> = BTreeMap::new();
    for source in &sources {
        let name = match &options.name {
            Some(_) if sources.len() > 1 => return Err(ExportError::OneNameForSeveral),
            Some(name) => checked(name)?,
            None => source.name(),
        };
        if let Some(other) = named.insert(name.clone(), source) {
            let paths = Box::new([other.path().to_owned(), source.path().to_owned()]);
            return Err(ExportError::SameName { name, paths });
        }
    }
    let folder = |name: &str| if sources.len() > 1 { output.join(name) } else { output.to_owned() };
    for (name, source) in &named {
        source.check_apart(&folder(name))?;
        Place::check(&folder(name), options, name)?;
    }
    let exported = named.iter().map(|(name, source)| one(source, name, config, options, &folder(name), progress));
    exported.collect()
}

/// A name that harnesses, file systems and Python accept.
fn checked(name: &str) -> Result<String, ExportError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && name.len() <= 100 {
        return Ok(name.to_owned());
    }
    Err(ExportError::Name { name: name.to_owned() })
}

fn one(
    source: &Source,
    name: &str,
    config: &Config,
    options: &ExportOptions,
    output: &Path,
    progress: &dyn Progress,
) -> Result<Exported, ExportError> {
    let mut place = Place::lock(output, options, name, progress)?;
    let mut writer: Box<dyn Writer + '_> = match options.target {
        Target::LmEval => Box::new(lm_eval::LmEval::new(name, config)),
        Target::Inspect => Box::new(inspect::Inspect::new(name, &mut place)?),
        Target::EvalScope => Box::new(evalscope::EvalScope::new(name, &mut place)?),
        Target::Hf => Box::new(dataset::Hf::new(source)),
    };
    let mut asker = Asker::new(config, source, options.target, progress);
    if writer.looks() {
        source.each(name, Pass::Look, progress, |task| writer.look(&asker.ask(task)?))?;
    }
    let mut counts: BTreeMap<(String, Bin), u64> = BTreeMap::new();
    let (mut distinct, mut ids, mut weighted) = (HashSet::new(), HashSet::new(), false);
    source.each(name, Pass::Export, progress, |task| {
        let sample = asker.ask(task)?;
        *counts.entry((task.benchmark.to_owned(), sample.bin)).or_default() += 1;
        weighted |= task.weight.is_some();
        distinct.insert(xxh3_64(sample.key().as_bytes()));
        if !ids.insert(xxh3_64(sample.id().as_bytes())) {
            return Err(ExportError::SameId { path: source.path().to_owned(), task: sample.id() });
        }
        writer.take(&sample, &mut place)
    })?;
    let cells: Vec<Cell> = counts.into_iter().map(|((benchmark, bin), tasks)| Cell { benchmark, bin, tasks }).collect();
    let tasks = cells.iter().map(|cell| cell.tasks).sum();
    if tasks == 0 {
        return Err(crate::pool::PoolError::Empty { path: source.path().to_owned() }.into());
    }
    let about = About { name, source, config, tasks, distinct: distinct.len() as u64, weighted, cells: &cells };
    let command = writer.finish(&about, &mut place)?;
    place.publish(&about, options.target)?;
    let About { tasks, distinct, .. } = about;
    Ok(Exported {
        name: name.to_owned(),
        to: options.target,
        folder: output.to_owned(),
        tasks,
        distinct,
        cells,
        command,
    })
}
