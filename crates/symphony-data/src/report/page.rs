//! The page: its parts in order, its style and its script, and the policy that lets nothing else run.

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};

use super::{
    ReportError, Subject, Table,
    datasheet::{self, Datasheet},
    explorer, percent, pictures,
    plot::{Mark, Plot, WIDTH},
    shown,
};
use crate::{TOOL, config::Config, results::Results, task::Task};

/// What every report has in its head, and no other program writes.
const MARK: &str = r#"<meta name="generator" content="symphony-data report">"#;
/// Within how many bytes of its beginning a report has its mark.
const HEAD: usize = 256;
/// What IN-SAMPLE means.
const IN_SAMPLE: &str = "IN-SAMPLE: this model's own answers shaped the pool's difficulty, so that its accuracy on easy and on hard \
    tasks is no independent evidence, and its estimates are flattered";
/// The most comparisons that are said in words too.
const MOST_SENTENCES: usize = 10;
const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    mark: &'static str,
    title: String,
    policy: String,
    style: &'static str,
    script: &'static str,
    width: f64,
    parts: Vec<Part>,
    /// The tasks for the explorer, how many they are, and how many there are.
    packed: String,
    n_packed: usize,
    n_tasks: usize,
    tool: &'static str,
    tool_name: &'static str,
    version: &'static str,
    citations: Vec<String>,
}

/// What the page says of one pool.
struct Part {
    /// Its number, from 1.
    number: usize,
    sheet: Datasheet,
    histograms: Vec<Plot>,
    stream: Plot,
    results: Option<Outcome>,
}

/// What the page says of models.
struct Outcome {
    plots: Vec<Plot>,
    tables: Vec<Table>,
    sentences: Vec<String>,
    method: &'static str,
}

/// A page about these pools, which shows them in this order. Licences and citations are those of the configuration.
///
/// # Errors
/// There is no pool, or one without tasks.
pub fn page(subjects: &[Subject<'_>], config: &Config) -> Result<String, ReportError> {
    let parts: Vec<Part> =
        subjects.iter().enumerate().map(|(at, subject)| part(at + 1, *subject, config)).collect::<Result<_, _>>()?;
    let Some(first) = parts.first() else { return Err(ReportError::NoPool) };
    let others = if parts.len() > 1 { format!(" and {} more", parts.len() - 1) } else { String::new() };
    let mut citations: Vec<String> = parts.iter().flat_map(|part| part.sheet.citations.iter().cloned()).collect();
    citations.sort();
    citations.dedup();
    let (packed, n_packed) = explorer::pack(subjects)?;
    let (tool_name, version) = TOOL.split_once(' ').unwrap_or((TOOL, ""));
    let page = Page {
        mark: MARK,
        title: format!("{}{others}", first.sheet.name),
        policy: policy(),
        style: STYLE,
        script: SCRIPT,
        width: WIDTH,
        packed,
        n_packed,
        n_tasks: subjects.iter().map(|subject| subject.pool.tasks.len()).sum(),
        tool: TOOL,
        tool_name,
        version,
        citations,
        parts,
    };
    Ok(page.render()?)
}

/// Whether a file with this content is a report that [`page`] made.
pub fn is_report(content: &[u8]) -> bool {
    let head = &content[..content.len().min(HEAD)];
    head.windows(MARK.len()).any(|part| part == MARK.as_bytes())
}

/// The policy of the page: the browser loads nothing, and runs and applies only the texts with these hashes.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn part(number: usize, Subject { pool, results }: Subject<'_>, config: &Config) -> Result<Part, ReportError> {
    let sheet = Datasheet::of(pool, config)?;
    let mut benchmarks: Vec<&str> = Vec::new();
    for task in &pool.tasks {
        if !benchmarks.contains(&task.benchmark.as_str()) {
            benchmarks.push(&task.benchmark);
        }
    }
    benchmarks.sort_unstable();
    let histogram = |(at, benchmark): (usize, &&str)| {
        let tasks: Vec<&Task> = pool.tasks.iter().filter(|task| task.benchmark == *benchmark).collect();
        let id = format!("pool-{number}-difficulty-{}", at + 1);
        pictures::histogram(&id, benchmark, &tasks, datasheet::thresholds(pool, benchmark))
    };
    Ok(Part {
        number,
        histograms: benchmarks.iter().enumerate().map(histogram).collect(),
        stream: pictures::stream(&format!("pool-{number}-stream"), &pool.tasks),
        results: results.map(|results| outcome(number, results)),
        sheet,
    })
}

fn outcome(number: usize, results: &Results) -> Outcome {
    let by_bin = pictures::by_bin(&format!("pool-{number}-by-bin"), results);
    let differences = pictures::differences(&format!("pool-{number}-differences"), results);
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
