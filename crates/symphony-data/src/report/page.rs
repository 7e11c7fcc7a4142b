//! The page: its parts in order, its style and its script, and the policy that lets nothing else run.

use std::collections::BTreeSet;

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};

use super::{
    ReportError, Subject, Table,
    compared::Compared,
    datasheet::{self, Datasheet},
    explorer, percent,
    picture::Picture,
    pictures,
    plot::{Ids, Mark, Plot, WIDTH},
    rows::{Judges, Row, rows},
    shown, style, write,
};
use crate::{TOOL, config::Config, results::Results, task::Task};

/// What IN-SAMPLE means.
const IN_SAMPLE: &str = "IN-SAMPLE: this model's own answers shaped the pool's difficulty, so that its accuracy on easy and on hard \
    tasks is no independent evidence, and its estimates are flattered";
/// The most comparisons that are said in words too.
const MOST_SENTENCES: usize = 10;
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

/// What the page says of models.
#[derive(Debug)]
struct Outcome {
    plots: Vec<Plot>,
    tables: Vec<Table>,
    sentences: Vec<String>,
    method: &'static str,
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
        let rows: Vec<Vec<Row<'_>>> = subjects.iter().zip(&judges).map(|(subject, own)| rows(subject, own)).collect();
        let of_pool =
            |(at, subject): (usize, &Subject<'a>)| part(at + 1, subject, (&rows[at], &judges[at]), config, &mut ids);
        let parts: Vec<Part> = subjects.iter().enumerate().map(of_pool).collect::<Result<_, _>>()?;
        let sheets: Vec<&Datasheet> = parts.iter().map(|part| &part.sheet).collect();
        let compared = Compared::of(subjects, &sheets, &rows, &mut ids);
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
    let results = results.map(|results| outcome(&pool_id, results, ids));
    let short = short(&sheet, &benchmarks, &errors, results.as_ref(), &detectable);
    Ok(Part { number, sheet, short, tasks, histograms, said, errors, results, detectable })
}

/// The answers to what a reader asks first: what is in the pool, what hard means, whether models fail hard tasks, which model is better,
/// and how small a difference would show.
fn short(
    sheet: &Datasheet,
    benchmarks: &BTreeSet<&str>,
    errors: &[Plot],
    results: Option<&Outcome>,
    detectable: &Plot,
) -> Vec<String> {
    let names: Vec<String> = benchmarks.iter().map(|name| shown(name)).collect();
    let [tasks, distinct, effective] = ["tasks", "distinct tasks", "effective n"].map(|name| sheet.number(name));
    let mut short = vec![format!(
        "{tasks} tasks, of which {distinct} are distinct, from {}: as much evidence as {effective} tasks that differ",
        names.join(", ")
    )];
    short.extend(sheet.meaning.clone());
    short.extend(errors.iter().take(MOST_SENTENCES).map(|plot| plot.title.clone()));
    short.extend(results.iter().flat_map(|outcome| outcome.sentences.iter().take(1).cloned()));
    short.push(detectable.title.clone());
    short.iter().map(|sentence| format!("{}.", sentence.trim_end_matches('.'))).collect()
}

fn outcome(pool_id: &str, results: &Results, ids: &mut Ids) -> Outcome {
    let by_bin = pictures::by_bin(ids.next(&[pool_id, "by-bin"]), results);
    let differences = pictures::differences(ids.next(&[pool_id, "differences"]), results);
    let number = |value: Option<f64>| value.map_or("-".to_owned(), percent);
    let cells = |own: &crate::results::Accuracy| {
        vec![
            own.n_tasks.to_string(),
            own.n_distinct.to_string(),
            own.unanswered.to_string(),
            number(own.accuracy),
            number(own.low),
            number(own.high),
        ]
    };
    let in_sample = |known: Option<bool>| match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    };
    let head = ["model", "tasks", "distinct", "unanswered", "accuracy", "from", "to", "IN-SAMPLE"];
    let row = |own: &crate::results::ModelResult| {
        [vec![own.model.clone()], cells(&own.accuracy), vec![in_sample(own.in_sample).to_owned()]].concat()
    };
    let mut tables =
        vec![Table::new("Accuracy on the pool, with 95 % intervals", &head, results.models.iter().map(row))];
    let kinds = results.models.first().map_or(&[][..], |own| &own.by);
    for (at, (by, _)) in kinds.iter().enumerate().filter(|(_, (by, _))| by != "bin") {
        let rows = results.models.iter().flat_map(|own| {
            let answered = own.by[at].1.iter().filter(|(_, accuracy)| accuracy.n_tasks > 0);
            answered.map(|(group, accuracy)| [vec![own.model.clone(), group.clone()], cells(accuracy)].concat())
        });
        let head = ["model", by.as_str(), "tasks", "distinct", "unanswered", "accuracy", "from", "to"];
        tables.push(Table::new(&format!("Accuracy by {by}, with 95 % intervals"), &head, rows));
    }
    tables.extend(full(results));
    let known = results.comparisons.iter().filter(|own| own.difference.is_some());
    let comparisons = known.map(|own| own.sentence.as_str()).take(MOST_SENTENCES);
    let notes = results.notes.iter().chain(&results.pool_notes).map(String::as_str);
    let is_in_sample = results.models.iter().any(|own| own.in_sample == Some(true));
    let sentences = comparisons.chain(notes).chain(is_in_sample.then_some(IN_SAMPLE)).map(shown).collect();
    Outcome { plots: by_bin.into_iter().chain(differences).collect(), tables, sentences, method: results.method }
}

/// The estimates of the accuracy on full benchmarks. `None` if there are none.
fn full(results: &Results) -> Option<Table> {
    let estimates = results.models.iter().flat_map(|own| {
        own.full.iter().filter_map(move |(benchmark, full)| Some((&own.model, benchmark, full.as_ref().ok()?)))
    });
    let rows: Vec<Vec<String>> = estimates
        .map(|(model, benchmark, own)| {
            let shares = [own.estimate, own.standard_error, own.low, own.high].map(percent);
            let counts = [own.n_tasks, own.n_rows].map(|count| count.to_string());
            [vec![model.clone(), benchmark.clone()], shares.to_vec(), counts.to_vec(), vec![own.method.clone()]]
                .concat()
        })
        .collect();
    let head = ["model", "benchmark", "accuracy", "standard error", "from", "to", "tasks", "of rows", "method"];
    let title = "Estimated accuracy on the rows that could be drawn, with 95 % intervals";
    (!rows.is_empty()).then(|| Table::new(title, &head, rows))
}
