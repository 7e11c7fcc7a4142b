//! One file a command.

pub mod build;
pub mod calibrate;
pub mod completions;
pub mod init;
pub mod plan;
pub mod preprocess;
pub mod quick_start;
pub mod run;
pub mod schema;
pub mod stats;
pub mod validate;
pub mod verify;

mod made;

use std::path::{Path, PathBuf};

use symphony_data::{
    config::{Benchmark, Config, Experiment},
    evidence::responses::{Input, ReadOptions, Unmapped},
    pool::manifest::{self, Existing},
    store::{Meta, StoreFormat, meta_name, store_name},
};

use crate::{error::CliError, hint::quoted, session::Session};

/// Where preprocessed benchmarks lie if nobody says.
const FULL_DIR: &str = "data/benchmarks/full";

/// What all commands of stage 2 take.
#[derive(Debug, clap::Args)]
pub struct Stage2Args {
    /// Where the preprocessed benchmarks lie
    #[arg(long, value_name = "DIR", default_value = FULL_DIR)]
    full_dir: PathBuf,
    /// Fail, and write nothing, if a bin delivers fewer tasks than asked
    #[arg(long)]
    strict: bool,
    /// Use generated tasks in place of each benchmark
    #[arg(long)]
    demo: bool,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

/// Which difficulty counts, in place of the one that the configuration or an experiment names.
#[derive(Debug, clap::Args)]
pub struct DifficultyArgs {
    /// Which difficulty tasks are drawn by: surface, a calibration, or a folder of calibrations [default: as configured]
    #[arg(long, value_name = "surface|FILE|DIR")]
    pub difficulty: Option<String>,
    /// Of a measured difficulty: leave out rows with responses of fewer models [default: as configured]
    #[arg(long, value_name = "K")]
    pub min_responses: Option<u64>,
}

impl DifficultyArgs {
    /// These experiments, drawn by what was typed.
    fn applied_to(&self, experiments: &[&Experiment], config: &Config) -> Result<Vec<Experiment>, CliError> {
        let (difficulty, least) = (self.difficulty.as_deref(), self.min_responses);
        let drawn_by = |experiment: &&Experiment| experiment.drawn_by(config, difficulty, least);
        Ok(experiments.iter().map(drawn_by).collect::<Result<_, _>>()?)
    }
}

/// What all commands take that read responses.
#[derive(Debug, clap::Args)]
pub struct ResponseArgs {
    /// Who answered what how well: JSON lines, CSV or Parquet with benchmark, source_id or identity, model, score (0..1);
    /// or logs of lm-evaluation-harness (samples_*.jsonl) or Inspect (.eval, .json). NAME=FILE says whose answers a log holds
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    responses: Vec<String>,
    /// Take responses to generated tasks, as `quick-start --demo` makes them
    #[arg(long)]
    demo: bool,
    /// Of a log with several filters, the lines of this one (as strict-match)
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Of a log with several metrics or scorers, this one (as acc_norm, or SCORER.KEY)
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
}

/// Checks that the folder of the preprocessed benchmarks is there. The default folder may be missing: it says only that no
/// benchmark was preprocessed yet, which the command that needs one reports by its name.
fn check_full_dir(folder: &Path, session: &Session) -> Result<(), CliError> {
    if folder == Path::new(FULL_DIR) {
        return Ok(());
    }
    let way_out = || {
        let command = session.call.command(&format!("preprocess --output-dir {}", quoted(folder)));
        format!("; name the one that has the preprocessed benchmarks, or run `{command}`")
    };
    check_named("--full-dir", "folder", folder, way_out)?;
    if folder.is_file() {
        return Err(CliError::Usage(format!("--full-dir: {} is a file, not a folder", folder.display())));
    }
    Ok(())
}

/// Checks that what an option names is there. A file that cannot be read passes: the code that reads it reports why.
fn check_named(option: &str, what: &str, path: &Path, way_out: impl Fn() -> String) -> Result<(), CliError> {
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(CliError::Usage(format!("{option}: there is no {what} {}{}", path.display(), way_out())))
        }
        _ => Ok(()),
    }
}

