//! Reports: one HTML page about pools and the results of models on them, for people to read.
//!
//! A side room: no stage uses it. A [`Report`] is text, which `write.rs` writes where the caller says. The page asks nothing of any server, and its
//! bytes depend on nothing but the pools, the results and the configuration: no clock, and no path of this machine.
//!
//! Rows, names of models and names of fields come from strangers. The templates escape every text, and control characters and
//! marks that change the direction of writing are shown as escapes (`shown`).

mod background;
mod compared;
mod datasheet;
mod explorer;
mod outcome;
mod page;
mod picture;
mod pictures;
mod plot;
mod png;
mod request;
mod rows;
mod rule;
mod style;
mod write;

pub use background::{Background, backgrounds};
pub use page::Report;
pub use picture::Picture;
pub use write::Place;

use std::path::PathBuf;

use crate::{
    config::Config,
    disk::DiskError,
    evidence::{EvidenceError, responses::Input},
    hint::Hint,
    progress::{Note, Progress, printable_line},
    results::{AnsweredPool, By, Results, ResultsError, ResultsOptions, points, results},
};

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is no pool to report on.
    #[error("a report needs at least one pool; name one")]
    NoPool,
    /// The path of a report names no file.
    #[error("{}: {why}", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something stands where a file is to be written.
    #[error("{}: {why}", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A template could not be filled. No input is known to cause this.
    #[error("the report cannot be written as HTML: {0}")]
    Template(#[from] askama::Error),
    /// The tasks could not be packed for the page. No input is known to cause this.
    #[error("the tasks cannot be packed into the report: {0}")]
    Tasks(#[from] std::io::Error),
    /// A picture is not valid SVG. No input is known to cause this.
    #[error("a picture cannot be read as SVG: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// A picture would have no pixel, or too many.
    #[error(
        "a picture of {width} × {height} pixels cannot be drawn at a scale of {scale}; choose one that is above 0 and \
         makes fewer than 67 million pixels"
    )]
    PictureSize {
        /// Its own width.
        width: f32,
        /// Its own height.
        height: f32,
        /// How many pixels each of its own becomes.
        scale: f32,
    },
    /// A picture could not be packed as PNG. No input is known to cause this.
    #[error("a picture cannot be written as PNG: {0}")]
    Png(std::io::Error),
}

impl ReportError {
    /// The ways out that are not in the message.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            Self::InTheWay { .. } => vec![Hint::ReplaceFile],
            _ => Vec::new(),
        }
    }
}

/// A pool that a report is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The pool.
    pub pool: &'a AnsweredPool,
    /// The results of models on it, if there are responses. [`results_on`] groups them as its pictures need.
    pub results: Option<&'a Results>,
    /// The benchmarks that it was drawn from, as far as [`backgrounds`] finds them.
    pub backgrounds: &'a [Background],
}

/// What results have to be grouped by for a report on this pool: by benchmark and bin, and by phase if it has phases.
fn groups(pool: &AnsweredPool) -> Vec<By> {
    let has_phases = pool.tasks.iter().any(|task| task.phase.is_some());
    [By::Benchmark, By::Bin].into_iter().chain(has_phases.then_some(By::Phase)).collect()
}

/// The results of models on each pool, grouped as a report needs them: `None` for all without responses, and for one of several pools to which no
/// response belongs, with a note to `progress`. The groups of `options` do not count.
///
/// # Errors
/// The same as [`results`], if no pool has results.
pub fn results_on(
    pools: &[AnsweredPool],
    inputs: &[Input],
    config: &Config,
    options: &ResultsOptions,
    progress: &dyn Progress,
) -> Result<Vec<Option<Results>>, ResultsError> {
    if inputs.is_empty() {
        return Ok(pools.iter().map(|_| None).collect());
    }
    let (mut found, mut nothing) = (Vec::new(), None);
    for pool in pools {
        let options = ResultsOptions { by: groups(pool), ..options.clone() };
        match results(pool, inputs, config, &options, progress) {
            Ok(own) => {
                let left_out = own.unmapped.iter().map(|unmapped| format!("left out: {unmapped}"));
                left_out.for_each(|text| progress.note(Note::Warning(&text)));
                found.push(Some(own));
            }
            Err(error @ ResultsError::Evidence(EvidenceError::NothingMapped { .. })) if pools.len() > 1 => {
                progress.note(Note::Warning(&format!("{}: no response is to a task of this pool", pool.name)));
                found.push(None);
                nothing.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match nothing {
        Some(error) if found.iter().all(Option::is_none) => Err(error),
        _ => Ok(found),
    }
}

/// A table of texts.
#[derive(Debug, Default)]
struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(title: &str, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        let rows = rows.into_iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
        Self { title: shown(title), head: head.iter().map(|name| shown(name)).collect(), rows }
    }
}

/// A text of one line as a page shows it: control characters, and marks that change the direction of writing, are escapes such as
/// `\u{202e}`.
fn shown(text: &str) -> String {
    printable_line(text).into_owned()
}

/// A share as a percentage with one decimal, such as `37.5 %`.
fn percent(share: f64) -> String {
    points(share) + " %"
}

/// A number of things, such as `1 task` or `2 tasks`.
fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// The same text with a capital at its beginning.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
