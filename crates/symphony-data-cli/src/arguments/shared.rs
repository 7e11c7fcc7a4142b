//! Options that several commands take.

use std::path::{Path, PathBuf};

use symphony_data::{
    config::Config,
    evidence::responses::{Input, ReadOptions, Unmapped},
    request::Experiment,
    task::Layout,
};

use super::list::{List, list};
use crate::{error::CliError, hint::quoted, session::Session};

/// The heading of options that say what is read and written, below those that say what is done.
pub const IO: &str = "Input and output";
/// The default folder of preprocessed benchmarks.
pub const FULL_DIR: &str = "data/benchmarks/full";

/// The options of every command that draws tasks from preprocessed benchmarks (stage 2).
#[derive(Debug, clap::Args)]
pub struct Stage2Args {
    /// Read the preprocessed benchmarks from this folder
    #[arg(long, value_name = "DIR", default_value = FULL_DIR, help_heading = IO)]
    pub full_dir: PathBuf,
    /// Fail, and write nothing, if any bin gets fewer tasks than asked
    #[arg(long, help_heading = IO)]
    pub strict: bool,
    /// Use generated tasks in place of each benchmark
    #[arg(long, help_heading = IO)]
    pub demo: bool,
    /// Print the table as JSON
    #[arg(long, help_heading = IO)]
    pub json: bool,
}

/// Which difficulty counts, in place of the one that the configuration or an experiment names.
#[derive(Debug, clap::Args)]
pub struct DifficultyArgs {
    /// Use surface, reference (built in), or a calibration's file or folder [default: as configured]
    #[arg(long, value_name = "surface|reference|FILE|DIR", help_heading = "Difficulty")]
    pub difficulty: Option<String>,
    /// Leave out rows with responses from fewer than K models [default: as configured]
    #[arg(long, value_name = "K", help_heading = "Difficulty")]
    pub min_responses: Option<u64>,
}

impl DifficultyArgs {
    /// These experiments, drawn by the difficulty that was typed.
    pub fn applied_to(&self, experiments: &[&Experiment], config: &Config) -> Result<Vec<Experiment>, CliError> {
        let (difficulty, least) = (self.difficulty.as_deref(), self.min_responses);
        let drawn_by = |experiment: &&Experiment| experiment.drawn_by(config, difficulty, least);
        Ok(experiments.iter().map(drawn_by).collect::<Result<_, _>>()?)
    }
}

/// The end of the help of every command that reads responses, before its examples.
macro_rules! response_files {
    () => {
        "\u{1b}[1;4mResponse files:\u{1b}[0m
  JSON lines, CSV or Parquet with a model's score (0..1) in each row, under the
  names benchmark, source_id or identity, model, score; logs of
  lm-evaluation-harness (samples_*.jsonl), Inspect (.eval, .json) or EvalScope
  (reviews/MODEL/*.jsonl); rows of Every Eval Ever; JSON lines of py-irt; wide
  tables as RouterBench has them. A folder stands for the newest log of each
  task and model in it. MODEL=FILE, or MODEL=FOLDER, names the model of logs
  that do not name it. Logs of an exported pool need no --filter or --metric.\n\n"
    };
}
pub(crate) use response_files;

/// The options of every command that reads responses for a purpose of its own.
#[derive(Debug, clap::Args)]
pub struct ResponseArgs {
    /// Read responses from these files or folders of logs, each FILE or MODEL=FILE
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    responses: Vec<String>,
    #[command(flatten)]
    pub read: ReadArgs,
}

impl ResponseArgs {
    /// The files; one that does not exist is an error before any is read.
    pub fn inputs(&self) -> Result<Vec<Input>, CliError> {
        inputs("--responses", &self.responses)
    }
}

/// The options of every command that reads responses.
#[derive(Debug, clap::Args)]
pub struct ReadArgs {
    /// Use this filter of a log that has several, such as strict-match
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Use this metric of a log that has several, such as acc_norm or SCORER.KEY
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// Accept responses to generated tasks, such as those of `quick-start --demo`
    #[arg(long, help_heading = IO)]
    pub demo: bool,
}

impl ReadArgs {
    pub fn options(&self) -> ReadOptions {
        ReadOptions { filter: self.filter.clone(), metric: self.metric.clone() }
    }
}

/// The files and folders of responses, each FILE or MODEL=FILE. `argument` is where they were typed.
pub fn inputs(argument: &str, files: &[String]) -> Result<Vec<Input>, CliError> {
    let input = |text: &String| {
        let named = text.split_once('=').filter(|_| !Path::new(text).exists());
        let (model, path) = named.map_or((None, text.as_str()), |(model, path)| (Some(model.to_owned()), path));
        if Path::new(path).exists() {
            Ok(Input::File { path: path.into(), model })
        } else {
            Err(CliError::Usage(format!("{argument}: there is no file or folder {path}")))
        }
    };
    files.iter().map(input).collect()
}

/// Checks that the folder of the preprocessed benchmarks exists. The default folder may be missing: that means only that
/// nothing has been preprocessed yet, and the command that needs a benchmark says so by its name.
pub fn check_full_dir(folder: &Path, session: &Session) -> Result<(), CliError> {
    if folder == Path::new(FULL_DIR) {
        return Ok(());
    }
    let way_out = || {
        let command = session.call.command(&format!("preprocess --output {}", quoted(folder)));
        format!("; name the one that has the preprocessed benchmarks, or run `{command}`")
    };
    check_named("--full-dir", "folder", folder, way_out)?;
    if folder.is_file() {
        return Err(CliError::Usage(format!("--full-dir: {} is a file, not a folder", folder.display())));
    }
    Ok(())
}

/// Checks that a file or folder that an option names exists. One that cannot be read passes: the code that reads it reports
/// why.
pub fn check_named(option: &str, what: &str, path: &Path, way_out: impl Fn() -> String) -> Result<(), CliError> {
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(CliError::Usage(format!("{option}: there is no {what} {}{}", path.display(), way_out())))
        }
        _ => Ok(()),
    }
}

/// Names with commas between them.
pub fn names(text: &str) -> Result<List<String>, String> {
    list(text, |name| Ok(name.to_owned()))
}

/// `jsonl` or `parquet`.
pub fn format(text: &str) -> Result<Layout, String> {
    Layout::parse(text).ok_or_else(|| "write jsonl or parquet".to_owned())
}

/// Warns of responses that belong to no row.
pub fn tell_unmapped(unmapped: &[Unmapped], session: &Session) {
    unmapped.iter().for_each(|unmapped| session.ui.warn(&format!("left out: {unmapped}")));
}