impl ResponseArgs {
    /// The files; one that does not exist is an error before any is read.
    fn inputs(&self) -> Result<Vec<Input>, CliError> {
        let input = |text: &String| {
            let named = text.split_once('=').filter(|_| !Path::new(text).exists());
            let (model, path) = named.map_or((None, text.as_str()), |(model, path)| (Some(model.to_owned()), path));
            if Path::new(path).exists() {
                Ok(Input::File { path: path.into(), model })
            } else {
                Err(CliError::Usage(format!("--responses: there is no file {path}")))
            }
        };
        self.responses.iter().map(input).collect()
    }

    fn options(&self) -> ReadOptions {
        ReadOptions { filter: self.filter.clone(), metric: self.metric.clone() }
    }
}

/// Warns of the answers that could not be mapped.
fn tell_unmapped(unmapped: &[Unmapped], session: &Session) {
    unmapped.iter().for_each(|unmapped| session.ui.warn(&format!("left out: {unmapped}")));
}

/// The values of one argument of an option that takes a list. `a, b`, which the shell makes two arguments of, means the same
/// as `a,b`.
#[derive(Clone, Debug)]
pub struct List<T>(Vec<T>);

impl<T: Clone> List<T> {
    /// All values of an option.
    pub fn all(lists: &[Self]) -> Vec<T> {
        lists.iter().flat_map(|list| list.0.iter().cloned()).collect()
    }
}

/// Reads each of the values between commas; none before the first comma and after the last, where a blank may have been.
fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<List<T>, String> {
    let inner = text.trim();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    let inner = inner.strip_prefix(',').unwrap_or(inner);
    let values: Vec<&str> = inner.split(',').map(str::trim).collect();
    if values.contains(&"") {
        return Err("a value is missing; write values with commas between them and no blanks, such as a,b".to_owned());
    }
    values.into_iter().map(read).collect::<Result<_, _>>().map(List)
}

/// Names with commas between.
fn names(text: &str) -> Result<List<String>, String> {
    list(text, |name| Ok(name.to_owned()))
}

/// `jsonl` or `parquet`.
fn format(text: &str) -> Result<StoreFormat, String> {
    StoreFormat::parse(text).ok_or_else(|| "write jsonl or parquet".to_owned())
}

/// A demo writes only where nothing is, or what is known to be synthetic: of the stores in `full_dir` and the pools in
/// `outputs`; of the stores only those of the benchmarks that `only` names, if it names any.
fn refuse_to_replace_real_tasks(
    config: &Config,
    only: &[String],
    full_dir: &Path,
    outputs: &[PathBuf],
) -> Result<(), CliError> {
    let store = |benchmark: &Benchmark| {
        let name = &benchmark.name;
        let all = StoreFormat::ALL.map(|format| store_name(name, format)).into_iter().chain([meta_name(name)]);
        let there = all.into_iter().find(|file| full_dir.join(file).symlink_metadata().is_ok())?;
        match Meta::read(full_dir, name) {
            Ok(meta) if meta.is_synthetic() => None,
            Ok(meta) => Some(format!("{} holds {name} preprocessed from {}", full_dir.display(), meta.source.path)),
            Err(_) => Some(format!("{} holds a {there}, and nothing says that it is synthetic", full_dir.display())),
        }
    };
    let pool = |folder: &PathBuf| match manifest::existing(folder) {
        Existing::Nothing | Existing::Pool { synthetic: true, .. } => None,
        Existing::Pool { .. } => Some(format!("{} holds a pool of real tasks", folder.display())),
        Existing::Unvouched(files) => files.first().map(|file| format!("{} holds {}", folder.display(), file.what)),
        Existing::Other(what) => Some(format!("{} holds {what}", folder.display())),
    };
    match config
        .enabled()
        .filter(|own| only.is_empty() || only.contains(&own.name))
        .find_map(store)
        .or_else(|| outputs.iter().find_map(pool))
    {
        None => Ok(()),
        Some(what) => {
            Err(CliError::Verdict(format!("{what}, which the demo would replace; name other folders for the demo")))
        }
    }
}
