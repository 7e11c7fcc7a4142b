//! The page: its parts in order, its style and its script, and the policy that lets nothing else run.

use std::collections::BTreeSet;

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};

use super::{
    ReportError, Subject,
    compared::Compared,
    datasheet::{self, Datasheet},
    explorer,
    outcome::{Outcome, short},
    picture::Picture,
    pictures,
    plot::{Ids, Mark, Plot, WIDTH},
    rows::{Judges, Key, Row, rows},
    style, write,
};
use crate::{TOOL, config::Config, task::Task};

const SCRIPT: &str = include_str!("templates/script.js");

/// A report on pools: its pictures, tables and sentences.
#[derive(Debug)]
pub struct Report<'a> {
    subjects: Vec<Subject<'a>>,
    config: &'a Config,
    parts: Vec<Part>,
    compared: Option<Compared>,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'r> {
    mark: &'static str,
    title: String,
    policy: String,
    style: String,
    script: &'static str,
    width: f64,
    parts: &'r [Part],
    compared: Option<&'r Compared>,
    /// The tasks for the explorer, how many they are, and how many there are.
    packed: String,
    n_packed: usize,
    n_tasks: usize,
    tool: &'static str,
    tool_name: &'static str,
    version: &'static str,
    citations: Vec<String>,
}

/// What a notebook shows of a pool.
#[derive(Template)]
#[template(path = "small.html")]
struct Small<'r> {
    sheet: &'r Datasheet,
    /// Pictures, each with its title, in base64.
    pictures: Vec<(String, String)>,
}

/// What the page says of one pool.
#[derive(Debug)]
struct Part {
    /// Its number, from 1.
    number: usize,
    sheet: Datasheet,
    /// What a reader in a hurry should know, in sentences.
    short: Vec<String>,
    /// Pictures of its tasks: first those of `histograms` benchmarks, then the stream, then others.
    tasks: Vec<Plot>,
    histograms: usize,
    /// What is to say of its tasks beside the pictures.
    said: Option<String>,
    /// What models say of its difficulty.
    errors: Vec<Plot>,
    results: Option<Outcome>,
    /// What it can tell apart.
    detectable: Plot,
}

impl Part {
    /// The pictures of models: whether they fail the hard tasks, how they do, and what the pool can tell apart.
    fn of_models(&self) -> impl Iterator<Item = &Plot> {
        self.errors.iter().chain(self.results.iter().flat_map(|outcome| &outcome.plots)).chain([&self.detectable])
    }

    /// All its pictures, in their order.
    fn plots(&self) -> impl Iterator<Item = &Plot> {
        self.tasks.iter().chain(self.of_models())
    }
}

impl<'a> Report<'a> {
    /// A report on these pools, which shows them in this order. Licences, citations, prompts and rules are those of the configuration.
    ///
    /// # Errors
    /// There is no pool, or one without tasks.
    pub fn of(subjects: &[Subject<'a>], config: &'a Config) -> Result<Self, ReportError> {
        if subjects.is_empty() {
            return Err(ReportError::NoPool);
        }
        let mut ids = Ids::default();
        let judges: Vec<Judges<'_>> = subjects.iter().map(Judges::of).collect();
        let key = Key::of(subjects);
        let rows: Vec<Vec<Row<'_>>> =
            subjects.iter().zip(&judges).map(|(subject, own)| rows(subject, own, key)).collect();
        let of_pool =
            |(at, subject): (usize, &Subject<'a>)| part(at + 1, subject, (&rows[at], &judges[at]), config, &mut ids);
        let parts: Vec<Part> = subjects.iter().enumerate().map(of_pool).collect::<Result<_, _>>()?;
        let sheets: Vec<&Datasheet> = parts.iter().map(|part| &part.sheet).collect();
        let compared = Compared::of(subjects, &sheets, (&rows, key), &mut ids);
        Ok(Self { subjects: subjects.to_vec(), config, parts, compared })
    }

    /// The report as one HTML file.
    ///
    /// # Errors
    /// No input is known to cause one.
    pub fn html(&self) -> Result<String, ReportError> {
        let (parts, style) = (&self.parts[..], style::page());
        let others = if parts.len() > 1 { format!(" and {} more", parts.len() - 1) } else { String::new() };
        let mut citations: Vec<String> = parts.iter().flat_map(|part| part.sheet.citations.iter().cloned()).collect();
        citations.sort();
        citations.dedup();
        let (packed, n_packed) = explorer::pack(&self.subjects, self.config)?;
        let (tool_name, version) = TOOL.split_once(' ').unwrap_or((TOOL, ""));
        let page = Page {
            mark: write::MARK,
            title: format!("{}{others}", parts[0].sheet.name),
            policy: policy(&style),
            style,
            script: SCRIPT,
            width: WIDTH,
            packed,
            n_packed,
            n_tasks: self.subjects.iter().map(|subject| subject.pool.tasks.len()).sum(),
            tool: TOOL,
            tool_name,
            version,
            citations,
            parts,
            compared: self.compared.as_ref(),
        };
        Ok(page.render()?)
    }

    /// All pictures of the report, in their order.
    ///
    /// # Errors
    /// No input is known to cause one.
    pub fn pictures(&self) -> Result<Vec<Picture>, ReportError> {
        let together = self.compared.iter().flat_map(|compared| &compared.plots);
        Ok(together.chain(self.parts.iter().flat_map(Part::plots)).map(Picture::of).collect::<Result<_, _>>()?)
    }

    /// The first pool's numbers, warnings and difficulty, as a piece of HTML for a notebook.
    ///
    /// # Errors
    /// No input is known to cause one.
    pub fn small(&self) -> Result<String, ReportError> {
        let part = &self.parts[0];
        let picture = |plot: &Plot| Picture::of(plot).map(|own| (own.title, STANDARD.encode(own.svg)));
        let pictures = part.tasks.iter().take(part.histograms + 1).map(picture).collect::<Result<_, _>>()?;
        Ok(Small { sheet: &part.sheet, pictures }.render()?)
    }
}

/// The policy of the page: the browser loads nothing, and runs and applies only the texts with these hashes.
fn policy(style: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(style),
        hash(SCRIPT)
    )
}

fn part(
    number: usize,
    subject: &Subject<'_>,
    (rows, judges): (&[Row<'_>], &Judges<'_>),
    config: &Config,
    ids: &mut Ids,
) -> Result<Part, ReportError> {
    let Subject { pool, results, backgrounds } = *subject;
    let sheet = Datasheet::of(pool, config)?;
    let benchmarks: BTreeSet<&str> = pool.tasks.iter().map(|task| task.benchmark.as_str()).collect();
    let pool_id = format!("pool-{number}");
    let of = |benchmark: &str| rows.iter().filter(|row| row.task.benchmark == benchmark).collect::<Vec<&Row<'_>>>();
    let mut tasks: Vec<Plot> = Vec::new();
    for benchmark in &benchmarks {
        let own: Vec<&Task> = pool.tasks.iter().filter(|task| task.benchmark == *benchmark).collect();
        let background = backgrounds.iter().find(|own| own.benchmark == *benchmark);
        let id = ids.next(&[&pool_id, "difficulty", benchmark]);
        tasks.push(pictures::histogram(id, benchmark, &own, datasheet::thresholds(pool, benchmark), background));
    }
    tasks.push(pictures::stream(ids.next(&[&pool_id, "stream"]), &pool.tasks));
    let histograms = benchmarks.len();
    for benchmark in &benchmarks {
        tasks.extend(pictures::features(ids.next(&[&pool_id, "features", benchmark]), benchmark, &of(benchmark)));
    }
    for benchmark in &benchmarks {
        let mut id = |label: &str| ids.next(&[&pool_id, "labels", benchmark, label]);
        tasks.extend(pictures::labels(benchmark, &of(benchmark), &mut id));
    }
    let said = match pictures::similar(ids.next(&[&pool_id, "near-duplicates"]), rows, config) {
        Ok(plot) => {
            tasks.push(plot);
            None
        }
        Err(none) => Some(none),
    };
    let errors = benchmarks.iter().filter_map(|benchmark| {
        let id = ids.next(&[&pool_id, "errors", benchmark]);
        let is_measured = pool.measured.contains_key(*benchmark);
        pictures::errors(id, benchmark, &of(benchmark), judges, is_measured)
    });
    let errors: Vec<Plot> = errors.collect();
    let detectable = pictures::detectable(ids.next(&[&pool_id, "detectable"]), sheet.effective_n, results);
    let results = results.map(|results| Outcome::of(&pool_id, pool, results, ids));
    let short = short(&sheet, &benchmarks, &errors, results.as_ref(), &detectable);
    Ok(Part { number, sheet, short, tasks, histograms, said, errors, results, detectable })
}
